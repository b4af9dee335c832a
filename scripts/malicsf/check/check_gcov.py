# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of the model the tests reach, counted by gcov and added up by gcovr.

The model's files are compiled once more, for coverage, and linked with the
other objects of the build; then the qtests and a guest run on that QEMU.
Prints a table and the functions that nothing calls, and writes every line that
nothing reaches to build/gcov/uncovered, and pages with all lines to
build/gcov/pages.  A figure is no test: only a test that fails makes this fail.
"""

import json
import os
import shlex
import shutil
import subprocess

from malicsf import host_packages, project
from malicsf.build import build_qemu
from malicsf.project import say, Stop
from malicsf.run import run_guest
from malicsf.settings import SETTINGS

FOLDER = os.path.join(project.BUILD, 'gcov')
BINARY = os.path.join(FOLDER, 'qemu-system-aarch64')
UNCOVERED = os.path.join(FOLDER, 'uncovered')
PAGES = os.path.join(FOLDER, 'pages')
OURS = 'hw/gpu/mali-csf/'
# Without optimization each line has code of its own.
COVERAGE = ['--coverage', '-O0']
TEST_SECONDS = 900


def compile_rows(tree):
    """(output, folder, command) of each file of the model."""
    rows = json.loads(project.read(os.path.join(tree.obj, 'compile_commands.json'), '[]'))
    for row in rows:
        name = os.path.normpath(os.path.join(row['directory'], row['file']))
        if '/' + OURS in name and name.endswith('.c'):
            yield row['output'], row['directory'], shlex.split(row['command'])


def object_path(output):
    return os.path.join(FOLDER, 'obj', os.path.basename(output))


def link_command(tree):
    """The command that links QEMU, as words."""
    text = subprocess.run(['ninja', '-t', 'compdb', '-x', 'c_LINKER_RSP', 'c_LINKER'],
                          cwd=tree.obj, capture_output=True, text=True, check=True,
                          env=host_packages.environment()).stdout
    for row in json.loads(text):
        if row['output'] == os.path.basename(tree.binary):
            return shlex.split(row['command'])
    raise Stop('ninja does not say how QEMU is linked', project.FAIL)


def build(tree):
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(os.path.join(FOLDER, 'obj'))
    log = os.path.join(FOLDER, 'build.log')
    replaced = {os.path.basename(tree.binary): BINARY}
    for output, folder, words in compile_rows(tree):
        replaced[output] = object_path(output)
        words = [word.replace(output, object_path(output)) for word in words]
        project.command(words + COVERAGE, log, cwd=folder)
    project.command([replaced.get(word, word) for word in link_command(tree)] + ['--coverage'],
                    log, cwd=tree.obj)


def run_qtests(tree):
    """Names of the qtests that fail."""
    failed = []
    for name in tree.tests('qtest'):
        try:
            status = subprocess.run(
                [os.path.join(tree.obj, 'tests/qtest', name), '--tap', '-k'], cwd=tree.obj,
                env=SETTINGS.environment(QTEST_QEMU_BINARY=BINARY), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                timeout=TEST_SECONDS).returncode
        except subprocess.TimeoutExpired:
            status = 'time-out'
        say(f'{name}: {"done" if status == 0 else f"failed ({status})"}')
        if status:
            failed.append(name)
    return failed


def counts(tree):
    """{file: ({line: how often}, {function: how often})} of the model's files, by gcovr."""
    found = os.path.join(FOLDER, 'gcovr.json')
    os.makedirs(PAGES)
    project.command(['gcovr', '--root', os.path.realpath(os.path.join(tree.obj, '../src')),
                     '--filter', f'.*/{OURS}', '--exclude', '.*/include/', '--json', found,
                     '--html-details', os.path.join(PAGES, 'index.html'),
                     os.path.join(FOLDER, 'obj')], os.path.join(FOLDER, 'gcovr.log'), cwd=tree.obj)
    result = {}
    for file in json.loads(project.read(found))['files']:
        lines = {line['line_number']: line['count'] for line in file['lines']
                 if not line.get('gcovr/noncode')}
        functions = {row['name']: row['execution_count'] for row in file['functions']}
        result[file['file']] = lines, functions
    if not any(any(lines.values()) for lines, _ in result.values()):
        raise Stop('the tests have left no counts', project.FAIL)
    return result


def ranges(numbers, lines):
    """[(first, last)] of lines without code in between that is reached."""
    result = []
    for number in sorted(numbers):
        if result and not any(lines.get(between) for between in range(result[-1][1], number)):
            result[-1][1] = number
        else:
            result.append([number, number])
    return result


def report(found):
    say('')
    say(f'{"file":34} {"lines":>6} {"reached":>8}  functions that nothing calls')
    total = reached = 0
    text = ''
    for source, (lines, functions) in sorted(found.items()):
        covered = sum(count > 0 for count in lines.values())
        total, reached = total + len(lines), reached + covered
        unused = [name for name, count in sorted(functions.items()) if not count]
        share = 100 * covered / len(lines) if lines else 100
        say(f'{source[len(OURS):]:34} {len(lines):6} {share:6.1f} %  {", ".join(unused)}'.rstrip())
        code = project.read(os.path.join(project.ROOT, source)).splitlines()
        for first, last in ranges([n for n, count in lines.items() if not count], lines):
            text += f'{source}:{first}\n'
            text += ''.join(f'    {line}\n' for line in code[first - 1:last])
    say(f'{"all":34} {total:6} {100 * reached / max(total, 1):6.1f} %')
    project.write(UNCOVERED, text)
    say(f'{os.path.relpath(UNCOVERED, project.ROOT)} has the lines that nothing reaches, '
        f'{os.path.relpath(PAGES, project.ROOT)}/index.html all')


def main():
    parser = SETTINGS.parser(__doc__, 'check-gcov')
    parser.add_argument('--no-guest', action='store_true', help='the qtests only')
    options = parser.parse_args()
    project.require_host()
    SETTINGS.refuse_other_runs('check-gcov')
    settings = run_guest.Settings()
    host_packages.provide()
    host_packages.provide_for('gcov', 'make check-gcov')
    with project.Lock():
        tree = build_qemu.build(build_qemu.from_environment(), tests=True)
        say('compiling the model for coverage')
        build(tree)
    failed = run_qtests(tree)
    if not options.no_guest:
        settings.name = 'gcov'
        # Without optimization, and beside the counting
        settings.slack *= 2
        if run_guest.run_tests(settings, False, BINARY):
            failed.append('guest')
    report(counts(tree))
    for name in failed:
        say(f'failed: {name}')
    return project.FAIL if failed else project.PASS
