/*
 * Mali CSF GPU: the null endpoint
 *
 * Not modelled: shader cores, tiler, fragment front end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "endpoint.h"

typedef struct NullEndpoint {
    QEMUTimer *timer;
    /* In flight, in the order of their beginning */
    QTAILQ_HEAD(, MaliCsfWork) works;
} NullEndpoint;

static void hand_back(MaliCsfEndpoint *endpoint, MaliCsfWork *work,
                      MaliCsfWorkEnd end)
{
    NullEndpoint *null = endpoint->state;

    QTAILQ_REMOVE(&null->works, work, next);
    work->end = end;
    endpoint->done(endpoint->opaque, work);
}

static void arm(NullEndpoint *null)
{
    int64_t first = INT64_MAX;
    const MaliCsfWork *work;

    QTAILQ_FOREACH(work, &null->works, next) {
        first = MIN(first, work->deadline);
    }
    if (first == INT64_MAX) {
        timer_del(null->timer);
    } else {
        timer_mod(null->timer, first);
    }
}

static void null_timer(void *opaque)
{
    MaliCsfEndpoint *endpoint = opaque;
    NullEndpoint *null = endpoint->state;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    MaliCsfWork *work, *next;

    QTAILQ_FOREACH_SAFE(work, &null->works, next, next) {
        if (work->deadline <= now) {
            hand_back(endpoint, work, MALI_CSF_WORK_DONE);
        }
    }
    arm(null);
}

static void null_start(MaliCsfEndpoint *endpoint, MaliCsfWork *work)
{
    NullEndpoint *null = endpoint->state;
    uint64_t latency = MIN(endpoint->latency_ns,
                           MALI_CSF_ENDPOINT_LATENCY_MAX_NS);

    QTAILQ_INSERT_TAIL(&null->works, work, next);
    /* What is begun again keeps its time. */
    if (!work->progress) {
        work->progress = 1;
        latency += work->late_ns;
        work->deadline = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + latency;
        if (!latency) {
            hand_back(endpoint, work, MALI_CSF_WORK_DONE);
            return;
        }
    }
    timer_mod_anticipate(null->timer, work->deadline);
}

static void null_cancel(MaliCsfEndpoint *endpoint, MaliCsfWork *work)
{
    hand_back(endpoint, work, MALI_CSF_WORK_CANCELLED);
    arm(endpoint->state);
}

/* It has nothing to do that would have to be waited for. */
static void null_drain(MaliCsfEndpoint *endpoint, MaliCsfWork *work)
{
    hand_back(endpoint, work, MALI_CSF_WORK_DONE);
    arm(endpoint->state);
}

static void null_reset(MaliCsfEndpoint *endpoint)
{
    NullEndpoint *null = endpoint->state;

    QTAILQ_INIT(&null->works);
    timer_del(null->timer);
}

static void null_init(MaliCsfEndpoint *endpoint)
{
    NullEndpoint *null = g_new0(NullEndpoint, 1);

    QTAILQ_INIT(&null->works);
    null->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, null_timer, endpoint);
    endpoint->state = null;
}

static void null_finalize(MaliCsfEndpoint *endpoint)
{
    NullEndpoint *null = endpoint->state;

    timer_free(null->timer);
    g_free(null);
    endpoint->state = NULL;
}

const MaliCsfEndpointOps mali_csf_null_endpoint = {
    .name = "null",
    .init = null_init,
    .finalize = null_finalize,
    .start = null_start,
    .cancel = null_cancel,
    .drain = null_drain,
    .reset = null_reset,
};
