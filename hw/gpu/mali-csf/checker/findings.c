/*
 * Mali CSF GPU: what the checker has found, counted and told
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/host-utils.h"
#include "findings.h"
#include "../trace.h"

/* A finding as it was last told of, and how often it was made since */
typedef struct Entry {
    MaliCsfFinding finding;
    uint64_t times;
    uint64_t untold;
} Entry;

struct MaliCsfTold {
    Entry entries[MALI_CSF_FINDINGS_TOLD];
    unsigned count;
    /* All that did not fit; the finding is the last one */
    Entry others;
};

const char *const mali_csf_finding_names[MALI_CSF_NUM_FINDINGS] = {
    [MALI_CSF_CHANGE_OUTSIDE_LOCK] = "change-outside-lock",
    [MALI_CSF_EXPANSION_DROPS_PART] = "expansion-drops-part",
    [MALI_CSF_STALE_TRANSLATION_USED] = "stale-translation-used",
    [MALI_CSF_RECYCLE_WITHOUT_FLUSH] = "recycle-without-flush",
    [MALI_CSF_UNLOCK_WITHOUT_FLUSH] = "unlock-without-flush",
    [MALI_CSF_CHANGE_AFTER_FLUSH] = "change-after-flush",
    [MALI_CSF_DIRTY_LINE_LOST] = "dirty-line-lost",
    [MALI_CSF_UNLOCK_WITHOUT_LOCK] = "unlock-without-lock",
    [MALI_CSF_UPDATE_MISSING] = "update-missing",
    [MALI_CSF_COMMAND_WHILE_ACTIVE] = "command-while-active",
    [MALI_CSF_LOCKADDR_INVALID] = "lockaddr-invalid",
    [MALI_CSF_TRANSCFG_INVALID] = "transcfg-invalid",
    [MALI_CSF_FAULT_NOT_ACKNOWLEDGED] = "fault-not-acknowledged",
    [MALI_CSF_LOCK_AT_L2_OFF] = "lock-at-l2-off",
    [MALI_CSF_GROUP_ON_UNMAPPED] = "group-on-unmapped",
    [MALI_CSF_LOCK_AT_UPDATE] = "lock-at-update",
    [MALI_CSF_TRANSTAB_INVALID] = "transtab-invalid",
    [MALI_CSF_MEMATTR_INVALID] = "memattr-invalid",
    [MALI_CSF_ENABLED_AFTER_FAULT] = "enabled-after-fault",
    [MALI_CSF_ENABLED_AT_L2_OFF] = "enabled-at-l2-off",
    [MALI_CSF_COMMAND_IN_PROTECTED_MODE] = "command-in-protected-mode",
    [MALI_CSF_MCU_ENABLED_AT_L2_OFF] = "mcu-enabled-at-l2-off",
    [MALI_CSF_COHERENCY_AT_L2_ON] = "coherency-at-l2-on",
    [MALI_CSF_REGISTER_WHILE_ASLEEP] = "register-while-asleep",
    [MALI_CSF_UPDATE_IN_PROTECTED_MODE] = "update-in-protected-mode",
    [MALI_CSF_PROTM_WITHOUT_BUFFER] = "protm-without-buffer",
    [MALI_CSF_PROTM_SECTION_OPEN] = "protm-section-not-protected",
    [MALI_CSF_PROTM_BUFFER_OPEN] = "protm-buffer-not-protected",
    [MALI_CSF_ENDPOINTS_NOT_READ] = "endpoints-not-read",
    [MALI_CSF_NOTE_LOCK_TOO_WIDE] = "note-lock-too-wide",
    [MALI_CSF_NOTE_LOCK_HELD_LONG] = "note-lock-held-long",
    [MALI_CSF_NOTE_LOCK_AT_RESET] = "note-lock-at-reset",
    [MALI_CSF_NOTE_EDIT_THEN_FLUSH] = "note-edit-then-flush",
    [MALI_CSF_NOTE_COVERAGE_LOST] = "note-coverage-lost",
    [MALI_CSF_NOTE_DROPPED] = "note-dropped",
    [MALI_CSF_NOTE_LOST] = "note-lost",
    [MALI_CSF_NOTE_USER_STALE_LOAD] = "note-user-stale-load",
    [MALI_CSF_NOTE_REGISTER_BEFORE_WAIT] = "note-register-before-wait",
    [MALI_CSF_NOTE_PROTM_FOR_NOBODY] = "note-protm-for-nobody",
};

bool mali_csf_strict_parse(const char *text, MaliCsfStrict *strict)
{
    static const char *const names[] = { "off", "report", "stop" };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(text, names[i])) {
            *strict = i;
            return true;
        }
    }
    return false;
}

static bool same(const MaliCsfFinding *a, const MaliCsfFinding *b)
{
    return a->start == b->start && a->last == b->last && a->as == b->as &&
           a->expected == b->expected && a->seen == b->seen;
}

static void tell_first(const MaliCsfFindings *findings,
                       const MaliCsfFinding *f)
{
    if (f->id < MALI_CSF_NUM_VIOLATIONS) {
        trace_mali_csf_violation(findings->trace_id,
                                 mali_csf_finding_names[f->id], f->as, f->start,
                                 f->last, f->expected, f->seen);
    } else {
        trace_mali_csf_note(findings->trace_id, mali_csf_finding_names[f->id],
                            f->as, f->start, f->last, f->expected, f->seen);
    }
}

static void tell_repeated(const MaliCsfFindings *findings, Entry *entry)
{
    const MaliCsfFinding *f = &entry->finding;

    if (entry->untold) {
        trace_mali_csf_repeated(findings->trace_id,
                                mali_csf_finding_names[f->id], f->as, f->start,
                                f->last, f->expected, f->seen, entry->untold);
        entry->untold = 0;
    }
}

static void repeat(const MaliCsfFindings *findings, Entry *entry)
{
    entry->times++;
    entry->untold++;
    if (is_power_of_2(entry->times)) {
        tell_repeated(findings, entry);
    }
}

/* Is anyone listening?  What nobody heard of was not told. */
static bool heard(const MaliCsfFinding *f)
{
    return f->id < MALI_CSF_NUM_VIOLATIONS ?
           trace_event_get_state_backends(TRACE_MALI_CSF_VIOLATION) :
           trace_event_get_state_backends(TRACE_MALI_CSF_NOTE);
}

static void tell(MaliCsfFindings *findings, const MaliCsfFinding *f)
{
    MaliCsfTold *told = findings->told[f->id];

    if (!heard(f)) {
        return;
    }
    if (!told) {
        told = findings->told[f->id] = g_new0(MaliCsfTold, 1);
    }
    for (unsigned i = 0; i < told->count; i++) {
        if (same(&told->entries[i].finding, f)) {
            repeat(findings, &told->entries[i]);
            return;
        }
    }
    if (told->count < ARRAY_SIZE(told->entries)) {
        told->entries[told->count++] = (Entry) {
            .finding = *f,
            .times = 1,
        };
        tell_first(findings, f);
        return;
    }
    told->others.finding = *f;
    repeat(findings, &told->others);
}

void mali_csf_findings_tell(MaliCsfFindings *findings)
{
    for (unsigned id = 0; id < MALI_CSF_NUM_FINDINGS; id++) {
        MaliCsfTold *told = findings->told[id];

        for (unsigned i = 0; told && i < told->count; i++) {
            tell_repeated(findings, &told->entries[i]);
        }
        if (told) {
            tell_repeated(findings, &told->others);
        }
    }
}

void mali_csf_findings_add(MaliCsfFindings *findings,
                           const MaliCsfFinding *f)
{
    findings->counts[f->id]++;
    tell(findings, f);
    if (f->id >= MALI_CSF_NUM_VIOLATIONS) {
        findings->notes++;
        return;
    }
    findings->violations++;
    if (findings->strict == MALI_CSF_STRICT_STOP) {
        error_report("mali-csf: %s in address space %u at 0x%" PRIx64
                     "-0x%" PRIx64 ": expected 0x%" PRIx64 ", seen 0x%" PRIx64,
                     mali_csf_finding_names[f->id], f->as, f->start, f->last,
                     f->expected, f->seen);
        qemu_system_vmstop_request_prepare();
        qemu_system_vmstop_request(RUN_STATE_DEBUG);
    }
}

static void vm_change(void *opaque, bool running, RunState state)
{
    if (!running) {
        mali_csf_findings_tell(opaque);
    }
}

void mali_csf_findings_init(MaliCsfFindings *findings, const char *trace_id)
{
    findings->trace_id = trace_id;
    findings->vm_change = qemu_add_vm_change_state_handler(vm_change,
                                                           findings);
}

void mali_csf_findings_finalize(MaliCsfFindings *findings)
{
    qemu_del_vm_change_state_handler(findings->vm_change);
    mali_csf_findings_tell(findings);
    for (unsigned id = 0; id < MALI_CSF_NUM_FINDINGS; id++) {
        g_clear_pointer(&findings->told[id], g_free);
    }
}
