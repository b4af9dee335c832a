/*
 * QTest for the Arm Mali CSF GPU: deferred instructions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf-insn.h"

#define OBJECT          0

static unsigned slice_count(QMaliCsfBench *b)
{
    return mali_csf_number(&b->gpu, "slice-count");
}

/*
 * Work on entry 2; @op, which is to wait for it, with its address in the pair
 * 10 and its data in the pair 12; then both are overwritten, and NEW is stored
 * at MARK.
 */
static void submit_deferred(QMaliCsfBench *b, uint64_t op, uint64_t va,
                            uint64_t data)
{
    const uint64_t words[] = {
        cs_set_sb_entry(2, 0),
        RUN,
        cs_move48(10, va),
        cs_move48(12, data),
        op,
        cs_move48(10, VA),
        cs_move48(12, OLD),
        cs_move32(8, NEW),
        cs_store_multiple(8, 1, 90, MARK),
    };

    mali_csf_queue_submit(b->queue, words, ARRAY_SIZE(words));
}

static uint64_t object(QMaliCsfBench *b)
{
    return qtest_readq(b->gpu.qts, b->out.pa + OBJECT);
}

typedef struct DeferTest {
    const char *name;
    uint64_t op;
    uint64_t before;
    uint64_t after;
    uint32_t error;
} DeferTest;

#define SYNC(name, wait, signal) \
    cs_sync(CS_OP_SYNC_##name, 10, 12, CS_SYNC_SCOPE_SYSTEM, 0, wait, signal)

/* Done when the work is, with the operands of when it was issued */
static void test_defer(const void *data)
{
    const DeferTest *t = data;
    QMaliCsfBench b;

    init_slow(&b, NULL, WORK);
    qtest_writeq(b.gpu.qts, b.out.pa + OBJECT, t->before);
    submit_deferred(&b, t->op, b.out.va + OBJECT, 0x100000005ull);
    mali_csf_run(&b.gpu, WORK - 100 * MALI_CSF_US);
    /* The stream is at its end, and both entries are in use. */
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, NEW);
    g_assert_cmphex(scoreboards(&b), ==, 1 << 2 | 1 << 3);
    g_assert_cmphex(blocked_reason(&b), ==, CS_BLOCKED_UNBLOCKED);
    g_assert_cmphex(object(&b), ==, t->before);
    g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, b.queue->insert);
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, CSG_SYNC_UPDATE));

    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    g_assert_cmphex(object(&b), ==, t->after);
    g_assert_cmphex(scoreboards(&b), ==, 0);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_SYNC_UPDATE));
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

static void add_defer_tests(void)
{
    const DeferTest tests[] = {
        { "add32", SYNC(ADD32, 1 << 2, 3), 7, 12 },
        { "set32", SYNC(SET32, 1 << 2, 3), 7, 5 },
        { "add64", SYNC(ADD64, 1 << 2, 3), 7, 0x10000000cull },
        { "set64", SYNC(SET64, 1 << 2, 3), 7, 0x100000005ull },
    };

    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path = g_strdup_printf("/mali-csf/insn/defer/%s",
                                                tests[i].name);

        qtest_add_data_func_full(path, g_memdup2(&tests[i], sizeof(tests[i])),
                                 test_defer, g_free);
    }
}

/* What it stores is of the time when it is done. */
static void test_defer_store_state(void)
{
    QMaliCsfBench b;
    uint64_t start;

    init_slow(&b, NULL, WORK);
    start = mali_csf_readq(&b.gpu, A_TIMESTAMP_LO);
    submit_deferred(&b, cs_store_state(10, 8, CS_STATE_TIMESTAMP, 1 << 2, 3),
                    b.out.va + OBJECT - 8, 0);
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, NEW);
    g_assert_cmphex(object(&b), ==, 0);
    mali_csf_run(&b.gpu, WORK);
    /* 62.5 MHz */
    g_assert_cmpuint(object(&b) - start, >=, WORK / 16);
    g_assert_cmpuint(object(&b) - start, <, WORK / 16 + WORK / 160);
    mali_csf_bench_quit(&b);
}

static void test_defer_flush(void)
{
    QMaliCsfBench b;
    uint32_t id;

    init_slow(&b, NULL, WORK);
    id = mali_csf_readl(&b.gpu, MALI_CSF_USER_BASE + A_LATEST_FLUSH_ID);
    submit_deferred(&b, cs_flush_cache2(0x233, 12, 1 << 2, 3), b.out.va, 0);
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(scoreboards(&b), ==, 1 << 2 | 1 << 3);
    g_assert_cmphex(mali_csf_readl(&b.gpu, MALI_CSF_USER_BASE +
                                   A_LATEST_FLUSH_ID), ==, id);
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(scoreboards(&b), ==, 0);
    g_assert_cmphex(mali_csf_readl(&b.gpu, MALI_CSF_USER_BASE +
                                   A_LATEST_FLUSH_ID), ==, id + 1);
    mali_csf_bench_quit(&b);
}

/* WAIT for the signal slot, and for another one */
static void test_defer_wait(void)
{
    const uint64_t words[] = {
        cs_set_sb_entry(2, 0),
        RUN,
        cs_move48(12, 5),
        SYNC(ADD64, 1 << 2, 3),
        cs_move32(8, NEW),
        cs_wait(1 << 4),
        cs_store_multiple(8, 1, 90, MARK),
        cs_wait(1 << 3),
        cs_load_multiple(8, 1, 90, OBJECT),
        cs_store_multiple(8, 1, 90, MARK),
    };
    QMaliCsfBench b;

    init_slow(&b, NULL, WORK);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, NEW);
    g_assert_cmphex(blocked_reason(&b), ==, CS_BLOCKED_SB_WAIT);
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, 5);
    mali_csf_bench_quit(&b);
}

/* The second waits for the first, which waits for the work. */
static void test_defer_chain(void)
{
    const uint64_t words[] = {
        cs_set_sb_entry(2, 0),
        RUN,
        cs_move48(12, 100),
        SYNC(SET64, 1 << 2, 3),
        cs_move48(12, 5),
        SYNC(ADD64, 1 << 3, 4),
        cs_move48(12, 0x1000),
        SYNC(ADD64, 1 << 4 | 1 << 2, 4),
    };
    QMaliCsfBench b;

    init_slow(&b, NULL, WORK);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(scoreboards(&b), ==, 1 << 2 | 1 << 3 | 1 << 4);
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(object(&b), ==, 0x1000 + 105);
    g_assert_cmphex(scoreboards(&b), ==, 0);
    mali_csf_bench_quit(&b);
}

/* One whose entries are clear does not wait for an older one. */
static void test_defer_overtakes(void)
{
    const uint64_t first[] = { cs_set_sb_entry(5, 0), RUN };
    const uint64_t second[] = {
        cs_set_sb_entry(2, 0),
        RUN,
        cs_move48(12, 100),
        SYNC(SET64, 1 << 2, 3),
        cs_move48(12, 5),
        SYNC(ADD64, 1 << 5, 4),
    };
    QMaliCsfBench b;

    init_slow(&b, NULL, WORK);
    mali_csf_queue_submit(b.queue, first, ARRAY_SIZE(first));
    mali_csf_run(&b.gpu, WORK / 2);
    mali_csf_queue_submit(b.queue, second, ARRAY_SIZE(second));
    mali_csf_run(&b.gpu, WORK * 3 / 4);
    g_assert_cmphex(object(&b), ==, 5);
    g_assert_cmphex(scoreboards(&b), ==, 1 << 2 | 1 << 3);
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(object(&b), ==, 100);
    mali_csf_bench_quit(&b);
}

/* It waits for what was on its own slot before, not for itself. */
static void test_defer_own_slot(void)
{
    QMaliCsfBench b;

    init_slow(&b, NULL, WORK);
    submit_deferred(&b, SYNC(ADD64, 1 << 2, 2), b.out.va, 5);
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(object(&b), ==, 0);
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(object(&b), ==, 5);
    g_assert_cmphex(scoreboards(&b), ==, 0);
    mali_csf_bench_quit(&b);
}

/* The queue takes 16, the next one blocks the stream; none is lost. */
static void test_defer_full(void)
{
    QMaliCsfBench b;
    uint64_t words[32];
    int n = 0;

    init_slow(&b, NULL, WORK);
    words[n++] = cs_set_sb_entry(2, 0);
    words[n++] = RUN;
    words[n++] = cs_move48(12, 1);
    for (int i = 0; i < 17; i++) {
        words[n++] = SYNC(ADD64, 1 << 2, 3);
        words[n++] = i == 15 ? cs_store_multiple(12, 1, 90, MARK) : cs_nop();
        n -= i != 15;
    }
    words[n++] = cs_store_multiple(12, 1, 90, MARK + 4);
    mali_csf_queue_submit(b.queue, words, n);
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, 1);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK + 4), ==, 0);
    g_assert_cmphex(blocked_reason(&b), ==, CS_BLOCKED_DEFERRED);
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK + 4), ==, 1);
    g_assert_cmphex(object(&b), ==, 17);
    mali_csf_bench_quit(&b);
}

/* A group whose streams wait is idle only when its work is done. */
static void test_defer_idle(void)
{
    const uint64_t words[] = {
        cs_set_sb_entry(2, 0),
        RUN,
        cs_move48(12, 0),
        SYNC(ADD64, 1 << 2, 3),
        cs_sync_wait(CS_OP_SYNC_WAIT64, 10, 12, CS_COND_GT, 0),
    };
    QMaliCsfBench b;

    init_slow(&b, NULL, WORK);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(blocked_reason(&b), ==, CS_BLOCKED_SYNC_WAIT);
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    mali_csf_run(&b.gpu, WORK);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    mali_csf_bench_quit(&b);
}

/* A queue that waits does not change how long the slices pause. */
static void test_defer_pause(void)
{
    const uint64_t loop[] = { RUN, cs_branch(CS_COND_ALWAYS, 0, -2) };
    QMaliCsfBench b;
    QMaliCsfBuffer buf;
    unsigned slices;

    init_slow(&b, NULL, WORK);
    buf = mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    submit_deferred(&b, SYNC(ADD64, 1 << 2, 3), buf.va, 5);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(buf.va, MALI_CSF_PAGE));
    mali_csf_run(&b.gpu, 2 * WORK);
    g_assert_cmphex(scoreboards(&b), ==, 1 << 3);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", 0);
    mali_csf_queue_submit(b.queue, loop, ARRAY_SIZE(loop));
    slices = slice_count(&b);
    mali_csf_run(&b.gpu, 10 * MALI_CSF_MS);
    slices = slice_count(&b) - slices;
    /* 4096 of weight are 40 us and a half. */
    g_assert_cmpuint(slices, >, 100);
    g_assert_cmpuint(slices, <, 260);
    mali_csf_bench_quit(&b);
}

/* A locked region holds up the instruction, not the stream. */
static void test_defer_stall(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer buf;
    const uint64_t more[] = {
        cs_move32(8, OLD), cs_store_multiple(8, 1, 90, MARK),
    };

    init_slow(&b, NULL, WORK);
    buf = mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    submit_deferred(&b, SYNC(ADD64, 1 << 2, 3), buf.va, 5);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(buf.va, MALI_CSF_PAGE));
    mali_csf_run(&b.gpu, 2 * WORK);
    g_assert_cmphex(qtest_readq(b.gpu.qts, buf.pa), ==, 0);
    g_assert_cmphex(scoreboards(&b), ==, 1 << 3);
    mali_csf_queue_exec(b.queue, more, ARRAY_SIZE(more));
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, OLD);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(qtest_readq(b.gpu.qts, buf.pa), ==, 5);
    g_assert_cmphex(scoreboards(&b), ==, 0);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

/* So does a page fault; UPDATE with the page there lets it go on. */
static void test_defer_fault(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer buf;

    init_slow(&b, NULL, WORK);
    submit_deferred(&b, SYNC(ADD64, 1 << 2, 3), VA, 5);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, NEW);
    g_assert_cmphex(scoreboards(&b), ==, 1 << 3);
    buf = mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_writel(&b.gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR, ~0);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(qtest_readq(b.gpu.qts, buf.pa), ==, 5);
    g_assert_cmphex(scoreboards(&b), ==, 0);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

static void test_defer_unmapped(void)
{
    QMaliCsfBench b;

    init_slow(&b, NULL, WORK);
    submit_deferred(&b, SYNC(ADD64, 1 << 2, 3), VA, 5);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    mali_csf_as_disable(&b.gpu, 1);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL, LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_BUS_FAULT);
    g_assert_cmphex(mali_csf_queue_status64(b.queue, CS_FATAL_INFO), ==, VA);
    mali_csf_bench_quit(&b);
}

/* A bad address is found at once, when the stream can still say where. */
static void test_defer_misaligned(void)
{
    QMaliCsfBench b;

    init_slow(&b, NULL, WORK);
    submit_deferred(&b, SYNC(ADD64, 1 << 2, 3), VA + 8, 5);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT, WORK / 2));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FAULT) & 0xff, ==,
                    CS_EXCEPTION_ADDR_RANGE_FAULT);
    mali_csf_bench_quit(&b);
}

static void test_defer_terminate(void)
{
    const uint64_t wait[] = { cs_wait(0xff) };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    init_slow(&b, NULL, WORK);
    submit_deferred(&b, SYNC(ADD64, 1 << 2, 3), b.out.va, 5);
    mali_csf_run(&b.gpu, WORK / 2);
    mali_csf_group_terminate(&b.group);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 0);
    mali_csf_queue_exec(&group.queue[0], wait, ARRAY_SIZE(wait));
    mali_csf_run(&b.gpu, 2 * WORK);
    g_assert_cmphex(object(&b), ==, 0);
    mali_csf_bench_quit(&b);
}

/*
 * SUSPEND takes the queue along, in its order.  The entries stay in use: the
 * driver shall bring the group back.
 */
static void test_defer_suspend(void)
{
    uint64_t words[3];
    QMaliCsfBench b;

    init_slow(&b, NULL, 1000 * MALI_CSF_MS);
    words[0] = cs_move48(10, b.out.va);
    words[1] = cs_move48(12, 5);
    words[2] = SYNC(ADD64, 1 << 3, 4);
    submit_deferred(&b, SYNC(SET64, 1 << 2, 3), b.out.va, 100);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_group_suspend(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_SCOREBOARDS),
                    ==, 1 << 3 | 1 << 4);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(object(&b), ==, 0);
    mali_csf_group_resume(&b.group, 5);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(object(&b), ==, 105);
    g_assert_cmphex(scoreboards(&b), ==, 0);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

/* After RESUME the queue waits for START of the stream, as the stream does. */
static void test_defer_resume_stopped(void)
{
    QMaliCsfBench b;
    uint64_t request;

    init_slow(&b, NULL, 1000 * MALI_CSF_MS);
    submit_deferred(&b, SYNC(SET64, 1 << 2, 3), b.out.va, 100);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_group_suspend(&b.group);
    mali_csf_group_program(&b.group, 5);
    request = b.gpu.cs_in[5][0] + CS_REQ;
    mali_csf_update(&b.gpu, request, CS_STATE_STOP, CS_STATE_MASK);
    mali_csf_group_request(&b.group, CSG_STATE_RESUME);
    g_assert_true(mali_csf_group_wait(&b.group));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(object(&b), ==, 0);
    mali_csf_update(&b.gpu, request, CS_STATE_START, CS_STATE_MASK);
    mali_csf_toggle(&b.gpu, b.gpu.csg_in[5] + CSG_DB_REQ,
                    b.gpu.csg_out[5] + CSG_DB_ACK, 1);
    mali_csf_csg_ring(&b.gpu, 5);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(object(&b), ==, 100);
    mali_csf_bench_quit(&b);
}

/*
 * What the suspend buffer says of the queue is checked: a stream whose queue
 * the model cannot have written starts anew.  Offsets by cs/saved.c.
 */
typedef struct GarbageTest {
    const char *name;
    unsigned offset;
    unsigned size;
    uint64_t value;
    bool accepted;
} GarbageTest;

#define SAVED_STREAM    88
#define SAVED_DEFERRED  (SAVED_STREAM + 1016)
#define SAVED_COUNT     (SAVED_STREAM + 2680)
#define SAVED_SELECTED  (SAVED_STREAM + 1002)

static void test_garbage(const void *data)
{
    const GarbageTest *t = data;
    const uint64_t nops[8] = { 0 };
    uint64_t words[2];
    QMaliCsfBench b;

    init_slow(&b, NULL, 1000 * MALI_CSF_MS);
    submit_deferred(&b, SYNC(SET64, 1 << 2, 3), b.out.va, 100);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_group_suspend(&b.group);
    g_assert_cmphex(qtest_readq(b.gpu.qts, b.group.suspend.pa +
                                SAVED_DEFERRED), ==, SYNC(SET64, 1 << 2, 3));
    qtest_memwrite(b.gpu.qts, b.group.suspend.pa + t->offset, &t->value,
                   t->size);
    qtest_writeq(b.gpu.qts, b.queue->input.pa + CS_USER_INPUT_EXTRACT_INIT,
                 b.queue->insert);
    mali_csf_group_resume(&b.group, 5);
    words[0] = cs_move48(90, b.out.va);
    words[1] = cs_store_multiple(8, 1, 90, MARK);
    mali_csf_queue_exec(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, t->accepted ? NEW : 0);
    g_assert_cmphex(object(&b), ==, !t->accepted ? 0 :
                    t->offset == SAVED_DEFERRED + 24 ? 5 : 100);
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

static void add_garbage_tests(void)
{
    const GarbageTest tests[] = {
        { "none", SAVED_DEFERRED + 24, 8, 5, true },
        { "wait-mask", SAVED_DEFERRED + 32, 2, 0xffff, true },
        { "not-deferrable", SAVED_DEFERRED, 8, cs_move48(2, 0) },
        { "unknown", SAVED_DEFERRED, 8, cs_opcode(255) },
        { "stray-bits", SAVED_DEFERRED, 8, SYNC(SET64, 4, 3) | 1ull << 55 },
        { "odd-pair", SAVED_DEFERRED, 8,
          cs_sync(CS_OP_SYNC_SET64, 11, 12, 0, 0, 4, 3) },
        { "register", SAVED_DEFERRED, 8,
          cs_sync(CS_OP_SYNC_SET64, 10, 254, 0, 0, 4, 3) },
        { "misaligned", SAVED_DEFERRED + 16, 8, VA + 8 },
        { "signal-8", SAVED_DEFERRED + 34, 1, 8 },
        { "signal-255", SAVED_DEFERRED + 34, 1, 255 },
        { "count-2", SAVED_COUNT, 1, 2 },
        { "count-17", SAVED_COUNT, 1, 17 },
        { "count-255", SAVED_COUNT, 1, 255 },
        { "selected", SAVED_SELECTED, 1, 8 },
    };

    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path =
            g_strdup_printf("/mali-csf/insn/defer/garbage/%s", tests[i].name);

        qtest_add_data_func_full(path, g_memdup2(&tests[i], sizeof(tests[i])),
                                 test_garbage, g_free);
    }
}

/*
 * Random work, deferred additions and waits, with the group taken off its
 * slot now and then: each addition happens, and happens once.
 */
static void test_defer_random(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(0x5b5b);
    QMaliCsfBench b;
    uint64_t sums[16] = { 0 };
    unsigned suspends = 0;

    init_slow(&b, NULL, 0);
    for (int round = 0; round < 40; round++) {
        uint64_t words[256];
        int n = 0;

        mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns",
                              g_rand_int_range(rand, 0, 4) * 100 *
                              MALI_CSF_US);
        while (n < 240) {
            unsigned object = g_rand_int_range(rand, 0, ARRAY_SIZE(sums));
            unsigned value = g_rand_int_range(rand, 1, 1000);

            switch (g_rand_int_range(rand, 0, 8)) {
            case 0:
                words[n++] = cs_wait(1 << g_rand_int_range(rand, 0, 8));
                break;
            case 1:
            case 2:
                words[n++] = cs_set_sb_entry(g_rand_int_range(rand, 0, 8), 0);
                words[n++] = RUN;
                break;
            default:
                words[n++] = cs_move48(10, b.out.va + object * 16);
                words[n++] = cs_move48(12, value);
                words[n++] = SYNC(ADD64, g_rand_int_range(rand, 0, 0x100) &
                                  g_rand_int_range(rand, 0, 0x100),
                                  g_rand_int_range(rand, 0, 8));
                sums[object] += value;
                break;
            }
        }
        mali_csf_queue_submit(b.queue, words, n);
        for (int i = g_rand_int_range(rand, 0, 4); i > 0; i--) {
            mali_csf_run(&b.gpu, g_rand_int_range(rand, 1, 300) *
                         MALI_CSF_US);
            mali_csf_group_suspend(&b.group);
            suspends += mali_csf_queue_status(b.queue,
                                              CS_STATUS_SCOREBOARDS) != 0;
            mali_csf_group_resume(&b.group, g_rand_int_range(rand, 0, 8));
        }
        g_assert_true(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        g_assert_cmphex(scoreboards(&b), ==, 0);
        for (int i = 0; i < ARRAY_SIZE(sums); i++) {
            g_assert_cmpuint(qtest_readq(b.gpu.qts, b.out.pa + i * 16), ==,
                             sums[i]);
        }
        mali_csf_ack_events(&b.gpu);
    }
    /* Some of it was deferred at the time. */
    g_assert_cmpuint(suspends, >, 3);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

/* Selected entries (architecture 11 and later) */

static void test_defer_indirect(void)
{
    const uint64_t words[] = {
        cs_set_state_imm32(CS_SET_STATE_SB_SEL_ENDPOINT, 12),
        cs_set_state_imm32(CS_SET_STATE_SB_SEL_DEFERRED, 13),
        cs_move32(20, 1 << 12),
        cs_set_state(CS_SET_STATE_SB_MASK_WAIT, 20),
        RUN,
        cs_move48(12, 5),
        /* Its own mask and slot do not count. */
        SYNC(ADD64, 1 << 1, 1) | CS_DEFER_INDIRECT,
        cs_store_multiple(12, 1, 90, MARK),
        cs_wait_indirect(),
        cs_store_multiple(12, 1, 90, MARK + 4),
    };
    QMaliCsfBench b;

    init_slow(&b, ARCH_13, WORK);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK), ==, 5);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK + 4), ==, 0);
    g_assert_cmphex(object(&b), ==, 0);
    g_assert_cmphex(scoreboards(&b), ==, 1 << 12 | 1 << 13);
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(object(&b), ==, 5);
    g_assert_cmphex(mali_csf_bench_out(&b, MARK + 4), ==, 5);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    add_defer_tests();
    ADD("defer/store-state", test_defer_store_state);
    ADD("defer/flush", test_defer_flush);
    ADD("defer/wait", test_defer_wait);
    ADD("defer/chain", test_defer_chain);
    ADD("defer/overtakes", test_defer_overtakes);
    ADD("defer/own-slot", test_defer_own_slot);
    ADD("defer/full", test_defer_full);
    ADD("defer/idle", test_defer_idle);
    ADD("defer/stall", test_defer_stall);
    ADD("defer/pause", test_defer_pause);
    ADD("defer/fault", test_defer_fault);
    ADD("defer/unmapped", test_defer_unmapped);
    ADD("defer/misaligned", test_defer_misaligned);
    ADD("defer/terminate", test_defer_terminate);
    ADD("defer/suspend", test_defer_suspend);
    ADD("defer/resume-stopped", test_defer_resume_stopped);
    ADD("defer/random", test_defer_random);
    add_garbage_tests();
    ADD("defer/indirect", test_defer_indirect);

    return g_test_run();
}
