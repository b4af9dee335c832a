/*
 * lost-write: a finding about the driver, see docs/findings.rst
 *
 * A stream waits for a word that a process writes.  Its group is idle, and
 * with nothing else to do the GPU is suspended.  The driver, which would have
 * to look at the word now, looks only when another stream has changed some
 * object: the job dies of the driver's time-out, unless another job comes by.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <string.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

/* The driver suspends an idle GPU after 50 ms, and gives a job five seconds. */
#define SUSPEND_TIMEOUT_MS 3000
#define LOOK_MS 8000
#define JOB_TIMEOUT_MS 3000

static PanthorDev dev;
static PanthorContext ctx;

/* Submit a job that waits, and see that it does */
static void submit_wait(void)
{
    uint64_t deadline = kernel_now_ns() + JOB_TIMEOUT_MS * 1000000ull;
    uint32_t size;
    uint64_t va;
    Stream s;

    ctx.data[0] = 0;
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(4, 1));
    stream_store_at(&s, 4, panthor_data_va(0), 0);
    stream_emit(&s, cs_move48(0, PANTHOR_POLL_VA));
    stream_emit(&s, cs_move32(2, 0));
    stream_emit(&s, cs_sync_wait(CS_OP_SYNC_WAIT32, 0, 2, CS_COND_GT, 0));
    stream_end(&s);
    va = stream_place(&s, &ctx.code, &size);
    TAP_MUST(panthor_submit(&ctx, 0, va, size, ctx.syncobj));
    while (!ctx.data[0] && kernel_now_ns() < deadline) {
        kernel_sleep_ms(1);
    }
    TAP_MUST(ctx.data[0] ? 0 : -ETIME);
}

/* 1: done; a negative errno: failed; 0: neither in more than its time */
static int fence_of_job(void)
{
    int fence = 0;

    if (panthor_syncobj_wait(&dev, ctx.syncobj, 0, false, LOOK_MS) ||
        panthor_syncobj_status(&dev, ctx.syncobj, &fence)) {
        return 0;
    }
    return fence;
}

int main(int argc, char **argv)
{
    PanthorContext other;
    bool skipped = false;

    tap_start(argc, argv, NULL,
              "Shows that the driver does not see what a process writes.");
    tap_directive("allow-dmesg job timeout");
    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&ctx, &dev, 1);
    panthor_context_init(&other, &dev, 1);

    for (unsigned i = 0; i < 2 && !skipped; i++) {
        submit_wait();
        if (panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS)) {
            tap_skip("the GPU is not suspended",
                     "the finding is shown: a job waits for what is written");
            skipped = true;
        }
        panthor_poll_set(&ctx, 0, 1);
        if (skipped) {
            break;
        }
        if (i == 1) {
            /* Any job makes the driver look at the objects of all that wait */
            tap_ok(!panthor_store_job(&other, 1, JOB_TIMEOUT_MS) &&
                   fence_of_job() == 1, "the job of another group ends it");
        } else {
            int fence = fence_of_job();

            if (!tap_ok(fence == -ETIMEDOUT, "the finding is shown: a job "
                        "waits for what is written")) {
                tap_diag("its fence is %d", fence);
            }
        }
        panthor_poll_set(&ctx, 0, 0);
        TAP_MUST(panthor_group_destroy(&dev, ctx.group));
        TAP_MUST(panthor_group_create(&dev, ctx.vm, 1, &ctx.group));
    }
    panthor_context_fini(&other);
    panthor_context_fini(&ctx);
    panthor_close(&dev);
    return tap_end();
}
