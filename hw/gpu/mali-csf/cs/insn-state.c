/*
 * Mali CSF GPU: instructions on the state of a stream and of its group
 *
 * Scoreboard selections as in src/panfrost/genxml/v11.xml of Mesa and in
 * panvk_vX_cmd_buffer.c of the same versions.  No public user space has
 * progress counters or entries shared by a group: what is here of them is a
 * guess that follows their names and the kbase driver's CS_REQ bits.  Of the
 * buffer that TRACE_POINT writes to, kbase has the configuration; what an
 * event looks like is a guess.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "instructions.h"
#include "../trace.h"

static MaliCsfStep do_set_sb_entry(MaliCsfExec *exec)
{
    exec->stream->sb_endpoint = insn_field(exec, SET_SB_ENTRY, ENDPOINT);
    exec->stream->sb_other = insn_field(exec, SET_SB_ENTRY, OTHER);
    return MALI_CSF_STEP_NEXT;
}

/* SET_STATE and SET_STATE_IMM32 */
static MaliCsfStep set_state(MaliCsfExec *exec, uint32_t value)
{
    MaliCsfStream *stream = exec->stream;
    unsigned state = insn_field(exec, SET_STATE, STATE);

    switch (state) {
    case CS_SET_STATE_SB_MASK_STREAM:
        stream->sb_mask_stream = value;
        return MALI_CSF_STEP_NEXT;
    case CS_SET_STATE_SB_MASK_WAIT:
        stream->sb_mask_wait = value;
        return MALI_CSF_STEP_NEXT;
    case CS_SET_STATE_SB_SEL_ENDPOINT:
    case CS_SET_STATE_SB_SEL_OTHER:
    case CS_SET_STATE_SB_SEL_DEFERRED:
        break;
    default:
        return mali_csf_exec_invalid(exec);
    }
    if (value >= exec->s->model->scoreboards) {
        return mali_csf_exec_invalid(exec);
    }
    if (state == CS_SET_STATE_SB_SEL_ENDPOINT) {
        stream->sb_endpoint = value;
    } else if (state == CS_SET_STATE_SB_SEL_OTHER) {
        stream->sb_other = value;
    } else {
        stream->sb_deferred = value;
    }
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_set_state(MaliCsfExec *exec)
{
    return set_state(exec, insn_reg(exec, SET_STATE, SRC));
}

static MaliCsfStep do_set_state_imm32(MaliCsfExec *exec)
{
    return set_state(exec, exec->word);
}

/*
 * The next entry of SB_MASK_STREAM behind the selected one, round robin, and
 * from now on the selected one.  panvk takes care that it is not the same and
 * relies on it being free ("Wait for scoreboard to be available and select the
 * next scoreboard entry").
 */
static MaliCsfStep do_next_sb_entry(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    unsigned type = insn_field(exec, NEXT_SB_ENTRY, TYPE);
    uint32_t entries = stream->sb_mask_stream &
                       ((1u << exec->s->model->scoreboards) - 1);
    uint32_t behind;
    uint8_t *selected;
    uint8_t endpoint = stream->sb_endpoint;
    unsigned next;

    switch (type) {
    case CS_SB_TYPE_NONE:
        /* Nothing is selected. */
        selected = &endpoint;
        break;
    case CS_SB_TYPE_ENDPOINT:
        selected = &stream->sb_endpoint;
        break;
    case CS_SB_TYPE_OTHER:
        selected = &stream->sb_other;
        break;
    case CS_SB_TYPE_DEFERRED:
        selected = &stream->sb_deferred;
        break;
    default:
        return mali_csf_exec_invalid(exec);
    }
    if (!entries) {
        return mali_csf_exec_invalid(exec);
    }
    behind = entries & (UINT32_MAX << *selected << 1);
    next = ctz32(behind ? behind : entries);
    if (!mali_csf_exec_wait(exec, 1u << next)) {
        return MALI_CSF_STEP_BLOCKED;
    }
    *selected = next;
    exec->stream->regs[insn_field(exec, NEXT_SB_ENTRY, DST)] =
        insn_field(exec, NEXT_SB_ENTRY, FORMAT) ? 1u << next : next;
    return MALI_CSF_STEP_NEXT;
}

/* The entries of a group are counters: INC adds one, DEC waits for one */

static MaliCsfStep do_shared_sb_inc(MaliCsfExec *exec)
{
    MaliCsfDeferred op = { 0 };

    return mali_csf_exec_deferrable(exec, &op);
}

static MaliCsfStep perform_shared_sb_inc(MaliCsfExec *exec,
                                         const MaliCsfDeferred *op)
{
    unsigned number = FIELD_EX64(op->word, CS_SHARED_SB_INC, ENTRY);
    uint32_t *entry = &exec->group->shared_sb[number];

    if (*entry < UINT32_MAX) {
        (*entry)++;
    }
    exec->group_written = true;
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_shared_sb_dec(MaliCsfExec *exec)
{
    unsigned number = insn_field(exec, SHARED_SB_DEC, ENTRY);
    uint32_t *entry = &exec->group->shared_sb[number];

    if (!*entry) {
        mali_csf_stream_set_state(exec->stream, MALI_CSF_STREAM_SHARED_WAIT,
                                  &(MaliCsfWait) { .shared_entry = number });
        return MALI_CSF_STEP_BLOCKED;
    }
    (*entry)--;
    return MALI_CSF_STEP_NEXT;
}

/* Progress counters: 64 bits, one for each stream of the group */

static MaliCsfStep do_progress_wait(MaliCsfExec *exec)
{
    unsigned queue = insn_field(exec, PROGRESS_WAIT, QUEUE);
    uint64_t reference = insn_pair(exec, PROGRESS_WAIT, SRC);

    if (queue >= exec->s->model->cs_per_csg) {
        return mali_csf_exec_invalid(exec);
    }
    if (exec->group->streams[queue].progress < reference) {
        mali_csf_stream_set_state(exec->stream, MALI_CSF_STREAM_PROGRESS_WAIT,
                                  &(MaliCsfWait) {
                                      .progress = { queue, reference },
                                  });
        return MALI_CSF_STEP_BLOCKED;
    }
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_progress_store(MaliCsfExec *exec)
{
    exec->stream->progress = insn_pair(exec, PROGRESS_STORE, SRC);
    exec->group_written = true;
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_progress_load(MaliCsfExec *exec)
{
    insn_set_pair(exec, insn_field(exec, PROGRESS_LOAD, DST),
                  exec->stream->progress);
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_trace_point(MaliCsfExec *exec)
{
    MaliCsfDeferred op = { 0 };

    return mali_csf_exec_deferrable(exec, &op);
}

/* The states that are asked for, then registers, as much as there is room */
static void trace_event_fill(const MaliCsfExec *exec,
                             const MaliCsfDeferred *op, uint8_t *event,
                             unsigned size)
{
    unsigned base = FIELD_EX64(op->word, CS_TRACE_POINT, BASE);
    unsigned count = FIELD_EX64(op->word, CS_TRACE_POINT, COUNT);
    unsigned used = 0;

    memset(event, 0, size);
    for (unsigned i = 0; i <= CS_STATE_ERROR_STATUS && used + 8 <= size; i++) {
        if (exec->stream->config.trace.event_state & (1u << i)) {
            stq_le_p(event + used, mali_csf_state_value(exec, i));
            used += 8;
        }
    }
    for (unsigned i = 0; i < count && used + 4 <= size; i++, used += 4) {
        stl_le_p(event + used, exec->stream->regs[base + i]);
    }
}

static MaliCsfStep perform_trace_point(MaliCsfExec *exec,
                                       const MaliCsfDeferred *op)
{
    const MaliCsfTraceBuffer *trace = &exec->stream->config.trace;
    const unsigned as = exec->group->as;
    uint8_t event[MALI_CSF_MAX_TRACE_EVENT];
    unsigned size = 1u << trace->event_size;
    uint64_t offset, va;
    MaliCsfMemResult result;
    MaliCsfFault fault;

    if (!trace->size) {
        return MALI_CSF_STEP_NEXT;
    }
    va = trace->offset_va;
    result = mali_csf_mem_load64(&exec->s->view, as, va, &offset, &fault);
    if (result == MALI_CSF_MEM_DONE) {
        result = mali_csf_mem_probe(&exec->s->view, as, va, sizeof(offset),
                                    MALI_CSF_MEM_WRITE, &fault);
    }
    if (result == MALI_CSF_MEM_DONE) {
        va = trace->base + (offset & (trace->size - 1) & ~(size - 1));
        trace_event_fill(exec, op, event, size);
        result = mali_csf_mem_write(&exec->s->view, as, va, event, size,
                                    &fault);
    }
    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, va, &fault);
    }
    /* Who sees the offset sees the event before it. */
    smp_wmb();
    mali_csf_mem_store64(&exec->s->view, as, trace->offset_va, offset + size,
                         &fault);
    return MALI_CSF_STEP_NEXT;
}

bool mali_csf_group_wait_over(const MaliCsfGroup *group,
                              const MaliCsfStream *stream)
{
    switch (stream->state) {
    case MALI_CSF_STREAM_SHARED_WAIT:
        return group->shared_sb[stream->wait.shared_entry];
    case MALI_CSF_STREAM_PROGRESS_WAIT:
        return group->streams[stream->wait.progress.cs].progress >=
               stream->wait.progress.reference;
    default:
        return false;
    }
}

const MaliCsfSemantics mali_csf_insns_state[] = {
    { CS_OP_SET_SB_ENTRY, SIMPLE(do_set_sb_entry) },
    { CS_OP_PROGRESS_WAIT, SIMPLE(do_progress_wait) },
    { CS_OP_NEXT_SB_ENTRY, SIMPLE(do_next_sb_entry) },
    { CS_OP_SET_STATE, SIMPLE(do_set_state) },
    { CS_OP_SET_STATE_IMM32, SIMPLE(do_set_state_imm32) },
    { CS_OP_SHARED_SB_INC, SIMPLE(do_shared_sb_inc),
      .perform = perform_shared_sb_inc },
    { CS_OP_SHARED_SB_DEC, SIMPLE(do_shared_sb_dec) },
    { CS_OP_PROGRESS_STORE, SIMPLE(do_progress_store) },
    { CS_OP_PROGRESS_LOAD, SIMPLE(do_progress_load) },
    { CS_OP_TRACE_POINT, MEMORY(do_trace_point),
      .perform = perform_trace_point },
    { }
};
