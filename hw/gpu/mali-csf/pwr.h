/*
 * Mali CSF GPU: power domains, and PWR_CONTROL
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_PWR_H
#define HW_GPU_MALI_CSF_PWR_H

#include "hw/gpu/mali-csf/pwr-regs.h"
#include "irq.h"
#include "models.h"

typedef struct MaliCsfState MaliCsfState;

/*
 * What the device does when the driver asks for a soft or hard reset: each
 * block is reset.  Who asked says that it is done.
 */
typedef void MaliCsfGpuReset(MaliCsfState *s, bool hard);

typedef struct MaliCsfPwr {
    /* Set once */
    MaliCsfGpuReset *reset;
    MemoryRegion control;
    /* Cores that the host has powered */
    uint64_t ready[MALI_CSF_NUM_POWER_DOMAINS];
    /* Domains that the firmware powers, a bit for each */
    uint32_t delegated;
    /* Cores of the L2 whose transition an injection does not let end */
    uint64_t l2_transition;

    /* PWR_CONTROL, if the model has it */
    MaliCsfIrq irq;
    uint64_t cmdarg;
} MaliCsfPwr;

extern const MaliCsfSaved mali_csf_pwr_saved;

void mali_csf_pwr_init(MaliCsfState *s, MemoryRegion *container,
                       MaliCsfGpuReset *reset);
void mali_csf_pwr_reset_enter(MaliCsfState *s);
void mali_csf_pwr_reset_hold(MaliCsfState *s);
/* GPU soft or hard reset */
void mali_csf_pwr_gpu_reset(MaliCsfState *s);
void mali_csf_pwr_post_load(MaliCsfState *s);

/* Name of the register at @offset of PWR_CONTROL, or NULL */
const char *mali_csf_pwr_register_name(uint32_t offset);

/* A bit for each core that there is */
uint64_t mali_csf_pwr_present(MaliCsfState *s, MaliCsfPowerDomain domain);
/* A bit for each core that is on, powered by the driver or not */
uint64_t mali_csf_pwr_ready(MaliCsfState *s, MaliCsfPowerDomain domain);

/*
 * Power cores, or take power from them; cores that are not there are
 * ignored.  Returns true if any changed.  L2 down takes the tiler and the
 * shader cores along.
 */
bool mali_csf_pwr_up(MaliCsfState *s, MaliCsfPowerDomain domain,
                     uint64_t cores);
bool mali_csf_pwr_down(MaliCsfState *s, MaliCsfPowerDomain domain,
                       uint64_t cores);

/* A power command is done: tell the host, by PWR_INT or GPU_INT */
void mali_csf_pwr_changed(MaliCsfState *s, bool changed);

/* The host powers the L2, or takes power from it; it is told when done */
void mali_csf_pwr_l2_on(MaliCsfState *s, uint64_t cores);
void mali_csf_pwr_l2_off(MaliCsfState *s, uint64_t cores);

#endif /* HW_GPU_MALI_CSF_PWR_H */
