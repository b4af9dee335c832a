#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Say which variable was meant, for the Makefile."""

from malicsf import project

if __name__ == '__main__':
    project.unknown_variable()
