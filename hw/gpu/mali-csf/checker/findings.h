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

/*
 * Identifier and text of each; the text makes the property count-<text>, too.
 * A violation is what a driver must not do, a note what it had better not do.
 */
#define MALI_CSF_VIOLATIONS(X) \
    X(CHANGE_OUTSIDE_LOCK, "change-outside-lock") \
    X(EXPANSION_DROPS_PART, "expansion-drops-part") \
    X(STALE_TRANSLATION_USED, "stale-translation-used") \
    X(RECYCLE_WITHOUT_FLUSH, "recycle-without-flush") \
    X(UNLOCK_WITHOUT_FLUSH, "unlock-without-flush") \
    X(CHANGE_AFTER_FLUSH, "change-after-flush") \
    X(DIRTY_LINE_LOST, "dirty-line-lost") \
    X(UNLOCK_WITHOUT_LOCK, "unlock-without-lock") \
    X(UPDATE_MISSING, "update-missing") \
    X(COMMAND_WHILE_ACTIVE, "command-while-active") \
    X(LOCKADDR_INVALID, "lockaddr-invalid") \
    X(TRANSCFG_INVALID, "transcfg-invalid") \
    X(FAULT_NOT_ACKNOWLEDGED, "fault-not-acknowledged") \
    X(LOCK_AT_L2_OFF, "lock-at-l2-off") \
    X(GROUP_ON_UNMAPPED, "group-on-unmapped") \
    X(LOCK_AT_UPDATE, "lock-at-update") \
    X(TRANSTAB_INVALID, "transtab-invalid") \
    X(MEMATTR_INVALID, "memattr-invalid") \
    X(ENABLED_AFTER_FAULT, "enabled-after-fault") \
    X(ENABLED_AT_L2_OFF, "enabled-at-l2-off") \
    X(COMMAND_IN_PROTECTED_MODE, "command-in-protected-mode") \
    X(MCU_ENABLED_AT_L2_OFF, "mcu-enabled-at-l2-off") \
    X(L2_NOT_AWAITED, "l2-not-awaited") \
    X(COHERENCY_AT_L2_ON, "coherency-at-l2-on") \
    X(REGISTER_WHILE_ASLEEP, "register-while-asleep") \
    X(UPDATE_IN_PROTECTED_MODE, "update-in-protected-mode") \
    X(PROTM_WITHOUT_BUFFER, "protm-without-buffer") \
    X(PROTM_SECTION_OPEN, "protm-section-not-protected") \
    X(PROTM_BUFFER_OPEN, "protm-buffer-not-protected") \
    X(ENDPOINTS_NOT_READ, "endpoints-not-read") \
    X(PROTM_WHILE_LOCKED, "protm-while-locked")

#define MALI_CSF_NOTES(X) \
    X(NOTE_LOCK_TOO_WIDE, "note-lock-too-wide") \
    X(NOTE_LOCK_HELD_LONG, "note-lock-held-long") \
    X(NOTE_LOCK_AT_RESET, "note-lock-at-reset") \
    X(NOTE_EDIT_THEN_FLUSH, "note-edit-then-flush") \
    X(NOTE_COVERAGE_LOST, "note-coverage-lost") \
    X(NOTE_DROPPED, "note-dropped") \
    X(NOTE_LOST, "note-lost") \
    X(NOTE_USER_STALE_LOAD, "note-user-stale-load") \
    X(NOTE_REGISTER_BEFORE_WAIT, "note-register-before-wait") \
    X(NOTE_PROTM_FOR_NOBODY, "note-protm-for-nobody")

typedef enum MaliCsfFindingId {
#define MALI_CSF_FINDING_ID(id, text)   MALI_CSF_##id,
    MALI_CSF_VIOLATIONS(MALI_CSF_FINDING_ID)
    MALI_CSF_NUM_VIOLATIONS,
    MALI_CSF_BEFORE_NOTES = MALI_CSF_NUM_VIOLATIONS - 1,
    MALI_CSF_NOTES(MALI_CSF_FINDING_ID)
#undef MALI_CSF_FINDING_ID
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
