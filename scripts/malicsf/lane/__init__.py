# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges changes of panthor: patches, fixes taken out, mutants."""
