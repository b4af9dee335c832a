#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What would make check-patch have said of panthor's past bugs, and which programs said it?"""

from malicsf import project
from malicsf.lane import check_lane

if __name__ == '__main__':
    project.run_main(check_lane.main)
