/*
 * QTest for the tiler heaps of the Arm Mali CSF GPU: the out-of-memory event
 * with its answers, and what becomes of it in a suspend, a lock and a fault
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-heap.h"

#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define JOB_CLEAR       (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR)
#define TILER_BOTTOM    48

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

int main(int argc, char **argv)
{
    static const bool as_list[] = { false, true };
    static const unsigned which[] = { 0, 1, 2 };

    g_test_init(&argc, &argv, NULL);

    ADD("no-need", test_no_need);
    ADD("grant/one", test_grant);
    ADD_DATA("grant/three", test_grant_more, &as_list[0]);
    ADD_DATA("grant/list", test_grant_more, &as_list[1]);
    ADD("endless", test_endless);
    ADD("order", test_order);
    ADD("refused/fragment", test_refused_then_fragment);
    ADD("fatal", test_fatal);
    ADD("dead", test_dead);
    ADD("misaligned", test_heap_misaligned);

    ADD("suspend/asked", test_suspend_asked);
    ADD("suspend/refused", test_suspend_refused);
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
