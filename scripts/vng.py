#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot a kernel on the model under virtme-ng and run a command there."""

from malicsf import project
from malicsf.run import virtme

if __name__ == '__main__':
    project.run_main(virtme.main)
