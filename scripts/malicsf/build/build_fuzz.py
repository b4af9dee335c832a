# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU with libFuzzer and sanitizers in the device.

A second build of QEMU with clang takes as long as the first one.  So only the
device and the fuzz targets are compiled, with clang and instrumented, and
linked with the objects of the ordinary build.  What is not instrumented is
QEMU's own code: a bad pointer that the device hands to it shows only where it
meets the heap.
"""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys

from malicsf import host_packages, project
from malicsf.build import build_qemu
from malicsf.project import Stop

SANITIZERS = '-fsanitize=address,undefined'
INSTRUMENT = ['-fsanitize=fuzzer-no-link,address,undefined', '-fno-omit-frame-pointer']
# Walks the tables of what is saved, several times an input: what it covers says nothing of
# the input, and would take a third of the time.
UNCOVERED = {'saved.c': ['-fno-sanitize=fuzzer-no-link']}
# Of gcc's command line: what the meaning of the code depends on
KEPT = re.compile(r'-(?:[DI].*|std=.*|m.*|pthread|fno-strict-aliasing|fno-common|fwrapv|fPIE)$')
WITH_OPERAND = ('-isystem', '-iquote', '-include')
DROPPED_WITH_OPERAND = ('-o', '-MQ', '-MF', '-c')
DEVICE = '/hw/gpu/mali-csf/'
# QEMU's driver of libFuzzer and what it needs, from QEMU's tree; and ours
DRIVER = ['tests/qtest/fuzz/fuzz.c', 'tests/qtest/fuzz/qtest_wrappers.c', 'tests/qtest/libqtest.c',
          'tests/qtest/libqmp.c', 'tests/qtest/libqos/qgraph.c']
LIBQOS = 'tests/qtest/libqos'
OURS = [f'{LIBQOS}/mali-csf.c', f'{LIBQOS}/mali-csf-saved.c',
        *(f'{LIBQOS}/{name}' for name in sorted(os.listdir(os.path.join(project.ROOT, LIBQOS)))
          if re.fullmatch(r'mali-csf-fuzz.*\.c', name))]
TARGETS = os.path.join(project.ROOT, 'tests/fuzz/mali-csf-fuzz.c')
# The driver's wrappers take the place of these functions of libqtest.
WRAPPED = ('inb inw inl outb outw outl readb readw readl readq writeb writew writel writeq '
           'memread bufread memwrite bufwrite memset').split()
MAIN = 'qemu-system-aarch64.p/system_main.c.o'


class Build:
    """The folder of this build and what comes out of it."""

    def __init__(self, tree):
        self.tree = tree
        self.obj = os.path.join(tree.folder, 'obj-fuzz')
        self.fuzzer = os.path.join(self.obj, 'qemu-fuzz-aarch64')
        # The ordinary program with the same device in it
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


class Plan:
    """What is compiled for fuzzing, and what it is linked with."""

    def __init__(self, tree):
        with open(os.path.join(tree.obj, 'compile_commands.json'), encoding='utf-8') as file:
            entries = json.load(file)
        objects, self.arguments = linked(tree)
        device = [entry for entry in entries
                  if DEVICE in entry['file'] and entry['output'] in objects]
        target = flags_of(find(entries, 'code for the target', lambda entry: entry[
            'output'].startswith('libqemu-aarch64-softmmu.a.p/')))
        test = flags_of(find(entries, OURS[0], lambda entry: entry['file'].endswith(OURS[0])))
        # Source, flags, name of the object
        self.device = [(entry['file'], flags_of(entry) + INSTRUMENT +
                        UNCOVERED.get(device_name(entry['file']), []),
                        'device-' + device_name(entry['file']).replace('/', '-'))
                       for entry in device]
        self.tests = []
        for name in DRIVER + OURS:
            # What includes headers of the system emulator is compiled as that.
            flags = target if '/fuzz/' in name else test
            # libFuzzer gives up if its entry point covers nothing.
            self.tests.append((os.path.join(tree.src, name), flags + (
                INSTRUMENT if name == DRIVER[0] else []), os.path.basename(name)))
        self.tests.append((TARGETS, target + [
            '-iquote', os.path.join(tree.src, 'tests/qtest/fuzz')], 'targets'))
        replaced = {entry['output'] for entry in device}
        self.others = [name for name in objects if name not in replaced and name != MAIN]


def compile_all(result, jobs):
    """Compile each job; returns the objects."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = list(pool.map(result.compile, jobs))
    for output, said in compiled:
        if said is not None:
            sys.stderr.write(said)
            raise Stop(f'{os.path.basename(output)} does not compile for fuzzing', project.FAIL)
    return [output for output, _ in compiled]


def link_fuzzer(result, plan, compiled, output):
    result.link(plan.others + compiled, plan.arguments + ['-fsanitize=fuzzer', SANITIZERS] + [
        '-Wl,-wrap,qtest_' + name for name in WRAPPED], output)


def build(tree):
    """Build what has changed, QEMU itself first."""
    host_packages.require('fuzz', 'a build for fuzzing')
    build_qemu.build(tree)
    result = Build(tree)
    stamp = os.path.join(result.obj, 'built')
    shared = [os.path.join(project.ROOT, name) for name in OURS]
    folder = os.path.join(project.ROOT, LIBQOS)
    shared += [os.path.join(folder, name)
               for name in build_qemu.matching(folder, r'mali-csf.*\.h')]
    wanted = project.stamp_of([tree.binary, TARGETS, __file__, *shared])
    if project.read(stamp) == wanted and os.path.exists(result.fuzzer):
        return result
    project.say('building the device with libFuzzer and sanitizers')
    os.makedirs(result.obj, exist_ok=True)
    plan = Plan(tree)
    device, tests = compile_all(result, plan.device), compile_all(result, plan.tests)
    link_fuzzer(result, plan, device + tests, result.fuzzer)
    result.link(plan.others + [MAIN] + device, plan.arguments + [SANITIZERS], result.binary)
    project.write(stamp, wanted)
    return result


def build_changed(tree, result, folder, names):
    """A fuzzer in that folder with other versions of some of the device's files.

    folder has the device's sources, of which those named, by their paths in it, are
    other ones.
    """
    plan = Plan(tree)
    jobs, compiled = [], []
    for source, flags, output in plan.device:
        name = device_name(source)
        if name in names:
            jobs.append((os.path.join(folder, name), flags,
                         'changed-' + name.replace('/', '-')))
        else:
            compiled.append(os.path.join(result.obj, output + '.o'))
    tests = [os.path.join(result.obj, output + '.o') for _, _, output in plan.tests]
    fuzzer = os.path.join(folder, os.path.basename(result.fuzzer))
    link_fuzzer(result, plan, compiled + compile_all(result, jobs) + tests, fuzzer)
    return fuzzer
