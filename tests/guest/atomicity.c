/*
 * atomicity: nobody sees a huge page that is half taken apart
 *
 * A stream reads two words of the surviving part of a huge page, one before
 * and one behind the part that is cut out; and before each of them a word of
 * each of more small pages than the device's TLB has entries, so that the
 * huge page is walked for both, and a lock of only half of it shows.
 * Meanwhile the CPU cuts the part out and maps it back, a thousand times.
 * The driver removes the whole block each time: only the lock keeps the
 * stream from seeing that.
 *
 * With --ignore-locks the device is told not to stall on locks; then the
 * same must end in a fault or in a wrong value.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <string.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define PAIRS 1000
#define JOB_TIMEOUT_MS 3000
/*
 * For all the pairs.  They take seconds, but with -icount one takes up to
 * 90 ms; the runner's time-out, which knows how slow the machine is, is
 * usually shorter.
 */
#define ALL_TIMEOUT_MS 240000

/* The huge page, and what is cut out of it */
#define BLOCK_VA 0x400000ull
#define CUT_OFFSET 0x80000ull
#define CUT_SIZE 0x10000ull

/* Words that the stream reads: before and behind the part, far apart */
#define NEAR_OFFSET 0x00abcull
#define FAR_OFFSET 0x1f0abcull

/* More than the 256 entries of the device's TLB; mapped as small pages */
#define SMALL_VA 0x30000000ull
#define SMALL_PAGES 320
/* As many as the signed 16-bit offset of a load reaches */
#define PAGES_PER_BASE 8

/* A job should take this long, and no more than 500 ms */
#define JOB_TARGET_NS 200000000ull
#define JOB_ROUNDS_MIN 20
#define JOB_ROUNDS_MAX 20000

/* Two jobs, so that the GPU has work while we look at the other */
#define NUM_JOBS 2

/* Words of the data buffer, for each job from its own place on */
enum {
    DATA_MISMATCHES = 0,
    DATA_ROUNDS = 1,
    DATA_ROUNDS_WANTED = 2,
    DATA_STRIDE = 16,
};

enum {
    REG_DATA = 0,
    REG_BLOCK = 2,
    REG_FAR = 4,
    REG_SMALL = 6,
    REG_VALUE = 8,
    REG_ROUNDS = 10,
    REG_LEFT = 11,
    REG_MISMATCHES = 12,
    REG_STOP = 14,
    REG_POLL = 16,
};

typedef struct Reader {
    PanthorContext ctx;
    PanthorBo block;
    PanthorBo small;
    uint64_t va;
    uint32_t size;
    uint32_t syncobj[NUM_JOBS];
    uint64_t started[NUM_JOBS];
    uint32_t rounds_wanted;
    /* Totals of the jobs that are done */
    unsigned jobs;
    unsigned mismatches;
    uint64_t rounds;
    /* The first error of a fence or of a submission */
    int error;
    uint64_t longest_ns;
} Reader;

static uint32_t word_at(uint64_t offset)
{
    return offset * 0x9e3779b1u | 1;
}

/* Count a mismatch unless the word at @reg is @want */
static void emit_check(Stream *s, unsigned addr, uint32_t want)
{
    size_t same;

    stream_load(s, REG_VALUE, 1, addr, 0);
    stream_emit(s, cs_add_imm32(REG_VALUE, REG_VALUE, -want));
    same = stream_branch_forward(s, CS_COND_EQ, REG_VALUE);
    stream_emit(s, cs_add_imm32(REG_MISMATCHES, REG_MISMATCHES, 1));
    stream_land(s, same);
}

/* A word of every small page, which leaves nothing else in the TLB */
static void emit_read_small(Stream *s)
{
    unsigned page;

    for (page = 0; page < SMALL_PAGES; page++) {
        if (page % PAGES_PER_BASE == 0) {
            stream_emit(s, cs_move48(REG_SMALL, SMALL_VA +
                                     page * PANTHOR_GPU_PAGE));
        }
        stream_emit(s, cs_load_multiple(REG_VALUE, 1, REG_SMALL,
                                        page % PAGES_PER_BASE *
                                        PANTHOR_GPU_PAGE));
    }
    stream_emit(s, cs_wait(1u << STREAM_SB_LOAD_STORE));
}

/* The stream of job @job; both differ only in where they report */
static uint64_t place_reader(PanthorContext *ctx, unsigned job,
                             uint32_t *size)
{
    size_t loop, stop;
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(REG_DATA, panthor_data_va(job * DATA_STRIDE)));
    stream_emit(&s, cs_move48(REG_POLL, PANTHOR_POLL_VA));
    stream_emit(&s, cs_move48(REG_BLOCK, BLOCK_VA + NEAR_OFFSET));
    stream_emit(&s, cs_move48(REG_FAR, BLOCK_VA + FAR_OFFSET));
    stream_emit(&s, cs_move32(REG_ROUNDS, 0));
    stream_emit(&s, cs_move32(REG_MISMATCHES, 0));
    stream_load(&s, REG_LEFT, 1, REG_DATA, DATA_ROUNDS_WANTED * 4);

    loop = stream_here(&s);
    emit_read_small(&s);
    emit_check(&s, REG_BLOCK, word_at(NEAR_OFFSET));
    emit_read_small(&s);
    emit_check(&s, REG_FAR, word_at(FAR_OFFSET));
    stream_emit(&s, cs_add_imm32(REG_ROUNDS, REG_ROUNDS, 1));
    stream_emit(&s, cs_add_imm32(REG_LEFT, REG_LEFT, -1));
    stream_load(&s, REG_STOP, 1, REG_POLL, 0);
    stop = stream_branch_forward(&s, CS_COND_NE, REG_STOP);
    stream_branch_back(&s, CS_COND_GT, REG_LEFT, loop);
    stream_land(&s, stop);

    stream_store(&s, REG_MISMATCHES, 1, REG_DATA, DATA_MISMATCHES * 4);
    stream_store(&s, REG_ROUNDS, 1, REG_DATA, DATA_ROUNDS * 4);
    stream_end(&s);
    return stream_place(&s, &ctx->code, size);
}

static const char *reader_init(Reader *r, PanthorDev *dev)
{
    const uint32_t noexec = DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
    uint64_t bytes = PANTHOR_GPU_BLOCK, i;
    PanthorContext *ctx = &r->ctx;
    uint32_t *word;
    int backing;

    memset(r, 0, sizeof(*r));
    panthor_context_init(ctx, dev, 1);

    /* With larger CPU pages, a huge page is larger, too (see expand.c) */
    if (kernel_huge_page_size() > bytes) {
        bytes = kernel_huge_page_size();
    }
    TAP_MUST(panthor_bo_create(dev, &r->block, bytes, ctx->vm));
    word = r->block.cpu;
    for (i = 0; i < PANTHOR_GPU_BLOCK; i += sizeof(*word)) {
        word[i / sizeof(*word)] = word_at(i);
    }
    backing = kernel_backing(r->block.cpu, PANTHOR_GPU_BLOCK);
    if (kernel_locks_first() && (backing == KERNEL_BACKING_SCATTERED ||
                                 backing == KERNEL_BACKING_CONTIGUOUS)) {
        return kernel_backing_name(backing);
    }
    TAP_MUST(panthor_bo_create(dev, &r->small,
                               SMALL_PAGES * PANTHOR_GPU_PAGE, ctx->vm));
    TAP_MUST(panthor_vm_map(dev, ctx->vm, &r->block, 0, BLOCK_VA,
                            PANTHOR_GPU_BLOCK, noexec));
    TAP_MUST(panthor_vm_map(dev, ctx->vm, &r->small, 0, SMALL_VA,
                            SMALL_PAGES * PANTHOR_GPU_PAGE, noexec));
    for (i = 0; i < NUM_JOBS; i++) {
        TAP_MUST(panthor_syncobj_create(dev, &r->syncobj[i]));
    }
    r->rounds_wanted = JOB_ROUNDS_MIN;
    return NULL;
}

static void reader_fini(Reader *r)
{
    PanthorDev *dev = r->ctx.dev;
    unsigned i;

    for (i = 0; i < NUM_JOBS; i++) {
        if (r->syncobj[i]) {
            panthor_syncobj_destroy(dev, r->syncobj[i]);
        }
    }
    panthor_bo_destroy(dev, &r->block);
    panthor_bo_destroy(dev, &r->small);
    panthor_context_fini(&r->ctx);
}

static void reader_submit(Reader *r, unsigned job, uint64_t va,
                          uint32_t size)
{
    int ret;

    r->ctx.data[job * DATA_STRIDE + DATA_ROUNDS_WANTED] = r->rounds_wanted;
    r->ctx.data[job * DATA_STRIDE + DATA_ROUNDS] = 0;
    r->ctx.data[job * DATA_STRIDE + DATA_MISMATCHES] = 0;
    r->started[job] = kernel_now_ns();
    ret = panthor_submit(&r->ctx, 0, va, size, r->syncobj[job]);
    if (ret < 0 && !r->error) {
        r->error = ret;
    }
}

/*
 * Whether job @job is done; if so, its results are collected and the next
 * one is sized so as to take JOB_TARGET_NS.
 */
static bool reader_collect(Reader *r, unsigned job, unsigned timeout_ms)
{
    const uint32_t *data = r->ctx.data + job * DATA_STRIDE;
    uint64_t ns;
    int status = 0, ret;

    ret = panthor_syncobj_wait(r->ctx.dev, r->syncobj[job], 0, false,
                               timeout_ms);
    if (ret == -ETIME && !timeout_ms) {
        return false;
    }
    if (!ret) {
        ret = panthor_syncobj_status(r->ctx.dev, r->syncobj[job], &status);
    }
    if (ret || status != 1) {
        if (!r->error) {
            r->error = ret ? ret : status;
        }
        return true;
    }

    /* The job behind another one may have waited for it half of the time */
    ns = kernel_now_ns() - r->started[job];
    r->longest_ns = ns > r->longest_ns ? ns : r->longest_ns;
    r->jobs++;
    r->mismatches += data[DATA_MISMATCHES];
    r->rounds += data[DATA_ROUNDS];
    if (data[DATA_ROUNDS] == r->rounds_wanted) {
        uint64_t want = r->rounds_wanted * JOB_TARGET_NS / (ns + 1);

        want = want < JOB_ROUNDS_MIN ? JOB_ROUNDS_MIN : want;
        want = want > JOB_ROUNDS_MAX ? JOB_ROUNDS_MAX : want;
        /* Not by leaps: the first job includes waking up the GPU */
        if (want > 4ull * r->rounds_wanted) {
            want = 4ull * r->rounds_wanted;
        }
        r->rounds_wanted = want;
    }
    return true;
}

/*
 * Cut out and map back until @pairs are done, or the stream has seen what
 * it must not, or time is up.  Returns how many pairs were done.
 */
static unsigned hammer(Reader *r, unsigned pairs)
{
    const uint32_t noexec = DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
    uint64_t deadline = kernel_now_ns() + ALL_TIMEOUT_MS * 1000000ull;
    PanthorContext *ctx = &r->ctx;
    uint64_t va[NUM_JOBS];
    uint32_t size[NUM_JOBS];
    /*
     * Up to 6.12 the driver does not lock while it edits: mapping over a
     * range in use is a race there.  So only the hole is filled, and the
     * page is taken apart just once.
     */
    bool whole = kernel_locks_first();
    uint64_t back_offset = whole ? 0 : CUT_OFFSET;
    uint64_t back_size = whole ? PANTHOR_GPU_BLOCK : CUT_SIZE;
    unsigned done, i;

    for (i = 0; i < NUM_JOBS; i++) {
        va[i] = place_reader(ctx, i, &size[i]);
        reader_submit(r, i, va[i], size[i]);
    }
    /* The first job being done proves that the VM is live */
    reader_collect(r, 0, JOB_TIMEOUT_MS);
    reader_submit(r, 0, va[0], size[0]);

    for (done = 0; done < pairs && !r->error && !r->mismatches; done++) {
        int ret;

        if (kernel_now_ns() > deadline) {
            tap_diag("out of time after %u pairs", done);
            break;
        }
        ret = panthor_vm_unmap(ctx->dev, ctx->vm, BLOCK_VA + CUT_OFFSET,
                               CUT_SIZE);
        if (!ret) {
            ret = panthor_vm_map(ctx->dev, ctx->vm, &r->block, back_offset,
                                 BLOCK_VA + back_offset, back_size, noexec);
        }
        if (ret < 0) {
            tap_diag("VM_BIND: %s", strerror(-ret));
            r->error = ret;
            break;
        }
        for (i = 0; i < NUM_JOBS; i++) {
            if (reader_collect(r, i, 0) && !r->error) {
                reader_submit(r, i, va[i], size[i]);
            }
        }
    }

    panthor_poll_set(ctx, 0, 1);
    for (i = 0; i < NUM_JOBS && !r->error; i++) {
        reader_collect(r, i, JOB_TIMEOUT_MS);
    }
    return done;
}

static void report(const Reader *r, unsigned pairs, uint64_t ns)
{
    tap_diag("%u pairs in %u ms; %u jobs, the longest took %u ms; "
             "%u rounds, %u mismatches, error %d", pairs,
             (unsigned)(ns / 1000000), r->jobs,
             (unsigned)(r->longest_ns / 1000000), (unsigned)r->rounds,
             r->mismatches, r->error);
}

static void test_locks(PanthorDev *dev)
{
    uint64_t stalls_before = 0, stalls_after = 0, start;
    const char *problem;
    unsigned done;
    bool host;
    Reader r;

    problem = reader_init(&r, dev);
    if (problem) {
        tap_skip(problem, "atomicity: not backed by a huge page");
        reader_fini(&r);
        return;
    }
    host = !host_get_u64("stall-count", &stalls_before);

    start = kernel_now_ns();
    done = hammer(&r, PAIRS);
    report(&r, done, kernel_now_ns() - start);
    tap_ok(done == PAIRS, "a part was cut out and mapped back %u times",
           PAIRS);
    tap_ok(!r.error, "no job failed");
    tap_ok(!r.mismatches, "no wrong value in %u rounds",
           (unsigned)r.rounds);
    tap_ok(r.rounds > 0 && r.jobs > 0, "the stream ran meanwhile");
    tap_ok(panthor_group_state(dev, r.ctx.group, NULL) == 0 &&
           panthor_vm_state(dev, r.ctx.vm) == DRM_PANTHOR_VM_STATE_USABLE,
           "group and VM are in order");

    if (!kernel_locks_first()) {
        tap_skip("this kernel holds no lock while it edits",
                 "an access stalled inside the locked range");
    } else if (!host || host_get_u64("stall-count", &stalls_after)) {
        tap_skip(host_error(), "an access stalled inside the locked range");
    } else {
        tap_ok(stalls_after > stalls_before,
               "an access stalled inside the locked range (%u did)",
               (unsigned)(stalls_after - stalls_before));
    }
    reader_fini(&r);
}

static void test_ignore_locks(PanthorDev *dev)
{
    const char *name = "with locks ignored, a fault or a wrong value";
    const char *problem;
    uint64_t start;
    unsigned done;
    Reader r;

    if (!kernel_locks_first()) {
        tap_skip("this kernel holds no lock while it edits", "%s", name);
        return;
    }
    tap_directive("allow-dmesg Unhandled Page fault in AS[0-9]+ at VA");
    tap_directive("allow-dmesg fault status:|(exception|access) type 0x|"
                  "source id 0x|CS_FATAL|CS_FAULT|CSG slot");
    problem = reader_init(&r, dev);
    if (problem) {
        tap_skip(problem, "%s: not backed by a huge page", name);
        reader_fini(&r);
        return;
    }
    if (host_request(NULL, 0, "qom-set x-ignore-locks true")) {
        tap_skip(host_error(), "%s", name);
        reader_fini(&r);
        return;
    }

    start = kernel_now_ns();
    done = hammer(&r, PAIRS);
    report(&r, done, kernel_now_ns() - start);
    tap_ok(r.error || r.mismatches, "%s (after %u pairs)", name, done);
    if (!tap_ok(!host_request(NULL, 0, "qom-set x-ignore-locks false"),
                "locks are respected again")) {
        tap_diag("%s", host_error());
    }
    reader_fini(&r);
}

int main(int argc, char **argv)
{
    static const char *const options[] = { "--ignore-locks", NULL };
    bool ignore = tap_start(argc, argv, options,
                            "Reads a huge page while it is taken apart.") ==
                  0;
    PanthorDev dev;

    TAP_MUST(panthor_open(&dev));
    if (ignore) {
        test_ignore_locks(&dev);
    } else {
        test_locks(&dev);
    }
    panthor_close(&dev);
    return tap_end();
}
