/*
 * lost-tick: a finding about the driver, see docs/findings.rst
 *
 * More groups than slots wait for each other in a chain, and the last one to
 * be submitted starts it.  In some rounds the driver makes a group runnable
 * and never looks at it again: the GPU is suspended, and a job dies of the
 * driver's time-out.  Rounds are repeated until that is seen.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <string.h>

#include "lib/panthor.h"
#include "lib/tap.h"

#define GROUPS 12
#define ROUNDS 25
/* A job has five seconds on its slot; a chain takes milliseconds. */
#define CHAIN_TIMEOUT_MS 3000
#define DRIVER_TIMEOUT_MS 15000

/* Words between two sync objects of 64 bits */
#define STRIDE 4

static uint32_t group[GROUPS];
static uint32_t syncobj[GROUPS];

/* Group @i waits for object @i, which group 0 does not, and adds to the next */
static void submit(PanthorContext *ctx, unsigned i)
{
    struct drm_panthor_sync_op signal = panthor_signal_op(syncobj[i], 0);
    PanthorJob job = { .syncs = &signal, .sync_count = 1 };
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    if (i) {
        stream_emit(&s, cs_move48(0, panthor_data_va(i * STRIDE)));
        stream_emit(&s, cs_move48(2, 0));
        stream_emit(&s, cs_sync_wait(CS_OP_SYNC_WAIT64, 0, 2, CS_COND_GT,
                                     0));
    }
    stream_emit(&s, cs_move48(0, panthor_data_va((i + 1) * STRIDE)));
    stream_emit(&s, cs_move48(2, 1));
    stream_emit(&s, cs_sync(CS_OP_SYNC_ADD64, 0, 2, CS_SYNC_SCOPE_SYSTEM, 0,
                            0, STREAM_SB_LOAD_STORE));
    stream_end(&s);
    job.stream_va = stream_place(&s, &ctx->code, &job.stream_size);
    TAP_MUST(panthor_group_submit(ctx->dev, group[i], &job, 1));
}

/* How many groups of the chain are not done in time */
static unsigned run_chain(PanthorContext *ctx)
{
    char status[32] = "unknown";
    unsigned late = 0;
    int ret;

    ctx->code.used = 0;
    memset(ctx->data, 0, PANTHOR_DATA_SIZE);
    for (unsigned i = 0; i < GROUPS; i++) {
        TAP_MUST(panthor_group_create(ctx->dev, ctx->vm, 1, &group[i]));
        TAP_MUST(panthor_syncobj_create(ctx->dev, &syncobj[i]));
    }
    for (unsigned i = GROUPS; i-- > 0;) {
        submit(ctx, i);
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        ret = panthor_syncobj_wait(ctx->dev, syncobj[i], 0, false,
                                   late ? 0 : CHAIN_TIMEOUT_MS);
        if (ret && !late++) {
            panthor_runtime_status(ctx->dev, status, sizeof(status));
            tap_diag("group %u is not done after %u ms: object %u is %u, "
                     "its own %u, the GPU is %s", i, CHAIN_TIMEOUT_MS, i,
                     ctx->data[i * STRIDE], ctx->data[(i + 1) * STRIDE],
                     status);
        }
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        int fence = 0;

        if (late && !panthor_syncobj_wait(ctx->dev, syncobj[i], 0, false,
                                          DRIVER_TIMEOUT_MS)) {
            panthor_syncobj_status(ctx->dev, syncobj[i], &fence);
            if (fence < 0) {
                tap_diag("group %u: %s", i, strerror(-fence));
            }
        }
        panthor_syncobj_destroy(ctx->dev, syncobj[i]);
        panthor_group_destroy(ctx->dev, group[i]);
    }
    return late;
}

int main(int argc, char **argv)
{
    unsigned round, late = 0;
    PanthorContext ctx;
    PanthorDev dev;

    tap_start(argc, argv, NULL,
              "Shows that the driver loses a tick of its scheduler.");
    tap_directive("allow-dmesg job timeout");

    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&ctx, &dev, 1);
    for (round = 1; round <= ROUNDS && !late; round++) {
        late = run_chain(&ctx);
    }
    tap_diag("%u rounds", round - 1);
    if (late) {
        tap_ok(true, "the finding is shown: a chain of groups stops");
    } else {
        tap_skip("a race that was not met in any round",
                 "the finding is shown: a chain of groups stops");
    }

    panthor_context_fini(&ctx);
    panthor_close(&dev);
    return tap_end();
}
