# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks for races by seeds."""
