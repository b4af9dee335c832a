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
static void store_run(const void *message, const MaliShaderRun *run,
                      unsigned base, uint8_t *host)
{
    const Store *store = message;
    uint8_t *start = host - run->first * run->stride;

    if (store->bytes == 4 && run->stride && run->lanes == UINT64_MAX) {
        for (unsigned i = 0; i < MALI_SHADER_LANES; i++) {
            stl_le_p(start + 4 * i, store->from[0][i]);
        }
        return;
    }
    for (uint64_t left = run->lanes; left; left &= left - 1) {
        unsigned lane = ctz64(left);

        if (store->bytes == 4) {
            stl_le_p(start + lane * run->stride, store->from[0][base + lane]);
        } else {
            uint8_t bytes[MALI_SHADER_MAX_ACCESS];

            gather(store, base + lane, bytes);
            memcpy(start + lane * run->stride, bytes, store->bytes);
        }
    }
}

/* Words of local memory, from the first of @lanes on; those that are left */
static uint64_t store_local(const MaliShaderMemory *memory, const Store *store,
                            const uint64_t *va, uint64_t lanes)
{
    MaliShaderLocalRange range;
    const uint32_t *from = store->from[0];

    if (store->bytes != 4 ||
        !mali_shader_local_range(memory, va[ctz64(lanes)], 4, &range)) {
        return lanes;
    }
    if (lanes == UINT64_MAX && mali_shader_all_in_range(&range, va)) {
        for (unsigned lane = 0; lane < MALI_SHADER_LANES; lane++) {
            stl_le_p(range.bytes + (va[lane] - range.start), from[lane]);
        }
        return 0;
    }
    for (; lanes; lanes &= lanes - 1) {
        unsigned lane = ctz64(lanes);
        uint64_t offset = va[lane] - range.start;

        if (offset > range.last) {
            break;
        }
        stl_le_p(range.bytes + offset, from[lane]);
    }
    return lanes;
}

static MaliShaderAccess store_lane(MaliShaderMemory *memory,
                                   const void *message, unsigned lane,
                                   uint64_t va)
{
    const Store *store = message;
    uint8_t bytes[MALI_SHADER_MAX_ACCESS];

    if (store->bytes == 4 && mali_shader_left_in_page(va) >= 4) {
        MaliCsfSpan span;
        MaliShaderAccess result = mali_shader_at(memory, va, 4,
                                                 MALI_CSF_MEM_WRITE, &span);

        if (result == MALI_SHADER_ACCESS_DONE) {
            stl_le_p(span.host, store->from[0][lane]);
        }
        return result;
    }
    gather(store, lane, bytes);
    return mali_shader_store(memory, va, store->bytes, bytes);
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
    MaliShaderMemory *memory = &context->memory;
    MaliShaderAccess result;
    uint64_t va[MALI_SHADER_LANES];
    uint64_t left, done;

    mali_shader_addresses(group, op, 0, va);
    left = store_local(memory, &store, va, lanes);
    done = lanes & ~left;
    if (!left) {
        return MALI_SHADER_ACCESS_DONE;
    }
    result = mali_shader_access_lanes(memory, va, left, store.bytes,
                                      MALI_CSF_MEM_WRITE, &store, store_run,
                                      store_lane, &done);
    return result == MALI_SHADER_ACCESS_DONE ? result :
           mali_shader_not_done(group, result, done);
}
