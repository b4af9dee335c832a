/*
 * Building command streams
 *
 * Instructions are collected in CPU memory, which grows as needed, and then
 * placed in a buffer that the GPU sees.  Encoders are those of cs-isa.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_STREAM_H
#define TESTS_GUEST_LIB_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "hw/gpu/mali-csf/cs-isa.h"

/* Scoreboard entries that the streams of these tests use */
enum {
    STREAM_SB_LOAD_STORE = 0,
    STREAM_SB_ENDPOINT = 1,
    STREAM_SB_FLUSH = 2,
};

/* Register that stream_end() overwrites */
#define STREAM_REG_FLUSH_ID 91

/* panthor wants a stream to start at a multiple of this many bytes */
#define STREAM_ALIGN 64

typedef struct Stream {
    uint64_t *insn;
    size_t count;
    size_t capacity;
} Stream;

/* Memory for streams: one after another, never freed singly */
typedef struct StreamArena {
    void *cpu;
    uint64_t va;
    size_t size;
    size_t used;
} StreamArena;

/**
 * stream_init: begin a stream
 * @s: belongs to the caller, who ends it with stream_place() or
 *     stream_free()
 */
void stream_init(Stream *s);

void stream_free(Stream *s);

/* Append one instruction.  Runs out of memory with a bail-out. */
void stream_emit(Stream *s, uint64_t insn);

/* Index of the next instruction, for branches back */
size_t stream_here(const Stream *s);

/* Branch to an instruction that stream_here() returned earlier */
void stream_branch_back(Stream *s, unsigned cond, unsigned reg,
                        size_t target);

/**
 * stream_branch_forward: branch to what stream_land() will name
 *
 * Returns what stream_land() wants.
 */
size_t stream_branch_forward(Stream *s, unsigned cond, unsigned reg);

/* The branch at @branch goes to the next instruction of @s */
void stream_land(Stream *s, size_t branch);

/*
 * Count @reg down from @n.  Each round also adds @inc to @acc, so that a
 * round lost or done twice shows.
 */
void stream_loop(Stream *s, unsigned reg, unsigned acc, uint32_t n,
                 int32_t inc);

/*
 * Select scoreboard entries: the state belongs to the queue and may be
 * anything.  Every stream of a job begins with this.
 */
void stream_begin(Stream *s);

/* Write back the caches, so that the CPU sees what the job stored */
void stream_end(Stream *s);

/* LOAD_MULTIPLE or STORE_MULTIPLE, and wait for it */
void stream_load(Stream *s, unsigned base, unsigned mask, unsigned addr,
                 int16_t offset);
void stream_store(Stream *s, unsigned base, unsigned mask, unsigned addr,
                  int16_t offset);

/* Store register @reg at @va.  Overwrites the pair @scratch. */
void stream_store_at(Stream *s, unsigned reg, uint64_t va, unsigned scratch);

/* Load register @reg from @va.  Overwrites the pair @scratch. */
void stream_load_at(Stream *s, unsigned reg, uint64_t va, unsigned scratch);

/* CALL @va, @size bytes.  Overwrites the pair @scratch and the next one. */
void stream_call(Stream *s, uint64_t va, uint32_t size, unsigned scratch);

/* JUMP, likewise */
void stream_jump(Stream *s, uint64_t va, uint32_t size, unsigned scratch);

/* Bytes of the stream */
uint32_t stream_size(const Stream *s);

/**
 * stream_place: copy a stream to where the GPU can run it, and free it
 * @s: the stream, which is empty afterwards
 * @arena: memory, written to by the CPU only here
 * @size: receives its bytes; may be NULL
 *
 * Returns its virtual address.  A full arena is a bail-out.
 */
uint64_t stream_place(Stream *s, StreamArena *arena, uint32_t *size);

#endif /* TESTS_GUEST_LIB_STREAM_H */
