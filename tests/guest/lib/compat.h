/*
 * A process of the 32-bit Arm instruction set that makes system calls
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef COMPAT_H
#define COMPAT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Numbers of system calls, as in arch/arm/tools/syscall.tbl */
enum {
    COMPAT_READ = 3,
    COMPAT_WRITE = 4,
    COMPAT_OPEN = 5,
    COMPAT_IOCTL = 54,
    COMPAT_MMAP2 = 192,
};

/* Bytes of its memory that are free for arguments, from COMPAT_DATA on */
#define COMPAT_DATA         0x30000u
#define COMPAT_DATA_SIZE    0x1000u

typedef struct CompatProcess {
    pid_t pid;
    /* Pipes: requests and data to it, results and data from it */
    int to, from;
} CompatProcess;

/**
 * compat_start: start a process, which has no descriptors but the pipes
 *
 * Returns 0 or a negative errno; -ENOEXEC: the kernel or the processor runs no
 * 32-bit programs.
 */
int compat_start(CompatProcess *process);

/**
 * compat_call: have it make a system call
 * @args: six of them
 *
 * Returns what the call does, as a 32-bit process sees it: a negative errno,
 * or an address with no sign.  -EPIPE: the process is gone.
 */
int64_t compat_call(const CompatProcess *process, uint32_t number,
                    const uint32_t *args);

/* Copy to or from its memory.  Returns 0 or a negative errno. */
int compat_put(const CompatProcess *process, uint32_t address,
               const void *data, size_t size);
int compat_get(const CompatProcess *process, uint32_t address, void *data,
               size_t size);

/* It ends, and is waited for. */
void compat_end(CompatProcess *process);

#endif /* COMPAT_H */
