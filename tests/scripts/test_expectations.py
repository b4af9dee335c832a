# SPDX-License-Identifier: GPL-2.0-or-later
"""Expectation files of the guest tests."""

import importlib
import os
import sys
import tempfile
import types
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

import expectations  # noqa: E402
import project  # noqa: E402


class ExpectationsTest(unittest.TestCase):

    def expected(self, names=('7.3', 'g610'), **files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = os.path.join(folder, f'panthor-{name.replace("_", "-")}.txt')
                with open(path, 'w', encoding='utf-8') as file:
                    file.write(text)
            return expectations.Expectations(*names, folder=folder)

    def test_no_file(self):
        self.assertEqual(self.expected().judge('not ok', 'a: b', 'why'), ('not ok', 'why'))

    def test_igt(self):
        found = self.expected(all_fails='# a bug\npanthor/panthor_vm@vm_bind,Fail\n',
                              all_skips='# slow\npanthor/panthor_vm@.*\n')
        self.assertEqual(found.judge('not ok', 'igt: panthor/panthor_vm@vm_bind', ''),
                         ('todo', 'a bug'))
        self.assertEqual(found.skip_patterns(), ['panthor/panthor_vm@.*'])

    def test_fails(self):
        found = self.expected(all_fails='# a bug\na: b, c,Fail\n')
        self.assertEqual(found.judge('not ok', 'a: b, c', 'why'), ('todo', 'a bug (why)'))
        verdict, reason = found.judge('ok', 'a: b, c', '')
        self.assertEqual(verdict, 'not ok')
        self.assertIn('a bug', reason)
        self.assertEqual(found.judge('skip', 'a: b, c', 'no'), ('skip', 'no'))

    def test_flakes(self):
        found = self.expected(all_flakes='# a race\na: .*\n')
        self.assertEqual(found.judge('ok', 'a: b', ''), ('ok', ''))
        self.assertEqual(found.judge('not ok', 'a: b', ''), ('todo', 'a race'))
        self.assertEqual(found.judge('not ok', 'ba: b', ''), ('not ok', ''))

    def test_fails_and_flakes(self):
        """What fails everywhere may pass where it is a matter of time."""
        found = self.expected(all_fails='# a bug\na: b,Fail\n', g610_flakes='# a race\na: b\n')
        self.assertEqual(found.judge('ok', 'a: b', ''), ('ok', ''))
        self.assertEqual(found.judge('not ok', 'a: b', ''), ('todo', 'a bug'))

    def test_skips(self):
        found = self.expected(g610_skips='# too slow\nsubmit|fault\n')
        self.assertEqual(found.skipped('fault'), 'too slow')
        self.assertIsNone(found.skipped('faults'))

    def test_other_kernel(self):
        found = self.expected(**{'6.12_fails': '# a bug\na: b,Fail\n'})
        self.assertEqual(found.judge('not ok', 'a: b', ''), ('not ok', ''))

    def test_kernel_and_model(self):
        run_guest = importlib.import_module('run-guest')
        settings = types.SimpleNamespace(model='g1-pro,coherent=on', userland='')
        for label, known in (('6.12', True), ('7.3', False)):
            found = run_guest.expected_of(types.SimpleNamespace(label=label), settings)
            self.assertEqual('panthor: initialized' in found.fails, known)

    def test_userland(self):
        run_guest = importlib.import_module('run-guest')
        test = 'vulkan: fetch-compressed: as the CPU has it'
        for name, known in (('mesa-new', True), ('mesa', False), ('', False)):
            found = run_guest.expected_of(types.SimpleNamespace(label='7.3'),
                                          types.SimpleNamespace(model='g610', userland=name))
            self.assertEqual(test in found.fails, known)

    def test_no_reason(self):
        for text in ('a: b,Fail\n', '# a bug\n\na: b,Fail\n'):
            with self.assertRaisesRegex(project.Stop, 'no reason'):
                self.expected(all_fails=text)

    def test_malformed(self):
        with self.assertRaisesRegex(project.Stop, 'is not "<test>,Fail"'):
            self.expected(all_fails='# a bug\na: b\n')
        with self.assertRaisesRegex(project.Stop, 'no regular expression'):
            self.expected(all_flakes='# a race\n(\n')


if __name__ == '__main__':
    unittest.main()
