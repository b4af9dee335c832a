# SPDX-License-Identifier: GPL-2.0-or-later
"""What make check makes of meson's logs."""

import fnmatch
import json
import os
import re
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.check import check  # noqa: E402

JUNIT = '''<testsuites><testsuite name="mali-csf.mali-csf:guest / guest-7.3">
<testcase name="1 - canary: a job"/>
<testcase name="2 - submit: runs to its end"><failure/></testcase>
<testcase name="3 - expand: B"><skipped/></testcase></testsuite></testsuites>'''
RESULT = {'format': 1, 'tests': [{'program': 'submit', 'name': 'runs to its end',
                                  'reason': 'TIMEOUT after 60 s; host: load 12.3'}]}


class PartTest(unittest.TestCase):

    def test_reasons(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(project, 'BUILD', folder):
            base = os.path.join(folder, 'testlog')
            project.write(base + '.junit.xml', JUNIT)
            project.write(base + '.json', ''.join(json.dumps(
                {'name': f'mali-csf:guest / {name}', 'result': result}) + '\n'
                for name, result in (('guest-7.3', 'FAIL'), ('mali-csf-mmu-test', 'TIMEOUT'),
                                     ('mali-csf-pwr-test', 'ERROR'))))
            project.write(os.path.join(folder, 'run/check-7.3/result.json'), json.dumps(RESULT))
            part = check.Part('guest')
            part.add_log(base, 'host: load 12.3 on 2 processors')
        self.assertEqual((part.passed, part.failed, part.skipped), (1, 3, 1))
        self.assertEqual(part.failures, [
            'guest-7.3: submit: runs to its end (TIMEOUT after 60 s; host: load 12.3)',
            'mali-csf-mmu-test: timeout; host: load 12.3 on 2 processors',
            'mali-csf-pwr-test: error'])


class SuiteTest(unittest.TestCase):
    """With a program in the place of meson, which leaves the logs that it is told to"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.logs = os.path.join(self.folder, 'meson/meson-logs')
        for name, value in (('BUILD', self.folder), ('MESON_BUILD', self.folder + '/meson')):
            patch = mock.patch.object(project, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        patch = mock.patch.object(check, 'JUNIT', os.path.join(self.folder, 'check'))
        patch.start()
        self.addCleanup(patch.stop)

    def run_suite(self, name, junit):
        def meson(command, **_):
            base = os.path.join(self.logs, command[command.index('--logbase') + 1])
            if junit:
                project.write(base + '.junit.xml', junit)
                project.write(base + '.json', '')
            return mock.Mock(returncode=0 if junit else 1)
        with mock.patch('subprocess.run', meson):
            return check.run_suite(name, {})

    def test_each_suite_keeps_its_own(self):
        others = os.path.join(self.logs, 'testlog.junit.xml')
        project.write(others, 'of a meson test that runs beside it')
        guest = self.run_suite('guest', JUNIT)
        unit = self.run_suite('unit', JUNIT.replace('canary', 'floors'))
        self.assertEqual((guest.passed, unit.passed), (1, 1))
        self.assertIn('canary', project.read(os.path.join(self.folder, 'check/guest.xml')))
        self.assertIn('floors', project.read(os.path.join(self.folder, 'check/unit.xml')))
        self.assertEqual(project.read(others), 'of a meson test that runs beside it')

    def test_no_log(self):
        """An earlier log is not taken for that of a run that left none."""
        self.run_suite('guest', JUNIT)
        self.assertEqual(self.run_suite('guest', '').failures,
                         ['guest: meson test ended with status 1'])


class ScriptsTest(unittest.TestCase):
    """The parts that meson.build runs our modules in"""

    def test_each_module_is_in_one(self):
        source = project.read(os.path.join(project.ROOT, 'meson.build'))
        patterns = re.findall(r"'(test_[^']*\.py)'", source)
        here = os.path.dirname(os.path.abspath(__file__))
        modules = fnmatch.filter(os.listdir(here), '*test*.py')
        self.assertGreater(len(modules), 30)
        self.assertEqual([name for name in modules
                          if sum(fnmatch.fnmatch(name, pattern) for pattern in patterns) != 1], [])


if __name__ == '__main__':
    unittest.main()
