# SPDX-License-Identifier: GPL-2.0-or-later
"""Make inputs for the fuzz targets from a guest run.

A guest runs "journey" with panthor; all register writes are traced.  A few
times the machine is stopped and its memory saved.  In that are the firmware
interface, the rings and the streams as panthor and user space wrote them,
and suspend buffers as the model wrote them.  They become inputs of
tests/qtest/libqos/mali-csf-fuzz.c, with the addresses of that test in place
of the guest's, in tests/fuzz/seeds/, one in a line: a name, then bytes in hex.
"""

import mmap
import os
import re
import time

from malicsf import project
from malicsf.build import initramfs
from malicsf.project import say, Stop
from malicsf.run import expectations, results, run_guest

FOLDER = os.path.join(project.ROOT, 'tests/fuzz/seeds')
TEST = 'journey'
MEM = '512M'
# Virtual time is of no interest: seconds of the host from the program's begin
INSTANTS = [1, 2, 3, 4]
# Seconds between looks at the clock: the program says nothing until its end
POLL = 0.1
EVENTS = ['mali_csf_reg_write', 'mali_csf_doorbell', 'mali_csf_as_update']
RAM_BASE = 0x40000000
PAGE, TABLE_LEVELS, ADDRESS = 0x1000, 4, 0xfffffffff000
# Inputs of a kind that are kept: the longest, which have most in them
KEEP = {'mali-csf-stream': 12, 'mali-csf-firmware': 2, 'mali-csf-registers': 6,
        'mali-csf-resume': 6}

# Of the test: where its buffers are, its operations, its flags
BED_CODE, BED_HEAP, BED_DATA, BED_DATA_SIZE = 0x10000000000, 0x10000002000, 0x40000000, 0x2000
OP_STEP, OP_WRITE_REGISTER, OP_WRITE_MEMORY, OP_DOORBELL = 0, 1, 3, 5
OP_GLOBAL_REQUEST, OP_AS_SET_UP = 9, 11
FLAG_IN_RING, FLAG_SUSPEND, FLAG_GRANT, FLAG_REPLACE = 1, 2, 32, 32
BLOCKS = {'gpu': 0, 'job': 1, 'mmu': 2}
BLOCK_AS = 3
# Of the guest programs: tests/guest/lib/panthor.h
GUEST_CODE, GUEST_CODE_SIZE = 0x10000000, 0x40000
# Registers; fields of the firmware interface (fw-interface.h)
GPU_COMMANDS = (0x30, 0x190, 0x1a0, 0x1e0, 0x700)
AS_BASE, AS_SIZE, AS_COMMAND, AS_TRANSCFG = 0x400, 0x40, 0x18, 0x30
AS_STAGED = (0x00, 0x04, 0x08, 0x0c, 0x30, 0x34)
COMMAND_UPDATE, MODE_UNMAPPED = 1, 1
SHARED, GROUPS = 0x04000000, 0x1000
SUSPEND_MAGIC = 0x4653434d
MOVE48, MOVE32, CALL, HEAP_SET, HANDLER = 1, 2, 32, 48, 25


def le(value, count):
    return value.to_bytes(count, 'little')


def opcode(word):
    return word >> 56


def register(word):
    return word >> 48 & 0xff


class Image:
    """The guest's memory at an instant, and the page tables of that time."""

    def __init__(self, path, roots):
        self.roots = roots
        with open(path, 'rb') as file:
            self.memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def physical(self, address, count):
        at = address - RAM_BASE
        if not 0 <= at <= len(self.memory) - count:
            raise KeyError(address)
        return self.memory[at:at + count]

    def translate(self, space, address):
        table = self.roots[space]
        for level in range(TABLE_LEVELS):
            shift = 39 - 9 * level
            entry = int.from_bytes(self.physical(table + (address >> shift & 0x1ff) * 8, 8),
                                   'little')
            if not entry & 1:
                raise KeyError(address)
            if level == TABLE_LEVELS - 1 or not entry & 2:
                offset = address & (1 << shift) - 1
                return (entry & ADDRESS & ~((1 << shift) - 1)) + offset
            table = entry & ADDRESS
        return None

    def read(self, space, address, count):
        data = b''
        while len(data) < count:
            at = address + len(data)
            data += self.physical(self.translate(space, at),
                                  min(count - len(data), PAGE - at % PAGE))
        return data

    def word(self, space, address, count=4):
        return int.from_bytes(self.read(space, address, count), 'little')

    def words(self, space, address, count):
        data = self.read(space, address, count * 8)
        return [int.from_bytes(data[at:at + 8], 'little') for at in range(0, len(data), 8)]


class Recorder(run_guest.Guest):
    """A guest whose memory is saved a few times while the program runs."""

    def __init__(self, *arguments):
        self.instants, self.seeds = [], {}
        super().__init__(*arguments)

    def runner_line(self, words):
        super().runner_line(words)
        if words[:2] == ['begin', TEST]:
            self.instants = [time.monotonic() + seconds for seconds in INSTANTS]

    def run(self, limit):
        end = self.started + limit
        while not super().run(min(time.monotonic() + POLL, end) - self.started):
            now = time.monotonic()
            if now >= end:
                return False
            if self.instants and now >= self.instants[0] and self.look():
                self.instants.pop(0)
        return True

    def must(self, execute, **arguments):
        value, error = self.monitor.command(execute, **arguments)
        if error:
            raise Stop(f'{execute}: {error}', project.FAIL)
        return value

    def look(self):
        """Take what the memory has now; False if the firmware does not run."""
        log = project.read_lossy(os.path.join(self.folder, 'device.log'))
        if not transtabs(log).get(0):
            return False
        self.must('stop')
        path = os.path.join(self.folder, 'memory')
        size = int(MEM[:-1]) << 20
        self.must('pmemsave', val=RAM_BASE, size=size, filename='memory')
        log = project.read_lossy(os.path.join(self.folder, 'device.log'))
        roots = transtabs(log)
        if roots[0]:
            interface(Image(path, roots), self.seeds)
        os.remove(path)
        self.must('cont')
        return bool(roots[0])


def transtabs(log):
    """Where the tables of each address space are"""
    return {int(space): int(root, 16) for space, root in re.findall(
        r'mali_csf_as_update \S+ as (\d+) transtab 0x([0-9a-f]+)', log, re.M)}


def add(seeds, target, name, data):
    seeds.setdefault(target, {}).setdefault(data, name)


# -- streams

def size_behind(words, at):
    """Bytes that the MOVE32 behind a MOVE48 says, or what is enough for a look"""
    following = words[at + 1] if at + 1 < len(words) else 0
    return following & 0xffffffff if opcode(following) == MOVE32 else 64


def flattened(image, space, address, size):
    """A stream with those that it calls behind it, moved to the test's addresses"""
    places, order, code = {}, [(address, size)], []
    for start, count in order:
        if start in places:
            continue
        places[start] = len(code)
        words = image.words(space, start, count // 8)
        code += words
        for at, word in enumerate(words):
            value = word & 0xffffffffffff
            if opcode(word) == MOVE48 and 0 <= value - GUEST_CODE < GUEST_CODE_SIZE:
                order.append((value, size_behind(words, at) & 0x7f8))
    return [moved(word, code, {start: BED_CODE + at * 8 for start, at in places.items()})
            for word in code]


def moved(word, words, places):
    """A word, with an address of the test if it has one of the guest"""
    value = word & 0xffffffffffff
    if opcode(word) != MOVE48 or value < GUEST_CODE:
        return word
    if any(opcode(other) == HEAP_SET and other >> 40 & 0xff == register(word) for other in words):
        value = BED_HEAP
    elif value in places:
        value = places[value]
    elif 0 <= value - GUEST_CODE < GUEST_CODE_SIZE:
        value = BED_CODE
    else:
        value = BED_DATA + value % BED_DATA_SIZE
    return word & 0xffff << 48 | value


def streams(image, space, ring, seeds):
    """Those of the last jobs of a ring, given as words"""
    seen = False
    for at, word in enumerate(ring):
        if opcode(word) != CALL:
            continue
        pair = [other for other in ring[:at] if opcode(other) == MOVE48 and
                register(other) == word >> 40 & 0xff]
        size = [other for other in ring[:at] if opcode(other) == MOVE32 and
                register(other) == word >> 32 & 0xff]
        if not pair or not size:
            continue
        try:
            words = flattened(image, space, pair[-1] & 0xffffffffffff, size[-1] & 0xffffffff)
        except KeyError:
            # The address space has a new owner, or the buffer is gone.
            continue
        seen = True
        flags = FLAG_GRANT if any(opcode(other) == HANDLER for other in words) else FLAG_SUSPEND
        add(seeds, 'mali-csf-stream', 'code',
            le(flags, 1) + b''.join(le(other, 8) for other in words))
    if seen:
        add(seeds, 'mali-csf-stream', 'ring', le(FLAG_IN_RING, 1) + b''.join(
            le(moved(word, ring, {}), 8) for word in ring))


# -- firmware interface

# What is an address there belongs to the test's own group.
CS_WORDS = [0x00, 0x04, 0x0c, 0x18, 0x20, 0x24, 0x28, 0x2c]
CSG_WORDS = [0x00, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x3c,
             0x50, 0x54, 0x58]
GLB_WORDS = [0x00, 0x04, 0x08, 0x10, 0x14, 0x18, 0x1c, 0x50, 0x54, 0x58, 0x5c, 0x80, 0x84]


def writes(buffer, image, address, offsets):
    data = b''
    for offset in offsets:
        value = image.word(0, address + offset)
        if value:
            data += le(OP_WRITE_MEMORY, 1) + le(3, 1) + le(buffer, 1) + le(offset // 4, 2) + \
                le(value, 4)
    return data


def suspended(image, address, seeds):
    """Edits that make a suspend buffer of zeroes the guest's"""
    header = image.read(0, address, 12)
    if int.from_bytes(header[:4], 'little') != SUSPEND_MAGIC:
        return
    data = image.read(0, address, int.from_bytes(header[8:12], 'little'))
    edits, at = le(FLAG_REPLACE, 1), 0
    while at < len(data):
        piece = data[at:at + 8]
        if any(piece):
            value = int.from_bytes(piece, 'little')
            if 0 <= value - GUEST_CODE < GUEST_CODE_SIZE:
                piece = le(BED_CODE + value % 0x2000, 8)
            edits += le(at, 2) + le(len(piece) - 1, 1) + piece
        at += 8
    add(seeds, 'mali-csf-resume', 'suspended', edits)


def interface(image, seeds):
    """What the shared section and all that it names has for us"""
    groups = image.word(0, SHARED + 0x10)
    stride = image.word(0, SHARED + 0x14)
    state = writes(1, image, image.word(0, SHARED + 8), GLB_WORDS)
    for slot in range(groups):
        control = SHARED + GROUPS + slot * stride
        block = image.word(0, control + 4)
        space = image.word(0, block + 0x50) & 0xf
        state += writes(2 | slot << 4, image, block, CSG_WORDS)
        try:
            suspended(image, image.word(0, block + 0x40, 8), seeds)
        except KeyError:
            pass
        for stream in range(2):
            row = control + 0x40 + stream * image.word(0, control + 0x18)
            inputs = image.word(0, row + 4)
            if slot < 2:
                state += writes(3 | slot << 4 | stream << 7, image, inputs, CS_WORDS)
            try:
                insert = image.word(0, image.word(0, inputs + 0x30, 8), 8)
                size = image.word(0, inputs + 0x18)
                base = image.word(0, inputs + 0x10, 8)
                ring = []
                for at in range(max(insert - 512, 0), insert, 64):
                    ring += image.words(space, base + at % size, 8)
            except (KeyError, ZeroDivisionError):
                continue
            streams(image, space, ring, seeds)
    ring_all = b''.join(le(OP_DOORBELL, 1) + le(page, 1) for page in range(groups + 1))
    add(seeds, 'mali-csf-firmware', 'interface', state + ring_all + le(OP_STEP, 1) + le(7, 1) +
        le(OP_GLOBAL_REQUEST, 1) + le(3, 4) + le(OP_STEP, 1) + le(8, 1))


# -- registers

def register_inputs(log, seeds):
    """Windows of what panthor wrote, the first from the very beginning"""
    operations, transcfg = [], {}
    for line in log.splitlines():
        found = re.search(r'mali_csf_(?:reg_write \S+ (\w+) offset 0x(\w+) value 0x(\w+)|'
                          r'doorbell \S+ page (\d+))', line)
        if not found:
            continue
        if found[4]:
            operations.append(le(OP_DOORBELL, 1) + le(int(found[4]), 1))
            continue
        block, offset, value = found[1], int(found[2], 16), int(found[3], 16)
        step = b''
        if block == 'mmu' and offset >= AS_BASE:
            space, within = divmod(offset - AS_BASE, AS_SIZE)
            if within in AS_STAGED:
                # Tables are the test's.
                if within == AS_TRANSCFG:
                    transcfg[space] = value
                continue
            if within == AS_COMMAND:
                if value == COMMAND_UPDATE:
                    mode = 0x20 if transcfg.get(space) == MODE_UNMAPPED else 0
                    operations.append(le(OP_AS_SET_UP, 1) + le(
                        space | mode | (0 if space else 0x10), 1))
                    continue
                step = le(OP_STEP, 1) + le(4, 1)
            number, offset = BLOCK_AS, offset - AS_BASE
        elif block in BLOCKS:
            number = BLOCKS[block]
            if number == 0 and offset in GPU_COMMANDS:
                step = le(OP_STEP, 1) + le(8, 1)
        else:
            continue
        operations.append(le(OP_WRITE_REGISTER, 1) + le(number, 1) + le(offset, 2) +
                          le(value, 4) + step)
    count = KEEP['mali-csf-registers']
    window = 110
    if len(operations) < window:
        return
    boot = b''.join(operations[:40])
    for index in range(count):
        at = index * (len(operations) - window) // (count - 1)
        data = b''.join(operations[at:at + window])
        add(seeds, 'mali-csf-registers', 'later' if at else 'boot', (boot if at else b'') + data)


# -- the run

def record(settings):
    settings.mem = MEM
    tree, kernel, archives = run_guest.prepare(settings)
    rows = run_guest.choose_programs(TEST)
    folder, lock = run_guest.open_run_folder(settings.name or 'seeds', bool(settings.name))
    with lock:
        initrd = os.path.join(folder, 'initrd')
        initramfs.write(initrd, archives, run_guest.plan_of(rows, settings))
        events = run_guest.write_events(folder, EVENTS)
        report = results.Report(False, '', expectations.of(kernel, settings))
        guest = Recorder(run_guest.qemu_command(tree, kernel, settings, initrd, events), folder,
                         report, settings, rows)
        try:
            guest.run(settings.slack * run_guest.BOOT_SECONDS * 2)
        finally:
            guest.kill()
            guest.close()
        if not guest.done or report.count('not ok'):
            raise Stop(f'the guest run failed; logs in {folder}', project.FAIL)
        register_inputs(project.read_lossy(os.path.join(folder, 'device.log')), guest.seeds)
    return guest.seeds


def check(_):
    seeds = record(run_guest.busy_settings('fuzz-seeds'))
    missing = [target for target in KEEP if not seeds.get(target)]
    if missing:
        raise Stop(f'the run had nothing for {", ".join(missing)}', project.FAIL)
    for target, rows in sorted(seeds.items()):
        kept = sorted(rows.items(), key=lambda row: (row[1], -len(row[0]), row[0]))
        by_name = {}
        for data, name in kept:
            by_name.setdefault(name, []).append(data)
        share = KEEP[target] // len(by_name)
        lines = [f'{name} {data.hex()}\n' for name, found in by_name.items()
                 for data in found[:share]]
        project.write(os.path.join(FOLDER, target), ''.join(lines))
        say(f'{target}: {len(lines)} inputs of {len(rows)}, '
            f'{sum(len(line) for line in lines) // 2} bytes')
    return project.PASS


def main():
    return run_guest.check_main(__doc__, 'record-seeds', check)
