# SPDX-License-Identifier: GPL-2.0-or-later
"""A verdict on a patch, and how late the host was."""

import collections
import os
import sys
import time
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import host_load, project  # noqa: E402
from malicsf.lane import check_patch, sides, verdict  # noqa: E402
from malicsf.lane.verdict import Difference, Round  # noqa: E402

SOFT = Difference('submit', 'test a', '"submit: a" fails', False)
OTHER = Difference('fault', 'test b', '"fault: b" fails', False)
HARD = Difference('submit', 'finding x', 'x (1 times, never on stock)', True)


def in_time(*differences, **more):
    return Round(differences, {'': False, 'submit': False, 'fault': False}, **more)


def late(*differences, **more):
    return Round(differences, {'': True, 'submit': True, 'fault': True}, **more)


class FirstTest(unittest.TestCase):

    def test_nothing(self):
        for found in (in_time(), late()):
            self.assertEqual(verdict.first(found), (verdict.PASS, []))

    def test_certain(self):
        self.assertEqual(verdict.first(in_time(SOFT, HARD)),
                         (verdict.CONDEMNED, [SOFT.text, HARD.text]))

    def test_again(self):
        for found in (late(HARD), late(SOFT), in_time(SOFT), in_time(failing=['submit']),
                      late(failing=['']), in_time(lost=['fault'])):
            self.assertEqual(verdict.first(found)[0], verdict.AGAIN)

    def test_programs(self):
        self.assertEqual(late(SOFT, failing=['fault'], lost=['']).programs(),
                         {'submit', 'fault', ''})

    def test_programs_of_a_crash(self):
        ended = Difference('', 'ending', 'TIMEOUT', False)
        self.assertEqual(late(ended, SOFT).programs(), {'', 'submit'})
        self.assertEqual(late(ended, HARD).programs(), {'submit'})
        self.assertEqual(late(ended, HARD, failing=['']).programs(), {'', 'submit'})

    def test_late_for_one_program(self):
        found = Round([HARD], {'': True, 'submit': False})
        self.assertEqual(verdict.first(found)[0], verdict.CONDEMNED)
        found = Round([HARD], {'': False, 'submit': True})
        self.assertEqual(verdict.first(found)[0], verdict.AGAIN)
        # What is not known of a program is that of the run.
        self.assertEqual(verdict.first(Round([HARD], {'': True}))[0], verdict.AGAIN)


class SecondTest(unittest.TestCase):

    def second(self, before, found):
        return verdict.second(before, found)[0]

    def test_gone(self):
        self.assertEqual(self.second(late(SOFT), in_time()), verdict.PASS)
        self.assertEqual(self.second(late(SOFT), late()), verdict.PASS)

    def test_gone_though_the_host_was_in_time(self):
        self.assertEqual(self.second(in_time(SOFT), in_time()), verdict.CANNOT_TELL)

    def test_there_again(self):
        for before in (late(SOFT), in_time(SOFT)):
            self.assertEqual(self.second(before, in_time(SOFT)), verdict.CONDEMNED)

    def test_late_again(self):
        for before in (late(SOFT), in_time(SOFT)):
            self.assertEqual(self.second(before, late(SOFT)), verdict.CANNOT_TELL)

    def test_another(self):
        self.assertEqual(self.second(late(SOFT), in_time(OTHER)), verdict.CONDEMNED)
        self.assertEqual(self.second(late(SOFT), late(OTHER)), verdict.CANNOT_TELL)

    def test_hard_once(self):
        self.assertEqual(self.second(late(HARD), in_time()), verdict.CANNOT_TELL)
        self.assertEqual(self.second(late(SOFT), late(HARD)), verdict.CANNOT_TELL)

    def test_hard_on_stock_as_well(self):
        found = in_time(of_stock=[HARD.key])
        self.assertEqual(self.second(late(HARD), found), verdict.PASS)
        self.assertEqual(verdict.met_once(late(HARD), found), [])

    def test_met_once(self):
        """What more runs may show: not what was seen again, not what time explains."""
        self.assertEqual(verdict.met_once(late(HARD, SOFT), late()), [HARD])
        self.assertEqual(verdict.met_once(late(HARD), late(HARD)), [])
        self.assertEqual(verdict.met_once(late(SOFT), in_time()), [])

    def test_hard_twice(self):
        self.assertEqual(self.second(late(HARD), late(HARD)), verdict.CONDEMNED)

    def test_hard_twice_by_two_names(self):
        """What is used after it was freed seldom shows twice in the same way."""
        other = HARD._replace(key='finding y')
        self.assertEqual(self.second(late(HARD), late(other)), verdict.CONDEMNED)
        elsewhere = HARD._replace(program='fault')
        self.assertEqual(self.second(late(HARD), late(elsewhere)), verdict.CANNOT_TELL)

    def test_clock(self):
        self.assertTrue(late(SOFT).own_clock())
        self.assertFalse(late(SOFT, HARD).own_clock())
        self.assertFalse(in_time(SOFT).own_clock())

    def test_stock_fails(self):
        """Alone it may pass, and if it does not, nothing is said about it."""
        before = late(failing=['submit'])
        self.assertEqual(self.second(before, in_time()), verdict.PASS)
        self.assertEqual(self.second(before, in_time(failing=['submit'])), verdict.PASS)
        self.assertEqual(self.second(before, late(failing=['submit'])), verdict.CANNOT_TELL)
        # What hid behind the failure of stock
        self.assertEqual(self.second(before, in_time(SOFT)), verdict.CONDEMNED)

    def test_lost(self):
        before = late(lost=['submit'])
        self.assertEqual(self.second(before, in_time()), verdict.PASS)
        self.assertEqual(self.second(before, late(lost=['submit'])), verdict.CANNOT_TELL)


class JudgeTest(unittest.TestCase):
    """How often programs run, and of which"""

    def judge(self, before, *rounds):
        self.wanted, left = [], list(rounds)

        def run_again(wanted):
            self.wanted.append(sorted(wanted.programs()))
            return left.pop(0)

        result = verdict.judge(before, run_again)[0]
        self.assertEqual(left, [])
        return result

    def test_not_again(self):
        self.assertEqual(self.judge(in_time(HARD)), verdict.CONDEMNED)
        self.assertEqual(self.judge(late()), verdict.PASS)

    def test_once(self):
        self.assertEqual(self.judge(late(SOFT), late(SOFT)), verdict.CANNOT_TELL)
        self.assertEqual(self.judge(late(HARD), late(HARD)), verdict.CONDEMNED)
        self.assertEqual(self.judge(late(HARD), late(of_stock=[HARD.key])), verdict.PASS)

    def test_until_it_is_met(self):
        self.assertEqual(self.judge(late(HARD, OTHER), late(), late(HARD)), verdict.CONDEMNED)
        self.assertEqual(self.wanted, [['fault', 'submit'], ['submit']])

    def test_at_most(self):
        self.assertEqual(self.judge(late(HARD), late(), late(), late()), verdict.CANNOT_TELL)


class ComparisonTest(unittest.TestCase):
    """From two runs to a Round."""

    @staticmethod
    def run_of(results=(), findings=(), log=(), late_one=False, lost=(), untimed=(),
               stock_warns=()):
        run = mock.Mock(spec=sides.Run, side='a side', results=[list(row) for row in results],
                        kernel_log=list(log), stopped=None, lost=list(lost), lost_text='',
                        violations=[row for row in findings])
        run.findings = collections.Counter(name for _, name, _ in findings)
        run.lateness = {'': None, 'submit': None}
        run.late = lambda program: late_one
        run.count = lambda state: sides.Run.count(run, state)
        run.failing = lambda: sides.Run.failing(run)
        run.initialized = lambda: True
        run.untimed = list(untimed)
        run.is_untimed = lambda *words: sides.Run.is_untimed(run, *words)
        run.stock_warns = list(stock_warns)
        run.is_of_stock = lambda *words: sides.Run.is_of_stock(run, *words)
        return run

    def round_of(self, stock, patched, may_change=()):
        comparison = check_patch.Comparison(stock, patched, may_change)
        with mock.patch('builtins.print'):
            for part in (comparison.ending, comparison.findings, comparison.warnings,
                         comparison.tests):
                part()
        return comparison.round()

    def test_same(self):
        rows = [('ok', 'submit: a', '', 'submit'), ('not ok', 'fault: b', '', 'fault')]
        found = self.round_of(self.run_of(rows), self.run_of(rows))
        self.assertEqual((found.differences, found.failing), ([], {'fault'}))

    def test_test(self):
        found = self.round_of(self.run_of([('ok', 'submit: took 12 us', '', 'submit')]),
                              self.run_of([('not ok', 'submit: took 99 us', '', 'submit')]))
        difference, = found.differences
        self.assertEqual(difference[:2] + difference[3:],
                         ('submit', 'test submit: took N us', False))

    def test_untimed(self):
        stock = self.run_of([('ok', 'submit: a is b', '', 'submit')])
        for program, pattern, hard in (('submit', 'is b$', True), ('submit', 'is c', False),
                                       ('fault', 'is b', False)):
            found = self.round_of(stock, self.run_of([('not ok', 'submit: a is b', '', 'submit')],
                                                     untimed=[(program, pattern)]))
            self.assertEqual([row.hard for row in found.differences], [hard])

    def test_may_change(self):
        found = self.round_of(self.run_of([('ok', 'submit: a', '', 'submit')]),
                              self.run_of([('not ok', 'submit: a', '', 'submit')]), ['submit: *'])
        self.assertEqual(found.differences, [])

    def test_findings(self):
        for name, hard in (('change-outside-lock', True), ('group-on-unmapped', False)):
            found = self.round_of(self.run_of(), self.run_of(findings=[('fault', name, 'it')]))
            difference, = found.differences
            self.assertEqual((difference.program, difference.hard), ('fault', hard))

    def test_known_by_program(self):
        known = ('hung-lock', 'change-outside-lock', 'it')
        stock = self.run_of(findings=[known], log=[('hung-lock', 'WARNING: at x')])
        same = self.run_of(findings=[known], log=[('hung-lock', 'WARNING: at x')])
        self.assertEqual(self.round_of(stock, same).differences, [])
        other = self.run_of(findings=[known, ('submit', 'change-outside-lock', 'it')],
                            log=[('submit', 'WARNING: at x')])
        self.assertEqual({row.program for row in self.round_of(stock, other).differences},
                         {'submit'})

    def test_alarms(self):
        for line, hard in (('WARNING: CPU: 0 at x', True), ('Internal error: Oops: 96', True),
                           ('rcu: INFO: rcu_preempt detected stalls on CPUs', False),
                           ('watchdog: BUG: soft lockup - CPU#0 stuck for 22s!', False)):
            found = self.round_of(self.run_of(), self.run_of(log=[('submit', line)]))
            difference, = found.differences
            self.assertEqual((difference.program, difference.hard), ('submit', hard), line)
            same = [('submit', line)]
            self.assertEqual(self.round_of(self.run_of(log=same),
                                           self.run_of(log=same)).differences, [])

    def test_stock_warns(self):
        """A warning of stock's that this run of it happened not to have"""
        for program, condemned in (('submit', []), ('fault', ['fault'])):
            found = self.round_of(self.run_of(), self.run_of(
                log=[(program, 'WARNING: panthor_mmu.c:3363 at panthor_mmu_unplug+0x1/0x2')],
                stock_warns=[('submit', 'at panthor_mmu_unplug')]))
            self.assertEqual([row.program for row in found.differences], condemned)

    def test_lost(self):
        found = self.round_of(self.run_of(), self.run_of(lost=['submit']))
        self.assertEqual(found.lost, {'submit'})

    def test_exit_codes(self):
        with mock.patch('builtins.print'):
            self.assertEqual([check_patch.say_verdict(result, ['why'] * 20) for result in
                              (verdict.PASS, verdict.CONDEMNED, verdict.CANNOT_TELL)],
                             [project.PASS, project.FAIL, project.CANNOT_TEST])


class LatenessTest(unittest.TestCase):

    @staticmethod
    def lateness(waited=0.0, steal=0.0, lag=0.0, load=0.0, icount=False):
        return host_load.Lateness(waited, steal, lag, load, 2, icount)

    def test_late(self):
        self.assertFalse(self.lateness().late())
        # What QEMU has met itself counts, not how many others there are.
        self.assertFalse(self.lateness(load=9).late())
        for values in ({'waited': 0.7}, {'steal': 0.3}, {'lag': 2.0}, {'waited': None, 'load': 9}):
            self.assertTrue(self.lateness(**values).late(), values)
            self.assertFalse(self.lateness(**values, icount=True).late(), values)
            self.assertTrue(self.lateness(**values, icount=True).late(by_host_clock=True), values)

    def test_text(self):
        self.assertEqual(str(self.lateness(0.71, 0.05, 0.84, 12.34)),
                         'host: load 12.3 on 2 processors, QEMU waited for one 71 % of the time, '
                         '5 % stolen by a hypervisor, timers up to 0.8 s late')
        self.assertEqual(str(self.lateness(None)), 'host: load 0.0 on 2 processors')

    def test_cost(self):
        """How long a time was, and what of the processors QEMU had in it"""
        watch = host_load.Watch(os.getpid())
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            pass
        found = watch.since()
        self.assertTrue(0.3 <= found.seconds < 30, found.seconds)
        self.assertTrue(0.01 < found.used <= found.seconds + 0.1, found.used)

    def test_row(self):
        row = host_load.Lateness(0.5, 0, 0, 3, 2, seconds=12.5, used=3.25).row()
        self.assertTrue(row['late'])
        self.assertEqual(host_load.from_row(row).row(), row)

    def test_icount(self):
        for text, follows in (('-icount shift=2', True), ('--icount 3', True),
                              ('-icount sleep=off,shift=7', True), ('-icount shift=auto', False),
                              ('-m 2G', False), ('-icount', False)):
            self.assertEqual(host_load.follows_instructions(text.split()), follows, text)

    def test_watch(self):
        """A process that waits for a processor that another one has."""
        first = os.sched_getaffinity(0) and min(os.sched_getaffinity(0))
        pids = []
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                os.sched_setaffinity(0, {first})
                end = time.monotonic() + 1.5
                while time.monotonic() < end:
                    pass
                os._exit(0)
            pids.append(pid)
        watch = host_load.Watch(pids[0])
        watch.start()
        time.sleep(0.2)
        watch.mark('it')
        time.sleep(1)
        found = watch.since('it')
        watch.end()
        for pid in pids:
            os.waitpid(pid, 0)
        self.assertGreater(found.waited, 0.5)
        self.assertTrue(found.late())

    def test_no_process(self):
        watch = host_load.Watch()
        self.assertIsNone(watch.since().waited)
        self.assertGreaterEqual(watch.since('nothing of that name').load, 0)


if __name__ == '__main__':
    unittest.main()
