/*
 * Mali CSF GPU: where the QEMU series that it is built with differ
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_COMPAT_H
#define HW_GPU_MALI_CSF_COMPAT_H

/* 10.1 moved these headers and made the data of class_init const. */
#if QEMU_VERSION_MAJOR > 10 || QEMU_VERSION_MINOR > 0
#include "system/address-spaces.h"
#include "system/memory.h"
typedef const void MaliCsfClassData;
#else
#include "exec/address-spaces.h"
#include "exec/memory.h"
typedef void MaliCsfClassData;
#endif

#endif /* HW_GPU_MALI_CSF_COMPAT_H */
