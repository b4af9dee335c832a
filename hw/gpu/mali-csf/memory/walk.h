/*
 * Mali CSF GPU: page-table walker
 *
 * Knows no register and raises no interrupt: the caller reports.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_MEMORY_WALK_H
#define HW_GPU_MALI_CSF_MEMORY_WALK_H

#include "hw/gpu/mali-csf/mmu-regs.h"
#include "ram.h"

/* An address space as latched by UPDATE */
typedef struct MaliCsfTranslation {
    uint64_t transtab;
    uint64_t transcfg;
    uint64_t memattr;
} MaliCsfTranslation;

/* A valid leaf: @size bytes from @va are @size bytes from @pa */
typedef struct MaliCsfLeaf {
    uint64_t va;
    uint64_t pa;
    uint64_t size;
    uint64_t descriptor;
    uint8_t level;
    bool writable;
    bool executable;
    /* MEMATTR gives it the type FAULT, which comes after permissions */
    bool attribute_fault;
} MaliCsfLeaf;

static inline unsigned mali_csf_address_mode(const MaliCsfTranslation *t)
{
    return FIELD_EX64(t->transcfg, AS_TRANSCFG_LO, ADRMODE);
}

/* True if accesses fault for the mode, whatever the tables say */
static inline bool mali_csf_unmapped(const MaliCsfTranslation *t)
{
    switch (mali_csf_address_mode(t)) {
    case AS_ADRMODE_IDENTITY:
    case AS_ADRMODE_AARCH64_4K:
    case AS_ADRMODE_AARCH64_64K:
        return false;
    default:
        /* Reserved modes are taken for UNMAPPED. */
        return true;
    }
}

/* Width of the virtual addresses that @t translates */
static inline unsigned mali_csf_va_bits(const MaliCsfTranslation *t)
{
    return AS_TRANSCFG_INA_BITS_BASE -
           FIELD_EX64(t->transcfg, AS_TRANSCFG_LO, INA_BITS);
}

/* Bytes that one descriptor of @level covers, as a power of two */
static inline unsigned mali_csf_level_shift(unsigned level)
{
    return 12 + 9 * (3 - level);
}

/**
 * mali_csf_walk: find the leaf that translates an address
 * @pa_bits: width of a physical address of this product
 * @protected_mode: whether the GPU is in it, so that tables may be protected
 * @leaf: filled in on success
 * @level: level of the descriptor that ended the walk, if one was read
 * @descriptor: that descriptor, 0 if none was read
 *
 * @va must not be wider than mali_csf_va_bits().
 *
 * Returns 0, or an exception type of FAULTSTATUS.  Whether the leaf permits
 * an access is for the caller to say, also when it has the leaf from a TLB.
 */
uint8_t mali_csf_walk(MaliCsfRam *ram, const MaliCsfTranslation *t,
                      unsigned pa_bits, bool protected_mode, uint64_t va,
                      MaliCsfLeaf *leaf, unsigned *level,
                      uint64_t *descriptor);

#endif /* HW_GPU_MALI_CSF_MEMORY_WALK_H */
