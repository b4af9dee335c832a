# SPDX-License-Identifier: GPL-2.0-or-later
"""A QEMU whose device is compiled by clang, with sanitizers.

A second build of QEMU with clang takes as long as the first one.  So only what is to be
instrumented is compiled, and linked with the objects of the ordinary build.
"""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys

from malicsf import project
from malicsf.project import Stop

# Of gcc's command line: what the meaning of the code depends on
KEPT = re.compile(r'-(?:[DI].*|std=.*|m.*|pthread|fno-strict-aliasing|fno-common|fwrapv|fPIE)$')
WITH_OPERAND = ('-isystem', '-iquote', '-include')
DROPPED_WITH_OPERAND = ('-o', '-MQ', '-MF', '-c')
DEVICE = '/hw/gpu/mali-csf/'
MAIN = 'qemu-system-aarch64.p/system_main.c.o'


class Build:
    """A folder of objects, beside that of the ordinary build."""

    def __init__(self, tree, folder):
        self.tree = tree
        self.obj = os.path.join(tree.folder, folder)
        # The ordinary program with this device in it
        self.binary = os.path.join(self.obj, 'qemu-system-aarch64')

    def compile(self, job):
        """Returns the object, and what clang said if it failed."""
        source, flags, name = job
        output = os.path.join(self.obj, name + '.o')
        result = subprocess.run(['clang', *flags, '-g', '-O1', '-c', source, '-o', output],
                                cwd=self.tree.obj, capture_output=True, text=True, check=False)
        return output, result.stderr if result.returncode else None

    def link(self, objects, arguments, output):
        response = output + '.rsp'
        project.write(response, '\n'.join(objects + arguments) + '\n')
        project.command(['clang', '-m64', '@' + response, '-o', output], output + '.log',
                        cwd=self.tree.obj)


def flags_of(entry):
    """The part of a compile command that clang takes, too."""
    words, flags = shlex.split(entry['command'])[1:], []
    while words:
        word = words.pop(0)
        if word in WITH_OPERAND:
            flags += [word, words.pop(0)]
        elif word in DROPPED_WITH_OPERAND:
            words.pop(0)
        elif KEPT.match(word):
            flags.append(word)
    return flags


def linked(tree):
    """Objects and arguments of qemu-system-aarch64's link."""
    text = project.read(os.path.join(tree.obj, 'build.ninja'))
    found = re.search(r'^build qemu-system-aarch64: \S+ ([^|\n]*).*\n((?: .*\n)*)', text, re.M)
    arguments = found and re.search(r'^ *LINK_ARGS = (.*)$', found[2], re.M)
    if not arguments:
        raise Stop('build.ninja of QEMU has no link of qemu-system-aarch64 that is understood',
                   project.FAIL)
    return found[1].split(), arguments[1].split()


def device_name(path):
    """What a file of the device is called below its folder"""
    return path.partition(DEVICE)[2]


def find(entries, what, test):
    for entry in entries:
        if test(entry):
            return entry
    raise Stop(f'QEMU compiles no {what}', project.FAIL)


class Objects:
    """What the ordinary build compiles and links, read from its files."""

    def __init__(self, tree):
        with open(os.path.join(tree.obj, 'compile_commands.json'), encoding='utf-8') as file:
            self.entries = json.load(file)
        self.names, self.arguments = linked(tree)
        self.device = [entry for entry in self.entries
                       if DEVICE in entry['file'] and entry['output'] in self.names]

    def device_jobs(self):
        """(source, flags but those of a sanitizer, name of the object) of each file"""
        return [(entry['file'], flags_of(entry),
                 'device-' + device_name(entry['file']).replace('/', '-'))
                for entry in self.device]

    def without(self, replaced):
        """Names of all but the main program's and those of some entries"""
        outputs = {entry['output'] for entry in replaced}
        return [name for name in self.names if name not in outputs and name != MAIN]


def compile_all(result, jobs):
    """Compile each job; returns the objects."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = list(pool.map(result.compile, jobs))
    for output, said in compiled:
        if said is not None:
            sys.stderr.write(said)
            raise Stop(f'{os.path.basename(output)} does not compile with clang', project.FAIL)
    return [output for output, _ in compiled]


def compile_changed(result, jobs, folder, names):
    """The objects of jobs that have been compiled, those of some files of the device anew.

    folder has the device's sources, of which those named, by their paths in it, are other
    ones.
    """
    changed, objects = [], []
    for source, flags, output in jobs:
        name = device_name(source)
        if name in names:
            changed.append((os.path.join(folder, name), flags,
                            'changed-' + name.replace('/', '-')))
        else:
            objects.append(os.path.join(result.obj, output + '.o'))
    return objects + compile_all(result, changed)
