# SPDX-License-Identifier: GPL-2.0-or-later
"""The jobs of ci/: what they call takes what they give it."""

import importlib
import os
import re
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'scripts'))

import project  # noqa: E402
import results  # noqa: E402

run_guest = importlib.import_module('run-guest')
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
            self.assertLessEqual(set(given), set(run_guest.VARIABLES), name)

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


if __name__ == '__main__':
    unittest.main()
