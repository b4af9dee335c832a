#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One HTML page of a run, to be mailed: RUN/report.html."""

from malicsf import project
from malicsf.run import report

if __name__ == '__main__':
    project.run_main(report.main)
