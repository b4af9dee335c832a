# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutation test of panthor: what the checker and the guest programs notice.

Each mutant of tests/kernel/mutants.toml is one exact edit of one function of
panthor_mmu.c.  It is built, booted with strict=stop, and must end as the
table says: with a violation of that name, with a test or the kernel log that
fails, or, where the table gives the reason, unnoticed.  It ends at once with
the first violation, and soon after the first test that fails.

That there is a mutant for each place where these functions can be wrong, or a
reason why not, is what mutant-sites.py says.
"""

import collections
import concurrent.futures
import copy
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time

from malicsf import project
from malicsf.build import build_panthor
from malicsf.lane import changed_driver, mutant_sites
from malicsf.project import say
from malicsf.run import device_log, run_guest
from malicsf.settings import SETTINGS

SOURCE = os.path.join(build_panthor.DRIVER, 'panthor_mmu.c')
FOLDER = os.path.join(project.BUILD, 'mutants')
RESULTS = os.path.join(FOLDER, 'results.tsv')
TESTS = 'expand spaces fault submit'
# A test has failed: so long a violation may still come
GRACE_SECONDS = 15
# Results that are no violation
BY_TESTS, UNNOTICED = 'tests', 'unnoticed'
NO_BUILD = 'does not build'
UNREADABLE = 'device.log cannot be read'


def mutate(text, row):
    at = mutant_sites.position_of(text, row)
    return text[:at] + row['new'] + text[at + len(row['old']):]


class Worker:
    """A folder in which mutants are built, one after the other, and their module."""

    def __init__(self, number, builder):
        self.builder = copy.copy(builder)
        self.builder.work = f'{builder.work}-{number}'
        self.folder = os.path.join(FOLDER, f'worker-{number}')
        self.module = os.path.join(self.folder, 'panthor.ko')
        self.filled = False

    def build(self, text):
        """Whether it compiles."""
        if not self.filled:
            self.builder.fill_work(self.builder.stock_tree)
            os.makedirs(self.folder, exist_ok=True)
            self.filled = True
        project.write(os.path.join(self.builder.work, SOURCE), text)
        built, _ = self.builder.make(os.path.join(self.folder, 'build.log'))
        if built:
            shutil.copyfile(os.path.join(self.builder.work, build_panthor.DRIVER, 'panthor.ko'),
                            self.module)
        return built


def run(row, module, kernel):
    """Boot until the first violation, the first failed test and some seconds, or the end.

    Returns the test.
    """
    command = [sys.executable, project.RUN_GUEST, f'KERNEL={kernel}', f'PANTHOR_KO={module}',
               f'TESTS={row.get("tests", TESTS)}', 'STRICT=stop', f'NAME=mutant-{row["id"]}',
               f'QEMU_ARGS={row.get("qemu_args", "")}',
               f'KERNEL_ARGS={row.get("kernel_args", "")}']
    failed = None
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace') as process:
        timer = threading.Timer(GRACE_SECONDS, process.terminate)
        for line in process.stdout:
            found = re.match(r'not ok (.*)', line)
            if found and not failed:
                failed = found[1].strip()
                timer.start()
        process.wait()
        timer.cancel()
    return failed


def boot(row, module, kernel):
    """(result, what shows it) of one boot."""
    failed = run(row, module, kernel)
    folder = os.path.join(project.BUILD, 'run', f'mutant-{row["id"]}')
    if os.path.exists(os.path.join(folder, 'initrd')):
        os.remove(os.path.join(folder, 'initrd'))
    found, strange = device_log.read_findings(os.path.join(folder, run_guest.DEVICE_LOG))
    for finding in found:
        if finding.kind == 'violation':
            return finding.name, finding.text
    if strange:
        return UNREADABLE, strange[0]
    if failed:
        return BY_TESTS, failed
    if not re.search(r'^ok ', project.read_lossy(os.path.join(folder, 'result.tap')), re.M):
        return BY_TESTS, 'the guest gave no result'
    return UNNOTICED, ''


def judge(row, text, kernel, workers):
    """(result, what shows it) of a mutant."""
    worker = workers.get()
    try:
        if not worker.build(text):
            return NO_BUILD, f'see {os.path.join(worker.folder, "build.log")}'
        result = boot(row, worker.module, kernel)
        if result[0] == BY_TESTS and BY_TESTS not in row['expect']:
            # On a busy host a test may fail by itself, but hardly twice.
            result = boot(row, worker.module, kernel)
        return result
    finally:
        workers.put(worker)


class Table:
    """What is printed, and kept in build/mutants/results.tsv."""

    def __init__(self):
        self.bad, self.counts, self.rows = 0, collections.Counter(), []
        say(f'{"verdict":<8}{"mutant":<36}{"function":<37}{"seen":<26}expected')

    def add(self, row, result, shown):
        right = result in row['expect']
        verdict = 'ok' if right else 'not ok'
        self.bad += not right
        self.counts[result if result in (BY_TESTS, UNNOTICED, NO_BUILD, UNREADABLE) else 'violation'] += 1
        self.rows.append([verdict, row['id'], row['function'], result, ' '.join(row['expect']),
                          shown])
        say(f'{verdict:<8}{row["id"]:<36}{row["function"]:<37}{result:<26}'
            f'{", ".join(row["expect"])}')
        if shown and (not right or result == BY_TESTS):
            say(f'        {shown}')
        if result == UNNOTICED and row.get('reason'):
            say(f'        {row["reason"]}')
        project.write(RESULTS, ''.join('\t'.join(line) + '\n' for line in self.rows))


def main():
    SETTINGS.parser(__doc__, 'check-mutants').parse_args()
    table = mutant_sites.load()
    rows = changed_driver.choose(table['mutant'], 'MUTANT', 'tests/kernel/mutants.toml',
                                 'check-mutants', table['kernel'])
    SETTINGS.refuse_other_runs('check-mutants')
    start = time.monotonic()
    _, builder = changed_driver.provide(table['kernel'])
    stock = project.read(os.path.join(builder.stock_tree, SOURCE))
    complete = mutant_sites.check(stock, table)
    texts = {row['id']: mutate(stock, row) for row in table['mutant']}
    result, workers = Table(), queue.SimpleQueue()
    for number in range(changed_driver.AT_ONCE):
        workers.put(Worker(number, builder))
    with concurrent.futures.ThreadPoolExecutor(changed_driver.AT_ONCE) as pool:
        jobs = [pool.submit(judge, row, texts[row['id']], table['kernel'], workers)
                for row in rows]
        for row, job in zip(rows, jobs):
            result.add(row, *job.result())
    say(f'{len(rows)} mutants: '
        + ', '.join(f'{count} {name}' for name, count in result.counts.items())
        + f'; {result.bad} not as expected; {time.monotonic() - start:.0f} s')
    return project.FAIL if result.bad or not complete else project.PASS
