/*
 * QTest for the Arm Mali CSF GPU: the microcontroller — boot, requests and
 * acknowledgements, doorbells
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/mman.h>
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "libqos/mali-csf-mcu.h"

#define JOB_MASK        (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_MASK)

/* Boot */

static void test_boot_control_block(void)
{
    QMaliCsf gpu;
    uint32_t group_stride, stream_stride;

    mali_csf_init(&gpu, NULL);
    mali_csf_mcu_prepare(&gpu);
    mali_csf_mcu_boot(&gpu);
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.shared_pa +
                                GLB_CONTROL_VERSION), ==, 0x01010000);
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.shared_pa +
                                GLB_CONTROL_FEATURES), ==, 0);
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.shared_pa +
                                GLB_CONTROL_INSTR_FEATURES), ==, 0x71);
    g_assert_cmpuint(gpu.group_num, ==, 8);
    g_assert_cmpuint(gpu.stream_num, ==, 8);
    g_assert_cmphex(gpu.suspend_size, >, 0);
    g_assert_cmphex(gpu.protm_suspend_size, >, 0);

    /* The driver refuses groups or streams that differ. */
    group_stride = qtest_readl(gpu.qts, gpu.shared_pa +
                               GLB_CONTROL_GROUP_STRIDE);
    for (unsigned i = 0; i < gpu.group_num; i++) {
        uint64_t csg = gpu.shared_pa + FW_CSG_CONTROL_OFFSET +
                       i * group_stride;

        g_assert_cmphex(qtest_readl(gpu.qts, csg + CSG_CONTROL_FEATURES), ==,
                        0);
        g_assert_cmphex(qtest_readl(gpu.qts, csg + CSG_CONTROL_SUSPEND_SIZE),
                        ==, gpu.suspend_size);
        g_assert_cmpuint(qtest_readl(gpu.qts, csg + CSG_CONTROL_STREAM_NUM),
                         ==, 8);
        stream_stride = qtest_readl(gpu.qts, csg + CSG_CONTROL_STREAM_STRIDE);
        for (unsigned j = 0; j < gpu.stream_num; j++) {
            uint64_t cs = csg + CSG_CONTROL_STREAMS + j * stream_stride;

            g_assert_cmphex(qtest_readl(gpu.qts, cs + CS_CONTROL_FEATURES),
                            ==, CS_FEATURES_WORK_REGS(96) |
                            CS_FEATURES_SCOREBOARDS(8) | CS_FEATURES_COMPUTE |
                            CS_FEATURES_FRAGMENT | CS_FEATURES_TILER);
        }
    }
    mali_csf_quit(&gpu);
}

static gint compare_u64(gconstpointer a, gconstpointer b)
{
    return *(const uint64_t *)a < *(const uint64_t *)b ? -1 : 1;
}

/* Blocks of one kind lie at least their size away from all others. */
static void test_boot_blocks_apart(void)
{
    g_autoptr(GArray) blocks = g_array_new(false, false, 2 * 8);
    QMaliCsf gpu;

    boot(&gpu, NULL);
    {
        uint64_t glb[] = { gpu.glb_in, GLB_INPUT_SIZE,
                           gpu.glb_out, GLB_OUTPUT_SIZE };

        g_array_append_vals(blocks, glb, 2);
    }
    for (unsigned i = 0; i < gpu.group_num; i++) {
        uint64_t csg[] = { gpu.csg_in[i], CSG_INPUT_SIZE,
                           gpu.csg_out[i], CSG_OUTPUT_SIZE };

        g_array_append_vals(blocks, csg, 2);
        for (unsigned j = 0; j < gpu.stream_num; j++) {
            uint64_t cs[] = { gpu.cs_in[i][j], CS_INPUT_SIZE,
                              gpu.cs_out[i][j], CS_OUTPUT_SIZE };

            g_array_append_vals(blocks, cs, 2);
        }
    }
    g_array_sort(blocks, compare_u64);
    for (unsigned i = 0; i < blocks->len; i++) {
        const uint64_t *block = (const uint64_t *)blocks->data + 2 * i;
        uint64_t end = i + 1 < blocks->len ? block[2] :
                       gpu.shared_pa + FW_SHARED_SIZE;

        g_assert_cmphex(block[0] + block[1], <=, end);
    }
    mali_csf_quit(&gpu);
}

static void test_boot_interrupts(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_intercept_irqs(&gpu);
    mali_csf_mcu_prepare(&gpu);
    mali_csf_writel(&gpu, JOB_MASK, JOB_INT_GLOBAL_IF);
    mali_csf_writel(&gpu, GPU_CLEAR, ~0u);
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    g_assert_cmpuint(mali_csf_readl(&gpu, A_MCU_CONTROL), ==,
                     MCU_CONTROL_AUTO);
    g_assert(mali_csf_wait_reg(&gpu, JOB_RAWSTAT, ~0u, JOB_INT_GLOBAL_IF,
                               1000 * MALI_CSF_MS));
    g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_JOB));
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT) &
                    R_GPU_INT_MCU_STATUS_CHANGED_MASK, !=, 0);
    /* The boot is one event. */
    mali_csf_writel(&gpu, JOB_CLEAR, ~0u);
    g_assert_false(qtest_get_irq(gpu.qts, MALI_CSF_SPI_JOB));
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&gpu, JOB_RAWSTAT), ==, 0);
    mali_csf_quit(&gpu);
}

/* Acknowledgements equal requests, whatever was left in memory. */
static void test_boot_acks(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    qtest_memset(gpu.qts, gpu.glb_out, 0xa5, 0x20);
    qtest_writel(gpu.qts, gpu.glb_in + GLB_REQ, 0x5a5a5af0);
    qtest_writel(gpu.qts, gpu.glb_in + GLB_DB_REQ, 0x12345678);
    for (unsigned i = 0; i < gpu.group_num; i++) {
        qtest_memset(gpu.qts, gpu.csg_out[i], 0xa5, 0x20);
        /* The four states, then some events */
        qtest_writel(gpu.qts, gpu.csg_in[i] + CSG_REQ,
                     0x30000010 * (i & 1) + (i & 3));
        qtest_writel(gpu.qts, gpu.csg_in[i] + CSG_DB_REQ, 0xff >> i);
        qtest_writel(gpu.qts, gpu.csg_in[i] + CSG_IRQ_ACK, 0x0f << i);
        for (unsigned j = 0; j < gpu.stream_num; j++) {
            qtest_memset(gpu.qts, gpu.cs_out[i][j], 0xa5, CS_OUTPUT_SIZE);
            qtest_writel(gpu.qts, gpu.cs_in[i][j] + CS_REQ,
                         0x80000500u + (j & 1));
        }
    }
    mali_csf_mcu_boot(&gpu);
    g_assert_cmphex(glb_ack(&gpu), ==, 0x5a5a5af0);
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.glb_out + GLB_DB_ACK), ==,
                    0x12345678);
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.glb_out + GLB_HALT_STATUS), ==,
                    0);
    for (unsigned i = 0; i < gpu.group_num; i++) {
        uint32_t req = qtest_readl(gpu.qts, gpu.csg_in[i] + CSG_REQ);

        /* All slots are inactive: START and RESUME were never done. */
        if (i & 1) {
            req &= ~CSG_STATE_MASK;
        }
        g_assert_cmphex(qtest_readl(gpu.qts, gpu.csg_out[i] + CSG_ACK), ==,
                        req);
        g_assert_cmphex(qtest_readl(gpu.qts, gpu.csg_out[i] + CSG_DB_ACK),
                        ==, 0xff >> i);
        g_assert_cmphex(qtest_readl(gpu.qts, gpu.csg_out[i] + CSG_IRQ_REQ),
                        ==, 0x0f << i);
        for (unsigned j = 0; j < gpu.stream_num; j++) {
            g_assert_cmphex(qtest_readl(gpu.qts, gpu.cs_out[i][j] + CS_ACK),
                            ==, 0x80000500u);
            g_assert_cmphex(qtest_readl(gpu.qts, gpu.cs_out[i][j] +
                                        CS_STATUS_SCOREBOARDS), ==, 0);
            g_assert_cmphex(qtest_readl(gpu.qts, gpu.cs_out[i][j] +
                                        CS_STATUS_BLOCKED_REASON), ==, 0);
        }
    }
    mali_csf_quit(&gpu);
}

static void assert_boot_fails(QMaliCsf *gpu)
{
    mali_csf_writel(gpu, GPU_CLEAR, ~0u);
    mali_csf_writel(gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    g_assert(mali_csf_wait_reg(gpu, A_MCU_STATUS, ~0u, MCU_STATUS_FATAL,
                               1000 * MALI_CSF_MS));
    mali_csf_run(gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(gpu, JOB_RAWSTAT), ==, 0);
    g_assert_cmphex(mali_csf_readl(gpu, GPU_RAWSTAT) &
                    R_GPU_INT_MCU_STATUS_CHANGED_MASK, !=, 0);
}

/* Address space 0 as after a reset */
static void test_boot_fail_unmapped(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_l2_on(&gpu);
    assert_boot_fails(&gpu);
    mali_csf_quit(&gpu);
}

/* Everything is staged, but UPDATE never came. */
static void test_boot_fail_no_update(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_mcu_prepare(&gpu);
    mali_csf_as_disable(&gpu, 0);
    mali_csf_writeq(&gpu, mali_csf_as_reg(0, A_AS_TRANSTAB_LO),
                    gpu.mcu_vm.root);
    mali_csf_writeq(&gpu, mali_csf_as_reg(0, A_AS_MEMATTR_LO),
                    MALI_CSF_MEMATTR);
    mali_csf_writeq(&gpu, mali_csf_as_reg(0, A_AS_TRANSCFG_LO),
                    MALI_CSF_TRANSCFG);
    assert_boot_fails(&gpu);
    mali_csf_quit(&gpu);
}

/* One page is missing: the last that the blocks use, then the first. */
static void test_boot_fail_hole(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_mcu_prepare(&gpu);
    mali_csf_unmap(&gpu.mcu_vm, FW_SHARED_START, MALI_CSF_PAGE);
    assert_boot_fails(&gpu);
    /* Mapped again, it starts: FATAL is left through MCU_CONTROL. */
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    g_assert_cmpuint(mali_csf_readl(&gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_DISABLED);
    mali_csf_map(&gpu.mcu_vm, FW_SHARED_START, gpu.shared_pa, MALI_CSF_PAGE,
                 0);
    mali_csf_mcu_boot(&gpu);
    mali_csf_quit(&gpu);
}

static void test_boot_fail_read_only(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_mcu_prepare(&gpu);
    mali_csf_map(&gpu.mcu_vm, FW_SHARED_START, gpu.shared_pa, FW_SHARED_SIZE,
                 MALI_CSF_PTE_AP_RDONLY);
    assert_boot_fails(&gpu);
    mali_csf_quit(&gpu);
}

/* The shared section is a device: no access, no boot. */
static void test_boot_fail_mmio(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_mcu_prepare(&gpu);
    mali_csf_map(&gpu.mcu_vm, FW_SHARED_START, 0x09000000, MALI_CSF_PAGE, 0);
    assert_boot_fails(&gpu);
    g_assert_cmphex(mali_csf_readl(&gpu, A_GPU_ID), ==, 0xa8670005);
    mali_csf_quit(&gpu);
}

/* Offsets are cached by the driver from the first boot on. */
static void test_boot_warm_identical(void)
{
    const unsigned control = 2 * MALI_CSF_PAGE;
    g_autofree uint8_t *cold = NULL;
    g_autofree uint8_t *warm = NULL;
    QMaliCsf gpu;

    boot(&gpu, NULL);
    cold = snapshot(&gpu);
    mali_csf_update(&gpu, gpu.glb_in + GLB_REQ, GLB_HALT, GLB_HALT);
    mali_csf_doorbell(&gpu, 0);
    g_assert(mali_csf_wait_reg(&gpu, A_MCU_STATUS, ~0u, MCU_STATUS_HALT,
                               MALI_CSF_TIMEOUT));
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    mali_csf_update(&gpu, gpu.glb_in + GLB_REQ, 0, GLB_HALT);
    qtest_memset(gpu.qts, gpu.shared_pa, 0xff, control);
    mali_csf_mcu_boot(&gpu);
    warm = snapshot(&gpu);
    /* Only what the control block has; the rest of it is anybody's. */
    for (unsigned i = 0; i < GLB_CONTROL_SIZE; i++) {
        g_assert_cmphex(warm[i], ==, cold[i]);
    }
    for (unsigned i = 0; i < gpu.group_num; i++) {
        uint32_t stride, offset;

        memcpy(&stride, warm + GLB_CONTROL_GROUP_STRIDE, 4);
        offset = FW_CSG_CONTROL_OFFSET + i * le32_to_cpu(stride);
        g_assert_cmpmem(warm + offset, CSG_CONTROL_STREAM_STRIDE + 4,
                        cold + offset, CSG_CONTROL_STREAM_STRIDE + 4);
        memcpy(&stride, warm + offset + CSG_CONTROL_STREAM_STRIDE, 4);
        offset += CSG_CONTROL_STREAMS;
        for (unsigned j = 0; j < gpu.stream_num; j++) {
            g_assert_cmpmem(warm + offset, 12, cold + offset, 12);
            offset += le32_to_cpu(stride);
        }
    }
    mali_csf_global_init(&gpu);
    mali_csf_quit(&gpu);
}

/* Stop */

static void test_halt(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_writel(&gpu, GPU_CLEAR, ~0u);
    mali_csf_update(&gpu, gpu.glb_in + GLB_REQ, GLB_HALT, GLB_HALT);
    /* The request counts only once the doorbell rings. */
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_readl(&gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_ENABLED);
    mali_csf_doorbell(&gpu, 0);
    g_assert(mali_csf_wait_reg(&gpu, A_MCU_STATUS, ~0u, MCU_STATUS_HALT,
                               MALI_CSF_TIMEOUT));
    g_assert_cmphex(glb_ack(&gpu) & GLB_HALT, ==, GLB_HALT);
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.glb_out + GLB_HALT_STATUS), ==,
                    0);
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT) &
                    R_GPU_INT_MCU_STATUS_CHANGED_MASK, !=, 0);

    /* Halted, it hears nothing; 6.12 clears the bit without a doorbell. */
    ping(&gpu);
    mali_csf_update(&gpu, gpu.glb_in + GLB_REQ, 0, GLB_HALT);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_readl(&gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_HALT);
    g_assert_false(ping_acked(&gpu));
    mali_csf_quit(&gpu);
}

/* 7.x leaves HALT set over the restart: no edge, no halt. */
static void test_halt_still_set_at_boot(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_update(&gpu, gpu.glb_in + GLB_REQ, GLB_HALT, GLB_HALT);
    mali_csf_doorbell(&gpu, 0);
    g_assert(mali_csf_wait_reg(&gpu, A_MCU_STATUS, ~0u, MCU_STATUS_HALT,
                               MALI_CSF_TIMEOUT));
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    mali_csf_mcu_boot(&gpu);
    ping(&gpu);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_readl(&gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_ENABLED);
    g_assert_true(ping_acked(&gpu));
    mali_csf_quit(&gpu);
}

static void test_disable(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_writel(&gpu, GPU_CLEAR, ~0u);
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    g_assert(mali_csf_wait_reg(&gpu, A_MCU_STATUS, ~0u, MCU_STATUS_DISABLED,
                               MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT) &
                    R_GPU_INT_MCU_STATUS_CHANGED_MASK, !=, 0);
    mali_csf_quit(&gpu);
}

/* Requests */

static void test_ping(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    for (int i = 0; i < 4; i++) {
        ping(&gpu);
        g_assert_false(ping_acked(&gpu));
        /* Not without the doorbell */
        mali_csf_run(&gpu, LONG_ENOUGH);
        g_assert_false(ping_acked(&gpu));
        g_assert_cmphex(mali_csf_readl(&gpu, JOB_RAWSTAT), ==, 0);
        mali_csf_doorbell(&gpu, 0);
        mali_csf_run(&gpu, LONG_ENOUGH);
        g_assert_true(ping_acked(&gpu));
        g_assert_cmphex(mali_csf_readl(&gpu, JOB_RAWSTAT), ==,
                        JOB_INT_GLOBAL_IF);
        mali_csf_writel(&gpu, JOB_CLEAR, ~0u);
    }
    mali_csf_quit(&gpu);
}

/* The write of the doorbell does nothing itself: time has to pass. */
static void test_ping_takes_time(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    ping(&gpu);
    mali_csf_doorbell(&gpu, 0);
    g_assert_false(ping_acked(&gpu));
    mali_csf_readl(&gpu, A_GPU_ID);
    g_assert_false(ping_acked(&gpu));
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_true(ping_acked(&gpu));
    mali_csf_quit(&gpu);
}

/* An acknowledgement whose bit is not in ACK_IRQ_MASK raises nothing. */
static void test_ack_irq_mask(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    qtest_writel(gpu.qts, gpu.glb_in + GLB_ACK_IRQ_MASK, ~GLB_PING);
    ping(&gpu);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_true(ping_acked(&gpu));
    g_assert_cmphex(mali_csf_readl(&gpu, JOB_RAWSTAT), ==, 0);
    qtest_writel(gpu.qts, gpu.glb_in + GLB_ACK_IRQ_MASK, GLB_PING);
    ping(&gpu);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&gpu, JOB_RAWSTAT), ==,
                    JOB_INT_GLOBAL_IF);
    mali_csf_quit(&gpu);
}

/* Toggles of all kinds at once, in both directions, and levels */
static void test_ack_all_requests(void)
{
    const uint32_t requests = GLB_CFG_PROGRESS_TIMER | GLB_CFG_ALLOC_EN |
                              GLB_CFG_POWEROFF_TIMER | GLB_PERFCNT_EN |
                              GLB_PERFCNT_SAMPLE | GLB_COUNTER_EN | GLB_PING |
                              GLB_FWCFG_UPDATE | GLB_IDLE_EN;
    QMaliCsf gpu;

    boot(&gpu, NULL);
    for (int i = 0; i < 3; i++) {
        uint32_t ack = glb_ack(&gpu);

        mali_csf_glb_request(&gpu, ~ack, requests);
        g_assert_cmphex(glb_ack(&gpu) & ~requests, ==, ack & ~requests);
    }
    mali_csf_quit(&gpu);
}

/* The host's answer to an event is no request. */
static void test_ack_of_event_is_silent(void)
{
    g_autofree uint8_t *before = NULL;
    QMaliCsf gpu;

    boot(&gpu, NULL);
    /* As if events were pending on the host's side */
    qtest_writel(gpu.qts, gpu.glb_out + GLB_ACK, glb_ack(&gpu) ^ GLB_IDLE);
    qtest_writel(gpu.qts, gpu.csg_out[2] + CSG_ACK, CSG_SYNC_UPDATE |
                 CSG_IDLE);
    mali_csf_ack_events(&gpu);
    before = snapshot(&gpu);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    assert_unchanged(&gpu, before);
    mali_csf_quit(&gpu);
}

/* 7.x rings after each interrupt: an answer would make a storm. */
static void test_doorbell_silent(void)
{
    g_autofree uint8_t *before = NULL;
    QMaliCsf gpu;

    boot(&gpu, NULL);
    before = snapshot(&gpu);
    for (int i = 0; i < 3; i++) {
        for (unsigned page = 0; page <= gpu.group_num; page++) {
            mali_csf_doorbell(&gpu, page);
        }
        mali_csf_run(&gpu, LONG_ENOUGH);
    }
    assert_unchanged(&gpu, before);
    mali_csf_quit(&gpu);
}

/* A group that is not on its slot is acknowledged, and that is all. */
static void test_doorbell_empty_slot(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_toggle(&gpu, gpu.glb_in + GLB_DB_REQ, gpu.glb_out + GLB_DB_ACK,
                    0xff);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.glb_in + GLB_DB_REQ), ==,
                    qtest_readl(gpu.qts, gpu.glb_out + GLB_DB_ACK));
    g_assert_cmphex(mali_csf_readl(&gpu, JOB_RAWSTAT), ==, 0);
    mali_csf_quit(&gpu);
}

/* Slots that do not exist, in DB_REQ and by doorbell page */
static void test_doorbell_absent_slot(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_toggle(&gpu, gpu.glb_in + GLB_DB_REQ, gpu.glb_out + GLB_DB_ACK,
                    ~0u);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_doorbell(&gpu, 20);
    mali_csf_run(&gpu, LONG_ENOUGH);
    ping(&gpu);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_true(ping_acked(&gpu));
    mali_csf_quit(&gpu);
}

static void test_doorbell_while_off(void)
{
    g_autofree uint8_t *before = NULL;
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    ping(&gpu);
    before = snapshot(&gpu);
    for (unsigned page = 0; page <= gpu.group_num; page++) {
        mali_csf_doorbell(&gpu, page);
    }
    mali_csf_run(&gpu, LONG_ENOUGH);
    assert_unchanged(&gpu, before);
    g_assert_false(ping_acked(&gpu));

    /* At the start everything is looked at anew: ACK := REQ. */
    mali_csf_mcu_boot(&gpu);
    g_assert_true(ping_acked(&gpu));
    mali_csf_quit(&gpu);
}

/* The doorbell of before the stop is not heard after the start. */
static void test_doorbell_then_off(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    ping(&gpu);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_false(ping_acked(&gpu));
    mali_csf_quit(&gpu);
}

/* The file's interface, the property's, or the model's */
static void test_interface_version(void)
{
    static const struct {
        const char *args;
        uint32_t magic;
        uint32_t version;
        uint32_t expected;
        uint32_t features;
    } cases[] = {
        { NULL, FW_DESCRIPTOR_MAGIC, FW_VERSION(1, 5, 3),
          FW_VERSION(1, 5, 3), 0x25 },
        { NULL, 0x20003000, FW_VERSION(1, 5, 3), FW_VERSION(1, 1, 0), 0 },
        { "-global mali-csf.firmware-version=3.13", FW_DESCRIPTOR_MAGIC,
          FW_VERSION(1, 5, 3), FW_VERSION(3, 13, 0), 0x25 },
        { "-global mali-csf.firmware-version=255.255.65535", 0, 0,
          UINT32_MAX, 0 },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        QMaliCsf gpu;

        mali_csf_init(&gpu, cases[i].args);
        mali_csf_mcu_prepare(&gpu);
        write_descriptor(&gpu, cases[i].magic, cases[i].version);
        mali_csf_mcu_boot(&gpu);
        assert_interface(&gpu, cases[i].expected, cases[i].features);
        mali_csf_quit(&gpu);
    }
}

/* The protocol follows: from 4.1 on there are states in place of HALT. */
static void test_interface_protocol(void)
{
    QMaliCsfBuffer page;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_mcu_prepare(&gpu);
    page = write_descriptor(&gpu, FW_DESCRIPTOR_MAGIC, FW_VERSION(4, 1, 0));
    mali_csf_mcu_boot(&gpu);
    mali_csf_global_init(&gpu);
    /* Another file, which counts from the next boot on */
    qtest_writel(gpu.qts, page.pa + FW_DESCRIPTOR_VERSION,
                 FW_VERSION(1, 1, 0));
    qtest_writel(gpu.qts, gpu.glb_in + GLB_REQ,
                 glb_ack(&gpu) | GLB_STATE(GLB_STATE_HALT));
    mali_csf_doorbell(&gpu, 0);
    g_assert_true(mali_csf_wait_reg(&gpu, A_MCU_STATUS, ~0u, MCU_STATUS_HALT,
                                    MALI_CSF_TIMEOUT));
    mali_csf_mcu_boot(&gpu);
    assert_interface(&gpu, FW_VERSION(1, 1, 0), 0x25);
    mali_csf_quit(&gpu);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("boot/control-block", test_boot_control_block);
    ADD("boot/blocks-apart", test_boot_blocks_apart);
    ADD("boot/interrupts", test_boot_interrupts);
    ADD("boot/acks", test_boot_acks);
    ADD("boot/warm-identical", test_boot_warm_identical);
    ADD("boot/fail/unmapped", test_boot_fail_unmapped);
    ADD("boot/fail/no-update", test_boot_fail_no_update);
    ADD("boot/fail/hole", test_boot_fail_hole);
    ADD("boot/fail/read-only", test_boot_fail_read_only);
    ADD("boot/fail/mmio", test_boot_fail_mmio);

    ADD("interface/version", test_interface_version);
    ADD("interface/protocol", test_interface_protocol);

    ADD("halt/acked", test_halt);
    ADD("halt/still-set-at-boot", test_halt_still_set_at_boot);
    ADD("disable", test_disable);

    ADD("request/ping", test_ping);
    ADD("request/ping-takes-time", test_ping_takes_time);
    ADD("request/ack-irq-mask", test_ack_irq_mask);
    ADD("request/all", test_ack_all_requests);
    ADD("request/ack-of-event-is-silent", test_ack_of_event_is_silent);

    ADD("doorbell/silent", test_doorbell_silent);
    ADD("doorbell/empty-slot", test_doorbell_empty_slot);
    ADD("doorbell/absent-slot", test_doorbell_absent_slot);
    ADD("doorbell/while-off", test_doorbell_while_off);
    ADD("doorbell/then-off", test_doorbell_then_off);

    return g_test_run();
}
