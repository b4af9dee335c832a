/*
 * Mali CSF GPU: what each command-stream instruction does
 *
 * Semantics as in src/panfrost/genxml/v10.xml, cs_builder.h and
 * decode_csf.c of Mesa 25.0.7.  Each instruction makes sure of every page
 * that it needs before its first effect: one that is stalled or faults has
 * done nothing and is executed anew.
 *
 * Which instructions there are is in cs/table.c.  A device takes from there,
 * by the architecture of its model, an array of 256 entries with all that
 * executing a word needs: the bits that mean something, the operands to
 * check, and the function to call.  No function asks for the architecture.
 *
 * The rest of the instructions is in the files of their subject, each of which
 * ends with a table of what it executes.
 *
 * Not modelled: instructions of cs/table.c that are in no such table
 * end the stream with CS_INVALID_INSTRUCTION; work given to an endpoint has
 * no effect.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/gpu/mali-csf/cs-table.h"
#include "instructions.h"
#include "resource.h"
#include "work.h"
#include "../log.h"
#include "../trace.h"

/* A fault's registers say where the instruction is, and not which one. */
static void trace_faulted(const MaliCsfExec *exec)
{
    char text[CS_DISAS_MAX];

    if (trace_event_get_state_backends(TRACE_MALI_CSF_CS_FAULT_AT)) {
        cs_disassemble(text, exec->word, exec->s->model->arch);
        trace_mali_csf_cs_fault_at(exec->s->trace_id, exec->csg, exec->cs,
                                   exec->va, exec->word, text);
    }
}

MaliCsfStep mali_csf_exec_fatal(MaliCsfExec *exec, uint8_t type)
{
    trace_faulted(exec);
    mali_csf_stream_fatal(exec->stream, type, exec->word >> CS_OPCODE_SHIFT,
                          exec->va);
    return MALI_CSF_STEP_BLOCKED;
}

MaliCsfStep mali_csf_exec_invalid(MaliCsfExec *exec)
{
    return mali_csf_exec_fatal(exec, CS_EXCEPTION_INVALID_INSTRUCTION);
}

MaliCsfStep mali_csf_exec_fault(MaliCsfExec *exec, uint8_t type,
                                uint32_t data, uint64_t info)
{
    trace_faulted(exec);
    mali_csf_stream_fault(exec->stream, type, data, info);
    return MALI_CSF_STEP_BLOCKED;
}

/* The stream, or the deferred instruction, waits for an access to @va */
static void blocked(MaliCsfExec *exec, MaliCsfStreamState state, uint64_t va)
{
    if (exec->deferred) {
        exec->deferred->blocked = mali_csf_state_info(state)->blocked_by;
        exec->deferred->blocked_va = va;
        trace_mali_csf_cs_deferred_blocked(exec->s->trace_id, exec->csg,
                                           exec->cs,
                                           mali_csf_state_info(state)->name,
                                           va);
    } else {
        mali_csf_stream_set_state(exec->stream, state,
                                  &(MaliCsfWait) { .va = va });
    }
}

MaliCsfStep mali_csf_access_blocked(MaliCsfExec *exec, MaliCsfMemResult result,
                                    uint64_t va, const MaliCsfFault *mmu_fault)
{
    MaliCsfState *s = exec->s;
    unsigned as = exec->group->as;

    if (result == MALI_CSF_MEM_STALLED) {
        blocked(exec, MALI_CSF_STREAM_STALLED, va);
        mali_csf_mmu_stalled(s, as, va);
        return MALI_CSF_STEP_BLOCKED;
    }

    mali_csf_mmu_report_fault(s, as, mmu_fault);
    trace_faulted(exec);
    if (mali_csf_mmu_unmapped(s, as)) {
        /* No UPDATE will come to release it. */
        mali_csf_stream_fatal(exec->stream, CS_EXCEPTION_BUS_FAULT,
                              mmu_fault->exception, mmu_fault->va);
        return MALI_CSF_STEP_BLOCKED;
    }
    blocked(exec, MALI_CSF_STREAM_MMU_FAULTED, mmu_fault->va);
    return MALI_CSF_STEP_BLOCKED;
}

bool mali_csf_exec_wait(MaliCsfExec *exec, uint32_t mask)
{
    MaliCsfStream *stream = exec->stream;

    if (!(mali_csf_stream_scoreboards(stream) & mask)) {
        if (mali_csf_loads_pending(stream)) {
            mali_csf_loads_waited(stream, mask);
        }
        return true;
    }
    mali_csf_stream_set_state(stream, MALI_CSF_STREAM_SCOREBOARD_WAIT,
                              &(MaliCsfWait) { .entries = mask });
    return false;
}

static MaliCsfStep do_nop(MaliCsfExec *exec)
{
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_move48(MaliCsfExec *exec)
{
    unsigned dst = insn_field(exec, MOVE48, DST);

    insn_set_pair(exec, dst, insn_field(exec, MOVE48, VALUE));
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_move32(MaliCsfExec *exec)
{
    unsigned dst = insn_field(exec, MOVE32, DST);

    exec->stream->regs[dst] = insn_field(exec, MOVE32, VALUE);
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_wait(MaliCsfExec *exec)
{
    uint32_t mask = insn_field(exec, WAIT, STATE_MASK) ?
                    exec->stream->sb_mask_wait :
                    insn_field(exec, WAIT, MASK);

    if (!mali_csf_exec_wait(exec, mask)) {
        return MALI_CSF_STEP_BLOCKED;
    }
    insn_progress(exec);
    return MALI_CSF_STEP_NEXT;
}

/* Endpoints, and room for the work; nothing is changed without them */
static bool may_run(MaliCsfExec *exec, uint8_t opcode)
{
    /* A ready stream that finds no room tries again in its next turn. */
    return mali_csf_work_room(exec->s) &&
           mali_csf_resource_take(exec, mali_csf_resource_of_opcode(opcode));
}

static MaliCsfStep do_run(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    unsigned scoreboard = stream->sb_endpoint;

    if (!may_run(exec, exec->word >> CS_OPCODE_SHIFT)) {
        return MALI_CSF_STEP_BLOCKED;
    }
    stream->scoreboard[scoreboard]++;
    mali_csf_work_issue(exec->s, exec->csg, exec->cs, exec->word, scoreboard);
    insn_progress(exec);
    return MALI_CSF_STEP_NEXT;
}

/*
 * The tiler takes one thing after the other: what waits for memory of a heap
 * keeps the next from beginning.
 */
static bool tiler_free(MaliCsfExec *exec)
{
    const MaliCsfTiler *tiler = &exec->stream->tiler;

    return !tiler->chunks || mali_csf_exec_wait(exec, 1u << tiler->scoreboard);
}

static MaliCsfStep do_run_tiler(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    unsigned scoreboard = stream->sb_endpoint;

    if (!tiler_free(exec) ||
        !may_run(exec, exec->word >> CS_OPCODE_SHIFT)) {
        return MALI_CSF_STEP_BLOCKED;
    }
    stream->scoreboard[scoreboard]++;
    if (!mali_csf_heap_hold(exec->s, exec->csg, exec->cs, exec->word,
                            scoreboard)) {
        mali_csf_work_issue(exec->s, exec->csg, exec->cs, exec->word,
                            scoreboard);
    }
    insn_progress(exec);
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_finish_tiling(MaliCsfExec *exec)
{
    return tiler_free(exec) ? do_run(exec) : MALI_CSF_STEP_BLOCKED;
}

static MaliCsfStep do_branch(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    MaliCsfFrame *frame = &stream->frames[stream->depth];
    unsigned reg = insn_field(exec, BRANCH, SRC);
    uint64_t target;
    uint64_t start;

    if (!mali_csf_branch_known(exec->word)) {
        return mali_csf_exec_invalid(exec);
    }
    if (!mali_csf_branch_taken(exec->word, stream->regs[reg])) {
        return MALI_CSF_STEP_NEXT;
    }

    target = frame->ip + 8 + insn_signed(exec, BRANCH, OFFSET) * 8;
    start = mali_csf_frame_start(stream);
    /* Relative to the start, so that no sum wraps */
    if (target - start > frame->end - start) {
        return mali_csf_exec_fatal(exec, CS_EXCEPTION_INVALID_INSTRUCTION);
    }
    frame->ip = target;
    return MALI_CSF_STEP_JUMPED;
}

/* Address and length of CALL and JUMP; false if they are no buffer */
static bool branch_buffer(MaliCsfExec *exec, uint64_t *address,
                          uint32_t *length)
{
    *address = insn_pair(exec, CALL, ADDRESS);
    *length = insn_reg(exec, CALL, LENGTH);

    return !(*address & 7) && !(*length & 7) &&
           *address + *length >= *address;
}

static MaliCsfStep do_call(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    uint64_t address;
    uint32_t length;

    if (!branch_buffer(exec, &address, &length)) {
        return mali_csf_exec_fatal(exec, CS_EXCEPTION_CONFIG_FAULT);
    }
    if (stream->depth + 1 >= mali_csf_stream_frames(stream)) {
        return mali_csf_exec_fatal(exec, CS_EXCEPTION_CALL_STACK_OVERFLOW);
    }
    stream->frames[stream->depth].ip += 8;
    stream->depth++;
    stream->frames[stream->depth] = mali_csf_frame(address, length);
    return MALI_CSF_STEP_JUMPED;
}

static MaliCsfStep do_jump(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    uint64_t address;
    uint32_t length;

    if (stream->depth == 0) {
        /* There is nothing to come back from (Mesa, cs_builder.h). */
        return mali_csf_exec_fatal(exec, CS_EXCEPTION_INVALID_INSTRUCTION);
    }
    if (!branch_buffer(exec, &address, &length)) {
        return mali_csf_exec_fatal(exec, CS_EXCEPTION_CONFIG_FAULT);
    }
    stream->frames[stream->depth] = mali_csf_frame(address, length);
    return MALI_CSF_STEP_JUMPED;
}

static MaliCsfStep do_error_barrier(MaliCsfExec *exec)
{
    exec->stream->error = 0;
    return MALI_CSF_STEP_NEXT;
}

/* The architecture has no such opcode, or the model has no function for it */
static MaliCsfStep do_unknown(MaliCsfExec *exec)
{
    unsigned opcode = exec->word >> CS_OPCODE_SHIFT;
    const CsInstruction *row = cs_instruction_find(opcode,
                                                   exec->s->model->arch);

    if (row) {
        mali_csf_log_mask(LOG_UNIMP, "mali-csf: %s at 0x%" PRIx64 " is not "
                          "modelled\n", row->name, exec->va);
    } else {
        mali_csf_log_mask(LOG_GUEST_ERROR, "mali-csf: opcode %u at 0x%" PRIx64
                          ": architecture %u has none of that number\n", opcode,
                          exec->va, exec->s->model->arch);
    }
    return mali_csf_exec_invalid(exec);
}

/* Those that run an endpoint */
#define ENDPOINT(fn)    .execute = (fn), .weight = 4, .skipped_on_error = true

static const MaliCsfSemantics flow[] = {
    { CS_OP_NOP, SIMPLE(do_nop) },
    { CS_OP_MOVE48, SIMPLE(do_move48) },
    { CS_OP_MOVE32, SIMPLE(do_move32) },
    { CS_OP_WAIT, SIMPLE(do_wait) },
    { CS_OP_RUN_COMPUTE, ENDPOINT(do_run) },
    { CS_OP_RUN_TILING, ENDPOINT(do_run_tiler) },
    { CS_OP_RUN_IDVS, ENDPOINT(do_run_tiler) },
    { CS_OP_RUN_FRAGMENT, ENDPOINT(do_run) },
    { CS_OP_RUN_FULLSCREEN, ENDPOINT(do_run_tiler) },
    { CS_OP_FINISH_TILING, ENDPOINT(do_finish_tiling) },
    { CS_OP_RUN_IDVS2, ENDPOINT(do_run_tiler) },
    { CS_OP_RUN_FRAGMENT2, ENDPOINT(do_run) },
    { CS_OP_BRANCH, SIMPLE(do_branch) },
    { CS_OP_CALL, SIMPLE(do_call) },
    { CS_OP_JUMP, SIMPLE(do_jump) },
    { CS_OP_RUN_COMPUTE_INDIRECT, ENDPOINT(do_run) },
    { CS_OP_ERROR_BARRIER, SIMPLE(do_error_barrier) },
    { CS_OP_ENOP, SIMPLE(do_nop) },
    { }
};

static const MaliCsfSemantics *const semantics[] = {
    flow, mali_csf_insns_arith, mali_csf_insns_memory, mali_csf_insns_state,
    mali_csf_insns_resource, mali_csf_insns_protm, mali_csf_insns_heap,
};

/* The dispatch entry of an instruction's row */
static MaliCsfDispatch dispatch_entry(const CsInstruction *row,
                                      const MaliCsfModel *model)
{
    MaliCsfDispatch entry = { .work_registers = model->work_registers };
    const uint64_t too_many = 0x80 - model->work_registers;
    const CsField *field;

    entry.fields = cs_opcode(0xff) | cs_instruction_mask(row, model->arch);
    for (field = row->fields; field && field->kind; field++) {
        if (!cs_field_exists(field, model->arch)) {
            continue;
        }
        switch (field->kind) {
        case CS_FIELD_PAIR:
            entry.forbidden |= 1ull << field->shift;
            /* fall through */
        case CS_FIELD_REGISTER:
            entry.registers |= 0x7full << field->shift;
            entry.beyond |= too_many << field->shift;
            entry.forbidden |= 0x80ull << field->shift;
            entry.overflow |= 0x80ull << field->shift;
            break;
        case CS_FIELD_SIGNAL:
            entry.signals = true;
            /* fall through */
        case CS_FIELD_ENTRY:
            entry.forbidden |= (cs_field_mask(field) >> field->shift &
                                ~(uint64_t)(model->scoreboards - 1)) <<
                               field->shift;
            break;
        case CS_FIELD_BASE:
            entry.base_shift = field->shift;
            break;
        case CS_FIELD_LIST:
            entry.list_shift = field->shift;
            break;
        case CS_FIELD_COUNT:
            entry.count_shift = field->shift;
            break;
        default:
            break;
        }
    }
    return entry;
}

MaliCsfDispatch *mali_csf_dispatch_new(const MaliCsfModel *model)
{
    MaliCsfDispatch *dispatch = g_new0(MaliCsfDispatch, 256);
    const MaliCsfSemantics *what;
    unsigned opcode, i;

    /* What the check of operands takes for granted */
    assert(model->work_registers <= MALI_CSF_MAX_WORK_REGISTERS &&
           !(model->work_registers & 1));
    assert(model->scoreboards <= MALI_CSF_MAX_SCOREBOARDS &&
           is_power_of_2(model->scoreboards));

    for (opcode = 0; opcode < 256; opcode++) {
        dispatch[opcode] = (MaliCsfDispatch) {
            .execute = do_unknown,
            .fields = UINT64_MAX,
            .weight = 1,
        };
    }
    for (i = 0; i < ARRAY_SIZE(semantics); i++) {
        for (what = semantics[i]; what->execute; what++) {
            MaliCsfDispatch *entry = &dispatch[what->opcode];
            const CsInstruction *row = cs_instruction_find(what->opcode,
                                                           model->arch);

            if (!row) {
                continue;
            }
            /* One file says what it does */
            assert(entry->execute == do_unknown);
            *entry = dispatch_entry(row, model);
            entry->execute = what->execute;
            entry->perform = what->perform;
            entry->misaligned = what->align ? what->align - 1 : 0;
            entry->weight = what->weight;
            entry->skipped_on_error = what->skipped_on_error;
        }
    }
    return dispatch;
}

bool mali_csf_dispatch_list_valid(const MaliCsfDispatch *entry, uint64_t word)
{
    unsigned base = extract64(word, entry->base_shift, 8);
    uint32_t list;

    if (entry->count_shift) {
        return base + extract64(word, entry->count_shift, 8) <=
               entry->work_registers;
    }
    list = extract64(word, entry->list_shift, 16);
    return !list || base + 31 - clz32(list) < entry->work_registers;
}
