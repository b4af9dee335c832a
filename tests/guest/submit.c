/*
 * submit: command streams do what they say
 *
 * The instructions that architecture 10 shares with the others, those of the
 * endpoints only as what is waited for; several queues in a group; waits in
 * the stream and on syncobjs; and more groups than there are slots, which are
 * suspended and resumed in the midst of nested calls and with deferred
 * instructions.  Results are compared in memory.
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

#include "lib/host.h"
#include "lib/kernel.h"
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

/*
 * Count @reg down from @n.  Each round also adds @inc to @acc, so that a
 * round lost or done twice shows.
 */
static void emit_loop(Stream *s, unsigned reg, unsigned acc, uint32_t n,
                      int32_t inc)
{
    size_t loop;

    stream_emit(s, cs_move32(reg, n));
    loop = stream_here(s);
    stream_emit(s, cs_add_imm32(acc, acc, inc));
    stream_emit(s, cs_add_imm32(reg, reg, -1));
    stream_branch_back(s, CS_COND_GT, reg, loop);
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
    emit_loop(&s, 10, 11, 1000, 3);
    stream_store_at(&s, 11, panthor_data_va(0), 0);
    stream_end(&s);
    if (run(ctx, &s, "loop")) {
        tap_ok(ctx->data[0] == 3000, "BRANCH back, 1000 times");
    }
}

/*
 * Level @level of nested calls: log, work, call the next level, work, log.
 * The log pointer is in r30:31, and r16 + level collects the work.
 */
static void emit_level(Stream *s, unsigned level, uint32_t rounds,
                       int32_t inc, uint64_t next_va, uint32_t next_size)
{
    int leave;

    for (leave = 0; leave < 2; leave++) {
        if (leave) {
            emit_loop(s, 28, 16 + level, rounds, inc);
        }
        stream_emit(s, cs_move32(33, level << 4 | leave));
        stream_store(s, 33, 1, 30, 0);
        stream_emit(s, cs_add_imm64(30, 30, 4));
        if (!leave) {
            emit_loop(s, 28, 16 + level, rounds, inc);
            if (next_size) {
                stream_call(s, next_va, next_size, 60);
            }
        }
    }
}

/* The ring and the job's stream are frames of the call stack, too */
#define CALL_LEVELS (CS_CALL_STACK_DEPTH - 1)

/* Emits level 0 into @s and places the others in the context's memory */
static void emit_nested(PanthorContext *ctx, Stream *s, uint32_t rounds,
                        int32_t inc)
{
    uint64_t va = 0;
    uint32_t size = 0;
    unsigned level;

    for (level = CALL_LEVELS - 1; level; level--) {
        Stream sub;

        stream_init(&sub);
        emit_level(&sub, level, rounds, inc + level, va, size);
        va = stream_place(&sub, &ctx->code, &size);
    }
    for (level = 0; level < CALL_LEVELS; level++) {
        stream_emit(s, cs_move32(16 + level, 0));
    }
    emit_level(s, 0, rounds, inc, va, size);
}

/* Compares the log and the collected work of emit_nested() */
static bool nested_ok(const uint32_t *log, const uint32_t *work,
                      uint32_t rounds, int32_t inc)
{
    unsigned level;

    for (level = 0; level < CALL_LEVELS; level++) {
        uint32_t left = log[2 * CALL_LEVELS - 1 - level];
        uint32_t want = 2 * rounds * (uint32_t)(inc + level);

        if (log[level] != level << 4 || left != (level << 4 | 1)) {
            tap_diag("level %u: entered 0x%x, left 0x%x", level, log[level],
                     left);
            return false;
        }
        if (work[level] != want) {
            tap_diag("level %u: collected %u, expected %u", level,
                     work[level], want);
            return false;
        }
    }
    return true;
}

static void test_call(PanthorContext *ctx)
{
    static const uint32_t jumped[] = { 1, 2, 3, 0 };
    uint64_t va, tail_va;
    uint32_t size, tail_size;
    Stream s, sub;

    begin(ctx, &s);
    stream_emit(&s, cs_move48(30, panthor_data_va(64)));
    emit_nested(ctx, &s, 10, 1);
    stream_emit(&s, cs_move48(0, panthor_data_va(0)));
    stream_store(&s, 16, (1u << CALL_LEVELS) - 1, 0, 0);
    stream_end(&s);
    if (run(ctx, &s, "nested calls")) {
        tap_ok(nested_ok(ctx->data + 64, ctx->data, 10, 1),
               "CALL: %u levels deep, and back", CALL_LEVELS - 1);
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
        emit_loop(&s, 10, 11, 2000, 1);
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
        emit_loop(&s, 12, 13, loops, 1);
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
    emit_nested(ctx, s, rounds, group * 16 + 1);
    stream_store(s, 16, (1u << CALL_LEVELS) - 1, 0, MANY_WORK * 4);
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

/* The shortest of a few runs: on a busy host one alone would count too much */
static uint32_t calibrate(PanthorContext *ctx)
{
    uint64_t start, ns = UINT64_MAX, rounds;
    unsigned i;
    Stream s;

    for (i = 0; i < CALIBRATIONS; i++) {
        begin(ctx, &s);
        stream_emit(&s, cs_move32(11, 0));
        emit_loop(&s, 10, 11, CALIBRATION_LOOPS, 1);
        stream_end(&s);
        start = kernel_now_ns();
        if (!run(ctx, &s, "calibration")) {
            return 0;
        }
        start = kernel_now_ns() - start;
        ns = start < ns ? start : ns;
    }
    rounds = MANY_TARGET_MS * 1000000ull * CALIBRATION_LOOPS / ns /
             (MANY_GROUPS * CALL_LEVELS * 2);
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

        stream_init(&s);
        stream_begin(&s);
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

/* Each round: work, an addition that waits for it, and a look before both */
static void emit_deferred(Stream *s)
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
        stream_emit(s, cs_wait(1 << WORK_SB_DEFERRED));
    }
    stream_end(s);
}

static void deferred_groups(PanthorDev *dev, unsigned groups)
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

        begin(&ctx[g], &s);
        emit_deferred(&s);
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
    tap_ok(good == groups, "%u %s: each deferred addition happens once",
           groups, groups == 1 ? "group" : "groups");
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
    deferred_groups(dev, 1);
    deferred_groups(dev, WORK_GROUPS);
    host_request(NULL, 0, "qom-set x-endpoint-latency-ns 0");
}

int main(int argc, char **argv)
{
    struct drm_panthor_csif_info csif;
    PanthorContext ctx, other;
    uint32_t rounds;
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
    rounds = calibrate(&ctx);

    panthor_context_fini(&other);
    panthor_context_fini(&ctx);
    if (rounds) {
        for (unsigned i = 0; i < MANY_TRIES; i++) {
            if (test_many_groups(&dev, rounds << i, i == MANY_TRIES - 1)) {
                break;
            }
        }
    }
    test_deferred(&dev);
    panthor_close(&dev);
    return tap_end();
}
