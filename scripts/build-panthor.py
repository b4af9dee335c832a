#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Build panthor.ko for a kernel of the archive, with a patch or without."""

from malicsf import project
from malicsf.build import build_panthor

if __name__ == '__main__':
    project.run_main(build_panthor.main)
