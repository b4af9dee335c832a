/*
 * QTest for the firmware interface of the Arm Mali CSF GPU: what the global
 * requests do, priorities of groups and streams, the progress timer, and
 * suspend buffers that are not ours
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqos/mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)
#define CORES           0x50005
#define NEW             0x600df00d

#define GPU_RAWSTAT     (A_GPU_INT + MALI_CSF_INT_RAWSTAT)
#define GPU_CLEAR       (A_GPU_INT + MALI_CSF_INT_CLEAR)
#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define JOB_CLEAR       (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR)

#define RUN_COMPUTE     ((uint64_t)CS_OP_RUN_COMPUTE << CS_OPCODE_SHIFT)

/* Toggle a request of the global interface and wait for its answer */
static uint32_t glb_ack(QMaliCsf *gpu)
{
    return qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK);
}

/* A stream that counts at @va for ever, or @rounds times */
static void submit_count(QMaliCsfQueue *queue, uint64_t va, uint32_t rounds)
{
    const uint64_t words[] = {
        cs_move48(90, va),
        cs_move32(8, 0),
        cs_move32(9, rounds),
        cs_add_imm32(8, 8, 1),
        cs_store_multiple(8, 1, 90, 0),
        cs_add_imm32(9, 9, -1),
        cs_branch(rounds ? CS_COND_NE : CS_COND_ALWAYS, 9, -4),
    };

    mali_csf_queue_submit(queue, words, ARRAY_SIZE(words));
}

/* Gives work to entry 2 and is at its end */
static void submit_work(QMaliCsfQueue *queue)
{
    const uint64_t words[] = { cs_set_sb_entry(2, 0), RUN_COMPUTE };

    mali_csf_queue_submit(queue, words, ARRAY_SIZE(words));
}

/* Power of the shader cores */

static void test_alloc_en(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_count(b.queue, b.out.va, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, CORES);
    /* The word alone says nothing. */
    qtest_writeq(b.gpu.qts, b.gpu.glb_in + GLB_ALLOC_EN, 0xfff4);
    mali_csf_doorbell(&b.gpu, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, CORES);
    mali_csf_glb_toggle(&b.gpu, GLB_CFG_ALLOC_EN);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, 0x4);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_TILER_READY_LO), ==, 1);
    mali_csf_bench_quit(&b);
}

/* 611 units of 1024 ticks of 16 ns are 10 ms. */
static void test_poweroff_timer(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_count(b.queue, b.out.va, 1000);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    mali_csf_run(&b.gpu, 9 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, CORES);
    mali_csf_run(&b.gpu, 2 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, 0);
    /* Work brings them back, and holds them. */
    submit_count(b.queue, b.out.va, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, CORES);
    mali_csf_run(&b.gpu, 20 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, CORES);

    /* Of the core clock: 16 times the ticks, 1.024 ms. */
    qtest_writel(b.gpu.qts, b.gpu.glb_in + GLB_PWROFF_TIMER,
                 GLB_TIMER_SOURCE_GPU_COUNTER | 1000);
    mali_csf_glb_toggle(&b.gpu, GLB_CFG_POWEROFF_TIMER);
    mali_csf_group_terminate(&b.group);
    mali_csf_run(&b.gpu, 900 * MALI_CSF_US);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, CORES);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, 0);

    /* Zero: never */
    qtest_writel(b.gpu.qts, b.gpu.glb_in + GLB_PWROFF_TIMER, 0);
    mali_csf_glb_toggle(&b.gpu, GLB_CFG_POWEROFF_TIMER);
    mali_csf_run(&b.gpu, 1000 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, CORES);
    mali_csf_bench_quit(&b);
}

/* Sleep */

static void sleep_now(QMaliCsfBench *b)
{
    mali_csf_writel(&b->gpu, JOB_CLEAR, ~0u);
    mali_csf_update(&b->gpu, b->gpu.glb_in + GLB_REQ, GLB_SLEEP, GLB_SLEEP);
    mali_csf_doorbell(&b->gpu, 0);
    g_assert(mali_csf_wait_reg(&b->gpu, A_MCU_STATUS, ~0u, MCU_STATUS_HALT,
                               MALI_CSF_TIMEOUT));
    g_assert_cmphex(glb_ack(&b->gpu) & GLB_SLEEP, ==, GLB_SLEEP);
}

static void assert_asleep(QMaliCsfBench *b)
{
    uint32_t count = mali_csf_bench_out(b, 0);

    mali_csf_run(&b->gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_bench_out(b, 0), ==, count);
    g_assert_cmpuint(mali_csf_readl(&b->gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_HALT);
}

/* Woken, it did not boot: the stream goes on where it was. */
static void assert_woken(QMaliCsfBench *b)
{
    uint32_t count = mali_csf_bench_out(b, 0);

    g_assert_cmpuint(count, >, 0);
    mali_csf_run(&b->gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_readl(&b->gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_ENABLED);
    g_assert_cmphex(mali_csf_readl(&b->gpu, JOB_RAWSTAT) & JOB_INT_GLOBAL_IF,
                    ==, 0);
    g_assert_cmpuint(mali_csf_bench_out(b, 0), >, count);
    g_assert_cmphex(glb_ack(&b->gpu) & GLB_SLEEP, ==, 0);
}

static void test_sleep(const void *data)
{
    const bool by_doorbell = *(const bool *)data;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_count(b.queue, b.out.va, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    sleep_now(&b);
    assert_asleep(&b);
    mali_csf_update(&b.gpu, b.gpu.glb_in + GLB_REQ, 0, GLB_SLEEP);
    if (by_doorbell) {
        mali_csf_doorbell(&b.gpu, 1);
    } else {
        mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    }
    assert_woken(&b);
    mali_csf_bench_quit(&b);
}

/* With bit 31 of MCU_CONTROL a doorbell tells the host and wakes nobody. */
static void test_sleep_mirror(void)
{
    const uint32_t mirror = R_GPU_INT_DOORBELL_MIRROR_MASK;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_count(b.queue, b.out.va, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    sleep_now(&b);
    mali_csf_writel(&b.gpu, A_MCU_CONTROL,
                    MCU_CONTROL_AUTO | MCU_CONTROL_DOORBELL_DISABLE);
    mali_csf_writel(&b.gpu, GPU_CLEAR, ~0u);
    assert_asleep(&b);
    g_assert_cmphex(mali_csf_readl(&b.gpu, GPU_RAWSTAT) & mirror, ==, 0);
    mali_csf_doorbell(&b.gpu, 1);
    g_assert_cmphex(mali_csf_readl(&b.gpu, GPU_RAWSTAT) & mirror, ==, mirror);
    assert_asleep(&b);
    mali_csf_update(&b.gpu, b.gpu.glb_in + GLB_REQ, 0, GLB_SLEEP);
    mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    assert_woken(&b);
    mali_csf_bench_quit(&b);
}

/* By itself, with the IDLE event, if it was told so when that was enabled */
static void test_sleep_on_idle(void)
{
    const uint64_t words[] = { cs_nop() };

    for (int i = 0; i < 3; i++) {
        QMaliCsfBench b;
        uint64_t config;

        mali_csf_bench_init(&b, NULL);
        config = b.gpu.glb_in + GLB_IDLE_TIMER_CONFIG;
        qtest_writel(b.gpu.qts, config,
                     i ? GLB_IDLE_TIMER_SLEEP_ON_IDLE : 0);
        if (i < 2) {
            mali_csf_glb_request(&b.gpu, 0, GLB_IDLE_EN);
            mali_csf_glb_request(&b.gpu, GLB_IDLE_EN, GLB_IDLE_EN);
        }
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        mali_csf_ack_events(&b.gpu);
        mali_csf_writel(&b.gpu, GPU_CLEAR, ~0u);
        mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        g_assert_cmphex((qtest_readl(b.gpu.qts, b.gpu.glb_in + GLB_REQ) ^
                         qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK)) &
                        GLB_IDLE, ==, GLB_IDLE);
        /* Not set, set, and set too late */
        g_assert_cmphex(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                        i == 1 ? MCU_STATUS_HALT : MCU_STATUS_ENABLED);
        g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_INT +
                                       MALI_CSF_INT_RAWSTAT) &
                        R_GPU_INT_MCU_STATUS_CHANGED_MASK, ==,
                        i == 1 ? R_GPU_INT_MCU_STATUS_CHANGED_MASK : 0);
        g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, b.queue->insert);

        /* A doorbell wakes it, and it goes to sleep again. */
        mali_csf_ack_events(&b.gpu);
        mali_csf_queue_exec(b.queue, words, ARRAY_SIZE(words));
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        g_assert_cmphex(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                        i == 1 ? MCU_STATUS_HALT : MCU_STATUS_ENABLED);
        mali_csf_bench_quit(&b);
    }
}

/* Switched off while it sleeps, it boots, and the groups are gone. */
static void test_sleep_then_off(void)
{
    QMaliCsfBench b;
    uint32_t count;

    mali_csf_bench_init(&b, NULL);
    submit_count(b.queue, b.out.va, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    sleep_now(&b);
    count = mali_csf_bench_out(&b, 0);
    mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    mali_csf_update(&b.gpu, b.gpu.glb_in + GLB_REQ, 0, GLB_SLEEP);
    mali_csf_mcu_boot(&b.gpu);
    mali_csf_global_init(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), ==, count);
    mali_csf_bench_quit(&b);
}

/* Debug requests and the ACK bit of a crash */

static void test_debug(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    qtest_writel(b.gpu.qts, b.gpu.glb_in + GLB_DEBUG_REQ, 0x01800000);
    mali_csf_doorbell(&b.gpu, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_DEBUG_ACK), ==,
                    0);
    mali_csf_glb_toggle(&b.gpu, GLB_DEBUG_CSF);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_DEBUG_ACK), ==,
                    0x01800000);
    mali_csf_bench_quit(&b);
}

static void test_fatal(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    g_assert_cmphex(glb_ack(&b.gpu) & GLB_FATAL, ==, 0);
    /* The page of the control blocks is needed for every pass. */
    mali_csf_lock(&b.gpu, 0, FW_SHARED_START | 15);
    mali_csf_unmap(&b.gpu.mcu_vm, FW_SHARED_START, MALI_CSF_PAGE);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_unlock(&b.gpu, 0);
    mali_csf_doorbell(&b.gpu, 0);
    g_assert(mali_csf_wait_reg(&b.gpu, A_MCU_STATUS, ~0u, MCU_STATUS_FATAL,
                               MALI_CSF_TIMEOUT));
    g_assert_cmphex(glb_ack(&b.gpu) & GLB_FATAL, ==, GLB_FATAL);
    mali_csf_map(&b.gpu.mcu_vm, FW_SHARED_START, b.gpu.shared_pa,
                 MALI_CSF_PAGE, 0);
    mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    mali_csf_mcu_boot(&b.gpu);
    g_assert_cmphex(glb_ack(&b.gpu) & GLB_FATAL, ==, 0);
    mali_csf_bench_quit(&b);
}

/* Priorities */

typedef struct Counters {
    QMaliCsfBench b;
    QMaliCsfGroup group;
    uint32_t last[2];
} Counters;

/* How far each of the two came since the last call */
static void count(Counters *c, uint32_t passed[2])
{
    mali_csf_run(&c->b.gpu, 20 * MALI_CSF_MS);
    for (int i = 0; i < 2; i++) {
        uint32_t now = mali_csf_bench_out(&c->b, i * 8);

        passed[i] = now - c->last[i];
        c->last[i] = now;
    }
}

/* The one that goes first has most, but not everything. */
static void assert_order(Counters *c, unsigned first)
{
    uint32_t passed[2];

    count(c, passed);
    count(c, passed);
    g_test_message("%u and %u", passed[0], passed[1]);
    g_assert_cmpuint(passed[first], >, 8 * passed[!first]);
    g_assert_cmpuint(passed[!first], >, 100);
}

static void assert_equals(Counters *c)
{
    uint32_t passed[2];

    count(c, passed);
    count(c, passed);
    g_test_message("%u and %u", passed[0], passed[1]);
    g_assert_cmpuint(passed[0], <, passed[1] + passed[1] / 10);
    g_assert_cmpuint(passed[1], <, passed[0] + passed[0] / 10);
}

static void set_group_priority(QMaliCsf *gpu, unsigned slot, unsigned prio)
{
    mali_csf_update(gpu, gpu->csg_in[slot] + CSG_EP_REQ, prio << 28,
                    0xf0000000);
}

static void latch_group_priority(QMaliCsf *gpu, unsigned slot)
{
    mali_csf_toggle(gpu, gpu->csg_in[slot] + CSG_REQ,
                    gpu->csg_out[slot] + CSG_ACK, CSG_EP_CFG);
    mali_csf_csg_ring(gpu, slot);
    g_assert(mali_csf_csg_wait(gpu, slot, CSG_EP_CFG));
}

static void test_group_priority(void)
{
    Counters c = { 0 };
    QMaliCsf *gpu = &c.b.gpu;

    mali_csf_bench_init(&c.b, NULL);
    mali_csf_group_init(&c.b.vm, &c.group, 1);
    mali_csf_group_program(&c.group, 5);
    set_group_priority(gpu, 5, 3);
    mali_csf_group_request(&c.group, CSG_STATE_START);
    g_assert(mali_csf_group_wait(&c.group));
    submit_count(c.b.queue, c.b.out.va, 0);
    submit_count(&c.group.queue[0], c.b.out.va + 8, 0);
    assert_order(&c, 0);

    /* Latched by EP_CFG, and not read before */
    set_group_priority(gpu, 0, 2);
    assert_order(&c, 0);
    latch_group_priority(gpu, 0);
    assert_order(&c, 1);
    set_group_priority(gpu, 5, 2);
    latch_group_priority(gpu, 5);
    assert_equals(&c);
    mali_csf_bench_quit(&c.b);
}

static void test_stream_priority(const void *data)
{
    const unsigned *priority = data;
    Counters c = { 0 };

    mali_csf_bench_init(&c.b, NULL);
    mali_csf_group_init(&c.b.vm, &c.group, 8);
    c.group.queue[1].priority = priority[0];
    c.group.queue[7].priority = priority[1];
    mali_csf_group_start(&c.group, 2);
    submit_count(&c.group.queue[1], c.b.out.va, 0);
    submit_count(&c.group.queue[7], c.b.out.va + 8, 0);
    if (priority[0] == priority[1]) {
        assert_equals(&c);
    } else {
        assert_order(&c, priority[1] > priority[0]);
    }
    mali_csf_bench_quit(&c.b);
}

/* The group's priority counts for more than the stream's. */
static void test_group_before_stream(void)
{
    Counters c = { 0 };

    mali_csf_bench_init(&c.b, NULL);
    mali_csf_group_init(&c.b.vm, &c.group, 1);
    c.group.queue[0].priority = 15;
    mali_csf_group_program(&c.group, 5);
    set_group_priority(&c.b.gpu, 5, 14);
    mali_csf_group_request(&c.group, CSG_STATE_START);
    g_assert(mali_csf_group_wait(&c.group));
    submit_count(c.b.queue, c.b.out.va, 0);
    submit_count(&c.group.queue[0], c.b.out.va + 8, 0);
    assert_order(&c, 0);
    mali_csf_bench_quit(&c.b);
}

/* Many streams that wait do not keep the first one from most turns. */
static void test_priority_crowd(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup *groups = g_new(QMaliCsfGroup, 7);
    uint32_t first, others = 0;

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < 7; i++) {
        mali_csf_group_init(&b.vm, &groups[i], 8);
        mali_csf_group_program(&groups[i], i + 1);
        set_group_priority(&b.gpu, i + 1, 1);
        mali_csf_group_request(&groups[i], CSG_STATE_START);
        g_assert(mali_csf_group_wait(&groups[i]));
        for (int j = 0; j < 8; j++) {
            submit_count(&groups[i].queue[j],
                         b.out.va + 8 + (i * 8 + j) * 8, 0);
        }
    }
    submit_count(b.queue, b.out.va, 0);
    mali_csf_run(&b.gpu, 50 * MALI_CSF_MS);
    first = mali_csf_bench_out(&b, 0);
    for (int i = 0; i < 7 * 8; i++) {
        uint32_t n = mali_csf_bench_out(&b, 8 + i * 8);

        g_assert_cmpuint(n, >, 0);
        others += n;
    }
    g_assert_cmpuint(first, >, 2 * others);
    g_free(groups);
    mali_csf_bench_quit(&b);
}

/* Status has what was latched, which is not what is in memory. */
static void test_endpoints(void)
{
    QMaliCsfBench b;
    uint64_t in, out;

    mali_csf_bench_init(&b, NULL);
    in = b.gpu.csg_in[0];
    out = b.gpu.csg_out[0];
    /* 9 compute, 3 fragment and 2 tiler endpoints */
    qtest_writel(b.gpu.qts, in + CSG_EP_REQ, 0x50320309);
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(qtest_readl(b.gpu.qts, out + CSG_STATUS_EP_REQ), ==,
                    0x10404);
    latch_group_priority(&b.gpu, 0);
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(qtest_readl(b.gpu.qts, out + CSG_STATUS_EP_REQ), ==,
                    0x320309);
    mali_csf_bench_quit(&b);
}

/* Each EXTRACT that is published is told, if the host wants to hear of it. */
static void test_extract_event(void)
{
    const uint64_t words[] = { cs_move32(8, 1) };
    QMaliCsfBench b;
    uint64_t req, ack;

    mali_csf_bench_init(&b, NULL);
    req = b.gpu.cs_in[0][0] + CS_REQ;
    ack = b.gpu.cs_out[0][0] + CS_ACK;
    for (int wanted = 0; wanted < 2; wanted++) {
        mali_csf_update(&b.gpu, req, wanted ? CS_EXTRACT_EVENT : 0,
                        CS_EXTRACT_EVENT);
        for (int masked = 0; masked < 2; masked++) {
            uint64_t irq_req = b.gpu.csg_out[0] + CSG_IRQ_REQ;
            uint32_t before, irq;

            qtest_writel(b.gpu.qts, b.gpu.cs_in[0][0] + CS_ACK_IRQ_MASK,
                         masked ? ~CS_EXTRACT_EVENT : ~0u);
            mali_csf_ack_events(&b.gpu);
            mali_csf_run(&b.gpu, LONG_ENOUGH);
            before = qtest_readl(b.gpu.qts, ack);
            irq = qtest_readl(b.gpu.qts, irq_req);
            mali_csf_queue_exec(b.queue, words, ARRAY_SIZE(words));
            mali_csf_run(&b.gpu, LONG_ENOUGH);
            g_assert_cmphex((qtest_readl(b.gpu.qts, ack) ^ before) &
                            CS_EXTRACT_EVENT, ==,
                            wanted ? CS_EXTRACT_EVENT : 0);
            g_assert_cmphex((qtest_readl(b.gpu.qts, irq_req) ^ irq) & 1, ==,
                            wanted && !masked);
        }
    }
    mali_csf_bench_quit(&b);
}

/* The progress timer */

#define PROGRESS        CSG_PROGRESS_TIMER_EVENT

static void set_progress_timer(QMaliCsf *gpu, uint32_t units)
{
    qtest_writel(gpu->qts, gpu->glb_in + GLB_PROGRESS_TIMER, units);
    mali_csf_glb_toggle(gpu, GLB_CFG_PROGRESS_TIMER);
}

/* 1000 units of 1024 cycles of 1 GHz: 1.024 ms */
static void test_progress_timer(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    set_progress_timer(&b.gpu, 1000);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns",
                          100 * MALI_CSF_MS);
    submit_work(b.queue);
    mali_csf_run(&b.gpu, 900 * MALI_CSF_US);
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, PROGRESS));
    mali_csf_writel(&b.gpu, JOB_CLEAR, ~0u);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, PROGRESS));
    g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT), ==, JOB_INT_CSG(0));
    /* Pending, it is not raised again: that would take it back. */
    mali_csf_run(&b.gpu, 5 * MALI_CSF_MS);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, PROGRESS));
    /* Acknowledged, and still no progress */
    mali_csf_ack_events(&b.gpu);
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, PROGRESS));
    mali_csf_run(&b.gpu, 2 * MALI_CSF_MS);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, PROGRESS));
    /* The next group of the slot has nothing to do with it. */
    mali_csf_group_terminate(&b.group);
    mali_csf_group_start(&b.group, 0);
    mali_csf_run(&b.gpu, 10 * MALI_CSF_MS);
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, PROGRESS));
    mali_csf_bench_quit(&b);
}

/* Work that ends in time, again and again, and a stream that loops */
static void test_progress_made(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 4);
    set_progress_timer(&b.gpu, 1000);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns",
                          600 * MALI_CSF_US);
    submit_count(&group.queue[0], b.out.va, 0);
    for (int i = 0; i < 20; i++) {
        submit_work(b.queue);
        mali_csf_run(&b.gpu, 500 * MALI_CSF_US);
    }
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, PROGRESS));
    g_assert_false(mali_csf_csg_event(&b.gpu, 4, PROGRESS));

    /* Zero is no limit. */
    set_progress_timer(&b.gpu, 0);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns",
                          50 * MALI_CSF_MS);
    submit_work(b.queue);
    mali_csf_run(&b.gpu, 40 * MALI_CSF_MS);
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, PROGRESS));
    mali_csf_bench_quit(&b);
}

/* Work of a stream that is blocked keeps its group from being idle. */
static void test_idle_work_of_blocked(void)
{
    QMaliCsfBench b;
    const uint64_t words[] = {
        cs_set_sb_entry(2, 0), RUN_COMPUTE,
        0, cs_move32(8, 5), cs_sync_wait(CS_OP_SYNC_WAIT32, 90, 8, CS_COND_GT,
                                         0),
    };
    uint64_t copy[ARRAY_SIZE(words)];

    mali_csf_bench_init(&b, NULL);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    memcpy(copy, words, sizeof(copy));
    copy[2] = cs_move48(90, b.out.va);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", MALI_CSF_MS);
    mali_csf_queue_submit(b.queue, copy, ARRAY_SIZE(copy));
    mali_csf_run(&b.gpu, 800 * MALI_CSF_US);
    g_assert_false(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    mali_csf_run(&b.gpu, 400 * MALI_CSF_US);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_IDLE));
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_BLOCKED_REASON),
                    ==, CS_BLOCKED_SYNC_WAIT);
    mali_csf_bench_quit(&b);
}

/* Suspend buffers */

/* Where some of it is: docs/specs/mali-csf.rst */
enum {
    SUSPEND_MAGIC = 0x00,
    SUSPEND_VERSION = 0x04,
    SUSPEND_SIZE = 0x08,
    SUSPEND_STREAMS = 0x0c,
    SUSPEND_REGISTERS = 0x10,
    SUSPEND_STREAM_0 = 0x58,
    /* In the order of cs/saved.c */
    STREAM_STATE = SUSPEND_STREAM_0 + 0x000,
    STREAM_FRAMES = SUSPEND_STREAM_0 + 0x208,
    STREAM_DEPTH = SUSPEND_STREAM_0 + 0x388,
    STREAM_HANDLER_DEPTH = SUSPEND_STREAM_0 + 0x389,
    STREAM_HANDLER = SUSPEND_STREAM_0 + 0x390,
    STREAM_HANDLER_LENGTH = SUSPEND_STREAM_0 + 0x398,
    STREAM_TILER_CHUNKS = SUSPEND_STREAM_0 + 0x3b8,
    STREAM_TILER_OPCODE = SUSPEND_STREAM_0 + 0x3bc,
    STREAM_TILER_SCOREBOARD = SUSPEND_STREAM_0 + 0x3bd,
    STREAM_TILER_CONTEXT = SUSPEND_STREAM_0 + 0x3c8,
    STREAM_SB_ENDPOINT = SUSPEND_STREAM_0 + 0x3e8,
    STREAM_SB_OTHER = SUSPEND_STREAM_0 + 0x3e9,
    STREAM_RESOURCES = SUSPEND_STREAM_0 + 0x1341,
};

typedef struct ResumeTest {
    const char *name;
    unsigned offset;
    unsigned size;
    uint64_t value;
    /* A second word, of 8 bytes, if it takes two to be wrong */
    unsigned also_offset;
    uint64_t also_value;
} ResumeTest;

/* Of MaliCsfStreamState */
#define STATE_FAULT 12

static const ResumeTest resume_tests[] = {
    { "magic", SUSPEND_MAGIC, 4, 0x4653434c },
    { "version", SUSPEND_VERSION, 4, 1 },
    { "size", SUSPEND_SIZE, 4, 0x100 },
    { "streams", SUSPEND_STREAMS, 4, 7 },
    { "registers", SUSPEND_REGISTERS, 4, 128 },
    { "state", STREAM_STATE, 4, 0x100 },
    { "depth", STREAM_DEPTH, 1, 8 },
    { "sb-endpoint", STREAM_SB_ENDPOINT, 1, 8 },
    { "sb-other", STREAM_SB_OTHER, 1, 8 },
    { "frame-end", STREAM_FRAMES + 8, 8, 0 },
    { "frame-odd", STREAM_FRAMES + 16, 8, 4 },
    { "handler", STREAM_HANDLER, 8, 4 },
    { "handler-wraps", STREAM_HANDLER_LENGTH, 4, 16, STREAM_HANDLER, -8ull },
    { "handler-depth", STREAM_HANDLER_DEPTH, 1, 1 },
    /* At INSERT there is no instruction that could have faulted. */
    { "fault-at-end", STREAM_STATE, 4, STATE_FAULT, STREAM_FRAMES + 16, 64 },
    { "tiler-scoreboard", STREAM_TILER_SCOREBOARD, 1, 8 },
    { "tiler-chunks", STREAM_TILER_CHUNKS, 4, 5000 },
    { "tiler-opcode", STREAM_TILER_OPCODE, 1, CS_OP_CALL },
    { "tiler-context", STREAM_TILER_CONTEXT, 8, 8 },
    { "resources", STREAM_RESOURCES, 1, 0x20 },
};

/*
 * A counter is suspended, and its buffer changed in one place or two: it
 * starts anew, at EXTRACT_INIT with empty registers.  Unchanged, it goes on.
 */
static void test_resume_field(const void *data)
{
    const ResumeTest *t = data;
    QMaliCsfBench b;
    QMaliCsfQueue *queue;
    uint64_t value = cpu_to_le64(t->value);
    uint64_t pa;

    mali_csf_bench_init(&b, NULL);
    queue = b.queue;
    pa = b.group.suspend.pa;
    submit_count(queue, b.out.va, 0);
    mali_csf_run(&b.gpu, 10 * MALI_CSF_MS);
    mali_csf_group_suspend(&b.group);
    g_assert_cmphex(qtest_readl(b.gpu.qts, pa + SUSPEND_MAGIC), ==,
                    0x4653434d);
    qtest_writel(b.gpu.qts, b.out.pa, 0);

    /* As it is: the count goes on from where it was. */
    mali_csf_group_resume(&b.group, 3);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), >, 20000);
    mali_csf_group_suspend(&b.group);

    g_assert_cmphex(qtest_readq(b.gpu.qts, pa + t->offset) &
                    MAKE_64BIT_MASK(0, t->size * 8), !=, t->value);
    qtest_memwrite(b.gpu.qts, pa + t->offset, &value, t->size);
    if (t->also_offset) {
        qtest_writeq(b.gpu.qts, pa + t->also_offset, t->also_value);
    }
    qtest_writel(b.gpu.qts, b.out.pa, 0);
    /* It is found anew at EXTRACT_INIT, the start of the ring. */
    qtest_writeq(b.gpu.qts, queue->output.pa + CS_USER_OUTPUT_EXTRACT, 0);
    mali_csf_group_resume(&b.group, 5);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), >, 0);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), <, 20000);
    g_assert_cmphex(mali_csf_queue_extract(queue), <, queue->insert);
    g_assert_false(mali_csf_queue_event(queue, CS_EVENT_FATAL));
    mali_csf_bench_quit(&b);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/firmware/" path, fn)
#define ADD_DATA(path, fn, data) \
    qtest_add_data_func("/mali-csf/firmware/" path, data, fn)

int main(int argc, char **argv)
{
    static const bool by_doorbell[] = { false, true };
    static const unsigned order[][2] = { { 3, 1 }, { 4, 9 }, { 7, 7 } };

    g_test_init(&argc, &argv, NULL);

    ADD("global/alloc-en", test_alloc_en);
    ADD("global/poweroff-timer", test_poweroff_timer);
    ADD_DATA("global/sleep/control", test_sleep, &by_doorbell[0]);
    ADD_DATA("global/sleep/doorbell", test_sleep, &by_doorbell[1]);
    ADD("global/sleep/mirror", test_sleep_mirror);
    ADD("global/sleep/then-off", test_sleep_then_off);
    ADD("global/sleep/on-idle", test_sleep_on_idle);
    ADD("global/debug", test_debug);
    ADD("global/fatal", test_fatal);

    ADD("priority/group", test_group_priority);
    ADD_DATA("priority/stream/first", test_stream_priority, order[0]);
    ADD_DATA("priority/stream/last", test_stream_priority, order[1]);
    ADD_DATA("priority/stream/equal", test_stream_priority, order[2]);
    ADD("priority/group-before-stream", test_group_before_stream);
    ADD("priority/crowd", test_priority_crowd);
    ADD("endpoints", test_endpoints);
    ADD("extract-event", test_extract_event);

    ADD("progress/timer", test_progress_timer);
    ADD("progress/made", test_progress_made);
    ADD("idle/work-of-blocked", test_idle_work_of_blocked);

    for (int i = 0; i < ARRAY_SIZE(resume_tests); i++) {
        g_autofree char *path =
            g_strdup_printf("/mali-csf/firmware/resume/%s",
                            resume_tests[i].name);

        qtest_add_data_func(path, &resume_tests[i], test_resume_field);
    }
    return g_test_run();
}
