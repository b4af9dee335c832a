# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of a guest, and what it has come to."""
