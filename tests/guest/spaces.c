/*
 * spaces: address spaces come, go, fail, and are not mixed up
 *
 * What the driver does with an address space apart from VM_BIND: it gives
 * one to a VM, takes it back for another VM, gives it up on a fault, at
 * suspend and at a reset, and evicts the buffers of a VM when memory is
 * short.  After each of these the GPU must find the VM's own data.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/swap.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 3000
#define SUSPEND_TIMEOUT_MS 3000

/* More than any model has address spaces for VMs */
#define NUM_VMS 18
#define RECYCLE_ROUNDS 3

#define SUSPENDS 3

/*
 * Longer than the 100 ms that panthor waits for a flush or a command.  The
 * latter it waits for by the number of its looks, which may take longer.
 */
#define FLUSH_TOO_LONG_NS 300000000u
#define COMMAND_TOO_LONG_NS 4000000000u
/* Until VM_BIND has given the command: what comes later is quick again */
#define LATENCY_MS 30
#define RESET_TIMEOUT_MS 3000
/* What a reset takes, which nobody announces the end of */
#define RESET_MS 1000

#define BUFFER_VA 0x40000000ull
#define BUFFER_SIZE (8 * PANTHOR_GPU_BLOCK)

/* What the word at @offset of a buffer holds */
static uint32_t buffer_word(uint64_t offset)
{
    return (uint32_t)(offset >> 2) * 0x9e3779b1u | 1;
}

static void fill(PanthorBo *bo)
{
    uint32_t *word = bo->cpu;
    uint64_t i;

    for (i = 0; i < bo->size / 4; i++) {
        word[i] = buffer_word(4 * i);
    }
}

static uint32_t gpu_read(PanthorContext *ctx, uint64_t va)
{
    return panthor_read_word(ctx, va, JOB_TIMEOUT_MS);
}

/* Whether every page from @va on is what stands at @offset of the buffer */
static bool pages_ok(PanthorContext *ctx, uint64_t va, uint64_t offset,
                     uint64_t size)
{
    const uint64_t inside = 0x120;
    uint64_t pages = size / PANTHOR_GPU_PAGE, i;
    unsigned wrong = 0;
    size_t loop;
    Stream s;
    int ret;

    ctx->code.used = 0;
    memset(ctx->data, 0, pages * 4 + 4);
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(0, va));
    stream_emit(&s, cs_move48(2, panthor_data_va(0)));
    stream_emit(&s, cs_move32(4, pages));
    loop = stream_here(&s);
    stream_load(&s, 6, 1, 0, inside);
    stream_store(&s, 6, 1, 2, 0);
    stream_emit(&s, cs_add_imm64(0, 0, PANTHOR_GPU_PAGE));
    stream_emit(&s, cs_add_imm64(2, 2, 4));
    stream_emit(&s, cs_add_imm32(4, 4, -1));
    stream_branch_back(&s, CS_COND_GT, 4, loop);
    stream_end(&s);
    ret = panthor_run_stream(ctx, 0, &s, JOB_TIMEOUT_MS);
    if (ret) {
        tap_diag("job: %s", strerror(-ret));
        return false;
    }
    for (i = 0; i < pages; i++) {
        uint64_t at = i * PANTHOR_GPU_PAGE + inside;
        uint32_t want = buffer_word(offset + at);

        if (ctx->data[i] != want && !wrong++) {
            tap_diag("0x%" PRIx64 ": read 0x%08x, expected 0x%08x", va + at,
                     ctx->data[i], want);
        }
    }
    return !wrong;
}

/* A fault costs the VM its space; it gets one again. */
static void test_fault(PanthorDev *dev)
{
    PanthorContext ctx;
    unsigned good = 0, i;
    uint32_t value;

    panthor_context_init(&ctx, dev, 1);
    for (i = 0; i < 3; i++) {
        int log = TAP_MUST(kernel_log_open());
        char record[1024];

        value = gpu_read(&ctx, BUFFER_VA);
        if (value || kernel_log_find(log, "Unhandled Page fault", record,
                                     sizeof(record), 1000)) {
            tap_diag("round %u: no fault", i);
        } else {
            panthor_context_new_group(&ctx, 1);
            ctx.data[1] = 0x1000 + i;
            value = gpu_read(&ctx, panthor_data_va(1));
            good += value == 0x1000 + i;
        }
        close(log);
    }
    tap_ok(good == 3, "a new group of a VM that faulted works (%u of 3)",
           good);
    panthor_context_fini(&ctx);
}

/* More VMs than spaces, in turn, and all have the same addresses. */
static void test_recycle(PanthorDev *dev)
{
    static PanthorContext ctx[NUM_VMS];
    unsigned good = 0, round, i;
    PanthorBo page[NUM_VMS];

    for (i = 0; i < NUM_VMS; i++) {
        panthor_context_init(&ctx[i], dev, 1);
        TAP_MUST(panthor_bo_create(dev, &page[i], PANTHOR_GPU_PAGE,
                                   ctx[i].vm));
    }
    for (round = 0; round < RECYCLE_ROUNDS; round++) {
        for (i = 0; i < NUM_VMS; i++) {
            uint32_t want = 0x100 * (round + 1) + i;

            *(uint32_t *)page[i].cpu = want;
            TAP_MUST(panthor_vm_map(dev, ctx[i].vm, &page[i], 0, BUFFER_VA,
                                    PANTHOR_GPU_PAGE,
                                    DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
            good += gpu_read(&ctx[i], BUFFER_VA) == want;
            if ((round + i) % 3 == 0) {
                TAP_MUST(panthor_vm_unmap(dev, ctx[i].vm, BUFFER_VA,
                                          PANTHOR_GPU_PAGE));
            }
        }
    }
    tap_ok(good == NUM_VMS * RECYCLE_ROUNDS, "%u VMs use the address spaces "
           "in turn (%u of %u)", NUM_VMS, good, NUM_VMS * RECYCLE_ROUNDS);
    for (i = 0; i < NUM_VMS; i++) {
        panthor_bo_destroy(dev, &page[i]);
        panthor_context_fini(&ctx[i]);
    }
}

/* Parts of a buffer, mapped while the space is live */
static void test_parts(PanthorDev *dev)
{
    static const struct {
        uint64_t offset;
        uint64_t va;
        uint64_t size;
    } parts[] = {
        { 0, BUFFER_VA, BUFFER_SIZE },
        { PANTHOR_GPU_PAGE, BUFFER_VA, 3 * PANTHOR_GPU_PAGE },
        { PANTHOR_GPU_BLOCK - PANTHOR_GPU_PAGE, BUFFER_VA + 0x5000,
          2 * PANTHOR_GPU_PAGE },
        { 0x123000, BUFFER_VA + 0x345000, PANTHOR_GPU_BLOCK + 0x56000 },
        { PANTHOR_GPU_BLOCK, BUFFER_VA + PANTHOR_GPU_BLOCK,
          2 * PANTHOR_GPU_BLOCK },
        { 3 * PANTHOR_GPU_BLOCK, BUFFER_VA + PANTHOR_GPU_BLOCK,
          PANTHOR_GPU_BLOCK + PANTHOR_GPU_PAGE },
    };
    PanthorContext ctx;
    PanthorBo bo;
    unsigned i;

    panthor_context_init(&ctx, dev, 1);
    TAP_MUST(panthor_bo_create(dev, &bo, BUFFER_SIZE, ctx.vm));
    fill(&bo);
    ctx.data[1] = 1;
    tap_ok(gpu_read(&ctx, panthor_data_va(1)) == 1, "the space is live");
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int ret = panthor_vm_map(dev, ctx.vm, &bo, parts[i].offset,
                                 parts[i].va, parts[i].size,
                                 DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);

        tap_ok(!ret && pages_ok(&ctx, parts[i].va, parts[i].offset,
                                parts[i].size),
               "0x%" PRIx64 " bytes at 0x%" PRIx64 " of a buffer",
               parts[i].size, parts[i].offset);
        TAP_MUST(panthor_vm_unmap(dev, ctx.vm, BUFFER_VA,
                                  2 * BUFFER_SIZE));
    }
    panthor_bo_destroy(dev, &bo);
    panthor_context_fini(&ctx);
}

/*
 * Mappings that begin and end inside of blocks, cut near their ends: the
 * blocks are not theirs alone, and what else is mapped there stays.
 */
static void test_neighbours(PanthorDev *dev)
{
    const uint64_t half = PANTHOR_GPU_BLOCK / 2;
    const uint64_t first = 4 * PANTHOR_GPU_BLOCK;
    const uint64_t last = 6 * PANTHOR_GPU_BLOCK + half;
    const uint32_t noexec = DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
    PanthorContext ctx;
    PanthorBo bo;
    int ret;

    panthor_context_init(&ctx, dev, 1);
    TAP_MUST(panthor_bo_create(dev, &bo, BUFFER_SIZE, ctx.vm));
    fill(&bo);
    ctx.data[1] = 1;
    tap_ok(gpu_read(&ctx, panthor_data_va(1)) == 1, "the space is live");
    /* Half a block, two blocks that begin and end in their middle, half one */
    TAP_MUST(panthor_vm_map(dev, ctx.vm, &bo, first, BUFFER_VA, half,
                            noexec));
    TAP_MUST(panthor_vm_map(dev, ctx.vm, &bo, half, BUFFER_VA + half,
                            2 * PANTHOR_GPU_BLOCK, noexec));
    TAP_MUST(panthor_vm_map(dev, ctx.vm, &bo, last,
                            BUFFER_VA + half + 2 * PANTHOR_GPU_BLOCK, half,
                            noexec));
    /* Near both ends of the one in the middle */
    ret = panthor_vm_unmap(dev, ctx.vm, BUFFER_VA + half + 0x40000, 0x10000);
    tap_ok(!ret && pages_ok(&ctx, BUFFER_VA, first, half) &&
           pages_ok(&ctx, BUFFER_VA + half, half, 0x40000) &&
           pages_ok(&ctx, BUFFER_VA + half + 0x50000, half + 0x50000,
                    PANTHOR_GPU_BLOCK),
           "what comes before a mapping in its block stays");
    ret = panthor_vm_unmap(dev, ctx.vm, BUFFER_VA + 2 * PANTHOR_GPU_BLOCK +
                           0x40000, 0x10000);
    tap_ok(!ret && pages_ok(&ctx, BUFFER_VA + 2 * PANTHOR_GPU_BLOCK + half,
                            last, half) &&
           pages_ok(&ctx, BUFFER_VA + 2 * PANTHOR_GPU_BLOCK + 0x50000,
                    2 * PANTHOR_GPU_BLOCK + 0x50000, half - 0x50000) &&
           pages_ok(&ctx, BUFFER_VA + 2 * PANTHOR_GPU_BLOCK,
                    2 * PANTHOR_GPU_BLOCK, 0x40000),
           "what comes behind a mapping in its block stays");
    panthor_bo_destroy(dev, &bo);
    panthor_context_fini(&ctx);
}

static void test_suspend(PanthorDev *dev)
{
    PanthorContext ctx;
    unsigned good = 0, i;
    int ret;

    panthor_context_init(&ctx, dev, 1);
    for (i = 0; i < SUSPENDS; i++) {
        ctx.data[1] = i + 1;
        good += gpu_read(&ctx, panthor_data_va(1)) == i + 1;
        ret = panthor_wait_suspended(dev, SUSPEND_TIMEOUT_MS);
        if (ret) {
            tap_diag("suspend %u: %s", i, strerror(-ret));
        }
    }
    tap_ok(good == SUSPENDS && gpu_read(&ctx, panthor_data_va(1)) == SUSPENDS,
           "the space is there after %u suspends", SUSPENDS);
    panthor_context_fini(&ctx);
}

/* One page mapped by way of the queue, which a reset stops and starts */
static int bind_queued(PanthorContext *ctx, const PanthorBo *bo, uint64_t va)
{
    struct drm_panthor_sync_op sync = panthor_signal_op(ctx->syncobj, 0);
    struct drm_panthor_vm_bind_op op =
        panthor_map_op(bo, 0, va, PANTHOR_GPU_PAGE,
                       DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
    int ret;

    op.syncs = (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(1, &sync);
    TAP_MUST(panthor_syncobj_reset(ctx->dev, ctx->syncobj));
    ret = panthor_vm_bind_async(ctx->dev, ctx->vm, &op, 1);
    return ret ? ret : panthor_syncobj_wait(ctx->dev, ctx->syncobj, 0, true,
                                            JOB_TIMEOUT_MS);
}

typedef struct Binder {
    PanthorDev *dev;
    uint32_t vm;
    const PanthorBo *bo;
    int ret;
} Binder;

static void *bind_page(void *opaque)
{
    Binder *b = opaque;

    b->ret = panthor_vm_map(b->dev, b->vm, b->bo, 0, BUFFER_VA,
                            PANTHOR_GPU_PAGE,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
    return NULL;
}

/* One VM_BIND whose first command or flush takes too long */
static int bind_slowly(PanthorDev *dev, uint32_t vm, const char *property,
                       uint32_t ns)
{
    PanthorBo bo;
    Binder b = { dev, vm, &bo, 0 };
    pthread_t thread;

    TAP_MUST(panthor_bo_create(dev, &bo, PANTHOR_GPU_PAGE, vm));
    if (host_request(NULL, 0, "qom-set %s %u", property, ns)) {
        panthor_bo_destroy(dev, &bo);
        return -EREMOTEIO;
    }
    TAP_MUST(-pthread_create(&thread, NULL, bind_page, &b));
    kernel_sleep_ms(LATENCY_MS);
    host_request(NULL, 0, "qom-set %s 0", property);
    pthread_join(thread, NULL);
    panthor_bo_destroy(dev, &bo);
    /* It may fail: that is up to the driver. */
    tap_diag("%s: VM_BIND: %s", property, strerror(-b.ret));
    return 0;
}

/* The driver loses its patience and resets the GPU. */
static void test_reset(PanthorDev *dev, const char *property, uint32_t ns,
                       const char *message)
{
    int log = TAP_MUST(kernel_log_open());
    char record[1024];
    PanthorContext ctx;
    PanthorBo bo;
    int ret;

    TAP_MUST(panthor_forbid_suspend(dev, true));
    panthor_context_init(&ctx, dev, 1);
    ctx.data[1] = 1;
    tap_ok(gpu_read(&ctx, panthor_data_va(1)) == 1, "%s: before", property);
    if (bind_slowly(dev, ctx.vm, property, ns)) {
        tap_skip(host_error(), "%s: reset", property);
        panthor_context_fini(&ctx);
    } else {
        tap_ok(!kernel_log_find(log, message, record, sizeof(record),
                                RESET_TIMEOUT_MS), "%s: \"%s\"", property,
               message);
        kernel_sleep_ms(RESET_MS);
        panthor_context_fini(&ctx);

        panthor_context_init(&ctx, dev, 1);
        TAP_MUST(panthor_bo_create(dev, &bo, PANTHOR_GPU_PAGE, ctx.vm));
        *(uint32_t *)bo.cpu = 0x7e5e7;
        ret = bind_queued(&ctx, &bo, BUFFER_VA);
        if (!tap_ok(!ret && gpu_read(&ctx, BUFFER_VA) == 0x7e5e7,
                    "%s: a new VM works after the reset", property)) {
            tap_diag("%s", strerror(-ret));
        }
        tap_ok(!gpu_read(&ctx, BUFFER_VA + PANTHOR_GPU_PAGE) &&
               !kernel_log_find(log, "Unhandled Page fault", record,
                                sizeof(record), 1000),
               "%s: and its faults are seen", property);
        panthor_bo_destroy(dev, &bo);
        panthor_context_fini(&ctx);
    }
    TAP_MUST(panthor_forbid_suspend(dev, false));
    close(log);
}

/* The VM is one that was live when the GPU was reset. */
static void test_survivor(PanthorDev *dev)
{
    PanthorContext ctx, other;
    PanthorBo bo;
    int ret;

    panthor_context_init(&ctx, dev, 1);
    panthor_context_init(&other, dev, 1);
    TAP_MUST(panthor_bo_create(dev, &bo, PANTHOR_GPU_PAGE, ctx.vm));
    *(uint32_t *)bo.cpu = 0x50f7;
    ctx.data[1] = 1;
    TAP_MUST(panthor_forbid_suspend(dev, true));
    other.data[1] = 1;
    tap_ok(gpu_read(&ctx, panthor_data_va(1)) == 1 &&
           gpu_read(&other, panthor_data_va(1)) == 1, "survivor: before");
    if (bind_slowly(dev, other.vm, "x-as-latency-ns", COMMAND_TOO_LONG_NS)) {
        tap_skip(host_error(), "survivor: reset");
    } else {
        kernel_sleep_ms(RESET_MS);
        panthor_context_new_group(&ctx, 1);
        ret = bind_queued(&ctx, &bo, BUFFER_VA);
        if (!tap_ok(!ret && gpu_read(&ctx, BUFFER_VA) == 0x50f7,
                    "survivor: the VM works after the reset")) {
            tap_diag("%s", strerror(-ret));
        }
    }
    TAP_MUST(panthor_forbid_suspend(dev, false));
    panthor_bo_destroy(dev, &bo);
    panthor_context_fini(&ctx);
    panthor_context_fini(&other);
}

static void check_reclaim(PanthorDev *dev, bool live)
{
    const char *name = live ? "evicted live" : "evicted";
    const uint64_t hole = BUFFER_VA + 3 * PANTHOR_GPU_BLOCK / 2;
    const uint64_t hole_size = 0x10000;
    PanthorContext ctx, other;
    PanthorBo bo, shared;

    panthor_context_init(&ctx, dev, 1);
    panthor_context_init(&other, dev, 1);
    TAP_MUST(panthor_bo_create(dev, &bo, BUFFER_SIZE, ctx.vm));
    fill(&bo);
    TAP_MUST(panthor_vm_map(dev, ctx.vm, &bo, 0, BUFFER_VA, BUFFER_SIZE,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    /* The same memory at a second place, and not from its beginning */
    TAP_MUST(panthor_vm_map(dev, ctx.vm, &bo, PANTHOR_GPU_BLOCK + 0x3000,
                            2 * BUFFER_VA, 0x21000,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    TAP_MUST(panthor_bo_create(dev, &shared, PANTHOR_GPU_BLOCK, 0));
    fill(&shared);
    TAP_MUST(panthor_vm_map(dev, ctx.vm, &shared, 0, 3 * BUFFER_VA,
                            PANTHOR_GPU_BLOCK,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    TAP_MUST(panthor_vm_map(dev, other.vm, &shared, 0, 3 * BUFFER_VA,
                            PANTHOR_GPU_BLOCK,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    TAP_MUST(panthor_forbid_suspend(dev, live));
    tap_ok(pages_ok(&ctx, BUFFER_VA, 0, BUFFER_SIZE) &&
           pages_ok(&other, 3 * BUFFER_VA, 0, PANTHOR_GPU_BLOCK),
           "%s: before", name);
    if (!live) {
        TAP_MUST(panthor_wait_suspended(dev, SUSPEND_TIMEOUT_MS));
    }

    if (!tap_ok(swap_reclaim(dev, &bo), "%s: the buffer is reclaimed", name)) {
        goto out;
    }
    tap_ok(pages_ok(&ctx, BUFFER_VA, 0, BUFFER_SIZE) &&
           pages_ok(&ctx, 2 * BUFFER_VA, PANTHOR_GPU_BLOCK + 0x3000, 0x21000),
           "%s: the GPU has it back", name);
    tap_ok(pages_ok(&ctx, 3 * BUFFER_VA, 0, PANTHOR_GPU_BLOCK) &&
           pages_ok(&other, 3 * BUFFER_VA, 0, PANTHOR_GPU_BLOCK),
           "%s: and what two VMs share", name);

    /* Cut it while it is away */
    *(volatile uint32_t *)bo.cpu = *(uint32_t *)bo.cpu;
    if (!live) {
        TAP_MUST(panthor_wait_suspended(dev, SUSPEND_TIMEOUT_MS));
    }
    if (!tap_ok(swap_reclaim(dev, &bo), "%s: it is reclaimed again", name)) {
        goto out;
    }
    TAP_MUST(panthor_vm_unmap(dev, ctx.vm, hole, hole_size));
    TAP_MUST(panthor_vm_unmap(dev, ctx.vm, 2 * BUFFER_VA, 0x21000));
    tap_ok(pages_ok(&ctx, BUFFER_VA, 0, hole - BUFFER_VA) &&
           pages_ok(&ctx, hole + hole_size, hole + hole_size - BUFFER_VA,
                    BUFFER_VA + BUFFER_SIZE - hole - hole_size),
           "%s: what was not cut out is there", name);
out:
    TAP_MUST(panthor_forbid_suspend(dev, false));
    panthor_bo_destroy(dev, &bo);
    panthor_bo_destroy(dev, &shared);
    panthor_context_fini(&ctx);
    panthor_context_fini(&other);
}

static void test_reclaim(PanthorDev *dev)
{
    int ret;

    if (!kernel_at_least(7, 3)) {
        tap_skip("this kernel's panthor evicts no buffers", "eviction");
        return;
    }
    ret = swap_on();
    if (ret) {
        tap_skip(ret == -ENOENT ? "no zram to swap to" : strerror(-ret),
                 "eviction");
        return;
    }
    check_reclaim(dev, true);
    check_reclaim(dev, false);
    swap_off();
}

int main(int argc, char **argv)
{
    PanthorDev dev;

    tap_start(argc, argv, NULL,
              "Gives address spaces to VMs and takes them away.");
    tap_directive("allow-dmesg Unhandled Page fault in AS[0-9]+ at VA");
    tap_directive("allow-dmesg fault status:|(exception|access) type 0x|"
                  "source id 0x|CS_FATAL|CS_FAULT|CSG slot");
    tap_directive("allow-dmesg Flush caches timeout|AS_ACTIVE bit stuck");
    /*
     * What the test before gave back is unmapped from address space 0 at some
     * time.  If that command is the one that is stuck, the region that it
     * locks has the firmware's memory in it, and no request is answered.
     */
    tap_directive("allow-dmesg CSG [0-9]+ update request timedout|"
                  "CSG suspend failed, escalating to termination");

    TAP_MUST(panthor_open(&dev));
    test_fault(&dev);
    test_recycle(&dev);
    test_parts(&dev);
    test_neighbours(&dev);
    test_suspend(&dev);
    test_reclaim(&dev);
    if (kernel_locks_first()) {
        /* Up to 6.12 a VM_BIND does not flush all caches. */
        test_reset(&dev, "x-flush-latency-ns", FLUSH_TOO_LONG_NS,
                   "Flush caches timeout");
    }
    test_reset(&dev, "x-as-latency-ns", COMMAND_TOO_LONG_NS,
               "AS_ACTIVE bit stuck");
    test_survivor(&dev);
    panthor_close(&dev);
    return tap_end();
}
