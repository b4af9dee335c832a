# SPDX-License-Identifier: GPL-2.0-or-later
"""A QEMU that stops when its guest has something to say to the host.

The guest's second serial port is a file, and certain lines stop the machine at their end
(hw/gpu/mali-csf/host-port.c).  What is done meanwhile takes no time of the guest's, so nothing
depends on how busy the host is.
"""

import os
import select
import socket
import subprocess
import time

from malicsf import project
from malicsf.run import run_guest
from malicsf.run.monitor import Monitor

PORT = '/chardevs/port'
PORT_LOG = 'port.log'
# Of the runner's protocol, see tests/guest/runner.c: programs come next, they are over, one of
# them asks for something, or the runner whether to tell symbols, which it has told
READY, DONE, REQUEST, TOLD = '@@ panthor', '@@ done', '#@ request ', '@@ symbols'
STATE, RAM = 'state', 'ram'
POLL_SECONDS = 0.002
NO_DEADLINE = 1 << 30


class Ended(Exception):
    """QEMU has ended by itself, as it does if the guest powers off or is reset."""


class TooLate(Exception):
    """The deadline has passed."""


class StoppingQemu:
    """A process, and its monitor.

    seconds: after which it is too late, or None; started: is called with the process, to be
    able to end it
    """

    def __init__(self, command, folder, seconds=None, started=None):
        self.folder = folder
        self.deadline = time.monotonic() + (seconds or NO_DEADLINE)
        self.stops, self.seen = (), 0           # lines of PORT_LOG that were acted on
        ours, theirs = socket.socketpair()
        with open(os.path.join(folder, 'qemu.log'), 'w', encoding='utf-8') as said, theirs:
            self.process = subprocess.Popen(
                run_guest.DIE_WITH_PARENT + command + [
                    '-chardev', 'mali-csf-host-port,id=console,path=console.log',
                    '-serial', 'chardev:console',
                    '-chardev', f'mali-csf-host-port,id=port,path={PORT_LOG}',
                    '-serial', 'chardev:port',
                    '-chardev', f'socket,id=monitor,fd={theirs.fileno()}',
                    '-mon', 'chardev=monitor,mode=control'],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()], process_group=0)
        self.monitor = Monitor(ours, self.wait)
        if started:
            started(self.process)

    def wait(self, seconds):
        """Whether the monitor has something to say within that time, or before the deadline."""
        seconds = min(seconds, self.deadline - time.monotonic())
        return bool(select.select([self.monitor.connection], [], [], max(seconds, 0))[0])

    def must(self, execute, **arguments):
        """The value of a command; Ended, TooLate, or Stop if it was refused."""
        value, error = self.monitor.command(execute, **arguments)
        if error and time.monotonic() > self.deadline:
            raise TooLate
        if error and error.startswith('QMP: '):
            raise Ended
        if error:
            raise project.Stop(f'QEMU: {execute}: {error}', project.FAIL)
        return value

    def stop_at(self, *beginnings):
        """Lines that begin so stop the machine."""
        self.stops = beginnings
        self.must('qom-set', path=PORT, property='stop-at', value='\n'.join(beginnings))

    def answer(self, text):
        self.must('qom-set', path=PORT, property='answer', value=text + '\n')

    def go_on(self):
        self.must('cont')

    def new_line(self):
        """The line that has stopped the machine, or '' if something else did."""
        lines = project.read_lossy(os.path.join(self.folder, PORT_LOG)).split('\n')[:-1]
        if len(lines) == self.seen or not lines[-1].startswith(self.stops):
            return ''
        self.seen = len(lines)
        return lines[-1]

    def until_stop(self):
        """The line that stops the machine next; Ended, TooLate.

        A debugger also stops it, and lets it go on.
        """
        try:
            while time.monotonic() < self.deadline:
                for message in self.monitor.messages(self.deadline):
                    if message.get('event') == 'STOP' and (line := self.new_line()):
                        return line
        except (OSError, ValueError) as error:
            raise Ended from error
        raise TooLate

    # -- a machine that is saved: its RAM is a file already

    def ignore_ram(self):
        self.must('migrate-set-capabilities',
                  capabilities=[{'capability': 'x-ignore-shared', 'state': True}])

    def save(self, folder):
        self.ignore_ram()
        self.must('migrate', uri='file:' + os.path.join(folder, STATE))
        while (status := self.must('query-migrate')['status']) != 'completed':
            if status == 'failed' or time.monotonic() > self.deadline:
                raise project.Stop(f'the machine cannot be saved: {status}', project.FAIL)
            time.sleep(POLL_SECONDS)

    def load(self, folder):
        self.ignore_ram()
        self.must('migrate-incoming', uri='file:' + os.path.join(folder, STATE))
        while self.must('query-status')['status'] == 'inmigrate':
            time.sleep(POLL_SECONDS)

    def end(self):
        """The exit status, or None if it had to be ended."""
        try:
            # One that has closed its monitor is about to end.
            status = self.process.wait(0 if not self.has_closed() else 5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = None
        self.monitor.connection.close()
        return status

    def has_closed(self):
        try:
            return not self.monitor.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
