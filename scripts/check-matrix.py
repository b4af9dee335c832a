#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Models against kernels: the guest programs in every cell of the table."""

from malicsf import project
from malicsf.check import check_matrix

if __name__ == '__main__':
    project.run_main(check_matrix.main)
