/*
 * panthor's interface to user space, without libdrm
 *
 * Functions return zero or more, or a negative errno.  Sizes and addresses
 * are in bytes, times in milliseconds; the GPU's page is 4 KiB, whatever
 * the CPU's is, and a buffer object is a multiple of the larger of both.
 *
 * The second part, PanthorContext, is what most tests need: one VM with
 * memory for streams and for data, and one group.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_PANTHOR_H
#define TESTS_GUEST_LIB_PANTHOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drm/drm.h>
#include <drm/panthor_drm.h>

#include "stream.h"

#define PANTHOR_GPU_PAGE        0x1000ull
#define PANTHOR_GPU_BLOCK       0x200000ull

/* USER page: LATEST_FLUSH_ID, whose bits 30:24 are zero, and never zero */
#define PANTHOR_FLUSH_ID_RESERVED 0x7f000000u

/* One open render node */
typedef struct PanthorDev {
    int fd;
    /* N of /dev/dri/renderDN */
    int node;
    /* The driver's interface version, which tells what it knows */
    int major;
    int minor;
    /*
     * While the GPU is reset, the driver refuses groups: see "A group that is
     * created during a reset" in docs/findings.rst.  For so long
     * panthor_group_create() asks again, and counts how often it had to.  Zero
     * unless the program sets it.
     */
    unsigned group_patience_ms;
    unsigned groups_refused;
    /* Of groups that it creates from now on; needs a driver that has any */
    uint32_t group_flags;
} PanthorDev;

typedef struct PanthorBo {
    uint32_t handle;
    uint64_t size;
    /* CPU mapping, or NULL before panthor_bo_map() */
    void *cpu;
} PanthorBo;

/* One job: a stream for one queue of a group */
typedef struct PanthorJob {
    uint32_t queue;
    uint64_t stream_va;
    /* With zero, the job only waits and signals */
    uint32_t stream_size;
    const struct drm_panthor_sync_op *syncs;
    uint32_t sync_count;
} PanthorJob;

/**
 * panthor_open: find the render node whose driver is panthor
 * @dev: filled in; the caller ends it with panthor_close()
 *
 * Returns 0, -ENODEV if there is none, or another negative errno.
 */
int panthor_open(PanthorDev *dev);

/* The same, of the nodes above the one numbered @node: a second GPU */
int panthor_open_after(PanthorDev *dev, int node);

/* What the process left behind, groups, VMs and buffers, goes with it. */
void panthor_close(PanthorDev *dev);

/* Any request, with the argument as it is; again if a signal interrupts it */
int panthor_ioctl(const PanthorDev *dev, unsigned long request, void *arg);

/**
 * panthor_query: DEV_QUERY with whatever size the kernel has
 * @dev: the device
 * @type: enum drm_panthor_dev_query_type, as a number: the header that
 *        these programs are built with may be older than the kernel
 * @data: zeroed, then filled
 * @size: bytes at @data
 *
 * Returns how many bytes are valid, or a negative errno; -EINVAL if the
 * kernel does not know the query.
 */
int panthor_query(PanthorDev *dev, uint32_t type, void *data, size_t size);

/**
 * panthor_vm_create: create a VM
 * @dev: the device
 * @vm: receives its number; the caller ends it with panthor_vm_destroy()
 */
int panthor_vm_create(PanthorDev *dev, uint32_t *vm);
int panthor_vm_destroy(PanthorDev *dev, uint32_t vm);

/**
 * panthor_group_slots: how many groups the driver has on the GPU at once
 *
 * As many as the firmware has slots, or as there are address spaces for VMs.
 * Returns a negative errno on failure.
 */
int panthor_group_slots(PanthorDev *dev);

/* enum drm_panthor_vm_state, or a negative errno */
int panthor_vm_state(PanthorDev *dev, uint32_t vm);

/* One operation of VM_BIND; @flags are DRM_PANTHOR_VM_BIND_OP_MAP_* */
struct drm_panthor_vm_bind_op panthor_map_op(const PanthorBo *bo,
                                             uint64_t offset, uint64_t va,
                                             uint64_t size, uint32_t flags);
struct drm_panthor_vm_bind_op panthor_unmap_op(uint64_t va, uint64_t size);

/**
 * panthor_vm_bind: VM_BIND, which is done when this returns
 * @dev: the device
 * @vm: the VM
 * @ops: without syncs
 * @count: how many
 */
int panthor_vm_bind(PanthorDev *dev, uint32_t vm,
                    const struct drm_panthor_vm_bind_op *ops,
                    uint32_t count);

/* The same, queued: an operation waits for its syncs, and signals them */
int panthor_vm_bind_async(PanthorDev *dev, uint32_t vm,
                          const struct drm_panthor_vm_bind_op *ops,
                          uint32_t count);

/* One operation, done when this returns */
int panthor_vm_map(PanthorDev *dev, uint32_t vm, const PanthorBo *bo,
                   uint64_t offset, uint64_t va, uint64_t size,
                   uint32_t flags);
int panthor_vm_unmap(PanthorDev *dev, uint32_t vm, uint64_t va,
                     uint64_t size);

/**
 * panthor_bo_create: create a buffer object, with a CPU mapping
 * @dev: the device
 * @bo: filled in; the caller ends it with panthor_bo_destroy()
 * @size: at least this many bytes
 * @vm: the only VM that will map it, or 0
 *
 * The mapping is not cached unless the GPU is coherent.
 */
int panthor_bo_create(PanthorDev *dev, PanthorBo *bo, uint64_t size,
                      uint32_t vm);
void panthor_bo_destroy(PanthorDev *dev, PanthorBo *bo);

/**
 * panthor_heap_create: create a tiler heap with the smallest chunks
 * @dev: the device
 * @vm: its VM
 * @initial: chunks that it has from the start, 1 at least
 * @max: chunks that it may have at most
 * @heap: receives its number; the caller ends it with
 *        panthor_heap_destroy()
 * @context_va: receives the address that HEAP_SET takes
 * @chunk_va: receives the address of the first chunk
 */
int panthor_heap_create(PanthorDev *dev, uint32_t vm, uint32_t initial,
                        uint32_t max, uint32_t *heap, uint64_t *context_va,
                        uint64_t *chunk_va);
int panthor_heap_destroy(PanthorDev *dev, uint32_t heap);

/**
 * panthor_group_create: create a group, of medium priority; as patient as
 *                       @dev says
 * @dev: the device
 * @vm: its VM
 * @queues: how many queues, all of the same priority
 * @group: receives its number; the caller ends it with
 *         panthor_group_destroy()
 */
int panthor_group_create(PanthorDev *dev, uint32_t vm, uint32_t queues,
                         uint32_t *group);

/**
 * panthor_group_create_with: the same, with a choice
 * @priority: enum drm_panthor_group_priority; above medium needs root
 * @ring_size: bytes of each queue's ring, a power of two from 4 to 64 KiB
 */
int panthor_group_create_with(PanthorDev *dev, uint32_t vm, uint32_t queues,
                              uint8_t priority, uint32_t ring_size,
                              uint32_t *group);
int panthor_group_destroy(PanthorDev *dev, uint32_t group);

/**
 * panthor_group_submit: submit jobs in one call
 * @dev: the device
 * @group: the group
 * @jobs: a job may wait for what an earlier one signals
 * @count: how many
 */
int panthor_group_submit(PanthorDev *dev, uint32_t group,
                         const PanthorJob *jobs, uint32_t count);

/**
 * panthor_group_state: what became of a group
 * @dev: the device
 * @group: the group
 * @fatal_queues: receives a bit for each queue that died; may be NULL
 *
 * Returns DRM_PANTHOR_GROUP_STATE_* bits or a negative errno.
 */
int panthor_group_state(PanthorDev *dev, uint32_t group,
                        uint32_t *fatal_queues);

/*
 * Synchronization objects.  @point is a point of a timeline, or zero for
 * the binary object.
 */
int panthor_syncobj_create(PanthorDev *dev, uint32_t *syncobj);
void panthor_syncobj_destroy(PanthorDev *dev, uint32_t syncobj);
int panthor_syncobj_reset(PanthorDev *dev, uint32_t syncobj);
struct drm_panthor_sync_op panthor_wait_op(uint32_t syncobj, uint64_t point);
struct drm_panthor_sync_op panthor_signal_op(uint32_t syncobj,
                                             uint64_t point);

/* Signal a point of a timeline from the CPU */
int panthor_timeline_signal(PanthorDev *dev, uint32_t syncobj,
                            uint64_t point);

/* The last point that is signalled */
int panthor_timeline_query(PanthorDev *dev, uint32_t syncobj,
                           uint64_t *point);

/**
 * panthor_syncobj_wait: wait until the fence is signalled, or failed
 * @dev: the device
 * @syncobj: the object
 * @point: of a timeline, or 0
 * @for_submit: also wait until there is a fence; without, that there is
 *              none yet is -EINVAL
 * @timeout_ms: 0 only looks
 *
 * Returns 0, -ETIME, or another negative errno.
 */
int panthor_syncobj_wait(PanthorDev *dev, uint32_t syncobj, uint64_t point,
                         bool for_submit, unsigned timeout_ms);

/**
 * panthor_syncobj_status: the fence of a binary object, as a sync file
 * says: 1 signalled, 0 not yet, or the negative errno that it failed with
 * @dev: the device
 * @syncobj: the object
 * @status: receives it
 */
int panthor_syncobj_status(PanthorDev *dev, uint32_t syncobj, int *status);

/*
 * Sharing with other processes: file descriptors, which the caller closes,
 * and what they are there.  Each returns 0 or a negative errno.
 */
int panthor_syncobj_export(PanthorDev *dev, uint32_t syncobj, int *fd);
int panthor_syncobj_import(PanthorDev *dev, int fd, uint32_t *syncobj);
/* The fence that a binary object has now, as a sync file */
int panthor_syncobj_export_fence(PanthorDev *dev, uint32_t syncobj, int *fd);
int panthor_syncobj_import_fence(PanthorDev *dev, int fd, uint32_t syncobj);
/* Of a buffer that belongs to no VM; the other side gets a mapping, too */
int panthor_bo_export(PanthorDev *dev, const PanthorBo *bo, int *fd);
int panthor_bo_import(PanthorDev *dev, int fd, uint64_t size, PanthorBo *bo);

/*
 * How many buffers the device has, the driver's own among them, as debugfs
 * says; 0 if it does not
 */
unsigned panthor_buffers(PanthorDev *dev);

/*
 * The same, once it is no more than @most, or after @timeout_ms: what work of
 * a queue frees is there for a while
 */
unsigned panthor_buffers_wait(PanthorDev *dev, unsigned most,
                              unsigned timeout_ms);

/**
 * panthor_open_filled: a file with a VM in it, of which a buffer is mapped, a
 *                      heap and a group
 * @dev: filled in; the caller ends it, and all of that, with panthor_close()
 * @va: where the buffer is mapped
 */
int panthor_open_filled(PanthorDev *dev, uint64_t va);

/* What the kernel's runtime power management says, "active" for instance */
int panthor_runtime_status(PanthorDev *dev, char *status, size_t size);

/* How often processors have taken an interrupt: "job", "mmu", or "gpu" */
uint64_t panthor_interrupts(const char *line);

/* Keep the GPU from being suspended, or no longer, once it is in use */
int panthor_forbid_suspend(PanthorDev *dev, bool forbid);

/**
 * panthor_wait_suspended: wait until the GPU is runtime-suspended
 *
 * No VM has an address space then.  Returns 0, -ETIMEDOUT, or another
 * negative errno.
 */
int panthor_wait_suspended(PanthorDev *dev, unsigned timeout_ms);

/* Where a context's buffers are mapped: away from what the tests map */
enum {
    PANTHOR_CODE_VA = 0x10000000,
    PANTHOR_DATA_VA = 0x20000000,
    PANTHOR_POLL_VA = 0x28000000,
};

#define PANTHOR_CODE_SIZE       0x40000
#define PANTHOR_DATA_SIZE       0x40000

/* One VM with memory, and one group.  Set-up that fails is a bail-out. */
typedef struct PanthorContext {
    PanthorDev *dev;
    uint32_t vm;
    uint32_t group;
    uint32_t syncobj;
    PanthorBo code_bo;
    PanthorBo data_bo;
    /* One page, uncached: words that the CPU changes while a stream polls */
    PanthorBo poll_bo;
    StreamArena code;
    uint32_t *data;
    uint32_t *poll;
} PanthorContext;

/**
 * panthor_context_init: create a VM with its memory, and a group
 * @ctx: the caller ends it with panthor_context_fini()
 * @dev: outlives the context
 * @queues: of the group
 */
void panthor_context_init(PanthorContext *ctx, PanthorDev *dev,
                          uint32_t queues);
void panthor_context_fini(PanthorContext *ctx);

/* Destroy the group, which may be dead, and create a fresh one */
void panthor_context_new_group(PanthorContext *ctx, uint32_t queues);

/* Address in the GPU's space of word @index of the data buffer */
uint64_t panthor_data_va(size_t index);

/**
 * panthor_submit: submit one stream, which signals a syncobj
 * @ctx: the context
 * @queue: of its group
 * @va: the stream
 * @size: bytes of it
 * @syncobj: reset and then signalled by the job
 */
int panthor_submit(PanthorContext *ctx, uint32_t queue, uint64_t va,
                   uint32_t size, uint32_t syncobj);

/**
 * panthor_wait: wait for what signals the context's syncobj
 *
 * Returns 0 if the job went well, the error of its fence, or -ETIME if it is
 * not done in time.
 */
int panthor_wait(PanthorContext *ctx, unsigned timeout_ms);

/**
 * panthor_run: submit one stream and wait for it
 *
 * Returns 0 if the job went well, the error of its fence, -ETIME if it is
 * not done in time, or the error of the submission.
 */
int panthor_run(PanthorContext *ctx, uint32_t queue, uint64_t va,
                uint32_t size, unsigned timeout_ms);

/* Place @s in the context's memory and run it.  @s is freed. */
int panthor_run_stream(PanthorContext *ctx, uint32_t queue, Stream *s,
                       unsigned timeout_ms);

/*
 * Run a job that stores @value in the first word of the context's data, and
 * look whether it did: 0, an error of panthor_run(), or -EIO.  What was placed
 * in the context's code before is overwritten.
 */
int panthor_store_job(PanthorContext *ctx, uint32_t value,
                      unsigned timeout_ms);

/* The same in two steps; it must be possible to submit it */
void panthor_submit_store(PanthorContext *ctx, uint32_t value);
int panthor_stored(PanthorContext *ctx, uint32_t value, unsigned timeout_ms);

/*
 * What a job reads at @va of the context's VM; 0 if it failed, which it says.
 * What was placed in the context's code before is overwritten.
 */
uint32_t panthor_read_word(PanthorContext *ctx, uint64_t va,
                           unsigned timeout_ms);

/* Set a word that a stream polls: visible to the GPU when this returns */
void panthor_poll_set(PanthorContext *ctx, unsigned index, uint32_t value);

/*
 * A stream that waits until word @index of the poll page is set.  It is
 * bounded by the driver's time-out for jobs alone.
 */
void panthor_emit_spin(Stream *s, unsigned index);

/*
 * Submit a job that does so with word 0; what was placed in the context's code
 * before is overwritten.  End it: as panthor_wait().
 */
void panthor_submit_spin(PanthorContext *ctx);
int panthor_end_spin(PanthorContext *ctx, unsigned timeout_ms);

#endif /* TESTS_GUEST_LIB_PANTHOR_H */
