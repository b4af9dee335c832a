/*
 * QTest for the Arm Mali CSF GPU: groups, queues and command streams
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)

#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define JOB_CLEAR       (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR)
#define MMU_RAWSTAT     (MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT)

/* An address that no helper maps; 1 GiB aligned */
#define VA              0x40000000ull
#define OLD             0x01d01d01u
#define NEW             0x0e30e30eu

static void add_data(const char *prefix, const char *name, const void *data,
                     void (*fn)(const void *))
{
    g_autofree char *path = g_strdup_printf("/mali-csf/stream/%s/%s", prefix,
                                            name);

    qtest_add_data_func(path, data, fn);
}

/* The same with a copy of @data, which holds no constant expressions */
static void add_copy(const char *prefix, const char *name, const void *data,
                     size_t size, void (*fn)(const void *))
{
    g_autofree char *path = g_strdup_printf("/mali-csf/stream/%s/%s", prefix,
                                            name);

    qtest_add_data_func_full(path, g_memdup2(data, size), fn, g_free);
}

/* Store registers @base to @base + 15 at the start of the results */
static void add_dump(QMaliCsfBench *b, GArray *code, unsigned base)
{
    const uint64_t dump[] = {
        cs_move48(90, b->out.va),
        cs_store_multiple(base, 0xffff, 90, 0),
        cs_wait(1 << 0),
    };

    g_array_append_vals(code, dump, ARRAY_SIZE(dump));
}

/* Run @words in the ring, then dump registers 0 to 15 to @regs */
static void run_and_dump(QMaliCsfBench *b, const uint64_t *words,
                         unsigned count, uint32_t regs[16])
{
    g_autoptr(GArray) code = g_array_new(false, false, sizeof(uint64_t));

    g_array_append_vals(code, words, count);
    add_dump(b, code, 0);
    mali_csf_queue_exec(b->queue, (uint64_t *)code->data, code->len);
    for (int i = 0; i < 16; i++) {
        regs[i] = mali_csf_bench_out(b, i * 4);
    }
}

static void assert_healthy(QMaliCsfBench *b)
{
    g_assert_false(mali_csf_queue_event(b->queue, CS_EVENT_FATAL));
    g_assert_false(mali_csf_queue_event(b->queue, CS_EVENT_FAULT));
    g_assert_cmphex(mali_csf_readl(&b->gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
}

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

/* SYNC_WAIT */

/* A group of two queues in slot 1 of the bench's machine */
static void second_group(QMaliCsfBench *b, QMaliCsfGroup *group)
{
    mali_csf_group_init(&b->vm, group, 2);
    mali_csf_group_start(group, 1);
}

typedef struct WaitTest {
    const char *name;
    bool wide;
    unsigned cond;
    uint64_t reference;
    /* The condition does not hold for the first, and holds for the second */
    uint64_t blocked;
    uint64_t free;
} WaitTest;

static const WaitTest wait_tests[] = {
    { "32-gt", false, CS_COND_GT, 5, 5, 6 },
    { "32-le", false, CS_COND_LE, 5, 6, 5 },
    { "32-ge", false, CS_COND_GE, 5, 4, 5 },
    { "32-unsigned", false, CS_COND_GT, 0x7fffffff, 0, 0x80000000 },
    { "64-gt", true, CS_COND_GT, 0x500000005ull, 0x500000005ull,
      0x500000006ull },
    { "64-le", true, CS_COND_LE, 0x500000005ull, 0x600000000ull,
      0x500000005ull },
    { "64-unsigned", true, CS_COND_GT, 5, 4, 0x8000000000000000ull },
};

static void submit_wait(QMaliCsfQueue *queue, const WaitTest *t, uint64_t va,
                        uint64_t out)
{
    const uint64_t job[] = {
        cs_move48(2, va),
        cs_move48(4, t->reference),
        cs_sync_wait(t->wide ? CS_OP_SYNC_WAIT64 : CS_OP_SYNC_WAIT32, 2, 4,
                     t->cond, 0),
        cs_move48(2, out),
        cs_move32(6, NEW),
        cs_store_multiple(6, 1, 2, 0),
    };

    mali_csf_queue_submit(queue, job, ARRAY_SIZE(job));
}

/* For tests of what wakes a stream at once: it is not looked at else */
static void no_sync_poll(QMaliCsfBench *b)
{
    mali_csf_set_property(&b->gpu, "x-sync-poll-ns", 0);
}

static void test_sync_wait(const void *data)
{
    const WaitTest *t = data;
    QMaliCsfBench b;
    uint64_t ip;

    mali_csf_bench_init(&b, NULL);
    no_sync_poll(&b);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->blocked);
    ip = b.queue->ring.va + b.queue->insert + 2 * 8;
    submit_wait(b.queue, t, b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);

    /* Right when IDLE is raised, and again when they are asked for */
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    for (int i = 0; i < 2; i++) {
        uint32_t wait = mali_csf_queue_status(b.queue, CS_STATUS_WAIT);
        uint64_t value;

        g_assert_cmphex(mali_csf_queue_status(b.queue,
                                              CS_STATUS_BLOCKED_REASON), ==,
                        CS_BLOCKED_SYNC_WAIT);
        g_assert_cmphex(wait, ==, CS_STATUS_WAIT_SYNC_WAIT |
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
        mali_csf_group_status_update(&b.group);
    }

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

/* Faults of the stream */

/*
 * The acknowledgement of a fault is seen when the stream's own doorbell bit
 * says that there is something to look at, not when any doorbell rings.
 */
static void test_fault_needs_doorbell(void)
{
    QMaliCsfBench b;
    const uint64_t job[] = {
        cs_move48(2, 2),
        cs_store_multiple(8, 1, 2, 0),
    };
    uint32_t ack;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT, LONG_ENOUGH));

    ack = mali_csf_queue_status(b.queue, CS_ACK);
    mali_csf_update(&b.gpu, b.gpu.cs_in[0][0] + CS_REQ, ack, CS_EVENT_FAULT);
    mali_csf_csg_ring(&b.gpu, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, 8);

    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    g_assert(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
    mali_csf_bench_quit(&b);
}

static void test_fault_pauses(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer sync;
    uint64_t body[] = {
        cs_move48(2, 0),
        cs_move32(8, NEW),
        /* Misaligned */
        cs_store_multiple(8, 1, 2, 2),
        /* Skipped in the error state */
        cs_store_multiple(8, 1, 2, 0),
        cs_move32(9, OLD),
    };
    uint64_t job[16];
    uint64_t start;

    mali_csf_bench_init(&b, NULL);
    sync = mali_csf_vm_alloc(&b.vm, MALI_CSF_PAGE);
    body[0] = cs_move48(2, b.out.va);
    for (int i = 0; i < ARRAY_SIZE(body); i++) {
        qtest_writeq(b.gpu.qts, b.code.pa + i * 8, body[i]);
    }
    /* Three jobs; the middle one faults. */
    mali_csf_wrap_job(job, 0, 0, 1, sync.va);
    mali_csf_queue_push(b.queue, job, ARRAY_SIZE(job));
    start = b.queue->insert;
    mali_csf_wrap_job(job, b.code.va, sizeof(body), 1, sync.va + 16);
    mali_csf_queue_push(b.queue, job, ARRAY_SIZE(job));
    mali_csf_wrap_job(job, 0, 0, 1, sync.va + 32);
    mali_csf_queue_push(b.queue, job, ARRAY_SIZE(job));
    mali_csf_queue_kick(b.queue);

    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FAULT) & 0xff, ==,
                    CS_EXCEPTION_ADDR_RANGE_FAULT);
    g_assert_cmphex((qtest_readl(b.gpu.qts, b.gpu.csg_out[0] + CSG_IRQ_REQ) ^
                     qtest_readl(b.gpu.qts, b.gpu.csg_in[0] + CSG_IRQ_ACK)) &
                    1, ==, 1);
    g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT) & JOB_INT_CSG(0), !=,
                    0);
    /* EXTRACT is within the job until the host has looked. */
    for (int i = 0; i < 3; i++) {
        g_assert_cmphex(mali_csf_queue_extract(b.queue), >=, start);
        g_assert_cmphex(mali_csf_queue_extract(b.queue), <, start + 128);
        g_assert_cmphex(qtest_readq(b.gpu.qts, sync.pa), ==, 1);
        g_assert_cmphex(qtest_readq(b.gpu.qts, sync.pa + 16), ==, 0);
        mali_csf_queue_kick(b.queue);
        mali_csf_run(&b.gpu, LONG_ENOUGH);
    }
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(qtest_readq(b.gpu.qts, sync.pa + 16), ==, 1);
    g_assert_cmphex(qtest_readl(b.gpu.qts, sync.pa + 16 + CS_SYNC64_ERROR),
                    ==, CS_SYNC_HAS_ERROR);
    g_assert_cmphex(qtest_readq(b.gpu.qts, sync.pa + 32), ==, 1);
    g_assert_cmphex(qtest_readl(b.gpu.qts, sync.pa + 32 + CS_SYNC64_ERROR),
                    ==, 0);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    g_assert_false(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    mali_csf_bench_quit(&b);
}

typedef struct FaultTest {
    const char *name;
    uint64_t words[4];
    uint8_t type;
} FaultTest;

static void test_fault(const void *data)
{
    const FaultTest *t = data;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_submit(b.queue, t->words, ARRAY_SIZE(t->words));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FAULT) & 0xff, ==,
                    t->type);
    /* It is recoverable, and nothing was asked of the MMU. */
    g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_false(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    mali_csf_bench_quit(&b);
}

/* Of an address that is not a multiple of the access's size */
static void add_fault_tests(void)
{
    const FaultTest tests[] = {
        { "load", { cs_move48(2, 0x1002), cs_load_multiple(4, 1, 2, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "load-offset", { cs_move48(2, 0x1000), cs_load_multiple(4, 1, 2, 1) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "store", { cs_move48(2, 0x1001), cs_store_multiple(4, 1, 2, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "sync32", { cs_move48(2, 0x1004),
                      cs_sync(CS_OP_SYNC_ADD32, 2, 4, 0, 0, 0, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "sync64", { cs_move48(2, 0x1008),
                      cs_sync(CS_OP_SYNC_SET64, 2, 4, 0, 0, 0, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "sync-wait32", { cs_move48(2, 0x1004),
                           cs_sync_wait(CS_OP_SYNC_WAIT32, 2, 4,
                                        CS_COND_GT, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "sync-wait64", { cs_move48(2, 0x1008),
                           cs_sync_wait(CS_OP_SYNC_WAIT64, 2, 4,
                                        CS_COND_GT, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
    };

    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        add_copy("fault/misaligned", tests[i].name, &tests[i], sizeof(tests[i]),
                 test_fault);
    }
}

static void test_fatal(const void *data)
{
    const FaultTest *t = data;
    QMaliCsfBench b;
    QMaliCsfGroup group;
    const uint64_t nops[8] = { 0 };
    uint32_t fatal;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_submit(b.queue, t->words, ARRAY_SIZE(t->words));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                       LONG_ENOUGH));
    fatal = mali_csf_queue_status(b.queue, CS_FATAL) & 0xff;
    if (t->type) {
        g_assert_cmphex(fatal, ==, t->type);
    } else {
        g_assert(fatal == CS_EXCEPTION_INVALID_INSTRUCTION ||
                 fatal == CS_EXCEPTION_CONFIG_FAULT);
    }
    if (g_str_has_prefix(t->name, "opcode-")) {
        g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) >> 8, ==,
                        t->words[0] >> CS_OPCODE_SHIFT);
    }
    g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT) & JOB_INT_CSG(0), !=,
                    0);

    /* It is dead, acknowledged or not, until TERMINATE; others live on. */
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FATAL);
    mali_csf_queue_kick(b.queue);
    g_assert_false(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
    second_group(&b, &group);
    mali_csf_queue_exec(&group.queue[0], nops, ARRAY_SIZE(nops));
    mali_csf_group_terminate(&b.group);
    mali_csf_group_init(&b.vm, &b.group, 1);
    mali_csf_group_start(&b.group, 0);
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_bench_quit(&b);
}

/* What no register file has, what no stream may do */
static void add_fatal_tests(void)
{
    const FaultTest tests[] = {
        { "opcode-10", { cs_opcode(10) }, CS_EXCEPTION_INVALID_INSTRUCTION },
        /* Of later architectures than the Mali-G610's */
        { "opcode-19", { cs_opcode(19) }, CS_EXCEPTION_INVALID_INSTRUCTION },
        { "opcode-57", { cs_opcode(57) }, CS_EXCEPTION_INVALID_INSTRUCTION },
        { "opcode-128", { cs_opcode(128) }, CS_EXCEPTION_INVALID_INSTRUCTION },
        { "opcode-127", { cs_opcode(127) }, CS_EXCEPTION_INVALID_INSTRUCTION },
        { "opcode-255", { ~0ull }, CS_EXCEPTION_INVALID_INSTRUCTION },
        { "move48-96", { cs_move48(96, 1) }, 0 },
        { "move48-255", { cs_move48(255, 1) }, 0 },
        { "move48-95", { cs_move48(95, 1) }, 0 },
        { "move32-96", { cs_move32(96, 1) }, 0 },
        { "move32-255", { cs_move32(255, 1) }, 0 },
        { "add32-dst", { cs_add_imm32(96, 0, 1) }, 0 },
        { "add32-src", { cs_add_imm32(0, 255, 1) }, 0 },
        { "add64-dst", { cs_add_imm64(254, 0, 1) }, 0 },
        { "add64-src", { cs_add_imm64(0, 254, 1) }, 0 },
        { "umin-src", { cs_umin32(0, 0, 200) }, 0 },
        { "load-past-end", { cs_load_multiple(90, 0xffff, 2, 0) }, 0 },
        { "load-base-255", { cs_load_multiple(255, 1, 2, 0) }, 0 },
        { "load-addr-254", { cs_load_multiple(0, 1, 254, 0) }, 0 },
        { "store-past-end", { cs_store_multiple(81, 0x8000, 2, 0) }, 0 },
        { "store-addr-96", { cs_store_multiple(0, 1, 96, 0) }, 0 },
        { "branch-reg", { cs_branch(CS_COND_EQ, 255, 1) }, 0 },
        { "branch-cond", { cs_branch(7, 0, 1) }, 0 },
        { "call-addr", { cs_call(254, 0) }, 0 },
        { "call-len", { cs_call(0, 255) }, 0 },
        { "call-misaligned", { cs_move48(2, 0x1004), cs_move32(4, 8),
                               cs_call(2, 4) }, CS_EXCEPTION_CONFIG_FAULT },
        { "call-length", { cs_move48(2, 0x1000), cs_move32(4, 12),
                           cs_call(2, 4) }, CS_EXCEPTION_CONFIG_FAULT },
        { "jump-in-ring", { cs_move48(2, 0x1000), cs_move32(4, 8),
                            cs_jump(2, 4) }, 0 },
        { "sync-addr", { cs_sync(CS_OP_SYNC_ADD64, 254, 0, 0, 0, 0, 0) }, 0 },
        { "sync-data", { cs_sync(CS_OP_SYNC_ADD64, 0, 254, 0, 0, 0, 0) }, 0 },
        { "sync-data32", { cs_sync(CS_OP_SYNC_SET32, 0, 96, 0, 0, 0, 0) }, 0 },
        { "wait-addr", { cs_sync_wait(CS_OP_SYNC_WAIT64, 254, 0, CS_COND_GT,
                                      0) }, 0 },
        { "wait-data", { cs_sync_wait(CS_OP_SYNC_WAIT64, 0, 254, CS_COND_GT,
                                      0) }, 0 },
        { "state-addr", { cs_store_state(254, 0, 0, 0, 0) }, 0 },
        { "flush-reg", { cs_flush_cache2(0x233, 255, 0, 0) }, 0 },
        { "flush-signal", { cs_flush_cache2(0x233, 2, 0, 8) }, 0 },
        { "sb-endpoint", { cs_set_sb_entry(8, 0) }, 0 },
        { "sb-other", { cs_set_sb_entry(0, 15) }, 0 },
        { "move48-odd", { cs_move48(1, 0) }, 0 },
        { "add64-src-odd", { cs_add_imm64(0, 3, 0) }, 0 },
        { "store-addr-odd", { cs_store_multiple(0, 1, 5, 0) }, 0 },
        { "sync-data-odd", { cs_sync(CS_OP_SYNC_ADD64, 0, 3, 0, 0, 0, 0) }, 0 },
    };

    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        add_copy("fatal", tests[i].name, &tests[i], sizeof(tests[i]),
                 test_fatal);
    }
}

/* Pairs are even: an odd one is a fault, or it is masked, but no overrun. */
static void test_odd_pairs(void)
{
    const uint64_t words[] = {
        cs_move48(1, 1), cs_add_imm64(1, 3, 1), cs_load_multiple(0, 1, 95, 0),
        cs_store_multiple(0, 1, 95, 0), cs_call(95, 95), cs_jump(95, 95),
        cs_sync(CS_OP_SYNC_ADD64, 95, 95, 0, 0, 0, 0),
        cs_sync_wait(CS_OP_SYNC_WAIT64, 95, 95, CS_COND_GT, 0),
        cs_store_state(95, 0, 0, 0, 0),
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < ARRAY_SIZE(words); i++) {
        mali_csf_queue_submit(b.queue, &words[i], 1);
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        mali_csf_group_terminate(&b.group);
        mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
        mali_csf_group_init(&b.vm, &b.group, 1);
        mali_csf_group_start(&b.group, 0);
    }
    mali_csf_bench_quit(&b);
}

/* Words of noise: every stream ends in some way, and TERMINATE always. */
static void test_noise(void)
{
    QMaliCsfBench b;
    GRand *rand = g_rand_new_with_seed(0x6a11);
    uint64_t words[64];

    mali_csf_bench_init(&b, NULL);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < ARRAY_SIZE(words); i++) {
            words[i] = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
            if (i % 4) {
                /* An opcode that exists */
                words[i] = (words[i] & ~cs_opcode(0xff)) |
                           cs_opcode(g_rand_int_range(rand, 1, 54));
            }
            if (i % 2) {
                /* And registers that exist */
                words[i] &= ~0x00a1a1a100000000ull;
            }
        }
        mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        mali_csf_group_terminate(&b.group);
        mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
        mali_csf_ack_events(&b.gpu);
        b.group.queue[0].insert = 0;
        qtest_writeq(b.gpu.qts, b.queue->output.pa, 0);
        qtest_writeq(b.gpu.qts, b.queue->input.pa, 0);
        mali_csf_group_start(&b.group, round % 8);
    }
    g_rand_free(rand);
    mali_csf_bench_quit(&b);
}

/* The host's side, wild: pointers and sizes that are none */
typedef struct WildTest {
    const char *name;
    uint32_t offset;
    uint64_t value;
} WildTest;

static const WildTest wild_tests[] = {
    { "size-0", CS_SIZE, 0 },
    { "size-3", CS_SIZE, 3 },
    { "size-5000", CS_SIZE, 5000 },
    { "size-max", CS_SIZE, 0xffffffff },
    { "base-odd", CS_BASE, 0x10000000123ull },
    { "base-max", CS_BASE, 0xfffffffffffff000ull },
};

static void test_wild(const void *data)
{
    const WildTest *t = data;
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_queue_push(&group.queue[0], nops, ARRAY_SIZE(nops));
    mali_csf_group_program(&group, 1);
    if (t->offset == CS_SIZE) {
        qtest_writel(b.gpu.qts, b.gpu.cs_in[1][0] + t->offset, t->value);
    } else {
        qtest_writeq(b.gpu.qts, b.gpu.cs_in[1][0] + t->offset, t->value);
    }
    mali_csf_group_request(&group, CSG_STATE_START);
    g_assert(mali_csf_group_wait(&group));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_group_terminate(&group);
    /* The other group does not care. */
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_bench_quit(&b);
}

/* INSERT that goes back, that is no instruction, that is more than a ring */
static void test_wild_insert(const void *data)
{
    const uint64_t insert = *(const uint64_t *)data;
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < 2; i++) {
        mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    }
    qtest_writeq(b.gpu.qts, b.queue->input.pa + CS_USER_INPUT_INSERT, insert);
    mali_csf_queue_kick(b.queue);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_CONFIG_FAULT);
    g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, 128);
    mali_csf_group_terminate(&b.group);
    mali_csf_bench_quit(&b);
}

/*
 * INSERT that goes back to an instruction which has faulted: it would be
 * behind it, once the host acknowledges the fault.
 */
static void test_wild_insert_at_fault(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_submit(b.queue, (const uint64_t[]) {
                              cs_move48(2, 2),
                              cs_store_multiple(8, 1, 2, 0) }, 2);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT, LONG_ENOUGH));
    qtest_writeq(b.gpu.qts, b.queue->input.pa + CS_USER_INPUT_INSERT, 8);
    mali_csf_queue_kick(b.queue);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, 8);
    g_assert_true(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_CONFIG_FAULT);
    mali_csf_group_terminate(&b.group);
    mali_csf_bench_quit(&b);
}

/* Pointers of the firmware's own space that are not mapped end it. */
static void test_wild_user_pages(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_program(&group, 1);
    qtest_writeq(b.gpu.qts, b.gpu.cs_in[1][0] + CS_USER_INPUT, 0x07fff000);
    mali_csf_group_request(&group, CSG_STATE_START);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    /* A crash of the firmware or a dead stream, and no crash of ours */
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_ID), ==, 0xa8670005);
    mali_csf_soft_reset(&b.gpu);
    mali_csf_l2_on(&b.gpu);
    mali_csf_vm_enable(&b.gpu.mcu_vm);
    mali_csf_mcu_boot(&b.gpu);
    mali_csf_bench_quit(&b);
}

/* The firmware dies of a page that is not there, and says so. */
static void test_wild_user_page_panic(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_HALT_STATUS),
                    ==, GLB_HALT_STATUS_OK);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_program(&group, 1);
    qtest_writeq(b.gpu.qts, b.gpu.cs_in[1][0] + CS_USER_INPUT, 0x07fff000);
    mali_csf_group_request(&group, CSG_STATE_START);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_FATAL);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_HALT_STATUS),
                    ==, GLB_HALT_STATUS_PANIC);

    /* The next boot takes it back. */
    mali_csf_soft_reset(&b.gpu);
    mali_csf_l2_on(&b.gpu);
    mali_csf_vm_enable(&b.gpu.mcu_vm);
    mali_csf_mcu_boot(&b.gpu);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_HALT_STATUS),
                    ==, GLB_HALT_STATUS_OK);
    mali_csf_bench_quit(&b);
}

static void test_wild_as(void)
{
    const uint64_t nops[8] = { 0 };
    static const unsigned spaces[] = { 2, 8, 15, 16, 0xff, 0xffffffff };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < ARRAY_SIZE(spaces); i++) {
        mali_csf_group_init(&b.vm, &group, 1);
        mali_csf_queue_push(&group.queue[0], nops, ARRAY_SIZE(nops));
        mali_csf_group_program(&group, 1);
        qtest_writel(b.gpu.qts, b.gpu.csg_in[1] + CSG_CONFIG, spaces[i]);
        mali_csf_group_request(&group, CSG_STATE_START);
        g_assert(mali_csf_group_wait(&group));
        g_assert_false(mali_csf_queue_wait(&group.queue[0], LONG_ENOUGH));
        mali_csf_group_terminate(&group);
        mali_csf_ack_events(&b.gpu);
    }
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
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

/* A loop in nested calls that counts memory up until it is told to end */
static void submit_long_job(QMaliCsfBench *b, QMaliCsfQueue *queue,
                            const QMaliCsfBuffer *code,
                            const QMaliCsfBuffer *out, uint32_t rounds)
{
    const uint64_t inner[] = {
        cs_add_imm32(12, 12, 1),
        cs_store_multiple(12, 1, 10, 0),
        cs_wait(1),
        cs_add_imm32(14, 14, -1),
        cs_branch(CS_COND_NE, 14, -5),
    };
    const uint64_t outer[] = {
        cs_move48(4, code->va + 0x400),
        cs_move32(6, sizeof(inner)),
        cs_call(4, 6),
        cs_add_imm32(13, 12, 1),
        cs_store_multiple(13, 1, 10, 4),
    };
    const uint64_t job[] = {
        cs_move48(10, out->va),
        cs_move32(14, rounds),
        cs_move32(12, 0),
        cs_move48(4, code->va),
        cs_move32(6, sizeof(outer)),
        cs_call(4, 6),
        cs_add_imm32(12, 13, 1),
        cs_store_multiple(12, 1, 10, 8),
    };

    for (int i = 0; i < ARRAY_SIZE(outer); i++) {
        qtest_writeq(b->gpu.qts, code->pa + i * 8, outer[i]);
    }
    for (int i = 0; i < ARRAY_SIZE(inner); i++) {
        qtest_writeq(b->gpu.qts, code->pa + 0x400 + i * 8, inner[i]);
    }
    mali_csf_queue_push(queue, job, ARRAY_SIZE(job));
}

static void assert_long_job(QMaliCsfBench *b, const QMaliCsfBuffer *out,
                            uint32_t rounds)
{
    g_assert_cmpuint(qtest_readl(b->gpu.qts, out->pa), ==, rounds);
    g_assert_cmpuint(qtest_readl(b->gpu.qts, out->pa + 4), ==, rounds + 1);
    g_assert_cmpuint(qtest_readl(b->gpu.qts, out->pa + 8), ==, rounds + 2);
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

/* Suspended in a nested call, resumed elsewhere, in another space too */
static void test_suspend_resume(void)
{
    const uint32_t rounds = 20000;
    QMaliCsfBench b;
    QMaliCsfVm vm;
    uint32_t seen, extract;

    mali_csf_bench_init(&b, NULL);
    submit_long_job(&b, b.queue, &b.code, &b.out, rounds);
    mali_csf_queue_kick(b.queue);
    mali_csf_run(&b.gpu, 100 * MALI_CSF_US);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(mali_csf_bench_out(&b, 0), <, rounds);
        mali_csf_group_suspend(&b.group);
        seen = mali_csf_bench_out(&b, 0);
        extract = mali_csf_queue_extract(b.queue);
        g_assert_cmpuint(seen, >, 0);
        /* Off its slot, it neither runs nor hears. */
        mali_csf_queue_kick(b.queue);
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        g_assert_cmpuint(mali_csf_bench_out(&b, 0), ==, seen);
        g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, extract);
        g_assert_cmphex(mali_csf_queue_status(b.queue,
                                              CS_STATUS_BLOCKED_REASON), ==,
                        CS_BLOCKED_UNBLOCKED);
        g_assert_cmphex(mali_csf_queue_status(b.queue,
                                              CS_STATUS_SCOREBOARDS), ==, 0);
        if (i == 1) {
            mali_csf_as_disable(&b.gpu, 1);
            vm = b.vm;
            vm.as = 6;
            mali_csf_vm_enable(&vm);
            b.group.vm = &vm;
        }
        mali_csf_group_resume(&b.group, (i + 1) * 3 % 8);
        mali_csf_run(&b.gpu, 100 * MALI_CSF_US);
        g_assert_cmpuint(mali_csf_bench_out(&b, 0), >, seen);
    }
    g_assert(mali_csf_queue_wait(b.queue, 1000 * MALI_CSF_MS));
    assert_long_job(&b, &b.out, rounds);
    g_assert_false(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    mali_csf_bench_quit(&b);
}

/* The buffer outlives the microcontroller. */
static void test_suspend_reboot_resume(void)
{
    const uint32_t rounds = 20000;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_long_job(&b, b.queue, &b.code, &b.out, rounds);
    mali_csf_queue_kick(b.queue);
    mali_csf_run(&b.gpu, 100 * MALI_CSF_US);
    mali_csf_group_suspend(&b.group);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), <, rounds);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_CLEAN);
    mali_csf_soft_reset(&b.gpu);
    mali_csf_l2_on(&b.gpu);
    mali_csf_vm_enable(&b.gpu.mcu_vm);
    mali_csf_mcu_boot(&b.gpu);
    mali_csf_global_init(&b.gpu);
    mali_csf_vm_enable(&b.vm);
    mali_csf_group_resume(&b.group, 4);
    g_assert(mali_csf_queue_wait(b.queue, 1000 * MALI_CSF_MS));
    assert_long_job(&b, &b.out, rounds);
    mali_csf_bench_quit(&b);
}

/* Suspended at a SYNC_WAIT, which is decided anew after the resume */
static void test_suspend_in_sync_wait(void)
{
    const WaitTest *t = &wait_tests[4];
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_wait(b.queue, t, b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_group_suspend(&b.group);
    /* The third moment at which the words have to be right */
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_BLOCKED_REASON),
                    ==, CS_BLOCKED_SYNC_WAIT);
    g_assert_cmphex(mali_csf_queue_status64(b.queue,
                                            CS_STATUS_WAIT_SYNC_POINTER), ==,
                    b.out.va + 0x100);
    g_assert_cmphex(mali_csf_queue_status(b.queue,
                                          CS_STATUS_WAIT_SYNC_VALUE), ==,
                    (uint32_t)t->reference);
    mali_csf_group_resume(&b.group, 2);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_group_suspend(&b.group);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->free);
    mali_csf_group_resume(&b.group, 0);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* Suspended while a lock holds it up: the access is made after the resume */
static void test_suspend_stalled(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer data;

    mali_csf_bench_init(&b, NULL);
    data = mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_store(&b, VA, NEW);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_group_suspend(&b.group);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(qtest_readl(b.gpu.qts, data.pa), ==, 0);
    mali_csf_group_resume(&b.group, 3);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(qtest_readl(b.gpu.qts, data.pa), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* What is in the buffer is the host's to write. */
static void test_resume_garbage(const void *data)
{
    const uint8_t pattern = *(const uint8_t *)data;
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    qtest_memset(b.gpu.qts, group.suspend.pa, pattern, group.suspend.size);
    mali_csf_queue_push(&group.queue[0], nops, ARRAY_SIZE(nops));
    mali_csf_group_resume(&group, 1);
    /* Nothing of it counts: the stream starts anew, at the ring's begin. */
    g_assert(mali_csf_queue_wait(&group.queue[0], MALI_CSF_TIMEOUT));
    g_assert_false(mali_csf_queue_event(&group.queue[0], CS_EVENT_FATAL));
    mali_csf_group_terminate(&group);
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_bench_quit(&b);
}

/* A true buffer, each of its words in turn made large */
static void test_resume_corrupted(void)
{
    g_autofree uint8_t *good = NULL;
    QMaliCsfBench b;
    const uint64_t nops[8] = { 0 };
    unsigned used = 0;

    mali_csf_bench_init(&b, NULL);
    submit_long_job(&b, b.queue, &b.code, &b.out, 100000000);
    mali_csf_queue_kick(b.queue);
    mali_csf_run(&b.gpu, 100 * MALI_CSF_US);
    mali_csf_group_suspend(&b.group);
    good = g_malloc(b.group.suspend.size);
    qtest_memread(b.gpu.qts, b.group.suspend.pa, good, b.group.suspend.size);
    for (unsigned i = 0; i < b.group.suspend.size; i++) {
        used = good[i] ? i : used;
    }
    /* The registers at its end are data; what comes before steers. */
    for (unsigned i = 0; i < MIN(used, 0x140); i += 4) {
        static const uint32_t values[] = { 0xffffffff, 0x7fffffff, 7, 0x100 };

        for (int j = 0; j < ARRAY_SIZE(values); j++) {
            qtest_memwrite(b.gpu.qts, b.group.suspend.pa, good,
                           b.group.suspend.size);
            qtest_writel(b.gpu.qts, b.group.suspend.pa + i, values[j]);
            mali_csf_group_resume(&b.group, (i / 4) % 8);
            mali_csf_run(&b.gpu, 50 * MALI_CSF_US);
            mali_csf_group_terminate(&b.group);
            mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
        }
    }
    mali_csf_group_init(&b.vm, &b.group, 1);
    mali_csf_group_start(&b.group, 0);
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_bench_quit(&b);
}

/* Twelve groups of three spaces on eight slots, every job in nested calls */
static void test_overcommit(void)
{
    enum { GROUPS = 12, SLOTS = 7 };
    const uint32_t rounds = 4000;
    QMaliCsfVm vm[3];
    QMaliCsfGroup *groups = g_new(QMaliCsfGroup, GROUPS);
    QMaliCsfBuffer code[GROUPS], out[GROUPS];
    QMaliCsfBench b;
    bool started[GROUPS] = { false };
    unsigned first = 0;
    bool done;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_terminate(&b.group);
    for (int i = 0; i < 3; i++) {
        mali_csf_vm_init(&b.gpu, &vm[i], i + 1);
        mali_csf_vm_enable(&vm[i]);
    }
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    for (int i = 0; i < GROUPS; i++) {
        mali_csf_group_init(&vm[i % 3], &groups[i], 1);
        code[i] = mali_csf_vm_alloc(&vm[i % 3], MALI_CSF_PAGE);
        out[i] = mali_csf_vm_alloc(&vm[i % 3], MALI_CSF_PAGE);
        submit_long_job(&b, &groups[i].queue[0], &code[i], &out[i],
                        rounds + i);
    }
    do {
        done = true;
        for (int i = 0; i < SLOTS; i++) {
            unsigned g = (first + i) % GROUPS;

            if (started[g]) {
                mali_csf_group_resume(&groups[g], i);
            } else {
                mali_csf_group_start(&groups[g], i);
                started[g] = true;
            }
        }
        mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
        for (int i = 0; i < SLOTS; i++) {
            mali_csf_group_suspend(&groups[(first + i) % GROUPS]);
        }
        mali_csf_ack_events(&b.gpu);
        first = (first + 5) % GROUPS;
        for (int i = 0; i < GROUPS; i++) {
            done &= mali_csf_queue_extract(&groups[i].queue[0]) ==
                    groups[i].queue[0].insert;
        }
        g_assert_cmpint(b.gpu.now, <, 10000 * MALI_CSF_MS);
    } while (!done);
    for (int i = 0; i < GROUPS; i++) {
        assert_long_job(&b, &out[i], rounds + i);
    }
    g_free(groups);
    mali_csf_bench_quit(&b);
}

static void test_stop_stream(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    second_group(&b, &group);
    mali_csf_update(&b.gpu, b.gpu.cs_in[1][0] + CS_REQ, CS_STATE_STOP,
                    CS_STATE_MASK);
    mali_csf_toggle(&b.gpu, b.gpu.csg_in[1] + CSG_DB_REQ,
                    b.gpu.csg_out[1] + CSG_DB_ACK, 1);
    mali_csf_csg_ring(&b.gpu, 1);
    g_assert(mali_csf_wait_mem(&b.gpu, b.gpu.cs_out[1][0] + CS_ACK,
                               CS_STATE_MASK, CS_STATE_STOP,
                               MALI_CSF_TIMEOUT));
    g_assert_cmphex(qtest_readl(b.gpu.qts, group.queue[0].output.pa +
                                CS_USER_OUTPUT_ACTIVE), ==, 0);
    mali_csf_queue_submit(&group.queue[0], nops, ARRAY_SIZE(nops));
    g_assert_false(mali_csf_queue_wait(&group.queue[0], LONG_ENOUGH));
    /* Its neighbour is not concerned. */
    mali_csf_queue_exec(&group.queue[1], nops, ARRAY_SIZE(nops));
    mali_csf_bench_quit(&b);
}

/* TERMINATE is acknowledged whatever state the stream is in. */

static void assert_terminates(QMaliCsfBench *b)
{
    int64_t start = b->gpu.now;

    mali_csf_group_request(&b->group, CSG_STATE_TERMINATE);
    g_assert(mali_csf_group_wait(&b->group));
    g_assert_cmpint(b->gpu.now - start, <=, MALI_CSF_TIMEOUT);
}

static void test_terminate_stalled(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer data;

    mali_csf_bench_init(&b, NULL);
    data = mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, MALI_CSF_LOCK_ALL);
    mali_csf_bench_submit_store(&b, VA, NEW);
    g_assert_false(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
    assert_terminates(&b);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(qtest_readl(b.gpu.qts, data.pa), ==, 0);
    mali_csf_bench_quit(&b);
}

static void test_terminate_faulted(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_bench_submit_load(&b, VA, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    assert_terminates(&b);
    mali_csf_bench_quit(&b);
}

static void test_terminate_unmapped(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_as_disable(&b.gpu, 1);
    mali_csf_bench_submit_load(&b, VA, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    assert_terminates(&b);
    mali_csf_bench_quit(&b);
}

static void test_terminate_blocked(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_wait(b.queue, &wait_tests[4], b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    assert_terminates(&b);
    /* Nothing of it is left that could be woken. */
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, wait_tests[4].free);
    mali_csf_doorbell(&b.gpu, 0);
    mali_csf_doorbell(&b.gpu, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
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

#define ADD(path, fn) qtest_add_func("/mali-csf/stream/" path, fn)

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
    static const uint64_t inserts[] = {
        0, 64, 132, 128 + MALI_CSF_PAGE + 8, ~0ull, 0x8000000000000000ull,
    };
    static const char *const insert_name[] = {
        "zero", "back", "misaligned", "over-a-ring", "max", "half",
    };
    static const uint8_t patterns[] = { 0, 0xff, 0x5a };
    static const char *const pattern_name[] = { "zero", "ones", "pattern" };

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

    ADD("fault/pauses", test_fault_pauses);
    ADD("fault/needs-doorbell", test_fault_needs_doorbell);
    add_fault_tests();
    add_fatal_tests();
    ADD("abuse/odd-pairs", test_odd_pairs);
    ADD("abuse/noise", test_noise);
    for (int i = 0; i < ARRAY_SIZE(wild_tests); i++) {
        add_data("abuse", wild_tests[i].name, &wild_tests[i], test_wild);
    }
    for (int i = 0; i < ARRAY_SIZE(inserts); i++) {
        add_data("abuse/insert", insert_name[i], &inserts[i],
                 test_wild_insert);
    }
    ADD("abuse/insert/at-fault", test_wild_insert_at_fault);
    ADD("abuse/user-pages", test_wild_user_pages);
    ADD("abuse/user-page-panic", test_wild_user_page_panic);
    ADD("abuse/address-space", test_wild_as);

    for (int i = 0; i < ARRAY_SIZE(run_opcodes); i++) {
        g_autofree char *name = g_strdup_printf("opcode-%u", run_opcodes[i]);

        add_data("work/wait", name, &run_opcodes[i], test_work_wait);
    }
    ADD("work/last-counts", test_work_last_counts);
    ADD("work/idle", test_work_idle);
    ADD("work/suspend", test_work_suspend);
    ADD("work/terminate", test_work_terminate);

    ADD("suspend/resume", test_suspend_resume);
    ADD("suspend/reboot-resume", test_suspend_reboot_resume);
    ADD("suspend/in-sync-wait", test_suspend_in_sync_wait);
    ADD("suspend/stalled", test_suspend_stalled);
    for (int i = 0; i < ARRAY_SIZE(patterns); i++) {
        add_data("suspend/garbage", pattern_name[i], &patterns[i],
                 test_resume_garbage);
    }
    ADD("suspend/corrupted", test_resume_corrupted);
    ADD("suspend/overcommit", test_overcommit);

    ADD("stop", test_stop_stream);
    ADD("terminate/stalled", test_terminate_stalled);
    ADD("terminate/faulted", test_terminate_faulted);
    ADD("terminate/unmapped", test_terminate_unmapped);
    ADD("terminate/blocked", test_terminate_blocked);
    ADD("endless/branch", test_endless_loop);
    ADD("endless/calls", test_endless_calls);

    ADD("idle/group", test_idle);
    ADD("idle/global", test_idle_global);
    ADD("idle/global-core-clock", test_idle_global_core_clock);
    ADD("idle/global-odd-clock", test_idle_global_odd_clock);
    ADD("idle/not-while-busy", test_idle_not_while_busy);
    ADD("halt/resident", test_halt_resident);
    ADD("idle/mask", test_idle_mask);

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
