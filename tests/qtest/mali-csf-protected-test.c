/*
 * QTest for the Arm Mali CSF GPU: the way into protected mode and out of it,
 * what can go wrong there, and what the checker says of the host's part
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf-migration.h"

#define REPORT          "-global mali-csf.strict=report "
/* The first interface that has EP_REQ2 */
#define VERSION_4       "-global mali-csf.firmware-version=4.0.0 "
#define BEFORE          0xbef0bef0
#define INSIDE          0x1d1d1d1d
#define BEHIND          0xb1b1b1b1
/* From the acknowledgement to the mode, or from its end to the exit */
#define LATENCY         (5 * MALI_CSF_MS)
/* Rounds of a loop in a region: some 20 ms */
#define ROUNDS          200000
#define LONG_REGION     (100 * MALI_CSF_MS)

static uint64_t found(QMaliCsf *gpu, const char *name)
{
    g_autofree char *property = g_strdup_printf("count-%s", name);

    return mali_csf_number(gpu, property);
}

/* What mali_csf_bench_init() does to spaces that are in force */
static uint64_t found_before;

static uint64_t violations(QMaliCsf *gpu)
{
    return mali_csf_number(gpu, "violations") - found_before;
}

static void arm(QMaliCsf *gpu, const char *kind, int64_t delay_ns)
{
    if (delay_ns) {
        qtest_qmp_assert_success(gpu->qts, "{'execute': 'mali-csf-inject',"
                                 " 'arguments': {'path': %s, 'kind': %s,"
                                 " 'delay-ns': %" PRId64 "}}",
                                 MALI_CSF_QOM_PATH, kind, delay_ns);
    } else {
        qtest_qmp_assert_success(gpu->qts, "{'execute': 'mali-csf-inject',"
                                 " 'arguments': {'path': %s, 'kind': %s}}",
                                 MALI_CSF_QOM_PATH, kind);
    }
}

static bool protected(QMaliCsf *gpu)
{
    return mali_csf_readl(gpu, A_GPU_STATUS) & R_GPU_STATUS_PROTM_ACTIVE_MASK;
}

static uint32_t glb_differs(QMaliCsf *gpu, uint32_t mask)
{
    return (qtest_readl(gpu->qts, gpu->glb_in + GLB_REQ) ^
            qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK)) & mask;
}

/* Ask for it, and look no further than the acknowledgement */
static void enter(QMaliCsf *gpu)
{
    mali_csf_glb_toggle(gpu, GLB_PROTM_ENTER);
}

/* Stores BEFORE, counts in a region and stores INSIDE there, then BEHIND */
static void submit(QMaliCsfQueue *queue, uint64_t va, uint32_t rounds)
{
    const uint64_t words[] = {
        cs_move48(90, va),
        cs_move32(8, BEFORE),
        cs_store_multiple(8, 1, 90, 0),
        cs_move32(8, INSIDE),
        cs_move32(9, rounds),
        cs_prot_region(3),
        cs_store_multiple(8, 1, 90, 0),
        cs_add_imm32(9, 9, -1),
        cs_branch(CS_COND_GT, 9, -3),
        cs_move32(8, BEHIND),
        cs_store_multiple(8, 1, 90, 8),
    };

    mali_csf_queue_submit(queue, words, ARRAY_SIZE(words));
}

/* A stream waits for protected mode, and the host has acknowledged that. */
static void wait_for_host(QMaliCsfBench *b, uint32_t rounds)
{
    submit(b->queue, b->out.va, rounds);
    mali_csf_run(&b->gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(b->queue, CS_PROTM_PENDING));
    g_assert_cmphex(mali_csf_bench_out(b, 0), ==, BEFORE);
    mali_csf_queue_ack_event(b->queue, CS_PROTM_PENDING);
}

static void init(QMaliCsfBench *b, const char *args, uint32_t rounds)
{
    mali_csf_bench_init(b, args);
    mali_csf_run(&b->gpu, LONG_ENOUGH);
    mali_csf_ack_events(&b->gpu);
    wait_for_host(b, rounds);
    found_before = mali_csf_number(&b->gpu, "violations");
}

static void assert_done(QMaliCsfBench *b)
{
    g_assert(mali_csf_queue_wait(b->queue, LONG_REGION));
    mali_csf_run(&b->gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_bench_out(b, 0), ==, INSIDE);
    g_assert_cmphex(mali_csf_bench_out(b, 8), ==, BEHIND);
    g_assert_false(protected(&b->gpu));
    g_assert_cmphex(glb_differs(&b->gpu, GLB_PROTM_EXIT), !=, 0);
}

/* Acknowledged, and not there yet: nothing of the region is done. */
static void assert_on_the_way(QMaliCsfBench *b)
{
    g_assert_cmphex(glb_differs(&b->gpu, GLB_PROTM_ENTER), ==, 0);
    g_assert_false(protected(&b->gpu));
    g_assert_cmphex(mali_csf_bench_out(b, 0), ==, BEFORE);
}

static void test_latency(void)
{
    QMaliCsfBench b;

    init(&b, NULL, 3);
    mali_csf_set_property(&b.gpu, "x-protm-latency-ns", LATENCY);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LATENCY / 2);
    assert_on_the_way(&b);
    mali_csf_run(&b.gpu, LATENCY);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

/* Others go on until the mode begins. */
static void test_latency_others(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;
    const uint64_t count[] = {
        cs_move32(8, 0), cs_add_imm32(8, 8, 1),
        cs_store_multiple(8, 1, 90, 0x20), cs_branch(CS_COND_ALWAYS, 8, -3),
    };
    uint64_t words[ARRAY_SIZE(count) + 1];
    uint32_t seen;

    init(&b, NULL, ROUNDS);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_start(&group, 3);
    words[0] = cs_move48(90, b.out.va);
    memcpy(words + 1, count, sizeof(count));
    mali_csf_queue_submit(&group.queue[0], words, ARRAY_SIZE(words));
    mali_csf_set_property(&b.gpu, "x-protm-latency-ns", LATENCY);
    enter(&b.gpu);
    seen = mali_csf_bench_out(&b, 0x20);
    mali_csf_run(&b.gpu, LATENCY / 2);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0x20), >, seen);
    mali_csf_run(&b.gpu, LATENCY);
    g_assert_true(protected(&b.gpu));
    seen = mali_csf_bench_out(&b, 0x20);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmpuint(mali_csf_bench_out(&b, 0x20), ==, seen);
    mali_csf_bench_quit(&b);
}

/* A ping before the mode begins gives it up: the stream asks once more. */
static void test_latency_ping(void)
{
    QMaliCsfBench b;

    init(&b, NULL, 3);
    mali_csf_set_property(&b.gpu, "x-protm-latency-ns", LATENCY);
    enter(&b.gpu);
    mali_csf_glb_toggle(&b.gpu, GLB_PING);
    mali_csf_run(&b.gpu, 3 * LATENCY);
    assert_on_the_way(&b);
    g_assert_cmphex(glb_differs(&b.gpu, GLB_PROTM_EXIT), ==, 0);
    g_assert_true(mali_csf_queue_event(b.queue, CS_PROTM_PENDING));
    mali_csf_queue_ack_event(b.queue, CS_PROTM_PENDING);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, 2 * LATENCY);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

/* Acknowledged and never entered; a ping, and a reset, end that, too. */
static void test_never_entered(void)
{
    QMaliCsfBench b;

    init(&b, NULL, 3);
    arm(&b.gpu, "protm-enter", 0);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, 100 * MALI_CSF_MS);
    assert_on_the_way(&b);
    mali_csf_glb_toggle(&b.gpu, GLB_PING);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_true(mali_csf_queue_event(b.queue, CS_PROTM_PENDING));
    mali_csf_queue_ack_event(b.queue, CS_PROTM_PENDING);
    /* It was met once. */
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    assert_done(&b);
    mali_csf_bench_quit(&b);

    init(&b, NULL, 3);
    arm(&b.gpu, "protm-enter", 0);
    enter(&b.gpu);
    mali_csf_soft_reset(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_false(protected(&b.gpu));
    mali_csf_bench_quit(&b);
}

static void test_entered_late(void)
{
    QMaliCsfBench b;

    init(&b, NULL, 3);
    arm(&b.gpu, "protm-enter", LATENCY);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LATENCY / 2);
    assert_on_the_way(&b);
    mali_csf_run(&b.gpu, LATENCY);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

static void assert_stays(QMaliCsfBench *b)
{
    g_assert_cmphex(mali_csf_bench_out(b, 0), ==, INSIDE);
    g_assert_cmphex(mali_csf_bench_out(b, 8), ==, 0);
    g_assert_true(protected(&b->gpu));
    g_assert_cmphex(glb_differs(&b->gpu, GLB_PROTM_EXIT), ==, 0);
}

static void test_exit_late(void)
{
    QMaliCsfBench b;

    init(&b, NULL, 3);
    arm(&b.gpu, "protm-exit", LATENCY);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LATENCY / 2);
    assert_stays(&b);
    mali_csf_run(&b.gpu, LATENCY);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

/* Nothing but a reset ends it; MMU commands wait, which is no mistake. */
static void test_exit_never(void)
{
    QMaliCsfBench b;

    init(&b, REPORT, 3);
    arm(&b.gpu, "protm-exit", 0);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    assert_stays(&b);
    mali_csf_glb_toggle(&b.gpu, GLB_PING);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    assert_stays(&b);
    mali_csf_writel(&b.gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                    AS_COMMAND_NOP);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&b.gpu, mali_csf_as_reg(2, A_AS_STATUS)),
                    ==, 1);
    g_assert_cmpuint(violations(&b.gpu), ==, 0);
    g_assert_cmpuint(found(&b.gpu, "note-lost"), ==, 1);
    mali_csf_soft_reset(&b.gpu);
    g_assert_false(protected(&b.gpu));
    mali_csf_bench_quit(&b);
}

/* Save and load */

static void test_saved_on_the_way(void)
{
    QMaliCsfBench b;

    init(&b, NULL, 3);
    mali_csf_set_property(&b.gpu, "x-protm-latency-ns", LATENCY);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LATENCY / 2);
    save_and_load(&b.gpu);
    assert_on_the_way(&b);
    mali_csf_run(&b.gpu, LATENCY);
    assert_done(&b);
    mali_csf_bench_quit(&b);
}

static void test_saved_injected(void)
{
    static const char *const kinds[] = { "protm-enter", "protm-exit" };

    for (int late = 0; late < 2; late++) {
        for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
            QMaliCsfBench b;

            init(&b, NULL, 3);
            arm(&b.gpu, kinds[i], late ? LATENCY : 0);
            enter(&b.gpu);
            mali_csf_run(&b.gpu, LATENCY / 2);
            save_and_load(&b.gpu);
            mali_csf_run(&b.gpu, 2 * LATENCY);
            if (late) {
                assert_done(&b);
            } else if (i) {
                assert_stays(&b);
            } else {
                assert_on_the_way(&b);
            }
            mali_csf_bench_quit(&b);
        }
    }
}

/* The checker */

static void test_for_nobody(void)
{
    QMaliCsfBench b;

    /* The driver waits, and was acknowledged */
    init(&b, REPORT, 3);
    enter(&b.gpu);
    assert_done(&b);
    g_assert_cmpuint(found(&b.gpu, "note-protm-for-nobody"), ==, 0);
    /* Nobody waits */
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmpuint(found(&b.gpu, "note-protm-for-nobody"), ==, 1);
    g_assert_cmpuint(violations(&b.gpu), ==, 0);
    mali_csf_bench_quit(&b);
}

static void test_without_buffer(void)
{
    QMaliCsfBench b;

    init(&b, REPORT, 3);
    enter(&b.gpu);
    assert_done(&b);
    g_assert_cmpuint(found(&b.gpu, "protm-without-buffer"), ==, 0);

    mali_csf_group_terminate(&b.group);
    b.group.protm_suspend.va = 0;
    mali_csf_group_start(&b.group, 0);
    mali_csf_ack_events(&b.gpu);
    /* One that has none, and needs none */
    mali_csf_queue_exec(b.queue, (const uint64_t[]) { cs_nop() }, 1);
    g_assert_cmpuint(found(&b.gpu, "protm-without-buffer"), ==, 0);
    qtest_writel(b.gpu.qts, b.out.pa + 8, 0);
    wait_for_host(&b, 3);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmpuint(found(&b.gpu, "protm-without-buffer"), ==, 1);
    mali_csf_bench_quit(&b);
}

static void test_while_locked(void)
{
    QMaliCsfBench b;

    init(&b, REPORT, 3);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(b.out.va, b.out.size));
    mali_csf_unlock(&b.gpu, 1);
    enter(&b.gpu);
    assert_done(&b);
    g_assert_cmpuint(found(&b.gpu, "protm-while-locked"), ==, 0);

    mali_csf_ack_events(&b.gpu);
    qtest_writel(b.gpu.qts, b.out.pa + 8, 0);
    wait_for_host(&b, 3);
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(b.code.va, b.code.size));
    enter(&b.gpu);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmpuint(found(&b.gpu, "protm-while-locked"), ==, 1);
    g_assert_cmpuint(violations(&b.gpu), ==, 1);
    mali_csf_bench_quit(&b);
}

static void test_update(void)
{
    QMaliCsfBench b;

    init(&b, REPORT, ROUNDS);
    mali_csf_writel(&b.gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                    AS_COMMAND_UPDATE);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_true(protected(&b.gpu));
    g_assert_cmpuint(violations(&b.gpu), ==, 0);
    mali_csf_writel(&b.gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                    AS_COMMAND_UPDATE);
    g_assert_cmpuint(found(&b.gpu, "update-in-protected-mode"), ==, 1);
    g_assert_cmpuint(violations(&b.gpu), ==, 1);
    mali_csf_bench_quit(&b);
}

/* What a busy host lost before is no excuse. */
static void test_after_lost_command(void)
{
    QMaliCsfBench b;

    init(&b, REPORT, ROUNDS);
    qtest_qmp_assert_success(b.gpu.qts, "{'execute': 'mali-csf-inject',"
                             " 'arguments': {'path': %s,"
                             " 'kind': 'as-command', 'address-space': 4}}",
                             MALI_CSF_QOM_PATH);
    mali_csf_writel(&b.gpu, mali_csf_as_reg(4, A_AS_COMMAND),
                    AS_COMMAND_NOP);
    enter(&b.gpu);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_true(protected(&b.gpu));
    mali_csf_writel(&b.gpu, mali_csf_as_reg(2, A_AS_COMMAND),
                    AS_COMMAND_NOP);
    g_assert_cmpuint(found(&b.gpu, "command-in-protected-mode"), ==, 1);
    g_assert_cmpuint(found(&b.gpu, "note-lost"), ==, 0);
    mali_csf_bench_quit(&b);
}

static void ask_for_endpoints(QMaliCsfBench *b, uint32_t ep_req,
                              uint64_t ep_req2)
{
    QMaliCsf *gpu = &b->gpu;

    qtest_writel(gpu->qts, gpu->csg_in[0] + CSG_EP_REQ, ep_req);
    qtest_writeq(gpu->qts, gpu->csg_in[0] + CSG_EP_REQ2, ep_req2);
    mali_csf_toggle(gpu, gpu->csg_in[0] + CSG_REQ, gpu->csg_out[0] + CSG_ACK,
                    CSG_EP_CFG);
    mali_csf_csg_ring(gpu, 0);
    g_assert(mali_csf_csg_wait(gpu, 0, CSG_EP_CFG));
}

static void test_endpoints(void)
{
    static const struct {
        const char *args;
        uint32_t ep_req;
        uint64_t ep_req2;
        unsigned found;
    } rows[] = {
        { REPORT VERSION_4, 1, 2, 0 },
        { REPORT VERSION_4, 0xf0010404, 0x20010404, 0 },
        { REPORT VERSION_4, 0xf0010404, 0xf0010404, 0 },
        { REPORT VERSION_4, 0x20010404, 0xf0010404, 1 },
        /* Where EP_REQ is what is read */
        { REPORT, 0x20010404, 0xf0010404, 0 },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        QMaliCsfBench b;

        mali_csf_bench_init(&b, rows[i].args);
        found_before = mali_csf_number(&b.gpu, "violations");
        ask_for_endpoints(&b, rows[i].ep_req, rows[i].ep_req2);
        g_assert_cmpuint(found(&b.gpu, "endpoints-not-read"), ==,
                         rows[i].found);
        /* The same words again are no change. */
        ask_for_endpoints(&b, rows[i].ep_req, rows[i].ep_req2);
        g_assert_cmpuint(violations(&b.gpu), ==, rows[i].found);
        mali_csf_bench_quit(&b);
    }
}

#define ADD(path, fn) qtest_add_func("/mali-csf/protected/" path, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("latency", test_latency);
    ADD("latency/others", test_latency_others);
    ADD("latency/ping", test_latency_ping);
    ADD("never-entered", test_never_entered);
    ADD("entered-late", test_entered_late);
    ADD("exit-late", test_exit_late);
    ADD("exit-never", test_exit_never);
    ADD("saved/on-the-way", test_saved_on_the_way);
    ADD("saved/injected", test_saved_injected);
    ADD("checker/for-nobody", test_for_nobody);
    ADD("checker/without-buffer", test_without_buffer);
    ADD("checker/while-locked", test_while_locked);
    ADD("checker/update", test_update);
    ADD("checker/after-lost-command", test_after_lost_command);
    ADD("checker/endpoints", test_endpoints);

    return g_test_run();
}
