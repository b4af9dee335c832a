# SPDX-License-Identifier: GPL-2.0-or-later
"""Expectation files of the guest tests."""

import os
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.run import expectations  # noqa: E402


def settings_of(model, userland=''):
    return types.SimpleNamespace(model=model, userland=userland, expectations='')


def kernel_named(label, version):
    from malicsf.build import guest_kernel
    return guest_kernel.Kernel(label, version, '', None, None, [])


class ExpectationsTest(unittest.TestCase):

    def expected(self, names=('7.3', 'g610'), **files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = os.path.join(folder, f'panthor-{name.replace("_", "-")}.txt')
                with open(path, 'w', encoding='utf-8') as file:
                    file.write(text)
            return expectations.Expectations(*names, folder=folder)

    def own(self, names=('7.3', 'g610'), **files):
        """With these in a folder of the reader's own"""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                project.write(os.path.join(folder, f'panthor-{name.replace("_", "-")}.txt'), text)
            with mock.patch.dict(os.environ, {'EXPECTATIONS': folder}):
                return expectations.Expectations(*names, folder='/nowhere',
                                                 own=expectations.own_folder())

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
        settings = settings_of('g1-pro,coherent=on')
        for label, known in (('6.12', True), ('7.3', False)):
            found = expectations.of(kernel_named(label, label + '.4'), settings)
            self.assertEqual('panthor: initialized' in found.fails, known)

    def test_userland(self):
        test = 'vulkan: fetch-compressed: as the CPU has it'
        for name, known in (('mesa-new', True), ('mesa', False), ('', False)):
            found = expectations.of(kernel_named('7.3', '7.3.4'), settings_of('g610', name))
            self.assertEqual(test in found.fails, known)

    def test_own_kernel(self):
        """It has those of its series, may have repaired what fails there, and is of no flavour."""
        from malicsf.run import run_guest
        listed = expectations.Expectations('6.12')
        test = next(iter(set(listed.fails) - set(expectations.Expectations().fails)))
        for label, version, known in (('own-Image', '6.12.0-rc3-dirty', True),
                                      ('tree-linux', '6.12.7+', True),
                                      ('tree-linux', '6.13.0', False)):
            found = expectations.of(kernel_named(label, version), settings_of('g610'))
            self.assertEqual(found.judge('ok', test, ''), ('ok', ''))
            self.assertEqual(found.judge('not ok', test, '')[0], 'todo' if known else 'not ok')
        self.assertEqual(expectations.of(
            kernel_named('6.12', '6.12.117'), settings_of('g610')).judge('ok', test, '')[0],
            'not ok')
        self.assertIn('6.12', project.config('guest')['again'])
        self.assertIsNotNone(run_guest.excuse_of(kernel_named('tree-x', '6.12.1')))

    def test_own_files(self):
        """In the form of drm/ci: no reason, boards, and other ways to fail"""
        found = self.own(rk3588_fails='a: b,Crash\n# a bug\nc: d,Timeout\ne: f,Fail\n',
                         all_flakes='g: .*\n', **{'7.3_skips': 'heap\n', '6.12_skips': 'fault\n'})
        self.assertEqual(found.judge('not ok', 'a: b', ''),
                         ('todo', 'expected by panthor-rk3588-fails.txt'))
        self.assertEqual(found.judge('not ok', 'c: d', ''), ('todo', 'a bug'))
        self.assertEqual(found.judge('ok', 'e: f', '')[0], 'not ok')
        self.assertEqual(found.judge('not ok', 'g: h', '')[0], 'todo')
        self.assertEqual((found.skipped('heap'), found.skipped('fault')),
                         ('expected by panthor-7.3-skips.txt', None))
        other = self.own(names=('7.3', 'g720'), rk3588_fails='a: b,Crash\n')
        self.assertEqual(other.judge('not ok', 'a: b', '')[0], 'not ok')

    def test_own_folder(self):
        with mock.patch.dict(os.environ, {'EXPECTATIONS': '/nowhere'}), \
                self.assertRaisesRegex(project.Stop, 'EXPECTATIONS=/nowhere is no folder'):
            expectations.own_folder()
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.dict(os.environ, {'EXPECTATIONS': folder}), \
                self.assertRaisesRegex(project.Stop, 'holds no panthor-<what>-fails.txt'):
            expectations.own_folder()

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
