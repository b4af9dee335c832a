/*
 * Mali CSF GPU: firmware interface of a group (CSG)
 *
 * A slot's group is started, suspended, resumed and terminated here.  What
 * SUSPEND writes to the host's buffer is our own format; the host and the
 * guest's programs may have changed it by the time of RESUME.  A stream that
 * is in a protected region goes to the buffer for protected content instead:
 * nothing of it but that is in the other one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "qemu/log.h"
#include "../device.h"
#include "../cs/resource.h"
#include "../trace.h"

#define SUSPEND_MAGIC       0x4653434d  /* "MCSF" */
#define PROTM_SUSPEND_MAGIC 0x5053434d  /* "MCSP" */
/* Changes with every member below and with what one of them means */
#define SUSPEND_VERSION     7

/* Suspend buffer; little-endian */
typedef struct QEMU_PACKED SuspendedFrame {
    uint64_t start;
    uint64_t end;
    uint64_t ip;
} SuspendedFrame;

typedef struct QEMU_PACKED SuspendedDeferred {
    uint64_t word;
    uint64_t va;
    uint64_t address;
    uint64_t data;
    uint16_t wait_mask;
    uint8_t signal;
    uint8_t reserved[5];
} SuspendedDeferred;

typedef struct QEMU_PACKED SuspendedStream {
    uint32_t state;
    uint8_t depth;
    uint8_t sb_endpoint;
    uint8_t sb_other;
    uint8_t resources;
    uint32_t error;
    uint16_t sb_mask_stream;
    uint16_t sb_mask_wait;
    uint64_t extract;
    uint32_t fault;
    uint8_t sb_deferred;
    uint8_t num_deferred;
    /* The rest of it is in the buffer for protected content. */
    uint8_t is_protected;
    uint8_t reserved;
    uint64_t fault_info;
    uint64_t progress;
    SuspendedFrame frames[MALI_CSF_MAX_FRAMES];
    uint32_t regs[MALI_CSF_MAX_WORK_REGISTERS];
    SuspendedDeferred deferred[MALI_CSF_MAX_DEFERRED];
    uint64_t heap_va;
    uint64_t handler_va;
    uint32_t handler_length;
    uint8_t handler_depth;
    /* Work that waits for memory, if there are chunks that it needs */
    uint8_t tiler_opcode;
    uint8_t tiler_scoreboard;
    uint8_t protm_depth;
    uint32_t tiler_chunks;
    uint32_t reserved3;
    uint64_t tiler_heap_va;
    uint64_t tiler_context_va;
    uint64_t grant_first;
    uint64_t grant_last;
    /* The end of the protected region that it was in, or 0 */
    uint64_t protm_end;
} SuspendedStream;

typedef struct QEMU_PACKED SuspendedGroup {
    uint32_t magic;
    uint32_t version;
    /* Of all of it, in bytes: a model has fewer streams than the array */
    uint32_t size;
    uint32_t streams;
    uint32_t registers;
    uint32_t reserved;
    uint32_t shared_sb[MALI_CSF_MAX_SCOREBOARDS];
    SuspendedStream stream[MALI_CSF_MAX_CS];
} SuspendedGroup;

static MaliCsfGroup *group_get(MaliCsfState *s, unsigned csg)
{
    return &s->engine.groups[csg];
}

static uint64_t suspended_size(MaliCsfState *s)
{
    return offsetof(SuspendedGroup, stream) +
           s->model->cs_per_csg * sizeof(SuspendedStream);
}

uint32_t mali_csf_fw_suspend_size(MaliCsfState *s)
{
    return ROUND_UP(suspended_size(s), MALI_CSF_SUSPEND_UNIT);
}

static void stream_save(const MaliCsfStream *stream, SuspendedStream *saved)
{
    unsigned i;

    saved->state = cpu_to_le32(stream->resumable ? stream->resume_state :
                               stream->state);
    saved->depth = stream->depth;
    saved->sb_endpoint = stream->sb_endpoint;
    saved->sb_other = stream->sb_other;
    saved->resources = stream->resources;
    saved->error = cpu_to_le32(stream->error);
    saved->extract = cpu_to_le64(stream->extract);
    saved->fault = cpu_to_le32(stream->fault);
    saved->fault_info = cpu_to_le64(stream->fault_info);
    saved->sb_deferred = stream->sb_deferred;
    saved->sb_mask_stream = cpu_to_le16(stream->sb_mask_stream);
    saved->sb_mask_wait = cpu_to_le16(stream->sb_mask_wait);
    saved->progress = cpu_to_le64(stream->progress);
    saved->num_deferred = stream->num_deferred;
    for (i = 0; i < stream->num_deferred; i++) {
        const MaliCsfDeferred *op = &stream->deferred[i];

        saved->deferred[i].word = cpu_to_le64(op->word);
        saved->deferred[i].va = cpu_to_le64(op->va);
        saved->deferred[i].address = cpu_to_le64(op->address);
        saved->deferred[i].data = cpu_to_le64(op->data);
        saved->deferred[i].wait_mask = cpu_to_le16(op->wait_mask);
        saved->deferred[i].signal = op->signal;
    }
    saved->heap_va = cpu_to_le64(stream->heap_va);
    saved->handler_va = cpu_to_le64(stream->handler_va);
    saved->handler_length = cpu_to_le32(stream->handler_length);
    saved->handler_depth = stream->handler_depth;
    saved->tiler_opcode = stream->tiler.opcode;
    saved->tiler_scoreboard = stream->tiler.scoreboard;
    saved->tiler_chunks = cpu_to_le32(stream->tiler.chunks);
    saved->tiler_heap_va = cpu_to_le64(stream->tiler.heap_va);
    saved->tiler_context_va = cpu_to_le64(stream->tiler.context_va);
    saved->grant_first = cpu_to_le64(stream->tiler.grant_first);
    saved->grant_last = cpu_to_le64(stream->tiler.grant_last);
    saved->protm_end = cpu_to_le64(stream->protm_end);
    saved->protm_depth = stream->protm_depth;
    for (i = 0; i < MALI_CSF_MAX_FRAMES; i++) {
        saved->frames[i].start = cpu_to_le64(stream->frames[i].start);
        saved->frames[i].end = cpu_to_le64(stream->frames[i].end);
        saved->frames[i].ip = cpu_to_le64(stream->frames[i].ip);
    }
    for (i = 0; i < MALI_CSF_MAX_WORK_REGISTERS; i++) {
        saved->regs[i] = cpu_to_le32(stream->regs[i]);
    }
}

/* Leaves the stream stopped, to go on at CS START; false if it is garbage */
static bool stream_restore(MaliCsfState *s, const SuspendedStream *saved,
                           MaliCsfStream *stream)
{
    unsigned i;

    mali_csf_stream_reset(stream, 0);
    stream->state = le32_to_cpu(saved->state);
    stream->depth = saved->depth;
    stream->sb_endpoint = saved->sb_endpoint;
    stream->sb_other = saved->sb_other;
    stream->resources = saved->resources;
    stream->error = le32_to_cpu(saved->error);
    stream->extract = le64_to_cpu(saved->extract);
    stream->fault = le32_to_cpu(saved->fault);
    stream->fault_info = le64_to_cpu(saved->fault_info);
    stream->sb_deferred = saved->sb_deferred;
    stream->sb_mask_stream = le16_to_cpu(saved->sb_mask_stream);
    stream->sb_mask_wait = le16_to_cpu(saved->sb_mask_wait);
    stream->progress = le64_to_cpu(saved->progress);
    stream->num_deferred = saved->num_deferred;
    stream->work_progress = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    for (i = 0; i < MIN(stream->num_deferred, MALI_CSF_MAX_DEFERRED); i++) {
        /* Whatever blocked it, the next try finds out again. */
        stream->deferred[i] = (MaliCsfDeferred) {
            .word = le64_to_cpu(saved->deferred[i].word),
            .va = le64_to_cpu(saved->deferred[i].va),
            .address = le64_to_cpu(saved->deferred[i].address),
            .data = le64_to_cpu(saved->deferred[i].data),
            .wait_mask = le16_to_cpu(saved->deferred[i].wait_mask),
            .signal = saved->deferred[i].signal,
        };
    }
    stream->heap_va = le64_to_cpu(saved->heap_va);
    stream->handler_va = le64_to_cpu(saved->handler_va);
    stream->handler_length = le32_to_cpu(saved->handler_length);
    stream->handler_depth = saved->handler_depth;
    /* What was asked of the host is asked again. */
    stream->tiler.opcode = saved->tiler_opcode;
    stream->tiler.scoreboard = saved->tiler_scoreboard;
    stream->tiler.chunks = le32_to_cpu(saved->tiler_chunks);
    stream->tiler.heap_va = le64_to_cpu(saved->tiler_heap_va);
    stream->tiler.context_va = le64_to_cpu(saved->tiler_context_va);
    stream->tiler.grant_first = le64_to_cpu(saved->grant_first);
    stream->tiler.grant_last = le64_to_cpu(saved->grant_last);
    stream->protm_end = le64_to_cpu(saved->protm_end);
    stream->protm_depth = saved->protm_depth;
    for (i = 0; i < MALI_CSF_MAX_FRAMES; i++) {
        stream->frames[i].start = le64_to_cpu(saved->frames[i].start);
        stream->frames[i].end = le64_to_cpu(saved->frames[i].end);
        stream->frames[i].ip = le64_to_cpu(saved->frames[i].ip);
    }
    for (i = 0; i < MALI_CSF_MAX_WORK_REGISTERS; i++) {
        stream->regs[i] = le32_to_cpu(saved->regs[i]);
    }
    if (stream->state == MALI_CSF_STREAM_STOPPED) {
        mali_csf_stream_reset(stream, 0);
        return true;
    }

    /* The ring comes with CS START; until then it only has to be one. */
    stream->ring_size = 8;
    if (le32_to_cpu(saved->error) > UINT8_MAX ||
        !mali_csf_stream_valid(s, stream)) {
        mali_csf_stream_reset(stream, 0);
        return false;
    }
    switch (stream->state) {
    case MALI_CSF_STREAM_FAULT:
        /* RESUME counts as the host's acknowledgement of every event. */
        mali_csf_stream_fault_acknowledged(stream);
        break;
    case MALI_CSF_STREAM_EMPTY:
    case MALI_CSF_STREAM_FATAL:
        break;
    default:
        /* Whatever it waited for, the instruction finds out again. */
        stream->state = MALI_CSF_STREAM_READY;
        break;
    }
    if (stream->protm_end && stream->state != MALI_CSF_STREAM_FATAL) {
        stream->state = MALI_CSF_STREAM_PROTM_WAIT;
        stream->protm_unpublished = true;
    }
    mali_csf_stream_end_work(stream);
    stream->resume_state = stream->state;
    stream->state = MALI_CSF_STREAM_STOPPED;
    stream->ring_size = 0;
    stream->resumable = true;
    return true;
}

static void header_save(MaliCsfState *s, uint32_t magic,
                        SuspendedGroup *saved)
{
    saved->magic = cpu_to_le32(magic);
    saved->version = cpu_to_le32(SUSPEND_VERSION);
    saved->size = cpu_to_le32(suspended_size(s));
    saved->streams = cpu_to_le32(s->model->cs_per_csg);
    saved->registers = cpu_to_le32(s->model->work_registers);
}

static bool header_valid(MaliCsfState *s, uint32_t magic,
                         const SuspendedGroup *saved)
{
    return le32_to_cpu(saved->magic) == magic &&
           le32_to_cpu(saved->version) == SUSPEND_VERSION &&
           le32_to_cpu(saved->size) == suspended_size(s) &&
           le32_to_cpu(saved->streams) == s->model->cs_per_csg &&
           le32_to_cpu(saved->registers) == s->model->work_registers;
}

/* What becomes of an access to a suspend buffer: PARKED if it is locked */
static MaliCsfFwResult buffer_result(MaliCsfState *s, MaliCsfMemResult result)
{
    if (result == MALI_CSF_MEM_STALLED) {
        return MALI_CSF_FW_PARKED;
    }
    if (result != MALI_CSF_MEM_DONE) {
        s->mcu.fw.access_failed = true;
    }
    return MALI_CSF_FW_DONE;
}

static MaliCsfFwResult group_write(MaliCsfState *s, uint64_t va,
                                   const SuspendedGroup *saved)
{
    return buffer_result(s, mali_csf_mem_write(&s->view, FW_AS, va, saved,
                                               suspended_size(s),
                                               &s->mcu.fw.access_fault));
}

static MaliCsfFwResult group_read(MaliCsfState *s, uint64_t va,
                                  SuspendedGroup *saved)
{
    return buffer_result(s, mali_csf_mem_read(&s->view, FW_AS, va, saved,
                                              suspended_size(s),
                                              &s->mcu.fw.access_fault));
}

/* DONE, PARKED if a buffer is locked */
static MaliCsfFwResult group_save(MaliCsfState *s, unsigned csg)
{
    MaliCsfGroup *group = group_get(s, csg);
    g_autofree SuspendedGroup *saved = g_new0(SuspendedGroup, 1);
    g_autofree SuspendedGroup *hidden = NULL;
    unsigned cs, i;

    header_save(s, SUSPEND_MAGIC, saved);
    for (i = 0; i < MALI_CSF_MAX_SCOREBOARDS; i++) {
        saved->shared_sb[i] = cpu_to_le32(group->shared_sb[i]);
    }
    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        if (!group->streams[cs].protm_end) {
            stream_save(&group->streams[cs], &saved->stream[cs]);
            continue;
        }
        if (!hidden) {
            hidden = g_new0(SuspendedGroup, 1);
            header_save(s, PROTM_SUSPEND_MAGIC, hidden);
        }
        saved->stream[cs].is_protected = true;
        stream_save(&group->streams[cs], &hidden->stream[cs]);
    }
    if (hidden && group_write(s, group->protm_suspend_buf, hidden) ==
        MALI_CSF_FW_PARKED) {
        return MALI_CSF_FW_PARKED;
    }
    return group_write(s, group->suspend_buf, saved);
}

/* The same as group_save() */
static MaliCsfFwResult group_restore(MaliCsfState *s, unsigned csg,
                                     uint64_t suspend_buf,
                                     uint64_t protm_suspend_buf)
{
    MaliCsfGroup *group = group_get(s, csg);
    g_autofree SuspendedGroup *saved = g_new0(SuspendedGroup, 1);
    g_autofree SuspendedGroup *hidden = NULL;
    bool valid, hidden_valid = false;
    unsigned cs, i;

    if (group_read(s, suspend_buf, saved) == MALI_CSF_FW_PARKED) {
        return MALI_CSF_FW_PARKED;
    }
    valid = header_valid(s, SUSPEND_MAGIC, saved);
    for (cs = 0; valid && !hidden && cs < s->model->cs_per_csg; cs++) {
        if (saved->stream[cs].is_protected) {
            hidden = g_new0(SuspendedGroup, 1);
            if (group_read(s, protm_suspend_buf, hidden) ==
                MALI_CSF_FW_PARKED) {
                return MALI_CSF_FW_PARKED;
            }
            hidden_valid = header_valid(s, PROTM_SUSPEND_MAGIC, hidden);
        }
    }
    if (s->mcu.fw.access_failed) {
        return MALI_CSF_FW_DONE;
    }

    for (i = 0; i < MALI_CSF_MAX_SCOREBOARDS; i++) {
        group->shared_sb[i] = valid ? le32_to_cpu(saved->shared_sb[i]) : 0;
    }
    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        bool is_protected = valid && saved->stream[cs].is_protected;
        const SuspendedStream *from = is_protected ? &hidden->stream[cs] :
                                      &saved->stream[cs];

        mali_csf_stream_reset(&group->streams[cs], 0);
        /* A region that goes on is in the buffer for it, and there alone. */
        if (!valid || (is_protected && !hidden_valid) ||
            (from->protm_end == 0) == is_protected ||
            !stream_restore(s, from, &group->streams[cs])) {
            qemu_log_mask(LOG_GUEST_ERROR, "%s: CSG %u: not a suspend buffer "
                          "of ours at 0x%" PRIx64 ", CS %u starts anew\n",
                          __func__, csg, is_protected ? protm_suspend_buf :
                          suspend_buf, cs);
        }
    }
    return MALI_CSF_FW_DONE;
}

/* START or RESUME of the group that the input block describes */
static MaliCsfFwResult group_enter(MaliCsfState *s, unsigned csg, bool resume)
{
    MaliCsfGroup *group = group_get(s, csg);
    uint32_t in = mali_csf_fw_csg_input(s, csg);
    uint64_t suspend_buf = mali_csf_fw_load64(s, in + CSG_SUSPEND_BUF);
    uint64_t protm_suspend_buf = mali_csf_fw_load64(s, in +
                                                    CSG_PROTM_SUSPEND_BUF);
    uint32_t config = mali_csf_fw_load32(s, in + CSG_CONFIG);
    unsigned cs;

    if (resume) {
        if (group_restore(s, csg, suspend_buf, protm_suspend_buf) ==
            MALI_CSF_FW_PARKED) {
            return MALI_CSF_FW_PARKED;
        }
    } else {
        for (cs = 0; cs < s->model->cs_per_csg; cs++) {
            mali_csf_stream_reset(&group->streams[cs], 0);
        }
        memset(group->shared_sb, 0, sizeof(group->shared_sb));
    }
    group->active = true;
    group->entering = true;
    /* A number that is no address space faults at its first access. */
    group->as = MIN(config & 0xff, MALI_CSF_MAX_AS - 1);
    group->suspend_buf = suspend_buf;
    group->protm_suspend_buf = protm_suspend_buf;
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_group(s, group->as);
    }
    group->idle = false;
    group->sync_update = false;
    trace_mali_csf_csg_state(csg, resume ? "resume" : "start", group->as);
    return MALI_CSF_FW_DONE;
}

/* SUSPEND or TERMINATE */
static MaliCsfFwResult group_leave(MaliCsfState *s, unsigned csg, bool suspend)
{
    MaliCsfGroup *group = group_get(s, csg);
    unsigned cs;

    if (suspend && group_save(s, csg) == MALI_CSF_FW_PARKED) {
        return MALI_CSF_FW_PARKED;
    }
    if (suspend) {
        /*
         * Before the status is published: the driver takes a scoreboard
         * entry of a suspended stream as work that never ends
         * (cs_slot_sync_queue_state_locked() in panthor_sched.c, v7.3).
         */
        for (cs = 0; cs < s->model->cs_per_csg; cs++) {
            mali_csf_engine_end_flushes(s, csg, cs);
            mali_csf_stream_end_work(&group->streams[cs]);
        }
    }
    mali_csf_fw_csg_status(s, csg);
    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        mali_csf_fw_cs_stop(s, csg, cs);
    }
    group->active = false;
    trace_mali_csf_csg_state(csg, suspend ? "suspend" : "terminate",
                             group->as);
    return MALI_CSF_FW_DONE;
}

bool mali_csf_fw_csg_locked(MaliCsfState *s, unsigned csg, uint64_t *va)
{
    uint32_t in = mali_csf_fw_csg_input(s, csg);
    uint32_t out = mali_csf_fw_csg_output(s, csg);
    uint32_t changed = mali_csf_fw_load32(s, in + CSG_REQ) ^
                       mali_csf_fw_load32(s, out + CSG_ACK);
    unsigned cs;

    if (!(changed & CSG_STATE_MASK)) {
        return false;
    }
    *va = mali_csf_fw_load64(s, in + CSG_SUSPEND_BUF);
    if (mali_csf_view_locked(&s->view, FW_AS, *va, suspended_size(s))) {
        return true;
    }
    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        uint32_t cs_in = mali_csf_fw_cs_input(s, csg, cs);

        if ((mali_csf_fw_load32(s, cs_in + CS_REQ) & CS_STATE_MASK) !=
            CS_STATE_START) {
            continue;
        }
        *va = mali_csf_fw_load64(s, cs_in + CS_USER_INPUT);
        if (mali_csf_view_locked(&s->view, FW_AS, *va, CS_USER_INPUT_SIZE)) {
            return true;
        }
        *va = mali_csf_fw_load64(s, cs_in + CS_USER_OUTPUT);
        if (mali_csf_view_locked(&s->view, FW_AS, *va, CS_USER_OUTPUT_SIZE)) {
            return true;
        }
    }
    return false;
}

static MaliCsfFwResult group_change_state(MaliCsfState *s, unsigned csg,
                                          uint32_t state)
{
    MaliCsfGroup *group = group_get(s, csg);

    switch (state) {
    case CSG_STATE_START:
    case CSG_STATE_RESUME:
        if (group->active) {
            return MALI_CSF_FW_DONE;
        }
        return group_enter(s, csg, state == CSG_STATE_RESUME);
    case CSG_STATE_SUSPEND:
    case CSG_STATE_TERMINATE:
        if (!group->active) {
            return MALI_CSF_FW_DONE;
        }
        return group_leave(s, csg, state == CSG_STATE_SUSPEND);
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "%s: CSG %u: no such state: %u\n",
                      __func__, csg, state);
        return MALI_CSF_FW_DONE;
    }
}

/* @next as it was before, where somebody asked not to acknowledge */
static uint32_t unacknowledged(MaliCsfState *s, unsigned csg, uint32_t ack,
                               uint32_t next)
{
    static const struct {
        uint32_t mask;
        uint32_t value;
        MaliCsfInjectionKind kind;
    } requests[] = {
        { CSG_STATE_MASK, CSG_STATE_START,
          MALI_CSF_INJECTION_KIND_CSG_START_ACK },
        { CSG_STATE_MASK, CSG_STATE_RESUME,
          MALI_CSF_INJECTION_KIND_CSG_RESUME_ACK },
        { CSG_STATE_MASK, CSG_STATE_SUSPEND,
          MALI_CSF_INJECTION_KIND_CSG_SUSPEND_ACK },
        { CSG_STATE_MASK, CSG_STATE_TERMINATE,
          MALI_CSF_INJECTION_KIND_CSG_TERMINATE_ACK },
        { CSG_STATUS_UPDATE, CSG_STATUS_UPDATE,
          MALI_CSF_INJECTION_KIND_CSG_STATUS_UPDATE_ACK },
        { CSG_EP_CFG, CSG_EP_CFG, MALI_CSF_INJECTION_KIND_CSG_EP_CFG_ACK },
    };
    MaliCsfOccasion occasion = { .slot = csg };
    uint32_t changed = ack ^ next;
    uint32_t lost = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(requests); i++) {
        uint32_t mask = requests[i].mask;

        /* A state is a value, the others change to ask. */
        if ((changed & mask) &&
            (mask != CSG_STATE_MASK || (next & mask) == requests[i].value) &&
            mali_csf_inject_holds(s, requests[i].kind, &occasion,
                                  MALI_CSF_LOOK_GROUP(csg))) {
            lost |= mask;
        }
    }
    return (next & ~lost) | (ack & lost);
}

MaliCsfFwResult mali_csf_fw_csg_doorbell(MaliCsfState *s, unsigned csg)
{
    MaliCsfGroup *group = group_get(s, csg);
    uint32_t in = mali_csf_fw_csg_input(s, csg);
    uint32_t out = mali_csf_fw_csg_output(s, csg);
    uint32_t req, ack, changed, next, doorbells;
    unsigned cs;

    /* An acknowledgement never overtakes what happened before it. */
    mali_csf_fw_csg_publish(s, csg);

    req = mali_csf_fw_load32(s, in + CSG_REQ);
    ack = mali_csf_fw_load32(s, out + CSG_ACK);
    changed = req ^ ack;
    next = (req & ~CSG_EVT_MASK) | (ack & CSG_EVT_MASK);

    if (changed & CSG_STATE_MASK) {
        if (group_change_state(s, csg, req & CSG_STATE_MASK) ==
            MALI_CSF_FW_PARKED) {
            return MALI_CSF_FW_PARKED;
        }
        /* Events of the group may have changed it. */
        ack = mali_csf_fw_load32(s, out + CSG_ACK);
        next = (req & ~CSG_EVT_MASK) | (ack & CSG_EVT_MASK);
    }
    if (changed & CSG_EP_CFG) {
        group->ep_req = mali_csf_fw_since(s, 4, 0) ?
                        mali_csf_fw_load64(s, in + CSG_EP_REQ2) :
                        mali_csf_fw_load32(s, in + CSG_EP_REQ);
        group->allow_compute = mali_csf_fw_load64(s, in + CSG_ALLOW_COMPUTE);
        group->allow_fragment = mali_csf_fw_load64(s, in +
                                                   CSG_ALLOW_FRAGMENT);
        group->allow_other = mali_csf_fw_load32(s, in + CSG_ALLOW_OTHER);
    }

    /* Acknowledge first, then look: see mali_csf_fw_glb_doorbell(). */
    doorbells = mali_csf_fw_load32(s, in + CSG_DB_REQ);
    group->cs_doorbells |= doorbells ^
                           mali_csf_fw_load32(s, out + CSG_DB_ACK);
    mali_csf_fw_store32(s, out + CSG_DB_ACK, doorbells);
    /* The requests are read after this. */
    smp_mb();

    if (group->entering) {
        /* Nothing of the slot's previous group is pending any more. */
        next = req;
        mali_csf_fw_store32(s, out + CSG_IRQ_REQ,
                            mali_csf_fw_load32(s, in + CSG_IRQ_ACK));
        /*
         * All streams, whatever the doorbell bits say: they may have been
         * consumed by a doorbell that rang before the group had its slot.
         */
        group->cs_doorbells = UINT32_MAX;
    }
    for (cs = 0; group->active && cs < s->model->cs_per_csg; cs++) {
        if (!(group->cs_doorbells & (1u << cs))) {
            continue;
        }
        if (mali_csf_fw_cs_request(s, csg, cs, group->entering) ==
            MALI_CSF_FW_PARKED) {
            /* Goes on with this stream once the page is unlocked. */
            return MALI_CSF_FW_PARKED;
        }
        group->cs_doorbells &= ~(1u << cs);
    }
    group->cs_doorbells = 0;
    group->entering = false;

    if (changed & CSG_STATUS_UPDATE) {
        mali_csf_fw_csg_status(s, csg);
    }
    if (mali_csf_injected(&s->inject, MALI_CSF_INJECT_GROUPS)) {
        next = unacknowledged(s, csg, ack, next);
    }
    if (next != ack) {
        /* Whoever sees the acknowledgement sees what was asked for. */
        smp_mb();
        mali_csf_fw_store32(s, out + CSG_ACK, next);
        /* ACK is visible before the host is told. */
        smp_mb();
        if ((next ^ ack) & mali_csf_fw_load32(s, in + CSG_ACK_IRQ_MASK)) {
            mali_csf_irq_raise(&s->mcu.job_irq, JOB_INT_CSG(csg));
        }
    }
    return MALI_CSF_FW_DONE;
}

void mali_csf_fw_csg_status(MaliCsfState *s, unsigned csg)
{
    MaliCsfGroup *group = group_get(s, csg);
    uint32_t out = mali_csf_fw_csg_output(s, csg);
    unsigned cs;

    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        mali_csf_fw_cs_status(s, csg, cs);
    }
    mali_csf_fw_store32(s, out + CSG_STATUS_EP_CURRENT,
                        mali_csf_resource_current(s, csg));
    mali_csf_fw_store32(s, out + CSG_STATUS_EP_REQ,
                        group->ep_req & CSG_STATUS_EP_REQ_MASK);
    mali_csf_fw_store32(s, out + CSG_RESOURCE_DEP,
                        mali_csf_resource_dependencies(s, csg));
    mali_csf_fw_store32(s, out + CSG_STATUS_STATE,
                        mali_csf_fw_csg_is_idle(s, csg) ?
                        CSG_STATUS_STATE_IDLE : 0);
}

bool mali_csf_fw_csg_is_idle(MaliCsfState *s, unsigned csg)
{
    MaliCsfGroup *group = group_get(s, csg);
    unsigned cs;

    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        const MaliCsfStream *stream = &group->streams[cs];

        switch (stream->state) {
        case MALI_CSF_STREAM_STOPPED:
            break;
        case MALI_CSF_STREAM_EMPTY:
            if (!(stream->idle_mask & CS_IDLE_EMPTY) ||
                mali_csf_stream_scoreboards(stream)) {
                return false;
            }
            break;
        case MALI_CSF_STREAM_SYNC_WAIT:
            if (!(stream->idle_mask & CS_IDLE_SYNC_WAIT) ||
                mali_csf_stream_scoreboards(stream)) {
                return false;
            }
            break;
        case MALI_CSF_STREAM_PROTM_WAIT:
            if (!(stream->idle_mask & CS_IDLE_PROTM_PENDING) ||
                mali_csf_stream_scoreboards(stream)) {
                return false;
            }
            break;
        case MALI_CSF_STREAM_SHARED_WAIT:
            if (!(stream->idle_mask & CS_IDLE_SHARED_SB_DEC) ||
                mali_csf_stream_scoreboards(stream)) {
                return false;
            }
            break;
        case MALI_CSF_STREAM_RESOURCE_WAIT:
            if (!(stream->idle_mask & CS_IDLE_RESOURCE_REQ) ||
                mali_csf_stream_scoreboards(stream)) {
                return false;
            }
            break;
        default:
            return false;
        }
    }
    return true;
}

/* Toggle event bits in CSG_ACK that are not pending; interrupt the host */
static void csg_event(MaliCsfState *s, unsigned csg, uint32_t event,
                      const char *name)
{
    uint32_t in = mali_csf_fw_csg_input(s, csg);
    uint32_t out = mali_csf_fw_csg_output(s, csg);
    uint32_t req, ack;

    /*
     * What the event tells of is visible before it is decided that the host
     * has yet to look: else an event that is suppressed here could be lost.
     */
    smp_mb();
    req = mali_csf_fw_load32(s, in + CSG_REQ);
    ack = mali_csf_fw_load32(s, out + CSG_ACK);
    if ((req ^ ack) & event) {
        return;
    }
    trace_mali_csf_csg_event(csg, name);
    mali_csf_fw_store32(s, out + CSG_ACK, ack ^ event);
    /* ACK is visible before the host is told. */
    smp_mb();
    if (mali_csf_fw_load32(s, in + CSG_ACK_IRQ_MASK) & event) {
        mali_csf_irq_raise(&s->mcu.job_irq, JOB_INT_CSG(csg));
    }
}

/*
 * The progress timer: an endpoint has had work of the group for that long
 * and ended none of it.  (kbase's progress_timeout: cycles that may pass
 * before a group is terminated "if a task makes no forward progress on an
 * endpoint".)  A stream that loops does make progress.
 */
static void csg_progress(MaliCsfState *s, unsigned csg)
{
    MaliCsfGroup *group = group_get(s, csg);
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    int64_t timeout = mali_csf_fw_progress_ns(s);
    bool late = false;
    unsigned cs;

    for (cs = 0; timeout && cs < s->model->cs_per_csg; cs++) {
        MaliCsfStream *stream = &group->streams[cs];

        if (!mali_csf_stream_scoreboards(stream)) {
            continue;
        }
        if (stream->tiler.chunks) {
            /* It waits for the host, and no endpoint has begun. */
            stream->work_progress = now;
            continue;
        }
        if (now >= stream->work_progress + timeout) {
            late = true;
            /* The host may let it go on. */
            stream->work_progress = now;
        }
        mali_csf_mcu_schedule_pass_at(s, stream->work_progress + timeout);
    }
    if (late) {
        csg_event(s, csg, CSG_PROGRESS_TIMER_EVENT, "progress-timer");
    }
}

void mali_csf_fw_csg_publish(MaliCsfState *s, unsigned csg)
{
    MaliCsfGroup *group = group_get(s, csg);
    bool idle;
    unsigned cs;

    if (!group->active) {
        return;
    }
    for (cs = 0; cs < s->model->cs_per_csg; cs++) {
        mali_csf_fw_cs_publish(s, csg, cs);
    }
    if (group->sync_update) {
        group->sync_update = false;
        csg_event(s, csg, CSG_SYNC_UPDATE, "sync-update");
    }
    csg_progress(s, csg);
    idle = mali_csf_fw_csg_is_idle(s, csg);
    if (idle && !group->idle) {
        mali_csf_fw_csg_status(s, csg);
        csg_event(s, csg, CSG_IDLE, "idle");
    }
    group->idle = idle;
}
