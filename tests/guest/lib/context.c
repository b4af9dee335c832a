/*
 * One VM with memory, and one group: PanthorContext of panthor.h
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <string.h>

#include "panthor.h"
#include "tap.h"

/* Of a loop that spins: not among those that a test uses */
enum {
    SPIN_REG_ADDR = 84,
    SPIN_REG_VALUE = 86,
};

void panthor_context_init(PanthorContext *ctx, PanthorDev *dev,
                          uint32_t queues)
{
    const uint32_t uncached = DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC |
                              DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED;
    const uint32_t noexec = DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC;
    struct drm_panthor_vm_bind_op ops[3];

    memset(ctx, 0, sizeof(*ctx));
    ctx->dev = dev;
    TAP_MUST(panthor_vm_create(dev, &ctx->vm));
    TAP_MUST(panthor_bo_create(dev, &ctx->code_bo, PANTHOR_CODE_SIZE,
                               ctx->vm));
    TAP_MUST(panthor_bo_create(dev, &ctx->data_bo, PANTHOR_DATA_SIZE,
                               ctx->vm));
    TAP_MUST(panthor_bo_create(dev, &ctx->poll_bo, PANTHOR_GPU_PAGE,
                               ctx->vm));
    memset(ctx->data_bo.cpu, 0, PANTHOR_DATA_SIZE);
    memset(ctx->poll_bo.cpu, 0, PANTHOR_GPU_PAGE);

    ops[0] = panthor_map_op(&ctx->code_bo, 0, PANTHOR_CODE_VA,
                            PANTHOR_CODE_SIZE, noexec);
    ops[1] = panthor_map_op(&ctx->data_bo, 0, PANTHOR_DATA_VA,
                            PANTHOR_DATA_SIZE, noexec);
    ops[2] = panthor_map_op(&ctx->poll_bo, 0, PANTHOR_POLL_VA,
                            PANTHOR_GPU_PAGE, uncached);
    TAP_MUST(panthor_vm_bind(dev, ctx->vm, ops, 3));

    ctx->code.cpu = ctx->code_bo.cpu;
    ctx->code.va = PANTHOR_CODE_VA;
    ctx->code.size = PANTHOR_CODE_SIZE;
    ctx->data = ctx->data_bo.cpu;
    ctx->poll = ctx->poll_bo.cpu;

    TAP_MUST(panthor_syncobj_create(dev, &ctx->syncobj));
    TAP_MUST(panthor_group_create(dev, ctx->vm, queues, &ctx->group));
}

void panthor_context_fini(PanthorContext *ctx)
{
    PanthorDev *dev = ctx->dev;

    TAP_MUST(panthor_group_destroy(dev, ctx->group));
    TAP_MUST(panthor_vm_destroy(dev, ctx->vm));
    panthor_bo_destroy(dev, &ctx->code_bo);
    panthor_bo_destroy(dev, &ctx->data_bo);
    panthor_bo_destroy(dev, &ctx->poll_bo);
    panthor_syncobj_destroy(dev, ctx->syncobj);
    memset(ctx, 0, sizeof(*ctx));
}

void panthor_context_new_group(PanthorContext *ctx, uint32_t queues)
{
    TAP_MUST(panthor_group_destroy(ctx->dev, ctx->group));
    TAP_MUST(panthor_group_create(ctx->dev, ctx->vm, queues, &ctx->group));
}

uint64_t panthor_data_va(size_t index)
{
    return PANTHOR_DATA_VA + index * sizeof(uint32_t);
}

int panthor_submit(PanthorContext *ctx, uint32_t queue, uint64_t va,
                   uint32_t size, uint32_t syncobj)
{
    struct drm_panthor_sync_op sync = panthor_signal_op(syncobj, 0);
    PanthorJob job = {
        .queue = queue,
        .stream_va = va,
        .stream_size = size,
        .syncs = &sync,
        .sync_count = 1,
    };
    int ret = panthor_syncobj_reset(ctx->dev, syncobj);

    if (ret < 0) {
        return ret;
    }
    return panthor_group_submit(ctx->dev, ctx->group, &job, 1);
}

int panthor_wait(PanthorContext *ctx, unsigned timeout_ms)
{
    int ret, status;

    ret = panthor_syncobj_wait(ctx->dev, ctx->syncobj, 0, false, timeout_ms);
    if (ret < 0) {
        return ret;
    }
    ret = panthor_syncobj_status(ctx->dev, ctx->syncobj, &status);
    if (ret < 0) {
        return ret;
    }
    return status < 0 ? status : 0;
}

int panthor_run(PanthorContext *ctx, uint32_t queue, uint64_t va,
                uint32_t size, unsigned timeout_ms)
{
    int ret = panthor_submit(ctx, queue, va, size, ctx->syncobj);

    return ret < 0 ? ret : panthor_wait(ctx, timeout_ms);
}

int panthor_run_stream(PanthorContext *ctx, uint32_t queue, Stream *s,
                       unsigned timeout_ms)
{
    uint32_t size;
    uint64_t va = stream_place(s, &ctx->code, &size);

    return panthor_run(ctx, queue, va, size, timeout_ms);
}

static uint64_t place_store(PanthorContext *ctx, uint32_t value,
                            uint32_t *size)
{
    Stream s;

    ctx->code.used = 0;
    stream_init(&s);
    stream_begin(&s);
    stream_emit(&s, cs_move32(10, value));
    stream_store_at(&s, 10, panthor_data_va(0), 0);
    stream_end(&s);
    return stream_place(&s, &ctx->code, size);
}

void panthor_submit_store(PanthorContext *ctx, uint32_t value)
{
    uint32_t size;
    uint64_t va = place_store(ctx, value, &size);

    TAP_MUST(panthor_submit(ctx, 0, va, size, ctx->syncobj));
}

int panthor_stored(PanthorContext *ctx, uint32_t value, unsigned timeout_ms)
{
    int ret = panthor_wait(ctx, timeout_ms);

    return ret ? ret : ctx->data[0] == value ? 0 : -EIO;
}

int panthor_store_job(PanthorContext *ctx, uint32_t value,
                      unsigned timeout_ms)
{
    uint32_t size;
    uint64_t va = place_store(ctx, value, &size);
    int ret = panthor_submit(ctx, 0, va, size, ctx->syncobj);

    return ret ? ret : panthor_stored(ctx, value, timeout_ms);
}

uint32_t panthor_read_word(PanthorContext *ctx, uint64_t va,
                           unsigned timeout_ms)
{
    Stream s;
    int ret;

    ctx->code.used = 0;
    ctx->data[0] = 0;
    stream_init(&s);
    stream_begin(&s);
    stream_load_at(&s, 10, va, 0);
    stream_store_at(&s, 10, panthor_data_va(0), 2);
    stream_end(&s);
    ret = panthor_run_stream(ctx, 0, &s, timeout_ms);
    if (ret) {
        tap_diag("job: %s", strerror(-ret));
        return 0;
    }
    return ctx->data[0];
}

void panthor_poll_set(PanthorContext *ctx, unsigned index, uint32_t value)
{
    __atomic_store_n(&ctx->poll[index], value, __ATOMIC_SEQ_CST);
    __sync_synchronize();
}

void panthor_emit_spin(Stream *s, unsigned index)
{
    size_t loop;

    stream_emit(s, cs_move48(SPIN_REG_ADDR, PANTHOR_POLL_VA + index * 4));
    loop = stream_here(s);
    stream_load(s, SPIN_REG_VALUE, 1, SPIN_REG_ADDR, 0);
    stream_branch_back(s, CS_COND_EQ, SPIN_REG_VALUE, loop);
}

void panthor_submit_spin(PanthorContext *ctx)
{
    uint32_t size;
    uint64_t va;
    Stream s;

    ctx->code.used = 0;
    stream_init(&s);
    stream_begin(&s);
    panthor_emit_spin(&s, 0);
    stream_end(&s);
    va = stream_place(&s, &ctx->code, &size);
    TAP_MUST(panthor_submit(ctx, 0, va, size, ctx->syncobj));
}

int panthor_end_spin(PanthorContext *ctx, unsigned timeout_ms)
{
    int ret;

    panthor_poll_set(ctx, 0, 1);
    ret = panthor_wait(ctx, timeout_ms);
    panthor_poll_set(ctx, 0, 0);
    return ret;
}
