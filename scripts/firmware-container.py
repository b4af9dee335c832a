#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the smallest firmware file that panthor accepts.

The model plays the microcontroller's part itself and runs no code, so the
file holds no code: one shared section, which the driver maps and the model
fills, and a line that says where the file comes from.  The format is what
the driver's own parser reads: drivers/gpu/drm/panthor/panthor_fw.c,
panthor_fw_load() and below.
"""

import argparse
import os
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
SECTION_SHARED = 1 << 30
SECTION_ZERO = 1 << 31

SHARED_START = 0x04000000           # CSF_MCU_SHARED_REGION_START
# Twice what linux-firmware's files have: 31 groups of 8 streams fit
SHARED_SIZE = 0x20000

BUILD_INFO = b'git_sha: mali-csf model, no firmware code inside\0'


def entry(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack('<I', kind | (4 + len(body)) << 8) + body


def container():
    flags = (SECTION_READ | SECTION_WRITE | SECTION_CACHE_COHERENT
             | SECTION_SHARED | SECTION_ZERO)
    shared = entry(ENTRY_INTERFACE, struct.pack(
        '<5I', flags, SHARED_START, SHARED_START + SHARED_SIZE, 0, 0))
    size = HEADER.size + len(shared) + 3 * 4
    build_info = entry(ENTRY_BUILD_INFO | ENTRY_OPTIONAL,
                       struct.pack('<II', size, len(BUILD_INFO)))
    header = HEADER.pack(MAGIC, MINOR, MAJOR, 0, VERSION, 0, size)
    return header + shared + build_info + BUILD_INFO


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--list', required=True,
                        help='write the names of the files here and the files beside it')
    parser.add_argument('architectures', nargs='+', metavar='architecture',
                        help='major.minor, such as 10.8')
    options = parser.parse_args()
    names = [f'arm/mali/arch{architecture}/mali_csffw.bin'
             for architecture in options.architectures]
    for name in names:
        path = os.path.join(os.path.dirname(os.path.abspath(options.list)), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(container())
    with open(options.list, 'w', encoding='utf-8') as file:
        file.write(''.join(name + '\n' for name in names))


if __name__ == '__main__':
    main()
