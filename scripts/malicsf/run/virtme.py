# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel on the model under virtme-ng: the GPU of a guest whose root is a folder of the host.

The root is made of Debian packages for arm64, unpacked and not installed, with
the kernel, its modules and the firmware where virtme-ng looks for them.
"""

import glob
import hashlib
import json
import os
import shlex
import shutil
import subprocess

from malicsf import archive, host_packages, project
from malicsf.build import build_guest, build_qemu, guest_kernel, userland
from malicsf.run import device_log, run_guest
from malicsf.settings import SETTINGS

FOLDER = os.path.join(project.BUILD, 'virtme')
LOG = os.path.join(FOLDER, 'device.log')
CONSOLE = os.path.join(FOLDER, 'console.log')
SECONDS = 600           # with a root by 9P, on a busy host


def environment():
    """That in which vng is found: the host's, or the archive's, unpacked."""
    if shutil.which('vng'):
        return host_packages.environment()
    wanted = project.config('guest')['virtme']
    rows = archive.remembered('virtme-ng', lambda: archive.fetch_binary(
        wanted['suite'], {name: archive.binary_packages(wanted['suite'], name, '')[name]
                          for name in wanted['tool']}))
    folder = archive.unpack(rows, os.path.join(host_packages.TOOLS,
                                               'virtme-ng-' + rows[0]['version']))
    variables = host_packages.environment([os.path.join(folder, 'usr/lib/python3/dist-packages')])
    variables['PATH'] = os.path.join(folder, 'usr/bin') + ':' + variables['PATH']
    return variables


def add_kernel(kernel, root):
    """The kernel and its modules, as a package would install them."""
    modules = os.path.join(root, 'lib/modules', kernel.version)
    shutil.copytree(kernel.modules, modules, symlinks=True,
                    ignore=shutil.ignore_patterns('build', 'source', 'vmlinuz'))
    project.command(['/sbin/depmod', '-b', root, kernel.version])
    os.makedirs(os.path.join(root, 'boot'), exist_ok=True)
    shutil.copy(kernel.inputs[0], os.path.join(root, 'boot', f'vmlinuz-{kernel.version}'))


def root_for(kernel):
    """The root file system for a kernel; made again when its packages or the kernel change."""
    wanted = project.config('guest')['virtme']
    rules = dict(project.config('guest')['userland_rules'], only={})
    rules['without'] = rules['without'] + wanted['without']
    rows = archive.remembered('virtme-root', lambda: archive.fetch_with_needed(
        wanted['suite'], wanted['packages'], "virtme-ng's root file system"))
    state = json.dumps([rows, rules, wanted, project.stamp_of([*kernel.inputs, __file__])])
    digest = hashlib.sha256(state.encode()).hexdigest()[:12]
    root = os.path.join(FOLDER, f'root-{kernel.version}-{digest}')
    if not os.path.exists(root):
        project.say(f'unpacking a root file system for Linux {kernel.version}')
        userland.make_root(rows, rules, root + '.new')
        for name in wanted['folders']:
            os.makedirs(os.path.join(root + '.new', name), exist_ok=True)
        for name, text in wanted['files'].items():
            project.write(os.path.join(root + '.new', name), text)
        for name, target in wanted['links'].items():
            if not os.path.lexists(os.path.join(root + '.new', name)):
                os.symlink(target, os.path.join(root + '.new', name))
        add_kernel(kernel, root + '.new')
        for other in glob.glob(os.path.join(FOLDER, f'root-{glob.escape(kernel.version)}-*[!w]')):
            shutil.rmtree(other)
        os.replace(root + '.new', root)
    shutil.copytree(os.path.join(project.MESON_BUILD, 'arm'),
                    os.path.join(root, 'lib/firmware/arm'), dirs_exist_ok=True)
    return root


def command_of(tree, kernel, root, settings, wanted):
    """Words of the command that boots, as docs/devel/ci.rst has it."""
    qemu_options = (f'-device mali-csf,model={settings.model},strict={settings.strict} '
                    f'-D {shlex.quote(LOG)} '
                    '-trace mali_csf_violation -trace mali_csf_note -no-reboot')
    return ['vng', '--run', os.path.join(root, 'boot', f'vmlinuz-{kernel.version}'),
            '--arch', 'arm64', '--root', root, '--qemu', tree.binary,
            '--cpus', str(settings.smp), '--memory', settings.mem, '--verbose',
            f'--qemu-opts={qemu_options}', '--exec', wanted]


def boot(command, variables):
    """Boot and run the command.  Returns its exit status, or that of what failed before."""
    # vng gives its streams to QEMU by /proc/self/fd, which no pipe or socket allows.
    on_terminal = ['script', '-q', '-e', '-f', '-c', shlex.join(command), CONSOLE]
    seconds = SECONDS * SETTINGS.number('SLACK', 1)
    try:
        return subprocess.run(on_terminal, env=variables, timeout=seconds, check=False).returncode
    except subprocess.TimeoutExpired:
        raise project.Stop(f'no end after {seconds} s; SLACK= multiplies them') from None


def kernel_to_boot():
    kernel = guest_kernel.from_environment()
    if kernel.tree or not kernel.modules or \
            not os.path.isdir(os.path.join(kernel.modules, 'kernel')):
        raise project.usage('make vng boots a kernel of the archive, or KERNEL=image with MODULES= '
                            'as "make modules_install" writes them; for a kernel tree see '
                            'docs/devel/ci.rst')
    return kernel


def main():
    SETTINGS.parser(__doc__, 'vng').parse_args()
    SETTINGS.refuse_other_runs('vng')
    settings = run_guest.Settings()
    wanted = SETTINGS.text('COMMAND') or project.config('guest')['virtme']['command']
    host_packages.provide()
    host_packages.provide_for('virtme', 'make vng')
    with project.Lock():
        kernel = kernel_to_boot()
        tree = build_qemu.from_environment()
        build_qemu.build(tree)
        build_guest.build(tree)
        variables = environment()
        root = root_for(kernel)
    project.write(LOG, '')
    command = command_of(tree, kernel, root, settings, wanted)
    project.say(shlex.join(command))
    status = boot(command, variables)
    found, _ = device_log.read_findings(LOG, [])
    wrong = [finding.text for finding in found if finding.kind == 'violation']
    for text in wrong[:run_guest.VIOLATIONS_SHOWN]:
        project.say(text)
    if status:
        raise project.Stop(f'the command ended with status {status}, see '
                           f'{os.path.relpath(CONSOLE)}')
    if wrong:
        raise project.Stop(f'{len(wrong)} violations, in {os.path.relpath(LOG)}')
    project.say(f'Linux {kernel.version}: done, no violation')
    return project.PASS
