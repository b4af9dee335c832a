/*
 * QTest for the Arm Mali CSF GPU: address spaces and locked regions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "libqos/mali-csf-mmu.h"

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

/* Bits of the spaces whose command is over */
static uint32_t commands_over(QMaliCsf *gpu)
{
    uint32_t over = 0;

    for (unsigned as = 1; as < 8; as++) {
        if (!mali_csf_readl(gpu, mali_csf_as_reg(as, A_AS_STATUS))) {
            over |= BIT(as);
        }
    }
    return over;
}

/*
 * Commands that are due at the same time: one after the other, so that no time
 * is taken from others for all of them
 */
static void test_commands_at_once(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_set_property(&gpu, "x-as-latency-ns", MALI_CSF_MS);
    for (unsigned as = 1; as < 8; as++) {
        mali_csf_writel(&gpu, mali_csf_as_reg(as, A_AS_COMMAND),
                        AS_COMMAND_NOP);
    }
    g_assert_cmphex(commands_over(&gpu), ==, 0);
    qtest_clock_step(gpu.qts, MALI_CSF_MS);
    g_assert_cmphex(commands_over(&gpu), ==, BIT(1));

    /* One that is always due again is not always the first. */
    mali_csf_set_property(&gpu, "x-as-latency-ns", 1);
    mali_csf_writel(&gpu, mali_csf_as_reg(1, A_AS_COMMAND), AS_COMMAND_NOP);
    for (unsigned as = 2; as < 8; as++) {
        qtest_clock_step(gpu.qts, 1);
        g_assert_cmphex(commands_over(&gpu), ==, BIT(as + 1) - BIT(2));
    }
    qtest_clock_step(gpu.qts, 1);
    g_assert_cmphex(commands_over(&gpu), ==, BIT(8) - BIT(1));
    mali_csf_quit(&gpu);
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

    g_test_init(&argc, &argv, NULL);

    ADD("as/registers", test_as_registers);
    ADD("as/absent", test_as_absent);
    ADD("as/command-unknown", test_as_command_unknown);
    ADD("as/commands-at-once", test_commands_at_once);
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

    return g_test_run();
}
