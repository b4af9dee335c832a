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
 * most of them are over before somebody else gets the CPU.
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

static uint64_t get_number(QMaliCsf *gpu, const char *path, const char *name)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'qom-get', 'arguments':"
                           " {'path': %s, 'property': %s}}", path, name);
    uint64_t value;

    g_assert(qdict_haskey(rsp, "return"));
    value = qdict_get_int(rsp, "return");
    qobject_unref(rsp);
    return value;
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
        units = get_number(gpu, BENCH_PATH, "instructions") ?: count;
        ns[i] = get_number(gpu, BENCH_PATH, "ns") / units;
        reference[i] = get_number(gpu, BENCH_PATH, "reference-ns") / units;
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
    misses = get_number(&b.gpu, MALI_CSF_QOM_PATH, "tlb-misses");
    measure(&b.gpu, "load-hit", "load-hit", count);
    g_assert_cmpuint(get_number(&b.gpu, MALI_CSF_QOM_PATH, "tlb-misses"), ==,
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
    misses = get_number(&b.gpu, MALI_CSF_QOM_PATH, "tlb-misses");
    measure(&b.gpu, "load-miss", "load-miss", count);
    g_assert_cmpuint(get_number(&b.gpu, MALI_CSF_QOM_PATH, "tlb-misses"), ==,
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
    found = get_number(&b.gpu, MALI_CSF_QOM_PATH, "violations");
    mali_csf_set_pte(&b.vm, VA + tables * MALI_CSF_BLOCK_2M - MALI_CSF_PAGE,
                     3, 0);
    measure(&b.gpu, "lock", NULL, 1);
    g_assert_cmpuint(get_number(&b.gpu, MALI_CSF_QOM_PATH, "violations"), ==,
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

    hits = get_number(&b.gpu, MALI_CSF_QOM_PATH, "tlb-hits");
    measure(&b.gpu, "slice", name, count);
    /* Nearly all of a slice's weight goes into accesses, of 4 each. */
    hits = get_number(&b.gpu, MALI_CSF_QOM_PATH, "tlb-hits") - hits;
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
    accesses = get_number(&b.gpu, BENCH_PATH, "accesses");
    passes = get_number(&b.gpu, BENCH_PATH, "passes");
    slices = get_number(&b.gpu, BENCH_PATH, "slices");
    g_assert_cmpuint(passes, >, 0);
    g_assert_cmpuint(slices, ==, get_number(&b.gpu, MALI_CSF_QOM_PATH,
                                            "slice-count"));

    /* A read passes through, and counts as one. */
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_ID), ==, 0xa8670005);
    mali_csf_writel(&b.gpu, mali_csf_as_reg(1, A_AS_LOCKADDR_LO), 0x1234);
    g_assert_cmphex(mali_csf_readl(&b.gpu, mali_csf_as_reg(1,
                                                           A_AS_LOCKADDR_LO)),
                    ==, 0x1234);
    g_assert_cmpuint(get_number(&b.gpu, BENCH_PATH, "accesses"), ==,
                     accesses + 3);
    g_assert_cmpuint(get_number(&b.gpu, BENCH_PATH, "access-ns"), >, 0);
    g_assert_cmpuint(get_number(&b.gpu, BENCH_PATH, "slice-ns"), >, 0);
    g_assert_cmpuint(get_number(&b.gpu, BENCH_PATH, "pass-ns"), >, 0);
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
    qtest_add_func("/mali-csf/bench/wrong", test_wrong);
    qtest_add_func("/mali-csf/bench/account", test_account);
    return g_test_run();
}
