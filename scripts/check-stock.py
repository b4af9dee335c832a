#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every stock kernel of the archive under the checker: it must find nothing."""

from malicsf import project
from malicsf.check import check_stock

if __name__ == '__main__':
    project.run_main(check_stock.main)
