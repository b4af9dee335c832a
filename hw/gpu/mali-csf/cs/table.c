/*
 * Mali CSF command-stream instructions: the table
 *
 * Architecture 10 as in src/panfrost/genxml/v10.xml of Mesa 25.0.7, 11 to 14
 * as in the files v11.xml to v14.xml of later versions.  This file needs
 * nothing of QEMU: mali-csf-disas is built from it too.
 *
 * Not in the table: instructions that no public source names.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "hw/gpu/mali-csf/cs-isa.h"
#include "hw/gpu/mali-csf/cs-table.h"

#define ARRAY_LEN(array)    (sizeof(array) / sizeof((array)[0]))

#define FIELDS(...)         .fields = (const CsField[]) { __VA_ARGS__, { 0 } }

/* Fields; further members, such as .min_arch, may follow the last argument */
#define FIELD(name, shift, width, kind, ...) \
    { (name), (shift), (width), CS_FIELD_##kind, ##__VA_ARGS__ }
#define DST             FIELD("dst", 48, 8, REGISTER)
#define DST_PAIR        FIELD("dst", 48, 8, PAIR)
#define SRC             FIELD("src", 40, 8, REGISTER)
#define SRC_PAIR        FIELD("src", 40, 8, PAIR)
#define ADDRESS         FIELD("address", 40, 8, PAIR)
#define OFFSET          FIELD("offset", 0, 16, SIGNED)
#define LENGTH          FIELD("length", 32, 8, REGISTER)
#define FLAG(name, bit, ...)    FIELD(name, bit, 1, FLAG, ##__VA_ARGS__)
#define ENUM(name, shift, width, names, ...) \
    FIELD(name, shift, width, ENUM, .values = (names), \
          .num_values = ARRAY_LEN(names), ##__VA_ARGS__)

/* What waits for WAIT and signals SIGNAL */
#define WAIT            FIELD("wait", 16, 16, DEFER)
#define SIGNAL          FIELD("signal", 48, 4, SIGNAL)
#define DEFER_MODE      FLAG("defer", 52, .min_arch = 11)
#define PROGRESS        FLAG("progress", 32, .max_arch = 13)

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

/* Which of the four sets of staging registers RUN_COMPUTE takes */
#define SRT             FIELD("srt", 40, 2, UNSIGNED)
#define SPD             FIELD("spd", 42, 2, UNSIGNED)
#define TSD             FIELD("tsd", 44, 2, UNSIGNED)
#define FAU             FIELD("fau", 46, 2, UNSIGNED)
#define EP_LIMIT        FIELD("ep-limit", 16, 8, UNSIGNED, .min_arch = 12)
#define STAGE           FIELD("stage", 48, 4, UNSIGNED, .min_arch = 12)

const CsInstruction cs_instructions[] = {
    { "NOP", CS_OP_NOP },
    { "MOVE48", CS_OP_MOVE48,
      FIELDS(DST_PAIR, FIELD("value", 0, 48, HEX)) },
    { "MOVE32", CS_OP_MOVE32,
      FIELDS(DST, FIELD("value", 0, 32, HEX)) },
    { "WAIT", CS_OP_WAIT,
      FIELDS(FIELD("mask", 16, 8, ENTRIES, .max_arch = 10),
             FIELD("mask", 16, 16, ENTRIES, .min_arch = 11),
             FLAG("state-mask", 33, .min_arch = 11), PROGRESS) },
    { "RUN_COMPUTE", CS_OP_RUN_COMPUTE,
      FIELDS(FIELD("task-increment", 0, 14, UNSIGNED),
             ENUM("axis", 14, 2, axis_names), EP_LIMIT, SRT, SPD, TSD, FAU,
             STAGE, PROGRESS) },
    { "RUN_TILING", CS_OP_RUN_TILING, .max_arch = 10,
      FIELDS(FIELD("flags", 0, 32, HEX), SRT, SPD, TSD, FAU, PROGRESS) },
    { "RUN_IDVS", CS_OP_RUN_IDVS, .max_arch = 11,
      FIELDS(FIELD("flags", 0, 32, HEX), FLAG("malloc", 33),
             FLAG("draw-id", 34), FLAG("varying-srt", 35),
             FLAG("varying-fau", 36), FLAG("varying-tsd", 37),
             FLAG("fragment-srt", 38), FLAG("fragment-tsd", 39),
             FIELD("draw-id-register", 40, 8, ENDPOINT_REGISTER),
             PROGRESS) },
    { "RUN_FRAGMENT", CS_OP_RUN_FRAGMENT, .max_arch = 13,
      FIELDS(FLAG("tile-enable-map", 0),
             ENUM("order", 4, 4, tile_order_names), PROGRESS) },
    { "RUN_FULLSCREEN", CS_OP_RUN_FULLSCREEN,
      FIELDS(FIELD("flags", 0, 32, HEX), FIELD("dcd", 40, 8, PAIR),
             FLAG("flags2", 55, .min_arch = 11), PROGRESS) },
    { "FINISH_TILING", CS_OP_FINISH_TILING,
      FIELDS(PROGRESS) },
    { "FINISH_FRAGMENT", CS_OP_FINISH_FRAGMENT,
      FIELDS(FIELD("first-chunk", 40, 8, PAIR),
             FIELD("last-chunk", 32, 8, PAIR), FLAG("count", 0), WAIT, SIGNAL,
             DEFER_MODE) },
    { "RUN_IDVS2", CS_OP_RUN_IDVS2, .min_arch = 12,
      FIELDS(FIELD("flags", 0, 32, HEX), FLAG("malloc", 33),
             FLAG("draw-id", 34), FIELD("vertex-shading", 35, 2, UNSIGNED),
             FIELD("draw-id-register", 40, 8, ENDPOINT_REGISTER), STAGE,
             PROGRESS) },
    { "RUN_FRAGMENT2", CS_OP_RUN_FRAGMENT2, .min_arch = 14,
      FIELDS(FIELD("base", 48, 8, BASE), FIELD("staging", 24, 8, COUNT),
             FIELD("ep-offset", 16, 8, UNSIGNED), FLAG("tile-enable-map", 0),
             ENUM("order", 4, 4, tile_order_names)) },
    { "ADD_IMM32", CS_OP_ADD_IMM32, .max_arch = 12,
      FIELDS(DST, SRC, FIELD("value", 0, 32, SIGNED)) },
    { "ARITH_IMM32", CS_OP_ARITH_IMM32, .min_arch = 13,
      FIELDS(ENUM("op", 32, 8, arith_imm_names), DST, SRC,
             FIELD("value", 0, 32, SIGNED)) },
    { "ADD_IMM64", CS_OP_ADD_IMM64, .max_arch = 12,
      FIELDS(DST_PAIR, SRC_PAIR, FIELD("value", 0, 32, SIGNED)) },
    { "ARITH_IMM64", CS_OP_ARITH_IMM64, .min_arch = 13,
      FIELDS(ENUM("op", 32, 8, arith_imm_names), DST_PAIR, SRC_PAIR,
             FIELD("value", 0, 32, SIGNED)) },
    { "UMIN32", CS_OP_UMIN32, .max_arch = 12,
      FIELDS(DST, FIELD("src1", 32, 8, REGISTER),
             FIELD("src2", 40, 8, REGISTER)) },
    { "ARITH_REG32", CS_OP_ARITH_REG32, .min_arch = 13,
      FIELDS(ENUM("op", 24, 8, arith_reg_names), DST,
             FIELD("src0", 40, 8, REGISTER), FIELD("src1", 32, 8, REGISTER),
             FIELD("value", 0, 24, HEX)) },
    { "LOGIC_OP32", CS_OP_LOGIC_OP32, .min_arch = 11,
      FIELDS(DST, FIELD("src0", 40, 8, REGISTER),
             FIELD("src1", 32, 8, REGISTER), FIELD("mode", 0, 4, HEX),
             FLAG("index", 4)) },
    { "LOAD_MULTIPLE", CS_OP_LOAD_MULTIPLE,
      FIELDS(FIELD("base", 48, 8, BASE), FIELD("mask", 16, 16, LIST), ADDRESS,
             OFFSET) },
    { "STORE_MULTIPLE", CS_OP_STORE_MULTIPLE,
      FIELDS(FIELD("base", 48, 8, BASE), FIELD("mask", 16, 16, LIST), ADDRESS,
             OFFSET) },
    { "BRANCH", CS_OP_BRANCH,
      FIELDS(ENUM("condition", 28, 3, condition_names, .max_arch = 10),
             ENUM("condition", 28, 4, condition_names, .min_arch = 11), SRC,
             OFFSET) },
    { "SET_SB_ENTRY", CS_OP_SET_SB_ENTRY,
      FIELDS(FIELD("endpoint", 0, 4, ENTRY), FIELD("other", 4, 4, ENTRY)) },
    { "PROGRESS_WAIT", CS_OP_PROGRESS_WAIT, .max_arch = 13,
      FIELDS(SRC_PAIR, FIELD("queue", 0, 5, UNSIGNED)) },
    { "SET_EXCEPTION_HANDLER", CS_OP_SET_EXCEPTION_HANDLER,
      FIELDS(ENUM("type", 0, 8, exception_names), ADDRESS, LENGTH) },
    { "NEXT_SB_ENTRY", CS_OP_NEXT_SB_ENTRY, .min_arch = 11,
      FIELDS(DST, ENUM("type", 32, 4, entry_type_names),
             ENUM("format", 36, 1, entry_format_names)) },
    { "SET_STATE", CS_OP_SET_STATE, .min_arch = 11,
      FIELDS(ENUM("state", 32, 8, state_names), SRC) },
    { "SET_STATE_IMM32", CS_OP_SET_STATE_IMM32, .min_arch = 11,
      FIELDS(ENUM("state", 32, 8, state_names),
             FIELD("value", 0, 32, HEX)) },
    { "SHARED_SB_INC", CS_OP_SHARED_SB_INC, .min_arch = 11,
      FIELDS(FIELD("entry", 48, 4, ENTRY), WAIT, DEFER_MODE, PROGRESS) },
    { "SHARED_SB_DEC", CS_OP_SHARED_SB_DEC, .min_arch = 11,
      FIELDS(FIELD("entry", 48, 4, ENTRY), PROGRESS) },
    { "CALL", CS_OP_CALL,
      FIELDS(ADDRESS, LENGTH) },
    { "JUMP", CS_OP_JUMP,
      FIELDS(ADDRESS, LENGTH) },
    { "REQ_RESOURCE", CS_OP_REQ_RESOURCE,
      FIELDS(FLAG("compute", 0), FLAG("fragment", 1), FLAG("tiler", 2),
             FLAG("idvs", 3), FLAG("ray-tracing", 4, .min_arch = 11)) },
    { "FLUSH_CACHE2", CS_OP_FLUSH_CACHE2,
      FIELDS(ENUM("l2", 0, 4, flush_names), ENUM("lsc", 4, 4, flush_names),
             FLAG("invalidate-other", 9, .max_arch = 10),
             ENUM("other", 8, 4, flush_other_names, .min_arch = 11),
             FIELD("flush-id", 40, 8, REGISTER), WAIT, SIGNAL, DEFER_MODE) },
#define SYNC_FIELDS(data_kind) \
      FIELDS(ADDRESS, FIELD("data", 32, 8, data_kind), \
             ENUM("scope", 1, 2, scope_names), FLAG("propagate", 0), WAIT, \
             SIGNAL, DEFER_MODE)
#define SYNC_WAIT_FIELDS(data_kind) \
      FIELDS(ENUM("condition", 28, 4, condition_names), ADDRESS, \
             FIELD("data", 32, 8, data_kind), FLAG("reject", 0))
    { "SYNC_ADD32", CS_OP_SYNC_ADD32, SYNC_FIELDS(REGISTER) },
    { "SYNC_SET32", CS_OP_SYNC_SET32, SYNC_FIELDS(REGISTER) },
    { "SYNC_WAIT32", CS_OP_SYNC_WAIT32, SYNC_WAIT_FIELDS(REGISTER) },
    { "STORE_STATE", CS_OP_STORE_STATE,
      FIELDS(ENUM("state", 32, 2, stored_state_names, .max_arch = 10),
             ENUM("state", 32, 8, stored_state_names, .min_arch = 11),
             ADDRESS, OFFSET, WAIT, SIGNAL, DEFER_MODE) },
    { "PROT_REGION", CS_OP_PROT_REGION,
      FIELDS(FIELD("size", 0, 16, UNSIGNED)) },
    { "PROGRESS_STORE", CS_OP_PROGRESS_STORE, .max_arch = 13,
      FIELDS(SRC_PAIR) },
    { "PROGRESS_LOAD", CS_OP_PROGRESS_LOAD, .max_arch = 13,
      FIELDS(DST_PAIR) },
    { "RUN_COMPUTE_INDIRECT", CS_OP_RUN_COMPUTE_INDIRECT,
      FIELDS(FIELD("workgroups-per-task", 0, 16, UNSIGNED), EP_LIMIT,
             SRT, SPD, TSD, FAU, STAGE, PROGRESS) },
    { "ERROR_BARRIER", CS_OP_ERROR_BARRIER },
    { "HEAP_SET", CS_OP_HEAP_SET,
      FIELDS(ADDRESS) },
    { "HEAP_OPERATION", CS_OP_HEAP_OPERATION,
      FIELDS(ENUM("op", 32, 2, heap_operation_names, .max_arch = 10),
             ENUM("op", 32, 3, heap_operation_names, .min_arch = 11), WAIT,
             SIGNAL, DEFER_MODE) },
    { "TRACE_POINT", CS_OP_TRACE_POINT,
      FIELDS(FIELD("base", 32, 8, BASE), FIELD("count", 40, 8, COUNT), WAIT,
             SIGNAL, DEFER_MODE) },
    { "SYNC_ADD64", CS_OP_SYNC_ADD64, SYNC_FIELDS(PAIR) },
    { "SYNC_SET64", CS_OP_SYNC_SET64, SYNC_FIELDS(PAIR) },
    { "SYNC_WAIT64", CS_OP_SYNC_WAIT64, SYNC_WAIT_FIELDS(PAIR) },
    { "ARITH_REG64", CS_OP_ARITH_REG64, .min_arch = 13,
      FIELDS(ENUM("op", 24, 8, arith_reg_names), DST_PAIR,
             FIELD("src0", 40, 8, PAIR), FIELD("src1", 32, 8, PAIR),
             FIELD("value", 0, 24, HEX)) },
    { "ENOP", CS_OP_ENOP, .min_arch = 14 },
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
