#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the blocks of the device model call and write as its floors allow."""

from malicsf import project
from malicsf.check import check_floors

if __name__ == '__main__':
    project.run_main(check_floors.main)
