# SPDX-License-Identifier: GPL-2.0-or-later
"""IGT's panthor tests for the guest: programs, libraries and loader, as an archive.

IGT= is a folder that holds the programs, built for arm64, in a folder named
panthor, and below it or beside it every shared library that they need.  Both
what "meson install" makes and a build folder of IGT will do.
"""

import os
import re
import subprocess

from malicsf import project
from malicsf.build import initramfs
from malicsf.settings import SETTINGS

READELF = 'aarch64-linux-gnu-readelf'


def find(folder):
    """{file name: path} of the panthor programs, and of all shared libraries."""
    programs, libraries = {}, {}
    for path in project.files_below(folder):
        name = os.path.basename(path)
        if re.search(r'\.so(\.|$)', name):
            libraries.setdefault(name, path)
        elif os.path.basename(os.path.dirname(path)) == 'panthor' and \
                re.fullmatch(r'panthor_\w+', name) and os.access(path, os.X_OK):
            programs[name] = path
    if not programs:
        raise project.usage(f'IGT={folder} holds no panthor/panthor_*: it has to be a folder with '
                            'IGT built for arm64, see docs/devel/igt.rst')
    return programs, libraries


def needs(path):
    """(loader or None, libraries) that an arm64 ELF file asks for."""
    result = subprocess.run([READELF, '-hld', '-W', path], capture_output=True, text=True,
                            errors='replace', check=False, env=SETTINGS.environment(LC_ALL='C'))
    if 'AArch64' not in result.stdout:
        raise project.usage(f'{path} is not a program for arm64')
    loader = re.search(r'interpreter: (\S+?)\]', result.stdout)
    return (loader and loader[1],
            re.findall(r'\(NEEDED\).*\[(.+?)\]', result.stdout))


def archive(folder):
    """Path of the archive."""
    if not os.path.isdir(folder):
        raise project.usage(f'IGT={folder} is no folder')
    programs, libraries = find(folder)
    loaders, wanted, todo = set(), {}, list(programs.values())
    while todo:
        path = todo.pop()
        loader, names = needs(path)
        if loader:
            loaders.add(loader)
            names = names + [os.path.basename(loader)]
        for name in names:
            if name in wanted:
                continue
            if name not in libraries:
                raise project.usage(f'IGT={folder} lacks {name}, which {os.path.basename(path)} '
                                    'needs: put the arm64 library into the folder')
            wanted[name] = libraries[name]
            todo.append(libraries[name])

    def make():
        cpio = initramfs.Cpio()
        cpio.file('igt/list', ''.join(f'{name}\n' for name in sorted(programs)))
        for name, path in sorted(programs.items()):
            cpio.file('igt/bin/' + name, initramfs.read_binary(path), 0o755)
        for name, path in sorted(wanted.items()):
            cpio.file('igt/lib/' + name, initramfs.read_binary(path), 0o755)
        for loader in sorted(loaders):
            cpio.link(loader.lstrip('/'), '/igt/lib/' + os.path.basename(loader))
        return cpio

    inputs = [*programs.values(), *wanted.values(), __file__]
    return initramfs.cached('igt-' + initramfs.digest(os.path.abspath(folder)), inputs, make)
