/*
 * Calls that the driver must refuse
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "module.h"
#include "refuse.h"
#include "tap.h"

/* An unbinding takes less than a second, unless it waits for ever */
#define UNBIND_TIMEOUT_MS 20000
#define SUSPEND_TIMEOUT_MS 5000

static unsigned count;

/* The driver looks at arguments before it waits for anything. */
static void say_untimed(void)
{
    static bool said;

    if (!said) {
        tap_directive("untimed ( is refused: .*| is taken)$");
        said = true;
    }
}

bool refused(int ret, int wanted, const char *fmt, ...)
{
    char name[128];
    va_list ap;
    bool ok;

    va_start(ap, fmt);
    vsnprintf(name, sizeof(name), fmt, ap);
    va_end(ap);
    say_untimed();
    ok = tap_ok(ret == wanted, "%s is refused: %s", name, strerror(-wanted));
    if (!ok) {
        tap_diag("%s", ret < 0 ? strerror(-ret) : "it is taken");
    }
    count++;
    return ok;
}

bool taken(int ret, const char *fmt, ...)
{
    char name[128];
    va_list ap;
    bool ok;

    va_start(ap, fmt);
    vsnprintf(name, sizeof(name), fmt, ap);
    va_end(ap);
    say_untimed();
    ok = tap_ok(ret >= 0, "%s is taken", name);
    if (!ok) {
        tap_diag("%s", strerror(-ret));
    }
    return ok;
}

/* Whether the device could be unbound in time, by a process of its own */
static bool unbind(const char *name)
{
    uint64_t deadline = kernel_now_ns() + UNBIND_TIMEOUT_MS * 1000000ull;
    int status = 0;
    pid_t pid, ended;

    fflush(stdout);
    pid = fork();
    if (!pid) {
        _exit(module_unbind_name(name) ? 1 : 0);
    }
    TAP_MUST(pid < 0 ? -errno : 0);
    while (!(ended = waitpid(pid, &status, WNOHANG)) &&
           kernel_now_ns() < deadline) {
        kernel_sleep_ms(5);
    }
    return ended == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

void refuse_end(PanthorDev *dev)
{
    char name[64];
    int ret;

    TAP_MUST(module_device_name(dev, name, sizeof(name)));
    ret = panthor_wait_suspended(dev, SUSPEND_TIMEOUT_MS);
    if (!tap_ok(!ret, "after %u refused calls the GPU goes to sleep", count)) {
        tap_diag("%s", strerror(-ret));
    }
    panthor_close(dev);
    if (tap_ok(unbind(name), "after %u refused calls nobody is in the driver "
               "any more: it is unbound", count)) {
        tap_ok(!module_bind(name, dev), "and bound");
        panthor_close(dev);
    }
}
