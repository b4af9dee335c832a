# SPDX-License-Identifier: GPL-2.0-or-later
"""virtme-ng with the lines of docs/devel/ci.rst, where it is installed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.build import build_qemu  # noqa: E402

QUIT = '{"execute": "qmp_capabilities"}{"execute": "quit"}'


def documented():
    """The words of the command that the document has"""
    text = project.read(os.path.join(project.ROOT, 'docs/devel/ci.rst'))
    return shlex.split(re.search(r'\$ (vng (?:.*\\\n)*.*)', text)[1].replace('\\\n', ' '))


class DocumentTest(unittest.TestCase):

    def test_words(self):
        words = documented()
        self.assertEqual(words[:2], ['vng', '--run'])
        qemu = words[words.index('--qemu') + 1]
        self.assertEqual(os.path.join(project.ROOT, qemu), build_qemu.Tree().binary)
        options, = [word for word in words if word.startswith('--qemu-opts=')]
        self.assertIn('-device mali-csf,', options)


@unittest.skipUnless(shutil.which('vng'), 'virtme-ng is not installed')
class DryRunTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.binary = build_qemu.from_environment().binary

    def command(self):
        """What virtme-ng would start, without the redirections of its shell"""
        image = os.path.join(self.folder, 'Image')
        project.write(image, 'no kernel')
        words = documented()
        for option, value in (('--run', image), ('--root', self.folder), ('--qemu', self.binary)):
            words[words.index(option) + 1] = value
        result = subprocess.run(words + ['--dry-run'], cwd=self.folder, capture_output=True,
                                text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return shlex.split(result.stdout.strip().splitlines()[-1])

    def test_qemu_takes_it(self):
        words = self.command()
        self.assertEqual(words[0], self.binary)
        device = words.index('mali-csf,model=g610,strict=report')
        self.assertEqual(words[device - 1], '-device')
        # Nothing is booted; and standard input is for the end of QEMU.
        at = words.index('-kernel')
        words[at:at + 4] = []
        words = [word.replace('stdio,id=console,signal=off', 'null,id=console') for word in words]
        result = subprocess.run([*words, '-S', '-qmp', 'stdio'], input=QUIT, capture_output=True,
                                text=True, cwd=self.folder, timeout=60, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('"SHUTDOWN"', result.stdout)


if __name__ == '__main__':
    unittest.main()
