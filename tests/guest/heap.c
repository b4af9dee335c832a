/*
 * heap: a tiler heap to the end of its memory, and back
 *
 * The model is told that each piece of the tiler's work takes one chunk.
 * The driver gives chunks until the heap has as many as it may; then a
 * fragment job or an exception handler has to give some back.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/probe.h"
#include "lib/second.h"
#include "lib/tap.h"

#define JOB_TIMEOUT_MS 3000
/* How long a job that has to wait is looked at */
#define LOOK_MS 200
#define TURN_TIMEOUT_MS 3000
/* How slow each step of a heap's end is, and how fast the driver hears */
#define STEP_US 150000
#define HEAR_MS 20
/* How often, on a host that may be late */
#define ENDS 3
/* What is not freed by then never is, however late the host was. */
#define FREE_TIMEOUT_MS 20000

#define MAX_CHUNKS 3
#define MAX_SPINNERS 33

/* Queues of the group */
enum {
    DRAW = 0,
    FRAGMENT = 1,
};

/* Words of the data buffer */
enum {
    DATA_DONE = 0,
    DATA_HANDLER = 1,
    /* A sync object: draws that have come to their end */
    DATA_SYNC = 2,
    /* Tiler context, and its list of chunks: newest and oldest */
    DATA_TILER = 64,
    DATA_TILER_TOP = DATA_TILER + 10,
};

/* Registers: those of a handler are not used by what it interrupts */
enum {
    REG_TILER = 40,
    REG_HEAP = 50,
    REG_CHUNKS = 52,
    REG_SYNC = 56,
    REG_HANDLER = 60,
    HANDLER_BASE = 64,
};

static PanthorDev dev;
static PanthorContext ctx;
static uint64_t heap_va;
static uint32_t draws;

static uint64_t oom_events(void)
{
    uint64_t count = 0;

    host_get_u64("tiler-oom-count", &count);
    return count;
}

static void emit_heap(Stream *s)
{
    stream_emit(s, cs_move48(REG_HEAP, heap_va));
    stream_emit(s, cs_heap_set(REG_HEAP));
}

/* True if the driver was asked as often as that before long */
static bool wait_oom_events(uint64_t count)
{
    uint64_t deadline = kernel_now_ns() + TURN_TIMEOUT_MS * 1000000ull;

    while (oom_events() < count && kernel_now_ns() < deadline) {
        kernel_sleep_ms(5);
    }
    return oom_events() >= count;
}

/* A render pass with one piece of work; @handler_size 0: no handler */
static void submit_draw_on(int queue, uint64_t handler_va,
                           uint32_t handler_size)
{
    uint32_t size;
    uint64_t va;
    Stream s;

    ctx.data[DATA_DONE] = 0;
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(REG_HANDLER, handler_va));
    stream_emit(&s, cs_move32(REG_HANDLER + 2, handler_size));
    stream_emit(&s, cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM,
                                             REG_HANDLER, REG_HANDLER + 2));
    emit_heap(&s);
    stream_emit(&s, cs_move48(REG_TILER, panthor_data_va(DATA_TILER)));
    stream_emit(&s, cs_heap_operation(CS_HEAP_VT_STARTED, 0, 0));
    stream_emit(&s, cs_opcode(CS_OP_RUN_FULLSCREEN));
    stream_emit(&s, cs_opcode(CS_OP_FINISH_TILING));
    stream_emit(&s, cs_wait(1 << STREAM_SB_ENDPOINT));
    stream_emit(&s, cs_heap_operation(CS_HEAP_VT_COMPLETED, 0, 0));
    stream_emit(&s, cs_move32(10, ++draws));
    stream_store_at(&s, 10, panthor_data_va(DATA_DONE), 2);
    stream_emit(&s, cs_move48(REG_SYNC, panthor_data_va(DATA_SYNC)));
    stream_emit(&s, cs_move32(REG_SYNC + 2, 1));
    stream_emit(&s, cs_sync(CS_OP_SYNC_ADD32, REG_SYNC, REG_SYNC + 2,
                            CS_SYNC_SCOPE_CSG, 0, 0, 0));
    stream_end(&s);
    va = stream_place(&s, &ctx.code, &size);
    TAP_MUST(panthor_submit(&ctx, queue, va, size, ctx.syncobj));
}

static void submit_draw(uint64_t handler_va, uint32_t handler_size)
{
    submit_draw_on(DRAW, handler_va, handler_size);
}

static bool draw_done(unsigned timeout_ms)
{
    int ret = panthor_syncobj_wait(&dev, ctx.syncobj, 0, false, timeout_ms);

    if (ret && ret != -ETIME) {
        tap_diag("draw %u: %s", draws, strerror(-ret));
    }
    return !ret && ctx.data[DATA_DONE] == draws;
}

/* Give back the chunks of the tiler context, which is empty afterwards */
static void emit_fragment(Stream *s, unsigned base)
{
    stream_emit(s, cs_move48(base, panthor_data_va(DATA_TILER_TOP)));
    stream_load(s, base + 2, 0xf, base, 0);
    stream_emit(s, cs_finish_fragment(base + 2, base + 4, 1, 0, 0));
    stream_emit(s, cs_move48(base + 2, 0));
    stream_emit(s, cs_move48(base + 4, 0));
    stream_store(s, base + 2, 0xf, base, 0);
}

static int fragment(void)
{
    uint32_t syncobj, size;
    uint64_t va;
    Stream s;
    int ret;

    stream_init(&s);
    stream_begin(&s);
    emit_heap(&s);
    emit_fragment(&s, REG_CHUNKS);
    stream_end(&s);
    va = stream_place(&s, &ctx.code, &size);
    TAP_MUST(panthor_syncobj_create(&dev, &syncobj));
    TAP_MUST(panthor_submit(&ctx, FRAGMENT, va, size, syncobj));
    ret = panthor_syncobj_wait(&dev, syncobj, 0, true, JOB_TIMEOUT_MS);
    panthor_syncobj_destroy(&dev, syncobj);
    return ret;
}

static uint64_t place_handler(uint32_t *size)
{
    Stream s;

    stream_init(&s);
    stream_load_at(&s, HANDLER_BASE, panthor_data_va(DATA_HANDLER),
                   HANDLER_BASE + 2);
    stream_emit(&s, cs_add_imm32(HANDLER_BASE, HANDLER_BASE, 1));
    stream_store_at(&s, HANDLER_BASE, panthor_data_va(DATA_HANDLER),
                    HANDLER_BASE + 2);
    emit_fragment(&s, HANDLER_BASE + 2);
    return stream_place(&s, &ctx.code, size);
}

/*
 * What panvk does on its fragment queue: a handler for the heap, as long as
 * it waits for a draw of the other queue, and none afterwards
 */
static void submit_keeper(uint64_t handler_va, uint32_t handler_size,
                          uint32_t syncobj)
{
    uint32_t size;
    uint64_t va;
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    emit_heap(&s);
    stream_emit(&s, cs_move48(REG_HANDLER, handler_va));
    stream_emit(&s, cs_move32(REG_HANDLER + 2, handler_size));
    stream_emit(&s, cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM,
                                             REG_HANDLER, REG_HANDLER + 2));
    stream_emit(&s, cs_move48(REG_SYNC, panthor_data_va(DATA_SYNC)));
    stream_emit(&s, cs_move32(REG_SYNC + 2, 0));
    stream_emit(&s, cs_sync_wait(CS_OP_SYNC_WAIT32, REG_SYNC, REG_SYNC + 2,
                                 CS_COND_GT, 0));
    stream_emit(&s, cs_move48(REG_HANDLER, 0));
    stream_emit(&s, cs_move32(REG_HANDLER + 2, 0));
    stream_emit(&s, cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM,
                                             REG_HANDLER, REG_HANDLER + 2));
    stream_end(&s);
    va = stream_place(&s, &ctx.code, &size);
    TAP_MUST(panthor_submit(&ctx, FRAGMENT, va, size, syncobj));
}

/* The handler of one queue for the draw of the other, set first or second */
static void other_queue(uint64_t handler_va, uint32_t handler_size)
{
    uint32_t runs = ctx.data[DATA_HANDLER];
    uint32_t syncobj;

    TAP_MUST(panthor_syncobj_create(&dev, &syncobj));
    ctx.data[DATA_SYNC] = 0;
    submit_keeper(handler_va, handler_size, syncobj);
    submit_draw(0, 0);
    tap_ok(draw_done(JOB_TIMEOUT_MS) &&
           ctx.data[DATA_HANDLER] == runs + 1 &&
           !panthor_syncobj_wait(&dev, syncobj, 0, true, JOB_TIMEOUT_MS),
           "refused, the handler of another queue makes room");
    /* It left one more chunk than the draw took. */
    submit_draw(0, 0);
    TAP_MUST(draw_done(JOB_TIMEOUT_MS) ? 0 : -EIO);

    ctx.data[DATA_SYNC] = 0;
    submit_draw(0, 0);
    tap_ok(!draw_done(LOOK_MS) && ctx.data[DATA_HANDLER] == runs + 1,
           "that queue has taken it away: the next draw waits");
    submit_keeper(handler_va, handler_size, syncobj);
    tap_ok(draw_done(JOB_TIMEOUT_MS) &&
           ctx.data[DATA_HANDLER] == runs + 2 &&
           !panthor_syncobj_wait(&dev, syncobj, 0, true, JOB_TIMEOUT_MS),
           "set anew, the handler makes room for it");
    submit_draw(0, 0);
    TAP_MUST(draw_done(JOB_TIMEOUT_MS) ? 0 : -EIO);
    panthor_syncobj_destroy(&dev, syncobj);
}

/* More groups than slots, all busy: the one that waits for memory rotates */
static void over_commit(void)
{
    uint32_t syncobj[MAX_SPINNERS], group[MAX_SPINNERS];
    int count = TAP_MUST(panthor_group_slots(&dev)) + 2;
    uint64_t before;
    PanthorContext busy;
    uint32_t size;
    uint64_t va;
    Stream s;
    int i;

    if (count > MAX_SPINNERS) {
        count = MAX_SPINNERS;
    }
    panthor_context_init(&busy, &dev, 1);
    stream_init(&s);
    stream_begin(&s);
    panthor_emit_spin(&s, 0);
    va = stream_place(&s, &busy.code, &size);
    submit_draw(0, 0);
    tap_ok(!draw_done(LOOK_MS), "a draw waits for memory");
    before = oom_events();
    for (i = 0; i < count; i++) {
        struct drm_panthor_sync_op signal;
        PanthorJob job = { .stream_va = va, .stream_size = size };

        TAP_MUST(panthor_group_create(&dev, busy.vm, 1, &group[i]));
        TAP_MUST(panthor_syncobj_create(&dev, &syncobj[i]));
        signal = panthor_signal_op(syncobj[i], 0);
        job.syncs = &signal;
        job.sync_count = 1;
        TAP_MUST(panthor_group_submit(&dev, group[i], &job, 1));
    }
    tap_ok(wait_oom_events(before + 2),
           "off its slot and back, it asks for memory again");
    panthor_poll_set(&busy, 0, 1);
    for (i = 0; i < count; i++) {
        int ret = panthor_syncobj_wait(&dev, syncobj[i], 0, false,
                                       JOB_TIMEOUT_MS);

        if (ret) {
            tap_ok(false, "spinner %d ends: %s", i, strerror(-ret));
        }
        panthor_syncobj_destroy(&dev, syncobj[i]);
        TAP_MUST(panthor_group_destroy(&dev, group[i]));
    }
    tap_ok(!fragment() && draw_done(JOB_TIMEOUT_MS),
           "a fragment job brings it to its end");
    panthor_context_fini(&busy);
}

static int destroy_heap(uint32_t heap)
{
    return panthor_heap_destroy(&dev, heap);
}

/*
 * The other thread ends a heap, which takes long and keeps every other heap of
 * the VM locked: meanwhile one queue of a group waits for the driver's answer,
 * and a second one asks.
 */
static void ask_twice(Second *other)
{
    uint64_t first_chunk, spare_va, events = oom_events();
    uint32_t spare;

    TAP_MUST(panthor_heap_create(&dev, ctx.vm, 1, 1, &spare, &spare_va,
                                 &first_chunk));
    second_start(other, destroy_heap, spare);
    kernel_sleep_ms(HEAR_MS);
    for (int queue = DRAW; queue <= FRAGMENT; queue++) {
        submit_draw_on(queue, 0, 0);
        wait_oom_events(++events);
        kernel_sleep_ms(HEAR_MS);
    }
    panthor_context_new_group(&ctx, 2);
    TAP_MUST(second_end(other));
}

/*
 * A group ends with an answer to one of its queues under way, and another one
 * that has not begun.  What the driver has taken for the latter it has to give
 * back (group_unbind_locked(), v7.3): the group is freed.
 */
static void test_end(void)
{
    static const char name[] = "a group that ends before it has its memory is "
                               "freed";
    unsigned before = panthor_buffers(&dev), after;
    uint64_t first_chunk;
    Second other;
    uint32_t heap;
    Probe slow;
    int missing;

    if (!before || probe_missing()) {
        tap_skip(before ? probe_missing() : "no list of buffers", name);
        return;
    }
    second_open(&other);
    panthor_context_init(&ctx, &dev, 2);
    TAP_MUST(panthor_heap_create(&dev, ctx.vm, 1, MAX_CHUNKS, &heap,
                                 &heap_va, &first_chunk));
    /* It takes a processor: not the one that has the GPU's interrupts */
    second_pin(other.thread, sysconf(_SC_NPROCESSORS_ONLN) - 1);
    missing = probe_slow_calls(&slow, "panthor_heap_destroy", STEP_US,
                               other.tid);
    if (!missing) {
        uint64_t events = oom_events();

        /* With one processor, for longer than the driver waits for an answer */
        tap_directive("allow-dmesg CSG [0-9]+ update request timedout");
        for (int i = 0; i < ENDS; i++) {
            ask_twice(&other);
        }
        tap_ok(oom_events() >= events + 2 * ENDS,
               "groups that end ask for memory twice");
    }
    probe_close(&slow);
    second_close(&other);
    panthor_context_fini(&ctx);
    if (missing) {
        tap_skip("the end of a heap cannot be made slow", name);
        return;
    }
    tap_directive("untimed : a group that ends before it has its memory");
    after = panthor_buffers_wait(&dev, before, FREE_TIMEOUT_MS);
    if (!tap_ok(after <= before, name)) {
        tap_diag("%u buffers are left", after - before);
    }
}

int main(int argc, char **argv)
{
    uint32_t heap, handler_size, fatal = 0;
    uint64_t first_chunk, handler_va, events;
    int state;

    tap_start(argc, argv, NULL, "Lets a tiler heap run out of memory.");
    if (host_request(NULL, 0, "qom-set x-endpoint-heap-chunks 1")) {
        tap_skip(host_error(), "work of the tiler takes memory");
        return tap_end();
    }
    TAP_MUST(panthor_open(&dev));
    panthor_context_init(&ctx, &dev, 2);
    TAP_MUST(panthor_heap_create(&dev, ctx.vm, 1, MAX_CHUNKS, &heap,
                                 &heap_va, &first_chunk));
    tap_ok(heap_va && first_chunk, "a heap is made");
    handler_va = place_handler(&handler_size);

    /* One chunk is there from the start, and the tiler's own */
    events = oom_events();
    submit_draw(0, 0);
    tap_ok(draw_done(JOB_TIMEOUT_MS), "the driver gives a chunk");
    submit_draw(0, 0);
    tap_ok(draw_done(JOB_TIMEOUT_MS), "and another one");
    tap_ok(oom_events() == events + 2, "it was asked twice");

    submit_draw(0, 0);
    tap_ok(!draw_done(LOOK_MS), "no more than the heap may have");
    tap_ok(!fragment(), "a fragment job gives the chunks back");
    tap_ok(draw_done(JOB_TIMEOUT_MS), "the draw goes on with one of them");
    events = oom_events();
    submit_draw(0, 0);
    tap_ok(draw_done(JOB_TIMEOUT_MS) && oom_events() == events,
           "the next one takes the other and asks nobody");

    submit_draw(handler_va, handler_size);
    tap_ok(draw_done(JOB_TIMEOUT_MS) && ctx.data[DATA_HANDLER] == 1,
           "refused, an exception handler makes room");
    submit_draw(handler_va, handler_size);
    tap_ok(draw_done(JOB_TIMEOUT_MS) && ctx.data[DATA_HANDLER] == 1,
           "with room, it is not called");

    other_queue(handler_va, handler_size);
    over_commit();

    /* The heap goes while a draw waits for it. */
    submit_draw(0, 0);
    TAP_MUST(draw_done(JOB_TIMEOUT_MS) ? 0 : -EIO);
    submit_draw(0, 0);
    tap_ok(!draw_done(LOOK_MS), "the next draw waits again");
    tap_ok(!panthor_group_destroy(&dev, ctx.group),
           "its group can be destroyed");
    TAP_MUST(panthor_group_create(&dev, ctx.vm, 2, &ctx.group));
    tap_ok(!panthor_heap_destroy(&dev, heap), "so can the heap");

    /* A context that is none of the driver's: -EINVAL there, and the end */
    tap_directive("allow-dmesg Failed to extend the tiler heap");
    tap_directive("allow-dmesg CSG slot [0-9]+ progress timeout|job timeout");
    heap_va = panthor_data_va(DATA_TILER + 64);
    submit_draw(0, 0);
    tap_ok(!draw_done(JOB_TIMEOUT_MS),
           "a heap that the driver does not know gets nothing");
    state = panthor_group_state(&dev, ctx.group, &fatal);
    if (!tap_ok(state == DRM_PANTHOR_GROUP_STATE_FATAL_FAULT && fatal == 1,
                "the driver ends the queue that asked")) {
        tap_diag("state 0x%x, queues 0x%x", state, fatal);
    }

    /* And a VM that has none: there is not even a place to look. */
    panthor_context_fini(&ctx);
    panthor_context_init(&ctx, &dev, 2);
    submit_draw(0, 0);
    tap_ok(!draw_done(JOB_TIMEOUT_MS),
           "a VM without a heap gets nothing for it");
    state = panthor_group_state(&dev, ctx.group, &fatal);
    if (!tap_ok(state == DRM_PANTHOR_GROUP_STATE_FATAL_FAULT && fatal == 1,
                "and the driver ends the queue")) {
        tap_diag("state 0x%x, queues 0x%x", state, fatal);
    }

    panthor_context_fini(&ctx);
    test_end();
    host_request(NULL, 0, "qom-set x-endpoint-heap-chunks 0");
    panthor_close(&dev);
    return tap_end();
}
