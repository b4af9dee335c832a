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
                                   const Store *store, unsigned lane,
                                   uint64_t va)
{
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

/*
 * The @lanes of @count from @base on, all in one access if they are side by
 * side.  *@done receives those that are done.
 */
static MaliShaderAccess store_some(MaliShaderMemory *memory,
                                   const Store *store, const uint64_t *va,
                                   unsigned base, unsigned count,
                                   uint64_t lanes, uint64_t *done)
{
    MaliShaderAccess result;
    MaliShaderRun run;
    MaliCsfSpan span;

    if (mali_shader_is_run(va + base, lanes, count, store->bytes, &run)) {
        result = mali_shader_at(memory, run.va, run.bytes,
                                MALI_CSF_MEM_WRITE, &span);
        if (result == MALI_SHADER_ACCESS_DONE) {
            store_run(store, &run, base, span.host);
            *done |= lanes << base;
        }
        return result;
    }
    if (count > MALI_SHADER_WARP) {
        for (unsigned i = 0; i < count; i += MALI_SHADER_WARP) {
            uint64_t warp = extract64(lanes, i, MALI_SHADER_WARP);

            result = warp ? store_some(memory, store, va, i, MALI_SHADER_WARP,
                                       warp, done) : MALI_SHADER_ACCESS_DONE;
            if (result != MALI_SHADER_ACCESS_DONE) {
                return result;
            }
        }
        return MALI_SHADER_ACCESS_DONE;
    }
    for (; lanes; lanes &= lanes - 1) {
        unsigned lane = base + ctz64(lanes);

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
    result = store_some(memory, &store, va, 0, MALI_SHADER_LANES, left, &done);
    return result == MALI_SHADER_ACCESS_DONE ? result :
           mali_shader_not_done(group, result, done);
}
