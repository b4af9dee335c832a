/*
 * QTest for protected mode of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)
#define BEFORE          0xbef0bef0
#define INSIDE          0x1d1d1d1d
#define BEHIND          0xb1b1b1b1

#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define JOB_CLEAR       (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_CLEAR)
#define MMU_RAWSTAT     (MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT)
#define MMU_CLEAR       (MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR)
#define GPU_RAWSTAT     (A_GPU_INT + MALI_CSF_INT_RAWSTAT)
#define GPU_CLEAR       (A_GPU_INT + MALI_CSF_INT_CLEAR)

/* Rounds of the loop in the protected region */
#define ROUNDS          200000
#define LONG_REGION     (100 * MALI_CSF_MS)

static bool protected(QMaliCsf *gpu)
{
    return mali_csf_readl(gpu, A_GPU_STATUS) & R_GPU_STATUS_PROTM_ACTIVE_MASK;
}

static bool exit_event(QMaliCsf *gpu)
{
    return (qtest_readl(gpu->qts, gpu->glb_in + GLB_REQ) ^
            qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK)) & GLB_PROTM_EXIT;
}

static void enter(QMaliCsf *gpu)
{
    mali_csf_glb_toggle(gpu, GLB_PROTM_ENTER);
}

/* Stores BEFORE, then INSIDE and a count in a protected region, then BEHIND */
static void submit(QMaliCsfQueue *queue, uint64_t va, uint32_t rounds)
{
    const uint64_t words[] = {
        cs_move48(90, va),
        cs_move32(8, BEFORE),
        cs_store_multiple(8, 1, 90, 0),
        cs_move32(8, INSIDE),
        cs_move32(9, rounds),
        cs_prot_region(4),
        cs_store_multiple(8, 1, 90, 0),
        cs_add_imm32(9, 9, -1),
        cs_branch(CS_COND_GT, 9, -3),
        cs_store_multiple(9, 1, 90, 4),
        cs_move32(8, BEHIND),
        cs_store_multiple(8, 1, 90, 8),
    };

    mali_csf_queue_submit(queue, words, ARRAY_SIZE(words));
}

static void init(QMaliCsfBench *b)
{
    mali_csf_bench_init(b, NULL);
    mali_csf_run(&b->gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b->gpu);
    mali_csf_update(&b->gpu, b->gpu.glb_in + GLB_ACK_IRQ_MASK, ~0u,
                    GLB_PROTM_EXIT | GLB_PROTM_ENTER);
}

static void assert_pending(QMaliCsfBench *b)
{
    mali_csf_run(&b->gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(b, 0), ==, BEFORE);
    g_assert_true(mali_csf_queue_event(b->queue, CS_PROTM_PENDING));
    g_assert_false(protected(&b->gpu));
}

static void test_enter_exit(void)
{
    QMaliCsfBench b;

    init(&b);
    mali_csf_writel(&b.gpu, JOB_CLEAR, ~0u);
    submit(b.queue, b.out.va, 3);
    assert_pending(&b);
    g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT) & JOB_INT_CSG(0), ==,
                    JOB_INT_CSG(0));
    mali_csf_group_status_update(&b.group);
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_WAIT), ==,
                    CS_STATUS_WAIT_PROTM);
    g_assert_cmphex(mali_csf_queue_status64(b.queue, CS_STATUS_CMD_PTR), ==,
                    b.queue->ring.va + 5 * 8);

    /* Acknowledged, it goes on only in protected mode. */
    mali_csf_queue_ack_event(b.queue, CS_PROTM_PENDING);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, BEFORE);
    g_assert_false(exit_event(&b.gpu));
    mali_csf_writel(&b.gpu, JOB_CLEAR, ~0u);
    enter(&b.gpu);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, INSIDE);
    g_assert_cmphex(mali_csf_bench_out(&b, 4), ==, 0);
    g_assert_cmphex(mali_csf_bench_out(&b, 8), ==, BEHIND);
    g_assert_true(exit_event(&b.gpu));
    g_assert_false(protected(&b.gpu));
    g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT) & JOB_INT_GLOBAL_IF,
                    ==, JOB_INT_GLOBAL_IF);
    mali_csf_bench_quit(&b);
}

/* PROTM_ENTER without the acknowledgement is for nobody, and over at once. */
static void test_enter_unacknowledged(void)
{
    QMaliCsfBench b;

    init(&b);
    submit(b.queue, b.out.va, 3);
    assert_pending(&b);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(exit_event(&b.gpu));
    assert_pending(&b);
    mali_csf_bench_quit(&b);
}

/* Nobody else runs meanwhile; afterwards everybody does. */
static void test_alone(void)
{
    const uint64_t count[] = {
        0, cs_move32(8, 0), cs_add_imm32(8, 8, 1),
        cs_store_multiple(8, 1, 90, 0x20), cs_branch(CS_COND_ALWAYS, 8, -3),
    };
    uint64_t words[ARRAY_SIZE(count)];
    QMaliCsfBench b;
    QMaliCsfGroup group;
    uint32_t seen;

    init(&b);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 3);
    memcpy(words, count, sizeof(words));
    words[0] = cs_move48(90, b.out.va);
    submit(b.queue, b.out.va, ROUNDS);
    assert_pending(&b);
    mali_csf_queue_ack_event(b.queue, CS_PROTM_PENDING);
    mali_csf_queue_submit(&group.queue[0], words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    seen = mali_csf_bench_out(&b, 0x20);
    g_assert_cmpuint(seen, >, 0);

    enter(&b.gpu);
    seen = mali_csf_bench_out(&b, 0x20);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_true(protected(&b.gpu));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, INSIDE);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0x20), ==, seen);
    g_assert(mali_csf_queue_wait(b.queue, LONG_REGION));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_false(protected(&b.gpu));
    g_assert_cmpuint(mali_csf_bench_out(&b, 0x20), >, seen);
    mali_csf_bench_quit(&b);
}

/* Is the word anywhere in the buffer? */
static bool contains(QMaliCsf *gpu, const QMaliCsfBuffer *buffer,
                     uint32_t word)
{
    g_autofree uint32_t *words = g_malloc(buffer->size);

    qtest_memread(gpu->qts, buffer->pa, words, buffer->size);
    for (int i = 0; i < buffer->size / 4; i++) {
        if (le32_to_cpu(words[i]) == word) {
            return true;
        }
    }
    return false;
}

/* In protected mode, in the middle of the long region */
static void go_inside(QMaliCsfBench *b)
{
    submit(b->queue, b->out.va, ROUNDS);
    assert_pending(b);
    mali_csf_queue_ack_event(b->queue, CS_PROTM_PENDING);
    enter(&b->gpu);
    mali_csf_run(&b->gpu, MALI_CSF_MS);
    g_assert_true(protected(&b->gpu));
}

static void init_inside(QMaliCsfBench *b)
{
    init(b);
    go_inside(b);
}

/* To the end of the region, once protected mode is asked for again */
static void finish(QMaliCsfBench *b)
{
    qtest_writel(b->gpu.qts, b->out.pa, BEFORE);
    assert_pending(b);
    mali_csf_queue_ack_event(b->queue, CS_PROTM_PENDING);
    enter(&b->gpu);
    g_assert(mali_csf_queue_wait(b->queue, LONG_REGION));
    g_assert_cmphex(mali_csf_bench_out(b, 8), ==, BEHIND);
    mali_csf_run(&b->gpu, MALI_CSF_MS);
    g_assert_false(protected(&b->gpu));
}

/* A ping ends it, and nothing of the region is lost. */
static void test_ping(void)
{
    QMaliCsfBench b;

    init_inside(&b);
    mali_csf_glb_toggle(&b.gpu, GLB_PING);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_false(protected(&b.gpu));
    g_assert_true(exit_event(&b.gpu));
    g_assert_cmphex(mali_csf_bench_out(&b, 8), ==, 0);
    finish(&b);
    /* The count in the region came to its end, which is zero. */
    g_assert_cmphex(mali_csf_bench_out(&b, 4), ==, 0);
    mali_csf_bench_quit(&b);
}

/* The MMU executes no command before protected mode is over. */
static void test_mmu_command(void)
{
    const uint64_t lockaddr = 0x7000000000ull | 20;
    const uint32_t status = mali_csf_as_reg(2, A_AS_STATUS);
    QMaliCsfBench b;

    init_inside(&b);
    mali_csf_writeq(&b.gpu, mali_csf_as_reg(2, A_AS_LOCKADDR_LO), lockaddr);
    mali_csf_writel(&b.gpu, MMU_CLEAR, ~0u);
    mali_csf_writel(&b.gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                    AS_COMMAND_LOCK);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_true(protected(&b.gpu));
    g_assert_cmphex(mali_csf_readl(&b.gpu, status), ==, 1);
    g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT), ==, 0);
    g_assert(mali_csf_queue_wait(b.queue, LONG_REGION));
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_false(protected(&b.gpu));
    g_assert_cmphex(mali_csf_readl(&b.gpu, status), ==, 0);
    g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT), ==,
                    MALI_CSF_MMU_INT_DONE(2));

    /* One that is under way when it begins waits as well. */
    mali_csf_set_property(&b.gpu, "x-as-latency-ns", 3 * MALI_CSF_MS);
    qtest_writel(b.gpu.qts, b.out.pa + 8, 0);
    submit(b.queue, b.out.va, ROUNDS);
    assert_pending(&b);
    mali_csf_queue_ack_event(b.queue, CS_PROTM_PENDING);
    mali_csf_writel(&b.gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                    AS_COMMAND_UNLOCK);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, 5 * MALI_CSF_MS);
    g_assert_true(protected(&b.gpu));
    g_assert_cmphex(mali_csf_readl(&b.gpu, status), ==, 1);
    mali_csf_glb_toggle(&b.gpu, GLB_PING);
    mali_csf_run(&b.gpu, 3 * LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&b.gpu, status), ==, 0);
    mali_csf_bench_quit(&b);

    /* The microcontroller is stopped, and the GPU reset. */
    for (int i = 0; i < 2; i++) {
        init_inside(&b);
        mali_csf_writel(&b.gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                        AS_COMMAND_NOP);
        if (i) {
            mali_csf_soft_reset(&b.gpu);
        } else {
            mali_csf_writel(&b.gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
        }
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        g_assert_false(protected(&b.gpu));
        g_assert_cmphex(mali_csf_readl(&b.gpu, status), ==, 0);
        mali_csf_bench_quit(&b);
    }
}

/* Nobody is told what a protected stream has touched. */
static void test_fault(void)
{
    const uint64_t words[] = {
        cs_move48(90, 0x123456789000),
        cs_prot_region(1),
        cs_store_multiple(8, 1, 90, 0),
    };
    QMaliCsfBench b;

    init(&b);
    mali_csf_writel(&b.gpu, GPU_CLEAR, ~0u);
    mali_csf_writel(&b.gpu, MMU_CLEAR, ~0u);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_queue_ack_event(b.queue, CS_PROTM_PENDING);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&b.gpu, GPU_RAWSTAT), ==,
                    R_GPU_INT_PROTECTED_FAULT_MASK);
    g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT), ==, 0);
    g_assert_cmphex(mali_csf_readl(&b.gpu,
                                   mali_csf_as_reg(1, A_AS_FAULTSTATUS)),
                    ==, 0);
    g_assert_cmphex(mali_csf_readq(&b.gpu, mali_csf_as_reg(1,
                                   A_AS_FAULTADDRESS_LO)), ==, 0);
    g_assert_true(protected(&b.gpu));
    /* A ping ends it even so; the group can be terminated. */
    mali_csf_glb_toggle(&b.gpu, GLB_PING);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_false(protected(&b.gpu));
    mali_csf_group_terminate(&b.group);
    mali_csf_bench_quit(&b);
}

/* A stream is in one buffer or in the other. */
static void test_suspend_buffer(void)
{
    QMaliCsfBench b;

    init(&b);
    mali_csf_queue_exec(b.queue, (const uint64_t[]) {
                            cs_move32(20, INSIDE) }, 1);
    mali_csf_group_suspend(&b.group);
    g_assert_true(contains(&b.gpu, &b.group.suspend, INSIDE));
    g_assert_false(contains(&b.gpu, &b.group.protm_suspend, INSIDE));
    /* Not needed, and not looked at */
    mali_csf_unmap(&b.gpu.mcu_vm, b.group.protm_suspend.va,
                   b.group.protm_suspend.size);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    mali_csf_group_resume(&b.group, 1);
    mali_csf_bench_quit(&b);

    init(&b);
    mali_csf_group_terminate(&b.group);
    /* Far from what else the firmware needs */
    b.group.protm_suspend = mali_csf_vm_alloc_at(&b.gpu.mcu_vm, 0x06000000,
                                                 b.gpu.protm_suspend_size, 0);
    mali_csf_group_start(&b.group, 0);
    mali_csf_ack_events(&b.gpu);
    go_inside(&b);
    mali_csf_group_suspend(&b.group);
    g_assert_false(contains(&b.gpu, &b.group.suspend, INSIDE));
    g_assert_true(contains(&b.gpu, &b.group.protm_suspend, INSIDE));
    /* While it is locked, the group does not come back. */
    mali_csf_lock(&b.gpu, 0, mali_csf_pack_region(b.group.protm_suspend.va,
                                                  0x1000));
    mali_csf_group_program(&b.group, 2);
    mali_csf_group_request(&b.group, CSG_STATE_RESUME);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_false(mali_csf_csg_acked(&b.gpu, 2, CSG_STATE_MASK));
    mali_csf_unlock(&b.gpu, 0);
    g_assert(mali_csf_group_wait(&b.group));
    finish(&b);
    mali_csf_bench_quit(&b);
}

/* What was written to the buffer for protected content is no state. */
static void test_suspend_buffer_garbage(void)
{
    for (int i = 0; i < 4; i++) {
        QMaliCsfBench b;

        init_inside(&b);
        mali_csf_group_suspend(&b.group);
        switch (i) {
        case 0:
            /* Its header */
            qtest_writel(b.gpu.qts, b.group.protm_suspend.pa, 0);
            break;
        case 1:
            /* The stream: the normal buffer's, which has nothing of it */
            qtest_memset(b.gpu.qts, b.group.protm_suspend.pa + 0x58, 0,
                         b.group.protm_suspend.size - 0x58);
            break;
        case 2: {
            /* A region in the normal buffer */
            g_autofree uint8_t *buf = g_malloc(b.group.suspend.size);
            uint32_t magic = qtest_readl(b.gpu.qts, b.group.suspend.pa);

            qtest_memread(b.gpu.qts, b.group.protm_suspend.pa, buf,
                          b.group.protm_suspend.size);
            qtest_memwrite(b.gpu.qts, b.group.suspend.pa, buf,
                           b.group.protm_suspend.size);
            qtest_writel(b.gpu.qts, b.group.suspend.pa, magic);
            break;
        }
        default:
            qtest_memset(b.gpu.qts, b.group.protm_suspend.pa, 0xff,
                         b.group.protm_suspend.size);
            break;
        }
        /* The stream starts anew, from EXTRACT: behind the region. */
        qtest_writeq(b.gpu.qts, b.queue->output.pa + CS_USER_OUTPUT_EXTRACT,
                     b.queue->insert);
        mali_csf_group_resume(&b.group, 0);
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        g_assert_false(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
        g_assert_false(protected(&b.gpu));
        mali_csf_queue_exec(b.queue, (const uint64_t[]) { cs_nop() }, 1);
        mali_csf_bench_quit(&b);
    }
}

/* SUSPEND ends protected mode; resumed, the region has to ask again. */
static void test_suspend(void)
{
    QMaliCsfBench b;

    init_inside(&b);
    mali_csf_group_suspend(&b.group);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_false(protected(&b.gpu));
    g_assert_true(exit_event(&b.gpu));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, INSIDE);

    mali_csf_group_resume(&b.group, 6);
    finish(&b);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, INSIDE);
    mali_csf_bench_quit(&b);
}

static void test_terminate(void)
{
    QMaliCsfBench b;

    init_inside(&b);
    mali_csf_group_terminate(&b.group);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_false(protected(&b.gpu));
    g_assert_true(exit_event(&b.gpu));
    mali_csf_bench_quit(&b);
}

/* Waiting for protected mode is idle if the host says so. */
static void test_idle(void)
{
    for (int i = 0; i < 2; i++) {
        QMaliCsfBench b;
        QMaliCsfGroup group;

        init(&b);
        mali_csf_group_init(&b.vm, &group, 1);
        mali_csf_group_program(&group, 1);
        mali_csf_update(&b.gpu, b.gpu.cs_in[1][0] + CS_REQ,
                        i ? CS_IDLE_PROTM_PENDING : 0,
                        CS_IDLE_PROTM_PENDING);
        mali_csf_group_request(&group, CSG_STATE_START);
        g_assert(mali_csf_group_wait(&group));
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        mali_csf_ack_events(&b.gpu);
        submit(&group.queue[0], b.out.va, 3);
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        g_assert_cmpint(mali_csf_csg_event(&b.gpu, 1, CSG_IDLE), ==, i);
        mali_csf_bench_quit(&b);
    }
}

/* A region that does not fit, and one within another */
static void test_invalid(void)
{
    const uint64_t beyond[] = { cs_prot_region(9) };
    const uint64_t nested[] = {
        cs_prot_region(3), cs_nop(), cs_prot_region(1), cs_nop(),
    };
    const uint64_t empty[] = { cs_prot_region(0) };
    QMaliCsfBench b;

    init(&b);
    mali_csf_queue_exec(b.queue, empty, ARRAY_SIZE(empty));
    mali_csf_queue_submit(b.queue, beyond, ARRAY_SIZE(beyond));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_INVALID_INSTRUCTION);
    mali_csf_bench_quit(&b);

    init(&b);
    mali_csf_queue_submit(b.queue, nested, ARRAY_SIZE(nested));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_queue_ack_event(b.queue, CS_PROTM_PENDING);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    /* The dead stream does not keep the GPU in it. */
    g_assert_false(protected(&b.gpu));
    mali_csf_bench_quit(&b);
}

static void test_command(void)
{
    QMaliCsfBench b;

    init(&b);
    g_assert_false(protected(&b.gpu));
    mali_csf_writel(&b.gpu, A_GPU_COMMAND, GPU_COMMAND_SET_PROTECTED_MODE);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(protected(&b.gpu));
    mali_csf_soft_reset(&b.gpu);
    g_assert_false(protected(&b.gpu));
    mali_csf_bench_quit(&b);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/protm/" path, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("enter-exit", test_enter_exit);
    ADD("unacknowledged", test_enter_unacknowledged);
    ADD("alone", test_alone);
    ADD("ping", test_ping);
    ADD("mmu-command", test_mmu_command);
    ADD("fault", test_fault);
    ADD("suspend", test_suspend);
    ADD("suspend-buffer", test_suspend_buffer);
    ADD("suspend-buffer/garbage", test_suspend_buffer_garbage);
    ADD("terminate", test_terminate);
    ADD("idle", test_idle);
    ADD("invalid", test_invalid);
    ADD("command", test_command);

    return g_test_run();
}
