/*
 * Mali CSF GPU: performance counters
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_FW_PERFCNT_H
#define HW_GPU_MALI_CSF_FW_PERFCNT_H

#include "../cs/engine.h"

typedef struct MaliCsfState MaliCsfState;
typedef struct MaliCsfModel MaliCsfModel;

/*
 * Kinds of blocks of a sample, in their order; that of a group once for each
 * slot, the last once for each core
 */
typedef enum MaliCsfPerfcntBlock {
    MALI_CSF_PERFCNT_FW,
    MALI_CSF_PERFCNT_CSG,
    MALI_CSF_PERFCNT_CSF,
    MALI_CSF_PERFCNT_TILER,
    MALI_CSF_PERFCNT_MMU_L2,
    MALI_CSF_PERFCNT_SHADER,
    MALI_CSF_PERFCNT_NUM_BLOCKS,
} MaliCsfPerfcntBlock;

/* Upper limit of the table of counters */
#define MALI_CSF_PERFCNT_MAX    32

typedef struct MaliCsfPerfcnt {
    /* Latched when PRFCNT_ENABLE became one */
    bool enabled;
    uint8_t as;
    uint8_t slots;
    uint64_t base;
    uint32_t enable[MALI_CSF_PERFCNT_NUM_BLOCKS];
    /* Slots whose groups are counted */
    uint32_t csg_select;

    /* Samples written since */
    uint32_t insert;
    /* A sample waits for a region of its address space to be unlocked */
    bool pending;
    /* Protected mode was on since the last sample */
    bool protected_session;

    /* Counts at the last sample, by slot; not migrated */
    uint64_t group_last[MALI_CSF_MAX_CSG][MALI_CSF_GROUP_NUM_COUNTS];
    /* The same by row of the table */
    uint64_t last[MALI_CSF_PERFCNT_MAX];
} MaliCsfPerfcnt;

extern const MaliCsfSaved mali_csf_perfcnt_saved;

/* GLB_CONTROL_PRFCNT_SIZE */
uint32_t mali_csf_perfcnt_size(const MaliCsfModel *model);

/* QEMU reset; the firmware is gone; after loading */
void mali_csf_perfcnt_reset_enter(MaliCsfState *s);
void mali_csf_perfcnt_forget(MaliCsfState *s);
void mali_csf_perfcnt_post_load(MaliCsfState *s);

/* The request PRFCNT_ENABLE */
void mali_csf_perfcnt_enable(MaliCsfState *s, bool enable);

/*
 * The request PRFCNT_SAMPLE.  False if it has to wait for an unlock: it is
 * not acknowledged then.  @events receives the GLB_* events to raise after
 * the acknowledgement.
 */
bool mali_csf_perfcnt_sample(MaliCsfState *s, uint32_t *events);

/* The GPU is in protected mode now */
void mali_csf_perfcnt_protected(MaliCsfState *s);

#endif /* HW_GPU_MALI_CSF_FW_PERFCNT_H */
