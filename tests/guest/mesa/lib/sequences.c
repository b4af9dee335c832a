/*
 * Kernels that are more than one dispatch
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "kernels.h"

#define BLOCK 256

void record_fill(GpuWork *work)
{
    const uint32_t *push = work->job->push;

    vkCmdFillBuffer(work->commands, work->buffers[0], push[0], push[1],
                    push[2]);
    vkCmdFillBuffer(work->commands, work->buffers[1], 0, VK_WHOLE_SIZE,
                    ~push[2]);
}

void record_update(GpuWork *work)
{
    vkCmdUpdateBuffer(work->commands, work->buffers[0], 4,
                      sizeof(work->job->push), work->job->push);
    vkCmdUpdateBuffer(work->commands, work->buffers[0], 4096 - 64, 64,
                      work->job->push);
}

void record_copy(GpuWork *work)
{
    const VkBufferCopy regions[] = {
        { .srcOffset = 0, .dstOffset = 4096, .size = 4096 },
        { .srcOffset = 4100, .dstOffset = 12, .size = 68 },
        { .srcOffset = 8191, .dstOffset = 1025, .size = 3 },
        { .srcOffset = 8192, .dstOffset = 8192, .size = 8192 },
    };

    vkCmdCopyBuffer(work->commands, work->buffers[0], work->buffers[1], 4,
                    regions);
}

void record_indirect(GpuWork *work)
{
    gpu_use(work, 0);
    vkCmdDispatchIndirect(work->commands, work->buffers[1], 0);
}

void record_scan(GpuWork *work)
{
    uint32_t n = work->job->push[0], blocks = (n + BLOCK - 1) / BLOCK;

    gpu_use(work, 0);
    gpu_dispatch(work, blocks, 1, 1);
    gpu_barrier(work);
    gpu_use(work, 1);
    gpu_dispatch(work, 1, 1, 1);
    gpu_barrier(work);
    gpu_use(work, 2);
    gpu_dispatch(work, blocks, 1, 1);
}

/* Eight times by four bits; the last time from buffer 1 to 0 */
void record_radix(GpuWork *work)
{
    uint32_t n = work->job->push[0], blocks = (n + BLOCK - 1) / BLOCK;

    for (unsigned round = 0; round < 8; round++) {
        uint32_t push[] = { n, 4 * round, blocks, round % 2 };

        gpu_push(work, push, 4);
        gpu_use(work, 0);
        gpu_dispatch(work, blocks, 1, 1);
        gpu_barrier(work);
        gpu_use(work, 1);
        gpu_dispatch(work, 1, 1, 1);
        gpu_barrier(work);
        gpu_use(work, 2);
        gpu_dispatch(work, blocks, 1, 1);
        gpu_barrier(work);
    }
}

/* The second one has other push constants, and sees what the first wrote. */
void record_twice(GpuWork *work)
{
    uint32_t push[2] = { work->job->push[0], 0x40000000 /* 2.0 */ };

    gpu_use(work, 0);
    gpu_dispatch(work, work->job->groups[0], 1, 1);
    gpu_barrier(work);
    gpu_push(work, push, 2);
    gpu_dispatch(work, work->job->groups[0], 1, 1);
}
