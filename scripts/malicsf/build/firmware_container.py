# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the smallest firmware file that panthor accepts.

The model plays the microcontroller's part itself and runs no code, so the
file holds no code: one shared section, which the driver maps and the model
fills, and a line that says where the file comes from.  The format is what
the driver's own parser reads: drivers/gpu/drm/panthor/panthor_fw.c,
panthor_fw_load() and below.

There is a section for protected mode, which the driver has to put in protected
memory or skips, and one where other files have code, that tells the model where
the first one is and, with --interface, which version of the firmware interface it
is to speak.
"""

import argparse
import os
import re
import struct

MAGIC = 0xc3f13a6e                  # CSF_FW_BINARY_HEADER_MAGIC
HEADER = struct.Struct('<IBBHIII')  # struct panthor_fw_binary_hdr
MAJOR, MINOR, VERSION = 0, 0, 0

# entry word: type in 7:0, size of the whole entry in 15:8
ENTRY_INTERFACE = 0
ENTRY_BUILD_INFO = 6
ENTRY_OPTIONAL = 1 << 31            # 6.12 refuses an unknown entry without it

SECTION_READ = 1 << 0
SECTION_WRITE = 1 << 1
SECTION_CACHE_COHERENT = 3 << 3
SECTION_PROTECTED = 1 << 5          # CSF_FW_BINARY_IFACE_ENTRY_PROT
SECTION_SHARED = 1 << 30
SECTION_ZERO = 1 << 31

SHARED_START = 0x04000000           # CSF_MCU_SHARED_REGION_START
# Twice what linux-firmware's files have: 31 groups of 8 streams fit
SHARED_SIZE = 0x20000

# include/hw/gpu/mali-csf/fw-interface.h: FW_DESCRIPTOR_*
DESCRIPTOR_START = 0
DESCRIPTOR_SPACE = 0x10000          # a page of any kernel
DESCRIPTOR_MAGIC = 0x4653436d

PROTECTED_START = 0x00020000
PROTECTED_SIZE = 0x10000            # a page of any kernel

BUILD_INFO = b'git_sha: mali-csf model, no firmware code inside\0'


def entry(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack('<I', kind | (4 + len(body)) << 8) + body


def section(flags, start, size, data=(0, 0)):
    return entry(ENTRY_INTERFACE, struct.pack('<5I', flags, start, start + size, *data))


def version_word(text):
    """GLB_CONTROL_VERSION of major.minor or major.minor.patch"""
    found = re.fullmatch(r'(\d{1,3})\.(\d{1,3})(?:\.(\d{1,5}))?', text)
    numbers = [int(number or 0) for number in found.groups()] if found else [256, 0, 0]
    if numbers[0] > 0xff or numbers[1] > 0xff or numbers[2] > 0xffff:
        raise argparse.ArgumentTypeError(f'{text} is no version such as 1.5 or 4.1.0')
    return numbers[0] << 24 | numbers[1] << 16 | numbers[2]


def container(interface=None, features=0):
    """The file's bytes; interface: a version_word(), or None for that of the model"""
    flags = (SECTION_READ | SECTION_WRITE | SECTION_CACHE_COHERENT
             | SECTION_SHARED | SECTION_ZERO)
    sections = section(flags, SHARED_START, SHARED_SIZE)
    # No CPU can write there: it is not zeroed, and has no data.
    sections += section(SECTION_READ | SECTION_WRITE | SECTION_PROTECTED,
                        PROTECTED_START, PROTECTED_SIZE)
    size = HEADER.size + len(sections) // 2 * 3 + 3 * 4
    # A version of 0 is the model's, with its features.
    descriptor = struct.pack('<5I', DESCRIPTOR_MAGIC, interface or 0, features,
                             PROTECTED_START, PROTECTED_SIZE)
    at = size + len(BUILD_INFO)
    sections += section(SECTION_READ | SECTION_ZERO, DESCRIPTOR_START, DESCRIPTOR_SPACE,
                        (at, at + len(descriptor)))
    build_info = entry(ENTRY_BUILD_INFO | ENTRY_OPTIONAL,
                       struct.pack('<II', size, len(BUILD_INFO)))
    header = HEADER.pack(MAGIC, MINOR, MAJOR, 0, VERSION, 0, size)
    return header + sections + build_info + BUILD_INFO + descriptor


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--list', required=True,
                        help='write the names of the files here and the files beside it')
    parser.add_argument('--interface', type=version_word, metavar='1.5.0',
                        help='version of the interface that the model is to speak; '
                        'by default what it speaks of itself')
    parser.add_argument('--features', type=lambda text: int(text, 0) & 0xffffffff, default=0,
                        help='the features that go with it, a mask')
    parser.add_argument('architectures', nargs='+', metavar='architecture',
                        help='major.minor, such as 10.8')
    options = parser.parse_args()
    names = [f'arm/mali/arch{architecture}/mali_csffw.bin'
             for architecture in options.architectures]
    for name in names:
        path = os.path.join(os.path.dirname(os.path.abspath(options.list)), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(container(options.interface, options.features))
    with open(options.list, 'w', encoding='utf-8') as file:
        file.write(''.join(name + '\n' for name in names))
