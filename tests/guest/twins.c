/*
 * twins: two GPUs in one machine do not notice each other
 *
 * Jobs at the same addresses of both store different values; one that faults,
 * and one that is unbound and bound, leaves the other alone.  With one GPU
 * there is nothing to test.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <string.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 3000
#define NODE_TIMEOUT_MS 10000
#define ROUNDS 20
#define HOLE_VA 0x60000000ull

static PanthorDev gpu[2];
static PanthorContext ctx[2];

static bool stored(PanthorContext *c, uint32_t value)
{
    return !panthor_stored(c, value, JOB_TIMEOUT_MS);
}

/* Unbind and bind the second one */
static int rebind(void)
{
    uint64_t end = kernel_now_ns() + NODE_TIMEOUT_MS * 1000000ull;
    PanthorDev any;
    char name[64];
    int ret;

    panthor_context_fini(&ctx[1]);
    ret = module_unbind(&gpu[1], name, sizeof(name));
    panthor_close(&gpu[1]);
    panthor_submit_store(&ctx[0], 1000);
    tap_ok(!ret && stored(&ctx[0], 1000),
           "a job while the other GPU is away");
    if (!ret) {
        ret = module_bind(name, &any);
    }
    if (ret) {
        return ret;
    }
    panthor_close(&any);
    while ((ret = panthor_open_after(&gpu[1], gpu[0].node)) &&
           kernel_now_ns() < end) {
        kernel_sleep_ms(10);
    }
    if (!ret) {
        panthor_context_init(&ctx[1], &gpu[1], 1);
    }
    return ret;
}

int main(int argc, char **argv)
{
    unsigned good = 0, i;
    Stream s;
    int ret;

    tap_start(argc, argv, NULL, "Runs jobs on two GPUs.");
    module_allow_left_jobs();
    tap_directive("allow-dmesg Unhandled Page fault|fault status:|"
                  "(exception|access) type 0x|source id 0x");
    TAP_MUST(panthor_open(&gpu[0]));
    if (panthor_open_after(&gpu[1], gpu[0].node)) {
        tap_skip("the machine has one GPU", "two GPUs");
        return tap_end();
    }
    for (i = 0; i < 2; i++) {
        panthor_context_init(&ctx[i], &gpu[i], 1);
    }
    for (i = 0; i < ROUNDS; i++) {
        panthor_submit_store(&ctx[0], 2 * i + 1);
        panthor_submit_store(&ctx[1], 2 * i + 2);
        good += stored(&ctx[0], 2 * i + 1) && stored(&ctx[1], 2 * i + 2);
    }
    tap_ok(good == ROUNDS, "jobs at the same addresses of both (%u of %u)",
           good, ROUNDS);

    stream_init(&s);
    stream_begin(&s);
    stream_load_at(&s, 10, HOLE_VA, 0);
    stream_end(&s);
    ret = panthor_run_stream(&ctx[1], 0, &s, JOB_TIMEOUT_MS);
    panthor_submit_store(&ctx[0], 500);
    tap_ok(ret && stored(&ctx[0], 500), "a fault on one, a job on the other");

    ret = rebind();
    if (!tap_ok(!ret, "one is unbound and bound")) {
        tap_diag("%s", strerror(-ret));
        return tap_end();
    }
    panthor_submit_store(&ctx[1], 2000);
    tap_ok(stored(&ctx[1], 2000), "and works");
    panthor_submit_store(&ctx[0], 3000);
    tap_ok(stored(&ctx[0], 3000), "as does the other");
    for (i = 0; i < 2; i++) {
        panthor_context_fini(&ctx[i]);
        panthor_close(&gpu[i]);
    }
    return tap_end();
}
