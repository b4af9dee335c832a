/*
 * sync: jobs in the order that their fences ask for
 *
 * A thousand jobs in one chain over queues and VMs; a ring that wraps many
 * times; a stream that waits for what a process writes; and two processes
 * that share a timeline, a fence and memory, and run jobs in turn.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 4000
#define CHAIN_TIMEOUT_MS 60000

#define CHAIN_JOBS 1000
#define CHAIN_VMS 4
#define CHAIN_QUEUES 2

/* The smallest ring; a job of the driver's has 128 bytes in it or more */
#define SMALL_RING 0x1000
#define WRAP_JOBS 200

/* Words that a process writes for a stream that waits */
#define WRITES 15

#define TURNS 8

/* Memory that several VMs map: a counter, then what each job saw of it */
#define SHARED_VA 0x30000000ull
#define SHARED_SIZE 0x10000
enum {
    SHARED_COUNT = 0,
    SHARED_SEEN = 16,
};

static PanthorDev dev;

static void map_shared(PanthorContext *ctx, const PanthorBo *shared)
{
    TAP_MUST(panthor_vm_map(ctx->dev, ctx->vm, shared, 0, SHARED_VA,
                            SHARED_SIZE, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
}

/* A job notes how many were before it, and counts itself */
static PanthorJob count_job(PanthorContext *ctx, uint32_t queue,
                            unsigned index)
{
    PanthorJob job = { .queue = queue };
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_load_at(&s, 10, SHARED_VA + SHARED_COUNT * 4, 0);
    stream_store_at(&s, 10, SHARED_VA + (SHARED_SEEN + index) * 4, 2);
    stream_emit(&s, cs_add_imm32(10, 10, 1));
    stream_store(&s, 10, 1, 0, 0);
    stream_end(&s);
    job.stream_va = stream_place(&s, &ctx->code, &job.stream_size);
    return job;
}

/* How many of the jobs saw as many before them as there should be */
static unsigned in_order(const PanthorBo *shared, unsigned jobs)
{
    const uint32_t *words = shared->cpu;
    unsigned good = 0;

    for (unsigned i = 0; i < jobs; i++) {
        if (words[SHARED_SEEN + i] == i) {
            good++;
        } else if (good == i) {
            tap_diag("job %u saw %u before it", i, words[SHARED_SEEN + i]);
        }
    }
    return good;
}

/* Job i waits for point i of a timeline, and signals the next one */
static void test_chain(void)
{
    static PanthorContext ctx[CHAIN_VMS];
    PanthorBo shared;
    uint32_t timeline;
    uint64_t reached = 0, start;
    int ret;

    TAP_MUST(panthor_bo_create(&dev, &shared, SHARED_SIZE, 0));
    memset(shared.cpu, 0, SHARED_SIZE);
    for (unsigned i = 0; i < CHAIN_VMS; i++) {
        panthor_context_init(&ctx[i], &dev, CHAIN_QUEUES);
        map_shared(&ctx[i], &shared);
    }
    TAP_MUST(panthor_syncobj_create(&dev, &timeline));
    TAP_MUST(panthor_timeline_signal(&dev, timeline, 1));
    start = kernel_now_ns();
    for (unsigned i = 0; i < CHAIN_JOBS; i++) {
        PanthorContext *c = &ctx[i % CHAIN_VMS];
        PanthorJob job = count_job(c, i / CHAIN_VMS % CHAIN_QUEUES, i);
        struct drm_panthor_sync_op sync[2] = {
            panthor_wait_op(timeline, i + 1),
            panthor_signal_op(timeline, i + 2),
        };

        job.syncs = sync;
        job.sync_count = 2;
        TAP_MUST(panthor_group_submit(&dev, c->group, &job, 1));
    }
    ret = panthor_syncobj_wait(&dev, timeline, CHAIN_JOBS + 1, false,
                               CHAIN_TIMEOUT_MS);
    panthor_timeline_query(&dev, timeline, &reached);
    tap_diag("%u jobs in %u ms", CHAIN_JOBS,
             (unsigned)((kernel_now_ns() - start) / 1000000));
    if (!tap_ok(!ret && reached == CHAIN_JOBS + 1,
                "chain: %u jobs over %u queues of %u VMs are done",
                CHAIN_JOBS, CHAIN_QUEUES * CHAIN_VMS, CHAIN_VMS)) {
        tap_diag("%s, point %u", strerror(-ret), (unsigned)reached);
    }
    tap_ok(in_order(&shared, CHAIN_JOBS) == CHAIN_JOBS,
           "chain: each once, and in its turn");
    for (unsigned i = 0; i < CHAIN_VMS; i++) {
        panthor_context_fini(&ctx[i]);
    }
    panthor_syncobj_destroy(&dev, timeline);
    panthor_bo_destroy(&dev, &shared);
}

/* Many more jobs than the ring has room for, all submitted at once */
static void test_ring_wrap(void)
{
    PanthorContext ctx;
    PanthorBo shared;
    int ret = 0;

    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_group_destroy(&dev, ctx.group));
    TAP_MUST(panthor_group_create_with(&dev, ctx.vm, 1,
                                       PANTHOR_GROUP_PRIORITY_MEDIUM,
                                       SMALL_RING, &ctx.group));
    TAP_MUST(panthor_bo_create(&dev, &shared, SHARED_SIZE, 0));
    memset(shared.cpu, 0, SHARED_SIZE);
    map_shared(&ctx, &shared);
    for (unsigned i = 0; i < WRAP_JOBS; i++) {
        struct drm_panthor_sync_op signal = panthor_signal_op(ctx.syncobj,
                                                              0);
        PanthorJob job = count_job(&ctx, 0, i);

        job.syncs = &signal;
        job.sync_count = 1;
        TAP_MUST(panthor_group_submit(&dev, ctx.group, &job, 1));
    }
    ret = panthor_syncobj_wait(&dev, ctx.syncobj, 0, false, JOB_TIMEOUT_MS);
    if (!tap_ok(!ret, "ring: %u jobs through a ring of %u bytes are done",
                WRAP_JOBS, SMALL_RING)) {
        tap_diag("%s", strerror(-ret));
    }
    tap_ok(in_order(&shared, WRAP_JOBS) == WRAP_JOBS,
           "ring: each once, and in its turn");
    panthor_context_fini(&ctx);
    panthor_bo_destroy(&dev, &shared);
}

/*
 * A stream waits for an object that this process writes, which has no doorbell
 * to ring.  Once the GPU is suspended that is another matter: see lost-write.
 */
static void test_cpu_write(void)
{
    PanthorContext ctx;
    Stream s;

    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_forbid_suspend(&dev, true));
    for (unsigned i = 0; i < WRITES; i++) {
        uint32_t size;
        uint64_t va;
        bool early;
        int ret;

        stream_init(&s);
        stream_begin(&s);
        stream_emit(&s, cs_move48(0, PANTHOR_POLL_VA));
        stream_emit(&s, cs_move32(2, i));
        stream_emit(&s, cs_sync_wait(CS_OP_SYNC_WAIT32, 0, 2, CS_COND_GT,
                                     0));
        stream_end(&s);
        va = stream_place(&s, &ctx.code, &size);
        TAP_MUST(panthor_submit(&ctx, 0, va, size, ctx.syncobj));
        /* So long that the group is idle, except for the first ones */
        kernel_sleep_ms(i * i);
        early = !panthor_syncobj_wait(&dev, ctx.syncobj, 0, false, 0);
        panthor_poll_set(&ctx, 0, i + 1);
        ret = panthor_syncobj_wait(&dev, ctx.syncobj, 0, false,
                                   JOB_TIMEOUT_MS);
        if (!tap_ok(!early && !ret, "write: a stream sees it after %u ms",
                    i * i)) {
            tap_diag("%s", early ? "done before" : strerror(-ret));
        }
    }
    TAP_MUST(panthor_forbid_suspend(&dev, false));
    panthor_context_fini(&ctx);
}

/* What one process hands to the other */
typedef struct Shared {
    int timeline_fd;
    int fence_fd;
    int bo_fd;
    /* Turns are taken over pipes: a job can wait for what was submitted */
    int ours[2];
    int theirs[2];
} Shared;

static void pass_turn(const int *pipe)
{
    TAP_MUST(write(pipe[1], "", 1) == 1 ? 0 : -EIO);
}

static void await_turn(const int *pipe)
{
    char c;

    TAP_MUST(read(pipe[0], &c, 1) == 1 ? 0 : -EIO);
}

/* Submit job @index, which waits for point @index and signals the next */
static void take_turn(PanthorContext *ctx, uint32_t timeline, unsigned index,
                      uint32_t fence)
{
    struct drm_panthor_sync_op sync[3] = {
        panthor_wait_op(timeline, index + 1),
        panthor_signal_op(timeline, index + 2),
        panthor_wait_op(fence, 0),
    };
    PanthorJob job = count_job(ctx, 0, index);

    job.syncs = sync;
    job.sync_count = fence ? 3 : 2;
    TAP_MUST(panthor_group_submit(ctx->dev, ctx->group, &job, 1));
}

/* The other process: the odd jobs.  Its first one also waits for a fence. */
static void other_process(const Shared *sh)
{
    uint32_t timeline, fence;
    PanthorContext ctx;
    PanthorBo shared;
    PanthorDev own;

    TAP_MUST(panthor_open(&own));
    panthor_context_init(&ctx, &own, 1);
    TAP_MUST(panthor_syncobj_import(&own, sh->timeline_fd, &timeline));
    TAP_MUST(panthor_syncobj_create(&own, &fence));
    TAP_MUST(panthor_syncobj_import_fence(&own, sh->fence_fd, fence));
    TAP_MUST(panthor_bo_import(&own, sh->bo_fd, SHARED_SIZE, &shared));
    map_shared(&ctx, &shared);
    for (unsigned i = 1; i < TURNS; i += 2) {
        await_turn(sh->ours);
        take_turn(&ctx, timeline, i, i == 1 ? fence : 0);
        pass_turn(sh->theirs);
    }
    TAP_MUST(panthor_syncobj_wait(&own, timeline, TURNS + 1, false,
                                  JOB_TIMEOUT_MS));
    /* It sees what the jobs of both have written */
    _exit(in_order(&shared, TURNS) == TURNS ? TAP_EXIT_OK : TAP_EXIT_FAIL);
}

static void test_processes(void)
{
    PanthorContext ctx, fenced;
    uint32_t timeline;
    PanthorBo shared;
    uint64_t va;
    uint32_t size;
    int status = 0, before = -1, ret;
    Shared sh;
    Stream s;
    pid_t pid;

    panthor_context_init(&ctx, &dev, 1);
    panthor_context_init(&fenced, &dev, 1);
    TAP_MUST(panthor_bo_create(&dev, &shared, SHARED_SIZE, 0));
    memset(shared.cpu, 0, SHARED_SIZE);
    map_shared(&ctx, &shared);
    TAP_MUST(panthor_syncobj_create(&dev, &timeline));
    TAP_MUST(panthor_timeline_signal(&dev, timeline, 1));

    /* The fence is that of a stream that spins until we say so */
    stream_init(&s);
    stream_begin(&s);
    panthor_emit_spin(&s, 0);
    stream_end(&s);
    va = stream_place(&s, &fenced.code, &size);
    TAP_MUST(panthor_submit(&fenced, 0, va, size, fenced.syncobj));

    TAP_MUST(panthor_syncobj_export(&dev, timeline, &sh.timeline_fd));
    TAP_MUST(panthor_syncobj_export_fence(&dev, fenced.syncobj,
                                          &sh.fence_fd));
    TAP_MUST(panthor_bo_export(&dev, &shared, &sh.bo_fd));
    TAP_MUST(pipe(sh.ours) || pipe(sh.theirs) ? -errno : 0);
    fflush(stdout);
    pid = fork();
    if (!pid) {
        other_process(&sh);
    }
    TAP_MUST(pid < 0 ? -errno : 0);
    for (unsigned i = 0; i < TURNS; i += 2) {
        take_turn(&ctx, timeline, i, 0);
        pass_turn(sh.ours);
        await_turn(sh.theirs);
    }
    ret = panthor_syncobj_wait(&dev, timeline, 2, false, JOB_TIMEOUT_MS);
    kernel_sleep_ms(50);
    before = ((uint32_t *)shared.cpu)[SHARED_COUNT];
    if (!tap_ok(!ret && before == 1,
                "processes: the other's job waits for our fence")) {
        tap_diag("%s, %d jobs", strerror(-ret), before);
    }
    panthor_poll_set(&fenced, 0, 1);
    ret = panthor_syncobj_wait(&dev, timeline, TURNS + 1, false,
                               JOB_TIMEOUT_MS);
    if (!tap_ok(!ret && in_order(&shared, TURNS) == TURNS,
                "processes: jobs of two follow each other on a timeline")) {
        tap_diag("%s", strerror(-ret));
    }
    waitpid(pid, &status, 0);
    tap_ok(!status, "processes: the other one saw the same");

    ret = panthor_syncobj_wait(&dev, fenced.syncobj, 0, false,
                               JOB_TIMEOUT_MS);
    tap_ok(!ret, "processes: the job of the fence is done");
    panthor_syncobj_destroy(&dev, timeline);
    panthor_context_fini(&ctx);
    panthor_context_fini(&fenced);
    panthor_bo_destroy(&dev, &shared);
    close(sh.timeline_fd);
    close(sh.fence_fd);
    close(sh.bo_fd);
    for (int i = 0; i < 2; i++) {
        close(sh.ours[i]);
        close(sh.theirs[i]);
    }
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL,
              "Runs jobs that wait for each other's fences.");
    TAP_MUST(panthor_open(&dev));
    test_chain();
    test_ring_wrap();
    test_cpu_write();
    test_processes();
    panthor_close(&dev);
    return tap_end();
}
