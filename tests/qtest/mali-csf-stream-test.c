/*
 * QTest for the Arm Mali CSF GPU: jobs, rings, work and idle groups
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-stream.h"

/* A job from doorbell to SYNC_UPDATE */

static void test_job(void)
{
    const uint64_t body[] = {
        cs_move32(8, NEW),
        cs_move48(10, 0),
        cs_store_multiple(8, 1, 10, 0),
        cs_wait(1 << 0),
    };
    uint64_t code[ARRAY_SIZE(body)], job[16];
    QMaliCsfBench b;
    QMaliCsfBuffer sync;

    mali_csf_bench_init(&b, NULL);
    sync = mali_csf_vm_alloc(&b.vm, MALI_CSF_PAGE);
    memcpy(code, body, sizeof(code));
    code[1] = cs_move48(10, b.out.va);
    for (int i = 0; i < ARRAY_SIZE(code); i++) {
        qtest_writeq(b.gpu.qts, b.code.pa + i * 8, code[i]);
    }
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);

    for (unsigned i = 1; i <= 3; i++) {
        unsigned n = mali_csf_wrap_job(job, b.code.va, sizeof(code), 1,
                                       sync.va);

        mali_csf_queue_push(b.queue, job, n);
        /* INSERT alone starts nothing. */
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        g_assert_cmphex(qtest_readq(b.gpu.qts, sync.pa), ==, i - 1);
        g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT), ==, 0);
        mali_csf_queue_kick(b.queue);
        g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        g_assert_cmphex(qtest_readq(b.gpu.qts, sync.pa + CS_SYNC64_VALUE),
                        ==, i);
        g_assert_cmphex(qtest_readl(b.gpu.qts, sync.pa + CS_SYNC64_ERROR),
                        ==, 0);
        g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
        g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_SYNC_UPDATE));
        g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT) & JOB_INT_CSG(0),
                        !=, 0);
        mali_csf_ack_events(&b.gpu);
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        mali_csf_ack_events(&b.gpu);
        assert_healthy(&b);
    }
    mali_csf_bench_quit(&b);
}

/* A user doorbell runs the queues that it belongs to, and no others. */
static void test_job_doorbell_of_queue(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_push(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_doorbell(&b.gpu, 2);
    mali_csf_doorbell(&b.gpu, 8);
    mali_csf_doorbell(&b.gpu, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, 0);
    mali_csf_doorbell(&b.gpu, 1);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    mali_csf_bench_quit(&b);
}

/* The first job is in the ring when the group gets its slot. */
static void test_job_before_start(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 2);
    mali_csf_queue_push(&group.queue[0], nops, ARRAY_SIZE(nops));
    mali_csf_queue_push(&group.queue[1], nops, ARRAY_SIZE(nops));
    mali_csf_group_start(&group, 5);
    g_assert(mali_csf_queue_wait(&group.queue[0], MALI_CSF_TIMEOUT));
    g_assert(mali_csf_queue_wait(&group.queue[1], MALI_CSF_TIMEOUT));
    mali_csf_bench_quit(&b);
}

/*
 * The doorbell bits of the streams were consumed by a doorbell of the
 * interrupt thread, before the START was written.
 */
static void test_start_doorbell_consumed(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_queue_push(&group.queue[0], nops, ARRAY_SIZE(nops));
    mali_csf_group_program(&group, 1);
    mali_csf_csg_ring(&b.gpu, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    /* As if it had been: nothing is announced any more. */
    qtest_writel(b.gpu.qts, b.gpu.csg_in[1] + CSG_DB_REQ,
                 qtest_readl(b.gpu.qts, b.gpu.csg_out[1] + CSG_DB_ACK));
    mali_csf_group_request(&group, CSG_STATE_START);
    g_assert(mali_csf_group_wait(&group));
    g_assert(mali_csf_queue_wait(&group.queue[0], MALI_CSF_TIMEOUT));
    mali_csf_bench_quit(&b);
}

static void test_start_acks(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;
    uint32_t req;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 3);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    mali_csf_group_start(&group, 2);
    g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT) & JOB_INT_CSG(2), !=,
                    0);
    for (int i = 0; i < 8; i++) {
        uint32_t ack = qtest_readl(b.gpu.qts, b.gpu.cs_out[2][i] + CS_ACK);

        req = qtest_readl(b.gpu.qts, b.gpu.cs_in[2][i] + CS_REQ);
        g_assert_cmphex(ack, ==, req);
        g_assert_cmphex(ack & CS_STATE_MASK, ==,
                        i < 3 ? CS_STATE_START : CS_STATE_STOP);
    }
    for (int i = 0; i < 3; i++) {
        g_assert_cmphex(qtest_readl(b.gpu.qts, group.queue[i].output.pa +
                                    CS_USER_OUTPUT_ACTIVE), ==, 1);
    }
    /* The interrupt word tells of the three streams. */
    g_assert_cmphex((qtest_readl(b.gpu.qts, b.gpu.csg_out[2] + CSG_IRQ_REQ) ^
                     qtest_readl(b.gpu.qts, b.gpu.csg_in[2] + CSG_IRQ_ACK)) &
                    7, ==, 7);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.csg_in[2] + CSG_DB_REQ), ==,
                    qtest_readl(b.gpu.qts, b.gpu.csg_out[2] + CSG_DB_ACK));
    mali_csf_bench_quit(&b);
}

static void test_extract_init(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;
    QMaliCsfQueue *queue = &group.queue[0];

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    /* The driver carries on where the queue was, a few rings later. */
    qtest_writeq(b.gpu.qts, queue->output.pa + CS_USER_OUTPUT_EXTRACT,
                 0x100000fc0ull);
    queue->insert = 0x100000fc0ull;
    qtest_writeq(b.gpu.qts, queue->input.pa + CS_USER_INPUT_INSERT,
                 queue->insert);
    mali_csf_group_start(&group, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_queue_extract(queue), ==, 0x100000fc0ull);
    /* The host writes it again with each job, and that means nothing. */
    qtest_writeq(b.gpu.qts, queue->input.pa + CS_USER_INPUT_EXTRACT_INIT, 0);
    mali_csf_queue_push(queue, nops, ARRAY_SIZE(nops));
    qtest_writeq(b.gpu.qts, queue->input.pa + CS_USER_INPUT_EXTRACT_INIT,
                 0x40);
    mali_csf_queue_kick(queue);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_queue_extract(queue), ==, 0x100001000ull);
    mali_csf_bench_quit(&b);
}

static void test_ring_wrap(void)
{
    QMaliCsfBench b;
    uint64_t job[256];
    uint64_t last = 0;
    int n = 0;

    mali_csf_bench_init(&b, NULL);
    /* 37 instructions an iteration: the job crosses the end differently */
    for (int i = 0; i < 40; i++) {
        n = 0;
        job[n++] = cs_move32(2, 0);
        while (n < 34) {
            job[n++] = cs_add_imm32(2, 2, 1);
        }
        job[n++] = cs_move48(4, b.out.va + i * 4);
        job[n++] = cs_store_multiple(2, 1, 4, 0);
        job[n++] = cs_wait(1);
        mali_csf_queue_exec(b.queue, job, n);
        g_assert_cmpuint(mali_csf_bench_out(&b, i * 4), ==, 33);
        g_assert_cmphex(mali_csf_queue_extract(b.queue), >, last);
        last = mali_csf_queue_extract(b.queue);
    }
    g_assert_cmphex(last, >, 3 * b.queue->ring.size);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

/* A whole ring at once */
static void test_ring_full(void)
{
    QMaliCsfBench b;
    uint64_t job[MALI_CSF_PAGE / 8];
    int n = 0;

    mali_csf_bench_init(&b, NULL);
    while (n < ARRAY_SIZE(job) - 3) {
        job[n++] = cs_add_imm32(2, 2, 1);
    }
    job[n++] = cs_move48(4, b.out.va);
    job[n++] = cs_store_multiple(2, 1, 4, 0);
    job[n++] = cs_wait(1);
    for (int i = 1; i <= 2; i++) {
        mali_csf_queue_exec(b.queue, job, n);
        g_assert_cmpuint(mali_csf_bench_out(&b, 0), ==,
                         i * (ARRAY_SIZE(job) - 3));
    }
    mali_csf_bench_quit(&b);
}

/* Group states */

static void test_start_zeroes(void)
{
    QMaliCsfBench b;
    uint32_t regs[16];
    const uint64_t dirty[] = {
        cs_move48(0, 0xffffffffffffull), cs_move48(14, 0xffffffffffffull),
    };

    mali_csf_bench_init(&b, NULL);
    run_and_dump(&b, dirty, ARRAY_SIZE(dirty), regs);
    g_assert_cmphex(regs[0], ==, 0xffffffff);
    mali_csf_group_terminate(&b.group);
    mali_csf_group_start(&b.group, 0);
    run_and_dump(&b, NULL, 0, regs);
    for (int i = 0; i < 16; i++) {
        g_assert_cmphex(regs[i], ==, 0);
    }
    mali_csf_bench_quit(&b);
}

/* Work that takes time */

#define WORK            MALI_CSF_MS
#define RUN(opcode)     ((uint64_t)(opcode) << CS_OPCODE_SHIFT)

static const uint8_t run_opcodes[] = {
    CS_OP_RUN_COMPUTE, CS_OP_RUN_TILING, CS_OP_RUN_IDVS, CS_OP_RUN_FRAGMENT,
    CS_OP_RUN_FULLSCREEN, CS_OP_FINISH_TILING, CS_OP_RUN_COMPUTE_INDIRECT,
};

/*
 * Give work to entry 2, show that the stream goes on, wait for the entry,
 * show that it is over
 */
static void submit_work(QMaliCsfBench *b, unsigned opcode)
{
    const uint64_t words[] = {
        cs_set_sb_entry(2, 0),
        RUN(opcode),
        cs_move48(90, b->out.va),
        cs_move32(8, OLD),
        cs_store_multiple(8, 1, 90, 0),
        cs_wait(1 << 0),
        cs_wait(1 << 2),
        cs_move32(8, NEW),
        cs_store_multiple(8, 1, 90, 0),
    };

    mali_csf_queue_submit(b->queue, words, ARRAY_SIZE(words));
}

static void assert_waits_for_work(QMaliCsfBench *b)
{
    g_assert_cmphex(mali_csf_bench_out(b, 0), ==, OLD);
    g_assert_cmphex(mali_csf_queue_status(b->queue, CS_STATUS_SCOREBOARDS),
                    ==, 1 << 2);
    g_assert_cmphex(mali_csf_queue_status(b->queue, CS_STATUS_BLOCKED_REASON),
                    ==, CS_BLOCKED_SB_WAIT);
}

/* The entry is busy for as long as the property says, and no longer */
static void test_work_wait(const void *data)
{
    const uint8_t *opcode = data;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", WORK);
    submit_work(&b, *opcode);
    mali_csf_run(&b.gpu, WORK - 100 * MALI_CSF_US);
    mali_csf_group_status_update(&b.group);
    assert_waits_for_work(&b);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_SCOREBOARDS),
                    ==, 0);
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

/* An entry is clear when the last work that was given to it is done */
static void test_work_last_counts(void)
{
    const uint64_t first[] = { cs_set_sb_entry(3, 0), RUN(CS_OP_RUN_COMPUTE) };
    const uint64_t second[] = {
        RUN(CS_OP_RUN_COMPUTE),
        cs_move48(90, 0),
        cs_move32(8, NEW),
        cs_wait(1 << 3),
        cs_store_multiple(8, 1, 90, 0),
    };
    uint64_t words[ARRAY_SIZE(second)];
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    memcpy(words, second, sizeof(words));
    words[1] = cs_move48(90, b.out.va);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", WORK);
    mali_csf_queue_submit(b.queue, first, ARRAY_SIZE(first));
    mali_csf_run(&b.gpu, WORK / 2);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, WORK - 100 * MALI_CSF_US);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* A group at its end is idle only when its work is */
static void test_work_idle(void)
{
    const uint64_t words[] = { RUN(CS_OP_RUN_FRAGMENT) };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", WORK);
    mali_csf_queue_exec(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, WORK / 2);
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    mali_csf_run(&b.gpu, WORK);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    mali_csf_bench_quit(&b);
}

/* SUSPEND does not wait, and leaves no entry that the host would wait for */
static void test_work_suspend(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns",
                          1000 * MALI_CSF_MS);
    submit_work(&b, CS_OP_RUN_COMPUTE);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_group_status_update(&b.group);
    assert_waits_for_work(&b);
    mali_csf_group_suspend(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_SCOREBOARDS),
                    ==, 0);
    mali_csf_group_resume(&b.group, 5);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* The next group of the slot does not inherit the work of a dead one */
static void test_work_terminate(void)
{
    const uint64_t wait[] = { cs_wait(1 << 2) };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", 10 * WORK);
    submit_work(&b, CS_OP_RUN_COMPUTE);
    mali_csf_run(&b.gpu, WORK);
    mali_csf_group_terminate(&b.group);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 0);
    mali_csf_queue_submit(&group.queue[0], wait, ARRAY_SIZE(wait));
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(mali_csf_queue_extract(&group.queue[0]), ==,
                    group.queue[0].insert);
    /* Its end comes when nobody waits for it any more. */
    mali_csf_run(&b.gpu, 20 * WORK);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* A stream that branches to itself */
static void test_endless_loop(void)
{
    const uint64_t loop[] = { cs_branch(CS_COND_ALWAYS, 0, -1) };
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;
    gint64 start;

    mali_csf_bench_init(&b, NULL);
    second_group(&b, &group);
    mali_csf_queue_submit(b.queue, loop, ARRAY_SIZE(loop));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    /* Registers answer, in real time as well, and requests are served. */
    start = g_get_monotonic_time();
    for (int i = 0; i < 1000; i++) {
        g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_ID), ==, 0xa8670005);
    }
    g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
    mali_csf_glb_toggle(&b.gpu, GLB_PING);
    mali_csf_group_status_update(&b.group);
    mali_csf_queue_exec(&group.queue[0], nops, ARRAY_SIZE(nops));
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.csg_out[0] +
                                CSG_STATUS_STATE), ==, 0);
    assert_terminates(&b);
    mali_csf_bench_quit(&b);
}

/* Empty CALLs in a loop, and a loop over INSERT's whole ring */
static void test_endless_calls(void)
{
    const uint64_t loop[] = {
        cs_move48(2, 0x1000),
        cs_move32(4, 0),
        cs_call(2, 4),
        cs_branch(CS_COND_ALWAYS, 0, -2),
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_submit(b.queue, loop, ARRAY_SIZE(loop));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    assert_terminates(&b);
    mali_csf_bench_quit(&b);
}

/* Idle */

static void test_idle(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    for (int i = 0; i < 2; i++) {
        /* Idle is said once. */
        mali_csf_run(&b.gpu, 10 * LONG_ENOUGH);
        g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT), ==, 0);
        g_assert_false(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
        mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
        mali_csf_run(&b.gpu, MALI_CSF_MS / 10);
        g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
        mali_csf_group_status_update(&b.group);
        g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.csg_out[0] +
                                    CSG_STATUS_STATE), ==,
                        CSG_STATUS_STATE_IDLE);
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        mali_csf_ack_events(&b.gpu);
    }
    mali_csf_bench_quit(&b);
}

static bool glb_idle(QMaliCsf *gpu)
{
    return (qtest_readl(gpu->qts, gpu->glb_in + GLB_REQ) ^
            qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK)) & GLB_IDLE;
}

/* 49 units of 1024 ticks of 16 ns are 803 us. */
static void test_idle_global(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    for (int i = 0; i < 2; i++) {
        mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
        mali_csf_run(&b.gpu, 600 * MALI_CSF_US);
        g_assert_false(glb_idle(&b.gpu));
        mali_csf_run(&b.gpu, 500 * MALI_CSF_US);
        g_assert_true(glb_idle(&b.gpu));
        g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT) &
                        JOB_INT_GLOBAL_IF, !=, 0);
        mali_csf_ack_events(&b.gpu);
        mali_csf_run(&b.gpu, 10 * LONG_ENOUGH);
        g_assert_false(glb_idle(&b.gpu));
    }
    mali_csf_bench_quit(&b);
}

/* 1000 units of 1024 cycles of the core clock, 1 GHz; 16 times the ticks */
static void test_idle_global_core_clock(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    qtest_writel(b.gpu.qts, b.gpu.glb_in + GLB_IDLE_TIMER,
                 GLB_TIMER_SOURCE_GPU_COUNTER | 1000);
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_run(&b.gpu, 900 * MALI_CSF_US);
    g_assert_false(glb_idle(&b.gpu));
    mali_csf_run(&b.gpu, 500 * MALI_CSF_US);
    g_assert_true(glb_idle(&b.gpu));
    mali_csf_bench_quit(&b);
}

/*
 * Counters of a CPU that nobody has: 1 ns a tick is the least, whatever
 * CNTFRQ says, and 4 GHz leave no low word of the frequency.
 */
static void test_idle_global_odd_clock(void)
{
    static const struct {
        uint64_t hz;
        int64_t ns;
    } clocks[] = {
        { 1, 1024 * 49 * 1000000000ll },
        { 999, 1024 * 49 * 1001001ll },
        { 1000000000, 1024 * 49 },
        { 1ull << 32, 1024 * 49 },
        { 3ull << 33, 1024 * 49 },
        { UINT64_MAX, 1024 * 49 },
    };
    const uint64_t nops[8] = { 0 };

    for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++) {
        g_autofree char *args = g_strdup_printf("-cpu cortex-a57,cntfrq=%"
                                                PRIu64, clocks[i].hz);
        QMaliCsfBench b;

        mali_csf_bench_init(&b, args);
        mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
        mali_csf_run(&b.gpu, 40 * MALI_CSF_US);
        g_assert_false(glb_idle(&b.gpu));
        if (clocks[i].ns < 1000 * MALI_CSF_MS) {
            mali_csf_run(&b.gpu, 2 * clocks[i].ns);
            g_assert_true(glb_idle(&b.gpu));
        } else {
            b.gpu.now = qtest_clock_step(b.gpu.qts, clocks[i].ns -
                                         MALI_CSF_MS);
            g_assert_false(glb_idle(&b.gpu));
            mali_csf_run(&b.gpu, 2 * MALI_CSF_MS);
            g_assert_true(glb_idle(&b.gpu));
        }
        /* The longest that there is neither wraps nor ends. */
        mali_csf_ack_events(&b.gpu);
        qtest_writel(b.gpu.qts, b.gpu.glb_in + GLB_IDLE_TIMER, 0x7fffffff);
        mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        g_assert_false(glb_idle(&b.gpu));
        mali_csf_bench_quit(&b);
    }
}

/* HALT publishes the status words of groups that stay on their slots. */
static void test_halt_resident(void)
{
    const WaitTest *t = &wait_tests[4];
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_wait(b.queue, t, b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    qtest_writel(b.gpu.qts, b.gpu.cs_out[0][0] + CS_STATUS_BLOCKED_REASON,
                 ~0u);
    qtest_writeq(b.gpu.qts, b.gpu.cs_out[0][0] + CS_STATUS_WAIT_SYNC_POINTER,
                 0);
    mali_csf_update(&b.gpu, b.gpu.glb_in + GLB_REQ, GLB_HALT, GLB_HALT);
    mali_csf_doorbell(&b.gpu, 0);
    g_assert(mali_csf_wait_reg(&b.gpu, A_MCU_STATUS, ~0u, MCU_STATUS_HALT,
                               MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_BLOCKED_REASON),
                    ==, CS_BLOCKED_SYNC_WAIT);
    g_assert_cmphex(mali_csf_queue_status64(b.queue,
                                            CS_STATUS_WAIT_SYNC_POINTER), ==,
                    b.out.va + 0x100);

    /* Nothing runs while it is halted, whatever becomes of the object. */
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->free);
    mali_csf_doorbell(&b.gpu, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_bench_quit(&b);
}

/* A group that is busy keeps the GPU from being idle. */
static void test_idle_not_while_busy(void)
{
    const uint64_t loop[] = { cs_branch(CS_COND_ALWAYS, 0, -1) };
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    second_group(&b, &group);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    mali_csf_queue_submit(&group.queue[1], loop, ARRAY_SIZE(loop));
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    g_assert_false(mali_csf_csg_event(&b.gpu, 1, CSG_IDLE));
    g_assert_false(glb_idle(&b.gpu));
    mali_csf_bench_quit(&b);
}

/* What counts as idle is said by the bits of CS_REQ. */
static void test_idle_mask(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_program(&group, 1);
    mali_csf_update(&b.gpu, b.gpu.cs_in[1][0] + CS_REQ, 0,
                    CS_IDLE_EMPTY | CS_IDLE_SYNC_WAIT);
    mali_csf_group_request(&group, CSG_STATE_START);
    g_assert(mali_csf_group_wait(&group));
    mali_csf_queue_exec(&group.queue[0], nops, ARRAY_SIZE(nops));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_false(mali_csf_csg_event(&b.gpu, 1, CSG_IDLE));
    submit_wait(&group.queue[0], &wait_tests[4], b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_false(mali_csf_csg_event(&b.gpu, 1, CSG_IDLE));
    mali_csf_bench_quit(&b);
}

#define SHARE_GROUPS    8

/* Rounds that each group's loop has done, in words at the start of @b->out */
static void get_rounds(QMaliCsfBench *b, uint32_t rounds[SHARE_GROUPS])
{
    for (unsigned i = 0; i < SHARE_GROUPS; i++) {
        rounds[i] = mali_csf_bench_out(b, i * 4);
    }
}

/*
 * Groups that are all ready, and of one priority, get the same share of the
 * engine, to within a tenth.  Counted, not timed: virtual time is what it is.
 */
static void test_share(void)
{
    QMaliCsfGroup group[SHARE_GROUPS];
    uint32_t before[SHARE_GROUPS], after[SHARE_GROUPS];
    QMaliCsfBuffer code;
    uint64_t sum = 0;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    g_assert_cmpuint(b.gpu.group_num, >=, SHARE_GROUPS);
    code = mali_csf_vm_alloc(&b.vm, MALI_CSF_PAGE);
    group[0] = b.group;
    group[0].queue[0].group = &group[0];
    for (unsigned i = 0; i < SHARE_GROUPS; i++) {
        const uint64_t loop[] = {
            cs_move48(0, b.out.va + i * 4),
            cs_move32(2, 0),
            cs_add_imm32(2, 2, 1),
            cs_store_multiple(2, 1, 0, 0),
            cs_branch(CS_COND_ALWAYS, 0, -3),
        };
        const uint64_t call[] = {
            cs_move48(92, code.va + i * sizeof(loop)),
            cs_move32(94, sizeof(loop)),
            cs_call(92, 94),
        };

        for (unsigned j = 0; j < ARRAY_SIZE(loop); j++) {
            qtest_writeq(b.gpu.qts, code.pa + i * sizeof(loop) + j * 8,
                         loop[j]);
        }
        if (i > 0) {
            mali_csf_group_init(&b.vm, &group[i], 1);
            mali_csf_group_start(&group[i], i);
        }
        mali_csf_queue_submit(&group[i].queue[0], call, ARRAY_SIZE(call));
    }

    mali_csf_run(&b.gpu, MALI_CSF_MS);
    get_rounds(&b, before);
    mali_csf_run(&b.gpu, 20 * MALI_CSF_MS);
    get_rounds(&b, after);
    for (unsigned i = 0; i < SHARE_GROUPS; i++) {
        sum += after[i] - before[i];
    }
    g_assert_cmpuint(sum, >, SHARE_GROUPS * 1000);
    for (unsigned i = 0; i < SHARE_GROUPS; i++) {
        uint64_t share = (uint64_t)(after[i] - before[i]) * SHARE_GROUPS;

        g_assert_cmpuint(share, >=, sum * 9 / 10);
        g_assert_cmpuint(share, <=, sum * 11 / 10);
    }
    assert_healthy(&b);
    mali_csf_bench_quit(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("job/wrapped", test_job);
    ADD("job/doorbell-of-queue", test_job_doorbell_of_queue);
    ADD("job/before-start", test_job_before_start);
    ADD("share/equal", test_share);
    ADD("start/doorbell-consumed", test_start_doorbell_consumed);
    ADD("start/acks", test_start_acks);
    ADD("start/extract-init", test_extract_init);
    ADD("start/zeroes", test_start_zeroes);
    ADD("ring/wrap", test_ring_wrap);
    ADD("ring/full", test_ring_full);

    for (int i = 0; i < ARRAY_SIZE(run_opcodes); i++) {
        g_autofree char *name = g_strdup_printf("opcode-%u", run_opcodes[i]);

        add_data("work/wait", name, &run_opcodes[i], test_work_wait);
    }
    ADD("work/last-counts", test_work_last_counts);
    ADD("work/idle", test_work_idle);
    ADD("work/suspend", test_work_suspend);
    ADD("work/terminate", test_work_terminate);
    ADD("endless/branch", test_endless_loop);
    ADD("endless/calls", test_endless_calls);

    ADD("idle/group", test_idle);
    ADD("idle/global", test_idle_global);
    ADD("idle/global-core-clock", test_idle_global_core_clock);
    ADD("idle/global-odd-clock", test_idle_global_odd_clock);
    ADD("idle/not-while-busy", test_idle_not_while_busy);
    ADD("halt/resident", test_halt_resident);
    ADD("idle/mask", test_idle_mask);

    return g_test_run();
}
