/*
 * QTest for the Arm Mali CSF GPU: faults that are asked for, and the state
 * as people see it
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
#include "libqos/mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)
/* Of an injection that is late */
#define DELAY           (5 * MALI_CSF_MS)

#define GPU_RAWSTAT     (A_GPU_INT + MALI_CSF_INT_RAWSTAT)
#define GPU_CLEAR       (A_GPU_INT + MALI_CSF_INT_CLEAR)
#define GPU_MASK        (A_GPU_INT + MALI_CSF_INT_MASK)
#define GPU_STAT        (A_GPU_INT + MALI_CSF_INT_STAT)
#define JOB_RAWSTAT     (MALI_CSF_JOB_CONTROL_BASE + MALI_CSF_INT_RAWSTAT)
#define MMU_RAWSTAT     (MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT)
#define MMU_CLEAR       (MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR)

#define GPU_RESET       (GPU_COMMAND_RESET | \
                         GPU_RESET_SOFT << R_GPU_COMMAND_PAYLOAD_SHIFT)

#define DATA_VA         0x40000000ull

/* The commands */

static QDict *inject_qmp(QMaliCsf *gpu, const char *path, const char *fmt,
                         va_list *ap)
{
    QDict *args = qobject_to(QDict, qobject_from_vjsonf_nofail(fmt, *ap));

    qdict_put_str(args, "path", path);
    return qtest_qmp(gpu->qts, "{'execute': 'mali-csf-inject', 'arguments':"
                     " %p}", args);
}

/* Arm it; returns its number */
static int64_t G_GNUC_PRINTF(2, 3) arm(QMaliCsf *gpu, const char *fmt, ...)
{
    va_list ap;
    QDict *rsp;
    int64_t id;

    va_start(ap, fmt);
    rsp = inject_qmp(gpu, MALI_CSF_QOM_PATH, fmt, &ap);
    va_end(ap);
    if (!qdict_haskey(rsp, "return")) {
        g_test_message("%s", qdict_get_str(qdict_get_qdict(rsp, "error"),
                                           "desc"));
    }
    id = qdict_get_int(qdict_get_qdict(rsp, "return"), "id");
    qobject_unref(rsp);
    return id;
}

/* It is refused, and says so with these words */
static void G_GNUC_PRINTF(4, 5) refuse(QMaliCsf *gpu, const char *path,
                                       const char *words, const char *fmt,
                                       ...)
{
    const char *desc;
    va_list ap;
    QDict *rsp;

    va_start(ap, fmt);
    rsp = inject_qmp(gpu, path, fmt, &ap);
    va_end(ap);
    g_assert(qdict_haskey(rsp, "error"));
    desc = qdict_get_str(qdict_get_qdict(rsp, "error"), "desc");
    if (!strstr(desc, words)) {
        g_test_message("\"%s\" without \"%s\"", desc, words);
        g_test_fail();
    }
    qobject_unref(rsp);
}

/* How often an injection was met; -1 if there is none of that number */
static int64_t met(QMaliCsf *gpu, int64_t id)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute':"
                           " 'x-query-mali-csf-injections', 'arguments':"
                           " {'path': %s}}", MALI_CSF_QOM_PATH);
    const QListEntry *e;
    int64_t n = -1;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), e) {
        QDict *info = qobject_to(QDict, qlist_entry_obj(e));

        if (qdict_get_int(info, "id") == id) {
            n = qdict_get_int(info, "met");
        }
    }
    qobject_unref(rsp);
    return n;
}

static void clear(QMaliCsf *gpu)
{
    qtest_qmp_assert_success(gpu->qts, "{'execute': 'mali-csf-inject-clear',"
                             " 'arguments': {'path': %s}}",
                             MALI_CSF_QOM_PATH);
}

static void test_commands(void)
{
    QMaliCsf gpu;
    QDict *rsp;
    int64_t id;

    mali_csf_init(&gpu, NULL);
    refuse(&gpu, "/machine/peripheral/nobody", "there is nothing at",
           "{'kind': 'gpu-reset'}");
    refuse(&gpu, "/machine", "not a mali-csf", "{'kind': 'gpu-reset'}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "bad-luck", "{'kind': 'bad-luck'}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "gpu-reset takes no slot",
           "{'kind': 'gpu-reset', 'slot': 1}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "bus-error takes no skip",
           "{'kind': 'bus-error', 'skip': 1}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "slot 8 is not below 8",
           "{'kind': 'csg-start-ack', 'slot': 8}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "stream 8 is not below 8",
           "{'kind': 'cs-ack', 'stream': 8}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "address-space 16 is not below 16",
           "{'kind': 'bus-error', 'address-space': 16}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "data 16777216 is not below 16777216",
           "{'kind': 'cs-fatal', 'data': 16777216}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "bus-error takes no data, but count, "
           "address-space, va, size, source-id",
           "{'kind': 'bus-error', 'data': 1}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "takes no source-id",
           "{'kind': 'cs-fault', 'source-id': 1}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "source-id",
           "{'kind': 'bus-error', 'source-id': 65536}");
    refuse(&gpu, MALI_CSF_QOM_PATH,
           "exception 0xc8 is not one of 0xc0 to 0xc3",
           "{'kind': 'translation-fault', 'exception': 200}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "needs interrupt",
           "{'kind': 'irq-spurious'}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "count is to be from 1",
           "{'kind': 'irq-spurious', 'interrupt': 'mmu', 'count': 0}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "mask 0",
           "{'kind': 'irq-lost', 'mask': 0}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "size needs a va",
           "{'kind': 'bus-error', 'size': 8}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "at least one byte",
           "{'kind': 'bus-error', 'va': 0, 'size': 0}");

    /* A list that is full, and a place that is free again */
    for (int i = 0; i < 32; i++) {
        id = arm(&gpu, "{'kind': 'gpu-reset', 'count': 0}");
    }
    refuse(&gpu, MALI_CSF_QOM_PATH, "the limit", "{'kind': 'gpu-reset'}");
    qtest_qmp_assert_success(gpu.qts, "{'execute': 'mali-csf-inject-clear',"
                             " 'arguments': {'path': %s, 'id': %d}}",
                             MALI_CSF_QOM_PATH, 7);
    g_assert_cmpint(met(&gpu, 7), ==, -1);
    g_assert_cmpint(met(&gpu, 8), ==, 0);
    g_assert_cmpint(arm(&gpu, "{'kind': 'mcu-boot'}"), ==, id + 1);
    rsp = qtest_qmp(gpu.qts, "{'execute': 'mali-csf-inject-clear',"
                    " 'arguments': {'path': %s, 'id': 7}}",
                    MALI_CSF_QOM_PATH);
    g_assert(qdict_haskey(rsp, "error"));
    qobject_unref(rsp);

    clear(&gpu);
    mali_csf_soft_reset(&gpu);
    mali_csf_quit(&gpu);
}

static void assert_told(const QDict *told, const QDict *asked)
{
    const QDictEntry *e;

    for (e = qdict_first(asked); e; e = qdict_next(asked, e)) {
        QObject *value = qdict_get(told, qdict_entry_key(e));

        if (!value || !qobject_is_equal(value, qdict_entry_value(e))) {
            g_test_message("%s of %s", qdict_entry_key(e),
                           qdict_get_str(asked, "kind"));
            g_test_fail();
        }
    }
}

/* The answer and the query have each member as it was asked for. */
static void test_told(void)
{
    static const char *const requests[] = {
        "{'kind': 'as-command', 'count': 3, 'skip': 5, 'address-space': 15,"
        " 'delay-ns': 6000000001, 'command': 4}",
        "{'kind': 'glb-ack', 'count': 0, 'mask': 4294967295}",
        "{'kind': 'cs-ack', 'slot': 7, 'stream': 6}",
        "{'kind': 'irq-lost', 'interrupt': 'mmu', 'mask': 2}",
        "{'kind': 'irq-silent', 'interrupt': 'gpu'}",
        "{'kind': 'translation-fault', 'va': 140737488355328, 'size': 64,"
        " 'exception': 193, 'source-id': 65535}",
        "{'kind': 'cs-fatal', 'opcode': 255, 'exception': 80,"
        " 'data': 1193046, 'info': 9223372036854775807}",
        "{'kind': 'odd-slots', 'groups': 255, 'streams': 254}",
        "{'kind': 'odd-field', 'field': 'stream-output',"
        " 'value': 4294967294}",
    };
    QDict *asked[ARRAY_SIZE(requests)];
    QMaliCsf gpu;
    const QListEntry *e;
    QDict *rsp;
    int n = 0;

    mali_csf_init(&gpu, NULL);
    for (int i = 0; i < ARRAY_SIZE(requests); i++) {
        QDict *args;

        asked[i] = qobject_to(QDict, qobject_from_json(requests[i],
                                                       &error_abort));
        args = qdict_clone_shallow(asked[i]);
        qdict_put_str(args, "path", MALI_CSF_QOM_PATH);
        rsp = qtest_qmp(gpu.qts, "{'execute': 'mali-csf-inject',"
                        " 'arguments': %p}", args);
        assert_told(qdict_get_qdict(rsp, "return"), asked[i]);
        qobject_unref(rsp);
    }
    rsp = qtest_qmp(gpu.qts, "{'execute': 'x-query-mali-csf-injections',"
                    " 'arguments': {'path': %s}}", MALI_CSF_QOM_PATH);
    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), e) {
        assert_told(qobject_to(QDict, qlist_entry_obj(e)), asked[n++]);
    }
    g_assert_cmpint(n, ==, ARRAY_SIZE(requests));
    qobject_unref(rsp);
    for (int i = 0; i < n; i++) {
        qobject_unref(asked[i]);
    }
    mali_csf_quit(&gpu);
}

static void test_hmp(void)
{
    g_autofree char *armed = NULL, *unknown = NULL, *bad = NULL;
    g_autofree char *cleared = NULL, *gone = NULL, *word = NULL;
    g_autofree char *large = NULL;
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    unknown = qtest_hmp(gpu.qts, "mali_csf_inject bad-luck");
    g_assert_nonnull(strstr(unknown, "unknown kind 'bad-luck'"));
    g_assert_nonnull(strstr(unknown, "as-command, cache-flush"));
    bad = qtest_hmp(gpu.qts, "mali_csf_inject gpu-reset slots=2");
    g_assert_cmpstr(bad, ==, "Error: gpu-reset takes no slots, but count, "
                    "skip, delay-ns\r\n");
    word = qtest_hmp(gpu.qts, "mali_csf_inject cs-fault data");
    g_assert_nonnull(strstr(word, "data"));
    large = qtest_hmp(gpu.qts, "mali_csf_inject cs-fault data=0x1000000");
    g_assert_cmpstr(large, ==, "Error: cs-fault: data 16777216 is not below "
                    "16777216\r\n");
    armed = qtest_hmp(gpu.qts,
                      "mali_csf_inject bus-error va=0x1000,count=2");
    g_assert_nonnull(strstr(armed, "injection 1"));
    g_assert_cmpint(met(&gpu, 1), ==, 0);
    gone = qtest_hmp(gpu.qts, "mali_csf_inject_clear 5");
    g_assert_nonnull(strstr(gone, "no injection 5"));
    cleared = qtest_hmp(gpu.qts, "mali_csf_inject_clear");
    g_assert_cmpstr(cleared, ==, "");
    g_assert_cmpint(met(&gpu, 1), ==, -1);
    mali_csf_quit(&gpu);
}

/* Commands of address spaces */

static bool as_active(QMaliCsf *gpu, unsigned as)
{
    return mali_csf_readl(gpu, mali_csf_as_reg(as, A_AS_STATUS)) &
           R_AS_STATUS_AS_ACTIVE_MASK;
}

static void as_command(QMaliCsf *gpu, unsigned as, uint32_t command)
{
    mali_csf_writel(gpu, mali_csf_as_reg(as, A_AS_COMMAND), command);
    mali_csf_run(gpu, MALI_CSF_MS);
}

static void test_as_command(void)
{
    QMaliCsf gpu;
    int64_t id;

    mali_csf_init(&gpu, NULL);
    /* The second UPDATE of space 2, for ever */
    id = arm(&gpu, "{'kind': 'as-command', 'address-space': 2,"
             " 'command': %d, 'skip': 1}", AS_COMMAND_UPDATE);
    as_command(&gpu, 1, AS_COMMAND_UPDATE);
    as_command(&gpu, 2, AS_COMMAND_UNLOCK);
    as_command(&gpu, 2, AS_COMMAND_UPDATE);
    g_assert(!as_active(&gpu, 1) && !as_active(&gpu, 2));
    g_assert_cmpint(met(&gpu, id), ==, 0);
    as_command(&gpu, 2, AS_COMMAND_UPDATE);
    mali_csf_run(&gpu, 1000 * MALI_CSF_MS);
    g_assert(as_active(&gpu, 2) && !as_active(&gpu, 1));
    g_assert_cmpint(met(&gpu, id), ==, 1);
    /* Clearing it does not end what hangs; a reset does */
    clear(&gpu);
    g_assert(as_active(&gpu, 2));
    mali_csf_soft_reset(&gpu);
    g_assert(!as_active(&gpu, 2));
    as_command(&gpu, 2, AS_COMMAND_UPDATE);
    g_assert(!as_active(&gpu, 2));

    /* Late, twice */
    id = arm(&gpu, "{'kind': 'as-command', 'count': 2, 'delay-ns': %lld}",
             DELAY);
    for (int i = 0; i < 2; i++) {
        as_command(&gpu, 3, AS_COMMAND_UPDATE);
        g_assert(as_active(&gpu, 3));
        mali_csf_run(&gpu, DELAY);
        g_assert(!as_active(&gpu, 3));
    }
    as_command(&gpu, 3, AS_COMMAND_UPDATE);
    g_assert(!as_active(&gpu, 3));
    g_assert_cmpint(met(&gpu, id), ==, 2);
    mali_csf_quit(&gpu);
}

/* Something of GPU_CONTROL: written, it is done when a register says so */
typedef struct Completion {
    const char *kind;
    uint32_t write;
    uint32_t value;
    uint32_t reg;
    uint32_t mask;
    uint32_t done;
    /* Undoes it, for the next time */
    uint32_t undo;
    uint32_t undo_value;
} Completion;

static void attempt(QMaliCsf *gpu, const Completion *c)
{
    mali_csf_writel(gpu, c->undo, c->undo_value);
    mali_csf_writel(gpu, c->write, c->value);
    mali_csf_run(gpu, MALI_CSF_MS);
}

static bool is_done(QMaliCsf *gpu, const Completion *c)
{
    return (mali_csf_readl(gpu, c->reg) & c->mask) == c->done;
}

static void test_completions(void)
{
    static const Completion completions[] = {
        { "cache-flush", A_GPU_COMMAND, MALI_CSF_FLUSH_ALL, GPU_RAWSTAT,
          R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK,
          R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK, GPU_CLEAR, ~0u },
        { "gpu-reset", A_GPU_COMMAND, GPU_RESET, GPU_RAWSTAT,
          R_GPU_INT_RESET_COMPLETED_MASK, R_GPU_INT_RESET_COMPLETED_MASK,
          GPU_CLEAR, ~0u },
        { "l2-power-on", A_L2_PWRON_LO, 1, A_L2_READY_LO, 1, 1,
          A_L2_PWROFF_LO, 1 },
        { "l2-power-off", A_L2_PWROFF_LO, 1, A_L2_READY_LO, 1, 0,
          A_L2_PWRON_LO, 1 },
        { "mcu-stop", A_MCU_CONTROL, MCU_CONTROL_DISABLE, A_MCU_STATUS, ~0u,
          MCU_STATUS_DISABLED, A_MCU_CONTROL, MCU_CONTROL_ENABLE },
        { "mcu-boot", A_MCU_CONTROL, MCU_CONTROL_ENABLE, A_MCU_STATUS, ~0u,
          MCU_STATUS_ENABLED, A_MCU_CONTROL, MCU_CONTROL_DISABLE },
    };

    for (int i = 0; i < ARRAY_SIZE(completions); i++) {
        const Completion *c = &completions[i];
        QMaliCsf gpu;
        int64_t id;

        g_test_message("%s", c->kind);
        mali_csf_init(&gpu, NULL);
        if (c->write == A_MCU_CONTROL) {
            /* Without its memory it would die at once. */
            mali_csf_mcu_prepare(&gpu);
        }
        attempt(&gpu, c);
        g_assert(is_done(&gpu, c));

        /* Never, after one that is let go by */
        id = arm(&gpu, "{'kind': %s, 'count': 2, 'skip': 1}", c->kind);
        attempt(&gpu, c);
        g_assert(is_done(&gpu, c));
        for (int n = 0; n < 2; n++) {
            attempt(&gpu, c);
            g_assert(!is_done(&gpu, c));
            mali_csf_run(&gpu, 20 * MALI_CSF_MS);
            g_assert(!is_done(&gpu, c));
        }
        g_assert_cmpint(met(&gpu, id), ==, 2);
        attempt(&gpu, c);
        g_assert(is_done(&gpu, c));

        /* Late */
        id = arm(&gpu, "{'kind': %s, 'count': 0, 'delay-ns': %lld}", c->kind,
                 DELAY);
        attempt(&gpu, c);
        g_assert(!is_done(&gpu, c));
        mali_csf_run(&gpu, DELAY);
        g_assert(is_done(&gpu, c));
        g_assert_cmpint(met(&gpu, id), ==, 1);

        clear(&gpu);
        attempt(&gpu, c);
        g_assert(is_done(&gpu, c));
        mali_csf_quit(&gpu);
    }
}

/* Firmware */

static bool glb_acked(QMaliCsf *gpu, uint32_t mask)
{
    return !((qtest_readl(gpu->qts, gpu->glb_in + GLB_REQ) ^
              qtest_readl(gpu->qts, gpu->glb_out + GLB_ACK)) & mask);
}

static void glb_toggle(QMaliCsf *gpu, uint32_t mask)
{
    mali_csf_toggle(gpu, gpu->glb_in + GLB_REQ, gpu->glb_out + GLB_ACK, mask);
    mali_csf_doorbell(gpu, 0);
    mali_csf_run(gpu, MALI_CSF_MS);
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

/* A request of the group in slot 0, and no wait for the acknowledgement */
static uint32_t csg_request(QMaliCsfBench *b, int request)
{
    QMaliCsf *gpu = &b->gpu;
    uint64_t req = gpu->csg_in[0] + CSG_REQ;

    switch (request) {
    case CSG_STATUS_UPDATE:
    case CSG_EP_CFG:
        mali_csf_toggle(gpu, req, gpu->csg_out[0] + CSG_ACK, request);
        mali_csf_csg_ring(gpu, 0);
        break;
    default:
        if (request == CSG_STATE_START || request == CSG_STATE_RESUME) {
            mali_csf_group_program(&b->group, 0);
        }
        mali_csf_update(gpu, req, request, CSG_STATE_MASK);
        mali_csf_csg_ring(gpu, 0);
        request = CSG_STATE_MASK;
    }
    mali_csf_run(gpu, MALI_CSF_MS);
    return request;
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
    int64_t id, other;
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

/* Interrupts */

static void test_irq_lost(void)
{
    const uint32_t flushed = R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK;
    QMaliCsf gpu;
    int64_t id, other;

    mali_csf_init(&gpu, NULL);
    mali_csf_intercept_irqs(&gpu);
    mali_csf_writel(&gpu, GPU_MASK, ~0u);
    other = arm(&gpu, "{'kind': 'irq-lost', 'interrupt': 'mmu'}");
    id = arm(&gpu, "{'kind': 'irq-lost', 'interrupt': 'gpu', 'mask': %u,"
             " 'count': 2}", flushed);
    /* Another bit of it */
    mali_csf_writel(&gpu, A_L2_PWRON_LO, 1);
    g_assert(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    mali_csf_writel(&gpu, GPU_CLEAR, ~0u);
    for (int i = 0; i < 2; i++) {
        mali_csf_writel(&gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
        mali_csf_run(&gpu, MALI_CSF_MS);
        g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT), ==, 0);
        g_assert(!qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    }
    g_assert_cmpint(met(&gpu, id), ==, 2);
    g_assert_cmpint(met(&gpu, other), ==, 0);
    mali_csf_writel(&gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT), ==, flushed);
    g_assert(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    mali_csf_quit(&gpu);
}

static void test_irq_silent(void)
{
    const uint32_t flushed = R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK;
    QMaliCsf gpu;
    int64_t id;

    mali_csf_init(&gpu, NULL);
    mali_csf_intercept_irqs(&gpu);
    mali_csf_writel(&gpu, GPU_MASK, ~0u);
    id = arm(&gpu, "{'kind': 'irq-silent', 'interrupt': 'gpu'}");
    mali_csf_writel(&gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    g_assert_cmpint(met(&gpu, id), ==, 1);
    /* Whoever looks finds it */
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_STAT), ==, flushed);
    g_assert(!qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    mali_csf_writel(&gpu, GPU_MASK, ~0u);
    g_assert(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    mali_csf_writel(&gpu, GPU_CLEAR, ~0u);
    mali_csf_writel(&gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    g_assert(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    mali_csf_quit(&gpu);
}

static void test_irq_spurious(void)
{
    QMaliCsf gpu;
    int64_t id;
    int rises = 0;

    mali_csf_init(&gpu, NULL);
    mali_csf_intercept_irqs(&gpu);
    mali_csf_writel(&gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK, ~0u);

    /* No bit says why, and it is gone when somebody looks */
    id = arm(&gpu, "{'kind': 'irq-spurious', 'interrupt': 'mmu',"
             " 'delay-ns': %lld}", DELAY);
    mali_csf_run(&gpu, DELAY - MALI_CSF_MS);
    g_assert(!qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_run(&gpu, 2 * MALI_CSF_MS);
    g_assert(qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
    g_assert(!qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    g_assert_cmphex(mali_csf_readl(&gpu, MMU_RAWSTAT), ==, 0);
    g_assert(!qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
    g_assert_cmpint(met(&gpu, id), ==, 1);

    /* A fault that was none */
    id = arm(&gpu, "{'kind': 'irq-spurious', 'interrupt': 'mmu', 'mask': 4}");
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert_cmphex(mali_csf_readl(&gpu, MMU_RAWSTAT), ==, 4);
    g_assert(qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_writel(&gpu, MMU_CLEAR, ~0u);
    g_assert(!qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));

    /* A storm has an end */
    id = arm(&gpu, "{'kind': 'irq-spurious', 'interrupt': 'mmu', 'mask': 8,"
             " 'count': 20, 'delay-ns': 1000000}");
    for (int i = 0; i < 100; i++) {
        mali_csf_run(&gpu, MALI_CSF_MS / 2);
        if (qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU)) {
            rises++;
            mali_csf_writel(&gpu, MMU_CLEAR, ~0u);
        }
    }
    g_assert_cmpint(rises, ==, 20);
    g_assert_cmpint(met(&gpu, id), ==, 20);

    /* Cleared, it comes no more */
    arm(&gpu, "{'kind': 'irq-spurious', 'interrupt': 'mmu'}");
    clear(&gpu);
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert(!qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_quit(&gpu);
}

/* Accesses */

static void test_accesses(void)
{
    static const struct {
        const char *kind;
        uint8_t exception;
    } kinds[] = {
        { "translation-fault", AS_FAULT_TRANSLATION + 3 },
        { "permission-fault", AS_FAULT_PERMISSION + 3 },
        { "access-flag-fault", AS_FAULT_ACCESS_FLAG + 3 },
        { "bus-error", AS_FAULT_GPU_BUS },
    };

    for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
        QMaliCsfBuffer data;
        int64_t id, other;
        QMaliCsfBench b;

        g_test_message("%s", kinds[i].kind);
        mali_csf_bench_init(&b, NULL);
        data = mali_csf_vm_alloc_at(&b.vm, DATA_VA, 2 * MALI_CSF_PAGE, 0);
        qtest_writel(b.gpu.qts, data.pa + 0x10, 0x600d);
        qtest_writel(b.gpu.qts, data.pa + MALI_CSF_PAGE, 0x600e);
        other = arm(&b.gpu, "{'kind': %s, 'address-space': 2, 'va': %llu}",
                    kinds[i].kind, DATA_VA);
        id = arm(&b.gpu, "{'kind': %s, 'address-space': 1, 'va': %llu,"
                 " 'size': 4}", kinds[i].kind, DATA_VA + 0x10);
        /* Beside it */
        mali_csf_bench_load(&b, DATA_VA + 0xc);
        mali_csf_bench_load(&b, DATA_VA + 0x14);
        g_assert_cmphex(mali_csf_bench_load(&b, DATA_VA + MALI_CSF_PAGE), ==,
                        0x600e);
        g_assert_cmpint(met(&b.gpu, id), ==, 0);

        mali_csf_bench_submit_load(&b, DATA_VA + 0x10, 0);
        mali_csf_assert_fault(&b.gpu, 1, kinds[i].exception, AS_ACCESS_READ,
                              DATA_VA + 0x10);
        g_assert_cmpint(met(&b.gpu, id), ==, 1);
        /* An UPDATE that keeps the translation has it done again */
        mali_csf_writel(&b.gpu, MMU_CLEAR, ~0u);
        mali_csf_vm_enable(&b.vm);
        g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
        g_assert_cmphex(mali_csf_bench_out(&b, 0), ==, 0x600d);
        g_assert_cmphex(mali_csf_readl(&b.gpu, MMU_RAWSTAT) & 0xffff, ==, 0);
        g_assert_cmpint(met(&b.gpu, id), ==, 1);
        g_assert_cmpint(met(&b.gpu, other), ==, 0);

        /* Until it is cleared; and a fetch is an access to the whole page */
        clear(&b.gpu);
        id = arm(&b.gpu, "{'kind': %s, 'address-space': 1, 'va': %llu,"
                 " 'size': 8, 'count': 0}", kinds[i].kind,
                 (unsigned long long)b.code.va + 0x100);
        mali_csf_bench_call(&b, (const uint64_t[]) { cs_nop() }, 1);
        mali_csf_assert_fault(&b.gpu, 1, kinds[i].exception, AS_ACCESS_READ,
                              b.code.va);
        mali_csf_writel(&b.gpu, MMU_CLEAR, ~0u);
        mali_csf_vm_enable(&b.vm);
        g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
        g_assert_cmpint(met(&b.gpu, id), ==, 2);
        clear(&b.gpu);
        mali_csf_writel(&b.gpu, MMU_CLEAR, ~0u);
        mali_csf_vm_enable(&b.vm);
        g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
        mali_csf_bench_quit(&b);
    }
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

/* Instructions */

/* Three ADDs, a store of what came of them */
static void submit_adds(QMaliCsfBench *b)
{
    const uint64_t job[] = {
        cs_error_barrier(),
        cs_move48(2, b->out.va),
        cs_move32(4, 0),
        cs_add_imm32(4, 4, 1),
        cs_add_imm32(4, 4, 10),
        cs_add_imm32(4, 4, 100),
        cs_store_multiple(4, 1, 2, 0),
        cs_wait(1 << 0),
    };

    mali_csf_queue_submit(b->queue, job, ARRAY_SIZE(job));
}

static void test_cs_fault(void)
{
    QMaliCsfBench b;
    int64_t id, other;

    mali_csf_bench_init(&b, NULL);
    other = arm(&b.gpu, "{'kind': 'cs-fault', 'slot': 0, 'stream': 1}");
    id = arm(&b.gpu, "{'kind': 'cs-fault', 'slot': 0, 'stream': 0,"
             " 'opcode': %d, 'skip': 1, 'exception': 75}", CS_OP_ADD_IMM32);
    submit_adds(&b);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FAULT) & 0xff, ==, 75);
    g_assert_cmpint(met(&b.gpu, id), ==, 1);
    g_assert_cmpint(met(&b.gpu, other), ==, 0);
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));

    submit_adds(&b);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmpuint(mali_csf_bench_out(&b, 0), ==, 111);
    mali_csf_bench_quit(&b);
}

/* The words that a board logged, and the largest ones */
static void test_cs_fault_words(void)
{
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    arm(&b.gpu, "{'kind': 'cs-fault', 'opcode': %d, 'exception': 72,"
        " 'data': 12, 'info': 0}", CS_OP_ADD_IMM32);
    submit_adds(&b);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FAULT,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FAULT), ==, 0xc48);
    g_assert_cmphex(mali_csf_queue_status64(b.queue, CS_FAULT_INFO), ==, 0);
    mali_csf_queue_ack_event(b.queue, CS_EVENT_FAULT);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));

    arm(&b.gpu, "{'kind': 'cs-fatal', 'data': 16777215,"
        " 'info': 18446744073709551614}");
    submit_adds(&b);
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL), ==,
                    0xffffff00 | CS_EXCEPTION_UNRECOVERABLE);
    g_assert_cmphex(mali_csf_queue_status64(b.queue, CS_FATAL_INFO), ==,
                    UINT64_MAX - 1);
    mali_csf_bench_quit(&b);
}

static void test_fault_source(void)
{
    QMaliCsfBench b;
    QMaliCsf gpu;

    mali_csf_bench_init(&b, NULL);
    arm(&b.gpu, "{'kind': 'translation-fault', 'va': %llu, 'exception': 193,"
        " 'source-id': 8448}", (unsigned long long)b.out.va);
    mali_csf_bench_submit_load(&b, b.out.va, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&b.gpu,
                                   mali_csf_as_reg(1, A_AS_FAULTSTATUS)), ==,
                    0x210002c1);
    mali_csf_bench_quit(&b);

    mali_csf_init(&gpu, NULL);
    arm(&gpu, "{'kind': 'gpu-fault', 'source-id': 4660}");
    mali_csf_run(&gpu, LONG_ENOUGH);
    g_assert_cmphex(mali_csf_readl(&gpu, A_GPU_FAULTSTATUS) >> 16, ==, 0x1234);
    mali_csf_quit(&gpu);
}

static void test_cs_fatal(void)
{
    const uint64_t code[] = {
        cs_nop(), cs_nop(), cs_nop(),
    };
    QMaliCsfBench b;
    uint64_t info;
    int64_t id;

    mali_csf_bench_init(&b, NULL);
    id = arm(&b.gpu, "{'kind': 'cs-fatal', 'va': %llu}",
             (unsigned long long)b.code.va + 8);
    submit_adds(&b);
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    g_assert_cmpint(met(&b.gpu, id), ==, 0);
    mali_csf_bench_call(&b, code, ARRAY_SIZE(code));
    g_assert(mali_csf_queue_wait_event(b.queue, CS_EVENT_FATAL,
                                       LONG_ENOUGH));
    g_assert_cmphex(mali_csf_queue_status(b.queue, CS_FATAL) & 0xff, ==,
                    CS_EXCEPTION_UNRECOVERABLE);
    info = mali_csf_queue_status64(b.queue, CS_FATAL_INFO);
    g_assert_cmphex(info, ==, b.code.va + 8);
    g_assert_cmpint(met(&b.gpu, id), ==, 1);

    /* A new group is none the worse */
    mali_csf_group_terminate(&b.group);
    mali_csf_group_init(&b.vm, &b.group, 1);
    mali_csf_group_start(&b.group, 0);
    mali_csf_bench_call(&b, code, ARRAY_SIZE(code));
    g_assert(mali_csf_queue_wait(b.queue, MALI_CSF_TIMEOUT));
    mali_csf_bench_quit(&b);
}

/* Resets */

static int64_t reset_count(QMaliCsf *gpu)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute': 'qom-get', 'arguments':"
                           " {'path': %s, 'property': 'reset-count'}}",
                           MALI_CSF_QOM_PATH);
    int64_t n = qdict_get_int(rsp, "return");

    qobject_unref(rsp);
    return n;
}

static void test_resets(void)
{
    QMaliCsf gpu;
    int64_t id;

    mali_csf_init(&gpu, NULL);
    id = arm(&gpu, "{'kind': 'cache-flush', 'count': 0, 'delay-ns': %lld}",
             DELAY);
    /* Neither reset clears it, but what is under way is forgotten */
    mali_csf_writel(&gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT), ==, 0);
    g_assert_cmpint(reset_count(&gpu), ==, 0);
    mali_csf_soft_reset(&gpu);
    g_assert_cmpint(reset_count(&gpu), ==, 1);
    mali_csf_run(&gpu, 2 * DELAY);
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT), ==, 0);
    mali_csf_writel(&gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    qtest_system_reset(gpu.qts);
    mali_csf_run(&gpu, 2 * DELAY);
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT), ==, 0);
    mali_csf_writel(&gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT), ==, 0);
    g_assert_cmpint(met(&gpu, id), ==, 3);
    mali_csf_run(&gpu, 2 * DELAY);
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT), ==,
                    R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK);
    mali_csf_quit(&gpu);
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

/* The GPU's own faults */

#define FAULT_DELAY     (20 * MALI_CSF_US)

static void assert_gpu_fault(QMaliCsf *gpu, uint32_t status, uint64_t address)
{
    g_assert_cmphex(mali_csf_readl(gpu, A_GPU_FAULTSTATUS), ==, status);
    g_assert_cmphex(mali_csf_readq(gpu, A_GPU_FAULTADDRESS_LO), ==, address);
}

static void test_gpu_fault(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    mali_csf_intercept_irqs(&gpu);
    mali_csf_writel(&gpu, GPU_MASK, R_GPU_INT_FAULT_MASK);
    refuse(&gpu, MALI_CSF_QOM_PATH, "gpu-fault takes no skip",
           "{'kind': 'gpu-fault', 'skip': 1}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "gpu-fault: count is to be",
           "{'kind': 'gpu-fault', 'count': 0}");
    arm(&gpu, "{'kind': 'gpu-fault', 'exception': 138,"
        " 'va': 1311768467463790320, 'delay-ns': %lld}", FAULT_DELAY);
    mali_csf_run(&gpu, FAULT_DELAY / 2);
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT), ==, 0);
    mali_csf_run(&gpu, FAULT_DELAY);
    g_assert_cmphex(mali_csf_readl(&gpu, GPU_RAWSTAT), ==,
                    R_GPU_INT_FAULT_MASK);
    g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    assert_gpu_fault(&gpu, 0x68a, 0x123456789abcdef0ull);

    /* The first one stays until the host has heard of it. */
    arm(&gpu, "{'kind': 'gpu-fault'}");
    mali_csf_run(&gpu, FAULT_DELAY);
    assert_gpu_fault(&gpu, 0x68a, 0x123456789abcdef0ull);
    mali_csf_writel(&gpu, GPU_CLEAR, R_GPU_INT_FAULT_MASK);
    g_assert_false(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    assert_gpu_fault(&gpu, 0x68a, 0x123456789abcdef0ull);
    arm(&gpu, "{'kind': 'gpu-fault'}");
    mali_csf_run(&gpu, FAULT_DELAY);
    g_assert_true(qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
    assert_gpu_fault(&gpu, 0x280, 0);

    mali_csf_writel(&gpu, A_GPU_COMMAND, GPU_COMMAND_CLEAR_FAULT);
    assert_gpu_fault(&gpu, 0, 0);
    mali_csf_writel(&gpu, GPU_CLEAR, R_GPU_INT_FAULT_MASK);
    arm(&gpu, "{'kind': 'gpu-fault', 'va': 4096}");
    mali_csf_run(&gpu, FAULT_DELAY);
    assert_gpu_fault(&gpu, 0x680, 4096);
    mali_csf_soft_reset(&gpu);
    assert_gpu_fault(&gpu, 0, 0);
    mali_csf_quit(&gpu);
}

/* The state, for people */

/* The state says so, in both monitors */
static void G_GNUC_PRINTF(2, 3) see(QMaliCsf *gpu, const char *fmt, ...)
{
    g_autofree char *hmp = qtest_hmp(gpu->qts, "info mali-csf");
    g_auto(GStrv) lines = g_strsplit(hmp, "\r", -1);
    g_autofree char *plain = g_strjoinv("", lines);
    g_autofree char *text = mali_csf_query(gpu);
    g_autofree char *words = NULL;
    va_list ap;

    va_start(ap, fmt);
    words = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (!strstr(text, words)) {
        g_test_message("no \"%s\" in", words);
        g_test_message("%s", text);
        g_test_fail();
    }
    g_assert_nonnull(strstr(plain, words));
}

static void unseen(QMaliCsf *gpu, const char *words)
{
    g_autofree char *text = mali_csf_query(gpu);

    g_assert_null(strstr(text, words));
}

static void test_query_machine(void)
{
    QMaliCsf gpu;
    QDict *rsp;

    mali_csf_init(&gpu, NULL);
    see(&gpu, "/machine/peripheral/gpu: model g610");
    see(&gpu, "microcontroller: disabled");
    see(&gpu, "checker: off");
    see(&gpu, "injections: none");
    see(&gpu, "unmodelled registers: none");
    rsp = qtest_qmp(gpu.qts, "{'execute': 'x-query-mali-csf', 'arguments':"
                    " {'path': '/machine'}}");
    g_assert(qdict_haskey(rsp, "error"));
    qobject_unref(rsp);

    /* Registers that mean nothing */
    for (unsigned as = 0; as < 8; as++) {
        mali_csf_writeq(&gpu, mali_csf_as_reg(as, A_AS_TRANSTAB_LO),
                        0xfffffffffffff000ull);
        mali_csf_writeq(&gpu, mali_csf_as_reg(as, A_AS_TRANSCFG_LO),
                        as % 2 ? ~0ull : 0x6ull | (uint64_t)as << 6);
        see(&gpu, "%u: unmapped\n     no UPDATE yet", as);
        mali_csf_as_command(&gpu, as, AS_COMMAND_UPDATE);
    }
    see(&gpu, "7: reserved mode");
    mali_csf_writel(&gpu, A_MCU_CONTROL, MCU_CONTROL_ENABLE);
    see(&gpu, "microcontroller: enabled, boots");
    mali_csf_run(&gpu, LONG_ENOUGH);
    see(&gpu, "microcontroller: fatal");
    see(&gpu, "fault: FAULTSTATUS");
    mali_csf_writel(&gpu, 0xffc, 1);
    see(&gpu, "0x00ffc: 0 reads, 1 writes");
    arm(&gpu, "{'kind': 'cache-flush', 'delay-ns': %lld}", DELAY);
    see(&gpu, "1: cache-flush, met 0 of 1");
    mali_csf_writel(&gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    see(&gpu, "1: cache-flush, met 1 of 1, used up");
    see(&gpu, "cache-flush will complete late");
    mali_csf_soft_reset(&gpu);
    see(&gpu, "microcontroller: disabled");
    mali_csf_quit(&gpu);
}

static void test_query_streams(void)
{
    const uint64_t wait[] = {
        cs_move48(0, DATA_VA), cs_move32(2, 0),
        cs_sync_wait(CS_OP_SYNC_WAIT32, 0, 2, CS_COND_GT, 0),
    };
    QMaliCsfBuffer data;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, "-global mali-csf.strict=report");
    data = mali_csf_vm_alloc_at(&b.vm, DATA_VA, MALI_CSF_PAGE, 0);
    see(&b.gpu, "microcontroller: enabled\n");
    see(&b.gpu, "1: 4 KiB granule, TRANSTAB 0x%" PRIx64 ", 48 bits",
        b.vm.root);
    see(&b.gpu, "slot 0: address space 1");
    see(&b.gpu, "stream 0: empty");
    see(&b.gpu, "slot 1: free");
    /* The mapping above was made with no region held. */
    see(&b.gpu, "checker: 1 violations, 0 notes\n  change-outside-lock: 1");

    /* Stalled, in a region that is held */
    mali_csf_lock(&b.gpu, 1, mali_csf_pack_region(DATA_VA, MALI_CSF_PAGE));
    mali_csf_bench_submit_load(&b, DATA_VA + 4, 0);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    see(&b.gpu, "locked: 0x%llx-0x%llx", DATA_VA, DATA_VA + 0x7fff);
    see(&b.gpu, "slot 0 stream 0 is stalled by a lock at 0x%llx",
        DATA_VA + 4);
    see(&b.gpu, "stream 0: stalled by a lock");
    see(&b.gpu, " LOAD_MULTIPLE ");
    see(&b.gpu, "      r00 40000004 00000000");
    mali_csf_unlock(&b.gpu, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    see(&b.gpu, "stream 0: empty");

    /* At a sync object; then a command that hangs, and a request too */
    qtest_writel(b.gpu.qts, data.pa, 0);
    mali_csf_queue_submit(b.queue, wait, ARRAY_SIZE(wait));
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    see(&b.gpu, "sync object 0x%llx, condition", DATA_VA);
    see(&b.gpu, " SYNC_WAIT32 ");
    arm(&b.gpu, "{'kind': 'as-command', 'address-space': 1}");
    mali_csf_writel(&b.gpu, mali_csf_as_reg(1, A_AS_COMMAND),
                    AS_COMMAND_UPDATE);
    see(&b.gpu, "command 1 never ends");
    arm(&b.gpu, "{'kind': 'csg-status-update-ack'}");
    csg_request(&b, CSG_STATUS_UPDATE);
    see(&b.gpu, "bits 0x20000020");
    arm(&b.gpu, "{'kind': 'ping-ack', 'count': 0}");
    glb_toggle(&b.gpu, GLB_PING);
    see(&b.gpu, "global pending: REQ");
    see(&b.gpu, "ping-ack, met 1, until it is cleared");
    clear(&b.gpu);

    /* Faults of every kind: another group, on its own */
    mali_csf_group_terminate(&b.group);
    see(&b.gpu, "slot 0: free");
    mali_csf_soft_reset(&b.gpu);
    mali_csf_bench_quit(&b);

    mali_csf_bench_init(&b, NULL);
    mali_csf_bench_submit_load(&b, DATA_VA + 4, 0);
    g_assert(mali_csf_wait_fault(&b.gpu, 1, LONG_ENOUGH));
    see(&b.gpu, "stream 0: stopped by an MMU fault");
    see(&b.gpu, "at 0x%llx\n     slot 0 stream 0 is stopped by an MMU fault",
        DATA_VA + 4);
    mali_csf_as_disable(&b.gpu, 1);
    mali_csf_run(&b.gpu, LONG_ENOUGH);
    see(&b.gpu, "stream 0: dead");
    see(&b.gpu, "not readable");
    mali_csf_bench_quit(&b);
}

/* Power, interrupts, flushes, the TLB, and what has been asked for */
static void test_query_counters(void)
{
    const uint64_t draw[] = {
        cs_move48(50, DATA_VA), cs_heap_set(50),
        (uint64_t)CS_OP_RUN_IDVS << CS_OPCODE_SHIFT,
    };
    QMaliCsfBench b;
    QMaliCsf *gpu = &b.gpu;

    mali_csf_init(gpu, NULL);
    see(gpu, "power: L2 0x0, tiler 0x0, shader 0x0\n");
    mali_csf_l2_on(gpu);
    see(gpu, "power: L2 0x1, ");
    see(gpu, "flush identifier: 1\n");
    mali_csf_writel(gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    see(gpu, "flush identifier: 2\n");
    mali_csf_writel(gpu, GPU_CLEAR, ~0u);
    mali_csf_writel(gpu, GPU_MASK, 0);
    mali_csf_writel(gpu, A_GPU_COMMAND, MALI_CSF_FLUSH_ALL);
    see(gpu, "gpu: rawstat 0x%08x, mask 0x00000000, line low",
        (unsigned)R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK);
    mali_csf_writel(gpu, GPU_MASK, R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK);
    see(gpu, "gpu: rawstat 0x%08x, mask 0x%08x, line high",
        (unsigned)R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK,
        (unsigned)R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK);
    see(gpu, "TLB: 0 of ");
    see(gpu, " entries, 0 hits, 0 misses");
    see(gpu, "stalls: 0, faults: 0, parked passes: 0");
    mali_csf_quit(gpu);

    mali_csf_bench_init(&b, NULL);
    mali_csf_vm_alloc_at(&b.vm, DATA_VA, MALI_CSF_PAGE, 0);
    unseen(gpu, "entries, 0 hits");
    unseen(gpu, ", 0 misses");
    /* A doorbell and a request that nobody has looked at yet */
    mali_csf_queue_push(b.queue, draw, ARRAY_SIZE(draw));
    mali_csf_queue_kick(b.queue);
    see(gpu, "doorbells 0x2,");
    arm(gpu, "{'kind': 'tiler-oom', 'count': 0}");
    mali_csf_run(gpu, LONG_ENOUGH);
    see(gpu, "doorbells 0x0,");
    see(gpu, "the tiler waits for 1 chunks of the heap 0x%llx, the host was "
        "asked", DATA_VA);
    see(gpu, "      pending: REQ ");
    see(gpu, "bits 0x%08x\n", (unsigned)CS_TILER_OOM);
    mali_csf_bench_quit(&b);
}

static void test_query_tables(void)
{
    const uint64_t va = 0x4000000000ull;
    QMaliCsfBench b;

    mali_csf_bench_init(&b, NULL);
    mali_csf_map(&b.vm, va, MALI_CSF_RAM_FREE, 3 * MALI_CSF_PAGE, 0);
    mali_csf_map(&b.vm, va + 3 * MALI_CSF_PAGE, MALI_CSF_RAM_FREE,
                 MALI_CSF_PAGE, MALI_CSF_PTE_AP_RDONLY);
    mali_csf_map(&b.vm, va + 5 * MALI_CSF_PAGE, MALI_CSF_RAM_FREE,
                 MALI_CSF_PAGE, MALI_CSF_PTE_XN);
    see(&b.gpu, "     maps 0x4000000000-0x4000002fff, writable, executable: 3 "
        "of 4 KiB\n"
        "     maps 0x4000003000-0x4000003fff, read-only, executable: 1 of "
        "4 KiB\n"
        "     maps 0x4000005000-0x4000005fff, writable, not executable: 1 of "
        "4 KiB\n");
    unseen(&b.gpu, "maps more");
    for (int i = 1; i < 3; i++) {
        mali_csf_map_leaf(&b.vm, va + i * MALI_CSF_BLOCK_2M,
                          MALI_CSF_RAM_FREE, 2, 0);
    }
    see(&b.gpu, "maps 0x4000200000-0x40005fffff, writable, executable: 2 of "
        "2 MiB\n");
    /* No more than so many lines */
    for (int i = 0; i < 16; i++) {
        mali_csf_map(&b.vm, va + (8 + 2 * i) * MALI_CSF_PAGE,
                     MALI_CSF_RAM_FREE, MALI_CSF_PAGE, 0);
    }
    see(&b.gpu, "     maps more\n");
    unseen(&b.gpu, "2 MiB");
    /* The firmware's tables are of another space, and none is of a third. */
    see(&b.gpu, "     maps 0x4000000-0x");
    mali_csf_as_disable(&b.gpu, 1);
    unseen(&b.gpu, "maps 0x4000000000");
    mali_csf_bench_quit(&b);
}

static void test_query_spin(void)
{
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    for (int i = 0; i < 49990; i++) {
        mali_csf_readl(&gpu, mali_csf_as_reg(3, A_AS_STATUS));
        if (i % 10 == 0) {
            mali_csf_readl(&gpu, A_GPU_STATUS);
        }
    }
    mali_csf_writel(&gpu, GPU_CLEAR, 0);
    for (int i = 0; i < 20; i++) {
        mali_csf_readl(&gpu, mali_csf_as_reg(3, A_AS_STATUS));
    }
    see(&gpu, "no write between: 49990 of AS_STATUS of address space 3");
    unseen(&gpu, "spins");
    for (int i = 0; i < 50000; i++) {
        mali_csf_readl(&gpu, mali_csf_as_reg(3, A_AS_STATUS));
    }
    see(&gpu, "warning: the guest spins on AS_STATUS of address space 3");
    mali_csf_writel(&gpu, GPU_CLEAR, 0);
    unseen(&gpu, "spins");
    mali_csf_quit(&gpu);
}

/* Power */

#define PWR(offset)     (MALI_CSF_PWR_BASE + (offset))
#define PWR_RAWSTAT     PWR(A_PWR_INT + MALI_CSF_INT_RAWSTAT)
#define PWR_CLEAR       PWR(A_PWR_INT + MALI_CSF_INT_CLEAR)

/* Either generation has a register for it, and a command */
static void power_l2(QMaliCsf *gpu, bool pwr, bool on)
{
    if (pwr) {
        mali_csf_writeq(gpu, PWR(A_PWR_CMDARG_LO), 1);
        mali_csf_writel(gpu, PWR(A_PWR_COMMAND), on ? PWR_COMMAND_POWER_UP :
                        PWR_COMMAND_POWER_DOWN);
    } else {
        mali_csf_writel(gpu, on ? A_L2_PWRON_LO : A_L2_PWROFF_LO, 1);
    }
}

static void assert_l2(QMaliCsf *gpu, bool pwr, uint64_t ready,
                      uint64_t transition)
{
    g_assert_cmphex(mali_csf_readq(gpu, pwr ? PWR(PWR_DOMAIN_L2_BASE +
                                                  PWR_DOMAIN_READY) :
                                   A_L2_READY_LO), ==, ready);
    g_assert_cmphex(mali_csf_readq(gpu, pwr ? PWR(PWR_DOMAIN_L2_BASE +
                                                  PWR_DOMAIN_PWRTRANS) :
                                   A_L2_PWRTRANS_LO), ==, transition);
}

static void test_l2_transition(void)
{
    for (int pwr = 0; pwr < 2; pwr++) {
        QMaliCsf gpu;
        int64_t id;

        mali_csf_init(&gpu, pwr ? "-global mali-csf.model=g1-ultra" : NULL);
        id = arm(&gpu, "{'kind': 'l2-transition', 'skip': 1, 'count': 2,"
                 " 'delay-ns': %lld}", DELAY);
        power_l2(&gpu, pwr, true);
        assert_l2(&gpu, pwr, 1, 0);
        for (int on = 0; on < 2; on++) {
            power_l2(&gpu, pwr, on);
            assert_l2(&gpu, pwr, on, 1);
            mali_csf_run(&gpu, DELAY / 2);
            assert_l2(&gpu, pwr, on, 1);
            mali_csf_run(&gpu, DELAY);
            assert_l2(&gpu, pwr, on, 0);
        }
        g_assert_cmpint(met(&gpu, id), ==, 2);

        /* Neither time nor another command ends it, but a reset does. */
        arm(&gpu, "{'kind': 'l2-transition'}");
        power_l2(&gpu, pwr, false);
        mali_csf_run(&gpu, 2 * DELAY);
        power_l2(&gpu, pwr, true);
        assert_l2(&gpu, pwr, 1, 1);
        see(&gpu, "L2 in transition: 0x1");
        clear(&gpu);
        assert_l2(&gpu, pwr, 1, 1);
        if (pwr) {
            mali_csf_writel(&gpu, PWR(A_PWR_COMMAND), PWR_COMMAND_RESET_SOFT);
        } else {
            mali_csf_soft_reset(&gpu);
        }
        assert_l2(&gpu, pwr, 0, 0);
        mali_csf_quit(&gpu);
    }
}

static void test_pwr_refusals(void)
{
    static const struct {
        const char *kind;
        uint32_t interrupt;
    } refusals[] = {
        { "pwr-not-allowed", R_PWR_INT_COMMAND_NOT_ALLOWED_MASK },
        { "pwr-invalid", R_PWR_INT_COMMAND_INVALID_MASK },
    };
    QMaliCsf gpu;

    mali_csf_init(&gpu, NULL);
    for (int i = 0; i < ARRAY_SIZE(refusals); i++) {
        refuse(&gpu, MALI_CSF_QOM_PATH, "PWR_CONTROL, which g610 does not",
               "{'kind': %s}", refusals[i].kind);
    }
    refuse(&gpu, MALI_CSF_QOM_PATH, "PWR_CONTROL, which g610 does not",
           "{'kind': 'pwr-status', 'mask': 1}");
    mali_csf_quit(&gpu);

    mali_csf_init(&gpu, "-global mali-csf.model=g1-ultra");
    for (int i = 0; i < ARRAY_SIZE(refusals); i++) {
        int64_t id = arm(&gpu, "{'kind': %s, 'command': %d, 'skip': 1}",
                         refusals[i].kind, PWR_COMMAND_POWER_DOWN);

        power_l2(&gpu, true, true);
        power_l2(&gpu, true, false);
        power_l2(&gpu, true, true);
        mali_csf_writel(&gpu, PWR_CLEAR, ~0u);
        power_l2(&gpu, true, false);
        g_assert_cmpint(met(&gpu, id), ==, 1);
        g_assert_cmphex(mali_csf_readl(&gpu, PWR_RAWSTAT), ==,
                        refusals[i].interrupt);
        assert_l2(&gpu, true, 1, 0);
        mali_csf_writel(&gpu, PWR_CLEAR, ~0u);
        power_l2(&gpu, true, false);
        g_assert_cmphex(mali_csf_readl(&gpu, PWR_RAWSTAT) &
                        refusals[i].interrupt, ==, 0);
        assert_l2(&gpu, true, 0, 0);
    }
    mali_csf_quit(&gpu);
}

static void test_pwr_status(void)
{
    uint64_t status;
    QMaliCsf gpu;
    int64_t id;

    mali_csf_init(&gpu, "-global mali-csf.model=g1-ultra");
    status = mali_csf_readq(&gpu, PWR(A_PWR_STATUS_LO));
    refuse(&gpu, MALI_CSF_QOM_PATH, "pwr-status needs mask",
           "{'kind': 'pwr-status'}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "mask 0 matches nothing",
           "{'kind': 'pwr-status', 'mask': 0}");
    refuse(&gpu, MALI_CSF_QOM_PATH, "glb-ack: mask has 32 bits",
           "{'kind': 'glb-ack', 'mask': %lld}", 1ll << 32);

    /* A reset that is not allowed, and a retraction that is pending */
    id = arm(&gpu, "{'kind': 'pwr-status', 'mask': %lld, 'count': 2}",
             0x80200000000ll);
    g_assert_cmphex(mali_csf_readl(&gpu, PWR(A_PWR_STATUS_LO)), ==,
                    (uint32_t)status);
    g_assert_cmpint(met(&gpu, id), ==, 0);
    for (int i = 0; i < 3; i++) {
        g_assert_cmphex(mali_csf_readq(&gpu, PWR(A_PWR_STATUS_LO)), ==,
                        i < 2 ? status ^ 0x80200000000ull : status);
    }
    g_assert_cmpint(met(&gpu, id), ==, 2);
    id = arm(&gpu, "{'kind': 'pwr-status', 'mask': 257, 'skip': 1}");
    for (int i = 0; i < 3; i++) {
        g_assert_cmphex(mali_csf_readq(&gpu, PWR(A_PWR_STATUS_LO)), ==,
                        i == 1 ? status ^ 257 : status);
    }
    g_assert_cmpint(met(&gpu, id), ==, 1);
    mali_csf_quit(&gpu);
}

/* Each is on its own, and whoever names none is asked which. */
static void test_two_devices(void)
{
    g_autofree char *which = NULL, *armed = NULL, *info = NULL;
    QMaliCsf gpu;

    mali_csf_init(&gpu, "-device mali-csf,id=gpu2,model=g310");
    which = qtest_hmp(gpu.qts, "mali_csf_inject l2-power-on");
    g_assert_nonnull(strstr(which, "several"));
    armed = qtest_hmp(gpu.qts, "mali_csf_inject l2-power-on "
                      "path=/machine/peripheral/gpu2");
    g_assert_nonnull(strstr(armed, "injection 1"));
    g_assert_cmpint(met(&gpu, 1), ==, -1);
    info = qtest_hmp(gpu.qts, "info mali-csf");
    g_assert_nonnull(strstr(info, "/machine/peripheral/gpu: model g610"));
    g_assert_nonnull(strstr(info, "/machine/peripheral/gpu2: model g310"));
    /* The first one is not the one that cannot come on. */
    mali_csf_l2_on(&gpu);
    mali_csf_quit(&gpu);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/mali-csf/inject/commands", test_commands);
    qtest_add_func("/mali-csf/inject/told", test_told);
    qtest_add_func("/mali-csf/inject/hmp", test_hmp);
    qtest_add_func("/mali-csf/inject/as-command", test_as_command);
    qtest_add_func("/mali-csf/inject/completions", test_completions);
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
    qtest_add_func("/mali-csf/inject/gpu-fault", test_gpu_fault);
    qtest_add_func("/mali-csf/inject/l2-transition", test_l2_transition);
    qtest_add_func("/mali-csf/inject/pwr-refusals", test_pwr_refusals);
    qtest_add_func("/mali-csf/inject/pwr-status", test_pwr_status);
    qtest_add_func("/mali-csf/inject/irq-lost", test_irq_lost);
    qtest_add_func("/mali-csf/inject/irq-silent", test_irq_silent);
    qtest_add_func("/mali-csf/inject/irq-spurious", test_irq_spurious);
    qtest_add_func("/mali-csf/inject/accesses", test_accesses);
    qtest_add_func("/mali-csf/inject/firmware-access", test_firmware_access);
    qtest_add_func("/mali-csf/inject/cs-fault", test_cs_fault);
    qtest_add_func("/mali-csf/inject/cs-fault-words", test_cs_fault_words);
    qtest_add_func("/mali-csf/inject/fault-source", test_fault_source);
    qtest_add_func("/mali-csf/inject/cs-fatal", test_cs_fatal);
    qtest_add_func("/mali-csf/inject/resets", test_resets);
    qtest_add_func("/mali-csf/inject/doorbell-forgotten",
                   test_doorbell_forgotten);
    qtest_add_func("/mali-csf/query/machine", test_query_machine);
    qtest_add_func("/mali-csf/query/streams", test_query_streams);
    qtest_add_func("/mali-csf/query/counters", test_query_counters);
    qtest_add_func("/mali-csf/query/tables", test_query_tables);
    qtest_add_func("/mali-csf/query/spin", test_query_spin);
    qtest_add_func("/mali-csf/query/two-devices", test_two_devices);
    return g_test_run();
}
