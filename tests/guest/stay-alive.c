/*
 * stay-alive: the device survives time, sleep and the loss of its driver
 *
 * Slow: past the firmware's ping, which the driver sends after 12 s; many
 * runtime suspends and resumes; the module unloaded and loaded again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 2000

/* PING_INTERVAL_MS of panthor_fw.c is 12 s; once, with time for the answer */
#define PING_WATCH_MS 13000
/* One stream after another, each below the driver's 5 s */
#define SPIN_MS 500

#define SUSPEND_CYCLES 20
#define SUSPEND_TIMEOUT_MS 1000

/* Sleeps around the 50 ms of autosuspend, so that jobs race with it */
#define RACE_CYCLES 60
#define RACE_FIRST_MS 40
#define RACE_SPREAD_MS 21

#define MODULE_CYCLES 3

/*
 * Streams that spin, two at a time and released in turn: the GPU never
 * idles, so that the driver keeps its ping running.
 */
static void test_ping(PanthorDev *dev)
{
    uint64_t start = kernel_now_ns(), ms;
    unsigned active = 0, rounds = 0;
    PanthorContext ctx;
    uint32_t syncobj[2], size[2];
    uint64_t va[2];
    char record[1024], status[32];
    int log, ret = 0;
    Stream s;
    int i;

    log = TAP_MUST(kernel_log_open());
    panthor_context_init(&ctx, dev, 2);
    for (i = 0; i < 2; i++) {
        TAP_MUST(panthor_syncobj_create(dev, &syncobj[i]));
        stream_init(&s);
        stream_begin(&s);
        panthor_emit_spin(&s, i);
        stream_end(&s);
        va[i] = stream_place(&s, &ctx.code, &size[i]);
        TAP_MUST(panthor_submit(&ctx, i, va[i], size[i], syncobj[i]));
    }
    do {
        i = rounds++ & 1;
        kernel_sleep_ms(SPIN_MS);
        panthor_poll_set(&ctx, i, 1);
        ret = panthor_syncobj_wait(dev, syncobj[i], 0, false,
                                   JOB_TIMEOUT_MS);
        if (ret) {
            break;
        }
        panthor_poll_set(&ctx, i, 0);
        TAP_MUST(panthor_submit(&ctx, i, va[i], size[i], syncobj[i]));
        active += !panthor_runtime_status(dev, status, sizeof(status)) &&
                  !strcmp(status, "active");
        ms = (kernel_now_ns() - start) / 1000000;
    } while (ms < PING_WATCH_MS);
    for (i = 0; i < 2; i++) {
        panthor_poll_set(&ctx, i, 1);
        ret = ret ? ret : panthor_syncobj_wait(dev, syncobj[i], 0, false,
                                               JOB_TIMEOUT_MS);
        panthor_syncobj_destroy(dev, syncobj[i]);
    }

    if (!tap_ok(!ret, "streams run for %u s", PING_WATCH_MS / 1000)) {
        tap_diag("%s after %u rounds", strerror(-ret), rounds);
    }
    tap_ok(active == rounds, "the GPU was active all the time (%u of %u)",
           active, rounds);
    tap_ok(kernel_log_find(log, "ping timeout", record, sizeof(record), 0) ==
           -ENOENT, "the firmware answered the ping");
    tap_ok(!panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS), "a job after that");
    panthor_context_fini(&ctx);
    close(log);
}

static void test_suspend(PanthorDev *dev)
{
    unsigned good = 0, suspended = 0, raced = 0, i;
    PanthorContext ctx;
    int ret;

    panthor_context_init(&ctx, dev, 1);
    for (i = 0; i < SUSPEND_CYCLES; i++) {
        ret = panthor_store_job(&ctx, 2 * i + 1, JOB_TIMEOUT_MS);
        if (ret) {
            tap_diag("cycle %u, before: %s", i, strerror(-ret));
            break;
        }
        ret = panthor_wait_suspended(dev, SUSPEND_TIMEOUT_MS);
        if (!ret) {
            suspended++;
        } else {
            tap_diag("cycle %u: awake: %s", i, strerror(-ret));
        }
        ret = panthor_store_job(&ctx, 2 * i + 2, JOB_TIMEOUT_MS);
        if (ret) {
            tap_diag("cycle %u, after: %s", i, strerror(-ret));
            break;
        }
        good++;
    }
    tap_ok(good == SUSPEND_CYCLES, "jobs before and after %u suspends",
           SUSPEND_CYCLES);
    tap_ok(suspended == good, "the GPU was suspended in between (%u of %u)",
           suspended, good);

    for (i = 0; i < RACE_CYCLES; i++) {
        kernel_sleep_ms(RACE_FIRST_MS + i % RACE_SPREAD_MS);
        ret = panthor_store_job(&ctx, 1000 + i, JOB_TIMEOUT_MS);
        if (ret) {
            tap_diag("race %u: %s", i, strerror(-ret));
            break;
        }
        raced++;
    }
    tap_ok(raced == RACE_CYCLES, "jobs that race with the suspend (%u of %u)",
           raced, RACE_CYCLES);
    panthor_context_fini(&ctx);
}

static void test_module(PanthorDev *dev)
{
    unsigned good = 0, i;
    const char *problem;
    PanthorContext ctx;
    Module module;
    int ret = 0;

    problem = module_open(&module);
    if (problem) {
        tap_skip(problem, "module unload and load");
        return;
    }
    for (i = 0; i < MODULE_CYCLES; i++) {
        panthor_close(dev);
        ret = module_unload();
        if (ret) {
            tap_diag("cycle %u: unload: %s", i, strerror(-ret));
            break;
        }
        ret = module_load(&module, dev);
        if (ret) {
            tap_diag("cycle %u: load: %s", i, strerror(-ret));
            break;
        }
        panthor_context_init(&ctx, dev, 1);
        ret = panthor_store_job(&ctx, i + 1, JOB_TIMEOUT_MS);
        panthor_context_fini(&ctx);
        if (ret) {
            tap_diag("cycle %u: job: %s", i, strerror(-ret));
            break;
        }
        good++;
    }
    tap_ok(good == MODULE_CYCLES, "module unload and load, and a job (%u of "
           "%u)", good, MODULE_CYCLES);
    module_close(&module);
}

int main(int argc, char **argv)
{
    PanthorDev dev;

    tap_start(argc, argv, NULL,
              "Keeps the GPU busy, asleep, and without its driver.");
    TAP_MUST(panthor_open(&dev));
    test_ping(&dev);
    test_suspend(&dev);
    test_module(&dev);
    panthor_close(&dev);
    return tap_end();
}
