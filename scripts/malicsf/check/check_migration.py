# SPDX-License-Identifier: GPL-2.0-or-later
"""Save and load the machine at random instants while a guest uses the GPU.

At each instant the machine is stopped, and either saved to a file and loaded
in a new QEMU, or saved to an internal snapshot, run on, and thrown back to
it.  The guest must not notice: its programs have to pass.
"""

import collections
import os
import random
import re
import selectors
import time

from malicsf import project
from malicsf.build import initramfs
from malicsf.check import saved_state
from malicsf.project import say
from malicsf.run import device_log, expectations, results, run_guest
from malicsf.settings import SETTINGS

# Programs that ask the host for nothing: what it sets is not part of a state
TESTS = 'journey,fault'
INSTANTS = 100
# Rows of the runner's plan, which has room for 64
MAX_ROWS = 24
MAX_BOOTS = 30
# Seconds between two instants, at most, and of what a snapshot takes back
PAUSE, RUN_ON = 0.25, 0.05
STATE_SECONDS = 60
NODE = 'snapshots'
EVENTS = ['mali_csf_violation', 'mali_csf_note', 'mali_csf_repeated']


class Failure(Exception):
    """What went wrong at an instant."""


class Report(results.Report):
    """Says what failed; the rest is counted."""

    def result(self, verdict, name, reason=''):
        tap, self.tap = self.tap, True
        super().result(verdict, name, reason)
        self.tap = tap
        verdict, name, reason = self.rows[-1]
        if verdict == 'not ok':
            say(f'not ok {name}' + (f'  ({reason})' if reason else ''))

    def emit(self, line):
        self.lines.append(line)


class Traveller(run_guest.Guest):
    """A guest that changes its QEMU."""

    def __init__(self, command, folder, report, settings, programs, plan):
        self.arguments, self.plan = command, plan
        self.next = float('inf')
        super().__init__(command, folder, report, settings, programs)

    def runner_line(self, words):
        super().runner_line(words)
        if words[0] == 'begin' and self.next == float('inf'):
            self.next = time.monotonic() + self.plan.random.uniform(0, PAUSE)

    def drain(self, seconds=0.0):
        """Take what the serial lines say, until nothing comes for so long."""
        with selectors.DefaultSelector() as selector:
            for connection in self.buffers.keys() - self.ended:
                selector.register(connection, selectors.EVENT_READ)
            while selector.get_map() and (ready := selector.select(seconds)):
                for key, _ in ready:
                    if not self.receive(key.fileobj):
                        selector.unregister(key.fileobj)

    def run(self, limit):
        """Until QEMU ends or all instants are over; False after the limit."""
        deadline = self.started + limit
        while not {self.console, self.port} <= self.ended:
            now = time.monotonic()
            if now >= deadline:
                return False
            with selectors.DefaultSelector() as selector:
                for connection in {self.console, self.port} - self.ended:
                    selector.register(connection, selectors.EVENT_READ)
                selector.register(self.monitor.connection, selectors.EVENT_READ)
                for key, _ in selector.select(max(min(deadline, self.next) - now, 0)):
                    if key.fileobj is self.monitor.connection:
                        self.monitor.listen()
                    else:
                        self.receive(key.fileobj)
            self.handle_lines()
            if self.monitor.shut_down and not self.asked:
                self.ask_device()
                self.monitor.command('quit')
            if self.panic:
                self.drain(2)
                self.handle_lines()
                return True
            if self.plan.left == 0 and self.program is None and self.report.rows \
                    and not self.asked:
                # The program of the last instant has come to its end.
                self.ask_device()
                self.monitor.command('quit')
                self.done = True
                self.next = float('inf')
            elif time.monotonic() >= self.next and self.plan.left and not self.done:
                self.instant()
                self.next = time.monotonic() + self.plan.random.uniform(0, PAUSE)
        self.process.wait()
        return True

    def ask_device(self):
        """Each QEMU counts for itself."""
        super().ask_device()
        if isinstance(self.findings, str):
            self.plan.not_asked = self.findings
        else:
            self.plan.counted.update(self.findings)

    # -- an instant

    def must(self, execute, **arguments):
        value, error = self.monitor.command(execute, **arguments)
        if error:
            raise Failure(f'{execute}: {error}')
        return value

    def instant(self):
        number = self.plan.take()
        kind = 'snapshot' if self.plan.random.random() < 0.3 else 'migration'
        if self.must('query-status')['status'] != 'running':
            return
        self.must('stop')
        self.drain()
        self.handle_lines()
        try:
            if kind == 'migration':
                self.migrate(number)
            else:
                self.snapshot()
        except Failure as failure:
            self.report.result('not ok', f'instant {number}: {kind}', str(failure))
            raise
        self.report.result('ok', f'instant {number}: {kind}')
        self.plan.kinds[kind] += 1

    def wait_migration(self, what):
        end = time.monotonic() + STATE_SECONDS * self.settings.slack
        while time.monotonic() < end:
            status = self.must('query-migrate').get('status')
            if status == 'completed':
                return
            if status == 'failed':
                break
            time.sleep(0.01)
        raise Failure(f'{what}: {self.must("query-migrate")}')

    def migrate(self, number):
        path = os.path.join(self.folder, 'state')
        self.must('migrate', uri='file:state')
        self.wait_migration('saving')
        self.plan.note(saved_state.situations(saved_state.device(path)))
        self.ask_device()
        old = {self.console: 'console', self.port: 'port'}
        self.must('quit')
        self.process.wait()
        self.drain()
        halves = {name: self.buffers.pop(connection) for connection, name in old.items()}
        for connection in (*old, self.monitor.connection):
            self.ended.discard(connection)
            connection.close()
        self.keep_log()
        self.start(self.arguments + ['-S', '-incoming', 'defer'])
        self.buffers[self.console], self.buffers[self.port] = halves['console'], halves['port']
        self.must('migrate-incoming', uri='file:state')
        self.wait_migration('loading')
        os.remove(path)
        self.must('cont')

    def keep_log(self):
        """The device's log so far; the next QEMU begins a new one."""
        self.plan.logs += 1
        os.replace(os.path.join(self.folder, run_guest.DEVICE_LOG),
                   os.path.join(self.folder, f'device-{self.plan.logs:03}.log'))

    def job(self, execute, **arguments):
        name = f'job{self.monitor.commands}'
        self.must(execute, **{'job-id': name}, **arguments)
        end = time.monotonic() + STATE_SECONDS * self.settings.slack
        while time.monotonic() < end:
            job = next(row for row in self.must('query-jobs') if row['id'] == name)
            if job['status'] == 'concluded':
                self.must('job-dismiss', id=name)
                if 'error' in job:
                    raise Failure(f'{execute}: {job["error"]}')
                return
            time.sleep(0.01)
        raise Failure(f'{execute}: not done after {STATE_SECONDS * self.settings.slack} s')

    def snapshot(self):
        nodes = self.must('query-named-block-nodes')
        if not any(node.get('node-name') == NODE for node in nodes):
            self.add_disk()
        where = {'tag': 'instant', 'vmstate': NODE, 'devices': [NODE]}
        self.job('snapshot-save', **where)
        # What comes from here on will come again.
        before = dict(self.buffers)
        self.must('cont')
        time.sleep(self.plan.random.uniform(0, RUN_ON))
        self.must('stop')
        self.drain()
        self.buffers = before
        self.job('snapshot-load', **where)
        self.job('snapshot-delete', tag='instant', devices=[NODE])
        self.must('cont')

    def add_disk(self):
        """An empty image for snapshots, which the guest does not see."""
        path = os.path.join(self.folder, 'snapshots.qcow2')
        if os.path.exists(path):
            os.remove(path)
        self.job('blockdev-create', options={'driver': 'file', 'filename': path, 'size': 0})
        file = {'driver': 'file', 'filename': path}
        self.must('blockdev-add', **{'node-name': NODE + '-file', **file})
        self.job('blockdev-create', options={'driver': 'qcow2', 'file': NODE + '-file',
                                             'size': 1 << 20})
        self.must('blockdev-add', **{'driver': 'qcow2', 'node-name': NODE,
                                     'file': NODE + '-file'})


class Plan:
    """Which instants are left, and what was met at those that are over."""

    def __init__(self, instants, seed):
        self.instants = self.left = instants
        self.random = random.Random(seed)
        self.kinds = {'migration': 0, 'snapshot': 0}
        self.logs = 0           # how many QEMUs have left one
        self.met = {}
        # What the checkers of all QEMUs have counted, and why one was not asked
        self.counted, self.not_asked = collections.Counter(), ''

    def take(self):
        self.left -= 1
        return self.instants - self.left

    def note(self, situations):
        for name in situations or {'nothing under way'}:
            self.met[name] = self.met.get(name, 0) + 1


def boot(settings, prepared, folder, programs, report, plan):
    tree, kernel, archives = prepared
    initrd = os.path.join(folder, 'initrd')
    rows = (programs * MAX_ROWS)[:max(MAX_ROWS, len(programs))]
    initramfs.write(initrd, archives, run_guest.plan_of(rows, settings))
    events = run_guest.write_events(folder, EVENTS)
    limit = settings.slack * (run_guest.BOOT_SECONDS + 20 * len(rows)) + 5 * plan.left
    guest = Traveller(run_guest.qemu_command(tree, kernel, settings, initrd, events), folder,
                      report, settings, rows, plan)
    try:
        in_time = guest.run(limit)
        guest.end()
        guest.keep_log()
    except Failure as failure:
        plan.not_asked = str(failure)
        return False
    finally:
        guest.kill()
        guest.close()
    if guest.panic is not False:
        return False
    if not in_time or not guest.done:
        error = run_guest.what_qemu_said(folder)
        report.result('not ok', 'run: the guest runs to its end',
                      error or ('TIMEOUT' if not in_time else
                                f'QEMU ended with status {guest.process.returncode}'))
        return False
    return True


def judge_findings(folder, report, plan):
    """What the checkers said in any of the QEMUs."""
    found, strange = [], []
    for name in sorted(os.listdir(folder)):
        if re.fullmatch(r'device.*\.log', name):
            more, odd = device_log.read_findings(os.path.join(folder, name))
            found, strange = found + more, strange + odd
    wrong = [finding.text for finding in found if finding.kind == 'violation']
    report.result('not ok' if wrong else 'ok', 'run: no violation', '; '.join(wrong[:3]))
    different = device_log.compare(found, strange, plan.not_asked or plan.counted)
    report.result('not ok' if different else 'ok',
                  'run: device.log has what the device has counted', different)


def check(tap):
    instants = SETTINGS.number('INSTANTS', INSTANTS)
    seed = SETTINGS.number('SEED', random.randrange(1, 2**32))
    settings = run_guest.busy_settings('check-migration')
    prepared = run_guest.prepare(settings)
    programs = run_guest.choose_programs(SETTINGS.text('TESTS') or TESTS)
    folder, lock = run_guest.open_run_folder(settings.name or 'migration', bool(settings.name))
    with lock:
        for name in os.listdir(folder):
            if re.fullmatch(r'device(-\d+)?\.log|state|snapshots\.qcow2', name):
                os.remove(os.path.join(folder, name))
        plan = Plan(instants, seed)
        report = Report(tap, '', expectations.of(prepared[1], settings))
        say(f'{instants} instants, SEED={seed}; logs in {os.path.relpath(folder, project.ROOT)}')
        start = time.monotonic()
        for count in range(1, MAX_BOOTS + 1):
            if not boot(settings, prepared, folder, programs, report, plan) or not plan.left:
                break
            say(f'{instants - plan.left} instants after {time.monotonic() - start:.0f} s')
        if plan.left and not report.count('not ok'):
            report.result('not ok', 'run: reaches every instant',
                          f'{plan.left} left after {count} boots')
        judge_findings(folder, report, plan)
        report.write(folder, 'migration', time.monotonic() - start)
        if tap:
            print('\n'.join(report.lines), flush=True)
    for name, times in sorted(plan.met.items(), key=lambda row: -row[1]):
        say(f'{times:5} times: {name}')
    say(f'{plan.kinds["migration"]} times to another process, {plan.kinds["snapshot"]} times '
        f'back to a snapshot, in {time.monotonic() - start:.0f} s')
    say(report.summary())
    return project.FAIL if report.count('not ok') else project.PASS


def main():
    return run_guest.check_main(__doc__, 'check-migration', check)
