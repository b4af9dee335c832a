# SPDX-License-Identifier: GPL-2.0-or-later
"""The device's state in a file that QEMU has migrated to.

QEMU describes each device's fields at the end of such a file, in JSON, so
nothing here knows a field by its offset.
"""

import json
import os
import re

from malicsf.project import FAIL, read, ROOT, Stop

DEVICE = 'mali-csf'
# migration/savevm.h
SECTION_FULL, DESCRIPTION, FOOTER = 4, 6, 0x7e
# What the description and the device's section are looked for in
TAIL = 8 * 2**20
# MALI_CSF_NEWS_FAULT of the same header
NEWS_FAULT = 4
STREAM = os.path.join(ROOT, 'hw/gpu/mali-csf/cs/stream.h')


def stream_states():
    """Names of MaliCsfStreamState by value, as the device's header has them."""
    found = re.search(r'typedef enum MaliCsfStreamState \{(.*?)MALI_CSF_STREAM_NUM_STATES',
                      read(STREAM), re.S)
    names = re.findall(r'^    MALI_CSF_STREAM_(\w+),$', found[1], re.M) if found else []
    if 'READY' not in names:
        raise Stop(f'{STREAM} has no MaliCsfStreamState that is understood', FAIL)
    return [name.lower().replace('_', '-') for name in names]


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


def of_stream(stream, states):
    """Names of what a stream that was started is in the middle of."""
    state, tiler = stream['state'], stream['tiler']
    yield 'stream ' + (states[state] if state < len(states) else str(state))
    for name, there in (
            ('in a CALL', stream['depth'] and not stream['handler_depth']),
            ('in an exception handler', stream['handler_depth']),
            ('in a protected region', stream['protm_end']),
            ('work in flight', any(stream['scoreboard'])),
            ('deferred instruction', stream['num_deferred']),
            ('work waits for heap memory', tiler['chunks']),
            ('heap memory asked for', tiler['asked']),
            ('heap memory refused', tiler['refused']),
            ('fault not yet told', stream['news'] & NEWS_FAULT),
            ('error state', stream['error'])):
        if there:
            yield name


def situations(values):
    """Names of what the device was in the middle of."""
    try:
        return found_in(values)
    except KeyError as error:
        raise Stop(f'a saved state has no field {error} any more', FAIL) from error


def found_in(values):
    found, states = set(), stream_states()
    mcu = values['mcu']
    groups = [group for group in values['engine']['groups'] if group['active']]
    if any(group['entering'] for group in mcu['fw']['groups']):
        found.add('group entering')
    for group in groups:
        for stream in group['streams']:
            if stream['state']:
                found.update(of_stream(stream, states))
    for name, there in (
            ('boot pending', mcu['boot_pending']),
            ('pass parked', mcu['pass_parked']),
            ('doorbell pending', mcu['doorbells']),
            ('protected mode', values['engine']['protected_mode']),
            ('firmware asleep', mcu['fw']['asleep']),
            ('counter sample pending', values['perfcnt']['pending']),
            ('region locked', any(space['locked'] for space in values['mmu']['as'])),
            ('MMU fault latched', any(space['fault_latched'] for space in values['mmu']['as']))):
        if there:
            found.add(name)
    return found
