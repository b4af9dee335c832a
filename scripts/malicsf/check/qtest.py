# SPDX-License-Identifier: GPL-2.0-or-later
"""Run some qtests: those whose path has T in it.

T is a part of a path, as in "mmu/walk", or a pattern for what follows
/mali-csf/, as in "mmu/lock/*".  Without T the paths are listed.  JOB is a file that the
device's property capture= has written, or a folder of such files: they are dispatched
again.
"""

import difflib
import fnmatch
import os
import subprocess

from malicsf import host_packages, project
from malicsf.build import build_qemu
from malicsf.project import say
from malicsf.settings import SETTINGS

ROOT = '/mali-csf/'


def name_of(path):
    """A test's path without what all of them begin with"""
    return path.partition(ROOT)[2]


def matching(paths, wanted):
    """Those of the paths that T means."""
    if any(letter in wanted for letter in '*?['):
        return [path for path in paths if fnmatch.fnmatch(name_of(path), wanted)]
    exact = [path for path in paths if (name_of(path) + '/').startswith(wanted.strip('/') + '/')]
    return exact or [path for path in paths if wanted.strip('/') in name_of(path)]


def programs(tree):
    folder = os.path.join(tree.obj, 'tests/qtest')
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
            if name.startswith('mali-csf-') and name.endswith('-test')]


def listed(program, environment):
    result = subprocess.run([program, '-l'], env=environment, capture_output=True, text=True,
                            check=True)
    return [line for line in result.stdout.splitlines() if ROOT in line]


def captured(path):
    """Whether it is a captured job, or a folder that has one."""
    names = [os.path.join(path, name) for name in os.listdir(path) if name.endswith('.txt')] \
        if os.path.isdir(path) else [path]
    return any(project.read_lossy(name).startswith('mali-csf-job ') for name in names
               if os.path.isfile(name))


def nearest(wanted, found):
    names = {'/'.join(name_of(path).split('/')[:count]) for paths in found.values()
             for path in paths for count in (1, 2, 3)}
    near = difflib.get_close_matches(wanted, sorted(names), 3)
    return '; near it: ' + ', '.join(near) if near else ''


def run(program, paths, environment, folder):
    """Whether they pass"""
    arguments = [word for path in paths for word in ('-p', path)]
    return subprocess.run([program, '--tap', '-k', *arguments], env=environment, cwd=folder,
                          stdin=subprocess.DEVNULL, check=False).returncode == 0


def main():
    SETTINGS.parser(__doc__, 'qtest').parse_args()
    wanted = SETTINGS.text('T')
    job = SETTINGS.text('JOB')
    if job and not captured(job):
        raise project.usage(f'JOB={job} is no file that capture= has written, nor a folder of some')
    project.require_host()
    host_packages.provide()
    with project.Lock():
        tree = build_qemu.from_environment()
        build_qemu.build(tree, tests=True)
    environment = dict(host_packages.environment(), QTEST_QEMU_BINARY=tree.binary)
    if job:
        environment['MALI_CSF_JOBS'] = os.path.abspath(job)
        wanted = wanted or 'capture/jobs'
    found = {program: listed(program, environment) for program in programs(tree)}
    if not wanted:
        for paths in found.values():
            for path in paths:
                say(name_of(path))
        return project.PASS
    chosen = {program: matching(paths, wanted) for program, paths in found.items()}
    if not any(chosen.values()):
        raise project.usage(f'T={wanted} is in the path of no qtest{nearest(wanted, found)}')
    failed = [program for program, paths in chosen.items()
              if paths and not run(program, paths, environment, tree.obj)]
    say(f'{sum(len(paths) for paths in chosen.values())} tests of '
        f'{sum(bool(paths) for paths in chosen.values())} programs; '
        + (f'failed: {", ".join(map(os.path.basename, failed))}' if failed else 'all passed'))
    return project.FAIL if failed else project.PASS
