# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's kernel: one of Debian's archive, or a person's own.

KERNEL is a series with an optional flavour (7.3, 6.12, 7.3-16k, 7.3-rt), the
path of an image together with MODULES, the folder of its modules, or a kernel
tree in which "make Image modules" was done for arm64.  With DEBUG a kernel is
built from the source of a series.
"""

import lzma
import os
import re
import struct
import subprocess
import tempfile
import zlib

from malicsf import archive, host_packages, project
from malicsf.build import debug_kernel
from malicsf.project import Stop
from malicsf.settings import SETTINGS

KERNELS = os.path.join(project.BUILD, 'kernel')
SERIES = re.compile(r'(\d+\.\d+)(?:-(16k|rt|cloud))?')
# linux-image-<version>: Debian's name for a flavour comes before or after "arm64"
FLAVOURS = {None: 'arm64', '16k': 'arm64-16k', 'rt': 'rt-arm64', 'cloud': 'cloud-arm64'}
PARTS = ['image', 'binary', 'modules', 'base']
IMAGE_IN_TREE = 'arch/arm64/boot/Image'
# Of an image or a module, uncompressed; the largest with all of KASAN have a fifth
MAX_IMAGE = 1 << 30


class Kernel:
    """image: an uncompressed Image; modules: folder of the modules or None.

    tree: the kernel tree that it was built in, if KERNEL named one or DEBUG asked for one
    """

    def __init__(self, label, version, image, modules, options, inputs, tree=None):
        self.label, self.version, self.image = label, version, image
        self.modules, self.options, self.inputs = modules, options, inputs
        self.tree = tree
        self.series = tuple(int(number) for number in version.split('.')[:2])
        self.series_name = '{}.{}'.format(*self.series)
        self.is_own = label.startswith(('own-', 'tree-'))


# -- the archive's kernels

def image_packages(suite, series, flavour):
    pattern = rf'image-({re.escape(series)}\.\d+[^-]*-{FLAVOURS[flavour]})'
    return archive.binary_packages(suite, 'linux-', pattern)


def series_of(suite):
    """{(major, minor)} of the kernels of a suite"""
    names = archive.binary_packages(suite, 'linux-image-', r'\d+\.\d+\.\d+[^-]*-arm64')
    return {tuple(int(number) for number in name.split('-')[2].split('+')[0].split('.'))[:2]
            for name in names}


def newest_series():
    suite = project.config('guest')['kernel_suites'][0]
    found = series_of(suite)
    if not found:
        raise Stop(f'no kernel in {suite}')
    return '{}.{}'.format(*max(found))


def find_in_archive(series, flavour):
    suites = project.config('guest')['kernel_suites']
    label = series + (f'-{flavour}' if flavour else '')
    for suite in suites:
        images = image_packages(suite, series, flavour)
        if not images:
            continue
        newest = archive.newest(images.values())
        version = max(name for name in images if images[name] == newest)[len('linux-image-'):]
        parts = archive.binary_packages(
            suite, 'linux-', f'({"|".join(PARTS)})-{re.escape(version)}')
        if len(set(parts.values())) != 1:
            raise Stop(f'kernel {label} is UNAVAILABLE: the packages of {version} in {suite} are '
                       f'of different versions: {", ".join(sorted(set(parts.values())))}')
        return archive.fetch_binary(suite, dict(sorted(parts.items())))
    raise Stop(f'kernel {label} is UNAVAILABLE: no such kernel in {", ".join(suites)}; '
               'there are images of '
               + ', '.join('{}.{}'.format(*number) for number in sorted(
                   {number for suite in suites for number in series_of(suite)})))


def packages_of(label, series, flavour):
    """The rows of a kernel's packages, which are fetched"""
    return archive.remembered(f'kernel-{label}', lambda: find_in_archive(series, flavour))


def from_archive(series, flavour):
    label = series + (f'-{flavour}' if flavour else '')
    rows = packages_of(label, series, flavour)
    version = next(row['name'] for row in rows if row['name'].startswith('linux-image-'))
    version = version[len('linux-image-'):]
    folder = os.path.join(KERNELS, f'{version}_{rows[0]["version"]}')
    if not os.path.exists(folder):
        project.say(f'unpacking kernel {version}')
        archive.unpack(rows, folder)
    modules = first_existing(os.path.join(folder, 'usr/lib/modules', version),
                             os.path.join(folder, 'lib/modules', version))
    image = first_existing(os.path.join(folder, 'boot', f'vmlinuz-{version}'),
                           modules and os.path.join(modules, 'vmlinuz'))
    if not image or not modules:
        raise Stop(f'kernel {label} is UNAVAILABLE: the packages of {version} hold no '
                   + ('modules' if image else 'image'))
    config = first_existing(os.path.join(folder, 'boot', f'config-{version}'),
                            os.path.join(modules, 'config'))
    options = parse_options(project.read(config)) if config else None
    raw = raw_image(image, os.path.join(folder, 'Image'))
    return Kernel(label, version, raw, modules, options, [image])


def first_existing(*paths):
    return next((path for path in paths if path and os.path.exists(path)), None)


# -- a person's own kernel

def decompress(data, name):
    """An uncompressed arm64 Image from any of the forms that kernels come in."""
    if data[:2] == b'MZ' and data[4:8] == b'zimg':
        # EFI zboot: drivers/firmware/efi/libstub/zboot-header.S
        offset, size = struct.unpack_from('<II', data, 8)
        data = data[offset:offset + size]
    if data[:2] == b'\x1f\x8b':
        data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, MAX_IMAGE + 1)
    elif data[:6] == b'\xfd7zXZ\0':
        data = lzma.LZMADecompressor().decompress(data, MAX_IMAGE + 1)
    elif data[:3] == b'\x5d\0\0':
        data = lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(data, MAX_IMAGE + 1)
    elif data[:4] == b'\x28\xb5\x2f\xfd':
        data = zstd(data, name)
    refuse_large(len(data), name)
    if data[0x38:0x3c] != b'ARM\x64':
        raise project.usage(f'{name} is not an arm64 kernel image (Image, Image.gz, Image.xz, '
                            'Image.zst or vmlinuz.efi)')
    return data


def refuse_large(size, name):
    if size > MAX_IMAGE:
        raise project.usage(f'{name} is larger than {MAX_IMAGE >> 20} MiB, and no kernel or module')


def zstd(data, name):
    # zboot appends the payload's size to the frame, which zstd calls garbage.
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        with subprocess.Popen(['zstd', '-dcq'], stdin=file, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            found = process.stdout.read(MAX_IMAGE + 1)
            if len(found) > MAX_IMAGE:
                process.kill()
            said = process.stderr.read().decode('utf-8', 'replace').strip()
    refuse_large(len(found), name)
    if not found:
        raise project.usage(f'{name}: zstd: {said or "nothing in it"}')
    return found


def raw_image(path, copy):
    """Path of the uncompressed image: the file itself, or a copy made once."""
    try:
        refuse_large(os.path.getsize(path), path)
        with open(path, 'rb') as file:
            head = file.read(64)
            if head[0x38:0x3c] == b'ARM\x64' and head[4:8] != b'zimg':
                return path
            if os.path.exists(copy) and os.path.getmtime(copy) >= os.path.getmtime(path):
                return copy
            data = decompress(head + file.read(), path)
    except (zlib.error, lzma.LZMAError, struct.error) as error:
        raise project.usage(f'{path} is damaged: {error}') from error
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    with project.naming(copy + '.new'), open(copy + '.new', 'wb') as file:
        file.write(data)
    os.replace(copy + '.new', copy)
    return copy


def parse_options(text):
    """{option: 'y' | 'm' | value} without the CONFIG_ prefix, or None."""
    options = dict(re.findall(r'^CONFIG_(\w+)=(.*)$', text, re.M))
    return options or None


def embedded_options(data):
    """CONFIG_IKCONFIG's copy inside an image or configs.ko."""
    start = data.find(b'IKCFG_ST\x1f\x8b')
    if start < 0:
        return None
    text = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data[start + 8:])
    return parse_options(text.decode('utf-8', 'replace'))


def find_options(image_path, image, version, modules):
    """The configuration, wherever it can be found beside or in the kernel."""
    folder = os.path.dirname(os.path.abspath(image_path))
    for path in (os.path.join(folder, f'config-{version}'), os.path.join(folder, '.config'),
                 modules and os.path.join(modules, 'config'),
                 modules and os.path.join(modules, 'build/.config'),
                 # KERNEL=tree/arch/arm64/boot/Image
                 os.path.join(folder, '../../../.config')):
        if path and os.path.isfile(path):
            return parse_options(project.read(path)), os.path.normpath(path)
    options = embedded_options(image)
    if options:
        return options, image_path
    for path in project.files_below(os.path.join(modules, 'kernel/kernel')) if modules else []:
        if os.path.basename(path).startswith('configs.ko'):
            return embedded_options(read_module(path)), path
    return None, None


def modules_folder(path, version):
    """The folder with the modules of exactly that version."""
    if not os.path.isdir(path):
        raise project.usage(f'MODULES={path}: no such folder')
    for candidate in (os.path.join(path, 'lib/modules', version),
                      os.path.join(path, 'usr/lib/modules', version),
                      os.path.join(path, version), path):
        if os.path.isdir(os.path.join(candidate, 'kernel')) and \
                os.path.basename(os.path.realpath(candidate)) == version:
            return candidate
    found = sorted(name for folder in (path, path + '/lib/modules', path + '/usr/lib/modules')
                   if os.path.isdir(folder) for name in os.listdir(folder)
                   if os.path.isdir(os.path.join(folder, name, 'kernel')))
    if os.path.isdir(os.path.join(path, 'kernel')):
        found.append(os.path.basename(os.path.realpath(path)))
    raise project.usage(f'MODULES={path} has no modules of kernel {version}; '
                        f'it has those of: {", ".join(found) or "none"}')


def own_kernel(path, modules_path):
    if not os.path.isfile(path):
        raise project.usage(f'KERNEL={path}: no such file')
    path = os.path.abspath(path)
    label = 'own-' + re.sub(r'[^\w.+-]', '_', os.path.basename(path))
    copy = os.path.join(KERNELS, f'own-{zlib.crc32(path.encode()):08x}', 'Image')
    raw = raw_image(path, copy)
    with open(raw, 'rb') as file:
        image = file.read()
    banner = re.search(rb'Linux version (\d+\.\d+[!-~]{0,100}) ', image)
    if not banner:
        raise project.usage(f'{path} is not a Linux kernel: it has no version banner, or one that '
                            'is no text')
    version = banner[1].decode()
    modules = modules_folder(modules_path, version) if modules_path else None
    options, where = find_options(path, image, version, modules)
    check_options(options, where, version, modules)
    if options is None and modules is None and b'arm,mali-valhall-csf' not in image:
        raise project.usage(f'kernel {version} has no panthor built in; if it is a module, '
                            'give MODULES=<folder of its modules>')
    return Kernel(label, version, raw, modules, options, [path])


def tree_kernel(path, label=''):
    """A kernel in the tree where it was built: a person's own, unless it has a label."""
    tree = os.path.abspath(path)
    release = os.path.join(tree, 'include/config/kernel.release')
    image = os.path.join(tree, IMAGE_IN_TREE)
    for part in (release, image):
        if not os.path.isfile(part):
            raise project.usage(f'KERNEL={path} is no kernel tree built for arm64: it has no '
                                f'{os.path.relpath(part, tree)}; there: make ARCH=arm64 '
                                'CROSS_COMPILE=aarch64-linux-gnu- Image modules')
    version = project.read(release).strip()
    if not re.fullmatch(r'\d+\.\d+[!-~]{0,100}', version):
        raise project.usage(f'{release} names no version of a kernel: build the tree again')
    config = os.path.join(tree, '.config')
    options = parse_options(project.read(config))
    check_options(options, config, version, tree)
    label = label or 'tree-' + re.sub(r'[^\w.+-]', '_', os.path.basename(tree))
    return Kernel(label, version, image, tree, options, [image], tree)


def debug_kernel_of(series, flavour, words):
    """The archive's kernel of a series, built anew with its own checkers."""
    if flavour:
        raise project.usage(f'DEBUG= goes with a series such as {series}, not with one of its '
                            'flavours')
    row = packages_of(series, series, None)[0]
    return tree_kernel(debug_kernel.provide(row['suite'], series, row['version'], words),
                       '-'.join((series, *words)))


def check_options(options, where, version, modules):
    if options is None:
        return
    needed = project.config('guest')['kernel_options']
    for name in needed['y'] + needed['m']:
        value = options.get(name)
        if name in needed['y'] and value != 'y':
            raise project.usage(f'kernel {version} lacks CONFIG_{name}=y ({where})')
        if value not in ('y', 'm'):
            what = 'kernel without panthor: ' if name == 'DRM_PANTHOR' else ''
            raise project.usage(f'{what}kernel {version} lacks CONFIG_{name} ({where})')
        if value == 'm' and modules is None:
            raise project.usage(f'kernel {version} has CONFIG_{name}=m: '
                                'give MODULES=<folder of its modules>')


# -- modules

def read_module(path):
    """Contents of a module, uncompressed."""
    try:
        refuse_large(os.path.getsize(path), path)
        with open(path, 'rb') as file:
            data = file.read()
        if path.endswith('.xz'):
            data = lzma.LZMADecompressor().decompress(data, MAX_IMAGE + 1)
        elif path.endswith('.gz'):
            data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, MAX_IMAGE + 1)
        elif path.endswith('.zst'):
            data = zstd(data, path)
    except FileNotFoundError as error:
        raise project.usage(f'{path}: no such file; modules.dep names it') from error
    except (zlib.error, lzma.LZMAError) as error:
        raise project.usage(f'{path} is damaged: {error}') from error
    refuse_large(len(data), path)
    return data


def module_name(path):
    return os.path.basename(path).split('.ko')[0].replace('-', '_')


class Modules:
    """The modules of a folder: where each is and which it needs."""

    def __init__(self, folder):
        self.paths, self.needed = {}, {}
        dep = os.path.join(folder, 'modules.dep')
        if os.path.exists(dep):
            for line in project.read(dep).splitlines():
                file, _, rest = line.partition(':')
                self.paths[module_name(file)] = os.path.join(folder, file)
                self.needed[module_name(file)] = [module_name(name) for name in rest.split()]
        else:
            # depmod makes modules.dep when a kernel is installed; packages
            # and "make modules_install" trees may be without it.
            for path in project.files_below(folder):
                if '.ko' in os.path.basename(path):
                    self.paths[module_name(path)] = path
        self.built_in = {module_name(line) for line in
                         project.read(os.path.join(folder, 'modules.builtin')).splitlines()}

    def needs(self, name):
        """Names of the modules that one needs, and of those it wants first."""
        info = b'\0' + read_module(self.paths[name])
        depends = re.search(rb'\0depends=([^\0]*)', info)
        hard = self.needed.get(name)
        if hard is None:
            hard = [module_name(word) for word in os.fsdecode(depends[1]).split(',')
                    if word] if depends else []
        soft = [module_name(word) for line in re.findall(rb'\0softdep=([^\0]*)', info)
                for word in os.fsdecode(line).partition('pre:')[2].partition('post:')[0].split()]
        return hard, soft


def modules_to_load(kernel, panthor_ko=None, userland=False):
    """[(name, path, names it needs)] of the modules, each after those that it needs.

    userland: also those of the disk that it is on
    """
    if kernel.modules is None:
        if panthor_ko:
            raise project.usage('PANTHOR_KO needs a kernel with panthor as a module')
        return []
    modules = Modules(kernel.modules)
    order = []

    def add(name, optional):
        if name in modules.built_in or any(name == listed for listed, _, _ in order):
            return
        if name not in modules.paths:
            if optional or (kernel.options or {}).get('REGULATOR_FIXED_VOLTAGE') == 'y' \
                    and name == 'fixed':
                return
            if name == 'panthor':
                raise project.usage(f'kernel without panthor: {kernel.version} has neither '
                                    'a module nor a built-in driver of that name')
            raise project.usage(f'kernel {kernel.version} lacks the module {name}')
        hard, soft = modules.needs(name)
        for wanted in soft:
            add(wanted, True)
        for wanted in hard:
            add(wanted, False)
        order.append((name, modules.paths[name], hard))

    for name in project.config('guest')['modules']['load']:
        add(name, False)
    for name in project.config('guest')['modules']['optional']:
        add(name, True)
    for name in project.config('guest')['modules']['userland'] if userland else []:
        add(name, False)
    if panthor_ko:
        check_panthor_ko(panthor_ko, kernel)
        order = [(name, panthor_ko if name == 'panthor' else path, hard)
                 for name, path, hard in order]
    return order


def check_panthor_ko(path, kernel):
    if not os.path.isfile(path):
        raise project.usage(f'PANTHOR_KO={path}: no such file')
    found = re.search(rb'\0vermagic=(\S+)', b'\0' + read_module(path))
    built_for = found[1].decode('utf-8', 'backslashreplace') if found else 'no kernel at all'
    if built_for != kernel.version:
        raise project.usage(f'PANTHOR_KO={path} is built for {built_for}, '
                            f'the kernel is {kernel.version}')


def check_name(wanted, variable='KERNEL'):
    """Stop if it cannot be a kernel; whether the archive has the series is not asked."""
    if os.path.exists(wanted):
        return
    if '/' in wanted:
        raise project.usage(f'{variable}={wanted}: no such file')
    if wanted and not SERIES.fullmatch(wanted):
        raise project.usage(f'{variable}={wanted} is neither a file, nor a kernel tree, nor a '
                            'series such as 7.3, 6.12, 7.3-16k or 7.3-rt')


def from_environment():
    """The kernel that KERNEL and MODULES ask for."""
    wanted, modules = SETTINGS.text('KERNEL'), SETTINGS.text('MODULES')
    check_name(wanted)
    debug = debug_kernel.wanted()
    if debug and (modules or os.path.exists(wanted)):
        raise project.usage('DEBUG= goes with a series of the archive, such as KERNEL=7.3')
    if os.path.isdir(wanted):
        if modules:
            raise project.usage('MODULES does not go with KERNEL=<kernel tree>, which has them')
        return tree_kernel(wanted)
    if wanted and os.path.exists(wanted):
        return own_kernel(wanted, modules)
    if modules:
        raise project.usage('MODULES goes with KERNEL=<path of an image>')
    if not wanted:
        wanted = archive_default()
    if debug:
        return debug_kernel_of(*SERIES.fullmatch(wanted).groups(), debug)
    return from_archive(*SERIES.fullmatch(wanted).groups())


def archive_default():
    path = os.path.join(project.CACHE, 'newest-kernel')
    series = project.read(path).strip()
    if not SERIES.fullmatch(series) or SETTINGS.is_on('UPDATE'):
        series = newest_series()
        project.write(path, series + '\n')
    return series


def main():
    SETTINGS.parser(__doc__, 'guest-kernel').parse_args()
    host_packages.provide()
    with project.Lock():
        kernel = from_environment()
    project.say(f'{kernel.label}: {kernel.version}')
    for _, path, _ in modules_to_load(kernel):
        project.say(path)
    return project.PASS
