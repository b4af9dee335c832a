/*
 * Mali CSF GPU: protected mode
 *
 * A stream that meets PROT_REGION waits, and the host is told.  The host
 * acknowledges that and asks for protected mode; the streams that were
 * acknowledged by then run their protected region, and nobody else runs
 * meanwhile.  The acknowledgement of that request and the mode itself are two
 * moments: what is between them takes x-protm-latency-ns.  The MMU executes no
 * command as long as the mode lasts, a fault is told without what or where, and
 * a ping ends it.  Sources: kbase_csf_scheduler.c of Arm's kbase, and Arm's
 * patches for panthor of May 2026 ("drm/panthor: Add support for entering and
 * exiting protected mode"); no released panthor does it.
 *
 * With protected memory the firmware cannot write to what the host reads while
 * the mode lasts (the same thread).  So whatever wants an answer ends it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"
#include "../cs/protm.h"
#include "protm.h"
#include "../trace.h"

/* Between looks at a section that is locked */
#define SECTION_PAUSE_NS SCALE_MS
/* Memory is protected, or not, by pages of this size at least. */
#define PAGE_SIZE_4K 4096

bool mali_csf_protm_active(MaliCsfState *s)
{
    return s->engine.protected_mode || s->gpu.protected_mode;
}

/* Was the event of the stream that waits told, and has the host seen it? */
static bool is_acknowledged(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfStream *stream = &s->engine.groups[csg].streams[cs];

    return stream->state == MALI_CSF_STREAM_PROTM_WAIT &&
           !(stream->news & MALI_CSF_NEWS_PROTM) &&
           !((mali_csf_fw_load32(s, mali_csf_fw_cs_input(s, csg, cs) + CS_REQ) ^
              mali_csf_fw_load32(s, mali_csf_fw_cs_output(s, csg, cs) +
                                 CS_ACK)) & CS_PROTM_PENDING);
}

/*
 * The first page of the firmware's address space that is no protected memory,
 * where there is such memory; UINT64_MAX: none
 */
static uint64_t first_open(MaliCsfState *s, uint64_t va, uint64_t size)
{
    uint64_t end = va + size;

    while (s->reserved.size && va < end) {
        if (!mali_csf_mmu_is_protected(s, FW_AS, va)) {
            return va;
        }
        va = ROUND_UP(va + 1, PAGE_SIZE_4K);
    }
    return UINT64_MAX;
}

/* Leave to those that were acknowledged; returns how many */
static unsigned grant_all(MaliCsfState *s)
{
    unsigned csg, cs, granted = 0, waiting = 0;

    for (csg = 0; csg < s->model->csg_slots; csg++) {
        const MaliCsfGroup *group = &s->engine.groups[csg];

        if (!group->active) {
            continue;
        }
        for (cs = 0; cs < s->model->cs_per_csg; cs++) {
            MaliCsfStream *stream = &s->engine.groups[csg].streams[cs];
            uint64_t buffer = s->mcu.fw.groups[csg].protm_suspend_buf;

            waiting += stream->state == MALI_CSF_STREAM_PROTM_WAIT;
            if (!is_acknowledged(s, csg, cs)) {
                continue;
            }
            granted++;
            mali_csf_protm_grant(stream);
            if (mali_csf_strict(&s->checker)) {
                mali_csf_check_protm_group(
                    s, csg, group->as, stream->frames[stream->depth].ip,
                    buffer, first_open(s, buffer,
                                       mali_csf_fw_suspended_bytes(s)));
            }
        }
    }
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_protm_enter(s, granted, waiting,
                                   first_open(s, s->mcu.fw.protected_va,
                                              s->mcu.fw.protected_size));
    }
    return granted;
}

/*
 * The firmware's section for the mode, which it writes to there: without one
 * that is protected it comes to a violation, and no further.  False if it is
 * locked.
 */
static bool section_open(MaliCsfState *s)
{
    MaliCsfFirmware *fw = &s->mcu.fw;
    MaliCsfMemResult result;
    bool before;

    if (!s->reserved.size || !fw->protected_size) {
        return true;
    }
    before = mali_csf_view_set_protected(&s->view, true);
    result = mali_csf_mem_probe(&s->view, FW_AS, fw->protected_va,
                                fw->protected_size, MALI_CSF_MEM_WRITE,
                                &fw->access_fault);
    mali_csf_view_set_protected(&s->view, before);
    if (result == MALI_CSF_MEM_STALLED) {
        mali_csf_mcu_schedule_pass_at(s, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                      SECTION_PAUSE_NS);
        return false;
    }
    fw->access_failed = result != MALI_CSF_MEM_DONE;
    return true;
}

/* The mode begins.  With nobody to enter it for, it ends at once. */
static void begin(MaliCsfState *s)
{
    s->mcu.fw.protm_entering = false;
    s->mcu.fw.protm_enter_at = -1;
    mali_csf_protm_set_mode(s, true);
    mali_csf_mmu_protm_begins(s);
    mali_csf_perfcnt_protected(s);
    trace_mali_csf_protm(s->trace_id, "enter");
}

void mali_csf_protm_enter(MaliCsfState *s)
{
    MaliCsfFirmware *fw = &s->mcu.fw;
    unsigned granted = grant_all(s);

    if (s->engine.protected_mode) {
        return;
    }
    fw->protm_entering = true;
    trace_mali_csf_protm(s->trace_id,
                         granted ? "request" : "request for nobody");
    if (mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_PROTM_ENTER,
                              &(MaliCsfOccasion) { }, 0)) {
        /* Without a delay it never does. */
        fw->protm_enter_at = -1;
    } else {
        fw->protm_enter_at = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                             MIN(s->mcu.protm_latency_ns,
                                 MALI_CSF_LATENCY_MAX_NS);
    }
}

static void complete_enter(MaliCsfState *s, uint64_t value)
{
    if (s->mcu.fw.protm_entering) {
        s->mcu.fw.protm_enter_at = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
        mali_csf_mcu_schedule_pass(s);
    }
}

void mali_csf_protm_force_exit(MaliCsfState *s)
{
    if (s->engine.protected_mode || s->mcu.fw.protm_entering) {
        mali_csf_protm_ask_again(s);
        s->mcu.fw.protm_forced = true;
    }
}

static void end(MaliCsfState *s)
{
    s->mcu.fw.protm_leave = MALI_CSF_PROTM_NOT_OVER;
    s->mcu.fw.protm_forced = false;
    mali_csf_protm_set_mode(s, false);
    mali_csf_mmu_protm_over(s);
    trace_mali_csf_protm(s->trace_id, "exit");
    mali_csf_fw_glb_protm_exit(s);
}

static void complete_exit(MaliCsfState *s, uint64_t value)
{
    if (s->mcu.fw.protm_leave == MALI_CSF_PROTM_HELD) {
        s->mcu.fw.protm_leave = MALI_CSF_PROTM_DUE;
        mali_csf_mcu_schedule_pass(s);
    }
}

/* On the way into the mode, which begins when nothing else is in flight */
static void poll_entering(MaliCsfState *s)
{
    MaliCsfFirmware *fw = &s->mcu.fw;

    if (fw->protm_forced) {
        fw->protm_forced = false;
        fw->protm_entering = false;
        fw->protm_enter_at = -1;
        mali_csf_protm_quiet(s, false);
        trace_mali_csf_protm(s->trace_id, "given up");
    } else if (fw->protm_enter_at >= 0) {
        if (qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) < fw->protm_enter_at) {
            mali_csf_mcu_schedule_pass_at(s, fw->protm_enter_at);
        } else if (mali_csf_protm_quiet(s, true) && section_open(s)) {
            begin(s);
        }
    }
}

/* In the mode, which ends when nothing that uses it is in flight */
static void poll_leaving(MaliCsfState *s)
{
    MaliCsfFirmware *fw = &s->mcu.fw;

    if (fw->protm_leave == MALI_CSF_PROTM_DUE) {
        end(s);
        return;
    }
    if (fw->protm_leave == MALI_CSF_PROTM_HELD ||
        (!fw->protm_forced && mali_csf_protm_in_use(s)) ||
        !mali_csf_protm_drained(s)) {
        return;
    }
    if (mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_PROTM_EXIT,
                              &(MaliCsfOccasion) { }, 0)) {
        fw->protm_leave = MALI_CSF_PROTM_HELD;
    } else {
        end(s);
    }
}

void mali_csf_protm_poll(MaliCsfState *s)
{
    if (s->mcu.fw.protm_entering) {
        poll_entering(s);
    }
    if (s->mcu.fw.access_failed) {
        return;
    }
    if (s->engine.protected_mode) {
        poll_leaving(s);
    } else if (!s->mcu.fw.protm_entering) {
        /* One may have been kept by a fault from asking when it was over. */
        mali_csf_protm_ask_again(s);
    }
}

bool mali_csf_protm_goes_on(MaliCsfState *s)
{
    if (!s->engine.protected_mode || !s->reserved.size) {
        return false;
    }
    if (((s->mcu.doorbells & 1) && mali_csf_fw_glb_asked(s)) ||
        mali_csf_protm_has_news(s)) {
        mali_csf_protm_force_exit(s);
    }
    poll_leaving(s);
    return s->engine.protected_mode;
}

void mali_csf_protm_init(MaliCsfState *s)
{
    s->mcu.fw.protm_enter_at = -1;
    mali_csf_inject_set_complete(s, MALI_CSF_INJECTION_KIND_PROTM_ENTER,
                                 complete_enter);
    mali_csf_inject_set_complete(s, MALI_CSF_INJECTION_KIND_PROTM_EXIT,
                                 complete_exit);
}
