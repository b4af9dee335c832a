# SPDX-License-Identifier: GPL-2.0-or-later
"""What make check-patch runs for a patch, and what it says of where the driver was."""

import os
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.build import build_panthor, initramfs  # noqa: E402
from malicsf.lane import check_patch, map_reach, sides, touched  # noqa: E402

SOURCE = '''#include "x.h"

static int one(int a)
{
\treturn a;
}

/* two() is told apart from what only names it */
static struct thing *two(struct thing *a,
\t\t\t int b)
{
\tb++;
\treturn one(b) ? a : NULL;
}

static const int table[] = { 1 };
'''
OOPS = '''Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010
CPU: 0 UID: 0 PID: 99 Comm: kworker/0:1
pc : group_bind_locked+0x20/0x90 [panthor]
lr : tick_work+0x44/0x800 [panthor]
Call trace:
 group_bind_locked+0x20/0x90 [panthor] (P)
 tick_ctx_apply.isra.0+0x10/0x600 [panthor]
 process_one_work+0x170/0x400
---[ end trace 0000000000000000 ]---
 another_one+0x1/0x2 [panthor]'''.splitlines()


class ChangedTest(unittest.TestCase):

    def changed(self, old, new):
        with tempfile.TemporaryDirectory() as folder:
            trees = []
            for name, text in (('a', old), ('b', new)):
                trees.append(os.path.join(folder, name))
                path = os.path.join(trees[-1], build_panthor.DRIVER)
                os.makedirs(path)
                project.write(os.path.join(path, 'x.c'), text)
                project.write(os.path.join(path, 'same.c'), SOURCE)
            return [tuple(found) for found in touched.changed(*trees)]

    def test_function(self):
        self.assertEqual(self.changed(SOURCE, SOURCE.replace('b++', 'b--')), [('two', 'x.c', 12)])

    def test_several(self):
        new = SOURCE.replace('return a', 'return -a').replace('b++', 'b--')
        self.assertEqual([row[0] for row in self.changed(SOURCE, new)], ['one', 'two'])

    def test_new_and_gone(self):
        new = SOURCE.replace(' one(', ' three(')
        self.assertEqual({row[0] for row in self.changed(SOURCE, new)}, {'one', 'two', 'three'})

    def test_outside(self):
        self.assertEqual(self.changed(SOURCE, SOURCE.replace('{ 1 }', '{ 2 }')), [('', 'x.c', 16)])

    def test_nothing(self):
        self.assertEqual(self.changed(SOURCE, SOURCE), [])


class ChoiceTest(unittest.TestCase):

    def test_files(self):
        usual = check_patch.tests_for(()).split()
        self.assertEqual(check_patch.tests_for({'panthor_devfreq.c'}).split(), usual)
        mmu = check_patch.tests_for({'panthor_mmu.c'}).split()
        self.assertEqual(set(mmu) - set(usual),
                         {'fail-nth--calls', 'hung-lock', 'pairs', 'protected', 'spaces', 'uapi'})
        self.assertIn('unplug', check_patch.tests_for({'panthor_pwr.c'}).split())
        order = [name for row in initramfs.listed_programs() for name in (row[0], row[0] + row[3])]
        self.assertEqual(mmu, sorted(mmu, key=order.index))
        both = check_patch.tests_for({'panthor_fw.c', 'panthor_device.h'}).split()
        self.assertEqual(len(both), len(set(both)))

    def test_skipped(self):
        """What stock skips a part of may take its whole time with a patch."""
        run = mock.Mock(folder='x', tests='submit protected')
        found = {'tests': [{'program': 'submit', 'verdict': 'ok'},
                           {'program': 'protected', 'verdict': 'skip'}]}
        seconds = {row[0]: row[2] for row in initramfs.programs()}
        with mock.patch.object(sides.results, 'read', return_value=found):
            self.assertEqual(sides.skipped_seconds(run), seconds['protected'])

    def test_programs_exist(self):
        names = {name for row in initramfs.listed_programs() for name in (row[0], row[0] + row[3])}
        for name in check_patch.tests_for({'panthor_mmu.c', 'panthor_fw.c'}).split():
            self.assertIn(name, names)

    def test_models(self):
        self.assertEqual(check_patch.models_for({'d/panthor_sched.c'}, ['g610']), ['g610'])
        self.assertEqual(check_patch.models_for({'d/panthor_pwr.c'}, ['g610']), ['g1-pro'])
        self.assertEqual(check_patch.models_for({'d/panthor_pwr.c', 'd/panthor_hw.c'}, ['g610']),
                         ['g610', 'g1-pro'])

    def test_models_by_words(self):
        def models(text, usual='g610'):
            return check_patch.models_for({'d/panthor_fw.c'}, [usual], text)

        protected = 'g610,protected-size=64M'
        self.assertEqual(models(' DRM_PANTHOR_BO_PROTECTED\n+x\n'), ['g610'])
        self.assertEqual(models('+\tDRM_PANTHOR_BO_PROTECTED = 4,\n'), [protected])
        self.assertEqual(models('-\treq = CSG_EP_REQ_COMPUTE(1);\n'), ['g610', 'g1-ultra'])
        self.assertEqual(models('+endpoint_req DRM_PANTHOR_BO_PROTECTED\n'),
                         [protected, 'g1-ultra'])
        self.assertEqual(models('+DRM_PANTHOR_BO_PROTECTED\n', 'g710'), ['g710', protected])

    def test_models_exist(self):
        lane = project.config('guest')['lane']
        for model in (*lane['models'].values(), *lane['words'].values()):
            self.assertIn(model.partition(',')[0], project.config('matrix')['models'])

    def touched(self, names, budget, usual=('c', 'b')):
        seconds = {'a': 2.0, 'b': 1.0, 'c': 4.0}
        reach = {'rare': ['a'], 'common': ['a', 'b', 'c']}
        functions = [touched.Function(name, 'x.c', 1) for name in names]
        return touched.chosen(functions, usual, budget, (seconds, reach))

    def test_touched(self):
        # What few programs reach counts more; the usual ones fill what is left.
        self.assertEqual(self.touched(['rare'], 10), ['a', 'c', 'b'])
        self.assertEqual(self.touched(['rare'], 3), ['a', 'b'])
        self.assertEqual(self.touched(['common'], 10), ['b', 'a', 'c'])
        self.assertEqual(self.touched(['not in the map'], 10), ['c', 'b'])

    def test_map(self):
        """It names programs that there are, and functions that one would look for."""
        seconds, reach = touched.load()
        names = {row[0] + row[3].replace(' ', '-') for row in initramfs.listed_programs()}
        self.assertLessEqual({name for programs in reach.values() for name in programs}, names)
        self.assertIn('heap', reach['panthor_heap_grow'])
        self.assertGreater(seconds['submit'], 0)

    def test_made(self):
        text = map_reach.text_of(map_reach.reached(
            '@@ reached submit one\n@@ reached heap one\n@@ reached heap two\nreached x y\n'),
            {'heap': 1.25})
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'map')
            project.write(path, text)
            self.assertEqual(touched.load(path),
                             ({'heap': 1.2}, {'one': ['submit', 'heap'], 'two': ['heap']}))


class PlaceTest(unittest.TestCase):

    def test_changed_function(self):
        functions = [touched.Function('tick_ctx_apply', 'panthor_sched.c', 2345)]
        self.assertEqual(check_patch.place_of(OOPS, functions),
                         ', in tick_ctx_apply(), which the patch changes at panthor_sched.c:2345')

    def test_other_function(self):
        self.assertEqual(check_patch.place_of(OOPS, []), ', in group_bind_locked()')

    def test_unknown(self):
        self.assertEqual(check_patch.place_of(['WARNING: lib/refcount.c:25'], []), '')
        functions = [touched.Function('another_one', 'x.c', 1)]
        self.assertEqual(check_patch.place_of(OOPS, functions), ', in group_bind_locked()')


if __name__ == '__main__':
    unittest.main()
