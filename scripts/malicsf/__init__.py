# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds and runs the model, its guests and its checks; scripts/*.py are the commands."""
