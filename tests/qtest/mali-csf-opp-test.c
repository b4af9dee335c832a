/*
 * QTest for the Arm Mali CSF GPU: operating points of the core clock, and the
 * oscillator that a driver sets
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"

/* Behind the aperture of a G610 */
#define OSC             (MALI_CSF_BASE + 0x200000)
#define SYS_CFGDATA     (OSC + 0xa0)
#define SYS_CFGCTRL     (OSC + 0xa4)
#define SYS_CFGSTAT     (OSC + 0xa8)

#define START           (1u << 31)
#define WRITE           (1u << 30)
#define FUNCTION(n)     ((uint32_t)(n) << 20)
#define FUNCTION_OSC    FUNCTION(1)
#define COMPLETE        1
#define ERROR           2

#define MHZ             1000000u
#define OPPS            "-global mali-csf.opps=250:500:1000"

/* As vexpress_syscfg_exec() of Linux does; returns what the status says */
static uint32_t osc(QMaliCsf *gpu, uint32_t command, uint32_t data)
{
    qtest_writel(gpu->qts, SYS_CFGDATA, data);
    qtest_writel(gpu->qts, SYS_CFGSTAT, 0);
    qtest_writel(gpu->qts, SYS_CFGCTRL, command | START);
    return qtest_readl(gpu->qts, SYS_CFGSTAT);
}

static uint32_t osc_rate(QMaliCsf *gpu)
{
    g_assert_cmpuint(osc(gpu, FUNCTION_OSC, 0xdeadbeef), ==, COMPLETE);
    return qtest_readl(gpu->qts, SYS_CFGDATA);
}

static void set_rate(QMaliCsf *gpu, uint32_t hz)
{
    g_assert_cmpuint(osc(gpu, FUNCTION_OSC | WRITE, hz), ==, COMPLETE);
    g_assert_cmpuint(osc_rate(gpu), ==, hz);
}

static uint64_t cycles(QMaliCsf *gpu)
{
    return mali_csf_readq(gpu, A_CYCLE_COUNT_LO);
}

static uint64_t cycles_of_a_ms(QMaliCsf *gpu)
{
    uint64_t before = cycles(gpu);

    mali_csf_run(gpu, MALI_CSF_MS);
    return cycles(gpu) - before;
}

/* The counter goes on from where it is, at the rate that was set. */
static void test_rate(void)
{
    static const uint32_t rates[] = { 250 * MHZ, 500 * MHZ, 333333333,
                                      1000 * MHZ };
    uint64_t before;
    QMaliCsf gpu;

    mali_csf_init(&gpu, OPPS);
    g_assert_cmpuint(osc_rate(&gpu), ==, 1000 * MHZ);
    g_assert_cmpuint(cycles_of_a_ms(&gpu), ==, 1000 * MHZ / 1000);
    for (int i = 0; i < ARRAY_SIZE(rates); i++) {
        before = cycles(&gpu);
        set_rate(&gpu, rates[i]);
        g_assert_cmpuint(cycles(&gpu), ==, before);
        g_assert_cmpuint(cycles_of_a_ms(&gpu), ==, rates[i] / 1000);
    }
    mali_csf_quit(&gpu);
}

static void test_refused(void)
{
    static const struct {
        uint32_t command;
        uint32_t hz;
    } wrong[] = {
        { FUNCTION_OSC | WRITE, 250 * MHZ - 1 },
        { FUNCTION_OSC | WRITE, 1000 * MHZ + 1 },
        { FUNCTION_OSC | WRITE, 0 },
        { FUNCTION_OSC | WRITE, UINT32_MAX },
        /* Another oscillator, another function */
        { FUNCTION_OSC | WRITE | 1, 500 * MHZ },
        { FUNCTION(2) | WRITE, 500 * MHZ },
        { FUNCTION(2), 0 },
    };
    QMaliCsf gpu;

    mali_csf_init(&gpu, OPPS);
    for (int i = 0; i < ARRAY_SIZE(wrong); i++) {
        g_assert_cmpuint(osc(&gpu, wrong[i].command, wrong[i].hz), ==,
                         COMPLETE | ERROR);
        g_assert_cmpuint(osc_rate(&gpu), ==, 1000 * MHZ);
    }
    /* Without START nothing is done. */
    qtest_writel(gpu.qts, SYS_CFGDATA, 500 * MHZ);
    qtest_writel(gpu.qts, SYS_CFGCTRL, FUNCTION_OSC | WRITE);
    g_assert_cmpuint(osc_rate(&gpu), ==, 1000 * MHZ);
    mali_csf_quit(&gpu);
}

/* The oscillator is no part of the GPU: only the machine's reset resets it. */
static void test_reset(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, OPPS);
    set_rate(&gpu, 250 * MHZ);
    mali_csf_soft_reset(&gpu);
    g_assert_cmpuint(cycles(&gpu), ==, 0);
    g_assert_cmpuint(cycles_of_a_ms(&gpu), ==, 250 * MHZ / 1000);
    qtest_system_reset(gpu.qts);
    g_assert_cmpuint(osc_rate(&gpu), ==, 1000 * MHZ);
    g_assert_cmpuint(cycles(&gpu), ==, 0);
    g_assert_cmpuint(cycles_of_a_ms(&gpu), ==, 1000 * MHZ / 1000);
    mali_csf_quit(&gpu);
}

/* With one point, or by default, there is nothing to set. */
static void test_fixed(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, "-global mali-csf.opps=700");
    g_assert_cmpuint(osc(&gpu, FUNCTION_OSC, 0), ==, 0);
    g_assert_cmpuint(cycles_of_a_ms(&gpu), ==, 700 * MHZ / 1000);
    mali_csf_quit(&gpu);

    mali_csf_init(&gpu, NULL);
    g_assert_cmpuint(osc(&gpu, FUNCTION_OSC, 0), ==, 0);
    g_assert_cmpuint(cycles_of_a_ms(&gpu), ==, 1000 * MHZ / 1000);
    mali_csf_quit(&gpu);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/mali-csf/opp/rate", test_rate);
    qtest_add_func("/mali-csf/opp/refused", test_refused);
    qtest_add_func("/mali-csf/opp/reset", test_reset);
    qtest_add_func("/mali-csf/opp/fixed", test_fixed);

    return g_test_run();
}
