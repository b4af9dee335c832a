/*
 * QTest for the traces that streams of the Arm Mali CSF GPU write
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)
#define WORK            (20 * MALI_CSF_MS)
#define FIRST           0xf1f1f1f1
#define SECOND          0x52525252
#define MARK            0x3a3a3a3a

#define CONFIG(as, event_size, state) \
    ((as) | (event_size) << 4 | (state) << 16)

#define TIMESTAMP       (1 << CS_STATE_TIMESTAMP)
#define CYCLE_COUNT     (1 << CS_STATE_CYCLE_COUNT)
#define ERROR_STATUS    (1 << CS_STATE_ERROR_STATUS)

typedef struct Trace {
    QMaliCsfBench b;
    QMaliCsfBuffer buffer;
    QMaliCsfBuffer offset;
} Trace;

/* What the next START of the stream finds */
static void program(Trace *t, uint32_t config, uint32_t size,
                    uint64_t offset_va)
{
    QTestState *qts = t->b.gpu.qts;
    uint64_t in = t->b.gpu.cs_in[0][0];

    qtest_writel(qts, in + CS_INSTR_CONFIG, config);
    qtest_writel(qts, in + CS_INSTR_BUFFER_SIZE, size);
    qtest_writeq(qts, in + CS_INSTR_BUFFER_BASE, t->buffer.va);
    qtest_writeq(qts, in + CS_INSTR_BUFFER_OFFSET_POINTER, offset_va);
}

static void restart(Trace *t)
{
    mali_csf_group_terminate(&t->b.group);
    mali_csf_group_start(&t->b.group, 0);
}

static void init(Trace *t, uint32_t config, uint32_t size)
{
    mali_csf_bench_init(&t->b, NULL);
    t->buffer = mali_csf_vm_alloc(&t->b.vm, MALI_CSF_PAGE);
    t->offset = mali_csf_vm_alloc(&t->b.vm, MALI_CSF_PAGE);
    program(t, config, size, t->offset.va);
    restart(t);
}

static uint64_t offset(Trace *t)
{
    return qtest_readq(t->b.gpu.qts, t->offset.pa);
}

static uint32_t event32(Trace *t, unsigned at)
{
    return qtest_readl(t->b.gpu.qts, t->buffer.pa + at);
}

/* A trace of the registers from 20 on, with two that are known */
static void submit(Trace *t, unsigned count, unsigned wait_mask)
{
    const uint64_t words[] = {
        cs_move32(20, FIRST),
        cs_move32(21, SECOND),
        cs_trace_point(20, count, wait_mask, 2),
        cs_move48(90, t->b.out.va),
        cs_move32(22, MARK),
        cs_store_multiple(22, 1, 90, 0),
    };

    mali_csf_queue_submit(t->b.queue, words, ARRAY_SIZE(words));
}

static void run(Trace *t, unsigned count)
{
    qtest_writel(t->b.gpu.qts, t->b.out.pa, 0);
    submit(t, count, 0);
    g_assert(mali_csf_queue_wait(t->b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&t->b, 0), ==, MARK);
}

/* What is in an event, and where it is */
static void test_event(void)
{
    uint64_t before, stamp;
    Trace t;

    init(&t, CONFIG(1, 6, TIMESTAMP | ERROR_STATUS), 128);
    before = mali_csf_readq(&t.b.gpu, A_TIMESTAMP_LO);
    run(&t, 2);
    g_assert_cmpuint(offset(&t), ==, 64);
    stamp = qtest_readq(t.b.gpu.qts, t.buffer.pa);
    g_assert_cmpuint(stamp, >=, before);
    g_assert_cmpuint(stamp, <=, mali_csf_readq(&t.b.gpu, A_TIMESTAMP_LO));
    g_assert_cmphex(qtest_readq(t.b.gpu.qts, t.buffer.pa + 8), ==, 0);
    g_assert_cmphex(event32(&t, 16), ==, FIRST);
    g_assert_cmphex(event32(&t, 20), ==, SECOND);
    for (int i = 24; i < MALI_CSF_PAGE; i += 4) {
        g_assert_cmphex(event32(&t, i), ==, 0);
    }
    /* The second half, then the first one again */
    run(&t, 1);
    g_assert_cmpuint(offset(&t), ==, 128);
    g_assert_cmphex(event32(&t, 80), ==, FIRST);
    g_assert_cmphex(event32(&t, 84), ==, 0);
    qtest_memset(t.b.gpu.qts, t.buffer.pa, 0xff, 0x100);
    run(&t, 1);
    g_assert_cmpuint(offset(&t), ==, 192);
    g_assert_cmphex(event32(&t, 16), ==, FIRST);
    g_assert_cmphex(event32(&t, 20), ==, 0);
    g_assert_cmphex(event32(&t, 60), ==, 0);
    g_assert_cmphex(event32(&t, 64), ==, ~0u);

    /* The host has moved the offset, and not to a whole event. */
    qtest_writeq(t.b.gpu.qts, t.offset.pa, 0x1000000048);
    run(&t, 1);
    g_assert_cmphex(offset(&t), ==, 0x1000000088);
    g_assert_cmphex(event32(&t, 80), ==, FIRST);
    mali_csf_bench_quit(&t.b);
}

/* No more than there is room for */
static void test_room(void)
{
    Trace t;

    init(&t, CONFIG(1, 3, 0), 64);
    run(&t, 5);
    g_assert_cmpuint(offset(&t), ==, 8);
    g_assert_cmphex(event32(&t, 0), ==, FIRST);
    g_assert_cmphex(event32(&t, 4), ==, SECOND);
    g_assert_cmphex(event32(&t, 8), ==, 0);

    /* States come first; the second has no room. */
    program(&t, CONFIG(1, 3, TIMESTAMP | CYCLE_COUNT), 64, t.offset.va);
    restart(&t);
    run(&t, 2);
    g_assert_cmpuint(offset(&t), ==, 16);
    g_assert_cmphex(event32(&t, 8), !=, FIRST);
    g_assert_cmphex(event32(&t, 16), ==, 0);

    /* The largest event, with 32 registers */
    qtest_writeq(t.b.gpu.qts, t.offset.pa, 0);
    program(&t, CONFIG(1, 7, 0), 128, t.offset.va);
    restart(&t);
    run(&t, 40);
    g_assert_cmpuint(offset(&t), ==, 128);
    g_assert_cmphex(event32(&t, 4), ==, SECOND);
    g_assert_cmphex(event32(&t, 128), ==, 0);
    mali_csf_bench_quit(&t.b);
}

/* Without a buffer that is one, TRACE_POINT does nothing. */
static void test_none(void)
{
    static const struct {
        uint32_t config;
        uint32_t size;
        uint32_t offset;
    } cases[] = {
        { CONFIG(1, 6, 0), 0, 0 },
        /* Smaller than an event, no power of two, an event too large */
        { CONFIG(1, 6, 0), 32, 0 },
        { CONFIG(1, 6, 0), 192, 0 },
        { CONFIG(1, 8, 0), 1024, 0 },
        /* Misaligned, another address space */
        { CONFIG(1, 6, 0), 128, 4 },
        { CONFIG(2, 6, 0), 128, 0 },
    };
    Trace t;

    init(&t, 0, 0);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        program(&t, cases[i].config, cases[i].size,
                t.offset.va + cases[i].offset);
        restart(&t);
        run(&t, 2);
        g_assert_cmpuint(offset(&t), ==, 0);
        g_assert_cmphex(event32(&t, 0), ==, 0);
    }
    mali_csf_bench_quit(&t.b);
}

/* A lock holds up all of it, and it is done once. */
static void test_stall(void)
{
    for (int i = 0; i < 2; i++) {
        Trace t;
        uint64_t va;

        init(&t, CONFIG(1, 6, 0), 128);
        /* Far enough apart that the lock covers one of them */
        t.buffer = mali_csf_vm_alloc_at(&t.b.vm, 0x7000000000,
                                        MALI_CSF_PAGE, 0);
        t.offset = mali_csf_vm_alloc_at(&t.b.vm, 0x7100000000,
                                        MALI_CSF_PAGE, 0);
        program(&t, CONFIG(1, 6, 0), 128, t.offset.va);
        restart(&t);
        va = i ? t.offset.va : t.buffer.va;
        mali_csf_lock(&t.b.gpu, 1, mali_csf_pack_region(va, MALI_CSF_PAGE));
        submit(&t, 2, 0);
        mali_csf_run(&t.b.gpu, LONG_ENOUGH);
        g_assert_cmpuint(offset(&t), ==, 0);
        g_assert_cmphex(event32(&t, 0), ==, 0);
        g_assert_cmphex(mali_csf_bench_out(&t.b, 0), ==, 0);
        mali_csf_unlock(&t.b.gpu, 1);
        g_assert(mali_csf_queue_wait(t.b.queue, MALI_CSF_TIMEOUT));
        g_assert_cmpuint(offset(&t), ==, 64);
        g_assert_cmphex(event32(&t, 0), ==, FIRST);
        g_assert_cmphex(event32(&t, 64), ==, 0);
        mali_csf_bench_quit(&t.b);
    }
}

/* One that cannot be written has no effect, and is a page fault. */
static void test_fault(void)
{
    for (int i = 0; i < 3; i++) {
        Trace t;
        QMaliCsfBuffer *gone;

        init(&t, CONFIG(1, 6, 0), 128);
        gone = i ? &t.offset : &t.buffer;
        if (i < 2) {
            mali_csf_unmap(&t.b.vm, gone->va, MALI_CSF_PAGE);
        } else {
            /* The offset can be read. */
            mali_csf_map(&t.b.vm, gone->va, gone->pa, MALI_CSF_PAGE,
                         MALI_CSF_PTE_AP_RDONLY);
        }
        mali_csf_flush_caches(&t.b.gpu, MALI_CSF_FLUSH_ALL);
        submit(&t, 2, 0);
        g_assert(mali_csf_wait_fault(&t.b.gpu, 1, MALI_CSF_TIMEOUT));
        g_assert_cmphex(mali_csf_readq(&t.b.gpu, mali_csf_as_reg(1,
                                       A_AS_FAULTADDRESS_LO)), ==, gone->va);
        g_assert_cmpuint(offset(&t), ==, 0);
        g_assert_cmphex(event32(&t, 0), ==, 0);
        mali_csf_bench_quit(&t.b);
    }
}

/* Behind work in flight, while the stream goes on */
static void test_deferred(void)
{
    Trace t;

    init(&t, CONFIG(1, 6, 0), 128);
    mali_csf_set_property(&t.b.gpu, "x-endpoint-latency-ns", WORK);
    mali_csf_queue_exec(t.b.queue, (const uint64_t[]) {
                            cs_opcode(CS_OP_RUN_COMPUTE) }, 1);
    submit(&t, 3, 1);
    mali_csf_run(&t.b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&t.b, 0), ==, MARK);
    g_assert_cmpuint(offset(&t), ==, 0);
    mali_csf_run(&t.b.gpu, 2 * WORK);
    g_assert_cmpuint(offset(&t), ==, 64);
    g_assert_cmphex(event32(&t, 0), ==, FIRST);
    /* Of the time when it is done */
    g_assert_cmphex(event32(&t, 8), ==, MARK);
    mali_csf_bench_quit(&t.b);
}

/* RESUME takes the buffer that the host names by then. */
static void test_resume(void)
{
    Trace t;

    init(&t, CONFIG(1, 6, 0), 128);
    run(&t, 2);
    mali_csf_group_suspend(&t.b.group);
    program(&t, CONFIG(1, 5, 0), 128, t.offset.va);
    mali_csf_group_resume(&t.b.group, 0);
    run(&t, 2);
    g_assert_cmpuint(offset(&t), ==, 96);
    g_assert_cmphex(event32(&t, 64), ==, FIRST);
    mali_csf_group_suspend(&t.b.group);
    program(&t, 0, 0, 0);
    mali_csf_group_resume(&t.b.group, 0);
    run(&t, 2);
    g_assert_cmpuint(offset(&t), ==, 96);
    mali_csf_bench_quit(&t.b);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/trace/" path, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("event", test_event);
    ADD("room", test_room);
    ADD("none", test_none);
    ADD("stall", test_stall);
    ADD("fault", test_fault);
    ADD("deferred", test_deferred);
    ADD("resume", test_resume);

    return g_test_run();
}
