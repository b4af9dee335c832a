#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the qtests that use threads under ThreadSanitizer."""

from malicsf import project
from malicsf.check import check_tsan

if __name__ == '__main__':
    project.run_main(check_tsan.main)
