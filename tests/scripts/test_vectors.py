# SPDX-License-Identifier: GPL-2.0-or-later
"""The instruction vectors that are checked in are those that are made."""

import importlib
import os
import re
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GENERATE = os.path.join(ROOT, 'tests/vectors/generate.py')
DISAS = os.environ.get('MALI_CSF_DISAS', os.path.join(ROOT, 'build/mali-csf-disas'))
HEADER = os.path.join(ROOT, 'tests/qtest/libqos/mali-csf-vectors.c.inc')


def generate(*arguments):
    return subprocess.run(['/usr/bin/python3', '-B', GENERATE, *arguments], check=False,
                          capture_output=True, text=True)


class Vectors(unittest.TestCase):

    def test_reproducible(self):
        result = generate('--check', HEADER)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_every_opcode(self):
        """Each opcode that the model's table has is executed on each architecture that has it, in
        a program that lives on; and the second implementation knows the same ones."""
        sys.path.insert(0, os.path.dirname(GENERATE))
        generate_module = importlib.import_module('generate')
        reference = importlib.import_module('reference')
        rows = re.findall(r'^(\d+) (\w+) (\d+)-(\d+)', subprocess.run(
            [DISAS, '--table'], check=True, capture_output=True, text=True).stdout, re.M)
        self.assertGreater(len(rows), 40)
        for arch, seen in generate_module.coverage().items():
            table = {int(opcode): name for opcode, name, first, last in rows
                     if int(first) <= arch <= int(last)}
            missing = [f'{opcode} {name}' for opcode, name in table.items() if opcode not in seen]
            self.assertEqual(missing, [], f'no vector on architecture {arch}')
            known = {opcode for opcode in range(256) if reference.exists(opcode, arch)}
            self.assertEqual(known, set(table), f'architecture {arch}')

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
