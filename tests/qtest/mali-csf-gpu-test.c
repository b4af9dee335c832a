/*
 * QTest for the Arm Mali CSF GPU: identity, interrupts, resets, cache
 * flush, power, counters, properties
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"

#define RAWSTAT(base)   ((base) + MALI_CSF_INT_RAWSTAT)
#define CLEAR(base)     ((base) + MALI_CSF_INT_CLEAR)
#define MASK(base)      ((base) + MALI_CSF_INT_MASK)
#define STAT(base)      ((base) + MALI_CSF_INT_STAT)

typedef struct IrqBlock {
    const char *name;
    uint32_t base;
    int spi;
    /* Two bits that the block has */
    uint32_t a;
    uint32_t b;
} IrqBlock;

static const IrqBlock blocks[] = {
    { "gpu", A_GPU_INT, MALI_CSF_SPI_GPU,
      R_GPU_INT_FAULT_MASK, R_GPU_INT_RESET_COMPLETED_MASK },
    { "job", MALI_CSF_JOB_CONTROL_BASE, MALI_CSF_SPI_JOB,
      JOB_INT_CSG(0), JOB_INT_GLOBAL_IF },
    { "mmu", MALI_CSF_MMU_BASE + MALI_CSF_MMU_INT, MALI_CSF_SPI_MMU,
      MALI_CSF_MMU_INT_FAULT(0), MALI_CSF_MMU_INT_FAULT(7) },
};

static uint32_t gpu_reset_command(uint32_t kind)
{
    return GPU_COMMAND_RESET | kind << R_GPU_COMMAND_PAYLOAD_SHIFT;
}

/* Identity */

static void test_identity(void)
{
    static const struct {
        uint32_t offset;
        uint32_t value;
    } g610[] = {
        /*
         * Logged by RK3588 boards, but for MMU_FEATURES and MEM_FEATURES, and
         * TEXTURE_FEATURES_0, see models.c
         */
        { A_GPU_ID, 0xa8670005 },
        { A_L2_FEATURES, 0x07120306 },
        { A_CORE_FEATURES, 0 },
        { A_TILER_FEATURES, 0x809 },
        { A_MEM_FEATURES, 0x301 },
        { A_MMU_FEATURES, 0x2830 },
        { A_AS_PRESENT, 0xff },
        { A_CSF_ID, 0x040a0412 },
        { A_GPU_FEATURES_LO, 0 },
        { A_GPU_FEATURES_HI, 0 },
        { A_THREAD_MAX_THREADS, 2048 },
        { A_THREAD_MAX_WORKGROUP_SIZE, 1024 },
        { A_THREAD_MAX_BARRIER_SIZE, 1024 },
        { A_THREAD_FEATURES, 0x04010000 },
        { A_TEXTURE_FEATURES_0, 0x01000000 },
        { A_TEXTURE_FEATURES_1, 0 },
        { A_TEXTURE_FEATURES_2, 0 },
        { A_TEXTURE_FEATURES_3, 0 },
        { A_SHADER_PRESENT_LO, 0x50005 },
        { A_SHADER_PRESENT_HI, 0 },
        { A_TILER_PRESENT_LO, 1 },
        { A_TILER_PRESENT_HI, 0 },
        { A_L2_PRESENT_LO, 1 },
        { A_L2_PRESENT_HI, 0 },
        { A_STACK_PRESENT_LO, 0 },
        { A_REVIDR, 0 },
        { A_THREAD_TLS_ALLOC, 0 },
        { A_COHERENCY_FEATURES, 0 },
        { A_GPU_FAULTSTATUS, 0 },
        { A_MCU_STATUS, MCU_STATUS_DISABLED },
        { A_MCU_CONTROL, MCU_CONTROL_DISABLE },
    };
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    for (int i = 0; i < ARRAY_SIZE(g610); i++) {
        g_test_message("register 0x%03x", g610[i].offset);
        g_assert_cmphex(mali_csf_readl(&gpu, g610[i].offset), ==,
                        g610[i].value);
    }
    mali_csf_quit(&gpu);
}

static void test_identity_read_only(void)
{
    static const uint32_t offsets[] = {
        A_GPU_ID, A_L2_FEATURES, A_MMU_FEATURES, A_AS_PRESENT,
        A_SHADER_PRESENT_LO, A_L2_PRESENT_LO, A_L2_READY_LO,
        A_COHERENCY_FEATURES, A_MCU_STATUS, A_GPU_STATUS,
        A_GPU_FAULTSTATUS, MALI_CSF_USER_BASE + A_LATEST_FLUSH_ID,
    };
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
        uint32_t old = mali_csf_readl(&gpu, offsets[i]);

        g_test_message("register 0x%05x", offsets[i]);
        mali_csf_writel(&gpu, offsets[i], ~old);
        g_assert_cmphex(mali_csf_readl(&gpu, offsets[i]), ==, old);
    }
    mali_csf_quit(&gpu);
}

static void test_storage(void)
{
    static const uint32_t offsets[] = {
        A_L2_CONFIG, A_PWR_OVERRIDE0, A_PWR_OVERRIDE1, A_CSF_CONFIG,
        A_SHADER_CONFIG, A_TILER_CONFIG, A_L2_MMU_CONFIG,
        A_TIMESTAMP_OFFSET_LO, A_TIMESTAMP_OFFSET_HI,
    };
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
        g_assert_cmphex(mali_csf_readl(&gpu, offsets[i]), ==, 0);
        mali_csf_writel(&gpu, offsets[i], 0x01000000 + i);
    }
    for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
        g_test_message("register 0x%03x", offsets[i]);
        g_assert_cmphex(mali_csf_readl(&gpu, offsets[i]), ==,
                        0x01000000 + i);
    }
    mali_csf_quit(&gpu);
}

/* Accesses */

static void test_access_64bit(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    g_assert_cmphex(qtest_readq(gpu.qts, MALI_CSF_BASE + A_GPU_ID), ==,
                    0x07120306a8670005ull);
    qtest_writeq(gpu.qts, MALI_CSF_BASE + mali_csf_as_reg(1,
                                                          A_AS_TRANSTAB_LO),
                 0x123456789000ull);
    g_assert_cmphex(mali_csf_readq(&gpu, mali_csf_as_reg(1,
                                                         A_AS_TRANSTAB_LO)),
                    ==, 0x123456789000ull);
    mali_csf_quit(&gpu);
}

static void test_access_narrow(void)
{
    const uint64_t mask = MALI_CSF_BASE + MASK(A_GPU_INT);
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    g_assert_cmphex(qtest_readb(gpu.qts, MALI_CSF_BASE + A_GPU_ID), ==, 0);
    g_assert_cmphex(qtest_readw(gpu.qts, MALI_CSF_BASE + A_GPU_ID), ==, 0);
    g_assert_cmphex(qtest_readl(gpu.qts, MALI_CSF_BASE + A_GPU_ID + 2), ==,
                    0);
    qtest_writel(gpu.qts, mask, 0x100);
    qtest_writeb(gpu.qts, mask, 0x1);
    qtest_writew(gpu.qts, mask, 0x1);
    g_assert_cmphex(qtest_readl(gpu.qts, mask), ==, 0x100);
    mali_csf_quit(&gpu);
}

static void test_access_unknown(void)
{
    /* In GPU_CONTROL, in GPU_CONTROL_MCU, in the MCU's, in IPA_CONTROL */
    static const uint32_t offsets[] = { 0x9a4, 0x3abc, 0x2fed8, 0x45678 };
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_readl(&gpu, A_GPU_ID);
    before = mali_csf_get_property(&gpu, "unmodelled-registers");
    for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
        g_autofree char *hex = g_strdup_printf("%x", offsets[i]);

        g_assert_null(strstr(before, hex));
        g_assert_cmphex(mali_csf_readl(&gpu, offsets[i]), ==, 0);
        mali_csf_writel(&gpu, offsets[i], 0xffffffff);
        g_assert_cmphex(mali_csf_readl(&gpu, offsets[i]), ==, 0);
    }
    after = mali_csf_get_property(&gpu, "unmodelled-registers");
    g_test_message("%s", after);
    for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
        g_autofree char *hex = g_strdup_printf("%x", offsets[i]);

        g_assert_nonnull(strstr(after, hex));
    }
    mali_csf_quit(&gpu);
}

/* More offsets than the model remembers: still counted, never a crash */
static void test_access_unknown_many(void)
{
    g_autofree char *list = NULL;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    for (uint32_t offset = 0x40000; offset < 0x42000; offset += 4) {
        g_assert_cmphex(mali_csf_readl(&gpu, offset), ==, 0);
    }
    list = mali_csf_get_property(&gpu, "unmodelled-registers");
    g_assert_cmpuint(strlen(list), <, 64 * KiB);
    g_assert_cmphex(mali_csf_readl(&gpu, A_GPU_ID), ==, 0xa8670005);
    mali_csf_quit(&gpu);
}

/* Lines of @log with @what in them; @last is set to the last of them */
static unsigned count_lines(char **log, const char *what, const char **last)
{
    unsigned count = 0;

    for (; *log; log++) {
        if (strstr(*log, what)) {
            *last = *log;
            count++;
        }
    }
    return count;
}

/* A guest that is wrong for ever: 16 lines, and one for each doubling */
static void test_access_log(void)
{
    /* Of the lines that tell of each; the second is not hidden by the first. */
    static const struct {
        uint32_t offset;
        unsigned writes;
        const char *what;
        unsigned lines;
        const char *end;
    } cases[] = {
        { 0x9a4, 1000, "register 0x009a4 value 0x", 16 + 5,
          "value 0x200 (255 more were left out)" },
        { 0x3abc, 1, "register 0x03abc value 0x", 1, "value 0x1" },
        { 0x9a8, 32, "register 0x009a8 value 0x", 16 + 1,
          "value 0x20 (15 more were left out)" },
        { A_GPU_ID, 100, "to read-only GPU_ID", 16 + 2,
          "(31 more were left out)" },
    };
    g_autofree char *path = NULL;
    g_autofree char *args = NULL;
    g_autofree char *text = NULL;
    g_autofree char *list = NULL;
    g_auto(GStrv) lines = NULL;
    int fd = g_file_open_tmp("mali-csf-log-XXXXXX", &path, NULL);
    QMaliCsf gpu;

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    args = g_strdup_printf("-d unimp,guest_errors -D %s", path);
    mali_csf_init(&gpu, args);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        for (unsigned n = 1; n <= cases[i].writes; n++) {
            mali_csf_writel(&gpu, cases[i].offset, n);
        }
    }
    list = mali_csf_get_property(&gpu, "unmodelled-registers");
    mali_csf_quit(&gpu);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    unlink(path);
    lines = g_strsplit(text, "\n", -1);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *last = "";

        g_assert_cmpuint(count_lines(lines, cases[i].what, &last), ==,
                         cases[i].lines);
        g_assert_true(g_str_has_suffix(last, cases[i].end));
    }
    /* What is not told is counted all the same. */
    g_assert_nonnull(strstr(list, "0x009a4: 0 reads, 1000 writes"));
}

static void test_access_doorbell(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    for (unsigned i = 0; i <= 8; i++) {
        mali_csf_doorbell(&gpu, i);
        g_assert_cmphex(mali_csf_readl(&gpu, MALI_CSF_DOORBELL_BASE +
                                       i * MALI_CSF_DOORBELL_SIZE), ==, 0);
    }
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(MALI_CSF_JOB_CONTROL_BASE)),
                    ==, 0);
    mali_csf_quit(&gpu);
}

/* Interrupt registers */

static void test_irq_rawstat_or(const void *data)
{
    const IrqBlock *block = data;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(block->base)), ==, 0);
    mali_csf_writel(&gpu, RAWSTAT(block->base), block->a);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(block->base)), ==,
                    block->a);
    mali_csf_writel(&gpu, RAWSTAT(block->base), block->b);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(block->base)), ==,
                    block->a | block->b);
    mali_csf_writel(&gpu, RAWSTAT(block->base), 0);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(block->base)), ==,
                    block->a | block->b);
    mali_csf_quit(&gpu);
}

static void test_irq_clear(const void *data)
{
    const IrqBlock *block = data;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_writel(&gpu, MASK(block->base), ~0u);
    mali_csf_writel(&gpu, RAWSTAT(block->base), block->a | block->b);
    mali_csf_writel(&gpu, CLEAR(block->base), 0);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(block->base)), ==,
                    block->a | block->b);
    mali_csf_writel(&gpu, CLEAR(block->base), block->a);
    g_assert_cmphex(mali_csf_readl(&gpu, CLEAR(block->base)), ==, 0);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(block->base)), ==,
                    block->b);
    g_assert_cmphex(mali_csf_readl(&gpu, STAT(block->base)), ==, block->b);
    /* What was cleared can be latched again. */
    mali_csf_writel(&gpu, RAWSTAT(block->base), block->a);
    g_assert_cmphex(mali_csf_readl(&gpu, STAT(block->base)), ==,
                    block->a | block->b);
    mali_csf_quit(&gpu);
}

static void test_irq_mask(const void *data)
{
    const IrqBlock *block = data;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    g_assert_cmphex(mali_csf_readl(&gpu, MASK(block->base)), ==, 0);
    mali_csf_writel(&gpu, MASK(block->base), block->a);
    g_assert_cmphex(mali_csf_readl(&gpu, MASK(block->base)), ==, block->a);
    mali_csf_writel(&gpu, RAWSTAT(block->base), block->a | block->b);
    g_assert_cmphex(mali_csf_readl(&gpu, STAT(block->base)), ==, block->a);
    /* STAT cannot be written. */
    mali_csf_writel(&gpu, STAT(block->base), 0);
    mali_csf_writel(&gpu, STAT(block->base), ~0u);
    g_assert_cmphex(mali_csf_readl(&gpu, STAT(block->base)), ==, block->a);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(block->base)), ==,
                    block->a | block->b);
    mali_csf_quit(&gpu);
}

static void test_irq_latched_while_masked(const void *data)
{
    const IrqBlock *block = data;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_intercept_irqs(&gpu);
    mali_csf_writel(&gpu, RAWSTAT(block->base), block->a);
    g_assert_cmphex(mali_csf_readl(&gpu, STAT(block->base)), ==, 0);
    g_assert_false(qtest_get_irq(gpu.qts, block->spi));
    mali_csf_writel(&gpu, MASK(block->base), block->b);
    g_assert_false(qtest_get_irq(gpu.qts, block->spi));
    mali_csf_writel(&gpu, MASK(block->base), block->a);
    g_assert_cmphex(mali_csf_readl(&gpu, STAT(block->base)), ==, block->a);
    g_assert_true(qtest_get_irq(gpu.qts, block->spi));
    mali_csf_quit(&gpu);
}

static void test_irq_level(const void *data)
{
    const IrqBlock *block = data;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_intercept_irqs(&gpu);
    mali_csf_writel(&gpu, MASK(block->base), block->a | block->b);
    g_assert_false(qtest_get_irq(gpu.qts, block->spi));
    mali_csf_writel(&gpu, RAWSTAT(block->base), block->a);
    for (int spi = MALI_CSF_SPI_JOB; spi <= MALI_CSF_SPI_GPU; spi++) {
        g_assert_cmpint(qtest_get_irq(gpu.qts, spi), ==, spi == block->spi);
    }
    mali_csf_writel(&gpu, RAWSTAT(block->base), block->b);
    mali_csf_writel(&gpu, CLEAR(block->base), block->a);
    g_assert_true(qtest_get_irq(gpu.qts, block->spi));
    mali_csf_writel(&gpu, MASK(block->base), block->a);
    g_assert_false(qtest_get_irq(gpu.qts, block->spi));
    mali_csf_writel(&gpu, MASK(block->base), block->b);
    g_assert_true(qtest_get_irq(gpu.qts, block->spi));
    mali_csf_writel(&gpu, CLEAR(block->base), block->b);
    g_assert_false(qtest_get_irq(gpu.qts, block->spi));
    mali_csf_quit(&gpu);
}

/* Resets */

/* Leave something in each block that a reset has to take away */
static void dirty(QMaliCsf *gpu)
{
    mali_csf_mcu_prepare(gpu);
    mali_csf_mcu_boot(gpu);
    for (int i = 0; i < ARRAY_SIZE(blocks); i++) {
        mali_csf_writel(gpu, RAWSTAT(blocks[i].base), blocks[i].a);
    }
    mali_csf_writel(gpu, MASK(A_GPU_INT), R_GPU_INT_RESET_COMPLETED_MASK |
                    R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK);
    mali_csf_writeq(gpu, mali_csf_as_reg(1, A_AS_TRANSTAB_LO), 0x44000000);
    mali_csf_writeq(gpu, mali_csf_as_reg(1, A_AS_MEMATTR_LO),
                    MALI_CSF_MEMATTR);
    mali_csf_writel(gpu, A_TILER_PWRON_LO, 1);
    mali_csf_lock(gpu, 1, MALI_CSF_LOCK_ALL);
}

static void assert_after_reset(QMaliCsf *gpu)
{
    g_assert_cmphex(mali_csf_readl(gpu, RAWSTAT(MALI_CSF_JOB_CONTROL_BASE)),
                    ==, 0);
    g_assert_cmphex(mali_csf_readl(gpu, RAWSTAT(MALI_CSF_MMU_BASE)), ==, 0);
    g_assert_cmphex(mali_csf_readl(gpu, A_L2_READY_LO), ==, 0);
    g_assert_cmphex(mali_csf_readl(gpu, A_TILER_READY_LO), ==, 0);
    g_assert_cmphex(mali_csf_readl(gpu, A_SHADER_READY_LO), ==, 0);
    g_assert_cmpuint(mali_csf_readl(gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_DISABLED);
    g_assert_cmpuint(mali_csf_readl(gpu, A_MCU_CONTROL), ==,
                     MCU_CONTROL_DISABLE);
    for (unsigned as = 0; as < 2; as++) {
        g_assert_cmphex(mali_csf_readq(gpu, mali_csf_as_reg(
                            as, A_AS_TRANSTAB_LO)), ==, 0);
        g_assert_cmphex(mali_csf_readq(gpu, mali_csf_as_reg(
                            as, A_AS_MEMATTR_LO)), ==, 0);
        g_assert_cmphex(mali_csf_readl(gpu, mali_csf_as_reg(
                            as, A_AS_FAULTSTATUS)), ==, 0);
        g_assert_cmphex(mali_csf_readl(gpu, mali_csf_as_reg(
                            as, A_AS_STATUS)), ==, 0);
    }
}

static void test_reset_soft(void)
{
    const uint32_t mask = R_GPU_INT_RESET_COMPLETED_MASK |
                          R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_intercept_irqs(&gpu);
    dirty(&gpu);
    g_assert_false(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    mali_csf_writel(&gpu, A_GPU_COMMAND, gpu_reset_command(GPU_RESET_SOFT));
    g_assert(mali_csf_wait_reg(&gpu, RAWSTAT(A_GPU_INT),
                               R_GPU_INT_RESET_COMPLETED_MASK,
                               R_GPU_INT_RESET_COMPLETED_MASK,
                               MALI_CSF_TIMEOUT));
    /* The mask survives, so the interrupt comes; no other bit is left. */
    g_assert_cmphex(mali_csf_readl(&gpu, MASK(A_GPU_INT)), ==, mask);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(A_GPU_INT)), ==,
                    R_GPU_INT_RESET_COMPLETED_MASK);
    g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    assert_after_reset(&gpu);
    mali_csf_quit(&gpu);
}

static void test_reset_soft_boots_again(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    for (int i = 0; i < 3; i++) {
        dirty(&gpu);
        mali_csf_global_init(&gpu);
        mali_csf_soft_reset(&gpu);
        assert_after_reset(&gpu);
    }
    mali_csf_quit(&gpu);
}

static void test_reset_hard(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    dirty(&gpu);
    mali_csf_writel(&gpu, A_L2_CONFIG, 0x01000000);
    mali_csf_writeq(&gpu, A_TIMESTAMP_OFFSET_LO, 0x123456789ull);
    mali_csf_writel(&gpu, A_GPU_COMMAND, gpu_reset_command(GPU_RESET_HARD));
    g_assert(mali_csf_wait_reg(&gpu, RAWSTAT(A_GPU_INT), ~0u,
                               R_GPU_INT_RESET_COMPLETED_MASK,
                               MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_readl(&gpu, MASK(A_GPU_INT)), ==, 0);
    g_assert_cmphex(mali_csf_readl(&gpu, A_L2_CONFIG), ==, 0);
    g_assert_cmphex(mali_csf_readq(&gpu, A_TIMESTAMP_OFFSET_LO), ==, 0);
    assert_after_reset(&gpu);
    mali_csf_quit(&gpu);
}

static void test_reset_system(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    dirty(&gpu);
    mali_csf_flush_caches(&gpu, MALI_CSF_FLUSH_ALL);
    qtest_system_reset(gpu.qts);
    for (int i = 0; i < ARRAY_SIZE(blocks); i++) {
        g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(blocks[i].base)), ==, 0);
        g_assert_cmphex(mali_csf_readl(&gpu, MASK(blocks[i].base)), ==, 0);
    }
    g_assert_cmphex(mali_csf_readl(&gpu, MALI_CSF_USER_BASE +
                                   A_LATEST_FLUSH_ID), ==, 1);
    assert_after_reset(&gpu);
    mali_csf_quit(&gpu);
}

/* Payload 3 is no reset, and neither code 2 nor code 0xff is a command. */
static void test_command_unknown(void)
{
    static const uint32_t commands[] = {
        GPU_COMMAND_NOP, 0x00000301, 0x00000102, 0x000000ff,
    };
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_l2_on(&gpu);
    mali_csf_writel(&gpu, CLEAR(A_GPU_INT), ~0u);
    for (int i = 0; i < ARRAY_SIZE(commands); i++) {
        mali_csf_writel(&gpu, A_GPU_COMMAND, commands[i]);
        mali_csf_run(&gpu, MALI_CSF_MS);
        g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(A_GPU_INT)), ==, 0);
        g_assert_cmphex(mali_csf_readl(&gpu, A_L2_READY_LO), ==, 1);
    }
    mali_csf_quit(&gpu);
}

/* Cache flush */

static void test_flush_completes(void)
{
    const uint32_t done = R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK;
    static const uint32_t commands[] = {
        MALI_CSF_FLUSH_ALL, MALI_CSF_FLUSH_CLEAN,
    };
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_intercept_irqs(&gpu);
    mali_csf_writel(&gpu, MASK(A_GPU_INT), done);
    for (int l2 = 0; l2 < 2; l2++) {
        for (int i = 0; i < ARRAY_SIZE(commands); i++) {
            mali_csf_writel(&gpu, A_GPU_COMMAND, commands[i]);
            g_assert(mali_csf_wait_reg(&gpu, RAWSTAT(A_GPU_INT), done, done,
                                       MALI_CSF_TIMEOUT));
            g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
            mali_csf_writel(&gpu, CLEAR(A_GPU_INT), done);
            g_assert_false(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
        }
        mali_csf_l2_on(&gpu);
    }
    mali_csf_quit(&gpu);
}

static void test_flush_id(void)
{
    const uint32_t reg = MALI_CSF_USER_BASE + A_LATEST_FLUSH_ID;
    QMaliCsf gpu;
    uint32_t id, old;

    mali_csf_init(&gpu, NULL);
    mali_csf_l2_on(&gpu);
    id = mali_csf_readl(&gpu, reg);
    g_assert_cmphex(id, !=, 0);
    for (int i = 0; i < 100; i++) {
        old = id;
        mali_csf_flush_caches(&gpu, MALI_CSF_FLUSH_ALL);
        id = mali_csf_readl(&gpu, reg);
        g_assert_cmphex(id, >, old);
        g_assert_cmphex(id & ~R_LATEST_FLUSH_ID_ID_MASK, ==, 0);
    }
    /* Reading does not count. */
    g_assert_cmphex(mali_csf_readl(&gpu, reg), ==, id);
    mali_csf_flush_caches(&gpu, MALI_CSF_FLUSH_CLEAN);
    g_assert_cmphex(mali_csf_readl(&gpu, reg), >=, id);
    /* User space may hold an id of before the reset. */
    mali_csf_soft_reset(&gpu);
    g_assert_cmphex(mali_csf_readl(&gpu, reg), !=, 0);
    mali_csf_quit(&gpu);
}

/* Power */

static void test_power_l2(void)
{
    const uint32_t changed = R_GPU_INT_POWER_CHANGED_SINGLE_MASK |
                             R_GPU_INT_POWER_CHANGED_ALL_MASK;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    g_assert_cmphex(mali_csf_readq(&gpu, A_L2_READY_LO), ==, 0);
    mali_csf_writel(&gpu, CLEAR(A_GPU_INT), ~0u);
    mali_csf_writel(&gpu, A_L2_PWRON_LO, 1);
    g_assert(mali_csf_wait_reg(&gpu, A_L2_READY_LO, ~0u, 1,
                               20 * MALI_CSF_MS));
    g_assert_cmphex(mali_csf_readq(&gpu, A_L2_READY_LO), ==, 1);
    g_assert_cmphex(mali_csf_readq(&gpu, A_L2_PWRTRANS_LO), ==, 0);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(A_GPU_INT)) & changed, ==,
                    changed);
    mali_csf_writel(&gpu, CLEAR(A_GPU_INT), ~0u);
    mali_csf_writel(&gpu, A_L2_PWROFF_LO, 1);
    g_assert(mali_csf_wait_reg(&gpu, A_L2_READY_LO, ~0u, 0,
                               20 * MALI_CSF_MS));
    g_assert_cmphex(mali_csf_readq(&gpu, A_L2_PWRTRANS_LO), ==, 0);
    g_assert_cmphex(mali_csf_readl(&gpu, RAWSTAT(A_GPU_INT)) & changed, ==,
                    changed);
    mali_csf_quit(&gpu);
}

/* The driver's test fails for ever if READY has a bit other than 0. */
static void test_power_l2_only_bit_0(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_writel(&gpu, A_L2_PWRON_LO, 0xfffffffe);
    mali_csf_writel(&gpu, A_L2_PWRON_HI, 0xffffffff);
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&gpu, A_L2_READY_LO), ==, 0);
    mali_csf_writel(&gpu, A_L2_PWRON_LO, 0xffffffff);
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&gpu, A_L2_READY_LO), ==, 1);
    mali_csf_writel(&gpu, A_L2_PWROFF_LO, 0xfffffffe);
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&gpu, A_L2_READY_LO), ==, 1);
    mali_csf_writel(&gpu, A_L2_PWROFF_LO, 0xffffffff);
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&gpu, A_L2_READY_LO), ==, 0);
    mali_csf_quit(&gpu);
}

static void test_power_cores(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_l2_on(&gpu);
    mali_csf_writel(&gpu, A_TILER_PWRON_LO, ~0u);
    mali_csf_writel(&gpu, A_SHADER_PWRON_LO, 0xffff000f);
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&gpu, A_TILER_READY_LO), ==, 1);
    g_assert_cmphex(mali_csf_readq(&gpu, A_SHADER_READY_LO), ==, 0x50005);
    mali_csf_writel(&gpu, A_SHADER_PWROFF_LO, 0x10001);
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&gpu, A_SHADER_READY_LO), ==, 0x40004);
    mali_csf_writel(&gpu, A_L2_PWROFF_LO, 1);
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readq(&gpu, A_TILER_READY_LO), ==, 0);
    g_assert_cmphex(mali_csf_readq(&gpu, A_SHADER_READY_LO), ==, 0);
    mali_csf_quit(&gpu);
}

/* Counters */

static uint64_t read_counter(QMaliCsf *gpu, uint32_t lo)
{
    uint32_t high, low;

    do {
        high = mali_csf_readl(gpu, lo + 4);
        low = mali_csf_readl(gpu, lo);
    } while (mali_csf_readl(gpu, lo + 4) != high);
    return (uint64_t)high << 32 | low;
}

static void test_counter_timestamp(void)
{
    QMaliCsf gpu;
    uint64_t start;

    mali_csf_init(&gpu, NULL);
    start = read_counter(&gpu, A_TIMESTAMP_LO);
    /* 62.5 MHz: 16 ns a tick */
    mali_csf_run(&gpu, 16000);
    g_assert_cmpuint(read_counter(&gpu, A_TIMESTAMP_LO) - start, ==, 1000);
    mali_csf_run(&gpu, 1000 * MALI_CSF_MS);
    g_assert_cmpuint(read_counter(&gpu, A_TIMESTAMP_LO) - start, ==,
                     62501000);
    /* It stands still with the virtual clock. */
    start = read_counter(&gpu, A_TIMESTAMP_LO);
    g_assert_cmpuint(read_counter(&gpu, A_TIMESTAMP_LO), ==, start);
    mali_csf_quit(&gpu);
}

static void test_counter_timestamp_soft_reset(void)
{
    QMaliCsf gpu;
    uint64_t start;

    mali_csf_init(&gpu, NULL);
    mali_csf_run(&gpu, 16 * MALI_CSF_MS);
    start = read_counter(&gpu, A_TIMESTAMP_LO);
    g_assert_cmpuint(start, >=, 1000000);
    mali_csf_soft_reset(&gpu);
    g_assert_cmpuint(read_counter(&gpu, A_TIMESTAMP_LO), >=, start);
    mali_csf_quit(&gpu);
}

static void test_counter_timestamp_offset(void)
{
    const uint64_t offset = 0x123456789abcdef0ull;
    QMaliCsf gpu;
    uint64_t start;

    mali_csf_init(&gpu, NULL);
    start = read_counter(&gpu, A_TIMESTAMP_LO);
    mali_csf_writeq(&gpu, A_TIMESTAMP_OFFSET_LO, offset);
    g_assert_cmphex(mali_csf_readq(&gpu, A_TIMESTAMP_OFFSET_LO), ==, offset);
    g_assert_cmphex(read_counter(&gpu, A_TIMESTAMP_LO) - start, ==, offset);
    mali_csf_quit(&gpu);
}

/* Low word wraps between two steps: high, low, high tells them apart. */
static void test_counter_carry(void)
{
    QMaliCsf gpu;
    uint64_t now;
    uint32_t high;

    mali_csf_init(&gpu, NULL);
    now = read_counter(&gpu, A_TIMESTAMP_LO);
    mali_csf_writeq(&gpu, A_TIMESTAMP_OFFSET_LO, 0x6ffffffffull - now);
    g_assert_cmphex(read_counter(&gpu, A_TIMESTAMP_LO), ==, 0x6ffffffffull);
    high = mali_csf_readl(&gpu, A_TIMESTAMP_HI);
    mali_csf_run(&gpu, 16);
    g_assert_cmphex(mali_csf_readl(&gpu, A_TIMESTAMP_LO), ==, 0);
    g_assert_cmphex(mali_csf_readl(&gpu, A_TIMESTAMP_HI), ==, high + 1);
    g_assert_cmphex(read_counter(&gpu, A_TIMESTAMP_LO), ==, 0x700000000ull);
    mali_csf_quit(&gpu);
}

static void test_counter_timestamp_other_cpu(void)
{
    QMaliCsf gpu;
    uint64_t start;

    /* As that of "max" */
    mali_csf_init(&gpu, "-cpu cortex-a57,cntfrq=1000000000");
    start = read_counter(&gpu, A_TIMESTAMP_LO);
    mali_csf_run(&gpu, 16000);
    g_assert_cmpuint(read_counter(&gpu, A_TIMESTAMP_LO) - start, ==, 16000);
    mali_csf_quit(&gpu);
}

static void test_counter_cycles(void)
{
    QMaliCsf gpu;
    uint64_t a, b, c;

    mali_csf_init(&gpu, NULL);
    mali_csf_writel(&gpu, A_GPU_COMMAND, GPU_COMMAND_TIME |
                    1 << R_GPU_COMMAND_PAYLOAD_SHIFT);
    a = read_counter(&gpu, A_CYCLE_COUNT_LO);
    mali_csf_run(&gpu, MALI_CSF_MS);
    b = read_counter(&gpu, A_CYCLE_COUNT_LO);
    mali_csf_run(&gpu, MALI_CSF_MS);
    c = read_counter(&gpu, A_CYCLE_COUNT_LO);
    g_assert_cmpuint(b, >, a);
    g_assert_cmpuint(c - b, ==, b - a);
    /* 5 s at any clock that a GPU has pass the 32-bit boundary. */
    mali_csf_run(&gpu, 5000 * MALI_CSF_MS);
    g_assert_cmpuint(read_counter(&gpu, A_CYCLE_COUNT_LO) - c, ==,
                     5000 * (b - a));
    mali_csf_quit(&gpu);
}

/* Properties */

static void test_property_model_unknown(void)
{
    g_autofree char *output = mali_csf_refused("mali-csf,model=g999");

    g_assert_nonnull(strstr(output, "g999"));
    g_assert_nonnull(strstr(output, "g610"));
    g_assert_null(strstr(output, "no-such-device"));
}

static void test_property_model_known(void)
{
    g_autofree char *output = mali_csf_refused("mali-csf,model=g610");

    g_assert_nonnull(strstr(output, "no-such-device"));
    g_assert_null(strstr(output, "g610"));
}

static void test_property_unknown(void)
{
    g_autofree char *output = mali_csf_refused("mali-csf,colour=green");

    g_assert_nonnull(strstr(output, "colour"));
    g_assert_null(strstr(output, "no-such-device"));
}

static void test_property_coherent(void)
{
    for (int on = 0; on < 2; on++) {
        QMaliCsf gpu;
        uint32_t features;

        mali_csf_init(&gpu, on ? "-global mali-csf.coherent=on" :
                      "-global mali-csf.coherent=off");
        features = mali_csf_readl(&gpu, A_COHERENCY_FEATURES);
        g_assert_cmpuint(FIELD_EX32(features, COHERENCY_FEATURES, ACE_LITE),
                         ==, on);
        /* The driver tells which protocol it uses. */
        mali_csf_writel(&gpu, A_COHERENCY_PROTOCOL,
                        on ? COHERENCY_PROTOCOL_ACE_LITE :
                        COHERENCY_PROTOCOL_NONE);
        g_assert_cmpuint(mali_csf_readl(&gpu, A_COHERENCY_PROTOCOL), ==,
                         on ? COHERENCY_PROTOCOL_ACE_LITE :
                         COHERENCY_PROTOCOL_NONE);
        mali_csf_quit(&gpu);
    }
}

static void add_irq_tests(void)
{
    static const struct {
        const char *name;
        void (*fn)(const void *data);
    } tests[] = {
        { "rawstat-or", test_irq_rawstat_or },
        { "clear", test_irq_clear },
        { "mask", test_irq_mask },
        { "latched-while-masked", test_irq_latched_while_masked },
        { "level", test_irq_level },
    };

    for (int i = 0; i < ARRAY_SIZE(blocks); i++) {
        for (int j = 0; j < ARRAY_SIZE(tests); j++) {
            g_autofree char *path =
                g_strdup_printf("/mali-csf/gpu/irq/%s/%s", blocks[i].name,
                                tests[j].name);

            qtest_add_data_func(path, &blocks[i], tests[j].fn);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/mali-csf/gpu/identity/g610", test_identity);
    qtest_add_func("/mali-csf/gpu/identity/read-only",
                   test_identity_read_only);
    qtest_add_func("/mali-csf/gpu/storage", test_storage);
    qtest_add_func("/mali-csf/gpu/access/64-bit", test_access_64bit);
    qtest_add_func("/mali-csf/gpu/access/narrow", test_access_narrow);
    qtest_add_func("/mali-csf/gpu/access/unknown", test_access_unknown);
    qtest_add_func("/mali-csf/gpu/access/unknown-many",
                   test_access_unknown_many);
    qtest_add_func("/mali-csf/gpu/access/log", test_access_log);
    qtest_add_func("/mali-csf/gpu/access/doorbell", test_access_doorbell);
    add_irq_tests();
    qtest_add_func("/mali-csf/gpu/reset/soft", test_reset_soft);
    qtest_add_func("/mali-csf/gpu/reset/soft-boots-again",
                   test_reset_soft_boots_again);
    qtest_add_func("/mali-csf/gpu/reset/hard", test_reset_hard);
    qtest_add_func("/mali-csf/gpu/reset/system", test_reset_system);
    qtest_add_func("/mali-csf/gpu/command/unknown", test_command_unknown);
    qtest_add_func("/mali-csf/gpu/flush/completes", test_flush_completes);
    qtest_add_func("/mali-csf/gpu/flush/id", test_flush_id);
    qtest_add_func("/mali-csf/gpu/power/l2", test_power_l2);
    qtest_add_func("/mali-csf/gpu/power/l2-only-bit-0",
                   test_power_l2_only_bit_0);
    qtest_add_func("/mali-csf/gpu/power/cores", test_power_cores);
    qtest_add_func("/mali-csf/gpu/counter/timestamp", test_counter_timestamp);
    qtest_add_func("/mali-csf/gpu/counter/timestamp-soft-reset",
                   test_counter_timestamp_soft_reset);
    qtest_add_func("/mali-csf/gpu/counter/timestamp-offset",
                   test_counter_timestamp_offset);
    qtest_add_func("/mali-csf/gpu/counter/timestamp-other-cpu",
                   test_counter_timestamp_other_cpu);
    qtest_add_func("/mali-csf/gpu/counter/carry", test_counter_carry);
    qtest_add_func("/mali-csf/gpu/counter/cycles", test_counter_cycles);
    qtest_add_func("/mali-csf/gpu/property/model-unknown",
                   test_property_model_unknown);
    qtest_add_func("/mali-csf/gpu/property/model-known",
                   test_property_model_known);
    qtest_add_func("/mali-csf/gpu/property/unknown", test_property_unknown);
    qtest_add_func("/mali-csf/gpu/property/coherent", test_property_coherent);

    return g_test_run();
}
