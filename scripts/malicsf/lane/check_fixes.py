# SPDX-License-Identifier: GPL-2.0-or-later
"""Would a bug of panthor have been noticed?  Its past fixes, taken out again.

Each row of tests/kernel/fixes.toml is a fix that panthor has had, with the
edits that take it out of the driver of the table's kernel.  The driver is built
without the fix and booted with the guest programs that the row names.  What
notices it must have one of the names that the row gives: a test that fails, a
violation that the device's checker reports, or a line of the kernel's log.
Where nothing can notice it, the row says why.

FIX= chooses some, by name or pattern.  With DEBUG= they are those that such a kernel
notices, if FIX= does not say: the table "debug" of a row has the words that the kernel
must have, and tests and named in place of the row's own.  A row whose driver, programs, QEMU and
text are the same as when it was last run is not run again; AGAIN=1 does.

Exit codes: 0 all as the table says, 1 not, 2 usage, 125 cannot test.
"""

import concurrent.futures
import copy
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib

from malicsf import project
from malicsf.build import build_panthor, debug_kernel
from malicsf.lane import changed_driver, sides
from malicsf.project import say
from malicsf.run import device_log, kernel_log, run_guest
from malicsf.settings import SETTINGS

TABLE = os.path.join(project.ROOT, 'tests/kernel/fixes.toml')
FOLDER = os.path.join(project.BUILD, 'fixes')
TESTS_FOLDER = os.path.join(project.ROOT, 'tests/guest')
# A test has failed: so long something with the right name may still come
GRACE_SECONDS = 20
# A driver without a fix may hang the guest
LIMIT_SECONDS = 300
UNNOTICED, NO_BUILD = 'unnoticed', 'does not build'


def noticed_by_debug(row, words):
    """Whether a kernel of DEBUG= notices what others do not"""
    return 'debug' in row and set(row['debug']['words'].split(',')) <= set(words)


def as_debugged(row, words):
    """A row as it is on such a kernel: what its table "debug" has, and no reason"""
    if not noticed_by_debug(row, words):
        return row
    kept = {name: value for name, value in row.items() if name not in ('debug', 'reason', 'lane')}
    return kept | {name: value for name, value in row['debug'].items() if name != 'words'}


def load():
    """The table, for the kernel of DEBUG=, if there is one"""
    with open(TABLE, 'rb') as file:
        table = tomllib.load(file)
    words = debug_kernel.wanted()
    rows = table['fix']
    if words and not SETTINGS.words('FIX'):
        rows = [row for row in rows if noticed_by_debug(row, words)]
        if not rows:
            raise project.usage(f'DEBUG={",".join(words)} notices nothing of {TABLE} that others '
                                'do not; FIX= says what is to be tried')
    table['fix'] = [as_debugged(row, words) for row in rows]
    return table


def span_of(text, name, table):
    """(start, end) of a function's definition; comments name it, too."""
    found = re.search(rf'^(?:\w[^\n]*\b)?{name}\([^;{{]*\)\n\{{.*?^\}}\n', text, re.M | re.S)
    if not found:
        raise project.usage(f'{table}: the driver has no function {name}')
    return found.span()


def take_out(row, read, table='fixes.toml'):
    """{path: text} of what the driver's files are without the fix.

    read(path): the text of a file of the driver; table: where the row is from
    """
    texts = {}
    for edit in row['edit']:
        path = os.path.join(build_panthor.DRIVER, edit['file'])
        text = texts[path] if path in texts else read(path)
        start, end = 0, len(text)
        if 'function' in edit:
            start, end = span_of(text, edit['function'], table)
        count = text.count(edit['old'], start, end)
        if count != 1:
            raise project.usage(f'{table}: {row["id"]} does not apply: {edit["file"]} has '
                                f'{count} times: {edit["old"].strip()}')
        at = text.index(edit['old'], start)
        texts[path] = text[:at] + edit['new'] + text[at + len(edit['old']):]
    return texts


class Modules:
    """The driver without a fix, built once."""

    def __init__(self, builder):
        self.builder, self.lock, self.filled = builder, threading.Lock(), False
        self.changed = []

    def read(self, path):
        return project.read(os.path.join(self.builder.stock_tree, path))

    def get(self, row):
        """(path of the module or None, a stamp of what it was made from)."""
        texts = take_out(row, self.read)
        stamp = json.dumps([self.builder.folder, self.builder.flags, texts], sort_keys=True)
        module = os.path.join(FOLDER, row['id'] + '.ko')
        with self.lock:
            if not os.path.exists(module) or project.read(module + '.stamp') != stamp:
                if not self.build(texts, module, row['id']):
                    return None, stamp
                project.write(module + '.stamp', stamp)
        return module, stamp

    def build(self, texts, module, name):
        work = self.builder.work
        if not self.filled:
            self.builder.fill_work(self.builder.stock_tree)
            self.filled = True
        for path in self.changed:
            project.write(os.path.join(work, path), self.read(path))
        for path, text in texts.items():
            project.write(os.path.join(work, path), text)
        self.changed = list(texts)
        built, _ = self.builder.make(os.path.join(FOLDER, name + '.log'))
        if built:
            shutil.copyfile(os.path.join(work, build_panthor.DRIVER, 'panthor.ko'), module)
        return built


def seen_in(folder, failed):
    """What was noticed in a run: [(kind, text)], violations first."""
    found, _ = device_log.read_findings(os.path.join(folder, run_guest.DEVICE_LOG))
    seen = [('violation', finding.name) for finding in found if finding.kind == 'violation']
    seen += [('test', name) for name in failed]
    judge = kernel_log.Judge()
    for line in project.read_lossy(os.path.join(folder, 'console.log')).splitlines():
        text = kernel_log.text_of(line)
        if text and judge.kind(text) in ('crash', 'stall'):
            seen.append(('kernel', text))
    return list(dict.fromkeys(seen))


def is_named(row, seen):
    return any(fnmatch.fnmatch(text, pattern) for _, text in seen
               for pattern in row.get('named', []))


def boot(row, module, kernel):
    """What is seen until something has the right name, or to the end."""
    name = f'fix-{row["id"]}'
    folder = os.path.join(project.BUILD, 'run', name)
    command = [sys.executable, project.RUN_GUEST, f'KERNEL={kernel}', f'PANTHOR_KO={module}',
               f'TESTS={row["tests"]}', f'NAME={name}', f'MODEL={row.get("model", "")}',
               f'KERNEL_ARGS={sides.KERNEL_ARGS} {row.get("kernel_args", "")}'.strip(),
               'STRICT=report']
    failed, grace_seconds = [], GRACE_SECONDS * debug_kernel.slack()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace') as process:
        limit = threading.Timer(LIMIT_SECONDS * debug_kernel.slack(), process.terminate)
        limit.start()
        grace = None
        for line in process.stdout:
            found = re.match(r'not ok (.*?)(?:  \(|$)', line)
            if not found:
                continue
            failed.append(found[1].strip())
            wait = 0 if is_named(row, seen_in(folder, failed)) else grace_seconds
            if grace is None or wait == 0:
                if grace:
                    grace.cancel()
                grace = threading.Timer(wait, process.terminate)
                grace.start()
        status = process.wait()
        limit.cancel()
        if grace:
            grace.cancel()
    if status in (project.USAGE, project.CANNOT_TEST):
        raise project.Stop(f'{row["id"]}: the guest could not be run: '
                           f'TESTS={row["tests"]}', status)
    initrd = os.path.join(folder, 'initrd')
    if os.path.exists(initrd):
        os.remove(initrd)
    return seen_in(folder, failed)


def judge(row, modules, kernel, stamp):
    """(kind, text) of what noticed it, and whether that is what the table says."""
    module, made_from = modules.get(row)
    if not module:
        return (NO_BUILD, f'see {os.path.join(FOLDER, row["id"] + ".log")}'), False
    results = os.path.join(FOLDER, row['id'] + '.json')
    stamp = json.dumps([stamp, made_from, row], sort_keys=True)
    earlier = changed_driver.earlier(results, stamp)
    if earlier:
        seen = [tuple(pair) for pair in earlier['seen']]
    else:
        seen = boot(row, module, kernel) if row.get('tests') else []
        project.write(results, json.dumps({'stamp': stamp, 'seen': seen}))
    right = [pair for pair in seen if is_named(row, [pair])]
    if right:
        return right[0], True
    if seen:
        return seen[0], False
    return (UNNOTICED, row.get('reason', '')), 'reason' in row


def main():
    SETTINGS.parser(__doc__, 'check-fixes').parse_args()
    table = load()
    rows = changed_driver.choose(table['fix'], 'FIX', 'tests/kernel/fixes.toml', 'check-fixes',
                                 table['kernel'], ('MODEL', 'KERNEL_ARGS'))
    SETTINGS.refuse_other_runs('check-fixes')
    start = time.monotonic()
    tree, builder = changed_driver.provide(table['kernel'])
    builder = copy.copy(builder)
    builder.work = f'{builder.work}-fixes'
    modules = Modules(builder)
    os.makedirs(FOLDER, exist_ok=True)
    for row in rows:
        take_out(row, modules.read)
    stamp = project.stamp_of([tree.binary, *project.files_below(TESTS_FOLDER)])
    counts, bad = {}, 0
    say(f'{"verdict":<8}{"fix":<32}noticed by')
    with concurrent.futures.ThreadPoolExecutor(changed_driver.AT_ONCE) as pool:
        jobs = [pool.submit(judge, row, modules, table['kernel'], stamp) for row in rows]
        for row, job in zip(rows, jobs):
            (kind, text), right = job.result()
            counts[kind] = counts.get(kind, 0) + 1
            bad += not right
            say(f'{"ok" if right else "not ok":<8}{row["id"]:<32}{kind}: {text}')
            if not right and row.get('named'):
                say(f'{"":<8}expected: {"; ".join(row["named"])}')
    say(f'{len(rows)} fixes: '
        + ', '.join(f'{count} {name}' for name, count in counts.items())
        + f'; {bad} not as expected; {time.monotonic() - start:.0f} s')
    return project.FAIL if bad else project.PASS
