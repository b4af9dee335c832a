/*
 * QTest for the Arm Mali CSF GPU: the checker, its notes
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

#define USER_NOTES      REPORT " -global mali-csf.user-notes=on"

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

static void test_user_notes_alone(void)
{
    check_refused("mali-csf,user-notes=on", "user-notes=on",
                  "strict=report");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    add_load_tests();
    ADD("register-before-wait/next-job", test_register_next_job);

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
    ADD("strict/user-notes-alone", test_user_notes_alone);

    return g_test_run();
}
