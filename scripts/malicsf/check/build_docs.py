# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents as a site of their own: build/docs/html.  A warning of Sphinx is an error.

In QEMU's documentation QEMU's indexes name them.  Here the index is made from the
folders, and a document that is in none of PARTS would not be found by a reader.
"""

import os
import shutil
import subprocess

from malicsf import host_packages, project, version
from malicsf.settings import SETTINGS

DOCS = os.path.join(project.ROOT, 'docs')
FOLDER = os.path.join(project.BUILD, 'docs')
# Title and files of each part of the index, in its order
PARTS = [('Using it', ['system/devices/*']), ('What the guest sees', ['specs/*']),
         ('Testing drivers, and working on the model', ['devel/first-change', 'devel/*']),
         ('Results', ['findings', 'changelog'])]


def index():
    title = 'mali-csf: an Arm Mali GPU for QEMU'
    lines = [title, '=' * len(title), '']
    for caption, files in PARTS:
        lines += ['.. toctree::', f'   :caption: {caption}', '   :maxdepth: 1', '   :glob:', '']
        lines += [f'   {name}' for name in files] + ['']
    return '\n'.join(lines)


def settings():
    return (f'project = "mali-csf"\nversion = release = "{version.model()}"\n'
            'master_doc = "index"\nhtml_theme = "alabaster"\nhtml_copy_source = False\n')


def write_source(folder):
    """Our documents with what Sphinx wants besides, in a folder that is made anew"""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder)
    project.write(os.path.join(folder, 'index.rst'), index())
    project.write(os.path.join(folder, 'conf.py'), settings())


def build(source, site):
    """Whether Sphinx has no complaint; it prints them."""
    shutil.rmtree(site, ignore_errors=True)
    return subprocess.run(
        ['sphinx-build', '-q', '-W', '--keep-going', '-n', '-b', 'html', source, site],
        stdin=subprocess.DEVNULL, env=host_packages.environment(), check=False).returncode == 0


def main():
    SETTINGS.parser(__doc__, 'build-docs').parse_args()
    project.require_host()
    host_packages.require('docs', 'make docs')
    source, site = (os.path.join(FOLDER, name) for name in ('source', 'html'))
    write_source(source)
    if not build(source, site):
        raise project.Stop('Sphinx warns of the documents', project.FAIL)
    project.say(os.path.relpath(os.path.join(site, 'index.html'), project.ROOT))
    return project.PASS
