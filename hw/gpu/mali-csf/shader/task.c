/*
 * Mali CSF GPU: what a RUN_COMPUTE asks for: a grid of workgroups
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "task.h"

/* Saturated: what is never reached need not be exact. */
static uint64_t product(const uint32_t *grid)
{
    uint64_t plane = (uint64_t)grid[0] * grid[1];
    uint64_t result;

    return umul64_overflow(plane, grid[2], &result) ? UINT64_MAX : result;
}

uint8_t mali_shader_task_init(MaliShaderTask *task, unsigned arch,
                              const MaliCsfWork *work, MaliCsfClock *clock)
{
    MaliShaderLaunch *launch = &task->launch;

    *task = (MaliShaderTask) {
        .layout = mali_shader_layout(arch),
        .arch = arch,
        .as = work->as,
        .clock = clock,
    };
    mali_shader_read_launch(task->layout, work->word, work->regs, launch);
    task->num_workgroups = product(launch->grid);
    task->threads = launch->local[0] * launch->local[1] * launch->local[2];
    if (!task->num_workgroups) {
        return 0;
    }
    if (task->threads > MALI_SHADER_MAX_THREADS) {
        return MALI_SHADER_DATA_INVALID_FAULT;
    }
    /* A workgroup has warps of its own, unless the driver does not mind. */
    task->lanes = launch->may_merge ? task->threads :
                  ROUND_UP(task->threads, MALI_SHADER_WARP);
    task->groups = DIV_ROUND_UP(task->lanes, MALI_SHADER_LANES);
    task->shared = MAX(1, MALI_SHADER_LANES / task->lanes);
    task->num_units = task->num_workgroups / task->shared +
                      !!(task->num_workgroups % task->shared);
    return 0;
}

static MaliShaderAccess read_bytes(MaliShaderMemory *memory, uint64_t va,
                                   unsigned size, uint8_t *bytes)
{
    MaliShaderAccess result = MALI_SHADER_ACCESS_DONE;

    for (unsigned i = 0; i < size && result == MALI_SHADER_ACCESS_DONE;
         i += MALI_SHADER_MAX_ACCESS) {
        result = mali_shader_load(memory, va + i,
                                  MIN(size - i, MALI_SHADER_MAX_ACCESS),
                                  bytes + i);
    }
    return result;
}

static MaliShaderAccess read_uniforms(MaliShaderTask *task,
                                      MaliShaderMemory *memory)
{
    unsigned n = task->launch.num_uniforms;
    MaliShaderAccess result = read_bytes(memory, task->launch.uniforms, 4 * n,
                                         (uint8_t *)task->uniforms);

    for (unsigned i = 0; i < n; i++) {
        le32_to_cpus(&task->uniforms[i]);
    }
    return result;
}

MaliShaderAccess mali_shader_task_prepare(MaliShaderTask *task,
                                          MaliShaderMemory *memory)
{
    uint8_t bytes[MALI_SHADER_DESCRIPTOR_SIZE];
    MaliShaderAccess result;
    uint8_t exception;

    result = read_bytes(memory, task->launch.program, sizeof(bytes), bytes);
    if (result != MALI_SHADER_ACCESS_DONE) {
        return result;
    }
    exception = mali_shader_read_program(task->layout, bytes, &task->program);
    if (exception) {
        return mali_shader_refuse(memory, exception, task->launch.program);
    }
    result = read_bytes(memory, task->launch.storage, sizeof(bytes), bytes);
    if (result != MALI_SHADER_ACCESS_DONE) {
        return result;
    }
    exception = mali_shader_read_storage(task->layout, bytes, &task->storage);
    if (exception) {
        return mali_shader_refuse(memory, exception, task->launch.storage);
    }
    return read_uniforms(task, memory);
}

void mali_shader_task_position(const MaliShaderTask *task, uint64_t number,
                               uint32_t *position)
{
    const uint32_t *grid = task->launch.grid;

    position[0] = number % grid[0];
    number /= grid[0];
    position[1] = number % grid[1];
    position[2] = number / grid[1];
}
