/*
 * Mesa's environment, and programs of the userland
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "run.h"
#include "tap.h"

#define DRIVERS     "/usr/share/vulkan/icd.d/"
#define MOST_OUTPUT (16u << 20)

void mesa_environment(void)
{
    static const char *const patterns[] = { DRIVERS "panfrost*",
                                            DRIVERS "lvp*" };
    char files[512] = "";
    glob_t found;

    for (unsigned i = 0; i < 2; i++) {
        if (glob(patterns[i], 0, NULL, &found) == 0) {
            snprintf(files + strlen(files), sizeof(files) - strlen(files),
                     "%s%s", *files ? ":" : "", found.gl_pathv[0]);
            globfree(&found);
        }
    }
    setenv("VK_DRIVER_FILES", files, 0);
    setenv("RUSTICL_ENABLE", "panfrost,llvmpipe", 0);
    setenv("OCL_ICD_VENDORS", "/etc/OpenCL/vendors/rusticl.icd", 0);
    setenv("MESA_SHADER_CACHE_DISABLE", "true", 0);
    setenv("XDG_CACHE_HOME", "/tmp/cache", 0);
    /* What panvk wants to hear for architecture 14 */
    setenv("PAN_I_WANT_A_BROKEN_VULKAN_DRIVER", "1", 0);
}

/* Read what there is, up to the limit; false at the end. */
static bool read_some(int fd, Ran *ran)
{
    char buffer[65536];
    ssize_t got = read(fd, buffer, sizeof(buffer));

    if (got <= 0) {
        return false;
    }
    if (ran->size + got < MOST_OUTPUT) {
        ran->output = realloc(ran->output, ran->size + got + 1);
        memcpy(ran->output + ran->size, buffer, got);
        ran->size += got;
        ran->output[ran->size] = 0;
    }
    return true;
}

static pid_t start(const char *variable, const char *const *argv, int output)
{
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_RDONLY);

        setpgid(0, 0);
        dup2(null, STDIN_FILENO);
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
        if (variable) {
            putenv((char *)variable);
        }
        execvp(argv[0], (char *const *)argv);
        perror(argv[0]);
        _exit(127);
    }
    return pid;
}

bool run_program(const char *const *argv, unsigned seconds, Ran *ran)
{
    return run_program_with(NULL, argv, seconds, ran);
}

bool run_program_with(const char *variable, const char *const *argv,
                      unsigned seconds, Ran *ran)
{
    uint64_t deadline = kernel_now_ns() + seconds * 1000000000ull;
    int output[2], status = 0;
    pid_t pid;

    memset(ran, 0, sizeof(*ran));
    ran->output = calloc(1, 1);
    if (pipe2(output, O_CLOEXEC)) {
        ran->status = 127;
        return false;
    }
    pid = start(variable, argv, output[1]);
    close(output[1]);
    for (;;) {
        struct pollfd wait = { .fd = output[0], .events = POLLIN };
        uint64_t now = kernel_now_ns();

        if (now >= deadline) {
            ran->timed_out = true;
            break;
        }
        if (poll(&wait, 1, (deadline - now) / 1000000 + 1) > 0 &&
            !read_some(output[0], ran)) {
            break;
        }
    }
    if (ran->timed_out) {
        kill(-pid, SIGKILL);
    }
    waitpid(pid, &status, 0);
    close(output[0]);
    ran->status =
        WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return !ran->timed_out && !ran->status;
}

void ran_free(Ran *ran)
{
    free(ran->output);
    memset(ran, 0, sizeof(*ran));
}

void ran_show(const Ran *ran, unsigned lines)
{
    const char *start = ran->output + ran->size;

    while (start > ran->output) {
        if (start[-1] == '\n' && start < ran->output + ran->size &&
            lines-- == 1) {
            break;
        }
        start--;
    }
    while (*start) {
        size_t length = strcspn(start, "\n");

        tap_diag("%.*s", length > 300 ? 300 : (int)length, start);
        start += length + (start[length] == '\n');
    }
    if (ran->timed_out) {
        tap_diag("ended after its time");
    } else if (ran->status) {
        tap_diag("exit status %d", ran->status);
    }
}

bool program_exists(const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/usr/bin/",
             name);
    return access(path, X_OK) == 0;
}

const char *run_option(const char *name)
{
    static char line[4096], value[256];
    FILE *file = fopen("/proc/cmdline", "r");
    const char *at;

    *value = *line = 0;
    if (file) {
        at = fgets(line, sizeof(line), file) ? strstr(line, name) : NULL;
        if (at) {
            at += strlen(name);
            snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, " "), at);
            value[strcspn(value, "\n")] = 0;
        }
        fclose(file);
    }
    return value;
}
