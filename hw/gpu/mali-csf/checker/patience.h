/*
 * Mali CSF GPU: the checker on a driver that may have given up
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_PATIENCE_H
#define HW_GPU_MALI_CSF_CHECKER_PATIENCE_H

#include "qemu/timer.h"
#include "system/runstate.h"
#include "findings.h"

typedef struct MaliCsfState MaliCsfState;

/* Findings that are held back at a time; more are lost at once */
#define MALI_CSF_MAX_HELD       64

typedef struct MaliCsfPatience {
    /*
     * Something took longer than a driver waits for.  Whether it has given up
     * shows by what it does next; until then findings that this would explain
     * are held back.
     */
    bool doubt;
    MaliCsfFinding held[MALI_CSF_MAX_HELD];
    unsigned num_held;

    /* The command of this space is what is waited for, or -1 */
    int as;
    /* First time that AS_STATUS said so, and the last, in virtual ns, or -1 */
    int64_t first_poll;
    int64_t last_poll;

    /* Time of the first flush whose end the driver has not heard of, or -1 */
    int64_t flush_since;
    /* It is under way. */
    bool flushing;
    /* No other one was asked for since the one that is in doubt. */
    bool flush_in_doubt;

    QEMUTimer *timer;
    VMChangeStateEntry *vm_change;
} MaliCsfPatience;

/* What happens; see checker.h */

/* A command of @as begins that takes @ns. */
void mali_csf_check_as_duration(MaliCsfState *s, unsigned as, uint64_t ns);
/* AS_STATUS is read, and says that a command is under way, or not */
void mali_csf_check_as_status(MaliCsfState *s, unsigned as, bool active);
/*
 * A flush begins that takes @ns, one ends, and the driver clears the
 * interrupt that tells of its end.  On a busy host a guest can be so slow to
 * do so that the driver has given up by then, however quick the flush was.
 */
void mali_csf_check_flush_asked(MaliCsfState *s);
void mali_csf_check_flush_duration(MaliCsfState *s, uint64_t ns);
void mali_csf_check_flush_heard(MaliCsfState *s);

/* For the checker's other files */

void mali_csf_patience_init(MaliCsfState *s);
void mali_csf_patience_finalize(MaliCsfState *s);
/* A flush has ended */
void mali_csf_patience_flushed(MaliCsfState *s);
/* A command that follows a flush only if that has worked */
void mali_csf_patience_went_on(MaliCsfState *s);
/* The GPU is reset, or a driver starts: it waits for nothing any more. */
void mali_csf_patience_over(MaliCsfState *s);
/* The L2 goes off, with no reset before */
void mali_csf_patience_l2_off(MaliCsfState *s);
/* Nothing was ever waited for. */
void mali_csf_patience_forget(MaliCsfState *s);
/* @f is of a driver that had given up. */
void mali_csf_patience_lose(MaliCsfState *s, const MaliCsfFinding *f);
/* True if @f is held back: it is not to be reported, not yet or never. */
bool mali_csf_patience_hold(MaliCsfState *s, const MaliCsfFinding *f);

#endif /* HW_GPU_MALI_CSF_CHECKER_PATIENCE_H */
