#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a function of the driver can be wrong by one edit: the sites of the mutation test."""

from malicsf import project
from malicsf.lane import mutant_sites

if __name__ == '__main__':
    project.run_main(mutant_sites.main)
