/*
 * race: handles that another thread takes away, or guesses too soon
 *
 * Two threads of a process call the driver for the same thing at a moment
 * that a probe makes long (lib/probe.h).  A driver that holds a lock there, or
 * a reference, does not mind; one that does not uses what is freed, which the
 * kernel notices: at once with "slub_debug=FZPU" on its command line, as "make
 * check-patch" has it, and often without.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/sync_file.h>

#include "lib/handles.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/probe.h"
#include "lib/second.h"
#include "lib/tap.h"

#define ROUNDS 3
/* A slow function, and when the other thread comes */
#define SLOW_US 8000
#define MEET_US 2000
/* How many times slower it is in each round, for a host that is late */
#define SLOWER 3
/* A group's end, on a host that is busy */
#define END_US 60000
#define JOB_TIMEOUT_MS 5000
#define QUEUE "panthor-queue"

static PanthorDev dev;
static const char *no_probes;
/* Whether the kernel keeps names for fences after their groups: kernel.h */
static bool names_are_kept;

static Second other;

/* What finds the object of a handle */
static const char *const lookups[] = { "group_from_handle",
                                       "panthor_vm_pool_get_vm" };
#define LOOKUPS (sizeof(lookups) / sizeof(lookups[0]))

/* Wait for the other thread to be where it is slow */
static void meet(void)
{
    usleep(MEET_US);
}

/* The other thread has a handle looked up; meanwhile it is taken away. */
static void test_lookup(const char *name, bool of_group,
                        int (*use)(uint32_t), int (*end)(uint32_t))
{
    Probe slow[LOOKUPS];
    unsigned good = 0;
    uint32_t vm;

    for (unsigned i = 0; i < LOOKUPS; i++) {
        probe_slow_calls(&slow[i], lookups[i], SLOW_US, other.tid);
    }
    TAP_MUST(panthor_vm_create(&dev, &vm));
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t handle;
        int used, ended;

        if (of_group) {
            TAP_MUST(handle_create_group(vm, 1, &handle));
        } else {
            TAP_MUST(panthor_vm_create(&dev, &handle));
        }
        second_start(&other, use, handle);
        meet();
        ended = end(handle);
        used = second_end(&other);
        good += !ended && (used >= 0 || used == -EINVAL);
    }
    tap_ok(good == ROUNDS, "%s (%u of %u)", name, good, ROUNDS);
    TAP_MUST(panthor_vm_destroy(&dev, vm));
    for (unsigned i = 0; i < LOOKUPS; i++) {
        probe_close(&slow[i]);
    }
}

/*
 * The other thread destroys a group; between the driver's look at it and its
 * end, this one has destroyed it and created the next, of the same handle.
 * True if that one is alive.
 */
static bool destroy_and_create(uint32_t vm, uint32_t queues, unsigned slower)
{
    Probe slow_destroy, slow_create;
    uint32_t first, second;
    int ret;

    TAP_MUST(handle_create_group(vm, 1, &first));
    probe_slow_calls(&slow_destroy, "panthor_group_destroy", slower * SLOW_US,
                     other.tid);
    /* Called for each queue, after the handle is given */
    probe_slow(&slow_create, "drm_sched_entity_init", slower * SLOW_US / 2,
               syscall(SYS_gettid));
    second_start(&other, handle_destroy_group, first);
    usleep(slower * MEET_US);
    handle_destroy_group(first);
    ret = handle_create_group(vm, queues, &second);
    second_end(&other);
    probe_close(&slow_destroy);
    probe_close(&slow_create);
    if (!ret) {
        ret = handle_get_group(second);
    }
    if (ret) {
        tap_diag("%u times slower: %s", slower, strerror(-ret));
        return false;
    }
    handle_destroy_group(second);
    return true;
}

static void test_destroy_and_create(void)
{
    struct drm_panthor_csif_info csif;
    unsigned alive = 0;
    uint32_t vm;

    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif,
                           sizeof(csif)));
    TAP_MUST(panthor_vm_create(&dev, &vm));
    for (unsigned i = 0, slower = 1; i < ROUNDS; i++, slower *= SLOWER) {
        alive += destroy_and_create(vm, csif.cs_slot_count, slower);
    }
    tap_ok(alive == ROUNDS, "to destroy a group does not destroy the next one "
           "of its handle (%u of %u)", alive, ROUNDS);
    TAP_MUST(panthor_vm_destroy(&dev, vm));
}

static volatile bool guessing;
static unsigned guessed_right;

/* Use and end what has that handle, before its creator knows it */
static int guess_group(uint32_t group)
{
    while (guessing) {
        guessed_right += !handle_get_group(group);
        guessed_right += !handle_submit_nothing(group);
        guessed_right += !handle_destroy_group(group);
        usleep(100);
    }
    return 0;
}

static int guess_vm(uint32_t vm)
{
    while (guessing) {
        handle_get_vm(vm);
        handle_destroy_vm(vm);
        usleep(100);
    }
    return 0;
}

static int guess_buffer(uint32_t handle)
{
    struct drm_gem_close arg = { .handle = handle };

    while (guessing) {
        panthor_ioctl(&dev, DRM_IOCTL_GEM_CLOSE, &arg);
        usleep(100);
    }
    return 0;
}

/* Of a group, nothing is to be had before it is complete. */
static void test_guess_group(void)
{
    struct drm_panthor_csif_info csif;
    unsigned created = 0;
    uint32_t vm, group;
    Probe slow;

    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif,
                           sizeof(csif)));
    TAP_MUST(panthor_vm_create(&dev, &vm));
    TAP_MUST(handle_create_group(vm, 1, &group));
    TAP_MUST(handle_destroy_group(group));
    /* Called for each queue, after the handle is given */
    probe_slow(&slow, "drm_sched_entity_init", SLOW_US / 4,
              syscall(SYS_gettid));
    guessed_right = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t handle;
        int ret;

        guessing = true;
        second_start(&other, guess_group, group);
        ret = handle_create_group(vm, csif.cs_slot_count, &handle);
        guessing = false;
        second_end(&other);
        created += !ret && handle == group;
        if (!ret) {
            handle_destroy_group(handle);
        }
    }
    /* The last look of a round may come when it is complete */
    if (!tap_ok(created == ROUNDS && guessed_right <= 3 * ROUNDS,
                "a handle that is guessed is of no use while its group is "
                "created (%u of %u)", created, ROUNDS)) {
        tap_diag("guessed %u times", guessed_right);
    }
    TAP_MUST(panthor_vm_destroy(&dev, vm));
    probe_close(&slow);
}

/* What the driver still does to it must not go wrong. */
static void test_guess(const char *name, const char *slow_function,
                       int (*guess)(uint32_t), bool of_vm)
{
    unsigned count = 0;
    Probe slow;

    probe_slow_calls(&slow, slow_function, SLOW_US, syscall(SYS_gettid));
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct drm_panthor_bo_create bo = { .size = kernel_page_size() };
        struct drm_gem_close end = { 0 };
        uint32_t vm = 0;

        if (of_vm) {
            TAP_MUST(panthor_vm_create(&dev, &vm));
            TAP_MUST(panthor_vm_destroy(&dev, vm));
        } else {
            TAP_MUST(panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_CREATE, &bo));
            end.handle = bo.handle;
            TAP_MUST(panthor_ioctl(&dev, DRM_IOCTL_GEM_CLOSE, &end));
        }
        guessing = true;
        second_start(&other, guess, of_vm ? vm : end.handle);
        if (of_vm) {
            count += !panthor_vm_create(&dev, &vm);
        } else {
            count += !panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_CREATE, &bo);
        }
        guessing = false;
        second_end(&other);
        if (of_vm) {
            panthor_vm_destroy(&dev, vm);
        } else {
            end.handle = bo.handle;
            panthor_ioctl(&dev, DRM_IOCTL_GEM_CLOSE, &end);
        }
    }
    tap_ok(count == ROUNDS, "%s (%u of %u)", name, count, ROUNDS);
    probe_close(&slow);
}

/* A fence, asked for its names by the other thread */
static int ask_fence(uint32_t fd)
{
    struct sync_fence_info fence = { };
    struct sync_file_info info = {
        .num_fences = 1,
        .sync_fence_info = (uintptr_t)&fence,
    };

    if (ioctl(fd, SYNC_IOC_FILE_INFO, &info)) {
        return -errno;
    }
    if (fence.status == 0 && strncmp(fence.obj_name, QUEUE, strlen(QUEUE))) {
        tap_diag("the fence is named \"%.31s\"", fence.obj_name);
        return -EILSEQ;
    }
    return 0;
}

static void test_fence_name(void)
{
    static const char name[] = "a fence has its name while its group ends";
    unsigned good = 0;
    Probe slow;

    if (!names_are_kept) {
        tap_skip("older kernels crash, see lifetime--fence", name);
        return;
    }
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        tap_skip("one processor", name);
        return;
    }
    if (probe_slow(&slow, "drm_sched_fence_get_timeline_name", END_US,
                  other.tid)) {
        tap_skip("no probe on the name of a fence", name);
        probe_close(&slow);
        return;
    }
    /* Away from the processor that takes the GPU's interrupts */
    second_pin(other.thread, 1);
    second_pin(pthread_self(), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        PanthorContext ctx;
        int fd, ret;

        panthor_context_init(&ctx, &dev, 1);
        panthor_submit_spin(&ctx);
        TAP_MUST(panthor_syncobj_export_fence(&dev, ctx.syncobj, &fd));
        second_start(&other, ask_fence, fd);
        meet();
        panthor_context_new_group(&ctx, 1);
        ret = second_end(&other);
        if (ret) {
            tap_diag("round %u: %s", i, strerror(-ret));
        }
        good += !ret;
        close(fd);
        panthor_context_fini(&ctx);
    }
    tap_ok(good == ROUNDS, "%s (%u of %u)", name, good, ROUNDS);
    probe_close(&slow);
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "Has two threads call the driver at the wrong "
              "moment.");
    TAP_MUST(panthor_open(&dev));
    handle_device(&dev);
    second_open(&other);
    names_are_kept = kernel_names_outlive_groups();
    no_probes = probe_missing();
    if (no_probes) {
        tap_skip(no_probes, "two threads at the wrong moment");
    } else {
        test_lookup("a group is asked for its state while it is destroyed",
                    true, handle_get_group, handle_destroy_group);
        test_lookup("a job is submitted while its group is destroyed", true,
                    handle_submit_nothing, handle_destroy_group);
        test_lookup("a VM is asked for its state while it is destroyed",
                    false, handle_get_vm, handle_destroy_vm);
        test_lookup("a VM is bound while it is destroyed", false,
                    handle_bind_nothing, handle_destroy_vm);
        test_destroy_and_create();
        test_guess_group();
        test_guess("a VM is destroyed while it is created",
                   "panthor_vm_pool_create_vm", guess_vm, true);
        test_guess("a buffer is closed while it is created",
                   "panthor_gem_create_with_handle", guess_buffer, false);
        test_fence_name();
    }
    second_close(&other);
    panthor_close(&dev);
    return tap_end();
}
