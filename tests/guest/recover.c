/*
 * recover: the driver comes and goes, and the machine sleeps
 *
 * A device that panthor has given up comes back when it is bound anew; it is
 * unbound, and its module unloaded, while jobs are in flight; it is put to
 * sleep between jobs that follow close on each other; and the machine is
 * suspended to idle.  With --rounds, each a hundred times.  Three findings
 * about the driver: with --unload, the module goes while a job of a device that
 * is gone is still waited for; with --busy, the machine is suspended while
 * streams run; with --kept, a device is never freed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define RTC "/sys/class/rtc/rtc0/"

#define JOB_TIMEOUT_MS 5000
#define LOG_TIMEOUT_MS 1000

/*
 * Of a device that was unbound, a job in flight ends when the driver's 5 s
 * for it are over, and a while later
 */
#define JOBS_END_MS 8000

#define QUICK_ROUNDS 4
#define SLOW_ROUNDS 100
#define BUSY_ROUNDS 10

/* Jobs for each round of the test that puts the GPU to sleep in between */
#define JOBS_PER_ROUND 10

static PanthorDev dev;
static unsigned rounds = QUICK_ROUNDS;

static int job_on_new_vm(uint32_t value)
{
    PanthorContext ctx;
    int ret;

    panthor_context_init(&ctx, &dev, 1);
    ret = panthor_store_job(&ctx, value, JOB_TIMEOUT_MS);
    panthor_context_fini(&ctx);
    return ret;
}

/*
 * A process that has two streams run, and dies with them: nothing else lets
 * go of its mappings of the device.
 */
static pid_t start_child(void)
{
    PanthorContext ctx[2];
    int ready[2];
    char c = 0;
    pid_t pid;

    if (pipe(ready)) {
        tap_bail_out("pipe: %s", strerror(errno));
    }
    pid = fork();
    if (pid < 0) {
        tap_bail_out("fork: %s", strerror(errno));
    }
    if (!pid) {
        PanthorDev own;

        /* Not the parent's, which it may close */
        panthor_close(&dev);
        TAP_MUST(panthor_open(&own));
        for (int i = 0; i < 2; i++) {
            panthor_context_init(&ctx[i], &own, 1);
            panthor_submit_spin(&ctx[i]);
        }
        kernel_sleep_ms(20);
        (void)!write(ready[1], &c, 1);
        for (;;) {
            pause();
        }
    }
    close(ready[1]);
    if (read(ready[0], &c, 1) != 1) {
        tap_bail_out("the child has ended");
    }
    close(ready[0]);
    return pid;
}

static void end_child(pid_t *pid)
{
    if (*pid > 0) {
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

/*
 * A reset whose boot fails has panthor give the device up
 * (panthor_device_reset_work(), v7.3).  Bound anew, it is as good as before.
 */
static void test_given_up(void)
{
    char record[1024] = "", name[64];
    int log, ret;

    if (host_request(NULL, 0, "inject-clear")) {
        tap_skip(host_error(), "a device that was given up");
        return;
    }
    log = TAP_MUST(kernel_log_open());
    TAP_MUST(module_device_name(&dev, name, sizeof(name)));
    TAP_MUST(panthor_forbid_suspend(&dev, true));
    /* The next boot is that of the reset, which the fault asks for. */
    TAP_MUST(host_request(NULL, 0, "inject mcu-boot"));
    TAP_MUST(host_request(NULL, 0, "inject cs-fatal opcode=0x15"));
    ret = job_on_new_vm(1);
    tap_ok(ret, "given up: the job that met it fails");
    ret = kernel_log_find(log, "making device unusable", record,
                          sizeof(record), 3000);
    tap_ok(!ret, "given up: the driver says so");
    host_request(NULL, 0, "inject-clear");
    ret = panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_GPU_INFO, record,
                        sizeof(record));
    tap_ok(ret == -ENODEV, "given up: there is no device any more");
    ret = module_unbind_name(name);
    panthor_close(&dev);
    if (!ret) {
        ret = module_bind(name, &dev);
    }
    if (!tap_ok(!ret, "given up: it can be bound anew")) {
        tap_bail_out("no device: %s", strerror(-ret));
    }
    tap_ok(!job_on_new_vm(2), "given up: and works");
    /* What was written there outlives the driver. */
    panthor_forbid_suspend(&dev, false);
    close(log);
}

/*
 * Every second round, streams run when the driver is taken away; every
 * second of those, they are still open when it is back.  Not up to 6.12,
 * where the time-out of such a job comes again and again, for ever: to
 * unload the module later would crash, see test_unload().
 */
static void test_unbind(void)
{
    char name[64];
    unsigned good = 0, gone = 0, i;
    pid_t child = 0;
    uint32_t vm;
    int ret;

    for (i = 0; i < rounds; i++) {
        if ((i & 1) && kernel_locks_first()) {
            child = start_child();
        }
        ret = module_unbind(&dev, name, sizeof(name));
        if (ret) {
            tap_diag("round %u: unbind: %s", i, strerror(-ret));
            break;
        }
        /* Who had it open is told, and can close it. */
        gone += panthor_vm_create(&dev, &vm) == -ENODEV;
        panthor_close(&dev);
        if (i & 2) {
            end_child(&child);
        }
        ret = module_bind(name, &dev);
        if (ret) {
            tap_diag("round %u: bind: %s", i, strerror(-ret));
            break;
        }
        end_child(&child);
        ret = job_on_new_vm(i + 1);
        if (ret) {
            tap_diag("round %u: job: %s", i, strerror(-ret));
            break;
        }
        good++;
    }
    end_child(&child);
    if (kernel_locks_first()) {
        kernel_sleep_ms(JOBS_END_MS);
    }
    tap_ok(good == rounds, "unbind and bind, jobs in flight or not, and a "
           "job (%u of %u)", good, rounds);
    tap_ok(gone == good, "who had the device open is told (%u of %u)", gone,
           good);
    if (good != rounds) {
        tap_bail_out("no device");
    }
}

/* The module cannot go while it is open: who has jobs in flight dies first */
static void test_module(void)
{
    unsigned good = 0, i;
    pid_t child = 0;
    const char *reason;
    Module module;
    int ret;

    reason = module_open(&module);
    if (reason) {
        tap_skip(reason, "module reload");
        return;
    }
    for (i = 0; i < rounds; i++) {
        child = start_child();
        panthor_close(&dev);
        end_child(&child);
        ret = module_unload();
        if (ret) {
            tap_diag("round %u: unload: %s", i, strerror(-ret));
            break;
        }
        ret = module_load(&module, &dev);
        if (!ret) {
            ret = job_on_new_vm(i + 1);
        }
        if (ret) {
            tap_diag("round %u: %s", i, strerror(-ret));
            break;
        }
        good++;
    }
    module_close(&module);
    tap_ok(good == rounds, "module unloaded under jobs in flight, loaded, and "
           "a job (%u of %u)", good, rounds);
    if (good != rounds) {
        tap_bail_out("no device");
    }
}

/*
 * Nothing keeps the module while the driver's work for a job of a device that
 * is gone is still to come: docs/findings.rst.
 */
static void test_unload(void)
{
    char name[64], record[1024];
    const char *reason;
    Module module;
    pid_t child;
    int log, ret;

    reason = module_open(&module);
    if (reason) {
        tap_skip(reason, "work that outlives the module");
        return;
    }
    log = TAP_MUST(kernel_log_open());
    child = start_child();
    TAP_MUST(module_unbind(&dev, name, sizeof(name)));
    panthor_close(&dev);
    end_child(&child);
    TAP_MUST(module_unload());
    ret = kernel_log_find(log, "Unable to handle kernel paging request",
                          record, sizeof(record), JOBS_END_MS);
    if (ret) {
        tap_skip("not met", "work that outlives the module");
    } else {
        tap_ok(true, "work that outlives the module: the kernel oopses");
    }
    TAP_MUST(module_load(&module, &dev));
    module_close(&module);
    close(log);
}

/* The number of its node when the device has been away for @ms */
static int node_after_unbind(unsigned ms, pid_t *child)
{
    char name[64];

    TAP_MUST(module_unbind(&dev, name, sizeof(name)));
    panthor_close(&dev);
    end_child(child);
    kernel_sleep_ms(ms);
    TAP_MUST(module_bind(name, &dev));
    return dev.node;
}

/*
 * A device that is not freed keeps its number, and the next one gets another:
 * docs/findings.rst.
 */
static void test_kept(void)
{
    static const char name[] = "a device that is never freed";
    int node = dev.node, idle, busy;
    pid_t child = 0;

    idle = node_after_unbind(0, &child);
    if (!tap_ok(idle == node, "without a job in flight it is freed")) {
        tap_diag("node %d, and then %d", node, idle);
    }
    child = start_child();
    busy = node_after_unbind(JOBS_END_MS, &child);
    if (busy == idle) {
        tap_skip("not met", name);
    } else {
        tap_ok(true, "%s: its node %d is still taken", name, idle);
    }
}

/* The GPU falls asleep at once whenever it idles, and the next job comes */
static void test_sleep(void)
{
    char path[96];
    unsigned good = 0, i;
    PanthorContext ctx[2];

    panthor_forbid_suspend(&dev, false);
    snprintf(path, sizeof(path),
             "/sys/class/drm/renderD%d/device/power/autosuspend_delay_ms",
             dev.node);
    TAP_MUST(kernel_write_file(path, "0"));
    panthor_context_init(&ctx[0], &dev, 1);
    panthor_context_init(&ctx[1], &dev, 1);
    for (i = 0; i < rounds * JOBS_PER_ROUND; i++) {
        int ret = panthor_store_job(&ctx[i & 1], i + 1, JOB_TIMEOUT_MS);

        if (ret) {
            tap_diag("job %u: %s", i, strerror(-ret));
            break;
        }
        good++;
        kernel_sleep_ms(i % 7);
    }
    tap_ok(good == rounds * JOBS_PER_ROUND,
           "jobs while the GPU sleeps at every chance (%u of %u)", good,
           rounds * JOBS_PER_ROUND);
    panthor_context_fini(&ctx[0]);
    panthor_context_fini(&ctx[1]);
    TAP_MUST(kernel_write_file(path, "50"));
}

/* Suspend to idle, and have the clock wake the machine a second later */
static int suspend_to_idle(void)
{
    int ret = kernel_write_file(RTC "wakealarm", "0");

    ret = kernel_write_file(RTC "wakealarm", "+2");
    return ret ? ret : kernel_write_file("/sys/power/state", "freeze");
}

static bool can_suspend(const char *what)
{
    if (access(RTC "wakealarm", W_OK) || access("/sys/power/state", W_OK)) {
        tap_skip("no clock that could wake the machine", what);
        return false;
    }
    return true;
}

/* Nothing runs meanwhile: see test_busy() */
static void test_idle(void)
{
    unsigned good = 0, i, wanted = (rounds + 3) / 4;
    PanthorContext ctx;
    int ret;

    if (!can_suspend("suspend to idle")) {
        return;
    }
    panthor_context_init(&ctx, &dev, 1);
    for (i = 0; i < wanted; i++) {
        ret = panthor_store_job(&ctx, 2 * i + 1, JOB_TIMEOUT_MS);
        if (!ret) {
            ret = suspend_to_idle();
        }
        if (!ret) {
            ret = panthor_store_job(&ctx, 2 * i + 2, JOB_TIMEOUT_MS);
        }
        if (ret) {
            tap_diag("round %u: %s", i, strerror(-ret));
            break;
        }
        good++;
    }
    tap_ok(good == wanted, "suspend to idle between jobs (%u of %u)", good,
           wanted);
    panthor_context_fini(&ctx);
}

/*
 * A tick of the driver's scheduler is always due while two groups of one
 * priority run, and no device holds it back: docs/findings.rst.
 */
static void test_busy(void)
{
    static const char name[] = "suspend to idle while streams run";
    unsigned round;
    int log, ret = 0;

    if (!can_suspend(name)) {
        return;
    }
    log = TAP_MUST(kernel_log_open());
    for (round = 0; !ret && round < BUSY_ROUNDS; round++) {
        PanthorContext ctx[2];
        char record[1024];

        for (int i = 0; i < 2; i++) {
            panthor_context_init(&ctx[i], &dev, 1);
            panthor_submit_spin(&ctx[i]);
        }
        kernel_sleep_ms(50);
        TAP_MUST(suspend_to_idle());
        for (int i = 0; i < 2; i++) {
            /* Longer than the driver takes to give such a job up */
            int end = panthor_end_spin(&ctx[i], 2 * JOB_TIMEOUT_MS);

            if (end) {
                tap_diag("round %u, stream %d: %s", round, i, strerror(-end));
                ret = end;
            }
            panthor_context_fini(&ctx[i]);
        }
        if (ret) {
            tap_ok(!kernel_log_find(log, "update request timedout", record,
                                    sizeof(record), 0),
                   "%s: the driver has asked a GPU that sleeps", name);
        }
    }
    if (ret) {
        tap_ok(true, "%s: it loses them", name);
    } else {
        tap_skip("not met", name);
    }
    close(log);
}

int main(int argc, char **argv)
{
    static const char *const options[] = { "--rounds", "--unload", "--busy",
                                           "--kept", NULL };
    int option = tap_start(argc, argv, options,
                           "Takes the driver away, puts the machine to "
                           "sleep.");

    if (option == 1) {
        tap_directive("allow-dmesg .");
        TAP_MUST(panthor_open(&dev));
        test_unload();
        panthor_close(&dev);
        return tap_end();
    }
    if (option == 2) {
        tap_directive("allow-dmesg .");
        TAP_MUST(panthor_open(&dev));
        test_busy();
        panthor_close(&dev);
        return tap_end();
    }
    if (option == 3) {
        tap_directive("allow-dmesg job timeout");
        TAP_MUST(panthor_open(&dev));
        test_kept();
        panthor_close(&dev);
        return tap_end();
    }
    if (!option) {
        rounds = SLOW_ROUNDS;
    }
    tap_directive("allow-dmesg Failed to boot MCU|reset failed|"
                  "making device unusable|CS_FATAL|CSG slot");
    /* Of a job that was in flight when the device went away */
    tap_directive("allow-dmesg job timeout");
    TAP_MUST(panthor_open(&dev));
    test_sleep();
    test_idle();
    test_given_up();
    test_module();
    /* Last, since what it leaves behind is in the way of an unload: --kept */
    test_unbind();
    panthor_close(&dev);
    return tap_end();
}
