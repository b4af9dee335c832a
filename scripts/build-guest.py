#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Build what the top meson.build describes: guest programs, firmware, disassemblers."""

from malicsf import project
from malicsf.build import build_guest

if __name__ == '__main__':
    project.run_main(build_guest.main)
