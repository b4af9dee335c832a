# SPDX-License-Identifier: GPL-2.0-or-later
"""The userlands of configs/guest.toml, their programs, and how they are fetched."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import archive, project  # noqa: E402
from malicsf.build import userland  # noqa: E402
from malicsf.run import run_guest  # noqa: E402

KERNELS = os.path.join(userland.SOURCES, 'kernels')
TABLE = os.path.join(userland.SOURCES, 'lib/kernels.c')


class ConfigTest(unittest.TestCase):

    def test_models(self):
        known = project.config('matrix')['models']
        for name in userland.names():
            for model in project.config('guest')['userland'][name]['models']:
                self.assertIn(model, known)
                self.assertIsNone(userland.refusal(name, model))

    def test_refusal(self):
        self.assertIn('has no driver for g510', userland.refusal('mesa', 'g510'))

    def test_name(self):
        userland.check_name('')
        userland.check_name('mesa')
        with self.assertRaisesRegex(project.Stop, 'USERLAND=mesas is no .* valid: mesa, mesa-new'):
            userland.check_name('mesas')

    def test_class_without_userland(self):
        with self.assertRaisesRegex(project.Stop, 'TESTS=mesa goes with USERLAND='):
            run_guest.choose_programs('mesa', [('canary', 'quick', 10, '')])

    def test_programs(self):
        rows = userland.listed_programs()
        self.assertGreater(len(rows), 5)
        for name, kind, seconds, argument in rows:
            source = project.read(os.path.join(userland.SOURCES, name + '.c'))
            self.assertIn(kind, run_guest.IN_USERLAND)
            self.assertGreater(seconds, 0)
            self.assertIn(f'"{argument}"' if argument else 'main', source)
            # Of struct Program in tests/guest/runner.c
            self.assertLess(len(name), 32)

    def test_plan(self):
        settings = mock.Mock(slack=1, model='g610', count=[])
        plan = run_guest.plan_of([('canary', 'quick', 10, ''), ('vulkan', 'mesa', 9, '--small')],
                                 settings)
        self.assertIn('\nprogram canary 10\n', plan)
        self.assertIn('\nin-userland vulkan 9 --small\n', plan)


class KernelsTest(unittest.TestCase):
    """Each compute shader has a row, and each row its shaders and its reference."""

    def test_shaders(self):
        used = project.read(TABLE) + project.read(os.path.join(userland.SOURCES, 'disturb.c'))
        named = set(re.findall(r'\.shaders = \{ ([^}]*) \}', used))
        named = set(re.findall(r'"([\w-]+)"', ' '.join(named)))
        there = {name[:-5] for name in os.listdir(KERNELS) if name.endswith('.comp')}
        # SUBGROUP() puts these names together.
        named.discard('subgroup-')
        named |= {'subgroup-' + kind for kind in ('sums', 'votes', 'shuffles')}
        self.assertEqual(named, there)

    def test_references(self):
        listed = re.findall(r'^void (reference_\w+)\(', project.read(
            os.path.join(userland.SOURCES, 'lib/kernels.h')), re.M)
        table = project.read(TABLE)
        for name in listed:
            used = name.replace('reference_subgroup_', 'SUBGROUP(')
            self.assertIn(used, table, name)


class FetchTest(unittest.TestCase):

    SAID = ("'http://x/a/libc6_2.41-12+deb13u5_arm64.deb' libc6_2.41-12+deb13u5_arm64.deb 2000 "
            "SHA256:aa\n"
            "'http://x/z/libz3-4_4.13.3-1_arm64.deb' libz3-4_1%3a4.13.3-1_arm64.deb 30 SHA256:bb\n")

    def test_rows(self):
        with mock.patch.object(archive, 'open_suite'), \
                mock.patch.object(archive, 'apt', return_value=self.SAID):
            rows = archive.with_needed('trixie', ['libz3-4'])
        self.assertEqual([(row['name'], row['version'], row['size']) for row in rows],
                         [('libc6', '2.41-12+deb13u5', 2000), ('libz3-4', '1:4.13.3-1', 30)])

    def test_optional_packages_are_left_out(self):
        asked = []

        def fetch(_, names, __):
            asked.append(list(names))
            if 'piglit' in names:
                raise project.Stop('E: Unable to locate package piglit')
            return [{'name': 'mesa'}]

        with mock.patch.object(archive, 'fetch_with_needed', fetch), \
                mock.patch.object(project, 'say') as say:
            self.assertEqual(userland.find('mesa'), [{'name': 'mesa'}])
        self.assertEqual(len(asked), 2)
        self.assertIn('piglit', say.call_args[0][0])

    def test_unavailable(self):
        stop = project.Stop('E: Unable to locate package mesa-vulkan-drivers')
        with mock.patch.object(archive, 'fetch_with_needed', side_effect=stop), \
                mock.patch.object(project, 'say'), \
                self.assertRaisesRegex(project.Stop, 'userland mesa is UNAVAILABLE: E: Unable'):
            userland.find('mesa')

    def test_no_network(self):
        with mock.patch.object(archive, 'fetch_with_needed',
                               side_effect=archive.NoNetwork('no network')), \
                self.assertRaises(archive.NoNetwork):
            userland.find('mesa')

    def test_unpack(self):
        """A file below a folder that a link merges, one that is left out, one that is chosen."""
        with tempfile.TemporaryDirectory() as folder:
            package, root = os.path.join(folder, 'package'), os.path.join(folder, 'root')
            for name in ('lib/one', 'usr/share/doc/two', 'usr/bin/three'):
                project.write(os.path.join(package, name), 'x')
            os.makedirs(os.path.join(root, 'usr/lib'))
            os.symlink('usr/lib', os.path.join(root, 'lib'))
            project.write(os.path.join(package, 'DEBIAN/control'),
                          'Package: some\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\n'
                          'Description: x\n')
            file = os.path.join(folder, 'some.deb')
            subprocess.run(['dpkg-deb', '-b', package, file], check=True, capture_output=True)
            with mock.patch.object(archive, 'path_of', return_value=file):
                userland.unpack({'name': 'some'}, root,
                                {'without': ['usr/share/doc'], 'only': {}})
                self.assertTrue(os.path.exists(os.path.join(root, 'usr/lib/one')))
                self.assertTrue(os.path.islink(os.path.join(root, 'lib')))
                self.assertTrue(os.path.exists(os.path.join(root, 'usr/bin/three')))
                self.assertFalse(os.path.exists(os.path.join(root, 'usr/share/doc/two')))
                other = os.path.join(folder, 'other')
                os.makedirs(other)
                userland.unpack({'name': 'some'}, other,
                                {'without': [], 'only': {'some': ['./usr/bin/*']}})
                self.assertEqual(os.listdir(other), ['usr'])


class BenchTest(unittest.TestCase):

    def test_figures(self):
        from malicsf.check import bench
        self.assertEqual(bench.mesa_figures('# bench saxpy-1m 0.005000 0.110000\n# bench latency '
                                            '0.0001 0\n# bench a -1.000000 2.5 G/s, x\n'),
                         {'saxpy-1m': (0.005, 0.11), 'latency': (0.0001, 0), 'a': (-1, 2.5)})
        table = project.read(TABLE)
        for name in bench.MESA_ROWS:
            self.assertIn(f'"{name}", KERNEL_BENCH', table)


if __name__ == '__main__':
    unittest.main()
