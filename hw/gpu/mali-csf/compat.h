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

/*
 * 11.0 took this from memory.h, took away what a user is told of a value that
 * differs, and gave an event another name.
 */
#if QEMU_VERSION_MAJOR > 10
#include "system/memory_cached.h"
#define MALI_CSF_UINT32_EQUAL(_f, _s, _hint) VMSTATE_UINT32_EQUAL(_f, _s)
#define MALI_CSF_UINT64_EQUAL(_f, _s, _hint) VMSTATE_UINT64_EQUAL(_f, _s)
#else
#define MIG_EVENT_SETUP MIG_EVENT_PRECOPY_SETUP
#define MALI_CSF_UINT32_EQUAL(_f, _s, _hint) VMSTATE_UINT32_EQUAL(_f, _s, _hint)
#define MALI_CSF_UINT64_EQUAL(_f, _s, _hint) VMSTATE_UINT64_EQUAL(_f, _s, _hint)
#endif

#endif /* HW_GPU_MALI_CSF_COMPAT_H */
