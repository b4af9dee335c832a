/*
 * Mali CSF GPU: registers that are used before the load is waited for
 *
 * LOAD_MULTIPLE is asynchronous.  What it names may neither be read nor be
 * written before a WAIT for the scoreboard entry that it keeps in use: Mesa's
 * cs_builder.h (26.x) waits in both cases, and before every RUN instruction.
 * With the property user-notes the checker is told of a stream that does not.
 *
 * An instruction is taken to read what its fields name, unless it does not
 * look at it: the register of a BRANCH that is always taken, operands that the
 * mode of a LOGIC_OP32 ignores, and registers behind a flag.  Of the staging
 * registers, those are known that a RUN instruction reads in any case.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/gpu/mali-csf/cs-table.h"
#include "instructions.h"

typedef struct Registers {
    uint64_t bits[MALI_CSF_MAX_WORK_REGISTERS / 64];
} Registers;

static void add(Registers *set, unsigned first, unsigned count)
{
    for (unsigned reg = first; reg < first + count; reg++) {
        if (reg < MALI_CSF_MAX_WORK_REGISTERS) {
            set->bits[reg / 64] |= 1ull << (reg % 64);
        }
    }
}

/* Those that the four selections of RUN_COMPUTE name, and the job's size */
static void add_compute(Registers *set, uint64_t word)
{
    /* Each selects a pair of its own eight registers. */
    add(set, 0 + 2 * FIELD_EX64(word, CS_RUN_COMPUTE, SRT), 2);
    add(set, 16 + 2 * FIELD_EX64(word, CS_RUN_COMPUTE, SPD), 2);
    add(set, 24 + 2 * FIELD_EX64(word, CS_RUN_COMPUTE, TSD), 2);
    add(set, 8 + 2 * FIELD_EX64(word, CS_RUN_COMPUTE, FAU), 2);
    add(set, 32, 8);
}

/* Enumerations "COMPUTE SR", "IDVS SR", "FRAGMENT SR" of Mesa's XML */
static void add_staging(Registers *set, uint64_t word)
{
    switch (word >> CS_OPCODE_SHIFT) {
    case CS_OP_RUN_COMPUTE:
    case CS_OP_RUN_COMPUTE_INDIRECT:
        add_compute(set, word);
        break;
    case CS_OP_RUN_IDVS:
    case CS_OP_RUN_IDVS2:
        /* Counts and offsets; tiler context and scissor box; flags, DCDs */
        add(set, 33, 5);
        add(set, 40, 4);
        add(set, 56, 3);
        break;
    case CS_OP_RUN_TILING:
    case CS_OP_RUN_FULLSCREEN:
        /* Tiler context and scissor box; flags */
        add(set, 40, 4);
        add(set, 56, 1);
        break;
    case CS_OP_RUN_FRAGMENT:
        /* Framebuffer descriptor and bounding box */
        add(set, 40, 4);
        break;
    }
}

/* Does LOGIC_OP32 of @mode depend on its first operand, or on the second? */
static bool depends(unsigned mode, bool second)
{
    /* Bits of the truth table for the operand that is set, and that is not */
    const unsigned set = second ? (mode & 1) | (mode >> 1 & 2) : mode & 3;
    const unsigned clear = second ? (mode >> 1 & 1) | (mode >> 2 & 2) :
                           mode >> 2 & 3;

    return set != clear;
}

static bool is_read(const CsInstruction *row, const CsField *field,
                    uint64_t word)
{
    switch (row->opcode) {
    case CS_OP_BRANCH:
        return FIELD_EX64(word, CS_BRANCH, CONDITION) != CS_COND_ALWAYS;
    case CS_OP_LOGIC_OP32:
        return field->shift == R_CS_LOGIC_OP32_DST_SHIFT ||
               depends(FIELD_EX64(word, CS_LOGIC_OP32, MODE),
                       field->shift == R_CS_LOGIC_OP32_SRC1_SHIFT);
    case CS_OP_RUN_IDVS:
    case CS_OP_RUN_IDVS2:
        return field->kind != CS_FIELD_ENDPOINT_REGISTER ||
               FIELD_EX64(word, CS_RUN_IDVS, DRAW_ID);
    default:
        return true;
    }
}

/* Registers that the instruction reads or writes */
static Registers registers_of(const CsInstruction *row, uint64_t word,
                              unsigned arch)
{
    Registers set = { 0 };
    unsigned base = 0;

    add_staging(&set, word);
    for (const CsField *f = row->fields; f && f->kind; f++) {
        uint64_t value = cs_field_get(f, word);

        if (!cs_field_exists(f, arch) || !is_read(row, f, word)) {
            continue;
        }
        switch (f->kind) {
        case CS_FIELD_REGISTER:
        case CS_FIELD_ENDPOINT_REGISTER:
            add(&set, value, 1);
            break;
        case CS_FIELD_PAIR:
            add(&set, value, 2);
            break;
        case CS_FIELD_BASE:
            base = value;
            break;
        case CS_FIELD_LIST:
            for (; value; value &= value - 1) {
                add(&set, base + ctz64(value), 1);
            }
            break;
        case CS_FIELD_COUNT:
            add(&set, base, value);
            break;
        }
    }
    return set;
}

void mali_csf_loads_check(const MaliCsfExec *exec)
{
    MaliCsfState *s = exec->s;
    MaliCsfStream *stream = exec->stream;
    const unsigned arch = s->model->arch;
    const CsInstruction *row;
    Registers used;

    if (!mali_csf_loads_pending(stream)) {
        return;
    }
    row = cs_instruction_find(exec->word >> CS_OPCODE_SHIFT, arch);
    if (!row) {
        return;
    }
    used = registers_of(row, exec->word, arch);
    for (unsigned i = 0; i < ARRAY_SIZE(used.bits); i++) {
        uint64_t early = used.bits[i] & stream->loading[i];

        if (early) {
            unsigned reg = i * 64 + ctz64(early);

            mali_csf_check_register(s, exec->group->as, exec->va,
                                    stream->loading_entry[reg], reg);
            /* One note for each WAIT that is missing, not for each use */
            mali_csf_loads_waited(stream, 1u << stream->loading_entry[reg]);
            return;
        }
    }
}

void mali_csf_loads_begin(const MaliCsfExec *exec)
{
    MaliCsfStream *stream = exec->stream;
    const unsigned base = insn_field(exec, LOAD_MULTIPLE, BASE);
    uint32_t mask = insn_field(exec, LOAD_MULTIPLE, MASK);

    for (; mask; mask &= mask - 1) {
        unsigned reg = base + ctz32(mask);

        stream->loading[reg / 64] |= 1ull << (reg % 64);
        stream->loading_entry[reg] = stream->sb_other;
    }
}

void mali_csf_loads_waited(MaliCsfStream *stream, uint32_t mask)
{
    for (unsigned i = 0; i < ARRAY_SIZE(stream->loading); i++) {
        for (uint64_t bits = stream->loading[i]; bits; bits &= bits - 1) {
            unsigned reg = i * 64 + ctz64(bits);

            if (mask >> stream->loading_entry[reg] & 1) {
                stream->loading[i] &= ~(1ull << (reg % 64));
            }
        }
    }
}
