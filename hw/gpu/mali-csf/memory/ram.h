/*
 * Mali CSF GPU: guest RAM by physical address
 *
 * RAM only: devices, ROM and holes cannot be reached through this, so the
 * GPU can never call into a device model, its own included.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_MEMORY_RAM_H
#define HW_GPU_MALI_CSF_MEMORY_RAM_H

#include "protected.h"

/* One run of RAM in the flat view of the address space, of one kind */
typedef struct MaliCsfRamWindow {
    MemoryRegionCache cache;
    /* Only protected mode may touch it */
    bool is_protected;
    hwaddr base;
    hwaddr size;
} MaliCsfRamWindow;

typedef struct MaliCsfRam {
    /* What trace events begin with; the device's */
    const char *trace_id;
    AddressSpace *as;
    MaliCsfProtected *reserved;
    MemoryListener listener;
    /* Of the memory map as it is, built at first use after it has changed */
    GArray *windows;
    /* The same once it is built, else NULL */
    GArray *built;
    /* Of earlier memory maps, which a thread may use yet */
    GPtrArray *retired;
    /* Threads use it: built as soon as the map has changed */
    bool shared;
    /*
     * Called when the memory map changes: host pointers are void then.  False
     * if a thread may use one yet; mali_csf_ram_forget_retired() follows.
     */
    bool (*changed)(void *opaque);
    void *opaque;
} MaliCsfRam;

/* @reserved stays the caller's. */
void mali_csf_ram_init(MaliCsfRam *ram, const char *trace_id,
                       MaliCsfProtected *reserved,
                       bool (*changed)(void *opaque), void *opaque);
void mali_csf_ram_finalize(MaliCsfRam *ram);

/* From now on other threads than the main one call mali_csf_ram_map(), too */
void mali_csf_ram_share(MaliCsfRam *ram);

/* No thread uses a host pointer of before the last change any more */
void mali_csf_ram_forget_retired(MaliCsfRam *ram);

/**
 * mali_csf_ram_map: host address of guest RAM
 * @pa: guest physical address
 * @size: bytes, all of which must be RAM of one window
 * @window: set to the window, for mali_csf_ram_written()
 *
 * Returns NULL if any of it is not writable RAM.  Pointer and window are
 * good until the next call of the changed() function.  Whether the GPU may
 * touch it, mali_csf_ram_allows() says.
 */
void *mali_csf_ram_map(MaliCsfRam *ram, hwaddr pa, hwaddr size,
                       MaliCsfRamWindow **window);

/*
 * In protected mode everything may be read, and only protected memory written;
 * outside of it only the other memory may be touched.  Without any, all may.
 */
static inline bool mali_csf_ram_allows(const MaliCsfRam *ram,
                                       const MaliCsfRamWindow *window,
                                       bool protected_mode, bool is_store)
{
    if (likely(!ram->reserved->size)) {
        return true;
    }
    return window->is_protected ? protected_mode
                                : !protected_mode || !is_store;
}

/*
 * To be called after each store through a host pointer: marks the bytes
 * dirty and drops code that the vCPUs have translated from them.
 */
void mali_csf_ram_written(MaliCsfRamWindow *window, hwaddr pa, hwaddr size);

#endif /* HW_GPU_MALI_CSF_MEMORY_RAM_H */
