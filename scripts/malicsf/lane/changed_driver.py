# SPDX-License-Identifier: GPL-2.0-or-later
"""What the checks share that change panthor by a table, row by row, and boot it."""

import fnmatch
import json

from malicsf import host_packages, project
from malicsf.build import build_guest, build_panthor, build_qemu, guest_kernel
from malicsf.settings import SETTINGS

# Rows at a time: most of a run is waiting for what hangs
AT_ONCE = 2
# A check chooses them for each row.
REFUSED = ('KERNEL', 'MODULES', 'PANTHOR_KO', 'GDB', 'NAME', 'STRICT', 'COUNT', 'TESTS')


def choose(rows, variable, table, check, kernel, refused=()):
    """The rows whose id the variable names, by patterns; all if it is not set.

    table: the file that has them, for the error; check, kernel: what refuses REFUSED and
    refused, and for which Linux it is
    """
    SETTINGS.refuse((*REFUSED, *refused),
                    f'{check}, which is about Linux {kernel}; {variable}= chooses')
    wanted = SETTINGS.words(variable)
    for word in wanted:
        if not any(fnmatch.fnmatch(row['id'], word) for row in rows):
            raise project.usage(f'{variable}={word} is not in {table}')
    return [row for row in rows
            if not wanted or any(fnmatch.fnmatch(row['id'], word) for word in wanted)]


def provide(kernel):
    """(tree of QEMU, Builder of that kernel's driver), both built, the driver as it is."""
    project.require_host()
    SETTINGS.set(KERNEL=kernel)
    host_packages.provide()
    with project.Lock():
        tree = build_qemu.from_environment()
        build_qemu.build(tree)
        build_guest.build(tree)
        builder = build_panthor.Builder(guest_kernel.from_environment())
        builder.stock()
    return tree, builder


def earlier(path, stamp):
    """What an earlier run has written to a file of JSON; {} if its stamp was another one.

    AGAIN=1 has nothing count that is there.
    """
    found = json.loads(project.read(path, '{}'))
    return found if found.get('stamp') == stamp and not SETTINGS.is_on('AGAIN') else {}
