/*
 * inherit: a fault of one queue reaches the queues that wait for it
 *
 * Three queues of a group.  One takes a fault that its stream recovers from,
 * and signals an object with error propagation; the two others wait for that
 * object and do not reject errors.  What the driver prints of them is what it
 * printed on a board with a Mali-G610 (docs/specs/mali-csf.rst).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hw/gpu/mali-csf/fw-interface.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 4000
#define LOG_TIMEOUT_MS 500
/* Long enough for the streams that wait to be at their instruction */
#define WAITERS_MS 20

#define QUEUES 3

/* Words of the data: what the fault would have written, and the object */
enum {
    DATA_FAULT = 4,
    DATA_OBJECT = 64,
};

/* A store that is misaligned, then the object with the queue's error */
static void emit_source(Stream *s)
{
    stream_emit(s, cs_move48(0, panthor_data_va(DATA_FAULT) + 2));
    stream_emit(s, cs_store_multiple(10, 1, 0, 0));
    stream_emit(s, cs_wait(1 << STREAM_SB_LOAD_STORE));
    stream_emit(s, cs_move48(4, panthor_data_va(DATA_OBJECT)));
    stream_emit(s, cs_move48(6, 1));
    stream_emit(s, cs_sync(CS_OP_SYNC_ADD64, 4, 6, CS_SYNC_SCOPE_SYSTEM, 1, 0,
                           STREAM_SB_LOAD_STORE));
}

static void emit_waiter(Stream *s)
{
    stream_emit(s, cs_move48(4, panthor_data_va(DATA_OBJECT)));
    stream_emit(s, cs_move48(6, 0));
    stream_emit(s, cs_sync_wait(CS_OP_SYNC_WAIT64, 4, 6, CS_COND_GT, 0));
}

/* The number behind @name in a record of the log, or all ones */
static uint64_t number_behind(const char *record, const char *name)
{
    const char *at = strstr(record, name);
    unsigned long long value;

    return at && sscanf(at + strlen(name), "%llx", &value) == 1 ? value :
           UINT64_MAX;
}

/* Records of inherited faults, and those that have the words of a board */
static void count_records(int log, unsigned *found, unsigned *good)
{
    char record[1024];

    *found = *good = 0;
    while (!kernel_log_find(log, "CS_FAULT.EXCEPTION_TYPE", record,
                            sizeof(record), LOG_TIMEOUT_MS)) {
        if (number_behind(record, "CS_FAULT.EXCEPTION_TYPE: ") !=
            CS_EXCEPTION_INHERIT_FAULT) {
            continue;
        }
        tap_diag("%s", record);
        (*found)++;
        *good += !number_behind(record, "CS_FAULT.EXCEPTION_DATA: ") &&
                 number_behind(record, "CS_FAULT_INFO.EXCEPTION_DATA: ") ==
                 panthor_data_va(DATA_OBJECT);
    }
}

int main(int argc, char **argv)
{
    /* Up to 6.12 the driver fails the job only of an inherited fault */
    const int source = kernel_locks_first() ? -EINVAL : 1;
    struct drm_panthor_sync_op sync[QUEUES];
    PanthorJob job[QUEUES] = { 0 };
    uint32_t syncobj[QUEUES];
    int status[QUEUES] = { 0 };
    unsigned found, good;
    PanthorContext ctx;
    PanthorDev dev;
    int log;

    tap_start(argc, argv, NULL, "a fault that other queues inherit");
    tap_directive("allow-dmesg CS_FAULT|CSG slot [0-9]+ cs fault");
    TAP_MUST(panthor_open(&dev));
    log = TAP_MUST(kernel_log_open());
    panthor_context_init(&ctx, &dev, QUEUES);
    for (int q = 0; q < QUEUES; q++) {
        Stream s;

        TAP_MUST(panthor_syncobj_create(&dev, &syncobj[q]));
        sync[q] = panthor_signal_op(syncobj[q], 0);
        stream_init(&s);
        stream_begin(&s);
        if (q == 0) {
            emit_source(&s);
        } else {
            emit_waiter(&s);
        }
        stream_end(&s);
        job[q] = (PanthorJob) {
            .queue = q,
            .syncs = &sync[q],
            .sync_count = 1,
        };
        job[q].stream_va = stream_place(&s, &ctx.code, &job[q].stream_size);
    }

    TAP_MUST(panthor_group_submit(&dev, ctx.group, &job[1], QUEUES - 1));
    kernel_sleep_ms(WAITERS_MS);
    TAP_MUST(panthor_group_submit(&dev, ctx.group, &job[0], 1));
    for (int q = 0; q < QUEUES; q++) {
        int ret = panthor_syncobj_wait(&dev, syncobj[q], 0, false,
                                       JOB_TIMEOUT_MS);

        if (ret) {
            tap_diag("queue %d: %s", q, strerror(-ret));
        } else {
            panthor_syncobj_status(&dev, syncobj[q], &status[q]);
        }
        panthor_syncobj_destroy(&dev, syncobj[q]);
    }
    if (!tap_ok(status[0] == source && status[1] == -EINVAL &&
                status[2] == -EINVAL, "the jobs that waited fail, too")) {
        tap_diag("fences %d, %d, %d", status[0], status[1], status[2]);
    }
    tap_ok(ctx.data[DATA_OBJECT] == 1 &&
           ctx.data[DATA_OBJECT + CS_SYNC64_ERROR / 4] == CS_SYNC_HAS_ERROR,
           "the object has the value, and the error");
    count_records(log, &found, &good);
    tap_ok(found == QUEUES - 1, "each of their streams has a fault (%u)",
           found);
    tap_ok(good == found, "data 0, and the object's address, as on a board");
    panthor_context_fini(&ctx);
    panthor_close(&dev);
    return tap_end();
}
