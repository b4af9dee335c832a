/*
 * Shared by the qtests of address spaces of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_MALI_CSF_MMU_H
#define LIBQOS_MALI_CSF_MMU_H

#include "qemu/bitops.h"
#include "mali-csf.h"

/* An address that no test maps by accident; 1 GiB aligned */
#define VA              0x40000000ull
/* How long an access is given that must not happen */
#define LONG_ENOUGH     (10 * MALI_CSF_MS)

#define OLD             0x01d01d01u
#define NEW             0x0e30e30eu

#define MMU_RAWSTAT     (MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT)
#define MMU_CLEAR       (MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR)

/* A page of RAM that holds @value in every word */
static inline uint64_t alloc_filled(QMaliCsf *gpu, uint32_t value)
{
    uint64_t pa = mali_csf_alloc(gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);

    for (unsigned i = 0; i < MALI_CSF_PAGE; i += 4) {
        qtest_writel(gpu->qts, pa + i, value);
    }
    return pa;
}

static inline void clear_fault(QMaliCsfBench *b)
{
    mali_csf_writel(&b->gpu, MMU_CLEAR, MALI_CSF_MMU_INT_FAULT(b->vm.as));
}

/* The last job is held up, and by a lock: no fault is reported */
static inline void assert_stalled(QMaliCsfBench *b)
{
    g_assert_false(mali_csf_queue_wait(b->queue, LONG_ENOUGH));
    g_assert_cmphex(mali_csf_readl(&b->gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
}

static inline void assert_done(QMaliCsfBench *b)
{
    g_assert(mali_csf_queue_wait(b->queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_readl(&b->gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
}

static inline void bench_again_after_reset(QMaliCsfBench *b)
{
    mali_csf_l2_on(&b->gpu);
    mali_csf_vm_enable(&b->gpu.mcu_vm);
    mali_csf_mcu_boot(&b->gpu);
    mali_csf_global_init(&b->gpu);
    mali_csf_vm_enable(&b->vm);
    mali_csf_group_init(&b->vm, &b->group, 1);
    mali_csf_group_start(&b->group, 0);
}

static inline void add_data(const char *prefix, const char *name,
                            const void *data, void (*fn)(const void *))
{
    g_autofree char *path = g_strdup_printf("/mali-csf/mmu/%s/%s", prefix,
                                            name);

    qtest_add_data_func(path, data, fn);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/mmu/" path, fn)

#endif /* LIBQOS_MALI_CSF_MMU_H */
