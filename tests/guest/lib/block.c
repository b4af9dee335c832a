/*
 * Buffers that huge pages are behind: what the CPU writes there, and jobs that
 * read it page by page
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "block.h"
#include "kernel.h"

uint32_t block_value(uint32_t seed, uint64_t index)
{
    return ((uint32_t)index + seed) * 0x9e3779b1u | 1;
}

void block_fill(PanthorBo *bo, uint64_t bytes, uint32_t seed)
{
    uint32_t *word = bo->cpu;
    uint64_t i;

    for (i = 0; i < bytes / sizeof(*word); i++) {
        word[i] = block_value(seed, i);
    }
}

void block_emit_reads(Stream *s, uint64_t va, uint64_t end)
{
    size_t loop;

    if (va >= end) {
        return;
    }
    stream_emit(s, cs_move48(0, va));
    stream_emit(s, cs_move32(4, (end - va) / PANTHOR_GPU_PAGE));
    loop = stream_here(s);
    stream_load(s, 6, 1, 0, BLOCK_PROBE);
    stream_store(s, 6, 1, BLOCK_REG_TO, 0);
    stream_emit(s, cs_add_imm64(0, 0, PANTHOR_GPU_PAGE));
    stream_emit(s, cs_add_imm64(BLOCK_REG_TO, BLOCK_REG_TO, 4));
    stream_emit(s, cs_add_imm32(4, 4, -1));
    stream_branch_back(s, CS_COND_GT, 4, loop);
}

const char *block_problem(const PanthorBo *bo, unsigned blocks)
{
    unsigned i;

    if (!kernel_locks_first()) {
        return NULL;
    }
    for (i = 0; i < blocks; i++) {
        const char *addr = (char *)bo->cpu + i * PANTHOR_GPU_BLOCK;
        int backing = kernel_backing(addr, PANTHOR_GPU_BLOCK);

        if (backing == KERNEL_BACKING_SCATTERED ||
            backing == KERNEL_BACKING_CONTIGUOUS) {
            return kernel_backing_name(backing);
        }
    }
    return NULL;
}
