# SPDX-License-Identifier: GPL-2.0-or-later
"""Break the model on purpose: the qtests must notice.

Each tests/selftest/*.patch is applied, alone, to a copy of the device's
sources, QEMU is built with that copy, and the qtests of the intact tree are
run against it.  A patch that no qtest notices is a failure of the qtests.  If
it names tests, in lines such as "Test: mali-csf-heap-test /mali-csf/heap/order",
only those are run, and each has to fail.  Tests of mali-shader-test need no QEMU: for
them the shader cores are built alone, as the top meson.build does.
"""

import os
import re
import shutil
import subprocess
import time

from malicsf import host_packages, project
from malicsf.build import build_guest, build_qemu
from malicsf.project import say, Stop
from malicsf.settings import SETTINGS

PATCHES = os.path.join(project.ROOT, 'tests/selftest')
FOLDER = os.path.join(project.BUILD, 'selftest')
TEST_SECONDS = 300
SHADER_TEST = 'mali-shader-test'
DEVICE = 'hw/gpu/mali-csf'
# What QEMU puts before the name of a qtest
ARCHITECTURE = '/aarch64'


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


def run_qtest(tree, obj, name, path=None):
    """What is wrong with a qtest, or one path of it, against the QEMU in obj; None: nothing."""
    environment = SETTINGS.environment(
                       QTEST_QEMU_BINARY=os.path.join(obj, 'qemu-system-aarch64'))
    command = [os.path.join(tree.obj, 'tests/qtest', name), '--tap']
    with subprocess.Popen(command + (['-p', ARCHITECTURE + path] if path else []),
                          cwd=obj, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          process_group=0) as process:
        try:
            output, _ = process.communicate(timeout=TEST_SECONDS)
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, status = '', 'time-out'
    if path and not status and not re.search(r'^ok ', output, re.M):
        raise Stop(f'{name} has no test {path}', project.FAIL)
    if not status:
        return None
    bad = [line for line in output.splitlines() if line.startswith(('not ok', 'Bail out!'))]
    return f'{name}: {bad[0]}' if bad else f'{name}: ended with {status}'


class ShaderTest:
    """mali-shader-test, built of the copy of the sources; its data are the intact tree's."""

    def __init__(self, device):
        self.folder = os.path.join(FOLDER, 'meson')
        self.binary = os.path.join(self.folder, 'tests/shader', SHADER_TEST)
        root = os.path.join(FOLDER, 'root')
        os.makedirs(root)
        for name in os.listdir(project.ROOT):
            if name not in ('.git', 'build', 'hw', 'include'):
                build_qemu.link(os.path.join(project.ROOT, name), os.path.join(root, name))
        for name in ('hw', 'include'):
            build_qemu.link(os.path.join(device, name), os.path.join(root, name))
        project.command(['meson', 'setup', self.folder, root, *build_guest.setup_arguments()],
                        os.path.join(FOLDER, 'meson.log'), env=host_packages.environment())
        self.build()

    def build(self):
        project.command(['ninja', '-C', self.folder, 'tests/shader/' + SHADER_TEST],
                        os.path.join(FOLDER, 'build.log'), env=host_packages.environment())

    def run(self, path):
        """What is wrong with one test; None: nothing."""
        data = [os.path.join(project.MESON_BUILD, 'tests/shader/vectors.bin'),
                os.path.join(project.ROOT, 'tests/shader/captured.txt')]
        try:
            result = subprocess.run([self.binary, *data, '-p', path], capture_output=True,
                                    text=True, timeout=TEST_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return f'{SHADER_TEST}: time-out'
        if result.returncode == 2:
            raise Stop(f'{SHADER_TEST} has no test {path}', project.FAIL)
        if not result.returncode:
            return None
        bad = [line for line in result.stdout.splitlines() if line.startswith('not ok')]
        return f'{SHADER_TEST}: {bad[0]}' if bad else f'{SHADER_TEST}: ended with ' \
            f'{result.returncode}'


def judge_shader(test, path):
    """(whether the tests that a patch names notice it once it is built, how)"""
    before = os.stat(test.binary).st_mtime_ns
    test.build()
    if os.stat(test.binary).st_mtime_ns == before:
        return False, 'changes nothing that is built'
    named = [name for _, name in tests_named(path)]
    for name in named:
        if not test.run(name):
            return False, f'{name} does not notice'
    return True, f'{len(named)} tests fail, {named[0]} the first'


def is_of_shader(path):
    """Whether the tests that a patch names are mali-shader-test's"""
    return bool(tests_named(path)) and all(name == SHADER_TEST for name, _ in tests_named(path))


def qtests_that_fail(tree, obj):
    """Names of the qtests that fail against the QEMU in obj; the first is enough."""
    return next(filter(None, (run_qtest(tree, obj, name) for name in tree.tests('qtest'))), None)


def tests_named(path):
    """[(program, path)] of the tests that a patch is about; none: it may be any"""
    return re.findall(r'^Test: (\S+) (\S+)$', project.read(path), re.M)


def problem_of_intact(tree, obj, paths):
    """What fails of the tests that the patches need while nothing is broken"""
    named = [tests_named(path) for path in paths]
    if not all(named):
        return qtests_that_fail(tree, obj)
    return next(filter(None, (run_qtest(tree, obj, *test)
                              for test in dict.fromkeys(sum(named, [])))), None)


def judge(tree, obj, path):
    """(whether the qtests notice the patch that is built in, how)"""
    named = tests_named(path)
    if not named:
        found = qtests_that_fail(tree, obj)
        return bool(found), found or 'no qtest notices'
    for name, test in named:
        if not run_qtest(tree, obj, name, test):
            return False, f'{test} does not notice'
    return True, f'{len(named)} tests fail, {named[0][1]} the first'


def build(obj):
    project.command(['ninja', '-C', obj, 'qemu-system-aarch64'],
                    os.path.join(FOLDER, 'build.log'), env=host_packages.environment())


def judge_patches(names, device, judge_one):
    """How many of the patches, each applied alone, are not noticed"""
    failed = 0
    for name in names:
        start = time.monotonic()
        path = os.path.join(PATCHES, name)
        problem = patch(device, path)
        noticed, text = False, problem
        if not problem:
            noticed, text = judge_one(path)
            patch(device, path, '-R')
        failed += not noticed
        say(f'{"ok    " if noticed else "not ok"} {name}: {text} '
            f'({time.monotonic() - start:.0f} s)')
    return failed


def check_shader(names, device):
    """Patches of the shader cores: how many are not noticed"""
    say('building the shader cores')
    build_guest.build(build_qemu.from_environment())
    test = ShaderTest(device)
    for path in {path for name in names
                 for _, path in tests_named(os.path.join(PATCHES, name))}:
        problem = test.run(path)
        if problem:
            raise Stop(f'the intact model fails: {problem}', project.FAIL)
    return judge_patches(names, device, lambda path: judge_shader(test, path))


def check_qtests(names, tree, device, obj):
    """Patches that qtests are to notice: how many are not"""
    build(obj)
    problem = problem_of_intact(tree, obj, [os.path.join(PATCHES, name) for name in names])
    if problem:
        raise Stop(f'the intact model fails: {problem}', project.FAIL)
    binary = os.path.join(obj, os.path.basename(tree.binary))

    def judge_one(path):
        before = os.stat(binary).st_mtime_ns
        build(obj)
        if os.stat(binary).st_mtime_ns == before:
            return False, 'changes nothing that is built'
        return judge(tree, obj, path)

    return judge_patches(names, device, judge_one)


def break_device(path, folder):
    """(folder, files) of a copy of the device's sources with a patch, below an empty folder

    files: by their paths in it, those that the patch changes.  Stop: it fits none.
    """
    files = re.findall(rf'^\+\+\+ b/{DEVICE}/(\S+)$', project.read(path), re.M)
    shutil.rmtree(folder, ignore_errors=True)
    device = os.path.join(folder, DEVICE)
    shutil.copytree(os.path.join(project.ROOT, DEVICE), device)
    problem = patch(folder, path) if files else 'names no file of the device'
    if problem:
        raise Stop(problem, project.FAIL)
    return device, files


def chosen_breaks(folder):
    """File names of a folder's patches, or of those that BREAK= names."""
    names = build_qemu.matching(folder, r'.*\.patch')
    if not names:
        raise Stop(f'{folder} has no patches')
    wanted = [word + '.patch' for word in SETTINGS.words('BREAK')]
    for name in wanted:
        if name not in names:
            raise project.usage(f'BREAK={name.removesuffix(".patch")} is none of: '
                                f'{", ".join(row.removesuffix(".patch") for row in names)}')
    return wanted or names


def main():
    parser = SETTINGS.parser(__doc__, 'check-selftest')
    parser.add_argument('patches', nargs='*', metavar='patch', help='names; default: all')
    wanted = parser.parse_args().patches
    names = build_qemu.matching(PATCHES, r'.*\.patch')
    if not names:
        raise Stop('tests/selftest has no patches')
    for name in wanted:
        if name not in names:
            raise project.usage(f'{name} is none of: {", ".join(names)}')
    names = wanted or names
    shader = [name for name in names if is_of_shader(os.path.join(PATCHES, name))]
    others = [name for name in names if name not in shader]
    failed = 0
    host_packages.provide()
    with project.Lock():
        tree = build_qemu.from_environment()
        build_qemu.build(tree, tests=True)
        if not tree.tests('qtest'):
            raise Stop('there are no qtests')
        project.require_disk(4)
        say('copying the build tree')
        device, obj = copy_tree(tree)
        if shader:
            failed += check_shader(shader, device)
        if others:
            failed += check_qtests(others, tree, device, obj)
        shutil.rmtree(FOLDER)
    say(f'{len(names) - failed} passed, {failed} failed')
    return project.FAIL if failed else project.PASS
