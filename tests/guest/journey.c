/*
 * journey: the GPU is never idle, and every result is checked
 *
 * For a host that saves and loads the machine meanwhile.  More groups than
 * slots and more VMs than address spaces: long loops in a CALL, a queue that
 * waits for the other one of its group, draws that take memory of a tiler
 * heap if the device was told that they do, and a thread that maps and unmaps
 * parts of huge pages, so that regions are locked, one of them while a stream
 * reads it.
 *
 * It asks the host for nothing, and measures no time.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/kernel.h"
#include "lib/panthor.h"
#include "lib/tap.h"

#define SECONDS         5
#define JOB_TIMEOUT_MS  20000
#define CONTEXTS        10
#define ROUNDS          200000

/* Words of a context's data */
enum {
    WORD_SYNC = 0,
    WORD_LOOP = 16,
    WORD_WAITER = 17,
    WORD_DRAWS = 18,
    WORD_LEAST = 19,
    /* Tiler context, and its list of chunks: newest and oldest */
    WORD_TILER = 64,
    WORD_TILER_TOP = WORD_TILER + 10,
};

#define BLOCK_VA        0x40000000ull
#define READ_VA         0x50000000ull
#define CUT_OFFSET      0x20000
#define CUT_SIZE        0x10000
#define READ_OFFSET     0x100000
#define READS           30000
#define READ_VALUE      0x33330000u
/* One that the tiler has from the start, and one that the driver gives */
#define HEAP_CHUNKS     2
#define DRAWS           8
#define RING_SIZE       0x4000
#define MARK_ONE        0x11110000u
#define MARK_TWO        0x22220000u

/* Registers of the drawer; its handler has others */
enum {
    REG_TILER = 40,
    REG_HEAP = 50,
    REG_HANDLER = 60,
    HANDLER_BASE = 64,
};

typedef struct Traveller {
    PanthorContext ctx;
    uint64_t va[2];
    uint32_t size[2];
    uint32_t syncobj[2];
} Traveller;

/* Tells the thread to end, and nothing else */
static atomic_bool stop;
static atomic_uint edits, failed_edits;
/* What the reader reads */
static PanthorBo read_bo;

/* The looping half in a buffer of its own, called from the job's stream */
static void place_loop(Traveller *t, unsigned number)
{
    uint64_t va;
    uint32_t size;
    size_t loop;
    Stream s;

    stream_init(&s);
    stream_emit(&s, cs_move32(10, ROUNDS + number));
    stream_emit(&s, cs_move32(11, MARK_ONE));
    loop = stream_here(&s);
    stream_emit(&s, cs_add_imm32(11, 11, 1));
    stream_emit(&s, cs_add_imm32(10, 10, -1));
    stream_branch_back(&s, CS_COND_GT, 10, loop);
    va = stream_place(&s, &t->ctx.code, &size);

    stream_init(&s);
    stream_begin(&s);
    stream_call(&s, va, size, 60);
    stream_store_at(&s, 11, panthor_data_va(WORD_LOOP), 0);
    stream_emit(&s, cs_move48(0, panthor_data_va(WORD_SYNC)));
    stream_emit(&s, cs_move48(2, 1));
    stream_emit(&s, cs_sync(CS_OP_SYNC_ADD64, 0, 2, CS_SYNC_SCOPE_CSG, 0, 0,
                            STREAM_SB_LOAD_STORE));
    stream_end(&s);
    t->va[0] = stream_place(&s, &t->ctx.code, &t->size[0]);
}

static void place_waiter(Traveller *t, unsigned number)
{
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(0, panthor_data_va(WORD_SYNC)));
    stream_emit(&s, cs_move48(2, 0));
    stream_emit(&s, cs_move32(4, MARK_TWO + number));
    stream_emit(&s, cs_sync_wait(CS_OP_SYNC_WAIT64, 0, 2, CS_COND_GT, 0));
    stream_store_at(&s, 4, panthor_data_va(WORD_WAITER), 0);
    stream_end(&s);
    t->va[1] = stream_place(&s, &t->ctx.code, &t->size[1]);
}

/* Gives back the chunks of the tiler context, which is empty afterwards */
static uint64_t place_handler(Traveller *t, uint32_t *size)
{
    Stream s;

    stream_init(&s);
    stream_emit(&s, cs_move48(HANDLER_BASE, panthor_data_va(WORD_TILER_TOP)));
    stream_load(&s, HANDLER_BASE + 2, 0xf, HANDLER_BASE, 0);
    stream_emit(&s, cs_finish_fragment(HANDLER_BASE + 2, HANDLER_BASE + 4, 1,
                                       0, 0));
    stream_emit(&s, cs_move48(HANDLER_BASE + 2, 0));
    stream_emit(&s, cs_move48(HANDLER_BASE + 4, 0));
    stream_store(&s, HANDLER_BASE + 2, 0xf, HANDLER_BASE, 0);
    return stream_place(&s, &t->ctx.code, size);
}

static void place_drawer(Traveller *t, uint64_t heap_va)
{
    uint32_t handler_size;
    uint64_t handler_va = place_handler(t, &handler_size);
    size_t loop;
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(REG_HANDLER, handler_va));
    stream_emit(&s, cs_move32(REG_HANDLER + 2, handler_size));
    stream_emit(&s, cs_set_exception_handler(CS_EXCEPTION_TYPE_TILER_OOM,
                                             REG_HANDLER, REG_HANDLER + 2));
    stream_emit(&s, cs_move48(REG_HEAP, heap_va));
    stream_emit(&s, cs_heap_set(REG_HEAP));
    stream_emit(&s, cs_move48(REG_TILER, panthor_data_va(WORD_TILER)));
    stream_emit(&s, cs_move32(10, DRAWS));
    stream_emit(&s, cs_move32(11, 0));
    loop = stream_here(&s);
    stream_emit(&s, cs_heap_operation(CS_HEAP_VT_STARTED, 0, 0));
    stream_emit(&s, cs_opcode(CS_OP_RUN_FULLSCREEN));
    stream_emit(&s, cs_opcode(CS_OP_FINISH_TILING));
    stream_emit(&s, cs_wait(1 << STREAM_SB_ENDPOINT));
    stream_emit(&s, cs_heap_operation(CS_HEAP_VT_COMPLETED, 0, 0));
    stream_emit(&s, cs_add_imm32(11, 11, 1));
    stream_emit(&s, cs_add_imm32(10, 10, -1));
    stream_branch_back(&s, CS_COND_GT, 10, loop);
    stream_store_at(&s, 11, panthor_data_va(WORD_DRAWS), 2);
    stream_end(&s);
    t->va[0] = stream_place(&s, &t->ctx.code, &t->size[0]);
}

/* The least of what it reads of a page that never goes away */
static void place_reader(Traveller *t)
{
    size_t loop;
    Stream s;

    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move48(4, READ_VA + READ_OFFSET));
    stream_emit(&s, cs_move32(10, READS));
    stream_emit(&s, cs_move32(12, -1));
    loop = stream_here(&s);
    stream_load(&s, 13, 1, 4, 0);
    stream_emit(&s, cs_umin32(12, 12, 13));
    stream_emit(&s, cs_add_imm32(10, 10, -1));
    stream_branch_back(&s, CS_COND_GT, 10, loop);
    stream_store_at(&s, 12, panthor_data_va(WORD_LEAST), 0);
    stream_end(&s);
    t->va[0] = stream_place(&s, &t->ctx.code, &t->size[0]);
}

static void *edit_mappings(void *opaque)
{
    PanthorContext *ctx = opaque;
    PanthorBo bo;

    TAP_MUST(panthor_bo_create(ctx->dev, &bo, 2 * PANTHOR_GPU_BLOCK, ctx->vm));
    while (!stop) {
        /* Whole, then a hole in it, then away */
        failed_edits += panthor_vm_map(ctx->dev, ctx->vm, &bo, 0, BLOCK_VA,
                                       bo.size, 0) < 0;
        failed_edits += panthor_vm_unmap(ctx->dev, ctx->vm,
                                         BLOCK_VA + CUT_OFFSET, CUT_SIZE) < 0;
        failed_edits += panthor_vm_unmap(ctx->dev, ctx->vm, BLOCK_VA,
                                         bo.size) < 0;
        edits++;
    }
    panthor_bo_destroy(ctx->dev, &bo);
    return NULL;
}

/* Cut a part out of the huge page that is read, and put the whole back */
static void *edit_under_reader(void *opaque)
{
    PanthorContext *ctx = opaque;

    while (!stop) {
        failed_edits += panthor_vm_unmap(ctx->dev, ctx->vm,
                                         READ_VA + CUT_OFFSET, CUT_SIZE) < 0;
        failed_edits += panthor_vm_map(ctx->dev, ctx->vm, &read_bo, 0,
                                       READ_VA, PANTHOR_GPU_BLOCK,
                                       DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC) < 0;
        edits++;
    }
    return NULL;
}

static bool collect(Traveller *t, const char *who, unsigned queue)
{
    int status = 0;
    int ret = panthor_syncobj_wait(t->ctx.dev, t->syncobj[queue], 0, false,
                                   JOB_TIMEOUT_MS);

    panthor_syncobj_status(t->ctx.dev, t->syncobj[queue], &status);
    if (ret || status != 1) {
        tap_diag("%s, queue %u: wait %d, fence %d", who, queue, ret, status);
    }
    return !ret && status == 1;
}

/* What the drawer and the reader have to show */
static bool collect_results(const Traveller *drawer, const Traveller *reader)
{
    uint32_t draws = drawer->ctx.data[WORD_DRAWS];
    uint32_t least = reader->ctx.data[WORD_LEAST];

    if (draws != DRAWS || least != READ_VALUE) {
        tap_diag("%u draws, least value 0x%x", draws, least);
        return false;
    }
    return true;
}

/* One job on each queue of each group; how many have gone wrong */
static unsigned travel(Traveller *travellers, Traveller *drawer,
                       Traveller *reader)
{
    unsigned wrong = 0;

    drawer->ctx.data[WORD_DRAWS] = 0;
    wrong += panthor_submit(&drawer->ctx, 0, drawer->va[0], drawer->size[0],
                            drawer->syncobj[0]) < 0;
    reader->ctx.data[WORD_LEAST] = 0;
    wrong += panthor_submit(&reader->ctx, 0, reader->va[0], reader->size[0],
                            reader->syncobj[0]) < 0;
    for (unsigned i = 0; i < CONTEXTS; i++) {
        Traveller *t = &travellers[i];

        memset(t->ctx.data, 0, 256);
        for (unsigned q = 0; q < 2; q++) {
            /* The waiter first */
            wrong += panthor_submit(&t->ctx, !q, t->va[!q], t->size[!q],
                                    t->syncobj[!q]) < 0;
        }
    }
    for (unsigned i = 0; i < CONTEXTS; i++) {
        Traveller *t = &travellers[i];
        const uint32_t *data = t->ctx.data;

        for (unsigned q = 0; q < 2; q++) {
            wrong += !collect(t, "traveller", q);
        }
        if (data[WORD_LOOP] != MARK_ONE + ROUNDS + i ||
            data[WORD_WAITER] != MARK_TWO + i || data[WORD_SYNC] != 1) {
            tap_diag("group %u: loop 0x%x, waiter 0x%x, sync %u", i,
                     data[WORD_LOOP], data[WORD_WAITER], data[WORD_SYNC]);
            wrong++;
        }
    }
    if (!collect(drawer, "drawer", 0) || !collect(reader, "reader", 0) ||
        !collect_results(drawer, reader)) {
        wrong++;
    }
    return wrong;
}

static void drawer_init(Traveller *t, PanthorDev *dev)
{
    uint64_t heap_va, first_chunk;
    uint32_t heap;

    panthor_context_init(&t->ctx, dev, 1);
    /*
     * One that keeps its slot: up to 7.3 panthor answers an event with the
     * counters of the slot that the group has by then, which may be another
     * (group_process_tiler_oom() of panthor_sched.c), and ends the group.
     */
    TAP_MUST(panthor_group_destroy(dev, t->ctx.group));
    TAP_MUST(panthor_group_create_with(dev, t->ctx.vm, 1,
                                       PANTHOR_GROUP_PRIORITY_HIGH, RING_SIZE,
                                       &t->ctx.group));
    /* It goes with the VM. */
    TAP_MUST(panthor_heap_create(dev, t->ctx.vm, 1, HEAP_CHUNKS, &heap,
                                 &heap_va, &first_chunk));
    place_drawer(t, heap_va);
    TAP_MUST(panthor_syncobj_create(dev, &t->syncobj[0]));
}

static void reader_init(Traveller *t, PanthorDev *dev)
{
    panthor_context_init(&t->ctx, dev, 1);
    TAP_MUST(panthor_bo_create(dev, &read_bo, PANTHOR_GPU_BLOCK, t->ctx.vm));
    *(uint32_t *)((char *)read_bo.cpu + READ_OFFSET) = READ_VALUE;
    TAP_MUST(panthor_vm_map(dev, t->ctx.vm, &read_bo, 0, READ_VA,
                            PANTHOR_GPU_BLOCK,
                            DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
    place_reader(t);
    TAP_MUST(panthor_syncobj_create(dev, &t->syncobj[0]));
}

int main(int argc, char **argv)
{
    static Traveller travellers[CONTEXTS], drawer, reader;
    /* Up to 6.12 a page that is edited is a hole for its readers. */
    bool under_reader = kernel_locks_first();
    pthread_t editor, reader_editor;
    unsigned rounds = 0, wrong = 0;
    uint64_t end;
    PanthorDev dev;

    tap_start(argc, argv, NULL, "Keeps the GPU busy in every way.");
    TAP_MUST(panthor_open(&dev));
    for (unsigned i = 0; i < CONTEXTS; i++) {
        Traveller *t = &travellers[i];

        panthor_context_init(&t->ctx, &dev, 2);
        place_loop(t, i);
        place_waiter(t, i);
        for (unsigned q = 0; q < 2; q++) {
            TAP_MUST(panthor_syncobj_create(&dev, &t->syncobj[q]));
        }
    }
    drawer_init(&drawer, &dev);
    reader_init(&reader, &dev);
    TAP_MUST(-pthread_create(&editor, NULL, edit_mappings,
                             &travellers[0].ctx));
    if (under_reader) {
        TAP_MUST(-pthread_create(&reader_editor, NULL, edit_under_reader,
                                 &reader.ctx));
    }
    end = kernel_now_ns() + SECONDS * 1000000000ull;
    while (kernel_now_ns() < end && !wrong) {
        wrong += travel(travellers, &drawer, &reader);
        rounds++;
    }
    stop = true;
    pthread_join(editor, NULL);
    if (under_reader) {
        pthread_join(reader_editor, NULL);
    }
    tap_diag("%u rounds, %u edits", rounds, edits);
    tap_ok(!wrong, "every job of every round has its results");
    tap_ok(!failed_edits && edits, "mappings were changed meanwhile");

    for (unsigned i = 0; i < CONTEXTS; i++) {
        for (unsigned q = 0; q < 2; q++) {
            panthor_syncobj_destroy(&dev, travellers[i].syncobj[q]);
        }
        panthor_context_fini(&travellers[i].ctx);
    }
    panthor_bo_destroy(&dev, &read_bo);
    panthor_syncobj_destroy(&dev, drawer.syncobj[0]);
    panthor_syncobj_destroy(&dev, reader.syncobj[0]);
    panthor_context_fini(&drawer.ctx);
    panthor_context_fini(&reader.ctx);
    panthor_close(&dev);
    return tap_end();
}
