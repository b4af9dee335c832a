/*
 * Mali CSF GPU: the checker on L2 power, resets, and a driver that waits
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_POWER_H
#define HW_GPU_MALI_CSF_CHECKER_POWER_H

#include "hw/gpu/mali-csf/mmu-regs.h"
#include "findings.h"

typedef struct MaliCsfState MaliCsfState;

/* A lock, an UPDATE that is missing, and a space that is enabled */
#define MALI_CSF_MAX_AT_L2_OFF  3

/* Of an address space when L2 went off: they wait for it to come on again */
typedef struct MaliCsfAtL2Off {
    MaliCsfFinding findings[MALI_CSF_MAX_AT_L2_OFF];
    unsigned count;
} MaliCsfAtL2Off;

typedef struct MaliCsfPowerCheck {
    MaliCsfAtL2Off at_l2_off[MALI_CSF_MAX_AS];
    /* The driver has given up on a command, and not reset the GPU yet */
    bool gave_up;
    /* Time of the first flush whose end the driver has not heard of, or -1 */
    int64_t flush_since;
} MaliCsfPowerCheck;

/* What happens; see checker.h */

void mali_csf_check_gpu_reset(MaliCsfState *s);
void mali_csf_check_l2_off(MaliCsfState *s);
void mali_csf_check_l2_on(MaliCsfState *s);
/* A driver starts: what an earlier one left behind is not its mistake */
void mali_csf_check_probe(MaliCsfState *s);
/*
 * A command of an address space or a flush begins that takes @ns.  Where that
 * is more than a driver waits for, nothing is a violation until the GPU is
 * reset or a driver starts anew.  To power the L2 off and on is not enough:
 * panthor 7.3 still takes the flush for one under way.
 */
void mali_csf_check_duration(MaliCsfState *s, uint64_t ns);
/*
 * A flush begins, and the driver clears the interrupt that tells of its end.
 * On a busy host a guest can be so slow to do so that the driver has given
 * up by then, however quick the flush was.
 */
void mali_csf_check_flush_asked(MaliCsfState *s);
void mali_csf_check_flush_heard(MaliCsfState *s);

/* For the checker's other files */

void mali_csf_power_forget(MaliCsfState *s);

#endif /* HW_GPU_MALI_CSF_CHECKER_POWER_H */
