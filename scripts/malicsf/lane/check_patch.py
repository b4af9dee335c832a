# SPDX-License-Identifier: GPL-2.0-or-later
"""What a patch for panthor changes: stock and patched, side by side.

Configured by VARIABLE=value arguments or by the environment, as make passes it
on: PATCH, GIT, KERNEL or KERNELS or KERNEL_TREE, MODEL or MODELS, TESTS, SLACK,
MAY_CHANGE and the others of "make boot".  PATCH is a patch, a mail, a mailbox, a
folder, "-" for standard input, or commits of GIT: of a series each gets a verdict,
on top of those before it.
docs/devel/patch-lane.rst says what is printed and what it is worth.

Exit codes: 0 pass, 1 fail, 2 usage, 125 cannot test.
"""

import collections
import fnmatch
import itertools
import os
import re
import signal
import subprocess
import sys
import time

from malicsf import host_load, host_packages, project
from malicsf.build import build_panthor, debug_kernel, guest_kernel, initramfs, patches
from malicsf.lane import kept_stock, sides, touched, verdict
from malicsf.lane.verdict import Difference
from malicsf.project import say, Stop
from malicsf.run import kernel_log, protocol, run_guest
from malicsf.settings import SETTINGS

PATCHES = os.path.join(project.ROOT, 'tests/kernel')
EXPLORE = os.path.join(project.ROOT, 'scripts/explore.py')
MOST_EXPLORED = 1 << 20
# What make check-patch-selftest requires of each
SELFTEST = {'explicit-expansion.patch': project.PASS, 'wrong-accessor.patch': project.FAIL}
SELFTEST_KERNEL = '7.3'
# Measures VM_BIND; first in the run, see COUNT in run-guest.py
BENCH = 'bind'
SHOWN = 12          # rows of a kind that may be many
TRACE_LINES = 80    # of a warning or an oops
# Which programs run if TESTS= does not name them: those of the lane, or those that get to what
# the patch changes
DEFAULT, TOUCHED = 'default', 'touched'
# Findings with a limit in time
TIMED_FINDINGS = {'update-missing', 'fault-not-acknowledged', 'group-on-unmapped'}


# -- the comparison

def plain(text):
    """A test's name, or a line of the kernel's log, without what differs from run to run."""
    text = re.sub(r'0x[0-9a-fA-F]+|\b[0-9a-f]{8,}\b', 'N', text)
    return re.sub(r'\d+', 'N', text)


def place_of(lines, functions):
    """Words for where the driver was when the kernel said something; '' if that is not known.

    lines: of the kernel's log, from there on; functions: what the patch changes
    """
    found = []
    for line in lines[:TRACE_LINES]:
        found += re.findall(r'([A-Za-z_]\w*)(?:\.\w+)*\+0x[0-9a-f]+/0x[0-9a-f]+ \[panthor\]', line)
        if found and 'end trace' in line:
            break
    for name in found:
        for function in functions:
            if function.name == name:
                return (f', in {name}(), which the patch changes at '
                        f'{function.file}:{function.line}')
    return f', in {found[0]}()' if found else ''


def says_nothing(text, functions):
    """Whether a line of the kernel's log is a data race of functions that the patch leaves alone.

    KCSAN meets a few of them by chance in each boot, stock's as well.
    """
    found = re.match(r'BUG: KCSAN: .* in (\S+)(?: / (\S+))?', text)
    return bool(found) and not {function.name for function in functions} & {
        name.partition('.')[0] for name in found.groups() if name}


def pair_up(stock, patched):
    """([(result of stock or None, result of patched)], results of stock that are left).

    By name, and what is then left by name without numbers: some tests say
    what they have measured.
    """
    found, left = [None] * len(patched), list(stock)
    for key in (str, plain):
        by_name = collections.defaultdict(list)
        for row in left:
            by_name[key(row[1])].append(row)
        for index, row in enumerate(patched):
            if found[index] is None and by_name[key(row[1])]:
                found[index] = by_name[key(row[1])].pop(0)
        left = [row for rows in by_name.values() for row in rows]
    return list(zip(found, patched)), left


class Comparison:
    """Prints what differs, and keeps what may condemn."""

    def __init__(self, stock, patched, may_change, functions=()):
        """functions: what the patch changes, as touched.changed() says"""
        self.stock, self.patched, self.changed = stock, patched, functions
        self.may_change = may_change
        self.differences, self.of_stock = [], set()

    def differ(self, program, key, text, hard=False):
        self.differences.append(Difference(program, key, text, hard))

    def round(self):
        """What verdict.py judges."""
        programs = {*self.stock.lateness, *self.patched.lateness}
        return verdict.Round(
            self.differences,
            {name: self.patched.late(name) or (not self.stock.kept and self.stock.late(name))
             for name in programs},
            self.stock.failing(), self.patched.lost, self.of_stock)

    def row(self, name, stock, patched):
        say(f'  {name:<44} {str(stock):>12} {str(patched):>12}'
            + ('' if stock == patched else '  *'))

    def ending(self):
        if self.patched.stopped:
            self.differ('', 'ending', self.patched.stopped)
        elif not self.patched.initialized():
            self.differ('', 'initialized', 'panthor does not initialize')

    def tests(self):
        stock, patched = self.stock, self.patched
        say('tests')
        for title, state in (('passed', 'ok'), ('failed', 'not ok'), ('skipped', 'skip'),
                             ('known findings', 'todo')):
            if stock.count(state) or patched.count(state) or state in ('ok', 'not ok'):
                self.row(title, stock.count(state), patched.count(state))
        pairs, missing = pair_up(stock.results, patched.results)
        shown = 0
        for earlier, (state, name, reason, program) in pairs:
            was = earlier[0] if earlier else 'not there'
            if state == was or (was == 'not there' and state == 'ok'):
                continue
            allowed = any(fnmatch.fnmatch(name, pattern) for pattern in self.may_change)
            shown += 1
            if shown <= SHOWN:
                say(f'  {name}: {was} → {state}' + (f' ({reason})' if reason else '')
                    + (' (may change)' if allowed else ''))
            if state == 'not ok' and not allowed:
                stuck = reason.startswith(protocol.STUCK)
                self.differ(program, f'test {plain(name)}', f'"{name}" fails, and not on stock'
                            + (f' ({reason})' if stuck else ''),
                            hard=stuck or self.patched.is_untimed(program, name))
        if shown > SHOWN:
            say(f'  ... and {shown - SHOWN} more')
        if missing:
            say(f'  {len(missing)} tests of stock were not reached, the first is: '
                f'{missing[0][1]}')
        failing = [name for state, name, _, _ in stock.results if state == 'not ok']
        for name in failing[:SHOWN]:
            say(f'  fails on stock: {name}')
        if len(failing) > SHOWN:
            say(f'  ... and {len(failing) - SHOWN} more fail on stock')

    def findings(self):
        say('checker')
        stock, patched = self.stock.findings, self.patched.findings
        kinds = [name for name in (*stock, *patched) if not name.startswith('(note)')]
        self.row('violations', *(sum(found[name] for name in dict.fromkeys(kinds))
                                 for found in (stock, patched)))
        for name in dict.fromkeys([*kinds, *stock, *patched]):
            self.row(name, stock[name], patched[name])
        # By program: one may provoke on stock what is wrong in all others.
        known, new = {(program, name) for program, name, _ in self.stock.violations}, {}
        for program, name, text in self.patched.violations:
            if (program, name) not in known:
                new.setdefault(name, (program, text))
        for name, (program, text) in new.items():
            say(f'  first: {text}')
            self.differ(program, f'finding {name}',
                        f'{name} ({patched[name]} times, never on stock'
                        + (f' in "{program}")' if stock[name] else ')'),
                        hard=name not in TIMED_FINDINGS)
        for run in (self.stock, self.patched):
            if run.lost_text:
                say(f'  {run.side}: {run.lost_text}')

    def locks(self):
        say('lock commands that the device saw')
        for name, title in (('LOCK', 'LOCK'), ('expansion', '  of these with a region locked '
                                               '(expansions)'), ('UNLOCK', 'UNLOCK')):
            self.row(title, self.stock.commands[name], self.patched.commands[name])
        cases = dict.fromkeys([*self.stock.sequences, *self.patched.sequences])
        same = [case for case in cases
                if self.stock.sequences.get(case) == self.patched.sequences.get(case)]
        for case in same:
            say(f'  {case}: {self.stock.sequences[case]}')
        if same:
            say(f'  {len(same)} of {len(cases)} sequences are the same for stock and patched')
        lost = [case for case in cases if case not in self.patched.sequences]
        if lost:
            say(f'  not reached by patched: {", ".join(lost)}')
        for case in cases:
            if case not in same and case not in lost:
                say(f'  {case}, stock:   {self.stock.sequences.get(case, "not reached")}')
                say(f'  {case}, patched: {self.patched.sequences[case]}')
                if case in self.patched.remarks:
                    say(f'    {self.patched.remarks[case]}')

    def functions(self):
        say('calls in the driver (some depend on how fast the host is)')
        if not any(text.isdigit() for text in self.stock.calls.values()):
            say('  not counted: the kernel has no probes on functions')
            return
        if not self.patched.calls:
            say('  patched: not counted, the guest did not get to its end')
            return
        for name in sides.FUNCTIONS:
            stock, patched = (run.calls.get(name, '?') for run in (self.stock, self.patched))
            if {stock, patched} != {'absent'}:
                self.row(name, '-' if stock == 'absent' else stock,
                         '-' if patched == 'absent' else patched)
        for run in (self.stock, self.patched):
            calls = [run.calls.get(f'panthor_vm_{name}_region', '') for name in ('lock', 'unlock')]
            if all(text.isdigit() for text in calls):
                lock, unlock = (int(text) for text in calls)
                say(f'  {run.side}: '
                    + ('lock and unlock are called one to one' if lock == unlock else
                       f'{lock} calls of lock, {unlock} of unlock'))

    def warnings(self):
        judge = kernel_log.Judge()
        stock, patched = (collections.Counter(
            plain(text) for _, text in run.kernel_log if judge.kind(text))
            for run in (self.stock, self.patched))
        say('warnings in the kernel log')
        self.row('lines', sum(stock.values()), sum(patched.values()))
        changed = [text for text in dict.fromkeys([*patched, *stock])
                   if stock[text] != patched[text]]
        for text in changed[:SHOWN]:
            say(f'  {stock[text]} → {patched[text]}: {text[:140]}')
        if len(changed) > SHOWN:
            say(f'  ... and {len(changed) - SHOWN} more')
        known = {(program, plain(text)) for program, text in self.stock.kernel_log}
        self.of_stock = {f'{judge.kind(text)} {text}' for _, text in known}
        said = set()
        for number, (program, text) in enumerate(self.patched.kernel_log):
            kind = judge.kind(text)
            if kind in ('crash', 'stall') and (program, plain(text)) not in known \
                    and kind not in said and not self.patched.is_of_stock(program, text) \
                    and not says_nothing(text, self.changed):
                where = place_of([row[1] for row in self.patched.kernel_log[number:]],
                                 self.changed)
                self.differ(program, f'{kind} {plain(text)}',
                            f'the kernel says: {text[:120]}{where}', hard=kind == 'crash')
                said.add(kind)      # more of it follows from that

    def hosts(self):
        say('host')
        for run in (self.stock, self.patched):
            say(f'  {run.side}: {str(run.host).removeprefix("host: ")}'
                + (' (late)' if run.host.late() else '')
                + (f' ({run.kept})' if run.kept else ''))

    def speed(self):
        say('VM_BIND, unmapped and mapped back (fastest / median, us)')
        for name in dict.fromkeys([*self.stock.pairs, *self.patched.pairs]):
            stock, patched = (run.pairs.get(name) for run in (self.stock, self.patched))
            shown = [f'{times[0]} / {times[1]}' if times else '?' for times in (stock, patched)]
            # The fastest depends least on what else the host does.
            ratio = f'{patched[0] / max(stock[0], 1):.2f}' if stock and patched else '?'
            say(f'  {name:<44} {shown[0]:>12} {shown[1]:>12}'
                + ('' if self.stock.kept else f'  ratio {ratio}'))
        if not self.stock.pairs:
            say('  not measured')
        elif self.stock.kept:
            say('  not at the same time, so no ratio; with AGAIN=1 stock is booted beside patched')


# What is printed, and what of programs that run again
PARTS = (Comparison.ending, Comparison.findings, Comparison.warnings, Comparison.tests,
         Comparison.locks, Comparison.functions, Comparison.speed, Comparison.hosts)
PARTS_AGAIN = (Comparison.ending, Comparison.findings, Comparison.warnings, Comparison.tests,
               Comparison.hosts)


def not_run(tests, left_out):
    """What a verdict of this run says nothing about."""
    chosen = run_guest.choose_programs(tests)
    rest = [' '.join((row[0], row[3])).strip() for row in initramfs.programs()
            if row not in chosen and row[1] in ('quick', 'slow')]
    say('not run')
    say(f'  programs: {", ".join(rest) or "none"}' + (' (TESTS=all runs them)' if rest else ''))
    say('  other kernels, flavours and models; other load; the real GPU')
    say('  what no device can see: docs/devel/patch-lane.rst')
    if left_out:
        say(f'  not built: {", ".join(left_out)}')


def tests_for(files):
    """The lane's programs, as for TESTS=, for a patch that changes some files of the driver.

    They run in the order of tests/guest/programs.
    """
    lane = project.config('guest')['lane']
    wanted = set(lane['tests'])
    for pattern, names in lane['files'].items():
        if any(fnmatch.fnmatch(file, pattern) for file in files):
            wanted |= set(names)
    order = dict.fromkeys(name for row in initramfs.listed_programs()
                          for name in (row[0], row[0] + row[3]))
    return ' '.join([*(name for name in order if name in wanted), *initramfs.added_sources()])


def tests_by_default(files):
    """The same, with what only a kernel of DEBUG= can run"""
    return ' '.join([tests_for(files), *debug_kernel.programs()])


def choose(settings, functions, choice):
    """The programs to run: DEFAULT, TOUCHED, or '' for those of TESTS="""
    tests = settings.tests
    if choice:
        tests = tests_by_default({function.file for function in functions})
    if choice == TOUCHED:
        tests = touched.chosen(functions, tests.split(),
                               project.config('guest')['lane']['budget'])
        say(f'touched: {" ".join(tests)}')
        tests = ' '.join(dict.fromkeys([*tests, *initramfs.added_sources()]))
    rows = run_guest.choose_programs(tests)[settings.shard]
    return ' '.join([BENCH, *(row[0] + row[3] for row in rows)])


def say_changed(functions, programs):
    """What the patch changes, and which of the programs that condemn it get there"""
    reach = touched.load()[1]
    for function in functions[:SHOWN]:
        there = sorted(programs & set(reach.get(function.name, [])))
        say(f'    the patch changes {function.file}:{function.line}'
            + (f' {function.name}()' if function.name else '')
            + (f', reached by {", ".join(there)}' if there else ''))
    if len(functions) > SHOWN:
        say(f'    ... and {len(functions) - SHOWN} functions more')


def check(series, settings, choice=''):
    """The whole lane for the last of some Patches on top of the others; the exit code.

    choice: as for choose()
    """
    start = time.monotonic()
    SETTINGS.take_out('PANTHOR_UAPI')
    host_packages.provide()
    name = series[-1].name
    if len(series) > 1:
        name += f' (on top of {len(series) - 1})'
    with project.Lock():
        kernel = guest_kernel.from_environment()
        builder = build_panthor.Builder(kernel)
        stock = builder.stock()
        try:
            patched, warnings = builder.patched(series)
        except build_panthor.DoesNotBuild as error:
            say(str(error))
            say(f'verdict: CONDEMNED: {name} does not build on {kernel.version}')
            return project.FAIL
    say(f'{name} on Linux {kernel.version}, model {settings.model}; built in '
        f'{time.monotonic() - start:.0f} s')
    for line in warnings:
        say(f'  compiler: {line}')
    # For build-guest.py, in both runs: programs may use what the patch adds.
    SETTINGS.set(PANTHOR_UAPI=builder.patched_uapi())
    if SETTINGS.text('PANTHOR_UAPI'):
        say(f'  the guest programs are built with its {patches.UAPI}')
    prepared = run_guest.prepare(settings)
    title = project.short(re.sub(
        r'[^\w.+-]', '_', f'patch-{series[-1].name.removesuffix(".patch")}'
                          f'-{kernel.label}-{settings.model}'))
    modules = stock, patched
    functions = touched.changed(builder.stock_tree, builder.work)
    tests = choose(settings, functions, choice)
    may_change = re.split(r'[,;]\s*', SETTINGS.text('MAY_CHANGE'))
    runs, before = look(modules, tests, settings, title,
                        kept_stock.key(prepared, stock, tests, settings), may_change, functions)

    def run_again(wanted):
        number = len(runs) // len(sides.SIDES)
        found, again = look_again(modules, tests, settings,
                                  f'{title}-{number}' if number > 1 else title, wanted,
                                  may_change, functions)
        runs.extend(again)
        if '' in found.failing and not again[0].initialized():
            raise Stop(f'stock panthor does not initialize on model {settings.model}; see '
                       f'{os.path.relpath(again[0].folder, project.ROOT)}')
        return found

    result, reasons = verdict.judge(before, run_again)
    not_run(tests, series[-1].left_out)
    say('logs: ' + ', '.join(os.path.relpath(folder, project.ROOT)
                             for run in runs for folder in run.folders)
        + f'; {time.monotonic() - start:.0f} s in all')
    status = say_verdict(result, reasons)
    if status != project.PASS:
        say_changed(functions, {row.program for row in before.differences})
    return status


def in_question(found, tests):
    """The programs of TESTS= that have to run once more after a Round

    What looks at that which the others leave behind needs all of them.
    """
    wanted = found.programs()
    names = sides.names_of(tests)
    return (names if not wanted.isdisjoint({'', *sides.OF_EACH_BOOT}) else
            [name for name in names if name in wanted])


def compared(runs, may_change, functions, parts=PARTS_AGAIN):
    """The Round of [stock, patched], which is printed"""
    comparison = Comparison(*runs, may_change, functions)
    for part in parts:
        part(comparison)
    return comparison.round()


def look(modules, tests, settings, title, key, may_change, functions=()):
    """([stock, patched], Round): with the run of stock that is kept by a key, if there is one

    What stock does at times, a race for example, such a run may not have shown: before it
    condemns, stock runs the programs in question now, as it does when they run again.
    """
    kept = None if SETTINGS.is_on('AGAIN') else kept_stock.find(key, tests)
    if kept:
        runs = [kept, sides.run_patched(modules[1], tests, settings, title, kept)]
    else:
        runs = sides.run_both(modules, tests, settings, title)
        if runs[0].sound():
            kept_stock.keep(runs[0].folder, key)
    say(f'  {"":<44} {"stock":>12} {"patched":>12}')
    found = compared(runs, may_change, functions, PARTS)
    if kept and verdict.first(found)[0] == verdict.CONDEMNED:
        chosen = ' '.join(in_question(found, tests))
        say(f'stock now: {chosen}')
        runs[0] = sides.run_one('stock', modules[0], chosen, settings, f'{title}-stock')
        found = compared(runs, may_change, functions)
    return runs, found


def look_again(modules, tests, settings, title, before, may_change, functions):
    """(Round, [stock, patched]): the programs in question, alone"""
    chosen = in_question(before, tests)
    own_clock = before.own_clock() and not host_load.follows_instructions(settings.qemu_args)
    say(f'again, alone: {" ".join(chosen)}'
        + (', with a clock that follows the guest\'s instructions' if own_clock else ''))
    runs = sides.run_alone(modules, ' '.join(chosen), settings, title, own_clock)
    return compared(runs, may_change, functions), runs


def say_verdict(result, reasons):
    """Print it; the exit code."""
    shown = reasons[:SHOWN] + ([f'... and {len(reasons) - SHOWN} more'] if reasons[SHOWN:] else [])
    reason = '\n    and: '.join(shown)
    if result == verdict.CONDEMNED:
        say(f'verdict: CONDEMNED: {reason}')
        return project.FAIL
    if result == verdict.CANNOT_TELL:
        say(f'verdict: CANNOT TELL on this host: {reason}')
        return project.CANNOT_TEST
    say('verdict: PASS')
    return project.PASS


# -- several patches, kernels, models

def models_for(paths, usual, text=''):
    """The models for a patch that changes some paths; a file may do something on others only.

    text: the patch itself; what some words in its changes are about is not on each model
    """
    table = project.config('guest')['lane']['models']
    found = {path: next((model for pattern, model in table.items()
                         if fnmatch.fnmatch(os.path.basename(path), pattern)), None)
             for path in paths}
    others = list(dict.fromkeys(model for model in found.values() if model))
    models = others if others and all(found.values()) else [*usual, *others]
    changed = '\n'.join(line for line in text.splitlines() if line[:1] in ('+', '-'))
    for word, model in project.config('guest')['lane']['words'].items():
        if re.search(word, changed):
            # With a property, in place of the same model without
            models = list(dict.fromkeys(model if name == model.partition(',')[0] else name
                                        for name in [*models, model]))
    return models


VERDICTS = {project.PASS: 'PASS', project.FAIL: 'CONDEMNED', project.USAGE: 'DOES NOT APPLY',
            project.CANNOT_TEST: 'CANNOT TEST'}
NOTHING = 'NOTHING TO TEST'


def nothing_in(patch):
    return f'it changes nothing in {patches.DRIVER}: {", ".join(patch.left_out)}'


def check_one(series, kernel, model, choice):
    """(exit code, one line if nothing could be compared) of Patches on a kernel and a model."""
    SETTINGS.set(KERNEL=kernel, MODEL=model)
    try:
        return check(series, run_guest.Settings(), choice), ''
    except Stop as stop:
        say(f'error: {stop}')
        return stop.status, str(stop)


def check_all(series, kernels, models_of, choice=''):
    """A verdict for each; the worst of them decides.

    models_of(Patches): the models for these, one on top of the other
    """
    rows = []       # name, kernel, model, exit code or None if there is nothing to test, why
    wanted = [models_of(series[:count]) for count in range(1, len(series) + 1)]
    for kernel in kernels:
        for model in dict.fromkeys(itertools.chain(*wanted)):
            for count, patch in enumerate(series, 1):
                if model not in wanted[count - 1]:
                    continue
                label = kernel or 'newest'
                say(f'-- {patch.name}, kernel {label}, model {model}')
                if patch:
                    status, why = check_one(series[:count], kernel, model, choice)
                else:
                    status, why = None, nothing_in(patch)
                    say(f'{NOTHING.lower()}: {why}')
                rows.append((patch.name, label, model, status, why))
                say('')
                if status == project.USAGE:
                    # Nothing can be applied on top of it.
                    break
    say_table(rows)
    states = [row[3] for row in rows]
    for status in (project.FAIL, project.USAGE):
        if status in states:
            return status
    if any(status == project.CANNOT_TEST and not why for _, _, _, status, why in rows):
        return project.CANNOT_TEST
    return project.PASS if project.PASS in states else project.CANNOT_TEST


def say_table(rows):
    width = max(len(row[0]) for row in rows)
    for name, kernel, model, status, why in rows:
        word = NOTHING if status is None else VERDICTS[status]
        if status == project.CANNOT_TEST and not why:
            word = verdict.CANNOT_TELL
        say(f'{name:<{width}}  {kernel:<10} {model:<16} {word}' + (f': {why}' if why else ''))


def selftest(settings, choice):
    """The lane must pass the good patch of tests/kernel and condemn the wrong one."""
    failed = 0
    for name, wanted in SELFTEST.items():
        try:
            status = check(patches.read(os.path.join(PATCHES, name)), settings, choice)
        except Stop as stop:
            # An archive that no longer has the kernel is no mistake of the lane.
            if stop.status == project.CANNOT_TEST:
                raise
            say(f'error: {stop}')
            status = stop.status
        failed += status != wanted
        say(f'{"ok    " if status == wanted else "not ok"} {name} '
            f'{"passes" if wanted == project.PASS else "is condemned"}\n')
    say(f'{len(SELFTEST) - failed} passed, {failed} failed')
    return project.FAIL if failed else project.PASS


def explored(status, choice):
    """The exit code of make check-patch, after EXPLORE= seeds if it asks for that.

    What is condemned already is not explored.
    """
    number = SETTINGS.value('EXPLORE') and SETTINGS.number('EXPLORE', 1, MOST_EXPLORED)
    if not number or status != project.PASS:
        return status
    if choice:
        SETTINGS.set(TESTS=','.join(project.config('guest')['lane']['explored']))
    say('')
    return subprocess.run([sys.executable, EXPLORE, f'SEEDS=1..{number}'], check=False,
                          env=SETTINGS.environment()).returncode


def main():
    parser = SETTINGS.parser(__doc__, 'check-patch')
    parser.add_argument('--selftest', action='store_true',
                        help='run the patches of tests/kernel and check their verdicts')
    options = parser.parse_args()
    SETTINGS.refuse(('PANTHOR_KO', 'MODULES', 'GDB', 'NAME', 'COUNT', 'SEED', 'FIX', 'REDUCE',
                     'TIMELINE', 'REPEAT'), 'a patch')
    SETTINGS.refuse_other_runs('check-patch')
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    project.require_host()
    choice = {'': DEFAULT, TOUCHED: TOUCHED}.get(SETTINGS.text('TESTS'), '')
    if choice:
        # Whatever it will be, they are valid.
        SETTINGS.set(TESTS=tests_for(()))
    if options.selftest:
        SETTINGS.refuse(('PATCH', 'GIT', 'KERNEL', 'KERNELS', 'KERNEL_TREE', 'MODELS'),
                    f'the selftest, which has patches for Linux {SELFTEST_KERNEL}')
        SETTINGS.set(KERNEL=SELFTEST_KERNEL)
        return selftest(run_guest.Settings(), choice)
    path = SETTINGS.text('PATCH')
    if not path:
        raise project.usage('PATCH=file.patch is missing; for example '
                            'make check-patch PATCH=tests/kernel/explicit-expansion.patch')
    settings = run_guest.Settings()
    tree = SETTINGS.text('KERNEL_TREE')
    if tree and not os.path.isdir(tree):
        raise project.usage(f'KERNEL_TREE={tree}: no such folder')
    kernels = [tree] if tree else SETTINGS.words('KERNELS') or [SETTINGS.text('KERNEL')]
    models = SETTINGS.words('MODELS') or [settings.model]
    for kernel in kernels:
        guest_kernel.check_name(kernel, 'KERNELS')
    for model in models:
        run_guest.check_model(model.partition(',')[0], 'MODELS')
    if run_guest.NO_GPU in models:
        raise project.usage('MODEL=none has nothing that panthor could drive')
    series = patches.read(path, SETTINGS.text('GIT'))
    if not any(series):
        raise Stop(f'nothing to test: {series[0].name}: {nothing_in(series[0])}')
    if len(series) == 1 and series[0].problem:
        raise project.usage(f'{series[0].name}: {series[0].problem}')

    def models_of(part):
        """The models for Patches, one on top of the other"""
        if not choice or SETTINGS.value('MODELS') or SETTINGS.value('MODEL'):
            return models
        return models_for({path for patch in part for path in patch.paths()}, models,
                          '\n'.join(patch.text for patch in part))

    chosen = models_of(series)
    if len(series) == len(kernels) == len(chosen) == 1:
        SETTINGS.set(KERNEL=kernels[0], MODEL=chosen[0])
        return explored(check(series, run_guest.Settings(), choice), choice)
    SETTINGS.refuse(['EXPLORE'], 'more than one patch, kernel or model')
    return check_all(series, kernels, models_of, choice)
