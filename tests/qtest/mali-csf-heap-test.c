/*
 * QTest for the tiler heaps of the Arm Mali CSF GPU: the out-of-memory event
 * with its answers, exception handlers, and what becomes of both in a
 * suspend, a lock and a fault
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)
#define NEW             0x600df00d

#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define JOB_CLEAR       (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR)

#define RUN(opcode)     ((uint64_t)(opcode) << CS_OPCODE_SHIFT)

/* Results */
#define OUT_DONE        0x00
#define OUT_HANDLER     0x10
#define OUT_SYNC        0x100

/* Chunks of a tiler context */
#define TILER_TOP       40
#define TILER_BOTTOM    48

#define CHUNK_SIZE      (128 * KiB)

typedef struct HeapBench {
    QMaliCsfBench b;
    QMaliCsf *gpu;
    QMaliCsfQueue *queue;
    /* On a page each */
    QMaliCsfBuffer heap;
    QMaliCsfBuffer tiler;
    QMaliCsfBuffer chunk[3];
} HeapBench;

static void heap_init(HeapBench *h, unsigned chunks)
{
    mali_csf_bench_init(&h->b, NULL);
    h->gpu = &h->b.gpu;
    h->queue = h->b.queue;
    h->heap = mali_csf_vm_alloc(&h->b.vm, MALI_CSF_PAGE);
    h->tiler = mali_csf_vm_alloc(&h->b.vm, MALI_CSF_PAGE);
    for (int i = 0; i < ARRAY_SIZE(h->chunk); i++) {
        h->chunk[i] = mali_csf_vm_alloc(&h->b.vm, CHUNK_SIZE);
    }
    mali_csf_set_property(h->gpu, "x-endpoint-heap-chunks", chunks);
    mali_csf_run(h->gpu, LONG_ENOUGH);
    mali_csf_ack_events(h->gpu);
}

/* As the driver names a chunk: address and size in pages */
static uint64_t chunk_name(HeapBench *h, unsigned i)
{
    return h->chunk[i].va | CHUNK_SIZE >> 12;
}

/* A render pass that begins, and some work of the tiler */
static void submit_draw(HeapBench *h, QMaliCsfQueue *queue, unsigned runs)
{
    g_autoptr(GArray) words = g_array_new(false, false, 8);
    const uint64_t before[] = {
        cs_move48(40, h->tiler.va),
        cs_move48(50, h->heap.va),
        cs_heap_set(50),
        cs_heap_operation(CS_HEAP_VT_STARTED, 0, 0),
        cs_set_sb_entry(2, 0),
    };
    const uint64_t run[] = { RUN(CS_OP_RUN_IDVS), cs_nop() };
    const uint64_t after[] = {
        RUN(CS_OP_FINISH_TILING),
        cs_wait(1 << 2),
        cs_heap_operation(CS_HEAP_VT_COMPLETED, 0, 0),
        cs_move48(90, h->b.out.va),
        cs_move32(8, NEW),
        cs_store_multiple(8, 1, 90, OUT_DONE),
    };

    g_array_append_vals(words, before, ARRAY_SIZE(before));
    for (unsigned i = 0; i < runs; i++) {
        g_array_append_vals(words, run, ARRAY_SIZE(run));
    }
    g_array_append_vals(words, after, ARRAY_SIZE(after));
    mali_csf_queue_submit(queue, (uint64_t *)words->data, words->len);
}

static bool oom(HeapBench *h)
{
    return mali_csf_queue_event(h->queue, CS_TILER_OOM);
}

static void assert_done(HeapBench *h)
{
    g_assert(mali_csf_queue_wait(h->queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&h->b, OUT_DONE), ==, NEW);
    g_assert_false(oom(h));
    g_assert_false(mali_csf_queue_event(h->queue, CS_EVENT_FATAL));
}

static void assert_waits(HeapBench *h)
{
    mali_csf_run(h->gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&h->b, OUT_DONE), ==, 0);
    g_assert_false(mali_csf_queue_event(h->queue, CS_EVENT_FATAL));
}

/* What the driver does in group_process_tiler_oom() */
static void answer(HeapBench *h, uint64_t first, uint64_t last)
{
    uint64_t in = h->gpu->cs_in[h->queue->group->slot][h->queue->index];

    g_assert_true(oom(h));
    qtest_writeq(h->gpu->qts, in + CS_TILER_HEAP_START, first);
    qtest_writeq(h->gpu->qts, in + CS_TILER_HEAP_END, last);
    mali_csf_queue_ack_event(h->queue, CS_TILER_OOM);
    mali_csf_run(h->gpu, LONG_ENOUGH);
}

static void grant(HeapBench *h, unsigned i)
{
    answer(h, chunk_name(h, i), chunk_name(h, i));
}

static void assert_counters(HeapBench *h, uint32_t started,
                            uint32_t completed, uint32_t frag)
{
    g_assert_cmpuint(qtest_readl(h->gpu->qts, h->heap.pa), ==, started);
    g_assert_cmpuint(qtest_readl(h->gpu->qts, h->heap.pa + 4), ==, completed);
    g_assert_cmpuint(qtest_readl(h->gpu->qts, h->heap.pa + 8), ==, frag);
}

/* Enough memory: nothing is asked of the host. */
static void test_no_need(void)
{
    HeapBench h;

    heap_init(&h, 0);
    submit_draw(&h, h.queue, 3);
    assert_done(&h);
    assert_counters(&h, 1, 1, 0);
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.tiler.pa + TILER_TOP), ==, 0);
    mali_csf_bench_quit(&h.b);
}

static void test_grant(void)
{
    HeapBench h;
    uint32_t in_flight;

    heap_init(&h, 1);
    qtest_writel(h.gpu->qts, h.heap.pa, 8);
    qtest_writel(h.gpu->qts, h.heap.pa + 4, 6);
    qtest_writel(h.gpu->qts, h.heap.pa + 8, 5);
    submit_draw(&h, h.queue, 1);
    assert_waits(&h);
    g_assert_true(oom(&h));
    g_assert_cmphex(mali_csf_readl(h.gpu, JOB_RAWSTAT) & JOB_INT_CSG(0), ==,
                    JOB_INT_CSG(0));
    g_assert_cmphex((qtest_readl(h.gpu->qts, h.gpu->csg_out[0] +
                                 CSG_IRQ_REQ) ^
                     qtest_readl(h.gpu->qts, h.gpu->csg_in[0] +
                                 CSG_IRQ_ACK)) & 1, ==, 1);
    g_assert_cmphex(mali_csf_queue_status64(h.queue, CS_HEAP_ADDRESS), ==,
                    h.heap.va);
    in_flight = mali_csf_queue_status(h.queue, CS_HEAP_VT_START);
    g_assert_cmpuint(in_flight, ==, 9);
    g_assert_cmpuint(mali_csf_queue_status(h.queue, CS_HEAP_VT_END), ==, 6);
    g_assert_cmpuint(mali_csf_queue_status(h.queue, CS_HEAP_FRAG_END), ==, 5);

    /* The stream waits for the work, and the group is not idle. */
    mali_csf_group_status_update(&h.b.group);
    g_assert_cmphex(mali_csf_queue_status(h.queue, CS_STATUS_BLOCKED_REASON),
                    ==, CS_BLOCKED_SB_WAIT);
    g_assert_cmphex(mali_csf_queue_status(h.queue, CS_STATUS_SCOREBOARDS), ==,
                    1 << 2);
    g_assert_false(mali_csf_csg_event(h.gpu, 0, CSG_IDLE));

    /* Once is enough: the event is still there, and nobody answered. */
    mali_csf_writel(h.gpu, JOB_CLEAR, ~0u);
    mali_csf_csg_ring(h.gpu, 0);
    assert_waits(&h);
    g_assert_true(oom(&h));
    g_assert_cmphex(mali_csf_readl(h.gpu, JOB_RAWSTAT), ==, 0);

    grant(&h, 1);
    assert_done(&h);
    assert_counters(&h, 9, 7, 5);
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.tiler.pa + TILER_TOP), ==,
                    chunk_name(&h, 1));
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.tiler.pa + TILER_BOTTOM), ==,
                    chunk_name(&h, 1));
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_csg_event(h.gpu, 0, CSG_IDLE));
    mali_csf_bench_quit(&h.b);
}

/* Three chunks: asked for one after the other, or given as a list */
static void test_grant_more(const void *data)
{
    const bool as_list = *(const bool *)data;
    HeapBench h;

    heap_init(&h, 3);
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    if (as_list) {
        qtest_writeq(h.gpu->qts, h.chunk[2].pa, chunk_name(&h, 0));
        qtest_writeq(h.gpu->qts, h.chunk[0].pa, chunk_name(&h, 1));
        answer(&h, chunk_name(&h, 2), chunk_name(&h, 1));
    } else {
        grant(&h, 2);
        assert_waits(&h);
        grant(&h, 0);
        assert_waits(&h);
        grant(&h, 1);
    }
    assert_done(&h);
    /* The newest first */
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.tiler.pa + TILER_TOP), ==,
                    chunk_name(&h, 1));
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.chunk[1].pa), ==,
                    chunk_name(&h, 0));
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.chunk[0].pa), ==,
                    chunk_name(&h, 2));
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.chunk[2].pa), ==, 0);
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.tiler.pa + TILER_BOTTOM), ==,
                    chunk_name(&h, 2));
    mali_csf_bench_quit(&h.b);
}

/* A list without an end: no pass takes all that is asked for at once. */
static void test_endless(void)
{
    HeapBench h;
    bool seen = false;

    heap_init(&h, 4096);
    qtest_writeq(h.gpu->qts, h.heap.pa + 0x10, chunk_name(&h, 0));
    qtest_writeq(h.gpu->qts, h.chunk[0].pa, chunk_name(&h, 0));
    mali_csf_queue_submit(h.queue, (const uint64_t[]) {
                              cs_move48(50, h.heap.va), cs_heap_set(50),
                              RUN(CS_OP_RUN_FULLSCREEN),
                              RUN(CS_OP_FINISH_TILING) }, 4);
    /* A pass comes a microsecond after the one before. */
    for (int i = 0; i < 100 && !seen; i++) {
        g_autofree char *text = NULL;

        mali_csf_run(h.gpu, MALI_CSF_US / 2);
        text = mali_csf_query(h.gpu);
        seen = strstr(text, "the tiler waits for 3840 chunks");
    }
    g_assert_true(seen);
    g_assert(mali_csf_queue_wait(h.queue, LONG_ENOUGH));
    g_assert_false(oom(&h));
    mali_csf_bench_quit(&h.b);
}

/* The tiler takes its work in order: the second RUN waits for the first. */
static void test_order(void)
{
    HeapBench h;

    heap_init(&h, 1);
    submit_draw(&h, h.queue, 2);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    mali_csf_group_status_update(&h.b.group);
    g_assert_cmphex(mali_csf_queue_status64(h.queue, CS_STATUS_CMD_PTR), ==,
                    h.queue->ring.va + 7 * 8);
    grant(&h, 0);
    assert_waits(&h);
    grant(&h, 1);
    assert_done(&h);
    mali_csf_bench_quit(&h.b);
}

/* A fragment of another stream gives the chunks of the tiler context back. */
static void submit_fragment(HeapBench *h, QMaliCsfQueue *queue)
{
    const uint64_t words[] = {
        cs_move48(50, h->heap.va),
        cs_heap_set(50),
        cs_move48(52, h->tiler.va),
        cs_load_multiple(60, 0xf, 52, TILER_TOP),
        cs_finish_fragment(60, 62, 1, 0, 0),
        cs_move48(60, 0),
        cs_move48(62, 0),
        cs_store_multiple(60, 0xf, 52, TILER_TOP),
    };

    mali_csf_queue_submit(queue, words, ARRAY_SIZE(words));
}

static void test_refused_then_fragment(void)
{
    HeapBench h;
    QMaliCsfGroup group;

    heap_init(&h, 2);
    mali_csf_group_init(&h.b.vm, &group, 1);
    mali_csf_group_start(&group, 4);
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    grant(&h, 0);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    grant(&h, 1);
    assert_done(&h);

    /* The next one finds nothing, and gets nothing: it waits. */
    qtest_writel(h.gpu->qts, h.b.out.pa, 0);
    mali_csf_set_property(h.gpu, "x-endpoint-heap-chunks", 1);
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    answer(&h, 0, 0);
    assert_waits(&h);
    g_assert_false(oom(&h));
    mali_csf_csg_ring(h.gpu, 0);
    assert_waits(&h);
    g_assert_false(oom(&h));

    /* It draws to the same tiler context: what was there goes back first. */
    submit_fragment(&h, &group.queue[0]);
    assert_done(&h);
    assert_counters(&h, 2, 2, 1);

    /* One of the two is left in the heap. */
    qtest_writel(h.gpu->qts, h.b.out.pa, 0);
    submit_draw(&h, h.queue, 1);
    assert_done(&h);
    mali_csf_bench_quit(&h.b);
}

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

/* What ends a stream at once */
static void assert_fatal(const uint64_t *words, unsigned count, uint8_t type)
{
    HeapBench h;

    heap_init(&h, 0);
    mali_csf_queue_submit(h.queue, words, count);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(h.queue, CS_EVENT_FATAL));
    g_assert_cmphex(mali_csf_queue_status(h.queue, CS_FATAL) & 0xff, ==,
                    type);
    mali_csf_bench_quit(&h.b);
}

static void test_fatal(void)
{
    const uint64_t type[] = { cs_set_exception_handler(0, 80, 82) };
    const uint64_t address[] = {
        cs_move48(80, 0x1004), cs_move32(82, 8),
        cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 80, 82),
    };
    const uint64_t length[] = {
        cs_move48(80, 0x1000), cs_move32(82, 12),
        cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 80, 82),
    };
    const uint64_t operation[] = { cs_heap_operation(2, 0, 0) };

    assert_fatal(type, ARRAY_SIZE(type), CS_EXCEPTION_INVALID_INSTRUCTION);
    assert_fatal(address, ARRAY_SIZE(address), CS_EXCEPTION_CONFIG_FAULT);
    assert_fatal(length, ARRAY_SIZE(length), CS_EXCEPTION_CONFIG_FAULT);
    assert_fatal(operation, ARRAY_SIZE(operation),
                 CS_EXCEPTION_INVALID_INSTRUCTION);
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

/* A stream that is dead asks for nothing, whatever work waits. */
static void test_dead(void)
{
    HeapBench h;

    heap_init(&h, 1);
    mali_csf_queue_submit(h.queue, (const uint64_t[]) {
                              cs_move48(50, h.heap.va), cs_heap_set(50),
                              RUN(CS_OP_RUN_IDVS), cs_opcode(0xee) }, 4);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(h.queue, CS_EVENT_FATAL));
    g_assert_false(oom(&h));
    mali_csf_bench_quit(&h.b);
}

static void test_heap_misaligned(void)
{
    const uint64_t words[] = { cs_move48(50, 0x1004), cs_heap_set(50) };
    HeapBench h;

    heap_init(&h, 0);
    mali_csf_queue_submit(h.queue, words, ARRAY_SIZE(words));
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(h.queue, CS_EVENT_FAULT));
    g_assert_cmphex(mali_csf_queue_status(h.queue, CS_FAULT) & 0xff, ==,
                    CS_EXCEPTION_ADDR_RANGE_FAULT);
    mali_csf_bench_quit(&h.b);
}

/* Suspend */

/*
 * Off its slot, nobody has asked for anything: the driver drops the event
 * and waits for it to be raised again.
 */
static void test_suspend_asked(void)
{
    HeapBench h;

    heap_init(&h, 1);
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_true(oom(&h));
    for (unsigned slot = 3; slot < 6; slot++) {
        mali_csf_group_suspend(&h.b.group);
        /* Not idle: else the driver would not bring it back. */
        g_assert_cmphex(mali_csf_queue_status(h.queue, CS_STATUS_SCOREBOARDS),
                        ==, 1 << 2);
        mali_csf_group_resume(&h.b.group, slot);
        mali_csf_run(h.gpu, LONG_ENOUGH);
        g_assert_true(oom(&h));
        g_assert_cmphex(mali_csf_queue_status64(h.queue, CS_HEAP_ADDRESS),
                        ==, h.heap.va);
        g_assert_cmpuint(mali_csf_queue_status(h.queue, CS_HEAP_VT_START), ==,
                         1);
        assert_waits(&h);
    }
    grant(&h, 0);
    assert_done(&h);
    mali_csf_bench_quit(&h.b);
}

/* Refused, suspended, resumed: asked again, and refused again */
static void test_suspend_refused(void)
{
    HeapBench h;

    heap_init(&h, 1);
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    answer(&h, 0, 0);
    g_assert_false(oom(&h));
    mali_csf_group_suspend(&h.b.group);
    mali_csf_group_resume(&h.b.group, 2);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    answer(&h, 0, 0);
    assert_waits(&h);
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

/* A group that is dead leaves no event to the next one of its slot. */
static void test_terminate_asked(void)
{
    HeapBench h;

    heap_init(&h, 1);
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_true(oom(&h));
    mali_csf_group_terminate(&h.b.group);
    mali_csf_group_init(&h.b.vm, &h.b.group, 1);
    h.queue = &h.b.group.queue[0];
    mali_csf_group_start(&h.b.group, 0);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_false(oom(&h));
    mali_csf_bench_quit(&h.b);
}

/* Locks and faults of what the tiler touches */

static void test_locked(const void *data)
{
    const unsigned which = *(const unsigned *)data;
    HeapBench h;
    uint64_t va;

    heap_init(&h, 1);
    va = which == 0 ? h.heap.va : which == 1 ? h.tiler.va : h.chunk[0].va;
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    /* As small as may be: 32 KiB, with the heap and its context together */
    mali_csf_lock(h.gpu, 1, mali_csf_pack_region(va, 8));
    grant(&h, 0);
    assert_waits(&h);
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.tiler.pa + TILER_TOP), ==, 0);
    mali_csf_unlock(h.gpu, 1);
    assert_done(&h);
    g_assert_cmphex(qtest_readq(h.gpu->qts, h.tiler.pa + TILER_TOP), ==,
                    chunk_name(&h, 0));
    mali_csf_bench_quit(&h.b);
}

static void start_faulting(HeapBench *h)
{
    heap_init(h, 1);
    submit_draw(h, h->queue, 1);
    mali_csf_run(h->gpu, LONG_ENOUGH);
    /* The chunk is not mapped when it is given. */
    mali_csf_lock(h->gpu, 1, mali_csf_pack_region(h->chunk[0].va, 0x1000));
    mali_csf_unmap(&h->b.vm, h->chunk[0].va, MALI_CSF_PAGE);
    mali_csf_flush_caches(h->gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_unlock(h->gpu, 1);
    grant(h, 0);
    g_assert(mali_csf_wait_fault(h->gpu, 1, MALI_CSF_TIMEOUT));
    mali_csf_assert_fault(h->gpu, 1, 0xc3, AS_ACCESS_WRITE, h->chunk[0].va);
    assert_waits(h);
}

static void test_fault_repaired(void)
{
    HeapBench h;

    start_faulting(&h);
    mali_csf_map(&h.b.vm, h.chunk[0].va, h.chunk[0].pa, MALI_CSF_PAGE, 0);
    mali_csf_as_command(h.gpu, 1, AS_COMMAND_UPDATE);
    assert_done(&h);
    mali_csf_bench_quit(&h.b);
}

static void test_fault_unmapped(void)
{
    HeapBench h;

    start_faulting(&h);
    mali_csf_as_disable(h.gpu, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(h.queue, CS_EVENT_FATAL));
    g_assert_cmphex(mali_csf_queue_status(h.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_BUS_FAULT);
    g_assert_cmphex(mali_csf_queue_status64(h.queue, CS_FATAL_INFO), ==,
                    h.chunk[0].va);
    mali_csf_bench_quit(&h.b);
}

/* The answer comes while the tables are gone: it dies, and QEMU does not. */
static void test_unmapped_then_answer(void)
{
    HeapBench h;

    heap_init(&h, 1);
    submit_draw(&h, h.queue, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    mali_csf_as_disable(h.gpu, 1);
    mali_csf_run(h.gpu, LONG_ENOUGH);
    g_assert_true(oom(&h));
    grant(&h, 0);
    g_assert_true(mali_csf_queue_event(h.queue, CS_EVENT_FATAL));
    mali_csf_group_terminate(&h.b.group);
    mali_csf_bench_quit(&h.b);
}

/* Answers of a host that is out of its mind */
static void test_wild_answers(void)
{
    static const uint64_t wild[] = {
        UINT64_MAX, 1, 0xfff, 0x8000000000000000ull, 0x0000ffffffffffffull,
    };
    HeapBench h;

    for (int i = 0; i < ARRAY_SIZE(wild); i++) {
        for (int j = 0; j < ARRAY_SIZE(wild); j++) {
            heap_init(&h, 7);
            submit_draw(&h, h.queue, 1);
            mali_csf_run(h.gpu, LONG_ENOUGH);
            /* A list that goes in a circle, too */
            qtest_writeq(h.gpu->qts, h.chunk[0].pa, chunk_name(&h, 0));
            answer(&h, j & 1 ? chunk_name(&h, 0) : wild[i], wild[j]);
            mali_csf_run(h.gpu, LONG_ENOUGH);
            mali_csf_group_terminate(&h.b.group);
            mali_csf_bench_quit(&h.b);
        }
    }
}

#define ADD(path, fn) qtest_add_func("/mali-csf/heap/" path, fn)
#define ADD_DATA(path, fn, data) \
    qtest_add_data_func("/mali-csf/heap/" path, data, fn)

int main(int argc, char **argv)
{
    static const bool as_list[] = { false, true };
    static const bool yes = true, no;
    static const unsigned depths[] = {
        1, CS_CALL_STACK_DEPTH, CS_CALL_STACK_DEPTH + 1,
    };
    static const unsigned which[] = { 0, 1, 2 };

    g_test_init(&argc, &argv, NULL);

    ADD("no-need", test_no_need);
    ADD("grant/one", test_grant);
    ADD_DATA("grant/three", test_grant_more, &as_list[0]);
    ADD_DATA("grant/list", test_grant_more, &as_list[1]);
    ADD("endless", test_endless);
    ADD("order", test_order);
    ADD("refused/fragment", test_refused_then_fragment);

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
    ADD("fatal", test_fatal);
    ADD("dead", test_dead);
    ADD("misaligned", test_heap_misaligned);

    ADD("suspend/asked", test_suspend_asked);
    ADD("suspend/refused", test_suspend_refused);
    ADD("suspend/in-handler", test_suspend_in_handler);
    ADD("suspend/sets-handler", test_suspend_sets_handler);
    ADD("terminate", test_terminate_asked);

    ADD_DATA("locked/heap", test_locked, &which[0]);
    ADD_DATA("locked/tiler", test_locked, &which[1]);
    ADD_DATA("locked/chunk", test_locked, &which[2]);
    ADD("fault/repaired", test_fault_repaired);
    ADD("fault/unmapped", test_fault_unmapped);
    ADD("unmapped", test_unmapped_then_answer);
    ADD("wild", test_wild_answers);

    return g_test_run();
}
