/*
 * Swap, without which panthor evicts nothing, and the shrinker that evicts
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
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

/* Eviction takes the buffer out of the process's page table, too. */
static bool is_present(const void *addr)
{
    uint64_t entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    off_t at = (uintptr_t)addr / kernel_page_size() * sizeof(entry);

    if (fd < 0 || pread(fd, &entry, sizeof(entry), at) != sizeof(entry)) {
        tap_bail_out("pagemap: %s", strerror(errno));
    }
    close(fd);
    return entry >> 63;
}

/*
 * It does so first, and may then find that the buffer is on the wrong list, so
 * the shrinker is called more often than it seems to need.
 */
bool swap_reclaim(const PanthorBo *bo)
{
    unsigned i;

    for (i = 0; i < RECLAIMS; i++) {
        kernel_write_file("/proc/sys/vm/drop_caches", "2");
    }
    return !is_present(bo->cpu);
}
