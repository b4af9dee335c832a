/*
 * Requests to the host that runs the machine
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "host.h"
#include "kernel.h"
#include "tap.h"

static bool host_gone;
static char host_reason[160];

/* One line without its end.  Returns its length or a negative errno. */
static int host_read_line(char *line, size_t size)
{
    uint64_t deadline = kernel_now_ns() + HOST_TIMEOUT_MS * 1000000ull;
    size_t len = 0;

    while (len < size - 1) {
        struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
        uint64_t now = kernel_now_ns();
        ssize_t ret;
        char c;

        if (now >= deadline) {
            return -ETIMEDOUT;
        }
        if (poll(&pfd, 1, (deadline - now) / 1000000 + 1) <= 0) {
            continue;
        }
        ret = read(STDIN_FILENO, &c, 1);
        if (ret == 0 || (ret < 0 && errno != EINTR)) {
            return -ETIMEDOUT;
        }
        if (ret < 0 || c == '\r') {
            continue;
        }
        if (c == '\n') {
            break;
        }
        line[len++] = c;
    }
    line[len] = '\0';
    return len;
}

int host_request(char *value, size_t size, const char *fmt, ...)
{
    struct termios saved, quiet;
    char words[256], line[512];
    const char *rest;
    bool tty;
    va_list ap;
    int ret;

    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);

    if (value && size) {
        value[0] = '\0';
    }
    if (host_gone) {
        return -ETIMEDOUT;
    }

    /* The console would echo the answer into the middle of the TAP stream */
    tty = !tcgetattr(STDIN_FILENO, &saved);
    if (tty) {
        quiet = saved;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    }
    tap_directive("request %s", words);
    ret = host_read_line(line, sizeof(line));
    if (tty) {
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    }

    if (ret < 0) {
        host_gone = true;
        snprintf(host_reason, sizeof(host_reason),
                 "no host answers requests");
        return -ETIMEDOUT;
    }

    if (!strncmp(line, "ok", 2) && (line[2] == '\0' || line[2] == ' ')) {
        rest = line + 2 + (line[2] == ' ');
        ret = 0;
    } else {
        rest = !strncmp(line, "error ", 6) ? line + 6 : line;
        snprintf(host_reason, sizeof(host_reason), "host: %.100s", rest);
        ret = -EREMOTEIO;
    }
    if (value && size) {
        snprintf(value, size, "%s", rest);
    }
    return ret;
}

int host_get_u64(const char *property, uint64_t *value)
{
    unsigned long long number;
    char text[64], rest;
    int ret;

    ret = host_request(text, sizeof(text), "qom-get %s", property);
    if (ret) {
        return ret;
    }
    if (sscanf(text, "%llu%c", &number, &rest) != 1) {
        snprintf(host_reason, sizeof(host_reason),
                 "host: %s is no number: %s", property, text);
        return -EPROTO;
    }
    *value = number;
    return 0;
}

const char *host_error(void)
{
    return host_reason;
}
