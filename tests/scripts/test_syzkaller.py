# SPDX-License-Identifier: GPL-2.0-or-later
"""What syzkaller would start our QEMU with, and how a violation looks to it."""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.build import build_qemu  # noqa: E402

QUIT = '{"execute": "qmp_capabilities"}{"execute": "quit"}'


class SyzkallerTest(unittest.TestCase):

    def setUp(self):
        with open(os.path.join(project.ROOT, 'configs/syzkaller.json'), encoding='utf-8') as file:
            self.config = json.load(file)
        self.vm = self.config['vm']
        self.tree = build_qemu.from_environment()
        self.assertTrue(os.path.exists(self.tree.binary), 'make qemu builds it')

    def start(self, arguments):
        """With what vm/qemu/qemu.go of syzkaller has besides, for a disk that is empty"""
        with tempfile.TemporaryDirectory() as folder:
            image = os.path.join(folder, 'image')
            with open(image, 'wb') as file:
                file.truncate(1 << 20)
            return subprocess.run(
                [self.tree.binary, '-m', str(self.vm['mem']), '-smp', str(self.vm['cpu']),
                 '-display', 'none', '-serial', 'null', '-no-reboot', *arguments,
                 '-device', 'virtio-net-pci,netdev=net0',
                 '-netdev', 'user,id=net0,host=10.0.2.10,hostfwd=tcp:127.0.0.1:0-:22',
                 '-hda', image, '-snapshot', '-S', '-qmp', 'stdio'],
                input=QUIT, capture_output=True, text=True, timeout=60, check=False)

    def test_arguments(self):
        result = self.start(self.vm['qemu_args'].split(' '))
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        self.assertIn('"SHUTDOWN"', result.stdout)
        self.assertNotEqual(self.start(['-machine', 'virt', '-device', 'mali-csf,model=x'])
                            .returncode, 0)

    def test_binary(self):
        self.assertEqual(self.vm['qemu'], 'mali-csf/' + os.path.relpath(
            os.path.join(project.BUILD, 'qemu-' + self.tree.config['default'],
                         'obj/qemu-system-aarch64'), project.ROOT))

    def test_violation_is_a_bug(self):
        """The line that strict=stop prints begins as syzkaller wants it."""
        words = self.vm['qemu_args'].split(' ')
        named = words[words.index('-name'):]
        self.assertEqual(named, ['-name', 'BUG:', '-msg', 'guest-name=on'])
        self.assertIn('strict=stop', self.vm['qemu_args'])
        test = os.path.join(self.tree.obj, 'tests/qtest/mali-csf-checker-test')
        with tempfile.TemporaryDirectory() as folder:
            # qtest takes the architecture from the name, and no arguments.
            wrapper = os.path.join(folder, 'qemu-system-aarch64')
            project.write(wrapper, '#!/bin/sh\nexec ' + shlex.join([self.tree.binary, *named])
                          + ' "$@"\n')
            os.chmod(wrapper, 0o755)
            result = subprocess.run(
                [test, '-p', '/aarch64/mali-csf/checker/strict/stop'], capture_output=True,
                text=True, cwd=self.tree.obj, timeout=60, check=False,
                env=dict(os.environ, QTEST_QEMU_BINARY=wrapper))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr + result.stdout,
                         r'(?m)^(# )?BUG: \S*qemu-system-aarch64: mali-csf: lockaddr-invalid in '
                         r'address space 1 ')

    def test_kernel_options(self):
        """The kernel has what we need of any kernel, built in where it is of the driver."""
        text = project.read(os.path.join(project.ROOT, 'configs/syzkaller.config'))
        options = dict(re.findall(r'^CONFIG_(\w+)=(.*)$', text, re.M))
        for name in project.config('guest')['kernel_options']['m']:
            self.assertEqual(options.get(name), 'y', name)
        firmware = options['EXTRA_FIRMWARE'].strip('"')
        self.assertTrue(os.path.exists(os.path.join(project.MESON_BUILD, firmware)), firmware)


if __name__ == '__main__':
    unittest.main()
