# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run is expected not to pass, in the format of the kernel's drm/ci.

tests/guest/expectations/panthor-<what>-<kind>.txt, where <what> is a kernel
(7.3, which stands for its flavours, too, or 7.3-16k), a model (g610), both
(7.3-g610), a userland (mesa-new) or "all", and <kind> is one of

  fails   <test>,Fail    it fails, every time; passing is an error, too.  Crash and
                         Timeout, which drm/ci has as well, are ways to fail
  flakes  <regex>        it may fail, and may pass, whatever another file says
  skips   <regex>        the guest program is not run

A line that begins with # is a comment.  Each entry needs one right above it,
with the reason: it is printed with the result.

EXPECTATIONS names a folder with more of them, of the reader's own.  There the
reason may be missing, as in the files of a kernel tree, drivers/gpu/drm/ci/xfails,
in which <what> is a board: [boards] of configs/guest.toml has its model.
"""

import os
import re

from malicsf import project
from malicsf.settings import SETTINGS

FOLDER = os.path.join(project.ROOT, 'tests/guest/expectations')
KINDS = ('fails', 'flakes', 'skips')
# deqp-runner's and igt-runner's words for what we only know as a failure
FAILURES = ('Fail', 'Crash', 'Timeout')


def own_folder():
    """The folder that EXPECTATIONS names, or ''"""
    folder = SETTINGS.text('EXPECTATIONS')
    if folder and not os.path.isdir(folder):
        raise project.usage(f'EXPECTATIONS={folder} is no folder')
    if folder and not any(re.fullmatch(rf'panthor-.+-({"|".join(KINDS)})\.txt', name)
                          for name in os.listdir(folder)):
        raise project.usage(f'EXPECTATIONS={folder} holds no panthor-<what>-fails.txt, -flakes.txt '
                            'or -skips.txt')
    return folder


def entries(path, must_have_reason=True):
    """[(entry, reason)] of a file."""
    rows, reason = [], []
    for number, line in enumerate(project.read(path).splitlines(), 1):
        line = line.strip()
        if line.startswith('#'):
            reason.append(line.lstrip('# '))
        elif not line:
            reason = []
        elif not reason and must_have_reason:
            raise project.usage(f'{os.path.relpath(path, project.ROOT)}:{number}: no reason: '
                                'a comment right above the entry has to give it')
        else:
            rows.append((line, ' '.join(reason) or f'expected by {os.path.basename(path)}'))
    return rows


class Expectations:
    """Those that have one of the names: of a kernel, of a model, of both together.

    own: the reader's own folder, or ''; own_kernel: the kernel is none of the archive, and
    may have repaired what fails there
    """

    def __init__(self, *names, folder=FOLDER, own='', own_kernel=False):
        self.fails, self.flakes, self.skips = {}, [], []
        for name in dict.fromkeys(('all', *names)):
            self.read(folder, name, may_pass=own_kernel)
        boards = project.config('guest')['boards'] if own else {}
        for name in dict.fromkeys(('all', *names, *(boards[n] for n in names if n in boards))):
            if own:
                self.read(own, name, must_have_reason=False)

    def read(self, folder, name, may_pass=False, must_have_reason=True):
        for kind in KINDS:
            path = os.path.join(folder, f'panthor-{name}-{kind}.txt')
            for entry, reason in entries(path, must_have_reason):
                self.add(kind, entry, reason, os.path.relpath(path, project.ROOT), may_pass)

    def add(self, kind, entry, reason, where, may_pass=False):
        if kind == 'fails':
            test, comma, status = entry.rpartition(',')
            if not comma or status not in FAILURES:
                raise project.usage(f'{where}: "{entry}" is not "<test>,Fail"; in place of Fail '
                                    f'there may be {" or ".join(FAILURES[1:])}')
            if may_pass:
                self.flakes.append((re.compile(re.escape(test)), reason))
            else:
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


def of(kernel, settings):
    """What a run is expected not to pass; settings: of run-guest.py"""
    model = settings.model.partition(',')[0]
    names = [kernel.series_name]
    # A kernel of one's own has those of its series, by its version.
    names += [] if kernel.is_own else [kernel.label]
    return Expectations(
        *names, model, *(f'{name}-{model}' for name in names),
        *filter(None, [settings.userland]), own=settings.expectations, own_kernel=kernel.is_own)
