# SPDX-License-Identifier: GPL-2.0-or-later
"""A run from QEMU's lines to its results, with a QEMU that is none."""

import json
import os
import signal
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.run import expectations, results, run_guest  # noqa: E402
import result_schema  # noqa: E402


DETAIL = ' as 1 va 0x0-0xfff expected 0x0 seen 0x1\n'
VIOLATION = 'mali_csf_violation gpu change-outside-lock' + DETAIL
NOTE = 'mali_csf_note gpu note-dropped' + DETAIL
PROGRAM = '@@ begin canary\nok 1 - a job\n1..1\n@@ end canary exit 0\n@@ log-end canary\n'
START = [['console', 'Linux\r\n'], ['port', '@@ panthor\n']]
END = [['port', '@@ done\n'], ['power-off']]


def counts(**found):
    return ['counts', {'gpu': {name.replace('_', '-'): count for name, count in found.items()}}]


class RunTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_it(self, *steps, limit=60, excuse=None, **variables):
        """{title of a test: (verdict, reason)} of a run"""
        kept = {name: os.environ[name] for name in ('PATH', 'HOME') if name in os.environ}
        with mock.patch.dict(os.environ, kept | variables, clear=True):
            settings = run_guest.Settings()
        report = results.Report(True, '', expectations.Expectations(folder='/nowhere'))
        with mock.patch.dict(os.environ, {'FAKE_QEMU': json.dumps(steps)}), \
                mock.patch('builtins.print'):
            guest = run_guest.Guest([sys.executable, os.path.join(HERE, 'fake_qemu.py')],
                                    self.folder, report, settings, [], excuse)
            self.addCleanup(guest.close)
            self.addCleanup(guest.kill)
            in_time = guest.run(limit)
            guest.end()
            run_guest.judge(guest, self.folder, limit, in_time)
            self.status = run_guest.close(guest, self.folder, 'test')
        self.again = guest.again
        self.result = results.read(self.folder)
        return {results.title(test): (test['verdict'], test['reason'])
                for test in self.result['tests']}

    def failures(self, *steps, **options):
        return {name: reason for name, (verdict, reason) in self.run_it(*steps, **options).items()
                if verdict == 'not ok'}


class WholeRunTest(RunTest):

    def test_passes(self):
        found = self.run_it(counts(), *START, ['port', PROGRAM], *END)
        self.assertEqual(self.status, project.PASS)
        self.assertEqual(set(found), {
            'panthor: initialized', 'canary: a job', 'canary: no bad line in the kernel log',
            'run: the guest powers off', 'run: no violation',
            'run: device.log has what the device has counted'})

    def test_schema(self):
        """Of a run with findings, whose host was looked at"""
        self.run_it(counts(change_outside_lock=1, note_lost=1), *START, ['log', VIOLATION],
                    ['log', NOTE], ['port', PROGRAM], *END)
        self.assertTrue(self.result['findings'] and self.result['programs'])
        self.assertEqual(result_schema.errors(os.path.join(self.folder, 'result.json')), '')

    def test_powers_off_too_soon(self):
        found = self.failures(counts(), *START, ['power-off'])
        self.assertIn('before its programs were done', found['run: the guest runs to its end'])

    def test_time_out(self):
        found = self.failures(counts(change_outside_lock=1), *START, ['log', VIOLATION], limit=8)
        self.assertEqual(set(found), {'run: ends in time', 'run: no violation'})
        self.assertRegex(found['run: ends in time'],
                         r'^TIMEOUT after 8 s; host: load \d+\.\d on \d+ processors')

    def test_lateness(self):
        """How late the host was stands beside each time-out, and in the result."""
        text = ('@@ begin submit\nok 1 - a\n@@ end submit timeout 60\n'
                '@@ canary submit timeout 10\n@@ log-end submit\n')
        found = self.failures(counts(), *START, ['port', text], *END)
        for name in ('submit: runs to its end', 'submit: a job on a new VM runs afterwards'):
            self.assertRegex(found[name], r'^TIMEOUT after \d+ s; host: load \d')
        self.assertIn('late', self.result['host'])
        self.assertEqual(list(self.result['programs']), ['submit'])
        self.assertIn('# host: load', project.read(os.path.join(self.folder, 'result.tap')))

    def test_stuck(self):
        """Tasks that wait for what nobody does are no matter of time, and the rest is not run."""
        text = ('@@ begin submit\nok 1 - a\n@@ end submit stuck panthor_vm_lock_region\n'
                '@@ log-end submit\n')
        found = self.failures(counts(), *START, ['port', text], *END)
        self.assertEqual(found, {
            'submit: runs to its end': 'STUCK: panthor_vm_lock_region() waits for what nobody '
                                       'does; the other programs did not run'})

    def test_excuse(self):
        """A failure that the kernel's own fault explains has the program run again."""
        text = ('@@ begin fences\nok 1 - a\n{} 2 - b\n1..2\n@@ end fences exit {}\n'
                '@@ canary fences exit 0\n{}@@ log-end fences\n')
        line = '@@ log fences panthor 0.gpu: [drm] job timeout\n'
        excuse = {'line': 'job timeout', 'reason': 'known of old'}
        names = {'fences: a', 'fences: b', 'fences: no bad line in the kernel log'}
        for verdict, log, given, again in (
                ('not ok', line, excuse, True), ('ok', line, excuse, True),
                ('not ok', '', excuse, False), ('ok', '', excuse, False),
                ('not ok', line, None, False)):
            found = self.run_it(counts(), *START,
                                ['port', text.format(verdict, int(verdict != 'ok'), log)], *END,
                                excuse=given)
            self.assertEqual(self.again, ['fences'] if again else [])
            self.assertEqual(names & set(found), set() if again else names)
            said = project.read(os.path.join(self.folder, 'result.tap'))
            self.assertEqual('# fences runs again, alone: known of old\n' in said, again)
            if again:
                self.assertEqual('# not counted: fences: b: ' in said, verdict != 'ok')

    def test_no_panthor(self):
        found = self.failures(counts(), ['console', 'Linux\r\n'], ['port', '@@ no-panthor 20\n'],
                              *END)
        self.assertRegex(found['panthor: initialized'],
                         r'^TIMEOUT: no render node after 20 s; host: load')

    def test_lost(self):
        self.run_it(counts(note_lost=1), *START,
                    ['log', NOTE.replace('dropped', 'lost')],
                    ['log', 'mali_csf_lost gpu lock-at-update times 1\n'], *END)
        self.assertIn('# 1 findings were lost, since the driver may have given up on a command '
                      'before them: lock-at-update 1',
                      project.read(os.path.join(self.folder, 'result.tap')))

    def test_no_start(self):
        with self.assertRaisesRegex(project.Stop, 'QEMU does not start: QEMU ended with status 3'):
            self.run_it(['exit', 3])


class PanicTest(RunTest):

    PANIC = '[    9.5] Kernel panic - not syncing: sysrq\n'
    END_OF_PANIC = '[    9.6] ---[ end Kernel panic - not syncing: sysrq ]---\n'
    ROOM = '[    0.0] crashkernel reserved: 0x0 - 0x1 (256 MB)\n'
    START_OF_NEXT = '[    9.6] Starting crashdump kernel...\n'

    def waits(self, *lines):
        """Seconds from the last line to the end of the machine; None if it is not ended"""
        guest = mock.Mock(spec=run_guest.Guest, panic=False, after_panic='', crash_kernel=False,
                          program='canary', report=mock.Mock(), settings=mock.Mock(slack=2))
        for line in lines:
            run_guest.Guest.console_line(guest, line.strip())
        deadline = run_guest.Guest.panic_deadline(guest)
        return deadline and round(deadline - guest.last_line, 3)

    def test_when(self):
        self.assertIsNone(self.waits(self.ROOM))
        self.assertEqual(self.waits(self.PANIC), run_guest.PANIC_SECONDS)
        # A crash kernel may take a while to start; if there is none, the kernel says its end.
        self.assertEqual(self.waits(self.ROOM, self.PANIC), 2 * run_guest.CRASH_KERNEL_SECONDS)
        self.assertEqual(self.waits(self.ROOM, self.PANIC, self.END_OF_PANIC),
                         run_guest.PANIC_SECONDS)
        self.assertIsNone(self.waits(self.ROOM, self.PANIC, self.START_OF_NEXT))

    def test_ends(self):
        with mock.patch.object(run_guest, 'PANIC_SECONDS', 0.2):
            found = self.failures(counts(), *START, ['console', self.PANIC])
        self.assertEqual(list(found), ['kernel: no panic'])

    def test_crash_kernel_starts(self):
        with mock.patch.object(run_guest, 'PANIC_SECONDS', 0.2):
            found = self.run_it(
                counts(), *START, ['console', self.ROOM + self.PANIC + self.START_OF_NEXT],
                ['wait', 1], ['port', PROGRAM + '@@ done\n'], ['power-off'])
        self.assertEqual(found['canary: a job'], ('ok', ''))
        self.assertEqual(found['kernel: no panic'][0], 'not ok')


class ConsoleTest(RunTest):
    """A guest without a second serial port"""

    def test_results(self):
        found = self.run_it(
            counts(), ['console', '[    0.1] Linux\r\n[    0.2] half a li\n@@ console\n'],
            ['console', '@@ panthor\n@@ begin canary\n#@ request nonsense\n'],
            ['answer', 'console'],
            ['console', 'ok 1 - a job\n1..1\n[    1.5] ok 2 - the kernel says\n'
                        '@@ end canary exit 0\n@@ log-end canary\n@@ done\n'], ['power-off'])
        self.assertEqual(found['canary: a job'], ('ok', ''))
        self.assertEqual(self.status, project.PASS)
        self.assertNotIn('canary: the kernel says', found)
        self.assertIn('# the guest has no second serial port',
                      project.read(os.path.join(self.folder, 'result.tap')))


class FindingsTest(RunTest):
    """What the device has counted and what its log says are the same, or the run fails."""

    def test_both(self):
        found = self.failures(counts(change_outside_lock=2, note_dropped=1), *START,
                              ['log', VIOLATION + NOTE + VIOLATION], ['port', PROGRAM], *END)
        self.assertEqual(found, {'run: no violation': 'change-outside-lock 2'})
        self.assertEqual(self.result['counted'], {'change-outside-lock': 2, 'note-dropped': 1})

    def test_repeated(self):
        log = VIOLATION + VIOLATION.replace('violation', 'repeated')[:-1] + ' times 4\n'
        found = self.failures(counts(change_outside_lock=5), *START, ['log', log], *END)
        self.assertEqual(found, {'run: no violation': 'change-outside-lock 5'})

    def test_allowed(self):
        steps = [['port', '@@ begin inject\n#@ allow-violation change-outside-lock\n'
                          '#@ request nonsense\n'], ['answer'], ['log', VIOLATION],
                 ['port', 'ok 1 - a\n1..1\n@@ end inject exit 0\n@@ log-end inject\n']]
        self.assertEqual(self.failures(counts(change_outside_lock=1), *START, *steps, *END), {})
        self.assertEqual([row['allowed'] for row in self.result['findings']], [True])

    def test_time_before_it(self):
        """-msg timestamp=on"""
        log = '27138@1795976313.499697:' + VIOLATION
        found = self.failures(counts(change_outside_lock=1), *START, ['log', log], *END)
        self.assertEqual(found, {'run: no violation': 'change-outside-lock 1'})

    def test_device_without_id(self):
        log = VIOLATION.replace(' gpu ', ' /machine/peripheral-anon/device[1] ')
        found = self.failures(counts(change_outside_lock=1), *START, ['log', log], *END)
        self.assertEqual(found, {'run: no violation': 'change-outside-lock 1'})

    def test_missing_in_the_log(self):
        """-D elsewhere, a full disk, an event that is switched off"""
        found = self.failures(counts(change_outside_lock=4), *START, ['log', VIOLATION], *END)
        self.assertEqual(found, {
            'run: no violation': 'change-outside-lock 1, change-outside-lock 3, which device.log '
                                 'lacks',
            'run: device.log has what the device has counted':
                'change-outside-lock: the device counted 4, device.log has 1'})

    def test_no_log(self):
        found = self.failures(counts(note_dropped=1), *START, *END)
        self.assertEqual(found, {'run: device.log has what the device has counted':
                                 'note-dropped: the device counted 1, device.log has 0'})

    def test_too_much_in_the_log(self):
        found = self.failures(counts(), *START, ['log', NOTE], *END)
        self.assertEqual(list(found), ['run: device.log has what the device has counted'])

    def test_line_that_is_not_understood(self):
        for line in ('mali_csf_violation gpu change-outside-lock in 1\n', VIOLATION[:-9],
                     'mali_csf_violation_again 3\n', 'mali_csf_note\n',
                     VIOLATION.replace('violation', 'repeated'),
                     VIOLATION[:-1] + ' times 2\n'):
            found = self.failures(counts(), *START, ['log', line], *END)
            self.assertIn('cannot be read', found['run: device.log has what the device has '
                                                  'counted'], line)
            os.remove(os.path.join(self.folder, 'device.log'))

    def test_two_gpus(self):
        found = self.failures(
            ['counts', {'gpu': {'change-outside-lock': 1}, 'gpu2': {'change-outside-lock': 1}}],
            *START, ['log', VIOLATION], *END)
        self.assertIn('the device counted 2, device.log has 1',
                      found['run: device.log has what the device has counted'])

    def test_qemu_dies(self):
        for step, text in ((['signal', signal.SIGKILL], 'QEMU was ended by SIGKILL'),
                           (['signal', signal.SIGXFSZ], 'as large as "ulimit -f" lets it be'),
                           (['exit', 0], 'the guest powered off, or was reset')):
            found = self.failures(counts(), *START, step)
            self.assertIn('QEMU has ended by itself',
                          found['run: device.log has what the device has counted'])
            self.assertIn(text, found['run: the guest runs to its end'])

    def test_stopped_by_the_checker(self):
        found = self.failures(counts(change_outside_lock=1), *START, ['log', VIOLATION], ['stop'],
                              STRICT='stop')
        self.assertEqual(found, {'run: no violation': 'change-outside-lock 1'})

    def test_off(self):
        found = self.run_it(*START, *END, STRICT='off')
        self.assertNotIn('run: no violation', found)


class FullLogTest(RunTest):
    """What a guest writes for ever ends at LOG_MB, and the run says so."""

    MANY = 40000    # lines of 36 bytes: more than a MiB, less than two

    def size(self, name):
        return os.path.getsize(os.path.join(self.folder, name))

    def remarks(self):
        return [line for line in project.read(os.path.join(self.folder, 'result.tap')).splitlines()
                if line.startswith('# ') and 'LOG_MB=' in line]

    def test_console(self):
        text = '[    1.0] a line of the console log\n'
        found = self.failures(counts(), *START, ['console', text, self.MANY], ['port', PROGRAM],
                              *END, LOG_MB='1')
        self.assertEqual(found, {})
        self.assertLess(self.size('console.log'), (1 << 20) + 100)
        self.assertIn('the guest has said more',
                      project.read(os.path.join(self.folder, 'console.log')).splitlines()[-1])
        self.assertEqual(len(self.remarks()), 1)
        self.assertIn('console.log ends at 1 MiB', self.remarks()[0])

    def test_console_is_read_on(self):
        """What is not written is looked at all the same."""
        text = '[    1.0] a line of the console log\n'
        found = self.failures(counts(), *START, ['console', text, self.MANY],
                              ['console', PanicTest.PANIC + PanicTest.END_OF_PANIC], LOG_MB='1')
        self.assertEqual(list(found), ['kernel: no panic'])

    def test_qemu(self):
        found = self.failures(counts(), *START, ['print', 'a line that QEMU prints itself 12345\n',
                                                 self.MANY], ['port', PROGRAM], *END, LOG_MB='1')
        self.assertEqual(found, {})
        self.assertEqual(self.size('qemu.log'), 1 << 20)
        self.assertIn('qemu.log ends at 1 MiB', self.remarks()[0])

    def test_device(self):
        """Beyond the limit only findings, and what is lost of them, which are all there"""
        found = self.failures(counts(change_outside_lock=2), *START, ['log', VIOLATION],
                              ['log', 'mali_csf_walk gpu as 1 a line of the log\n', self.MANY],
                              ['orders', 6], ['log', VIOLATION],
                              ['log', 'mali_csf_lost gpu wide-lock times 3\n'],
                              ['port', PROGRAM], *END, LOG_MB='1')
        self.assertEqual(found, {'run: no violation': 'change-outside-lock 2'})
        orders = json.loads(project.read(os.path.join(self.folder, 'orders')))
        self.assertEqual(orders, [
            ['trace-event-set-state', '*', False],
            ['trace-event-set-state', 'mali_csf_violation', True],
            ['trace-event-set-state', 'mali_csf_note', True],
            ['trace-event-set-state', 'mali_csf_repeated', True],
            ['trace-event-set-state', 'mali_csf_lost', True],
            ['human-monitor-command', 'log trace']])
        self.assertEqual(len(self.remarks()), 1)
        self.assertIn('nothing but what the checker finds', self.remarks()[0])
        self.assertIn('wide-lock 3', project.read(os.path.join(self.folder, 'result.tap')))

    def test_device_ends(self):
        found = self.failures(counts(change_outside_lock=9), *START,
                              ['log', VIOLATION, self.MANY], ['orders', 7], *END, LOG_MB='1')
        self.assertIn('device.log ends at 2 MiB',
                      found['run: device.log has what the device has counted'])
        orders = json.loads(project.read(os.path.join(self.folder, 'orders')))
        self.assertEqual(orders[-1], ['human-monitor-command', 'log none'])

    def test_nothing_said_below_it(self):
        self.run_it(counts(), *START, ['log', NOTE], ['port', PROGRAM], *END, LOG_MB='1')
        self.assertEqual(self.remarks(), [])

    def test_size(self):
        for text in ('0', '-1', '1G', '9' * 20):
            with mock.patch.dict(os.environ, {'LOG_MB': text}), \
                    self.assertRaisesRegex(project.Stop, 'LOG_MB='):
                run_guest.Settings()


class ArgumentsTest(unittest.TestCase):

    def test_log_items(self):
        self.assertEqual(run_guest.split_log_items(['-d', 'int', '-m', '1G', '--d', 'mmu']),
                         (['-m', '1G'], ['int', 'mmu']))
        self.assertEqual(run_guest.split_log_items(['-smp', '1', '-d']), (['-smp', '1', '-d'], []))


if __name__ == '__main__':
    unittest.main()
