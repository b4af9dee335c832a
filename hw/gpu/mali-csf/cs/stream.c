/*
 * Mali CSF GPU: a command stream, and what becomes of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "../device.h"
#include "../trace.h"

static MaliCsfStream *stream_get(MaliCsfState *s, unsigned csg, unsigned cs)
{
    return &s->engine.groups[csg].streams[cs];
}

uint64_t mali_csf_stream_ip(const MaliCsfStream *stream)
{
    uint64_t ip = stream->frames[stream->depth].ip;

    if (stream->depth == 0 && stream->ring_size) {
        return stream->ring_base + (ip & (stream->ring_size - 1));
    }
    return ip;
}

uint32_t mali_csf_stream_work(const MaliCsfStream *stream)
{
    uint32_t mask = 0;
    unsigned i;

    for (i = 0; i < MALI_CSF_MAX_SCOREBOARDS; i++) {
        if (stream->scoreboard[i]) {
            mask |= 1u << i;
        }
    }
    return mask;
}

uint32_t mali_csf_stream_scoreboards(const MaliCsfStream *stream)
{
    uint32_t mask = mali_csf_stream_work(stream);

    for (unsigned i = 0; i < stream->num_deferred; i++) {
        mask |= 1u << stream->deferred[i].signal;
    }
    return mask;
}

void mali_csf_stream_reset(MaliCsfStream *stream, uint64_t extract)
{
    memset(stream, 0, sizeof(*stream));
    /* One that is no multiple is refused at START, and shown as it was. */
    stream->frames[0].ip = extract & ~7ull;
    stream->frames[0].end = stream->frames[0].ip;
    stream->extract = extract;
    stream->sb_mask_stream = UINT16_MAX;
}

void mali_csf_stream_fatal(MaliCsfState *s, unsigned csg, unsigned cs,
                           uint8_t type, uint32_t data, uint64_t info)
{
    MaliCsfStream *stream = stream_get(s, csg, cs);

    stream->state = MALI_CSF_STREAM_FATAL;
    stream->fault = deposit32(type, 8, 24, data);
    stream->fault_info = info;
    stream->fault_unpublished = true;
    stream->num_deferred = 0;
    stream->granted = 0;
    s->engine.cs_fatals++;
    s->engine.group_counts[csg][MALI_CSF_GROUP_FAULTS]++;
    trace_mali_csf_cs_fault(csg, cs, "fatal", type, info);
}

/*
 * The driver finds the job that faulted by looking where EXTRACT stands
 * (cs_slot_process_fault_event_locked() in panthor_sched.c, v7.3).
 */
void mali_csf_stream_fault(MaliCsfState *s, unsigned csg, unsigned cs,
                           uint8_t type, uint32_t data, uint64_t info)
{
    MaliCsfStream *stream = stream_get(s, csg, cs);

    stream->state = MALI_CSF_STREAM_FAULT;
    stream->fault = deposit32(type, 8, 24, data);
    stream->fault_info = info;
    stream->fault_unpublished = true;
    stream->error = type;
    s->engine.cs_faults++;
    s->engine.group_counts[csg][MALI_CSF_GROUP_FAULTS]++;
    trace_mali_csf_cs_fault(csg, cs, "fault", type, info);
}

void mali_csf_stream_set_insert(MaliCsfState *s, unsigned csg, unsigned cs,
                                uint64_t insert)
{
    MaliCsfStream *stream = stream_get(s, csg, cs);
    MaliCsfFrame *ring = &stream->frames[0];
    /* What it will go on behind when the host knows of the fault is done. */
    const bool is_past = stream->state == MALI_CSF_STREAM_FAULT &&
                         stream->depth == 0 && insert == ring->ip;

    if (insert == ring->end) {
        return;
    }
    /* Behind what is done, not a whole instruction, or over a whole ring */
    if ((insert & 7) || insert < ring->ip || is_past ||
        insert - ring->ip > stream->ring_size) {
        mali_csf_stream_fatal(s, csg, cs, CS_EXCEPTION_CONFIG_FAULT, 0,
                              insert);
        return;
    }
    ring->end = insert;
    if (stream->state == MALI_CSF_STREAM_EMPTY) {
        stream->state = MALI_CSF_STREAM_READY;
    }
}

/* Leave the instruction that the stream is at, as retired */
static void stream_advance(MaliCsfStream *stream)
{
    stream->frames[stream->depth].ip += 8;
}

void mali_csf_stream_fault_acknowledged(MaliCsfStream *stream)
{
    if (stream->state == MALI_CSF_STREAM_FAULT) {
        stream_advance(stream);
        stream->state = MALI_CSF_STREAM_READY;
    }
}

/* A stream at an instruction that waits for its scoreboard, or for room */
void mali_csf_stream_check_scoreboard(MaliCsfState *s, MaliCsfStream *stream)
{
    if ((stream->state == MALI_CSF_STREAM_SCOREBOARD_WAIT &&
         !(mali_csf_stream_scoreboards(stream) & stream->wait_mask)) ||
        (stream->state == MALI_CSF_STREAM_DEFERRED_WAIT &&
         stream->num_deferred < MALI_CSF_MAX_DEFERRED)) {
        stream->state = MALI_CSF_STREAM_READY;
    }
}
