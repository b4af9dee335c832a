# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel of the archive that checks itself: DEBUG=kasan,lockdep.

It is as small as it can be, from the source of the archive's kernel: allnoconfig, with
configs/debug/base.config and a file there for each word.  It is built once.
"""

import os
import re
import shutil
import subprocess
import sys

from malicsf import host_packages, project
from malicsf.build import kernel_source
from malicsf.project import say, Stop
from malicsf.settings import debug_kinds, SETTINGS

FOLDER = os.path.join(project.BUILD, 'debug')
CONFIGS = os.path.join(project.ROOT, 'configs/debug')
COMPILER = 'aarch64-linux-gnu-gcc'
# Large, and of nothing that is built; their Kconfig files are read
LEFT_OUT = ['Documentation/*/*.rst', 'drivers/net/*/*.[chS]', 'drivers/media/*.[chS]',
            'drivers/gpu/drm/amd/*.[chS]', 'drivers/gpu/drm/i915/*.[chS]',
            'drivers/gpu/drm/nouveau/*.[chS]', 'drivers/gpu/drm/xe/*.[chS]',
            'drivers/scsi/*.[chS]', 'drivers/infiniband/*.[chS]', 'drivers/staging/*.[chS]',
            'sound/*.[chS]', 'tools/testing/*.[chS]', 'arch/arm64/boot/dts/*.dts*']
ERRORS_SHOWN = 20


def wanted():
    """The words that DEBUG= has; Stop if one is none"""
    words = SETTINGS.words('DEBUG')
    for word in words:
        if word not in debug_kinds():
            raise project.usage(f'DEBUG={word} is none of: {", ".join(debug_kinds())}')
    return sorted(set(words))


def slack():
    """What the time-outs of a kernel of DEBUG= are multiplied by, unless SLACK= says"""
    factors = project.config('guest')['debug']['slack']
    return max([factors.get(word, 1) for word in wanted()], default=1)


def programs():
    """Guest programs that only a kernel of DEBUG= can run"""
    table = project.config('guest')['debug']['programs']
    return [table[word] for word in wanted() if word in table]


def fragment(name):
    return os.path.join(CONFIGS, f'{name}.config')


def fragments(words):
    return [fragment(name) for name in ('base', *words)]


def run_make(source, folder, log, *targets):
    """(exit code, lines that say an error); says now and then how many files are compiled"""
    compiled, errors = 0, []
    with subprocess.Popen(
            ['make', '-C', source, f'O={folder}', *kernel_source.FOR_ARM64,
             f'-j{os.cpu_count()}', *targets], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors='replace',
            env=SETTINGS.environment_of_kbuild(
                KCONFIG_ALLCONFIG=os.path.join(folder, 'all.config'))) as process, \
            open(log, 'a', encoding='utf-8') as file:
        progress = project.Progress('building the kernel', unit='files')
        for line in process.stdout:
            file.write(line)
            compiled += bool(re.match(r'\s+(CC|AS|LD) ', line))
            progress.step(compiled)
            if re.search(r' error: |\*\*\*', line):
                errors.append(line)
        status = process.wait()
    return status, errors[:ERRORS_SHOWN]


def configure(source, folder, words, log):
    """Write .config, and see that it has what was asked for"""
    asked = ''.join(project.read(path) for path in fragments(words))
    asked += 'CONFIG_LOCALVERSION="-' + '-'.join(words) + '"\n'
    project.write(os.path.join(folder, 'all.config'), asked)
    status, errors = run_make(source, folder, log, 'allnoconfig')
    if status:
        sys.stderr.write(''.join(errors))
        raise Stop(f'the kernel of DEBUG={",".join(words)} cannot be configured'
                   f'{project.no_room()}; everything that was said is in {log}')
    have = set(project.read(os.path.join(folder, '.config')).splitlines())
    needed = project.config('guest')['kernel_options']
    for name in needed['y'] + needed['m']:
        if not have & {f'CONFIG_{name}={value}' for value in 'ym'}:
            raise Stop(f'{fragment("base")} gives this kernel no CONFIG_{name}')
    for word in words:
        for line in project.read(fragment(word)).splitlines():
            if line.startswith('CONFIG_') and line not in have:
                raise project.usage(f'DEBUG={",".join(words)}: this kernel has no {line}, or not '
                                    'beside the others (kasan and kcsan exclude each other)')


def provide(suite, series, version, words):
    """The folder in which the kernel is built, as "make O=" leaves one

    suite, version: of the archive's kernel of that series
    """
    host_packages.provide_for('debug', f'DEBUG={",".join(words)}')
    row = kernel_source.fetch(suite, series, version)
    source = os.path.join(FOLDER, f'linux-{version}')
    folder = os.path.join(FOLDER, f'{version}_{"-".join(words)}')
    if not os.path.exists(source):
        say(f'unpacking the source of Linux {version}')
        kernel_source.unpack(row, source, [], LEFT_OUT)
    built, begun = (os.path.join(folder, name) for name in ('built', 'begun'))
    state = project.digest_of_files(*fragments(words)).hexdigest() + '\n' + subprocess.run(
        [COMPILER, '--version'], capture_output=True, text=True, check=True).stdout
    if project.read(built) == state:
        return folder
    log = os.path.join(folder, 'build.log')
    say(f'building Linux {version} with {", ".join(words)}, once; on two processors it takes a '
        'quarter of an hour')
    if project.read(begun) != state:
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        configure(source, folder, words, log)
        project.write(begun, state)
    status, errors = run_make(source, folder, log, 'Image', 'modules')
    if status:
        sys.stderr.write(''.join(errors))
        raise Stop(f'Linux {version} with {", ".join(words)} does not build{project.no_room()}; '
                   f'everything that was said is in {log}')
    project.write(built, state)
    return folder
