/*
 * Shared by the qtests of command streams of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_MALI_CSF_STREAM_H
#define LIBQOS_MALI_CSF_STREAM_H

#include "mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)

#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define MMU_RAWSTAT     (MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT)

/* An address that no helper maps; 1 GiB aligned */
#define VA              0x40000000ull
#define OLD             0x01d01d01u
#define NEW             0x0e30e30eu

static inline void add_data(const char *prefix, const char *name,
                            const void *data, void (*fn)(const void *))
{
    g_autofree char *path = g_strdup_printf("/mali-csf/stream/%s/%s", prefix,
                                            name);

    qtest_add_data_func(path, data, fn);
}

/* The same with a copy of @data, which holds no constant expressions */
static inline void add_copy(const char *prefix, const char *name,
                            const void *data, size_t size,
                            void (*fn)(const void *))
{
    g_autofree char *path = g_strdup_printf("/mali-csf/stream/%s/%s", prefix,
                                            name);

    qtest_add_data_func_full(path, g_memdup2(data, size), fn, g_free);
}

/* Store registers @base to @base + 15 at the start of the results */
static inline void add_dump(QMaliCsfBench *b, GArray *code, unsigned base)
{
    const uint64_t dump[] = {
        cs_move48(90, b->out.va),
        cs_store_multiple(base, 0xffff, 90, 0),
        cs_wait(1 << 0),
    };

    g_array_append_vals(code, dump, ARRAY_SIZE(dump));
}

/* Run @words in the ring, then dump registers 0 to 15 to @regs */
static inline void run_and_dump(QMaliCsfBench *b, const uint64_t *words,
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

static inline void assert_healthy(QMaliCsfBench *b)
{
    g_assert_false(mali_csf_queue_event(b->queue, CS_EVENT_FATAL));
    g_assert_false(mali_csf_queue_event(b->queue, CS_EVENT_FAULT));
    g_assert_cmphex(mali_csf_readl(&b->gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
}

/* SYNC_WAIT */

/* A group of two queues in slot 1 of the bench's machine */
static inline void second_group(QMaliCsfBench *b, QMaliCsfGroup *group)
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

static inline void submit_wait(QMaliCsfQueue *queue, const WaitTest *t,
                               uint64_t va, uint64_t out)
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

/* A loop in nested calls that counts memory up until it is told to end */
static inline void submit_long_job(QMaliCsfBench *b, QMaliCsfQueue *queue,
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

/* TERMINATE is acknowledged whatever state the stream is in. */

static inline void assert_terminates(QMaliCsfBench *b)
{
    int64_t start = b->gpu.now;

    mali_csf_group_request(&b->group, CSG_STATE_TERMINATE);
    g_assert(mali_csf_group_wait(&b->group));
    g_assert_cmpint(b->gpu.now - start, <=, MALI_CSF_TIMEOUT);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/stream/" path, fn)

#endif /* LIBQOS_MALI_CSF_STREAM_H */
