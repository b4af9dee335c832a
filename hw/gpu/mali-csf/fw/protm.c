/*
 * Mali CSF GPU: protected mode
 *
 * A stream that meets PROT_REGION waits, and the host is told.  The host
 * acknowledges that and asks for protected mode; the streams that were
 * acknowledged by then run their protected region, and nobody else runs
 * meanwhile.  The MMU executes no command as long as it lasts, a fault is told
 * without what or where, and a ping ends it.  Sources: kbase_csf_scheduler.c
 * of Arm's kbase, and Arm's patches for panthor of May 2026 ("drm/panthor: Add
 * support for entering and exiting protected mode"); no released panthor does
 * it.
 *
 * Not modelled: memory that only protected mode can reach.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"
#include "../cs/protm.h"
#include "protm.h"
#include "../trace.h"

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

void mali_csf_protm_enter(MaliCsfState *s)
{
    unsigned csg, cs;

    for (csg = 0; csg < s->model->csg_slots; csg++) {
        if (!s->engine.groups[csg].active) {
            continue;
        }
        for (cs = 0; cs < s->model->cs_per_csg; cs++) {
            if (is_acknowledged(s, csg, cs)) {
                mali_csf_protm_grant(&s->engine.groups[csg].streams[cs]);
            }
        }
    }
    /* With nobody to enter it for, it is over with the next poll. */
    mali_csf_protm_set_mode(s, true);
    mali_csf_perfcnt_protected(s);
    trace_mali_csf_protm(s->trace_id, "enter");
}

void mali_csf_protm_force_exit(MaliCsfState *s)
{
    if (s->engine.protected_mode) {
        mali_csf_protm_ask_again(s);
        s->mcu.fw.protm_forced = true;
    }
}

bool mali_csf_protm_poll(MaliCsfState *s)
{
    if (!s->engine.protected_mode) {
        /* One may have been kept by a fault from asking when it was over. */
        mali_csf_protm_ask_again(s);
        return false;
    }
    if (!s->mcu.fw.protm_forced && mali_csf_protm_in_use(s)) {
        return false;
    }
    s->mcu.fw.protm_forced = false;
    mali_csf_protm_set_mode(s, false);
    mali_csf_mmu_protm_over(s);
    trace_mali_csf_protm(s->trace_id, "exit");
    return true;
}
