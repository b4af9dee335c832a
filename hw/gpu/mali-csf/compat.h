/*
 * Mali CSF GPU: where the QEMU series that it is built with differ
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_COMPAT_H
#define HW_GPU_MALI_CSF_COMPAT_H

/*
 * 10.1 moved these headers and made the data of class_init const; a handler of
 * 10.2 can have a second function, with a result.
 */
#if QEMU_VERSION_MAJOR > 10 || QEMU_VERSION_MINOR > 0
#include "exec/icount.h"
#include "system/address-spaces.h"
#include "system/memory.h"
typedef const void MaliCsfClassData;
#define mali_csf_add_vm_state_handler(_dev, _handler, _opaque) \
    qdev_add_vm_change_state_handler(_dev, _handler, NULL, _opaque)
#else
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "system/cpu-timers.h"
typedef void MaliCsfClassData;
#define mali_csf_add_vm_state_handler(_dev, _handler, _opaque) \
    qdev_add_vm_change_state_handler(_dev, _handler, _opaque)
#endif

#endif /* HW_GPU_MALI_CSF_COMPAT_H */
