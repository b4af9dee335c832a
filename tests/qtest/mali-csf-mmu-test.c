/*
 * QTest for the Arm Mali CSF GPU: address spaces, locked regions, walker,
 * translation lookaside buffer, faults
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "libqos/mali-csf.h"

/* An address that no test maps by accident; 1 GiB aligned */
#define VA              0x40000000ull
/* How long an access is given that must not happen */
#define LONG_ENOUGH     (10 * MALI_CSF_MS)

#define OLD             0x01d01d01u
#define NEW             0x0e30e30eu

#define MMU_RAWSTAT     (MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT)
#define MMU_CLEAR       (MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR)

/* A page of RAM that holds @value in every word */
static uint64_t alloc_filled(QMaliCsf *gpu, uint32_t value)
{
    uint64_t pa = mali_csf_alloc(gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);

    for (unsigned i = 0; i < MALI_CSF_PAGE; i += 4) {
        qtest_writel(gpu->qts, pa + i, value);
    }
    return pa;
}

static void clear_fault(QMaliCsfBench *b)
{
    mali_csf_writel(&b->gpu, MMU_CLEAR, MALI_CSF_MMU_INT_FAULT(b->vm.as));
}

/* The last job is held up, and by a lock: no fault is reported */
static void assert_stalled(QMaliCsfBench *b)
{
    g_assert_false(mali_csf_queue_wait(b->queue, LONG_ENOUGH));
    g_assert_cmphex(mali_csf_readl(&b->gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
}

static void assert_done(QMaliCsfBench *b)
{
    g_assert(mali_csf_queue_wait(b->queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_readl(&b->gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
}

/* Registers and UPDATE */

static void test_as_registers(void)
{
    static const uint32_t regs[] = {
        A_AS_TRANSTAB_LO, A_AS_MEMATTR_LO, A_AS_LOCKADDR_LO,
        A_AS_TRANSCFG_LO,
    };
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    for (unsigned as = 0; as < 8; as++) {
        for (unsigned i = 0; i < ARRAY_SIZE(regs); i++) {
            mali_csf_writeq(&gpu, mali_csf_as_reg(as, regs[i]),
                            0x8000000012340000ull + as * 0x1000 +
                            (uint64_t)i * 0x100000000ull);
        }
    }
    for (unsigned as = 0; as < 8; as++) {
        for (unsigned i = 0; i < ARRAY_SIZE(regs); i++) {
            g_assert_cmphex(mali_csf_readq(&gpu, mali_csf_as_reg(as,
                                                                 regs[i])),
                            ==, 0x8000000012340000ull + as * 0x1000 +
                            (uint64_t)i * 0x100000000ull);
        }
        g_assert_cmphex(mali_csf_readl(&gpu, mali_csf_as_reg(
                            as, A_AS_STATUS)), ==, 0);
        g_assert_cmphex(mali_csf_readq(&gpu, mali_csf_as_reg(
                            as, A_AS_FAULTEXTRA_LO)), ==, 0);
    }
    mali_csf_quit(&gpu);
}

/* AS_PRESENT is 0xff: there is no ninth space. */
static void test_as_absent(void)
{
    const uint32_t reg = mali_csf_as_reg(8, A_AS_TRANSTAB_LO);
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_writeq(&gpu, reg, 0x12345000);
    g_assert_cmphex(mali_csf_readq(&gpu, reg), ==, 0);
    mali_csf_writel(&gpu, mali_csf_as_reg(8, A_AS_COMMAND),
                    AS_COMMAND_UPDATE);
    mali_csf_writel(&gpu, mali_csf_as_reg(15, A_AS_COMMAND),
                    AS_COMMAND_LOCK);
    g_assert_cmphex(mali_csf_readl(&gpu, mali_csf_as_reg(15, A_AS_STATUS)),
                    ==, 0);
    mali_csf_quit(&gpu);
}

static void test_as_command_unknown(void)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 0);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_NOP);
    mali_csf_as_command(&b.gpu, 1, 6);
    mali_csf_as_command(&b.gpu, 1, 0xff);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* Staged registers do nothing before UPDATE. */
static void test_update_latches(void)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 0);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_TRANSTAB_LO), 0);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_TRANSCFG_LO),
                    AS_ADRMODE_UNMAPPED);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);

    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    mali_csf_bench_submit_load(&b, VA, 0);
    /* The first thing that fails is the fetch. */
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    mali_csf_bench_quit(&b);
}

/* The other two registers of UPDATE, one at a time */
static void test_update_latches_memattr(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_MEMATTR_LO), ~0ull);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_bench_load(&b, VA);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_bench_submit_load(&b, VA, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_MEMORY_ATTRIBUTE + 3,
                          AS_ACCESS_READ, b.queue->ring.va + b.queue->insert
                          - 64);
    mali_csf_bench_quit(&b);
}

static void test_update_transtab_low_bits(void)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 0);
    mali_csf_as_enable(&b.gpu, 1, b.vm.root | 0xfff);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* UPDATE while locked drops the lock (a guess). */
static void test_update_while_locked(void)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_stalled(&b);
    mali_csf_vm_enable(&b.vm);
    assert_done(&b);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* Whether an access to @va stalls while @lockaddr is locked in AS 1 */
static bool is_locked(QMaliCsfBench *b, uint64_t lockaddr, uint64_t va)
{
    bool done;

    mali_csf_lock(&b->gpu, 1, lockaddr);
    mali_csf_bench_submit_load(b, va, 0);
    done = mali_csf_queue_wait(b->queue, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&b->gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
    mali_csf_unlock(&b->gpu, 1);
    g_assert(mali_csf_queue_wait(b->queue, MALI_CSF_TIMEOUT));
    return !done;
}

static void check_region(uint64_t lockaddr, uint64_t start, uint64_t size)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, start - MALI_CSF_PAGE, pa, MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, start, pa, MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, start + size - MALI_CSF_PAGE, pa, MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, start + size, pa, MALI_CSF_PAGE, 0);
    g_assert_false(is_locked(&b, lockaddr, start - 4));
    g_assert_true(is_locked(&b, lockaddr, start));
    g_assert_true(is_locked(&b, lockaddr, start + size - 4));
    g_assert_false(is_locked(&b, lockaddr, start + size));
    mali_csf_bench_quit(&b);
}

static void test_lock_minimum(void)
{
    check_region((VA + 0x8000) | AS_LOCKADDR_SIZE_MIN, VA + 0x8000,
                 32 * KiB);
}

/* Anything smaller is 32 KiB. */
static void test_lock_below_minimum(void)
{
    check_region((VA + 0x8000) | 11, VA + 0x8000, 32 * KiB);
    check_region((VA + 0x8000) | 0, VA + 0x8000, 32 * KiB);
}

/* The driver clears one bit too few: 0x4000 | 14 locks [0, 0x8000). */
static void test_lock_minimum_base_bits(void)
{
    check_region((VA + 0x4000) | AS_LOCKADDR_SIZE_MIN, VA, 32 * KiB);
    check_region((VA + 0xf000) | AS_LOCKADDR_SIZE_MIN, VA + 0x8000,
                 32 * KiB);
}

static void test_lock_64k(void)
{
    check_region((VA + 0x20000) | 15, VA + 0x20000, 64 * KiB);
}

static void test_lock_2m_base_bits(void)
{
    check_region((VA + 0x3ff000) | 20, VA + 0x200000, 2 * MiB);
}

/* FLUSH_SKIP_LEVELS of later products must not move the base. */
static void test_lock_skip_levels(void)
{
    check_region((VA + 0x20000) | R_AS_LOCKADDR_LO_FLUSH_SKIP_LEVELS_MASK | 15,
                 VA + 0x20000, 64 * KiB);
    check_region((VA + 0x8000) | 0x7 << R_AS_LOCKADDR_LO_FLUSH_SKIP_LEVELS_SHIFT |
                 AS_LOCKADDR_SIZE_MIN, VA + 0x8000, 32 * KiB);
}

static void test_lock_1g(void)
{
    check_region(VA | 29, VA, 1 * GiB);
}

/* Half of the space, the ring in the half that is free */
static void test_lock_half(void)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, 0x800000000000ull, pa, MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, 0xfffffffff000ull, pa, MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 0);
    g_assert_true(is_locked(&b, 0x800000000000ull | 46, 0x800000000000ull));
    g_assert_true(is_locked(&b, 0x800000000000ull | 46, 0xfffffffffffcull));
    g_assert_false(is_locked(&b, 0x800000000000ull | 46, VA));
    mali_csf_bench_quit(&b);
}

/* Sizes 47 and up are the whole space, whatever the base says. */
static void test_lock_full(const void *data)
{
    const uint64_t lockaddr = *(const uint64_t *)data;
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, 0, pa, MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, 0xfffffffff000ull, pa, MALI_CSF_PAGE, 0);
    g_assert_true(is_locked(&b, lockaddr, 0));
    g_assert_true(is_locked(&b, lockaddr, VA));
    g_assert_true(is_locked(&b, lockaddr, 0xfffffffffffcull));
    mali_csf_bench_quit(&b);
}

/* Locks of one space are not those of another. */
static void test_lock_other_space(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 2, MALI_CSF_LOCK_ALL);
    mali_csf_lock(&b.gpu, 7, MALI_CSF_LOCK_ALL);
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

/* LOCKADDR alone locks nothing; its later change moves no region. */
static void test_lock_staged(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_LOCKADDR_LO),
                    MALI_CSF_LOCK_ALL);
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_done(&b);

    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_LOCKADDR_LO),
                    mali_csf_pack_region(VA + 64 * MiB, MALI_CSF_PAGE));
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_stalled(&b);
    mali_csf_unlock(&b.gpu, 1);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

/* A wider LOCK takes over from a narrow one; one UNLOCK ends it. */
static void test_lock_replace_wider(void)
{
    QMaliCsfBench b;
    uint64_t old, new;

    mali_csf_bench_init(&b, NULL);
    old = alloc_filled(&b.gpu, OLD);
    new = alloc_filled(&b.gpu, NEW);
    mali_csf_map(&b.vm, VA, old, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_stalled(&b);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, 2 * MiB));
    assert_stalled(&b);
    mali_csf_map(&b.vm, VA, new, MALI_CSF_PAGE, 0);
    assert_stalled(&b);
    mali_csf_unlock(&b.gpu, 1);
    assert_done(&b);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* What the new region does not cover goes on at the LOCK. */
static void test_lock_replace_elsewhere(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_vm_alloc_at(&b.vm, VA + 64 * MiB, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_stalled(&b);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA + 64 * MiB,
                                                  MALI_CSF_PAGE));
    assert_done(&b);
    mali_csf_bench_submit_load(&b, VA + 64 * MiB, 0);
    assert_stalled(&b);
    mali_csf_unlock(&b.gpu, 1);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

static void test_unlock_without_lock(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_unlock(&b.gpu, 5);
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_done(&b);
    /* Nor does it make up for a LOCK that comes later. */
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_stalled(&b);
    mali_csf_unlock(&b.gpu, 1);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

/* 6.12 never sends UNLOCK. */
static void test_flush_unlocks(const void *data)
{
    const uint32_t command = *(const uint32_t *)data;
    QMaliCsfBench b;
    uint64_t old, new;

    mali_csf_bench_init(&b, NULL);
    old = alloc_filled(&b.gpu, OLD);
    new = alloc_filled(&b.gpu, NEW);
    mali_csf_map(&b.vm, VA, old, MALI_CSF_PAGE, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_stalled(&b);
    mali_csf_map(&b.vm, VA, new, MALI_CSF_PAGE, 0);
    mali_csf_as_command(&b.gpu, 1, command);
    assert_done(&b);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* 7.x flushes while it holds the lock and something is stalled on it. */
static void test_lock_flush_caches(void)
{
    const uint32_t done = R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK;
    QMaliCsfBench b;
    uint32_t id;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_stalled(&b);
    id = mali_csf_readl(&b.gpu, MALI_CSF_USER_BASE + A_LATEST_FLUSH_ID);
    mali_csf_writel(&b.gpu, A_GPU_INT + MALI_CSF_INT_CLEAR, done);
    mali_csf_writel(&b.gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    g_assert(mali_csf_wait_reg(&b.gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT,
                               done, done, MALI_CSF_MS));
    g_assert_cmphex(mali_csf_readl(&b.gpu, MALI_CSF_USER_BASE +
                                   A_LATEST_FLUSH_ID), >, id);
    /* A flush is no unlock. */
    assert_stalled(&b);
    mali_csf_unlock(&b.gpu, 1);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

static void bench_again_after_reset(QMaliCsfBench *b)
{
    mali_csf_l2_on(&b->gpu);
    mali_csf_vm_enable(&b->gpu.mcu_vm);
    mali_csf_mcu_boot(&b->gpu);
    mali_csf_global_init(&b->gpu);
    mali_csf_vm_enable(&b->vm);
    mali_csf_group_init(&b->vm, &b->group, 1);
    mali_csf_group_start(&b->group, 0);
}

static void test_lock_dropped_by_reset(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, MALI_CSF_LOCK_ALL);
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_stalled(&b);
    mali_csf_soft_reset(&b.gpu);
    bench_again_after_reset(&b);
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

/* The property takes away the stall, and nothing else. */
static void test_ignore_locks(void)
{
    QMaliCsfBench b;
    uint64_t old, new;

    mali_csf_bench_init(&b, "-global mali-csf.x-ignore-locks=on");
    old = alloc_filled(&b.gpu, OLD);
    new = alloc_filled(&b.gpu, NEW);
    mali_csf_map(&b.vm, VA, old, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, MALI_CSF_LOCK_ALL);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_map(&b.vm, VA, new, MALI_CSF_PAGE, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_unlock(&b.gpu, 1);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* The two drivers' sequences */

/* Case A of the guest program expand: 64 KiB out of a block */
static void test_protocol_7x_expand(void)
{
    const uint64_t block = 0x400000;
    QMaliCsfBench b;
    uint64_t pa, l3, hole = 0x420000;

    mali_csf_bench_init(&b, NULL);
    pa = mali_csf_alloc(&b.gpu, 2 * MiB, 2 * MiB);
    for (uint64_t i = 0; i < 2 * MiB; i += MALI_CSF_PAGE) {
        qtest_writel(b.gpu.qts, pa + i, 0x1000000 + i);
    }
    mali_csf_map_leaf(&b.vm, block, pa, 2, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, block + 0x1ff000), ==, 0x11ff000);

    g_assert_cmphex(mali_csf_pack_region(hole, 64 * KiB), ==, 0x42000f);
    mali_csf_lock(&b.gpu, 1, 0x42000f);
    mali_csf_bench_submit_load(&b, block + 0x41f000 - 0x400000, 0);
    /* Not yet covered */
    assert_done(&b);
    g_assert_cmphex(mali_csf_pack_region(block, 2 * MiB), ==, 0x400014);
    mali_csf_lock(&b.gpu, 1, 0x400014);
    mali_csf_bench_submit_load(&b, block + 0x1f000, 0);
    assert_stalled(&b);

    mali_csf_set_pte(&b.vm, block, 2, 0);
    l3 = mali_csf_alloc(&b.gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    for (unsigned i = 0; i < 512; i++) {
        uint64_t va = block + i * MALI_CSF_PAGE;

        if (va < hole || va >= hole + 64 * KiB) {
            qtest_writeq(b.gpu.qts, l3 + i * 8,
                         mali_csf_leaf(pa + i * MALI_CSF_PAGE, 3, 0));
        }
    }
    mali_csf_set_pte(&b.vm, block, 2, mali_csf_table(l3));
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    assert_stalled(&b);
    mali_csf_unlock(&b.gpu, 1);
    assert_done(&b);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0x101f000);
    for (uint64_t i = 0; i < 2 * MiB; i += 64 * KiB) {
        if (block + i != hole) {
            g_assert_cmphex(mali_csf_bench_load(&b, block + i), ==,
                            0x1000000 + i);
        }
    }
    mali_csf_bench_submit_load(&b, hole + 0xfffc, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, hole + 0xfffc);
    mali_csf_bench_quit(&b);
}

/* 7.x gives a slot to another VM with FLUSH_CACHES and UPDATE. */
static void test_protocol_7x_recycle(void)
{
    QMaliCsfBench b;
    QMaliCsfVm other;
    uint64_t old, new;

    mali_csf_bench_init(&b, NULL);
    old = alloc_filled(&b.gpu, OLD);
    new = alloc_filled(&b.gpu, NEW);
    mali_csf_map(&b.vm, VA, old, MALI_CSF_PAGE, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);

    mali_csf_vm_init(&b.gpu, &other, 1);
    mali_csf_map(&other, b.queue->ring.va, b.queue->ring.pa,
                 b.queue->ring.size, 0);
    mali_csf_map(&other, b.out.va, b.out.pa, b.out.size, 0);
    mali_csf_map(&other, VA, new, MALI_CSF_PAGE, 0);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_vm_enable(&other);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* 6.12 does it with LOCK and FLUSH_MEM; the old tables serve till UPDATE. */
static void test_protocol_612_recycle(void)
{
    QMaliCsfBench b;
    QMaliCsfVm other;
    uint64_t old, new;

    mali_csf_bench_init(&b, NULL);
    old = alloc_filled(&b.gpu, OLD);
    new = alloc_filled(&b.gpu, NEW);
    mali_csf_map(&b.vm, VA, old, MALI_CSF_PAGE, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);

    mali_csf_vm_init(&b.gpu, &other, 1);
    mali_csf_map(&other, b.queue->ring.va, b.queue->ring.pa,
                 b.queue->ring.size, 0);
    mali_csf_map(&other, b.out.va, b.out.pa, b.out.size, 0);
    mali_csf_map(&other, VA, new, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, MALI_CSF_LOCK_ALL);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_FLUSH_MEM);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_TRANSTAB_LO),
                    other.root);
    mali_csf_bench_submit_load(&b, VA + 8, 4);
    assert_done(&b);
    g_assert_cmphex(mali_csf_bench_out(&b, 4), ==, OLD);
    /* That access was cached again, so the sequence has to be repeated. */
    mali_csf_lock(&b.gpu, 1, MALI_CSF_LOCK_ALL);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_FLUSH_MEM);
    mali_csf_vm_enable(&other);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* 6.12 edits first and flushes afterwards. */
static void test_protocol_612_unmap(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, 2 * MALI_CSF_PAGE, 0);
    mali_csf_bench_load(&b, VA);
    mali_csf_bench_load(&b, VA + MALI_CSF_PAGE);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_FLUSH_PT);
    mali_csf_bench_load(&b, VA + MALI_CSF_PAGE);
    mali_csf_bench_submit_load(&b, VA + 0x123 * 4, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, VA + 0x123 * 4);
    mali_csf_bench_quit(&b);
}

/* Walker: leaves */

static void test_walk_leaf(const void *data)
{
    const unsigned level = *(const unsigned *)data;
    const uint64_t size = 1ull << (39 - 9 * level);
    const uint64_t va = 0x200000000000ull + VA;
    uint64_t base, first, last;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    if (level == 1) {
        /* RAM is not as large as the block; what there is of it */
        base = MALI_CSF_RAM_BASE;
        first = b.out.pa + 0x80;
        last = MALI_CSF_RAM_BASE + MALI_CSF_RAM_SIZE - 4;
    } else {
        base = mali_csf_alloc(&b.gpu, size, size);
        first = base;
        last = base + size - 4;
    }
    qtest_writel(b.gpu.qts, first, OLD);
    qtest_writel(b.gpu.qts, last, NEW);
    mali_csf_map_leaf(&b.vm, va, base, level, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, va + (first - base)), ==, OLD);
    g_assert_cmphex(mali_csf_bench_load(&b, va + (last - base)), ==, NEW);
    mali_csf_bench_submit_store(&b, va + (last - base), 0x57031);
    assert_done(&b);
    g_assert_cmphex(qtest_readl(b.gpu.qts, last), ==, 0x57031);
    mali_csf_bench_quit(&b);
}

/* A block's address bits below its size are ignored or do not matter. */
static void test_walk_identity(void)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_init(&b.gpu, NULL);
    mali_csf_mcu_prepare(&b.gpu);
    mali_csf_mcu_boot(&b.gpu);
    mali_csf_global_init(&b.gpu);
    mali_csf_vm_init(&b.gpu, &b.vm, 1);
    b.vm.identity = true;
    b.out = mali_csf_vm_alloc(&b.vm, MALI_CSF_PAGE);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_vm_enable(&b.vm);
    mali_csf_group_init(&b.vm, &b.group, 1);
    b.queue = &b.group.queue[0];
    mali_csf_group_start(&b.group, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, pa + 4), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* Bits that the hardware ignores, and hierarchical ones that are 0 */
static void test_walk_ignored_bits(void)
{
    QMaliCsfBench b;
    uint64_t pa, pte;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 1ull << 55 | 3ull << 8);
    for (unsigned level = 0; level < 3; level++) {
        pte = mali_csf_get_pte(&b.vm, VA, level);
        mali_csf_set_pte(&b.vm, VA, level, pte | 1ull << 55 | 0xffcull);
    }
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* NOEXEC does not keep a stream from being fetched: that is a read. */
static void test_walk_execute_never(void)
{
    const uint64_t code[] = { cs_move32(8, OLD) };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    g_assert_cmphex(mali_csf_get_pte(&b.vm, b.code.va, 3) & MALI_CSF_PTE_XN,
                    !=, 0);
    mali_csf_bench_call(&b, code, ARRAY_SIZE(code));
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

/* Walker: faults */

typedef enum Access {
    LOAD,
    STORE,
    SYNC_ADD,
} Access;

static void submit_access(QMaliCsfBench *b, Access access, uint64_t va)
{
    const uint64_t sync[] = {
        cs_move32(0, va),
        cs_move32(1, va >> 32),
        cs_move48(2, 1),
        cs_sync(CS_OP_SYNC_ADD64, 0, 2, CS_SYNC_SCOPE_CSG, 0, 0, 0),
    };

    switch (access) {
    case LOAD:
        mali_csf_bench_submit_load(b, va, 0);
        break;
    case STORE:
        mali_csf_bench_submit_store(b, va, NEW);
        break;
    case SYNC_ADD:
        mali_csf_queue_submit(b->queue, sync, ARRAY_SIZE(sync));
        break;
    }
}

typedef struct FaultTest {
    const char *name;
    /* A descriptor of the walk is replaced... */
    unsigned level;
    uint64_t (*make)(QMaliCsfBench *b, uint64_t pte, unsigned level);
    /* ... this access made, and this is what is reported. */
    Access access;
    uint8_t exception;
    uint8_t type;
    /* Another exception that will do, or 0 */
    uint8_t alternative;
} FaultTest;

static uint64_t make_invalid(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return pte & ~MALI_CSF_PTE_VALID;
}

/* 0b01: a block, which there is only at levels 1 and 2 */
static uint64_t make_not_block(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return pte & ~MALI_CSF_PTE_TABLE_OR_PAGE;
}

static uint64_t make_leaf(QMaliCsfBench *b, unsigned level, uint64_t bits)
{
    return mali_csf_leaf(MALI_CSF_RAM_BASE, level, bits);
}

static uint64_t make_read_only(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return make_leaf(b, level, MALI_CSF_PTE_AP_RDONLY);
}

static uint64_t make_old(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return make_leaf(b, level, 0) & ~MALI_CSF_PTE_AF;
}

/* Attribute 7, of type FAULT while this test runs */
static uint64_t make_attr_fault(QMaliCsfBench *b, uint64_t pte,
                                unsigned level)
{
    return make_leaf(b, level, 7ull << MALI_CSF_PTE_ATTR_SHIFT);
}

/* 40 bits of physical address */
static uint64_t make_wide_leaf(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return make_leaf(b, level, 1ull << 40);
}

static uint64_t make_wide_table(QMaliCsfBench *b, uint64_t pte,
                                unsigned level)
{
    return pte | 1ull << 47;
}

/* Nothing is there */
static uint64_t make_hole_table(QMaliCsfBench *b, uint64_t pte,
                                unsigned level)
{
    return mali_csf_table(0x8000000000ull);
}

/* The UART */
static uint64_t make_mmio_table(QMaliCsfBench *b, uint64_t pte,
                                unsigned level)
{
    return mali_csf_table(0x09000000);
}

static uint64_t make_hole_leaf(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return mali_csf_leaf(0x8000000000ull, level, 0);
}

/* Flash is ROM */
static uint64_t make_rom_leaf(QMaliCsfBench *b, uint64_t pte, unsigned level)
{
    return mali_csf_leaf(0, level, 0);
}

#define READ    AS_ACCESS_READ
#define WRITE   AS_ACCESS_WRITE
#define ATOMIC  AS_ACCESS_ATOMIC

static const FaultTest fault_tests[] = {
    { "translation/level0", 0, make_invalid, LOAD,
      AS_FAULT_TRANSLATION, READ },
    { "translation/level1", 1, make_invalid, LOAD,
      AS_FAULT_TRANSLATION + 1, READ },
    { "translation/level2", 2, make_invalid, LOAD,
      AS_FAULT_TRANSLATION + 2, READ },
    { "translation/level3", 3, make_invalid, LOAD,
      AS_FAULT_TRANSLATION + 3, READ },
    { "translation/level3-write", 3, make_invalid, STORE,
      AS_FAULT_TRANSLATION + 3, WRITE },
    { "translation/level3-atomic", 3, make_invalid, SYNC_ADD,
      AS_FAULT_TRANSLATION + 3, ATOMIC },
    { "translation/block-level0", 0, make_not_block, LOAD,
      AS_FAULT_TRANSLATION, READ },
    { "translation/block-level3", 3, make_not_block, LOAD,
      AS_FAULT_TRANSLATION + 3, READ },
    { "permission/level1", 1, make_read_only, STORE,
      AS_FAULT_PERMISSION + 1, WRITE },
    { "permission/level2", 2, make_read_only, STORE,
      AS_FAULT_PERMISSION + 2, WRITE },
    { "permission/level3", 3, make_read_only, STORE,
      AS_FAULT_PERMISSION + 3, WRITE },
    { "permission/atomic", 3, make_read_only, SYNC_ADD,
      AS_FAULT_PERMISSION + 3, ATOMIC },
    { "access-flag/level1", 1, make_old, LOAD,
      AS_FAULT_ACCESS_FLAG + 1, READ },
    { "access-flag/level2", 2, make_old, LOAD,
      AS_FAULT_ACCESS_FLAG + 2, READ },
    { "access-flag/level3", 3, make_old, LOAD,
      AS_FAULT_ACCESS_FLAG + 3, READ },
    { "access-flag/write", 3, make_old, STORE,
      AS_FAULT_ACCESS_FLAG + 3, WRITE },
    { "memory-attribute/level1", 1, make_attr_fault, LOAD,
      AS_FAULT_MEMORY_ATTRIBUTE + 1, READ },
    { "memory-attribute/level2", 2, make_attr_fault, LOAD,
      AS_FAULT_MEMORY_ATTRIBUTE + 2, READ },
    { "memory-attribute/level3", 3, make_attr_fault, STORE,
      AS_FAULT_MEMORY_ATTRIBUTE + 3, WRITE },
    { "address-size-out/table-level0", 0, make_wide_table, LOAD,
      AS_FAULT_ADDRESS_SIZE_OUT, READ },
    { "address-size-out/table-level1", 1, make_wide_table, LOAD,
      AS_FAULT_ADDRESS_SIZE_OUT + 1, READ },
    { "address-size-out/table-level2", 2, make_wide_table, LOAD,
      AS_FAULT_ADDRESS_SIZE_OUT + 2, READ },
    { "address-size-out/block-level1", 1, make_wide_leaf, LOAD,
      AS_FAULT_ADDRESS_SIZE_OUT + 1, READ },
    { "address-size-out/block-level2", 2, make_wide_leaf, LOAD,
      AS_FAULT_ADDRESS_SIZE_OUT + 2, READ },
    { "address-size-out/page-level3", 3, make_wide_leaf, STORE,
      AS_FAULT_ADDRESS_SIZE_OUT + 3, WRITE },
    /* A table that cannot be read: either of two will do */
    { "bus/table-in-hole-level0", 0, make_hole_table, LOAD,
      AS_FAULT_GPU_BUS, READ, AS_FAULT_TRANSLATION + 1 },
    { "bus/table-in-hole-level2", 2, make_hole_table, LOAD,
      AS_FAULT_GPU_BUS, READ, AS_FAULT_TRANSLATION + 3 },
    { "bus/table-in-mmio", 2, make_mmio_table, LOAD,
      AS_FAULT_GPU_BUS, READ, AS_FAULT_TRANSLATION + 3 },
    { "bus/leaf-in-hole", 3, make_hole_leaf, LOAD,
      AS_FAULT_GPU_BUS, READ },
    { "bus/leaf-in-hole-write", 3, make_hole_leaf, STORE,
      AS_FAULT_GPU_BUS, WRITE },
    { "bus/leaf-in-rom", 3, make_rom_leaf, STORE,
      AS_FAULT_GPU_BUS, WRITE },
};

static void test_fault(const void *data)
{
    const FaultTest *t = data;
    const uint64_t va = VA + 0xc20;
    uint32_t status;
    QMaliCsfBench b;
    uint64_t pa, pte;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    /* A branch of the tree of its own, so that the ring is not hit */
    mali_csf_map(&b.vm, 0x200000000000ull + VA, pa, MALI_CSF_PAGE, 0);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_MEMATTR_LO),
                    MALI_CSF_MEMATTR |
                    (uint64_t)(AS_MEMATTR_TYPE_FAULT << 6) << 56);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);

    pte = mali_csf_get_pte(&b.vm, 0x200000000000ull + VA, t->level);
    mali_csf_set_pte(&b.vm, 0x200000000000ull + VA, t->level,
                     t->make(&b, pte, t->level));
    submit_access(&b, t->access, 0x200000000000ull + va);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    status = mali_csf_readl(&b.gpu, mali_csf_as_reg(1, A_AS_FAULTSTATUS));
    if (!t->alternative ||
        FIELD_EX32(status, AS_FAULTSTATUS, EXCEPTION_TYPE) !=
        t->alternative) {
        mali_csf_assert_fault(&b.gpu, 1, t->exception, t->type,
                              0x200000000000ull + va);
    }
    /* No other space is blamed, and the access had no effect. */
    g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT) & 0xffff, ==,
                    MALI_CSF_MMU_INT_FAULT(1));
    g_assert_false(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
    g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 0xc20), ==, OLD);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);

    /* With the descriptor put right, UPDATE lets it go on. */
    mali_csf_set_pte(&b.vm, 0x200000000000ull + VA, t->level, pte);
    clear_fault(&b);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    assert_done(&b);
    switch (t->access) {
    case LOAD:
        g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, OLD);
        break;
    case STORE:
        g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 0xc20), ==, NEW);
        break;
    case SYNC_ADD:
        g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 0xc20), ==, OLD + 1);
        break;
    }
    mali_csf_bench_quit(&b);
}

/* What the same descriptors still permit */
static void test_fault_read_only_load(void)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, MALI_CSF_PTE_AP_RDONLY);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_bench_quit(&b);
}

static void test_fault_access_flag_disabled(void)
{
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_set_pte(&b.vm, VA, 3, mali_csf_leaf(pa, 3, 0) &
                     ~MALI_CSF_PTE_AF);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_TRANSCFG_LO),
                    MALI_CSF_TRANSCFG |
                    (uint64_t)R_AS_TRANSCFG_HI_DISABLE_AF_FAULT_MASK << 32);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_bench_quit(&b);
}

static void test_fault_address_size_in(void)
{
    static const uint64_t vas[] = {
        0x1000000000000ull, 0xffff000000000010ull, 0xfffffffffffffff8ull,
    };

    for (int i = 0; i < ARRAY_SIZE(vas); i++) {
        QMaliCsfBench b;

        mali_csf_bench_init(&b, NULL);
        mali_csf_bench_submit_load(&b, vas[i], 0);
        mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_ADDRESS_SIZE_IN,
                              AS_ACCESS_READ, vas[i]);
        mali_csf_bench_quit(&b);
    }
}

/* The end of the space is no fault, and what runs over it is one. */
static void test_fault_address_size_in_across(void)
{
    const uint64_t last = 0xfffffffff000ull;
    const uint64_t job[] = {
        cs_move48(0, last + 0xffc),
        cs_load_multiple(4, 3, 0, 0),
    };
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, last, pa, MALI_CSF_PAGE, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, last + 0xffc), ==, OLD);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_ADDRESS_SIZE_IN,
                          AS_ACCESS_READ, 0x1000000000000ull);
    mali_csf_bench_quit(&b);
}

static void test_fault_unmapped(void)
{
    QMaliCsfBench b;
    uint64_t fetch;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_bench_load(&b, VA);
    fetch = b.queue->ring.va + b.queue->insert;
    mali_csf_as_disable(&b.gpu, 1);
    mali_csf_bench_submit_load(&b, VA, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION_UNMAPPED,
                          AS_ACCESS_READ, fetch);
    mali_csf_bench_quit(&b);
}

/* Of an access over two pages the address is that of the page that fails. */
static void test_fault_second_page(const void *data)
{
    const Access access = *(const Access *)data;
    const uint64_t va = VA + 0xffc;
    const uint64_t job[] = {
        cs_move48(0, va),
        cs_move32(4, NEW),
        cs_move32(5, NEW),
        access == LOAD ? cs_load_multiple(4, 3, 0, 0) :
        cs_store_multiple(4, 3, 0, 0),
    };
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 0);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          access == LOAD ? AS_ACCESS_READ : AS_ACCESS_WRITE,
                          VA + MALI_CSF_PAGE);
    g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 0xffc), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* The same with the first page missing */
static void test_fault_first_page(void)
{
    const uint64_t job[] = {
        cs_move48(0, VA + 0xffc),
        cs_load_multiple(4, 3, 0, 0),
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA + MALI_CSF_PAGE, MALI_CSF_PAGE, 0);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, VA + 0xffc);
    mali_csf_bench_quit(&b);
}

/* The instruction itself is in a hole. */
static void test_fault_fetch(void)
{
    const uint64_t job[] = {
        cs_move48(0, VA + 0x40),
        cs_move32(2, 64),
        cs_call(0, 2),
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION, AS_ACCESS_READ,
                          VA + 0x40);
    mali_csf_bench_quit(&b);
}

/*
 * Two streams fault.  The registers keep the first fault while its
 * interrupt is set, whatever else happens.
 */
static void test_fault_first_wins(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;
    QMaliCsfQueue *other;
    const uint64_t job[] = {
        cs_move48(0, VA + 0x2008),
        cs_store_multiple(4, 1, 0, 0),
    };

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 1);
    other = &group.queue[0];
    /* Only the last level is missing. */
    mali_csf_vm_alloc_at(&b.vm, VA + 0x100000, MALI_CSF_PAGE, 0);

    mali_csf_bench_submit_load(&b, VA + 0x1004, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, VA + 0x1004);
    mali_csf_queue_submit(other, job, ARRAY_SIZE(job));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, VA + 0x1004);

    /* UPDATE alone does not make room: the driver has not seen it yet. */
    mali_csf_vm_alloc_at(&b.vm, VA + 0x1000, MALI_CSF_PAGE, 0);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, VA + 0x1004);

    /* Once it is cleared and the space set up anew, the second is seen. */
    clear_fault(&b);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_WRITE, VA + 0x2008);
    mali_csf_bench_quit(&b);
}

/* One interrupt for one fault: cleared, it does not come back by itself. */
static void test_fault_reported_once(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_bench_submit_load(&b, VA, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    clear_fault(&b);
    mali_csf_run(&b.gpu, 10 * LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
    mali_csf_bench_quit(&b);
}

static void test_fault_interrupt(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_intercept_irqs(&b.gpu);
    mali_csf_writel(&b.gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK,
                    MALI_CSF_MMU_INT_FAULT(1));
    mali_csf_bench_submit_load(&b, VA, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    g_assert_true(qtest_get_irq(b.gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_writel(&b.gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK, 0);
    g_assert_false(qtest_get_irq(b.gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_bench_quit(&b);
}

/* The driver gives the space up: what hangs in it ends with an error. */
static void test_fault_released_by_unmapped(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_bench_submit_load(&b, VA, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    g_assert_false(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    mali_csf_as_disable(&b.gpu, 1);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_BUS_FAULT);
    mali_csf_group_terminate(&b.group);
    mali_csf_bench_quit(&b);
}

/* So does what a lock held up. */
static void test_stall_released_by_unmapped(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_stalled(&b);
    mali_csf_as_disable(&b.gpu, 1);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_BUS_FAULT);
    mali_csf_bench_quit(&b);
}

/* A page-table entry that points at a device */

static void test_mmio_store(void)
{
    /* PL011 interrupt mask */
    const uint64_t imsc = 0x09000038;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    g_assert_cmphex(qtest_readl(b.gpu.qts, imsc), ==, 0);
    mali_csf_map(&b.vm, VA, imsc & ~0xfffull, MALI_CSF_PAGE, 0);
    mali_csf_bench_submit_store(&b, VA + (imsc & 0xfff), 0x7f);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_WRITE,
                          VA + (imsc & 0xfff));
    g_assert_cmphex(qtest_readl(b.gpu.qts, imsc), ==, 0);
    mali_csf_bench_quit(&b);
}

static void test_mmio_load(void)
{
    /* fw_cfg: each byte that is read brings up the next */
    const uint64_t data = 0x09020000;
    const uint64_t selector = 0x09020008;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    qtest_writew(b.gpu.qts, selector, 0);
    g_assert_cmphex(qtest_readb(b.gpu.qts, data), ==, 'Q');
    mali_csf_map(&b.vm, VA, data, MALI_CSF_PAGE, 0);
    mali_csf_bench_submit_load(&b, VA, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_READ, VA);
    g_assert_cmphex(qtest_readb(b.gpu.qts, data), ==, 'E');
    mali_csf_bench_quit(&b);
}

/* Its own registers: the device must not be entered again. */
static void test_mmio_self(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_map(&b.vm, VA, MALI_CSF_BASE, MALI_CSF_PAGE, 0);
    mali_csf_bench_submit_store(&b, VA + A_GPU_COMMAND, 0x101);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_WRITE,
                          VA + A_GPU_COMMAND);
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_L2_READY_LO), ==, 1);
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                    MCU_STATUS_ENABLED);
    mali_csf_bench_quit(&b);
}

/* Half in RAM, half in a device: nothing of it happens. */
static void test_mmio_second_page(void)
{
    const uint64_t job[] = {
        cs_move48(0, VA + 0xffc),
        cs_move32(4, NEW),
        cs_move32(5, NEW),
        cs_store_multiple(4, 3, 0, 0),
    };
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, VA + MALI_CSF_PAGE, 0x09000000, MALI_CSF_PAGE, 0);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_WRITE,
                          VA + MALI_CSF_PAGE);
    g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 0xffc), ==, OLD);
    mali_csf_bench_quit(&b);
}

/* Tables that are their own tables, and ones that are garbage */
static void test_walk_self_reference(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    qtest_writeq(b.gpu.qts, b.vm.root + 511 * 8, mali_csf_table(b.vm.root));
    /* Every level is the root, and so is the page that it ends at. */
    mali_csf_bench_submit_load(&b, 0xffffffffffffull & ~7ull, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_ID), ==, 0xa8670005);
    mali_csf_group_terminate(&b.group);
    mali_csf_bench_quit(&b);
}

/* Translation lookaside buffer, by the table of docs/specs */

typedef struct TlbBench {
    QMaliCsfBench b;
    uint64_t old;
    uint64_t new;
} TlbBench;

/* VA is cached as OLD, and the table says NEW. */
static void tlb_init(TlbBench *t)
{
    mali_csf_bench_init(&t->b, NULL);
    t->old = alloc_filled(&t->b.gpu, OLD);
    t->new = alloc_filled(&t->b.gpu, NEW);
    mali_csf_map(&t->b.vm, VA, t->old, MALI_CSF_PAGE, 0);
    g_assert_cmphex(mali_csf_bench_load(&t->b, VA), ==, OLD);
    mali_csf_map(&t->b.vm, VA, t->new, MALI_CSF_PAGE, 0);
}

static void tlb_quit(TlbBench *t)
{
    mali_csf_bench_quit(&t->b);
}

static void assert_kept(TlbBench *t)
{
    g_assert_cmphex(mali_csf_bench_load(&t->b, VA + 0x10), ==, OLD);
}

static void assert_dropped(TlbBench *t)
{
    g_assert_cmphex(mali_csf_bench_load(&t->b, VA + 0x10), ==, NEW);
}

static void test_tlb_caches(void)
{
    TlbBench t;

    tlb_init(&t);
    assert_kept(&t);
    mali_csf_run(&t.b.gpu, 100 * MALI_CSF_MS);
    assert_kept(&t);
    tlb_quit(&t);
}

/* What was not mapped is not remembered as not mapped. */
static void test_tlb_no_negative(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_bench_submit_load(&b, VA, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    mali_csf_map(&b.vm, VA, alloc_filled(&b.gpu, NEW), MALI_CSF_PAGE, 0);
    clear_fault(&b);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    assert_done(&b);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* LOCK drops nothing, the region being given up by the next LOCK. */
static void test_tlb_lock(void)
{
    TlbBench t;

    tlb_init(&t);
    mali_csf_lock(&t.b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_lock(&t.b.gpu, 1, mali_csf_pack_region(VA + 64 * MiB,
                                                    MALI_CSF_PAGE));
    assert_kept(&t);
    /* The region held in the end is not where VA is. */
    mali_csf_unlock(&t.b.gpu, 1);
    assert_kept(&t);
    tlb_quit(&t);
}

/* A hit in the region stalls like a miss. */
static void test_tlb_hit_stalls(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_map(&b.vm, VA, alloc_filled(&b.gpu, OLD), MALI_CSF_PAGE, 0);
    mali_csf_bench_load(&b, VA);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_load(&b, VA, 0);
    assert_stalled(&b);
    mali_csf_unlock(&b.gpu, 1);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

static void test_tlb_unlock_inside(const void *data)
{
    const uint32_t command = *(const uint32_t *)data;
    TlbBench t;

    tlb_init(&t);
    mali_csf_lock(&t.b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_as_command(&t.b.gpu, 1, command);
    assert_dropped(&t);
    tlb_quit(&t);
}

static void test_tlb_unlock_outside(const void *data)
{
    const uint32_t command = *(const uint32_t *)data;
    TlbBench t;

    tlb_init(&t);
    /* The next 32 KiB, and those before */
    mali_csf_lock(&t.b.gpu, 1, (VA + 0x8000) | AS_LOCKADDR_SIZE_MIN);
    mali_csf_as_command(&t.b.gpu, 1, command);
    mali_csf_lock(&t.b.gpu, 1, (VA - 0x8000) | AS_LOCKADDR_SIZE_MIN);
    mali_csf_as_command(&t.b.gpu, 1, command);
    assert_kept(&t);
    tlb_quit(&t);
}

static void test_tlb_unlock_without_lock(void)
{
    TlbBench t;

    tlb_init(&t);
    mali_csf_writeq(&t.b.gpu, mali_csf_as_reg(1, A_AS_LOCKADDR_LO),
                    mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_unlock(&t.b.gpu, 1);
    assert_kept(&t);
    tlb_quit(&t);
}

/* An entry of a block goes with any part of it. */
static void test_tlb_unlock_part_of_block(void)
{
    QMaliCsfBench b;
    uint64_t old, new;

    mali_csf_bench_init(&b, NULL);
    old = mali_csf_alloc(&b.gpu, 2 * MiB, 2 * MiB);
    new = mali_csf_alloc(&b.gpu, 2 * MiB, 2 * MiB);
    for (uint64_t i = 0; i < 2 * MiB; i += 64 * KiB) {
        qtest_writel(b.gpu.qts, old + i, OLD);
        qtest_writel(b.gpu.qts, new + i, NEW);
    }
    mali_csf_map_leaf(&b.vm, VA, old, 2, 0);
    for (uint64_t i = 0; i < 2 * MiB; i += 64 * KiB) {
        g_assert_cmphex(mali_csf_bench_load(&b, VA + i), ==, OLD);
    }
    mali_csf_map_leaf(&b.vm, VA, new, 2, 0);
    mali_csf_lock(&b.gpu, 1, (VA + 0x108000) | AS_LOCKADDR_SIZE_MIN);
    mali_csf_unlock(&b.gpu, 1);
    for (uint64_t i = 0; i < 2 * MiB; i += 64 * KiB) {
        g_assert_cmphex(mali_csf_bench_load(&b, VA + i), ==, NEW);
    }
    mali_csf_bench_quit(&b);
}

/* The expansion forgotten: entries of the block stay until dropped. */
static void test_tlb_block_becomes_table(void)
{
    QMaliCsfBench b;
    uint64_t pa, l3;

    mali_csf_bench_init(&b, NULL);
    pa = mali_csf_alloc(&b.gpu, 2 * MiB, 2 * MiB);
    qtest_writel(b.gpu.qts, pa, OLD);
    qtest_writel(b.gpu.qts, pa + 0x1ff000, OLD);
    mali_csf_map_leaf(&b.vm, VA, pa, 2, 0);
    mali_csf_bench_load(&b, VA);
    l3 = mali_csf_alloc(&b.gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    mali_csf_set_pte(&b.vm, VA, 2, mali_csf_table(l3));
    /* Far from the region that is unlocked, but in the same block */
    g_assert_cmphex(mali_csf_bench_load(&b, VA + 0x1ff000), ==, OLD);
    mali_csf_lock(&b.gpu, 1, VA | AS_LOCKADDR_SIZE_MIN);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_bench_submit_load(&b, VA + 0x1ff000, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION + 3,
                          AS_ACCESS_READ, VA + 0x1ff000);
    mali_csf_bench_quit(&b);
}

/* UPDATE drops nothing, not even with another table: a flush is needed. */
static void test_tlb_update(void)
{
    TlbBench t;
    QMaliCsfVm other;

    tlb_init(&t);
    mali_csf_as_command(&t.b.gpu, 1, AS_COMMAND_UPDATE);
    assert_kept(&t);

    mali_csf_vm_init(&t.b.gpu, &other, 1);
    mali_csf_map(&other, t.b.queue->ring.va, t.b.queue->ring.pa,
                 t.b.queue->ring.size, 0);
    mali_csf_map(&other, t.b.out.va, t.b.out.pa, t.b.out.size, 0);
    mali_csf_map(&other, VA, t.new, MALI_CSF_PAGE, 0);
    mali_csf_vm_enable(&other);
    assert_kept(&t);
    tlb_quit(&t);
}

static void test_tlb_flush_caches(void)
{
    TlbBench t;

    tlb_init(&t);
    mali_csf_flush_caches(&t.b.gpu, MALI_CSF_FLUSH_ALL);
    assert_dropped(&t);
    tlb_quit(&t);
}

/* Only OTHER with invalidate reaches the MMU. */
static void test_tlb_flush_caches_kept(void)
{
    TlbBench t;

    tlb_init(&t);
    mali_csf_flush_caches(&t.b.gpu, MALI_CSF_FLUSH_CLEAN);
    assert_kept(&t);
    mali_csf_flush_caches(&t.b.gpu, GPU_COMMAND_FLUSH_CACHES |
                          3 << R_GPU_COMMAND_FLUSH_L2_SHIFT |
                          3 << R_GPU_COMMAND_FLUSH_LSC_SHIFT |
                          GPU_CACHE_CLEAN << R_GPU_COMMAND_FLUSH_OTHER_SHIFT);
    assert_kept(&t);
    tlb_quit(&t);
}

/* Entries of all spaces go with FLUSH_CACHES, of one with UNLOCK. */
static void test_tlb_other_space(void)
{
    QMaliCsfBench b, c;
    uint64_t old, new;

    mali_csf_bench_init(&b, NULL);
    old = alloc_filled(&b.gpu, OLD);
    new = alloc_filled(&b.gpu, NEW);
    c = b;
    mali_csf_vm_init(&b.gpu, &c.vm, 2);
    c.out = mali_csf_vm_alloc(&c.vm, MALI_CSF_PAGE);
    /* @c has the machine of @b, but no say in what is allocated. */
    c.vm.gpu = &b.gpu;
    mali_csf_group_init(&c.vm, &c.group, 1);
    c.queue = &c.group.queue[0];
    mali_csf_vm_enable(&c.vm);
    mali_csf_group_start(&c.group, 1);

    mali_csf_map(&b.vm, VA, old, MALI_CSF_PAGE, 0);
    mali_csf_map(&c.vm, VA, old, MALI_CSF_PAGE, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    g_assert_cmphex(mali_csf_bench_load(&c, VA), ==, OLD);
    mali_csf_map(&b.vm, VA, new, MALI_CSF_PAGE, 0);
    mali_csf_map(&c.vm, VA, new, MALI_CSF_PAGE, 0);

    mali_csf_lock(&b.gpu, 1, MALI_CSF_LOCK_ALL);
    mali_csf_unlock(&b.gpu, 1);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, NEW);
    g_assert_cmphex(mali_csf_bench_load(&c, VA), ==, OLD);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    g_assert_cmphex(mali_csf_bench_load(&c, VA), ==, NEW);
    mali_csf_bench_quit(&b);
}

static void test_tlb_soft_reset(void)
{
    TlbBench t;

    tlb_init(&t);
    mali_csf_soft_reset(&t.b.gpu);
    bench_again_after_reset(&t.b);
    assert_dropped(&t);
    tlb_quit(&t);
}

static void test_tlb_l2_off(void)
{
    TlbBench t;

    tlb_init(&t);
    mali_csf_writel(&t.b.gpu, A_L2_PWROFF_LO, 1);
    mali_csf_l2_on(&t.b.gpu);
    assert_dropped(&t);
    tlb_quit(&t);
}

/* UNMAPPED is looked at before the cache, which outlives it. */
static void test_tlb_unmapped(void)
{
    TlbBench t;

    tlb_init(&t);
    mali_csf_as_disable(&t.b.gpu, 1);
    mali_csf_bench_submit_load(&t.b, VA, 0);
    g_assert(mali_csf_wait_fault(&t.b.gpu, 1, LONG_ENOUGH));
    g_assert_cmphex(mali_csf_readl(&t.b.gpu, mali_csf_as_reg(
                        1, A_AS_FAULTSTATUS)) & 0xff, ==,
                    AS_FAULT_TRANSLATION_UNMAPPED);
    clear_fault(&t.b);
    mali_csf_vm_enable(&t.b.vm);
    /* That queue was given up if the space was unmapped under it. */
    mali_csf_group_terminate(&t.b.group);
    mali_csf_group_init(&t.b.vm, &t.b.group, 1);
    mali_csf_group_start(&t.b.group, 0);
    assert_kept(&t);
    tlb_quit(&t);
}

/*
 * What is cached is the leaf's permission.  First used for reading, a
 * writable page can be written, and a read-only one cannot.
 */
static void test_tlb_permission(const void *data)
{
    const bool read_only = *(const bool *)data;
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    pa = alloc_filled(&b.gpu, OLD);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_PAGE,
                 read_only ? MALI_CSF_PTE_AP_RDONLY : 0);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_bench_submit_store(&b, VA + 4, NEW);
    if (read_only) {
        mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_PERMISSION + 3,
                              AS_ACCESS_WRITE, VA + 4);
        g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 4), ==, OLD);
    } else {
        assert_done(&b);
        g_assert_cmphex(qtest_readl(b.gpu.qts, pa + 4), ==, NEW);
    }
    mali_csf_bench_quit(&b);
}

/* Far more pages than any size of the buffer, and right all the same */
static void test_tlb_overflow(void)
{
    QMaliCsfBench b;
    uint64_t pa[8];

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < ARRAY_SIZE(pa); i++) {
        pa[i] = alloc_filled(&b.gpu, 0x100 + i);
    }
    for (int i = 0; i < 600; i++) {
        mali_csf_map(&b.vm, VA + i * MALI_CSF_PAGE, pa[i % ARRAY_SIZE(pa)],
                     MALI_CSF_PAGE, 0);
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 600; i++) {
            g_assert_cmphex(mali_csf_bench_load(&b, VA + i * MALI_CSF_PAGE),
                            ==, 0x100 + i % ARRAY_SIZE(pa));
        }
    }
    mali_csf_bench_quit(&b);
}

static void add_data(const char *prefix, const char *name, const void *data,
                     void (*fn)(const void *))
{
    g_autofree char *path = g_strdup_printf("/mali-csf/mmu/%s/%s", prefix,
                                            name);

    qtest_add_data_func(path, data, fn);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/mmu/" path, fn)

int main(int argc, char **argv)
{
    static const uint64_t full[] = {
        47, 48, MALI_CSF_LOCK_ALL, 0xffffffffff000000ull | 63,
        0x123456789000ull | 50,
    };
    static const char *const full_name[] = {
        "full-47", "full-48", "full-63", "full-63-base", "full-50-base",
    };
    static const uint32_t command[] = {
        AS_COMMAND_UNLOCK, AS_COMMAND_FLUSH_PT, AS_COMMAND_FLUSH_MEM,
    };
    static const char *const command_name[] = {
        "unlock", "flush-pt", "flush-mem",
    };
    static const unsigned level[] = { 1, 2, 3 };
    static const char *const level_name[] = { "1g", "2m", "4k" };
    static const Access access[] = { LOAD, STORE };
    static const bool read_only[] = { false, true };

    g_test_init(&argc, &argv, NULL);

    ADD("as/registers", test_as_registers);
    ADD("as/absent", test_as_absent);
    ADD("as/command-unknown", test_as_command_unknown);
    ADD("update/latches", test_update_latches);
    ADD("update/latches-memattr", test_update_latches_memattr);
    ADD("update/transtab-low-bits", test_update_transtab_low_bits);
    ADD("update/while-locked", test_update_while_locked);

    ADD("lock/minimum", test_lock_minimum);
    ADD("lock/below-minimum", test_lock_below_minimum);
    ADD("lock/minimum-base-bits", test_lock_minimum_base_bits);
    ADD("lock/64k", test_lock_64k);
    ADD("lock/2m-base-bits", test_lock_2m_base_bits);
    ADD("lock/skip-levels", test_lock_skip_levels);
    ADD("lock/1g", test_lock_1g);
    ADD("lock/half", test_lock_half);
    for (int i = 0; i < ARRAY_SIZE(full); i++) {
        add_data("lock", full_name[i], &full[i], test_lock_full);
    }
    ADD("lock/other-space", test_lock_other_space);
    ADD("lock/staged", test_lock_staged);
    ADD("lock/replace-wider", test_lock_replace_wider);
    ADD("lock/replace-elsewhere", test_lock_replace_elsewhere);
    ADD("lock/unlock-without-lock", test_unlock_without_lock);
    for (int i = 0; i < ARRAY_SIZE(command); i++) {
        add_data("lock/ended-by", command_name[i], &command[i],
                 test_flush_unlocks);
    }
    ADD("lock/flush-caches", test_lock_flush_caches);
    ADD("lock/dropped-by-reset", test_lock_dropped_by_reset);
    ADD("lock/ignored", test_ignore_locks);

    ADD("protocol/7x-expand", test_protocol_7x_expand);
    ADD("protocol/7x-recycle", test_protocol_7x_recycle);
    ADD("protocol/6.12-recycle", test_protocol_612_recycle);
    ADD("protocol/6.12-unmap", test_protocol_612_unmap);

    for (int i = 0; i < ARRAY_SIZE(level); i++) {
        add_data("walk/leaf", level_name[i], &level[i], test_walk_leaf);
    }
    ADD("walk/identity", test_walk_identity);
    ADD("walk/ignored-bits", test_walk_ignored_bits);
    ADD("walk/execute-never", test_walk_execute_never);
    ADD("walk/self-reference", test_walk_self_reference);

    for (int i = 0; i < ARRAY_SIZE(fault_tests); i++) {
        add_data("fault", fault_tests[i].name, &fault_tests[i], test_fault);
    }
    ADD("fault/permission/read-only-load", test_fault_read_only_load);
    ADD("fault/access-flag/disabled", test_fault_access_flag_disabled);
    ADD("fault/address-size-in/one", test_fault_address_size_in);
    ADD("fault/address-size-in/across", test_fault_address_size_in_across);
    ADD("fault/unmapped", test_fault_unmapped);
    add_data("fault/second-page", "load", &access[0],
             test_fault_second_page);
    add_data("fault/second-page", "store", &access[1],
             test_fault_second_page);
    ADD("fault/first-page", test_fault_first_page);
    ADD("fault/fetch", test_fault_fetch);
    ADD("fault/first-wins", test_fault_first_wins);
    ADD("fault/reported-once", test_fault_reported_once);
    ADD("fault/interrupt", test_fault_interrupt);
    ADD("fault/released-by-unmapped", test_fault_released_by_unmapped);
    ADD("stall/released-by-unmapped", test_stall_released_by_unmapped);

    ADD("mmio/store", test_mmio_store);
    ADD("mmio/load", test_mmio_load);
    ADD("mmio/self", test_mmio_self);
    ADD("mmio/second-page", test_mmio_second_page);

    ADD("tlb/caches", test_tlb_caches);
    ADD("tlb/no-negative", test_tlb_no_negative);
    ADD("tlb/lock", test_tlb_lock);
    ADD("tlb/hit-stalls", test_tlb_hit_stalls);
    for (int i = 0; i < ARRAY_SIZE(command); i++) {
        add_data("tlb/inside", command_name[i], &command[i],
                 test_tlb_unlock_inside);
        add_data("tlb/outside", command_name[i], &command[i],
                 test_tlb_unlock_outside);
    }
    ADD("tlb/unlock-without-lock", test_tlb_unlock_without_lock);
    ADD("tlb/unlock-part-of-block", test_tlb_unlock_part_of_block);
    ADD("tlb/block-becomes-table", test_tlb_block_becomes_table);
    ADD("tlb/update", test_tlb_update);
    ADD("tlb/flush-caches", test_tlb_flush_caches);
    ADD("tlb/flush-caches-kept", test_tlb_flush_caches_kept);
    ADD("tlb/other-space", test_tlb_other_space);
    ADD("tlb/soft-reset", test_tlb_soft_reset);
    ADD("tlb/l2-off", test_tlb_l2_off);
    ADD("tlb/unmapped", test_tlb_unmapped);
    add_data("tlb/permission", "writable", &read_only[0],
             test_tlb_permission);
    add_data("tlb/permission", "read-only", &read_only[1],
             test_tlb_permission);
    ADD("tlb/overflow", test_tlb_overflow);

    return g_test_run();
}
