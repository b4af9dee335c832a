#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure the model: loads, walks, locks, streams, VM_BIND and Mesa in a guest."""

from malicsf import project
from malicsf.check import bench

if __name__ == '__main__':
    project.run_main(bench.main)
