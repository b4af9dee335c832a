# SPDX-License-Identifier: GPL-2.0-or-later
"""The disassembler: listings that are known, any input, and the reference in the documents."""

import os
import random
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DISAS = os.environ.get('MALI_CSF_DISAS', os.path.join(ROOT, 'build/mali-csf-disas'))
FOLDER = os.path.join(ROOT, 'tests/disas')
SPECIFICATION = os.path.join(ROOT, 'docs/specs/mali-csf.rst')


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def disassemble(*arguments, data=b''):
    return subprocess.run([DISAS, *arguments], input=data, check=False, capture_output=True)


class Disassembler(unittest.TestCase):

    def test_listings(self):
        for name, arch in (('wrapper', 10), ('mixed', 10), ('mixed', 13)):
            with self.subTest(name=name, arch=arch):
                result = disassemble('--hex', f'--arch={arch}', os.path.join(FOLDER, name + '.hex'))
                self.assertEqual(result.returncode, 0)
                self.assertEqual(result.stdout.decode(),
                                 read(os.path.join(FOLDER, f'{name}-{arch}.txt')))

    def test_binary_is_little_endian(self):
        words = [0x0102000000000007, 0x2f00000000000000]
        data = b''.join(word.to_bytes(8, 'little') for word in words)
        result = disassemble('-', data=data + b'\xff\x01')
        self.assertEqual(result.stdout.decode().splitlines(), [
            '00000000: 0102000000000007  MOVE48 d2, value=0x7',
            '00000008: 2f00000000000000  ERROR_BARRIER',
            '00000010: .byte 0xff 0x01'])

    def test_format_is_found(self):
        self.assertIn(b'MOVE48 d2', disassemble('-', data=b'0x0102000000000007\n').stdout)
        self.assertIn(b'.byte', disassemble('--binary', '-', data=b'01').stdout)
        self.assertIn(b'NOP', disassemble('-', data=b'01').stdout)
        self.assertEqual(disassemble('-').stdout, b'')

    def test_any_input(self):
        rng = random.Random(1)
        for _ in range(60):
            data = rng.randbytes(rng.randrange(4000))
            for arguments in (['--binary'], ['--hex'], []):
                result = disassemble(*arguments, f'--arch={rng.randrange(10, 15)}', '-', data=data)
                self.assertEqual(result.returncode, 0)
                self.assertEqual(result.stderr, b'')
                if arguments == ['--binary']:
                    self.assertEqual(len(result.stdout.splitlines()), (len(data) + 7) // 8)

    def test_bad_usage(self):
        for arguments in (['--arch=9', '-'], ['--arch=', '-'], ['--base=x', '-'], ['--what', '-'],
                          ['a', 'b'], ['/nonexistent'], [FOLDER]):
            result = disassemble(*arguments)
            self.assertNotEqual(result.returncode, 0)
            self.assertEqual(len(result.stderr.splitlines()), 1)
            self.assertEqual(result.stdout, b'')

    def test_reference(self):
        """The specification has the table as it is."""
        table = ''.join(f'  {line}\n' for line in
                        disassemble('--table').stdout.decode().splitlines())
        self.assertIn('\n.. code-block:: none\n\n' + table + '\n', read(SPECIFICATION))


if __name__ == '__main__':
    unittest.main()
