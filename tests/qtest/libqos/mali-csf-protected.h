/*
 * Shared by the qtests of protected memory of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_MALI_CSF_PROTECTED_H
#define LIBQOS_MALI_CSF_PROTECTED_H

#include "mali-csf-checker.h"

/* Each test has a path of its own. */
#undef ADD

#define SIZE            (4 * MiB)
#define BASE            (MALI_CSF_RAM_BASE + MALI_CSF_RAM_SIZE - SIZE)
#define ARGS            "-global mali-csf.protected-size=4M "
#define LONG_ENOUGH     (10 * MALI_CSF_MS)
#define LONG_REGION     (100 * MALI_CSF_MS)
/* Rounds of a loop in a region: some 20 ms */
#define ROUNDS          200000
#define SECRET          0x5ec4e75e
#define MARK            0x600df00d

/* Where the protected memory is in address space 1, and in 0 */
#define SECRET_VA       0x50000000ull
#define SECRET_FW_VA    0x06000000ull

#define GPU_RAWSTAT     (A_GPU_INT + MALI_CSF_INT_RAWSTAT)
#define GPU_CLEAR       (A_GPU_INT + MALI_CSF_INT_CLEAR)
#define MMU_RAWSTAT     (MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT)

static inline bool protected(QMaliCsf *gpu)
{
    return mali_csf_readl(gpu, A_GPU_STATUS) & R_GPU_STATUS_PROTM_ACTIVE_MASK;
}

static inline bool protected_fault(QMaliCsf *gpu)
{
    return mali_csf_readl(gpu, GPU_RAWSTAT) & R_GPU_INT_PROTECTED_FAULT_MASK;
}

static inline void init(QMaliCsfBench *b, const char *args)
{
    mali_csf_bench_init(b, args);
    mali_csf_map(&b->vm, SECRET_VA, BASE, SIZE, 0);
    mali_csf_flush_caches(&b->gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_run(&b->gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b->gpu);
    mali_csf_writel(&b->gpu, GPU_CLEAR, ~0u);
}

/* The stream waits for the mode, and the host acknowledges; then it enters. */
static inline void enter(QMaliCsfBench *b)
{
    mali_csf_run(&b->gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(b->queue, CS_PROTM_PENDING));
    mali_csf_queue_ack_event(b->queue, CS_PROTM_PENDING);
    mali_csf_glb_toggle(&b->gpu, GLB_PROTM_ENTER);
}

/* In a region of so many rounds that counts r9 down, behind these words */
static inline void submit_region(QMaliCsfBench *b, const uint64_t *words,
                          unsigned count, uint32_t rounds)
{
    uint64_t all[32] = {
        cs_move32(9, rounds), cs_move48(90, SECRET_VA),
        cs_move48(92, b->out.va), cs_move32(8, SECRET),
        cs_prot_region(count + 2),
    };

    g_assert_cmpuint(count, <=, 20);
    if (count) {
        memcpy(all + 5, words, count * sizeof(*words));
    }
    all[5 + count] = cs_add_imm32(9, 9, -1);
    all[6 + count] = cs_branch(CS_COND_GT, 9, -2);
    /* What was loaded to r10, behind the region */
    all[7 + count] = cs_store_multiple(10, 1, 92, 0x40);
    all[8 + count] = cs_move32(11, MARK);
    all[9 + count] = cs_store_multiple(11, 1, 92, 0x44);
    mali_csf_queue_submit(b->queue, all, 10 + count);
}

static inline void assert_region_done(QMaliCsfBench *b)
{
    g_assert(mali_csf_queue_wait(b->queue, LONG_REGION));
    mali_csf_run(&b->gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(b, 0x44), ==, MARK);
    g_assert_false(protected(&b->gpu));
    g_assert_false(protected_fault(&b->gpu));
}

static inline void submit_load(QMaliCsfBench *b)
{
    submit_region(b, (const uint64_t[]) {
                      cs_load_multiple(10, 1, 90, 0), cs_wait(1) }, 2, 1);
}

static inline void submit_store(QMaliCsfBench *b, uint32_t rounds)
{
    submit_region(b, (const uint64_t[]) {
                      cs_store_multiple(8, 1, 90, 0), cs_wait(1) }, 2, rounds);
}

/* What a region finds there */
static inline uint32_t secret(QMaliCsfBench *b)
{
    qtest_writel(b->gpu.qts, b->out.pa + 0x44, 0);
    submit_load(b);
    enter(b);
    assert_region_done(b);
    return mali_csf_bench_out(b, 0x40);
}

static inline void keep_secret(QMaliCsfBench *b)
{
    submit_store(b, 1);
    enter(b);
    assert_region_done(b);
}

static inline void go_inside(QMaliCsfBench *b)
{
    submit_store(b, ROUNDS);
    enter(b);
    mali_csf_run(&b->gpu, MALI_CSF_MS);
    g_assert_true(protected(&b->gpu));
}

/* The buffer for protected content is protected memory, or not */
static inline void use_buffer(QMaliCsfBench *b, bool is_protected)
{
    uint64_t pa = is_protected ? BASE + 0x100000
                               : mali_csf_alloc(&b->gpu, 0x100000, 0x1000);

    mali_csf_group_terminate(&b->group);
    mali_csf_map(&b->gpu.mcu_vm, SECRET_FW_VA, pa, 0x100000, 0);
    b->group.protm_suspend.va = SECRET_FW_VA;
    mali_csf_group_start(&b->group, 0);
    mali_csf_ack_events(&b->gpu);
}

#endif /* LIBQOS_MALI_CSF_PROTECTED_H */
