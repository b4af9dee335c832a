#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Record a guest run and replay it, twice: the device does the same."""

from malicsf import project
from malicsf.check import check_replay

if __name__ == '__main__':
    project.run_main(check_replay.main)
