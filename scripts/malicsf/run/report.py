# SPDX-License-Identifier: GPL-2.0-or-later
"""One HTML page of a run, to be mailed: RUN/report.html.

RUN is a run's folder, build/run/7.3-g610 say, or a cell of build/matrix; without
it, it is the run that ended last.  The page needs no other file, no network and no
scripts.  What it leaves out of long logs it says.
"""

import functools
import html
import os
import re

from malicsf import pages, project
from malicsf.run import device_log, kernel_log, region_history, results, run_guest, time_line
from malicsf.settings import SETTINGS

PAGE = 'report.html'
CHECKER = os.path.join(project.ROOT, 'docs/devel/checker.rst')
EXCEPTIONS = os.path.join(project.ROOT, 'include/hw/gpu/mali-csf/fw-interface.h')
# A mail with more is not delivered everywhere, and what nobody looks through helps nobody.
MAX_ROWS = 40           # of a table
MAX_EPISODES = 600      # of all address spaces
BEFORE = 8              # lines of the log that stand before a finding
MAX_KERNEL_LINES = 60
FAULT = re.compile(r'mali_csf_(as_fault|cs_fault_at|cs_fault|gpu_fault) (\S+) (.*)')
AT = re.compile(r'csg (\d+) cs (\d+) va (0x[0-9a-f]+) word 0x[0-9a-f]+ (.*)')
STREAM = re.compile(r'csg (\d+) cs (\d+) (fault|fatal) type 0x([0-9a-f]+) info (0x[0-9a-f]+)')
INSTRUCTION = re.compile(r'mali_csf_cs_(?:instruction|fault_at) (\S+) ' + AT.pattern)


class Fault:
    """One that the device has told of; stream: (slot, stream) of a stream's, or None"""

    def __init__(self, program, kind, text, instruction='', stream=None):
        self.program, self.kind, self.text = program, kind, text
        self.instruction, self.stream, self.times = instruction, stream, 1

    def key(self):
        return self.program, self.kind, self.text, self.instruction


class Finding:
    """Those of the checker with one identifier in one program: the first, and how many.

    before: (event, line) of the log right before it; instruction: the last that the log
    names before it, or ''
    """

    def __init__(self, program, name, text, before, instruction):
        self.program, self.name, self.text, self.times = program, name, text, 0
        self.before, self.instruction = before, instruction


class Log:
    """What a report takes from device.log, read once; begins: [(offset, program)]"""

    def __init__(self, lines, begins=()):
        self.faults, self.findings = [], {}
        self.waiting = {}       # {stream: instruction that has faulted, whose fault is to come}
        self.recent, self.instruction = [], ''
        offset, later, program = 0, list(begins), ''
        for line in lines:
            while later and later[0][0] <= offset:
                program = later.pop(0)[1]
            offset += len(line)
            if b'mali_csf_' in line:
                self.take(line.decode('utf-8', 'replace').strip(), program)

    def take(self, text, program):
        text = text[text.index('mali_csf_'):]
        if found := INSTRUCTION.match(text):
            self.instruction = (f'{found[5]} at {found[4]}, slot {found[2]}, '
                                f'stream {found[3]}')
        if found := FAULT.match(text):
            self.fault(program, found[1], found[3])
        elif found := device_log.FINDING.match(text):
            self.finding(program, found[1])
        self.recent = self.recent[1 - BEFORE:] + [text.removeprefix('mali_csf_')]

    def fault(self, program, kind, rest):
        at, stream = AT.match(rest), STREAM.match(rest)
        if at:
            instruction = f'{at[3]}: {at[4]}'
            # A fault of the MMU has been told of right before, that of a stream comes after.
            if self.recent and self.recent[-1].startswith('as_fault'):
                self.faults[-1].instruction = instruction
            else:
                self.waiting[at[1], at[2]] = instruction
        elif stream:
            self.faults.append(Fault(
                program, 'CS_' + stream[3].upper(),
                f'{exception(int(stream[4], 16))}, info {stream[5]}',
                self.waiting.pop((stream[1], stream[2]), ''), (stream[1], stream[2])))
        else:
            self.faults.append(Fault(program, kind.removesuffix('_fault').upper(), rest))

    def finding(self, program, rest):
        detail = device_log.DETAIL.fullmatch(rest)
        if not detail:
            return
        row = self.findings.setdefault((program, detail[2]), Finding(
            program, detail[2], rest, list(self.recent), self.instruction))
        row.times += int(detail[3] or 1)

    def faults_counted(self):
        """The faults, those that are the same but for the stream as one, in order"""
        counted = {}
        for fault in self.faults:
            first = counted.setdefault(fault.key(), fault)
            first.times += first is not fault
        return list(counted.values())


@functools.cache
def exceptions():
    """{number: name}, of the firmware's interface"""
    return {int(value, 16): name for name, value in re.findall(
        r'\bCS_EXCEPTION_(\w+) = (0x[0-9a-f]+),', project.read(EXCEPTIONS))}


def exception(number):
    return exceptions().get(number, f'exception 0x{number:x}')


def meaning(name):
    """What docs/devel/checker.rst says of an identifier, without its markup; or ''"""
    found = re.search(rf'^``{re.escape(name)}``\n((?:  .*\n|\n(?=  ))+)', project.read(CHECKER), re.M)
    text = ' '.join(found[1].split()) if found else ''
    return re.sub(r'`([^`<]+)`_', r'\1', re.sub(r'(\*{1,2}|``)(.+?)\1', r'\2', text))


def driver_of(line):
    """The function of the driver that causes an event of the log, or ''"""
    events = project.config('driver')['events']
    # A line that another one has cut off has fewer words.
    words = line.split() + [''] * 7
    name = {'as_command': words[4], 'csg_state': words[4],
            'cs_fault': 'cs_' + words[6]}.get(words[0], words[0])
    return events.get(name, '')


# -- the parts of the page

def verdict_part(result):
    tests = result['tests']
    count = {verdict: sum(test['verdict'] == verdict for test in tests)
             for verdict in results.VERDICTS}
    state = 'FAIL' if count['not ok'] or not tests else 'ok'
    text = (f'{"FAILED" if state == "FAIL" else "PASSED"}: {count["ok"]} passed, '
            f'{count["not ok"]} failed, {count["skip"]} skipped, {count["todo"]} known findings, '
            f'in {result["seconds"]:.0f} s')
    about = [(name, value) for name, value in result['about'].items() if value]
    host = result.get('host', {}).get('text')
    return (f'<p class="{state}"><b>{html.escape(text)}</b></p>\n'
            + pages.table(about + ([('load of the host', host.removeprefix('host: '))] if host else [])))


def tests_part(result, verdicts):
    """The tests with some verdicts; verdicts: {verdict: title}"""
    parts = []
    for verdict, title in verdicts.items():
        tests = [test for test in result['tests'] if test['verdict'] == verdict]
        if not tests:
            continue
        parts.append(f'<h2>{title}</h2>\n')
        shown = tests if verdict == 'not ok' else tests[:MAX_ROWS]
        parts.append(pages.items([(results.title(test), test['reason']) for test in shown])
                     + more(tests, shown))
        parts += [f'<pre>{html.escape(chr(10).join(test["details"]))}</pre>\n'
                  for test in shown if test['details'] and verdict == 'not ok']
    return ''.join(parts)


def programs_part(result):
    rows = {}
    for test in result['tests']:
        row = rows.setdefault(test['program'], dict.fromkeys((*results.VERDICTS, 'seconds'), 0))
        row[test['verdict']] += 1
        row['seconds'] += test['seconds']
    return '<h2>Programs</h2>\n' + pages.table(
        [[name, *(str(row[verdict]) for verdict in results.VERDICTS), f'{row["seconds"]:.1f} s']
         for name, row in rows.items()], ('', 'passed', 'failed', 'skipped', 'known', 'time'))


def more(every, shown):
    left = len(every) - len(shown)
    return f'<p>And {left} more.</p>\n' if left else ''


def findings_part(log, result):
    """What the checker has found: each kind of it with what it means and whose it may be"""
    allowed = {(row['program'], row['name']) for row in result.get('findings', [])
               if row['allowed']}
    functions = project.config('driver')['findings']
    violations = [row for row in log.findings.values() if not row.name.startswith('note-')]
    notes = [row for row in log.findings.values() if row.name.startswith('note-')]
    parts = ['<h2>Violations</h2>\n'] if violations else \
        ['<h2>Violations</h2>\n<p>The checker has found none.</p>\n']
    for row in violations[:MAX_ROWS]:
        where = f'in {row.program}' if row.program else 'before the first program'
        often = 'once' if row.times == 1 else f'{row.times} times'
        meant = '; the program provokes it' if (row.program, row.name) in allowed else ''
        parts.append(f'<h3>{html.escape(row.name)}</h3>\n'
                     f'<p>{html.escape(f"{often} {where}{meant}. The first: {row.text}")}</p>\n'
                     f'<p>{html.escape(meaning(row.name))}</p>\n')
        facts = [('the driver', ', '.join(functions.get(row.name, [])))]
        if row.instruction:
            facts.append(('the last instruction', row.instruction))
        parts.append(pages.table([fact for fact in facts if fact[1]]))
        parts.append('<p>In the log before it, and what the driver does there:</p>\n'
                     + pages.table([(line, driver_of(line)) for line in row.before]))
    parts.append(more(violations, violations[:MAX_ROWS]))
    if notes:
        parts.append('<h2>Notes of the checker</h2>\n' + pages.table(
            [(row.name, row.program or 'before the first program', str(row.times))
             for row in notes[:MAX_ROWS]], ('', 'program', 'times')) + more(notes, notes[:MAX_ROWS]))
    return ''.join(parts)


def faults_part(log):
    faults = log.faults_counted()
    if not faults:
        return '<h2>Faults</h2>\n<p>None.</p>\n'
    shown = faults[:MAX_ROWS]
    events = project.config('driver')['events']
    rows = [(fault.program or '', fault.kind, fault.text, str(fault.times), fault.instruction,
             events.get({'AS': 'as_fault', 'GPU': 'gpu_fault'}.get(fault.kind, fault.kind.lower()), ''))
            for fault in shown]
    return '<h2>Faults</h2>\n' + pages.table(
        rows, ('program', 'of', 'what', 'times', 'instruction', 'the driver')) + more(faults, shown)


def kernel_part(console):
    judge = kernel_log.Judge()
    said = (kernel_log.text_of(line) for line in console)
    lines = [text for text in said if text is not None and judge.kind(text)]
    if not lines:
        return ''
    shown = lines[:MAX_KERNEL_LINES]
    return ('<h2>Trouble in the kernel\'s log</h2>\n'
            f'<pre>{html.escape(chr(10).join(shown))}</pre>\n' + more(lines, shown))


def episodes_each(spaces):
    """How many episodes of each space and program there is room for"""
    counts = {}
    for space, episodes in spaces.items():
        for program, _ in episodes:
            counts[space, program] = counts.get((space, program), 0) + 1
    return next((most for most in (500, 200, 100, 50, 20, 10, 5, 2)
                 if sum(min(count, most) for count in counts.values()) <= MAX_EPISODES), 1)


def history_part(spaces):
    return ('<h2>Regions, address space by address space</h2>\n'
            '<p>Events in the order of device.log. A bar behind them means that a region is '
            'held.</p>\n' + region_history.page_part(spaces, episodes_each(spaces)))


def write(folder):
    """Write the page of a run; its path."""
    result = results.read(folder)
    if result is None:
        raise project.usage(f'RUN={folder} has no result.json: it is no folder of a run, or its '
                            'run has not come to an end')
    path = os.path.join(folder, 'device.log')
    begins = [(int(offset), name) for offset, name in re.findall(
        r'^(\d{1,18})\t(.*)$', project.read(os.path.join(folder, run_guest.BEGINS)), re.M)]
    console = project.read_lossy(os.path.join(folder, 'console.log')).splitlines()
    drawing = findings = history = ''
    if os.path.exists(path):
        with open(path, 'rb') as file:
            log = Log(file, begins)
            file.seek(0)
            drawing = '<h2>The run</h2>\n' + time_line.page_part(time_line.read(file, begins))
            file.seek(0)
            history = history_part(region_history.read(file, begins))
        findings = findings_part(log, result) + faults_part(log)
    parts = [verdict_part(result), drawing, tests_part(result, {'not ok': 'Failed'}), findings,
             kernel_part(console), history,
             tests_part(result, {'todo': 'Known findings', 'skip': 'Skipped'}),
             programs_part(result)]
    report = os.path.join(folder, PAGE)
    project.write(report, pages.page(f'mali-csf: {result["name"]}', ''.join(parts)))
    return report


def newest():
    """The folder of the run that ended last."""
    rows = []
    for name in os.listdir(run_guest.RUNS) if os.path.isdir(run_guest.RUNS) else ():
        path = os.path.join(run_guest.RUNS, name, 'result.json')
        if os.path.exists(path):
            rows.append((os.path.getmtime(path), os.path.dirname(path)))
    if not rows:
        raise project.usage('there is no run yet; RUN= names the folder of one, which make boot '
                            'makes')
    return max(rows)[1]


def main():
    SETTINGS.parser(__doc__, 'report').parse_args()
    folder = SETTINGS.text('RUN') or newest()
    if not os.path.isdir(folder):
        raise project.usage(f'RUN={folder} is no folder')
    path = write(folder)
    project.say(f'{os.path.relpath(path)}: {(os.path.getsize(path) + 1023) // 1024} KiB')
    return project.PASS
