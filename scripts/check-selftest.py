#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Break the model on purpose: the qtests must notice."""

from malicsf import project
from malicsf.check import check_selftest

if __name__ == '__main__':
    project.run_main(check_selftest.main)
