# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person sets: every variable, declared once, and the values that it has.

Nothing else reads or writes the environment.  "make help", --help, the error for a name that
is none and tab completion are made of the table; the Makefile reads its names from it too.
"""

import argparse
import collections
import difflib
import os
import re
import sys
import tomllib

from malicsf.stop import usage

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# How a value is read: as it stands; words with commas or spaces between; a number above 0;
# on unless it is empty or 0
TEXT, WORDS, NUMBER, SWITCH = 'text', 'words', 'number', 'switch'

Variable = collections.namedtuple('Variable', 'name kind example help values',
                                  defaults=((),))
Variable.__doc__ = """A row: name, one of the four kinds, what may stand behind it, the
lines of the help, and values to complete: a tuple, or a function that finds them."""


def read(*path):
    try:
        with open(os.path.join(ROOT, *path), encoding='utf-8') as file:
            return file.read()
    except FileNotFoundError:
        return ''


def models():
    return tomllib.loads(read('configs/matrix.toml'))['models']


def programs():
    rows = [line.split()[0] for line in read('tests/guest/programs').splitlines()
            if line.strip() and not line.startswith('#')]
    return rows + ['quick', 'slow', 'long', 'debug', 'all', 'none']


def debug_kinds():
    """The words of DEBUG=, in the order in which a kernel's name has them"""
    return sorted(name.removesuffix('.config') for name in os.listdir(
        os.path.join(ROOT, 'configs/debug')) if name != 'base.config')


def kinds():
    return re.findall(r'^    KIND\([A-Z_]*, [a-z_]*, "([a-z-]*)"', read(
        'hw/gpu/mali-csf/perturb.h'), re.M) + ['slices', 'priorities', 'places', 'none']


def runs():
    folder = os.path.join(ROOT, 'build/run')
    return [os.path.join('build/run', name) for name in sorted(os.listdir(folder))] \
        if os.path.isdir(folder) else []


def series_of_qemu():
    return [name.removeprefix('qemu-') for name in sorted(os.listdir(
        os.path.join(ROOT, 'patches'))) if name.startswith('qemu-')]


# In the order of the help.  The Makefile takes its names from lines that begin as these do.
TABLE = (
    Variable('KERNEL', TEXT, '7.3', '''a series of the archive, with a flavour if wanted (7.3-16k,
7.3-rt, 6.12), the path of an image, or a built kernel tree;
default: the newest'''),
    Variable('DEBUG', WORDS, 'kasan,lockdep',
             '''the kernel of a series, built with checkers of its own: kasan,
lockdep, kcsan, ubsan, kmemleak, faults; the first time takes a quarter
of an hour''', debug_kinds),
    Variable('MODULES', TEXT, 'dir', 'the modules of KERNEL=path'),
    Variable('MODEL', TEXT, 'g610',
             '''the GPU, see docs/system/devices/mali-csf.rst, and properties of it if
wanted: g610,csg-slots=4,coherent=on; none: the bare machine''', models),
    Variable('FIRMWARE', TEXT, 'own', 'own, distro, or a folder that holds arm/mali/',
             ('own', 'distro')),
    Variable('TESTS', TEXT, 'quick', '''names of guest programs, quick, slow, long, debug, all,
none; -name leaves one out''',
             programs),
    Variable('USERLAND', TEXT, 'mesa',
             '''a Debian userland with Mesa and its programs, or mesa-new: the
newest Mesa; 150 to 200 MB are fetched once''', ('mesa', 'mesa-new')),
    Variable('SMP', NUMBER, '2', 'the processors of the guest machine'),
    Variable('MEM', TEXT, '2G', 'its memory'),
    Variable('KERNEL_ARGS', TEXT, '', 'kernel command line'),
    Variable('QEMU_ARGS', TEXT, '', 'more arguments for QEMU'),
    Variable('PANTHOR_KO', TEXT, 'file', "a panthor.ko in place of the kernel's own"),
    Variable('STRICT', TEXT, 'report',
             '''the checker of the driver in the device: off, report, stop''',
             ('off', 'report', 'stop')),
    Variable('PATCH', TEXT, 'file', '''for check-patch: against the kernel tree, as for patch -p1;
a mailbox, a maildir or a folder is a series, with a verdict for
each patch; - is standard input'''),
    Variable('GIT', TEXT, 'dir',
             'for check-patch: a repository; PATCH= is a commit of it or a range'),
    Variable('GOOD', TEXT, 'v7.2', 'for bisect: a commit of GIT= without the fault'),
    Variable('BAD', TEXT, 'HEAD', 'for bisect: a commit of GIT= with it'),
    Variable('KERNEL_TREE', TEXT, 'dir',
             'for check-patch: a kernel tree of yours, built for arm64'),
    Variable('KERNELS', WORDS, '7.3,6.12',
             'for check-stock, check-reach, check-matrix and check-patch'),
    Variable('MODELS', WORDS, 'g610,g720', 'for check-matrix and check-patch', models),
    Variable('SHARD', TEXT, '2/4',
             '''every fourth guest program, from the second on; for check-matrix
every fourth cell, for explore every fourth seed, for check-piglit
every fourth of its programs'''),
    Variable('MUTANT', WORDS, 'id,id',
             'for check-mutants, in place of all of tests/kernel/mutants.toml'),
    Variable('IGT', TEXT, 'dir', 'for igt: IGT as it was built'),
    Variable('IGT_SRC', TEXT, 'dir', 'for igt-build: its source'),
    Variable('GUEST', TEXT, 'dir',
             '''more guest programs: each C file there is one, of the class quick,
unless a list "programs" in the form of ours says otherwise'''),
    Variable('EXPECTATIONS', TEXT, 'dir',
             '''more files of what is not expected to pass, such as those of
drm/ci'''),
    Variable('COUNT', TEXT, 'name,name', 'functions of panthor whose calls are counted in a run'),
    Variable('MAY_CHANGE', TEXT, 'what,what', '''for check-patch: differences that do not condemn a
patch'''),
    Variable('LEAVE_OUT', WORDS, 'path,path', '''for check-patch: what a patch changes besides, by
patterns'''),
    Variable('T', TEXT, 'mmu/walk', '''for qtest: a part of a path, or a pattern: mmu/lock/*; for
check-tsan: a part of a program's name'''),
    Variable('JOB', TEXT, 'file', '''for qtest: a file or folder of jobs that capture= has written,
dispatched again'''),
    Variable('FAILED', SWITCH, '1',
             'for check, its parts and boot: only the programs that failed last'),
    Variable('FIX', WORDS, 'id,id', '''for check-fixes: some of tests/kernel/fixes.toml; for explore,
one that the driver is compared without'''),
    Variable('AGAIN', SWITCH, '1',
             'for check-fixes and others: all runs anew; for check-patch: that of stock'),
    Variable('OWN', SWITCH, '1',
             '''for check-lane: of the programs those that tests/kernel/fixes.toml
names'''),
    Variable('VARIANT', WORDS, 'id,id',
             'for check-expansions: some of tests/kernel/expansions.toml'),
    Variable('TABLE', TEXT, 'protected',
             'for check-expansions: tests/kernel/protected.toml in its place',
             lambda: ['expansions', 'protected']),
    Variable('INSTANTS', NUMBER, '100', 'for check-migration: how often the machine is saved'),
    Variable('CASES', NUMBER, '1000', 'for check-load: changed states'),
    Variable('REPLAYS', NUMBER, '2', 'for check-replay: how often the run is replayed'),
    Variable('SEED', NUMBER, 'number', '''the random numbers of check-migration and check-load; for
explore, one run with all trace events'''),
    Variable('EXPLORE', NUMBER, '100', '''for check-patch: of a patch that passes, so many seeds of make
explore with it and without'''),
    Variable('SEEDS', TEXT, '1..100', 'for explore: the seeds that are run'),
    Variable('KINDS', WORDS, 'slices,irq', '''for explore: what the seed perturbs, or none; default:
everything''', kinds),
    Variable('SLICES', TEXT, '64..262144',
             'for explore: how many instructions a vCPU executes in a turn'),
    Variable('JOBS', NUMBER, '2', 'for explore: runs at the same time; default: the processors'),
    Variable('COLD', SWITCH, '1', 'for explore: begin at power-on, not with a saved machine'),
    Variable('REDUCE', SWITCH, '1', '''for explore, with SEED=: the kinds that it takes, and up to
which time'''),
    Variable('TIMELINE', SWITCH, '1', '''for explore, with SEED=: what vCPUs and the device did, in
the order in which it came'''),
    Variable('REPEAT', NUMBER, '50', '''for explore, with SEED=: so many more runs, which have to be
the same'''),
    Variable('SANITIZE', SWITCH, '1', 'for check-load: the QEMU of make fuzz'),
    Variable('FUZZ_SECONDS', NUMBER, '600', 'for fuzz, all targets together'),
    Variable('FUZZ_TARGET', WORDS, 'name,name', 'for fuzz: some of the targets'),
    Variable('FUZZ_MODEL', WORDS, 'g610,g925',
             '''the GPUs that are fuzzed; default: of the first and the
last architecture''', models),
    Variable('BREAK', WORDS, 'name,name', '''for check-fuzz-selftest: some of tests/fuzz/breaks; for
check-tsan: of tests/tsan/breaks'''),
    Variable('INPUT', TEXT, 'file', 'for fuzz: run an input again, with FUZZ_TARGET=name'),
    Variable('COMMAND', TEXT, "'command'", "for vng: what runs in the guest"),
    Variable('LOG_MB', NUMBER, '256', 'what each log of a run may grow to'),
    Variable('RUN', TEXT, 'dir', 'for report: a run, such as build/run/7.3-g610; default: the last',
             runs),
    Variable('GDB', TEXT, '1',
             '''QEMU waits for a debugger, with the symbols of the kernel and panthor;
bare: without those that would have to be fetched''', ('1', 'bare')),
    Variable('NAME', TEXT, '', "the run's folder below build/run/"),
    Variable('SLACK', NUMBER, '1', 'multiplies the time-outs'),
    Variable('QEMU_SERIES', TEXT, '10.0',
             'the QEMU that is fetched and built, or 10.2 or 11.1', series_of_qemu),
    Variable('QEMU_SRC', TEXT, 'dir', 'a QEMU source tree of yours; it is copied, not changed'),
    Variable('QEMU_CONFIGURE', TEXT, '',
             '''more arguments for configure of QEMU, such as --enable-debug;
that QEMU is built in a folder of its own'''),
    Variable('CC', TEXT, '', 'compiler for QEMU'),
    Variable('CACHE', TEXT, 'build/cache', 'where fetched packages are kept'),
    Variable('NO_INSTALL', SWITCH, '1', 'only name the packages that are missing'),
    Variable('FROM', TEXT, 'dirs', 'for check-matrix-merge: build/matrix of other machines'),
)

# What a script sets for another that it starts, and a person need not
BETWEEN = (
    Variable('UPDATE', SWITCH, '1',
             'newer packages of what was fetched before; set by make update'),
    Variable('MUST_RUN', TEXT, 'name', 'a program that may not be skipped'),
    Variable('PANTHOR_UAPI', TEXT, 'dir', "the driver's header as a patch leaves it"),
)
ALL = {row.name: row for row in TABLE + BETWEEN}

# Which commands take which, as VARIABLE=value arguments or from their environment
PACKAGES = ['NO_INSTALL']
WHICH_QEMU = ['QEMU_SERIES', 'QEMU_SRC', 'QEMU_CONFIGURE', 'CC']
QEMU = [*WHICH_QEMU, *PACKAGES]
# Of a run whose kernel, driver, model and programs another command chooses
RUNS = ['DEBUG', 'FIRMWARE', 'SMP', 'MEM', 'KERNEL_ARGS', 'QEMU_ARGS', 'SLACK', 'LOG_MB',
        'EXPECTATIONS', 'GUEST', *QEMU]
GUEST = [*RUNS, 'KERNEL', 'MODULES', 'MODEL', 'TESTS', 'PANTHOR_KO', 'GDB', 'NAME', 'MUST_RUN',
         'STRICT', 'COUNT', 'IGT', 'USERLAND', 'SHARD', 'FAILED']
NOT_EXPLORED = ['COUNT', 'IGT', 'USERLAND', 'LOG_MB', 'MUST_RUN', 'NAME', 'FAILED']
EXPLORED = ['COLD', 'KINDS', 'SLICES']
# A row of the driver's table may have kernel arguments of its own.
ROWS = [name for name in RUNS if name != 'KERNEL_ARGS']
COMMANDS = {
    'bisect-driver': ['GOOD', 'BAD', 'GIT', 'KERNEL', 'TESTS', 'MODEL', 'STRICT', *RUNS],
    'build-guest': ['GUEST', *QEMU],
    'build-igt': ['IGT_SRC', *PACKAGES],
    'build-panthor': ['PATCH', 'GIT', 'KERNEL', 'DEBUG', 'MODULES', 'LEAVE_OUT', *PACKAGES],
    'check-explore': [*GUEST, *EXPLORED],
    'check-expansions': ['VARIANT', 'AGAIN', 'TABLE', *ROWS],
    'check-fixes': ['FIX', 'AGAIN', *ROWS],
    'check-fuzz-selftest': ['BREAK', 'FUZZ_SECONDS', *QEMU],
    'check-lane': ['FIX', 'TESTS', 'MODEL', 'AGAIN', 'OWN', *ROWS],
    'check-load': ['CASES', 'SEED', 'SANITIZE', *QEMU],
    'check-matrix': ['MODELS', 'KERNELS', 'TESTS', 'SHARD', *RUNS],
    'check-migration': [*GUEST, 'INSTANTS', 'SEED'],
    'check-mutants': ['MUTANT', *RUNS],
    'check-patch': ['PATCH', 'GIT', 'KERNEL', 'KERNELS', 'KERNEL_TREE', 'MODEL', 'MODELS', 'TESTS',
                    'STRICT', 'USERLAND', 'MAY_CHANGE', 'LEAVE_OUT', 'SHARD', 'AGAIN', 'EXPLORE',
                    'JOBS',
                    *EXPLORED, *RUNS],
    'check-piglit': ['USERLAND', 'KERNEL', 'MODULES', 'MODEL', 'SHARD', 'PANTHOR_KO', 'STRICT',
                     *RUNS],
    'check-reach': ['KERNELS', 'TESTS', 'STRICT', *RUNS],
    'check-replay': [*GUEST, 'REPLAYS'],
    'check-stock': ['KERNELS', 'MODEL', 'TESTS', *RUNS],
    'check-tsan': ['T', 'BREAK', *QEMU],
    'explore': [*(name for name in GUEST if name not in NOT_EXPLORED), *EXPLORED, 'SEEDS', 'SEED',
                'JOBS', 'PATCH', 'GIT', 'LEAVE_OUT', 'REDUCE', 'TIMELINE', 'REPEAT', 'FIX'],
    'fuzz': ['FUZZ_TARGET', 'FUZZ_SECONDS', 'FUZZ_MODEL', 'INPUT', *QEMU],
    'guest-kernel': ['KERNEL', 'DEBUG', 'MODULES', *PACKAGES],
    'map-reach': ['TESTS', *RUNS],
    'qtest': ['T', 'JOB', *QEMU],
    'record-seeds': GUEST,
    'report': ['RUN'],
    'run-guest': GUEST,
    'vng': ['KERNEL', 'MODULES', 'MODEL', 'SMP', 'MEM', 'STRICT', 'COMMAND', 'SLACK', 'GUEST',
            *QEMU],
}

# Which commands read these only from their environment: as arguments they would come too late,
# or the command takes none
READ = {
    'bench': [*RUNS, 'KERNEL', 'MODULES', 'MODEL', 'PANTHOR_KO'], 'build-docs': [],
    'build-qemu': QEMU, 'check': ['FAILED', 'GUEST', *QEMU], 'check-compilers': ['GUEST', *QEMU],
    'check-docs': ['SLACK', 'GUEST', *QEMU], 'check-floors': WHICH_QEMU,
    'check-gcov': [*RUNS, 'KERNEL', 'MODULES', 'MODEL', 'PANTHOR_KO', 'TESTS', 'STRICT', 'NAME'],
    'check-matrix': ['USERLAND'], 'check-selftest': ['GUEST', *QEMU],
    'host-packages': ['NO_INSTALL'],
}
READ |= {command: [*READ.get(command, []), 'CACHE'] for command in [*COMMANDS, *READ]
         if command not in ('report', 'check-floors')}


def help_of(names):
    """Lines that explain variables, in the order of the table."""
    lines = []
    for row in ALL.values():
        if row.name in names:
            first, *rest = row.help.split('\n')
            lines.append(f'{row.name + "=" + row.example:<21} {first}')
            lines += [' ' * 22 + line for line in rest]
    return lines


def nearest(name, valid):
    """A question about the name that was meant, to be put behind an error; or ''"""
    found = difflib.get_close_matches(name, valid, 1)
    return f'; was {found[0]}= meant?' if found else ''


class Settings:
    """The values that variables have.

    environment: a mapping; that of the process, so that programs that are started get them
    A name that the table does not have is a KeyError, and reading it as another kind than the
    table's an AssertionError: mistakes of ours.
    """

    def __init__(self, environment):
        self.values = environment

    def value(self, name):
        """What stands in a variable of any kind; '' if it is not set"""
        return self.values.get(ALL[name].name, '')

    def raw(self, name, kind):
        assert ALL[name].kind == kind, f'{name} is {ALL[name].kind}, and read as {kind}'
        return self.value(name)

    def text(self, name, default=''):
        return self.raw(name, TEXT) or default

    def is_on(self, name):
        return self.raw(name, SWITCH) not in ('', '0')

    def words(self, name):
        return [word for word in re.split(r'[ ,]+', self.raw(name, WORDS)) if word]

    def number(self, name, default, most=2**32):
        """The number above 0 that a variable has; Stop if it has anything else."""
        text = self.raw(name, NUMBER) or str(default)
        if not (text.isascii() and text.isdigit()) or not text.strip('0'):
            raise usage(f'{name}={text[:40]} is not a number above 0')
        # Python takes thousands of digits for an attack.
        if len(text) > 4000 or int(text) > most:
            raise usage(f'{name}={text[:40]} is too large; the most is {most}')
        return int(text)

    def shard(self):
        """The slice of a list that SHARD=i/n takes: every n-th of it, from the i-th on."""
        text = self.text('SHARD')
        if not text:
            return slice(None)
        found = re.fullmatch(r'(\d{1,6})/(\d{1,6})', text, re.A)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise usage(f'SHARD={text} is not i/n with i from 1 to n, such as 2/4')
        return slice(int(found[1]) - 1, None, int(found[2]))

    def set(self, **values):
        for name, value in values.items():
            self.values[ALL[name].name] = value

    def given(self, names):
        """NAME=value of those of the variables that are set, for the command line of a script."""
        return [f'{name}={self.value(name)}' for name in names if self.value(name)]

    def take_out(self, name):
        """The value of a variable, which from then on is not set."""
        return self.values.pop(ALL[name].name, '')

    def refuse(self, names, why):
        """Stop if one of the variables is set: it does not go with what is done, and why."""
        for name in names:
            if self.take_out(name):
                raise usage(f'{name}= does not go with {why}')

    def refuse_other_runs(self, command):
        """Stop if a variable of a guest run is set that the command does not take."""
        taken = COMMANDS.get(command, []) + READ.get(command, [])
        between = [row.name for row in BETWEEN]
        self.refuse([name for name in GUEST if name not in taken + between], command)

    def take(self, words, valid):
        """Take VARIABLE=value arguments; Stop if one is none of the valid."""
        for text in words:
            name, equals, value = text.partition('=')
            if not equals or name not in valid:
                raise usage(f'{text} is none of: {"=, ".join(valid)}={nearest(name, valid)}')
            self.set(**{name: value})

    def parser(self, description, command, **options):
        """An ArgumentParser for a row of COMMANDS or READ; its parse_args() takes variables."""
        return Parser(self, COMMANDS.get(command, []), READ.get(command, []),
                      description=description.split('\n', maxsplit=1)[0], **options)

    def environment(self, **more):
        """That of a program that is started."""
        return dict(self.values, **more)

    def environment_of_kbuild(self, **more):
        """That of a kernel's make: what a surrounding make passes on is not meant for it."""
        return {name: value for name, value in self.environment(**more).items()
                if name not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'KERNEL', 'MODULES')}

    def without_variables(self):
        """The environment of a reader who has set none."""
        return {name: value for name, value in self.values.items() if name not in ALL}

    def colours(self):
        """Whether a terminal has any and they are wanted: https://no-color.org"""
        return not self.values.get('NO_COLOR') and self.values.get('TERM', 'dumb') != 'dumb'


class Parser(argparse.ArgumentParser):
    """What a script takes: options, and VARIABLE=value arguments that it explains."""

    def __init__(self, settings, names, read_names, **options):
        shown = ['\n  '.join([title + ':', *help_of(rows)]) for title, rows in (
            ('variables', names), ('variables of the environment', read_names)) if rows]
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter,
                         epilog='\n\n'.join(shown), **options)
        self.settings, self.names = settings, names
        if names:
            self.add_argument('variables', nargs='*', metavar='VARIABLE=value')

    def parse_args(self, args=None, namespace=None):
        options = super().parse_args(args, namespace)
        self.settings.take(getattr(options, 'variables', []), self.names)
        return options


# Where git looks before it looks where it is told to: its hooks and "git rebase -x" have them,
# of a repository that is none of ours (git rev-parse --local-env-vars)
for _name in ('GIT_ALTERNATE_OBJECT_DIRECTORIES', 'GIT_CONFIG', 'GIT_CONFIG_PARAMETERS',
              'GIT_CONFIG_COUNT', 'GIT_OBJECT_DIRECTORY', 'GIT_DIR', 'GIT_WORK_TREE',
              'GIT_IMPLICIT_WORK_TREE', 'GIT_GRAFT_FILE', 'GIT_INDEX_FILE',
              'GIT_NO_REPLACE_OBJECTS', 'GIT_REPLACE_REF_BASE', 'GIT_PREFIX',
              'GIT_SHALLOW_FILE', 'GIT_COMMON_DIR'):
    os.environ.pop(_name, None)

SETTINGS = Settings(os.environ)


def main():
    """For the Makefile and completion: "help", "unknown NAME", "names", "values NAME"."""
    asked, name = (sys.argv[1:] + ['', ''])[:2]
    names = [row.name for row in TABLE]
    if asked == 'help':
        print('\n'.join(help_of(names)))
    elif asked == 'unknown':
        print(f'{name}= is no variable{nearest(name, names)}; "make help" lists them')
    elif asked == 'names':
        print('\n'.join(names))
    elif asked == 'values' and name in names:
        values = ALL[name].values
        print('\n'.join(values() if callable(values) else values))
