/*
 * Mali CSF GPU: cache flushes, of which drivers see LATEST_FLUSH_ID
 *
 * Memory is coherent, so that a flush has no data to write back.  What it does
 * to translations is in mmu.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_MMU_CACHE_H
#define HW_GPU_MALI_CSF_MMU_CACHE_H

typedef struct MaliCsfSaved MaliCsfSaved;
typedef struct MaliCsfState MaliCsfState;

typedef struct MaliCsfCache {
    /* Not 0: in a job, that asks for a flush in any case */
    uint32_t latest_flush_id;

    /* Counter, zero after QEMU reset; not migrated */
    uint64_t flushes;
} MaliCsfCache;

extern const MaliCsfSaved mali_csf_cache_saved;

void mali_csf_cache_reset_enter(MaliCsfState *s);
/* Hard reset */
void mali_csf_cache_reset(MaliCsfCache *cache);

/*
 * A flush by FLUSH_CACHE2 or GPU_COMMAND FLUSH_CACHES is done; one of all
 * caches makes LATEST_FLUSH_ID advance.  @modes: bits 3:0 are the mode of the
 * L2, 7:4 of the load/store cache, 11:8 of the others.
 */
void mali_csf_cache_flushed(MaliCsfState *s, uint32_t modes);

#endif /* HW_GPU_MALI_CSF_MMU_CACHE_H */
