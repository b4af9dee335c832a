/*
 * Mali CSF GPU: translation lookaside buffer
 *
 * What is cached is used until an invalidation of mmu.c drops it, so that a
 * driver which forgets one sees what silicon would show it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_MEMORY_TLB_H
#define HW_GPU_MALI_CSF_MEMORY_TLB_H

#include "walk.h"

/* In all; a test that wants to overflow it needs more pages than this */
#define MALI_CSF_TLB_SETS   64
#define MALI_CSF_TLB_WAYS   4
#define MALI_CSF_TLB_SIZE   (MALI_CSF_TLB_SETS * MALI_CSF_TLB_WAYS)

typedef struct MaliCsfTlbEntry {
    MaliCsfLeaf leaf;

    /*
     * Host memory of @host_size bytes from @host_va, a part of the leaf that
     * lies in one window.  No bytes at first, and again when the memory map
     * has changed.
     */
    uint8_t *host;
    MaliCsfRamWindow *window;
    uint64_t host_va;
    uint64_t host_size;
} MaliCsfTlbEntry;

typedef struct MaliCsfTlb {
    /* VA, address space and level of the leaf; 0 if there is none */
    uint64_t tags[MALI_CSF_TLB_SETS][MALI_CSF_TLB_WAYS];
    MaliCsfTlbEntry entries[MALI_CSF_TLB_SETS][MALI_CSF_TLB_WAYS];
    /* The way of each set that the next insertion replaces */
    uint8_t next_way[MALI_CSF_TLB_SETS];
    /* Number of entries, by level of the leaf: most spaces use one size */
    uint16_t present[MALI_CSF_MAX_AS][4];
} MaliCsfTlb;

/* NULL if nothing is cached for @va.  Good until the next insertion. */
MaliCsfTlbEntry *mali_csf_tlb_lookup(MaliCsfTlb *tlb, unsigned as,
                                     uint64_t va);
MaliCsfTlbEntry *mali_csf_tlb_insert(MaliCsfTlb *tlb, unsigned as,
                                     const MaliCsfLeaf *leaf);

/*
 * Give the entry the host memory of that part of its leaf around @va which lies
 * in one window of @ram; no bytes if @va has none.
 */
void mali_csf_tlb_attach(MaliCsfTlbEntry *entry, MaliCsfRam *ram, uint64_t va);

/* Drop the entries of @as that overlap [@start, @last]; how many */
unsigned mali_csf_tlb_drop_range(MaliCsfTlb *tlb, unsigned as,
                                 uint64_t start, uint64_t last);
unsigned mali_csf_tlb_drop_all(MaliCsfTlb *tlb);

/* The memory map changed: keep translations, forget host memory */
void mali_csf_tlb_forget_host(MaliCsfTlb *tlb);

#endif /* HW_GPU_MALI_CSF_MEMORY_TLB_H */
