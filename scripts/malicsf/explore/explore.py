# SPDX-License-Identifier: GPL-2.0-or-later
"""Run guest programs with one seed after the other: each is another interleaving.

SEEDS=a..b runs these, on JOBS processors, and says what went wrong how often; what goes wrong
is run twice more, and has to be the same.  SEED=n runs one with all trace events; REDUCE=1 then
looks for the kinds of perturbation that it takes and for how long, TIMELINE=1 shows what vCPUs
and the device did, and REPEAT=n has n more runs, which have to be the same.  PATCH= compares the
driver with a patch and without, FIX= with a fix that it has and without.  KINDS= names what is
perturbed.

Exit codes: 0 nothing went wrong, 1 something did, 2 usage, 125 cannot test.
"""

import concurrent.futures
import json
import math
import os
import re
import shutil
import signal
import statistics
import threading
import time

from malicsf import project
from malicsf.build import build_panthor, guest_kernel, patches
from malicsf.explore import seeded_run, timeline
from malicsf.lane import check_fixes
from malicsf.project import say, Stop
from malicsf.run import debugger, run_guest
from malicsf.settings import NOT_EXPLORED, SETTINGS

FOLDER = os.path.join(project.BUILD, 'explore')
SEEDS = '1..100'
DEFAULT_STRATEGY = 'slices'
MOST_SEEDS = 1 << 32
# How often a hit is repeated, and how many of the same signature are
REPEATS, REPEATED_HITS = 2, 3
KEPT = 3                # folders with logs of hits of the same signature
PROGRESS_SECONDS = 10
MOST_REPEATED = 10000
# Runs for which the time of the last perturbation is looked for
HALVINGS = 12
# In lines of the events mali_csf_fw_pass and mali_csf_slice
TIME = re.compile(r'^mali_csf_(?:fw_pass|slice) .* at (\d+) ns', re.M)
CONFIDENCE = 0.95


class Processes:
    """The QEMUs under way, to end them all."""

    def __init__(self):
        self.lock, self.running, self.ended = threading.Lock(), set(), False

    def add(self, process):
        with self.lock:
            self.running = {other for other in self.running if other.poll() is None} | {process}
            if self.ended:
                process.kill()

    def end(self):
        with self.lock:
            self.ended = True
            for process in self.running:
                if process.poll() is None:
                    process.kill()


class Results:
    """A file that grows by a line for each seed, so that an exploration can be taken up again."""

    def __init__(self, path):
        self.path, self.rows = path, {}
        for line in project.read(path).splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue        # the last one of a run that was killed
            self.rows[row['seed']] = row
        self.file = open(path, 'a', encoding='utf-8')
        if self.file.tell() and not project.read(path).endswith('\n'):
            self.file.write('\n')

    def add(self, row):
        """Another row of the same seed replaces the first."""
        self.rows[row['seed']] = row
        self.file.write(json.dumps(row) + '\n')
        self.file.flush()

    def close(self):
        self.file.close()


class Exploration:
    """Some seeds of one machine."""

    def __init__(self, machine, folder, jobs):
        self.machine, self.folder, self.jobs = machine, folder, jobs
        self.results = Results(os.path.join(folder, 'results.jsonl'))
        self.processes = Processes()
        self.lock = threading.Lock()
        self.done, self.hits, self.kept, self.repeated = 0, 0, {}, {}
        self.started = self.said = time.monotonic()

    def one(self, seed):
        """Run a seed, and again if it hits; its row of the results."""
        folder = os.path.join(self.folder, f'seed-{seed}')
        outcome = seeded_run.run(self.machine, seed, folder, started=self.processes.add)
        if self.processes.ended:
            return None
        row = outcome.row()
        if outcome.signatures and self.is_wanted(outcome.signatures, self.repeated,
                                                 REPEATED_HITS):
            row['repeatable'] = self.repeat(seed, outcome)
        if not (outcome.problem or outcome.signatures) or not (
                row.get('repeatable') is False or
                self.is_wanted(outcome.signatures or [outcome.problem], self.kept, KEPT)):
            shutil.rmtree(folder, ignore_errors=True)
        return None if self.processes.ended else row

    def is_wanted(self, signatures, counts, most):
        """Whether one of them was counted less often than that; counts them."""
        with self.lock:
            wanted = any(counts.get(text, 0) < most for text in signatures)
            if wanted:
                for text in signatures:
                    counts[text] = counts.get(text, 0) + 1
            return wanted

    def repeat(self, seed, outcome):
        """Whether it is the same each time; what is not is kept beside it."""
        for number in range(REPEATS):
            folder = os.path.join(self.folder, f'seed-{seed}-again-{number + 1}')
            again = seeded_run.run(self.machine, seed, folder, started=self.processes.add)
            if self.processes.ended:
                return None
            if again.digest != outcome.digest:
                return False
            shutil.rmtree(folder, ignore_errors=True)
        return True

    def run(self, seeds):
        """All seeds that have no result yet; {seed: row} of all."""
        left = [seed for seed in seeds if seed not in self.results.rows]
        if len(left) < len(seeds):
            say(f'{len(seeds) - len(left)} of {len(seeds)} seeds have a result already')
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            futures = [pool.submit(self.one, seed) for seed in left]
            try:
                for future in concurrent.futures.as_completed(futures):
                    row = future.result()
                    if row:
                        self.results.add(row)
                        self.progress(row, len(left))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.processes.end()
                raise
        self.results.close()
        return {seed: self.results.rows[seed] for seed in seeds}

    def progress(self, row, total):
        self.done += 1
        for text in row['signatures']:
            say(f'seed {row["seed"]}: {text}' + {
                True: ' (repeatable)', False: ' (NOT repeatable)', None: ''}[
                    row.get('repeatable')])
        if row['problem']:
            say(f'seed {row["seed"]}: {row["problem"]}')
        self.hits += bool(row['signatures'])
        now = time.monotonic()
        if now - self.said >= PROGRESS_SECONDS or self.done == total:
            self.said = now
            say(f'{self.done} of {total} seeds, {60 * self.done / (now - self.started):.0f} a '
                f'minute, {self.hits} with hits')


# -- what came of it

def interval(hits, runs):
    """(low, high) of a rate: Wilson's score interval."""
    z = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    rate, square = hits / runs, z * z / runs
    middle = (rate + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(rate * (1 - rate) / runs + square / (4 * runs))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def rate(hits, runs):
    low, high = interval(hits, runs)
    return f'{hits}/{runs} ({100 * low:.1f} to {100 * high:.1f} %)'


def count(rows, name):
    """{signature: [seeds]}"""
    found = {}
    for seed, row in sorted(rows.items()):
        for text in row[name]:
            found.setdefault(text, []).append(seed)
    return found


def shown(seeds):
    return ', '.join(str(seed) for seed in seeds[:5]) + (', ...' if len(seeds) > 5 else '')


def summary(rows, folder):
    """Say what the seeds have shown; the exit code."""
    hits, known = count(rows, 'signatures'), count(rows, 'known')
    problems = [row for row in rows.values() if row['problem']]
    odd = [row['seed'] for row in rows.values() if row.get('repeatable') is False]
    say('')
    for title, found in (('', hits), ('known: ', known)):
        for text, seeds in sorted(found.items(), key=lambda item: -len(item[1])):
            say(f'{title}{text}: {rate(len(seeds), len(rows))}; seeds {shown(seeds)}')
    if not hits:
        say(f'nothing went wrong in {len(rows)} seeds: a rate below '
            f'{100 * interval(0, len(rows))[1]:.1f} % would not show')
    for row in problems[:5]:
        say(f'seed {row["seed"]}: {row["problem"]}')
    if odd:
        say(f'NOT REPEATABLE, which is a fault of the model or of this check: seeds {shown(odd)}')
    say(f'results in {os.path.relpath(folder, project.ROOT)}/results.jsonl'
        + ('; logs of hits beside it' if hits or problems else ''))
    return project.FAIL if hits or odd or problems else project.PASS


def compare(stock, changed):
    """A table of rates with a change and without; never says that anything is fixed.

    The exit code: whether something goes wrong more often, or a seed came to no end.
    """
    status = project.FAIL if any(
        row.get('problem') or row.get('repeatable') is False for row in changed.values()) \
        else project.PASS
    before, after = count(stock, 'signatures'), count(changed, 'signatures')
    say('')
    say(f'{"with 95 % intervals":44} {"stock":>26} {"changed":>26}')
    for text in sorted({*before, *after}):
        rates = [(len(found.get(text, [])), len(rows))
                 for found, rows in ((before, stock), (after, changed))]
        (low_1, high_1), (low_2, high_2) = (interval(*pair) for pair in rates)
        apart = 'fewer' if high_2 < low_1 else 'MORE' if low_2 > high_1 else 'cannot be told'
        say(f'{text[:44]:44} {rate(*rates[0]):>26} {rate(*rates[1]):>26}  {apart}')
        if apart == 'MORE':
            status = project.FAIL
    if not before and not after:
        say(f'nothing went wrong in {len(stock)} seeds of either')
    return status


# -- the command line

def seeds_of(text):
    found = re.fullmatch(r'(\d{1,12})(?:\.\.(\d{1,12}))?', text, re.A)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last < MOST_SEEDS:
        raise project.usage(f'SEEDS={text[:40]} is not a..b with 1 <= a <= b, such as 1..100')
    return range(first, last + 1)


def seed_of(text):
    """(seed, hash of its saved machine or '')"""
    found = re.fullmatch(r'(\d{1,12})(?:@([0-9a-f]{4,16}))?', text, re.A)
    if not found or not 1 <= int(found[1]) < MOST_SEEDS:
        raise project.usage(f'SEED={text[:40]} is not a number above 0, which may be followed by '
                            '@ and the hash of the saved machine, as in 7@0123abcd')
    return int(found[1]), found[2] or ''


def default_kinds(all_kinds):
    return [kind for kind in all_kinds
            if kind == DEFAULT_STRATEGY or kind not in seeded_run.STRATEGIES]


def kinds_asked_for(all_kinds):
    words = SETTINGS.words('KINDS')
    if words == ['none']:
        return []
    return words or default_kinds(all_kinds)


def slices_asked_for():
    """SLICES=a..b as options of -icount"""
    text = SETTINGS.text('SLICES')
    if not text:
        return ''
    found = re.fullmatch(r'(\d{1,9})\.\.(\d{1,9})', text, re.A)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise project.usage(f'SLICES={text[:40]} is not a..b with 1 <= a <= b, such as 64..4096')
    return f',slice-min={int(found[1])},slice-max={int(found[2])}'


def prepare(settings, kinds=kinds_asked_for):
    """A Machine, and the folder of its results, which no other machine has.

    kinds: says which are perturbed of all there are
    """
    machine = seeded_run.Machine(settings)
    machine.choose(kinds(machine.all_kinds))
    machine.slices = slices_asked_for()
    parent = os.path.join(FOLDER, project.short(re.sub(
        r'[^\w.+-]+', '-', f'{machine.kernel.label}-{settings.model}-{settings.tests}')))
    machine.provide(parent, SETTINGS.is_on('COLD'))
    folder = os.path.join(parent, machine.results_key())
    os.makedirs(folder, exist_ok=True)
    return machine, folder


def describe(machine, folder):
    say(f'Linux {machine.kernel.version} on QEMU {machine.tree.version()}, model '
        f'{machine.settings.model}, {machine.settings.smp} vCPUs; perturbed: '
        f'{", ".join(machine.kinds) or "nothing"}{machine.slices}; from {machine.start()}; '
        f'{os.path.relpath(folder, project.ROOT)}')


def explore(settings, seeds, jobs):
    machine, folder = prepare(settings)
    describe(machine, folder)
    seeds = seeds[settings.shard]
    return Exploration(machine, folder, jobs).run(seeds), folder


def say_outcome(outcome, folder):
    for text in outcome.signatures:
        say(f'  {text}')
    for text in outcome.known:
        say(f'  known: {text}')
    if outcome.problem:
        say(f'  {outcome.problem}')
    if not (outcome.signatures or outcome.known or outcome.problem):
        say('  nothing went wrong')
    say(f'  {outcome.seconds:.1f} s, digest {outcome.digest or "none"}, logs in '
        f'{os.path.relpath(folder, project.ROOT)}')


def fewest_kinds(machine, outcome, folder):
    """Switched off one by one, as long as the same still goes wrong"""
    kinds = list(machine.kinds)
    for kind in machine.kinds:
        fewer = [other for other in kinds if other != kind]
        again = seeded_run.run(machine, outcome.seed, folder, fewer)
        same = set(outcome.signatures) <= set(again.signatures)
        say(f'  without {kind}: {"the same" if same else "not the same"}')
        if same:
            kinds = fewer
    return kinds


def times_of(folder):
    """(first, last) time of the virtual clock that a traced run's device.log tells, in ns"""
    times = [int(text) for text in TIME.findall(project.read_lossy(
        os.path.join(folder, 'device.log')))]
    return (min(times), max(times)) if times else (0, 0)


def earliest_end(machine, outcome, kinds, folder, times):
    """A time from which on nothing need be perturbed, and shortly before which it has to be.

    times: between which it is.  What goes wrong at one time need not at a later one, so there may
    be others.
    """
    low, high = times
    for _ in range(HALVINGS):
        middle = (low + high) // 2
        again = seeded_run.run(machine, outcome.seed, folder, kinds, until=middle)
        if set(outcome.signatures) <= set(again.signatures):
            high = middle
        else:
            low = middle
    return high


def reduce(machine, outcome, folder, times):
    """(kinds, time in ns) that suffice for the same to go wrong"""
    where = os.path.join(folder, 'reduce')
    kinds = fewest_kinds(machine, outcome, where)
    say(f'it takes: KINDS={",".join(kinds) or "none"}')
    until = 0
    if kinds and times[1]:
        until = earliest_end(machine, outcome, kinds, where, times)
        say(f'from {until} ns of the virtual clock on nothing need be perturbed, which is '
            f'{(until - times[0]) / 1e6:.3f} of {(times[1] - times[0]) / 1e6:.3f} ms')
    shutil.rmtree(where, ignore_errors=True)
    return kinds, until


def show_timeline(machine, outcome, folder, kinds, until):
    """Run once more, and write what vCPUs and the device did; say what came before a hit."""
    options = timeline.options(machine)
    if not options:
        say('no time line: the machine was not saved, or the driver is no module')
        return
    again = seeded_run.run(machine, outcome.seed, folder, kinds, True, until=until,
                           timeline=options)
    path, lines = timeline.write(machine, folder, again.signatures, seeded_run.signature)
    say('')
    say('\n'.join(lines))
    say(f'the time line is in {os.path.relpath(path, project.ROOT)}')


def repeat(machine, seed, folder, times):
    """Run a seed so often, and say whether all runs were the same; the exit code."""
    found = {}
    for number in range(times):
        where = os.path.join(folder, f'repeat-{seed}-{number + 1}')
        again = seeded_run.run(machine, seed, where)
        what = again.problem or again.digest
        if what in found:
            shutil.rmtree(where)
        found.setdefault(what, []).append(where)
    say(f'{times} runs of seed {seed}: ' + ('all the same' if len(found) == 1 else
                                            f'{len(found)} different ones'))
    for what, folders in found.items():
        say(f'  {what}: {len(folders)}, logs in {os.path.relpath(folders[0], project.ROOT)}')
    return project.PASS if len(found) == 1 else project.FAIL


def show(settings, seed, saved_hash):
    """One seed with all trace events; its kinds are reduced if that was asked for.

    saved_hash: of the saved machine that it is a seed of, if that is known
    """
    machine, folder = prepare(settings)
    describe(machine, folder)
    if saved_hash and not machine.saved_hash.startswith(saved_hash):
        raise Stop(f'SEED={seed}@{saved_hash} is of another saved machine than this one, '
                   f'{machine.saved_hash or "which is none"}: another QEMU, kernel, program or '
                   'option', project.USAGE)
    where = os.path.join(folder, f'shown-{seed}')
    if settings.gdb:
        debugger.prepare(folder, machine.kernel, settings.panthor_ko, settings.gdb == 'bare',
                         bool(machine.saved))
    say(f'seed {seed}:')
    outcome = seeded_run.run(machine, seed, where, traced=True)
    say_outcome(outcome, where)
    if SETTINGS.value('REPEAT'):
        return repeat(machine, seed, folder, SETTINGS.number('REPEAT', 1, MOST_REPEATED))
    kinds, until = machine.kinds, 0
    if SETTINGS.is_on('REDUCE') and outcome.signatures:
        kinds, until = reduce(machine, outcome, folder, times_of(where))
    if SETTINGS.is_on('TIMELINE'):
        show_timeline(machine, outcome, f'{where}-timeline', kinds, until)
    return project.FAIL if outcome.signatures or outcome.problem else project.PASS


def patched(builder):
    """Path of panthor.ko with PATCH="""
    series = patches.read(SETTINGS.text('PATCH'), SETTINGS.text('GIT'))
    if not any(series):
        raise Stop(f'nothing to test: {series[0].name}')
    try:
        return builder.patched(series)[0]
    except build_panthor.DoesNotBuild as error:
        raise Stop(str(error), project.FAIL) from error


def without_fix(builder):
    """Path of panthor.ko without what FIX= names of tests/kernel/fixes.toml"""
    wanted = SETTINGS.words('FIX')
    rows = [row for row in check_fixes.load()['fix'] if [row['id']] == wanted]
    if not rows:
        raise project.usage(f'FIX={",".join(wanted)} is not one id of tests/kernel/fixes.toml')
    os.makedirs(check_fixes.FOLDER, exist_ok=True)
    module, _ = check_fixes.Modules(builder).get(rows[0])
    if not module:
        raise Stop(f'the driver does not build without {rows[0]["id"]}', project.FAIL)
    return module


def modules(settings, change):
    """Paths of panthor.ko as it is, and changed"""
    run_guest.prepare(settings)
    with project.Lock():
        builder = build_panthor.Builder(guest_kernel.from_environment())
        return builder.stock(), change(builder)


def explore_change(settings, seeds, jobs, change):
    rows = []
    for module in modules(settings, change):
        settings.panthor_ko = module
        rows.append(explore(settings, seeds, jobs)[0])
    return compare(*rows)


def settings_asked_for():
    SETTINGS.refuse(NOT_EXPLORED, 'an exploration')
    settings = run_guest.Settings()
    if settings.model == run_guest.NO_GPU:
        raise project.usage('MODEL=none does not go with an exploration')
    if any(word.replace('--', '-', 1) in ('-icount', '-accel') for word in settings.qemu_args):
        raise project.usage('-icount and -accel do not go into QEMU_ARGS: an exploration has '
                            'its own')
    return settings


def main():
    SETTINGS.parser(__doc__, 'explore').parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    project.require_host()
    settings = settings_asked_for()
    jobs = SETTINGS.number('JOBS', os.cpu_count(), 1024)
    if SETTINGS.value('SEED'):
        SETTINGS.refuse(['SEEDS', 'PATCH', 'FIX', 'SHARD'], 'SEED=, which is one run')
        return show(settings, *seed_of(SETTINGS.value('SEED')))
    SETTINGS.refuse(['GDB', 'REDUCE', 'REPEAT', 'TIMELINE'], 'many seeds: SEED= chooses one')
    seeds = seeds_of(SETTINGS.text('SEEDS') or SEEDS)
    if SETTINGS.text('PATCH') and SETTINGS.words('FIX'):
        raise project.usage('PATCH= and FIX= exclude each other')
    for name, change in (('PATCH', patched), ('FIX', without_fix)):
        if SETTINGS.value(name):
            return explore_change(settings, seeds, jobs, change)
    return summary(*explore(settings, seeds, jobs))
