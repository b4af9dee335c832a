/*
 * extremes: addresses and sizes at the edge of what the driver takes
 *
 * The end of the address space, thousands of operations in one call, a mapping
 * of a quarter of a terabyte, a buffer object beyond 4 GiB, and many more VMs
 * than address spaces.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS  5000
#define MAP             DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC
#define GIB             (1ull << 30)

/* User addresses are below this, half of what the GPU has (panthor_mmu.c) */
#define VA_END          (1ull << 47)

#define MANY_OPS        4096
#define MANY_VA         0x200000000ull
/* Not next to each other: each has an entry of its own in a table */
#define MANY_STRIDE     0x3000ull

#define SPARSE_VA       (512 * GIB)
#define SPARSE_SIZE     (256 * GIB)

#define BIG_VA          (64 * GIB)
#define BIG_OFFSET_VA   (256 * GIB)
#define BIG_SIZE        (4 * GIB + PANTHOR_GPU_BLOCK)

#define FILES           8
#define CONTEXTS        25
#define MANY_TIMEOUT_MS 20000

static PanthorDev dev;

static void expect_word(PanthorContext *ctx, uint64_t va, uint32_t expected,
                        const char *what)
{
    uint32_t value = panthor_read_word(ctx, va, JOB_TIMEOUT_MS);

    if (!tap_ok(value == expected, "%s", what)) {
        tap_diag("at 0x%" PRIx64 " the GPU reads 0x%x, not 0x%x", va, value,
                 expected);
    }
}

/* The last block below the end, and an unmap of nearly all there is */
static void test_top(void)
{
    uint64_t va = VA_END - PANTHOR_GPU_BLOCK;
    PanthorContext ctx;
    PanthorBo bo;

    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_bo_create(&dev, &bo, PANTHOR_GPU_BLOCK, ctx.vm));
    ((uint32_t *)bo.cpu)[0] = 0x70170170;
    ((uint32_t *)bo.cpu)[PANTHOR_GPU_BLOCK / 4 - 1] = 0x70170171;
    tap_ok(!panthor_vm_map(&dev, ctx.vm, &bo, 0, va, PANTHOR_GPU_BLOCK, MAP),
           "the last 2 MiB: mapped");
    expect_word(&ctx, va, 0x70170170, "the last 2 MiB: their first word");
    expect_word(&ctx, VA_END - 4, 0x70170171, "the last 2 MiB: the last word");
    tap_ok(panthor_vm_map(&dev, ctx.vm, &bo, 0, VA_END, PANTHOR_GPU_BLOCK,
                          MAP) < 0, "behind the last 2 MiB: refused");
    /* The lock of that is as wide as the address space. */
    tap_ok(!panthor_vm_unmap(&dev, ctx.vm, 4 * GIB, VA_END - 4 * GIB),
           "all above 4 GiB: unmapped at once");
    tap_ok(!panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS),
           "all above 4 GiB: what is below goes on");
    panthor_context_fini(&ctx);
    panthor_bo_destroy(&dev, &bo);
}

static void test_many_ops(void)
{
    static struct drm_panthor_vm_bind_op ops[MANY_OPS];
    const unsigned pages = PANTHOR_GPU_BLOCK / PANTHOR_GPU_PAGE;
    PanthorContext ctx;
    PanthorBo bo;

    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_bo_create(&dev, &bo, PANTHOR_GPU_BLOCK, ctx.vm));
    for (unsigned i = 0; i < pages; i++) {
        ((uint32_t *)bo.cpu)[i * PANTHOR_GPU_PAGE / 4] = 0xab000000 + i;
    }
    for (unsigned i = 0; i < MANY_OPS; i++) {
        ops[i] = panthor_map_op(&bo, i % pages * PANTHOR_GPU_PAGE,
                                MANY_VA + i * MANY_STRIDE, PANTHOR_GPU_PAGE,
                                MAP);
    }
    /* Live, so that each is a change of tables that the GPU walks */
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    tap_ok(!panthor_vm_bind(&dev, ctx.vm, ops, MANY_OPS),
           "%u operations: maps in one call", MANY_OPS);
    expect_word(&ctx, MANY_VA + (MANY_OPS - 1) * MANY_STRIDE,
                0xab000000 + (MANY_OPS - 1) % pages,
                "many operations: the last page");
    expect_word(&ctx, MANY_VA + 1000 * MANY_STRIDE, 0xab000000 + 1000 % pages,
                "many operations: one of them");
    for (unsigned i = 0; i < MANY_OPS; i++) {
        ops[i] = panthor_unmap_op(MANY_VA + i * MANY_STRIDE,
                                  PANTHOR_GPU_PAGE);
    }
    tap_ok(!panthor_vm_bind_async(&dev, ctx.vm, ops, MANY_OPS),
           "%u operations: unmaps, queued", MANY_OPS);
    panthor_context_fini(&ctx);
    panthor_bo_destroy(&dev, &bo);
}

/* What it reads there is undefined; a fault it is not. */
static void expect_readable(PanthorContext *ctx, uint64_t va,
                            const char *what)
{
    Stream s;

    ctx->code.used = 0;
    stream_init(&s);
    stream_begin(&s);
    stream_load_at(&s, 10, va, 0);
    stream_end(&s);
    tap_ok(!panthor_run_stream(ctx, 0, &s, JOB_TIMEOUT_MS), "%s", what);
}

/* Mapped over a dummy object, again and again */
static void test_sparse(void)
{
    struct drm_panthor_vm_bind_op op = {
        .flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP |
                 DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE | MAP,
        .va = SPARSE_VA,
        .size = SPARSE_SIZE,
    };
    PanthorContext ctx;
    int ret;

    panthor_context_init(&ctx, &dev, 1);
    TAP_MUST(panthor_store_job(&ctx, 1, JOB_TIMEOUT_MS));
    ret = panthor_vm_bind(&dev, ctx.vm, &op, 1);
    if (ret == -EINVAL) {
        tap_skip("the driver has no sparse mappings", "256 GiB");
    } else {
        tap_ok(!ret, "256 GiB without memory: mapped");
        expect_readable(&ctx, SPARSE_VA + SPARSE_SIZE - 16,
                        "256 GiB without memory: its end");
        tap_ok(!panthor_vm_unmap(&dev, ctx.vm, SPARSE_VA + 100 * GIB + 0x3000,
                                 5 * PANTHOR_GPU_PAGE),
               "256 GiB without memory: a hole");
        expect_readable(&ctx, SPARSE_VA + 100 * GIB + 0x8000,
                        "256 GiB without memory: behind the hole");
        tap_ok(!panthor_vm_unmap(&dev, ctx.vm, SPARSE_VA, SPARSE_SIZE),
               "256 GiB without memory: unmapped");
    }
    TAP_MUST(panthor_store_job(&ctx, 2, JOB_TIMEOUT_MS));
    panthor_context_fini(&ctx);
}

/* A buffer object of which the guest's memory holds the touched pages only */
static void test_big(void)
{
    static const uint64_t places[] = {
        0, 2 * GIB, 4 * GIB - PANTHOR_GPU_PAGE, 4 * GIB,
        4 * GIB + PANTHOR_GPU_BLOCK - PANTHOR_GPU_PAGE,
    };
    struct drm_panthor_bo_create create = { .size = BIG_SIZE };
    PanthorContext ctx;
    PanthorBo bo = { };
    int ret;

    panthor_context_init(&ctx, &dev, 1);
    create.exclusive_vm_id = ctx.vm;
    /* All of its pages are taken at once, here or when it is mapped. */
    ret = ioctl(dev.fd, DRM_IOCTL_PANTHOR_BO_CREATE, &create) ? -errno : 0;
    if (!ret) {
        bo.handle = create.handle;
        bo.size = create.size;
        ret = panthor_vm_map(&dev, ctx.vm, &bo, 0, BIG_VA, bo.size, MAP);
    }
    if (ret == -ENOMEM) {
        tap_skip("not enough memory; MEM=8G has", "a buffer beyond 4 GiB");
    } else if (tap_ok(!ret, "a buffer beyond 4 GiB: mapped")) {
        struct drm_panthor_bo_mmap_offset offset = { .handle = bo.handle };
        uint32_t *cpu;

        TAP_MUST(ioctl(dev.fd, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &offset) ?
                 -errno : 0);
        cpu = mmap(NULL, bo.size, PROT_READ | PROT_WRITE, MAP_SHARED, dev.fd,
                   offset.offset);
        TAP_MUST(cpu == MAP_FAILED ? -errno : 0);
        bo.cpu = cpu;
        for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            cpu[places[i] / 4] = 0x4900 + i;
        }
        for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            expect_word(&ctx, BIG_VA + places[i], 0x4900 + i,
                        "a buffer beyond 4 GiB: a word of it");
        }
        tap_ok(!panthor_vm_map(&dev, ctx.vm, &bo, 4 * GIB, BIG_OFFSET_VA,
                               PANTHOR_GPU_BLOCK, MAP),
               "a buffer beyond 4 GiB: what is behind them, elsewhere");
        expect_word(&ctx, BIG_OFFSET_VA, 0x4903,
                    "a buffer beyond 4 GiB: its first word there");
        tap_ok(!panthor_vm_unmap(&dev, ctx.vm,
                                 BIG_VA + 4 * GIB - PANTHOR_GPU_PAGE,
                                 2 * PANTHOR_GPU_PAGE),
               "a buffer beyond 4 GiB: a hole over the boundary");
        expect_word(&ctx, BIG_VA + places[4], 0x4904,
                    "a buffer beyond 4 GiB: behind the hole");
    }
    panthor_context_fini(&ctx);
    if (bo.handle) {
        panthor_bo_destroy(&dev, &bo);
    }
}

/* Each has its turn, though there are address spaces for seven. */
static void test_many_contexts(void)
{
    static PanthorContext ctx[FILES][CONTEXTS];
    static PanthorDev file[FILES];
    unsigned good = 0;

    for (unsigned f = 0; f < FILES; f++) {
        TAP_MUST(panthor_open(&file[f]));
        for (unsigned i = 0; i < CONTEXTS; i++) {
            panthor_context_init(&ctx[f][i], &file[f], 1);
        }
    }
    for (unsigned f = 0; f < FILES; f++) {
        for (unsigned i = 0; i < CONTEXTS; i++) {
            panthor_submit_store(&ctx[f][i], 1000 * f + i);
        }
    }
    for (unsigned f = 0; f < FILES; f++) {
        for (unsigned i = 0; i < CONTEXTS; i++) {
            good += !panthor_stored(&ctx[f][i], 1000 * f + i,
                                    MANY_TIMEOUT_MS);
        }
    }
    if (!tap_ok(good == FILES * CONTEXTS, "%u VMs of %u files: a job of each",
                FILES * CONTEXTS, FILES)) {
        tap_diag("%u are done", good);
    }
    for (unsigned f = 0; f < FILES; f++) {
        for (unsigned i = 0; i < CONTEXTS; i++) {
            panthor_context_fini(&ctx[f][i]);
        }
        panthor_close(&file[f]);
    }
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "Maps what is very large, far or many.");
    TAP_MUST(panthor_open(&dev));
    test_top();
    test_many_ops();
    test_sparse();
    test_big();
    test_many_contexts();
    panthor_close(&dev);
    return tap_end();
}
