# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian userland for the guest, as the image of a disk, and the programs that run in it.

configs/guest.toml names the userlands.  Each is made of packages of the
archive with all that they need, unpacked and not installed: no script of a
package runs.  The image is read-only and serves any number of guests.
"""

import hashlib
import json
import os
import shutil
import subprocess

from malicsf import archive, host_packages, project
from malicsf.build import build_guest, initramfs

SOURCES = os.path.join(project.ROOT, 'tests/guest/mesa')
LIST = os.path.join(SOURCES, 'programs')
FOLDER = os.path.join(project.BUILD, 'userland')
PROGRAMS = os.path.join(FOLDER, 'programs')
SERIAL = 'userland'     # by which the guest's init knows the disk
# Of a merged /usr, which Debian's packages expect
LINKS = ['bin', 'lib', 'sbin']
# Where the guest's init mounts something
MOUNT_POINTS = ['dev', 'proc', 'sys', 'tmp', 'tests', 'run', 'root']
# What scripts of packages would make, and a program looks for
FILES = {'etc/passwd': 'root:x:0:0:root:/tmp:/bin/sh\n', 'etc/group': 'root:x:0:\n'}
MIB = 1 << 20


def names():
    return list(project.config('guest')['userland'])


def check_name(name):
    if name and name not in names():
        raise project.usage(f'USERLAND={name} is no userland; valid: {", ".join(names())}')


def listed_programs():
    """As initramfs.rows_of(), of those that need a userland."""
    return initramfs.rows_of(LIST)


def refusal(name, model):
    """Why the programs of a userland cannot run on a model, or None."""
    if model in project.config('guest')['userland'][name]['models']:
        return None
    return f'Mesa {version(name)} of the userland {name} has no driver for {model}'


# -- the image

def find(name):
    """Fetch the packages of a userland; without the optional ones if they do not fit."""
    chosen = project.config('guest')['userland'][name]
    suite, packages, optional = chosen['suite'], chosen['packages'], chosen.get('optional', [])
    title = f'the userland {name}'
    try:
        return archive.fetch_with_needed(suite, packages + optional, title)
    except archive.NoNetwork:
        raise
    except project.Stop as stop:
        if not optional:
            raise project.Stop(f'userland {name} is UNAVAILABLE: {stop}') from stop
        project.say(f'{title} has to do without {", ".join(optional)}: {stop}')
    try:
        return archive.fetch_with_needed(suite, packages, title)
    except archive.NoNetwork:
        raise
    except project.Stop as stop:
        raise project.Stop(f'userland {name} is UNAVAILABLE: {stop}') from stop


def unpack(row, folder, rules):
    """Unpack a package, of a large one only what is used."""
    arguments = ['tar', '-x', '-C', folder, '--keep-directory-symlink', '--wildcards']
    arguments += [f'--exclude={pattern}' for pattern in rules['without']]
    arguments += rules['only'].get(row['name'], [])
    with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', archive.path_of(row)],
                          stdout=subprocess.PIPE) as package:
        result = subprocess.run(arguments, stdin=package.stdout, capture_output=True, text=True,
                                check=False)
    if result.returncode or package.returncode:
        raise project.Stop(f'{archive.path_of(row)} does not unpack{project.no_room()}: '
                           f'{result.stderr.strip()[-200:]}')


def make_root(rows, rules, folder):
    """A root file system of packages, which are unpacked and not installed."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for link in LINKS:
        os.makedirs(os.path.join(folder, 'usr', link))
        os.symlink('usr/' + link, os.path.join(folder, link))
    for name in MOUNT_POINTS:
        os.makedirs(os.path.join(folder, name))
    for row in rows:
        unpack(row, folder, rules)
    for name, text in FILES.items():
        project.write(os.path.join(folder, name), text)


def make_image(rows, rules, path):
    folder = path + '.folder'
    make_root(rows, rules, folder)
    size = sum(os.lstat(file).st_size + 4096 for file in project.files_below(folder))
    project.command(['/sbin/mke2fs', '-q', '-F', '-t', 'ext4', '-m', '0', '-O', '^has_journal',
                     '-L', SERIAL, '-E', 'root_owner=0:0', '-d', folder, path + '.new',
                     f'{(size + size // 8) // MIB + 32}M'])
    shutil.rmtree(folder)
    os.replace(path + '.new', path)


def image(name):
    """Path of the image of a userland, made again when its packages or the rules change."""
    rows = archive.remembered(f'userland-{name}', lambda: find(name))
    rules = project.config('guest')['userland_rules']
    state = json.dumps([rows, rules, LINKS, MOUNT_POINTS, FILES], sort_keys=True)
    digest = hashlib.sha256(state.encode()).hexdigest()[:12]
    path = os.path.join(FOLDER, f'{name}-{digest}.ext4')
    if not os.path.exists(path):
        project.require_disk(rules['disk'])
        project.say(f'unpacking the userland {name}')
        os.makedirs(FOLDER, exist_ok=True)
        make_image(rows, rules, path)
        for other in os.listdir(FOLDER):
            # A guest that still runs has its own open.
            if other.startswith(name + '-') and other.endswith('.ext4') and \
                    len(other) == len(os.path.basename(path)) and other != os.path.basename(path):
                os.remove(os.path.join(FOLDER, other))
    return path


def version(name, package='mesa-vulkan-drivers'):
    """The version of a package of a userland that was fetched, or ''."""
    rows = archive.read_index().get(f'userland-{name}') or []
    return next((row['version'] for row in rows if row['name'] == package), '')


# -- the programs

def headers():
    """Folder with the headers of Vulkan and OpenCL, and what programs are linked with."""
    wanted = project.config('guest')['userland_headers']

    def find_headers():
        found = {}
        for name in wanted['packages']:
            found |= archive.binary_packages(wanted['suite'], name, '')
        missing = set(wanted['packages']) - found.keys()
        if missing:
            raise project.Stop(f'{", ".join(sorted(missing))}: UNAVAILABLE in {wanted["suite"]}')
        return archive.fetch_binary(wanted['suite'], found)

    rows = archive.remembered('userland-headers', find_headers)
    digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:12]
    return archive.unpack(rows, os.path.join(FOLDER, 'headers-' + digest))


def build():
    """Build the programs of tests/guest/mesa; quick when nothing has changed."""
    folder = headers()
    inputs = [build_guest.CROSS_FILE, os.path.abspath(__file__)]
    inputs += project.files_below(SOURCES, os.path.join(project.ROOT, 'tests/guest/lib'))
    arguments = ['meson', 'setup', PROGRAMS, SOURCES, '--cross-file', build_guest.CROSS_FILE,
                 f'-Dheaders={folder}']
    listed = '\n'.join(arguments + inputs)
    state = listed + '\n' + project.stamp_of(inputs)
    stamp = os.path.join(PROGRAMS, 'built')
    if project.read(stamp) == state:
        return
    environment = host_packages.environment()
    configured = os.path.join(PROGRAMS, 'configured')
    if project.read(configured) != listed:
        shutil.rmtree(PROGRAMS, ignore_errors=True)
        project.say('configuring the programs of the userland')
        project.command(arguments, env=environment)
        project.write(configured, listed)
    project.say('building the programs of the userland')
    project.command(['ninja', '-C', PROGRAMS],
                    os.path.join(project.BUILD, 'log/userland-programs.log'), env=environment)
    project.write(stamp, state)


def tests():
    """Path of the archive with the programs of the userland."""
    found = sorted({row[0] for row in listed_programs()})
    paths = [os.path.join(PROGRAMS, name) for name in found]

    def make():
        cpio = initramfs.Cpio()
        cpio.folder('userland')
        for name, path in zip(found, paths):
            cpio.file('tests/' + name, initramfs.read_binary(path), 0o755)
        return cpio

    return initramfs.cached('userland-tests', paths, make)


def provide(name):
    """(path of the image, path of the archive with the programs)"""
    host_packages.provide_for('userland', f'USERLAND={name}')
    disk = image(name)
    build()
    return disk, tests()


def qemu_arguments(disk):
    file = disk.replace(',', ',,')
    return ['-drive', f'if=none,id={SERIAL},format=raw,readonly=on,file={file}',
            '-device', f'virtio-blk-device,drive={SERIAL},serial={SERIAL}']
