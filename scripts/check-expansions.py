#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the lane tell right ways to write a patch from wrong ones?"""

from malicsf import project
from malicsf.lane import check_expansions

if __name__ == '__main__':
    project.run_main(check_expansions.main)
