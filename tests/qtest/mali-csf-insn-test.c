/*
 * QTest for the Arm Mali CSF GPU: loads that take time, scoreboard entries,
 * and the state that the streams of a group share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf-insn.h"

/* Loads and stores that take time */

/*
 * Registers 13 and 14 have what the register 12 was before and after a WAIT for
 * a load of NEW from MARK + 16.  Both are stored at MARK, and overwritten.
 */
static void submit_load(QMaliCsfBench *b, unsigned entry)
{
    const uint64_t words[] = {
        cs_move32(12, OLD),
        cs_load_multiple(12, 1, 90, MARK + 16),
        cs_add_imm32(13, 12, 0),
        cs_wait(1 << entry),
        cs_add_imm32(14, 12, 0),
        cs_store_multiple(13, 3, 90, MARK),
        cs_move48(14, 0),
        cs_wait(1 << entry),
    };

    qtest_writel(b->gpu.qts, b->out.pa + MARK + 16, NEW);
    mali_csf_queue_submit(b->queue, words, ARRAY_SIZE(words));
}

static void assert_loaded(QMaliCsfBench *b)
{
    g_assert(mali_csf_queue_wait(b->queue, 4 * WORK));
    g_assert_cmphex(mali_csf_bench_out(b, MARK), ==, OLD);
    g_assert_cmphex(mali_csf_bench_out(b, MARK + 4), ==, NEW);
    g_assert_cmphex(scoreboards(b), ==, 0);
    assert_healthy(b);
}

static void init_slow_loads(QMaliCsfBench *b, const char *args)
{
    init_slow(b, args, 0);
    mali_csf_set_property(&b->gpu, "x-load-latency-ns", WORK);
}

/* Of any entry: SET_SB_ENTRY on 10, SET_STATE from 11 on */
static void test_load_latency(const void *data)
{
    const char *args = data;
    QMaliCsfBench b;
    const uint64_t select[] = {
        args ? cs_set_state_imm32(CS_SET_STATE_SB_SEL_OTHER, 13) :
        cs_set_sb_entry(2, 5),
    };
    const unsigned entry = args ? 13 : 5;

    init_slow_loads(&b, args);
    mali_csf_queue_exec(b.queue, select, ARRAY_SIZE(select));
    mali_csf_ack_events(&b.gpu);
    submit_load(&b, entry);
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(scoreboards(&b), ==, 1 << entry);
    g_assert_cmphex(blocked_reason(&b), ==, CS_BLOCKED_SB_WAIT);
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    mali_csf_run(&b.gpu, WORK);
    /* The store is under way. */
    g_assert_cmphex(scoreboards(&b), ==, 1 << entry);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, 0);
    assert_loaded(&b);
    mali_csf_bench_quit(&b);
}

/* A whole list, with gaps; more of them than the queue has room for */
static void test_load_latency_many(void)
{
    uint64_t words[2 * 18 + 2];
    QMaliCsfBench b;
    int n = 0;

    init_slow_loads(&b, NULL);
    for (int i = 0; i < 16; i++) {
        qtest_writel(b.gpu.qts, b.out.pa + MARK + i * 4, i + 1);
    }
    for (int i = 0; i < 18; i++) {
        words[n++] = cs_load_multiple(20, 0xa5f1, 90, MARK);
    }
    words[n++] = cs_wait(1);
    words[n++] = cs_store_multiple(20, 0xffff, 90, MARK + 64);
    mali_csf_queue_submit(b.queue, words, n);
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(blocked_reason(&b), ==, CS_BLOCKED_DEFERRED);
    mali_csf_run(&b.gpu, 4 * WORK);
    for (int i = 0, at = 1; i < 16; i++) {
        g_assert_cmpuint(mali_csf_bench_out(&b, MARK + 64 + i * 4), ==,
                         0xa5f1 >> i & 1 ? at++ : 0);
    }
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

/* A load that is under way meets a lock, then a hole, and ends in both. */
static void test_load_latency_blocked(void)
{
    const uint64_t words[] = {
        cs_move32(12, OLD), cs_load_multiple(12, 1, 10, 0), cs_wait(1),
        cs_store_multiple(12, 1, 90, MARK),
    };
    const uint64_t point[] = { cs_move48(10, VA) };
    QMaliCsfBench b;
    QMaliCsfBuffer buf;

    init_slow_loads(&b, NULL);
    mali_csf_queue_exec(b.queue, point, ARRAY_SIZE(point));
    buf = mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    qtest_writel(b.gpu.qts, buf.pa, NEW);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, WORK / 2);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_run(&b.gpu, 2 * WORK);
    g_assert_cmphex(scoreboards(&b), ==, 1);
    mali_csf_unlock(&b.gpu, 1);
    g_assert(mali_csf_queue_wait(b.queue, WORK));
    mali_csf_run(&b.gpu, 2 * WORK);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, NEW);
    assert_healthy(&b);

    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    g_assert(mali_csf_wait_fault(&b.gpu, 1, 4 * WORK));
    mali_csf_as_disable(&b.gpu, 1);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL, LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_BUS_FAULT);
    mali_csf_bench_quit(&b);
}

/* SUSPEND takes a load along, and then a store with what it stores. */
static void test_load_latency_suspend(void)
{
    QMaliCsfBench b;

    init_slow_loads(&b, NULL);
    submit_load(&b, 0);
    mali_csf_run(&b.gpu, WORK / 2);
    mali_csf_group_suspend(&b.group);
    mali_csf_run(&b.gpu, 2 * WORK);
    mali_csf_group_resume(&b.group, 3);
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, 0);
    mali_csf_group_suspend(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_SCOREBOARDS),
                    ==, 1);
    mali_csf_run(&b.gpu, 2 * WORK);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, 0);
    mali_csf_group_resume(&b.group, 6);
    assert_loaded(&b);
    mali_csf_bench_quit(&b);
}

/* What was issued is dropped with the group, and by a reset. */
static void test_load_latency_dropped(const void *data)
{
    const bool reset = data;
    const uint64_t store[] = {
        cs_move32(12, NEW), cs_store_multiple(12, 1, 90, MARK),
    };
    QMaliCsfBench b;

    init_slow_loads(&b, NULL);
    mali_csf_queue_submit(b.queue, store, ARRAY_SIZE(store));
    mali_csf_run(&b.gpu, WORK / 2);
    if (reset) {
        mali_csf_soft_reset(&b.gpu);
    } else {
        mali_csf_group_terminate(&b.group);
    }
    mali_csf_run(&b.gpu, 4 * WORK);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, 0);
    mali_csf_bench_quit(&b);
}

/* Entries are handed out in turn; one in use is waited for. */
static void test_next_entry(void)
{
    const uint64_t words[] = {
        cs_set_state_imm32(CS_SET_STATE_SB_MASK_STREAM, 0x2a),
        cs_next_sb_entry(20, CS_SB_TYPE_ENDPOINT, CS_SB_FORMAT_INDEX),
        RUN,
        cs_next_sb_entry(21, CS_SB_TYPE_ENDPOINT, CS_SB_FORMAT_MASK),
        RUN,
        cs_next_sb_entry(22, CS_SB_TYPE_NONE, CS_SB_FORMAT_INDEX),
        cs_next_sb_entry(23, CS_SB_TYPE_ENDPOINT, CS_SB_FORMAT_INDEX),
        cs_next_sb_entry(24, CS_SB_TYPE_OTHER, CS_SB_FORMAT_INDEX),
        cs_store_multiple(20, 0xf, 90, MARK),
        cs_store_multiple(24, 1, 90, MARK + 16),
    };
    QMaliCsfBench b;

    init_slow(&b, ARCH_13, WORK);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, WORK / 2);
    /* The last one is to be 1, which the first work has in use. */
    g_assert_cmphex(scoreboards(&b), ==, 1 << 1 | 1 << 3);
    g_assert_cmphex(blocked_reason(&b), ==, CS_BLOCKED_SB_WAIT);
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, 1);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK + 4), ==, 1 << 3);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK + 8), ==, 5);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK + 12), ==, 5);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK + 16), ==, 1);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

/*
 * Immediates as Mesa's v13.xml describes them: a shift has 5 bits, with pairs
 * 6; UMIN_IMM is unsigned, ADD_IMM is signed.
 */
static void test_immediates(void)
{
    static const struct {
        bool wide;
        unsigned op;
        uint64_t src;
        uint32_t imm;
        uint64_t expected;
    } tests[] = {
        { false, CS_ARITH_IMM_ADD, 5, -1, 4 },
        { true, CS_ARITH_IMM_ADD, 5, -6, UINT64_MAX },
        { false, CS_ARITH_IMM_LSHIFT, 1, 31, 1u << 31 },
        { false, CS_ARITH_IMM_LSHIFT, 1, 32 + 3, 1 << 3 },
        { true, CS_ARITH_IMM_LSHIFT, 1, 32 + 3, 1ull << 35 },
        { true, CS_ARITH_IMM_LSHIFT, 1, 64 + 3, 1 << 3 },
        { false, CS_ARITH_IMM_RSHIFT_U, 1u << 31, 0xffffff00 | 31, 1 },
        { true, CS_ARITH_IMM_RSHIFT_U, 1ull << 63, 0xffffff00 | 63, 1 },
        { false, CS_ARITH_IMM_RSHIFT_S, 1u << 31, 32 + 31, UINT32_MAX },
        { true, CS_ARITH_IMM_RSHIFT_S, 1ull << 63, 64, 1ull << 63 },
        { false, CS_ARITH_IMM_UMIN, 7, 0xfffffffe, 7 },
        { false, CS_ARITH_IMM_UMIN, 0xffffffff, 0xfffffffe, 0xfffffffe },
        { true, CS_ARITH_IMM_UMIN, 1ull << 40, 0xfffffffe, 0xfffffffe },
        { true, CS_ARITH_IMM_UMIN, 0xf0000000, 0xfffffffe, 0xf0000000 },
    };
    QMaliCsfBench b;

    init_slow(&b, ARCH_13, 0);
    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        const uint64_t words[] = {
            cs_move32(20, tests[i].src),
            cs_move32(21, tests[i].src >> 32),
            cs_move48(22, 0),
            tests[i].wide ?
                cs_arith_imm64(tests[i].op, 22, 20, tests[i].imm) :
                cs_arith_imm32(tests[i].op, 22, 20, tests[i].imm),
            cs_store_multiple(22, 3, 90, MARK),
        };

        mali_csf_queue_exec(b.queue, words, ARRAY_SIZE(words));
        g_assert_cmphex(mali_csf_bench_out(&b, MARK) |
                        (uint64_t)mali_csf_bench_out(&b, MARK + 4) << 32,
                        ==, tests[i].expected);
    }
    mali_csf_bench_quit(&b);
}

/* Between the streams of a group */

static void two_queues(QMaliCsfBench *b, QMaliCsfGroup *group,
                       const char *args)
{
    init_slow(b, args, WORK);
    mali_csf_group_init(&b->vm, group, 2);
    mali_csf_group_start(group, 1);
}

static uint32_t reason_of(QMaliCsfGroup *group, unsigned queue)
{
    mali_csf_group_status_update(group);
    return mali_csf_queue_status(&group->queue[queue],
                                 CS_STATUS_BLOCKED_REASON);
}

/* DEC takes what INC of another stream gives, once for each. */
static void test_shared(void)
{
    const uint64_t take[] = {
        cs_shared_sb_dec(9), cs_shared_sb_dec(9), cs_shared_sb_dec(9),
    };
    const uint64_t give[] = {
        cs_set_sb_entry(2, 0), cs_shared_sb_inc(9, 0), RUN,
        cs_shared_sb_inc(9, 1 << 2), cs_shared_sb_inc(8, 0),
    };
    QMaliCsfBench b;
    QMaliCsfGroup group;
    uint64_t start;

    two_queues(&b, &group, ARCH_13);
    start = mali_csf_queue_extract(&group.queue[0]);
    mali_csf_queue_submit(&group.queue[0], take, ARRAY_SIZE(take));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_queue_extract(&group.queue[0]), ==, start);
    g_assert_cmphex(reason_of(&group, 0), ==, CS_BLOCKED_SB_WAIT);
    mali_csf_queue_submit(&group.queue[1], give, ARRAY_SIZE(give));
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(mali_csf_queue_extract(&group.queue[0]), ==, start + 8);
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(mali_csf_queue_extract(&group.queue[0]), ==, start + 16);

    /* Not the streams, but the group is what has the counter. */
    mali_csf_group_suspend(&group);
    mali_csf_group_resume(&group, 3);
    mali_csf_queue_submit(&group.queue[1], give, 2);
    g_assert(mali_csf_queue_wait(&group.queue[0], LONG_ENOUGH));
    mali_csf_bench_quit(&b);
}

static void test_progress(void)
{
    const uint64_t wait[] = {
        cs_move48(2, 5), cs_progress_wait(1, 2),
    };
    const uint64_t store[] = {
        cs_move48(2, 3), cs_progress_store(2),
        cs_wait(0) | CS_PROGRESS_INCREMENT, cs_progress_load(4),
        cs_move48(90, 0), cs_store_multiple(4, 3, 90, MARK),
    };
    const uint64_t more[] = { RUN | CS_PROGRESS_INCREMENT };
    uint64_t words[ARRAY_SIZE(store)];
    QMaliCsfBench b;
    QMaliCsfGroup group;

    two_queues(&b, &group, NULL);
    memcpy(words, store, sizeof(words));
    words[4] = cs_move48(90, b.out.va);
    mali_csf_queue_submit(&group.queue[0], wait, ARRAY_SIZE(wait));
    mali_csf_queue_exec(&group.queue[1], words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, 4);
    g_assert_cmphex(reason_of(&group, 0), ==, CS_BLOCKED_PROGRESS_WAIT);
    g_assert_cmphex(mali_csf_queue_status(&group.queue[0], CS_STATUS_WAIT),
                    ==, CS_STATUS_WAIT_PROGRESS);
    mali_csf_group_suspend(&group);
    mali_csf_group_resume(&group, 3);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(reason_of(&group, 0), ==, CS_BLOCKED_PROGRESS_WAIT);
    mali_csf_queue_submit(&group.queue[1], more, ARRAY_SIZE(more));
    g_assert(mali_csf_queue_wait(&group.queue[0], LONG_ENOUGH));
    mali_csf_bench_quit(&b);
}

/* Wrong values end the stream. */
static void test_fatal(const void *data)
{
    const uint64_t *word = data;
    QMaliCsfBench b;

    init_slow(&b, word[1] ? ARCH_13 : NULL, 0);
    mali_csf_queue_submit(b.queue, word, 1);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL, LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL), ==,
                    CS_EXCEPTION_INVALID_INSTRUCTION |
                    word[0] >> CS_OPCODE_SHIFT << 8);
    mali_csf_bench_quit(&b);
}

static void add_fatal_tests(void)
{
    /* Word; of architecture 13 */
    const struct {
        const char *name;
        uint64_t words[2];
    } tests[] = {
        { "select-16", { cs_set_state_imm32(CS_SET_STATE_SB_SEL_OTHER, 16),
                         1 } },
        { "state-3", { cs_set_state_imm32(3, 0), 1 } },
        { "state-255", { cs_set_state_imm32(255, 0), 1 } },
        { "entry-type", { cs_next_sb_entry(2, 4, 0), 1 } },
        { "arith-imm-op", { cs_arith_imm32(8, 2, 2, 0), 1 } },
        { "arith-imm64-op", { cs_arith_imm64(255, 2, 2, 0), 1 } },
        { "arith-reg-op", { cs_arith_reg32(7, 2, 2, 2, 0), 1 } },
        { "arith-reg64-op", { cs_arith_reg64(7, 2, 2, 2, 0), 1 } },
        { "arith-reg64-odd", { cs_arith_reg64(0, 2, 2, 3, 0), 1 } },
        { "arith-imm-128", { cs_arith_imm32(0, 128, 2, 0), 1 } },
        { "store-state-4", { cs_store_state(2, 0, 4, 0, 0), 1 } },
        { "branch-cond-8", { cs_branch(8, 2, 0), 1 } },
        { "progress-queue", { cs_progress_wait(8, 2), 0 } },
        { "trace-point", { cs_trace_point(90, 7, 0, 0), 0 } },
        { "trace-point-255", { cs_trace_point(255, 255, 0, 0), 0 } },
        { "defer-signal", { cs_sync(CS_OP_SYNC_ADD64, 2, 4, 0, 0, 1, 8), 0 } },
        { "set-state-10", { cs_set_state_imm32(0, 0), 0 } },
        { "run-tiling-13", { cs_run_tiling(0), 1 } },
        { "run-idvs-13", { cs_run_idvs(0), 1 } },
        { "run-idvs2-10", { cs_run_idvs2(0), 0 } },
    };

    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path = g_strdup_printf("/mali-csf/insn/fatal/%s",
                                                tests[i].name);

        qtest_add_data_func_full(path, g_memdup2(tests[i].words,
                                                 sizeof(tests[i].words)),
                                 test_fatal, g_free);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_data_func("/mali-csf/insn/load-latency/10", NULL,
                        test_load_latency);
    qtest_add_data_func("/mali-csf/insn/load-latency/13", ARCH_13,
                        test_load_latency);
    ADD("load-latency/many", test_load_latency_many);
    ADD("load-latency/blocked", test_load_latency_blocked);
    ADD("load-latency/suspend", test_load_latency_suspend);
    qtest_add_data_func("/mali-csf/insn/load-latency/terminate", NULL,
                        test_load_latency_dropped);
    qtest_add_data_func("/mali-csf/insn/load-latency/reset",
                        GINT_TO_POINTER(true), test_load_latency_dropped);
    ADD("next-entry", test_next_entry);
    ADD("immediates", test_immediates);
    ADD("shared", test_shared);
    ADD("progress", test_progress);
    add_fatal_tests();

    return g_test_run();
}
