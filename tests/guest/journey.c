/*
 * journey: the GPU is never idle, and every result is checked
 *
 * For a host that saves and loads the machine meanwhile.  More groups than
 * slots and more VMs than address spaces: long loops in a CALL, a queue that
 * waits for the other one of its group, and a thread that maps and unmaps
 * parts of a huge page, so that regions are locked.
 *
 * It asks the host for nothing, and measures no time.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
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
};

#define BLOCK_VA        0x40000000ull
#define MARK_ONE        0x11110000u
#define MARK_TWO        0x22220000u

typedef struct Traveller {
    PanthorContext ctx;
    uint64_t va[2];
    uint32_t size[2];
    uint32_t syncobj[2];
} Traveller;

/* Tells the thread to end, and nothing else */
static atomic_bool stop;
static unsigned edits, failed_edits;

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

static void *edit_mappings(void *opaque)
{
    PanthorContext *ctx = opaque;
    PanthorBo bo;

    TAP_MUST(panthor_bo_create(ctx->dev, &bo, 2 * PANTHOR_GPU_BLOCK, ctx->vm));
    while (!stop) {
        /* Whole, then a hole in it, then away */
        failed_edits += panthor_vm_map(ctx->dev, ctx->vm, &bo, 0, BLOCK_VA,
                                       bo.size, 0) < 0;
        failed_edits += panthor_vm_unmap(ctx->dev, ctx->vm, BLOCK_VA + 0x20000,
                                         0x10000) < 0;
        failed_edits += panthor_vm_unmap(ctx->dev, ctx->vm, BLOCK_VA,
                                         bo.size) < 0;
        edits++;
    }
    panthor_bo_destroy(ctx->dev, &bo);
    return NULL;
}

/* One job on each queue of each group; how many have gone wrong */
static unsigned travel(Traveller *travellers)
{
    unsigned wrong = 0;

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
            int status = 0;
            int ret = panthor_syncobj_wait(t->ctx.dev, t->syncobj[q], 0, false,
                                           JOB_TIMEOUT_MS);

            panthor_syncobj_status(t->ctx.dev, t->syncobj[q], &status);
            if (ret || status != 1) {
                tap_diag("group %u queue %u: wait %d, fence %d", i, q, ret,
                         status);
                wrong++;
            }
        }
        if (data[WORD_LOOP] != MARK_ONE + ROUNDS + i ||
            data[WORD_WAITER] != MARK_TWO + i || data[WORD_SYNC] != 1) {
            tap_diag("group %u: loop 0x%x, waiter 0x%x, sync %u", i,
                     data[WORD_LOOP], data[WORD_WAITER], data[WORD_SYNC]);
            wrong++;
        }
    }
    return wrong;
}

int main(int argc, char **argv)
{
    static Traveller travellers[CONTEXTS];
    unsigned rounds = 0, wrong = 0;
    pthread_t editor;
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
    TAP_MUST(-pthread_create(&editor, NULL, edit_mappings,
                             &travellers[0].ctx));
    end = kernel_now_ns() + SECONDS * 1000000000ull;
    while (kernel_now_ns() < end && !wrong) {
        wrong += travel(travellers);
        rounds++;
    }
    stop = true;
    pthread_join(editor, NULL);
    tap_diag("%u rounds, %u edits", rounds, edits);
    tap_ok(!wrong, "every job of every round has its results");
    tap_ok(!failed_edits && edits, "mappings were changed meanwhile");

    for (unsigned i = 0; i < CONTEXTS; i++) {
        for (unsigned q = 0; q < 2; q++) {
            panthor_syncobj_destroy(&dev, travellers[i].syncobj[q]);
        }
        panthor_context_fini(&travellers[i].ctx);
    }
    panthor_close(&dev);
    return tap_end();
}
