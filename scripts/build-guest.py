#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Build what the top meson.build describes: guest programs, firmware, disassemblers."""

import importlib
import os
import shutil
import zlib

import archive
import project

build_qemu = importlib.import_module('build-qemu')
host_packages = importlib.import_module('host-packages')

UAPI = os.path.join(project.BUILD, 'uapi')
# Disassemblers, by where meson builds them
DISAS = ['mali-csf-disas', 'tests/shader/mali-shader-disas']
CROSS_FILE = os.path.join(project.ROOT, 'configs/aarch64-linux-gnu.ini')


def with_header(headers, path):
    """A folder of the same headers, but for drm/panthor_drm.h, which is that of the path."""
    text = project.read(path)
    folder = os.path.join(UAPI, f'patched-{zlib.crc32((headers + text).encode()):08x}')
    if os.path.exists(folder):
        return folder
    partial = folder + '.new'
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    for name in os.listdir(headers):
        if name != 'drm':
            os.symlink(os.path.join(headers, name), os.path.join(partial, name))
    shutil.copytree(os.path.join(headers, 'drm'), os.path.join(partial, 'drm'))
    project.write(os.path.join(partial, 'drm/panthor_drm.h'), text)
    os.replace(partial, folder)
    return folder


def provide_uapi():
    """The uAPI headers of a kernel that knows panthor; Debian 12's are older.

    With PANTHOR_UAPI, which check-patch sets, the header of a patch is among them.
    """
    suites = project.config('guest')['uapi_suites']

    def find():
        for suite in suites:
            found = archive.binary_packages(suite, 'linux-libc-dev', '')
            if found:
                return archive.fetch_binary(suite, found)
        raise project.Stop(f'linux-libc-dev is UNAVAILABLE in {", ".join(suites)}')

    rows = archive.remembered('uapi', find)
    folder = os.path.join(UAPI, rows[0]['version'])
    archive.unpack(rows, folder)
    headers = os.path.join(folder, 'usr/include')
    patched = os.environ.get('PANTHOR_UAPI', '')
    return with_header(headers, patched) if patched else headers


def inputs():
    paths = [os.path.join(project.ROOT, name) for name in ('meson.build', 'meson.options')]
    paths += [CROSS_FILE, os.path.join(project.ROOT, 'scripts/firmware-container.py')]
    paths += project.files_below(*(os.path.join(project.ROOT, name)
                                   for name in ('tests/guest', 'tests/shader', 'include', 'tools',
                                                'hw/gpu/mali-csf/shader')))
    paths += [os.path.join(project.ROOT, 'hw/gpu/mali-csf', name)
              for name in ('cs/disas.c', 'cs/table.c')]
    for kind in ('qtest', 'unit'):
        folder = os.path.join(project.ROOT, 'tests', kind)
        paths += [os.path.join(folder, name)
                  for name in build_qemu.matching(folder, r'mali-csf.*\.c')]
    return paths


def options_of(tree):
    return [f'-Dqemu_build={tree.obj}', f'-Duapi={provide_uapi()}']


def setup_arguments():
    """For a build of one's own in another folder: what follows 'meson setup' and two folders"""
    return ['--cross-file', CROSS_FILE, *options_of(build_qemu.from_environment())]


def build(tree):
    """Build what has changed; quick when nothing has."""
    options = options_of(tree)
    names = '\n'.join([project.MESON_BUILD] + options + inputs())
    stamp = os.path.join(project.MESON_BUILD, 'built')
    state = names + '\n' + project.stamp_of(inputs())
    if project.read(stamp) == state:
        return
    configured = os.path.join(project.MESON_BUILD, 'configured')
    environment = host_packages.environment()
    if project.read(configured) != names:
        # A new or removed file: meson lists files when it configures.
        arguments = ['meson', 'setup', project.MESON_BUILD, project.ROOT,
                     '--cross-file', CROSS_FILE, *options]
        # meson remembers absolute paths: a folder that was moved is built anew.
        if project.read(configured).startswith(project.MESON_BUILD + '\n'):
            arguments.append('--reconfigure')
        else:
            shutil.rmtree(project.MESON_BUILD, ignore_errors=True)
        project.say('configuring the guest programs')
        project.command(arguments, env=environment)
        project.write(configured, names)
    project.say('building the guest programs')
    project.command(['ninja', '-C', project.MESON_BUILD],
                    os.path.join(project.BUILD, 'log/guest-programs.log'), env=environment)
    for name in DISAS:
        build_qemu.link(os.path.relpath(os.path.join(project.MESON_BUILD, name), project.BUILD),
                        os.path.join(project.BUILD, os.path.basename(name)))
    project.write(stamp, state)


def main():
    project.take_arguments(__doc__, {})
    host_packages.provide()
    with project.Lock():
        build(build_qemu.from_environment())
    return project.PASS


if __name__ == '__main__':
    project.run_main(main)
