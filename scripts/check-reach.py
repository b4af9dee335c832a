#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions and which error messages of panthor the guest programs reach."""

from malicsf import project
from malicsf.check import check_reach

if __name__ == '__main__':
    project.run_main(check_reach.main)
