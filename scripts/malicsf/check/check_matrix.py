# SPDX-License-Identifier: GPL-2.0-or-later
"""Models against kernels: the guest programs in every cell of the table.

  check-matrix.py             every cell of configs/matrix.toml
  check-matrix.py --sensible  each kernel on one model, each model on one kernel
  check-matrix.py --merge DIR ...
                              put the cells of other build/matrix folders into ours

A cell that has a result is not run again while QEMU, the guest programs and the
settings are the same.  SHARD=i/n takes every n-th cell.  The result is in
build/matrix: matrix.txt, matrix.tap, matrix.xml and index.html.

Exit codes: 0 pass, 1 fail, 2 usage, 125 nothing could be run.
"""

import hashlib
import html
import json
import os
import re
import shutil
import time

from malicsf import host_packages, pages, project
from malicsf.build import build_guest, build_qemu, guest_kernel, initramfs, userland
from malicsf.project import say
from malicsf.run import expectations, region_history, results, run_guest
from malicsf.settings import SETTINGS

# With USERLAND= a table of its own
NAME = '-'.join(filter(None, ('matrix', SETTINGS.text('USERLAND'))))
FOLDER = os.path.join(project.BUILD, NAME)
LOGS = ['console.log', 'device.log', 'qemu.log', *results.FILES]


class Cell:
    """A model on a kernel, and what became of it."""

    def __init__(self, model, kernel, tests):
        self.model, self.kernel, self.tests = model, kernel, tests
        self.state, self.reason, self.version = 'missing', 'not run', ''
        self.passed = self.failed = self.known = self.skipped = self.notes = 0
        self.violations, self.failures, self.skips = [], [], []
        self.seconds, self.stamp = 0.0, ''
        self.about = {}         # what its result is a result of

    @property
    def name(self):
        return f'{self.model}-{self.kernel}'

    def folder(self, base=FOLDER):
        return os.path.join(base, 'cells', self.name)

    def load(self, base=FOLDER):
        """Take over what a folder has of this cell; False if it has nothing."""
        try:
            found = json.loads(project.read(os.path.join(self.folder(base), 'cell.json'), '{}'))
            kept = {name: found[name] for name in self.__dict__}
        except (KeyError, TypeError, ValueError):
            # None, one that is damaged, or one of another version of this script
            return False
        self.__dict__.update(kept)
        return True

    def save(self):
        project.write(os.path.join(self.folder(), 'cell.json'),
                      json.dumps(self.__dict__, indent=1, sort_keys=True) + '\n')

    def run(self, stamp):
        run_name = f'{NAME}-{self.name}'
        start = time.monotonic()
        result, reason = run_guest.run_apart(
            [f'MODEL={self.model}', f'KERNEL={self.kernel}', f'TESTS={self.tests}',
             'STRICT=report', f'NAME={run_name}', *variables_of(self.kernel)])
        shutil.rmtree(self.folder(), ignore_errors=True)
        os.makedirs(self.folder())
        self.__init__(self.model, self.kernel, self.tests)
        self.seconds, self.stamp = round(time.monotonic() - start, 1), stamp
        if reason:
            self.reason = reason
            # What could not be tested is no failure; what was asked for wrongly is.
            self.state = 'UNAVAILABLE' if result.returncode == project.CANNOT_TEST else 'FAIL'
        else:
            source = os.path.join(project.BUILD, 'run', run_name)
            for log in [*LOGS, run_guest.BEGINS]:
                if os.path.exists(os.path.join(source, log)):
                    shutil.copy2(os.path.join(source, log), self.folder())
            self.collect(source, result.stdout, result.returncode)
        self.save()

    def collect(self, source, said, status):
        """Results of a run that took place."""
        found = re.search(r'^Linux (\S+) on QEMU', said, re.M)
        self.version = found[1] if found else ''
        result = results.read(source) or {'tests': []}
        self.about = result.get('about', {})
        for test in result['tests']:
            name = results.title(test)
            if test['verdict'] == 'skip':
                self.skips.append([name, test['reason']])
                self.skipped += 1
            elif test['verdict'] == 'todo':
                self.known += 1
            elif test['verdict'] == 'not ok':
                self.failures.append([name, test['reason']])
                self.failed += 1
            else:
                self.passed += 1
        found = result.get('findings', [])
        self.violations = [row['text'].removeprefix('violation ') for row in found
                           if row['kind'] == 'violation']
        self.notes = sum(row['times'] for row in found if row['kind'] == 'note')
        # Of the violations, those that no program allows are a failed test, too.
        bad = status or self.failed or not self.passed
        self.state = 'FAIL' if bad else 'ok'
        self.reason = (self.failures[0][0] if self.failures
                       else f'run-guest.py ended with {status}') if bad else ''

    def row(self):
        return (f'{self.model:<18} {self.kernel:<10} {self.state:<12} {self.passed:>6} '
                f'{self.failed:>6} {self.known:>6} {self.skipped:>7} '
                f'{len(self.violations):>10} {self.seconds:>6.0f} s')


def variables_of(kernel):
    """What configs/matrix.toml sets for a kernel, unless the caller has done so."""
    table = project.config('matrix')['variables'].get(kernel, {})
    return [f'{name}={value}' for name, value in table.items() if not SETTINGS.value(name)]


HEADER = (f'{"model":<18} {"kernel":<10} {"":<12} {"passed":>6} {"failed":>6} {"known":>6} '
          f'{"skipped":>7} {"violations":>10} {"time":>8}')


# -- which cells

def choose(sensible):
    """The cells that are asked for, in a fixed order."""
    table = project.config('matrix')
    listed = {'MODELS': table['models'], 'KERNELS': table['kernels']}
    chosen = {}
    for variable, known in listed.items():
        words = SETTINGS.words(variable)
        for word in words:
            if variable == 'MODELS' and word not in known:
                raise project.usage(f'MODELS={word} is no model of configs/matrix.toml; '
                                    f'valid: {", ".join(known)}')
            if variable == 'KERNELS':
                guest_kernel.check_name(word, variable)
        chosen[variable] = words or known
    tests = SETTINGS.text('TESTS') or table['tests']
    asked = SETTINGS.text('USERLAND')
    userland.check_name(asked)
    run_guest.choose_programs(tests, initramfs.listed_programs()
                              + (userland.listed_programs() if asked else []))
    pairs = [(model, kernel) for kernel in chosen['KERNELS'] for model in chosen['MODELS']]
    if sensible:
        pairs = [(model, kernel) for model, kernel in pairs
                 if model == table['main_model'] or kernel == table['main_kernel']]
    cells = [Cell(model, kernel, table['main_tests'] if sensible and not SETTINGS.text('TESTS')
                  and model == table['main_model'] else tests) for model, kernel in pairs]
    return cells[SETTINGS.shard()]


def stamp_of(cell, tree):
    """Changes when the cell has to be run again."""
    digest = hashlib.sha256()
    paths = [tree.binary, *project.files_below(os.path.join(project.ROOT, 'tests/guest'),
                                               expectations.FOLDER, initramfs.added_folder(),
                                               expectations.own_folder()),
             os.path.join(project.ROOT, 'configs/guest.toml'), project.RUN_GUEST]
    for path in paths:
        with open(path, 'rb') as file:
            digest.update(hashlib.sha256(file.read()).digest())
    for variable in ('SMP', 'MEM', 'KERNEL_ARGS', 'QEMU_ARGS', 'FIRMWARE', 'USERLAND'):
        digest.update(f'{variable}={SETTINGS.value(variable)}\n'.encode())
    digest.update(' '.join([cell.tests, *variables_of(cell.kernel)]).encode())
    return digest.hexdigest()


# -- what is written

def write_tap(cells):
    lines = ['TAP version 13', f'1..{len(cells)}']
    for number, cell in enumerate(cells, 1):
        name = f'{cell.model} on {cell.kernel}'
        if cell.state == 'UNAVAILABLE':
            lines.append(f'ok {number} - {name} # SKIP {cell.reason}')
        else:
            lines.append(f'{"ok" if cell.state == "ok" else "not ok"} {number} - {name}')
            lines += [f'# {cell.reason}'] if cell.reason else []
    project.write(os.path.join(FOLDER, 'matrix.tap'), '\n'.join(lines) + '\n')


def write_junit(cells):
    rows = []
    for cell in cells:
        reason = html.escape(re.sub(r'[^\t\x20-\ud7ff]', '?', cell.reason))
        inner = {'ok': '', 'UNAVAILABLE': f'<skipped message="{reason}"/>'}.get(
            cell.state, f'<failure message="{reason}"/>')
        rows.append(f'  <testcase classname="{html.escape(cell.model)}" '
                    f'name="{html.escape(cell.kernel)}" time="{cell.seconds:.1f}">{inner}'
                    '</testcase>\n')
    states = [cell.state for cell in cells]
    project.write(os.path.join(FOLDER, 'matrix.xml'),
                  '<?xml version="1.0" encoding="UTF-8"?>\n'
                  f'<testsuite name="matrix" tests="{len(cells)}" '
                  f'failures="{states.count("FAIL") + states.count("missing")}" '
                  f'skipped="{states.count("UNAVAILABLE")}">\n{"".join(rows)}</testsuite>\n')


def write_cell_page(cell):
    links = [f'<li><a href="{log}">{log}</a></li>' for log in LOGS
             if os.path.exists(os.path.join(cell.folder(), log))]
    parts = [f'<p class="{cell.state}">{cell.state}: {cell.passed} passed, {cell.failed} failed, '
             f'{cell.known} known, {cell.skipped} skipped, {len(cell.violations)} violations, '
             f'{cell.notes} notes of the checker; TESTS={html.escape(cell.tests)}; '
             f'{cell.seconds:.0f} s {html.escape(cell.version)}</p>\n'
             f'<p>{html.escape(cell.reason)}</p>\n<ul>{"".join(links)}</ul>\n'
             + pages.table([row for row in cell.about.items() if row[1]]) +
             '<p><a href="../../index.html">all cells</a></p>\n']
    for title, rows in (('Failed', cell.failures), ('Skipped', cell.skips)):
        if rows:
            parts.append(f'<h2>{title}</h2>' + pages.items(rows))
    if cell.violations:
        parts.append('<h2>Violations</h2><ul>' + ''.join(
            f'<li>{html.escape(text)}</li>\n' for text in cell.violations) + '</ul>\n')
    log = os.path.join(cell.folder(), 'device.log')
    if os.path.exists(log):
        rows = re.findall(r'^(\d{1,18})\t(.*)$', project.read(
            os.path.join(cell.folder(), run_guest.BEGINS)), re.M)
        with open(log, 'rb') as file:
            spaces = region_history.read(file, [(int(offset), name) for offset, name in rows])
        parts.append('<h2>Regions, address space by address space</h2>\n'
                     '<p>Events in the order of device.log, which has no clock. A bar behind '
                     'them means that a region is held.</p>\n'
                     + region_history.page_part(spaces))
    project.write(os.path.join(cell.folder(), 'index.html'),
                  pages.page(f'{cell.model} on {cell.kernel}', ''.join(parts)))


def provenance(cells):
    """With what, where and when the cells came about; cells of several machines may differ."""
    rows = []
    for title, name in (('date', 'date'), ('commit', 'commit'), ('QEMU', 'qemu'), ('host', 'host')):
        found = sorted({cell.about[name] for cell in cells if cell.about.get(name)})
        if name == 'date' and len(found) > 1:
            found = [f'{found[0]} to {found[-1]}']
        rows.append((title, ', '.join(found) or 'not known'))
    return pages.table(rows)


def write_index(cells):
    models = list(dict.fromkeys(cell.model for cell in cells))
    kernels = list(dict.fromkeys(cell.kernel for cell in cells))
    by_name = {(cell.model, cell.kernel): cell for cell in cells}
    rows = ['<tr><th></th>' + ''.join(f'<th>{html.escape(k)}</th>' for k in kernels) + '</tr>\n']
    for model in models:
        row = f'<tr><th>{html.escape(model)}</th>'
        for kernel in kernels:
            cell = by_name.get((model, kernel))
            if cell is None:
                row += '<td></td>'
                continue
            text = html.escape(cell.state if cell.state != 'ok' else f'{cell.passed} passed')
            if cell.state in ('ok', 'FAIL'):
                text = f'<a href="cells/{cell.name}/index.html">{text}</a>'
            reason = f'<br><small>{html.escape(cell.reason)}</small>' if cell.reason else ''
            row += f'<td class="{cell.state}">{text}{reason}</td>'
        rows.append(row + '</tr>\n')
    project.write(os.path.join(FOLDER, 'index.html'), pages.page(
        'panthor on mali-csf', f'<p>Models down, kernels across; an empty cell was not asked '
        f'for, and a grey one could not be tested.</p>\n<table>\n{"".join(rows)}</table>\n'
        + provenance(cells)))


def broken_links():
    """Links of our pages that lead nowhere."""
    bad = []
    for path in project.files_below(FOLDER):
        if path.endswith('.html'):
            for target in re.findall(r'href="([^"#]+)"', project.read(path)):
                if not os.path.exists(os.path.join(os.path.dirname(path), target)):
                    bad.append(f'{os.path.relpath(path, project.ROOT)}: {target}')
    return bad


def report(cells):
    """Write every form of the result and print the table; the exit code."""
    write_tap(cells)
    write_junit(cells)
    for cell in cells:
        if cell.state in ('ok', 'FAIL'):
            write_cell_page(cell)
    write_index(cells)
    text = '\n'.join([HEADER] + [cell.row() for cell in cells]) + '\n'
    project.write(os.path.join(FOLDER, 'matrix.txt'), text)
    say('')
    say(text.rstrip('\n'))
    for cell in cells:
        if cell.reason:
            say(f'{cell.model} on {cell.kernel}: {cell.reason}')
    bad = broken_links()
    for link in bad:
        say(f'broken link: {link}')
    states = [cell.state for cell in cells]
    say(f'{states.count("ok")} cells ok, {states.count("FAIL")} failed, '
        f'{states.count("missing")} not run, {states.count("UNAVAILABLE")} unavailable; '
        f'{os.path.relpath(os.path.join(FOLDER, "index.html"), project.ROOT)}')
    if bad or 'FAIL' in states or 'missing' in states:
        return project.FAIL
    return project.PASS if 'ok' in states else project.CANNOT_TEST


def run_cells(cells):
    host_packages.provide()
    with project.Lock():
        tree = build_qemu.build(build_qemu.from_environment())
        build_guest.build(tree)
    for number, cell in enumerate(cells, 1):
        title = f'{number} of {len(cells)}: {cell.model} on {cell.kernel}, TESTS={cell.tests}'
        stamp = stamp_of(cell, tree)
        earlier = Cell(cell.model, cell.kernel, cell.tests)
        # What could not be tested may be there now.
        if earlier.load() and earlier.stamp == stamp and earlier.state in ('ok', 'FAIL'):
            cell.__dict__.update(earlier.__dict__)
            say(f'{title}: {cell.state}, from an earlier run')
            continue
        say(title)
        cell.run(stamp)
        say(f'    {cell.state} after {cell.seconds:.0f} s'
            + (f': {cell.reason}' if cell.reason else ''))
    return report(cells)


def merge(folders):
    """The cells of other machines into ours."""
    cells = choose(False)
    for folder in folders:
        if not os.path.isdir(os.path.join(folder, 'cells')):
            raise project.usage(f'{folder} is no build/matrix folder: it has no cells/')
        for cell in cells:
            if os.path.abspath(folder) != FOLDER and cell.load(folder):
                shutil.rmtree(cell.folder(), ignore_errors=True)
                shutil.copytree(cell.folder(folder), cell.folder())
    for cell in cells:
        cell.load()
    return report(cells)


def main():
    parser = SETTINGS.parser(__doc__, 'check-matrix')
    parser.add_argument('--sensible', action='store_true',
                        help='each kernel on one model, each model on one kernel')
    parser.add_argument('--merge', nargs='+', metavar='DIR', help='build/matrix of other machines')
    options = parser.parse_args()
    SETTINGS.refuse(('KERNEL', 'MODEL', 'MODULES', 'PANTHOR_KO', 'GDB', 'NAME', 'STRICT',
                    'COUNT'), 'the matrix; MODELS= and KERNELS= choose')
    SETTINGS.refuse_other_runs('check-matrix')
    project.require_host()
    if options.merge:
        return merge(options.merge)
    cells = choose(options.sensible)
    # The programs of a cell are not shared out once more.
    SETTINGS.take_out('SHARD')
    return run_cells(cells)
