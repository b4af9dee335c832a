/*
 * Mali CSF GPU: the checker on commands of address spaces and faults
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_COMMANDS_H
#define HW_GPU_MALI_CSF_CHECKER_COMMANDS_H

#include "findings.h"
#include "snapshot.h"

typedef struct MaliCsfState MaliCsfState;

/* How regions were released */
typedef struct MaliCsfReleaseCheck {
    /* Not by UNLOCK alone was a lock released since the last LOCK */
    bool dropped;
    bool last_was_unlock;
    /* The last command released a region, and no flush came since */
    bool just_now;
} MaliCsfReleaseCheck;

typedef struct MaliCsfUseCheck {
    /* Used since the caches were last flushed; by the tables at @owner */
    bool used;
    uint64_t owner;
    /*
     * Not enabled since a reset that a lost command has led to, or that came
     * between LOCKADDR and LOCK
     */
    bool overtaken;
    /* No LOCK came since the reset of a space that was enabled */
    bool unlocked;
} MaliCsfUseCheck;

typedef struct MaliCsfFaultCheck {
    /* The space faulted since it was last enabled */
    bool faulted;
    /* It was enabled with a fault pending, which its handler is to find */
    bool late;
} MaliCsfFaultCheck;

typedef struct MaliCsfUnmappedCheck {
    /* A VM_BIND was given up midway: the space was unmapped just_now then */
    bool cut_short;
    /* Since when, in virtual ns, or -1 */
    int64_t time;
} MaliCsfUnmappedCheck;

/* Registers that were written and are not in force */
typedef struct MaliCsfStagedCheck {
    /* Since when, in virtual ns, or -1 */
    int64_t since;
    bool told;
} MaliCsfStagedCheck;

/* What happens; see checker.h */

void mali_csf_check_lock(MaliCsfState *s, unsigned as, uint64_t start,
                         uint64_t last);
void mali_csf_check_unlock(MaliCsfState *s, unsigned as);
void mali_csf_check_flush_pt(MaliCsfState *s, unsigned as);
void mali_csf_check_flush_mem(MaliCsfState *s, unsigned as);
void mali_csf_check_update(MaliCsfState *s, unsigned as);
/* After it took effect */
void mali_csf_check_updated(MaliCsfState *s, unsigned as);
void mali_csf_check_flush_caches(MaliCsfState *s, uint32_t modes);
/* AS_COMMAND was written while AS_STATUS said active */
void mali_csf_check_busy_command(MaliCsfState *s, unsigned as,
                                 uint32_t command);
/* AS_COMMAND was written in protected mode, in which none is executed */
void mali_csf_check_protected_command(MaliCsfState *s, unsigned as,
                                      uint32_t command);
void mali_csf_check_fault(MaliCsfState *s, unsigned as);
/* START or RESUME of a group in @as */
void mali_csf_check_group(MaliCsfState *s, unsigned as);

/* For the checker's other files */

static inline bool mali_csf_translates(const MaliCsfTranslation *t)
{
    return mali_csf_address_mode(t) == AS_ADRMODE_AARCH64_4K;
}

/* Are the registers as written what is in force? */
bool mali_csf_latched(MaliCsfState *s, unsigned as);
/* A stream uses the space */
void mali_csf_commands_used(MaliCsfState *s, unsigned as);
void mali_csf_commands_reset(MaliCsfState *s, unsigned as);
void mali_csf_commands_l2_off(MaliCsfState *s, unsigned as);
void mali_csf_commands_forget(MaliCsfState *s, unsigned as);
/* What is wrong only after a time */
void mali_csf_commands_timer(void *opaque);

#endif /* HW_GPU_MALI_CSF_CHECKER_COMMANDS_H */
