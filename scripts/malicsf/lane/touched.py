# SPDX-License-Identifier: GPL-2.0-or-later
"""What a patch touches, and which guest programs get there.

tests/kernel/reach.tsv has what programs reach which functions of panthor, as
scripts/map-reach.py counted it, and what each program costs.
"""

import collections
import os

from malicsf import project
from malicsf.build import build_panthor
from malicsf.check import check_reach

MAP = os.path.join(project.ROOT, 'tests/kernel/reach.tsv')
PROGRAM, FUNCTION = 'program', 'function'

Function = collections.namedtuple('Function', 'name file line')


def bodies(text):
    """{name: (line, text)} of the functions of a C file"""
    rows = check_reach.definitions(check_reach.without_comments(text))
    ends = [offset for offset, _ in rows[1:]] + [len(text)]
    found = {}
    for (start, name), limit in zip(rows, ends):
        end = text.find('\n}\n', start, limit)
        found[name] = (text.count('\n', 0, start) + 1,
                       text[start:limit if end < 0 else end + 3])
    return found


def first_change(old, new):
    """Number of lines before the first one that differs"""
    pairs = zip(old.splitlines(), new.splitlines())
    return next((number for number, (one, other) in enumerate(pairs) if one != other), 0)


def changed(before, after):
    """[Function] that differ between two trees, each with the first line that does in after.

    A file's changes outside of functions are one more, of no name.
    """
    found = []
    folder = os.path.join(after, build_panthor.DRIVER)
    names = sorted(name for name in os.listdir(folder) if name.endswith(('.c', '.h')))
    for file in names:
        old, new = (project.read(os.path.join(tree, build_panthor.DRIVER, file))
                    for tree in (before, after))
        if old == new:
            continue
        had, has = bodies(old), bodies(new)
        here = [Function(name, file, line + first_change(had.get(name, (0, ''))[1], text))
                for name, (line, text) in has.items() if had.get(name, (0, ''))[1] != text]
        here += [Function(name, file, had[name][0]) for name in had if name not in has]
        found += here or [Function('', file, 1 + first_change(old, new))]
    return found


def load(path=MAP):
    """({program: seconds of a processor}, {function: [programs]})"""
    seconds, reach = {}, {}
    for line in project.read(path).splitlines():
        kind, _, rest = line.partition('\t')
        name, _, value = rest.partition('\t')
        if kind == PROGRAM:
            seconds[name] = float(value)
        elif kind == FUNCTION:
            reach[name] = value.split()
    return seconds, reach


def ranked(functions, seconds, reach):
    """[programs that reach one of the functions], those that are worth most for their time first.

    A function that few programs reach says more than one that all do.
    """
    worth = collections.Counter()
    for function in functions:
        programs = reach.get(function.name, [])
        for program in programs:
            worth[program] += 1 / len(programs)
    return sorted(worth, key=lambda name: -worth[name] / (0.5 + seconds.get(name, 10)))


def chosen(functions, usual, budget, table=None):
    """Programs for TESTS=touched: those that get there, then the usual ones, within a budget.

    usual: what runs if nothing is known; budget: seconds of a processor.  The programs run in
    the order of usual, what is not in it before.
    """
    seconds, reach = table or load()
    order = ranked(functions, seconds, reach)
    picked, left = [], budget
    for name in [*order, *(name for name in usual if name not in order)]:
        cost = seconds.get(name, 0)
        if cost <= left or not picked:
            picked.append(name)
            left -= cost
    return picked
