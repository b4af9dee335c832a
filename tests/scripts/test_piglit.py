# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of piglit's programs: what a guest says, and what is kept of it."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf.check import check_piglit  # noqa: E402

SAID = '''@@ begin piglit--all
# 553 programs, of which every 8. is run, from number 1 on
ok 1 - piglit one.cl
# subtest\tone.cl\tadd int1\tpass\t-
# subtest\tone.cl\tadd int1\tpass\t-
not ok 2 - piglit two.cl
# subtest\ttwo.cl\tsub\tfail\tpass
# subtest\ttwo.cl\tmul\tfail\tfail
# fail on the GPU, fail on llvmpipe; 1 subtests are worse
# subtest\tthree.cl\t(whole program)\ttime-out\ttime-out
'''


class KindTest(unittest.TestCase):

    def test_kinds(self):
        for here, other, kind in (
                ('pass', '-', check_piglit.PASSED), ('pass', 'fail', check_piglit.PASSED),
                ('fail', 'pass', check_piglit.WORSE), ('time-out', 'pass', check_piglit.WORSE),
                ('missing', 'pass', check_piglit.WORSE), ('exit 134', 'pass', check_piglit.WORSE),
                ('skip', 'pass', check_piglit.NOT_OFFERED),
                ('fail', 'time-out', check_piglit.NOT_COMPARED),
                ('fail', 'exit 139', check_piglit.NOT_COMPARED),
                ('exit 1', '-', check_piglit.NOT_COMPARED),
                ('fail', 'fail', check_piglit.BOTH), ('fail', 'exit 1', check_piglit.BOTH)):
            self.assertEqual(check_piglit.kind_of(here, other), kind, (here, other))


class RowsTest(unittest.TestCase):

    def test_said(self):
        rows = check_piglit.said_rows(SAID)
        self.assertEqual(list(rows), ['one.cl', 'two.cl', 'three.cl'])
        self.assertEqual(rows['one.cl'], [('add int1', 'pass', '-')] * 2)
        self.assertEqual(rows['two.cl'], [('sub', 'fail', 'pass'), ('mul', 'fail', 'fail')])

    def test_written_is_read(self):
        rows = check_piglit.said_rows(SAID)
        self.assertEqual(check_piglit.read_rows(check_piglit.written(rows)), rows)
        self.assertEqual(check_piglit.read_rows(''), {})

    def test_a_run_replaces_its_programs(self):
        before = {'two.cl': [('sub', 'pass', '-')], 'four.cl': [('old', 'pass', '-')]}
        rows = before | check_piglit.said_rows(SAID)
        self.assertEqual(rows['two.cl'][0], ('sub', 'fail', 'pass'))
        self.assertEqual(rows['four.cl'], [('old', 'pass', '-')])

    def test_summary_names_what_is_no_pass(self):
        lines = check_piglit.summary(check_piglit.said_rows(SAID))
        self.assertEqual(lines, [
            '3 programs, subtests: 2 pass, 1 pass on llvmpipe only, 1 could not be compared, '
            '1 pass on neither',
            'pass on llvmpipe only: two.cl: sub (fail, pass on llvmpipe)',
            'could not be compared: three.cl: (whole program) (time-out, time-out on llvmpipe)',
            'pass on neither: two.cl: mul (fail, fail on llvmpipe)'])


if __name__ == '__main__':
    unittest.main()
