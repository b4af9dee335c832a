/*
 * Test Anything Protocol on standard output, for the guest programs
 *
 * The plan comes at the end, so that a program need not count its checks.
 * Standard output is the console that the host reads: every line is flushed
 * at once, and lines that start with "#@ " are directives to the host.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_TAP_H
#define TESTS_GUEST_LIB_TAP_H

#include <stdbool.h>

/* Exit codes of every guest program */
enum {
    TAP_EXIT_OK = 0,
    TAP_EXIT_FAIL = 1,
    TAP_EXIT_USAGE = 2,
};

/**
 * tap_start: parse the command line and begin
 * @argc: as given to main()
 * @argv: as given to main()
 * @options: the words that this program accepts, ended by NULL, or NULL
 * @what: what the program does, one line, for the usage message
 *
 * At most one word is accepted.  Returns its index in @options, or -1 if
 * there was none.  Anything else ends the program with TAP_EXIT_USAGE.
 */
int tap_start(int argc, char **argv, const char *const *options,
              const char *what);

/**
 * tap_ok: report one check
 * @pass: whether it passed
 * @fmt: its name, without a number
 *
 * Returns @pass.
 */
bool tap_ok(bool pass, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * tap_skip: report one check as skipped
 * @reason: why, shown to the user
 * @fmt: its name
 */
void tap_skip(const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A line of explanation, which no program interprets */
void tap_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A directive to the host: "#@ " and the line */
void tap_directive(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* Give up: nothing that follows could be trusted.  Does not return. */
void tap_bail_out(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* Print the plan.  Returns the exit code of the program. */
int tap_end(void);

/*
 * Evaluates to @expr, which returns zero or more, or a negative errno; the
 * latter bails out with the expression's text.  For set-up, without which
 * there is nothing to check.
 */
#define TAP_MUST(expr) tap_must((expr), #expr, __FILE__, __LINE__)

long tap_must(long ret, const char *expr, const char *file, int line);

#endif /* TESTS_GUEST_LIB_TAP_H */
