/*
 * QTest for the Arm Mali CSF GPU: the checker
 *
 * For each finding a test that it is made, and one beside it that the same
 * done right is silent.  Every test states all counters, so that a finding
 * too many fails as well.  Sequences called stock are those of panthor in
 * Linux 6.12 and 7.3; none of them may count as a violation.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf.h"

/* An address that no test maps by accident; 1 GiB aligned */
#define VA              0x40000000ull
/* In another 1 GiB: for a LOCK that covers nothing of interest */
#define ELSEWHERE       0x80000000ull
#define REPORT          "-global mali-csf.strict=report"
#define USER_NOTES      REPORT " -global mali-csf.user-notes=on"
#define SECOND          (1000 * MALI_CSF_MS)

#define MMU_CLEAR       (MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR)
#define MMU_MASK        (MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK)

/* Attribute 0 of MALI_CSF_MEMATTR is not cached, attribute 1 is. */
#define ATTR_MASK       (7ull << MALI_CSF_PTE_ATTR_SHIFT)

static const char *const finding_names[] = {
    "change-outside-lock", "expansion-drops-part", "stale-translation-used",
    "recycle-without-flush", "unlock-without-flush", "change-after-flush",
    "dirty-line-lost", "unlock-without-lock", "update-missing",
    "command-while-active", "lockaddr-invalid", "transcfg-invalid",
    "fault-not-acknowledged", "lock-at-l2-off", "group-on-unmapped",
    "lock-at-update", "transtab-invalid", "memattr-invalid",
    "enabled-after-fault", "enabled-at-l2-off", "command-in-protected-mode",
    "note-lock-too-wide", "note-lock-held-long", "note-lock-at-reset",
    "note-edit-then-flush", "note-coverage-lost", "note-dropped",
    "note-lost", "note-user-stale-load", "note-register-before-wait",
};

static uint64_t get_count(QMaliCsf *gpu, const char *property)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'qom-get', 'arguments':"
                           " {'path': %s, 'property': %s}}",
                           MALI_CSF_QOM_PATH, property);
    uint64_t count;

    g_assert(qdict_haskey(rsp, "return"));
    count = qdict_get_int(rsp, "return");
    qobject_unref(rsp);
    return count;
}

/* @expected: names of findings, separated by blanks, one for each time */
static void assert_found(QMaliCsf *gpu, const char *expected)
{
    g_auto(GStrv) words = g_strsplit(expected, " ", -1);
    unsigned known = 0, violations = 0, notes = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(finding_names); i++) {
        g_autofree char *property = g_strdup_printf("count-%s",
                                                    finding_names[i]);
        uint64_t count = get_count(gpu, property);
        unsigned n = 0;

        for (char **w = words; *w; w++) {
            n += g_str_equal(*w, finding_names[i]);
        }
        if (count != n) {
            g_test_message("%s: %" PRIu64 " instead of %u", finding_names[i],
                           count, n);
            g_assert_not_reached();
        }
        known += n;
        if (g_str_has_prefix(finding_names[i], "note-")) {
            notes += n;
        } else {
            violations += n;
        }
    }
    /* All words are names of findings. */
    g_assert_cmpuint(known, ==, *expected ? g_strv_length(words) : 0);
    g_assert_cmpuint(get_count(gpu, "violations"), ==, violations);
    g_assert_cmpuint(get_count(gpu, "notes"), ==, notes);
}

/*
 * A bench whose driver makes no mistake: mali_csf_bench_init() maps pages
 * of spaces that are in force, with no lock.
 */
static void bench_init(QMaliCsfBench *b, const char *args)
{
    mali_csf_init(&b->gpu, args);
    mali_csf_mcu_prepare(&b->gpu);
    mali_csf_mcu_boot(&b->gpu);
    mali_csf_global_init(&b->gpu);
    mali_csf_vm_init(&b->gpu, &b->vm, 1);
    b->out = mali_csf_vm_alloc(&b->vm, MALI_CSF_PAGE);
    b->code = mali_csf_vm_alloc(&b->vm, 2 * MALI_CSF_PAGE);

    mali_csf_lock(&b->gpu, 0, 47);
    mali_csf_group_init(&b->vm, &b->group, 1);
    mali_csf_flush_caches(&b->gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_unlock(&b->gpu, 0);
    b->queue = &b->group.queue[0];
}

static void bench_start(QMaliCsfBench *b)
{
    mali_csf_vm_enable(&b->vm);
    mali_csf_group_start(&b->group, 0);
}

/* With @pages pages of RAM at VA already, and everything running */
static QMaliCsfBuffer init_mapped(QMaliCsfBench *b, const char *args,
                                  unsigned pages, uint64_t bits)
{
    QMaliCsfBuffer buf = { 0 };

    bench_init(b, args);
    if (pages) {
        buf = mali_csf_vm_alloc_at(&b->vm, VA, pages * MALI_CSF_PAGE, bits);
    }
    bench_start(b);
    return buf;
}

/* With a block of 2 MiB at VA */
static uint64_t init_block(QMaliCsfBench *b)
{
    uint64_t pa;

    bench_init(b, REPORT);
    pa = mali_csf_alloc(&b->gpu, MALI_CSF_BLOCK_2M, MALI_CSF_BLOCK_2M);
    mali_csf_map_leaf(&b->vm, VA, pa, 2, 0);
    bench_start(b);
    return pa;
}

static void finish(QMaliCsfBench *b, const char *expected)
{
    assert_found(&b->gpu, expected);
    mali_csf_quit(&b->gpu);
}

/* panthor 7.x: what is done around each edit */
static void lock_range(QMaliCsfBench *b, uint64_t va, uint64_t size)
{
    mali_csf_lock(&b->gpu, 1, mali_csf_pack_region(va, size));
}

static void flush(QMaliCsfBench *b)
{
    mali_csf_flush_caches(&b->gpu, MALI_CSF_FLUSH_ALL);
}

static void flush_unlock(QMaliCsfBench *b)
{
    flush(b);
    mali_csf_unlock(&b->gpu, 1);
}

/* The next VM_BIND, of something else: confirms what is pending */
static void bind_elsewhere(QMaliCsfBench *b)
{
    lock_range(b, ELSEWHERE, MALI_CSF_PAGE);
    flush_unlock(b);
}

/* panthor 6.12: after each edit */
static void flush_pt(QMaliCsfBench *b, uint64_t va, uint64_t size)
{
    lock_range(b, va, size);
    mali_csf_as_command(&b->gpu, 1, AS_COMMAND_FLUSH_PT);
}

/* panthor 6.12: before each UPDATE */
static void flush_mem_all(QMaliCsf *gpu, unsigned as)
{
    mali_csf_lock(gpu, as, MALI_CSF_LOCK_ALL);
    mali_csf_as_command(gpu, as, AS_COMMAND_FLUSH_MEM);
}

static uint64_t new_page(QMaliCsfBench *b)
{
    return mali_csf_alloc(&b->gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
}

static void store(QMaliCsfBench *b, uint64_t va)
{
    mali_csf_bench_submit_store(b, va, 1);
    g_assert(mali_csf_queue_wait(b->queue, MALI_CSF_TIMEOUT));
}

/* Registers of AS 1, not in force before UPDATE */
static void stage(QMaliCsfBench *b, uint64_t transtab, uint64_t transcfg)
{
    mali_csf_writeq(&b->gpu, mali_csf_as_reg(1, A_AS_TRANSTAB_LO), transtab);
    mali_csf_writeq(&b->gpu, mali_csf_as_reg(1, A_AS_MEMATTR_LO),
                    transtab ? MALI_CSF_MEMATTR : 0);
    mali_csf_writeq(&b->gpu, mali_csf_as_reg(1, A_AS_TRANSCFG_LO), transcfg);
}

/* The block at VA as pages with the same addresses, but for @holes of them */
static void split_block(QMaliCsfBench *b, uint64_t pa, unsigned first_hole,
                        unsigned holes)
{
    uint64_t table = new_page(b);

    for (unsigned i = 0; i < 512; i++) {
        if (i < first_hole || i >= first_hole + holes) {
            qtest_writeq(b->gpu.qts, table + 8 * i,
                         mali_csf_leaf(pa + i * MALI_CSF_PAGE, 3, 0));
        }
    }
    mali_csf_set_pte(&b->vm, VA, 2, mali_csf_table(table));
}

/* panthor 7.x: the fault handler's as_disable(), @locked: VM_BIND is midway */
static void as_disable(QMaliCsfBench *b, bool locked)
{
    flush(b);
    if (locked) {
        mali_csf_unlock(&b->gpu, 1);
    }
    mali_csf_as_disable(&b->gpu, 1);
}

static void make_fault(QMaliCsfBench *b)
{
    mali_csf_writel(&b->gpu, MMU_MASK, 0xffff);
    mali_csf_bench_submit_load(b, ELSEWHERE + GiB, 0);
    g_assert(mali_csf_wait_fault(&b->gpu, 1, MALI_CSF_TIMEOUT));
}

static void ack_fault(QMaliCsfBench *b)
{
    mali_csf_writel(&b->gpu, MMU_CLEAR, MALI_CSF_MMU_INT_FAULT(1));
}

/* As the fault handler of 7.3, and then the group is terminated */
static void handle_fault(QMaliCsfBench *b, bool locked)
{
    ack_fault(b);
    as_disable(b, locked);
}

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

/* When changes are judged */

typedef enum Moment {
    AT_NOTHING,
    AT_LOCK,
    AT_SECOND_LOCK,
    AT_FLUSH_CACHES,
    AT_UNLOCK,
    AT_FLUSH_PT,
    AT_FLUSH_MEM,
    AT_REFILL,
    NUM_MOMENTS,
} Moment;

static const struct {
    const char *name;
    const char *expected;
} moments[NUM_MOMENTS] = {
    /* Documented: nobody looked in between. */
    [AT_NOTHING] = { "nothing", "" },
    [AT_LOCK] = { "lock", "change-outside-lock change-outside-lock" },
    [AT_SECOND_LOCK] = { "second-lock",
                         "change-outside-lock change-outside-lock" },
    [AT_FLUSH_CACHES] = { "flush-caches",
                          "change-outside-lock change-outside-lock" },
    [AT_UNLOCK] = { "unlock", "change-outside-lock change-outside-lock" },
    [AT_FLUSH_PT] = { "flush-pt", "change-outside-lock change-outside-lock "
                                  "note-edit-then-flush" },
    [AT_FLUSH_MEM] = { "flush-mem", "change-outside-lock change-outside-lock "
                                    "note-edit-then-flush" },
    [AT_REFILL] = { "refill", "change-outside-lock change-outside-lock" },
};

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

/* recycle-without-flush */

/* Another VM whose tables have what the first has */
static uint64_t other_root(QMaliCsfBench *b)
{
    uint64_t root = new_page(b);

    for (unsigned i = 0; i < 512; i++) {
        qtest_writeq(b->gpu.qts, root + 8 * i,
                     qtest_readq(b->gpu.qts, b->vm.root + 8 * i));
    }
    return root;
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

/* update-missing */

static void use_for(QMaliCsfBench *b, int64_t ns)
{
    mali_csf_bench_load(b, b->out.va);
    mali_csf_run(&b->gpu, ns);
    mali_csf_bench_load(b, b->out.va);
}

static void test_update_missing(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    stage(&b, other_root(&b), MALI_CSF_TRANSCFG);
    use_for(&b, 2 * MALI_CSF_MS);
    /* Once */
    use_for(&b, 2 * MALI_CSF_MS);
    finish(&b, "update-missing");
}

/* Nothing is in force yet when the group starts. */
static void test_update_missing_first(void)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    stage(&b, b.vm.root, MALI_CSF_TRANSCFG);
    mali_csf_group_start(&b.group, 0);
    finish(&b, "update-missing");
}

/* The fault handler writes these while streams of the space still run. */
static void test_update_missing_unmap(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_TRANSTAB_LO), 0);
    use_for(&b, 10 * MALI_CSF_MS);
    stage(&b, 0, AS_ADRMODE_UNMAPPED);
    use_for(&b, 4 * SECOND);
    assert_found(&b.gpu, "");
    use_for(&b, 2 * SECOND);
    finish(&b, "update-missing");
}

static void test_update_not_missing(void)
{
    QMaliCsfBench b;
    uint64_t root;

    init_mapped(&b, REPORT, 0, 0);
    root = other_root(&b);
    stage(&b, root, MALI_CSF_TRANSCFG);
    mali_csf_bench_load(&b, b.out.va);
    /* As it was: nothing is missing, however long */
    stage(&b, b.vm.root, MALI_CSF_TRANSCFG);
    use_for(&b, 10 * MALI_CSF_MS);
    stage(&b, root, MALI_CSF_TRANSCFG);
    mali_csf_bench_load(&b, b.out.va);
    flush(&b);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    use_for(&b, 10 * MALI_CSF_MS);
    finish(&b, "");
}

/* command-while-active */

static void test_command_while_active(void)
{
    QMaliCsfBench b;
    const uint32_t command = mali_csf_as_reg(1, A_AS_COMMAND);

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_set_property(&b.gpu, "x-as-latency-ns", MALI_CSF_MS);
    /* As the driver does: it waits before and after. */
    bind_elsewhere(&b);
    assert_found(&b.gpu, "");

    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_LOCKADDR_LO), VA | 14);
    mali_csf_writel(&b.gpu, command, AS_COMMAND_LOCK);
    /* Of another space */
    mali_csf_writel(&b.gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                    AS_COMMAND_NOP);
    assert_found(&b.gpu, "");
    mali_csf_writel(&b.gpu, command, AS_COMMAND_NOP);
    mali_csf_run(&b.gpu, 2 * MALI_CSF_MS);
    flush_unlock(&b);
    finish(&b, "command-while-active");
}

/* command-in-protected-mode */

static void nop_command(QMaliCsfBench *b)
{
    mali_csf_writel(&b->gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                    AS_COMMAND_NOP);
}

static void test_command_in_protected_mode(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    bind_elsewhere(&b);
    mali_csf_writel(&b.gpu, A_GPU_COMMAND, GPU_COMMAND_SET_PROTECTED_MODE);
    assert_found(&b.gpu, "");
    nop_command(&b);
    assert_found(&b.gpu, "command-in-protected-mode");
    mali_csf_bench_quit(&b);
}

/* The same by the firmware, for a region of a stream */
static void test_command_in_protected_region(void)
{
    const uint64_t region[] = {
        cs_move32(9, 200000),
        cs_prot_region(2),
        cs_add_imm32(9, 9, -1),
        cs_branch(CS_COND_GT, 9, -2),
    };
    QMaliCsfBench b;
    uint32_t ack;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_queue_submit(b.queue, region, ARRAY_SIZE(region));
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    mali_csf_queue_ack_event(b.queue, CS_PROTM_PENDING);
    nop_command(&b);
    ack = qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK);
    mali_csf_glb_request(&b.gpu, ~ack, GLB_PROTM_ENTER);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_true(mali_csf_readl(&b.gpu, A_GPU_STATUS) &
                  R_GPU_STATUS_PROTM_ACTIVE_MASK);
    assert_found(&b.gpu, "");
    nop_command(&b);
    assert_found(&b.gpu, "command-in-protected-mode");

    g_assert(mali_csf_queue_wait(b.queue, 100 * MALI_CSF_MS));
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_false(mali_csf_readl(&b.gpu, A_GPU_STATUS) &
                   R_GPU_STATUS_PROTM_ACTIVE_MASK);
    nop_command(&b);
    finish(&b, "command-in-protected-mode");
}

/* lockaddr-invalid */

#define SKIP_LEVELS(mask) \
    ((uint64_t)(mask) << R_AS_LOCKADDR_LO_FLUSH_SKIP_LEVELS_SHIFT)

static void check_lockaddr(uint64_t lockaddr, const char *expected)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_lock(&b.gpu, 1, lockaddr);
    flush_unlock(&b);
    finish(&b, expected);
}

static void test_lockaddr(void)
{
    check_lockaddr(0, "lockaddr-invalid");
    check_lockaddr(VA | 13, "lockaddr-invalid");
    check_lockaddr(VA | 14, "");
    check_lockaddr((VA + 0x4000) | 14, "");
    check_lockaddr(VA | SKIP_LEVELS(0x7) | 14, "");
    check_lockaddr(VA | SKIP_LEVELS(0xf) | 13, "lockaddr-invalid");
    check_lockaddr(47, "");
    check_lockaddr(MALI_CSF_LOCK_ALL, "");
    check_lockaddr(0xffffffff8000ull | 14, "");
    check_lockaddr(0x1000000000000ull | 14, "lockaddr-invalid");
    check_lockaddr(0x1000000000000ull | 63, "lockaddr-invalid");
}

/* transcfg-invalid */

static void check_input_size(unsigned bits, const char *expected)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    stage(&b, b.vm.root, (MALI_CSF_TRANSCFG & ~R_AS_TRANSCFG_LO_INA_BITS_MASK) |
          (AS_TRANSCFG_INA_BITS_BASE - bits) <<
          R_AS_TRANSCFG_LO_INA_BITS_SHIFT);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    finish(&b, expected);
}

static void test_transcfg(void)
{
    check_input_size(48, "");
    check_input_size(47, "transcfg-invalid note-coverage-lost");
    check_input_size(49, "transcfg-invalid note-coverage-lost");
    check_input_size(39, "transcfg-invalid note-coverage-lost");
}

/* fault-not-acknowledged */

static void test_fault_unacknowledged(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    mali_csf_run(&b.gpu, 4 * SECOND);
    assert_found(&b.gpu, "");
    mali_csf_run(&b.gpu, 2 * SECOND);
    /* Once */
    mali_csf_run(&b.gpu, 10 * SECOND);
    finish(&b, "fault-not-acknowledged");
}

static void test_fault_acknowledged(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    mali_csf_run(&b.gpu, 4 * SECOND);
    handle_fault(&b, false);
    mali_csf_group_terminate(&b.group);
    mali_csf_run(&b.gpu, 10 * SECOND);
    finish(&b, "");
}

static void test_fault_at_enable(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    as_disable(&b, false);
    mali_csf_vm_enable(&b.vm);
    finish(&b, "fault-not-acknowledged");
}

/* enabled-after-fault */

/* The handler ends before as_disable(). */
static void test_fault_enabled(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    ack_fault(&b);
    mali_csf_run(&b.gpu, 4 * SECOND);
    assert_found(&b.gpu, "");
    mali_csf_run(&b.gpu, 2 * SECOND);
    /* Once */
    mali_csf_run(&b.gpu, 10 * SECOND);
    finish(&b, "enabled-after-fault");
}

/* The same, and the space is enabled at once for the VM or another one. */
static void test_fault_enabled_update(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    ack_fault(&b);
    mali_csf_group_terminate(&b.group);
    flush(&b);
    mali_csf_vm_enable(&b.vm);
    finish(&b, "enabled-after-fault");
}

/* The VM is enabled again: no trace is left. */
static void test_fault_enabled_again(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    handle_fault(&b, false);
    mali_csf_group_terminate(&b.group);
    mali_csf_vm_enable(&b.vm);
    mali_csf_run(&b.gpu, 10 * SECOND);
    finish(&b, "");
}

/* Nobody will look at the bit. */
static void test_fault_at_enable_masked(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    as_disable(&b, false);
    mali_csf_writel(&b.gpu, MMU_MASK, 0xfffd);
    mali_csf_vm_enable(&b.vm);
    finish(&b, "");
}

/* group-on-unmapped */

static void test_group_never_enabled(void)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    mali_csf_group_start(&b.group, 0);
    finish(&b, "group-on-unmapped");
}

static void test_group_resumed(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_group_suspend(&b.group);
    as_disable(&b, false);
    mali_csf_group_resume(&b.group, 0);
    finish(&b, "group-on-unmapped");
}

/* The fault is history once the space was enabled again. */
static void test_group_after_fault(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_fault(&b);
    handle_fault(&b, false);
    mali_csf_group_terminate(&b.group);
    mali_csf_vm_enable(&b.vm);
    as_disable(&b, false);
    mali_csf_group_start(&b.group, 0);
    finish(&b, "group-on-unmapped");
}

static void test_group_left(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    as_disable(&b, false);
    mali_csf_run(&b.gpu, 9 * SECOND);
    assert_found(&b.gpu, "");
    mali_csf_run(&b.gpu, 2 * SECOND);
    finish(&b, "group-on-unmapped");
}

static void test_group_terminated(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    as_disable(&b, false);
    mali_csf_run(&b.gpu, 9 * SECOND);
    mali_csf_group_terminate(&b.group);
    mali_csf_run(&b.gpu, 12 * SECOND);
    finish(&b, "");
}

static void test_group_identity(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    flush(&b);
    stage(&b, 0, AS_ADRMODE_IDENTITY);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    mali_csf_run(&b.gpu, 12 * SECOND);
    finish(&b, "");
}

/* lock-at-l2-off and enabled-at-l2-off */

static void l2_power(QMaliCsfBench *b, bool on)
{
    mali_csf_writel(&b->gpu, on ? A_L2_PWRON_LO : A_L2_PWROFF_LO, 1);
}

/* panthor_fw_suspend(), and panthor_mmu_suspend() for the firmware's space */
static void suspend_firmware(QMaliCsfBench *b)
{
    mali_csf_writel(&b->gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    flush(b);
    mali_csf_as_disable(&b->gpu, 0);
}

static void check_l2_off(QMaliCsfBench *b, const char *expected)
{
    l2_power(b, false);
    assert_found(&b->gpu, "");
    l2_power(b, true);
    /* Once */
    l2_power(b, false);
    l2_power(b, true);
    finish(b, expected);
}

static void test_l2_off_locked(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    suspend_firmware(&b);
    as_disable(&b, false);
    lock_range(&b, VA, MALI_CSF_PAGE);
    check_l2_off(&b, "lock-at-l2-off");
}

/* as_disable() without its UPDATE */
static void test_l2_off_staged(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    suspend_firmware(&b);
    stage(&b, 0, AS_ADRMODE_UNMAPPED);
    check_l2_off(&b, "update-missing");
}

/* panthor_mmu_suspend() leaves one out. */
static void test_l2_off_enabled(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    suspend_firmware(&b);
    check_l2_off(&b, "enabled-at-l2-off");
}

static void test_l2_off_unlocked(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    suspend_firmware(&b);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush_unlock(&b);
    as_disable(&b, false);
    check_l2_off(&b, "");
}

/* A reset puts it right before anything is powered. */
static void test_l2_off_reset(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    l2_power(&b, false);
    mali_csf_soft_reset(&b.gpu);
    l2_power(&b, true);
    finish(&b, "note-lock-at-reset");
}

/* lock-at-update */

static void test_update_locked(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush(&b);
    mali_csf_vm_enable(&b.vm);
    /* Told once: UPDATE has dropped the lock */
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "lock-at-update");
}

static void test_update_locked_unmap(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_group_terminate(&b.group);
    lock_range(&b, VA, MALI_CSF_PAGE);
    as_disable(&b, false);
    finish(&b, "lock-at-update");
}

/* What a driver does that has lost a command, before it resets the GPU */
static void test_gave_up(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_set_property(&b.gpu, "x-flush-latency-ns", 150 * MALI_CSF_MS);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    mali_csf_writel(&b.gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    mali_csf_run(&b.gpu, 101 * MALI_CSF_MS);
    /* No UNLOCK; the next VM_BIND, and another VM takes the slot. */
    lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
    mali_csf_vm_enable(&b.vm);
    assert_found(&b.gpu, "note-lost note-lost");
    mali_csf_set_property(&b.gpu, "x-flush-latency-ns", 0);
    mali_csf_soft_reset(&b.gpu);
    /* From here on it counts again. */
    mali_csf_vm_enable(&b.vm);
    bind_elsewhere(&b);
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "note-lost note-lost unlock-without-lock");
}

/*
 * A flush is quick, and a guest on a busy host slow to hear of it: the driver
 * has given up if that was too late.
 */
static void test_heard_late(void)
{
    static const struct {
        unsigned ms;
        const char *found;
    } cases[] = {
        { 50, "expansion-drops-part" },
        { 101, "note-lost" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        QMaliCsfBench b;

        init_mapped(&b, REPORT, 0, 0);
        lock_range(&b, VA, MALI_CSF_PAGE);
        mali_csf_writel(&b.gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
        mali_csf_run(&b.gpu, cases[i].ms * MALI_CSF_MS);
        mali_csf_writel(&b.gpu, A_GPU_INT + MALI_CSF_INT_CLEAR,
                        R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK);
        lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
        finish(&b, cases[i].found);
    }
}

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

/* The same after a reset for no such reason */
static void test_not_overtaken(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_soft_reset(&b.gpu);
    lock_range(&b, VA, MALI_CSF_PAGE);
    lock_range(&b, ELSEWHERE, MALI_CSF_PAGE);
    mali_csf_lock(&b.gpu, 2, 0);
    finish(&b, "expansion-drops-part lockaddr-invalid");
}

/* The same, and suspend comes before the reset: the region is still held. */
static void test_gave_up_suspend(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    suspend_firmware(&b);
    mali_csf_set_property(&b.gpu, "x-flush-latency-ns", 150 * MALI_CSF_MS);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_writel(&b.gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    mali_csf_set_property(&b.gpu, "x-flush-latency-ns", 0);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_MS);
    l2_power(&b, false);
    l2_power(&b, true);
    mali_csf_vm_enable(&b.vm);
    assert_found(&b.gpu, "");
    /* The flush is as lost as before. */
    bind_elsewhere(&b);
    mali_csf_unlock(&b.gpu, 1);
    assert_found(&b.gpu, "note-lost");
    /* The next driver starts with a clean slate. */
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_ID), !=, 0);
    bind_elsewhere(&b);
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "note-lost unlock-without-lock");
}

/* A command that takes its time, but not more than the driver has */
static void test_slow(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_set_property(&b.gpu, "x-as-latency-ns", 50 * MALI_CSF_MS);
    bind_elsewhere(&b);
    mali_csf_unlock(&b.gpu, 1);
    finish(&b, "unlock-without-lock");
}

/* transtab-invalid and memattr-invalid */

/* as_disable() that writes no TRANSCFG */
static void test_transtab(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_group_terminate(&b.group);
    flush(&b);
    stage(&b, 0, MALI_CSF_TRANSCFG);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    finish(&b, "transtab-invalid memattr-invalid");
}

static void check_memattr(uint64_t transcfg, uint64_t memattr,
                          const char *expected)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    stage(&b, b.vm.root, transcfg);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_MEMATTR_LO), memattr);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    finish(&b, expected);
}

static void test_memattr(void)
{
    check_memattr(MALI_CSF_TRANSCFG, 0, "memattr-invalid");
    check_memattr(MALI_CSF_TRANSCFG, MALI_CSF_MEMATTR, "");
    /* Not used */
    check_memattr(AS_ADRMODE_UNMAPPED, 0, "");
}

/* Notes */

/* Cases of the guest program expand, with the driver's own LOCKADDR values */
typedef struct Expansion {
    const char *name;
    uint64_t block;
    uint64_t hole;
    uint64_t size;
    uint64_t first;
    uint64_t second;
    const char *expected;
} Expansion;

static const Expansion expansions[] = {
    { "A", 0x400000, 0x420000, 0x10000, 0x42000f, 0x400014, "" },
    { "C", 0x600000, 0x600000, 0x100000, 0x600013, 0x600014, "" },
    { "D", 0x600000, 0x7ff000, 0x1000, 0x7fc00e, 0x000017,
      "note-lock-too-wide" },
    { "E", 0x600000, 0x600000, 0x1000, 0x60000e, 0x600014, "" },
    /* Twice of what is needed may be had. */
    { "twice", 0x400000, 0x420000, 0x10000, 0x42000f, 0x400015, "" },
    { "four-times", 0x400000, 0x420000, 0x10000, 0x42000f, 0x400016,
      "note-lock-too-wide" },
    /* B has no second LOCK; and so wide a first one is no expansion. */
    { "not-expanded", 0x400000, 0x420000, 0x10000, 0x000017, 0, "" },
};

static void test_too_wide(const void *data)
{
    const Expansion *e = data;
    QMaliCsfBench b;
    uint64_t pa, table;

    bench_init(&b, REPORT);
    pa = mali_csf_alloc(&b.gpu, MALI_CSF_BLOCK_2M, MALI_CSF_BLOCK_2M);
    mali_csf_map_leaf(&b.vm, e->block, pa, 2, 0);
    bench_start(&b);

    mali_csf_lock(&b.gpu, 1, e->first);
    if (e->second) {
        mali_csf_lock(&b.gpu, 1, e->second);
    }
    table = new_page(&b);
    for (uint64_t i = 0; i < MALI_CSF_BLOCK_2M; i += MALI_CSF_PAGE) {
        if (e->block + i - e->hole >= e->size) {
            qtest_writeq(b.gpu.qts, table + i / MALI_CSF_PAGE * 8,
                         mali_csf_leaf(pa + i, 3, 0));
        }
    }
    mali_csf_set_pte(&b.vm, e->block, 2, mali_csf_table(table));
    flush_unlock(&b);
    bind_elsewhere(&b);
    finish(&b, e->expected);
}

/* A second LOCK that nothing needed is no expansion of anything. */
static void test_too_wide_unused(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    mali_csf_lock(&b.gpu, 1, VA | 14);
    mali_csf_lock(&b.gpu, 1, 47);
    flush_unlock(&b);
    finish(&b, "");
}

static void check_held(int64_t ns, const char *expected)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    mali_csf_run(&b.gpu, ns);
    flush_unlock(&b);
    finish(&b, expected);
}

static void test_held_long(void)
{
    check_held(SECOND - 10 * MALI_CSF_MS, "");
    check_held(SECOND + 10 * MALI_CSF_MS, "note-lock-held-long");
}

static void test_lock_at_reset(void)
{
    for (unsigned locked = 0; locked < 2; locked++) {
        QMaliCsfBench b;

        init_mapped(&b, REPORT, 0, 0);
        if (locked) {
            lock_range(&b, VA, MALI_CSF_PAGE);
        }
        mali_csf_soft_reset(&b.gpu);
        finish(&b, locked ? "note-lock-at-reset" : "");
    }
}

/* Once for each space */
static void test_edit_then_flush(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    flush_pt(&b, VA, MALI_CSF_PAGE);
    flush_pt(&b, VA, MALI_CSF_PAGE);
    flush_mem_all(&b.gpu, 1);
    flush_mem_all(&b.gpu, 2);
    finish(&b, "note-edit-then-flush note-edit-then-flush");
}

/* 512^4 leaves by one table */
static void test_coverage_self_reference(void)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    for (unsigned i = 8; i < 512; i++) {
        qtest_writeq(b.gpu.qts, b.vm.root + 8 * i,
                     mali_csf_table(b.vm.root));
    }
    bench_start(&b);
    mali_csf_bench_load(&b, b.out.va);
    bind_elsewhere(&b);
    finish(&b, "note-coverage-lost");
}

/* The same, but it comes while the space is in force */
static void test_coverage_later(void)
{
    QMaliCsfBench b;
    uint64_t violations;

    init_mapped(&b, REPORT, 0, 0);
    lock_range(&b, VA, 64 * GiB);
    for (unsigned i = 8; i < 512; i++) {
        qtest_writeq(b.gpu.qts, b.vm.root + 8 * i,
                     mali_csf_table(b.vm.root));
    }
    flush_unlock(&b);
    g_assert_cmpuint(get_count(&b.gpu, "count-note-coverage-lost"), ==, 1);
    /* What was missed before is reported; what comes now is not looked at. */
    bind_elsewhere(&b);
    violations = get_count(&b.gpu, "violations");
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    bind_elsewhere(&b);
    g_assert_cmpuint(get_count(&b.gpu, "count-note-coverage-lost"), ==, 1);
    g_assert_cmpuint(get_count(&b.gpu, "violations"), ==, violations);
    mali_csf_quit(&b.gpu);
}

/* Many tables, and all of them in sight */
static void test_coverage_kept(void)
{
    QMaliCsfBench b;
    const unsigned tables = 4096;

    bench_init(&b, REPORT);
    for (unsigned i = 0; i < tables; i++) {
        mali_csf_pte_addr(&b.vm, VA + i * MALI_CSF_BLOCK_2M, 3);
    }
    bench_start(&b);
    mali_csf_map(&b.vm, VA + (tables - 1) * MALI_CSF_BLOCK_2M, new_page(&b),
                 MALI_CSF_PAGE, 0);
    lock_range(&b, VA + 100 * GiB, MALI_CSF_PAGE);
    finish(&b, "change-outside-lock");
}

/*
 * @tables of 512 pages each, from ELSEWHERE on, all of which lie in one page
 * of RAM; where the descriptor of the last page is
 */
static uint64_t map_shared(QMaliCsfBench *b, unsigned tables)
{
    uint64_t leaf = mali_csf_leaf(new_page(b), 3, 0);
    uint64_t table = new_page(b);

    for (unsigned i = 0; i < 512; i++) {
        qtest_writeq(b->gpu.qts, table + 8 * i, leaf);
    }
    for (unsigned i = 0; i < tables; i++) {
        mali_csf_set_pte(&b->vm, ELSEWHERE + i * MALI_CSF_BLOCK_2M, 2,
                         mali_csf_table(table));
    }
    return table + 8 * 511;
}

/* 16 MiB are enough for the copies of 4000 tables that are not empty. */
static void check_coverage_bytes(unsigned tables, const char *expected)
{
    QMaliCsfBench b;
    uint64_t last;

    bench_init(&b, REPORT);
    last = map_shared(&b, tables);
    bench_start(&b);
    qtest_writeq(b.gpu.qts, last, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush_unlock(&b);
    bind_elsewhere(&b);
    assert_found(&b.gpu, expected);
    mali_csf_quit(&b.gpu);
}

static void test_coverage_bytes(void)
{
    /* Of 16 at a time that are pending */
    check_coverage_bytes(4000, "change-outside-lock change-outside-lock "
                               "change-outside-lock change-outside-lock "
                               "change-outside-lock change-outside-lock "
                               "change-outside-lock change-outside-lock "
                               "change-outside-lock change-outside-lock "
                               "change-outside-lock change-outside-lock "
                               "change-outside-lock change-outside-lock "
                               "change-outside-lock change-outside-lock "
                               "note-coverage-lost");
    check_coverage_bytes(4100, "note-coverage-lost");
}

/*
 * More of the tables change than can be looked into at once: what is left is
 * taken as it is, and what comes then is seen.
 */
static void test_coverage_changes(void)
{
    QMaliCsfBench b;
    uint64_t last;

    bench_init(&b, REPORT);
    last = map_shared(&b, 2000);
    bench_start(&b);
    lock_range(&b, ELSEWHERE, 8 * GiB);
    qtest_writeq(b.gpu.qts, last, 0);
    flush(&b);
    assert_found(&b.gpu, "note-coverage-lost");
    mali_csf_unlock(&b.gpu, 1);
    bind_elsewhere(&b);
    assert_found(&b.gpu, "note-coverage-lost");
    mali_csf_set_pte(&b.vm, ELSEWHERE + 1999 * MALI_CSF_BLOCK_2M, 2, 0);
    bind_elsewhere(&b);
    finish(&b, "note-coverage-lost change-outside-lock");
}

/*
 * Three spaces hold regions, and there are too many tables to look at all of
 * them at a flush.  What came before and what came after it is not known then.
 */
static void test_coverage_flush(void)
{
    QMaliCsfBench b;

    bench_init(&b, REPORT);
    map_shared(&b, 3500);
    for (unsigned as = 1; as <= 3; as++) {
        mali_csf_as_enable(&b.gpu, as, b.vm.root);
        mali_csf_lock(&b.gpu, as, 47);
    }
    mali_csf_map(&b.vm, VA, new_page(&b), MALI_CSF_PAGE, 0);
    flush(&b);
    assert_found(&b.gpu, "note-coverage-lost");
    for (unsigned as = 1; as <= 3; as++) {
        mali_csf_unlock(&b.gpu, as);
        mali_csf_lock(&b.gpu, as, ELSEWHERE | 14);
    }
    finish(&b, "note-coverage-lost");
}

/* note-register-before-wait */

#define WAITED  "note-register-before-wait"

/* On architecture 13; the pair 2 has the address of memory. */
typedef struct LoadTest {
    const char *name;
    uint64_t words[6];
    const char *expected;
} LoadTest;

#define LOAD(base, mask)    cs_load_multiple(base, mask, 2, 0)

static void run_load_test(const LoadTest *t, const char *args,
                          const char *expected)
{
    uint64_t words[ARRAY_SIZE(t->words) + 2] = { cs_set_sb_entry(1, 0) };
    QMaliCsfBench b;
    uint64_t pa;

    bench_init(&b, args);
    pa = new_page(&b);
    mali_csf_set_pte(&b.vm, VA, 3, mali_csf_leaf(pa, 3, 0));
    /* So that the address can be loaded */
    qtest_writeq(b.gpu.qts, pa, VA);
    bench_start(&b);
    words[1] = cs_move48(2, VA);
    memcpy(&words[2], t->words, sizeof(t->words));
    mali_csf_queue_exec(b.queue, words, ARRAY_SIZE(words));
    finish(&b, expected);
}

static void test_register_before_wait(const void *data)
{
    const LoadTest *t = data;

    run_load_test(t, USER_NOTES " -global mali-csf.model=g925", t->expected);
    /* Not asked for */
    run_load_test(t, REPORT " -global mali-csf.model=g925", "");
}

static void add_load_tests(void)
{
    const LoadTest tests[] = {
        /* Read, written, loaded again; as one of a pair, or of a list */
        { "read", { LOAD(8, 1), cs_add_imm32(10, 8, 0) }, WAITED },
        { "written", { LOAD(8, 1), cs_move32(8, 0) }, WAITED },
        { "pair", { LOAD(9, 1), cs_add_imm64(10, 8, 0) }, WAITED },
        { "move48", { LOAD(9, 1), cs_move48(8, 0) }, WAITED },
        { "stored", { LOAD(8, 3), cs_store_multiple(6, 0x8, 2, 64) }, WAITED },
        { "loaded-again", { LOAD(8, 0x11), LOAD(12, 1) }, WAITED },
        { "address", { LOAD(2, 3), LOAD(12, 1) }, WAITED },
        { "branch", { LOAD(8, 1), cs_branch(CS_COND_LT, 8, 0) }, WAITED },
        { "sync", { LOAD(8, 1), cs_sync(CS_OP_SYNC_SET32, 2, 8, 0, 0, 0, 0) },
          WAITED },
        { "state", { LOAD(8, 1), cs_set_state(CS_SET_STATE_SB_MASK_WAIT, 8) },
          WAITED },
        { "trace-point", { LOAD(8, 1), cs_trace_point(6, 3, 0, 0) }, WAITED },
        { "compute", { LOAD(37, 1), cs_run_compute(1, 0) }, WAITED },
        { "compute-selected", { LOAD(18, 1),
                                cs_run_compute(1, 0) | 1ull << 42 }, WAITED },
        { "idvs", { LOAD(33, 1), cs_run_idvs2(0) }, WAITED },
        { "fragment", { LOAD(43, 1), cs_run_fragment(0) }, WAITED },
        { "logic", { LOAD(8, 1), cs_logic_op32(6, 10, 11, 8, 0) }, WAITED },
        /* Another entry is waited for; that of the load was another one. */
        { "other-entry", { LOAD(8, 1), cs_wait(1 << 1),
                           cs_add_imm32(10, 8, 0) }, WAITED },
        { "selected-later", { LOAD(8, 1), cs_set_sb_entry(2, 5),
                              cs_wait(1 << 5), cs_add_imm32(10, 8, 0) },
          WAITED },
        { "far", { LOAD(8, 1), cs_move48(20, 5), cs_nop(),
                   cs_add_imm32(21, 20, 1), cs_add_imm32(10, 8, 0) }, WAITED },
        /* Each WAIT that is missing */
        { "twice", { LOAD(8, 1), cs_add_imm32(10, 8, 0), cs_add_imm32(11, 8, 0),
                     LOAD(8, 1), cs_add_imm32(10, 8, 0) }, WAITED " " WAITED },

        { "waited", { LOAD(8, 0xff), cs_wait(1), cs_add_imm32(10, 8, 0),
                      cs_store_multiple(8, 0xff, 2, 64) }, "" },
        { "waited-indirect", { cs_set_state_imm32(CS_SET_STATE_SB_MASK_WAIT, 1),
                               LOAD(8, 1), cs_wait_indirect(),
                               cs_add_imm32(10, 8, 0) }, "" },
        { "waited-selected", { cs_set_sb_entry(2, 5), LOAD(8, 1),
                               cs_wait(1 << 5), cs_add_imm32(10, 8, 0) }, "" },
        { "others", { LOAD(8, 0x5), cs_add_imm32(9, 11, 0), cs_move32(7, 0),
                      cs_wait(1) }, "" },
        /* A store has its registers when it is issued. */
        { "stored-over", { cs_move48(8, 7), cs_store_multiple(8, 3, 2, 64),
                           cs_move48(8, 9), cs_add_imm32(9, 8, 1) }, "" },
        { "branch-always", { LOAD(0, 1), cs_branch(CS_COND_ALWAYS, 0, 0) },
          "" },
        /* MOVE_REG32 and NOT32 of Mesa leave the second operand zero. */
        { "move-reg", { LOAD(0, 1), cs_logic_op32(3, 10, 11, 0, 0) }, "" },
        { "not", { LOAD(0, 1), cs_logic_op32(12, 10, 11, 0, 0) }, "" },
        { "no-draw-id", { LOAD(0, 1), cs_run_idvs2(0) }, "" },
        { "compute-other", { LOAD(40, 1), cs_run_compute(1, 0) }, "" },
        { "compute-unselected", { LOAD(18, 1), cs_run_compute(1, 0) }, "" },
        { "never-used", { LOAD(8, 0xffff) }, "" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path =
            g_strdup_printf("/mali-csf/checker/register-before-wait/%s",
                            tests[i].name);

        qtest_add_data_func_full(path, g_memdup2(&tests[i], sizeof(tests[i])),
                                 test_register_before_wait, g_free);
    }
}

/* A stream that goes on behind a job whose load nothing has waited for */
static void test_register_next_job(void)
{
    uint64_t first[] = { cs_move48(2, VA), LOAD(8, 1) };
    const uint64_t second[] = { cs_add_imm32(10, 8, 0) };
    QMaliCsfBench b;

    bench_init(&b, USER_NOTES);
    mali_csf_set_pte(&b.vm, VA, 3, mali_csf_leaf(new_page(&b), 3, 0));
    bench_start(&b);
    mali_csf_queue_exec(b.queue, first, ARRAY_SIZE(first));
    mali_csf_queue_exec(b.queue, second, ARRAY_SIZE(second));
    assert_found(&b.gpu, WAITED);
    /* SUSPEND has waited for it. */
    mali_csf_queue_exec(b.queue, first, ARRAY_SIZE(first));
    mali_csf_group_suspend(&b.group);
    mali_csf_group_resume(&b.group, 0);
    mali_csf_queue_exec(b.queue, second, ARRAY_SIZE(second));
    finish(&b, WAITED);
}

/* note-user-stale-load */

/*
 * The stream loads from VA; @flush, then the CPU stores to @offset of it; the
 * stream loads from VA again.
 */
static void check_stale_load(const char *args, uint64_t bits,
                             uint32_t command, uint64_t offset,
                             const char *expected)
{
    QMaliCsfBench b;
    uint64_t pa, leaf;

    bench_init(&b, args);
    pa = new_page(&b);
    leaf = mali_csf_leaf(pa, 3, 0);
    mali_csf_set_pte(&b.vm, VA, 3, (leaf & ~ATTR_MASK) | bits);
    bench_start(&b);
    qtest_writel(b.gpu.qts, pa, 1);
    g_assert_cmpuint(mali_csf_bench_load(&b, VA), ==, 1);
    qtest_writel(b.gpu.qts, pa + offset, 2);
    if (command) {
        mali_csf_flush_caches(&b.gpu, command);
    }
    g_assert_cmpuint(mali_csf_bench_load(&b, VA), ==, offset ? 1 : 2);
    /* Once: the line was told of. */
    mali_csf_bench_load(&b, VA);
    finish(&b, expected);
}

static const uint64_t attr_cached = 1ull << MALI_CSF_PTE_ATTR_SHIFT;

static void test_user_stale(void)
{
    /* With no flush; with one that cleans L2, and one of other caches */
    check_stale_load(USER_NOTES, attr_cached, 0, 0, "note-user-stale-load");
    check_stale_load(USER_NOTES, attr_cached, 0x00000104, 0,
                     "note-user-stale-load");
    check_stale_load(USER_NOTES, attr_cached, 0x00023004, 0,
                     "note-user-stale-load");
}

static void test_user_not_stale(void)
{
    check_stale_load(USER_NOTES, attr_cached, MALI_CSF_FLUSH_ALL, 0, "");
    /* Not cached; coherent; not what was loaded; not asked for */
    check_stale_load(USER_NOTES, 0, 0, 0, "");
    check_stale_load(USER_NOTES " -global mali-csf.coherent=on", attr_cached,
                     0, 0, "");
    check_stale_load(USER_NOTES, attr_cached, 0, 4, "");
    check_stale_load(REPORT, attr_cached, 0, 0, "");
}

/* What the GPU has stored itself it does not have in an older version. */
static void test_user_own_store(void)
{
    QMaliCsfBench b;

    init_mapped(&b, USER_NOTES, 1, 0);
    mali_csf_bench_load(&b, VA);
    store(&b, VA);
    g_assert_cmpuint(mali_csf_bench_load(&b, VA), ==, 1);
    finish(&b, "");
}

/* With a word, all of its line is in L2, and nothing of the next one. */
static void test_user_same_line(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer buf = init_mapped(&b, USER_NOTES, 1, 0);

    qtest_writel(b.gpu.qts, buf.pa + 56, 1);
    mali_csf_bench_load(&b, VA);
    qtest_writel(b.gpu.qts, buf.pa + 60, 1);
    qtest_writel(b.gpu.qts, buf.pa + 64, 1);
    mali_csf_bench_load(&b, VA + 56);
    mali_csf_bench_load(&b, VA + 64);
    assert_found(&b.gpu, "");
    mali_csf_bench_load(&b, VA + 60);
    finish(&b, "note-user-stale-load");
}

/* FLUSH_CACHE2: done with id 0, left out with one that is past */
static void check_flush_cache2(uint32_t id, const char *expected)
{
    QMaliCsfBench b;
    QMaliCsfBuffer buf = init_mapped(&b, USER_NOTES, 1, 0);
    const uint64_t job[] = {
        cs_move32(0, id),
        cs_flush_cache2(0x233, 0, 0, 0),
        cs_wait(1 << 0),
    };

    mali_csf_bench_load(&b, VA);
    qtest_writel(b.gpu.qts, buf.pa, 1);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    mali_csf_bench_load(&b, VA);
    finish(&b, expected);
}

static void test_user_flush_cache2(void)
{
    check_flush_cache2(0, "");
    check_flush_cache2(0x123456, "note-user-stale-load");
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

/* The property */

static void make_mistakes(QMaliCsfBench *b)
{
    mali_csf_map(&b->vm, VA, new_page(b), MALI_CSF_PAGE, 0);
    mali_csf_bench_load(b, VA);
    lock_range(b, VA, MALI_CSF_PAGE);
    mali_csf_unlock(&b->gpu, 1);
    mali_csf_unlock(&b->gpu, 1);
    mali_csf_lock(&b->gpu, 1, 0);
}

static void test_strict_off(void)
{
    static const char *const args[] = {
        NULL, "-global mali-csf.strict=off"
    };

    for (unsigned i = 0; i < ARRAY_SIZE(args); i++) {
        QMaliCsfBench b;

        init_mapped(&b, args[i], 0, 0);
        make_mistakes(&b);
        mali_csf_soft_reset(&b.gpu);
        finish(&b, "");
    }
}

static void test_strict_report(void)
{
    QMaliCsfBench b;

    init_mapped(&b, REPORT, 0, 0);
    make_mistakes(&b);
    finish(&b, "change-outside-lock unlock-without-lock lockaddr-invalid");
}

static void assert_status(QMaliCsf *gpu, const char *status)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'query-status'}");
    QDict *ret = qdict_get_qdict(rsp, "return");

    g_assert_cmpstr(qdict_get_str(ret, "status"), ==, status);
    qobject_unref(rsp);
}

static void test_strict_stop(void)
{
    QMaliCsfBench b;

    init_mapped(&b, "-global mali-csf.strict=stop", 0, 0);
    lock_range(&b, VA, MALI_CSF_PAGE);
    flush_unlock(&b);
    /* A note does not stop it. */
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    flush_mem_all(&b.gpu, 2);
    assert_status(&b.gpu, "running");
    mali_csf_lock(&b.gpu, 1, 0);
    qtest_qmp_eventwait(b.gpu.qts, "STOP");
    assert_status(&b.gpu, "debug");
    finish(&b, "lockaddr-invalid note-edit-then-flush");
}

static void check_refused(const char *device, const char *said,
                          const char *also)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *output = NULL;
    const char *argv[] = {
        getenv("QTEST_QEMU_BINARY"), "-M", "virt", "-accel", "qtest",
        "-display", "none", "-net", "none", "-device", device, NULL
    };
    int status;

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL,
                               G_SPAWN_SEARCH_PATH |
                               G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                               &output, &status, &err));
    g_assert_no_error(err);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    g_assert_nonnull(strstr(output, said));
    g_assert_nonnull(strstr(output, also));
}

static void test_strict_unknown(void)
{
    check_refused("mali-csf,strict=foo", "foo", "off, report, stop");
}

static void test_user_notes_alone(void)
{
    check_refused("mali-csf,user-notes=on", "user-notes=on",
                  "strict=report");
}

/* What is told of findings that repeat */

/* A log of the checker, read when it is complete */
typedef struct Log {
    QMaliCsfBench b;
    char *path;
} Log;

static void log_init(Log *log)
{
    g_autofree char *args = NULL;
    int fd = g_file_open_tmp("mali-csf-log-XXXXXX", &log->path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    args = g_strdup_printf(REPORT " -D %s -trace mali_csf_violation"
                           " -trace mali_csf_note -trace mali_csf_repeated",
                           log->path);
    init_mapped(&log->b, args, 0, 0);
}

/* @expected: its lines, each without "mali_csf_" */
static void assert_log(Log *log, const char *const *expected)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned i;

    g_assert_true(g_file_get_contents(log->path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (i = 0; expected[i]; i++) {
        g_assert_nonnull(lines[i]);
        g_assert_true(g_str_has_prefix(lines[i], "mali_csf_"));
        g_assert_cmpstr(lines[i] + strlen("mali_csf_"), ==, expected[i]);
    }
    g_assert_cmpstr(lines[i], ==, "");
}

static void log_finish(Log *log)
{
    mali_csf_quit(&log->b.gpu);
    unlink(log->path);
    g_free(log->path);
}

static void unlock_often(Log *log, unsigned times)
{
    while (times--) {
        mali_csf_unlock(&log->b.gpu, 1);
    }
}

static void count_unlocks(Log *log, unsigned expected)
{
    g_assert_cmpuint(get_count(&log->b.gpu, "count-unlock-without-lock"), ==,
                     expected);
}

/* LOCK and UNLOCK: what was not locked may be unlocked once */
static void log_init_unlocked(Log *log)
{
    log_init(log);
    lock_range(&log->b, VA, MALI_CSF_PAGE);
    flush_unlock(&log->b);
}

#define UNLOCKED    "unlock-without-lock as 1 va 0x0-0x0 expected 0x2 seen 0x3"

/* At 2, 4 and 8 times; and what is left when a counter is read */
static void test_told_repeated(void)
{
    static const char *const at_once[] = {
        "violation " UNLOCKED,
        "repeated " UNLOCKED " times 1",
        "repeated " UNLOCKED " times 2",
        "repeated " UNLOCKED " times 4",
        NULL
    };
    static const char *const all[] = {
        "violation " UNLOCKED,
        "repeated " UNLOCKED " times 1",
        "repeated " UNLOCKED " times 2",
        "repeated " UNLOCKED " times 4",
        "repeated " UNLOCKED " times 3",
        "repeated " UNLOCKED " times 5",
        NULL
    };
    Log log;

    log_init_unlocked(&log);
    unlock_often(&log, 11);
    assert_log(&log, at_once);
    count_unlocks(&log, 11);
    count_unlocks(&log, 11);
    unlock_often(&log, 5);
    assert_log(&log, all);
    log_finish(&log);
}

/* The same when the machine stops, and when it ends */
static void test_told_stop(void)
{
    static const char *const all[] = {
        "violation " UNLOCKED,
        "repeated " UNLOCKED " times 1",
        "repeated " UNLOCKED " times 1",
        "repeated " UNLOCKED " times 1",
        "repeated " UNLOCKED " times 2",
        NULL
    };
    Log log;

    log_init_unlocked(&log);
    unlock_often(&log, 3);
    qobject_unref(qtest_qmp(log.b.gpu.qts, "{'execute': 'stop'}"));
    qobject_unref(qtest_qmp(log.b.gpu.qts, "{'execute': 'cont'}"));
    unlock_often(&log, 3);
    mali_csf_quit(&log.b.gpu);
    assert_log(&log, all);
    unlink(log.path);
    g_free(log.path);
}

/* Another address is another finding; a note is told in the same way. */
static void test_told_different(void)
{
    static const char *const all[] = {
        "violation lockaddr-invalid as 1 va 0x40000000-0x40000000 "
        "expected 0xe seen 0xd",
        "violation lockaddr-invalid as 1 va 0x40001000-0x40001000 "
        "expected 0xe seen 0xd",
        "violation lockaddr-invalid as 1 va 0x40000000-0x40000000 "
        "expected 0xe seen 0xc",
        "repeated lockaddr-invalid as 1 va 0x40000000-0x40000000 "
        "expected 0xe seen 0xd times 1",
        "violation lockaddr-invalid as 2 va 0x40000000-0x40000000 "
        "expected 0xe seen 0xd",
        "note note-edit-then-flush as 1 va 0x0-0x0 expected 0x0 seen 0x0",
        "repeated note-edit-then-flush as 1 va 0x0-0x0 expected 0x0 "
        "seen 0x0 times 1",
        NULL
    };
    Log log;

    log_init(&log);
    for (unsigned i = 0; i < 4; i++) {
        static const uint64_t lockaddr[] = {
            VA | 13, (VA + 0x1000) | 13, VA | 12, VA | 13
        };

        mali_csf_lock(&log.b.gpu, 1, lockaddr[i]);
        flush_unlock(&log.b);
    }
    mali_csf_lock(&log.b.gpu, 2, VA | 13);
    mali_csf_unlock(&log.b.gpu, 2);
    flush_mem_all(&log.b.gpu, 1);
    mali_csf_soft_reset(&log.b.gpu);
    flush_mem_all(&log.b.gpu, 1);
    assert_log(&log, all);
    log_finish(&log);
}

/* Of more than 64 different ones, the others are counted together. */
static void test_told_many(void)
{
    const unsigned many = 100;
    unsigned told = 0, repeated = 0, lines = 0;
    g_autofree char *text = NULL;
    g_auto(GStrv) line = NULL;
    Log log;

    log_init(&log);
    for (unsigned i = 0; i < many; i++) {
        mali_csf_lock(&log.b.gpu, 1, (VA + i * MALI_CSF_PAGE) | 13);
        mali_csf_unlock(&log.b.gpu, 1);
    }
    /* One that was told of is still known; so is another identifier. */
    mali_csf_lock(&log.b.gpu, 1, VA | 13);
    mali_csf_unlock(&log.b.gpu, 1);
    mali_csf_unlock(&log.b.gpu, 1);
    g_assert_cmpuint(get_count(&log.b.gpu, "violations"), ==, many + 2);
    g_assert_true(g_file_get_contents(log.path, &text, NULL, NULL));
    line = g_strsplit(text, "\n", -1);
    for (; *line[lines]; lines++) {
        if (g_str_has_prefix(line[lines], "mali_csf_violation lockaddr-")) {
            told++;
        } else if (g_str_has_prefix(line[lines],
                                    "mali_csf_repeated lockaddr-")) {
            const char *times = strstr(line[lines], " times ");

            g_assert_nonnull(times);
            repeated += atoi(times + strlen(" times "));
        }
    }
    g_assert_cmpuint(told, ==, 64);
    g_assert_cmpuint(repeated, ==, many + 1 - 64);
    /* Of 36 others at 1, 2, 4 ... 32 and what is left; one; one */
    g_assert_cmpuint(lines, ==, 64 + 7 + 1 + 1);
    log_finish(&log);
}

static void add_data(const char *group, const char *name, const void *data,
                     void (*test)(const void *))
{
    g_autofree char *path = g_strdup_printf("mali-csf/checker/%s/%s", group,
                                            name);

    qtest_add_data_func(path, data, test);
}

#define ADD(name, test) qtest_add_func("mali-csf/checker/" name, test)

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
    ADD("update/missing", test_update_missing);
    ADD("update/missing-first", test_update_missing_first);
    ADD("update/missing-unmap", test_update_missing_unmap);
    ADD("update/not-missing", test_update_not_missing);
    ADD("command-while-active", test_command_while_active);
    ADD("protected-mode/command", test_command_in_protected_mode);
    ADD("protected-mode/region", test_command_in_protected_region);
    add_load_tests();
    ADD("register-before-wait/next-job", test_register_next_job);
    ADD("lockaddr", test_lockaddr);
    ADD("transcfg", test_transcfg);
    ADD("fault/unacknowledged", test_fault_unacknowledged);
    ADD("fault/acknowledged", test_fault_acknowledged);
    ADD("fault/at-enable", test_fault_at_enable);
    ADD("fault/at-enable-masked", test_fault_at_enable_masked);
    ADD("fault/enabled", test_fault_enabled);
    ADD("fault/enabled/update", test_fault_enabled_update);
    ADD("fault/enabled/again", test_fault_enabled_again);
    ADD("group/never-enabled", test_group_never_enabled);
    ADD("group/resumed", test_group_resumed);
    ADD("group/after-fault", test_group_after_fault);
    ADD("group/left", test_group_left);
    ADD("group/terminated", test_group_terminated);
    ADD("group/identity", test_group_identity);
    ADD("l2-off/locked", test_l2_off_locked);
    ADD("l2-off/staged", test_l2_off_staged);
    ADD("l2-off/enabled", test_l2_off_enabled);
    ADD("l2-off/unlocked", test_l2_off_unlocked);
    ADD("l2-off/reset", test_l2_off_reset);
    ADD("update/locked", test_update_locked);
    ADD("update/locked/unmap", test_update_locked_unmap);
    ADD("gave-up", test_gave_up);
    ADD("gave-up/suspend", test_gave_up_suspend);
    ADD("gave-up/heard-late", test_heard_late);
    ADD("stock/overtaken", test_overtaken);
    ADD("overtaken/other-reset", test_not_overtaken);
    ADD("slow", test_slow);
    ADD("transtab", test_transtab);
    ADD("memattr", test_memattr);

    for (unsigned i = 0; i < ARRAY_SIZE(expansions); i++) {
        add_data("note/too-wide", expansions[i].name, &expansions[i],
                 test_too_wide);
    }
    ADD("note/too-wide/unused", test_too_wide_unused);
    ADD("note/held-long", test_held_long);
    ADD("note/lock-at-reset", test_lock_at_reset);
    ADD("note/edit-then-flush", test_edit_then_flush);
    ADD("note/coverage/self-reference", test_coverage_self_reference);
    ADD("note/coverage/later", test_coverage_later);
    ADD("note/coverage/kept", test_coverage_kept);
    ADD("note/coverage/bytes", test_coverage_bytes);
    ADD("note/coverage/changes", test_coverage_changes);
    ADD("note/coverage/flush", test_coverage_flush);

    ADD("user/stale", test_user_stale);
    ADD("user/not-stale", test_user_not_stale);
    ADD("user/own-store", test_user_own_store);
    ADD("user/same-line", test_user_same_line);
    ADD("user/flush-cache2", test_user_flush_cache2);

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

    ADD("strict/off", test_strict_off);
    ADD("strict/report", test_strict_report);
    ADD("strict/stop", test_strict_stop);
    ADD("strict/unknown", test_strict_unknown);
    ADD("told/repeated", test_told_repeated);
    ADD("told/stop", test_told_stop);
    ADD("told/different", test_told_different);
    ADD("told/many", test_told_many);
    ADD("strict/user-notes-alone", test_user_notes_alone);

    return g_test_run();
}
