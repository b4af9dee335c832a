/*
 * reset: a reset at a bad time, or one that fails
 *
 * While the driver starts; with jobs of others in flight; and one after which
 * the firmware does not boot any more, so that the driver gives the device up:
 * then every job has to end, also one that had nothing to do with it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 6000
#define LOG_TIMEOUT_MS 3000
#define SETTLE_MS 100
/* All that is late has come */
#define LATE_MS 1700
#define SUSPEND_TIMEOUT_MS 5000
#define BYSTANDERS 2

static PanthorDev dev;
static char name[64];

static void arm(const char *injection)
{
    TAP_MUST(host_request(NULL, 0, "inject %s", injection));
}

/* What is late, or gets lost, while the driver starts */
typedef struct Start {
    const char *name;
    const char *injection;
} Start;

/*
 * Late, not hung for good: an address space that hangs does so until the GPU is
 * reset, which the driver does not do when it starts.
 */
static const Start starts[] = {
    { "the first UPDATE is late",
      "as-command command=1 delay-ns=1500000000" },
    { "the firmware does not boot", "mcu-boot" },
    { "the boot interrupt is lost", "irq-lost interrupt=job" },
    { "the firmware dies", "mcu-death" },
};

/* Whether the driver takes the device then is not asked; but nothing breaks. */
static void test_start(void)
{
    for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        bool there;

        panthor_close(&dev);
        TAP_MUST(module_unbind_name(name));
        arm(starts[i].injection);
        there = !module_bind(name, &dev);
        kernel_sleep_ms(i ? SETTLE_MS : LATE_MS);
        host_request(NULL, 0, "inject-clear");
        if (there) {
            panthor_close(&dev);
            TAP_MUST(module_unbind_name(name));
        }
        if (!tap_ok(module_bind_and_run(name, &dev),
                    "start: %s, and then it starts", starts[i].name)) {
            tap_bail_out("no device");
        }
    }
}

/* Has the GPU wake up for it; before version 1.1 there was none */
static int ask_time(void)
{
    struct drm_panthor_timestamp_info info;

    return panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO, &info,
                         sizeof(info));
}

/*
 * The GPU sleeps, and its firmware does not boot when it wakes up: the driver
 * loads it anew and tries again.  If that fails, too, who woke it up is told,
 * and who comes next finds it well (panthor_device_resume(), v7.3).
 */
static void test_no_wake(void)
{
    static const char test[] = "no wake-up";
    PanthorContext ctx;
    char record[512];
    int log, ret;

    if (!kernel_at_least(7, 0)) {
        tap_skip("only tried from 7.0 on", test);
        return;
    }
    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    if (panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS)) {
        tap_skip("it does not sleep", test);
        panthor_context_fini(&ctx);
        return;
    }
    log = TAP_MUST(kernel_log_open());
    arm("mcu-boot count=2");
    ret = ask_time();
    if (!tap_ok(ret < 0, "%s: who wanted it is told", test)) {
        tap_diag("%d", ret);
    }
    tap_ok(!kernel_log_find(log, "FW slow reset failed", record,
                            sizeof(record), 0),
           "%s: the firmware was loaded anew", test);
    ret = ask_time();
    if (!tap_ok(ret >= 0, "%s: the next time it wakes up", test)) {
        tap_diag("%s", strerror(-ret));
    }
    host_request(NULL, 0, "inject-clear");
    ret = panthor_store_job(&ctx, 2, JOB_TIMEOUT_MS);
    if (!tap_ok(!ret, "%s: the group of before works", test)) {
        tap_diag("%s", strerror(-ret));
    }
    close(log);
    panthor_context_fini(&ctx);
}

/*
 * A command of a VM hangs while the driver puts the GPU to sleep: it cannot be
 * reset then, but is when it wakes up (panthor_device_resume(), v7.3).
 */
static void test_hung_asleep(void)
{
    static const char test[] = "hung on its way to sleep";
    uint64_t before = 0, after = 0;
    char record[512];
    PanthorContext ctx;
    int log, ret;

    if (!kernel_at_least(7, 0)) {
        tap_skip("only tried from 7.0 on", test);
        return;
    }
    log = TAP_MUST(kernel_log_open());
    TAP_MUST(panthor_forbid_suspend(&dev, true));
    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    /* The only one; the first is the firmware's */
    arm("as-command command=1 address-space=1");
    TAP_MUST(panthor_forbid_suspend(&dev, false));
    ret = panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS);
    host_request(NULL, 0, "inject-clear");
    if (ret || kernel_log_find(log, "AS_ACTIVE bit stuck", record,
                               sizeof(record), 0)) {
        tap_skip(ret ? "it does not sleep" : "nothing hung", test);
        panthor_context_fini(&ctx);
        close(log);
        return;
    }
    host_get_u64("reset-count", &before);
    ret = panthor_store_job(&ctx, 2, JOB_TIMEOUT_MS);
    host_get_u64("reset-count", &after);
    if (!tap_ok(!ret, "%s: a job wakes it up and runs", test)) {
        tap_diag("%s", strerror(-ret));
    }
    tap_ok(after > before, "%s: it was reset", test);
    close(log);
    panthor_context_fini(&ctx);
}

/* A fault after which the driver resets the GPU, in a job of @ctx */
static int fatal_job(PanthorContext *ctx)
{
    /* At the store that the job is for */
    arm("cs-fatal opcode=0x15 exception=0x41");
    return panthor_store_job(ctx, 1, JOB_TIMEOUT_MS);
}

static void start_bystanders(PanthorContext *ctx)
{
    for (unsigned i = 0; i < BYSTANDERS; i++) {
        panthor_context_init(&ctx[i], &dev, 1);
        panthor_submit_spin(&ctx[i]);
    }
    kernel_sleep_ms(SETTLE_MS);
}

/* Jobs of others go on after a reset that is well. */
static void test_in_flight(void)
{
    PanthorContext ctx, other[BYSTANDERS];
    uint64_t before = 0, after = 0;
    unsigned ended = 0;

    start_bystanders(other);
    panthor_context_init(&ctx, &dev, 1);
    host_get_u64("reset-count", &before);
    tap_ok(fatal_job(&ctx), "in flight: the job that met the fault fails");
    for (unsigned i = 0; i < BYSTANDERS; i++) {
        int ret = panthor_end_spin(&other[i], JOB_TIMEOUT_MS);

        if (ret) {
            tap_diag("other job %u: %s", i, strerror(-ret));
        }
        ended += ret != -ETIME;
    }
    tap_ok(ended == BYSTANDERS, "in flight: those of others end (%u of %u)",
           ended, BYSTANDERS);
    for (unsigned i = 0; i < JOB_TIMEOUT_MS && after <= before; i += 10) {
        host_get_u64("reset-count", &after);
        kernel_sleep_ms(10);
    }
    tap_ok(after > before, "in flight: the GPU was reset");
    host_request(NULL, 0, "inject-clear");
    panthor_context_new_group(&ctx, 1);
    tap_ok(!panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS),
           "in flight: the next job works");
    panthor_context_fini(&ctx);
    for (unsigned i = 0; i < BYSTANDERS; i++) {
        panthor_context_fini(&other[i]);
    }
}

/*
 * The VM of a group that is started gets no address space, since its UPDATE
 * hangs: the group is not started, and is after the reset.
 */
static void test_bind(void)
{
    uint64_t before = 0, after = 0;
    PanthorContext ctx, other;
    int ret;

    panthor_context_init(&other, &dev, 1);
    panthor_submit_spin(&other);
    panthor_context_init(&ctx, &dev, 1);
    host_get_u64("reset-count", &before);
    arm("as-command command=1");
    ret = panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS);
    host_get_u64("reset-count", &after);
    if (!tap_ok(!ret && after > before, "no space: the job runs after the "
                "reset")) {
        tap_diag("%s, %u resets", strerror(-ret), (unsigned)(after - before));
    }
    host_request(NULL, 0, "inject-clear");
    ret = panthor_end_spin(&other, JOB_TIMEOUT_MS);
    if (!tap_ok(!ret, "no space: the job of another one goes on")) {
        tap_diag("%s", strerror(-ret));
    }
    panthor_context_fini(&ctx);
    panthor_context_fini(&other);
}

/*
 * The driver cannot unmap its own buffers when a group ends: it frees them all
 * the same (panthor_kernel_bo_destroy(), v7.3), and the VM goes on.
 */
static void test_own_buffers(void)
{
    uint64_t before = 0, after = 0;
    PanthorContext ctx;

    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    host_get_u64("reset-count", &before);
    arm("as-command command=2");
    TAP_MUST(panthor_group_destroy(&dev, ctx.group));
    kernel_sleep_ms(LATE_MS);
    host_get_u64("reset-count", &after);
    tap_ok(after > before, "own buffers: a command is lost when they go");
    host_request(NULL, 0, "inject-clear");
    TAP_MUST(panthor_group_create(&dev, ctx.vm, 1, &ctx.group));
    tap_ok(!panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS),
           "own buffers: the next group works");
    panthor_context_fini(&ctx);
}

/* The fence of a sync object, for who waits with no call of the device */
static int fence_of(uint32_t syncobj)
{
    int fd;

    TAP_MUST(panthor_syncobj_export_fence(&dev, syncobj, &fd));
    return fd;
}

static bool fence_ends(int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    bool ends = poll(&pfd, 1, JOB_TIMEOUT_MS) == 1;

    close(fd);
    return ends;
}

/*
 * The reset fails: who waits for a job that was queued behind, or that had
 * not begun, waits no longer.
 */
static void test_given_up(void)
{
    PanthorContext ctx, other[BYSTANDERS], waiting;
    struct drm_panthor_sync_op syncs[2];
    PanthorJob job = { .syncs = syncs, .sync_count = 2 };
    uint32_t gate, done;
    unsigned ended = 0;
    char record[512];
    int log = TAP_MUST(kernel_log_open()), ret, fence[BYSTANDERS], done_fence;

    TAP_MUST(panthor_syncobj_create(&dev, &gate));
    TAP_MUST(panthor_syncobj_create(&dev, &done));
    start_bystanders(other);
    /* Idle, with a job that waits for one of them */
    panthor_context_init(&waiting, &dev, 1);
    TAP_MUST(panthor_store_job(&waiting, 1, JOB_TIMEOUT_MS));
    syncs[0] = panthor_wait_op(other[0].syncobj, 0);
    syncs[1] = panthor_signal_op(done, 0);
    job.stream_va = PANTHOR_CODE_VA;
    job.stream_size = 64;
    TAP_MUST(panthor_group_submit(&dev, waiting.group, &job, 1));
    /* A device that is given up takes no more calls */
    for (unsigned i = 0; i < BYSTANDERS; i++) {
        fence[i] = fence_of(other[i].syncobj);
    }
    done_fence = fence_of(done);

    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    arm("mcu-boot count=0");
    tap_ok(fatal_job(&ctx), "given up: the job that met the fault fails");
    ret = kernel_log_find(log, "making device unusable", record,
                          sizeof(record), LOG_TIMEOUT_MS);
    tap_ok(!ret, "given up: the driver says so");
    for (unsigned i = 0; i < BYSTANDERS; i++) {
        ended += fence_ends(fence[i]);
    }
    tap_ok(ended == BYSTANDERS, "given up: jobs of others end (%u of %u)",
           ended, BYSTANDERS);
    tap_ok(fence_ends(done_fence),
           "given up: a job that waited for one of them ends");
    host_request(NULL, 0, "inject-clear");
    /* The device is gone, and all handles with it */
    panthor_close(&dev);
    module_unbind_name(name);
    if (!tap_ok(module_bind_and_run(name, &dev),
                "given up: bound anew, it works")) {
        tap_bail_out("no device");
    }
    close(log);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "Has the driver reset the GPU at a bad time.");
    tap_directive("allow-dmesg AS_ACTIVE bit stuck|Flush caches timeout|"
                  "Failed to boot MCU|reset failed|making device unusable|"
                  "CS_FATAL|CSG slot|Failed to stop MCU|MCU to halt|"
                  "panthor.*(timed ?out|timeout|stuck|reset)");
    tap_directive("untimed : (in flight: the GPU was reset)$");
    /* The driver takes the space down that it could not set up */
    tap_directive("allow-dmesg WARNING: .*panthor_mmu");
    tap_directive("stock-warns ^WARNING: .* at panthor_mmu_(unplug|suspend)");
    TAP_MUST(panthor_open(&dev));
    TAP_MUST(module_device_name(&dev, name, sizeof(name)));
    if (host_request(NULL, 0, "inject-clear")) {
        tap_skip(host_error(), "resets");
        panthor_close(&dev);
        return tap_end();
    }
    test_start();
    test_no_wake();
    test_hung_asleep();
    TAP_MUST(panthor_forbid_suspend(&dev, true));
    test_in_flight();
    test_bind();
    test_own_buffers();
    test_given_up();
    panthor_forbid_suspend(&dev, false);
    panthor_close(&dev);
    return tap_end();
}
