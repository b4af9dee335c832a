# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run leaves: JSON, TAP, JUnit."""

import json
import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.run import expectations, results  # noqa: E402
import result_schema  # noqa: E402


def nothing_expected():
    return expectations.Expectations(folder='/nowhere')


class ReportTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with mock.patch('builtins.print'):
            report = results.Report(True, '', nothing_expected())
            report.about = {'kernel': '7.3.4', 'model': 'g610 <"&'}
            report.result('ok', 'canary: a job #1')
            report.comment('# what was measured')
            report.result('not ok', 'submit: a job', 'it said \x00\x1b[1m <&">')
            report.comment('# and then')
            report.result('skip', 'submit: another', 'no such thing')
            report.result('todo', 'fault: a race', 'known')
            report.write(self.folder, 'a-run', 12.345)

    def test_json(self):
        result = results.read(self.folder)
        self.assertEqual((result['name'], result['seconds'], result['about']['kernel']),
                         ('a-run', 12.3, '7.3.4'))
        self.assertEqual([results.title(test) for test in result['tests']],
                         ['canary: a job #1', 'submit: a job', 'submit: another', 'fault: a race'])
        failed = result['tests'][1]
        self.assertEqual((failed['verdict'], failed['reason'], failed['details']),
                         ('not ok', 'it said \x00\x1b[1m <&">', ['what was measured', 'and then']))
        self.assertGreaterEqual(failed['seconds'], 0)

    def test_tap(self):
        self.assertEqual(project.read(os.path.join(self.folder, 'result.tap')).splitlines(), [
            'TAP version 13', r'ok 1 - canary: a job \#1', '# what was measured',
            'not ok 2 - submit: a job', '# it said \x00\x1b[1m <&">', '# and then',
            'ok 3 - submit: another # SKIP no such thing',
            'not ok 4 - fault: a race # TODO known', '1..4'])

    def test_junit(self):
        suite = ElementTree.parse(os.path.join(self.folder, 'result.xml')).getroot()
        self.assertEqual([suite.get(name) for name in ('name', 'tests', 'failures', 'skipped')],
                         ['a-run', '4', '1', '2'])
        self.assertEqual({row.get('name'): row.get('value') for row in suite.iter('property')},
                         {'kernel': '7.3.4', 'model': 'g610 <"&'})
        failure, = suite.iter('failure')
        self.assertEqual((failure.get('message'), failure.text),
                         ('it said ??[1m <&">', 'what was measured\nand then'))
        self.assertEqual([row.get('message') for row in suite.iter('skipped')],
                         ['no such thing', 'known finding: known'])
        self.assertEqual([case.get('classname') for case in suite.iter('testcase')],
                         ['canary', 'submit', 'submit', 'fault'])
        self.assertTrue(all(float(case.get('time')) >= 0 for case in suite.iter('testcase')))

    def test_schema(self):
        path = os.path.join(self.folder, 'result.json')
        self.assertEqual(result_schema.errors(path), '')
        with open(path, encoding='utf-8') as file:
            result = json.load(file)
        for name, value in (('format', 2), ('tests', None), ('other', 1),
                            ('findings', [{'kind': 'rumour'}])):
            with open(path, 'w', encoding='utf-8') as file:
                json.dump(result | {name: value}, file)
            self.assertNotEqual(result_schema.errors(path), '', name)

    def test_failed_programs(self):
        self.assertEqual(results.failed_programs(self.folder), {'submit'})
        self.assertEqual(results.failed_programs('/nowhere'), set())

    def test_none_and_damaged(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIsNone(results.read(folder))
            for text in ('{', '[]', '{"format": 99}', '\udcff'):
                with open(os.path.join(folder, 'result.json'), 'w', encoding='utf-8',
                          errors='surrogateescape') as file:
                    file.write(text)
                with self.assertRaisesRegex(project.Stop, 'result.json is damaged'):
                    results.read(folder)


if __name__ == '__main__':
    unittest.main()
