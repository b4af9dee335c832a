# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the qtests that use threads under ThreadSanitizer: it must find no race.

T is a part of a program's name, to run some of them.  After them the device is broken on
purpose: each tests/tsan/breaks/*.patch names a program in which a race must be found;
BREAK=name,name takes some of these, and only these.

What the sanitizer says is in build/tsan.  tests/tsan/suppressions has what is QEMU's own.
"""

import glob
import os
import re
import shutil
import subprocess
import time

from malicsf import host_packages, project
from malicsf.build import build_qemu, build_tsan
from malicsf.check import check_selftest
from malicsf.project import say
from malicsf.settings import SETTINGS

FOLDER = os.path.join(project.BUILD, 'tsan')
SUPPRESSIONS = os.path.join(project.ROOT, 'tests/tsan/suppressions')
BREAKS = os.path.join(project.ROOT, 'tests/tsan/breaks')
DEVICE = 'hw/gpu/mali-csf'
QTESTS = os.path.join(project.ROOT, 'tests/qtest')
# What a qtest that has threads of the device mentions
THREADS = re.compile(r'mali-csf-compute\.h|endpoint=test')
# Some fifteen times as slow as without
SECONDS = 1800
SLACK = '20'


def programs():
    """Names of the qtests that use threads of the device"""
    return [name.removesuffix('.c') for name in build_qemu.matching(QTESTS, r'mali-csf-.*-test\.c')
            if THREADS.search(project.read(os.path.join(QTESTS, name)))]


def reports(said):
    """{what: how often} of what the sanitizer has found in a log"""
    found = {}
    for line in re.findall(r'^SUMMARY: ThreadSanitizer: (.*)$', said, re.M):
        # "data race <file>:<line> in <function>"
        line = re.sub(r'\S*/src/', '', line)
        found[line] = found.get(line, 0) + 1
    # It has given up itself.
    for line in re.findall(r'^(?:FATAL: )?ThreadSanitizer: (?!reported)(.*)$', said, re.M):
        found[line] = found.get(line, 0) + 1
    return found


def run(tree, binary, name):
    """(status of a qtest, what was found): SECONDS are over with status None."""
    logs = os.path.join(FOLDER, name)
    for path in glob.glob(logs + '.*'):
        os.remove(path)
    environment = SETTINGS.environment(
        QTEST_QEMU_BINARY=binary, MALI_CSF_SLACK=SLACK,
        TSAN_OPTIONS=f'exitcode=0 log_path={logs} suppressions={SUPPRESSIONS}')
    with open(logs + '.tap', 'w', encoding='utf-8') as file:
        try:
            status = subprocess.run([os.path.join(tree.obj, 'tests/qtest', name), '--tap', '-k'],
                                    cwd=tree.obj, env=environment, stdin=subprocess.DEVNULL,
                                    stdout=file, stderr=subprocess.STDOUT, check=False,
                                    timeout=SECONDS).returncode
        except subprocess.TimeoutExpired:
            status = None
    return status, reports(''.join(project.read_lossy(path) for path in sorted(glob.glob(
        logs + '.[0-9]*'))))


def check_program(tree, binary, name):
    """Whether a qtest passes without a race; says what came of it."""
    start = time.monotonic()
    status, found = run(tree, binary, name)
    good = status == 0 and not found
    why = '' if status == 0 else ': not ended' if status is None else f': status {status}'
    say(f'{"ok    " if good else "not ok"} {name}, {time.monotonic() - start:.0f} s{why}')
    for what, count in found.items():
        say(f'       {what}' + (f', {count} times' if count > 1 else ''))
    return good


def check_break(tree, intact, name):
    """Whether a race is found in a device that is broken; says what came of it."""
    path = os.path.join(BREAKS, name)
    text = project.read(path)
    program = re.search(r'^Test: (\S+)$', text, re.M)
    files = re.findall(rf'^\+\+\+ b/{DEVICE}/(\S+)$', text, re.M)
    folder = os.path.join(FOLDER, name.removesuffix('.patch'))
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(os.path.join(project.ROOT, DEVICE), os.path.join(folder, DEVICE))
    problem = check_selftest.patch(folder, path) if program and files else \
        'names no test, or no file of the device'
    found = {}
    if not problem:
        binary = build_tsan.build_changed(tree, intact, os.path.join(folder, DEVICE), files)
        _, found = run(tree, binary, program[1])
        problem = None if found else f'{program[1]} has found nothing'
    say(f'{"not ok" if problem else "ok    "} {name.removesuffix(".patch")}: '
        f'{problem or next(iter(found))}')
    return not problem


def main():
    SETTINGS.parser(__doc__, 'check-tsan').parse_args()
    project.require_host()
    host_packages.provide()
    names = [name for name in programs() if SETTINGS.value('T') in name]
    if not names:
        raise project.usage(f'T={SETTINGS.value("T")} is in no name of: {", ".join(programs())}')
    breaks = check_selftest.chosen_breaks(BREAKS)
    with project.Lock():
        tree = build_qemu.from_environment()
        intact = build_tsan.build(tree)
        os.makedirs(FOLDER, exist_ok=True)
        good = []
        if not SETTINGS.words('BREAK'):
            good += [check_program(tree, intact.binary, name) for name in names]
        if not SETTINGS.value('T'):
            good += [check_break(tree, intact, name) for name in breaks]
    say(f'{good.count(True)} passed, {good.count(False)} failed; what was said is in '
        f'{os.path.relpath(FOLDER, project.ROOT)}')
    return project.PASS if all(good) else project.FAIL
