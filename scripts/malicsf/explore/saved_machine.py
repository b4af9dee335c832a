# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that is saved at the instant where the runner says that the driver is there.

It is the guest that says so and the machine that stops there, so the file is the same each time,
on each host, but for what QEMU notes of the host's clock.  RAM is a file of its own, of which
each run has a private view: it reads what it needs and copies what it writes.
"""

import fcntl
import hashlib
import os
import shutil

from malicsf import project
from malicsf.explore.stopping_qemu import (DONE, Ended, PORT_LOG, RAM, READY, REQUEST, STATE,
                                           StoppingQemu, TOLD, TooLate)
from malicsf.run import run_guest

SAVED = 'saved'
HASH, SYMBOLS = 'hash', 'symbols'
HASH_DIGITS = 16
BLOCK = 64 * 1024
# Saved machines that are left, of the same programs on the same kernel
MOST = 4
BOOT_SECONDS = 120
# What a saved machine has in place of
NOT_LOADED = ('-kernel', '-initrd', '-append')
# Section "timer" of a saved state (accel/tcg/icount-common.c): its name, two numbers of 32 bits
# and three of 64, of which the first and last are the host's.  It is the first one behind RAM.
TIMER = b'\5timer'
TIMER_AT, TIMER_BYTES = len(TIMER) + 8, 24


def backend(folder, size, options):
    return ['-object', f'memory-backend-file,id=ram,size={size},'
                       f'mem-path={os.path.join(folder, RAM)},{options}',
            '-machine', 'memory-backend=ram']


def loading(command, folder, size):
    """The command for a machine that was saved there."""
    command = list(command)
    for name in NOT_LOADED:
        place = command.index(name)
        del command[place:place + 2]
    return command + backend(folder, size, 'share=off,readonly=on,rom=off') + [
        '-incoming', 'defer']


def hash_of(folder):
    """Of everything that a run from there depends on

    Not of how the state tells of ROM and flash: in pieces of so many ms of the host
    (ram_save_iterate() in migration/ram.c, QEMU 10.0).
    """
    with open(os.path.join(folder, STATE), 'rb') as file:
        state = file.read()
    clock = state.find(TIMER)
    if clock >= 0:
        state = state[clock:clock + TIMER_AT] + state[clock + TIMER_AT + TIMER_BYTES:]
    digest = hashlib.sha256(state)
    for offset, data in blocks(os.path.join(folder, RAM)):
        digest.update(offset.to_bytes(8, 'big') + data)
    return digest.hexdigest()[:HASH_DIGITS]


def blocks(path):
    """(offset, bytes) of what is not zero: most of the file is a hole."""
    with open(path, 'rb', buffering=0) as file:
        size, end = os.path.getsize(path), 0
        while end < size:
            try:
                start = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError:
                return
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            start -= start % BLOCK
            for offset in range(start, end, BLOCK):
                data = os.pread(file.fileno(), BLOCK, offset)
                if data != bytes(len(data)):
                    yield offset, data
            end += -end % BLOCK


def make(machine, folder):
    """Boot, and save the machine into a folder that is empty."""
    run_guest.write_events(folder)
    # Nothing of the seed is in it: the generators of the scheduler and of the device begin when
    # the machine is loaded.
    qemu = StoppingQemu(machine.command(folder) + backend(folder, machine.settings.mem, 'share=on'),
                        folder, BOOT_SECONDS * machine.settings.slack)
    try:
        qemu.stop_at(READY, DONE)
        qemu.go_on()
        line = qemu.until_stop()
        if line.startswith(READY):
            qemu.save(folder)
    except (Ended, TooLate):
        line = ''
    finally:
        qemu.end()
    if not line.startswith(READY):
        raise project.Stop(run_guest.what_qemu_said(folder) or
                           'the guest does not come to its first program: see console.log in '
                           f'{os.path.relpath(folder, project.ROOT)}', project.FAIL)
    project.write(os.path.join(folder, HASH), hash_of(folder) + '\n')


def symbols(machine):
    """What the guest tells of its driver's functions; '' if the driver is no module

    It is asked once, in a run of its own from there, so that neither what is saved nor a run of a
    seed depends on it.
    """
    path = os.path.join(machine.saved, SYMBOLS)
    if os.path.exists(path):
        return project.read(path)
    folder = os.path.join(machine.saved, f'asked-{os.getpid()}')
    os.makedirs(folder, exist_ok=True)
    run_guest.write_events(folder)
    qemu = StoppingQemu(loading(machine.command(folder), machine.saved, machine.settings.mem),
                        folder, machine.seconds())
    try:
        qemu.load(machine.saved)
        qemu.stop_at(REQUEST, DONE)
        qemu.go_on()
        if qemu.until_stop().startswith(REQUEST):
            qemu.stop_at(TOLD, DONE)
            qemu.answer('ok')
            qemu.go_on()
            qemu.until_stop()
    except (Ended, TooLate) as error:
        raise project.Stop(run_guest.what_qemu_said(folder) or
                           'the guest does not say where its driver is: see '
                           f'{os.path.relpath(folder, project.ROOT)}',
                           project.FAIL) from error
    finally:
        qemu.end()
    told = project.read_lossy(os.path.join(folder, PORT_LOG))
    project.write(path, told)
    shutil.rmtree(folder)
    return told


def is_there(folder):
    return os.path.exists(os.path.join(folder, HASH))


def remove_old(parent):
    """Each takes some hundred megabytes."""
    found = [os.path.join(parent, name, SAVED) for name in os.listdir(parent)]
    found = [path for path in found if is_there(path)]
    for path in sorted(found, key=os.path.getmtime)[:1 - MOST]:
        with open(os.path.join(os.path.dirname(path), 'lock'), 'w', encoding='utf-8') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(path)


def provide(machine, folder):
    """(folder, hash) of the machine, which is made if it is not there; and a lock.

    It is there as long as the lock is not closed.
    """
    saved = os.path.join(folder, SAVED)
    lock = open(os.path.join(folder, 'lock'), 'w', encoding='utf-8')
    fcntl.flock(lock, fcntl.LOCK_SH)
    if not is_there(saved):
        # Others may be about to do so, but nobody runs from there.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_there(saved):
            remove_old(os.path.dirname(folder))
            project.say('booting, to save the machine')
            shutil.rmtree(saved, ignore_errors=True)
            os.makedirs(saved)
            make(machine, saved)
        fcntl.flock(lock, fcntl.LOCK_SH)
    return saved, project.read(os.path.join(saved, HASH)).strip(), lock
