#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Load a thousand changed states: refused, or run on with, never a crash."""

from malicsf import project
from malicsf.check import check_load

if __name__ == '__main__':
    project.run_main(check_load.main)
