# SPDX-License-Identifier: GPL-2.0-or-later
"""The disassembler of shaders: the forms of input that it takes, and any other."""

import os
import random
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DISAS = os.environ.get('MALI_SHADER_DISAS', os.path.join(ROOT, 'build/mali-shader-disas'))
CAPTURED = os.path.join(ROOT, 'tests/shader/captured.txt')
WORD, TEXT = 0x00a0c030128fc900, 'CLPER.i32.f1 r0, r0, 0x7060504.b00'


def disassemble(*arguments, data=b''):
    return subprocess.run([DISAS, *arguments], input=data, check=False, capture_output=True)


class ShaderDisassembler(unittest.TestCase):

    def same(self, data, *arguments):
        result = disassemble('--bare', *arguments, '-', data=data)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stdout.decode().splitlines(), [TEXT])

    def test_forms(self):
        data = WORD.to_bytes(8, 'little')
        self.same(data)
        self.same(f'{WORD:016x}\n'.encode())
        self.same(f'0x{WORD:016X}'.encode())
        self.same(f'{WORD & 0xffffffff:08x} {WORD >> 32:08x}'.encode())
        # As Mesa prints it, among other lines
        self.same(('label vertex\n\n' + ' '.join(f'{byte:02x}' for byte in data) +
                   '    CLPER.i32.f1 r0, r0, 0x7060504.b0\n\nshader: 1 inst\n').encode())

    def test_captured(self):
        with open(CAPTURED, encoding='utf-8') as file:
            rows = [line.rstrip('\n').split(' ', 1) for line in file if not line.startswith('#')]
        data = b''.join(bytes.fromhex(word)[::-1] for word, _ in rows)
        result = disassemble('--bare', '--binary', '-', data=data)
        self.assertEqual(result.stdout.decode().splitlines(), [text for _, text in rows])

    def test_any_input(self):
        rng = random.Random(1)
        for _ in range(60):
            data = rng.randbytes(rng.randrange(4000))
            for arguments in (['--binary'], ['--text'], []):
                result = disassemble(*arguments, f'--arch={rng.randrange(9, 15)}', '-', data=data)
                self.assertEqual((result.returncode, result.stderr), (0, b''))
                if arguments == ['--binary']:
                    self.assertEqual(len(result.stdout.splitlines()), (len(data) + 7) // 8)

    def test_bad_usage(self):
        for arguments in (['--arch=8', '-'], ['--arch=', '-'], ['--base=x', '-'], ['--what', '-'],
                          ['a', 'b'], []):
            result = disassemble(*arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertTrue(result.stderr)
        result = disassemble('/no/such/file')
        self.assertEqual(result.returncode, 1)
        self.assertIn(b'/no/such/file', result.stderr)


if __name__ == '__main__':
    unittest.main()
