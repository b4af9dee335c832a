/*
 * requests: the host answers while it is busy with what the guest prints
 *
 * A test of the guest runner, not of the device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/tap.h"

#define NUM_REQUESTS    100

/* For ever: far more than a socket on the host has room for */
static void fill_console(void)
{
    static const char line[] = "requests: the console is busy\n";
    int fd = open("/dev/console", O_WRONLY | O_NOCTTY);

    while (fd >= 0 && write(fd, line, sizeof(line) - 1) > 0) {
        continue;
    }
    _exit(1);
}

int main(int argc, char **argv)
{
    unsigned answered = 0;
    bool busy;
    pid_t child;

    tap_start(argc, argv, NULL, "Asks the host while the console is busy.");
    if (host_request(NULL, 0, "qom-get type")) {
        tap_skip(host_error(), "requests are answered");
        return tap_end();
    }
    child = fork();
    TAP_MUST(child < 0 ? -1 : 0);
    if (!child) {
        fill_console();
    }
    while (answered < NUM_REQUESTS &&
           !host_request(NULL, 0, "qom-get type")) {
        answered++;
    }
    busy = !waitpid(child, NULL, WNOHANG);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    tap_ok(busy, "the console was busy all the time");
    if (!tap_ok(answered == NUM_REQUESTS,
                "requests are answered while the console is busy")) {
        tap_diag("%u of %u: %s", answered, NUM_REQUESTS, host_error());
    }
    return tap_end();
}
