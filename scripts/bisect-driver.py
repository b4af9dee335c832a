#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Find the commit of panthor since which the guest programs fail."""

from malicsf import project
from malicsf.lane import bisect_driver

if __name__ == '__main__':
    project.run_main(bisect_driver.main)
