# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot a kernel on the model and run the guest programs.

Configured by VARIABLE=value arguments or by the environment, as make passes it
on; "make help" explains the variables.  SLACK multiplies every time-out, and a
skipped test that matches MUST_RUN counts as failed.  COUNT names functions of
panthor whose calls are counted, from the first program on that is not of the
class "measure".

Exit codes: 0 pass, 1 fail, 2 usage, 125 cannot test.
"""

import fcntl
import fnmatch
import os
import re
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import time

from malicsf import host_load, host_packages, project, version
from malicsf.build import (
    build_guest, build_qemu, debug_kernel, firmware_file, guest_kernel, igt, initramfs, userland)
from malicsf.project import say
from malicsf.run import (
    debugger, device_log, expectations, kernel_log, protocol, results, run_logs)
from malicsf.run.monitor import DEVICE_ID, Monitor
from malicsf.run.results import Report
from malicsf.settings import SETTINGS

RUNS = os.path.join(project.BUILD, 'run')
LOST = 'note-lost'      # a finding after a command that took longer than the driver waits
NO_GPU = 'none'         # MODEL=none: the bare machine, to compare with
DEVICE_LOG = 'device.log'
BEGINS = 'begins.tsv'   # where in device.log each program begins
# The runner reads the kernel log after each program: stress --long writes 240 KB.
LOG_BUFFER = 'log_buf_len=4M'
BOOT_SECONDS = 60
LOG_MB, MAX_LOG_MB = 256, 1 << 20
LOG_SECONDS = 1         # between looks at the size of device.log
PATIENCE_SECONDS = 60   # without a result, after which a run says what it is at
# virt has no more processors; a time-out of a minute is most of a day
MAX_SMP, MAX_SLACK = 512, 1000
# COMMAND_LINE_SIZE of arch/arm64, less what is added
MAX_KERNEL_ARGS = 1900
MAX_COUNT = 1024        # functions that the runner has room for
# After a panic: without a further line of the kernel's, and until it has started another
# kernel (kdump), if there is room for one
PANIC_SECONDS, CRASH_KERNEL_SECONDS = 2, 30
CANARY_SECONDS = 10
STRICT = ['off', 'report', 'stop']      # what the device's checker does
CLASSES = ['quick', 'slow', 'long', 'debug', 'measure', 'finding', 'igt', 'mesa', 'mesa-slow',
           'mesa-long', 'mesa-null', 'mesa-bench']
IN_USERLAND = ['mesa', 'mesa-slow', 'mesa-long', 'mesa-null', 'mesa-bench']
# Not a class to ask for: each replaces the kernel, and so is the last program of its run
LAST = 'last'
LAST_KERNEL_ARGS = 'retain_initrd kexec.boot=1'
VIOLATIONS_SHOWN = 20
# Properties of the device that are chosen otherwise
NOT_IN_MODEL = {'model': 'since the model is what stands first', 'id': 'since it is "gpu"',
                'strict': 'use STRICT='}
# Options of QEMU that would take from us what results are read from
NOT_IN_QEMU_ARGS = {
    '-D': f'a run has its log in {DEVICE_LOG}',
    '-daemonize': 'a run ends with its QEMU',
    '-serial': 'both serial ports are in use; console.log has what they say',
    '-S': 'use GDB=1',
}
# Of util-linux.  Python warns of code of its own between fork and exec, since it has threads.
DIE_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL', '--']


# -- settings

class Settings:
    """What the environment asks for, checked."""

    def __init__(self):
        machine = project.config('guest')['machine']
        self.model = SETTINGS.text('MODEL') or machine['model']
        self.cpu = machine['cpu']
        self.smp = SETTINGS.number('SMP', machine['smp'], MAX_SMP)
        self.slack = SETTINGS.number('SLACK', debug_kernel.slack(), MAX_SLACK)
        self.mem = SETTINGS.text('MEM') or machine['mem']
        self.firmware = SETTINGS.text('FIRMWARE') or 'own'
        self.igt = SETTINGS.text('IGT')
        self.expectations = expectations.own_folder()
        self.userland, self.disk = SETTINGS.text('USERLAND'), ''
        userland.check_name(self.userland)
        self.tests = SETTINGS.text('TESTS') or (
            'igt' if self.igt else 'mesa' if self.userland else 'quick')
        self.kernel_args = SETTINGS.text('KERNEL_ARGS')
        self.panthor_ko = SETTINGS.text('PANTHOR_KO')
        self.gdb = SETTINGS.text('GDB').removeprefix('0')
        self.failed = SETTINGS.is_on('FAILED')
        self.must_run = SETTINGS.text('MUST_RUN')
        self.name = SETTINGS.text('NAME')
        self.strict = SETTINGS.text('STRICT') or 'report'
        # Of each log; None: any size
        self.log_limit = run_logs.MIB * SETTINGS.number('LOG_MB', LOG_MB, MAX_LOG_MB)
        self.shard = SETTINGS.shard()
        self.count = re.split(r'[ ,]+', SETTINGS.text('COUNT').strip())
        try:
            self.qemu_args = shlex.split(SETTINGS.text('QEMU_ARGS'))
        except ValueError as error:
            raise project.usage(f'QEMU_ARGS: {error}') from error
        for word in self.qemu_args:
            if word.replace('--', '-', 1) in NOT_IN_QEMU_ARGS:
                raise project.usage(f'{word} does not go into QEMU_ARGS: '
                                    + NOT_IN_QEMU_ARGS[word.replace('--', '-', 1)])
        if not re.fullmatch(r'0*[1-9]\d*[MGmg]', self.mem):
            raise project.usage(f'MEM={self.mem} is not a size such as 512M or 2G')
        if not re.fullmatch(r'[\w.+-]*', self.name) or self.name.startswith('.'):
            raise project.usage(f'NAME={self.name} is not a plain file name')
        if project.short(self.name) != self.name:
            raise project.usage(f'NAME={self.name[:40]}... is longer than {project.LONGEST_NAME} '
                                'bytes')
        if len(self.kernel_args.encode('utf-8', 'surrogateescape')) > MAX_KERNEL_ARGS or \
                re.search(r'[\0-\x1f]', self.kernel_args):
            raise project.usage('KERNEL_ARGS is longer than the kernel takes, or has a line feed')
        if len(self.count) > MAX_COUNT:
            raise project.usage(f'COUNT has more than {MAX_COUNT} names')
        if not re.fullmatch(r'[\w-]+(,[\w-]+=[\w.:]+)*', self.model):
            raise project.usage(f'MODEL={self.model} is not the name of a model, which may be '
                                'followed by properties: g610,csg-slots=4,coherent=on')
        check_model(self.model.partition(',')[0])
        for name in re.findall(r',([\w-]+)=', self.model):
            if name in NOT_IN_MODEL:
                raise project.usage(f'MODEL={self.model}: {name}= is no property to set there, '
                                    f'{NOT_IN_MODEL[name]}')
        choose_programs(self.tests, initramfs.listed_programs() + self.userland_programs())
        if self.igt and not os.path.isdir(self.igt):
            raise project.usage(f'IGT={self.igt} is no folder')
        guest_kernel.check_name(SETTINGS.text('KERNEL'))
        if self.gdb not in ('', '1', 'bare'):
            raise project.usage(f'GDB={self.gdb} is none of: 1, bare')
        if self.strict not in STRICT:
            raise project.usage(f'STRICT={self.strict} is none of: {", ".join(STRICT)}')
        for function in self.count:
            if not re.fullmatch(r'\w*', function):
                raise project.usage(f'COUNT={function} is not the name of a function')
        if self.firmware not in ('own', 'distro'):
            initramfs.firmware(self.firmware)
        if self.panthor_ko and not os.path.isfile(self.panthor_ko):
            raise project.usage(f'PANTHOR_KO={self.panthor_ko}: no such file')


    def programs(self):
        """The rows that TESTS asks for, of the programs that are built."""
        return choose_programs(self.tests, initramfs.programs() + self.userland_programs())

    def refusal(self, row):
        """Why the userland's Mesa cannot run a program on the model, or None."""
        model = self.model.partition(',')[0]
        return userland.refusal(self.userland, model) if row[1] in IN_USERLAND else None

    def userland_programs(self):
        """Rows of the programs that need a userland, if there is one."""
        return userland.listed_programs() if self.userland else []

    def about(self):
        """{property: text}: what a result is a result of"""
        mesa = {'userland': self.userland, 'mesa': userland.version(self.userland)} \
            if self.userland else {}
        return mesa | {'model': self.model, 'tests': self.tests, 'firmware': self.firmware,
                'smp': str(self.smp), 'mem': self.mem, 'slack': str(self.slack),
                'strict': self.strict, 'kernel-args': self.kernel_args,
                'qemu-args': shlex.join(self.qemu_args)}


def check_model(name, variable='MODEL'):
    """Stop if the device has no such model, before anything is built."""
    known = project.config('matrix')['models']
    if name != NO_GPU and name not in known:
        raise project.usage(f'{variable}={name} is no model; valid: {", ".join(known)}, {NO_GPU}')


def programs_of(word, rows):
    """Those of the rows of tests/guest/programs that a word of TESTS means"""
    if word == 'all':
        return [row for row in rows if row[1] in ('quick', 'slow')]
    if word == 'none':
        return []
    if word in CLASSES:
        found = [row for row in rows if row[1] == word]
        if word in IN_USERLAND and not found:
            raise project.usage(f'TESTS={word} goes with USERLAND=, which is one of: '
                                + ', '.join(userland.names()))
        return found
    # By name, long rows and findings of a program that has others are left out.
    # With its argument, a row is meant alone.
    named = [row for row in rows if word in (row[0], row[0] + row[3])]
    found = [row for row in named if row[1] not in ('long', 'finding')] or named
    if not found:
        if re.fullmatch(r'[\w-]+', word) and os.path.exists(
                os.path.join(project.ROOT, 'tests/guest', word + '.c')):
            raise project.usage(f'TESTS={word} has no line in tests/guest/programs')
        names = ', '.join(dict.fromkeys(row[0] for row in rows)) or '(none is built)'
        raise project.usage(f'TESTS={word} is no guest program; '
                            f'valid: {names}, {", ".join(CLASSES)}, all, none')
    return found


def choose_programs(wanted, rows=None):
    """The rows of tests/guest/programs that TESTS asks for, in its order.

    rows: what to choose from, in place of the programs that are built
    """
    rows = initramfs.programs() if rows is None else rows
    chosen = []
    for word in re.split(r'[ ,]+', wanted.strip()):
        found = programs_of(word.removeprefix('-'), rows)
        if word.startswith('-'):
            chosen = [row for row in chosen if row not in found]
        else:
            chosen += [row for row in found if row not in chosen]
    last = [row[0] + row[3] for row in chosen if row[1] == LAST]
    if len(last) > 1:
        raise project.usage(f'TESTS= names {" and ".join(last)}, each of which ends the kernel: '
                            'one for a run')
    return sorted(chosen, key=lambda row: row[1] == LAST)


# -- QEMU

def qemu_command(tree, kernel, settings, initrd, events):
    qemu_args, logged = split_log_items(settings.qemu_args)
    command = [tree.binary, '-M', 'virt', '-cpu', settings.cpu, '-smp', str(settings.smp),
               '-m', settings.mem, '-nodefaults', '-nic', 'none', '-display', 'none',
               '-kernel', kernel.image, '-initrd', initrd, '-no-reboot',
               '-D', DEVICE_LOG, '-d', ','.join(['guest_errors,unimp', *logged]),
               '-trace', f'events={events}']
    if settings.model != NO_GPU:
        command += ['-device', f'mali-csf,id={DEVICE_ID},model={settings.model},'
                               f'strict={settings.strict}']
    gdb_args = debugger.KERNEL_ARGS + ' ' if settings.gdb else ''
    command += ['-append', f'{LOG_BUFFER} {gdb_args}{settings.kernel_args}'.strip()]
    if settings.disk:
        command += userland.qemu_arguments(settings.disk)
    if settings.gdb:
        command += ['-s', '-S']
    return command + qemu_args


def split_log_items(arguments):
    """(QEMU's arguments without -d, what -d names): the last -d would count, and ours is one."""
    rest, items, left = [], [], list(arguments)
    while left:
        word = left.pop(0)
        if word in ('-d', '--d') and left:
            items.append(left.pop(0))
        else:
            rest.append(word)
    return rest, items


class Guest(protocol.Protocol):
    """One run of QEMU: its serial lines in, results out.

    excuse and title: see Protocol
    """

    def __init__(self, command, folder, report, settings, programs, excuse=None, title='run'):
        super().__init__(report, excuse, title)
        self.folder, self.settings = folder, settings
        self.seconds = {row[0]: row[2] for row in programs}
        self.started = self.last_line
        self.log = run_logs.Console(os.path.join(folder, 'console.log'), settings.log_limit)
        self.errors = run_logs.Said(os.path.join(folder, 'qemu.log'), settings.log_limit)
        self.device = run_logs.Device(os.path.join(folder, DEVICE_LOG), settings.log_limit)
        self.told = set()       # which of them are full
        self.buffers = {}
        self.ended = set()      # the serial lines that QEMU has closed
        self.stopped = False    # by the checker
        self.watch = host_load.Watch(icount=host_load.follows_instructions(command))
        self.seconds_taken = None
        # What the device says that it has found, or why it was not asked
        self.findings = 'QEMU has ended by itself'
        self.start(command)

    def start(self, command):
        """A QEMU, with lines of its own to us."""
        # A socket pair each: no name that two runs could share.
        console, console_end = socket.socketpair()
        port, port_end = socket.socketpair()
        monitor, monitor_end = socket.socketpair()
        ends = (console_end, port_end, monitor_end)
        command = list(command)
        for name, end in zip(('console', 'port', 'monitor'), ends):
            command += ['-chardev', f'socket,id={name},fd={end.fileno()}']
        command += ['-serial', 'chardev:console', '-serial', 'chardev:port',
                    '-mon', 'chardev=monitor,mode=control',
                    '-qmp', 'unix:qmp.sock,server=on,wait=off',
                    # What the device has counted is asked for when the guest has ended.
                    '-no-shutdown']
        printed = self.errors.open()
        try:
            self.process = subprocess.Popen(
                DIE_WITH_PARENT + command, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=printed, stderr=subprocess.STDOUT,
                pass_fds=[end.fileno() for end in ends], process_group=0)
        finally:
            os.close(printed)
        for end in ends:
            end.close()
        self.watch.pid = self.process.pid
        if not self.watch.is_alive():
            self.watch.start()
        self.asked = False
        self.console, self.port = console, port
        self.monitor = Monitor(monitor, self.wait_for_monitor)
        self.buffers |= {console: b'', port: b''}

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.errors.wait()

    def run(self, limit):
        """Until QEMU ends; False if it had to be ended after the limit."""
        selector = selectors.DefaultSelector()
        for connection in (self.console, self.port):
            selector.register(connection, selectors.EVENT_READ)
        deadline = self.started + limit if limit else None
        # QEMU says when the guest has ended, and when the checker has stopped it.
        selector.register(self.monitor.connection, selectors.EVENT_READ)
        if not self.monitor.commands:
            self.monitor.command('query-status')
        next_look = time.monotonic()
        while selector.get_map():
            # Whatever was received last: more comes in while the monitor is asked.
            self.handle_lines()
            if self.monitor.shut_down and not self.asked:
                self.ask_device()
                self.monitor.command('quit')
                self.handle_lines()
            if self.monitor.stopped and self.settings.strict == 'stop' and not self.settings.gdb:
                self.stopped = True
                return True
            now = time.monotonic()
            if now >= next_look:
                self.look_at_logs()
                next_look = now + LOG_SECONDS
            wait = min([time for time in (deadline, self.panic_deadline()) if time],
                       default=next_look) - now
            if wait <= 0:
                return False
            for key, _ in selector.select(min(wait, next_look - now)):
                if key.fileobj is self.monitor.connection:
                    alive = self.monitor.listen()
                else:
                    alive = self.receive(key.fileobj)
                if not alive:
                    selector.unregister(key.fileobj)
        self.handle_lines()
        self.process.wait()
        self.errors.wait()
        return True

    def panic_deadline(self):
        """When a machine whose kernel has panicked is ended; None if it is not."""
        if not self.panic or self.after_panic == 'kexec':
            return None
        waits = self.crash_kernel and self.after_panic != 'end'
        return self.last_line + (CRASH_KERNEL_SECONDS * self.settings.slack if waits
                                 else PANIC_SECONDS)

    def look_at_logs(self):
        """Keep the logs at their limits, and say when one has reached it."""
        if self.process.poll() is None:
            self.device.look(self.monitor)
        for text in (self.device.full, self.log.full, self.errors.full):
            if text and text not in self.told:
                self.told.add(text)
                self.report.remark(f'{text}; LOG_MB= allows more')

    def ask_device(self):
        """Have the device say what it has found, with the machine at rest."""
        self.asked = True
        if self.process.poll() is None:
            self.monitor.command('stop')
            self.findings = self.monitor.counted()

    def end(self):
        """End what is still there, and was not asked yet."""
        if not self.asked:
            self.ask_device()
            self.handle_lines()
        self.kill()
        self.look_at_logs()

    def close(self):
        """Nothing is read any more."""
        self.watch.end()
        for connection in (*self.buffers, self.monitor.connection, self.log):
            connection.close()

    def receive(self, connection):
        """Buffer what a serial line says; False at its end."""
        try:
            # What the selector has seen may have been taken while the monitor was asked.
            data = connection.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            data = b''
        if not data:
            self.ended.add(connection)
            return False
        self.buffers[connection] += data
        return True

    def wait_for_monitor(self, seconds):
        """
        True when the monitor has something to say, False after that time.

        The serial lines are emptied meanwhile: QEMU waits for room in them with its big lock
        held, and a socket holds a few hundred characters that were sent one by one.
        """
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for connection in self.buffers.keys() - self.ended:
                selector.register(connection, selectors.EVENT_READ)
            selector.register(self.monitor.connection, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in
                         selector.select(max(deadline - time.monotonic(), 0))]
                for connection in ready:
                    if connection in self.buffers and not self.receive(connection):
                        selector.unregister(connection)
                if self.monitor.connection in ready:
                    return True
                if time.monotonic() >= deadline:
                    return False

    def request(self, words):
        self.port.sendall(self.monitor.request(words).encode() + b'\n')

    def handle_lines(self):
        """Act on every whole line; more may come in while a request is answered."""
        while b'\n' in self.buffers[self.console] or b'\n' in self.buffers[self.port]:
            for connection in self.buffers:
                line, newline, rest = self.buffers[connection].partition(b'\n')
                if not newline:
                    continue
                self.buffers[connection] = rest
                self.log.write(line.rstrip(b'\r') + b'\n')
                text = line.rstrip(b'\r').decode('utf-8', 'replace')
                if connection is self.port and not (
                        self.shared and kernel_log.text_of(text) is not None):
                    self.port_line(text)
                else:
                    self.console_line(text)
        self.log.flush()


# -- a run

def open_run_folder(name, explicit):
    """A folder that no other run is using, and the lock that says so."""
    for number in range(1, 100):
        folder = os.path.join(RUNS, name if number == 1 else f'{name}-{number}')
        os.makedirs(folder, exist_ok=True)
        lock = open(os.path.join(folder, 'lock'), 'w', encoding='utf-8')
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            if explicit:
                raise project.usage(f'NAME={name} is in use by another run') from None
            continue
        for old in ('console.log', 'device.log', 'qemu.log', *results.FILES, BEGINS, 'qmp.sock',
                    'report.html'):
            if os.path.lexists(os.path.join(folder, old)):
                os.remove(os.path.join(folder, old))
        return folder, lock
    raise project.Stop(f'{RUNS} has 99 runs of {name} under way')


def write_events(folder, names=None):
    """The file that names the trace events of a run, by default those of configs/guest.toml."""
    path = os.path.join(folder, 'events')
    names = project.config('guest')['trace']['events'] if names is None else names
    project.write(path, ''.join(name + '\n' for name in names))
    return path


def plan_of(programs, settings):
    lines = [f'slack {settings.slack}\n']
    lines.append('no-gpu\n' if settings.model == NO_GPU else f'model {settings.model}\n')
    lines += [f'bad {pattern}\n' for pattern in kernel_log.patterns()]
    counts = [f'count {name}\n' for name in settings.count if name]
    # A probe takes time: what measures it runs first.
    for name, kind, seconds, argument in sorted(programs, key=lambda row: row[1] != 'measure') \
            if counts else programs:
        if kind != 'measure':
            lines += counts
            counts = []
        verb = 'in-userland' if kind in IN_USERLAND else 'program'
        lines.append(f'{verb} {name} {seconds} {argument}'.rstrip() + '\n')
    return ''.join(lines)


def prepare(settings):
    """Everything that a run needs; quick when nothing has changed."""
    host_packages.provide()
    with project.Lock():
        tree = build_qemu.from_environment()
        kernel = guest_kernel.from_environment()
        base = initramfs.base(kernel, settings.panthor_ko, bool(settings.userland))
        build_qemu.build(tree)
        build_guest.build(tree)
        firmware = initramfs.firmware(settings.firmware)
        if settings.firmware != 'own' and settings.model != NO_GPU:
            path = firmware_file.require(firmware, settings.model.partition(',')[0],
                                         settings.firmware)
            say(f'firmware {firmware_file.describe(path)}; the driver maps it, nothing runs it')
        archives = [base, initramfs.tests(firmware)]
        if settings.igt:
            archives.append(igt.archive(settings.igt))
        if settings.userland:
            settings.disk, programs = userland.provide(settings.userland)
            archives.append(programs)
        if any(row[1] == LAST for row in settings.programs()):
            archives.append(initramfs.image(kernel))
            settings.kernel_args = f'{LAST_KERNEL_ARGS} {settings.kernel_args}'
    return tree, kernel, archives


def what_qemu_said(folder):
    lines = project.read_lossy(os.path.join(folder, 'qemu.log')).splitlines()
    lines = [re.sub(r'^\S*(qemu-system-aarch64|setpriv): ', '', line).strip() for line in lines]
    return '; '.join(line for line in lines if line)[:1000]


def how_qemu_ended(guest):
    status = guest.process.returncode
    if status >= 0:
        return f'QEMU ended with status {status}{project.no_room(guest.folder)}'
    if -status == signal.SIGXFSZ:
        return f'QEMU was ended: a file in {guest.folder} is as large as "ulimit -f" lets it be'
    return f'QEMU was ended by {signal.Signals(-status).name}'


def judge_device_log(guest, folder):
    """Results for what the programs expect of the lock regions."""
    if not guest.expectations:
        return
    lines = project.read_lossy(os.path.join(folder, DEVICE_LOG)).splitlines()
    verdicts = device_log.judge(list(guest.expectations.values()), lines)
    for item, verdict, reason, _ in verdicts:
        if verdict == 'not ok' and guest.device.full:
            verdict, reason = 'skip', guest.device.full
        guest.report.result(verdict, f'{item.program}: lock sequence of case {item.case}',
                            '' if verdict == 'ok' else reason)
    if not guest.report.tap:
        say('')
        for item, verdict, reason, locks in verdicts:
            say(f'{item.program} {item.case}: {device_log.describe(locks)}'
                + (f' ({reason})' if verdict == 'ok' and reason else ''))


def judge_findings(guest, folder):
    """Results for what the device's checker says about the driver.

    The device counts its findings, and writes each to device.log, which alone tells of
    whose they are.  Options of QEMU, a full disk, or a QEMU that dies can part the two.
    """
    report, log = guest.report, os.path.join(folder, DEVICE_LOG)
    found, strange = device_log.read_findings(log, guest.begins)
    counted = {} if isinstance(guest.findings, str) else guest.findings
    if (guest.settings.strict == 'off' or guest.settings.model == NO_GPU) \
            and not (found or strange or counted):
        return
    notes = sum(finding.times for finding in found if finding.kind == 'note')
    wrong = [finding for finding in found if finding.kind == 'violation'
             and (finding.program, finding.name) not in guest.allowed]
    for finding in wrong[:VIOLATIONS_SHOWN]:
        report.remark(finding.text)
    counts, logged = device_log.count(wrong), device_log.count(found)
    unseen = {name: count - logged[name] for name, count in counted.items()
              if count > logged[name] and not name.startswith('note-')}
    names = [f'{name} {count}' for name, count in counts.items()]
    names += [f'{name} {count}, which device.log lacks' for name, count in unseen.items()]
    report.result('not ok' if names else 'ok', f'{guest.title}: no violation', ', '.join(names))
    different = device_log.compare(found, strange, guest.findings)
    if different:
        different += project.no_room(folder) or (guest.device.full and f'; {guest.device.full}')
    report.result('not ok' if different else 'ok',
                  f'{guest.title}: device.log has what the device has counted', different)
    report.extra.setdefault('findings', []).extend(
        {'kind': finding.kind, 'program': finding.program, 'name': finding.name,
         'times': finding.times, 'text': finding.text,
         'allowed': (finding.program, finding.name) in guest.allowed}
        for finding in found)
    report.extra.setdefault('counted', guest.findings)
    if notes and not report.tap:
        say(f'{notes} notes of the checker in device.log')
    lost = device_log.describe_lost(device_log.lost_findings(os.path.join(folder, DEVICE_LOG)))
    if lost:
        report.remark(lost)


def run_tests(settings, tap, binary=''):
    """A run, with a QEMU in place of the tree's if there is one."""
    tree, kernel, archives = prepare(settings)
    tree.binary = binary or tree.binary
    expected = expectations.of(kernel, settings)
    chosen = settings.programs()[settings.shard]
    if not settings.igt and any(row[1] == 'igt' for row in chosen):
        raise project.usage('IGT= is missing: a folder with IGT built for arm64, see '
                            'docs/devel/igt.rst')
    skipped = {row[0] + row[3]: reason for row in chosen
               if (reason := expected.skipped(row[0]) or settings.refusal(row))}
    programs = [row for row in chosen if row[0] + row[3] not in skipped]
    name = settings.name or project.short(
        re.sub('[,=]', '-', f'{kernel.label}-{settings.model}'))
    if settings.failed:
        failed = results.failed_programs(os.path.join(RUNS, name))
        programs = [row for row in programs if row[0] + row[3] in failed]
        if not programs:
            raise project.usage(f'FAILED= is set, and no program of TESTS={settings.tests} has '
                                f'failed in the last run of {os.path.join("build/run", name)}')
    folder, lock = open_run_folder(name, bool(settings.name))
    with lock:
        report = Report(tap, settings.must_run, expected)
        report.about = {'kernel': kernel.version, 'qemu': tree.version(),
                        **version.provenance(), **settings.about()}
        if not tap:
            say(f'Linux {kernel.version} on QEMU {tree.version()}, mali-csf model '
                f'{settings.model}; logs in {os.path.relpath(folder, project.ROOT)}')
        for program, reason in skipped.items():
            report.result('skip', f'{program}: whole program', reason)
        what = (tree, kernel, archives, settings)
        guest = boot(what, programs, folder, report, excuse_of(kernel), 'run')
        if guest.again:
            rows = [row for row in programs if row[0] + row[3] in guest.again]
            folder_again, lock_again = open_run_folder(f'{os.path.basename(folder)}-again', False)
            with lock_again:
                boot(what, rows, folder_again, report, None, 'again')
        return close(guest, folder, name)


def excuse_of(kernel):
    """The row of [again] in configs/guest.toml that a kernel has, or None."""
    return project.config('guest')['again'].get(kernel.series_name)


def boot(what, programs, folder, report, excuse, title):
    """A Guest that has run programs, and is judged.

    what: (tree, kernel, archives, settings); excuse and title: see Guest
    """
    tree, kernel, archives, settings = what
    initrd = os.path.join(folder, 'initrd')
    initramfs.write(initrd, archives, plan_of(programs, settings),
                    report.expected.skip_patterns() if settings.igt else None)
    # Beside the initrd, for a command line of one's own
    build_qemu.link(kernel.image, os.path.join(folder, 'Image'))
    if settings.gdb:
        debugger.prepare(folder, kernel, settings.panthor_ko, settings.gdb == 'bare')
    limit = None if settings.gdb else settings.slack * (BOOT_SECONDS + sum(
        seconds + CANARY_SECONDS + 10 for _, _, seconds, _ in programs))
    guest = Guest(qemu_command(tree, kernel, settings, initrd, write_events(folder)), folder,
                  report, settings, programs, excuse, title)
    interrupted, in_time = False, True
    try:
        with project.Patience(PATIENCE_SECONDS, lambda: guest.program or 'the guest boots'):
            in_time = guest.run(limit)
        guest.end()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        guest.kill()
        guest.close()
    judge(guest, folder, limit, in_time, interrupted)
    if interrupted:
        close(guest, folder, os.path.basename(folder))
        raise KeyboardInterrupt
    return guest


def judge(guest, folder, limit, in_time, interrupted=False):
    """Results for the run as a whole, as far as they are of one guest."""
    report = guest.report
    report.release()
    guest.seconds_taken = time.monotonic() - guest.started
    error = what_qemu_said(folder)
    if interrupted:
        report.result('not ok', f'{guest.title}: goes on to its end', 'interrupted')
    elif in_time and not os.path.getsize(os.path.join(folder, 'console.log')):
        # Without a line from the guest it is our command line that is wrong.
        raise project.usage(f'QEMU does not start: {error or how_qemu_ended(guest)}')
    if interrupted or guest.panic is not False or guest.stopped:
        pass
    elif not in_time:
        report.result('not ok', f'{guest.title}: ends in time',
                      f'TIMEOUT after {limit:.0f} s; {guest.watch.since()}')
    elif not guest.done:
        report.result('not ok', f'{guest.title}: the guest runs to its end',
                      error or (how_qemu_ended(guest) if guest.process.returncode else
                                'the guest powered off, or was reset, before its programs were '
                                'done'))
    else:
        report.result('ok' if guest.process.returncode == 0 else 'not ok',
                      f'{guest.title}: the guest powers off',
                      (error or how_qemu_ended(guest)) if guest.process.returncode else '')
    project.write(os.path.join(folder, BEGINS), ''.join(
        f'{offset}\t{program}\n' for offset, program in guest.begins))
    judge_findings(guest, folder)
    judge_device_log(guest, folder)
    report.extra.setdefault('programs', {}).update(
        {name: row.row() for name, row in guest.lateness.items()})


def close(guest, folder, name):
    """The end of a report; guest: the one that ran everything."""
    report, seconds = guest.report, guest.seconds_taken
    must = report.must_run
    if must and not any(fnmatch.fnmatch(row[1], must) for row in report.rows):
        report.result('not ok', 'run: has the tests that must run', f'none matches "{must}"')
    lateness = guest.watch.since()
    if report.count('not ok'):
        report.emit(f'# {lateness}')
    report.extra['host'] = lateness.row()
    report.write(folder, name, seconds)
    if not report.tap:
        say('')
        if report.count('not ok'):
            say(str(lateness))
        if guest.initialized:
            say(f'panthor initialized {guest.initialized - guest.started:.1f} s after the start '
                f'of QEMU, all done after {seconds:.1f} s')
        say(report.summary())
    return project.FAIL if report.count('not ok') else project.PASS


def run_shell(settings):
    """A shell in the guest, on this terminal."""
    tree, kernel, archives = prepare(settings)
    folder, lock = open_run_folder(settings.name or f'shell-{kernel.label}', bool(settings.name))
    with lock:
        initrd = os.path.join(folder, 'initrd')
        initramfs.write(initrd, archives)
        events = write_events(folder)
        command = qemu_command(tree, kernel, settings, initrd, events)
        command += ['-chardev', 'stdio,id=console,mux=on,signal=off,logfile=console.log',
                    '-serial', 'chardev:console', '-mon', 'chardev=console',
                    '-qmp', 'unix:qmp.sock,server=on,wait=off']
        say(f'Linux {kernel.version} on QEMU {tree.version()}; Ctrl-A x ends the guest; '
            f'logs in {os.path.relpath(folder, project.ROOT)}')
        if settings.gdb:
            debugger.prepare(folder, kernel, settings.panthor_ko, settings.gdb == 'bare')
        return subprocess.run(DIE_WITH_PARENT + command, cwd=folder,
                              check=False).returncode and project.FAIL


def run_apart(variables):
    """This script with VARIABLE=value arguments, in a process of its own.

    Returns its CompletedProcess, and why it could test nothing, or ''.
    """
    result = subprocess.run([sys.executable, project.RUN_GUEST, *variables],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            errors='replace', check=False)
    if result.returncode not in (project.USAGE, project.CANNOT_TEST):
        return result, ''
    errors = [line.removeprefix('error: ')
              for line in (result.stdout + result.stderr).splitlines()
              if line.startswith('error: ')]
    return result, errors[0] if errors else 'run-guest.py gave no reason'


# Work that takes time, and of the tiler also memory: what is under way has to be seen
BUSY_DEVICE = ['-global', 'mali-csf.x-endpoint-latency-ns=2000000',
               '-global', 'mali-csf.x-endpoint-heap-chunks=1']


def busy_settings(title):
    """Settings of a check that is about work under way in the device, and needs no debugger."""
    settings = Settings()
    if settings.gdb or settings.model == NO_GPU:
        raise project.usage(f'GDB= and MODEL=none do not go with {title}')
    settings.qemu_args += BUSY_DEVICE
    # These read all of it.
    settings.log_limit = None
    return settings


def check_main(description, command, check):
    """The main function of a script that does something else with a guest.

    command: of settings.COMMANDS; check(tap) returns the exit code.
    """
    parser = SETTINGS.parser(description, command)
    parser.add_argument('--tap', action='store_true', help='print TAP, for meson test')
    options = parser.parse_args()
    if options.tap:
        project.SAY_PREFIX = '# '
    project.require_host()
    return project.skip_if_unavailable(options.tap, lambda: check(options.tap))


def main():
    parser = SETTINGS.parser(__doc__, 'run-guest')
    parser.add_argument('--tap', action='store_true', help='print TAP, for meson test')
    parser.add_argument('--shell', action='store_true', help='an interactive shell')
    parser.add_argument('--prepare', action='store_true', help='build and fetch, run nothing')
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    if options.tap:
        project.SAY_PREFIX = '# '
    project.require_host()
    settings = Settings()
    if options.prepare:
        prepare(settings)
        return project.PASS
    if options.shell:
        return run_shell(settings)
    return project.skip_if_unavailable(options.tap, lambda: run_tests(settings, options.tap))
