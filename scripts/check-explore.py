#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Explorations hold what they promise: the same seed is the same run, another one is not."""

from malicsf import project
from malicsf.explore import check_explore

if __name__ == '__main__':
    project.run_main(check_explore.main)
