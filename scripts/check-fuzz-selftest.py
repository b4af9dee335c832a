#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Break the device on purpose: libFuzzer must find each break."""

from malicsf import project
from malicsf.check import check_fuzz_selftest

if __name__ == '__main__':
    project.run_main(check_fuzz_selftest.main)
