/*
 * Mali CSF GPU: accesses of the GPU, as the checker is told of them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_ACCESSES_H
#define HW_GPU_MALI_CSF_CHECKER_ACCESSES_H

#include "../memory/walk.h"

typedef struct MaliCsfState MaliCsfState;

/* How a walk ended, see mali_csf_walk() */
typedef struct MaliCsfWalked {
    uint8_t exception;
    unsigned level;
    uint64_t descriptor;
} MaliCsfWalked;

/* A TLB entry is used, or was just made by a walk */
void mali_csf_check_tlb_hit(MaliCsfState *s, unsigned as, uint64_t va,
                            const MaliCsfLeaf *leaf);
/* The same, of a use that was: @walked is what the tables said then */
void mali_csf_check_tlb_hit_then(MaliCsfState *s, unsigned as, uint64_t va,
                                 const MaliCsfLeaf *leaf,
                                 const MaliCsfWalked *walked);
void mali_csf_check_tlb_fill(MaliCsfState *s, unsigned as, uint64_t va,
                             uint64_t descriptor, unsigned level);
/* @descriptor: of the leaf that translated the store of @size bytes to @pa */
void mali_csf_check_store(MaliCsfState *s, unsigned as, uint64_t va,
                          hwaddr pa, uint64_t size, uint64_t descriptor);
/* There were stores in @as that nobody kept account of */
void mali_csf_check_stores_lost(MaliCsfState *s, unsigned as);

#endif /* HW_GPU_MALI_CSF_CHECKER_ACCESSES_H */
