#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make inputs for the fuzz targets from a guest run."""

from malicsf import project
from malicsf.check import record_seeds

if __name__ == '__main__':
    project.run_main(record_seeds.main)
