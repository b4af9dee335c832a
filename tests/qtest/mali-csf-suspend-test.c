/*
 * QTest for the Arm Mali CSF GPU: groups and streams that are suspended,
 * resumed, stopped and terminated
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-stream.h"

/*
 * In a suspend buffer, of the first stream: its registers and frames are
 * between its state and its depth (cs/saved.c)
 */
#define SUSPENDED_REGISTERS 0x60
#define SUSPENDED_DEPTH     0x3e0

static void assert_long_job(QMaliCsfBench *b, const QMaliCsfBuffer *out,
                            uint32_t rounds)
{
    g_assert_cmpuint(qtest_readl(b->gpu.qts, out->pa), ==, rounds);
    g_assert_cmpuint(qtest_readl(b->gpu.qts, out->pa + 4), ==, rounds + 1);
    g_assert_cmpuint(qtest_readl(b->gpu.qts, out->pa + 8), ==, rounds + 2);
}

/* Suspended in a nested call, resumed elsewhere, in another space too */
static void test_suspend_resume(void)
{
    const uint32_t rounds = 20000;
    QMaliCsfBench b;
    QMaliCsfVm vm;
    uint32_t seen, extract;

    mali_csf_bench_init(&b, NULL);
    submit_long_job(&b, b.queue, &b.code, &b.out, rounds);
    mali_csf_queue_kick(b.queue);
    mali_csf_run(&b.gpu, 100 * MALI_CSF_US);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(mali_csf_bench_out(&b, 0), <, rounds);
        mali_csf_group_suspend(&b.group);
        seen = mali_csf_bench_out(&b, 0);
        extract = mali_csf_queue_extract(b.queue);
        g_assert_cmpuint(seen, >, 0);
        /* Off its slot, it neither runs nor hears. */
        mali_csf_queue_kick(b.queue);
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        g_assert_cmpuint(mali_csf_bench_out(&b, 0), ==, seen);
        g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, extract);
        g_assert_cmphex(mali_csf_queue_status(b.queue,
                                              CS_STATUS_BLOCKED_REASON), ==,
                        CS_BLOCKED_UNBLOCKED);
        g_assert_cmphex(mali_csf_queue_status(b.queue,
                                              CS_STATUS_SCOREBOARDS), ==, 0);
        if (i == 1) {
            mali_csf_as_disable(&b.gpu, 1);
            vm = b.vm;
            vm.as = 6;
            mali_csf_vm_enable(&vm);
            b.group.vm = &vm;
        }
        mali_csf_group_resume(&b.group, (i + 1) * 3 % 8);
        mali_csf_run(&b.gpu, 100 * MALI_CSF_US);
        g_assert_cmpuint(mali_csf_bench_out(&b, 0), >, seen);
    }
    g_assert(mali_csf_queue_wait(b.queue, 1000 * MALI_CSF_MS));
    assert_long_job(&b, &b.out, rounds);
    g_assert_false(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    mali_csf_bench_quit(&b);
}

/* The buffer outlives the microcontroller. */
static void test_suspend_reboot_resume(void)
{
    const uint32_t rounds = 20000;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_long_job(&b, b.queue, &b.code, &b.out, rounds);
    mali_csf_queue_kick(b.queue);
    mali_csf_run(&b.gpu, 100 * MALI_CSF_US);
    mali_csf_group_suspend(&b.group);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), <, rounds);
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_CLEAN);
    mali_csf_soft_reset(&b.gpu);
    mali_csf_l2_on(&b.gpu);
    mali_csf_vm_enable(&b.gpu.mcu_vm);
    mali_csf_mcu_boot(&b.gpu);
    mali_csf_global_init(&b.gpu);
    mali_csf_vm_enable(&b.vm);
    mali_csf_group_resume(&b.group, 4);
    g_assert(mali_csf_queue_wait(b.queue, 1000 * MALI_CSF_MS));
    assert_long_job(&b, &b.out, rounds);
    mali_csf_bench_quit(&b);
}

/* Suspended at a SYNC_WAIT, which is decided anew after the resume */
static void test_suspend_in_sync_wait(void)
{
    const WaitTest *t = &wait_tests[4];
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_wait(b.queue, t, b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_group_suspend(&b.group);
    /* The third moment at which the words have to be right */
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_STATUS_BLOCKED_REASON),
                    ==, CS_BLOCKED_SYNC_WAIT);
    g_assert_cmphex(mali_csf_queue_status64(b.queue,
                                            CS_STATUS_WAIT_SYNC_POINTER), ==,
                    b.out.va + 0x100);
    g_assert_cmphex(mali_csf_queue_status(b.queue,
                                          CS_STATUS_WAIT_SYNC_VALUE), ==,
                    (uint32_t)t->reference);
    mali_csf_group_resume(&b.group, 2);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_group_suspend(&b.group);
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, t->free);
    mali_csf_group_resume(&b.group, 0);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* Suspended while a lock holds it up: the access is made after the resume */
static void test_suspend_stalled(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer data;

    mali_csf_bench_init(&b, NULL);
    data = mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_store(&b, VA, NEW);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_group_suspend(&b.group);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(qtest_readl(b.gpu.qts, data.pa), ==, 0);
    mali_csf_group_resume(&b.group, 3);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(qtest_readl(b.gpu.qts, data.pa), ==, NEW);
    mali_csf_bench_quit(&b);
}

/* What is in the buffer is the host's to write. */
static void test_resume_garbage(const void *data)
{
    const uint8_t pattern = *(const uint8_t *)data;
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    qtest_memset(b.gpu.qts, group.suspend.pa, pattern, group.suspend.size);
    mali_csf_queue_push(&group.queue[0], nops, ARRAY_SIZE(nops));
    mali_csf_group_resume(&group, 1);
    /* Nothing of it counts: the stream starts anew, at the ring's begin. */
    g_assert(mali_csf_queue_wait(&group.queue[0], MALI_CSF_TIMEOUT));
    g_assert_false(mali_csf_queue_event(&group.queue[0], CS_EVENT_FATAL));
    mali_csf_group_terminate(&group);
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_bench_quit(&b);
}

/* A true buffer, each of its words in turn made large */
static void test_resume_corrupted(void)
{
    g_autofree uint8_t *good = NULL;
    QMaliCsfBench b;
    const uint64_t nops[8] = { 0 };

    mali_csf_bench_init(&b, NULL);
    submit_long_job(&b, b.queue, &b.code, &b.out, 100000000);
    mali_csf_queue_kick(b.queue);
    mali_csf_run(&b.gpu, 100 * MALI_CSF_US);
    mali_csf_group_suspend(&b.group);
    good = g_malloc(b.group.suspend.size);
    qtest_memread(b.gpu.qts, b.group.suspend.pa, good, b.group.suspend.size);
    /* Registers are data; what is before and behind them steers. */
    for (unsigned i = 0; i < SUSPENDED_DEPTH + 0x80; i += 4) {
        static const uint32_t values[] = { 0xffffffff, 0x7fffffff, 7, 0x100 };

        if (i == SUSPENDED_REGISTERS) {
            i = SUSPENDED_DEPTH;
        }
        for (int j = 0; j < ARRAY_SIZE(values); j++) {
            qtest_memwrite(b.gpu.qts, b.group.suspend.pa, good,
                           b.group.suspend.size);
            qtest_writel(b.gpu.qts, b.group.suspend.pa + i, values[j]);
            mali_csf_group_resume(&b.group, (i / 4) % 8);
            mali_csf_run(&b.gpu, 50 * MALI_CSF_US);
            mali_csf_group_terminate(&b.group);
            mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
        }
    }
    mali_csf_group_init(&b.vm, &b.group, 1);
    mali_csf_group_start(&b.group, 0);
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_bench_quit(&b);
}

/*
 * Of a depth that there is not, nothing of the stream is looked at: it is
 * stopped before and after, and no event tells its address.
 */
static void test_resume_depth(void)
{
    g_autofree char *path = NULL;
    g_autofree char *args = NULL;
    g_autofree char *said = NULL;
    QMaliCsfBench b;
    int fd = g_file_open_tmp("mali-csf-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    args = g_strdup_printf("-D %s -d guest_errors -trace mali_csf_cs_state",
                           path);
    mali_csf_bench_init(&b, args);
    mali_csf_group_suspend(&b.group);
    qtest_writeb(b.gpu.qts, b.group.suspend.pa + SUSPENDED_DEPTH, 254);
    mali_csf_group_resume(&b.group, 1);
    mali_csf_bench_quit(&b);
    g_assert_true(g_file_get_contents(path, &said, NULL, NULL));
    close(fd);
    unlink(path);
    g_assert_nonnull(strstr(said, "no stream has such a state: .depth"));
    g_assert_null(strstr(said, "csg 1 cs 0 stopped"));
}

/* Twelve groups of three spaces on eight slots, every job in nested calls */
static void test_overcommit(void)
{
    enum { GROUPS = 12, SLOTS = 7 };
    const uint32_t rounds = 4000;
    QMaliCsfVm vm[3];
    QMaliCsfGroup *groups = g_new(QMaliCsfGroup, GROUPS);
    QMaliCsfBuffer code[GROUPS], out[GROUPS];
    QMaliCsfBench b;
    bool started[GROUPS] = { false };
    unsigned first = 0;
    bool done;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_terminate(&b.group);
    for (int i = 0; i < 3; i++) {
        mali_csf_vm_init(&b.gpu, &vm[i], i + 1);
        mali_csf_vm_enable(&vm[i]);
    }
    mali_csf_flush_caches(&b.gpu, MALI_CSF_FLUSH_ALL);
    for (int i = 0; i < GROUPS; i++) {
        mali_csf_group_init(&vm[i % 3], &groups[i], 1);
        code[i] = mali_csf_vm_alloc(&vm[i % 3], MALI_CSF_PAGE);
        out[i] = mali_csf_vm_alloc(&vm[i % 3], MALI_CSF_PAGE);
        submit_long_job(&b, &groups[i].queue[0], &code[i], &out[i],
                        rounds + i);
    }
    do {
        done = true;
        for (int i = 0; i < SLOTS; i++) {
            unsigned g = (first + i) % GROUPS;

            if (started[g]) {
                mali_csf_group_resume(&groups[g], i);
            } else {
                mali_csf_group_start(&groups[g], i);
                started[g] = true;
            }
        }
        mali_csf_run(&b.gpu, 200 * MALI_CSF_US);
        for (int i = 0; i < SLOTS; i++) {
            mali_csf_group_suspend(&groups[(first + i) % GROUPS]);
        }
        mali_csf_ack_events(&b.gpu);
        first = (first + 5) % GROUPS;
        for (int i = 0; i < GROUPS; i++) {
            done &= mali_csf_queue_extract(&groups[i].queue[0]) ==
                    groups[i].queue[0].insert;
        }
        g_assert_cmpint(b.gpu.now, <, 10000 * MALI_CSF_MS);
    } while (!done);
    for (int i = 0; i < GROUPS; i++) {
        assert_long_job(&b, &out[i], rounds + i);
    }
    g_free(groups);
    mali_csf_bench_quit(&b);
}

static void test_stop_stream(void)
{
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    second_group(&b, &group);
    mali_csf_update(&b.gpu, b.gpu.cs_in[1][0] + CS_REQ, CS_STATE_STOP,
                    CS_STATE_MASK);
    mali_csf_toggle(&b.gpu, b.gpu.csg_in[1] + CSG_DB_REQ,
                    b.gpu.csg_out[1] + CSG_DB_ACK, 1);
    mali_csf_csg_ring(&b.gpu, 1);
    g_assert(mali_csf_wait_mem(&b.gpu, b.gpu.cs_out[1][0] + CS_ACK,
                               CS_STATE_MASK, CS_STATE_STOP,
                               MALI_CSF_TIMEOUT));
    g_assert_cmphex(qtest_readl(b.gpu.qts, group.queue[0].output.pa +
                                CS_USER_OUTPUT_ACTIVE), ==, 0);
    mali_csf_queue_submit(&group.queue[0], nops, ARRAY_SIZE(nops));
    g_assert_false(mali_csf_queue_wait(&group.queue[0], LONG_ENOUGH));
    /* Its neighbour is not concerned. */
    mali_csf_queue_exec(&group.queue[1], nops, ARRAY_SIZE(nops));
    mali_csf_bench_quit(&b);
}

static void test_terminate_stalled(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer data;

    mali_csf_bench_init(&b, NULL);
    data = mali_csf_vm_alloc_at(&b.vm, VA, MALI_CSF_PAGE, 0);
    mali_csf_lock(&b.gpu, 1, MALI_CSF_LOCK_ALL);
    mali_csf_bench_submit_store(&b, VA, NEW);
    g_assert_false(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
    assert_terminates(&b);
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(qtest_readl(b.gpu.qts, data.pa), ==, 0);
    mali_csf_bench_quit(&b);
}

static void test_terminate_faulted(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_bench_submit_load(&b, VA, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    assert_terminates(&b);
    mali_csf_bench_quit(&b);
}

static void test_terminate_unmapped(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_as_disable(&b.gpu, 1);
    mali_csf_bench_submit_load(&b, VA, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    assert_terminates(&b);
    mali_csf_bench_quit(&b);
}

static void test_terminate_blocked(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    submit_wait(b.queue, &wait_tests[4], b.out.va + 0x100, b.out.va);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    assert_terminates(&b);
    /* Nothing of it is left that could be woken. */
    qtest_writeq(b.gpu.qts, b.out.pa + 0x100, wait_tests[4].free);
    mali_csf_doorbell(&b.gpu, 0);
    mali_csf_doorbell(&b.gpu, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    mali_csf_bench_quit(&b);
}

int main(int argc, char **argv)
{
    static const uint8_t patterns[] = { 0, 0xff, 0x5a };
    static const char *const pattern_name[] = { "zero", "ones", "pattern" };

    g_test_init(&argc, &argv, NULL);

    ADD("suspend/resume", test_suspend_resume);
    ADD("suspend/reboot-resume", test_suspend_reboot_resume);
    ADD("suspend/in-sync-wait", test_suspend_in_sync_wait);
    ADD("suspend/stalled", test_suspend_stalled);
    for (int i = 0; i < ARRAY_SIZE(patterns); i++) {
        add_data("suspend/garbage", pattern_name[i], &patterns[i],
                 test_resume_garbage);
    }
    ADD("suspend/corrupted", test_resume_corrupted);
    ADD("suspend/depth", test_resume_depth);
    ADD("suspend/overcommit", test_overcommit);

    ADD("stop", test_stop_stream);
    ADD("terminate/stalled", test_terminate_stalled);
    ADD("terminate/faulted", test_terminate_faulted);
    ADD("terminate/unmapped", test_terminate_unmapped);
    ADD("terminate/blocked", test_terminate_blocked);

    return g_test_run();
}
