/*
 * Mali CSF GPU: what each command-stream instruction does
 *
 * Semantics as in src/panfrost/genxml/v10.xml, cs_builder.h and
 * decode_csf.c of Mesa 25.0.7.  Each instruction makes sure of every page
 * that it needs before its first effect: one that is stalled or faults has
 * done nothing and is executed anew.
 *
 * Not modelled: instructions that the table does not name end the stream
 * with CS_INVALID_INSTRUCTION; work given to an endpoint has no effect;
 * REQ_RESOURCE is always granted.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "endpoint.h"
#include "instructions.h"
#include "trace.h"

/* Registers an instruction names; a pair is named by its even half */
static bool valid_register(MaliCsfExec *exec, unsigned reg)
{
    return reg < exec->s->model->work_registers;
}

static bool valid_pair(MaliCsfExec *exec, unsigned reg)
{
    return !(reg & 1) && reg + 1 < exec->s->model->work_registers;
}

static uint64_t get_pair(MaliCsfExec *exec, unsigned reg)
{
    return exec->stream->regs[reg] |
           (uint64_t)exec->stream->regs[reg + 1] << 32;
}

static void set_pair(MaliCsfExec *exec, unsigned reg, uint64_t value)
{
    exec->stream->regs[reg] = value;
    exec->stream->regs[reg + 1] = value >> 32;
}

static uint8_t field8(MaliCsfExec *exec, unsigned shift)
{
    return exec->word >> shift;
}

static int16_t offset16(MaliCsfExec *exec)
{
    return exec->word;
}

static MaliCsfStep fatal(MaliCsfExec *exec, uint8_t type)
{
    mali_csf_stream_fatal(exec->s, exec->csg, exec->cs, type,
                          exec->word >> CS_OPCODE_SHIFT, exec->va);
    return MALI_CSF_STEP_BLOCKED;
}

/* A register that does not exist, or half a pair */
static MaliCsfStep bad_operand(MaliCsfExec *exec)
{
    return fatal(exec, CS_EXCEPTION_INVALID_INSTRUCTION);
}

/*
 * A recoverable fault.  The stream stays at the instruction until the host
 * has acknowledged it: the driver finds the job that faulted by looking
 * where EXTRACT stands (cs_slot_process_fault_event_locked() in
 * panthor_sched.c, v7.3).
 */
static MaliCsfStep fault(MaliCsfExec *exec, uint8_t type, uint32_t data,
                         uint64_t info)
{
    MaliCsfStream *stream = exec->stream;

    stream->state = MALI_CSF_STREAM_FAULT;
    stream->fault = deposit32(type, 8, 24, data);
    stream->fault_info = info;
    stream->fault_unpublished = true;
    stream->error = type;
    trace_mali_csf_cs_fault(exec->csg, exec->cs, "fault", type, info);
    return MALI_CSF_STEP_BLOCKED;
}

MaliCsfStep mali_csf_access_blocked(MaliCsfExec *exec, MaliCsfMemResult result,
                                    uint64_t va, const MaliCsfFault *mmu_fault)
{
    MaliCsfState *s = exec->s;
    MaliCsfStream *stream = exec->stream;
    unsigned as = exec->group->as;

    if (result == MALI_CSF_MEM_STALLED) {
        stream->state = MALI_CSF_STREAM_STALLED;
        stream->wait_va = va;
        mali_csf_mmu_stalled(s, as, va);
        trace_mali_csf_cs_blocked(exec->csg, exec->cs, "stalled", va);
        return MALI_CSF_STEP_BLOCKED;
    }

    mali_csf_mmu_report_fault(s, as, mmu_fault);
    if (mali_csf_mmu_unmapped(s, as)) {
        /* No UPDATE will come to release it. */
        mali_csf_stream_fatal(s, exec->csg, exec->cs, CS_EXCEPTION_BUS_FAULT,
                              mmu_fault->exception, mmu_fault->va);
        return MALI_CSF_STEP_BLOCKED;
    }
    stream->state = MALI_CSF_STREAM_MMU_FAULTED;
    stream->wait_va = mmu_fault->va;
    trace_mali_csf_cs_blocked(exec->csg, exec->cs, "faulted", mmu_fault->va);
    return MALI_CSF_STEP_BLOCKED;
}

/* True if the entries in @mask are clear; else the stream waits for them */
static bool scoreboards_clear(MaliCsfExec *exec, uint32_t mask)
{
    MaliCsfStream *stream = exec->stream;

    if (!(mali_csf_stream_scoreboards(stream) & mask)) {
        return true;
    }
    stream->state = MALI_CSF_STREAM_SCOREBOARD_WAIT;
    stream->wait_mask = mask;
    trace_mali_csf_cs_blocked(exec->csg, exec->cs, "scoreboard", mask);
    return false;
}

static uint32_t wait_mask(MaliCsfExec *exec)
{
    return extract64(exec->word, 16, 16);
}

static MaliCsfStep do_nop(MaliCsfExec *exec)
{
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_move48(MaliCsfExec *exec)
{
    unsigned dst = field8(exec, 48);

    if (!valid_pair(exec, dst)) {
        return bad_operand(exec);
    }
    set_pair(exec, dst, extract64(exec->word, 0, 48));
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_move32(MaliCsfExec *exec)
{
    unsigned dst = field8(exec, 48);

    if (!valid_register(exec, dst)) {
        return bad_operand(exec);
    }
    exec->stream->regs[dst] = exec->word;
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_wait(MaliCsfExec *exec)
{
    return scoreboards_clear(exec, wait_mask(exec)) ? MALI_CSF_STEP_NEXT
                                                    : MALI_CSF_STEP_BLOCKED;
}

static MaliCsfStep do_run(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    MaliCsfWork work = {
        .opcode = exec->word >> CS_OPCODE_SHIFT,
        .csg = exec->csg,
        .cs = exec->cs,
        .scoreboard = stream->sb_endpoint,
    };

    stream->scoreboard[work.scoreboard]++;
    mali_csf_endpoint_start(exec->s, &work);
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_add_imm32(MaliCsfExec *exec)
{
    unsigned dst = field8(exec, 48);
    unsigned src = field8(exec, 40);

    if (!valid_register(exec, dst) || !valid_register(exec, src)) {
        return bad_operand(exec);
    }
    exec->stream->regs[dst] = exec->stream->regs[src] + (uint32_t)exec->word;
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_add_imm64(MaliCsfExec *exec)
{
    unsigned dst = field8(exec, 48);
    unsigned src = field8(exec, 40);

    if (!valid_pair(exec, dst) || !valid_pair(exec, src)) {
        return bad_operand(exec);
    }
    set_pair(exec, dst, get_pair(exec, src) + (int32_t)exec->word);
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_umin32(MaliCsfExec *exec)
{
    unsigned dst = field8(exec, 48);
    unsigned a = field8(exec, 40);
    unsigned b = field8(exec, 32);

    if (!valid_register(exec, dst) || !valid_register(exec, a) ||
        !valid_register(exec, b)) {
        return bad_operand(exec);
    }
    exec->stream->regs[dst] = MIN(exec->stream->regs[a],
                                  exec->stream->regs[b]);
    return MALI_CSF_STEP_NEXT;
}

/*
 * The words in memory are consecutive for the bits that are set: panvk
 * loads a 16-byte structure into r33, r34, r36 and r37 with the mask 0b11011
 * (Mesa 25.0.7, panvk_vX_cmd_draw.c).
 */
static MaliCsfStep load_store_multiple(MaliCsfExec *exec, bool store)
{
    unsigned base = field8(exec, 48);
    unsigned addr = field8(exec, 40);
    uint32_t mask = extract64(exec->word, 16, 16);
    MaliCsfMemAccess access = store ? MALI_CSF_MEM_WRITE : MALI_CSF_MEM_READ;
    uint32_t *regs = exec->stream->regs;
    MaliCsfMemResult result;
    MaliCsfFault mmu_fault;
    uint32_t words[16];
    unsigned count = 0;
    unsigned i;
    uint64_t va;

    if (!valid_pair(exec, addr)) {
        return bad_operand(exec);
    }
    if (!mask) {
        return MALI_CSF_STEP_NEXT;
    }
    if (!valid_register(exec, base + 31 - clz32(mask))) {
        return bad_operand(exec);
    }

    va = get_pair(exec, addr) + offset16(exec);
    if (va & 3) {
        return fault(exec, CS_EXCEPTION_ADDR_RANGE_FAULT, 0, va);
    }

    count = ctpop32(mask);
    if (count == 1) {
        /* What most streams do: one access is its own proof. */
        unsigned reg = base + ctz32(mask);

        result = store ? mali_csf_mem_store32(exec->s, exec->group->as, va,
                                              regs[reg], &mmu_fault)
                       : mali_csf_mem_load32(exec->s, exec->group->as, va,
                                             &regs[reg], &mmu_fault);
        if (result != MALI_CSF_MEM_DONE) {
            return mali_csf_access_blocked(exec, result, va, &mmu_fault);
        }
        return MALI_CSF_STEP_NEXT;
    }

    result = mali_csf_mem_probe(exec->s, exec->group->as, va, count * 4,
                                access, &mmu_fault);
    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, va, &mmu_fault);
    }
    for (i = 0; i < count; i++, mask &= mask - 1) {
        unsigned reg = base + ctz32(mask);

        result = store ? mali_csf_mem_store32(exec->s, exec->group->as,
                                              va + i * 4, regs[reg],
                                              &mmu_fault)
                       : mali_csf_mem_load32(exec->s, exec->group->as,
                                             va + i * 4, &words[i],
                                             &mmu_fault);
        if (result != MALI_CSF_MEM_DONE) {
            /* The guest edits these very entries, with no lock held. */
            return mali_csf_access_blocked(exec, result, va + i * 4,
                                           &mmu_fault);
        }
    }
    if (!store) {
        mask = extract64(exec->word, 16, 16);
        for (i = 0; i < count; i++, mask &= mask - 1) {
            regs[base + ctz32(mask)] = words[i];
        }
    }
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_load_multiple(MaliCsfExec *exec)
{
    return load_store_multiple(exec, false);
}

static MaliCsfStep do_store_multiple(MaliCsfExec *exec)
{
    return load_store_multiple(exec, true);
}

static bool branch_taken(unsigned condition, int32_t value)
{
    switch (condition) {
    case CS_COND_LE:
        return value <= 0;
    case CS_COND_GT:
        return value > 0;
    case CS_COND_EQ:
        return value == 0;
    case CS_COND_NE:
        return value != 0;
    case CS_COND_LT:
        return value < 0;
    case CS_COND_GE:
        return value >= 0;
    default:
        return true;
    }
}

static MaliCsfStep do_branch(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    MaliCsfFrame *frame = &stream->frames[stream->depth];
    unsigned reg = field8(exec, 40);
    unsigned condition = extract64(exec->word, 28, 3);
    uint64_t target;
    uint64_t start;

    if (!valid_register(exec, reg) || condition > CS_COND_ALWAYS) {
        return bad_operand(exec);
    }
    if (!branch_taken(condition, stream->regs[reg])) {
        return MALI_CSF_STEP_NEXT;
    }

    target = frame->ip + 8 + (int64_t)offset16(exec) * 8;
    start = frame->start;
    if (stream->depth == 0) {
        /* What INSERT has moved past by a whole ring is overwritten. */
        start = frame->end > stream->ring_size ?
                frame->end - stream->ring_size : 0;
    }
    /* Relative to the start, so that no sum wraps */
    if (target - start > frame->end - start) {
        return fatal(exec, CS_EXCEPTION_INVALID_INSTRUCTION);
    }
    frame->ip = target;
    return MALI_CSF_STEP_JUMPED;
}

static MaliCsfStep do_set_sb_entry(MaliCsfExec *exec)
{
    unsigned endpoint = extract64(exec->word, 0, 4);
    unsigned other = extract64(exec->word, 4, 4);

    if (endpoint >= exec->s->model->scoreboards ||
        other >= exec->s->model->scoreboards) {
        return bad_operand(exec);
    }
    exec->stream->sb_endpoint = endpoint;
    exec->stream->sb_other = other;
    return MALI_CSF_STEP_NEXT;
}

/* Address and length of CALL and JUMP; false if they are no buffer */
static bool branch_buffer(MaliCsfExec *exec, uint64_t *address,
                          uint32_t *length)
{
    *address = get_pair(exec, field8(exec, 40));
    *length = exec->stream->regs[field8(exec, 32)];

    return !(*address & 7) && !(*length & 7) &&
           *address + *length >= *address;
}

static MaliCsfStep do_call(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    uint64_t address;
    uint32_t length;

    if (!valid_pair(exec, field8(exec, 40)) ||
        !valid_register(exec, field8(exec, 32))) {
        return bad_operand(exec);
    }
    if (!branch_buffer(exec, &address, &length)) {
        return fatal(exec, CS_EXCEPTION_CONFIG_FAULT);
    }
    if (stream->depth + 1 >= CS_CALL_STACK_DEPTH) {
        return fatal(exec, CS_EXCEPTION_CALL_STACK_OVERFLOW);
    }
    stream->frames[stream->depth].ip += 8;
    stream->depth++;
    stream->frames[stream->depth] = (MaliCsfFrame) {
        .start = address,
        .end = address + length,
        .ip = address,
    };
    return MALI_CSF_STEP_JUMPED;
}

static MaliCsfStep do_jump(MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    uint64_t address;
    uint32_t length;

    if (!valid_pair(exec, field8(exec, 40)) ||
        !valid_register(exec, field8(exec, 32))) {
        return bad_operand(exec);
    }
    if (stream->depth == 0) {
        /* There is nothing to come back from (Mesa, cs_builder.h). */
        return fatal(exec, CS_EXCEPTION_INVALID_INSTRUCTION);
    }
    if (!branch_buffer(exec, &address, &length)) {
        return fatal(exec, CS_EXCEPTION_CONFIG_FAULT);
    }
    stream->frames[stream->depth] = (MaliCsfFrame) {
        .start = address,
        .end = address + length,
        .ip = address,
    };
    return MALI_CSF_STEP_JUMPED;
}

static MaliCsfStep do_req_resource(MaliCsfExec *exec)
{
    exec->stream->resources = extract64(exec->word, 0, 4);
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_flush_cache2(MaliCsfExec *exec)
{
    unsigned reg = field8(exec, 40);
    uint32_t id;

    if (!valid_register(exec, reg)) {
        return bad_operand(exec);
    }
    if (!scoreboards_clear(exec, wait_mask(exec))) {
        return MALI_CSF_STEP_BLOCKED;
    }
    /* Not needed if a flush was done since the host read this identifier */
    id = exec->stream->regs[reg] & R_LATEST_FLUSH_ID_ID_MASK;
    if (id == 0 || id == exec->s->gpu.latest_flush_id) {
        mali_csf_gpu_flush_done(exec->s, extract64(exec->word, 0, 12));
    }
    return MALI_CSF_STEP_NEXT;
}

/* SYNC_ADD and SYNC_SET of both sizes */
static MaliCsfStep sync_write(MaliCsfExec *exec, bool wide, bool add)
{
    unsigned as = exec->group->as;
    unsigned addr = field8(exec, 40);
    unsigned data = field8(exec, 32);
    unsigned scope = extract64(exec->word, 1, 2);
    bool propagate = exec->word & 1;
    uint32_t error = propagate ? exec->stream->error : 0;
    MaliCsfMemResult result;
    MaliCsfFault mmu_fault;
    uint64_t va;

    if (!valid_pair(exec, addr) ||
        !(wide ? valid_pair(exec, data) : valid_register(exec, data))) {
        return bad_operand(exec);
    }
    if (!scoreboards_clear(exec, wait_mask(exec))) {
        return MALI_CSF_STEP_BLOCKED;
    }
    va = get_pair(exec, addr);
    if (va & (wide ? 15 : 7)) {
        return fault(exec, CS_EXCEPTION_ADDR_RANGE_FAULT, 0, va);
    }

    /* Both words of an aligned object are in one page. */
    result = mali_csf_mem_probe(exec->s, as, va, wide ? 16 : 8,
                                MALI_CSF_MEM_ATOMIC, &mmu_fault);
    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, va, &mmu_fault);
    }
    /* Who sees the value sees the error that belongs to it. */
    mali_csf_mem_store32(exec->s, as,
                         va + (wide ? CS_SYNC64_ERROR : CS_SYNC32_ERROR),
                         error, &mmu_fault);
    /* The error word before the value, see above */
    smp_wmb();
    if (wide && add) {
        mali_csf_mem_add64(exec->s, as, va, get_pair(exec, data), &mmu_fault);
    } else if (wide) {
        mali_csf_mem_store64(exec->s, as, va, get_pair(exec, data),
                             &mmu_fault);
    } else if (add) {
        mali_csf_mem_add32(exec->s, as, va, exec->stream->regs[data],
                           &mmu_fault);
    } else {
        mali_csf_mem_store32(exec->s, as, va, exec->stream->regs[data],
                             &mmu_fault);
    }

    exec->sync_written = true;
    if (scope == CS_SYNC_SCOPE_SYSTEM) {
        exec->group->sync_update = true;
    }
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_sync_add32(MaliCsfExec *exec)
{
    return sync_write(exec, false, true);
}

static MaliCsfStep do_sync_set32(MaliCsfExec *exec)
{
    return sync_write(exec, false, false);
}

static MaliCsfStep do_sync_add64(MaliCsfExec *exec)
{
    return sync_write(exec, true, true);
}

static MaliCsfStep do_sync_set64(MaliCsfExec *exec)
{
    return sync_write(exec, true, false);
}

static bool sync_condition(unsigned condition, uint64_t value,
                           uint64_t reference)
{
    switch (condition) {
    case CS_COND_LE:
        return value <= reference;
    case CS_COND_GT:
        return value > reference;
    default:
        return value >= reference;
    }
}

static MaliCsfMemResult sync_load(MaliCsfState *s, unsigned as, uint64_t va,
                                  bool wide, uint64_t *value,
                                  MaliCsfFault *mmu_fault)
{
    MaliCsfMemResult result;
    uint32_t value32 = 0;

    if (wide) {
        return mali_csf_mem_load64(s, as, va, value, mmu_fault);
    }
    result = mali_csf_mem_load32(s, as, va, &value32, mmu_fault);
    *value = value32;
    return result;
}

bool mali_csf_sync_wait_over(MaliCsfState *s, unsigned as,
                             const MaliCsfStream *stream)
{
    MaliCsfFault mmu_fault;
    uint64_t value;

    if (sync_load(s, as, stream->wait_va, stream->wait_64bit, &value,
                  &mmu_fault) != MALI_CSF_MEM_DONE) {
        /* The instruction itself shall stall or fault. */
        return true;
    }
    return sync_condition(stream->wait_condition, value, stream->wait_value);
}

static MaliCsfStep sync_wait(MaliCsfExec *exec, bool wide)
{
    MaliCsfStream *stream = exec->stream;
    unsigned as = exec->group->as;
    unsigned addr = field8(exec, 40);
    unsigned data = field8(exec, 32);
    unsigned condition = extract64(exec->word, 28, 4);
    bool reject = exec->word & 1;
    MaliCsfMemResult result;
    MaliCsfFault mmu_fault;
    uint64_t reference;
    uint64_t value;
    uint32_t error;
    uint64_t va;

    if (!valid_pair(exec, addr) ||
        !(wide ? valid_pair(exec, data) : valid_register(exec, data)) ||
        (condition != CS_COND_LE && condition != CS_COND_GT &&
         condition != CS_COND_GE)) {
        return bad_operand(exec);
    }
    va = get_pair(exec, addr);
    if (va & (wide ? 15 : 7)) {
        return fault(exec, CS_EXCEPTION_ADDR_RANGE_FAULT, 0, va);
    }
    reference = wide ? get_pair(exec, data) : stream->regs[data];

    result = sync_load(exec->s, as, va, wide, &value, &mmu_fault);
    if (result == MALI_CSF_MEM_DONE) {
        /* The error that belongs to the value, or a later one */
        smp_rmb();
        result = mali_csf_mem_load32(exec->s, as, va + (wide ?
                                     CS_SYNC64_ERROR : CS_SYNC32_ERROR),
                                     &error, &mmu_fault);
    }
    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, va, &mmu_fault);
    }

    if (!sync_condition(condition, value, reference)) {
        stream->state = MALI_CSF_STREAM_SYNC_WAIT;
        stream->wait_va = va;
        stream->wait_value = reference;
        stream->wait_condition = condition;
        stream->wait_64bit = wide;
        trace_mali_csf_cs_blocked(exec->csg, exec->cs, "sync", va);
        return MALI_CSF_STEP_BLOCKED;
    }
    if (error && !reject) {
        return fault(exec, CS_EXCEPTION_INHERIT_FAULT, error, va);
    }
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_sync_wait32(MaliCsfExec *exec)
{
    return sync_wait(exec, false);
}

static MaliCsfStep do_sync_wait64(MaliCsfExec *exec)
{
    return sync_wait(exec, true);
}

static MaliCsfStep do_store_state(MaliCsfExec *exec)
{
    unsigned addr = field8(exec, 40);
    MaliCsfMemResult result;
    MaliCsfFault mmu_fault;
    uint64_t value;
    uint64_t va;

    if (!valid_pair(exec, addr)) {
        return bad_operand(exec);
    }
    if (!scoreboards_clear(exec, wait_mask(exec))) {
        return MALI_CSF_STEP_BLOCKED;
    }
    va = get_pair(exec, addr) + offset16(exec);
    if (va & 7) {
        return fault(exec, CS_EXCEPTION_ADDR_RANGE_FAULT, 0, va);
    }
    switch (extract64(exec->word, 32, 2)) {
    case CS_STATE_TIMESTAMP:
        value = mali_csf_gpu_timestamp(exec->s);
        break;
    case CS_STATE_CYCLE_COUNT:
        value = mali_csf_gpu_cycle_count(exec->s);
        break;
    case CS_STATE_ERROR_STATUS:
        value = exec->stream->error;
        break;
    default:
        /* CS_STATE_DISJOINT_COUNT: nothing makes the counters disjoint */
        value = 0;
        break;
    }
    result = mali_csf_mem_store64(exec->s, exec->group->as, va, value,
                                  &mmu_fault);
    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, va, &mmu_fault);
    }
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_error_barrier(MaliCsfExec *exec)
{
    exec->stream->error = 0;
    return MALI_CSF_STEP_NEXT;
}

#define SIMPLE(fn)  .execute = (fn), .weight = 1
#define MEMORY(fn)  .execute = (fn), .weight = 4
#define ENDPOINT    .execute = do_run, .weight = 4, .skipped_on_error = true

const MaliCsfInstruction mali_csf_instructions[256] = {
    [CS_OP_NOP] = { "NOP", SIMPLE(do_nop) },
    [CS_OP_MOVE48] = { "MOVE48", SIMPLE(do_move48) },
    [CS_OP_MOVE32] = { "MOVE32", SIMPLE(do_move32) },
    [CS_OP_WAIT] = { "WAIT", SIMPLE(do_wait) },
    [CS_OP_RUN_COMPUTE] = { "RUN_COMPUTE", ENDPOINT },
    [CS_OP_RUN_TILING] = { "RUN_TILING", ENDPOINT },
    [CS_OP_RUN_IDVS] = { "RUN_IDVS", ENDPOINT },
    [CS_OP_RUN_FRAGMENT] = { "RUN_FRAGMENT", ENDPOINT },
    [CS_OP_RUN_FULLSCREEN] = { "RUN_FULLSCREEN", ENDPOINT },
    [CS_OP_FINISH_TILING] = { "FINISH_TILING", ENDPOINT },
    [CS_OP_ADD_IMM32] = { "ADD_IMM32", SIMPLE(do_add_imm32) },
    [CS_OP_ADD_IMM64] = { "ADD_IMM64", SIMPLE(do_add_imm64) },
    [CS_OP_UMIN32] = { "UMIN32", SIMPLE(do_umin32) },
    [CS_OP_LOAD_MULTIPLE] = { "LOAD_MULTIPLE", MEMORY(do_load_multiple),
                              .skipped_on_error = true },
    [CS_OP_STORE_MULTIPLE] = { "STORE_MULTIPLE", MEMORY(do_store_multiple),
                               .skipped_on_error = true },
    [CS_OP_BRANCH] = { "BRANCH", SIMPLE(do_branch) },
    [CS_OP_SET_SB_ENTRY] = { "SET_SB_ENTRY", SIMPLE(do_set_sb_entry) },
    [CS_OP_CALL] = { "CALL", SIMPLE(do_call) },
    [CS_OP_JUMP] = { "JUMP", SIMPLE(do_jump) },
    [CS_OP_REQ_RESOURCE] = { "REQ_RESOURCE", SIMPLE(do_req_resource) },
    [CS_OP_FLUSH_CACHE2] = { "FLUSH_CACHE2", SIMPLE(do_flush_cache2) },
    [CS_OP_SYNC_ADD32] = { "SYNC_ADD32", MEMORY(do_sync_add32) },
    [CS_OP_SYNC_SET32] = { "SYNC_SET32", MEMORY(do_sync_set32) },
    [CS_OP_SYNC_WAIT32] = { "SYNC_WAIT32", MEMORY(do_sync_wait32) },
    [CS_OP_STORE_STATE] = { "STORE_STATE", MEMORY(do_store_state) },
    [CS_OP_RUN_COMPUTE_INDIRECT] = { "RUN_COMPUTE_INDIRECT", ENDPOINT },
    [CS_OP_ERROR_BARRIER] = { "ERROR_BARRIER", SIMPLE(do_error_barrier) },
    [CS_OP_SYNC_ADD64] = { "SYNC_ADD64", MEMORY(do_sync_add64) },
    [CS_OP_SYNC_SET64] = { "SYNC_SET64", MEMORY(do_sync_set64) },
    [CS_OP_SYNC_WAIT64] = { "SYNC_WAIT64", MEMORY(do_sync_wait64) },
};
