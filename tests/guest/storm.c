/*
 * storm: page tables are edited while everything else happens to them
 *
 * In each round two processes edit the page tables of a VM of their own, and
 * a third one has jobs on more VMs than there are address spaces, so that
 * these change hands all the time.  Into that comes one of: faults in a VM
 * that is being edited, runtime suspends, a command of the MMU or a flush of
 * the caches that takes too long, for which the driver resets the GPU, or the
 * loss of the driver, with work in flight.
 *
 * What is tested is the device, by its checker above all: it must not take
 * any of this for a mistake of the driver.  Jobs have to read the right
 * values, and after each round a job on a new VM must run.
 *
 * On the kernel's command line, storm.seed= and storm.rounds= choose the
 * order and the number of rounds, and storm.kind= one kind of them, by its
 * number below; --long has a hundred rounds, and "make explore" one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/random.h"
#include "lib/tap.h"

#define ROUNDS 14
#define ROUNDS_LONG 100

/* For a job: more than the driver's own five seconds */
#define JOB_TIMEOUT_MS 10000
#define READY_TIMEOUT_MS 30000
/* Beyond the 100 ms that the driver waits for a command */
#define LATENCY_NS 200000000ull
#define LATENCY_WINDOW_MS 60
#define RESET_TIMEOUT_MS 500
#define RESET_SETTLE_MS 300
/* What depends on the moment is tried again, a few times */
#define TRIES 30
/* How long to let the driver recover before trying to begin anew */
#define LOSS_PAUSE_MS 20
/* JOB_TIMEOUT_MS of panthor_sched.c, and a little more */
#define SETTLE_MS 5500
#define SUSPENDS 3

/* Where the binders map the pages of one buffer, in any order */
#define WINDOW_VA 0x40000000ull
#define WINDOW_BLOCKS 4
#define BUFFER_BLOCKS 2
#define MAX_PAGES (WINDOW_BLOCKS * PANTHOR_GPU_BLOCK / PANTHOR_GPU_PAGE)
#define MAX_BATCH 4

/* More than the 7 address spaces that a G610 has for VMs */
#define RECYCLED_VMS 12
#define RECYCLER_LOOP 2000

/* Never mapped */
#define HOLE_VA 0x7f12345000ull

enum {
    ROUND_RECYCLE,
    ROUND_FAULT,
    ROUND_SUSPEND,
    ROUND_STUCK_COMMAND,
    ROUND_STUCK_FLUSH,
    ROUND_UNBIND,
    ROUND_UNLOAD,
    ROUND_KINDS,
};

static const char *const round_name[ROUND_KINDS] = {
    [ROUND_RECYCLE] = "recycled address spaces",
    [ROUND_FAULT] = "faults",
    [ROUND_SUSPEND] = "runtime suspend",
    [ROUND_STUCK_COMMAND] = "reset for a stuck command",
    [ROUND_STUCK_FLUSH] = "reset for a stuck flush",
    [ROUND_UNBIND] = "device unbound",
    [ROUND_UNLOAD] = "module unloaded",
};

enum {
    WORKER_BINDER,
    WORKER_BINDER_2,
    WORKER_RECYCLER,
    WORKER_FAULTER,
    WORKERS,
};

/* What a worker may take from the driver without complaint */
enum {
    TOLERATE_NOTHING,
    /* A reset costs jobs and VMs: begin anew */
    TOLERATE_LOSS,
    /* The device goes away: wait for the end */
    TOLERATE_END,
};

/* Shared by the processes */
typedef struct Storm {
    _Atomic int stop;
    /* No jobs now, so that the GPU can go to sleep */
    _Atomic int quiet;
    _Atomic int tolerate;
    struct {
        _Atomic int ready;
        _Atomic unsigned done;
        _Atomic unsigned lost;
        /* VMs that had a job done */
        _Atomic unsigned vms;
        char problem[160];
    } worker[WORKERS];
} Storm;

static Storm *storm;
static PanthorDev dev;

/* In a worker: say what is wrong, and end */
static void __attribute__((format(printf, 2, 3), noreturn))
give_up(int self, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(storm->worker[self].problem, sizeof(storm->worker[self].problem),
              fmt, ap);
    va_end(ap);
    _exit(TAP_EXIT_FAIL);
}

/* In a worker: the driver refused something.  Returns if it may. */
static void tolerate(int self, const char *what, int error)
{
    if (!kernel_at_least(7, 0) && storm->tolerate == TOLERATE_NOTHING &&
        (error == -ETIMEDOUT || error == -EINVAL)) {
        /*
         * A scheduler whose tick has stopped can forget a job that comes
         * then: "drm/panthor: Make sure we resume the tick when new jobs are
         * submitted", and others beside it, are of 7.0.  The job times out,
         * or the group has done so when the next job comes.
         */
        storm->worker[self].lost++;
        return;
    }
    switch (storm->tolerate) {
    case TOLERATE_LOSS:
        storm->worker[self].lost++;
        kernel_sleep_ms(LOSS_PAUSE_MS);
        return;
    case TOLERATE_END:
        for (;;) {
            pause();
        }
    default:
        give_up(self, "%s: %s", what, strerror(error < 0 ? -error : EIO));
    }
}

static void ready(int self)
{
    storm->worker[self].ready = 1;
    while (storm->quiet && !storm->stop) {
        kernel_sleep_ms(1);
    }
}

/* A job that copies a word, and another that is added to */
static uint64_t place_copy(PanthorContext *ctx, uint64_t from, uint64_t to,
                           uint32_t loops, uint32_t *size)
{
    size_t loop;
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    if (loops) {
        stream_emit(&s, cs_move32(12, loops));
        loop = stream_here(&s);
        stream_emit(&s, cs_add_imm32(12, 12, -1));
        stream_branch_back(&s, CS_COND_GT, 12, loop);
    }
    stream_load_at(&s, 10, from, 0);
    stream_emit(&s, cs_add_imm32(10, 10, 1));
    stream_store_at(&s, 10, to, 0);
    stream_end(&s);
    return stream_place(&s, &ctx->code, size);
}

/* The binders */

typedef struct Binder {
    int self;
    Random random;
    PanthorContext ctx;
    PanthorBo bo;
    uint32_t bound;
    size_t page;
    unsigned window_pages;
    unsigned buffer_pages;
    unsigned block_pages;
    /* Whether whole blocks may be mapped */
    bool blocks;
    /* The page of the buffer that each page of the window has, or -1 */
    int16_t shadow[MAX_PAGES];
    /* The page of the window that the job in flight reads, or -1 */
    int reads;
    uint32_t expected;
} Binder;

static void binder_context(Binder *b)
{
    panthor_context_init(&b->ctx, &dev, 1);
    memset(b->shadow, 0xff, sizeof(b->shadow));
    b->reads = -1;
}

static void binder_init(Binder *b, int self, uint64_t seed)
{
    unsigned i;

    b->self = self;
    random_init(&b->random, seed);
    b->page = kernel_page_size();
    b->block_pages = PANTHOR_GPU_BLOCK / b->page;
    b->window_pages = WINDOW_BLOCKS * b->block_pages;
    b->buffer_pages = BUFFER_BLOCKS * b->block_pages;
    TAP_MUST(panthor_bo_create(&dev, &b->bo, b->buffer_pages * b->page, 0));
    for (i = 0; i < b->buffer_pages; i++) {
        *(uint32_t *)((char *)b->bo.cpu + i * b->page) = i << 8;
    }
    /* Small folios next to each other make 7.3 fail: docs/findings.rst */
    b->blocks = true;
    for (i = 0; i < BUFFER_BLOCKS; i++) {
        b->blocks &= !kernel_locks_first() ||
                     kernel_backing((char *)b->bo.cpu + i * PANTHOR_GPU_BLOCK,
                                    PANTHOR_GPU_BLOCK) ==
                     KERNEL_BACKING_FOLIO;
    }
    TAP_MUST(panthor_syncobj_create(&dev, &b->bound));
    binder_context(b);
}

static void binder_lost(Binder *b, const char *what, int error)
{
    tolerate(b->self, what, error);
    panthor_context_fini(&b->ctx);
    binder_context(b);
}

/* Returns false if the VM was lost, and is another one now */
static bool binder_wait(Binder *b)
{
    int ret, status = 0;

    if (b->reads < 0) {
        return true;
    }
    ret = panthor_syncobj_wait(&dev, b->ctx.syncobj, 0, false,
                               JOB_TIMEOUT_MS);
    if (!ret) {
        ret = panthor_syncobj_status(&dev, b->ctx.syncobj, &status);
    }
    if (!ret && status < 0) {
        ret = status;
    }
    if (ret) {
        binder_lost(b, "job", ret);
        return false;
    }
    if (b->ctx.data[0] != b->expected) {
        give_up(b->self, "page %d of the window: read 0x%x, expected 0x%x",
                b->reads, b->ctx.data[0], b->expected);
    }
    b->reads = -1;
    storm->worker[b->self].done++;
    return true;
}

static bool binder_read(Binder *b)
{
    unsigned first = random_below(&b->random, b->window_pages), i;
    uint32_t size;
    uint64_t va;
    int ret;

    for (i = 0; i < b->window_pages; i++) {
        unsigned page = (first + i) % b->window_pages;

        if (b->shadow[page] < 0) {
            continue;
        }
        b->ctx.code.used = 0;
        va = place_copy(&b->ctx, WINDOW_VA + page * b->page,
                        panthor_data_va(0), random_below(&b->random, 3000),
                        &size);
        b->reads = page;
        b->expected = (b->shadow[page] << 8) + 1;
        ret = panthor_submit(&b->ctx, 0, va, size, b->ctx.syncobj);
        if (ret < 0) {
            binder_lost(b, "submission", ret);
            return false;
        }
        break;
    }
    return true;
}

/* One operation; returns whether it changes what the job in flight reads */
static bool binder_op(Binder *b, struct drm_panthor_vm_bind_op *op)
{
    unsigned kind = random_below(&b->random, 8), first, n, from, i;
    bool map = kind < 4;

    if (kind == 0 && b->blocks) {
        n = b->block_pages;
        first = random_below(&b->random, WINDOW_BLOCKS) * n;
        from = random_below(&b->random, BUFFER_BLOCKS) * n;
    } else {
        n = 1 + random_below(&b->random, kind == 7 ? b->block_pages : 16);
        first = random_below(&b->random, b->window_pages - n + 1);
        from = random_below(&b->random, b->buffer_pages - n + 1);
    }
    *op = map ? panthor_map_op(&b->bo, from * b->page,
                               WINDOW_VA + first * b->page, n * b->page,
                               DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC) :
                panthor_unmap_op(WINDOW_VA + first * b->page, n * b->page);
    for (i = 0; i < n; i++) {
        b->shadow[first + i] = map ? (int)(from + i) : -1;
    }
    return b->reads >= (int)first && b->reads < (int)(first + n);
}

static void binder_bind(Binder *b)
{
    unsigned n = 1 + random_below(&b->random, MAX_BATCH), i;
    struct drm_panthor_vm_bind_op ops[MAX_BATCH];
    struct drm_panthor_sync_op signal = panthor_signal_op(b->bound, 0);
    bool queued = !random_below(&b->random, 3), touched = false;
    int ret, status = 0;

    for (i = 0; i < n; i++) {
        touched |= binder_op(b, &ops[i]);
    }
    if (touched && !binder_wait(b)) {
        return;
    }
    if (queued) {
        ops[n - 1].syncs.array = (uintptr_t)&signal;
        ops[n - 1].syncs.count = 1;
        panthor_syncobj_reset(&dev, b->bound);
        ret = panthor_vm_bind_async(&dev, b->ctx.vm, ops, n);
        if (!ret) {
            ret = panthor_syncobj_wait(&dev, b->bound, 0, false,
                                       JOB_TIMEOUT_MS);
        }
        if (!ret) {
            ret = panthor_syncobj_status(&dev, b->bound, &status);
        }
        if (!ret && status < 0) {
            ret = status;
        }
    } else {
        ret = panthor_vm_bind(&dev, b->ctx.vm, ops, n);
    }
    if (ret < 0) {
        binder_lost(b, queued ? "queued VM_BIND" : "VM_BIND", ret);
    }
}

static void binder(int self, uint64_t seed)
{
    static Binder b;

    binder_init(&b, self, seed);
    ready(self);
    while (!storm->stop) {
        binder_bind(&b);
        if (!storm->quiet && !random_below(&b.random, 3) &&
            binder_wait(&b)) {
            binder_read(&b);
        }
    }
    binder_wait(&b);
}

/* Jobs on more VMs than there are address spaces */

typedef struct Recycled {
    PanthorContext ctx;
    uint64_t va;
    uint32_t size;
    uint32_t count;
    bool busy;
    bool served;
} Recycled;

static void recycled_init(Recycled *r)
{
    panthor_context_init(&r->ctx, &dev, 1);
    r->va = place_copy(&r->ctx, panthor_data_va(0), panthor_data_va(0),
                       RECYCLER_LOOP, &r->size);
    r->count = 0;
    r->busy = false;
}

static void recycler_step(Recycled *r, int self)
{
    int ret, status = 0;

    if (r->busy) {
        ret = panthor_syncobj_wait(&dev, r->ctx.syncobj, 0, false,
                                   JOB_TIMEOUT_MS);
        if (!ret) {
            ret = panthor_syncobj_status(&dev, r->ctx.syncobj, &status);
        }
        ret = ret ? ret : status < 0 ? status : 0;
        if (!ret && r->ctx.data[0] != r->count) {
            give_up(self, "%u jobs added %u", r->count, r->ctx.data[0]);
        }
        if (ret) {
            tolerate(self, "job", ret);
            panthor_context_fini(&r->ctx);
            recycled_init(r);
        }
        if (!ret) {
            storm->worker[self].vms += !r->served;
            storm->worker[self].done++;
            r->served = true;
        }
        r->busy = false;
    }
    if (storm->quiet || storm->stop) {
        return;
    }
    ret = panthor_submit(&r->ctx, 0, r->va, r->size, r->ctx.syncobj);
    if (ret < 0) {
        tolerate(self, "submission", ret);
        panthor_context_fini(&r->ctx);
        recycled_init(r);
        return;
    }
    r->count++;
    r->busy = true;
}

static void recycler(int self, uint64_t seed)
{
    static Recycled r[RECYCLED_VMS];
    Random random;
    unsigned i;

    random_init(&random, seed);
    for (i = 0; i < RECYCLED_VMS; i++) {
        recycled_init(&r[i]);
    }
    ready(self);
    while (!storm->stop) {
        recycler_step(&r[random_below(&random, RECYCLED_VMS)], self);
        if (storm->quiet) {
            kernel_sleep_ms(1);
        }
    }
    for (i = 0; i < RECYCLED_VMS; i++) {
        recycler_step(&r[i], self);
    }
}

/* Jobs that fault, in a VM that a thread edits */

typedef struct Editor {
    PanthorContext *ctx;
    PanthorBo bo;
    Random random;
    int ret;
} Editor;

static void *edit(void *opaque)
{
    Editor *e = opaque;
    size_t page = kernel_page_size();

    while (!storm->stop && !e->ret) {
        unsigned at = random_below(&e->random, 64);

        e->ret = panthor_vm_map(&dev, e->ctx->vm, &e->bo, 0,
                                WINDOW_VA + at * page, page,
                                DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
        if (!e->ret) {
            e->ret = panthor_vm_unmap(&dev, e->ctx->vm, WINDOW_VA, 64 * page);
        }
    }
    return NULL;
}

static void faulter(int self, uint64_t seed)
{
    PanthorContext ctx;
    pthread_t thread;
    uint32_t size;
    uint64_t va;
    Editor e;
    int ret;

    panthor_context_init(&ctx, &dev, 1);
    va = place_copy(&ctx, HOLE_VA, panthor_data_va(0), 0, &size);
    e = (Editor) { .ctx = &ctx };
    random_init(&e.random, seed);
    TAP_MUST(panthor_bo_create(&dev, &e.bo, PANTHOR_GPU_PAGE, ctx.vm));
    ready(self);
    TAP_MUST(-pthread_create(&thread, NULL, edit, &e));
    while (!storm->stop) {
        ret = panthor_run(&ctx, 0, va, size, JOB_TIMEOUT_MS);
        if (ret == -ETIME || !ret) {
            give_up(self, "a job that reads nowhere: %s",
                    ret ? strerror(-ret) : "done");
        }
        storm->worker[self].done++;
        panthor_context_new_group(&ctx, 1);
    }
    pthread_join(thread, NULL);
    if (e.ret) {
        give_up(self, "VM_BIND: %s", strerror(-e.ret));
    }
}

/* The rounds */

static pid_t workers[WORKERS];

static void start_workers(Random *random, bool faults)
{
    static void (*const main_of[WORKERS])(int self, uint64_t seed) = {
        binder, binder, recycler, faulter,
    };
    int i;

    memset(storm, 0, sizeof(*storm));
    /* All begin together */
    storm->quiet = 1;
    for (i = 0; i < WORKERS; i++) {
        uint64_t seed = random_next(random);

        workers[i] = 0;
        if (i == WORKER_FAULTER && !faults) {
            continue;
        }
        fflush(stdout);
        workers[i] = fork();
        if (!workers[i]) {
            TAP_MUST(panthor_open(&dev));
            main_of[i](i, seed);
            _exit(TAP_EXIT_OK);
        }
        TAP_MUST(workers[i] < 0 ? -errno : 0);
    }
}

static bool workers_ready(void)
{
    uint64_t deadline = kernel_now_ns() + READY_TIMEOUT_MS * 1000000ull;
    int i;

    for (i = 0; i < WORKERS; i++) {
        while (workers[i] && !storm->worker[i].ready) {
            if (kernel_now_ns() > deadline) {
                return false;
            }
            kernel_sleep_ms(1);
        }
    }
    storm->quiet = 0;
    return true;
}

/* On a busy machine a round may be over before a thread has begun */
static void let_all_work(void)
{
    uint64_t deadline = kernel_now_ns() + READY_TIMEOUT_MS * 1000000ull;
    int i;

    for (i = 0; i < WORKERS; i++) {
        while (workers[i] && !storm->worker[i].done &&
               !storm->worker[i].lost && !storm->worker[i].problem[0] &&
               kernel_now_ns() < deadline) {
            kernel_sleep_ms(1);
        }
    }
}

static void kill_workers(void)
{
    int i;

    for (i = 0; i < WORKERS; i++) {
        if (workers[i]) {
            kill(workers[i], SIGKILL);
        }
    }
}

/* Waits for them; returns whether all was well */
static bool join_workers(bool killed)
{
    uint64_t deadline = kernel_now_ns() + 3 * JOB_TIMEOUT_MS * 1000000ull;
    bool well = true;
    int i, status;

    for (i = 0; i < WORKERS; i++) {
        if (!workers[i]) {
            continue;
        }
        while (!killed && waitpid(workers[i], &status, WNOHANG) == 0) {
            if (kernel_now_ns() > deadline) {
                tap_diag("worker %d does not end", i);
                kill_workers();
                killed = true;
                well = false;
            }
            kernel_sleep_ms(1);
        }
        if (killed) {
            waitpid(workers[i], &status, 0);
        }
        if (storm->worker[i].problem[0]) {
            tap_diag("worker %d: %s", i, storm->worker[i].problem);
            well = false;
        } else if (!killed && status) {
            tap_diag("worker %d ended with status 0x%x", i, status);
            well = false;
        }
    }
    return well;
}

/* A job on a new VM */
static bool job_runs(void)
{
    PanthorContext ctx;
    uint32_t size;
    uint64_t va;
    int ret;

    panthor_context_init(&ctx, &dev, 1);
    ctx.data[0] = 41;
    va = place_copy(&ctx, panthor_data_va(0), panthor_data_va(1), 0, &size);
    ret = panthor_run(&ctx, 0, va, size, JOB_TIMEOUT_MS);
    if (ret || ctx.data[1] != 42) {
        tap_diag("a job after the round: %s", strerror(-ret));
        ret = -EIO;
    }
    panthor_context_fini(&ctx);
    return !ret;
}

/*
 * Make commands take too long, but only those of the next moment: the
 * driver's reset gives some, too.  Returns whether there was a reset.
 */
static bool stick(const char *property, const char *message, bool *unusable)
{
    int log = TAP_MUST(kernel_log_open()), ret;
    char record[512];

    TAP_MUST(host_request(NULL, 0, "qom-set %s %llu", property, LATENCY_NS));
    kernel_sleep_ms(LATENCY_WINDOW_MS);
    TAP_MUST(host_request(NULL, 0, "qom-set %s 0", property));
    ret = kernel_log_find(log, message, record, sizeof(record),
                          RESET_TIMEOUT_MS);
    /* If we came too late, the driver has given up the device */
    *unusable = !kernel_log_find(log, "making device unusable", record,
                                 sizeof(record), RESET_SETTLE_MS);
    close(log);
    return !ret;
}

/* Waits for that time; returns whether the GPU went to sleep meanwhile */
static bool saw_suspend(unsigned ms)
{
    uint64_t deadline = kernel_now_ns() + ms * 1000000ull;
    bool seen = false;
    char status[32];

    while (kernel_now_ns() < deadline) {
        seen |= !panthor_runtime_status(&dev, status, sizeof(status)) &&
                strcmp(status, "active");
        kernel_sleep_ms(2);
    }
    return seen;
}

/* How often what the round is about was seen */
static unsigned happened[ROUND_KINDS];

static bool run_round(int kind, Random *random, const Module *module)
{
    bool well, killed = false, unusable = false, seen = false;
    char name[64];
    unsigned i;

    start_workers(random, kind == ROUND_FAULT);
    if (!workers_ready()) {
        tap_diag("the workers are not ready");
        kill_workers();
        join_workers(true);
        return false;
    }
    kernel_sleep_ms(20 + random_below(random, 40));
    switch (kind) {
    case ROUND_FAULT:
        kernel_sleep_ms(100 + random_below(random, 100));
        break;
    case ROUND_SUSPEND:
        TAP_MUST(panthor_open(&dev));
        for (i = 0; i < SUSPENDS || (!seen && i < TRIES); i++) {
            storm->quiet = 1;
            /* The driver suspends 50 ms after the last job */
            seen |= saw_suspend(50 + random_below(random, 60));
            storm->quiet = 0;
            kernel_sleep_ms(10 + random_below(random, 30));
        }
        panthor_close(&dev);
        happened[kind] += seen;
        break;
    case ROUND_STUCK_COMMAND:
    case ROUND_STUCK_FLUSH:
        storm->tolerate = TOLERATE_LOSS;
        for (i = 0; i < TRIES && !seen; i++) {
            seen = kind == ROUND_STUCK_COMMAND ?
                   stick("x-as-latency-ns", "AS_ACTIVE bit stuck",
                         &unusable) :
                   stick("x-flush-latency-ns", "Flush caches timeout",
                         &unusable);
        }
        happened[kind] += seen;
        break;
    case ROUND_UNBIND:
        TAP_MUST(panthor_open(&dev));
        panthor_close(&dev);
        storm->tolerate = TOLERATE_END;
        TAP_MUST(module_unbind(&dev, name, sizeof(name)));
        kernel_sleep_ms(random_below(random, 20));
        kill_workers();
        killed = true;
        break;
    case ROUND_UNLOAD:
        storm->tolerate = TOLERATE_END;
        kill_workers();
        killed = true;
        break;
    default:
        kernel_sleep_ms(100 + random_below(random, 200));
    }
    if (unusable) {
        tap_diag("the driver gave up: the reset found a stuck command, too");
        storm->tolerate = TOLERATE_END;
        kill_workers();
        killed = true;
    }
    if (!killed) {
        let_all_work();
    }
    storm->stop = 1;
    well = join_workers(killed);

    switch (kind) {
    case ROUND_UNBIND:
        TAP_MUST(module_bind(name, &dev));
        happened[kind]++;
        break;
    case ROUND_UNLOAD:
        TAP_MUST(module_unload());
        TAP_MUST(module_load(module, &dev));
        happened[kind]++;
        break;
    default:
        TAP_MUST(panthor_open(&dev));
        if (unusable) {
            panthor_close(&dev);
            TAP_MUST(module_unbind(&dev, name, sizeof(name)));
            TAP_MUST(module_bind(name, &dev));
        }
    }
    well &= job_runs();
    panthor_close(&dev);

    for (i = 0; i < WORKERS; i++) {
        if (!killed && workers[i] && !storm->worker[i].done &&
            !storm->worker[i].lost) {
            tap_diag("worker %u did nothing", i);
            well = false;
        }
    }
    happened[ROUND_FAULT] += storm->worker[WORKER_FAULTER].done;
    /* Those of the binders come on top of them */
    happened[ROUND_RECYCLE] += !killed &&
                               storm->worker[WORKER_RECYCLER].vms ==
                               RECYCLED_VMS;
    return well;
}

int main(int argc, char **argv)
{
    static const char *const options[] = { "--long", NULL };
    unsigned rounds[ROUND_KINDS] = { 0 }, good[ROUND_KINDS] = { 0 }, first, i;
    const char *problem[ROUND_KINDS] = { NULL };
    uint64_t total, only = ROUND_KINDS;
    unsigned char *order;
    Module module;
    Random random;
    char text[32];

    total = tap_start(argc, argv, options,
                      "Edits page tables while address spaces change hands, "
                      "and worse.") == 0 ? ROUNDS_LONG :
            kernel_explores() ? 1 : ROUNDS;
    kernel_option("storm.rounds", &total);
    kernel_option("storm.kind", &only);
    random_init(&random, random_seed("storm"));
    tap_directive("allow-dmesg Unhandled Page fault in AS[0-9]+ at VA|"
                  "fault status:|(exception|access) type 0x|source id 0x|"
                  "CS_FATAL|CSG slot");

    if (!kernel_at_least(7, 0)) {
        /* See tolerate(), and docs/findings.rst for the warnings */
        tap_directive("allow-dmesg job timeout|"
                      "WARNING: .*(io-pgtable-arm|panthor_mmu)");
    }

    storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    TAP_MUST(storm == MAP_FAILED ? -errno : 0);
    if (host_request(text, sizeof(text), "qom-get x-as-latency-ns")) {
        problem[ROUND_STUCK_COMMAND] = problem[ROUND_STUCK_FLUSH] =
            host_error();
    } else {
        tap_directive("allow-dmesg AS_ACTIVE bit stuck|"
                      "Flush caches timeout|panthor.*(timeout|timed ?out|"
                      "reset)|WARNING: .*panthor_mmu_suspend");
    }
    if (!kernel_at_least(7, 0)) {
        problem[ROUND_STUCK_FLUSH] =
            "up to 6.12 a VM_BIND flushes with commands of the MMU";
        if (only != ROUND_STUCK_COMMAND && !problem[ROUND_STUCK_COMMAND]) {
            problem[ROUND_STUCK_COMMAND] =
                "before 7.0 a job may then run in another VM: "
                "docs/findings.rst";
        }
    }
    problem[ROUND_UNLOAD] = module_open(&module);

    order = malloc(total);
    TAP_MUST(order ? 0 : -ENOMEM);
    first = random_below(&random, ROUND_KINDS);
    for (i = 0; i < total; i++) {
        unsigned other = random_below(&random, i + 1);

        order[i] = order[other];
        order[other] = (first + i) % ROUND_KINDS;
    }
    for (i = 0; i < total; i++) {
        int kind = only < ROUND_KINDS ? (int)only : order[i];

        if (!problem[kind]) {
            bool well = run_round(kind, &random, &module);

            if (!well) {
                tap_diag("that was round %u, %s", i, round_name[kind]);
            }
            rounds[kind]++;
            good[kind] += well;
        }
    }
    if (rounds[ROUND_UNBIND] + rounds[ROUND_UNLOAD]) {
        /* Jobs of a device that is gone time out, and the log says so */
        kernel_sleep_ms(SETTLE_MS);
    }
    for (i = 0; i < ROUND_KINDS; i++) {
        if (problem[i]) {
            tap_skip(problem[i], "%s while page tables are edited",
                     round_name[i]);
            continue;
        }
        tap_ok(good[i] == rounds[i], "%s while page tables are edited "
               "(%u of %u rounds)", round_name[i], good[i], rounds[i]);
        if (rounds[i]) {
            /* One round, and a device that is late, may come to nothing. */
            if (!kernel_explores()) {
                tap_ok(happened[i], "%s: it happened", round_name[i]);
            }
            tap_diag("%s: %u times", round_name[i], happened[i]);
        }
    }
    return tap_end();
}
