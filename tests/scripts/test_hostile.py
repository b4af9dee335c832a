# SPDX-License-Identifier: GPL-2.0-or-later
"""What nobody should give to a script, and a machine that lets it down: one line, no traceback."""

import errno
import gzip
import io
import lzma
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../scripts')
sys.path.insert(0, SCRIPTS)

from malicsf import archive, project, settings  # noqa: E402
from malicsf.build import build_panthor, guest_kernel  # noqa: E402
from malicsf.check import check_matrix  # noqa: E402
from malicsf.run import run_guest  # noqa: E402
import whole_command  # noqa: E402

PATCH = os.path.join(project.ROOT, 'tests/kernel/wrong-accessor.patch')
HEADER = f'--- a/{build_panthor.DRIVER}/panthor_mmu.c\n+++ b/{build_panthor.DRIVER}/panthor_mmu.c\n'
HUNK = '@@ -1 +1 @@\n-one\n+two\n'


def environment(**values):
    return {name: os.environ[name] for name in ('PATH', 'HOME') if name in os.environ} | values


class Folder(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name, data=b''):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(data)
        return path


class CommandTest(Folder):
    """Whole commands with -W error; they must get no further than their arguments."""

    def ends(self, status, text, script, *arguments, **options):
        """In a process of its own"""
        options = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE,
                   'stdin': subprocess.DEVNULL} | options
        result = subprocess.run(
            [sys.executable, '-B', '-W', 'error', os.path.join(SCRIPTS, script), *arguments],
            env=environment(), check=False, timeout=60, **options)
        said = result.stderr.decode('utf-8', 'backslashreplace')
        self.assertEqual((result.returncode, len(said.splitlines())), (status, 1), said)
        self.assertIn(text, said)

    def refused(self, text, script, *arguments):
        status, out, said = whole_command.run(script, *arguments)
        self.assertEqual((status, out, len(said.splitlines())), (project.USAGE, '', 1), said)
        self.assertIn(text, said)

    def test_names(self):
        self.refused('is longer than 100 bytes', 'run-guest.py', 'NAME=' + 'n' * 300)
        self.refused('is not a plain file name', 'run-guest.py', 'NAME=../x')

    def test_numbers(self):
        for value in ('9' * 20, '9' * 5000, '1001'):
            self.refused('is too large; the most is 1000', 'run-guest.py', 'SLACK=' + value)
        self.refused('is not a number above 0', 'run-guest.py', 'SLACK=' + '0' * 5000)
        self.refused('is too large', 'run-guest.py', 'SMP=100000')
        self.refused('SHARD=', 'check-matrix.py', 'SHARD=1/' + '9' * 5000)

    def test_model(self):
        self.refused('model= is no property to set there', 'run-guest.py', 'MODEL=g610,model=g710')
        self.refused('use STRICT=', 'run-guest.py', 'MODEL=g610,strict=off')
        self.refused('id= is no property', 'run-guest.py', 'MODEL=g610,csg-slots=4,id=x')

    def test_kernel_arguments(self):
        self.refused('KERNEL_ARGS', 'run-guest.py', 'KERNEL_ARGS=' + 'x' * 3000)
        self.refused('KERNEL_ARGS', 'run-guest.py', 'KERNEL_ARGS=a\nb')
        self.refused('COUNT has more than', 'run-guest.py', 'COUNT=' + 'f ' * 2000)

    def test_qemu_arguments(self):
        for word in ('-D x', '--D x', '-daemonize', '-serial none', '-S'):
            self.refused('does not go into QEMU_ARGS', 'run-guest.py', f'QEMU_ARGS={word}')
        self.refused('QEMU_ARGS: No closing quotation', 'run-guest.py', "QEMU_ARGS='")

    def test_bytes(self):
        for name in (b'KERNEL', b'MODEL', b'TESTS', b'NAME', b'IGT', b'MEM'):
            self.refused(os.fsdecode(name), 'run-guest.py', name + b'=\xff\xfe /')

    def test_near(self):
        self.refused('was KERNEL= meant?', 'run-guest.py', 'KERNAL=6.12')

    def test_patches(self):
        fifo = os.path.join(self.folder, 'fifo')
        os.mkfifo(fifo)
        for path in ('/dev/zero', '/dev/null', fifo, '/dev/tty'):
            self.refused('', 'build-panthor.py', f'PATCH={path}')
        self.refused('is no regular file', 'build-panthor.py', 'PATCH=/dev/zero')
        self.ends(project.USAGE, 'stdin is no patch', 'build-panthor.py', 'PATCH=/dev/stdin')
        with open(self.file('empty'), 'rb') as file:
            self.ends(project.USAGE, 'stdin is no patch', 'build-panthor.py', 'PATCH=/dev/stdin',
                      stdin=file)
        self.refused('no such file', 'check-patch.py', 'PATCH=' + self.folder + '/nowhere')
        self.refused('file name too long', 'check-patch.py', 'PATCH=' + 'p' * 300)
        self.refused('no path in a kernel tree', 'build-panthor.py', 'PATCH=' + self.file(
            'up.patch', (HEADER.replace('drivers/gpu', 'drivers/../../gpu') + HUNK).encode()))
        self.refused('is no patch', 'build-panthor.py',
                     'PATCH=' + self.file('bytes.patch', bytes(range(256)) * 9))
        large = self.file('large.patch')
        os.truncate(large, 1 << 40)
        self.refused('is larger than 16 MiB', 'build-panthor.py', f'PATCH={large}')
        self.refused('more than 20000 hunks', 'build-panthor.py', 'PATCH=' + self.file(
            'hunks.patch', (HEADER + HUNK * 20001).encode()))

    def test_no_output(self):
        self.ends(project.USAGE, 'standard output is closed', 'run-guest.py', 'MODEL=g611',
                  stdout=None, preexec_fn=lambda: os.close(1))

    def test_full_output(self):
        with open('/dev/full', 'wb') as file:
            self.ends(project.CANNOT_TEST, 'standard output: no space left', 'run-guest.py',
                      '--help', stdout=file)

    def test_reader_that_is_gone(self):
        end, start = os.pipe()
        os.close(end)
        result = subprocess.run([sys.executable, '-B', os.path.join(SCRIPTS, 'run-guest.py'), '--help'],
                                stdout=start, stderr=subprocess.PIPE, check=False, timeout=60,
                                env=environment())
        os.close(start)
        self.assertEqual((result.returncode, result.stderr), (project.FAIL, b''))

    def test_kernels(self):
        head = bytearray(64)
        head[0x38:0x3c] = b'ARM\x64'
        for name, data, text in (
                ('text', b'no kernel', 'is not an arm64 kernel image'),
                ('cut.gz', gzip.compress(b'x' * 99999)[:60], 'is not an arm64 kernel image'),
                ('bad.xz', lzma.compress(b'x' * 999)[:-20] + b'y' * 20, 'is damaged'),
                ('banner', bytes(head) + b'Linux version 7.\xff\xfe3 ', 'no version banner'),
                ('banner2', bytes(head) + b'Linux version 7.3\xff ', 'no version banner')):
            with self.assertRaisesRegex(project.Stop, text) as caught:
                guest_kernel.own_kernel(self.file(name, data), '')
            self.assertEqual(caught.exception.status, project.USAGE)

    def test_bombs(self):
        """An image of more than MAX_IMAGE, packed or not, is refused before it is in memory."""
        data = b'\0' * 300000
        large = self.file('large')
        os.truncate(large, 1 << 40)
        with mock.patch.object(guest_kernel, 'MAX_IMAGE', 100000):
            paths = [self.file('a.gz', gzip.compress(data)), self.file('a.xz', lzma.compress(data)),
                     self.file('a.lzma', lzma.compress(data, lzma.FORMAT_ALONE)), large]
            if shutil.which('zstd'):
                paths.append(self.file('a.zst', subprocess.run(
                    ['zstd', '-qc'], input=data, capture_output=True, check=True).stdout))
            for path in paths:
                with self.assertRaisesRegex(project.Stop, 'is larger than'):
                    guest_kernel.own_kernel(path, '')
            for name in ('a.ko.xz', 'a.ko.gz', 'a.ko.zst'):
                packed = self.file(name, project_bytes(paths, name))
                with self.assertRaisesRegex(project.Stop, 'is larger than'):
                    guest_kernel.read_module(packed)

    def test_trees(self):
        self.file('include/config/kernel.release', b'\xff\xfe\n')
        self.file('arch/arm64/boot/Image')
        self.file('.config', b'CONFIG_LOCALVERSION="\xe4"\n')
        with self.assertRaisesRegex(project.Stop, 'names no version of a kernel'):
            guest_kernel.tree_kernel(self.folder)


def project_bytes(paths, name):
    """The packed file of a kind that test_bombs has made."""
    ending = name.rpartition('.')[2]
    path = next((path for path in paths if path.endswith('.' + ending)), None)
    if path is None:
        raise unittest.SkipTest('zstd is not there')
    with open(path, 'rb') as file:
        return file.read()


class StateTest(Folder):
    """Files of earlier runs that are damaged heal, or are named."""

    def test_index(self):
        path = self.file('index.json')
        for data in (b'{', b'[]', b'\xff\xfe', b'{"kernel-7.3": [{"name": 1}]}', b'{"a": 7}',
                     b'{"a": [7]}', b'null'):
            self.file('index.json', data)
            with mock.patch.object(archive, 'INDEX', path), mock.patch('builtins.print'):
                self.assertNotIn('kernel-7.3', archive.read_index(), data)

    def test_index_is_mended(self):
        self.file('index.json', b'{')
        row = {'suite': 'x', 'name': 'a', 'version': '1', 'file': 'a.deb'}
        with mock.patch.object(archive, 'INDEX', os.path.join(self.folder, 'index.json')), \
                mock.patch.object(project, 'manifest'), mock.patch('builtins.print'):
            self.assertEqual(archive.remembered('use', lambda: [row]), [row])
            self.assertEqual(archive.read_index(), {'use': [row]})

    def test_bytes_in_a_stamp(self):
        path = self.file('stamp', b'\xff\xfe\0x\n')
        self.assertNotEqual(project.read(path), '')
        project.write(path, project.read(path) + '\udcff')
        with open(path, 'rb') as file:
            self.assertEqual(file.read(), b'\xff\xfe\0x\n\xff')

    def test_cell(self):
        for text in ('{', '[]', '{"state": "ok"}', '\udcff', 'null', '7'):
            project.write(os.path.join(self.folder, 'cells/g610-7.3/cell.json'), text)
            cell = check_matrix.Cell('g610', '7.3', 'quick')
            self.assertFalse(cell.load(self.folder), text)
            self.assertEqual(cell.state, 'missing')

    def test_newest_kernel(self):
        self.file('newest-kernel', b'\xffnonsense\n')
        with mock.patch.object(project, 'CACHE', self.folder), \
                mock.patch.object(guest_kernel, 'newest_series', lambda: '7.3'):
            self.assertEqual(guest_kernel.archive_default(), '7.3')

    def test_config(self):
        os.makedirs(os.path.join(self.folder, 'configs'))
        with mock.patch.object(project, 'ROOT', self.folder):
            for data in (b'a = ', b'\xff = 1'):
                self.file('configs/guest.toml', data)
                with self.assertRaisesRegex(project.Stop, 'configs/guest.toml: '):
                    project.config('guest')


class MachineTest(Folder):
    """What the system says no to"""

    def ends_with(self, function):
        with mock.patch('sys.stderr', io.StringIO()) as said, \
                self.assertRaises(SystemExit) as end:
            project.run_main(function)
        self.assertEqual(end.exception.code, project.CANNOT_TEST)
        self.assertEqual(len(said.getvalue().splitlines()), 1)
        return said.getvalue()

    def test_file_for_a_folder(self):
        path = self.file('run')
        with mock.patch.object(run_guest, 'RUNS', path):
            said = self.ends_with(lambda: run_guest.open_run_folder('x', False))
        self.assertIn(path, said)
        said = self.ends_with(lambda: os.makedirs(path))
        self.assertEqual(said, f'error: {path}: file exists, and should be a folder: remove it\n')

    def test_folder_for_a_file(self):
        path = os.path.join(self.folder, 'lock')
        os.mkdir(path)

        def lock():
            with project.Lock():
                pass

        with mock.patch.object(project, 'BUILD', self.folder):
            self.assertEqual(self.ends_with(lock), f'error: {path}: is a directory, and should be '
                                                   'a file: remove it\n')

    def test_full_disk(self):
        path = os.path.join(self.folder, 'result.json')
        os.symlink('/dev/full', path + '.new')
        self.assertEqual(self.ends_with(lambda: project.write(path, 'x' * 99999)),
                         f'error: {path}: no space left on device\n')

    def test_full_disk_of_a_command(self):
        with mock.patch.object(project, 'BUILD', self.folder), \
                mock.patch.object(project, 'FULL', 1 << 62), mock.patch('sys.stderr'), \
                self.assertRaisesRegex(project.Stop, f'and the disk of {self.folder} is full'):
            project.command(['false', 'x'])

    def test_what_a_command_says_of_a_full_disk(self):
        with mock.patch.object(project, 'BUILD', self.folder), mock.patch('sys.stderr'), \
                self.assertRaisesRegex(project.Stop, '^cp /dev/zero failed: .*/dev/full.*: No space '
                                                     'left on device; everything'):
            project.command(['cp', '/dev/zero', '/dev/full'])

    def test_file_size_limit(self):
        path = os.path.join(self.folder, 'large')
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            said = self.ends_with(lambda: project.write(path, 'x' * 9999))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        self.assertEqual(said, f'error: {path}: file too large; "ulimit -f" lets no file be '
                               'larger\n')

    def test_every_state(self):
        for number in project.STATES:
            said = self.ends_with(mock.Mock(side_effect=OSError(number, os.strerror(number), 'f')))
            self.assertTrue(said.startswith('error: f: '), errno.errorcode[number])

    def test_names_of_any_length(self):
        name = 'ä' * 120
        self.assertLess(len(project.short(name).encode()), 120)
        self.assertEqual(project.short('n' * 100), 'n' * 100)
        self.assertNotEqual(project.short('n' * 101), project.short('n' * 102))

    def test_qemu_that_is_none(self):
        settings = mock.Mock(strict='report', gdb=False, model='g610', slack=1, log_limit=None)
        for data, text in ((b'\x7fELF nonsense', ''), (None, 'No such file')):
            path = os.path.join(self.folder, 'qemu')
            if data:
                os.chmod(self.file('qemu', data), 0o755)
            report = mock.Mock(tap=True)
            guest = run_guest.Guest([path], self.folder, report, settings, [])
            self.addCleanup(guest.close)
            in_time = guest.run(10)
            guest.end()
            with self.assertRaisesRegex(project.Stop, f'QEMU does not start: .*{text}'):
                run_guest.judge(guest, self.folder, 10, in_time)
            if data:
                os.remove(path)


class MakeTest(Folder):

    def make(self, *words, folder=project.ROOT):
        return subprocess.run(['make', '-C', folder, *words], env=environment(), check=False,
                              capture_output=True, text=True, timeout=60)

    def test_unknown_variable(self):
        for word, text in (('KERNAL=6.12', 'KERNAL= is no variable; was KERNEL= meant?'),
                           ('V=1', 'V= is no variable;'), ('kernel=7.3', 'kernel= is no variable')):
            result = self.make('help', word)
            self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1))
            self.assertIn(text, result.stderr)

    def test_known_variables(self):
        """All that the help names, with anything in them"""
        names = [row.name for row in settings.TABLE]
        self.assertGreater(len(names), 30)
        result = self.make('help', *(f'{name}=a b="c\' d=e' for name in names))
        self.assertEqual((result.returncode, result.stderr), (0, ''))

    def test_path(self):
        """A checkout in any folder: what needs no build works, and the rest is refused."""
        folder = os.path.join(self.folder, 'a b"c\'d')
        os.makedirs(folder)
        for name in ('Makefile', 'scripts', 'configs'):
            source = os.path.join(project.ROOT, name)
            (shutil.copytree if os.path.isdir(source) else shutil.copy)(
                source, os.path.join(folder, name))
        self.assertEqual(self.make('help', folder=folder).returncode, 0)
        self.assertEqual(self.make('clean', folder=folder).returncode, 0)
        result = self.make('boot', folder=folder)
        self.assertIn('a folder with blanks, quotes and the like in its path', result.stderr)
        self.assertIn('was KERNEL= meant', self.make('boot', 'KERNAL=1', folder=folder).stderr)


if __name__ == '__main__':
    unittest.main()
