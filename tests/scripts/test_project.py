# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scripts share."""

import os
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

import project  # noqa: E402


class VariablesTest(unittest.TestCase):

    def test_taken(self):
        with mock.patch.dict(os.environ):
            project.take_variables(['KERNEL=7.3', 'QEMU_ARGS=-icount shift=auto', 'TESTS='],
                                   ('KERNEL', 'QEMU_ARGS', 'TESTS'))
            self.assertEqual([os.environ[name] for name in ('KERNEL', 'QEMU_ARGS', 'TESTS')],
                             ['7.3', '-icount shift=auto', ''])

    def test_refused(self):
        for text in ('KERNELS=7.3', 'KERNEL', '=7.3'):
            with self.assertRaisesRegex(project.Stop, f'^{text} is none of: KERNEL=, TESTS=$') \
                    as caught:
                project.take_variables([text], ('KERNEL', 'TESTS'))
            self.assertEqual(caught.exception.status, project.USAGE)


class RefuseTest(unittest.TestCase):

    def test_unset(self):
        with mock.patch.dict(os.environ, {'KERNEL': '', 'MODEL': 'g610'}):
            project.refuse_variables(('KERNEL', 'NAME'), 'this')

    def test_refused(self):
        with mock.patch.dict(os.environ, {'KERNEL': '7.3'}), self.assertRaisesRegex(
                project.Stop, '^KERNEL= does not go with this; KERNELS= chooses$') as caught:
            project.refuse_variables(('NAME', 'KERNEL'), 'this; KERNELS= chooses')
        self.assertEqual(caught.exception.status, project.USAGE)


class WordsTest(unittest.TestCase):

    def test_words(self):
        for text, words in (('', []), ('7.3', ['7.3']), (' 7.3, 6.12,7.2 ', ['7.3', '6.12', '7.2'])):
            with mock.patch.dict(os.environ, {'KERNELS': text}):
                self.assertEqual(project.words_from_environment('KERNELS'), words)


class NumberTest(unittest.TestCase):

    def test_taken(self):
        for text, number in (('12', 12), ('', 7)):
            with mock.patch.dict(os.environ, {'COUNT': text}):
                self.assertEqual(project.number_from_environment('COUNT', 7), number)

    def test_refused(self):
        for text in ('0', '-1', 'x', '1.5', ' 1', '²'):
            with mock.patch.dict(os.environ, {'COUNT': text}), \
                    self.assertRaisesRegex(project.Stop, f'^COUNT={text} is not') as caught:
                project.number_from_environment('COUNT', 7)
            self.assertEqual(caught.exception.status, project.USAGE)


class SkipTest(unittest.TestCase):

    @staticmethod
    def stop(message):
        raise project.Stop(message)

    def test_skipped(self):
        with mock.patch('builtins.print') as said:
            self.assertEqual(project.skip_if_unavailable(True, lambda: self.stop(
                'kernel 1 is UNAVAILABLE')), project.PASS)
        said.assert_called_once_with('1..0 # SKIP kernel 1 is UNAVAILABLE')

    def test_not_skipped(self):
        for tap, message in ((False, 'kernel 1 is UNAVAILABLE'), (True, 'no disk')):
            with self.assertRaisesRegex(project.Stop, message):
                project.skip_if_unavailable(tap, lambda text=message: self.stop(text))
        self.assertEqual(project.skip_if_unavailable(True, lambda: project.FAIL), project.FAIL)


if __name__ == '__main__':
    unittest.main()
