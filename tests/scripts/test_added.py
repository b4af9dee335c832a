# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest programs of the reader's own (GUEST=), and the header that programs are built with."""

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.build import build_guest, initramfs  # noqa: E402
from malicsf.run import run_guest  # noqa: E402

PROGRAM = '''#include <stddef.h>
#include "tap.h"
#include <drm/panthor_drm.h>
int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "A program.");
    tap_ok(DRM_PANTHOR_OF_TEST == 7, "the header");
    return tap_end();
}
'''


class AddedTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        patch = mock.patch.dict(os.environ, {'GUEST': self.folder, 'KERNEL': '', 'TESTS': ''})
        patch.start()
        self.addCleanup(patch.stop)

    def write(self, name, text=''):
        project.write(os.path.join(self.folder, name), text)

    def test_rows(self):
        self.write('new-ioctl.c')
        self.write('other.c')
        self.write('helper.h')
        self.write('programs', '# a list\nother  slow  90  --all\nother  long  900\n')
        self.assertEqual(initramfs.added_programs(), [
            ('other', 'slow', 90, '--all'), ('other', 'long', 900, ''),
            ('new-ioctl', 'quick', 60, '')])
        settings = run_guest.Settings()
        rows = run_guest.choose_programs(settings.tests, initramfs.listed_programs())
        self.assertIn('new-ioctl', [row[0] for row in rows])
        self.assertIn('canary', [row[0] for row in rows])
        self.assertNotIn('other', [row[0] for row in rows])
        self.assertEqual(initramfs.path_of('new-ioctl'),
                         os.path.join(initramfs.added_build(), 'new-ioctl'))
        self.assertEqual(initramfs.path_of('canary'),
                         os.path.join(initramfs.GUEST_BUILD, 'canary'))

    def refused(self, text):
        with self.assertRaises(project.Stop) as caught:
            initramfs.added_programs()
        self.assertIn(text, str(caught.exception))
        self.assertEqual(caught.exception.status, project.USAGE)

    def test_refused(self):
        self.refused('holds no C file')
        self.write('submit.c')
        self.refused('submit is a program of tests/guest')
        os.remove(os.path.join(self.folder, 'submit.c'))
        self.write('mine.c')
        for line in ('mine quick', 'mine quick soon', 'mine quick 0', 'mine quick ²'):
            self.write('programs', line + '\n')
            self.refused('is not: name, class, seconds')
        self.write('programs', 'yours quick 10\n')
        self.refused('yours has no C file beside it')
        with mock.patch.dict(os.environ, {'GUEST': '/nowhere'}):
            self.refused('GUEST=/nowhere is no folder')

    def test_none(self):
        with mock.patch.dict(os.environ, {'GUEST': ''}):
            self.assertEqual(initramfs.added_programs(), [])
            self.assertEqual(initramfs.added_build(), '')

    def build(self, headers):
        """Built into a folder of the test's own; what the compiler said"""
        library = os.path.join(initramfs.GUEST_BUILD, 'libguest.a')
        self.assertTrue(os.path.exists(library), f'{library}: build the guest programs first')
        said = []
        with mock.patch.object(build_guest, 'provide_uapi', return_value=headers), \
                mock.patch.object(initramfs, 'added_build', return_value=self.folder + '/out'), \
                mock.patch('malicsf.project.warn', said.append), mock.patch('builtins.print'):
            build_guest.build_added()
        return ''.join(said)

    def headers(self, lines='#define DRM_PANTHOR_OF_TEST 7\n'):
        """A folder of headers in which panthor's has more lines"""
        path = os.path.join(self.folder, 'panthor_drm.h')
        archives = build_guest.provide_uapi()
        project.write(path, project.read(os.path.join(archives, 'drm/panthor_drm.h')) + lines)
        with mock.patch.object(build_guest, 'UAPI', os.path.join(self.folder, 'uapi')):
            return build_guest.with_header(archives, path)

    def test_build(self):
        self.write('new-ioctl.c', PROGRAM)
        headers = self.headers()
        self.assertEqual(self.build(headers), '')
        program = os.path.join(self.folder, 'out/new-ioctl')
        kind = subprocess.run(['readelf', '-h', program], capture_output=True, text=True,
                              check=True).stdout
        self.assertIn('AArch64', kind)
        before = os.stat(program).st_mtime_ns
        self.build(headers)
        self.assertEqual(os.stat(program).st_mtime_ns, before)
        self.write('new-ioctl.c', PROGRAM + '\n')
        self.build(headers)
        self.assertGreater(os.stat(program).st_mtime_ns, before)

    def test_does_not_compile(self):
        self.write('new-ioctl.c', PROGRAM)
        with self.assertRaisesRegex(project.Stop, 'new-ioctl.c does not compile') as caught:
            self.build(build_guest.provide_uapi())
        self.assertEqual(caught.exception.status, project.USAGE)


class HeaderTest(unittest.TestCase):

    def chosen(self, theirs, folder='', **variables):
        """Which header is chosen if the archive's is OURS and a tree has theirs; what is said"""
        with tempfile.TemporaryDirectory() as tree, tempfile.TemporaryDirectory() as headers, \
                mock.patch.dict(os.environ, {'KERNEL': tree, 'PANTHOR_UAPI': ''} | variables), \
                mock.patch.object(build_guest, 'UAPI', tree + '/made'), \
                mock.patch('builtins.print') as said:
            project.write(os.path.join(headers, 'drm/panthor_drm.h'), 'enum { DRM_PANTHOR_A };\n')
            if theirs is not None:
                project.write(os.path.join(tree, folder, build_guest.UAPI_HEADER), theirs)
            found = build_guest.choose_header(headers)
            text = project.read(os.path.join(found, 'drm/panthor_drm.h'))
            return ('archive' if found == headers else text,
                    ' '.join(str(call.args[0]) for call in said.call_args_list))

    def test_tree(self):
        newer = 'enum { DRM_PANTHOR_A, DRM_PANTHOR_B };\n'
        self.assertEqual(self.chosen(newer), (newer, ''))
        self.assertEqual(self.chosen(newer, 'source'), (newer, ''))

    def test_same_or_none(self):
        self.assertEqual(self.chosen('enum { DRM_PANTHOR_A };\n'), ('archive', ''))
        self.assertEqual(self.chosen(None), ('archive', ''))
        self.assertEqual(self.chosen(None, KERNEL='7.3'), ('archive', ''))

    def test_older(self):
        header, said = self.chosen('/* no DRM_PANTHOR_A */ enum { DRM_PANTHOR_Z };\n')
        self.assertEqual(header, 'archive')
        self.assertIn('lacks DRM_PANTHOR_A: the guest programs are built with', said)

    def test_patch_comes_first(self):
        with tempfile.NamedTemporaryFile('w') as file:
            file.write('enum { DRM_PANTHOR_P };\n')
            file.flush()
            self.assertEqual(self.chosen('enum { DRM_PANTHOR_A, DRM_PANTHOR_B };\n',
                                         PANTHOR_UAPI=file.name)[0], 'enum { DRM_PANTHOR_P };\n')


if __name__ == '__main__':
    unittest.main()
