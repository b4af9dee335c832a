# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scripts make of a log of the device's checker."""

import io
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf.run import device_log, region_history  # noqa: E402

NUMBERS = 'as 1 va 0x0-0xfff expected 0x0 seen 0x1'
BEFORE = f'''mali_csf_as_update gpu as 1 transtab 0x1000 transcfg 0x6
mali_csf_violation gpu change-outside-lock {NUMBERS}
mali_csf_repeated gpu change-outside-lock {NUMBERS} times 1
'''
LOG = f'''{BEFORE}mali_csf_note gpu note-dropped {NUMBERS}
mali_csf_repeated gpu change-outside-lock {NUMBERS} times 2
mali_csf_repeated gpu note-dropped {NUMBERS} times 40
'''


class FindingsTest(unittest.TestCase):

    def findings(self):
        found, strange = device_log.findings(io.BytesIO(LOG.encode()),
                                             [(0, 'first'), (len(BEFORE), 'second')])
        self.assertEqual(strange, [])
        return found

    def test_times(self):
        self.assertEqual([(kind, program, name, times)
                          for kind, program, name, _, times in self.findings()],
                         [('violation', 'first', 'change-outside-lock', 1),
                          ('violation', 'first', 'change-outside-lock', 1),
                          ('note', 'second', 'note-dropped', 1),
                          ('violation', 'second', 'change-outside-lock', 2),
                          ('note', 'second', 'note-dropped', 40)])

    def test_text(self):
        self.assertEqual(self.findings()[0][3], f'violation gpu change-outside-lock {NUMBERS}')

    def test_history(self):
        (_, episode), = region_history.read(LOG.encode().splitlines(True))['gpu', 1]
        self.assertEqual([kind for kind, _ in episode.steps],
                         ['update', 'violation', 'violation', 'note', 'violation', 'note'])


if __name__ == '__main__':
    unittest.main()
