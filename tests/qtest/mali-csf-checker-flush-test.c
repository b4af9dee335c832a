/*
 * QTest for the Arm Mali CSF GPU: the checker, flushes and stale translations
 *
 * For each finding a test that it is made, and one beside it that the same
 * done right is silent.  Every test states all counters, so that a finding
 * too many fails as well.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf-checker.h"

/* expansion-drops-part */

static void check_second_lock(uint64_t first, uint64_t second,
                              const char *expected)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_lock(&b.gpu, 1, first);
    mali_csf_lock(&b.gpu, 1, second);
    flush_unlock(&b);
    finish(&b, expected);
}

static void test_expansion(void)
{
    check_second_lock(VA | 20, VA | 21, "");
    check_second_lock(VA | 20, VA | 20, "");
    check_second_lock(0x7fc00e, 0x17, "");
    check_second_lock(VA | 20, MALI_CSF_LOCK_ALL, "");
    check_second_lock(VA | 20, VA | 19, "expansion-drops-part");
    check_second_lock(VA | 20, (VA + 0x200000) | 20, "expansion-drops-part");
    check_second_lock((VA + 0x200000) | 20, VA | 20, "expansion-drops-part");
    /* By the hardware's region, not by what LOCKADDR says */
    check_second_lock((VA + 0x4000) | 14, (VA + 0x3000) | 14, "");
}

/* Each after an UNLOCK is a first one. */
static void test_expansion_unlocked(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_lock(&b.gpu, 1, VA | 20);
    flush_unlock(&b);
    mali_csf_lock(&b.gpu, 1, ELSEWHERE | 20);
    flush_unlock(&b);
    finish(&b, "");
}

/* stale-translation-used */

static void test_stale(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_bench_load(&b, VA);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    mali_csf_bench_load(&b, VA);
    /* Once for each translation */
    mali_csf_bench_load(&b, VA);
    finish(&b, "change-outside-lock stale-translation-used");
}

static void test_stale_unmapped(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_bench_load(&b, VA);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    mali_csf_bench_load(&b, VA);
    finish(&b, "change-outside-lock stale-translation-used");
}

/* The block is still in use where only its first half was invalidated not. */
static void test_stale_level(void)
{
    QMaliCsfBench b;
    uint64_t pa = init_block(&b);

    mali_csf_bench_load(&b, VA);
    split_block(&b, pa, 0, 0);
    mali_csf_bench_load(&b, VA + MALI_CSF_PAGE);
    finish(&b, "change-outside-lock stale-translation-used");
}

static void test_stale_not(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 2, 0);
    mali_csf_bench_load(&b, VA);
    mali_csf_bench_load(&b, VA + MALI_CSF_PAGE);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    /* It waits for the region to be released. */
    mali_csf_bench_submit_load(&b, VA, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    flush_unlock(&b);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    mali_csf_bench_load(&b, VA + MALI_CSF_PAGE);
    finish(&b, "");
}

static void test_recycle(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_bench_load(&b, VA);
    mali_csf_as_enable(&b.gpu, 1, other_root(&b));
    finish(&b, "recycle-without-flush");
}

static void test_recycle_by_way_of_unmapped(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_bench_load(&b, VA);
    mali_csf_group_terminate(&b.group);
    mali_csf_as_disable(&b.gpu, 1);
    mali_csf_as_enable(&b.gpu, 1, other_root(&b));
    finish(&b, "recycle-without-flush");
}

/* The previous owner's translation is there and used. */
static void test_recycle_used(void)
{
    QMaliCsfBench b;
    uint64_t root;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_bench_load(&b, VA);
    root = other_root(&b);
    /* Nothing in the other VM's tables at VA */
    qtest_writeq(b.gpu.qts, root, 0);
    mali_csf_as_enable(&b.gpu, 1, root);
    mali_csf_bench_load(&b, VA);
    finish(&b, "recycle-without-flush stale-translation-used");
}

static void test_recycle_clean_only(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_bench_load(&b, VA);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_CLEAN);
    mali_csf_as_enable(&b.gpu, 1, other_root(&b));
    finish(&b, "recycle-without-flush");
}

/* Used again after the flush */
static void test_recycle_flush_too_early(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    flush(&b);
    mali_csf_bench_load(&b, VA);
    mali_csf_as_enable(&b.gpu, 1, other_root(&b));
    finish(&b, "recycle-without-flush");
}

/* Only a part of the space */
static void test_recycle_flush_mem_part(void)
{
    /* The first GiB, the lower half, the upper half */
    static const uint64_t lockaddr[] = {
        29, 46, 0x800000000000ull | 46
    };

    for (unsigned i = 0; i < ARRAY_SIZE(lockaddr); i++) {
        QMaliCsfBench b;

        init_mapped(&b, REPORT, 1, 0);
        mali_csf_bench_load(&b, VA);
        mali_csf_lock(&b.gpu, 1, lockaddr[i]);
        mali_csf_as_command(&b.gpu, 1, AS_COMMAND_FLUSH_MEM);
        mali_csf_as_enable(&b.gpu, 1, other_root(&b));
        finish(&b, "recycle-without-flush note-edit-then-flush");
    }
}

static void test_recycle_same_tables(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_bench_load(&b, VA);
    mali_csf_vm_enable(&b.vm);
    finish(&b, "");
}

/* unlock-without-flush */

static void check_unlock(uint32_t command, bool change, const char *expected)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    if (change) {
        mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    }
    if (command) {
        mali_csf_flush_caches(&b.gpu, command);
    }
    mali_csf_unlock(&b.gpu, 1);
    assert_found(&b.gpu, "");
    bind_elsewhere(&b);
    finish(&b, expected);
}

static uint32_t flush_command(uint32_t payload)
{
    return GPU_COMMAND_FLUSH_CACHES |
           payload << R_GPU_COMMAND_PAYLOAD_SHIFT;
}

static void test_unlock_without_flush(void)
{
    check_unlock(0, true, "unlock-without-flush");
    check_unlock(MALI_CSF_FLUSH_CLEAN, true, "unlock-without-flush");
    /* L2 not cleaned, load/store cache not invalidated, others not */
    check_unlock(flush_command(0x232), true, "unlock-without-flush");
    check_unlock(flush_command(0x213), true, "unlock-without-flush");
    check_unlock(flush_command(0x033), true, "unlock-without-flush");
    check_unlock(MALI_CSF_FLUSH_ALL, true, "");
    check_unlock(0, false, "");
}

/* The flush before this lock is not one of this change. */
static void test_unlock_flush_too_early(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush_unlock(&b);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_bench_load(&b, VA);
    finish(&b, "unlock-without-flush");
}

/* change-after-flush */

static void test_change_after_flush(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush(&b);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_bench_load(&b, VA);
    finish(&b, "change-after-flush");
}

static void test_change_after_flush_flushed(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush(&b);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    flush_unlock(&b);
    mali_csf_bench_load(&b, VA);
    finish(&b, "");
}

/* dirty-line-lost */

/* Store to VA, unmap it with @command as the flush, bind something else */
static void check_dirty(const char *args, uint64_t bits, uint32_t command,
                        const char *expected)
{
    QMaliCsfBench b;
    uint64_t leaf;

    bench_init(&b, args);
    leaf = mali_csf_leaf(new_page(&b), 3, 0);
    mali_csf_set_pte(&b.vm, VA, 3, (leaf & ~ATTR_MASK) | bits);
    bench_start(&b);
    store(&b, VA);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    if (command) {
        mali_csf_flush_caches(&b.gpu, command);
    }
    mali_csf_unlock(&b.gpu, 1);
    bind_elsewhere(&b);
    finish(&b, expected);
}

static void test_dirty(void)
{
    const uint64_t cached = 1ull << MALI_CSF_PTE_ATTR_SHIFT;

    check_dirty(REPORT, cached, 0, "unlock-without-flush dirty-line-lost");
    /* Invalidated, not cleaned */
    check_dirty(REPORT, cached, flush_command(0x222),
                "unlock-without-flush dirty-line-lost");
    check_dirty(REPORT, cached, MALI_CSF_FLUSH_CLEAN, "unlock-without-flush");
    check_dirty(REPORT, cached, MALI_CSF_FLUSH_ALL, "");
    /* Attribute 0 is of memory that is not cached. */
    check_dirty(REPORT, 0, 0, "unlock-without-flush");
    check_dirty(REPORT " -global mali-csf.coherent=on", cached, 0,
                "unlock-without-flush");
}

/* Read only, or cleaned in between */
static void test_dirty_not(void)
{
    for (unsigned stored = 0; stored < 2; stored++) {
        QMaliCsfBench b;

        init_mapped(&b, REPORT, 1, 0);
        if (stored) {
            store(&b, VA);
            flush(&b);
        }
        mali_csf_bench_load(&b, VA);
        lock_range(&b, VA, MALI_CSF_PAGE);
        mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
        mali_csf_unlock(&b.gpu, 1);
        bind_elsewhere(&b);
        finish(&b, "unlock-without-flush");
    }
}

/* A page in a block of which the removal is noticed as a whole */
static void test_dirty_block(void)
{
    QMaliCsfBench b;

    init_block(&b);
    store(&b, VA + 0x123000);
    lock_range(&b, VA, MALI_CSF_BLOCK_2M);
    mali_csf_set_pte(&b.vm, VA, 2, 0);
    mali_csf_unlock(&b.gpu, 1);
    bind_elsewhere(&b);
    finish(&b, "unlock-without-flush dirty-line-lost");
}

/* FLUSH_PT cleans L2 as well. */
static void test_dirty_flush_pt(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    store(&b, VA);
    flush_pt(&b, VA, MALI_CSF_PAGE);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    mali_csf_unlock(&b.gpu, 1);
    bind_elsewhere(&b);
    finish(&b, "unlock-without-flush note-edit-then-flush");
}

/* unlock-without-lock */

static void test_unlock_without_lock(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush_unlock(&b);
    assert_found(&b.gpu, "");
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "unlock-without-lock");
}

/* FLUSH_PT has released it. */
static void test_unlock_after_flush_pt(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    flush_pt(&b, VA, MALI_CSF_PAGE);
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "unlock-without-lock note-edit-then-flush");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("expansion/covers", test_expansion);
    ADD("expansion/unlocked", test_expansion_unlocked);
    ADD("stale/page", test_stale);
    ADD("stale/unmapped", test_stale_unmapped);
    ADD("stale/level", test_stale_level);
    ADD("stale/not", test_stale_not);
    ADD("recycle/not-flushed", test_recycle);
    ADD("recycle/by-way-of-unmapped", test_recycle_by_way_of_unmapped);
    ADD("recycle/used", test_recycle_used);
    ADD("recycle/clean-only", test_recycle_clean_only);
    ADD("recycle/flush-too-early", test_recycle_flush_too_early);
    ADD("recycle/flush-mem-part", test_recycle_flush_mem_part);
    ADD("recycle/same-tables", test_recycle_same_tables);
    ADD("unlock/without-flush", test_unlock_without_flush);
    ADD("unlock/flush-too-early", test_unlock_flush_too_early);
    ADD("unlock/change-after-flush", test_change_after_flush);
    ADD("unlock/change-after-flush/flushed", test_change_after_flush_flushed);
    ADD("unlock/without-lock", test_unlock_without_lock);
    ADD("unlock/after-flush-pt", test_unlock_after_flush_pt);
    ADD("dirty/removed", test_dirty);
    ADD("dirty/not", test_dirty_not);
    ADD("dirty/block", test_dirty_block);
    ADD("dirty/flush-pt", test_dirty_flush_pt);

    return g_test_run();
}
