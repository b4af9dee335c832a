# SPDX-License-Identifier: GPL-2.0-or-later
"""Which qtests "make qtest T=" means, and what bash completes."""

import os
import shlex
import subprocess
import sys
import unittest
from unittest import mock

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'scripts'))

from malicsf import project  # noqa: E402
from malicsf.check import qtest  # noqa: E402

PATHS = ['/aarch64/mali-csf/' + name for name in (
    'mmu/walk/full', 'mmu/walk/block', 'mmu/walker', 'mmu/lock/64k', 'stream/walk', 'tlb/keep')]


class MatchingTest(unittest.TestCase):

    def names(self, wanted):
        return [qtest.name_of(path) for path in qtest.matching(PATHS, wanted)]

    def test_part(self):
        self.assertEqual(self.names('mmu/walk'), ['mmu/walk/full', 'mmu/walk/block'])
        self.assertEqual(self.names('mmu/walk/full'), ['mmu/walk/full'])
        self.assertEqual(self.names('mmu/'), self.names('mmu'))
        self.assertEqual(self.names('/mmu'), self.names('mmu'))

    def test_somewhere(self):
        self.assertEqual(self.names('64k'), ['mmu/lock/64k'])
        self.assertEqual(len(self.names('walk')), 4)

    def test_pattern(self):
        self.assertEqual(self.names('*/walk'), ['stream/walk'])
        self.assertEqual(self.names('mmu/*/[fb]*'), ['mmu/walk/full', 'mmu/walk/block'])

    def test_none(self):
        self.assertEqual(self.names('mmu/walks'), [])
        self.assertIn('mmu/walk', qtest.nearest('mmu/wlak', {'a': PATHS}))


class RunTest(unittest.TestCase):

    def run_it(self, wanted, passes=True):
        """(exit code, the programs that ran, with their paths)"""
        ran = []

        def run(program, paths, _environment, _folder):
            ran.append((program, [qtest.name_of(path) for path in paths]))
            return passes

        with mock.patch.dict(os.environ, {'T': wanted}), mock.patch.multiple(
                qtest, run=run, programs=lambda _: ['a', 'b'],
                listed=lambda program, _: PATHS[:4] if program == 'a' else PATHS[4:],
                build_qemu=mock.DEFAULT, host_packages=mock.DEFAULT), \
                mock.patch('sys.argv', ['name']), \
                mock.patch.object(project, 'Lock'), mock.patch.object(qtest, 'say'):
            qtest.host_packages.environment.return_value = {}
            return qtest.main(), ran

    def test_passes(self):
        self.assertEqual(self.run_it('walk'), (project.PASS, [
            ('a', ['mmu/walk/full', 'mmu/walk/block', 'mmu/walker']), ('b', ['stream/walk'])]))
        self.assertEqual(self.run_it('tlb'), (project.PASS, [('b', ['tlb/keep'])]))

    def test_fails(self):
        self.assertEqual(self.run_it('tlb', passes=False)[0], project.FAIL)

    def test_refused(self):
        with self.assertRaisesRegex(project.Stop, 'near it: .*mmu/walk') as caught:
            self.run_it('mmu/wlak')
        self.assertEqual(caught.exception.status, project.USAGE)


class CompletionTest(unittest.TestCase):

    def completed(self, *words):
        text = (f'. scripts/completion.bash; compopt() {{ :; }}; '
                f'COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; '
                '_mali_csf_or_make; printf "%s\\n" "${COMPREPLY[@]}"')
        result = subprocess.run(['bash', '-c', text], cwd=ROOT, capture_output=True, text=True,
                                check=True)
        self.assertEqual(result.stderr, '')
        return result.stdout.split()

    def test_targets(self):
        self.assertEqual(self.completed('make', 'check-pa'), ['check-patch', 'check-patch-selftest'])

    def test_variables(self):
        self.assertEqual(self.completed('make', 'boot', 'KERNEL'),
                         ['KERNEL=', 'KERNEL_ARGS=', 'KERNEL_TREE=', 'KERNELS='])

    def test_values(self):
        self.assertEqual(self.completed('make', 'STRICT', '=', 're'), ['report'])
        self.assertEqual(self.completed('make', 'TESTS', '=', 'expan'), ['expand'])
        self.assertIn('g610', self.completed('make', 'MODEL', '='))

    def test_files(self):
        self.assertEqual(self.completed('make', 'PATCH', '=', 'tests/kernel/w'),
                         ['tests/kernel/wrong-accessor.patch'])


if __name__ == '__main__':
    unittest.main()
