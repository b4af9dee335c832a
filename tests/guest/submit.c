/*
 * submit: command streams do what they say
 *
 * The instructions that architecture 10 shares with the others, those of the
 * endpoints only as what is waited for; several queues in a group; waits in
 * the stream and on syncobjs.  Results are compared in memory.
 *
 * Never more groups block on each other than there are slots: stock panthor
 * can lose the wake-up of a group that is off its slot (docs/findings.rst).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel.h"
#include "lib/nested.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 3000

/* Iterations of a loop that is long against a submission */
#define SLOW_LOOP 20000

/* Mapped into two VMs */
#define SHARED_VA 0x30000000
#define SHARED_SIZE 0x10000

static unsigned queues_per_group;

/* A job, on a queue that the next test finds usable whatever happens */
static bool run(PanthorContext *ctx, Stream *s, const char *name)
{
    int ret = panthor_run_stream(ctx, 0, s, JOB_TIMEOUT_MS);

    if (ret) {
        tap_ok(false, "%s: job done", name);
        tap_diag("%s", strerror(-ret));
        panthor_context_new_group(ctx, queues_per_group);
        return false;
    }
    return true;
}

static void begin(PanthorContext *ctx, Stream *s)
{
    memset(ctx->data, 0, PANTHOR_DATA_SIZE);
    stream_init(s);
    stream_begin(s);
}

/* Compare words, and name the first that differs */
static bool words_ok(const uint32_t *have, const uint32_t *want, size_t n,
                     const char *name)
{
    size_t i;

    for (i = 0; i < n && have[i] == want[i]; i++) {
        /* all the same so far */
    }
    if (!tap_ok(i == n, "%s", name)) {
        tap_diag("word %zu is 0x%08x, expected 0x%08x", i, have[i], want[i]);
        return false;
    }
    return true;
}

static void test_load_store(PanthorContext *ctx)
{
    static const uint32_t sparse[] = { 101, 102, 0x1212, 103, 104 };
    static const uint32_t packed[] = { 101, 0x1212, 104, 0 };
    uint32_t all[16];
    unsigned i;
    Stream s;

    begin(ctx, &s);
    for (i = 0; i < 16; i++) {
        ctx->data[i] = 100 + i;
        all[i] = 100 + i;
    }

    stream_emit(&s, cs_move48(0, panthor_data_va(0)));
    stream_emit(&s, cs_move48(2, panthor_data_va(64)));
    /* The words are consecutive for the bits that are set */
    stream_emit(&s, cs_move32(12, 0x1212));
    stream_load(&s, 10, 0x1b, 0, 4);
    stream_store(&s, 10, 0x1f, 2, 0);
    stream_store(&s, 10, 0x15, 2, 32);
    /* All sixteen, and an offset below the address */
    stream_load(&s, 20, 0xffff, 0, 0);
    stream_store(&s, 20, 0xffff, 2, 64);
    stream_store(&s, 20, 0x1, 2, -16);
    stream_end(&s);
    if (!run(ctx, &s, "load and store")) {
        return;
    }
    words_ok(ctx->data + 64, sparse, 5,
             "LOAD_MULTIPLE with a sparse mask leaves the gap alone");
    words_ok(ctx->data + 72, packed, 4,
             "STORE_MULTIPLE with a sparse mask packs the words");
    words_ok(ctx->data + 80, all, 16, "sixteen registers at once");
    words_ok(ctx->data + 60, all, 1, "negative offset");
}

static void test_arithmetic(PanthorContext *ctx)
{
    static const uint32_t want[] = {
        0x00000000, 0xfffffffe,     /* ADD_IMM32: wrap, negative */
        0x00000000, 0x00000001,     /* ADD_IMM64: carry */
        0xffffffff, 0x00000000,     /* ADD_IMM64: sign-extended, borrow */
        0xffffffff, 0x0000ffff,     /* MOVE48: zero-extended */
        0x00000000, 0x00010000,     /* ADD_IMM64 of that */
        0x00000005, 0x7fffffff,     /* UMIN32: unsigned */
    };
    Stream s;
    unsigned i;

    begin(ctx, &s);
    stream_emit(&s, cs_move32(60, 0xffffffff));
    stream_emit(&s, cs_add_imm32(10, 60, 1));
    stream_emit(&s, cs_move32(60, 5));
    stream_emit(&s, cs_add_imm32(11, 60, -7));
    stream_emit(&s, cs_move48(60, 0xffffffff));
    stream_emit(&s, cs_add_imm64(12, 60, 1));
    stream_emit(&s, cs_add_imm64(14, 12, -1));
    stream_emit(&s, cs_move48(16, 0xffffffffffff));
    stream_emit(&s, cs_add_imm64(18, 16, 1));
    stream_emit(&s, cs_move32(60, 5));
    stream_emit(&s, cs_move32(61, 0x80000000));
    stream_emit(&s, cs_move32(62, 0x7fffffff));
    stream_emit(&s, cs_umin32(20, 60, 61));
    stream_emit(&s, cs_umin32(21, 61, 62));
    for (i = 0; i < 12; i++) {
        stream_store_at(&s, 10 + i, panthor_data_va(i), 0);
    }
    stream_end(&s);
    if (run(ctx, &s, "arithmetic")) {
        words_ok(ctx->data, want, 12, "MOVE, ADD_IMM32/64 and UMIN32");
    }
}

static bool condition(unsigned cond, int32_t value)
{
    switch (cond) {
    case CS_COND_LE:
        return value <= 0;
    case CS_COND_GT:
        return value > 0;
    case CS_COND_EQ:
        return value == 0;
    case CS_COND_NE:
        return value != 0;
    case CS_COND_LT:
        return value < 0;
    case CS_COND_GE:
        return value >= 0;
    default:
        return true;
    }
}

static void test_branch(PanthorContext *ctx)
{
    static const uint32_t values[] = { 0, 1, 0x7fffffff, 0x80000000, ~0u };
    uint32_t want[5 * 7];
    unsigned cond, v, n = 0;
    size_t taken;
    Stream s;

    begin(ctx, &s);
    for (cond = CS_COND_LE; cond <= CS_COND_ALWAYS; cond++) {
        for (v = 0; v < 5; v++, n++) {
            stream_emit(&s, cs_move32(10, values[v]));
            stream_emit(&s, cs_move32(11, 1));
            taken = stream_branch_forward(&s, cond, 10);
            stream_emit(&s, cs_move32(11, 0));
            stream_land(&s, taken);
            stream_store_at(&s, 11, panthor_data_va(n), 0);
            want[n] = condition(cond, values[v]);
        }
    }
    stream_end(&s);
    if (run(ctx, &s, "branch")) {
        words_ok(ctx->data, want, n, "BRANCH: every condition");
    }

    begin(ctx, &s);
    stream_emit(&s, cs_move32(11, 0));
    stream_loop(&s, 10, 11, 1000, 3);
    stream_store_at(&s, 11, panthor_data_va(0), 0);
    stream_end(&s);
    if (run(ctx, &s, "loop")) {
        tap_ok(ctx->data[0] == 3000, "BRANCH back, 1000 times");
    }
}

static void test_call(PanthorContext *ctx)
{
    static const uint32_t jumped[] = { 1, 2, 3, 0 };
    uint64_t va, tail_va;
    uint32_t size, tail_size;
    Stream s, sub;

    begin(ctx, &s);
    stream_emit(&s, cs_move48(30, panthor_data_va(64)));
    nested_emit(ctx, &s, 10, 1);
    stream_emit(&s, cs_move48(0, panthor_data_va(0)));
    stream_store(&s, 16, (1u << NESTED_LEVELS) - 1, 0, 0);
    stream_end(&s);
    if (run(ctx, &s, "nested calls")) {
        tap_ok(nested_ok(ctx->data + 64, ctx->data, 10, 1),
               "CALL: %u levels deep, and back", NESTED_LEVELS - 1);
    }

    /* main calls sub, which jumps to tail, which returns to main */
    begin(ctx, &s);
    stream_init(&sub);
    stream_emit(&sub, cs_move32(10, 2));
    stream_store_at(&sub, 10, panthor_data_va(1), 0);
    tail_va = stream_place(&sub, &ctx->code, &tail_size);
    stream_init(&sub);
    stream_emit(&sub, cs_move32(10, 1));
    stream_store_at(&sub, 10, panthor_data_va(0), 0);
    stream_jump(&sub, tail_va, tail_size, 60);
    stream_store_at(&sub, 10, panthor_data_va(3), 0);
    va = stream_place(&sub, &ctx->code, &size);
    stream_call(&s, va, size, 60);
    stream_emit(&s, cs_move32(10, 3));
    stream_store_at(&s, 10, panthor_data_va(2), 0);
    stream_end(&s);
    if (run(ctx, &s, "jump")) {
        words_ok(ctx->data, jumped, 4,
                 "JUMP replaces the frame, and returns to its caller");
    }

    begin(ctx, &s);
    stream_call(&s, va, 0, 60);
    stream_emit(&s, cs_move32(10, 7));
    stream_store_at(&s, 10, panthor_data_va(4), 0);
    stream_end(&s);
    if (run(ctx, &s, "empty call")) {
        tap_ok(!ctx->data[0] && ctx->data[4] == 7,
               "CALL of length 0 returns at once");
    }
}

static uint64_t data64(const PanthorContext *ctx, size_t index)
{
    return ctx->data[index] | (uint64_t)ctx->data[index + 1] << 32;
}

static void test_store_state(PanthorContext *ctx)
{
    static const unsigned states[] = {
        CS_STATE_TIMESTAMP, CS_STATE_CYCLE_COUNT, CS_STATE_ERROR_STATUS,
        CS_STATE_TIMESTAMP, CS_STATE_CYCLE_COUNT,
    };
    unsigned i;
    Stream s;

    begin(ctx, &s);
    memset(ctx->data, 0xff, 64);
    stream_emit(&s, cs_move48(0, panthor_data_va(0)));
    stream_emit(&s, cs_move32(11, 0));
    for (i = 0; i < 5; i++) {
        stream_emit(&s, cs_store_state(0, i * 8, states[i], 0,
                                       STREAM_SB_LOAD_STORE));
        stream_loop(&s, 10, 11, 2000, 1);
    }
    stream_end(&s);
    if (!run(ctx, &s, "store state")) {
        return;
    }
    tap_ok(data64(ctx, 0) && data64(ctx, 6) > data64(ctx, 0),
           "STORE_STATE: the timestamp advances");
    tap_ok(data64(ctx, 8) > data64(ctx, 2),
           "STORE_STATE: the cycle count advances");
    tap_ok(!data64(ctx, 4), "STORE_STATE: no error");
}

static void emit_sync(Stream *s, unsigned opcode, size_t index,
                      uint64_t value, unsigned scope)
{
    stream_emit(s, cs_move48(0, panthor_data_va(index)));
    stream_emit(s, cs_move48(2, value));
    stream_emit(s, cs_sync(opcode, 0, 2, scope, 0, 0, STREAM_SB_LOAD_STORE));
}

static void emit_sync_wait(Stream *s, unsigned opcode, size_t index,
                           uint64_t value, unsigned cond)
{
    stream_emit(s, cs_move48(0, panthor_data_va(index)));
    stream_emit(s, cs_move48(2, value));
    stream_emit(s, cs_sync_wait(opcode, 0, 2, cond, 0));
}

static void test_sync(PanthorContext *ctx)
{
    const unsigned system = CS_SYNC_SCOPE_SYSTEM;
    Stream s;

    begin(ctx, &s);
    /* Objects of 8 and of 16 bytes, with a neighbour each */
    ctx->data[0] = 0xfffffffe;
    ctx->data[2] = 77;
    ctx->data[8] = 0xfffffffe;
    ctx->data[12] = 78;
    emit_sync(&s, CS_OP_SYNC_ADD32, 0, 5, system);
    emit_sync(&s, CS_OP_SYNC_ADD64, 8, 5, system);
    emit_sync(&s, CS_OP_SYNC_SET32, 4, 0x80000001, CS_SYNC_SCOPE_CSG);
    emit_sync(&s, CS_OP_SYNC_SET64, 16, 0x800100000001, CS_SYNC_SCOPE_CSG);
    stream_end(&s);
    if (run(ctx, &s, "sync operations")) {
        tap_ok(ctx->data[0] == 3 && ctx->data[1] == 0 && ctx->data[2] == 77,
               "SYNC_ADD32 wraps within its word");
        tap_ok(data64(ctx, 8) == 0x100000003 && ctx->data[10] == 0 &&
               ctx->data[12] == 78, "SYNC_ADD64 carries");
        tap_ok(ctx->data[4] == 0x80000001 && data64(ctx, 16) ==
               0x800100000001, "SYNC_SET32 and SYNC_SET64");
    }

    /* Conditions that hold already; the comparison has no sign */
    begin(ctx, &s);
    ctx->data[0] = 0x80000000;
    ctx->data[8] = 1;
    ctx->data[9] = 0x8000;
    emit_sync_wait(&s, CS_OP_SYNC_WAIT32, 0, 1, CS_COND_GT);
    emit_sync_wait(&s, CS_OP_SYNC_WAIT32, 0, 0x80000000, CS_COND_LE);
    emit_sync_wait(&s, CS_OP_SYNC_WAIT64, 8, 0xffffffff, CS_COND_GT);
    emit_sync_wait(&s, CS_OP_SYNC_WAIT64, 8, 0x800000000001, CS_COND_LE);
    stream_emit(&s, cs_move32(10, 9));
    stream_store_at(&s, 10, panthor_data_va(20), 0);
    stream_end(&s);
    if (run(ctx, &s, "sync waits")) {
        tap_ok(ctx->data[20] == 9, "SYNC_WAIT32/64: LE and GT that hold");
    }
}

/*
 * Queue i waits for object i, and then signals object i + 1; queue 0, the
 * last to be submitted, starts the chain.  A counter in memory shows the
 * order.
 */
static void test_queues(PanthorContext *ctx, bool wide, unsigned scope)
{
    unsigned add = wide ? CS_OP_SYNC_ADD64 : CS_OP_SYNC_ADD32;
    unsigned wait = wide ? CS_OP_SYNC_WAIT64 : CS_OP_SYNC_WAIT32;
    unsigned stride = wide ? 4 : 2, n = queues_per_group, q;
    const size_t counter = 256, order = 260;
    uint32_t syncobj[32], want[32];
    bool done = true;

    memset(ctx->data, 0, PANTHOR_DATA_SIZE);
    for (q = n; q-- > 0;) {
        uint64_t va;
        uint32_t size;
        Stream s;

        stream_init(&s);
        stream_begin(&s);
        if (q) {
            emit_sync_wait(&s, wait, q * stride, 0, CS_COND_GT);
        }
        stream_load_at(&s, 10, panthor_data_va(counter), 4);
        stream_store_at(&s, 10, panthor_data_va(order + q), 6);
        stream_emit(&s, cs_add_imm32(10, 10, 1));
        stream_store(&s, 10, 1, 4, 0);
        emit_sync(&s, add, (q + 1) * stride, 1, scope);
        stream_end(&s);
        va = stream_place(&s, &ctx->code, &size);
        TAP_MUST(panthor_syncobj_create(ctx->dev, &syncobj[q]));
        TAP_MUST(panthor_submit(ctx, q, va, size, syncobj[q]));
        want[q] = q;
    }
    for (q = 0; q < n; q++) {
        int status = 0, ret;

        ret = panthor_syncobj_wait(ctx->dev, syncobj[q], 0, false,
                                   JOB_TIMEOUT_MS);
        if (!ret) {
            panthor_syncobj_status(ctx->dev, syncobj[q], &status);
        }
        if (status != 1) {
            tap_diag("queue %u: wait %d, fence %d", q, ret, status);
            done = false;
        }
        panthor_syncobj_destroy(ctx->dev, syncobj[q]);
    }
    if (!tap_ok(done, "%u queues wait for each other, %u bits, %s scope", n,
                wide ? 64 : 32,
                scope == CS_SYNC_SCOPE_CSG ? "group" : "system")) {
        panthor_context_new_group(ctx, n);
        return;
    }
    words_ok(ctx->data + order, want, n, "the queues ran in that order");
}

/* As many queues as a slot has streams, and not one more */
static void test_all_queues(PanthorContext *ctx, uint32_t count)
{
    unsigned done = 0;
    uint32_t group;
    Stream s;
    int ret;

    panthor_context_new_group(ctx, count);
    for (uint32_t q = 0; q < count; q++) {
        begin(ctx, &s);
        stream_emit(&s, cs_move32(10, q + 1));
        stream_store_at(&s, 10, panthor_data_va(q), 0);
        stream_end(&s);
        ret = panthor_run_stream(ctx, q, &s, JOB_TIMEOUT_MS);
        done += !ret && ctx->data[q] == q + 1;
    }
    tap_ok(done == count, "a job on each of %u queues (%u of %u)", count, done,
           count);
    /* fatal_queues of GROUP_GET_STATE has no bit for more */
    if (count < 32) {
        ret = panthor_group_create(ctx->dev, ctx->vm, count + 1, &group);
        tap_ok(ret == -EINVAL, "a group of %u queues is refused", count + 1);
        if (!ret) {
            panthor_group_destroy(ctx->dev, group);
        }
    }
    panthor_context_new_group(ctx, queues_per_group);
}

/* Two groups of one VM: fewer than there are slots */
static void test_two_groups(PanthorContext *ctx, bool wide)
{
    unsigned set = wide ? CS_OP_SYNC_SET64 : CS_OP_SYNC_SET32;
    unsigned wait = wide ? CS_OP_SYNC_WAIT64 : CS_OP_SYNC_WAIT32;
    struct drm_panthor_sync_op signal;
    PanthorJob job = { .syncs = &signal, .sync_count = 1 };
    int ret, other_ret;
    uint32_t group;
    Stream s;

    TAP_MUST(panthor_group_create(ctx->dev, ctx->vm, 1, &group));

    /* The other group waits for us, and then we for it */
    begin(ctx, &s);
    emit_sync_wait(&s, wait, 0, 4, CS_COND_GT);
    emit_sync(&s, set, 4, 6, CS_SYNC_SCOPE_SYSTEM);
    stream_end(&s);
    job.stream_va = stream_place(&s, &ctx->code, &job.stream_size);
    signal = panthor_signal_op(ctx->syncobj, 0);
    TAP_MUST(panthor_syncobj_reset(ctx->dev, ctx->syncobj));
    TAP_MUST(panthor_group_submit(ctx->dev, group, &job, 1));

    stream_init(&s);
    stream_begin(&s);
    emit_sync(&s, set, 0, 5, CS_SYNC_SCOPE_SYSTEM);
    emit_sync_wait(&s, wait, 4, 5, CS_COND_GT);
    stream_emit(&s, cs_move32(10, 8));
    stream_store_at(&s, 10, panthor_data_va(32), 0);
    stream_end(&s);
    job.stream_va = stream_place(&s, &ctx->code, &job.stream_size);
    {
        uint32_t mine;

        TAP_MUST(panthor_syncobj_create(ctx->dev, &mine));
        signal = panthor_signal_op(mine, 0);
        TAP_MUST(panthor_group_submit(ctx->dev, ctx->group, &job, 1));
        ret = panthor_syncobj_wait(ctx->dev, mine, 0, false,
                                   JOB_TIMEOUT_MS);
        panthor_syncobj_destroy(ctx->dev, mine);
    }
    other_ret = panthor_syncobj_wait(ctx->dev, ctx->syncobj, 0, false,
                                     JOB_TIMEOUT_MS);
    if (!tap_ok(!ret && !other_ret && ctx->data[32] == 8,
                "two groups signal each other, %u bits", wide ? 64 : 32)) {
        tap_diag("waits %d and %d, objects %u and %u", ret, other_ret,
                 ctx->data[0], ctx->data[4]);
        panthor_context_new_group(ctx, queues_per_group);
    }
    TAP_MUST(panthor_group_destroy(ctx->dev, group));
}

/* A stream that takes a while and then adds one to a word */
static uint64_t place_slow_add(PanthorContext *ctx, uint64_t from,
                               uint64_t to, uint32_t loops, uint32_t *size)
{
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    if (loops) {
        stream_emit(&s, cs_move32(13, 0));
        stream_loop(&s, 12, 13, loops, 1);
    }
    stream_load_at(&s, 10, from, 0);
    stream_emit(&s, cs_add_imm32(10, 10, 1));
    stream_store_at(&s, 10, to, 0);
    stream_end(&s);
    return stream_place(&s, &ctx->code, size);
}

static void test_syncobj(PanthorContext *ctx)
{
    PanthorDev *dev = ctx->dev;
    struct drm_panthor_sync_op sync[4];
    PanthorJob job[2] = { 0 };
    uint32_t between, done;
    uint64_t va;
    uint32_t size;
    int ret;

    TAP_MUST(panthor_syncobj_create(dev, &between));
    TAP_MUST(panthor_syncobj_create(dev, &done));

    /* One call, two queues; the second waits for the first */
    memset(ctx->data, 0, PANTHOR_DATA_SIZE);
    va = place_slow_add(ctx, panthor_data_va(0), panthor_data_va(1),
                        SLOW_LOOP, &size);
    sync[0] = panthor_signal_op(between, 0);
    job[0] = (PanthorJob) { 0, va, size, &sync[0], 1 };
    va = place_slow_add(ctx, panthor_data_va(1), panthor_data_va(2), 0,
                        &size);
    sync[1] = panthor_wait_op(between, 0);
    sync[2] = panthor_signal_op(done, 0);
    job[1] = (PanthorJob) { 1 % queues_per_group, va, size, &sync[1], 2 };
    TAP_MUST(panthor_group_submit(dev, ctx->group, job, 2));
    ret = panthor_syncobj_wait(dev, done, 0, false, JOB_TIMEOUT_MS);
    tap_ok(!ret && ctx->data[2] == 2,
           "a job waits for another queue's syncobj");

    /* A job without a stream is done when those before it are */
    memset(ctx->data, 0, PANTHOR_DATA_SIZE);
    sync[0] = panthor_signal_op(between, 0);
    sync[3] = panthor_signal_op(done, 0);
    job[1] = (PanthorJob) { 0, 0, 0, &sync[3], 1 };
    TAP_MUST(panthor_syncobj_reset(dev, between));
    TAP_MUST(panthor_syncobj_reset(dev, done));
    TAP_MUST(panthor_group_submit(dev, ctx->group, job, 2));
    ret = panthor_syncobj_wait(dev, done, 0, false, JOB_TIMEOUT_MS);
    tap_ok(!ret && ctx->data[1] == 1,
           "an empty job signals after the one before it");

    panthor_syncobj_destroy(dev, between);
    panthor_syncobj_destroy(dev, done);
}

typedef struct Waiter {
    PanthorDev *dev;
    uint32_t timeline;
    uint64_t point;
    int ret;
} Waiter;

static void *wait_for_submit(void *opaque)
{
    Waiter *w = opaque;

    w->ret = panthor_syncobj_wait(w->dev, w->timeline, w->point, true,
                                  JOB_TIMEOUT_MS);
    return NULL;
}

/* Jobs of two VMs in turn, over one timeline and memory that both map */
static void test_timeline(PanthorContext *ctx, PanthorContext *other)
{
    PanthorContext *side[2] = { ctx, other };
    PanthorDev *dev = ctx->dev;
    uint64_t reached = 0;
    uint32_t timeline;
    pthread_t thread;
    PanthorBo shared;
    uint32_t *words;
    Waiter w;
    int i;

    TAP_MUST(panthor_bo_create(dev, &shared, SHARED_SIZE, 0));
    words = shared.cpu;
    memset(words, 0, 64);
    for (i = 0; i < 2; i++) {
        TAP_MUST(panthor_vm_map(dev, side[i]->vm, &shared, 0, SHARED_VA,
                                SHARED_SIZE,
                                DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    }

    TAP_MUST(panthor_syncobj_create(dev, &timeline));
    TAP_MUST(panthor_timeline_signal(dev, timeline, 1));
    w = (Waiter) { dev, timeline, 5, 0 };
    TAP_MUST(-pthread_create(&thread, NULL, wait_for_submit, &w));
    /* Long enough for the thread to wait before there is a fence */
    kernel_sleep_ms(20);

    for (i = 0; i < 4; i++) {
        struct drm_panthor_sync_op sync[2] = {
            panthor_wait_op(timeline, i + 1),
            panthor_signal_op(timeline, i + 2),
        };
        PanthorJob job = { .syncs = sync, .sync_count = 2 };

        job.stream_va = place_slow_add(side[i & 1], SHARED_VA, SHARED_VA,
                                       SLOW_LOOP / 4, &job.stream_size);
        TAP_MUST(panthor_group_submit(dev, side[i & 1]->group, &job, 1));
    }
    pthread_join(thread, NULL);
    if (!tap_ok(!w.ret, "a wait before the submission is satisfied by it")) {
        tap_diag("%s", strerror(-w.ret));
    }
    panthor_timeline_query(dev, timeline, &reached);
    tap_ok(reached == 5 && words[0] == 4,
           "jobs of two VMs follow each other on a timeline");

    panthor_syncobj_destroy(dev, timeline);
    for (i = 0; i < 2; i++) {
        TAP_MUST(panthor_vm_unmap(dev, side[i]->vm, SHARED_VA,
                                  SHARED_SIZE));
    }
    panthor_bo_destroy(dev, &shared);
}

/* A job, a queued VM_BIND that waits for it, and a job that waits for that */
static void test_async_bind(PanthorContext *ctx)
{
    PanthorDev *dev = ctx->dev;
    struct drm_panthor_sync_op sync[6];
    struct drm_panthor_vm_bind_op op;
    uint32_t first, bound, last, size;
    PanthorJob job = { 0 };
    PanthorBo bo;
    int ret;

    memset(ctx->data, 0, PANTHOR_DATA_SIZE);
    TAP_MUST(panthor_bo_create(dev, &bo, PANTHOR_GPU_PAGE, ctx->vm));
    *(uint32_t *)bo.cpu = 41;
    TAP_MUST(panthor_syncobj_create(dev, &first));
    TAP_MUST(panthor_syncobj_create(dev, &bound));
    TAP_MUST(panthor_syncobj_create(dev, &last));

    sync[0] = panthor_signal_op(first, 0);
    job.stream_va = place_slow_add(ctx, panthor_data_va(0),
                                   panthor_data_va(1), SLOW_LOOP, &size);
    job.stream_size = size;
    job.syncs = &sync[0];
    job.sync_count = 1;
    TAP_MUST(panthor_group_submit(dev, ctx->group, &job, 1));

    sync[1] = panthor_wait_op(first, 0);
    sync[2] = panthor_signal_op(bound, 0);
    op = panthor_map_op(&bo, 0, SHARED_VA, PANTHOR_GPU_PAGE,
                        DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
    op.syncs.array = (uintptr_t)&sync[1];
    op.syncs.count = 2;
    TAP_MUST(panthor_vm_bind_async(dev, ctx->vm, &op, 1));

    sync[3] = panthor_wait_op(bound, 0);
    sync[4] = panthor_signal_op(last, 0);
    job.stream_va = place_slow_add(ctx, SHARED_VA, panthor_data_va(2), 0,
                                   &size);
    job.stream_size = size;
    job.syncs = &sync[3];
    job.sync_count = 2;
    TAP_MUST(panthor_group_submit(dev, ctx->group, &job, 1));

    ret = panthor_syncobj_wait(dev, last, 0, false, JOB_TIMEOUT_MS);
    if (!tap_ok(!ret && ctx->data[1] == 1 && ctx->data[2] == 42,
                "a queued VM_BIND waits for a job, and a job for it")) {
        tap_diag("wait %d, words %u and %u", ret, ctx->data[1],
                 ctx->data[2]);
        panthor_context_new_group(ctx, queues_per_group);
    }
    TAP_MUST(panthor_vm_unmap(dev, ctx->vm, SHARED_VA, PANTHOR_GPU_PAGE));
    panthor_bo_destroy(dev, &bo);
    panthor_syncobj_destroy(dev, first);
    panthor_syncobj_destroy(dev, bound);
    panthor_syncobj_destroy(dev, last);
}

int main(int argc, char **argv)
{
    struct drm_panthor_csif_info csif;
    PanthorContext ctx, other;
    PanthorDev dev;

    tap_start(argc, argv, NULL,
              "Runs command streams and compares their results.");
    TAP_MUST(panthor_open(&dev));
    TAP_MUST(panthor_query(&dev, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif,
                           sizeof(csif)));
    queues_per_group = csif.cs_slot_count < 8 ? csif.cs_slot_count : 8;
    panthor_context_init(&ctx, &dev, queues_per_group);
    panthor_context_init(&other, &dev, 1);

    test_load_store(&ctx);
    test_arithmetic(&ctx);
    test_branch(&ctx);
    test_call(&ctx);
    test_store_state(&ctx);
    test_sync(&ctx);
    test_queues(&ctx, false, CS_SYNC_SCOPE_SYSTEM);
    test_queues(&ctx, true, CS_SYNC_SCOPE_CSG);
    test_all_queues(&ctx, csif.cs_slot_count);
    test_two_groups(&ctx, false);
    test_two_groups(&ctx, true);
    test_syncobj(&ctx);
    test_timeline(&ctx, &other);
    test_async_bind(&ctx);

    panthor_context_fini(&other);
    panthor_context_fini(&ctx);
    panthor_close(&dev);
    return tap_end();
}
