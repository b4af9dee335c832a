/*
 * collide: two threads use and take away the same handles, over and over
 *
 * What the program race does with probes that make a moment long, here with
 * nothing but repetition: which interleavings are met is luck, or in "make
 * explore" the seed's choice.  A driver that holds a lock where it must, or a
 * reference, does not mind any of them; what another one does the kernel
 * notices, at once with "slub_debug=FZPU" on its command line.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sync_file.h>

#include "lib/handles.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/second.h"
#include "lib/tap.h"

#define ROUNDS 200
#define ROUNDS_EXPLORED 30
/* On one processor the other thread cannot come while this one spins */
#define SPINS 1000
#define FENCE_ROUNDS(_rounds) ((_rounds) / 10)

static PanthorDev dev;
static Second other;
static unsigned rounds = ROUNDS;
static uint32_t groups_vm;

/* Both threads are there; the call that the other one makes then */
static bool is_there, goes;
static int (*their_call)(uint32_t handle);

static void wait_for(const bool *flag)
{
    for (unsigned i = 1; !__atomic_load_n(flag, __ATOMIC_ACQUIRE); i++) {
        /* In "make explore" a vCPU that spins gives way by this alone. */
        __asm__ volatile("yield" : : : "memory");
        if (i % SPINS == 0) {
            sched_yield();
        }
    }
}

static int call_at_once(uint32_t handle)
{
    __atomic_store_n(&is_there, true, __ATOMIC_RELEASE);
    wait_for(&goes);
    return their_call(handle);
}

/* Waking a thread takes longer than most calls. */
static void start_at_once(int (*theirs)(uint32_t), uint32_t handle)
{
    is_there = goes = false;
    their_call = theirs;
    second_start(&other, call_at_once, handle);
    wait_for(&is_there);
    __atomic_store_n(&goes, true, __ATOMIC_RELEASE);
}

/* What comes next has the same handle, unless the other thread was later. */
static int destroy_and_create(uint32_t group)
{
    uint32_t next;
    int ret;

    handle_destroy_group(group);
    ret = handle_create_group(groups_vm, 1, &next);
    if (!ret) {
        handle_destroy_group(next);
    }
    return ret;
}

/* Both threads call; of two that take it away, one can. */
static void test_handle(const char *name, bool of_group,
                        int (*theirs)(uint32_t), int (*ours)(uint32_t))
{
    unsigned good = 0;

    TAP_MUST(panthor_vm_create(&dev, &groups_vm));
    for (unsigned i = 0; i < rounds; i++) {
        int their_ret, our_ret;
        uint32_t handle;

        if (of_group) {
            TAP_MUST(handle_create_group(groups_vm, 1, &handle));
        } else {
            TAP_MUST(panthor_vm_create(&dev, &handle));
        }
        start_at_once(theirs, handle);
        our_ret = ours(handle);
        their_ret = second_end(&other);
        if (theirs == ours) {
            good += (our_ret == 0) + (their_ret == 0) == 1;
        } else {
            good += !our_ret && (their_ret >= 0 || their_ret == -EINVAL);
        }
    }
    tap_ok(good == rounds, "%s (%u of %u)", name, good, rounds);
    TAP_MUST(panthor_vm_destroy(&dev, groups_vm));
}

/* A fence is asked for its names by the other thread. */
static int ask_fence(uint32_t fd)
{
    struct sync_fence_info fence = { };
    struct sync_file_info info = {
        .num_fences = 1,
        .sync_fence_info = (uintptr_t)&fence,
    };

    return ioctl(fd, SYNC_IOC_FILE_INFO, &info) ? -errno : 0;
}

static void test_fence(void)
{
    static const char name[] = "a fence is asked for its name while its "
                               "group ends";
    unsigned good = 0;

    if (!kernel_names_outlive_groups()) {
        tap_skip("older kernels crash, see lifetime--fence", name);
        return;
    }
    for (unsigned i = 0; i < FENCE_ROUNDS(rounds); i++) {
        PanthorContext ctx;
        int fd;

        panthor_context_init(&ctx, &dev, 1);
        panthor_submit_spin(&ctx);
        TAP_MUST(panthor_syncobj_export_fence(&dev, ctx.syncobj, &fd));
        start_at_once(ask_fence, fd);
        panthor_context_new_group(&ctx, 1);
        good += !second_end(&other);
        close(fd);
        panthor_context_fini(&ctx);
    }
    tap_ok(good == FENCE_ROUNDS(rounds), "%s (%u of %u)", name, good,
           FENCE_ROUNDS(rounds));
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "Has two threads call the driver for the same "
              "handles, over and over.");
    if (kernel_explores()) {
        rounds = ROUNDS_EXPLORED;
    }
    TAP_MUST(panthor_open(&dev));
    handle_device(&dev);
    second_open(&other);
    test_handle("a group is destroyed twice", true, handle_destroy_group,
                handle_destroy_group);
    test_handle("a group is destroyed while the next one gets its handle",
                true, handle_destroy_group, destroy_and_create);
    test_handle("a group is asked for its state while it is destroyed", true,
                handle_get_group, handle_destroy_group);
    test_handle("a job is submitted while its group is destroyed", true,
                handle_submit_nothing, handle_destroy_group);
    test_handle("a VM is destroyed twice", false, handle_destroy_vm,
                handle_destroy_vm);
    test_handle("a VM is asked for its state while it is destroyed", false,
                handle_get_vm, handle_destroy_vm);
    test_handle("a VM is bound while it is destroyed", false,
                handle_bind_nothing, handle_destroy_vm);
    test_fence();
    second_close(&other);
    panthor_close(&dev);
    return tap_end();
}
