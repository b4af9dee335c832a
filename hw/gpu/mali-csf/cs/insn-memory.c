/*
 * Mali CSF GPU: instructions that load, store, synchronize and flush
 *
 * As in src/panfrost/genxml/v10.xml, cs_builder.h and decode_csf.c of Mesa
 * 25.0.7.  Each makes sure of every page that it needs before its first
 * effect.
 * Those that can be deferred have their operands from a MaliCsfDeferred.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "instructions.h"
#include "../trace.h"

/*
 * The words in memory are consecutive for the bits that are set: panvk
 * loads a 16-byte structure into r33, r34, r36 and r37 with the mask 0b11011
 * (Mesa 25.0.7, panvk_vX_cmd_draw.c).
 */
static void gather(const MaliCsfExec *exec, uint32_t *words)
{
    const uint32_t *from = &insn_reg(exec, LOAD_MULTIPLE, BASE);
    uint32_t mask = insn_field(exec, LOAD_MULTIPLE, MASK);

    for (; mask; mask &= mask - 1) {
        *words++ = from[ctz32(mask)];
    }
}

static void scatter(MaliCsfExec *exec, const uint32_t *words)
{
    uint32_t *to = &insn_reg(exec, LOAD_MULTIPLE, BASE);
    uint32_t mask = insn_field(exec, LOAD_MULTIPLE, MASK);

    for (; mask; mask &= mask - 1) {
        to[ctz32(mask)] = *words++;
    }
}

/* All of the words that the instruction names, or none, are accessible. */
static MaliCsfMemResult prove_words(MaliCsfExec *exec, uint64_t va,
                                    MaliCsfMemAccess access, unsigned *count,
                                    MaliCsfFault *fault)
{
    *count = ctpop32(insn_field(exec, LOAD_MULTIPLE, MASK));
    if (!*count) {
        /* Not of ours, but a saved state may have it. */
        return MALI_CSF_MEM_DONE;
    }
    return mali_csf_mem_probe(&exec->s->view, exec->group->as, va, *count * 4,
                              access, fault);
}

static MaliCsfStep store_words(MaliCsfExec *exec, uint64_t va,
                               const uint32_t *words)
{
    MaliCsfFault fault;
    unsigned count;
    MaliCsfMemResult result = prove_words(exec, va, MALI_CSF_MEM_WRITE, &count,
                                          &fault);

    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, va, &fault);
    }
    for (unsigned i = 0; i < count; i++, va += 4) {
        result = mali_csf_mem_store32(&exec->s->view, exec->group->as, va,
                                      words[i], &fault);
        if (result != MALI_CSF_MEM_DONE) {
            /* The guest edits these very entries, with no lock held. */
            return mali_csf_access_blocked(exec, result, va, &fault);
        }
    }
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep load_words(MaliCsfExec *exec, uint64_t va)
{
    uint32_t words[MALI_CSF_MAX_LIST];
    MaliCsfFault fault;
    unsigned count;
    MaliCsfMemResult result = prove_words(exec, va, MALI_CSF_MEM_READ, &count,
                                          &fault);

    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, va, &fault);
    }
    for (unsigned i = 0; i < count; i++, va += 4) {
        result = mali_csf_mem_load32(&exec->s->view, exec->group->as, va,
                                     &words[i], &fault);
        if (result != MALI_CSF_MEM_DONE) {
            return mali_csf_access_blocked(exec, result, va, &fault);
        }
    }
    scatter(exec, words);
    return MALI_CSF_STEP_NEXT;
}

/*
 * The registers may not be used before a WAIT for the entry that is selected
 * for others: until it is done a load leaves them as they were.  A store has
 * read them when it is issued: Mesa (cs_builder.h, 26.x) waits before it uses
 * what a load names, also to write it, and does not wait before it overwrites
 * what a store names.
 */
static MaliCsfStep load_store_later(MaliCsfExec *exec, bool store, uint64_t va)
{
    MaliCsfDeferred op = { .address = va };

    if (store) {
        gather(exec, op.words);
    }
    return mali_csf_exec_later(exec, &op, exec->s->engine.load_latency_ns);
}

static MaliCsfStep load_store_multiple(MaliCsfExec *exec, bool store)
{
    unsigned base = insn_field(exec, LOAD_MULTIPLE, BASE);
    unsigned addr = insn_field(exec, LOAD_MULTIPLE, ADDRESS);
    uint32_t mask = insn_field(exec, LOAD_MULTIPLE, MASK);
    uint32_t *regs = exec->stream->regs;
    uint32_t words[MALI_CSF_MAX_LIST];
    MaliCsfMemResult result;
    MaliCsfFault mmu_fault;
    uint64_t va;

    if (!mask) {
        return MALI_CSF_STEP_NEXT;
    }
    va = insn_pair_at(exec, addr) + insn_signed(exec, LOAD_MULTIPLE, OFFSET);
    if (va & 3) {
        return mali_csf_exec_fault(exec, CS_EXCEPTION_ADDR_RANGE_FAULT, 0, va);
    }
    if (unlikely(exec->s->engine.load_latency_ns)) {
        return load_store_later(exec, store, va);
    }
    if (is_power_of_2(mask)) {
        /* What most streams do: one access is its own proof. */
        unsigned reg = base + ctz32(mask);

        result = store ? mali_csf_mem_store32(&exec->s->view, exec->group->as,
                                              va, regs[reg], &mmu_fault)
                       : mali_csf_mem_load32(&exec->s->view, exec->group->as,
                                             va, &regs[reg], &mmu_fault);
        if (result != MALI_CSF_MEM_DONE) {
            return mali_csf_access_blocked(exec, result, va, &mmu_fault);
        }
        return MALI_CSF_STEP_NEXT;
    }
    if (store) {
        gather(exec, words);
        return store_words(exec, va, words);
    }
    return load_words(exec, va);
}

static MaliCsfStep do_load_multiple(MaliCsfExec *exec)
{
    MaliCsfStep step = load_store_multiple(exec, false);

    if (unlikely(exec->s->checker.user.notes) && step == MALI_CSF_STEP_NEXT) {
        mali_csf_loads_begin(exec);
    }
    return step;
}

static MaliCsfStep do_store_multiple(MaliCsfExec *exec)
{
    return load_store_multiple(exec, true);
}

static MaliCsfStep perform_load_multiple(MaliCsfExec *exec,
                                         const MaliCsfDeferred *op)
{
    return load_words(exec, op->address);
}

static MaliCsfStep perform_store_multiple(MaliCsfExec *exec,
                                          const MaliCsfDeferred *op)
{
    return store_words(exec, op->address, op->words);
}

static MaliCsfStep do_flush_cache2(MaliCsfExec *exec)
{
    MaliCsfDeferred op = {
        .data = insn_reg(exec, FLUSH_CACHE2, FLUSH_ID),
    };

    return mali_csf_exec_deferrable(exec, &op);
}

static MaliCsfStep perform_flush_cache2(MaliCsfExec *exec,
                                        const MaliCsfDeferred *op)
{
    /* Not needed if a flush was done since the host read this identifier */
    uint32_t id = op->data & R_LATEST_FLUSH_ID_ID_MASK;

    if (id == 0 || id == exec->s->cache.latest_flush_id) {
        mali_csf_engine_flush(exec->s, exec->csg, exec->cs, op->signal,
                              op->word & (R_CS_FLUSH_CACHE2_L2_MASK |
                                          R_CS_FLUSH_CACHE2_LSC_MASK |
                                          R_CS_FLUSH_CACHE2_OTHER_MASK));
    }
    return MALI_CSF_STEP_NEXT;
}

/* SYNC_ADD and SYNC_SET */
static MaliCsfStep do_sync_write32(MaliCsfExec *exec)
{
    MaliCsfDeferred op = {
        .address = insn_pair(exec, SYNC_ADD32, ADDRESS),
        .data = insn_reg(exec, SYNC_ADD32, DATA),
    };

    return mali_csf_exec_deferrable(exec, &op);
}

static MaliCsfStep do_sync_write64(MaliCsfExec *exec)
{
    MaliCsfDeferred op = {
        .address = insn_pair(exec, SYNC_ADD32, ADDRESS),
        .data = insn_pair(exec, SYNC_ADD32, DATA),
    };

    return mali_csf_exec_deferrable(exec, &op);
}

static MaliCsfStep sync_write(MaliCsfExec *exec, const MaliCsfDeferred *op,
                              bool wide, bool add)
{
    unsigned as = exec->group->as;
    uint64_t va = op->address;
    bool propagate = FIELD_EX64(op->word, CS_SYNC_ADD32, PROPAGATE);
    uint32_t error = propagate && exec->stream->error ? CS_SYNC_HAS_ERROR :
                     CS_SYNC_NO_ERROR;
    MaliCsfMemResult result;
    MaliCsfFault mmu_fault;

    /* Both words of an aligned object are in one page. */
    result = mali_csf_mem_probe(&exec->s->view, as, va, wide ? 16 : 8,
                                MALI_CSF_MEM_ATOMIC, &mmu_fault);
    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, va, &mmu_fault);
    }
    /* Who sees the value sees the error that belongs to it. */
    mali_csf_mem_store32(&exec->s->view, as,
                         va + (wide ? CS_SYNC64_ERROR : CS_SYNC32_ERROR),
                         error, &mmu_fault);
    /* The error word before the value, see above */
    smp_wmb();
    if (wide && add) {
        mali_csf_mem_add64(&exec->s->view, as, va, op->data, &mmu_fault);
    } else if (wide) {
        mali_csf_mem_store64(&exec->s->view, as, va, op->data, &mmu_fault);
    } else if (add) {
        mali_csf_mem_add32(&exec->s->view, as, va, op->data, &mmu_fault);
    } else {
        mali_csf_mem_store32(&exec->s->view, as, va, op->data, &mmu_fault);
    }

    exec->sync_written = true;
    if (FIELD_EX64(op->word, CS_SYNC_ADD32, SCOPE) == CS_SYNC_SCOPE_SYSTEM) {
        exec->group->sync_update = true;
    }
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep perform_sync_add32(MaliCsfExec *exec,
                                      const MaliCsfDeferred *op)
{
    return sync_write(exec, op, false, true);
}

static MaliCsfStep perform_sync_set32(MaliCsfExec *exec,
                                      const MaliCsfDeferred *op)
{
    return sync_write(exec, op, false, false);
}

static MaliCsfStep perform_sync_add64(MaliCsfExec *exec,
                                      const MaliCsfDeferred *op)
{
    return sync_write(exec, op, true, true);
}

static MaliCsfStep perform_sync_set64(MaliCsfExec *exec,
                                      const MaliCsfDeferred *op)
{
    return sync_write(exec, op, true, false);
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
        return mali_csf_mem_load64(&s->view, as, va, value, mmu_fault);
    }
    result = mali_csf_mem_load32(&s->view, as, va, &value32, mmu_fault);
    *value = value32;
    return result;
}

bool mali_csf_sync_wait_over(MaliCsfState *s, unsigned as,
                             const MaliCsfStream *stream)
{
    MaliCsfFault mmu_fault;
    uint64_t value;

    if (sync_load(s, as, stream->wait.sync.va, stream->wait.sync.is_64bit,
                  &value, &mmu_fault) != MALI_CSF_MEM_DONE) {
        /* The instruction itself shall stall or fault. */
        return true;
    }
    return sync_condition(stream->wait.sync.condition, value,
                          stream->wait.sync.reference);
}

static MaliCsfStep sync_wait(MaliCsfExec *exec, bool wide)
{
    MaliCsfStream *stream = exec->stream;
    unsigned as = exec->group->as;
    unsigned addr = insn_field(exec, SYNC_WAIT32, ADDRESS);
    unsigned data = insn_field(exec, SYNC_WAIT32, DATA);
    unsigned condition = insn_field(exec, SYNC_WAIT32, CONDITION);
    bool reject = insn_field(exec, SYNC_WAIT32, REJECT);
    MaliCsfMemResult result;
    MaliCsfFault mmu_fault;
    uint64_t reference;
    uint64_t value;
    uint32_t error;
    uint64_t va;

    if (!mali_csf_sync_condition_known(condition)) {
        return mali_csf_exec_invalid(exec);
    }
    va = insn_pair_at(exec, addr);
    if (va & (wide ? 15 : 7)) {
        return mali_csf_exec_fault(exec, CS_EXCEPTION_ADDR_RANGE_FAULT, 0, va);
    }
    reference = wide ? insn_pair_at(exec, data) : stream->regs[data];

    result = sync_load(exec->s, as, va, wide, &value, &mmu_fault);
    if (result == MALI_CSF_MEM_DONE) {
        /* The error that belongs to the value, or a later one */
        smp_rmb();
        result = mali_csf_mem_load32(&exec->s->view, as, va + (wide ?
                                     CS_SYNC64_ERROR : CS_SYNC32_ERROR),
                                     &error, &mmu_fault);
    }
    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, va, &mmu_fault);
    }

    if (!sync_condition(condition, value, reference)) {
        mali_csf_stream_set_state(stream, MALI_CSF_STREAM_SYNC_WAIT,
                                  &(MaliCsfWait) {
                                      .sync = {
                                          .va = va,
                                          .reference = reference,
                                          .condition = condition,
                                          .is_64bit = wide,
                                      },
                                  });
        mali_csf_engine_sync_wait_begins(exec->s);
        return MALI_CSF_STEP_BLOCKED;
    }
    if (error && !reject) {
        /*
         * What a Mali-G610 on Linux 7.1.3 logged of two streams at once: data
         * 0, and an address where panvk has its objects (VulkanMod, issue 869)
         */
        return mali_csf_exec_fault(exec, CS_EXCEPTION_INHERIT_FAULT, 0, va);
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
    MaliCsfDeferred op = {
        .address = insn_pair(exec, STORE_STATE, ADDRESS) +
                   insn_signed(exec, STORE_STATE, OFFSET),
    };

    if (insn_field(exec, STORE_STATE, STATE) > CS_STATE_ERROR_STATUS) {
        return mali_csf_exec_invalid(exec);
    }
    return mali_csf_exec_deferrable(exec, &op);
}

uint64_t mali_csf_state_value(const MaliCsfExec *exec, unsigned state)
{
    switch (state) {
    case CS_STATE_TIMESTAMP:
        return mali_csf_clock_timestamp(&exec->s->clock);
    case CS_STATE_CYCLE_COUNT:
        return mali_csf_clock_cycles(&exec->s->clock);
    case CS_STATE_ERROR_STATUS:
        return exec->stream->error;
    default:
        /* CS_STATE_DISJOINT_COUNT: nothing makes the counters disjoint */
        return 0;
    }
}

static MaliCsfStep perform_store_state(MaliCsfExec *exec,
                                       const MaliCsfDeferred *op)
{
    MaliCsfMemResult result;
    MaliCsfFault mmu_fault;
    unsigned state = FIELD_EX64(op->word, CS_STORE_STATE, STATE);
    uint64_t value = mali_csf_state_value(exec, state);

    result = mali_csf_mem_store64(&exec->s->view, exec->group->as, op->address,
                                  value, &mmu_fault);
    if (result != MALI_CSF_MEM_DONE) {
        return mali_csf_access_blocked(exec, result, op->address, &mmu_fault);
    }
    return MALI_CSF_STEP_NEXT;
}

const MaliCsfSemantics mali_csf_insns_memory[] = {
    { CS_OP_LOAD_MULTIPLE, MEMORY(do_load_multiple), .align = 4,
      .perform = perform_load_multiple, .skipped_on_error = true },
    { CS_OP_STORE_MULTIPLE, MEMORY(do_store_multiple), .align = 4,
      .perform = perform_store_multiple, .skipped_on_error = true },
    { CS_OP_FLUSH_CACHE2, SIMPLE(do_flush_cache2),
      .perform = perform_flush_cache2 },
    { CS_OP_SYNC_ADD32, MEMORY(do_sync_write32), .align = 8,
      .perform = perform_sync_add32 },
    { CS_OP_SYNC_SET32, MEMORY(do_sync_write32), .align = 8,
      .perform = perform_sync_set32 },
    { CS_OP_SYNC_WAIT32, MEMORY(do_sync_wait32) },
    { CS_OP_STORE_STATE, MEMORY(do_store_state), .align = 8,
      .perform = perform_store_state },
    { CS_OP_SYNC_ADD64, MEMORY(do_sync_write64), .align = 16,
      .perform = perform_sync_add64 },
    { CS_OP_SYNC_SET64, MEMORY(do_sync_write64), .align = 16,
      .perform = perform_sync_set64 },
    { CS_OP_SYNC_WAIT64, MEMORY(do_sync_wait64) },
    { }
};
