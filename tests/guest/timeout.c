/*
 * timeout: an endless stream ends with the driver's time-out, alone
 *
 * Slow: the driver gives a job five seconds on its slot.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

/* JOB_TIMEOUT_MS of panthor_sched.c, and how much later we still wait */
#define DRIVER_TIMEOUT_MS 5000
#define WAIT_MS (3 * DRIVER_TIMEOUT_MS)
#define JOB_TIMEOUT_MS 1000

int main(int argc, char **argv)
{
    uint32_t fatal = 0, size, served = 0;
    int ret, state, status = 0, failed = 0, log;
    PanthorContext ctx, bystander;
    char record[1024];
    uint64_t start, ms, va;
    PanthorDev dev;
    Stream s;

    tap_start(argc, argv, NULL, "Lets the driver end an endless stream.");
    tap_directive("allow-dmesg job timeout");
    tap_directive("allow-dmesg CSG slot [0-9]+ progress timeout|"
                  "CSG_PROGRESS_TIMER_EVENT");

    log = TAP_MUST(kernel_log_open());
    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&bystander, &dev, 1);
    panthor_context_init(&ctx, &dev, 1);

    stream_init(&s);
    stream_begin(&s);
    stream_branch_back(&s, CS_COND_ALWAYS, 0, stream_here(&s));
    va = stream_place(&s, &ctx.code, &size);
    start = kernel_now_ns();
    TAP_MUST(panthor_submit(&ctx, 0, va, size, ctx.syncobj));

    /* Others are served while it runs */
    do {
        ret = panthor_store_job(&bystander, ++served, JOB_TIMEOUT_MS);
        if (ret && !failed++) {
            tap_diag("bystander's job %u: %s", served, strerror(-ret));
        }
        ret = panthor_syncobj_wait(&dev, ctx.syncobj, 0, false, 100);
        ms = (kernel_now_ns() - start) / 1000000;
    } while (ret == -ETIME && ms < WAIT_MS);

    if (!ret) {
        panthor_syncobj_status(&dev, ctx.syncobj, &status);
    }
    tap_diag("ended after %u ms; %u jobs of another VM meanwhile",
             (unsigned)ms, served);
    tap_ok(!failed, "another VM is served while the stream runs");
    tap_ok(!ret && ms + 1000 >= DRIVER_TIMEOUT_MS,
           "the endless stream ends, not before its time");
    if (!tap_ok(status == -ETIMEDOUT, "its fence says time-out")) {
        tap_diag("%s", strerror(-status));
    }
    state = panthor_group_state(&dev, ctx.group, &fatal);
    if (!tap_ok(state == DRM_PANTHOR_GROUP_STATE_TIMEDOUT && !fatal,
                "its group is timed out")) {
        tap_diag("state 0x%x, queues 0x%x", state, fatal);
    }
    tap_ok(!kernel_log_find(log, "job timeout", record, sizeof(record), 500),
           "the driver says so in the log");
    tap_ok(panthor_submit(&ctx, 0, va, size, ctx.syncobj) == -EINVAL,
           "the group takes no more jobs");

    panthor_context_new_group(&ctx, 1);
    ret = panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS);
    tap_ok(!ret, "a new group on the same VM works");
    ret = panthor_store_job(&bystander, ++served, JOB_TIMEOUT_MS);
    tap_ok(!ret, "another VM lives on");

    panthor_context_fini(&ctx);
    panthor_context_fini(&bystander);
    panthor_close(&dev);
    close(log);
    return tap_end();
}
