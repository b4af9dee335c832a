# SPDX-License-Identifier: GPL-2.0-or-later
"""The jobs of ci/: what they call takes what they give it."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'scripts'))

from malicsf import project, settings  # noqa: E402
from malicsf.run import results  # noqa: E402

FOLDER = os.path.join(ROOT, 'ci')


class JobsTest(unittest.TestCase):

    def setUp(self):
        self.texts = {name: project.read(os.path.join(FOLDER, name))
                      for name in os.listdir(FOLDER)}

    def test_there(self):
        self.assertEqual(set(self.texts), {'gitlab.yml', 'github.yml'})

    def test_variables(self):
        for name, text in self.texts.items():
            command = re.search(r'run-guest\.py (.*?NAME=\w+)', text, re.S)[1]
            given = re.findall(r'\b([A-Z_]+)=', command)
            self.assertGreaterEqual(set(given), {'KERNEL', 'MODULES', 'TESTS', 'SHARD', 'NAME'})
            self.assertLessEqual(set(given), set(settings.GUEST), name)

    def test_folders(self):
        """Caches and artifacts are where the scripts write, and without what is large."""
        series = project.config('qemu')['default']
        for name, text in self.texts.items():
            run = re.search(r'NAME=(\w+)', text)[1]
            for path in (os.path.relpath(project.BUILD, project.ROOT) + f'/qemu-{series}',
                         'build/cache', f'build/run/{run}'):
                self.assertIn(f'mali-csf/{path}\n', text, name)
            for left_out in ('initrd', 'Image', 'qmp.sock'):
                self.assertIn(f'build/run/{run}/{left_out}\n', text, name)
        self.assertIn(f'junit: mali-csf/build/run/panthor/{results.FILES[2]}\n',
                      self.texts['gitlab.yml'])

    def test_cannot_test(self):
        """Exit code 125 is no failure of the job."""
        self.assertRegex(self.texts['gitlab.yml'],
                         rf'allow_failure:\n    exit_codes: {project.CANNOT_TEST}\n')
        self.assertIn(f'[ $status -eq {project.CANNOT_TEST} ]', self.texts['github.yml'])


class GithubStepTest(unittest.TestCase):
    """The step that runs the guest programs, as GitHub runs it, with a program for python3"""

    def run_step(self, status):
        """(exit code, what was said, arguments of the script)"""
        text = project.read(os.path.join(FOLDER, 'github.yml'))
        step = re.search(r'- name: guest programs\n +run: \|\n((?: {10}.*\n)+)', text)[1]
        step = re.sub(r'(?m)^ {10}', '', step)
        for name, value in (('inputs.model', 'g720'), ('inputs.tests', 'all'),
                            ('matrix.shard', '3')):
            step = step.replace('${{ %s }}' % name, value)
        self.assertNotIn('${{', step)
        with tempfile.TemporaryDirectory() as folder:
            python = os.path.join(folder, 'python3')
            project.write(python, f'#!/bin/sh\nprintf "%s\\n" "$@" >{folder}/said\nexit {status}\n')
            os.chmod(python, 0o755)
            result = subprocess.run(
                ['bash', '--noprofile', '--norc', '-e', '-o', 'pipefail', '-c', step],
                cwd=folder, capture_output=True, text=True, check=False,
                env={'PATH': f'{folder}:/usr/bin:/bin'})
            return (result.returncode, result.stdout,
                    project.read(os.path.join(folder, 'said')).split())

    def test_arguments(self):
        _, _, said = self.run_step(0)
        self.assertEqual(said[0], 'mali-csf/scripts/run-guest.py')
        for word in ('MODEL=g720', 'TESTS=all', 'SLACK=2', 'SHARD=3/4', 'NAME=panthor'):
            self.assertIn(word, said)
        self.assertTrue(said[1].endswith('/install/Image'))

    def test_status(self):
        for status, expected in ((0, 0), (1, 1), (2, 2), (125, 0)):
            code, text, _ = self.run_step(status)
            self.assertEqual(code, expected)
            self.assertEqual('::warning::' in text, status == 125)


if __name__ == '__main__':
    unittest.main()
