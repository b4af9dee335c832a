# SPDX-License-Identifier: GPL-2.0-or-later
"""Record a guest run and replay it, twice: the device does the same.

With -icount and rr=record QEMU writes down what a run takes from outside;
rr=replay gives it back.  The device's trace events, those of passes and
slices with their virtual time among them, are compared line by line.
"""

import os
import time

from malicsf import project
from malicsf.build import initramfs
from malicsf.project import say
from malicsf.run import expectations, results, run_guest
from malicsf.settings import SETTINGS

# Programs that ask the host for nothing: what a monitor does is not recorded
TESTS = 'canary,journey,fault'
REPLAYS = 2
# An instruction of a vCPU takes 2^3 ns of virtual time
SHIFT = 3
RECORD_SECONDS = 300
# A replay that has lost its way waits for ever: it gets this and three times what was recorded
REPLAY_SECONDS = 20
# All but one line for each instruction, which would be gigabytes: slices tell
# their weight
EVENTS = ['mali_csf_*', '-mali_csf_cs_instruction']


def run(settings, prepared, folder, rows, mode, report, limit):
    """One run; returns (path of its device log, whether it came to its end)."""
    tree, kernel, archives = prepared
    initrd = os.path.join(folder, 'initrd')
    if mode == 'record':
        initramfs.write(initrd, archives, run_guest.plan_of(rows, settings))
    events = run_guest.write_events(folder, EVENTS)
    command = run_guest.qemu_command(tree, kernel, settings, initrd, events)
    command += ['-icount', f'shift={SHIFT},rr={"record" if mode == "record" else "replay"},'
                           'rrfile=replay.bin']
    guest = run_guest.Guest(command, folder, report, settings, rows)
    try:
        in_time = guest.run(limit)
    finally:
        guest.kill()
        guest.close()
    path = os.path.join(folder, f'device-{mode}.log')
    os.replace(os.path.join(folder, 'device.log'), path)
    os.replace(os.path.join(folder, 'console.log'), os.path.join(folder, f'console-{mode}.log'))
    if not in_time or not guest.done or guest.process.returncode:
        said = run_guest.what_qemu_said(folder)
        report.result('not ok', f'{mode}: the guest runs to its end', said or (
            'TIMEOUT' if not in_time else f'QEMU ended with {guest.process.returncode}'))
        return path, False
    return path, True


def first_difference(one, other):
    """(line number, its text in both), or the count of lines if there is none"""
    with open(one, encoding='utf-8', errors='replace') as ones, \
            open(other, encoding='utf-8', errors='replace') as others:
        count = 0
        while True:
            line, same = ones.readline(), others.readline()
            if line != same:
                return count + 1, line.strip() or 'the end', same.strip() or 'the end'
            if not line:
                return count, None, None
            count += 1


def check(tap):
    replays = SETTINGS.number('REPLAYS', REPLAYS)
    settings = run_guest.busy_settings('check-replay')
    # QEMU records no machine of more CPUs.
    settings.smp = 1
    prepared = run_guest.prepare(settings)
    rows = run_guest.choose_programs(SETTINGS.text('TESTS') or TESTS)
    folder, lock = run_guest.open_run_folder(settings.name or 'replay', bool(settings.name))
    with lock:
        report = results.Report(tap, '', expectations.of(prepared[1], settings))
        start = time.monotonic()
        modes = ['record'] + [f'replay-{number + 1}' for number in range(replays)]
        logs, limit = [], settings.slack * RECORD_SECONDS
        for mode in modes:
            say(f'{mode}; logs in {os.path.relpath(folder, project.ROOT)}')
            begin = time.monotonic()
            log, whole = run(settings, prepared, folder, rows, mode, report, limit)
            logs += [log] if whole or logs else []
            if not whole:
                break
            if mode == 'record':
                limit = settings.slack * REPLAY_SECONDS + 3 * (time.monotonic() - begin)
        for mode, log in list(zip(modes, logs))[1:]:
            count, recorded, replayed = first_difference(logs[0], log)
            report.result('ok' if recorded is None else 'not ok',
                          f'{mode}: the device does what it did',
                          f'{count} lines are the same' if recorded is None else
                          f'line {count}: recorded "{recorded}", replayed "{replayed}"')
        report.write(folder, 'replay', time.monotonic() - start)
    say(report.summary())
    return project.FAIL if report.count('not ok') else project.PASS


def main():
    return run_guest.check_main(__doc__, 'check-replay', check)
