/*
 * protected: streams with protected regions, and what the driver does meanwhile
 *
 * No released panthor enters protected mode; what is needed is a driver such as
 * that of tests/kernel/protected.  The MMU executes no command in that mode, so
 * the driver has to leave it for each; a region that is not done asks for it
 * again.  Every job has to come to its end whatever is done in between, unless
 * the hardware fails or its group is destroyed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/block.h"
#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 8000
#define SUSPEND_TIMEOUT_MS 3000
#define RESET_TIMEOUT_MS 3000
#define GROUP_PATIENCE_MS 1000

/* Rounds of two instructions in a region */
#define SHORT_ROUNDS 3
#define LONG_ROUNDS 400000
/* Until a job has come to its region */
#define BEGIN_MS 20

#define BLOCK_VA 0x400000ull
#define CUT_VA 0x420000ull
#define CUT_SIZE 0x10000ull
#define FAR_VA 0x60000000ull

/* More than there are slots */
#define GROUPS 9

#define MARK 0x9407ec7du

/* Words of the data buffer */
enum {
    DATA_INSIDE,
    DATA_BEHIND,
};

static PanthorDev dev;

static bool driver_knows_protected_mode(void)
{
    FILE *f = fopen("/proc/kallsyms", "r");
    bool found = false;
    char line[512];

    while (f && !found && fgets(line, sizeof(line), f)) {
        found = strstr(line, " panthor_protm_") != NULL;
    }
    if (f) {
        fclose(f);
    }
    return found;
}

/* A region of so many rounds, which stores a word first */
static void emit_region(Stream *s, uint32_t rounds)
{
    stream_emit(s, cs_move48(2, panthor_data_va(DATA_INSIDE)));
    stream_emit(s, cs_move32(10, rounds));
    stream_emit(s, cs_move32(11, MARK));
    stream_emit(s, cs_prot_region(4));
    stream_store(s, 11, 1, 2, 0);
    stream_emit(s, cs_add_imm32(10, 10, -1));
    stream_emit(s, cs_branch(CS_COND_GT, 10, -2));
}

/* Submit it; end it with region_ended() */
static void submit_region(PanthorContext *ctx, uint32_t rounds)
{
    uint32_t size;
    uint64_t va;
    Stream s;

    ctx->data[DATA_INSIDE] = 0;
    ctx->data[DATA_BEHIND] = 0;
    ctx->code.used = 0;
    stream_init(&s);
    stream_begin(&s);
    emit_region(&s, rounds);
    stream_emit(&s, cs_move32(11, ~MARK));
    stream_store_at(&s, 11, panthor_data_va(DATA_BEHIND), 2);
    stream_end(&s);
    va = stream_place(&s, &ctx->code, &size);
    TAP_MUST(panthor_submit(ctx, 0, va, size, ctx->syncobj));
}

/* 0, an error of panthor_wait(), or -EIO if it has not done what it says */
static int region_ended(PanthorContext *ctx)
{
    int ret = panthor_wait(ctx, JOB_TIMEOUT_MS);

    return ret ? ret : ctx->data[DATA_INSIDE] == MARK &&
                       ctx->data[DATA_BEHIND] == (uint32_t)~MARK ? 0 : -EIO;
}

static bool ok(int ret, const char *name)
{
    if (!tap_ok(!ret, "%s", name)) {
        tap_diag("%s", strerror(-ret));
    }
    return !ret;
}

static void test_lengths(void)
{
    static const struct {
        uint32_t rounds;
        const char *name;
    } rows[] = {
        { 1, "a region of one round" },
        { SHORT_ROUNDS, "a short region" },
        { LONG_ROUNDS / 10, "a region of some milliseconds" },
        { LONG_ROUNDS, "a long region" },
    };
    PanthorContext ctx;

    panthor_context_init(&ctx, &dev, 1);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t start = kernel_now_ns();

        submit_region(&ctx, rows[i].rounds);
        ok(region_ended(&ctx), rows[i].name);
        tap_diag("%u us", (unsigned)((kernel_now_ns() - start) / 1000));
    }
    panthor_context_fini(&ctx);
}

/* What is done to a VM while a region runs: 0 or a negative errno */
static int map_far(PanthorContext *ctx, PanthorBo *bo)
{
    int ret = panthor_vm_map(&dev, ctx->vm, bo, 0, FAR_VA, PANTHOR_GPU_PAGE,
                             DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);

    return ret ? ret : panthor_vm_unmap(&dev, ctx->vm, FAR_VA,
                                        PANTHOR_GPU_PAGE);
}

static int cut(PanthorContext *ctx, PanthorBo *bo __attribute__((unused)))
{
    return panthor_vm_unmap(&dev, ctx->vm, CUT_VA, CUT_SIZE);
}

static int run_normal(PanthorContext *ctx,
                      PanthorBo *bo __attribute__((unused)))
{
    return panthor_store_job(ctx, 7, JOB_TIMEOUT_MS);
}

static const struct {
    const char *name;
    int (*function)(PanthorContext *ctx, PanthorBo *bo);
    /* It takes the VM's queue itself */
    bool other_only;
} deeds[] = {
    { "a page is mapped and unmapped", map_far, false },
    { "a block is taken apart", cut, false },
    { "a normal job runs", run_normal, true },
};

static void test_meanwhile(unsigned deed, bool other)
{
    char name[128];
    PanthorContext ctx, second, *of = other ? &second : &ctx;
    PanthorBo block;
    int ret;

    panthor_context_init(&ctx, &dev, 1);
    panthor_context_init(&second, &dev, 1);
    TAP_MUST(panthor_bo_create(&dev, &block, PANTHOR_GPU_BLOCK, of->vm));
    TAP_MUST(panthor_vm_map(&dev, of->vm, &block, 0, BLOCK_VA,
                            PANTHOR_GPU_BLOCK,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    submit_region(&ctx, LONG_ROUNDS);
    kernel_sleep_ms(BEGIN_MS);
    ret = deeds[deed].function(of, &block);
    snprintf(name, sizeof(name), "%s in %s VM while a region runs",
             deeds[deed].name, other ? "another" : "the same");
    ok(ret, name);
    snprintf(name, sizeof(name), "and the region comes to its end (%s, %s VM)",
             deeds[deed].name, other ? "another" : "the same");
    ok(region_ended(&ctx), name);
    panthor_bo_destroy(&dev, &block);
    panthor_context_fini(&second);
    panthor_context_fini(&ctx);
}

static void test_many_groups(bool normal)
{
    static PanthorContext ctx[GROUPS], quiet[GROUPS];
    unsigned good = 0, good_normal = 0;

    for (unsigned i = 0; i < GROUPS; i++) {
        panthor_context_init(&ctx[i], &dev, 1);
        panthor_context_init(&quiet[i], &dev, 1);
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        submit_region(&ctx[i], LONG_ROUNDS / 10);
        if (normal) {
            panthor_submit_store(&quiet[i], i + 1);
        }
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        good += !region_ended(&ctx[i]);
        good_normal += normal && !panthor_stored(&quiet[i], i + 1,
                                                 JOB_TIMEOUT_MS);
    }
    tap_ok(good == GROUPS, "more groups with a region than slots%s (%u of %u)",
           normal ? ", and as many without" : "", good, GROUPS);
    if (normal) {
        tap_ok(good_normal == GROUPS, "and these, too (%u of %u)",
               good_normal, GROUPS);
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        panthor_context_fini(&quiet[i]);
        panthor_context_fini(&ctx[i]);
    }
}

static int job_on_new_vm(void)
{
    PanthorContext fresh;
    int ret;

    panthor_context_init(&fresh, &dev, 1);
    submit_region(&fresh, SHORT_ROUNDS);
    ret = region_ended(&fresh);
    panthor_context_fini(&fresh);
    return ret;
}

static void test_destroy(void)
{
    PanthorContext ctx;

    panthor_context_init(&ctx, &dev, 1);
    submit_region(&ctx, LONG_ROUNDS);
    kernel_sleep_ms(BEGIN_MS);
    panthor_context_fini(&ctx);
    ok(job_on_new_vm(), "a group goes in its region, and the next one has one");
}

static void test_suspend(void)
{
    PanthorContext ctx;

    panthor_context_init(&ctx, &dev, 1);
    submit_region(&ctx, SHORT_ROUNDS);
    ok(region_ended(&ctx), "a region before the GPU sleeps");
    ok(panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS), "the GPU sleeps");
    submit_region(&ctx, SHORT_ROUNDS);
    ok(region_ended(&ctx), "and one after that");
    panthor_context_fini(&ctx);
}

static void wait_for_reset(uint64_t before)
{
    uint64_t end = kernel_now_ns() + RESET_TIMEOUT_MS * 1000000ull;
    uint64_t now = before;

    while (!host_get_u64("reset-count", &now) && now == before &&
           kernel_now_ns() < end) {
        kernel_sleep_ms(100);
    }
}

/* Hardware that fails: whose job dies is not said, the next one works. */
static void test_failure(const char *name, const char *injection, bool reset)
{
    uint64_t before = 0, after = 0;
    PanthorContext ctx;
    char met[32], id[32];

    TAP_MUST(host_get_u64("reset-count", &before));
    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    TAP_MUST(host_request(id, sizeof(id), "inject %s", injection));
    submit_region(&ctx, LONG_ROUNDS / 10);
    kernel_sleep_ms(BEGIN_MS);
    map_far(&ctx, &ctx.data_bo);
    tap_diag("%s: the job: %s", name, strerror(-region_ended(&ctx)));
    host_request(met, sizeof(met), "injected %s", id);
    host_request(NULL, 0, "inject-clear");
    tap_ok(atoi(met) >= 1, "%s: it was met", name);
    if (reset) {
        wait_for_reset(before);
    }
    panthor_context_fini(&ctx);
    host_get_u64("reset-count", &after);
    tap_ok((after > before) == reset, "%s: the GPU is %sreset", name,
           reset ? "" : "not ");
    kernel_sleep_ms(100);
    tap_ok(!job_on_new_vm(), "%s: a region of a new VM is done afterwards",
           name);
}

static void test_failures(void)
{
    if (host_request(NULL, 0, "inject-clear")) {
        tap_skip(host_error(), "hardware that fails");
        return;
    }
    test_failure("PROTM_ENTER is not acknowledged", "glb-ack mask=0x10", true);
    test_failure("the mode never begins", "protm-enter", true);
    test_failure("the mode begins late", "protm-enter delay-ns=20000000",
                 false);
    test_failure("the mode ends late", "protm-exit delay-ns=20000000", false);
    test_failure("the mode never ends", "protm-exit", true);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "Runs protected regions of streams.");
    if (!driver_knows_protected_mode()) {
        tap_skip("the driver does not enter protected mode", "all of it");
        return tap_end();
    }
    tap_directive("allow-dmesg .");
    tap_directive("allow-violation note-lost");
    TAP_MUST(panthor_open(&dev));
    dev.group_patience_ms = GROUP_PATIENCE_MS;
    test_lengths();
    for (unsigned i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        if (!deeds[i].other_only) {
            test_meanwhile(i, false);
        }
        test_meanwhile(i, true);
    }
    test_many_groups(false);
    test_many_groups(true);
    test_destroy();
    test_suspend();
    test_failures();
    panthor_close(&dev);
    return tap_end();
}
