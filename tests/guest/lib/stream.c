/*
 * Building command streams
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdlib.h>
#include <string.h>

#include "stream.h"
#include "tap.h"

/* FLUSH_CACHE2 modes: clean, in the L2 and in the load/store cache */
#define FLUSH_CLEAN_L2_LSC 0x011

void stream_init(Stream *s)
{
    memset(s, 0, sizeof(*s));
}

void stream_free(Stream *s)
{
    free(s->insn);
    stream_init(s);
}

void stream_emit(Stream *s, uint64_t insn)
{
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 64;
        uint64_t *grown = realloc(s->insn, capacity * sizeof(*grown));

        if (!grown) {
            tap_bail_out("out of memory for a stream");
        }
        s->insn = grown;
        s->capacity = capacity;
    }
    s->insn[s->count++] = insn;
}

size_t stream_here(const Stream *s)
{
    return s->count;
}

static int16_t stream_offset(size_t from, size_t to)
{
    long offset = (long)to - (long)from;

    if (offset < INT16_MIN || offset > INT16_MAX) {
        tap_bail_out("branch over %ld instructions", offset);
    }
    return offset;
}

void stream_branch_back(Stream *s, unsigned cond, unsigned reg,
                        size_t target)
{
    stream_emit(s, cs_branch(cond, reg,
                             stream_offset(s->count + 1, target)));
}

size_t stream_branch_forward(Stream *s, unsigned cond, unsigned reg)
{
    stream_emit(s, cs_branch(cond, reg, 0));
    return s->count - 1;
}

void stream_land(Stream *s, size_t branch)
{
    s->insn[branch] |= (uint16_t)stream_offset(branch + 1, s->count);
}

void stream_loop(Stream *s, unsigned reg, unsigned acc, uint32_t n,
                 int32_t inc)
{
    size_t loop;

    stream_emit(s, cs_move32(reg, n));
    loop = stream_here(s);
    stream_emit(s, cs_add_imm32(acc, acc, inc));
    stream_emit(s, cs_add_imm32(reg, reg, -1));
    stream_branch_back(s, CS_COND_GT, reg, loop);
}

void stream_begin(Stream *s)
{
    stream_emit(s, cs_set_sb_entry(STREAM_SB_ENDPOINT,
                                   STREAM_SB_LOAD_STORE));
}

void stream_end(Stream *s)
{
    /* Flush ID 0: whatever was flushed before */
    stream_emit(s, cs_move32(STREAM_REG_FLUSH_ID, 0));
    stream_emit(s, cs_flush_cache2(FLUSH_CLEAN_L2_LSC, STREAM_REG_FLUSH_ID,
                                   0, STREAM_SB_FLUSH));
    stream_emit(s, cs_wait(1u << STREAM_SB_FLUSH));
}

void stream_load(Stream *s, unsigned base, unsigned mask, unsigned addr,
                 int16_t offset)
{
    stream_emit(s, cs_load_multiple(base, mask, addr, offset));
    stream_emit(s, cs_wait(1u << STREAM_SB_LOAD_STORE));
}

void stream_store(Stream *s, unsigned base, unsigned mask, unsigned addr,
                  int16_t offset)
{
    stream_emit(s, cs_store_multiple(base, mask, addr, offset));
    stream_emit(s, cs_wait(1u << STREAM_SB_LOAD_STORE));
}

void stream_store_at(Stream *s, unsigned reg, uint64_t va, unsigned scratch)
{
    stream_emit(s, cs_move48(scratch, va));
    stream_store(s, reg, 1, scratch, 0);
}

void stream_load_at(Stream *s, unsigned reg, uint64_t va, unsigned scratch)
{
    stream_emit(s, cs_move48(scratch, va));
    stream_load(s, reg, 1, scratch, 0);
}

void stream_call(Stream *s, uint64_t va, uint32_t size, unsigned scratch)
{
    stream_emit(s, cs_move48(scratch, va));
    stream_emit(s, cs_move32(scratch + 2, size));
    stream_emit(s, cs_call(scratch, scratch + 2));
}

void stream_jump(Stream *s, uint64_t va, uint32_t size, unsigned scratch)
{
    stream_emit(s, cs_move48(scratch, va));
    stream_emit(s, cs_move32(scratch + 2, size));
    stream_emit(s, cs_jump(scratch, scratch + 2));
}

uint32_t stream_size(const Stream *s)
{
    return s->count * sizeof(*s->insn);
}

uint64_t stream_place(Stream *s, StreamArena *arena, uint32_t *size)
{
    size_t start = (arena->used + STREAM_ALIGN - 1) & -(size_t)STREAM_ALIGN;
    uint32_t bytes = stream_size(s);

    if (start > arena->size || bytes > arena->size - start) {
        tap_bail_out("no room for a stream of %u bytes", bytes);
    }
    memcpy((char *)arena->cpu + start, s->insn, bytes);
    arena->used = start + bytes;
    stream_free(s);
    if (size) {
        *size = bytes;
    }
    return arena->va + start;
}
