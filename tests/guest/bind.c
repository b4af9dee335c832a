/*
 * bind: how long VM_BIND takes, a part unmapped and mapped back
 *
 * The figures are for comparison: of two drivers, or of two versions of the
 * device, on one machine and under one load.  No bound is checked.
 *
 * If the host has added a mali-csf-bench device that keeps account, the
 * program also prints what the register accesses of a pair took: the
 * device's own part, and the way to it and back.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define PAIRS_MIN       10
#define PAIRS_MAX       300
/* A driver that warns with each of them is slow */
#define MEASURE_NS      1500000000ull
#define JOB_TIMEOUT_MS  3000
#define READS           201
/* In one reading of the clock, which is an exit of its own */
#define READS_AT_ONCE   100

#define BLOCK_VA        0x400000ull
#define CUT_OFFSET      0x80000ull
#define CUT_SIZE        0x10000ull
#define SMALL_VA        0x30000000ull
#define SMALL_SIZE      0x10000ull

typedef struct Bench {
    PanthorContext ctx;
    PanthorBo block;
    PanthorBo small;
} Bench;

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* A part of a huge page, which is then whole again */
static int huge_pair(Bench *b)
{
    int ret = panthor_vm_unmap(b->ctx.dev, b->ctx.vm, BLOCK_VA + CUT_OFFSET,
                               CUT_SIZE);

    return ret ? ret : panthor_vm_map(b->ctx.dev, b->ctx.vm, &b->block, 0,
                                      BLOCK_VA, PANTHOR_GPU_BLOCK,
                                      DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
}

/* Small pages, all of the mapping */
static int small_pair(Bench *b)
{
    int ret = panthor_vm_unmap(b->ctx.dev, b->ctx.vm, SMALL_VA, SMALL_SIZE);

    return ret ? ret : panthor_vm_map(b->ctx.dev, b->ctx.vm, &b->small, 0,
                                      SMALL_VA, SMALL_SIZE,
                                      DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
}

/* What the device has spent on register accesses since the start of QEMU */
typedef struct Account {
    uint64_t accesses;
    uint64_t ns;
} Account;

/* False if nobody keeps account */
static bool account_get(Account *a)
{
    return !host_get_u64("accesses bench", &a->accesses) &&
           !host_get_u64("access-ns bench", &a->ns);
}

/* Means of @n, of which all took @ns: they add up, as medians do not */
static void account_print(const char *what, const Account *before,
                          const Account *after, uint64_t ns, unsigned n)
{
    /* scripts/bench.py reads this line */
    tap_diag("account: %s: accesses %u, device %u ns, all %u ns, means of %u",
             what, (unsigned)((after->accesses - before->accesses) / n),
             (unsigned)((after->ns - before->ns) / n), (unsigned)(ns / n), n);
}

static void measure(Bench *b, int (*pair)(Bench *b), const char *what)
{
    static uint64_t ns[PAIRS_MAX];
    Account before, after;
    bool account = account_get(&before);
    uint64_t begin = kernel_now_ns();
    uint64_t sum = 0;
    unsigned n = 0;
    int ret = 0;

    while (n < PAIRS_MAX && !ret &&
           (n < PAIRS_MIN || kernel_now_ns() - begin < MEASURE_NS)) {
        uint64_t start = kernel_now_ns();

        ret = pair(b);
        ns[n] = kernel_now_ns() - start;
        sum += ns[n++];
    }
    account = account && account_get(&after);
    if (!tap_ok(!ret, "%s: VM_BIND", what)) {
        tap_diag("%s", strerror(-ret));
        return;
    }
    qsort(ns, n, sizeof(*ns), compare);
    /* scripts/check-patch.py reads this line */
    tap_diag("pair: %s: fastest %u us, median %u us, p90 %u us, "
             "of %u", what,
             (unsigned)(ns[0] / 1000),
             (unsigned)(ns[n / 2] / 1000),
             (unsigned)(ns[n * 9 / 10] / 1000), n);
    if (account) {
        account_print(what, &before, &after, sum, n);
    }
}

/* A register read with nothing else going on: there and back */
static void measure_read(Bench *b)
{
    size_t page_size = kernel_page_size();
    uint64_t sum = 0;
    Account before, after;
    uint32_t *flush_id;

    if (!account_get(&before)) {
        return;
    }
    flush_id = mmap(NULL, page_size, PROT_READ, MAP_SHARED, b->ctx.dev->fd,
                    DRM_PANTHOR_USER_FLUSH_ID_MMIO_OFFSET);
    if (flush_id == MAP_FAILED) {
        tap_bail_out("the user page cannot be mapped");
    }
    for (unsigned i = 0; i < READS; i++) {
        uint64_t start = kernel_now_ns();

        for (unsigned k = 0; k < READS_AT_ONCE; k++) {
            (void)__atomic_load_n(flush_id, __ATOMIC_RELAXED);
        }
        sum += kernel_now_ns() - start;
    }
    munmap(flush_id, page_size);
    TAP_MUST(account_get(&after) ? 0 : -EIO);
    account_print("read", &before, &after, sum, READS * READS_AT_ONCE);
}

static void bench_init(Bench *b, PanthorDev *dev)
{
    const uint32_t noexec = DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
    uint64_t bytes = PANTHOR_GPU_BLOCK;
    PanthorContext *ctx = &b->ctx;

    memset(b, 0, sizeof(*b));
    panthor_context_init(ctx, dev, 1);
    /* With larger CPU pages a huge page is larger, too */
    if (kernel_huge_page_size() > bytes) {
        bytes = kernel_huge_page_size();
    }
    TAP_MUST(panthor_bo_create(dev, &b->block, bytes, ctx->vm));
    TAP_MUST(panthor_bo_create(dev, &b->small, SMALL_SIZE, ctx->vm));
    memset(b->block.cpu, 0, PANTHOR_GPU_BLOCK);
    TAP_MUST(panthor_vm_map(dev, ctx->vm, &b->block, 0, BLOCK_VA,
                            PANTHOR_GPU_BLOCK, noexec));
    TAP_MUST(panthor_vm_map(dev, ctx->vm, &b->small, 0, SMALL_VA, SMALL_SIZE,
                            noexec));
}

/*
 * A VM gets its address space with its first job, and keeps it until the GPU
 * suspends, which it must not do meanwhile.  No job runs while we measure:
 * it would take the host's time.
 */
static void make_live(Bench *b)
{
    Stream s;

    TAP_MUST(panthor_forbid_suspend(b->ctx.dev, true));
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(10, 0));
    stream_end(&s);
    TAP_MUST(panthor_run_stream(&b->ctx, 0, &s, JOB_TIMEOUT_MS));
}

int main(int argc, char **argv)
{
    PanthorDev dev;
    int backing;
    Bench b;

    tap_start(argc, argv, NULL, "Measures VM_BIND.");
    TAP_MUST(panthor_open(&dev));
    bench_init(&b, &dev);
    backing = kernel_backing(b.block.cpu, PANTHOR_GPU_BLOCK);

    for (int live = 0; live < 2; live++) {
        if (live) {
            make_live(&b);
        }
        measure(&b, small_pair, live ? "live, small pages" :
                                       "not live, small pages");
        if (kernel_locks_first() && (backing == KERNEL_BACKING_SCATTERED ||
                                     backing == KERNEL_BACKING_CONTIGUOUS)) {
            tap_skip(kernel_backing_name(backing), "part of a huge page");
            continue;
        }
        measure(&b, huge_pair, live ? "live, part of a huge page" :
                                      "not live, part of a huge page");
    }

    measure_read(&b);

    TAP_MUST(panthor_forbid_suspend(&dev, false));
    panthor_bo_destroy(&dev, &b.block);
    panthor_bo_destroy(&dev, &b.small);
    panthor_context_fini(&b.ctx);
    panthor_close(&dev);
    return tap_end();
}
