#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What there is to set, for the Makefile and for completion.bash."""

from malicsf import settings

if __name__ == '__main__':
    settings.main()
