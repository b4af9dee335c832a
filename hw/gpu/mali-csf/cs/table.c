/*
 * Mali CSF command-stream instructions: the table
 *
 * What cs-insns.h.inc says, as data.  This file needs nothing of QEMU:
 * mali-csf-disas is built from it too.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "hw/gpu/mali-csf/cs-isa.h"
#include "hw/gpu/mali-csf/cs-table.h"

#define ARRAY_LEN(array)    (sizeof(array) / sizeof((array)[0]))

static const char *const condition_names[] = {
    "le", "gt", "eq", "ne", "lt", "ge", "always",
};
static const char *const axis_names[] = { "x", "y", "z" };
static const char *const tile_order_names[] = {
    "z-order", "horizontal", "vertical", NULL, NULL, "reverse-horizontal",
    "reverse-vertical",
};
static const char *const flush_names[] = {
    "none", "clean", NULL, "clean-invalidate",
};
static const char *const flush_other_names[] = { "none", NULL, "invalidate" };
static const char *const scope_names[] = { "system", NULL, "csg" };
static const char *const stored_state_names[] = {
    "timestamp", "cycle-count", "disjoint-count", "error-status",
};
static const char *const state_names[] = {
    "sb-sel-endpoint", "sb-sel-other", "sb-sel-deferred", NULL, NULL, NULL,
    NULL, NULL, "sb-mask-stream", "sb-mask-wait",
};
static const char *const entry_type_names[] = {
    "none", "endpoint", "other", "deferred",
};
static const char *const entry_format_names[] = { "index", "mask" };
static const char *const heap_operation_names[] = {
    "vt-started", "vt-completed", NULL, "fragment-completed",
};
static const char *const exception_names[] = { NULL, NULL, "tiler-oom" };
static const char *const arith_imm_names[] = {
    "add", "lshift", "rshift-u", "rshift-s", "bfext-u", "bfext-s",
    "bfins-imm", "umin",
};
static const char *const arith_reg_names[] = {
    "umin", "add", "sub", "lshift", "rshift-u", "rshift-s", "bfins",
};

#define CS_INSN(name, opcode, first, last) \
    { #name, opcode, first, last, (const CsField[]) {
#define CS_FIELD(insn, field, text, shift, width, kind, first, last) \
        { text, shift, width, CS_FIELD_##kind, first, last },
#define CS_ENUM(insn, field, text, shift, width, names, first, last) \
        { text, shift, width, CS_FIELD_ENUM, first, last, \
          ARRAY_LEN(names), names },
#define CS_NARROW           CS_FIELD
#define CS_NARROW_ENUM      CS_ENUM
#define CS_END() \
        { 0 } } },

const CsInstruction cs_instructions[] = {
#include "hw/gpu/mali-csf/cs-insns.h.inc"
};

const size_t cs_num_instructions = ARRAY_LEN(cs_instructions);

const CsInstruction *cs_instruction_find(unsigned opcode, unsigned arch)
{
    size_t i;

    for (i = 0; i < cs_num_instructions; i++) {
        const CsInstruction *row = &cs_instructions[i];

        if (row->opcode == opcode && arch >= row->min_arch &&
            (!row->max_arch || arch <= row->max_arch)) {
            return row;
        }
    }
    return NULL;
}

uint64_t cs_instruction_mask(const CsInstruction *instruction, unsigned arch)
{
    const CsField *field = instruction->fields;
    uint64_t mask = 0;

    for (; field && field->kind != CS_FIELD_END; field++) {
        if (cs_field_exists(field, arch)) {
            mask |= cs_field_mask(field);
        }
    }
    return mask;
}
