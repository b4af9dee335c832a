/*
 * Mali CSF GPU: the device, made of its blocks
 *
 * Each block owns its state; the others call the functions of its header.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_DEVICE_H
#define HW_GPU_MALI_CSF_DEVICE_H

#include "hw/gpu/mali-csf.h"
#include "hw/core/sysbus.h"
#include "checker/checker.h"
#include "clock.h"
#include "cs/engine.h"
#include "cs/work.h"
#include "gpu.h"
#include "inject/inject.h"
#include "fw/mcu.h"
#include "mmu/cache.h"
#include "mmu/mmu.h"
#include "models.h"
#include "opp.h"
#include "perturb.h"
#include "fw/perfcnt.h"
#include "pwr.h"
#include "spin.h"
#include "unmodelled.h"

OBJECT_DECLARE_SIMPLE_TYPE(MaliCsfState, MALI_CSF)

/*
 * The blocks that are saved, as they are written to a saved state or read from
 * one.  Nothing runs on them: what was read becomes the device's own when all
 * of it was found valid.
 */
typedef struct MaliCsfSavedBlocks {
    MaliCsfClock clock;
    MaliCsfOpp opp;
    MaliCsfCache cache;
    MaliCsfGpu gpu;
    MaliCsfPwr pwr;
    MaliCsfMmu mmu;
    MaliCsfMcu mcu;
    MaliCsfEngine engine;
    MaliCsfPerfcnt perfcnt;
    MaliCsfInject inject;
    MaliCsfIrqLines lines;
    MaliCsfWorks works;
    MaliCsfPerturb perturb;
    /* GPU_ID of the model */
    uint32_t gpu_id;
} MaliCsfSavedBlocks;

struct MaliCsfState {
    SysBusDevice parent_obj;

    /* The blocks have subregions of it. */
    MemoryRegion aperture;
    MaliCsfIrqLines lines;

    /* What its trace events begin with: id= of -device, or its QOM path */
    char *trace_id;

    /* Properties */
    char *model_name;
    char *strict_name;
    char *endpoint_name;
    uint32_t shader_threads;
    bool coherent;
    MaliCsfOverrides overrides;

    /* The model with these overrides, set when the device is realized */
    MaliCsfModel config;
    const MaliCsfModel *model;

    MaliCsfClock clock;
    MaliCsfOpp opp;
    MaliCsfCache cache;
    MaliCsfGpu gpu;
    MaliCsfPwr pwr;
    MaliCsfMmu mmu;
    MaliCsfProtected reserved;
    /* The streams' and the firmware's */
    MaliCsfMemView view;
    MaliCsfMcu mcu;
    MaliCsfEngine engine;
    MaliCsfWorks works;
    MaliCsfPerfcnt perfcnt;
    MaliCsfUnmodelled unmodelled;
    MaliCsfChecker checker;
    MaliCsfInject inject;
    MaliCsfSpin spin;
    MaliCsfPerturb perturb;

    MaliCsfSavedBlocks saved;
};

#endif /* HW_GPU_MALI_CSF_DEVICE_H */
