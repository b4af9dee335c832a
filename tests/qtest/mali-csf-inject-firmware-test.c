/*
 * QTest for the Arm Mali CSF GPU: what the firmware is asked to do wrong
 *
 * Each kind is tested for and against: armed, the condition is met as often
 * as was said; with another filter, or cleared, it is not.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "libqos/mali-csf-inject.h"

/* Firmware */

static bool glb_acked(QMaliCsf *gpu, uint32_t mask)
{
    return !((qtest_readl(gpu->qts, gpu->glb_in + GLB_REQ) ^
              qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK)) & mask);
}

static void test_glb_ack(void)
{
    QMaliCsfBench b;
    int64_t id;

    mali_csf_bench_init(&b, NULL);
    id = arm(&b.gpu, "{'kind': 'ping-ack'}");
    glb_toggle(&b.gpu, GLB_CFG_ALLOC_EN);
    g_assert(glb_acked(&b.gpu, ~0u));
    g_assert_cmpint(met(&b.gpu, id), ==, 0);
    glb_toggle(&b.gpu, GLB_PING | GLB_CFG_ALLOC_EN);
    g_assert(glb_acked(&b.gpu, GLB_CFG_ALLOC_EN));
    g_assert(!glb_acked(&b.gpu, GLB_PING));
    g_assert_cmpint(met(&b.gpu, id), ==, 1);
    /* Acknowledged when the firmware looks again */
    mali_csf_doorbell(&b.gpu, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert(glb_acked(&b.gpu, GLB_PING));

    id = arm(&b.gpu, "{'kind': 'glb-ack', 'mask': %u, 'delay-ns': %lld}",
             GLB_CFG_PROGRESS_TIMER, DELAY);
    glb_toggle(&b.gpu, GLB_PING);
    g_assert(glb_acked(&b.gpu, GLB_PING));
    glb_toggle(&b.gpu, GLB_PING | GLB_CFG_PROGRESS_TIMER);
    g_assert(glb_acked(&b.gpu, GLB_PING));
    g_assert(!glb_acked(&b.gpu, GLB_CFG_PROGRESS_TIMER));
    mali_csf_run(&b.gpu, DELAY);
    g_assert(glb_acked(&b.gpu, GLB_CFG_PROGRESS_TIMER));
    g_assert_cmpint(met(&b.gpu, id), ==, 1);
    mali_csf_bench_quit(&b);
}

static void test_mcu_halt(void)
{
    QMaliCsfBench b;
    int64_t id;

    mali_csf_bench_init(&b, NULL);
    id = arm(&b.gpu, "{'kind': 'mcu-halt', 'delay-ns': %lld}", DELAY);
    glb_toggle(&b.gpu, GLB_PING);
    g_assert_cmpint(met(&b.gpu, id), ==, 0);
    mali_csf_update(&b.gpu, b.gpu.glb_in + GLB_REQ, GLB_HALT, GLB_HALT);
    mali_csf_doorbell(&b.gpu, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert_cmpint(met(&b.gpu, id), ==, 1);
    g_assert_cmpuint(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_ENABLED);
    g_assert(!glb_acked(&b.gpu, GLB_HALT));
    mali_csf_run(&b.gpu, DELAY);
    g_assert_cmpuint(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_HALT);
    mali_csf_bench_quit(&b);
}

static void test_mcu_rogue_halt(void)
{
    QMaliCsfBench b;
    int64_t id;

    mali_csf_bench_init(&b, NULL);
    id = arm(&b.gpu, "{'kind': 'mcu-rogue-halt', 'skip': 1}");
    glb_toggle(&b.gpu, GLB_PING);
    g_assert(glb_acked(&b.gpu, GLB_PING));
    glb_toggle(&b.gpu, GLB_PING);
    g_assert(!glb_acked(&b.gpu, GLB_PING));
    g_assert_cmpuint(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_HALT);
    g_assert_cmpint(met(&b.gpu, id), ==, 1);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_HALT_STATUS),
                    ==, GLB_HALT_STATUS_OK);
    /* It hears nothing any more, and can be booted. */
    glb_toggle(&b.gpu, GLB_PING);
    g_assert_cmpuint(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_HALT);
    mali_csf_mcu_boot(&b.gpu);
    glb_toggle(&b.gpu, GLB_PING);
    g_assert(glb_acked(&b.gpu, GLB_PING));
    mali_csf_bench_quit(&b);
}

static void test_mcu_death(void)
{
    QMaliCsfBench b;
    int64_t id;

    mali_csf_bench_init(&b, NULL);
    id = arm(&b.gpu, "{'kind': 'mcu-death', 'skip': 1}");
    glb_toggle(&b.gpu, GLB_PING);
    g_assert(glb_acked(&b.gpu, GLB_PING));
    g_assert_cmpuint(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_ENABLED);
    glb_toggle(&b.gpu, GLB_PING);
    g_assert(!glb_acked(&b.gpu, GLB_PING));
    g_assert_cmpuint(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_FATAL);
    g_assert_cmpint(met(&b.gpu, id), ==, 1);
    /* Of itself, not by an access */
    g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
    g_assert_cmphex(qtest_readl(b.gpu.qts, b.gpu.glb_out + GLB_HALT_STATUS),
                    ==, GLB_HALT_STATUS_PANIC);
    /* Once, and no more when it is booted anew */
    mali_csf_soft_reset(&b.gpu);
    mali_csf_l2_on(&b.gpu);
    mali_csf_vm_enable(&b.gpu.mcu_vm);
    mali_csf_mcu_boot(&b.gpu);
    glb_toggle(&b.gpu, GLB_PING);
    g_assert(glb_acked(&b.gpu, GLB_PING));
    mali_csf_bench_quit(&b);
}

static void test_csg_ack(void)
{
    static const struct {
        const char *kind;
        int request;
        /* What has to be before it */
        int before;
    } kinds[] = {
        { "csg-start-ack", CSG_STATE_START, CSG_STATE_TERMINATE },
        { "csg-resume-ack", CSG_STATE_RESUME, CSG_STATE_SUSPEND },
        { "csg-suspend-ack", CSG_STATE_SUSPEND, -1 },
        { "csg-terminate-ack", CSG_STATE_TERMINATE, -1 },
        { "csg-status-update-ack", CSG_STATUS_UPDATE, -1 },
        { "csg-ep-cfg-ack", CSG_EP_CFG, -1 },
    };

    for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
        for (int late = 0; late < 2; late++) {
            int64_t id, other, elsewhere;
            QMaliCsfBench b;
            uint32_t mask;

            g_test_message("%s%s", kinds[i].kind, late ? ", late" : "");
            mali_csf_bench_init(&b, NULL);
            if (kinds[i].before >= 0) {
                mask = csg_request(&b, kinds[i].before);
                g_assert(mali_csf_csg_acked(&b.gpu, 0, mask));
            }
            /* Another slot, and another request, are none of it */
            elsewhere = arm(&b.gpu, "{'kind': %s, 'slot': 1}", kinds[i].kind);
            other = arm(&b.gpu, "{'kind': %s}",
                        kinds[(i + 1) % ARRAY_SIZE(kinds)].kind);
            id = late ? arm(&b.gpu, "{'kind': %s, 'slot': 0,"
                            " 'delay-ns': %lld}", kinds[i].kind, DELAY)
                      : arm(&b.gpu, "{'kind': %s, 'slot': 0}",
                            kinds[i].kind);
            mask = csg_request(&b, kinds[i].request);
            g_assert(!mali_csf_csg_acked(&b.gpu, 0, mask));
            g_assert(mali_csf_csg_acked(&b.gpu, 0, ~mask & ~CSG_EVT_MASK));
            g_assert_cmpint(met(&b.gpu, id), ==, 1);
            g_assert_cmpint(met(&b.gpu, other), ==, 0);
            g_assert_cmpint(met(&b.gpu, elsewhere), ==, 0);
            if (late) {
                mali_csf_run(&b.gpu, DELAY);
            } else {
                mali_csf_run(&b.gpu, 20 * MALI_CSF_MS);
                g_assert(!mali_csf_csg_acked(&b.gpu, 0, mask));
                mali_csf_csg_ring(&b.gpu, 0);
                mali_csf_run(&b.gpu, MALI_CSF_MS);
            }
            g_assert(mali_csf_csg_acked(&b.gpu, 0, mask));
            g_assert_cmpint(met(&b.gpu, id), ==, 1);
            mali_csf_bench_quit(&b);
        }
    }
}

static void test_cs_ack(void)
{
    QMaliCsfBench b;
    uint64_t req, ack;
    int64_t id, other;

    mali_csf_bench_init(&b, NULL);
    req = b.gpu.cs_in[0][0] + CS_REQ;
    ack = b.gpu.cs_out[0][0] + CS_ACK;
    other = arm(&b.gpu, "{'kind': 'cs-ack', 'slot': 0, 'stream': 1}");
    id = arm(&b.gpu, "{'kind': 'cs-ack', 'slot': 0, 'stream': 0,"
             " 'delay-ns': %lld}", DELAY);
    mali_csf_toggle(&b.gpu, req, ack, CS_IDLE_RESOURCE_REQ);
    mali_csf_toggle(&b.gpu, b.gpu.csg_in[0] + CSG_DB_REQ,
                    b.gpu.csg_out[0] + CSG_DB_ACK, 1);
    mali_csf_csg_ring(&b.gpu, 0);
    mali_csf_run(&b.gpu, MALI_CSF_MS);
    g_assert((qtest_readl(b.gpu.qts, req) ^ qtest_readl(b.gpu.qts, ack)) &
             CS_IDLE_RESOURCE_REQ);
    g_assert_cmpint(met(&b.gpu, id), ==, 1);
    g_assert_cmpint(met(&b.gpu, other), ==, 0);
    mali_csf_run(&b.gpu, DELAY);
    g_assert(!((qtest_readl(b.gpu.qts, req) ^ qtest_readl(b.gpu.qts, ack)) &
               CS_IDLE_RESOURCE_REQ));
    mali_csf_bench_quit(&b);
}

/* Doorbells: of the global interface, of a group, of a stream */

static void test_request_doorbells(void)
{
    static const struct {
        const char *kind;
        const char *other;
    } kinds[] = {
        { "glb-doorbell", NULL },
        { "csg-doorbell", "{'kind': 'csg-doorbell', 'slot': 1}" },
    };

    for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
        QMaliCsfBench b;
        int64_t id, other = 0;
        uint32_t mask;

        g_test_message("%s", kinds[i].kind);
        mali_csf_bench_init(&b, NULL);
        if (kinds[i].other) {
            other = arm(&b.gpu, "{'kind': 'csg-doorbell', 'slot': 1}");
        }

        /* Lost: the request stays, until another ring */
        id = arm(&b.gpu, "{'kind': %s}", kinds[i].kind);
        mask = csg_request(&b, CSG_STATUS_UPDATE);
        mali_csf_run(&b.gpu, 20 * MALI_CSF_MS);
        g_assert(!mali_csf_csg_acked(&b.gpu, 0, mask));
        g_assert_cmpint(met(&b.gpu, id), ==, 1);
        mali_csf_csg_ring(&b.gpu, 0);
        mali_csf_run(&b.gpu, MALI_CSF_MS);
        g_assert(mali_csf_csg_acked(&b.gpu, 0, mask));

        /* Late */
        id = arm(&b.gpu, "{'kind': %s, 'delay-ns': %lld}", kinds[i].kind,
                 DELAY);
        mask = csg_request(&b, CSG_STATUS_UPDATE);
        g_assert(!mali_csf_csg_acked(&b.gpu, 0, mask));
        mali_csf_run(&b.gpu, DELAY);
        g_assert(mali_csf_csg_acked(&b.gpu, 0, mask));
        g_assert_cmpint(met(&b.gpu, id), ==, 1);

        if (kinds[i].other) {
            g_assert_cmpint(met(&b.gpu, other), ==, 0);
        }
        mali_csf_bench_quit(&b);
    }
}

static bool stored(QMaliCsfBench *b, uint32_t value)
{
    const uint64_t words[] = {
        cs_move48(90, b->out.va),
        cs_move32(8, value),
        cs_store_multiple(8, 1, 90, 0),
    };

    mali_csf_queue_submit(b->queue, words, ARRAY_SIZE(words));
    mali_csf_run(&b->gpu, MALI_CSF_MS);
    return mali_csf_bench_out(b, 0) == value;
}

static void test_cs_doorbell(void)
{
    QMaliCsfBench b;
    int64_t id, other;

    mali_csf_bench_init(&b, NULL);
    g_assert(stored(&b, 1));
    other = arm(&b.gpu, "{'kind': 'cs-doorbell', 'stream': 1}");
    id = arm(&b.gpu, "{'kind': 'cs-doorbell', 'slot': 0, 'stream': 0}");
    g_assert(!stored(&b, 2));
    mali_csf_run(&b.gpu, 20 * MALI_CSF_MS);
    g_assert_cmpint(mali_csf_bench_out(&b, 0), ==, 1);
    g_assert_cmpint(met(&b.gpu, id), ==, 1);
    /* The next one has it see both. */
    g_assert(stored(&b, 3));

    id = arm(&b.gpu, "{'kind': 'cs-doorbell', 'delay-ns': %lld}", DELAY);
    g_assert(!stored(&b, 4));
    mali_csf_run(&b.gpu, DELAY);
    g_assert_cmpint(mali_csf_bench_out(&b, 0), ==, 4);
    g_assert_cmpint(met(&b.gpu, id), ==, 1);
    g_assert_cmpint(met(&b.gpu, other), ==, 0);
    mali_csf_bench_quit(&b);
}

/* The heap has a chunk, and the model was not told that work needs any. */
static void test_tiler_oom(void)
{
    QMaliCsfBench b;
    QMaliCsfBuffer heap;
    int64_t id, other = -1;
    uint64_t in;

    mali_csf_bench_init(&b, NULL);
    in = b.gpu.cs_in[0][0];
    heap = mali_csf_vm_alloc(&b.vm, MALI_CSF_PAGE);

    for (int oom = 0; oom < 2; oom++) {
        const uint64_t words[] = {
            cs_move48(50, heap.va),
            cs_heap_set(50),
            cs_set_sb_entry(2, 0),
            (uint64_t)CS_OP_RUN_IDVS << CS_OPCODE_SHIFT,
            cs_wait(1 << 2),
            cs_move48(90, b.out.va),
            cs_move32(8, 100 + oom),
            cs_store_multiple(8, 1, 90, 0),
        };

        /* The free chunk of its context: in the same page */
        qtest_writeq(b.gpu.qts, heap.pa + 0x10, (heap.va + 0x100) | 1);
        if (oom) {
            other = arm(&b.gpu, "{'kind': 'tiler-oom', 'stream': 1}");
            id = arm(&b.gpu, "{'kind': 'tiler-oom', 'count': 2}");
        }
        mali_csf_queue_submit(b.queue, words, ARRAY_SIZE(words));
        mali_csf_run(&b.gpu, LONG_ENOUGH);
        for (int i = 0; oom && i < 2; i++) {
            /* It asks, is given nothing, and looks into the heap again. */
            g_assert_cmpint(mali_csf_bench_out(&b, 0), ==, 100);
            g_assert_true(mali_csf_queue_event(b.queue, CS_TILER_OOM));
            g_assert_cmpint(met(&b.gpu, id), ==, i + 1);
            qtest_writeq(b.gpu.qts, in + CS_TILER_HEAP_START,
                         i ? 0 : (heap.va + 0x200) | 1);
            qtest_writeq(b.gpu.qts, in + CS_TILER_HEAP_END,
                         i ? 0 : (heap.va + 0x200) | 1);
            mali_csf_queue_ack_event(b.queue, CS_TILER_OOM);
            mali_csf_run(&b.gpu, LONG_ENOUGH);
        }
        g_assert_cmpint(mali_csf_bench_out(&b, 0), ==, 100 + oom);
        g_assert_false(mali_csf_queue_event(b.queue, CS_TILER_OOM));
    }
    g_assert_cmpint(met(&b.gpu, other), ==, 0);
    mali_csf_bench_quit(&b);
}

static void test_odd_slots(void)
{
    QMaliCsf gpu;
    int64_t id;

    mali_csf_init(&gpu, NULL);
    mali_csf_mcu_prepare(&gpu);
    refuse(&gpu, MALI_CSF_QOM_PATH, "odd-slots needs groups or streams",
           "{'kind': 'odd-slots'}");
    id = arm(&gpu, "{'kind': 'odd-slots', 'groups': 5, 'streams': 7}");
    mali_csf_mcu_boot(&gpu);
    g_assert_cmpint(met(&gpu, id), ==, 1);
    g_assert_cmpuint(qtest_readl(gpu.qts, gpu.shared_pa +
                                 GLB_CONTROL_GROUP_NUM), ==, 5);
    for (int i = 0; i < 8; i++) {
        uint32_t stride = qtest_readl(gpu.qts, gpu.shared_pa +
                                      GLB_CONTROL_GROUP_STRIDE);

        g_assert_cmpuint(qtest_readl(gpu.qts, gpu.shared_pa +
                                     FW_CSG_CONTROL_OFFSET + i * stride +
                                     CSG_CONTROL_STREAM_NUM), ==, 7);
    }
    /* What is not given is as it is; used up, all is. */
    id = arm(&gpu, "{'kind': 'odd-slots', 'groups': 4}");
    for (int i = 0; i < 2; i++) {
        mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
        mali_csf_mcu_boot(&gpu);
        g_assert_cmpint(met(&gpu, id), ==, 1);
        g_assert_cmpuint(qtest_readl(gpu.qts, gpu.shared_pa +
                                     GLB_CONTROL_GROUP_NUM), ==, i ? 8 : 4);
        g_assert_cmpuint(qtest_readl(gpu.qts, gpu.shared_pa +
                                     FW_CSG_CONTROL_OFFSET +
                                     CSG_CONTROL_STREAM_NUM), ==, 8);
    }
    mali_csf_quit(&gpu);
}

/* The firmware's own memory */
static void test_firmware_access(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    arm(&b.gpu, "{'kind': 'bus-error', 'address-space': 0, 'va': %u}",
        FW_SHARED_START);
    glb_toggle(&b.gpu, GLB_PING);
    g_assert_cmpuint(mali_csf_readl(&b.gpu, A_MCU_STATUS), ==,
                     MCU_STATUS_FATAL);
    g_assert(mali_csf_wait_fault(&b.gpu, 0, LONG_ENOUGH));
    mali_csf_bench_quit(&b);
}

/*
 * Who rang before the microcontroller was stopped is not heard by the firmware
 * that boots after it.  It dies when it has been told to look at a request.
 */
static void test_doorbell_forgotten(void)
{
    enum { SOFT, HARD, SYSTEM, STOP, NUM_WAYS };
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    for (int way = 0; way < NUM_WAYS; way++) {
        int64_t id;

        mali_csf_mcu_prepare(&gpu);
        mali_csf_mcu_boot(&gpu);
        id = arm(&gpu, "{'kind': 'mcu-death'}");
        mali_csf_doorbell(&gpu, 0);
        switch (way) {
        case SOFT:
            mali_csf_writel(&gpu, A_GPU_COMMAND, GPU_RESET);
            break;
        case HARD:
            mali_csf_writel(&gpu, A_GPU_COMMAND, GPU_COMMAND_RESET |
                            GPU_RESET_HARD << R_GPU_COMMAND_PAYLOAD_SHIFT);
            break;
        case SYSTEM:
            qtest_system_reset(gpu.qts);
            break;
        default:
            mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
            break;
        }
        if (way != STOP) {
            mali_csf_mcu_prepare(&gpu);
        }
        mali_csf_mcu_boot(&gpu);
        mali_csf_run(&gpu, LONG_ENOUGH);
        g_assert_cmpint(met(&gpu, id), ==, 0);
        mali_csf_doorbell(&gpu, 0);
        g_assert(mali_csf_wait_reg(&gpu, A_MCU_STATUS, ~0u, MCU_STATUS_FATAL,
                                   MALI_CSF_TIMEOUT));
        g_assert_cmpint(met(&gpu, id), ==, 1);
        mali_csf_soft_reset(&gpu);
    }
    mali_csf_quit(&gpu);
}

/* Fields of the control blocks */

static void test_odd_field(void)
{
    /* In slot 2 and its stream 3, for what a group or a stream has */
    static const struct {
        const char *name;
        uint32_t offset;
        bool of_group;
        bool of_stream;
    } fields[] = {
        { "version", GLB_CONTROL_VERSION },
        { "glb-input", GLB_CONTROL_INPUT_VA },
        { "glb-output", GLB_CONTROL_OUTPUT_VA },
        { "group-features", CSG_CONTROL_FEATURES, true },
        { "group-input", CSG_CONTROL_INPUT_VA, true },
        { "group-output", CSG_CONTROL_OUTPUT_VA, true },
        { "suspend-size", CSG_CONTROL_SUSPEND_SIZE, true },
        { "stream-features", CS_CONTROL_FEATURES, true, true },
        { "stream-input", CS_CONTROL_INPUT_VA, true, true },
        { "stream-output", CS_CONTROL_OUTPUT_VA, true, true },
        { "group-count", GLB_CONTROL_GROUP_NUM },
        { "group-stride", GLB_CONTROL_GROUP_STRIDE },
        { "protm-suspend-size", CSG_CONTROL_PROTM_SUSPEND_SIZE, true },
        { "stream-count", CSG_CONTROL_STREAM_NUM, true },
        { "stream-stride", CSG_CONTROL_STREAM_STRIDE, true },
    };
    g_autofree char *before = g_malloc(FW_SHARED_SIZE);
    g_autofree char *after = g_malloc(FW_SHARED_SIZE);
    uint32_t group_stride, stride;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_mcu_prepare(&gpu);
    mali_csf_mcu_boot(&gpu);
    refuse(&gpu, MALI_CSF_QOM_PATH, "odd-field needs field",
           "{'kind': 'odd-field', 'value': 1}");
    group_stride = qtest_readl(gpu.qts, gpu.shared_pa +
                               GLB_CONTROL_GROUP_STRIDE);
    stride = qtest_readl(gpu.qts, gpu.shared_pa + FW_CSG_CONTROL_OFFSET +
                         CSG_CONTROL_STREAM_STRIDE);
    qtest_memread(gpu.qts, gpu.shared_pa, before, FW_SHARED_SIZE);

    for (int i = 0; i < ARRAY_SIZE(fields); i++) {
        uint32_t offset = fields[i].offset +
            (fields[i].of_group ? FW_CSG_CONTROL_OFFSET + 2 * group_stride
                                : 0) +
            (fields[i].of_stream ? CSG_CONTROL_STREAMS + 3 * stride : 0);
        int64_t id;

        g_test_message("%s", fields[i].name);
        id = fields[i].of_stream ?
             arm(&gpu, "{'kind': 'odd-field', 'field': %s, 'slot': 2,"
                 " 'stream': 3, 'value': 12345}", fields[i].name) :
             fields[i].of_group ?
             arm(&gpu, "{'kind': 'odd-field', 'field': %s, 'slot': 2,"
                 " 'value': 12345}", fields[i].name) :
             arm(&gpu, "{'kind': 'odd-field', 'field': %s,"
                 " 'value': 12345}", fields[i].name);
        /* Once, and only this word; the next boot puts it right. */
        for (int boot = 0; boot < 2; boot++) {
            mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_DISABLE);
            mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_ENABLE);
            mali_csf_run(&gpu, MALI_CSF_MS);
            g_assert_cmpint(met(&gpu, id), ==, 1);
            g_assert_cmpuint(qtest_readl(gpu.qts, gpu.shared_pa + offset) ==
                             12345, ==, !boot);
            qtest_memread(gpu.qts, gpu.shared_pa, after, FW_SHARED_SIZE);
            if (!boot) {
                memcpy(after + offset, before + offset, 4);
            }
            g_assert_cmpmem(after, FW_SHARED_SIZE, before, FW_SHARED_SIZE);
        }
    }
    mali_csf_quit(&gpu);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/mali-csf/inject/glb-ack", test_glb_ack);
    qtest_add_func("/mali-csf/inject/mcu-halt", test_mcu_halt);
    qtest_add_func("/mali-csf/inject/mcu-rogue-halt", test_mcu_rogue_halt);
    qtest_add_func("/mali-csf/inject/mcu-death", test_mcu_death);
    qtest_add_func("/mali-csf/inject/csg-ack", test_csg_ack);
    qtest_add_func("/mali-csf/inject/cs-ack", test_cs_ack);
    qtest_add_func("/mali-csf/inject/request-doorbells",
                   test_request_doorbells);
    qtest_add_func("/mali-csf/inject/cs-doorbell", test_cs_doorbell);
    qtest_add_func("/mali-csf/inject/tiler-oom", test_tiler_oom);
    qtest_add_func("/mali-csf/inject/odd-slots", test_odd_slots);
    qtest_add_func("/mali-csf/inject/odd-field", test_odd_field);
    qtest_add_func("/mali-csf/inject/firmware-access", test_firmware_access);
    qtest_add_func("/mali-csf/inject/doorbell-forgotten",
                   test_doorbell_forgotten);

    return g_test_run();
}
