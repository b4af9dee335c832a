# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's monitor, and what a guest program may ask of it."""

import collections
import json
import time

DEVICE_ID = 'gpu'
DEVICES_PATH = '/machine/peripheral/'
DEVICE_PATH = DEVICES_PATH + DEVICE_ID
GPU_TYPE = 'child<mali-csf>'
COUNTER = 'count-'      # the properties that count findings


class Monitor:
    """QMP, one command at a time."""

    PATIENCE = 15           # seconds for an answer, which takes milliseconds

    def __init__(self, connection, wait):
        """wait(seconds): returns when there is something to receive, or after that time"""
        self.connection, self.wait = connection, wait
        self.received, self.unread = b'', []
        self.commands = 0
        # What QEMU has said: the guest has powered off or reset; before that, the machine
        # was stopped
        self.shut_down = self.stopped = False

    def messages(self, deadline):
        """What QEMU says, until the deadline or its end."""
        while True:
            while self.unread:
                yield self.unread.pop(0)
            if not self.wait(deadline - time.monotonic()):
                return
            data = self.connection.recv(65536)
            if not data:
                raise OSError('QEMU has ended')
            *lines, self.received = (self.received + data).split(b'\n')
            for line in lines:
                message = json.loads(line)
                # Events are heeded at once: nobody may ask for a message for a long time.
                self.shut_down |= message.get('event') == 'SHUTDOWN'
                self.stopped |= message.get('event') == 'STOP' and not self.shut_down
                self.unread.append(message)

    def ask(self, execute, arguments):
        """(value, None) or (None, error text)"""
        self.commands += 1
        command = json.dumps({'execute': execute, 'arguments': arguments, 'id': self.commands})
        self.connection.sendall(command.encode() + b'\n')
        for answer in self.messages(time.monotonic() + self.PATIENCE):
            if answer.get('id') != self.commands:
                continue
            if 'error' in answer:
                return None, answer['error']['desc']
            return answer['return'], None
        return None, 'no answer'

    def listen(self):
        """Take note of what QEMU says unasked; whether it still may say something."""
        try:
            for _ in self.messages(time.monotonic() + 0.01):
                pass
        except (OSError, ValueError):
            return False
        return True

    def command(self, execute, **arguments):
        """(value, None) or (None, error text)"""
        try:
            if not self.commands:
                self.ask('qmp_capabilities', {})
            return self.ask(execute, arguments)
        except (OSError, ValueError) as error:
            return None, f'QMP: {error}'

    def tell(self):
        """Have the log tell of all that the checkers have found up to now."""
        for path in self.gpus():
            self.command('qom-get', path=path, property='violations')

    def gpus(self):
        """Paths of the GPUs of the machine"""
        found = []
        for folder in (DEVICES_PATH, DEVICES_PATH.rstrip('/') + '-anon/'):
            rows, _ = self.command('qom-list', path=folder.rstrip('/'))
            found += [folder + row['name'] for row in rows or [] if row['type'] == GPU_TYPE]
        return found

    def counted(self):
        """{identifier: how often all GPUs have found it}, or why that is not known"""
        counts = collections.Counter()
        for path in self.gpus():
            rows, error = self.command('qom-list', path=path)
            for name in [row['name'] for row in rows or [] if row['name'].startswith(COUNTER)]:
                value, error = self.command('qom-get', path=path, property=name)
                if error:
                    break
                counts[name.removeprefix(COUNTER)] += value
            if error:
                return f'{path}: {error}'
        _, error = self.command('query-status')
        return error or {name: count for name, count in counts.items() if count}

    def inject(self, kind, members):
        """Arm a failure of the device; its number, or what is wrong with it"""
        arguments = {'path': DEVICE_PATH, 'kind': kind}
        for member in members:
            name, _, value = member.partition('=')
            try:
                arguments[name] = int(value, 0)
            except ValueError:
                arguments[name] = value
        before, error = self.command('x-query-mali-csf-injections', path=DEVICE_PATH)
        if error:
            return '', error
        value, error = self.command('mali-csf-inject', **arguments)
        if error:
            return '', error
        # The command may have been given again, see PATIENCE.
        known = {row['id'] for row in before} | {value['id']}
        after, error = self.command('x-query-mali-csf-injections', path=DEVICE_PATH)
        for row in after or []:
            if row['id'] not in known:
                self.command('mali-csf-inject-clear', path=DEVICE_PATH, id=row['id'])
        return value['id'], error

    def request(self, words):
        """Answer a guest program's request, in one line."""
        verb, rest = words[0], words[1:]
        if verb in ('trace-on', 'trace-off') and len(rest) == 1:
            _, error = self.command('trace-event-set-state', name=rest[0],
                                    enable=verb == 'trace-on', **{'ignore-unavailable': True})
            value = ''
        elif verb == 'qom-get' and len(rest) in (1, 2):
            value, error = self.command('qom-get', path=DEVICES_PATH + (rest[1:] or [DEVICE_ID])[0],
                                        property=rest[0])
            value = value if isinstance(value, str) else json.dumps(value)
        elif verb == 'qom-set' and len(rest) == 2:
            try:
                wanted = json.loads(rest[1])
            except ValueError:
                return f'error {rest[1]} is no JSON value'
            _, error = self.command('qom-set', path=DEVICE_PATH, property=rest[0], value=wanted)
            value = ''
        elif verb == 'inject' and rest:
            value, error = self.inject(rest[0], rest[1:])
        elif verb == 'injected' and len(rest) == 1:
            value, error = self.command('x-query-mali-csf-injections', path=DEVICE_PATH)
            met = [row['met'] for row in value or [] if str(row['id']) == rest[0]]
            value, error = (met[0], error) if met else ('', error or f'no injection {rest[0]}')
        elif verb == 'inject-clear' and not rest:
            _, error = self.command('mali-csf-inject-clear', path=DEVICE_PATH)
            value = ''
        else:
            return ('error unknown request; valid: trace-on <events>, trace-off <events>, '
                    'qom-get <property> [<device>], qom-set <property> <JSON value>, '
                    'inject <kind> [<member>=<value> ...], injected <number>, inject-clear')
        return f'error {error}' if error else f'ok {value}'.strip()
