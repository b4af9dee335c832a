# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs of stock and patched: boots, and what each has left."""

import collections
import contextlib
import os
import re
import shlex
import subprocess
import sys
import threading
import time

from malicsf import host_load, project
from malicsf.project import Stop
from malicsf.run import device_log, kernel_log, results, run_guest

FUNCTIONS = [
    'panthor_vm_lock_region', 'panthor_vm_expand_locked_region', 'panthor_vm_unlock_region',
    'panthor_vm_apply_as_lock', 'panthor_vm_map_pages', 'panthor_vm_unmap_pages',
    'panthor_gpuva_sm_step_remap', 'panthor_gpu_flush_caches', 'panthor_vm_active',
    'panthor_mmu_as_enable', 'panthor_mmu_as_disable', 'panthor_vm_evict_bo_mappings_locked',
    'panthor_device_reset_work',
]
# A patched driver that needs more than twice the time of stock, and this many
# seconds on top, will not end by itself.
PATIENCE_SECONDS = 20
# Programs that take less are not worth a guest more.
WORTH_A_BOOT_SECONDS = 30
SIDES = ('stock', 'patched')
# When the host was late the programs run again with a clock that follows the guest's
# instructions, which takes longer.
OWN_CLOCK, OWN_CLOCK_SLACK = '-icount shift=2', 4
# A kernel that has written over its own memory should end, not limp; and what is freed
# is overwritten, so that a use of it is noticed.
KERNEL_ARGS = 'oops=panic slub_debug=FZPU'
# They look at what the others of their boot have left behind.
OF_EACH_BOOT = ('kmemleak',)
# Results of run-guest.py that are counted elsewhere: the findings, and how the run ended
NOT_TESTS = {f'{title}: {what}' for title in ('run', 'again')
             for what in ('no violation', 'goes on to its end')}


class Run:
    """What run-guest.py has left in its folder."""

    stopped = None      # why it did not end by itself
    kept = ''           # when it was, if that was for another patch

    def __init__(self, side, folder, tests):
        self.side, self.folder, self.tests = side, folder, tests
        self.folders = [folder]

    def last_words(self):
        """What to say of a run that has left nothing"""
        return ''

    def done(self, _seconds):
        """See Boot"""
        return True

    def stop(self, reason):
        """See Boot"""

    def collect(self):
        """Read the run's folder; nothing of it changes any more."""
        result = results.read(self.folder)
        if result is None:
            raise Stop(f'{self.side}: run-guest.py left no result{self.last_words()}',
                       project.FAIL)
        self.seconds = result['seconds']
        self.results = [[test['verdict'], results.title(test),
                         test['reason'] or ' '.join(test['details'][:1]), program_of(test)]
                        for test in result['tests'] if results.title(test) not in NOT_TESTS]
        self.host = host_load.from_row(result['host'])
        self.lateness = {'': self.host} | {
            name: host_load.from_row(row) for name, row in result['programs'].items()}
        log = project.read_lossy(os.path.join(self.folder, 'console.log')).splitlines()
        self.kernel_log = []    # (program, text)
        self.calls = {}
        self.pairs = {}
        self.untimed = []       # (program, pattern): tests that a late host does not fail
        self.stock_warns = []   # (program, pattern): what stock says, though not in each run
        expectations, program = {}, ''
        for line in log:
            if (text := kernel_log.text_of(line)) is not None:
                self.kernel_log.append((program, text))
            elif line.startswith('@@ begin '):
                program = line.split()[2]
            elif line.startswith(('#@ expect-locks ', '#@ expect-block ')):
                try:
                    device_log.parse_directive(program, line[3:].split(), expectations)
                except (KeyError, ValueError):
                    pass
            elif line.startswith('#@ untimed '):
                self.untimed.append((program, line.split(maxsplit=2)[2]))
            elif line.startswith('#@ stock-warns '):
                self.stock_warns.append((program, line.split(maxsplit=2)[2]))
            elif found := re.match(r'@@ count (\w+) (\w+)', line):
                self.calls[found[1]] = found[2]
            elif found := re.match(r'# pair: (.*): fastest (\d+) us, median (\d+) us', line):
                self.pairs[found[1]] = int(found[2]), int(found[3])
        device = project.read_lossy(os.path.join(self.folder, 'device.log')).splitlines()
        self.commands = device_log.expansions(device)
        self.sequences, self.remarks = {}, {}
        for item, state, reason, locks in device_log.judge(list(expectations.values()), device):
            case = f'{item.program} {item.case}'
            self.sequences[case] = device_log.describe(locks)
            if state == 'ok' and reason:
                self.remarks[case] = reason
        self.findings = collections.Counter()
        self.lost_text = device_log.describe_lost(
            device_log.lost_findings(os.path.join(self.folder, 'device.log')))
        self.violations, self.lost = [], []
        self.unexpected = False     # whether there are violations that no program expects
        for finding in result.get('findings', []):
            name, program = finding['name'], finding['program'] or ''
            if finding['kind'] == 'violation':
                self.findings[name] += finding['times']
                self.violations.append((program, name, finding['text']))
                self.unexpected |= not finding['allowed']
            else:
                self.findings[f'(note) {name}'] += finding['times']
                # Where a program has commands hang, they are lost on purpose.
                self.lost += [program] if name == run_guest.LOST and not finding['allowed'] else []

    def is_untimed(self, program, name):
        """Whether time is no explanation if this test fails."""
        return any(program == other and re.search(pattern, name)
                   for other, pattern in self.untimed)

    def is_of_stock(self, program, text):
        """Whether a line of the kernel's log is one that stock has there as well."""
        return any(program == other and re.search(pattern, text)
                   for other, pattern in self.stock_warns)

    def initialized(self):
        return any(state == 'ok' and name == 'panthor: initialized'
                   for state, name, _, _ in self.results)

    def count(self, state):
        return sum(row[0] == state for row in self.results)

    def failing(self):
        """Programs with a test that fails; '' if something of the whole run does."""
        return {program for state, _, _, program in self.results if state == 'not ok'}

    def sound(self):
        """Whether it shows all that this driver does with these programs, and no host's doing."""
        return not (self.stopped or self.failing() or self.lost or self.unexpected) \
            and self.initialized()

    def late(self, program):
        # How long a whole run takes is told by the host's clock.
        return self.lateness.get(program, self.host).late(by_host_clock=not program)


class Boot(Run):
    """run-guest.py with one module, under way."""

    def __init__(self, side, module, name, tests, settings, own_clock=False):
        super().__init__(side, os.path.join(run_guest.RUNS, name), tests)
        self.lines = []
        kernel_args = f'{settings.kernel_args} {KERNEL_ARGS}'.strip()
        more = [f'QEMU_ARGS={shlex.join(settings.qemu_args)} {OWN_CLOCK}',
                f'SLACK={settings.slack * OWN_CLOCK_SLACK}'] if own_clock else []
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, project.RUN_GUEST, '--tap', f'NAME={name}', f'PANTHOR_KO={module}',
             f'TESTS={tests}', f'MODEL={settings.model}', 'STRICT=report',
             f'COUNT={" ".join(FUNCTIONS)}', f'KERNEL_ARGS={kernel_args}', 'MUST_RUN=',
             'SHARD=', *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors='replace')
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        with self.process.stdout:
            for line in self.process.stdout:
                self.lines.append(line.rstrip('\n'))
        self.seconds = time.monotonic() - self.start

    def done(self, seconds):
        """Whether it is over within some seconds."""
        self.thread.join(seconds)
        if self.thread.is_alive():
            return False
        self.process.wait()
        return True

    def stop(self, reason):
        if self.process.poll() is None:
            self.stopped = reason
            self.process.terminate()
            self.process.wait()
            self.thread.join()

    def collect(self):
        # What ended before its first result cannot be compared.
        if self.process.returncode in (project.USAGE, project.CANNOT_TEST):
            text = next((line for line in self.lines if line.startswith('error: ')), 'error: ?')
            raise Stop(f'{self.side}: {text[7:]}', self.process.returncode)
        super().collect()

    def last_words(self):
        return f'; its last line is: {(self.lines or ["nothing"])[-1]}'


class Halves(Run):
    """A run of which each half of the programs has a guest of its own, at the same time."""

    def __init__(self, boots):
        super().__init__(boots[0].side, boots[0].folder, ' '.join(boot.tests for boot in boots))
        self.boots, self.start = boots, boots[0].start
        self.folders = [boot.folder for boot in boots]

    def done(self, seconds):
        return all(boot.done(seconds) for boot in self.boots)

    def stop(self, reason):
        for boot in self.boots:
            boot.stop(reason)
        self.stopped = next((boot.stopped for boot in self.boots if boot.stopped), None)

    def collect(self):
        for boot in self.boots:
            boot.collect()
        first, *others = self.boots
        vars(self).update(vars(first) | {name: getattr(self, name) for name in
                                         ('boots', 'folders', 'tests', 'stopped')})
        for boot in others:
            self.seconds = max(self.seconds, boot.seconds)
            for name in ('results', 'kernel_log', 'untimed', 'stock_warns', 'violations', 'lost'):
                setattr(self, name, getattr(self, name) + getattr(boot, name))
            for name in ('pairs', 'sequences', 'remarks'):
                setattr(self, name, getattr(self, name) | getattr(boot, name))
            self.findings += boot.findings
            self.commands = {name: count + boot.commands[name]
                             for name, count in self.commands.items()}
            self.calls = sum_of_calls(self.calls, boot.calls)
            self.lost_text = '; '.join(filter(None, (self.lost_text, boot.lost_text)))
            self.unexpected |= boot.unexpected
            if boot.host.late() and not self.host.late():
                self.host = boot.host
            self.lateness |= boot.lateness | {'': self.host}

    def initialized(self):
        return all(boot.initialized() for boot in self.boots)


def sum_of_calls(calls, more):
    """{function: how often} of two guests; what is no number is the same in both.

    Nothing if a guest did not get to where it says so.
    """
    if not calls or not more:
        return {}
    return {name: str(int(text) + int(more[name]))
            if text.isdigit() and more.get(name, '').isdigit() else text
            for name, text in calls.items()}


def halves(tests, kept):
    """Programs of TESTS= in two parts that take as long as each other, each in their order

    kept: the Run of stock that says how long; one part if a boot would cost what that saves
    """
    names = names_of(tests)
    taken = {name: row['seconds'] for name, row in results.read(kept.folder)['programs'].items()}
    seconds = {name: taken.get(name, 0) for name in names}
    if sum(seconds.values()) < WORTH_A_BOOT_SECONDS or len(os.sched_getaffinity(0)) < 2:
        return [tests]
    parts = [], []
    for name in sorted(names, key=seconds.get, reverse=True):
        min(parts, key=lambda part: sum(seconds[other] for other in part)).append(name)
    return [' '.join(name for name in names if name in part or name in OF_EACH_BOOT)
            for part in parts if part]


def program_of(test):
    """The program that a test is of; '' if it is of the whole run."""
    return '' if test['program'] in ('run', 'panthor', 'kernel') else test['program']


def names_of(tests):
    """The programs of TESTS=, each with its argument"""
    return [row[0] + row[3] for row in run_guest.choose_programs(tests)]


def skipped_seconds(run):
    """What the programs may take of which a run has skipped something"""
    found = (results.read(run.folder) or {}).get('tests', [])
    names = {test['program'] for test in found if test['verdict'] == 'skip'}
    return sum(row[2] for row in run_guest.choose_programs(run.tests) if row[0] + row[3] in names)


def wait_for(stock, patched, settings):
    """Until both are over; patched is ended when it needs much longer than stock.

    What stock cannot do, and skips, patched may have time for.
    """
    # Both have run-guest.py's own limits; stock keeps to those.
    while not stock.done(1):
        pass
    left = 2 * stock.seconds + (PATIENCE_SECONDS + skipped_seconds(stock)) * settings.slack \
        - (time.monotonic() - patched.start)
    if not patched.done(max(left, 1)):
        patched.stop(f'TIMEOUT: stock needed {stock.seconds:.0f} s, patched was ended after '
                     f'{time.monotonic() - patched.start:.0f} s')


@contextlib.contextmanager
def stopped_with(runs):
    """Ends the runs that are under way if the block does not come to its end."""
    try:
        yield
    except BaseException:
        for run in runs:
            run.stop('interrupted')
        raise


def collected(runs):
    for run in runs:
        run.collect()
    return runs


def run_both(modules, tests, settings, title):
    """[stock, patched] at the same time"""
    runs = []
    with stopped_with(runs):
        for side, module in zip(SIDES, modules):
            runs.append(Boot(side, module, f'{title}-{side}', tests, settings))
        wait_for(*runs, settings)
    return collected(runs)


def run_patched(module, tests, settings, title, kept):
    """The Run of patched, in two guests if that is faster; kept: that of stock"""
    boots = []
    with stopped_with(boots):
        for number, part in enumerate(halves(tests, kept), 1):
            name = f'{title}-patched' + (f'-part-{number}' if number > 1 else '')
            boots.append(Boot('patched', module, name, part, settings))
        run = Halves(boots) if len(boots) > 1 else boots[0]
        wait_for(kept, run, settings)
    return collected([run])[0]


def run_one(side, module, tests, settings, name):
    """A Run, when it has ended"""
    run = Boot(side, module, name, tests, settings)
    with stopped_with([run]):
        while not run.done(1):
            pass
    return collected([run])[0]


def run_beside(stock, module, tests, settings, name, own_clock=False):
    """The Run of patched, when it has ended; stock: a Run that has"""
    run = Boot('patched', module, name, tests, settings, own_clock)
    with stopped_with([run]):
        wait_for(stock, run, settings)
    return collected([run])[0]


def run_alone(modules, tests, settings, title, own_clock):
    """[stock, patched] one after the other"""
    runs = []
    with stopped_with(runs):
        for side, module in zip(SIDES, modules):
            runs.append(Boot(side, module, f'{title}-{side}-again', tests, settings, own_clock))
            wait_for(runs[0], runs[-1], settings)
    return collected(runs)
