# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU with libFuzzer and sanitizers in the device.

The device and the fuzz targets are instrumented, as in instrumented.py.  QEMU's own code
is not: a bad pointer that the device hands to it shows only where it meets the heap.
"""

import os
import re

from malicsf import host_packages, project
from malicsf.build import build_qemu, instrumented

SANITIZERS = '-fsanitize=address,undefined'
INSTRUMENT = ['-fsanitize=fuzzer-no-link,address,undefined', '-fno-omit-frame-pointer']
# Walks the tables of what is saved, several times an input: what it covers says nothing of
# the input, and would take a third of the time.
UNCOVERED = {'saved.c': ['-fno-sanitize=fuzzer-no-link']}
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


class Build(instrumented.Build):
    """The folder of this build and what comes out of it."""

    def __init__(self, tree):
        super().__init__(tree, 'obj-fuzz')
        self.fuzzer = os.path.join(self.obj, 'qemu-fuzz-aarch64')


class Plan:
    """What is compiled for fuzzing, and what it is linked with."""

    def __init__(self, tree):
        objects = instrumented.Objects(tree)
        self.arguments = objects.arguments
        target = instrumented.flags_of(instrumented.find(
            objects.entries, 'code for the target',
            lambda entry: entry['output'].startswith('libqemu-aarch64-softmmu.a.p/')))
        test = instrumented.flags_of(instrumented.find(
            objects.entries, OURS[0], lambda entry: entry['file'].endswith(OURS[0])))
        # Source, flags, name of the object
        self.device = [(source, flags + INSTRUMENT +
                        UNCOVERED.get(instrumented.device_name(source), []), name)
                       for source, flags, name in objects.device_jobs()]
        self.tests = []
        for name in DRIVER + OURS:
            # What includes headers of the system emulator is compiled as that.
            flags = target if '/fuzz/' in name else test
            # libFuzzer gives up if its entry point covers nothing.
            self.tests.append((os.path.join(tree.src, name), flags + (
                INSTRUMENT if name == DRIVER[0] else []), os.path.basename(name)))
        self.tests.append((TARGETS, target + [
            '-iquote', os.path.join(tree.src, 'tests/qtest/fuzz')], 'targets'))
        self.others = objects.without(objects.device)


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
    wanted = project.stamp_of([tree.binary, TARGETS, __file__, instrumented.__file__,
                               *shared])
    if project.read(stamp) == wanted and os.path.exists(result.fuzzer):
        return result
    project.say('building the device with libFuzzer and sanitizers')
    os.makedirs(result.obj, exist_ok=True)
    plan = Plan(tree)
    device = instrumented.compile_all(result, plan.device)
    tests = instrumented.compile_all(result, plan.tests)
    link_fuzzer(result, plan, device + tests, result.fuzzer)
    result.link(plan.others + [instrumented.MAIN] + device, plan.arguments + [SANITIZERS], result.binary)
    project.write(stamp, wanted)
    return result


def build_changed(tree, result, folder, names):
    """A fuzzer in that folder with other files of the device, as of compile_changed()"""
    plan = Plan(tree)
    fuzzer = os.path.join(folder, os.path.basename(result.fuzzer))
    link_fuzzer(result, plan, instrumented.compile_changed(
        result, plan.device + plan.tests, folder, names), fuzzer)
    return fuzzer
