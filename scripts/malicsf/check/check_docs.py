# SPDX-License-Identifier: GPL-2.0-or-later
"""Type what the documents tell a reader to type.

Each console block of README.md and of the documents below docs/ has a mark in
front of it, a comment that nobody sees in the rendered page:

  .. run: check             it is run by "make check": a few seconds
  .. run: docs              it is run by "make check-docs"
  .. not run: the reason    and in Markdown <!-- run: check -->

A block is run as printed, from the top of the tree, command by command.  What
it shows behind a command has to be in what the command prints, line by line
and in this order; numbers are not compared, and a line of dots stands for
any others.
"""

import os
import re
import signal
import subprocess
import tempfile
import time

from malicsf import host_packages, project
from malicsf.build import build_guest, build_qemu
from malicsf.settings import SETTINGS

KINDS = {'check': 'make check', 'docs': 'make check-docs'}
MARK = re.compile(r'(?:\.\. |<!-- )(run|not run): (.*?)(?: -->)?$')
SHELL, MONITOR = '$ ', '(qemu) '
DOTS = '...'
SECONDS = 900           # of one command, times SLACK


class Block:
    """place: "file:line" of its first line; lines: without indentation; mark: (verb, what)"""

    def __init__(self, name, number, lines, mark):
        self.place, self.lines, self.mark = f'{name}:{number}', lines, mark

    def is_console(self):
        return any(line.startswith((SHELL, MONITOR)) for line in self.lines)

    def error(self):
        """What is wrong with its mark, or None"""
        if self.mark is None:
            return 'has no mark: "run: check", "run: docs" or "not run: the reason"'
        verb, what = self.mark
        if verb == 'run' and what not in KINDS:
            return f'"run: {what}" is none of: {", ".join(KINDS)}'
        if verb == 'not run' and len(what.split()) < 3:
            return '"not run:" gives no reason'
        return None

    def steps(self):
        """[(prompt, command, lines shown behind it)]"""
        found = []
        for line in self.lines:
            prompt = next((text for text in (SHELL, MONITOR) if line.startswith(text)), None)
            if prompt:
                found.append((prompt, line[len(prompt):], []))
            elif found and is_open(found[-1]):
                prompt, command, shown = found[-1]
                found[-1] = prompt, command + '\n' + line, shown
            elif found:
                found[-1][2].append(line)
        return found


def is_open(step):
    """Whether the shell would ask for another line."""
    prompt, command, shown = step
    if prompt != SHELL or shown:
        return False
    return command.endswith('\\') or subprocess.run(
        ['bash', '-n', '-c', command], capture_output=True, check=False).returncode != 0


def indent_of(line):
    return len(line) - len(line.lstrip())


def rst_blocks(name, lines):
    """Literal blocks: behind ".. code-block:: console", and behind "::" at a line's end."""
    mark = None
    for at, line in enumerate(lines):
        found = MARK.match(line.strip())
        if found:
            mark = found.groups()
            continue
        opens = re.match(r' *\.\. code-block:: (\S+)$', line)
        if (opens and opens[1] == 'console') or (
                line.rstrip().endswith('::') and not line.lstrip().startswith('..')):
            first = at + 1
            while first < len(lines) and (not lines[first].strip() or
                                          lines[first].strip().startswith(':')):
                first += 1
            last = first
            while last < len(lines) and (not lines[last].strip() or
                                         indent_of(lines[last]) > indent_of(line)):
                last += 1
            yield Block(name, first + 1, stripped(lines[first:last]), mark)
            mark = None
        elif line.strip():
            mark = None


def markdown_blocks(name, lines):
    """Indented and fenced blocks; an indented one is commands without a prompt."""
    mark, at = None, 0
    while at < len(lines):
        line = lines[at]
        found = MARK.match(line.strip())
        if found:
            mark = found.groups()
        elif line.startswith('```'):
            last = next(n for n in range(at + 1, len(lines)) if lines[n].startswith('```'))
            yield Block(name, at + 2, lines[at + 1:last], mark)
            mark, at = None, last
        elif line.startswith('    ') and not lines[at - 1].strip():
            last = at
            while last < len(lines) and lines[last].startswith('    '):
                last += 1
            body = [SHELL + text for text in stripped(lines[at:last])]
            yield Block(name, at + 1, body, mark)
            mark, at = None, last - 1
        elif line.strip():
            mark = None
        at += 1


def stripped(lines):
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    width = min((indent_of(line) for line in lines if line.strip()), default=0)
    return [line[width:] for line in lines]


def documents():
    yield 'README.md'
    for path in project.files_below(os.path.join(project.ROOT, 'docs')):
        if path.endswith('.rst'):
            yield os.path.relpath(path, project.ROOT)


def blocks(name):
    """The console blocks of a document"""
    lines = project.read(os.path.join(project.ROOT, name)).splitlines()
    parse = markdown_blocks if name.endswith('.md') else rst_blocks
    return [block for block in parse(name, lines) if block.is_console()]


def all_blocks():
    return [block for name in documents() for block in blocks(name)]


# -- running them

def shape(line):
    """A line without what differs from run to run"""
    return ' '.join(re.sub(r'0x[0-9a-f]+|\d[\d.,]*', '#', line).split())


def missing(shown, printed):
    """The first shown line that was not printed behind the ones before it, or None"""
    rest = iter([shape(line) for line in printed])
    for line in shown:
        if line.strip() and line.strip() != DOTS and \
                not any(other == shape(line) for other in rest):
            return line
    return None


def environment():
    """That of a reader, who has set no variable."""
    return {name: value for name, value in SETTINGS.without_variables().items()
            if not name.startswith(('MAKE', 'MFLAGS', 'PYTHON'))}


def run(arguments, text=None):
    """(exit status or 'time-out', what it printed); nothing of it lives on."""
    seconds = SECONDS * SETTINGS.number('SLACK', 1)
    with tempfile.TemporaryFile('w+', encoding='utf-8', errors='replace') as output, \
            tempfile.TemporaryFile('w+', encoding='utf-8') as given:
        given.write(text or '')
        given.seek(0)
        with subprocess.Popen(arguments, cwd=project.ROOT, stdin=given, stdout=output,
                              stderr=subprocess.STDOUT, env=environment(),
                              start_new_session=True) as process:
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                status = 'time-out'
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        output.seek(0)
        return status, output.read()


def run_step(tree, prompt, command):
    """The same for one step of a block"""
    if prompt == SHELL:
        return run(['bash', '-c', command])
    # Before anything runs: a monitor does not need a guest.
    status, printed = run([tree.binary, '-M', 'virt', '-nodefaults', '-display', 'none', '-S',
                           '-device', 'mali-csf,id=gpu', '-monitor', 'stdio'],
                          f'{command}\nquit\n')
    refused = re.search(r"^(Error: .*|unknown command: .*|.*: extraneous .*|Try .*)", printed, re.M)
    return (refused[0] if refused else status), printed


def run_block(tree, block):
    """What is wrong, or None"""
    for prompt, command, shown in block.steps():
        status, printed = run_step(tree, prompt, command)
        lines = printed.splitlines()
        if status:
            return f'{command.splitlines()[0]}: {status}; it ends with: ' + ' | '.join(lines[-5:])
        line = missing(shown, lines)
        if line is not None:
            return f'{command.splitlines()[0]} does not print: {line.strip()}'
    return None


def main():
    parser = SETTINGS.parser(__doc__, 'check-docs')
    parser.add_argument('--tap', action='store_true', help='print TAP, for meson test')
    parser.add_argument('--check', action='store_true', help='only those of make check')
    parser.add_argument('--list', action='store_true', help='run nothing: say what would be done')
    parser.add_argument('places', nargs='*', metavar='place',
                        help='only blocks whose "file:line" begins so')
    options = parser.parse_args()
    if options.tap:
        project.SAY_PREFIX = '# '
    wanted = [block for block in all_blocks()
              if not options.places or block.place.startswith(tuple(options.places))]
    if not wanted:
        raise project.usage(f'no block at {" ".join(options.places)}')
    if options.list:
        for block in wanted:
            print(f'{block.place}: ' + (block.error() or ': '.join(block.mark)))
        return project.PASS
    kinds = ['check'] if options.check else list(KINDS)
    failed = 0
    host_packages.provide()
    with project.Lock():
        tree = build_qemu.from_environment()
        build_qemu.build(tree)
        build_guest.build(tree)
    for number, block in enumerate(wanted, 1):
        begun = time.monotonic()
        skipped = block.error() is None and (block.mark[0] == 'not run' or
                                             block.mark[1] not in kinds)
        why = block.error() or (None if skipped else run_block(tree, block))
        failed += why is not None
        seconds = f' in {time.monotonic() - begun:.0f} s'
        reason = block.mark[1] if skipped and block.mark[0] == 'not run' else \
            f'run by {KINDS[block.mark[1]]}' if skipped else ''
        if options.tap:
            print(f'{"not ok" if why else "ok"} {number} - {block.place}'
                  + (f' # SKIP {reason}' if skipped else ''), flush=True)
            if why:
                print(f'# {why}', flush=True)
        else:
            project.say(f'{"not ok" if why else "skip  " if skipped else "ok    "} {block.place}'
                        + (f': {why}' if why else f'  ({reason})' if skipped else seconds))
    if options.tap:
        print(f'1..{len(wanted)}')
    else:
        project.say(f'{failed} failed')
    return project.FAIL if failed else project.PASS
