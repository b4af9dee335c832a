# SPDX-License-Identifier: GPL-2.0-or-later
"""What ThreadSanitizer says is read, and each program with threads is run under it."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf.check import check_tsan  # noqa: E402

RACE = ('SUMMARY: ThreadSanitizer: data race '
        '/there/obj/../src/hw/gpu/mali-csf/shader/jobs.c:12:9 in put')


class TsanTest(unittest.TestCase):

    def test_reports(self):
        said = f'WARNING: ThreadSanitizer: data race (pid=1)\n{RACE}\n{RACE}\n' \
               'ThreadSanitizer: reported 2 warnings\n'
        self.assertEqual(check_tsan.reports(said),
                         {'data race hw/gpu/mali-csf/shader/jobs.c:12:9 in put': 2})
        self.assertEqual(check_tsan.reports(''), {})

    def test_gives_up(self):
        self.assertEqual(check_tsan.reports('FATAL: ThreadSanitizer: unexpected memory map\n'),
                         {'unexpected memory map': 1})

    def test_programs(self):
        names = check_tsan.programs()
        for name in ('mali-csf-shader-stop-test', 'mali-csf-endpoint-test'):
            self.assertIn(name, names)
        self.assertNotIn('mali-csf-walk-test', names)


if __name__ == '__main__':
    unittest.main()
