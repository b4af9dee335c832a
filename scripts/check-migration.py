#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Save and load the machine at random instants while a guest uses the GPU."""

from malicsf import project
from malicsf.check import check_migration

if __name__ == '__main__':
    project.run_main(check_migration.main)
