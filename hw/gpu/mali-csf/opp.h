/*
 * Mali CSF GPU: the operating points of the core clock, and the oscillator by
 * which a guest chooses one
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_OPP_H
#define HW_GPU_MALI_CSF_OPP_H

#include "clock.h"
#include "compat.h"

#define MALI_CSF_MAX_OPPS       16

/* Of the oscillator's registers, in bytes */
#define MALI_CSF_OSC_SIZE       0x1000

typedef struct MaliCsfOpp {
    /* What trace events begin with; the device's */
    const char *trace_id;
    /* Property: rates in MHz, ascending, "300:600"; NULL is the default */
    char *list;

    /* The same in Hz; from realize on there is one at least */
    uint32_t hz[MALI_CSF_MAX_OPPS];
    unsigned count;

    /* The clock whose rate the oscillator sets, and that rate in Hz */
    MaliCsfClock *clock;
    uint32_t rate;
    MemoryRegion osc;
    uint32_t osc_data;
    uint32_t osc_status;
} MaliCsfOpp;

extern const MaliCsfSaved mali_csf_opp_saved;

/**
 * mali_csf_opp_init: what the property asks for
 * @owner: of the memory region
 * @clock: runs at the highest rate from now on
 *
 * Returns false, with an error in one line, if the property is no such list.
 */
bool mali_csf_opp_init(MaliCsfOpp *opp, Object *owner, const char *trace_id,
                       MaliCsfClock *clock, Error **errp);

/* Is there a choice?  Without one there is no oscillator either. */
bool mali_csf_opp_has_choice(const MaliCsfOpp *opp);

/* The oscillator's registers, where there is a choice; @opp keeps them */
MemoryRegion *mali_csf_opp_registers(MaliCsfOpp *opp);

/* QEMU reset; a reset of the GPU leaves its clock alone */
void mali_csf_opp_reset(MaliCsfOpp *opp);

void mali_csf_opp_post_load(MaliCsfOpp *opp);

#endif /* HW_GPU_MALI_CSF_OPP_H */
