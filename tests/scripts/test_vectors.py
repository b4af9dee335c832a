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

# Of NOP and ENOP
IGNORED = {(0, 56)}


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


class Facts(unittest.TestCase):
    """What Mesa says of each field, against the model's table and against Mesa itself"""

    @classmethod
    def setUpClass(cls):
        sys.path.insert(0, os.path.dirname(GENERATE))
        cls.module = importlib.import_module('facts')
        cls.facts = cls.module.load()

    def fields(self, arch, opcode):
        return self.facts[arch, opcode, None].values()

    def model_fields(self, arch):
        """{opcode: {(start, size)}} of the model on an architecture"""
        text = subprocess.run([DISAS, '--table'], check=True, capture_output=True,
                              text=True).stdout
        found = {}
        for line in text.splitlines():
            opcode, _, archs, *fields = line.split()
            first, last = map(int, archs.split('-'))
            if not first <= arch <= last:
                continue
            places = found.setdefault(int(opcode), set())
            for field in fields:
                parts = re.fullmatch(r'[\w-]+\[(\d+)(?::(\d+))?\](?:/(\d+)-(\d+))?', field)
                if not parts[3] or int(parts[3]) <= arch <= int(parts[4]):
                    low = int(parts[2] or parts[1])
                    places.add((low, int(parts[1]) - low + 1))
        return found

    def test_model(self):
        for arch in self.module.ARCHITECTURES:
            model = self.model_fields(arch)
            known = {opcode for a, opcode, operation in self.facts if a == arch and not operation}
            self.assertEqual(set(model), known)
            for opcode in known:
                with self.subTest(arch=arch, opcode=opcode):
                    self.assertEqual(model[opcode] - IGNORED, {
                        (start, size) for start, size, kind in self.fields(arch, opcode)
                        if kind != 'none'})

    def test_signs(self):
        """All ones are -1 in a field that is signed, and in no other"""
        for arch in self.module.ARCHITECTURES:
            words, signed = [], []
            for (a, opcode, operation), fields in self.facts.items():
                for start, size, kind in fields.values():
                    if a == arch and not operation and size > 1:
                        words.append(opcode << 56 | (1 << size) - 1 << start)
                        signed.append(kind == 'int')
            lines = subprocess.run(
                [DISAS, '--hex', f'--arch={arch}', '-'], check=True, capture_output=True,
                input=''.join(f'{word:016x}\n' for word in words), text=True).stdout.splitlines()
            self.assertEqual(len(lines), len(words))
            for line, minus in zip(lines, signed):
                self.assertEqual('=-1' in line, minus, f'architecture {arch}: {line}')

    @unittest.skipUnless(os.environ.get('MESA_SRC'), 'MESA_SRC names no source of Mesa')
    def test_mesa(self):
        """Facts that were taken over by hand are those of the files, as far as these go"""
        source = os.environ['MESA_SRC']
        seen = [arch for arch in self.module.ARCHITECTURES if self.module.mesa_file(source, arch)]
        self.assertTrue(seen, f'no src/panfrost/genxml in {source}')
        for arch in seen:
            mesa = self.module.load_mesa(source, arch)
            known = {opcode for a, opcode, operation in self.facts if a == arch and not operation}
            self.assertEqual(set(mesa), known, f'architecture {arch}')
            for (a, opcode, operation), fields in self.facts.items():
                if a != arch or {kind for _, _, kind in fields.values()} == {'none'}:
                    continue
                places = {(start, size, kind == 'int') for start, size, kind in fields.values()}
                structs = [{(start, size, kind == 'int') for start, size, kind in struct}
                           for struct in mesa[opcode]]
                with self.subTest(arch=arch, opcode=opcode, operation=operation):
                    self.assertTrue(any(places <= struct if operation else
                                        self.same(places, struct) for struct in structs),
                                    f'{sorted(places)} is none of {structs}')

    @staticmethod
    def same(places, struct):
        """But for what is ignored, and for immediates that Mesa calls signed in a base struct"""
        def plain(fields):
            return {(start, size) for start, size, _ in fields} - IGNORED
        return plain(places) == plain(struct)


if __name__ == '__main__':
    unittest.main()
