/*
 * QTest for the Arm Mali CSF GPU: PWR_CONTROL and the firmware interface of
 * version 4, which architecture 14 has
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"

/* With a ray-tracing unit that is powered by itself, and without */
#define ULTRA       "-global mali-csf.model=g1-ultra"
#define PRO         "-global mali-csf.model=g1-pro"
#define ULTRA_CORES 0xfffull

#define PWR(offset) (MALI_CSF_PWR_BASE + (offset))
#define RAWSTAT     PWR(A_PWR_INT + MALI_CSF_INT_RAWSTAT)
#define CLEAR       PWR(A_PWR_INT + MALI_CSF_INT_CLEAR)
#define MASK        PWR(A_PWR_INT + MALI_CSF_INT_MASK)
#define STAT        PWR(A_PWR_INT + MALI_CSF_INT_STAT)

#define L2_READY        PWR(PWR_DOMAIN_L2_BASE + PWR_DOMAIN_READY)
#define TILER_READY     PWR(PWR_DOMAIN_TILER_BASE + PWR_DOMAIN_READY)
#define SHADER_READY    PWR(PWR_DOMAIN_SHADER_BASE + PWR_DOMAIN_READY)

/* Interrupts of commands that are done, by the numbers of panthor */
#define POWERED     0x3u        /* POWER_CHANGED_SINGLE and _ALL */
#define NO_CHANGE   0x2u
#define DELEGATED   0x4u
#define RESET       0x8u
#define RETRACTED   0x14u       /* with DELEGATION_CHANGED */
#define INSPECTED   0x20u
#define NOT_ALLOWED 0x40000000u
#define INVALID     0x80000000u

#define STATUS_RESET    0x000000060000c103ull

static uint32_t command(unsigned code, unsigned domain, unsigned subdomain)
{
    return subdomain << 16 | domain << 8 | code;
}

/* Give the command; returns what it raised */
static uint32_t give(QMaliCsf *gpu, uint32_t value)
{
    mali_csf_writel(gpu, CLEAR, UINT32_MAX);
    mali_csf_writel(gpu, PWR(A_PWR_COMMAND), value);
    return mali_csf_readl(gpu, RAWSTAT);
}

static uint32_t give_with(QMaliCsf *gpu, uint32_t value, uint64_t arg)
{
    mali_csf_writeq(gpu, PWR(A_PWR_CMDARG_LO), arg);
    return give(gpu, value);
}

static uint64_t status(QMaliCsf *gpu)
{
    return mali_csf_readq(gpu, PWR(A_PWR_STATUS_LO));
}

static uint64_t with(uint64_t status, unsigned domain)
{
    return (status & ~(1ull << domain)) | 1ull << (domain + 16);
}

static void l2_on(QMaliCsf *gpu)
{
    g_assert_cmphex(give_with(gpu, command(PWR_COMMAND_POWER_UP, 0, 0), 1),
                    ==, POWERED);
}

/* Firmware that runs, and has the tiler and the shader cores */
static void boot(QMaliCsf *gpu)
{
    mali_csf_mcu_prepare(gpu);
    mali_csf_mcu_boot(gpu);
}

static void test_registers(void)
{
    static const struct {
        uint32_t offset;
        uint64_t value;
    } registers[] = {
        { 0x020, STATUS_RESET },
        { 0x030, 0 },
        { 0x100, 1 }, { 0x108, 0 }, { 0x110, 0 }, { 0x118, 0 },
        { 0x140, 1 }, { 0x148, 0 }, { 0x150, 0 }, { 0x158, 0 },
        { 0x200, ULTRA_CORES }, { 0x208, 0 }, { 0x210, 0 }, { 0x218, 0 },
        { 0x380, 1 }, { 0x388, 0 }, { 0x390, 0 }, { 0x398, 0 },
        { 0x3c0, 0 }, { 0x3c8, 0 }, { 0x3d0, 0 },
    };
    g_autofree char *unknown = NULL;
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    for (int i = 0; i < ARRAY_SIZE(registers); i++) {
        uint32_t offset = PWR(registers[i].offset);

        g_test_message("register 0x%03x", offset);
        g_assert_cmphex(mali_csf_readq(&gpu, offset), ==,
                        registers[i].value);
        if (registers[i].offset != 0x030) {
            mali_csf_writeq(&gpu, offset, ~registers[i].value);
            g_assert_cmphex(mali_csf_readq(&gpu, offset), ==,
                            registers[i].value);
        }
    }
    g_assert_cmphex(mali_csf_readl(&gpu, PWR(0x28)), ==, 0);
    unknown = mali_csf_get_property(&gpu, "unmodelled-registers");
    g_assert_cmpstr(unknown, ==, "");

    /* Both sides of it, and what is between the domains */
    g_assert_cmphex(mali_csf_readl(&gpu, 0x7fc), ==, 0);
    g_assert_cmphex(mali_csf_readl(&gpu, PWR(0x300)), ==, 0);
    g_assert_cmphex(mali_csf_readl(&gpu, 0xc00), ==, 0);
    g_free(unknown);
    unknown = mali_csf_get_property(&gpu, "unmodelled-registers");
    g_assert_nonnull(strstr(unknown, "0x007fc:"));
    g_assert_nonnull(strstr(unknown, "0x00b00:"));
    g_assert_nonnull(strstr(unknown, "0x00c00:"));
    mali_csf_quit(&gpu);
}

/* The power registers that GPU_CONTROL has up to 13 are not there. */
static void test_no_gpu_control(void)
{
    static const uint32_t offsets[] = {
        A_SHADER_PRESENT_LO, A_L2_PRESENT_LO, A_L2_READY_LO, A_L2_PWRON_LO,
        A_TILER_PWRON_LO, A_L2_PWROFF_LO, A_L2_PWRTRANS_LO,
        A_L2_PWRACTIVE_HI, A_STACK_PRESENT_LO,
    };
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    l2_on(&gpu);
    for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
        g_autofree char *name = g_strdup_printf("0x%05x:", offsets[i]);
        g_autofree char *unknown = NULL;

        g_assert_cmphex(mali_csf_readl(&gpu, offsets[i]), ==, 0);
        mali_csf_writel(&gpu, offsets[i], 1);
        unknown = mali_csf_get_property(&gpu, "unmodelled-registers");
        g_assert_nonnull(strstr(unknown, name));
    }
    g_assert_cmphex(mali_csf_readq(&gpu, L2_READY), ==, 1);
    g_assert_cmphex(mali_csf_readq(&gpu, TILER_READY), ==, 0);
    mali_csf_quit(&gpu);
}

/* And the other way round */
static void test_other_architectures(void)
{
    QMaliCsf gpu;
    g_autofree char *unknown = NULL;

    mali_csf_init(&gpu, "-global mali-csf.model=g925");
    g_assert_cmphex(mali_csf_readq(&gpu, PWR(A_PWR_STATUS_LO)), ==, 0);
    mali_csf_writel(&gpu, PWR(A_PWR_CMDARG_LO), 1);
    mali_csf_writel(&gpu, PWR(A_PWR_COMMAND),
                    command(PWR_COMMAND_POWER_UP, 0, 0));
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT), ==, 0);
    g_assert_cmphex(mali_csf_readq(&gpu, A_L2_READY_LO), ==, 0);
    unknown = mali_csf_get_property(&gpu, "unmodelled-registers");
    g_assert_nonnull(strstr(unknown, "0x00828:"));
    mali_csf_quit(&gpu);
}

static void test_interrupt(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    mali_csf_intercept_irqs(&gpu);
    mali_csf_writel(&gpu, RAWSTAT, 0x11);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT), ==, 0x11);
    g_assert_cmphex(mali_csf_readl(&gpu, STAT), ==, 0);
    g_assert_false(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));

    /* The line is high for either block, and for no other reason. */
    mali_csf_writel(&gpu, MASK, 0x10);
    g_assert_cmphex(mali_csf_readl(&gpu, STAT), ==, 0x10);
    g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    mali_csf_writel(&gpu, A_GPU_INT + MALI_CSF_INT_MASK, 1);
    mali_csf_writel(&gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT, 1);
    g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    mali_csf_writel(&gpu, CLEAR, 0x10);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT), ==, 0x1);
    g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    mali_csf_writel(&gpu, A_GPU_INT + MALI_CSF_INT_CLEAR, 1);
    g_assert_false(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));

    mali_csf_writel(&gpu, MASK, 0x1);
    g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    mali_csf_writel(&gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT, 1);
    mali_csf_writel(&gpu, A_GPU_INT + MALI_CSF_INT_CLEAR, 1);
    g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    g_assert_false(qtest_get_irq(gpu.qts, MALI_CSF_SPI_JOB));
    g_assert_false(qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
    qtest_system_reset(gpu.qts);
    g_assert_false(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    mali_csf_quit(&gpu);
}

static void test_power(void)
{
    const uint32_t up = PWR_COMMAND_POWER_UP;
    const uint32_t down = PWR_COMMAND_POWER_DOWN;
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    l2_on(&gpu);
    g_assert_cmphex(mali_csf_readq(&gpu, L2_READY), ==, 1);
    /* CMDARG is still there, and nothing changes */
    g_assert_cmphex(mali_csf_readq(&gpu, PWR(A_PWR_CMDARG_LO)), ==, 1);
    g_assert_cmphex(give(&gpu, command(up, 0, 0)), ==, NO_CHANGE);

    /* Cores add up; those that are not there are ignored */
    g_assert_cmphex(give_with(&gpu, command(up, 8, 0), 0x5), ==, POWERED);
    g_assert_cmphex(give_with(&gpu, command(up, 8, 0), 0xf00000000000f010ull),
                    ==, POWERED);
    g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, 0x15);
    g_assert_cmphex(give_with(&gpu, command(down, 8, 0), 0x4), ==, POWERED);
    g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, 0x11);
    g_assert_cmphex(give_with(&gpu, command(up, 1, 0), 1), ==, POWERED);
    g_assert_cmphex(mali_csf_readq(&gpu, TILER_READY), ==, 1);
    g_assert_cmphex(give(&gpu, command(up, 15, 0)), ==, NO_CHANGE);
    g_assert_cmphex(give(&gpu, command(up, 14, 0)), ==, POWERED);

    /* The L2 is the last to go */
    g_assert_cmphex(give_with(&gpu, command(down, 0, 0), 1), ==, NOT_ALLOWED);
    g_assert_cmphex(give_with(&gpu, command(down, 8, 0), UINT64_MAX), ==,
                    POWERED);
    g_assert_cmphex(give(&gpu, command(down, 0, 0)), ==, NOT_ALLOWED);
    g_assert_cmphex(mali_csf_readq(&gpu, L2_READY), ==, 1);
    g_assert_cmphex(give(&gpu, command(down, 1, 0)), ==, POWERED);
    g_assert_cmphex(give(&gpu, command(down, 0, 0)), ==, POWERED);
    g_assert_cmphex(mali_csf_readq(&gpu, L2_READY), ==, 0);
    g_assert_cmphex(status(&gpu), ==, STATUS_RESET);
    mali_csf_quit(&gpu);
}

static void test_subdomain(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    l2_on(&gpu);
    g_assert_cmphex(give_with(&gpu, command(PWR_COMMAND_POWER_UP, 8, 1), 1),
                    ==, POWERED);
    g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, 1);
    g_assert_cmphex(give(&gpu, command(PWR_COMMAND_POWER_DOWN, 8, 2)), ==,
                    INVALID);
    g_assert_cmphex(give(&gpu, command(PWR_COMMAND_POWER_DOWN, 1, 1)), ==,
                    INVALID);
    mali_csf_quit(&gpu);

    mali_csf_init(&gpu, PRO);
    l2_on(&gpu);
    g_assert_cmphex(give_with(&gpu, command(PWR_COMMAND_POWER_UP, 8, 1), 1),
                    ==, INVALID);
    g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, 0);
    mali_csf_quit(&gpu);
}

static void test_invalid(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    mali_csf_writeq(&gpu, PWR(A_PWR_CMDARG_LO), UINT64_MAX);
    g_assert_cmphex(give(&gpu, command(0, 0, 0)), ==, INVALID);
    g_assert_cmphex(give(&gpu, command(0x12, 0, 0)), ==, INVALID);
    g_assert_cmphex(give(&gpu, command(0xff, 0, 0)), ==, INVALID);
    for (unsigned domain = 0; domain < 256; domain++) {
        bool there = domain == 0 || domain == 1 || domain == 8 ||
                     domain == 14 || domain == 15;

        if (!there) {
            g_assert_cmphex(give(&gpu, command(PWR_COMMAND_POWER_UP, domain,
                                               0)), ==, INVALID);
        }
    }
    g_assert_cmphex(mali_csf_readq(&gpu, L2_READY), ==, 0);
    g_assert_cmphex(status(&gpu), ==, STATUS_RESET);
    g_assert_cmphex(give(&gpu, command(PWR_COMMAND_INSPECT, 0, 0)), ==,
                    INSPECTED);
    mali_csf_quit(&gpu);
}

static void test_delegate(void)
{
    const uint32_t delegate = PWR_COMMAND_DELEGATE;
    const uint32_t retract = PWR_COMMAND_RETRACT;
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    l2_on(&gpu);
    g_assert_cmphex(give(&gpu, command(delegate, 0, 0)), ==, NOT_ALLOWED);
    g_assert_cmphex(give(&gpu, command(retract, 0, 0)), ==, NOT_ALLOWED);
    g_assert_cmphex(give(&gpu, command(retract, 8, 0)), ==, NOT_ALLOWED);
    g_assert_cmphex(status(&gpu), ==, STATUS_RESET);

    g_assert_cmphex(give(&gpu, command(delegate, 8, 0)), ==, DELEGATED);
    g_assert_cmphex(status(&gpu), ==, with(STATUS_RESET, 8));
    g_assert_cmphex(give(&gpu, command(delegate, 1, 0)), ==, DELEGATED);
    g_assert_cmphex(status(&gpu), ==, with(with(STATUS_RESET, 8), 1));
    g_assert_cmphex(give(&gpu, command(delegate, 1, 0)), ==, NOT_ALLOWED);

    /* A domain of the firmware's is not the host's to command. */
    g_assert_cmphex(give_with(&gpu, command(PWR_COMMAND_POWER_UP, 8, 0), 1),
                    ==, NOT_ALLOWED);
    g_assert_cmphex(give(&gpu, command(PWR_COMMAND_POWER_DOWN, 8, 0)), ==,
                    NOT_ALLOWED);
    g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, 0);

    /* It stays so while the L2 is off and on again. */
    g_assert_cmphex(give(&gpu, command(PWR_COMMAND_POWER_DOWN, 0, 0)), ==,
                    POWERED);
    g_assert_cmphex(status(&gpu), ==, with(with(STATUS_RESET, 8), 1));
    l2_on(&gpu);
    g_assert_cmphex(status(&gpu), ==, with(with(STATUS_RESET, 8), 1));

    g_assert_cmphex(give(&gpu, command(retract, 8, 0)), ==, RETRACTED);
    g_assert_cmphex(status(&gpu), ==, with(STATUS_RESET, 1));
    g_assert_cmphex(give(&gpu, command(PWR_COMMAND_POWER_UP, 8, 0)), ==,
                    POWERED);
    g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, 1);

    /* What the host has powered, the firmware does not get. */
    g_assert_cmphex(give(&gpu, command(delegate, 8, 0)), ==, DELEGATED);
    g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, 0);
    mali_csf_quit(&gpu);
}

/* Firmware that runs powers what was delegated to it, and nothing else. */
static void test_firmware(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    mali_csf_mcu_prepare(&gpu);
    g_assert_cmphex(give(&gpu, command(PWR_COMMAND_RETRACT, 1, 0)), ==,
                    RETRACTED);
    g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, 0);
    mali_csf_mcu_boot(&gpu);
    g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, ULTRA_CORES);
    g_assert_cmphex(mali_csf_readq(&gpu, TILER_READY), ==, 0);

    /* Firmware that hangs: the host takes the cores as they are. */
    g_assert_cmphex(give_with(&gpu, command(PWR_COMMAND_POWER_DOWN, 0, 0), 1),
                    ==, NOT_ALLOWED);
    g_assert_cmphex(give(&gpu, command(PWR_COMMAND_RETRACT, 8, 0)), ==,
                    RETRACTED);
    g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, ULTRA_CORES);
    g_assert_cmphex(give_with(&gpu, command(PWR_COMMAND_POWER_DOWN, 8, 0),
                              ULTRA_CORES), ==, POWERED);
    g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, 0);
    mali_csf_quit(&gpu);
}

static void test_reset(void)
{
    static const unsigned codes[] = {
        PWR_COMMAND_RESET_SOFT, PWR_COMMAND_RESET_FAST,
    };

    for (int i = 0; i < ARRAY_SIZE(codes); i++) {
        QMaliCsf gpu;

        mali_csf_init(&gpu, ULTRA);
        boot(&gpu);
        mali_csf_writel(&gpu, MASK, 0x123);
        mali_csf_writel(&gpu, A_GPU_INT + MALI_CSF_INT_MASK, 0x456);
        mali_csf_writel(&gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT, 1);
        mali_csf_writeq(&gpu, PWR(A_PWR_CMDARG_LO), 0x77);
        g_assert_cmphex(give(&gpu, command(codes[i], 0, 0)), ==, RESET);

        g_assert_cmphex(status(&gpu), ==, STATUS_RESET);
        g_assert_cmphex(mali_csf_readq(&gpu, L2_READY), ==, 0);
        g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, 0);
        g_assert_cmphex(mali_csf_readl(&gpu, A_MCU_STATUS), ==,
                        MCU_STATUS_DISABLED);
        g_assert_cmphex(mali_csf_readq(&gpu, mali_csf_as_reg(
                            0, A_AS_TRANSCFG_LO)), ==, 1);
        /* Not GPU_INT's business, but for what it had to say before */
        g_assert_cmphex(mali_csf_readl(&gpu, A_GPU_INT +
                                       MALI_CSF_INT_RAWSTAT), ==, 0);
        g_assert_cmphex(mali_csf_readl(&gpu, MASK), ==, 0x123);
        g_assert_cmphex(mali_csf_readl(&gpu, A_GPU_INT + MALI_CSF_INT_MASK),
                        ==, 0x456);
        g_assert_cmphex(mali_csf_readq(&gpu, PWR(A_PWR_CMDARG_LO)), ==, 0);
        mali_csf_quit(&gpu);
    }
}

/* GPU_COMMAND does not reset any more. */
static void test_gpu_command_reset(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    l2_on(&gpu);
    mali_csf_writel(&gpu, A_GPU_COMMAND, GPU_COMMAND_RESET |
                    GPU_RESET_SOFT << R_GPU_COMMAND_PAYLOAD_SHIFT);
    g_assert_cmphex(mali_csf_readl(&gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT),
                    ==, 0);
    g_assert_cmphex(mali_csf_readq(&gpu, L2_READY), ==, 1);
    mali_csf_quit(&gpu);
}

/* L2 off drops cached translations here as well. */
static void test_l2_off_drops(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, ULTRA);
    qtest_writel(b.gpu.qts, b.code.pa, 0x1234);
    qtest_writel(b.gpu.qts, b.code.pa + MALI_CSF_PAGE, 0x5678);
    g_assert_cmphex(mali_csf_bench_load(&b, b.code.va), ==, 0x1234);
    /* Somewhere else now, and no invalidation */
    mali_csf_map(&b.vm, b.code.va, b.code.pa + MALI_CSF_PAGE, MALI_CSF_PAGE,
                 0);
    g_assert_cmphex(mali_csf_bench_load(&b, b.code.va), ==, 0x1234);
    for (int i = 0; i < 2; i++) {
        unsigned domain = i ? PWR_DOMAIN_TILER : PWR_DOMAIN_SHADER;

        g_assert_cmphex(give(&b.gpu, command(PWR_COMMAND_RETRACT, domain,
                                             0)), ==, RETRACTED);
        /* Idle firmware may have taken the cores off already. */
        g_assert_cmphex(give_with(&b.gpu, command(PWR_COMMAND_POWER_DOWN,
                                                  domain, 0), ULTRA_CORES) |
                        POWERED, ==, POWERED);
    }
    g_assert_cmphex(give(&b.gpu, command(PWR_COMMAND_POWER_DOWN, 0, 0)), ==,
                    POWERED);
    l2_on(&b.gpu);
    g_assert_cmphex(mali_csf_bench_load(&b, b.code.va), ==, 0x5678);
    mali_csf_bench_quit(&b);
}

static void inject(QMaliCsf *gpu, const char *kind)
{
    qtest_qmp_assert_success(gpu->qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s, 'count': 1,"
                             " 'kind': %s, 'delay-ns': 5000000}}",
                             MALI_CSF_QOM_PATH, kind);
}

/* What can be held up with GPU_CONTROL can be here. */
static void test_injected(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    inject(&gpu, "l2-power-on");
    g_assert_cmphex(give_with(&gpu, command(PWR_COMMAND_POWER_UP, 0, 0), 1),
                    ==, 0);
    g_assert_cmphex(mali_csf_readq(&gpu, L2_READY), ==, 0);
    mali_csf_run(&gpu, 6 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT), ==, POWERED);
    g_assert_cmphex(mali_csf_readq(&gpu, L2_READY), ==, 1);

    inject(&gpu, "l2-power-off");
    g_assert_cmphex(give(&gpu, command(PWR_COMMAND_POWER_DOWN, 0, 0)), ==, 0);
    g_assert_cmphex(mali_csf_readq(&gpu, L2_READY), ==, 1);
    mali_csf_run(&gpu, 6 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT), ==, POWERED);
    g_assert_cmphex(mali_csf_readq(&gpu, L2_READY), ==, 0);

    g_assert_cmphex(give(&gpu, command(PWR_COMMAND_DELEGATE, 8, 0)), ==,
                    DELEGATED);
    inject(&gpu, "gpu-reset");
    g_assert_cmphex(give(&gpu, command(PWR_COMMAND_RESET_SOFT, 0, 0)), ==, 0);
    g_assert_cmphex(status(&gpu), ==, with(STATUS_RESET, 8));
    mali_csf_run(&gpu, 6 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT), ==, RESET);
    g_assert_cmphex(status(&gpu), ==, STATUS_RESET);
    mali_csf_quit(&gpu);
}

/* Interface of version 4 */

static uint32_t glb_state(QMaliCsf *gpu)
{
    return qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK) >> 12 & 7;
}

static void ask_state(QMaliCsf *gpu, unsigned state)
{
    mali_csf_update(gpu, gpu->glb_in + GLB_REQ, state << 12, 7u << 12);
    mali_csf_doorbell(gpu, 0);
}

static void test_glb_state(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    boot(&gpu);
    mali_csf_global_init(&gpu);

    /* Halt, sleep, suspend */
    for (unsigned state = 1; state <= 3; state++) {
        g_assert_cmpuint(glb_state(&gpu), ==, 0);
        mali_csf_update(&gpu, gpu.glb_in + GLB_ACK_IRQ_MASK, 7u << 12,
                        7u << 12);
        mali_csf_writel(&gpu, MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR,
                        UINT32_MAX);
        ask_state(&gpu, state);
        g_assert_true(mali_csf_wait_reg(&gpu, A_MCU_STATUS, UINT32_MAX,
                                        MCU_STATUS_HALT, MALI_CSF_TIMEOUT));
        g_assert_cmpuint(glb_state(&gpu), ==, state);
        g_assert_cmphex(mali_csf_readl(&gpu, MALI_CSF_JOB_CONTROL_BASE +
                                       MALI_CSF_INT_RAWSTAT) &
                        JOB_INT_GLOBAL_IF, ==, JOB_INT_GLOBAL_IF);
        /* Delegated domains are off while nothing runs. */
        g_assert_cmphex(mali_csf_readq(&gpu, SHADER_READY), ==, 0);

        mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
        mali_csf_update(&gpu, gpu.glb_in + GLB_REQ, 0, 7u << 12);
        mali_csf_mcu_boot(&gpu);
        mali_csf_global_init(&gpu);
    }
    mali_csf_quit(&gpu);
}

/* HALT is no bit of this version, and SLEEP a part of the field. */
static void test_glb_halt_bit(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    boot(&gpu);
    mali_csf_global_init(&gpu);
    mali_csf_glb_request(&gpu, GLB_HALT, GLB_HALT);
    g_assert_cmphex(mali_csf_readl(&gpu, A_MCU_STATUS), ==,
                    MCU_STATUS_ENABLED);
    mali_csf_quit(&gpu);
}

/* And the field is none of a version before 4.1, but for SLEEP. */
static void test_glb_state_before(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, "-global mali-csf.model=g925");
    mali_csf_mcu_prepare(&gpu);
    mali_csf_mcu_boot(&gpu);
    mali_csf_global_init(&gpu);
    mali_csf_glb_request(&gpu, 2u << 12, 7u << 12);
    g_assert_cmphex(mali_csf_readl(&gpu, A_MCU_STATUS), ==,
                    MCU_STATUS_ENABLED);
    mali_csf_glb_request(&gpu, GLB_HALT, GLB_HALT);
    g_assert_cmphex(mali_csf_readl(&gpu, A_MCU_STATUS), ==, MCU_STATUS_HALT);
    mali_csf_quit(&gpu);
}

/* Who boots without asking for ACTIVE finds the firmware halted again. */
static void test_glb_state_stale(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, ULTRA);
    boot(&gpu);
    mali_csf_global_init(&gpu);
    ask_state(&gpu, GLB_STATE_HALT);
    g_assert_true(mali_csf_wait_reg(&gpu, A_MCU_STATUS, UINT32_MAX,
                                    MCU_STATUS_HALT, MALI_CSF_TIMEOUT));
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    mali_csf_mcu_boot(&gpu);
    g_assert_cmpuint(glb_state(&gpu), ==, GLB_STATE_ACTIVE);
    mali_csf_doorbell(&gpu, 0);
    g_assert_true(mali_csf_wait_reg(&gpu, A_MCU_STATUS, UINT32_MAX,
                                    MCU_STATUS_HALT, MALI_CSF_TIMEOUT));
    mali_csf_quit(&gpu);
}

/* EP_REQ2 from version 4.0 on, EP_REQ before */
static void test_ep_req(void)
{
    static const struct {
        const char *args;
        uint32_t status;
    } products[] = {
        { ULTRA, 0x10203 },
        { PRO, 0x10203 },
        { "-global mali-csf.model=g925", 0x50607 },
    };

    for (int i = 0; i < ARRAY_SIZE(products); i++) {
        QMaliCsfBench b;
        uint64_t in, out;

        mali_csf_bench_init(&b, products[i].args);
        in = b.gpu.csg_in[0];
        out = b.gpu.csg_out[0];
        qtest_writeq(b.gpu.qts, in + CSG_EP_REQ2, 0x70010203);
        qtest_writel(b.gpu.qts, in + CSG_EP_REQ, 0x40050607);
        mali_csf_toggle(&b.gpu, in + CSG_REQ, out + CSG_ACK,
                        CSG_EP_CFG | CSG_STATUS_UPDATE);
        mali_csf_csg_ring(&b.gpu, 0);
        g_assert_true(mali_csf_csg_wait(&b.gpu, 0,
                                        CSG_EP_CFG | CSG_STATUS_UPDATE));
        g_assert_cmphex(qtest_readl(b.gpu.qts, out + CSG_STATUS_EP_REQ), ==,
                        products[i].status);
        mali_csf_bench_quit(&b);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/mali-csf/pwr/registers", test_registers);
    qtest_add_func("/mali-csf/pwr/no-gpu-control", test_no_gpu_control);
    qtest_add_func("/mali-csf/pwr/other-architectures",
                   test_other_architectures);
    qtest_add_func("/mali-csf/pwr/interrupt", test_interrupt);
    qtest_add_func("/mali-csf/pwr/power", test_power);
    qtest_add_func("/mali-csf/pwr/subdomain", test_subdomain);
    qtest_add_func("/mali-csf/pwr/invalid", test_invalid);
    qtest_add_func("/mali-csf/pwr/delegate", test_delegate);
    qtest_add_func("/mali-csf/pwr/firmware", test_firmware);
    qtest_add_func("/mali-csf/pwr/reset", test_reset);
    qtest_add_func("/mali-csf/pwr/gpu-command-reset",
                   test_gpu_command_reset);
    qtest_add_func("/mali-csf/pwr/l2-off-drops", test_l2_off_drops);
    qtest_add_func("/mali-csf/pwr/injected", test_injected);
    qtest_add_func("/mali-csf/pwr/glb-state", test_glb_state);
    qtest_add_func("/mali-csf/pwr/glb-halt-bit", test_glb_halt_bit);
    qtest_add_func("/mali-csf/pwr/glb-state-before", test_glb_state_before);
    qtest_add_func("/mali-csf/pwr/glb-state-stale", test_glb_state_stale);
    qtest_add_func("/mali-csf/pwr/ep-req", test_ep_req);

    return g_test_run();
}
