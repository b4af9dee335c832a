/*
 * Mali CSF GPU: addresses of a message, many lanes at a time
 *
 * Lanes mostly go to the same address, or to neighbouring ones: then they need
 * one translation.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_LANES_H
#define HW_GPU_MALI_CSF_SHADER_LANES_H

#include "qemu/bitops.h"
#include "exec.h"
#include "memory.h"

/*
 * Bits 27 to 29 of an access to memory: 8, 16, 24, 32, 48, 64, 96 or 128 bits,
 * at any address: Mesa 25.0 stores a vector of four 16-bit words with
 * STORE.i64, wherever it is (mem_access_size_align_cb(), mem_vectorize_cb()).
 */
static const uint8_t mali_shader_size_bytes[] = { 1, 2, 3, 4, 6, 8, 12, 16 };

static inline unsigned mali_shader_memory_size(const MaliShaderOp *op)
{
    return op->word >> 27 & 7;
}

/* The address of each lane: the pair of source @src, and the immediate */
static inline void mali_shader_addresses(const MaliShaderGroup *group,
                                         const MaliShaderOp *op,
                                         unsigned src, uint64_t *va)
{
    const uint32_t *low = group->slots[op->src[src]];
    const uint32_t *high = group->slots[op->src[src] + 1];

    for (unsigned lane = 0; lane < MALI_SHADER_LANES; lane++) {
        va[lane] = (low[lane] | (uint64_t)high[lane] << 32) +
                   (uint64_t)op->imm;
    }
}

/* Lanes that go to memory side by side, or all to the same place */
typedef struct MaliShaderRun {
    /* Of the first lane; lanes, relative to the first that was asked for */
    uint64_t va;
    uint64_t lanes;
    unsigned first;
    /* Bytes from one lane to the next: 0, or the size of an access */
    unsigned stride;
    /* Of all of them; they are in one page */
    unsigned bytes;
} MaliShaderRun;

/*
 * Do the @lanes of @count, whose addresses are @va, make one run of accesses of
 * @size bytes each, all of them in one page?
 */
static inline bool mali_shader_is_run(const uint64_t *va, uint64_t lanes,
                                      unsigned count, unsigned size,
                                      MaliShaderRun *run)
{
    unsigned first = ctz64(lanes);
    unsigned last = 63 - clz64(lanes);
    unsigned stride = va[last] == va[first] ? 0 : size;
    uint64_t start = va[first] - first * stride;
    uint64_t differs = va[last] ^ (start + last * stride);

    *run = (MaliShaderRun) {
        .va = va[first],
        .lanes = lanes,
        .first = first,
        .stride = stride,
        .bytes = (last - first) * stride + size,
    };
    if (differs || run->bytes > mali_shader_left_in_page(run->va)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t is_on = -(lanes >> i & 1);

        differs |= (va[i] ^ (start + i * stride)) & is_on;
    }
    return !differs;
}

/*
 * What a message does: with a run whose warps begin at lane @base, and whose
 * first lane's bytes are at @host; and with a lane by itself
 */
typedef void MaliShaderRunFn(const void *message, const MaliShaderRun *run,
                             unsigned base, uint8_t *host);
typedef MaliShaderAccess MaliShaderLaneFn(MaliShaderMemory *memory,
                                          const void *message, unsigned lane,
                                          uint64_t va);

static inline QEMU_ALWAYS_INLINE
MaliShaderAccess mali_shader_access_run(MaliShaderMemory *memory,
                                        const MaliShaderRun *run,
                                        unsigned base,
                                        MaliCsfMemAccess access,
                                        const void *message,
                                        MaliShaderRunFn *of_run,
                                        uint64_t *done)
{
    MaliCsfSpan span;
    MaliShaderAccess result = mali_shader_at(memory, run->va, run->bytes,
                                             access, &span);

    if (result == MALI_SHADER_ACCESS_DONE) {
        of_run(message, run, base, span.host);
        *done |= run->lanes << base;
    }
    return result;
}

/*
 * Accesses of @lanes, of @bytes each: one for all of them if they make a run,
 * else one for each warp that does, or for each lane.  *@done receives those
 * that are done, which are all if DONE is returned.  It is inlined so that
 * @of_run and @of_lane are.
 */
static inline QEMU_ALWAYS_INLINE
MaliShaderAccess mali_shader_access_lanes(MaliShaderMemory *memory,
                                          const uint64_t *va, uint64_t lanes,
                                          unsigned bytes,
                                          MaliCsfMemAccess access,
                                          const void *message,
                                          MaliShaderRunFn *of_run,
                                          MaliShaderLaneFn *of_lane,
                                          uint64_t *done)
{
    MaliShaderAccess result = MALI_SHADER_ACCESS_DONE;
    MaliShaderRun run;

    if (mali_shader_is_run(va, lanes, MALI_SHADER_LANES, bytes, &run)) {
        return mali_shader_access_run(memory, &run, 0, access, message, of_run,
                                      done);
    }
    for (unsigned base = 0; base < MALI_SHADER_LANES;
         base += MALI_SHADER_WARP) {
        uint64_t warp = extract64(lanes, base, MALI_SHADER_WARP);

        if (!warp) {
            continue;
        }
        if (mali_shader_is_run(va + base, warp, MALI_SHADER_WARP, bytes,
                               &run)) {
            result = mali_shader_access_run(memory, &run, base, access, message,
                                            of_run, done);
            warp = 0;
        }
        for (; warp && result == MALI_SHADER_ACCESS_DONE; warp &= warp - 1) {
            unsigned lane = base + ctz64(warp);

            result = of_lane(memory, message, lane, va[lane]);
            *done |= (uint64_t)(result == MALI_SHADER_ACCESS_DONE) << lane;
        }
        if (result != MALI_SHADER_ACCESS_DONE) {
            return result;
        }
    }
    return result;
}

/*
 * Local memory that all of a message's lanes may be in: that of @va.  An offset
 * of no more than @last from @start is in it with all of its bytes.
 */
typedef struct MaliShaderLocalRange {
    uint8_t *bytes;
    uint64_t start;
    uint64_t last;
} MaliShaderLocalRange;

/* False if there is none, or it has not as many as @size bytes */
static inline bool mali_shader_local_range(const MaliShaderMemory *memory,
                                           uint64_t va, unsigned size,
                                           MaliShaderLocalRange *range)
{
    uint64_t tag = va >> MALI_SHADER_TAG_SHIFT;
    const MaliShaderLocal *local =
        tag == MALI_SHADER_TAG_GROUP ? &memory->group :
        tag == MALI_SHADER_TAG_THREAD ? &memory->thread : NULL;

    if (!local || local->size < size) {
        return false;
    }
    range->bytes = local->bytes;
    range->start = tag << MALI_SHADER_TAG_SHIFT;
    range->last = local->size - size;
    return true;
}

/*
 * Are all lanes of a super-warp in it?  Bit 63 of the difference says which is
 * greater, and that of the offset that it is no 32 bits: without comparisons,
 * which hosts do not have for vectors of 64 bits.
 */
static inline bool mali_shader_all_in_range(const MaliShaderLocalRange *range,
                                            const uint64_t *va)
{
    uint64_t outside = 0;

    for (unsigned lane = 0; lane < MALI_SHADER_LANES; lane++) {
        uint64_t offset = va[lane] - range->start;

        outside |= offset | (range->last - offset);
    }
    return !(outside >> 63);
}

#endif /* HW_GPU_MALI_CSF_SHADER_LANES_H */
