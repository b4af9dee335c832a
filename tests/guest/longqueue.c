/*
 * longqueue: jobs that wait behind others for longer than the time-out of one
 *
 * The driver gives a job five seconds.  They count from when the jobs before
 * it have ended, not from its submission: a queue that makes progress may be as
 * long as it likes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <string.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

/* Together longer than JOB_TIMEOUT_MS of panthor_sched.c, which is 5000 */
#define JOBS        6
#define JOB_MS      1300
#define WAIT_MS     3000

int main(int argc, char **argv)
{
    uint32_t syncobj[JOBS];
    char record[512];
    unsigned done = 0;
    PanthorContext ctx;
    PanthorDev dev;
    int log;

    tap_start(argc, argv, NULL, "Fills a queue for longer than a time-out.");
    TAP_MUST(panthor_open(&dev));
    log = TAP_MUST(kernel_log_open());
    panthor_context_init(&ctx, &dev, 1);
    for (unsigned i = 0; i < JOBS; i++) {
        uint32_t size;
        uint64_t va;
        Stream s;

        TAP_MUST(panthor_syncobj_create(&dev, &syncobj[i]));
        stream_init(&s);
        stream_begin(&s);
        panthor_emit_spin(&s, i);
        stream_end(&s);
        va = stream_place(&s, &ctx.code, &size);
        TAP_MUST(panthor_submit(&ctx, 0, va, size, syncobj[i]));
    }
    for (unsigned i = 0; i < JOBS; i++) {
        int status = 0, ret;

        kernel_sleep_ms(JOB_MS);
        panthor_poll_set(&ctx, i, 1);
        ret = panthor_syncobj_wait(&dev, syncobj[i], 0, false, WAIT_MS);
        TAP_MUST(panthor_syncobj_status(&dev, syncobj[i], &status));
        if (ret || status != 1) {
            tap_diag("job %u: %s, its fence %d", i, strerror(-ret), status);
        }
        done += !ret && status == 1;
        panthor_syncobj_destroy(&dev, syncobj[i]);
    }
    tap_ok(done == JOBS, "%u jobs of %u ms, submitted at once: all are done",
           JOBS, JOB_MS);
    tap_ok(kernel_log_find(log, "job timeout", record, sizeof(record), 0) < 0,
           "no time-out is said");
    panthor_context_fini(&ctx);
    panthor_close(&dev);
    return tap_end();
}
