/*
 * fences: when the fences of jobs signal, and who else sees them
 *
 * Jobs without a stream signal after those before them in their queue, and
 * not sooner.  A buffer that is shared has no fence that others would wait
 * for: panthor's user space synchronizes by itself.  A job that met a fault
 * says so, whatever fault it was.  And the driver's time for a job begins anew
 * with each: a queue may be busy for longer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 5000
#define LOOK_MS 50
#define SHARED_VA 0x40000000ull
#define BOUND_VA 0x48000000ull

/*
 * JOB_TIMEOUT_MS of panthor_sched.c is 5 s, the firmware's progress timer of
 * the driver 2.6 s: each job takes less, all of them take more.
 */
#define LONG_JOBS 4
#define LONG_JOB_NS 1700000000ull
#define LONG_QUEUE_MS 20000

/* DMA_BUF_IOCTL_EXPORT_SYNC_FILE came with 6.0 */
#ifndef DMA_BUF_IOCTL_EXPORT_SYNC_FILE
struct dma_buf_export_sync_file {
    __u32 flags;
    __s32 fd;
};
#define DMA_BUF_IOCTL_EXPORT_SYNC_FILE \
    _IOWR(DMA_BUF_BASE, 2, struct dma_buf_export_sync_file)
#endif

static PanthorDev dev;

/* A job that signals @syncobj, if it is not 0 */
static void submit(PanthorContext *ctx, uint32_t queue, uint64_t va,
                   uint32_t size, uint32_t syncobj)
{
    struct drm_panthor_sync_op signal = panthor_signal_op(syncobj, 0);
    PanthorJob job = {
        .queue = queue,
        .stream_va = va,
        .stream_size = size,
        .syncs = &signal,
        .sync_count = syncobj != 0,
    };

    if (syncobj) {
        TAP_MUST(panthor_syncobj_reset(&dev, syncobj));
    }
    TAP_MUST(panthor_group_submit(&dev, ctx->group, &job, 1));
}

static bool signalled(uint32_t syncobj, unsigned timeout_ms)
{
    return !panthor_syncobj_wait(&dev, syncobj, 0, false, timeout_ms);
}

static void test_empty_jobs(void)
{
    uint32_t empty[3];
    PanthorContext ctx;
    unsigned i, early = 0, late = 0;

    panthor_context_init(&ctx, &dev, 2);
    for (i = 0; i < 3; i++) {
        TAP_MUST(panthor_syncobj_create(&dev, &empty[i]));
    }
    submit(&ctx, 0, 0, 0, empty[0]);
    tap_ok(signalled(empty[0], JOB_TIMEOUT_MS),
           "empty job: the first of a queue signals");
    panthor_submit_spin(&ctx);
    submit(&ctx, 0, 0, 0, empty[0]);
    submit(&ctx, 0, 0, 0, empty[1]);
    submit(&ctx, 1, 0, 0, empty[2]);
    tap_ok(signalled(empty[2], JOB_TIMEOUT_MS),
           "empty job: in another queue it signals at once");
    for (i = 0; i < 2; i++) {
        early += signalled(empty[i], LOOK_MS);
    }
    if (!tap_ok(!early && !signalled(ctx.syncobj, 0),
                "empty job: it waits for the job before it")) {
        tap_diag("%u of 2 signal while a stream runs", early);
    }
    tap_ok(!panthor_end_spin(&ctx, JOB_TIMEOUT_MS),
           "empty job: the job before it ends");
    for (i = 0; i < 2; i++) {
        late += !signalled(empty[i], JOB_TIMEOUT_MS);
    }
    tap_ok(!late, "empty job: and then it signals, too");
    for (i = 0; i < 3; i++) {
        panthor_syncobj_destroy(&dev, empty[i]);
    }
    panthor_context_fini(&ctx);
}

/* Whether the buffer's fences let one who reads, or writes, go on */
static bool is_free(int fd, short events)
{
    struct pollfd pfd = { .fd = fd, .events = events };

    return poll(&pfd, 1, LOOK_MS) == 1 && (pfd.revents & events);
}

static bool is_free_by_select(int fd)
{
    struct timeval none = { 0 };
    fd_set readable, writable;

    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(fd, &readable);
    FD_SET(fd, &writable);
    return select(fd + 1, &readable, &writable, NULL, &none) == 2;
}

/* The same of the fence that the kernel makes of them; -1: it has none */
static int exported_status(int fd, uint32_t flags)
{
    struct dma_buf_export_sync_file export = { .flags = flags };
    struct sync_file_info info = { };

    if (ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export)) {
        return -1;
    }
    if (ioctl(export.fd, SYNC_IOC_FILE_INFO, &info)) {
        info.status = -1;
    }
    close(export.fd);
    return info.status;
}

static void check_free(const char *when, int fd)
{
    tap_ok(is_free(fd, POLLIN), "shared buffer: it can be read while %s",
           when);
    tap_ok(is_free(fd, POLLOUT), "shared buffer: it can be written while %s",
           when);
    tap_ok(is_free_by_select(fd), "shared buffer: select() says so while %s",
           when);
    tap_ok(exported_status(fd, DMA_BUF_SYNC_READ) == 1 &&
           exported_status(fd, DMA_BUF_SYNC_WRITE) == 1,
           "shared buffer: a sync file of it is signalled while %s", when);
}

/*
 * Fences of jobs and of VM_BINDs are there for the kernel's memory management
 * only (DMA_RESV_USAGE_BOOKKEEP).
 */
static void test_shared(void)
{
    struct drm_panthor_vm_bind_op op;
    struct drm_panthor_sync_op sync;
    PanthorBo shared, exclusive;
    uint32_t gate, other_vm;
    PanthorContext ctx;
    int fd;

    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_syncobj_create(&dev, &gate));
    TAP_MUST(panthor_bo_create(&dev, &exclusive, kernel_page_size(), ctx.vm));
    tap_ok(panthor_bo_export(&dev, &exclusive, &fd) == -EINVAL,
           "shared buffer: that of a single VM cannot be shared");
    panthor_bo_destroy(&dev, &exclusive);

    TAP_MUST(panthor_bo_create(&dev, &shared, kernel_page_size(), 0));
    TAP_MUST(panthor_vm_map(&dev, ctx.vm, &shared, 0, SHARED_VA, shared.size,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    TAP_MUST(panthor_bo_export(&dev, &shared, &fd));
    check_free("nothing runs", fd);
    panthor_submit_spin(&ctx);
    check_free("a job runs", fd);

    /* A map that waits until a job is done that is not there yet */
    TAP_MUST(panthor_vm_create(&dev, &other_vm));
    sync = panthor_wait_op(ctx.syncobj, 0);
    op = panthor_map_op(&shared, 0, BOUND_VA, shared.size,
                        DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
    op.syncs = (struct drm_panthor_obj_array) DRM_PANTHOR_OBJ_ARRAY(1, &sync);
    TAP_MUST(panthor_vm_bind_async(&dev, other_vm, &op, 1));
    check_free("a VM_BIND of it waits", fd);

    tap_ok(!panthor_end_spin(&ctx, JOB_TIMEOUT_MS),
           "shared buffer: the job ends");
    check_free("all is over", fd);
    close(fd);
    panthor_bo_destroy(&dev, &shared);
    TAP_MUST(panthor_vm_destroy(&dev, other_vm));
    panthor_syncobj_destroy(&dev, gate);
    panthor_context_fini(&ctx);
}

/* Types of exceptions after which a stream goes on: docs/specs/mali-csf.rst */
static void test_fault_types(void)
{
    static const uint8_t types[] = { 0x48, 0x4b, 0x51, 0x55, 0x58, 0x59, 0x5a,
                                     0x5b };
    unsigned failed = 0, count = 0, after = 0;
    PanthorContext ctx;

    tap_directive("allow-dmesg CS_FAULT|CSG slot");
    panthor_context_init(&ctx, &dev, 1);
    for (unsigned i = 0; i < sizeof(types); i++) {
        int ret;

        /* At the store that the job is for */
        if (host_request(NULL, 0, "inject cs-fault opcode=0x15 exception=%u",
                         types[i])) {
            tap_skip(host_error(), "a job that met a fault fails");
            break;
        }
        ret = panthor_store_job(&ctx, i + 1, JOB_TIMEOUT_MS);
        host_request(NULL, 0, "inject-clear");
        if (ret != -EINVAL) {
            tap_diag("exception 0x%x: %s", types[i],
                     ret ? strerror(-ret) : "the job is well");
        }
        failed += ret == -EINVAL;
        after += !panthor_store_job(&ctx, i + 1, JOB_TIMEOUT_MS);
        count++;
    }
    if (count) {
        tap_ok(failed == count,
               "a job that met a fault fails, whatever the fault was");
        tap_ok(after == count, "and the next one does not");
    }
    panthor_context_fini(&ctx);
}

/* Several jobs of one queue, each of which takes nearly two seconds */
typedef struct LongQueue {
    PanthorContext ctx;
    bool started;
    int log;
} LongQueue;

static void start_long_queue(LongQueue *queue)
{
    uint32_t size;
    uint64_t va;
    Stream s;

    if (host_request(NULL, 0, "qom-set x-endpoint-latency-ns %llu",
                     LONG_JOB_NS)) {
        return;
    }
    queue->log = TAP_MUST(kernel_log_open());
    panthor_context_init(&queue->ctx, &dev, 1);
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_opcode(CS_OP_RUN_COMPUTE));
    stream_emit(&s, cs_wait(1 << STREAM_SB_ENDPOINT));
    stream_end(&s);
    va = stream_place(&s, &queue->ctx.code, &size);
    for (unsigned i = 0; i < LONG_JOBS; i++) {
        submit(&queue->ctx, 0, va, size, queue->ctx.syncobj);
    }
    queue->started = true;
}

static void end_long_queue(LongQueue *queue)
{
    static const char name[] = "a queue is busy for longer than a job may be";
    char record[512];
    int status = 0, ret;

    if (!queue->started) {
        tap_skip(host_error(), name);
        return;
    }
    ret = panthor_syncobj_wait(&dev, queue->ctx.syncobj, 0, false,
                               LONG_QUEUE_MS);
    if (!ret) {
        ret = panthor_syncobj_status(&dev, queue->ctx.syncobj, &status);
    }
    if (!tap_ok(!ret && status == 1, name)) {
        tap_diag("%s", strerror(-(ret ? ret : status)));
    }
    tap_ok(kernel_log_find(queue->log, "job timeout", record, sizeof(record),
                           0) == -ENOENT, "and no job has timed out");
    host_request(NULL, 0, "qom-set x-endpoint-latency-ns 0");
    close(queue->log);
    panthor_context_fini(&queue->ctx);
}

int main(int argc, char **argv)
{
    LongQueue queue = { };

    tap_start(argc, argv, NULL, "Looks when fences signal, and who sees "
              "them.");
    /* Either the job's fence counts for readers and writers, or it does not. */
    tap_directive("untimed shared buffer: .* while ");
    TAP_MUST(panthor_open(&dev));
    start_long_queue(&queue);
    test_empty_jobs();
    test_shared();
    test_fault_types();
    end_long_queue(&queue);
    panthor_close(&dev);
    return tap_end();
}
