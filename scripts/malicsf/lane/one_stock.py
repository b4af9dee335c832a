# SPDX-License-Identifier: GPL-2.0-or-later
"""Many drivers, each judged as make check-patch judges a patch, against one boot of stock."""

import contextlib
import threading

from malicsf import project
from malicsf.lane import check_patch, sides, verdict


class Lane:
    """Boots, and what make check-patch makes of them; several threads may use it."""

    def __init__(self, tests, settings, module, name):
        """
        tests: as for TESTS=; module: the path of stock's; name: what those of the runs begin with
        """
        self.tests, self.settings, self.module, self.name = tests, settings, module, name
        self.stock = None
        self.booting, self.printing = threading.Lock(), threading.Lock()

    def boot_stock(self):
        with self.booting:
            if self.stock is None:
                self.stock = sides.run_one('stock', self.module, self.tests, self.settings,
                                           f'{self.name}-stock')

    def boot(self, module, name, tests, own_clock=False):
        return sides.run_beside(self.stock, module, tests, self.settings, f'{self.name}-{name}',
                                own_clock)

    def round(self, run, file, alone=False):
        """Write what the lane prints to a file; what verdict.py judges.

        alone: a later run, for which it does not matter how late the host of stock's was
        """
        comparison = check_patch.Comparison(self.stock, run, [])
        with self.printing, contextlib.redirect_stdout(file):
            for part in (comparison.ending, comparison.findings, comparison.warnings,
                         comparison.tests, comparison.locks):
                part()
        found = comparison.round()
        if alone:
            found.lateness = {name: run.late(name) for name in ('', *run.lateness)}
        return found

    def judge(self, name, module, log, tests=None):
        """(verdict, reasons, Round of the first run) of a driver.

        log: a path for what the lane prints; tests: those of its own, if not all.  What is
        looked at again are the programs in question, against the same run of stock.
        """
        self.boot_stock()
        with open(log, 'w', encoding='utf-8') as file:
            tests = tests or self.tests
            before = self.round(self.boot(module, name, tests), file)

            def run_again(wanted):
                chosen = check_patch.in_question(wanted, tests)
                return self.round(self.boot(module, name + '-again', ' '.join(chosen),
                                            wanted.own_clock()), file, alone=True)

            result, reasons = verdict.judge(before, run_again)
        return result, reasons, before

    def say(self, text):
        """A line that does not get into the log of a driver"""
        with self.printing:
            project.say(text)
