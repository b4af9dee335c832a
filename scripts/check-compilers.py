#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compile our files with every compiler there is, with -Werror."""

from malicsf import project
from malicsf.check import check_compilers

if __name__ == '__main__':
    project.run_main(check_compilers.main)
