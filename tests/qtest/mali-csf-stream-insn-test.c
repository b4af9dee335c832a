/*
 * QTest for the Arm Mali CSF GPU: instructions of the command streams
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-stream.h"

/* Instructions */

static void test_move(void)
{
    const uint64_t words[] = {
        cs_move32(1, 0xffffffff),
        cs_move48(0, 0x89abcdef),
        cs_move32(3, 0x12345678),
        cs_move48(4, 0xfedcba987654ull),
        cs_move32(6, 0x80000000),
        cs_move32(7, 7),
        cs_move32(6, 6),
    };
    uint32_t regs[16];
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    run_and_dump(&b, words, ARRAY_SIZE(words), regs);
    g_assert_cmphex(regs[0], ==, 0x89abcdef);
    g_assert_cmphex(regs[1], ==, 0);
    g_assert_cmphex(regs[2], ==, 0);
    g_assert_cmphex(regs[3], ==, 0x12345678);
    g_assert_cmphex(regs[4], ==, 0xba987654);
    g_assert_cmphex(regs[5], ==, 0xfedc);
    g_assert_cmphex(regs[6], ==, 6);
    g_assert_cmphex(regs[7], ==, 7);
    mali_csf_bench_quit(&b);
}

static void test_add(void)
{
    const uint64_t words[] = {
        cs_move32(0, 0xffffffff),
        cs_move32(1, 5),
        cs_add_imm32(2, 0, 1),
        cs_add_imm32(3, 1, -7),
        cs_add_imm64(4, 0, 1),
        cs_move48(6, 0),
        cs_add_imm64(6, 6, -1),
        cs_move32(8, 0xffffffff),
        cs_move32(9, 0x7fffffff),
        cs_add_imm64(8, 8, 0x7fffffff),
        cs_move32(10, 0x80000000),
        cs_move32(11, 3),
        cs_umin32(12, 10, 11),
        cs_umin32(13, 11, 10),
        cs_umin32(14, 10, 10),
    };
    uint32_t regs[16];
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    run_and_dump(&b, words, ARRAY_SIZE(words), regs);
    g_assert_cmphex(regs[0], ==, 0xffffffff);
    g_assert_cmphex(regs[1], ==, 5);
    g_assert_cmphex(regs[2], ==, 0);
    g_assert_cmphex(regs[3], ==, (uint32_t)-2);
    g_assert_cmphex(regs[4], ==, 0);
    g_assert_cmphex(regs[5], ==, 6);
    g_assert_cmphex(regs[6], ==, 0xffffffff);
    g_assert_cmphex(regs[7], ==, 0xffffffff);
    g_assert_cmphex(regs[8], ==, 0x7ffffffe);
    g_assert_cmphex(regs[9], ==, 0x80000000);
    g_assert_cmphex(regs[12], ==, 3);
    g_assert_cmphex(regs[13], ==, 3);
    g_assert_cmphex(regs[14], ==, 0x80000000);
    mali_csf_bench_quit(&b);
}

/* Words in memory are consecutive for the bits that are set. */
static void test_load_packed(void)
{
    QMaliCsfBench b;
    uint32_t regs[16];
    uint64_t words[4];

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < 16; i++) {
        qtest_writel(b.gpu.qts, b.code.pa + 0x40 + i * 4, 0x100 + i);
    }
    words[0] = cs_move48(0, b.code.va + 0x80);
    /* As panvk loads an indirect draw */
    words[1] = cs_load_multiple(3, 0x1b, 0, -0x40);
    words[2] = cs_load_multiple(8, 0x84, 0, -0x30);
    words[3] = cs_wait(1);
    run_and_dump(&b, words, 4, regs);
    g_assert_cmphex(regs[2], ==, 0);
    g_assert_cmphex(regs[3], ==, 0x100);
    g_assert_cmphex(regs[4], ==, 0x101);
    g_assert_cmphex(regs[5], ==, 0);
    g_assert_cmphex(regs[6], ==, 0x102);
    g_assert_cmphex(regs[7], ==, 0x103);
    g_assert_cmphex(regs[8], ==, 0);
    g_assert_cmphex(regs[10], ==, 0x104);
    g_assert_cmphex(regs[14], ==, 0);
    g_assert_cmphex(regs[15], ==, 0x105);
    mali_csf_bench_quit(&b);
}

static void test_store_packed(void)
{
    QMaliCsfBench b;
    uint64_t words[20];
    int n = 0;

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < 16; i++) {
        words[n++] = cs_move32(20 + i, 0x200 + i);
    }
    words[n++] = cs_move48(0, b.out.va + 0x100);
    /* As panvk stores a tiler descriptor */
    words[n++] = cs_store_multiple(20, 0xfc03, 0, 0x40);
    words[n++] = cs_store_multiple(20, 0, 0, 0);
    words[n++] = cs_store_multiple(20, 0x8001, 0, -0x100);
    mali_csf_queue_exec(b.queue, words, n);
    g_assert_cmphex(mali_csf_bench_out(&b, 0x140), ==, 0x200);
    g_assert_cmphex(mali_csf_bench_out(&b, 0x144), ==, 0x201);
    for (int i = 0; i < 6; i++) {
        g_assert_cmphex(mali_csf_bench_out(&b, 0x148 + i * 4), ==,
                        0x20a + i);
    }
    g_assert_cmphex(mali_csf_bench_out(&b, 0x160), ==, 0);
    g_assert_cmphex(mali_csf_bench_out(&b, 0x13c), ==, 0);
    g_assert_cmphex(mali_csf_bench_out(&b, 0x100), ==, 0);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0x200);
    g_assert_cmphex(mali_csf_bench_out(&b, 4), ==, 0x20f);
    g_assert_cmphex(mali_csf_bench_out(&b, 8), ==, 0);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

/* The address pair may be among the registers that are loaded. */
static void test_load_over_address(void)
{
    QMaliCsfBench b;
    uint32_t regs[16];
    uint64_t words[3];

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < 8; i++) {
        qtest_writel(b.gpu.qts, b.code.pa + i * 4, 0x300 + i);
    }
    words[0] = cs_move48(2, b.code.va);
    words[1] = cs_load_multiple(0, 0xff, 2, 0);
    words[2] = cs_wait(1);
    run_and_dump(&b, words, 3, regs);
    for (int i = 0; i < 8; i++) {
        g_assert_cmphex(regs[i], ==, 0x300 + i);
    }
    mali_csf_bench_quit(&b);
}

static void test_branch(void)
{
    static const uint32_t values[] = { 0x80000000, 0xffffffff, 0, 1,
                                       0x7fffffff };
    /* Bit i: taken for values[i] */
    static const uint8_t taken[] = {
        [CS_COND_LE] = 0x07, [CS_COND_GT] = 0x18, [CS_COND_EQ] = 0x04,
        [CS_COND_NE] = 0x1b, [CS_COND_LT] = 0x03, [CS_COND_GE] = 0x1c,
        [CS_COND_ALWAYS] = 0x1f,
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    for (unsigned cond = 0; cond < ARRAY_SIZE(taken); cond++) {
        uint64_t words[20];
        int n = 0;

        words[n++] = cs_move32(8, 0);
        for (int i = 0; i < ARRAY_SIZE(values); i++) {
            words[n++] = cs_move32(7, values[i]);
            words[n++] = cs_branch(cond, 7, 1);
            words[n++] = cs_add_imm32(8, 8, 1 << i);
        }
        words[n++] = cs_move48(4, b.out.va);
        words[n++] = cs_store_multiple(8, 1, 4, 0);
        mali_csf_queue_exec(b.queue, words, n);
        g_test_message("condition %u", cond);
        g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0x1f & ~taken[cond]);
    }
    mali_csf_bench_quit(&b);
}

static void test_branch_loop(void)
{
    QMaliCsfBench b;
    uint64_t words[] = {
        cs_move32(2, 1000),
        cs_add_imm32(3, 3, 3),
        cs_add_imm32(2, 2, -1),
        cs_branch(CS_COND_NE, 2, -3),
        0, 0,
    };

    mali_csf_bench_init(&b, NULL);
    words[4] = cs_move48(4, b.out.va);
    words[5] = cs_store_multiple(3, 1, 4, 0);
    mali_csf_bench_call(&b, words, ARRAY_SIZE(words));
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), ==, 3000);
    mali_csf_bench_quit(&b);
}

/* Exactly the end is a return; beyond it, and before the start, are not. */
static void test_branch_end(void)
{
    const uint64_t words[] = {
        cs_branch(CS_COND_ALWAYS, 0, 2),
        cs_move32(2, 1),
        cs_move32(2, 1),
    };
    const uint64_t after[] = {
        cs_move48(4, 0),
        cs_add_imm32(2, 2, 0x77),
        cs_store_multiple(2, 1, 4, 0),
    };
    uint64_t job[ARRAY_SIZE(after)];
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_bench_call(&b, words, ARRAY_SIZE(words));
    memcpy(job, after, sizeof(job));
    job[0] = cs_move48(4, b.out.va);
    mali_csf_queue_exec(b.queue, job, ARRAY_SIZE(job));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0x77);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

static void test_branch_outside(const void *data)
{
    const int16_t offset = *(const int16_t *)data;
    const uint64_t words[] = {
        cs_nop(),
        cs_branch(CS_COND_ALWAYS, 0, offset),
        cs_nop(),
        cs_nop(),
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_bench_call(&b, words, ARRAY_SIZE(words));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                       LONG_ENOUGH));
    mali_csf_bench_quit(&b);
}

/* Calls that are nested @depth deep, below the ring */
static void submit_nest(QMaliCsfBench *b, unsigned depth)
{
    const unsigned size = 0x80;
    const uint64_t call[] = {
        cs_move48(4, b->code.va),
        cs_move32(6, 5 * 8),
        cs_call(4, 6),
        cs_move48(4, b->out.va),
        cs_store_multiple(8, 1, 4, 0),
    };

    for (unsigned i = 0; i < depth; i++) {
        uint64_t pa = b->code.pa + i * size;

        qtest_writeq(b->gpu.qts, pa, cs_add_imm32(8, 8, 1));
        qtest_writeq(b->gpu.qts, pa + 8, cs_move48(4, b->code.va +
                                                   (i + 1) * size));
        qtest_writeq(b->gpu.qts, pa + 16, i + 1 < depth ? cs_call(4, 6) :
                     cs_nop());
        /* Seen only on the way back */
        qtest_writeq(b->gpu.qts, pa + 24, cs_add_imm32(8, 8, 0x100));
        qtest_writeq(b->gpu.qts, pa + 32, cs_nop());
    }
    mali_csf_queue_submit(b->queue, call, ARRAY_SIZE(call));
}

static void test_call_depth(void)
{
    const unsigned limit = CS_CALL_STACK_DEPTH - 1;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_nest(&b, limit);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, limit * 0x101);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

static void test_call_overflow(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_nest(&b, CS_CALL_STACK_DEPTH);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_CALL_STACK_OVERFLOW);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_bench_quit(&b);
}

static void test_call_empty(void)
{
    QMaliCsfBench b;
    uint64_t job[] = {
        cs_move48(4, 0x1000),
        cs_move32(6, 0),
        cs_call(4, 6),
        cs_move32(8, NEW),
        0,
        cs_store_multiple(8, 1, 4, 0),
    };

    mali_csf_bench_init(&b, NULL);
    job[4] = cs_move48(4, b.out.va);
    mali_csf_queue_exec(b.queue, job, ARRAY_SIZE(job));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* JUMP replaces the frame: its end returns to the caller's caller. */
static void test_jump(void)
{
    QMaliCsfBench b;
    uint64_t first[] = {
        cs_move32(8, 1),
        0,
        cs_move32(6, 16),
        cs_jump(4, 6),
        cs_move32(8, 0xbad),
    };

    mali_csf_bench_init(&b, NULL);
    first[1] = cs_move48(4, b.code.va + 0x800);
    qtest_writeq(b.gpu.qts, b.code.pa + 0x800, cs_add_imm32(8, 8, 0x10));
    qtest_writeq(b.gpu.qts, b.code.pa + 0x808, cs_add_imm32(8, 8, 0x100));
    qtest_writeq(b.gpu.qts, b.code.pa + 0x810, cs_move32(8, 0xbad));
    mali_csf_bench_call(&b, first, ARRAY_SIZE(first));
    {
        const uint64_t job[] = {
            cs_move48(4, b.out.va),
            cs_store_multiple(8, 1, 4, 0),
        };

        mali_csf_queue_exec(b.queue, job, ARRAY_SIZE(job));
    }
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0x111);
    mali_csf_bench_quit(&b);
}

static void test_sync_write(void)
{
    static const struct {
        unsigned opcode;
        bool wide;
        uint64_t expect;
    } ops[] = {
        { CS_OP_SYNC_ADD32, false, 0xfffffffeull + 5 },
        { CS_OP_SYNC_SET32, false, 5 },
        { CS_OP_SYNC_ADD64, true, 0x1fffffffeull + 0x700000005ull },
        { CS_OP_SYNC_SET64, true, 0x700000005ull },
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < ARRAY_SIZE(ops); i++) {
        const uint64_t job[] = {
            cs_move48(2, 0x700000005ull),
            cs_move48(4, b.out.va + 0x100),
            cs_sync(ops[i].opcode, 4, 2, CS_SYNC_SCOPE_CSG, 0, 0, 0),
        };
        uint64_t pa = b.out.pa + 0x100;

        /* Value, error, and a neighbour that is not touched */
        qtest_writeq(b.gpu.qts, pa, 0x1fffffffeull);
        qtest_writeq(b.gpu.qts, pa + 8, 0x5555555566666666ull);
        mali_csf_queue_exec(b.queue, job, ARRAY_SIZE(job));
        if (ops[i].wide) {
            g_assert_cmphex(qtest_readq(b.gpu.qts, pa), ==, ops[i].expect);
            g_assert_cmphex(qtest_readl(b.gpu.qts, pa + CS_SYNC64_ERROR), ==,
                            0);
            g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 12), ==, 0x55555555);
        } else {
            g_assert_cmphex(qtest_readl(b.gpu.qts, pa), ==,
                            (uint32_t)ops[i].expect);
            g_assert_cmphex(qtest_readl(b.gpu.qts, pa + CS_SYNC32_ERROR), ==,
                            0);
            g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 8), ==, 0x66666666);
        }
    }
    mali_csf_bench_quit(&b);
}

/* Only system scope is told to the host. */
static void test_sync_scope(const void *data)
{
    const unsigned scope = *(const unsigned *)data;
    QMaliCsfBench b;
    uint64_t job[] = {
        cs_move48(2, 1),
        0,
        cs_sync(CS_OP_SYNC_ADD64, 4, 2, scope, 0, 0, 0),
    };

    mali_csf_bench_init(&b, NULL);
    job[1] = cs_move48(4, b.out.va);
    mali_csf_queue_exec(b.queue, job, ARRAY_SIZE(job));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmpint(mali_csf_csg_event(&b.gpu, 0, CSG_SYNC_UPDATE), ==,
                    scope == CS_SYNC_SCOPE_SYSTEM);
    g_assert_cmphex(qtest_readq(b.gpu.qts, b.out.pa), ==, 1);
    mali_csf_bench_quit(&b);
}

/* While the host has not looked, a second event must not undo the first. */
static void test_sync_update_coalesced(void)
{
    QMaliCsfBench b;
    uint64_t job[] = {
        cs_move48(2, 1),
        0,
        cs_sync(CS_OP_SYNC_ADD64, 4, 2, CS_SYNC_SCOPE_SYSTEM, 0, 0, 0),
    };

    mali_csf_bench_init(&b, NULL);
    job[1] = cs_move48(4, b.out.va);
    for (int i = 0; i < 4; i++) {
        mali_csf_queue_exec(b.queue, job, ARRAY_SIZE(job));
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_SYNC_UPDATE));
    }
    mali_csf_ack_events(&b.gpu);
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, CSG_SYNC_UPDATE));
    mali_csf_queue_exec(b.queue, job, ARRAY_SIZE(job));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_SYNC_UPDATE));
    g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT) & JOB_INT_CSG(0), !=,
                    0);
    mali_csf_bench_quit(&b);
}

static void test_store_state(void)
{
    QMaliCsfBench b;
    uint64_t job[8], before, after;
    int n = 0;

    mali_csf_bench_init(&b, NULL);
    qtest_memset(b.gpu.qts, b.out.pa, 0xff, 64);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    job[n++] = cs_move48(4, b.out.va + 0x20);
    job[n++] = cs_store_state(4, -0x20, CS_STATE_TIMESTAMP, 0, 0);
    job[n++] = cs_store_state(4, -0x18, CS_STATE_CYCLE_COUNT, 0, 0);
    job[n++] = cs_store_state(4, -0x10, CS_STATE_DISJOINT_COUNT, 0, 0);
    job[n++] = cs_store_state(4, -0x08, CS_STATE_ERROR_STATUS, 0, 0);
    before = mali_csf_readq(&b.gpu, A_TIMESTAMP_LO);
    mali_csf_queue_exec(b.queue, job, n);
    after = mali_csf_readq(&b.gpu, A_TIMESTAMP_LO);
    g_assert_cmpuint(qtest_readq(b.gpu.qts, b.out.pa), >=, before);
    g_assert_cmpuint(qtest_readq(b.gpu.qts, b.out.pa), <=, after);
    g_assert_cmpuint(qtest_readq(b.gpu.qts, b.out.pa + 8), <=,
                     mali_csf_readq(&b.gpu, A_CYCLE_COUNT_LO));
    g_assert_cmphex(qtest_readq(b.gpu.qts, b.out.pa + 16), ==, 0);
    g_assert_cmphex(qtest_readq(b.gpu.qts, b.out.pa + 24), ==, 0);
    g_assert_cmphex(qtest_readq(b.gpu.qts, b.out.pa + 32), ==, ~0ull);
    mali_csf_bench_quit(&b);
}

/* A flush that takes time keeps its entry, and is done at its end. */
static void test_flush_latency(void)
{
    const int64_t latency = 10 * MALI_CSF_MS;
    const uint32_t flush_id = MALI_CSF_USER_BASE + A_LATEST_FLUSH_ID;
    uint64_t words[] = {
        cs_move48(90, 0),
        cs_move32(8, NEW),
        cs_flush_cache2(0x233, 2, 0, 3),
        cs_store_multiple(8, 1, 90, 0),
        cs_wait(1 << 3),
        cs_store_multiple(8, 1, 90, 4),
    };
    QMaliCsfBench b;
    uint32_t id;

    mali_csf_bench_init(&b, NULL);
    words[0] = cs_move48(90, b.out.va);
    mali_csf_set_property(&b.gpu, "x-cs-flush-latency-ns", latency);
    id = mali_csf_readl(&b.gpu, flush_id);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, latency - MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    g_assert_cmphex(mali_csf_bench_out(&b, 4), ==, 0);
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_SCOREBOARDS),
                    ==, 1 << 3);
    g_assert_cmphex(mali_csf_readl(&b.gpu, flush_id), ==, id);
    mali_csf_run(&b.gpu, 2 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 4), ==, NEW);
    g_assert_cmphex(mali_csf_readl(&b.gpu, flush_id), ==, id + 1);

    /* One that is not needed takes none. */
    qtest_writeq(b.gpu.qts, b.out.pa, 0);
    words[1] = cs_move32(2, id);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 4), ==, NEW);
    g_assert_cmphex(mali_csf_readl(&b.gpu, flush_id), ==, id + 1);

    /* Deferred, it begins when what it waits for is done. */
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", latency);
    mali_csf_queue_submit(b.queue, (const uint64_t[]) {
                              cs_move32(2, 0), cs_opcode(CS_OP_RUN_COMPUTE),
                              cs_flush_cache2(0x233, 2, 1, 3) }, 3);
    mali_csf_run(&b.gpu, 2 * latency - MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&b.gpu, flush_id), ==, id + 1);
    mali_csf_run(&b.gpu, 2 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&b.gpu, flush_id), ==, id + 2);

    /* SUSPEND does not wait for it, and does not lose it. */
    mali_csf_queue_submit(b.queue, (const uint64_t[]) {
                              cs_flush_cache2(0x233, 2, 0, 3) }, 1);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    mali_csf_group_suspend(&b.group);
    g_assert_cmphex(mali_csf_readl(&b.gpu, flush_id), ==, id + 3);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_SCOREBOARDS),
                    ==, 0);
    mali_csf_run(&b.gpu, 2 * latency);
    g_assert_cmphex(mali_csf_readl(&b.gpu, flush_id), ==, id + 3);
    mali_csf_bench_quit(&b);
}

/* Instructions that change nothing that a stream can see */
static void test_no_effect(void)
{
    const uint64_t words[] = {
        cs_move32(0, NEW),
        cs_nop(),
        cs_nop() | 0x123456,
        cs_set_sb_entry(0, 7),
        cs_set_sb_entry(7, 0),
        cs_req_resource(0xf),
        cs_wait(0xff),
        cs_opcode(CS_OP_RUN_COMPUTE),
        cs_opcode(CS_OP_RUN_TILING),
        cs_opcode(CS_OP_RUN_IDVS),
        cs_opcode(CS_OP_RUN_FRAGMENT),
        cs_opcode(CS_OP_RUN_FULLSCREEN),
        cs_opcode(CS_OP_FINISH_TILING),
        cs_opcode(CS_OP_RUN_COMPUTE_INDIRECT),
        cs_wait(0xff),
        cs_req_resource(0),
        cs_error_barrier(),
        cs_move32(2, 0),
        cs_flush_cache2(0x233, 2, 0, 3),
        cs_wait(1 << 3),
    };
    uint32_t regs[16];
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    run_and_dump(&b, words, ARRAY_SIZE(words), regs);
    g_assert_cmphex(regs[0], ==, NEW);
    for (int i = 1; i < 16; i++) {
        g_assert_cmphex(regs[i], ==, 0);
    }
    assert_healthy(&b);
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_SCOREBOARDS),
                    ==, 0);
    mali_csf_bench_quit(&b);
}

/* The driver's flush: skipped if another was done since the id was read. */
static void test_flush_cache2(void)
{
    const uint32_t reg = MALI_CSF_USER_BASE + A_LATEST_FLUSH_ID;
    QMaliCsfBench b;
    uint32_t id;
    uint64_t job[] = {
        cs_move32(2, 0),
        cs_flush_cache2(0x233, 2, 0, 0),
        cs_wait(1 << 0),
    };

    mali_csf_bench_init(&b, NULL);
    id = mali_csf_readl(&b.gpu, reg);
    mali_csf_queue_exec(b.queue, job, ARRAY_SIZE(job));
    g_assert_cmphex(mali_csf_readl(&b.gpu, reg), >=, id);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    job[0] = cs_move32(2, id);
    id = mali_csf_readl(&b.gpu, reg);
    mali_csf_queue_exec(b.queue, job, ARRAY_SIZE(job));
    g_assert_cmphex(mali_csf_readl(&b.gpu, reg), ==, id);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

int main(int argc, char **argv)
{
    static const int16_t outside[] = { 3, 32767, -3, -32768 };
    static const char *const outside_name[] = {
        "after", "far-after", "before", "far-before",
    };
    static const unsigned scopes[] = {
        CS_SYNC_SCOPE_SYSTEM, CS_SYNC_SCOPE_CSG,
    };
    static const char *const scope_name[] = { "system", "group" };

    g_test_init(&argc, &argv, NULL);

    ADD("insn/move", test_move);
    ADD("insn/add", test_add);
    ADD("insn/load-packed", test_load_packed);
    ADD("insn/store-packed", test_store_packed);
    ADD("insn/load-over-address", test_load_over_address);
    ADD("insn/branch", test_branch);
    ADD("insn/branch-loop", test_branch_loop);
    ADD("insn/branch-end", test_branch_end);
    for (int i = 0; i < ARRAY_SIZE(outside); i++) {
        add_data("insn/branch-outside", outside_name[i], &outside[i],
                 test_branch_outside);
    }
    ADD("insn/call-depth", test_call_depth);
    ADD("insn/call-overflow", test_call_overflow);
    ADD("insn/call-empty", test_call_empty);
    ADD("insn/jump", test_jump);
    ADD("insn/sync-write", test_sync_write);
    for (int i = 0; i < ARRAY_SIZE(scopes); i++) {
        add_data("insn/sync-scope", scope_name[i], &scopes[i],
                 test_sync_scope);
    }
    ADD("insn/sync-update-coalesced", test_sync_update_coalesced);
    ADD("insn/store-state", test_store_state);
    ADD("insn/no-effect", test_no_effect);
    ADD("insn/flush-latency", test_flush_latency);
    ADD("insn/flush-cache2", test_flush_cache2);

    return g_test_run();
}
