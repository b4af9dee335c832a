/*
 * Test Anything Protocol on standard output, for the guest programs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static unsigned tap_count;
static unsigned tap_failed;

int tap_start(int argc, char **argv, const char *const *options,
              const char *what)
{
    const char *const *o;

    setvbuf(stdout, NULL, _IOLBF, 0);

    if (argc <= 1) {
        return -1;
    }
    if (argc == 2 && options) {
        for (o = options; *o; o++) {
            if (!strcmp(argv[1], *o)) {
                return o - options;
            }
        }
    }

    fprintf(stderr, "usage: %s", argv[0]);
    for (o = options; o && *o; o++) {
        fprintf(stderr, "%s%s", o == options ? " [" : " | ", *o);
    }
    fprintf(stderr, "%s\n%s\n", options ? "]" : "", what);
    exit(TAP_EXIT_USAGE);
}

bool tap_ok(bool pass, const char *fmt, ...)
{
    va_list ap;

    printf("%s %u - ", pass ? "ok" : "not ok", ++tap_count);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    tap_failed += !pass;
    return pass;
}

void tap_skip(const char *reason, const char *fmt, ...)
{
    va_list ap;

    printf("ok %u - ", ++tap_count);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf(" # SKIP %s\n", reason);
}

void tap_diag(const char *fmt, ...)
{
    va_list ap;

    printf("# ");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

void tap_directive(const char *fmt, ...)
{
    va_list ap;

    printf("#@ ");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

void tap_bail_out(const char *fmt, ...)
{
    va_list ap;

    printf("Bail out! ");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    exit(TAP_EXIT_FAIL);
}

long tap_must(long ret, const char *expr, const char *file, int line)
{
    if (ret < 0) {
        tap_bail_out("%s:%d: %s: %s", file, line, expr, strerror(-ret));
    }
    return ret;
}

int tap_end(void)
{
    printf("1..%u\n", tap_count);
    return tap_failed ? TAP_EXIT_FAIL : TAP_EXIT_OK;
}
