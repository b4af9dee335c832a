/*
 * refuse-vm: what VM_CREATE, VM_DESTROY, VM_GET_STATE and VM_BIND must refuse
 *
 * Each call is a good one with one mistake.  Both ways of VM_BIND are asked,
 * and afterwards the good one has to work.  With --unknown, an operation shall
 * signal an object that is not there, which crashes stock kernels.
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
#include "lib/refuse.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 5000
#define MAP_VA 0x40000000ull
#define OTHER_VA 0x50000000ull
/* PANTHOR_MAX_VMS_PER_FILE in panthor_mmu.c, v7.3 */
#define MAX_VMS 32
/* What the driver keeps of a VM's addresses at least */
#define KERNEL_VA_MIN 0x10000000ull
#define NO_HANDLE 0xfffff
#define SINCE_SPARSE 9

static PanthorDev dev;
/* Its addresses from @user_range on are the driver's */
static uint32_t vm, other_vm;
static uint64_t user_range, full_range;
static PanthorBo bo, exclusive;
static uint64_t page;

static struct drm_panthor_vm_bind_op map_op(void)
{
    return panthor_map_op(&bo, 0, MAP_VA, bo.size,
                          DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
}

static struct drm_panthor_vm_bind_op unmap_op(void)
{
    return panthor_unmap_op(MAP_VA, bo.size);
}

static int bind_one(uint32_t flags, struct drm_panthor_vm_bind_op op)
{
    struct drm_panthor_vm_bind arg = {
        .vm_id = vm,
        .flags = flags,
        .ops = DRM_PANTHOR_OBJ_ARRAY(1, &op),
    };

    return panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_VM_BIND, &arg);
}

/* A name, and what it changes of a good operation */
typedef struct BadOp {
    const char *name;
    void (*spoil)(struct drm_panthor_vm_bind_op *op);
    /* Also of an unmap */
    bool unmap;
} BadOp;

static void in_kernel_range(struct drm_panthor_vm_bind_op *op)
{
    op->va = user_range;
}

static void into_kernel_range(struct drm_panthor_vm_bind_op *op)
{
    op->va = user_range - page;
}

static void last_of_range(struct drm_panthor_vm_bind_op *op)
{
    op->va = full_range - op->size;
}

static void beyond_range(struct drm_panthor_vm_bind_op *op)
{
    op->va = full_range;
}

static void across_all(struct drm_panthor_vm_bind_op *op)
{
    op->va = full_range - page;
}

static void wraps(struct drm_panthor_vm_bind_op *op)
{
    op->va = -page;
}

static void wraps_to_start(struct drm_panthor_vm_bind_op *op)
{
    op->va = -op->size;
}

static void huge_size(struct drm_panthor_vm_bind_op *op)
{
    op->size = -page;
}

static void size_to_wrap(struct drm_panthor_vm_bind_op *op)
{
    op->size = -op->va;
}

static void odd_va(struct drm_panthor_vm_bind_op *op)
{
    op->va += 0x800;
}

static void odd_size(struct drm_panthor_vm_bind_op *op)
{
    op->size -= 8;
}

static void unknown_type(struct drm_panthor_vm_bind_op *op)
{
    op->flags |= 0xf0000000u;
}

static void next_type(struct drm_panthor_vm_bind_op *op)
{
    op->flags = (op->flags & 0xfffffffu) | 0x30000000u;
}

static void unknown_flag(struct drm_panthor_vm_bind_op *op)
{
    op->flags |= 1u << 27;
}

static void odd_offset(struct drm_panthor_vm_bind_op *op)
{
    op->size -= page;
    op->bo_offset = 0x800;
}

static void beyond_buffer(struct drm_panthor_vm_bind_op *op)
{
    op->bo_offset = page;
}

static void offset_wraps(struct drm_panthor_vm_bind_op *op)
{
    op->bo_offset = -page;
}

static void offset_beyond(struct drm_panthor_vm_bind_op *op)
{
    op->bo_offset = 1ull << 40;
}

static void larger_than_buffer(struct drm_panthor_vm_bind_op *op)
{
    op->size += page;
}

static void no_buffer(struct drm_panthor_vm_bind_op *op)
{
    op->bo_handle = 0;
}

static void unknown_buffer(struct drm_panthor_vm_bind_op *op)
{
    op->bo_handle = NO_HANDLE;
}

static void buffer_of_other_vm(struct drm_panthor_vm_bind_op *op)
{
    op->bo_handle = exclusive.handle;
}

static const BadOp bad_ops[] = {
    { "a range in the kernel's addresses", in_kernel_range, true },
    { "a range that ends in the kernel's addresses", into_kernel_range, true },
    { "a range at the end of all addresses", last_of_range, true },
    { "a range behind all addresses", beyond_range, true },
    { "a range that ends behind all addresses", across_all, true },
    { "a range that wraps around 2^64", wraps, true },
    { "a range that ends at 2^64", wraps_to_start, true },
    { "a size of nearly 2^64", huge_size, true },
    { "a size that ends at 2^64", size_to_wrap, true },
    { "an address that is no page's", odd_va, true },
    { "a size that is no page's", odd_size, true },
    { "an operation of the last type", unknown_type, true },
    { "an operation of the next type", next_type, true },
    { "an operation with an unknown flag", unknown_flag, true },
    { "an offset that is no page's", odd_offset, true },
    { "an offset with which it ends behind the buffer", beyond_buffer, true },
    { "an offset with which it wraps", offset_wraps, true },
    { "an offset behind the buffer", offset_beyond, true },
    { "a size larger than the buffer", larger_than_buffer, false },
    { "no buffer", no_buffer, false },
    { "a buffer that is not there", unknown_buffer, false },
    { "a buffer of another VM", buffer_of_other_vm, false },
};

static void test_bad_ops(uint32_t flags, const char *way)
{
    struct drm_panthor_vm_bind_op op;

    for (unsigned i = 0; i < sizeof(bad_ops) / sizeof(bad_ops[0]); i++) {
        op = map_op();
        bad_ops[i].spoil(&op);
        refused(bind_one(flags, op), -EINVAL, "%s map: %s", way,
                bad_ops[i].name);
        if (bad_ops[i].unmap) {
            op = unmap_op();
            bad_ops[i].spoil(&op);
            refused(bind_one(flags, op), -EINVAL, "%s unmap: %s", way,
                    bad_ops[i].name);
        }
    }
    op = unmap_op();
    op.bo_handle = bo.handle;
    refused(bind_one(flags, op), -EINVAL, "%s unmap: a buffer", way);
    op = unmap_op();
    op.flags |= DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
    refused(bind_one(flags, op), -EINVAL, "%s unmap: a flag of a map", way);
    if (dev.minor >= SINCE_SPARSE) {
        op = map_op();
        op.flags |= DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE;
        refused(bind_one(flags, op), -EINVAL,
                "%s map: sparse, and a buffer", way);
        op.bo_handle = 0;
        op.flags &= ~DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
        refused(bind_one(flags, op), -EINVAL,
                "%s map: sparse, and executable", way);
        op.flags |= DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
        op.bo_offset = page;
        refused(bind_one(flags, op), -EINVAL,
                "%s map: sparse, and an offset", way);
    }
}

/* The arguments around the operations: the VM, and the array */
static void test_arrays(uint32_t flags, const char *way)
{
    struct {
        struct drm_panthor_vm_bind_op op;
        uint64_t more;
    } longer = { .op = map_op(), .more = 1 };
    struct drm_panthor_vm_bind_op ops[3] = { map_op(), map_op(), map_op() };
    struct drm_panthor_vm_bind good = {
        .vm_id = vm,
        .flags = flags,
        .ops = DRM_PANTHOR_OBJ_ARRAY(1, ops),
    }, arg;

#define BIND panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_VM_BIND, &arg)
    arg = good;
    arg.vm_id = 0;
    refused(BIND, -EINVAL, "%s bind: VM 0", way);
    arg.vm_id = NO_HANDLE;
    refused(BIND, -EINVAL, "%s bind: a VM that is not there", way);
    arg = good;
    arg.ops.stride = 8;
    refused(BIND, -EINVAL, "%s bind: a stride that is too short", way);
    arg.ops.stride = 0;
    refused(BIND, -EINVAL, "%s bind: a stride of 0", way);
    arg.ops.stride = sizeof(ops[0]) - 1;
    refused(BIND, -EINVAL, "%s bind: a stride that is one byte short", way);
    arg = good;
    arg.ops.array = 0;
    refused(BIND, -EFAULT, "%s bind: an array at 0", way);
    arg = good;
    arg.ops.array = (uintptr_t)&longer;
    arg.ops.stride = sizeof(longer);
    refused(BIND, -E2BIG, "%s bind: something in what the kernel does not know",
            way);
    longer.more = 0;
    taken(BIND, "%s bind: a stride that is longer", way);
    arg = good;
    arg.ops = (struct drm_panthor_obj_array) { 0 };
    taken(BIND, "%s bind: no operations, and no stride", way);
    /* The syncs of an operation are an array, too */
    ops[0].syncs = (struct drm_panthor_obj_array) { 0 };
    arg = good;
    taken(BIND, "%s map: no syncs, and no stride", way);
    ops[1].va = user_range;
    arg.ops.count = 3;
    refused(BIND, -EINVAL, "%s bind: the second of three is wrong", way);
    if (!(flags & DRM_PANTHOR_VM_BIND_ASYNC)) {
        tap_ok(arg.ops.count == 1, "%s bind: and it says which", way);
    }
}

static void test_syncs(uint32_t syncobj)
{
    struct drm_panthor_sync_op sync = panthor_signal_op(syncobj, 0), bad;
    struct drm_panthor_vm_bind_op op = map_op(), good;

#define ASYNC bind_one(DRM_PANTHOR_VM_BIND_ASYNC, op)
    op.syncs = (struct drm_panthor_obj_array) DRM_PANTHOR_OBJ_ARRAY(1, &bad);
    bad = sync;
    refused(bind_one(0, op), -EINVAL, "map: syncs, and nothing to wait for");
    bad.flags |= 1u << 30;
    refused(ASYNC, -EINVAL, "async map: a sync with an unknown flag");
    bad = sync;
    bad.flags |= 2;
    refused(ASYNC, -EINVAL, "async map: a sync of an unknown type");
    bad = sync;
    bad.timeline_value = 1;
    refused(ASYNC, -EINVAL, "async map: a point of what is no timeline");
    /* To signal what is not there: test_unknown() */
    bad = panthor_wait_op(NO_HANDLE, 0);
    refused(ASYNC, -ENOENT, "async map: to wait for what is not there");
    TAP_MUST(panthor_syncobj_reset(&dev, syncobj));
    bad = panthor_wait_op(syncobj, 0);
    refused(ASYNC, -EINVAL, "async map: to wait for what has no fence");
    op.syncs.stride = 4;
    refused(ASYNC, -EINVAL, "async map: a stride of syncs that is too short");
    op.syncs.stride = sizeof(bad);
    op.syncs.array = 0;
    refused(ASYNC, -EFAULT, "async map: syncs at 0");

    good = (struct drm_panthor_vm_bind_op) {
        .flags = DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY,
        .syncs = DRM_PANTHOR_OBJ_ARRAY(1, &sync),
    };
    op = good;
    op.syncs.count = 0;
    refused(ASYNC, -EINVAL, "sync only: no syncs");
    op = good;
    op.va = MAP_VA;
    refused(ASYNC, -EINVAL, "sync only: an address");
    op = good;
    op.size = page;
    refused(ASYNC, -EINVAL, "sync only: a size");
    op = good;
    op.bo_handle = bo.handle;
    refused(ASYNC, -EINVAL, "sync only: a buffer");
    op = good;
    op.bo_offset = page;
    refused(ASYNC, -EINVAL, "sync only: an offset");
    op = good;
    op.flags |= DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
    refused(ASYNC, -EINVAL, "sync only: a flag of a map");
    op = good;
    taken(ASYNC, "sync only: a good one");
    tap_ok(!panthor_syncobj_wait(&dev, syncobj, 0, false, JOB_TIMEOUT_MS),
           "sync only: and signals");
}

/*
 * To signal an object that is not there has panthor_sync_signal_free() follow
 * a pointer that is NULL: docs/findings.rst.
 */
static void test_unknown(void)
{
    static const char name[] = "async map: to signal what is not there";
    struct drm_panthor_sync_op sync = panthor_signal_op(NO_HANDLE, 0);
    struct drm_panthor_vm_bind_op op = map_op();
    int status = 0;
    pid_t pid;

    op.syncs = (struct drm_panthor_obj_array) DRM_PANTHOR_OBJ_ARRAY(1, &sync);
    fflush(stdout);
    pid = fork();
    if (!pid) {
        _exit(ASYNC == -EINVAL ? TAP_EXIT_OK : TAP_EXIT_FAIL);
    }
    TAP_MUST(pid < 0 ? -errno : 0);
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) {
        tap_ok(true, "%s: the kernel oopses", name);
    } else {
        tap_ok(!WEXITSTATUS(status), "%s is refused: %s", name,
               strerror(EINVAL));
    }
}

static int create(uint32_t flags, uint64_t range, uint32_t *id, uint64_t *got)
{
    struct drm_panthor_vm_create arg = {
        .flags = flags,
        .user_va_range = range,
    };
    int ret = panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_VM_CREATE, &arg);

    *id = arg.id;
    *got = arg.user_va_range;
    return ret;
}

static void test_create(void)
{
    struct drm_panthor_vm_destroy destroy = { .pad = 1 };
    uint32_t id[MAX_VMS], extra, i;
    uint64_t got;
    int ret = 0;

    refused(create(1, 0, &extra, &got), -EINVAL,
            "VM_CREATE: an unknown flag");
    refused(create(0, full_range, &extra, &got), -EINVAL,
            "VM_CREATE: all addresses for the user");
    refused(create(0, full_range - KERNEL_VA_MIN + page, &extra, &got),
            -EINVAL, "VM_CREATE: a page too many for the user");
    refused(create(0, -page, &extra, &got), -EINVAL,
            "VM_CREATE: more addresses than there are");
    for (i = 0; i < 3; i++) {
        const uint64_t ranges[] = { page, 1ull << 32,
                                    full_range - KERNEL_VA_MIN };

        ret = create(0, ranges[i], &id[0], &got);
        if (taken(ret, "VM_CREATE: 0x%llx for the user",
                  (unsigned long long)ranges[i])) {
            tap_ok(got >= ranges[i] && got < full_range,
                   "VM_CREATE: and it has so many");
            TAP_MUST(panthor_vm_destroy(&dev, id[0]));
        }
    }
    /* Two are there */
    for (i = 0; i < MAX_VMS - 2 && !ret; i++) {
        ret = create(0, 0, &id[i], &got);
    }
    taken(ret, "VM_CREATE: as many as there may be");
    refused(create(0, 0, &extra, &got), -EBUSY, "VM_CREATE: one more");
    while (i--) {
        TAP_MUST(panthor_vm_destroy(&dev, id[i]));
    }
    refused(panthor_vm_destroy(&dev, id[0]), -EINVAL,
            "VM_DESTROY: the second time");
    refused(panthor_vm_destroy(&dev, 0), -EINVAL, "VM_DESTROY: VM 0");
    refused(panthor_vm_destroy(&dev, NO_HANDLE), -EINVAL,
            "VM_DESTROY: a VM that is not there");
    destroy.id = other_vm;
    refused(panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_VM_DESTROY, &destroy),
            -EINVAL, "VM_DESTROY: something in the padding");
    refused(panthor_vm_state(&dev, id[0]), -EINVAL,
            "VM_GET_STATE: a VM that is gone");
    refused(panthor_vm_state(&dev, 0), -EINVAL, "VM_GET_STATE: VM 0");
}

int main(int argc, char **argv)
{
    static const char *const options[] = { "--unknown", NULL };
    struct drm_panthor_gpu_info info;
    PanthorContext ctx;
    uint32_t syncobj;
    int option = tap_start(argc, argv, options, "Asks for VMs and mappings "
                           "that it may not have.");

    TAP_MUST(panthor_open(&dev));
    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info,
                           sizeof(info)));
    full_range = 1ull << DRM_PANTHOR_MMU_VA_BITS(info.mmu_features);
    page = kernel_page_size();
    TAP_MUST(create(0, 0, &vm, &user_range));
    TAP_MUST(panthor_vm_create(&dev, &other_vm));
    TAP_MUST(panthor_bo_create(&dev, &bo, 2 * page, 0));
    TAP_MUST(panthor_bo_create(&dev, &exclusive, 2 * page, other_vm));
    TAP_MUST(panthor_syncobj_create(&dev, &syncobj));

    if (option == 0) {
        tap_directive("allow-dmesg .");
        test_unknown();
        return tap_end();
    }
    test_bad_ops(0, "sync");
    test_bad_ops(DRM_PANTHOR_VM_BIND_ASYNC, "async");
    test_arrays(0, "sync");
    test_arrays(DRM_PANTHOR_VM_BIND_ASYNC, "async");
    test_syncs(syncobj);
    test_create();
    tap_ok(panthor_vm_state(&dev, vm) == DRM_PANTHOR_VM_STATE_USABLE,
           "the VM is usable after all of that");
    taken(panthor_vm_map(&dev, vm, &bo, 0, user_range - bo.size, bo.size,
                         DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC),
          "a map of the user's last pages");
    panthor_bo_destroy(&dev, &bo);
    panthor_bo_destroy(&dev, &exclusive);
    panthor_syncobj_destroy(&dev, syncobj);
    TAP_MUST(panthor_vm_destroy(&dev, vm));
    TAP_MUST(panthor_vm_destroy(&dev, other_vm));
    panthor_context_init(&ctx, &dev, 1);
    tap_ok(!panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS), "a job runs");
    panthor_context_fini(&ctx);
    refuse_end(&dev);
    return tap_end();
}
