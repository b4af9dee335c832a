# SPDX-License-Identifier: GPL-2.0-or-later
"""What the device's own log says about the guest's lock regions.

A guest program prints what it expects:

  #@ expect-locks case=<name> marker=<va> covers=<va>+<size> <lock:LOCKADDR | unlock> ...
  #@ expect-block case=<name> marker=<va> va=<va> level=<level>

marker is an address that the GPU reads once in the VM of that case: the walk
that the log shows for it tells the address space and its TRANSTAB.  What
counts is what happens in that address space from there until its TRANSTAB is
replaced.

The LOCKADDRs are those of stock panthor.  Others will do if the regions that the
hardware makes of them do: each contains the one before it, the last one also
what is changed (covers), and none is wider than that of stock.
"""

import argparse
import collections
import os
import re

from malicsf import project

# Anywhere in a line: "-msg timestamp=on" puts a thread and a time before each
# event, and others may leave a line without an end.
# Behind its name each event has the device, which may be one of several.
EVENT = re.compile(r'(mali_csf_(?:as_command|as_update|walk)) (\S+) as (\d+) (.*)')
# The first of its kind, and how many more of them there were since the last line about it
FINDING = re.compile(r'mali_csf_((?:violation|note|repeated)\b.*)')
DETAIL = re.compile(r'(violation|note|repeated) \S+ (\S+) as \d+ va 0x[0-9a-f]+-0x[0-9a-f]+ '
                    r'expected 0x[0-9a-f]+ seen 0x[0-9a-f]+(?: times (\d+))?')
COMMAND = re.compile(r'(\w+) lockaddr (?:0x)?([0-9a-f]+)')
UPDATE = re.compile(r'transtab 0x([0-9a-f]+) transcfg 0x([0-9a-f]+)')
WALK = re.compile(r'va 0x([0-9a-f]+) level (\d+) descriptor 0x([0-9a-f]+)')
LOST_FINDINGS = re.compile(r'mali_csf_lost \S+ (\S+) times (\d+)')
PAGE = ~0xfff
FINDINGS = (b'mali_csf_violation', b'mali_csf_note', b'mali_csf_repeated')


class Expectation:
    """One case of a guest program, filled in from its directives."""

    def __init__(self, program, case, marker):
        self.program, self.case, self.marker = program, case, marker
        self.locks, self.block, self.covers = None, None, None


def parse_directive(program, words, expectations):
    """Add a directive's words, without the leading #@, to the expectations."""
    fields = dict(word.split('=', 1) for word in words[1:] if '=' in word)
    marker = int(fields['marker'], 0)
    key = (program, fields['case'])
    expectation = expectations.setdefault(key, Expectation(program, fields['case'], marker))
    if words[0] == 'expect-locks':
        expectation.locks = [normal(word) for word in words[1:] if '=' not in word]
        if 'covers' in fields:
            start, size = (int(number, 0) for number in fields['covers'].split('+'))
            expectation.covers = (start, start + size)
    else:
        expectation.block = (int(fields['va'], 0), int(fields['level']))


def normal(event):
    kind, _, address = event.partition(':')
    return f'{kind}:{int(address, 16):016x}' if address else kind


def events_of(lines):
    """The address-space events of a device log, in order; a space is (device, number)."""
    for line in lines:
        found = EVENT.search(line)
        if not found:
            continue
        name, space, rest = found[1], (found[2], int(found[3])), found[4]
        if name == 'mali_csf_as_command' and (detail := COMMAND.match(rest)):
            yield 'command', space, detail[1], int(detail[2], 16)
        elif name == 'mali_csf_as_update' and (detail := UPDATE.match(rest)):
            yield 'update', space, int(detail[1], 16), None
        elif name == 'mali_csf_walk' and (detail := WALK.match(rest)):
            yield 'walk', space, int(detail[1], 16), int(detail[2])


def collect(lines, markers):
    """{marker: [history]}: what happened after each walk of a marker."""
    histories, active = {}, {}
    transtab = {}
    for kind, space, value, detail in events_of(lines):
        if kind == 'update':
            if transtab.get(space) != value:
                transtab[space] = value
                active[space] = []
            continue
        if kind == 'walk' and value & PAGE in markers:
            known = any(marker == value & PAGE for marker, _ in active.get(space, []))
            if not known:
                history = []
                active.setdefault(space, []).append((value & PAGE, history))
                histories.setdefault(value & PAGE, []).append(history)
                continue
        for _, history in active.get(space, []):
            if kind == 'walk':
                history.append(('walk', value & PAGE, detail))
            elif value in ('LOCK', 'UNLOCK'):
                history.append((f'lock:{detail:016x}' if value == 'LOCK' else 'unlock', None, None))
    return histories


Finding = collections.namedtuple('Finding', 'kind program name text times')


def findings(file, begins=()):
    """([Finding], [line]): what the checker found, and what names it and cannot be read.

    file: device.log, opened for bytes; begins: [(offset, program)].  The sum of times is
    the device's own count; a repeated finding belongs to the program at whose time it is told.
    """
    found, strange, offset, later, program = [], [], 0, list(begins), None
    for line in file:
        while later and later[0][0] <= offset:
            program = later.pop(0)[1]
        offset += len(line)
        if not any(event in line for event in FINDINGS):
            continue
        text = line.decode('utf-8', 'replace').strip()
        event = FINDING.search(text)
        detail = event and DETAIL.fullmatch(event[1])
        if not detail or (detail[1] == 'repeated') != bool(detail[3]) or line[-1:] != b'\n':
            strange.append(text)
            continue
        kind = 'note' if detail[2].startswith('note-') else 'violation'
        found.append(Finding(kind, program, detail[2], event[1], int(detail[3] or 1)))
    return found, strange


def read_findings(path, begins=()):
    """findings() of a file, which need not be there."""
    try:
        with open(path, 'rb') as file:
            return findings(file, begins)
    except FileNotFoundError:
        return [], []


def count(found):
    """{identifier: how often} of some findings"""
    counts = collections.Counter()
    for finding in found:
        counts[finding.name] += finding.times
    return counts


def lost_findings(path):
    """{identifier: how often} of what was found and does not count; the file need not be there."""
    counts = collections.Counter()
    for name, times in LOST_FINDINGS.findall(project.read_lossy(path)):
        counts[name] += int(times)
    return counts


def describe_lost(counts):
    """In words; '' if nothing was lost"""
    if not counts:
        return ''
    names = ', '.join(f'{name} {count}' for name, count in sorted(counts.items()))
    return (f'{sum(counts.values())} findings were lost, since the driver may have given up on a '
            f'command before them: {names}')


def compare(found, strange, counted):
    """Why the log of a run cannot be relied on, in words; '' if it can.

    counted: {identifier: how often} as the device says, or why it did not, in words
    """
    problems = []
    if strange:
        problems.append(f'{len(strange)} lines are about findings and cannot be read, the first: '
                        f'"{strange[0][:200]}"')
    if isinstance(counted, str):
        problems.append(f'the device was not asked what it has found: {counted}')
        counted = None
    logged = count(found)
    if counted is not None:
        problems += [f'{name}: the device counted {counted.get(name, 0)}, device.log has '
                     f'{logged[name]}'
                     for name in sorted({*counted, *logged}) if counted.get(name, 0) != logged[name]]
    return '; '.join(problems)


def expansions(lines):
    """How often the device saw LOCK, LOCK with a region locked already, and UNLOCK."""
    counts = {'LOCK': 0, 'expansion': 0, 'UNLOCK': 0}
    locked = set()
    for kind, space, value, _ in events_of(lines):
        if kind == 'update' or value in ('UNLOCK', 'FLUSH_PT', 'FLUSH_MEM'):
            locked.discard(space)
        if kind == 'command' and value in counts:
            counts[value] += 1
            if value == 'LOCK':
                counts['expansion'] += space in locked
                locked.add(space)
    return counts


def region(event):
    """(start, end) that the hardware locks for lock:LOCKADDR

    log2 of the size, less one, in 5:0; base bits below the size do not count, and
    32 KiB is the least.
    """
    value = int(event.partition(':')[2], 16)
    exponent = max(value & 0x3f, 14) + 1
    if exponent >= 48:
        return 0, 1 << 64
    base = value & ~((1 << exponent) - 1) & PAGE
    return base, base + (1 << exponent)


def contains(outer, inner):
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def what_is_wrong(wanted, seen, covers):
    """Why the commands of one VM_BIND will not do in place of those of stock, or ''."""
    if seen[-1:] != ['unlock'] or 'unlock' in seen[:-1]:
        return 'the region is not released once, at the end'
    regions, stock = [region(event) for event in seen[:-1]], [region(event) for event in wanted[:-1]]
    for earlier, later in zip(regions, regions[1:]):
        if not contains(later, earlier):
            return 'the wider LOCK does not contain the region that is held'
        if later == earlier:
            return 'a LOCK of the region that is held already'
    if not regions or (covers and not contains(regions[-1], covers)):
        return 'not all that is changed is locked'
    if len(regions) != len(stock):
        return f'{len(regions)} LOCKs in place of {len(stock)}'
    if any(not contains(wide, narrow) for wide, narrow in zip(stock, regions)):
        return 'a LOCK is wider than that of stock'
    return '' if regions[:1] == stock[:1] else 'the first LOCK is not that of the range'


def through_unlock(locks):
    """The commands up to the first UNLOCK: those of one VM_BIND"""
    return locks[:locks.index('unlock') + 1] if 'unlock' in locks else locks


def judge(expectations, lines):
    """[(expectation, 'ok' | 'not ok' | 'skip', reason, lock events)]

    With 'ok' a reason says in what the commands differ from those of stock.
    """
    histories = collect(lines, {item.marker & PAGE for item in expectations})
    verdicts = []
    for item in expectations:
        left = histories.get(item.marker & PAGE, [])
        if not left:
            verdicts.append((item, 'not ok', f'no walk of the marker 0x{item.marker:x} '
                             'in device.log', []))
            continue
        # Cases in different VMs may use one marker address, one after the other.
        history = left.pop(0)
        locks = [event for event, _, _ in history if event != 'walk']
        wanted = item.locks or []
        seen = locks[:max(len(wanted), 1)]
        if item.block and not block_walked(history, *item.block):
            verdicts.append((item, 'skip', f'not backed by a 2 MiB block: no level-{item.block[1]} '
                             f'walk of 0x{item.block[0]:x} before the first lock', seen))
        elif seen[:len(wanted)] != wanted:
            seen = through_unlock(locks)
            wrong = what_is_wrong(wanted, seen, item.covers)
            text = f'expected {describe(wanted)}, the device saw {describe(seen)}'
            verdicts.append((item, 'not ok', f'{text}: {wrong}', seen) if wrong else
                            (item, 'ok', f'harmless: {text}', seen))
        else:
            verdicts.append((item, 'ok', '', seen[:len(wanted)]))
    return verdicts


def block_walked(history, va, level):
    for event, address, depth in history:
        if event != 'walk':
            return False
        if address == va & PAGE and depth == level:
            return True
    return False


def size_text(size):
    for unit in ('', 'K', 'M', 'G', 'T'):
        if size < 1024 or unit == 'T':
            return f'{size}{unit}'
        size //= 1024
    return None


def describe(events):
    """A history as a person reads it: lock 0x420000+64K → unlock"""
    words = []
    for event in events:
        kind, _, address = event.partition(':')
        if address:
            start, end = region(event)
            kind += f' 0x{start:x}+{size_text(min(end - start, 1 << 48))}'
        words.append(kind)
    return ' → '.join(words) or 'nothing'


def main():
    parser = argparse.ArgumentParser(description='Print the lock history of a device log.')
    parser.add_argument('log')
    options = parser.parse_args()
    if not os.path.isfile(options.log):
        raise project.usage(f'{options.log}: no such file')
    with open(options.log, encoding='utf-8', errors='replace') as file:
        for kind, space, value, detail in events_of(file):
            if kind == 'command' and value in ('LOCK', 'UNLOCK'):
                event = f'lock:{detail:016x}' if value == 'LOCK' else 'unlock'
                project.say(f'address space {space}: {describe([event])}')
            elif kind == 'update':
                project.say(f'address space {space}: table 0x{value:x}')
    return project.PASS
