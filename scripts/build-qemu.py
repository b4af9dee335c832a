#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU with the device model in it."""

from malicsf import project
from malicsf.build import build_qemu

if __name__ == '__main__':
    project.run_main(build_qemu.main)
