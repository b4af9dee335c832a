#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run guest programs with one seed after the other: each is another interleaving."""

from malicsf import project
from malicsf.explore import explore

if __name__ == '__main__':
    project.run_main(explore.main)
