/*
 * readers: fdinfo and debugfs, while what they tell of comes and goes
 *
 * What is read is walked over under some lock; the thread that reads, or makes
 * what is read, is stopped in the midst of it, by a probe (lib/probe.h) and by
 * a thread that takes its processor.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/probe.h"
#include "lib/second.h"
#include "lib/tap.h"

/* A slow function, and when the other thread comes */
#define SLOW_US 8000
#define MEET_US 2000
/* Longer than RCU and the driver's clean-up take */
#define HELD_MS 150
#define CHURN_MS 400
/* Jobs that are counted, and how long that may take to begin */
#define JOBS 3
#define COUNT_TIMEOUT_MS 1000

static PanthorDev dev;
static Second other;

static int create_group(uint32_t vm, uint32_t queues, uint32_t *group)
{
    return panthor_group_create_with(&dev, vm, queues,
                                     PANTHOR_GROUP_PRIORITY_MEDIUM, 0x1000,
                                     group);
}

static int destroy_group(uint32_t group)
{
    return panthor_group_destroy(&dev, group);
}

/* -- a thread that is off its processor at the wrong moment */

static struct {
    pthread_t thread;
    sem_t go, done;
    unsigned after_us;
    volatile bool stop;
} hog;

/* Takes processor 1 from everybody, after_us after it was asked to */
static void *hog_thread(void *unused __attribute__((unused)))
{
    for (;;) {
        uint64_t end;

        sem_wait(&hog.go);
        if (hog.stop) {
            return NULL;
        }
        usleep(hog.after_us);
        end = kernel_now_ns() + HELD_MS * 1000000ull;
        while (kernel_now_ns() < end) {
            /* nobody else runs here */
        }
        sem_post(&hog.done);
    }
}

static void read_file(const char *path)
{
    static __thread char text[0x4000];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && read(fd, text, sizeof(text)) > 0) {
        /* on to the next part */
    }
    if (fd >= 0) {
        close(fd);
    }
}

static int read_fdinfo(uint32_t unused __attribute__((unused)))
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dev.fd);
    read_file(path);
    return 0;
}

static int create_heap(uint32_t vm)
{
    uint64_t context_va, chunk_va;
    uint32_t heap;

    return panthor_heap_create(&dev, vm, 1, 1, &heap, &context_va, &chunk_va);
}

static void set_profiling(const char *text)
{
    char path[96];

    snprintf(path, sizeof(path), "/sys/class/drm/renderD%d/device/profiling",
             dev.node);
    kernel_write_file(path, text);
}

/*
 * fdinfo walks over the groups of a file, while one of them goes: the reader
 * stands still in the midst of it, long enough for the group to be freed.
 */
static void held_fdinfo(void)
{
    uint32_t vm, group;
    Probe slow;

    set_profiling("3");
    probe_slow_calls(&slow, "panthor_fdinfo_gather_group_samples", SLOW_US,
               other.tid);
    TAP_MUST(panthor_vm_create(&dev, &vm));
    for (unsigned i = 0; i < 2; i++) {
        TAP_MUST(create_group(vm, 1, &group));
        sem_post(&hog.go);
        second_start(&other, read_fdinfo, 0);
        usleep(2 * SLOW_US);
        destroy_group(group);
        sem_wait(&hog.done);
        second_end(&other);
    }
    tap_ok(true, "fdinfo is read while a group of the file goes");
    TAP_MUST(panthor_vm_destroy(&dev, vm));
    probe_close(&slow);
    set_profiling("0");
}

/*
 * fdinfo counts the heaps of a file while one is made: its maker
 * stands still with the VM's lock on heaps.
 */
static void held_heap(void)
{
    Probe slow;
    uint32_t vm;
    int ret;

    probe_slow(&slow, "drm_mm_insert_node_in_range", SLOW_US, other.tid);
    TAP_MUST(panthor_vm_create(&dev, &vm));
    sem_post(&hog.go);
    second_start(&other, create_heap, vm);
    usleep(2 * SLOW_US);
    read_fdinfo(0);
    sem_wait(&hog.done);
    ret = second_end(&other);
    tap_ok(!ret, "fdinfo is read while a heap is made");
    TAP_MUST(panthor_vm_destroy(&dev, vm));
    probe_close(&slow);
}

/* Whether the driver has begun to count what a job took, as @count tells */
static bool counts_job(const Probe *count)
{
    uint64_t deadline = kernel_now_ns() + COUNT_TIMEOUT_MS * 1000000ull;

    while (!probe_read(count)) {
        if (kernel_now_ns() > deadline) {
            return false;
        }
    }
    return true;
}

/*
 * fdinfo adds up what jobs took while one of them is counted: who counts
 * stands still with the lock of the group's figures.
 */
static void held_job(void)
{
    static const char name[] = "fdinfo is read while a job is counted";
    static const char function[] = "update_fdinfo_stats";
    Probe slow, count;
    PanthorContext ctx;
    unsigned met = 0;

    if (kernel_work_on(1 << 1)) {
        tap_skip("work is done by any processor", name);
        return;
    }
    set_profiling("3");
    hog.after_us = 0;
    for (unsigned i = 0; i < JOBS; i++) {
        if (probe_count(&count, function)) {
            probe_close(&count);
            break;
        }
        probe_slow_calls(&slow, function, SLOW_US, 0);
        panthor_context_init(&ctx, &dev, 1);
        panthor_submit_store(&ctx, 1);
        met += counts_job(&count);
        sem_post(&hog.go);
        read_fdinfo(0);
        sem_wait(&hog.done);
        probe_close(&slow);
        probe_close(&count);
        panthor_context_fini(&ctx);
    }
    hog.after_us = MEET_US;
    kernel_work_on(0);
    set_profiling("0");
    if (met) {
        tap_ok(true, name);
    } else {
        tap_skip("the driver does not count, or not in a function of its own",
                 name);
    }
}

static void test_held(void)
{
    struct sched_param param = { .sched_priority = 10 };

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        tap_skip("one processor", "fdinfo while a group goes");
        tap_skip("one processor", "fdinfo while a heap is made");
        tap_skip("one processor", "fdinfo while a job is counted");
        return;
    }
    hog.after_us = MEET_US;
    sem_init(&hog.go, 0, 0);
    sem_init(&hog.done, 0, 0);
    TAP_MUST(-pthread_create(&hog.thread, NULL, hog_thread, NULL));
    second_pin(hog.thread, 1);
    TAP_MUST(-pthread_setschedparam(hog.thread, SCHED_FIFO, &param));
    second_pin(other.thread, 1);
    second_pin(pthread_self(), 0);
    held_fdinfo();
    held_heap();
    held_job();
    hog.stop = true;
    sem_post(&hog.go);
    pthread_join(hog.thread, NULL);
}

/* -- everything at once */

static volatile bool churning;

static int read_all(uint32_t unused __attribute__((unused)))
{
    static const char *const files[] = { "gems", "gpuvas", "clients",
                                         "framebuffer", "name" };
    char path[64];
    int rounds = 0;

    while (churning) {
        read_fdinfo(0);
        for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
            snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%d/%s",
                     dev.node, files[i]);
            read_file(path);
        }
        rounds++;
    }
    return rounds;
}

static void churn_once(unsigned i)
{
    struct drm_panthor_bo_set_label label = { };
    char text[32];
    uint32_t vm, group = 0;
    PanthorBo bo;

    TAP_MUST(panthor_vm_create(&dev, &vm));
    TAP_MUST(panthor_bo_create(&dev, &bo, kernel_page_size() * (1 + i % 4),
                               i & 1 ? vm : 0));
    create_heap(vm);
    create_group(vm, 1 + i % 3, &group);
    for (unsigned n = 0; n < 4; n++) {
        snprintf(text, sizeof(text), "label %u of buffer %u", n, i);
        label.handle = bo.handle;
        label.label = (uintptr_t)text;
        panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_BO_SET_LABEL, &label);
    }
    panthor_vm_map(&dev, vm, &bo, 0, 0x100000, bo.size,
                   DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
    panthor_bo_destroy(&dev, &bo);
    if (i & 2) {
        destroy_group(group);
        panthor_vm_destroy(&dev, vm);
    } else {
        panthor_vm_destroy(&dev, vm);
        destroy_group(group);
    }
}

static void test_churn(void)
{
    uint64_t end = kernel_now_ns() + CHURN_MS * 1000000ull;
    unsigned i = 0;
    int rounds;

    set_profiling("3");
    churning = true;
    second_start(&other, read_all, 0);
    while (kernel_now_ns() < end) {
        churn_once(i++);
    }
    churning = false;
    rounds = second_end(&other);
    set_profiling("0");
    tap_ok(i && rounds, "fdinfo and debugfs are read while everything comes "
           "and goes");
    tap_diag("%u rounds, read %d times", i, rounds);
}

int main(int argc, char **argv)
{
    const char *no_probes;

    tap_start(argc, argv, NULL, "Reads what the driver tells while that comes "
              "and goes.");
    TAP_MUST(panthor_open(&dev));
    second_open(&other);
    test_churn();
    no_probes = probe_missing();
    if (no_probes) {
        tap_skip(no_probes, "fdinfo at the wrong moment");
    } else {
        test_held();
    }
    second_close(&other);
    panthor_close(&dev);
    return tap_end();
}
