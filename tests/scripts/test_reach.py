# SPDX-License-Identifier: GPL-2.0-or-later
"""What check-reach finds in a driver's source and in the log of a run."""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.check import check_reach  # noqa: E402

SOURCE = '''\
#define COMPLAIN(x) drm_err(x, "in a macro")
/* drm_err(x, "in a comment") */
static const struct ops ops = { .open = first };

static int first(struct device *dev)
{
\tdrm_err(&dev->base, "Slot %d ("
\t\t"of 0x%llx) is lost\\n", slot(dev), 1ULL);
\tdrm_info(&dev->base, "not an error");
}

static struct long_name *
second(void)
{
\tif (drm_WARN_ON(&dev->base,
\t\t\ta != b))
\t\treturn;
\tdrm_warn(&dev->base, "same");
}

int declared(void);

void third(void) __must_hold(lock)
{
\tdrm_warn(&dev->base, "same");
\tdrm_warn(&dev->base, "same");
\tpr_err("%s\\n", text);
}
'''

CONSOLE = '''\
[    1.000000] panthor gpu: [drm] same
@@ begin submit
[    2.000000] panthor gpu: [drm] *ERROR* Slot 3 (of 0x1f) is lost
@@ end submit exit 0
@@ reached submit first
@@ begin fault
[    3.000000] WARNING: CPU: 0 PID: 7 at drivers/gpu/drm/panthor/panthor_x.c:16 second+0x4/0x8
[    4.000000] panthor gpu: [drm] same
@@ reached fault second
@@ count first 12
@@ count second 1
@@ count third 0
@@ count fourth absent
@@ done
'''


class SourceTest(unittest.TestCase):

    def setUp(self):
        self.rows = check_reach.messages('panthor_x.c', SOURCE)

    def test_functions(self):
        text = check_reach.without_comments(SOURCE)
        self.assertEqual([name for _, name in check_reach.definitions(text)],
                         ['first', 'second', 'third'])

    def test_messages(self):
        self.assertEqual([(row.kind, row.name, row.lines) for row in self.rows], [
            ('drm_err', 'first: Slot %d (of 0x%llx) is lost', (7, 8)),
            ('drm_WARN_ON', 'second: &dev->base, a != b', (15, 16)),
            ('drm_warn', 'second: same', (18, 18)),
            ('drm_warn', 'third: same', (25, 25)),
            ('drm_warn', 'third: same (2)', (26, 26)),
            ('pr_err', 'third: %s', (27, 27)),
        ])

    def test_nothing_fixed(self):
        self.assertIsNone(self.rows[5].pattern)
        self.assertFalse(self.rows[5].meets('[    1.000000] anything'))

    def test_conversions(self):
        pattern = check_reach.pattern_of(r'at %-8s: %pe, 100%% of %#08lx\nsecond line')
        self.assertTrue(pattern.search('at gpu     : -EINVAL, 100% of 0x12'))
        self.assertFalse(pattern.search('at gpu'))


class ReachTest(unittest.TestCase):

    def setUp(self):
        log = check_reach.Log()
        self.assertTrue(log.add(CONSOLE))
        functions = dict.fromkeys(['first', 'second', 'third', 'fourth', 'inlined'], 'panthor_x.c')
        self.reach = check_reach.Reach(
            functions, check_reach.messages('panthor_x.c', SOURCE),
            {'first', 'second', 'third', 'fourth'}, log)

    def test_functions(self):
        self.assertEqual(list(self.reach.counted), ['first', 'second', 'third'])
        self.assertEqual(self.reach.unreached()[0], ['third'])

    def test_messages(self):
        # "same" in the function that ran, and not in the one that did not
        self.assertEqual({row.name: row.programs for row in self.reach.messages if row.programs}, {
            'first: Slot %d (of 0x%llx) is lost': ['submit'],
            'second: &dev->base, a != b': ['fault'],
            'second: same': ['start', 'fault'],
        })

    def test_compare(self):
        reasons = check_reach.known('''
            [[group]]
            reason = "a reason"
            functions = ["third"]
            messages = ["third: same", "third: same (2)", "second: same", "gone: away"]
            [[group]]
            reason = "another kernel"
            kernels = ["6.12"]
            messages = ["third: %s"]
            ''', '7.3')
        self.assertEqual(check_reach.compare(self.reach, reasons),
                         (['third: %s'], ['second: same'], ['gone: away']))

    def test_all_warnings(self):
        self.reach.messages[1].programs.clear()
        listed = ['third', 'third: same', 'third: same (2)', 'third: %s']
        reasons = dict.fromkeys(listed, 'a reason')
        self.assertEqual(check_reach.compare(self.reach, reasons)[0],
                         ['second: &dev->base, a != b'])
        reasons |= check_reach.known('[[group]]\nreason = "r"\nwarnings = true', '7.3')
        self.assertEqual(check_reach.compare(self.reach, reasons), ([], [], []))

    def test_text(self):
        text = self.reach.text({'third': 'a reason'})
        self.assertIn('2 of 3 functions reached, 3 of 6 messages provoked', text)
        self.assertRegex(text, 'third +a reason')
        self.assertRegex(text, 'panthor_x.c:27: pr_err third: %s\n +NOT LISTED')
        self.assertRegex(text, r'first +12 submit')

    def test_second_run(self):
        log = self.reach.log
        self.assertTrue(log.add(CONSOLE.replace('count third 0', 'count third 3')
                                .replace('reached fault second', 'reached fault third'), 'g1/'))
        self.assertEqual((log.calls['first'], log.calls['third'], log.calls['fourth']),
                         (24, 3, None))
        self.assertEqual((log.first['second'], log.first['third']), ('fault', 'g1/fault'))

    def test_no_end(self):
        self.assertFalse(check_reach.Log().add(CONSOLE.replace('@@ done', '')))

    def test_architecture_14(self):
        self.assertEqual(list(check_reach.runs_of({'f': 'panthor_gpu.c'}, 'x')),
                         ['all', 'two-gpus'])
        self.assertEqual(list(check_reach.runs_of({'f': 'panthor_pwr.c'}, 'x')),
                         ['all', 'two-gpus', 'arch14'])


class KnownTest(unittest.TestCase):

    def refused(self, text, message):
        with self.assertRaisesRegex(project.Stop, message) as caught:
            check_reach.known(text, '7.3')
        self.assertEqual(caught.exception.status, project.USAGE)

    def test_no_reason(self):
        self.refused('[[group]]\nfunctions = ["a"]', 'no reason')

    def test_other_key(self):
        self.refused('[[group]]\nreason = "r"\nfunction = ["a"]', 'not function')

    def test_twice(self):
        self.refused('[[group]]\nreason = "r"\nfunctions = ["a", "a"]', '"a" twice')

    def test_file(self):
        for kernel in check_reach.KERNELS:
            for reason in check_reach.known(project.read(check_reach.UNREACHED), kernel).values():
                self.assertTrue(re.search(r'\w', reason))


if __name__ == '__main__':
    unittest.main()
