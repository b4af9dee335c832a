# SPDX-License-Identifier: GPL-2.0-or-later
"""Seeds, rates and verdicts of explorations, without a guest."""

import json
import os
import shutil
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.explore import (explore, saved_machine, seeded_run, stopping_qemu,  # noqa: E402
                             symbols, timeline)
from malicsf.run import expectations  # noqa: E402

PORT = '''@@ panthor
@@ begin toy
ok 1 - it works
{}
1..2
@@ end toy exit {}
@@ log-end toy
@@ done
'''


class SeedsTest(unittest.TestCase):

    def test_range(self):
        self.assertEqual(list(explore.seeds_of('3..5')), [3, 4, 5])
        self.assertEqual(list(explore.seeds_of('7')), [7])

    def test_refused(self):
        for text in ('', '0..3', '5..3', '1-3', '1..', 'x', f'1..{1 << 40}', '١..٢'):
            with self.subTest(text), self.assertRaises(project.Stop) as caught:
                explore.seeds_of(text)
            self.assertEqual(caught.exception.status, project.USAGE)

    def test_slices(self):
        with mock.patch.dict(os.environ, SLICES='64..4096'):
            self.assertEqual(explore.slices_asked_for(), ',slice-min=64,slice-max=4096')
        for text in ('64', '0..4', '5..3', 'x..y'):
            with self.subTest(text), mock.patch.dict(os.environ, SLICES=text), \
                    self.assertRaises(project.Stop) as caught:
                explore.slices_asked_for()
            self.assertEqual(caught.exception.status, project.USAGE)

    def test_kinds(self):
        known = ['slices', 'priorities', 'irq']
        for text, kinds in (('', ['slices', 'irq']), ('none', []), ('irq,slices', ['irq', 'slices'])):
            with mock.patch.dict(os.environ, KINDS=text):
                self.assertEqual(explore.kinds_asked_for(known), kinds)


class RateTest(unittest.TestCase):

    def test_interval(self):
        # Of Newcombe, Statistics in Medicine 17 (1998), table I, Wilson's score
        for hits, runs, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605),
                                      (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)):
            found = explore.interval(hits, runs)
            self.assertAlmostEqual(found[0], low, 4)
            self.assertAlmostEqual(found[1], high, 4)

    def compare(self, before, after):
        rows = [{seed: {'signatures': ['x'] if seed <= hits else []} for seed in range(1, 101)}
                for hits in (before, after)]
        said = []
        with mock.patch.object(explore, 'say', said.append):
            self.status = explore.compare(*rows)
        return said[-1]

    def test_compare(self):
        self.assertTrue(self.compare(50, 10).endswith('fewer'))
        self.assertEqual(self.status, project.PASS)
        self.assertTrue(self.compare(10, 50).endswith('MORE'))
        self.assertEqual(self.status, project.FAIL)
        self.assertTrue(self.compare(5, 3).endswith('cannot be told'))
        self.assertEqual(self.compare(0, 0), 'nothing went wrong in 100 seeds of either')


class VerdictTest(unittest.TestCase):

    def judge(self, port, console='', device=''):
        machine = types.SimpleNamespace(settings=None,
                                        expected=expectations.Expectations('nothing'))
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (('port', port), ('console', console), ('device', device)):
                project.write(os.path.join(folder, name + '.log'), text)
            return seeded_run.judge(machine, folder)

    def test_good(self):
        self.assertEqual(self.judge(PORT.format('ok 2 - so does that', 0)), ([], [], ''))

    def test_failed(self):
        self.assertEqual(self.judge(PORT.format('not ok 2 - so does that', 1)),
                         (['toy: so does that'], [], ''))

    def test_finding(self):
        self.assertEqual(self.judge(PORT.format('ok 2 - the finding is shown: it stops', 0)),
                         (['toy: the finding is shown: it stops'], [], ''))
        self.assertEqual(self.judge(PORT.format('ok 2 - the finding is shown # SKIP not met', 0)),
                         ([], [], ''))

    def test_kernel_log(self):
        lines = [PORT.replace('@@ log-end', f'@@ log toy BUG: list at {at}\n@@ log-end')
                 .format('ok 2 - x', 0) for at in ('0xffff0000', 'ffff000012345678 after 12.5')]
        first, second = (self.judge(line)[0] for line in lines)
        self.assertEqual(first, ['toy: no bad line in the kernel log: BUG: list at #'])
        self.assertEqual(second, ['toy: no bad line in the kernel log: BUG: list at # after #'])

    def test_violation(self):
        line = ('mali_csf_violation gpu unlock-without-lock as 1 va 0x0-0x0 expected 0x0 seen '
                '0x0\n')
        port = PORT.format('ok 2 - x', 0)
        self.assertEqual(self.judge(port, device=line)[0], ['violation unlock-without-lock'])
        allowed = port.replace('ok 1', '#@ allow-violation unlock-without-lock\nok 1')
        self.assertEqual(self.judge(allowed, device=line)[0], [])

    def test_no_end(self):
        self.assertIn('not come to the end', self.judge('@@ begin toy\n')[2])

    def test_request(self):
        port = PORT.format('#@ request inject kind=x\nok 2 - x', 0)
        self.assertEqual(self.judge(port), ([], [], ''))


class ReduceTest(unittest.TestCase):
    """A hit that takes two kinds, up to a time of the virtual clock"""

    NEEDED, TIME = {'slices', 'irq'}, 7_000_000

    def run_seed(self, _machine, seed, _folder, kinds=None, until=0, **_):
        hit = self.NEEDED <= set(kinds) and (not until or until >= self.TIME)
        return seeded_run.Outcome(seed, ['toy: it works'] if hit else [], [], 'x', 0.0)

    def test_reduce(self):
        machine = types.SimpleNamespace(kinds=['slices', 'doorbell', 'irq', 'turns'])
        outcome = seeded_run.Outcome(3, ['toy: it works'], [], 'x', 0.0)
        said = []
        with mock.patch.object(seeded_run, 'run', self.run_seed), \
                mock.patch.object(explore, 'say', said.append):
            kinds, until = explore.reduce(machine, outcome, '/nowhere', (1_000_000, 21_000_000))
        self.assertEqual(kinds, ['slices', 'irq'])
        self.assertLessEqual(self.TIME, until)
        self.assertLess(until, self.TIME + 20_000_000 // 2 ** explore.HALVINGS + 1)
        self.assertIn('it takes: KINDS=slices,irq', said)

    def test_times(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(explore.times_of(folder), (0, 0))
            project.write(os.path.join(folder, 'device.log'),
                          'mali_csf_fw_pass gpu at 500 ns\nmali_csf_reg_read gpu x\n'
                          'mali_csf_slice gpu at 900 ns weight 1\n')
            self.assertEqual(explore.times_of(folder), (500, 900))

    def test_repeat(self):
        """Logs of the first run of each that was different stay."""
        digests = iter(['a', 'a', 'b', 'a'])

        def run_seed(_machine, seed, folder):
            os.makedirs(folder)
            return seeded_run.Outcome(seed, [], [], next(digests), 0.0)

        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(seeded_run, 'run', run_seed), \
                mock.patch.object(explore, 'say'):
            self.assertEqual(explore.repeat(None, 3, folder, 2), project.PASS)
            shutil.rmtree(folder)
            self.assertEqual(explore.repeat(None, 3, folder, 2), project.FAIL)
            self.assertEqual(sorted(os.listdir(folder)), ['repeat-3-1', 'repeat-3-2'])


SYMBOLS = """@@ symbol ffff800000000ff8 $x
@@ symbol ffff800000001000 first
@@ symbol ffff800000001100 second
@@ symbol ffff800000009000 other
@@ panthor
"""
DEVICE = """mali_csf_reg_read gpu mcu offset 0x0 value 0x1
icount_schedule_turn cpu 0 for 64 instructions
Trace 0: 0x7f00 [00000000/ffff800000001000/00000051/ff021201]\x20
Trace 0: 0x7f00 [00000000/ffff800000001010/00000051/ff021201]\x20
icount_schedule_turn cpu 1 for 100 instructions
Trace 1: 0x7f00 [00000000/ffff800000001100/00000051/ff021201]\x20
mali_csf_perturb gpu irq by 300 ns
mali_csf_perturb gpu irq by 300 ns
icount_schedule_turn cpu 0 for 64 instructions
Trace 0: 0x7f00 [00000000/ffff800000001020/00000051/ff021201]\x20
mali_csf_host_port_line console [    1.234567] kernel BUG at lib/list_debug.c:35!
Trace 1: 0x7f00 [00000000/ffff800000009000/00000051/ff021201]\x20
"""


class TimelineTest(unittest.TestCase):

    def test_symbols(self):
        known = symbols.Symbols(SYMBOLS)
        self.assertEqual(known.at(0xffff800000001000), ('first', True))
        self.assertEqual(known.at(0xffff800000001108), ('second', False))
        self.assertEqual(known.at(1), ('?', False))
        self.assertEqual(known.ranges(), '0xffff800000001000..0xffff800000002100,'
                                         '0xffff800000009000..0xffff80000000a000')
        self.assertEqual(symbols.Symbols('').ends(), None)

    def test_rows(self):
        rows = list(timeline.merged(timeline.rows_of(DEVICE.splitlines(),
                                                     symbols.Symbols(SYMBOLS))))
        self.assertEqual([(row.vcpu, row.text, times) for row, times in rows], [
            (0, 'first()', 1), (1, 'second()', 1), ('device', 'perturb irq by 300 ns', 2),
            (0, '... first', 1), ('guest', 'kernel BUG at lib/list_debug.c:35!', 1),
            (1, 'other()', 1)])

    def test_shown(self):
        """What came before that which went wrong, and nothing of what came after."""
        machine = types.SimpleNamespace(settings=types.SimpleNamespace(smp=2),
                                        symbols=lambda: symbols.Symbols(SYMBOLS))
        with tempfile.TemporaryDirectory() as folder:
            project.write(os.path.join(folder, 'device.log'), DEVICE)
            path, lines = timeline.write(
                machine, folder, ['toy: no bad line in the kernel log: kernel BUG at '
                                  'lib/list_debug.c:#!'], seeded_run.signature)
            self.assertEqual(len(project.read(path).splitlines()), 7)
        self.assertTrue(lines[-1].startswith('==== kernel BUG'))
        self.assertEqual(len(lines), 6)

    def test_hit(self):
        for text, signatures in (('not ok 3 - it works', ['toy: it works']),
                                 ('violation gpu as-unlocked as 1', ['violation as-unlocked']),
                                 ('ok 2 - the finding is shown: x',
                                  ['toy: the finding is shown: x'])):
            self.assertTrue(timeline.is_hit(text, signatures, seeded_run.signature), text)
        for text in ('', 'ok', 'ok 1 - other things', 'perturb irq by 300 ns'):
            self.assertFalse(timeline.is_hit(text, ['toy: it works'], seeded_run.signature), text)


class AnswerTest(unittest.TestCase):

    def test_symbols(self):
        """No run of a seed tells them."""
        self.assertEqual(seeded_run.answer(None, 7, ['symbols'])[:6], 'error ')

    def test_seed(self):
        qemu = mock.Mock()
        self.assertEqual(seeded_run.answer(qemu, 7, ['option', 'storm.seed']), 'ok 7')
        self.assertEqual(seeded_run.answer(qemu, 7, ['option', 'storm.x'])[:6], 'error ')
        qemu.monitor.request.assert_not_called()
        seeded_run.answer(qemu, 7, ['qom-get', 'type'])
        qemu.monitor.request.assert_called_once_with(['qom-get', 'type'])


class StopTest(unittest.TestCase):

    def test_line(self):
        """A debugger's stop is none of ours, and a line stops the machine once."""
        with tempfile.TemporaryDirectory() as folder:
            qemu = stopping_qemu.StoppingQemu.__new__(stopping_qemu.StoppingQemu)
            qemu.folder, qemu.stops, qemu.seen = folder, ('@@ done', '#@ request '), 0
            path = os.path.join(folder, stopping_qemu.PORT_LOG)
            for text, line in (('', ''), ('ok 1\n', ''), ('ok 1\n@@ do', ''),
                               ('ok 1\n#@ request x\n', '#@ request x'),
                               ('ok 1\n#@ request x\n', ''),
                               ('ok 1\n#@ request x\n#@ request x\n', '#@ request x'),
                               ('ok 1\n#@ request x\n#@ request x\n@@ done\n', '@@ done')):
                project.write(path, text)
                self.assertEqual(qemu.new_line(), line, text)


class SavedTest(unittest.TestCase):

    def hash_of(self, ram=b'x', device=b'y', clock=bytes(24), head=b'head'):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, 'state'), 'wb') as file:
                file.write(head + saved_machine.TIMER + bytes(8) + clock + device)
            with open(os.path.join(folder, 'ram'), 'wb') as file:
                file.write(ram)
            return saved_machine.hash_of(folder)

    def test_hash(self):
        usual = self.hash_of()
        self.assertEqual(self.hash_of(clock=bytes(range(24))), usual)
        self.assertEqual(self.hash_of(head=b'in other pieces'), usual)
        self.assertNotEqual(self.hash_of(ram=b'z'), usual)
        self.assertNotEqual(self.hash_of(device=b'z'), usual)

    def test_holes(self):
        """Whether what is zero is a hole is for the file system."""
        block = saved_machine.BLOCK
        full = bytes(block) * 2 + b'a' * block + bytes(block)
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ('full', 'sparse')]
            with open(paths[0], 'wb') as file:
                file.write(full)
            with open(paths[1], 'wb') as file:
                file.seek(2 * block)
                file.write(b'a' * block)
                file.truncate(len(full))
            found = [list(saved_machine.blocks(path)) for path in paths]
        self.assertEqual(found[0], [(2 * block, b'a' * block)])
        self.assertEqual(found[0], found[1])

    def test_command(self):
        command = saved_machine.loading(['qemu', '-kernel', 'k', '-initrd', 'i', '-append', 'a',
                                         '-S'], '/there', '1G')
        self.assertEqual(command[:2], ['qemu', '-S'])
        self.assertIn('readonly=on', command[3])
        self.assertEqual(command[-2:], ['-incoming', 'defer'])

    def asked(self, lines):
        """What a guest tells that says these lines, and whether it was asked to"""
        qemu = mock.Mock(**{'until_stop.side_effect': lines})

        def begin(_command, folder, _seconds):
            project.write(os.path.join(folder, 'port.log'), SYMBOLS)
            return qemu

        with tempfile.TemporaryDirectory() as saved, \
                mock.patch.object(saved_machine, 'StoppingQemu', side_effect=begin) as start, \
                mock.patch.object(saved_machine, 'loading'):
            told = [saved_machine.symbols(mock.Mock(saved=saved)) for _ in range(2)]
            self.assertEqual(start.call_count, 1)
            self.assertEqual(os.listdir(saved), [saved_machine.SYMBOLS])
        qemu.end.assert_called_once_with()
        return told, qemu.answer.called

    def test_symbols(self):
        """They are told in a run of its own, once."""
        self.assertEqual(self.asked(['#@ request symbols', '@@ symbols']), ([SYMBOLS] * 2, True))
        self.assertEqual(self.asked(['@@ done']), ([SYMBOLS] * 2, False))
        with self.assertRaises(project.Stop):
            self.asked([stopping_qemu.TooLate()])

    def test_seed(self):
        self.assertEqual(explore.seed_of('7'), (7, ''))
        self.assertEqual(explore.seed_of('7@0123abcd'), (7, '0123abcd'))
        for text in ('', '0', '7@', '7@xyz1', 'x', '٣', f'{1 << 40}'):
            with self.subTest(text), self.assertRaises(project.Stop) as caught:
                explore.seed_of(text)
            self.assertEqual(caught.exception.status, project.USAGE)


class ResultsTest(unittest.TestCase):

    def test_taken_up_again(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'results.jsonl')
            rows = explore.Results(path)
            rows.add({'seed': 1, 'signatures': []})
            rows.close()
            with open(path, 'a', encoding='utf-8') as file:
                file.write('{"seed": 2, "sig')       # killed
            again = explore.Results(path)
            self.assertEqual(list(again.rows), [1])
            again.add({'seed': 2, 'signatures': ['x']})
            again.close()
            last = explore.Results(path)
            self.assertEqual(sorted(last.rows), [1, 2])
            last.close()
            self.assertTrue(all(json.loads(line) for line in
                                project.read(path).splitlines() if line.endswith('}')))

    def exploration(self, folder, digests):
        """An Exploration whose runs all hit, with these digests, one after the other."""
        answers = iter(digests)

        def run(_, seed, where, **_options):
            os.makedirs(where, exist_ok=True)
            return seeded_run.Outcome(seed, ['x'], [], next(answers), 1.0)

        exploration = explore.Exploration(None, folder, 1)
        try:
            with mock.patch.object(seeded_run, 'run', run):
                return exploration.one(5)
        finally:
            exploration.results.close()

    def test_repeatable(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIs(self.exploration(folder, 'aaa')['repeatable'], True)
        with tempfile.TemporaryDirectory() as folder:
            self.assertIs(self.exploration(folder, 'aab')['repeatable'], False)
            self.assertTrue(os.path.isdir(os.path.join(folder, 'seed-5-again-2')))

    def test_summary_fails(self):
        good = {'seed': 1, 'signatures': [], 'known': [], 'problem': ''}
        with mock.patch.object(explore, 'say'):
            for row, status in ((good, project.PASS),
                                ({**good, 'known': ['x']}, project.PASS),
                                ({**good, 'signatures': ['x']}, project.FAIL),
                                ({**good, 'repeatable': False}, project.FAIL),
                                ({**good, 'problem': 'x'}, project.FAIL)):
                self.assertEqual(explore.summary({1: row}, project.BUILD), status)


if __name__ == '__main__':
    unittest.main()
