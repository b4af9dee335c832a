# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of a run: what it says, that it needs nothing else, and that it stays small."""

import html.parser
import json
import os
import re
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.run import report, time_line  # noqa: E402

LOG = b'''mali_csf_as_update gpu as 1 transtab 0x1000 transcfg 0x6
mali_csf_csg_state gpu csg 0 start as 1
mali_csf_cs_state gpu csg 0 cs 1 ready at 0x1000
mali_csf_as_command gpu as 1 LOCK lockaddr 000000000042000f
mali_csf_as_lock gpu as 1 0x420000..0x42ffff
mali_csf_cs_fault_at gpu csg 0 cs 1 va 0x1008 word 0x1500010000010000 STORE_MULTIPLE <r0>
mali_csf_cs_state gpu csg 0 cs 1 fault at 0x1008
mali_csf_cs_fault gpu csg 0 cs 1 fault type 0x5a info 0x2
mali_csf_as_changed gpu as 1 0x400000..0x5fffff
mali_csf_violation gpu change-outside-lock as 1 va 0x400000-0x400fff expected 0x0 seen 0x1
mali_csf_repeated gpu change-outside-lock as 1 va 0x400000-0x400fff expected 0x0 seen 0x1 times 3
mali_csf_as_command gpu as 1 UNLOCK lockaddr 000000000042000f
mali_csf_cs_state gpu csg 0 cs 1 empty at 0x1010
mali_csf_as_fault gpu as 1 va 0x8000 status 0xc4
mali_csf_cs_fault_at gpu csg 0 cs 1 va 0x1010 word 0x1400010000010000 LOAD_MULTIPLE {r1}
mali_csf_csg_state gpu csg 0 terminate as 1
'''
RESULT = {
    'format': 1, 'name': 'a-run', 'seconds': 12.3, 'about': {'kernel': '7.3 <&>', 'model': 'g610'},
    'tests': [
        {'program': 'expand', 'name': 'case A', 'verdict': 'ok', 'reason': '', 'seconds': 1,
         'details': []},
        {'program': 'expand', 'name': 'a & b <script>', 'verdict': 'not ok', 'reason': 'it is "x"',
         'seconds': 2, 'details': ['first', '</pre>']},
        {'program': 'fault', 'name': '', 'verdict': 'skip', 'reason': 'why not', 'seconds': 0,
         'details': []}]}


class Checker(html.parser.HTMLParser):
    """Whether each element is closed, and what the page names of other files"""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.others = [], set(), []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.others += [value for name, value in attrs
                        if name in ('src', 'href', 'xlink:href') or name.startswith('on')]
        if tag not in ('meta', 'br'):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f'</{tag}> at {self.getpos()}')


class PageTest(unittest.TestCase):

    def page(self, log=LOG, result=None, begins='0\texpand\n', console=''):
        with tempfile.TemporaryDirectory() as folder:
            project.write(os.path.join(folder, 'result.json'), json.dumps(result or RESULT))
            if log is not None:
                with open(os.path.join(folder, 'device.log'), 'wb') as file:
                    file.write(log)
            project.write(os.path.join(folder, 'begins.tsv'), begins)
            project.write(os.path.join(folder, 'console.log'), console)
            path = report.write(folder)
            self.assertEqual(path, os.path.join(folder, 'report.html'))
            return project.read(path)

    def test_stands_alone(self):
        page = self.page()
        checked = Checker(page)
        self.assertEqual((checked.open, checked.others), ([], []))
        self.assertFalse({'script', 'link', 'img', 'iframe'} & checked.tags)
        self.assertNotIn('@import', page)
        self.assertNotIn('url(', page)

    def test_verdict(self):
        page = self.page()
        self.assertIn('FAILED: 1 passed, 1 failed, 1 skipped', page)
        self.assertIn('7.3 &lt;&amp;&gt;', page)
        self.assertIn('expand: a &amp; b &lt;script&gt;: it is &quot;x&quot;', page)
        self.assertIn('first\n&lt;/pre&gt;', page)
        self.assertIn('fault: why not', page)
        good = dict(RESULT, tests=RESULT['tests'][:1])
        self.assertIn('PASSED: 1 passed, 0 failed', self.page(result=good))
        self.assertIn('FAILED: 0 passed', self.page(result=dict(RESULT, tests=[])))

    def test_violation(self):
        page = self.page()
        self.assertIn('<h3>change-outside-lock</h3>', page)
        self.assertIn('4 times in expand', page)
        self.assertIn('Rule: entries change only inside the region that is held.', page)
        self.assertIn('panthor_gpuva_sm_step_remap', page)
        self.assertIn('STORE_MULTIPLE &lt;r0&gt; at 0x1008, slot 0, stream 1', page)
        self.assertIn('<td>as_command gpu as 1 LOCK lockaddr 000000000042000f</td>'
                      '<td>panthor_vm_lock_region</td>', page)
        self.assertNotIn('the program provokes it', page)
        allowed = dict(RESULT, findings=[{'program': 'expand', 'name': 'change-outside-lock',
                                          'allowed': True}])
        self.assertIn('the program provokes it', self.page(result=allowed))
        self.assertIn('The checker has found none', self.page(log=b''))

    def test_faults(self):
        page = self.page()
        self.assertIn('<td>CS_FAULT</td><td>ADDR_RANGE_FAULT, info 0x2</td><td>1</td>'
                      '<td>0x1008: STORE_MULTIPLE &lt;r0&gt;</td>', page)
        self.assertIn('<td>AS</td><td>as 1 va 0x8000 status 0xc4</td><td>1</td>'
                      '<td>0x1010: LOAD_MULTIPLE {r1}</td><td>panthor_mmu_irq_handler</td>', page)

    def test_fault_without_instruction(self):
        """An instruction is not given to the fault of another stream."""
        log = report.Log([b'mali_csf_cs_fault_at gpu csg 0 cs 1 va 0x8 word 0x0 NOP\n',
                          b'mali_csf_cs_fault gpu csg 0 cs 2 fatal type 0x48 info 0x0\n',
                          b'mali_csf_cs_fault gpu csg 0 cs 1 fault type 0x49 info 0x0\n'])
        self.assertEqual([(fault.kind, fault.instruction) for fault in log.faults],
                         [('CS_FATAL', ''), ('CS_FAULT', '0x8: NOP')])

    def test_cut_off(self):
        """Lines of which a part is missing, or that are not text"""
        for line in LOG.splitlines():
            for end in range(0, len(line), 5):
                self.page(log=line[:end] + b'\n\xff\xfe' + line[end:] + b'\n' + LOG[:900])

    def test_kernel(self):
        page = self.page(console='[    1.5] WARNING: CPU: 0 at <panthor>\n[    1.6] fine\n')
        self.assertIn('<pre>WARNING: CPU: 0 at &lt;panthor&gt;</pre>', page)
        self.assertNotIn('fine', page)

    def test_small(self):
        """A run of hours does not make a page that no mail server takes."""
        log = b''.join(
            b'mali_csf_as_lock gpu as %d 0x420000..0x42ffff\n' % (i % 16)
            + b'mali_csf_as_changed gpu as %d 0x%x000..0x42ffff\n' % (i % 16, i) * 3
            + b'mali_csf_as_fault gpu as %d va 0x%x status 0xc4\n' % (i % 16, i)
            + b'mali_csf_cs_state gpu csg %d cs %d ready at 0x1000\n' % (i % 8, i % 32 // 8)
            + b'mali_csf_cs_state gpu csg %d cs %d empty at 0x1000\n' % (i % 8, i % 32 // 8)
            + b'mali_csf_violation gpu change-outside-lock as %d va 0x%x-0x1 expected 0x0 '
              b'seen 0x1\n' % (i % 16, i)
            + b'mali_csf_as_command gpu as %d UNLOCK lockaddr 0\n' % (i % 16)
            for i in range(4000))
        begins = ''.join(f'{i * len(log) // 60}\tprogram{i}\n' for i in range(60))
        tests = [dict(RESULT['tests'][2], name=f'test {i}', reason='x' * 200) for i in range(3000)]
        page = self.page(log=log, begins=begins, result=dict(RESULT, tests=tests),
                         console='[    1.5] WARNING: CPU: 0 at foo\n' * 5000)
        self.assertLess(len(page), 1500000)
        self.assertIn('And 2960 more.', page)
        self.assertEqual(Checker(page).open, [])

    def test_without_logs(self):
        self.assertIn('FAILED', self.page(log=None, begins='', console=''))

    def test_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(project.Stop, 'has no result.json') as caught:
                report.write(folder)
            self.assertEqual(caught.exception.status, project.USAGE)
            with mock.patch.object(report.run_guest, 'RUNS', folder), \
                    self.assertRaisesRegex(project.Stop, 'there is no run yet'):
                report.newest()

    def test_newest(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, age in (('old', 50), ('new', 10), ('older', 90)):
                path = os.path.join(folder, name, 'result.json')
                project.write(path, '{}')
                os.utime(path, (1000 - age, 1000 - age))
            os.mkdir(os.path.join(folder, 'unfinished'))
            with mock.patch.object(report.run_guest, 'RUNS', folder):
                self.assertEqual(os.path.basename(report.newest()), 'new')


class TimeLineTest(unittest.TestCase):

    def test_lanes(self):
        line = time_line.read(LOG.splitlines(True), [(0, 'expand')])
        self.assertEqual([time_line.title_of(key) for key in sorted(line.lanes)],
                         ['address space 1', 'slot 0', 'slot 0, stream 1'])
        space, slot, stream = (line.lanes[key] for key in sorted(line.lanes))
        self.assertEqual([kind for _, kind in space.changes], ['held', None])
        self.assertEqual([kind for _, kind in space.marks], ['violation', 'fault'])
        self.assertEqual([kind for _, kind in slot.changes], ['group', None])
        self.assertEqual([kind for _, kind in stream.changes], ['ready', 'fault', None])
        self.assertFalse(line.has_clock)

    def test_runs(self):
        lane = time_line.Lane()
        lane.changes = [(0, 'held'), (50, None), (100, 'held')]
        lane.marks = [(75, 'fault')]
        half = time_line.COLUMNS // 2
        self.assertEqual(list(lane.runs((0, 100))), [
            (0, half, 'held'), (time_line.COLUMNS - 1, time_line.COLUMNS - 1, 'held'),
            (half * 3 // 2, half * 3 // 2, 'fault')])

    def test_clock(self):
        lines = [b'77@10.5:mali_csf_as_lock gpu as 0 0x0..0x1\n',
                 b'77@12.5:mali_csf_as_command gpu as 0 UNLOCK lockaddr 0\n']
        line = time_line.read(lines, [(0, 'a'), (50, 'b')])
        self.assertTrue(line.has_clock)
        self.assertEqual((line.positions, line.programs), ([10.5, 12.5], [(10.5, 'a'), (12.5, 'b')]))
        self.assertIn('the time of the host', time_line.page_part(line))

    def test_states(self):
        """Each state that the device has is one that the drawing knows."""
        source = project.read(os.path.join(project.ROOT, 'hw/gpu/mali-csf/cs/stream.c'))
        names = re.findall(r'^ +\.name = "([^"]+)"', source, re.M)
        self.assertGreater(len(names), 10)
        self.assertEqual({name for name in names if time_line.kind_of(name) == 'waits'},
                         {name for name in names if name.endswith('-wait')})
        self.assertTrue(set(time_line.IDLE) < set(names))


class TablesTest(unittest.TestCase):

    def test_findings(self):
        """The table of functions has every identifier, and its page says what each means."""
        source = project.read(os.path.join(project.ROOT, 'hw/gpu/mali-csf/checker/findings.h'))
        names = re.findall(r'^    X\(\w+, "([^"]+)"\)', source, re.M)
        self.assertGreater(len(names), 30)
        self.assertEqual(sorted(project.config('driver')['findings']), sorted(names))
        for name in names:
            self.assertGreater(len(report.meaning(name)), 10, name)
            self.assertNotIn('`', report.meaning(name))

    def test_formats(self):
        """Lines in the formats of trace-events are understood."""
        events = project.read(os.path.join(project.ROOT, 'hw/gpu/mali-csf/trace-events'))

        def line(name, *values):
            text = re.search(rf'^mali_csf_{name}\(.*?\) (".*)$', events, re.M)[1]
            text = re.sub(r'" PRI\w+(?: ")?', 's', text).strip('"') % values
            return f'mali_csf_{name} {text}'

        def rest(*arguments):
            return time_line.EVENT.search(line(*arguments))[4]

        self.assertEqual(time_line.SLOT.match(rest('csg_state', 'gpu', 1, 'start', 2)).groups(),
                         ('1', 'start'))
        self.assertEqual(time_line.STATE.match(rest('cs_state', 'gpu', 1, 2, 'ready', 'a')).groups(),
                         ('1', '2', 'ready'))
        self.assertEqual(report.AT.match(rest('cs_fault_at', 'gpu', 1, 2, 'a8', '0' * 16,
                                              'NOP x')).groups(), ('1', '2', '0xa8', 'NOP x'))
        self.assertEqual(report.STREAM.match(rest('cs_fault', 'gpu', 1, 2, 'fatal', 0x5a,
                                                  'c')).groups(), ('1', '2', 'fatal', '5a', '0xc'))


if __name__ == '__main__':
    unittest.main()
