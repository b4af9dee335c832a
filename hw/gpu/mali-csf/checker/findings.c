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
#define FINDING_NAME(id, text)  [MALI_CSF_##id] = text,
    MALI_CSF_VIOLATIONS(FINDING_NAME)
    MALI_CSF_NOTES(FINDING_NAME)
#undef FINDING_NAME
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
