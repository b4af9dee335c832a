/*
 * QTest for the Arm Mali CSF GPU: faults that are asked for
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

#define GPU_RAWSTAT     (A_GPU_INT + MALI_CSF_INT_RAWSTAT)
#define GPU_STAT        (A_GPU_INT + MALI_CSF_INT_STAT)
#define MMU_CLEAR       (MALI_CSF_MMU_BASE + MALI_CSF_INT_CLEAR)

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
    /* Nothing that could be done late */
    refuse(&gpu, MALI_CSF_QOM_PATH, "mcu-death takes no delay-ns, but count, "
           "skip", "{'kind': 'mcu-death', 'delay-ns': 1}");
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
    refuse(&gpu, MALI_CSF_QOM_PATH, "needs interrupt",
           "{'kind': 'irq-shared'}");
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
    /* A reader finds it */
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

    /* No bit says why, and it is gone when the driver looks */
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

/* As in irq.c */
#define SHARED_NS   100000

static void test_irq_shared(void)
{
    QMaliCsf gpu;
    /* To half of its time before it comes */
    int64_t wait = DELAY - SHARED_NS / 2;
    int64_t id;

    mali_csf_init(&gpu, NULL);
    mali_csf_intercept_irqs(&gpu);

    /* It needs no mask, and reading does not end it: another one does. */
    id = arm(&gpu, "{'kind': 'irq-shared', 'interrupt': 'mmu',"
             " 'delay-ns': %lld, 'count': 2}", DELAY);
    for (int i = 0; i < 2; i++) {
        mali_csf_run(&gpu, wait);
        g_assert(!qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
        mali_csf_run(&gpu, SHARED_NS);
        g_assert(qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
        g_assert(!qtest_get_irq(gpu.qts, MALI_CSF_SPI_GPU));
        g_assert_cmphex(mali_csf_readl(&gpu, MMU_RAWSTAT), ==, 0);
        mali_csf_writel(&gpu, MMU_CLEAR, ~0u);
        g_assert(qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
        mali_csf_run(&gpu, SHARED_NS);
        g_assert(!qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
        wait = DELAY - 2 * SHARED_NS;
    }
    g_assert_cmpint(met(&gpu, id), ==, 2);

    /* What the device itself wants does not end with it */
    mali_csf_writel(&gpu, MALI_CSF_MMU_BASE + MALI_CSF_INT_MASK, ~0u);
    arm(&gpu, "{'kind': 'irq-shared', 'interrupt': 'mmu'}");
    arm(&gpu, "{'kind': 'irq-spurious', 'interrupt': 'mmu', 'mask': 4}");
    mali_csf_run(&gpu, MALI_CSF_MS);
    g_assert(qtest_get_irq(gpu.qts, MALI_CSF_SPI_MMU));
    mali_csf_writel(&gpu, MMU_CLEAR, ~0u);
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
    return mali_csf_number(gpu, "reset-count");
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/mali-csf/inject/commands", test_commands);
    qtest_add_func("/mali-csf/inject/told", test_told);
    qtest_add_func("/mali-csf/inject/hmp", test_hmp);
    qtest_add_func("/mali-csf/inject/as-command", test_as_command);
    qtest_add_func("/mali-csf/inject/completions", test_completions);
    qtest_add_func("/mali-csf/inject/gpu-fault", test_gpu_fault);
    qtest_add_func("/mali-csf/inject/l2-transition", test_l2_transition);
    qtest_add_func("/mali-csf/inject/pwr-refusals", test_pwr_refusals);
    qtest_add_func("/mali-csf/inject/pwr-status", test_pwr_status);
    qtest_add_func("/mali-csf/inject/irq-lost", test_irq_lost);
    qtest_add_func("/mali-csf/inject/irq-silent", test_irq_silent);
    qtest_add_func("/mali-csf/inject/irq-spurious", test_irq_spurious);
    qtest_add_func("/mali-csf/inject/irq-shared", test_irq_shared);
    qtest_add_func("/mali-csf/inject/accesses", test_accesses);
    qtest_add_func("/mali-csf/inject/cs-fault", test_cs_fault);
    qtest_add_func("/mali-csf/inject/cs-fault-words", test_cs_fault_words);
    qtest_add_func("/mali-csf/inject/fault-source", test_fault_source);
    qtest_add_func("/mali-csf/inject/cs-fatal", test_cs_fatal);
    qtest_add_func("/mali-csf/inject/resets", test_resets);

    return g_test_run();
}
