/*
 * QTest for the Arm Mali CSF GPU: times and orders that a seed chooses
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-migration.h"

#define ROUNDS      24
#define AS          2
#define QUEUES      4
/* Where the queues count whose turn it was */
#define COUNTER     0x100

typedef struct Perturbed {
    QMaliCsfBench b;
    QMaliCsfGroup group;
} Perturbed;

/* What one round came to: a time in ns, or an order */
typedef uint64_t Round(Perturbed *p);

typedef struct Kind {
    const char *name;
    Round *round;
    /* A round can be late twice, or more often. */
    unsigned times;
    uint64_t bound;
} Kind;

/* Go on from timer to timer until that is so; returns how long it took */
static uint64_t until(Perturbed *p, bool (*done)(Perturbed *p))
{
    int64_t start = p->b.gpu.now;

    while (!done(p)) {
        p->b.gpu.now = qtest_clock_step_next(p->b.gpu.qts);
        g_assert_cmpint(p->b.gpu.now - start, <, MALI_CSF_TIMEOUT);
    }
    return p->b.gpu.now - start;
}

static bool command_done(Perturbed *p)
{
    return !mali_csf_readl(&p->b.gpu, mali_csf_as_reg(AS, A_AS_STATUS));
}

static uint64_t command(Perturbed *p, uint32_t code)
{
    mali_csf_writel(&p->b.gpu, mali_csf_as_reg(AS, A_AS_COMMAND), code);
    return until(p, command_done);
}

static uint64_t update(Perturbed *p)
{
    return command(p, AS_COMMAND_UPDATE);
}

static uint64_t lock(Perturbed *p)
{
    uint64_t ns = command(p, AS_COMMAND_LOCK);

    command(p, AS_COMMAND_UNLOCK);
    return ns;
}

static uint64_t unlock(Perturbed *p)
{
    command(p, AS_COMMAND_LOCK);
    return command(p, AS_COMMAND_UNLOCK);
}

static uint64_t flush_as(Perturbed *p)
{
    uint64_t ns;

    command(p, AS_COMMAND_LOCK);
    ns = command(p, AS_COMMAND_FLUSH_MEM);
    command(p, AS_COMMAND_UNLOCK);
    return ns;
}

static bool flush_done(Perturbed *p)
{
    return mali_csf_readl(&p->b.gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT) &
           R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK;
}

static uint64_t flush_gpu(Perturbed *p)
{
    mali_csf_writel(&p->b.gpu, A_GPU_INT + MALI_CSF_INT_CLEAR, ~0u);
    mali_csf_writel(&p->b.gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    return until(p, flush_done);
}

static bool line_high(Perturbed *p)
{
    return qtest_get_irq(p->b.gpu.qts, MALI_CSF_SPI_MMU);
}

static uint64_t interrupt(Perturbed *p)
{
    const uint32_t mmu = MALI_CSF_MMU_BASE;
    uint64_t ns;

    mali_csf_writel(&p->b.gpu, mmu + MALI_CSF_INT_CLEAR, ~0u);
    mali_csf_writel(&p->b.gpu, mmu + MALI_CSF_INT_MASK, ~0u);
    mali_csf_writel(&p->b.gpu, mmu + MALI_CSF_INT_RAWSTAT,
                    MALI_CSF_MMU_INT_FAULT(3));
    g_assert_cmphex(mali_csf_readl(&p->b.gpu, mmu + MALI_CSF_INT_STAT), ==,
                    MALI_CSF_MMU_INT_FAULT(3));
    ns = until(p, line_high);
    mali_csf_writel(&p->b.gpu, mmu + MALI_CSF_INT_CLEAR, ~0u);
    g_assert_false(line_high(p));
    return ns;
}

static bool pinged(Perturbed *p)
{
    return !((qtest_readl(p->b.gpu.qts, p->b.gpu.glb_in + GLB_REQ) ^
              qtest_readl(p->b.gpu.qts, p->b.gpu.glb_out + GLB_ACK)) &
             GLB_PING);
}

static uint64_t ping(Perturbed *p)
{
    uint64_t req = p->b.gpu.glb_in + GLB_REQ;

    qtest_writel(p->b.gpu.qts, req, qtest_readl(p->b.gpu.qts, req) ^ GLB_PING);
    mali_csf_doorbell(&p->b.gpu, 0);
    return until(p, pinged);
}

static bool job_done(Perturbed *p)
{
    return mali_csf_queue_extract(p->b.queue) == p->b.queue->insert;
}

static uint64_t job(Perturbed *p, const uint64_t *words, unsigned count)
{
    mali_csf_queue_submit(p->b.queue, words, count);
    return until(p, job_done);
}

static uint64_t nothing(Perturbed *p)
{
    const uint64_t words[] = { cs_nop() };

    return job(p, words, ARRAY_SIZE(words));
}

static uint64_t work(Perturbed *p)
{
    const uint64_t words[] = { cs_run_tiling(0), cs_wait(0xff) };

    return job(p, words, ARRAY_SIZE(words));
}

/* Whose turn it was first, second, ...: four bits each */
static uint64_t turns(Perturbed *p)
{
    QMaliCsf *gpu = &p->b.gpu;
    uint64_t out = p->b.out.va;
    uint64_t order = 0;

    qtest_writel(gpu->qts, p->b.out.pa + COUNTER, 0);
    for (unsigned i = 0; i < QUEUES; i++) {
        const uint64_t words[] = {
            cs_move48(0, out + COUNTER),
            cs_load_multiple(4, 1, 0, 0),
            cs_wait(0xff),
            cs_add_imm32(4, 4, 1),
            cs_store_multiple(4, 1, 0, 0),
            cs_move48(0, out + 4 * i),
            cs_store_multiple(4, 1, 0, 0),
            cs_wait(0xff),
        };

        mali_csf_queue_submit(&p->group.queue[i], words, ARRAY_SIZE(words));
    }
    for (unsigned i = 0; i < QUEUES; i++) {
        g_assert(mali_csf_queue_wait(&p->group.queue[i], MALI_CSF_TIMEOUT));
        order |= (uint64_t)mali_csf_bench_out(&p->b, 4 * i) << 4 * i;
    }
    return order;
}

static const Kind kinds[] = {
    { "as-update", update, 1, 4 * MALI_CSF_MS },
    { "as-lock", lock, 1, 4 * MALI_CSF_MS },
    { "as-unlock", unlock, 1, 4 * MALI_CSF_MS },
    { "as-flush", flush_as, 1, 4 * MALI_CSF_MS },
    { "gpu-flush", flush_gpu, 1, 4 * MALI_CSF_MS },
    { "irq", interrupt, 1, MALI_CSF_MS },
    { "doorbell", ping, 1, 4 * MALI_CSF_MS },
    { "slice", nothing, 2, 4 * MALI_CSF_MS },
    { "fw-pass", nothing, 2, 4 * MALI_CSF_MS },
    { "endpoint", work, 1, 4 * MALI_CSF_MS },
    { "turns", turns, 1, 0 },
};

/* As arguments of QEMU: @seed, and no kind but @kind, or none at all */
static char *arguments(uint64_t seed, const Kind *kind)
{
    GString *text = g_string_new("-global mali-csf.x-endpoint=null");

    g_string_append_printf(text, " -global mali-csf.x-seed=%" PRIu64, seed);
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (&kinds[i] != kind) {
            g_string_append_printf(text, " -global mali-csf.x-late-%s-ns=0",
                                   kinds[i].name);
        }
    }
    return g_string_free(text, false);
}

static void begin(Perturbed *p, const char *args)
{
    mali_csf_bench_init(&p->b, args);
    mali_csf_group_init(&p->b.vm, &p->group, QUEUES);
    mali_csf_group_start(&p->group, 1);
    mali_csf_intercept_irqs(&p->b.gpu);
    mali_csf_run(&p->b.gpu, LONG_ENOUGH);
}

static void rounds(Perturbed *p, Round *round, uint64_t *trace, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        trace[i] = round(p);
        mali_csf_run(&p->b.gpu, LONG_ENOUGH);
    }
}

static void record(const char *args, Round *round, uint64_t *trace)
{
    Perturbed p;

    begin(&p, args);
    rounds(&p, round, trace, ROUNDS);
    mali_csf_bench_quit(&p.b);
}

/* The same seed, the same trace; another seed, another one; no seed, as ever */
static void test_seed(const void *data)
{
    const Kind *kind = data;
    g_autofree char *one = arguments(1, kind);
    g_autofree char *two = arguments(2, kind);
    g_autofree char *none = arguments(0, kind);
    uint64_t first[ROUNDS], again[ROUNDS], other[ROUNDS], off[ROUNDS];
    unsigned different = 0;

    record(one, kind->round, first);
    record(one, kind->round, again);
    record(two, kind->round, other);
    record(none, kind->round, off);
    g_assert_cmpmem(first, sizeof(first), again, sizeof(again));
    g_assert_cmpint(memcmp(first, other, sizeof(first)), !=, 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        different += first[i] != off[i];
        if (kind->bound) {
            g_assert_cmpuint(first[i], >=, off[i]);
            g_assert_cmpuint(first[i] - off[i], <=,
                             kind->times * kind->bound + MALI_CSF_MS / 10);
        }
    }
    /* Half of them, more or less, but where others would come first */
    g_assert_cmpuint(different, >=, ROUNDS / 8);
}

/* With a seed and all kinds off, nothing changes. */
static void test_off(void)
{
    g_autofree char *one = arguments(1, NULL);
    uint64_t off[ROUNDS], plain[ROUNDS];

    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        record(one, kinds[i].round, off);
        record("-global mali-csf.x-endpoint=null", kinds[i].round, plain);
        g_assert_cmpmem(off, sizeof(off), plain, sizeof(plain));
    }
}

/* On the other side it goes on where it was. */
static void test_migration(const void *data)
{
    const Kind *kind = data;
    g_autofree char *args = arguments(3, kind);
    uint64_t whole[ROUNDS], parts[ROUNDS];
    Perturbed p;

    record(args, kind->round, whole);
    begin(&p, args);
    rounds(&p, kind->round, parts, ROUNDS / 2);
    save_and_load_in(&p.b.gpu, args);
    mali_csf_intercept_irqs(&p.b.gpu);
    rounds(&p, kind->round, parts + ROUNDS / 2, ROUNDS - ROUNDS / 2);
    mali_csf_bench_quit(&p.b);
    g_assert_cmpmem(whole, sizeof(whole), parts, sizeof(parts));
}

/* A line that is to rise yet does so on the other side. */
static void test_migration_late_line(void)
{
    g_autofree char *args = arguments(1, &kinds[5]);
    const uint32_t mmu = MALI_CSF_MMU_BASE;
    Perturbed p;

    g_assert_cmpstr(kinds[5].name, ==, "irq");
    begin(&p, args);
    mali_csf_writel(&p.b.gpu, mmu + MALI_CSF_INT_MASK, ~0u);
    do {
        mali_csf_writel(&p.b.gpu, mmu + MALI_CSF_INT_CLEAR, ~0u);
        mali_csf_writel(&p.b.gpu, mmu + MALI_CSF_INT_RAWSTAT, 1);
    } while (line_high(&p));
    save_and_load_in(&p.b.gpu, args);
    mali_csf_intercept_irqs(&p.b.gpu);
    g_assert_false(line_high(&p));
    mali_csf_run(&p.b.gpu, MALI_CSF_MS);
    g_assert_true(line_high(&p));
    mali_csf_bench_quit(&p.b);
}

/* One that is masked before it has risen never does. */
static void test_masked(void)
{
    g_autofree char *args = arguments(1, &kinds[5]);
    const uint32_t mmu = MALI_CSF_MMU_BASE;
    Perturbed p;

    begin(&p, args);
    do {
        mali_csf_writel(&p.b.gpu, mmu + MALI_CSF_INT_CLEAR, ~0u);
        mali_csf_writel(&p.b.gpu, mmu + MALI_CSF_INT_MASK, ~0u);
        mali_csf_writel(&p.b.gpu, mmu + MALI_CSF_INT_RAWSTAT, 1);
    } while (line_high(&p));
    mali_csf_writel(&p.b.gpu, mmu + MALI_CSF_INT_MASK, 0);
    mali_csf_run(&p.b.gpu, LONG_ENOUGH);
    g_assert_false(line_high(&p));
    mali_csf_bench_quit(&p.b);
}

/* Up to a time of the virtual clock a seed makes a difference, then none. */
static void test_until(void)
{
    const Kind *kind = &kinds[0];
    g_autofree char *seeded = arguments(1, kind);
    g_autofree char *plain = arguments(0, kind);
    g_autofree char *until_ns = NULL;
    uint64_t with[ROUNDS], without[ROUNDS], first[ROUNDS], rest[ROUNDS];
    Perturbed p;

    record(seeded, kind->round, with);
    record(plain, kind->round, without);
    begin(&p, seeded);
    rounds(&p, kind->round, first, ROUNDS / 2);
    until_ns = g_strdup_printf("%s -global mali-csf.x-seed-until-ns=%" PRId64,
                               seeded, p.b.gpu.now);
    mali_csf_bench_quit(&p.b);

    begin(&p, until_ns);
    rounds(&p, kind->round, first, ROUNDS / 2);
    rounds(&p, kind->round, rest, ROUNDS / 2);
    mali_csf_bench_quit(&p.b);
    g_assert_cmpmem(first, ROUNDS / 2 * sizeof(*first),
                    with, ROUNDS / 2 * sizeof(*with));
    g_assert_cmpmem(rest, ROUNDS / 2 * sizeof(*rest),
                    without, ROUNDS / 2 * sizeof(*without));
    g_assert(memcmp(first, without, ROUNDS / 2 * sizeof(*first)));
    g_assert(memcmp(rest, with + ROUNDS / 2, ROUNDS / 2 * sizeof(*rest)));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        g_autofree char *seed = g_strdup_printf("/mali-csf/perturb/seed/%s",
                                                kinds[i].name);
        g_autofree char *migration = g_strdup_printf(
            "/mali-csf/perturb/migration/%s", kinds[i].name);

        qtest_add_data_func(seed, &kinds[i], test_seed);
        qtest_add_data_func(migration, &kinds[i], test_migration);
    }
    qtest_add_func("/mali-csf/perturb/off", test_off);
    qtest_add_func("/mali-csf/perturb/until", test_until);
    qtest_add_func("/mali-csf/perturb/migration/late-line",
                   test_migration_late_line);
    qtest_add_func("/mali-csf/perturb/masked", test_masked);
    return g_test_run();
}
