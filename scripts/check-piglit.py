#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""piglit's OpenCL programs in a guest: what passes on llvmpipe has to pass on the GPU."""

from malicsf import project
from malicsf.check import check_piglit

if __name__ == '__main__':
    project.run_main(check_piglit.main)
