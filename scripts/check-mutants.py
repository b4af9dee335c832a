#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutation test of panthor: what the checker and the guest programs notice.

Each mutant of tests/kernel/mutants.toml is one exact edit of one function of
panthor_mmu.c.  It is built, booted with strict=stop, and must end as the
table says: with a violation of that name, with a test or the kernel log that
fails, or, where the table gives the reason, unnoticed.
"""

import argparse
import collections
import concurrent.futures
import importlib
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib

import project
from project import say

build_panthor = importlib.import_module('build-panthor')
build_guest = importlib.import_module('build-guest')
build_qemu = importlib.import_module('build-qemu')
guest_kernel = importlib.import_module('guest-kernel')
host_packages = importlib.import_module('host-packages')

TABLE = os.path.join(project.ROOT, 'tests/kernel/mutants.toml')
SOURCE = os.path.join(build_panthor.DRIVER, 'panthor_mmu.c')
RUN_GUEST = os.path.join(project.ROOT, 'scripts/run-guest.py')
FOLDER = os.path.join(project.BUILD, 'mutants')
TESTS = 'submit expand fault timeout stay-alive'
BOOTS_AT_ONCE = 2
# Results that are no violation
BY_TESTS, UNNOTICED = 'tests', 'unnoticed'


def function_span(text, name):
    """(start, end) of a function's definition."""
    found = re.search(rf'^(?:\w[^\n;]*\n)?[^\n;#]*\b{name}\([^;{{]*\)\n\{{.*?^\}}\n', text,
                      re.M | re.S)
    if not found:
        raise project.usage(f'mutants.toml: {SOURCE} has no function {name}')
    return found.span()


def mutate(text, row):
    start, end = function_span(text, row['function'])
    body = text[start:end]
    if body.count(row['old']) != 1:
        raise project.usage(f'mutants.toml: {row["id"]} does not apply: {row["function"]}() has '
                            f'{body.count(row["old"])} times: {row["old"].strip()}')
    return text[:start] + body.replace(row['old'], row['new']) + text[end:]


def build_mutant(builder, row, text):
    """Path of the module, or None if it does not compile."""
    folder = os.path.join(FOLDER, row['id'])
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(builder.work, SOURCE), 'w', encoding='utf-8') as file:
        file.write(text)
    built, _ = builder.make(os.path.join(folder, 'build.log'))
    if not built:
        return None
    module = os.path.join(folder, 'panthor.ko')
    shutil.copyfile(os.path.join(builder.work, build_panthor.DRIVER, 'panthor.ko'), module)
    return module


def boot(row, module, kernel):
    """(result, what shows it) of a mutant."""
    name = f'mutant-{row["id"]}'
    subprocess.run(
        [sys.executable, RUN_GUEST, f'KERNEL={kernel}', f'PANTHOR_KO={module}',
         f'TESTS={TESTS}', 'STRICT=stop', f'NAME={name}',
         f'QEMU_ARGS={row.get("qemu_args", "")}'],
        stdin=subprocess.DEVNULL, capture_output=True, check=False)
    folder = os.path.join(project.BUILD, 'run', name)
    violation = re.search(r'^mali_csf_violation (\S+).*$', project.read_lossy(
        os.path.join(folder, 'device.log')), re.M)
    if violation:
        return violation[1], violation[0]
    results = project.read_lossy(os.path.join(folder, 'result.tap'))
    failed = re.search(r'^not ok \d+ - (?!.*# TODO)(.*)$', results, re.M)
    if failed:
        return BY_TESTS, failed[1]
    if not re.search(r'^ok ', results, re.M):
        return BY_TESTS, 'the guest gave no result'
    return UNNOTICED, ''


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('variables', nargs='*', metavar='VARIABLE=value',
                        help='MUTANT=id,...')
    for text in parser.parse_args().variables:
        name, equals, value = text.partition('=')
        if not equals or name != 'MUTANT':
            raise project.usage(f'{text} is not MUTANT=')
        os.environ[name] = value
    with open(TABLE, 'rb') as file:
        table = tomllib.load(file)
    rows = table['mutant']
    wanted = [word for word in re.split(r'[ ,]+', os.environ.get('MUTANT', '')) if word]
    for word in wanted:
        if word not in [row['id'] for row in rows]:
            raise project.usage(f'MUTANT={word} is not in tests/kernel/mutants.toml')
    project.require_host()
    os.environ['KERNEL'] = table['kernel']
    host_packages.provide()
    start = time.monotonic()
    with project.Lock():
        tree = build_qemu.from_environment()
        build_qemu.build(tree)
        build_guest.build(tree)
        builder = build_panthor.Builder(guest_kernel.from_environment())
        builder.stock()
        stock = project.read(os.path.join(builder.stock_tree, SOURCE))
        texts = {row['id']: mutate(stock, row) for row in rows}
        rows = [row for row in rows if not wanted or row['id'] in wanted]
        modules = {}
        builder.fill_work(builder.stock_tree)
        for number, row in enumerate(rows, 1):
            modules[row['id']] = build_mutant(builder, row, texts[row['id']])
            if number % 10 == 0 or number == len(rows):
                say(f'built {number} of {len(rows)} ({time.monotonic() - start:.0f} s)')
    bad = 0
    counts = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(BOOTS_AT_ONCE) as pool:
        jobs = [(row, modules[row['id']] and
                 pool.submit(boot, row, modules[row['id']], table['kernel'])) for row in rows]
        say(f'{"":<7}{"mutant":<34} {"result":<30} expected')
        for row, job in jobs:
            result, shown = job.result() if job else ('does not build', '')
            right = result in row['expect']
            bad += not right
            counts[result if result in (BY_TESTS, UNNOTICED) else 'violation'] += 1
            say(f'{"ok" if right else "not ok":<7}{row["id"]:<34} {result:<30} '
                f'{", ".join(row["expect"])}')
            if not right or result == BY_TESTS:
                say(f'       {shown}')
            if UNNOTICED in row['expect']:
                say("       " + row.get("reason", ""))
    say(f'{len(rows)} mutants: ' + ', '.join(f'{count} {name}' for name, count in counts.items())
        + f'; {bad} not as expected; {time.monotonic() - start:.0f} s')
    return project.FAIL if bad else project.PASS


if __name__ == '__main__':
    project.run_main(main)
