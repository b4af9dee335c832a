/*
 * evict: what the GPU still has of a VM when it is taken away
 *
 * A group and its VM are destroyed at once; a VM loses its address space to
 * another one in the midst of a VM_BIND; a VM_BIND and a suspend flush the
 * caches at the same time; the GPU goes to sleep.  Nobody else may notice, and
 * nothing may be left that goes on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/probe.h"
#include "lib/tap.h"

#define ROUNDS 5
#define FLUSHES 20
#define MAX_SPACES 32
#define JOB_TIMEOUT_MS 4000
#define SUSPEND_TIMEOUT_MS 5000
/* So long the firmware takes for a request; the driver waits 100 ms */
#define FW_NS 4000000u
#define FLUSH_NS 5000000u
/* So long a VM_BIND holds its lock, and when another VM comes */
#define HOLD_US 40000
#define COME_US 10000
#define CHUNKS 16
#define BOUND_VA 0x40000000ull
/* MCU_STATUS_DISABLED */
#define MCU_DISABLED 0

static PanthorDev dev;

static int gettid_of_this(void)
{
    return syscall(SYS_gettid);
}

static bool set_property(const char *property, unsigned value,
                         const char *test)
{
    if (!host_request(NULL, 0, "qom-set %s %u", property, value)) {
        return true;
    }
    tap_skip(host_error(), "%s", test);
    return false;
}

/*
 * The driver stops a group before its memory goes, as it may still write to
 * it: there is no fault (panthor_sched_prepare_for_vm_destruction(), v7.3).
 */
static void test_group_and_vm(void)
{
    static const char name[] = "a group and its VM are destroyed at once: "
                               "the GPU does not fault";
    int log = TAP_MUST(kernel_log_open());
    unsigned count = 0;
    char record[512];

    if (!kernel_at_least(7, 0)) {
        tap_skip("before 7.0 the driver did not wait for the group", name);
        close(log);
        return;
    }
    if (!set_property("x-fw-latency-ns", FW_NS, name)) {
        close(log);
        return;
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        PanthorContext ctx;
        uint64_t context_va, chunk_va;
        uint32_t heap;

        panthor_context_init(&ctx, &dev, 1);
        panthor_heap_create(&dev, ctx.vm, 1, 1, &heap, &context_va,
                            &chunk_va);
        panthor_submit_spin(&ctx);
        kernel_sleep_ms(20);
        TAP_MUST(panthor_group_destroy(&dev, ctx.group));
        TAP_MUST(panthor_vm_destroy(&dev, ctx.vm));
        count += !panthor_syncobj_wait(&dev, ctx.syncobj, 0, false,
                                       JOB_TIMEOUT_MS);
        panthor_bo_destroy(&dev, &ctx.code_bo);
        panthor_bo_destroy(&dev, &ctx.data_bo);
        panthor_bo_destroy(&dev, &ctx.poll_bo);
        panthor_syncobj_destroy(&dev, ctx.syncobj);
    }
    host_request(NULL, 0, "qom-set x-fw-latency-ns 0");
    tap_ok(kernel_log_find(log, "Unhandled Page fault", record,
                           sizeof(record), 0) == -ENOENT, name);
    tap_ok(count == ROUNDS, "and their jobs end (%u of %u)", count, ROUNDS);
    close(log);
}

typedef struct Binder {
    pthread_t thread;
    PanthorContext *ctx;
    uint64_t va;
    unsigned count;
    /* Its VM_BIND is next, and the probe is there */
    volatile bool ready;
    int ret;
} Binder;

/* Maps and unmaps, so that each time the caches have to be flushed */
static void *bind_and_unbind(void *opaque)
{
    Binder *b = opaque;

    for (unsigned i = 0; i < b->count && !b->ret; i++) {
        b->ret = panthor_vm_map(&dev, b->ctx->vm, &b->ctx->data_bo, 0, b->va,
                                b->ctx->data_bo.size,
                                DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
        if (!b->ret) {
            b->ret = panthor_vm_unmap(&dev, b->ctx->vm, b->va,
                                      b->ctx->data_bo.size);
        }
    }
    return NULL;
}

/*
 * The driver flushes for the groups that it suspends, and for a VM_BIND: one
 * after the other.  If it does not, it takes the groups for lost, or resets.
 */
static void test_two_flushes(void)
{
    static const char name[] = "a VM_BIND and a GPU that goes to sleep flush "
                               "the caches at once: the group lives on";
    unsigned good = 0, asleep = 0;

    if (!set_property("x-flush-latency-ns", FLUSH_NS, name)) {
        return;
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        PanthorContext ctx;
        Binder binder = { .ctx = &ctx, .va = BOUND_VA, .count = FLUSHES };

        panthor_context_init(&ctx, &dev, 1);
        TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
        TAP_MUST(-pthread_create(&binder.thread, NULL, bind_and_unbind,
                                 &binder));
        asleep += !panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS);
        pthread_join(binder.thread, NULL);
        good += !binder.ret && !panthor_store_job(&ctx, 2, JOB_TIMEOUT_MS);
        panthor_context_fini(&ctx);
    }
    host_request(NULL, 0, "qom-set x-flush-latency-ns 0");
    tap_ok(good == ROUNDS, "%s (%u of %u)", name, good, ROUNDS);
    tap_ok(asleep == ROUNDS, "and the GPU goes to sleep (%u of %u)", asleep,
           ROUNDS);
}

static void *unbind_data(void *opaque)
{
    Binder *b = opaque;
    Probe slow;

    b->ret = probe_delay(&slow, "panthor_vm_unmap_pages", PROBE_ENTRY,
                         HOLD_US, gettid_of_this()) ? -ENOENT : 0;
    b->ready = true;
    if (!b->ret) {
        b->ret = panthor_vm_unmap(&dev, b->ctx->vm, PANTHOR_DATA_VA,
                                  PANTHOR_DATA_SIZE);
    }
    probe_close(&slow);
    return NULL;
}

/*
 * As many VMs as there are address spaces, one of them idle: its space is given
 * to one more VM, while a VM_BIND has locked a region in it.  The next owner
 * uses the very region.
 */
static void test_recycled(void)
{
    static const char name[] = "a VM that takes the address space of a "
                               "VM_BIND is not locked out";
    static PanthorContext ctx[MAX_SPACES];
    struct drm_panthor_gpu_info info;
    unsigned spaces, i, good = 0;
    const char *missing = probe_missing();
    Binder binder = { .ctx = &ctx[0] };

    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info,
                           sizeof(info)));
    spaces = __builtin_popcount(info.as_present) - 1;
    if (missing || (unsigned)TAP_MUST(panthor_group_slots(&dev)) < spaces ||
        !kernel_locks_first()) {
        tap_skip(missing ? missing : "not on this kernel or model", name);
        return;
    }
    TAP_MUST(panthor_forbid_suspend(&dev, true));
    for (i = 0; i <= spaces; i++) {
        panthor_context_init(&ctx[i], &dev, 1);
    }
    TAP_MUST(panthor_store_job(&ctx[0], 1, JOB_TIMEOUT_MS));
    for (i = 1; i < spaces; i++) {
        panthor_submit_spin(&ctx[i]);
    }
    kernel_sleep_ms(50);
    TAP_MUST(-pthread_create(&binder.thread, NULL, unbind_data, &binder));
    while (!binder.ready) {
        kernel_sleep_ms(1);
    }
    for (i = 0; i < 3; i++) {
        usleep(COME_US);
        good += !panthor_store_job(&ctx[spaces], i + 1, JOB_TIMEOUT_MS);
    }
    pthread_join(binder.thread, NULL);
    if (binder.ret == -ENOENT) {
        tap_skip("the driver has no such function", name);
    } else {
        tap_ok(good == 3 && !binder.ret, "%s (%u of 3)", name, good);
    }
    for (i = 1, good = 0; i < spaces; i++) {
        good += !panthor_end_spin(&ctx[i], JOB_TIMEOUT_MS);
    }
    tap_ok(good == spaces - 1, "and the others go on (%u of %u)", good,
           spaces - 1);
    for (i = 0; i <= spaces; i++) {
        panthor_context_fini(&ctx[i]);
    }
    TAP_MUST(panthor_forbid_suspend(&dev, false));
}

/* Buffers that the driver locks for each job: the shared ones, and no others */
static uint64_t locks_of_job(PanthorContext *ctx, const Probe *locks)
{
    uint64_t before = probe_read(locks);

    TAP_MUST(panthor_store_job(ctx, 1, JOB_TIMEOUT_MS));
    return probe_read(locks) - before;
}

static void test_locks(void)
{
    static const char name[] = "a job locks no more buffers when the driver "
                               "has more of its own";
    uint64_t context_va, chunk_va, before, after;
    uint32_t heap, group;
    PanthorContext ctx;
    Probe locks;

    if (probe_count(&locks, "drm_exec_lock_obj")) {
        tap_skip("the kernel does not count calls", name);
        probe_close(&locks);
        return;
    }
    panthor_context_init(&ctx, &dev, 1);
    locks_of_job(&ctx, &locks);
    before = locks_of_job(&ctx, &locks);
    TAP_MUST(panthor_heap_create(&dev, ctx.vm, CHUNKS, CHUNKS, &heap,
                                 &context_va, &chunk_va));
    TAP_MUST(panthor_group_create(&dev, ctx.vm, 4, &group));
    after = locks_of_job(&ctx, &locks);
    if (!tap_ok(before && after == before, name)) {
        tap_diag("%u without a heap, %u with one", (unsigned)before,
                 (unsigned)after);
    }
    TAP_MUST(panthor_group_destroy(&dev, group));
    panthor_context_fini(&ctx);
    probe_close(&locks);
}

static bool has_no_fault(int log)
{
    static const char *const texts[] = { "Unhandled Page fault", "CS_FATAL",
                                         "CS_FAULT" };
    char record[512];

    while (!kernel_log_find(log, "panthor", record, sizeof(record), 0)) {
        for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
            if (strstr(record, texts[i])) {
                return false;
            }
        }
    }
    return true;
}

/* A GPU that sleeps has no microcontroller that is on. */
static void test_asleep(void)
{
    static const char name[] = "the microcontroller is off while the GPU "
                               "sleeps";
    unsigned asleep = 0, off = 0;
    PanthorContext ctx;
    uint64_t status;

    if (host_get_u64("mcu-status", &status)) {
        tap_skip(host_error(), name);
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        panthor_context_init(&ctx, &dev, 1);
        TAP_MUST(panthor_store_job(&ctx, i, JOB_TIMEOUT_MS));
        if (!panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS)) {
            asleep++;
            off += !host_get_u64("mcu-status", &status) &&
                   status == MCU_DISABLED;
        }
        panthor_context_fini(&ctx);
    }
    tap_ok(asleep == 3, "the GPU goes to sleep (%u of 3)", asleep);
    if (!tap_ok(off == asleep, name)) {
        tap_diag("MCU_STATUS is %u", (unsigned)status);
    }
}

/*
 * The GPU falls asleep, and neither that a group is suspended nor that it is
 * ended gets acknowledged.  The firmware is only halted: what the driver leaves
 * in the input of the slot's streams is there for the next group, which has
 * fewer.
 */
static void test_not_acknowledged(void)
{
    static const char name[] = "a group that cannot be suspended leaves "
                               "nothing to the next one";
    static const char *const lost[] = { "csg-suspend-ack",
                                        "csg-terminate-ack" };
    uint32_t queues = 0;
    struct drm_panthor_group_get_state state = { 0 };
    struct drm_panthor_csif_info csif;
    PanthorContext ctx, next;
    int log, ret = 0;

    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif,
                           sizeof(csif)));
    queues = csif.cs_slot_count;
    tap_directive("allow-dmesg CSG suspend failed|CSG .* update request timed");
    log = TAP_MUST(kernel_log_open());
    panthor_context_init(&ctx, &dev, queues);
    state.group_handle = ctx.group;
    /* Before the job: soon after it the GPU sleeps. */
    for (unsigned i = 0; i < 2; i++) {
        if (host_request(NULL, 0, "inject %s count=0", lost[i])) {
            tap_skip(host_error(), name);
            goto out;
        }
    }
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    ret = panthor_wait_suspended(&dev, SUSPEND_TIMEOUT_MS);
    host_request(NULL, 0, "inject-clear");
    TAP_MUST(panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_GROUP_GET_STATE, &state));
    if (!tap_ok(ret || state.state & DRM_PANTHOR_GROUP_STATE_TIMEDOUT,
                "and its process is told that it has timed out")) {
        tap_diag("state 0x%x", state.state);
    }
    TAP_MUST(panthor_group_destroy(&dev, ctx.group));
    /* Work of a queue frees its buffers. */
    kernel_sleep_ms(100);
    panthor_context_init(&next, &dev, 1);
    ret = ret ? ret : panthor_store_job(&next, 1, JOB_TIMEOUT_MS);
    if (!tap_ok(!ret && has_no_fault(log), name)) {
        tap_diag("%s", ret ? strerror(-ret) : "the GPU faults");
    }
    panthor_context_fini(&next);
    TAP_MUST(panthor_group_create(&dev, ctx.vm, 1, &ctx.group));
out:
    close(log);
    panthor_context_fini(&ctx);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "Takes VMs away from the GPU.");
    TAP_MUST(panthor_open(&dev));
    test_group_and_vm();
    test_two_flushes();
    test_recycled();
    test_locks();
    test_asleep();
    test_not_acknowledged();
    panthor_close(&dev);
    return tap_end();
}
