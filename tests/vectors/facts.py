# SPDX-License-Identifier: GPL-2.0-or-later
"""Fields of the instructions: from facts.txt, and from Mesa's own files."""

import os
import re
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
ARCHITECTURES = range(10, 15)


def archs_of(words):
    if not words:
        return ARCHITECTURES
    first, _, last = words[0].partition('-')
    return range(int(first), int(last or first) + 1)


def load():
    """{(arch, opcode, operation or None): {field: (start, size, type)}}"""
    facts, current = {}, []
    with open(os.path.join(HERE, 'facts.txt'), encoding='utf-8') as file:
        for line in file:
            words = line.split('#')[0].split()
            if not words:
                continue
            if line[0].isspace():
                start, _, size = words[1].partition('+')
                for key in current:
                    if key[0] in archs_of(words[3:]):
                        facts[key][words[0]] = int(start), int(size), words[2]
            else:
                operation = words[1].partition('.')[2] or None
                current = [(arch, int(words[0]), operation) for arch in archs_of(words[2:])]
                facts.update((key, {}) for key in current)
    return facts


def mesa_file(source, arch):
    """Path of Mesa's description of an architecture, or None"""
    for folder in ('src/panfrost/genxml', 'src/panfrost/lib/genxml'):
        path = os.path.join(source, folder, f'v{arch}.xml')
        if os.path.exists(path):
            return path
    return None


def load_mesa(source, arch):
    """{opcode: [{(start, size, type)}, ...]}: a set for each struct that has the opcode"""
    root = xml.etree.ElementTree.parse(mesa_file(source, arch)).getroot()
    opcodes, found = {}, {}
    for enum in root.findall('enum'):
        if enum.get('name') == 'CS Opcode':
            opcodes = {value.get('name'): int(value.get('value')) for value in enum}
    for struct in root.findall('struct'):
        if not re.match('CS (?!Base)', struct.get('name')):
            continue
        fields, opcode = set(), None
        for field in struct.findall('field'):
            kind = field.get('type')
            if field.get('name') == 'Opcode':
                opcode = opcodes.get(field.get('default'))
            else:
                fields.add((int(field.get('start')), int(field.get('size')),
                            kind if kind in ('uint', 'int', 'hex', 'bool') else 'enum'))
        if opcode is not None:
            found.setdefault(opcode, []).append(fields)
    return found
