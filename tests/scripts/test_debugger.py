# SPDX-License-Identifier: GPL-2.0-or-later
"""What gdb begins with."""

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.build import build_panthor, guest_kernel, initramfs  # noqa: E402
from malicsf.run import debugger, run_guest  # noqa: E402

MODULE = 'drivers/gpu/drm/panthor/panthor.ko'


class DebuggerTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, *names):
        for name in names:
            project.write(os.path.join(self.folder, name), 'ELF')

    def tree(self):
        return guest_kernel.Kernel('tree-linux', '7.3.0', 'Image', self.folder, None, [], self.folder)

    def archive(self):
        return guest_kernel.Kernel('7.3', '7.3.4+deb13-arm64', 'Image', self.folder, None, ['x'])

    def test_tree(self):
        self.write('vmlinux', MODULE)
        lines = debugger.commands(self.tree())
        self.assertIn(f'file {self.folder}/vmlinux', lines)
        self.assertIn(f'add-symbol-file {self.folder}/{MODULE} mod->mem[0].base', lines)
        self.assertLess(lines.index(debugger.TARGET),
                        lines.index('hbreak do_init_module if $_streq(mod->name, "panthor")'))
        self.assertIn('hbreak panthor_vm_lock_region', lines)

    def test_module_of_ours(self):
        self.write('vmlinux', 'mine.ko')
        lines = debugger.commands(self.tree(), os.path.join(self.folder, 'mine.ko'))
        self.assertIn(f'add-symbol-file {self.folder}/mine.ko mod->mem[0].base', lines)

    def test_loaded(self):
        """A saved machine has been where do_init_module() is."""
        self.write('vmlinux', MODULE)
        lines = debugger.commands(self.tree(), loaded=True)
        self.assertIn(f'eval "add-symbol-file {self.folder}/{MODULE} 0x%lx", '
                      '(unsigned long)$mod->mem[0].base', lines)
        self.assertFalse([line for line in lines if 'do_init_module' in line])
        self.assertEqual(lines[-1], 'hbreak panthor_vm_lock_region')

    def test_built_in(self):
        self.write('vmlinux')
        lines = debugger.commands(self.tree())
        self.assertEqual(lines[-1], 'hbreak panthor_vm_lock_region')
        self.assertFalse([line for line in lines if 'do_init_module' in line])

    def test_no_symbols(self):
        lines = debugger.commands(self.tree())
        self.assertFalse([line for line in lines if line.startswith(('file', 'hbreak'))])
        self.assertEqual(lines[-1], debugger.TARGET)

    def test_own_image(self):
        self.write('Image', 'vmlinux', 'lib/modules/7.3.0/kernel/panthor.ko')
        kernel = guest_kernel.Kernel('own-Image', '7.3.0', 'x', self.folder + '/lib/modules/7.3.0',
                                     None, [self.folder + '/Image'])
        lines = debugger.commands(kernel)
        self.assertIn(f'file {self.folder}/vmlinux', lines)
        self.assertIn(f'add-symbol-file {self.folder}/lib/modules/7.3.0/kernel/panthor.ko '
                      'mod->mem[0].base', lines)

    def test_archive(self):
        """A package of symbols is unpacked as far as they are wanted; without it there are none."""
        self.write('p/usr/lib/debug/boot/vmlinux-7.3.4', 'p/usr/lib/debug/kernel/panthor.ko',
                   'p/usr/lib/debug/kernel/large.ko')
        project.write(os.path.join(self.folder, 'p/DEBIAN/control'),
                      'Package: a\nVersion: 1\nArchitecture: all\nMaintainer: m\nDescription: d\n')
        # As Debian's is, in which the file itself is elsewhere
        os.symlink('/nowhere', os.path.join(self.folder, 'p/usr/lib/debug/boot/vmlinux-9'))
        package = os.path.join(self.folder, 'a.deb')
        subprocess.run(['dpkg-deb', '-b', os.path.join(self.folder, 'p'), package],
                       capture_output=True, check=True)
        with mock.patch.object(debugger, 'DEBUG', os.path.join(self.folder, 'debug')), \
                mock.patch('builtins.print') as said:
            with mock.patch.object(debugger, 'from_package', side_effect=project.Stop('no network')):
                self.assertEqual(debugger.symbols_of(self.archive()), ('', ''))
            self.assertIn('no network; the debugger has no symbols', said.call_args.args[0])
            self.assertEqual(debugger.symbols_of(self.archive(), bare=True), ('', ''))
            debugger.unpack(package, os.path.join(debugger.DEBUG, '7.3.4+deb13-arm64'))
            vmlinux, module = debugger.symbols_of(self.archive(), bare=True)
            self.assertTrue(vmlinux.endswith('/boot/vmlinux-7.3.4'))
            self.assertTrue(module.endswith('/kernel/panthor.ko'))
            self.assertEqual(len(list(project.files_below(debugger.DEBUG))), 3)

    def test_guest_has_no_debug_information(self):
        source, module = os.path.join(self.folder, 'a.c'), os.path.join(self.folder, 'a.o')
        project.write(source, 'int panthor_a(int a) { return a + 1; }\n')
        subprocess.run(['aarch64-linux-gnu-gcc', '-g', '-c', source, '-o', module], check=True)
        whole = initramfs.read_binary(module)
        self.assertIn(b'.debug_info', whole)
        stripped = initramfs.without_debug(whole)
        self.assertNotIn(b'.debug_info', stripped)
        self.assertIn(b'panthor_a', stripped)
        self.assertEqual(initramfs.without_debug(stripped), stripped)
        self.assertNotIn('-g0', build_panthor.FLAGS)

    def test_prepare(self):
        with mock.patch('builtins.print') as said:
            debugger.prepare(self.folder, self.tree())
        self.assertIn('gdb-multiarch -x ', said.call_args.args[0])
        self.assertIn(debugger.TARGET, project.read(os.path.join(self.folder, 'gdb.cmd')))

    def test_setting(self):
        for text, taken in (('', ''), ('0', ''), ('1', '1'), ('bare', 'bare')):
            with mock.patch.dict(os.environ, {'GDB': text}):
                self.assertEqual(run_guest.Settings().gdb, taken)
        with mock.patch.dict(os.environ, {'GDB': 'yes'}), \
                self.assertRaisesRegex(project.Stop, 'GDB=yes is none of: 1, bare'):
            run_guest.Settings()

    def test_addresses(self):
        """With a debugger, and only then, the kernel is where vmlinux says."""
        tree = mock.Mock(binary='qemu')
        for text, there in (('', False), ('1', True)):
            with mock.patch.dict(os.environ, {'GDB': text}):
                command = run_guest.qemu_command(tree, self.archive(), run_guest.Settings(), '', '')
            self.assertEqual('nokaslr' in command[command.index('-append') + 1].split(), there)
            self.assertEqual('-S' in command, there)


if __name__ == '__main__':
    unittest.main()
