# SPDX-License-Identifier: GPL-2.0-or-later
"""Find the commit of panthor since which the guest programs fail.

GIT is a kernel repository, GOOD a commit of it with which TESTS pass, BAD one with
which they do not.  Only commits that change the driver or its uAPI header are tried:
the module alone is built, against the kernel that KERNEL names, which stays as it is.
What does not build there is skipped.

Exit codes: 0 the commit is found, 1 it is not, 2 usage, 125 cannot test.
"""

import os
import shutil
import subprocess
import tempfile

from malicsf import project
from malicsf.build import patches
from malicsf.lane import changed_driver
from malicsf.project import say, Stop
from malicsf.run import run_guest
from malicsf.settings import SETTINGS

PATHS = [patches.DRIVER, patches.UAPI]
GOOD, BAD, SKIP = 'good', 'bad', 'skip'
NAME = 'bisect'
PASSED_ON = ('KERNEL', 'TESTS', 'MODEL', 'SLACK', 'KERNEL_ARGS', 'QEMU_ARGS')


class Repository:
    """A clone of the reader's repository, which is left as it is."""

    def __init__(self, source, folder):
        self.folder = folder
        self.git('clone', '--quiet', '--shared', '--no-checkout', source, folder, cwd=None)
        self.source = source

    def git(self, *words, cwd=''):
        """What git prints; Stop with its first line if it fails."""
        result = subprocess.run(['git', *words], cwd=self.folder if cwd == '' else cwd,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                errors='replace', check=False)
        if result.returncode:
            said = (result.stderr or result.stdout).strip().splitlines() or ['it failed']
            raise project.usage(f'git {words[0]}: {said[0].removeprefix("fatal: ")}')
        return result.stdout.strip()

    def commit(self, variable):
        """The commit that a variable names, in the reader's repository."""
        name = SETTINGS.text(variable)
        if not name:
            raise project.usage(f'{variable}= is missing: a commit of GIT')
        try:
            return self.git('-C', self.source, 'rev-parse', '--verify', '--quiet',
                            '--end-of-options', name + '^{commit}')
        except Stop as stop:
            raise project.usage(f'{variable}={name} is no commit of {self.source}') from stop

    def describe(self, commit):
        return self.git('log', '-1', '--format=%h ("%s")', commit)

    def unpack(self, commit, folder):
        """The driver and its header as of a commit, in a folder of its own."""
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        there = self.git('ls-tree', '--name-only', commit, *PATHS).splitlines()
        path = os.path.join(self.folder, 'driver.tar')
        self.git('archive', f'--output={path}', commit, *there)
        project.command(['tar', '-xf', path, '-C', folder])


class Kernel:
    """What a commit is tried on."""

    def __init__(self, kernel):
        _, self.builder = changed_driver.provide(kernel)

    def try_driver(self, repository, commit):
        """GOOD, BAD or SKIP, and why"""
        builder = self.builder
        tree = os.path.join(builder.folder, 'bisect')
        repository.unpack(commit, tree)
        with project.Lock():
            builder.fill_work(builder.source)
            # The rest of the uAPI stays that of the kernel.
            shutil.rmtree(os.path.join(builder.work, patches.DRIVER))
            shutil.copytree(tree, builder.work, dirs_exist_ok=True)
            built, _ = builder.make(os.path.join(builder.folder, 'bisect.log'))
            if not built:
                return SKIP, f'does not build, see {os.path.join(builder.folder, "bisect.log")}'
            module = os.path.join(builder.folder, 'bisect.ko')
            shutil.copyfile(os.path.join(builder.work, patches.DRIVER, 'panthor.ko'), module)
        given = SETTINGS.given(PASSED_ON)
        result, why = run_guest.run_apart([*given, f'PANTHOR_KO={module}', f'NAME={NAME}'])
        if why:
            return SKIP, why
        failed = [line[7:] for line in result.stdout.splitlines() if line.startswith('not ok ')]
        return (BAD, failed[0].strip() if failed else 'it failed') if result.returncode \
            else (GOOD, '')


def find(repository, kernel, good, bad):
    """The first bad commit; Stop if there is none to be found."""
    for commit, wanted in ((good, GOOD), (bad, BAD)):
        state, why = kernel.try_driver(repository, commit)
        say(f'{state:<4}  {repository.describe(commit)}' + (f': {why}' if why else ''))
        if state != wanted:
            raise Stop(f'{wanted.upper()}= is {state}: there is nothing to look for',
                       project.CANNOT_TEST if state == SKIP else project.USAGE)
    repository.git('bisect', 'start', '--no-checkout', bad, good, '--', *PATHS)
    while True:
        commit = repository.git('rev-parse', '--verify', 'BISECT_HEAD')
        state, why = kernel.try_driver(repository, commit)
        say(f'{state:<4}  {repository.describe(commit)}' + (f': {why}' if why else ''))
        try:
            said = repository.git('bisect', state)
        except Stop as stop:
            # Nothing is left but what was skipped.
            raise Stop(f'the first bad commit is one that was skipped, or comes behind it: '
                       f'{repository.describe(bad)} and before', project.FAIL) from stop
        if ' is the first bad commit' in said:
            return said.split()[0]


def main():
    SETTINGS.parser(__doc__, 'bisect-driver').parse_args()
    SETTINGS.refuse(('PATCH', 'PANTHOR_KO', 'MODULES', 'GDB', 'NAME', 'COUNT'), 'bisect')
    SETTINGS.refuse_other_runs('bisect-driver')
    folder = SETTINGS.text('GIT')
    if not folder or not os.path.isdir(folder):
        raise project.usage(f'GIT={folder} is no folder; it names a kernel repository')
    settings = run_guest.Settings()
    with tempfile.TemporaryDirectory() as temporary:
        repository = Repository(os.path.abspath(folder), os.path.join(temporary, 'clone'))
        good, bad = repository.commit('GOOD'), repository.commit('BAD')
        changes = repository.git('rev-list', f'{good}..{bad}', '--', *PATHS).splitlines()
        if not changes:
            raise project.usage(f'no commit from GOOD to BAD changes {patches.DRIVER}')
        say(f'{len(changes)} commits change the driver; TESTS={settings.tests}')
        first = find(repository, Kernel(SETTINGS.text('KERNEL')), good, bad)
        say(f'first bad commit: {repository.describe(first)}')
    return project.PASS
