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
#include "libqos/mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)

#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define MMU_RAWSTAT     (MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT)

#define VA              0x40000000ull
#define OLD             0x01d01d01u
#define NEW             0x0e30e30eu

static void wait_migration(QTestState *qts)
{
    for (int i = 0; i < 3000; i++) {
        QDict *rsp = qtest_qmp(qts, "{'execute': 'query-migrate'}");
        QDict *ret = qdict_get_qdict(rsp, "return");
        const char *status = qdict_get_try_str(ret, "status");
        bool done = g_strcmp0(status, "completed") == 0;

        g_assert_cmpstr(status, !=, "failed");
        qobject_unref(rsp);
        if (done) {
            return;
        }
        g_usleep(10000);
    }
    g_assert_not_reached();
}

/* Go on in another QEMU with these arguments, at the same virtual time */
static void save_and_load_in(QMaliCsf *gpu, const char *args)
{
    g_autofree char *path = NULL;
    g_autofree char *uri = NULL;
    g_autofree char *incoming = g_strdup_printf("-incoming defer %s", args);
    QMaliCsf to;
    int fd = g_file_open_tmp("mali-csf-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    uri = g_strdup_printf("file:%s", path);
    qtest_qmp_assert_success(gpu->qts, "{'execute': 'migrate',"
                             " 'arguments': {'uri': %s}}", uri);
    wait_migration(gpu->qts);

    mali_csf_init(&to, incoming);
    /* The clock of qtest is not part of what is saved. */
    qtest_clock_set(to.qts, gpu->now);
    qtest_qmp_assert_success(to.qts, "{'execute': 'migrate-incoming',"
                             " 'arguments': {'uri': %s}}", uri);
    qtest_qmp_eventwait(to.qts, "RESUME");
    qtest_quit(gpu->qts);
    gpu->qts = to.qts;
    unlink(path);
}

static void save_and_load(QMaliCsf *gpu)
{
    save_and_load_in(gpu, "");
}

/*
 * Work that a thread executes: it goes on in the other machine, and what it
 * does happens once
 */
static void test_thread(void)
{
    QMaliCsfBench b;
    const uint32_t times = 400;

    mali_csf_bench_init(&b, "-global mali-csf.x-endpoint=test");
    {
        const uint64_t words[] = {
            cs_move32(0, times),
            cs_move32(1, 500),
            cs_move48(2, b.out.va),
            cs_move48(4, b.out.va),
            cs_run_compute(1, 0),
            cs_wait(1),
            cs_move48(90, b.out.va + 0x40),
            cs_move32(8, NEW),
            cs_store_multiple(8, 1, 90, 0),
        };

        mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    }
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    for (int i = 0; i < 3; i++) {
        save_and_load_in(&b.gpu, "-global mali-csf.x-endpoint=test");
    }
    for (int i = 0; i < 30000 &&
                    qtest_readl(b.gpu.qts, b.out.pa + 0x40) != NEW; i++) {
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        g_usleep(1000);
    }
    g_assert_cmpint(qtest_readl(b.gpu.qts, b.out.pa), ==, times);
    mali_csf_bench_quit(&b);
}

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

/* A loop in a CALL, cut in the middle more than once */
static void test_mid_job(void)
{
    const uint32_t rounds = 30000;
    QMaliCsfBench b;
    QMaliCsfBuffer sync;
    uint64_t job[16];
    uint64_t body[] = {
        cs_move32(14, rounds),
        cs_move32(12, 0),
        0,
        cs_add_imm32(12, 12, 1),
        cs_store_multiple(12, 1, 10, 0),
        cs_wait(1),
        cs_add_imm32(14, 14, -1),
        cs_branch(CS_COND_NE, 14, -5),
        cs_store_multiple(12, 1, 10, 4),
    };
    uint32_t seen = 0;

    mali_csf_bench_init(&b, NULL);
    sync = mali_csf_vm_alloc(&b.vm, MALI_CSF_PAGE);
    body[2] = cs_move48(10, b.out.va);
    for (int i = 0; i < ARRAY_SIZE(body); i++) {
        qtest_writeq(b.gpu.qts, b.code.pa + i * 8, body[i]);
    }
    mali_csf_wrap_job(job, b.code.va, sizeof(body), 1, sync.va);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    for (int i = 0; i < 3; i++) {
        mali_csf_run(&b.gpu, 100 * MALI_CSF_US);
        g_assert_cmpuint(mali_csf_bench_out(&b, 0), >, seen);
        seen = mali_csf_bench_out(&b, 0);
        g_assert_cmpuint(seen, <, rounds);
        save_and_load(&b.gpu);
        g_assert_cmpuint(mali_csf_bench_out(&b, 0), ==, seen);
    }
    g_assert(mali_csf_queue_wait(b.queue, 1000 * MALI_CSF_MS));
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), ==, rounds);
    g_assert_cmpuint(mali_csf_bench_out(&b, 4), ==, rounds);
    g_assert_cmphex(qtest_readq(b.gpu.qts, sync.pa), ==, 1);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_true(mali_csf_csg_event(&b.gpu, 0, CSG_SYNC_UPDATE));
    mali_csf_bench_quit(&b);
}

static void test_sync_wait(void)
{
    QMaliCsfBench b;
    uint64_t job[] = {
        0,
        cs_move48(4, 5),
        cs_sync_wait(CS_OP_SYNC_WAIT64, 2, 4, CS_COND_GT, 0),
        cs_move32(6, NEW),
        cs_store_multiple(6, 1, 2, 0x40),
    };

    mali_csf_bench_init(&b, NULL);
    job[0] = cs_move48(2, b.out.va);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    save_and_load(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0x40), ==, 0);
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_BLOCKED_REASON),
                    ==, CS_BLOCKED_SYNC_WAIT);
    g_assert_cmphex(mali_csf_queue_status64(b.queue,
                                            CS_STATUS_WAIT_SYNC_POINTER), ==,
                    b.out.va);
    /* The object is looked at on the other side, too: no doorbell rings. */
    mali_csf_run(&b.gpu, 100 * MALI_CSF_MS);
    save_and_load(&b.gpu);
    qtest_writeq(b.gpu.qts, b.out.pa, 6);
    mali_csf_run(&b.gpu, 11 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0x40), ==, NEW);
    mali_csf_bench_quit(&b);
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

/* A recoverable fault that the host has yet to acknowledge */
static void test_fault_pending(void)
{
    QMaliCsfBench b;
    uint64_t job[] = {
        0,
        cs_store_multiple(4, 1, 2, 2),
        cs_error_barrier(),
        cs_move32(4, NEW),
        cs_store_multiple(4, 1, 2, 0),
    };

    mali_csf_bench_init(&b, NULL);
    job[0] = cs_move48(2, b.out.va);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT,
                                       LONG_ENOUGH));
    save_and_load(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
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

/* Work that an endpoint has taken on ends when it would have ended */
static void test_work(void)
{
    const uint64_t run = (uint64_t)CS_OP_RUN_COMPUTE << CS_OPCODE_SHIFT;
    uint64_t words[] = {
        run, cs_move48(90, 0), cs_move32(8, NEW), cs_wait(1 << 0),
        cs_store_multiple(8, 1, 90, 0),
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    words[1] = cs_move48(90, b.out.va);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", LONG_ENOUGH);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, LONG_ENOUGH / 2);
    save_and_load(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH / 2 - MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_run(&b.gpu, 2 * MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* A flush that is under way has its effect after loading. */
static void test_flush(void)
{
    const uint32_t flush_id = MALI_CSF_USER_BASE + A_LATEST_FLUSH_ID;
    QMaliCsfBench b;
    uint32_t id;

    mali_csf_bench_init(&b, NULL);
    mali_csf_set_property(&b.gpu, "x-cs-flush-latency-ns", LONG_ENOUGH);
    id = mali_csf_readl(&b.gpu, flush_id);
    mali_csf_queue_submit(b.queue, (const uint64_t[]) {
                              cs_flush_cache2(0x233, 2, 0, 3) }, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH / 2);
    save_and_load(&b.gpu);
    g_assert_cmphex(mali_csf_readl(&b.gpu, flush_id), ==, id);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&b.gpu, flush_id), ==, id + 1);
    mali_csf_bench_quit(&b);
}

/* The buffer for traces is what it was at START. */
static void test_trace(void)
{
    const uint64_t words[] = {
        cs_move32(20, NEW), cs_trace_point(20, 1, 0, 0)
    };
    QMaliCsfBuffer buffer;
    QMaliCsfBench b;
    uint64_t in;

    mali_csf_bench_init(&b, NULL);
    in = b.gpu.cs_in[0][0];
    buffer = mali_csf_vm_alloc(&b.vm, MALI_CSF_PAGE);
    mali_csf_group_terminate(&b.group);
    qtest_writel(b.gpu.qts, in + CS_INSTR_CONFIG,
                 1 | 4 << 4 | 1 << (16 + CS_STATE_ERROR_STATUS));
    qtest_writel(b.gpu.qts, in + CS_INSTR_BUFFER_SIZE, 64);
    qtest_writeq(b.gpu.qts, in + CS_INSTR_BUFFER_BASE, buffer.va);
    qtest_writeq(b.gpu.qts, in + CS_INSTR_BUFFER_OFFSET_POINTER, b.out.va);
    mali_csf_group_start(&b.group, 0);
    save_and_load(&b.gpu);
    qtest_memset(b.gpu.qts, in + CS_INSTR_CONFIG, 0, 0x18);
    mali_csf_queue_exec(b.queue, words, ARRAY_SIZE(words));
    mali_csf_queue_exec(b.queue, words, ARRAY_SIZE(words));
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), ==, 32);
    g_assert_cmphex(qtest_readl(b.gpu.qts, buffer.pa + 8), ==, NEW);
    g_assert_cmphex(qtest_readl(b.gpu.qts, buffer.pa + 24), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* Asked for memory, then refused and in the middle of a handler */
static void test_heap(void)
{
    QMaliCsfBuffer heap, chunk;
    QMaliCsfBench b;
    uint64_t name, in;

    mali_csf_bench_init(&b, NULL);
    in = b.gpu.cs_in[0][0];
    heap = mali_csf_vm_alloc(&b.vm, MALI_CSF_PAGE);
    chunk = mali_csf_vm_alloc(&b.vm, 128 * KiB);
    name = chunk.va | 128 * KiB >> 12;
    mali_csf_set_property(&b.gpu, "x-endpoint-heap-chunks", 1);
    {
        const uint64_t handler[] = {
            cs_move32(76, 200000),
            cs_add_imm32(76, 76, -1),
            cs_branch(CS_COND_NE, 76, -2),
            cs_move48(74, name),
            cs_finish_fragment(74, 74, 1, 0, 0),
        };
        const uint64_t words[] = {
            cs_move48(80, b.code.va),
            cs_move32(82, sizeof(handler)),
            cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 80, 82),
            cs_move48(50, heap.va),
            cs_heap_set(50),
            cs_heap_operation(CS_HEAP_VT_STARTED, 0, 0),
            cs_opcode(CS_OP_RUN_IDVS),
            cs_wait(1),
            cs_move48(90, b.out.va),
            cs_move32(8, NEW),
            cs_store_multiple(8, 1, 90, 0),
        };

        for (int i = 0; i < ARRAY_SIZE(handler); i++) {
            qtest_writeq(b.gpu.qts, b.code.pa + i * 8, handler[i]);
        }
        mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    }
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(b.queue, CS_TILER_OOM));
    save_and_load(&b.gpu);
    qtest_writeq(b.gpu.qts, in + CS_TILER_HEAP_START, 0);
    mali_csf_queue_ack_event(b.queue, CS_TILER_OOM);
    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    g_assert_false(mali_csf_queue_event(b.queue, CS_TILER_OOM));
    save_and_load(&b.gpu);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    g_assert(mali_csf_queue_wait(b.queue, 100 * MALI_CSF_MS));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    /* Frag end: the handler came to its end, once. */
    g_assert_cmpuint(qtest_readl(b.gpu.qts, heap.pa + 8), ==, 1);
    mali_csf_bench_quit(&b);
}

/*
 * The handler belongs to a stream, the work to another: saved when it was
 * refused and there is none yet, and in the middle of the handler
 */
static void test_heap_other_stream(void)
{
    QMaliCsfBuffer heap, chunk;
    QMaliCsfGroup group;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    heap = mali_csf_vm_alloc(&b.vm, MALI_CSF_PAGE);
    chunk = mali_csf_vm_alloc(&b.vm, 128 * KiB);
    mali_csf_set_property(&b.gpu, "x-endpoint-heap-chunks", 1);
    mali_csf_group_init(&b.vm, &group, 2);
    mali_csf_group_start(&group, 1);
    {
        const uint64_t draw[] = {
            cs_move48(50, heap.va),
            cs_heap_set(50),
            cs_opcode(CS_OP_RUN_IDVS),
            cs_wait(1),
            cs_move48(90, b.out.va),
            cs_move32(8, NEW),
            cs_store_multiple(8, 1, 90, 0),
        };

        mali_csf_queue_submit(&group.queue[0], draw, ARRAY_SIZE(draw));
    }
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(&group.queue[0], CS_TILER_OOM));
    mali_csf_queue_ack_event(&group.queue[0], CS_TILER_OOM);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    save_and_load(&b.gpu);
    {
        const uint64_t handler[] = {
            cs_move32(76, 200000),
            cs_add_imm32(76, 76, -1),
            cs_branch(CS_COND_NE, 76, -2),
            cs_move48(74, chunk.va | 128 * KiB >> 12),
            cs_finish_fragment(74, 74, 1, 0, 0),
        };
        const uint64_t keep[] = {
            cs_move48(50, heap.va),
            cs_heap_set(50),
            cs_move48(80, b.code.va),
            cs_move32(82, sizeof(handler)),
            cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, 80, 82),
        };

        for (int i = 0; i < ARRAY_SIZE(handler); i++) {
            qtest_writeq(b.gpu.qts, b.code.pa + i * 8, handler[i]);
        }
        mali_csf_queue_submit(&group.queue[1], keep, ARRAY_SIZE(keep));
    }
    mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
    save_and_load(&b.gpu);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    g_assert(mali_csf_queue_wait(&group.queue[0], 100 * MALI_CSF_MS));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    g_assert_false(mali_csf_queue_event(&group.queue[0], CS_TILER_OOM));
    /* Frag end: the handler came to its end, once. */
    g_assert_cmpuint(qtest_readl(b.gpu.qts, heap.pa + 8), ==, 1);
    mali_csf_bench_quit(&b);
}

/* Endpoints that one group has to itself, and another that waits for them */
static void test_resource(void)
{
    const uint64_t first[] = {
        cs_req_resource(CS_RESOURCE_COMPUTE),
        cs_opcode(CS_OP_RUN_COMPUTE),
    };
    const uint64_t second[] = {
        cs_req_resource(CS_RESOURCE_FRAGMENT),
        cs_opcode(CS_OP_RUN_FRAGMENT),
    };
    QMaliCsfGroup group;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", 50 * MALI_CSF_MS);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 1);
    qtest_writel(b.gpu.qts, b.gpu.csg_in[0] + CSG_EP_REQ,
                 0xf0010404 | CSG_EP_REQ_EXCL_COMPUTE);
    mali_csf_toggle(&b.gpu, b.gpu.csg_in[0] + CSG_REQ,
                    b.gpu.csg_out[0] + CSG_ACK, CSG_EP_CFG);
    mali_csf_csg_ring(&b.gpu, 0);
    g_assert(mali_csf_csg_wait(&b.gpu, 0, CSG_EP_CFG));
    mali_csf_queue_submit(b.queue, first, ARRAY_SIZE(first));
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    mali_csf_queue_submit(&group.queue[0], second, ARRAY_SIZE(second));
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    save_and_load(&b.gpu);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", 50 * MALI_CSF_MS);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    mali_csf_group_status_update(&group);
    g_assert_cmphex(mali_csf_queue_status(&group.queue[0],
                                          CS_STATUS_BLOCKED_REASON), ==,
                    CS_BLOCKED_RESOURCE);
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.csg_out[0] +
                                           CSG_STATUS_EP_CURRENT), ==, 4);
    mali_csf_run(&b.gpu, 60 * MALI_CSF_MS);
    mali_csf_group_status_update(&group);
    g_assert_cmphex(mali_csf_queue_status(&group.queue[0],
                                          CS_STATUS_REQ_RESOURCE), ==,
                    CS_RESOURCE_FRAGMENT |
                    CS_STATUS_REQ_RESOURCE_GRANTED(CS_RESOURCE_FRAGMENT));
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

/* In a protected region: the mode and the region's end go along. */
static void test_protected(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    {
        const uint64_t words[] = {
            cs_move48(90, b.out.va),
            cs_move32(9, 100000),
            cs_prot_region(3),
            cs_store_multiple(9, 1, 90, 0),
            cs_add_imm32(9, 9, -1),
            cs_branch(CS_COND_GT, 9, -3),
            cs_move32(8, NEW),
            cs_store_multiple(8, 1, 90, 4),
        };

        mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    }
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(b.queue, CS_PROTM_PENDING));
    save_and_load(&b.gpu);
    mali_csf_queue_ack_event(b.queue, CS_PROTM_PENDING);
    mali_csf_glb_toggle(&b.gpu, GLB_PROTM_ENTER);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_STATUS) &
                    R_GPU_STATUS_PROTM_ACTIVE_MASK, !=, 0);
    /* A command that waits until it is over */
    mali_csf_writel(&b.gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                    AS_COMMAND_NOP);
    save_and_load(&b.gpu);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_STATUS) &
                    R_GPU_STATUS_PROTM_ACTIVE_MASK, !=, 0);
    g_assert_cmphex(mali_csf_readl(&b.gpu, mali_csf_as_reg(2, A_AS_STATUS)),
                    ==, 1);
    g_assert_cmphex(mali_csf_bench_out(&b, 4), ==, 0);
    g_assert(mali_csf_queue_wait(b.queue, 100 * MALI_CSF_MS));
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&b.gpu, mali_csf_as_reg(2, A_AS_STATUS)),
                    ==, 0);
    g_assert_cmphex(mali_csf_bench_out(&b, 4), ==, NEW);
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_STATUS) &
                    R_GPU_STATUS_PROTM_ACTIVE_MASK, ==, 0);
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

/*
 * Save and load at random instants of a group that loops, waits, is locked
 * out, leaves its slot and comes back: it has its results all the same.
 */
static void test_random(void)
{
    const uint32_t rounds = 20000;
    const char *seed_text = g_getenv("MALI_CSF_MIGRATION_SEED");
    uint32_t seed = seed_text ? g_ascii_strtoull(seed_text, NULL, 0)
                              : g_random_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    QMaliCsfBuffer results;
    QMaliCsfGroup group;
    QMaliCsfBench b;
    bool on_slot = true;
    uint64_t loop[] = {
        cs_move32(14, rounds),
        cs_move32(12, 0),
        cs_move48(10, VA),
        cs_add_imm32(12, 12, 1),
        cs_store_multiple(12, 1, 10, 0),
        cs_add_imm32(14, 14, -1),
        cs_branch(CS_COND_NE, 14, -4),
        cs_move48(16, 1),
        cs_move48(18, VA + 0x100),
        cs_sync(CS_OP_SYNC_ADD64, 18, 16, CS_SYNC_SCOPE_SYSTEM, 0, 0, 0),
    };
    const uint64_t wait[] = {
        cs_move48(4, 0),
        cs_move48(2, VA + 0x100),
        cs_sync_wait(CS_OP_SYNC_WAIT64, 2, 4, CS_COND_GT, 0),
        cs_move32(6, NEW),
        cs_store_multiple(6, 1, 2, 0x40),
    };

    g_test_message("MALI_CSF_MIGRATION_SEED=%u", seed);
    mali_csf_bench_init(&b, NULL);
    results = mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_group_init(&b.vm, &group, 2);
    mali_csf_group_start(&group, 1);
    for (int i = 0; i < ARRAY_SIZE(loop); i++) {
        qtest_writeq(b.gpu.qts, b.code.pa + i * 8, loop[i]);
    }
    mali_csf_queue_submit(&group.queue[1], wait, ARRAY_SIZE(wait));
    mali_csf_queue_submit(&group.queue[0], (const uint64_t[]) {
        cs_move48(20, b.code.va), cs_move32(22, sizeof(loop)),
        cs_call(20, 22) }, 3);

    for (int i = 0; i < 10; i++) {
        int64_t before = g_rand_int_range(rand, 0, 60 * MALI_CSF_US);
        bool locked = g_rand_boolean(rand);
        bool leaves = on_slot && g_rand_int_range(rand, 0, 3) == 0;

        if (locked) {
            mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA,
                                                          MALI_CSF_PAGE));
        }
        if (leaves) {
            mali_csf_group_request(&group, CSG_STATE_SUSPEND);
        } else if (!on_slot) {
            mali_csf_group_program(&group, g_rand_int_range(rand, 1, 4));
            mali_csf_group_request(&group, CSG_STATE_RESUME);
        }
        /* Possibly before the firmware has seen the request */
        mali_csf_run(&b.gpu, before);
        save_and_load(&b.gpu);
        if (leaves || !on_slot) {
            g_assert(mali_csf_group_wait(&group));
            on_slot = !leaves;
        }
        mali_csf_run(&b.gpu, g_rand_int_range(rand, 0, 60 * MALI_CSF_US));
        if (locked) {
            mali_csf_unlock(&b.gpu, 1);
        }
    }
    if (!on_slot) {
        mali_csf_group_resume(&group, 1);
    }
    for (unsigned i = 0; i < 2; i++) {
        mali_csf_queue_kick(&group.queue[i]);
        g_assert(mali_csf_queue_wait(&group.queue[i], 1000 * MALI_CSF_MS));
    }
    g_assert_cmpuint(qtest_readl(b.gpu.qts, results.pa), ==, rounds);
    g_assert_cmpuint(qtest_readl(b.gpu.qts, results.pa + 0x100), ==, 1);
    g_assert_cmphex(qtest_readl(b.gpu.qts, results.pa + 0x140), ==, NEW);
    mali_csf_bench_quit(&b);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/migration/" path, fn)

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

/* A deferred instruction waits for that work, with its operands */
static void test_deferred(void)
{
    uint64_t words[] = {
        cs_set_sb_entry(2, 0), cs_run_compute(1, 0),
        0, cs_move48(12, 100),
        cs_sync(CS_OP_SYNC_SET64, 10, 12, 0, 0, 1 << 2, 3),
        cs_move48(12, 5),
        cs_sync(CS_OP_SYNC_ADD64, 10, 12, 0, 0, 1 << 3, 4),
        cs_move48(12, 0),
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", MALI_CSF_MS);
    words[2] = cs_move48(10, b.out.va);
    mali_csf_queue_exec(b.queue, words, ARRAY_SIZE(words));
    save_and_load(&b.gpu);
    mali_csf_run(&b.gpu, MALI_CSF_MS / 2);
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_SCOREBOARDS),
                    ==, 1 << 2 | 1 << 3 | 1 << 4);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 105);
    mali_csf_bench_quit(&b);
}

/* A load and a store that take time, with the words of the store */
static void test_slow_loads(void)
{
    uint64_t words[] = {
        0, cs_move48(12, 0x55), cs_load_multiple(12, 1, 10, 0),
        cs_store_multiple(12, 3, 10, 8), cs_move48(12, 7), cs_wait(1),
        cs_store_multiple(12, 3, 10, 16),
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_set_property(&b.gpu, "x-load-latency-ns", MALI_CSF_MS);
    qtest_writel(b.gpu.qts, b.out.pa, 0x123);
    words[0] = cs_move48(10, b.out.va);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, MALI_CSF_MS / 2);
    save_and_load(&b.gpu);
    g_assert_cmphex(mali_csf_bench_out(&b, 8), ==, 0);
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_SCOREBOARDS),
                    ==, 1);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 8), ==, 0x55);
    mali_csf_run(&b.gpu, 2 * MALI_CSF_MS);
    /* The load came after the MOVE. */
    g_assert_cmphex(mali_csf_bench_out(&b, 16), ==, 0x123);
    g_assert_cmphex(mali_csf_bench_out(&b, 20), ==, 0);
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
    g_autofree char *uri = NULL;
    QMaliCsf gpu;
    int fd = g_file_open_tmp("mali-csf-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    uri = g_strdup_printf("file:%s", path);
    mali_csf_init(&gpu, "-global mali-csf.model=g720");
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'migrate',"
                             " 'arguments': {'uri': %s}}", uri);
    wait_migration(gpu.qts);
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
    ADD("mid-job", test_mid_job);
    ADD("thread", test_thread);
    ADD("sync-wait", test_sync_wait);
    ADD("mid-edit", test_mid_edit);
    ADD("staged", test_staged);
    ADD("request-before-pass", test_request_before_pass);
    ADD("parked-pass", test_parked_pass);
    ADD("boot-pending", test_boot_pending);
    ADD("fault-pending", test_fault_pending);
    ADD("mmu-fault", test_mmu_fault);
    ADD("tlb", test_tlb);
    ADD("idle-timer", test_idle_timer);
    ADD("work", test_work);
    ADD("trace", test_trace);
    ADD("flush", test_flush);
    ADD("heap", test_heap);
    ADD("heap-other-stream", test_heap_other_stream);
    ADD("resource", test_resource);
    ADD("sleep", test_sleep);
    ADD("protected", test_protected);
    ADD("perfcnt", test_perfcnt);
    ADD("random", test_random);
    ADD("injections", test_injections);
    ADD("injected-state", test_injected_state);
    ADD("injected-words", test_injected_words);
    ADD("deferred", test_deferred);
    ADD("slow-loads", test_slow_loads);

    return g_test_run();
}
