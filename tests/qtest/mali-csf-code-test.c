/*
 * QTest for the Arm Mali CSF GPU: the GPU writes instructions that a vCPU
 * has already run
 *
 * The only test with a vCPU that runs.  It calls a function again and again
 * and leaves the result in memory; the GPU stores another function over it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqos/mali-csf.h"

#define PROGRAM     0x43000000ull
/* What the program calls, and the results: pages of their own */
#define FUNCTION    0x43001000ull
#define RESULT      0x43002000ull
#define COUNT       (RESULT + 4)

#define MOV_W0_1    0x52800020u
#define MOV_W0_2    0x52800040u
#define RET         0xd65f03c0u

/* How long a vCPU under load may take, in seconds of real time */
#define PATIENCE    30

static const uint32_t program_plain[] = {
    0xd2a86002,     /*      mov     x2, #0x43000000     */
    0x91400441,     /*      add     x1, x2, #0x1000     */
    0x91400842,     /*      add     x2, x2, #0x2000     */
    0xd63f0020,     /* 1:   blr     x1                  */
    0xb9000040,     /*      str     w0, [x2]            */
    0x11000463,     /*      add     w3, w3, #1          */
    0xb9000443,     /*      str     w3, [x2, #4]        */
    0x17fffffc,     /*      b       1b                  */
};

/* As above, with what the architecture asks for before each call */
static const uint32_t program_barriers[] = {
    0xd2a86002,     /*      mov     x2, #0x43000000     */
    0x91400441,     /*      add     x1, x2, #0x1000     */
    0x91400842,     /*      add     x2, x2, #0x2000     */
    0xd50b7521,     /* 1:   ic      ivau, x1            */
    0xd5033b9f,     /*      dsb     ish                 */
    0xd5033fdf,     /*      isb                         */
    0xd63f0020,     /*      blr     x1                  */
    0xb9000040,     /*      str     w0, [x2]            */
    0x11000463,     /*      add     w3, w3, #1          */
    0xb9000443,     /*      str     w3, [x2, #4]        */
    0x17fffff9,     /*      b       1b                  */
};

static bool wait_word(QTestState *qts, uint64_t pa, uint32_t value)
{
    gint64 end = g_get_monotonic_time() + PATIENCE * G_USEC_PER_SEC;

    while (qtest_readl(qts, pa) != value) {
        if (g_get_monotonic_time() > end) {
            return false;
        }
        g_usleep(1000);
    }
    return true;
}

static void wait_progress(QTestState *qts)
{
    uint32_t count = qtest_readl(qts, COUNT);
    gint64 end = g_get_monotonic_time() + PATIENCE * G_USEC_PER_SEC;

    /* Enough for whatever QEMU does with code that is run often */
    while (qtest_readl(qts, COUNT) - count < 10000) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(1000);
    }
}

/* The libqos helpers step the clock; here it runs by itself. */
static bool wait_reg(QMaliCsf *gpu, uint32_t offset, uint32_t value)
{
    return wait_word(gpu->qts, MALI_CSF_BASE + offset, value);
}

static bool wait_ack(QMaliCsf *gpu, uint64_t req, uint64_t ack, uint32_t mask)
{
    gint64 end = g_get_monotonic_time() + PATIENCE * G_USEC_PER_SEC;

    while ((qtest_readl(gpu->qts, req) ^ qtest_readl(gpu->qts, ack)) & mask) {
        if (g_get_monotonic_time() > end) {
            return false;
        }
        g_usleep(1000);
    }
    return true;
}

static void test_code(const void *data)
{
    const bool barriers = *(const bool *)data;
    const uint32_t *program = barriers ? program_barriers : program_plain;
    size_t size = barriers ? sizeof(program_barriers) : sizeof(program_plain);
    g_autofree uint32_t *le = g_malloc(size);
    g_autofree char *path = NULL;
    g_autofree char *args = NULL;
    QMaliCsfGroup group;
    QMaliCsfVm vm;
    QMaliCsf gpu;
    int fd;

    for (size_t i = 0; i < size / 4; i++) {
        le[i] = cpu_to_le32(program[i]);
    }
    fd = g_file_open_tmp("mali-csf-XXXXXX", &path, NULL);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, le, size), ==, size);
    close(fd);
    args = g_strdup_printf("-accel tcg -S -device loader,file=%s,"
                           "addr=0x%" PRIx64 ",force-raw=on,cpu-num=0", path,
                           (uint64_t)PROGRAM);
    mali_csf_init(&gpu, args);
    unlink(path);
    qtest_writel(gpu.qts, FUNCTION, MOV_W0_1);
    qtest_writel(gpu.qts, FUNCTION + 4, RET);
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'cont'}");
    g_assert_true(wait_word(gpu.qts, RESULT, 1));
    wait_progress(gpu.qts);

    /* Registers and memory as mali_csf_bench_init() has them */
    mali_csf_mcu_prepare(&gpu);
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_AUTO);
    g_assert_true(wait_reg(&gpu, MALI_CSF_JOB_CONTROL_BASE +
                           MALI_CSF_INT_RAWSTAT, JOB_INT_GLOBAL_IF));
    mali_csf_mcu_parse(&gpu);
    mali_csf_vm_init(&gpu, &vm, 1);
    mali_csf_map(&vm, 0x10000000, FUNCTION, MALI_CSF_PAGE, 0);
    mali_csf_group_init(&vm, &group, 1);
    mali_csf_vm_enable(&vm);
    mali_csf_group_program(&group, 0);
    mali_csf_group_request(&group, CSG_STATE_START);
    g_assert_true(wait_ack(&gpu, gpu.csg_in[0] + CSG_REQ,
                           gpu.csg_out[0] + CSG_ACK, CSG_STATE_MASK));

    for (int i = 0; i < 10; i++) {
        const uint64_t job[] = {
            cs_move48(0, 0x10000000),
            cs_move32(4, i & 1 ? MOV_W0_1 : MOV_W0_2),
            cs_store_multiple(4, 1, 0, 0),
        };

        mali_csf_queue_submit(&group.queue[0], job, ARRAY_SIZE(job));
        g_assert_true(wait_word(gpu.qts, FUNCTION,
                                i & 1 ? MOV_W0_1 : MOV_W0_2));
        g_assert_true(wait_word(gpu.qts, RESULT, i & 1 ? 1 : 2));
        wait_progress(gpu.qts);
        g_assert_cmpuint(qtest_readl(gpu.qts, RESULT), ==, i & 1 ? 1 : 2);
    }
    mali_csf_quit(&gpu);
}

int main(int argc, char **argv)
{
    static const bool barriers[] = { false, true };

    g_test_init(&argc, &argv, NULL);

    if (!qtest_has_accel("tcg")) {
        g_test_skip("needs a vCPU of TCG");
        return 0;
    }
    qtest_add_data_func("/mali-csf/code/plain", &barriers[0], test_code);
    qtest_add_data_func("/mali-csf/code/barriers", &barriers[1], test_code);

    return g_test_run();
}
