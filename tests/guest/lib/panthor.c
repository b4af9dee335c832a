/*
 * panthor's interface to user space, without libdrm
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/sync_file.h>

#include "kernel.h"
#include "panthor.h"
#include "tap.h"

#define NODES                   "/dev/dri"

#define RING_SIZE               0x4000

/* The least that the driver takes; more render passes than a test begins */
#define HEAP_CHUNK_SIZE         0x20000
#define HEAP_IN_FLIGHT          1000

int panthor_ioctl(const PanthorDev *dev, unsigned long request, void *arg)
{
    int ret;

    do {
        ret = ioctl(dev->fd, request, arg);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : ret;
}

int panthor_open(PanthorDev *dev)
{
    return panthor_open_after(dev, -1);
}

/*
 * The least number of a render node above @node, or -1.  There is no bound:
 * 64 from 128 on, then any (drm_minor_alloc(), v7.3), and a device that the
 * driver does not free keeps its number.
 */
static int node_after(int node)
{
    DIR *dir = opendir(NODES);
    struct dirent *entry;
    int next = -1, n;

    while (dir && (entry = readdir(dir))) {
        if (sscanf(entry->d_name, "renderD%d", &n) == 1 && n > node &&
            (next < 0 || n < next)) {
            next = n;
        }
    }
    if (dir) {
        closedir(dir);
    }
    return next;
}

int panthor_open_after(PanthorDev *dev, int node)
{
    *dev = (PanthorDev) { .fd = -1 };
    while ((node = node_after(node)) >= 0) {
        char name[16] = "";
        char path[32];
        struct drm_version version = {
            .name = name,
            .name_len = sizeof(name) - 1,
        };

        dev->node = node;
        snprintf(path, sizeof(path), NODES "/renderD%d", node);
        dev->fd = open(path, O_RDWR | O_CLOEXEC);
        if (dev->fd < 0) {
            continue;
        }
        if (panthor_ioctl(dev, DRM_IOCTL_VERSION, &version) >= 0 &&
            !strcmp(name, "panthor")) {
            dev->major = version.version_major;
            dev->minor = version.version_minor;
            return 0;
        }
        close(dev->fd);
    }
    dev->fd = -1;
    return -ENODEV;
}

void panthor_close(PanthorDev *dev)
{
    if (dev->fd >= 0) {
        close(dev->fd);
    }
    dev->fd = -1;
}

int panthor_query(PanthorDev *dev, uint32_t type, void *data, size_t size)
{
    struct drm_panthor_dev_query query = { .type = type };
    int ret;

    memset(data, 0, size);
    ret = panthor_ioctl(dev, DRM_IOCTL_PANTHOR_DEV_QUERY, &query);
    if (ret < 0) {
        return ret;
    }
    /*
     * The size that the kernel named: a larger one is refused by queries
     * that also read the structure, TIMESTAMP_INFO for one.
     */
    if (query.size > size) {
        query.size = size;
    }
    query.pointer = (uintptr_t)data;
    ret = panthor_ioctl(dev, DRM_IOCTL_PANTHOR_DEV_QUERY, &query);
    return ret < 0 ? ret : (int)query.size;
}

int panthor_vm_create(PanthorDev *dev, uint32_t *vm)
{
    struct drm_panthor_vm_create arg = { 0 };
    int ret = panthor_ioctl(dev, DRM_IOCTL_PANTHOR_VM_CREATE, &arg);

    *vm = arg.id;
    return ret;
}

int panthor_vm_destroy(PanthorDev *dev, uint32_t vm)
{
    struct drm_panthor_vm_destroy arg = { .id = vm };

    return panthor_ioctl(dev, DRM_IOCTL_PANTHOR_VM_DESTROY, &arg);
}

int panthor_vm_state(PanthorDev *dev, uint32_t vm)
{
    struct drm_panthor_vm_get_state arg = { .vm_id = vm };
    int ret = panthor_ioctl(dev, DRM_IOCTL_PANTHOR_VM_GET_STATE, &arg);

    return ret < 0 ? ret : (int)arg.state;
}

struct drm_panthor_vm_bind_op panthor_map_op(const PanthorBo *bo,
                                             uint64_t offset, uint64_t va,
                                             uint64_t size, uint32_t flags)
{
    return (struct drm_panthor_vm_bind_op) {
        .flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | flags,
        .bo_handle = bo->handle,
        .bo_offset = offset,
        .va = va,
        .size = size,
        .syncs.stride = sizeof(struct drm_panthor_sync_op),
    };
}

struct drm_panthor_vm_bind_op panthor_unmap_op(uint64_t va, uint64_t size)
{
    return (struct drm_panthor_vm_bind_op) {
        .flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP,
        .va = va,
        .size = size,
        .syncs.stride = sizeof(struct drm_panthor_sync_op),
    };
}

static int panthor_vm_bind_flags(PanthorDev *dev, uint32_t vm,
                                 const struct drm_panthor_vm_bind_op *ops,
                                 uint32_t count, uint32_t flags)
{
    struct drm_panthor_vm_bind arg = {
        .vm_id = vm,
        .flags = flags,
        .ops = DRM_PANTHOR_OBJ_ARRAY(count, ops),
    };

    return panthor_ioctl(dev, DRM_IOCTL_PANTHOR_VM_BIND, &arg);
}

int panthor_vm_bind(PanthorDev *dev, uint32_t vm,
                    const struct drm_panthor_vm_bind_op *ops, uint32_t count)
{
    return panthor_vm_bind_flags(dev, vm, ops, count, 0);
}

int panthor_vm_bind_async(PanthorDev *dev, uint32_t vm,
                          const struct drm_panthor_vm_bind_op *ops,
                          uint32_t count)
{
    return panthor_vm_bind_flags(dev, vm, ops, count,
                                 DRM_PANTHOR_VM_BIND_ASYNC);
}

int panthor_vm_map(PanthorDev *dev, uint32_t vm, const PanthorBo *bo,
                   uint64_t offset, uint64_t va, uint64_t size,
                   uint32_t flags)
{
    struct drm_panthor_vm_bind_op op = panthor_map_op(bo, offset, va, size,
                                                      flags);

    return panthor_vm_bind(dev, vm, &op, 1);
}

int panthor_vm_unmap(PanthorDev *dev, uint32_t vm, uint64_t va,
                     uint64_t size)
{
    struct drm_panthor_vm_bind_op op = panthor_unmap_op(va, size);

    return panthor_vm_bind(dev, vm, &op, 1);
}

/* Gives @bo, which has a handle and a size, its CPU mapping */
static int panthor_bo_map(PanthorDev *dev, PanthorBo *bo)
{
    struct drm_panthor_bo_mmap_offset map = { .handle = bo->handle };
    int ret = panthor_ioctl(dev, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &map);

    if (ret >= 0) {
        bo->cpu = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED,
                       dev->fd, map.offset);
        if (bo->cpu == MAP_FAILED) {
            ret = -errno;
            bo->cpu = NULL;
        }
    }
    if (ret < 0) {
        panthor_bo_destroy(dev, bo);
    }
    return ret;
}

int panthor_bo_create(PanthorDev *dev, PanthorBo *bo, uint64_t size,
                      uint32_t vm)
{
    struct drm_panthor_bo_create create = {
        .size = size,
        .exclusive_vm_id = vm,
    };
    int ret;

    memset(bo, 0, sizeof(*bo));
    ret = panthor_ioctl(dev, DRM_IOCTL_PANTHOR_BO_CREATE, &create);
    if (ret < 0) {
        return ret;
    }
    bo->handle = create.handle;
    bo->size = create.size;
    return panthor_bo_map(dev, bo);
}

int panthor_bo_export(PanthorDev *dev, const PanthorBo *bo, int *fd)
{
    struct drm_prime_handle arg = {
        .handle = bo->handle,
        .flags = DRM_RDWR,
        .fd = -1,
    };
    int ret = panthor_ioctl(dev, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);

    *fd = arg.fd;
    return ret;
}

int panthor_bo_import(PanthorDev *dev, int fd, uint64_t size, PanthorBo *bo)
{
    struct drm_prime_handle arg = { .fd = fd };
    int ret = panthor_ioctl(dev, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);

    memset(bo, 0, sizeof(*bo));
    if (ret < 0) {
        return ret;
    }
    bo->handle = arg.handle;
    bo->size = size;
    return panthor_bo_map(dev, bo);
}

void panthor_bo_destroy(PanthorDev *dev, PanthorBo *bo)
{
    struct drm_gem_close arg = { .handle = bo->handle };

    if (bo->cpu) {
        munmap(bo->cpu, bo->size);
    }
    if (bo->handle) {
        panthor_ioctl(dev, DRM_IOCTL_GEM_CLOSE, &arg);
    }
    memset(bo, 0, sizeof(*bo));
}

int panthor_heap_create(PanthorDev *dev, uint32_t vm, uint32_t initial,
                        uint32_t max, uint32_t *heap, uint64_t *context_va,
                        uint64_t *chunk_va)
{
    struct drm_panthor_tiler_heap_create arg = {
        .vm_id = vm,
        .initial_chunk_count = initial,
        .chunk_size = HEAP_CHUNK_SIZE,
        .max_chunks = max,
        .target_in_flight = HEAP_IN_FLIGHT,
    };
    int ret = panthor_ioctl(dev, DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE, &arg);

    *heap = arg.handle;
    *context_va = arg.tiler_heap_ctx_gpu_va;
    *chunk_va = arg.first_heap_chunk_gpu_va;
    return ret;
}

int panthor_heap_destroy(PanthorDev *dev, uint32_t heap)
{
    struct drm_panthor_tiler_heap_destroy arg = { .handle = heap };

    return panthor_ioctl(dev, DRM_IOCTL_PANTHOR_TILER_HEAP_DESTROY, &arg);
}

int panthor_group_create(PanthorDev *dev, uint32_t vm, uint32_t queues,
                         uint32_t *group)
{
    uint64_t start = kernel_now_ns();
    unsigned waited_ms = 0;
    int ret;

    for (;;) {
        ret = panthor_group_create_with(dev, vm, queues,
                                        PANTHOR_GROUP_PRIORITY_MEDIUM,
                                        RING_SIZE, group);
        if (ret != -ENOSPC || waited_ms >= dev->group_patience_ms) {
            break;
        }
        kernel_sleep_ms(10);
        waited_ms = (kernel_now_ns() - start) / 1000000;
    }
    if (waited_ms) {
        dev->groups_refused++;
        tap_diag("a group was refused (%s) for %u ms", strerror(ENOSPC),
                 waited_ms);
    }
    return ret;
}

int panthor_group_create_with(PanthorDev *dev, uint32_t vm, uint32_t queues,
                              uint8_t priority, uint32_t ring_size,
                              uint32_t *group)
{
    /* As many as fatal_queues of GROUP_GET_STATE has bits */
    struct drm_panthor_queue_create queue[32] = { 0 };
    struct drm_panthor_gpu_info info;
    struct drm_panthor_group_create arg = {
        .queues = DRM_PANTHOR_OBJ_ARRAY(queues, queue),
        .priority = priority,
        .vm_id = vm,
    };
    uint32_t i;
    int ret;

#ifdef HAVE_DRM_PANTHOR_GROUP_CREATE_PROTECTED
    arg.flags = dev->group_flags;
#endif
    if (queues > 32) {
        return -EINVAL;
    }
    for (i = 0; i < queues; i++) {
        queue[i].priority = 1;
        queue[i].ringbuf_size = ring_size;
    }

    ret = panthor_query(dev, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info,
                        sizeof(info));
    if (ret < 0) {
        return ret;
    }
    arg.compute_core_mask = info.shader_present;
    arg.fragment_core_mask = info.shader_present;
    arg.tiler_core_mask = info.tiler_present;
    arg.max_compute_cores = __builtin_popcountll(info.shader_present);
    arg.max_fragment_cores = arg.max_compute_cores;
    arg.max_tiler_cores = __builtin_popcountll(info.tiler_present);

    ret = panthor_ioctl(dev, DRM_IOCTL_PANTHOR_GROUP_CREATE, &arg);
    *group = arg.group_handle;
    return ret;
}

int panthor_group_slots(PanthorDev *dev)
{
    struct drm_panthor_csif_info csif;
    struct drm_panthor_gpu_info info;
    unsigned spaces;
    int ret;

    ret = panthor_query(dev, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif,
                        sizeof(csif));
    if (ret >= 0) {
        ret = panthor_query(dev, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info,
                            sizeof(info));
    }
    if (ret < 0) {
        return ret;
    }
    /* One address space is the firmware's */
    spaces = __builtin_popcount(info.as_present) - 1;
    return csif.csg_slot_count < spaces ? csif.csg_slot_count : spaces;
}

int panthor_group_destroy(PanthorDev *dev, uint32_t group)
{
    struct drm_panthor_group_destroy arg = { .group_handle = group };

    return panthor_ioctl(dev, DRM_IOCTL_PANTHOR_GROUP_DESTROY, &arg);
}

int panthor_group_submit(PanthorDev *dev, uint32_t group,
                         const PanthorJob *jobs, uint32_t count)
{
    struct drm_panthor_queue_submit submit[32] = { 0 };
    struct drm_panthor_group_submit arg = {
        .group_handle = group,
        .queue_submits = DRM_PANTHOR_OBJ_ARRAY(count, submit),
    };
    uint32_t i;

    if (count > 32) {
        return -EINVAL;
    }
    for (i = 0; i < count; i++) {
        const PanthorJob *job = &jobs[i];

        submit[i].queue_index = job->queue;
        submit[i].stream_size = job->stream_size;
        submit[i].stream_addr = job->stream_size ? job->stream_va : 0;
        submit[i].syncs = (struct drm_panthor_obj_array)
            DRM_PANTHOR_OBJ_ARRAY(job->sync_count, job->syncs);
    }
    return panthor_ioctl(dev, DRM_IOCTL_PANTHOR_GROUP_SUBMIT, &arg);
}

int panthor_group_state(PanthorDev *dev, uint32_t group,
                        uint32_t *fatal_queues)
{
    struct drm_panthor_group_get_state arg = { .group_handle = group };
    int ret = panthor_ioctl(dev, DRM_IOCTL_PANTHOR_GROUP_GET_STATE, &arg);

    if (ret < 0) {
        return ret;
    }
    if (fatal_queues) {
        *fatal_queues = arg.fatal_queues;
    }
    return arg.state;
}

int panthor_syncobj_create(PanthorDev *dev, uint32_t *syncobj)
{
    struct drm_syncobj_create arg = { 0 };
    int ret = panthor_ioctl(dev, DRM_IOCTL_SYNCOBJ_CREATE, &arg);

    *syncobj = arg.handle;
    return ret;
}

void panthor_syncobj_destroy(PanthorDev *dev, uint32_t syncobj)
{
    struct drm_syncobj_destroy arg = { .handle = syncobj };

    panthor_ioctl(dev, DRM_IOCTL_SYNCOBJ_DESTROY, &arg);
}

int panthor_syncobj_reset(PanthorDev *dev, uint32_t syncobj)
{
    struct drm_syncobj_array arg = {
        .handles = (uintptr_t)&syncobj,
        .count_handles = 1,
    };

    return panthor_ioctl(dev, DRM_IOCTL_SYNCOBJ_RESET, &arg);
}

static struct drm_panthor_sync_op panthor_sync_op(uint32_t syncobj,
                                                  uint64_t point,
                                                  uint32_t flags)
{
    return (struct drm_panthor_sync_op) {
        .flags = flags |
                 (point ? DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ :
                          DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_SYNCOBJ),
        .handle = syncobj,
        .timeline_value = point,
    };
}

struct drm_panthor_sync_op panthor_wait_op(uint32_t syncobj, uint64_t point)
{
    return panthor_sync_op(syncobj, point, DRM_PANTHOR_SYNC_OP_WAIT);
}

struct drm_panthor_sync_op panthor_signal_op(uint32_t syncobj,
                                             uint64_t point)
{
    return panthor_sync_op(syncobj, point, DRM_PANTHOR_SYNC_OP_SIGNAL);
}

int panthor_timeline_signal(PanthorDev *dev, uint32_t syncobj,
                            uint64_t point)
{
    struct drm_syncobj_timeline_array arg = {
        .handles = (uintptr_t)&syncobj,
        .points = (uintptr_t)&point,
        .count_handles = 1,
    };

    return panthor_ioctl(dev, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &arg);
}

int panthor_timeline_query(PanthorDev *dev, uint32_t syncobj,
                           uint64_t *point)
{
    struct drm_syncobj_timeline_array arg = {
        .handles = (uintptr_t)&syncobj,
        .points = (uintptr_t)point,
        .count_handles = 1,
    };

    return panthor_ioctl(dev, DRM_IOCTL_SYNCOBJ_QUERY, &arg);
}

int panthor_syncobj_wait(PanthorDev *dev, uint32_t syncobj, uint64_t point,
                         bool for_submit, unsigned timeout_ms)
{
    int64_t deadline = kernel_now_ns() + timeout_ms * 1000000ull;
    uint32_t flags = for_submit ? DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT : 0;

    if (point) {
        struct drm_syncobj_timeline_wait arg = {
            .handles = (uintptr_t)&syncobj,
            .points = (uintptr_t)&point,
            .timeout_nsec = deadline,
            .count_handles = 1,
            .flags = flags,
        };

        return panthor_ioctl(dev, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &arg);
    } else {
        struct drm_syncobj_wait arg = {
            .handles = (uintptr_t)&syncobj,
            .timeout_nsec = deadline,
            .count_handles = 1,
            .flags = flags,
        };

        return panthor_ioctl(dev, DRM_IOCTL_SYNCOBJ_WAIT, &arg);
    }
}

static int panthor_handle_to_fd(PanthorDev *dev, uint32_t syncobj,
                                uint32_t flags, int *fd)
{
    struct drm_syncobj_handle arg = {
        .handle = syncobj,
        .flags = flags,
        .fd = -1,
    };
    int ret = panthor_ioctl(dev, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &arg);

    *fd = arg.fd;
    return ret;
}

int panthor_syncobj_export(PanthorDev *dev, uint32_t syncobj, int *fd)
{
    return panthor_handle_to_fd(dev, syncobj, 0, fd);
}

int panthor_syncobj_export_fence(PanthorDev *dev, uint32_t syncobj, int *fd)
{
    return panthor_handle_to_fd(
        dev, syncobj, DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE, fd);
}

int panthor_syncobj_import(PanthorDev *dev, int fd, uint32_t *syncobj)
{
    struct drm_syncobj_handle arg = { .fd = fd };
    int ret = panthor_ioctl(dev, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &arg);

    *syncobj = arg.handle;
    return ret;
}

int panthor_syncobj_import_fence(PanthorDev *dev, int fd, uint32_t syncobj)
{
    struct drm_syncobj_handle arg = {
        .handle = syncobj,
        .flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
        .fd = fd,
    };

    return panthor_ioctl(dev, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &arg);
}

int panthor_syncobj_status(PanthorDev *dev, uint32_t syncobj, int *status)
{
    struct sync_file_info info = { 0 };
    int fd, ret = panthor_syncobj_export_fence(dev, syncobj, &fd);

    if (ret < 0) {
        return ret;
    }
    ret = ioctl(fd, SYNC_IOC_FILE_INFO, &info) ? -errno : 0;
    close(fd);
    *status = info.status;
    return ret;
}

unsigned panthor_buffers(PanthorDev *dev)
{
    char path[64], line[512];
    unsigned count = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%d/gems", dev->node);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f)) {
        count++;
    }
    if (f) {
        fclose(f);
    }
    return count;
}

unsigned panthor_buffers_wait(PanthorDev *dev, unsigned most,
                              unsigned timeout_ms)
{
    uint64_t deadline = kernel_now_ns() + timeout_ms * 1000000ull;
    unsigned count;

    while ((count = panthor_buffers(dev)) > most &&
           kernel_now_ns() < deadline) {
        kernel_sleep_ms(50);
    }
    return count;
}

int panthor_open_filled(PanthorDev *dev, uint64_t va)
{
    uint64_t context_va, chunk_va;
    uint32_t vm, group, heap;
    PanthorBo buffer = { 0 };
    int ret = panthor_open(dev);

    if (ret < 0) {
        return ret;
    }
    ret = panthor_vm_create(dev, &vm);
    if (ret >= 0) {
        ret = panthor_bo_create(dev, &buffer, kernel_page_size(), 0);
    }
    if (ret >= 0) {
        ret = panthor_vm_map(dev, vm, &buffer, 0, va, buffer.size, 0);
    }
    if (ret >= 0) {
        ret = panthor_heap_create(dev, vm, 1, 1, &heap, &context_va,
                                  &chunk_va);
    }
    if (ret >= 0) {
        ret = panthor_group_create(dev, vm, 1, &group);
    }
    if (buffer.cpu) {
        munmap(buffer.cpu, buffer.size);
    }
    if (ret < 0) {
        panthor_close(dev);
    }
    return ret;
}

int panthor_runtime_status(PanthorDev *dev, char *status, size_t size)
{
    char path[96];
    ssize_t len;
    int fd;

    snprintf(path, sizeof(path),
             "/sys/class/drm/renderD%d/device/power/runtime_status",
             dev->node);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    len = read(fd, status, size - 1);
    if (len < 0) {
        len = -errno;
    }
    close(fd);
    if (len < 0) {
        return len;
    }
    status[len] = '\0';
    status[strcspn(status, "\n")] = '\0';
    return 0;
}

uint64_t panthor_interrupts(const char *line)
{
    FILE *f = fopen("/proc/interrupts", "r");
    char text[512], name[32];
    uint64_t sum = 0;

    snprintf(name, sizeof(name), "panthor-%s", line);
    while (f && fgets(text, sizeof(text), f)) {
        char *at = strchr(text, ':');
        uint64_t count;
        int used;

        if (!at || !strstr(text, name)) {
            continue;
        }
        /* A number for each CPU, and then words */
        for (at++; sscanf(at, "%" SCNu64 "%n", &count, &used) == 1;
             at += used) {
            sum += count;
        }
    }
    if (f) {
        fclose(f);
    }
    return sum;
}

int panthor_forbid_suspend(PanthorDev *dev, bool forbid)
{
    const char *text = forbid ? "on" : "auto";
    char path[96];
    int fd, ret = 0;

    snprintf(path, sizeof(path),
             "/sys/class/drm/renderD%d/device/power/control", dev->node);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) {
        ret = -errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return ret;
}

int panthor_wait_suspended(PanthorDev *dev, unsigned timeout_ms)
{
    uint64_t deadline = kernel_now_ns() + timeout_ms * 1000000ull;
    char status[32];
    int ret;

    for (;;) {
        ret = panthor_runtime_status(dev, status, sizeof(status));
        if (ret < 0) {
            return ret;
        }
        if (!strcmp(status, "suspended")) {
            return 0;
        }
        if (kernel_now_ns() >= deadline) {
            return -ETIMEDOUT;
        }
        kernel_sleep_ms(5);
    }
}
