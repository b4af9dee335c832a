# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of models and kernels, and the history of regions."""

import os
import re
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.check import check_matrix  # noqa: E402
from malicsf.run import expectations, region_history, results  # noqa: E402

LOG = b'''mali_csf_as_update gpu as 1 transtab 0x1000 transcfg 0x6
mali_csf_as_command gpu as 1 LOCK lockaddr 000000000042000f
mali_csf_as_lock gpu as 1 0x420000..0x42ffff
mali_csf_as_command gpu as 1 LOCK lockaddr 0000000000400014
mali_csf_as_lock gpu as 1 0x400000..0x5fffff
mali_csf_as_stall gpu as 1 va 0x450000
mali_csf_as_changed gpu as 1 0x400000..0x5fffff
mali_csf_as_command gpu as 1 UNLOCK lockaddr 0000000000400014
mali_csf_violation gpu change-outside-lock as 1 va 0x0-0xfff expected 0x0 seen 0x1
'''


class ShardTest(unittest.TestCase):

    def cells(self, sensible=False, **variables):
        with mock.patch.dict(os.environ, variables):
            return [cell.name for cell in check_matrix.choose(sensible)]

    def test_shards_are_a_partition(self):
        every = self.cells()
        parts = [self.cells(SHARD=f'{i}/3') for i in (1, 2, 3)]
        self.assertEqual(sorted(sum(parts, [])), sorted(every))
        self.assertTrue(all(parts))

    def test_bad_shard(self):
        for text in ('0/3', '4/3', '3', 'a/b'):
            with self.assertRaisesRegex(project.Stop, 'SHARD='):
                self.cells(SHARD=text)

    def test_bad_model(self):
        with self.assertRaisesRegex(project.Stop, 'valid: .*g610'):
            self.cells(MODELS='g611')

    def test_sensible_is_a_row_and_a_column(self):
        table = project.config('matrix')
        self.assertEqual(len(self.cells(sensible=True)),
                         len(table['models']) + len(table['kernels']) - 1)

    def test_variables_of_a_kernel(self):
        with mock.patch.dict(os.environ, {'SLACK': '9'}):
            os.environ.pop('QEMU_ARGS', None)
            self.assertEqual(check_matrix.variables_of('6.12'), ['QEMU_ARGS=-icount shift=2'])
            self.assertEqual(check_matrix.variables_of('7.3'), [])

    def test_every_model_is_listed(self):
        text = project.read(os.path.join(project.ROOT, 'hw/gpu/mali-csf/models.c'))
        self.assertEqual(sorted(re.findall(r'\.name = "(.*)"', text)),
                         sorted(project.config('matrix')['models']))


class CellTest(unittest.TestCase):

    def collected(self, verdict):
        cell = check_matrix.Cell('g610', '7.3', 'inject')
        report = results.Report(True, '', expectations.Expectations(folder='/nowhere'))
        report.extra['findings'] = [{'kind': 'violation', 'program': 'inject', 'allowed': True,
                                     'name': 'change-outside-lock', 'text': 'violation it is'}]
        with tempfile.TemporaryDirectory() as folder, mock.patch('builtins.print'):
            report.result('ok', 'canary: a job')
            report.result(verdict, 'run: no violation')
            report.write(folder, 'matrix-it', 1.0)
            cell.collect(folder, 'Linux 7.3.4 on QEMU\n', verdict != 'ok')
        return cell

    def test_a_violation_that_a_program_allows(self):
        cell = self.collected('ok')
        self.assertEqual((cell.state, cell.reason), ('ok', ''))
        self.assertEqual((cell.passed, cell.violations, cell.notes), (2, ['it is'], 0))

    def test_a_violation(self):
        cell = self.collected('not ok')
        self.assertEqual((cell.state, cell.reason), ('FAIL', 'run: no violation'))


class PageTest(unittest.TestCase):

    def cell(self, model, **members):
        cell = check_matrix.Cell(model, '7.3', 'quick')
        cell.__dict__.update(members)
        return cell

    def run_of(self, status, line):
        """The cell of a run that ended with a status, without results"""
        cell = self.cell('g610')
        result = mock.Mock(returncode=status, stdout='', stderr=f'error: {line}\n')
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(check_matrix, 'FOLDER', folder), \
                mock.patch.object(check_matrix.Cell, 'folder', lambda *_: folder + '/cell'), \
                mock.patch.object(check_matrix.run_guest.subprocess, 'run', return_value=result):
            cell.run('stamp')
        return cell.state, cell.reason

    def test_cannot_test(self):
        for line in ('kernel 7.1 is UNAVAILABLE: no such kernel', '3 GiB free, 4 GiB needed'):
            self.assertEqual(self.run_of(project.CANNOT_TEST, line), ('UNAVAILABLE', line))
        self.assertEqual(self.run_of(project.USAGE, 'MEM=x'), ('FAIL', 'MEM=x'))

    def test_index(self):
        long = 'because ' * 40
        about = {'date': '2026-11-30 10:00 UTC', 'commit': 'abc', 'qemu': '10.0.13', 'host': 'a <b>'}
        cells = [self.cell('g610', state='ok', about=about, passed=3),
                 self.cell('g720', state='ok', about=dict(about, date='2026-12-01 09:00 UTC',
                                                          commit='def')),
                 self.cell('g310', state='UNAVAILABLE', reason=long + 'end')]
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(check_matrix, 'FOLDER', folder):
            check_matrix.write_index(cells)
            page = project.read(os.path.join(folder, 'index.html'))
        self.assertIn(long + 'end', page)
        for row in (('date', '2026-11-30 10:00 UTC to 2026-12-01 09:00 UTC'),
                    ('commit', 'abc, def'), ('QEMU', '10.0.13'), ('host', 'a &lt;b&gt;')):
            self.assertIn('<td>{}</td><td>{}</td>'.format(*row), page)
        self.assertIn('<td class="UNAVAILABLE">', page)
        self.assertIn('.UNAVAILABLE{background:#edf2f7}', check_matrix.pages.STYLE)


class HistoryTest(unittest.TestCase):

    def test_expansion(self):
        spaces = region_history.read(LOG.splitlines(True), [(0, 'expand')])
        self.assertEqual(list(spaces), [('gpu', 1)])
        update, locked, after = [episode for _, episode in spaces['gpu', 1]]
        self.assertFalse(update.locked)
        self.assertEqual([kind for kind, _ in locked.steps],
                         ['lock', 'expand', 'stall', 'changed'])
        self.assertEqual(locked.steps[0][1], '0x420000+64K')
        self.assertEqual(locked.ended, 'UNLOCK')
        self.assertEqual(after.steps[0][0], 'violation')

    def test_two_devices(self):
        log = LOG + LOG.replace(b' gpu ', b' /machine/peripheral-anon/device[1] ')
        spaces = region_history.read(log.splitlines(True))
        self.assertEqual([len(episodes) for episodes in spaces.values()], [3, 3])
        self.assertIn('/device[1]: address space 1', region_history.page_part(spaces))

    def test_page(self):
        page = region_history.page_part(region_history.read(LOG.splitlines(True)))
        self.assertIn('0x400000+2M', page)
        self.assertIn('change-outside-lock', page)


if __name__ == '__main__':
    unittest.main()
