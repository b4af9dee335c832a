/*
 * Mali CSF GPU: page-table walker
 *
 * Armv8-A VMSA stage 1 tables with a 4 KiB granule, as
 * drivers/iommu/io-pgtable-arm.c of Linux 7.3 writes them for panthor.
 *
 * Not modelled: hierarchical attributes and the contiguous hint, neither of
 * which panthor sets.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "walk.h"

#define LAST_LEVEL  3
#define TABLE_INDEX_BITS 9
#define TABLE_ADDR_MASK (~0xfffull)

/* The first level whose table is at TRANSTAB: one page is enough for it */
static unsigned start_level(unsigned va_bits)
{
    unsigned level = LAST_LEVEL;

    while (va_bits > mali_csf_level_shift(level) + TABLE_INDEX_BITS) {
        level--;
    }
    return level;
}

static bool too_wide(uint64_t pa, unsigned pa_bits)
{
    return pa_bits < 64 && pa >> pa_bits;
}

static void decode_leaf(const MaliCsfTranslation *t, uint64_t va,
                        uint64_t descriptor, unsigned level,
                        MaliCsfLeaf *leaf)
{
    uint64_t size = 1ull << mali_csf_level_shift(level);
    unsigned attr = extract64(descriptor, MALI_CSF_PTE_ATTR_SHIFT, 3);
    bool writable = !(descriptor & MALI_CSF_PTE_AP_RDONLY);
    bool wxn = FIELD_EX64(t->transcfg >> 32, AS_TRANSCFG_HI, WXN);

    *leaf = (MaliCsfLeaf) {
        .va = va & ~(size - 1),
        .pa = descriptor & MALI_CSF_PTE_ADDR_MASK & ~(size - 1),
        .size = size,
        .descriptor = descriptor,
        .level = level,
        .writable = writable,
        .executable = !(descriptor & MALI_CSF_PTE_XN) && !(wxn && writable),
        .attribute_fault = AS_MEMATTR_TYPE(t->memattr >> (8 * attr)) ==
                           AS_MEMATTR_TYPE_FAULT,
    };
}

uint8_t mali_csf_walk(MaliCsfRam *ram, const MaliCsfTranslation *t,
                      unsigned pa_bits, bool protected_mode, uint64_t va,
                      MaliCsfLeaf *leaf, unsigned *level,
                      uint64_t *descriptor)
{
    unsigned va_bits = mali_csf_va_bits(t);
    bool af_fault = !FIELD_EX64(t->transcfg >> 32, AS_TRANSCFG_HI,
                                DISABLE_AF_FAULT);
    uint64_t table = t->transtab & TABLE_ADDR_MASK;
    unsigned n;

    *level = 0;
    *descriptor = 0;
    /* More than four levels of table would be needed. */
    if (va_bits > mali_csf_level_shift(0) + TABLE_INDEX_BITS) {
        return AS_FAULT_TRANSLATION_UNMAPPED;
    }

    n = start_level(va_bits);
    *level = n;
    if (too_wide(table, pa_bits)) {
        return AS_FAULT_ADDRESS_SIZE_OUT + n;
    }

    for (;; n++) {
        hwaddr pa = table | extract64(va, mali_csf_level_shift(n),
                                      TABLE_INDEX_BITS) << 3;
        MaliCsfRamWindow *window;
        uint64_t *host = mali_csf_ram_map(ram, pa, sizeof(*host), &window);
        uint64_t d;
        bool bit1;

        *level = n;
        if (!host ||
            !mali_csf_ram_allows(ram, window, protected_mode, false)) {
            return AS_FAULT_GPU_BUS;
        }
        /* Once, and whole: the guest may be changing it. */
        d = le64_to_cpu(qatomic_read(host));
        *descriptor = d;

        bit1 = d & MALI_CSF_PTE_TABLE_OR_PAGE;
        if (!(d & MALI_CSF_PTE_VALID) ||
            (!bit1 && (n == 0 || n == LAST_LEVEL))) {
            return AS_FAULT_TRANSLATION + n;
        }
        if (too_wide(d & MALI_CSF_PTE_ADDR_MASK, pa_bits)) {
            return AS_FAULT_ADDRESS_SIZE_OUT + n;
        }
        if (bit1 && n != LAST_LEVEL) {
            table = d & MALI_CSF_PTE_ADDR_MASK;
            continue;
        }
        if (af_fault && !(d & MALI_CSF_PTE_AF)) {
            return AS_FAULT_ACCESS_FLAG + n;
        }
        decode_leaf(t, va, d, n, leaf);
        return 0;
    }
}
