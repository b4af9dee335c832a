/*
 * Mali CSF GPU: stores of a shader
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "lanes.h"
#include "messages.h"

typedef struct Store {
    unsigned bytes;
    /* First staging register */
    const MaliShaderSlot *from;
} Store;

/* What a lane stores, little-endian */
static inline void gather(const Store *store, unsigned lane, uint8_t *bytes)
{
    for (unsigned i = 0; i < DIV_ROUND_UP(store->bytes, 4); i++) {
        stl_le_p(bytes + 4 * i, store->from[i][lane]);
    }
}

/* Neighbouring lanes, whose bytes begin at @host with the first lane's */
static void store_run(const Store *store, const MaliShaderRun *run,
                      unsigned base, uint8_t *host)
{
    uint8_t *start = host - run->first * run->stride;

    for (uint32_t left = run->lanes; left; left &= left - 1) {
        unsigned lane = ctz32(left);

        if (store->bytes == 4) {
            stl_le_p(start + lane * run->stride, store->from[0][base + lane]);
        } else {
            uint8_t bytes[MALI_SHADER_MAX_ACCESS];

            gather(store, base + lane, bytes);
            memcpy(start + lane * run->stride, bytes, store->bytes);
        }
    }
}

static MaliShaderAccess store_lane(MaliShaderMemory *memory,
                                   const Store *store, unsigned lane,
                                   uint64_t va)
{
    uint8_t bytes[MALI_SHADER_MAX_ACCESS];

    if (store->bytes == 4) {
        uint8_t *host = mali_shader_local_at(memory, va, 4);

        if (host) {
            stl_le_p(host, store->from[0][lane]);
            return MALI_SHADER_ACCESS_DONE;
        }
    }
    gather(store, lane, bytes);
    return mali_shader_store(memory, va, store->bytes, bytes);
}

/* The lanes of a warp that begins at @base; *done receives those that are */
static MaliShaderAccess store_warp(MaliShaderMemory *memory,
                                   const Store *store, const uint64_t *va,
                                   unsigned base, uint32_t warp,
                                   uint64_t *done)
{
    MaliShaderAccess result;
    MaliShaderRun run;
    MaliCsfSpan span;

    if (mali_shader_is_run(va + base, warp, store->bytes, &run)) {
        result = mali_shader_at(memory, run.va, run.bytes,
                                MALI_CSF_MEM_WRITE, &span);
        if (result == MALI_SHADER_ACCESS_DONE) {
            store_run(store, &run, base, span.host);
            mali_shader_written(&span, run.bytes);
            *done |= (uint64_t)warp << base;
        }
        return result;
    }
    for (; warp; warp &= warp - 1) {
        unsigned lane = base + ctz32(warp);

        result = store_lane(memory, store, lane, va[lane]);
        if (result != MALI_SHADER_ACCESS_DONE) {
            return result;
        }
        *done |= 1ull << lane;
    }
    return MALI_SHADER_ACCESS_DONE;
}

MaliShaderAccess mali_shader_msg_store(MaliShaderGroup *group,
                                       const MaliShaderOp *op, uint64_t lanes)
{
    MaliShaderContext *context = group->opaque;
    unsigned size = mali_shader_memory_size(op);
    const Store store = {
        .bytes = mali_shader_size_bytes[size],
        .from = &group->slots[op->read_first],
    };
    uint64_t va[MALI_SHADER_LANES];
    uint64_t done = 0;

    mali_shader_addresses(group, op, 0, va);
    for (unsigned base = 0; base < MALI_SHADER_LANES;
         base += MALI_SHADER_WARP) {
        uint32_t warp = extract64(lanes, base, MALI_SHADER_WARP);
        MaliShaderAccess result;

        if (!warp) {
            continue;
        }
        result = store_warp(&context->memory, &store, va, base, warp, &done);
        if (result != MALI_SHADER_ACCESS_DONE) {
            return mali_shader_not_done(group, result, done);
        }
    }
    return MALI_SHADER_ACCESS_DONE;
}
