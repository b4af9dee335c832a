#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages that this machine needs: named, then installed."""

from malicsf import host_packages, project

if __name__ == '__main__':
    project.run_main(host_packages.main)
