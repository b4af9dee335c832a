# SPDX-License-Identifier: GPL-2.0-or-later
"""A run from its beginning to its end, from a device log, as one drawing.

A lane for each address space (when a region was held), for each slot (when a
group was on it) and for each stream (what it did).  The log has no clock unless
QEMU was started with "-msg timestamp=on": else a lane's axis is the place in the log.
"""

import html
import re

from malicsf.run import region_history

EVENT = re.compile(r'(?:\d+@(\d+\.\d+):)?mali_csf_(\w+) (\S+) (.*)')
STATE = re.compile(r'csg (\d+) cs (\d+) (\S+) at ')
FAULT = re.compile(r'csg (\d+) cs (\d+) ')
SLOT = re.compile(r'csg (\d+) (\S+) as ')
SPACE = re.compile(r'(?:\S+ )?as (\d+) ?(\S*)')
RELEASES = ('UNLOCK', 'FLUSH_PT', 'FLUSH_MEM')
# What a lane shows; of what falls into one column of the drawing, the last named
COLOURS = {'held': '#63b3ed', 'group': '#a0aec0', 'ready': '#48bb78', 'waits': '#f6e05e',
           'stalled': '#805ad5', 'fault': '#c53030', 'violation': '#000000'}
NAMES = {'held': 'region held', 'group': 'group on the slot', 'ready': 'stream runs',
         'waits': 'stream waits', 'stalled': 'stalled by a lock, or an access that was',
         'fault': 'fault', 'violation': 'violation'}
# No lane shows them, and they would crowd out the others.
FREQUENT = ('walk', 'cs_instruction')
# A stream that does nothing has no colour.
IDLE = ('stopped', 'empty')
COLUMNS, LABEL, ROW = 900, 110, 14
# Of a program's name, and how wide one is
LETTERS, LETTER = 14, 5


class Lane:
    """What it shows, as (position, kind or None for nothing), and single marks."""

    def __init__(self):
        self.changes, self.marks = [], []

    def runs(self, scale):
        """[(first column, last column, kind)], a column once for each kind"""
        columns = {}
        for (position, kind), (end, _) in zip(self.changes,
                                              self.changes[1:] + [(scale[1], None)]):
            if kind:
                columns.setdefault(kind, set()).update(
                    range(column(position, scale), column(end, scale) + 1))
        for position, kind in self.marks:
            columns.setdefault(kind, set()).add(column(position, scale))
        for kind in sorted(columns, key=list(COLOURS).index):
            first = last = None
            for number in sorted(columns[kind]):
                if first is not None and number != last + 1:
                    yield first, last, kind
                    first = number
                first = number if first is None else first
                last = number
            yield first, last, kind


def column(position, scale):
    start, end = scale
    return min(int((position - start) * COLUMNS / (end - start)) if end > start else 0,
               COLUMNS - 1)


def kind_of(state):
    """The colour of a stream's state"""
    if state in IDLE:
        return None
    if state == 'ready':
        return 'ready'
    if state in ('fault', 'fatal', 'mmu-faulted'):
        return 'fault'
    return 'stalled' if state == 'stalled' else 'waits'


class TimeLine:
    """lanes: {(device, order, numbers): Lane}; programs: [(position, name)]"""

    def __init__(self):
        self.lanes, self.programs = {}, []
        self.positions, self.has_clock = [0, 0], True

    def lane(self, device, order, *numbers):
        return self.lanes.setdefault((device, order, numbers), Lane())

    def take(self, position, name, device, rest):
        """An event of the log"""
        if name == 'csg_state' and (found := SLOT.match(rest)):
            on = found[2] in ('start', 'resume')
            self.lane(device, 1, int(found[1])).changes.append((position, 'group' if on else None))
        elif name == 'cs_state' and (found := STATE.match(rest)):
            self.lane(device, 2, int(found[1]), int(found[2])).changes.append(
                (position, kind_of(found[3])))
        elif name == 'cs_fault' and (found := FAULT.match(rest)):
            self.lane(device, 2, int(found[1]), int(found[2])).marks.append((position, 'fault'))
        elif name in ('as_lock', 'as_command', 'as_fault', 'as_stall', 'violation') and \
                (found := SPACE.match(rest)):
            lane = self.lane(device, 0, int(found[1]))
            if name == 'as_lock':
                lane.changes.append((position, 'held'))
            elif name == 'as_command':
                if found[2] in RELEASES:
                    lane.changes.append((position, None))
            else:
                lane.marks.append((position, {'as_fault': 'fault', 'as_stall': 'stalled',
                                              'violation': 'violation'}[name]))


def read(lines, begins=()):
    """The TimeLine of a device log's lines, in bytes; begins: [(offset, program)], ascending."""
    events, offset = [], 0
    for line in lines:
        if b'mali_csf_' in line:
            found = EVENT.search(line.decode('utf-8', 'replace'))
            if found and found[2] not in FREQUENT:
                events.append((offset, *found.groups()))
        offset += len(line)
    result = TimeLine()
    result.has_clock = bool(events) and all(event[1] for event in events)
    later = list(begins)
    for number, (place, clock, name, device, rest) in enumerate(events):
        position = float(clock) if result.has_clock else number
        if not result.positions[1]:
            result.positions[0] = position
        result.positions[1] = position
        while later and later[0][0] <= place:
            result.programs.append((position, later.pop(0)[1]))
        result.take(position, name, device, rest)
    result.programs += [(result.positions[1], name) for _, name in later]
    return result


def title_of(key):
    device, order, numbers = key
    return (f'{device}: ' if device != 'gpu' else '') + (
        'address space {}', 'slot {}', 'slot {}, stream {}')[order].format(*numbers)


def page_part(line):
    """The drawing as HTML, without the page around it"""
    lanes = [(key, runs) for key, lane in sorted(line.lanes.items())
             if (runs := list(lane.runs(line.positions)))]
    if not lanes:
        return '<p>device.log has no events.</p>\n'
    height = (len(lanes) + 2) * ROW
    parts = [f'<svg viewBox="0 0 {LABEL + COLUMNS} {height}" width="100%" '
             'style="max-width:1250px" font-size="9" font-family="sans-serif" role="img" '
             'aria-label="the run, a lane for each address space, slot and stream">']
    free = [0, 0]           # where each of the two lines of names has room from
    for position, name in line.programs:
        x = LABEL + column(position, line.positions)
        parts.append(f'<path d="M{x} {ROW * 2}V{height}" stroke="#cbd5e0">'
                     f'<title>{html.escape(name)}</title></path>')
        row = next((row for row in (0, 1) if free[row] <= x), None)
        if row is not None:
            parts.append(f'<text x="{x + 1}" y="{ROW * (row + 1) - 3}" fill="#4a5568">'
                         f'{html.escape(name[:LETTERS])}</text>')
            free[row] = x + LETTER * (min(len(name), LETTERS) + 1)
    for row, (key, runs) in enumerate(lanes, 2):
        y = row * ROW
        parts.append(f'<text x="0" y="{y + 10}">{html.escape(title_of(key)[:24])}</text>')
        paths = {}
        for first, last, kind in runs:
            paths.setdefault(kind, []).append(
                f'M{LABEL + first} {y + 2}h{last - first + 1}v{ROW - 4}h-{last - first + 1}z')
        parts += [f'<path d="{"".join(path)}" fill="{COLOURS[kind]}"/>'
                  for kind, path in paths.items()]
    parts.append('</svg>\n')
    axis = 'From left to right: the time of the host.' if line.has_clock else \
        'From left to right: event by event; device.log has no clock without ' \
        'QEMU_ARGS="-msg timestamp=on".'
    return region_history.legend(COLOURS, NAMES) + f'<p>{axis}</p>\n' + ''.join(parts)
