/*
 * contend: two threads make requests of one file at the same time, over and over
 *
 * Each kind of request beside each other one, and beside itself.  Both work,
 * whatever the other does; what the driver does to the same memory without a
 * lock is for KCSAN to see, which needs them to meet very often: DEBUG=kcsan.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))

#define PAIR_MS 150
/* Of a request beside itself: what both do is most of what they do */
#define SAME_MS 1000
#define JOB_TIMEOUT_MS 5000
#define MAP_VA 0x40000000ull
/* Between what the two threads map: other page tables */
#define MAP_STRIDE PANTHOR_GPU_BLOCK

static PanthorDev dev;
static PanthorContext ctx;
static PanthorBo bo;

/* -- the requests of thread 0 or 1; each returns 0 or a negative errno */

static int bind(unsigned thread)
{
    uint64_t va = MAP_VA + thread * MAP_STRIDE;
    int ret = panthor_vm_map(&dev, ctx.vm, &bo, 0, va, bo.size, 0);

    return ret ? ret : panthor_vm_unmap(&dev, ctx.vm, va, bo.size);
}

/* No stream: the fence of what was submitted before is all that it has */
static int submit(unsigned thread)
{
    PanthorJob job = { .queue = thread };

    return panthor_group_submit(&dev, ctx.group, &job, 1);
}

static int group_state(unsigned thread __attribute__((unused)))
{
    struct drm_panthor_group_get_state state = { .group_handle = ctx.group };

    return panthor_ioctl(&dev, DRM_IOCTL_PANTHOR_GROUP_GET_STATE, &state);
}

static int vm(unsigned thread __attribute__((unused)))
{
    uint32_t id;
    int ret = panthor_vm_create(&dev, &id);

    return ret ? ret : panthor_vm_destroy(&dev, id);
}

static int buffer(unsigned thread __attribute__((unused)))
{
    PanthorBo own;
    int ret = panthor_bo_create(&dev, &own, kernel_page_size(), 0);

    if (!ret) {
        panthor_bo_destroy(&dev, &own);
    }
    return ret;
}

static int group(unsigned thread __attribute__((unused)))
{
    uint32_t id;
    int ret = panthor_group_create(&dev, ctx.vm, 1, &id);

    return ret ? ret : panthor_group_destroy(&dev, id);
}

static int heap(unsigned thread __attribute__((unused)))
{
    uint64_t context_va, chunk_va;
    uint32_t id;
    int ret = panthor_heap_create(&dev, ctx.vm, 1, 2, &id, &context_va,
                                  &chunk_va);

    return ret ? ret : panthor_heap_destroy(&dev, id);
}

static int fdinfo(unsigned thread __attribute__((unused)))
{
    char path[64], text[2048];
    int fd, ret = 0;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dev.fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    if (read(fd, text, sizeof(text)) <= 0) {
        ret = -EIO;
    }
    close(fd);
    return ret;
}

static const struct {
    const char *name;
    int (*call)(unsigned thread);
} requests[] = {
    { "VM_BIND", bind },
    { "GROUP_SUBMIT", submit },
    { "GROUP_GET_STATE", group_state },
    { "VM_CREATE", vm },
    { "BO_CREATE", buffer },
    { "GROUP_CREATE", group },
    { "TILER_HEAP_CREATE", heap },
    { "fdinfo", fdinfo },
};

/* -- the test */

typedef struct Loop {
    unsigned thread, request;
    uint64_t end;
    unsigned count;
    int ret;
} Loop;

static void *repeat(void *opaque)
{
    Loop *loop = opaque;

    while (kernel_now_ns() < loop->end && !loop->ret) {
        loop->ret = requests[loop->request].call(loop->thread);
        loop->count++;
    }
    return NULL;
}

static void test_pair(unsigned first, unsigned second)
{
    uint64_t end = kernel_now_ns() + 1000000ull *
                   (first == second ? SAME_MS : PAIR_MS);
    Loop loop[2] = {
        { .thread = 0, .request = first, .end = end },
        { .thread = 1, .request = second, .end = end },
    };
    pthread_t other;

    TAP_MUST(-pthread_create(&other, NULL, repeat, &loop[1]));
    repeat(&loop[0]);
    pthread_join(other, NULL);
    if (!tap_ok(!loop[0].ret && !loop[1].ret, "%s beside %s",
                requests[first].name, requests[second].name)) {
        for (unsigned i = 0; i < ARRAY_SIZE(loop); i++) {
            tap_diag("%s, %u times: %s", requests[loop[i].request].name,
                     loop[i].count, strerror(-loop[i].ret));
        }
    }
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "Makes all requests beside each other.");
    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&ctx, &dev, 2);
    TAP_MUST(panthor_bo_create(&dev, &bo, kernel_page_size(), 0));
    for (unsigned i = 0; i < ARRAY_SIZE(requests); i++) {
        for (unsigned j = i; j < ARRAY_SIZE(requests); j++) {
            test_pair(i, j);
        }
    }
    tap_ok(!panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS),
           "a job runs after all of that");
    panthor_bo_destroy(&dev, &bo);
    panthor_context_fini(&ctx);
    panthor_close(&dev);
    return tap_end();
}
