/*
 * Mali CSF GPU: tiler heaps, their out-of-memory event, exception handlers
 *
 * Counters and events as panthor_heap.c and group_process_tiler_oom() of
 * panthor_sched.c (v7.3) expect them; the handler as Mesa 25.0.7 uses it
 * (panvk_vX_exception_handler.c).  What is inside of a heap context is known
 * to nobody but the firmware: the layout is ours.
 *
 * Not modelled: the tiler.  Its work needs as many chunks as
 * x-endpoint-heap-chunks says, and the chunks that a heap has from its
 * creation are not among them: they are named in a descriptor that only a
 * tiler reads.  Exceptions other than out of memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "instructions.h"
#include "resource.h"
#include "work.h"
#include "../saved.h"
#include "../trace.h"

/* Heap context, ours; zeroed by the host when the heap is made */
enum {
    HEAP_VT_START = 0x00,
    HEAP_VT_END = 0x04,
    HEAP_FRAG_END = 0x08,
    /* The first chunk that is free, as a chunk's header names it, or 0 */
    HEAP_FREE = 0x10,
    HEAP_CONTEXT_SIZE = 0x20,
};

/* Chunk: its header names the next, address | size >> 12 (panthor_heap.c) */
#define CHUNK_ADDRESS_MASK  (~0xfffull)
#define CHUNK_HEADER_SIZE   8

/* Tiler context: chunks of a render pass, newest and oldest (Mesa, v10.xml) */
enum {
    TILER_COMPLETED_TOP = 40,
    TILER_COMPLETED_BOTTOM = 48,
    TILER_COMPLETED_SIZE = 16,
};
/* Mesa aligns it to 64 bytes */
#define TILER_CONTEXT_MASK  (~0x3full)

/* What all streams together may move in one pass, but one of each */
#define CHUNKS_PER_PASS     256

/* Register pair of RUN_IDVS and its like that has the tiler context */
#define TILER_CONTEXT_REG   40

/* Put the list from @first to @last before the free chunks of the heap */
static MaliCsfMemResult heap_add(MaliCsfState *s, unsigned as,
                                 uint64_t heap_va, uint64_t first,
                                 uint64_t last, uint32_t frag_completed,
                                 MaliCsfFault *fault)
{
    uint64_t header = last & CHUNK_ADDRESS_MASK;
    MaliCsfMemResult result;
    uint64_t free;

    result = mali_csf_mem_probe(&s->view, as, heap_va, HEAP_CONTEXT_SIZE,
                                MALI_CSF_MEM_WRITE, fault);
    if (result == MALI_CSF_MEM_DONE && first) {
        result = mali_csf_mem_probe(&s->view, as, header, CHUNK_HEADER_SIZE,
                                    MALI_CSF_MEM_WRITE, fault);
    }
    if (result == MALI_CSF_MEM_DONE && first) {
        result = mali_csf_mem_load64(&s->view, as, heap_va + HEAP_FREE, &free,
                                     fault);
    }
    if (result != MALI_CSF_MEM_DONE) {
        return result;
    }
    if (first) {
        mali_csf_mem_store64(&s->view, as, header, free, fault);
        mali_csf_mem_store64(&s->view, as, heap_va + HEAP_FREE, first, fault);
    }
    if (frag_completed) {
        mali_csf_mem_add32(&s->view, as, heap_va + HEAP_FRAG_END,
                           frag_completed, fault);
    }
    return MALI_CSF_MEM_DONE;
}

/*
 * Move one free chunk to the tiler context.  DONE with *chunk = 0 if there
 * is none; the counters are read then.
 */
static MaliCsfMemResult heap_take(MaliCsfState *s, unsigned as,
                                  MaliCsfTiler *tiler, uint64_t *chunk,
                                  MaliCsfFault *fault)
{
    uint64_t completed = tiler->context_va + TILER_COMPLETED_TOP;
    uint8_t context[HEAP_CONTEXT_SIZE];
    uint64_t header, next, top, bottom;
    MaliCsfMemResult result;

    result = mali_csf_mem_read(&s->view, as, tiler->heap_va, context,
                               sizeof(context), fault);
    if (result != MALI_CSF_MEM_DONE) {
        return result;
    }
    *chunk = tiler->starved ? 0 : ldq_le_p(context + HEAP_FREE);
    if (!*chunk) {
        tiler->vt_start = ldl_le_p(context + HEAP_VT_START);
        tiler->vt_end = ldl_le_p(context + HEAP_VT_END);
        tiler->frag_end = ldl_le_p(context + HEAP_FRAG_END);
        return MALI_CSF_MEM_DONE;
    }

    header = *chunk & CHUNK_ADDRESS_MASK;
    result = mali_csf_mem_probe(&s->view, as, tiler->heap_va, HEAP_CONTEXT_SIZE,
                                MALI_CSF_MEM_WRITE, fault);
    if (result == MALI_CSF_MEM_DONE) {
        result = mali_csf_mem_probe(&s->view, as, header, CHUNK_HEADER_SIZE,
                                    MALI_CSF_MEM_WRITE, fault);
    }
    if (result == MALI_CSF_MEM_DONE) {
        result = mali_csf_mem_load64(&s->view, as, header, &next, fault);
    }
    if (result == MALI_CSF_MEM_DONE && tiler->context_va) {
        result = mali_csf_mem_probe(&s->view, as, completed,
                                    TILER_COMPLETED_SIZE, MALI_CSF_MEM_WRITE,
                                    fault);
    }
    if (result == MALI_CSF_MEM_DONE && tiler->context_va) {
        result = mali_csf_mem_load64(&s->view, as, completed, &top, fault);
    }
    if (result == MALI_CSF_MEM_DONE && tiler->context_va) {
        result = mali_csf_mem_load64(&s->view, as, tiler->context_va +
                                     TILER_COMPLETED_BOTTOM, &bottom, fault);
    }
    if (result != MALI_CSF_MEM_DONE) {
        return result;
    }

    mali_csf_mem_store64(&s->view, as, tiler->heap_va + HEAP_FREE, next, fault);
    if (tiler->context_va) {
        mali_csf_mem_store64(&s->view, as, header, top, fault);
        mali_csf_mem_store64(&s->view, as, completed, *chunk, fault);
        if (!bottom) {
            mali_csf_mem_store64(&s->view, as, tiler->context_va +
                                 TILER_COMPLETED_BOTTOM, *chunk, fault);
        }
    }
    return MALI_CSF_MEM_DONE;
}

/* Shall the tiler's work find the heap empty, whatever is in it? */
static bool heap_starved(MaliCsfState *s, unsigned csg, unsigned cs)
{
    return mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_TILER_OOM,
                                &(MaliCsfOccasion) {
                                    .slot = csg, .stream = cs,
                                });
}

static void heap_access_failed(MaliCsfState *s, unsigned csg, unsigned cs,
                               MaliCsfMemResult result,
                               const MaliCsfFault *fault)
{
    MaliCsfGroup *group = &s->engine.groups[csg];

    if (result == MALI_CSF_MEM_STALLED) {
        /* The pass after the unlock tries again. */
        return;
    }
    mali_csf_mmu_report_fault(s, group->as, fault);
    if (mali_csf_mmu_unmapped(s, group->as)) {
        mali_csf_stream_fatal(&group->streams[cs], CS_EXCEPTION_BUS_FAULT,
                              fault->exception, fault->va);
    } else {
        group->streams[cs].tiler.faulted = true;
        group->streams[cs].tiler.fault_va = fault->va;
    }
}

bool mali_csf_heap_hold(MaliCsfState *s, unsigned csg, unsigned cs,
                        uint64_t word, unsigned scoreboard)
{
    MaliCsfStream *stream = &s->engine.groups[csg].streams[cs];
    MaliCsfTiler *tiler = &stream->tiler;
    bool starved = stream->heap_va && heap_starved(s, csg, cs);

    if (!s->engine.endpoint_heap_chunks && !starved) {
        return false;
    }
    tiler->chunks = MIN(s->engine.endpoint_heap_chunks ?: 1,
                        MALI_CSF_HEAP_CHUNKS_MAX);
    tiler->starved = starved;
    tiler->opcode = word >> CS_OPCODE_SHIFT;
    tiler->scoreboard = scoreboard;
    tiler->heap_va = stream->heap_va;
    tiler->context_va = stream->regs[TILER_CONTEXT_REG] |
                        (uint64_t)stream->regs[TILER_CONTEXT_REG + 1] << 32;
    tiler->context_va &= TILER_CONTEXT_MASK;
    return true;
}

/* Can the stream's handler be of use to the heap? */
static bool handles(const MaliCsfStream *stream, uint64_t heap_va)
{
    return stream->handler_va && stream->handler_length &&
           stream->heap_va == heap_va &&
           mali_csf_stream_state(stream)->is_alive;
}

/* Of several, the first one in the group (a guess: Mesa has one) */
static MaliCsfStream *first_handler(const MaliCsfGroup *group,
                                    uint64_t heap_va)
{
    for (unsigned cs = 0; cs < group->num_streams; cs++) {
        if (handles(&group->streams[cs], heap_va)) {
            return &group->streams[cs];
        }
    }
    return NULL;
}

/* Does @stream wait for a handler to free memory? */
static bool needs_handler(const MaliCsfStream *stream)
{
    return stream->tiler.refused &&
           mali_csf_stream_state(stream)->is_alive;
}

/* A stream that waits is interrupted, and waits again afterwards. */
static void wake_for_handler(MaliCsfGroup *group, MaliCsfStream *stream)
{
    MaliCsfStream *handler;

    if (!needs_handler(stream)) {
        return;
    }
    /* A stream that has a handler of its own for the heap uses that. */
    handler = handles(stream, stream->tiler.heap_va) ? stream :
              first_handler(group, stream->tiler.heap_va);
    if (handler && !handler->handler_depth &&
        mali_csf_stream_state(handler)->is_interruptible) {
        mali_csf_stream_set_state(handler, MALI_CSF_STREAM_READY, NULL);
    }
}

void mali_csf_heap_pass_begins(MaliCsfState *s)
{
    MaliCsfEngine *engine = &s->engine;
    unsigned streams = 0;

    for (unsigned csg = 0; csg < engine->num_groups; csg++) {
        const MaliCsfGroup *group = &engine->groups[csg];

        for (unsigned cs = 0; group->active && cs < group->num_streams;
             cs++) {
            streams += group->streams[cs].tiler.chunks > 0;
        }
    }
    engine->chunks_each = MAX(CHUNKS_PER_PASS / MAX(streams, 1), 1);
    engine->chunks_moved = 0;
    engine->chunks_left = false;
}

unsigned mali_csf_heap_pass_ends(MaliCsfState *s, bool *more)
{
    *more = s->engine.chunks_left;
    return s->engine.chunks_moved;
}

void mali_csf_heap_poll(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfGroup *group = &s->engine.groups[csg];
    MaliCsfStream *stream = &group->streams[cs];
    MaliCsfTiler *tiler = &stream->tiler;
    MaliCsfMemResult result;
    MaliCsfFault fault;
    uint64_t chunk;

    if (tiler->faulted || !mali_csf_stream_state(stream)->is_alive) {
        return;
    }
    if (tiler->grant_first) {
        result = heap_add(s, group->as, tiler->heap_va, tiler->grant_first,
                          tiler->grant_last, 0, &fault);
        if (result != MALI_CSF_MEM_DONE) {
            heap_access_failed(s, csg, cs, result, &fault);
            return;
        }
        tiler->grant_first = 0;
    }
    for (unsigned n = 0; tiler->chunks; n++) {
        if (n == s->engine.chunks_each || !mali_csf_work_room(s)) {
            s->engine.chunks_left = true;
            return;
        }
        result = heap_take(s, group->as, tiler, &chunk, &fault);
        if (result != MALI_CSF_MEM_DONE) {
            heap_access_failed(s, csg, cs, result, &fault);
            return;
        }
        if (!chunk) {
            if (!tiler->asked && !tiler->refused) {
                tiler->wanted = true;
            }
            wake_for_handler(group, stream);
            return;
        }
        s->engine.chunks_moved++;
        trace_mali_csf_heap_chunk(s->trace_id, csg, cs, chunk);
        tiler->wanted = false;
        tiler->refused = false;
        if (--tiler->chunks == 0) {
            mali_csf_work_issue(s, csg, cs,
                                (uint64_t)tiler->opcode << CS_OPCODE_SHIFT,
                                tiler->scoreboard);
        }
    }
}

void mali_csf_heap_asked(MaliCsfStream *stream)
{
    MaliCsfTiler *tiler = &stream->tiler;

    tiler->wanted = false;
    tiler->asked = true;
    stream->id.s->engine.tiler_ooms++;
    trace_mali_csf_heap_oom(stream->id.s->trace_id, stream->id.csg,
                            stream->id.cs, tiler->heap_va, tiler->vt_start,
                            tiler->vt_end, tiler->frag_end);
}

void mali_csf_heap_answer(MaliCsfState *s, unsigned csg, unsigned cs,
                          uint64_t first, uint64_t last)
{
    MaliCsfTiler *tiler = &s->engine.groups[csg].streams[cs].tiler;

    trace_mali_csf_heap_answer(s->trace_id, csg, cs, first);
    tiler->asked = false;
    tiler->starved = tiler->chunks && heap_starved(s, csg, cs);
    if (first) {
        tiler->grant_first = first;
        tiler->grant_last = last;
    } else if (tiler->chunks) {
        tiler->refused = true;
    }
    mali_csf_heap_poll(s, csg, cs);
}

bool mali_csf_heap_handler_due(const MaliCsfGroup *group,
                               const MaliCsfStream *stream)
{
    const uint64_t heap_va = stream->heap_va;
    bool is_first;
    unsigned cs;

    if (stream->handler_depth || !handles(stream, heap_va)) {
        return false;
    }
    is_first = first_handler(group, heap_va) == stream;
    for (cs = 0; cs < group->num_streams; cs++) {
        const MaliCsfStream *other = &group->streams[cs];

        if (other->tiler.heap_va == heap_va && needs_handler(other) &&
            (other == stream || (is_first && !handles(other, heap_va)))) {
            return true;
        }
    }
    return false;
}

void mali_csf_heap_handler_enter(MaliCsfStream *stream)
{
    trace_mali_csf_heap_handler(stream->id.s->trace_id, stream->handler_va,
                                stream->handler_length);
    stream->depth++;
    stream->handler_depth = stream->depth;
    stream->frames[stream->depth] = mali_csf_frame(stream->handler_va,
                                                   stream->handler_length);
}

void mali_csf_heap_handler_done(MaliCsfGroup *group, MaliCsfStream *stream)
{
    stream->handler_depth = 0;
    for (unsigned cs = 0; cs < group->num_streams; cs++) {
        MaliCsfTiler *tiler = &group->streams[cs].tiler;

        if (tiler->heap_va == stream->heap_va) {
            /* If it freed nothing, the host is asked again. */
            tiler->refused = false;
        }
    }
}

void mali_csf_heap_as_updated(MaliCsfState *s, unsigned csg, unsigned cs)
{
    s->engine.groups[csg].streams[cs].tiler.faulted = false;
}

bool mali_csf_heap_as_unmapped(MaliCsfState *s, unsigned csg, unsigned cs)
{
    MaliCsfStream *stream = &s->engine.groups[csg].streams[cs];

    if (!stream->tiler.faulted) {
        return false;
    }
    mali_csf_stream_fatal(stream, CS_EXCEPTION_BUS_FAULT, 0,
                          stream->tiler.fault_va);
    return true;
}

/* Work that the tiler does, or none */
static bool is_tiler_work(MaliCsfState *s, uint64_t opcode)
{
    return !opcode ||
           mali_csf_resource_of_opcode(opcode) & 1u << MALI_CSF_EP_TILER;
}

/* After RESUME, what was asked of the host is asked again. */
#define TILER_ROWS(ROW) \
    ROW(VMSTATE_UINT32(chunks, MaliCsfTiler), \
        SAVED_BELOW(MALI_CSF_HEAP_CHUNKS_MAX + 1), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(opcode, MaliCsfTiler), SAVED_IF(is_tiler_work), \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT8(scoreboard, MaliCsfTiler), \
        SAVED_IF(mali_csf_saved_is_scoreboard), SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(heap_va, MaliCsfTiler), SAVED_MULTIPLE(8), \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(context_va, MaliCsfTiler), \
        SAVED_BITS(TILER_CONTEXT_MASK), SAVED_SUSPENDED) \
    ROW(VMSTATE_BOOL(wanted, MaliCsfTiler), SAVED_ANY) \
    ROW(VMSTATE_BOOL(asked, MaliCsfTiler), SAVED_ANY) \
    ROW(VMSTATE_BOOL(refused, MaliCsfTiler), SAVED_ANY) \
    ROW(VMSTATE_BOOL(starved, MaliCsfTiler), SAVED_ANY) \
    ROW(VMSTATE_UINT32(vt_start, MaliCsfTiler), SAVED_ANY) \
    ROW(VMSTATE_UINT32(vt_end, MaliCsfTiler), SAVED_ANY) \
    ROW(VMSTATE_UINT32(frag_end, MaliCsfTiler), SAVED_ANY) \
    ROW(VMSTATE_UINT64(grant_first, MaliCsfTiler), SAVED_ANY, \
        SAVED_SUSPENDED) \
    ROW(VMSTATE_UINT64(grant_last, MaliCsfTiler), SAVED_ANY, SAVED_SUSPENDED) \
    ROW(VMSTATE_BOOL(faulted, MaliCsfTiler), SAVED_ANY) \
    ROW(VMSTATE_UINT64(fault_va, MaliCsfTiler), SAVED_ANY)

const MaliCsfSaved mali_csf_tiler_saved = {
    .vmsd = {
        .name = "mali-csf-tiler",
        .version_id = 2,
        .minimum_version_id = 2,
        .fields = SAVED_FIELDS(TILER_ROWS),
    },
    SAVED_CHECKS(TILER_ROWS),
};

/* Instructions */

static MaliCsfStep do_heap_set(MaliCsfExec *exec)
{
    uint64_t va = insn_pair(exec, HEAP_SET, ADDRESS);

    if (va & 7) {
        return mali_csf_exec_fault(exec, CS_EXCEPTION_ADDR_RANGE_FAULT, 0,
                                   va);
    }
    exec->stream->heap_va = va;
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_heap_operation(MaliCsfExec *exec)
{
    MaliCsfDeferred op = { .address = exec->stream->heap_va };

    switch (insn_field(exec, HEAP_OPERATION, OP)) {
    case CS_HEAP_VT_STARTED:
        op.address += HEAP_VT_START;
        break;
    case CS_HEAP_VT_COMPLETED:
        op.address += HEAP_VT_END;
        break;
    case CS_HEAP_FRAGMENT_COMPLETED:
        op.address += HEAP_FRAG_END;
        break;
    default:
        return mali_csf_exec_invalid(exec);
    }
    return mali_csf_exec_deferrable(exec, &op);
}

static MaliCsfStep perform_heap_operation(MaliCsfExec *exec,
                                          const MaliCsfDeferred *op)
{
    MaliCsfMemResult result;
    MaliCsfFault fault;

    result = mali_csf_mem_add32(&exec->s->view, exec->group->as, op->address, 1,
                                &fault);
    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, op->address, &fault);
    }
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_finish_fragment(MaliCsfExec *exec)
{
    MaliCsfDeferred op = {
        .address = insn_pair(exec, FINISH_FRAGMENT, FIRST_CHUNK),
        .data = insn_pair(exec, FINISH_FRAGMENT, LAST_CHUNK),
    };

    return mali_csf_exec_deferrable(exec, &op);
}

/* The chunks go back to the heap; who waits for one is served by the pass */
static MaliCsfStep perform_finish_fragment(MaliCsfExec *exec,
                                           const MaliCsfDeferred *op)
{
    bool counts = FIELD_EX64(op->word, CS_FINISH_FRAGMENT, COUNT);
    uint64_t heap_va = exec->stream->heap_va;
    MaliCsfMemResult result;
    MaliCsfFault fault;

    if (!op->address && !counts) {
        return MALI_CSF_STEP_NEXT;
    }
    result = heap_add(exec->s, exec->group->as, heap_va, op->address,
                      op->data, counts, &fault);
    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, heap_va, &fault);
    }
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_set_exception_handler(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    uint64_t va = insn_pair(exec, SET_EXCEPTION_HANDLER, ADDRESS);
    uint32_t length = insn_reg(exec, SET_EXCEPTION_HANDLER, LENGTH);

    if (insn_field(exec, SET_EXCEPTION_HANDLER, TYPE) !=
        CS_EXCEPTION_TYPE_TILER_OOM || stream->handler_depth) {
        return mali_csf_exec_invalid(exec);
    }
    if ((va & 7) || (length & 7) || va + length < va) {
        return mali_csf_exec_fatal(exec, CS_EXCEPTION_CONFIG_FAULT);
    }
    stream->handler_va = va;
    stream->handler_length = length;
    return MALI_CSF_STEP_NEXT;
}

const MaliCsfSemantics mali_csf_insns_heap[] = {
    { CS_OP_FINISH_FRAGMENT, MEMORY(do_finish_fragment),
      .perform = perform_finish_fragment },
    { CS_OP_SET_EXCEPTION_HANDLER, SIMPLE(do_set_exception_handler) },
    { CS_OP_HEAP_SET, SIMPLE(do_heap_set) },
    { CS_OP_HEAP_OPERATION, MEMORY(do_heap_operation), .align = 4,
      .perform = perform_heap_operation },
    { }
};
