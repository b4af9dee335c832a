/*
 * Calls as deep as the call stack goes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "nested.h"
#include "tap.h"

/*
 * Level @level of nested calls: log, work, call the next level, work, log.
 * The log pointer is in r30:31, and r16 + level collects the work.
 */
static void emit_level(Stream *s, unsigned level, uint32_t rounds,
                       int32_t inc, uint64_t next_va, uint32_t next_size)
{
    int leave;

    for (leave = 0; leave < 2; leave++) {
        if (leave) {
            stream_loop(s, 28, 16 + level, rounds, inc);
        }
        stream_emit(s, cs_move32(33, level << 4 | leave));
        stream_store(s, 33, 1, 30, 0);
        stream_emit(s, cs_add_imm64(30, 30, 4));
        if (!leave) {
            stream_loop(s, 28, 16 + level, rounds, inc);
            if (next_size) {
                stream_call(s, next_va, next_size, 60);
            }
        }
    }
}

void nested_emit(PanthorContext *ctx, Stream *s, uint32_t rounds,
                 int32_t inc)
{
    uint64_t va = 0;
    uint32_t size = 0;
    unsigned level;

    for (level = NESTED_LEVELS - 1; level; level--) {
        Stream sub;

        stream_init(&sub);
        emit_level(&sub, level, rounds, inc + level, va, size);
        va = stream_place(&sub, &ctx->code, &size);
    }
    for (level = 0; level < NESTED_LEVELS; level++) {
        stream_emit(s, cs_move32(16 + level, 0));
    }
    emit_level(s, 0, rounds, inc, va, size);
}

bool nested_ok(const uint32_t *log, const uint32_t *work,
               uint32_t rounds, int32_t inc)
{
    unsigned level;

    for (level = 0; level < NESTED_LEVELS; level++) {
        uint32_t left = log[2 * NESTED_LEVELS - 1 - level];
        uint32_t want = 2 * rounds * (uint32_t)(inc + level);

        if (log[level] != level << 4 || left != (level << 4 | 1)) {
            tap_diag("level %u: entered 0x%x, left 0x%x", level, log[level],
                     left);
            return false;
        }
        if (work[level] != want) {
            tap_diag("level %u: collected %u, expected %u", level,
                     work[level], want);
            return false;
        }
    }
    return true;
}
