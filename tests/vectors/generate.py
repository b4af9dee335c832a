#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make the instruction vectors that tests/qtest/mali-csf-vector-test.c runs.

Random programs, from a fixed seed, with what reference.py says comes of them
on each architecture: a digest of registers and data.  Prints the header,
compares it with the one that is checked in, or tells of one program, by its
number, on an architecture:

    generate.py > tests/qtest/libqos/mali-csf-vectors.c.inc
    generate.py --check tests/qtest/libqos/mali-csf-vectors.c.inc
    generate.py --explain 17 13
"""

import random
import sys

import reference

SEED = 0x6d616c69
ARCHITECTURES = range(10, 15)
PROGRAMS = 500

# As in the test
DATA_VA = 0x50000000
DATA_WORDS = 256
CODE_VA = 0x50010000
CODE_WORDS = 128
REGISTERS = 92

# The heap that is set and a handler are what the program before has left.
ANY = [number for number in range(256) if number not in (11, 25, 48, 49)]

EDGES = [0, 1, 0xffffffff, 0x80000000, 0x7fffffff, 31, 32, 64]
M32 = 0xffffffff


def initial(seed, index):
    """Word number index of what a vector starts with; the test has the same."""
    x = seed * 0x9e3779b1 + index * 0x85ebca6b & M32
    x ^= x >> 15
    x = x * 0x2c1b3c6d & M32
    x ^= x >> 12
    x = x * 0x297a2d39 & M32
    x ^= x >> 15
    return EDGES[x >> 8 & 7] if x & 3 == 0 else x


def op(number, **fields):
    """A word of fields named by their lowest bit: b48=dst."""
    word = number << 56
    for name, value in fields.items():
        word |= value << int(name[1:])
    return word


class Program:
    """A random program; words are collected, subroutines come behind them."""

    def __init__(self, rng, arch):
        self.rng = rng
        self.arch = arch
        self.words = []
        self.subroutines = []

    def reg(self):
        return self.rng.randrange(REGISTERS)

    def pair(self):
        return self.rng.randrange(REGISTERS // 2) * 2

    def other_pair(self, *taken):
        while True:
            pair = self.pair()
            if pair not in taken:
                return pair

    def imm32(self):
        return self.rng.choice([self.rng.getrandbits(32), self.rng.getrandbits(6),
                                M32 - self.rng.getrandbits(6), self.rng.choice(EDGES)])

    def emit(self, word):
        self.words.append(word)

    def address(self, align, room):
        """Put an address of the data into a pair; returns the pair."""
        pair = self.pair()
        offset = self.rng.randrange((DATA_WORDS * 4 - room) // align + 1) * align
        self.emit(op(1, b48=pair, b0=DATA_VA + offset))
        return pair

    # Instructions

    def move(self):
        if self.rng.random() < .5:
            self.emit(op(1, b48=self.pair(), b0=self.rng.getrandbits(48)))
        else:
            self.emit(op(2, b48=self.reg(), b0=self.imm32()))

    def bit_field(self):
        return self.rng.choice([self.rng.randrange(70), self.rng.getrandbits(5)]) | \
            self.rng.choice([self.rng.randrange(70), self.rng.getrandbits(5)]) << 8 | \
            self.rng.getrandbits(16) << 16

    def arith_imm(self):
        operation = self.rng.randrange(8)
        imm = {4: self.bit_field, 5: self.bit_field, 6: self.bit_field}.get(
            operation, self.rng.choice([self.imm32, lambda: self.rng.randrange(70)]))()
        if self.rng.random() < .5:
            self.emit(op(16, b48=self.reg(), b40=self.reg(), b32=operation, b0=imm))
        else:
            self.emit(op(17, b48=self.pair(), b40=self.pair(), b32=operation, b0=imm))

    def arith_reg(self):
        operation = self.rng.randrange(7)
        imm = self.bit_field() & 0xffff
        wide = self.rng.random() < .5
        pick = self.pair if wide else self.reg
        src1 = pick()
        if operation in (3, 4, 5) and self.rng.random() < .7:
            self.emit(op(1, b48=src1 & ~1, b0=self.rng.randrange(70) * 0x100000001))
        self.emit(op(57 if wide else 18, b48=pick(), b40=pick(), b32=src1, b24=operation, b0=imm))

    def logic(self):
        self.emit(op(19, b48=self.reg(), b40=self.reg(), b32=self.reg(),
                     b4=self.rng.getrandbits(1), b0=self.rng.getrandbits(4)))

    def multiple(self):
        mask = self.rng.choice([self.rng.getrandbits(16), 0xffff, 1 << self.rng.randrange(16), 0])
        bias = self.rng.choice([0, -4, 0x7ffc, -0x8000])
        pair = self.pair()
        offset = self.rng.randrange(DATA_WORDS - 16) * 4
        self.emit(op(1, b48=pair, b0=DATA_VA + offset - bias))
        self.emit(op(self.rng.choice([20, 21]), b48=self.rng.randrange(REGISTERS - 15), b40=pair,
                     b16=mask, b0=bias & 0xffff))

    def branch(self):
        """Over some of what follows"""
        body = Program(self.rng, self.arch)
        for _ in range(self.rng.randrange(1, 4)):
            body.simple()
        self.emit(op(22, b40=self.reg(), b28=self.rng.randrange(7), b0=len(body.words)))
        self.words += body.words

    def loop(self):
        counter = self.reg()
        body = op(16, b48=(counter + 1) % REGISTERS, b40=(counter + 1) % REGISTERS,
                  b0=self.imm32())
        self.emit(op(2, b48=counter, b0=self.rng.randrange(1, 9)))
        self.emit(body)
        self.emit(op(16, b48=counter, b40=counter, b0=M32))
        self.emit(op(22, b40=counter, b28=self.rng.choice([1, 3]), b0=-3 & 0xffff))

    def call(self):
        body = Program(self.rng, self.arch)
        for _ in range(self.rng.randrange(3)):
            body.simple()
        # Its address is known when all is laid out.
        pair = self.pair()
        length = self.other_pair(pair)
        self.words.append(('address', pair, len(self.subroutines)))
        self.emit(op(2, b48=length, b0=len(body.words) * 8))
        self.emit(op(self.rng.choice([32, 32, 33]), b40=pair, b32=length))
        self.subroutines.append(body.words)

    def sync(self):
        number = self.rng.choice([37, 38, 51, 52])
        wide = number > 50
        pair = self.address(16 if wide else 8, 16)
        self.emit(op(number, b48=self.rng.randrange(8), b40=pair,
                     b32=self.pair() if wide else self.reg(), b1=self.rng.choice([0, 2]),
                     b0=self.rng.getrandbits(1)))

    def sync_wait(self):
        """For a value that it just set"""
        wide = self.rng.random() < .5
        pair = self.address(16 if wide else 8, 16)
        data = self.other_pair(pair)
        self.emit(op(52 if wide else 38, b40=pair, b32=data, b0=self.rng.getrandbits(1)))
        condition = self.rng.choice([0, 5, 1])
        if condition == 1:
            # One that is smaller: greater than zero
            self.emit(op(1, b48=data, b0=1))
            self.emit(op(52 if wide else 38, b40=pair, b32=data, b0=self.rng.getrandbits(1)))
            self.emit(op(1, b48=data, b0=0))
        self.emit(op(53 if wide else 39, b40=pair, b32=data, b28=condition,
                     b0=self.rng.getrandbits(1)))

    def store_state(self):
        pair = self.address(8, 8)
        self.emit(op(40, b48=self.rng.randrange(8), b40=pair,
                     b32=self.rng.choice([2, 3, 3, self.rng.getrandbits(8) & 0xfe | 2])))

    def entries(self):
        choice = self.rng.randrange(5)
        if choice == 0:
            self.emit(op(23, b4=self.rng.randrange(8), b0=self.rng.randrange(8)))
        elif choice == 1:
            self.emit(op(28, b32=8, b0=self.rng.getrandbits(16) | 1))
        elif choice == 2:
            reg = self.reg()
            self.emit(op(2, b48=reg, b0=self.rng.randrange(8)))
            self.emit(op(27, b40=reg, b32=self.rng.randrange(3)))
        else:
            self.emit(op(26, b48=self.reg(), b36=self.rng.getrandbits(1),
                         b32=self.rng.randrange(4)))

    def progress(self):
        pair = self.pair()
        self.emit(op(42, b40=self.pair()))
        self.emit(op(3, b32=self.rng.getrandbits(1)))
        self.emit(op(4, b32=self.rng.getrandbits(1)))
        self.emit(op(43, b48=pair))
        self.emit(op(24, b40=pair, b0=0))

    def misaligned(self):
        """A fault, and what the error state does to what follows"""
        pair = self.pair()
        self.emit(op(1, b48=pair, b0=DATA_VA + self.rng.randrange(1, 4)))
        number = self.rng.choice([20, 21, 37, 38, 39, 40, 51, 52, 53])
        self.emit(op(number, b40=pair, b32=self.pair() if number != 40 else 3, b16=0
                     if number not in (20, 21) else 1, b0=0))
        for _ in range(self.rng.randrange(3)):
            self.simple()
        if self.rng.random() < .5:
            self.emit(op(47))

    def other(self):
        entry = self.rng.randrange(8)
        self.words += self.rng.choice([
            [0, self.rng.getrandbits(56)],
            [op(3, b16=self.rng.getrandbits(8))],
            [op(34, b0=self.rng.getrandbits(4)), op(34)],
            [op(36, b48=entry, b40=self.reg(), b0=0x233)],
            [op(50, b48=entry, b40=3, b32=self.rng.randrange(REGISTERS - 3))],
            [op(30, b48=entry), op(31, b48=entry)],
            [op(8, b40=self.pair(), b0=self.rng.getrandbits(32))],
            [op(14, b48=self.rng.randrange(64), b24=20, b16=28)],
            [op(128), op(47)],
        ])

    def work(self):
        """For an endpoint, which is done with it at once"""
        numbers = [number for number in (4, 5, 6, 7, 9, 12, 44)
                   if reference.exists(number, self.arch)]
        self.emit(op(self.rng.choice(numbers), b0=self.rng.getrandbits(14)))
        self.emit(op(3, b16=self.rng.getrandbits(8)))

    def heap(self):
        """Counters and free chunks of a heap; the header of a chunk is at the start of the data"""
        heap = self.address(8, 32)
        self.emit(op(48, b40=heap))
        for _ in range(self.rng.randrange(1, 4)):
            if self.rng.random() < .6:
                self.emit(op(49, b48=self.rng.randrange(8), b32=self.rng.choice([0, 1, 3])))
                continue
            first = self.pair()
            last = self.other_pair(first)
            self.emit(op(1, b48=first, b0=self.rng.choice([0, DATA_VA | self.rng.randrange(256)])))
            self.emit(op(1, b48=last, b0=DATA_VA | self.rng.randrange(256)))
            self.emit(op(11, b48=self.rng.randrange(8), b40=first, b32=last,
                         b0=self.rng.getrandbits(1)))
        if self.rng.random() < .1:
            self.emit(op(1, b48=heap, b0=DATA_VA + self.rng.randrange(1, 8)))
            self.emit(op(48, b40=heap))

    def handler(self):
        pair = self.pair()
        length = self.other_pair(pair)
        self.emit(op(1, b48=pair, b0=CODE_VA + self.rng.randrange(8) * 8))
        self.emit(op(2, b48=length, b0=self.rng.choice([0, 8, 64, 64, 64, self.rng.randrange(64)])))
        self.emit(op(25, b40=pair, b32=length, b0=2 if self.rng.random() < .9
                     else self.rng.getrandbits(8)))

    def region(self):
        """A protected region of nothing, sometimes one that is too long"""
        self.emit(op(41, b0=self.rng.choice([0, 0, 0, 0xffff])))

    def invalid(self):
        """Mostly a word that ends the stream"""
        self.emit(self.rng.choice([
            lambda: op(self.rng.choice(ANY), b0=self.rng.getrandbits(56)),
            lambda: op(1, b48=self.pair() | 1, b0=7),
            lambda: op(2, b48=self.rng.randrange(128, 256), b0=7),
            lambda: op(16, b48=self.reg(), b40=self.rng.randrange(96, 256), b0=7),
            lambda: op(17, b48=self.pair(), b40=self.pair() | 1, b0=7),
            lambda: op(18, b48=self.reg(), b40=self.reg(), b32=self.rng.randrange(96, 256)),
            lambda: op(20, b48=self.rng.randrange(81, 256), b40=self.pair(), b16=0x8000),
            lambda: op(22, b40=self.reg(), b28=self.rng.randrange(16),
                       b0=self.rng.getrandbits(16)),
            lambda: op(23, b4=self.rng.randrange(16), b0=self.rng.randrange(16)),
            lambda: op(37, b48=self.rng.randrange(16), b40=self.pair() | 1, b32=self.reg()),
            lambda: op(32, b40=self.pair(), b32=self.reg()),
        ])())

    def simple(self):
        self.rng.choice([self.move, self.arith_imm, self.arith_imm, self.arith_reg,
                         self.logic if self.arch >= 11 else self.move, self.multiple])()

    def fill(self):
        weights = [(self.simple, 12), (self.branch, 3), (self.loop, 1), (self.call, 2),
                   (self.sync, 4), (self.sync_wait, 2), (self.store_state, 2), (self.other, 3),
                   (self.work, 2), (self.heap, 2), (self.handler, .5), (self.region, .5),
                   (self.misaligned, 1), (self.invalid, .3)]
        if self.arch >= 11:
            weights.append((self.entries, 3))
        if self.arch <= 13:
            weights.append((self.progress, 1))
        for _ in range(self.rng.randrange(2, 9)):
            self.rng.choices([w[0] for w in weights], [w[1] for w in weights])[0]()

    def layout(self):
        """The words with addresses filled in, and the length of the main part"""
        at = len(self.words) + 1
        places = []
        for subroutine in self.subroutines:
            places.append(CODE_VA + at * 8)
            at += len(subroutine) + 1
        words = [op(1, b48=word[1], b0=places[word[2]]) if isinstance(word, tuple) else word
                 for word in self.words]
        length = len(words)
        for subroutine in self.subroutines:
            words += [0] + subroutine
        return words, length


def outcome(arch, seed, words, length, executed=None):
    """(kind, type, registers, memory) of a program, or None if it says nothing"""
    memory = {DATA_VA + 4 * i: initial(seed, 0x100 + i) for i in range(DATA_WORDS)}
    for i in range(CODE_WORDS):
        word = words[i] if i < len(words) else 0
        memory[CODE_VA + 8 * i] = word & M32
        memory[CODE_VA + 8 * i + 4] = word >> 32
    before = dict(memory)
    # Above those that are compared is what the test's own code leaves there.
    registers = [initial(seed, i) for i in range(REGISTERS)] + [None] * 36
    stream = reference.Stream(arch, registers, memory)
    kind, type_ = 'OK', 0
    try:
        stream.run(CODE_VA, length * 8)
        if executed is not None:
            executed |= stream.opcodes
        if stream.faults:
            kind, type_ = 'FAULT', stream.faults[0]
            if len(stream.faults) > 1:
                return None
    except reference.Fatal as fatal:
        kind, type_ = 'FATAL', fatal.args[0]
        if stream.faults:
            return None
    except (RuntimeError, KeyError, TypeError):
        # It waits for ever, leaves the data, or reads a register of the test.
        return None
    if any(value is not None for value in stream.regs[REGISTERS:]):
        return None
    if any(before[CODE_VA + 4 * i] != memory[CODE_VA + 4 * i] for i in range(CODE_WORDS * 2)):
        return None
    # The registers of a dead stream are not to be had.
    result = [] if kind == 'FATAL' else stream.regs[:REGISTERS]
    return kind, type_, result + [memory[DATA_VA + 4 * i] for i in range(DATA_WORDS)]


def digest(words):
    value = 0xcbf29ce484222325
    for word in words:
        value = (value ^ word) * 0x100000001b3 & 0xffffffffffffffff
    return value


def coverage():
    """For each architecture, the opcodes that a program which lives on executes"""
    seen = {arch: set() for arch in ARCHITECTURES}
    for _, seed, words, length, groups in programs():
        for first, last, (kind, _, _) in groups:
            if kind != 'FATAL':
                for arch in range(first, last + 1):
                    outcome(arch, seed, words, length, seen[arch])
    return seen


def programs():
    """(number, seed, words, length, [[first, last, outcome], ...]) of each"""
    rng = random.Random(SEED)
    number = 0
    while number < PROGRAMS:
        program = Program(rng, rng.choice((10, 10, 11, 12, 13, 13, 14)))
        program.fill()
        words, length = program.layout()
        if len(words) > CODE_WORDS:
            continue
        seed = rng.getrandbits(16)
        groups = []
        for arch in ARCHITECTURES:
            result = outcome(arch, seed, words, length)
            if result is None:
                continue
            if groups and groups[-1][1] == arch - 1 and groups[-1][2] == result:
                groups[-1][1] = arch
            else:
                groups.append([arch, arch, result])
        if groups:
            yield number, seed, words, length, groups
            number += 1


def render():
    lines = ['/*', ' * Instruction vectors: made by tests/vectors/generate.py, not by hand', ' *',
             ' * Number, seed, length of the main part; words; for architectures from', ' * - to: '
             'outcome, exception type, digest', ' *',
             ' * SPDX-License-Identifier: GPL-2.0-or-later', ' */', '']
    for number, seed, words, length, groups in programs():
        lines.append(f'VECTOR({number}, {seed:#x}, {length},')
        text = [f'{word:#018x}ull' for word in words]
        for at in range(0, len(text), 3):
            lines.append(('    CODE(' if at == 0 else '         ') + ', '.join(text[at:at + 3]) +
                         (',' if at + 3 < len(text) else '),'))
        for index, (first, last, (kind, type_, result)) in enumerate(groups):
            lines.append(f'    ON({first}, {last}, {kind}, {type_:#x}, {digest(result):#018x}ull)' +
                         (')' if index + 1 == len(groups) else ','))
    return '\n'.join(lines) + '\n'


def explain(wanted, arch):
    for number, seed, words, length, groups in programs():
        if number != wanted:
            continue
        for i, word in enumerate(words):
            print(f'{CODE_VA + 8 * i:#x}: {word:#018x}' + ('   end' if i + 1 == length else ''))
        for first, last, (kind, type_, result) in groups:
            if first <= arch <= last:
                print(f'{kind} {type_:#x}')
                if kind != 'FATAL':
                    for i, value in enumerate(result[:REGISTERS]):
                        if value != initial(seed, i):
                            print(f'r{i}: {value:#x}, was {initial(seed, i):#x}')
                for i, value in enumerate(result[-DATA_WORDS:]):
                    if value != initial(seed, 0x100 + i):
                        print(f'{DATA_VA + 4 * i:#x}: {value:#x}, '
                              f'was {initial(seed, 0x100 + i):#x}')
                return 0
        print(f'architecture {arch}: not tested')
        return 0
    sys.stderr.write(f'generate.py: there are the programs 0 to {PROGRAMS - 1}\n')
    return 2


def main(arguments):
    if not arguments:
        sys.stdout.write(render())
        return 0
    if len(arguments) == 3 and arguments[0] == '--explain' and arguments[1].isdigit() and \
            arguments[2].isdigit():
        return explain(int(arguments[1]), int(arguments[2]))
    if len(arguments) != 2 or arguments[0] != '--check':
        sys.stderr.write('generate.py: no argument, --check FILE, or --explain NUMBER '
                         'ARCHITECTURE\n')
        return 2
    with open(arguments[1], encoding='utf-8') as file:
        if file.read() == render():
            return 0
    sys.stderr.write(f'{arguments[1]} is not what generate.py makes: run\n'
                     f'    tests/vectors/generate.py > {arguments[1]}\n')
    return 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
