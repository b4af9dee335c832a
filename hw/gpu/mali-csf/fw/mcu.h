/*
 * Mali CSF GPU: the microcontroller — its registers, doorbells and boot
 *
 * The firmware's code is never run.  What it would do to the shared memory
 * is modelled: fw/global.c, fw/group.c and fw/stream.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_FW_MCU_H
#define HW_GPU_MALI_CSF_FW_MCU_H

#include "hw/gpu/mali-csf/gpu-regs.h"
#include "firmware.h"
#include "../irq.h"

typedef struct MaliCsfState MaliCsfState;

typedef struct MaliCsfMcu {
    MemoryRegion job_control;
    MemoryRegion doorbell_pages;
    MaliCsfIrq job_irq;
    uint32_t control;
    uint32_t status;

    /* Doorbell pages rung and not yet looked at, a bit for each */
    uint64_t doorbells;
    /* The next firmware pass has to boot first */
    bool boot_pending;
    /* A pass waits for a region of address space 0 to be unlocked */
    bool pass_parked;

    MaliCsfMmuListener mmu_listener;

    /* Runs firmware passes; virtual clock */
    QEMUTimer *pass_timer;
    /* When a saved state is read or written: when it is due, or -1 */
    int64_t pass_due;

    /* Property: how long after a doorbell the firmware looks */
    uint64_t latency_ns;
    /* Property: from PROTM_ENTER's acknowledgement to protected mode */
    uint64_t protm_latency_ns;

    /* Counters, zero after QEMU reset; not migrated */
    uint64_t passes;
    uint64_t passes_parked;
    uint64_t largest_pass;
    uint64_t doorbells_rung;

    MaliCsfFirmware fw;
} MaliCsfMcu;

extern const MaliCsfSaved mali_csf_mcu_saved;

void mali_csf_mcu_init(MaliCsfState *s, MemoryRegion *container);
void mali_csf_mcu_finalize(MaliCsfState *s);
void mali_csf_mcu_reset_enter(MaliCsfState *s);
void mali_csf_mcu_reset_hold(MaliCsfState *s);
/* GPU soft or hard reset */
void mali_csf_mcu_gpu_reset(MaliCsfState *s);
void mali_csf_mcu_pre_save(MaliCsfState *s);
void mali_csf_mcu_post_load(MaliCsfState *s);

/* MCU_CONTROL and MCU_STATUS, which lie in the page of GPU_CONTROL */
uint32_t mali_csf_mcu_read(MaliCsfState *s, hwaddr offset);
void mali_csf_mcu_write(MaliCsfState *s, hwaddr offset, uint32_t value);

/* Have a firmware pass run soon, from the timer */
void mali_csf_mcu_schedule_pass(MaliCsfState *s);

/* The same, not later than at @time of the virtual clock, in ns */
void mali_csf_mcu_schedule_pass_at(MaliCsfState *s, int64_t time);

/* MCU_STATUS, and the interrupt that tells of its change */
void mali_csf_mcu_set_status(MaliCsfState *s, uint32_t status);

/*
 * What the firmware looks at when an injection holds it up no longer, as the
 * value of mali_csf_inject_holds(): slot in bits 15:8 and stream in 7:0, where
 * there are such
 */
#define MALI_CSF_LOOK_GLOBAL            0xffffull
#define MALI_CSF_LOOK_GROUP(csg)        ((uint64_t)(csg) << 8 | 0xff)
#define MALI_CSF_LOOK_STREAM(csg, cs)   ((uint64_t)(csg) << 8 | (cs))

#endif /* HW_GPU_MALI_CSF_FW_MCU_H */
