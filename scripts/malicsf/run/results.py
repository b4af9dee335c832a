# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run came to: result.json, which the other scripts read, and forms of it.

result.json is written once, at the end of a run:

  format     1; another number means another form
  name       of the run's folder
  seconds    that it took
  about      {property: text}: the kernel, the model and what else was chosen
  tests      [{program, name, verdict, reason, seconds, details}] in the order in
             which they came.  verdict: "ok", "not ok", "skip", or "todo", which is
             a known finding; seconds: since the one before; details: lines that
             the program said with it
  and what Report.extra has been given

result.tap and result.xml (JUnit) say the same to tools of others.
"""

import fnmatch
import json
import os
import re
import time
import xml.etree.ElementTree as ElementTree

from malicsf import project
from malicsf.project import say

FORMAT = 1
FILES = ('result.json', 'result.tap', 'result.xml')
VERDICTS = ('ok', 'not ok', 'skip', 'todo')
# On a terminal: a colour, and the word
SHOWN = {'ok': ('good', 'ok    '), 'not ok': ('bad', 'not ok'), 'skip': ('odd', 'skip  '),
         'todo': ('odd', 'known ')}
# What XML 1.0 cannot hold
NOT_XML = re.compile('[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


class Report:
    """Results as they come: on the terminal, and for the files at the end."""

    def __init__(self, tap, must_run, expected):
        self.tap, self.must_run, self.expected = tap, must_run, expected
        self.rows, self.lines, self.pending = [], [], []
        self.tests, self.about, self.extra = [], {}, {}
        self.last_failed = False
        self.last_time = time.monotonic()
        self.held = None        # what came since hold(), as (function, arguments)

    # -- what a program has said is held back until it is known whether it counts

    def hold(self):
        self.held = []

    def release(self):
        """All that was held back counts."""
        held, self.held = self.held or [], None
        for function, arguments in held:
            function(*arguments)

    def failures_held(self):
        """[(name, reason)] of the tests held back that failed against expectation"""
        rows = [arguments for function, arguments in self.held or [] if function == self.result]
        return [(name, reason) for verdict, name, reason, _ in rows
                if self.expected.judge(verdict, name, reason)[0] == 'not ok']

    def drop(self, why):
        """Nothing of what was held back counts; it becomes remarks."""
        failures, self.held = self.failures_held(), None
        self.remark(why)
        for name, reason in failures:
            self.emit(f'# not counted: {name}: {reason}')

    def emit(self, line):
        self.lines.append(line)
        if self.tap:
            print(line, flush=True)

    def remark(self, text):
        """A line about the run, which belongs to no test"""
        self.emit('# ' + text)
        if not self.tap:
            say(text)

    def comment(self, line):
        if self.held is not None:
            self.held.append((self.comment, (line,)))
            return
        self.emit(line)
        if self.last_failed and not self.tap:
            say('       ' + line)
        else:
            self.pending.append(line)
        if self.last_failed:
            self.tests[-1]['details'].append(line.removeprefix('# '))

    def begin(self):
        """What follows is not part of the time of the test before."""
        self.last_time = time.monotonic()

    def result(self, verdict, name, reason='', now=None):
        """verdict: one of VERDICTS; now: when it came, if that was before"""
        now = now or time.monotonic()
        if self.held is not None:
            self.held.append((self.result, (verdict, name, reason, now)))
            return
        name = name.replace('#', r'\#')
        if verdict == 'skip' and self.must_run and fnmatch.fnmatch(name, self.must_run):
            verdict, reason = 'not ok', f'must not be skipped: {reason}'
        verdict, reason = self.expected.judge(verdict, name, reason)
        self.rows.append((verdict, name, reason))
        program, _, rest = name.replace(r'\#', '#').partition(': ')
        self.tests.append({
            'program': program, 'name': rest, 'verdict': verdict, 'reason': reason,
            'seconds': round(now - self.last_time, 3),
            'details': [line.removeprefix('# ') for line in self.pending]})
        self.last_time = now
        number = len(self.rows)
        if verdict in ('skip', 'todo'):
            word = 'ok' if verdict == 'skip' else 'not ok'
            self.emit(f'{word} {number} - {name} # {verdict.upper()} {reason}')
        else:
            self.emit(f'{verdict} {number} - {name}')
            if reason:
                self.emit(f'# {reason}')
        if not self.tap:
            say(f'{project.coloured(*SHOWN[verdict])} {name}' + (f'  ({reason})' if reason else ''))
            if verdict == 'not ok':
                for line in self.pending:
                    say('       ' + line)
        self.last_failed = verdict == 'not ok'
        self.pending = []

    def count(self, verdict):
        return sum(row[0] == verdict for row in self.rows)

    def summary(self):
        text = f'{self.count("ok")} passed, {self.count("not ok")} failed'
        if self.count('skip'):
            text += f', {self.count("skip")} skipped'
        if self.count('todo'):
            text += f', {self.count("todo")} known findings'
        return text

    def write(self, folder, name, seconds):
        """The end of it: the plan, and every file."""
        self.emit(f'1..{len(self.rows)}')
        result = {'format': FORMAT, 'name': name, 'seconds': round(seconds, 1),
                  'about': self.about, 'tests': self.tests, **self.extra}
        project.write(os.path.join(folder, 'result.json'),
                      json.dumps(result, indent=1) + '\n')
        project.write(os.path.join(folder, 'result.tap'),
                      '\n'.join(['TAP version 13'] + self.lines) + '\n')
        project.write(os.path.join(folder, 'result.xml'), junit(result))


def xml_text(text):
    return NOT_XML.sub('?', text)


def junit(result):
    """A result as JUnit's XML."""
    tests = result['tests']
    count = {verdict: sum(test['verdict'] == verdict for test in tests) for verdict in VERDICTS}
    suite = ElementTree.Element('testsuite', {
        'name': xml_text(result['name']), 'tests': str(len(tests)),
        'failures': str(count['not ok']), 'errors': '0',
        'skipped': str(count['skip'] + count['todo']), 'time': f'{result["seconds"]:.1f}'})
    properties = ElementTree.SubElement(suite, 'properties')
    for name, value in result['about'].items():
        ElementTree.SubElement(properties, 'property', name=name, value=xml_text(value))
    for test in tests:
        case = ElementTree.SubElement(suite, 'testcase', {
            'classname': xml_text(test['program']),
            'name': xml_text(test['name'] or test['program']), 'time': f'{test["seconds"]:.3f}'})
        reason = xml_text(test['reason'])
        if test['verdict'] == 'not ok':
            failure = ElementTree.SubElement(case, 'failure', message=reason or 'failed')
            failure.text = xml_text('\n'.join(test['details'])) or None
        elif test['verdict'] == 'skip':
            ElementTree.SubElement(case, 'skipped', message=reason)
        elif test['verdict'] == 'todo':
            ElementTree.SubElement(case, 'skipped', message=f'known finding: {reason}')
    ElementTree.indent(suite, ' ')
    return ElementTree.tostring(suite, encoding='utf-8', xml_declaration=True).decode() + '\n'


def read(folder):
    """The result.json of a folder; None if its run has not come to an end."""
    path = os.path.join(folder, 'result.json')
    try:
        result = json.loads(project.read_lossy(path) or 'null')
    except ValueError:
        result = {}
    if result is None:
        return None
    if not isinstance(result, dict) or result.get('format') != FORMAT:
        raise project.Stop(f'{path} is damaged, or of another version of these scripts: run it '
                           'again')
    return result


def failed_programs(folder):
    """The programs that failed in the last run of a folder"""
    return {test['program'] for test in (read(folder) or {'tests': []})['tests']
            if test['verdict'] == 'not ok'}


def title(test):
    """Program and name of a test, as in TAP."""
    return f'{test["program"]}: {test["name"]}' if test['name'] else test['program']
