/*
 * What the driver should report of each model
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_MODELS_H
#define TESTS_GUEST_LIB_MODELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Queries by number: see panthor_query() */
enum {
    MODEL_QUERY_GPU_INFO = 0,
    MODEL_QUERY_CSIF_INFO = 1,
    MODEL_QUERY_MMU_INFO = 4,
};

/*
 * One value of one query.  Places are numbers rather than offsetof(), which
 * the header may not have yet; the interface is stable.
 */
typedef struct ModelField {
    const char *name;
    uint8_t query;
    uint8_t offset;
    uint8_t bytes;
    /* The driver's minor version that brought it */
    uint8_t since_minor;
} ModelField;

enum {
    MODEL_GPU_ID,
    MODEL_GPU_REV,
    MODEL_CSF_ID,
    MODEL_L2_FEATURES,
    MODEL_TILER_FEATURES,
    MODEL_MEM_FEATURES,
    MODEL_MMU_FEATURES,
    MODEL_THREAD_FEATURES,
    MODEL_MAX_THREADS,
    MODEL_MAX_WORKGROUP_SIZE,
    MODEL_MAX_BARRIER_SIZE,
    MODEL_COHERENCY_FEATURES,
    MODEL_TEXTURE_FEATURES_0,
    MODEL_TEXTURE_FEATURES_1,
    MODEL_TEXTURE_FEATURES_2,
    MODEL_TEXTURE_FEATURES_3,
    MODEL_AS_PRESENT,
    MODEL_SELECTED_COHERENCY,
    MODEL_SHADER_PRESENT,
    MODEL_L2_PRESENT,
    MODEL_TILER_PRESENT,
    MODEL_CORE_FEATURES,
    MODEL_GPU_FEATURES,
    MODEL_CSG_SLOTS,
    MODEL_CS_SLOTS,
    MODEL_CS_REGS,
    MODEL_SCOREBOARDS,
    MODEL_UNPRESERVED_CS_REGS,
    MODEL_PAGE_SIZES,
    MODEL_NUM_FIELDS,
};

extern const ModelField model_fields[MODEL_NUM_FIELDS];

typedef struct Model {
    const char *name;
    /* For a GPU that is not coherent */
    uint64_t value[MODEL_NUM_FIELDS];
} Model;

/* What MODEL stands for if it is not set */
#define MODEL_DEFAULT "g610"

/* Ended by an entry without a name */
extern const Model models[];

/*
 * The model that MODEL= names: a name of the table, which may be followed by
 * properties of the device, as in "g610,csg-slots=4,user-notes=on".  False if
 * there is no such model, or a property without a value.
 */
bool model_find(const char *name, Model *model);

#endif /* TESTS_GUEST_LIB_MODELS_H */
