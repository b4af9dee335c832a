# SPDX-License-Identifier: GPL-2.0-or-later
"""Explorations hold what they promise: the same seed is the same run, another one is not.

So is the machine that runs begin with, if it is saved again.  Besides, with one vCPU a lost tick
is found in fewer rounds with a seed of the device than without.
"""

import os
import re
import shutil
import time

from malicsf import project
from malicsf.explore import explore, saved_machine, seeded_run
from malicsf.project import say
from malicsf.run import expectations, results, run_guest
from malicsf.settings import SETTINGS

TIMES = 3               # that a seed is run
SEED, OTHER = 1, 2
# By now a lost tick is there, with each seed that was tried; rounds go on until then.
RACE = 'lost-tick'


def machine_of(tests, smp, kinds):
    """(Machine, folder) of some programs; kinds: those that are perturbed, of all there are"""
    SETTINGS.set(TESTS=tests, SMP=smp)
    machine, folder = explore.prepare(run_guest.Settings(), kinds)
    explore.describe(machine, folder)
    return machine, folder


def run(machine, folder, seed, report, what):
    """The Outcome of a seed, or None if it came to no end."""
    outcome = seeded_run.run(machine, seed, os.path.join(folder, 'check'))
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


def check_saved(machine, folder, report):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    saved_machine.make(machine, folder)
    again = saved_machine.hash_of(folder)
    report.result('ok' if again == machine.saved_hash else 'not ok',
                  'two vCPUs: the machine is the same if it is saved again',
                  '' if again == machine.saved_hash else f'{machine.saved_hash} and {again}')


def rounds_of(folder):
    """How many rounds the program has had, which ends at the first that shows the race."""
    found = re.search(r'^# (\d+) rounds$', project.read_lossy(
        os.path.join(folder, 'check', 'port.log')), re.M)
    return int(found[1]) if found else 0


def check_race(report):
    """Without a seed every run is the same one, which can show the race by chance, but late."""
    shown, rounds = [], []
    for kinds, what in ((device_kinds, 'with a seed of the device'), (no_kinds, 'without one')):
        machine, folder = machine_of(RACE, '1', kinds)
        outcome = run(machine, folder, SEED, report, f'one vCPU, {what}')
        if not outcome:
            return
        shown.append(any(seeded_run.FOUND in text for text in outcome.signatures))
        rounds.append(rounds_of(folder))
    report.result('ok' if shown[0] else 'not ok',
                  f'one vCPU, with a seed of the device: {RACE} is found')
    earlier = rounds[0] < rounds[1]
    report.result('ok' if earlier else 'not ok', 'one vCPU: without one, not in so few rounds',
                  '' if earlier else f'{rounds[0]} rounds with a seed, {rounds[1]} without')


def device_kinds(all_kinds):
    return [kind for kind in all_kinds if kind not in seeded_run.STRATEGIES]


def no_kinds(_):
    return []


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
