# SPDX-License-Identifier: GPL-2.0-or-later
"""The versions of the model, of this tree, and of the packages that it uses."""

import os
import platform
import re
import subprocess
import time

from malicsf import project
from malicsf.settings import SETTINGS


def model():
    """MALI_CSF_VERSION"""
    source = project.read(os.path.join(project.ROOT, 'include/hw/gpu/mali-csf/version.h'))
    return re.search(r'^#define MALI_CSF_VERSION "([^"]+)"', source, re.M)[1]


def tree():
    """The commit, with "-dirty" if files differ from it; '' without git"""
    result = subprocess.run(['git', '-C', project.ROOT, 'describe', '--always', '--dirty'],
                            capture_output=True, text=True, check=False)
    return result.stdout.strip()


def provenance():
    """{property: text}: with what, where and when a result comes about"""
    system = platform.freedesktop_os_release().get('PRETTY_NAME', platform.system())
    return {'model-version': model(), 'commit': tree(),
            'date': time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime()),
            'host': f'{system}, {platform.machine()}, {os.cpu_count()} processors'}


def main():
    SETTINGS.parser(__doc__, 'version').parse_args()
    commit = tree()
    print(f'mali-csf {model()}' + (f' ({commit})' if commit else ''))
    # What was fetched or found installed, by the use that it serves
    for line in project.read(os.path.join(project.BUILD, 'manifest')).splitlines():
        use, name, version, suite = line.split('\t')
        if use != 'host':
            print(f'{use}: {name} {version} ({suite})')
    return project.PASS
