# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of the model itself, and of what describes it."""
