/*
 * QTest for the Arm Mali CSF GPU: streams that a locked region holds up
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-stream.h"

/* Stalls: an effect happens once */

/* @code is called at @offset of a buffer whose second half is locked */
#define STALL_VA        (VA + 0x40000)
#define STALL_LOCK      ((STALL_VA + 0x8000) | AS_LOCKADDR_SIZE_MIN)

typedef struct StallTest {
    const char *name;
    /* The access starts here, from STALL_VA; 0x8000 is locked */
    unsigned offset;
    uint64_t word;
    /* Words at @offset before; registers 8.. hold 0x1000, 0x1001, ... */
    uint32_t before[4];
    uint32_t after[4];
} StallTest;

static void write4(QMaliCsfBench *b, uint64_t pa, const uint32_t words[4])
{
    for (int i = 0; i < 4; i++) {
        qtest_writel(b->gpu.qts, pa + i * 4, words[i]);
    }
}

static void assert4(QMaliCsfBench *b, uint64_t pa, const uint32_t words[4])
{
    for (int i = 0; i < 4; i++) {
        g_assert_cmphex(qtest_readl(b->gpu.qts, pa + i * 4), ==, words[i]);
    }
}

static void test_stall(const void *data)
{
    const StallTest *t = data;
    const uint64_t job[] = {
        cs_move48(2, STALL_VA + t->offset),
        cs_move48(8, 0x1000), cs_move32(9, 0x1001),
        cs_move48(10, 0x1002), cs_move32(11, 0x1003),
        cs_add_imm32(20, 20, 1),
        t->word,
        cs_add_imm32(20, 20, 0x100),
    };
    uint32_t changed[4];
    QMaliCsfBench b;
    QMaliCsfBuffer buf;
    uint64_t old;

    mali_csf_bench_init(&b, NULL);
    buf = mali_csf_vm_alloc_at(&b.vm, STALL_VA, 0x10000, 0);
    write4(&b, buf.pa + t->offset, t->before);
    mali_csf_lock(&b.gpu, 1, STALL_LOCK);
    old = b.queue->insert;
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    for (int i = 0; i < 3; i++) {
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        assert4(&b, buf.pa + t->offset, t->before);
        /* EXTRACT is at the instruction: it is not retired. */
        g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, old + 6 * 8);
        g_assert_false(mali_csf_csg_event(&b.gpu, 0, CSG_SYNC_UPDATE));
        /* Neither a doorbell nor a request makes it go on. */
        mali_csf_queue_kick(b.queue);
        mali_csf_group_status_update(&b.group);
    }
    mali_csf_unlock(&b.gpu, 1);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    assert4(&b, buf.pa + t->offset, t->after);

    /* Once: what the host writes now stays. */
    for (int i = 0; i < 4; i++) {
        changed[i] = ~t->after[i];
    }
    write4(&b, buf.pa + t->offset, changed);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    assert4(&b, buf.pa + t->offset, changed);
    {
        const uint64_t dump[] = {
            cs_move48(4, b.out.va),
            cs_store_multiple(20, 1, 4, 0),
        };

        mali_csf_queue_exec(b.queue, dump, ARRAY_SIZE(dump));
        g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0x101);
    }
    mali_csf_bench_quit(&b);
}

/* r2: address; r8: data */
static void add_stall_tests(void)
{
    const StallTest tests[] = {
        { "store", 0x7ff8, cs_store_multiple(8, 0xf, 2, 0),
          { 1, 2, 3, 4 }, { 0x1000, 0x1001, 0x1002, 0x1003 } },
        { "store-all-locked", 0x8000, cs_store_multiple(8, 0x3, 2, 0),
          { 1, 2, 3, 4 }, { 0x1000, 0x1001, 3, 4 } },
        { "sync-add32", 0x8010, cs_sync(CS_OP_SYNC_ADD32, 2, 8, 0, 0, 0, 0),
          { 1, 2, 3, 4 }, { 0x1001, 0, 3, 4 } },
        { "sync-set32", 0x8010, cs_sync(CS_OP_SYNC_SET32, 2, 8, 0, 0, 0, 0),
          { 1, 2, 3, 4 }, { 0x1000, 0, 3, 4 } },
        { "sync-add64", 0x8010, cs_sync(CS_OP_SYNC_ADD64, 2, 8, 0, 0, 0, 0),
          { 1, 2, 3, 4 }, { 0x1001, 0x1003, 0, 4 } },
        { "sync-set64", 0x8010, cs_sync(CS_OP_SYNC_SET64, 2, 8, 0, 0, 0, 0),
          { 1, 2, 3, 4 }, { 0x1000, 0x1001, 0, 4 } },
        { "store-state", 0x8010, cs_store_state(2, 0, CS_STATE_DISJOINT_COUNT,
                                                0, 0),
          { 1, 2, 3, 4 }, { 0, 0, 3, 4 } },
    };

    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        add_copy("stall/operand", tests[i].name, &tests[i], sizeof(tests[i]),
                 test_stall);
    }
}

/* Registers change all at once, too; the address pair is one of them. */
static void test_stall_load(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer buf;
    uint32_t regs[16];
    const uint64_t job[] = {
        cs_move48(2, STALL_VA + 0x7ff8),
        cs_move32(4, OLD),
        cs_load_multiple(1, 0xf, 2, 0),
    };

    mali_csf_bench_init(&b, NULL);
    buf = mali_csf_vm_alloc_at(&b.vm, STALL_VA, 0x10000, 0);
    write4(&b, buf.pa + 0x7ff8, (const uint32_t[]) { 1, 2, 3, 4 });
    mali_csf_lock(&b.gpu, 1, STALL_LOCK);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    g_assert_false(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
    /* What counts is what is there when the lock is gone. */
    write4(&b, buf.pa + 0x7ff8, (const uint32_t[]) { 5, 6, 7, 8 });
    mali_csf_unlock(&b.gpu, 1);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    run_and_dump(&b, NULL, 0, regs);
    for (int i = 0; i < 4; i++) {
        g_assert_cmphex(regs[1 + i], ==, 5 + i);
    }
    mali_csf_bench_quit(&b);
}

static void test_stall_sync_wait(void)
{
    const WaitTest *t = &wait_tests[0];
    QMaliCsfBench b;
    QMaliCsfBuffer buf;

    mali_csf_bench_init(&b, NULL);
    buf = mali_csf_vm_alloc_at(&b.vm, STALL_VA, 0x10000, 0);
    qtest_writel(b.gpu.qts, buf.pa + 0x8010, t->free);
    mali_csf_lock(&b.gpu, 1, STALL_LOCK);
    submit_wait(b.queue, t, STALL_VA + 0x8010, b.out.va);
    g_assert_false(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_unlock(&b.gpu, 1);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* A lock taken while the stream is blocked must not be run through. */
static void test_stall_sync_wait_then_lock(void)
{
    const WaitTest *t = &wait_tests[0];
    QMaliCsfBench b;
    QMaliCsfBuffer buf;

    mali_csf_bench_init(&b, NULL);
    buf = mali_csf_vm_alloc_at(&b.vm, STALL_VA, 0x10000, 0);
    qtest_writel(b.gpu.qts, buf.pa + 0x8010, t->blocked);
    submit_wait(b.queue, t, STALL_VA + 0x8010, b.out.va);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_lock(&b.gpu, 1, STALL_LOCK);
    qtest_writel(b.gpu.qts, buf.pa + 0x8010, t->free);
    mali_csf_doorbell(&b.gpu, 0);
    g_assert_false(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_unlock(&b.gpu, 1);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/*
 * The page of the instruction itself is locked: each class, as the first
 * word of the second page of a CALLed buffer.
 */
typedef struct FetchTest {
    const char *name;
    uint64_t word;
    uint32_t before;
    uint32_t after;
} FetchTest;

static void test_stall_fetch(const void *data)
{
    const FetchTest *t = data;
    QMaliCsfBench b;
    QMaliCsfBuffer buf;
    uint64_t job[] = {
        cs_move48(4, STALL_VA + 0x7ff0),
        cs_move32(6, 4 * 8),
        0,
        cs_move48(8, 0x1000),
        cs_call(4, 6),
        cs_add_imm32(21, 21, 1),
    };

    mali_csf_bench_init(&b, NULL);
    buf = mali_csf_vm_alloc_at(&b.vm, STALL_VA, 0x10000, 0);
    job[2] = cs_move48(2, b.out.va + 0x100);
    qtest_writeq(b.gpu.qts, buf.pa + 0x7ff0, cs_add_imm32(20, 20, 1));
    qtest_writeq(b.gpu.qts, buf.pa + 0x7ff8, cs_add_imm32(20, 20, 1));
    qtest_writeq(b.gpu.qts, buf.pa + 0x8000, t->word);
    qtest_writeq(b.gpu.qts, buf.pa + 0x8008, cs_add_imm32(20, 20, 0x100));
    qtest_writel(b.gpu.qts, b.out.pa + 0x100, t->before);
    mali_csf_lock(&b.gpu, 1, STALL_LOCK);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    for (int i = 0; i < 2; i++) {
        g_assert_false(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
        g_assert_cmphex(mali_csf_bench_out(&b, 0x100), ==, t->before);
        /* It is at the instruction that it cannot have. */
        mali_csf_group_status_update(&b.group);
        g_assert_cmphex(mali_csf_queue_status64(b.queue, CS_STATUS_CMD_PTR),
                        ==, STALL_VA + 0x8000);
    }
    mali_csf_unlock(&b.gpu, 1);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&b, 0x100), ==, t->after);
    {
        const uint64_t dump[] = {
            cs_move48(4, b.out.va),
            cs_store_multiple(20, 3, 4, 0),
            cs_store_multiple(30, 1, 4, 8),
        };

        mali_csf_queue_exec(b.queue, dump, ARRAY_SIZE(dump));
        g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0x102);
        g_assert_cmphex(mali_csf_bench_out(&b, 4), ==, 1);
        g_assert_cmphex(mali_csf_bench_out(&b, 8), ==,
                        g_str_equal(t->name, "add-imm32"));
    }
    mali_csf_bench_quit(&b);
}

/* r2: where the result goes; r8: 0x1000 */
static void add_fetch_tests(void)
{
    const FetchTest tests[] = {
        { "add-imm32", cs_add_imm32(30, 30, 1), 0, 0 },
        { "store", cs_store_multiple(8, 1, 2, 0), 7, 0x1000 },
        { "sync-add32", cs_sync(CS_OP_SYNC_ADD32, 2, 8, 0, 0, 0, 0),
          7, 0x1007 },
        { "sync-set64", cs_sync(CS_OP_SYNC_SET64, 2, 8, 0, 0, 0, 0),
          7, 0x1000 },
        { "sync-add64", cs_sync(CS_OP_SYNC_ADD64, 2, 8, 0, 0, 0, 0),
          7, 0x1007 },
        { "store-state", cs_store_state(2, 0, CS_STATE_ERROR_STATUS, 0, 0), 7,
          0 },
        { "branch", cs_branch(CS_COND_ALWAYS, 0, 0), 0, 0 },
    };

    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        add_copy("stall/fetch", tests[i].name, &tests[i], sizeof(tests[i]),
                 test_stall_fetch);
    }
}

/* A lock that comes between two words of a page that is being executed */
static void test_stall_fetch_midway(void)
{
    QMaliCsfBench b;
    uint32_t seen;

    mali_csf_bench_init(&b, NULL);
    submit_long_job(&b, b.queue, &b.code, &b.out, 100000000);
    mali_csf_queue_kick(b.queue);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), >, 0);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(b.code.va, 0x1000));
    seen = mali_csf_bench_out(&b, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), ==, seen);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), >, seen);
    mali_csf_bench_quit(&b);
}

/* Of all streams, only the one that wants the locked page waits. */
static void test_stall_others_run(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfBuffer buf;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    buf = mali_csf_vm_alloc_at(&b.vm, STALL_VA, 0x10000, 0);
    second_group(&b, &group);
    mali_csf_lock(&b.gpu, 1, STALL_LOCK);
    mali_csf_bench_submit_store(&b, STALL_VA + 0x8000, NEW);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    for (int i = 0; i < 20; i++) {
        mali_csf_queue_exec(&group.queue[i & 1], nops, ARRAY_SIZE(nops));
    }
    g_assert_cmphex(qtest_readl(b.gpu.qts, buf.pa + 0x8000), ==, 0);
    mali_csf_unlock(&b.gpu, 1);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(qtest_readl(b.gpu.qts, buf.pa + 0x8000), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* Eight streams that stall, one lock after the other, and all come home */
static void test_stall_many(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer buf;
    QMaliCsfGroup group;
    const uint64_t job[] = {
        cs_move48(2, STALL_VA + 0x8010),
        cs_move48(4, 1),
        cs_sync(CS_OP_SYNC_ADD64, 2, 4, CS_SYNC_SCOPE_CSG, 0, 0, 0),
    };

    mali_csf_bench_init(&b, NULL);
    buf = mali_csf_vm_alloc_at(&b.vm, STALL_VA, 0x10000, 0);
    mali_csf_group_init(&b.vm, &group, 8);
    mali_csf_group_start(&group, 1);
    for (int round = 1; round <= 10; round++) {
        mali_csf_lock(&b.gpu, 1, STALL_LOCK);
        for (int i = 0; i < 8; i++) {
            mali_csf_queue_submit(&group.queue[i], job, ARRAY_SIZE(job));
        }
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        g_assert_cmpuint(qtest_readq(b.gpu.qts, buf.pa + 0x8010), ==,
                         8 * (round - 1));
        /* Wider, as the driver expands it: still none of them */
        mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(STALL_VA, 0x10000));
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        g_assert_cmpuint(qtest_readq(b.gpu.qts, buf.pa + 0x8010), ==,
                         8 * (round - 1));
        mali_csf_unlock(&b.gpu, 1);
        for (int i = 0; i < 8; i++) {
            g_assert(mali_csf_queue_wait(&group.queue[i], MALI_CSF_TIMEOUT));
        }
        g_assert_cmpuint(qtest_readq(b.gpu.qts, buf.pa + 0x8010), ==,
                         8 * round);
    }
    mali_csf_bench_quit(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    add_stall_tests();
    ADD("stall/operand/load", test_stall_load);
    ADD("stall/operand/sync-wait", test_stall_sync_wait);
    ADD("stall/operand/sync-wait-then-lock", test_stall_sync_wait_then_lock);
    add_fetch_tests();
    ADD("stall/fetch/midway", test_stall_fetch_midway);
    ADD("stall/others-run", test_stall_others_run);
    ADD("stall/many", test_stall_many);

    return g_test_run();
}
