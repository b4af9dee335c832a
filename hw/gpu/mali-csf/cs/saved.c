/*
 * Mali CSF GPU: groups and streams, as they are saved and suspended
 *
 * A member of a stream is one row here: its VMState, its place in the suspend
 * buffer, and what a value that was loaded or resumed may be.  What a row
 * cannot say is in the functions *_valid().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "../device.h"
#include "../log.h"
#include "../saved.h"
#include "instructions.h"

#define FRAME_ROWS(ROW) \
    ROW(VMSTATE_UINT64(start, MaliCsfFrame), SAVED_MULTIPLE(8), \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(end, MaliCsfFrame), SAVED_MULTIPLE(8), \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(ip, MaliCsfFrame), SAVED_MULTIPLE(8), SAVED_SUSPENDED)

static const MaliCsfSaved frame_saved = {
    .vmsd = {
        .name = "mali-csf-frame",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(FRAME_ROWS),
    },
    SAVED_CHECKS(FRAME_ROWS),
};

/* After RESUME it is due, and the next try finds out anew what blocks it. */
#define DEFERRED_ROWS(ROW) \
    ROW(VMSTATE_UINT64(word, MaliCsfDeferred), SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(va, MaliCsfDeferred), SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(address, MaliCsfDeferred), SAVED_ANY, \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(data, MaliCsfDeferred), SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT16(wait_mask, MaliCsfDeferred), SAVED_ANY, \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(signal, MaliCsfDeferred), \
        SAVED_IF(mali_csf_saved_is_scoreboard), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(blocked, MaliCsfDeferred), \
        SAVED_BELOW(MALI_CSF_MEM_FAULTED + 1)) \
    ROW(VMSTATE_UINT64(blocked_va, MaliCsfDeferred), SAVED_ANY) \
    ROW(VMSTATE_UINT32_ARRAY(words, MaliCsfDeferred, MALI_CSF_MAX_LIST), \
        SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_INT64(due, MaliCsfDeferred), SAVED_TIME)

static const MaliCsfSaved deferred_saved = {
    .vmsd = {
        .name = "mali-csf-deferred",
        .version_id = 2,
        .minimum_version_id = 2,
        .fields = SAVED_FIELDS(DEFERRED_ROWS),
    },
    SAVED_CHECKS(DEFERRED_ROWS),
};

/* A stream has nothing else suspended; 0 is none */
static bool is_compute(MaliCsfState *s, uint64_t word)
{
    uint8_t opcode = word >> CS_OPCODE_SHIFT;

    return !word || opcode == CS_OP_RUN_COMPUTE ||
           opcode == CS_OP_RUN_COMPUTE_INDIRECT;
}

#define SUSPENDED_ROWS(ROW) \
    ROW(VMSTATE_UINT64(word, MaliCsfSuspendedWork), \
        SAVED_IF(is_compute), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT32_ARRAY(regs, MaliCsfSuspendedWork, \
                             MALI_CSF_SUSPENDED_REGISTERS), \
        SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_STRUCT_ARRAY(left, MaliCsfSuspendedWork, \
                             MALI_CSF_SUSPENDED_RANGES, 1, \
                             mali_csf_work_range_saved.vmsd, \
                             MaliCsfWorkRange), \
        SAVED_STRUCT(mali_csf_work_range_saved), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(num_left, MaliCsfSuspendedWork), \
        SAVED_BELOW(MALI_CSF_SUSPENDED_RANGES + 1), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(scoreboard, MaliCsfSuspendedWork), \
        SAVED_IF(mali_csf_saved_is_scoreboard), SAVED_SUSPENDED)

static const MaliCsfSaved suspended_saved = {
    .vmsd = {
        .name = "mali-csf-suspended-work",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(SUSPENDED_ROWS),
    },
    SAVED_CHECKS(SUSPENDED_ROWS),
};

static bool is_ring_size(MaliCsfState *s, uint64_t value)
{
    return !value || (is_power_of_2(value) && value >= 8);
}

static bool is_trace_size(MaliCsfState *s, uint64_t value)
{
    return !value || is_power_of_2(value);
}

#define IDLE_BITS   (CS_IDLE_SYNC_WAIT | CS_IDLE_PROTM_PENDING | \
                     CS_IDLE_EMPTY | CS_IDLE_RESOURCE_REQ | \
                     CS_IDLE_SHARED_SB_DEC)
#define KINDS       MAKE_64BIT_MASK(0, MALI_CSF_EP_NUM)

/* What CS START can go on in: RESUME leaves nothing else. */
static bool is_resumable(uint32_t state)
{
    return state == MALI_CSF_STREAM_PROTM_WAIT ||
           (state != MALI_CSF_STREAM_STOPPED &&
            state < MALI_CSF_STREAM_NUM_STATES &&
            mali_csf_state_info(state)->resumes_as == state);
}

static bool is_sync_condition(MaliCsfState *s, uint64_t value)
{
    return mali_csf_sync_condition_known(value);
}

static bool is_stream_of_group(MaliCsfState *s, uint64_t value)
{
    return value < s->model->cs_per_csg;
}

#define WAIT_ROWS(ROW) \
    ROW(VMSTATE_UINT64(sync.va, MaliCsfWait), SAVED_MULTIPLE(8)) \
    ROW(VMSTATE_UINT64(sync.reference, MaliCsfWait), SAVED_ANY) \
    ROW(VMSTATE_UINT8(sync.condition, MaliCsfWait), \
        SAVED_IF(is_sync_condition)) \
    ROW(VMSTATE_BOOL(sync.is_64bit, MaliCsfWait), SAVED_ANY) \
    ROW(VMSTATE_UINT16(entries, MaliCsfWait), SAVED_ANY) \
    ROW(VMSTATE_UINT8(progress.cs, MaliCsfWait), \
        SAVED_IF(is_stream_of_group)) \
    ROW(VMSTATE_UINT64(progress.reference, MaliCsfWait), SAVED_ANY) \
    ROW(VMSTATE_UINT8(shared_entry, MaliCsfWait), \
        SAVED_IF(mali_csf_saved_is_scoreboard)) \
    ROW(VMSTATE_UINT8(resource.kinds, MaliCsfWait), SAVED_BITS(KINDS)) \
    ROW(VMSTATE_UINT64(resource.number, MaliCsfWait), SAVED_ANY) \
    ROW(VMSTATE_UINT64(va, MaliCsfWait), SAVED_ANY)

static bool wait_valid(MaliCsfState *s, const void *opaque)
{
    const MaliCsfWait *wait = opaque;

    return !wait->sync.is_64bit || !(wait->sync.va & 15);
}

static const MaliCsfSaved wait_saved = {
    .vmsd = {
        .name = "mali-csf-wait",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(WAIT_ROWS),
    },
    SAVED_CHECKS(WAIT_ROWS),
    .valid = wait_valid,
};

static bool is_resume_state(MaliCsfState *s, uint64_t value)
{
    return !value || is_resumable(value);
}

#define STREAM_ROWS(ROW) \
    ROW(VMSTATE_UINT32(state, MaliCsfStream), \
        SAVED_BELOW(MALI_CSF_STREAM_NUM_STATES), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(config.ring_base, MaliCsfStream), SAVED_MULTIPLE(8)) \
    ROW(VMSTATE_UINT32(config.ring_size, MaliCsfStream), \
        SAVED_IF(is_ring_size)) \
    ROW(VMSTATE_UINT64(config.user_input, MaliCsfStream), SAVED_MULTIPLE(8)) \
    ROW(VMSTATE_UINT64(config.user_output, MaliCsfStream), SAVED_MULTIPLE(8)) \
    ROW(VMSTATE_UINT8(config.priority, MaliCsfStream), SAVED_BITS(0xf)) \
    ROW(VMSTATE_UINT8(config.doorbell, MaliCsfStream), SAVED_ANY) \
    ROW(VMSTATE_UINT64(config.trace.base, MaliCsfStream), SAVED_ANY) \
    ROW(VMSTATE_UINT64(config.trace.offset_va, MaliCsfStream), SAVED_ANY) \
    ROW(VMSTATE_UINT32(config.trace.size, MaliCsfStream), \
        SAVED_IF(is_trace_size)) \
    ROW(VMSTATE_UINT8(config.trace.event_size, MaliCsfStream), \
        SAVED_BITS(0xf)) \
    ROW(VMSTATE_UINT8(config.trace.event_state, MaliCsfStream), SAVED_ANY) \
    ROW(VMSTATE_UINT32(config.idle_mask, MaliCsfStream), \
        SAVED_BITS(IDLE_BITS)) \
    ROW(VMSTATE_UINT32_ARRAY(regs, MaliCsfStream, \
                             MALI_CSF_MAX_WORK_REGISTERS), \
        SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_STRUCT_ARRAY(frames, MaliCsfStream, MALI_CSF_MAX_FRAMES, 1, \
                             frame_saved.vmsd, MaliCsfFrame), \
        SAVED_STRUCT(frame_saved), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(depth, MaliCsfStream), \
        SAVED_BELOW(MALI_CSF_MAX_FRAMES), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(handler_depth, MaliCsfStream), \
        SAVED_BELOW(CS_CALL_STACK_DEPTH + 1), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(handler_va, MaliCsfStream), SAVED_MULTIPLE(8), \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT32(handler_length, MaliCsfStream), SAVED_MULTIPLE(8), \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(protm_end, MaliCsfStream), SAVED_MULTIPLE(8), \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(protm_depth, MaliCsfStream), \
        SAVED_BELOW(MALI_CSF_MAX_FRAMES), SAVED_SUSPENDED) \
    ROW(VMSTATE_BOOL(protm_granted, MaliCsfStream), SAVED_ANY) \
    ROW(VMSTATE_UINT64(heap_va, MaliCsfStream), SAVED_MULTIPLE(8), \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_STRUCT(tiler, MaliCsfStream, 1, mali_csf_tiler_saved.vmsd, \
                       MaliCsfTiler), \
        SAVED_STRUCT(mali_csf_tiler_saved), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(extract, MaliCsfStream), SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(sb_endpoint, MaliCsfStream), \
        SAVED_IF(mali_csf_saved_is_scoreboard), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(sb_other, MaliCsfStream), \
        SAVED_IF(mali_csf_saved_is_scoreboard), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(sb_deferred, MaliCsfStream), \
        SAVED_IF(mali_csf_saved_is_scoreboard), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT16(sb_mask_stream, MaliCsfStream), SAVED_ANY, \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT16(sb_mask_wait, MaliCsfStream), SAVED_ANY, \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(progress, MaliCsfStream), SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_STRUCT_ARRAY(deferred, MaliCsfStream, MALI_CSF_MAX_DEFERRED, \
                             1, deferred_saved.vmsd, MaliCsfDeferred), \
        SAVED_STRUCT(deferred_saved), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(num_deferred, MaliCsfStream), \
        SAVED_BELOW(MALI_CSF_MAX_DEFERRED + 1), SAVED_SUSPENDED) \
    ROW(VMSTATE_STRUCT_ARRAY(suspended, MaliCsfStream, \
                             MALI_CSF_MAX_SUSPENDED_WORKS, 1, \
                             suspended_saved.vmsd, MaliCsfSuspendedWork), \
        SAVED_STRUCT(suspended_saved), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(num_suspended, MaliCsfStream), \
        SAVED_BELOW(MALI_CSF_MAX_SUSPENDED_WORKS + 1), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(resources, MaliCsfStream), SAVED_BITS(0x1f), \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(granted, MaliCsfStream), SAVED_BITS(KINDS)) \
    ROW(VMSTATE_UINT8(error, MaliCsfStream), SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_BOOL(resumable, MaliCsfStream), SAVED_ANY) \
    ROW(VMSTATE_UINT32(resume_state, MaliCsfStream), \
        SAVED_IF(is_resume_state)) \
    ROW(VMSTATE_UINT32_ARRAY(scoreboard, MaliCsfStream, \
                             MALI_CSF_MAX_SCOREBOARDS), SAVED_ANY) \
    ROW(VMSTATE_INT64_ARRAY(work_end, MaliCsfStream, \
                            MALI_CSF_MAX_SCOREBOARDS), SAVED_TIME) \
    ROW(VMSTATE_UINT16_ARRAY(flush_modes, MaliCsfStream, \
                             MALI_CSF_MAX_SCOREBOARDS), SAVED_ANY) \
    ROW(VMSTATE_INT64(work_progress, MaliCsfStream), SAVED_TIME) \
    ROW(VMSTATE_UINT32(passed_over, MaliCsfStream), SAVED_ANY) \
    ROW(VMSTATE_STRUCT(wait, MaliCsfStream, 1, wait_saved.vmsd, MaliCsfWait), \
        SAVED_STRUCT(wait_saved)) \
    ROW(VMSTATE_UINT32(fault, MaliCsfStream), SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(fault_info, MaliCsfStream), SAVED_ANY, \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(news, MaliCsfStream), SAVED_BITS(MALI_CSF_NEWS_ALL))

static bool frames_valid(const MaliCsfStream *stream)
{
    for (unsigned i = 0; i <= stream->depth; i++) {
        const MaliCsfFrame *frame = &stream->frames[i];

        /* Addresses of the ring only grow: it is always behind its start. */
        if (frame->ip > frame->end || (i && frame->ip < frame->start)) {
            return false;
        }
    }
    /* At an instruction that faulted, it will go on behind that. */
    return stream->state != MALI_CSF_STREAM_FAULT ||
           stream->frames[stream->depth].ip < stream->frames[stream->depth].end;
}

/* Of no buffer, the rest is as the host has left it. */
static bool trace_valid(const MaliCsfTraceBuffer *trace)
{
    return !trace->size ||
           (!(trace->offset_va & 7) &&
            trace->event_size <= MALI_CSF_MAX_TRACE_EVENT_LOG2 &&
            trace->size >= 1u << trace->event_size);
}

static bool stream_valid(MaliCsfState *s, const void *opaque)
{
    const MaliCsfStream *stream = opaque;
    const bool stopped = stream->state == MALI_CSF_STREAM_STOPPED;

    return (!stream->resumable ||
            (stopped && is_resumable(stream->resume_state))) &&
           (stream->config.ring_size || stopped ||
            stream->state == MALI_CSF_STREAM_FATAL) &&
           trace_valid(&stream->config.trace) &&
           stream->handler_depth <= stream->depth &&
           stream->depth < mali_csf_stream_frames(stream) &&
           stream->handler_va + stream->handler_length >=
           stream->handler_va &&
           frames_valid(stream) &&
           mali_csf_stream_deferred_valid(s, stream);
}

static const MaliCsfSaved stream_saved = {
    .vmsd = {
        .name = "mali-csf-stream",
        .version_id = 10,
        .minimum_version_id = 10,
        .fields = SAVED_FIELDS(STREAM_ROWS),
    },
    SAVED_CHECKS(STREAM_ROWS),
    .valid = stream_valid,
};

#define GROUP_ROWS(ROW) \
    ROW(VMSTATE_BOOL(active, MaliCsfGroup), SAVED_ANY) \
    ROW(VMSTATE_UINT8(as, MaliCsfGroup), SAVED_BELOW(MALI_CSF_MAX_AS)) \
    ROW(VMSTATE_UINT64(ep_req, MaliCsfGroup), SAVED_ANY) \
    ROW(VMSTATE_UINT64(allow_compute, MaliCsfGroup), SAVED_ANY) \
    ROW(VMSTATE_UINT64(allow_fragment, MaliCsfGroup), SAVED_ANY) \
    ROW(VMSTATE_UINT32(allow_other, MaliCsfGroup), SAVED_ANY) \
    ROW(VMSTATE_UINT64_ARRAY(endpoints, MaliCsfGroup, MALI_CSF_EP_NUM), \
        SAVED_ANY) \
    ROW(VMSTATE_BOOL(idle, MaliCsfGroup), SAVED_ANY) \
    ROW(VMSTATE_BOOL(sync_update, MaliCsfGroup), SAVED_ANY) \
    ROW(VMSTATE_BOOL(leaving, MaliCsfGroup), SAVED_ANY) \
    ROW(VMSTATE_UINT32_ARRAY(shared_sb, MaliCsfGroup, \
                             MALI_CSF_MAX_SCOREBOARDS), SAVED_ANY) \
    ROW(VMSTATE_STRUCT_VARRAY_POINTER_UINT32(streams, MaliCsfGroup, \
                                             num_streams, \
                                             stream_saved.vmsd, \
                                             MaliCsfStream), \
        SAVED_STRUCT(stream_saved))

static const MaliCsfSaved group_saved = {
    .vmsd = {
        .name = "mali-csf-group",
        .version_id = 6,
        .minimum_version_id = 6,
        .fields = SAVED_FIELDS(GROUP_ROWS),
    },
    SAVED_CHECKS(GROUP_ROWS),
};

static bool is_stream(MaliCsfState *s, uint64_t value)
{
    return value < s->model->csg_slots * s->model->cs_per_csg;
}

static bool is_stream_count(MaliCsfState *s, uint64_t value)
{
    return value <= s->model->csg_slots * s->model->cs_per_csg;
}

#define ENGINE_ROWS(ROW) \
    ROW(VMSTATE_STRUCT_VARRAY_POINTER_UINT32(groups, MaliCsfEngine, \
                                             num_groups, group_saved.vmsd, \
                                             MaliCsfGroup), \
        SAVED_STRUCT(group_saved)) \
    ROW(VMSTATE_UINT32(next, MaliCsfEngine), SAVED_IF(is_stream)) \
    ROW(VMSTATE_INT64(not_before, MaliCsfEngine), SAVED_TIME) \
    ROW(VMSTATE_BOOL(protected_mode, MaliCsfEngine), SAVED_ANY) \
    ROW(VMSTATE_BOOL(protm_quiet, MaliCsfEngine), SAVED_ANY) \
    ROW(VMSTATE_INT64(slice_due, MaliCsfEngine), SAVED_TIME_OR(-1)) \
    ROW(VMSTATE_INT64(work_due, MaliCsfEngine), SAVED_TIME_OR(-1)) \
    ROW(VMSTATE_INT64(sync_poll_pause, MaliCsfEngine), \
        SAVED_BELOW(MALI_CSF_LATENCY_MAX_NS + 1)) \
    ROW(VMSTATE_UINT32(sync_waits, MaliCsfEngine), SAVED_IF(is_stream_count)) \
    ROW(VMSTATE_INT64(sync_poll_due, MaliCsfEngine), SAVED_TIME_OR(-1)) \
    ROW(VMSTATE_UINT64(resource_waits, MaliCsfEngine), SAVED_ANY) \
    ROW(VMSTATE_UINT64(instructions, MaliCsfEngine), SAVED_ANY) \
    ROW(VMSTATE_UINT64(slices, MaliCsfEngine), SAVED_ANY) \
    ROW(VMSTATE_UINT64(tiler_ooms, MaliCsfEngine), SAVED_ANY)

const MaliCsfSaved mali_csf_engine_saved = {
    .vmsd = {
        .name = "mali-csf-engine",
        .version_id = 7,
        .minimum_version_id = 7,
        .fields = SAVED_FIELDS(ENGINE_ROWS),
    },
    SAVED_CHECKS(ENGINE_ROWS),
};

/* SUSPEND and RESUME */

size_t mali_csf_stream_suspended_size(void)
{
    return mali_csf_saved_suspended_size(&stream_saved);
}

void mali_csf_stream_suspend(const MaliCsfStream *stream, uint8_t *buf)
{
    MaliCsfStream copy = *stream;

    if (stream->resumable) {
        copy.state = stream->resume_state;
    }
    /* What is left of the queue is nobody's business. */
    memset(&copy.deferred[copy.num_deferred], 0,
           (MALI_CSF_MAX_DEFERRED - copy.num_deferred) *
           sizeof(copy.deferred[0]));
    memset(&copy.suspended[copy.num_suspended], 0,
           (MALI_CSF_MAX_SUSPENDED_WORKS - copy.num_suspended) *
           sizeof(copy.suspended[0]));
    mali_csf_saved_suspend(&stream_saved, &copy, buf);
}

/*
 * The state in which CS START goes on, after one that was suspended.  Whatever
 * it waited for, the instruction finds out again.
 */
static MaliCsfStreamState state_after(const MaliCsfStream *stream)
{
    if (stream->protm_end && stream->state != MALI_CSF_STREAM_FATAL) {
        return MALI_CSF_STREAM_PROTM_WAIT;
    }
    return mali_csf_stream_state(stream)->resumes_as;
}

bool mali_csf_stream_resume(MaliCsfState *s, MaliCsfStream *stream,
                            const uint8_t *buf)
{
    g_autoptr(GString) where = g_string_new(NULL);
    MaliCsfStream found;

    mali_csf_stream_reset(stream, 0);
    /* Not the stream's before it is valid: even its address needs a depth. */
    found = *stream;
    mali_csf_saved_resume(&stream_saved, &found, buf);
    if (found.state == MALI_CSF_STREAM_STOPPED) {
        return true;
    }
    /* The ring comes with CS START; until then it only has to be one. */
    found.config.ring_size = 8;
    if (!mali_csf_saved_valid(s, &stream_saved, &found, where)) {
        mali_csf_log_mask(LOG_GUEST_ERROR,
                          "%s: no stream has such a state%s%s\n", __func__,
                          where->len ? ": " : "", where->str);
        return false;
    }
    *stream = found;
    stream->resume_state = state_after(stream);
    if (stream->state == MALI_CSF_STREAM_FAULT) {
        /* RESUME counts as the host's acknowledgement of every event. */
        mali_csf_stream_advance(stream);
    }
    if (stream->resume_state == MALI_CSF_STREAM_PROTM_WAIT) {
        stream->news |= MALI_CSF_NEWS_PROTM;
    }
    stream->work_progress = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    mali_csf_stream_end_work(stream);
    mali_csf_stream_set_state(stream, MALI_CSF_STREAM_STOPPED, NULL);
    stream->config.ring_size = 0;
    stream->resumable = true;
    return true;
}
