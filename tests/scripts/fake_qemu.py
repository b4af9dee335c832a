#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What run-guest.py takes for QEMU, in tests of it: no machine, only its lines.

Plays the steps of the JSON list in FAKE_QEMU, one after the other:

  ["port" | "console", text, times=1]   on that serial line
  ["log", text, times=1]       into device.log
  ["print", text, times=1]     as QEMU itself
  ["orders", count]            wait until so many orders about the log have come in, and write
                               them to the file "orders": [command, argument ...]
  ["wait", seconds]
  ["counts", {gpu: {identifier: count}}]   what the device says that it has counted
  ["power-off"]                as a guest: wait for "quit" from the monitor
  ["stop"]                     as strict=stop
  ["answer"]                   go on when a line has come in on the port, or on the line named
  ["signal", number]           die of it
  ["exit", status]
"""

import json
import os
import signal
import socket
import sys
import threading
import time


class Fake:
    """The lines to run-guest.py, by the file descriptors of its command line."""

    def __init__(self, arguments):
        self.lines = {}
        for word in arguments:
            if word.startswith('socket,id='):
                name, number = word.removeprefix('socket,id=').split(',fd=')
                self.lines[name] = socket.socket(fileno=int(number))
        self.counts, self.orders = {}, []
        self.log = open('device.log', 'a', encoding='utf-8')
        self.quit = threading.Event()
        threading.Thread(target=self.monitor, daemon=True).start()

    def say(self, message):
        self.lines['monitor'].sendall(json.dumps(message).encode() + b'\r\n')

    def answer(self, command, arguments):
        path = arguments.get('path', '')
        gpu = path.rpartition('/')[2]
        if command == 'qom-list' and path == '/machine/peripheral':
            return [{'name': name, 'type': 'child<mali-csf>'} for name in self.counts]
        if command == 'qom-list' and gpu in self.counts:
            return [{'name': f'count-{name}', 'type': 'uint64'} for name in self.counts[gpu]]
        if command == 'qom-get':
            return self.counts[gpu].get(arguments['property'].removeprefix('count-'), 0)
        return []

    def monitor(self):
        self.say({'QMP': {'version': {}, 'capabilities': []}})
        for line in self.lines['monitor'].makefile('rb'):
            order = json.loads(line)
            if order['execute'] in ('trace-event-set-state', 'human-monitor-command'):
                self.orders.append([order['execute'], *(
                    value for name, value in order['arguments'].items()
                    if name != 'ignore-unavailable')])
            self.say({'return': self.answer(order['execute'], order.get('arguments', {})),
                      'id': order['id']})
            if order['execute'] == 'quit':
                self.quit.set()
        os._exit(0)

    def play(self, steps):
        for kind, *values in steps:
            if kind in ('port', 'console'):
                self.lines[kind].sendall(values[0].encode() * (values[1:] or [1])[0])
            elif kind == 'log':
                self.log.write(values[0] * (values[1:] or [1])[0])
                self.log.flush()
            elif kind == 'print':
                print(values[0] * (values[1:] or [1])[0], end='', flush=True)
            elif kind == 'orders':
                while len(self.orders) < values[0]:
                    time.sleep(0.01)
                with open('orders', 'w', encoding='utf-8') as file:
                    json.dump(self.orders, file)
            elif kind == 'wait':
                time.sleep(values[0])
            elif kind == 'counts':
                self.counts = values[0]
            elif kind == 'answer':
                self.lines[(values or ['port'])[0]].recv(1000)
            elif kind == 'power-off':
                self.say({'event': 'SHUTDOWN', 'data': {'guest': True}})
                self.say({'event': 'STOP'})
                self.quit.wait()
                return 0
            elif kind == 'stop':
                self.say({'event': 'STOP'})
            elif kind == 'signal':
                if values[0] != signal.SIGKILL:
                    signal.signal(values[0], signal.SIG_DFL)
                os.kill(os.getpid(), values[0])
            elif kind == 'exit':
                return values[0]
        signal.pause()
        return 0


if __name__ == '__main__':
    status = Fake(sys.argv[1:]).play(json.loads(os.environ['FAKE_QEMU']))
    # Not joined: a thread of ours waits for the monitor.
    os._exit(status)
