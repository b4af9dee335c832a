# SPDX-License-Identifier: GPL-2.0-or-later
"""The patches that break the model on purpose fit the model as it is."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.check import check_fuzz_selftest, check_selftest, check_tsan  # noqa: E402

FOLDERS = (check_selftest.PATCHES, check_fuzz_selftest.BREAKS, check_tsan.BREAKS)


def patches():
    return [path for path in project.files_below(*FOLDERS) if path.endswith('.patch')]


class PatchTest(unittest.TestCase):

    def test_each_applies(self):
        self.assertTrue(patches())
        for path in patches():
            result = subprocess.run(
                ['patch', '-p1', '-F0', '--batch', '--dry-run', '--reject-file=-', '-i', path],
                cwd=project.ROOT, capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0,
                             f'{os.path.relpath(path, project.ROOT)}: {result.stdout}')

    def test_each_names_programs(self):
        for path in patches():
            for program, _ in check_selftest.tests_named(path):
                source = os.path.join(project.ROOT, 'tests/qtest', program + '.c')
                if program == check_selftest.SHADER_TEST:
                    source = os.path.join(project.ROOT, 'tests/shader/shader-test.c')
                self.assertTrue(os.path.exists(source), f'{path} names {program}')


if __name__ == '__main__':
    unittest.main()
