/*
 * Mali CSF GPU: a command stream, and what becomes of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "../device.h"
#include "../trace.h"

static const MaliCsfStateInfo states[MALI_CSF_STREAM_NUM_STATES] = {
    [MALI_CSF_STREAM_STOPPED] = {
        .name = "stopped",
        .text = "stopped",
        .resumes_as = MALI_CSF_STREAM_STOPPED,
    },
    [MALI_CSF_STREAM_READY] = {
        .name = "ready",
        .text = "ready",
        .is_alive = true,
        .asks_for_protm = true,
        .keeps_endpoints = true,
        .resumes_as = MALI_CSF_STREAM_READY,
    },
    [MALI_CSF_STREAM_EMPTY] = {
        .name = "empty",
        .text = "empty",
        .is_alive = true,
        .is_interruptible = true,
        .asks_for_protm = true,
        .idle_bit = CS_IDLE_EMPTY,
        .resumes_as = MALI_CSF_STREAM_EMPTY,
    },
    [MALI_CSF_STREAM_SYNC_WAIT] = {
        .name = "sync-wait",
        .text = "waits for a sync object",
        .is_alive = true,
        .is_interruptible = true,
        .asks_for_protm = true,
        .idle_bit = CS_IDLE_SYNC_WAIT,
        .blocked_reason = CS_BLOCKED_SYNC_WAIT,
        .status_wait = CS_STATUS_WAIT_SYNC_WAIT,
        .resumes_as = MALI_CSF_STREAM_READY,
    },
    [MALI_CSF_STREAM_SCOREBOARD_WAIT] = {
        .name = "scoreboard-wait",
        .text = "waits for scoreboard entries",
        .is_alive = true,
        .is_interruptible = true,
        .asks_for_protm = true,
        .blocked_reason = CS_BLOCKED_SB_WAIT,
        .status_wait = CS_STATUS_WAIT_SB_SRC_WAIT,
        .resumes_as = MALI_CSF_STREAM_READY,
    },
    [MALI_CSF_STREAM_DEFERRED_WAIT] = {
        .name = "deferred-wait",
        .text = "waits for room to defer",
        .is_alive = true,
        .is_interruptible = true,
        .asks_for_protm = true,
        .blocked_reason = CS_BLOCKED_DEFERRED,
        .resumes_as = MALI_CSF_STREAM_READY,
    },
    [MALI_CSF_STREAM_PROGRESS_WAIT] = {
        .name = "progress-wait",
        .text = "waits for a progress counter",
        .is_alive = true,
        .is_interruptible = true,
        .asks_for_protm = true,
        .blocked_reason = CS_BLOCKED_PROGRESS_WAIT,
        .status_wait = CS_STATUS_WAIT_PROGRESS,
        .resumes_as = MALI_CSF_STREAM_READY,
    },
    [MALI_CSF_STREAM_SHARED_WAIT] = {
        .name = "shared-wait",
        .text = "waits for an entry of the group",
        .is_alive = true,
        .is_interruptible = true,
        .asks_for_protm = true,
        .idle_bit = CS_IDLE_SHARED_SB_DEC,
        .blocked_reason = CS_BLOCKED_SB_WAIT,
        .resumes_as = MALI_CSF_STREAM_READY,
    },
    [MALI_CSF_STREAM_RESOURCE_WAIT] = {
        .name = "resource-wait",
        .text = "waits for endpoints",
        .is_alive = true,
        .is_interruptible = true,
        .asks_for_protm = true,
        .idle_bit = CS_IDLE_RESOURCE_REQ,
        .blocked_reason = CS_BLOCKED_RESOURCE,
        .resumes_as = MALI_CSF_STREAM_READY,
    },
    [MALI_CSF_STREAM_PROTM_WAIT] = {
        .name = "protm-wait",
        .text = "waits for protected mode",
        .is_alive = true,
        .idle_bit = CS_IDLE_PROTM_PENDING,
        .status_wait = CS_STATUS_WAIT_PROTM,
        .resumes_as = MALI_CSF_STREAM_READY,
    },
    [MALI_CSF_STREAM_STALLED] = {
        .name = "stalled",
        .text = "stalled by a lock",
        .is_alive = true,
        .asks_for_protm = true,
        .keeps_endpoints = true,
        .blocked_by = MALI_CSF_MEM_STALLED,
        .resumes_as = MALI_CSF_STREAM_READY,
    },
    [MALI_CSF_STREAM_MMU_FAULTED] = {
        .name = "mmu-faulted",
        .text = "stopped by an MMU fault",
        .is_alive = true,
        .blocked_by = MALI_CSF_MEM_FAULTED,
        .resumes_as = MALI_CSF_STREAM_READY,
    },
    [MALI_CSF_STREAM_FAULT] = {
        .name = "fault",
        .text = "in a recoverable fault",
        .is_alive = true,
        .resumes_as = MALI_CSF_STREAM_READY,
    },
    [MALI_CSF_STREAM_FATAL] = {
        .name = "fatal",
        .text = "dead",
        .resumes_as = MALI_CSF_STREAM_FATAL,
    },
};

const MaliCsfStateInfo *mali_csf_state_info(MaliCsfStreamState state)
{
    return &states[state];
}

const MaliCsfStateInfo *mali_csf_stream_state(const MaliCsfStream *stream)
{
    return &states[stream->state];
}

void mali_csf_stream_set_state(MaliCsfStream *stream,
                               MaliCsfStreamState state,
                               const MaliCsfWait *wait)
{
    if (stream->state != state) {
        trace_mali_csf_cs_state(stream->id.s->trace_id, stream->id.csg,
                                stream->id.cs, states[state].name,
                                mali_csf_stream_ip(stream));
    }
    stream->state = state;
    stream->wait = wait ? *wait : (MaliCsfWait) { 0 };
}

uint64_t mali_csf_stream_ip(const MaliCsfStream *stream)
{
    uint64_t ip = stream->frames[stream->depth].ip;

    if (stream->depth == 0 && stream->config.ring_size) {
        return stream->config.ring_base + (ip & (stream->config.ring_size - 1));
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
    const MaliCsfStreamId id = stream->id;

    mali_csf_stream_set_state(stream, MALI_CSF_STREAM_STOPPED, NULL);
    memset(stream, 0, sizeof(*stream));
    stream->id = id;
    /* One that is no multiple is refused at START, and shown as it was. */
    stream->frames[0].ip = extract & ~7ull;
    stream->frames[0].end = stream->frames[0].ip;
    stream->extract = extract;
    stream->sb_mask_stream = UINT16_MAX;
}

static MaliCsfGroup *group_of(const MaliCsfStream *stream)
{
    return &stream->id.s->engine.groups[stream->id.csg];
}

bool mali_csf_stream_config_valid(const MaliCsfStreamConfig *config)
{
    const uint32_t size = config->ring_size;

    return is_power_of_2(size) && size >= 8 &&
           !(config->ring_base & (size - 1 < 0xfff ? size - 1 : 0xfff)) &&
           config->ring_base + size >= config->ring_base &&
           !(config->user_input & 7) && !(config->user_output & 7);
}

bool mali_csf_stream_start(MaliCsfStream *stream,
                           const MaliCsfStreamConfig *config,
                           uint64_t extract)
{
    if (!mali_csf_stream_config_valid(config)) {
        mali_csf_stream_reset(stream, 0);
        stream->config.idle_mask = config->idle_mask;
        mali_csf_stream_fatal(stream, CS_EXCEPTION_CONFIG_FAULT, 0,
                              config->ring_base);
        return false;
    }
    if (stream->resumable) {
        /* It goes on where it was, with the ring of today. */
        stream->config = *config;
        mali_csf_stream_set_state(stream, stream->resume_state, NULL);
        stream->resumable = false;
    } else {
        mali_csf_stream_reset(stream, extract);
        stream->config = *config;
        mali_csf_stream_set_state(stream, MALI_CSF_STREAM_EMPTY, NULL);
        if (extract & 7) {
            mali_csf_stream_fatal(stream, CS_EXCEPTION_CONFIG_FAULT, 0,
                                  extract);
        }
    }
    stream->news |= MALI_CSF_NEWS_EXTRACT;
    group_of(stream)->idle = false;
    return true;
}

bool mali_csf_stream_take_news(MaliCsfStream *stream, uint8_t news)
{
    const bool is_new = stream->news & news;

    stream->news &= ~news;
    return is_new;
}

bool mali_csf_stream_is_late(MaliCsfStream *stream, int64_t timeout,
                             int64_t *due)
{
    const int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    bool late;

    *due = -1;
    if (!mali_csf_stream_scoreboards(stream)) {
        return false;
    }
    if (stream->tiler.chunks) {
        /* It waits for the host, and no endpoint has begun. */
        stream->work_progress = now;
        return false;
    }
    late = now >= stream->work_progress + timeout;
    if (late) {
        /* The host may let it go on. */
        stream->work_progress = now;
    }
    *due = stream->work_progress + timeout;
    return late;
}

/* The driver hears of it, as CS_FAULT or CS_FATAL. */
static void raise_fault(MaliCsfStream *stream, const char *name, uint8_t type,
                        uint32_t data, uint64_t info)
{
    const MaliCsfStreamId *id = &stream->id;

    stream->fault = deposit32(type, 8, 24, data);
    stream->fault_info = info;
    stream->news |= MALI_CSF_NEWS_FAULT;
    id->s->engine.group_counts[id->csg][MALI_CSF_GROUP_FAULTS]++;
    trace_mali_csf_cs_fault(id->s->trace_id, id->csg, id->cs, name, type,
                            info);
}

void mali_csf_stream_fatal(MaliCsfStream *stream, uint8_t type,
                           uint32_t data, uint64_t info)
{
    mali_csf_stream_set_state(stream, MALI_CSF_STREAM_FATAL, NULL);
    stream->num_deferred = 0;
    stream->granted = 0;
    stream->id.s->engine.cs_fatals++;
    raise_fault(stream, "fatal", type, data, info);
}

static void raise_cs_fault(MaliCsfStream *stream, uint8_t type, uint32_t data,
                           uint64_t info)
{
    stream->error = type;
    stream->id.s->engine.cs_faults++;
    raise_fault(stream, "fault", type, data, info);
}

/*
 * The driver finds the job that faulted by looking where EXTRACT stands
 * (cs_slot_process_fault_event_locked() in panthor_sched.c, v7.3).
 */
void mali_csf_stream_fault(MaliCsfStream *stream, uint8_t type,
                           uint32_t data, uint64_t info)
{
    mali_csf_stream_set_state(stream, MALI_CSF_STREAM_FAULT, NULL);
    raise_cs_fault(stream, type, data, info);
}

void mali_csf_stream_work_fault(MaliCsfStream *stream, uint8_t type,
                                uint64_t info)
{
    if (stream->state != MALI_CSF_STREAM_FATAL && !stream->error) {
        raise_cs_fault(stream, type, 0, info);
    }
}

void mali_csf_stream_set_insert(MaliCsfStream *stream, uint64_t insert)
{
    MaliCsfFrame *ring = &stream->frames[0];
    /* What it will go on behind when the host knows of the fault is done. */
    const bool is_past = stream->state == MALI_CSF_STREAM_FAULT &&
                         stream->depth == 0 && insert == ring->ip;

    if (insert == ring->end) {
        return;
    }
    /* Behind what is done, not a whole instruction, or over a whole ring */
    if ((insert & 7) || insert < ring->ip || is_past ||
        insert - ring->ip > stream->config.ring_size) {
        mali_csf_stream_fatal(stream, CS_EXCEPTION_CONFIG_FAULT, 0, insert);
        return;
    }
    ring->end = insert;
    if (stream->state == MALI_CSF_STREAM_EMPTY) {
        mali_csf_stream_set_state(stream, MALI_CSF_STREAM_READY, NULL);
    }
}

void mali_csf_stream_advance(MaliCsfStream *stream)
{
    stream->frames[stream->depth].ip += 8;
}

void mali_csf_stream_fault_acknowledged(MaliCsfStream *stream)
{
    if (stream->state == MALI_CSF_STREAM_FAULT) {
        mali_csf_stream_advance(stream);
        mali_csf_stream_set_state(stream, MALI_CSF_STREAM_READY, NULL);
        group_of(stream)->idle = false;
    }
}

/* A stream at an instruction that waits for its scoreboard, or for room */
void mali_csf_stream_check_scoreboard(MaliCsfStream *stream)
{
    if ((stream->state == MALI_CSF_STREAM_SCOREBOARD_WAIT &&
         !(mali_csf_stream_scoreboards(stream) & stream->wait.entries)) ||
        (stream->state == MALI_CSF_STREAM_DEFERRED_WAIT &&
         stream->num_deferred < MALI_CSF_MAX_DEFERRED)) {
        mali_csf_stream_set_state(stream, MALI_CSF_STREAM_READY, NULL);
    }
}
