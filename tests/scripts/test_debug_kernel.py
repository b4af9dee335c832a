# SPDX-License-Identifier: GPL-2.0-or-later
"""DEBUG=: which kernel is built, what is refused, and what runs on it besides."""

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import archive, host_packages, project  # noqa: E402
from malicsf.build import debug_kernel, guest_kernel, kernel_source  # noqa: E402
from malicsf.lane import check_fixes, check_patch, sides  # noqa: E402
from malicsf.settings import ALL, debug_kinds, SETTINGS  # noqa: E402
from test_kept_stock import written  # noqa: E402

# What no guest does without
NEEDED = ''.join(f'CONFIG_{name}=y\n' for names in project.config(
    'guest')['kernel_options'].values() for name in names)


class DebugTest(unittest.TestCase):

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(mock.patch.dict(os.environ, {'DEBUG': 'lockdep,kasan', 'KERNEL': '7.3',
                                                       'MODULES': ''}))

    def stop_of(self, function, *arguments):
        with self.assertRaises(project.Stop) as raised:
            function(*arguments)
        return str(raised.exception)


class WordsTest(DebugTest):

    def test_words(self):
        self.assertEqual(debug_kernel.wanted(), ['kasan', 'lockdep'])
        SETTINGS.set(DEBUG='')
        self.assertEqual(debug_kernel.wanted(), [])
        SETTINGS.set(DEBUG='kasan,lokdep')
        self.assertIn('DEBUG=lokdep is none of: faults, ', self.stop_of(debug_kernel.wanted))

    def test_every_word_is_a_file_and_has_the_rest(self):
        table = project.config('guest')['debug']
        self.assertLessEqual({*table['slack'], *table['programs']}, {*debug_kinds()})

    def test_the_help_has_every_word(self):
        for word in debug_kinds():
            self.assertRegex(ALL['DEBUG'].help, rf'\b{word}\b')

    def test_slack(self):
        factors = project.config('guest')['debug']['slack']
        self.assertEqual(debug_kernel.slack(), max(factors['kasan'], factors['lockdep']))
        SETTINGS.set(DEBUG='ubsan')
        self.assertEqual(debug_kernel.slack(), 1)

    def test_fixes_that_such_a_kernel_notices(self):
        row = {'id': 'a', 'tests': 'canary', 'reason': 'why', 'edit': [],
               'debug': {'words': 'lockdep,faults', 'tests': 'submit', 'named': ['x']}}
        self.assertIs(check_fixes.as_debugged(row, ['kasan', 'lockdep']), row)
        self.assertEqual(check_fixes.as_debugged(row, ['faults', 'kasan', 'lockdep']),
                         {'id': 'a', 'tests': 'submit', 'named': ['x'], 'edit': []})

    def test_rows_of_debug_are_chosen_unless_fix_says(self):
        with mock.patch.dict(os.environ, {'FIX': ''}):
            rows = check_fixes.load()['fix']
            self.assertIn('extobj-resv', [row['id'] for row in rows])
            self.assertFalse([row['id'] for row in rows if 'reason' in row])
        with mock.patch.dict(os.environ, {'FIX': 'heap-*'}):
            self.assertGreater(len(check_fixes.load()['fix']), len(rows))
        with mock.patch.dict(os.environ, {'FIX': '', 'DEBUG': 'ubsan'}):
            self.assertIn('DEBUG=ubsan notices nothing', self.stop_of(check_fixes.load))

    def test_what_others_left_is_looked_for_after_all_of_them(self):
        found = mock.Mock(programs=lambda: {'kmemleak'})
        self.assertEqual(check_patch.in_question(found, 'canary submit kmemleak'),
                         ['canary', 'submit', 'kmemleak'])
        found = mock.Mock(programs=lambda: {'submit'})
        self.assertEqual(check_patch.in_question(found, 'canary submit kmemleak'), ['submit'])

    def test_programs(self):
        self.assertEqual(debug_kernel.programs(), [])
        SETTINGS.set(DEBUG='kmemleak faults')
        self.assertEqual(debug_kernel.programs(), ['fail-nth', 'kmemleak'])

    def test_what_it_does_not_go_with(self):
        for values, words in (({'KERNEL': '7.3-16k'}, 'not with one of its flavours'),
                              ({'KERNEL': self.folder}, 'goes with a series of the archive'),
                              ({'MODULES': self.folder}, 'goes with a series of the archive')):
            with mock.patch.dict(os.environ, values):
                self.assertIn(words, self.stop_of(guest_kernel.from_environment))


class BuildTest(DebugTest):
    """With a make that only writes what it is told to"""

    def setUp(self):
        super().setUp()
        self.made, self.options = [], None
        for target, name, value in (
                (debug_kernel, 'FOLDER', self.folder), (debug_kernel, 'run_make', self.make),
                (kernel_source, 'fetch', lambda *_: {}), (kernel_source, 'unpack', mock.Mock()),
                (host_packages, 'provide_for', mock.Mock()), (debug_kernel, 'say', mock.Mock()),
                (subprocess, 'run', lambda *_, **__: mock.Mock(stdout='a compiler'))):
            self.enterContext(mock.patch.object(target, name, value))

    def make(self, _source, folder, _log, *targets):
        self.made.append(targets)
        if targets == ('allnoconfig',):
            asked = project.read(os.path.join(folder, 'all.config'))
            project.write(os.path.join(folder, '.config'), self.options or NEEDED + asked)
        return 0, []

    def provide(self, *words):
        return debug_kernel.provide('suite', '7.3', '7.3.4-1', list(words))

    def test_once(self):
        folder = self.provide('kasan', 'lockdep')
        self.assertEqual(self.made, [('allnoconfig',), ('Image', 'modules')])
        config = project.read(os.path.join(folder, '.config'))
        for line in ('CONFIG_KASAN=y', 'CONFIG_PROVE_LOCKING=y', 'CONFIG_DRM_PANTHOR=m',
                     'CONFIG_LOCALVERSION="-kasan-lockdep"'):
            self.assertIn(line, config.splitlines())
        self.assertEqual(self.provide('kasan', 'lockdep'), folder)
        self.assertEqual(len(self.made), 2)
        self.assertNotEqual(self.provide('kasan'), folder)
        self.assertEqual(len(self.made), 4)

    def test_an_option_that_the_kernel_does_not_take(self):
        self.options = NEEDED
        self.assertIn('this kernel has no CONFIG_KCSAN=y', self.stop_of(self.provide, 'kcsan'))

    def test_an_option_that_every_guest_needs(self):
        self.options = 'CONFIG_KASAN=y\n'
        self.assertIn('base.config gives this kernel no CONFIG_',
                      self.stop_of(self.provide, 'kasan'))

    def test_a_build_that_fails(self):
        def make(*arguments):
            status, errors = self.make(*arguments)
            return (2, ['x.c:1: error: y\n']) if 'Image' in arguments else (status, errors)
        with mock.patch.object(debug_kernel, 'run_make', make), \
                mock.patch('sys.stderr') as said:
            self.assertIn('does not build', self.stop_of(self.provide, 'kasan'))
        said.write.assert_called_with('x.c:1: error: y\n')
        # Nothing says that it is there; what was compiled is not lost
        self.provide('kasan')
        self.assertEqual(self.made[2:], [('Image', 'modules')])


class JudgedTest(unittest.TestCase):

    def test_data_races_of_others(self):
        changed = [mock.Mock()]
        changed[0].name = 'panthor_vm_lock_region'
        for text, nothing in (
                ('BUG: KCSAN: data-race in sched_tick / sched_balance_rq', True),
                ('BUG: KCSAN: data-race in panthor_vm_lock_region / sched_tick', False),
                ('BUG: KCSAN: data-race in sched_tick / panthor_vm_lock_region.part.0', False),
                ('BUG: KCSAN: assert: race in panthor_vm_lock_region', False),
                ('BUG: KASAN: slab-use-after-free in sched_tick+0x1/0x2', False)):
            self.assertEqual(check_patch.says_nothing(text, changed), nothing, text)

    def test_each_boot_is_searched(self):
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(os, 'sched_getaffinity', lambda _: {0, 1}), \
                mock.patch.object(sides, 'names_of', str.split):
            host = {'seconds': 40.0}
            kept = mock.Mock(folder=written(folder, programs={
                'submit': host, 'expand': host, 'kmemleak': host}))
            self.assertEqual([part.split()[-1] for part in sides.halves(
                'submit expand kmemleak', kept)], ['kmemleak', 'kmemleak'])


class SourceTest(unittest.TestCase):

    def test_what_the_package_lacks(self):
        with tempfile.TemporaryDirectory() as folder:
            package = os.path.join(folder, 'linux-source-7.3.deb')
            root = os.path.join(folder, 'root')
            project.write(os.path.join(root, 'DEBIAN/control'),
                          'Package: linux-source-7.3\nVersion: 1\nArchitecture: all\n'
                          'Maintainer: x <x@example.org>\nDescription: x\n')
            top = os.path.join(folder, 'linux-source-7.3')
            for name in ('Makefile', 'drivers/a.c', 'drivers/Kconfig', 'sound/b.c'):
                project.write(os.path.join(top, name), name)
            os.makedirs(os.path.join(root, 'usr/src'))
            subprocess.run(['tar', '-cJf', os.path.join(root, 'usr/src/linux-source-7.3.tar.xz'),
                            '-C', folder, 'linux-source-7.3'], check=True)
            subprocess.run(['dpkg-deb', '--root-owner-group', '-b', root, package], check=True,
                           stdout=subprocess.DEVNULL)
            row = {'name': 'linux-source-7.3', 'file': 'linux-source-7.3.deb'}
            with mock.patch.object(archive, 'PACKAGES', folder):
                whole = os.path.join(folder, 'whole')
                kernel_source.unpack(row, whole, [], ['drivers/*.[ch]'])
                self.assertEqual(sorted(os.path.relpath(path, whole)
                                        for path in project.files_below(whole)),
                                 ['Makefile', 'drivers/Kconfig', 'sound/b.c'])
                kernel_source.unpack(row, os.path.join(folder, 'part'), ['sound'])
                self.assertEqual(os.listdir(os.path.join(folder, 'part')), ['sound'])
                with self.assertRaisesRegex(project.Stop, 'holds no crypto'), \
                        mock.patch('sys.stderr'):
                    kernel_source.unpack(row, os.path.join(folder, 'none'), ['crypto'])
                self.assertFalse(os.path.exists(os.path.join(folder, 'none')))


if __name__ == '__main__':
    unittest.main()
