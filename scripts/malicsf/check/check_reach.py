# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions and which error messages of panthor the guest programs reach.

panthor is built from the source of the kernel's exact version with every
function kept that is not declared inline, and a probe of ftrace on each of them
counts its calls while all guest programs run.  Each message of the source above
"info", and each warning, is looked for in the kernel log of that run.

Writes build/reach/<kernel>.txt, and fails if a program fails, or if something
is not reached that tests/guest/unreached.toml does not name.
"""

import collections
import os
import re
import subprocess
import tomllib

from malicsf import host_packages, project
from malicsf.build import build_panthor, guest_kernel, initramfs
from malicsf.check import check_matrix
from malicsf.project import say, Stop
from malicsf.run import run_guest
from malicsf.settings import SETTINGS

FOLDER = os.path.join(project.BUILD, 'reach')
UNREACHED = os.path.join(project.ROOT, 'tests/guest/unreached.toml')
KERNELS = ['7.3', '6.12']
MODEL, TESTS = 'g610', 'all,long'
# Beside these: what only shows with two GPUs, or on architecture 14
TWO_GPUS = ['TESTS=twins,uapi', f'MODEL={MODEL}', 'QEMU_ARGS=-device mali-csf,id=gpu2,model=g310']
ARCH14 = ['TESTS=quick,firmware,uapi,inject,recover', 'MODEL=g1-ultra']
ALL_WARNINGS = '(warnings)'     # in place of a name in unreached.toml
BY_MACRO = '(by a macro)'       # in place of the file

PRINT = re.compile(r'\b((?:drm|dev|pr)_(?:emerg|alert|crit|err|warn)(?:_once|_ratelimited|_probe)*'
                   r'|DRM_(?:DEV_)?ERROR|(?:drm_)?WARN(?:_ON)?(?:_ONCE|_RATELIMIT)?)\s*\(')
STRING = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*')
CONVERSION = re.compile(r'%(?:p\w*|[-+ #0]*[\d*]*(?:\.[\d*]+)?(?:hh|ll|[hlzjt])?[a-zA-Z%])')
WARNING = re.compile(r'WARNING: .*?(panthor_\w+\.[ch]):(\d+)')
LOG_LINE = re.compile(r'\[\s*\d+\.\d+\]')


# -- the source

def without_comments(text):
    """C without comments and preprocessor lines; every line stays where it was."""
    def blank(found):
        return found[0] if found[0][0] in '"\'' else re.sub(r'[^\n]', ' ', found[0])
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|/\*.*?\*/|//[^\n]*', blank, text,
                  flags=re.S)
    return re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', blank, text, flags=re.M)


def closing(text, start):
    """Offset behind the parenthesis that closes the one at start."""
    depth = 0
    for found in re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[()]').finditer(text, start):
        depth += {'(': 1, ')': -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    return len(text)


def definitions(text):
    """[(offset, name)] of the functions that a C file defines."""
    rows = []
    for found in re.finditer(r'^(?:[A-Za-z_][\w \t*]*[ \t*])?([A-Za-z_]\w*)\(', text, re.M):
        behind = text[closing(text, found.end() - 1):].lstrip()
        if re.match(r'(?:__\w+(?:\([^)]*\))?\s*)*\{', behind):
            rows.append((found.start(), found[1]))
    return rows


class Message:
    """A place in the source that prints, or that warns."""

    def __init__(self, file, lines, function, kind, arguments):
        self.file, self.lines, self.function, self.kind = file, lines, function, kind
        self.warns = 'WARN' in kind
        string = STRING.search(arguments)
        pieces = re.findall(r'"((?:[^"\\]|\\.)*)"', string[0]) if string else []
        self.text = ' '.join(arguments.split()) if self.warns \
            else ''.join(pieces).removesuffix('\\n')
        self.name = f'{function}: {self.text}'
        self.pattern = None if self.warns else pattern_of(self.text)
        self.programs = []      # that provoked it, in the order of the run

    def meets(self, line):
        """Whether a line of the kernel log comes from here, as far as that can be seen."""
        if not self.warns:
            return bool(self.pattern and self.pattern.search(line))
        found = WARNING.search(line)
        return bool(found and found[1] == self.file
                    and self.lines[0] <= int(found[2]) <= self.lines[1])


def pattern_of(text):
    """What the first line of a message looks like; None if nothing of it is fixed."""
    line = text.split('\\n')[0]
    fixed = [part.replace('\\"', '"') for part in CONVERSION.split(line)]
    if not re.search(r'\w{3}', ''.join(fixed)):
        return None
    return re.compile('.*?'.join(re.escape(part) for part in fixed))


def messages(file, text):
    text = without_comments(text)
    functions = definitions(text)
    rows, names = [], collections.Counter()
    for found in PRINT.finditer(text):
        function = next((name for offset, name in reversed(functions)
                         if offset < found.start()), '')
        end = closing(text, found.end() - 1)
        lines = tuple(text.count('\n', 0, offset) + 1 for offset in (found.start(), end))
        row = Message(file, lines, function, found[1], text[found.end():end - 1])
        names[row.name] += 1
        if names[row.name] > 1:
            row.name += f' ({names[row.name]})'
        rows.append(row)
    return rows


def read_source(folder):
    """({function: file}, [Message]) of the driver's source."""
    functions, found = {}, []
    for path in project.files_below(folder):
        file = os.path.basename(path)
        if os.path.splitext(file)[1] not in ('.c', '.h'):
            continue
        text = project.read(path)
        for _, name in definitions(without_comments(text)):
            functions.setdefault(name, file)
        found += messages(file, text)
    if not functions or not found:
        raise Stop(f'{folder} holds no driver', project.FAIL)
    return functions, found


def in_module(path):
    """Names of the functions that a module keeps once it has started."""
    text = subprocess.run([build_panthor.COMPILER.replace('gcc', 'objdump'), '-t', path],
                          capture_output=True, text=True, check=True).stdout
    return set(re.findall(r'^\w+ .{5}[ d]F \.(?:exit\.)?text\s+\w+ (\w+)$', text, re.M))


# -- the run

class Log:
    """What the consoles of the runs say."""

    def __init__(self):
        self.first, self.calls, self.lines = {}, {}, []

    def add(self, text, before=''):
        """One more console, its programs with a word before; whether it has an end."""
        ended, program = False, before + 'start'
        for line in text.splitlines():
            words = line.split()
            if line.startswith('@@ begin '):
                program = before + words[2]
            elif line.startswith('@@ reached ') and len(words) == 4:
                self.first.setdefault(words[3], before + words[2])
            elif line.startswith('@@ count ') and len(words) == 4:
                self.calls[words[2]] = None if words[3] == 'absent' else \
                    int(words[3]) + (self.calls.get(words[2]) or 0)
            elif line.startswith('@@ done'):
                ended = True
            elif LOG_LINE.match(line):
                self.lines.append((program, line))
        return ended

    def reached(self, function):
        return bool(self.calls.get(function) or function in self.first)


class Reach:
    """What a kernel's driver has, and what of it was reached."""

    def __init__(self, functions, found, countable, log):
        self.log, self.functions, self.messages = log, functions, found
        self.counted = {name: file for name, file in functions.items()
                        if name in countable and log.calls.get(name, 0) is not None}
        for program, line in log.lines:
            for message in found:
                # Of two with the same text, the one in a function that ran
                ran = message.function not in self.counted or log.reached(message.function)
                if program not in message.programs and ran and message.meets(line):
                    message.programs.append(program)

    def unreached(self):
        """(functions, messages by name)"""
        return ([name for name in self.counted if not self.log.reached(name)],
                [message.name for message in self.messages if not message.programs])

    def summary(self):
        functions, quiet = self.unreached()
        return (f'{len(self.counted) - len(functions)} of {len(self.counted)} functions reached, '
                f'{len(self.messages) - len(quiet)} of {len(self.messages)} messages provoked')

    def text(self, reasons):
        rows = [self.summary(), '', 'Functions: file, reached, all', '']
        files = sorted(set(self.counted.values()))
        for file in files:
            names = [name for name in self.counted if self.counted[name] == file]
            hit = sum(self.log.reached(name) for name in names)
            rows.append(f'{file:26} {hit:4} {len(names):4}')
        rows += ['', 'Not counted, since the compiler makes no function of them, or two of one '
                 'name, or the module keeps them only until it has started:', '']
        rows += [f'{self.functions[name]:26} {name}' for name in sorted(
            set(self.functions) - set(self.counted), key=lambda name: (self.functions[name], name))]
        rows += ['', 'Functions that no program reaches', '']
        missing = set(self.unreached()[0])
        for name in sorted(missing, key=lambda name: (self.counted[name], name)):
            rows.append(f'{self.counted[name]:26} {name:44} {reasons.get(name, "NOT LISTED")}')
        rows += ['', 'Messages that no program provokes', '']
        for message in self.messages:
            if not message.programs:
                rest = reasons.get(ALL_WARNINGS) if message.warns else None
                rows += [f'{message.file}:{message.lines[0]}: {message.kind} {message.name}',
                         f'        {reasons.get(message.name) or rest or "NOT LISTED"}']
        rows += ['', 'Messages, and the programs that provoke them', '']
        for message in self.messages:
            if message.programs:
                rows += [f'{message.file}:{message.lines[0]}: {message.kind} {message.name}',
                         f'        {", ".join(message.programs)}']
        rows += ['', 'Functions: calls, and the program that was the first', '']
        for name in sorted(self.counted, key=lambda name: (self.counted[name], name)):
            if self.log.reached(name):
                rows.append(f'{self.counted[name]:26} {name:44} '
                            f'{self.log.calls.get(name) or "":>9} {self.log.first.get(name, "")}')
        return '\n'.join(rows) + '\n'


# -- what is known not to be reached

def known(text, kernel):
    """{function or message: reason} for a kernel, from the text of unreached.toml."""
    reasons = {}
    for group in tomllib.loads(text).get('group', []):
        unknown = set(group) - {'reason', 'kernels', 'functions', 'messages', 'warnings'}
        if unknown or not group.get('reason'):
            raise project.usage('unreached.toml: a group has a reason, kernels, functions, '
                                f'messages and warnings, not {", ".join(sorted(unknown)) or "no reason"}')
        if kernel not in group.get('kernels', [kernel]):
            continue
        warnings = [ALL_WARNINGS] if group.get('warnings') else []
        for name in group.get('functions', []) + group.get('messages', []) + warnings:
            if name in reasons:
                raise project.usage(f'unreached.toml has "{name}" twice for {kernel}')
            reasons[name] = ' '.join(group['reason'].split())
    return reasons


def compare(reach, reasons):
    """(not reached and not listed, listed and reached, listed and not in the source)"""
    functions, quiet = reach.unreached()
    there = set(reach.counted) | {message.name for message in reach.messages}
    missing = set(functions + quiet)
    excused = set(reasons)
    if ALL_WARNINGS in reasons:
        excused |= {message.name for message in reach.messages if message.warns}
    return ([name for name in functions + quiet if name not in excused],
            sorted(name for name in reasons if name in there - missing),
            sorted(set(reasons) - there - {ALL_WARNINGS}))


def runs_of(functions, tests):
    """{name: variables}: a driver that knows architecture 14 has a run on it, too."""
    runs = {'all': [f'TESTS={tests}', f'MODEL={MODEL}'], 'two-gpus': TWO_GPUS}
    if 'panthor_pwr.c' in functions.values():
        runs['arch14'] = ARCH14
    return runs


def boot(variables):
    """Whether all programs of a run passed; says which have not."""
    result, reason = run_guest.run_apart(variables)
    if reason:
        raise Stop(reason, result.returncode)
    for line in result.stdout.splitlines():
        if line.startswith('not ok'):
            say(line)
    return result.returncode == 0


def run(kernel, tests, again):
    """(whether the programs passed, Reach) of a kernel."""
    SETTINGS.set(KERNEL=kernel)
    with project.Lock():
        builder = build_panthor.Builder(guest_kernel.from_environment())
        module = builder.stock()
    functions, found = read_source(os.path.join(builder.source, build_panthor.DRIVER))
    kept = in_module(module)
    for title in kept - set(functions):
        if title.startswith('panthor_'):
            functions[title] = BY_MACRO
    countable = kept & set(functions)
    log, passed = Log(), True
    for run_name, variables in runs_of(functions, tests).items():
        name = f'reach-{kernel}-{run_name}'
        if not again:
            say(f'{kernel}: counting {len(countable)} functions, {" ".join(variables)}')
            passed &= boot([f'KERNEL={kernel}', f'NAME={name}', f'PANTHOR_KO={module}',
                            f'COUNT={" ".join(sorted(countable))}',
                            *check_matrix.variables_of(kernel), *variables])
        text = project.read_lossy(os.path.join(project.BUILD, 'run', name, 'console.log'))
        if not log.add(text, '' if run_name == 'all' else run_name + '/'):
            say(f'{kernel}: build/run/{name}/console.log has no end')
            passed = False
    if not log.calls and not log.first:
        raise Stop(f'no run on {kernel} has counted anything', project.FAIL)
    return passed, Reach(functions, found, countable, log)


def judge(kernel, reach, whole):
    """Print and write what came out; (whether all is as listed, listed but not there)."""
    reasons = known(project.read(UNREACHED), kernel)
    path = os.path.join(FOLDER, f'{kernel}.txt')
    project.write(path, reach.text(reasons))
    say(f'{kernel}: {reach.summary()}: {os.path.relpath(path, project.ROOT)}')
    missing, stale, gone = compare(reach, reasons)
    if not whole:
        return True, set()
    for name in missing:
        say(f'{kernel}: not reached: {name}')
    for name in stale:
        say(f'{kernel}: reached, though unreached.toml has it: {name}')
    return not missing, set(gone)


def main():
    parser = SETTINGS.parser(__doc__, 'check-reach')
    parser.add_argument('--again', action='store_true', help='read the last runs, run nothing')
    options = parser.parse_args()
    project.require_host()
    SETTINGS.refuse(('KERNEL', 'MODULES', 'MODEL', 'PANTHOR_KO', 'GDB', 'NAME', 'COUNT'),
                    'check-reach; KERNELS= chooses')
    SETTINGS.refuse_other_runs('check-reach')
    kernels = SETTINGS.words('KERNELS') or KERNELS
    tests = SETTINGS.take_out('TESTS') or TESTS
    for kernel in kernels:
        guest_kernel.check_name(kernel, 'KERNELS')
    run_guest.choose_programs(tests, initramfs.listed_programs())
    for kernel in kernels:
        known(project.read(UNREACHED), kernel)
    host_packages.provide()
    good, gone = True, []
    for kernel in kernels:
        passed, reach = run(kernel, tests, options.again)
        listed, absent = judge(kernel, reach, tests == TESTS)
        good &= listed and passed
        gone.append(absent)
    for name in sorted(set.intersection(*gone)):
        say(f'unreached.toml has it, and the source of none of these kernels: {name}')
    return project.PASS if good else project.FAIL
