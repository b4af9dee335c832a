/*
 * fail-nth: every allocation of a request fails once
 *
 * The kernel's fault injection has the n-th allocation of a task fail
 * (Documentation/fault-injection/fault-injection.rst, fail-nth); with --calls,
 * the n-th call of the driver fails that allocates something.  Each request is
 * made with n from one up, until it needs no more of them than that.  It
 * fails or works, the same call works afterwards, and nothing is left: no
 * object of a slab cache for each round, no buffer of the device.  The error
 * need not be ENOMEM: what cannot be put into a tree of ranges is ENOSPC, for
 * instance.
 *
 * The former is for kernels with FAULT_INJECTION: DEBUG=faults.  The latter is
 * for drivers that scripts/build-panthor.py has built.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/faults.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/slab.h"
#include "lib/tap.h"

#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))

/* What a request may allocate at most, more than twice what any does */
#define MAX_PLACES 600
/*
 * Of all places, for each of which a leak leaves one object a round.  With
 * --calls, which is for every day, only what several places leave is seen of a
 * request with many, and whether it works afterwards not after each.
 */
#define ROUNDS 8
#define ENOUGH 7
#define MANY_PLACES 40
#define MANY_ROUNDS 1
#define AGAIN_EVERY 8
#define BUFFERS_MS 1200
#define JOB_TIMEOUT_MS 5000
/* The option --calls, in the table of rows in main() */
#define CALLS 3
#define QUEUES 2
#define MAP_VA 0x40000000ull
#define HUGE_VA 0x80000000ull
#define HUGE_SIZE (2 * PANTHOR_GPU_BLOCK)

static const Faults *faults;
static PanthorDev dev;
static PanthorContext ctx;
static PanthorBo bo, huge;
static uint32_t syncobj;
/* With --calls */
static bool quickly;
static unsigned rounds;
/* What the last call has made, for what goes after it */
static uint32_t made;
static int made_fd;
static void *made_map;

/* -- the calls; each returns 0 or a negative errno, and makes one request */

static int do_open(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/dev/dri/renderD%d", dev.node);
    made_fd = open(path, O_RDWR | O_CLOEXEC);
    return made_fd < 0 ? -errno : 0;
}

static void close_made(void)
{
    close(made_fd);
}

static void fill_file(void)
{
    PanthorDev own;

    TAP_MUST(panthor_open_filled(&own, MAP_VA));
    made_fd = own.fd;
}

static int do_close(void)
{
    return close(made_fd) ? -errno : 0;
}

static int do_vm_create(void)
{
    return panthor_vm_create(&dev, &made);
}

static void vm_destroy(void)
{
    TAP_MUST(panthor_vm_destroy(&dev, made));
}

static int use_vm(void)
{
    int ret = panthor_vm_map(&dev, made, &bo, 0, MAP_VA, bo.size, 0);

    return ret ? ret : panthor_vm_unmap(&dev, made, MAP_VA, bo.size);
}

static void fill_vm(void)
{
    TAP_MUST(panthor_vm_create(&dev, &made));
    TAP_MUST(panthor_vm_map(&dev, made, &bo, 0, MAP_VA, bo.size, 0));
}

static int do_vm_destroy(void)
{
    return panthor_vm_destroy(&dev, made);
}

static int create_buffer(uint32_t vm)
{
    struct drm_panthor_bo_create create = {
        .size = HUGE_SIZE,
        .exclusive_vm_id = vm,
    };
    int ret = panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_CREATE, &create);

    made = create.handle;
    return ret;
}

static int do_bo_create(void)
{
    return create_buffer(0);
}

static int do_bo_create_of_vm(void)
{
    return create_buffer(ctx.vm);
}

static void close_handle(void)
{
    struct drm_gem_close arg = { .handle = made };

    TAP_MUST(panthor_ioctl(&dev, DRM_IOCTL_GEM_CLOSE, &arg));
}

static void make_buffer(void)
{
    TAP_MUST(create_buffer(0));
}

static int do_set_label(void)
{
    struct drm_panthor_bo_set_label label = { .handle = made,
                                              .label = (uintptr_t)"a label" };

    return panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_SET_LABEL, &label);
}

static int do_mmap(void)
{
    struct drm_panthor_bo_mmap_offset map = { .handle = huge.handle };
    int ret = panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &map);

    if (ret) {
        return ret;
    }
    made_map = mmap(NULL, huge.size, PROT_READ | PROT_WRITE, MAP_SHARED,
                    dev.fd, map.offset);
    return made_map == MAP_FAILED ? -errno : 0;
}

static void unmap_made(void)
{
    munmap(made_map, huge.size);
}

static int do_export(void)
{
    PanthorBo buffer = { .handle = made };

    return panthor_bo_export(&dev, &buffer, &made_fd);
}

static void close_both(void)
{
    close_made();
    close_handle();
}

static int do_map(void)
{
    return panthor_vm_map(&dev, ctx.vm, &bo, 0, MAP_VA, bo.size, 0);
}

static void map_bo(void)
{
    TAP_MUST(do_map());
}

static int do_unmap(void)
{
    return panthor_vm_unmap(&dev, ctx.vm, MAP_VA, bo.size);
}

static void unmap_bo(void)
{
    TAP_MUST(do_unmap());
}

static int do_map_huge(void)
{
    return panthor_vm_map(&dev, ctx.vm, &huge, 0, HUGE_VA, huge.size, 0);
}

static void map_huge(void)
{
    TAP_MUST(do_map_huge());
}

static void unmap_huge(void)
{
    TAP_MUST(panthor_vm_unmap(&dev, ctx.vm, HUGE_VA, huge.size));
}

/* In the middle of the first of two blocks */
static int do_unmap_part(void)
{
    return panthor_vm_unmap(&dev, ctx.vm, HUGE_VA + PANTHOR_GPU_BLOCK / 2,
                            0x10000);
}

static int do_map_over(void)
{
    return panthor_vm_map(&dev, ctx.vm, &bo, 0,
                          HUGE_VA + PANTHOR_GPU_BLOCK / 2, bo.size, 0);
}

static int do_bind_async(void)
{
    struct drm_panthor_sync_op sync = panthor_signal_op(syncobj, 0);
    struct drm_panthor_vm_bind_op op[2] = {
        panthor_map_op(&bo, 0, MAP_VA, bo.size, 0),
        panthor_unmap_op(MAP_VA, bo.size),
    };

    op[1].syncs = (struct drm_panthor_obj_array)
        DRM_PANTHOR_OBJ_ARRAY(1, &sync);
    return panthor_vm_bind_async(&dev, ctx.vm, op, 2);
}

static void reset_syncobj(void)
{
    TAP_MUST(panthor_syncobj_reset(&dev, syncobj));
}

static void await_syncobj(void)
{
    TAP_MUST(panthor_syncobj_wait(&dev, syncobj, 0, false, JOB_TIMEOUT_MS));
}

static int do_group_create(void)
{
    return panthor_group_create(&dev, ctx.vm, QUEUES, &made);
}

/* A job in each queue */
static int use_group(void)
{
    struct drm_panthor_sync_op sync = panthor_signal_op(ctx.syncobj, 0);
    int ret = 0;

    for (unsigned queue = 0; queue < QUEUES && !ret; queue++) {
        PanthorJob job = { .queue = queue, .stream_va = PANTHOR_CODE_VA,
                           .stream_size = 64, .syncs = &sync, .sync_count = 1 };

        TAP_MUST(panthor_syncobj_reset(&dev, ctx.syncobj));
        ret = panthor_group_submit(&dev, made, &job, 1);
        if (!ret) {
            ret = panthor_syncobj_wait(&dev, ctx.syncobj, 0, false,
                                       JOB_TIMEOUT_MS);
        }
    }
    return ret;
}

static void group_destroy(void)
{
    TAP_MUST(panthor_group_destroy(&dev, made));
}

static int do_heap_create(void)
{
    uint64_t context_va, chunk_va;

    return panthor_heap_create(&dev, ctx.vm, 3, 5, &made, &context_va,
                               &chunk_va);
}

static void heap_destroy(void)
{
    TAP_MUST(panthor_heap_destroy(&dev, made));
}

/* Two jobs: the first signals what the second waits for */
static int do_submit(void)
{
    struct drm_panthor_sync_op first = panthor_signal_op(ctx.syncobj, 0);
    struct drm_panthor_sync_op second[2] = {
        panthor_wait_op(ctx.syncobj, 0), panthor_signal_op(syncobj, 0),
    };
    PanthorJob job[2] = {
        { .syncs = &first, .sync_count = 1 },
        { .stream_va = PANTHOR_CODE_VA, .stream_size = 64, .syncs = second,
          .sync_count = 2 },
    };

    return panthor_group_submit(&dev, ctx.group, job, 2);
}

typedef struct Case {
    const char *name;
    /* What has to be there, and is not subject to it; NULL: nothing */
    void (*before)(void);
    int (*call)(void);
    /* What of a call that worked has to go; of one that failed if it says so */
    void (*after)(void);
    void (*after_failure)(void);
    /* What it has made is of use, though something has failed; may be NULL */
    int (*use)(void);
    /* It works whatever fails */
    bool must_work;
    /* A module whose allocations do not fail; NULL: there is none */
    const char *spared;
} Case;

static const Case cases[] = {
    { "open", .call = do_open, .after = close_made },
    { "VM_CREATE", .call = do_vm_create, .after = vm_destroy, .use = use_vm },
    { "BO_CREATE", .call = do_bo_create, .after = close_handle },
    { "BO_CREATE, of one VM", .call = do_bo_create_of_vm,
      .after = close_handle },
    { "BO_SET_LABEL", .before = make_buffer, .call = do_set_label,
      .after = close_handle, .after_failure = close_handle },
    { "BO_MMAP_OFFSET and mmap", .call = do_mmap, .after = unmap_made },
    { "PRIME_HANDLE_TO_FD", .before = make_buffer, .call = do_export,
      .after = close_both, .after_failure = close_handle },
    { "VM_BIND that maps", .call = do_map, .after = unmap_bo },
    { "VM_BIND that unmaps", .before = map_bo, .call = do_unmap,
      .after_failure = unmap_bo },
    { "VM_BIND that maps blocks", .call = do_map_huge, .after = unmap_huge },
    { "VM_BIND that unmaps part of a block", .before = map_huge,
      .call = do_unmap_part, .after = unmap_huge, .after_failure = unmap_huge },
    { "VM_BIND that maps over part of a block", .before = map_huge,
      .call = do_map_over, .after = unmap_huge, .after_failure = unmap_huge },
    { "VM_BIND that is queued", .before = reset_syncobj, .call = do_bind_async,
      .after = await_syncobj },
    { "GROUP_CREATE", .call = do_group_create, .after = group_destroy,
      .use = use_group, .spared = "gpu_sched" },
    { "TILER_HEAP_CREATE", .call = do_heap_create, .after = heap_destroy },
    { "GROUP_SUBMIT", .before = reset_syncobj, .call = do_submit,
      .after = await_syncobj },
};

/*
 * With --destroy: see "A VM that is destroyed without memory" in
 * docs/findings.rst
 */
static const Case destroyed[] = {
    { "VM_DESTROY", .before = fill_vm, .call = do_vm_destroy,
      .must_work = true },
    { "close", .before = fill_file, .call = do_close, .must_work = true },
};

/*
 * With --group: see "A group whose scheduler gets no memory" in
 * docs/findings.rst
 */
static const Case whole_group[] = {
    { "GROUP_CREATE, the scheduler of its queues as well",
      .call = do_group_create, .after = group_destroy },
};

/* -- the test */

typedef struct Outcome {
    /* Whether there is an allocation of that number, and its name or NULL */
    bool injected;
    const char *name;
    /* What the call returned, what it made, and the same without a failure */
    int ret, use, again;
} Outcome;

/* The call, with its @n-th allocation failing; 0: none */
static int call_once(const Case *c, unsigned n, Outcome *outcome)
{
    int ret;

    if (c->before) {
        c->before();
    }
    faults->arm(n);
    ret = c->call();
    outcome->injected = faults->disarm(&outcome->name) && n;
    outcome->use = !ret && outcome->injected && c->use ? c->use() : 0;
    if (!ret && c->after) {
        c->after();
    } else if (ret && c->after_failure) {
        c->after_failure();
    }
    return ret;
}

static Outcome try_place(const Case *c, unsigned n)
{
    Outcome outcome, without;

    outcome.ret = call_once(c, n, &outcome);
    outcome.again = !quickly || n % AGAIN_EVERY == 0 ?
                    call_once(c, 0, &without) : 0;
    return outcome;
}

static bool is_right(const Case *c, const Outcome *o)
{
    return (!o->ret || (o->injected && !c->must_work)) && !o->use &&
           !o->again;
}

static const char *result(int ret)
{
    return ret ? strerror(-ret) : "it works";
}

/*
 * All places; the number of them, and the first that is wrong or 0.  It ends
 * there: of a VM or a group that no longer works all else would fail.
 */
static unsigned sweep(const Case *c, unsigned *wrong, Outcome *outcome)
{
    *wrong = 0;
    for (unsigned n = 1; n <= MAX_PLACES; n++) {
        *outcome = try_place(c, n);
        if (!is_right(c, outcome)) {
            *wrong = n;
            return n;
        }
        if (!outcome->injected) {
            return n - 1;
        }
    }
    return MAX_PLACES;
}

/* Once more, with the place in the kernel's log */
static void show_place(const Case *c, unsigned n)
{
    Outcome outcome;

    faults->set_verbose(true);
    outcome = try_place(c, n);
    faults->set_verbose(false);
    tap_diag("by %s %u, %s", faults->what, n,
             outcome.name ? outcome.name : "which the kernel's log has");
}

static void repeat(const Case *c, unsigned first, unsigned last)
{
    Outcome outcome;

    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned n = first; n <= last; n++) {
            call_once(c, n, &outcome);
        }
    }
}

/* Whether some of the places leave objects in a cache */
static bool leak(const Case *c, unsigned first, unsigned last,
                 const char *cache)
{
    static SlabCaches before;
    long by;

    slab_read(&before);
    repeat(c, first, last);
    return slab_keeps(&before, cache, ENOUGH, &by);
}

/* A place that leaves objects in a cache, by halves; 0: none does alone */
static unsigned leaking_place(const Case *c, unsigned places,
                              const char *cache)
{
    unsigned first = 1, last = places;

    while (first < last) {
        unsigned middle = (first + last) / 2;

        if (leak(c, first, middle, cache)) {
            last = middle;
        } else {
            first = middle + 1;
        }
    }
    return leak(c, first, first, cache) ? first : 0;
}

static void test_leaks(const Case *c, unsigned places)
{
    static SlabCaches before;
    unsigned had = panthor_buffers(&dev), has;
    char cache[48] = "";
    const char *name;
    long by = 0;
    bool left;

    rounds = quickly && places > MANY_PLACES ? MANY_ROUNDS : ROUNDS;
    slab_read(&before);
    repeat(c, 1, places);
    name = slab_grown(&before, ENOUGH, &by);
    left = name != NULL;
    if (left) {
        /* The same cache once more: others come and go */
        snprintf(cache, sizeof(cache), "%s", name);
        left = leak(c, 1, places, cache);
    }
    if (!tap_ok(!left, "%s, with each %s failing %u times: nothing is "
                "left", c->name, faults->what, rounds)) {
        unsigned n;

        tap_diag("%s has %ld objects more", cache, by);
        n = leaking_place(c, places, cache);
        if (n) {
            show_place(c, n);
        }
    }
    has = panthor_buffers_wait(&dev, had, BUFFERS_MS);
    if (has > had) {
        tap_ok(false, "%s: no buffers are left", c->name);
        tap_diag("%u more", has - had);
    }
}

static void test_case(const Case *c)
{
    unsigned wrong, places;
    Outcome o = { 0 };

    faults->spare(c->spared);
    /* What is allocated once is */
    call_once(c, 0, &o);
    places = sweep(c, &wrong, &o);
    if (!tap_ok(!wrong && places && places < MAX_PLACES,
                "%s, with each %s failing once: %s, and it works "
                "afterwards", c->name, faults->what,
                c->must_work ? "it works" : "it fails or works")) {
        if (wrong) {
            tap_diag("%s %u: %s%s%s, and then %s", faults->what, wrong,
                     result(o.ret), o.use ? ", but what it made does not: " :
                     "", o.use ? strerror(-o.use) : "", result(o.again));
            show_place(c, wrong);
        }
        return;
    }
    tap_diag("%u %ss", places, faults->what);
    test_leaks(c, places);
}

int main(int argc, char **argv)
{
    static const char *const options[] = { "--destroy", "--group", "--calls",
                                           NULL };
    static const struct {
        const Case *cases;
        size_t count;
    } rows[] = {
        { cases, ARRAY_SIZE(cases) },
        { destroyed, ARRAY_SIZE(destroyed) },
        { whole_group, ARRAY_SIZE(whole_group) },
        { cases, ARRAY_SIZE(cases) },
    };
    static SlabCaches caches;
    int row = tap_start(argc, argv, options,
                        "Has each allocation of each request fail once.") + 1;

    quickly = row == CALLS;
    faults = quickly ? faults_of_driver() : faults_of_kernel();
    if (!faults || !slab_read(&caches)) {
        tap_skip(quickly ? "the driver is not one of build-panthor.py" :
                 "the kernel cannot have allocations fail; DEBUG=faults can",
                 "each allocation of each request fails once");
        return tap_end();
    }
    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_bo_create(&dev, &bo, 8 * kernel_page_size(), 0));
    TAP_MUST(panthor_bo_create(&dev, &huge, HUGE_SIZE, 0));
    TAP_MUST(panthor_syncobj_create(&dev, &syncobj));
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    for (unsigned i = 0; i < rows[row].count; i++) {
        test_case(&rows[row].cases[i]);
    }
    tap_ok(!panthor_store_job(&ctx, 2, JOB_TIMEOUT_MS),
           "a job runs after all of that");
    panthor_bo_destroy(&dev, &huge);
    panthor_bo_destroy(&dev, &bo);
    panthor_context_fini(&ctx);
    panthor_close(&dev);
    faults->close();
    return tap_end();
}
