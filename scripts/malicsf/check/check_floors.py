# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the blocks of the device model call and write as its floors allow.

configs/floors.toml has the floors from the lowest to the highest.

Which file calls which is read from the built objects, what is written where
from sparse's index of the sources (semind).  docs/devel/architecture.rst says
what is a breach.
"""

import bisect
import collections
import json
import os
import re
import shlex
import sqlite3
import subprocess
import tempfile
import tomllib

from malicsf import project
from malicsf.build import build_qemu
from malicsf.project import say, Stop
from malicsf.settings import SETTINGS

MODEL = os.path.join(project.ROOT, 'hw/gpu/mali-csf')
TABLE = os.path.join(project.ROOT, 'configs/floors.toml')

# Bits of the mode of a use in semind's database (sparse's dissect.h)
DEFINED, ADDRESS_WRITTEN, WRITTEN, POINTEE_WRITTEN = 0x10000, 0x02, 0x08, 0x0800
# Functions that write to what their first argument points at, whatever its type
WRITERS = ('memset', 'memcpy', 'memmove')
MAX_CIRCLES = 2

Breach = collections.namedtuple('Breach', 'key place text')
Use = collections.namedtuple('Use', 'file line column symbol kind context mode')


def sources(tree):
    """{path: (object, options for the preprocessor)} of the model's C files."""
    found = {}
    for row in json.loads(project.read(os.path.join(tree.obj, 'compile_commands.json'), '[]')):
        path = os.path.realpath(os.path.join(row['directory'], row['file']))
        if not (path.startswith(MODEL + os.sep) and
                re.search(r'(^|/)lib[^/]*\.a\.p/', row['output'])):
            continue
        options, words = [], iter(shlex.split(row['command']))
        for word in words:
            # sparse knows no -iquote; no header of ours has the name of a system's.
            option, value = word[:2], word[2:]
            if word in ('-I', '-isystem', '-iquote'):
                option, value = '-I', next(words)
            if option == '-I':
                options.append('-I' + os.path.join(row['directory'], value))
            elif option in ('-D', '-U'):
                options.append(word)
        found[path] = (os.path.join(row['directory'], row['output']), options)
    if not found:
        raise Stop(f'nothing of the model in {tree.obj}; first: make qemu')
    return found


class Floors:
    """configs/floors.toml: which block is where, and what it may call."""

    def __init__(self, table):
        self.floors = table['floor']
        self.aggregate = table['aggregate']
        self.first = table['first']
        self.values = set(table['values'])
        self.lent_to = set(table['lent_to'])
        self.setters = {member: row['function'] for row in table['setter']
                        for member in row['members']}
        self.circles = {frozenset(row['files']): row['reason'] for row in table['circle']}
        self.level_of = {name: level for level, floor in enumerate(self.floors)
                         for name in floor['blocks']}
        self.names = [floor['name'] for floor in self.floors]

    def block(self, file):
        """Name of the block of a file: its folder, or its own without the ending."""
        return file.partition('/')[0] if '/' in file else os.path.splitext(file)[0]

    def level(self, file):
        return self.level_of.get(self.block(file))

    def allows(self, lower, upper):
        """Whether a file may use another one: (user, used)."""
        user, used = self.level(lower), self.level(upper)
        if self.block(lower) == self.block(upper):
            return True
        calls = self.floors[user].get('calls')
        return used <= user and (calls is None or self.names[used] in calls)


class Sources:
    """What sparse knows of the sources, and their lines."""

    def __init__(self, root, rows, first):
        """Rows: {path: (object, options)} of the C files below root.

        First: the headers that each C file includes before any of root.
        """
        self.root = root
        self.uses = set()
        self.lines = {}
        alike = collections.defaultdict(list)   # {options: paths}
        for path, (_, options) in rows.items():
            alike[tuple(options)].append(path)
        headers = [name for name in project.files_below(root) if name.endswith('.h')]
        with tempfile.TemporaryDirectory() as folder:
            for options, paths in alike.items():
                self.uses |= self.index(folder, options, [], paths)
            # sparse looks into an inline function only where it is used.  Here they are
            # functions like others.
            self.uses |= self.index(
                folder, [*next(iter(alike)), '-Dinline=', '-D__inline=', '-D__inline__='],
                first, headers)
        self.definitions = {}       # (symbol, kind): its definitions
        self.locals = {}            # (file, function, name): where it is declared
        self.calls = collections.defaultdict(list)
        for use in sorted(self.uses):
            if use.mode & DEFINED and not use.context:
                self.definitions.setdefault((use.symbol, use.kind), []).append(use)
            elif use.mode & DEFINED:
                self.locals[use.file, use.context, use.symbol] = use
            elif use.kind == 'f':
                self.calls[use.file, use.symbol].append(use)

    def index(self, folder, options, first, paths):
        """What semind finds in the files, which it reads as one.

        Most of a file's time goes to the headers of others, which are then read once.  Files
        that do not go together, such as two with an enum of one name, are read apart.
        """
        place = tempfile.mkdtemp(dir=folder)
        database, whole = os.path.join(place, 'sqlite'), os.path.join(place, 'whole.c')
        project.write(whole, ''.join(f'#include "{name}"\n' for name in [*first, *paths]))
        # Indexed are the files below the folder that it runs in.
        result = subprocess.run(
            ['semind', '-D', database, 'add', '--include-local-syms', '--', *options, whole],
            cwd=self.root, capture_output=True, text=True, check=False)
        if result.returncode or 'error:' in result.stdout + result.stderr:
            half = len(paths) // 2
            if half:
                return self.index(folder, options, first, paths[:half]) | \
                    self.index(folder, options, first, paths[half:])
            raise Stop(f'semind cannot read {paths[0]}: '
                       + (result.stdout + result.stderr).strip())
        with sqlite3.connect(database) as connection:
            return {Use(file, line, column, symbol, chr(kind), context, mode)
                    for file, line, column, symbol, kind, context, mode in connection.execute(
                        'SELECT file.name, line, column, symbol, kind, context, mode '
                        'FROM semind JOIN file ON file.id = semind.file')}

    def text(self, file):
        if file not in self.lines:
            text = project.read(os.path.join(self.root, file))
            starts = [0]
            for line in text.split('\n'):
                starts.append(starts[-1] + len(line) + 1)
            self.lines[file] = text, starts
        return self.lines[file]

    def position(self, use):
        """(text of the file, index in it at which the use is)."""
        text, starts = self.text(use.file)
        # semind counts columns from 1, and a tab as one.
        return text, starts[use.line - 1] + use.column - 1

    def line_of(self, file, index):
        return bisect.bisect_right(self.text(file)[1], index)

    def declared_type(self, use):
        """('MaliCsfIrq', is a pointer) as the declaration of a member or variable says.

        Where it cannot be read, as of all but the first of several, it is ('', True).
        """
        text, index = self.position(use)    # of the declaration or of its *
        start = max(text.rfind(mark, 0, index) for mark in ';{}(,\n') + 1
        name = re.split('[.:]', use.symbol)[-1]
        match = re.compile(r'\s*(?:(?:const|static|struct|volatile)\s+)*(\w+)\s*'
                           rf'((?:\*|const\b|\s)*)\b{name}\b').match(text, start)
        return (match[1], '*' in match[2]) if match else ('', True)


# How an expression is written, around the place that the parser has given

OPEN, CLOSE = '([{', ')]}'


def skip_back(text, index):
    """Index of the bracket that the one at index closes."""
    depth = 0
    while index >= 0:
        depth += (text[index] in CLOSE) - (text[index] in OPEN)
        if not depth:
            return index
        index -= 1
    return 0


def skip_forward(text, index):
    """Index behind brackets that may follow at index, and spaces."""
    while index < len(text):
        if text[index].isspace():
            index += 1
        elif text[index] == '[':
            depth = 0
            while index < len(text):
                depth += (text[index] in OPEN) - (text[index] in CLOSE)
                index += 1
                if not depth:
                    break
        else:
            break
    return index


def base_of(text, index):
    """(variable, is pointed at) of the expression whose operator . or -> is at index."""
    pointed = False
    while index > 0:
        if text[index] == '.':
            index -= 1
        elif text[index:index + 2] == '->':
            pointed = True
            index -= 1
        while index >= 0 and text[index].isspace():
            index -= 1
        while index >= 0 and text[index] == ']':
            index = skip_back(text, index) - 1
        if index < 0 or text[index] == ')':
            return '', True
        end = index + 1
        while index >= 0 and (text[index].isalnum() or text[index] == '_'):
            index -= 1
        name = text[index + 1:end]
        while index >= 0 and text[index].isspace():
            index -= 1
        if index >= 1 and text[index - 1:index + 1] == '->':
            index -= 1
        elif text[index] != '.':
            return name, pointed
    return '', True


def callee_of(text, index):
    """Name of the function in whose arguments index is, or ''."""
    while index > 0:
        index -= 1
        if text[index] in CLOSE:
            index = skip_back(text, index)
        elif text[index] == '(':
            name = re.search(r'(\w+)\s*$', text[:index])
            if name and name[1] not in ('if', 'while', 'for', 'switch', 'return', 'sizeof'):
                return name[1]
        elif text[index] in ';{}':
            return ''
    return ''


def include_breaches(floors, root, files):
    for file in files:
        text = project.read(os.path.join(root, file))
        for number, line in enumerate(text.splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            other = os.path.normpath(os.path.join(os.path.dirname(file), match[1]))
            if other == floors.aggregate or not os.path.exists(os.path.join(root, other)):
                continue
            if not floors.allows(file, other):
                yield Breach(f'include {file}: {other}', f'{file}:{number}',
                             f'{file} includes {other}, which is above it')


def wire_breaches(folder):
    """Headers of the wire format that include anything of the model's own."""
    for path in project.files_below(folder):
        name = os.path.relpath(path, project.ROOT)
        for number, line in enumerate(project.read(path).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"(hw/gpu/[^"]+|[.]+/[^"]+)"', line)
            if match and not match[1].startswith('hw/gpu/mali-csf/'):
                yield Breach(f'include {name}: {match[1]}', f'{name}:{number}',
                             f'{name} includes {match[1]}, which is no wire format')


def aggregate_breaches(floors, index):
    """The aggregate is there for its structure: it declares no function, no data."""
    for (symbol, kind), uses in index.definitions.items():
        for use in uses:
            text, place = index.position(use)
            # What QEMU's macro for the type of a device makes has no name there.
            if use.file == floors.aggregate and kind in 'fv' and text.startswith(symbol, place):
                yield Breach(f'aggregate {use.file}: {symbol}', f'{use.file}:{use.line}',
                             f'{use.file} declares {symbol}; functions belong to a block')


def symbols(rows, root):
    """{(user, used): names}: what each object uses of each other one."""
    defined, used = {}, {}
    # Not those of another configuration of QEMU
    files = {name: os.path.relpath(path, root) for path, (name, _) in rows.items()
             if os.path.exists(name)}
    result = subprocess.run(['nm', '-P', '-A', *files], capture_output=True, text=True,
                            check=False)
    if result.returncode or not files:
        raise Stop(f'nm: {result.stderr.strip() or "there are no objects"}; first: make qemu')
    for line in result.stdout.splitlines():
        name, _, entry = line.rpartition(': ')
        symbol, kind = entry.split()[:2]
        if kind == 'U':
            used.setdefault(files[name], set()).add(symbol)
        elif kind.isupper():
            defined[symbol] = files[name]
    arrows = collections.defaultdict(set)
    for file, names in used.items():
        for name in names & defined.keys():
            arrows[file, defined[name]].add(name)
    return arrows


def call_breaches(floors, index, arrows):
    for (user, used), names in sorted(arrows.items()):
        if floors.allows(user, used):
            continue
        for name in sorted(names):
            calls = index.calls.get((user, name)) or [None]
            call = calls[0]
            place = f'{user}:{call.line}' if call else user
            by = f'{call.context}() of {user}' if call and call.context else user
            yield Breach(f'call {user}: {name}', place,
                         f'{by} uses {name} of {used}, which {by_whom(floors, user)}')


def by_whom(floors, user):
    floor = floors.floors[floors.level(user)]
    if 'calls' in floor:
        return f'{floor["name"]} may not: it calls {" and ".join(floor["calls"]) or "nobody"}'
    return 'is above it'


def circles(floors, arrows):
    """Sets of files of one floor that call each other in a circle."""
    graph = collections.defaultdict(set)
    for user, used in arrows:
        if floors.level(user) == floors.level(used) and floors.allows(user, used):
            graph[user].add(used)

    def reached(file):
        seen, todo = set(), [file]
        while todo:
            for other in graph[todo.pop()] - seen:
                seen.add(other)
                todo.append(other)
        return seen
    reach = {file: reached(file) for file in list(graph)}
    return {frozenset(other for other in reach[file] if file in reach.get(other, ()))
            for file in reach if file in reach[file]}


def circle_breaches(floors, arrows):
    for files in circles(floors, arrows):
        known = max(floors.circles, key=lambda listed: len(listed & files), default=frozenset())
        if not known & files:
            yield Breach('circle ' + ' '.join(sorted(files)), sorted(files)[0],
                         f'these call each other in a circle: {" ".join(sorted(files))}')
        for file in sorted(files - known) if known & files else ():
            yield Breach(f'circle {file}', file, f'{file} has joined the circle of '
                         f'{" ".join(sorted(known & files))}')


def gone_circles(floors, arrows):
    """Files of the table's circles that are in no circle any more."""
    still = set().union(*circles(floors, arrows))
    return [file for listed in floors.circles for file in sorted(listed - still)]


class Writes:
    """Who writes to a structure of another block."""

    def __init__(self, floors, index):
        self.floors, self.index = floors, index
        self.owner, self.member_type = {}, {}
        # C files may each have a structure of their own of the same name.
        self.homes = collections.defaultdict(set)
        for (symbol, kind), uses in index.definitions.items():
            if kind == 's' and symbol not in floors.values and not symbol.startswith(':'):
                self.owner[symbol] = uses[0].file
                self.homes[symbol] = {floors.block(use.file) for use in uses}
            elif kind == 'm':
                self.member_type[symbol] = index.declared_type(uses[0])
        self.variables = {(use.file, use.line, use.column): use.mode for use in index.uses
                          if use.kind == 'v' and not use.mode & DEFINED}
        self.links = {(use.file, use.line, use.column): use for use in index.uses
                      if use.kind == 'm' and not use.mode & DEFINED}
        self.functions = {symbol: uses[0].file for (symbol, kind), uses in
                          index.definitions.items() if kind == 'f'}

    def structure(self, symbol):
        return re.split('[.:]', symbol, maxsplit=1)[0]

    def is_foreign(self, file, structure):
        return structure in self.owner and self.floors.block(file) not in self.homes[structure]

    def inner(self, use):
        """The use of the member that follows in the same expression, or None."""
        text, index = self.index.position(use)
        match = re.compile(r'(\.|->)?\s*\w+').match(text, index)
        index = skip_forward(text, match.end() if match else index)
        if text[index:index + 1] != '.' and text[index:index + 2] != '->':
            return None
        line = self.index.line_of(use.file, index)
        column = index - self.index.text(use.file)[1][line - 1] + 1
        return self.links.get((use.file, line, column))

    def is_local(self, use, name):
        """Whether a variable of a function is a structure of its own, no pointer to one."""
        declared = self.index.locals.get((use.file, use.context, name))
        return declared is not None and not self.index.declared_type(declared)[1]

    def target(self, use):
        """(structure, what is written) if the use writes to another block's, or None."""
        structure = self.structure(use.symbol)
        text, index = self.index.position(use)
        if use.symbol.endswith('.*'):
            return self.whole(use, structure, text, index)
        if text[index] not in '.-':
            return None             # of an initialiser
        inner = self.inner(use)
        if inner and self.structure(inner.symbol) in self.owner:
            return None             # which decides
        kind, is_pointer = self.member_type.get(use.symbol, ('', False))
        if self.owner.get(structure) == self.floors.aggregate and kind in self.owner \
                and not is_pointer:
            structure, symbol = kind, kind + '.*'
        else:
            symbol = use.symbol
        if not self.is_foreign(use.file, structure):
            return None
        name, pointed = base_of(text, index)
        if not pointed and self.is_local(use, name):
            return None
        if not use.mode & (WRITTEN | POINTEE_WRITTEN):
            # Its address is taken.  What is written by a pointer to a structure of
            # ours is seen there; any other may be had only by the owner's functions.
            callee = callee_of(text, index)
            where = self.functions.get(callee)
            if kind in self.owner or callee in self.floors.lent_to or where and (
                    self.floors.block(where) == self.floors.block(self.owner[structure])):
                return None
        return structure, symbol

    def whole(self, use, structure, text, index):
        """An assignment to a structure as a whole; what stands left of it decides."""
        if text[index] != '=' or not self.is_foreign(use.file, structure):
            return None
        match = re.search(r'([\w*.>\[\]()\s-]+)$', text[:index])
        left = match[1].split('\n')[-1].strip() if match else ''
        pointer = re.fullmatch(r'\*\s*(\w+)', left)
        if not pointer:
            return None             # a local variable, or a member, which is seen itself
        declared = self.index.locals.get((use.file, use.context, pointer[1]))
        if declared and self.index.declared_type(declared)[0] != structure:
            return None             # a structure in it
        return structure, use.symbol

    def by_pointer(self):
        """memset() and the like of a structure that a variable points to."""
        for writer in WRITERS:
            for (file, name), calls in self.index.calls.items():
                for call in calls if name == writer else ():
                    text, index = self.index.position(call)
                    match = re.compile(writer + r'\s*\(\s*(\w+)\s*,').match(text, index)
                    declared = match and self.index.locals.get((file, call.context, match[1]))
                    if declared:
                        structure, _ = self.index.declared_type(declared)
                        if self.is_foreign(file, structure):
                            yield call, (structure, structure + '.*')

    def all(self):
        """Each write, in the order of the sources."""
        hits = [(use, self.target(use)) for use in sorted(self.index.uses)
                if use.kind == 'm' and not use.mode & DEFINED
                and use.mode & (ADDRESS_WRITTEN | WRITTEN | POINTEE_WRITTEN)]
        for use, target in hits + list(self.by_pointer()):
            if target:
                structure, symbol = target
                yield Breach(f'write {use.file}: {symbol}', f'{use.file}:{use.line}',
                             f'{use.context}() of {use.file} writes {symbol}, '
                             f'a structure of {self.owner[structure]}')

    def past_setters(self):
        """Each write, by the owner too, to a member that one function sets."""
        for use in sorted(self.index.uses):
            setter = self.floors.setters.get(use.symbol)
            if setter and use.kind == 'm' and not use.mode & DEFINED and use.mode & WRITTEN \
                    and use.context != setter:
                text, index = self.index.position(use)
                if text[index] not in '.-':
                    continue                # of an initialiser
                name, pointed = base_of(text, index)
                if pointed or not self.is_local(use, name):
                    yield Breach(f'set {use.file}: {use.symbol}', f'{use.file}:{use.line}',
                                 f'{use.context}() of {use.file} writes {use.symbol}, '
                                 f'which only {setter}() does')

    def breaches(self):
        """The first write of a file to each member."""
        found = {}
        for breach in [*self.all(), *self.past_setters()]:
            found.setdefault(breach.key, breach)
        return list(found.values())


def homeless(floors, files):
    for file in files:
        if floors.level(file) is None:
            yield Breach(f'floor {file}', file, f'{file} is on no floor of configs/floors.toml')


def all_breaches(floors, root, rows):
    """Every breach of the sources below root, and the arrows."""
    files = sorted(os.path.relpath(path, root) for path in project.files_below(root)
                   if path.endswith(('.c', '.h')))
    lost = list(homeless(floors, files))
    if lost:
        return lost, {}
    index = Sources(root, rows, floors.first)
    arrows = symbols(rows, root)
    return [*include_breaches(floors, root, files), *aggregate_breaches(floors, index),
            *call_breaches(floors, index, arrows), *circle_breaches(floors, arrows),
            *Writes(floors, index).breaches()], arrows


def judge(floors, root, rows, extra=()):
    """Lines that say what is wrong."""
    breaches, arrows = all_breaches(floors, root, rows)
    wrong = [f'{breach.place}: {breach.text}' for breach in [*breaches, *extra]]
    if len(floors.circles) > MAX_CIRCLES:
        wrong.append(f'configs/floors.toml: {len(floors.circles)} circles, {MAX_CIRCLES} at most')
    return wrong + [f'"{file}" is in no circle any more: take it out of configs/floors.toml'
                    for file in gone_circles(floors, arrows)]


def main():
    SETTINGS.parser(__doc__, 'check-floors').parse_args()
    with open(TABLE, 'rb') as file:
        floors = Floors(tomllib.load(file))
    tree = build_qemu.from_environment()
    wire = list(wire_breaches(os.path.join(project.ROOT, 'include/hw/gpu/mali-csf')))
    wrong = judge(floors, MODEL, sources(tree), wire)
    for line in wrong:
        say(line)
    say(f'{len(wrong)} breaches of the floors')
    return project.FAIL if wrong else project.PASS
