# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest says: the lines of its console and of the runner, made into results.

tests/guest/runner.c has the runner's side.  Where the lines come from, and who answers a
request, is for those who make a class of their own of this one.
"""

import re
import time

from malicsf.project import say
from malicsf.run import device_log

RESULT = re.compile(r'(not )?ok\b\s*\d*\s*(?:-\s*)?(.*?)\s*(?:#\s*(SKIP|TODO)\b\s*(.*))?$', re.I)

# What the reason begins with if tasks wait in the driver and nothing else runs: no matter of time
STUCK = 'STUCK:'


class Protocol:
    """The lines of one run, as they come."""

    # How late the host is, QEMU's monitor and the device's log, if there are any
    watch = monitor = device = None

    def __init__(self, report, excuse=None, title='run'):
        """
        excuse: a row of [again] in configs/guest.toml, or None; title: of the results about
        the run as a whole
        """
        self.report, self.excuse, self.title = report, excuse, title
        self.again = []         # programs whose failures have that excuse
        self.console = self.port = None
        # There is no second serial port: its lines come over the console, with the kernel's.
        self.shared = False
        self.initialized = None
        self.done = self.panic = False
        # What the kernel does after a panic: "end" when it has said all, "kexec" when another
        # one is started; and whether there is room for such a kernel
        self.after_panic, self.crash_kernel = '', False
        self.last_line = time.monotonic()
        self.program, self.failed, self.planned, self.counted = None, False, None, 0
        self.log_lines, self.outside = [], ''
        self.expectations = {}
        # Where in device.log each program begins, and what it may provoke
        self.begins, self.allowed = [], set()
        self.lateness = {}      # {program: Lateness}

    def request(self, words):
        """A program asks the host for something."""
        raise NotImplementedError

    def console_line(self, line):
        self.last_line = time.monotonic()
        if line == '@@ console':
            self.port, self.shared = self.console, True
            self.report.remark('the guest has no second serial port (-M secure=on takes it, and '
                               'a -dtb may lack it): the results come over the console')
            return
        self.crash_kernel |= 'crashkernel reserved:' in line
        if 'end Kernel panic' in line:
            self.after_panic = 'end'
        elif 'Starting crashdump kernel' in line:
            self.after_panic = 'kexec'
        if 'Kernel panic - not syncing' in line and not self.panic:
            self.panic = True
            self.report.result('not ok', 'kernel: no panic', line.strip())
        if 'panthor' in line:
            if self.initialized is None and 'Initialized panthor' in line:
                self.initialized = time.monotonic()
            if not self.report.tap and self.program is None:
                say(line)

    # -- the runner's protocol, see tests/guest/runner.c

    def port_line(self, line):
        if line.startswith('@@ '):
            self.runner_line(line[3:].split(' ', 2))
        elif line.startswith('#@ '):
            self.directive(line[3:].split())
        elif self.program is not None:
            self.tap_line(line)
        elif line.strip():
            self.outside = line.strip()     # what the canary says of its trouble

    def runner_line(self, words):
        kind, name = words[0], words[1] if len(words) > 1 else ''
        detail = words[2] if len(words) > 2 else ''
        if kind == 'begin':
            self.report.release()
            self.report.begin()
            if self.excuse:
                self.report.hold()
            self.outside = ''
            self.program, self.failed, self.planned, self.counted = name, False, None, 0
            self.watch.mark(name)
            self.monitor.tell()
            self.begins.append((self.device.size(), name))
        elif kind == 'end':
            self.program_ended(name, detail)
        elif kind == 'canary':
            self.report.result('ok' if detail == 'exit 0' else 'not ok',
                               f'{name}: a job on a new VM runs afterwards',
                               '' if detail == 'exit 0' else
                               f'{self.ending(name, detail)} {self.outside}'.strip())
        elif kind == 'log':
            self.log_lines.append(detail)
        elif kind == 'log-end':
            self.report.result('not ok' if self.log_lines else 'ok',
                               f'{name}: no bad line in the kernel log',
                               self.log_lines[0] if self.log_lines else '')
            for line in self.log_lines[1:]:
                self.report.comment('# ' + line)
            self.log_lines = []
            self.lateness[name] = self.watch.since(name)
            self.judge_held(name)
        elif kind == 'panthor':
            self.report.result('ok', 'panthor: initialized')
        elif kind == 'no-panthor':
            why = f'TIMEOUT: no render node after {name} s; {self.watch.since()}'
            if name == 'probe-failed':
                why = 'its probe failed' + (f' after "{detail}"' if detail else '')
            self.report.result('not ok', 'panthor: initialized', f'{why}; see console.log')
        elif kind == 'done':
            self.done = True

    def judge_held(self, name):
        """Whether what a program has come to counts, or it runs again."""
        failures = self.report.failures_held()
        if any(self.excuse['line'] in reason for _, reason in failures):
            self.report.drop(f'{name} runs again, alone: {self.excuse["reason"]}')
            self.again.append(name)
        self.report.release()

    def ending(self, name, detail):
        kind, _, number = detail.partition(' ')
        if kind == 'timeout':
            return f'TIMEOUT after {number} s; {self.watch.since(name)}'
        if kind == 'stuck':
            return f'{STUCK} {number}() waits for what nobody does; the other programs did not run'
        return f'killed by signal {number}' if kind == 'signal' else f'exit status {number}'

    def program_ended(self, name, detail):
        if not detail.startswith('exit'):
            self.report.result('not ok', f'{name}: runs to its end', self.ending(name, detail))
        elif detail != 'exit 0' and not self.failed:
            self.report.result('not ok', f'{name}: runs to its end', self.ending(name, detail))
        elif self.planned is not None and self.planned != self.counted:
            self.report.result('not ok', f'{name}: runs as many tests as it planned',
                               f'planned {self.planned}, ran {self.counted}')
        elif self.planned is None and self.counted:
            self.report.result('not ok', f'{name}: runs as many tests as it planned',
                               'it printed no plan')
        elif self.planned is None and detail == 'exit 0':
            self.report.result('ok', f'{name}: exit status 0')
        self.program = None

    def directive(self, words):
        if words[:1] == ['request'] and len(words) > 1:
            self.request(words[1:])
        elif words[:1] == ['allow-violation'] and len(words) == 2:
            self.allowed.add((self.program, words[1]))
        elif words[:1] in (['expect-locks'], ['expect-block']):
            try:
                device_log.parse_directive(self.program or '', words, self.expectations)
            except (KeyError, ValueError):
                self.report.result('not ok', f'{self.program}: directive {" ".join(words)}',
                                   'malformed')

    def tap_line(self, line):
        found = RESULT.match(line)
        plan = re.match(r'1\.\.(\d+)\s*(?:#\s*SKIP\s*(.*))?$', line, re.I)
        if found:
            self.counted += 1
            verdict = 'not ok' if found[1] else 'ok'
            if found[3]:
                verdict = found[3].lower()
            self.failed |= verdict == 'not ok'
            test = found[2].removeprefix(self.program + ': ')
            self.report.result(verdict, f'{self.program}: {test}', found[4] or '')
        elif plan:
            self.planned = int(plan[1])
            if self.planned == 0:
                self.report.result('skip', f'{self.program}: whole program', plan[2] or '')
        elif line.startswith('Bail out!'):
            self.failed = True
            self.report.result('not ok', f'{self.program}: goes on', line[9:].strip() or 'bailed out')
        elif line.strip() and not line.startswith('TAP version'):
            self.report.comment(line if line.startswith('#') else '# ' + line)
