#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutation test of panthor: what the checker and the guest programs notice."""

from malicsf import project
from malicsf.lane import check_mutants

if __name__ == '__main__':
    project.run_main(check_mutants.main)
