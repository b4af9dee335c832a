# SPDX-License-Identifier: GPL-2.0-or-later
"""Bisection of the driver, in a repository of a few commits."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.lane import bisect_driver as bisect  # noqa: E402

FILE = bisect.PATHS[0] + '/panthor_mmu.c'


class FakeKernel:
    """Is bad from a number in the file on; does not build with some."""

    def __init__(self, folder, first_bad, broken=()):
        self.folder, self.first_bad, self.broken, self.tried = folder, first_bad, broken, []

    def try_driver(self, repository, commit):
        tree = os.path.join(self.folder, 'tree')
        repository.unpack(commit, tree)
        number = int(project.read(os.path.join(tree, FILE)))
        self.tried.append(number)
        if number in self.broken:
            return bisect.SKIP, 'does not build'
        return (bisect.BAD, 'a test') if number >= self.first_bad else (bisect.GOOD, '')


@unittest.skipUnless(shutil.which('git'), 'git is not installed')
class BisectTest(unittest.TestCase):

    COUNT = 10

    @classmethod
    def git(cls, *words, **options):
        return subprocess.run(['git', '-C', cls.source, *words], check=True, capture_output=True,
                              text=True, **options).stdout.strip()

    @classmethod
    def setUpClass(cls):
        """A repository, of whose commits each second is of no interest"""
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.source = os.path.join(folder.name, 'source')
        os.makedirs(cls.source)
        cls.git('init', '-q')
        commits = []
        for number in range(cls.COUNT):
            for name, path in (('number', FILE), ('other', 'other')):
                text = f'{name} {number}'
                commits.append(f'commit HEAD\ncommitter a <a@b.c> {len(commits)} +0000\n'
                               f'data {len(text)}\n{text}\n'
                               f'M 644 inline {path}\ndata {len(str(number))}\n{number}\n')
        cls.git('fast-import', '--quiet', input=''.join(commits))
        cls.git('reset', '-q', '--hard')
        cls.commits = cls.git('rev-list', '--reverse', 'HEAD', '--', FILE).split()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def find(self, *arguments):
        said = []
        repository = bisect.Repository(self.source, os.path.join(self.folder, 'clone'))
        self.kernel = FakeKernel(self.folder, *arguments)
        with mock.patch.object(bisect, 'say', side_effect=said.append):
            first = bisect.find(repository, self.kernel, self.commits[0], self.commits[-1])
        return repository.describe(first)

    def test_each(self):
        for number in (1, 4, self.COUNT - 1):
            self.assertRegex(self.find(number), rf'^\w+ \("number {number}"\)$')
            self.assertLess(len(self.kernel.tried), 7)
            shutil.rmtree(os.path.join(self.folder, 'clone'))
        self.assertEqual(self.git('status', '--porcelain'), '')
        self.assertFalse(os.path.exists(os.path.join(self.source, '.git/BISECT_START')))

    def test_skips(self):
        self.assertIn('number 6', self.find(6, (4,)))

    def test_only_skipped_left(self):
        with self.assertRaisesRegex(project.Stop, 'was skipped') as caught:
            self.find(6, (4, 5, 6, 7))
        self.assertEqual(caught.exception.status, project.FAIL)

    def test_ends(self):
        for first_bad, text in ((0, 'GOOD= is bad'), (99, 'BAD= is good')):
            with self.assertRaisesRegex(project.Stop, text):
                self.find(first_bad)
            shutil.rmtree(os.path.join(self.folder, 'clone'))

    def test_refused(self):
        for values, text in (({'GIT': '/nowhere'}, 'is no folder'),
                             ({'GIT': self.source}, 'GOOD= is missing'),
                             ({'GIT': self.source, 'GOOD': 'HEAD', 'BAD': 'x'}, 'BAD=x is no'),
                             ({'GIT': self.source, 'GOOD': 'HEAD', 'BAD': 'HEAD'}, 'no commit')):
            with mock.patch.dict(os.environ, {'TESTS': 'none', 'GOOD': '', 'BAD': '', **values}), \
                    mock.patch('sys.argv', ['name']), \
                    self.assertRaisesRegex(project.Stop, text):
                bisect.main()


if __name__ == '__main__':
    unittest.main()
