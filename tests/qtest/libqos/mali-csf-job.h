/*
 * libqos for the Arm Mali CSF GPU: a job that somewhere else was captured
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QTEST_LIBQOS_MALI_CSF_JOB_H
#define QTEST_LIBQOS_MALI_CSF_JOB_H

#include "mali-csf.h"

/* In the first word of the bench's output when the job is done */
#define MARK            0x600df00d

/* @word, an instruction that starts it, with the first @count registers */
static inline void submit_captured(QMaliCsfBench *b, const uint32_t *regs,
                                   unsigned count, uint64_t word)
{
    uint64_t words[64];
    unsigned n = 0;

    g_assert_cmpuint(count, <=, ARRAY_SIZE(words) - 5);
    for (unsigned i = 0; i < count; i++) {
        words[n++] = cs_move32(i, regs[i]);
    }
    words[n++] = word;
    words[n++] = cs_wait(0xff);
    words[n++] = cs_move48(90, b->out.va);
    words[n++] = cs_move32(80, MARK);
    words[n++] = cs_store_multiple(80, 1, 90, 0);
    qtest_writel(b->gpu.qts, b->out.pa, 0);
    mali_csf_queue_submit(b->queue, words, n);
}

#endif /* QTEST_LIBQOS_MALI_CSF_JOB_H */
