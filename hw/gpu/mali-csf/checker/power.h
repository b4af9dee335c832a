/*
 * Mali CSF GPU: the checker on L2 power and resets
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_POWER_H
#define HW_GPU_MALI_CSF_CHECKER_POWER_H

#include "hw/gpu/mali-csf/mmu-regs.h"
#include "findings.h"

typedef struct MaliCsfState MaliCsfState;

/* A lock, an UPDATE that is missing, a space that is enabled, the firmware */
#define MALI_CSF_MAX_AT_L2_OFF  4

/* Of an address space when L2 went off: they wait for it to come on again */
typedef struct MaliCsfAtL2Off {
    MaliCsfFinding findings[MALI_CSF_MAX_AT_L2_OFF];
    unsigned count;
} MaliCsfAtL2Off;

typedef struct MaliCsfPowerCheck {
    MaliCsfAtL2Off at_l2_off[MALI_CSF_MAX_AS];
    /* COHERENCY_PROTOCOL was written since the last reset. */
    bool coherency_set;
    /* L2 came on, and nobody has read yet that it is. */
    bool l2_unread;
} MaliCsfPowerCheck;

/* What happens; see checker.h */

void mali_csf_check_gpu_reset(MaliCsfState *s);
void mali_csf_check_l2_off(MaliCsfState *s);
void mali_csf_check_l2_on(MaliCsfState *s);
/* A READY register, or that a transition is over, is read: nothing if zero */
void mali_csf_check_ready_read(MaliCsfState *s, uint64_t ready);
/* The microcontroller is started */
void mali_csf_check_mcu_start(MaliCsfState *s);
/* A driver starts: what an earlier one left behind is not its mistake */
void mali_csf_check_probe(MaliCsfState *s);
/* COHERENCY_PROTOCOL is written */
void mali_csf_check_coherency(MaliCsfState *s);

/* For the checker's other files */

void mali_csf_power_forget(MaliCsfState *s);

#endif /* HW_GPU_MALI_CSF_CHECKER_POWER_H */
