# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure the model: loads, walks, locks, streams, VM_BIND and Mesa in a guest.

Prints a table and writes build/bench.tsv.  It is no test: a number never
fails it, it says "goal missed".  docs/devel/benchmark.rst explains the rows.
"""

import importlib
import os
import re
import statistics
import subprocess
import sys

from malicsf import host_packages, project
from malicsf.build import build_qemu, userland
from malicsf.project import say
from malicsf.settings import SETTINGS

TSV = os.path.join(project.BUILD, 'bench.tsv')
COLUMNS = ['name', 'median', 'unit', 'reference', 'ratio', 'goal']
IDLE_LOAD = 0.5         # of a machine that does nothing else
PROGRAMS = ['mali-csf-bench-test', 'mali-csf-crowd-test']
# Without the lines of device.log for each command of the MMU and state of a stream: each is a write() of the
# host, which is not the device's work.
BENCH_ARGS = ('-device mali-csf-bench,id=bench,gpu=/machine/peripheral/gpu,account=on '
              '-trace -mali_csf_as_* -trace -mali_csf_cs_state')
BIND_CASES = ['not live, small pages', 'live, small pages', 'not live, part of a huge page',
              'live, part of a huge page']

# Of vulkan--bench, beside llvmpipe in the same process; each at least 15 times as fast
MESA_ROWS = {
    'saxpy-1m': 'saxpy, 1 M', 'mandelbrot-256': 'mandelbrot, 256 x 256 x 100',
    'sgemm-256': 'sgemm, 256', 'nbody-1024': 'n-body, 1,024', 'radix-1m': 'radix sort, 1 M',
}
# Of tools--clpeak, beside rusticl on llvmpipe
CLPEAK_ROWS = {
    'clpeak--compute-sp': 'clpeak, single precision', 'clpeak--global-bandwidth':
    'clpeak, global memory bandwidth',
}

# What pace measures: the second one is what the host alone adds
READS = [('register read while a stream spins', 'register'),
         ('memory read without a stream', 'memory')]


class Goal:
    """A bound for the median or for the ratio of a row."""

    def __init__(self, column, relation, bound):
        self.column, self.relation, self.bound = column, relation, bound

    def met(self, row):
        value = row[self.column]
        return value >= self.bound if self.relation == '>=' else value <= self.bound

    def __str__(self):
        return f'{"ratio " if self.column == "ratio" else ""}{self.relation} {self.bound:g}'


def at_most(bound):
    return Goal('median', '<=', bound)


def at_least(bound):
    return Goal('median', '>=', bound)


def ratio_at_most(bound):
    return Goal('ratio', '<=', bound)


def ratio_at_least(bound):
    return Goal('ratio', '>=', bound)


# Rows of the qtest: (name there, what it is, unit, goals).  "ns" and "us" are
# the time of one; "M/s" how many millions in a second.
DEVICE_ROWS = [
    ('load-hit', '4-byte load, TLB hit, against address_space_ldl_le()', 'ns',
     [ratio_at_most(1.5)]),
    ('load-miss', '4-byte load, TLB miss, 4 levels, against four of those', 'ns',
     [ratio_at_most(2)]),
    ('lock-off', 'LOCK and UNLOCK, strict=off, 256 k other pages', 'us', []),
    ('lock-1k', 'LOCK and UNLOCK, strict=report, 1 k other pages', 'us', []),
    ('lock-16k', 'LOCK and UNLOCK, strict=report, 16 k other pages', 'us', []),
    ('lock-256k', 'LOCK and UNLOCK, strict=report, 256 k other pages', 'us', [at_most(2000)]),
    ('checker-unmap-blocks', 'the dearest command: 65,536 blocks unmapped, 4,000 dirty pages', 'us',
     [at_most(1000)]),
    ('checker-map-pages', 'the dearest command: 256 k pages mapped', 'us', [at_most(1000)]),
    ('checker-unmap-pages', 'the dearest command: 256 k pages unmapped', 'us', [at_most(1000)]),
    ('checker-unmap-tables', 'the dearest command: 512 tables taken away', 'us', [at_most(1000)]),
    ('checker-flush-others', 'FLUSH_CACHES, 7 spaces of 256 k pages', 'us', [at_most(1000)]),
    ('checker-stale', 'a slice of stale translations, 256 k other pages', 'us', [at_most(1000)]),
    ('checker-stale-many', 'a slice of stale translations, 1.8 M other pages', 'us',
     [at_most(1000)]),
    ('checker-refill', 'a slice of walks, all of 512 tables changed', 'us', [at_most(5000)]),
    ('checker-self-update', 'UPDATE to tables that refer to themselves', 'us', [at_most(5000)]),
    ('checker-self-flush', 'FLUSH_CACHES when they come', 'us', [at_most(5000)]),
    ('checker-flush-locked', 'FLUSH_CACHES, 7 locked spaces of 1.8 M pages', 'us',
     [at_most(5000)]),
    ('checker-scattered', 'the dearest command: every other of 1.8 M pages unmapped', 'us',
     [at_most(5000)]),
    ('mix', 'MOVE32, ADD_IMM32 and BRANCH, against a bare switch', 'M/s',
     [at_least(100), ratio_at_most(2)]),
    ('loads', 'LOAD_MULTIPLE of one word, TLB hit', 'M/s', [at_least(20)]),
    ('stores', 'STORE_MULTIPLE of one word, TLB hit', 'M/s', [at_least(20)]),
]
# What all the streams of a model do at once, in mali-csf-crowd-test
CROWD = ['spin', 'chain', 'wake', 'deferred', 'group-waits', 'resources', 'heaps', 'handlers',
         'faults', 'suspend', 'status', 'perfcnt', 'trace']
DEVICE_ROWS += [(f'crowd-{name}-{what}', f'{what}, p99, 320 streams: {name}', 'us',
                 [at_most(1000)])
                for name in CROWD for what in ('slice', 'pass')]


class Table:
    def __init__(self):
        self.rows, self.missed = [], 0

    def add(self, name, median, unit, reference=None, ratio=None, goals=()):
        row = {'name': name, 'median': median, 'unit': unit, 'reference': reference,
               'ratio': ratio, 'goal': ' and '.join(map(str, goals))}
        missed = not all(goal.met(row) for goal in goals)
        self.missed += missed
        self.rows.append(row)
        text = f'{name:64} {number(median):>9} {unit:5}'
        if reference is not None:
            text += f' {number(reference):>9} {number(ratio):>6}'
        if goals:
            text = f'{text:96} {row["goal"]}'
        say(text + ('  goal missed' if missed else ''))

    def write(self):
        lines = ['\t'.join(COLUMNS)]
        lines += ['\t'.join(value if isinstance(value, str) else number(value)
                            for value in row.values()) for row in self.rows]
        project.write(TSV, '\n'.join(lines) + '\n')


def number(value):
    if value is None:
        return ''
    return f'{value:.0f}' if value >= 1000 else f'{value:.3g}'


def machine():
    cpu = re.search(r'^model name\s*:\s*(.*)', project.read('/proc/cpuinfo'), re.M)
    load = os.getloadavg()[0]
    say(f'{os.cpu_count()} CPUs, {cpu[1] if cpu else os.uname().machine}; load {load:.2f}')
    if load > IDLE_LOAD:
        say(f'WARNING: the machine is not idle (load above {IDLE_LOAD}): these figures are '
            'worse than they should be, the ratios less so')


def measured(tree, program):
    """What a qtest says of its rows: ns, reference, ratio, by name."""
    result = subprocess.run(
        [os.path.join(tree.obj, 'tests/qtest', program), '--tap', '-k', '-m', 'perf'],
        cwd=tree.obj, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False,
        env=SETTINGS.environment(QTEST_QEMU_BINARY=tree.binary))
    if result.returncode:
        sys.stderr.write(result.stdout)
        raise project.Stop(f'{program} failed; what it said is above', project.FAIL)
    return {name: tuple(map(float, values)) for name, *values in re.findall(
        r'^# bench (\S+) ns=(\S+) reference=(\S+) ratio=(\S+)$', result.stdout, re.M)}


def measure_device(tree, table):
    """What one QEMU without a guest can say."""
    found = {}
    for program in PROGRAMS:
        found.update(measured(tree, program))
    missing = [row[0] for row in DEVICE_ROWS if row[0] not in found]
    if missing:
        raise project.Stop(f'{", ".join(PROGRAMS)} did not measure {", ".join(missing)}',
                           project.FAIL)
    for name, text, unit, goals in DEVICE_ROWS:
        ns, reference, ratio = found[name]

        def scale(value, unit=unit):
            if unit == 'M/s':
                return 1000 / value
            return value / {'ns': 1, 'us': 1000}[unit]
        table.add(text, scale(ns), unit, scale(reference) if reference else None,
                  ratio if reference else None, goals)


def run_guest(kind, tests, *variables):
    """Boot once; everything that the programs printed."""
    name = f'bench-{kind}'
    command = [sys.executable, project.RUN_GUEST, f'NAME={name}', 'TESTS=' + ' '.join(tests),
               *variables]
    log = os.path.join(project.BUILD, 'log', name + '.log')
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, 'w', encoding='utf-8') as file:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file,
                                stderr=subprocess.STDOUT, check=False).returncode
    if status not in (project.PASS, project.FAIL):
        sys.stderr.write(project.read_lossy(log))
        raise project.Stop('the guest could not be run', status)
    if status:
        # pace has bounds of its own, and says so; here the numbers count.
        say(f'a test failed in the guest, {kind}; see {log}')
    return project.read_lossy(os.path.join(project.BUILD, 'run', name, 'result.tap'))


def collect(text, values):
    """Add the figures of a run to @values, lists by key."""
    for what, us in re.findall(r'pair: (.*?): fastest .*?, median (\d+) us', text):
        values.setdefault(('pair', what), []).append(int(us))
    for what, *numbers in re.findall(
            r'account: (.*?): accesses (\d+), device (\d+) ns, all (\d+) ns', text):
        for key, value in zip(('accesses', 'device', 'all'), numbers):
            values.setdefault((key, what), []).append(int(value))
    for what, key in READS:
        for p99, maximum in re.findall(
                what + r', in us: median \d+, p99 (\d+), maximum (\d+)', text):
            values.setdefault(('p99', key), []).append(int(p99))
            values.setdefault(('maximum', key), []).append(int(maximum))


def measure_guest(table, rounds):
    """What needs a driver: VM_BIND, and register reads under a stream."""
    found = {'off': {}, 'report': {}}
    for n in range(rounds):
        for strict, values in found.items():
            collect(run_guest(strict, ['bind', 'pace'] if strict == 'off' else ['bind'],
                              f'STRICT={strict}', 'QEMU_ARGS=' + BENCH_ARGS), values)
        say(f'guest: round {n + 1} of {rounds} done')
    medians = {strict: {key: statistics.median(numbers) for key, numbers in values.items()}
               for strict, values in found.items()}
    for strict, values in medians.items():
        for what in BIND_CASES:
            pair = values.get(('pair', what))
            other = values.get(('pair', 'not ' + what))
            if pair:
                table.add(f'VM_BIND unmap and map: {what}, strict={strict}', 1e6 / pair, 'pairs/s',
                          1e6 / other if other else None, pair / other if other else None)
    say('where the time of a pair goes, address space live:')
    for strict, values in medians.items():
        for what in BIND_CASES:
            if what.startswith('live') and ('all', what) in values:
                account(table, strict, what, values)
    for key, goal, pick in (('p99', 1000, statistics.median), ('maximum', 10000, max)):
        # The median of the rounds, but the worst maximum of all
        register, memory = (pick(found['off'].get((key, what), [0]))
                            for what in ('register', 'memory'))
        table.add(f'register read under a spinning stream, {key}, against memory', register, 'us',
                  memory, register / memory if memory else None, [at_most(goal)])


def account(table, strict, what, values):
    pair = values['all', what]
    device = values['device', what]
    accesses = values['accesses', what]
    # What an access costs besides the device's own part
    way = max(values['all', 'read'] - values['device', 'read'], 0)
    title = f'  {what}, strict={strict}'
    table.add(f'{title}: register accesses', accesses, '')
    table.add(f'{title}: the device', 100 * device / pair, '%',
              goals=[at_most(10)] if strict == 'off' else [])
    table.add(f'{title}: the exits', 100 * accesses * way / pair, '%')
    table.add(f'{title}: driver and kernel', 100 * (pair - device - accesses * way) / pair, '%')


def mesa_figures(text):
    """{name: (of the GPU, of llvmpipe)} that the programs of a userland have measured."""
    return {name: (float(here), float(there)) for name, here, there in
            re.findall(r'^# bench (\S+) (-?[\d.]+) (-?[\d.]+)', text, re.M)}


def measure_mesa(table):
    """What needs Mesa: the shader cores beside llvmpipe in the same guest."""
    found = mesa_figures(run_guest('mesa', ['mesa-bench', 'tools--clpeak'], 'USERLAND=mesa'))
    null = mesa_figures(run_guest('mesa-null', ['vulkan--latency'], 'USERLAND=mesa',
                                  'MODEL=g610,x-endpoint=null'))
    ratios = []
    for name, text in MESA_ROWS.items():
        here, there = found.get(name, (-1, -1))
        if here <= 0 or there <= 0:
            say(f'{text}: not measured, see build/run/bench-mesa')
            continue
        ratios.append(there / here)
        table.add(f'{text}: submit to fence, llvmpipe against the cores', here * 1000, 'ms',
                  there * 1000, there / here, [ratio_at_least(15)])
    if len(ratios) == len(MESA_ROWS):
        mean = statistics.geometric_mean(ratios)
        table.add('the geometric mean of these', mean, '', None, mean, [ratio_at_least(30)])
    here, idle = found.get('latency', (-1, 0))[0], null.get('latency', (-1, 0))[0]
    if here > 0 and idle > 0:
        table.add('one workgroup: submit to fence, against the null endpoint', here * 1e6, 'us',
                  idle * 1e6, here / idle, [ratio_at_most(1.5)])
    for name, text in CLPEAK_ROWS.items():
        here, there = found.get(name, (-1, -1))
        if here > 0 and there > 0:
            table.add(f'{text}, the cores against llvmpipe', here, 'G/s', there, here / there,
                      [ratio_at_least(15)])


def provide_mesa():
    """Whether there is a userland to measure in; says why there is none."""
    try:
        with project.Lock():
            userland.provide('mesa')
    except project.Stop as stop:
        say(f'without the rows of Mesa: {stop}')
        return False
    return True


def main():
    parser = SETTINGS.parser(__doc__, 'bench')
    parser.add_argument('--rounds', type=int, default=3, help='boots of the guest, of each kind')
    parser.add_argument('--no-guest', action='store_true', help='only what needs no guest')
    parser.add_argument('--no-mesa', action='store_true', help='without the rows of Mesa')
    options = parser.parse_args()
    if options.rounds < 1:
        raise project.usage(f'--rounds={options.rounds} is not a number above 0')
    project.require_host()
    SETTINGS.refuse_other_runs('bench')
    # What run-guest.py would refuse after minutes of the other rows
    importlib.import_module('malicsf.run.run_guest').Settings()
    host_packages.provide()
    with project.Lock():
        tree = build_qemu.build(build_qemu.from_environment(), tests=True)
    machine()
    say('')
    say(f'{"":64} {"median":>9} {"unit":5} {"reference":>9} {"ratio":>6}  goal')
    table = Table()
    measure_device(tree, table)
    if not options.no_guest:
        measure_guest(table, options.rounds)
        if not options.no_mesa and provide_mesa():
            measure_mesa(table)
    table.write()
    say('')
    say(f'{os.path.relpath(TSV, project.ROOT)} has the table; goals missed: {table.missed}')
    return project.PASS
