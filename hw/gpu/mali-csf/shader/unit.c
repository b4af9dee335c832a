/*
 * Mali CSF GPU: workgroups being executed, one or a few at a time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
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

void mali_shader_unit_free(MaliShaderUnit *unit)
{
    for (unsigned i = 0; i < unit->task->groups; i++) {
        qemu_vfree(unit->groups[i]);
    }
    qemu_vfree(unit->local);
    g_free(unit->context.memory.thread.bytes);
    g_free(unit->context.memory.group.bytes);
    mali_shader_program_free(unit->program);
    g_free(unit);
}

/* Lanes of a super-warp that are threads of one workgroup */
typedef struct Threads {
    /* Lanes; the number of the first one's thread in the workgroup */
    unsigned first;
    unsigned end;
    unsigned thread;
    /* The workgroup among those of the unit, and in the grid */
    unsigned workgroup;
    uint32_t position[3];
} Threads;

/* Slot by slot, which takes a fraction of the time of lane by lane. */
static void set_all(MaliShaderGroup *group, const Threads *threads,
                    unsigned slot, uint32_t value)
{
    for (unsigned lane = threads->first; lane < threads->end; lane++) {
        group->slots[slot][lane] = value;
    }
}

static void set_pair(MaliShaderGroup *group, const Threads *threads,
                     unsigned slot, uint64_t value)
{
    set_all(group, threads, slot, value);
    set_all(group, threads, slot + 1, value >> 32);
}

static void set_specials(const MaliShaderUnit *unit, MaliShaderGroup *group,
                         const Threads *threads, unsigned index)
{
    const MaliShaderStorage *storage = &unit->task->storage;
    uint32_t *local = group->slots[MALI_SHADER_SLOT_THREAD_LOCAL_POINTER];
    uint32_t *warp = group->slots[MALI_SHADER_SLOT_WARP_ID];

    set_pair(group, threads, MALI_SHADER_SLOT_THREAD_LOCAL_POINTER,
             MALI_SHADER_TAG_THREAD << MALI_SHADER_TAG_SHIFT);
    for (unsigned lane = threads->first; lane < threads->end; lane++) {
        local[lane] = (index * MALI_SHADER_LANES + lane) *
                      storage->thread_size;
        warp[lane] = index * (MALI_SHADER_LANES / MALI_SHADER_WARP) +
                     lane / MALI_SHADER_WARP;
    }
    set_pair(group, threads, MALI_SHADER_SLOT_WORKGROUP_LOCAL_POINTER,
             MALI_SHADER_TAG_GROUP << MALI_SHADER_TAG_SHIFT |
             threads->workgroup * storage->group_size);
    set_pair(group, threads, MALI_SHADER_SLOT_RESOURCE_TABLE_POINTER,
             unit->task->launch.resources);
}

static void find_local(const MaliShaderLaunch *launch, const Threads *threads,
                       MaliShaderLocalIds *ids)
{
    unsigned x = threads->thread % launch->local[0];
    unsigned row = threads->thread / launch->local[0];
    unsigned y = row % launch->local[1], z = row / launch->local[1];

    for (unsigned lane = threads->first; lane < threads->end; lane++) {
        ids->axis[0][lane] = x;
        ids->axis[1][lane] = y;
        ids->axis[2][lane] = z;
        if (++x == launch->local[0]) {
            x = 0;
            if (++y == launch->local[1]) {
                y = 0;
                z++;
            }
        }
    }
}

static void preload(const MaliShaderLaunch *launch, MaliShaderGroup *group,
                    const Threads *threads, const MaliShaderLocalIds *ids,
                    unsigned number)
{
    uint32_t *slot = group->slots[number];

    if (number >= PRELOAD_GLOBAL && number < PRELOAD_GLOBAL + 3) {
        unsigned axis = number - PRELOAD_GLOBAL;
        const uint32_t *local = ids->axis[axis];
        uint32_t start = threads->position[axis] * launch->local[axis] +
                         launch->offset[axis];

        for (unsigned lane = threads->first; lane < threads->end; lane++) {
            slot[lane] = start + local[lane];
        }
    } else if (number >= PRELOAD_WORKGROUP && number < PRELOAD_WORKGROUP + 3) {
        set_all(group, threads, number,
                threads->position[number - PRELOAD_WORKGROUP]);
    } else if (number == PRELOAD_LOCAL_XY) {
        for (unsigned lane = threads->first; lane < threads->end; lane++) {
            slot[lane] = ids->axis[0][lane] | ids->axis[1][lane] << 16;
        }
    } else if (number == PRELOAD_LOCAL_Z) {
        for (unsigned lane = threads->first; lane < threads->end; lane++) {
            slot[lane] = ids->axis[2][lane];
        }
    }
}

/* The threads that begin at @lane of super-warp @index; false if none do */
static bool find_threads(const MaliShaderUnit *unit, unsigned index,
                         unsigned lane, uint64_t first, Threads *threads)
{
    const MaliShaderTask *task = unit->task;
    unsigned flat = index * MALI_SHADER_LANES + lane;
    uint64_t number = first + flat / task->lanes;

    threads->workgroup = flat / task->lanes;
    threads->thread = flat % task->lanes;
    if (threads->workgroup >= task->shared || number >= task->num_workgroups ||
        threads->thread >= task->threads) {
        return false;
    }
    threads->first = lane;
    threads->end = MIN(lane + task->threads - threads->thread,
                       MALI_SHADER_LANES);
    return true;
}

/* What lanes of super-warp @index know, whichever workgroup they are of */
static void prepare_group(MaliShaderUnit *unit, unsigned index)
{
    Threads threads;

    for (unsigned lane = 0;
         lane < MALI_SHADER_LANES &&
         find_threads(unit, index, lane, 0, &threads);
         lane += unit->task->lanes) {
        set_specials(unit, unit->groups[index], &threads, index);
        find_local(&unit->task->launch, &threads, &unit->local[index]);
    }
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
    unit->local = qemu_memalign(64, task->groups * sizeof(*unit->local));
    for (unsigned i = 0; i < task->groups; i++) {
        unit->groups[i] = new_group(unit);
        prepare_group(unit, i);
    }
    return unit;
}

/* Lanes of super-warp @index, and what they know when they begin */
static void begin_group(MaliShaderUnit *unit, unsigned index, uint64_t first)
{
    const MaliShaderTask *task = unit->task;
    MaliShaderGroup *group = unit->groups[index];
    uint64_t lanes = 0;
    Threads threads;

    for (unsigned lane = 0;
         lane < MALI_SHADER_LANES &&
         find_threads(unit, index, lane, first, &threads);
         lane += task->lanes) {
        lanes |= MAKE_64BIT_MASK(lane, threads.end - lane);
    }
    mali_shader_group_start(group, task->program.code, lanes);
    for (unsigned lane = 0;
         lane < MALI_SHADER_LANES &&
         find_threads(unit, index, lane, first, &threads);
         lane += task->lanes) {
        mali_shader_task_position(task, first + threads.workgroup,
                                  threads.position);
        for (unsigned left = task->program.preload; left; left &= left - 1) {
            preload(&task->launch, group, &threads, &unit->local[index],
                    48 + ctz32(left));
        }
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

static MaliShaderResult run_groups(MaliShaderUnit *unit, unsigned *budget)
{
    while (next_turn(unit) || release(unit)) {
        MaliShaderGroup *group = unit->groups[unit->turn];
        MaliShaderResult result;

        if (unit->states[unit->turn] != MALI_SHADER_GROUP_RUNS) {
            continue;
        }
        result = mali_shader_group_run(group, budget);
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
        if (!*budget && (next_turn(unit) || release(unit))) {
            return MALI_SHADER_BUDGET;
        }
    }
    return MALI_SHADER_DONE;
}

MaliShaderResult mali_shader_unit_run(MaliShaderUnit *unit,
                                      MaliCsfMemView *view,
                                      MaliShaderPages *pages, unsigned *budget)
{
    unit->context.memory.view = view;
    unit->context.memory.pages = pages;
    if (unit->drops != pages->drops) {
        mali_shader_forget_buffers(&unit->context);
        unit->drops = pages->drops;
    }
    return run_groups(unit, budget);
}
