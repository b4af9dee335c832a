# SPDX-License-Identifier: GPL-2.0-or-later
"""What IGT= may be."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.build import igt  # noqa: E402


class IgtTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name, mode=0o644):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8'):
            pass
        os.chmod(path, mode)

    def refused(self, text):
        with self.assertRaises(project.Stop) as caught:
            igt.archive(self.folder)
        self.assertEqual(caught.exception.status, project.USAGE)
        self.assertIn(text, str(caught.exception))

    def test_empty(self):
        self.refused('holds no panthor/panthor_*')

    def test_no_folder(self):
        self.folder = os.path.join(self.folder, 'none')
        self.refused('is no folder')

    def test_what_counts(self):
        self.file('libexec/panthor/panthor_vm', 0o755)
        self.file('libexec/panthor/panthor_vm.c')
        self.file('libexec/other/panthor_gem', 0o755)
        self.file('lib/libigt.so.0')
        programs, libraries = igt.find(self.folder)
        self.assertEqual(list(programs), ['panthor_vm'])
        self.assertEqual(list(libraries), ['libigt.so.0'])

    def test_not_arm64(self):
        self.file('panthor/panthor_vm', 0o755)
        self.refused('is not a program for arm64')


if __name__ == '__main__':
    unittest.main()
