/*
 * QTest for the Arm Mali CSF GPU: exception handlers of tiler heaps
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-heap.h"

#define OUT_HANDLER     0x10
#define OUT_SYNC        0x100

/* Exception handlers */

/* Code of a handler on the code page; it marks that it ran */
static uint32_t handler_code(HeapBench *h, const uint64_t *more,
                             unsigned count)
{
    const uint64_t words[] = {
        cs_move48(70, h->b.out.va),
        cs_load_multiple(72, 1, 70, OUT_HANDLER),
        cs_add_imm32(72, 72, 1),
        cs_store_multiple(72, 1, 70, OUT_HANDLER),
    };
    unsigned n = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        qtest_writeq(h->gpu->qts, h->b.code.pa + n++ * 8, words[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        qtest_writeq(h->gpu->qts, h->b.code.pa + n++ * 8, more[i]);
    }
    return n * 8;
}

/* One that gives chunk 2 to the heap */
static uint32_t freeing_handler(HeapBench *h)
{
    const uint64_t more[] = {
        cs_move48(74, chunk_name(h, 2)),
        cs_finish_fragment(74, 74, 1, 0, 0),
    };

    return handler_code(h, more, ARRAY_SIZE(more));
}

static void set_handler(HeapBench *h, uint32_t length)
{
    const uint64_t words[] = {
        cs_move48(80, h->b.code.va),
        cs_move32(82, length),
        cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 80, 82),
    };

    mali_csf_queue_exec(h->queue, words, ARRAY_SIZE(words));
}

static uint32_t handler_runs(HeapBench *h)
{
    return mali_csf_bench_out(&h->b, OUT_HANDLER);
}

static void test_handler(void)
{
    HeapBench h;

    heap_init(&h, 1);
    set_handler(&h, freeing_handler(&h));
    submit_draw(&h, h.queue, 1);
    assert_waits(&h);
    /* Not before the host has said no */
    g_assert_cmpuint(handler_runs(&h), ==, 0);
    answer(&h, 0, 0);
    assert_done(&h);
    g_assert_cmpuint(handler_runs(&h), ==, 1);
    assert_counters(&h, 1, 1, 1);
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.tiler.pa + TILER_TOP), ==,
                    chunk_name(&h, 2));

    /* Length zero removes it. */
    set_handler(&h, 0);
    qtest_writel(h.gpu->qts, h.b.out.pa, 0);
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    answer(&h, 0, 0);
    assert_waits(&h);
    g_assert_cmpuint(handler_runs(&h), ==, 1);
    mali_csf_bench_quit(&h.b);
}

/* A handler that frees nothing: the host is asked again, and so on. */
static void test_handler_in_vain(void)
{
    HeapBench h;

    heap_init(&h, 1);
    set_handler(&h, handler_code(&h, NULL, 0));
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpuint(handler_runs(&h), ==, i);
        answer(&h, 0, 0);
        assert_waits(&h);
    }
    g_assert_cmpuint(handler_runs(&h), ==, 3);
    grant(&h, 0);
    assert_done(&h);
    g_assert_cmpuint(handler_runs(&h), ==, 3);
    mali_csf_bench_quit(&h.b);
}

/* Refused without a handler, the condition waits for one to be set. */
static void test_handler_later(void)
{
    HeapBench h;
    uint32_t length;

    heap_init(&h, 1);
    length = freeing_handler(&h);
    {
        const uint64_t words[] = {
            cs_move48(40, h.tiler.va),
            cs_move48(50, h.heap.va),
            cs_heap_set(50),
            cs_set_sb_entry(2, 0),
            RUN(CS_OP_RUN_IDVS),
            /* Hold the stream up until the test says so */
            cs_move48(52, h.b.out.va + OUT_SYNC),
            cs_move32(54, 0),
            cs_sync_wait(CS_OP_SYNC_WAIT32, 52, 54, CS_COND_GT, 0),
            cs_move48(80, h.b.code.va),
            cs_move32(82, length),
            cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 80, 82),
            cs_wait(1 << 2),
            cs_move48(90, h.b.out.va),
            cs_move32(8, NEW),
            cs_store_multiple(8, 1, 90, OUT_DONE),
        };

        mali_csf_queue_submit(h.queue, words, ARRAY_SIZE(words));
    }
    mali_csf_run(h.gpu, LONG_ENOUGH);
    answer(&h, 0, 0);
    assert_waits(&h);
    g_assert_cmpuint(handler_runs(&h), ==, 0);
    qtest_writel(h.gpu->qts, h.b.out.pa + OUT_SYNC, 1);
    mali_csf_queue_kick(h.queue);
    assert_done(&h);
    g_assert_cmpuint(handler_runs(&h), ==, 1);
    mali_csf_bench_quit(&h.b);
}

/* A SYNC_WAIT is interrupted by the handler, and goes on waiting. */
static void test_handler_in_sync_wait(void)
{
    HeapBench h;

    heap_init(&h, 1);
    set_handler(&h, freeing_handler(&h));
    {
        const uint64_t words[] = {
            cs_move48(40, h.tiler.va),
            cs_move48(50, h.heap.va),
            cs_heap_set(50),
            RUN(CS_OP_RUN_IDVS),
            cs_move48(52, h.b.out.va + OUT_SYNC),
            cs_move32(54, 0),
            cs_sync_wait(CS_OP_SYNC_WAIT32, 52, 54, CS_COND_GT, 0),
            cs_move48(90, h.b.out.va),
            cs_move32(8, NEW),
            cs_store_multiple(8, 1, 90, OUT_DONE),
        };

        mali_csf_queue_submit(h.queue, words, ARRAY_SIZE(words));
    }
    mali_csf_run(h.gpu, LONG_ENOUGH);
    answer(&h, 0, 0);
    assert_waits(&h);
    g_assert_cmpuint(handler_runs(&h), ==, 1);
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.tiler.pa + TILER_TOP), ==,
                    chunk_name(&h, 2));
    mali_csf_group_status_update(&h.b.group);
    g_assert_cmphex(mali_csf_queue_status(h.queue, CS_STATUS_BLOCKED_REASON),
                    ==, CS_BLOCKED_SYNC_WAIT);
    qtest_writel(h.gpu->qts, h.b.out.pa + OUT_SYNC, 1);
    mali_csf_queue_kick(h.queue);
    assert_done(&h);
    mali_csf_bench_quit(&h.b);
}

/*
 * A handler has the whole depth of calls: here it calls itself, from a
 * stream that is itself at the bottom of its own.
 */
static void test_handler_depth(const void *data)
{
    const unsigned depth = *(const unsigned *)data;
    HeapBench h;
    uint32_t length;
    uint64_t va;

    heap_init(&h, 1);
    {
        /* Register 76 counts down. */
        const uint64_t more[] = {
            cs_add_imm32(76, 76, -1),
            cs_branch(CS_COND_LE, 76, 1),
            cs_call(80, 82),
            cs_nop(),
        };

        length = handler_code(&h, more, ARRAY_SIZE(more));
    }
    set_handler(&h, length);
    {
        /* Called six times deep, from behind the handler's code */
        const uint64_t words[] = {
            cs_add_imm32(84, 84, -1),
            cs_branch(CS_COND_LE, 84, 2),
            cs_call(86, 88),
            cs_branch(CS_COND_ALWAYS, 84, 2),
            RUN(CS_OP_RUN_IDVS),
            cs_wait(1 << 0),
        };
        const uint64_t start[] = {
            cs_move48(40, h.tiler.va),
            cs_move48(50, h.heap.va),
            cs_heap_set(50),
            cs_move48(86, h.b.code.va + 0x800),
            cs_move32(88, sizeof(words)),
            cs_move32(84, CS_CALL_STACK_DEPTH - 1),
            cs_move32(76, depth),
            cs_call(86, 88),
        };

        va = h.b.code.pa + 0x800;
        for (int i = 0; i < ARRAY_SIZE(words); i++) {
            qtest_writeq(h.gpu->qts, va + i * 8, words[i]);
        }
        mali_csf_queue_submit(h.queue, start, ARRAY_SIZE(start));
    }
    mali_csf_run(h.gpu, LONG_ENOUGH);
    answer(&h, 0, 0);
    if (depth <= CS_CALL_STACK_DEPTH) {
        g_assert_false(mali_csf_queue_event(h.queue, CS_EVENT_FATAL));
        g_assert_cmpuint(handler_runs(&h), ==, depth);
        grant(&h, 0);
        g_assert(mali_csf_queue_wait(h.queue, MALI_CSF_TIMEOUT));
    } else {
        g_assert_true(mali_csf_queue_event(h.queue, CS_EVENT_FATAL));
        g_assert_cmphex(mali_csf_queue_status(h.queue, CS_FATAL) & 0xff, ==,
                        CS_EXCEPTION_CALL_STACK_OVERFLOW);
    }
    mali_csf_bench_quit(&h.b);
}

/*
 * Handlers of another stream: panvk draws on queue 0 and has the handler on
 * queue 1, which waits for the drawing.  Both name the heap.
 */
#define OUT_WHO         0x14
/* The number of the queue, and 100 */
#define REG_WHO         78

static void pair_init(HeapBench *h, QMaliCsfGroup *group)
{
    heap_init(h, 1);
    mali_csf_group_terminate(&h->b.group);
    mali_csf_group_init(&h->b.vm, group, 3);
    mali_csf_group_start(group, 1);
    h->queue = &group->queue[0];
    mali_csf_run(h->gpu, LONG_ENOUGH);
    mali_csf_ack_events(h->gpu);
}

/* Code that says in whose registers it runs, and gives a chunk if it may */
static uint32_t pair_handler(HeapBench *h, bool gives)
{
    const uint64_t more[] = {
        cs_store_multiple(REG_WHO, 1, 70, OUT_WHO),
        cs_move48(74, chunk_name(h, 2)),
        cs_finish_fragment(74, 74, 1, 0, 0),
    };

    return handler_code(h, more, gives ? 3 : 1);
}

/* HEAP_SET, a handler, and a wait for the object to be 1 */
static void submit_keeper(HeapBench *h, QMaliCsfQueue *queue,
                          uint64_t heap_va, uint64_t handler_va,
                          uint32_t length)
{
    const uint64_t words[] = {
        cs_move32(REG_WHO, 100 + queue->index),
        cs_move48(50, heap_va),
        cs_heap_set(50),
        cs_move48(80, handler_va),
        cs_move32(82, length),
        cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 80, 82),
        cs_move48(52, h->b.out.va + OUT_SYNC),
        cs_move32(54, 0),
        cs_sync_wait(CS_OP_SYNC_WAIT32, 52, 54, CS_COND_GT, 0),
    };

    mali_csf_queue_submit(queue, words, ARRAY_SIZE(words));
}

static void release_keeper(HeapBench *h, QMaliCsfQueue *queue)
{
    qtest_writel(h->gpu->qts, h->b.out.pa + OUT_SYNC, 1);
    mali_csf_queue_kick(queue);
    g_assert(mali_csf_queue_wait(queue, MALI_CSF_TIMEOUT));
    qtest_writel(h->gpu->qts, h->b.out.pa + OUT_SYNC, 0);
}

static void refuse(HeapBench *h)
{
    mali_csf_run(h->gpu, LONG_ENOUGH);
    answer(h, 0, 0);
}

static void assert_ran(HeapBench *h, uint32_t runs, uint32_t who)
{
    g_assert_cmpuint(handler_runs(h), ==, runs);
    g_assert_cmpuint(mali_csf_bench_out(&h->b, OUT_WHO), ==, who);
}

/* Set before the memory is out, and after */
static void test_pair(const void *data)
{
    const bool before = *(const bool *)data;
    QMaliCsfGroup group;
    HeapBench h;
    uint32_t length;

    pair_init(&h, &group);
    length = pair_handler(&h, true);
    if (before) {
        submit_keeper(&h, &group.queue[1], h.heap.va, h.b.code.va, length);
        mali_csf_run(h.gpu, LONG_ENOUGH);
    }
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_cmpuint(handler_runs(&h), ==, 0);
    refuse(&h);
    if (!before) {
        assert_waits(&h);
        assert_ran(&h, 0, 0);
        submit_keeper(&h, &group.queue[1], h.heap.va, h.b.code.va, length);
    }
    assert_done(&h);
    assert_ran(&h, 1, 101);
    /* It waits on, and its own work was none of the tiler's. */
    mali_csf_run(h.gpu, LONG_ENOUGH);
    mali_csf_group_status_update(&group);
    g_assert_cmphex(mali_csf_queue_status(&group.queue[1],
                                          CS_STATUS_BLOCKED_REASON), ==,
                    CS_BLOCKED_SYNC_WAIT);
    release_keeper(&h, &group.queue[1]);
    mali_csf_bench_quit(&h.b);
}

/* As panvk takes it away: with an address of zero, or a length */
static void test_pair_removed(const void *data)
{
    const bool by_address = *(const bool *)data;
    QMaliCsfGroup group;
    HeapBench h;
    uint32_t length;

    pair_init(&h, &group);
    length = pair_handler(&h, true);
    submit_keeper(&h, &group.queue[1], h.heap.va, h.b.code.va, length);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    release_keeper(&h, &group.queue[1]);
    submit_keeper(&h, &group.queue[1], h.heap.va,
                  by_address ? 0 : h.b.code.va, by_address ? length : 0);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    submit_draw(&h, h.queue, 1);
    refuse(&h);
    assert_waits(&h);
    assert_ran(&h, 0, 0);
    release_keeper(&h, &group.queue[1]);
    assert_waits(&h);
    /* The exception is still there. */
    submit_keeper(&h, &group.queue[1], h.heap.va, h.b.code.va, length);
    assert_done(&h);
    assert_ran(&h, 1, 101);
    mali_csf_bench_quit(&h.b);
}

/* Of the same heap in the same group, and of no other */
static void test_pair_others(void)
{
    QMaliCsfGroup group, other;
    HeapBench h;
    uint32_t length;

    pair_init(&h, &group);
    mali_csf_group_init(&h.b.vm, &other, 2);
    mali_csf_group_start(&other, 3);
    length = pair_handler(&h, true);
    submit_keeper(&h, &other.queue[1], h.heap.va, h.b.code.va, length);
    submit_keeper(&h, &group.queue[1], h.heap.va + 0x800, h.b.code.va,
                  length);
    submit_draw(&h, h.queue, 1);
    refuse(&h);
    assert_waits(&h);
    assert_ran(&h, 0, 0);
    /* The other one names the heap now. */
    submit_keeper(&h, &group.queue[2], h.heap.va, h.b.code.va, length);
    assert_done(&h);
    assert_ran(&h, 1, 102);
    mali_csf_bench_quit(&h.b);
}

/* One that waits without memory has a handler of its own; one is dead. */
static void test_pair_several(void)
{
    QMaliCsfGroup group;
    HeapBench h;
    uint32_t length;

    pair_init(&h, &group);
    length = pair_handler(&h, false);
    submit_keeper(&h, &group.queue[1], h.heap.va, h.b.code.va, length);
    submit_keeper(&h, &group.queue[2], h.heap.va, h.b.code.va, length);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    submit_draw(&h, h.queue, 1);
    refuse(&h);
    assert_waits(&h);
    assert_ran(&h, 1, 101);
    /* In vain: asked again, and the first one is no more. */
    mali_csf_queue_push(&group.queue[1], (const uint64_t[]) {
                            cs_opcode(0xee) }, 1);
    qtest_writel(h.gpu->qts, h.b.out.pa + OUT_SYNC, 1);
    mali_csf_queue_kick(&group.queue[1]);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(&group.queue[1], CS_EVENT_FATAL));
    refuse(&h);
    assert_waits(&h);
    assert_ran(&h, 2, 102);
    grant(&h, 0);
    assert_done(&h);

    /* Its own one comes first. */
    qtest_writel(h.gpu->qts, h.b.out.pa, 0);
    mali_csf_queue_exec(h.queue, (const uint64_t[]) {
                            cs_move32(REG_WHO, 100),
                            cs_move48(80, h.b.code.va), cs_move32(82, length),
                            cs_set_exception_handler(
                                CS_EXCEPTION_TYPE_TILER_OOM, 80, 82) }, 4);
    submit_draw(&h, h.queue, 1);
    refuse(&h);
    assert_waits(&h);
    assert_ran(&h, 3, 100);
    mali_csf_bench_quit(&h.b);
}

/* Two that wait for the same heap: it is called for both at once. */
static void test_pair_two(void)
{
    QMaliCsfGroup group;
    HeapBench h;

    pair_init(&h, &group);
    submit_keeper(&h, &group.queue[2], h.heap.va, h.b.code.va,
                  pair_handler(&h, false));
    mali_csf_run(h.gpu, LONG_ENOUGH);
    for (unsigned i = 0; i < 2; i++) {
        submit_draw(&h, &group.queue[i], 1);
    }
    mali_csf_run(h.gpu, LONG_ENOUGH);
    /* Both are refused before a stream has a turn. */
    for (unsigned i = 0; i < 2; i++) {
        uint64_t in = h.gpu->cs_in[group.slot][i];

        g_assert_true(mali_csf_queue_event(&group.queue[i], CS_TILER_OOM));
        qtest_writeq(h.gpu->qts, in + CS_TILER_HEAP_START, 0);
        qtest_writeq(h.gpu->qts, in + CS_TILER_HEAP_END, 0);
        mali_csf_queue_ack_event(&group.queue[i], CS_TILER_OOM);
    }
    mali_csf_run(h.gpu, LONG_ENOUGH);
    assert_ran(&h, 1, 102);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_true(mali_csf_queue_event(&group.queue[i], CS_TILER_OOM));
        h.queue = &group.queue[i];
        grant(&h, i);
        g_assert(mali_csf_queue_wait(h.queue, MALI_CSF_TIMEOUT));
    }
    mali_csf_bench_quit(&h.b);
}

/* Off its slot and back, with the handler set before that or after */
static void test_pair_suspend(const void *data)
{
    const bool before = *(const bool *)data;
    QMaliCsfGroup group;
    HeapBench h;
    uint32_t length;

    pair_init(&h, &group);
    length = pair_handler(&h, true);
    if (before) {
        submit_keeper(&h, &group.queue[1], h.heap.va, h.b.code.va, length);
        mali_csf_run(h.gpu, LONG_ENOUGH);
    }
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    if (!before) {
        refuse(&h);
    }
    mali_csf_group_suspend(&group);
    mali_csf_group_resume(&group, 5);
    /* Who asked is asked again. */
    refuse(&h);
    if (!before) {
        assert_waits(&h);
        submit_keeper(&h, &group.queue[1], h.heap.va, h.b.code.va, length);
    }
    assert_done(&h);
    assert_ran(&h, 1, 101);
    mali_csf_bench_quit(&h.b);
}

/* In the middle of the other stream's handler */
static void test_pair_suspend_in_handler(void)
{
    QMaliCsfGroup group;
    HeapBench h;
    uint32_t length;

    pair_init(&h, &group);
    {
        const uint64_t more[] = {
            cs_store_multiple(REG_WHO, 1, 70, OUT_WHO),
            cs_move32(76, 200000),
            cs_add_imm32(76, 76, -1),
            cs_branch(CS_COND_NE, 76, -2),
            cs_move48(74, chunk_name(&h, 2)),
            cs_finish_fragment(74, 74, 1, 0, 0),
        };

        length = handler_code(&h, more, ARRAY_SIZE(more));
    }
    submit_keeper(&h, &group.queue[1], h.heap.va, h.b.code.va, length);
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_true(oom(&h));
    mali_csf_queue_ack_event(h.queue, CS_TILER_OOM);
    mali_csf_run(h.gpu, 200 * MALI_CSF_US);
    assert_ran(&h, 1, 101);
    mali_csf_group_suspend(&group);
    mali_csf_group_resume(&group, 4);
    mali_csf_run(h.gpu, 200 * MALI_CSF_US);
    /* Refused again while it runs: it has been called already. */
    g_assert_true(oom(&h));
    mali_csf_queue_ack_event(h.queue, CS_TILER_OOM);
    g_assert(mali_csf_queue_wait(h.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&h.b, OUT_DONE), ==, NEW);
    assert_ran(&h, 1, 101);
    mali_csf_bench_quit(&h.b);
}

/* A handler sets no handler. */
static void test_handler_sets_handler(void)
{
    const uint64_t more[] = {
        cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 80, 82),
    };
    HeapBench h;

    heap_init(&h, 1);
    set_handler(&h, handler_code(&h, more, ARRAY_SIZE(more)));
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    answer(&h, 0, 0);
    g_assert_cmpuint(handler_runs(&h), ==, 1);
    g_assert_true(mali_csf_queue_event(h.queue, CS_EVENT_FATAL));
    g_assert_cmphex(mali_csf_queue_status(h.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_INVALID_INSTRUCTION);
    mali_csf_bench_quit(&h.b);
}

/* In the middle of the handler, and the handler is part of what is kept */
static void test_suspend_in_handler(void)
{
    HeapBench h;

    heap_init(&h, 1);
    {
        const uint64_t more[] = {
            cs_move32(76, 200000),
            cs_add_imm32(76, 76, -1),
            cs_branch(CS_COND_NE, 76, -2),
            cs_move48(74, chunk_name(&h, 2)),
            cs_finish_fragment(74, 74, 1, 0, 0),
        };

        set_handler(&h, handler_code(&h, more, ARRAY_SIZE(more)));
    }
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    {
        uint64_t in = h.gpu->cs_in[0][0];

        qtest_writeq(h.gpu->qts, in + CS_TILER_HEAP_START, 0);
        qtest_writeq(h.gpu->qts, in + CS_TILER_HEAP_END, 0);
        mali_csf_queue_ack_event(h.queue, CS_TILER_OOM);
    }
    for (unsigned slot = 1; slot < 4; slot++) {
        mali_csf_run(h.gpu, 200 * MALI_CSF_US);
        g_assert_cmpuint(handler_runs(&h), ==, 1);
        g_assert_cmphex(mali_csf_bench_out(&h.b, OUT_DONE), ==, 0);
        mali_csf_group_suspend(&h.b.group);
        mali_csf_group_resume(&h.b.group, slot);
    }
    g_assert(mali_csf_queue_wait(h.queue, 100 * MALI_CSF_MS));
    g_assert_cmphex(mali_csf_bench_out(&h.b, OUT_DONE), ==, NEW);
    g_assert_cmpuint(handler_runs(&h), ==, 1);
    /* Set for good: it runs again in the next draw. */
    qtest_writel(h.gpu->qts, h.b.out.pa, 0);
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    answer(&h, 0, 0);
    g_assert(mali_csf_queue_wait(h.queue, 100 * MALI_CSF_MS));
    g_assert_cmpuint(handler_runs(&h), ==, 2);
    mali_csf_bench_quit(&h.b);
}

/* Back from a suspend it is still the handler, which sets no handler. */
static void test_suspend_sets_handler(void)
{
    const uint64_t more[] = {
        cs_move32(76, 200000),
        cs_add_imm32(76, 76, -1),
        cs_branch(CS_COND_NE, 76, -2),
        cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 80, 82),
    };
    HeapBench h;

    heap_init(&h, 1);
    set_handler(&h, handler_code(&h, more, ARRAY_SIZE(more)));
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    mali_csf_queue_ack_event(h.queue, CS_TILER_OOM);
    mali_csf_run(h.gpu, 200 * MALI_CSF_US);
    g_assert_cmpuint(handler_runs(&h), ==, 1);
    mali_csf_group_suspend(&h.b.group);
    mali_csf_group_resume(&h.b.group, 2);
    g_assert_false(mali_csf_queue_event(h.queue, CS_EVENT_FATAL));
    mali_csf_run(h.gpu, 100 * MALI_CSF_MS);
    g_assert_true(mali_csf_queue_event(h.queue, CS_EVENT_FATAL));
    g_assert_cmphex(mali_csf_queue_status(h.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_INVALID_INSTRUCTION);
    mali_csf_bench_quit(&h.b);
}

int main(int argc, char **argv)
{
    static const bool yes = true, no;
    static const unsigned depths[] = {
        1, CS_CALL_STACK_DEPTH, CS_CALL_STACK_DEPTH + 1,
    };

    g_test_init(&argc, &argv, NULL);

    ADD("handler/runs", test_handler);
    ADD("handler/in-vain", test_handler_in_vain);
    ADD("handler/later", test_handler_later);
    ADD("handler/in-sync-wait", test_handler_in_sync_wait);
    ADD_DATA("handler/depth/one", test_handler_depth, &depths[0]);
    ADD_DATA("handler/depth/most", test_handler_depth, &depths[1]);
    ADD_DATA("handler/depth/more", test_handler_depth, &depths[2]);
    ADD("handler/sets-handler", test_handler_sets_handler);
    ADD_DATA("handler/other/before", test_pair, &yes);
    ADD_DATA("handler/other/after", test_pair, &no);
    ADD_DATA("handler/other/no-address", test_pair_removed, &yes);
    ADD_DATA("handler/other/no-length", test_pair_removed, &no);
    ADD("handler/other/not-mine", test_pair_others);
    ADD("handler/other/several", test_pair_several);
    ADD("handler/other/two", test_pair_two);
    ADD_DATA("handler/other/suspend-before", test_pair_suspend, &yes);
    ADD_DATA("handler/other/suspend-after", test_pair_suspend, &no);
    ADD("handler/other/suspend-in-handler", test_pair_suspend_in_handler);
    ADD("suspend/in-handler", test_suspend_in_handler);
    ADD("suspend/sets-handler", test_suspend_sets_handler);

    return g_test_run();
}
