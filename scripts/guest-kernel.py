#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's kernel: one of Debian's archive, or a person's own."""

from malicsf import project
from malicsf.build import guest_kernel

if __name__ == '__main__':
    project.run_main(guest_kernel.main)
