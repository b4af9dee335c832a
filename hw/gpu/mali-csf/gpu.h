/*
 * Mali CSF GPU: GPU_CONTROL — identity, commands, power, counters — and the
 * user page
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_GPU_H
#define HW_GPU_MALI_CSF_GPU_H

#include "hw/gpu/mali-csf/gpu-regs.h"
#include "irq.h"
#include "mmu/mmu.h"
#include "pwr.h"
#include "qemu/timer.h"

typedef struct MaliCsfState MaliCsfState;

typedef struct MaliCsfGpu {
    /* Set once */
    MaliCsfGpuReset *reset;
    MemoryRegion control;
    MemoryRegion user_page;
    MaliCsfIrq irq;
    /* The registers that are plain storage, indexed by offset / 4 */
    uint32_t regs[MALI_CSF_BLOCK_SIZE / 4];
    /* GPU_COMMAND of the cache flush that is under way, or 0 */
    uint32_t flush_command;
    /*
     * A flush of these modes is over when every view of memory has seen what it
     * dropped; not migrated
     */
    bool flush_unseen;
    uint32_t flush_unseen_modes;
    MaliCsfMmuListener mmu_listener;
    /* SET_PROTECTED_MODE came, and no reset since */
    bool protected_mode;
    QEMUTimer *flush_timer;
    /* When a saved state is read or written: when it is due, or -1 */
    int64_t flush_due;
    /* Property: how long a cache flush takes */
    uint64_t flush_latency_ns;

    /* Counter of soft and hard resets, zero after QEMU reset */
    uint64_t resets;
} MaliCsfGpu;

extern const MaliCsfSaved mali_csf_gpu_saved;

void mali_csf_gpu_init(MaliCsfState *s, MemoryRegion *container,
                       MaliCsfGpuReset *reset);
void mali_csf_gpu_finalize(MaliCsfState *s);
void mali_csf_gpu_reset_enter(MaliCsfState *s);
void mali_csf_gpu_reset_hold(MaliCsfState *s);
/* Before a state is saved, and when the block has what was loaded */
void mali_csf_gpu_pre_save(MaliCsfState *s);
void mali_csf_gpu_post_load(MaliCsfState *s);

/* GPU soft or hard reset, of which a hard one takes GPU_IRQ_MASK along */
void mali_csf_gpu_gpu_reset(MaliCsfState *s, bool hard);

/* Name of the register at @offset of GPU_CONTROL, or NULL */
const char *mali_csf_gpu_register_name(uint32_t offset);

#endif /* HW_GPU_MALI_CSF_GPU_H */
