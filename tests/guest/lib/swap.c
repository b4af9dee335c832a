/*
 * Swap, without which panthor evicts nothing, and the shrinker that evicts
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

#include "kernel.h"
#include "swap.h"
#include "tap.h"

#define SWAP_DEVICE "/dev/zram0"
#define SWAP_DISKSIZE "/sys/block/zram0/disksize"
#define SWAP_SIZE (64 << 20)
#define RECLAIMS 8

int swap_on(void)
{
    static char page[65536];
    size_t page_size = kernel_page_size();
    char text[32];
    uint32_t *header = (uint32_t *)(page + 1024);
    int fd, ret;

    snprintf(text, sizeof(text), "%u", SWAP_SIZE);
    ret = kernel_write_file(SWAP_DISKSIZE, text);
    if (ret) {
        return ret;
    }
    /* union swap_header of the kernel: version, last page, bad pages */
    header[0] = 1;
    header[1] = SWAP_SIZE / page_size - 1;
    header[2] = 0;
    memcpy(page + page_size - 10, "SWAPSPACE2", 10);
    fd = open(SWAP_DEVICE, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ret = write(fd, page, page_size) == (ssize_t)page_size ? 0 : -EIO;
    if (fsync(fd)) {
        ret = -errno;
    }
    close(fd);
    return ret ? ret : swapon(SWAP_DEVICE, 0) ? -errno : 0;
}

void swap_off(void)
{
    if (swapoff(SWAP_DEVICE)) {
        tap_diag("swapoff: %s", strerror(errno));
    }
    kernel_write_file("/sys/block/zram0/reset", "1");
}

/*
 * How often a buffer was evicted: a line of gems has who created it, a name,
 * references, evictions, two sizes, and where in the file it is
 * (panthor_gem_debugfs_bo_print(), v7.3)
 */
static unsigned evictions_of(PanthorDev *dev, const PanthorBo *bo)
{
    struct drm_panthor_bo_mmap_offset map = { .handle = bo->handle };
    char path[64], line[512];
    unsigned count = 0;
    bool found = false;
    uint64_t at;
    FILE *f;

    TAP_MUST(panthor_ioctl(dev, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &map));
    snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%d/gems", dev->node);
    f = fopen(path, "r");
    while (f && !found && fgets(line, sizeof(line), f)) {
        found = sscanf(line, "%*s %*u %*u %u %*u %*u %" SCNx64, &count,
                       &at) == 2 && at == map.offset / kernel_page_size();
    }
    if (f) {
        fclose(f);
    }
    if (!found) {
        tap_bail_out("%s does not tell of buffer %u", path, bo->handle);
    }
    return count;
}

/*
 * A buffer may be on the wrong list when it is met first, so the shrinker is
 * called more often than it seems to need.
 */
bool swap_reclaim(PanthorDev *dev, const PanthorBo *bo)
{
    unsigned before = evictions_of(dev, bo);

    for (unsigned i = 0; i < RECLAIMS; i++) {
        TAP_MUST(kernel_write_file("/proc/sys/vm/drop_caches", "2"));
        if (evictions_of(dev, bo) > before) {
            return true;
        }
    }
    return false;
}
