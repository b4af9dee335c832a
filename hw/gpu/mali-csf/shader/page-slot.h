/*
 * Mali CSF GPU: where the translation of a page is kept
 *
 * Needs nothing of QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_PAGE_SLOT_H
#define HW_GPU_MALI_CSF_SHADER_PAGE_SLOT_H

#include <stdint.h>

/* Bytes of a page, in which one translation holds */
#define MALI_SHADER_PAGE        4096u

/* Translations at hand, of one thread; and the bits of their number */
#define MALI_SHADER_PLACE_BITS  8
#define MALI_SHADER_NUM_PAGES   (1u << MALI_SHADER_PLACE_BITS)

/*
 * The place of the page of @va, for a kind of access, of which there are four.
 * A shader goes to several arrays at the same index, whose distances are powers
 * of two, and stores where it has loaded: these are to be in different places.
 */
static inline unsigned mali_shader_page_slot(uint64_t va, unsigned access)
{
    uint64_t page = va / MALI_SHADER_PAGE << 2 | access;

    /* By the golden ratio, 2^64 / 1.618... (Knuth, 6.4) */
    return page * UINT64_C(0x9e3779b97f4a7c15) >> (64 - MALI_SHADER_PLACE_BITS);
}

#endif /* HW_GPU_MALI_CSF_SHADER_PAGE_SLOT_H */
