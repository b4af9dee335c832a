/*
 * QTest for the Arm Mali CSF GPU: the firmware while its address space is
 * locked, and the order of doorbells and acknowledgements
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/mman.h>
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "libqos/mali-csf-mcu.h"

/* The LOCKADDR of all of the shared section */
#define LOCK_SHARED     (FW_SHARED_START | 15)

/* Address space 0 locked */

static void test_locked_ping(const void *data)
{
    const uint64_t lockaddr = *(const uint64_t *)data;
    const uint32_t done = R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK;
    g_autofree uint8_t *before = NULL;
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_lock(&gpu, 0, lockaddr);
    ping(&gpu);
    mali_csf_toggle(&gpu, gpu.glb_in + GLB_DB_REQ, gpu.glb_out + GLB_DB_ACK,
                    0xff);
    before = snapshot(&gpu);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    assert_unchanged(&gpu, before);

    /* This is all that the driver waits for while it holds the lock. */
    mali_csf_writel(&gpu, GPU_CLEAR, done);
    mali_csf_writel(&gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    g_assert(mali_csf_wait_reg(&gpu, GPU_RAWSTAT, done, done, MALI_CSF_MS));
    mali_csf_run(&gpu, LONG_ENOUGH);
    assert_unchanged(&gpu, before);
    g_assert_cmpuint(mali_csf_readl(&gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_ENABLED);

    mali_csf_unlock(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_true(ping_acked(&gpu));
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.glb_in + GLB_DB_REQ), ==,
                    qtest_readl(gpu.qts, gpu.glb_out + GLB_DB_ACK));
    g_assert_cmphex(mali_csf_readl(&gpu, JOB_RAWSTAT), ==,
                    JOB_INT_GLOBAL_IF);
    /* Once */
    mali_csf_writel(&gpu, JOB_CLEAR, ~0u);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&gpu, JOB_RAWSTAT), ==, 0);
    mali_csf_quit(&gpu);
}

/* A lock on other pages of the space holds nothing up. */
static void test_locked_elsewhere(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_lock(&gpu, 0, 0x05000000 | 15);
    ping(&gpu);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_true(ping_acked(&gpu));
    mali_csf_lock(&gpu, 0, (FW_SHARED_START - 0x10000) | 15);
    ping(&gpu);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_true(ping_acked(&gpu));
    mali_csf_quit(&gpu);
}

static void test_locked_boot(void)
{
    g_autofree uint8_t *before = NULL;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_mcu_prepare(&gpu);
    before = snapshot(&gpu);
    mali_csf_lock(&gpu, 0, LOCK_SHARED);
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    mali_csf_run(&gpu, LONG_ENOUGH);
    assert_unchanged(&gpu, before);
    g_assert_cmpuint(mali_csf_readl(&gpu, A_MCU_STATUS), !=,
                     MCU_STATUS_FATAL);
    mali_csf_unlock(&gpu, 0);
    g_assert(mali_csf_wait_reg(&gpu, JOB_RAWSTAT, ~0u, JOB_INT_GLOBAL_IF,
                               MALI_CSF_TIMEOUT));
    mali_csf_mcu_parse(&gpu);
    mali_csf_global_init(&gpu);
    mali_csf_quit(&gpu);
}

/* What is parked is forgotten when the MCU is switched off. */
static void test_locked_then_off(void)
{
    g_autofree uint8_t *before = NULL;
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_lock(&gpu, 0, LOCK_SHARED);
    ping(&gpu);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
    g_assert_cmpuint(mali_csf_readl(&gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_DISABLED);
    before = snapshot(&gpu);
    mali_csf_unlock(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    assert_unchanged(&gpu, before);
    mali_csf_quit(&gpu);
}

/* The driver's wait for the MCU to stop does not depend on the lock. */
static void test_locked_halt(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_lock(&gpu, 0, LOCK_SHARED);
    mali_csf_update(&gpu, gpu.glb_in + GLB_REQ, GLB_HALT, GLB_HALT);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_readl(&gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_ENABLED);
    mali_csf_unlock(&gpu, 0);
    g_assert(mali_csf_wait_reg(&gpu, A_MCU_STATUS, ~0u, MCU_STATUS_HALT,
                               MALI_CSF_TIMEOUT));
    mali_csf_quit(&gpu);
}

/* UPDATE to UNMAPPED under a parked pass: it goes on and finds no page. */
static void test_locked_then_unmapped(void)
{
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_lock(&gpu, 0, LOCK_SHARED);
    ping(&gpu);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    mali_csf_as_disable(&gpu, 0);
    g_assert(mali_csf_wait_reg(&gpu, A_MCU_STATUS, ~0u, MCU_STATUS_FATAL,
                               MALI_CSF_TIMEOUT));
    g_assert_false(ping_acked(&gpu));
    mali_csf_quit(&gpu);
}

/*
 * The start of a group touches what lies outside of the shared section: the
 * user pages of its queues and its suspend buffer.  While one of them is
 * locked, nothing of the pass may be seen.
 */
static void test_locked_start(void)
{
    const uint64_t nops[8] = { 0 };
    g_autofree uint8_t *before = NULL;
    QMaliCsfVm vm;
    QMaliCsfGroup group;
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_vm_init(&gpu, &vm, 1);
    /* Away from the shared section by more than the lock is wide */
    gpu.mcu_vm.next_va = 0x04100000;
    mali_csf_group_init(&vm, &group, 1);
    mali_csf_vm_enable(&vm);
    mali_csf_queue_push(&group.queue[0], nops, ARRAY_SIZE(nops));
    mali_csf_group_program(&group, 3);
    mali_csf_lock(&gpu, 0, mali_csf_pack_region(0x04100000, 0x100000));
    mali_csf_group_request(&group, CSG_STATE_START);
    before = snapshot(&gpu);
    mali_csf_run(&gpu, LONG_ENOUGH);
    assert_unchanged(&gpu, before);
    g_assert_cmphex(mali_csf_queue_extract(&group.queue[0]), ==, 0);

    mali_csf_unlock(&gpu, 0);
    g_assert_true(mali_csf_group_wait(&group));
    g_assert_true(mali_csf_queue_wait(&group.queue[0], MALI_CSF_TIMEOUT));
    mali_csf_quit(&gpu);
}

/*
 * Acknowledge, then look.
 *
 * The host that writes between the two is played by the page tables: the
 * word that the firmware acknowledges in is, through a second mapping, also
 * the word that it has to look at next.  If it looks first, it sees the old
 * value, acknowledges, and nobody will ring again.
 */

/* GLB_DB_ACK is at the same offset of its page as CSG_DB_REQ of its own. */
static void test_order_global(void)
{
    QMaliCsfVm vm;
    QMaliCsfGroup group;
    QMaliCsf gpu;
    uint64_t page, cs_in, cs_out;
    const unsigned slot = 0;

    boot(&gpu, NULL);
    mali_csf_vm_init(&gpu, &vm, 1);
    mali_csf_group_init(&vm, &group, 1);
    mali_csf_vm_enable(&vm);
    mali_csf_group_start(&group, slot);
    mali_csf_run(&gpu, LONG_ENOUGH);
    mali_csf_ack_events(&gpu);

    g_assert_cmphex((gpu.glb_out + GLB_DB_ACK) % MALI_CSF_PAGE, ==,
                    (gpu.csg_in[slot] + CSG_DB_REQ) % MALI_CSF_PAGE);
    g_assert_cmphex((gpu.glb_out + GLB_ACK) % MALI_CSF_PAGE, ==,
                    (gpu.csg_in[slot] + CSG_REQ) % MALI_CSF_PAGE);
    page = gpu.csg_in[slot] & ~(MALI_CSF_PAGE - 1);
    cs_in = gpu.cs_in[slot][0];
    cs_out = gpu.cs_out[slot][0];

    /*
     * Bit 0 of all doorbell words is 0 when the pass begins.  What
     * GLB_ACK becomes is CSG_REQ: it has to be a group that stays started.
     */
    qtest_writel(gpu.qts, gpu.csg_in[slot] + CSG_DB_REQ, 0);
    qtest_writel(gpu.qts, gpu.csg_out[slot] + CSG_DB_ACK, 0);
    qtest_writel(gpu.qts, gpu.glb_in + GLB_REQ,
                 qtest_readl(gpu.qts, gpu.csg_in[slot] + CSG_REQ));
    qtest_writel(gpu.qts, gpu.glb_in + GLB_DB_REQ, 1u << slot);
    /* The stream is to be stopped. */
    mali_csf_update(&gpu, cs_in + CS_REQ, CS_STATE_STOP, CS_STATE_MASK);
    mali_csf_lock(&gpu, 0, LOCK_SHARED);
    mali_csf_map(&gpu.mcu_vm, FW_SHARED_START + (gpu.glb_out -
                 gpu.shared_pa), page, MALI_CSF_PAGE, 0);
    mali_csf_flush_caches(&gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_unlock(&gpu, 0);

    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    /* GLB_DB_ACK, which is CSG_DB_REQ */
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.csg_in[slot] + CSG_DB_REQ), ==,
                    1u << slot);
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.csg_out[slot] + CSG_DB_ACK), ==,
                    1);
    g_assert_cmphex(qtest_readl(gpu.qts, cs_out + CS_ACK) & CS_STATE_MASK,
                    ==, CS_STATE_STOP);
    mali_csf_quit(&gpu);
}

/*
 * One level down: the queue's INSERT is made the word CSG_DB_ACK.  Started by
 * its doorbell bit 6, the stream finds 64 bytes to run if the bit was
 * acknowledged before it was looked at, and none otherwise.
 */
static void test_order_group(void)
{
    const unsigned slot = 0, cs = 6;
    const uint64_t store[] = {
        cs_move48(0, 0),
        cs_move32(2, 0x0a11600d),
        cs_store_multiple(2, 1, 0, 0),
    };
    uint64_t job[ARRAY_SIZE(store)];
    QMaliCsfVm vm;
    QMaliCsfGroup group;
    QMaliCsfQueue *queue = &group.queue[cs];
    QMaliCsfBuffer out;
    QMaliCsf gpu;

    boot(&gpu, NULL);
    mali_csf_vm_init(&gpu, &vm, 1);
    mali_csf_group_init(&vm, &group, 8);
    out = mali_csf_vm_alloc(&vm, MALI_CSF_PAGE);
    mali_csf_vm_enable(&vm);
    memcpy(job, store, sizeof(job));
    job[0] = cs_move48(0, out.va);
    for (int i = 0; i < ARRAY_SIZE(job); i++) {
        qtest_writeq(gpu.qts, queue->ring.pa + i * 8, job[i]);
    }

    /* A group with all of its streams stopped, and quiet about it */
    mali_csf_group_program(&group, slot);
    for (unsigned i = 0; i < 8; i++) {
        qtest_writel(gpu.qts, gpu.cs_in[slot][i] + CS_REQ, CS_STATE_STOP);
        qtest_writel(gpu.qts, gpu.cs_in[slot][i] + CS_ACK_IRQ_MASK, 0);
    }
    mali_csf_group_request(&group, CSG_STATE_START);
    g_assert_true(mali_csf_group_wait(&group));
    mali_csf_run(&gpu, LONG_ENOUGH);
    /* INSERT is 64 bits wide: the word behind is part of it. */
    g_assert_cmphex(CSG_IRQ_REQ, ==, CSG_DB_ACK + 4);
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.csg_out[slot] + CSG_IRQ_REQ),
                    ==, 0);
    /* Behind it is EXTRACT_INIT, in whose place these two are. */
    g_assert_cmphex(CSG_STATUS_EP_CURRENT, ==, CSG_DB_ACK + 8);
    qtest_writeq(gpu.qts, gpu.csg_out[slot] + CSG_STATUS_EP_CURRENT, 0);
    qtest_writel(gpu.qts, gpu.csg_out[slot] + CSG_DB_ACK, 0);
    qtest_writel(gpu.qts, gpu.csg_in[slot] + CSG_DB_REQ, 1u << cs);
    qtest_writeq(gpu.qts, gpu.cs_in[slot][cs] + CS_USER_INPUT,
                 FW_SHARED_START + (gpu.csg_out[slot] + CSG_DB_ACK -
                                    gpu.shared_pa));
    qtest_writel(gpu.qts, gpu.cs_in[slot][cs] + CS_REQ, CS_STATE_START);
    mali_csf_csg_ring(&gpu, slot);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_cmphex(qtest_readl(gpu.qts, gpu.cs_out[slot][cs] + CS_ACK) &
                    CS_STATE_MASK, ==, CS_STATE_START);
    g_assert_cmphex(qtest_readl(gpu.qts, out.pa), ==, 0x0a11600d);
    mali_csf_quit(&gpu);
}

/*
 * The same in real time: guest memory is shared with this process, in which
 * a thread plays the other CPU.  It sends STATUS_UPDATE requests, one after
 * the other, without knowing when the firmware looks; each is announced as
 * the driver does it, from the current acknowledgement.  None may be lost.
 */
typedef struct Racer {
    uint32_t *req;
    uint32_t *ack;
    uint32_t *db_req;
    uint32_t *db_ack;
    unsigned sent;
    bool stop;
} Racer;

static void *racer(void *opaque)
{
    Racer *r = opaque;

    while (!qatomic_read(&r->stop)) {
        uint32_t ack = qatomic_read(r->ack);

        if ((qatomic_read(r->req) ^ ack) & CSG_STATUS_UPDATE) {
            continue;
        }
        qatomic_set(r->req, (qatomic_read(r->req) & ~CSG_STATUS_UPDATE) |
                    (~ack & CSG_STATUS_UPDATE));
        /* A reader who sees that it is announced sees the request. */
        smp_mb();
        qatomic_set(r->db_req, (qatomic_read(r->db_req) & ~1u) |
                    (~qatomic_read(r->db_ack) & 1u));
        qatomic_set(&r->sent, r->sent + 1);
    }
    return NULL;
}

static void test_order_race(void)
{
    g_autofree char *path = g_strdup_printf("/dev/shm/mali-csf-%d",
                                            (int)getpid());
    g_autofree char *args =
        g_strdup_printf("-object memory-backend-file,id=ram,share=on,"
                        "mem-path=%s,size=%" PRIu64 " "
                        "-machine memory-backend=ram", path,
                        (uint64_t)MALI_CSF_RAM_SIZE);
    QMaliCsfVm vm;
    QMaliCsfGroup group;
    QMaliCsf gpu;
    Racer r = { 0 };
    GThread *thread;
    uint8_t *ram;
    int fd;

    if (HOST_BIG_ENDIAN || access("/dev/shm", W_OK)) {
        g_test_skip("needs a little-endian host with /dev/shm");
        return;
    }
    boot(&gpu, args);
    fd = open(path, O_RDWR);
    g_assert_cmpint(fd, >=, 0);
    unlink(path);
    ram = mmap(NULL, MALI_CSF_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
               fd, 0);
    g_assert(ram != MAP_FAILED);
    close(fd);

    mali_csf_vm_init(&gpu, &vm, 1);
    mali_csf_group_init(&vm, &group, 1);
    mali_csf_vm_enable(&vm);
    mali_csf_group_start(&group, 0);
    r.req = (uint32_t *)(ram + gpu.csg_in[0] + CSG_REQ - MALI_CSF_RAM_BASE);
    r.ack = (uint32_t *)(ram + gpu.csg_out[0] + CSG_ACK - MALI_CSF_RAM_BASE);
    r.db_req = (uint32_t *)(ram + gpu.glb_in + GLB_DB_REQ -
                            MALI_CSF_RAM_BASE);
    r.db_ack = (uint32_t *)(ram + gpu.glb_out + GLB_DB_ACK -
                            MALI_CSF_RAM_BASE);
    thread = g_thread_new("racer", racer, &r);
    /* More of them where the other thread gets little time */
    for (int i = 0; i < 20000 ||
         (i < 400000 && qatomic_read(&r.sent) <= 2000); i++) {
        mali_csf_doorbell(&gpu, 0);
        mali_csf_run(&gpu, 2 * MALI_CSF_US);
    }
    qatomic_set(&r.stop, true);
    g_thread_join(thread);
    mali_csf_doorbell(&gpu, 0);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_test_message("%u requests", r.sent);
    g_assert_cmpuint(r.sent, >, 1000);
    g_assert_true(mali_csf_csg_acked(&gpu, 0, CSG_STATUS_UPDATE));
    munmap(ram, MALI_CSF_RAM_SIZE);
    mali_csf_quit(&gpu);
}

/* A boot reads that page, too. */
static void test_locked_descriptor(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_mcu_prepare(&gpu);
    write_descriptor(&gpu, FW_DESCRIPTOR_MAGIC, FW_VERSION(1, 5, 3));
    mali_csf_lock(&gpu, 0, FW_DESCRIPTOR_VA | AS_LOCKADDR_SIZE_MIN);
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&gpu, JOB_RAWSTAT), ==, 0);
    mali_csf_unlock(&gpu, 0);
    g_assert(mali_csf_wait_reg(&gpu, JOB_RAWSTAT, ~0u, JOB_INT_GLOBAL_IF,
                               MALI_CSF_TIMEOUT));
    assert_interface(&gpu, FW_VERSION(1, 5, 3), 0x25);
    mali_csf_quit(&gpu);
}

int main(int argc, char **argv)
{
    static const uint64_t lockaddr[] = {
        LOCK_SHARED, MALI_CSF_LOCK_ALL,
        FW_SHARED_START | AS_LOCKADDR_SIZE_MIN,
        /* A kernel buffer at 0x0401f000, as the driver locks it */
        0x04000011,
    };
    static const char *const lock_name[] = {
        "section", "space", "half-section", "kernel-buffer",
    };

    g_test_init(&argc, &argv, NULL);

    for (int i = 0; i < ARRAY_SIZE(lockaddr); i++) {
        g_autofree char *path = g_strdup_printf("/mali-csf/mcu/locked/%s",
                                                lock_name[i]);

        qtest_add_data_func(path, &lockaddr[i], test_locked_ping);
    }
    ADD("locked/elsewhere", test_locked_elsewhere);
    ADD("locked/boot", test_locked_boot);
    ADD("locked/descriptor", test_locked_descriptor);
    ADD("locked/then-off", test_locked_then_off);
    ADD("locked/halt", test_locked_halt);
    ADD("locked/then-unmapped", test_locked_then_unmapped);
    ADD("locked/start", test_locked_start);

    ADD("order/global", test_order_global);
    ADD("order/group", test_order_group);
    ADD("order/race", test_order_race);

    return g_test_run();
}
