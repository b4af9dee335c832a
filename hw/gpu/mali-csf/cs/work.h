/*
 * Mali CSF GPU: work that streams give to the endpoint
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_WORK_H
#define HW_GPU_MALI_CSF_CS_WORK_H

#include "qemu/notify.h"
#include "../endpoint/endpoint.h"
#include "../mmu/mmu.h"
#include "../saved.h"

typedef struct MaliCsfState MaliCsfState;

/* In flight at once, of all streams; one that finds no room waits */
#define MALI_CSF_MAX_WORKS  256

typedef struct MaliCsfWorks {
    MaliCsfWork work[MALI_CSF_MAX_WORKS];
    unsigned num;

    MaliCsfEndpoint endpoint;
    MaliCsfMmuListener mmu_listener;
    VMChangeStateEntry *vm_state;
    NotifierWithReturn migration;
} MaliCsfWorks;

extern const MaliCsfSaved mali_csf_works_saved;
extern const MaliCsfSaved mali_csf_work_range_saved;

/* @threads: for the endpoint, at most MALI_CSF_MAX_ENDPOINT_THREADS */
void mali_csf_work_init(MaliCsfState *s, const MaliCsfEndpointOps *ops,
                        unsigned threads);
void mali_csf_work_finalize(MaliCsfState *s);
/* What was in flight goes on */
void mali_csf_works_post_load(MaliCsfState *s);

/* Can one more be issued now? */
bool mali_csf_work_room(MaliCsfState *s);

/*
 * Issue the work of @word, with the stream's registers as they are.  There has
 * to be room.  The scoreboard counts it already, and down when it is done,
 * which may be before this returns.
 */
void mali_csf_work_issue(MaliCsfState *s, unsigned csg, unsigned cs,
                         uint64_t word, unsigned scoreboard);

/* A stream that was suspended runs again: so does the work that it had */
void mali_csf_work_resume(MaliCsfState *s, unsigned csg, unsigned cs);

/* How much of a stream is in flight for that scoreboard entry */
unsigned mali_csf_work_count(MaliCsfState *s, unsigned csg, unsigned cs,
                             unsigned scoreboard);

/* Has a part of the stream's work come to its end since this was last asked? */
bool mali_csf_work_progressed(MaliCsfState *s, unsigned csg, unsigned cs);

/*
 * The group in @csg is to leave its slot.  Its streams run no more, its work is
 * given up if @cancel, and else suspended with its stream, or waited for.  True
 * if none is in flight; else the firmware is notified when that is so.
 */
bool mali_csf_work_leave(MaliCsfState *s, unsigned csg, bool cancel);

/* The stream is stopped: nobody waits for its work, which is given up */
void mali_csf_work_drop(MaliCsfState *s, unsigned csg, unsigned cs);

/* Forget all work, now */
void mali_csf_work_reset(MaliCsfState *s);

#endif /* HW_GPU_MALI_CSF_CS_WORK_H */
