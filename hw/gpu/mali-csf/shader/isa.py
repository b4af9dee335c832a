#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make C tables, or a page, of the description of a shader instruction set.

    isa.py header|table|list isa.txt OUTPUT

isa.txt says what its lines mean.  QEMU's own scripts/decodetree.py was not taken:
it makes a decoder, but neither text nor the way back from fields to a word nor
a list for people, and has no notion of architectures.
"""

import re
import sys

# Class of a source: swizzle (None: of the type), where that is for source 0, 1,
# 2, whether it has neg and abs, how many bytes of the word it counts for
SWIZZLE_FLOAT = (28, 26, 24)
SWIZZLE_INT = (36, 26, None)
CLASSES = {
    'f':    ('float', SWIZZLE_FLOAT, True),
    'fs':   ('float', SWIZZLE_FLOAT, False),
    'fn':   ('', (), True),
    'fp':   ('', (), False),
    'i':    ('int', SWIZZLE_INT, False),
    'sh':   ('shift', (None, 26, None), False),
    'nt':   ('not', (None, None, 35), False),
    'r':    ('', (), False),
    'r64':  ('', (), False),
    'a64':  ('', (), False),
    'l8':   ('b', (38, 36, None), False),
    'l16':  ('h', (28, 26, None), False),
    'c8':   ('b', (28,), False),
    'c16':  ('h', (28,), False),
    'cf16': ('h', (28,), True),
    'cv8':  ('bb', (36,), False),
    'h2':   ('f16', SWIZZLE_FLOAT, False),
    'br':   ('combine', (37,), False),
}
DESTINATIONS = ('d', 'dn', 'd64')
# (position of the register, of the count, what is added; reads; writes)
STAGING = {'srr': (40, 'COUNT', 'READ'), 'srw': (40, 'COUNT', 'WRITE'),
           'srrt': (40, 'COUNT_8', 'READ'), 'sww': (16, 'WRITE_COUNT', 'WRITE'),
           'svw': (40, 'WRITE_COUNT', 'WRITE')}
LANES = {'8': 'i8', '16': 'i16', '32': 'i32', '64': 'i64'}


def stop(where, text):
    sys.exit(f'{where}: {text}')


def identifier(name):
    return re.sub(r'[^A-Za-z0-9]+', '_', name).upper().strip('_')


class Field:
    """Bits of a word, with the names of their values if there are any."""

    def __init__(self, name, position, width, values):
        self.name, self.position, self.width, self.values = name, position, width, values
        self.mask = (1 << width) - 1 << position


class Encoding:
    """One row: an instruction of one type."""

    def __init__(self, description, family, unit, kind, fixed, operands, variant, where):
        words = variant.split()
        self.family, self.unit, self.kind, self.where = family, unit, kind, where
        self.type = '' if words[0] == '-' else words[0]
        self.name = family + ('.' + self.type if self.type else '')
        self.first, self.last = 9, 14
        opcode, _, mask = words[1].partition('&')
        self.mask = int(mask or '1ff', 16) << 48 | 1 << 63
        self.match = int(opcode, 16) << 48
        for word in [fixed, *words[2:]]:
            self.fix(word)
        self.fields, self.imms, self.sources, self.staging = [], [], [], []
        self.destination = None
        self.hidden = []
        self.covered = self.mask | 0xf << 59 | 3 << 57
        self.slot = 0
        for token in operands.split():
            self.operand(description, token)
        if self.staging and not any(field.name == 'register_width' for field in self.fields):
            control = {('READ',): 1, ('WRITE',): 2}.get(
                tuple(row[2] for row in self.staging), 3)
            self.hide(46, 2, control)

    def fix(self, word):
        if word.startswith('>='):
            self.first = int(word[2:])
        elif word.startswith('<='):
            self.last = int(word[2:])
        elif word != '-':
            for part in word.split('+'):
                position, width, value = (int(x) for x in re.split('[/=]', part))
                self.mask |= (1 << width) - 1 << position
                self.match |= value << position

    def cover(self, position, width):
        mask = (1 << width) - 1 << position
        if self.covered & mask & ~self.mask or self.covered & self.mask & mask:
            stop(self.where, f'{self.name}: bits {position}+{width} have two meanings')
        self.covered |= mask

    def hide(self, position, width, value):
        self.cover(position, width)
        self.hidden.append((position, width, value))

    def operand(self, description, token):
        name, _, kind = token.partition(':')
        if token.startswith('~'):
            position, width, value = re.split('[/=]', token[1:])
            self.hide(int(position), int(width), int(value, 16))
        elif name in DESTINATIONS:
            self.destination = name
            self.cover(40, 8)
        elif name in STAGING:
            self.staging.append(STAGING[name])
            self.cover(STAGING[name][0], 6)
            if name == 'sww' or name == 'svw':
                self.cover(36, 3)
            else:
                self.cover(33, 3)
        elif name in CLASSES:
            self.source(description, name, kind or self.type)
        elif name in description.fields:
            field = description.fields[name]
            self.cover(field.position, field.width)
            self.fields.append(field)
        elif name in description.imms:
            imm = description.imms[name]
            self.cover(imm.position, imm.width)
            self.imms.append(imm)
        else:
            stop(self.where, f'{token} is neither a field nor a class of operands')

    def source(self, description, name, kind):
        swizzle, positions, absneg = CLASSES[name]
        index = self.slot
        self.cover(8 * index, 8)
        scalar = re.match(r'v\d[a-z]', kind) is None
        bits = re.findall(r'\d+', kind)[-1] if re.search(r'\d', kind) else '32'
        signed = re.match(r'(v\d)?s\d', kind) or re.match(r'(V2)?S\d+_TO_', self.family)
        if swizzle == 'float':
            swizzle = 'f16' if bits == '16' else 'f32'
        elif swizzle == 'int':
            swizzle = LANES[bits]
        elif swizzle == 'shift':
            swizzle = {'8': 'i8', '16': 'sh16', '32': 'sh32', '64': 'sh32'}[bits]
        position = positions[index] if swizzle and index < len(positions) else None
        if swizzle and position is None:
            stop(self.where, f'{self.name}: no such operand in source {index}')
        if position is not None:
            width = {'not': 1, 'combine': 3}.get(swizzle) or description.swizzles[swizzle].width
            self.cover(position, width)
        neg = 38 - 2 * index if absneg else 0
        if absneg:
            self.cover(neg, 2)
        wide = name in ('r64', 'a64') or (bits == '64' and name in ('i', 'nt'))
        if name in ('fp', 'f', 'fn', 'fs') and bits == '16' and not scalar:
            flavour = 'HALVES'
        elif name in ('fp', 'f', 'fn', 'fs', 'cf16') or (name == 'h2' and 'f' in kind):
            flavour = 'FLOAT'
        else:
            flavour = 'SIGNED' if signed else 'UNSIGNED'
        self.sources.append((8 * index, identifier(swizzle or 'none'), position or 0, neg,
                             int(wide), flavour))
        self.slot += 2 if name == 'a64' else 1


class Description:
    """All of isa.txt."""

    def __init__(self, path):
        self.fields, self.imms, self.swizzles, self.encodings = {}, {}, {}, []
        with open(path, encoding='utf-8') as lines:
            for number, line in enumerate(lines, 1):
                line = line.partition('#')[0].split()
                if line:
                    self.line(f'{path}:{number}', line[0], line[1:])
        self.families = list(dict.fromkeys(row.family for row in self.encodings))
        self.units = list(dict.fromkeys(row.unit for row in self.encodings))
        self.check()

    def line(self, where, kind, words):
        if kind in ('field', 'imm'):
            table = self.fields if kind == 'field' else self.imms
            field = Field(words[0], int(words[1]), int(words[2]), words[3:])
            if kind == 'field' and field.values and len(field.values) != 1 << field.width:
                stop(where, f'{field.name} has {len(field.values)} values')
            table[field.name] = field
        elif kind == 'swizzle':
            self.swizzles[words[0]] = Field(words[0], 0, int(words[1]), words[2:])
            if len(words) - 2 != 1 << int(words[1]):
                stop(where, f'{words[0]} has {len(words) - 2} values')
        elif kind == 'insn':
            head, operands, variants = ' '.join(words).split(' : ') if ' : ' in ' '.join(words) \
                else stop(where, 'two colons are wanted')
            family, unit, kind, fixed = head.split()
            for variant in variants.split(', '):
                self.encodings.append(Encoding(self, family, unit, kind, fixed, operands,
                                               variant, where))
        else:
            stop(where, f'{kind} is none of field, imm, swizzle, insn')

    def check(self):
        """No word may be two instructions of one architecture."""
        names = set()
        for i, row in enumerate(self.encodings):
            if row.name in names:
                stop(row.where, f'{row.name} is there twice')
            names.add(row.name)
            for other in self.encodings[:i]:
                both = row.mask & other.mask
                if (row.match & both == other.match & both and row.first <= other.last and
                        other.first <= row.last):
                    stop(row.where, f'{row.name} is also {other.name}')


def c_values(values):
    return ', '.join('NULL' if value == '.' else '""' if value == '-' else f'"{value}"'
                     for value in values)


def header(isa):
    out = ['/* Made by isa.py of isa.txt */', '',
           '#ifndef MALI_SHADER_ISA_H', '#define MALI_SHADER_ISA_H', '', '#include <stdint.h>', '']

    def enum(prefix, names, last):
        out.append('enum {')
        out.extend(f'    MALI_SHADER_{prefix}_{identifier(name)},' for name in names)
        out.extend([f'    MALI_SHADER_NUM_{last},', '};', ''])

    enum('OP', (row.name for row in isa.encodings), 'OPS')
    enum('FAMILY', isa.families, 'FAMILIES')
    enum('UNIT', isa.units, 'UNITS')
    enum('SWIZZLE', ['none', 'not', 'combine', *isa.swizzles], 'SWIZZLES')
    enum('FIELD_ID', isa.fields, 'FIELDS')
    for field in isa.fields.values():
        out.append(f'#define MALI_SHADER_FIELD_{identifier(field.name)}(word) \\')
        out.append(f'    ((unsigned)((word) >> {field.position} & {(1 << field.width) - 1}))')
        for value, name in enumerate(field.values):
            if name not in '-.':
                out.append(f'#define MALI_SHADER_{identifier(field.name)}_{identifier(name)} '
                           f'{value}')
    out += ['', '#endif']
    return out


def c_fields(fields):
    return ', '.join(f'MALI_SHADER_FIELD_ID_{identifier(field.name)}' for field in fields)


KINDS = {'none': 'INVALID', 'alu': 'ALU', 'cross': 'CROSS_LANE', 'nop': 'NOP',
         'branch': 'BRANCH', 'jump': 'INVALID', 'barrier': 'BARRIER', 'message': 'MESSAGE'}


def destination(row):
    parts = (row.type.startswith('v') or row.type == 'f16' or row.family.startswith('V2'))
    return {None: 'NO', 'd64': 'PAIR', 'd': 'PARTS' if parts else 'WHOLE',
            'dn': 'PARTS' if parts else 'NARROW'}[row.destination]


def table(isa):
    out = ['/* Made by isa.py of isa.txt */', '']
    for swizzle in isa.swizzles.values():
        out.append(f'static const char *const swizzle_{swizzle.name}[] = '
                   f'{{ {c_values(swizzle.values)} }};')
    out += ['', 'const char *const *const '
            'mali_shader_swizzles[MALI_SHADER_NUM_SWIZZLES] = {']
    out.extend(f'    [MALI_SHADER_SWIZZLE_{identifier(name)}] = swizzle_{name},'
               for name in isa.swizzles)
    out += ['};', '', 'const uint8_t mali_shader_swizzle_widths[MALI_SHADER_NUM_SWIZZLES] = {',
            '    [MALI_SHADER_SWIZZLE_NOT] = 1, [MALI_SHADER_SWIZZLE_COMBINE] = 3,']
    out.extend(f'    [MALI_SHADER_SWIZZLE_{identifier(name)}] = {row.width},'
               for name, row in isa.swizzles.items())
    out += ['};', '', 'const MaliShaderField mali_shader_fields[MALI_SHADER_NUM_FIELDS] = {']
    for field in isa.fields.values():
        values = (f'(const char *const[]) {{ {c_values(field.values)} }}'
                  if field.values else 'NULL')
        out.append(f'    {{ "{field.name}", {field.position}, {field.width}, {values} }},')
    out += ['};', '', 'const MaliShaderEncoding mali_shader_encodings[MALI_SHADER_NUM_OPS] = {']
    for row in isa.encodings:
        out.append(f'    {{ "{row.name}", 0x{row.mask:016x}, 0x{row.match:016x}, '
                   f'{row.first}, {row.last},')
        out.append(f'      MALI_SHADER_{KINDS[row.kind]}, '
                   f'MALI_SHADER_FAMILY_{identifier(row.family)}, '
                   f'MALI_SHADER_UNIT_{identifier(row.unit)},')
        out.append(f'      MALI_SHADER_{destination(row)}_DESTINATION, '
                   f'{len(row.sources)}, {len(row.staging)}, {len(row.fields)},'
                   f' {len(row.hidden)},')
        out.append('      { ' + ', '.join(
            f'{{ {shift}, MALI_SHADER_SWIZZLE_{swizzle}, {position}, {neg}, {wide}, '
            f'MALI_SHADER_{flavour} }}'
            for shift, swizzle, position, neg, wide, flavour in row.sources) + ' },')
        out.append('      { ' + ', '.join(f'{{ {shift}, MALI_SHADER_{count}, MALI_SHADER_{use} }}'
                                          for shift, count, use in row.staging) + ' },')
        out.append('      { ' + ', '.join(
            f'{{ "{imm_name(imm.name)}", {imm.position}, {imm.width}, '
            f'{int("signed" in imm.values)} }}' for imm in row.imms) + ' },')
        out.append(f'      {{ {c_fields(row.fields)} }},')
        out.append('      { ' + ', '.join(f'{{ {position}, {width}, {value} }}'
                                          for position, width, value in row.hidden) + ' } },')
    out.append('};')
    return out


def imm_name(name):
    """A number at the end tells places of the same immediate apart."""
    return re.sub(r'(_special|\d+)$', '', name)


def rst_list(isa):
    out = ['.. Made by isa.py of isa.txt', '',
           '.. list-table::', '   :header-rows: 1', '   :widths: 30 12 12 10 36', '',
           '   * - Instruction', '     - Opcode', '     - Architectures', '     - Unit',
           '     - Modifiers']
    for row in isa.encodings:
        fixed = ''.join(f', {bit}' for bit in range(48)
                        if row.mask >> bit & 1 and row.match >> bit & 1)
        out += [f'   * - ``{row.name}``', f'     - ``0x{row.match >> 48 & 0x1ff:03x}``'
                + (f' and bits{fixed[1:]}' if fixed else ''),
                f'     - {row.first} to {row.last}', f'     - {row.unit}',
                '     - ' + ', '.join(field.name for field in row.fields)]
    return out


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ('header', 'table', 'list'):
        sys.exit(__doc__.strip())
    isa = Description(sys.argv[2])
    lines = {'header': header, 'table': table, 'list': rst_list}[sys.argv[1]](isa)
    with open(sys.argv[3], 'w', encoding='utf-8') as output:
        output.write('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
