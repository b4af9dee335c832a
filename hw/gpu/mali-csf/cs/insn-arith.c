/*
 * Mali CSF GPU: instructions that compute in registers
 *
 * As in src/panfrost/genxml/v10.xml of Mesa 25.0.7, and v11.xml to v13.xml of
 * later versions.  The forms with a choice of operations took the place of
 * ADD_IMM and UMIN32: operation 0 is what those do, and where they are still
 * the ones that there are, the field of the operation reads as zero.
 *
 * A shift by an immediate has a field of 5 or 6 bits for it.
 *
 * Guesses: a shift by a register with a number of as many bits as there are, or
 * more, shifts out all of them; a bit field that begins or ends beyond the
 * register has only the bits that exist.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "instructions.h"

/*
 * All for operands of @bits bits, 32 or 64, in the low bits of 64.  What they
 * return has more bits: the caller cuts it off.
 */

static uint64_t low_bits(uint64_t value, unsigned bits)
{
    return bits < 64 ? value & ((1ull << bits) - 1) : value;
}

static int64_t sign_extend(uint64_t value, unsigned bits)
{
    return bits ? (int64_t)(value << (64 - bits)) >> (64 - bits) : 0;
}

static uint64_t shift_left(uint64_t value, uint64_t by, unsigned bits)
{
    return by < bits ? value << by : 0;
}

static uint64_t shift_right(uint64_t value, uint64_t by, unsigned bits)
{
    return by < bits ? value >> by : 0;
}

static uint64_t shift_right_signed(uint64_t value, uint64_t by, unsigned bits)
{
    return sign_extend(value, bits) >> MIN(by, bits - 1);
}

/* How much of a field of @width bits at @position there is */
static unsigned field_width(unsigned position, unsigned width, unsigned bits)
{
    return position < bits ? MIN(width, bits - position) : 0;
}

static uint64_t extract_field(uint64_t value, unsigned position,
                              unsigned width, unsigned bits, bool is_signed)
{
    width = field_width(position, width, bits);
    if (!width) {
        return 0;
    }
    value >>= position;
    return is_signed ? sign_extend(value, width) : low_bits(value, width);
}

static uint64_t insert_field(uint64_t value, unsigned position,
                             unsigned width, unsigned bits, uint64_t field)
{
    width = field_width(position, width, bits);
    return width ? deposit64(value, position, width, field) : value;
}

/* The immediate of operations on bit fields, see cs_bit_field() */
FIELD(BIT_FIELD, POSITION, 0, 8)
FIELD(BIT_FIELD, WIDTH, 8, 8)
FIELD(BIT_FIELD, VALUE, 16, 16)

/* False if there is no such operation */
static bool arith_imm(uint64_t word, unsigned bits, uint64_t src,
                      uint64_t *dst)
{
    uint32_t imm = FIELD_EX64(word, CS_ARITH_IMM32, VALUE);
    /* Of the operations on bit fields */
    unsigned position = FIELD_EX32(imm, BIT_FIELD, POSITION);
    unsigned width = FIELD_EX32(imm, BIT_FIELD, WIDTH);
    /* Of the shifts */
    unsigned by = imm & (bits - 1);

    switch (FIELD_EX64(word, CS_ARITH_IMM32, OP)) {
    case CS_ARITH_IMM_ADD:
        *dst = src + (int32_t)imm;
        return true;
    case CS_ARITH_IMM_LSHIFT:
        *dst = src << by;
        return true;
    case CS_ARITH_IMM_RSHIFT_U:
        *dst = src >> by;
        return true;
    case CS_ARITH_IMM_RSHIFT_S:
        *dst = shift_right_signed(src, by, bits);
        return true;
    case CS_ARITH_IMM_BFEXT_U:
        *dst = extract_field(src, position, width, bits, false);
        return true;
    case CS_ARITH_IMM_BFEXT_S:
        *dst = extract_field(src, position, width, bits, true);
        return true;
    case CS_ARITH_IMM_BFINS:
        *dst = insert_field(src, position, width, bits,
                            FIELD_EX32(imm, BIT_FIELD, VALUE));
        return true;
    case CS_ARITH_IMM_UMIN:
        *dst = MIN(src, imm);
        return true;
    }
    return false;
}

static bool arith_reg(uint64_t word, unsigned bits, uint64_t src0,
                      uint64_t src1, uint64_t *dst)
{
    uint32_t imm = FIELD_EX64(word, CS_ARITH_REG32, VALUE);

    switch (FIELD_EX64(word, CS_ARITH_REG32, OP)) {
    case CS_ARITH_REG_UMIN:
        *dst = MIN(src0, src1);
        return true;
    case CS_ARITH_REG_ADD:
        *dst = src0 + src1;
        return true;
    case CS_ARITH_REG_SUB:
        *dst = src0 - src1;
        return true;
    case CS_ARITH_REG_LSHIFT:
        *dst = shift_left(src0, src1, bits);
        return true;
    case CS_ARITH_REG_RSHIFT_U:
        *dst = shift_right(src0, src1, bits);
        return true;
    case CS_ARITH_REG_RSHIFT_S:
        *dst = shift_right_signed(src0, src1, bits);
        return true;
    case CS_ARITH_REG_BFINS:
        *dst = insert_field(src0, FIELD_EX32(imm, BIT_FIELD, POSITION),
                            FIELD_EX32(imm, BIT_FIELD, WIDTH), bits, src1);
        return true;
    }
    return false;
}

static MaliCsfStep do_arith_imm32(MaliCsfExec *exec)
{
    uint32_t *regs = exec->stream->regs;
    uint64_t result;

    if (!arith_imm(exec->word, 32, insn_reg(exec, ARITH_IMM32, SRC), &result)) {
        return mali_csf_exec_invalid(exec);
    }
    regs[insn_field(exec, ARITH_IMM32, DST)] = result;
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_arith_imm64(MaliCsfExec *exec)
{
    uint64_t result;

    if (!arith_imm(exec->word, 64, insn_pair(exec, ARITH_IMM64, SRC),
                   &result)) {
        return mali_csf_exec_invalid(exec);
    }
    insn_set_pair(exec, insn_field(exec, ARITH_IMM64, DST), result);
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_arith_reg32(MaliCsfExec *exec)
{
    uint32_t *regs = exec->stream->regs;
    uint64_t result;

    if (!arith_reg(exec->word, 32, insn_reg(exec, ARITH_REG32, SRC0),
                   insn_reg(exec, ARITH_REG32, SRC1), &result)) {
        return mali_csf_exec_invalid(exec);
    }
    regs[insn_field(exec, ARITH_REG32, DST)] = result;
    return MALI_CSF_STEP_NEXT;
}

static MaliCsfStep do_arith_reg64(MaliCsfExec *exec)
{
    uint64_t result;

    if (!arith_reg(exec->word, 64, insn_pair(exec, ARITH_REG64, SRC0),
                   insn_pair(exec, ARITH_REG64, SRC1), &result)) {
        return mali_csf_exec_invalid(exec);
    }
    insn_set_pair(exec, insn_field(exec, ARITH_REG64, DST), result);
    return MALI_CSF_STEP_NEXT;
}

/* The mode is a truth table; with INDEX the second operand is a bit number */
static MaliCsfStep do_logic_op32(MaliCsfExec *exec)
{
    uint32_t *regs = exec->stream->regs;
    unsigned mode = insn_field(exec, LOGIC_OP32, MODE);
    uint32_t a = insn_reg(exec, LOGIC_OP32, SRC0);
    uint32_t b = insn_reg(exec, LOGIC_OP32, SRC1);

    if (insn_field(exec, LOGIC_OP32, INDEX)) {
        b = shift_left(1, b, 32);
    }
    regs[insn_field(exec, LOGIC_OP32, DST)] = (mode & 1 ? a & b : 0) |
                                  (mode & 2 ? a & ~b : 0) |
                                  (mode & 4 ? ~a & b : 0) |
                                  (mode & 8 ? ~a & ~b : 0);
    return MALI_CSF_STEP_NEXT;
}

const MaliCsfSemantics mali_csf_insns_arith[] = {
    { CS_OP_ARITH_IMM32, SIMPLE(do_arith_imm32) },
    { CS_OP_ARITH_IMM64, SIMPLE(do_arith_imm64) },
    { CS_OP_ARITH_REG32, SIMPLE(do_arith_reg32) },
    { CS_OP_LOGIC_OP32, SIMPLE(do_logic_op32) },
    { CS_OP_ARITH_REG64, SIMPLE(do_arith_reg64) },
    { }
};
