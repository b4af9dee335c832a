/*
 * Shared by the qtests of tiler heaps of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_MALI_CSF_HEAP_H
#define LIBQOS_MALI_CSF_HEAP_H

#include "mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)
#define NEW             0x600df00d

#define RUN(opcode)     ((uint64_t)(opcode) << CS_OPCODE_SHIFT)

/* Results */
#define OUT_DONE        0x00

/* Chunks of a tiler context */
#define TILER_TOP       40

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

static inline void heap_init(HeapBench *h, unsigned chunks)
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
static inline uint64_t chunk_name(HeapBench *h, unsigned i)
{
    return h->chunk[i].va | CHUNK_SIZE >> 12;
}

/* A render pass that begins, and some work of the tiler */
static inline void submit_draw(HeapBench *h, QMaliCsfQueue *queue,
                               unsigned runs)
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

static inline bool oom(HeapBench *h)
{
    return mali_csf_queue_event(h->queue, CS_TILER_OOM);
}

static inline void assert_done(HeapBench *h)
{
    g_assert(mali_csf_queue_wait(h->queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&h->b, OUT_DONE), ==, NEW);
    g_assert_false(oom(h));
    g_assert_false(mali_csf_queue_event(h->queue, CS_EVENT_FATAL));
}

static inline void assert_waits(HeapBench *h)
{
    mali_csf_run(h->gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&h->b, OUT_DONE), ==, 0);
    g_assert_false(mali_csf_queue_event(h->queue, CS_EVENT_FATAL));
}

/* What the driver does in group_process_tiler_oom() */
static inline void answer(HeapBench *h, uint64_t first, uint64_t last)
{
    uint64_t in = h->gpu->cs_in[h->queue->group->slot][h->queue->index];

    g_assert_true(oom(h));
    qtest_writeq(h->gpu->qts, in + CS_TILER_HEAP_START, first);
    qtest_writeq(h->gpu->qts, in + CS_TILER_HEAP_END, last);
    mali_csf_queue_ack_event(h->queue, CS_TILER_OOM);
    mali_csf_run(h->gpu, LONG_ENOUGH);
}

static inline void grant(HeapBench *h, unsigned i)
{
    answer(h, chunk_name(h, i), chunk_name(h, i));
}

static inline void assert_counters(HeapBench *h, uint32_t started,
                                   uint32_t completed, uint32_t frag)
{
    g_assert_cmpuint(qtest_readl(h->gpu->qts, h->heap.pa), ==, started);
    g_assert_cmpuint(qtest_readl(h->gpu->qts, h->heap.pa + 4), ==, completed);
    g_assert_cmpuint(qtest_readl(h->gpu->qts, h->heap.pa + 8), ==, frag);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/heap/" path, fn)
#define ADD_DATA(path, fn, data) \
    qtest_add_data_func("/mali-csf/heap/" path, data, fn)

#endif /* LIBQOS_MALI_CSF_HEAP_H */
