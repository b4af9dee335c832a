/*
 * disturb: computing while something else goes on
 *
 * Two processes compute while a third maps and unmaps memory of the GPU; the
 * machine sleeps, the firmware dies, and a kernel that never ends is ended by
 * the driver.  Whose work that was has to be told, by Vulkan and by the error
 * of the fence; no process may be told that all is well and find something
 * else than the CPU computes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/run.h"
#include "host.h"
#include "kernel.h"
#include "random.h"
#include "tap.h"

#define GPU_NAME        "Mali-"
#define RTC             "/sys/class/rtc/rtc0/wakealarm"
#define POWER           "/sys/power/state"
#define STORM_SECONDS   20
#define START_SECONDS   120
#define SETTLE_SECONDS  60
#define MOST_MIB        8
#define HELD            16
/* Until a kernel that never ends has begun; the driver ends it after 5 s. */
#define BEGIN_SECONDS   3

/* Seen by all processes: counters that only grow, and a flag */
typedef struct Shared {
    unsigned runs[2], wrong, lost, maps, failed;
    bool stop;
    /* Of the kernel that never ends: being submitted, and what became of it */
    bool begun, ended;
    int result, fence_status;
} Shared;

/* volatile: others write to it */
static volatile Shared *shared;

static const Kernel *find_kernel(const char *name)
{
    for (unsigned i = 0; i < num_kernels; i++) {
        if (!strcmp(kernels[i].name, name)) {
            return &kernels[i];
        }
    }
    tap_bail_out("no kernel %s", name);
}

/* One run: counted as right, wrong, or lost.  False: the device is gone. */
static bool compute_once(const Gpu *gpu, const Kernel *kernel, unsigned process,
                         uint32_t number)
{
    CheckData found, expected = check_on_cpu(kernel, number, gpu->subgroup);
    VkResult result = check_run(gpu, kernel, number, &found, NULL);

    if (result) {
        __atomic_fetch_add(&shared->lost, 1, __ATOMIC_RELAXED);
    } else if (check_compare(kernel, &expected, &found, false).wrong) {
        __atomic_fetch_add(&shared->wrong, 1, __ATOMIC_RELAXED);
    } else {
        __atomic_fetch_add(&shared->runs[process], 1, __ATOMIC_RELAXED);
    }
    check_free(&found);
    check_free(&expected);
    return !result;
}

/* Until it is told to stop; a device that is lost is opened again. */
static void compute(unsigned process, const char *name)
{
    const Kernel *kernel = find_kernel(name);

    for (uint32_t number = process + 1; !shared->stop; ) {
        Gpu gpu;

        if (!gpu_open(&gpu, GPU_NAME)) {
            shared->failed++;
            _exit(1);
        }
        while (!shared->stop && compute_once(&gpu, kernel, process, number)) {
            number += 2;
        }
        gpu_close(&gpu);
    }
    _exit(0);
}

/* A kernel that never ends; then, as any process, ones that do */
static void compute_endlessly(unsigned process, const char *name)
{
    uint32_t words[128] = { };
    int status = 0;
    GpuJob job = {
        .shaders = { "endless" },
        .words = { 128 },
        .data = { words },
        .groups = { 64, 1, 1 },
        .fence_status = &status,
    };
    Gpu gpu;

    if (!gpu_open(&gpu, GPU_NAME)) {
        shared->failed++;
        _exit(1);
    }
    /* The driver's time begins to run. */
    while (!shared->runs[1] && !shared->stop) {
        usleep(10000);
    }
    shared->begun = true;
    shared->result = gpu_run(&gpu, &job, NULL);
    shared->fence_status = status;
    shared->ended = true;
    gpu_close(&gpu);
    compute(process, name);
}

static VkResult allocate(const Gpu *gpu, unsigned pages, VkDeviceMemory *memory)
{
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = 4096ull * pages,
        .memoryTypeIndex = gpu->memory_type,
    };

    return vkAllocateMemory(gpu->device, &info, NULL, memory);
}

static void map_and_unmap(void)
{
    VkDeviceMemory held[HELD] = { };
    Random random;
    Gpu gpu;

    random_init(&random, 1);
    if (!gpu_open(&gpu, GPU_NAME)) {
        shared->failed++;
        _exit(1);
    }
    while (!shared->stop) {
        unsigned i = random_below(&random, HELD);

        vkFreeMemory(gpu.device, held[i], NULL);
        held[i] = NULL;
        if (allocate(&gpu, 1 + random_below(&random, MOST_MIB * 256),
                     &held[i])) {
            shared->failed++;
            break;
        }
        shared->maps++;
    }
    for (unsigned i = 0; i < HELD; i++) {
        vkFreeMemory(gpu.device, held[i], NULL);
    }
    gpu_close(&gpu);
    _exit(0);
}

/* Up to three processes, which are ended together */
typedef struct Processes {
    pid_t pids[3];
    unsigned count;
} Processes;

static Processes start(unsigned computing, bool mapping, bool endless)
{
    static const char *const names[] = { "sgemm", "atomics" };
    Processes p = { .count = computing + mapping };

    *shared = (Shared){ };
    for (unsigned i = 0; i < p.count; i++) {
        p.pids[i] = fork();
        if (p.pids[i] == 0) {
            if (i == 0 && endless) {
                compute_endlessly(i, names[i]);
            }
            if (i < computing) {
                compute(i, names[i]);
            }
            map_and_unmap();
        }
    }
    return p;
}

/* Whether every one has ended by itself */
static bool stop(Processes *p)
{
    uint64_t deadline = kernel_now_ns() + SETTLE_SECONDS * 1000000000ull;
    bool good = true;

    shared->stop = true;
    for (unsigned i = 0; i < p->count; i++) {
        int status = -1;

        while (waitpid(p->pids[i], &status, WNOHANG) == 0) {
            if (kernel_now_ns() > deadline) {
                kill(p->pids[i], SIGKILL);
                tap_diag("process %u does not end", i);
                good = false;
                waitpid(p->pids[i], &status, 0);
                break;
            }
            usleep(10000);
        }
        good &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return good;
}

/* Until a process has computed that much, or the time is over */
static bool wait_for_runs(unsigned process, unsigned runs, unsigned seconds)
{
    uint64_t deadline = kernel_now_ns() + seconds * 1000000000ull;

    while (shared->runs[process] < runs && !shared->wrong &&
           kernel_now_ns() < deadline) {
        usleep(10000);
    }
    return shared->runs[process] >= runs;
}

static void say_counts(void)
{
    tap_diag("%u and %u runs were right, %u wrong, %u lost; %u mappings",
             shared->runs[0], shared->runs[1], shared->wrong, shared->lost,
             shared->maps);
}

static void test_storm(void)
{
    Processes p = start(2, true, false);
    bool ran = wait_for_runs(0, 1, START_SECONDS) &&
               wait_for_runs(1, 1, START_SECONDS);

    if (ran) {
        sleep(STORM_SECONDS);
    }
    tap_ok(stop(&p) && ran && !shared->wrong && !shared->lost &&
               !shared->failed && shared->maps,
           "two processes compute while a third maps and unmaps");
    say_counts();
}

static void test_suspend(void)
{
    Processes p;
    bool before, after = false;
    int ret = 0;

    if (access(RTC, W_OK) || access(POWER, W_OK)) {
        tap_skip("no clock that could wake the machine",
                 "suspend to idle while a process computes");
        return;
    }
    p = start(1, false, false);
    before = wait_for_runs(0, 1, START_SECONDS);
    for (unsigned i = 0; before && !ret && i < 3; i++) {
        kernel_write_file(RTC, "0");
        ret = kernel_write_file(RTC, "+2");
        ret = ret ? ret : kernel_write_file(POWER, "freeze");
        after = wait_for_runs(0, shared->runs[0] + 2, SETTLE_SECONDS);
    }
    tap_ok(stop(&p) && before && after && !ret && !shared->wrong &&
               !shared->failed,
           "suspend to idle while a process computes");
    say_counts();
    if (ret) {
        tap_diag("the machine does not sleep: %s", strerror(-ret));
    }
}

/* After it every process computes again, on a new device where one was lost */
static void test_injection(const char *name, const char *injection)
{
    Processes p = start(2, false, false);
    bool before = wait_for_runs(0, 1, START_SECONDS) &&
                  wait_for_runs(1, 1, START_SECONDS);
    bool after = false;
    int ret = 0;

    if (before) {
        tap_directive("allow-dmesg panthor");
        ret = host_request(NULL, 0, "inject %s", injection);
        usleep(500000);
        after = wait_for_runs(0, shared->runs[0] + 2, SETTLE_SECONDS) &&
                wait_for_runs(1, shared->runs[1] + 2, SETTLE_SECONDS);
    }
    tap_ok(stop(&p) && before && after && !ret && !shared->wrong &&
               !shared->failed,
           "%s while two processes compute", name);
    say_counts();
    if (ret) {
        tap_diag("the host: %s", host_error());
    }
    host_request(NULL, 0, "inject-clear");
}

/* Until the endless kernel has been submitted, or has ended */
static bool wait_for_endless(bool ended, unsigned seconds)
{
    uint64_t deadline = kernel_now_ns() + seconds * 1000000000ull;

    while (!(ended ? shared->ended : shared->begun) &&
           kernel_now_ns() < deadline) {
        usleep(10000);
    }
    return ended ? shared->ended : shared->begun;
}

/*
 * The work of one process cannot end, but for the driver's time-out or a
 * firmware that dies.  Its device is lost and its fence has an error;
 * afterwards it computes on a new device.
 *
 * alone: the other process must not lose anything
 */
static void test_loss(const char *name, const char *injection, bool alone)
{
    Processes p = start(2, false, true);
    bool before = wait_for_endless(false, START_SECONDS);
    bool ended, after;
    int ret = 0;

    tap_directive("allow-dmesg panthor");
    sleep(BEGIN_SECONDS);
    if (injection) {
        ret = host_request(NULL, 0, "inject %s", injection);
    }
    ended = before && wait_for_endless(true, SETTLE_SECONDS);
    after = ended && wait_for_runs(0, 2, START_SECONDS) &&
            wait_for_runs(1, shared->runs[1] + 2, SETTLE_SECONDS);
    tap_ok(ended && !ret && shared->result == VK_ERROR_DEVICE_LOST,
           "%s: the device of a kernel that never ends is lost", name);
    /* panthor's group_term_post_processing() */
    tap_ok(ended && (injection ? shared->fence_status < 0 :
                                 shared->fence_status == -ETIMEDOUT),
           "%s: its fence has an error", name);
    tap_diag("%s, status %d of the fence",
             gpu_result_text(shared->result), shared->fence_status);
    tap_ok(stop(&p) && after && !shared->wrong && !shared->failed &&
               (!alone || !shared->lost),
           "%s: both processes compute afterwards", name);
    say_counts();
    if (ret) {
        tap_diag("the host: %s", host_error());
    }
    if (injection) {
        host_request(NULL, 0, "inject-clear");
    }
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "Computing while something else goes on.");
    mesa_environment();
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    test_storm();
    test_suspend();
    test_injection("the firmware dies", "mcu-death");
    test_loss("time-out", NULL, true);
    test_loss("firmware", "mcu-death", false);
    return tap_end();
}
