/*
 * Mesa's environment, and programs of the userland
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_MESA_LIB_RUN_H
#define TESTS_GUEST_MESA_LIB_RUN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Both drivers of Vulkan and of OpenCL, and nothing that an earlier run has
 * compiled
 */
void mesa_environment(void);

/*
 * What stands behind @name, "x.y=", on the kernel's command line, or "".  Good
 * until the next call.
 */
const char *run_option(const char *name);

typedef struct Ran {
    int status;         /* as of a shell: 128 and more for a signal */
    bool timed_out;
    char *output;       /* of both streams, ended by 0; freed by ran_free() */
    size_t size;
} Ran;

/**
 * run_program: run a program to its end
 * @argv: ended by NULL; the first one is looked for in PATH
 * @seconds: after which it is ended
 * @ran: receives what it said
 *
 * Returns true if it has ended by itself with status 0.
 */
bool run_program(const char *const *argv, unsigned seconds, Ran *ran);

/*
 * The same with a variable of its own, "NAME=value"; several threads may do so at
 * once
 */
bool run_program_with(const char *variable, const char *const *argv,
                      unsigned seconds, Ran *ran);

void ran_free(Ran *ran);

/* The last lines of what it said, as lines of explanation */
void ran_show(const Ran *ran, unsigned lines);

/* Whether a program of that name is in PATH, or @name is a path and is there */
bool program_exists(const char *name);

#endif /* TESTS_GUEST_MESA_LIB_RUN_H */
