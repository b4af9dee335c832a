/*
 * QTest for the Arm Mali CSF GPU: save and load in the middle of things
 *
 * Each test brings the device into some state, saves the machine to a file,
 * loads it in a second QEMU and lets it come to its end there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "libqos/mali-csf-migration.h"

#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define MMU_RAWSTAT     (MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT)
#define OLD             0x01d01d01u

static void test_registers(void)
{
    static const uint32_t offsets[] = {
        A_L2_CONFIG, A_L2_READY_LO, A_TILER_READY_LO, A_TIMESTAMP_OFFSET_LO,
        A_COHERENCY_PROTOCOL, A_GPU_INT + MALI_CSF_INT_MASK,
        A_GPU_INT + MALI_CSF_INT_RAWSTAT, A_MCU_STATUS, A_MCU_CONTROL,
        MALI_CSF_USER_BASE + A_LATEST_FLUSH_ID,
        MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_MASK, JOB_RAWSTAT,
        MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK, MMU_RAWSTAT,
    };
    static const uint32_t as_offsets[] = {
        A_AS_TRANSTAB_LO, A_AS_TRANSTAB_HI, A_AS_MEMATTR_LO,
        A_AS_MEMATTR_HI, A_AS_LOCKADDR_LO, A_AS_LOCKADDR_HI,
        A_AS_TRANSCFG_LO, A_AS_TRANSCFG_HI, A_AS_FAULTSTATUS,
        A_AS_FAULTADDRESS_LO, A_AS_FAULTADDRESS_HI,
    };
    uint32_t old[ARRAY_SIZE(offsets)];
    uint32_t as_old[8][ARRAY_SIZE(as_offsets)];
    uint64_t cycles, timestamp;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_writel(&b.gpu, A_L2_CONFIG, 0x01020000);
    mali_csf_writel(&b.gpu, A_TILER_PWRON_LO, 1);
    mali_csf_writeq(&b.gpu, A_TIMESTAMP_OFFSET_LO, 0x123456789abcull);
    mali_csf_writel(&b.gpu, A_COHERENCY_PROTOCOL, COHERENCY_PROTOCOL_NONE);
    mali_csf_writel(&b.gpu, A_GPU_INT + MALI_CSF_INT_MASK, 0x20103);
    mali_csf_writel(&b.gpu, MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_MASK,
                    0x800000ff);
    mali_csf_writel(&b.gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK, 0xff);
    for (unsigned as = 3; as < 8; as++) {
        mali_csf_writeq(&b.gpu, mali_csf_as_reg(as, A_AS_TRANSTAB_LO),
                        0x1234567000ull + as);
        mali_csf_writeq(&b.gpu, mali_csf_as_reg(as, A_AS_LOCKADDR_LO),
                        0x700000000014ull + as);
        mali_csf_writeq(&b.gpu, mali_csf_as_reg(as, A_AS_TRANSCFG_LO),
                        MALI_CSF_TRANSCFG);
    }
    /* A fault, for its registers */
    mali_csf_bench_submit_load(&b, VA + 0x2a4, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    mali_csf_run(&b.gpu, LONG_ENOUGH);

    for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
        old[i] = mali_csf_readl(&b.gpu, offsets[i]);
    }
    for (unsigned as = 0; as < 8; as++) {
        for (int i = 0; i < ARRAY_SIZE(as_offsets); i++) {
            as_old[as][i] = mali_csf_readl(&b.gpu, mali_csf_as_reg(
                                               as, as_offsets[i]));
        }
    }
    cycles = mali_csf_readq(&b.gpu, A_CYCLE_COUNT_LO);
    timestamp = mali_csf_readq(&b.gpu, A_TIMESTAMP_LO);
    save_and_load(&b.gpu);
    for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
        g_test_message("register 0x%05x", offsets[i]);
        g_assert_cmphex(mali_csf_readl(&b.gpu, offsets[i]), ==, old[i]);
    }
    for (unsigned as = 0; as < 8; as++) {
        for (int i = 0; i < ARRAY_SIZE(as_offsets); i++) {
            g_test_message("AS %u, register 0x%02x", as, as_offsets[i]);
            g_assert_cmphex(mali_csf_readl(&b.gpu, mali_csf_as_reg(
                                               as, as_offsets[i])), ==,
                            as_old[as][i]);
        }
    }
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_CYCLE_COUNT_LO), ==, cycles);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_TIMESTAMP_LO), ==, timestamp);
    mali_csf_bench_quit(&b);
}

/* The line is high on the other side, too. */
static void test_interrupt(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_writel(&gpu, MMU_RAWSTAT, MALI_CSF_MMU_INT_FAULT(3));
    mali_csf_writel(&gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK, ~0u);
    save_and_load(&gpu);
    mali_csf_intercept_irqs(&gpu);
    mali_csf_writel(&gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK, 0);
    mali_csf_writel(&gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK, ~0u);
    g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_writel(&gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR, ~0u);
    g_assert_false(qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_quit(&gpu);
}

/*
 * In the middle of an edit: the lock is held on the other side, for what
 * stalled before and for what comes after.
 */
static void test_mid_edit(void)
{
    const uint64_t late[] = {
        cs_move48(0, VA + 16),
        cs_move32(4, NEW),
        cs_store_multiple(4, 1, 0, 0),
    };
    QMaliCsfBench b;
    QMaliCsfBuffer data;
    QMaliCsfGroup group;
    uint64_t new;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 1);
    data = mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    new = mali_csf_alloc(&b.gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    /* The region is what LOCK took, not what LOCKADDR says now. */
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_LOCKADDR_LO), 0x100e);
    mali_csf_bench_submit_store(&b, VA + 8, NEW);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    save_and_load(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_queue_kick(b.queue);
    mali_csf_queue_submit(&group.queue[0], late, ARRAY_SIZE(late));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(qtest_readl(b.gpu.qts, data.pa + 8), ==, 0);
    g_assert_cmphex(qtest_readl(b.gpu.qts, data.pa + 16), ==, 0);
    mali_csf_map(&b.vm, VA, new, MALI_CSF_PAGE, 0);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_unlock(&b.gpu, 1);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(qtest_readl(b.gpu.qts, data.pa + 8), ==, 0);
    g_assert_cmphex(qtest_readl(b.gpu.qts, new + 8), ==, NEW);
    g_assert(mali_csf_queue_wait(&group.queue[0], MALI_CSF_TIMEOUT));
    g_assert_cmphex(qtest_readl(b.gpu.qts, data.pa + 16), ==, 0);
    g_assert_cmphex(qtest_readl(b.gpu.qts, new + 16), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* What is latched is not what is staged. */
static void test_staged(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer data;

    mali_csf_bench_init(&b, NULL);
    data = mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_TRANSTAB_LO), 0);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(1, A_AS_TRANSCFG_LO),
                    AS_ADRMODE_UNMAPPED);
    save_and_load(&b.gpu);
    mali_csf_bench_submit_store(&b, VA, NEW);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(qtest_readl(b.gpu.qts, data.pa), ==, NEW);
    mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
    mali_csf_bench_submit_store(&b, VA, OLD);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    mali_csf_bench_quit(&b);
}

/* The doorbell rang, and the firmware has not looked yet. */
static void test_request_before_pass(void)
{
    QMaliCsfBench b;
    uint32_t req;

    mali_csf_bench_init(&b, NULL);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    mali_csf_toggle(&b.gpu, b.gpu.glb_in + GLB_REQ, b.gpu.glb_out + GLB_ACK,
                    GLB_PING);
    req = qtest_readl(b.gpu.qts, b.gpu.glb_in + GLB_REQ);
    mali_csf_toggle(&b.gpu, b.gpu.csg_in[0] + CSG_REQ,
                    b.gpu.csg_out[0] + CSG_ACK, CSG_STATUS_UPDATE);
    mali_csf_csg_ring(&b.gpu, 0);
    save_and_load(&b.gpu);
    g_assert_cmphex((qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK) ^ req) &
                    GLB_PING, ==, GLB_PING);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex((qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK) ^ req) &
                    GLB_PING, ==, 0);
    g_assert_true(mali_csf_csg_acked(&b.gpu, 0, CSG_STATUS_UPDATE));
    mali_csf_bench_quit(&b);
}

/* It looked, and found the section locked. */
static void test_parked_pass(void)
{
    QMaliCsfBench b;
    uint32_t ack;

    mali_csf_bench_init(&b, NULL);
    mali_csf_lock(&b.gpu, 0, FW_SHARED_START | 15);
    mali_csf_toggle(&b.gpu, b.gpu.glb_in + GLB_REQ, b.gpu.glb_out + GLB_ACK,
                    GLB_PING);
    ack = qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK);
    mali_csf_doorbell(&b.gpu, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    save_and_load(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK), ==,
                    ack);
    mali_csf_unlock(&b.gpu, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex((qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK) ^ ack) &
                    GLB_PING, ==, GLB_PING);
    mali_csf_bench_quit(&b);
}

/* MCU_CONTROL was written, and the boot has not happened yet. */
static void test_boot_pending(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_mcu_prepare(&gpu);
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    save_and_load(&gpu);
    g_assert(mali_csf_wait_reg(&gpu, JOB_RAWSTAT, ~0u, JOB_INT_GLOBAL_IF,
                               1000 * MALI_CSF_MS));
    mali_csf_mcu_parse(&gpu);
    mali_csf_global_init(&gpu);
    mali_csf_quit(&gpu);
}

/* An MMU fault: what hangs in it is still released by the driver. */
static void test_mmu_fault(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_bench_submit_load(&b, VA + 0x124, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    save_and_load(&b.gpu);
    mali_csf_assert_fault(&b.gpu, 1, AS_FAULT_TRANSLATION, AS_ACCESS_READ,
                          VA + 0x124);
    mali_csf_as_disable(&b.gpu, 1);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_BUS_FAULT);
    mali_csf_group_terminate(&b.group);
    mali_csf_bench_quit(&b);
}

/* The translation buffer is not saved: it starts empty. */
static void test_tlb(void)
{
    QMaliCsfBench b;
    uint64_t old, new;

    mali_csf_bench_init(&b, NULL);
    old = mali_csf_alloc(&b.gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    new = mali_csf_alloc(&b.gpu, MALI_CSF_PAGE, MALI_CSF_PAGE);
    qtest_writel(b.gpu.qts, old, OLD);
    qtest_writel(b.gpu.qts, new, NEW);
    mali_csf_map(&b.vm, VA, old, MALI_CSF_PAGE, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    mali_csf_map(&b.vm, VA, new, MALI_CSF_PAGE, 0);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, OLD);
    save_and_load(&b.gpu);
    g_assert_cmphex(mali_csf_bench_load(&b, VA), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* The idle timer runs on. */
static void test_idle_timer(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b.gpu);
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_run(&b.gpu, 400 * MALI_CSF_US);
    save_and_load(&b.gpu);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    g_assert_cmphex((qtest_readl(b.gpu.qts, b.gpu.glb_in + GLB_REQ) ^
                     qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK)) &
                    GLB_IDLE, ==, 0);
    mali_csf_run(&b.gpu, 500 * MALI_CSF_US);
    g_assert_cmphex((qtest_readl(b.gpu.qts, b.gpu.glb_in + GLB_REQ) ^
                     qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_ACK)) &
                    GLB_IDLE, ==, GLB_IDLE);
    mali_csf_bench_quit(&b);
}

/* Asleep, with a core mask, groups and a stream that is to go on */
static void test_sleep(void)
{
    const uint64_t words[] = {
        0, cs_move32(8, 0),
        cs_add_imm32(8, 8, 1),
        cs_store_multiple(8, 1, 90, 0),
        cs_branch(CS_COND_ALWAYS, 8, -3),
    };
    uint64_t job[ARRAY_SIZE(words)];
    QMaliCsfBench b;
    uint32_t seen;

    mali_csf_bench_init(&b, NULL);
    memcpy(job, words, sizeof(job));
    job[0] = cs_move48(90, b.out.va);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    qtest_writeq(b.gpu.qts, b.gpu.glb_in + GLB_ALLOC_EN, 1);
    mali_csf_glb_toggle(&b.gpu, GLB_CFG_ALLOC_EN);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    mali_csf_update(&b.gpu, b.gpu.glb_in + GLB_REQ, GLB_SLEEP, GLB_SLEEP);
    mali_csf_doorbell(&b.gpu, 0);
    g_assert(mali_csf_wait_reg(&b.gpu, A_MCU_STATUS, ~0u, MCU_STATUS_HALT,
                               MALI_CSF_TIMEOUT));
    save_and_load(&b.gpu);
    seen = mali_csf_bench_out(&b, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), ==, seen);
    mali_csf_update(&b.gpu, b.gpu.glb_in + GLB_REQ, 0, GLB_SLEEP);
    mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), >, seen);
    g_assert_cmphex(mali_csf_readq(&b.gpu, A_SHADER_READY_LO), ==, 1);
    mali_csf_bench_quit(&b);
}

/* The ring of samples goes on; what was counted for the next one does not. */
static void test_perfcnt(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBuffer ring;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    ring = mali_csf_vm_alloc(&b.vm, 4 * MALI_CSF_PAGE);
    qtest_writel(b.gpu.qts, b.gpu.glb_in + GLB_PRFCNT_JASID, 1);
    qtest_writeq(b.gpu.qts, b.gpu.glb_in + GLB_PRFCNT_BASE, ring.va);
    qtest_writel(b.gpu.qts, b.gpu.glb_in + GLB_PRFCNT_CONFIG, 4);
    qtest_writel(b.gpu.qts, b.gpu.glb_in + GLB_PRFCNT_CSF_EN, ~0u);
    qtest_writel(b.gpu.qts, b.gpu.glb_in + GLB_PRFCNT_CSG_EN, ~0u);
    qtest_writel(b.gpu.qts, b.gpu.glb_in + GLB_PRFCNT_CSG_SELECT, 1 << 1);
    mali_csf_glb_request(&b.gpu, GLB_PERFCNT_EN, GLB_PERFCNT_EN);
    for (int i = 0; i < 3; i++) {
        mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
        if (i == 1) {
            save_and_load(&b.gpu);
        }
        mali_csf_glb_toggle(&b.gpu, GLB_PERFCNT_SAMPLE);
        g_assert_cmpuint(qtest_readl(b.gpu.qts, b.gpu.glb_out +
                                     GLB_PRFCNT_INSERT), ==, i + 1);
        /* Instructions retired: word 5 of the tenth block of sixteen */
        g_assert_cmpuint(qtest_readl(b.gpu.qts, ring.pa + i * 16 * 256 +
                                     9 * 256 + 5 * 4), ==, i == 1 ? 0 : 8);
        /* And of the third, of slot 1, which is selected and has none */
        g_assert_cmphex(qtest_readl(b.gpu.qts, ring.pa + i * 16 * 256 +
                                    2 * 256 + 2 * 4), ==, ~0u);
    }
    mali_csf_bench_quit(&b);
}

/* What is armed stays armed, and what is late comes on the other side. */
static void test_injections(void)
{
    QMaliCsf gpu;
    QDict *rsp;
    QList *list;

    mali_csf_init(&gpu, NULL);
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s, 'count': 2,"
                             " 'kind': 'cache-flush',"
                             " 'delay-ns': 5000000}}", MALI_CSF_QOM_PATH);
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s, 'mask': 4,"
                             " 'kind': 'irq-spurious', 'interrupt': 'mmu',"
                             " 'delay-ns': 6000000}}", MALI_CSF_QOM_PATH);
    mali_csf_writel(&gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    mali_csf_run(&gpu, MALI_CSF_MS);
    save_and_load(&gpu);
    g_assert_cmphex(mali_csf_readl(&gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT),
                    ==, 0);
    g_assert_cmphex(mali_csf_readl(&gpu, MMU_RAWSTAT), ==, 0);
    mali_csf_run(&gpu, 7 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&gpu, A_GPU_INT + MALI_CSF_INT_RAWSTAT),
                    ==, R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK);
    g_assert_cmphex(mali_csf_readl(&gpu, MMU_RAWSTAT), ==, 4);

    /* One more flush is late, and no other */
    for (int i = 0; i < 2; i++) {
        mali_csf_writel(&gpu, A_GPU_INT + MALI_CSF_INT_CLEAR, ~0u);
        mali_csf_writel(&gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
        g_assert_cmphex(mali_csf_readl(&gpu,
                                       A_GPU_INT + MALI_CSF_INT_RAWSTAT), ==,
                        i ? R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK : 0);
        mali_csf_run(&gpu, 7 * MALI_CSF_MS);
    }
    rsp = qtest_qmp(gpu.qts, "{'execute': 'x-query-mali-csf-injections',"
                    " 'arguments': {'path': %s}}", MALI_CSF_QOM_PATH);
    list = qdict_get_qlist(rsp, "return");
    g_assert_cmpint(qlist_size(list), ==, 2);
    g_assert_cmpint(qdict_get_int(qobject_to(QDict, qlist_peek(list)),
                                  "met"), ==, 2);
    qobject_unref(rsp);
    mali_csf_quit(&gpu);
}

/* A line that another device holds is let go on the other side. */
static void test_shared_line(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s,"
                             " 'kind': 'irq-shared', 'interrupt': 'mmu',"
                             " 'delay-ns': 1000000}}", MALI_CSF_QOM_PATH);
    mali_csf_run(&gpu, MALI_CSF_MS);
    save_and_load(&gpu);
    mali_csf_intercept_irqs(&gpu);
    /* It is told of when a register changes */
    mali_csf_writel(&gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK, ~0u);
    g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_false(qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_quit(&gpu);
}

/* A fault that nobody has asked for yet, and a transition that goes on */
static void test_injected_state(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s, 'va': 8192,"
                             " 'kind': 'gpu-fault'}}", MALI_CSF_QOM_PATH);
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s,"
                             " 'kind': 'l2-transition'}}", MALI_CSF_QOM_PATH);
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s, 'field': 'version',"
                             " 'kind': 'odd-field', 'value': 77}}",
                             MALI_CSF_QOM_PATH);
    mali_csf_mcu_prepare(&gpu);
    mali_csf_run(&gpu, MALI_CSF_MS);
    save_and_load(&gpu);
    g_assert_cmphex(mali_csf_readl(&gpu, A_GPU_FAULTSTATUS), ==, 0x680);
    g_assert_cmphex(mali_csf_readq(&gpu, A_GPU_FAULTADDRESS_LO), ==, 8192);
    g_assert_cmphex(mali_csf_readq(&gpu, A_L2_PWRTRANS_LO), ==, 1);
    mali_csf_mcu_boot(&gpu);
    g_assert_cmpuint(qtest_readl(gpu.qts, gpu.shared_pa +
                                 GLB_CONTROL_VERSION), ==, 77);
    mali_csf_quit(&gpu);
}

/* The words of faults that are armed but not yet met */
static void test_injected_words(void)
{
    QMaliCsfBench b;
    uint64_t words[] = { 0, cs_load_multiple(12, 1, 10, 0) };

    mali_csf_bench_init(&b, NULL);
    qtest_qmp_assert_success(b.gpu.qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s, 'kind': 'cs-fault',"
                             " 'opcode': %d, 'data': 12, 'info': 1536}}",
                             MALI_CSF_QOM_PATH, CS_OP_MOVE48);
    qtest_qmp_assert_success(b.gpu.qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s, 'va': %llu,"
                             " 'kind': 'permission-fault',"
                             " 'source-id': 8448}}", MALI_CSF_QOM_PATH,
                             (unsigned long long)b.out.va);
    save_and_load(&b.gpu);
    words[0] = cs_move48(10, b.out.va);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FAULT) >> 8, ==, 12);
    g_assert_cmphex(mali_csf_queue_status64(b.queue, CS_FAULT_INFO), ==,
                    1536);
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    /* Skipped in the error state */
    words[1] = cs_error_barrier();
    mali_csf_queue_exec(b.queue, words, 2);
    words[1] = cs_load_multiple(12, 1, 10, 0);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&b.gpu,
                                   mali_csf_as_reg(1, A_AS_FAULTSTATUS)) >> 16,
                    ==, 8448);
    mali_csf_bench_quit(&b);
}

/* PWR_CONTROL, with a domain that was retracted while firmware runs */
static void test_pwr_control(void)
{
    static const char args[] = "-global mali-csf.model=g1-ultra";
    static const uint32_t offsets[] = {
        A_PWR_INT + MALI_CSF_INT_RAWSTAT, A_PWR_INT + MALI_CSF_INT_MASK,
        A_PWR_STATUS_LO, A_PWR_STATUS_HI, A_PWR_CMDARG_LO, A_PWR_CMDARG_HI,
        PWR_DOMAIN_L2_BASE + PWR_DOMAIN_READY,
        PWR_DOMAIN_TILER_BASE + PWR_DOMAIN_READY,
        PWR_DOMAIN_SHADER_BASE + PWR_DOMAIN_READY,
    };
    uint32_t old[ARRAY_SIZE(offsets)];
    QMaliCsf gpu;

    mali_csf_init(&gpu, args);
    mali_csf_mcu_prepare(&gpu);
    mali_csf_mcu_boot(&gpu);
    mali_csf_writel(&gpu, MALI_CSF_PWR_BASE + A_PWR_COMMAND,
                    PWR_COMMAND_RETRACT | PWR_DOMAIN_TILER << 8);
    mali_csf_writel(&gpu, MALI_CSF_PWR_BASE + A_PWR_INT + MALI_CSF_INT_MASK,
                    0x5);
    mali_csf_writeq(&gpu, MALI_CSF_PWR_BASE + A_PWR_CMDARG_LO,
                    0x123456789abcull);
    for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
        old[i] = mali_csf_readl(&gpu, MALI_CSF_PWR_BASE + offsets[i]);
        /* None of them can come back right by being zero. */
        g_assert_cmphex(old[i], !=, 0);
    }
    save_and_load_in(&gpu, args);
    for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
        g_test_message("register 0x%03x", offsets[i]);
        g_assert_cmphex(mali_csf_readl(&gpu, MALI_CSF_PWR_BASE + offsets[i]),
                        ==, old[i]);
    }
    mali_csf_quit(&gpu);
}

/* The rate that the driver has set, and the cycles up to then */
static void test_clock_rate(void)
{
    static const char args[] = "-global mali-csf.opps=250:500:1000";
    /* Behind the aperture of a G610: SYS_CFGDATA, SYS_CFGCTRL */
    const uint64_t osc = MALI_CSF_BASE + 0x200000;
    uint64_t cycles;
    QMaliCsf gpu;

    mali_csf_init(&gpu, args);
    mali_csf_run(&gpu, MALI_CSF_MS);
    qtest_writel(gpu.qts, osc + 0xa0, 250000000);
    qtest_writel(gpu.qts, osc + 0xa4, 0xc0100000);
    mali_csf_run(&gpu, MALI_CSF_MS);
    cycles = mali_csf_readq(&gpu, A_CYCLE_COUNT_LO);
    g_assert_cmpuint(cycles, ==, 1250000);
    save_and_load_in(&gpu, args);
    g_assert_cmpuint(mali_csf_readq(&gpu, A_CYCLE_COUNT_LO), ==, cycles);
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_cmpuint(mali_csf_readq(&gpu, A_CYCLE_COUNT_LO), ==,
                     cycles + 250000);
    mali_csf_quit(&gpu);
}

static void wait_failed(QTestState *qts)
{
    for (int i = 0; i < 3000; i++) {
        QDict *rsp = qtest_qmp(qts, "{'execute': 'query-migrate'}");
        QDict *ret = qdict_get_qdict(rsp, "return");
        const char *status = qdict_get_try_str(ret, "status");
        bool done = g_strcmp0(status, "failed") == 0;

        g_assert_cmpstr(status, !=, "completed");
        qobject_unref(rsp);
        if (done) {
            return;
        }
        g_usleep(10000);
    }
    g_assert_not_reached();
}

/* What was saved of one product is not loaded into another. */
static void test_other_product(void)
{
    static const char *const others[] = {
        /* The same GPU_ID */
        "-global mali-csf.model=g720-immortalis",
        "-global mali-csf.model=g620",
        "-global mali-csf.model=g720 -global mali-csf.csg-slots=7",
        "-global mali-csf.model=g720 -global mali-csf.address-spaces=7",
        "-global mali-csf.model=g720 -global mali-csf.shader-present=1",
        "-global mali-csf.model=g720 -global mali-csf.va-bits=39",
        "-global mali-csf.model=g720 -global mali-csf.pa-bits=44",
        "-global mali-csf.model=g720 -global mali-csf.coherent=on",
        "-global mali-csf.model=g720 -global mali-csf.opps=300:600",
    };
    g_autofree char *path = NULL;
    g_autofree char *uri = new_uri(&path);
    QMaliCsf gpu;

    mali_csf_init(&gpu, "-global mali-csf.model=g720");
    save_to(&gpu, uri);
    mali_csf_quit(&gpu);

    for (int i = 0; i < ARRAY_SIZE(others); i++) {
        g_autofree char *args = g_strdup_printf("-incoming defer %s",
                                                others[i]);

        g_test_message("%s", others[i]);
        mali_csf_init(&gpu, args);
        qtest_qmp_assert_success(gpu.qts, "{'execute': 'migrate-incoming',"
                                 " 'arguments': {'uri': %s,"
                                 " 'exit-on-error': false}}", uri);
        wait_failed(gpu.qts);
        mali_csf_quit(&gpu);
    }
    unlink(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/mali-csf/migration/pwr-control", test_pwr_control);
    qtest_add_func("/mali-csf/migration/clock-rate", test_clock_rate);
    qtest_add_func("/mali-csf/migration/other-product", test_other_product);

    ADD("registers", test_registers);
    ADD("interrupt", test_interrupt);
    ADD("mid-edit", test_mid_edit);
    ADD("staged", test_staged);
    ADD("request-before-pass", test_request_before_pass);
    ADD("parked-pass", test_parked_pass);
    ADD("boot-pending", test_boot_pending);
    ADD("mmu-fault", test_mmu_fault);
    ADD("tlb", test_tlb);
    ADD("idle-timer", test_idle_timer);
    ADD("sleep", test_sleep);
    ADD("perfcnt", test_perfcnt);
    ADD("injections", test_injections);
    ADD("shared-line", test_shared_line);
    ADD("injected-state", test_injected_state);
    ADD("injected-words", test_injected_words);

    return g_test_run();
}
