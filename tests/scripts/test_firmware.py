# SPDX-License-Identifier: GPL-2.0-or-later
"""The firmware file without firmware, as the driver's parser reads it."""

import argparse
import os
import re
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.build import firmware_container as container, firmware_file  # noqa: E402


def sections(data):
    """[(flags, start, end, data)] of the interface entries, as panthor_fw_load() walks them."""
    magic, _, major, _, _, _, size = struct.unpack_from('<IBBHIII', data)
    assert magic == 0xc3f13a6e and major == 0 and size <= len(data)
    found, at = [], 20
    while at < size:
        word, = struct.unpack_from('<I', data, at)
        if word & 0xff == 0:
            flags, start, end, first, last = struct.unpack_from('<5I', data, at + 4)
            assert last <= len(data)
            found.append((flags, start, end, data[first:last]))
        at += word >> 8 & 0xff
    assert at == size
    return found


def constant(name):
    source = project.read(os.path.join(project.ROOT, 'include/hw/gpu/mali-csf/fw-interface.h'))
    return int(re.search(rf'^#define {name} +(0x[0-9a-f]+)', source, re.M)[1], 0)


class ContainerTest(unittest.TestCase):

    def test_plain(self):
        (_, start, end, data), *_ = sections(container.container())
        self.assertEqual((start, end - start, data),
                         (constant('FW_SHARED_START'), constant('FW_SHARED_SIZE'), b''))

    def test_protected(self):
        """What the driver is to put in protected memory, and where the model is told it is"""
        found = sections(container.container())
        (flags, start, end, data), = [row for row in found if row[0] & 1 << 5]
        self.assertEqual((flags & 3, start % 0x10000, end % 0x10000, data), (3, 0, 0, b''))
        self.assertFalse(flags >> 30)
        self.assertLessEqual(end - start, constant('FW_PROTECTED_MAX'))
        (_, _, _, words), = [row for row in found if row[3]]
        self.assertEqual(struct.unpack('<5I', words),
                         (constant('FW_DESCRIPTOR_MAGIC'), 0, 0, start, end - start))

    def test_interface(self):
        data = container.container(container.version_word('1.5.3'), 0x10)
        (_, start, end, words), = [row for row in sections(data) if row[3]]
        self.assertEqual(start, constant('FW_DESCRIPTOR_VA'))
        self.assertEqual(end % 0x10000, 0)
        self.assertEqual(struct.unpack('<5I', words)[:3],
                         (constant('FW_DESCRIPTOR_MAGIC'), 0x01050003, 0x10))
        # The text is still where the entry says.
        self.assertIn(container.BUILD_INFO, data)

    def test_versions(self):
        self.assertEqual(container.version_word('255.255.65535'), 0xffffffff)
        for text in ('1', '256.0', '1.5.', '1.5.65536', 'x', ''):
            with self.assertRaises(argparse.ArgumentTypeError):
                container.version_word(text)


class FileTest(unittest.TestCase):
    """What is said of a file that is not ours."""

    def test_architectures(self):
        found = firmware_file.architectures()
        self.assertEqual(list(found), project.config('matrix')['models'])
        self.assertEqual((found['g610'], found['g310'], found['g1-ultra']),
                         ('10.8', '10.12', '14.8'))
        source = project.read(os.path.join(project.ROOT, 'meson.build'))
        for architecture in found.values():
            self.assertIn(f"'{architecture}'", source)

    def test_said(self):
        data = container.container()
        self.assertEqual(firmware_file.said(data),
                         'git_sha: mali-csf model, no firmware code inside')
        self.assertEqual(firmware_file.said(data[:20]), 'format 0.0, no build information')
        self.assertEqual(firmware_file.said(b'text'), 'no firmware file')
        self.assertEqual(firmware_file.said(data[:20] + bytes(100)), 'an entry that does not end')

    def test_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, firmware_file.name_of('10.8'))
            os.makedirs(os.path.dirname(path))
            with open(path, 'wb') as file:
                file.write(container.container())
            self.assertEqual(firmware_file.require(folder, 'g710', 'distro'), path)
            self.assertRegex(firmware_file.describe(path),
                             '^arm/mali/arch10.8/mali_csffw.bin, for g610, g710: git_sha: mali')
            with self.assertRaisesRegex(project.Stop, '^FIRMWARE=distro has no arm/mali/arch14.8/'
                                        'mali_csffw.bin for MODEL=g1-pro; it has those of 10.8$'):
                firmware_file.require(folder, 'g1-pro', 'distro')


if __name__ == '__main__':
    unittest.main()
