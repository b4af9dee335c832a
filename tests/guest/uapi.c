/*
 * uapi: what user space may ask of the driver besides jobs
 *
 * Labels and flags of buffers, their caches, buffers and fences that are
 * shared, mappings without memory or at an odd offset of it, the user page, and
 * what the driver tells in sysfs, procfs, debugfs and its trace events; some of
 * it for a process of 32 bits.
 * Where the driver is too old for something, the test is skipped.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/compat.h"
#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 5000
#define SPIN_MS 20
#define TEXT_MAX 0x40000
/* Of mmap2() */
#define COMPAT_PAGE 4096

/* "PanCSF driver version" in panthor_drv.c, v7.3 */
#define SINCE_LABELS        4
#define SINCE_CACHED        7
#define SINCE_CYCLES        8
#define SINCE_SPARSE        9

/* How panthor_sched.c names a queue; newer drivers put numbers behind it */
#define QUEUE "panthor-queue"
#define LABEL "the one with a label"
#define BUFFER_VA 0x40000000ull
/* No multiple of 2 MiB at either end */
#define SPARSE_VA 0x50010000ull
#define SPARSE_SIZE 0x520000ull
/* What goes first; it ends in the midst of 2 MiB, which have to be split */
#define SPARSE_HOLE (SPARSE_VA + 0x100000)
#define SPARSE_HOLE_SIZE 0x200000ull
#define SHIFTED_VA 0x60000000ull
#define SHIFTED_BLOCKS 16u
#define SHIFTED_WORD 0x51f70000u

/* A trace of our own: nobody else's events push ours out */
#define TRACING "/sys/kernel/tracing/instances/uapi/"
#define POWER_EVENT TRACING "events/panthor/gpu_power_status/enable"
#define TRACE TRACING "trace"

static PanthorDev dev;

static bool driver_has(unsigned minor, const char *what)
{
    if (dev.major > 1 || dev.minor >= (int)minor) {
        return true;
    }
    tap_skip("the driver is too old", "%s", what);
    return false;
}

/* The text of a file, until the next call; empty if there is none */
static const char *read_text(const char *path)
{
    static char text[TEXT_MAX];
    size_t size = 0;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        while (size < sizeof(text) - 1 &&
               (n = read(fd, text + size, sizeof(text) - 1 - size)) > 0) {
            size += n;
        }
        close(fd);
    }
    text[size] = 0;
    return text;
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done;

    if (fd < 0) {
        return false;
    }
    done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return done;
}

static void test_labels(PanthorBo *bo)
{
    struct drm_panthor_bo_set_label label = {
        .handle = bo->handle,
        .label = (uintptr_t)LABEL,
    };
    char path[64];

    if (!driver_has(SINCE_LABELS, "labels of buffers")) {
        return;
    }
    tap_ok(!ioctl(dev.fd, DRM_IOCTL_PANTHOR_BO_SET_LABEL, &label),
           "a buffer gets a label");
    snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%d/gems", dev.node);
    if (access(path, R_OK)) {
        tap_skip("no debugfs", "the label is in the list of buffers");
        return;
    }
    tap_ok(strstr(read_text(path), LABEL) != NULL,
           "the label is in the list of buffers");
}

static void test_shrinker(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%d/shrink", dev.node);
    if (access(path, W_OK)) {
        tap_skip("no such file in debugfs", "the shrinker");
        return;
    }
    tap_ok(write_text(path, "1") && !strncmp(read_text(path), "0x", 2),
           "the shrinker looks for a page, and says what it found");
}

/* Whether the list of mappings has one that begins there; false if no list */
static bool is_listed(uint64_t va)
{
    char path[64], text[32];

    snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%d/gpuvas", dev.node);
    snprintf(text, sizeof(text), "     | 0x%016" PRIx64 " ", va);
    return strstr(read_text(path), text) != NULL;
}

static void test_mappings(PanthorContext *ctx, PanthorBo *bo)
{
    char path[64];
    bool before;

    snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%d/gpuvas", dev.node);
    if (access(path, R_OK)) {
        tap_skip("no debugfs", "a mapping is in the list of mappings");
        return;
    }
    before = is_listed(BUFFER_VA);
    TAP_MUST(panthor_vm_map(&dev, ctx->vm, bo, 0, BUFFER_VA, bo->size,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    tap_ok(!before && is_listed(BUFFER_VA),
           "a mapping is in the list of mappings");
    TAP_MUST(panthor_vm_unmap(&dev, ctx->vm, BUFFER_VA, bo->size));
    tap_ok(!is_listed(BUFFER_VA), "and not for longer than it lasts");
}

static uint32_t gpu_read(PanthorContext *ctx, uint64_t va)
{
    return panthor_read_word(ctx, va, JOB_TIMEOUT_MS);
}

static void test_cached(PanthorContext *ctx)
{
    size_t page = kernel_page_size();
    struct drm_panthor_bo_create create = {
        .size = page,
        .flags = DRM_PANTHOR_BO_WB_MMAP,
    };
    struct drm_panthor_bo_mmap_offset offset = { };
    struct drm_panthor_bo_query_info info = { };
    struct drm_panthor_bo_sync_op op = { .size = page };
    struct drm_panthor_bo_sync sync = {
        .ops = DRM_PANTHOR_OBJ_ARRAY(1, &op),
    };
    PanthorBo bo = { .size = page };
    uint32_t *cpu;

    if (!driver_has(SINCE_CACHED, "buffers that are cached")) {
        return;
    }
    if (ioctl(dev.fd, DRM_IOCTL_PANTHOR_BO_CREATE, &create)) {
        tap_ok(false, "a buffer that is cached: %s", strerror(errno));
        return;
    }
    bo.handle = info.handle = op.handle = offset.handle = create.handle;
    tap_ok(!ioctl(dev.fd, DRM_IOCTL_PANTHOR_BO_QUERY_INFO, &info) &&
           info.create_flags == DRM_PANTHOR_BO_WB_MMAP && !info.extra_flags,
           "a buffer tells how it was created");
    TAP_MUST(ioctl(dev.fd, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &offset) ?
             -errno : 0);
    cpu = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, dev.fd,
               offset.offset);
    TAP_MUST(cpu == MAP_FAILED ? -errno : 0);
    bo.cpu = cpu;
    TAP_MUST(panthor_vm_map(&dev, ctx->vm, &bo, 0, BUFFER_VA, page,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    *cpu = 0xcac4ed;
    op.type = DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH;
    tap_ok(!ioctl(dev.fd, DRM_IOCTL_PANTHOR_BO_SYNC, &sync) &&
           gpu_read(ctx, BUFFER_VA) == 0xcac4ed,
           "what the CPU wrote to a cached buffer, the GPU reads");
    op.type = DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE;
    tap_ok(!ioctl(dev.fd, DRM_IOCTL_PANTHOR_BO_SYNC, &sync),
           "its cache is invalidated");
    op.size = page * 2;
    tap_ok(ioctl(dev.fd, DRM_IOCTL_PANTHOR_BO_SYNC, &sync) && errno == EINVAL,
           "beyond its end nothing is");
    TAP_MUST(panthor_vm_unmap(&dev, ctx->vm, BUFFER_VA, page));
    panthor_bo_destroy(&dev, &bo);
}

/* The number behind @key in the device's file in fdinfo */
static uint64_t fdinfo(const char *key)
{
    char path[64];
    const char *found;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dev.fd);
    found = strstr(read_text(path), key);
    return found ? (uint64_t)atoll(found + strlen(key)) : 0;
}

/*
 * Whether the number behind @key is more than 0 soon: the driver counts a job
 * after it has signalled its fence (group_sync_upd_work(), v7.3).
 */
static bool fdinfo_counts(const char *key)
{
    for (int ms = 0; ms < JOB_TIMEOUT_MS && !fdinfo(key); ms++) {
        kernel_sleep_ms(1);
    }
    return fdinfo(key) > 0;
}

static void test_profiling(PanthorContext *ctx)
{
    char path[96];

    snprintf(path, sizeof(path), "/sys/class/drm/renderD%d/device/profiling",
             dev.node);
    if (access(path, W_OK)) {
        tap_skip("the driver has none", "profiling");
        return;
    }
    tap_ok(write_text(path, "3") && atoi(read_text(path)) == 3,
           "profiling goes on");
    /* One that takes time, also where that does not pass within a slice */
    panthor_submit_spin(ctx);
    kernel_sleep_ms(SPIN_MS);
    tap_ok(!panthor_end_spin(ctx, JOB_TIMEOUT_MS),
           "a job that is profiled runs");
    /* Cycles and time of the job, which the GPU stored around it */
    tap_ok(fdinfo_counts("drm-cycles-panthor:\t") &&
           fdinfo_counts("drm-engine-panthor:\t"),
           "its cycles and its time are in fdinfo");
    tap_ok(fdinfo("drm-total-memory:\t") > 0, "its memory is in fdinfo");
    tap_ok(!write_text(path, "17"), "profiling has no other bits");
    write_text(path, "0");
}

static void test_share(PanthorBo *bo)
{
    struct dma_buf_sync sync = {
        .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW,
    };
    PanthorBo imported;
    PanthorDev other;
    int fd;

    *(uint32_t *)bo->cpu = 0x5ea5ed;
    TAP_MUST(panthor_bo_export(&dev, bo, &fd));
    tap_ok(!ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync), "access by the CPU begins");
    sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
    tap_ok(!ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync), "and ends");
    if (panthor_open_after(&other, dev.node)) {
        tap_skip("one GPU", "a buffer of one GPU is read by another");
        close(fd);
        return;
    }
    if (panthor_bo_import(&other, fd, bo->size, &imported)) {
        tap_ok(false, "a buffer of one GPU is read by another");
    } else {
        PanthorContext ctx;

        panthor_context_init(&ctx, &other, 1);
        TAP_MUST(panthor_vm_map(&other, ctx.vm, &imported, 0, BUFFER_VA,
                                bo->size, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
        tap_ok(gpu_read(&ctx, BUFFER_VA) == 0x5ea5ed,
               "a buffer of one GPU is read by another");
        panthor_context_fini(&ctx);
        panthor_bo_destroy(&other, &imported);
    }
    panthor_close(&other);
    close(fd);
}

static void test_sync_file(PanthorContext *ctx)
{
    struct sync_fence_info fence = { };
    struct sync_file_info info = {
        .num_fences = 1,
        .sync_fence_info = (uintptr_t)&fence,
    };
    int fd;

    /* While it runs: the name is the driver's only until it is done */
    panthor_submit_spin(ctx);
    TAP_MUST(panthor_syncobj_export_fence(&dev, ctx->syncobj, &fd));
    tap_ok(!ioctl(fd, SYNC_IOC_FILE_INFO, &info) && info.num_fences == 1 &&
           fence.status == 0 && !strncmp(fence.obj_name, QUEUE, strlen(QUEUE)),
           "the fence of a job that runs says whose it is");
    TAP_MUST(panthor_end_spin(ctx, JOB_TIMEOUT_MS));
    tap_ok(!ioctl(fd, SYNC_IOC_FILE_INFO, &info) && fence.status == 1,
           "and that it is done");
    close(fd);
}

static void test_sync_only(PanthorContext *ctx)
{
    struct drm_panthor_sync_op signal = panthor_signal_op(ctx->syncobj, 0);
    struct drm_panthor_vm_bind_op op = {
        .flags = DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY,
        .syncs = DRM_PANTHOR_OBJ_ARRAY(1, &signal),
    };

    TAP_MUST(panthor_syncobj_reset(&dev, ctx->syncobj));
    tap_ok(!panthor_vm_bind_async(&dev, ctx->vm, &op, 1) &&
           !panthor_syncobj_wait(&dev, ctx->syncobj, 0, false, JOB_TIMEOUT_MS),
           "a VM_BIND that only signals");
}

/* What is mapped without memory is zero around the hole, and no fault */
static bool reads_zero(PanthorContext *ctx)
{
    return !gpu_read(ctx, SPARSE_VA) &&
           !gpu_read(ctx, SPARSE_HOLE - 4) &&
           !gpu_read(ctx, SPARSE_HOLE + SPARSE_HOLE_SIZE) &&
           !gpu_read(ctx, SPARSE_VA + SPARSE_SIZE - 4) &&
           panthor_vm_state(&dev, ctx->vm) == DRM_PANTHOR_VM_STATE_USABLE &&
           !panthor_store_job(ctx, 3, JOB_TIMEOUT_MS);
}

static void test_sparse(PanthorContext *ctx)
{
    struct drm_panthor_vm_bind_op op = {
        .flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP |
                 DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC |
                 DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE,
        .va = SPARSE_VA,
        .size = SPARSE_SIZE,
    };

    if (!driver_has(SINCE_SPARSE, "a mapping without memory")) {
        return;
    }
    tap_ok(!panthor_vm_bind(&dev, ctx->vm, &op, 1), "a mapping without memory");
    tap_ok(reads_zero(ctx), "is read without a fault");
    tap_ok(!panthor_vm_unmap(&dev, ctx->vm, SPARSE_HOLE, SPARSE_HOLE_SIZE) &&
           reads_zero(ctx), "and goes in parts: both rests stay");
    tap_ok(!panthor_vm_unmap(&dev, ctx->vm, SPARSE_VA, SPARSE_SIZE) &&
           !is_listed(SPARSE_VA), "and as a whole");
}

/*
 * Blocks of addresses whose memory begins a page behind a block.  Of so many
 * blocks of memory some are neighbours, in one piece for the driver.
 */
static void test_shifted(PanthorContext *ctx)
{
    const uint64_t page = kernel_page_size();
    const uint64_t size = SHIFTED_BLOCKS * PANTHOR_GPU_BLOCK;
    unsigned right = 0;
    PanthorBo bo;

    TAP_MUST(panthor_bo_create(&dev, &bo, size + PANTHOR_GPU_BLOCK, 0));
    for (uint64_t at = 0; at < bo.size; at += page) {
        ((uint32_t *)bo.cpu)[at / sizeof(uint32_t)] = SHIFTED_WORD + at / page;
    }
    tap_ok(!panthor_vm_map(&dev, ctx->vm, &bo, page, SHIFTED_VA, size,
                           DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC),
           "blocks of addresses that are no blocks of memory");
    for (uint64_t at = 0; at < size; at += PANTHOR_GPU_BLOCK) {
        right += gpu_read(ctx, SHIFTED_VA + at) ==
                 SHIFTED_WORD + at / page + 1;
    }
    if (!tap_ok(right == SHIFTED_BLOCKS, "each has the memory it should")) {
        tap_diag("%u of %u", right, SHIFTED_BLOCKS);
    }
    TAP_MUST(panthor_vm_unmap(&dev, ctx->vm, SHIFTED_VA, size));
    panthor_bo_destroy(&dev, &bo);
}

static void test_cycles(void)
{
    struct drm_panthor_timestamp_info info = {
        .flags = DRM_PANTHOR_TIMESTAMP_GPU |
                 DRM_PANTHOR_TIMESTAMP_GPU_CYCLE_COUNT |
                 DRM_PANTHOR_TIMESTAMP_FREQ,
    }, before;
    struct drm_panthor_dev_query query = {
        .type = DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO,
        .size = sizeof(info),
        .pointer = (uintptr_t)&info,
    };

    if (!driver_has(SINCE_CYCLES, "the count of cycles")) {
        return;
    }
    if (!tap_ok(!ioctl(dev.fd, DRM_IOCTL_PANTHOR_DEV_QUERY, &query) &&
                info.current_timestamp && info.timestamp_frequency &&
                info.cycle_count, "time, frequency and cycles are known")) {
        return;
    }
    before = info;
    tap_ok(!ioctl(dev.fd, DRM_IOCTL_PANTHOR_DEV_QUERY, &query) &&
           info.current_timestamp > before.current_timestamp &&
           info.cycle_count > before.cycle_count, "time and cycles go on");
}

static void test_frequency(void)
{
    char path[320] = "";
    DIR *folder = opendir("/sys/class/devfreq");
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof(path), "/sys/class/devfreq/%s/cur_freq",
                     entry->d_name);
        }
    }
    if (folder) {
        closedir(folder);
    }
    if (!path[0]) {
        tap_skip("there is no devfreq device", "the frequency");
        return;
    }
    tap_ok(atoll(read_text(path)) > 0, "the frequency is known");
}

static void test_power_events(PanthorContext *ctx)
{
    mkdir(TRACING, 0700);
    if (access(POWER_EVENT, W_OK)) {
        tap_skip("the driver has none", "the power events are traced");
        rmdir(TRACING);
        return;
    }
    tap_ok(write_text(POWER_EVENT, "1"), "the power events can be traced");
    panthor_wait_suspended(&dev, JOB_TIMEOUT_MS);
    tap_ok(!panthor_store_job(ctx, 5, JOB_TIMEOUT_MS) &&
           strstr(read_text(TRACE), "gpu_power_status") != NULL,
           "the trace has a change of power");
    write_text(POWER_EVENT, "0");
    rmdir(TRACING);
}

/* What a 32-bit process finds where it maps it; 0 or a negative errno */
static int compat_map(const CompatProcess *process, int64_t file, int prot,
                      uint64_t offset, int64_t *address)
{
    const uint32_t args[] = {
        0, kernel_page_size(), prot, MAP_SHARED, file, offset / COMPAT_PAGE,
    };

    *address = compat_call(process, COMPAT_MMAP2, args);
    return *address < 0 ? *address : 0;
}

/* An ioctl whose argument has no pointer, and comes back */
static int64_t compat_ioctl(const CompatProcess *process, int64_t file,
                            uint32_t request, void *arg)
{
    const uint32_t args[6] = { file, request, COMPAT_DATA };
    size_t size = _IOC_SIZE(request);
    int64_t ret = compat_put(process, COMPAT_DATA, arg, size);

    if (ret >= 0) {
        ret = compat_call(process, COMPAT_IOCTL, args);
    }
    return ret < 0 ? ret : compat_get(process, COMPAT_DATA, arg, size);
}

static int compat_same_gpu(const CompatProcess *process, int64_t file)
{
    struct drm_panthor_gpu_info info, info32;
    struct drm_panthor_dev_query query = {
        .type = DRM_PANTHOR_DEV_QUERY_GPU_INFO,
        .size = sizeof(info32),
        .pointer = COMPAT_DATA + sizeof(query),
    };
    int64_t ret = compat_ioctl(process, file, DRM_IOCTL_PANTHOR_DEV_QUERY,
                               &query);

    if (ret >= 0) {
        ret = compat_get(process, query.pointer, &info32, sizeof(info32));
    }
    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info,
                           sizeof(info)));
    return ret < 0 ? ret : memcmp(&info, &info32, sizeof(info)) ? -EIO : 0;
}

static int compat_buffer(const CompatProcess *process, int64_t file)
{
    struct drm_panthor_bo_create bo = { .size = kernel_page_size() };
    struct drm_panthor_bo_mmap_offset map = { 0 };
    uint32_t word = 0x32323232, found = 0;
    int64_t at, ret;

    ret = compat_ioctl(process, file, DRM_IOCTL_PANTHOR_BO_CREATE, &bo);
    map.handle = bo.handle;
    if (ret >= 0) {
        ret = compat_ioctl(process, file, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET,
                           &map);
    }
    if (ret >= 0) {
        ret = compat_map(process, file, PROT_READ | PROT_WRITE, map.offset,
                         &at);
    }
    if (ret >= 0) {
        ret = compat_put(process, at, &word, sizeof(word));
    }
    if (ret >= 0) {
        ret = compat_get(process, at, &found, sizeof(found));
    }
    return ret < 0 ? ret : found == word ? 0 : -EIO;
}

/* The page has an offset of its own for those who have no 64-bit ones. */
static int compat_flush_id(const CompatProcess *process, int64_t file)
{
    uint32_t id = 0;
    int64_t at;
    int ret = compat_map(process, file, PROT_READ,
                         DRM_PANTHOR_USER_MMIO_OFFSET_32BIT, &at);

    if (!ret) {
        ret = compat_get(process, at, &id, sizeof(id));
    }
    return ret ? ret : id && !(id & PANTHOR_FLUSH_ID_RESERVED) ? 0 : -EIO;
}

static void test_compat(void)
{
    static const struct {
        const char *what;
        int (*try)(const CompatProcess *process, int64_t file);
    } rows[] = {
        { "is told of the same GPU", compat_same_gpu },
        { "maps a buffer", compat_buffer },
        { "maps the page with the flush ID", compat_flush_id },
    };
    const uint32_t args[6] = { COMPAT_DATA, O_RDWR };
    CompatProcess process;
    char path[32];
    int64_t file;
    int ret = compat_start(&process);

    if (ret == -ENOEXEC) {
        tap_skip("there are none here", "32-bit processes");
        return;
    }
    TAP_MUST(ret);
    snprintf(path, sizeof(path), "/dev/dri/renderD%d", dev.node);
    TAP_MUST(compat_put(&process, COMPAT_DATA, path, sizeof(path)));
    file = compat_call(&process, COMPAT_OPEN, args);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ret = file < 0 ? file : rows[i].try(&process, file);
        if (!tap_ok(!ret, "a 32-bit process %s", rows[i].what)) {
            tap_diag("%s", strerror(-ret));
        }
    }
    compat_end(&process);
}

int main(int argc, char **argv)
{
    PanthorContext ctx;
    PanthorBo bo;

    tap_start(argc, argv, NULL, "Asks the driver for everything but jobs.");
    module_allow_left_jobs();
    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_bo_create(&dev, &bo, kernel_page_size(), 0));
    test_labels(&bo);
    test_shrinker();
    test_mappings(&ctx, &bo);
    test_cached(&ctx);
    test_profiling(&ctx);
    test_share(&bo);
    test_sync_file(&ctx);
    test_sync_only(&ctx);
    test_sparse(&ctx);
    test_shifted(&ctx);
    test_cycles();
    test_frequency();
    test_power_events(&ctx);
    test_compat();
    panthor_bo_destroy(&dev, &bo);
    panthor_context_fini(&ctx);
    panthor_close(&dev);
    return tap_end();
}
