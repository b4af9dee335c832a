#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the smallest firmware file that panthor accepts."""

from malicsf.build import firmware_container

if __name__ == '__main__':
    firmware_container.main()
