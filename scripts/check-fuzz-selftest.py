#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Break the device on purpose: libFuzzer must find each break.

Each tests/fuzz/breaks/*.patch names a target.  It is applied, alone, to a
copy of the device's sources, which is linked as for "make fuzz", and the
target has FUZZ_SECONDS from an empty corpus to find it.  BREAK=name,name takes
some of them.
"""

import importlib
import os
import re
import shutil
import time

import project
from project import Stop, say

build_fuzz = importlib.import_module('build-fuzz')
build_qemu = importlib.import_module('build-qemu')
check_selftest = importlib.import_module('check-selftest')
fuzz = importlib.import_module('fuzz')
host_packages = importlib.import_module('host-packages')

VARIABLES = {'BREAK': 'name,...', 'FUZZ_SECONDS': '300', 'QEMU_SERIES': '10.0',
             'QEMU_SRC': 'dir'}
BREAKS = os.path.join(project.ROOT, 'tests/fuzz/breaks')
FOLDER = os.path.join(project.BUILD, 'fuzz-selftest')
DEVICE = 'hw/gpu/mali-csf'
SECONDS = 300
# What takes so many seconds here is a loop that has been put in
INPUT_SECONDS = 8
MODEL = fuzz.MODELS[0]


def try_break(tree, intact, name, seconds):
    """(whether it was found, what is to be said of it)"""
    path = os.path.join(BREAKS, name)
    text = project.read(path)
    target = re.search(r'^Target: (\S+)$', text, re.M)
    files = re.findall(rf'^\+\+\+ b/{DEVICE}/(\S+)$', text, re.M)
    if not target or not files:
        return False, 'names no target, or no file of the device'
    folder = os.path.join(FOLDER, name.removesuffix('.patch'))
    device = os.path.join(folder, DEVICE)
    shutil.copytree(os.path.join(project.ROOT, DEVICE), device)
    problem = check_selftest.patch(folder, path)
    if problem:
        return False, problem
    fuzzer = build_fuzz.build_changed(tree, intact, device, files)
    start = time.monotonic()
    result = fuzz.run_target(fuzzer, target[1], MODEL, folder, seconds, INPUT_SECONDS)
    took = time.monotonic() - start
    if result.survived or not result.artifact:
        return False, f'{target[1]} has not found it in {took:.0f} s' + (
            '' if result.survived else f': {result.reason}')
    return True, f'{target[1]}, {took:.0f} s: {result.reason}'


def main():
    project.take_arguments(__doc__, VARIABLES)
    seconds = project.number_from_environment('FUZZ_SECONDS', SECONDS)
    project.require_host()
    host_packages.provide()
    names = build_qemu.matching(BREAKS, r'.*\.patch')
    if not names:
        raise Stop(f'{BREAKS} has no patches')
    wanted = [word + '.patch' for word in project.words_from_environment('BREAK')]
    for name in wanted:
        if name not in names:
            raise project.usage(f'BREAK={name.removesuffix(".patch")} is none of: '
                                f'{", ".join(row.removesuffix(".patch") for row in names)}')
    names = wanted or names
    with project.Lock():
        tree = build_qemu.from_environment()
        intact = build_fuzz.build(tree)
        shutil.rmtree(FOLDER, ignore_errors=True)
        failed, left = 0, set(fuzz.targets(intact.fuzzer))
        for name in names:
            found, text = try_break(tree, intact, name, seconds)
            failed += not found
            left -= set(text.split(',')[:1])
            say(f'{"ok    " if found else "not ok"} {name}: {text}')
        if left and not wanted:
            failed += 1
            say(f'not ok: no break is found by {", ".join(sorted(left))}')
    say(f'{len(names) - failed} found, {failed} failed')
    return project.FAIL if failed else project.PASS


if __name__ == '__main__':
    project.run_main(main)
