/*
 * What the driver should report of each model
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <string.h>

#include "models.h"

/* Places in the structures of include/uapi/drm/panthor_drm.h, Linux 7.3 */
const ModelField model_fields[MODEL_NUM_FIELDS] = {
#define GPU(id, name, offset, bytes, since) \
    [id] = { name, MODEL_QUERY_GPU_INFO, offset, bytes, since }
    GPU(MODEL_GPU_ID, "gpu_id", 0, 4, 0),
    GPU(MODEL_GPU_REV, "gpu_rev", 4, 4, 0),
    GPU(MODEL_CSF_ID, "csf_id", 8, 4, 0),
    GPU(MODEL_L2_FEATURES, "l2_features", 12, 4, 0),
    GPU(MODEL_TILER_FEATURES, "tiler_features", 16, 4, 0),
    GPU(MODEL_MEM_FEATURES, "mem_features", 20, 4, 0),
    GPU(MODEL_MMU_FEATURES, "mmu_features", 24, 4, 0),
    GPU(MODEL_THREAD_FEATURES, "thread_features", 28, 4, 0),
    GPU(MODEL_MAX_THREADS, "max_threads", 32, 4, 0),
    GPU(MODEL_MAX_WORKGROUP_SIZE, "thread_max_workgroup_size", 36, 4, 0),
    GPU(MODEL_MAX_BARRIER_SIZE, "thread_max_barrier_size", 40, 4, 0),
    GPU(MODEL_COHERENCY_FEATURES, "coherency_features", 44, 4, 0),
    GPU(MODEL_TEXTURE_FEATURES_0, "texture_features[0]", 48, 4, 0),
    GPU(MODEL_TEXTURE_FEATURES_1, "texture_features[1]", 52, 4, 0),
    GPU(MODEL_TEXTURE_FEATURES_2, "texture_features[2]", 56, 4, 0),
    GPU(MODEL_TEXTURE_FEATURES_3, "texture_features[3]", 60, 4, 0),
    GPU(MODEL_AS_PRESENT, "as_present", 64, 4, 0),
    GPU(MODEL_SELECTED_COHERENCY, "selected_coherency", 68, 4, 7),
    GPU(MODEL_SHADER_PRESENT, "shader_present", 72, 8, 0),
    GPU(MODEL_L2_PRESENT, "l2_present", 80, 8, 0),
    GPU(MODEL_TILER_PRESENT, "tiler_present", 88, 8, 0),
    GPU(MODEL_CORE_FEATURES, "core_features", 96, 4, 0),
    GPU(MODEL_GPU_FEATURES, "gpu_features", 104, 8, 0),
#undef GPU
#define CSIF(id, name, offset) \
    [id] = { name, MODEL_QUERY_CSIF_INFO, offset, 4, 0 }
    CSIF(MODEL_CSG_SLOTS, "csg_slot_count", 0),
    CSIF(MODEL_CS_SLOTS, "cs_slot_count", 4),
    CSIF(MODEL_CS_REGS, "cs_reg_count", 8),
    CSIF(MODEL_SCOREBOARDS, "scoreboard_slot_count", 12),
    CSIF(MODEL_UNPRESERVED_CS_REGS, "unpreserved_cs_reg_count", 16),
#undef CSIF
    [MODEL_PAGE_SIZES] = {
        "page_size_bitmap", MODEL_QUERY_MMU_INFO, 0, 8, 9
    },
};

const Model models[] = {
    {
        /* Dumps of the RK3588 */
        .name = "g610",
        .value = {
            [MODEL_GPU_ID] = 0xa8670005,
            [MODEL_GPU_REV] = 0,
            [MODEL_CSF_ID] = 0x040a0412,
            [MODEL_L2_FEATURES] = 0x07120306,
            [MODEL_TILER_FEATURES] = 0x809,
            [MODEL_MEM_FEATURES] = 0x301,
            [MODEL_MMU_FEATURES] = 0x2830,
            [MODEL_THREAD_FEATURES] = 0x04010000,
            [MODEL_MAX_THREADS] = 2048,
            [MODEL_MAX_WORKGROUP_SIZE] = 1024,
            [MODEL_MAX_BARRIER_SIZE] = 1024,
            [MODEL_COHERENCY_FEATURES] = 0,
            [MODEL_TEXTURE_FEATURES_0] = 0xc1ffff9e,
            [MODEL_AS_PRESENT] = 0xff,
            [MODEL_SELECTED_COHERENCY] = 31,
            [MODEL_SHADER_PRESENT] = 0x50005,
            [MODEL_L2_PRESENT] = 1,
            [MODEL_TILER_PRESENT] = 1,
            [MODEL_CORE_FEATURES] = 0,
            [MODEL_GPU_FEATURES] = 0,
            [MODEL_CSG_SLOTS] = 8,
            [MODEL_CS_SLOTS] = 8,
            [MODEL_CS_REGS] = 96,
            [MODEL_SCOREBOARDS] = 8,
            [MODEL_UNPRESERVED_CS_REGS] = 4,
            /* panthor's own choice: 4 KiB and 2 MiB */
            [MODEL_PAGE_SIZES] = 0x201000,
        },
    },
    { 0 },
};

const Model *model_find(const char *name)
{
    const Model *m;

    for (m = models; m->name; m++) {
        if (!strcmp(m->name, name)) {
            return m;
        }
    }
    return NULL;
}
