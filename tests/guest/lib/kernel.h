/*
 * What the guest programs ask of the kernel apart from panthor: its
 * version, the time, its log, and the pages behind a mapping
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_KERNEL_H
#define TESTS_GUEST_LIB_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Monotonic time in nanoseconds */
uint64_t kernel_now_ns(void);

/* Sleep, whatever signals arrive */
void kernel_sleep_ms(unsigned ms);

/* Bytes of a CPU page: 4, 16 or 64 KiB */
size_t kernel_page_size(void);

/* Bytes of a CPU huge page, or 0 if there are none */
size_t kernel_huge_page_size(void);

/* Whether the release is @major.@minor or later */
bool kernel_at_least(unsigned major, unsigned minor);

/**
 * kernel_locks_first: the protocol of panthor's page-table updates
 *
 * From 7.2 on, panthor locks the region, edits the tables, flushes and
 * unlocks, and widens the lock when it must take a huge page apart.  Up to
 * 6.12 it edits first, then locks and flushes, which also unlocks.
 */
bool kernel_locks_first(void);

/*
 * kernel_names_outlive_groups: a sync file may be asked for its fence's status
 *
 * Returns false before "dma-fence: Add safe access helpers and document the
 * rules", merged in 2025: the status comes with a name that the kernel reads
 * from the group of the job, and the group may be gone.  See "A fence that is
 * named after a group that is gone" in docs/findings.rst.
 */
bool kernel_names_outlive_groups(void);

/* To a file of proc or sysfs, at once; 0 or a negative errno */
int kernel_write_file(const char *path, const char *text);

/**
 * kernel_work_on: let workers that belong to no processor run on some only
 * @cpus: a mask; 0: on any, as it is at first
 *
 * So do those of the driver's work queues.  Returns 0 or a negative errno.
 */
int kernel_work_on(unsigned cpus);

/**
 * kernel_interrupts_on: have interrupts taken by some processors only
 * @handlers: a pattern for the names of their handlers, as in /proc/interrupts
 * @cpus: as for kernel_work_on()
 *
 * It stays so when a handler goes and comes again.  Returns 0 or a negative
 * errno; -ENOENT: there is no such handler.
 */
int kernel_interrupts_on(const char *handlers, unsigned cpus);

/**
 * kernel_option: a number on the kernel's command line
 * @name: what stands before the "="
 * @value: receives it
 *
 * Returns whether it is there, as a number and nothing else.
 */
bool kernel_option(const char *name, uint64_t *value);

/* Whether this is a run of "make explore", which are many, and so are short */
bool kernel_explores(void);

/**
 * kernel_log_open: start to watch the kernel's log, from now on
 *
 * Returns a file descriptor for kernel_log_find(), which the caller closes,
 * or a negative errno.
 */
int kernel_log_open(void);

/**
 * kernel_log_find: the next record that contains a text
 * @fd: from kernel_log_open()
 * @needle: the text
 * @record: receives the record; a newline inside it reads "\x0a", as in
 *          /dev/kmsg
 * @size: bytes at @record
 * @timeout_ms: how long to wait for it; 0 looks at what is there
 *
 * Records before the one found are passed over for good.  Returns 0,
 * -ENOENT if there is none in time, or another negative errno.
 */
int kernel_log_find(int fd, const char *needle, char *record, size_t size,
                    unsigned timeout_ms);

/* Whether there is a warning, which is then part of the output as a remark */
bool kernel_warned(int fd);

enum {
    /* Cannot be told: no /proc/self/pagemap or /proc/kpageflags, say */
    KERNEL_BACKING_UNKNOWN,
    /* Pages that are not next to each other, or not aligned */
    KERNEL_BACKING_SCATTERED,
    /* Aligned and contiguous, but of several smaller folios */
    KERNEL_BACKING_CONTIGUOUS,
    /* One folio of at least the length asked for */
    KERNEL_BACKING_FOLIO,
};

/**
 * kernel_backing: what kind of memory is behind a CPU mapping
 * @addr: its address; the pages must have been touched
 * @length: bytes, a power of two
 */
int kernel_backing(const void *addr, size_t length);

/* A word for the value of kernel_backing() */
const char *kernel_backing_name(int backing);

#endif /* TESTS_GUEST_LIB_KERNEL_H */
