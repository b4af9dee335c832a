#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Break the model on purpose: the qtests must notice.

Each tests/selftest/*.patch is applied, alone, to a copy of the device's
sources, QEMU is built with that copy, and the qtests of the intact tree are
run against it.  A patch that no qtest notices is a failure of the qtests.
"""

import importlib
import os
import shutil
import subprocess
import time

import project
from project import Stop, say

build_qemu = importlib.import_module('build-qemu')
host_packages = importlib.import_module('host-packages')

PATCHES = os.path.join(project.ROOT, 'tests/selftest')
FOLDER = os.path.join(project.BUILD, 'selftest')
TEST_SECONDS = 300


def copy_tree(tree):
    """A copy of QEMU's tree and objects, with device sources of its own.

    The objects name the sources by relative paths, so that in the copy only
    what a patch touches is compiled again.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    for name in (tree.src, tree.obj):
        # cp shares the data where the file system can.
        subprocess.run(['cp', '-a', '--reflink=auto', name, FOLDER], check=True)
    src = os.path.join(FOLDER, 'src')
    for name in build_qemu.FOLDER_LINKS:
        ours = os.path.join(FOLDER, 'device', name)
        shutil.copytree(os.path.join(project.ROOT, name), ours)
        build_qemu.link(ours, os.path.join(src, name))
    for folder, pattern in build_qemu.FILE_LINKS:
        for name in build_qemu.matching(os.path.join(src, folder), pattern):
            build_qemu.link(os.path.join(project.ROOT, folder, name),
                            os.path.join(src, folder, name))
    return os.path.join(FOLDER, 'device'), os.path.join(FOLDER, os.path.basename(tree.obj))


def patch(device, path, *options):
    """Apply a patch, whole or not at all; returns what is wrong with it."""
    for extra in (['--dry-run'], []):
        result = subprocess.run(['patch', '-p1', '-F0', '--batch', '--no-backup-if-mismatch',
                                 '--reject-file=-', *options, *extra, '-i', path], cwd=device,
                                capture_output=True, text=True, check=False)
        if result.returncode:
            return 'does not apply: ' + '; '.join(result.stdout.strip().splitlines())
    return None


def qtests_that_fail(tree, obj):
    """Names of the qtests that fail against the QEMU in obj; the first is enough."""
    environment = dict(os.environ,
                       QTEST_QEMU_BINARY=os.path.join(obj, 'qemu-system-aarch64'))
    for name in tree.tests('qtest'):
        with subprocess.Popen([os.path.join(tree.obj, 'tests/qtest', name), '--tap'],
                              cwd=obj, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              process_group=0) as process:
            try:
                output, _ = process.communicate(timeout=TEST_SECONDS)
                status = process.returncode
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                output, status = '', 'time-out'
        if status:
            bad = [line for line in output.splitlines()
                   if line.startswith(('not ok', 'Bail out!'))]
            return f'{name}: {bad[0]}' if bad else f'{name}: ended with {status}'
    return None


def build(obj):
    project.command(['ninja', '-C', obj, 'qemu-system-aarch64'],
                    os.path.join(FOLDER, 'build.log'), env=host_packages.environment())


def main():
    names = build_qemu.matching(PATCHES, r'.*\.patch')
    if not names:
        raise Stop('tests/selftest has no patches')
    host_packages.provide()
    with project.Lock():
        tree = build_qemu.from_environment()
        build_qemu.build(tree, tests=True)
        if not tree.tests('qtest'):
            raise Stop('there are no qtests')
        project.require_disk(4)
        say('copying the build tree')
        device, obj = copy_tree(tree)
        build(obj)
        problem = qtests_that_fail(tree, obj)
        if problem:
            raise Stop(f'the intact model fails: {problem}', project.FAIL)
        binary = os.path.join(obj, os.path.basename(tree.binary))
        failed = 0
        for name in names:
            start = time.monotonic()
            path = os.path.join(PATCHES, name)
            problem = patch(device, path)
            found = None
            if not problem:
                before = os.stat(binary).st_mtime_ns
                build(obj)
                if os.stat(binary).st_mtime_ns == before:
                    problem = 'changes nothing that is built'
                else:
                    found = qtests_that_fail(tree, obj)
                    problem = None if found else 'no qtest notices'
                patch(device, path, '-R')
            failed += bool(problem)
            say(f'{"not ok" if problem else "ok    "} {name}: {problem or found} '
                f'({time.monotonic() - start:.0f} s)')
        shutil.rmtree(FOLDER)
    say(f'{len(names) - failed} passed, {failed} failed')
    return project.FAIL if failed else project.PASS


if __name__ == '__main__':
    project.run_main(main)
