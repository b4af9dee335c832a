#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents as a site of their own: build/docs/html.  A warning of Sphinx is an error."""

from malicsf import project
from malicsf.check import build_docs

if __name__ == '__main__':
    project.run_main(build_docs.main)
