/*
 * QTest for the Arm Mali CSF GPU: memory that only protected mode may touch
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf-protected.h"

/* The interface of fw_cfg that has the other master, hw/nvram/fw_cfg.c */
#define FW_CFG_DMA      0x09020010ull
#define FW_CFG_SIGNATURE 0
#define DMA_ERROR       1
#define DMA_READ        2
#define DMA_SELECT      8

/* The range */

static uint64_t base_of(QMaliCsf *gpu, const char *id)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", id);

    return mali_csf_number_at(gpu, path, "protected-base");
}

static void test_range(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    g_assert_cmphex(base_of(&gpu, "gpu"), ==, 0);
    mali_csf_quit(&gpu);

    mali_csf_init(&gpu, ARGS);
    g_assert_cmphex(base_of(&gpu, "gpu"), ==, BASE);
    mali_csf_quit(&gpu);

    /* Each device has its own. */
    mali_csf_init(&gpu, ARGS "-device mali-csf,id=second,protected-size=2M");
    g_assert_cmphex(base_of(&gpu, "gpu"), ==, BASE);
    g_assert_cmphex(base_of(&gpu, "second"), ==, BASE - 2 * MiB);
    mali_csf_quit(&gpu);
}

static void test_refused(void)
{
    static const struct {
        const char *device;
        const char *text;
    } rows[] = {
        { "mali-csf,protected-size=3M", "no multiple of 2 MiB" },
        { "mali-csf,protected-size=1", "no multiple of 2 MiB" },
        { "mali-csf,protected-size=1T", "more than half" },
        { "mali-csf,protected-size=-2M", "protected-size" },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *said = mali_csf_refused(rows[i].device);

        g_assert_nonnull(strstr(said, rows[i].text));
    }
}

/* CPUs find nothing there, and what they store is lost. */
static void test_cpu(void)
{
    QMaliCsfBench b;

    init(&b, ARGS);
    keep_secret(&b);
    g_assert_cmphex(qtest_readl(b.gpu.qts, BASE), ==, 0);
    qtest_writel(b.gpu.qts, BASE, MARK);
    qtest_writeb(b.gpu.qts, BASE + 3, 1);
    qtest_writeq(b.gpu.qts, BASE + SIZE - 8, MARK);
    g_assert_cmphex(secret(&b), ==, SECRET);
    /* What is in front of it is RAM. */
    qtest_writel(b.gpu.qts, BASE - 4, MARK);
    g_assert_cmphex(qtest_readl(b.gpu.qts, BASE - 4), ==, MARK);
    mali_csf_bench_quit(&b);
}

/* Another master: returns what fw_cfg says of four bytes to @pa */
static uint32_t dma_to(QMaliCsf *gpu, uint64_t pa)
{
    uint64_t access = mali_csf_alloc(gpu, 16, 16);

    qtest_writel(gpu->qts, access, bswap32(FW_CFG_SIGNATURE << 16 |
                                           DMA_SELECT | DMA_READ));
    qtest_writel(gpu->qts, access + 4, bswap32(4));
    qtest_writeq(gpu->qts, access + 8, bswap64(pa));
    qtest_writeq(gpu->qts, FW_CFG_DMA, bswap64(access));
    return bswap32(qtest_readl(gpu->qts, access));
}

static void test_dma(void)
{
    QMaliCsfBench b;
    uint64_t normal;

    init(&b, ARGS);
    normal = mali_csf_alloc(&b.gpu, 16, 16);
    keep_secret(&b);
    g_assert_cmphex(dma_to(&b.gpu, normal), ==, 0);
    g_assert_cmphex(qtest_readl(b.gpu.qts, normal), ==,
                    ldl_le_p("QEMU"));
    g_assert_cmphex(dma_to(&b.gpu, BASE), ==, DMA_ERROR);
    g_assert_cmphex(secret(&b), ==, SECRET);
    mali_csf_bench_quit(&b);
}

/* From normal mode */

static void test_normal_access(void)
{
    const struct {
        uint64_t word;
        unsigned access;
    } rows[] = {
        { cs_load_multiple(10, 1, 90, 0), AS_ACCESS_READ },
        { cs_store_multiple(8, 1, 90, 0), AS_ACCESS_WRITE },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        QMaliCsfBench b;
        const uint64_t words[] = {
            cs_move48(90, SECRET_VA), cs_move32(8, MARK), rows[i].word,
            cs_wait(1),
        };

        init(&b, ARGS);
        keep_secret(&b);
        mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
        mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, rows[i].access,
                              SECRET_VA);
        g_assert_false(protected_fault(&b.gpu));
        mali_csf_bench_quit(&b);
    }
}

/* A translation that a region has cached does not help. */
static void test_cached(void)
{
    QMaliCsfBench b;

    init(&b, ARGS);
    g_assert_cmphex(secret(&b), ==, 0);
    mali_csf_bench_submit_load(&b, SECRET_VA, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_READ,
                          SECRET_VA);
    mali_csf_bench_quit(&b);
}

/* A block that protected memory is in the middle of: its sides are not. */
static void test_sides(void)
{
    QMaliCsfBench b;

    init(&b, ARGS);
    mali_csf_map_leaf(&b.vm, 0x40000000, MALI_CSF_RAM_BASE, 1, 0);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    qtest_writel(b.gpu.qts, BASE - 4, MARK);
    g_assert_cmphex(mali_csf_bench_load(&b, 0x40000000 + MALI_CSF_RAM_SIZE -
                                        SIZE - 4), ==, MARK);
    mali_csf_bench_submit_load(&b, 0x40000000 + MALI_CSF_RAM_SIZE - SIZE, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_READ,
                          0x40000000 + MALI_CSF_RAM_SIZE - SIZE);
    mali_csf_bench_quit(&b);
}

static void test_code(void)
{
    const uint64_t words[] = {
        cs_move48(90, SECRET_VA), cs_move32(8, 64), cs_jump(90, 8),
    };
    QMaliCsfBench b;

    init(&b, ARGS);
    mali_csf_bench_call(&b, words, ARRAY_SIZE(words));
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    g_assert_cmphex(mali_csf_readq(&b.gpu, mali_csf_as_reg(1,
                                   A_AS_FAULTADDRESS_LO)), ==, SECRET_VA);
    mali_csf_bench_quit(&b);
}

/* A table that is protected is not walked. */
static void test_walk(void)
{
    QMaliCsfBench b;

    init(&b, ARGS);
    mali_csf_set_pte(&b.vm, 0x60000000, 2, mali_csf_table(BASE));
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_bench_submit_load(&b, 0x60000000, 0);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_READ,
                          0x60000000);
    mali_csf_bench_quit(&b);
}

static void test_identity(void)
{
    QMaliCsfBench b;
    QMaliCsfVm vm;
    QMaliCsfGroup group;

    init(&b, ARGS);
    mali_csf_vm_init(&b.gpu, &vm, 2);
    vm.identity = true;
    mali_csf_vm_enable(&vm);
    mali_csf_group_init(&vm, &group, 1);
    mali_csf_group_start(&group, 1);
    mali_csf_queue_submit(&group.queue[0], (const uint64_t[]) {
                              cs_move48(90, BASE + 0x1000),
                              cs_load_multiple(10, 1, 90, 0) }, 2);
    mali_csf_assert_fault(&b.gpu, 2, AS_FAULT_GPU_BUS, AS_ACCESS_READ,
                          BASE + 0x1000);
    mali_csf_bench_quit(&b);
}

/* The firmware is not in the mode, either. */
static void test_firmware(void)
{
    QMaliCsfBench b;

    init(&b, ARGS);
    mali_csf_group_terminate(&b.group);
    mali_csf_map(&b.gpu.mcu_vm, SECRET_FW_VA, BASE, 0x100000, 0);
    b.group.suspend.va = SECRET_FW_VA;
    mali_csf_group_start(&b.group, 0);
    mali_csf_group_request(&b.group, CSG_STATE_SUSPEND);
    g_assert(mali_csf_wait_reg(&b.gpu, A_MCU_STATUS, ~0u, MCU_STATUS_FATAL,
                               MALI_CSF_TIMEOUT));
    mali_csf_assert_fault(&b.gpu, 0, AS_FAULT_GPU_BUS, AS_ACCESS_WRITE,
                          SECRET_FW_VA);
    mali_csf_bench_quit(&b);
}

/* From protected mode */

static void test_region(void)
{
    QMaliCsfBench b;

    init(&b, ARGS);
    g_assert_cmphex(secret(&b), ==, 0);
    keep_secret(&b);
    g_assert_cmphex(secret(&b), ==, SECRET);
    mali_csf_bench_quit(&b);
}

/* Normal memory may be read there, and not be written. */
static void test_leak(void)
{
    const uint64_t load[] = { cs_load_multiple(10, 1, 92, 0), cs_wait(1) };
    const uint64_t store[] = { cs_store_multiple(8, 1, 92, 0), cs_wait(1) };
    QMaliCsfBench b;

    init(&b, ARGS);
    qtest_writel(b.gpu.qts, b.out.pa, MARK);
    submit_region(&b, load, ARRAY_SIZE(load), 1);
    enter(&b);
    assert_region_done(&b);
    g_assert_cmphex(mali_csf_bench_out(&b, 0x40), ==, MARK);

    submit_region(&b, store, ARRAY_SIZE(store), 1);
    enter(&b);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(protected_fault(&b.gpu));
    g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT) &
                    MALI_CSF_MMU_INT_FAULT(1), ==, 0);
    g_assert_cmphex(mali_csf_readl(&b.gpu, mali_csf_as_reg(1,
                                   A_AS_FAULTSTATUS)), ==, 0);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, MARK);
    g_assert_true(protected(&b.gpu));
    mali_csf_glb_toggle(&b.gpu, GLB_PING);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_false(protected(&b.gpu));
    mali_csf_group_terminate(&b.group);
    mali_csf_bench_quit(&b);
}

/* Without protected memory a region may write everywhere. */
static void test_none(void)
{
    const uint64_t store[] = { cs_store_multiple(8, 1, 92, 0), cs_wait(1) };
    QMaliCsfBench b;

    init(&b, NULL);
    submit_region(&b, store, ARRAY_SIZE(store), 1);
    enter(&b);
    assert_region_done(&b);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, SECRET);
    mali_csf_bench_quit(&b);
}

/* A request of the host's, which the firmware cannot answer in the mode */
static void ask(QMaliCsfBench *b, int what)
{
    QMaliCsf *gpu = &b->gpu;

    switch (what) {
    case 0:
        mali_csf_toggle(gpu, gpu->glb_in + GLB_REQ, gpu->glb_out + GLB_ACK,
                        GLB_PING);
        break;
    case 1:
        mali_csf_toggle(gpu, gpu->glb_in + GLB_REQ, gpu->glb_out + GLB_ACK,
                        GLB_CFG_ALLOC_EN);
        break;
    case 2:
        mali_csf_toggle(gpu, gpu->csg_in[0] + CSG_REQ,
                        gpu->csg_out[0] + CSG_ACK, CSG_STATUS_UPDATE);
        mali_csf_toggle(gpu, gpu->glb_in + GLB_DB_REQ,
                        gpu->glb_out + GLB_DB_ACK, 1);
        break;
    default:
        mali_csf_update(gpu, gpu->csg_in[0] + CSG_REQ, CSG_STATE_SUSPEND,
                        CSG_STATE_MASK);
        mali_csf_toggle(gpu, gpu->glb_in + GLB_DB_REQ,
                        gpu->glb_out + GLB_DB_ACK, 1);
        break;
    }
    mali_csf_doorbell(gpu, 0);
}

static uint32_t unanswered(QMaliCsf *gpu)
{
    return ((qtest_readl(gpu->qts, gpu->glb_in + GLB_REQ) ^
             qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK)) &
            (GLB_PING | GLB_CFG_ALLOC_EN)) |
           (qtest_readl(gpu->qts, gpu->glb_in + GLB_DB_REQ) ^
            qtest_readl(gpu->qts, gpu->glb_out + GLB_DB_ACK));
}

/* What wants an answer ends the mode first. */
static void test_requests(void)
{
    for (int i = 0; i < 4; i++) {
        QMaliCsfBench b;

        init(&b, ARGS);
        if (i == 3) {
            mali_csf_group_terminate(&b.group);
            mali_csf_map(&b.gpu.mcu_vm, SECRET_FW_VA, BASE + 0x100000, 0x100000,
                         0);
            b.group.protm_suspend.va = SECRET_FW_VA;
            mali_csf_group_start(&b.group, 0);
            mali_csf_ack_events(&b.gpu);
        }
        go_inside(&b);
        ask(&b, i);
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        g_assert_false(protected(&b.gpu));
        g_assert_cmphex(unanswered(&b.gpu), ==, 0);
        g_assert_cmphex(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                        MCU_STATUS_ENABLED);
        if (i == 3) {
            g_assert_true(mali_csf_csg_acked(&b.gpu, 0, CSG_STATE_MASK));
            mali_csf_group_resume(&b.group, 1);
        }
        /* The region asks again. */
        enter(&b);
        assert_region_done(&b);
        mali_csf_bench_quit(&b);
    }
}

/* The firmware writes nothing before it is over, not even EXTRACT. */
static void test_silence(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;
    uint64_t extract;
    uint32_t ack;

    init(&b, ARGS);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 3);
    mali_csf_queue_exec(&group.queue[0], (const uint64_t[]) { cs_nop() }, 1);
    go_inside(&b);
    extract = mali_csf_queue_extract(b.queue);
    ack = qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK);
    /* More work for both rings their doorbells, and has to wait. */
    mali_csf_queue_submit(b.queue, (const uint64_t[]) { cs_nop() }, 1);
    mali_csf_queue_submit(&group.queue[0], (const uint64_t[]) { cs_nop() }, 1);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_true(protected(&b.gpu));
    g_assert_cmpuint(mali_csf_queue_extract(b.queue), ==, extract);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK), ==, ack);
    g_assert(mali_csf_queue_wait(b.queue, LONG_REGION));
    g_assert(mali_csf_queue_wait(&group.queue[0], LONG_REGION));
    g_assert_false(protected(&b.gpu));
    mali_csf_bench_quit(&b);
}

/* What the host has to hear ends it, too: here a fault of the stream. */
static void test_news(void)
{
    QMaliCsfBench b;

    init(&b, ARGS);
    qtest_qmp_assert_success(b.gpu.qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s, 'kind': 'cs-fault',"
                             " 'opcode': %d, 'exception': 75}}",
                             MALI_CSF_QOM_PATH, CS_OP_STORE_MULTIPLE);
    submit_store(&b, 1);
    enter(&b);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(b.queue, CS_EVENT_FAULT));
    g_assert_false(protected(&b.gpu));
    mali_csf_bench_quit(&b);
}

/* Work of shaders */

/* A word of memory at @va has 1 added by work that is in a region, or not */
static void submit_work(QMaliCsfBench *b, uint64_t from, uint64_t to,
                        bool region)
{
    const uint64_t words[] = {
        cs_move32(0, 1), cs_move32(1, 0), cs_move48(2, from), cs_move48(4, to),
        region ? cs_prot_region(2) : cs_nop(),
        cs_run_compute(1, 0), cs_wait(1),
    };

    mali_csf_queue_submit(b->queue, words, ARRAY_SIZE(words));
}

/* Give real time to the thread */
static bool comes(QMaliCsfBench *b, bool (*condition)(QMaliCsfBench *b))
{
    for (int i = 0; i < 10000; i++) {
        if (condition(b)) {
            return true;
        }
        mali_csf_run(&b->gpu, MALI_CSF_MS);
        g_usleep(500);
    }
    return false;
}

static bool is_done(QMaliCsfBench *b)
{
    return mali_csf_queue_extract(b->queue) == b->queue->insert;
}

static bool has_faulted(QMaliCsfBench *b)
{
    return mali_csf_readl(&b->gpu, MMU_RAWSTAT) & MALI_CSF_MMU_INT_FAULT(1);
}

static bool has_faulted_protected(QMaliCsfBench *b)
{
    return protected_fault(&b->gpu);
}

static void test_work(void)
{
    QMaliCsfBench b;
    const char *args = ARGS "-global mali-csf.x-endpoint=test";

    init(&b, args);
    submit_work(&b, SECRET_VA, SECRET_VA, true);
    enter(&b);
    g_assert(comes(&b, is_done));
    g_assert_cmphex(secret(&b), ==, 1);
    /* Into normal memory */
    submit_work(&b, SECRET_VA, b.out.va, true);
    enter(&b);
    g_assert(comes(&b, has_faulted_protected));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_bench_quit(&b);

    /* Outside of a region */
    init(&b, args);
    submit_work(&b, SECRET_VA, b.out.va, false);
    g_assert(comes(&b, has_faulted));
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_GPU_BUS, AS_ACCESS_READ,
                          SECRET_VA);
    mali_csf_bench_quit(&b);
}

/* The mode begins when other work is done, and ends when its own is. */
static void test_drain(void)
{
    const uint64_t other[] = { cs_run_compute(1, 0) };
    const uint64_t own[] = { cs_run_compute(1, 0) };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    init(&b, ARGS "-global mali-csf.x-endpoint=null");
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", 4 * LONG_ENOUGH);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 3);
    submit_region(&b, own, ARRAY_SIZE(own), 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_queue_submit(&group.queue[0], other, ARRAY_SIZE(other));
    enter(&b);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_false(protected(&b.gpu));
    mali_csf_run(&b.gpu, 3 * LONG_ENOUGH);
    g_assert_true(protected(&b.gpu));
    /* The region is over, its work is not. */
    mali_csf_run(&b.gpu, 2 * LONG_ENOUGH);
    g_assert_true(protected(&b.gpu));
    mali_csf_run(&b.gpu, 2 * LONG_ENOUGH);
    g_assert_false(protected(&b.gpu));
    g_assert_cmphex(mali_csf_bench_out(&b, 0x44), ==, MARK);
    mali_csf_bench_quit(&b);
}

/* A ping while the mode waits for other work gives it up: all goes on. */
static void test_drain_ping(void)
{
    const uint64_t other[] = { cs_run_compute(1, 0) };
    const uint64_t store[] = { cs_move32(11, MARK), cs_move48(92, 0),
                               cs_store_multiple(11, 1, 92, 0x48) };
    uint64_t words[3];
    QMaliCsfBench b;
    QMaliCsfGroup group;

    init(&b, ARGS "-global mali-csf.x-endpoint=null");
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", 4 * LONG_ENOUGH);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 3);
    submit_load(&b);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_queue_submit(&group.queue[0], other, ARRAY_SIZE(other));
    enter(&b);
    memcpy(words, store, sizeof(words));
    words[1] = cs_move48(92, b.out.va);
    mali_csf_queue_submit(&group.queue[0], words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0x48), ==, 0);
    mali_csf_glb_toggle(&b.gpu, GLB_PING);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0x48), ==, MARK);
    mali_csf_run(&b.gpu, 10 * LONG_ENOUGH);
    g_assert_false(protected(&b.gpu));
    mali_csf_bench_quit(&b);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/protected-memory/" path, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("range", test_range);
    ADD("refused", test_refused);
    ADD("cpu", test_cpu);
    ADD("dma", test_dma);
    ADD("normal/access", test_normal_access);
    ADD("normal/cached", test_cached);
    ADD("normal/sides", test_sides);
    ADD("normal/code", test_code);
    ADD("normal/walk", test_walk);
    ADD("normal/identity", test_identity);
    ADD("normal/firmware", test_firmware);
    ADD("region", test_region);
    ADD("region/leak", test_leak);
    ADD("region/none", test_none);
    ADD("region/requests", test_requests);
    ADD("region/silence", test_silence);
    ADD("region/news", test_news);
    ADD("work", test_work);
    ADD("work/drain", test_drain);
    ADD("work/drain/ping", test_drain_ping);

    return g_test_run();
}
