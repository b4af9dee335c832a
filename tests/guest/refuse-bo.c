/*
 * refuse-bo: what the requests for buffers, heaps, pages and facts must refuse
 *
 * Each call is a good one with one mistake.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/refuse.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 5000
#define NO_HANDLE 0xfffff
/* MAX_HEAPS_PER_POOL of panthor_heap.c, PANTHOR_BO_LABEL_MAXLEN, v7.3 */
#define MAX_HEAPS 128
#define MAX_LABEL 4096
#define CHUNK_MIN 0x20000u
#define CHUNK_MAX 0x800000u

/* "PanCSF driver version" in panthor_drv.c, v7.3 */
#define SINCE_TIMESTAMP     1
#define SINCE_PRIORITIES    2
#define SINCE_LABELS        4
#define SINCE_MOVED_PAGE    5
#define SINCE_CACHED        7
#define SINCE_CPU_TIME      8

static PanthorDev dev;
static uint64_t page;

static int create(uint64_t size, uint32_t flags, uint32_t vm, uint32_t pad,
                  uint32_t *handle)
{
    struct drm_panthor_bo_create arg = {
        .size = size,
        .flags = flags,
        .exclusive_vm_id = vm,
        .pad = pad,
    };
    int ret = panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_CREATE, &arg);

    *handle = arg.handle;
    return ret;
}

static void close_handle(uint32_t handle)
{
    struct drm_gem_close arg = { .handle = handle };

    panthor_ioctl(&dev, DRM_IOCTL_GEM_CLOSE, &arg);
}

static int mmap_offset(uint32_t handle, uint32_t pad, uint64_t *offset)
{
    struct drm_panthor_bo_mmap_offset arg = { .handle = handle, .pad = pad };
    int ret = panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &arg);

    *offset = arg.offset;
    return ret;
}

static bool can_map(int fd, uint64_t offset)
{
    void *cpu = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, offset);

    if (cpu == MAP_FAILED) {
        return false;
    }
    munmap(cpu, page);
    return true;
}

/*
 * The driver does not tell where a buffer is that is never mapped; but it is
 * between its neighbours.
 */
static void test_guessed_offset(void)
{
    static const char name[] = "a buffer that is never mapped is not at a "
                               "guessed offset either";
    uint32_t handle[3];
    uint64_t offset[2];

    for (unsigned i = 0; i < 3; i++) {
        TAP_MUST(create(page, i == 1 ? DRM_PANTHOR_BO_NO_MMAP : 0, 0, 0,
                        &handle[i]));
    }
    TAP_MUST(mmap_offset(handle[0], 0, &offset[0]));
    TAP_MUST(mmap_offset(handle[2], 0, &offset[1]));
    if (offset[1] != offset[0] + 2 * page && offset[1] != offset[0] + page) {
        tap_skip("its neighbours are not next to each other", name);
    } else {
        tap_ok(offset[1] == offset[0] + page ||
               !can_map(dev.fd, offset[0] + page), name);
    }
    for (unsigned i = 0; i < 3; i++) {
        close_handle(handle[i]);
    }
}

static void test_create(void)
{
    uint32_t handle;

    refused(create(0, 0, 0, 0, &handle), -EINVAL, "BO_CREATE: no size");
    refused(create(page, 0, 0, 1, &handle), -EINVAL,
            "BO_CREATE: something in the padding");
    refused(create(page, 1u << 31, 0, 0, &handle), -EINVAL,
            "BO_CREATE: an unknown flag");
    refused(create(page, 0, 1, 0, &handle), -EINVAL,
            "BO_CREATE: a VM that is not there");
    refused(create(page, 0, NO_HANDLE, 0, &handle), -EINVAL,
            "BO_CREATE: a VM that is not there either");
    if (dev.minor >= SINCE_CACHED) {
        refused(create(page, DRM_PANTHOR_BO_NO_MMAP | DRM_PANTHOR_BO_WB_MMAP,
                       0, 0, &handle), -EINVAL,
                "BO_CREATE: cached and never mapped");
    } else {
        tap_skip("the driver is too old", "BO_CREATE: cached");
    }
    if (taken(create(page, DRM_PANTHOR_BO_NO_MMAP, 0, 0, &handle),
              "BO_CREATE: never mapped")) {
        uint64_t offset;
        PanthorBo bo = { .handle = handle, .size = page };
        int fd;

        refused(mmap_offset(handle, 0, &offset), -EPERM,
                "BO_MMAP_OFFSET: a buffer that is never mapped");
        TAP_MUST(panthor_bo_export(&dev, &bo, &fd));
        tap_ok(!can_map(fd, 0),
               "a buffer that is never mapped is not as a dma-buf either");
        close(fd);
        close_handle(handle);
    }
}

static void test_handles(void)
{
    struct drm_panthor_bo_sync_op op = { .size = page };
    struct drm_panthor_bo_sync sync = {
        .ops = DRM_PANTHOR_OBJ_ARRAY(1, &op),
    };
    static char text[MAX_LABEL + 1];
    struct drm_panthor_bo_set_label label = { .label = (uintptr_t)"a" };
    struct drm_panthor_bo_query_info info = { .handle = NO_HANDLE };
    uint32_t handle;
    uint64_t offset;

#define LABEL panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_SET_LABEL, &label)
#define SYNC panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_SYNC, &sync)
    TAP_MUST(create(page, 0, 0, 0, &handle));
    refused(mmap_offset(NO_HANDLE, 0, &offset), -ENOENT,
            "BO_MMAP_OFFSET: a buffer that is not there");
    refused(mmap_offset(handle, 1, &offset), -EINVAL,
            "BO_MMAP_OFFSET: something in the padding");
    if (dev.minor >= SINCE_LABELS) {
        label.handle = NO_HANDLE;
        refused(LABEL, -ENOENT, "BO_SET_LABEL: a buffer that is not there");
        label.handle = handle;
        label.pad = 1;
        refused(LABEL, -EINVAL, "BO_SET_LABEL: something in the padding");
        label.pad = 0;
        label.label = 8;
        refused(LABEL, -EFAULT, "BO_SET_LABEL: a text that is nowhere");
        memset(text, 'x', MAX_LABEL);
        label.label = (uintptr_t)text;
        refused(LABEL, -E2BIG, "BO_SET_LABEL: a text that is too long");
        text[MAX_LABEL - 1] = '\0';
        taken(LABEL, "BO_SET_LABEL: the longest text");
    } else {
        tap_skip("the driver is too old", "BO_SET_LABEL");
    }
    if (dev.minor >= SINCE_CACHED) {
        uint32_t cached;

        TAP_MUST(create(page, DRM_PANTHOR_BO_WB_MMAP, 0, 0, &cached));
        op.handle = NO_HANDLE;
        refused(SYNC, -ENOENT, "BO_SYNC: a buffer that is not there");
        op.handle = cached;
        op.type = 2;
        refused(SYNC, -EINVAL, "BO_SYNC: an unknown type");
        op.type = 0;
        op.offset = page;
        refused(SYNC, -EINVAL, "BO_SYNC: behind the buffer");
        op.offset = -page;
        op.size = page + 64;
        refused(SYNC, -EINVAL, "BO_SYNC: around 2^64");
        op.offset = 64;
        op.size = -64;
        refused(SYNC, -EINVAL, "BO_SYNC: a size of nearly 2^64");
        op.offset = 0;
        op.size = page;
        sync.ops.stride = 8;
        refused(SYNC, -EINVAL, "BO_SYNC: a stride that is too short");
        sync.ops = (struct drm_panthor_obj_array) { 0 };
        taken(SYNC, "BO_SYNC: nothing, and no stride");
        close_handle(cached);
        refused(panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_QUERY_INFO, &info),
                -ENOENT, "BO_QUERY_INFO: a buffer that is not there");
    } else {
        tap_skip("the driver is too old", "BO_SYNC and BO_QUERY_INFO");
    }
    close_handle(handle);
}

static int map_user(uint64_t size, int prot, int flags, uint64_t at)
{
    void *cpu = mmap(NULL, size, prot, flags, dev.fd,
                     DRM_PANTHOR_USER_MMIO_OFFSET + at);

    if (cpu == MAP_FAILED) {
        return -errno;
    }
    munmap(cpu, size);
    return 0;
}

/* The signal that a child gets when it reads there, or 0 */
static int signal_of_reader(const volatile uint32_t *word)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (!pid) {
        signal(SIGSEGV, SIG_DFL);
        (void)*word;
        _exit(0);
    }
    TAP_MUST(pid < 0 ? -errno : 0);
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_user_page(void)
{
    void *cpu;

    refused(map_user(page, PROT_READ, MAP_PRIVATE, 0), -EINVAL,
            "user page: a private mapping");
    refused(map_user(page, PROT_READ | PROT_WRITE, MAP_SHARED, 0), -EINVAL,
            "user page: to be written");
    refused(map_user(page, PROT_READ | PROT_EXEC, MAP_SHARED, 0), -EINVAL,
            "user page: to be executed");
    refused(map_user(page, PROT_WRITE, MAP_PRIVATE, 0), -EINVAL,
            "user page: to be written in private");
    refused(map_user(2 * page, PROT_READ, MAP_SHARED, 0), -EINVAL,
            "user page: two of them");
    refused(map_user(page, PROT_READ, MAP_SHARED, page), -EINVAL,
            "user page: the one behind it");
    cpu = mmap(NULL, page, PROT_READ, MAP_SHARED, dev.fd,
               DRM_PANTHOR_USER_FLUSH_ID_MMIO_OFFSET);
    if (!tap_ok(cpu != MAP_FAILED, "user page: to be read")) {
        return;
    }
    refused(mprotect(cpu, page, PROT_READ | PROT_WRITE) ? -errno : 0, -EACCES,
            "user page: to be written afterwards");
    refused(mremap(cpu, page, 2 * page, MREMAP_MAYMOVE) == MAP_FAILED ?
            -errno : 0, -EFAULT, "user page: to become longer");
    tap_ok(signal_of_reader(cpu) == SIGSEGV,
           "user page: a child does not have it");
    (void)*(volatile uint32_t *)cpu;
    tap_ok(true, "user page: it is read");
    munmap(cpu, page);
}

static int move_user_page(uint64_t offset)
{
    struct drm_panthor_set_user_mmio_offset arg = { .offset = offset };

    return panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_SET_USER_MMIO_OFFSET, &arg);
}

/* For who emulates a 32-bit process, the page is where that has it. */
static void test_moved_page(void)
{
    if (dev.minor < SINCE_MOVED_PAGE) {
        tap_skip("the driver is too old", "moved page");
        return;
    }
    refused(move_user_page(DRM_PANTHOR_USER_MMIO_OFFSET_32BIT + page),
            -EINVAL, "moved page: to anywhere");
    refused(move_user_page(0), -EINVAL, "moved page: among the buffers");
    refused(move_user_page(4096), -EINVAL, "moved page: behind the first one");
    TAP_MUST(move_user_page(DRM_PANTHOR_USER_MMIO_OFFSET_32BIT));
    tap_ok(can_map(dev.fd, DRM_PANTHOR_USER_MMIO_OFFSET_32BIT),
           "moved page: it is where it was moved to");
    refused(can_map(dev.fd, DRM_PANTHOR_USER_MMIO_OFFSET_64BIT) ? 0 : -errno,
            -EINVAL, "moved page: where it was before");
    TAP_MUST(move_user_page(DRM_PANTHOR_USER_MMIO_OFFSET_64BIT));
    tap_ok(can_map(dev.fd, DRM_PANTHOR_USER_MMIO_OFFSET_64BIT),
           "moved page: it is back");
}

static int query(uint32_t type, void *data, uint32_t size)
{
    struct drm_panthor_dev_query arg = {
        .type = type,
        .size = size,
        .pointer = (uintptr_t)data,
    };

    return panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_DEV_QUERY, &arg);
}

/* Whether all bytes from @from on are zero */
static bool zero_from(const uint8_t *data, size_t from, size_t size)
{
    for (size_t i = from; i < size; i++) {
        if (data[i]) {
            return false;
        }
    }
    return true;
}

static void test_query(void)
{
    static const char *const names[] = { "GPU_INFO", "CSIF_INFO",
        "TIMESTAMP_INFO", "GROUP_PRIORITIES_INFO", "MMU_INFO" };
    static const uint32_t last[] = {
        [DRM_PANTHOR_DEV_QUERY_GPU_INFO] =
            offsetof(struct drm_panthor_gpu_info, tiler_present) + 8,
        [DRM_PANTHOR_DEV_QUERY_CSIF_INFO] =
            offsetof(struct drm_panthor_csif_info, pad) + 4,
        [DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO] =
            offsetof(struct drm_panthor_timestamp_info, current_timestamp) + 8,
        [DRM_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO] =
            sizeof(struct drm_panthor_group_priorities_info),
        [DRM_PANTHOR_DEV_QUERY_MMU_INFO] = sizeof(struct drm_panthor_mmu_info),
    };
    struct drm_panthor_timestamp_info stamp;
    uint8_t data[256];

    refused(query(99, NULL, 0), -EINVAL, "DEV_QUERY: size of what is not");
    refused(query(99, data, sizeof(data)), -EINVAL, "DEV_QUERY: what is not");
    for (uint32_t i = 0; i < 5; i++) {
        struct drm_panthor_dev_query arg = { .type = i };

        if (panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_DEV_QUERY, &arg)) {
            tap_skip("the driver is too old", "DEV_QUERY: %s", names[i]);
            continue;
        }
        memset(data, 0, sizeof(data));
        refused(query(i, data, last[i] - 1), -EINVAL,
                "DEV_QUERY: %s, one byte short", names[i]);
        refused(query(i, (void *)8, arg.size), -EFAULT,
                "DEV_QUERY: %s, to nowhere", names[i]);
        /* A query that reads the structure wants zeroes behind what it knows */
        memset(data, i == DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO ? 0 : 0xff,
               sizeof(data));
        taken(query(i, data, sizeof(data)), "DEV_QUERY: %s, longer", names[i]);
        tap_ok(zero_from(data, arg.size, sizeof(data)),
               "DEV_QUERY: %s, zero behind what is known", names[i]);
        if (i == DRM_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO) {
            tap_ok(data[0] == (dev.minor >= SINCE_PRIORITIES ? 0xf : 0x7) &&
                   zero_from(data, 1, sizeof(data)),
                   "DEV_QUERY: root may have every priority, and there is "
                   "nothing else in the answer");
        }
    }
    if (dev.minor < SINCE_CPU_TIME) {
        tap_skip("the driver is too old", "TIMESTAMP_INFO: flags");
        return;
    }
    for (uint32_t flags = 1; flags; flags <<= 1) {
        bool known = flags <= DRM_PANTHOR_TIMESTAMP_DURATION &&
                     flags != 1u << 3;

        stamp = (struct drm_panthor_timestamp_info) { .flags = flags };
        if (!known) {
            refused(query(DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO, &stamp,
                          sizeof(stamp)), -EINVAL,
                    "TIMESTAMP_INFO: flag 0x%x", flags);
        } else if (query(DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO, &stamp,
                         sizeof(stamp))) {
            tap_ok(false, "TIMESTAMP_INFO: flag 0x%x is taken", flags);
        }
    }
    stamp.flags = 3u << 1;
    refused(query(DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO, &stamp,
                  sizeof(stamp)), -EINVAL, "TIMESTAMP_INFO: a third clock");
}

static int heap(uint32_t vm, uint32_t initial, uint32_t chunk, uint32_t max,
                struct drm_panthor_tiler_heap_create *arg)
{
    *arg = (struct drm_panthor_tiler_heap_create) {
        .vm_id = vm,
        .initial_chunk_count = initial,
        .chunk_size = chunk,
        .max_chunks = max,
        .target_in_flight = 10,
    };
    return panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE, arg);
}

static void test_heap(PanthorContext *ctx)
{
    static const uint32_t sizes[] = { CHUNK_MIN, 0x60000, 0x110000,
                                      CHUNK_MAX };
    struct drm_panthor_tiler_heap_create arg;
    struct drm_panthor_tiler_heap_destroy destroy = { .pad = 1 };
    uint32_t vm = ctx->vm;

    refused(panthor_heap_destroy(&dev, vm << 16), -ENOENT,
            "TILER_HEAP_DESTROY: of a VM that has none");
    refused(heap(0, 1, CHUNK_MIN, 1, &arg), -EINVAL,
            "TILER_HEAP_CREATE: VM 0");
    refused(heap(NO_HANDLE, 1, CHUNK_MIN, 1, &arg), -EINVAL,
            "TILER_HEAP_CREATE: a VM that is not there");
    refused(heap(vm, 0, CHUNK_MIN, 1, &arg), -EINVAL,
            "TILER_HEAP_CREATE: no chunk at the start");
    refused(heap(vm, 2, CHUNK_MIN, 1, &arg), -EINVAL,
            "TILER_HEAP_CREATE: more chunks at the start than there may be");
    refused(heap(vm, 1, CHUNK_MIN, 0, &arg), -EINVAL,
            "TILER_HEAP_CREATE: no chunk at all");
    refused(heap(vm, 1, 0, 1, &arg), -EINVAL,
            "TILER_HEAP_CREATE: empty chunks");
    refused(heap(vm, 1, CHUNK_MIN / 2, 1, &arg), -EINVAL,
            "TILER_HEAP_CREATE: chunks that are too small");
    refused(heap(vm, 1, CHUNK_MAX + 0x10000, 1, &arg), -EINVAL,
            "TILER_HEAP_CREATE: chunks that are too large");
    refused(heap(vm, 1, 2 * CHUNK_MAX, 1, &arg), -EINVAL,
            "TILER_HEAP_CREATE: chunks of twice the largest size");
    refused(heap(vm, 1, CHUNK_MIN + 0x800, 1, &arg), -EINVAL,
            "TILER_HEAP_CREATE: chunks that are no pages");
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (taken(heap(vm, 1, sizes[i], 2, &arg),
                  "TILER_HEAP_CREATE: chunks of 0x%x", sizes[i])) {
            tap_ok(!panthor_heap_destroy(&dev, arg.handle),
                   "TILER_HEAP_DESTROY: and the end of it");
        }
    }
    refused(panthor_heap_destroy(&dev, arg.handle), -EINVAL,
            "TILER_HEAP_DESTROY: the second time");
    refused(panthor_heap_destroy(&dev, vm << 16 | 0xffff), -EINVAL,
            "TILER_HEAP_DESTROY: a heap that is not there");
    refused(panthor_heap_destroy(&dev, 0xff0000), -EINVAL,
            "TILER_HEAP_DESTROY: of a VM that is not there");
    TAP_MUST(heap(vm, 1, CHUNK_MIN, 1, &arg));
    destroy.handle = arg.handle;
    refused(panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_TILER_HEAP_DESTROY,
                          &destroy), -EINVAL,
            "TILER_HEAP_DESTROY: something in the padding");
    TAP_MUST(panthor_heap_destroy(&dev, arg.handle));
}

/* The context of each heap is memory of its own, which the GPU can read */
static void test_all_heaps(PanthorContext *ctx)
{
    struct drm_panthor_tiler_heap_create arg[MAX_HEAPS], extra;
    unsigned count = 0, apart = 0, readable = 0;
    uint64_t stride = -1ull;
    int ret = 0;

    while (count < MAX_HEAPS &&
           !(ret = heap(ctx->vm, 1, CHUNK_MIN, 1, &arg[count]))) {
        count++;
    }
    if (!tap_ok(count == MAX_HEAPS, "a VM has %u heaps", MAX_HEAPS)) {
        tap_diag("%u: %s", count, strerror(-ret));
    }
    refused(heap(ctx->vm, 1, CHUNK_MIN, 1, &extra), -EBUSY,
            "TILER_HEAP_CREATE: one more");
    for (unsigned i = 1; i < count; i++) {
        uint64_t gap = llabs((long long)(arg[i].tiler_heap_ctx_gpu_va -
                                         arg[i - 1].tiler_heap_ctx_gpu_va));

        stride = gap < stride ? gap : stride;
    }
    for (unsigned i = 0; i < count; i++) {
        bool own = true;

        for (unsigned j = 0; j < i; j++) {
            own = own && arg[i].tiler_heap_ctx_gpu_va !=
                         arg[j].tiler_heap_ctx_gpu_va;
        }
        apart += own;
    }
    if (!tap_ok(apart == count && stride >= 32,
                "each heap has a context of its own")) {
        tap_diag("%u of %u, 0x%llx bytes apart", apart, count,
                 (unsigned long long)stride);
    }
    /* Those at the ends of the pages that hold them, and the last of all */
    for (unsigned i = 0; i < count; i += 127 - i > 31 ? 31 : 1) {
        Stream s;

        ctx->code.used = 0;
        ctx->data[0] = 0xffffffff;
        stream_init(&s);
        stream_begin(&s);
        stream_load_at(&s, 12, arg[i].tiler_heap_ctx_gpu_va, 2);
        stream_load_at(&s, 12, arg[i].tiler_heap_ctx_gpu_va + stride - 4, 2);
        stream_store_at(&s, 12, panthor_data_va(0), 2);
        stream_end(&s);
        ret = panthor_run_stream(ctx, 0, &s, JOB_TIMEOUT_MS);
        if (ret || ctx->data[0]) {
            tap_diag("heap %u, context at 0x%llx: %s, 0x%x", i,
                     (unsigned long long)arg[i].tiler_heap_ctx_gpu_va,
                     strerror(-ret), ctx->data[0]);
            readable = -1u;
            break;
        }
        readable++;
    }
    tap_ok(readable && readable != -1u,
           "the GPU reads the context of each heap, which is zero");
    while (count--) {
        TAP_MUST(panthor_heap_destroy(&dev, arg[count].handle));
    }
}

int main(int argc, char **argv)
{
    PanthorContext ctx;

    tap_start(argc, argv, NULL, "Asks for buffers, heaps and facts that it "
              "may not have.");
    TAP_MUST(panthor_open(&dev));
    page = kernel_page_size();
    test_create();
    test_guessed_offset();
    test_handles();
    test_user_page();
    test_moved_page();
    test_query();
    panthor_context_init(&ctx, &dev, 1);
    test_heap(&ctx);
    test_all_heaps(&ctx);
    panthor_context_fini(&ctx);
    refuse_end(&dev);
    return tap_end();
}
