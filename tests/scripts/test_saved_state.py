# SPDX-License-Identifier: GPL-2.0-or-later
"""What a saved state is said to be in the middle of."""

import copy
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf.check import saved_state  # noqa: E402

QUIET_STREAM = {'state': 0, 'depth': 0, 'handler_depth': 0, 'protm_end': 0, 'scoreboard': [0, 0],
                'num_deferred': 0, 'news': 0, 'error': 0,
                'tiler': {'chunks': 0, 'asked': 0, 'refused': 0}}
QUIET = {
    'engine': {'groups': [{'active': 1, 'streams': [QUIET_STREAM]}], 'protected_mode': 0},
    'mcu': {'boot_pending': 0, 'pass_parked': 0, 'doorbells': 0,
            'fw': {'groups': [{'entering': 0}], 'asleep': 0}},
    'perfcnt': {'pending': 0},
    'mmu': {'as': [{'locked': 0, 'fault_latched': 0}]},
}


class SituationsTest(unittest.TestCase):

    def setUp(self):
        self.values = copy.deepcopy(QUIET)
        self.group = self.values['engine']['groups'][0]
        self.stream = self.group['streams'][0]

    def found(self):
        return saved_state.situations(self.values)

    def test_quiet(self):
        self.assertEqual(self.found(), set())

    def test_field_is_gone(self):
        del self.values['perfcnt']['pending']
        with self.assertRaisesRegex(saved_state.Stop, "no field 'pending' any more"):
            self.found()

    def test_states(self):
        """Those of the device's header, whatever it has"""
        states = saved_state.stream_states()
        self.assertEqual((states[0], states[1], states[-1]), ('stopped', 'ready', 'fatal'))
        self.assertIn('deferred-wait', states)
        for number, name in list(enumerate(states))[1:]:
            self.stream['state'] = number
            self.assertEqual(self.found(), {'stream ' + name})
        self.stream['state'] = len(states)
        self.assertEqual(self.found(), {f'stream {len(states)}'})

    def test_stream(self):
        self.stream.update(state=1, depth=2, scoreboard=[0, 1], num_deferred=1)
        self.stream['tiler'].update(chunks=1, asked=1)
        self.assertEqual(self.found(), {
            'stream ready', 'in a CALL', 'work in flight', 'deferred instruction',
            'work waits for heap memory', 'heap memory asked for'})
        self.stream['handler_depth'] = 2
        self.assertIn('in an exception handler', self.found())
        # A slot that nobody has, with what the last one left
        self.group['active'] = 0
        self.assertEqual(self.found(), set())

    def test_device(self):
        self.values['mcu']['fw']['groups'][0]['entering'] = 1
        self.values['engine']['protected_mode'] = 1
        self.values['mmu']['as'][0]['locked'] = 1
        self.assertEqual(self.found(), {'group entering', 'protected mode', 'region locked'})


if __name__ == '__main__':
    unittest.main()
