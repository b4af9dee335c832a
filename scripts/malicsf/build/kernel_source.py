# SPDX-License-Identifier: GPL-2.0-or-later
"""The source of a kernel of the archive, of its image's exact version."""

import os
import shutil
import subprocess

from malicsf import archive, project
from malicsf.project import Stop

# For the make of a kernel
FOR_ARM64 = ['ARCH=arm64', 'CROSS_COMPILE=aarch64-linux-gnu-']


def exactly(suite, name, version, title):
    """Fetch one package of exactly that version."""
    found = archive.binary_packages(suite, name, '')
    if found.get(name) != version:
        have = f'has {found[name]}' if name in found else 'does not have it'
        raise Stop(f'the {title} of Linux {version} is UNAVAILABLE: {suite} {have} ({name}); '
                   'the kernel may be older than what the archive has now: make update KERNEL=...')
    return archive.fetch_binary(suite, {name: version})


def fetch(suite, series, version):
    """The row of the package linux-source-<series>"""
    return archive.remembered(f'source-{version}', lambda: exactly(
        suite, f'linux-source-{series}', version, 'source'))[0]


def unpack(row, folder, names, leave_out=()):
    """Put files and folders of the source into a folder, which is complete if it exists.

    names: those that are wanted, or none: all
    leave_out: patterns of those that are not, in which * stands for / as well
    """
    if os.path.exists(folder):
        return
    partial = folder + '.new'
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    package = archive.path_of(row)
    top = row['name']
    with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', package],
                          stdout=subprocess.PIPE) as outer, \
            subprocess.Popen(['tar', '-xOf', '-', f'./usr/src/{top}.tar.xz'],
                             stdin=outer.stdout, stdout=subprocess.PIPE) as inner:
        result = subprocess.run(
            ['tar', '-xJf', '-', '-C', partial, '--strip-components=1',
             *(f'--exclude={top}/{pattern}' for pattern in leave_out),
             *(f'{top}/{name}' for name in names)], stdin=inner.stdout, check=False)
    missing = [name for name in names if not os.path.exists(os.path.join(partial, name))]
    if result.returncode or missing:
        raise Stop(f'{os.path.basename(package)} holds no {" ".join(missing) or "source"}'
                   f'{project.no_room()}')
    os.replace(partial, folder)
