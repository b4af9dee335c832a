/*
 * QTest for the Arm Mali CSF GPU: SYNC_WAIT, and what wakes it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-stream.h"

/* For tests of what wakes a stream at once: it is not looked at else */
static void no_sync_poll(QMaliCsfBench *b)
{
    mali_csf_set_property(&b->gpu, "x-sync-poll-ns", 0);
}

static void test_sync_wait(const void *data)
{
    const WaitTest *t = data;
    QMaliCsfBench b;
    uint64_t ip, value;

    mali_csf_bench_init(&b, NULL);
    no_sync_poll(&b);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->blocked);
    ip = b.queue->ring.va + b.queue->insert + 2 * 8;
    submit_wait(b.queue, t, b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);

    /* The status words change when they are asked for, not with IDLE. */
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_BLOCKED_REASON),
                    ==, 0);
    g_assert_cmphex(mali_csf_queue_status64(b.queue,
                                            CS_STATUS_WAIT_SYNC_POINTER), ==,
                    0);
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue,
                                          CS_STATUS_BLOCKED_REASON), ==,
                    CS_BLOCKED_SYNC_WAIT);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_WAIT), ==,
                    CS_STATUS_WAIT_SYNC_WAIT |
                    (t->wide ? CS_STATUS_WAIT_SYNC_64B : 0) |
                    CS_STATUS_WAIT_SYNC_COND(t->cond));
    g_assert_cmphex(mali_csf_queue_status64(b.queue,
                                            CS_STATUS_WAIT_SYNC_POINTER),
                    ==, b.out.va + 0x100);
    value = mali_csf_queue_status(b.queue, CS_STATUS_WAIT_SYNC_VALUE);
    value |= (uint64_t)mali_csf_queue_status(
                 b.queue, CS_STATUS_WAIT_SYNC_VALUE_HI) << 32;
    g_assert_cmphex(value, ==, t->reference);
    g_assert_cmphex(mali_csf_queue_status(b.queue,
                                          CS_STATUS_SCOREBOARDS), ==, 0);
    g_assert_cmphex(mali_csf_queue_status64(b.queue, CS_STATUS_CMD_PTR),
                    ==, ip);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.csg_out[0] +
                                CSG_STATUS_STATE), ==,
                    CSG_STATUS_STATE_IDLE);

    /* The CPU writes the object and rings, any doorbell. */
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->free);
    mali_csf_doorbell(&b.gpu, 0);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_BLOCKED_REASON),
                    ==, CS_BLOCKED_UNBLOCKED);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_WAIT), ==, 0);
    mali_csf_bench_quit(&b);
}

static void test_sync_wait_satisfied(const void *data)
{
    const WaitTest *t = data;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->free);
    submit_wait(b.queue, t, b.out.va + 0x100, b.out.va);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* A write of another group wakes the waiter, of system and CSG scope. */
static void test_sync_wait_woken(const void *data)
{
    const unsigned scope = *(const unsigned *)data;
    const WaitTest *t = &wait_tests[4];
    QMaliCsfBench b;
    QMaliCsfGroup group;
    uint64_t job[] = {
        0,
        cs_move48(4, 0x500000006ull),
        cs_sync(CS_OP_SYNC_SET64, 2, 4, scope, 0, 0, 0),
    };

    mali_csf_bench_init(&b, NULL);
    no_sync_poll(&b);
    second_group(&b, &group);
    job[0] = cs_move48(2, b.out.va + 0x100);
    submit_wait(scope == CS_SYNC_SCOPE_SYSTEM ? b.queue : &group.queue[0], t,
                b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_queue_exec(&group.queue[1], job, ARRAY_SIZE(job));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* A process writes the object, and has no doorbell. */
static void test_sync_wait_cpu_write(const void *data)
{
    const WaitTest *t = data;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    /* First soon after the stream has begun to wait */
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->blocked);
    submit_wait(b.queue, t, b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, 20 * MALI_CSF_US);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->free);
    mali_csf_run(&b.gpu, 150 * MALI_CSF_US);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);

    /* Then long after that, and the group is idle */
    qtest_writel(b.gpu.qts, b.out.pa, 0);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->blocked);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    submit_wait(b.queue, t, b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, 500 * MALI_CSF_MS);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    mali_csf_ack_events(&b.gpu);
    mali_csf_run(&b.gpu, 500 * MALI_CSF_MS);
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->free);
    mali_csf_run(&b.gpu, 11 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    mali_csf_bench_quit(&b);
}

/* Looks are few if nothing comes of them, whatever the property asks for. */
static void test_sync_poll_pause(void)
{
    static const struct {
        int64_t property;
        unsigned max;
    } cases[] = {
        { -1, 12 },
        { 1000 * MALI_CSF_MS, 2 },
        { 1, 1000 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t property = cases[i].property;
        unsigned looks = 0;
        QMaliCsfBench b;
        int64_t end;

        mali_csf_bench_init(&b, NULL);
        if (property >= 0) {
            mali_csf_set_property(&b.gpu, "x-sync-poll-ns", property);
        }
        submit_wait(b.queue, &wait_tests[0], b.out.va + 0x100, b.out.va);
        mali_csf_run(&b.gpu, 2000 * MALI_CSF_MS);
        end = b.gpu.now + 100 * MALI_CSF_MS;
        while (b.gpu.now < end) {
            b.gpu.now = qtest_clock_step_next(b.gpu.qts);
            looks++;
        }
        g_assert_cmpuint(looks, >, 0);
        g_assert_cmpuint(looks, <=, cases[i].max);
        mali_csf_bench_quit(&b);
    }
}

static void test_sync_poll_off(void)
{
    const WaitTest *t = &wait_tests[4];
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    no_sync_poll(&b);
    submit_wait(b.queue, t, b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->free);
    mali_csf_run(&b.gpu, 1000 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_doorbell(&b.gpu, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* Neither a firmware that sleeps looks, nor one of a stream that is gone. */
static void test_sync_poll_asleep(void)
{
    const WaitTest *t = &wait_tests[4];
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_wait(b.queue, t, b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    mali_csf_update(&b.gpu, b.gpu.glb_in + GLB_REQ, GLB_SLEEP, GLB_SLEEP);
    mali_csf_doorbell(&b.gpu, 0);
    g_assert(mali_csf_wait_reg(&b.gpu, A_MCU_STATUS, ~0u, MCU_STATUS_HALT,
                               MALI_CSF_TIMEOUT));
    mali_csf_run(&b.gpu, 100 * MALI_CSF_MS);
    /* Woken, it begins to look again. */
    mali_csf_update(&b.gpu, b.gpu.glb_in + GLB_REQ, 0, GLB_SLEEP);
    mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->free);
    mali_csf_run(&b.gpu, 11 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);

    qtest_writel(b.gpu.qts, b.out.pa, 0);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->blocked);
    submit_wait(b.queue, t, b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    mali_csf_group_suspend(&b.group);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->free);
    mali_csf_run(&b.gpu, 100 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_bench_quit(&b);
}

/* An object with an error: inherited as a fault, or rejected */
static void test_sync_wait_error(void)
{
    QMaliCsfBench b;
    uint64_t job[] = {
        0,
        cs_move48(4, 0),
        cs_sync_wait(CS_OP_SYNC_WAIT64, 2, 4, CS_COND_GT, 1),
        cs_sync_wait(CS_OP_SYNC_WAIT64, 2, 4, CS_COND_GT, 0),
    };
    uint64_t ip;

    mali_csf_bench_init(&b, NULL);
    qtest_writeq(b.gpu.qts, b.out.pa, 1);
    qtest_writel(b.gpu.qts, b.out.pa + CS_SYNC64_ERROR, 0x5a);
    job[0] = cs_move48(2, b.out.va);
    ip = b.queue->insert + 3 * 8;
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FAULT), ==,
                    CS_EXCEPTION_INHERIT_FAULT);
    g_assert_cmphex(mali_csf_queue_status64(b.queue, CS_FAULT_INFO), ==,
                    b.out.va);
    g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, ip);
    mali_csf_bench_quit(&b);
}

int main(int argc, char **argv)
{
    static const unsigned scopes[] = {
        CS_SYNC_SCOPE_SYSTEM, CS_SYNC_SCOPE_CSG,
    };
    static const char *const scope_name[] = { "system", "group" };

    g_test_init(&argc, &argv, NULL);

    for (int i = 0; i < ARRAY_SIZE(wait_tests); i++) {
        add_data("sync-wait/blocked", wait_tests[i].name, &wait_tests[i],
                 test_sync_wait);
        add_data("sync-wait/satisfied", wait_tests[i].name, &wait_tests[i],
                 test_sync_wait_satisfied);
        add_data("sync-wait/cpu-write", wait_tests[i].name, &wait_tests[i],
                 test_sync_wait_cpu_write);
    }
    ADD("sync-wait/poll/pause", test_sync_poll_pause);
    ADD("sync-wait/poll/off", test_sync_poll_off);
    ADD("sync-wait/poll/asleep", test_sync_poll_asleep);
    for (int i = 0; i < ARRAY_SIZE(scopes); i++) {
        add_data("sync-wait/woken", scope_name[i], &scopes[i],
                 test_sync_wait_woken);
    }
    ADD("sync-wait/error", test_sync_wait_error);

    return g_test_run();
}
