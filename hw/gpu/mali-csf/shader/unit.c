/*
 * Mali CSF GPU: workgroups being executed, one or a few at a time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <fenv.h>
#include "qemu/bswap.h"
#include "qemu/memalign.h"
#include "unit.h"

/* Preloaded registers of compute (Mesa: bifrost_compile.c, bi_preload()) */
enum {
    PRELOAD_LOCAL_XY = 55,
    PRELOAD_LOCAL_Z = 56,
    PRELOAD_WORKGROUP = 57,
    PRELOAD_GLOBAL = 60,
};

static MaliShaderAccess fetch(void *opaque, uint64_t pc, unsigned count,
                              uint64_t *words)
{
    MaliShaderUnit *unit = opaque;
    MaliShaderAccess result;
    MaliCsfSpan span;

    if (mali_shader_is_local(pc)) {
        return mali_shader_refuse(&unit->context.memory,
                                  MALI_SHADER_INSTR_INVALID_PC, pc);
    }
    result = mali_shader_at(&unit->context.memory, pc,
                            count * sizeof(*words), MALI_CSF_MEM_EXECUTE,
                            &span);
    if (result == MALI_SHADER_ACCESS_DONE) {
        for (unsigned i = 0; i < count; i++) {
            words[i] = ldq_le_p(span.host + i * sizeof(*words));
        }
    }
    return result;
}

static MaliShaderGroup *new_group(MaliShaderUnit *unit)
{
    const MaliShaderTask *task = unit->task;
    MaliShaderGroup *group = qemu_memalign(64, sizeof(*group));

    memset(group, 0, sizeof(*group));
    mali_shader_group_bind(group, unit->program, &mali_shader_messages,
                           &unit->context, task->uniforms,
                           task->launch.num_uniforms);
    group->flush_f32 = task->program.flush != MALI_SHADER_KEEP_SUBNORMALS;
    group->flush_f16 = task->program.flush > MALI_SHADER_FLUSH_DX11;
    return group;
}

/* Pages that no shader touches cost nothing. */
static bool new_local(MaliShaderLocal *local, uint32_t size)
{
    *local = (MaliShaderLocal) {
        .bytes = g_try_malloc0(size),
        .size = size,
    };
    return local->bytes || !size;
}

MaliShaderUnit *mali_shader_unit_new(const MaliShaderTask *task)
{
    MaliShaderUnit *unit = g_new0(MaliShaderUnit, 1);
    MaliShaderContext *context = &unit->context;
    uint32_t lanes = task->groups * MALI_SHADER_LANES;

    unit->task = task;
    unit->program = mali_shader_program_new(task->arch, fetch, unit);
    context->layout = task->layout;
    context->launch = &task->launch;
    context->clock = task->clock;
    context->memory.as = task->as;
    context->memory.capture = task->capture;
    if (!new_local(&context->memory.thread,
                   lanes * task->storage.thread_size) ||
        !new_local(&context->memory.group,
                   task->shared * task->storage.group_size)) {
        mali_shader_unit_free(unit);
        return NULL;
    }
    for (unsigned i = 0; i < task->groups; i++) {
        unit->groups[i] = new_group(unit);
    }
    return unit;
}

void mali_shader_unit_free(MaliShaderUnit *unit)
{
    for (unsigned i = 0; i < unit->task->groups; i++) {
        qemu_vfree(unit->groups[i]);
    }
    g_free(unit->context.memory.thread.bytes);
    g_free(unit->context.memory.group.bytes);
    mali_shader_program_free(unit->program);
    g_free(unit);
}

static void set_pair(MaliShaderGroup *group, unsigned slot, unsigned lane,
                     uint64_t value)
{
    group->slots[slot][lane] = value;
    group->slots[slot + 1][lane] = value >> 32;
}

static void set_local(MaliShaderUnit *unit, MaliShaderGroup *group,
                      unsigned index, unsigned lane, unsigned workgroup)
{
    const MaliShaderStorage *storage = &unit->task->storage;
    uint32_t thread = (index * MALI_SHADER_LANES + lane) *
                      storage->thread_size;

    set_pair(group, MALI_SHADER_SLOT_THREAD_LOCAL_POINTER, lane,
             MALI_SHADER_TAG_THREAD << MALI_SHADER_TAG_SHIFT | thread);
    set_pair(group, MALI_SHADER_SLOT_WORKGROUP_LOCAL_POINTER, lane,
             MALI_SHADER_TAG_GROUP << MALI_SHADER_TAG_SHIFT |
             workgroup * storage->group_size);
    set_pair(group, MALI_SHADER_SLOT_RESOURCE_TABLE_POINTER, lane,
             unit->task->launch.resources);
    group->slots[MALI_SHADER_SLOT_WARP_ID][lane] =
        index * (MALI_SHADER_LANES / MALI_SHADER_WARP) +
        lane / MALI_SHADER_WARP;
}

static void preload(const MaliShaderTask *task, MaliShaderGroup *group,
                    unsigned lane, unsigned thread, const uint32_t *position)
{
    const MaliShaderLaunch *launch = &task->launch;
    unsigned local[3] = {
        thread % launch->local[0],
        thread / launch->local[0] % launch->local[1],
        thread / launch->local[0] / launch->local[1],
    };
    uint32_t values[64 - 48] = { };

    values[PRELOAD_LOCAL_XY - 48] = local[0] | local[1] << 16;
    values[PRELOAD_LOCAL_Z - 48] = local[2];
    for (unsigned i = 0; i < 3; i++) {
        values[PRELOAD_WORKGROUP - 48 + i] = position[i];
        values[PRELOAD_GLOBAL - 48 + i] = position[i] * launch->local[i] +
                                          local[i] + launch->offset[i];
    }
    for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
        if (task->program.preload & 1u << i) {
            group->slots[48 + i][lane] = values[i];
        }
    }
}

/* Lanes of super-warp @index, and what they know when they begin */
static void begin_group(MaliShaderUnit *unit, unsigned index, uint64_t first)
{
    const MaliShaderTask *task = unit->task;
    MaliShaderGroup *group = unit->groups[index];
    uint64_t lanes = 0;
    uint32_t position[3];

    for (unsigned lane = 0; lane < MALI_SHADER_LANES; lane++) {
        unsigned flat = index * MALI_SHADER_LANES + lane;

        if (flat / task->lanes < task->shared &&
            first + flat / task->lanes < task->num_workgroups &&
            flat % task->lanes < task->threads) {
            lanes |= 1ull << lane;
        }
    }
    mali_shader_group_start(group, task->program.code, lanes);
    for (uint64_t left = lanes; left; left &= left - 1) {
        unsigned lane = ctz64(left);
        unsigned flat = index * MALI_SHADER_LANES + lane;

        mali_shader_task_position(task, first + flat / task->lanes, position);
        set_local(unit, group, index, lane, flat / task->lanes);
        preload(task, group, lane, flat % task->lanes, position);
    }
    unit->states[index] = MALI_SHADER_GROUP_RUNS;
}

void mali_shader_unit_begin(MaliShaderUnit *unit, uint64_t number)
{
    const MaliShaderTask *task = unit->task;

    unit->turn = 0;
    for (unsigned i = 0; i < task->groups; i++) {
        begin_group(unit, i, number * task->shared);
    }
}

/* All that run have come to a barrier, or none runs any more */
static bool release(MaliShaderUnit *unit)
{
    bool any = false;

    for (unsigned i = 0; i < unit->task->groups; i++) {
        if (unit->states[i] == MALI_SHADER_GROUP_WAITS) {
            mali_shader_group_release(unit->groups[i]);
            unit->states[i] = MALI_SHADER_GROUP_RUNS;
            any = true;
        }
    }
    return any;
}

/* The next one that runs, from @turn on; false if none does */
static bool next_turn(MaliShaderUnit *unit)
{
    for (unsigned i = 0; i < unit->task->groups; i++) {
        unsigned index = (unit->turn + i) % unit->task->groups;

        if (unit->states[index] == MALI_SHADER_GROUP_RUNS) {
            unit->turn = index;
            return true;
        }
    }
    return false;
}

static MaliShaderResult run_groups(MaliShaderUnit *unit, unsigned budget)
{
    while (next_turn(unit) || release(unit)) {
        MaliShaderGroup *group = unit->groups[unit->turn];
        MaliShaderResult result;

        if (unit->states[unit->turn] != MALI_SHADER_GROUP_RUNS) {
            continue;
        }
        result = mali_shader_group_run(group, &budget);
        switch (result) {
        case MALI_SHADER_DONE:
            unit->states[unit->turn] = MALI_SHADER_GROUP_ENDED;
            break;
        case MALI_SHADER_AT_BARRIER:
            unit->states[unit->turn] = MALI_SHADER_GROUP_WAITS;
            break;
        case MALI_SHADER_BUDGET:
            /* Another one may be what it waits for. */
            unit->turn = (unit->turn + 1) % unit->task->groups;
            return result;
        case MALI_SHADER_FAULTED:
            unit->exception = group->fault.exception;
            unit->fault = group->fault;
            return result;
        default:
            return result;
        }
        if (!budget && (next_turn(unit) || release(unit))) {
            return MALI_SHADER_BUDGET;
        }
    }
    return MALI_SHADER_DONE;
}

MaliShaderResult mali_shader_unit_run(MaliShaderUnit *unit,
                                      MaliCsfMemView *view,
                                      MaliShaderPages *pages, unsigned budget)
{
    MaliShaderResult result;
    fenv_t environment;

    unit->context.memory.view = view;
    unit->context.memory.pages = pages;
    mali_shader_forget_buffers(&unit->context);
    fegetenv(&environment);
    fesetenv(FE_DFL_ENV);
    result = run_groups(unit, budget);
    fesetenv(&environment);
    return result;
}
