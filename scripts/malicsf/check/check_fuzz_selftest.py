# SPDX-License-Identifier: GPL-2.0-or-later
"""Break the device on purpose: libFuzzer must find each break.

Each tests/fuzz/breaks/*.patch names a target.  It is applied, alone, to a
copy of the device's sources, which is linked as for "make fuzz", and the
target has FUZZ_SECONDS from an empty corpus to find it.  BREAK=name,name takes
some of them.

"make check" has no such time.  It takes the breaks that name an input near to
one that finds them, in hex, and the target starts from that alone.
"""

import os
import re
import shutil
import time

from malicsf import host_packages, project
from malicsf.build import build_fuzz, build_qemu
from malicsf.check import check_selftest, fuzz
from malicsf.project import say, Stop
from malicsf.settings import SETTINGS

BREAKS = os.path.join(project.ROOT, 'tests/fuzz/breaks')
FOLDER = os.path.join(project.BUILD, 'fuzz-selftest')
SECONDS = 300
# From an input that is near, most of which are for a host that is busy
NEAR_SECONDS = 240
# What takes so many seconds here is a loop that has been put in
INPUT_SECONDS = 8
MODEL = fuzz.MODELS[0]


def near_input(name):
    """The input that a break names, or None"""
    found = re.search(r'^Near: ([0-9a-f ]+)$', project.read(os.path.join(BREAKS, name)), re.M)
    return bytes.fromhex(found[1]) if found else None


def survives(fuzzer, target, folder, path):
    """Whether the input in that file, alone, does nothing to the device"""
    status, _ = fuzz.fuzz(fuzzer, target, MODEL, folder, [path], limit=NEAR_SECONDS)
    return status == 0


def write_near(folder, data):
    path = os.path.join(folder, 'near')
    with open(path, 'wb') as file:
        file.write(data)
    return path


def try_break(tree, intact, name, seconds, near=None):
    """(whether it was found, what is to be said of it)

    near: the input to start from, None for all that the target has
    """
    path = os.path.join(BREAKS, name)
    text = project.read(path)
    target = re.search(r'^Target: (\S+)$', text, re.M)
    if not target:
        return False, 'names no target'
    folder = os.path.join(FOLDER, name.removesuffix('.patch'))
    try:
        device, files = check_selftest.break_device(path, folder)
    except Stop as stop:
        return False, str(stop)
    fuzzer = build_fuzz.build_changed(tree, intact, device, files)
    if near is not None and not survives(intact.fuzzer, target[1], folder,
                                         write_near(folder, near)):
        return False, f'{target[1]} does not survive the input that is near, without the break'
    start = time.monotonic()
    result = fuzz.run_target(fuzzer, target[1], MODEL, folder, seconds, INPUT_SECONDS, near)
    took = time.monotonic() - start
    if result.survived or not result.artifact:
        return False, f'{target[1]} has not found it in {took:.0f} s' + (
            '' if result.survived else f': {result.reason}')
    if not survives(intact.fuzzer, target[1], folder, result.artifact):
        return False, (f'{target[1]} has found what the device has without the break, too: '
                       f'{os.path.relpath(result.artifact, project.ROOT)}')
    return True, f'{target[1]}, {took:.0f} s: {result.reason}'


def run(names, seconds, near):
    """Break after break, from inputs that are near or not.

    Yields (name, whether it was found, what is to be said of it)
    """
    with project.Lock():
        tree = build_qemu.from_environment()
        intact = build_fuzz.build(tree)
        shutil.rmtree(FOLDER, ignore_errors=True)
        left = set(fuzz.targets(intact.fuzzer))
        for name in names:
            found, text = try_break(tree, intact, name, seconds,
                                    near_input(name) if near else None)
            left -= set(text.split(',')[:1])
            yield name, found, text
        if left and not near and not SETTINGS.value('BREAK'):
            yield 'targets', False, f'no break is found by {", ".join(sorted(left))}'


def check_near():
    """Those that name an input, as TAP; what is missing on this machine is a skipped test."""
    try:
        host_packages.require('fuzz', 'a build for fuzzing')
    except Stop as stop:
        print(f'1..0 # SKIP {stop}')
        return project.PASS
    names = [name for name in check_selftest.chosen_breaks(BREAKS) if near_input(name) is not None]
    print(f'1..{len(names)}')
    rows = run(names, NEAR_SECONDS, True)
    failed = 0
    for number, (name, found, text) in enumerate(rows, 1):
        failed += not found
        print(f'{"ok" if found else "not ok"} {number} - {name}\n# {text}', flush=True)
    return project.FAIL if failed else project.PASS


def main():
    parser = SETTINGS.parser(__doc__, 'check-fuzz-selftest')
    parser.add_argument('--check', action='store_true',
                        help='those of "make check", as TAP for meson test')
    options = parser.parse_args()
    seconds = SETTINGS.number('FUZZ_SECONDS', SECONDS)
    project.require_host()
    host_packages.provide()
    if options.check:
        project.SAY_PREFIX = '# '
        return check_near()
    results = []
    for name, found, text in run(check_selftest.chosen_breaks(BREAKS), seconds, False):
        results.append(found)
        say(f'{"ok    " if found else "not ok"} {name}: {text}')
    say(f'{sum(results)} found, {len(results) - sum(results)} failed')
    return project.PASS if all(results) else project.FAIL
