# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU with ThreadSanitizer in the device and in what synchronizes its threads.

As in instrumented.py.  What is left out are the rest of QEMU's atomic accesses, by which
the sanitizer would know that one thing comes after another: files that make such ones for
the device are in SYNCHRONIZE.
"""

import os

from malicsf import host_packages, project
from malicsf.build import build_qemu, instrumented

INSTRUMENT = ['-fsanitize=thread', '-fno-omit-frame-pointer']
# Of QEMU: locks, events, RCU, bottom halves, timers, the big lock, guest memory
SYNCHRONIZE = [
    'util/qemu-thread-posix.c', 'util/rcu.c', 'util/async.c', 'util/main-loop.c',
    'util/lockcnt.c', 'util/qemu-coroutine.c', 'util/qemu-coroutine-lock.c',
    'util/aio-posix.c', 'util/aio-wait.c', 'util/qemu-timer.c', 'util/thread-pool.c',
    'util/bitmap.c', 'util/event_notifier-posix.c', 'system/cpus.c', 'system/physmem.c',
    'system/memory.c', 'replay/replay.c',
]
# In place of QEMU's, which it includes
COROUTINE = 'util/coroutine-ucontext.c'
OUR_COROUTINE = os.path.join(project.ROOT, 'tests/tsan/coroutine.c')


def entry_of(objects, name):
    """The compile command of a file of QEMU's that is in the program"""
    return instrumented.find(
        objects.entries, name, lambda entry: entry['file'].endswith('/src/' + name)
        and not entry['output'].startswith('tests/'))


class Plan:
    """What is compiled: (source, flags, name of the object); and the rest of the link"""

    def __init__(self, tree):
        objects = instrumented.Objects(tree)
        self.arguments = objects.arguments
        self.device = [(source, flags + INSTRUMENT, name)
                       for source, flags, name in objects.device_jobs()]
        entries = {name: entry_of(objects, name) for name in [COROUTINE, *SYNCHRONIZE]}
        self.qemu = []
        for name, entry in entries.items():
            source, flags = entry['file'], instrumented.flags_of(entry)
            if name == COROUTINE:
                source = OUR_COROUTINE
                flags += ['-iquote', tree.src, '-DCONFIG_TSAN=1']
            self.qemu.append((source, flags + INSTRUMENT, 'qemu-' + name.replace('/', '-')))
        self.others = objects.without([*objects.device, *entries.values()])


def link(result, plan, objects, output):
    result.link(objects + plan.others + [instrumented.MAIN],
                plan.arguments + ['-fsanitize=thread'], output)


def build(tree):
    """Build what has changed, QEMU and its qtests first."""
    host_packages.require('fuzz', 'a build with ThreadSanitizer')
    build_qemu.build(tree, tests=True)
    result = instrumented.Build(tree, 'obj-tsan')
    stamp = os.path.join(result.obj, 'built')
    wanted = project.stamp_of([tree.binary, OUR_COROUTINE, __file__, instrumented.__file__])
    if project.read(stamp) == wanted and os.path.exists(result.binary):
        return result
    project.say('building the device with ThreadSanitizer')
    os.makedirs(result.obj, exist_ok=True)
    plan = Plan(tree)
    link(result, plan, instrumented.compile_all(result, plan.device + plan.qemu), result.binary)
    project.write(stamp, wanted)
    return result


def build_changed(tree, result, folder, names):
    """A program in that folder with other files of the device, as of compile_changed()"""
    plan = Plan(tree)
    binary = os.path.join(folder, os.path.basename(result.binary))
    link(result, plan, instrumented.compile_changed(
        result, plan.device + plan.qemu, folder, names), binary)
    return binary
