#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot a kernel on the model and run the guest programs."""

from malicsf import project
from malicsf.run import run_guest

if __name__ == '__main__':
    project.run_main(run_guest.main)
