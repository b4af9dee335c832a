# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches in the forms in which people have them."""

import email.message
import email.policy
import io
import mailbox
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.build import build_guest, build_panthor, patches  # noqa: E402
from malicsf.lane import check_patch  # noqa: E402

FILE = patches.DRIVER + '/panthor_mmu.c'
# Long, with letters beyond ASCII: no encoding leaves it as it is.
LONG = '\t/* ' + 'länger als eine Zeile = ' * 6 + '*/'


def diff(path=FILE, old='one', new='two'):
    return f'--- a/{path}\n+++ b/{path}\n@@ -1,2 +1,2 @@\n-{old}\n+{new}\n {LONG}\n'


def mail(subject, body, cte=None, charset='utf-8', attached=None, **headers):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message['From'] = 'Ä. Author <author@example.org>'
    message['Subject'] = subject
    for name, value in headers.items():
        message[name.replace('_', '-')] = value
    message.set_content(body, charset=charset, cte=cte)
    if attached:
        message.add_attachment(attached.encode(), maintype='application', subtype='octet-stream',
                               filename='0001.patch')
    return message


def mbox(*messages):
    return b''.join(b'From 1234567890 Mon Sep 17 00:00:00 2001\n'
                    + bytes(message).replace(b'\r\n', b'\n') + b'\n\n' for message in messages)


class PatchesTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        silence = mock.patch.object(patches, 'say', side_effect=lambda text: self.said.append(text))
        silence.start()
        self.addCleanup(silence.stop)
        self.said = []

    def file(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def read(self, name, data):
        return patches.read(self.file(name, data))

    def names(self, *messages):
        return [patch.name for patch in self.read('series.mbox', mbox(*messages))]


class FormTest(PatchesTest):

    def test_file(self):
        found, = self.read('a.patch', 'Of something.\n\n' + diff())
        self.assertEqual((found.name, found.text, found.left_out), ('a.patch', diff(), []))

    def test_line_ends(self):
        found, = self.read('a.patch', diff().replace('\n', '\r\n'))
        self.assertEqual(found.text, diff())

    def test_encodings(self):
        for cte in ('quoted-printable', 'base64', '8bit'):
            for charset in ('utf-8', 'iso-8859-1'):
                message = mail('[PATCH] one', 'Text.\n---\n' + diff() + '-- \n2.39\n', cte, charset)
                for data in (bytes(message), mbox(message), mbox(message).replace(b'\n', b'\r\n')):
                    found, = self.read('a.eml', data)
                    self.assertEqual(found.text, diff(), (cte, charset))
                    self.assertEqual(found.name, 'a.eml')

    def test_unknown_charset(self):
        data = bytes(mail('[PATCH] one', diff(), '8bit')).replace(b'utf-8', b'klingon')
        self.assertEqual(self.read('a.eml', data)[0].text, diff())

    def test_attached(self):
        found, = self.read('a.eml', bytes(mail('a', 'See below.\n', attached=diff())))
        self.assertEqual(found.text, diff())

    def test_mbox(self):
        found = self.read('t.mbx', mbox(mail('[PATCH 1/2] drm: ä', diff()),
                                        mail('[PATCH 2/2] b', diff(new='three'))))
        self.assertEqual([patch.name for patch in found], ['drm: ä', 'b'])
        self.assertEqual([patch.text for patch in found], [diff(), diff(new='three')])

    def test_from_in_a_text(self):
        text = 'So it is.\n\nFrom now on it is not.\n\n' + diff()
        self.assertEqual(self.names(mail('[PATCH 1/2] a', text), mail('[PATCH 2/2] b', diff())),
                         ['a', 'b'])

    def test_maildir(self):
        path = os.path.join(self.folder, 'maildir')
        box = mailbox.Maildir(path)
        for number in (2, 1):
            box.add(bytes(mail(f'[PATCH {number}/2] number {number}', diff())))
        self.assertEqual([patch.name for patch in patches.read(path)], ['number 1', 'number 2'])

    def test_folder(self):
        for name in ('0002-b.patch', '0001-a.patch'):
            self.file(name, diff())
        self.file('0000-cover-letter.patch', bytes(mail('[PATCH 0/2] both', 'Two.\n')))
        self.assertEqual([patch.name for patch in patches.read(self.folder)],
                         ['0001-a.patch', '0002-b.patch'])

    def test_standard_input(self):
        for path in ('-', '/dev/stdin'):
            with mock.patch.object(sys, 'stdin', mock.Mock(buffer=io.BytesIO(
                    bytes(mail('[PATCH] by mail', diff(), 'base64'))))):
                found, = patches.read(path)
            self.assertEqual((found.name, found.text), ('by mail', diff()))

    def test_none(self):
        for name, data in (('a.patch', 'text\n'), ('a.eml', bytes(mail('a', 'text\n'))),
                           ('a.mbox', mbox(mail('Re: [PATCH] a', '> ' + diff().replace(
                               '\n', '\n> '))))):
            with self.assertRaisesRegex(project.Stop, f'{name} is no patch'):
                self.read(name, data)
        with self.assertRaisesRegex(project.Stop, 'GIT=dir'):
            patches.read('origin..HEAD')


class SeriesTest(PatchesTest):

    def test_cover_letter(self):
        stat = ' panthor_mmu.c | 2 +-\n 1 file changed\n'
        self.assertEqual(self.names(mail('[PATCH 0/1] all', stat), mail('[PATCH 1/1] a', diff())),
                         ['a'])

    def test_order(self):
        self.assertEqual(self.names(*(mail(f'[PATCH v2 drm-misc {number}/3] n{number}', diff())
                                      for number in (3, 1, 2))), ['n1', 'n2', 'n3'])

    def test_order_without_numbers(self):
        self.assertEqual(self.names(mail('b', diff()), mail('a', diff())), ['b', 'a'])

    def test_replies(self):
        quoted = '> ' + diff().replace('\n', '\n> ') + '\nLooks good.\n'
        self.assertEqual(self.names(
            mail('[PATCH 1/2] a', diff()), mail('[PATCH 2/2] b', diff()),
            mail('Re: [PATCH 1/2] a', quoted),
            mail('Re: [PATCH 2/2] b', 'Better so:\n\n' + diff(new='proposal'))), ['a', 'b'])

    def test_one_reply_with_a_patch(self):
        self.assertEqual([patch.name for patch in self.read('answer', bytes(
            mail('Re: it crashes', 'Try this.\n\n' + diff())))], ['it crashes'])

    def test_versions(self):
        self.assertEqual(self.names(mail('[PATCH 1/1] old', diff()),
                                    mail('[PATCH v3 1/1] new', diff()),
                                    mail('[PATCH v2 1/1] middle', diff())), ['new'])
        self.assertIn('v3 is taken', self.said[0])

    def test_twice(self):
        self.assertEqual(self.names(mail('[PATCH 1/2] a', diff()), mail('[PATCH 1/2] a', diff()),
                                    mail('[PATCH 2/2] b', diff())), ['a', 'b'])

    def test_missing(self):
        self.names(mail('[PATCH 1/3] a', diff()), mail('[PATCH 3/3] c', diff()))
        self.assertIn('none with the number 2', self.said[0])


class HeaderTest(PatchesTest):
    """The guest programs are built with the uAPI header of a patch."""

    def test_with_header(self):
        headers, path = (os.path.join(self.folder, name) for name in ('include', 'patched.h'))
        for name in ('drm/drm.h', 'drm/panthor_drm.h', 'linux/types.h'):
            project.write(os.path.join(headers, name), name)
        project.write(path, 'patched')
        with mock.patch.object(build_guest, 'UAPI', os.path.join(self.folder, 'uapi')):
            folder = build_guest.with_header(headers, path)
            self.assertEqual(build_guest.with_header(headers, path), folder)
            project.write(path, 'patched once more')
            self.assertNotEqual(build_guest.with_header(headers, path), folder)
        for name, text in (('drm/drm.h', 'drm/drm.h'), ('drm/panthor_drm.h', 'patched'),
                           ('linux/types.h', 'linux/types.h')):
            self.assertEqual(project.read(os.path.join(folder, name)), text)
        self.assertEqual(project.read(os.path.join(headers, 'drm/panthor_drm.h')),
                         'drm/panthor_drm.h')


class ContentTest(PatchesTest):

    def test_nothing_to_test(self):
        for path in ('MAINTAINERS', 'Documentation/gpu/panthor.rst', 'arch/arm64/boot/dts/a.dtsi',
                     'Documentation/devicetree/bindings/gpu/arm,mali-valhall-csf.yaml'):
            found, = self.read('a.patch', diff(path))
            self.assertFalse(found)
            self.assertEqual(found.left_out, [path])

    def test_left_out_on_request(self):
        paths = 'drivers/dma-buf/dma-heap.c', 'include/linux/dma-heap.h'
        text = ''.join(diff(path) for path in paths) + diff()
        for value, problem in (('', True), ('drivers/dma-buf/*', True), ('drivers/*', True),
                               ('drivers/dma-buf/*,include/linux/dma-heap.h', False)):
            with mock.patch.dict(os.environ, LEAVE_OUT=value):
                found, = self.read('a.patch', text)
            self.assertEqual(bool(found.problem), problem, value)
            self.assertEqual(found.left_out, sorted(paths))
            self.assertNotIn('dma-heap', found.text)
        with mock.patch.dict(os.environ, LEAVE_OUT='drivers/*'):
            found, = self.read('a.patch', diff(paths[0]))
        self.assertFalse(found)

    def test_other_code(self):
        found, = self.read('a.patch', diff('drivers/gpu/drm/drm_gpuvm.c') + diff())
        self.assertIn('it changes drivers/gpu/drm/drm_gpuvm.c; only', found.problem)
        with self.assertRaisesRegex(project.Stop, 'drm_gpuvm.c') as caught:
            build_panthor.apply_patch(found, self.folder, '7.3')
        self.assertEqual(caught.exception.status, project.USAGE)

    def test_uapi(self):
        found, = self.read('a.patch', diff(patches.UAPI) + diff('MAINTAINERS') + diff())
        self.assertEqual(found.text, diff(patches.UAPI) + diff())
        self.assertEqual(found.left_out, ['MAINTAINERS'])

    def test_new_file(self):
        text = f'--- /dev/null\n+++ b/{FILE}\n@@ -0,0 +1 @@\n+-- a\n'
        self.assertEqual(self.read('a.patch', text)[0].text, text)


class ApplyTest(PatchesTest):

    TEXT = ''.join(f'line {number}\n' for number in range(40))

    def apply(self, text):
        os.makedirs(os.path.dirname(os.path.join(self.folder, FILE)))
        self.file(FILE, self.TEXT)
        with mock.patch.object(build_panthor, 'say', side_effect=self.said.append), \
                mock.patch('sys.stderr', io.StringIO()) as errors:
            try:
                build_panthor.apply_patch(patches.Patch('a', text), self.folder, '7.3')
            finally:
                self.errors = errors.getvalue()

    def hunk(self, at, *lines):
        return f'--- a/{FILE}\n+++ b/{FILE}\n@@ -{at},3 +{at},3 @@\n' + ''.join(
            line + '\n' for line in lines)

    def test_offset(self):
        self.apply(self.hunk(7, ' line 10', '-line 11', '+new', ' line 12'))
        self.assertEqual(self.said, ['a: panthor_mmu.c: Hunk #1 succeeded at 11 (offset 4 lines).'])

    def test_fuzz(self):
        self.apply(self.hunk(11, ' line ten', '-line 11', '+new', ' line 12'))
        self.assertRegex(self.said[0], r'^a: panthor_mmu.c: Hunk #1 succeeded at 11 with fuzz')

    def test_reject(self):
        with self.assertRaisesRegex(project.Stop, 'panthor_mmu.c hunk 1'):
            self.apply(self.hunk(11, ' line 10', '-line eleven', '+new', ' line 12'))
        self.assertIn('-line eleven', self.errors)
        self.assertIn('panthor_mmu.c has there:\n    11 line 10\n    12 line 11\n', self.errors)


@unittest.skipUnless(shutil.which('git'), 'git is not installed')
class GitTest(PatchesTest):

    def git(self, *words):
        subprocess.run(['git', '-C', self.folder, '-c', 'user.name=a', '-c', 'user.email=a@b.c',
                        *words], check=True, capture_output=True)

    def setUp(self):
        super().setUp()
        self.git('init', '-q')
        # What people set, and what must make no difference
        for name in ('diff.noprefix', 'format.attach', 'format.coverLetter'):
            self.git('config', name, 'true')
        os.makedirs(os.path.dirname(os.path.join(self.folder, FILE)))
        for number in range(4):
            self.file(FILE, f'{number}\n{LONG}\n')
            self.git('add', '.')
            self.git('commit', '-qm', f'number {number}')

    def test_called_by_git(self):
        """As in git rebase -x, where the variables are those of another repository"""
        program = ('from malicsf.build import patches; import sys;'
                   'print(patches.read("HEAD", sys.argv[1])[0].name)')
        result = subprocess.run(
            [sys.executable, '-B', '-c', program, self.folder], capture_output=True, text=True,
            check=False, env=dict(os.environ, GIT_DIR='/nowhere', GIT_WORK_TREE='/',
                                  PYTHONPATH=os.path.join(project.ROOT, 'scripts')))
        self.assertEqual(result.stdout, 'number 3\n', result.stderr)

    def test_range(self):
        found = patches.read('HEAD~2..HEAD', self.folder)
        self.assertEqual([patch.name for patch in found], ['number 2', 'number 3'])
        self.assertIn('-2\n+3\n', found[1].text)
        self.assertIn(f'--- a/{FILE}\n+++ b/{FILE}\n', found[1].text)

    def test_commit(self):
        self.assertEqual([patch.name for patch in patches.read('HEAD~1', self.folder)],
                         ['number 2'])

    def test_refused(self):
        for revisions, folder, text in (('HEAD..HEAD', self.folder, 'no commit'),
                                        ('nowhere..HEAD', self.folder, 'nowhere'),
                                        ('-9', self.folder, 'no range'),
                                        ('--output=x', self.folder, 'no range'),
                                        ('HEAD', '/nowhere', 'no such folder')):
            with self.assertRaisesRegex(project.Stop, text) as caught:
                patches.read(revisions, folder)
            self.assertEqual(caught.exception.status, project.USAGE)


class LaneTest(unittest.TestCase):
    """A verdict for each patch of a series"""

    def lane(self, *outcomes):
        """(exit code, what is said) with these; None stands for a patch with nothing to test"""
        series = [patches.Patch(f'n{number}', '' if outcome is None else 'text', ['MAINTAINERS'])
                  for number, outcome in enumerate(outcomes)]
        said, left = [], [outcome for outcome in outcomes if outcome is not None]
        with mock.patch.object(check_patch, 'check', side_effect=left) as check, \
                mock.patch.object(check_patch, 'say', side_effect=said.append), \
                mock.patch.dict(os.environ, {}):
            status = check_patch.check_all(series, ['7.3'], lambda _: ['g610'])
        self.checked = [len(call.args[0]) for call in check.call_args_list]
        return status, said[-len(series):]

    def test_goes_on(self):
        status, said = self.lane(project.PASS, None, project.PASS)
        self.assertEqual((status, self.checked), (project.PASS, [1, 3]))
        self.assertRegex(said[1], '^n1 .*NOTHING TO TEST: it changes nothing in .*: MAINTAINERS')

    def test_worst(self):
        self.assertEqual(self.lane(project.PASS, project.FAIL, None)[0], project.FAIL)

    def test_does_not_apply(self):
        status, _ = self.lane(None, project.usage('no'), project.PASS)
        self.assertEqual((status, self.checked), (project.USAGE, [2]))


if __name__ == '__main__':
    unittest.main()
