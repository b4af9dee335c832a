/*
 * QTest for the Arm Mali CSF GPU: streams that fault, and hosts that
 * write nonsense
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/mali-csf-stream.h"

/* Faults of the stream */

/*
 * The acknowledgement of a fault is seen when the stream's own doorbell bit
 * says that there is something to look at, not when any doorbell rings.
 */
static void test_fault_needs_doorbell(void)
{
    QMaliCsfBench b;
    const uint64_t job[] = {
        cs_move48(2, 2),
        cs_store_multiple(8, 1, 2, 0),
    };
    uint32_t ack;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT, LONG_ENOUGH));

    ack = mali_csf_queue_status(b.queue, CS_ACK);
    mali_csf_update(&b.gpu, b.gpu.cs_in[0][0] + CS_REQ, ack, CS_EVENT_FAULT);
    mali_csf_csg_ring(&b.gpu, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, 8);

    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    g_assert(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
    mali_csf_bench_quit(&b);
}

/* The log names the instruction: with the address and the word that it had */
static void test_fault_names_instruction(void)
{
    g_autofree char *path = NULL;
    g_autofree char *args = NULL;
    g_autofree char *text = NULL;
    g_autofree char *expected = NULL;
    const uint64_t job[] = {
        cs_move48(2, 2),
        cs_store_multiple(8, 1, 2, 0),
    };
    QMaliCsfBench b;
    int fd = g_file_open_tmp("mali-csf-log-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    args = g_strdup_printf("-D %s -trace mali_csf_cs_fault_at", path);
    mali_csf_bench_init(&b, args);
    mali_csf_queue_submit(b.queue, job, ARRAY_SIZE(job));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT, LONG_ENOUGH));

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    expected = g_strdup_printf("mali_csf_cs_fault_at gpu csg 0 cs 0 va 0x%"
                               PRIx64 " word 0x%016" PRIx64
                               " STORE_MULTIPLE", b.queue->ring.va + 8,
                               job[1]);
    g_assert_true(g_str_has_prefix(text, expected));
    g_assert_cmpstr(strchr(text, '\n'), ==, "\n");
    unlink(path);
    mali_csf_bench_quit(&b);
}

static void test_fault_pauses(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer sync;
    uint64_t body[] = {
        cs_move48(2, 0),
        cs_move32(8, NEW),
        /* Misaligned */
        cs_store_multiple(8, 1, 2, 2),
        /* Skipped in the error state */
        cs_store_multiple(8, 1, 2, 0),
        cs_move32(9, OLD),
    };
    uint64_t job[16];
    uint64_t start;

    mali_csf_bench_init(&b, NULL);
    sync = mali_csf_vm_alloc(&b.vm, MALI_CSF_PAGE);
    body[0] = cs_move48(2, b.out.va);
    for (int i = 0; i < ARRAY_SIZE(body); i++) {
        qtest_writeq(b.gpu.qts, b.code.pa + i * 8, body[i]);
    }
    /* Three jobs; the middle one faults. */
    mali_csf_wrap_job(job, 0, 0, 1, sync.va);
    mali_csf_queue_push(b.queue, job, ARRAY_SIZE(job));
    start = b.queue->insert;
    mali_csf_wrap_job(job, b.code.va, sizeof(body), 1, sync.va + 16);
    mali_csf_queue_push(b.queue, job, ARRAY_SIZE(job));
    mali_csf_wrap_job(job, 0, 0, 1, sync.va + 32);
    mali_csf_queue_push(b.queue, job, ARRAY_SIZE(job));
    mali_csf_queue_kick(b.queue);

    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FAULT) & 0xff, ==,
                    CS_EXCEPTION_ADDR_RANGE_FAULT);
    g_assert_cmphex((qtest_readl(b.gpu.qts, b.gpu.csg_out[0] + CSG_IRQ_REQ) ^
                     qtest_readl(b.gpu.qts, b.gpu.csg_in[0] + CSG_IRQ_ACK)) &
                    1, ==, 1);
    g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT) & JOB_INT_CSG(0), !=,
                    0);
    /* EXTRACT is within the job until the host has looked. */
    for (int i = 0; i < 3; i++) {
        g_assert_cmphex(mali_csf_queue_extract(b.queue), >=, start);
        g_assert_cmphex(mali_csf_queue_extract(b.queue), <, start + 128);
        g_assert_cmphex(qtest_readq(b.gpu.qts, sync.pa), ==, 1);
        g_assert_cmphex(qtest_readq(b.gpu.qts, sync.pa + 16), ==, 0);
        mali_csf_queue_kick(b.queue);
        mali_csf_run(&b.gpu, LONG_ENOUGH);
    }
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmphex(qtest_readq(b.gpu.qts, sync.pa + 16), ==, 1);
    g_assert_cmphex(qtest_readl(b.gpu.qts, sync.pa + 16 + CS_SYNC64_ERROR),
                    ==, CS_SYNC_HAS_ERROR);
    g_assert_cmphex(qtest_readq(b.gpu.qts, sync.pa + 32), ==, 1);
    g_assert_cmphex(qtest_readl(b.gpu.qts, sync.pa + 32 + CS_SYNC64_ERROR),
                    ==, 0);
    g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0);
    g_assert_false(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    mali_csf_bench_quit(&b);
}

typedef struct FaultTest {
    const char *name;
    uint64_t words[4];
    uint8_t type;
} FaultTest;

static void test_fault(const void *data)
{
    const FaultTest *t = data;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_submit(b.queue, t->words, ARRAY_SIZE(t->words));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FAULT) & 0xff, ==,
                    t->type);
    /* It is recoverable, and nothing was asked of the MMU. */
    g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_false(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    mali_csf_bench_quit(&b);
}

/* Of an address that is not a multiple of the access's size */
static void add_fault_tests(void)
{
    const FaultTest tests[] = {
        { "load", { cs_move48(2, 0x1002), cs_load_multiple(4, 1, 2, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "load-offset", { cs_move48(2, 0x1000), cs_load_multiple(4, 1, 2, 1) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "store", { cs_move48(2, 0x1001), cs_store_multiple(4, 1, 2, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "sync32", { cs_move48(2, 0x1004),
                      cs_sync(CS_OP_SYNC_ADD32, 2, 4, 0, 0, 0, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "sync64", { cs_move48(2, 0x1008),
                      cs_sync(CS_OP_SYNC_SET64, 2, 4, 0, 0, 0, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "sync-wait32", { cs_move48(2, 0x1004),
                           cs_sync_wait(CS_OP_SYNC_WAIT32, 2, 4,
                                        CS_COND_GT, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
        { "sync-wait64", { cs_move48(2, 0x1008),
                           cs_sync_wait(CS_OP_SYNC_WAIT64, 2, 4,
                                        CS_COND_GT, 0) },
          CS_EXCEPTION_ADDR_RANGE_FAULT },
    };

    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        add_copy("fault/misaligned", tests[i].name, &tests[i], sizeof(tests[i]),
                 test_fault);
    }
}

static void test_fatal(const void *data)
{
    const FaultTest *t = data;
    QMaliCsfBench b;
    QMaliCsfGroup group;
    const uint64_t nops[8] = { 0 };
    uint32_t fatal;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_submit(b.queue, t->words, ARRAY_SIZE(t->words));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                       LONG_ENOUGH));
    fatal = mali_csf_queue_status(b.queue, CS_FATAL) & 0xff;
    if (t->type) {
        g_assert_cmphex(fatal, ==, t->type);
    } else {
        g_assert(fatal == CS_EXCEPTION_INVALID_INSTRUCTION ||
                 fatal == CS_EXCEPTION_CONFIG_FAULT);
    }
    if (g_str_has_prefix(t->name, "opcode-")) {
        g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) >> 8, ==,
                        t->words[0] >> CS_OPCODE_SHIFT);
    }
    g_assert_cmphex(mali_csf_readl(&b.gpu, JOB_RAWSTAT) & JOB_INT_CSG(0), !=,
                    0);

    /* It is dead, acknowledged or not, until TERMINATE; others live on. */
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FATAL);
    mali_csf_queue_kick(b.queue);
    g_assert_false(mali_csf_queue_wait(b.queue, LONG_ENOUGH));
    second_group(&b, &group);
    mali_csf_queue_exec(&group.queue[0], nops, ARRAY_SIZE(nops));
    mali_csf_group_terminate(&b.group);
    mali_csf_group_init(&b.vm, &b.group, 1);
    mali_csf_group_start(&b.group, 0);
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_bench_quit(&b);
}

/* What no register file has, what no stream may do */
static void add_fatal_tests(void)
{
    const FaultTest tests[] = {
        { "opcode-10", { cs_opcode(10) }, CS_EXCEPTION_INVALID_INSTRUCTION },
        /* Of later architectures than the Mali-G610's */
        { "opcode-19", { cs_opcode(19) }, CS_EXCEPTION_INVALID_INSTRUCTION },
        { "opcode-57", { cs_opcode(57) }, CS_EXCEPTION_INVALID_INSTRUCTION },
        { "opcode-128", { cs_opcode(128) }, CS_EXCEPTION_INVALID_INSTRUCTION },
        { "opcode-127", { cs_opcode(127) }, CS_EXCEPTION_INVALID_INSTRUCTION },
        { "opcode-255", { ~0ull }, CS_EXCEPTION_INVALID_INSTRUCTION },
        { "move48-96", { cs_move48(96, 1) }, 0 },
        { "move48-255", { cs_move48(255, 1) }, 0 },
        { "move48-95", { cs_move48(95, 1) }, 0 },
        { "move32-96", { cs_move32(96, 1) }, 0 },
        { "move32-255", { cs_move32(255, 1) }, 0 },
        { "add32-dst", { cs_add_imm32(96, 0, 1) }, 0 },
        { "add32-src", { cs_add_imm32(0, 255, 1) }, 0 },
        { "add64-dst", { cs_add_imm64(254, 0, 1) }, 0 },
        { "add64-src", { cs_add_imm64(0, 254, 1) }, 0 },
        { "umin-src", { cs_umin32(0, 0, 200) }, 0 },
        { "load-past-end", { cs_load_multiple(90, 0xffff, 2, 0) }, 0 },
        { "load-base-255", { cs_load_multiple(255, 1, 2, 0) }, 0 },
        { "load-addr-254", { cs_load_multiple(0, 1, 254, 0) }, 0 },
        { "store-past-end", { cs_store_multiple(81, 0x8000, 2, 0) }, 0 },
        { "store-addr-96", { cs_store_multiple(0, 1, 96, 0) }, 0 },
        { "branch-reg", { cs_branch(CS_COND_EQ, 255, 1) }, 0 },
        { "branch-cond", { cs_branch(7, 0, 1) }, 0 },
        { "call-addr", { cs_call(254, 0) }, 0 },
        { "call-len", { cs_call(0, 255) }, 0 },
        { "call-misaligned", { cs_move48(2, 0x1004), cs_move32(4, 8),
                               cs_call(2, 4) }, CS_EXCEPTION_CONFIG_FAULT },
        { "call-length", { cs_move48(2, 0x1000), cs_move32(4, 12),
                           cs_call(2, 4) }, CS_EXCEPTION_CONFIG_FAULT },
        { "jump-in-ring", { cs_move48(2, 0x1000), cs_move32(4, 8),
                            cs_jump(2, 4) }, 0 },
        { "sync-addr", { cs_sync(CS_OP_SYNC_ADD64, 254, 0, 0, 0, 0, 0) }, 0 },
        { "sync-data", { cs_sync(CS_OP_SYNC_ADD64, 0, 254, 0, 0, 0, 0) }, 0 },
        { "sync-data32", { cs_sync(CS_OP_SYNC_SET32, 0, 96, 0, 0, 0, 0) }, 0 },
        { "wait-addr", { cs_sync_wait(CS_OP_SYNC_WAIT64, 254, 0, CS_COND_GT,
                                      0) }, 0 },
        { "wait-data", { cs_sync_wait(CS_OP_SYNC_WAIT64, 0, 254, CS_COND_GT,
                                      0) }, 0 },
        { "state-addr", { cs_store_state(254, 0, 0, 0, 0) }, 0 },
        { "flush-reg", { cs_flush_cache2(0x233, 255, 0, 0) }, 0 },
        { "flush-signal", { cs_flush_cache2(0x233, 2, 0, 8) }, 0 },
        { "sb-endpoint", { cs_set_sb_entry(8, 0) }, 0 },
        { "sb-other", { cs_set_sb_entry(0, 15) }, 0 },
        { "move48-odd", { cs_move48(1, 0) }, 0 },
        { "add64-src-odd", { cs_add_imm64(0, 3, 0) }, 0 },
        { "store-addr-odd", { cs_store_multiple(0, 1, 5, 0) }, 0 },
        { "sync-data-odd", { cs_sync(CS_OP_SYNC_ADD64, 0, 3, 0, 0, 0, 0) }, 0 },
    };

    for (int i = 0; i < ARRAY_SIZE(tests); i++) {
        add_copy("fatal", tests[i].name, &tests[i], sizeof(tests[i]),
                 test_fatal);
    }
}

/* Pairs are even: an odd one is a fault, or it is masked, but no overrun. */
static void test_odd_pairs(void)
{
    const uint64_t words[] = {
        cs_move48(1, 1), cs_add_imm64(1, 3, 1), cs_load_multiple(0, 1, 95, 0),
        cs_store_multiple(0, 1, 95, 0), cs_call(95, 95), cs_jump(95, 95),
        cs_sync(CS_OP_SYNC_ADD64, 95, 95, 0, 0, 0, 0),
        cs_sync_wait(CS_OP_SYNC_WAIT64, 95, 95, CS_COND_GT, 0),
        cs_store_state(95, 0, 0, 0, 0),
    };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < ARRAY_SIZE(words); i++) {
        mali_csf_queue_submit(b.queue, &words[i], 1);
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        mali_csf_group_terminate(&b.group);
        mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
        mali_csf_group_init(&b.vm, &b.group, 1);
        mali_csf_group_start(&b.group, 0);
    }
    mali_csf_bench_quit(&b);
}

/* Words of noise: every stream ends in some way, and TERMINATE always. */
static void test_noise(void)
{
    QMaliCsfBench b;
    GRand *rand = g_rand_new_with_seed(0x6a11);
    uint64_t words[64];

    mali_csf_bench_init(&b, NULL);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < ARRAY_SIZE(words); i++) {
            words[i] = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
            if (i % 4) {
                /* An opcode that exists */
                words[i] = (words[i] & ~cs_opcode(0xff)) |
                           cs_opcode(g_rand_int_range(rand, 1, 54));
            }
            if (i % 2) {
                /* And registers that exist */
                words[i] &= ~0x00a1a1a100000000ull;
            }
        }
        mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        mali_csf_group_terminate(&b.group);
        mali_csf_as_command(&b.gpu, 1, AS_COMMAND_UPDATE);
        mali_csf_ack_events(&b.gpu);
        b.group.queue[0].insert = 0;
        qtest_writeq(b.gpu.qts, b.queue->output.pa, 0);
        qtest_writeq(b.gpu.qts, b.queue->input.pa, 0);
        mali_csf_group_start(&b.group, round % 8);
    }
    g_rand_free(rand);
    mali_csf_bench_quit(&b);
}

/* The host's side, wild: pointers and sizes that are none */
typedef struct WildTest {
    const char *name;
    uint32_t offset;
    uint64_t value;
} WildTest;

static const WildTest wild_tests[] = {
    { "size-0", CS_SIZE, 0 },
    { "size-3", CS_SIZE, 3 },
    { "size-5000", CS_SIZE, 5000 },
    { "size-max", CS_SIZE, 0xffffffff },
    { "base-odd", CS_BASE, 0x10000000123ull },
    { "base-max", CS_BASE, 0xfffffffffffff000ull },
};

static void test_wild(const void *data)
{
    const WildTest *t = data;
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_queue_push(&group.queue[0], nops, ARRAY_SIZE(nops));
    mali_csf_group_program(&group, 1);
    if (t->offset == CS_SIZE) {
        qtest_writel(b.gpu.qts, b.gpu.cs_in[1][0] + t->offset, t->value);
    } else {
        qtest_writeq(b.gpu.qts, b.gpu.cs_in[1][0] + t->offset, t->value);
    }
    mali_csf_group_request(&group, CSG_STATE_START);
    g_assert(mali_csf_group_wait(&group));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_group_terminate(&group);
    /* The other group does not care. */
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_bench_quit(&b);
}

/* INSERT that goes back, that is no instruction, that is more than a ring */
static void test_wild_insert(const void *data)
{
    const uint64_t insert = *(const uint64_t *)data;
    const uint64_t nops[8] = { 0 };
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < 2; i++) {
        mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    }
    qtest_writeq(b.gpu.qts, b.queue->input.pa + CS_USER_INPUT_INSERT, insert);
    mali_csf_queue_kick(b.queue);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_true(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_CONFIG_FAULT);
    g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, 128);
    mali_csf_group_terminate(&b.group);
    mali_csf_bench_quit(&b);
}

/*
 * INSERT that goes back to an instruction which has faulted: it would be
 * behind it, once the host acknowledges the fault.
 */
static void test_wild_insert_at_fault(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_queue_submit(b.queue, (const uint64_t[]) {
                              cs_move48(2, 2),
                              cs_store_multiple(8, 1, 2, 0) }, 2);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT, LONG_ENOUGH));
    qtest_writeq(b.gpu.qts, b.queue->input.pa + CS_USER_INPUT_INSERT, 8);
    mali_csf_queue_kick(b.queue);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_queue_extract(b.queue), ==, 8);
    g_assert_true(mali_csf_queue_event(b.queue, CS_EVENT_FATAL));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_CONFIG_FAULT);
    mali_csf_group_terminate(&b.group);
    mali_csf_bench_quit(&b);
}

/* Pointers of the firmware's own space that are not mapped end it. */
static void test_wild_user_pages(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_program(&group, 1);
    qtest_writeq(b.gpu.qts, b.gpu.cs_in[1][0] + CS_USER_INPUT, 0x07fff000);
    mali_csf_group_request(&group, CSG_STATE_START);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    /* A crash of the firmware or a dead stream, and no crash of ours */
    g_assert_cmphex(mali_csf_readl(&b.gpu, A_GPU_ID), ==, 0xa8670005);
    mali_csf_soft_reset(&b.gpu);
    mali_csf_l2_on(&b.gpu);
    mali_csf_vm_enable(&b.gpu.mcu_vm);
    mali_csf_mcu_boot(&b.gpu);
    mali_csf_bench_quit(&b);
}

/* The firmware dies of a page that is not there, and says so. */
static void test_wild_user_page_panic(void)
{
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_HALT_STATUS),
                    ==, GLB_HALT_STATUS_OK);
    mali_csf_group_init(&b.vm, &group, 1);
    mali_csf_group_program(&group, 1);
    qtest_writeq(b.gpu.qts, b.gpu.cs_in[1][0] + CS_USER_INPUT, 0x07fff000);
    mali_csf_group_request(&group, CSG_STATE_START);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmpuint(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_FATAL);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_HALT_STATUS),
                    ==, GLB_HALT_STATUS_PANIC);

    /* The next boot takes it back. */
    mali_csf_soft_reset(&b.gpu);
    mali_csf_l2_on(&b.gpu);
    mali_csf_vm_enable(&b.gpu.mcu_vm);
    mali_csf_mcu_boot(&b.gpu);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_HALT_STATUS),
                    ==, GLB_HALT_STATUS_OK);
    mali_csf_bench_quit(&b);
}

static void test_wild_as(void)
{
    const uint64_t nops[8] = { 0 };
    static const unsigned spaces[] = { 2, 8, 15, 16, 0xff, 0xffffffff };
    QMaliCsfBench b;
    QMaliCsfGroup group;

    mali_csf_bench_init(&b, NULL);
    for (int i = 0; i < ARRAY_SIZE(spaces); i++) {
        mali_csf_group_init(&b.vm, &group, 1);
        mali_csf_queue_push(&group.queue[0], nops, ARRAY_SIZE(nops));
        mali_csf_group_program(&group, 1);
        qtest_writel(b.gpu.qts, b.gpu.csg_in[1] + CSG_CONFIG, spaces[i]);
        mali_csf_group_request(&group, CSG_STATE_START);
        g_assert(mali_csf_group_wait(&group));
        g_assert_false(mali_csf_queue_wait(&group.queue[0], LONG_ENOUGH));
        mali_csf_group_terminate(&group);
        mali_csf_ack_events(&b.gpu);
    }
    mali_csf_queue_exec(b.queue, nops, ARRAY_SIZE(nops));
    mali_csf_bench_quit(&b);
}

int main(int argc, char **argv)
{
    static const uint64_t inserts[] = {
        0, 64, 132, 128 + MALI_CSF_PAGE + 8, ~0ull, 0x8000000000000000ull,
    };
    static const char *const insert_name[] = {
        "zero", "back", "misaligned", "over-a-ring", "max", "half",
    };

    g_test_init(&argc, &argv, NULL);

    ADD("fault/pauses", test_fault_pauses);
    ADD("fault/names-instruction", test_fault_names_instruction);
    ADD("fault/needs-doorbell", test_fault_needs_doorbell);
    add_fault_tests();
    add_fatal_tests();
    ADD("abuse/odd-pairs", test_odd_pairs);
    ADD("abuse/noise", test_noise);
    for (int i = 0; i < ARRAY_SIZE(wild_tests); i++) {
        add_data("abuse", wild_tests[i].name, &wild_tests[i], test_wild);
    }
    for (int i = 0; i < ARRAY_SIZE(inserts); i++) {
        add_data("abuse/insert", insert_name[i], &inserts[i],
                 test_wild_insert);
    }
    ADD("abuse/insert/at-fault", test_wild_insert_at_fault);
    ADD("abuse/user-pages", test_wild_user_pages);
    ADD("abuse/user-page-panic", test_wild_user_page_panic);
    ADD("abuse/address-space", test_wild_as);

    return g_test_run();
}
