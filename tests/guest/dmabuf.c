/*
 * dmabuf: memory of another exporter, in the GPU's address space
 *
 * As a decoder's or a camera's frames come to a GPU: the kernel's udmabuf
 * makes a dma-buf of a process's pages, the driver imports and maps it.  Its
 * handles go in each order while the mapping is used.  The other way round, a
 * dma-buf of the driver's outlives the buffer object that it was made of.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>

#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS  4000
#define SIZE            0x200000ull
/* A part of the pages, so that no offset is zero */
#define PAGES_SIZE      (2 * SIZE)
#define PAGES_OFFSET    0x100000ull
#define VA              0x40000000ull
#define MAP             DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC

static PanthorDev dev;

static void sync_cpu(int fd, uint64_t flags)
{
    struct dma_buf_sync sync = { .flags = flags | DMA_BUF_SYNC_RW };

    TAP_MUST(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) ? -errno : 0);
}

/* The pages, mapped, and their dma-buf; *fd is -1 if there is no udmabuf */
static volatile uint32_t *create_udmabuf(int *fd)
{
    int pages = memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int maker = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    struct udmabuf_create create = {
        .memfd = pages,
        .flags = UDMABUF_FLAGS_CLOEXEC,
        .offset = PAGES_OFFSET,
        .size = SIZE,
    };
    uint8_t *cpu;

    *fd = -1;
    if (maker < 0) {
        close(pages);
        return NULL;
    }
    TAP_MUST(ftruncate(pages, PAGES_SIZE) ? -errno : 0);
    TAP_MUST(fcntl(pages, F_ADD_SEALS, F_SEAL_SHRINK) ? -errno : 0);
    cpu = mmap(NULL, PAGES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, pages, 0);
    TAP_MUST(cpu == MAP_FAILED ? -errno : 0);
    *fd = TAP_MUST(ioctl(maker, UDMABUF_CREATE, &create));
    close(maker);
    close(pages);
    return (volatile uint32_t *)(cpu + PAGES_OFFSET);
}

static int store_word(PanthorContext *ctx, uint64_t va, uint32_t value)
{
    Stream s;

    ctx->code.used = 0;
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(10, value));
    stream_store_at(&s, 10, va, 0);
    stream_end(&s);
    return panthor_run_stream(ctx, 0, &s, JOB_TIMEOUT_MS);
}

/*
 * @late: the mapping is used when both the dma-buf and the buffer object have
 * gone: it alone keeps the pages
 */
static void test_import(volatile uint32_t *cpu, int fd, bool late)
{
    const char *how = late ? "handles gone" : "handles there";
    const unsigned last = SIZE / 4 - 1;
    struct drm_prime_handle prime = { .fd = fd };
    PanthorContext ctx;
    PanthorBo bo = { };
    uint32_t first, end;
    int ret;

    panthor_context_init(&ctx, &dev, 1);
    ret = ioctl(dev.fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime) ? -errno : 0;
    if (!tap_ok(!ret, "%s: imported", how)) {
        tap_diag("%s", strerror(-ret));
        panthor_context_fini(&ctx);
        return;
    }
    bo.handle = prime.handle;
    bo.size = SIZE;
    tap_ok(!panthor_vm_map(&dev, ctx.vm, &bo, 0, VA, SIZE, MAP),
           "%s: mapped", how);
    sync_cpu(fd, DMA_BUF_SYNC_START);
    cpu[0] = 0x11223344;
    cpu[last] = 0x55667788;
    sync_cpu(fd, DMA_BUF_SYNC_END);
    if (late) {
        panthor_bo_destroy(&dev, &bo);
    }
    first = panthor_read_word(&ctx, VA, JOB_TIMEOUT_MS);
    end = panthor_read_word(&ctx, VA + 4 * last, JOB_TIMEOUT_MS);
    if (!tap_ok(first == 0x11223344 && end == 0x55667788,
                "%s: the GPU reads what the CPU wrote", how)) {
        tap_diag("0x%x and 0x%x", first, end);
    }
    ret = store_word(&ctx, VA + 8, 0x99aabbcc);
    sync_cpu(fd, DMA_BUF_SYNC_START);
    tap_ok(!ret && cpu[2] == 0x99aabbcc,
           "%s: the CPU reads what the GPU wrote", how);
    sync_cpu(fd, DMA_BUF_SYNC_END);
    panthor_context_fini(&ctx);
    panthor_bo_destroy(&dev, &bo);
}

static void test_export(void)
{
    uint32_t *cpu;
    PanthorBo bo;
    int fd;

    TAP_MUST(panthor_bo_create(&dev, &bo, SIZE, 0));
    ((uint32_t *)bo.cpu)[5] = 0x5555;
    TAP_MUST(panthor_bo_export(&dev, &bo, &fd));
    cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    tap_ok(cpu != MAP_FAILED && cpu[5] == 0x5555,
           "a dma-buf of panthor's: the CPU maps it");
    close(fd);
    panthor_bo_destroy(&dev, &bo);
    if (cpu != MAP_FAILED) {
        tap_ok(cpu[5] == 0x5555,
               "a dma-buf of panthor's: it outlives its buffer object");
        munmap(cpu, SIZE);
    }
}

int main(int argc, char **argv)
{
    volatile uint32_t *cpu;
    int fd;

    tap_start(argc, argv, NULL, "Shares memory with other exporters.");
    TAP_MUST(panthor_open(&dev));
    cpu = create_udmabuf(&fd);
    if (cpu) {
        test_import(cpu, fd, false);
        test_import(cpu, fd, true);
        close(fd);
    } else {
        tap_skip("the kernel has no udmabuf", "memory of another exporter");
    }
    test_export();
    panthor_close(&dev);
    return tap_end();
}
