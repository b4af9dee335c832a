# SPDX-License-Identifier: GPL-2.0-or-later
"""The instruction vectors that are checked in are those that are made."""

import importlib
import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GENERATE = os.path.join(ROOT, 'tests/vectors/generate.py')
HEADER = os.path.join(ROOT, 'tests/qtest/libqos/mali-csf-vectors.c.inc')


def generate(*arguments):
    return subprocess.run(['/usr/bin/python3', '-B', GENERATE, *arguments], check=False,
                          capture_output=True, text=True)


class Vectors(unittest.TestCase):

    def test_reproducible(self):
        result = generate('--check', HEADER)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_every_opcode(self):
        """Each opcode that an architecture has is executed on it, in a program that lives on."""
        sys.path.insert(0, os.path.dirname(GENERATE))
        generate_module = importlib.import_module('generate')
        reference = importlib.import_module('reference')
        for arch, seen in generate_module.coverage().items():
            wanted = {opcode for opcode in reference.OPCODES if reference.exists(opcode, arch)}
            self.assertEqual(wanted - seen, set(), f'architecture {arch}')

    def test_explain(self):
        result = generate('--explain', '0', '10')
        self.assertEqual(result.returncode, 0)
        self.assertIn('0x50010000: ', result.stdout)
        for arguments in (['--explain', '100000', '10'], ['--explain', 'x', '10'], ['--chek']):
            result = generate(*arguments)
            self.assertEqual(result.returncode, 2)
            self.assertEqual(len(result.stderr.splitlines()), 1)


if __name__ == '__main__':
    unittest.main()
