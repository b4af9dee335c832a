# SPDX-License-Identifier: GPL-2.0-or-later
"""A second implementation of the command-stream instructions.

It shares no code and no table with the model: its encodings are those of facts.txt,
which are Mesa's, and its semantics are written from the hardware description, so that
a mistake would have to be made twice.  It knows one stream that runs to its end: no
endpoint, no stall, no other stream.  Where the description leaves something open it
follows the guesses of docs/specs/mali-csf.rst, marked "guess" here.
"""

import facts

M32 = 0xffffffff
M64 = 0xffffffffffffffff

INVALID_INSTRUCTION = 0x49
CALL_STACK_OVERFLOW = 0x4a
CONFIG_FAULT = 0x40
INHERIT_FAULT = 0x4b
ADDR_RANGE_FAULT = 0x5a


class Fatal(Exception):
    """The stream is dead; the argument is the type of CS_FATAL."""


class Fault(Exception):
    """A recoverable fault; the argument is the type of CS_FAULT."""


def bits(word, high, low):
    return word >> low & (1 << high - low + 1) - 1


def signed(value, width):
    return value - (1 << width) if value >> width - 1 & 1 else value


FACTS = facts.load()


def opcode_of(word):
    return bits(word, 63, 56)


def exists(opcode, arch):
    return (arch, opcode, None) in FACTS


class Stream:
    """One command stream and the memory that it sees."""

    def __init__(self, arch, registers, memory):
        self.arch = arch
        self.count = 96 if arch < 12 else 128
        self.entries = 8 if arch < 11 else 16
        self.regs = list(registers)
        self.memory = memory
        self.error = 0
        self.progress = 0
        self.selected = {'endpoint': 0, 'other': 0, 'deferred': 0}
        self.mask_stream = 0xffff
        self.heap = None
        self.faults = []
        # (start, end) of the buffers that are executed; addresses
        self.stack = []
        self.ip = 0
        self.executed = 0
        self.opcodes = set()

    # Memory is a dictionary of 32-bit words by address.

    def load32(self, address):
        return self.memory[address]

    def store32(self, address, value):
        if address not in self.memory:
            raise KeyError(address)
        self.memory[address] = value & M32

    def load64(self, address):
        return self.load32(address) | self.load32(address + 4) << 32

    def store64(self, address, value):
        self.store32(address, value)
        self.store32(address + 4, value >> 32)

    # Operands

    def reg(self, number):
        if number >= self.count:
            raise Fatal(INVALID_INSTRUCTION)
        return self.regs[number]

    def set_reg(self, number, value):
        if number >= self.count:
            raise Fatal(INVALID_INSTRUCTION)
        self.regs[number] = value & M32

    def check_pair(self, number):
        if number % 2 or number >= self.count:
            raise Fatal(INVALID_INSTRUCTION)

    def pair(self, number):
        self.check_pair(number)
        return self.regs[number] | self.regs[number + 1] << 32

    def set_pair(self, number, value):
        self.check_pair(number)
        self.regs[number] = value & M32
        self.regs[number + 1] = value >> 32 & M32

    def get(self, word, name, operation=None, absent=None):
        """A field of the word on this architecture; absent if it has none of that name"""
        field = FACTS.get((self.arch, opcode_of(word), operation), {}).get(name)
        if field is None:
            assert absent is not None, (opcode_of(word), name)
            return absent
        start, size, kind = field
        value = word >> start & (1 << size) - 1
        return signed(value, size) if kind == 'int' else value

    # Where the entry is not called "signal slot"
    slots = {30: 'shared-entry', 31: 'shared-entry'}

    def signal_slot(self, word):
        if self.get(word, self.slots.get(opcode_of(word), 'signal-slot')) >= self.entries:
            raise Fatal(INVALID_INSTRUCTION)

    # Running

    def run(self, start, length):
        self.stack = [(start, start + length)]
        self.ip = start
        while self.stack:
            end = self.stack[-1][1]
            if self.ip == end:
                self.stack.pop()
                if self.stack:
                    self.ip = self.returns.pop()
                continue
            self.executed += 1
            if self.executed > 100000:
                raise RuntimeError('endless')
            word = self.load64(self.ip)
            try:
                self.step(word)
            except Fault as fault:
                # The host acknowledges it: behind the instruction.
                self.faults.append(fault.args[0])
                self.error = fault.args[0]
                self.ip += 8

    returns = None

    def step(self, word):
        if self.returns is None:
            self.returns = []
        opcode = opcode_of(word)
        if not exists(opcode, self.arch):
            raise Fatal(INVALID_INSTRUCTION)
        function = getattr(self, f'op_{opcode}')
        self.opcodes.add(opcode)
        if self.error and opcode in self.skipped:
            self.ip += 8
            return
        target = function(word)
        self.ip = self.ip + 8 if target is None else target

    # "skip RUN_*", and accesses that are not of a sync object
    skipped = {4, 5, 6, 7, 8, 9, 12, 14, 44, 20, 21}

    def op_0(self, word):
        """NOP"""

    op_128 = op_0

    def op_1(self, word):
        """MOVE48"""
        self.set_pair(self.get(word, 'destination'), self.get(word, 'immediate'))

    def op_2(self, word):
        """MOVE32"""
        self.set_reg(self.get(word, 'destination'), self.get(word, 'immediate'))

    def counts_progress(self, word):
        if self.get(word, 'progress-increment', absent=0):
            self.progress = self.progress + 1 & M64

    def op_3(self, word):
        """WAIT: no entry is ever in use here"""
        self.counts_progress(word)

    def run_work(self, word):
        """Work that is done at once"""
        self.counts_progress(word)

    op_4 = op_5 = op_6 = op_7 = op_9 = op_12 = op_44 = run_work

    def op_8(self, word):
        """RUN_FULLSCREEN"""
        self.check_pair(self.get(word, 'dcd'))
        self.counts_progress(word)

    def op_14(self, word):
        """RUN_FRAGMENT2"""
        if self.get(word, 'base-register') + self.get(word, 'staging-count') > self.count:
            raise Fatal(INVALID_INSTRUCTION)

    @staticmethod
    def field(value, imm, width):
        """(position, width) of a bit field, of what the register has; guess"""
        position = bits(imm, 7, 0)
        return position, max(0, min(bits(imm, 15, 8), width - position))

    def insert(self, value, imm, width, inserted):
        position, size = self.field(value, imm, width)
        if not size:
            return value
        mask = (1 << size) - 1 << position
        return value & ~mask | inserted << position & mask

    def arith_imm(self, word, width, src):
        imm = self.get(word, 'immediate') & M32
        operation = self.get(word, 'sub-opcode', absent=0)
        if operation == 0:
            return src + self.get(word, 'immediate')
        shift = self.get(word, 'shift-amount', 'SHIFT', absent=0)
        if operation == 1:
            return src << shift
        if operation == 2:
            return src >> shift
        if operation == 3:
            return signed(src, width) >> shift
        if operation in (4, 5):
            position, size = self.field(src, imm, width)
            if not size:
                return 0
            found = src >> position & (1 << size) - 1
            return signed(found, size) if operation == 5 else found
        if operation == 6:
            return self.insert(src, imm, width, bits(imm, 31, 16))
        if operation == 7:
            return min(src, self.get(word, 'immediate', 'UMIN_IMM'))
        raise Fatal(INVALID_INSTRUCTION)

    def arith_reg(self, word, width, src0, src1):
        operation = self.get(word, 'sub-opcode', absent=0)
        if operation == 0:
            return min(src0, src1)
        if operation == 1:
            return src0 + src1
        if operation == 2:
            return src0 - src1
        if operation == 3:
            return src0 << src1 if src1 < width else 0
        if operation == 4:
            return src0 >> src1 if src1 < width else 0
        if operation == 5:
            return signed(src0, width) >> min(src1, width - 1)
        if operation == 6:
            return self.insert(src0, self.get(word, 'immediate'), width, src1)
        raise Fatal(INVALID_INSTRUCTION)

    def op_16(self, word):
        """ADD_IMM32, ARITH_IMM32"""
        src, dst = self.get(word, 'source'), self.get(word, 'destination')
        self.reg(dst)
        self.set_reg(dst, self.arith_imm(word, 32, self.reg(src)))

    def op_17(self, word):
        """ADD_IMM64, ARITH_IMM64"""
        src, dst = self.get(word, 'source'), self.get(word, 'destination')
        self.check_pair(dst)
        self.set_pair(dst, self.arith_imm(word, 64, self.pair(src)))

    def op_18(self, word):
        """UMIN32, ARITH_REG32"""
        dst = self.get(word, 'destination')
        self.reg(dst)
        self.set_reg(dst, self.arith_reg(word, 32, self.reg(self.get(word, 'source-0')),
                                         self.reg(self.get(word, 'source-1'))))

    def op_57(self, word):
        """ARITH_REG64"""
        dst = self.get(word, 'destination')
        self.check_pair(dst)
        self.set_pair(dst, self.arith_reg(word, 64, self.pair(self.get(word, 'source-0')),
                                          self.pair(self.get(word, 'source-1'))))

    def op_19(self, word):
        """LOGIC_OP32"""
        a, b = self.reg(self.get(word, 'source-0')), self.reg(self.get(word, 'source-1'))
        if self.get(word, 'index'):
            # Guess: there is no bit 32 and so on.
            b = 1 << b if b < 32 else 0
        result = 0
        for bit in range(32):
            x, y = a >> bit & 1, b >> bit & 1
            # Row of the truth table: 0 both, 1 only a, 2 only b, 3 neither
            row = {(1, 1): 0, (1, 0): 1, (0, 1): 2, (0, 0): 3}[x, y]
            result |= (word >> row & 1) << bit
        self.set_reg(self.get(word, 'destination'), result)

    def multiple(self, word):
        """Address and registers of LOAD_MULTIPLE and STORE_MULTIPLE"""
        base, mask = self.get(word, 'base-register'), self.get(word, 'mask')
        address = self.pair(self.get(word, 'address')) + self.get(word, 'offset') & M64
        numbers = [base + bit for bit in range(16) if mask >> bit & 1]
        if numbers and numbers[-1] >= self.count:
            raise Fatal(INVALID_INSTRUCTION)
        if numbers and address % 4:
            raise Fault(ADDR_RANGE_FAULT)
        return address, numbers

    def op_20(self, word):
        """LOAD_MULTIPLE"""
        address, numbers = self.multiple(word)
        loaded = [self.load32(address + 4 * i) for i in range(len(numbers))]
        for number, value in zip(numbers, loaded):
            self.regs[number] = value

    def op_21(self, word):
        """STORE_MULTIPLE"""
        address, numbers = self.multiple(word)
        for i, number in enumerate(numbers):
            self.store32(address + 4 * i, self.regs[number])

    def op_22(self, word):
        """BRANCH"""
        value = signed(self.reg(self.get(word, 'value')), 32)
        condition = self.get(word, 'condition')
        if condition > 6:
            raise Fatal(INVALID_INSTRUCTION)
        taken = [value <= 0, value > 0, value == 0, value != 0, value < 0, value >= 0,
                 True][condition]
        if not taken:
            return None
        target = self.ip + 8 + 8 * self.get(word, 'offset')
        start, end = self.stack[-1]
        if not start <= target <= end:
            raise Fatal(INVALID_INSTRUCTION)
        return target

    def select(self, kind, number):
        if number >= self.entries:
            raise Fatal(INVALID_INSTRUCTION)
        self.selected[kind] = number

    def op_23(self, word):
        """SET_SB_ENTRY"""
        if max(self.get(word, 'endpoint-entry'), self.get(word, 'other-entry')) >= self.entries:
            raise Fatal(INVALID_INSTRUCTION)
        self.select('endpoint', self.get(word, 'endpoint-entry'))
        self.select('other', self.get(word, 'other-entry'))

    def set_state(self, state, value):
        if state in (0, 1, 2):
            self.select(('endpoint', 'other', 'deferred')[state], value)
        elif state == 8:
            self.mask_stream = value & 0xffff
        elif state != 9:
            raise Fatal(INVALID_INSTRUCTION)

    def op_27(self, word):
        """SET_STATE"""
        self.set_state(self.get(word, 'state'), self.reg(self.get(word, 'source')))

    def op_28(self, word):
        """SET_STATE_IMM32"""
        self.set_state(self.get(word, 'state'), self.get(word, 'value'))

    def op_26(self, word):
        """NEXT_SB_ENTRY; guess"""
        dst, kind = self.get(word, 'destination'), self.get(word, 'sb-type')
        self.reg(dst)
        names = ('endpoint', 'endpoint', 'other', 'deferred')
        allowed = [n for n in range(self.entries) if self.mask_stream >> n & 1]
        if kind > 3 or not allowed:
            raise Fatal(INVALID_INSTRUCTION)
        current = self.selected[names[kind]]
        chosen = min(allowed, key=lambda n: (n <= current, n))
        if kind:
            self.selected[names[kind]] = chosen
        self.set_reg(dst, 1 << chosen if self.get(word, 'format') else chosen)

    def op_24(self, word):
        """PROGRESS_WAIT, of a counter that is far enough; guess"""
        self.pair(self.get(word, 'source'))
        if self.get(word, 'queue') >= 8:
            raise Fatal(INVALID_INSTRUCTION)

    def op_42(self, word):
        """PROGRESS_STORE"""
        self.progress = self.pair(self.get(word, 'source'))

    def op_43(self, word):
        """PROGRESS_LOAD"""
        self.set_pair(self.get(word, 'destination'), self.progress)

    def op_30(self, word):
        """SHARED_SB_INC"""
        self.signal_slot(word)

    def op_31(self, word):
        """SHARED_SB_DEC, of an entry that was counted up before"""
        self.signal_slot(word)

    def buffer(self, word):
        address, length = self.pair(self.get(word, 'address')), self.reg(self.get(word, 'length'))
        if address % 8 or length % 8 or address + length > M64:
            raise Fatal(CONFIG_FAULT)
        return address, length

    # The ring is the first of eight frames, and it CALLed the outermost here.
    frames = 7

    def op_32(self, word):
        """CALL"""
        address, length = self.buffer(word)
        if len(self.stack) + 1 > self.frames:
            raise Fatal(CALL_STACK_OVERFLOW)
        self.returns.append(self.ip + 8)
        self.stack.append((address, address + length))
        return address

    def op_33(self, word):
        """JUMP"""
        address, length = self.buffer(word)
        self.stack[-1] = (address, address + length)
        return address

    def op_34(self, word):
        """REQ_RESOURCE"""

    def op_36(self, word):
        """FLUSH_CACHE2"""
        self.reg(self.get(word, 'latest-flush-id'))
        self.signal_slot(word)

    def sync_object(self, word, wide):
        address = self.pair(self.get(word, 'address'))
        data = self.get(word, 'data')
        value = self.pair(data) if wide else self.reg(data)
        return address, value

    def sync_write(self, word, wide, add):
        address, value = self.sync_object(word, wide)
        self.signal_slot(word)
        if address % (16 if wide else 8):
            raise Fault(ADDR_RANGE_FAULT)
        error = 1 if self.get(word, 'error-propagate') and self.error else 0
        if wide:
            self.store64(address, (self.load64(address) if add else 0) + value)
            self.store32(address + 8, error)
        else:
            self.store32(address, (self.load32(address) if add else 0) + value)
            self.store32(address + 4, error)

    def op_37(self, word):
        """SYNC_ADD32"""
        self.sync_write(word, False, True)

    def op_38(self, word):
        """SYNC_SET32"""
        self.sync_write(word, False, False)

    def op_51(self, word):
        """SYNC_ADD64"""
        self.sync_write(word, True, True)

    def op_52(self, word):
        """SYNC_SET64"""
        self.sync_write(word, True, False)

    def sync_wait(self, word, wide):
        address, reference = self.sync_object(word, wide)
        condition = self.get(word, 'condition')
        if condition not in (0, 1, 5):
            raise Fatal(INVALID_INSTRUCTION)
        if address % (16 if wide else 8):
            raise Fault(ADDR_RANGE_FAULT)
        value = self.load64(address) if wide else self.load32(address)
        error = self.load32(address + (8 if wide else 4))
        holds = {0: value <= reference, 1: value > reference, 5: value >= reference}
        if not holds[condition]:
            raise RuntimeError('blocks for ever')
        if error and not self.get(word, 'error-reject'):
            raise Fault(INHERIT_FAULT)

    def op_39(self, word):
        """SYNC_WAIT32"""
        self.sync_wait(word, False)

    def op_53(self, word):
        """SYNC_WAIT64"""
        self.sync_wait(word, True)

    def op_40(self, word):
        """STORE_STATE, of the error status; others are of the clock"""
        address = self.pair(self.get(word, 'address')) + self.get(word, 'offset') & M64
        self.signal_slot(word)
        state = self.get(word, 'state')
        if state > 3:
            raise Fatal(INVALID_INSTRUCTION)
        if address % 8:
            raise Fault(ADDR_RANGE_FAULT)
        if state < 2:
            raise RuntimeError('a clock')
        self.store64(address, self.error if state == 3 else 0)

    def op_47(self, word):
        """ERROR_BARRIER"""
        self.error = 0

    # Tiler heaps.  The layout of a heap context is the model's, as is that of a chunk's header
    # the host's: docs/specs/mali-csf.rst.  Nothing here ever runs out of memory.

    def op_48(self, word):
        """HEAP_SET"""
        address = self.pair(self.get(word, 'address'))
        if address % 8:
            raise Fault(ADDR_RANGE_FAULT)
        self.heap = address

    def op_49(self, word):
        """HEAP_OPERATION: one of three counters"""
        self.signal_slot(word)
        operation = self.get(word, 'operation')
        if operation not in (0, 1, 3):
            raise Fatal(INVALID_INSTRUCTION)
        address = self.heap + {0: 0, 1: 4, 3: 8}[operation]
        self.store32(address, self.load32(address) + 1)

    def op_11(self, word):
        """FINISH_FRAGMENT: a list of chunks before those that are free"""
        first, last = self.pair(self.get(word, 'first-heap-chunk')), self.pair(self.get(word, 'last-heap-chunk'))
        self.signal_slot(word)
        if first:
            free = self.load64(self.heap + 16)
            self.store64(last & ~0xfff & M64, free)
            self.store64(self.heap + 16, first)
        if self.get(word, 'increment-fragment-completed'):
            self.store32(self.heap + 8, self.load32(self.heap + 8) + 1)

    def op_25(self, word):
        """SET_EXCEPTION_HANDLER, which nothing calls"""
        address, length = self.pair(self.get(word, 'address')), self.reg(self.get(word, 'length'))
        if self.get(word, 'exception-type') != 2:
            raise Fatal(INVALID_INSTRUCTION)
        if address % 8 or length % 8 or address + length > M64:
            raise Fatal(CONFIG_FAULT)

    def op_41(self, word):
        """PROT_REGION of nothing, or of more than there is; another one waits for the host"""
        size = self.get(word, 'size') * 8
        if size > self.stack[-1][1] - self.ip - 8:
            raise Fatal(INVALID_INSTRUCTION)
        if size:
            raise RuntimeError('blocks for ever')

    def op_50(self, word):
        """TRACE_POINT"""
        if self.get(word, 'base-register') + self.get(word, 'register-count') > self.count:
            raise Fatal(INVALID_INSTRUCTION)
        self.signal_slot(word)
