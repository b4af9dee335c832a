/*
 * QTest for the Arm Mali CSF GPU with all the streams that it can have
 *
 * The device works under QEMU's big lock, in slices and firmware passes.
 * How long one takes may not grow with what all the streams of a guest do at
 * once: each case here has them do what costs most.  Work is counted as weight,
 * which is the same on every host.  With -m perf the times are measured, by
 * way of the test device mali-csf-bench, and printed for scripts/bench.py.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qobject/qdict.h"
#include "libqos/mali-csf.h"

#define BENCH_PATH      "/machine/peripheral/bench"
#define BENCH_ARGS      " -device mali-csf-bench,id=bench,gpu=" \
                        MALI_CSF_QOM_PATH ",account=on"

/* As many as the firmware's shared section has room for */
#define SLOTS           10
#define QUEUES          32
#define STREAMS         (SLOTS * QUEUES)
#define ARGS            "-global mali-csf.csg-slots=10 " \
                        "-global mali-csf.cs-per-csg=32 "

/* Of a slice, and of its last turn with all that this has to look at */
#define SLICE_WEIGHT    4096
#define SLICE_MAX       (SLICE_WEIGHT + 1024 + 1024 + 4 * STREAMS)
/* Of a pass, and of the last group or chunk that it began with */
#define PASS_WEIGHT     16384
#define PASS_MAX        (PASS_WEIGHT + 256 * QUEUES + 16 * STREAMS)

/* Bytes of each stream in the common buffer */
#define OWN_SIZE        64
#define SHARED_OBJECT   (STREAMS * OWN_SIZE)
#define DATA_SIZE       (SHARED_OBJECT + MALI_CSF_PAGE)

/* Registers that each stream has set when its code begins */
enum {
    /* Its own part of the buffer, that of the next stream, the common one */
    REG_OWN = 2,
    REG_NEXT = 4,
    REG_SHARED = 6,
    REG_ONE = 8,
    REG_COUNT = 10,
    REG_HEAP = 12,
    REG_HANDLER = 14,
    REG_HANDLER_SIZE = 16,
    REG_FREE = 20,
};

typedef struct Crowd {
    QMaliCsf gpu;
    QMaliCsfVm vm;
    QMaliCsfBuffer data;
    /* A page for each stream */
    QMaliCsfBuffer heaps;
    QMaliCsfBuffer handler;
    QMaliCsfGroup group[SLOTS];
    /* Besides what a group's EP_REQ has anyway */
    uint32_t ep_req[SLOTS];
} Crowd;

typedef struct CrowdCase {
    const char *name;
    /* Arguments of QEMU besides the usual ones, or NULL */
    const char *args;
    /* What every stream executes; up to the first zero, which is a NOP */
    uint64_t code[24];
    /* Before the groups start; afterwards, again and again, or NULL */
    void (*prepare)(Crowd *c);
    void (*disturb)(Crowd *c);
    /* What has become of it; NULL: nothing that is worth a look */
    void (*check)(Crowd *c);
    /* Instructions of a slice, on average: fewer, as each costs more; or 0 */
    unsigned per_slice;
} CrowdCase;

static void bench_run_row(Crowd *c, const char *row)
{
    qtest_qmp_assert_success(c->gpu.qts, "{'execute': 'qom-set',"
                             " 'arguments': {'path': %s, 'property': 'run',"
                             " 'value': %s}}", BENCH_PATH, row);
}

/* Physical address of a stream's own part */
static uint64_t own_pa(Crowd *c, unsigned stream)
{
    return c->data.pa + stream * OWN_SIZE;
}

static void push_code(Crowd *c, QMaliCsfQueue *queue, unsigned stream,
                      const uint64_t *code)
{
    g_autoptr(GArray) words = g_array_new(false, false, 8);
    const uint64_t set_up[] = {
        cs_move48(REG_OWN, c->data.va + stream * OWN_SIZE),
        cs_move48(REG_NEXT, c->data.va + (stream + 1) % STREAMS * OWN_SIZE),
        cs_move48(REG_SHARED, c->data.va + SHARED_OBJECT),
        cs_move48(REG_ONE, 1),
        cs_move48(REG_COUNT, 0),
        cs_move48(REG_HEAP, c->heaps.va + stream * MALI_CSF_PAGE),
        cs_move48(REG_HANDLER, c->handler.va),
        cs_move48(REG_HANDLER_SIZE, 16),
    };

    g_array_append_vals(words, set_up, ARRAY_SIZE(set_up));
    while (*code) {
        g_array_append_vals(words, code++, 1);
    }
    mali_csf_queue_push(queue, (uint64_t *)words->data, words->len);
}

static void change_all(Crowd *c, uint32_t state)
{
    uint64_t db_req = c->gpu.glb_in + GLB_DB_REQ;

    for (unsigned i = 0; i < SLOTS; i++) {
        uint64_t req = c->gpu.csg_in[i] + CSG_REQ;

        if (state == CSG_STATE_START || state == CSG_STATE_RESUME) {
            mali_csf_group_program(&c->group[i], i);
            mali_csf_update(&c->gpu, c->gpu.csg_in[i] + CSG_EP_REQ,
                            c->ep_req[i], c->ep_req[i]);
            mali_csf_toggle(&c->gpu, req, c->gpu.csg_out[i] + CSG_ACK,
                            CSG_EP_CFG);
        }
        mali_csf_update(&c->gpu, req, state, CSG_STATE_MASK);
    }
    /* One doorbell for all of them */
    mali_csf_toggle(&c->gpu, db_req, c->gpu.glb_out + GLB_DB_ACK,
                    MAKE_64BIT_MASK(0, SLOTS));
    mali_csf_doorbell(&c->gpu, 0);
}

static void wait_all(Crowd *c)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        g_assert(mali_csf_group_wait(&c->group[i]));
    }
}

static void crowd_init(Crowd *c, const CrowdCase *t)
{
    g_autofree char *args = g_strconcat(ARGS, t->args ? t->args : "",
                                        g_test_perf() ? BENCH_ARGS : "",
                                        NULL);

    mali_csf_init(&c->gpu, args);
    mali_csf_mcu_prepare(&c->gpu);
    mali_csf_mcu_boot(&c->gpu);
    g_assert_cmpuint(c->gpu.group_num, ==, SLOTS);
    g_assert_cmpuint(c->gpu.stream_num, ==, QUEUES);
    mali_csf_global_init(&c->gpu);
    mali_csf_vm_init(&c->gpu, &c->vm, 1);
    c->data = mali_csf_vm_alloc(&c->vm, DATA_SIZE);
    c->heaps = mali_csf_vm_alloc(&c->vm, STREAMS * MALI_CSF_PAGE);
    c->handler = mali_csf_vm_alloc(&c->vm, MALI_CSF_PAGE);
    mali_csf_vm_enable(&c->vm);
    for (unsigned i = 0; i < SLOTS; i++) {
        mali_csf_group_init(&c->vm, &c->group[i], QUEUES);
        for (unsigned j = 0; j < QUEUES; j++) {
            push_code(c, &c->group[i].queue[j], i * QUEUES + j, t->code);
        }
    }
    if (t->prepare) {
        t->prepare(c);
    }
    change_all(c, CSG_STATE_START);
    wait_all(c);
}

/* Cases */

/* A word for each of so many streams: they begin, the others wait for them */
static void prepare_chain(Crowd *c)
{
    for (unsigned i = 0; i < STREAMS; i += 16) {
        qtest_writel(c->gpu.qts, own_pa(c, i), 1);
    }
}

/* Each stream has had turns, whichever waited for which */
static void check_counts(Crowd *c)
{
    for (unsigned i = 0; i < STREAMS; i++) {
        g_assert_cmpuint(qtest_readl(c->gpu.qts, own_pa(c, i)), >, 0);
    }
}

/* The object that all wait for, and a doorbell so that it is seen at once */
static void disturb_wake(Crowd *c)
{
    uint64_t pa = c->data.pa + SHARED_OBJECT;

    qtest_writel(c->gpu.qts, pa, qtest_readl(c->gpu.qts, pa) + 1);
    mali_csf_doorbell(&c->gpu, 0);
}

static void prepare_latency(Crowd *c)
{
    mali_csf_set_property(&c->gpu, "x-endpoint-latency-ns",
                          200 * MALI_CSF_US);
}

/* A list of free chunks without an end for each stream */
static void prepare_circles(Crowd *c)
{
    mali_csf_set_property(&c->gpu, "x-endpoint-heap-chunks", 4096);
    for (unsigned i = 0; i < STREAMS; i++) {
        uint64_t page = i * MALI_CSF_PAGE;

        qtest_writeq(c->gpu.qts, c->heaps.pa + page + 0x10,
                     (c->heaps.va + page) | 1);
        qtest_writeq(c->gpu.qts, c->heaps.pa + page,
                     (c->heaps.va + page) | 1);
    }
}

/* No memory, and a handler that frees none */
static void prepare_handlers(Crowd *c)
{
    mali_csf_set_property(&c->gpu, "x-endpoint-heap-chunks", 1);
    qtest_writeq(c->gpu.qts, c->handler.pa, cs_add_imm32(18, 18, 1));
    qtest_writeq(c->gpu.qts, c->handler.pa + 8,
                 cs_store_multiple(18, 1, REG_OWN, 0));
}

/* Events of the streams are acknowledged, as the driver would, all at once */
static void ack_all(Crowd *c, uint32_t events)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        for (unsigned j = 0; j < QUEUES; j++) {
            uint64_t out = c->gpu.cs_out[i][j];

            mali_csf_update(&c->gpu, c->gpu.cs_in[i][j] + CS_REQ,
                            qtest_readl(c->gpu.qts, out + CS_ACK), events);
        }
        mali_csf_toggle(&c->gpu, c->gpu.csg_in[i] + CSG_DB_REQ,
                        c->gpu.csg_out[i] + CSG_DB_ACK,
                        MAKE_64BIT_MASK(0, QUEUES));
    }
    mali_csf_toggle(&c->gpu, c->gpu.glb_in + GLB_DB_REQ,
                    c->gpu.glb_out + GLB_DB_ACK, MAKE_64BIT_MASK(0, SLOTS));
    mali_csf_ack_events(&c->gpu);
    mali_csf_doorbell(&c->gpu, 0);
}

static void disturb_refuse(Crowd *c)
{
    ack_all(c, CS_TILER_OOM);
}

static void disturb_ack_faults(Crowd *c)
{
    ack_all(c, CS_EVENT_FAULT);
}

/* Each group has the cores for one kind of its work alone. */
static void prepare_exclusive(Crowd *c)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        c->ep_req[i] = i & 1 ? CSG_EP_REQ_EXCL_FRAGMENT
                             : CSG_EP_REQ_EXCL_COMPUTE;
    }
}

static void disturb_suspend(Crowd *c)
{
    change_all(c, CSG_STATE_SUSPEND);
    wait_all(c);
    for (unsigned i = 0; i < SLOTS; i++) {
        for (unsigned j = 0; j < QUEUES; j++) {
            mali_csf_update(&c->gpu, c->gpu.cs_in[i][j] + CS_REQ,
                            CS_STATE_STOP, CS_STATE_MASK);
        }
    }
    change_all(c, CSG_STATE_RESUME);
    wait_all(c);
}

static void disturb_status(Crowd *c)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        mali_csf_toggle(&c->gpu, c->gpu.csg_in[i] + CSG_REQ,
                        c->gpu.csg_out[i] + CSG_ACK, CSG_STATUS_UPDATE);
    }
    mali_csf_toggle(&c->gpu, c->gpu.glb_in + GLB_DB_REQ,
                    c->gpu.glb_out + GLB_DB_ACK, MAKE_64BIT_MASK(0, SLOTS));
    mali_csf_doorbell(&c->gpu, 0);
}

static void prepare_perfcnt(Crowd *c)
{
    uint64_t in = c->gpu.glb_in;

    qtest_writel(c->gpu.qts, in + GLB_PRFCNT_JASID, 1);
    qtest_writeq(c->gpu.qts, in + GLB_PRFCNT_BASE, c->heaps.va);
    qtest_writel(c->gpu.qts, in + GLB_PRFCNT_CONFIG, 8);
    qtest_writel(c->gpu.qts, in + GLB_PRFCNT_CSG_SELECT, ~0u);
    for (unsigned i = 0; i < 6; i++) {
        static const uint32_t enable[] = {
            GLB_PRFCNT_FW_EN, GLB_PRFCNT_CSG_EN, GLB_PRFCNT_CSF_EN,
            GLB_PRFCNT_TILER_EN, GLB_PRFCNT_MMU_L2_EN, GLB_PRFCNT_SHADER_EN,
        };

        qtest_writel(c->gpu.qts, in + enable[i], ~0u);
    }
    mali_csf_glb_request(&c->gpu, GLB_PERFCNT_EN, GLB_PERFCNT_EN);
}

static void disturb_sample(Crowd *c)
{
    qtest_writel(c->gpu.qts, c->gpu.glb_in + GLB_PRFCNT_EXTRACT,
                 qtest_readl(c->gpu.qts, c->gpu.glb_out + GLB_PRFCNT_INSERT));
    mali_csf_glb_toggle(&c->gpu, GLB_PERFCNT_SAMPLE);
}

#define DEFER(wait, signal) \
    cs_sync(CS_OP_SYNC_ADD32, REG_OWN, REG_ONE, CS_SYNC_SCOPE_CSG, 0, \
            1u << (wait), signal)

#define RUN(opcode)     ((uint64_t)(opcode) << CS_OPCODE_SHIFT)

static const CrowdCase *cases(unsigned *num)
{
    /* To count for ever, in memory */
    const uint64_t count = cs_add_imm32(REG_COUNT, REG_COUNT, 1);
    const uint64_t store = cs_store_multiple(REG_COUNT, 1, REG_OWN, 0);
    const uint64_t again = cs_branch(CS_COND_ALWAYS, 0, -3);
    static CrowdCase list[16];
    unsigned n = 0;

    list[n++] = (CrowdCase) {
        .name = "spin", .check = check_counts,
        .code = { count, store, again },
    };
    list[n++] = (CrowdCase) {
        .name = "chain", .prepare = prepare_chain, .check = check_counts,
        /* Each turn of four looks at what all the others wait for. */
        .per_slice = 500,
        .code = {
            cs_sync_wait(CS_OP_SYNC_WAIT32, REG_OWN, REG_COUNT, CS_COND_GT,
                         0),
            cs_add_imm32(REG_COUNT, REG_COUNT, 1),
            cs_sync(CS_OP_SYNC_ADD32, REG_NEXT, REG_ONE, CS_SYNC_SCOPE_SYSTEM,
                    0, 0, 0),
            cs_branch(CS_COND_ALWAYS, 0, -4),
        },
    };
    list[n++] = (CrowdCase) {
        .name = "wake", .disturb = disturb_wake, .check = check_counts,
        .code = {
            cs_sync_wait(CS_OP_SYNC_WAIT32, REG_SHARED, REG_COUNT, CS_COND_GT,
                         0),
            cs_add_imm32(REG_COUNT, REG_COUNT, 1),
            cs_store_multiple(REG_COUNT, 1, REG_OWN, 0),
            cs_branch(CS_COND_ALWAYS, 0, -4),
        },
    };
    list[n++] = (CrowdCase) {
        .name = "deferred", .prepare = prepare_latency, .check = check_counts,
        .code = {
            cs_set_sb_entry(2, 0),
            RUN(CS_OP_RUN_COMPUTE),
            DEFER(2, 3), DEFER(2, 3), DEFER(2, 3), DEFER(2, 3),
            DEFER(3, 4), DEFER(3, 4), DEFER(3, 4), DEFER(3, 4),
            DEFER(4, 5), DEFER(4, 5), DEFER(4, 5), DEFER(4, 5),
            DEFER(5, 6), DEFER(5, 6), DEFER(5, 6), DEFER(5, 6),
            /* No room for this one */
            DEFER(6, 7),
            cs_branch(CS_COND_ALWAYS, 0, -19),
        },
    };
    list[n++] = (CrowdCase) {
        .name = "group-waits", .check = check_counts,
        .code = {
            cs_opcode(CS_OP_SHARED_SB_INC) | 3ull << 48,
            cs_opcode(CS_OP_SHARED_SB_DEC) | 3ull << 48,
            cs_add_imm32(REG_COUNT, REG_COUNT, 1),
            cs_store_multiple(REG_COUNT, 1, REG_OWN, 0),
            cs_branch(CS_COND_ALWAYS, 0, -5),
        },
        .args = "-global mali-csf.model=g720 ",
    };
    list[n++] = (CrowdCase) {
        .name = "resources", .prepare = prepare_exclusive,
        .per_slice = 400,
        .code = {
            cs_req_resource(1),
            cs_add_imm32(REG_COUNT, REG_COUNT, 1),
            cs_store_multiple(REG_COUNT, 1, REG_OWN, 0),
            cs_req_resource(2),
            cs_req_resource(0),
            cs_branch(CS_COND_ALWAYS, 0, -6),
        },
    };
    list[n++] = (CrowdCase) {
        .name = "heaps", .prepare = prepare_circles,
        .code = {
            cs_heap_set(REG_HEAP),
            RUN(CS_OP_RUN_FULLSCREEN),
            cs_wait(1),
            cs_branch(CS_COND_ALWAYS, 0, -3),
        },
    };
    list[n++] = (CrowdCase) {
        .name = "handlers", .prepare = prepare_handlers,
        .disturb = disturb_refuse, .check = check_counts,
        .code = {
            cs_heap_set(REG_HEAP),
            cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM, REG_HANDLER,
                                     REG_HANDLER_SIZE),
            RUN(CS_OP_RUN_FULLSCREEN),
            cs_wait(1),
        },
    };
    list[n++] = (CrowdCase) {
        .name = "faults", .disturb = disturb_ack_faults,
        .check = check_counts,
        .code = {
            cs_store_multiple(REG_COUNT, 1, REG_OWN, 2),
            cs_error_barrier(),
            count, store, again,
        },
    };
    list[n++] = (CrowdCase) {
        .name = "suspend", .disturb = disturb_suspend, .check = check_counts,
        .code = { count, store, again },
    };
    list[n++] = (CrowdCase) {
        .name = "status", .disturb = disturb_status,
        .code = {
            cs_sync_wait(CS_OP_SYNC_WAIT32, REG_SHARED, REG_COUNT, CS_COND_GT,
                         0),
        },
    };
    list[n++] = (CrowdCase) {
        .name = "perfcnt", .prepare = prepare_perfcnt,
        .disturb = disturb_sample,
        .args = "-global mali-csf.shader-present=0xffffffffffffffff ",
        .code = { count, store, again },
    };
    list[n++] = (CrowdCase) {
        .name = "trace",
        .args = "-trace mali_csf_cs_instruction -D /dev/null ",
        .per_slice = 200,
        .code = { count, store, again },
    };
    g_assert_cmpuint(n, <=, ARRAY_SIZE(list));
    *num = n;
    return list;
}

/* Of all but one in a hundred; 0 if there was none */
static void print_time(Crowd *c, const char *name, const char *what)
{
    g_autofree char *p99 = g_strdup_printf("%s-p99-ns", what);

    g_test_message("bench crowd-%s-%s ns=%.3f reference=0 ratio=0", name, what,
                   (double)mali_csf_number_at(&c->gpu, BENCH_PATH, p99));
}

static void test_case(const void *data)
{
    const CrowdCase *t = data;
    const unsigned rounds = g_test_perf() ? 40 : 4;
    Crowd *c = g_new0(Crowd, 1);
    uint64_t slices, instructions;

    crowd_init(c, t);
    if (g_test_perf()) {
        mali_csf_run(&c->gpu, 2 * MALI_CSF_MS);
        bench_run_row(c, "forget");
    }
    for (unsigned i = 0; i < rounds; i++) {
        if (t->disturb) {
            t->disturb(c);
        }
        mali_csf_run(&c->gpu, 8 * MALI_CSF_MS);
    }
    if (t->check) {
        t->check(c);
    }
    slices = mali_csf_number(&c->gpu, "slice-count");
    instructions = mali_csf_number(&c->gpu, "instruction-count");
    g_test_message("%s: slice %" PRIu64 ", pass %" PRIu64 ", instructions of "
                   "a slice %" PRIu64, t->name,
                   mali_csf_number(&c->gpu, "largest-slice"),
                   mali_csf_number(&c->gpu, "largest-pass"),
                   instructions / slices);
    if (t->per_slice) {
        g_assert_cmpuint(instructions / slices, <=, t->per_slice);
    }
    g_assert_cmpuint(mali_csf_number(&c->gpu, "largest-slice"), <=,
                     SLICE_MAX);
    g_assert_cmpuint(mali_csf_number(&c->gpu, "largest-pass"), <=,
                     PASS_MAX);
    if (g_test_perf()) {
        print_time(c, t->name, "slice");
        print_time(c, t->name, "pass");
    }
    mali_csf_quit(&c->gpu);
    g_free(c);
}

int main(int argc, char **argv)
{
    const CrowdCase *list;
    unsigned count;

    g_test_init(&argc, &argv, NULL);
    list = cases(&count);
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("/mali-csf/crowd/%s",
                                                list[i].name);

        qtest_add_data_func(path, &list[i], test_case);
    }
    return g_test_run();
}
