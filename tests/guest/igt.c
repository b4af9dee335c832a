/*
 * igt: the panthor tests of IGT, each subtest by itself
 *
 * They are in the guest if the run was given IGT=, see docs/devel/igt.rst.
 * The names are those of the kernel's drm/ci: panthor/panthor_vm@vm_bind.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kernel.h"
#include "lib/tap.h"

/* Names of programs, one a line, and patterns of what is not to be run */
#define IGT_LIST        "/igt/list"
#define IGT_SKIPS       "/igt/skips"

#define SUBTEST_TIMEOUT_MS 60000
#define OUTPUT_MAX      0x8000
#define MAX_SKIPS       32

/* lib/igt_core.h of IGT */
enum {
    IGT_EXIT_SUCCESS = 0,
    IGT_EXIT_SKIP = 77,
    IGT_EXIT_INVALID = 79,
};

static regex_t skips[MAX_SKIPS];
static unsigned num_skips;

/**
 * run: run a program with up to two arguments
 * @output: what it printed, or the beginning of it
 *
 * Returns its exit status, 128 and the number of the signal that ended it, or
 * -ETIMEDOUT if it had to be killed.
 */
static int run(const char *program, const char *first, const char *second,
               char output[OUTPUT_MAX])
{
    uint64_t deadline = kernel_now_ns() + SUBTEST_TIMEOUT_MS * 1000000ull;
    int pipes[2], status = 0;
    bool late = false;
    size_t used = 0;
    char path[96];
    pid_t pid;

    snprintf(path, sizeof(path), "/igt/bin/%s", program);
    TAP_MUST(pipe(pipes) ? -errno : 0);
    fflush(stdout);
    pid = fork();
    TAP_MUST(pid < 0 ? -errno : 0);
    if (!pid) {
        setpgid(0, 0);
        dup2(pipes[1], STDOUT_FILENO);
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        setenv("LD_LIBRARY_PATH", "/igt/lib", 1);
        execl(path, program, first, second, (char *)NULL);
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        _exit(127);
    }
    close(pipes[1]);
    for (;;) {
        struct pollfd wait = { .fd = pipes[0], .events = POLLIN };
        char rest[512], *to = rest;
        size_t room = sizeof(rest);
        ssize_t got;

        if (kernel_now_ns() > deadline) {
            late = true;
            kill(-pid, SIGKILL);
            break;
        }
        if (poll(&wait, 1, 100) <= 0) {
            continue;
        }
        if (used < OUTPUT_MAX - 1) {
            to = output + used;
            room = OUTPUT_MAX - 1 - used;
        }
        got = read(pipes[0], to, room);
        if (got <= 0) {
            break;
        }
        used += to == rest ? 0 : got;
    }
    output[used] = '\0';
    close(pipes[0]);
    waitpid(pid, &status, 0);
    if (late) {
        return -ETIMEDOUT;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool is_skipped(const char *name)
{
    for (unsigned i = 0; i < num_skips; i++) {
        if (!regexec(&skips[i], name, 0, NULL, 0)) {
            return true;
        }
    }
    return false;
}

static void run_subtest(const char *program, const char *subtest)
{
    static char output[OUTPUT_MAX];
    char name[160], *line, *rest;
    int ret;

    snprintf(name, sizeof(name), "panthor/%s%s%s", program,
             *subtest ? "@" : "", subtest);
    if (is_skipped(name)) {
        tap_skip("the expectations say so", "%s", name);
        return;
    }
    ret = run(program, *subtest ? "--run-subtest" : NULL, subtest, output);
    if (ret == IGT_EXIT_SKIP) {
        tap_skip("IGT skips it", "%s", name);
    } else if (tap_ok(ret == IGT_EXIT_SUCCESS, "%s", name)) {
        return;
    } else if (ret < 0) {
        tap_diag("killed after %u s", SUBTEST_TIMEOUT_MS / 1000);
    } else {
        tap_diag("status %d", ret);
    }
    for (line = strtok_r(output, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        tap_diag("%s", line);
    }
}

static void run_program(const char *program)
{
    static char subtests[OUTPUT_MAX];
    int ret = run(program, "--list-subtests", NULL, subtests);
    char *line, *rest;

    if (ret == IGT_EXIT_INVALID) {
        /* It has none */
        run_subtest(program, "");
        return;
    }
    if (ret != IGT_EXIT_SUCCESS) {
        tap_ok(false, "panthor/%s: lists its subtests", program);
        tap_diag("status %d: %.400s", ret, subtests);
        return;
    }
    for (line = strtok_r(subtests, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        run_subtest(program, line);
    }
}

/* The next line of a file, without its end */
static bool next_line(FILE *file, char *line, int size)
{
    if (!fgets(line, size, file)) {
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    return true;
}

int main(int argc, char **argv)
{
    FILE *list = fopen(IGT_LIST, "r"), *file;
    char line[256];

    tap_start(argc, argv, NULL, "Runs IGT's tests of panthor.");
    if (!list) {
        tap_skip("the run has no IGT=, see docs/devel/igt.rst",
                 "IGT's panthor tests");
        return tap_end();
    }
    file = fopen(IGT_SKIPS, "r");
    while (file && num_skips < MAX_SKIPS &&
           next_line(file, line, sizeof(line))) {
        if (regcomp(&skips[num_skips], line, REG_EXTENDED | REG_NOSUB)) {
            tap_bail_out("%s: bad pattern %s", IGT_SKIPS, line);
        }
        num_skips++;
    }
    if (file) {
        fclose(file);
    }
    while (next_line(list, line, sizeof(line))) {
        run_program(line);
    }
    fclose(list);
    return tap_end();
}
