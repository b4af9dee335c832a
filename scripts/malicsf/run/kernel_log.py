# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of the kernel's log are trouble: [kernel_log] of configs/guest.toml."""

import re

from malicsf import project

KINDS = ('crash', 'stall', 'trouble')
# On the console: the time, and who says it (CONFIG_PRINTK_CALLER)
TIME = re.compile(r'\[ *\d+\.\d+\](\[ *[TC]\d+\])? ?')


def patterns(*kinds):
    """The regular expressions of some kinds, by default of all; for Python and for POSIX."""
    table = project.config('guest')['kernel_log']
    return [pattern for kind in kinds or KINDS for pattern in table[kind]]


def text_of(line):
    """What a line of the console says, without its time; None if the kernel did not say it."""
    found = TIME.match(line)
    return line[found.end():] if found else None


class Judge:
    """Sorts texts of lines."""

    def __init__(self):
        self.compiled = {kind: re.compile('|'.join(patterns(kind)), re.I) for kind in KINDS}

    def kind(self, text):
        """'crash', 'stall', 'trouble', or None"""
        # A stall may begin with BUG, as a crash.
        return next((kind for kind in ('stall', 'crash', 'trouble')
                     if self.compiled[kind].search(text)), None)
