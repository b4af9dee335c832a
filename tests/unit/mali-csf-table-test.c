/*
 * Unit test of the table of command-stream instructions and of the
 * disassembler that reads it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/gpu/mali-csf/cs-isa.h"
#include "hw/gpu/mali-csf/cs-table.h"

static void test_rows(void)
{
    unsigned last = 0;

    for (size_t i = 0; i < cs_num_instructions; i++) {
        const CsInstruction *row = &cs_instructions[i];

        g_assert_cmpuint(row->opcode, >=, last);
        last = row->opcode;
        for (unsigned arch = CS_ARCH_FIRST; arch <= CS_ARCH_LAST; arch++) {
            if (arch >= row->min_arch &&
                (!row->max_arch || arch <= row->max_arch)) {
                /* There is no other of this opcode. */
                g_assert(cs_instruction_find(row->opcode, arch) == row);
            }
        }
    }
    g_assert_null(cs_instruction_find(10, 10));
    g_assert_null(cs_instruction_find(255, 14));
}

/* Fields do not overlap, and what names registers has its companion. */
static void test_fields(void)
{
    for (size_t i = 0; i < cs_num_instructions; i++) {
        const CsInstruction *row = &cs_instructions[i];

        for (unsigned arch = CS_ARCH_FIRST; arch <= CS_ARCH_LAST; arch++) {
            uint64_t seen = cs_opcode(0xff);
            unsigned bases = 0, lists = 0;
            const CsField *field = row->fields;

            for (; field && field->kind != CS_FIELD_END; field++) {
                g_assert_nonnull(field->name);
                g_assert_cmpuint(field->width, >, 0);
                if (!cs_field_exists(field, arch)) {
                    continue;
                }
                g_assert_cmphex(seen & cs_field_mask(field), ==, 0);
                seen |= cs_field_mask(field);
                switch (field->kind) {
                case CS_FIELD_BASE:
                    bases++;
                    /* fall through */
                case CS_FIELD_REGISTER:
                case CS_FIELD_PAIR:
                case CS_FIELD_ENDPOINT_REGISTER:
                    g_assert_cmpuint(field->width, ==, 8);
                    g_assert_cmpuint(field->shift % 8, ==, 0);
                    g_assert_cmpuint(field->shift, >=, 32);
                    break;
                case CS_FIELD_LIST:
                case CS_FIELD_COUNT:
                    lists++;
                    g_assert_cmpuint(field->shift, >, 0);
                    break;
                case CS_FIELD_ENUM:
                    g_assert_cmpuint(field->num_values, <=,
                                     1u << field->width);
                    break;
                case CS_FIELD_FLAG:
                    g_assert_cmpuint(field->width, ==, 1);
                    break;
                }
            }
            g_assert_cmpuint(bases, <=, 1);
            g_assert_cmpuint(bases, ==, lists);
            g_assert_cmphex(cs_instruction_mask(row, arch), ==,
                            seen & ~cs_opcode(0xff));
        }
    }
}

typedef struct DisasTest {
    uint64_t word;
    unsigned arch;
    const char *text;
} DisasTest;

static void test_encoders(void)
{
    const DisasTest tests[] = {
        { cs_nop(), 10, "NOP" },
        { cs_nop() | 0x12, 14, "NOP /* and 0x12 */" },
        { cs_move48(92, 0xffff00001000), 10,
          "MOVE48 d92, value=0xffff00001000" },
        { cs_move32(94, 0x123456), 10, "MOVE32 r94, value=0x123456" },
        { cs_wait(0x81), 10, "WAIT mask=0x81" },
        { cs_wait(0x8100), 10, "WAIT mask=0x0 /* and 0x81000000 */" },
        { cs_wait(0x8100), 11, "WAIT mask=0x8100" },
        { cs_add_imm32(1, 2, -1), 12, "ADD_IMM32 r1, r2, value=-1" },
        { cs_add_imm32(1, 2, -1), 13, "ARITH_IMM32 op=add, r1, r2, value=-1" },
        { cs_add_imm64(2, 4, INT32_MIN), 10,
          "ADD_IMM64 d2, d4, value=-2147483648" },
        { cs_umin32(1, 2, 3), 10, "UMIN32 r1, r2, r3" },
        { cs_load_multiple(33, 0x1b, 6, -4), 10,
          "LOAD_MULTIPLE {r33-r34 r36-r37}, d6, offset=-4" },
        { cs_store_multiple(80, 0xffff, 8, 0x7fff), 10,
          "STORE_MULTIPLE {r80-r95}, d8, offset=32767" },
        { cs_store_multiple(80, 0, 8, 0), 10,
          "STORE_MULTIPLE {}, base=r80, d8, offset=0" },
        { cs_branch(CS_COND_NE, 7, -3), 10,
          "BRANCH condition=ne, r7, offset=-3" },
        { cs_branch(7, 7, 0), 10, "BRANCH condition=7, r7, offset=0" },
        { cs_branch(9, 7, 0), 10,
          "BRANCH condition=gt, r7, offset=0 /* and 0x80000000 */" },
        { cs_branch(9, 7, 0), 11, "BRANCH condition=9, r7, offset=0" },
        { cs_set_sb_entry(1, 2), 10, "SET_SB_ENTRY endpoint=1, other=2" },
        { cs_call(92, 94), 10, "CALL d92, r94" },
        { cs_jump(92, 94), 10, "JUMP d92, r94" },
        { cs_req_resource(5), 10, "REQ_RESOURCE compute, tiler" },
        { cs_req_resource(0), 10, "REQ_RESOURCE" },
        { cs_req_resource(0x10), 10, "REQ_RESOURCE /* and 0x10 */" },
        { cs_req_resource(0x10), 11, "REQ_RESOURCE ray-tracing" },
        { cs_flush_cache2(0x233, 94, 6, 1), 10,
          "FLUSH_CACHE2 l2=clean-invalidate, lsc=clean-invalidate, "
          "invalidate-other, r94, wait=0x6, signal=1" },
        { cs_flush_cache2(0x733, 94, 6, 1), 10,
          "FLUSH_CACHE2 l2=clean-invalidate, lsc=clean-invalidate, "
          "invalidate-other, r94, wait=0x6, signal=1 /* and 0x500 */" },
        { cs_flush_cache2(0x233, 94, 6, 1), 11,
          "FLUSH_CACHE2 l2=clean-invalidate, lsc=clean-invalidate, "
          "other=invalidate, r94, wait=0x6, signal=1" },
        { cs_sync(CS_OP_SYNC_ADD64, 92, 94, CS_SYNC_SCOPE_SYSTEM, 1, 0, 0),
          10, "SYNC_ADD64 d92, d94, scope=system, propagate, signal=0" },
        { cs_sync(CS_OP_SYNC_SET32, 2, 5, CS_SYNC_SCOPE_CSG, 0, 0x80, 3) |
          1ull << 52, 11,
          "SYNC_SET32 d2, r5, scope=csg, wait=0x80, signal=3, defer" },
        { cs_sync_wait(CS_OP_SYNC_WAIT64, 2, 4, CS_COND_GT, 1), 10,
          "SYNC_WAIT64 condition=gt, d2, d4, reject" },
        { cs_store_state(4, -8, CS_STATE_ERROR_STATUS, 0, 0), 10,
          "STORE_STATE state=error-status, d4, offset=-8, signal=0" },
        { cs_error_barrier(), 10, "ERROR_BARRIER" },
        { cs_opcode(CS_OP_RUN_TILING), 10,
          "RUN_TILING flags=0x0, srt=0, spd=0, tsd=0, fau=0" },
        { cs_opcode(CS_OP_RUN_TILING), 11, ".word 0x0500000000000000" },
        { cs_opcode(CS_OP_TRACE_POINT) | 3ull << 40 | 9ull << 32, 10,
          "TRACE_POINT r9, count=3, signal=0" },
        { cs_trace_point(9, 3, 1, 2), 10,
          "TRACE_POINT r9, count=3, wait=0x1, signal=2" },
        { cs_wait_indirect(), 13, "WAIT mask=0x0, state-mask" },
        { cs_wait(1) | CS_PROGRESS_INCREMENT, 13, "WAIT mask=0x1, progress" },
        { cs_wait(1) | CS_PROGRESS_INCREMENT, 14,
          "WAIT mask=0x1 /* and 0x100000000 */" },
        { cs_run_compute(5, 2), 10, "RUN_COMPUTE task-increment=5, axis=z, "
          "srt=0, spd=0, tsd=0, fau=0" },
        { cs_run_compute(5, 0), 12, "RUN_COMPUTE task-increment=5, axis=x, "
          "ep-limit=0, srt=0, spd=0, tsd=0, fau=0, stage=0" },
        { cs_run_tiling(3), 10,
          "RUN_TILING flags=0x3, srt=0, spd=0, tsd=0, fau=0" },
        { cs_run_idvs(0x10), 11,
          "RUN_IDVS flags=0x10, draw-id-register=r0" },
        { cs_run_idvs(0x10), 12, ".word 0x0600000000000010" },
        { cs_run_idvs2(0x10), 12, "RUN_IDVS2 flags=0x10, vertex-shading=0, "
          "draw-id-register=r0, stage=0" },
        { cs_run_fragment(1), 13, "RUN_FRAGMENT order=horizontal" },
        { cs_run_fragment2(40, 2), 14,
          "RUN_FRAGMENT2 r40, staging=56, ep-offset=28, order=vertical" },
        { cs_run_fullscreen(8, 1), 10, "RUN_FULLSCREEN flags=0x1, d8" },
        { cs_run_compute_indirect(7), 10, "RUN_COMPUTE_INDIRECT "
          "workgroups-per-task=7, srt=0, spd=0, tsd=0, fau=0" },
        { cs_finish_tiling(), 10, "FINISH_TILING" },
        { cs_finish_fragment(4, 6, 1, 2, 3), 10,
          "FINISH_FRAGMENT d4, d6, count, wait=0x2, signal=3" },
        { cs_arith_imm32(CS_ARITH_IMM_UMIN, 1, 2, 3), 13,
          "ARITH_IMM32 op=umin, r1, r2, value=3" },
        { cs_arith_imm64(CS_ARITH_IMM_BFINS, 2, 4, cs_bit_field(1, 2, 3)), 14,
          "ARITH_IMM64 op=bfins-imm, d2, d4, value=197121" },
        { cs_arith_reg32(CS_ARITH_REG_SUB, 1, 2, 3, 0), 13,
          "ARITH_REG32 op=sub, r1, r2, r3, value=0x0" },
        { cs_arith_reg64(CS_ARITH_REG_BFINS, 2, 4, 6, cs_bit_field(8, 9, 0)),
          13, "ARITH_REG64 op=bfins, d2, d4, d6, value=0x908" },
        { cs_arith_reg64(7, 2, 4, 6, 0), 13,
          "ARITH_REG64 op=7, d2, d4, d6, value=0x0" },
        { cs_logic_op32(6, 1, 2, 3, 1), 11,
          "LOGIC_OP32 r1, r2, r3, mode=0x6, index" },
        { cs_progress_wait(3, 4), 10, "PROGRESS_WAIT d4, queue=3" },
        { cs_progress_store(4), 13, "PROGRESS_STORE d4" },
        { cs_progress_load(4), 13, "PROGRESS_LOAD d4" },
        { cs_progress_load(4), 14, ".word 0x2b04000000000000" },
        { cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 4, 6), 10,
          "SET_EXCEPTION_HANDLER type=tiler-oom, d4, r6" },
        { cs_next_sb_entry(4, CS_SB_TYPE_DEFERRED, CS_SB_FORMAT_MASK), 11,
          "NEXT_SB_ENTRY r4, type=deferred, format=mask" },
        { cs_set_state(CS_SET_STATE_SB_MASK_STREAM, 7), 11,
          "SET_STATE state=sb-mask-stream, r7" },
        { cs_set_state_imm32(CS_SET_STATE_SB_SEL_OTHER, 15), 11,
          "SET_STATE_IMM32 state=sb-sel-other, value=0xf" },
        { cs_set_state_imm32(5, 0), 11,
          "SET_STATE_IMM32 state=5, value=0x0" },
        { cs_shared_sb_inc(9, 1), 13, "SHARED_SB_INC entry=9, wait=0x1" },
        { cs_shared_sb_dec(9), 14, "SHARED_SB_DEC entry=9" },
        { cs_prot_region(0x20), 10, "PROT_REGION size=32" },
        { cs_heap_set(4), 10, "HEAP_SET d4" },
        { cs_heap_operation(CS_HEAP_FRAGMENT_COMPLETED, 1, 2), 10,
          "HEAP_OPERATION op=fragment-completed, wait=0x1, signal=2" },
        { cs_heap_operation(4, 0, 0), 11, "HEAP_OPERATION op=4, signal=0" },
        { cs_sync(CS_OP_SYNC_ADD32, 2, 5, CS_SYNC_SCOPE_SYSTEM, 0, 0, 0), 10,
          "SYNC_ADD32 d2, r5, scope=system, signal=0" },
        { cs_sync(CS_OP_SYNC_SET64, 2, 4, 1, 0, 0, 0) | CS_DEFER_INDIRECT, 14,
          "SYNC_SET64 d2, d4, scope=1, signal=0, defer" },
        { cs_sync_wait(CS_OP_SYNC_WAIT32, 2, 5, CS_COND_LE, 0), 10,
          "SYNC_WAIT32 condition=le, d2, r5" },
        { cs_enop(), 14, "ENOP" },
        { cs_opcode(0xff), 14, ".word 0xff00000000000000" },
        { cs_opcode(CS_OP_ENOP), 14, "ENOP" },
        { cs_opcode(CS_OP_ENOP), 13, ".word 0x8000000000000000" },
    };

    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        char text[CS_DISAS_MAX];

        cs_disassemble(text, tests[i].word, tests[i].arch);
        g_assert_cmpstr(text, ==, tests[i].text);
    }

    /* There is a test of every row. */
    for (size_t row = 0; row < cs_num_instructions; row++) {
        bool found = false;

        for (int i = 0; i < ARRAY_SIZE(tests); i++) {
            found |= cs_instruction_find(tests[i].word >> CS_OPCODE_SHIFT,
                                         tests[i].arch) ==
                     &cs_instructions[row];
        }
        if (!found) {
            g_test_message("no test of %s, first architecture %u",
                           cs_instructions[row].name,
                           cs_instructions[row].min_arch);
        }
        g_assert_true(found);
    }
}

/*
 * Any word becomes text that fits, is not cut off, and differs from that of
 * any other word: here, of the one that differs in a single bit.
 */
static void test_noise(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(0x6a11);

    for (int i = 0; i < 100000; i++) {
        uint64_t word = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
        unsigned arch = g_rand_int_range(rand, 0, 16);
        char text[CS_DISAS_MAX], other[CS_DISAS_MAX];

        if (i & 1) {
            const CsInstruction *row =
                &cs_instructions[i / 2 % cs_num_instructions];

            word = (word & ~cs_opcode(0xff)) | cs_opcode(row->opcode);
        }
        cs_disassemble(text, word, arch);
        g_assert_cmpuint(strlen(text), <, CS_DISAS_MAX - 1);
        g_assert_cmpuint(strlen(text), >, 2);
        cs_disassemble(other, word ^ 1ull << g_rand_int_range(rand, 0, 64),
                       arch);
        g_assert_cmpstr(text, !=, other);
    }
}

/* Whether both have @field, if so at the same place of a word */
static void assert_same_place(const CsInstruction *a, const CsInstruction *b,
                              const char *field)
{
    for (const CsField *f = a->fields; f->kind != CS_FIELD_END; f++) {
        for (const CsField *g = b->fields; g->kind != CS_FIELD_END; g++) {
            if (!strcmp(f->name, g->name) &&
                (!field || !strcmp(f->name, field)) && f->shift != g->shift) {
                g_test_message("%s of %s and of %s", f->name, a->name, b->name);
                g_test_fail();
            }
        }
    }
}

/* Of instructions that one function of the model executes */
static void test_same_places(void)
{
    static const char *const everywhere[] = {
        "wait", "signal", "defer", "progress",
    };
    static const struct {
        unsigned arch;
        uint8_t opcodes[4];
    } alike[] = {
        { 10, { CS_OP_LOAD_MULTIPLE, CS_OP_STORE_MULTIPLE } },
        { 10, { CS_OP_SYNC_ADD32, CS_OP_SYNC_ADD64, CS_OP_SYNC_SET32,
                CS_OP_SYNC_SET64 } },
        { 10, { CS_OP_SYNC_WAIT32, CS_OP_SYNC_WAIT64 } },
        { 10, { CS_OP_CALL, CS_OP_JUMP } },
        { 10, { CS_OP_RUN_COMPUTE, CS_OP_RUN_COMPUTE_INDIRECT } },
        { 11, { CS_OP_SET_STATE, CS_OP_SET_STATE_IMM32 } },
        { 13, { CS_OP_ARITH_IMM32, CS_OP_ARITH_IMM64 } },
        { 13, { CS_OP_ARITH_REG32, CS_OP_ARITH_REG64 } },
    };

    for (size_t i = 0; i < cs_num_instructions; i++) {
        for (size_t j = 0; j < cs_num_instructions; j++) {
            for (int k = 0; k < ARRAY_SIZE(everywhere); k++) {
                assert_same_place(&cs_instructions[i], &cs_instructions[j],
                                  everywhere[k]);
            }
        }
    }
    for (int i = 0; i < ARRAY_SIZE(alike); i++) {
        for (int j = 1; j < 4 && alike[i].opcodes[j]; j++) {
            assert_same_place(cs_instruction_find(alike[i].opcodes[0],
                                                  alike[i].arch),
                              cs_instruction_find(alike[i].opcodes[j],
                                                  alike[i].arch), NULL);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/mali-csf/table/rows", test_rows);
    g_test_add_func("/mali-csf/table/fields", test_fields);
    g_test_add_func("/mali-csf/table/encoders", test_encoders);
    g_test_add_func("/mali-csf/table/noise", test_noise);
    g_test_add_func("/mali-csf/table/same-places", test_same_places);

    return g_test_run();
}
