# SPDX-License-Identifier: GPL-2.0-or-later
"""What shader instructions compute, once more: one lane at a time, in integers.

Shares nothing with hw/gpu/mali-csf/shader but the description of the encodings.
Rules that are guesses there are the same guesses here, and so prove nothing.
"""

import math
import re

M32, M64 = 0xffffffff, (1 << 64) - 1


class Format:
    """Binary floats of IEEE 754."""

    def __init__(self, exponent_bits, mantissa_bits):
        self.mantissa_bits = mantissa_bits
        self.bias = (1 << exponent_bits - 1) - 1
        self.width = 1 + exponent_bits + mantissa_bits
        self.sign = 1 << self.width - 1
        self.infinity = (1 << exponent_bits) - 1 << mantissa_bits
        self.nan = self.infinity | 1 << mantissa_bits - 1
        self.one = self.bias << mantissa_bits

    def split(self, bits):
        """'nan', 'inf' or 'num', then sign, integer and exponent of 2."""
        sign, rest = bits >> self.width - 1, bits & self.sign - 1
        if rest > self.infinity:
            return 'nan', 0, 0, 0
        if rest == self.infinity:
            return 'inf', sign, 0, 0
        exponent, mantissa = rest >> self.mantissa_bits, rest & (1 << self.mantissa_bits) - 1
        if exponent:
            mantissa |= 1 << self.mantissa_bits
        return 'num', sign, mantissa, max(exponent, 1) - self.bias - self.mantissa_bits

    def join(self, sign, integer, exponent, mode='', sticky=False):
        """Bits of integer * 2**exponent, rounded; sticky: and a little more."""
        out = self.sign if sign else 0
        if not integer and not sticky:
            return out
        least = 1 - self.bias - self.mantissa_bits
        quantum = max(exponent + integer.bit_length() - 1 - self.mantissa_bits, least)
        shift = quantum - exponent
        if shift <= 0:
            whole, rest, half = integer << -shift, 0, 2
        else:
            whole, rest, half = integer >> shift, integer & (1 << shift) - 1, 1 << shift
        twice = 2 * rest + sticky
        if mode == '':
            up = twice > half or (twice == half and whole & 1)
        elif mode == 'rtna':
            up = twice >= half
        else:
            up = twice and mode == ('rtn' if sign else 'rtp')
        whole += bool(up)
        if whole >> self.mantissa_bits + 1:
            whole >>= 1
            quantum += 1
        if not whole >> self.mantissa_bits:
            return out | whole
        field = quantum + self.mantissa_bits + self.bias
        if field << self.mantissa_bits >= self.infinity:
            outward = mode in ('', 'rtna') or mode == ('rtn' if sign else 'rtp')
            return out | self.infinity - (not outward)
        return out | field << self.mantissa_bits | whole & (1 << self.mantissa_bits) - 1

    def flush(self, bits):
        return bits if bits & self.infinity else bits & self.sign

    def fma(self, x, y, z, mode=''):
        """x * y + z, rounded once."""
        a, b, c = self.split(x), self.split(y), self.split(z)
        if 'nan' in (a[0], b[0], c[0]):
            return self.nan
        sign = a[1] ^ b[1]
        zero = any(v[0] == 'num' and not v[2] for v in (a, b))
        if 'inf' in (a[0], b[0]):
            if zero or (c[0] == 'inf' and c[1] != sign):
                return self.nan
            return self.infinity | (self.sign if sign else 0)
        if c[0] == 'inf':
            return z
        low = min(a[3] + b[3], c[3])
        product = a[2] * b[2] << a[3] + b[3] - low
        addend = c[2] << c[3] - low
        total = (-product if sign else product) + (-addend if c[1] else addend)
        if total == 0:
            if product == 0 and addend == 0 and sign == c[1]:
                return self.sign if sign else 0
            return self.sign if mode == 'rtn' else 0
        return self.join(total < 0, abs(total), low, mode)

    def compare(self, x, y):
        """-1, 0, 1, or None if they have no order."""
        a, b = self.split(x), self.split(y)
        if 'nan' in (a[0], b[0]):
            return None
        key = []
        for bits in (x, y):
            magnitude = bits & self.sign - 1
            key.append(-magnitude if bits & self.sign else magnitude)
        return (key[0] > key[1]) - (key[0] < key[1])

    def total(self, x):
        """Where it stands among all."""
        magnitude = x & self.sign - 1
        return -magnitude - 1 if x & self.sign else magnitude

    def is_nan(self, x):
        return x & self.sign - 1 > self.infinity

    def minmax(self, x, y, largest, propagate):
        if self.is_nan(x) or self.is_nan(y):
            if propagate or (self.is_nan(x) and self.is_nan(y)):
                return self.nan
            return y if self.is_nan(x) else x
        first = self.total(x) >= self.total(y)
        return x if first == largest else y

    def clamp(self, x, which):
        if which == '':
            return x
        low = self.one | self.sign if which == 'clamp_m1_1' else 0
        high = self.infinity if which == 'clamp_0_inf' else self.one
        x = self.minmax(x, low, True, False)
        return self.minmax(x, high, False, False)

    def to_integral(self, x, mode):
        """Rounded to an integer, as a float."""
        kind, sign, integer, exponent = self.split(x)
        if kind == 'nan':
            return self.nan
        if kind == 'inf' or exponent >= 0:
            return x
        whole = rounded(sign, integer, exponent, mode)
        return self.join(sign, whole, 0)

    def to_integer(self, x, mode, least, most):
        kind, sign, integer, exponent = self.split(x)
        if kind == 'nan':
            return 0
        if kind == 'inf':
            return least if sign else most
        whole = rounded(sign, integer, exponent, mode)
        return max(least, min(most, -whole if sign else whole))

    def convert(self, x, other, mode=''):
        """Bits of other, which is another format."""
        kind, sign, integer, exponent = self.split(x)
        if kind == 'nan':
            return other.nan
        if kind == 'inf':
            return other.infinity | (other.sign if sign else 0)
        return other.join(sign, integer, exponent, mode)

    def value(self, x):
        kind, sign, integer, exponent = self.split(x)
        if kind != 'num':
            return math.nan if kind == 'nan' else -math.inf if sign else math.inf
        return math.ldexp(-integer if sign else integer, exponent) if integer else (-0.0 if sign
                                                                                    else 0.0)

    def of(self, value):
        """The nearest one to a Python float."""
        if math.isnan(value):
            return self.nan
        if math.isinf(value):
            return self.infinity | (self.sign if value < 0 else 0)
        mantissa, exponent = math.frexp(abs(value))
        return self.join(math.copysign(1, value) < 0, int(mantissa * 2 ** 53), exponent - 53)


F32, F16 = Format(8, 23), Format(5, 10)


def rounded(sign, integer, exponent, mode):
    if exponent >= 0:
        return integer << exponent
    whole, rest = integer >> -exponent, integer & (1 << -exponent) - 1
    half = 1 << -exponent - 1
    if mode == '':
        up = rest > half or (rest == half and whole & 1)
    else:
        up = rest and mode == ('rtn' if sign else 'rtp')
    return whole + bool(up)


def signed(value, bits):
    value &= (1 << bits) - 1
    return value - (value >> bits - 1 << bits)


def saturated(value, bits, is_signed):
    least = -(1 << bits - 1) if is_signed else 0
    most = (1 << bits - is_signed) - 1
    return max(least, min(most, value))


def reciprocal(fmt, x, root):
    """1 / x, or 1 / sqrt(x), rounded once."""
    kind, sign, integer, exponent = fmt.split(x)
    if kind == 'nan':
        return fmt.nan
    if kind == 'num' and not integer:
        return fmt.infinity | (fmt.sign if sign else 0)
    if root and sign:
        return fmt.nan
    if kind == 'inf':
        return fmt.sign if sign else 0
    if not root:
        power = 200
        return fmt.join(sign, (1 << power) // integer, -power - exponent, '',
                        (1 << power) % integer != 0)
    if exponent & 1:
        integer, exponent = integer << 1, exponent - 1
    power = 300
    square = (1 << power) // integer
    inverse = math.isqrt(square)
    exact = inverse * inverse * integer == 1 << power
    return fmt.join(0, inverse, -power // 2 - exponent // 2, '', not exact)


def square_root(fmt, x):
    kind, sign, integer, exponent = fmt.split(x)
    if kind == 'nan' or (sign and (kind == 'inf' or integer)):
        return fmt.nan
    if kind == 'inf' or not integer:
        return x
    shift = 100 + (exponent & 1)
    root = math.isqrt(integer << shift)
    return fmt.join(0, root, (exponent - shift) // 2, '', root * root != integer << shift)


def parts(value, bits, count):
    return [value >> bits * i & (1 << bits) - 1 for i in range(count)]


def joined(values, bits):
    return sum((value & (1 << bits) - 1) << bits * i for i, value in enumerate(values))


def half(value, which):
    return value >> 16 * which & 0xffff


def prepare(source, word, value, swizzles):
    """A source after what the word has done to it first."""
    _, swizzle, position, neg, wide, flavour = source
    is_signed = flavour == 'SIGNED'
    name = ''
    number = 0
    if swizzle == 'NOT':
        return ~value & (M64 if wide else M32) if word >> position & 1 else value
    if swizzle not in ('NONE', 'COMBINE'):
        table = swizzles[swizzle.lower()]
        number = word >> position & (1 << table.width) - 1
        name = table.values[number]
    if name not in ('', '-'):
        value = rearrange(swizzle, name, value, is_signed, wide)
    if neg:
        whole = flavour == 'FLOAT' and swizzle not in ('H', 'F16')
        sign = 0x80000000 if whole else 0x80008000
        if word >> neg + 1 & 1:
            value &= ~sign
        if word >> neg & 1:
            value ^= sign
    return value


def rearrange(swizzle, name, value, is_signed, wide):
    picks = re.findall(r'\d', name)
    unit = 8 if name[0] == 'b' else 16 if name[0] == 'h' else 32

    def part(index, bits):
        got = value >> unit * int(index) & (1 << unit) - 1
        return (signed(got, unit) if is_signed else got) & (1 << bits) - 1

    if swizzle == 'F32':
        return F16.convert(part(picks[0], 16), F32)
    if wide:
        return part(picks[0], 64)
    if swizzle in ('I32', 'SH32', 'B', 'H'):
        return (part(picks[0], 32) if swizzle != 'SH32' else
                value >> 8 * int(picks[0]) & 0xff)
    if swizzle == 'I8':
        return joined([part(pick, 8) for pick in picks], 8)
    if swizzle == 'SH16':
        return joined([value >> 8 * int(pick) & 0xff for pick in picks], 16)
    return joined([part(pick, 16) for pick in picks], 16)


def truth(which, order):
    return {'eq': order == 0, 'ne': order != 0,
            'gt': order is not None and order > 0, 'ge': order is not None and order >= 0,
            'lt': order is not None and order < 0, 'le': order is not None and order <= 0,
            'gtlt': order is not None and order != 0}[which]


class Instruction:
    """One word, whose modifiers are read from the description."""

    def __init__(self, encoding, word, flush_f32, flush_f16):
        self.encoding, self.word = encoding, word
        self.flush = {F32: flush_f32, F16: flush_f16}
        self.family, self.type = encoding.family, encoding.type
        match = re.fullmatch(r'(?:v(\d))?([a-z])(\d+)', self.type)
        self.count, self.letter, self.bits = 1, '', 32
        if match:
            self.count, self.letter, self.bits = int(match[1] or 1), match[2], int(match[3])
        self.format = F16 if self.bits == 16 else F32

    def field(self, name):
        for field in self.encoding.fields:
            if field.name == name:
                number = self.word >> field.position & (1 << field.width) - 1
                if not field.values:
                    return number
                value = field.values[number]
                return '' if value == '-' else value
        return ''

    def load(self, fmt, x):
        return fmt.flush(x) if self.flush[fmt] else x

    def store(self, fmt, x):
        x = fmt.clamp(x, self.field('clamp'))
        return fmt.flush(x) if self.flush[fmt] else x

    def each(self, function, *sources):
        """The function of each of the parts of the sources."""
        bits = self.bits if self.bits < 64 else 64
        split = [parts(source, bits, self.count) for source in sources]
        return joined([function(*row) for row in zip(*split)], bits)

    def run(self, sources):
        method = getattr(self, 'do_' + self.family.lower(), None)
        if method:
            return method(*sources)
        for pattern, name in (('(L|R|AR)SHIFT_|(L|R)ROT_', 'shift'), ('ICMP_MULTI', 'multi'),
                              ('ICMP_', 'icmp'), ('FCMP_', 'fcmp'), ('.*_TO_', 'conversion'),
                              ('FMA_RSCALE', 'rscale')):
            if re.match(pattern, self.family):
                return getattr(self, 'do_' + name)(*sources)
        raise NotImplementedError(self.encoding.name)

    # Floats

    def arithmetic(self, x, y, z):
        fmt, mode = self.format, self.field('round')
        x, y, z = (self.load(fmt, v) for v in (x, y, z))
        return self.store(fmt, fmt.fma(x, y, z, mode))

    def do_fma(self, x, y, z):
        return self.each(self.arithmetic, x, y, z)

    def do_fadd(self, x, y):
        return self.each(lambda a, b: self.arithmetic(a, self.format.one, b), x, y)

    def do_fadd_imm(self, x):
        imm = self.word >> 8 & M32
        return self.each(lambda a, b: self.arithmetic(a, self.format.one, b), x, imm)

    def do_fmin(self, x, y, largest=False):
        fmt, nan = self.format, self.field('nan') != ''
        return self.each(lambda a, b: self.store(fmt, fmt.minmax(
            self.load(fmt, a), self.load(fmt, b), largest, nan)), x, y)

    def do_fmax(self, x, y):
        return self.do_fmin(x, y, True)

    def do_fround(self, x):
        fmt, mode = self.format, self.field('round')
        return self.each(lambda a: fmt.to_integral(self.load(fmt, a), mode), x)

    def do_flush(self, x):
        fmt = self.format
        quiet = 1 << fmt.mantissa_bits - 1

        def one(bits):
            sign, rest = bits & fmt.sign, bits & fmt.sign - 1
            if rest > fmt.infinity:
                return {'': bits, 'flush_nan': 0, 'quiet_nan': bits | quiet}[
                    self.field('flush_nan')]
            if rest == fmt.infinity and self.field('flush_inf'):
                return bits - 1
            return sign if not rest & fmt.infinity and self.field('ftz') else bits

        return self.each(one, x)

    def do_ldexp(self, x, scale):
        fmt = self.format

        def one(a, n):
            kind, sign, integer, exponent = fmt.split(self.load(fmt, a))
            if kind != 'num':
                return fmt.nan if kind == 'nan' else a
            n = max(-600, min(600, signed(n, fmt.width)))
            return self.store(fmt, fmt.join(sign, integer, exponent + n,
                                            self.field('round_ldexp')))

        return self.each(one, x, scale)

    def do_rscale(self, x, y, z, scale):
        x, y, z = (self.load(F32, v) for v in (x, y, z))
        mode = self.field('round_rscale')
        if not x & 0x7fffffff or not y & 0x7fffffff:
            if self.family.endswith('_N'):
                x, y = 0, F32.one
            elif self.family.endswith('_LEFT'):
                y = F32.one
        total = F32.fma(x, y, z, mode)
        kind, sign, integer, exponent = F32.split(total)
        if kind == 'num':
            scale = max(-600, min(600, signed(scale, 32)))
            total = F32.join(sign, integer, exponent + scale, mode)
        if self.flush[F32]:
            total = F32.flush(total)
        return F32.clamp(total, self.field('clamp'))

    def mantissa(self, bits):
        exponent = bits >> 23 & 255
        if exponent in (0, 255):
            return bits
        return bits & 0x807fffff | (0x3f000000 if bits & 0x400000 else 0x3f800000)

    def do_fadd_lscale(self, x, y):
        return self.arithmetic(x, F32.one, self.mantissa(y))

    def frexp(self, fmt, x):
        kind, sign, integer, exponent = fmt.split(self.load(fmt, x))
        if kind != 'num' or not integer:
            return (fmt.nan if kind == 'nan' else self.load(fmt, x)), 0
        whole = exponent + integer.bit_length()
        if self.field('frexp') == 'log' and 4 * integer < 3 << integer.bit_length():
            whole -= 1
        if self.field('frexp') == 'sqrt':
            whole += whole & 1
        number = fmt.join(sign, integer, exponent - whole)
        return number, (whole // 2 if self.field('frexp') == 'sqrt' else whole)

    def do_frexpm(self, x):
        fmt = self.format
        return self.each(lambda a: self.store(fmt, self.frexp(fmt, a)[0]), x)

    def do_frexpe(self, x):
        fmt = self.format
        sign = -1 if self.field('neg_result') else 1
        return self.each(lambda a: sign * self.frexp(fmt, a)[1], x)

    def do_frcp(self, x):
        if self.bits == 16:
            return 0x10001 * reciprocal(F16, self.load(F16, x & 0xffff), False)
        return F32.flush(reciprocal(F32, F32.flush(x), False))

    def do_frsq(self, x):
        if self.bits == 16:
            return 0x10001 * reciprocal(F16, self.load(F16, x & 0xffff), True)
        return reciprocal(F32, F32.flush(x), True)

    def do_fsqrt(self, x):
        return square_root(F32, F32.flush(x))

    def do_fsin_table(self, x):
        angle = (x & 63) % 64
        if angle in (0, 32):
            return 0
        return F32.of(math.sin(angle * math.pi / 32))

    def do_fcos_table(self, x):
        angle = (x & 63) % 64
        if angle in (16, 48):
            return 0
        return F32.of(math.cos(angle * math.pi / 32))

    def do_fexp(self, x, y):
        value = F32.value(y)
        if math.isnan(value):
            return self.store(F32, F32.nan)
        # Exponents times 2^24, as the integer beside it
        if value >= 2.0 ** 31:
            return self.store(F32, F32.infinity)
        if value < -2.0 ** 31:
            return self.store(F32, 0)
        return self.store(F32, F32.of(2.0 ** (signed(x, 32) / (1 << 24))))

    def do_fexpf(self, x):
        value = F32.value(self.load(F32, x))
        if math.isnan(value):
            return F32.nan
        power = math.inf if value >= 128 else 2.0 ** max(value, -1000)
        return self.store(F32, F32.of(power))

    def do_flogd(self, x):
        x = F32.flush(x)
        value = F32.value(x)
        if math.isnan(value) or value < 0:
            return F32.nan
        if value in (0, math.inf):
            return F32.infinity
        m = F32.value(self.mantissa(x))
        if m == 1:
            return F32.of(1 / math.log(2))
        return F32.of(math.log1p(m - 1) / math.log(2) / (m - 1))

    def do_flog(self, x):
        fmt = F16 if self.bits == 16 else F32
        x = self.load(F16, x & 0xffff) if fmt is F16 else F32.flush(x)
        value = fmt.value(x)
        if math.isnan(value) or value < 0:
            out = fmt.nan
        elif value in (0, math.inf):
            out = fmt.of(-math.inf if value == 0 else math.inf)
        else:
            out = fmt.of(math.log2(value))
        return 0x10001 * out if fmt is F16 else out

    # Conversions

    def do_conversion(self, *sources):
        source, target = re.fullmatch(r'(.*)_TO_(.*)', self.family).groups()
        vector = source.startswith('V2')
        count, width = (2, 16) if vector else (1, 32)
        if self.family == 'V2F32_TO_V2F16':
            return joined([self.store(F16, F32.convert(self.load(F32, x), F16,
                                                       self.field('round')))
                           for x in sources], 16)
        return joined([self.convert(source.removeprefix('V2'), target.removeprefix('V2'), x)
                       for x in parts(sources[0], width, count)], width)

    def convert(self, source, target, x):
        mode = self.field('round')
        formats = {'F16': F16, 'F32': F32}
        if source in formats and target in formats:
            return F16.convert(self.load(F16, x & 0xffff), F32)
        if source in formats:
            fmt, bits = formats[source], int(target[1:])
            x &= (1 << fmt.width) - 1
            least = -(1 << bits - 1) if target[0] == 'S' else 0
            most = (1 << bits - (target[0] == 'S')) - 1
            return fmt.to_integer(self.load(fmt, x), mode, least, most)
        if target in formats:
            width = 16 if self.family.startswith('V2') else 32
            number = signed(x, width) if source[0] == 'S' else x
            return formats[target].join(number < 0, abs(number), 0, mode)
        return x

    # Integers

    def do_mov(self, x):
        return x

    def do_not_old(self, x):
        return ~x

    def do_mkvec(self, *sources):
        if self.type == 'v2i16':
            return joined(sources, 16)
        return joined(sources[:2], 8) | (sources[2] & 0xffff) << 16

    def do_clz(self, x):
        bits, mask = self.bits, self.field('mask')
        return self.each(lambda a: -1 if mask and not a else bits - a.bit_length(), x)

    def do_iabs(self, x):
        return self.each(lambda a: abs(signed(a, self.bits)), x)

    def do_popcount(self, x):
        return bin(x).count('1')

    def do_bitrev(self, x):
        return int(f'{x:032b}'[::-1], 2)

    def integers(self, function, *sources):
        is_signed = self.letter == 's'

        def one(*values):
            if is_signed:
                values = [signed(value, self.bits) for value in values]
            value = function(*values)
            return saturated(value, self.bits, is_signed) if self.field('saturate') else value

        return self.each(one, *sources)

    def do_iadd(self, x, y):
        return self.integers(lambda a, b: a + b, x, y)

    def do_isub(self, x, y):
        return self.integers(lambda a, b: a - b, x, y)

    def do_imul(self, x, y):
        return self.integers(lambda a, b: a * b, x, y)

    def do_imuld(self, x, y):
        return x * y

    def do_hadd(self, x, y):
        up = self.field('rhadd')
        return self.integers(lambda a, b: a + b + up >> 1, x, y)

    def do_seg_add(self, x, y):
        low = x - y if self.field('seg_neg') else x + y
        if self.field('preserve_null') and not x:
            return 0
        return x & ~M32 | low & M32

    def do_shaddx(self, x, y):
        return x + (y << (self.word >> 20 & 7))

    def immediate(self, function, x):
        return self.each(function, x, self.word >> 8 & M32)

    def do_iadd_imm(self, x):
        return self.immediate(lambda a, b: a + b, x)

    def do_and_imm(self, x):
        return self.immediate(lambda a, b: a & b, x)

    def do_or_imm(self, x):
        return self.immediate(lambda a, b: a | b, x)

    def do_xor_imm(self, x):
        return self.immediate(lambda a, b: a ^ b, x)

    def do_idp(self, x, y, z):
        is_signed = self.letter == 's'
        values = []
        for source, flag in ((x, 'unsigned0'), (y, 'unsigned1')):
            as_signed = is_signed and not self.field(flag)
            values.append([signed(v, 8) if as_signed else v for v in parts(source, 8, 4)])
        total = sum(a * b for a, b in zip(*values)) + (signed(z, 32) if is_signed else z)
        return saturated(total, 32, is_signed) if self.field('saturate') else total

    def do_shift(self, x, y, z):
        kind, logic = self.family.split('_')
        bits, invert = self.bits, self.field('not_result')

        def one(a, n, c):
            n &= bits - 1
            turn = n if kind == 'LROT' else -n % bits
            value = {'LSHIFT': a << n, 'RSHIFT': a >> n, 'ARSHIFT': signed(a, bits) >> n}.get(
                kind, a << turn | a >> bits - turn)
            value = {'AND': value & c, 'OR': value | c, 'XOR': value ^ c}[logic]
            return ~value if invert else value

        return self.each(one, x, y, z)

    def do_mux(self, x, y, z):
        which, bits = self.field('mux'), self.bits

        def one(a, b, c):
            if which == 'bit':
                return a & c | b & ~c
            if which == 'fp_zero' and bits > 8:
                return b if c & (1 << bits - 1) - 1 else a
            return a if (c >> bits - 1 if which == 'neg' else c == 0) else b

        return self.each(one, x, y, z)

    def order(self, x, y):
        if self.letter == 'f':
            x, y = self.load(self.format, x), self.load(self.format, y)
            return self.format.compare(x, y)
        if self.letter == 's':
            x, y = signed(x, self.bits), signed(y, self.bits)
        return (x > y) - (x < y)

    def holds(self, x, y):
        which = self.field('cmp') or self.field('icmp')
        if which == 'total':
            x, y = self.load(self.format, x), self.load(self.format, y)
            return self.format.total(x) <= self.format.total(y)
        return truth(which, self.order(x, y))

    def do_csel(self, x, y, z, w):
        return self.each(lambda a, b, c, d: c if self.holds(a, b) else d, x, y, z, w)

    def yes(self):
        one = {8: 1, 16: F16.one, 32: F32.one}[self.bits]
        return {'i1': 1, 'f1': one, 'm1': -1}[self.field('result_cmp') or
                                              self.field('result_type')]

    def do_icmp(self, x, y, z):
        both = self.family.endswith('_AND')

        def one(a, b, c):
            holds = self.holds(a, b)
            return self.yes() if (holds and c if both else holds or c) else 0

        return self.each(one, x, y, z)

    do_fcmp = do_icmp

    def do_multi(self, x, y, z):
        order = self.order(x, y)
        z = signed(z, 32)
        order = order or (z > 0) - (z < 0)
        if self.field('result_type') == 'u1':
            return order
        return self.yes() if truth(self.field('icmp'), order) else 0

    # Cube maps

    def do_cubeface1(self, *sources):
        if any(F32.is_nan(x) for x in sources):
            return F32.nan
        most = max(x & 0x7fffffff for x in sources)
        return F32.one if most == F32.infinity else 0x40000000 if most < 0x800000 else most

    def do_cubeface2(self, *sources):
        if any(F32.is_nan(x) for x in sources):
            return 4 << 29
        most = max(x & 0x7fffffff for x in sources)
        axis = max(i for i, x in enumerate(sources) if x & 0x7fffffff == most)
        negative = sources[axis] >> 31 and sources[axis] & 0x7fffffff != 0
        return 2 * axis + bool(negative) << 29 | (most == F32.infinity) << 16

    def do_cube_ssel(self, z, x, face):
        face >>= 29
        return (z if face < 2 else x) ^ (0x80000000 if face in (0, 5) else 0)

    def do_cube_tsel(self, y, z, face):
        face >>= 29
        return (z if face in (2, 3) else y) ^ (0 if face == 2 else 0x80000000)


def across(instruction, sources, lanes):
    """What WMASK and CLPER give, of all lanes at once."""
    word = instruction.word
    size = 2 << (word >> 36 & 15)
    out = []
    for lane in range(64):
        first = lane - lane % size
        if instruction.family == 'WMASK':
            out.append(sum(1 << i for i in range(size)
                           if lanes >> first + i & 1 and sources[0][first + i]))
            continue
        number = sources[1][lane]
        which = {'': number, 'xor': lane ^ number,
                 'rotate': lane + number}[instruction.field('lane_op')] % size
        inactive = {'': 0, 'umax': M32, 'i1': 1, 'v2i1': 0x10001, 'smin': 1 << 31,
                    'smax': M32 >> 1, 'v2smin': 0x80008000, 'v2smax': 0x7fff7fff,
                    'v4smin': 0x80808080, 'v4smax': 0x7f7f7f7f, 'f1': F32.one,
                    'v2f1': 0x10001 * F16.one, 'infn': 0xff800000, 'inf': F32.infinity,
                    'v2infn': 0xfc00fc00, 'v2inf': 0x7c007c00}[instruction.field('inactive')]
        source = first + which
        out.append(sources[0][source] if lanes >> source & 1 else inactive)
    return out
