# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the lane tell right ways to write a patch from wrong ones?

Each row of tests/kernel/expansions.toml, or of another table there, TABLE=, is a
variant of the patch or series that the table names: edits of the driver as that
leaves it, and the verdict that is due.  It is built and booted, and judged as make
check-patch judges a patch, against one boot of stock.  Of a variant that is
condemned, a reason must have one of the names that the row gives.

VARIANT= chooses some, by name or pattern.  A row whose driver, programs, QEMU and
text are the same as when it was last run is not run again; AGAIN=1 does.

Exit codes: 0 all as the table says, 1 not, 2 usage, 125 cannot test.
"""

import concurrent.futures
import copy
import fnmatch
import json
import os
import shutil
import threading
import time
import tomllib

from malicsf import project
from malicsf.build import build_panthor, patches
from malicsf.lane import changed_driver, check_fixes, check_patch, one_stock, verdict
from malicsf.project import say
from malicsf.run import run_guest
from malicsf.settings import SETTINGS

TABLES = ('expansions', 'protected')
# Of edits that do not say which
FILE = 'panthor_mmu.c'
NO_BUILD = 'does not build'


def path_of(name):
    return os.path.join(check_patch.PATCHES, name + '.toml')


def folder_of(name):
    """Where modules, logs and results of a table are"""
    return os.path.join(project.BUILD, name)


def load(name='expansions'):
    with open(path_of(name), 'rb') as file:
        table = tomllib.load(file)
    for row in table['variant']:
        row['edit'] = [{'file': FILE, **edit} for edit in row.get('edit', [])]
    return table


class Variants:
    """The driver with the patch and the edits of a row on top."""

    def __init__(self, builder, patch, name='expansions'):
        """name: that of the table"""
        self.name, self.folder = name, folder_of(name)
        self.building = threading.Lock()
        self.builder = copy.copy(builder)
        self.builder.work = f'{builder.work}-{name}'
        self.builder.fill_work(builder.stock_tree)
        for found in patches.read(patch):
            build_panthor.apply_patch(found, self.builder.work, builder.kernel.version)
        self.path = os.path.join(self.builder.work, build_panthor.DRIVER)
        self.patched = {name: project.read(os.path.join(self.path, name))
                        for name in os.listdir(self.path) if name.endswith(('.c', '.h'))}

    def texts(self, row):
        """{file: text} of all the driver's files"""
        changed = check_fixes.take_out(row, lambda path: self.patched[os.path.basename(path)],
                                       self.name + '.toml')
        return self.patched | {os.path.basename(path): text for path, text in changed.items()}

    def build(self, row):
        """Path of the module, or None if it does not compile."""
        for name, text in self.texts(row).items():
            path = os.path.join(self.path, name)
            if project.read(path) != text:
                project.write(path, text)
        built, _ = self.builder.make(os.path.join(self.folder, row['id'] + '-build.log'))
        if not built:
            return None
        module = os.path.join(self.folder, row['id'] + '.ko')
        shutil.copyfile(os.path.join(self.path, 'panthor.ko'), module)
        return module


def is_right(row, result, reasons):
    if result != row['verdict']:
        return False
    return result == verdict.PASS or any(
        fnmatch.fnmatch(reason, pattern) for reason in reasons for pattern in row['named'])


def shown(row, result, reasons):
    """The reason that has the right name, or the first"""
    if result == verdict.PASS:
        return row['title']
    return next((reason for reason in reasons if is_right(row, result, [reason])),
                (reasons or [''])[0])


def outcome(row, variants, lane, stamp):
    """(verdict, reasons) of a row, as it was the last time if nothing has changed"""
    path = os.path.join(variants.folder, row['id'])
    stamp = json.dumps([stamp, row, variants.texts(row)], sort_keys=True)
    earlier = changed_driver.earlier(path + '.json', stamp)
    if earlier:
        return earlier['verdict'], earlier['reasons']
    with variants.building:
        module = variants.build(row)
    if not module:
        return NO_BUILD, [f'see {path}-build.log']
    result, reasons, _ = lane.judge(row['id'], module, path + '.log')
    project.write(path + '.json',
                  json.dumps({'stamp': stamp, 'verdict': result, 'reasons': reasons}))
    return result, reasons


def set_up(table):
    """For the runs: what the table says of all its rows"""
    SETTINGS.set(TESTS=table['tests'])
    if 'model' in table:
        SETTINGS.set(MODEL=table['model'])


def main():
    SETTINGS.parser(__doc__, 'check-expansions').parse_args()
    name = SETTINGS.text('TABLE') or TABLES[0]
    if name not in TABLES:
        raise project.usage(f'TABLE={name}: it is one of {", ".join(TABLES)}')
    table = load(name)
    rows = changed_driver.choose(table['variant'], 'VARIANT', f'tests/kernel/{name}.toml',
                                 'check-expansions', table['kernel'],
                                 ('MODEL', 'KERNEL_ARGS'))
    SETTINGS.refuse_other_runs('check-expansions')
    SETTINGS.refuse(['PATCH', 'LEAVE_OUT'], 'check-expansions; VARIANT= chooses')
    start = time.monotonic()
    tree, builder = changed_driver.provide(table['kernel'])
    set_up(table)
    lane = one_stock.Lane(table['tests'], run_guest.Settings(), builder.stock(), name)
    variants = Variants(builder, os.path.join(check_patch.PATCHES, table['patch']), name)
    SETTINGS.set(PANTHOR_UAPI=variants.builder.patched_uapi())
    os.makedirs(variants.folder, exist_ok=True)
    stamp = project.stamp_of([tree.binary, *project.files_below(check_fixes.TESTS_FOLDER)])
    stamp += f'{table["tests"]} {table.get("model", "")}'
    bad = 0
    say(f'{"":<8}{"variant":<32}{"verdict":<14}because')
    with concurrent.futures.ThreadPoolExecutor(changed_driver.AT_ONCE) as pool:
        jobs = [pool.submit(outcome, row, variants, lane, stamp) for row in rows]
        for row, job in zip(rows, jobs):
            result, reasons = job.result()
            right = is_right(row, result, reasons)
            bad += not right
            text = (f'{"ok" if right else "not ok":<8}{row["id"]:<32}{result:<14}'
                    f'{shown(row, result, reasons)}')
            if not right:
                text += f'\n{"":<8}expected: {row["verdict"]} {"; ".join(row.get("named", []))}'
            lane.say(text)
    say(f'{len(rows)} variants of {table["patch"]}, {bad} not as expected; '
        f'{time.monotonic() - start:.0f} s')
    return project.FAIL if bad else project.PASS
