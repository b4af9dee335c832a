# SPDX-License-Identifier: GPL-2.0-or-later
"""What would make check-patch have said of panthor's past bugs, and which programs said it?

Each fix of tests/kernel/fixes.toml is taken out of the driver, and the driver is booted with
the programs of the lane, those of TESTS= or those of [lane] in configs/guest.toml, and judged
as make check-patch judges a patch, against one boot of stock for each model: a row for a
file that does something on some models only is booted on one of these.  A row is right if it is
CONDEMNED and a reason has one of the names that the row gives, or if its text "lane" says
why the lane has no program for it.

Then a table of the programs: what each costs with stock, how many fixes it notices, and
those that no other program has noticed.  By it the programs of [lane] are chosen.  A kernel
that crashes runs no further programs, so the order counts.

FIX= chooses some, by name or pattern.  OWN=1 runs of the lane's programs those that the row
names, which takes a fraction of the time; what others would say is then not known.  A row
whose driver, programs, QEMU and text are the same as when it was last run is not run again;
AGAIN=1 does.

What came of each row is in build/lane/<model>-<tests>.csv, in the order of the table;
docs/devel/lane-fixes.csv is such a file.

Exit codes: 0 all as the table says, 1 not, 2 usage, 125 cannot test.
"""

import concurrent.futures
import copy
import csv
import fnmatch
import json
import os
import re
import time

from malicsf import project
from malicsf.lane import changed_driver, check_fixes, check_patch, one_stock, sides, verdict
from malicsf.project import say
from malicsf.run import run_guest
from malicsf.settings import SETTINGS

FOLDER = os.path.join(project.BUILD, 'lane')
NO_BUILD = 'does not build'


def reason_of(row, outcome):
    """The first reason with a name that the row gives; None if there is none."""
    return next((reason for reason in outcome['reasons'] for pattern in row.get('named', [])
                 if fnmatch.fnmatch(reason, f'*{pattern}*')), None)


def is_right(row, outcome):
    if outcome['verdict'] == verdict.CONDEMNED:
        return reason_of(row, outcome) is not None
    return outcome['verdict'] != NO_BUILD and ('lane' in row or 'reason' in row)


def tests_of(row, wanted):
    """What is run of a row: TESTS=, or what the lane runs for these files.

    With OWN=1 it is what of that the row names, if any.
    """
    tests = wanted or check_patch.tests_by_default({edit['file'] for edit in row['edit']})
    if SETTINGS.is_on('OWN'):
        named = sides.names_of(row['tests']) if row.get('tests') else []
        tests = ' '.join(name for name in sides.names_of(tests) if name in named) or tests
    return tests


class Bench:
    """Fixes, one after the other, in one lane."""

    def __init__(self, lane, modules, folder, stamp, wanted):
        """wanted: as for tests_of()"""
        self.lane, self.modules, self.folder, self.stamp = lane, modules, folder, stamp
        self.wanted = wanted

    def outcome(self, row):
        """{verdict, reasons, programs: [those with a difference]}, or as it was the last time"""
        module, made_from = self.modules.get(row)
        if not module:
            return {'verdict': NO_BUILD, 'programs': [], 'reasons': [
                f'see {os.path.join(check_fixes.FOLDER, row["id"] + ".log")}']}
        path = os.path.join(self.folder, row['id'])
        tests = tests_of(row, self.wanted)
        stamp = json.dumps([self.stamp, made_from, tests])
        earlier = changed_driver.earlier(path + '.json', stamp)
        if earlier:
            return earlier
        start = time.monotonic()
        result, reasons, before = self.lane.judge(row['id'], module, path + '.log', tests)
        outcome = {'stamp': stamp, 'verdict': result, 'reasons': reasons,
                   'programs': sorted({found.program for found in before.differences}),
                   'seconds': round(time.monotonic() - start)}
        project.write(path + '.json', json.dumps(outcome))
        return outcome


def costs(lane, folder):
    """{program: [seconds, seconds of processors]} of stock, in the order in which they ran."""
    path = os.path.join(folder, 'stock.json')
    if lane.stock:
        project.write(path, json.dumps({
            name: [row.seconds, row.used] for name, row in lane.stock.lateness.items() if name}))
    return json.loads(project.read(path, '{}'))


def say_programs(judged, stock):
    """The table by which the lane's programs are chosen; judged: [(row, outcome)]"""
    noticed = {}
    for row, outcome in judged:
        if outcome['verdict'] == verdict.CONDEMNED:
            for name in outcome['programs']:
                noticed.setdefault(name, []).append(row['id'])
    say('')
    say(f'{"program":<24}{"seconds":>8}{"of processors":>15}{"notices":>9}  alone')
    for name, (seconds, used) in stock.items():
        alone = [fix for fix in noticed.get(name, [])
                 if not any(fix in others for other, others in noticed.items() if other != name)]
        say(f'{name:<24}{seconds:>8.1f}{used:>15.1f}{len(noticed.get(name, [])):>9}  '
            + ', '.join(alone))
    say(f'{"":<24}{sum(row[0] for row in stock.values()):>8.1f}'
        f'{sum(row[1] for row in stock.values()):>15.1f}')


def model_of(row, usual, wanted):
    """The model that check-patch would boot the row on; TESTS= or MODEL= keep the usual one.

    If it would boot several it is the row's own, or the first.
    """
    if wanted or SETTINGS.value('MODEL'):
        return usual
    lines = [sign + line for edit in row['edit'] for sign, key in (('-', 'old'), ('+', 'new'))
             for line in edit[key].splitlines()]
    models = check_patch.models_for({edit['file'] for edit in row['edit']}, [usual],
                                    '\n'.join(lines))
    return row['model'] if row.get('model') in models else models[0]


def write_table(path, rows, outcomes):
    """For the documents: fix, verdict, and a reason that has the right name, if there is one"""
    with open(path, 'w', encoding='utf-8', newline='') as file:
        table = csv.writer(file, lineterminator='\n')
        for row, outcome in zip(rows, outcomes):
            reason = (reason_of(row, outcome) or '').replace('`', '')
            table.writerow([row['id'], outcome['verdict'], reason and f'``{reason}``'])


class Benches:
    """A Bench for each model, made when it is needed"""

    def __init__(self, table, wanted):
        tree, self.builder = changed_driver.provide(table['kernel'])
        os.makedirs(check_fixes.FOLDER, exist_ok=True)
        self.wanted = wanted
        fixes = copy.copy(self.builder)
        fixes.work = f'{fixes.work}-fixes'
        self.modules = check_fixes.Modules(fixes)
        self.stamp = project.stamp_of(
            [tree.binary, *project.files_below(check_fixes.TESTS_FOLDER)])

    def make(self, model, rows):
        # Stock runs all that any of them does.
        tests = ' '.join(dict.fromkeys(
            name for row in rows for name in sides.names_of(tests_of(row, self.wanted))))
        SETTINGS.set(TESTS=tests, MODEL=model)
        settings = run_guest.Settings()
        folder = os.path.join(FOLDER, name_of(model, self.wanted))
        os.makedirs(folder, exist_ok=True)
        lane = one_stock.Lane(tests, settings, self.builder.stock(), f'lane-{model}')
        return Bench(lane, self.modules, folder, self.stamp, self.wanted)


def name_of(model, wanted):
    return project.short(re.sub(r'\W+', '-', f'{model}-{wanted or "default"}'))


def main():
    SETTINGS.parser(__doc__, 'check-lane').parse_args()
    wanted = SETTINGS.take_out('TESTS')
    table = check_fixes.load()
    rows = changed_driver.choose(table['fix'], 'FIX', 'tests/kernel/fixes.toml', 'check-lane',
                                 table['kernel'], ('KERNEL_ARGS',))
    SETTINGS.refuse_other_runs('check-lane')
    start = time.monotonic()
    usual = run_guest.Settings().model
    models = {row['id']: model_of(row, usual, wanted) for row in rows}
    maker = Benches(table, wanted)
    benches = {model: maker.make(model, [row for row in rows if models[row['id']] == model])
               for model in dict.fromkeys(models.values())}
    bad, outcomes = 0, []
    say(f'{"":<8}{"fix":<26}{"verdict":<13}{"s":>4}  because')
    with concurrent.futures.ThreadPoolExecutor(changed_driver.AT_ONCE) as pool:
        jobs = [pool.submit(benches[models[row['id']]].outcome, row) for row in rows]
        for row, job in zip(rows, jobs):
            outcome = job.result()
            outcomes.append(outcome)
            right = is_right(row, outcome)
            bad += not right
            reason = reason_of(row, outcome) or (outcome['reasons'] or [''])[0]
            benches[models[row['id']]].lane.say(
                f'{"ok" if right else "not ok":<8}{row["id"]:<26}{outcome["verdict"]:<13}'
                f'{outcome.get("seconds", 0):>4}  {reason or row.get("lane", "")}')
    for model, bench in benches.items():
        of_model = [(row, outcome) for row, outcome in zip(rows, outcomes)
                    if models[row['id']] == model]
        say_programs(of_model, costs(bench.lane, bench.folder))
    name = name_of(usual, wanted)
    write_table(os.path.join(FOLDER, name + '.csv'), rows, outcomes)
    condemned = sum(outcome['verdict'] == verdict.CONDEMNED
                    and reason_of(row, outcome) is not None
                    for row, outcome in zip(rows, outcomes))
    say(f'{condemned} of {len(rows)} fixes are noticed by name with {name}; {bad} not as '
        f'expected; {time.monotonic() - start:.0f} s')
    return project.FAIL if bad else project.PASS
