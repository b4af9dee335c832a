/*
 * QTest for the Arm Mali CSF GPU: the checker, and what stock kernels do
 *
 * Sequences called stock are those of panthor in Linux 6.12 and 7.3; none of
 * them may count as a violation.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf-checker.h"

/* VM_BINDs that the reset of a lost command overtakes, in either way */
static void test_overtaken(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_set_property(&b.gpu, "x-flush-latency-ns", 150 * MALI_CSF_MS);
    mali_csf_writel(&b.gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    mali_csf_run(&b.gpu, 101 * MALI_CSF_MS);
    mali_csf_set_property(&b.gpu, "x-flush-latency-ns", 0);
    mali_csf_soft_reset(&b.gpu);
    lock_range(&b, VA, MALI_CSF_PAGE);
    lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
    assert_found(&b.gpu, "note-lost");
    mali_csf_lock(&b.gpu, 2, 0);
    assert_found(&b.gpu, "note-lost note-lost");
    mali_csf_unlock(&b.gpu, 1);
    /* Once it is enabled, it counts again. */
    mali_csf_vm_enable(&b.vm);
    lock_range(&b, VA, MALI_CSF_PAGE);
    lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
    finish(&b, "note-lost note-lost expansion-drops-part");
}

/*
 * A reset between LOCKADDR and LOCK: a suspend buffer is unmapped from the
 * space of the firmware, whose VM_BINDs nobody stops.
 */
static void test_lockaddr_cleared(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_soft_reset(&b.gpu);
    mali_csf_lock(&b.gpu, 1, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_unlock(&b.gpu, 1);
    assert_found(&b.gpu, "note-lost note-lost");
    /* The next one is not the reset's. */
    mali_csf_vm_enable(&b.vm);
    mali_csf_lock(&b.gpu, 1, 0);
    finish(&b, "note-lost note-lost lockaddr-invalid");
}

/* What stock kernels do that looks wrong and is not */

/* 6.12 locks before its first UPDATE; and after a fault the slot is kept. */
static void test_stock_lock_unmapped(void)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    flush_unlock(&b);
    /* Nothing is held, and nothing is translated. */
    mali_csf_unlock(&b.gpu, 1);
    bench_start(&b);
    make_fault(&b);
    handle_fault(&b, false);
    mali_csf_group_terminate(&b.group);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    flush_unlock(&b);
    mali_csf_vm_enable(&b.vm);
    bind_elsewhere(&b);
    finish(&b, "");
}

/* The fault interrupt comes in the middle of a VM_BIND. */
static void test_stock_fault_in_bind(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 2, 0);
    lock_range(&b, VA, 2 * MALI_CSF_PAGE);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    make_fault(&b);
    ack_fault(&b);
    flush(&b);
    mali_csf_unmap(&b.vm, VA + MALI_CSF_PAGE, MALI_CSF_PAGE);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_as_disable(&b.gpu, 1);
    /* VM_BIND goes on, and knows nothing of it. */
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    flush_unlock(&b);
    mali_csf_group_terminate(&b.group);
    mali_csf_vm_enable(&b.vm);
    bind_elsewhere(&b);
    finish(&b, "note-dropped");
}

/* UNLOCK of VM_BIND comes when the space translates again. */
static void test_stock_unlock_after_enable(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    make_fault(&b);
    handle_fault(&b, true);
    mali_csf_group_terminate(&b.group);
    mali_csf_vm_enable(&b.vm);
    flush_unlock(&b);
    finish(&b, "");
}

/* LOCK between a reset and the driver's clean-up; the slot is used again. */
static void test_stock_unlock_after_update(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_soft_reset(&b.gpu);
    mali_csf_l2_on(&b.gpu);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush(&b);
    mali_csf_vm_enable(&b.vm);
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "");
}

/* The slot is taken from a VM in the middle of its VM_BIND. */
static void test_stock_recycle_in_bind(void)
{
    QMaliCsfBench b;
    uint64_t root;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_bench_load(&b, VA);
    mali_csf_group_suspend(&b.group);
    root = other_root(&b);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    flush_unlock(&b);
    /* The victim has no address space now, and goes on. */
    mali_csf_map(&b.vm, VA + MALI_CSF_PAGE, new_page(&b), MALI_CSF_PAGE, 0);
    mali_csf_as_enable(&b.gpu, 1, root);
    mali_csf_lock(&b.gpu, 1, ELSEWHERE | 14);
    flush_unlock(&b);
    finish(&b, "note-dropped");
}

/* Suspend does the same with UNMAPPED, and L2 goes off. */
static void test_stock_suspend_in_bind(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_group_suspend(&b.group);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    flush(&b);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    mali_csf_as_disable(&b.gpu, 1);
    mali_csf_map(&b.vm, VA + MALI_CSF_PAGE, new_page(&b), MALI_CSF_PAGE, 0);
    mali_csf_writel(&b.gpu, A_L2_PWROFF_LO, 1);
    finish(&b, "note-dropped");
}

/* Only the VM_BIND queues are stopped, not the ioctl. */
static void test_stock_lock_across_reset(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    mali_csf_soft_reset(&b.gpu);
    flush_unlock(&b);
    /* Another LOCK, before the driver takes its slots back */
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_l2_on(&b.gpu);
    mali_csf_writel(&b.gpu, A_L2_PWROFF_LO, 1);
    finish(&b, "note-lock-at-reset");
}

/* The module is unloaded: nobody disables AS 0. */
static void test_stock_unload(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_group_terminate(&b.group);
    as_disable(&b, false);
    mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    mali_csf_writel(&b.gpu, A_L2_PWROFF_LO, 1);
    for (unsigned i = 0; i < 512; i++) {
        qtest_writeq(b.gpu.qts, b.gpu.mcu_vm.root + 8 * i, ~0ull);
    }
    mali_csf_lock(&b.gpu, 0, AS_LOCKADDR_SIZE_MIN);
    flush(&b);
    mali_csf_unlock(&b.gpu, 0);
    mali_csf_lock(&b.gpu, 0, AS_LOCKADDR_SIZE_MIN);
    flush(&b);
    mali_csf_unlock(&b.gpu, 0);
    mali_csf_run(&b.gpu, 12 * SECOND);
    finish(&b, "");
}

/*
 * The same while work that frees groups still unmaps from AS 0; and then the
 * module is loaded again.
 */
static void test_stock_unload_in_bind(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_group_terminate(&b.group);
    mali_csf_lock(&b.gpu, 0, 0x4010000 | AS_LOCKADDR_SIZE_MIN);
    mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    l2_power(&b, false);
    flush(&b);
    mali_csf_unlock(&b.gpu, 0);
    as_disable(&b, false);
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_ID), !=, 0);
    l2_power(&b, true);
    finish(&b, "");
}

/* Jobs are killed by way of an unmapped space. */
static void test_stock_group_killed(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    handle_fault(&b, false);
    mali_csf_run(&b.gpu, 100 * MALI_CSF_MS);
    mali_csf_group_terminate(&b.group);
    mali_csf_run(&b.gpu, 12 * SECOND);
    /* Another group of that VM, before it is enabled again */
    mali_csf_group_start(&b.group, 0);
    mali_csf_group_terminate(&b.group);
    finish(&b, "");
}

/*
 * panthor_vm_declare_unusable(): VM_BIND fails, the space is unmapped, and
 * the scheduler is not told.
 */
static void test_stock_declared_unusable(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    as_disable(&b, true);
    flush_unlock(&b);
    mali_csf_run(&b.gpu, 12 * SECOND);
    mali_csf_group_terminate(&b.group);
    mali_csf_group_start(&b.group, 0);
    finish(&b, "");
}

/*
 * The same, and streams of the VM fault afterwards.  as_disable() has masked
 * that, and nobody knows of it: the next one that gets the space finds it, and
 * its own handler unmaps it.
 */
static void test_stock_late_fault(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_writel(&b.gpu, MMU_MASK, 0xfffd);
    as_disable(&b, false);
    mali_csf_bench_submit_load(&b, VA, 0);
    g_assert(mali_csf_wait_reg(&b.gpu, MALI_CSF_MMU_BASE +
                               MALI_CSF_INT_RAWSTAT,
                               MALI_CSF_MMU_INT_FAULT(1),
                               MALI_CSF_MMU_INT_FAULT(1),
                               MALI_CSF_TIMEOUT));
    mali_csf_group_terminate(&b.group);
    /* In the middle of an interrupt, when all is masked */
    mali_csf_writel(&b.gpu, MMU_MASK, 0);
    mali_csf_vm_enable(&b.vm);
    mali_csf_writel(&b.gpu, MMU_MASK, 0xffff);
    ack_fault(&b);
    mali_csf_writel(&b.gpu, MMU_MASK, 0xfffd);
    as_disable(&b, false);
    mali_csf_group_start(&b.group, 0);
    mali_csf_run(&b.gpu, 12 * SECOND);
    finish(&b, "");
}

static void test_stock_lock_all(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    flush_mem_all(&b.gpu, 1);
    finish(&b, "note-edit-then-flush");
}

static void test_stock_recycle_7_3(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_bench_load(&b, VA);
    flush(&b);
    mali_csf_as_enable(&b.gpu, 1, other_root(&b));
    mali_csf_bench_load(&b, VA);
    finish(&b, "");
}

static void test_stock_recycle_6_12(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_bench_load(&b, VA);
    flush_mem_all(&b.gpu, 1);
    mali_csf_as_enable(&b.gpu, 1, other_root(&b));
    mali_csf_bench_load(&b, VA);
    finish(&b, "note-edit-then-flush");
}

/* 7.3 masks the bit, and clears it when the space is enabled again. */
static void test_stock_fault_masked(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    mali_csf_writel(&b.gpu, MMU_MASK, 0xfffd);
    as_disable(&b, false);
    mali_csf_group_terminate(&b.group);
    mali_csf_run(&b.gpu, 10 * SECOND);
    ack_fault(&b);
    mali_csf_writel(&b.gpu, MMU_MASK, 0xffff);
    mali_csf_vm_enable(&b.vm);
    finish(&b, "");
}

/* 6.12 edits with no lock: a reader sees the old, the new, or a fault. */
static void test_stock_6_12(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 2, 0);
    flush_mem_all(&b.gpu, 1);
    mali_csf_bench_load(&b, VA);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    /* By the TLB, and by a walk */
    mali_csf_bench_load(&b, VA);
    mali_csf_map(&b.vm, VA + MALI_CSF_PAGE, new_page(&b), MALI_CSF_PAGE, 0);
    mali_csf_bench_load(&b, VA + MALI_CSF_PAGE);
    flush_pt(&b, VA, 2 * MALI_CSF_PAGE);
    mali_csf_bench_load(&b, VA);
    flush_pt(&b, ELSEWHERE, MALI_CSF_PAGE);
    finish(&b, "note-edit-then-flush");
}

/* What it flushes has to cover what it edited. */
static void test_6_12_flush_elsewhere(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    flush_mem_all(&b.gpu, 1);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    flush_pt(&b, VA + 0x8000, MALI_CSF_PAGE);
    assert_found(&b.gpu, "note-edit-then-flush");
    mali_csf_bench_load(&b, VA);
    finish(&b, "note-edit-then-flush change-outside-lock");
}

/*
 * 6.12's io-pgtable splits a block in place; only the hole is flushed.  That
 * drops the block, and the rest is where it was.
 */
static void check_6_12_split(unsigned hole, unsigned holes,
                             const char *expected)
{
    QMaliCsfBench b;
    uint64_t pa = init_block(&b);

    flush_mem_all(&b.gpu, 1);
    mali_csf_bench_load(&b, VA);
    split_block(&b, pa, hole, holes);
    flush_pt(&b, VA + 0x100000, 0x8000);
    mali_csf_bench_load(&b, VA);
    finish(&b, expected);
}

static void test_stock_6_12_split(void)
{
    check_6_12_split(256, 8, "note-edit-then-flush");
    check_6_12_split(256, 0, "note-edit-then-flush");
    check_6_12_split(256, 9, "note-edit-then-flush change-outside-lock");
    check_6_12_split(255, 1, "note-edit-then-flush change-outside-lock");
}

/* The whole space is locked for a few entries: VM destroy, sparse unmap. */
static void test_stock_whole_space(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 4, 0);
    mali_csf_lock(&b.gpu, 1, 47);
    mali_csf_unmap(&b.vm, VA, 4 * MALI_CSF_PAGE);
    flush_unlock(&b);
    bind_elsewhere(&b);
    finish(&b, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("stock/overtaken", test_overtaken);
    ADD("stock/lockaddr-cleared", test_lockaddr_cleared);

    ADD("stock/lock-unmapped", test_stock_lock_unmapped);
    ADD("stock/fault-in-bind", test_stock_fault_in_bind);
    ADD("stock/unlock-after-enable", test_stock_unlock_after_enable);
    ADD("stock/unlock-after-update", test_stock_unlock_after_update);
    ADD("stock/recycle-in-bind", test_stock_recycle_in_bind);
    ADD("stock/suspend-in-bind", test_stock_suspend_in_bind);
    ADD("stock/lock-across-reset", test_stock_lock_across_reset);
    ADD("stock/unload", test_stock_unload);
    ADD("stock/unload-in-bind", test_stock_unload_in_bind);
    ADD("stock/group-killed", test_stock_group_killed);
    ADD("stock/declared-unusable", test_stock_declared_unusable);
    ADD("stock/late-fault", test_stock_late_fault);
    ADD("stock/lock-all", test_stock_lock_all);
    ADD("stock/recycle-7.3", test_stock_recycle_7_3);
    ADD("stock/recycle-6.12", test_stock_recycle_6_12);
    ADD("stock/fault-masked", test_stock_fault_masked);
    ADD("stock/6.12", test_stock_6_12);
    ADD("6.12/flush-elsewhere", test_6_12_flush_elsewhere);
    ADD("stock/6.12-split", test_stock_6_12_split);
    ADD("stock/whole-space", test_stock_whole_space);

    return g_test_run();
}
