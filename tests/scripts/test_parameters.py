# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters of modules on the kernel's command line."""

import os
import subprocess
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
SCRIPT = os.path.join(ROOT, 'tests/guest/load-modules')
MODULES = ('drm', 'gpu_sched', 'drm_gpuvm', 'panthor')


class ParametersTest(unittest.TestCase):

    def loaded(self, line):
        """{module: its parameters} as insmod gets them"""
        with tempfile.TemporaryDirectory() as folder:
            paths = {name: os.path.join(folder, name) for name in ('list', 'cmdline', 'insmod')}
            texts = {'list': ''.join(f'/lib/modules/7.3/kernel/{name}.ko\n' for name in MODULES),
                     'cmdline': line + '\n',
                     'insmod': '#!/bin/sh\nprintf "%s\\n" "- $1"; shift\n'
                               'for word; do printf "%s\\n" "$word"; done\n'}
            for name, text in texts.items():
                with open(paths[name], 'w', encoding='utf-8') as file:
                    file.write(text)
            os.chmod(paths['insmod'], 0o755)
            # In a folder with a file that a pattern matches
            with open(os.path.join(folder, 'a=file'), 'wb'):
                pass
            result = subprocess.run(['sh', SCRIPT, *paths.values()], cwd=folder, text=True,
                                    capture_output=True, check=False, timeout=60)
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        found = {}
        for row in result.stdout.splitlines():
            if row.startswith('- '):
                name = os.path.basename(row).removesuffix('.ko')
                found[name] = []
            else:
                found[name].append(row)
        self.assertEqual(tuple(found), MODULES)
        return {name: rows for name, rows in found.items() if rows}

    def test_none(self):
        self.assertEqual(self.loaded('log_buf_len=4M oops=panic console=ttyAMA0'), {})
        self.assertEqual(self.loaded(''), {})

    def test_every_module(self):
        self.assertEqual(self.loaded('drm.debug=0x1 quiet panthor.transparent_hugepage=0 panthor.x'),
                         {'drm': ['debug=0x1'], 'panthor': ['transparent_hugepage=0', 'x']})

    def test_dash_and_underscore(self):
        self.assertEqual(self.loaded('gpu-sched.a-b=1 gpu_sched.c=2 drm-gpuvm.d=3-4'),
                         {'gpu_sched': ['a-b=1', 'c=2'], 'drm_gpuvm': ['d=3-4']})

    def test_quotes(self):
        for line, word in (('panthor.a="b  c" quiet', 'a="b  c"'),
                           ('"panthor.a=b c" quiet', 'a="b c"'),
                           ('"panthor.a=bc"', 'a=bc'),
                           ('x="panthor.b=1 y" panthor.a=2', 'a=2'),
                           ('panthor.a="b c', 'a="b c'),
                           ('  panthor.a=2  ', 'a=2')):
            self.assertEqual(self.loaded(line), {'panthor': [word]}, line)

    def test_no_patterns(self):
        self.assertEqual(self.loaded('panthor.a=* panthor.b=$HOME`id`\\x'),
                         {'panthor': ['a=*', 'b=$HOME`id`\\x']})

    def test_other_dots(self):
        self.assertEqual(self.loaded('panthor2.a=1 xpanthor.b=1 panthor=1.2 a=panthor.b=1'), {})


if __name__ == '__main__':
    unittest.main()
