# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run needs: QEMU, kernels, modules of panthor, programs, images."""
