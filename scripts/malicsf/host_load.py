# SPDX-License-Identifier: GPL-2.0-or-later
"""How late the host was: whether what took too long did so for lack of a processor.

A guest's clock goes on while its QEMU waits for a processor of the host, so a
time-out may say nothing about the guest.  Four things tell:

  waited  the share of the time in which QEMU's threads could have run and had
          to wait (/proc/<pid>/task/*/schedstat); the best of them
  steal   the share of the time that a hypervisor took from this machine
  lag     seconds that a timer of ours came too late, at most
  load    the load average

None of them says anything about a guest whose clock follows its instructions
(-icount shift=<number>).
"""

import glob
import os
import re
import threading
import time

from malicsf import project

# What an idle host with two processors has, with two guests of two processors at the same time,
# is below these; at a load of 10 most runs are above.
WAITED, STEAL, LAG, LOAD = 0.4, 0.1, 0.5, 2.0
PERIOD = 0.1


def steal_ticks():
    """(stolen, all) of /proc/stat"""
    fields = [int(word) for word in project.read('/proc/stat').partition('\n')[0].split()[1:]]
    # The last two, of guests, are in the first two as well.
    return (fields[7], sum(fields[:8])) if len(fields) >= 8 else (0, 0)


class Lateness:
    """Of a time, for one process or for the whole host; members that are not known are None.

    seconds: how long that time was; used: how many seconds of processors it took
    """

    def __init__(self, waited, steal, lag, load, processors, icount=False, seconds=0.0, used=0.0):
        self.waited, self.steal, self.lag = waited, steal, lag
        self.load, self.processors, self.icount = load, processors, icount
        self.seconds, self.used = seconds, used

    def late(self, by_host_clock=False):
        """Whether a time-out of then means little; one of the guest, or one of the host's clock."""
        if self.icount and not by_host_clock:
            return False
        if self.waited is not None:
            # What QEMU itself has met; the load is that of others, too.
            return self.waited > WAITED or self.steal > STEAL or self.lag > LAG
        return self.steal > STEAL or self.lag > LAG or self.load > LOAD * self.processors

    def __str__(self):
        words = [f'load {self.load:.1f} on {self.processors} processors']
        if self.waited is not None:
            words.append(f'QEMU waited for one {100 * self.waited:.0f} % of the time')
        if self.steal >= 0.01:
            words.append(f'{100 * self.steal:.0f} % stolen by a hypervisor')
        if self.lag >= PERIOD:
            words.append(f'timers up to {self.lag:.1f} s late')
        if self.icount:
            words.append('the guest\'s clock follows its instructions')
        return 'host: ' + ', '.join(words)

    def row(self):
        """For result.json"""
        return {'waited': self.waited and round(self.waited, 3), 'steal': round(self.steal, 3),
                'lag': round(self.lag, 3), 'load': round(self.load, 2),
                'processors': self.processors, 'icount': self.icount,
                'seconds': round(self.seconds, 2), 'used': round(self.used, 2), 'late': self.late(),
                'text': str(self)}


def from_row(row):
    return Lateness(*(row[name] for name in ('waited', 'steal', 'lag', 'load', 'processors',
                                             'icount', 'seconds', 'used')))


class Watch(threading.Thread):
    """Looks at the host from its start on."""

    def __init__(self, pid=None, icount=False):
        super().__init__(daemon=True)
        self.pid, self.icount = pid, icount
        self.processors = len(os.sched_getaffinity(0))
        self.tasks = {}         # {thread: (ns that it ran, ns that it could have)}, ended ones too
        self.lags, self.loads = [], []  # (when, seconds)
        self.marks = {}
        self.lock, self.over = threading.Lock(), threading.Event()
        self.look()
        self.mark(None)

    def look(self):
        """Read what the kernel tells of QEMU's threads."""
        if self.pid is None:
            return
        for path in glob.glob(f'/proc/{self.pid}/task/[0-9]*/schedstat'):
            try:
                with open(path, encoding='ascii') as file:
                    ran, waited, _ = (int(word) for word in file.read().split())
            except (OSError, ValueError):
                continue
            self.tasks[path] = ran, waited

    def run(self):
        while True:
            start = time.monotonic()
            if self.over.wait(PERIOD):
                return
            now = time.monotonic()
            with self.lock:
                self.look()
                self.lags.append((now, now - start - PERIOD))
                self.loads.append((now, os.getloadavg()[0]))

    def end(self):
        self.over.set()

    def sums(self):
        return tuple(sum(numbers) for numbers in zip(*self.tasks.values())) or (0, 0)

    def mark(self, name):
        """Remember the present as the begin of something."""
        with self.lock:
            self.look()
            self.marks[name] = (time.monotonic(), steal_ticks(), self.sums())

    def since(self, name=None):
        """Lateness since a mark, by default since the start."""
        with self.lock:
            self.look()
            start, (stolen, ticks), (ran, waited) = self.marks.get(name) or self.marks[None]
            new_stolen, new_ticks = steal_ticks()
            new_ran, new_waited = self.sums()
            ready = (new_ran - ran) + (new_waited - waited)
            return Lateness(
                (new_waited - waited) / ready if ready > 0 else None,
                (new_stolen - stolen) / max(new_ticks - ticks, 1),
                max([lag for when, lag in self.lags if when >= start], default=0.0),
                max([load for when, load in self.loads if when >= start],
                    default=os.getloadavg()[0]),
                self.processors, self.icount, time.monotonic() - start, (new_ran - ran) / 1e9)


def follows_instructions(arguments):
    """Whether the guest's clock does not depend on the host's: -icount shift=<number>"""
    return any(word.lstrip('-') == 'icount' and re.search(r'(^|shift=)\d', value)
               for word, value in zip(arguments, arguments[1:]))
