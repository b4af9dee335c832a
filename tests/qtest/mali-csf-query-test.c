/*
 * QTest for the Arm Mali CSF GPU: the state as people see it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "libqos/mali-csf-inject.h"

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

/* Each is on its own, and a query that names none is asked which. */
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

    qtest_add_func("/mali-csf/query/machine", test_query_machine);
    qtest_add_func("/mali-csf/query/streams", test_query_streams);
    qtest_add_func("/mali-csf/query/counters", test_query_counters);
    qtest_add_func("/mali-csf/query/tables", test_query_tables);
    qtest_add_func("/mali-csf/query/spin", test_query_spin);
    qtest_add_func("/mali-csf/query/two-devices", test_two_devices);

    return g_test_run();
}
