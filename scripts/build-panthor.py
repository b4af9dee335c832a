#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Build panthor.ko for a kernel of the archive, with a patch or without.

Configured by VARIABLE=value arguments or by the environment: PATCH, KERNEL.

Source, headers and build tools are those of the kernel's exact version, or of
the kernel tree that KERNEL names.  The stock module is built once and kept with
its objects, so that with a patch only what it touches is compiled.
"""

import importlib
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import zlib

import archive
import project
from project import Stop, say

guest_kernel = importlib.import_module('guest-kernel')
host_packages = importlib.import_module('host-packages')

FOLDER = os.path.join(project.BUILD, 'panthor')
DRIVER = 'drivers/gpu/drm/panthor'
COMPILER = 'aarch64-linux-gnu-gcc'
# dpkg's names of the architectures of configs/host.toml
ARCHITECTURES = {'x86_64': 'amd64', 'aarch64': 'arm64'}
# Every function that is not declared inline stays one, under its own name,
# for probes to find: in the stock module and in the patched one.
FLAGS = ['-g0', '-fno-inline-functions', '-fno-inline-small-functions',
         '-fno-inline-functions-called-once', '-fno-partial-inlining', '-fno-ipa-cp',
         '-fno-ipa-sra']
# ftrace keeps a word before each function and needs it aligned.  A compiler
# without -fmin-function-alignment only aligns functions that it does not
# believe to be cold, so it must have no opinion on that.
ALIGNMENT = 8
NOT_COLD = ['-fno-guess-branch-probability', '-fno-ipa-profile']
NOT_COLD_HEADER = '#undef __cold\n#define __cold\n'
# Files that need not be built to have their effect on a driver: none.
NOT_CODE = re.compile(r'Documentation/|MAINTAINERS$|.*\.(rst|txt|yaml|json|md)$')
REJECT_LINES = 60
# Far more than any patch of this driver has: "patch" takes its time over each hunk
MAX_PATCH, MAX_HUNKS = 16 << 20, 20000


class DoesNotBuild(Exception):
    """The patched driver does not compile or link; the text is the compiler's."""


# -- the patch

class Section:
    """What a patch does to one file."""

    def __init__(self):
        self.path, self.lines, self.hunks = None, [], 0


def name_of(line):
    """The path in a line "--- a/path" or "+++ b/path", without the first part."""
    name = line[4:].split('\t')[0].strip().strip('"')
    return None if name == '/dev/null' else name.partition('/')[2]


def sections(text):
    """The sections of a patch, of a series in one file, or of a mail."""
    found, current, old, new = [], None, 0, 0
    for line in text.splitlines(keepends=True):
        if current and (old > 0 or new > 0):
            # Inside a hunk: a removed line may look like a header.
            old -= line[:1] in ' -\n\r'
            new -= line[:1] in ' +\n\r'
            current.lines.append(line)
            continue
        hunk = re.match(r'@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@', line)
        if hunk and current and current.path:
            old, new = (int(count) if count else 1 for count in hunk.groups())
            current.hunks += 1
            current.lines.append(line)
        elif line.startswith('diff --git '):
            current = Section()
            found.append(current)
            current.lines.append(line)
        elif line.startswith('--- ') and not line.startswith('--- \n'):
            if not current or current.hunks:
                current = Section()
                found.append(current)
            current.path = name_of(line)
            current.lines.append(line)
        elif line.startswith('+++ ') and current:
            current.path = name_of(line) or current.path
            current.lines.append(line)
        elif current and not current.hunks:
            renamed = re.match(r'rename (?:from|to) (.*)', line)
            if renamed:
                current.path = renamed[1]
            current.lines.append(line)
        elif current and line.startswith('\\'):
            current.lines.append(line)
    return [section for section in found if section.path]


def read_patch(path):
    """(text of what changes the driver, what is left out) of a patch."""
    name = os.path.basename(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise project.usage(f'PATCH={path} is no regular file: write the patch to one')
        with open(path, encoding='utf-8', errors='surrogateescape', newline='') as file:
            text = file.read(MAX_PATCH + 1)
    except OSError as error:
        raise project.usage(f'PATCH={path}: {error.strerror.lower()}') from error
    if len(text) > MAX_PATCH:
        raise project.usage(f'{name} is larger than {MAX_PATCH >> 20} MiB; the whole driver is not '
                            'one')
    found = sections(text)
    if sum(section.hunks for section in found) > MAX_HUNKS:
        raise project.usage(f'{name} has more than {MAX_HUNKS} hunks; the whole driver has not '
                            'so many lines')
    if not any(section.hunks for section in found):
        raise project.usage(f'{name} is no patch: it has no "--- a/..." with "@@" behind it')
    for section in found:
        if os.path.normpath(section.path) != section.path or section.path.startswith('/'):
            raise project.usage(f'{name}: {section.path} is no path in a kernel tree')
    driver = [section for section in found if section.path.startswith(DRIVER + '/')]
    left_out = sorted({section.path for section in found} - {section.path for section in driver})
    for other in left_out:
        if not NOT_CODE.match(other):
            raise project.usage(f'{name} changes {other}; only {DRIVER} is built here, so '
                                'build the kernel and use make boot KERNEL=')
    if not driver:
        raise project.usage(f'{name} changes nothing in {DRIVER}')
    return ''.join(line for section in driver for line in section.lines), left_out


def apply_patch(path, tree, version):
    """Apply a patch to a tree; shows the rejects.  Returns the files left out."""
    text, left_out = read_patch(path)
    name = os.path.basename(path)
    result = subprocess.run(
        ['patch', '-p1', '--forward', '--batch', '--no-backup-if-mismatch'], cwd=tree,
        input=text.encode('utf-8', 'surrogateescape'), capture_output=True, check=False)
    said = result.stdout.decode('utf-8', 'replace').splitlines()
    if result.returncode == 0:
        for line in said:
            if ' with fuzz ' in line:
                say(f'{name}: {line}')
        return left_out
    if project.no_room():
        raise Stop(f'{name} cannot be applied{project.no_room()}')
    for file in project.files_below(tree):
        if file.endswith('.rej'):
            lines = project.read(file).splitlines()
            for line in lines[:REJECT_LINES]:
                print(line, file=sys.stderr)
            if len(lines) > REJECT_LINES:
                print(f'... and {len(lines) - REJECT_LINES} more lines', file=sys.stderr)
    failed, file = [], 'its file'
    for line in said:
        if line.startswith('patching file '):
            file = line[len('patching file '):].strip("'")
        hunk = re.match(r'Hunk #(\d+) (FAILED|ignored)', line)
        if hunk:
            failed.append(f'{file} hunk {hunk[1]}')
        elif 'No file to patch' in line:
            paths = dict.fromkeys(section.path for section in sections(text))
            failed += [f'there is no {path}' for path in paths
                       if not os.path.exists(os.path.join(tree, path))]
        elif re.search('previously applied|malformed|Only garbage', line):
            failed.append(line.strip().removeprefix('patch: ****').strip())
    if not failed:
        failed = (result.stderr.decode('utf-8', 'replace').strip().splitlines() or said)[-1:]
    raise project.usage(f'{name} does not apply to panthor of Linux {version}: '
                        + ', '.join(dict.fromkeys(failed)))


# -- what the archive has

def kernel_rows(kernel):
    rows = archive.read_index().get(f'kernel-{kernel.label}')
    if not rows:
        raise project.usage('a patch is tested on a kernel of the archive (KERNEL=7.3) or on a '
                            'kernel tree (KERNEL=dir); for an image, build panthor.ko and use '
                            'make boot PANTHOR_KO=')
    return rows


def exactly(suite, name, version, title):
    """Fetch one package of exactly that version."""
    found = archive.binary_packages(suite, name, '')
    if found.get(name) != version:
        have = f'has {found[name]}' if name in found else 'does not have it'
        raise Stop(f'the {title} of Linux {version} is UNAVAILABLE: {suite} {have} ({name}); '
                   'the kernel may be older than what the archive has now: make update KERNEL=...')
    return archive.fetch_binary(suite, {name: version})


class Packages:
    """Source, headers and build tools of a kernel's exact version."""

    arguments = []
    stamp = ''

    def __init__(self, kernel):
        first = kernel_rows(kernel)[0]
        suite, version = first['suite'], first['version']
        architecture = ARCHITECTURES[platform.machine()]
        tools_suite = suite if architecture == 'arm64' else f'{suite}@{architecture}'
        release, flavour = re.fullmatch(r'(.*?)-((?:rt-|cloud-)?arm64(?:-16k)?)',
                                        kernel.version).groups()
        series = '.'.join(str(number) for number in kernel.series)
        common = f'linux-headers-{release}-common'

        def find_headers():
            rt = common + '-rt'
            return (exactly(suite, f'linux-headers-{kernel.version}', version, 'headers')
                    + exactly(suite, rt if 'rt-' in flavour and
                              archive.binary_packages(suite, rt, '') else common,
                              version, 'headers')
                    + exactly(tools_suite, f'linux-kbuild-{release}', version, 'build tools'))

        self.version = version
        self.headers = archive.remembered(f'headers-{kernel.version}-{version}', find_headers)
        self.source = archive.remembered(
            f'source-{version}', lambda: exactly(suite, f'linux-source-{series}', version,
                                                 'source'))
        self.folder = os.path.join(FOLDER, f'{kernel.version}_{version}')

    def provide_source(self, folder):
        unpack_source(self, folder)

    def provide_headers(self, kernel, folder):
        return unpack_headers(self, kernel, folder)


class Tree:
    """The same from a kernel tree, in which nothing is written."""

    arguments = ['ARCH=arm64', f'CROSS_COMPILE={COMPILER.removesuffix("gcc")}']

    def __init__(self, kernel):
        if kernel.options.get('DRM_PANTHOR') != 'm':
            raise project.usage(f'{kernel.tree} has panthor built in; a patch needs '
                                'CONFIG_DRM_PANTHOR=m')
        self.tree = kernel.tree
        # A folder of "make O=" has a link to its source.
        self.driver = next((path for path in (os.path.join(self.tree, DRIVER),
                                              os.path.join(self.tree, 'source', DRIVER))
                            if os.path.exists(os.path.join(path, 'panthor_mmu.c'))), None)
        if not self.driver:
            raise project.usage(f'{kernel.tree} holds no {DRIVER}/panthor_mmu.c')
        self.sources = [path for path in project.files_below(self.driver)
                        if re.search(r'(\.[chS]|/Makefile|/Kconfig)$', path)]
        # Whatever of it changes, stock has to be built anew.
        self.stamp = project.stamp_of(self.sources + [
            path for path in (os.path.join(self.tree, name) for name in (
                'Module.symvers', '.config', guest_kernel.IMAGE_IN_TREE)) if os.path.exists(path)])
        self.folder = os.path.join(FOLDER, f'{kernel.label}-{zlib.crc32(self.tree.encode()):08x}')

    def provide_source(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        for path in self.sources:
            copy = os.path.join(folder, DRIVER, os.path.relpath(path, self.driver))
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy2(path, copy)

    def provide_headers(self, kernel, folder):
        return self.tree


def unpack_source(packages, folder):
    """Only the driver's folder of the kernel's source."""
    if os.path.exists(folder):
        return
    partial = folder + '.new'
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    say('unpacking the driver\'s source')
    package = archive.path_of(packages.source[0])
    series = packages.source[0]['name'][len('linux-source-'):]
    with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', package],
                          stdout=subprocess.PIPE) as outer, \
            subprocess.Popen(['tar', '-xOf', '-', f'./usr/src/linux-source-{series}.tar.xz'],
                             stdin=outer.stdout, stdout=subprocess.PIPE) as inner:
        result = subprocess.run(
            ['tar', '-xJf', '-', '-C', partial, '--strip-components=1',
             f'linux-source-{series}/{DRIVER}'], stdin=inner.stdout, check=False)
    if result.returncode or not os.path.exists(os.path.join(partial, DRIVER, 'panthor_mmu.c')):
        raise Stop(f'{os.path.basename(package)} holds no {DRIVER}{project.no_room()}')
    os.replace(partial, folder)


# -- the build tools on this machine

def script(path, *lines):
    """Write a shell script in place of what is there."""
    if os.path.lexists(path):
        os.remove(path)
    project.write(path, '\n'.join(('#!/bin/sh',) + lines) + '\n')
    os.chmod(path, 0o755)


def runs(program):
    """Whether this machine's C library is new enough for a program."""
    result = subprocess.run([program, '--help'], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, check=False)
    return "version `GLIBC_" not in result.stderr


def newer_libc():
    """Folder with the dynamic loader and the C library that the build tools were made for."""
    suite = project.config('guest')['busybox_suite']
    if platform.machine() == 'x86_64':
        suite += '@amd64'
    rows = archive.remembered('build-libc', lambda: archive.fetch_binary(
        suite, archive.binary_packages(suite, 'libc6', '')))
    folder = archive.unpack(rows, os.path.join(
        FOLDER, 'libc6_' + rows[0]['version'].replace(':', '_')))
    return os.path.join(folder, 'usr/lib', f'{platform.machine()}-linux-gnu')


def make_tools_run(tools):
    """Start those that need a newer C library through its own loader."""
    libraries = None
    for path in list(project.files_below(os.path.join(tools, 'scripts'))):
        if not os.stat(path).st_mode & stat.S_IXUSR:
            continue
        with open(path, 'rb') as file:
            if file.read(4) != b'\x7fELF':
                continue
        if path.endswith('/modpost') and os.path.exists(path + '.real-lsb-64'):
            # It only starts the one for the kernel's byte order and word size.
            script(path, f'exec {path}.real-lsb-64 "$@"')
            continue
        if runs(path):
            continue
        libraries = libraries or newer_libc()
        loader = next(os.path.join(libraries, name) for name in sorted(os.listdir(libraries))
                      if re.fullmatch(r'ld-linux.*\.so\.\d+', name))
        os.rename(path, path + '.elf')
        script(path, f'exec {loader} --library-path {libraries} {path}.elf "$@"')


def unpack_headers(packages, kernel, folder):
    """A folder that "make -C" builds modules against."""
    headers = os.path.join(folder, 'usr/src', f'linux-headers-{kernel.version}')
    if os.path.exists(folder):
        return headers
    say('unpacking headers and build tools')
    partial = folder + '.part'
    shutil.rmtree(partial, ignore_errors=True)
    archive.unpack(packages.headers, partial)
    # Moved before it is finished: what follows writes paths into it.
    os.replace(partial, folder + '.incomplete')
    incomplete = folder + '.incomplete'
    makefile = os.path.join(incomplete, 'usr/src', os.path.basename(headers), 'Makefile')
    project.write(makefile, project.read(makefile).replace('/usr/src/', folder + '/usr/src/'))
    os.replace(incomplete, folder)
    try:
        tools = next(os.path.join(folder, 'usr/lib', name)
                     for name in os.listdir(os.path.join(folder, 'usr/lib'))
                     if name.startswith('linux-kbuild-'))
        make_tools_run(tools)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return headers


def compiler(folder):
    """(compiler, more flags): behind a wrapper if it lacks an option that the kernel's has."""
    option = '-fmin-function-alignment'
    result = subprocess.run([COMPILER, option + '=8', '-E', '-x', 'c', '/dev/null'],
                            capture_output=True, check=False)
    if result.returncode == 0:
        return COMPILER, []
    header = os.path.join(folder, 'not-cold.h')
    project.write(header, NOT_COLD_HEADER)
    path = os.path.join(folder, 'cc')
    script(path, 'for word; do',
           '    shift',
           f'    case $word in {option}=*) word=-falign-functions=${{word#*=}};; esac',
           '    set -- "$@" "$word"',
           'done',
           f'exec {COMPILER} "$@"')
    return path, NOT_COLD + ['-include', header]


def misaligned(module):
    """Names of functions that ftrace could not patch, which is a BUG of the kernel."""
    result = subprocess.run([COMPILER.replace('gcc', 'readelf'), '-sW', module],
                            capture_output=True, text=True, check=True)
    rows = [line.split() for line in result.stdout.splitlines()]
    return [row[7] for row in rows if len(row) > 7 and row[3] == 'FUNC'
            and int(row[1], 16) % ALIGNMENT and not row[7].endswith('.cold')]


# -- building

def make(headers, arguments, tree, cc, flags, log):
    """Build the driver in a tree; (whether it worked, what was said)."""
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, 'w', encoding='utf-8') as file:
        result = subprocess.run(
            ['make', '-C', headers, f'-j{os.cpu_count()}', f'M={os.path.join(tree, DRIVER)}',
             'CONFIG_DRM_PANTHOR=m', 'CONFIG_DEBUG_INFO_BTF_MODULES=', f'CC={cc}',
             'KCFLAGS=' + ' '.join(flags), *arguments, 'modules'],
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, check=False,
            env={name: value for name, value in os.environ.items()
                 # What a surrounding make passes on is not meant for this one.
                 if name not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'KERNEL', 'MODULES')})
    return result.returncode == 0, project.read(log)


def diagnostics(text, words):
    """The compiler's lines with one of the words, as they are."""
    return list(dict.fromkeys(line for line in text.splitlines()
                              if re.search(words, line) and 'pahole' not in line))


class Builder:
    """The driver of one kernel, stock and patched."""

    def __init__(self, kernel):
        origin = Tree(kernel) if kernel.tree else Packages(kernel)
        self.kernel, self.origin = kernel, origin
        self.folder = origin.folder
        self.source = os.path.join(self.folder, 'source')
        # Every build is done in this one folder, since older kernels write
        # its path into the objects and would compile everything again.
        self.work = os.path.join(self.folder, 'work')
        self.stock_tree = os.path.join(self.folder, 'stock')
        os.makedirs(self.folder, exist_ok=True)
        origin.provide_source(self.source)
        self.headers = origin.provide_headers(kernel, os.path.join(self.folder, 'headers'))
        self.cc, flags = compiler(self.folder)
        self.flags = FLAGS + flags

    def fill_work(self, tree):
        shutil.rmtree(self.work, ignore_errors=True)
        project.command(['cp', '-a', '--reflink=auto', tree, self.work])

    def make(self, log):
        built, text = make(self.headers, self.origin.arguments, self.work, self.cc, self.flags, log)
        module = os.path.join(self.work, DRIVER, 'panthor.ko')
        if built and not os.path.exists(module):
            raise Stop(f'make left no panthor.ko in {DRIVER}; everything it said is in {log}')
        wrong = misaligned(module) if built else []
        if wrong:
            raise Stop(f'{COMPILER} did not align {", ".join(wrong[:3])}; a newer compiler is '
                       'needed')
        return built, text

    def stock(self):
        """Path of the stock module."""
        module = os.path.join(self.stock_tree, DRIVER, 'panthor.ko')
        stamp = os.path.join(self.folder, 'stock.stamp')
        state = ' '.join([self.cc, *self.flags]) + '\n' + subprocess.run(
            [COMPILER, '--version'], capture_output=True, text=True, check=True).stdout
        state += self.origin.stamp
        if project.read(stamp) == state and os.path.exists(module):
            return module
        say(f'building stock panthor for {self.kernel.version}')
        self.fill_work(self.source)
        log = os.path.join(self.folder, 'stock.log')
        built, text = self.make(log)
        if not built:
            print('\n'.join(text.splitlines()[-20:]), file=sys.stderr)
            raise Stop(f'stock panthor does not build{project.no_room()}; everything it said is '
                       f'in {log}')
        shutil.rmtree(self.stock_tree, ignore_errors=True)
        os.replace(self.work, self.stock_tree)
        project.write(stamp, state)
        return module

    def patched(self, *paths):
        """With patches, one on top of the other.

        (path of the module, warnings of the compiler, files left out of the last patch)
        """
        self.stock()
        self.fill_work(self.stock_tree)
        for path in paths:
            left_out = apply_patch(path, self.work, self.kernel.version)
        say(f'building panthor with {os.path.basename(paths[-1])}')
        name = project.short(re.sub(r'[^\w.+-]', '_', os.path.basename(paths[-1])))
        log = os.path.join(self.folder, f'{name}.log')
        built, text = self.make(log)
        if not built and project.no_room():
            raise Stop(f'panthor does not build{project.no_room()}; everything it said is in {log}')
        if not built:
            raise DoesNotBuild('\n'.join(diagnostics(text, r'error:|ERROR:|undefined')[:10]
                                         or text.splitlines()[-5:]) + f'\nall of it is in {log}')
        module = os.path.join(self.folder, f'{name}.ko')
        shutil.copyfile(os.path.join(self.work, DRIVER, 'panthor.ko'), module)
        return module, diagnostics(text, 'warning:|WARNING:'), left_out


def main():
    project.take_arguments(__doc__, {'PATCH': 'file', 'KERNEL': 'series'})
    path = os.environ.get('PATCH', '')
    if path:
        read_patch(path)
    host_packages.provide()
    with project.Lock():
        builder = Builder(guest_kernel.from_environment())
        try:
            module = builder.patched(path)[0] if path else builder.stock()
        except DoesNotBuild as error:
            print(error, file=sys.stderr)
            raise Stop(f'panthor does not build with {path}', project.FAIL) from error
    print(os.path.relpath(module, project.ROOT))
    return project.PASS


if __name__ == '__main__':
    project.run_main(main)
