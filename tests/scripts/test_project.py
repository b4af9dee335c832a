# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scripts share."""

import os
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

import project  # noqa: E402


class VariablesTest(unittest.TestCase):

    def test_taken(self):
        with mock.patch.dict(os.environ):
            project.take_variables(['KERNEL=7.3', 'QEMU_ARGS=-icount shift=auto', 'TESTS='],
                                   ('KERNEL', 'QEMU_ARGS', 'TESTS'))
            self.assertEqual([os.environ[name] for name in ('KERNEL', 'QEMU_ARGS', 'TESTS')],
                             ['7.3', '-icount shift=auto', ''])

    def test_refused(self):
        for text in ('KERNELS=7.3', 'KERNEL', '=7.3'):
            with self.assertRaisesRegex(project.Stop, f'^{text} is none of: KERNEL=, TESTS=$') \
                    as caught:
                project.take_variables([text], ('KERNEL', 'TESTS'))
            self.assertEqual(caught.exception.status, project.USAGE)


if __name__ == '__main__':
    unittest.main()
