# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the qtests that use threads under ThreadSanitizer: it must find no race.

T is a part of a program's name, to run some of them.  After them the device is broken on
purpose: each tests/tsan/breaks/*.patch names a test in which a race must be found;
BREAK=name,name takes some of these, and only these.

What the sanitizer says is in build/tsan.  tests/tsan/suppressions has what is QEMU's own.
"""

import glob
import os
import re
import subprocess
import time

from malicsf import host_packages, project
from malicsf.build import build_qemu, build_tsan
from malicsf.check import check_selftest
from malicsf.project import say, Stop
from malicsf.settings import SETTINGS

FOLDER = os.path.join(project.BUILD, 'tsan')
SUPPRESSIONS = os.path.join(project.ROOT, 'tests/tsan/suppressions')
BREAKS = os.path.join(project.ROOT, 'tests/tsan/breaks')
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


def run(tree, binary, name, test=None):
    """(status of a qtest, or one path of it; what was found).  None: SECONDS are over."""
    logs = os.path.join(FOLDER, name)
    for path in glob.glob(logs + '.*'):
        os.remove(path)
    environment = SETTINGS.environment(
        QTEST_QEMU_BINARY=binary, MALI_CSF_SLACK=SLACK,
        TSAN_OPTIONS=f'exitcode=0 log_path={logs} suppressions={SUPPRESSIONS}')
    with open(logs + '.tap', 'w', encoding='utf-8') as file:
        try:
            status = subprocess.run([os.path.join(tree.obj, 'tests/qtest', name), '--tap', '-k',
                                     *(['-p', check_selftest.ARCHITECTURE + test] if test else [])],
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
    program, test = check_selftest.tests_named(path)[0]
    found = {}
    try:
        device, files = check_selftest.break_device(
            path, os.path.join(FOLDER, name.removesuffix('.patch')))
        binary = build_tsan.build_changed(tree, intact, device, files)
        _, found = run(tree, binary, program, test)
        text = next(iter(found), f'{program} {test} has found nothing')
    except Stop as stop:
        text = str(stop)
    say(f'{"ok    " if found else "not ok"} {name.removesuffix(".patch")}: {text}')
    return bool(found)


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
