/*
 * pace: instructions per second, and how long a register read takes while a
 * stream branches to itself
 *
 * The figures are those of a machine that does little else; they are
 * printed, and compared with the bounds that the project has set itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define LOOPS           5000000u
/* ADD_IMM32 and BRANCH */
#define LOOP_LENGTH     2
#define RATE_MIN        10000000ull
#define RATE_WAIT_MS    4000

#define READS           4000
/*
 * Rounds of an empty loop before each read.  QEMU serves the clock under the
 * same lock that a slice holds: a read that follows upon a look at the clock
 * would always find the lock free.  So the time is taken before the loop and
 * after the read, and the fastest of all gives what the loop takes.
 */
#define PAUSE_ROUNDS    50000
#define READ_P99_MAX_NS 1000000ull

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void measure_rate(PanthorContext *ctx)
{
    uint64_t start, ns, rate;
    size_t loop;
    Stream s;
    int ret;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(10, LOOPS));
    loop = stream_here(&s);
    stream_emit(&s, cs_add_imm32(10, 10, -1));
    stream_branch_back(&s, CS_COND_NE, 10, loop);
    stream_end(&s);

    start = kernel_now_ns();
    ret = panthor_run_stream(ctx, 0, &s, RATE_WAIT_MS);
    ns = kernel_now_ns() - start;
    rate = (uint64_t)LOOPS * LOOP_LENGTH * 1000000000ull / ns;
    tap_diag("%u instructions in %u ms", LOOPS * LOOP_LENGTH,
             (unsigned)(ns / 1000000));
    tap_ok(!ret && rate >= RATE_MIN,
           "at least %u million instructions per second (%u million)",
           (unsigned)(RATE_MIN / 1000000), (unsigned)(rate / 1000000));
}

/* READS times, sorted, less the fastest */
static void sample_reads(const uint32_t *flush_id, uint64_t *ns)
{
    uint64_t fastest;

    for (unsigned i = 0; i < READS; i++) {
        uint64_t start = kernel_now_ns();

        for (unsigned n = 0; n < PAUSE_ROUNDS; n++) {
            /* A round that the compiler must not drop */
            __asm__ volatile("" : : : "memory");
        }
        (void)__atomic_load_n(flush_id, __ATOMIC_RELAXED);
        ns[i] = kernel_now_ns() - start;
    }
    qsort(ns, READS, sizeof(*ns), compare);
    fastest = ns[0];
    for (unsigned i = 0; i < READS; i++) {
        ns[i] -= fastest;
    }
}

static void print_reads(const char *what, const uint64_t *ns)
{
    tap_diag("%s, in us: median %u, p99 %u, maximum %u", what,
             (unsigned)(ns[READS / 2] / 1000),
             (unsigned)(ns[READS * 99 / 100] / 1000),
             (unsigned)(ns[READS - 1] / 1000));
}

static void measure_reads(PanthorContext *ctx)
{
    size_t page_size = kernel_page_size();
    const uint32_t in_memory = 0;
    uint32_t *flush_id;
    uint64_t *ns, p99, va;
    uint32_t size, rounds;
    size_t loop;
    Stream s;

    ns = calloc(READS, sizeof(*ns));
    if (!ns) {
        tap_bail_out("no memory for %u measurements", READS);
    }
    flush_id = mmap(NULL, page_size, PROT_READ, MAP_SHARED, ctx->dev->fd,
                    DRM_PANTHOR_USER_FLUSH_ID_MMIO_OFFSET);
    if (flush_id == MAP_FAILED) {
        tap_bail_out("the user page cannot be mapped");
    }

    /* What the host alone adds to the time of a loop */
    sample_reads(&in_memory, ns);
    print_reads("memory read without a stream", ns);

    stream_init(&s);
    stream_begin(&s);
    /* Counts its rounds until the CPU sets the flag */
    stream_emit(&s, cs_move48(20, PANTHOR_POLL_VA));
    stream_emit(&s, cs_move32(10, 0));
    loop = stream_here(&s);
    stream_emit(&s, cs_add_imm32(10, 10, 1));
    stream_store(&s, 10, 1, 20, 4);
    stream_load(&s, 11, 1, 20, 0);
    stream_branch_back(&s, CS_COND_EQ, 11, loop);
    stream_end(&s);
    va = stream_place(&s, &ctx->code, &size);
    panthor_poll_set(ctx, 0, 0);
    TAP_MUST(panthor_submit(ctx, 0, va, size, ctx->syncobj));

    while (!(rounds = __atomic_load_n(&ctx->poll[1], __ATOMIC_RELAXED))) {
        usleep(1000);
    }
    sample_reads(flush_id, ns);
    rounds = __atomic_load_n(&ctx->poll[1], __ATOMIC_RELAXED) - rounds;
    panthor_poll_set(ctx, 0, 1);
    tap_diag("the stream did %u rounds meanwhile", rounds);
    tap_ok(rounds > READS, "the stream runs all the time");
    tap_ok(!panthor_syncobj_wait(ctx->dev, ctx->syncobj, 0, false, 1000),
           "the spinning stream ends");

    print_reads("register read while a stream spins", ns);
    p99 = ns[READS * 99 / 100];
    tap_ok(p99 <= READ_P99_MAX_NS,
           "a register read takes at most 1 ms, p99 (%u us)",
           (unsigned)(p99 / 1000));
    munmap(flush_id, page_size);
    free(ns);
}

int main(int argc, char **argv)
{
    PanthorContext ctx;
    PanthorDev dev;

    tap_start(argc, argv, NULL, "Measures the pace of streams.");
    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&ctx, &dev, 1);

    measure_rate(&ctx);
    measure_reads(&ctx);

    panthor_context_fini(&ctx);
    panthor_close(&dev);
    return tap_end();
}
