#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Type what the documents tell a reader to type."""

from malicsf import project
from malicsf.check import check_docs

if __name__ == '__main__':
    project.run_main(check_docs.main)
