/*
 * Mali CSF GPU: workgroups being executed, one or a few at a time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_UNIT_H
#define HW_GPU_MALI_CSF_SHADER_UNIT_H

#include "exec.h"
#include "task.h"

/* Super-warps of a unit */
#define MALI_SHADER_MAX_GROUPS  (MALI_SHADER_MAX_THREADS / MALI_SHADER_LANES)

typedef enum MaliShaderGroupState {
    MALI_SHADER_GROUP_RUNS,
    MALI_SHADER_GROUP_WAITS,
    MALI_SHADER_GROUP_ENDED,
} MaliShaderGroupState;

/* Of the lanes of a super-warp, in their workgroups */
typedef struct MaliShaderLocalIds {
    MaliShaderSlot axis[3];
} MaliShaderLocalIds;

/*
 * A workgroup, or those that share a super-warp.  A unit is of one job, and
 * executes one after the other of its units' workgroups.  One thread at a time
 * has it.
 */
typedef struct MaliShaderUnit {
    const MaliShaderTask *task;
    MaliShaderProgram *program;
    /* First, for messages have the group's opaque only */
    MaliShaderContext context;
    MaliShaderGroup *groups[MALI_SHADER_MAX_GROUPS];
    /* By super-warp */
    MaliShaderLocalIds *local;
    MaliShaderGroupState states[MALI_SHADER_MAX_GROUPS];
    /* The one whose turn it is */
    unsigned turn;
    /* pages->drops when the buffers at hand were found */
    unsigned drops;

    /* What stopped it, after FAULTED */
    uint8_t exception;
    MaliShaderFault fault;
} MaliShaderUnit;

/* @task is prepared, and stays where it is.  NULL: no memory for it */
MaliShaderUnit *mali_shader_unit_new(const MaliShaderTask *task);
void mali_shader_unit_free(MaliShaderUnit *unit);

/* Begin with unit number @number of the task */
void mali_shader_unit_begin(MaliShaderUnit *unit, uint64_t number);

/*
 * Execute at most @budget instructions, which is what is left of it afterwards,
 * with the accesses of a thread, whose floating-point environment is
 * FE_DFL_ENV.  DONE, BUDGET, STALLED or FAULTED; after the latter, see
 * unit->exception, or, if that is 0, unit->context.memory.fault.  The caller
 * has the pages tell what was written.
 */
MaliShaderResult mali_shader_unit_run(MaliShaderUnit *unit,
                                      MaliCsfMemView *view,
                                      MaliShaderPages *pages,
                                      unsigned *budget);

#endif /* HW_GPU_MALI_CSF_SHADER_UNIT_H */
