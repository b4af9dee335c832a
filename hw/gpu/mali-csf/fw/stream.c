/*
 * Mali CSF GPU: firmware interface of a stream (CS)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "../device.h"
#include "../log.h"
#include "../cs/resource.h"
#include "../cs/work.h"
#include "../trace.h"

static MaliCsfStream *stream_get(MaliCsfState *s, unsigned csg, unsigned cs)
{
    return &s->engine.groups[csg].streams[cs];
}

bool mali_csf_fw_cs_locked(MaliCsfState *s, unsigned csg, unsigned cs,
                           uint64_t *va)
{
    MaliCsfStream *stream = stream_get(s, csg, cs);

    if (stream->state == MALI_CSF_STREAM_STOPPED) {
        return false;
    }
    *va = stream->config.user_input;
    if (mali_csf_view_locked(&s->view, FW_AS, *va, CS_USER_INPUT_SIZE)) {
        return true;
    }
    *va = stream->config.user_output;
    return mali_csf_view_locked(&s->view, FW_AS, *va, CS_USER_OUTPUT_SIZE);
}

/*
 * Toggle the event bits in CS_ACK that are not pending, and tell the group's
 * interrupt word.  Returns true if the host is to be interrupted.
 */
static bool cs_event(MaliCsfState *s, unsigned csg, unsigned cs,
                     uint32_t events)
{
    uint32_t in = mali_csf_fw_cs_input(s, csg, cs);
    uint32_t out = mali_csf_fw_cs_output(s, csg, cs);
    uint32_t req = mali_csf_fw_load32(s, in + CS_REQ);
    uint32_t ack = mali_csf_fw_load32(s, out + CS_ACK);

    events &= ~(req ^ ack);
    if (!events) {
        return false;
    }
    mali_csf_fw_store32(s, out + CS_ACK, ack ^ events);
    return events & mali_csf_fw_load32(s, in + CS_ACK_IRQ_MASK);
}

/* The group's IRQ_REQ bit of the stream differs from IRQ_ACK from now on */
static void cs_interrupt(MaliCsfState *s, unsigned csg, unsigned cs)
{
    uint32_t in = mali_csf_fw_csg_input(s, csg);
    uint32_t out = mali_csf_fw_csg_output(s, csg);
    uint32_t irq_req, irq_ack;

    /* A reader who sees the bit sees CS_ACK. */
    smp_mb();
    irq_req = mali_csf_fw_load32(s, out + CSG_IRQ_REQ);
    irq_ack = mali_csf_fw_load32(s, in + CSG_IRQ_ACK);
    if (!((irq_req ^ irq_ack) & (1u << cs))) {
        mali_csf_fw_store32(s, out + CSG_IRQ_REQ, irq_req ^ (1u << cs));
    }
    /* IRQ_REQ is visible before the host is told. */
    smp_mb();
    mali_csf_irq_raise(&s->mcu.job_irq, JOB_INT_CSG(csg));
}

/*
 * The buffer for TRACE_POINT.  What kbase refuses to user space is not used
 * (kbase_csf_queue_register_ex()).
 */
static MaliCsfTraceBuffer trace_sample(MaliCsfState *s, unsigned as,
                                       uint32_t in)
{
    uint32_t features = s->model->fw_instr_features;
    uint32_t config = mali_csf_fw_load32(s, in + CS_INSTR_CONFIG);
    unsigned event_size = CS_INSTR_CONFIG_EVENT_SIZE(config);
    uint64_t least = (uint64_t)GLB_INSTR_OFFSET_UPDATE_RATE(features) <<
                     event_size;
    MaliCsfTraceBuffer trace = {
        .base = mali_csf_fw_load64(s, in + CS_INSTR_BUFFER_BASE),
        .offset_va = mali_csf_fw_load64(s, in +
                                        CS_INSTR_BUFFER_OFFSET_POINTER),
        .size = mali_csf_fw_load32(s, in + CS_INSTR_BUFFER_SIZE),
        .event_size = event_size,
        .event_state = CS_INSTR_CONFIG_EVENT_STATE(config),
    };
    if (trace.size &&
        (event_size > GLB_INSTR_EVENT_SIZE_MAX(features) ||
         !is_power_of_2(trace.size) || trace.size < least ||
         (trace.offset_va & 7) || CS_INSTR_CONFIG_JASID(config) != as)) {
        mali_csf_log_mask(LOG_GUEST_ERROR, "%s: no trace buffer: INSTR_CONFIG "
                          "0x%" PRIx32 ", %" PRIu32 " bytes, offset at 0x%"
                          PRIx64 "\n",
                          __func__, config, trace.size, trace.offset_va);
        return (MaliCsfTraceBuffer) { 0 };
    }
    return trace;
}

/* What the host's words say now */
static MaliCsfStreamConfig config_sample(MaliCsfState *s, unsigned as,
                                         uint32_t in, uint32_t req)
{
    uint32_t word = mali_csf_fw_load32(s, in + CS_CONFIG);
    MaliCsfStreamConfig config = {
        .ring_size = mali_csf_fw_load32(s, in + CS_SIZE),
        .ring_base = mali_csf_fw_load64(s, in + CS_BASE),
        .user_input = mali_csf_fw_load64(s, in + CS_USER_INPUT),
        .user_output = mali_csf_fw_load64(s, in + CS_USER_OUTPUT),
        .priority = CS_CONFIG_PRIORITY(word),
        .doorbell = CS_CONFIG_DOORBELL(word),
        .idle_mask = req & (CS_IDLE_SYNC_WAIT | CS_IDLE_PROTM_PENDING |
                            CS_IDLE_EMPTY | CS_IDLE_RESOURCE_REQ |
                            CS_IDLE_SHARED_SB_DEC),
    };

    config.trace = trace_sample(s, as, in);
    return config;
}

static MaliCsfFwResult cs_start(MaliCsfState *s, unsigned csg, unsigned cs,
                                uint32_t req)
{
    MaliCsfStream *stream = stream_get(s, csg, cs);
    MaliCsfStreamConfig config =
        config_sample(s, s->engine.groups[csg].as,
                      mali_csf_fw_cs_input(s, csg, cs), req);
    uint64_t extract = 0;

    if (mali_csf_view_locked(&s->view, FW_AS, config.user_input,
                             CS_USER_INPUT_SIZE) ||
        mali_csf_view_locked(&s->view, FW_AS, config.user_output,
                             CS_USER_OUTPUT_SIZE)) {
        return MALI_CSF_FW_PARKED;
    }
    if (!stream->resumable && mali_csf_stream_config_valid(&config)) {
        extract = mali_csf_fw_load64(s, config.user_input +
                                        CS_USER_INPUT_EXTRACT_INIT);
    }
    if (!mali_csf_stream_start(stream, &config, extract)) {
        return MALI_CSF_FW_DONE;
    }
    mali_csf_work_resume(s, csg, cs);
    mali_csf_fw_store32(s, config.user_output + CS_USER_OUTPUT_ACTIVE, 1);

    /* INSERT was set before the group had a slot: no doorbell follows. */
    mali_csf_fw_cs_user_doorbell(s, csg, cs);
    return MALI_CSF_FW_DONE;
}

void mali_csf_fw_cs_stop(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfStream *stream = stream_get(s, csg, cs);
    const uint64_t user_output = stream->config.user_output;

    if (stream->state == MALI_CSF_STREAM_STOPPED) {
        return;
    }
    if (user_output) {
        mali_csf_fw_store64(s, user_output + CS_USER_OUTPUT_EXTRACT,
                            stream->extract);
        mali_csf_fw_store32(s, user_output + CS_USER_OUTPUT_ACTIVE, 0);
    }
    mali_csf_work_drop(s, csg, cs);
    mali_csf_stream_reset(stream, 0);
}

MaliCsfFwResult mali_csf_fw_cs_request(MaliCsfState *s, unsigned csg,
                                       unsigned cs, bool started)
{
    MaliCsfOccasion occasion = { .slot = csg, .stream = cs };
    uint32_t in = mali_csf_fw_cs_input(s, csg, cs);
    uint32_t out = mali_csf_fw_cs_output(s, csg, cs);
    MaliCsfStream *stream = stream_get(s, csg, cs);
    uint32_t req = mali_csf_fw_load32(s, in + CS_REQ);
    uint32_t ack = mali_csf_fw_load32(s, out + CS_ACK);
    uint32_t kept = CS_EVT_MASK | CS_EXTRACT_EVENT;
    uint32_t next;

    if (started) {
        /* What the slot's previous group left pending is not ours. */
        kept = CS_EXTRACT_EVENT;
    }
    next = (req & ~kept) | (ack & kept);

    if ((req & CS_STATE_MASK) == CS_STATE_START) {
        if (stream->state == MALI_CSF_STREAM_STOPPED &&
            cs_start(s, csg, cs, req) == MALI_CSF_FW_PARKED) {
            return MALI_CSF_FW_PARKED;
        }
    } else {
        mali_csf_fw_cs_stop(s, csg, cs);
    }

    if (stream->tiler.asked && !((req ^ next) & CS_TILER_OOM)) {
        /* The operands are read after the word that covers them. */
        smp_rmb();
        mali_csf_heap_answer(s, csg, cs,
                             mali_csf_fw_load64(s, in + CS_TILER_HEAP_START),
                             mali_csf_fw_load64(s, in + CS_TILER_HEAP_END));
    }

    if (stream->state == MALI_CSF_STREAM_FAULT &&
        !(stream->news & MALI_CSF_NEWS_FAULT) &&
        !((req ^ next) & CS_EVENT_FAULT)) {
        mali_csf_stream_fault_acknowledged(stream);
    }

    if (next != ack &&
        !mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_CS_ACK, &occasion,
                               MALI_CSF_LOOK_STREAM(csg, cs))) {
        /* A reader who sees it sees EXTRACT and ACTIVE. */
        smp_wmb();
        mali_csf_fw_store32(s, out + CS_ACK, next);
        if ((next ^ ack) & mali_csf_fw_load32(s, in + CS_ACK_IRQ_MASK)) {
            cs_interrupt(s, csg, cs);
        }
    }
    return MALI_CSF_FW_DONE;
}

void mali_csf_fw_cs_user_doorbell(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfStream *stream = stream_get(s, csg, cs);

    if (!mali_csf_stream_state(stream)->is_alive) {
        return;
    }
    mali_csf_stream_set_insert(stream, mali_csf_fw_load64(
        s, stream->config.user_input + CS_USER_INPUT_INSERT));
    /* The instructions are read after the word that announces them. */
    smp_rmb();
}

void mali_csf_fw_cs_status(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfStream *stream = stream_get(s, csg, cs);
    uint32_t out = mali_csf_fw_cs_output(s, csg, cs);
    uint32_t scoreboards = mali_csf_stream_scoreboards(stream);
    const MaliCsfStateInfo *state = mali_csf_stream_state(stream);
    /* Of what it does not wait for, everything is zero. */
    const MaliCsfWait *wait = &stream->wait;
    uint32_t status_wait =
        state->status_wait | CS_STATUS_WAIT_SB_MASK(wait->entries) |
        (wait->sync.is_64bit ? CS_STATUS_WAIT_SYNC_64B : 0) |
        CS_STATUS_WAIT_SYNC_COND((uint32_t)wait->sync.condition);

    mali_csf_fw_store64(s, out + CS_STATUS_CMD_PTR,
                        mali_csf_stream_ip(stream));
    mali_csf_fw_store32(s, out + CS_STATUS_WAIT, status_wait);
    mali_csf_fw_store32(s, out + CS_STATUS_REQ_RESOURCE,
                        mali_csf_resource_status(stream));
    mali_csf_fw_store64(s, out + CS_STATUS_WAIT_SYNC_POINTER,
                        wait->sync.va);
    mali_csf_fw_store32(s, out + CS_STATUS_WAIT_SYNC_VALUE,
                        wait->sync.reference);
    mali_csf_fw_store32(s, out + CS_STATUS_WAIT_SYNC_VALUE_HI,
                        wait->sync.reference >> 32);
    mali_csf_fw_store32(s, out + CS_STATUS_SCOREBOARDS, scoreboards);
    mali_csf_fw_store32(s, out + CS_STATUS_BLOCKED_REASON,
                        state->blocked_reason);
}

/* Ask the host for memory of the heap */
static void publish_oom(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfStream *stream = stream_get(s, csg, cs);
    const MaliCsfTiler *tiler = &stream->tiler;
    uint32_t out = mali_csf_fw_cs_output(s, csg, cs);

    mali_csf_heap_asked(stream);
    mali_csf_fw_store32(s, out + CS_HEAP_VT_START, tiler->vt_start);
    mali_csf_fw_store32(s, out + CS_HEAP_VT_END, tiler->vt_end);
    mali_csf_fw_store32(s, out + CS_HEAP_FRAG_END, tiler->frag_end);
    mali_csf_fw_store64(s, out + CS_HEAP_ADDRESS, tiler->heap_va);
    /* All words are visible before the event that tells of them. */
    smp_mb();
    if (cs_event(s, csg, cs, CS_TILER_OOM)) {
        cs_interrupt(s, csg, cs);
    }
}

/*
 * Tell of the new EXTRACT, if the host wants to hear of each.  No word of the
 * host acknowledges this event: the bit just changes.
 */
static void publish_extract_event(MaliCsfState *s, unsigned csg, unsigned cs)
{
    uint32_t in = mali_csf_fw_cs_input(s, csg, cs);
    uint32_t out = mali_csf_fw_cs_output(s, csg, cs);

    if (!(mali_csf_fw_load32(s, in + CS_REQ) & CS_EXTRACT_EVENT)) {
        return;
    }
    /* EXTRACT is visible before the event that tells of it. */
    smp_mb();
    mali_csf_fw_store32(s, out + CS_ACK, mali_csf_fw_load32(s, out + CS_ACK) ^
                                         CS_EXTRACT_EVENT);
    if (mali_csf_fw_load32(s, in + CS_ACK_IRQ_MASK) & CS_EXTRACT_EVENT) {
        cs_interrupt(s, csg, cs);
    }
}

void mali_csf_fw_cs_publish(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfStream *stream = stream_get(s, csg, cs);
    uint32_t out = mali_csf_fw_cs_output(s, csg, cs);
    bool is_fatal;

    if (stream->config.user_output &&
        mali_csf_stream_take_news(stream, MALI_CSF_NEWS_EXTRACT)) {
        mali_csf_fw_store64(s, stream->config.user_output +
                               CS_USER_OUTPUT_EXTRACT, stream->extract);
        publish_extract_event(s, csg, cs);
    }
    mali_csf_heap_poll(s, csg, cs);
    if (stream->tiler.wanted) {
        publish_oom(s, csg, cs);
    }
    if (mali_csf_stream_take_news(stream, MALI_CSF_NEWS_PROTM) &&
        cs_event(s, csg, cs, CS_PROTM_PENDING)) {
        cs_interrupt(s, csg, cs);
    }
    if (!mali_csf_stream_take_news(stream, MALI_CSF_NEWS_FAULT)) {
        return;
    }
    is_fatal = stream->state == MALI_CSF_STREAM_FATAL;
    mali_csf_fw_store32(s, out + (is_fatal ? CS_FATAL : CS_FAULT),
                        stream->fault);
    mali_csf_fw_store64(s, out + (is_fatal ? CS_FATAL_INFO : CS_FAULT_INFO),
                        stream->fault_info);
    /* Both words are visible before the event that tells of them. */
    smp_mb();
    if (cs_event(s, csg, cs, is_fatal ? CS_EVENT_FATAL : CS_EVENT_FAULT)) {
        cs_interrupt(s, csg, cs);
    }
}
