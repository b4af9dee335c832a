# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs of stock that are kept for the next patch, since nothing in them depends on a patch.

build/lane/stock/<key> has what a run has left that check_patch.py reads.  The key is a hash of
everything that such a run is made of, and of the scripts that read it.
"""

import os
import shutil
import time

from malicsf import project
from malicsf.build import initramfs
from malicsf.lane import sides
from malicsf.run import run_guest

FOLDER = os.path.join(project.BUILD, 'lane/stock')
FILES = ('result.json', 'console.log', run_guest.DEVICE_LOG)
# Of others, those that were used last
MOST = 16
SCRIPTS = os.path.join(project.ROOT, 'scripts/malicsf')


def key(prepared, module, tests, settings):
    """What a run of stock is known by.

    prepared: as run_guest.prepare() returns it; module: the path of stock's; tests: as for TESTS=
    """
    tree, kernel, archives = prepared
    scripts = [path for path in project.files_below(os.path.join(SCRIPTS, 'lane'),
                                                    os.path.join(SCRIPTS, 'run'),
                                                    os.path.join(project.ROOT, 'configs'))
               if path.endswith(('.py', '.toml'))]
    expected = [path for folder in (os.path.join(project.ROOT, 'tests/guest/expectations'),
                                    settings.expectations) if folder
                for path in project.files_below(folder)]
    digest = project.digest_of_files(tree.binary, kernel.image, module, *archives,
                                     initramfs.PROGRAMS, *scripts, *expected)
    about = settings.about() | {'tests': tests, 'cpu': settings.cpu, 'kernel': kernel.version}
    digest.update(repr(sorted(about.items())).encode())
    return f'{kernel.label}-{digest.hexdigest()[:12]}'


def find(name, tests):
    """The Run with a key, or None"""
    folder = os.path.join(FOLDER, name)
    if not os.path.exists(os.path.join(folder, FILES[0])):
        return None
    run = sides.Run('stock', folder, tests)
    ended = time.localtime(os.path.getmtime(os.path.join(folder, FILES[0])))
    run.kept = f'a run of {time.strftime("%-d %B, %H:%M", ended)}'
    try:
        run.collect()
    except project.Stop:
        # Damaged: it is as if it were not there.
        shutil.rmtree(folder, ignore_errors=True)
        return None
    # It was used now.
    os.utime(folder)
    return run


def keep(folder, name):
    """Keep what a run has left in a folder; of two at the same time the first one counts."""
    new = os.path.join(FOLDER, f'{name}.{os.getpid()}.new')
    try:
        os.makedirs(new, exist_ok=True)
        for file in FILES:
            shutil.copy(os.path.join(folder, file), new)
        os.rename(new, os.path.join(FOLDER, name))
    except OSError:
        # It is there already, or the disk has no room for it.
        shutil.rmtree(new, ignore_errors=True)
        return
    folders = sorted((row for row in os.scandir(FOLDER) if row.is_dir()),
                     key=lambda row: row.stat().st_mtime)
    for row in folders[:-MOST]:
        shutil.rmtree(row.path, ignore_errors=True)
