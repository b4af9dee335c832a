/*
 * Mali CSF GPU: the checker, which names the driver's mistakes
 *
 * It watches the driver's side of the contract: what a driver changes in its
 * page tables, and the commands with which it says so.  A violation means
 * that the driver is wrong; what is merely odd is a note.  It changes nothing
 * of what the guest sees.  docs/devel/checker.rst has the rules and their
 * reasons.
 *
 * It is told what happens, by the block that does it, with a function
 * mali_csf_check_*().  Each is called before it takes effect, unless it says
 * otherwise; none is when strict is off.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_H
#define HW_GPU_MALI_CSF_CHECKER_H

#include "qemu/timer.h"
#include "accesses.h"
#include "commands.h"
#include "findings.h"
#include "groups.h"
#include "patience.h"
#include "power.h"
#include "sleep.h"
#include "tables.h"
#include "user.h"

/* Each member belongs to the file in whose header its type is. */
typedef struct MaliCsfAsCheck {
    MaliCsfTablesCheck tables;
    MaliCsfHeldRegion region;
    MaliCsfDirtyPages dirty;

    MaliCsfReleaseCheck release;
    MaliCsfUseCheck use;
    MaliCsfFaultCheck fault;
    /* When the last fault was latched, in virtual ns, or -1 */
    int64_t fault_time;
    MaliCsfUnmappedCheck unmapped;
    MaliCsfStagedCheck staged;
} MaliCsfAsCheck;

typedef struct MaliCsfChecker {
    MaliCsfFindings findings;
    MaliCsfAsCheck as[MALI_CSF_MAX_AS];
    MaliCsfPowerCheck power;
    MaliCsfPatience patience;
    MaliCsfSleepCheck sleep;
    MaliCsfGroupsCheck groups;
    MaliCsfUserCheck user;
    /* Tables looked at and changes found, of all that was ever done */
    uint64_t steps;
    QEMUTimer *timer;
} MaliCsfChecker;

void mali_csf_checker_init(MaliCsfState *s);
void mali_csf_checker_finalize(MaliCsfState *s);
/* QEMU reset, and load: what it knew is void */
void mali_csf_checker_forget(MaliCsfState *s);

static inline bool mali_csf_strict(const MaliCsfChecker *checker)
{
    return unlikely(checker->findings.strict != MALI_CSF_STRICT_OFF);
}

/* report.c, for the checker's own files */

/* Held back where it may be explained by a command that took too long */
void mali_csf_report(MaliCsfState *s, const MaliCsfFinding *f);
/* A finding that counts only as a note, and as which */
void mali_csf_report_as(MaliCsfState *s, MaliCsfFindingId id,
                        const MaliCsfFinding *f);
unsigned mali_csf_model_va_bits(MaliCsfState *s);

/* Does a cache of the GPU's own hold what the leaf @descriptor translates? */
bool mali_csf_held_in_cache(MaliCsfState *s, unsigned as,
                            uint64_t descriptor);

#endif /* HW_GPU_MALI_CSF_CHECKER_H */
