# SPDX-License-Identifier: GPL-2.0-or-later
"""What gdb begins with, for GDB=1: symbols of the kernel and of panthor, and breakpoints.

QEMU stops before the first instruction, where nothing is mapped: so all breakpoints are
those of the "hardware", which QEMU sets by address.  Where panthor is loaded is known
when the kernel gets to do_init_module(): a breakpoint there has gdb load its symbols.
"""

import os
import shutil
import subprocess

from malicsf import archive, project
from malicsf.build import guest_kernel
from malicsf.project import say

DEBUG = os.path.join(project.BUILD, 'debug')
# Addresses are those of vmlinux.
KERNEL_ARGS = 'nokaslr'
FUNCTION = 'panthor_vm_lock_region'
TARGET = 'target remote :1234'
GIB = 3                 # of disk that the symbols take, with the package that they are in


def unpack(package, folder):
    """vmlinux and panthor.ko of a -dbg package, into a folder that is complete if it exists"""
    partial = folder + '.new'
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', package],
                          stdout=subprocess.PIPE) as outer:
        result = subprocess.run(
            ['tar', '-xf', '-', '-C', partial, '--no-same-owner', '--wildcards', '*/vmlinux*',
             '*/panthor.ko*'], stdin=outer.stdout, capture_output=True, check=False)
    if result.returncode:
        raise project.Stop(f'{os.path.basename(package)} cannot be unpacked{project.no_room()}')
    os.replace(partial, folder)


def from_package(kernel):
    """The folder with the symbols of a kernel of the archive, fetched once"""
    folder = os.path.join(DEBUG, kernel.version)
    if os.path.exists(folder):
        return folder
    row = archive.read_index()[f'kernel-{kernel.label}'][0]
    name = f'linux-image-{kernel.version}-dbg'
    found = archive.binary_packages(row['suite'], name, '')
    if found.get(name) != row['version']:
        raise project.Stop(f'{name} {row["version"]} is UNAVAILABLE in {row["suite"]}')
    project.require_disk(GIB)
    say('the symbols of this kernel are in a package of 1.2 GB, which is fetched once; GDB=bare '
        'does without')
    fetched, = archive.fetch_binary(row['suite'], {name: row['version']})
    say(f'unpacking vmlinux and panthor.ko of {name}')
    unpack(archive.path_of(fetched), folder)
    os.remove(archive.path_of(fetched))
    return folder


def symbols_of(kernel, bare=False):
    """(vmlinux, panthor.ko) of a kernel, as far as they are there; bare: fetch nothing"""
    if kernel.tree:
        return (os.path.join(kernel.tree, 'vmlinux'),
                os.path.join(kernel.tree, 'drivers/gpu/drm/panthor/panthor.ko'))
    if kernel.is_own:
        # Its modules may have them, unless they are compressed.
        module = guest_kernel.Modules(kernel.modules).paths.get('panthor', '') \
            if kernel.modules else ''
        return (os.path.join(os.path.dirname(kernel.inputs[0]), 'vmlinux'),
                module if module.endswith('.ko') else '')
    if bare and not os.path.exists(os.path.join(DEBUG, kernel.version)):
        return '', ''
    try:
        paths = list(project.files_below(from_package(kernel)))
    except project.Stop as stop:
        say(f'{stop}; the debugger has no symbols of the kernel')
        return '', ''
    # vmlinux-<version> of /boot may be a link that leads out of the package's folder.
    names = {os.path.basename(path).partition('-')[0]: path for path in paths
             if os.path.exists(path)}
    return names.get('vmlinux', ''), names.get('panthor.ko', names.get('panthor.ko.debug', ''))


def symbols_of_loaded(module):
    """Lines for a machine in which panthor is loaded: it is in the kernel's list of modules."""
    return [
        'set $at = modules.next', 'while $at != &modules',
        'set $mod = (struct module *)((char *)$at - (unsigned long)&((struct module *)0)->list)',
        'if $_streq($mod->name, "panthor")',
        f'eval "add-symbol-file {module} 0x%lx", (unsigned long)$mod->mem[0].base', 'end',
        'set $at = $at->next', 'end', f'hbreak {FUNCTION}']


def commands(kernel, panthor_ko='', bare=False, loaded=False):
    """The lines of gdb.cmd

    panthor_ko: a driver in place of the kernel's, with its symbols; loaded: the machine begins
    where it is loaded
    """
    vmlinux, module = symbols_of(kernel, bare)
    module = os.path.abspath(panthor_ko) if panthor_ko else module
    lines = ['set architecture aarch64', 'set confirm off', 'set pagination off',
             'set breakpoint pending on']
    if not os.path.exists(vmlinux):
        return lines + ['# There are no symbols of the kernel: no vmlinux.', TARGET]
    if kernel.tree:
        # The kernel's own commands for gdb are lx-*; lx-symbols is for all modules.
        lines.append(f'add-auto-load-safe-path {kernel.tree}')
    lines += [f'file {vmlinux}', TARGET]
    if not os.path.exists(module):
        return lines + ['# panthor is built in, or has no symbols.', f'hbreak {FUNCTION}']
    if loaded:
        return lines + symbols_of_loaded(module)
    return lines + [
        'hbreak do_init_module if $_streq(mod->name, "panthor")', 'commands', 'silent',
        # MOD_TEXT, which begins with .text
        f'add-symbol-file {module} mod->mem[0].base', f'hbreak {FUNCTION}', 'continue', 'end',
        f'echo "continue" starts the guest; it stops in {FUNCTION}\\n']


def prepare(folder, kernel, panthor_ko='', bare=False, loaded=False):
    """Write gdb.cmd into the folder of a run, and say how to start it."""
    path = os.path.join(folder, 'gdb.cmd')
    project.write(path, '\n'.join(commands(kernel, panthor_ko, bare, loaded)) + '\n')
    say(f'QEMU waits for: gdb-multiarch -x {os.path.relpath(path)}')
