#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The versions of the model, of this tree, and of the packages that it uses."""

from malicsf import project, version

if __name__ == '__main__':
    project.run_main(version.main)
