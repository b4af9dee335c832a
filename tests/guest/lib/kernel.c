/*
 * What the guest programs ask of the kernel apart from panthor
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "tap.h"

/* Longer than any record of /dev/kmsg (CONSOLE_EXT_LOG_MAX in Linux) */
#define KMSG_RECORD_MAX 8192

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT         (1ull << 63)
#define PAGEMAP_PFN_MASK        ((1ull << 55) - 1)
#define KPF_COMPOUND_HEAD       (1ull << 15)
#define KPF_COMPOUND_TAIL       (1ull << 16)

uint64_t kernel_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void kernel_sleep_ms(unsigned ms)
{
    struct timespec ts = { ms / 1000, (ms % 1000) * 1000000l };

    while (nanosleep(&ts, &ts) && errno == EINTR) {
        /* the rest of the time is in ts */
    }
}

size_t kernel_page_size(void)
{
    return getauxval(AT_PAGESZ);
}

size_t kernel_huge_page_size(void)
{
    unsigned long long size = 0;
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
                    "r");

    if (f) {
        if (fscanf(f, "%llu", &size) != 1) {
            size = 0;
        }
        fclose(f);
    }
    return size;
}

bool kernel_at_least(unsigned major, unsigned minor)
{
    unsigned have_major = 0, have_minor = 0;
    struct utsname uts;

    if (uname(&uts) ||
        sscanf(uts.release, "%u.%u", &have_major, &have_minor) != 2) {
        return false;
    }
    return have_major > major ||
           (have_major == major && have_minor >= minor);
}

bool kernel_locks_first(void)
{
    return kernel_at_least(7, 2);
}

bool kernel_names_outlive_groups(void)
{
    return kernel_at_least(6, 17);
}

int kernel_write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int ret = 0;

    if (fd < 0) {
        return -errno;
    }
    if (write(fd, text, strlen(text)) < 0) {
        ret = -errno;
    }
    close(fd);
    return ret;
}

/* To a file that has a mask of processors; 0: all that there are */
static int write_cpus(const char *path, unsigned cpus)
{
    char mask[16];

    snprintf(mask, sizeof(mask), "%x",
             cpus ? cpus : (1u << sysconf(_SC_NPROCESSORS_ONLN)) - 1);
    return kernel_write_file(path, mask);
}

int kernel_work_on(unsigned cpus)
{
    return write_cpus("/sys/devices/virtual/workqueue/cpumask", cpus);
}

int kernel_interrupts_on(const char *handlers, unsigned cpus)
{
    char path[PATH_MAX];
    glob_t irqs;
    int ret = 0;

    snprintf(path, sizeof(path), "/proc/irq/*/%s", handlers);
    if (glob(path, 0, NULL, &irqs)) {
        return -ENOENT;
    }
    for (size_t i = 0; i < irqs.gl_pathc && !ret; i++) {
        snprintf(path, sizeof(path), "%s/../smp_affinity", irqs.gl_pathv[i]);
        ret = write_cpus(path, cpus);
    }
    globfree(&irqs);
    return ret;
}

bool kernel_option(const char *name, uint64_t *value)
{
    FILE *f = fopen("/proc/cmdline", "r");
    char line[4096], pattern[96], *word, *rest;
    unsigned long long number;
    bool found = false;
    int used;

    snprintf(pattern, sizeof(pattern), "%s=%%llu%%n", name);
    if (f && fgets(line, sizeof(line), f)) {
        for (word = strtok_r(line, "\n ", &rest); word && !found;
             word = strtok_r(NULL, "\n ", &rest)) {
            found = sscanf(word, pattern, &number, &used) == 1 &&
                    !word[used];
        }
    }
    if (found) {
        *value = number;
    }
    if (f) {
        fclose(f);
    }
    return found;
}

bool kernel_explores(void)
{
    uint64_t explores;

    return kernel_option("explore", &explores) && explores;
}

int kernel_log_open(void)
{
    int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    if (lseek(fd, 0, SEEK_END) < 0) {
        int ret = -errno;

        close(fd);
        return ret;
    }
    return fd;
}

int kernel_log_find(int fd, const char *needle, char *record, size_t size,
                    unsigned timeout_ms)
{
    uint64_t deadline = kernel_now_ns() + timeout_ms * 1000000ull;
    static char buf[KMSG_RECORD_MAX];

    for (;;) {
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        uint64_t now;
        ssize_t len = read(fd, buf, sizeof(buf) - 1);

        if (len >= 0) {
            buf[len] = '\0';
            if (strstr(buf, needle)) {
                snprintf(record, size, "%s", buf);
                return 0;
            }
            continue;
        }
        if (errno == EPIPE || errno == EINTR) {
            /* EPIPE: records were overwritten before we read them */
            continue;
        }
        if (errno != EAGAIN) {
            return -errno;
        }
        now = kernel_now_ns();
        if (now >= deadline) {
            return -ENOENT;
        }
        poll(&pfd, 1, (deadline - now) / 1000000 + 1);
    }
}

bool kernel_warned(int fd)
{
    static const char needle[] = "WARNING: ";
    char record[1024];

    if (kernel_log_find(fd, needle, record, sizeof(record), 0)) {
        return false;
    }
    tap_diag("%.200s", strstr(record, needle));
    return true;
}

static int kernel_backing_flags(const uint64_t *pfn, size_t pages)
{
    int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
    int backing = KERNEL_BACKING_UNKNOWN;
    size_t bytes = pages * sizeof(uint64_t), i;
    uint64_t *flags;

    if (fd < 0) {
        return backing;
    }
    flags = malloc(bytes);
    if (flags && pread(fd, flags, bytes, pfn[0] * 8) == (ssize_t)bytes) {
        backing = KERNEL_BACKING_FOLIO;
        /* The first may be in the midst of a larger folio, others must be */
        if (!(flags[0] & (KPF_COMPOUND_HEAD | KPF_COMPOUND_TAIL))) {
            backing = KERNEL_BACKING_CONTIGUOUS;
        }
        for (i = 1; i < pages; i++) {
            if (!(flags[i] & KPF_COMPOUND_TAIL)) {
                backing = KERNEL_BACKING_CONTIGUOUS;
            }
        }
    }
    free(flags);
    close(fd);
    return backing;
}

int kernel_backing(const void *addr, size_t length)
{
    size_t page_size = kernel_page_size(), pages = length / page_size, i;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    int backing = KERNEL_BACKING_UNKNOWN;
    size_t bytes = pages * sizeof(uint64_t);
    uint64_t *pfn;

    if (fd < 0) {
        return backing;
    }
    pfn = malloc(bytes);
    if (pfn && pread(fd, pfn, bytes, (uintptr_t)addr / page_size * 8) ==
               (ssize_t)bytes) {
        bool known = true, contiguous = true;

        for (i = 0; i < pages; i++) {
            known = known && (pfn[i] & PAGEMAP_PRESENT) &&
                    (pfn[i] & PAGEMAP_PFN_MASK);
            pfn[i] &= PAGEMAP_PFN_MASK;
            contiguous = contiguous && pfn[i] == pfn[0] + i;
        }
        if (known && (!contiguous || pfn[0] % pages)) {
            backing = KERNEL_BACKING_SCATTERED;
        } else if (known) {
            backing = kernel_backing_flags(pfn, pages);
        }
    }
    free(pfn);
    close(fd);
    return backing;
}

const char *kernel_backing_name(int backing)
{
    switch (backing) {
    case KERNEL_BACKING_SCATTERED:
        return "scattered pages";
    case KERNEL_BACKING_CONTIGUOUS:
        return "contiguous small folios";
    case KERNEL_BACKING_FOLIO:
        return "one folio";
    default:
        return "unknown backing";
    }
}
