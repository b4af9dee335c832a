/*
 * QTest for the endpoints that streams of the Arm Mali CSF GPU ask for
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)
/* Of the endpoint's work, where there is to be some in flight */
#define WORK            (50 * MALI_CSF_MS)
#define MARK            0x3a3a3a3a

#define COMPUTE         CS_RESOURCE_COMPUTE
#define FRAGMENT        CS_RESOURCE_FRAGMENT
#define TILER           CS_RESOURCE_TILER

#define GRANTED         CS_STATUS_REQ_RESOURCE_GRANTED

/* The words of EP_CFG for the group, as the next START takes them */
static void set_endpoints(QMaliCsfGroup *group, uint32_t ep_req,
                          uint64_t compute, uint64_t fragment)
{
    QMaliCsf *gpu = group->gpu;
    uint64_t in = gpu->csg_in[group->slot];

    qtest_writel(gpu->qts, in + CSG_EP_REQ, ep_req);
    qtest_writeq(gpu->qts, in + CSG_EP_REQ2, ep_req);
    qtest_writeq(gpu->qts, in + CSG_ALLOW_COMPUTE, compute);
    qtest_writeq(gpu->qts, in + CSG_ALLOW_FRAGMENT, fragment);
    mali_csf_toggle(gpu, in + CSG_REQ, gpu->csg_out[group->slot] + CSG_ACK,
                    CSG_EP_CFG);
    mali_csf_csg_ring(gpu, group->slot);
    g_assert(mali_csf_csg_wait(gpu, group->slot, CSG_EP_CFG));
}

/* A second group, in slot 1, with as many queues */
static void start_second(QMaliCsfBench *b, QMaliCsfGroup *group,
                         unsigned num_queues)
{
    mali_csf_group_init(&b->vm, group, num_queues);
    mali_csf_group_start(group, 1);
}

/*
 * Asks for @resources, runs @run, waits for its end, and stores the mark at
 * @offset of the results.
 */
static void submit(QMaliCsfBench *b, QMaliCsfQueue *queue, unsigned resources,
                   uint64_t run, uint32_t offset)
{
    const uint64_t words[] = {
        cs_req_resource(resources),
        run,
        cs_wait(1),
        cs_move48(90, b->out.va + offset),
        cs_move32(8, MARK),
        cs_store_multiple(8, 1, 90, 0),
    };

    mali_csf_queue_submit(queue, words, ARRAY_SIZE(words));
}

/*
 * A group that keeps the cores it computes on to itself, with this priority
 * and so many of them, and a second group
 */
static void init_exclusive(QMaliCsfBench *b, QMaliCsfGroup *second,
                           unsigned num_queues, unsigned priority,
                           unsigned cores)
{
    mali_csf_bench_init(b, NULL);
    start_second(b, second, num_queues);
    mali_csf_set_property(&b->gpu, "x-endpoint-latency-ns", WORK);
    set_endpoints(&b->group, priority << 28 | CSG_EP_REQ_EXCL_COMPUTE |
                  0x10400 | cores, ~0ull, ~0ull);
}

/* Work of the first group, or of the first queue of @group, is under way */
static void submit_compute(QMaliCsfBench *b, uint32_t offset)
{
    submit(b, b->queue, COMPUTE, cs_opcode(CS_OP_RUN_COMPUTE), offset);
    mali_csf_run(&b->gpu, LONG_ENOUGH);
}

static void submit_fragment(QMaliCsfBench *b, QMaliCsfGroup *group,
                            uint32_t offset)
{
    submit(b, &group->queue[0], FRAGMENT, cs_opcode(CS_OP_RUN_FRAGMENT),
           offset);
    mali_csf_run(&b->gpu, LONG_ENOUGH);
}

static bool is_done(QMaliCsfBench *b, uint32_t offset)
{
    return mali_csf_bench_out(b, offset) == MARK;
}

static uint32_t status(QMaliCsfQueue *queue, uint32_t offset)
{
    mali_csf_group_status_update(queue->group);
    return mali_csf_queue_status(queue, offset);
}

static uint32_t group_status(QMaliCsfGroup *group, uint32_t offset)
{
    mali_csf_group_status_update(group);
    return qtest_readl(group->gpu->qts, group->gpu->csg_out[group->slot] +
                                        offset);
}

/* What is requested, what is granted, how many endpoints that are */
static void test_grant(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", WORK);
    /* 3 compute endpoints of the 4 that there are, 9 fragment of these 2 */
    set_endpoints(&b.group, 0x50010903, ~0ull, 0x40001);
    g_assert_cmphex(group_status(&b.group, CSG_STATUS_EP_CURRENT), ==, 0);
    g_assert_cmphex(group_status(&b.group, CSG_STATUS_EP_REQ), ==, 0x10903);
    submit(&b, b.queue, COMPUTE | FRAGMENT, cs_opcode(CS_OP_RUN_COMPUTE), 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_false(is_done(&b, 0));
    g_assert_cmphex(status(b.queue, CS_STATUS_REQ_RESOURCE), ==,
                    COMPUTE | FRAGMENT | GRANTED(COMPUTE | FRAGMENT));
    g_assert_cmphex(group_status(&b.group, CSG_STATUS_EP_CURRENT), ==,
                    0x00203);
    g_assert_cmphex(group_status(&b.group, CSG_RESOURCE_DEP), ==,
                    CSG_RESOURCE_DEP_USING(3) | CSG_RESOURCE_DEP_AVAILABLE(7));

    /* With the work at its end there is no more use for them. */
    mali_csf_run(&b.gpu, 2 * WORK);
    g_assert_true(is_done(&b, 0));
    g_assert_cmphex(status(b.queue, CS_STATUS_REQ_RESOURCE), ==,
                    COMPUTE | FRAGMENT);
    g_assert_cmphex(group_status(&b.group, CSG_STATUS_EP_CURRENT), ==, 0);
    g_assert_cmphex(group_status(&b.group, CSG_RESOURCE_DEP), ==,
                    CSG_RESOURCE_DEP_USING(0) | CSG_RESOURCE_DEP_AVAILABLE(7));

    /* Work that follows needs them again, without another request. */
    mali_csf_queue_submit(b.queue, (const uint64_t[]) {
                              cs_opcode(CS_OP_RUN_FRAGMENT) }, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(status(b.queue, CS_STATUS_REQ_RESOURCE), ==,
                    COMPUTE | FRAGMENT | GRANTED(FRAGMENT));
    g_assert_cmphex(group_status(&b.group, CSG_STATUS_EP_CURRENT), ==,
                    0x00200);

    /* Vertices need the tiler, and cores for compute work. */
    submit(&b, b.queue, CS_RESOURCE_IDVS, cs_opcode(CS_OP_RUN_IDVS), 4);
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(status(b.queue, CS_STATUS_REQ_RESOURCE), ==,
                    CS_RESOURCE_IDVS | GRANTED(CS_RESOURCE_IDVS));
    g_assert_cmphex(group_status(&b.group, CSG_STATUS_EP_CURRENT), ==,
                    0x10003);
    mali_csf_bench_quit(&b);
}

/* A group without endpoints of a kind can have no work that needs them. */
static void test_none(void)
{
    static const struct {
        uint32_t ep_req;
        uint64_t compute;
        uint64_t fragment;
        unsigned resources;
        unsigned opcode;
        unsigned missing;
    } cases[] = {
        { 0xf0010404, 0, ~0ull, COMPUTE, CS_OP_NOP, COMPUTE },
        { 0xf0010404, ~0x50005ull, ~0ull, COMPUTE, CS_OP_NOP, COMPUTE },
        { 0xf0010400, ~0ull, ~0ull, COMPUTE, CS_OP_NOP, COMPUTE },
        { 0xf0010404, ~0ull, 0, FRAGMENT, CS_OP_NOP, FRAGMENT },
        { 0xf0000404, ~0ull, ~0ull, TILER, CS_OP_NOP, TILER },
        { 0xf0010404, 0, ~0ull, CS_RESOURCE_IDVS, CS_OP_NOP, COMPUTE | TILER },
        /* Without a request */
        { 0xf0010404, 0, ~0ull, 0, CS_OP_RUN_COMPUTE, COMPUTE },
        { 0xf0010404, 0, ~0ull, 0, CS_OP_RUN_COMPUTE_INDIRECT, COMPUTE },
        { 0xf0010404, ~0ull, 0, 0, CS_OP_RUN_FRAGMENT, FRAGMENT },
        { 0xf0000404, ~0ull, ~0ull, 0, CS_OP_RUN_FULLSCREEN, TILER },
        { 0xf0000404, ~0ull, ~0ull, 0, CS_OP_RUN_TILING, TILER },
        { 0xf0000404, ~0ull, ~0ull, 0, CS_OP_RUN_IDVS, COMPUTE | TILER },
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        g_test_message("case %d", i);
        set_endpoints(&b.group, cases[i].ep_req, cases[i].compute,
                      cases[i].fragment);
        submit(&b, b.queue, cases[i].resources, cs_opcode(cases[i].opcode),
               0);
        g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                           MALI_CSF_TIMEOUT));
        g_assert_false(is_done(&b, 0));
        g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL), ==,
                        CS_EXCEPTION_ENDPOINT_FAULT | cases[i].missing << 8);
        mali_csf_group_terminate(&b.group);
        mali_csf_ack_events(&b.gpu);
        /* A new start, behind what has ended */
        b.queue->insert = mali_csf_queue_extract(b.queue);
        qtest_writeq(b.gpu.qts, b.queue->input.pa + CS_USER_INPUT_INSERT,
                     b.queue->insert);
        mali_csf_group_start(&b.group, 0);
    }
    mali_csf_bench_quit(&b);
}

/* Fragment work keeps off the cores that another group computes on alone. */
static void test_exclusive(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;

    init_exclusive(&b, &group, 2, 15, 4);
    submit_compute(&b, 0);
    submit(&b, &group.queue[0], FRAGMENT, cs_opcode(CS_OP_RUN_FRAGMENT), 4);
    submit(&b, &group.queue[1], COMPUTE, cs_opcode(CS_OP_RUN_COMPUTE), 8);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(status(&group.queue[0], CS_STATUS_BLOCKED_REASON), ==,
                    CS_BLOCKED_RESOURCE);
    g_assert_cmphex(status(&group.queue[0], CS_STATUS_REQ_RESOURCE), ==,
                    FRAGMENT);
    g_assert_cmphex(status(&group.queue[0], CS_STATUS_WAIT), ==, 0);
    g_assert_cmphex(mali_csf_queue_status64(&group.queue[0],
                                            CS_STATUS_CMD_PTR), ==,
                    group.queue[0].ring.va);
    /* Who computes, too, is not in the way. */
    g_assert_cmphex(status(&group.queue[1], CS_STATUS_REQ_RESOURCE), ==,
                    COMPUTE | GRANTED(COMPUTE));
    g_assert_cmphex(group_status(&group, CSG_RESOURCE_DEP), ==,
                    CSG_RESOURCE_DEP_USING(0) |
                    CSG_RESOURCE_DEP_USING(COMPUTE) |
                    CSG_RESOURCE_DEP_AVAILABLE(COMPUTE | TILER) |
                    CSG_RESOURCE_DEP_REQUESTED(FRAGMENT));

    /* The first group's work ends, and what waited begins. */
    mali_csf_run(&b.gpu, WORK);
    g_assert_true(is_done(&b, 0));
    g_assert_false(is_done(&b, 4));
    g_assert_cmphex(status(&group.queue[0], CS_STATUS_REQ_RESOURCE), ==,
                    FRAGMENT | GRANTED(FRAGMENT));
    mali_csf_run(&b.gpu, 2 * WORK);
    g_assert_true(is_done(&b, 4));
    mali_csf_bench_quit(&b);
}

/* What the monitor says of streams that wait for endpoints, or for a heap */
static void test_query(void)
{
    g_autofree char *waiting = NULL;
    g_autofree char *text = NULL;
    QMaliCsfBench b;
    QMaliCsfGroup group;

    init_exclusive(&b, &group, 1, 15, 4);
    submit_compute(&b, 0);
    submit(&b, &group.queue[0], FRAGMENT | TILER,
           cs_opcode(CS_OP_RUN_FRAGMENT), 4);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    text = mali_csf_query(&b.gpu);
    g_assert_nonnull(strstr(text, "waits for endpoints"));
    g_assert_nonnull(strstr(text, "endpoints waited for: fragment tiler\n"));
    g_assert_null(strstr(text, "the tiler waits"));
    mali_csf_run(&b.gpu, 3 * WORK);

    mali_csf_set_property(&b.gpu, "x-endpoint-heap-chunks", 3);
    mali_csf_queue_submit(b.queue, (const uint64_t[]) {
                              cs_move48(50, b.out.va), cs_heap_set(50),
                              cs_opcode(CS_OP_RUN_FULLSCREEN) }, 3);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    waiting = mali_csf_query(&b.gpu);
    g_assert_nonnull(strstr(waiting, "the tiler waits for 3 chunks"));
    g_assert_nonnull(strstr(waiting, "the host was asked"));
    mali_csf_bench_quit(&b);
}

/* Other cores, if there are any, are what it gets instead. */
static void test_other_cores(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;

    init_exclusive(&b, &group, 1, 15, 1);
    submit_compute(&b, 0);
    g_assert_cmphex(group_status(&b.group, CSG_STATUS_EP_CURRENT), ==, 1);
    submit_fragment(&b, &group, 4);
    g_assert_cmphex(group_status(&group, CSG_STATUS_EP_CURRENT), ==, 0x300);
    mali_csf_bench_quit(&b);
}

/* Who wants cores for itself waits until others are off them, but not behind */
static void test_exclusive_waits(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;

    init_exclusive(&b, &group, 2, 15, 4);
    set_endpoints(&group, 0x40010404, ~0ull, ~0ull);
    submit_fragment(&b, &group, 4);
    submit_compute(&b, 0);
    g_assert_cmphex(status(b.queue, CS_STATUS_BLOCKED_REASON), ==,
                    CS_BLOCKED_RESOURCE);
    mali_csf_run(&b.gpu, WORK);
    g_assert_true(is_done(&b, 4));
    g_assert_cmphex(status(b.queue, CS_STATUS_REQ_RESOURCE), ==,
                    COMPUTE | GRANTED(COMPUTE));
    /* Now the other one waits: with a lower priority it is not overtaken. */
    submit_fragment(&b, &group, 8);
    g_assert_cmphex(status(&group.queue[0], CS_STATUS_BLOCKED_REASON), ==,
                    CS_BLOCKED_RESOURCE);
    mali_csf_run(&b.gpu, 3 * WORK);
    g_assert_true(is_done(&b, 0));
    g_assert_true(is_done(&b, 8));
    mali_csf_bench_quit(&b);
}

/*
 * Work that would come before a stream that waits, and has a lower priority,
 * waits with it.
 */
static void test_queue(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup second, third;

    mali_csf_bench_init(&b, NULL);
    start_second(&b, &second, 1);
    mali_csf_group_init(&b.vm, &third, 1);
    mali_csf_group_start(&third, 2);
    mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", WORK);
    set_endpoints(&b.group, 0x80010404 | CSG_EP_REQ_EXCL_COMPUTE, ~0ull,
                  ~0ull);
    set_endpoints(&second, 0x40010404, ~0ull, ~0ull);
    set_endpoints(&third, 0x40010404, ~0ull, ~0ull);
    submit_fragment(&b, &second, 0);
    submit_compute(&b, 4);
    submit_fragment(&b, &third, 8);
    g_assert_cmphex(status(&third.queue[0], CS_STATUS_REQ_RESOURCE), ==,
                    FRAGMENT);
    /* With a higher one it does not. */
    set_endpoints(&third, 0x90010404, ~0ull, ~0ull);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(status(&third.queue[0], CS_STATUS_REQ_RESOURCE), ==,
                    FRAGMENT | GRANTED(FRAGMENT));
    mali_csf_run(&b.gpu, 4 * WORK);
    g_assert_true(is_done(&b, 0));
    g_assert_true(is_done(&b, 4));
    g_assert_true(is_done(&b, 8));
    mali_csf_bench_quit(&b);
}

/* The group that has them goes away; the one that waits does, and is back. */
static void test_leave(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;

    init_exclusive(&b, &group, 1, 15, 4);
    submit_compute(&b, 0);
    submit_fragment(&b, &group, 4);
    mali_csf_group_suspend(&group);
    g_assert_cmphex(mali_csf_queue_status(&group.queue[0],
                                          CS_STATUS_BLOCKED_REASON), ==,
                    CS_BLOCKED_RESOURCE);
    mali_csf_group_resume(&group, 2);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(status(&group.queue[0], CS_STATUS_BLOCKED_REASON), ==,
                    CS_BLOCKED_RESOURCE);
    mali_csf_group_terminate(&b.group);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmphex(status(&group.queue[0], CS_STATUS_REQ_RESOURCE), ==,
                    FRAGMENT | GRANTED(FRAGMENT));
    mali_csf_run(&b.gpu, 2 * WORK);
    g_assert_true(is_done(&b, 4));
    mali_csf_bench_quit(&b);
}

/* REQ_RESOURCE of others gives up what the stream has, after its work. */
static void test_give_up(void)
{
    const uint64_t words[] = {
        cs_req_resource(COMPUTE),
        cs_opcode(CS_OP_RUN_COMPUTE),
        cs_req_resource(0),
        cs_branch(CS_COND_ALWAYS, 8, -1),
    };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    init_exclusive(&b, &group, 1, 1, 4);
    mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    submit_fragment(&b, &group, 4);
    g_assert_cmphex(status(b.queue, CS_STATUS_BLOCKED_REASON), ==,
                    CS_BLOCKED_SB_WAIT);
    g_assert_cmphex(status(b.queue, CS_STATUS_REQ_RESOURCE), ==,
                    COMPUTE | GRANTED(COMPUTE));
    g_assert_cmphex(status(&group.queue[0], CS_STATUS_BLOCKED_REASON), ==,
                    CS_BLOCKED_RESOURCE);
    /* It runs on, without endpoints. */
    mali_csf_run(&b.gpu, WORK);
    g_assert_cmphex(status(b.queue, CS_STATUS_REQ_RESOURCE), ==, 0);
    g_assert_cmphex(status(&group.queue[0], CS_STATUS_REQ_RESOURCE), ==,
                    FRAGMENT | GRANTED(FRAGMENT));
    mali_csf_bench_quit(&b);
}

/* A stream that waits for endpoints is idle if CS_REQ says so. */
static void test_idle(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    for (int idle = 0; idle < 2; idle++) {
        mali_csf_set_property(&b.gpu, "x-endpoint-latency-ns", WORK);
        mali_csf_group_init(&b.vm, &group, 1);
        mali_csf_group_program(&group, 1);
        mali_csf_update(&b.gpu, b.gpu.cs_in[1][0] + CS_REQ,
                        idle ? CS_IDLE_RESOURCE_REQ : 0,
                        CS_IDLE_RESOURCE_REQ);
        mali_csf_group_request(&group, CSG_STATE_START);
        g_assert(mali_csf_group_wait(&group));
        set_endpoints(&b.group, 0xf0010404 | CSG_EP_REQ_EXCL_COMPUTE, ~0ull,
                      ~0ull);
        submit_compute(&b, 0);
        submit_fragment(&b, &group, 4);
        g_assert_cmphex(group_status(&group, CSG_STATUS_STATE), ==,
                        idle ? CSG_STATUS_STATE_IDLE : 0);
        mali_csf_group_terminate(&group);
        mali_csf_run(&b.gpu, 2 * WORK);
    }
    mali_csf_bench_quit(&b);
}

#define ADD(path, fn) qtest_add_func("/mali-csf/resource/" path, fn)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("grant", test_grant);
    ADD("none", test_none);
    ADD("exclusive", test_exclusive);
    ADD("query", test_query);
    ADD("other-cores", test_other_cores);
    ADD("exclusive-waits", test_exclusive_waits);
    ADD("queue", test_queue);
    ADD("leave", test_leave);
    ADD("give-up", test_give_up);
    ADD("idle", test_idle);

    return g_test_run();
}
