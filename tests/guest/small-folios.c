/*
 * small-folios: a finding about the driver, see docs/findings.rst
 *
 * The driver maps an aligned, contiguous 2 MiB as a block, whatever the
 * folios are that it is made of.  To tell whether a partial unmap has to take
 * a block apart it looks at the size of the folio.  So contiguous memory of
 * small folios that is unmapped in part leaves the VM unusable.
 *
 * If that happens under a stream that runs, a second finding follows.  The
 * VM's space is unmapped with its interrupt masked, and the stream then faults.
 * The fault stays pending, and is taken for one of the next VM in that space.
 *
 * Whether there is such memory is luck.  It is likely on kernels with pages
 * of 16 KiB, and with transparent_hugepage=never.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <string.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define BO_SIZE (4 * PANTHOR_GPU_BLOCK)
#define MAX_BOS 32
#define BLOCK_VA 0x40000000ull
#define HOLE 0x10000ull

/* A stream is under way by then, or a fault */
#define SPIN_MS 200
#define JOB_TIMEOUT_MS 3000

/*
 * Where in a buffer there is an aligned 2 MiB cannot be told from here.  So
 * the buffer is mapped at each offset from the start of a block, and a part
 * of each block cut out.  True if that was the end of the VM.
 */
static bool try_buffer(PanthorDev *dev, uint32_t vm, const PanthorBo *bo,
                       unsigned number, uint64_t *map_va, uint64_t *hole_va)
{
    for (uint64_t shift = 0; shift < PANTHOR_GPU_BLOCK;
         shift += kernel_page_size()) {
        uint64_t va = BLOCK_VA + shift;

        TAP_MUST(panthor_vm_map(dev, vm, bo, 0, va, bo->size, 0));
        for (uint64_t block = shift ? PANTHOR_GPU_BLOCK : 0;
             block + PANTHOR_GPU_BLOCK <= shift + bo->size;
             block += PANTHOR_GPU_BLOCK) {
            int ret = panthor_vm_unmap(dev, vm, BLOCK_VA + block +
                                       PANTHOR_GPU_BLOCK / 2, HOLE);

            if (ret || panthor_vm_state(dev, vm) !=
                       DRM_PANTHOR_VM_STATE_USABLE) {
                *map_va = va;
                *hole_va = BLOCK_VA + block + PANTHOR_GPU_BLOCK / 2;
                tap_diag("buffer %u, block at 0x%llx in it: %s", number,
                         (unsigned long long)(block - shift),
                         strerror(-ret));
                return true;
            }
        }
        TAP_MUST(panthor_vm_unmap(dev, vm, va, bo->size));
    }
    return false;
}

/*
 * The same with @bo while a stream of the VM runs; and then there is another
 * VM.
 */
static void test_next_vm(PanthorDev *dev, const PanthorBo *bo,
                         uint64_t map_va, uint64_t hole_va)
{
    PanthorContext ctx, next;
    char record[1024];
    uint32_t size;
    uint64_t va;
    Stream s;
    int ret, log;

    log = TAP_MUST(kernel_log_open());
    TAP_MUST(panthor_forbid_suspend(dev, true));
    panthor_context_init(&ctx, dev, 1);
    stream_init(&s);
    stream_begin(&s);
    panthor_emit_spin(&s, 0);
    stream_end(&s);
    va = stream_place(&s, &ctx.code, &size);
    TAP_MUST(panthor_vm_map(dev, ctx.vm, bo, 0, map_va, bo->size, 0));
    TAP_MUST(panthor_submit(&ctx, 0, va, size, ctx.syncobj));
    kernel_sleep_ms(SPIN_MS);
    panthor_vm_unmap(dev, ctx.vm, hole_va, HOLE);
    tap_ok(panthor_vm_state(dev, ctx.vm) == DRM_PANTHOR_VM_STATE_UNUSABLE,
           "the same under a stream that runs");
    kernel_sleep_ms(SPIN_MS);
    panthor_context_fini(&ctx);
    /* Group and VM are freed by a worker. */
    kernel_sleep_ms(SPIN_MS);

    panthor_context_init(&next, dev, 1);
    stream_init(&s);
    stream_begin(&s);
    panthor_emit_spin(&s, 0);
    stream_end(&s);
    panthor_poll_set(&next, 0, 1);
    ret = panthor_run_stream(&next, 0, &s, JOB_TIMEOUT_MS);
    tap_diag("job of the next VM: %s", strerror(-ret));
    /* Whether the job is over before the handler comes is luck. */
    tap_ok(!kernel_log_find(log, "Unhandled Page fault", record,
                            sizeof(record), 500),
           "the next VM dies of a fault that it has not made");
    panthor_context_fini(&next);
    TAP_MUST(panthor_forbid_suspend(dev, false));
    close(log);
}

int main(int argc, char **argv)
{
    PanthorBo bo[MAX_BOS];
    char record[1024];
    uint64_t map_va = 0, hole_va = 0;
    bool shown = false;
    unsigned i, count;
    PanthorDev dev;
    uint32_t vm;
    int log;

    tap_start(argc, argv, NULL, "Unmaps a part of contiguous small folios.");
    tap_directive("allow-dmesg WARNING: .*(io-pgtable|panthor|arm_lpae)");
    tap_directive("allow-dmesg Unhandled Page fault in AS[0-9]+ at VA");
    tap_directive("allow-dmesg fault status:|(exception|access) type 0x|"
                  "source id 0x|CS_FATAL|CS_FAULT|CSG slot");
    tap_directive("allow-violation fault-not-acknowledged");

    log = TAP_MUST(kernel_log_open());
    TAP_MUST(panthor_open(&dev));
    TAP_MUST(panthor_vm_create(&dev, &vm));
    for (count = 0; count < MAX_BOS && !shown; count++) {
        TAP_MUST(panthor_bo_create(&dev, &bo[count], BO_SIZE, 0));
        shown = try_buffer(&dev, vm, &bo[count], count, &map_va, &hole_va);
    }
    if (shown) {
        tap_ok(panthor_vm_state(&dev, vm) == DRM_PANTHOR_VM_STATE_UNUSABLE,
               "the finding is shown: a partial unmap ends the VM");
        tap_ok(!kernel_log_find(log, "Unmap of a partial large IOPTE", record,
                                sizeof(record), 500),
               "the kernel says so in its log");
        test_next_vm(&dev, &bo[count - 1], map_va, hole_va);
    } else {
        tap_skip("no aligned 2 MiB of small folios in any buffer",
                 "the finding is shown: a partial unmap ends the VM");
    }
    panthor_vm_destroy(&dev, vm);
    for (i = 0; i < count; i++) {
        panthor_bo_destroy(&dev, &bo[i]);
    }
    panthor_close(&dev);
    close(log);
    return tap_end();
}
