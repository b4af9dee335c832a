/*
 * leak: what calls leave behind in the kernel
 *
 * Each call, or pair of calls, is made many times, also such that are
 * refused at each place where that can happen.  The kernel's own figures say
 * what is left: the objects of each slab cache, which must not have become more
 * by nearly one for each call, twice in a row; and the buffers of the device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/slab.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 5000
/* What is freed by work of a queue, or after a grace period of RCU, is then */
#define SETTLE_MS 120
#define BUFFERS_MS 1200
#define NO_HANDLE 0xfffff
#define NOBODY 65534
#define MAP_VA 0x40000000ull
#define CHUNK_SIZE 0x20000

static PanthorDev dev;
static PanthorContext ctx;
static PanthorBo bo;
static uint32_t syncobj;

/* -- the calls */

static void vm_comes_and_goes(void)
{
    uint32_t vm;

    TAP_MUST(panthor_vm_create(&dev, &vm));
    TAP_MUST(panthor_vm_destroy(&dev, vm));
}

static int group_of(uint32_t queues, uint8_t priority, uint32_t ring_size)
{
    uint32_t group;
    int ret = panthor_group_create_with(&dev, ctx.vm, queues, priority,
                                        ring_size, &group);

    return ret ? ret : panthor_group_destroy(&dev, group);
}

static void group_comes_and_goes(void)
{
    TAP_MUST(group_of(2, PANTHOR_GROUP_PRIORITY_MEDIUM, 0x1000));
}

static void group_with_bad_ring(void)
{
    if (group_of(2, PANTHOR_GROUP_PRIORITY_MEDIUM, 0x1800) != -EINVAL) {
        tap_bail_out("a ring of 6 KiB");
    }
}

/* The first queue is there when the second is refused */
static void group_with_bad_queue(void)
{
    struct drm_panthor_queue_create queue[2] = {
        { .priority = 1, .ringbuf_size = 0x1000 },
        { .priority = 99, .ringbuf_size = 0x1000 },
    };
    struct drm_panthor_group_create arg = {
        .queues = DRM_PANTHOR_OBJ_ARRAY(2, queue),
        .priority = PANTHOR_GROUP_PRIORITY_MEDIUM,
        .vm_id = ctx.vm,
    };

    panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_GROUP_CREATE, &arg);
}

static void group_with_bad_cores(void)
{
    struct drm_panthor_queue_create queue = { .ringbuf_size = 0x1000 };
    struct drm_panthor_group_create arg = {
        .queues = DRM_PANTHOR_OBJ_ARRAY(1, &queue),
        .max_compute_cores = 1,
        .vm_id = ctx.vm,
    };

    panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_GROUP_CREATE, &arg);
    arg.max_compute_cores = 0;
    arg.vm_id = NO_HANDLE;
    panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_GROUP_CREATE, &arg);
}

static void group_with_bad_priority(void)
{
    group_of(1, 77, 0x1000);
}

/* Too high for an ordinary user; the rights of a thread are its own */
static void group_beyond_rights(void)
{
    if (syscall(SYS_setresuid, -1, NOBODY, -1)) {
        tap_bail_out("setresuid: %s", strerror(errno));
    }
    group_of(1, PANTHOR_GROUP_PRIORITY_HIGH, 0x1000);
    if (syscall(SYS_setresuid, -1, 0, -1)) {
        tap_bail_out("setresuid: %s", strerror(errno));
    }
}

/* Two jobs, of which the second is refused: by what it waits for, or itself */
static void submit_two(const struct drm_panthor_sync_op *sync,
                       uint64_t second_va)
{
    PanthorJob job[2] = {
        { .stream_va = PANTHOR_CODE_VA, .stream_size = 64 },
        { .stream_va = second_va, .stream_size = 64, .syncs = sync,
          .sync_count = sync != NULL },
    };

    if (!panthor_group_submit(&dev, ctx.group, job, 2)) {
        tap_bail_out("a submission was taken");
    }
}

static void submit_unknown_wait(void)
{
    struct drm_panthor_sync_op sync = panthor_wait_op(NO_HANDLE, 0);

    submit_two(&sync, PANTHOR_CODE_VA);
}

static void submit_unknown_flag(void)
{
    struct drm_panthor_sync_op sync = panthor_signal_op(syncobj, 0);

    sync.flags |= 0x40;
    submit_two(&sync, PANTHOR_CODE_VA);
}

static void submit_signal_and_wait(void)
{
    struct drm_panthor_sync_op sync[2] = {
        panthor_signal_op(syncobj, 5), panthor_wait_op(NO_HANDLE, 0),
    };
    PanthorJob job = { .stream_va = PANTHOR_CODE_VA, .stream_size = 64,
                       .syncs = sync, .sync_count = 2 };

    panthor_group_submit(&dev, ctx.group, &job, 1);
}

static void submit_odd_address(void)
{
    submit_two(NULL, PANTHOR_CODE_VA + 8);
}

static void submit_nowhere(void)
{
    PanthorJob job = { .stream_va = PANTHOR_CODE_VA, .stream_size = 64 };

    panthor_group_submit(&dev, NO_HANDLE, &job, 1);
    job.queue = 31;
    panthor_group_submit(&dev, ctx.group, &job, 1);
}

static struct drm_panthor_vm_bind_op map(uint64_t offset)
{
    return panthor_map_op(&bo, offset, MAP_VA, bo.size - offset,
                          DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
}

static void bind_with_bad_sync(void)
{
    struct drm_panthor_sync_op sync = panthor_wait_op(NO_HANDLE, 0);
    struct drm_panthor_vm_bind_op op = map(0);

    op.syncs = (struct drm_panthor_obj_array) DRM_PANTHOR_OBJ_ARRAY(1, &sync);
    panthor_vm_bind_async(&dev, ctx.vm, &op, 1);
}

static void bind_with_bad_second(void)
{
    struct drm_panthor_vm_bind_op op[2] = { map(0), map(0) };

    op[1].va++;
    panthor_vm_bind_async(&dev, ctx.vm, op, 2);
}

static void bind_bad_ranges(void)
{
    struct drm_panthor_vm_bind_op op = map(0);

    op.size *= 2;
    panthor_vm_bind(&dev, ctx.vm, &op, 1);
    op = map(0);
    op.va = -kernel_page_size();
    panthor_vm_bind(&dev, ctx.vm, &op, 1);
    panthor_vm_bind_async(&dev, ctx.vm, &op, 1);
    op = map(0);
    op.flags |= 1u << 20;
    panthor_vm_bind(&dev, ctx.vm, &op, 1);
}

/* Mappings that are cut in parts, replaced in the middle, and unmapped */
static void bind_in_parts(void)
{
    uint64_t part = bo.size / 4;

    TAP_MUST(panthor_vm_map(&dev, ctx.vm, &bo, 0, MAP_VA, bo.size, 0));
    TAP_MUST(panthor_vm_unmap(&dev, ctx.vm, MAP_VA + part, part));
    TAP_MUST(panthor_vm_map(&dev, ctx.vm, &bo, 0, MAP_VA + 2 * part, part,
                            0));
    TAP_MUST(panthor_vm_unmap(&dev, ctx.vm, MAP_VA, bo.size));
}

static void bind_async(void)
{
    struct drm_panthor_sync_op sync = panthor_signal_op(syncobj, 0);
    struct drm_panthor_vm_bind_op op[2] = {
        map(0), panthor_unmap_op(MAP_VA, bo.size),
    };

    op[1].syncs = (struct drm_panthor_obj_array)
        DRM_PANTHOR_OBJ_ARRAY(1, &sync);
    TAP_MUST(panthor_syncobj_reset(&dev, syncobj));
    TAP_MUST(panthor_vm_bind_async(&dev, ctx.vm, op, 2));
    TAP_MUST(panthor_syncobj_wait(&dev, syncobj, 0, false, JOB_TIMEOUT_MS));
}

static void heap_comes_and_goes(void)
{
    uint64_t context_va, chunk_va;
    uint32_t heap;

    TAP_MUST(panthor_heap_create(&dev, ctx.vm, 2, 3, &heap, &context_va,
                                 &chunk_va));
    TAP_MUST(panthor_heap_destroy(&dev, heap));
}

static void heap_refused(void)
{
    struct drm_panthor_tiler_heap_create arg = {
        .vm_id = ctx.vm,
        .initial_chunk_count = 1,
        .chunk_size = CHUNK_SIZE + 1,
        .max_chunks = 1,
    };

    panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE, &arg);
    panthor_heap_destroy(&dev, ctx.vm << 16 | 99);
    panthor_heap_destroy(&dev, NO_HANDLE << 8);
}

static void buffer_comes_and_goes(void)
{
    PanthorBo buffer;
    struct drm_panthor_bo_set_label label = { .label = (uintptr_t)"a label" };

    TAP_MUST(panthor_bo_create(&dev, &buffer, kernel_page_size(), ctx.vm));
    label.handle = buffer.handle;
    for (unsigned i = 0; i < 2; i++) {
        panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_SET_LABEL, &label);
    }
    panthor_bo_destroy(&dev, &buffer);
}

static void buffer_refused(void)
{
    struct drm_panthor_bo_create create = {
        .size = 4096,
        .exclusive_vm_id = NO_HANDLE,
    };
    struct drm_panthor_bo_mmap_offset offset = { .handle = bo.handle,
                                                 .pad = 1 };
    struct drm_panthor_bo_set_label label = { .handle = bo.handle,
                                              .label = 8 };

    panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_CREATE, &create);
    create.exclusive_vm_id = ctx.vm;
    create.flags = 3;
    panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_CREATE, &create);
    panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &offset);
    panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_SET_LABEL, &label);
}

static void buffer_is_shared(void)
{
    PanthorBo shared, other;
    int fd;

    TAP_MUST(panthor_bo_create(&dev, &shared, kernel_page_size(), 0));
    TAP_MUST(panthor_bo_export(&dev, &shared, &fd));
    TAP_MUST(panthor_bo_import(&dev, fd, shared.size, &other));
    /* The same handle: its mapping is what has to go */
    munmap(other.cpu, other.size);
    close(fd);
    panthor_bo_destroy(&dev, &shared);
}

static void job_runs(void)
{
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
}

static void file_is_closed(void)
{
    PanthorDev own;

    TAP_MUST(panthor_open_filled(&own, MAP_VA));
    panthor_close(&own);
}

static void queries_refused(void)
{
    struct drm_panthor_timestamp_info stamp = { .flags = 1u << 30 };
    struct drm_panthor_dev_query query = {
        .type = DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO,
        .size = sizeof(stamp),
        .pointer = (uintptr_t)&stamp,
    };

    panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_DEV_QUERY, &query);
    query.type = 77;
    panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_DEV_QUERY, &query);
}

typedef struct Path {
    const char *name;
    void (*call)(void);
    unsigned times;
} Path;

static const Path paths[] = {
    { "a group with too high a priority", group_beyond_rights, 80 },
    { "a group with an unknown priority", group_with_bad_priority, 80 },
    { "a group with cores that are not there", group_with_bad_cores, 80 },
    { "a group with a bad ring", group_with_bad_ring, 60 },
    { "a group with a bad second queue", group_with_bad_queue, 60 },
    { "a group", group_comes_and_goes, 60 },
    { "jobs that wait for what is not there", submit_unknown_wait, 80 },
    { "jobs with an unknown flag", submit_unknown_flag, 80 },
    { "a job that signals, and waits in vain", submit_signal_and_wait, 80 },
    { "jobs at an odd address", submit_odd_address, 80 },
    { "jobs for what is not there", submit_nowhere, 80 },
    { "a VM_BIND that waits for what is not there", bind_with_bad_sync, 80 },
    { "a VM_BIND with a bad second operation", bind_with_bad_second, 80 },
    { "VM_BINDs of bad ranges", bind_bad_ranges, 80 },
    { "mappings that go in parts", bind_in_parts, 80 },
    { "VM_BINDs that are queued", bind_async, 80 },
    { "a heap", heap_comes_and_goes, 60 },
    { "heaps that are refused", heap_refused, 80 },
    { "a buffer", buffer_comes_and_goes, 80 },
    { "buffers that are refused", buffer_refused, 80 },
    { "a buffer that is shared", buffer_is_shared, 80 },
    { "a job", job_runs, 80 },
    { "a VM", vm_comes_and_goes, 60 },
    { "a file with all of that in it", file_is_closed, 60 },
    { "queries that are refused", queries_refused, 80 },
};

static void repeat(const Path *path)
{
    for (unsigned i = 0; i < path->times; i++) {
        path->call();
    }
    kernel_sleep_ms(SETTLE_MS);
}

static void test_path(const Path *path)
{
    static SlabCaches before;
    unsigned had = panthor_buffers(&dev), has;
    const char *name = NULL;
    long by = 0;

    /* What is allocated once is, and what has been kept is used up */
    path->call();
    for (unsigned tries = 0; tries < 2; tries++) {
        slab_read(&before);
        repeat(path);
        name = slab_grown(&before, path->times * 8 / 10, &by);
        if (!name) {
            break;
        }
    }
    if (!tap_ok(!name, "%s, %u times: nothing is left", path->name,
                path->times)) {
        tap_diag("%s has %ld objects more", name, by);
    }
    has = panthor_buffers_wait(&dev, had, BUFFERS_MS);
    if (has > had + 2) {
        tap_ok(false, "%s: no buffers are left", path->name);
        tap_diag("%u more", has - had);
    }
}

int main(int argc, char **argv)
{
    static SlabCaches caches;

    tap_start(argc, argv, NULL, "Counts what calls leave in the kernel.");
    if (!slab_read(&caches)) {
        tap_skip("no /proc/slabinfo", "what calls leave behind");
        return tap_end();
    }
    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_bo_create(&dev, &bo, 8 * kernel_page_size(), 0));
    TAP_MUST(panthor_syncobj_create(&dev, &syncobj));
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        test_path(&paths[i]);
    }
    panthor_bo_destroy(&dev, &bo);
    panthor_context_fini(&ctx);
    panthor_close(&dev);
    return tap_end();
}
