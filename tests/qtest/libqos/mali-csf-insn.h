/*
 * Shared by the qtests of scoreboards of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_MALI_CSF_INSN_H
#define LIBQOS_MALI_CSF_INSN_H

#include "qobject/qdict.h"
#include "mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)
#define WORK            MALI_CSF_MS
#define RUN             cs_run_compute(1, 0)

#define MMU_RAWSTAT     (MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT)

/* An address that no helper maps; 1 GiB aligned */
#define VA              0x40000000ull
#define OLD             0x01d01d01u
#define NEW             0x0e30e30eu

/* Where in the results: that the stream went on; a sync object */
#define MARK            0x100

/* An architecture with SET_STATE, and one with 128 registers */
#define ARCH_13         "-global mali-csf.model=g925"

/* The pairs 10 and 90 are the address of the results. */
static inline void init_slow(QMaliCsfBench *b, const char *args,
                             int64_t latency)
{
    uint64_t words[2];

    mali_csf_bench_init(b, args);
    words[0] = cs_move48(10, b->out.va);
    words[1] = cs_move48(90, b->out.va);
    mali_csf_queue_exec(b->queue, words, ARRAY_SIZE(words));
    mali_csf_set_property(&b->gpu, "x-endpoint-latency-ns", latency);
    mali_csf_run(&b->gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b->gpu);
}

static inline void assert_healthy(QMaliCsfBench *b)
{
    g_assert_false(mali_csf_queue_event(b->queue, CS_EVENT_FATAL));
    g_assert_false(mali_csf_queue_event(b->queue, CS_EVENT_FAULT));
    g_assert_cmphex(mali_csf_readl(&b->gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
}

static inline uint32_t scoreboards(QMaliCsfBench *b)
{
    mali_csf_group_status_update(&b->group);
    return mali_csf_queue_status(b->queue, CS_STATUS_SCOREBOARDS);
}

static inline uint32_t blocked_reason(QMaliCsfBench *b)
{
    mali_csf_group_status_update(&b->group);
    return mali_csf_queue_status(b->queue, CS_STATUS_BLOCKED_REASON);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/insn/" path, fn)

#endif /* LIBQOS_MALI_CSF_INSN_H */
