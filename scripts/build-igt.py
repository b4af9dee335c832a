#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Build IGT's panthor tests for arm64, from IGT's source in IGT_SRC=."""

from malicsf import project
from malicsf.build import build_igt

if __name__ == '__main__':
    project.run_main(build_igt.main)
