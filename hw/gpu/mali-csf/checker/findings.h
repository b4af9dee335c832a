/*
 * Mali CSF GPU: what the checker has found, counted and told
 *
 * A finding that was made before, with the same numbers, is told at a falling
 * rate: a driver that is wrong once is wrong again at each VM_BIND.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_FINDINGS_H
#define HW_GPU_MALI_CSF_CHECKER_FINDINGS_H

#include "system/runstate.h"

typedef enum MaliCsfStrict {
    MALI_CSF_STRICT_OFF,
    MALI_CSF_STRICT_REPORT,
    MALI_CSF_STRICT_STOP,
} MaliCsfStrict;

/* Their names are in mali_csf_finding_names[]. */
typedef enum MaliCsfFindingId {
    /* Violations */
    MALI_CSF_CHANGE_OUTSIDE_LOCK,
    MALI_CSF_EXPANSION_DROPS_PART,
    MALI_CSF_STALE_TRANSLATION_USED,
    MALI_CSF_RECYCLE_WITHOUT_FLUSH,
    MALI_CSF_UNLOCK_WITHOUT_FLUSH,
    MALI_CSF_CHANGE_AFTER_FLUSH,
    MALI_CSF_DIRTY_LINE_LOST,
    MALI_CSF_UNLOCK_WITHOUT_LOCK,
    MALI_CSF_UPDATE_MISSING,
    MALI_CSF_COMMAND_WHILE_ACTIVE,
    MALI_CSF_LOCKADDR_INVALID,
    MALI_CSF_TRANSCFG_INVALID,
    MALI_CSF_FAULT_NOT_ACKNOWLEDGED,
    MALI_CSF_LOCK_AT_L2_OFF,
    MALI_CSF_GROUP_ON_UNMAPPED,
    MALI_CSF_LOCK_AT_UPDATE,
    MALI_CSF_TRANSTAB_INVALID,
    MALI_CSF_MEMATTR_INVALID,
    MALI_CSF_ENABLED_AFTER_FAULT,
    MALI_CSF_ENABLED_AT_L2_OFF,
    MALI_CSF_COMMAND_IN_PROTECTED_MODE,
    MALI_CSF_MCU_ENABLED_AT_L2_OFF,
    MALI_CSF_COHERENCY_AT_L2_ON,
    MALI_CSF_REGISTER_WHILE_ASLEEP,
    MALI_CSF_UPDATE_IN_PROTECTED_MODE,
    MALI_CSF_PROTM_WITHOUT_BUFFER,
    MALI_CSF_PROTM_SECTION_OPEN,
    MALI_CSF_PROTM_BUFFER_OPEN,
    MALI_CSF_ENDPOINTS_NOT_READ,
    MALI_CSF_NUM_VIOLATIONS,
    /* Notes */
    MALI_CSF_NOTE_LOCK_TOO_WIDE = MALI_CSF_NUM_VIOLATIONS,
    MALI_CSF_NOTE_LOCK_HELD_LONG,
    MALI_CSF_NOTE_LOCK_AT_RESET,
    MALI_CSF_NOTE_EDIT_THEN_FLUSH,
    MALI_CSF_NOTE_COVERAGE_LOST,
    MALI_CSF_NOTE_DROPPED,
    MALI_CSF_NOTE_LOST,
    MALI_CSF_NOTE_USER_STALE_LOAD,
    MALI_CSF_NOTE_REGISTER_BEFORE_WAIT,
    MALI_CSF_NOTE_PROTM_FOR_NOBODY,
    MALI_CSF_NUM_FINDINGS,
} MaliCsfFindingId;

typedef struct MaliCsfFinding {
    MaliCsfFindingId id;
    uint8_t as;
    uint64_t start;
    uint64_t last;
    uint64_t expected;
    uint64_t seen;
} MaliCsfFinding;

typedef struct MaliCsfTold MaliCsfTold;

/* Of one device; what it has survives every reset. */
typedef struct MaliCsfFindings {
    /* What trace events begin with; the device's */
    const char *trace_id;
    MaliCsfStrict strict;
    uint64_t counts[MALI_CSF_NUM_FINDINGS];
    uint64_t violations;
    uint64_t notes;
    /* By identifier; NULL before the first */
    MaliCsfTold *told[MALI_CSF_NUM_FINDINGS];
    VMChangeStateEntry *vm_change;
} MaliCsfFindings;

/* Text of each identifier */
extern const char *const mali_csf_finding_names[MALI_CSF_NUM_FINDINGS];

/* "off", "report" or "stop"; false if it is none of them */
bool mali_csf_strict_parse(const char *text, MaliCsfStrict *strict);

/* @trace_id: outlives @findings */
void mali_csf_findings_init(MaliCsfFindings *findings, const char *trace_id);
void mali_csf_findings_finalize(MaliCsfFindings *findings);

/**
 * mali_csf_findings_add: count a finding, and tell of it
 *
 * The first time there is a trace event mali_csf_violation or mali_csf_note.
 * mali_csf_repeated follows when it was made 2, 4, 8 ... times, and says how
 * many were made since the last event about it.  So is told, of an identifier
 * of which %MALI_CSF_FINDINGS_TOLD different ones were made, of all others
 * together.  With strict=stop a violation stops the machine.
 */
void mali_csf_findings_add(MaliCsfFindings *findings,
                           const MaliCsfFinding *finding);

/* Different findings of an identifier that are remembered, and told of fully */
#define MALI_CSF_FINDINGS_TOLD  64

/**
 * mali_csf_findings_tell: tell of what was counted and not told
 *
 * The events say as much as the counters then.  The machine's stop does it,
 * its end too.
 */
void mali_csf_findings_tell(MaliCsfFindings *findings);

#endif /* HW_GPU_MALI_CSF_CHECKER_FINDINGS_H */
