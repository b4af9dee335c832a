# SPDX-License-Identifier: GPL-2.0-or-later
"""A run of guest programs in which nothing but a seed decides who comes first.

Time counts instructions, the vCPUs take turns as -icount seed= says, the device is late as
x-seed= says, and nothing comes from outside but while the machine is stopped.  So the same seed
writes the same logs, to the byte.  A run begins where the driver is there and no program has
begun, with a machine that was saved (saved_machine.py), or with COLD=1 at power-on.
"""

import hashlib
import os
import re
import shutil
import subprocess
import time

from malicsf import project
from malicsf.build import build_qemu, initramfs
from malicsf.explore import saved_machine, symbols
from malicsf.explore.stopping_qemu import DONE, Ended, REQUEST, StoppingQemu, TooLate
from malicsf.project import say
from malicsf.run import device_log, expectations, protocol, results, run_guest

KEY_DIGITS = 16
# An instruction of a vCPU takes 2^3 ns of virtual time
SHIFT = 3
# Of the scheduler, the kinds that exclude each other; the others are the device's
PLACES = 'places'
STRATEGIES = ('slices', 'priorities', PLACES)
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

    def request(self, words):
        """It was answered."""

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
        # Bounds of a slice, as -icount takes them, or ''
        self.slices = ''
        self.initrd = ''
        # Where runs begin, its hash, and a lock for as long as it is needed; or '' for COLD=1
        self.saved = self.saved_hash = ''
        self.lock = None
        self.ends = None        # of the driver, once that was asked for

    def choose(self, kinds):
        """Perturb these, of all_kinds."""
        unknown = [kind for kind in kinds if kind not in self.all_kinds]
        if unknown:
            raise project.usage(f'KINDS={unknown[0]} is none of: {", ".join(self.all_kinds)}, none')
        if len(set(STRATEGIES) & set(kinds)) > 1:
            raise project.usage(f'KINDS= has more than one of {", ".join(STRATEGIES)}')
        self.kinds = list(kinds)

    def provide(self, parent, cold):
        """What all runs share: the initramfs, and where they begin."""
        new = os.path.join(parent, f'new-{os.getpid()}')
        self.write(new)
        folder = os.path.join(parent, f'machine-{self.key()}')
        try:
            os.rename(new, folder)
        except OSError:
            shutil.rmtree(new)      # it is there
        self.initrd = os.path.join(folder, 'initrd')
        if not cold:
            self.saved, self.saved_hash, self.lock = saved_machine.provide(self, folder)
        if PLACES in self.kinds:
            self.places()

    def symbols(self):
        """Where the driver's functions are, as far as that is known"""
        return symbols.Symbols(saved_machine.symbols(self) if self.saved else '')

    def places(self):
        """(first, last) address of the driver, for the strategy that has turns end there"""
        self.ends = self.ends or self.symbols().ends()
        if not self.ends:
            raise project.Stop('KINDS=places needs a saved machine whose driver is a module',
                               project.USAGE)
        return self.ends

    def start(self):
        return f'the saved machine {self.saved_hash}' if self.saved else 'power-on'

    def results_key(self):
        """What a seed is a seed of."""
        text = repr([self.key(), self.saved_hash, self.kinds, self.slices])
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.initrd = os.path.join(folder, 'initrd')
        initramfs.write(self.initrd, self.archives, run_guest.plan_of(self.rows, self.settings))
        build_qemu.link(self.kernel.image, os.path.join(folder, 'Image'))

    def key(self):
        """What a saved machine is one of: another QEMU, kernel, program or option, another one."""
        digest = project.digest_of_files(self.tree.binary, self.kernel.image, self.initrd)
        # Of a name that stands for what the paths of this machine do not say
        digest.update(repr(sorted(self.settings.about().items())).encode())
        return digest.hexdigest()[:KEY_DIGITS]

    def command(self, folder, seed=0, kinds=(), until=0):
        """QEMU, without its serial ports.

        kinds: that the seed perturbs, or none: then all seeds are the same run; until: in ns of
        the virtual clock, after which it perturbs nothing, or 0
        """
        command = run_guest.qemu_command(self.tree, self.kernel, self.settings, self.initrd,
                                         os.path.join(folder, 'events'))
        # Nothing runs before it is told to, debugger or not.
        command = [word for word in command if word != '-S'] + ['-S']
        icount = f'shift={SHIFT},sleep=off'
        strategy = next((kind for kind in kinds if kind in STRATEGIES), None)
        # With one seed for all there are turns that are the same each time.
        icount += f',seed={seed},schedule={strategy}{self.slices}' if strategy else ',seed=0'
        if strategy == PLACES:
            icount += ',place-min=%u,place-max=%u' % self.places()
        if strategy and until:
            icount += f',until={until}'
        place = command.index('-append') + 1
        # A kernel that panics ends the run.
        command[place] += ' nokaslr panic=-1 explore=1'
        command += ['-machine', 'dtb-randomness=off', '-accel', 'tcg,thread=single', '-icount',
                    icount, '-seed', '1', '-rtc', 'base=2026-01-01,clock=vm']
        device = [kind for kind in kinds if kind not in STRATEGIES]
        if device:
            command += ['-global', f'mali-csf.x-seed={seed}']
            if until:
                command += ['-global', f'mali-csf.x-seed-until-ns={until}']
            for kind in self.all_kinds:
                if kind not in (*STRATEGIES, *device):
                    command += ['-global', f'mali-csf.x-late-{kind}-ns=0']
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


def digest_of(folder):
    """Of everything that a run has said."""
    return project.digest_of_files(*(os.path.join(folder, name) for name in LOGS)).hexdigest()[:16]


def judge(machine, folder):
    """([signature], [known signature], problem) of a run that is over."""
    report = QuietReport(True, '', machine.expected)
    reader = Reader(report)
    reader.read(folder)
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


def answer(qemu, seed, words):
    """To a request of the runner or of a program, while the machine is stopped"""
    if words == ['symbols']:
        return 'error they are known'
    if words[:1] == ['option'] and len(words) == 2:
        return f'ok {seed}' if words[1].endswith('.seed') else 'error no such option'
    return qemu.monitor.request(words)


def follow(machine, qemu, seed):
    """Let the guest run to the end of its programs, and answer what they ask."""
    if machine.saved:
        qemu.load(machine.saved)
    qemu.stop_at(DONE, REQUEST)
    if machine.settings.gdb:
        say('QEMU waits for the debugger to let the guest run')
    else:
        qemu.go_on()
    while (line := qemu.until_stop()).startswith(REQUEST):
        qemu.answer(answer(qemu, seed, line.removeprefix(REQUEST).split()))
        qemu.go_on()


def run(machine, seed, folder, kinds=None, traced=False, started=None, until=0, timeline=()):
    """One run.

    started: is called with the process, to be able to end it; until: see Machine.command();
    timeline: options of QEMU, with which the log has what is executed
    """
    kinds = machine.kinds if kinds is None else kinds
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    run_guest.write_events(folder, TRACED if traced else None)
    begin = time.monotonic()
    command = machine.command(folder, seed, kinds, until) + list(timeline)
    if timeline:
        command[command.index('-d') + 1] += ',exec,nochain'
    if machine.saved:
        command = saved_machine.loading(command, machine.saved, machine.settings.mem)
    qemu = StoppingQemu(command, folder, None if machine.settings.gdb else machine.seconds(),
                        started)
    problem = ''
    try:
        follow(machine, qemu, seed)
    except TooLate:
        problem = f'no end after {machine.seconds():.0f} s'
    except Ended:
        pass
    finally:
        status = qemu.end()
    seconds = time.monotonic() - begin
    if status:
        problem = run_guest.what_qemu_said(folder) or f'QEMU ended with status {status}'
    if problem:
        return Outcome(seed, [], [], '', seconds, problem)
    signatures, known, problem = judge(machine, folder)
    return Outcome(seed, signatures, known, digest_of(folder), seconds, problem)
