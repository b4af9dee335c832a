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
#include "instructions.h"
#include "protm.h"
#include "../trace.h"

bool mali_csf_protm_active(MaliCsfState *s)
{
    return s->mcu.fw.protected_mode || s->gpu.protected_mode;
}

bool mali_csf_protm_may_run(MaliCsfState *s, const MaliCsfStream *stream)
{
    return s->mcu.fw.protected_mode == (stream->protm_granted ||
                                        stream->protm_end);
}

/* Was the event of the stream that waits told, and has the host seen it? */
static bool is_acknowledged(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfStream *stream = &s->engine.groups[csg].streams[cs];

    return stream->state == MALI_CSF_STREAM_PROTM_WAIT &&
           !stream->protm_unpublished &&
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
            MaliCsfStream *stream = &s->engine.groups[csg].streams[cs];

            if (is_acknowledged(s, csg, cs)) {
                stream->protm_granted = !stream->protm_end;
                mali_csf_stream_set_state(stream, MALI_CSF_STREAM_READY, NULL);
            }
        }
    }
    /* With nobody to enter it for, it is over with the next poll. */
    s->mcu.fw.protected_mode = true;
    mali_csf_perfcnt_protected(s);
    trace_mali_csf_protm("enter");
}

/*
 * Streams that are in their protected region, or at it with leave to enter,
 * wait in front of the instruction that they are at, and the host is told.
 */
static void ask_again(MaliCsfState *s)
{
    unsigned csg, cs;

    for (csg = 0; csg < s->model->csg_slots; csg++) {
        for (cs = 0; cs < s->model->cs_per_csg; cs++) {
            MaliCsfStream *stream = &s->engine.groups[csg].streams[cs];

            if ((!stream->protm_granted && !stream->protm_end) ||
                !mali_csf_stream_state(stream)->asks_for_protm) {
                continue;
            }
            stream->protm_granted = false;
            mali_csf_stream_set_state(stream, MALI_CSF_STREAM_PROTM_WAIT,
                                      NULL);
            stream->protm_unpublished = true;
            mali_csf_engine_notify(s);
        }
    }
}

void mali_csf_protm_force_exit(MaliCsfState *s)
{
    if (s->mcu.fw.protected_mode) {
        ask_again(s);
        s->mcu.fw.protm_forced = true;
    }
}

/* Does a stream use protected mode? */
static bool is_in_use(MaliCsfState *s)
{
    unsigned csg, cs;

    for (csg = 0; csg < s->model->csg_slots; csg++) {
        for (cs = 0; cs < s->model->cs_per_csg; cs++) {
            const MaliCsfStream *stream =
                &s->engine.groups[csg].streams[cs];

            if ((stream->protm_granted || stream->protm_end) &&
                mali_csf_stream_state(stream)->is_alive &&
                stream->state != MALI_CSF_STREAM_PROTM_WAIT) {
                return true;
            }
        }
    }
    return false;
}

bool mali_csf_protm_poll(MaliCsfState *s)
{
    if (!s->mcu.fw.protected_mode) {
        /* One may have been kept by a fault from asking when it was over. */
        ask_again(s);
        return false;
    }
    if (!s->mcu.fw.protm_forced && is_in_use(s)) {
        return false;
    }
    s->mcu.fw.protm_forced = false;
    s->mcu.fw.protected_mode = false;
    mali_csf_mmu_protm_over(s);
    trace_mali_csf_protm("exit");
    return true;
}

bool mali_csf_protm_region_over(const MaliCsfStream *stream)
{
    return stream->depth < stream->protm_depth ||
           (stream->depth == stream->protm_depth &&
            stream->frames[stream->depth].ip >= stream->protm_end);
}

void mali_csf_protm_leave_region(MaliCsfStream *stream)
{
    stream->protm_end = 0;
    stream->protm_depth = 0;
}

/* The next instructions, as many as the operand says, run protected. */
MaliCsfStep mali_csf_insn_prot_region(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    const MaliCsfFrame *frame = &stream->frames[stream->depth];
    uint64_t size = extract64(exec->word, 0, 16) * 8;

    if (!size) {
        return MALI_CSF_STEP_NEXT;
    }
    if (stream->protm_end || size > frame->end - frame->ip - 8) {
        return mali_csf_exec_invalid(exec);
    }
    if (!stream->protm_granted) {
        mali_csf_stream_set_state(stream, MALI_CSF_STREAM_PROTM_WAIT, NULL);
        stream->protm_unpublished = true;
        return MALI_CSF_STEP_BLOCKED;
    }
    stream->protm_granted = false;
    stream->protm_depth = stream->depth;
    stream->protm_end = frame->ip + 8 + size;
    return MALI_CSF_STEP_NEXT;
}
