/*
 * The failures that the device can be asked for, and what panthor makes of
 * each, as its source says
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_FAILURES_H
#define TESTS_GUEST_LIB_FAILURES_H

#include <stdbool.h>
#include <stddef.h>

/* What the program does once the failure is armed */
typedef enum Stimulus {
    /* The first job of a new group; the GPU is awake */
    FIRST_JOB,
    /* Unmap a page of a VM that has an address space */
    UNMAP,
    /* The GPU falls asleep and has to wake up for a job of the same group */
    SLEEP,
    /* The group is destroyed while it runs */
    DESTROY,
    /* A second VM wants to run beside one that does */
    SECOND_GROUP,
    /* A job of a group on its slot, whose fault has the GPU reset */
    RESET,
    /* The same, and again with a group that takes its place */
    TWO_RESETS,
    /* A job that reads where nothing is mapped */
    BAD_READ,
    /* Streams run until the driver has asked whether the firmware lives */
    PING,
    /* A second job for a stream that still runs */
    SECOND_JOB,
    /* A job that draws, for which the tiler has a heap */
    DRAW,
    /* The driver is unbound and bound, and boots the firmware */
    BIND,
} Stimulus;

#define EITHER (-1)

typedef struct Failure {
    const char *name;
    /* As for the request "inject"; two with a semicolon in between */
    const char *injection;
    Stimulus stimulus;
    /* In the kernel's log, or NULL for no message of panthor's at all */
    const char *message;
    /*
     * Whether the GPU is reset before the job on a new VM is done; EITHER if
     * the driver's work for it races with the way to sleep
     */
    int reset;
    /*
     * Whether the job or the VM_BIND fails; EITHER if that depends on whether
     * its group was on its slot already when the firmware died
     */
    int fails;
    /* The function of panthor that decides it (Linux 7.3) */
    const char *source;
    /*
     * What else shows that it took place, where nothing is expected to come of
     * it.  Of what panthor does not wait for nothing does.  How long, in
     * milliseconds, it keeps the driver waiting at least: in what met it; on
     * the way to sleep or in the job that wakes the GPU up; up to the job on a
     * new VM if it is the reset that is disturbed.  A time-out may be shorter
     * than its number by a tick of the kernel.
     */
    unsigned held_ms;
    /* An interrupt of panthor's, and how many it brings at least */
    const char *line;
    unsigned interrupts;
    /* A property of the device that counts it as well */
    const char *counter;
    /* On Linux 6.12: why it cannot be met, another message, that it fails */
    const char *none_6_12;
    const char *message_6_12;
    bool fails_6_12;
} Failure;

typedef struct FailureTable {
    const Failure *rows;
    size_t num;
} FailureTable;

extern const FailureTable failures_common;
/* Of GPU_CONTROL and of firmware that were other ones up to architecture 13 */
extern const FailureTable failures_of_gpu_control;
/* Of PWR_CONTROL, from 14 on */
extern const FailureTable failures_of_pwr_control;

#endif /* TESTS_GUEST_LIB_FAILURES_H */
