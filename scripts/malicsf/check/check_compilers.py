# SPDX-License-Identifier: GPL-2.0-or-later
"""Compile our files with every compiler there is, with -Werror.

Device, qtests and unit tests are compiled as QEMU's own build does it, with
another compiler in its place; the guest programs with the cross compiler of
the same version, or with clang for arm64.  Nothing is linked.
"""

import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

from malicsf import host_packages, project
from malicsf.build import build_guest, build_qemu
from malicsf.project import say
from malicsf.settings import SETTINGS

OURS = re.compile(r'/(hw/gpu/mali-csf/|tests/(qtest|unit)/(libqos/)?mali-csf|tests/guest/)[^ ]*\.c$')
# clang does not know all of the options that QEMU's configure chose for gcc.
CLANG = ['-Wno-unknown-warning-option', '-Wno-unused-command-line-argument']
GCC_ONLY = ('-fzero-call-used-regs', '-ftrivial-auto-var-init')


def commands(folder):
    """[(file, folder, arguments without compiler and output)] of our files."""
    path = os.path.join(folder, 'compile_commands.json')
    for row in json.loads(project.read(path, '[]')):
        name = os.path.normpath(os.path.join(row['directory'], row['file']))
        if not OURS.search('/' + name):
            continue
        words = shlex.split(row['command'])
        while words and not words[0].startswith('-'):
            words.pop(0)
        kept, skip = [], False
        for word in words:
            if skip or word in ('-c', '-MD', '-o', '-MQ', '-MF', row['file']):
                skip = not skip and word in ('-o', '-MQ', '-MF')
                continue
            kept.append(word)
        yield row['file'], row['directory'], kept


def for_guest(name):
    """The compiler of that name for arm64, or None."""
    if name.startswith('clang'):
        return [name, '--target=aarch64-linux-gnu']
    cross = f'aarch64-linux-gnu-{name}'
    return [cross] if shutil.which(cross) else None


def compile_one(compiler, file, folder, arguments):
    if 'clang' in compiler[0]:
        arguments = [word for word in arguments if not word.startswith(GCC_ONLY)] + CLANG
    return subprocess.run([*compiler, *arguments, '-Werror', '-c', file, '-o', '/dev/null'],
                          cwd=folder, capture_output=True, text=True, check=False)


def main():
    SETTINGS.parser(__doc__, 'check-compilers').parse_args()
    names = project.config('host')['compilers']['names']
    host_packages.provide()
    with project.Lock():
        tree = build_qemu.from_environment()
        build_qemu.build(tree, tests=True)
        build_guest.build(tree)
    failed = 0
    for name in names:
        if shutil.which(name) is None:
            say(f'{name}: not on this machine')
            continue
        jobs = [([name], *row) for row in commands(tree.obj)]
        guest = for_guest(name)
        if guest:
            jobs += [(guest, *row) for row in commands(project.MESON_BUILD)]
        else:
            say(f'{name}: no such compiler for arm64, the guest programs are left out')
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(lambda job: compile_one(*job), jobs))
        bad = [result for result in results if result.returncode]
        for result in bad:
            sys.stderr.write(result.stderr)
        version = subprocess.run([name, '-dumpversion'], capture_output=True, text=True,
                                 check=False).stdout.strip()
        say(f'{name} {version}: {len(results) - len(bad)} files passed, {len(bad)} failed')
        failed += len(bad)
    return project.FAIL if failed else project.PASS
