# SPDX-License-Identifier: GPL-2.0-or-later
"""Build what the top meson.build describes: guest programs, firmware, disassemblers.

GUEST names a folder with more guest programs, of the reader's own: each C file is one,
built with the library of ours.
"""

import os
import re
import shutil
import subprocess
import zlib

from malicsf import archive, host_packages, project
from malicsf.build import build_qemu, initramfs
from malicsf.settings import SETTINGS

UAPI = os.path.join(project.BUILD, 'uapi')
UAPI_HEADER = 'include/uapi/drm/panthor_drm.h'
COMPILER = 'aarch64-linux-gnu-gcc'
# As in meson.build and tests/guest/meson.build
FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-D_GNU_SOURCE', '-static', '-s', '-pthread']
# Disassemblers, by where meson builds them
DISAS = ['mali-csf-disas', 'tests/shader/mali-shader-disas']
CROSS_FILE = os.path.join(project.ROOT, 'configs/aarch64-linux-gnu.ini')


def names_in(header):
    """What a header defines: structures, constants, macros"""
    return set(re.findall(r'\b(?:DRM|drm)_\w+', re.sub(r'/\*.*?\*/', '', header, flags=re.S)))


def tree_header():
    """drm/panthor_drm.h of the kernel tree that KERNEL names, or ''"""
    tree = SETTINGS.text('KERNEL')
    if not os.path.isdir(tree):
        return ''
    # A folder of "make O=" has a link to its source.
    paths = [os.path.join(tree, *parts, UAPI_HEADER) for parts in ((), ('source',))]
    return next((path for path in paths if os.path.isfile(path)), '')


def choose_header(headers):
    """The headers with those of the patch or of the kernel tree that is tested, if any.

    An older tree lacks what our programs are written with: then it is the archive's.
    """
    patched = SETTINGS.text('PANTHOR_UAPI')
    path = patched or tree_header()
    if not path:
        return headers
    text = project.read(path)
    ours = project.read(os.path.join(headers, 'drm/panthor_drm.h'))
    if text == ours:
        return headers
    missing = sorted(names_in(ours) - names_in(text))
    if missing and not patched:
        project.say(f'{path} lacks {missing[0]}{" and more" * (len(missing) > 1)}: the guest '
                    'programs are built with the header of the archive')
        return headers
    return with_header(headers, path)


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

    With PANTHOR_UAPI, which check-patch sets, the header of a patch is among them, and
    with KERNEL=tree that of the tree.
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
    return choose_header(os.path.join(folder, 'usr/include'))


def inputs():
    paths = [os.path.join(project.ROOT, name) for name in ('meson.build', 'meson.options')]
    paths += [CROSS_FILE, os.path.join(project.ROOT, 'scripts/malicsf/build/firmware_container.py')]
    paths += project.files_below(*(os.path.join(project.ROOT, name)
                                   for name in ('tests/guest', 'tests/shader', 'include', 'tools',
                                                'hw/gpu/mali-csf/shader')))
    paths += [os.path.join(project.ROOT, name)
              for name in ('hw/gpu/mali-csf/cs/disas.c', 'hw/gpu/mali-csf/cs/table.c',
                           'tests/qtest/libqos/mali-csf-products.h.inc')]
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


def build_added():
    """The programs of GUEST, each for which something has changed."""
    folder = initramfs.added_folder()
    library = os.path.join(initramfs.GUEST_BUILD, 'libguest.a')
    headers = provide_uapi()
    ours = [os.path.join(project.ROOT, name) for name in ('tests/guest/lib', 'include')]
    used = [library, *project.files_below(*ours),
            *(path for path in project.files_below(folder) if path.endswith('.h'))]
    for name in initramfs.added_sources():
        source = os.path.join(folder, name + '.c')
        program = os.path.join(initramfs.added_build(), name)
        state = headers + '\n' + project.stamp_of([source, *used])
        if os.path.exists(program) and project.read(program + '.stamp') == state:
            continue
        project.say(f'building {os.path.relpath(source)}')
        os.makedirs(os.path.dirname(program), exist_ok=True)
        result = subprocess.run(
            [COMPILER, *FLAGS, '-isystem', headers, *(f'-I{path}' for path in [folder, *ours]),
             source, library, '-lm', '-o', program], capture_output=True, text=True,
            errors='replace', check=False)
        project.warn(result.stderr)
        if result.returncode:
            raise project.usage(f'GUEST: {os.path.relpath(source)} does not compile')
        project.write(program + '.stamp', state)


def build(tree):
    """Build what has changed; quick when nothing has."""
    build_ours(tree)
    if initramfs.added_folder():
        build_added()


def build_ours(tree):
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
    SETTINGS.parser(__doc__, 'build-guest').parse_args()
    host_packages.provide()
    with project.Lock():
        build(build_qemu.from_environment())
    return project.PASS
