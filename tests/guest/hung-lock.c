/*
 * hung-lock: a command of VM_BIND that never ends
 *
 * A LOCK, the LOCK that widens it, the flush or the UNLOCK is made to hang, in
 * VM_BINDs, in an eviction and in what undoes it, of a VM that has an address
 * space; and the same is done with a VM that has none, and with one that loses
 * it in between.  The driver gives up after 100 ms and has the GPU reset.  What
 * must hold then:
 *
 *  - Without its lock nothing is changed: VM_BIND fails, and the block is whole.
 *  - What the driver has noted of a lock is gone: the next VM_BIND of the VM
 *    neither warns nor fails.
 *  - Each lock that was had is released once, and no other.
 *
 * A driver whose panthor_vm_lock_region() both locks and widens (Linux 7.2 and
 * 7.3) goes on if that fails, which is a known finding.  One that widens by a
 * function of its own does so to return the error.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/block.h"
#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/probe.h"
#include "lib/swap.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 5000
#define SUSPEND_TIMEOUT_MS 3000
#define RESET_TIMEOUT_MS 3000
#define GROUP_PATIENCE_MS 1000
/* What a case has left to work queues, and what a reset takes */
#define SETTLE_MS 100

/* Longer than the GPU needs to fall asleep, shorter than probes may take */
#define ASLEEP_US 200000u

#define BLOCK_VA 0x400000ull
#define BLOCK_END (BLOCK_VA + PANTHOR_GPU_BLOCK)
/* What is cut out of the block, or mapped over a part of it */
#define CUT_VA 0x420000ull
#define CUT_SIZE 0x10000ull
/* Far from it */
#define AUX_VA 0x60000000ull

#define LOCK_FUNCTION "panthor_vm_lock_region"
#define UNLOCK_FUNCTION "panthor_vm_unlock_region"

/* Words of the data buffer */
enum {
    DATA_PAGES = 1024,
};

typedef enum Operation {
    /* Part of a block is cut out: the lock has to be widened */
    CUT,
    /* The same, by a VM_BIND that is queued */
    CUT_QUEUED,
    /* Something is mapped over that part: the lock has to be widened, too */
    COVER,
    /* All of the block, and a page where nothing was */
    UNMAP,
    MAP,
    /* The shrinker takes the block; a job has it come back */
    EVICT,
    RESTORE,
} Operation;

/* What has to become of the operation */
typedef enum Outcome {
    /* Nothing is wrong with it */
    DONE,
    /* It fails, with -ETIMEDOUT, and has changed nothing */
    REFUSED,
    /* The same, as its lock cannot be widened */
    NOT_WIDENED,
    /* What it did stands; the driver only has the GPU reset */
    DONE_AND_RESET,
} Outcome;

/* Where the VM is */
typedef enum Residence {
    RESIDENT,
    NOT_RESIDENT,
    /* It loses its address space between LOCK and the one that widens it */
    LEAVES,
} Residence;

typedef struct Case {
    const char *name;
    Operation operation;
    Residence residence;
    /* As for the request "inject", or NULL */
    const char *injection;
    Outcome outcome;
} Case;

static const Case cases[] = {
    { "cut", CUT, RESIDENT, NULL, DONE },
    { "cut, not resident", CUT, NOT_RESIDENT, NULL, DONE },
    { "cut, while the space is lost", CUT, LEAVES, NULL, DONE },
    { "cover", COVER, RESIDENT, NULL, DONE },
    { "cover, not resident", COVER, NOT_RESIDENT, NULL, DONE },
    { "queued cut, not resident", CUT_QUEUED, NOT_RESIDENT, NULL, DONE },
    { "cut: the widening hangs", CUT, RESIDENT,
      "as-command command=2 skip=1", NOT_WIDENED },
    { "cover: the widening hangs", COVER, RESIDENT,
      "as-command command=2 skip=1", NOT_WIDENED },
    { "queued cut: the widening hangs", CUT_QUEUED, RESIDENT,
      "as-command command=2 skip=1", NOT_WIDENED },
    { "cut: the lock hangs", CUT, RESIDENT, "as-command command=2", REFUSED },
    { "unmap: the lock hangs", UNMAP, RESIDENT, "as-command command=2",
      REFUSED },
    { "map: the lock hangs", MAP, RESIDENT, "as-command command=2", REFUSED },
    { "cut: the unlock hangs", CUT, RESIDENT, "as-command command=3",
      DONE_AND_RESET },
    { "cut: the flush hangs", CUT, RESIDENT, "cache-flush", DONE_AND_RESET },
    { "eviction: the lock hangs", EVICT, RESIDENT, "as-command command=2",
      REFUSED },
    { "eviction undone: the lock hangs", RESTORE, RESIDENT,
      "as-command command=2", REFUSED },
};

#define NUM_CASES (sizeof(cases) / sizeof(cases[0]))

static PanthorDev dev;
static bool has_swap;
/* The driver has another function than that for locks that widens them */
static bool widens_apart;

/* Of one case */
static PanthorContext ctx;
static PanthorBo block, aux;
static Probe locks, unlocks;
static bool counted;

static void open_counters(void)
{
    int ret = probe_count(&locks, LOCK_FUNCTION);

    counted = !probe_count(&unlocks, UNLOCK_FUNCTION) && !ret;
}

static void close_counters(void)
{
    probe_close(&locks);
    probe_close(&unlocks);
}

/* Whether panthor has a function of its own for a region that is to grow */
static bool has_widening_function(void)
{
    static const char *const words[] = { "expand", "extend", "widen", "grow" };
    FILE *f = fopen("/proc/kallsyms", "r");
    bool found = false;
    char line[512];

    while (f && !found && fgets(line, sizeof(line), f)) {
        const char *name = strstr(line, " panthor_vm_");

        for (unsigned i = 0; name && i < sizeof(words) / sizeof(words[0]);
             i++) {
            found |= strstr(name, words[i]) != NULL;
        }
    }
    if (f) {
        fclose(f);
    }
    return found;
}

/* -- the block, as jobs find it */

static uint32_t word_at(uint64_t va)
{
    return block_value(1, (va + BLOCK_PROBE - BLOCK_VA) / sizeof(uint32_t));
}

static bool in_cut(uint64_t va)
{
    return va >= CUT_VA && va < CUT_VA + CUT_SIZE;
}

/*
 * Whether a job reads each page of the block as it was written: what is not
 * cut out or, with @whole, all of it
 */
static bool block_ok(bool whole)
{
    const uint32_t *have = ctx.data + DATA_PAGES;
    unsigned wrong = 0;
    Stream s;
    int ret;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(BLOCK_REG_TO, panthor_data_va(DATA_PAGES)));
    block_emit_reads(&s, BLOCK_VA, whole ? BLOCK_END : CUT_VA);
    if (!whole) {
        block_emit_reads(&s, CUT_VA + CUT_SIZE, BLOCK_END);
    }
    stream_end(&s);
    ctx.code.used = 0;
    ret = panthor_run_stream(&ctx, 0, &s, JOB_TIMEOUT_MS);
    if (ret) {
        tap_diag("a job that reads the block: %s", strerror(-ret));
        return false;
    }
    for (uint64_t va = BLOCK_VA; va < BLOCK_END; va += PANTHOR_GPU_PAGE) {
        if (!whole && in_cut(va)) {
            continue;
        }
        wrong += *have++ != word_at(va);
    }
    if (wrong) {
        tap_diag("%u pages are wrong", wrong);
    }
    return !wrong;
}

/* -- what is done */

typedef struct Cutter {
    pthread_t thread;
    volatile int tid;
    int ret;
} Cutter;

/* Between its two locks it waits until the GPU has fallen asleep. */
static void *cut_slowly(void *opaque)
{
    Cutter *c = opaque;
    Probe slow;

    c->tid = syscall(SYS_gettid);
    if (probe_delay(&slow, "unmap_hugepage_align", PROBE_ENTRY, ASLEEP_US,
                    c->tid)) {
        c->ret = -ENOENT;
    } else {
        c->ret = panthor_vm_unmap(&dev, ctx.vm, CUT_VA, CUT_SIZE);
    }
    probe_close(&slow);
    return NULL;
}

/* -ENOENT: the driver is not held up there, or the GPU not asleep by then */
static int cut_while_leaving(void)
{
    Cutter c = { };
    int asleep;

    TAP_MUST(panthor_forbid_suspend(&dev, false));
    TAP_MUST(-pthread_create(&c.thread, NULL, cut_slowly, &c));
    while (!c.tid) {
        kernel_sleep_ms(1);
    }
    asleep = panthor_wait_suspended(&dev, ASLEEP_US / 1000);
    pthread_join(c.thread, NULL);
    TAP_MUST(panthor_forbid_suspend(&dev, true));
    return asleep ? -ENOENT : c.ret;
}

/* The error of its fence, if it is queued */
static int cut_queued(void)
{
    struct drm_panthor_vm_bind_op op = panthor_unmap_op(CUT_VA, CUT_SIZE);
    struct drm_panthor_sync_op sync;
    uint32_t syncobj;
    int ret, status = 0;

    TAP_MUST(panthor_syncobj_create(&dev, &syncobj));
    sync = panthor_signal_op(syncobj, 0);
    op.syncs = (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(1, &sync);
    ret = panthor_vm_bind_async(&dev, ctx.vm, &op, 1);
    if (!ret) {
        ret = panthor_syncobj_wait(&dev, syncobj, 0, true, JOB_TIMEOUT_MS);
    }
    if (!ret && !panthor_syncobj_status(&dev, syncobj, &status)) {
        ret = status < 0 ? status : 0;
    }
    panthor_syncobj_destroy(&dev, syncobj);
    return ret;
}

static int operate(const Case *c)
{
    const uint32_t noexec = DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;

    switch (c->operation) {
    case CUT:
        return c->residence == LEAVES ? cut_while_leaving() :
               panthor_vm_unmap(&dev, ctx.vm, CUT_VA, CUT_SIZE);
    case CUT_QUEUED:
        return cut_queued();
    case COVER:
        return panthor_vm_map(&dev, ctx.vm, &aux, 0, CUT_VA, CUT_SIZE, noexec);
    case UNMAP:
        return panthor_vm_unmap(&dev, ctx.vm, BLOCK_VA, PANTHOR_GPU_BLOCK);
    case MAP:
        return panthor_vm_map(&dev, ctx.vm, &aux, 0, AUX_VA, PANTHOR_GPU_PAGE,
                              noexec);
    case EVICT:
        return swap_reclaim(&dev, &block) ? 0 : -ETIMEDOUT;
    case RESTORE:
        return block_ok(true) ? 0 : -ETIMEDOUT;
    }
    return -EINVAL;
}

/* A page far away is mapped and unmapped: both locks of the VM are new. */
static int bind_again(void)
{
    int ret = panthor_vm_map(&dev, ctx.vm, &aux, 0, AUX_VA, PANTHOR_GPU_PAGE,
                             DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);

    return ret ? ret : panthor_vm_unmap(&dev, ctx.vm, AUX_VA,
                                        PANTHOR_GPU_PAGE);
}

/* -- before and after */

static void wait_for_reset(uint64_t before)
{
    uint64_t end = kernel_now_ns() + RESET_TIMEOUT_MS * 1000000ull;
    uint64_t now = before;

    while (!host_get_u64("reset-count", &now) && now == before &&
           kernel_now_ns() < end) {
        kernel_sleep_ms(SETTLE_MS);
    }
}

static int job_on_new_vm(void)
{
    PanthorContext fresh;
    int ret;

    panthor_context_init(&fresh, &dev, 1);
    ret = panthor_store_job(&fresh, 3, JOB_TIMEOUT_MS);
    panthor_context_fini(&fresh);
    return ret;
}

/* Set up what a case needs: NULL, or why it cannot be had */
static const char *prepare(const Case *c)
{
    const uint32_t noexec = DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
    uint64_t size = PANTHOR_GPU_BLOCK;
    const char *problem;

    if (kernel_huge_page_size() > size) {
        size = kernel_huge_page_size();
    }
    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_bo_create(&dev, &block, size, ctx.vm));
    TAP_MUST(panthor_bo_create(&dev, &aux, CUT_SIZE, ctx.vm));
    block_fill(&block, PANTHOR_GPU_BLOCK, 1);
    problem = block_problem(&block, 1);
    if (problem) {
        return problem;
    }
    if ((c->operation == EVICT || c->operation == RESTORE) && !has_swap) {
        return "the driver evicts nothing here";
    }
    TAP_MUST(panthor_vm_map(&dev, ctx.vm, &block, 0, BLOCK_VA,
                            PANTHOR_GPU_BLOCK, noexec));
    if (c->residence == NOT_RESIDENT) {
        return NULL;
    }
    /* From here on the VM has an address space */
    if (!block_ok(true)) {
        return "the block cannot be read";
    }
    if (c->operation == RESTORE && !swap_reclaim(&dev, &block)) {
        return "the block is not reclaimed";
    }
    return NULL;
}

static void clean_up(void)
{
    panthor_bo_destroy(&dev, &block);
    panthor_bo_destroy(&dev, &aux);
    panthor_context_fini(&ctx);
}

/* Of the driver, not of a device that does not go along */
static bool has_failed(const Case *c, int ret)
{
    if (c->outcome == DONE || c->outcome == DONE_AND_RESET) {
        return !tap_ok(!ret, "%s: it is done", c->name);
    }
    if (c->operation == EVICT || c->operation == RESTORE) {
        /* The kernel asks again, and may have got it after the reset */
        return false;
    }
    if (c->outcome == REFUSED) {
        return !tap_ok(ret == -ETIMEDOUT, "%s: it fails with ETIMEDOUT",
                       c->name);
    }
    if (widens_apart) {
        return !tap_ok(ret == -ETIMEDOUT, "%s: the error is returned, not "
                       "ignored", c->name);
    }
    return !tap_ok(ret == -ETIMEDOUT, "%s: the driver ignores that it has no "
                   "lock", c->name);
}

static unsigned expected_unlocks(const Case *c, unsigned calls)
{
    if (c->operation == EVICT || c->operation == RESTORE) {
        return UINT32_MAX;
    }
    if (c->outcome == REFUSED) {
        return calls - 1;
    }
    /* One that widens is a call, too, where there is no other function */
    return widens_apart ? calls : 1;
}

static void check_pairs(const Case *c, unsigned lock, unsigned unlock)
{
    unsigned expected = expected_unlocks(c, lock);

    if (!counted || !lock || expected == UINT32_MAX) {
        return;
    }
    if (!tap_ok(unlock == expected, "%s: each lock that was had is released "
                "once, and no other", c->name)) {
        tap_diag("%u calls of " LOCK_FUNCTION ", %u of " UNLOCK_FUNCTION,
                 lock, unlock);
    }
}

/* What the block is like afterwards */
static void check_block(const Case *c, bool changed)
{
    if (c->operation == UNMAP && changed) {
        return;
    }
    if (c->operation == COVER && changed) {
        tap_ok(block_ok(false), "%s: what was not covered is there", c->name);
        return;
    }
    if (c->operation == MAP || !changed) {
        tap_ok(block_ok(true), "%s: the block is intact", c->name);
    } else if (c->operation == CUT || c->operation == CUT_QUEUED) {
        tap_ok(block_ok(false), "%s: what was not cut out is there", c->name);
    } else {
        tap_ok(block_ok(true), "%s: the GPU has the block", c->name);
    }
}

/* The VM goes on, and nothing is noted any more of what failed. */
static void check_vm(const Case *c, bool changed)
{
    int log = TAP_MUST(kernel_log_open());
    int ret = bind_again();
    bool lost = !tap_ok(!ret, "%s: the VM is not lost: the next VM_BIND works",
                        c->name);

    tap_ok(!kernel_warned(log),
           "%s: the region was released: the next lock does not "
           "warn", c->name);
    if (lost) {
        tap_diag("%s", strerror(-ret));
        close(log);
        return;
    }
    if (c->outcome != DONE) {
        /* One that was busy at the reset is dead. */
        panthor_context_new_group(&ctx, 1);
    }
    check_block(c, changed);
    if (c->operation == CUT && !changed) {
        ret = panthor_vm_unmap(&dev, ctx.vm, CUT_VA, CUT_SIZE);
        tap_ok(!ret && block_ok(false), "%s: and can be cut now", c->name);
    }
    close(log);
}

/* A VM whose queued VM_BIND failed cannot be used any more. */
static void check_queued(const Case *c)
{
    tap_ok(panthor_vm_state(&dev, ctx.vm) == DRM_PANTHOR_VM_STATE_UNUSABLE,
           "%s: the VM is unusable, as it says", c->name);
}

static void check_after(const Case *c, int ret)
{
    bool changed = !ret || c->outcome == DONE || c->outcome == DONE_AND_RESET;

    if (c->operation == CUT_QUEUED && !changed) {
        check_queued(c);
        return;
    }
    check_vm(c, changed);
}

static void run_case(const Case *c)
{
    uint64_t resets = 0, lock, unlock;
    const char *problem;
    char id[32], met[32] = "0";
    int log, ret;
    bool ignored;

    kernel_sleep_ms(SETTLE_MS);
    problem = prepare(c);
    if (problem) {
        tap_skip(problem, "%s", c->name);
        clean_up();
        return;
    }
    TAP_MUST(host_get_u64("reset-count", &resets));
    log = TAP_MUST(kernel_log_open());
    if (c->injection) {
        TAP_MUST(host_request(id, sizeof(id), "inject %s", c->injection));
    }
    open_counters();
    ret = operate(c);
    lock = probe_read(&locks);
    unlock = probe_read(&unlocks);
    close_counters();
    if (ret == -ENOENT && c->residence == LEAVES) {
        tap_skip("the driver cannot be held up there", "%s", c->name);
        goto out;
    }
    if (c->injection) {
        host_request(met, sizeof(met), "injected %s", id);
        host_request(NULL, 0, "inject-clear");
        tap_ok(atoi(met) == 1, "%s: it was met", c->name);
        wait_for_reset(resets);
        kernel_sleep_ms(SETTLE_MS);
    }
    if (has_failed(c, ret)) {
        tap_diag("%s", strerror(-ret));
    }
    /* What it then does to the tables it says itself. */
    ignored = c->outcome == NOT_WIDENED && !ret;
    if (!ignored) {
        tap_ok(!kernel_warned(log), "%s: the driver does not warn", c->name);
        check_pairs(c, lock, unlock);
        check_after(c, ret);
    }
    ret = job_on_new_vm();
    if (!tap_ok(!ret, "%s: a job on a new VM works afterwards", c->name)) {
        tap_diag("%s", strerror(-ret));
    }
out:
    close(log);
    clean_up();
}

/* Where a lock is widened by the same function, it is called twice. */
static void find_widening(void)
{
    const Case *c = &cases[0];

    widens_apart = has_widening_function();
    if (!widens_apart && !prepare(c)) {
        open_counters();
        TAP_MUST(operate(c));
        widens_apart = counted && probe_read(&locks) == 1;
        close_counters();
        clean_up();
    }
    tap_diag("the lock is widened by %s", widens_apart ?
             "a function of its own" : LOCK_FUNCTION "()");
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "Has commands of VM_BIND hang.");
    /* What the driver says of them; warnings are looked for one by one. */
    tap_directive("allow-dmesg .");
    /* The device does not know which of them the driver gave up. */
    tap_directive("allow-violation note-lost");
    /* What hangs does so whatever the host has to do. */
    tap_directive("untimed : (the error is returned, not ignored|it fails with "
                  "ETIMEDOUT|the driver does not warn|each lock that was had is "
                  "released once, and no other|the VM is not lost: .*|the "
                  "region was released: .*)$");
    if (!kernel_locks_first()) {
        tap_skip("this kernel does not widen its locks", "all of it");
        return tap_end();
    }
    if (host_request(NULL, 0, "inject-clear")) {
        tap_skip(host_error(), "all of it");
        return tap_end();
    }
    TAP_MUST(panthor_open(&dev));
    dev.group_patience_ms = GROUP_PATIENCE_MS;
    TAP_MUST(panthor_forbid_suspend(&dev, true));
    has_swap = kernel_at_least(7, 3) && !swap_on();
    find_widening();
    for (unsigned i = 0; i < NUM_CASES; i++) {
        run_case(&cases[i]);
    }
    if (has_swap) {
        swap_off();
    }
    TAP_MUST(panthor_forbid_suspend(&dev, false));
    panthor_close(&dev);
    return tap_end();
}
