# SPDX-License-Identifier: GPL-2.0-or-later
"""Recorded inputs of the fuzz targets, and what makes them."""

import os
import re
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'scripts'))

from malicsf.check import fuzz, record_seeds

EVENTS = os.path.join(ROOT, 'hw/gpu/mali-csf/trace-events')
LIBQOS = os.path.join(ROOT, 'tests/qtest/libqos')
TARGETS = os.path.join(LIBQOS, 'mali-csf-fuzz.c')


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def event(name):
    """A trace event as it is printed, to be formatted"""
    text = re.search(rf'^{name}\(.*?\) (".*)$', read(EVENTS), re.M)[1]
    return name + ' ' + re.sub(r'" PRI(x)\d+( "|$)', r'\1', text).strip('"')


class SeedsTest(unittest.TestCase):

    def test_files(self):
        """Each file is of a target, and each line of it an input that is not too long."""
        rows = dict(re.findall(r'\.name = "([\w-]+)",.*?\.max_size = ([^,]+),', read(TARGETS),
                               re.S))
        self.assertEqual(set(os.listdir(fuzz.RECORDED)), set(record_seeds.KEEP))
        for target in record_seeds.KEEP:
            limit = eval(rows[target])
            with tempfile.TemporaryDirectory() as folder:
                fuzz.write_recorded(target, folder)
                sizes = [os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)]
            self.assertTrue(sizes)
            self.assertTrue(all(10 < size <= limit for size in sizes), (target, sizes, limit))

    def test_operations(self):
        """The numbers that the script has are those of the test."""
        text = read(os.path.join(LIBQOS, 'mali-csf-fuzz-operations.c'))
        names = re.findall(r'^    (OP_\w+),', text.partition('typedef enum Operation {')[2], re.M)
        for number, name in enumerate(names):
            self.assertEqual(getattr(record_seeds, name, number), number)
        text = read(os.path.join(LIBQOS, 'mali-csf-fuzz-bed.h'))
        for name in ('FLAG_IN_RING', 'FLAG_SUSPEND', 'FLAG_GRANT', 'FLAG_REPLACE'):
            found = re.search(rf'^#define {name} +\(1 << (\d)\)', text, re.M)
            self.assertEqual(getattr(record_seeds, name), 1 << int(found[1]))

    def test_registers(self):
        """What the trace events are now is read; too few of them are no input."""
        write = event('mali_csf_reg_write') % ('/machine/peripheral/gpu', 'job', 4, 1)
        ring = event('mali_csf_doorbell') % ('gpu', 3)
        seeds = {}
        record_seeds.register_inputs('\n'.join([write, ring] * 20), seeds)
        self.assertFalse(seeds)
        record_seeds.register_inputs('\n'.join([write, ring] * 60), seeds)
        boot = min(seeds['mali-csf-registers'])
        self.assertTrue(boot.startswith(bytes([1, 1, 4, 0, 1, 0, 0, 0, 5, 3])))

    def test_addresses(self):
        code = 0x10000000
        words = [0x0102 << 48 | 0xffff8000, 0x0104 << 48 | code, 0x0106 << 48 | code + 64,
                 0x0108 << 48 | 12, 0x30 << 56 | 2 << 40]
        self.assertEqual(
            [record_seeds.moved(word, words, {code: 0x1234}) for word in words],
            [0x0102 << 48 | record_seeds.BED_HEAP, 0x0104 << 48 | 0x1234,
             0x0106 << 48 | record_seeds.BED_CODE, 0x0108 << 48 | 12, 0x30 << 56 | 2 << 40])


if __name__ == '__main__':
    unittest.main()
