/*
 * canary: is the GPU still alive?
 *
 * One job on a new VM stores a value, within a second.  Run after every
 * other program, since what that one broke may show only to the next user.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <string.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define CANARY_TIMEOUT_MS 1000
#define CANARY_VALUE 0xc0ffee42

int main(int argc, char **argv)
{
    uint64_t start;
    PanthorContext ctx;
    PanthorDev dev;
    Stream s;
    int ret;

    tap_start(argc, argv, NULL, "Runs one job on a new VM.");
    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&ctx, &dev, 1);

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(2, CANARY_VALUE));
    stream_store_at(&s, 2, panthor_data_va(0), 0);
    stream_end(&s);

    start = kernel_now_ns();
    ret = panthor_run_stream(&ctx, 0, &s, CANARY_TIMEOUT_MS);
    tap_diag("job took %u us", (unsigned)((kernel_now_ns() - start) / 1000));
    if (tap_ok(!ret, "canary: a job on a new VM is done within a second")) {
        tap_ok(ctx.data[0] == CANARY_VALUE, "canary: it stored its value");
    } else {
        tap_diag("%s", strerror(-ret));
    }

    panthor_context_fini(&ctx);
    panthor_close(&dev);
    return tap_end();
}
