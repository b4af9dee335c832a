# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU with the device model in it.

The source is Debian's package of the series, or a copy of QEMU_SRC.  The
project's folders are linked into it and patches/qemu-<series>/ applied.
"""

import hashlib
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys

from malicsf import archive, host_packages, project
from malicsf.project import Stop
from malicsf.settings import SETTINGS

PATCHES = os.path.join(project.ROOT, 'patches')
# (link in QEMU's tree, what it points at, pattern of the names in it)
FOLDER_LINKS = ['hw/gpu', 'include/hw/gpu']
FILE_LINKS = [('tests/qtest', r'mali-csf.*\.c'), ('tests/qtest/libqos', r'mali-csf.*\.[ch](\.inc)?'),
              ('tests/unit', r'mali-csf.*\.c'), ('qapi', r'mali-csf\.json'),
              ('configs/devices/aarch64-softmmu', r'mali-csf\.mak')]
# Folders of QEMU_SRC that are no sources
NOT_COPIED = {'.git', 'build'}


class Tree:
    """A QEMU source tree, the folder it is built in and what is built there."""

    def __init__(self, series=None, source=None, compiler=None, extra=()):
        self.extra = list(extra)        # arguments of configure
        self.config = project.config('qemu')
        self.source = os.path.abspath(source) if source else None
        if self.source:
            series = series_of(self.source)
        self.series = series or self.config['default']
        if self.series not in self.config['series']:
            raise project.usage(f'QEMU series {self.series} is not supported; '
                                f'supported: {supported()}')
        name = 'qemu-' + self.series
        if self.source:
            name += '-' + digest(self.source)
        self.folder = os.path.join(project.BUILD, name)
        self.src = os.path.join(self.folder, 'src')
        self.compiler = compiler
        self.obj = os.path.join(self.folder, 'obj' + (
            '-' + os.path.basename(compiler).replace(' ', '-') if compiler else '') + (
                '-' + digest(shlex.join(extra)) if extra else ''))
        self.binary = os.path.join(self.obj, 'qemu-system-aarch64')

    def version(self):
        return project.read(os.path.join(self.src, 'VERSION')).strip()

    def tests(self, kind):
        """Names of the test programs of a kind ('qtest' or 'unit')."""
        folder = os.path.join(project.ROOT, 'tests', kind)
        return [name[:-2] for name in matching(folder, r'mali-csf.*\.c')]


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def supported():
    return ', '.join(sorted(project.config('qemu')['series']))


def series_of(source):
    version = project.read(os.path.join(source, 'VERSION')).strip()
    if not version:
        raise project.usage(f'QEMU_SRC={source} is not a QEMU source tree: it has no file VERSION')
    series = '.'.join(version.split('.')[:2])
    if series not in project.config('qemu')['series']:
        raise project.usage(f'QEMU_SRC={source} is QEMU {version}; supported series: {supported()}')
    return series


def matching(folder, pattern):
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name for name in names if re.fullmatch(pattern, name))


def unpack_source(tree):
    suites = tree.config['series'][tree.series]['suites']

    def find():
        for suite in suites:
            versions = [version for version in archive.source_versions(suite, 'qemu')
                        if re.match(r'(\d+:)?' + re.escape(tree.series) + r'\.', version)]
            if versions:
                return archive.fetch_source(suite, 'qemu', archive.newest(versions))
        raise Stop(f'QEMU {tree.series} is UNAVAILABLE: no source package in {", ".join(suites)}')

    unpacked = os.path.join(tree.folder, 'unpacked')
    version = project.read(unpacked)
    if version and os.path.exists(tree.src) and not SETTINGS.is_on('UPDATE'):
        return
    row, = archive.remembered(f'qemu-{tree.series}', find)
    if version == row['version'] and os.path.exists(tree.src):
        return
    project.require_disk(project.config('host')['disk'])
    project.say(f'unpacking QEMU {row["version"]}')
    shutil.rmtree(tree.folder, ignore_errors=True)
    os.makedirs(tree.folder)
    # apt has verified the files against the archive's signature.
    project.command(['dpkg-source', '--no-check', '--no-copy', '-x', archive.path_of(row),
                     tree.src])
    project.write(unpacked, row['version'])


def source_files(source):
    """Names of the files and of the symbolic links of a source tree, those to folders too."""
    for parent, folders, names in os.walk(source):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in names + links:
            path = os.path.relpath(os.path.join(parent, name), source)
            if path.split(os.sep)[0] not in NOT_COPIED:
                yield path


def copy_source(tree):
    """Bring our copy of QEMU_SRC up to date; the user's tree is never changed."""
    listed = {}
    for name in source_files(tree.source):
        status = os.lstat(os.path.join(tree.source, name))
        listed[name] = f'{status.st_size} {status.st_mtime_ns}'
    stamp = os.path.join(tree.folder, 'copied')
    before = dict(re.findall(r'^(.+)\t(\d+ \d+)$', project.read(stamp), re.M))
    if listed == before:
        return
    project.say(f'copying {tree.source}')
    reverse_patches(tree)
    for name in before.keys() - listed.keys():
        if os.path.lexists(os.path.join(tree.src, name)):
            os.remove(os.path.join(tree.src, name))
    for name, state in listed.items():
        if before.get(name) != state:
            path = os.path.join(tree.src, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.lexists(path):
                os.remove(path)
            shutil.copy2(os.path.join(tree.source, name), path, follow_symlinks=False)
    project.write(stamp, ''.join(f'{name}\t{state}\n' for name, state in listed.items()))


def patch(tree, path, *options):
    return subprocess.run(['patch', '-p1', '-F0', '--batch', '--no-backup-if-mismatch',
                           '--reject-file=-', *options, '-i', path], cwd=tree.src,
                          capture_output=True, text=True, check=False)


def applied_folder(tree):
    return os.path.join(tree.folder, 'applied')


def reverse_patches(tree, kept=()):
    """Take back what is applied, but for patches with these names, which are the first ones."""
    folder = applied_folder(tree)
    for name in reversed(matching(folder, r'.*\.patch')):
        path = os.path.join(folder, name)
        if name in kept:
            break
        result = patch(tree, path, '-R')
        if result.returncode:
            raise Stop(f'{name} cannot be taken back from {tree.src}: remove {tree.folder} '
                       'and build again', project.FAIL)
        os.remove(path)


def apply_patches(tree):
    """Apply the series' patches; leave the tree alone if they are applied."""
    folder = os.path.join(PATCHES, 'qemu-' + tree.series)
    wanted = {name: project.read(os.path.join(folder, name))
              for name in matching(folder, r'.*\.patch')}
    applied = {name: project.read(os.path.join(applied_folder(tree), name))
               for name in matching(applied_folder(tree), r'.*\.patch')}
    if wanted == applied:
        return
    # What a patch touches is built anew.
    kept = [name for (name, _), _ in itertools.takewhile(
        lambda pair: pair[0] == pair[1], zip(wanted.items(), applied.items()))]
    reverse_patches(tree, kept)
    for name, text in list(wanted.items())[len(kept):]:
        path = os.path.join(folder, name)
        result = patch(tree, path, '--dry-run')
        if result.returncode:
            file, hunk = 'unknown file', 'unknown hunk'
            for line in result.stdout.splitlines():
                file = (re.match(r'(?:checking|patching) file (\S+)', line) or [0, file])[1]
                found = re.match(r'Hunk #(\d+) FAILED at (\d+)', line)
                if found:
                    hunk = f'hunk {found[1]} at line {found[2]}'
                    break
            else:
                hunk = (result.stdout.strip().splitlines() or ['no reason given'])[-1]
            raise Stop(f'{os.path.relpath(path, project.ROOT)} does not apply to QEMU '
                       f'{tree.version()}: {file}, {hunk}', project.FAIL)
        patch(tree, path)
        project.write(os.path.join(applied_folder(tree), name), text)


def link(target, path):
    if os.path.islink(path) and os.readlink(path) == target:
        return
    if os.path.lexists(path):
        os.remove(path)
    os.symlink(target, path)


def link_overlay(tree):
    """Link our folders and tests into QEMU's tree, and list the tests there."""
    for name in FOLDER_LINKS:
        path = os.path.join(tree.src, name)
        link(os.path.relpath(os.path.join(project.ROOT, name), os.path.dirname(path)), path)
    for folder, pattern in FILE_LINKS:
        ours, theirs = os.path.join(project.ROOT, folder), os.path.join(tree.src, folder)
        names = matching(ours, pattern)
        for name in matching(theirs, pattern):
            if name not in names:
                os.remove(os.path.join(theirs, name))
        for name in names:
            link(os.path.relpath(os.path.join(ours, name), theirs), os.path.join(theirs, name))
    for kind in ('qtest', 'unit'):
        folder = os.path.join(tree.src, 'tests', kind)
        names = matching(folder, r'mali-csf.*\.c')
        names += ['libqos/' + name for name in matching(os.path.join(folder, 'libqos'),
                                                        r'mali-csf.*\.c')] if kind == 'qtest' else []
        project.write(os.path.join(folder, 'mali-csf-sources'),
                      ''.join(name + '\n' for name in names))


def configure_arguments(tree):
    arguments = list(tree.config['configure'])
    arguments.append('--firmwarepath=' + ':'.join(tree.config['firmware']))
    if tree.compiler:
        arguments.append('--cc=' + tree.compiler)
    return arguments + tree.extra


def python_modules(tree):
    """Folders of Python modules that this series wants and the host's release may lack."""
    packages = tree.config['series'][tree.series].get('python', {})
    return [host_packages.unpacked_python(name, suite) for name, suite in packages.items()]


def configure(tree):
    arguments = configure_arguments(tree)
    stamp = os.path.join(tree.obj, 'configured')
    # meson remembers absolute paths: a folder that was moved is built anew.
    wanted = '\n'.join([tree.obj, *arguments])
    if project.read(stamp) == wanted and os.path.exists(os.path.join(tree.obj, 'build.ninja')):
        return
    project.require_disk(project.config('host')['disk'])
    use = f'qemu-{tree.series}'
    if use in project.config('host')['packages_with']:
        host_packages.provide_for(use, f'QEMU {tree.series}')
    modules = python_modules(tree)
    # It fetches what this host lacks, and says so.
    environment = host_packages.environment(modules)
    project.say(f'configuring QEMU {tree.version()}')
    shutil.rmtree(tree.obj, ignore_errors=True)
    os.makedirs(tree.obj)
    project.command(['../src/configure', *arguments],
                    os.path.join(tree.folder, 'configure.log'), cwd=tree.obj, env=environment)
    # A QEMU that is run from where it was built looks for all paths below this.
    for folder in tree.config['firmware']:
        path = os.path.join(tree.obj, 'qemu-bundle', folder.lstrip('/'))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        link(folder, path)
    # ninja runs meson again when a meson.build changes, also for a person who
    # calls ninja without our environment.
    if host_packages.python_path():
        modules.insert(0, host_packages.python_path())
    if modules:
        lib = os.path.join(tree.obj, 'pyvenv', 'lib')
        for python in os.listdir(lib):
            project.write(os.path.join(lib, python, 'site-packages', 'meson.pth'),
                          ''.join(folder + '\n' for folder in modules))
    project.write(stamp, wanted)


def run_ninja(tree, targets):
    log = os.path.join(tree.folder, 'build.log')
    project.say(f'building QEMU {tree.version()}')
    progress = project.Progress(f'building QEMU {tree.version()}')
    environment = dict(host_packages.environment(), NINJA_STATUS='[%f/%t] ')
    with subprocess.Popen(['ninja', '-C', tree.obj, *targets], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors='replace', env=environment) as process, \
            open(log, 'w', encoding='utf-8') as file:
        failed = None
        for line in process.stdout:
            file.write(line)
            step = re.match(r'\[(\d+)/(\d+)\] ', line)
            if step:
                progress.step(int(step[1]), int(step[2]))
            if failed is None and line.startswith('FAILED: '):
                failed = []
            if failed is not None and len(failed) < 40 and not step:
                failed.append(line)
        status = process.wait()
    if status:
        if failed is None:
            failed = project.read(log).splitlines(True)[-20:]
        sys.stderr.write(''.join(failed))
        raise Stop(f'the build of QEMU {tree.version()} failed{project.no_room()}; everything it '
                   f'said is in {log}', project.FAIL)


def inputs(tree):
    """Every file of ours that goes into the build."""
    folders = [os.path.join(project.ROOT, name) for name in FOLDER_LINKS]
    folders.append(os.path.join(PATCHES, 'qemu-' + tree.series))
    paths = list(project.files_below(*folders))
    for folder, pattern in FILE_LINKS:
        ours = os.path.join(project.ROOT, folder)
        paths += [os.path.join(ours, name) for name in matching(ours, pattern)]
    return paths + [os.path.join(project.ROOT, 'configs', 'qemu.toml')]


def build(tree, tests=False):
    """Build what has changed; quick when nothing has."""
    stamp = os.path.join(tree.obj, 'built-tests' if tests else 'built')
    sources = '\n'.join(configure_arguments(tree)) + '\n' + project.stamp_of(inputs(tree))
    if os.path.exists(tree.binary) and not tree.source and not SETTINGS.is_on('UPDATE') and \
            project.read(stamp) == sources + project.stamp_of([tree.binary]):
        return tree
    if not os.path.isdir(os.path.join(project.ROOT, 'hw/gpu/mali-csf')):
        raise Stop('hw/gpu/mali-csf is missing: this is not a whole checkout')
    if tree.source:
        copy_source(tree)
    else:
        unpack_source(tree)
    apply_patches(tree)
    link_overlay(tree)
    configure(tree)
    targets = ['qemu-system-aarch64']
    if tests:
        targets += ['tests/qtest/' + name for name in tree.tests('qtest')]
        targets += ['tests/unit/' + name for name in tree.tests('unit')]
    run_ninja(tree, targets)
    project.write(stamp, sources + project.stamp_of([tree.binary]))
    return tree


def from_environment():
    """The tree that QEMU_SRC, QEMU_SERIES, CC and QEMU_CONFIGURE ask for."""
    compiler = SETTINGS.text('CC')
    words = compiler.split()
    if words and not shutil.which(words[0]):
        raise project.usage(f'CC={compiler}: there is no program {words[0]}')
    try:
        extra = shlex.split(SETTINGS.text('QEMU_CONFIGURE'))
    except ValueError as error:
        raise project.usage(f'QEMU_CONFIGURE: {error}') from error
    return Tree(SETTINGS.text('QEMU_SERIES'), SETTINGS.text('QEMU_SRC'), compiler, extra)


def main():
    parser = SETTINGS.parser(__doc__, 'build-qemu')
    parser.add_argument('--tests', action='store_true', help='build the qtests and unit tests too')
    options = parser.parse_args()
    host_packages.provide()
    with project.Lock():
        tree = build(from_environment(), options.tests)
    project.say(f'QEMU {tree.version()}: {os.path.relpath(tree.binary, project.ROOT)}')
    return project.PASS
