# SPDX-License-Identifier: GPL-2.0-or-later
"""The logs of a run, none of which a guest can make larger than its limit.

A limit is a number of bytes, or None for a log that may have any size.  What says
that a limit was reached is a line for the person who reads the log.
"""

import os
import threading

from malicsf import project

MIB = 1 << 20
# Events that device.log has beyond its limit: they are told at a falling rate
FINDINGS = 'mali_csf_violation', 'mali_csf_note', 'mali_csf_repeated', 'mali_csf_lost'


class Console:
    """console.log, which is written line by line."""

    def __init__(self, path, limit):
        self.path, self.limit = path, limit
        self.file, self.size, self.full = open(path, 'wb'), 0, ''

    def write(self, line):
        """line: bytes, with its end"""
        if self.full:
            return
        if self.limit is not None and self.size + len(line) > self.limit:
            self.full = f'console.log ends at {self.limit // MIB} MiB; the guest has said more'
            line = f'@@ {self.full}\n'.encode()
        self.size += len(line)
        with project.naming(self.path):
            self.file.write(line)

    def flush(self):
        with project.naming(self.path):
            self.file.flush()

    def close(self):
        self.file.close()


class Said:
    """qemu.log, of what QEMU prints, through a pipe."""

    def __init__(self, path, limit):
        self.path, self.limit, self.full = path, limit, ''
        self.reader = self.thread = None
        with open(path, 'wb'):
            pass

    def open(self):
        """Where QEMU is to print; the caller closes it."""
        self.reader, writer = os.pipe()
        self.thread = threading.Thread(target=self.copy, args=(self.reader,), daemon=True)
        self.thread.start()
        return writer

    def copy(self, reader):
        """Until the last who may print has ended; what is beyond the limit is read, too."""
        with open(reader, 'rb', buffering=0) as source, open(self.path, 'ab') as file:
            while data := source.read(65536):
                if self.full:
                    continue
                room = len(data) if self.limit is None else self.limit - file.tell()
                if len(data) > room:
                    self.full = (f'qemu.log ends at {self.limit // MIB} MiB; QEMU has printed '
                                 'more')
                    data = data[:room]
                try:
                    file.write(data)
                    file.flush()
                except OSError as error:
                    self.full = f'qemu.log: {error.strerror.lower()}'

    def wait(self):
        """Until all is written; a child that QEMU has left behind is not waited for."""
        if self.thread:
            self.thread.join(5)


class Device:
    """device.log, which QEMU writes: beyond the limit only findings, beyond twice that nothing."""

    def __init__(self, path, limit):
        self.path, self.limit, self.full = path, limit, ''
        self.stage = 0

    def size(self):
        try:
            return os.path.getsize(self.path)
        except FileNotFoundError:
            return 0

    def look(self, monitor):
        """Have QEMU write less if the log has become too large."""
        if self.limit is None or self.size() < self.limit * (self.stage + 1):
            return
        self.stage += 1
        if self.stage == 1:
            for name in ('*', *FINDINGS):
                monitor.command('trace-event-set-state', name=name, enable=name != '*',
                                **{'ignore-unavailable': True})
            monitor.command('human-monitor-command', **{'command-line': 'log trace'})
            self.full = (f'device.log has reached {self.limit // MIB} MiB: from here on it has '
                         'nothing but what the checker finds')
        elif self.stage == 2:
            monitor.command('human-monitor-command', **{'command-line': 'log none'})
            self.full = (f'device.log ends at {2 * self.limit // MIB} MiB, with findings that '
                         'it lacks')
