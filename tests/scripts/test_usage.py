# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person may get wrong: one line, before anything is built or booted."""

import errno
import io
import os
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../scripts')
sys.path.insert(0, SCRIPTS)

from malicsf import project  # noqa: E402
from malicsf.build import build_panthor, build_qemu, guest_kernel, initramfs, patches  # noqa: E402
from malicsf.run import run_guest  # noqa: E402
import whole_command  # noqa: E402


def variables(**values):
    """The environment without what make passes on, but for some values."""
    kept = {name: value for name, value in os.environ.items()
            if name in ('PATH', 'HOME', 'LANG', 'CACHE')}
    return mock.patch.dict(os.environ, kept | values, clear=True)


class SettingsTest(unittest.TestCase):

    def refused(self, text, **values):
        with variables(**values), self.assertRaises(project.Stop) as caught:
            run_guest.Settings()
        self.assertIn(text, str(caught.exception))
        self.assertEqual(caught.exception.status, project.USAGE)

    def test_taken(self):
        with variables(MODEL='g720,csg-slots=4', MEM='512M', TESTS='quick,canary none'):
            settings = run_guest.Settings()
        self.assertEqual((settings.model, settings.mem), ('g720,csg-slots=4', '512M'))
        with variables(MODEL='none'):
            self.assertEqual(run_guest.Settings().model, run_guest.NO_GPU)

    def test_model(self):
        self.refused('MODEL=g611 is no model; valid: g310, ', MODEL='g611,csg-slots=4')

    def test_tests(self):
        self.refused('TESTS=nonsense is no guest program; valid: canary, ', TESTS='quick nonsense')

    def test_program_without_a_line(self):
        path = os.path.join(project.ROOT, 'tests/guest/toy.c')
        real = os.path.exists
        with mock.patch('os.path.exists', lambda name: name == path or real(name)):
            self.refused('TESTS=toy has no line in tests/guest/programs', TESTS='toy')

    def test_memory(self):
        for text in ('0G', '00M', '1', 'G', '2T'):
            self.refused(f'MEM={text} is not a size', MEM=text)

    def test_igt(self):
        self.refused('IGT=/nowhere is no folder', IGT='/nowhere')

    def test_kernel(self):
        self.refused('KERNEL=7.3-nonsense is neither', KERNEL='7.3-nonsense')
        self.refused('KERNEL=/nowhere: no such file', KERNEL='/nowhere')


class ShardTest(unittest.TestCase):
    """SHARD=i/n shares out guest programs: each of them once"""

    def programs(self, **variables):
        rows = [(name, 'quick', 10, '') for name in 'abcdefg']
        with mock.patch.dict(os.environ, variables), mock.patch.object(
                run_guest.initramfs, 'listed_programs', return_value=rows):
            shard = run_guest.Settings().shard
        return [row[0] for row in run_guest.choose_programs('quick', rows)[shard]]

    def test_left_out(self):
        rows = [('a', 'quick', 10, ''), ('b', 'quick', 10, ''), ('b', 'slow', 10, '--c')]
        for wanted, names in (('all', 'a b b--c'), ('all,-b', 'a'), ('all -b--c', 'a b'),
                              ('-a,a', 'a'), ('all,-quick', 'b--c')):
            chosen = run_guest.choose_programs(wanted, rows)
            self.assertEqual(' '.join(row[0] + row[3] for row in chosen), names, wanted)
        with self.assertRaises(project.Stop):
            run_guest.choose_programs('all,-d', rows)

    def test_partition(self):
        parts = [self.programs(SHARD=f'{i}/3') for i in (1, 2, 3)]
        self.assertEqual(parts, [['a', 'd', 'g'], ['b', 'e'], ['c', 'f']])
        self.assertEqual(self.programs(), list('abcdefg'))

    def test_refused(self):
        for text in ('0/2', '3/2', '1', 'a/b', '1/2/3'):
            with self.assertRaisesRegex(project.Stop, 'is not i/n'):
                self.programs(SHARD=text)


class ModelsTest(unittest.TestCase):

    def test_matrix_has_those_of_the_device(self):
        source = project.read(os.path.join(project.ROOT, 'hw/gpu/mali-csf/models.c'))
        self.assertEqual(re.findall(r'^ +\.name = "([^"]+)"', source, re.M),
                         project.config('matrix')['models'])

    def test_tests_have_them_too(self):
        """There the figures stand once more; a model without them would not be tested."""
        source = project.read(os.path.join(
            project.ROOT, 'tests/qtest/libqos/mali-csf-products.h.inc'))
        self.assertEqual(re.findall(r'^PRODUCT\("([^"]+)"', source, re.M),
                         project.config('matrix')['models'])


class ProgramsTest(unittest.TestCase):

    def test_built_are_listed(self):
        listed = initramfs.listed_programs()
        self.assertIn('canary', [row[0] for row in listed])
        self.assertLessEqual(set(initramfs.programs()), set(listed))


class CompilerTest(unittest.TestCase):

    def test_refused(self):
        with variables(CC='no-such-compiler -m32'), \
                self.assertRaisesRegex(project.Stop, 'there is no program no-such-compiler$'):
            build_qemu.from_environment()

    def test_taken(self):
        with variables(CC='sh'):
            self.assertEqual(build_qemu.from_environment().compiler, 'sh')
        with variables():
            self.assertFalse(build_qemu.from_environment().compiler)

    def test_configure(self):
        with variables(QEMU_CONFIGURE="--enable-debug --extra-cflags='-g3 -O1'"):
            tree = build_qemu.from_environment()
        with variables():
            plain = build_qemu.from_environment()
        self.assertEqual(build_qemu.configure_arguments(tree)[-2:],
                         ['--enable-debug', '--extra-cflags=-g3 -O1'])
        # The QEMU without them stays as it is.
        self.assertTrue(tree.obj.startswith(plain.obj + '-'))
        with variables(QEMU_CONFIGURE="--cc='"), self.assertRaisesRegex(
                project.Stop, '^QEMU_CONFIGURE: No closing quotation$'):
            build_qemu.from_environment()


class PatchTest(unittest.TestCase):

    def test_file_that_is_not_there(self):
        name = build_panthor.DRIVER + '/panthor_nowhere.c'
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'wrong.patch')
            with open(path, 'w', encoding='utf-8') as file:
                file.write(f'--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-one\n+two\n')
            with self.assertRaisesRegex(project.Stop, f'Linux 1.2: there is no {name}$'):
                build_panthor.apply_patch(patches.read(path)[0], folder, '1.2')


class KernelTest(unittest.TestCase):

    def test_what_there_is(self):
        def packages(suite, prefix, pattern, component='main'):
            return {'linux-image-7.3.4+deb13-arm64': '1', 'linux-image-6.12.9-arm64': '1'} \
                if prefix == 'linux-image-' else {}

        with mock.patch.object(guest_kernel.archive, 'binary_packages', packages), \
                self.assertRaisesRegex(project.Stop, '5.10 is UNAVAILABLE.* of 6.12, 7.3$'):
            guest_kernel.find_in_archive('5.10', None)


class EndTest(unittest.TestCase):
    """How a command ends."""

    @staticmethod
    def end(error):
        def fail():
            raise error
        with mock.patch('sys.stderr', io.StringIO()) as said:
            try:
                project.run_main(fail)
            except SystemExit as end:
                return end.code, said.getvalue()
        return None

    def test_state_of_the_machine(self):
        self.assertEqual(self.end(OSError(errno.ENOSPC, 'No space left', '/a/file')),
                         (project.CANNOT_TEST, 'error: /a/file: no space left\n'))

    def test_mistake_of_ours(self):
        with self.assertRaises(FileNotFoundError):
            self.end(FileNotFoundError(errno.ENOENT, 'No such file', '/a/file'))


class CommandTest(unittest.TestCase):
    """Whole commands, which must get no further than their arguments."""

    def refused(self, script, text, *arguments, **values):
        status, out, said = whole_command.run(script, *arguments, **values)
        self.assertEqual((status, out), (project.USAGE, ''), said)
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertIn(text, said)

    def test_lists(self):
        patch = 'PATCH=' + os.path.join(project.ROOT, 'tests/kernel/wrong-accessor.patch')
        for script, word in (('check-patch.py', patch), ('check-matrix.py', 'SHARD=1/1'),
                             ('check-stock.py', 'TESTS=canary')):
            self.refused(script, 'KERNELS=nonsense is neither', word, 'KERNELS=7.3,nonsense')
        for script, word in (('check-patch.py', patch), ('check-matrix.py', 'SHARD=1/1')):
            self.refused(script, 'MODELS=g611 is no model', word, 'MODELS=g610,g611')
        for script in ('check-matrix.py', 'check-stock.py'):
            self.refused(script, 'TESTS=nonsense is no guest program', 'TESTS=nonsense')

    def test_cache(self):
        with variables(CACHE='/dev/null'):
            result = subprocess.run([os.path.join(SCRIPTS, 'run-guest.py')], capture_output=True,
                                    text=True, check=False, timeout=300)
        self.assertEqual((result.returncode, result.stdout, len(result.stderr.splitlines())),
                         (project.USAGE, '', 1), result.stderr)
        self.assertIn('CACHE=/dev/null is no folder', result.stderr)

    def test_what_does_not_go_together(self):
        self.refused('check-mutants.py', 'KERNEL= does not go', KERNEL='6.12')
        self.refused('check-patch.py', 'KERNEL= does not go', '--selftest', KERNEL='6.12')

    def test_run_apart(self):
        with variables():
            result, reason = run_guest.run_apart(['MODEL=g611', 'TESTS=canary'])
        self.assertEqual(result.returncode, project.USAGE)
        self.assertRegex(reason, '^MODEL=g611 is no model; valid: g310, ')
        silent = mock.Mock(returncode=project.CANNOT_TEST, stdout='', stderr='')
        for returncode, reason in ((project.CANNOT_TEST, 'run-guest.py gave no reason'),
                                   (project.FAIL, '')):
            silent.returncode = returncode
            with mock.patch('subprocess.run', return_value=silent):
                self.assertEqual(run_guest.run_apart([]), (silent, reason))

    def test_busy_settings(self):
        for values in ({'GDB': '1'}, {'MODEL': 'none'}):
            with variables(**values), self.assertRaisesRegex(
                    project.Stop, 'GDB= and MODEL=none do not go with check-this'):
                run_guest.busy_settings('check-this')

    def test_arguments(self):
        for script in ('fuzz.py', 'check-fuzz-selftest.py', 'check-load.py', 'check-mutants.py',
                       'check-stock.py', 'build-panthor.py', 'build-igt.py'):
            self.refused(script, 'NONSENSE=1 is none of: ', 'NONSENSE=1')

    def test_log(self):
        self.refused('device-log.py', '/nowhere: no such file', '/nowhere')


class MakefileTest(unittest.TestCase):

    def test_kernel_of_check_models(self):
        with variables():
            result = subprocess.run(['make', '-s', '-C', project.ROOT, 'check-models',
                                     'KERNEL=nonsense'], capture_output=True, text=True,
                                    check=False, timeout=300)
        self.assertIn('KERNELS=nonsense is neither', result.stderr)
        self.assertEqual(result.returncode, 2)


if __name__ == '__main__':
    unittest.main()
