# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs of stock that make check-patch keeps: what they are known by, and when they count."""

import contextlib
import io
import json
import os
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.lane import check_patch, kept_stock, sides  # noqa: E402
from malicsf.settings import SETTINGS  # noqa: E402

HOST = {'waited': 0.1, 'steal': 0.0, 'lag': 0.0, 'load': 1.0, 'processors': 2, 'icount': False,
        'seconds': 10.0, 'used': 8.0, 'late': False, 'text': 'host: load 1.0 on 2 processors'}
INITIALIZED = ('panthor', 'initialized', 'ok')


def result(*tests, findings=(), programs=None):
    return {'format': 1, 'name': 'x', 'seconds': 30.0, 'about': {}, 'host': HOST,
            'programs': programs or {'submit': HOST}, 'findings': list(findings),
            'tests': [{'program': program, 'name': name, 'verdict': verdict, 'reason': '',
                       'seconds': 0.1, 'details': []}
                      for program, name, verdict in (INITIALIZED, *tests)]}


def written(folder, *tests, console='', **members):
    """The folder of a run that has ended"""
    project.write(os.path.join(folder, 'result.json'), json.dumps(result(*tests, **members)))
    project.write(os.path.join(folder, 'console.log'), console)
    project.write(os.path.join(folder, 'device.log'), '')
    return folder


class KeptTest(unittest.TestCase):

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(mock.patch.object(kept_stock, 'FOLDER',
                                            os.path.join(self.folder, 'kept')))

    def path(self, name, text=''):
        path = os.path.join(self.folder, name)
        project.write(path, text)
        return path

    def key(self, module='a', qemu='a', image='a', archive='a', tests='submit', **about):
        settings = types.SimpleNamespace(expectations='', cpu='max',
                                         about=lambda: {'model': 'g610'} | about)
        prepared = (types.SimpleNamespace(binary=self.path('qemu', qemu)),
                    types.SimpleNamespace(image=self.path('Image', image), label='7.3',
                                          version='7.3.4'),
                    [self.path('archive', archive)])
        return kept_stock.key(prepared, self.path('panthor.ko', module), tests, settings)

    def test_key(self):
        keys = [self.key(), self.key(module='b'), self.key(qemu='b'), self.key(image='b'),
                self.key(archive='b'), self.key(tests='fault'), self.key(model='g310'),
                self.key(slack='2')]
        self.assertEqual(len(set(keys)), len(keys))
        self.assertEqual(self.key(), keys[0])
        self.assertTrue(keys[0].startswith('7.3-'))

    def test_key_of_scripts(self):
        before = self.key()
        self.enterContext(mock.patch.object(kept_stock, 'SCRIPTS', self.folder))
        os.makedirs(os.path.join(self.folder, 'run'))
        self.assertNotEqual(self.key(), before)

    def test_kept_and_found(self):
        self.assertIsNone(kept_stock.find('k', 'submit'))
        kept_stock.keep(written(os.path.join(self.folder, 'run'), ('submit', 'x', 'ok')), 'k')
        found = kept_stock.find('k', 'submit')
        self.assertEqual([row[1] for row in found.results], ['panthor: initialized', 'submit: x'])
        self.assertTrue(found.kept)
        self.assertEqual(found.seconds, 30)

    def test_first_one_counts(self):
        kept_stock.keep(written(os.path.join(self.folder, 'a'), ('submit', 'a', 'ok')), 'k')
        kept_stock.keep(written(os.path.join(self.folder, 'b'), ('submit', 'b', 'ok')), 'k')
        self.assertEqual(kept_stock.find('k', 'submit').results[-1][1], 'submit: a')
        self.assertEqual(os.listdir(kept_stock.FOLDER), ['k'])

    def test_no_room(self):
        run = written(os.path.join(self.folder, 'run'))
        with mock.patch.object(kept_stock.shutil, 'copy', side_effect=OSError(28, 'no space')):
            kept_stock.keep(run, 'k')
        self.assertIsNone(kept_stock.find('k', 'submit'))
        self.assertEqual(os.listdir(kept_stock.FOLDER), [])

    def test_damaged(self):
        kept_stock.keep(written(os.path.join(self.folder, 'run')), 'k')
        project.write(os.path.join(kept_stock.FOLDER, 'k/result.json'), '{"format": 1')
        self.assertIsNone(kept_stock.find('k', 'submit'))
        self.assertEqual(os.listdir(kept_stock.FOLDER), [])

    def test_as_many_as_are_used(self):
        run = written(os.path.join(self.folder, 'run'))
        for number in range(kept_stock.MOST + 3):
            kept_stock.keep(run, f'k{number}')
            os.utime(os.path.join(kept_stock.FOLDER, f'k{number}'), (number, number))
            if number == 0:
                continue
            kept_stock.find('k0', 'submit')
        self.assertEqual(len(os.listdir(kept_stock.FOLDER)), kept_stock.MOST)
        self.assertIn('k0', os.listdir(kept_stock.FOLDER))
        self.assertNotIn('k1', os.listdir(kept_stock.FOLDER))


class SoundTest(unittest.TestCase):

    def sound(self, *tests, findings=(), stopped=None):
        with tempfile.TemporaryDirectory() as folder:
            run = sides.Run('stock', written(folder, *tests, findings=findings), 'submit')
            run.stopped = stopped
            run.collect()
            return run.sound()

    def finding(self, **members):
        return {'kind': 'violation', 'program': 'submit', 'name': 'x', 'times': 1, 'text': 'x',
                'allowed': False} | members

    def test_sound(self):
        self.assertTrue(self.sound(('submit', 'x', 'ok'), ('submit', 'y', 'skip'),
                                   findings=[self.finding(allowed=True)]))
        self.assertFalse(self.sound(('submit', 'x', 'not ok')))
        self.assertFalse(self.sound(findings=[self.finding()]))
        self.assertFalse(self.sound(findings=[self.finding(kind='note', name='note-lost')]))
        self.assertFalse(self.sound(stopped='TIMEOUT'))


class LookTest(unittest.TestCase):
    """With a kept run, stock runs if something differs."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(mock.patch.object(kept_stock, 'FOLDER',
                                            os.path.join(self.folder, 'kept')))
        self.enterContext(mock.patch.object(check_patch, 'in_question',
                                            lambda found, tests: ['submit']))
        self.booted, self.directive = [], '#@ untimed x\n'
        self.enterContext(mock.patch.object(sides, 'Boot', self.boot))
        self.enterContext(contextlib.redirect_stdout(io.StringIO()))
        self.enterContext(mock.patch.object(sides, 'skipped_seconds', lambda run: 0))

    def boot(self, side, module, name, tests, settings):
        self.booted.append((side, tests))
        run = sides.Run(side, written(os.path.join(self.folder, name),
                                      ('submit', 'x', self.verdicts[side]),
                                      console=f'@@ begin submit\n{self.directive}'), tests)
        run.start, run.seconds = 0, 30
        return run

    def look(self, stock, patched):
        self.verdicts = {'stock': stock, 'patched': patched}
        self.booted.clear()
        return check_patch.look(('a', 'b'), 'bind submit', types.SimpleNamespace(slack=1), 'title',
                                'k', [])

    def test_look(self):
        self.look('ok', 'ok')
        self.assertEqual(self.booted, [('stock', 'bind submit'), ('patched', 'bind submit')])
        runs, found = self.look('not ok', 'ok')
        self.assertEqual(self.booted, [('patched', 'bind submit')])
        self.assertTrue(runs[0].kept)
        self.assertEqual(found.differences, [])
        runs, found = self.look('ok', 'not ok')
        self.assertEqual(self.booted, [('patched', 'bind submit'), ('stock', 'submit')])
        self.assertFalse(runs[0].kept)
        self.assertEqual(len(found.differences), 1)
        # Of stock as it is now
        self.assertEqual(self.look('not ok', 'not ok')[1].differences, [])
        # What time may explain runs again, stock as well.
        self.directive = ''
        self.look('ok', 'not ok')
        self.assertEqual(self.booted, [('patched', 'bind submit')])

    def test_again(self):
        self.look('ok', 'ok')
        with mock.patch.object(SETTINGS, 'is_on', lambda name: name == 'AGAIN'):
            self.look('ok', 'ok')
        self.assertEqual(self.booted, [('stock', 'bind submit'), ('patched', 'bind submit')])

    def test_what_is_not_kept(self):
        self.look('not ok', 'ok')
        self.look('not ok', 'ok')
        self.assertEqual([side for side, _ in self.booted], ['stock', 'patched'])


class HalvesTest(unittest.TestCase):

    def parts(self, **seconds):
        with tempfile.TemporaryDirectory() as folder:
            kept = sides.Run('stock', written(folder, programs={
                name: HOST | {'seconds': count} for name, count in seconds.items()}), '')
            rows = [(name, 'quick', 10, '') for name in seconds]
            with mock.patch.object(sides.run_guest, 'choose_programs', lambda tests: rows), \
                    mock.patch.object(sides.os, 'sched_getaffinity', lambda process: {0, 1}):
                return sides.halves('x', kept)

    def test_parts(self):
        self.assertEqual(self.parts(bind=2, submit=20, fault=9, reset=8),
                         ['submit', 'bind fault reset'])
        self.assertEqual(self.parts(bind=2, submit=9, fault=9), ['x'])
        self.assertEqual(self.parts(submit=90), ['submit'])

    def half(self, folder, name, late=False, **members):
        path = os.path.join(folder, name)
        text = f'@@ count panthor_vm_active 3\n@@ count panthor_new absent\n' \
               f'@@ begin {name}\n[    1.000000] said by {name}\n#@ untimed {name}\n'
        written(path, (name, 'x', 'ok'), console=text,
                programs={name: HOST | {'late': late, 'waited': 0.9 * late}}, **members)
        boot = sides.Run('patched', path, name)
        boot.start = 0
        return boot

    def test_sum(self):
        finding = {'kind': 'violation', 'program': 'a', 'name': 'v', 'times': 2, 'text': 'v',
                   'allowed': False}
        with tempfile.TemporaryDirectory() as folder:
            run = sides.Halves([self.half(folder, 'a', findings=[finding]),
                                self.half(folder, 'b', late=True,
                                          findings=[finding | {'program': 'b', 'times': 3}])])
            run.collect()
            self.assertEqual([os.path.basename(path) for path in run.folders], ['a', 'b'])
        self.assertEqual(run.tests, 'a b')
        self.assertEqual([row[1] for row in run.results if row[3]], ['a: x', 'b: x'])
        self.assertEqual(run.kernel_log, [('a', 'said by a'), ('b', 'said by b')])
        self.assertEqual(run.calls, {'panthor_vm_active': '6', 'panthor_new': 'absent'})
        self.assertEqual(run.findings, {'v': 5})
        self.assertEqual([row[:2] for row in run.violations], [('a', 'v'), ('b', 'v')])
        self.assertTrue(run.is_untimed('b', 'b') and run.is_untimed('a', 'a'))
        self.assertFalse(run.late('a'))
        self.assertTrue(run.late('b'))

    def test_one_that_was_stopped(self):
        with tempfile.TemporaryDirectory() as folder:
            boots = [self.half(folder, 'a'), self.half(folder, 'b')]
            boots[1].stop = lambda reason: setattr(boots[1], 'stopped', reason)
            run = sides.Halves(boots)
            run.stop('TIMEOUT')
            run.collect()
        self.assertEqual(run.stopped, 'TIMEOUT')


if __name__ == '__main__':
    unittest.main()
