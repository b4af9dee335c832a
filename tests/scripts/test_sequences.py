# SPDX-License-Identifier: GPL-2.0-or-later
"""Lock sequences: by what the hardware makes of them."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf.run import device_log

MARKER = 0x70000000
# Case D of the program "expand"
STOCK = 'lock:7fc00e lock:000017 unlock'
COVERS = 'covers=0x600000+0x200000'


def log_of(*commands):
    lines = ['mali_csf_as_update gpu as 1 transtab 0x1000 transcfg 0x6',
             f'mali_csf_walk gpu as 1 va 0x{MARKER:x} level 3 descriptor 0x1']
    for command in commands:
        name, _, address = command.partition(':')
        lines.append(f'mali_csf_as_command gpu as 1 {name.upper()} lockaddr 0x{address or 0}')
    return lines


class SequenceTest(unittest.TestCase):

    def judge(self, *commands, expected=STOCK, covers=COVERS):
        expectations = {}
        words = f'expect-locks case=D marker=0x{MARKER:x} {covers} {expected}'.split()
        device_log.parse_directive('expand', words, expectations)
        (_, verdict, reason, _), = device_log.judge(list(expectations.values()),
                                                    log_of(*commands))
        return verdict, reason

    def refused(self, text, *commands, **more):
        verdict, reason = self.judge(*commands, **more)
        self.assertEqual(verdict, 'not ok')
        self.assertIn(text, reason)

    def test_as_stock(self):
        self.assertEqual(self.judge('lock:7fc00e', 'lock:17', 'unlock'), ('ok', ''))
        # What comes after the unlock is another operation.
        self.assertEqual(self.judge('lock:7fc00e', 'lock:17', 'unlock', 'lock:1', 'unlock'),
                         ('ok', ''))

    def test_harmless(self):
        for first, second in (('7fc00e', '600014'), ('7f800e', '600014'), ('7f800e', '17'),
                              ('7fc00e', '400015')):
            verdict, reason = self.judge(f'lock:{first}', f'lock:{second}', 'unlock')
            self.assertEqual(verdict, 'ok')
            self.assertTrue(reason.startswith('harmless: expected '))

    def test_drops_part(self):
        self.refused('does not contain the region that is held', 'lock:7fc00e', 'lock:600013',
                     'unlock')

    def test_too_narrow(self):
        self.refused('not all that is changed', 'lock:7fc00e', 'lock:700013', 'unlock')
        self.refused('not all that is changed', 'lock:7fc00e', 'unlock')

    def test_too_wide(self):
        self.refused('wider than that of stock', 'lock:7fc00e', 'lock:18', 'unlock')

    def test_once_more(self):
        self.refused('held already', 'lock:400015', 'lock:400015', 'unlock',
                     expected='lock:400015 unlock', covers='covers=0x400000+0x400000')
        self.refused('LOCKs in place of', 'lock:600014', 'unlock')

    def test_released(self):
        self.refused('not released once', 'lock:7fc00e', 'lock:17')
        self.refused('not all that is changed', 'lock:7fc00e', 'unlock', 'lock:17', 'unlock')

    def test_first(self):
        self.refused('wider than that of stock', 'lock:600014', 'lock:400015', 'unlock')
        self.refused('not that of the range', 'lock:42000e', 'lock:400014', 'unlock',
                     expected='lock:42000f lock:400014 unlock', covers='covers=0x400000+0x200000')

    def test_region(self):
        self.assertEqual(device_log.region('lock:7fc00e'), (0x7f8000, 0x800000))
        self.assertEqual(device_log.region('lock:1000003'), (0x1000000, 0x1008000))
        self.assertEqual(device_log.region('lock:3f'), (0, 1 << 64))


if __name__ == '__main__':
    unittest.main()
