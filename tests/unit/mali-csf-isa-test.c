/*
 * Unit test of the command-stream encoders that the model, the qtests and
 * the guest programs share
 *
 * The words are those that panthor itself writes (panthor_sched.c,
 * prepare_job_instrs(), Linux 7.3), or that genxml of Mesa 25.0.7 packs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/gpu/mali-csf/cs-isa.h"

/* The job wrapper: register pairs 92 and 94 of 96 */
static void test_wrapper(void)
{
    const uint64_t addr = 92, val = 94;

    g_assert_cmphex(cs_move32(94, 0x123456), ==,
                    2ull << 56 | val << 48 | 0x123456);
    g_assert_cmphex(cs_flush_cache2(0x233, 94, 0, 0), ==,
                    36ull << 56 | val << 40 | 0x233);
    g_assert_cmphex(cs_move48(92, 0xffff00001000ull), ==,
                    1ull << 56 | addr << 48 | 0xffff00001000ull);
    g_assert_cmphex(cs_wait(1 << 0), ==, 3ull << 56 | 1 << 16);
    g_assert_cmphex(cs_call(92, 94), ==,
                    32ull << 56 | addr << 40 | val << 32);
    g_assert_cmphex(cs_wait(0xff), ==, 3ull << 56 | 0xff << 16);
    g_assert_cmphex(cs_sync(CS_OP_SYNC_ADD64, 92, 94, CS_SYNC_SCOPE_SYSTEM,
                            1, 0, 0), ==,
                    51ull << 56 | addr << 40 | val << 32 | 1);
    g_assert_cmphex(cs_error_barrier(), ==, 47ull << 56);
    g_assert_cmphex(cs_nop(), ==, 0);
    /* With profiling: cycle count, then timestamp */
    g_assert_cmphex(cs_store_state(92, 0, CS_STATE_CYCLE_COUNT, 0, 0), ==,
                    40ull << 56 | addr << 40 | 1ull << 32);
    g_assert_cmphex(cs_store_state(92, 0, CS_STATE_TIMESTAMP, 0, 0), ==,
                    40ull << 56 | addr << 40);
}

/* Signed fields must not run over into their neighbours. */
static void test_signed_fields(void)
{
    g_assert_cmphex(cs_add_imm32(1, 2, -1), ==, 0x10010200ffffffffull);
    g_assert_cmphex(cs_add_imm64(2, 4, -2), ==, 0x11020400fffffffeull);
    g_assert_cmphex(cs_load_multiple(33, 0x1b, 6, -4), ==,
                    0x14210600001bfffcull);
    g_assert_cmphex(cs_store_multiple(0, 0xfc03, 8, -32768), ==,
                    0x15000800fc038000ull);
    g_assert_cmphex(cs_branch(CS_COND_ALWAYS, 0, -1), ==,
                    0x160000006000ffffull);
    g_assert_cmphex(cs_branch(CS_COND_NE, 7, 3), ==, 0x1600070030000003ull);
    g_assert_cmphex(cs_store_state(4, -8, CS_STATE_ERROR_STATUS, 0, 0), ==,
                    0x280004030000fff8ull);
}

static void test_wide_values(void)
{
    /* What does not fit is cut off. */
    g_assert_cmphex(cs_move48(0, ~0ull), ==, 0x0100ffffffffffffull);
    g_assert_cmphex(cs_load_multiple(0, 0x1ffff, 0, 0), ==,
                    0x14000000ffff0000ull);
    g_assert_cmphex(cs_opcode(0xff), ==, 0xff00000000000000ull);
}

static void test_sync(void)
{
    g_assert_cmphex(cs_sync(CS_OP_SYNC_SET32, 2, 4, CS_SYNC_SCOPE_CSG, 0,
                            0x80, 3), ==, 0x2603020400800004ull);
    g_assert_cmphex(cs_sync_wait(CS_OP_SYNC_WAIT64, 2, 4, CS_COND_GT, 1), ==,
                    0x3500020410000001ull);
    g_assert_cmphex(cs_sync_wait(CS_OP_SYNC_WAIT32, 2, 4, CS_COND_GE, 0), ==,
                    0x2700020450000000ull);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/mali-csf/isa/wrapper", test_wrapper);
    g_test_add_func("/mali-csf/isa/signed-fields", test_signed_fields);
    g_test_add_func("/mali-csf/isa/wide-values", test_wide_values);
    g_test_add_func("/mali-csf/isa/sync", test_sync);

    return g_test_run();
}
