/*
 * Mali CSF GPU: executing command-stream instructions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_INSTRUCTIONS_H
#define HW_GPU_MALI_CSF_CS_INSTRUCTIONS_H

#include "qemu/bitops.h"
#include "../device.h"
#include "fields.h"

/* The stream that is executing, for the length of its turn */
typedef struct MaliCsfExec {
    MaliCsfState *s;
    MaliCsfGroup *group;
    MaliCsfStream *stream;
    uint8_t csg;
    uint8_t cs;
    /*
     * Word and address of the instruction.  Bits of the word that are no
     * field of it are zero: it may be read as the widest of all architectures.
     */
    uint64_t word;
    uint64_t va;
    /* A sync object was written in this turn; what a group's streams share */
    bool sync_written;
    bool group_written;
    /* Streams that an instruction had to look at, to be counted as weight */
    unsigned looks;
    /* The instruction of the queue that is performed, else NULL */
    MaliCsfDeferred *deferred;

    /* The page that instructions come from */
    const uint8_t *fetch_host;
    uint64_t fetch_va;
    uint64_t fetch_size;
} MaliCsfExec;

typedef enum MaliCsfStep {
    /* Retired: go on behind it */
    MALI_CSF_STEP_NEXT,
    /* Retired: the instruction pointer is set */
    MALI_CSF_STEP_JUMPED,
    /* Not retired, no effect: the state of the stream says why */
    MALI_CSF_STEP_BLOCKED,
} MaliCsfStep;

/* What the engine needs to know of an opcode, made from cs/table.c */
typedef struct MaliCsfDispatch {
    /* Called with operands that exist; never NULL */
    MaliCsfStep (*execute)(MaliCsfExec *exec);
    /* The opcode and the bits of all fields */
    uint64_t fields;
    /*
     * Of an instruction that can be deferred, else NULL: what it does, with
     * operands from @op.  Called from its execute() by way of
     * mali_csf_exec_deferrable(), or later.  Blocks for an access, by
     * mali_csf_access_blocked(), and for nothing else.
     */
    MaliCsfStep (*perform)(MaliCsfExec *exec, const MaliCsfDeferred *op);
    /* Bits that are zero in the address of such an instruction */
    uint8_t misaligned;
    /* It has a signal slot in [51:48] */
    bool signals;
    /*
     * Operands are checked all at once, see mali_csf_operands_valid().  For
     * each byte that names a register: its low seven bits, what takes the
     * first register that does not exist to 0x80, and that bit.
     */
    uint64_t registers;
    uint64_t beyond;
    uint64_t overflow;
    /* Bits that must be zero: of odd pairs, of scoreboard entries, and 0x80 */
    uint64_t forbidden;
    uint8_t work_registers;
    /* Of an instruction with several registers, else 0 */
    uint8_t base_shift;
    uint8_t list_shift;
    uint8_t count_shift;
    uint8_t weight;
    bool skipped_on_error;
} MaliCsfDispatch;

/* 256 entries by opcode, of the architecture of @model; g_free() them */
MaliCsfDispatch *mali_csf_dispatch_new(const MaliCsfModel *model);

bool mali_csf_dispatch_list_valid(const MaliCsfDispatch *entry, uint64_t word);

/* Does the device have every register and scoreboard entry that @word names? */
static inline bool mali_csf_operands_valid(const MaliCsfDispatch *entry,
                                           uint64_t word)
{
    uint64_t bad = (((word & entry->registers) + entry->beyond) &
                    entry->overflow) | (word & entry->forbidden);

    return !bad &&
           (!entry->base_shift || mali_csf_dispatch_list_valid(entry, word));
}

/*
 * Where the innermost buffer of the stream begins: what INSERT has moved past
 * by a whole ring is overwritten.
 */
static inline uint64_t mali_csf_frame_start(const MaliCsfStream *stream)
{
    const MaliCsfFrame *frame = &stream->frames[stream->depth];

    if (stream->depth > 0) {
        return frame->start;
    }
    return frame->end > stream->config.ring_size ?
           frame->end - stream->config.ring_size : 0;
}

/* Is the condition of this BRANCH one that there is? */
static inline bool mali_csf_branch_known(uint64_t word)
{
    return FIELD_EX64(word, CS_BRANCH, CONDITION) <= CS_COND_ALWAYS;
}

/* Is it one that SYNC_WAIT knows? */
static inline bool mali_csf_sync_condition_known(unsigned condition)
{
    return condition == CS_COND_LE || condition == CS_COND_GT ||
           condition == CS_COND_GE;
}

static inline bool mali_csf_branch_taken(uint64_t word, int32_t value)
{
    const unsigned negative = 1u << CS_COND_LE | 1u << CS_COND_LT |
                              1u << CS_COND_NE | 1u << CS_COND_ALWAYS;
    const unsigned zero = 1u << CS_COND_LE | 1u << CS_COND_GE |
                          1u << CS_COND_EQ | 1u << CS_COND_ALWAYS;
    const unsigned positive = 1u << CS_COND_GE | 1u << CS_COND_GT |
                              1u << CS_COND_NE | 1u << CS_COND_ALWAYS;
    unsigned holds = value < 0 ? negative : value == 0 ? zero : positive;

    return holds >> FIELD_EX64(word, CS_BRANCH, CONDITION) & 1;
}

/* Is @word of those that the inner loop knows? */
static inline bool mali_csf_inner(uint64_t word)
{
    const uint64_t known = 1ull << CS_OP_NOP | 1ull << CS_OP_MOVE48 |
                           1ull << CS_OP_MOVE32 | 1ull << CS_OP_ADD_IMM32 |
                           1ull << CS_OP_BRANCH;
    unsigned opcode = word >> CS_OPCODE_SHIFT;

    return opcode < 64 && (known >> opcode & 1);
}

/*
 * Execute the instruction at hand and what follows it, up to @max, as long
 * as the inner loop knows how; returns how many, each of weight 1.  After
 * none, execute() has to do it.
 */
unsigned mali_csf_run_inner(MaliCsfExec *exec, unsigned max);

/* Does the condition of the SYNC_WAIT that blocks the stream hold now? */
bool mali_csf_sync_wait_over(MaliCsfState *s, unsigned as,
                             const MaliCsfStream *stream);

/* Has what a PROGRESS_WAIT or SHARED_SB_DEC of the stream waits for come? */
bool mali_csf_group_wait_over(const MaliCsfGroup *group,
                              const MaliCsfStream *stream);

/* deferred.c */

/*
 * Perform the instruction, or put it in the queue if it has to wait.  @op has
 * the operands; the rest is filled in here.
 */
MaliCsfStep mali_csf_exec_deferrable(MaliCsfExec *exec, MaliCsfDeferred *op);

/*
 * Perform the instruction in @ns of virtual time, not at once: it is in the
 * queue until then, and the entry that is selected for others is in use.  @op
 * has the operands, as above.
 */
MaliCsfStep mali_csf_exec_later(MaliCsfExec *exec, MaliCsfDeferred *op,
                                uint64_t ns);

/*
 * What is due at @now waits for nothing but its turn; returns when the next one
 * is due, or INT64_MAX
 */
int64_t mali_csf_stream_deferred_due(MaliCsfStream *stream, int64_t now);

/* Perform what is ready in the queue; returns the weight that it took */
unsigned mali_csf_exec_deferred(MaliCsfExec *exec);

bool mali_csf_stream_deferred_ready(const MaliCsfStream *stream);

/* Try again what was blocked so; true if there is any */
bool mali_csf_stream_retry_deferred(MaliCsfStream *stream,
                                    MaliCsfMemResult blocked);

/* Part of what mali_csf_stream_resume() and a load ask of a stream */
bool mali_csf_stream_deferred_valid(MaliCsfState *s,
                                    const MaliCsfStream *stream);

/* loads.c; with user-notes only */

static inline bool mali_csf_loads_pending(const MaliCsfStream *stream)
{
    return unlikely(stream->loading[0] | stream->loading[1]);
}

/* Does the instruction, about to be executed, use what was not waited for? */
void mali_csf_loads_check(const MaliCsfExec *exec);

/* A LOAD_MULTIPLE was issued */
void mali_csf_loads_begin(const MaliCsfExec *exec);

/* A wait for the entries of @mask is over */
void mali_csf_loads_waited(MaliCsfStream *stream, uint32_t mask);

/* For the functions that execute */

/* A field of the instruction at hand, see fields.h; sign-extended */
#define insn_field(exec, insn, field) \
    FIELD_EX64((exec)->word, CS_##insn, field)
#define insn_signed(exec, insn, field) \
    FIELD_SEX64((exec)->word, CS_##insn, field)

/* SB_MASK_WAIT and SB_SEL_DEFERRED take the place of the word's fields */
static inline bool insn_defer_indirect(const MaliCsfExec *exec)
{
    return insn_field(exec, SYNC_ADD32, DEFER);
}

static inline uint64_t insn_pair_at(const MaliCsfExec *exec, unsigned reg)
{
    return exec->stream->regs[reg] |
           (uint64_t)exec->stream->regs[reg + 1] << 32;
}

/* The register, or the pair of registers, that a field names */
#define insn_reg(exec, insn, field) \
    ((exec)->stream->regs[insn_field(exec, insn, field)])
#define insn_pair(exec, insn, field) \
    insn_pair_at(exec, insn_field(exec, insn, field))

static inline void insn_set_pair(MaliCsfExec *exec, unsigned reg,
                                 uint64_t value)
{
    exec->stream->regs[reg] = value;
    exec->stream->regs[reg + 1] = value >> 32;
}

/* Block the stream for what @result says of an access at @va */
MaliCsfStep mali_csf_access_blocked(MaliCsfExec *exec, MaliCsfMemResult result,
                                    uint64_t va, const MaliCsfFault *fault);

/* End the stream; of type CS_INVALID_INSTRUCTION */
MaliCsfStep mali_csf_exec_fatal(MaliCsfExec *exec, uint8_t type);
MaliCsfStep mali_csf_exec_invalid(MaliCsfExec *exec);

/*
 * A recoverable fault.  The stream stays at the instruction until the host
 * has acknowledged it: the driver finds the job that faulted by looking
 * where EXTRACT stands (cs_slot_process_fault_event_locked() in
 * panthor_sched.c, v7.3).
 */
MaliCsfStep mali_csf_exec_fault(MaliCsfExec *exec, uint8_t type,
                                uint32_t data, uint64_t info);

/* True if the entries in @mask are clear; else the stream waits for them */
bool mali_csf_exec_wait(MaliCsfExec *exec, uint32_t mask);

/* What STORE_STATE stores: @state is one of CS_STATE_* */
uint64_t mali_csf_state_value(const MaliCsfExec *exec, unsigned state);

/* Retired with its progress bit set: the stream's counter goes on */
static inline void insn_progress(MaliCsfExec *exec)
{
    if (unlikely(insn_field(exec, WAIT, PROGRESS))) {
        exec->stream->progress++;
        exec->group_written = true;
    }
}

/* What an instruction does; which architectures have it is in cs/table.c */
typedef struct MaliCsfSemantics {
    /* CS_OP_* */
    uint8_t opcode;
    MaliCsfStep (*execute)(MaliCsfExec *exec);
    /* Of those that can be deferred, and how their address is aligned */
    MaliCsfStep (*perform)(MaliCsfExec *exec, const MaliCsfDeferred *op);
    uint8_t align;
    /* Share of a slice that it takes; a simple one is 1 */
    uint8_t weight;
    /* Passed over between a CS_FAULT and the next ERROR_BARRIER */
    bool skipped_on_error;
} MaliCsfSemantics;

#define SIMPLE(fn)  .execute = (fn), .weight = 1
#define MEMORY(fn)  .execute = (fn), .weight = 4

/* Those of a file each; the last row has no execute() */
extern const MaliCsfSemantics mali_csf_insns_arith[];
extern const MaliCsfSemantics mali_csf_insns_memory[];
extern const MaliCsfSemantics mali_csf_insns_state[];
extern const MaliCsfSemantics mali_csf_insns_resource[];
extern const MaliCsfSemantics mali_csf_insns_protm[];
extern const MaliCsfSemantics mali_csf_insns_heap[];

#endif /* HW_GPU_MALI_CSF_CS_INSTRUCTIONS_H */
