# SPDX-License-Identifier: GPL-2.0-or-later
"""How a tree of QEMU is copied and patched, with a small tree in place of QEMU's."""

import os
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.build import build_qemu  # noqa: E402


def patch_of(name, before, after):
    return f'Subject: {name}\n\n---\n--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-{before}\n+{after}\n'


class Trees(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.source = os.path.join(self.folder, 'source')
        for name, text in {'VERSION': '10.0.0', 'one': 'first', 'two': 'first',
                           'include/header.h': 'text', 'build/left': 'over'}.items():
            self.write(os.path.join(self.source, name), f'{text}\n')
        os.symlink('../include', os.path.join(self.source, 'include/again'))
        self.replace(project, 'BUILD', os.path.join(self.folder, 'out'))
        self.replace(project, 'say', lambda *args: None)
        self.patches = os.path.join(self.folder, 'patches')
        self.replace(build_qemu, 'PATCHES', self.patches)
        self.tree = build_qemu.Tree(source=self.source)

    def replace(self, module, name, value):
        patcher = mock.patch.object(module, name, value)
        patcher.start()
        self.addCleanup(patcher.stop)

    @staticmethod
    def write(path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)

    def write_patch(self, number, *change):
        self.write(os.path.join(self.patches, 'qemu-10.0', f'000{number}-{change[0]}.patch'),
                   patch_of(*change))

    def copy(self, name):
        return os.path.join(self.tree.src, name)

    def read(self, name):
        return project.read(self.copy(name)).strip()

    def time_of(self, name):
        return os.stat(self.copy(name)).st_mtime_ns

    def test_a_copy_has_the_links_to_folders(self):
        build_qemu.copy_source(self.tree)
        self.assertEqual(os.readlink(self.copy('include/again')), '../include')
        self.assertFalse(os.path.exists(self.copy('build')))

    def test_a_link_that_is_gone_is_removed(self):
        build_qemu.copy_source(self.tree)
        os.remove(os.path.join(self.source, 'include/again'))
        build_qemu.copy_source(self.tree)
        self.assertFalse(os.path.lexists(self.copy('include/again')))
        self.assertEqual(self.read('include/header.h'), 'text')

    def test_patches_that_stay_are_left_alone(self):
        build_qemu.copy_source(self.tree)
        self.write_patch(1, 'one', 'first', 'second')
        build_qemu.apply_patches(self.tree)
        os.utime(self.copy('one'), ns=(1, 1))
        self.write_patch(2, 'two', 'first', 'second')
        build_qemu.apply_patches(self.tree)
        self.assertEqual([self.read('one'), self.read('two')], ['second', 'second'])
        self.assertEqual(self.time_of('one'), 1)

    def test_a_patch_that_changes_takes_back_what_comes_after(self):
        build_qemu.copy_source(self.tree)
        self.write_patch(1, 'one', 'first', 'second')
        self.write_patch(2, 'one', 'second', 'third')
        build_qemu.apply_patches(self.tree)
        self.assertEqual(self.read('one'), 'third')
        self.write_patch(1, 'two', 'first', 'second')
        os.remove(os.path.join(self.patches, 'qemu-10.0/0001-one.patch'))
        self.write_patch(2, 'one', 'first', 'fourth')
        build_qemu.apply_patches(self.tree)
        self.assertEqual([self.read('one'), self.read('two')], ['fourth', 'second'])

    def test_a_patch_that_does_not_apply_is_named(self):
        build_qemu.copy_source(self.tree)
        self.write_patch(1, 'one', 'other', 'second')
        with self.assertRaisesRegex(project.Stop, '0001-one.patch does not apply to QEMU 10.0.0'):
            build_qemu.apply_patches(self.tree)
        self.assertEqual(self.read('one'), 'first')


if __name__ == '__main__':
    unittest.main()
