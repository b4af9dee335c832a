/*
 * Mali CSF GPU: deferred instructions
 *
 * An instruction with a wait mask and a signal slot is issued while the
 * scoreboard entries of the mask are in use.  It then goes to a queue with its
 * operands, its signal slot is in use, and the stream goes on; it is
 * performed when the entries are no longer in use (Mesa, cs_builder.h).
 *
 * LOAD_MULTIPLE and STORE_MULTIPLE take time if x-load-latency-ns says so.
 * They are in the same queue until then.
 *
 * Guesses: the queue has room for MALI_CSF_MAX_DEFERRED, and one more blocks
 * the stream.  An instruction waits for what was issued before it, never for
 * itself or what was deferred after it.  Of those that are ready the older one
 * is first; one that still waits holds up no other.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "instructions.h"
#include "../trace.h"

/* @in_use: entries in use by work, and by what was deferred before it */
static bool is_ready(const MaliCsfDeferred *op, uint32_t in_use)
{
    return op->blocked == MALI_CSF_MEM_DONE && !op->due &&
           !(in_use & op->wait_mask);
}

bool mali_csf_stream_deferred_ready(const MaliCsfStream *stream)
{
    uint32_t in_use;

    if (stream->state == MALI_CSF_STREAM_STOPPED) {
        /* Of a RESUME, and START has yet to come */
        return false;
    }
    in_use = mali_csf_stream_work(stream);
    for (unsigned i = 0; i < stream->num_deferred; i++) {
        if (is_ready(&stream->deferred[i], in_use)) {
            return true;
        }
        in_use |= 1u << stream->deferred[i].signal;
    }
    return false;
}

static const MaliCsfDispatch *dispatch_of(MaliCsfState *s, uint64_t word)
{
    return &s->engine.dispatch[word >> CS_OPCODE_SHIFT];
}

/* Put it at the end of the queue, or block the stream until there is room */
static MaliCsfStep enqueue(MaliCsfExec *exec, const MaliCsfDeferred *op)
{
    MaliCsfStream *stream = exec->stream;

    if (stream->num_deferred == MALI_CSF_MAX_DEFERRED) {
        mali_csf_stream_set_state(stream, MALI_CSF_STREAM_DEFERRED_WAIT,
                                  NULL);
        return MALI_CSF_STEP_BLOCKED;
    }
    stream->deferred[stream->num_deferred++] = *op;
    trace_mali_csf_cs_deferred(exec->s->trace_id, exec->csg, exec->cs, exec->va,
                               op->wait_mask, op->signal);
    return MALI_CSF_STEP_NEXT;
}

MaliCsfStep mali_csf_exec_later(MaliCsfExec *exec, MaliCsfDeferred *op,
                                uint64_t ns)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    MaliCsfStep step;

    op->word = exec->word;
    op->va = exec->va;
    op->signal = exec->stream->sb_other;
    op->due = now + MIN(ns, MALI_CSF_LATENCY_MAX_NS);
    step = enqueue(exec, op);
    if (step == MALI_CSF_STEP_NEXT) {
        exec->stream->work_progress = now;
        timer_mod_anticipate(exec->s->engine.work_timer, op->due);
    }
    return step;
}

int64_t mali_csf_stream_deferred_due(MaliCsfStream *stream, int64_t now)
{
    int64_t next = INT64_MAX;
    unsigned i;

    for (i = 0; i < stream->num_deferred; i++) {
        MaliCsfDeferred *op = &stream->deferred[i];

        if (op->due > now) {
            next = MIN(next, op->due);
        } else if (op->due) {
            op->due = 0;
            stream->work_progress = now;
        }
    }
    return next;
}

MaliCsfStep mali_csf_exec_deferrable(MaliCsfExec *exec, MaliCsfDeferred *op)
{
    const MaliCsfDispatch *instruction = dispatch_of(exec->s, exec->word);
    MaliCsfStream *stream = exec->stream;

    if (op->address & instruction->misaligned) {
        return mali_csf_exec_fault(exec, CS_EXCEPTION_ADDR_RANGE_FAULT, 0,
                                   op->address);
    }
    op->word = exec->word;
    op->va = exec->va;
    op->blocked = MALI_CSF_MEM_DONE;
    if (insn_defer_indirect(exec)) {
        op->wait_mask = stream->sb_mask_wait;
        op->signal = stream->sb_deferred;
    } else {
        op->wait_mask = insn_field(exec, SYNC_ADD32, WAIT);
        op->signal = instruction->signals ?
                     insn_field(exec, SYNC_ADD32, SIGNAL) :
                     stream->sb_deferred;
    }
    if (!(mali_csf_stream_scoreboards(stream) & op->wait_mask)) {
        return instruction->perform(exec, op);
    }
    return enqueue(exec, op);
}

unsigned mali_csf_exec_deferred(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    /* By work; by what was deferred before the one that is looked at */
    uint32_t in_use = mali_csf_stream_work(stream);
    uint32_t before = 0;
    unsigned weight = 0;
    unsigned i = 0;

    /* Who signals comes before who waits for it: one round is enough. */
    while (i < stream->num_deferred) {
        MaliCsfDeferred op = stream->deferred[i];
        const MaliCsfDispatch *instruction = dispatch_of(exec->s, op.word);
        MaliCsfStep step;

        if (!is_ready(&op, in_use | before)) {
            before |= 1u << op.signal;
            i++;
            continue;
        }
        exec->word = op.word;
        exec->va = op.va;
        exec->deferred = &stream->deferred[i];
        step = instruction->perform(exec, &op);
        exec->deferred = NULL;
        weight += instruction->weight;
        if (step == MALI_CSF_STEP_BLOCKED) {
            before |= 1u << op.signal;
            i++;
            continue;
        }
        trace_mali_csf_cs_performed(exec->s->trace_id, exec->csg, exec->cs,
                                    op.va, op.signal);
        stream->num_deferred--;
        memmove(&stream->deferred[i], &stream->deferred[i + 1],
                (stream->num_deferred - i) * sizeof(op));
        /* A flush that takes time holds its entry from now on. */
        in_use = mali_csf_stream_work(stream);
    }
    return weight;
}

bool mali_csf_stream_retry_deferred(MaliCsfStream *stream,
                                    MaliCsfMemResult blocked)
{
    bool found = false;
    unsigned i;

    for (i = 0; i < stream->num_deferred; i++) {
        if (stream->deferred[i].blocked == blocked) {
            stream->deferred[i].blocked = MALI_CSF_MEM_DONE;
            found = true;
        }
    }
    return found;
}

bool mali_csf_stream_deferred_valid(MaliCsfState *s,
                                    const MaliCsfStream *stream)
{
    unsigned i;

    for (i = 0; i < stream->num_deferred; i++) {
        const MaliCsfDeferred *op = &stream->deferred[i];
        const MaliCsfDispatch *instruction = dispatch_of(s, op->word);

        if (!instruction->perform || op->word & ~instruction->fields ||
            !mali_csf_operands_valid(instruction, op->word) ||
            op->address & instruction->misaligned) {
            return false;
        }
    }
    return true;
}
