#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run some qtests: those whose path has T in it."""

from malicsf import project
from malicsf.check import qtest

if __name__ == '__main__':
    project.run_main(qtest.main)
