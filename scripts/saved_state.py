# SPDX-License-Identifier: GPL-2.0-or-later
"""The device's state in a file that QEMU has migrated to.

QEMU describes each device's fields at the end of such a file, in JSON, so
nothing here knows a field by its offset.
"""

import json
import os

from project import Stop, FAIL

DEVICE = 'mali-csf'
# migration/savevm.h
SECTION_FULL, SUBSECTION, DESCRIPTION, FOOTER = 4, 5, 6, 0x7e
# What the description and the device's section are looked for in
TAIL = 8 * 2**20
# MaliCsfStreamState in hw/gpu/mali-csf/engine.h
STREAM_STATES = ['stopped', 'ready', 'empty', 'sync-wait', 'scoreboard-wait', 'stalled',
                 'mmu-faulted', 'fault', 'fatal']


def tail_of(path):
    with open(path, 'rb') as file:
        file.seek(max(os.path.getsize(path) - TAIL, 0))
        return file.read()


def described_device(data):
    at = len(data)
    while (at := data.rfind(bytes([DESCRIPTION]), 0, at)) >= 0:
        if int.from_bytes(data[at + 1:at + 5], 'big') == len(data) - at - 5:
            for device in json.loads(data[at + 5:])['devices']:
                if device['vmsd_name'] == DEVICE:
                    return device
    raise Stop(f'a saved state has no description of {DEVICE}', FAIL)


def fields_of(data, at, struct):
    """The values of a structure by name, and the offset behind it."""
    values = {}
    for row in struct['fields']:
        for _ in range(row.get('array_len', 1)):
            if 'struct' in row:
                value, end = fields_of(data, at, row['struct'])
            else:
                end = at + row['size']
                value = int.from_bytes(data[at:end], 'big')
            at = end
            if 'array_len' in row or 'index' in row:
                values.setdefault(row['name'], []).append(value)
            else:
                values[row['name']] = value
    for row in struct.get('subsections', []):
        # Type, length of the name, name, version
        value, at = fields_of(data, at + 2 + len(row['vmsd_name']) + 4, row)
        values[row['vmsd_name']] = value
    return values, at


def device(path):
    """The device's fields: numbers, lists and dictionaries, by name."""
    data = tail_of(path)
    described = described_device(data)
    name = described['name'].encode()
    at = len(data)
    while (at := data.rfind(bytes([len(name)]) + name, 0, at)) >= 0:
        if data[at - 5] == SECTION_FULL:
            # Instance and version follow the name.
            values, end = fields_of(data, at + 1 + len(name) + 8, described)
            if data[end] == FOOTER:
                return values
    raise Stop(f'a saved state has no section of {DEVICE}', FAIL)


def situations(values):
    """Names of what the device was in the middle of."""
    found = set()
    for group in values['engine']['groups']:
        if group['entering']:
            found.add('group entering')
        for stream in group['streams']:
            state = stream['state']
            if state:
                found.add('stream ' + (STREAM_STATES[state] if state < len(STREAM_STATES)
                                       else str(state)))
            if stream['depth']:
                found.add('in a CALL')
            if any(stream['scoreboard']):
                found.add('work in flight')
            if stream['fault_unpublished']:
                found.add('fault not yet told')
    mcu = values['mcu']
    for name in ('boot_pending', 'pass_parked'):
        if mcu[name]:
            found.add(name.replace('_', ' '))
    if mcu['doorbells']:
        found.add('doorbell pending')
    if any(space['locked'] for space in values['mmu']['as']):
        found.add('region locked')
    if any(space['fault_latched'] for space in values['mmu']['as']):
        found.add('MMU fault latched')
    return found
