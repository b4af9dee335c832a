# SPDX-License-Identifier: GPL-2.0-or-later
"""A firmware file that is not ours: which GPUs it is for, and what it says of itself.

The driver loads it by the number of the GPU's architecture, and the model
never runs its code.
"""

import os
import re
import struct

from malicsf import project

MAGIC = 0xc3f13a6e          # CSF_FW_BINARY_HEADER_MAGIC, panthor_fw.c
HEADER = struct.Struct('<IBBHIII')
ENTRY_BUILD_INFO = 6


def name_of(architecture):
    return f'arm/mali/arch{architecture}/mali_csffw.bin'


def architectures():
    """{model: "major.minor"} as GPU_ID in hw/gpu/mali-csf/models.c has it"""
    source = project.read(os.path.join(project.ROOT, 'hw/gpu/mali-csf/models.c'))
    rows = re.findall(r'\.name = "([^"]+)",.*?\.gpu_id = 0x([0-9a-f]{8}),', source, re.S)
    return {name: f'{int(word, 16) >> 28}.{int(word, 16) >> 24 & 0xf}' for name, word in rows}


def require(folder, model, asked):
    """Path of the file that a model needs; Stop if the folder has none.

    asked: what FIRMWARE= was
    """
    architecture = architectures()[model]
    path = os.path.join(folder, name_of(architecture))
    if not os.path.exists(path):
        there = sorted({other for other in architectures().values()
                        if os.path.exists(os.path.join(folder, name_of(other)))}, key=numbers)
        raise project.usage(f'FIRMWARE={asked} has no {name_of(architecture)} for MODEL={model}; '
                            f'it has those of {", ".join(there) or "none"}')
    return path


def numbers(architecture):
    return [int(number) for number in architecture.split('.')]


def describe(path):
    """In words: which models the file is for, and what it says of itself"""
    with open(path, 'rb') as file:
        data = file.read()
    name = path[path.rindex('arm/mali/'):]
    models = [model for model, other in architectures().items() if name_of(other) == name]
    return f'{name}, for {", ".join(models)}: {said(data)}'


def said(data):
    """The build information of a file's bytes, or what is wrong with them"""
    if len(data) < HEADER.size or HEADER.unpack_from(data)[0] != MAGIC:
        return 'no firmware file'
    _, minor, major, _, _, _, size = HEADER.unpack_from(data)
    at, size = HEADER.size, min(size, len(data))
    while at + 4 <= size:
        word, = struct.unpack_from('<I', data, at)
        length = word >> 8 & 0xff
        if length < 4 or at + length > size:
            return 'an entry that does not end'
        if word & 0xff == ENTRY_BUILD_INFO and length >= 12:
            start, count = struct.unpack_from('<II', data, at + 4)
            text = data[start:start + count].split(b'\0')[0].decode('ascii', 'replace')
            return re.sub(r'[^ -~]+', ' ', text).strip()
        at += length
    return f'format {major}.{minor}, no build information'
