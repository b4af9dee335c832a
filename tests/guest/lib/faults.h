/*
 * Allocations that fail
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_FAULTS_H
#define TESTS_GUEST_LIB_FAULTS_H

#include <stdbool.h>

/* Who has them fail: the members of one are set once it is open. */
typedef struct Faults {
    /* What is counted, for messages: "allocation", for instance */
    const char *what;
    /* Have the @n-th of this thread fail from now on; 0: none */
    void (*arm)(unsigned n);
    /*
     * Whether it came to that one; none fails from now on.  The name of what
     * failed, which stays until the next call, or NULL if only the log tells.
     */
    bool (*disarm)(const char **name);
    /* Those of a module do not fail, or do; NULL: all do */
    void (*spare)(const char *module);
    /* Whether the kernel's log has a trace of each that fails */
    void (*set_verbose)(bool verbose);
    void (*close)(void);
} Faults;

/**
 * faults_of_kernel: each allocation that this task makes in the kernel
 *
 * (Documentation/fault-injection/fault-injection.rst, fail-nth); NULL if the
 * kernel has no such thing: DEBUG=faults has.
 */
const Faults *faults_of_kernel(void);

/**
 * faults_of_driver: each call of the driver that allocates something
 *
 * Of drivers that scripts/build-panthor.py has built, see
 * tests/kernel/fail_call.c; NULL if this is none.
 */
const Faults *faults_of_driver(void);

#endif /* TESTS_GUEST_LIB_FAULTS_H */
