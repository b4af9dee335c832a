#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a patch for panthor changes: stock and patched, side by side."""

from malicsf import project
from malicsf.lane import check_patch

if __name__ == '__main__':
    project.run_main(check_patch.main)
