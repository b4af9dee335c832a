# SPDX-License-Identifier: GPL-2.0-or-later
"""Explorations hold what they promise: the same seed is the same run, another one is not.

So is the machine that runs begin with, if it is saved again, and another seed if neither matters
for long enough.  Besides, with one vCPU seeds of the device find a lost tick.
"""

import os
import shutil
import time

from malicsf import project
from malicsf.explore import explore, saved_machine, seeded_run
from malicsf.project import say
from malicsf.run import expectations, results, run_guest
from malicsf.settings import SETTINGS

TIMES = 3               # that a seed is run
SEED, OTHER = 1, 2
# A round of it shows the race with a chance of one in seven, and there are 25
RACE = 'lost-tick'
RACE_SEEDS, RACE_FOUND = (1, 2, 3, 4), 3


def machine_of(tests, smp, kinds):
    """(Machine, folder) of some programs; kinds: those that are perturbed, of all there are"""
    SETTINGS.set(TESTS=tests, SMP=smp)
    machine, folder = explore.prepare(run_guest.Settings(), kinds)
    explore.describe(machine, folder)
    return machine, folder


def run(machine, folder, seed, report, what, **how):
    """The Outcome of a seed, or None if it came to no end."""
    outcome = seeded_run.run(machine, seed, os.path.join(folder, 'check'), **how)
    report.result('not ok' if outcome.problem else 'ok', f'{what}: comes to its end',
                  outcome.problem)
    return None if outcome.problem else outcome


def check_same(report):
    machine, folder = machine_of('canary', '2', explore.default_kinds)
    check_saved(machine, os.path.join(folder, 'check'), report)
    outcomes = [run(machine, folder, seed, report, f'two vCPUs, run {number + 1} of seed {seed}')
                for seed, times in ((SEED, TIMES), (OTHER, 1)) for number in range(times)]
    if None in outcomes:
        return
    same, other = {outcome.digest for outcome in outcomes[:TIMES]}, outcomes[TIMES].digest
    report.result('ok' if len(same) == 1 else 'not ok',
                  f'two vCPUs: {TIMES} runs of a seed write the same logs',
                  '' if len(same) == 1 else f'{len(same)} different ones')
    report.result('ok' if other not in same else 'not ok',
                  'two vCPUs: another seed writes others')
    check_until(machine, folder, report)
    check_places(machine, folder, report, same | {other})


def check_until(machine, folder, report):
    """Of a time before the saved machine's"""
    outcomes = [run(machine, folder, seed, report, f'two vCPUs, seed {seed} up to a time', until=1)
                for seed in (SEED, OTHER)]
    if None not in outcomes:
        report.result('ok' if outcomes[0].digest == outcomes[1].digest else 'not ok',
                      'two vCPUs: two seeds that matter no more write the same logs')


def check_places(machine, folder, report, others):
    outcomes = [run(machine, folder, SEED, report, f'two vCPUs, run {number + 1} of places',
                    kinds=[seeded_run.PLACES] + device_kinds(machine.kinds)) for number in range(2)]
    if None not in outcomes:
        found = {outcome.digest for outcome in outcomes}
        report.result('ok' if len(found) == 1 and not found & others else 'not ok',
                      'two vCPUs: turns that end in the driver are others, and the same each time')


def check_saved(machine, folder, report):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    saved_machine.make(machine, folder)
    again = saved_machine.hash_of(folder)
    report.result('ok' if again == machine.saved_hash else 'not ok',
                  'two vCPUs: the machine is the same if it is saved again',
                  '' if again == machine.saved_hash else f'{machine.saved_hash} and {again}')


def check_race(report):
    """One seed in forty shows the race in no round.

    Which one it is each change of a guest program decides anew.
    """
    machine, folder = machine_of(RACE, '1', device_kinds)
    outcomes = [run(machine, folder, seed, report, f'one vCPU, seed {seed} of the device')
                for seed in RACE_SEEDS]
    if None in outcomes:
        return
    found = sum(any(seeded_run.FOUND in text for text in outcome.signatures)
                for outcome in outcomes)
    report.result('ok' if found >= RACE_FOUND else 'not ok',
                  f'one vCPU: {RACE} is found with seeds of the device',
                  '' if found >= RACE_FOUND else f'with {found} of {len(outcomes)}')
    different = len({outcome.digest for outcome in outcomes})
    report.result('ok' if different == len(outcomes) else 'not ok',
                  'one vCPU: each of them writes other logs',
                  '' if different == len(outcomes) else f'{different} different ones')


def device_kinds(all_kinds):
    return [kind for kind in all_kinds if kind not in seeded_run.STRATEGIES]


def check(tap):
    began = time.monotonic()
    report = results.Report(tap, '', expectations.Expectations('explore'))
    check_same(report)
    check_race(report)
    folder = os.path.join(explore.FOLDER, 'check')
    os.makedirs(folder, exist_ok=True)
    report.write(folder, 'check-explore', time.monotonic() - began)
    say(report.summary())
    return project.FAIL if report.count('not ok') else project.PASS


def main():
    return run_guest.check_main(__doc__, 'check-explore', check)
