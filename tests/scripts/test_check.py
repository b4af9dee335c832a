# SPDX-License-Identifier: GPL-2.0-or-later
"""What make check makes of meson's logs."""

import importlib
import json
import os
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

import project  # noqa: E402

check = importlib.import_module('check')

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


if __name__ == '__main__':
    unittest.main()
