/*
 * refuse-group: what the requests for groups and jobs must refuse
 *
 * Each call is a good one with one mistake.  Nothing of a submission that is
 * refused runs.  What an ordinary user may not have is asked by a process
 * that has given up root's rights.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/refuse.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 5000
#define LOOK_MS 50
#define NO_HANDLE 0xfffff
#define NOBODY 65534
/* As in fault.c */
#define BAD_OPCODE 0xfe
/* MAX_CS_PER_CSG of panthor_fw.h, MAX_GROUPS_PER_POOL, v7.3 */
#define MAX_STREAMS 32
#define MAX_GROUPS 128
#define SINCE_PRIORITIES 2
/*
 * MAX_HEAPS_PER_POOL, the limits of panthor_heap_create(), and the least that
 * is the kernel's in a VM, v7.3
 */
#define MAX_HEAPS 128
#define CHUNK_MIN 0x20000
#define CHUNK_MAX 0x800000
#define KERNEL_VA_MIN 0x10000000ull

static PanthorDev dev;
static struct drm_panthor_gpu_info info;
static struct drm_panthor_csif_info csif;
static struct drm_panthor_queue_create queues[MAX_STREAMS + 1];
static struct drm_panthor_group_create good;

static int create(const struct drm_panthor_group_create *wanted)
{
    struct drm_panthor_group_create arg = *wanted;
    int ret = panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_GROUP_CREATE, &arg);

    /* One that is there by mistake shall not be in the way */
    if (!ret) {
        panthor_group_destroy(&dev, arg.group_handle);
    }
    return ret;
}

static void set_up_good(uint32_t vm)
{
    for (unsigned i = 0; i <= MAX_STREAMS; i++) {
        queues[i] = (struct drm_panthor_queue_create) {
            .priority = 1,
            .ringbuf_size = 0x1000,
        };
    }
    good = (struct drm_panthor_group_create) {
        .queues = DRM_PANTHOR_OBJ_ARRAY(2, queues),
        .priority = PANTHOR_GROUP_PRIORITY_MEDIUM,
        .vm_id = vm,
        .compute_core_mask = info.shader_present,
        .fragment_core_mask = info.shader_present,
        .tiler_core_mask = info.tiler_present,
        .max_compute_cores = __builtin_popcountll(info.shader_present),
        .max_fragment_cores = __builtin_popcountll(info.shader_present),
        .max_tiler_cores = __builtin_popcountll(info.tiler_present),
    };
}

/*
 * What stands behind the priority: padding, or flags, of which the highest is
 * the last to be used.  Series that add some rename the member.
 */
static void set_last_flag(struct drm_panthor_group_create *arg)
{
    static const uint32_t last = 1u << 31;
    const size_t offset = offsetof(struct drm_panthor_group_create,
                                   compute_core_mask) - sizeof(last);

    memcpy((char *)arg + offset, &last, sizeof(last));
}

static void test_create(void)
{
    struct drm_panthor_group_create arg = good;
    const uint64_t absent = 1ull << 63;

    arg.queues.count = 0;
    refused(create(&arg), -EINVAL, "GROUP_CREATE: no queue");
    for (uint32_t n = csif.cs_slot_count + 1; n <= MAX_STREAMS + 1; n++) {
        arg.queues.count = n;
        refused(create(&arg), -EINVAL,
                "GROUP_CREATE: %u queues, for which there are no streams", n);
    }
    arg.queues.count = 0x80000001;
    refused(create(&arg), -EINVAL, "GROUP_CREATE: 2^31 queues and one");
    arg = good;
    arg.queues.stride = 4;
    refused(create(&arg), -EINVAL, "GROUP_CREATE: a stride that is too short");
    arg = good;
    arg.queues.array = 0;
    refused(create(&arg), -EFAULT, "GROUP_CREATE: queues at 0");
    arg = good;
    set_last_flag(&arg);
    refused(create(&arg), -EINVAL, "GROUP_CREATE: something in the padding");
    arg = good;
    arg.priority = dev.minor >= SINCE_PRIORITIES ? 4 : 3;
    refused(create(&arg), -EINVAL, "GROUP_CREATE: a priority too high");
    arg.priority = 255;
    refused(create(&arg), -EINVAL, "GROUP_CREATE: the priority 255");
    arg = good;
    arg.vm_id = 0;
    refused(create(&arg), -EINVAL, "GROUP_CREATE: VM 0");
    arg.vm_id = NO_HANDLE;
    refused(create(&arg), -EINVAL, "GROUP_CREATE: a VM that is not there");
    arg = good;
    arg.compute_core_mask |= absent;
    refused(create(&arg), -EINVAL,
            "GROUP_CREATE: a core for compute that is not there");
    arg = good;
    arg.fragment_core_mask |= absent;
    refused(create(&arg), -EINVAL,
            "GROUP_CREATE: a core for fragments that is not there");
    arg = good;
    arg.tiler_core_mask |= absent;
    refused(create(&arg), -EINVAL,
            "GROUP_CREATE: a tiler that is not there");
    arg = good;
    arg.max_compute_cores++;
    refused(create(&arg), -EINVAL,
            "GROUP_CREATE: more cores for compute than in the mask");
    arg = good;
    arg.max_fragment_cores++;
    refused(create(&arg), -EINVAL,
            "GROUP_CREATE: more cores for fragments than in the mask");
    arg = good;
    arg.max_tiler_cores++;
    refused(create(&arg), -EINVAL,
            "GROUP_CREATE: more tilers than in the mask");
    arg = good;
    arg.compute_core_mask = 0;
    refused(create(&arg), -EINVAL, "GROUP_CREATE: cores, and no mask");
}

/* The last of several queues: the others are there when it is refused */
static void test_queue(void)
{
    static const uint32_t sizes[] = { 0, 1, 0x800, 0x1800, 0x3000, 0xf000,
                                      0x20000, 0x80000000 };
    struct drm_panthor_queue_create *last, saved;
    struct drm_panthor_group_create arg = good;

    arg.queues.count = csif.cs_slot_count;
    last = &queues[csif.cs_slot_count - 1];
    saved = *last;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        last->ringbuf_size = sizes[i];
        refused(create(&arg), -EINVAL, "GROUP_CREATE: a ring of 0x%x bytes",
                sizes[i]);
    }
    *last = saved;
    for (unsigned i = 0; i < 3; i++) {
        last->pad[i] = 1;
        refused(create(&arg), -EINVAL,
                "GROUP_CREATE: something in padding %u of a queue", i);
        *last = saved;
    }
    last->priority = 16;
    refused(create(&arg), -EINVAL, "GROUP_CREATE: the priority 16 of a queue");
    last->priority = 255;
    refused(create(&arg), -EINVAL,
            "GROUP_CREATE: the priority 255 of a queue");
    last->priority = 15;
    last->ringbuf_size = 0x10000;
    taken(create(&arg), "GROUP_CREATE: as many queues as streams");
    *last = saved;
}

static void test_group_handles(void)
{
    struct drm_panthor_group_get_state state = { .pad = 1 };
    struct drm_panthor_group_destroy destroy = { .pad = 1 };
    struct drm_panthor_group_create arg = good;
    uint32_t handle[MAX_GROUPS];
    unsigned count = 0;

    TAP_MUST(panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_GROUP_CREATE, &arg));
    state.group_handle = destroy.group_handle = arg.group_handle;
    refused(panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_GROUP_GET_STATE, &state),
            -EINVAL, "GROUP_GET_STATE: something in the padding");
    refused(panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_GROUP_DESTROY, &destroy),
            -EINVAL, "GROUP_DESTROY: something in the padding");
    taken(panthor_group_state(&dev, arg.group_handle, NULL),
          "GROUP_GET_STATE: the group that is still there");
    TAP_MUST(panthor_group_destroy(&dev, arg.group_handle));
    refused(panthor_group_destroy(&dev, arg.group_handle), -EINVAL,
            "GROUP_DESTROY: the second time");
    refused(panthor_group_destroy(&dev, 0), -EINVAL, "GROUP_DESTROY: group 0");
    refused(panthor_group_destroy(&dev, NO_HANDLE), -EINVAL,
            "GROUP_DESTROY: a group that is not there");
    refused(panthor_group_state(&dev, arg.group_handle, NULL), -EINVAL,
            "GROUP_GET_STATE: a group that is gone");
    refused(panthor_group_state(&dev, 0, NULL), -EINVAL,
            "GROUP_GET_STATE: group 0");
    arg.queues.count = 1;
    /* Two are there: that of the context, and the one that is refused */
    while (count < MAX_GROUPS - 1 &&
           !panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_GROUP_CREATE, &arg)) {
        handle[count++] = arg.group_handle;
    }
    tap_ok(count == MAX_GROUPS - 1, "GROUP_CREATE: %u groups", MAX_GROUPS);
    refused(create(&arg), -EBUSY, "GROUP_CREATE: one more");
    while (count--) {
        TAP_MUST(panthor_group_destroy(&dev, handle[count]));
    }
}

typedef struct BadSubmit {
    const char *name;
    void (*spoil)(struct drm_panthor_queue_submit *submit);
} BadSubmit;

static void queue_beyond(struct drm_panthor_queue_submit *submit)
{
    submit->queue_index = 1;
}

static void last_queue(struct drm_panthor_queue_submit *submit)
{
    submit->queue_index = 0xffffffff;
}

static void odd_address(struct drm_panthor_queue_submit *submit)
{
    submit->stream_addr += 8;
}

static void odd_length(struct drm_panthor_queue_submit *submit)
{
    submit->stream_size -= 4;
}

static void no_length(struct drm_panthor_queue_submit *submit)
{
    submit->stream_size = 0;
}

static void no_address(struct drm_panthor_queue_submit *submit)
{
    submit->stream_addr = 0;
}

static void odd_flush(struct drm_panthor_queue_submit *submit)
{
    submit->latest_flush = 1u << 24;
}

static void odd_flush_too(struct drm_panthor_queue_submit *submit)
{
    submit->latest_flush = 1u << 30;
}

static void padding(struct drm_panthor_queue_submit *submit)
{
    submit->pad = 1;
}

static struct drm_panthor_sync_op sync_op;

static void add_sync(struct drm_panthor_queue_submit *submit)
{
    submit->syncs = (struct drm_panthor_obj_array)
        DRM_PANTHOR_OBJ_ARRAY(1, &sync_op);
}

static void unknown_sync_flag(struct drm_panthor_queue_submit *submit)
{
    sync_op.flags |= 1u << 8;
    add_sync(submit);
}

static void unknown_sync_type(struct drm_panthor_queue_submit *submit)
{
    sync_op.flags |= 0xff;
    add_sync(submit);
}

static void point_of_binary(struct drm_panthor_queue_submit *submit)
{
    sync_op.timeline_value = 7;
    add_sync(submit);
}

static void wait_without_fence(struct drm_panthor_queue_submit *submit)
{
    sync_op.flags &= ~DRM_PANTHOR_SYNC_OP_SIGNAL;
    add_sync(submit);
}

static void short_sync_stride(struct drm_panthor_queue_submit *submit)
{
    add_sync(submit);
    submit->syncs.stride = 8;
}

static const BadSubmit bad_submits[] = {
    { "a queue that is not there", queue_beyond },
    { "queue 2^32 - 1", last_queue },
    { "an address that is no multiple of 64", odd_address },
    { "a length that is no multiple of 8", odd_length },
    { "an address, and no length", no_length },
    { "a length, and no address", no_address },
    { "a flush identifier with bit 24", odd_flush },
    { "a flush identifier with bit 30", odd_flush_too },
    { "something in the padding of a job", padding },
    { "a sync with an unknown flag", unknown_sync_flag },
    { "a sync of an unknown type", unknown_sync_type },
    { "a point of what is no timeline", point_of_binary },
    { "to wait for what has no fence", wait_without_fence },
    { "a stride of syncs that is too short", short_sync_stride },
};

static void test_submit(PanthorContext *ctx)
{
    struct drm_panthor_queue_submit submit[2], job = { .queue_index = 0 };
    struct drm_panthor_group_submit call = {
        .group_handle = ctx->group,
        .queue_submits = DRM_PANTHOR_OBJ_ARRAY(2, submit),
    }, arg;
    uint32_t size;
    Stream s;

#define SUBMIT panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_GROUP_SUBMIT, &arg)
    ctx->data[0] = 0;
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(12, 1));
    stream_store_at(&s, 12, panthor_data_va(0), 2);
    stream_end(&s);
    job.stream_addr = stream_place(&s, &ctx->code, &size);
    job.stream_size = size;
    for (unsigned i = 0; i < sizeof(bad_submits) / sizeof(bad_submits[0]);
         i++) {
        TAP_MUST(panthor_syncobj_reset(&dev, ctx->syncobj));
        sync_op = panthor_signal_op(ctx->syncobj, 0);
        submit[0] = submit[1] = job;
        bad_submits[i].spoil(&submit[1]);
        arg = call;
        refused(SUBMIT, -EINVAL, "GROUP_SUBMIT: %s", bad_submits[i].name);
    }
    submit[1] = job;
    arg = call;
    arg.pad = 1;
    refused(SUBMIT, -EINVAL, "GROUP_SUBMIT: something in the padding");
    arg = call;
    arg.group_handle = 0;
    refused(SUBMIT, -EINVAL, "GROUP_SUBMIT: group 0");
    arg.group_handle = ctx->group + 1;
    refused(SUBMIT, -EINVAL, "GROUP_SUBMIT: a group that is not there");
    arg = call;
    arg.queue_submits.stride = 8;
    refused(SUBMIT, -EINVAL, "GROUP_SUBMIT: a stride that is too short");
    arg = call;
    arg.queue_submits.array = 0;
    refused(SUBMIT, -EFAULT, "GROUP_SUBMIT: jobs at 0");
    sync_op = panthor_wait_op(NO_HANDLE, 0);
    add_sync(&submit[1]);
    arg = call;
    refused(SUBMIT, -ENOENT, "GROUP_SUBMIT: to wait for what is not there");
    submit[1] = job;
    arg = call;
    arg.queue_submits = (struct drm_panthor_obj_array) { 0 };
    taken(SUBMIT, "GROUP_SUBMIT: no jobs, and no stride");
    kernel_sleep_ms(LOOK_MS);
    tap_ok(!ctx->data[0], "GROUP_SUBMIT: nothing of what was refused runs");
    TAP_MUST(panthor_syncobj_reset(&dev, ctx->syncobj));
    sync_op = panthor_signal_op(ctx->syncobj, 0);
    add_sync(&submit[1]);
    arg = call;
    taken(SUBMIT, "GROUP_SUBMIT: two good jobs");
    tap_ok(!panthor_wait(ctx, JOB_TIMEOUT_MS) && ctx->data[0] == 1,
           "GROUP_SUBMIT: and they run");
}

/* A queue that died: nothing more goes to its group */
static void test_dead_group(PanthorContext *ctx)
{
    PanthorJob job = { .queue = 0 };
    uint32_t fatal = 0;
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_opcode(BAD_OPCODE));
    stream_end(&s);
    tap_ok(panthor_run_stream(ctx, 0, &s, JOB_TIMEOUT_MS) < 0 &&
           panthor_group_state(&dev, ctx->group, &fatal) ==
           DRM_PANTHOR_GROUP_STATE_FATAL_FAULT && fatal == 1,
           "a job with an instruction that is none ends its group");
    job.stream_va = PANTHOR_CODE_VA;
    job.stream_size = 64;
    refused(panthor_group_submit(&dev, ctx->group, &job, 1), -EINVAL,
            "GROUP_SUBMIT: a group that is dead");
    job.stream_size = 0;
    refused(panthor_group_submit(&dev, ctx->group, &job, 1), -EINVAL,
            "GROUP_SUBMIT: nothing, for a group that is dead");
    panthor_context_new_group(ctx, 1);
    tap_ok(!panthor_store_job(ctx, 3, JOB_TIMEOUT_MS), "the next group works");
}

/* What an ordinary user gets; a process of its own, whose results are ours */
static void ask_as_user(int out)
{
    struct drm_panthor_group_create arg = good;
    struct drm_panthor_group_priorities_info priorities;
    int ret[5] = { 0 };

    if (setgid(NOBODY) || setuid(NOBODY)) {
        _exit(1);
    }
    for (unsigned i = 0; i < 4; i++) {
        arg.priority = i;
        ret[i] = create(&arg);
    }
    memset(&priorities, 0xff, sizeof(priorities));
    if (panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO,
                      &priorities, sizeof(priorities)) > 0) {
        ret[4] = priorities.allowed_mask | priorities.pad[0] << 8 |
                 priorities.pad[1] << 16 | priorities.pad[2] << 24;
    } else {
        ret[4] = -1;
    }
    _exit(write(out, ret, sizeof(ret)) != sizeof(ret));
}

static void test_user(void)
{
    int pipes[2], ret[5], status;
    pid_t pid;

    TAP_MUST(pipe(pipes) ? -errno : 0);
    fflush(stdout);
    pid = fork();
    if (!pid) {
        ask_as_user(pipes[1]);
    }
    TAP_MUST(pid < 0 ? -errno : 0);
    close(pipes[1]);
    if (read(pipes[0], ret, sizeof(ret)) != sizeof(ret)) {
        memset(ret, 0, sizeof(ret));
        tap_ok(false, "an ordinary user may ask");
    }
    close(pipes[0]);
    waitpid(pid, &status, 0);
    taken(ret[0], "low priority for an ordinary user");
    taken(ret[1], "medium priority for an ordinary user");
    refused(ret[2], -EACCES, "high priority for an ordinary user");
    if (dev.minor < SINCE_PRIORITIES) {
        tap_skip("the driver is too old", "real time for an ordinary user");
        return;
    }
    refused(ret[3], -EACCES, "real-time priority for an ordinary user");
    tap_ok(ret[4] == 3, "and the user is told so, and nothing else");
}

/* Heaps take the kernel's addresses of a VM, down to what no chunk fits in */
static unsigned fill_with_heaps(uint32_t vm, uint32_t *heaps, unsigned most)
{
    unsigned count = 0;

    for (uint32_t size = CHUNK_MAX; size >= CHUNK_MIN; size /= 2) {
        struct drm_panthor_tiler_heap_create arg = {
            .vm_id = vm,
            .initial_chunk_count = 1,
            .chunk_size = size,
            .max_chunks = 1,
            .target_in_flight = 1,
        };

        while (count < most &&
               !panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE,
                              &arg)) {
            heaps[count++] = arg.handle;
        }
    }
    return count;
}

/*
 * The kernel's part of a VM is as small as it may be, and used up: groups fail
 * after some of their queues, or halfway through one.
 */
static void test_no_room(void)
{
    struct drm_panthor_vm_create vm = {
        .user_va_range = (1ull << DRM_PANTHOR_MMU_VA_BITS(info.mmu_features)) -
                         KERNEL_VA_MIN,
    };
    static uint32_t heaps[MAX_HEAPS];
    unsigned count, refusals = 0, tries = 0;
    struct drm_panthor_group_create arg = good;
    struct drm_panthor_queue_create queue[MAX_STREAMS] = { };

    if (!kernel_at_least(7, 0)) {
        tap_skip("older kernels crash", "GROUP_CREATE: no addresses are left");
        return;
    }
    TAP_MUST(panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_VM_CREATE, &vm));
    count = fill_with_heaps(vm.id, heaps, MAX_HEAPS);
    arg.vm_id = vm.id;
    arg.queues = (struct drm_panthor_obj_array)
                 DRM_PANTHOR_OBJ_ARRAY(csif.cs_slot_count, queue);
    for (uint32_t ring = 0x1000; ring <= 0x10000; ring *= 2) {
        for (unsigned i = 0; i < csif.cs_slot_count; i++) {
            queue[i].ringbuf_size = ring;
        }
        refusals += create(&arg) < 0;
        tries++;
    }
    if (!tap_ok(refusals, "GROUP_CREATE: no addresses are left")) {
        tap_diag("%u tries, beside %u heaps", tries, count);
    }
    while (count) {
        TAP_MUST(panthor_heap_destroy(&dev, heaps[--count]));
    }
    taken(create(&arg), "GROUP_CREATE: there are addresses again");
    TAP_MUST(panthor_vm_destroy(&dev, vm.id));
}

int main(int argc, char **argv)
{
    PanthorContext ctx;

    tap_start(argc, argv, NULL, "Asks for groups and jobs that it may not "
              "have.");
    tap_directive("allow-dmesg CS_FATAL|CSG slot");
    TAP_MUST(panthor_open(&dev));
    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info,
                           sizeof(info)));
    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif,
                           sizeof(csif)));
    panthor_context_init(&ctx, &dev, 1);
    set_up_good(ctx.vm);
    test_create();
    test_queue();
    test_group_handles();
    test_submit(&ctx);
    test_dead_group(&ctx);
    test_user();
    test_no_room();
    panthor_context_fini(&ctx);
    refuse_end(&dev);
    return tap_end();
}
