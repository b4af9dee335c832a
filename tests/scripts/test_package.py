# SPDX-License-Identifier: GPL-2.0-or-later
"""The floors of scripts/malicsf: a module imports of its own folder and of those below."""

import ast
import importlib
import os
import sys
import unittest

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../scripts')
sys.path.insert(0, SCRIPTS)

from malicsf import settings  # noqa: E402

# From the ground
FLOORS = ['', 'build', 'run', 'check', 'lane', 'explore']
LONGEST_COMMAND = 15    # lines of a file that only calls


def imported(path):
    """Folders of the package that a file imports of, '' for what all share."""
    with open(path, encoding='utf-8') as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or '').split('.')[0] == 'malicsf':
            below = node.module.split('.')[1:]
            names = below[:1] or [alias.name for alias in node.names]
            for name in names:
                yield name if os.path.isdir(os.path.join(SCRIPTS, 'malicsf', name)) else ''


def modules():
    """(path, folder) of each module"""
    root = os.path.join(SCRIPTS, 'malicsf')
    for where, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != '__pycache__']
        for name in files:
            if name.endswith('.py'):
                yield os.path.join(where, name), os.path.relpath(where, root).removeprefix('.')


class PackageTest(unittest.TestCase):

    def test_floors(self):
        seen = set()
        for path, folder in modules():
            seen.add(folder)
            for other in imported(path):
                self.assertTrue(other == folder or FLOORS.index(other) < FLOORS.index(folder),
                                f'{os.path.relpath(path, SCRIPTS)} imports of {other or "."}, '
                                'which is not below it')
        self.assertEqual(seen, set(FLOORS))

    def test_attributes(self):
        """What a module takes of another one is there, also where no test comes by."""
        for path, _ in modules():
            with open(path, encoding='utf-8') as file:
                nodes = list(ast.walk(ast.parse(file.read())))
            known = {}
            for node in nodes:
                if isinstance(node, ast.ImportFrom) and node.module.startswith('malicsf'):
                    for alias in node.names:
                        of = importlib.import_module(node.module)
                        name = f'{node.module}.{alias.name}'
                        if not hasattr(of, alias.name):
                            importlib.import_module(name)
                        known[alias.asname or alias.name] = sys.modules.get(name)
            # An argument may have the name of a module.
            for name in {node.arg for node in nodes if isinstance(node, ast.arg)} & set(known):
                known.pop(name)
            for node in nodes:
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) \
                        and known.get(node.value.id):
                    self.assertTrue(hasattr(known[node.value.id], node.attr),
                                    f'{os.path.relpath(path, SCRIPTS)}:{node.lineno}: '
                                    f'{node.value.id}.{node.attr}')

    def test_commands(self):
        """What stands beside the package calls a module, and does nothing itself."""
        for name in os.listdir(SCRIPTS):
            if name.endswith('.py'):
                with open(os.path.join(SCRIPTS, name), encoding='utf-8') as file:
                    lines = file.read().splitlines()
                self.assertLess(len(lines), LONGEST_COMMAND, name)

    def test_environment(self):
        """Only settings.py reads what a person sets; the rest asks it, by names that are declared."""
        for path, _ in modules():
            where = os.path.relpath(path, SCRIPTS)
            with open(path, encoding='utf-8') as file:
                nodes = list(ast.walk(ast.parse(file.read())))
            used = [node.lineno for node in nodes
                    if isinstance(node, ast.Attribute) and node.attr in ('environ', 'getenv',
                                                                         'environb', 'putenv')
                    or isinstance(node, ast.alias) and node.name in ('environ', 'getenv')]
            if not where.endswith('malicsf/settings.py'):
                self.assertEqual(used, [], where)
            for node in nodes:
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) \
                        and isinstance(node.func.value, ast.Name) \
                        and node.func.value.id == 'SETTINGS':
                    self.declared(node, f'{where}:{node.lineno}')

    def declared(self, call, where):
        """A call of SETTINGS names a variable of the table, and reads it as the kind that it is."""
        words = [node.value for node in call.args[:1] if isinstance(node, ast.Constant)]
        kind = {'text': settings.TEXT, 'words': settings.WORDS, 'number': settings.NUMBER,
                'is_on': settings.SWITCH}.get(call.func.attr)
        for name in words if kind else []:
            self.assertEqual(settings.ALL[name].kind, kind, f'{where}: {name}')
        if call.func.attr in ('value', 'take_out'):
            self.assertLessEqual(set(words), set(settings.ALL), where)
        if call.func.attr == 'set':
            self.assertLessEqual({word.arg for word in call.keywords}, set(settings.ALL), where)

    def test_settings(self):
        """What commands take is declared, and each command of the table is there."""
        for command, names in [*settings.COMMANDS.items(), *settings.READ.items()]:
            self.assertLessEqual(set(names), set(settings.ALL), command)
            self.assertTrue(os.path.exists(os.path.join(SCRIPTS, command + '.py')), command)
        self.assertEqual(len(settings.ALL), len(settings.TABLE) + len(settings.BETWEEN))
        for row in settings.TABLE:
            values = row.values() if callable(row.values) else row.values
            self.assertTrue(all(isinstance(value, str) for value in values), row.name)


if __name__ == '__main__':
    unittest.main()
