# SPDX-License-Identifier: GPL-2.0-or-later
"""Every stock kernel of the archive under the checker: it must find nothing.

Boots each kernel of configs/guest.toml's [stock], or of KERNELS=, with all
guest programs, the long ones too, and strict=stop.  A violation ends the run,
and is either a mistake of the checker or one of the driver.  A kernel that the
archive does not have is UNAVAILABLE, which is no failure.
"""

import os
import time

from malicsf import project
from malicsf.build import guest_kernel, initramfs
from malicsf.project import say
from malicsf.run import results, run_guest
from malicsf.settings import SETTINGS


class Row:
    """What became of one kernel."""

    def __init__(self, kernel):
        self.kernel, self.state, self.seconds = kernel, '', 0
        self.passed = self.failed = self.skipped = 0
        self.violations, self.failures = [], []

    def run(self, tests):
        name = f'stock-{self.kernel}'
        start = time.monotonic()
        result, reason = run_guest.run_apart([f'KERNEL={self.kernel}', f'TESTS={tests}',
                                              'STRICT=stop', f'NAME={name}'])
        self.seconds = time.monotonic() - start
        if reason:
            self.state = 'UNAVAILABLE' if 'UNAVAILABLE' in reason else 'FAIL'
            self.failures.append(reason)
            return
        folder = os.path.join(project.BUILD, 'run', name)
        came_to = results.read(folder) or {'tests': []}
        for test in came_to['tests']:
            if test['verdict'] == 'skip':
                self.skipped += 1
            elif test['verdict'] == 'not ok':
                self.failed += 1
                self.failures.append(f'{results.title(test)}  ({test["reason"]})')
            else:
                self.passed += 1
        self.violations = [row['text'].removeprefix('violation ')
                           for row in came_to.get('findings', []) if row['kind'] == 'violation']
        bad = result.returncode or self.failed or self.violations or not self.passed
        self.state = 'FAIL' if bad else 'ok'
        if bad and not self.failures:
            self.failures.append(f'run-guest.py ended with {result.returncode}')

    def __str__(self):
        return (f'{self.kernel:<12} {self.state:<12} {self.passed:>7} {self.failed:>7} '
                f'{self.skipped:>8} {len(self.violations):>11} {self.seconds:>5.0f} s')


def main():
    SETTINGS.parser(__doc__, 'check-stock').parse_args()
    project.require_host()
    # These would make it another kernel, or another judge.
    SETTINGS.refuse(('KERNEL', 'MODULES', 'PANTHOR_KO', 'GDB', 'NAME', 'STRICT', 'COUNT'),
                    'check-stock; KERNELS= chooses')
    SETTINGS.refuse_other_runs('check-stock')
    kernels = SETTINGS.words('KERNELS') \
        or project.config('guest')['stock']['kernels']
    tests = SETTINGS.take_out('TESTS') or 'all,long'
    for kernel in kernels:
        guest_kernel.check_name(kernel, 'KERNELS')
    run_guest.choose_programs(tests, initramfs.listed_programs())
    rows = []
    for kernel in kernels:
        say(f'{kernel}: booting, TESTS={tests} STRICT=stop')
        rows.append(Row(kernel))
        rows[-1].run(tests)
        say(f'{kernel}: {rows[-1].state} after {rows[-1].seconds:.0f} s')
    say('')
    say(f'{"kernel":<12} {"":<12} {"passed":>7} {"failed":>7} {"skipped":>8} '
        f'{"violations":>11} {"time":>7}')
    for row in rows:
        say(str(row))
    for row in rows:
        for text in row.violations[:3] + row.failures[:5]:
            say(f'{row.kernel}: {text}')
    failed = [row for row in rows if row.state == 'FAIL']
    ran = [row for row in rows if row.state == 'ok']
    say(f'{len(ran)} kernels ok, {len(failed)} failed, '
        f'{len(rows) - len(ran) - len(failed)} unavailable')
    if failed:
        return project.FAIL
    return project.PASS if ran else project.CANNOT_TEST
