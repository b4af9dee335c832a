# SPDX-License-Identifier: GPL-2.0-or-later
"""Run suites of "meson test" and add up what they report."""

import json
import os
import subprocess
import time
import xml.etree.ElementTree

from malicsf import host_load, host_packages, project
from malicsf.build import build_guest, build_qemu, userland
from malicsf.project import say
from malicsf.run import results
from malicsf.settings import SETTINGS

SUITES = ['unit', 'qtest', 'fuzz', 'guest']
# Asked for by name
MORE_SUITES = ['mesa']
# What a suite fetches, said here and not in meson's logs
USERLANDS = {'guest': ['mesa'], 'mesa': ['mesa', 'mesa-new']}
SLOWEST = 10
# The last results of each suite, as JUnit
JUNIT = os.path.join(project.BUILD, 'check')
# "suite program" of what failed when it was last run, for FAILED=1
FAILED = os.path.join(project.BUILD, 'failed')


class Part:
    """The tests of one suite: how many, how long, which failed."""

    def __init__(self, name):
        self.name, self.seconds = name, 0
        self.passed = self.failed = self.skipped = 0
        self.failures, self.skips = [], []
        self.programs = []      # (seconds, name, whether it failed)

    def add_log(self, base, lateness):
        """Count the single tests of meson's logs.

        lateness: of the host, while they ran
        """
        failed_in = set()
        for suite in xml.etree.ElementTree.parse(base + '.junit.xml').getroot():
            # "<project>.<project>:<suite> / <test>"
            program = suite.get('name').rpartition(' / ')[2]
            for case in suite.iter('testcase'):
                if case.find('failure') is not None or case.find('error') is not None:
                    self.failed += 1
                    failed_in.add(program)
                    # The test's number within its program says nothing.
                    name = case.get('name').lstrip('0123456789').removeprefix(' - ')
                    self.failures.append(f'{program}: {name}' + reason_of(program, name))
                elif case.find('skipped') is not None:
                    self.skipped += 1
                else:
                    self.passed += 1
        with open(base + '.json', encoding='utf-8') as file:
            for line in file:
                test = json.loads(line)
                name = test['name'].rpartition(' / ')[2]
                bad = test['result'] in ('FAIL', 'ERROR', 'TIMEOUT', 'INTERRUPT')
                self.programs.append((test.get('duration', 0), name, bad or name in failed_in))
                if bad and name not in failed_in:
                    self.failed += 1
                    self.failures.append(f'{name}: {test["result"].lower()}'
                                         + (f'; {lateness}' if test['result'] == 'TIMEOUT' else ''))
                elif test['result'] == 'SKIP':
                    self.skips.append(name)

    def __str__(self):
        text = f'{self.passed} passed, {self.failed} failed'
        return text + (f', {self.skipped} skipped' if self.skipped else '')


def reason_of(program, name):
    """Why a test of a guest failed, to be put behind its name; meson does not keep that."""
    result = None
    if program.startswith('guest-'):
        result = results.read(os.path.join(project.BUILD, 'run',
                                           'check-' + program.removeprefix('guest-')))
    for test in (result or {'tests': []})['tests']:
        if results.title(test) == name.replace(r'\#', '#') and test['reason']:
            return f' ({test["reason"]})'
    return ''


def run_suite(name, environment, programs=()):
    """Run the programs of a suite, or all of it."""
    part = Part(name)
    watch = host_load.Watch()
    watch.start()
    start = time.monotonic()
    # Not "testlog": a "meson test" at the same time has that one.
    logs = f'check-{name}'
    base = os.path.join(project.MESON_BUILD, 'meson-logs', logs)
    for ending in ('.json', '.junit.xml'):
        if os.path.exists(base + ending):
            os.remove(base + ending)
    status = subprocess.run(
        ['meson', 'test', '-C', project.MESON_BUILD, '--no-rebuild', '--suite', name,
         '--logbase', logs, '--print-errorlogs', *programs], env=environment, stdin=subprocess.DEVNULL,
        check=False).returncode
    if os.path.exists(base + '.junit.xml'):
        part.add_log(base, watch.since())
        project.write(os.path.join(JUNIT, name + '.xml'), project.read(base + '.junit.xml'))
    watch.end()
    if status and not part.failed:
        part.failed = 1
        part.failures.append(f'{name}: meson test ended with status {status}')
    part.seconds = time.monotonic() - start
    return part


def clock(seconds):
    return f'{int(seconds) // 60} min {int(seconds) % 60:02} s'


def failed_before(suites):
    """{suite: programs} of those that failed when they were last run"""
    found = {}
    for line in project.read(FAILED).splitlines():
        suite, name = line.split(' ', 1)
        if suite in suites:
            found.setdefault(suite, []).append(name)
    if not found:
        raise project.usage(f'FAILED= is set, and no program of {", ".join(suites)} has failed '
                            'the last time')
    return found


def remember_failed(parts):
    """Note which programs failed; those that did not run keep what was noted."""
    ran = {(part.name, name): bad for part in parts for _, name, bad in part.programs}
    before = {tuple(line.split(' ', 1)) for line in project.read(FAILED).splitlines()}
    rows = {row for row in before if row not in ran} | {row for row, bad in ran.items() if bad}
    project.write(FAILED, ''.join(' '.join(row) + '\n' for row in sorted(rows)))


def provide_userland(name):
    """Fetch a userland; what the archive no longer has is a skipped test later."""
    try:
        userland.provide(name)
    except project.Stop as stop:
        if 'UNAVAILABLE' not in str(stop):
            raise
        say(str(stop))


def main():
    parser = SETTINGS.parser(__doc__, 'check')
    parser.add_argument('suites', nargs='*', choices=SUITES + MORE_SUITES,
                        default=SUITES)
    options = parser.parse_args()
    project.require_host()
    chosen = failed_before(options.suites) if SETTINGS.is_on('FAILED') \
        else dict.fromkeys(options.suites, ())
    start = time.monotonic()
    host_packages.provide()
    with project.Lock():
        tree = build_qemu.from_environment()
        build_qemu.build(tree, tests=True)
        build_guest.build(tree)
        for name in dict.fromkeys(name for suite in chosen for name in USERLANDS.get(suite, [])):
            provide_userland(name)
    say(f'set-up: {clock(time.monotonic() - start)}')
    environment = host_packages.environment()
    # It has been obeyed: the boots of a guest would take it for theirs.
    environment.pop('FAILED', None)
    parts = []
    for name, programs in chosen.items():
        parts.append(run_suite(name, environment, programs))
        say(f'{name}: {parts[-1]} in {clock(parts[-1].seconds)}')
    remember_failed(parts)
    say('')
    slowest = sorted((row for part in parts for row in part.programs), reverse=True)[:SLOWEST]
    for seconds, name, _ in slowest:
        say(f'slow: {name} {clock(seconds)}')
    for part in parts:
        for text in part.failures:
            say(f'{project.coloured("bad", "failed")}: {text}')
        for text in part.skips:
            say(f'skipped: {text}')
    for part in parts:
        say(f'{part.name:6} {clock(part.seconds):>12}  {part}')
    say(f'total  {clock(time.monotonic() - start):>12}')
    total = Part('total')
    for part in parts:
        total.passed += part.passed
        total.failed += part.failed
        total.skipped += part.skipped
    say(f'JUnit of each part: {os.path.relpath(JUNIT, project.ROOT)}/')
    say(str(total))
    return project.FAIL if total.failed else project.PASS
