/*
 * Mali CSF GPU: messages to the units of a shader core
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_MESSAGES_H
#define HW_GPU_MALI_CSF_SHADER_MESSAGES_H

#include "descriptors.h"
#include "exec.h"
#include "memory.h"

typedef struct MaliCsfClock MaliCsfClock;

/* Descriptors at hand, by their handle */
#define MALI_SHADER_NUM_BUFFERS 16

/* What messages of a group need; its opaque */
typedef struct MaliShaderContext {
    MaliShaderMemory memory;
    const MaliShaderLayout *layout;
    const MaliShaderLaunch *launch;
    MaliCsfClock *clock;
    struct {
        bool valid;
        uint32_t handle;
        MaliShaderBuffer buffer;
    } buffers[MALI_SHADER_NUM_BUFFERS];
} MaliShaderContext;

/* By family, for MaliShaderGroup.ops */
extern const MaliShaderOps mali_shader_messages;

/*
 * The buffer that @handle names: a table in bits 24 to 31, an index below.
 * What is no buffer has no bytes.
 */
MaliShaderAccess mali_shader_find_buffer(MaliShaderContext *context,
                                         uint32_t handle,
                                         MaliShaderBuffer *buffer);
/* Descriptors that were found may have changed */
void mali_shader_forget_buffers(MaliShaderContext *context);

/*
 * The @bytes of the descriptor that @handle names.  *@is_there is false if the
 * table ends before it.
 */
MaliShaderAccess mali_shader_find_descriptor(MaliShaderContext *context,
                                             uint32_t handle, uint8_t *bytes,
                                             bool *is_there);

/* A message went wrong for the first lane that is not in @done */
MaliShaderAccess mali_shader_not_done(MaliShaderGroup *group,
                                      MaliShaderAccess access, uint64_t done);

MaliShaderAccess mali_shader_msg_load(MaliShaderGroup *group,
                                      const MaliShaderOp *op, uint64_t lanes);
MaliShaderAccess mali_shader_msg_load_buffer(MaliShaderGroup *group,
                                             const MaliShaderOp *op,
                                             uint64_t lanes);
MaliShaderAccess mali_shader_msg_lea_buffer(MaliShaderGroup *group,
                                            const MaliShaderOp *op,
                                            uint64_t lanes);
MaliShaderAccess mali_shader_msg_store(MaliShaderGroup *group,
                                       const MaliShaderOp *op,
                                       uint64_t lanes);
MaliShaderAccess mali_shader_msg_atomic(MaliShaderGroup *group,
                                        const MaliShaderOp *op,
                                        uint64_t lanes);
MaliShaderAccess mali_shader_msg_atomic_one(MaliShaderGroup *group,
                                            const MaliShaderOp *op,
                                            uint64_t lanes);
/* Images: LD_TEX, LEA_TEX; LD_CVT and ST_CVT; LEA_BUF; and textures */
MaliShaderAccess mali_shader_msg_load_image(MaliShaderGroup *group,
                                            const MaliShaderOp *op,
                                            uint64_t lanes);
MaliShaderAccess mali_shader_msg_lea_image(MaliShaderGroup *group,
                                           const MaliShaderOp *op,
                                           uint64_t lanes);
MaliShaderAccess mali_shader_msg_convert(MaliShaderGroup *group,
                                         const MaliShaderOp *op,
                                         uint64_t lanes);
MaliShaderAccess mali_shader_msg_lea_element(MaliShaderGroup *group,
                                             const MaliShaderOp *op,
                                             uint64_t lanes);
MaliShaderAccess mali_shader_msg_texture(MaliShaderGroup *group,
                                         const MaliShaderOp *op,
                                         uint64_t lanes);
MaliShaderAccess mali_shader_msg_clock(MaliShaderGroup *group,
                                       const MaliShaderOp *op,
                                       uint64_t lanes);

#endif /* HW_GPU_MALI_CSF_SHADER_MESSAGES_H */
