/*
 * progress: an endpoint that does not end its work
 *
 * The firmware's progress timer tells the driver, which ends the group
 * before the time-out of the job would.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

/*
 * PROGRESS_TIMEOUT_CYCLES of panthor_fw.c at the 1 GHz of the model's clock
 * are 2.6 s; JOB_TIMEOUT_MS of panthor_sched.c is 5 s.
 */
#define PROGRESS_MS 2600
#define WAIT_MS 15000
/* Longer than both */
#define LATENCY "60000000000"

static uint64_t place_job(PanthorContext *ctx, uint32_t *size)
{
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_opcode(CS_OP_RUN_COMPUTE));
    stream_emit(&s, cs_wait(1 << STREAM_SB_ENDPOINT));
    stream_end(&s);
    return stream_place(&s, &ctx->code, size);
}

int main(int argc, char **argv)
{
    uint32_t size, fatal = 0;
    int ret, state, status = 0, log;
    PanthorContext ctx;
    char record[1024];
    uint64_t start, ms, va;
    PanthorDev dev;

    tap_start(argc, argv, NULL, "Gives work to an endpoint that never ends.");
    tap_directive("allow-dmesg CSG slot [0-9]+ progress timeout|"
                  "CSG_PROGRESS_TIMER_EVENT");
    log = TAP_MUST(kernel_log_open());
    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&ctx, &dev, 1);
    va = place_job(&ctx, &size);
    TAP_MUST(panthor_run(&ctx, 0, va, size, WAIT_MS));
    if (host_request(NULL, 0, "qom-set x-endpoint-latency-ns " LATENCY)) {
        tap_skip(host_error(), "work of an endpoint takes time");
        return tap_end();
    }

    start = kernel_now_ns();
    TAP_MUST(panthor_submit(&ctx, 0, va, size, ctx.syncobj));
    ret = panthor_syncobj_wait(&dev, ctx.syncobj, 0, false, WAIT_MS);
    ms = (kernel_now_ns() - start) / 1000000;
    host_request(NULL, 0, "qom-set x-endpoint-latency-ns 0");
    if (!ret) {
        panthor_syncobj_status(&dev, ctx.syncobj, &status);
    }
    tap_diag("ended after %u ms", (unsigned)ms);
    if (ret && !kernel_at_least(7, 0)) {
        /* See "Groups that do not get their turn" in docs/findings.rst */
        tap_skip("before 7.0 a group does not always get its slot",
                 "the job ends, not before its time");
        return tap_end();
    }
    tap_ok(!ret && ms + 500 >= PROGRESS_MS,
           "the job ends, not before its time");
    if (!tap_ok(status == -ETIMEDOUT, "its fence says time-out")) {
        tap_diag("%s", strerror(-status));
    }
    state = panthor_group_state(&dev, ctx.group, &fatal);
    if (!tap_ok(state == DRM_PANTHOR_GROUP_STATE_TIMEDOUT && !fatal,
                "its group is timed out")) {
        tap_diag("state 0x%x, queues 0x%x", state, fatal);
    }
    tap_ok(!kernel_log_find(log, "progress timeout", record, sizeof(record),
                            500),
           "it was the progress timer, says the driver");

    panthor_context_new_group(&ctx, 1);
    ret = panthor_run(&ctx, 0, va, size, WAIT_MS);
    tap_ok(!ret, "a new group on the same VM works");

    panthor_context_fini(&ctx);
    panthor_close(&dev);
    close(log);
    return tap_end();
}
