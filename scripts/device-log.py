#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the device's own log says about the guest's lock regions."""

from malicsf import project
from malicsf.run import device_log

if __name__ == '__main__':
    project.run_main(device_log.main)
