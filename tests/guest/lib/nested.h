/*
 * Calls as deep as the call stack goes
 *
 * Each level logs that it is entered, works, calls the next one, works, and
 * logs that it is left, so that whatever is lost or done twice shows.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef GUEST_NESTED_H
#define GUEST_NESTED_H

#include "panthor.h"

/* The ring and the job's stream are frames of the call stack, too */
#define NESTED_LEVELS (CS_CALL_STACK_DEPTH - 1)

/*
 * Emits level 0 into @s and places the others in the context's memory.  r30:31
 * is where the log goes, 2 * NESTED_LEVELS words; r16 and those that follow
 * collect the work, @inc and the level for each of @rounds rounds.  r28 and
 * r33 are changed, r60 to r62 are those of the calls.
 */
void nested_emit(PanthorContext *ctx, Stream *s, uint32_t rounds,
                 int32_t inc);

/* Whether the log and the collected work are those of nested_emit() */
bool nested_ok(const uint32_t *log, const uint32_t *work,
               uint32_t rounds, int32_t inc);

#endif
