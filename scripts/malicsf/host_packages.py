# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages that this machine needs: named, then installed.

Root installs them; anybody else is told the command.  NO_INSTALL=1 only
names them.
"""

import os
import platform
import shutil
import subprocess

from malicsf import archive, project
from malicsf.project import Stop
from malicsf.settings import SETTINGS

STAMP = os.path.join(project.BUILD, 'host-packages')
TOOLS = os.path.join(project.BUILD, 'tools')


def wanted():
    host = project.config('host')
    return sorted(host['packages']['common'] + host['packages'][project.release()]
                  + host['architecture_packages'][platform.machine()])


def installed(names=None):
    result = subprocess.run(
        ['dpkg-query', '-W', '-f', '${Package}\t${Version}\t${db:Status-Status}\n',
         *(names or wanted())],
        capture_output=True, text=True, check=False)
    rows = [line.split('\t') for line in result.stdout.splitlines()]
    return {name: version for name, version, status in rows if status == 'installed'}


def is_provided(name):
    """Whether another package has what is wanted of this one"""
    program = project.config('host')['programs'].get(name)
    return bool(program and shutil.which(program))


def missing_of(names, have):
    return [name for name in names if name not in have and not is_provided(name)]


def install(missing):
    order = ['apt-get', 'install', '-y', '--no-install-recommends', *missing]
    project.say(f'needed on this machine: {" ".join(missing)}')
    if SETTINGS.is_on('NO_INSTALL'):
        raise Stop('packages are missing and NO_INSTALL is set; the command is: ' + ' '.join(order))
    if os.geteuid() != 0:
        raise Stop('packages are missing; as root: ' + ' '.join(order))
    log = os.path.join(project.BUILD, 'log', 'host-packages.log')
    environment = SETTINGS.environment(DEBIAN_FRONTEND='noninteractive')

    def try_to(*options):
        return subprocess.run(order + list(options), stdin=subprocess.DEVNULL, env=environment,
                              capture_output=True, check=False).returncode == 0

    with project.Patience():
        # A container has no package lists; old ones name what the mirror has dropped.
        if not try_to('--simulate') or not try_to('--download-only'):
            project.say('reading the package lists of this machine')
            project.command(['apt-get', 'update'], env=environment)
        project.say(f'installing {len(missing)} packages')
        project.command(order, log, env=environment)


def provide():
    """Make sure of every package; quick when nothing has changed since."""
    inputs = [os.path.join(project.ROOT, 'configs', 'host.toml'), '/var/lib/dpkg/status']
    stamp = project.stamp_of(inputs)
    if project.read(STAMP) == stamp:
        return
    project.require_host()
    if not os.path.exists(STAMP):
        project.require_disk(project.config('host')['disk'])
    have = installed()
    missing = missing_of(wanted(), have)
    if missing:
        install(missing)
        have = installed()
    project.manifest('host', [(name, version, project.release())
                              for name, version in have.items()])
    project.write(STAMP, project.stamp_of(inputs))


def require(use, what):
    """Make sure of the packages that one command needs besides; installs none."""
    names = project.config('host')['packages_for'][use]
    have = installed(names)
    missing = [name for name in names if name not in have]
    if missing:
        raise Stop(f'{what} needs {", ".join(missing)}; as root: apt-get install -y '
                   f'--no-install-recommends {" ".join(missing)}')


def provide_for(use, what):
    """Make sure of the packages that an optional part needs besides, as provide() does."""
    names = project.config('host')['packages_with'][use]
    have = installed(names)
    missing = [name for name in names if name not in have]
    if missing:
        project.say(f'{what} wants more packages')
        install(missing)


def unpacked_python(package, suite):
    """Folder of the modules of a package that is Python only, unpacked from a suite."""
    folder = os.path.join(TOOLS, package)
    if not os.path.exists(folder):
        def find():
            name, = archive.binary_packages(suite, package, '').items()
            return archive.fetch_binary(suite, dict([name]))
        archive.unpack(archive.remembered(package, find), folder)
    return os.path.join(folder, 'usr/lib/python3/dist-packages')


def python_path():
    """Folder of meson's Python package where the machine's meson is too old."""
    suite = project.config('host')['meson']['suite'].get(project.release())
    return unpacked_python('meson', suite) if suite else None


def environment(modules=()):
    """Environment in which a recent meson is found first, and no other Python.

    modules: more folders of Python modules
    """
    path = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
    variables = {name: value for name, value in SETTINGS.environment().items()
                 if not name.startswith(('PYTHON', 'PYENV', 'MAKE', 'MFLAGS'))}
    folders = list(modules)
    if python_path():
        path.insert(0, os.path.join(TOOLS, 'meson', 'usr/bin'))
        folders.insert(0, python_path())
    if folders:
        variables['PYTHONPATH'] = ':'.join(folders)
    variables['PATH'] = ':'.join(path)
    variables['LC_ALL'] = 'C.UTF-8'
    return variables


def main():
    SETTINGS.parser(__doc__, 'host-packages').parse_args()
    project.require_host()
    if shutil.which('apt-get') is None:
        raise Stop('apt-get is missing')
    provide()
    return project.PASS
