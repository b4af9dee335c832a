/*
 * Mali CSF GPU: the checker on a GPU that sleeps
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_SLEEP_H
#define HW_GPU_MALI_CSF_CHECKER_SLEEP_H

#include "findings.h"

typedef struct MaliCsfState MaliCsfState;

typedef struct MaliCsfSleepCheck {
    /* The L2 went off, and nothing shows that the GPU is to wake up. */
    bool drowsy;
    /* Of the last access to a register since then, in virtual ns */
    int64_t last_access;
    /* It was a write to the interrupt mask of GPU_CONTROL or PWR_CONTROL. */
    bool masked_last;
} MaliCsfSleepCheck;

/*
 * The register at @offset of the device is read, or written; each block tells
 * of all of its registers.  What it says of the L2 is as before the access.
 */
void mali_csf_check_read(MaliCsfState *s, hwaddr offset);
void mali_csf_check_write(MaliCsfState *s, hwaddr offset);

/* For the checker's other files */

void mali_csf_sleep_l2_off(MaliCsfState *s);
/* It is awake, or a driver starts */
void mali_csf_sleep_over(MaliCsfState *s);

#endif /* HW_GPU_MALI_CSF_CHECKER_SLEEP_H */
