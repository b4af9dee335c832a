#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of the model the tests reach, counted by gcov."""

from malicsf import project
from malicsf.check import check_gcov

if __name__ == '__main__':
    project.run_main(check_gcov.main)
