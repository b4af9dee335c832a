# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's userland: cpio archives, one after the other in one file.

The first holds busybox and the kernel's modules and is made once for each
kernel; the second holds the guest programs and the firmware and is made when
one of them changes; the third is the plan of one run.
"""

import hashlib
import os
import re
import stat
import tempfile

from malicsf import archive, project
from malicsf.build import guest_kernel
from malicsf.settings import SETTINGS

INITRAMFS = os.path.join(project.BUILD, 'initramfs')
INIT = os.path.join(project.ROOT, 'tests/guest/init')
LOAD_MODULES = os.path.join(project.ROOT, 'tests/guest/load-modules')
PROGRAMS = os.path.join(project.ROOT, 'tests/guest/programs')
GUEST_BUILD = os.path.join(project.MESON_BUILD, 'tests/guest')
ADDED_SECONDS = 60      # that a program of GUEST has, unless its own list says otherwise
STRIP = 'aarch64-linux-gnu-strip'
APPLETS = ['sh', 'mount', 'insmod', 'poweroff', 'setsid', 'cttyhack']


class Cpio:
    """An archive in the format of Documentation/driver-api/early-userspace/buffer-format.rst."""

    def __init__(self):
        self.parts, self.count, self.folders = [], 0, set()

    def entry(self, name, mode, data=b'', device=(0, 0)):
        self.count += 1
        name = name.encode() + b'\0'
        fields = [self.count, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0]
        head = b'070701' + b''.join(b'%08x' % field for field in fields) + name
        self.parts += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]

    def folder(self, name):
        if name and name not in self.folders:
            self.folder(os.path.dirname(name))
            self.folders.add(name)
            self.entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        self.folder(os.path.dirname(name))
        self.entry(name, stat.S_IFREG | mode, data.encode() if isinstance(data, str) else data)

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self.entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        self.folder(os.path.dirname(name))
        self.entry(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def bytes(self):
        self.entry('TRAILER!!!', 0)
        data = b''.join(self.parts)
        return data + bytes(-len(data) % 512)


def read_binary(path):
    with open(path, 'rb') as file:
        return file.read()


def busybox():
    suite = project.config('guest')['busybox_suite']
    rows = archive.remembered('busybox', lambda: archive.fetch_binary(
        suite, archive.binary_packages(suite, 'busybox-static', '')))
    folder = archive.unpack(rows, os.path.join(
        project.BUILD, 'busybox', rows[0]['version'].replace(':', '_')))
    return next(path for path in (folder + '/bin/busybox', folder + '/usr/bin/busybox')
                if os.path.exists(path))


def cached(name, inputs, make):
    """Path of an archive, made again when one of its inputs has changed."""
    path = os.path.join(INITRAMFS, name + '.cpio')
    stamp = project.stamp_of(inputs + [os.path.abspath(__file__)])
    if not os.path.exists(path) or project.read(path + '.stamp') != stamp:
        os.makedirs(INITRAMFS, exist_ok=True)
        data = make().bytes()
        with project.naming(path + '.new'), open(path + '.new', 'wb') as file:
            file.write(data)
        os.replace(path + '.new', path)
        project.write(path + '.stamp', stamp)
    return path


def without_debug(module):
    """A module as the guest needs it: what a debugger reads stays on the host."""
    if b'.debug_info' not in module:
        return module
    with tempfile.NamedTemporaryFile(suffix='.ko') as file:
        file.write(module)
        file.flush()
        project.command([STRIP, '--strip-debug', file.name])
        return read_binary(file.name)


def add_modules(cpio, kernel, panthor_ko, userland):
    """The modules, uncompressed, with a modules.dep of their own."""
    order = guest_kernel.modules_to_load(kernel, panthor_ko, userland)
    files = {name: f'kernel/{name}.ko' for name, _, _ in order}
    folder = f'lib/modules/{kernel.version}'
    for name, path, _ in order:
        cpio.file(f'{folder}/{files[name]}', without_debug(guest_kernel.read_module(path)))
    cpio.file(f'{folder}/modules.dep', ''.join(
        ' '.join([files[name] + ':'] + [files[wanted] for wanted in hard if wanted in files])
        + '\n' for name, _, hard in order))
    cpio.file('lib/modules/load', ''.join(f'/{folder}/{file}\n' for file in files.values()))


def base(kernel, panthor_ko=None, userland=False):
    """busybox, /init and the modules, with those of a userland's disk if wanted."""
    program = busybox()

    def make():
        cpio = Cpio()
        for name in ('proc', 'sys', 'dev', 'tmp', 'bin', 'etc', 'root'):
            cpio.folder(name)
        # The kernel opens it before /init can mount devtmpfs.
        cpio.device('dev/console', 5, 1)
        cpio.file('bin/busybox', read_binary(program), 0o755)
        for applet in APPLETS:
            cpio.link('bin/' + applet, 'busybox')
        cpio.link('sbin', 'bin')
        cpio.file('init', read_binary(INIT), 0o755)
        cpio.file('load-modules', read_binary(LOAD_MODULES), 0o755)
        add_modules(cpio, kernel, panthor_ko, userland)
        return cpio

    inputs = kernel.inputs + [program, INIT, LOAD_MODULES,
                              os.path.join(project.ROOT, 'configs/guest.toml')]
    inputs += [guest_kernel.__file__]
    if panthor_ko:
        # Said here and not in make(): the file may have been built for another kernel.
        guest_kernel.modules_to_load(kernel, panthor_ko, userland)
        inputs.append(os.path.abspath(panthor_ko))
    name = kernel.label + ('-' + digest(os.path.abspath(panthor_ko)) if panthor_ko else '')
    if kernel.label.startswith('own-'):
        name += '-' + digest(f'{kernel.inputs} {kernel.modules}')
    name += '-userland' if userland else ''
    return cached(name, inputs, make)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def firmware(wanted):
    """Folder that holds arm/mali/."""
    if wanted in ('', 'own'):
        return project.MESON_BUILD
    if wanted == 'distro':
        guest = project.config('guest')

        def find():
            for suite in guest['firmware_suites']:
                found = archive.binary_packages(suite, guest['firmware_package'], '',
                                                'non-free-firmware')
                if found:
                    return archive.fetch_binary(suite, found, 'non-free-firmware')
            raise project.Stop(f'{guest["firmware_package"]} is UNAVAILABLE')

        rows = archive.remembered('firmware', find)
        folder = archive.unpack(rows, os.path.join(project.BUILD, 'firmware', rows[0]['version']))
        return next(path for path in (folder + '/usr/lib/firmware', folder + '/lib/firmware')
                    if os.path.isdir(path))
    if not os.path.isdir(wanted):
        raise project.usage(f'FIRMWARE={wanted} is no folder; valid: own, distro, or a folder '
                            'that holds arm/mali/arch<major>.<minor>/mali_csffw.bin')
    if not os.path.isdir(os.path.join(wanted, 'arm/mali')):
        raise project.usage(f'FIRMWARE={wanted} does not hold '
                            'arm/mali/arch<major>.<minor>/mali_csffw.bin')
    return os.path.abspath(wanted)


def added_folder():
    """The folder with more programs that GUEST names, or ''"""
    folder = SETTINGS.text('GUEST')
    if folder and not os.path.isdir(folder):
        raise project.usage(f'GUEST={folder} is no folder')
    return os.path.abspath(folder) if folder else ''


def added_build():
    """Where they are built"""
    folder = added_folder()
    return os.path.join(project.BUILD, 'guest', digest(folder)) if folder else ''


def added_sources():
    """Names of the programs of GUEST: its C files"""
    folder = added_folder()
    names = sorted(name[:-2] for name in os.listdir(folder)
                   if re.fullmatch(r'[\w-]+\.c', name)) if folder else []
    ours = [name for name in names
            if os.path.exists(os.path.join(project.ROOT, 'tests/guest', name + '.c'))]
    if folder and not names:
        raise project.usage(f'GUEST={SETTINGS.text("GUEST")} holds no C file')
    if ours:
        raise project.usage(f'GUEST={SETTINGS.text("GUEST")}: {ours[0]} is a program of tests/guest; '
                            'give it another name')
    return names


def added_programs():
    """Rows of the programs of GUEST: those of its own list "programs", and the other ones"""
    sources = added_sources()
    path = os.path.join(added_folder(), 'programs')
    rows = rows_of(path) if sources and os.path.exists(path) else []
    unknown = [row[0] for row in rows if row[0] not in sources]
    if unknown:
        raise project.usage(f'{path}: {unknown[0]} has no C file beside it')
    listed = {row[0] for row in rows}
    return rows + [(name, 'quick', ADDED_SECONDS, '') for name in sources if name not in listed]


def listed_programs():
    """Rows of tests/guest/programs, and of the programs of GUEST."""
    return rows_of(PROGRAMS) + added_programs()


def path_of(name):
    """Where a program is built"""
    added = os.path.join(added_build(), name)
    return added if added_folder() and name in added_sources() else os.path.join(GUEST_BUILD, name)


def rows_of(path):
    """[(name, class, seconds, argument)] of a list of programs"""
    rows = []
    for line in project.read(path).splitlines():
        words = line.split('#')[0].split()
        if words and (len(words) < 3 or not re.fullmatch(r'[1-9]\d{0,5}', words[2], re.A)):
            raise project.usage(f'{os.path.relpath(path)}: "{line.strip()}" is not: name, class, '
                                'seconds, and perhaps an argument')
        if words:
            rows.append((words[0], words[1], int(words[2]), ' '.join(words[3:])))
    return rows


def programs():
    """Those of the listed programs that are built."""
    return [row for row in listed_programs() if os.path.exists(path_of(row[0]))]


def tests(firmware_folder):
    """The guest programs and the firmware."""
    names = sorted({row[0] for row in programs()})
    files = [os.path.realpath(path) for path in
             project.files_below(os.path.join(firmware_folder, 'arm/mali'))]
    paths = [os.path.join(GUEST_BUILD, 'runner')] + [path_of(name) for name in names]

    def make():
        cpio = Cpio()
        cpio.file('runner', read_binary(paths[0]), 0o755)
        for name, path in zip(names, paths[1:]):
            cpio.file('tests/' + name, read_binary(path), 0o755)
        for path in project.files_below(os.path.join(firmware_folder, 'arm/mali')):
            # The distribution has one file under several names, as links.
            cpio.file('lib/firmware/' + os.path.relpath(path, firmware_folder), read_binary(path))
        return cpio

    name = 'tests' if firmware_folder == project.MESON_BUILD else 'tests-' + digest(firmware_folder)
    name += '-' + digest(added_folder()) if added_folder() else ''
    return cached(name, paths + files, make)


def image(kernel):
    """The kernel itself, for a program that starts it again."""
    def make():
        cpio = Cpio()
        cpio.file('kexec/Image', read_binary(kernel.image))
        return cpio

    return cached('image-' + kernel.label + '-' + digest(kernel.image), [kernel.image], make)


def write(path, archives, plan=None, igt_skips=None):
    """The initrd of one run.  Without a plan the guest gives a shell."""
    cpio = Cpio()
    if plan is None:
        cpio.file('shell', '')
    else:
        cpio.file('plan', plan)
    if igt_skips:
        cpio.file('igt/skips', ''.join(pattern + '\n' for pattern in igt_skips))
    with project.naming(path), open(path, 'wb') as file:
        for name in archives:
            file.write(read_binary(name))
        file.write(cpio.bytes())
