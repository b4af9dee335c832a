/*
 * Mali CSF GPU: RAM that only protected mode may touch
 *
 * A range of RAM where everybody but the GPU finds nothing but an
 * error on the bus.  Whether the GPU is in the mode is for its MMU to say.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_MEMORY_PROTECTED_H
#define HW_GPU_MALI_CSF_MEMORY_PROTECTED_H

#include "qemu/units.h"
#include "../compat.h"

/* What the range's address and its size are multiples of: a block of tables */
#define MALI_CSF_PROTECTED_UNIT (2 * MiB)

typedef struct MaliCsfProtected {
    /* Property: bytes; 0: there is none, and nothing else here is set */
    uint64_t size;
    /* Physical address */
    uint64_t base;
    /* What trace events begin with; the device's */
    const char *trace_id;

    /* What everybody else finds there */
    MemoryRegion refused;
    /* The memory as the GPU sees it: all of the system's, and this RAM */
    MemoryRegion root;
    MemoryRegion system;
    MemoryRegion ram;
    AddressSpace as;
} MaliCsfProtected;

/**
 * mali_csf_protected_init: take the range from the end of the machine's RAM
 * @owner: the device
 *
 * What an earlier device has taken is no RAM any more.  False and an error if
 * the size is none, or more than half of what there is.
 */
bool mali_csf_protected_init(MaliCsfProtected *p, Object *owner,
                             const char *trace_id, Error **errp);
void mali_csf_protected_finalize(MaliCsfProtected *p);

/* What the GPU's accesses go through */
AddressSpace *mali_csf_protected_space(MaliCsfProtected *p);

#endif /* HW_GPU_MALI_CSF_MEMORY_PROTECTED_H */
