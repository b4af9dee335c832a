/*
 * schedule: which groups have the slots, as the driver decides
 *
 * Streams that spin until they are told to end count their rounds in memory
 * meanwhile, so that one can see who runs.  All slots are filled, then there
 * are twice as many groups as slots; groups of higher priority take the slots
 * of lower ones; and groups that wait for an object give theirs up.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <string.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/probe.h"
#include "lib/tap.h"

#define MAX_SLOTS 31
#define MAX_GROUPS (2 * MAX_SLOTS)

/* A job that does not spin */
#define JOB_TIMEOUT_MS 3000
/* TICK_PERIOD of panthor_sched.c is 10 ms: within less nobody is replaced */
#define TICK_MS 10
#define LOOK_MS 5
/* Tries to look for less than a tick, on a machine that is busy */
#define LOOKS 200
#define TURN_TIMEOUT_MS 3000
#define STARVE_MS 100
/* For each group to lose its slot once, on a machine that is busy */
#define STAND_BACK_MS 8000
/* In TURN_TIMEOUT_MS there are hundreds */
#define MANY_TICKS 10

enum {
    LOW = PANTHOR_GROUP_PRIORITY_LOW,
    MEDIUM = PANTHOR_GROUP_PRIORITY_MEDIUM,
    HIGH = PANTHOR_GROUP_PRIORITY_HIGH,
    REALTIME = PANTHOR_GROUP_PRIORITY_REALTIME,
};

/* Words of the poll page, which is not cached */
enum {
    POLL_STOP = 0,
    POLL_ROUNDS = 16,
};

/* Words of the data buffer */
enum {
    DATA_DONE = 0,
};

static PanthorDev dev;
static PanthorContext group[MAX_GROUPS];
/* For groups of different VMs, and for groups of one: no space is its own */
static unsigned slots;
static unsigned slots_of_vm;
/* Upstream commit 55429c51d5db, of the end of 2025, and others beside it */
static const char no_rotation[] =
    "before 7.0 the driver's ticks do not give everybody what is due";
static bool rotates;
/* The highest priority that this kernel has */
static uint8_t highest;

static void group_init(PanthorContext *ctx, uint8_t priority)
{
    panthor_context_init(ctx, &dev, 1);
    TAP_MUST(panthor_group_destroy(&dev, ctx->group));
    TAP_MUST(panthor_group_create_with(&dev, ctx->vm, 1, priority, 0x4000,
                                       &ctx->group));
}

static void init_groups(unsigned n, uint8_t priority)
{
    for (unsigned i = 0; i < n; i++) {
        group_init(&group[i], priority);
    }
}

static void fini_groups(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        panthor_context_fini(&group[i]);
    }
}

/* Count rounds until POLL_STOP is set, then set DATA_DONE */
static void submit_spinner(PanthorContext *ctx)
{
    size_t loop;
    uint32_t size;
    uint64_t va;
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(0, PANTHOR_POLL_VA));
    stream_emit(&s, cs_move32(10, 0));
    loop = stream_here(&s);
    stream_emit(&s, cs_add_imm32(10, 10, 1));
    stream_store(&s, 10, 1, 0, POLL_ROUNDS * 4);
    stream_load(&s, 12, 1, 0, POLL_STOP * 4);
    stream_branch_back(&s, CS_COND_EQ, 12, loop);
    stream_store_at(&s, 12, panthor_data_va(DATA_DONE), 2);
    stream_end(&s);
    va = stream_place(&s, &ctx->code, &size);
    TAP_MUST(panthor_submit(ctx, 0, va, size, ctx->syncobj));
}

static void submit_spinners(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        submit_spinner(&group[i]);
    }
}

static uint32_t rounds_of(const PanthorContext *ctx)
{
    return __atomic_load_n(&ctx->poll[POLL_ROUNDS], __ATOMIC_SEQ_CST);
}

static void read_rounds(uint32_t *rounds, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        rounds[i] = rounds_of(&group[i]);
    }
}

/* How many of the groups went on since read_rounds() */
static unsigned went_on(const uint32_t *rounds, unsigned n)
{
    unsigned count = 0;

    for (unsigned i = 0; i < n; i++) {
        count += rounds_of(&group[i]) != rounds[i];
    }
    return count;
}

/* Wait until all of the groups have gone on from where they are now */
static bool all_go_on(unsigned n)
{
    uint64_t deadline = kernel_now_ns() + TURN_TIMEOUT_MS * 1000000ull;
    uint32_t rounds[MAX_GROUPS];
    unsigned count;

    read_rounds(rounds, n);
    while ((count = went_on(rounds, n)) < n) {
        if (kernel_now_ns() > deadline) {
            tap_diag("%u of %u groups go on", count, n);
            return false;
        }
        kernel_sleep_ms(1);
    }
    return true;
}

/* The most groups seen to go on within less than a tick */
static unsigned most_at_once(unsigned n, unsigned enough)
{
    uint32_t rounds[MAX_GROUPS];
    unsigned most = 0, count;
    uint64_t start;

    for (int i = 0; i < LOOKS && most < enough; i++) {
        start = kernel_now_ns();
        read_rounds(rounds, n);
        kernel_sleep_ms(LOOK_MS);
        count = went_on(rounds, n);
        if (kernel_now_ns() - start < TICK_MS * 1000000ull && count > most) {
            most = count;
        }
    }
    return most;
}

/* End the spinners, and see that each was done */
static bool end_spinners(unsigned n)
{
    bool done = true;
    int status, ret;

    for (unsigned i = 0; i < n; i++) {
        panthor_poll_set(&group[i], POLL_STOP, 1);
    }
    for (unsigned i = 0; i < n; i++) {
        status = 0;
        ret = panthor_syncobj_wait(&dev, group[i].syncobj, 0, false,
                                   JOB_TIMEOUT_MS);
        if (!ret) {
            ret = panthor_syncobj_status(&dev, group[i].syncobj, &status);
        }
        if (ret || status != 1 || !group[i].data[DATA_DONE]) {
            tap_diag("group %u: wait %d, fence %d", i, ret, status);
            done = false;
        }
    }
    return done;
}

/* A job that is over as soon as it is scheduled */
static int run_short_job(PanthorContext *ctx)
{
    Stream s;
    int ret;

    ctx->code.used = 0;
    ctx->data[DATA_DONE] = 0;
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(12, 1));
    stream_store_at(&s, 12, panthor_data_va(DATA_DONE), 2);
    stream_end(&s);
    ret = panthor_run_stream(ctx, 0, &s, JOB_TIMEOUT_MS);
    return ret ? ret : ctx->data[DATA_DONE] ? 0 : -EIO;
}

static void test_fill(void)
{
    unsigned most;

    init_groups(slots, MEDIUM);
    submit_spinners(slots);
    tap_ok(all_go_on(slots), "fill: a group on each of %u slots runs", slots);
    most = most_at_once(slots, slots);
    if (!tap_ok(most == slots, "fill: all at once")) {
        tap_diag("%u of %u within less than a tick", most, slots);
    }
    tap_ok(end_spinners(slots), "fill: and they are done");
    fini_groups(slots);
}

static void test_over_commit(void)
{
    const unsigned n = 2 * slots;
    int turn;

    if (!rotates) {
        tap_skip(no_rotation, "over-commit: %u groups on %u slots take turns",
                 n, slots);
        return;
    }
    init_groups(n, MEDIUM);
    submit_spinners(n);
    for (turn = 0; turn < 3 && all_go_on(n); turn++) {
        /* another turn for everybody */
    }
    tap_ok(turn == 3, "over-commit: %u groups on %u slots take turns", n,
           slots);
    tap_ok(end_spinners(n), "over-commit: and they are done");
    fini_groups(n);
}

/*
 * One group more than slots: each of them has to stand back at times.  It did
 * if it stood still while most of the others went on.
 */
static void test_turns(void)
{
    const unsigned n = slots + 1;
    uint64_t deadline = kernel_now_ns() + STAND_BACK_MS * 1000000ull;
    uint32_t rounds[MAX_GROUPS], now[MAX_GROUPS];
    unsigned waited = 0, i;
    bool stood_back[MAX_GROUPS] = { false };

    if (!rotates || slots < 3) {
        tap_skip(rotates ? "too few slots" : no_rotation,
                 "turns: each of %u groups stands back", n);
        return;
    }
    init_groups(n, MEDIUM);
    submit_spinners(n);
    all_go_on(n);
    while (waited < n && kernel_now_ns() < deadline) {
        unsigned count = 0;

        read_rounds(rounds, n);
        kernel_sleep_ms(LOOK_MS);
        read_rounds(now, n);
        for (i = 0; i < n; i++) {
            count += now[i] != rounds[i];
        }
        for (i = 0; i < n && count >= slots - 1; i++) {
            waited += now[i] == rounds[i] && !stood_back[i];
            stood_back[i] |= now[i] == rounds[i];
        }
    }
    if (!tap_ok(waited == n, "turns: each of %u groups on %u slots stands back",
                n, slots)) {
        tap_diag("%u never did in %u ms", n - waited, STAND_BACK_MS);
    }
    tap_ok(end_spinners(n), "turns: and they are done");
    fini_groups(n);
}

/* Whether the driver's ticks go on, when what was asked for at once is over */
static bool ticks_go_on(const Probe *ticks)
{
    uint64_t deadline, before;

    kernel_sleep_ms(5 * TICK_MS);
    before = probe_read(ticks);
    deadline = kernel_now_ns() + TURN_TIMEOUT_MS * 1000000ull;
    while (probe_read(ticks) < before + MANY_TICKS &&
           kernel_now_ns() < deadline) {
        kernel_sleep_ms(TICK_MS);
    }
    if (probe_read(ticks) >= before + MANY_TICKS) {
        return true;
    }
    tap_diag("%u in %u ms", (unsigned)(probe_read(ticks) - before),
             TURN_TIMEOUT_MS);
    return false;
}

/*
 * Groups of one priority that are all on slots take turns with the priority
 * that the firmware knows: the driver's ticks go on, also if one of them was
 * idle on its slot, and the ticks had stopped.
 */
static void test_ticks(void)
{
    static const char name[] = "ticks: they go on while two groups share a "
                               "priority";
    Probe ticks;

    if (!rotates) {
        tap_skip(no_rotation, name);
        return;
    }
    if (probe_count(&ticks, "tick_work")) {
        tap_skip("the kernel does not count calls", name);
        probe_close(&ticks);
        return;
    }
    init_groups(2, MEDIUM);
    submit_spinners(2);
    all_go_on(2);
    tap_ok(ticks_go_on(&ticks), name);
    tap_ok(end_spinners(2), "ticks: and both are done");
    fini_groups(2);

    init_groups(2, MEDIUM);
    submit_spinner(&group[0]);
    TAP_MUST(run_short_job(&group[1]));
    kernel_sleep_ms(10 * TICK_MS);
    group[1].code.used = 0;
    group[1].data[DATA_DONE] = 0;
    submit_spinner(&group[1]);
    all_go_on(2);
    tap_ok(ticks_go_on(&ticks), "ticks: they go on when an idle group has "
           "work again");
    tap_ok(end_spinners(2), "ticks: and both are done again");
    fini_groups(2);
    probe_close(&ticks);
}

static void test_priorities(void)
{
    uint32_t rounds[MAX_GROUPS];
    PanthorContext high, realtime, low;
    int ret;

    group_init(&high, HIGH);
    group_init(&realtime, highest);
    init_groups(slots, LOW);
    submit_spinners(slots);
    all_go_on(slots);
    ret = run_short_job(&high);
    if (!tap_ok(!ret, "priority: high gets a slot from low ones that spin")) {
        tap_diag("%s", strerror(-ret));
    }
    if (highest == REALTIME) {
        ret = run_short_job(&realtime);
        if (!tap_ok(!ret, "priority: so does real-time")) {
            tap_diag("%s", strerror(-ret));
        }
    } else {
        tap_skip("the kernel has no such priority",
                 "priority: so does real-time");
    }
    tap_ok(all_go_on(slots), "priority: the low ones go on afterwards");
    tap_ok(end_spinners(slots), "priority: and they are done");
    fini_groups(slots);

    /* Now the slots belong to the high ones, and a low one starves */
    init_groups(slots, HIGH);
    group_init(&low, LOW);
    submit_spinner(&low);
    for (int i = 0; !rounds_of(&low) && i < TURN_TIMEOUT_MS; i++) {
        kernel_sleep_ms(1);
    }
    submit_spinners(slots);
    tap_ok(all_go_on(slots), "starve: high ones take all slots");
    rounds[0] = rounds_of(&low);
    kernel_sleep_ms(STARVE_MS);
    if (!rotates) {
        tap_skip(no_rotation, "starve: the low one does not run meanwhile");
    } else if (!tap_ok(rounds_of(&low) == rounds[0],
                       "starve: the low one does not run meanwhile")) {
        tap_diag("%u rounds", rounds_of(&low) - rounds[0]);
    }
    if (highest == REALTIME) {
        ret = run_short_job(&realtime);
        if (!tap_ok(!ret, "starve: real-time gets a slot from high ones")) {
            tap_diag("%s", strerror(-ret));
        }
    } else {
        tap_skip("the kernel has no such priority",
                 "starve: real-time gets a slot from high ones");
    }
    tap_ok(end_spinners(slots), "starve: the high ones are done");
    panthor_poll_set(&low, POLL_STOP, 1);
    ret = panthor_syncobj_wait(&dev, low.syncobj, 0, false, JOB_TIMEOUT_MS);
    tap_ok(!ret && low.data[DATA_DONE], "starve: then the low one is, too");
    fini_groups(slots);
    panthor_context_fini(&low);
    panthor_context_fini(&realtime);
    panthor_context_fini(&high);
}

/*
 * As many groups of a VM as there are slots wait for an object, each for its
 * own; a group of lower priority comes by its slot nevertheless, and signals.
 *
 * The driver can forget a group that was moved off its slot meanwhile
 * (docs/findings.rst), until the next job makes it look again.
 */
static void test_blocked(void)
{
    PanthorContext shared;
    uint32_t waiter[MAX_SLOTS], syncobj[MAX_SLOTS], size;
    struct drm_panthor_sync_op signal;
    PanthorJob job = { .syncs = &signal, .sync_count = 1 };
    unsigned early = 0, done = 0, i;
    int status, ret;
    Stream s;

    panthor_context_init(&shared, &dev, 1);
    for (i = 0; i < slots_of_vm; i++) {
        TAP_MUST(panthor_syncobj_create(&dev, &syncobj[i]));
        TAP_MUST(panthor_group_create_with(&dev, shared.vm, 1, HIGH, 0x4000,
                                           &waiter[i]));
        stream_init(&s);
        stream_begin(&s);
        stream_emit(&s, cs_move48(0, panthor_data_va(64 + i * 4)));
        stream_emit(&s, cs_move48(2, i));
        stream_emit(&s, cs_sync_wait(CS_OP_SYNC_WAIT64, 0, 2, CS_COND_GT,
                                     0));
        stream_emit(&s, cs_move32(12, i + 1));
        stream_store_at(&s, 12, panthor_data_va(i), 2);
        stream_end(&s);
        job.stream_va = stream_place(&s, &shared.code, &job.stream_size);
        signal = panthor_signal_op(syncobj[i], 0);
        TAP_MUST(panthor_group_submit(&dev, waiter[i], &job, 1));
    }
    /* Long enough for all of them to be on their slots, and blocked */
    kernel_sleep_ms(10 * TICK_MS);

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(12, 77));
    stream_store_at(&s, 12, panthor_data_va(MAX_SLOTS), 2);
    stream_end(&s);
    ret = panthor_run_stream(&shared, 0, &s, JOB_TIMEOUT_MS);
    for (i = 0; i < slots_of_vm; i++) {
        ret = ret ? ret : panthor_syncobj_status(&dev, syncobj[i], &status);
        early += status != 0 || shared.data[i];
    }
    if (!tap_ok(!ret && shared.data[MAX_SLOTS] == 77 && !early,
                "blocked: %u groups that wait leave a slot to another one",
                slots_of_vm)) {
        tap_diag("%s, %u of them did not wait", strerror(-ret), early);
    }

    stream_init(&s);
    stream_begin(&s);
    for (i = 0; i < slots_of_vm; i++) {
        stream_emit(&s, cs_move48(0, panthor_data_va(64 + i * 4)));
        stream_emit(&s, cs_move48(2, i + 1));
        stream_emit(&s, cs_sync(CS_OP_SYNC_SET64, 0, 2, CS_SYNC_SCOPE_SYSTEM,
                                0, 0, STREAM_SB_LOAD_STORE));
    }
    stream_end(&s);
    job.stream_va = stream_place(&s, &shared.code, &size);
    ret = panthor_run(&shared, 0, job.stream_va, size, JOB_TIMEOUT_MS);
    for (unsigned tries = 0; done < slots_of_vm && tries < 20; tries++) {
        for (done = 0, i = 0; i < slots_of_vm; i++) {
            int wait = panthor_syncobj_wait(&dev, syncobj[i], 0, false,
                                            JOB_TIMEOUT_MS / 20);

            done += !wait && shared.data[i] == i + 1;
        }
        if (done < slots_of_vm) {
            tap_diag("%u of %u: another job", done, slots_of_vm);
            panthor_run(&shared, 0, job.stream_va, size, JOB_TIMEOUT_MS);
        }
    }
    tap_ok(!ret && done == slots_of_vm, "blocked: it wakes them all (%u of %u)",
           done, slots_of_vm);
    for (i = 0; i < slots_of_vm; i++) {
        panthor_syncobj_destroy(&dev, syncobj[i]);
        TAP_MUST(panthor_group_destroy(&dev, waiter[i]));
    }
    panthor_context_fini(&shared);
}

int main(int argc, char **argv)
{
    struct drm_panthor_group_priorities_info info;
    struct drm_panthor_csif_info csif;
    uint64_t all = 0;

    tap_start(argc, argv, NULL,
              "Looks who has the slots when there are many groups.");
    TAP_MUST(panthor_open(&dev));
    slots = TAP_MUST(panthor_group_slots(&dev));
    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif,
                           sizeof(csif)));
    slots_of_vm = csif.csg_slot_count;
    if (slots_of_vm > MAX_SLOTS) {
        tap_bail_out("%u slots are more than we know", slots_of_vm);
    }
    kernel_option("schedule.all", &all);
    rotates = kernel_at_least(7, 0) || all;
    highest = HIGH;
    if (panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_GROUP_PRIORITIES_INFO,
                      &info, sizeof(info)) > 0 &&
        info.allowed_mask & 1u << REALTIME) {
        highest = REALTIME;
    }
    test_fill();
    test_over_commit();
    test_turns();
    test_ticks();
    test_priorities();
    test_blocked();
    panthor_close(&dev);
    return tap_end();
}
