/*
 * QTest for the firmware interface of the Arm Mali CSF GPU: what the global
 * requests do
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)
#define CORES           0x50005

#define GPU_RAWSTAT     (A_GPU_INT + MALI_CSF_INT_RAWSTAT)
#define GPU_CLEAR       (A_GPU_INT + MALI_CSF_INT_CLEAR)
#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define JOB_CLEAR       (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR)

/* Toggle a request of the global interface and wait for its answer */
static void toggle(QMaliCsf *gpu, uint32_t bit)
{
    mali_csf_glb_request(gpu, ~qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK),
                         bit);
}

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
    toggle(&b.gpu, GLB_CFG_ALLOC_EN);
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
    toggle(&b.gpu, GLB_CFG_POWEROFF_TIMER);
    mali_csf_group_terminate(&b.group);
    mali_csf_run(&b.gpu, 900 * MALI_CSF_US);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, CORES);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, 0);

    /* Zero: never */
    qtest_writel(b.gpu.qts, b.gpu.glb_in + GLB_PWROFF_TIMER, 0);
    toggle(&b.gpu, GLB_CFG_POWEROFF_TIMER);
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
    toggle(&b.gpu, GLB_DEBUG_CSF);
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

#define ADD(path, fn) qtest_add_func("/mali-csf/firmware/" path, fn)
#define ADD_DATA(path, fn, data) \
    qtest_add_data_func("/mali-csf/firmware/" path, data, fn)

int main(int argc, char **argv)
{
    static const bool yes = true, no = false;

    g_test_init(&argc, &argv, NULL);

    ADD("global/alloc-en", test_alloc_en);
    ADD("global/poweroff-timer", test_poweroff_timer);
    ADD_DATA("global/sleep/control", test_sleep, &no);
    ADD_DATA("global/sleep/doorbell", test_sleep, &yes);
    ADD("global/sleep/mirror", test_sleep_mirror);
    ADD("global/sleep/then-off", test_sleep_then_off);
    ADD("global/debug", test_debug);
    ADD("global/fatal", test_fatal);

    return g_test_run();
}
