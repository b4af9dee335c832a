/*
 * Mali CSF GPU: whose turn it is in a slice
 *
 * With all the streams that a product can have, finding the next one by
 * looking at each would take most of a slice.  So they are looked at once, when
 * the slice begins; after that only those that a turn may have changed are.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_TURNS_H
#define HW_GPU_MALI_CSF_TURNS_H

#include "engine.h"

/* CSG_EP_REQ and CS_CONFIG have four bits for a priority. */
#define MALI_CSF_PRIORITIES     16

/* Streams of each slot, a bit for each; nothing of it outlives the slice */
typedef struct MaliCsfTurns {
    /* A turn of them would do something */
    uint32_t ready[MALI_CSF_MAX_CSG];
    /* A SYNC_WAIT blocks them */
    uint32_t sync_waits[MALI_CSF_MAX_CSG];
    /* By their own priority */
    uint32_t by_priority[MALI_CSF_MAX_CSG][MALI_CSF_PRIORITIES];
} MaliCsfTurns;

/* Of the stream, from the beginning of the slice to its end */
void mali_csf_turns_set_priority(MaliCsfTurns *turns, unsigned csg,
                                 unsigned cs, uint8_t priority);

/* What may have changed: would a turn do something; is it at a SYNC_WAIT? */
void mali_csf_turns_set(MaliCsfTurns *turns, unsigned csg, unsigned cs,
                        bool ready, bool sync_wait);

/*
 * Whose turn it is, counted over all slots: the one with the highest rank
 * among those that are ready, from @next on, or with x-seed= any of them; -1
 * if there is none.
 */
int mali_csf_turns_next(MaliCsfState *s, const MaliCsfTurns *turns,
                        unsigned next);

#endif /* HW_GPU_MALI_CSF_TURNS_H */
