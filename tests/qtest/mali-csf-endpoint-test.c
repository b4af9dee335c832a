/*
 * QTest for work of the Arm Mali CSF GPU that takes its time in a thread
 *
 * With x-endpoint=test, RUN_COMPUTE is executed by a thread beside the main
 * loop.  It loads a word, adds one and stores it, as often and as slowly as the
 * registers of the stream say (hw/gpu/mali-csf/endpoint/test.c).  It takes real
 * time, which the tests give it; nothing depends on how much.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"

/* Real time that anything may take on a busy host */
#define PATIENCE_US     (30 * G_USEC_PER_SEC)
#define STEP_US         200

/* Words of the results */
#define COUNTER         0
#define DONE            0x40
#define MARK            0x600df00d

static void init(QMaliCsfBench *b)
{
    mali_csf_bench_init(b, "-global mali-csf.x-endpoint=test");
}

/* Let real and virtual time pass until the word has at least that value */
static bool reaches(QMaliCsf *gpu, uint64_t pa, uint32_t value)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (g_get_monotonic_time() < end) {
        if (qtest_readl(gpu->qts, pa) >= value) {
            return true;
        }
        mali_csf_run(gpu, STEP_US * MALI_CSF_US);
        g_usleep(STEP_US);
    }
    return false;
}

/* The same until a request of the group is acknowledged */
static bool is_acknowledged(QMaliCsfGroup *group)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (g_get_monotonic_time() < end) {
        if (mali_csf_csg_acked(group->gpu, group->slot, CSG_STATE_MASK)) {
            return true;
        }
        mali_csf_run(group->gpu, STEP_US * MALI_CSF_US);
        g_usleep(STEP_US);
    }
    return false;
}

/* The same until the stream has died */
static bool has_died(QMaliCsfBench *b)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (g_get_monotonic_time() < end) {
        if (mali_csf_queue_event(b->queue, CS_EVENT_FATAL)) {
            return true;
        }
        mali_csf_run(&b->gpu, STEP_US * MALI_CSF_US);
        g_usleep(STEP_US);
    }
    return false;
}

/* Is the counter the same after a while? */
static bool stands(QMaliCsfBench *b)
{
    uint32_t before = qtest_readl(b->gpu.qts, b->out.pa + COUNTER);

    for (int i = 0; i < 20; i++) {
        mali_csf_run(&b->gpu, STEP_US * MALI_CSF_US);
        g_usleep(STEP_US);
    }
    return qtest_readl(b->gpu.qts, b->out.pa + COUNTER) == before;
}

/* Count that many times, with a pause before each; 0: without end */
static void submit_counting(QMaliCsfBench *b, uint32_t times, uint32_t pause_us)
{
    const uint64_t words[] = {
        cs_move32(0, times),
        cs_move32(1, pause_us),
        cs_move48(2, b->out.va + COUNTER),
        cs_move48(4, b->out.va + COUNTER),
        cs_run_compute(1, 0),
        /* The work has a copy of them. */
        cs_move32(0, 1),
        cs_move48(2, 0),
        cs_move48(4, 0),
        cs_wait(1),
        cs_move48(90, b->out.va + DONE),
        cs_move32(8, MARK),
        cs_store_multiple(8, 1, 90, 0),
    };

    mali_csf_queue_submit(b->queue, words, ARRAY_SIZE(words));
}

/* Work without end, which has begun */
static void count_for_ever(QMaliCsfBench *b)
{
    init(b);
    submit_counting(b, 0, 20);
    g_assert(reaches(&b->gpu, b->out.pa + COUNTER, 3));
}

static void assert_counts(QMaliCsfBench *b)
{
    uint32_t now = qtest_readl(b->gpu.qts, b->out.pa + COUNTER);

    g_assert(reaches(&b->gpu, b->out.pa + COUNTER, now + 3));
}

/* WAIT waits for the thread, and registers are those of the instruction. */
static void test_done(void)
{
    QMaliCsfBench b;

    init(&b);
    submit_counting(&b, 5, 1000);
    g_assert(reaches(&b.gpu, b.out.pa + DONE, MARK));
    g_assert_cmpint(qtest_readl(b.gpu.qts, b.out.pa + COUNTER), ==, 5);
    mali_csf_bench_quit(&b);
}

/* TERMINATE gives the work up, and is acknowledged when it is. */
static void test_cancel(void)
{
    QMaliCsfBench b;

    count_for_ever(&b);
    mali_csf_group_request(&b.group, CSG_STATE_TERMINATE);
    g_assert(is_acknowledged(&b.group));
    g_assert(stands(&b));
    /* The slot is free for the next one. */
    mali_csf_group_start(&b.group, 0);
    mali_csf_bench_quit(&b);
}

/* SUSPEND waits until the work is done, and the stream issues no more. */
static void test_drain(void)
{
    QMaliCsfBench b;

    init(&b);
    submit_counting(&b, 20, 2000);
    g_assert(reaches(&b.gpu, b.out.pa + COUNTER, 1));
    mali_csf_group_request(&b.group, CSG_STATE_SUSPEND);
    g_assert(is_acknowledged(&b.group));
    g_assert_cmpint(qtest_readl(b.gpu.qts, b.out.pa + COUNTER), ==, 20);
    g_assert_cmpint(qtest_readl(b.gpu.qts, b.out.pa + DONE), ==, 0);
    mali_csf_group_resume(&b.group, 0);
    g_assert(reaches(&b.gpu, b.out.pa + DONE, MARK));
    g_assert_cmpint(qtest_readl(b.gpu.qts, b.out.pa + COUNTER), ==, 20);
    mali_csf_bench_quit(&b);
}

/* LOCK is over when the thread has seen it: nothing is stored from then on. */
static void test_lock(void)
{
    QMaliCsfBench b;
    uint32_t held;

    count_for_ever(&b);
    for (int i = 0; i < 20; i++) {
        mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(b.out.va, b.out.size));
        held = qtest_readl(b.gpu.qts, b.out.pa + COUNTER);
        g_assert(stands(&b));
        g_assert_cmpint(qtest_readl(b.gpu.qts, b.out.pa + COUNTER), ==, held);
        mali_csf_unlock(&b.gpu, 1);
        assert_counts(&b);
    }
    mali_csf_bench_quit(&b);
}

/* A lock holds work up, and it happens once for all that. */
static void test_lock_once(void)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    QMaliCsfBench b;

    init(&b);
    submit_counting(&b, 500, 20);
    while (qtest_readl(b.gpu.qts, b.out.pa + DONE) != MARK) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(b.out.va, b.out.size));
        mali_csf_run(&b.gpu, STEP_US * MALI_CSF_US);
        mali_csf_unlock(&b.gpu, 1);
        mali_csf_run(&b.gpu, STEP_US * MALI_CSF_US);
        g_usleep(STEP_US);
    }
    g_assert_cmpint(qtest_readl(b.gpu.qts, b.out.pa + COUNTER), ==, 500);
    mali_csf_bench_quit(&b);
}

/*
 * The page is moved under a lock: after UNLOCK the thread uses the new one,
 * though its TLB had the old one.
 */
static void test_unlock_drops(void)
{
    QMaliCsfBench b;
    uint64_t old_pa, new_pa;
    uint32_t left;

    count_for_ever(&b);
    old_pa = b.out.pa;
    new_pa = mali_csf_alloc(&b.gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(b.out.va, b.out.size));
    mali_csf_set_pte(&b.vm, b.out.va, 3, mali_csf_leaf(new_pa, 3, 0));
    /* It drops no translation. */
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_CLEAN);
    left = qtest_readl(b.gpu.qts, old_pa + COUNTER);
    mali_csf_unlock(&b.gpu, 1);
    g_assert(reaches(&b.gpu, new_pa + COUNTER, 3));
    g_assert_cmpint(qtest_readl(b.gpu.qts, old_pa + COUNTER), ==, left);
    mali_csf_bench_quit(&b);
}

/* A cache flush completes beside a thread that never waits. */
static void test_flush(void)
{
    QMaliCsfBench b;

    count_for_ever(&b);
    for (int i = 0; i < 50; i++) {
        mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    }
    assert_counts(&b);
    mali_csf_bench_quit(&b);
}

/* The space is taken away from the work: a fault, and the stream is dead. */
static void test_fault(void)
{
    QMaliCsfBench b;

    count_for_ever(&b);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(b.out.va, b.out.size));
    mali_csf_unmap(&b.vm, b.out.va, b.out.size);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_unlock(&b.gpu, 1);
    g_assert(has_died(&b));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, b.out.va + COUNTER);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_BUS_FAULT);
    mali_csf_bench_quit(&b);
}

/* A reset is complete when nothing is under way any more. */
static void test_reset(void)
{
    QMaliCsfBench b;

    count_for_ever(&b);
    mali_csf_soft_reset(&b.gpu);
    g_assert(stands(&b));
    mali_csf_bench_quit(&b);
}

static void test_system_reset(void)
{
    QMaliCsfBench b;

    count_for_ever(&b);
    qtest_system_reset(b.gpu.qts);
    g_assert(stands(&b));
    mali_csf_bench_quit(&b);
}

/* What was in flight at a reset ends no wait of a stream that comes later. */
static void test_reset_forgets(void)
{
    const int64_t latency = 10 * MALI_CSF_MS;
    QMaliCsfBench b;
    QMaliCsfGroup group;
    uint64_t words[] = {
        cs_set_sb_entry(2, 1),
        cs_opcode(CS_OP_RUN_COMPUTE),
        cs_wait(1 << 2),
        cs_move32(20, MARK),
        cs_move48(22, 0),
        cs_store_multiple(20, 1, 22, 0),
    };

    mali_csf_bench_init(&b, "-global mali-csf.x-endpoint-latency-ns=10000000");
    words[4] = cs_move48(22, b.out.va);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, latency / 2);
    mali_csf_soft_reset(&b.gpu);

    mali_csf_l2_on(&b.gpu);
    mali_csf_vm_enable(&b.gpu.mcu_vm);
    mali_csf_mcu_boot(&b.gpu);
    mali_csf_global_init(&b.gpu);
    mali_csf_vm_enable(&b.vm);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 0);
    mali_csf_queue_submit(&group.queue[0], words, ARRAY_SIZE(words));
    /* Long behind the end of the first, not yet that of the second */
    mali_csf_run(&b.gpu, latency - MALI_CSF_MS);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.out.pa), ==, 0);
    mali_csf_run(&b.gpu, 2 * MALI_CSF_MS);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.out.pa), ==, MARK);
    mali_csf_bench_quit(&b);
}

/* While the machine is stopped its memory is left alone. */
static void test_machine_stop(void)
{
    QMaliCsfBench b;
    uint32_t before;

    count_for_ever(&b);
    qtest_qmp_assert_success(b.gpu.qts, "{'execute': 'stop'}");
    before = qtest_readl(b.gpu.qts, b.out.pa + COUNTER);
    g_usleep(50 * STEP_US);
    g_assert_cmpint(qtest_readl(b.gpu.qts, b.out.pa + COUNTER), ==, before);
    qtest_qmp_assert_success(b.gpu.qts, "{'execute': 'cont'}");
    assert_counts(&b);
    mali_csf_bench_quit(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
    qtest_add_func("mali-csf/endpoint/" name, function)
    ADD("done", test_done);
    ADD("cancel", test_cancel);
    ADD("drain", test_drain);
    ADD("lock", test_lock);
    ADD("lock-once", test_lock_once);
    ADD("unlock-drops", test_unlock_drops);
    ADD("flush", test_flush);
    ADD("fault", test_fault);
    ADD("reset", test_reset);
    ADD("system-reset", test_system_reset);
    ADD("reset-forgets", test_reset_forgets);
    ADD("machine-stop", test_machine_stop);
    return g_test_run();
}
