/*
 * What the driver should report of each model
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <inttypes.h>
#include <stdio.h>
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

#define PRODUCT(name_, gpu_id, l2, core, mem, csf_id, gpu, thread, coherency, \
                shaders, cores, doorbells, fw_version, fw_features, registers, \
                scoreboards) \
    { \
        .name = name_, \
        .value[MODEL_GPU_ID] = gpu_id, \
        .value[MODEL_CSF_ID] = csf_id, \
        .value[MODEL_L2_FEATURES] = l2, \
        .value[MODEL_TILER_FEATURES] = 0x809, \
        .value[MODEL_MEM_FEATURES] = mem, \
        .value[MODEL_MMU_FEATURES] = 0x2830, \
        .value[MODEL_THREAD_FEATURES] = thread, \
        .value[MODEL_MAX_THREADS] = 2048, \
        .value[MODEL_MAX_WORKGROUP_SIZE] = 1024, \
        .value[MODEL_MAX_BARRIER_SIZE] = 1024, \
        .value[MODEL_COHERENCY_FEATURES] = coherency, \
        .value[MODEL_TEXTURE_FEATURES_0] = 0x01000000, \
        .value[MODEL_AS_PRESENT] = 0xff, \
        .value[MODEL_SELECTED_COHERENCY] = 31, \
        .value[MODEL_SHADER_PRESENT] = shaders, \
        .value[MODEL_L2_PRESENT] = 1, \
        .value[MODEL_TILER_PRESENT] = 1, \
        .value[MODEL_CORE_FEATURES] = core, \
        .value[MODEL_GPU_FEATURES] = gpu, \
        .value[MODEL_CSG_SLOTS] = 8, \
        .value[MODEL_CS_SLOTS] = 8, \
        .value[MODEL_CS_REGS] = registers, \
        .value[MODEL_SCOREBOARDS] = scoreboards, \
        .value[MODEL_UNPRESERVED_CS_REGS] = 4, \
        /* panthor's own choice: 4 KiB and 2 MiB */ \
        .value[MODEL_PAGE_SIZES] = 0x201000, \
    },

const Model models[] = {
#include "../../qtest/libqos/mali-csf-products.h.inc"
    { 0 },
};

/*
 * What is not here changes nothing that the driver reports, or the device
 * tree tells of it, as of "coherent".  QEMU has refused what the device does
 * not have.
 */
static void model_override(Model *model, const char *name,
                           const char *value)
{
    uint64_t *mmu = &model->value[MODEL_MMU_FEATURES];
    int64_t signed_number = 0;
    uint64_t number;

    /* Decimal, or hexadecimal behind 0x */
    sscanf(value, "%" SCNi64, &signed_number);
    number = signed_number;
    if (!strcmp(name, "shader-present")) {
        model->value[MODEL_SHADER_PRESENT] = number;
    } else if (!strcmp(name, "csg-slots")) {
        /* panthor uses no more: MAX_CSG_PRIO + 1, panthor_sched.c, v7.3 */
        model->value[MODEL_CSG_SLOTS] = number < 16 ? number : 16;
    } else if (!strcmp(name, "cs-per-csg")) {
        model->value[MODEL_CS_SLOTS] = number;
    } else if (!strcmp(name, "address-spaces")) {
        model->value[MODEL_AS_PRESENT] = (1u << number) - 1;
    } else if (!strcmp(name, "va-bits")) {
        *mmu = (*mmu & ~0xffull) | number;
    } else if (!strcmp(name, "pa-bits")) {
        *mmu = (*mmu & ~0xff00ull) | number << 8;
    }
}

bool model_find(const char *name, Model *model)
{
    char words[256], *word, *value, *rest;
    const Model *m;

    snprintf(words, sizeof(words), "%s", name);
    word = strtok_r(words, ",", &rest);
    for (m = models; m->name; m++) {
        if (word && !strcmp(m->name, word)) {
            break;
        }
    }
    if (!m->name) {
        return false;
    }
    *model = *m;
    while ((word = strtok_r(NULL, ",", &rest))) {
        value = strchr(word, '=');
        if (!value) {
            return false;
        }
        *value = '\0';
        model_override(model, word, value + 1);
    }
    return true;
}
