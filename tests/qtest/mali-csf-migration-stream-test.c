/*
 * QTest for the Arm Mali CSF GPU: save and load while streams run and wait
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("mid-job", test_mid_job);
    ADD("thread", test_thread);
    ADD("sync-wait", test_sync_wait);
    ADD("fault-pending", test_fault_pending);
    ADD("work", test_work);
    ADD("trace", test_trace);
    ADD("flush", test_flush);
    ADD("heap", test_heap);
    ADD("heap-other-stream", test_heap_other_stream);
    ADD("resource", test_resource);
    ADD("protected", test_protected);
    ADD("random", test_random);
    ADD("deferred", test_deferred);
    ADD("slow-loads", test_slow_loads);

    return g_test_run();
}
