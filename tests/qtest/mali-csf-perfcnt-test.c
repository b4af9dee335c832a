/*
 * QTest for the performance counters of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)

#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define JOB_CLEAR       (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR)

#define BLOCK_SIZE      256
/* Firmware, 8 slots, front end, tiler, MMU, and the four cores of a G610 */
enum {
    FW, CSG, CSF = CSG + 8, TILER, MMU_L2, SHADER, NUM_BLOCKS = SHADER + 4,
};
#define SAMPLE_SIZE     (NUM_BLOCKS * BLOCK_SIZE)

#define EVENTS          (GLB_PERFCNT_THRESHOLD | GLB_PERFCNT_OVERFLOW)

typedef struct PerfBench {
    QMaliCsfBench b;
    QMaliCsf *gpu;
    QMaliCsfBuffer ring;
} PerfBench;

/* Counters with a ring of @slots samples in address space 1 */
static void enable(PerfBench *p, unsigned slots, uint32_t mask)
{
    static const uint32_t masks[] = {
        GLB_PRFCNT_FW_EN, GLB_PRFCNT_CSG_EN, GLB_PRFCNT_CSF_EN,
        GLB_PRFCNT_TILER_EN, GLB_PRFCNT_MMU_L2_EN, GLB_PRFCNT_SHADER_EN,
    };
    QTestState *qts = p->gpu->qts;
    uint64_t in = p->gpu->glb_in;

    qtest_writel(qts, in + GLB_PRFCNT_JASID, 1);
    qtest_writeq(qts, in + GLB_PRFCNT_BASE, p->ring.va);
    qtest_writel(qts, in + GLB_PRFCNT_EXTRACT, 0);
    qtest_writel(qts, in + GLB_PRFCNT_CONFIG, slots);
    for (int i = 0; i < ARRAY_SIZE(masks); i++) {
        qtest_writel(qts, in + masks[i], mask);
    }
    mali_csf_update(p->gpu, in + GLB_ACK_IRQ_MASK, ~0u, EVENTS);
    mali_csf_glb_request(p->gpu, GLB_PERFCNT_EN, GLB_PERFCNT_EN);
}

static void init(PerfBench *p)
{
    mali_csf_bench_init(&p->b, NULL);
    p->gpu = &p->b.gpu;
    p->ring = mali_csf_vm_alloc(&p->b.vm, 4 * SAMPLE_SIZE);
    mali_csf_run(p->gpu, LONG_ENOUGH);
    mali_csf_ack_events(p->gpu);
}

static void sample(PerfBench *p)
{
    mali_csf_glb_toggle(p->gpu, GLB_PERFCNT_SAMPLE);
}

static uint32_t word(PerfBench *p, unsigned slot, unsigned block, unsigned i)
{
    return qtest_readl(p->gpu->qts, p->ring.pa + slot * SAMPLE_SIZE +
                       block * BLOCK_SIZE + i * 4);
}

static uint32_t insert(PerfBench *p)
{
    return qtest_readl(p->gpu->qts, p->gpu->glb_out + GLB_PRFCNT_INSERT);
}

static uint32_t events(PerfBench *p)
{
    return (qtest_readl(p->gpu->qts, p->gpu->glb_in + GLB_REQ) ^
            qtest_readl(p->gpu->qts, p->gpu->glb_out + GLB_ACK)) & EVENTS;
}

static void ack_events(PerfBench *p)
{
    mali_csf_update(p->gpu, p->gpu->glb_in + GLB_REQ,
                    qtest_readl(p->gpu->qts, p->gpu->glb_out + GLB_ACK),
                    EVENTS);
}

static uint64_t property(PerfBench *p, const char *name)
{
    return mali_csf_number(p->gpu, name);
}

static void test_size(void)
{
    PerfBench p;

    init(&p);
    g_assert_cmphex(qtest_readl(p.gpu->qts, p.gpu->shared_pa +
                                GLB_CONTROL_PRFCNT_SIZE), ==,
                    CSF << 16 | (NUM_BLOCKS - CSF));
    mali_csf_bench_quit(&p.b);
}

/* Counts against what the device's properties and the test itself know */
static void test_counts(void)
{
    const uint64_t run[] = {
        cs_set_sb_entry(1, 0),
        cs_opcode(CS_OP_RUN_COMPUTE), cs_opcode(CS_OP_RUN_COMPUTE),
        cs_opcode(CS_OP_RUN_FRAGMENT),
        cs_opcode(CS_OP_RUN_IDVS), cs_opcode(CS_OP_FINISH_TILING),
        cs_wait(2),
    };
    uint64_t instructions, slices, hits, misses;
    PerfBench p;

    init(&p);
    instructions = property(&p, "instruction-count");
    slices = property(&p, "slice-count");
    hits = property(&p, "tlb-hits");
    misses = property(&p, "tlb-misses");
    enable(&p, 4, ~0u);
    g_assert_cmpuint(insert(&p), ==, 0);

    mali_csf_queue_exec(p.b.queue, run, ARRAY_SIZE(run));
    mali_csf_flush_caches(p.gpu, MALI_CSF_FLUSH_ALL);
    g_assert_cmphex(mali_csf_bench_load(&p.b, p.b.out.va), ==, 0);
    mali_csf_run(p.gpu, LONG_ENOUGH);
    instructions = property(&p, "instruction-count") - instructions;
    slices = property(&p, "slice-count") - slices;
    g_assert_cmpuint(instructions, >, 8);
    sample(&p);
    hits = property(&p, "tlb-hits") - hits;
    misses = property(&p, "tlb-misses") - misses;

    g_assert_cmpuint(insert(&p), ==, 1);
    g_assert_cmpuint(word(&p, 0, CSF, 5), ==, instructions);
    g_assert_cmpuint(word(&p, 0, CSF, 6), ==, slices);
    /* More than 20 ms of 1 GHz, and the same in every block */
    g_assert_cmpuint(word(&p, 0, CSF, 4), >, 10000000);
    g_assert_cmpuint(word(&p, 0, CSF, 4), <, 200000000);
    g_assert_cmpuint(word(&p, 0, TILER, 4), ==, word(&p, 0, CSF, 4));
    g_assert_cmpuint(word(&p, 0, TILER, 5), ==, 2);
    /* The passes before ENABLE and of the sample itself differ. */
    g_assert_cmpuint(word(&p, 0, MMU_L2, 5), >, hits / 2);
    g_assert_cmpuint(word(&p, 0, MMU_L2, 5), <=, hits);
    g_assert_cmpuint(word(&p, 0, MMU_L2, 6), >, 2);
    g_assert_cmpuint(word(&p, 0, MMU_L2, 6), <=, misses);
    g_assert_cmpuint(word(&p, 0, MMU_L2, 7), ==, 0);
    g_assert_cmpuint(word(&p, 0, MMU_L2, 8), ==, 0);
    g_assert_cmpuint(word(&p, 0, MMU_L2, 9), ==, 1);
    for (int i = SHADER; i < NUM_BLOCKS; i++) {
        g_assert_cmpuint(word(&p, 0, i, 5), ==, 2);
        g_assert_cmpuint(word(&p, 0, i, 6), ==, 1);
        g_assert_cmphex(word(&p, 0, i, 2), ==, ~0u);
        g_assert_cmpuint(word(&p, 0, i, 3), ==, i);
    }
    /* Passes and doorbells: one at least for each of the jobs */
    g_assert_cmpuint(word(&p, 0, FW, 4), >, 3);
    g_assert_cmpuint(word(&p, 0, FW, 6), ==, 3);

    /* The next sample has what came after this one. */
    sample(&p);
    g_assert_cmpuint(insert(&p), ==, 2);
    g_assert_cmpuint(word(&p, 1, CSF, 5), ==, 0);
    g_assert_cmpuint(word(&p, 1, TILER, 5), ==, 0);
    g_assert_cmpuint(word(&p, 1, FW, 6), ==, 1);
    g_assert_cmphex(word(&p, 1, CSF, 0) + ((uint64_t)word(&p, 1, CSF, 1)
                                           << 32), >,
                    word(&p, 0, CSF, 0) + ((uint64_t)word(&p, 0, CSF, 1)
                                           << 32));
    mali_csf_bench_quit(&p.b);
}

/* What each slot's groups have done, if they are selected */
static void test_groups(void)
{
    const uint64_t run[] = {
        cs_opcode(CS_OP_RUN_COMPUTE), cs_opcode(CS_OP_RUN_COMPUTE),
        cs_opcode(CS_OP_RUN_COMPUTE), cs_opcode(CS_OP_RUN_FRAGMENT),
        cs_opcode(CS_OP_RUN_FRAGMENT), cs_opcode(CS_OP_RUN_TILING),
    };
    const uint64_t wild[] = { cs_opcode(0xee) };
    QMaliCsfGroup group;
    PerfBench p;

    init(&p);
    mali_csf_group_init(&p.b.vm, &group, 1);
    mali_csf_group_start(&group, 3);
    qtest_writel(p.gpu->qts, p.gpu->glb_in + GLB_PRFCNT_CSG_SELECT, 0xf7);
    enable(&p, 4, ~0u);
    mali_csf_queue_exec(p.b.queue, run, ARRAY_SIZE(run));
    mali_csf_queue_submit(&group.queue[0], wild, ARRAY_SIZE(wild));
    mali_csf_run(p.gpu, LONG_ENOUGH);
    sample(&p);
    g_assert_cmpuint(word(&p, 0, CSG, 4), ==, word(&p, 0, CSF, 4));
    g_assert_cmpuint(word(&p, 0, CSG, 5), ==, 8);
    g_assert_cmpuint(word(&p, 0, CSG, 6), ==, 3);
    g_assert_cmpuint(word(&p, 0, CSG, 7), ==, 2);
    g_assert_cmpuint(word(&p, 0, CSG, 8), ==, 1);
    g_assert_cmpuint(word(&p, 0, CSG, 9), ==, 0);
    g_assert_cmpuint(word(&p, 0, CSG, 3), ==, CSG);
    /* Not selected: no more than the header */
    g_assert_cmpuint(word(&p, 0, CSG + 3, 3), ==, CSG + 3);
    for (int i = 4; i < 10; i++) {
        g_assert_cmpuint(word(&p, 0, CSG + 3, i), ==, 0);
    }
    /* Words 8 to 11 only, of both */
    qtest_writel(p.gpu->qts, p.gpu->glb_in + GLB_PRFCNT_CSG_SELECT, 9);
    mali_csf_glb_request(p.gpu, 0, GLB_PERFCNT_EN);
    enable(&p, 4, 1 << 2);
    mali_csf_group_terminate(&group);
    mali_csf_ack_events(p.gpu);
    group.queue[0].insert = mali_csf_queue_extract(&group.queue[0]);
    mali_csf_group_start(&group, 3);
    mali_csf_queue_exec(p.b.queue, run, ARRAY_SIZE(run));
    mali_csf_run(p.gpu, LONG_ENOUGH);
    sample(&p);
    g_assert_cmpuint(word(&p, 0, CSG + 3, 4), ==, 0);
    g_assert_cmpuint(word(&p, 0, CSG + 3, 9), ==, 1);
    for (int i = 4; i < 8; i++) {
        g_assert_cmpuint(word(&p, 0, CSG, i), ==, 0);
    }
    g_assert_cmpuint(word(&p, 0, CSG, 8), ==, 1);
    g_assert_cmpuint(word(&p, 0, CSG, 9), ==, 0);
    mali_csf_bench_quit(&p.b);
}

/* A sample over protected mode says so. */
static void test_protected(void)
{
    const uint64_t region[] = { cs_prot_region(1), cs_nop() };
    const uint64_t status_of[] = { 0, 8, 0 };
    PerfBench p;

    init(&p);
    enable(&p, 4, ~0u);
    for (int i = 0; i < 3; i++) {
        if (i == 1) {
            mali_csf_queue_submit(p.b.queue, region, ARRAY_SIZE(region));
            mali_csf_run(p.gpu, LONG_ENOUGH);
            mali_csf_queue_ack_event(p.b.queue, CS_PROTM_PENDING);
            mali_csf_glb_toggle(p.gpu, GLB_PROTM_ENTER);
            g_assert(mali_csf_queue_wait(p.b.queue, MALI_CSF_TIMEOUT));
        }
        mali_csf_run(p.gpu, LONG_ENOUGH);
        sample(&p);
        g_assert_cmphex(qtest_readl(p.gpu->qts, p.gpu->glb_out +
                                    GLB_PRFCNT_STATUS), ==, status_of[i]);
    }
    mali_csf_bench_quit(&p.b);
}

static void test_counts_trouble(void)
{
    const uint64_t wild[] = { cs_opcode(0xee) };
    const uint64_t fault[] = {
        cs_error_barrier(),
        cs_move48(10, 2),
        cs_store_multiple(8, 1, 10, 0),
    };
    PerfBench p;

    init(&p);
    enable(&p, 4, ~0u);
    mali_csf_lock(p.gpu, 1, mali_csf_pack_region(p.b.out.va, 8));
    mali_csf_bench_submit_store(&p.b, p.b.out.va, 1);
    mali_csf_run(p.gpu, LONG_ENOUGH);
    mali_csf_unlock(p.gpu, 1);
    mali_csf_run(p.gpu, LONG_ENOUGH);
    for (int i = 0; i < 2; i++) {
        mali_csf_queue_submit(p.b.queue, fault, ARRAY_SIZE(fault));
        mali_csf_run(p.gpu, LONG_ENOUGH);
        mali_csf_queue_ack_event(p.b.queue, CS_EVENT_FAULT);
        mali_csf_run(p.gpu, LONG_ENOUGH);
    }
    mali_csf_queue_submit(p.b.queue, wild, ARRAY_SIZE(wild));
    mali_csf_run(p.gpu, LONG_ENOUGH);
    sample(&p);
    g_assert_cmpuint(word(&p, 0, MMU_L2, 7), ==, 1);
    g_assert_cmpuint(word(&p, 0, CSF, 7), ==, 2);
    g_assert_cmpuint(word(&p, 0, CSF, 8), ==, 1);
    mali_csf_bench_quit(&p.b);
}

/* Each bit of a mask stands for four counters; the header is always there. */
static void test_enable_mask(void)
{
    const uint64_t nops[8] = { 0 };
    PerfBench p;

    init(&p);
    /* Words 8 to 11 */
    enable(&p, 4, 1 << 2);
    mali_csf_queue_exec(p.b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_flush_caches(p.gpu, MALI_CSF_FLUSH_ALL);
    sample(&p);
    g_assert_cmphex(word(&p, 0, CSF, 2), ==, 1 << 2);
    g_assert_cmphex(word(&p, 0, CSF, 0) | word(&p, 0, CSF, 1), !=, 0);
    g_assert_cmpuint(word(&p, 0, CSF, 4), ==, 0);
    g_assert_cmpuint(word(&p, 0, CSF, 5), ==, 0);
    g_assert_cmpuint(word(&p, 0, MMU_L2, 6), ==, 0);
    g_assert_cmpuint(word(&p, 0, MMU_L2, 9), ==, 1);
    mali_csf_bench_quit(&p.b);
}

/* Half full, full, no room; then the host takes some away */
static void test_ring(void)
{
    const uint64_t nops[8] = { 0 };
    PerfBench p;
    uint32_t first;

    init(&p);
    enable(&p, 4, ~0u);
    mali_csf_writel(p.gpu, JOB_CLEAR, ~0u);
    sample(&p);
    g_assert_cmphex(events(&p), ==, 0);
    g_assert_cmphex(mali_csf_readl(p.gpu, JOB_RAWSTAT), ==, 0);
    sample(&p);
    g_assert_cmphex(events(&p), ==, GLB_PERFCNT_THRESHOLD);
    g_assert_cmphex(mali_csf_readl(p.gpu, JOB_RAWSTAT), ==,
                    JOB_INT_GLOBAL_IF);
    sample(&p);
    /* Pending, it is not raised again: that would take it back. */
    g_assert_cmphex(events(&p), ==, GLB_PERFCNT_THRESHOLD);
    sample(&p);
    g_assert_cmphex(events(&p), ==, GLB_PERFCNT_THRESHOLD);
    g_assert_cmpuint(insert(&p), ==, 4);
    ack_events(&p);

    first = word(&p, 0, CSF, 0);
    mali_csf_queue_exec(p.b.queue, nops, ARRAY_SIZE(nops));
    sample(&p);
    g_assert_cmphex(events(&p), ==, GLB_PERFCNT_OVERFLOW);
    g_assert_cmpuint(insert(&p), ==, 4);
    g_assert_cmphex(word(&p, 0, CSF, 0), ==, first);

    /* Nothing is lost: what was not written is in the next one. */
    ack_events(&p);
    qtest_writel(p.gpu->qts, p.gpu->glb_in + GLB_PRFCNT_EXTRACT, 3);
    sample(&p);
    g_assert_cmpuint(insert(&p), ==, 5);
    g_assert_cmphex(word(&p, 0, CSF, 0), !=, first);
    g_assert_cmpuint(word(&p, 0, CSF, 5), ==, 8);
    g_assert_cmphex(events(&p), ==, GLB_PERFCNT_THRESHOLD);

    /* Off, nothing is written; on again, it starts at zero. */
    mali_csf_glb_request(p.gpu, 0, GLB_PERFCNT_EN);
    sample(&p);
    g_assert_cmpuint(insert(&p), ==, 5);
    enable(&p, 4, ~0u);
    g_assert_cmpuint(insert(&p), ==, 0);
    mali_csf_bench_quit(&p.b);
}

/* A sample that meets a lock is acknowledged when it is written. */
static void test_locked(void)
{
    PerfBench p;

    init(&p);
    enable(&p, 4, ~0u);
    mali_csf_lock(p.gpu, 1, mali_csf_pack_region(p.ring.va, SAMPLE_SIZE));
    mali_csf_toggle(p.gpu, p.gpu->glb_in + GLB_REQ, p.gpu->glb_out + GLB_ACK,
                    GLB_PERFCNT_SAMPLE | GLB_PING);
    mali_csf_doorbell(p.gpu, 0);
    mali_csf_run(p.gpu, LONG_ENOUGH);
    g_assert_cmphex((qtest_readl(p.gpu->qts, p.gpu->glb_in + GLB_REQ) ^
                     qtest_readl(p.gpu->qts, p.gpu->glb_out + GLB_ACK)) &
                    (GLB_PERFCNT_SAMPLE | GLB_PING), ==, GLB_PERFCNT_SAMPLE);
    g_assert_cmphex(word(&p, 0, CSF, 2), ==, 0);
    mali_csf_unlock(p.gpu, 1);
    mali_csf_run(p.gpu, LONG_ENOUGH);
    g_assert_cmphex((qtest_readl(p.gpu->qts, p.gpu->glb_in + GLB_REQ) ^
                     qtest_readl(p.gpu->qts, p.gpu->glb_out + GLB_ACK)) &
                    GLB_PERFCNT_SAMPLE, ==, 0);
    g_assert_cmphex(word(&p, 0, CSF, 2), ==, ~0u);
    g_assert_cmpuint(insert(&p), ==, 1);
    mali_csf_bench_quit(&p.b);
}

/* Where it may not write: a fault of that space, and the firmware lives. */
static void test_fault(void)
{
    static const uint64_t wild[] = {
        0x70000000, UINT64_MAX - 0x10, 0x0000fffffffffff0ull, 1,
    };
    PerfBench p;

    for (int i = 0; i < ARRAY_SIZE(wild); i++) {
        init(&p);
        enable(&p, 4, ~0u);
        mali_csf_glb_request(p.gpu, 0, GLB_PERFCNT_EN);
        qtest_writeq(p.gpu->qts, p.gpu->glb_in + GLB_PRFCNT_BASE, wild[i]);
        mali_csf_glb_request(p.gpu, GLB_PERFCNT_EN, GLB_PERFCNT_EN);
        sample(&p);
        g_assert(mali_csf_wait_fault(p.gpu, 1, MALI_CSF_TIMEOUT));
        g_assert_cmpuint(insert(&p), ==, 0);
        g_assert_cmphex(qtest_readl(p.gpu->qts, p.gpu->glb_out +
                                    GLB_PRFCNT_STATUS), ==, 1);
        g_assert_cmpuint(mali_csf_readl(p.gpu, A_MCU_STATUS), ==,
                         MCU_STATUS_ENABLED);
        mali_csf_bench_quit(&p.b);
    }
}

#define ADD(path, fn) qtest_add_func("/mali-csf/perfcnt/" path, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("size", test_size);
    ADD("counts/work", test_counts);
    ADD("groups", test_groups);
    ADD("protected", test_protected);
    ADD("counts/trouble", test_counts_trouble);
    ADD("enable-mask", test_enable_mask);
    ADD("ring", test_ring);
    ADD("locked", test_locked);
    ADD("fault", test_fault);

    return g_test_run();
}
