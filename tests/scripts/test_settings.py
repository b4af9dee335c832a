# SPDX-License-Identifier: GPL-2.0-or-later
"""A command says of each variable that it reads what becomes of it.

Which functions a command reaches is read from the sources: every function, class and
assignment of a module that one of those names which are reached already.
"""

import ast
import collections
import functools
import os
import re
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPTS = os.path.join(ROOT, 'scripts')
sys.path.insert(0, SCRIPTS)

from malicsf import project, settings  # noqa: E402

READERS = ('text', 'words', 'number', 'is_on', 'value', 'take_out')
# What another command reads that is started: the assignment with its path, and its main()
STARTED = {('malicsf.project', 'RUN_GUEST'): ('malicsf.run.run_guest', 'main'),
           ('malicsf.lane.check_patch', 'EXPLORE'): ('malicsf.explore.explore', 'main')}
# Where a variable is read that most commands are not about
ASIDE = {('malicsf.build.build_guest', 'tree_header', 'KERNEL'):
         'whose header the programs get, if it is a tree; a test that boots names its kernel'}

Unit = collections.namedtuple('Unit', 'reads settled words names')


def module_of(path):
    return os.path.relpath(path, SCRIPTS).removesuffix('.py').replace(os.sep, '.')


class Module:
    """The functions, classes and assignments of a file, and the names that it imports."""

    def __init__(self, name, text):
        self.name, self.tree = name, ast.parse(text)
        self.nodes, self.imports = {}, {}
        for node in self.tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                self.nodes[node.name] = node
            elif isinstance(node, ast.Assign):
                self.nodes.update((target.id, node) for target in node.targets
                                  if isinstance(target, ast.Name))
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                self.imports.update((name.asname or name.name, (node.module, name.name))
                                    for name in node.names)


class Sources:

    def __init__(self, texts):
        """Of {module: text}"""
        self.modules = {name: Module(name, text) for name, text in texts.items()}
        self.unit = functools.cache(self.unit)

    def find(self, module, name):
        """(module, name) of what a name of a module is, wherever it comes from, or None"""
        if module in self.modules and name in self.modules[module].nodes:
            return module, name
        found = self.modules[module].imports.get(name) if module in self.modules else None
        return self.find(*found) if found else None

    def strings(self, module, node):
        """The strings that a list holds, be it written there or assigned to a name"""
        if isinstance(node, ast.Name):
            found = self.find(module, node.id)
            node = found and self.modules[found[0]].nodes[found[1]]
            return self.strings(found[0], node.value) if isinstance(node, ast.Assign) else set()
        return {inner.value for inner in ast.walk(node)
                if isinstance(inner, ast.Constant)}.union(
                    *(self.strings(module, inner.value) for inner in ast.walk(node)
                      if isinstance(inner, ast.Starred)))

    def unit(self, module, name):
        unit = Unit(set(), set(), set(), set())
        for node in ast.walk(self.modules[module].nodes[name]):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and \
                    isinstance(node.func.value, ast.Name) and node.func.value.id == 'SETTINGS':
                method = node.func.attr
                if method == 'shard':
                    unit.reads.add('SHARD')
                elif method in READERS and isinstance(node.args[0], ast.Constant):
                    unit.reads.add(node.args[0].value)
                elif method == 'refuse':
                    unit.settled.update(self.strings(module, node.args[0]))
                elif method == 'refuse_other_runs':
                    unit.settled.update(set(settings.GUEST) - set(said_of(node.args[0].value)))
                elif method == 'set':
                    unit.settled.update(word.arg for word in node.keywords)
            elif isinstance(node, ast.List):
                # NAME=value in the command line of a script that is started
                unit.settled.update(found[1] for word in node.elts if (
                    found := re.match(r"f?'([A-Z_]+)=", ast.unparse(word))))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                unit.words.add(node.value)
            elif isinstance(node, ast.Name):
                unit.names.add(self.find(module, node.id))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                other = '.'.join(self.modules[module].imports.get(node.value.id, ()))
                unit.names.add(self.find(other, node.attr))
        unit.names.discard(None)
        return unit

    def reached(self, start, started=True):
        """{(module, name): what names it} of all that a function reaches

        started: in the commands that it starts, too
        """
        found, todo = {start: None}, [start]
        for module, name in todo:
            names = set(self.unit(module, name).names)
            if started and (module, name) in STARTED:
                names.add(STARTED[module, name])
            for other in sorted(names - found.keys()):
                found[other] = module, name
                todo.append(other)
        return found

    def unsaid(self, start, said):
        """Lines on each variable that is read from a function on, and is none of those said"""
        reached = self.reached(start)
        settled = set().union(*(self.unit(*place).settled
                                for place in self.reached(start, started=False)))
        lines = {}
        for place in reached:
            for name in self.unit(*place).reads - set(said) - settled:
                if (*place, name) not in ASIDE:
                    path = [place]
                    while reached[path[-1]]:
                        path.append(reached[path[-1]])
                    lines.setdefault(name, f'{name} is read by ' + ', for '.join(
                        f'{module}.{unit}' for module, unit in path))
        return sorted(lines.values())

    def unread(self, start, said):
        """Those of the variables said that nothing names from a function on"""
        units = [self.unit(*place) for place in self.reached(start)
                 if place[0] != 'malicsf.settings']
        return sorted(set(said) - set().union(*(unit.reads | unit.words for unit in units)))


@functools.cache
def sources():
    paths = [path for path in project.files_below(os.path.join(SCRIPTS, 'malicsf'))
             if path.endswith('.py')]
    return Sources({module_of(path): project.read(path) for path in paths})


def commands():
    """{command: (module, 'main')}"""
    found = {}
    for name in os.listdir(SCRIPTS):
        text = project.read(os.path.join(SCRIPTS, name)) if name.endswith('.py') else ''
        call = re.search(r'(\w+)\.main\b', text)
        if call:
            folder = re.search(rf'from (\S+) import .*\b{call[1]}\b', text)[1]
            found[name.removesuffix('.py')] = f'{folder}.{call[1]}', 'main'
    return found


def said_of(command):
    return settings.COMMANDS.get(command, []) + settings.READ.get(command, [])


class CommandsTest(unittest.TestCase):

    def test_each_variable_that_is_read(self):
        """It is in the help of the command, or the command refuses it or sets it itself."""
        self.assertGreater(len(commands()), 35)
        between = [row.name for row in settings.BETWEEN]
        for command, start in sorted(commands().items()):
            with self.subTest(command):
                self.assertEqual(sources().unsaid(start, said_of(command) + between), [])

    def test_each_variable_of_the_help(self):
        for command, start in sorted(commands().items()):
            with self.subTest(command):
                self.assertEqual(sources().unread(start, said_of(command)), [])

    def test_rows_are_of_commands(self):
        self.assertLessEqual(settings.COMMANDS.keys() | settings.READ.keys(), commands().keys())

    def test_arguments_come_in_time(self):
        """What is read when a module is imported can only be in the environment."""
        early = collections.defaultdict(set)
        for command in settings.COMMANDS:
            for module, name in sources().reached(commands()[command], started=False):
                if isinstance(sources().modules[module].nodes[name], ast.Assign):
                    early[command] |= sources().unit(module, name).reads
        self.assertIn('CACHE', early['run-guest'])
        for command, names in settings.COMMANDS.items():
            self.assertEqual(early[command] & set(names), set(), command)


class SourcesTest(unittest.TestCase):
    """What the search itself finds"""

    TEXTS = {
        'a': 'from p import b\nfrom p.b import Run, other\n'
             'def main():\n    Run()\n    b.more()\n',
        'p.b': "KINDS = ('MODEL', 'SMP')\n"
               "def helper():\n    SETTINGS.text('TESTS')\n"
               "class Run:\n    def go(self):\n        helper()\n"
               "def more():\n    SETTINGS.shard()\n"
               "def other():\n    SETTINGS.number('MEM', 1)\n"
               "def none():\n    SETTINGS.refuse((*KINDS, 'GDB'), 'it')\n"}

    def unsaid(self, more='', said=()):
        found = Sources(dict(self.TEXTS, a=self.TEXTS['a'] + more))
        return [line.split()[0] for line in found.unsaid(('a', 'main'), said)]

    def test_read(self):
        self.assertEqual(self.unsaid(), ['SHARD', 'TESTS'])
        self.assertEqual(self.unsaid(said=['TESTS']), ['SHARD'])

    def test_called(self):
        self.assertEqual(self.unsaid('    other()\n'), ['MEM', 'SHARD', 'TESTS'])

    def test_unread(self):
        found = Sources(dict(self.TEXTS))
        self.assertEqual(found.unread(('a', 'main'), ['TESTS', 'MEM', 'SHARD']), ['MEM'])

    def test_settled(self):
        self.assertEqual(self.unsaid("    SETTINGS.is_on('SMP')\n"), ['SHARD', 'SMP', 'TESTS'])
        self.assertEqual(self.unsaid("    SETTINGS.is_on('SMP')\n    b.none()\n"),
                         ['SHARD', 'TESTS'])
        self.assertEqual(self.unsaid("    SETTINGS.set(TESTS='x')\n    start([f'SHARD={1}'])\n"),
                         [])


if __name__ == '__main__':
    unittest.main()
