# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scripts share."""

import contextlib
import io
import os
import sys
import tempfile
import time
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import host_packages, project  # noqa: E402
from malicsf.check import check  # noqa: E402
from malicsf.settings import SETTINGS  # noqa: E402


class VariablesTest(unittest.TestCase):

    def test_taken(self):
        with mock.patch.dict(os.environ):
            SETTINGS.take(['KERNEL=7.3', 'QEMU_ARGS=-icount shift=auto', 'TESTS='],
                                   ('KERNEL', 'QEMU_ARGS', 'TESTS'))
            self.assertEqual([os.environ[name] for name in ('KERNEL', 'QEMU_ARGS', 'TESTS')],
                             ['7.3', '-icount shift=auto', ''])

    def test_refused(self):
        for text in ('KERNELS=7.3', 'KERNEL', '=7.3'):
            with self.assertRaisesRegex(project.Stop, f'^{text} is none of: KERNEL=, TESTS=') \
                    as caught:
                SETTINGS.take([text], ('KERNEL', 'TESTS'))
            self.assertEqual(caught.exception.status, project.USAGE)


class ColourTest(unittest.TestCase):

    def said(self, terminal, **variables):
        stream = mock.Mock(isatty=lambda: terminal)
        with mock.patch('sys.stdout', stream), mock.patch.dict(
                os.environ, {'TERM': 'xterm', 'NO_COLOR': ''} | variables):
            return project.coloured('bad', 'not ok')

    def test_terminal_only(self):
        self.assertEqual(self.said(True), '\033[31;1mnot ok\033[0m')
        for text in (self.said(False), self.said(True, NO_COLOR='1'), self.said(True, TERM='dumb')):
            self.assertEqual(text, 'not ok')


class HostTest(unittest.TestCase):

    def refusal(self, **fields):
        with mock.patch('platform.freedesktop_os_release', return_value=fields), \
                self.assertRaises(project.Stop) as caught:
            project.release()
        return str(caught.exception)

    def test_refused(self):
        """One line, which says what to do: the container that there is a file for"""
        for fields in ({'ID': 'fedora', 'PRETTY_NAME': 'Fedora 43'}, {},
                       {'ID': 'debian', 'VERSION_CODENAME': 'forky', 'PRETTY_NAME': 'Debian forky'}):
            text = self.refusal(**fields)
            self.assertIn(fields.get('PRETTY_NAME', 'no Linux we know'), text)
            self.assertIn('supported: Debian bookworm and trixie', text)
            self.assertNotIn('\n', text)
            commands = project.read(os.path.join(project.ROOT, 'Containerfile'))
            for command in ('podman build -t mali-csf .',
                            'podman run --rm -it -v "$PWD":/mali-csf mali-csf make boot'):
                self.assertIn(command, text)
                self.assertIn(command, commands)

    def test_taken(self):
        with mock.patch('platform.freedesktop_os_release',
                        return_value={'ID': 'debian', 'VERSION_CODENAME': 'trixie'}):
            self.assertEqual(project.release(), 'trixie')


class PackagesTest(unittest.TestCase):

    def missing(self, names, have, programs):
        with mock.patch('shutil.which', lambda name: name in programs):
            return host_packages.missing_of(names, have)

    def test_provided(self):
        """On an arm64 host "gcc" has the compiler, and no package is called as it is elsewhere."""
        names = ['gcc', 'gcc-aarch64-linux-gnu', 'make']
        self.assertEqual(self.missing(names, {'gcc': '12'}, ['aarch64-linux-gnu-gcc', 'make']),
                         ['make'])
        self.assertEqual(self.missing(names, {'gcc': '12'}, []), ['gcc-aarch64-linux-gnu', 'make'])
        self.assertEqual(self.missing(names, dict.fromkeys(names, '1'), []), [])

    def test_table(self):
        host = project.config('host')
        listed = sum((list(rows) for rows in host['packages'].values()), [])
        self.assertLessEqual(set(host['programs']), set(listed))


class RefuseTest(unittest.TestCase):

    def test_unset(self):
        with mock.patch.dict(os.environ, {'KERNEL': '', 'MODEL': 'g610'}):
            SETTINGS.refuse(('KERNEL', 'NAME'), 'this')

    def test_refused(self):
        with mock.patch.dict(os.environ, {'KERNEL': '7.3'}), self.assertRaisesRegex(
                project.Stop, '^KERNEL= does not go with this; KERNELS= chooses$') as caught:
            SETTINGS.refuse(('NAME', 'KERNEL'), 'this; KERNELS= chooses')
        self.assertEqual(caught.exception.status, project.USAGE)


class WordsTest(unittest.TestCase):

    def test_words(self):
        for text, words in (('', []), ('7.3', ['7.3']), (' 7.3, 6.12,7.2 ', ['7.3', '6.12', '7.2'])):
            with mock.patch.dict(os.environ, {'KERNELS': text}):
                self.assertEqual(SETTINGS.words('KERNELS'), words)


class NumberTest(unittest.TestCase):

    def test_taken(self):
        for text, number in (('12', 12), ('', 7)):
            with mock.patch.dict(os.environ, {'SLACK': text}):
                self.assertEqual(SETTINGS.number('SLACK', 7), number)

    def test_refused(self):
        for text in ('0', '-1', 'x', '1.5', ' 1', '²'):
            with mock.patch.dict(os.environ, {'SLACK': text}), \
                    self.assertRaisesRegex(project.Stop, f'^SLACK={text} is not') as caught:
                SETTINGS.number('SLACK', 7)
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


class PatienceTest(unittest.TestCase):

    @staticmethod
    def said(seconds):
        with contextlib.redirect_stdout(io.StringIO()) as output, \
                mock.patch('malicsf.project.SILENCE', 0.1):
            project.say('unpacking QEMU')
            with project.Patience():
                time.sleep(seconds)
        return output.getvalue().splitlines()

    def test_said_again(self):
        lines = self.said(0.5)
        self.assertGreater(len(lines), 2)
        self.assertRegex(lines[-1], r'^\.\.\. unpacking QEMU: \d+ s$')

    def test_subject(self):
        with contextlib.redirect_stdout(io.StringIO()) as output, \
                project.Patience(0.1, lambda: 'inject'):
            time.sleep(0.3)
        self.assertRegex(output.getvalue(), r'^(\.\.\. inject: \d+ s\n){1,3}$')

    def test_quick(self):
        self.assertEqual(self.said(0), ['unpacking QEMU'])


class FailedTest(unittest.TestCase):
    """FAILED=1 of make check"""

    def part(self, name, *programs):
        part = check.Part(name)
        part.programs = [(1.0, program, bad) for program, bad in programs]
        return part

    def test_remembered(self):
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch('malicsf.check.check.FAILED', os.path.join(folder, 'failed')):
            check.remember_failed([self.part('unit', ('a', True), ('b', False)),
                                   self.part('qtest', ('c', True))])
            self.assertEqual(check.failed_before(['unit', 'qtest']),
                             {'unit': ['a'], 'qtest': ['c']})
            # Only what has run since is judged anew.
            check.remember_failed([self.part('unit', ('a', False))])
            self.assertEqual(check.failed_before(['qtest', 'guest']), {'qtest': ['c']})
            with self.assertRaisesRegex(project.Stop, '^FAILED= is set, and no program of unit '):
                check.failed_before(['unit'])


class InstallTest(unittest.TestCase):
    """The first thing in a container, which has no package lists."""

    APT = '#!/bin/sh\necho "$*" >>$LOG\ncase $1 in update) touch $LISTS;; *) ' \
          'test -e $LISTS || { echo "E: Unable to locate package" >&2; exit 100; } ;; esac\n'

    def calls(self, lists):
        with tempfile.TemporaryDirectory() as folder:
            paths = {name: os.path.join(folder, name) for name in ('apt-get', 'LOG', 'LISTS')}
            with open(paths.pop('apt-get'), 'w', encoding='utf-8',
                      opener=lambda name, flags: os.open(name, flags, 0o755)) as file:
                file.write(self.APT)
            if lists:
                project.write(paths['LISTS'], ' ')
            environment = dict(paths, PATH=folder + ':' + os.environ['PATH'], NO_INSTALL='')
            with mock.patch.dict(os.environ, environment), mock.patch('os.geteuid', lambda: 0), \
                    mock.patch('malicsf.project.BUILD', folder), \
                    contextlib.redirect_stderr(io.StringIO()) as errors, \
                    contextlib.redirect_stdout(io.StringIO()) as output:
                host_packages.install(['one', 'two'])
            self.assertEqual(errors.getvalue(), '')
            self.assertIn('installing 2 packages', output.getvalue())
            calls = [line.split() for line in project.read(paths['LOG']).splitlines()]
        return [[word for word in words if word in ('update', '--simulate', '--download-only')]
                for words in calls]

    def test_without_lists(self):
        self.assertEqual(self.calls(False), [['--simulate'], ['update'], []])

    def test_with_lists(self):
        self.assertEqual(self.calls(True), [['--simulate'], ['--download-only'], []])


if __name__ == '__main__':
    unittest.main()
