# SPDX-License-Identifier: GPL-2.0-or-later
"""What vCPUs and the device did, in the order in which it came: a line for each, a column for each.

Of the vCPUs, which functions of the driver, of the DRM scheduler and of its page tables they came
to.  QEMU tells, with -d exec,nochain, each piece of translated code that is executed in the range
of these modules; where their functions are the guest has said before its first program.  Neither
changes what is executed, so it is the same run.
"""

import collections
import os
import re

NAME = 'timeline.txt'
# cpu_tb_exec() of QEMU: the vCPU, and the second number in brackets is the address
EXECUTED = re.compile(r'Trace (\d+): \S+ \[[0-9a-f]+/([0-9a-f]+)/')
TURN = re.compile(r'icount_schedule_turn cpu (\d+) for (\d+) ')
GUEST = re.compile(r'mali_csf_host_port_line (\w+) (?:\[ *\d+\.\d+\] ?)?(.*)')
DEVICE = re.compile(r'mali_csf_(\w+) \S+ ?(.*)')
# Of the device's events, those that come with each register, page or instruction
LEFT_OUT = re.compile(r'reg_(read|write)$|walk$|tlb_|slice$|cs_(instruction|state)$|irq_mask$|'
                      r'sync_poll$|flush_id$')
WIDTH, DEVICE_WIDTH = 34, 56
SHOWN = 40

Row = collections.namedtuple('Row', 'vcpu text', defaults=(None, ''))
Row.__doc__ = 'vcpu: its number, DEVICE_ROW or GUEST_ROW'
DEVICE_ROW, GUEST_ROW = 'device', 'guest'


def options(machine):
    """For QEMU; none if it is not known where the functions are."""
    ranges = machine.symbols().ranges()
    return ['-dfilter', ranges] if ranges else []


def rows_of(lines, known):
    """Row after row; known: Symbols"""
    function, resumes = {}, set()
    for line in lines:
        if found := EXECUTED.match(line):
            vcpu = int(found[1])
            name, begins = known.at(int(found[2], 16))
            if begins:
                yield Row(vcpu, name + '()')
            elif vcpu in resumes and function.get(vcpu) == name:
                yield Row(vcpu, f'... {name}')
            elif vcpu in resumes:
                yield Row(vcpu, f'back in {name}')
            resumes.discard(vcpu)
            function[vcpu] = name
        elif found := TURN.match(line):
            resumes.add(int(found[1]))
        elif found := GUEST.match(line):
            if found[2].strip():
                yield Row(GUEST_ROW, found[2].strip())
        elif (found := DEVICE.match(line)) and not LEFT_OUT.match(found[1]):
            yield Row(DEVICE_ROW, f'{found[1]} {found[2]}'.strip())


def merged(rows):
    """(Row, how often it came on end)"""
    last, times = None, 0
    for row in rows:
        if row == last:
            times += 1
            continue
        if last:
            yield last, times
        last, times = row, 1
    if last:
        yield last, times


def drawn(row, times, vcpus):
    text = row.text + (f'  x{times}' if times > 1 else '')
    if row.vcpu == GUEST_ROW:
        return f'==== {text}'
    columns = [''] * (vcpus + 1)
    columns[0 if row.vcpu == DEVICE_ROW else row.vcpu + 1] = text
    return ' | '.join(f'{column:{DEVICE_WIDTH if number == 0 else WIDTH}}'
                      for number, column in enumerate(columns)).rstrip(' |')


def is_hit(text, signatures, signature):
    """Whether a line is what a signature was made of.

    signature: makes one of a line
    """
    words = text.split(' - ', 1)[-1] if text.startswith(('ok ', 'not ok ')) else text
    words = signature(words)
    return len(words) > 5 and any(words in wanted or wanted.removeprefix('violation ') in words
                                  for wanted in map(signature, signatures))


def write(machine, folder, signatures, signature):
    """The file, and the lines of it that come before what went wrong."""
    known = machine.symbols()
    path = os.path.join(folder, NAME)
    vcpus = machine.settings.smp
    shown, hit = collections.deque(maxlen=SHOWN), False
    with open(os.path.join(folder, 'device.log'), encoding='utf-8', errors='replace') as log, \
            open(path, 'w', encoding='utf-8') as file:
        heads = ['the device', *(f'vCPU {number}' for number in range(vcpus))]
        head = ' | '.join(f'{text:{WIDTH if number else DEVICE_WIDTH}}'
                          for number, text in enumerate(heads)).rstrip()
        file.write(head + '\n')
        for row, times in merged(rows_of(log, known)):
            line = drawn(row, times, vcpus)
            file.write(line + '\n')
            if not hit:
                shown.append(line)
                hit = row.vcpu in (GUEST_ROW, DEVICE_ROW) and is_hit(row.text, signatures,
                                                                    signature)
    return path, [head, *shown]
