/*
 * unplug: the device is taken away while it is in use
 *
 * Threads call the driver in loops, events of the firmware come in, and the
 * GPU is awake, asleep, or on its way: the device is unbound.  Who had it open
 * is told, nobody uses what is freed, and it can be bound again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/probe.h"
#include "lib/second.h"
#include "lib/tap.h"

#define ROUNDS 3
#define EVENT_ROUNDS 2
#define JOB_TIMEOUT_MS 5000
#define SUSPEND_TIMEOUT_MS 5000
/* Longer than the driver takes to end, on a machine that is not too busy */
#define SLOW_US 250000
/* How many times slower work for events is, so that it ends after that */
#define SLOWER 2
#define EVENTS_TIMEOUT_MS 1000
/* For longer than the device takes to go */
#define EVENTS 20000
#define EVENT_NS 2000000
#define CALLS_MS 30
/* How often another device has an interrupt: a busy host may miss some */
#define SHARED 100

static PanthorDev dev;
static char name[64];

static bool bind_again(const char *what)
{
    panthor_close(&dev);
    if (!module_bind_and_run(name, &dev)) {
        tap_ok(false, "%s: it can be bound again", what);
        tap_bail_out("no device");
    }
    return true;
}

/* Nobody else lets go of the device before its process has ended. */
static bool is_gone(void)
{
    uint32_t vm;

    return panthor_vm_create(&dev, &vm) == -ENODEV;
}

/*
 * The firmware has events all the time, and the driver is slow at its work for
 * them: whenever the device goes, some of it is under way
 */
static bool begin_events(PanthorContext *ctx, const Probe *count)
{
    uint64_t before = probe_read(count);

    TAP_MUST(host_request(NULL, 0, "inject irq-spurious interrupt=job mask=1 "
                          "count=%u delay-ns=%u", EVENTS, EVENT_NS));
    /* It may have gone to sleep */
    panthor_submit_store(ctx, 2);
    for (unsigned i = 0; i < EVENTS_TIMEOUT_MS; i++) {
        if (probe_read(count) > before) {
            return true;
        }
        kernel_sleep_ms(1);
    }
    return false;
}

/*
 * What the kernel has unmapped may be read for a while, since it leaves
 * translations alone until there are many to drop.  The new process drops those
 * of this one, and QEMU all of them.
 */
static void drop_translations(void)
{
    pid_t pid = fork();

    if (!pid) {
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

/*
 * Work of the driver is done by the first processor; interrupts and this thread
 * are on the last one.  So neither holds up the other when it is slow: what is
 * unmapped needs an interrupt, of a flush, to be freed at once.
 */
static void stay_apart(void)
{
    int last = sysconf(_SC_NPROCESSORS_ONLN) - 1;

    if (kernel_work_on(1)) {
        tap_diag("work is done by any processor");
    }
    second_pin(pthread_self(), last);
    if (kernel_interrupts_on("panthor-*", 1u << last)) {
        tap_diag("interrupts are where they were");
    }
}

static void stay_anywhere(void)
{
    kernel_work_on(0);
    kernel_interrupts_on("panthor-*", 0);
    second_unpin(pthread_self());
}

/*
 * Work for the firmware's events is slow to begin: the driver has to wait for
 * it before it frees what the work looks at (panthor_sched_unplug(), v7.3).
 */
static void test_events(void)
{
    static const char test[] = "events of the firmware are handled while the "
                               "device goes";
    static const char function[] = "process_fw_events_work";
    const char *missing = probe_missing();
    unsigned gone = 0;

    if (missing || host_request(NULL, 0, "inject-clear")) {
        tap_skip(missing ? missing : host_error(), test);
        return;
    }
    for (unsigned i = 0; i < EVENT_ROUNDS; i++) {
        Probe slow[SLOWER], count;
        PanthorContext ctx;

        stay_apart();
        panthor_context_init(&ctx, &dev, 1);
        TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
        /* The first one that is set comes first */
        if (probe_count(&count, function)) {
            probe_close(&count);
            stay_anywhere();
            tap_skip("the driver has no such function", test);
            return;
        }
        for (unsigned j = 0; j < SLOWER; j++) {
            TAP_MUST(probe_delay(&slow[j], function, PROBE_ENTRY, SLOW_US, 0));
        }
        if (!begin_events(&ctx, &count)) {
            tap_diag("round %u: no event", i);
        }
        TAP_MUST(module_unbind_name(name));
        drop_translations();
        TAP_MUST(host_request(NULL, 0, "inject-clear"));
        kernel_sleep_ms(SLOWER * SLOW_US / 1000);
        for (unsigned j = 0; j < SLOWER; j++) {
            probe_close(&slow[j]);
        }
        probe_close(&count);
        gone += is_gone();
        bind_again(test);
    }
    stay_anywhere();
    tap_ok(gone == EVENT_ROUNDS, "%s (%u of %u)", test, gone, EVENT_ROUNDS);
}

/* Calls that do not end before the device is gone */
static volatile bool calling;

typedef struct Caller {
    const char *what;
    int (*call)(PanthorContext *ctx);
    pthread_t thread;
    PanthorContext ctx;
    unsigned count;
    int ret;
} Caller;

static int call_bind(PanthorContext *ctx)
{
    int ret = panthor_vm_map(&dev, ctx->vm, &ctx->data_bo, 0, 0x50000000,
                             ctx->data_bo.size,
                             DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);

    return ret ? ret : panthor_vm_unmap(&dev, ctx->vm, 0x50000000,
                                        ctx->data_bo.size);
}

static int call_job(PanthorContext *ctx)
{
    PanthorJob job = { .stream_va = PANTHOR_CODE_VA, .stream_size = 64 };

    return panthor_group_submit(&dev, ctx->group, &job, 1);
}

static int call_vm(PanthorContext *ctx __attribute__((unused)))
{
    uint32_t vm;
    int ret = panthor_vm_create(&dev, &vm);

    if (!ret) {
        panthor_vm_destroy(&dev, vm);
    }
    return ret;
}

static int call_query(PanthorContext *ctx __attribute__((unused)))
{
    struct drm_panthor_timestamp_info info;
    struct drm_panthor_csif_info csif;
    /* The former wakes the GPU; before version 1.1 there was none */
    int ret = dev.minor > 0 ?
              panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO, &info,
                            sizeof(info)) :
              panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif,
                            sizeof(csif));

    return ret < 0 ? ret : 0;
}

static void *call_loop(void *opaque)
{
    Caller *c = opaque;

    while (calling && !c->ret) {
        c->ret = c->call(&c->ctx);
        c->count++;
    }
    return NULL;
}

static void test_calls(void)
{
    static Caller callers[] = {
        { .what = "VM_BIND", .call = call_bind },
        { .what = "GROUP_SUBMIT", .call = call_job },
        { .what = "VM_CREATE", .call = call_vm },
        { .what = "DEV_QUERY", .call = call_query },
    };
    unsigned i;

    for (i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
        Caller *c = &callers[i];

        panthor_context_init(&c->ctx, &dev, 1);
        /* The code of call_job() */
        TAP_MUST(panthor_store_job(&c->ctx, 1, JOB_TIMEOUT_MS));
    }
    calling = true;
    for (i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
        TAP_MUST(-pthread_create(&callers[i].thread, NULL, call_loop,
                                 &callers[i]));
    }
    kernel_sleep_ms(CALLS_MS);
    TAP_MUST(module_unbind_name(name));
    kernel_sleep_ms(CALLS_MS);
    calling = false;
    for (i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
        pthread_join(callers[i].thread, NULL);
        if (!tap_ok(callers[i].ret == -ENODEV, "%s in a loop is told that the "
                    "device is gone", callers[i].what)) {
            tap_diag("%u calls, the last: %s", callers[i].count,
                     strerror(-callers[i].ret));
        }
    }
    bind_again("calls in loops");
}

/* Asleep, or about to be, it is no different. */
static void test_asleep(void)
{
    unsigned gone = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i != 1) {
            panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS);
        }
        TAP_MUST(module_unbind_name(name));
        gone += is_gone();
        bind_again("asleep");
    }
    tap_ok(gone == ROUNDS, "a GPU that sleeps is taken away (%u of %u)", gone,
           ROUNDS);
}

/*
 * The lines of the GPU may be those of other devices as well: a handler that is
 * called for these may not touch the registers of a GPU that sleeps.  The
 * device's checker sees who does, if the GPU has slept for a while.
 */
static void test_shared_lines(void)
{
    static const char test[] = "interrupts of other devices while it sleeps";
    static const char *const lines[] = { "job", "mmu", "gpu" };

    if (host_request(NULL, 0, "inject-clear")) {
        tap_skip(host_error(), test);
        return;
    }
    if (panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS)) {
        tap_skip("it does not sleep", test);
        return;
    }
    kernel_sleep_ms(SLOW_US / 1000);
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        uint64_t before = panthor_interrupts(lines[i]);
        unsigned ms = 0;

        TAP_MUST(host_request(NULL, 0, "inject irq-shared interrupt=%s "
                              "count=%u delay-ns=%u", lines[i], SHARED,
                              EVENT_NS));
        while (panthor_interrupts(lines[i]) == before &&
               ms++ < EVENTS_TIMEOUT_MS) {
            kernel_sleep_ms(1);
        }
        tap_ok(panthor_interrupts(lines[i]) > before &&
               !panthor_wait_suspended(&dev, 0), "%s: %s", test, lines[i]);
        TAP_MUST(host_request(NULL, 0, "inject-clear"));
    }
}

/*
 * What unbinds a device wakes it up, and lets it go to sleep again before the
 * driver takes it away: if it does so in the midst of that, the driver has to
 * notice (panthor_device_unplug(), v7.3).  What it then does to the GPU is late
 * enough for the device's checker to know that it sleeps.
 */
static void test_falls_asleep(void)
{
    static const char test[] = "a GPU that is about to sleep is taken away";
    Probe begin, later;
    const char *missing = probe_missing();

    if (missing) {
        tap_skip(missing, test);
        return;
    }
    probe_slow(&begin, "drm_dev_unplug", SLOW_US, 0);
    probe_slow(&later, "panthor_fw_unplug", SLOW_US, 0);
    tap_ok(!module_unbind_name(name) && is_gone(), test);
    probe_close(&begin);
    probe_close(&later);
    bind_again(test);
}

/*
 * A GPU that sleeps and cannot be woken up: the driver has to leave it alone,
 * since it has no clock (panthor_pwr_unplug() and others, v7.3).  The device's
 * checker sees who does not, if what is done is late enough.
 */
static void test_not_resumed(void)
{
    static const char test[] = "a GPU that does not wake up is taken away";
    static const char *const functions[] = {
        "panthor_fw_unplug", "panthor_mmu_unplug", "panthor_gpu_unplug",
        "panthor_pwr_unplug",
    };
    Probe slow[sizeof(functions) / sizeof(functions[0])];
    unsigned i, count = sizeof(functions) / sizeof(functions[0]);
    const char *missing = probe_missing();

    if (!kernel_at_least(7, 0)) {
        tap_skip("only tried from 7.0 on", test);
        return;
    }
    if (missing || host_request(NULL, 0, "inject-clear")) {
        tap_skip(missing ? missing : host_error(), test);
        return;
    }
    if (panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS)) {
        tap_skip("it does not sleep", test);
        return;
    }
    for (i = 0; i < count; i++) {
        probe_slow(&slow[i], functions[i], SLOW_US, 0);
    }
    TAP_MUST(host_request(NULL, 0, "inject mcu-boot count=0"));
    tap_ok(!module_unbind_name(name), test);
    for (i = 0; i < count; i++) {
        probe_close(&slow[i]);
    }
    host_request(NULL, 0, "inject-clear");
    bind_again(test);
}

int main(int argc, char **argv)
{
    static const char *const options[] = { "--not-resumed", NULL };
    int option = tap_start(argc, argv, options,
                           "Takes the device away while it is in use.");

    module_allow_left_jobs();
    TAP_MUST(panthor_open(&dev));
    TAP_MUST(module_device_name(&dev, name, sizeof(name)));
    if (option == 0) {
        tap_directive("allow-dmesg Failed to boot MCU|reset failed|"
                      "Fast reset failed|WARNING: .*panthor_device|"
                      "panthor.*(timed ?out|timeout|stuck|reset)");
        test_not_resumed();
        panthor_close(&dev);
        return tap_end();
    }
    test_asleep();
    test_shared_lines();
    if (kernel_at_least(7, 0)) {
        test_calls();
        test_events();
        test_falls_asleep();
    } else {
        tap_skip("before 7.0 the kernel crashes: upstream commit 6fa7c985a516 "
                 "and others", "the device goes while it is called");
    }
    panthor_close(&dev);
    return tap_end();
}
