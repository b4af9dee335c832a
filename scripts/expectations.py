# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run is expected not to pass, in the format of the kernel's drm/ci.

tests/guest/expectations/panthor-<what>-<kind>.txt, where <what> is a kernel
(7.3, which stands for its flavours, too, or 7.3-16k), a model (g610), both
(7.3-g610), a userland (mesa-new) or "all", and <kind> is one of

  fails   <test>,Fail    it fails, every time; passing is an error, too
  flakes  <regex>        it may fail, and may pass, whatever another file says
  skips   <regex>        the guest program is not run

A line that begins with # is a comment.  Each entry needs one right above it,
with the reason: it is printed with the result.
"""

import os
import re

import project

FOLDER = os.path.join(project.ROOT, 'tests/guest/expectations')
KINDS = ('fails', 'flakes', 'skips')


def entries(path):
    """[(entry, reason)] of a file."""
    rows, reason = [], []
    for number, line in enumerate(project.read(path).splitlines(), 1):
        line = line.strip()
        if line.startswith('#'):
            reason.append(line.lstrip('# '))
        elif not line:
            reason = []
        elif not reason:
            raise project.usage(f'{os.path.relpath(path, project.ROOT)}:{number}: no reason: '
                                'a comment right above the entry has to give it')
        else:
            rows.append((line, ' '.join(reason)))
    return rows


class Expectations:
    """Those that have one of the names: of a kernel, of a model, of both together."""

    def __init__(self, *names, folder=FOLDER):
        self.fails, self.flakes, self.skips = {}, [], []
        self.met = set()
        for name in dict.fromkeys(('all', *names)):
            for kind in KINDS:
                path = os.path.join(folder, f'panthor-{name}-{kind}.txt')
                for entry, reason in entries(path):
                    self.add(kind, entry, reason, os.path.relpath(path, project.ROOT))

    def add(self, kind, entry, reason, where):
        if kind == 'fails':
            test, comma, status = entry.rpartition(',')
            if not comma or status != 'Fail':
                raise project.usage(f'{where}: "{entry}" is not "<test>,Fail"')
            self.fails[test] = reason
            return
        try:
            pattern = re.compile(entry)
        except re.error as error:
            raise project.usage(f'{where}: "{entry}" is no regular expression: {error}') from error
        (self.flakes if kind == 'flakes' else self.skips).append((pattern, reason))

    @staticmethod
    def find(patterns, name):
        return next((reason for pattern, reason in patterns if pattern.fullmatch(name)), None)

    def skip_patterns(self):
        return [pattern.pattern for pattern, _ in self.skips]

    def skipped(self, program):
        """Why a guest program is not to be run, or None."""
        return self.find(self.skips, program)

    def judge(self, verdict, name, reason):
        """(verdict, reason) of a test, as expected; verdicts are those of Report.result()."""
        # drm/ci has these names: panthor/panthor_vm@vm_bind
        name = name.removeprefix('igt: ')
        if verdict == 'ok' and name in self.fails and not self.find(self.flakes, name):
            return 'not ok', f'passes, and is expected to fail: {self.fails[name]}'
        if verdict != 'not ok':
            return verdict, reason
        known = self.fails.get(name) or self.find(self.flakes, name)
        if known:
            return 'todo', known + (f' ({reason})' if reason else '')
        return verdict, reason
