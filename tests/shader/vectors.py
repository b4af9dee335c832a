#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make vectors of shader instructions for shader-test.

    vectors.py ISA.TXT OUTPUT [NAME...]

For each encoding that computes something: words with each value of each modifier,
each with 64 sets of operands, edges among them, and what reference.py says comes
of them.  A record is, little-endian:

    word, lanes (64 bits); architecture, flags, units in the last place, length of
    the name (8 bits); name; four sources of two registers, what the destination
    holds before, and what afterwards: 64 lanes of 32 bits each
"""

import os
import random
import re
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '../../hw/gpu/mali-csf/shader')]
sys.dont_write_bytecode = True
import isa          # noqa: E402  pylint: disable=wrong-import-position
import reference    # noqa: E402  pylint: disable=wrong-import-position

WORDS, LANES = 10, 64
FLUSH_F32, FLUSH_F16 = 1, 2
# The exact value is computed there with doubles, here with a library's functions.
INEXACT = {'FEXP', 'FEXPF', 'FLOGD', 'FLOG', 'FSIN_TABLE', 'FCOS_TABLE'}
CONSTANTS = (0, 0xffffffff, 0x7fffffff, 0xfafcfdfe, 0x01000000, 0x80002000, 0x70605030,
             0xc0b0a090, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, 0x13121110,
             0x17161514, 0x1b1a1918, 0x1f1e1d1c, 0x3f800000, 0x3dcccccd, 0x3ea2f983,
             0x3f317218, 0x40490fdb, None, 0x477fff00, 0x5c005bf8, 0x2e660000, 0x34000000,
             0x38000000, 0x3c000000, 0x40000000, 0x44000000, 0x48000000, 0x42480000)
EDGES = (0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
         0xffffffff, 0x80808080, 0x7f7f7f7f, 0x00800000, 0x007fffff, 0x80000001, 0x3f800000,
         0xbf800000, 0x3f7fffff, 0x3f800001, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000,
         0x7fc00000, 0x7f800001, 0xffffffff, 0x3f000000, 0x3fc00000, 0x4b000000, 0x4effffff,
         0x4f000000, 0x4f7fffff, 0x4f800000, 0xcf000000, 0xcf000001, 0x33000000, 0x3c003c00,
         0x7c00fc00, 0x7bff0400, 0x03ff8001, 0x7e007c01, 0xbc003800, 0x00018000, 0x38fff000,
         0x477ff000, 0x477fefff, 0x33000001, 0x42fe0000, 0x43000000, 0xc2fc0000)


def uniform(number):
    """What the test puts into uniforms."""
    return (number * 0x9e3779b1 ^ 0x3f800000) & reference.M32


def operand(rng):
    """One register: any bits, or numbers of a kind, or an edge."""
    kind = rng.random()
    if kind < 0.25:
        return rng.choice(EDGES)
    if kind < 0.5:
        return rng.getrandbits(32)
    if kind < 0.7:
        # A float whose exponent is close to that of 1
        return rng.getrandbits(24) | rng.randrange(100, 150) << 23 & 0x7f800000 | \
            rng.getrandbits(1) << 31
    if kind < 0.9:
        halves = [rng.getrandbits(10) | rng.randrange(8, 22) << 10 | rng.getrandbits(1) << 15
                  for _ in range(2)]
        return halves[0] | halves[1] << 16
    return rng.randrange(-40, 70) & reference.M32


def close_operands(rng):
    """One for each register, floats of about the same size: sums round, products cancel"""
    if rng.getrandbits(1):
        return [rng.getrandbits(23) | rng.randrange(125, 130) << 23 | rng.getrandbits(1) << 31
                for _ in range(8)]
    return [sum((rng.getrandbits(10) | rng.randrange(13, 18) << 10 | rng.getrandbits(1) << 15)
                << 16 * i for i in range(2)) for _ in range(8)]


def lane_operands(rng):
    if rng.random() < 0.4:
        return close_operands(rng)
    return [operand(rng) for _ in range(8)]


def choices(encoding, description):
    """(position, usual value, values that are allowed) of what modifies it."""
    out = []
    for field in encoding.fields:
        usual = field.values.index('-') if '-' in field.values else 0
        values = [n for n in range(1 << field.width)
                  if not field.values or field.values[n] != '.']
        if encoding.family == 'CLPER' and field.name == 'lane_op':
            values = [0, 1, 4]
        if field.name == 'sincos_offset':
            values = [0]
        out.append((field.position, usual, values))
    for _, swizzle, position, neg, _, _ in encoding.sources:
        if neg:
            out.append((neg, 0, range(4)))
        if swizzle == 'NOT':
            out.append((position, 0, range(2)))
        elif swizzle not in ('NONE', 'COMBINE'):
            table = description.swizzles[swizzle.lower()]
            values = [n for n, name in enumerate(table.values) if name != '.']
            usual = table.values.index('-') if '-' in table.values else values[0]
            out.append((position, usual, values))
    return out


def words(encoding, description, rng):
    """Two words with no modifiers, then every value of every modifier at least once."""
    fields = choices(encoding, description)
    count = 2 + max([WORDS] + [len(values) for _, _, values in fields])
    orders = [rng.sample(list(values), len(values)) for _, _, values in fields]
    for number in range(count):
        word = encoding.match
        for (position, usual, _), order in zip(fields, orders):
            word |= (order[number % len(order)] if number >= 2 else usual) << position
        for imm in encoding.imms:
            word |= rng.choice((rng.getrandbits(imm.width),
                                rng.choice(EDGES) & (1 << imm.width) - 1)) << imm.position
        for index, source in enumerate(encoding.sources):
            word |= source_byte(index, source[4], number, rng) << source[0]
        if encoding.destination:
            whole = encoding.destination == 'd64' or number < 2 or number % 3
            halves = 3 if whole else rng.choice((1, 2))
            word |= 8 << 40 | halves << 46
        yield word


def source_byte(index, wide, number, rng):
    kind = rng.random() if number >= 2 else 0
    if kind < 0.75:
        return 2 * index
    if kind < 0.85:
        return 128 | 2 * rng.randrange(32)
    constant = rng.randrange(32)
    if wide:
        constant &= ~1
    return 192 | (constant if CONSTANTS[constant] is not None else 0)


def fetch(byte, wide, registers, lane):
    if byte < 128:
        low = registers[byte][lane]
        return low | registers[byte + 1][lane] << 32 if wide else low
    if byte < 192:
        number = byte - 128
        return uniform(number) | (uniform(number + 1) << 32 if wide else 0)
    return CONSTANTS[byte - 192]


def written(encoding, word, value, before, flush_f16):
    """What is in the destination's two registers afterwards."""
    if encoding.destination == 'd64':
        return value & reference.M64
    halves = word >> 46 & 3
    mask = (0, 0xffff, 0xffff0000, 0xffffffff)[halves]
    kind = isa.destination(encoding)
    value &= reference.M32
    if halves != 3 and kind == 'NARROW':
        value = reference.F32.convert(value, reference.F16)
        value = 0x10001 * (reference.F16.flush(value) if flush_f16 else value)
    elif halves == 2 and kind == 'WHOLE':
        value <<= 16
    return before & ~mask | value & mask


def record(encoding, description, word, rng, number):
    flags = 0 if number == 0 else FLUSH_F32 | FLUSH_F16
    if number >= 2:
        flags = rng.choice((0, 0, 0, FLUSH_F32, FLUSH_F16, FLUSH_F32 | FLUSH_F16))
    lanes = reference.M64
    if number % 3 == 2:
        lanes = rng.choice((rng.getrandbits(64), 1 << rng.randrange(64)))
    registers = list(zip(*(lane_operands(rng) for _ in range(LANES))))
    before = [[rng.getrandbits(32) for _ in range(LANES)] for _ in range(2)]
    instruction = reference.Instruction(encoding, word, flags & FLUSH_F32, flags & FLUSH_F16)
    sources = [[reference.prepare(source, word,
                                  fetch(word >> source[0] & 255, source[4], registers, lane),
                                  description.swizzles)
                for lane in range(LANES)] for source in encoding.sources]
    if encoding.kind == 'cross':
        results = reference.across(instruction, sources, lanes)
    else:
        results = [instruction.run([source[lane] for source in sources])
                   for lane in range(LANES)]
    after = [[], []]
    for lane in range(LANES):
        value = before[0][lane] | before[1][lane] << 32
        if lanes >> lane & 1:
            value = written(encoding, word, results[lane], value, flags & FLUSH_F16)
        after[0].append(value & reference.M32)
        after[1].append(value >> 32)
    name = encoding.name.encode()
    arch = 10 if encoding.first <= 10 <= encoding.last else encoding.first
    ulp = int(encoding.family in INEXACT)
    out = struct.pack('<QQBBBB', word, lanes, arch, flags, ulp, len(name)) + name
    for register in [*registers, *before, *after]:
        out += struct.pack('<64I', *register)
    return out


def main():
    description = isa.Description(sys.argv[1])
    names = sys.argv[3:]
    with open(sys.argv[2], 'wb') as output:
        for encoding in description.encodings:
            if encoding.kind not in ('alu', 'cross') or (names and
                                                         not any(re.fullmatch(name, encoding.name)
                                                                 for name in names)):
                continue
            rng = random.Random(encoding.name)
            for number, word in enumerate(words(encoding, description, rng)):
                output.write(record(encoding, description, word, rng, number))


if __name__ == '__main__':
    main()
