/*
 * Mali CSF GPU: what a RUN_COMPUTE asks for: a grid of workgroups
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_TASK_H
#define HW_GPU_MALI_CSF_SHADER_TASK_H

#include "../endpoint/endpoint.h"
#include "capture.h"
#include "descriptors.h"
#include "messages.h"

/* A job as all who execute parts of it see it, constant once it is prepared */
typedef struct MaliShaderTask {
    const MaliShaderLayout *layout;
    unsigned arch;
    unsigned as;
    MaliCsfClock *clock;
    /* What it touches is noted there; or NULL */
    MaliShaderCapture *capture;
    MaliShaderLaunch launch;
    MaliShaderProgramInfo program;
    MaliShaderStorage storage;
    uint32_t uniforms[MALI_SHADER_MAX_UNIFORMS];

    /* Threads of a workgroup, and lanes that it takes, see below */
    unsigned threads;
    unsigned lanes;
    /* Super-warps that a workgroup takes, or workgroups that share one */
    unsigned groups;
    unsigned shared;
    /*
     * Workgroups are executed in units: one, or as many as share a super-warp.
     * They are numbered, x first.  No job is so large that this is not enough.
     */
    uint64_t num_workgroups;
    uint64_t num_units;
} MaliShaderTask;

/*
 * How a workgroup goes on lanes, from what registers say.  0, or an exception
 * of CS_FAULT.
 */
uint8_t mali_shader_task_init(MaliShaderTask *task, unsigned arch,
                              const MaliCsfWork *work, MaliCsfClock *clock);

/*
 * Read what the registers point to.  FAULTED: see memory->exception and fault.
 * @memory is any thread's, of the job's address space.
 */
MaliShaderAccess mali_shader_task_prepare(MaliShaderTask *task,
                                          MaliShaderMemory *memory);

/* Of a workgroup, by its number */
void mali_shader_task_position(const MaliShaderTask *task, uint64_t number,
                               uint32_t *position);

#endif /* HW_GPU_MALI_CSF_SHADER_TASK_H */
