#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run suites of "meson test" and add up what they report."""

from malicsf import project
from malicsf.check import check

if __name__ == '__main__':
    project.run_main(check.main)
