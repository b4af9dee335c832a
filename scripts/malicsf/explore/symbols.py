# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the functions of the driver are, of the DRM scheduler and of its page tables.

The runner in the guest says so if it is asked before the first program (tests/guest/runner.c).
"""

import bisect
import re

# Not those that tell code from data, $x and $d
SYMBOL = re.compile(r'^@@ symbol ([0-9a-f]+) ([^$\s]\S*)$', re.M)
# Beyond its last function a module may have others, which are not named
LAST_BYTES = 4096


class Symbols:
    """Functions by their addresses."""

    def __init__(self, text):
        found = sorted((int(address, 16), name) for address, name in SYMBOL.findall(text))
        self.addresses, self.names = [row[0] for row in found], [row[1] for row in found]

    def at(self, address):
        """(name, whether it begins there)"""
        place = bisect.bisect_right(self.addresses, address) - 1
        if place < 0:
            return '?', False
        return self.names[place], self.addresses[place] == address

    def ranges(self):
        """As -dfilter takes them: modules are far from each other, or next to each other."""
        found = []
        for address in self.addresses:
            if found and address - found[-1][1] <= LAST_BYTES:
                found[-1][1] = address
            else:
                found.append([address, address])
        return ','.join(f'0x{first:x}..0x{last + LAST_BYTES:x}' for first, last in found)

    def ends(self):
        """(first, last) address of all, or None"""
        return (self.addresses[0], self.addresses[-1] + LAST_BYTES) if self.addresses else None
