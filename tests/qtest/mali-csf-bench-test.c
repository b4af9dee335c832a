/*
 * QTest for the Arm Mali CSF GPU: how long things take, by way of the test
 * device mali-csf-bench
 *
 * As a test, each row runs a few times and has to compute the right thing
 * and to be what its name says: a hit, a miss.  With -m perf the rows are
 * measured and their medians printed, one line each, for scripts/bench.py.
 * No time is ever compared with anything here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf.h"

#define BENCH_PATH      "/machine/peripheral/bench"
#define BENCH_ARGS      "-device mali-csf-bench,id=bench,gpu=" \
                        MALI_CSF_QOM_PATH

/*
 * Many short rounds, of a millisecond or less: on a machine that is not idle
 * most of them are over before another thread gets the CPU.
 */
#define ROUNDS_MAX      101
/* Half of what the TLB holds, and several times as much */
#define HIT_SIZE        (128 * MALI_CSF_PAGE)
#define MISS_SIZE       (1024 * MALI_CSF_PAGE)
/* An address that no helper maps; 1 GiB aligned */
#define VA              0x40000000ull
#define TABLE_PAGES     512

static unsigned rounds(void)
{
    return g_test_perf() ? ROUNDS_MAX : 1;
}

static void set_number(QMaliCsf *gpu, const char *name, uint64_t value)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'qom-set', 'arguments':"
                           " {'path': %s, 'property': %s,"
                           " 'value': %" PRIu64 "}}",
                           BENCH_PATH, name, value);

    g_assert(qdict_haskey(rsp, "return"));
    qobject_unref(rsp);
}

static uint64_t bench_number(QMaliCsf *gpu, const char *name)
{
    return mali_csf_number_at(gpu, BENCH_PATH, name);
}

/* The error of the device, or NULL; the caller frees it */
static char *try_row(QMaliCsf *gpu, const char *row)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'qom-set', 'arguments':"
                           " {'path': %s, 'property': 'run', 'value': %s}}",
                           BENCH_PATH, row);
    char *error = NULL;

    if (!qdict_haskey(rsp, "return")) {
        error = g_strdup(qdict_get_str(qdict_get_qdict(rsp, "error"),
                                       "desc"));
    }
    qobject_unref(rsp);
    return error;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

/*
 * Run @row in rounds() rounds, which alternate between the model and its
 * reference, and print the medians of a unit's time as @name, if there is
 * one.  The unit is an instruction if the row has any, else one of @count.
 */
static void measure(QMaliCsf *gpu, const char *row, const char *name,
                    uint64_t count)
{
    double ns[ROUNDS_MAX], reference[ROUNDS_MAX], ratio[ROUNDS_MAX];

    set_number(gpu, "count", count);
    for (unsigned i = 0; i < rounds(); i++) {
        g_autofree char *error = try_row(gpu, row);
        double units;

        g_assert_cmpstr(error, ==, NULL);
        units = bench_number(gpu, "instructions") ?: count;
        ns[i] = bench_number(gpu, "ns") / units;
        reference[i] = bench_number(gpu, "reference-ns") / units;
        ratio[i] = reference[i] ? ns[i] / reference[i] : 0;
    }
    if (g_test_perf() && name) {
        double r = median(ratio, rounds());

        g_test_message("bench %s ns=%.3f reference=%.3f ratio=%.3f", name,
                       median(ns, rounds()), median(reference, rounds()), r);
    }
}

/* Loads */

static QMaliCsfBuffer load_buffer(QMaliCsfBench *b, uint64_t size)
{
    QMaliCsfBuffer buf = mali_csf_vm_alloc(&b->vm, size);
    g_autofree uint32_t *words = g_malloc(size);

    for (uint64_t i = 0; i < size / 4; i++) {
        words[i] = cpu_to_le32(i * 2654435761u);
    }
    qtest_memwrite(b->gpu.qts, buf.pa, words, size);
    set_number(&b->gpu, "as", 1);
    set_number(&b->gpu, "va", buf.va);
    set_number(&b->gpu, "pa", buf.pa);
    set_number(&b->gpu, "size", size);
    return buf;
}

static void test_load_hit(void)
{
    uint64_t count = g_test_perf() ? 20000 : 1000;
    QMaliCsfBench b;
    uint64_t misses;

    mali_csf_bench_init(&b, BENCH_ARGS);
    load_buffer(&b, HIT_SIZE);
    measure(&b.gpu, "load-hit", NULL, 1000);
    misses = mali_csf_number(&b.gpu, "tlb-misses");
    measure(&b.gpu, "load-hit", "load-hit", count);
    g_assert_cmpuint(mali_csf_number(&b.gpu, "tlb-misses"), ==,
                     misses);
    mali_csf_bench_quit(&b);
}

static void test_load_miss(void)
{
    uint64_t count = g_test_perf() ? 10000 : 5000;
    QMaliCsfBench b;
    uint64_t misses;

    mali_csf_bench_init(&b, BENCH_ARGS);
    load_buffer(&b, MISS_SIZE);
    misses = mali_csf_number(&b.gpu, "tlb-misses");
    measure(&b.gpu, "load-miss", "load-miss", count);
    g_assert_cmpuint(mali_csf_number(&b.gpu, "tlb-misses"), ==,
                     misses + count * rounds());
    mali_csf_bench_quit(&b);
}

/* Locks */

/* @tables of the last level, full of pages, from VA on */
static void map_tables(QMaliCsfVm *vm, unsigned tables)
{
    uint64_t page = mali_csf_alloc(vm->gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    uint64_t leaves[TABLE_PAGES];

    for (unsigned i = 0; i < TABLE_PAGES; i++) {
        leaves[i] = cpu_to_le64(mali_csf_leaf(page, 3, 0));
    }
    for (unsigned i = 0; i < tables; i++) {
        qtest_memwrite(vm->gpu->qts,
                       mali_csf_pte_addr(vm, VA + i * MALI_CSF_BLOCK_2M, 3),
                       leaves, sizeof(leaves));
    }
}

static void lock_rows(const char *strict, const char *name, unsigned tables)
{
    g_autofree char *args = g_strdup_printf(
        BENCH_ARGS " -global mali-csf.strict=%s", strict);
    QMaliCsfBench b;
    uint64_t found;

    mali_csf_bench_init(&b, args);
    map_tables(&b.vm, tables);
    set_number(&b.gpu, "as", 1);
    set_number(&b.gpu, "va", mali_csf_pack_region(b.out.va, MALI_CSF_PAGE));
    /* The first one copies the tables. */
    measure(&b.gpu, "lock", NULL, 1);
    measure(&b.gpu, "lock", name, g_test_perf() ? 10 : 2);

    /* It has looked as far as the last page: a change there is seen. */
    found = mali_csf_number(&b.gpu, "violations");
    mali_csf_set_pte(&b.vm, VA + tables * MALI_CSF_BLOCK_2M - MALI_CSF_PAGE,
                     3, 0);
    measure(&b.gpu, "lock", NULL, 1);
    g_assert_cmpuint(mali_csf_number(&b.gpu, "violations"), ==,
                     found + (g_str_equal(strict, "off") ? 0 : 1));
    mali_csf_bench_quit(&b);
}

static void test_lock(void)
{
    lock_rows("off", "lock-off", 512);
    lock_rows("report", "lock-1k", 2);
    lock_rows("report", "lock-16k", 32);
    lock_rows("report", "lock-256k", 512);
}

/* Streams */

#define MIX_GROUPS      24
#define MIX_LENGTH      (3 * MIX_GROUPS)

/* MOVE32, ADD_IMM32 and BRANCH, of which every second one is taken */
static void start_mix(QMaliCsfBench *b)
{
    uint64_t words[MIX_LENGTH];

    for (unsigned i = 0; i < MIX_GROUPS; i++) {
        words[3 * i] = cs_move32(8 + i, i);
        words[3 * i + 1] = cs_add_imm32(40 + i, 8 + i, 1);
        words[3 * i + 2] = cs_branch(i & 1 ? CS_COND_GT : CS_COND_LE, 40 + i,
                                     0);
    }
    words[MIX_LENGTH - 1] = cs_branch(CS_COND_ALWAYS, 0, -MIX_LENGTH);
    mali_csf_bench_call(b, words, ARRAY_SIZE(words));
    mali_csf_run(&b->gpu, MALI_CSF_MS);
    set_number(&b->gpu, "as", 1);
    set_number(&b->gpu, "va", b->code.va);
    set_number(&b->gpu, "size", sizeof(words));
}

static void test_mix(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, BENCH_ARGS);
    start_mix(&b);
    measure(&b.gpu, "switch", "mix", g_test_perf() ? 50 : 5);
    mali_csf_bench_quit(&b);
}

#define ACCESS_PAGES    8
#define ACCESS_LENGTH   64

/* A stream that loads a word from one page after the other, or stores it */
static void measure_accesses(bool store, const char *name)
{
    uint64_t words[ACCESS_PAGES + ACCESS_LENGTH + 1];
    uint64_t count = g_test_perf() ? 20 : 5;
    unsigned n = 0;
    QMaliCsfBench b;
    QMaliCsfBuffer buf;
    uint64_t hits;

    mali_csf_bench_init(&b, BENCH_ARGS);
    buf = mali_csf_vm_alloc(&b.vm, ACCESS_PAGES * MALI_CSF_PAGE);
    for (unsigned i = 0; i < ACCESS_PAGES; i++) {
        words[n++] = cs_move48(2 * i, buf.va + i * MALI_CSF_PAGE);
    }
    for (unsigned i = 0; i < ACCESS_LENGTH; i++) {
        unsigned addr = 2 * (i % ACCESS_PAGES);

        words[n++] = store ? cs_store_multiple(32, 1, addr, 4 * i) :
                             cs_load_multiple(32, 1, addr, 4 * i);
    }
    words[n++] = cs_branch(CS_COND_ALWAYS, 0, -ACCESS_LENGTH - 1);
    mali_csf_bench_call(&b, words, n);
    mali_csf_run(&b.gpu, MALI_CSF_MS);

    hits = mali_csf_number(&b.gpu, "tlb-hits");
    measure(&b.gpu, "slice", name, count);
    /* Nearly all of a slice's weight goes into accesses, of 4 each. */
    hits = mali_csf_number(&b.gpu, "tlb-hits") - hits;
    g_assert_cmpuint(hits, >=, rounds() * count * 4096 / 4 * 9 / 10);
    mali_csf_bench_quit(&b);
}

static void test_loads(void)
{
    measure_accesses(false, "loads");
}

static void test_stores(void)
{
    measure_accesses(true, "stores");
}

/* The checker */

/* Half of all addresses, in which nothing else is */
#define WIDE            (1ull << 47)
#define CHECKER_ROUNDS  11
#define REPORT_ARGS     BENCH_ARGS ",account=on " \
                        "-global mali-csf.strict=report"
/*
 * What a register write or a slice may take, in steps of the checker: for a
 * driver that does nothing out of the ordinary, and for any.  A step takes a
 * few tenths of a microsecond.
 */
#define ORDINARY_STEPS  4096
#define MOST_STEPS      16384

typedef struct Cost {
    double ns[CHECKER_ROUNDS];
    uint64_t steps;
} Cost;

static unsigned checker_rounds(void)
{
    return g_test_perf() ? CHECKER_ROUNDS : 1;
}

static uint64_t steps(QMaliCsfBench *b)
{
    return mali_csf_number(&b->gpu, "checker-steps");
}

/* Writes a register; of several writes in @round the dearest counts */
static void cost_write(QMaliCsfBench *b, Cost *cost, unsigned round,
                       uint32_t reg, uint32_t value)
{
    uint64_t before = bench_number(&b->gpu, "access-ns");
    uint64_t steps_before = steps(b);

    mali_csf_writel(&b->gpu, reg, value);
    cost->ns[round] = MAX(cost->ns[round],
                          bench_number(&b->gpu, "access-ns") -
                          before);
    cost->steps = MAX(cost->steps, steps(b) - steps_before);
}

static void cost_command(QMaliCsfBench *b, Cost *cost, unsigned round,
                         uint32_t command)
{
    cost_write(b, cost, round, mali_csf_as_reg(1, A_AS_COMMAND), command);
}

static void cost_lock(QMaliCsfBench *b, Cost *cost, unsigned round,
                      uint64_t va, uint64_t size)
{
    mali_csf_writeq(&b->gpu, mali_csf_as_reg(1, A_AS_LOCKADDR_LO),
                    mali_csf_pack_region(va, size));
    cost_command(b, cost, round, AS_COMMAND_LOCK);
}

static void cost_flush_unlock(QMaliCsfBench *b, Cost *cost, unsigned round)
{
    cost_write(b, cost, round, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    mali_csf_writel(&b->gpu, A_GPU_INT + MALI_CSF_INT_CLEAR,
                    R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK);
    cost_command(b, cost, round, AS_COMMAND_UNLOCK);
}

/* Slices of the stream that runs */
static void cost_slices(QMaliCsfBench *b, Cost *cost, unsigned round,
                        unsigned count)
{
    uint64_t steps_before = steps(b);
    char *error;

    set_number(&b->gpu, "count", count);
    error = try_row(&b->gpu, "slice");
    g_assert_cmpstr(error, ==, NULL);
    cost->ns[round] = bench_number(&b->gpu, "ns") / (double)count;
    cost->steps = MAX(cost->steps, (steps(b) - steps_before) / count);
}

static void cost_done(const char *name, Cost *cost, uint64_t most)
{
    if (g_test_perf()) {
        g_test_message("bench %s ns=%.3f reference=0 ratio=0", name,
                       median(cost->ns, checker_rounds()));
    }
    g_test_message("%s: %" PRIu64 " steps", name, cost->steps);
    g_assert_cmpuint(cost->steps, <=, most);
    g_assert_cmpuint(cost->steps, >, 0);
}

static uint64_t found(QMaliCsfBench *b, const char *name)
{
    g_autofree char *property = g_strdup_printf("count-%s", name);

    return mali_csf_number(&b->gpu, property);
}

/* All was looked at, and nothing of it was wrong */
static void assert_silent(QMaliCsfBench *b)
{
    static const char *const names[] = {
        "note-coverage-lost", "stale-translation-used",
        "unlock-without-flush", "change-after-flush", "dirty-line-lost",
    };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        g_assert_cmpuint(found(b, names[i]), ==, 0);
    }
}

/* A table of @level, from @va on, as it lies in RAM: every entry is @entry */
static void fill_table(QMaliCsfVm *vm, uint64_t va, unsigned level,
                       uint64_t entry)
{
    uint64_t words[TABLE_PAGES];

    for (unsigned i = 0; i < TABLE_PAGES; i++) {
        words[i] = cpu_to_le64(entry);
    }
    qtest_memwrite(vm->gpu->qts, mali_csf_pte_addr(vm, va, level), words,
                   sizeof(words));
}

static void fill_tables(QMaliCsfVm *vm, unsigned tables, unsigned level,
                        uint64_t entry)
{
    uint64_t size = (level == 3 ? MALI_CSF_BLOCK_2M : GiB);

    for (unsigned i = 0; i < tables; i++) {
        fill_table(vm, WIDE + i * size, level, entry);
    }
}

/* A stream that loads or stores one word at each of @count addresses */
static void start_accesses(QMaliCsfBench *b, uint64_t va, uint32_t stride,
                           unsigned count, bool store, bool for_ever)
{
    const uint64_t words[] = {
        cs_move32(0, va),
        cs_move32(1, va >> 32),
        cs_move32(2, count),
        store ? cs_store_multiple(4, 1, 0, 0) : cs_load_multiple(4, 1, 0, 0),
        cs_add_imm64(0, 0, stride),
        cs_add_imm32(2, 2, -1),
        cs_branch(CS_COND_GT, 2, -4),
        for_ever ? cs_branch(CS_COND_ALWAYS, 0, -8) : cs_wait(1 << 0),
        cs_move48(0, b->out.va),
        cs_move32(2, 1),
        cs_store_multiple(2, 1, 0, 0),
    };

    qtest_writel(b->gpu.qts, b->out.pa, 0);
    mali_csf_bench_call(b, words, ARRAY_SIZE(words));
    if (!for_ever) {
        g_assert(mali_csf_wait_mem(&b->gpu, b->out.pa, ~0u, 1,
                                   1000 * MALI_CSF_MS));
    }
}

#define BLOCK_TABLES    128
#define DIRTY_PAGES     4000

/* What a VM_BIND does that unmaps 65,536 blocks, of which some are dirty */
static void test_checker_unmap_blocks(void)
{
    const uint64_t stride = BLOCK_TABLES * GiB / DIRTY_PAGES /
                            MALI_CSF_BLOCK_2M * MALI_CSF_BLOCK_2M;
    Cost cost = { };
    QMaliCsfBench b;
    uint64_t pa;

    mali_csf_bench_init(&b, REPORT_ARGS);
    pa = mali_csf_alloc(&b.gpu, MALI_CSF_BLOCK_2M, MALI_CSF_BLOCK_2M);
    mali_csf_vm_enable(&b.vm);
    for (unsigned i = 0; i < checker_rounds(); i++) {
        cost_lock(&b, &cost, i, WIDE, BLOCK_TABLES * GiB);
        fill_tables(&b.vm, BLOCK_TABLES, 2, mali_csf_leaf(pa, 2, 0));
        cost_flush_unlock(&b, &cost, i);
        start_accesses(&b, WIDE, stride, DIRTY_PAGES, true, false);
        cost_lock(&b, &cost, i, WIDE, BLOCK_TABLES * GiB);
        fill_tables(&b.vm, BLOCK_TABLES, 2, 0);
        cost_flush_unlock(&b, &cost, i);
    }
    cost_done("checker-unmap-blocks", &cost, ORDINARY_STEPS);
    assert_silent(&b);

    /* It was looked at: without the clean, a line is lost. */
    cost_lock(&b, &cost, 0, WIDE, BLOCK_TABLES * GiB);
    fill_tables(&b.vm, BLOCK_TABLES, 2, mali_csf_leaf(pa, 2, 0));
    cost_flush_unlock(&b, &cost, 0);
    start_accesses(&b, WIDE, stride, DIRTY_PAGES, true, false);
    cost_lock(&b, &cost, 0, WIDE, BLOCK_TABLES * GiB);
    fill_tables(&b.vm, BLOCK_TABLES, 2, 0);
    cost_command(&b, &cost, 0, AS_COMMAND_UNLOCK);
    cost_lock(&b, &cost, 0, WIDE, BLOCK_TABLES * GiB);
    g_assert_cmpuint(found(&b, "dirty-line-lost"), ==, 1);
    g_assert_cmpuint(found(&b, "unlock-without-flush"), ==, 1);
    mali_csf_bench_quit(&b);
}

#define PAGE_TABLES     512

/* 1 GiB of pages is mapped, unmapped one by one, mapped, unmapped at once. */
static void test_checker_pages(void)
{
    Cost map = { }, unmap = { }, unlink = { };
    uint64_t links[TABLE_PAGES], none[TABLE_PAGES] = { };
    uint64_t pa, addr;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, REPORT_ARGS);
    pa = mali_csf_alloc(&b.gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    fill_tables(&b.vm, PAGE_TABLES, 3, 0);
    addr = mali_csf_pte_addr(&b.vm, WIDE, 2);
    qtest_memread(b.gpu.qts, addr, links, sizeof(links));
    qtest_memwrite(b.gpu.qts, addr, none, sizeof(none));
    mali_csf_vm_enable(&b.vm);
    for (unsigned i = 0; i < checker_rounds(); i++) {
        for (unsigned at_once = 0; at_once < 2; at_once++) {
            qtest_memwrite(b.gpu.qts, addr, links, sizeof(links));
            fill_tables(&b.vm, PAGE_TABLES, 3, mali_csf_leaf(pa, 3, 0));
            qtest_memwrite(b.gpu.qts, addr, none, sizeof(none));
            cost_lock(&b, &map, i, WIDE, GiB);
            qtest_memwrite(b.gpu.qts, addr, links, sizeof(links));
            cost_flush_unlock(&b, &map, i);
            cost_lock(&b, &map, i, WIDE, GiB);
            if (at_once) {
                qtest_memwrite(b.gpu.qts, addr, none, sizeof(none));
            } else {
                fill_tables(&b.vm, PAGE_TABLES, 3, 0);
            }
            cost_flush_unlock(&b, at_once ? &unlink : &unmap, i);
        }
    }
    cost_done("checker-map-pages", &map, ORDINARY_STEPS);
    cost_done("checker-unmap-pages", &unmap, ORDINARY_STEPS);
    cost_done("checker-unmap-tables", &unlink, ORDINARY_STEPS);
    assert_silent(&b);
    mali_csf_bench_quit(&b);
}

/* @tables of 512 pages each, which lie in the same page of RAM if @shared */
static void link_tables(QMaliCsfVm *vm, unsigned tables, bool shared)
{
    uint64_t page = mali_csf_alloc(vm->gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    uint64_t leaf = mali_csf_leaf(page, 3, 0);
    uint64_t words[TABLE_PAGES] = { };
    uint64_t table = mali_csf_alloc(vm->gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);

    for (unsigned i = 0; i < TABLE_PAGES; i++) {
        words[i] = cpu_to_le64(leaf);
    }
    qtest_memwrite(vm->gpu->qts, table, words, sizeof(words));
    if (!shared) {
        fill_tables(vm, tables, 3, leaf);
        return;
    }
    for (unsigned i = 0; i < tables; i += TABLE_PAGES) {
        for (unsigned j = 0; j < TABLE_PAGES; j++) {
            words[j] = i + j < tables ? cpu_to_le64(mali_csf_table(table)) : 0;
        }
        qtest_memwrite(vm->gpu->qts,
                       mali_csf_pte_addr(vm, WIDE + i * MALI_CSF_BLOCK_2M, 2),
                       words, sizeof(words));
    }
}

/* A stream uses two stale translations for ever, beside so many tables. */
static void check_stale(const char *name, unsigned tables, bool shared,
                        uint64_t most)
{
    Cost cost = { };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, REPORT_ARGS);
    link_tables(&b.vm, tables, shared);
    mali_csf_map(&b.vm, VA, mali_csf_alloc(&b.gpu, MALI_CSF_PAGE,
                                           MALI_CSF_PAGE), MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, VA + MALI_CSF_PAGE, b.out.pa, MALI_CSF_PAGE, 0);
    mali_csf_vm_enable(&b.vm);
    start_accesses(&b, VA, MALI_CSF_PAGE, 2, false, true);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    mali_csf_unmap(&b.vm, VA, MALI_CSF_PAGE);
    mali_csf_unmap(&b.vm, VA + MALI_CSF_PAGE, MALI_CSF_PAGE);
    for (unsigned i = 0; i < checker_rounds(); i++) {
        cost_slices(&b, &cost, i, 1);
        /* What the copy has is not looked for again. */
        if (i) {
            g_assert_cmpuint(cost.steps, <=, most);
        }
    }
    cost_done(name, &cost, most);
    g_assert_cmpuint(found(&b, "stale-translation-used"), >, 0);
    mali_csf_bench_quit(&b);
}

static void test_checker_stale(void)
{
    check_stale("checker-stale", 513, false, 32);
    check_stale("checker-stale-many", 3500, true, 32);
}

/*
 * Each load of a stream needs a walk, and finds tables of which each entry
 * has changed.
 */
static void test_checker_refill(void)
{
    Cost cost = { };
    QMaliCsfBench b;
    uint64_t pages[2];

    mali_csf_bench_init(&b, REPORT_ARGS);
    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
        pages[i] = mali_csf_alloc(&b.gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    }
    fill_tables(&b.vm, PAGE_TABLES, 3, mali_csf_leaf(pages[0], 3, 0));
    mali_csf_vm_enable(&b.vm);
    start_accesses(&b, WIDE, MALI_CSF_BLOCK_2M, PAGE_TABLES, false, true);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    for (unsigned i = 0; i < checker_rounds(); i++) {
        fill_tables(&b.vm, PAGE_TABLES, 3,
                    mali_csf_leaf(pages[(i + 1) % 2], 3, 0));
        cost_slices(&b, &cost, i, 1);
    }
    cost_done("checker-refill", &cost, MOST_STEPS);
    g_assert_cmpuint(found(&b, "change-outside-lock"), >, 0);
    mali_csf_bench_quit(&b);
}

/* Tables that refer to themselves: in force, and while they are changed */
static void test_checker_self_reference(void)
{
    Cost update = { }, flush = { };
    uint64_t self[TABLE_PAGES], none[TABLE_PAGES] = { };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, REPORT_ARGS);
    for (unsigned i = 0; i < TABLE_PAGES; i++) {
        self[i] = cpu_to_le64(mali_csf_table(b.vm.root));
    }
    for (unsigned i = 0; i < checker_rounds(); i++) {
        qtest_memwrite(b.gpu.qts, b.vm.root + 64, self, sizeof(self) - 64);
        cost_command(&b, &update, i, AS_COMMAND_UPDATE);
        qtest_memwrite(b.gpu.qts, b.vm.root + 64, none, sizeof(none) - 64);
        cost_command(&b, &update, i, AS_COMMAND_UPDATE);
        cost_lock(&b, &flush, i, 0, 1ull << 48);
        qtest_memwrite(b.gpu.qts, b.vm.root + 64, self, sizeof(self) - 64);
        cost_flush_unlock(&b, &flush, i);
    }
    cost_done("checker-self-update", &update, MOST_STEPS);
    cost_done("checker-self-flush", &flush, MOST_STEPS);
    /* And once before the first UPDATE */
    g_assert_cmpuint(found(&b, "note-coverage-lost"), ==,
                     2 * checker_rounds() + 1);
    mali_csf_bench_quit(&b);
}

/*
 * As many tables as can be in each space, all of them locked or not; a flush
 * looks at what it has time for, and a reset forgets them all.
 */
static void check_spaces(const char *name, bool locked, unsigned tables,
                         uint64_t most)
{
    Cost cost = { }, reset = { };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, REPORT_ARGS);
    link_tables(&b.vm, tables, true);
    for (unsigned i = 0; i < checker_rounds(); i++) {
        for (unsigned as = 1; as < 8; as++) {
            mali_csf_as_enable(&b.gpu, as, b.vm.root);
            if (locked) {
                mali_csf_lock(&b.gpu, as, 47);
            }
        }
        cost_write(&b, &cost, i, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
        cost_write(&b, &cost, i, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
        cost_write(&b, &reset, i, A_GPU_COMMAND, GPU_COMMAND_RESET |
                   GPU_RESET_SOFT << R_GPU_COMMAND_PAYLOAD_SHIFT);
        mali_csf_l2_on(&b.gpu);
    }
    cost_done(name, &cost, most);
    /* Five spaces each time, and before the first UPDATE */
    g_assert_cmpuint(found(&b, "note-coverage-lost"), ==,
                     locked ? 10 * checker_rounds() + 1 : 0);
    mali_csf_bench_quit(&b);
}

static void test_checker_spaces(void)
{
    check_spaces("checker-flush-others", false, 513, ORDINARY_STEPS);
    check_spaces("checker-flush-locked", true, 3500, MOST_STEPS);
}

/* Every other page of as many as can be, each other of them dirty */
static void test_checker_scattered(void)
{
    uint64_t words[TABLE_PAGES] = { };
    const unsigned tables = 3500;
    Cost cost = { };
    QMaliCsfBench b;
    uint64_t page, table;

    mali_csf_bench_init(&b, REPORT_ARGS);
    page = mali_csf_alloc(&b.gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    link_tables(&b.vm, tables, true);
    table = mali_csf_get_pte(&b.vm, WIDE, 2) & MALI_CSF_PTE_ADDR_MASK;
    mali_csf_vm_enable(&b.vm);
    for (unsigned i = 0; i < checker_rounds(); i++) {
        start_accesses(&b, WIDE, 2 * MALI_CSF_PAGE, 4000, true, false);
        cost_lock(&b, &cost, i, WIDE, 8 * GiB);
        for (unsigned j = 0; j < TABLE_PAGES; j += 1 + (i % 2)) {
            words[j] = cpu_to_le64(mali_csf_leaf(page, 3, 0));
        }
        for (unsigned j = 0; i % 2 == 0 && j < TABLE_PAGES; j += 2) {
            words[j] = 0;
        }
        qtest_memwrite(b.gpu.qts, table, words, sizeof(words));
        cost_flush_unlock(&b, &cost, i);
        mali_csf_writel(&b.gpu, mali_csf_as_reg(1, A_AS_COMMAND),
                        AS_COMMAND_UPDATE);
        for (unsigned j = 0; j < TABLE_PAGES; j++) {
            words[j] = cpu_to_le64(mali_csf_leaf(page, 3, 0));
        }
        qtest_memwrite(b.gpu.qts, table, words, sizeof(words));
        mali_csf_writel(&b.gpu, mali_csf_as_reg(1, A_AS_COMMAND),
                        AS_COMMAND_UPDATE);
    }
    cost_done("checker-scattered", &cost, MOST_STEPS);
    g_assert_cmpuint(found(&b, "note-coverage-lost"), >, 0);
    mali_csf_bench_quit(&b);
}

/* What the device must not take for a result */
static void test_wrong(void)
{
    const char *badly = "size is no power of 2, or an address is not aligned";
    const struct {
        const char *row;
        uint64_t as;
        uint64_t size;
        const char *error;
    } cases[] = {
        { "no-such-row", 1, HIT_SIZE, "unknown row 'no-such-row'" },
        { "load-hit", 1, HIT_SIZE - 4, badly },
        { "load-hit", 99, HIT_SIZE, badly },
        /* Nothing is mapped behind the buffer. */
        { "load-hit", 1, 2 * HIT_SIZE, "no load at " },
        { "load-miss", 1, 2 * HIT_SIZE, "no load at " },
        { "lock", 99, HIT_SIZE, "no such address space" },
        { "slice", 1, HIT_SIZE, "no stream is ready" },
        { "switch", 1, 0, "no such address space, or code of a wrong size" },
        { "switch", 1, 8, "the stream is not in that buffer" },
        { "switch", 1, 16, "the code does not end in a branch" },
    };
    QMaliCsfBuffer buf;
    QMaliCsfBench b;
    char *error;

    mali_csf_bench_init(&b, BENCH_ARGS);
    buf = load_buffer(&b, HIT_SIZE);
    qtest_writeq(b.gpu.qts, buf.pa, cs_branch(CS_COND_ALWAYS, 0, -1));
    qtest_writeq(b.gpu.qts, buf.pa + 8, cs_move32(0, 0));
    set_number(&b.gpu, "count", 1000);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        set_number(&b.gpu, "as", cases[i].as);
        set_number(&b.gpu, "size", cases[i].size);
        error = try_row(&b.gpu, cases[i].row);
        g_assert_nonnull(error);
        g_assert_true(g_str_has_prefix(error, cases[i].error));
        g_free(error);
    }

    /* The bus has other words there than the GPU. */
    set_number(&b.gpu, "size", HIT_SIZE);
    set_number(&b.gpu, "pa", buf.pa + 64);
    error = try_row(&b.gpu, "load-hit");
    g_assert_true(g_str_has_prefix(error, "sum of the loads "));
    g_free(error);
    mali_csf_bench_quit(&b);
}

/* What account=on says of an access of the guest, a pass and a slice */
static void test_account(void)
{
    QMaliCsfBench b;
    uint64_t accesses, passes, slices;

    mali_csf_bench_init(&b, BENCH_ARGS ",account=on");
    start_mix(&b);
    accesses = bench_number(&b.gpu, "accesses");
    passes = bench_number(&b.gpu, "passes");
    slices = bench_number(&b.gpu, "slices");
    g_assert_cmpuint(passes, >, 0);
    g_assert_cmpuint(slices, ==, mali_csf_number(&b.gpu, "slice-count"));

    /* A read passes through, and counts as one. */
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_ID), ==, 0xa8670005);
    mali_csf_writel(&b.gpu, mali_csf_as_reg(1, A_AS_LOCKADDR_LO), 0x1234);
    g_assert_cmphex(mali_csf_readl(&b.gpu, mali_csf_as_reg(1,
                                                           A_AS_LOCKADDR_LO)),
                    ==, 0x1234);
    g_assert_cmpuint(bench_number(&b.gpu, "accesses"), ==,
                     accesses + 3);
    g_assert_cmpuint(bench_number(&b.gpu, "access-ns"), >, 0);
    g_assert_cmpuint(bench_number(&b.gpu, "slice-ns"), >, 0);
    g_assert_cmpuint(bench_number(&b.gpu, "pass-ns"), >, 0);
    mali_csf_bench_quit(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/mali-csf/bench/load-hit", test_load_hit);
    qtest_add_func("/mali-csf/bench/load-miss", test_load_miss);
    qtest_add_func("/mali-csf/bench/lock", test_lock);
    qtest_add_func("/mali-csf/bench/mix", test_mix);
    qtest_add_func("/mali-csf/bench/loads", test_loads);
    qtest_add_func("/mali-csf/bench/stores", test_stores);
    qtest_add_func("/mali-csf/bench/checker/unmap-blocks",
                   test_checker_unmap_blocks);
    qtest_add_func("/mali-csf/bench/checker/pages", test_checker_pages);
    qtest_add_func("/mali-csf/bench/checker/stale", test_checker_stale);
    qtest_add_func("/mali-csf/bench/checker/refill", test_checker_refill);
    qtest_add_func("/mali-csf/bench/checker/self-reference",
                   test_checker_self_reference);
    qtest_add_func("/mali-csf/bench/checker/spaces", test_checker_spaces);
    qtest_add_func("/mali-csf/bench/checker/scattered",
                   test_checker_scattered);
    qtest_add_func("/mali-csf/bench/wrong", test_wrong);
    qtest_add_func("/mali-csf/bench/account", test_account);
    return g_test_run();
}
