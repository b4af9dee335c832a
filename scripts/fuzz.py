#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzz the device with libFuzzer under the address and undefined-behaviour sanitizers."""

from malicsf import project
from malicsf.check import fuzz

if __name__ == '__main__':
    project.run_main(fuzz.main)
