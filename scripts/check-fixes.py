#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Would a bug of panthor have been noticed?  Its past fixes, taken out again."""

from malicsf import project
from malicsf.lane import check_fixes

if __name__ == '__main__':
    project.run_main(check_fixes.main)
