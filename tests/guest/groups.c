/*
 * groups: more groups than there are slots
 *
 * They are suspended and resumed in the midst of nested calls and with
 * deferred instructions.  Results are compared in memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/nested.h"
#include "lib/panthor.h"
#include "lib/tap.h"

/* More groups than slots, each on a VM of its own */
#define MANY_GROUPS 12
/* How long they should take together, to see many ticks of 10 ms */
#define MANY_TARGET_MS 1000
#define MANY_TIMEOUT_MS 10000
#define CALIBRATION_LOOPS 100000
#define CALIBRATIONS 5
/* When a group loses its slot is up to the driver: with longer jobs, again */
#define MANY_TRIES 3

/* Words of the data buffer of each group */
enum {
    MANY_START = 0,
    MANY_END = 2,
    MANY_WORK = 16,
    MANY_LOG = 32,
    MANY_PATTERN = 64,
};

/* Registers that only hold values, to be kept over a suspend */
enum {
    PATTERN_REG = 40,
    PATTERN_REGS = 16,
};

static void begin(Stream *s)
{
    stream_init(s);
    stream_begin(s);
}

static uint64_t data64(const PanthorContext *ctx, size_t index)
{
    return ctx->data[index] | (uint64_t)ctx->data[index + 1] << 32;
}

static uint32_t pattern(unsigned group, unsigned reg)
{
    return (group + 1) * 0x01010101u ^ reg * 0x9e3779b9u;
}

static void emit_many(PanthorContext *ctx, Stream *s, unsigned group,
                      uint32_t rounds)
{
    unsigned i;

    stream_emit(s, cs_move48(0, panthor_data_va(0)));
    stream_emit(s, cs_store_state(0, MANY_START * 4, CS_STATE_TIMESTAMP, 0,
                                  STREAM_SB_LOAD_STORE));
    for (i = 0; i < PATTERN_REGS; i++) {
        stream_emit(s, cs_move32(PATTERN_REG + i, pattern(group, i)));
    }
    stream_emit(s, cs_move48(30, panthor_data_va(MANY_LOG)));
    nested_emit(ctx, s, rounds, group * 16 + 1);
    stream_store(s, 16, (1u << NESTED_LEVELS) - 1, 0, MANY_WORK * 4);
    stream_store(s, PATTERN_REG, 0xffff, 0, MANY_PATTERN * 4);
    stream_emit(s, cs_store_state(0, MANY_END * 4, CS_STATE_TIMESTAMP, 0,
                                  STREAM_SB_LOAD_STORE));
    stream_end(s);
}

/* How many of the groups were between their start and their end at once */
static unsigned most_at_once(PanthorContext *ctx)
{
    unsigned most = 0, i, j;

    for (i = 0; i < MANY_GROUPS; i++) {
        uint64_t at = data64(&ctx[i], MANY_START);
        unsigned n = 0;

        for (j = 0; j < MANY_GROUPS; j++) {
            n += data64(&ctx[j], MANY_START) <= at &&
                 data64(&ctx[j], MANY_END) > at;
        }
        most = n > most ? n : most;
    }
    return most;
}

/*
 * Rounds for test_many_groups(): of a few runs the shortest counts, since on a
 * busy host one alone would count too much.
 */
static uint32_t calibrate(PanthorDev *dev)
{
    uint64_t start, ns = UINT64_MAX, rounds;
    PanthorContext context, *ctx = &context;
    unsigned i;
    Stream s;

    panthor_context_init(ctx, dev, 1);
    for (i = 0; i < CALIBRATIONS; i++) {
        begin(&s);
        stream_emit(&s, cs_move32(11, 0));
        stream_loop(&s, 10, 11, CALIBRATION_LOOPS, 1);
        stream_end(&s);
        start = kernel_now_ns();
        TAP_MUST(panthor_run_stream(ctx, 0, &s, MANY_TIMEOUT_MS));
        start = kernel_now_ns() - start;
        ns = start < ns ? start : ns;
    }
    panthor_context_fini(ctx);
    rounds = MANY_TARGET_MS * 1000000ull * CALIBRATION_LOOPS / ns /
             (MANY_GROUPS * NESTED_LEVELS * 2);
    tap_diag("%u instructions took %u us; %u rounds per loop",
             3 * CALIBRATION_LOOPS, (unsigned)(ns / 1000), (unsigned)rounds);
    return rounds < 100 ? 100 : rounds;
}

/* False if no group was seen to lose its slot, unless this is the @last try */
static bool test_many_groups(PanthorDev *dev, uint32_t rounds, bool last)
{
    static PanthorContext ctx[MANY_GROUPS];
    unsigned good = 0, kept = 0, most, g, i;
    int slots = panthor_group_slots(dev);
    uint64_t start;

    TAP_MUST(slots);
    for (g = 0; g < MANY_GROUPS; g++) {
        panthor_context_init(&ctx[g], dev, 1);
    }
    start = kernel_now_ns();
    for (g = 0; g < MANY_GROUPS; g++) {
        uint64_t va;
        uint32_t size;
        Stream s;

        begin(&s);
        emit_many(&ctx[g], &s, g, rounds);
        va = stream_place(&s, &ctx[g].code, &size);
        TAP_MUST(panthor_submit(&ctx[g], 0, va, size, ctx[g].syncobj));
    }
    for (g = 0; g < MANY_GROUPS; g++) {
        int status = 0, ret;

        ret = panthor_syncobj_wait(dev, ctx[g].syncobj, 0, false,
                                   MANY_TIMEOUT_MS);
        if (!ret) {
            ret = panthor_syncobj_status(dev, ctx[g].syncobj, &status);
        }
        if (ret || status != 1) {
            tap_diag("group %u: wait %d, fence %d", g, ret, status);
        } else {
            good++;
        }
    }
    tap_diag("%u groups took %u ms", MANY_GROUPS,
             (unsigned)((kernel_now_ns() - start) / 1000000));
    if (!tap_ok(good == MANY_GROUPS, "%d groups on %d slots are done",
                MANY_GROUPS, slots)) {
        return true;
    }

    for (good = 0, g = 0; g < MANY_GROUPS; g++) {
        good += nested_ok(ctx[g].data + MANY_LOG, ctx[g].data + MANY_WORK,
                          rounds, g * 16 + 1);
        for (i = 0; i < PATTERN_REGS; i++) {
            kept += ctx[g].data[MANY_PATTERN + i] == pattern(g, i);
        }
    }
    tap_ok(good == MANY_GROUPS,
           "each ran its nested calls exactly once (%u of %u)", good,
           MANY_GROUPS);
    tap_ok(kept == MANY_GROUPS * PATTERN_REGS,
           "each kept its registers (%u of %u)", kept,
           MANY_GROUPS * PATTERN_REGS);
    most = most_at_once(ctx);
    if (slots >= MANY_GROUPS) {
        tap_skip("a slot for each", "suspended in the midst");
    } else if ((int)most > slots || last) {
        tap_ok((int)most > slots, "%u were under way at once, on %d slots: "
               "suspended in the midst", most, slots);
    }

    for (g = 0; g < MANY_GROUPS; g++) {
        panthor_context_fini(&ctx[g]);
    }
    return (int)most > slots || slots >= MANY_GROUPS;
}

/* A tick of the scheduler, so that groups lose their slot meanwhile */
#define WORK_NS 10000000
#define WORK_GROUPS 10
#define WORK_ROUNDS 16
#define WORK_TIMEOUT_MS 10000
/* Words of the data: a sync object, and what it was when the stream went on */
#define WORK_OBJECT 256
#define WORK_SEEN 320
#define WORK_SB_DEFERRED 4

/*
 * Each round: work, an addition that waits for it, and a look before both; the
 * next one comes when the addition is done, or, if it is @blocked, when the
 * object says so
 */
static void emit_deferred(Stream *s, bool blocked)
{
    unsigned i;

    for (i = 0; i < WORK_ROUNDS; i++) {
        stream_emit(s, cs_run_compute(1, 0));
        stream_emit(s, cs_move48(4, panthor_data_va(WORK_OBJECT)));
        stream_emit(s, cs_move48(6, 1));
        stream_emit(s, cs_sync(CS_OP_SYNC_ADD64, 4, 6, CS_SYNC_SCOPE_CSG, 0,
                               1 << STREAM_SB_ENDPOINT, WORK_SB_DEFERRED));
        /* As user space does: the registers are free at once */
        stream_emit(s, cs_move48(4, 0));
        stream_emit(s, cs_move48(6, 1000));
        stream_load_at(s, 8, panthor_data_va(WORK_OBJECT), 10);
        stream_store_at(s, 8, panthor_data_va(WORK_SEEN + i), 10);
        if (blocked) {
            stream_emit(s, cs_move48(4, panthor_data_va(WORK_OBJECT)));
            stream_emit(s, cs_move48(6, i));
            stream_emit(s, cs_sync_wait(CS_OP_SYNC_WAIT64, 4, 6, CS_COND_GT,
                                        0));
        } else {
            stream_emit(s, cs_wait(1 << WORK_SB_DEFERRED));
        }
    }
    stream_end(s);
}

static void deferred_groups(PanthorDev *dev, unsigned groups, bool blocked)
{
    static PanthorContext ctx[WORK_GROUPS];
    unsigned good = 0, early = 0, g, i;

    for (g = 0; g < groups; g++) {
        panthor_context_init(&ctx[g], dev, 1);
    }
    for (g = 0; g < groups; g++) {
        uint64_t va;
        uint32_t size;
        Stream s;

        begin(&s);
        emit_deferred(&s, blocked);
        va = stream_place(&s, &ctx[g].code, &size);
        TAP_MUST(panthor_submit(&ctx[g], 0, va, size, ctx[g].syncobj));
    }
    for (g = 0; g < groups; g++) {
        int ret = panthor_syncobj_wait(dev, ctx[g].syncobj, 0, false,
                                       WORK_TIMEOUT_MS);

        if (ret || ctx[g].data[WORK_OBJECT] != WORK_ROUNDS) {
            tap_diag("group %u: wait %d, %u of %u additions", g, ret,
                     ctx[g].data[WORK_OBJECT], WORK_ROUNDS);
        } else {
            good++;
        }
        for (i = 0; i < WORK_ROUNDS; i++) {
            early += ctx[g].data[WORK_SEEN + i] == i;
        }
    }
    tap_ok(good == groups, "%u %s%s: each deferred addition happens once",
           groups, groups == 1 ? "group" : "groups",
           blocked ? ", blocked meanwhile" : "");
    if (groups == 1) {
        tap_ok(early == WORK_ROUNDS,
               "the stream goes on before them (%u of %u)", early,
               WORK_ROUNDS);
    }
    for (g = 0; g < groups; g++) {
        panthor_context_fini(&ctx[g]);
    }
}

/* Instructions that wait for work, while the stream goes on */
static void test_deferred(PanthorDev *dev)
{
    if (host_request(NULL, 0, "qom-set x-endpoint-latency-ns %u", WORK_NS)) {
        tap_skip(host_error(), "deferred instructions");
        return;
    }
    deferred_groups(dev, 1, false);
    deferred_groups(dev, WORK_GROUPS, false);
    /* Nobody else wakes them up (csg_slot_sync_queue_state_locked(), v7.3) */
    deferred_groups(dev, WORK_GROUPS, true);
    host_request(NULL, 0, "qom-set x-endpoint-latency-ns 0");
}

int main(int argc, char **argv)
{
    uint32_t rounds;
    PanthorDev dev;

    tap_start(argc, argv, NULL, "Runs more groups than there are slots.");
    TAP_MUST(panthor_open(&dev));
    rounds = calibrate(&dev);
    for (unsigned i = 0; i < MANY_TRIES; i++) {
        if (test_many_groups(&dev, rounds << i, i == MANY_TRIES - 1)) {
            break;
        }
    }
    test_deferred(&dev);
    panthor_close(&dev);
    return tap_end();
}
