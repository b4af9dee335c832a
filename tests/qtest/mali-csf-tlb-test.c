/*
 * QTest for the Arm Mali CSF GPU: the translation lookaside buffer, by the
 * table of docs/specs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "libqos/mali-csf-mmu.h"

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

int main(int argc, char **argv)
{
    static const uint32_t command[] = {
        AS_COMMAND_UNLOCK, AS_COMMAND_FLUSH_PT, AS_COMMAND_FLUSH_MEM,
    };
    static const char *const command_name[] = {
        "unlock", "flush-pt", "flush-mem",
    };
    static const bool read_only[] = { false, true };

    g_test_init(&argc, &argv, NULL);

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
