# SPDX-License-Identifier: GPL-2.0-or-later
"""A run of guest programs in which nothing but a seed decides who comes first.

The machine starts cold.  Time counts instructions, the vCPUs take turns as -icount seed= says,
the device is late as x-seed= says, and nothing comes from outside: the serial ports are files,
and no monitor is asked.  So the same seed writes the same logs, to the byte.
"""

import hashlib
import os
import re
import shutil
import subprocess
import time

from malicsf import project
from malicsf.build import build_qemu, initramfs
from malicsf.run import device_log, expectations, protocol, results, run_guest

# An instruction of a vCPU takes 2^3 ns of virtual time
SHIFT = 3
# Of the scheduler, the kinds that exclude each other; the others are the device's
STRATEGIES = ('slices', 'priorities')
# The host's time for a run, without that of its programs
RUN_SECONDS = 120
LOGS = ('console.log', 'port.log', 'device.log')
# What SEED= shows besides.  Not each instruction of a stream: a stream that is traced has
# fewer instructions in a slice.
TRACED = ['mali_csf_*', '-mali_csf_cs_instruction', 'icount_schedule_turn']
FOUND = 'the finding is shown'      # what a guest program of the class "finding" says of a hit
# Numbers tell hits of the same kind apart, which they should not
NUMBER = re.compile(r'0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+(\.\d+)?')


class Silent:
    """In place of what a guest with a monitor has, and a file has not."""

    def mark(self, *_):
        """Nothing is timed."""

    def tell(self):
        """There is nobody to tell."""

    def since(self, *_):
        return 'in virtual time'

    def size(self):
        return 0


class QuietReport(results.Report):
    """Results that are only kept."""

    def emit(self, line):
        pass


class Reader(protocol.Protocol):
    """What the runner has written to a file."""

    watch = monitor = device = Silent()

    def __init__(self, report):
        super().__init__(report)
        self.asks = []          # programs that ask the host for something

    def request(self, words):
        self.asks.append(self.program)

    def read(self, folder):
        for line in project.read_lossy(os.path.join(folder, 'console.log')).splitlines():
            self.console_line(line)
        for line in project.read_lossy(os.path.join(folder, 'port.log')).splitlines():
            self.port_line(line)


class Machine:
    """What all runs of an exploration have in common; prepared once."""

    def __init__(self, settings):
        self.settings, self.kinds = settings, []
        self.tree, self.kernel, self.archives = run_guest.prepare(settings)
        self.rows = settings.programs()
        self.expected = expectations.of(self.kernel, settings)
        skipped = [row[0] for row in self.rows if self.expected.skipped(row[0])]
        self.rows = [row for row in self.rows if row[0] not in skipped]
        if not self.rows:
            raise project.usage(f'TESTS={settings.tests} has nothing to run on Linux '
                                f'{self.kernel.version}')
        self.all_kinds = kinds_of(self.tree)
        self.initrd = ''

    def choose(self, kinds):
        """Perturb these, of all_kinds."""
        unknown = [kind for kind in kinds if kind not in self.all_kinds]
        if unknown:
            raise project.usage(f'KINDS={unknown[0]} is none of: {", ".join(self.all_kinds)}, none')
        if set(STRATEGIES) <= set(kinds):
            raise project.usage(f'KINDS= has both {" and ".join(STRATEGIES)}: a run has one')
        self.kinds = list(kinds)

    def write(self, folder):
        """The initramfs, which all runs share."""
        os.makedirs(folder, exist_ok=True)
        self.initrd = os.path.join(folder, 'initrd')
        initramfs.write(self.initrd, self.archives, run_guest.plan_of(self.rows, self.settings))
        build_qemu.link(self.kernel.image, os.path.join(folder, 'Image'))

    def key(self):
        """What a seed is a seed of: another QEMU, kernel, program or option, another run."""
        digest = digest_of_files(self.tree.binary, self.kernel.image, self.initrd)
        # Of a name that stands for what the paths of this machine do not say
        settings = self.settings.about() | {'kinds': ','.join(self.kinds)}
        digest.update(repr(sorted(settings.items())).encode())
        return digest.hexdigest()[:16]

    def command(self, seed, folder, kinds):
        command = run_guest.qemu_command(self.tree, self.kernel, self.settings, self.initrd,
                                         os.path.join(folder, 'events'))
        icount = f'shift={SHIFT},sleep=off'
        strategy = next((kind for kind in kinds if kind in STRATEGIES), None)
        # With one seed for all there are turns that are the same each time.
        icount += f',seed={seed},schedule={strategy}' if strategy else ',seed=0'
        place = command.index('-append') + 1
        # A kernel that panics ends the run.
        command[place] += ' nokaslr panic=-1'
        command += ['-machine', 'dtb-randomness=off', '-accel', 'tcg,thread=single', '-icount',
                    icount, '-seed', '1', '-rtc', 'base=2026-01-01,clock=vm']
        device = [kind for kind in kinds if kind not in STRATEGIES]
        if device:
            command += ['-global', f'mali-csf.x-seed={seed}']
            for kind in self.all_kinds:
                if kind not in (*STRATEGIES, *device):
                    command += ['-global', f'mali-csf.x-late-{kind}-ns=0']
        for name in ('console', 'port'):
            command += ['-chardev', f'file,id={name},path={name}.log', '-serial',
                        f'chardev:{name}']
        return command

    def seconds(self):
        return self.settings.slack * (RUN_SECONDS + sum(row[2] for row in self.rows))


class Outcome:
    """Of one run: its verdict, with a signature for each thing that went wrong."""

    def __init__(self, seed, signatures, known, digest, seconds, problem=''):
        self.seed, self.signatures, self.known = seed, signatures, known
        self.digest, self.seconds, self.problem = digest, seconds, problem

    def row(self):
        return {'seed': self.seed, 'signatures': self.signatures, 'known': self.known,
                'digest': self.digest, 'seconds': round(self.seconds, 1),
                'problem': self.problem}


def kinds_of(tree):
    """Names of what can be perturbed: strategies of the scheduler, kinds of the device."""
    said = subprocess.run([tree.binary, '-M', 'virt', '-device', 'mali-csf,help'],
                          capture_output=True, text=True, check=False).stdout
    return [*STRATEGIES, *re.findall(r'x-late-([\w-]+)-ns=', said)]


def signature(text):
    return NUMBER.sub('#', text).strip()


def digest_of_files(*paths):
    """A hash that knows what is in those of the files that are there."""
    digest = hashlib.sha256()
    for path in paths:
        if os.path.exists(path):
            with open(path, 'rb') as file:
                digest.update(hashlib.file_digest(file, 'sha256').digest())
    return digest


def digest_of(folder):
    """Of everything that a run has said."""
    return digest_of_files(*(os.path.join(folder, name) for name in LOGS)).hexdigest()[:16]


def judge(machine, folder):
    """([signature], [known signature], problem) of a run that is over."""
    report = QuietReport(True, '', machine.expected)
    reader = Reader(report)
    reader.read(folder)
    if reader.asks:
        return [], [], (f'"{reader.asks[0]}" asks the host for something, which has no time of '
                        'its own here: it cannot be explored')
    bad, known = [], []
    for verdict, name, reason in report.rows:
        if verdict == 'ok' and FOUND in name:
            bad.append(name)
        elif verdict == 'todo':
            known.append(name)
        elif verdict == 'not ok':
            bad.append(f'{name}: {signature(reason)}' if 'kernel log' in name else name)
    found, strange = device_log.read_findings(os.path.join(folder, 'device.log'))
    allowed = {name for _, name in reader.allowed}
    bad += [f'violation {finding.name}' for finding in found
            if finding.kind == 'violation' and finding.name not in allowed]
    problem = f'device.log has a line that cannot be read: {strange[0][:100]}' if strange else ''
    if not reader.done and not bad:
        problem = problem or 'the guest has not come to the end of its programs'
    return list(dict.fromkeys(bad)), list(dict.fromkeys(known)), problem


def run(machine, seed, folder, kinds=None, traced=False, started=None):
    """One run.  started: is called with the process, to be able to end it"""
    kinds = machine.kinds if kinds is None else kinds
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    run_guest.write_events(folder, TRACED if traced else None)
    begin = time.monotonic()
    with open(os.path.join(folder, 'qemu.log'), 'w', encoding='utf-8') as said, \
            subprocess.Popen(run_guest.DIE_WITH_PARENT + machine.command(seed, folder, kinds),
                             cwd=folder, stdin=subprocess.DEVNULL, stdout=said,
                             stderr=subprocess.STDOUT, process_group=0) as process:
        if started:
            started(process)
        try:
            process.wait(None if machine.settings.gdb else machine.seconds())
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return Outcome(seed, [], [], '', time.monotonic() - begin,
                           f'no end after {machine.seconds():.0f} s')
        finally:
            if process.poll() is None:
                process.kill()
    seconds = time.monotonic() - begin
    if process.returncode:
        error = run_guest.what_qemu_said(folder)
        return Outcome(seed, [], [], '', seconds,
                       error or f'QEMU ended with status {process.returncode}')
    signatures, known, problem = judge(machine, folder)
    return Outcome(seed, signatures, known, digest_of(folder), seconds, problem)
