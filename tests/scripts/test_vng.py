# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line for virtme-ng; "make vng", which check-kernels runs, boots with it."""

import os
import re
import shlex
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.build import build_qemu, guest_kernel  # noqa: E402
from malicsf.run import run_guest, virtme  # noqa: E402


def kernel(modules, tree=None):
    return guest_kernel.Kernel('7.3', '7.3.4', 'Image', modules, None, ['vmlinuz'], tree)


def documented():
    """The words of the command that docs/devel/ci.rst has"""
    text = project.read(os.path.join(project.ROOT, 'docs/devel/ci.rst'))
    return shlex.split(re.search(r'\$ (vng (?:.*\\\n)*.*)', text)[1].replace('\\\n', ' '))


class CommandTest(unittest.TestCase):

    def test_options(self):
        """It has the options that the document tells people of."""
        command = virtme.command_of(build_qemu.Tree(), kernel('modules'), '/a root',
                                    run_guest.Settings(), 'ls')
        self.assertEqual(command[:3], ['vng', '--run', '/a root/boot/vmlinuz-7.3.4'])
        options = {word.partition('=')[0] for word in documented() if word.startswith('--')}
        self.assertLessEqual(options, {word.partition('=')[0] for word in command})
        self.assertEqual(command[command.index('--exec') + 1], 'ls')

    def test_device(self):
        """QEMU gets the model and the checker that are asked for."""
        settings = run_guest.Settings()
        settings.model, settings.strict = 'g720', 'stop'
        command = virtme.command_of(build_qemu.Tree(), kernel('modules'), '/root', settings, 'ls')
        options, = [word for word in command if word.startswith('--qemu-opts=')]
        self.assertIn('-device mali-csf,model=g720,strict=stop ', options)


class KernelTest(unittest.TestCase):

    def choose(self, found):
        with mock.patch.object(guest_kernel, 'from_environment', return_value=found):
            return virtme.kernel_to_boot()

    def test_installed_modules(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, 'kernel'))
            found = kernel(folder)
            self.assertIs(self.choose(found), found)

    def test_others_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            for found in kernel(folder), kernel(None), kernel(folder, tree='tree'):
                with self.assertRaisesRegex(project.Stop, 'make modules_install'):
                    self.choose(found)


if __name__ == '__main__':
    unittest.main()
