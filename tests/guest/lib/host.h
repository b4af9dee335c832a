/*
 * Requests to the host that runs the machine
 *
 * A request is a directive, "#@ request <words>", on standard output.  The
 * host answers with one line on standard input, "ok[ value]" or
 * "error <text>".
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_HOST_H
#define TESTS_GUEST_LIB_HOST_H

#include <stddef.h>
#include <stdint.h>

/* How long a host that listens may take, in milliseconds */
#define HOST_TIMEOUT_MS 20000

/**
 * host_request: ask the host for something
 * @value: the value of the answer, or the text of the error; may be NULL
 * @size: bytes at @value
 * @fmt: the request, for instance "qom-get stall-count"
 *
 * Returns 0, -EREMOTEIO if the host refused, or -ETIMEDOUT if nobody
 * answered.  After a time-out every further request fails at once: a late
 * answer would be taken for that of the next request.
 */
int host_request(char *value, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * host_get_u64: read an unsigned property of the device
 * @property: its name; followed by a blank and an id=, of another device
 * @value: receives it
 *
 * Returns as host_request() does, or -EPROTO if it is no number.
 */
int host_get_u64(const char *property, uint64_t *value);

/* The reason of the last failure, for a SKIP.  Owned by the library. */
const char *host_error(void);

#endif /* TESTS_GUEST_LIB_HOST_H */
