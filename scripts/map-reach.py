#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write tests/kernel/reach.tsv: which guest programs reach which functions of panthor."""

from malicsf import project
from malicsf.lane import map_reach

if __name__ == '__main__':
    project.run_main(map_reach.main)
