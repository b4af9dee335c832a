# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of the kernel's log are trouble."""

import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.run import kernel_log  # noqa: E402


def lines():
    rows = project.read(os.path.join(HERE, 'kernel-lines.txt')).splitlines()
    return [row.split('\t', 1) for row in rows]


class LinesTest(unittest.TestCase):

    def test_python(self):
        judge = kernel_log.Judge()
        self.assertGreater(len(lines()), 60)
        for verdict, text in lines():
            self.assertEqual(verdict, 'bad' if judge.kind(text) else 'good', text)

    def test_posix(self):
        """What the runner has, regcomp() with REG_EXTENDED and REG_ICASE, is that of grep."""
        found = subprocess.run(
            ['grep', '-niE', *(word for pattern in kernel_log.patterns()
                               for word in ('-e', pattern))],
            input=''.join(text + '\n' for _, text in lines()), text=True, capture_output=True,
            check=True).stdout
        bad = {int(line.split(':')[0]) for line in found.splitlines()}
        for number, (verdict, text) in enumerate(lines(), 1):
            self.assertEqual(verdict, 'bad' if number in bad else 'good', text)

    def test_room(self):
        """The runner has room for so many, and for lines so long."""
        source = project.read(os.path.join(project.ROOT, 'tests/guest/runner.c'))
        room = int(re.search(r'#define MAX_PATTERNS +(\d+)', source)[1])
        self.assertLess(len(kernel_log.patterns()), room)
        self.assertLess(max(map(len, kernel_log.patterns())), 500)

    def test_kinds(self):
        judge = kernel_log.Judge()
        for text, kind in (('BUG: KASAN: x', 'crash'), ('BUG: workqueue lockup - x', 'stall'),
                           ('watchdog: BUG: soft lockup - CPU#0 stuck for 22s!', 'stall'),
                           ('panthor c.gpu: [drm] job timeout: pid=1', 'trouble'),
                           ('random: crng init done', None)):
            self.assertEqual(judge.kind(text), kind)

    def test_console(self):
        for line, text in (('[    1.683035] BUG: x', 'BUG: x'), ('[12345.683035][   T12] a', 'a'),
                           ('[    0.000000][    C1]  a', ' a'), ('ok 1 - a', None)):
            self.assertEqual(kernel_log.text_of(line), text)


if __name__ == '__main__':
    unittest.main()
