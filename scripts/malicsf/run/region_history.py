# SPDX-License-Identifier: GPL-2.0-or-later
"""The history of an address space's regions, from a device log, as a drawing.

What was locked when, which entries changed, which accesses stalled or
faulted.  The log has no clock: a step to the right is the next event.
"""

import html
import re

EVENT = re.compile(r'mali_csf_(as_command|as_update|as_lock|as_stall|as_fault|as_changed|'
                   r'violation|note|repeated) (\S+) (?:(\S+) )?as (\d+) (.*)')
RANGE = re.compile(r'0x([0-9a-f]+)(?:\.\.|-)0x([0-9a-f]+)')
# Of an address space in one program; the log has the rest
MAX_EPISODES = 500
# Of an episode
MAX_STEPS = 40


class Episode:
    """From LOCK to the release of the region, or what happened with none held."""

    def __init__(self, number, locked):
        self.number, self.locked = number, locked
        self.steps = []         # (kind, text)
        self.ended = ''

    def count(self, kind):
        return sum(step[0] == kind for step in self.steps)


def region(text):
    """0x400000..0x5fffff as a person reads it."""
    found = RANGE.search(text)
    if not found:
        return text
    start, last = (int(word, 16) for word in found.groups())
    size, unit = last - start + 1, ''
    for unit in ('', 'K', 'M', 'G', 'T'):
        if size < 1024 or size % 1024 or unit == 'T':
            break
        size //= 1024
    return f'0x{start:x}+{size}{unit}'


def read(lines, begins=()):
    """{(device, address space): [(program, Episode)]} of a device log's lines, in bytes.

    begins: [(offset in the log, program)], ascending.
    """
    spaces, offset, later, program = {}, 0, list(begins), ''
    for line in lines:
        while later and later[0][0] <= offset:
            program = later.pop(0)[1]
        offset += len(line)
        if b'mali_csf_' not in line:
            continue
        # A thread and a time may stand before it: "-msg timestamp=on"
        found = EVENT.search(line.decode('utf-8', 'replace').strip())
        if not found:
            continue
        kind, name, rest = found[1], found[3], found[5]
        episodes = spaces.setdefault((found[2], int(found[4])), [])

        def current(locked, start=False, episodes=episodes, program=program):
            if start or not episodes or episodes[-1][1].ended or episodes[-1][0] != program:
                episodes.append((program, Episode(len(episodes) + 1, locked)))
            return episodes[-1][1]

        if kind == 'as_lock':
            held = episodes and episodes[-1][1].locked and not episodes[-1][1].ended
            current(True, start=not held).steps.append(
                ('expand' if held else 'lock', region(rest)))
        elif kind == 'as_command':
            command = rest.split()[0]
            if command in ('UNLOCK', 'FLUSH_PT', 'FLUSH_MEM') and episodes and \
                    episodes[-1][1].locked:
                episodes[-1][1].ended = command
        elif kind == 'as_update':
            current(False, start=True).steps.append(('update', rest))
        elif kind == 'as_changed':
            current(False).steps.append(('changed', region(rest)))
        elif kind == 'as_stall':
            current(False).steps.append(('stall', rest))
        elif kind == 'as_fault':
            current(False).steps.append(('fault', rest))
        else:
            kind = 'note' if name.startswith('note-') else 'violation'
            current(False).steps.append((kind, f'{name} {rest}'))
    return spaces


COLOURS = {'lock': '#2b6cb0', 'expand': '#b7791f', 'changed': '#2f855a', 'stall': '#805ad5',
           'fault': '#c53030', 'update': '#4a5568', 'violation': '#e53e3e', 'note': '#a0aec0'}
NAMES = {'lock': 'LOCK', 'expand': 'LOCK with a region held (expansion)',
         'changed': 'entries changed', 'stall': 'access stalled', 'fault': 'fault',
         'update': 'UPDATE', 'violation': 'violation', 'note': 'note'}
STEP = 9
ROW = 16


def legend(colours, names):
    """What the colours of a drawing mean, as HTML; both by the kind of what is drawn"""
    return '<p class="legend">' + ' '.join(
        f'<span><i style="background:{colours[kind]}"></i>{html.escape(name)}</span>'
        for kind, name in names.items()) + '</p>\n'


def drawing(episodes):
    """An SVG: a lane in which each event is a mark, and a bar while a region is held."""
    marks, x = [], 4
    for _, episode in episodes:
        left = x
        for kind, text in episode.steps[:MAX_STEPS]:
            title = html.escape(f'{episode.number}: {NAMES[kind]} {text}')
            marks.append(f'<rect x="{x}" y="4" width="{STEP - 3}" height="{ROW - 8}" '
                         f'fill="{COLOURS[kind]}"><title>{title}</title></rect>')
            x += STEP
        if episode.locked:
            marks.insert(0, f'<rect x="{left - 2}" y="1" width="{x - left + 1}" '
                            f'height="{ROW - 2}" fill="#bee3f8"/>')
        x += 4
    return (f'<svg width="{x}" height="{ROW}" role="img" '
            f'aria-label="events in order">{"".join(marks)}</svg>')


def worth_seeing(episodes, most):
    """At most so many of them, in order; those in which something went wrong, or a lock was
    widened, before others."""
    def rank(row):
        return not any(row[1].count(kind) for kind in ('violation', 'fault', 'expand'))
    chosen = sorted(episodes, key=rank)[:most]
    return sorted(chosen, key=lambda row: row[1].number)


def how_many(rows, every):
    text = f'{len(rows)} episodes' if len(rows) != 1 else 'one episode'
    return text if len(rows) == len(every) else f'{text} of {len(every)}'


def page_part(spaces, most=MAX_EPISODES):
    """The history as HTML, without the page around it.

    most: episodes of an address space in one program
    """
    if not spaces:
        return '<p>No address space was ever set up.</p>\n'
    parts = [legend(COLOURS, NAMES)]
    for (device, number), episodes in sorted(spaces.items()):
        parts.append(f'<h3>{html.escape(device)}: address space {number}</h3>\n')
        for program in dict.fromkeys(name for name, _ in episodes):
            every = [row for row in episodes if row[0] == program]
            rows = worth_seeing(every, most)
            parts.append(f'<h4>{html.escape(program or "before the first program")}</h4>\n'
                         f'<div class="lane">{drawing(rows)}</div>\n'
                         f'<details><summary>{how_many(rows, every)} in words</summary><ol>\n')
            for _, episode in rows:
                words = '; '.join(f'{NAMES[kind]} {text}' for kind, text in episode.steps[:MAX_STEPS])
                more = len(episode.steps) - MAX_STEPS
                words += f'; and {more} more' if more > 0 else ''
                words += f'; {episode.ended}' if episode.ended else ''
                parts.append(f'<li value="{episode.number}">{html.escape(words)}</li>\n')
            parts.append('</ol></details>\n')
    return ''.join(parts)
