# SPDX-License-Identifier: GPL-2.0-or-later
"""Build IGT's panthor tests for arm64, from IGT's source in IGT_SRC=.

What they need of Debian's arm64 packages is fetched and unpacked below
build/igt, nothing is installed.  Only the four panthor programs and the
library of IGT are built.  Then: make igt IGT=build/igt
"""

import os
import subprocess

from malicsf import archive, host_packages, project
from malicsf.project import say
from malicsf.settings import SETTINGS

FOLDER = os.path.join(project.BUILD, 'igt')
ROOT = os.path.join(FOLDER, 'root')
OUT = os.path.join(FOLDER, 'out')
PACKAGES = ['libc6-dev', 'libcairo2-dev', 'libdrm-dev', 'libdw-dev', 'libglib2.0-dev',
            'libkmod-dev', 'libpci-dev', 'libpciaccess-dev', 'libpixman-1-dev', 'libproc2-dev',
            'libudev-dev']
FEATURES_OFF = ['chamelium', 'docs', 'libunwind', 'man', 'overlay', 'runner', 'testplan',
                'valgrind', 'xe_driver']
PROGRAMS = [f'panthor_{name}' for name in ('gem', 'group', 'query', 'vm')]


def provide_root():
    """The packages, and all that they depend on, unpacked."""
    suite = project.release()
    component = archive.open_suite(suite)
    packages = os.path.join(archive.CACHE_APT, f'{suite}-{component}', 'cache/archives')
    say(f'fetching what IGT needs of {suite} for arm64')
    # No package counts as installed there, so all dependencies come along.
    archive.apt(suite, component, 'apt-get', '-q', '-y', '--download-only',
                '--no-install-recommends', 'install', *PACKAGES)
    subprocess.run(['rm', '-rf', ROOT], check=True)
    os.makedirs(ROOT)
    for name in sorted(os.listdir(packages)):
        if name.endswith('.deb'):
            project.command(['dpkg', '-x', os.path.join(packages, name), ROOT])
    # The linker follows them from here, not from the root of this machine.
    for parent, folders, names in os.walk(ROOT):
        for path in (os.path.join(parent, name) for name in folders + names):
            if os.path.islink(path) and os.readlink(path).startswith('/'):
                target = ROOT + os.readlink(path)
                os.remove(path)
                os.symlink(target, path)


def main():
    SETTINGS.parser(__doc__, 'build-igt').parse_args()
    source = os.path.abspath(SETTINGS.text('IGT_SRC'))
    if not SETTINGS.text('IGT_SRC') or \
            not os.path.isfile(os.path.join(source, 'tests/panthor/panthor_vm.c')):
        raise project.usage(f'IGT_SRC={SETTINGS.text("IGT_SRC")} is not the source of IGT '
                            'with its panthor tests (igt-gpu-tools, end of 2025 or newer)')
    host_packages.provide()
    environment = host_packages.environment()
    with project.Lock():
        provide_root()
        cross = os.path.join(FOLDER, 'cross.ini')
        project.write(cross, f'''\
[binaries]
c = ['aarch64-linux-gnu-gcc', '--sysroot={ROOT}']
ar = 'aarch64-linux-gnu-gcc-ar'
strip = 'aarch64-linux-gnu-strip'
pkg-config = 'pkg-config'
[properties]
sys_root = '{ROOT}'
pkg_config_libdir = '{ROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:{ROOT}/usr/share/pkgconfig'
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
''')
        log = os.path.join(project.BUILD, 'log/igt.log')
        subprocess.run(['rm', '-rf', OUT], check=True)
        say('configuring IGT')
        project.command(['meson', 'setup', OUT, source, '--cross-file', cross,
                         '-Dlibdrm_drivers=', '-Dtests=enabled',
                         *(f'-D{name}=disabled' for name in FEATURES_OFF)], log, env=environment)
        say('building IGT')
        project.command(['ninja', '-C', OUT, *(f'tests/panthor/{name}' for name in PROGRAMS)],
                        log, env=environment)
    say(f'make igt IGT={os.path.relpath(FOLDER, project.ROOT)}')
    return project.PASS
