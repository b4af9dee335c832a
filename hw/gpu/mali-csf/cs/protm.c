/*
 * Mali CSF GPU: protected regions of streams
 *
 * A stream that meets PROT_REGION waits until the firmware, fw/protm.c, has
 * the GPU enter protected mode for it.  Streams that are in such a region run
 * in that mode, and no other does.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "instructions.h"
#include "protm.h"
#include "../trace.h"

bool mali_csf_protm_may_run(MaliCsfState *s, const MaliCsfStream *stream)
{
    return !s->engine.protm_quiet &&
           s->engine.protected_mode == (stream->protm_granted ||
                                        stream->protm_end);
}

void mali_csf_protm_grant(MaliCsfStream *stream)
{
    stream->protm_granted = !stream->protm_end;
    mali_csf_stream_set_state(stream, MALI_CSF_STREAM_READY, NULL);
}

bool mali_csf_protm_quiet(MaliCsfState *s, bool quiet)
{
    s->engine.protm_quiet = quiet;
    if (!quiet) {
        mali_csf_engine_kick(s);
    }
    return mali_csf_protm_drained(s);
}

void mali_csf_protm_set_mode(MaliCsfState *s, bool is_protected)
{
    s->engine.protected_mode = is_protected;
    s->engine.protm_quiet = false;
}

void mali_csf_protm_ask_again(MaliCsfState *s)
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
            stream->news |= MALI_CSF_NEWS_PROTM;
            mali_csf_engine_notify(s);
        }
    }
}

bool mali_csf_protm_in_use(MaliCsfState *s)
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

bool mali_csf_protm_drained(MaliCsfState *s)
{
    return !s->works.num;
}

bool mali_csf_protm_has_news(MaliCsfState *s)
{
    for (unsigned csg = 0; csg < s->model->csg_slots; csg++) {
        for (unsigned cs = 0; cs < s->model->cs_per_csg; cs++) {
            const MaliCsfStream *stream =
                &s->engine.groups[csg].streams[cs];

            if ((stream->news & MALI_CSF_NEWS_FAULT) ||
                stream->tiler.wanted) {
                return true;
            }
        }
    }
    return false;
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
static MaliCsfStep do_prot_region(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    const MaliCsfFrame *frame = &stream->frames[stream->depth];
    uint64_t size = insn_field(exec, PROT_REGION, SIZE) * 8;

    if (!size) {
        return MALI_CSF_STEP_NEXT;
    }
    if (stream->protm_end || size > frame->end - frame->ip - 8) {
        return mali_csf_exec_invalid(exec);
    }
    if (!stream->protm_granted) {
        mali_csf_stream_set_state(stream, MALI_CSF_STREAM_PROTM_WAIT, NULL);
        stream->news |= MALI_CSF_NEWS_PROTM;
        return MALI_CSF_STEP_BLOCKED;
    }
    stream->protm_granted = false;
    stream->protm_depth = stream->depth;
    stream->protm_end = frame->ip + 8 + size;
    return MALI_CSF_STEP_NEXT;
}

const MaliCsfSemantics mali_csf_insns_protm[] = {
    { CS_OP_PROT_REGION, SIMPLE(do_prot_region) },
    { }
};
