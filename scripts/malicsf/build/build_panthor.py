# SPDX-License-Identifier: GPL-2.0-or-later
"""Build panthor.ko for a kernel of the archive, with a patch or without.

Configured by VARIABLE=value arguments or by the environment: PATCH, KERNEL.

Source, headers and build tools are those of the kernel's exact version, or of
the kernel tree that KERNEL names.  The stock module is built once and kept with
its objects, so that with a patch only what it touches is compiled.
"""

import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import zlib

from malicsf import archive, host_packages, project
from malicsf.build import guest_kernel, kernel_source, patches
from malicsf.build.kernel_source import exactly
from malicsf.build.patches import DRIVER, UAPI
from malicsf.project import say, Stop
from malicsf.settings import SETTINGS

FOLDER = os.path.join(project.BUILD, 'panthor')
COMPILER = 'aarch64-linux-gnu-gcc'
# dpkg's names of the architectures of configs/host.toml
ARCHITECTURES = {'x86_64': 'amd64', 'aarch64': 'arm64'}
# Every function that is not declared inline stays one, under its own name,
# for probes to find: in the stock module and in the patched one.
FLAGS = ['-fno-inline-functions', '-fno-inline-small-functions',
         '-fno-inline-functions-called-once', '-fno-partial-inlining', '-fno-ipa-cp',
         '-fno-ipa-sra',
         # The archive's kernels have INIT_STACK_ALL_ZERO, with which a variable that
         # is never set looks right.
         '-ftrivial-auto-var-init=pattern']
# ftrace keeps a word before each function and needs it aligned.  A compiler
# without -fmin-function-alignment only aligns functions that it does not
# believe to be cold, so it must have no opinion on that.
ALIGNMENT = 8
NOT_COLD = ['-fno-guess-branch-probability', '-fno-ipa-profile']
NOT_COLD_HEADER = '#undef __cold\n#define __cold\n'
# Linked into stock and patched, so that guest programs can have calls left out
ADDED = [os.path.join(project.ROOT, 'tests/kernel', name)
         for name in ('skip_call.c', 'fail_call.c')]
REJECT_LINES = 60
SHOWN_LINES = 20        # of a file, beside a reject


class DoesNotBuild(Exception):
    """The patched driver does not compile or link; the text is the compiler's."""


# -- the patch

def show_reject(path, tree):
    """What could not be applied, and what the file has in its place."""
    lines = project.read(path).splitlines()
    for line in lines[:REJECT_LINES]:
        print(line, file=sys.stderr)
    if len(lines) > REJECT_LINES:
        print(f'... and {len(lines) - REJECT_LINES} more lines', file=sys.stderr)
    file = path.removesuffix('.rej')
    there = project.read(file).splitlines()
    for line in lines[:REJECT_LINES]:
        hunk = re.match(r'@@ -(\d+)(?:,(\d+))? ', line)
        if hunk and there:
            first = max(int(hunk[1]) - 1, 0)
            print(f'{os.path.relpath(file, tree)} has there:', file=sys.stderr)
            for number, text in enumerate(there[first:first + min(int(hunk[2] or 1), SHOWN_LINES)],
                                          first + 1):
                print(f'{number:6} {text}', file=sys.stderr)


def apply_patch(patch, tree, version):
    """Apply a Patch to a tree; says with what fuzz and offsets, and shows the rejects."""
    if patch.problem:
        raise project.usage(f'{patch.name}: {patch.problem}')
    if not patch.text:
        return
    result = subprocess.run(
        ['patch', '-p1', '--forward', '--batch', '--no-backup-if-mismatch'], cwd=tree,
        input=patch.text.encode('utf-8', 'surrogateescape'), capture_output=True, check=False)
    said = result.stdout.decode('utf-8', 'replace').splitlines()
    file, failed, moved = 'its file', [], []
    for line in said:
        hunk = re.match(r'Hunk #(\d+) (FAILED|ignored)', line)
        if line.startswith('patching file '):
            file = line[len('patching file '):].strip("'")
        elif hunk:
            failed.append(f'{file} hunk {hunk[1]}')
        elif ' with fuzz ' in line or '(offset ' in line:
            moved.append(f'{patch.name}: {os.path.basename(file)}: {line.strip()}')
        elif 'No file to patch' in line:
            paths = dict.fromkeys(section.path for section in patches.sections(patch.text))
            failed += [f'there is no {path}' for path in paths
                       if not os.path.exists(os.path.join(tree, path))]
        elif re.search('previously applied|malformed|Only garbage', line):
            failed.append(line.strip().removeprefix('patch: ****').strip())
    for line in moved:
        say(line)
    if result.returncode == 0:
        return
    if project.no_room():
        raise Stop(f'{patch.name} cannot be applied{project.no_room()}')
    for path in project.files_below(tree):
        if path.endswith('.rej'):
            show_reject(path, tree)
    if not failed:
        failed = (result.stderr.decode('utf-8', 'replace').strip().splitlines() or said)[-1:]
    raise project.usage(f'{patch.name} does not apply to panthor of Linux {version}: '
                        + ', '.join(dict.fromkeys(failed)))


# -- what the archive has

def kernel_rows(kernel):
    rows = archive.read_index().get(f'kernel-{kernel.label}')
    if not rows:
        raise project.usage('a patch is tested on a kernel of the archive (KERNEL=7.3) or on a '
                            'kernel tree (KERNEL=dir); for an image, build panthor.ko and use '
                            'make boot PANTHOR_KO=')
    return rows


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
        self.source = kernel_source.fetch(suite, series, version)
        self.folder = os.path.join(FOLDER, f'{kernel.version}_{version}')

    def provide_source(self, folder):
        """Of the source only the driver's folder, and that of its uAPI header"""
        if not os.path.exists(os.path.join(folder, UAPI)):
            say('unpacking the driver\'s source')
            shutil.rmtree(folder, ignore_errors=True)
            kernel_source.unpack(self.source, folder, [DRIVER, os.path.dirname(UAPI)])

    def provide_headers(self, kernel, folder):
        return unpack_headers(self, kernel, folder)


class Tree:
    """The same from a kernel tree, in which nothing is written."""

    arguments = kernel_source.FOR_ARM64

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
        # The top of the source, where the uAPI header is, too
        self.top = self.driver.removesuffix(DRIVER)
        self.sources = [path for path in project.files_below(
            self.driver, os.path.join(self.top, os.path.dirname(UAPI)))
                        if re.search(r'(\.[chS]|/Makefile|/Kconfig)$', path)]
        # Whatever of it changes, stock has to be built anew.
        self.stamp = project.stamp_of(self.sources + [
            path for path in (os.path.join(self.tree, name) for name in (
                'Module.symvers', '.config', guest_kernel.IMAGE_IN_TREE)) if os.path.exists(path)])
        self.folder = os.path.join(FOLDER, f'{kernel.label}-{zlib.crc32(self.tree.encode()):08x}')

    def provide_source(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        for path in self.sources:
            copy = os.path.join(folder, os.path.relpath(path, self.top))
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy2(path, copy)

    def provide_headers(self, kernel, folder):
        return self.tree


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
             # Kbuild adds them to panthor-y
             'panthor-objs=' + ' '.join(
                 os.path.basename(path).replace('.c', '.o') for path in ADDED),
             # Before the kernel's own folders: the uAPI of a patch
             'NOSTDINC_FLAGS=-nostdinc ' + ' '.join(
                 '-I' + os.path.join(tree, name) for name in ('include', 'include/uapi')),
             'KCFLAGS=' + ' '.join(flags), *arguments, 'modules'],
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, check=False,
            env=SETTINGS.environment_of_kbuild())
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
        for path in ADDED:
            shutil.copy2(path, os.path.join(self.work, DRIVER))
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
        state += UAPI + self.origin.stamp + project.stamp_of(ADDED)
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

    def patched_uapi(self):
        """Path of the uAPI header that the last patched() was built with; '' if it is stock's."""
        path = os.path.join(self.work, UAPI)
        stock = project.read(os.path.join(self.stock_tree, UAPI))
        return '' if project.read(path) == stock else path

    def patched(self, series):
        """With Patches, one on top of the other: (path of the module, warnings of the compiler)."""
        self.stock()
        self.fill_work(self.stock_tree)
        for patch in series:
            apply_patch(patch, self.work, self.kernel.version)
        say(f'building panthor with {series[-1].name}')
        name = project.short(re.sub(r'[^\w.+-]', '_', series[-1].name))
        log = os.path.join(self.folder, f'{name}.log')
        built, text = self.make(log)
        if not built and project.no_room():
            raise Stop(f'panthor does not build{project.no_room()}; everything it said is in {log}')
        if not built:
            raise DoesNotBuild('\n'.join(diagnostics(text, r'error:|ERROR:|undefined')[:10]
                                         or text.splitlines()[-5:]) + f'\nall of it is in {log}')
        module = os.path.join(self.folder, f'{name}.ko')
        shutil.copyfile(os.path.join(self.work, DRIVER, 'panthor.ko'), module)
        return module, diagnostics(text, 'warning:|WARNING:')


def main():
    SETTINGS.parser(__doc__, 'build-panthor').parse_args()
    path = SETTINGS.text('PATCH')
    series = patches.read(path, SETTINGS.text('GIT')) if path else []
    host_packages.provide()
    with project.Lock():
        builder = Builder(guest_kernel.from_environment())
        try:
            module = builder.patched(series)[0] if any(series) else builder.stock()
        except DoesNotBuild as error:
            print(error, file=sys.stderr)
            raise Stop(f'panthor does not build with {path}', project.FAIL) from error
    print(os.path.relpath(module, project.ROOT))
    return project.PASS
