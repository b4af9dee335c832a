/*
 * QTest for the Arm Mali CSF GPU: the checker, edits of page tables
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

/* change-outside-lock */

static void test_change_right(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    flush_unlock(&b);
    mali_csf_bench_load(&b, VA);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    flush_unlock(&b);
    bind_elsewhere(&b);
    finish(&b, "");
}

/* Found by the walk that uses it */
static void test_change_unlocked(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    assert_found(&b.gpu, "");
    mali_csf_bench_load(&b, VA);
    finish(&b, "change-outside-lock");
}

/* One finding for what lies together, another for what does not */
static void test_change_neighbours(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_map(&b.vm, VA, mali_csf_alloc(&b.gpu, 16 * MALI_CSF_PAGE,
                                           MALI_CSF_PAGE),
                 16 * MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, VA + 32 * MALI_CSF_PAGE, new_page(&b), MALI_CSF_PAGE,
                 0);
    bind_elsewhere(&b);
    finish(&b, "change-outside-lock change-outside-lock");
}

static void check_beside(uint64_t va, const char *expected)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA + 0x8000, MALI_CSF_PAGE);
    mali_csf_map(&b.vm, va, new_page(&b), MALI_CSF_PAGE, 0);
    flush_unlock(&b);
    bind_elsewhere(&b);
    finish(&b, expected);
}

/* The region of a page is the 32 KiB around it, and not a byte more. */
static void test_change_edges(void)
{
    check_beside(VA + 0x7000, "change-outside-lock");
    check_beside(VA + 0x8000, "");
    check_beside(VA + 0xf000, "");
    check_beside(VA + 0x10000, "change-outside-lock");
}

/* What this project is for: the expansion is forgotten. */
static void test_change_expansion_forgotten(void)
{
    QMaliCsfBench b;
    uint64_t pa = init_block(&b);

    lock_range(&b, VA + 0x20000, 0x10000);
    split_block(&b, pa, 32, 16);
    flush_unlock(&b);
    assert_found(&b.gpu, "");
    mali_csf_bench_load(&b, VA);
    finish(&b, "change-outside-lock");
}

/* One power of two too small */
static void test_change_expansion_small(void)
{
    QMaliCsfBench b;
    uint64_t pa = init_block(&b);

    lock_range(&b, VA + 0x20000, 0x10000);
    lock_range(&b, VA, MALI_CSF_BLOCK_2M / 2);
    split_block(&b, pa, 32, 16);
    flush_unlock(&b);
    bind_elsewhere(&b);
    finish(&b, "change-outside-lock");
}

static void test_change_expansion_right(void)
{
    QMaliCsfBench b;
    uint64_t pa = init_block(&b);

    mali_csf_bench_load(&b, VA);
    lock_range(&b, VA + 0x20000, 0x10000);
    lock_range(&b, VA, MALI_CSF_BLOCK_2M);
    split_block(&b, pa, 32, 16);
    flush_unlock(&b);
    mali_csf_bench_load(&b, VA);
    bind_elsewhere(&b);
    finish(&b, "");
}

/* Edits of a space that is not in force are nobody's business. */
static void test_change_not_live(void)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    bench_start(&b);
    mali_csf_bench_load(&b, VA);
    finish(&b, "");
}

/* A space with a fault is not looked at, until it is enabled again. */
static void test_change_after_fault(void)
{
    for (unsigned enabled = 0; enabled < 2; enabled++) {
        QMaliCsfBench b;

        init_mapped(&b, REPORT, 0, 0);
        make_fault(&b);
        if (enabled) {
            handle_fault(&b, false);
            mali_csf_group_terminate(&b.group);
            mali_csf_vm_enable(&b.vm);
        }
        mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
        flush(&b);
        mali_csf_bench_submit_load(&b, b.out.va, 0);
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        if (enabled) {
            lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
        }
        finish(&b, enabled ? "change-outside-lock" : "");
    }
}

static void flush_elsewhere(QMaliCsfBench *b, uint32_t command)
{
    lock_range(b, ELSEWHERE, MALI_CSF_PAGE);
    mali_csf_as_command(&b->gpu, 1, command);
}

/* Mapped outside the region and taken away again: seen if looked at between */
static void test_judged(const void *data)
{
    const Moment moment = *(const Moment *)data;
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    /* The tables above are there: only one word changes below. */
    mali_csf_pte_addr(&b.vm, VA, 3);
    if (moment == AT_SECOND_LOCK || moment == AT_FLUSH_CACHES ||
        moment == AT_UNLOCK) {
        lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
    }
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    switch (moment) {
    case AT_LOCK:
        lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
        break;
    case AT_SECOND_LOCK:
        lock_range(&b, ELSEWHERE, MALI_CSF_BLOCK_2M);
        break;
    case AT_FLUSH_CACHES:
        flush(&b);
        break;
    case AT_UNLOCK:
        mali_csf_unlock(&b.gpu, 1);
        break;
    case AT_FLUSH_PT:
        flush_elsewhere(&b, AS_COMMAND_FLUSH_PT);
        break;
    case AT_FLUSH_MEM:
        flush_elsewhere(&b, AS_COMMAND_FLUSH_MEM);
        break;
    case AT_REFILL:
        mali_csf_bench_load(&b, VA);
        break;
    default:
        break;
    }
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    if (moment == AT_FLUSH_PT || moment == AT_FLUSH_MEM) {
        flush_elsewhere(&b, AS_COMMAND_FLUSH_PT);
    } else if (moment == AT_LOCK || moment == AT_SECOND_LOCK ||
               moment == AT_FLUSH_CACHES) {
        flush_unlock(&b);
    }
    bind_elsewhere(&b);
    bind_elsewhere(&b);
    finish(&b, moments[moment].expected);
}

/* A flush for another space looks at this one too, outside its region only. */
static void test_judged_foreign_flush(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    /* Of AS 0, midway */
    mali_csf_lock(&b.gpu, 0, AS_LOCKADDR_SIZE_MIN);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_unlock(&b.gpu, 0);
    mali_csf_map(&b.vm, VA + MALI_CSF_PAGE, new_page(&b), MALI_CSF_PAGE, 0);
    flush_unlock(&b);
    bind_elsewhere(&b);
    finish(&b, "");
}

/* Pending findings */

static void init_pending(QMaliCsfBench *b)
{
    init_mapped(b, REPORT, 0, 0);
    lock_range(b, ELSEWHERE, MALI_CSF_PAGE);
    mali_csf_map(&b->vm, VA, new_page(b), MALI_CSF_PAGE, 0);
    flush_unlock(b);
    assert_found(&b->gpu, "");
}

static void test_pending_lock(void)
{
    QMaliCsfBench b;

    init_pending(&b);
    lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
    finish(&b, "change-outside-lock");
}

/* Any use of the space, not of that page alone */
static void test_pending_use(void)
{
    QMaliCsfBench b;

    init_pending(&b);
    mali_csf_bench_load(&b, b.out.va);
    finish(&b, "change-outside-lock");
}

static void test_pending_same_tables(void)
{
    QMaliCsfBench b;

    init_pending(&b);
    mali_csf_vm_enable(&b.vm);
    finish(&b, "change-outside-lock");
}

/* A lock of another space confirms nothing. */
static void test_pending_other_space(void)
{
    QMaliCsfBench b;

    init_pending(&b);
    mali_csf_lock(&b.gpu, 2, AS_LOCKADDR_SIZE_MIN);
    mali_csf_unlock(&b.gpu, 2);
    finish(&b, "");
}

static void test_pending_other_tables(void)
{
    QMaliCsfBench b;

    init_pending(&b);
    mali_csf_as_enable(&b.gpu, 1, new_page(&b));
    finish(&b, "note-dropped");
}

static void test_pending_unmapped(void)
{
    QMaliCsfBench b;

    init_pending(&b);
    mali_csf_as_disable(&b.gpu, 1);
    mali_csf_vm_enable(&b.vm);
    bind_elsewhere(&b);
    finish(&b, "note-dropped");
}

/* With TRANSTAB as it was */
static void test_pending_unmapped_in_place(void)
{
    QMaliCsfBench b;

    init_pending(&b);
    stage(&b, b.vm.root, AS_ADRMODE_UNMAPPED);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    finish(&b, "note-dropped");
}

static void test_pending_reset(void)
{
    QMaliCsfBench b;

    init_pending(&b);
    mali_csf_soft_reset(&b.gpu);
    finish(&b, "note-dropped");
}

static void test_pending_l2_off(void)
{
    QMaliCsfBench b;

    init_pending(&b);
    mali_csf_writel(&b.gpu, A_L2_PWROFF_LO, 1);
    finish(&b, "note-dropped");
}

/* What a change is */

typedef struct Change {
    const char *name;
    unsigned level;
    /* Bits of the descriptor before and after, besides the usual */
    uint64_t before;
    uint64_t after;
    bool counts;
} Change;

static const Change changes[] = {
    { "none", 3, 0, 0, false },
    { "read-only", 3, 0, MALI_CSF_PTE_AP_RDONLY, true },
    { "writable", 3, MALI_CSF_PTE_AP_RDONLY, 0, true },
    { "execute-never", 3, 0, MALI_CSF_PTE_XN, true },
    { "attribute", 3, 0, 2ull << MALI_CSF_PTE_ATTR_SHIFT, true },
    { "shareability", 3, 0, 3ull << 8, true },
    { "address", 3, 0, 0x00100000, true },
    { "software-bits", 3, 0, 0xfull << 55, false },
    { "privileged-execute-never", 3, 0, MALI_CSF_PTE_PXN, false },
    { "block/none", 2, 0, 0, false },
    { "block/read-only", 2, 0, MALI_CSF_PTE_AP_RDONLY, true },
    { "block/address", 2, 0, 0x00200000, true },
    /* Below the size of a block, an address bit means nothing. */
    { "block/low-address", 2, 0, 0x00100000, false },
};

static void check_change(QMaliCsfBench *b, unsigned level, uint64_t before,
                         uint64_t after, bool counts)
{
    bench_init(b, REPORT);
    mali_csf_set_pte(&b->vm, VA, level, before);
    bench_start(b);
    mali_csf_set_pte(&b->vm, VA, level, after);
    bind_elsewhere(b);
    finish(b, counts ? "change-outside-lock" : "");
}

static void test_change_bits(const void *data)
{
    const Change *change = data;
    QMaliCsfBench b;
    uint64_t pa = MALI_CSF_RAM_BASE + 128 * MiB;

    check_change(&b, change->level,
                 mali_csf_leaf(pa, change->level, change->before),
                 mali_csf_leaf(pa, change->level, change->after),
                 change->counts);
}

/* Bits that every leaf of ours has, taken away */
static void test_change_access_flag(void)
{
    QMaliCsfBench b;
    uint64_t leaf = mali_csf_leaf(MALI_CSF_RAM_BASE, 3, 0);

    check_change(&b, 3, leaf, leaf & ~MALI_CSF_PTE_AF, true);
}

static void test_change_not_global(void)
{
    QMaliCsfBench b;
    uint64_t leaf = mali_csf_leaf(MALI_CSF_RAM_BASE, 3, 0);

    check_change(&b, 3, leaf, leaf & ~MALI_CSF_PTE_NG, false);
}

/* An entry that is not valid may say what it likes. */
static void test_change_invalid(void)
{
    QMaliCsfBench b;

    check_change(&b, 3, 0, ~0ull & ~MALI_CSF_PTE_VALID, false);
}

/* Not a page at the last level, and not a block at the first */
static void test_change_reserved(void)
{
    QMaliCsfBench b;
    uint64_t pa = MALI_CSF_RAM_BASE;

    check_change(&b, 3, 0, mali_csf_leaf(pa, 2, 0), false);
    check_change(&b, 0, 0, mali_csf_leaf(0, 0, 0), false);
}

/* 4 KiB into nothing: three tables come, under a lock of 32 KiB. */
static void test_change_new_tables(void)
{
    QMaliCsfBench b;
    const uint64_t va = VA + 512 * GiB;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, va, MALI_CSF_PAGE);
    mali_csf_map(&b.vm, va, new_page(&b), MALI_CSF_PAGE, 0);
    flush_unlock(&b);
    mali_csf_bench_load(&b, va);
    bind_elsewhere(&b);
    finish(&b, "");
}

static void test_change_empty_table(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_pte_addr(&b.vm, VA, 3);
    bind_elsewhere(&b);
    /* And another in its place, and none */
    mali_csf_set_pte(&b.vm, VA, 2, mali_csf_table(new_page(&b)));
    bind_elsewhere(&b);
    mali_csf_set_pte(&b.vm, VA, 2, 0);
    bind_elsewhere(&b);
    finish(&b, "");
}

/* The same pages by way of another table are the same translations. */
static void test_change_table_moved(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer buf = init_mapped(&b, REPORT, 1, 0);
    uint64_t table = new_page(&b);

    qtest_writeq(b.gpu.qts, table, mali_csf_leaf(buf.pa, 3, 0));
    mali_csf_set_pte(&b.vm, VA, 2, mali_csf_table(table));
    bind_elsewhere(&b);
    finish(&b, "");
}

static void test_change_table_removed(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 1, 0);
    mali_csf_set_pte(&b.vm, VA, 1, 0);
    bind_elsewhere(&b);
    finish(&b, "change-outside-lock");
}

/* @size: of the region that is held, at VA */
static void check_split(uint64_t size, const char *expected)
{
    QMaliCsfBench b;
    uint64_t pa = init_block(&b);

    lock_range(&b, VA, size);
    split_block(&b, pa, 0, 0);
    flush_unlock(&b);
    bind_elsewhere(&b);
    finish(&b, expected);
}

/* Of all 2 MiB, though each byte is where it was */
static void test_change_block_to_table(void)
{
    check_split(MALI_CSF_BLOCK_2M / 2, "change-outside-lock");
    check_split(MALI_CSF_BLOCK_2M, "");
}

static void check_merge(uint64_t size, const char *expected)
{
    QMaliCsfBench b;
    uint64_t pa;

    bench_init(&b, REPORT);
    pa = mali_csf_alloc(&b.gpu, MALI_CSF_BLOCK_2M, MALI_CSF_BLOCK_2M);
    mali_csf_map(&b.vm, VA, pa, MALI_CSF_BLOCK_2M, 0);
    bench_start(&b);
    lock_range(&b, VA, size);
    mali_csf_map_leaf(&b.vm, VA, pa, 2, 0);
    flush_unlock(&b);
    bind_elsewhere(&b);
    finish(&b, expected);
}

static void test_change_table_to_block(void)
{
    check_merge(MALI_CSF_BLOCK_2M / 2, "change-outside-lock");
    check_merge(MALI_CSF_BLOCK_2M, "");
}

/* 1 GiB into blocks of 2 MiB, and one of those into pages, at once */
static void test_change_two_levels(void)
{
    static const uint64_t sizes[] = { MALI_CSF_BLOCK_2M, GiB };

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        QMaliCsfBench b;
        uint64_t table, pa = MALI_CSF_RAM_BASE;

        bench_init(&b, REPORT);
        mali_csf_map_leaf(&b.vm, VA, pa, 1, 0);
        bench_start(&b);
        lock_range(&b, VA, sizes[i]);
        table = new_page(&b);
        for (unsigned j = 0; j < 512; j++) {
            qtest_writeq(b.gpu.qts, table + 8 * j,
                         mali_csf_leaf(pa + j * MALI_CSF_BLOCK_2M, 2, 0));
        }
        mali_csf_set_pte(&b.vm, VA, 1, mali_csf_table(table));
        split_block(&b, pa, 0, 1);
        flush_unlock(&b);
        bind_elsewhere(&b);
        finish(&b, sizes[i] == GiB ? "" : "change-outside-lock");
    }
}

/* The table's old page is another's at once, still under the lock. */
static void test_change_page_reused(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer buf = init_mapped(&b, REPORT, 1, 0);
    uint64_t old = mali_csf_get_pte(&b.vm, VA, 2) & MALI_CSF_PTE_ADDR_MASK;

    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_set_pte(&b.vm, VA, 2, 0);
    for (unsigned i = 0; i < 512; i++) {
        qtest_writeq(b.gpu.qts, old + 8 * i, mali_csf_leaf(buf.pa, 3, 0));
    }
    flush_unlock(&b);
    bind_elsewhere(&b);
    finish(&b, "");
}

int main(int argc, char **argv)
{
    static Moment moment[NUM_MOMENTS];

    g_test_init(&argc, &argv, NULL);

    ADD("change/right", test_change_right);
    ADD("change/unlocked", test_change_unlocked);
    ADD("change/neighbours", test_change_neighbours);
    ADD("change/edges", test_change_edges);
    ADD("change/expansion/forgotten", test_change_expansion_forgotten);
    ADD("change/expansion/small", test_change_expansion_small);
    ADD("change/expansion/right", test_change_expansion_right);
    ADD("change/not-live", test_change_not_live);
    ADD("change/after-fault", test_change_after_fault);
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        add_data("change/bits", changes[i].name, &changes[i],
                 test_change_bits);
    }
    ADD("change/bits/access-flag", test_change_access_flag);
    ADD("change/bits/not-global", test_change_not_global);
    ADD("change/bits/invalid", test_change_invalid);
    ADD("change/bits/reserved", test_change_reserved);
    ADD("change/new-tables", test_change_new_tables);
    ADD("change/empty-table", test_change_empty_table);
    ADD("change/table-moved", test_change_table_moved);
    ADD("change/table-removed", test_change_table_removed);
    ADD("change/block-to-table", test_change_block_to_table);
    ADD("change/table-to-block", test_change_table_to_block);
    ADD("change/two-levels", test_change_two_levels);
    ADD("change/page-reused", test_change_page_reused);

    for (unsigned i = 0; i < NUM_MOMENTS; i++) {
        moment[i] = i;
        add_data("judged", moments[i].name, &moment[i], test_judged);
    }
    ADD("judged/foreign-flush", test_judged_foreign_flush);
    ADD("pending/lock", test_pending_lock);
    ADD("pending/use", test_pending_use);
    ADD("pending/same-tables", test_pending_same_tables);
    ADD("pending/other-space", test_pending_other_space);
    ADD("pending/other-tables", test_pending_other_tables);
    ADD("pending/unmapped", test_pending_unmapped);
    ADD("pending/unmapped-in-place", test_pending_unmapped_in_place);
    ADD("pending/reset", test_pending_reset);
    ADD("pending/l2-off", test_pending_l2_off);

    return g_test_run();
}
