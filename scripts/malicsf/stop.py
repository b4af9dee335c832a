# SPDX-License-Identifier: GPL-2.0-or-later
"""How a command ends."""

PASS, FAIL, USAGE, CANNOT_TEST = 0, 1, 2, 125


class Stop(Exception):
    """The end of a command, with one line for the person who gave it."""

    def __init__(self, message, status=CANNOT_TEST):
        super().__init__(message)
        self.status = status


def usage(message):
    return Stop(message, USAGE)
