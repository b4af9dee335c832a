/*
 * Allocations that fail
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"
#include "kernel.h"
#include "tap.h"

#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))

#define DEBUGFS "/sys/kernel/debug/"
#define FAIL_CALL "/sys/module/panthor/parameters/fail_call"

/* -- of the kernel */

static int fail_nth_fd;

static void arm(unsigned n)
{
    char text[16];
    int length = snprintf(text, sizeof(text), "%u", n);

    if (pwrite(fail_nth_fd, text, length, 0) != length) {
        tap_bail_out("fail-nth: %s", strerror(errno));
    }
}

static bool disarm(const char **name)
{
    char text[16] = "";
    bool failed = pread(fail_nth_fd, text, sizeof(text) - 1, 0) > 0 &&
                  atoi(text) == 0;

    arm(0);
    *name = NULL;
    return failed;
}

static void set_fault(const char *kind, const char *name, const char *value)
{
    char path[96];

    snprintf(path, sizeof(path), DEBUGFS "%s/%s", kind, name);
    TAP_MUST(kernel_write_file(path, value));
}

static const char *const kinds[] = { "failslab", "fail_page_alloc" };

static void set_verbose(bool verbose)
{
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        set_fault(kinds[i], "verbose", verbose ? "2" : "0");
    }
}

/* That allocations fail which may sleep, of any size */
static void set_up_faults(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        set_fault(kinds[i], "ignore-gfp-wait", "N");
    }
    set_fault("fail_page_alloc", "ignore-gfp-highmem", "N");
    set_fault("fail_page_alloc", "min-order", "0");
    set_verbose(false);
}

/* Where the code of a module is; nowhere for one that is not loaded */
static void find_module(const char *module, uint64_t *start, uint64_t *end)
{
    FILE *f = fopen("/proc/kallsyms", "r");
    char line[256], wanted[64];

    *start = UINT64_MAX;
    *end = 0;
    snprintf(wanted, sizeof(wanted), "\t[%s]\n", module);
    while (f && fgets(line, sizeof(line), f)) {
        const char *found = strstr(line, wanted);
        uint64_t address = strtoull(line, NULL, 16);

        if (found) {
            *start = address < *start ? address : *start;
            *end = address > *end ? address : *end;
        }
    }
    if (f) {
        fclose(f);
    }
}

static void spare(const char *module)
{
    uint64_t start = 0, end = 0;

    if (module) {
        find_module(module, &start, &end);
        if (start >= end) {
            tap_bail_out("%s is no module that is loaded", module);
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        char text[32];

        snprintf(text, sizeof(text), "0x%llx", (unsigned long long)start);
        set_fault(kinds[i], "reject-start", text);
        snprintf(text, sizeof(text), "0x%llx", (unsigned long long)end);
        set_fault(kinds[i], "reject-end", text);
        set_fault(kinds[i], "stacktrace-depth", module ? "32" : "0");
    }
}

static void close_kernel(void)
{
    close(fail_nth_fd);
}

const Faults *faults_of_kernel(void)
{
    static const Faults faults = {
        .what = "allocation",
        .arm = arm,
        .disarm = disarm,
        .spare = spare,
        .set_verbose = set_verbose,
        .close = close_kernel,
    };

    fail_nth_fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
    if (fail_nth_fd < 0 || access(DEBUGFS "failslab", F_OK)) {
        return NULL;
    }
    set_up_faults();
    return &faults;
}

/* -- of the driver */

static unsigned wanted_call;

static void arm_call(unsigned n)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", n);
    TAP_MUST(kernel_write_file(FAIL_CALL, text));
    wanted_call = n;
}

static bool disarm_call(const char **name)
{
    static char last[64];
    unsigned made = 0;
    FILE *f = fopen(FAIL_CALL, "r");

    last[0] = '\0';
    if (!f || fscanf(f, "%u %63s", &made, last) < 1) {
        tap_bail_out("%s cannot be read", FAIL_CALL);
    }
    fclose(f);
    TAP_MUST(kernel_write_file(FAIL_CALL, "0"));
    *name = last;
    return wanted_call && made >= wanted_call;
}

/* None of them is a call of another module */
static void spare_none(const char *module __attribute__((unused)))
{
}

static void be_silent(bool verbose __attribute__((unused)))
{
}

static void close_driver(void)
{
    kernel_write_file(FAIL_CALL, "\n");
}

const Faults *faults_of_driver(void)
{
    static const Faults faults = {
        .what = "call",
        .arm = arm_call,
        .disarm = disarm_call,
        .spare = spare_none,
        .set_verbose = be_silent,
        .close = close_driver,
    };

    return access(FAIL_CALL, W_OK) ? NULL : &faults;
}
