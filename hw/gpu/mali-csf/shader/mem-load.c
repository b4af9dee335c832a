/*
 * Mali CSF GPU: loads of a shader
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "lanes.h"
#include "messages.h"

/*
 * Where a load of up to 32 bits goes: how many bits it is extended to, and the
 * bit of the staging register that the lowest one goes to
 */
typedef struct Placement {
    uint8_t width;
    uint8_t shift;
} Placement;

static const Placement placements[4][8] = {
    /* Bytes b0 to b3, halves h0 and h1, w0, d0 */
    { { 8, 0 }, { 8, 8 }, { 8, 16 }, { 8, 24 }, { 16, 0 }, { 16, 16 },
      { 32, 0 }, { 64, 0 } },
    { { 16, 0 }, { 16, 16 }, { 32, 0 }, { 64, 0 } },
    { { 32, 0 } },
    { { 32, 0 }, { 64, 0 } },
};

/* What a load instruction does with the bytes of a lane */
typedef struct Load {
    unsigned bytes;
    bool is_unsigned;
    /* Of one of up to 32 bits; else of whole registers */
    Placement placement;
    /* First staging register, and how many */
    MaliShaderSlot *to;
    unsigned registers;
} Load;

static void read_load(MaliShaderGroup *group, const MaliShaderOp *op,
                      Load *load)
{
    unsigned size = mali_shader_memory_size(op);
    unsigned lane = MALI_SHADER_FIELD_LANE8(op->word);

    *load = (Load) {
        .bytes = mali_shader_size_bytes[size],
        .is_unsigned = MALI_SHADER_FIELD_UNSIGNED(op->word),
        .to = &group->slots[op->write_first],
    };
    if (load->bytes <= 4) {
        load->placement = placements[size][lane];
        if (!load->placement.width) {
            /* A reserved one, or the only one there is */
            load->placement.width = 32;
        }
    }
    load->registers = load->placement.width == 64 ? 2 :
                      DIV_ROUND_UP(load->bytes, 4);
}

static uint64_t extended(const Load *load, uint32_t value)
{
    unsigned bits = 8 * load->bytes;

    return load->is_unsigned ? value : sextract64(value, 0, bits);
}

/* The little-endian bytes of a lane, as its registers have them */
static inline void place(const Load *load, unsigned lane, const uint8_t *bytes)
{
    uint8_t padded[MALI_SHADER_MAX_ACCESS] = { };

    if (load->placement.width == 32 && load->bytes == 4) {
        load->to[0][lane] = ldl_le_p(bytes);
        return;
    }
    memcpy(padded, bytes, load->bytes);
    if (load->bytes <= 4) {
        uint64_t value = extended(load, ldl_le_p(padded));
        const Placement *p = &load->placement;

        if (p->width == 64) {
            load->to[0][lane] = value;
            load->to[1][lane] = value >> 32;
        } else {
            load->to[0][lane] = deposit32(load->to[0][lane], p->shift,
                                          p->width, value);
        }
        return;
    }
    for (unsigned i = 0; i < load->registers; i++) {
        load->to[i][lane] = ldl_le_p(padded + 4 * i);
    }
    if (load->bytes == 6 && !load->is_unsigned) {
        load->to[1][lane] = sextract32(load->to[1][lane], 0, 16);
    }
}

/* Each of its registers receives a word. */
static bool is_words(const Load *load)
{
    return load->bytes == 4 ? load->placement.width == 32 :
                              load->bytes > 4 && load->bytes % 4 == 0;
}

/* Register by register, of lanes that begin at @start and are all of them */
static void place_all(const Load *load, const uint8_t *start, unsigned stride)
{
    for (unsigned r = 0; r < load->registers; r++, start += 4) {
        uint32_t *to = load->to[r];

        if (stride == 4) {
            for (unsigned i = 0; i < MALI_SHADER_LANES; i++) {
                to[i] = ldl_le_p(start + 4 * i);
            }
        } else if (stride) {
            for (unsigned i = 0; i < MALI_SHADER_LANES; i++) {
                to[i] = ldl_le_p(start + stride * i);
            }
        } else {
            uint32_t value = ldl_le_p(start);

            for (unsigned i = 0; i < MALI_SHADER_LANES; i++) {
                to[i] = value;
            }
        }
    }
}

/* @host: of the first lane's bytes; lanes begin at @base */
static void place_run(const void *message, const MaliShaderRun *run,
                      unsigned base, uint8_t *host)
{
    const Load *load = message;
    const uint8_t *start = host - run->first * run->stride;

    if (run->lanes == UINT64_MAX && is_words(load)) {
        place_all(load, start, run->stride);
        return;
    }
    for (uint64_t left = run->lanes; left; left &= left - 1) {
        unsigned lane = ctz64(left);

        place(load, base + lane, start + lane * run->stride);
    }
}

/* Words of local memory, from the first of @lanes on; those that are left */
static uint64_t load_local(const MaliShaderMemory *memory, const Load *load,
                           const uint64_t *va, uint64_t lanes)
{
    MaliShaderLocalRange range;

    if (!is_words(load) ||
        !mali_shader_local_range(memory, va[ctz64(lanes)], load->bytes,
                                 &range)) {
        return lanes;
    }
    if (lanes == UINT64_MAX && mali_shader_all_in_range(&range, va)) {
        for (unsigned r = 0; r < load->registers; r++) {
            const uint8_t *from = range.bytes + 4 * r;
            uint32_t *to = load->to[r];

            for (unsigned lane = 0; lane < MALI_SHADER_LANES; lane++) {
                to[lane] = ldl_le_p(from + (va[lane] - range.start));
            }
        }
        return 0;
    }
    for (; lanes; lanes &= lanes - 1) {
        unsigned lane = ctz64(lanes);
        uint64_t offset = va[lane] - range.start;

        if (offset > range.last) {
            break;
        }
        for (unsigned r = 0; r < load->registers; r++) {
            load->to[r][lane] = ldl_le_p(range.bytes + offset + 4 * r);
        }
    }
    return lanes;
}

static MaliShaderAccess load_lane(MaliShaderMemory *memory,
                                  const void *message, unsigned lane,
                                  uint64_t va)
{
    const Load *load = message;
    uint8_t bytes[MALI_SHADER_MAX_ACCESS];
    MaliShaderAccess result;
    MaliCsfSpan span;

    if (likely(load->bytes <= mali_shader_left_in_page(va))) {
        result = mali_shader_at(memory, va, load->bytes, MALI_CSF_MEM_READ,
                                &span);
        if (result == MALI_SHADER_ACCESS_DONE) {
            place(load, lane, span.host);
        }
        return result;
    }
    result = mali_shader_load(memory, va, load->bytes, bytes);
    if (result == MALI_SHADER_ACCESS_DONE) {
        place(load, lane, bytes);
    }
    return result;
}

static MaliShaderAccess load_lanes(MaliShaderGroup *group, const Load *load,
                                   const uint64_t *va, uint64_t lanes)
{
    MaliShaderContext *context = group->opaque;
    MaliShaderMemory *memory = &context->memory;
    uint64_t left = load_local(memory, load, va, lanes);
    uint64_t done = lanes & ~left;
    MaliShaderAccess result;

    if (!left) {
        return MALI_SHADER_ACCESS_DONE;
    }
    result = mali_shader_access_lanes(memory, va, left, load->bytes,
                                      MALI_CSF_MEM_READ, load, place_run,
                                      load_lane, &done);
    return result == MALI_SHADER_ACCESS_DONE ? result :
           mali_shader_not_done(group, result, done);
}

MaliShaderAccess mali_shader_msg_load(MaliShaderGroup *group,
                                      const MaliShaderOp *op, uint64_t lanes)
{
    uint64_t va[MALI_SHADER_LANES];
    Load load;

    read_load(group, op, &load);
    mali_shader_addresses(group, op, 0, va);
    return load_lanes(group, &load, va, lanes);
}

/* Buffers */

/* Of a load that is not in its buffer as a whole: what is outside is 0 */
static MaliShaderAccess load_clipped(MaliShaderMemory *memory,
                                     const Load *load, unsigned lane,
                                     const MaliShaderBuffer *buffer,
                                     uint32_t offset)
{
    uint8_t bytes[MALI_SHADER_MAX_ACCESS] = { };
    MaliShaderAccess result = MALI_SHADER_ACCESS_DONE;

    if (offset < buffer->size) {
        unsigned inside = MIN(load->bytes, buffer->size - offset);
        uint64_t va = buffer->address + offset;

        /* By whole words */
        inside = QEMU_ALIGN_DOWN(inside, MIN(load->bytes, 4));
        if (inside) {
            result = mali_shader_load(memory, va, inside, bytes);
        }
    }
    if (result == MALI_SHADER_ACCESS_DONE) {
        place(load, lane, bytes);
    }
    return result;
}

static bool is_inside(const MaliShaderBuffer *buffer, uint32_t offset,
                      unsigned bytes)
{
    return offset <= buffer->size && bytes <= buffer->size - offset;
}

/* Lanes that name the same buffer as the first of @lanes */
static uint64_t same_handle(const uint32_t *handles, uint64_t lanes)
{
    uint32_t handle = handles[ctz64(lanes)];
    uint64_t same = 0;

    /* Mostly all of them do. */
    if (!memcmp(handles, handles + 1,
                (MALI_SHADER_LANES - 1) * sizeof(*handles))) {
        return lanes;
    }
    for (unsigned lane = 0; lane < MALI_SHADER_LANES; lane++) {
        same |= (uint64_t)(handles[lane] == handle) << lane;
    }
    return same & lanes;
}

static MaliShaderAccess load_from(MaliShaderGroup *group, const Load *load,
                                  const MaliShaderBuffer *buffer,
                                  const uint32_t *offsets, uint64_t lanes)
{
    MaliShaderContext *context = group->opaque;
    uint64_t va[MALI_SHADER_LANES];
    uint64_t inside = 0;
    uint64_t done = 0;
    MaliShaderAccess result;

    for (unsigned lane = 0; lane < MALI_SHADER_LANES; lane++) {
        inside |= (uint64_t)is_inside(buffer, offsets[lane],
                                      load->bytes) << lane;
        va[lane] = buffer->address + offsets[lane];
    }
    for (uint64_t left = lanes & ~inside; left; left &= left - 1) {
        unsigned lane = ctz64(left);

        result = load_clipped(&context->memory, load, lane, buffer,
                              offsets[lane]);
        if (result != MALI_SHADER_ACCESS_DONE) {
            return mali_shader_not_done(group, result, done);
        }
        done |= 1ull << lane;
    }
    if (!(lanes & inside)) {
        return MALI_SHADER_ACCESS_DONE;
    }
    result = load_lanes(group, load, va, lanes & inside);
    if (result != MALI_SHADER_ACCESS_DONE) {
        group->done |= done;
    }
    return result;
}

MaliShaderAccess mali_shader_msg_load_buffer(MaliShaderGroup *group,
                                             const MaliShaderOp *op,
                                             uint64_t lanes)
{
    MaliShaderContext *context = group->opaque;
    const uint32_t *handles = group->slots[op->src[1]];
    MaliShaderSlot offsets;
    MaliShaderBuffer buffer;
    MaliShaderAccess result;
    uint64_t done = 0;
    Load load;

    read_load(group, op, &load);
    /* The staging registers may be those of the sources. */
    memcpy(offsets, group->slots[op->src[0]], sizeof(offsets));
    while (lanes) {
        uint64_t same = same_handle(handles, lanes);

        result = mali_shader_find_buffer(context, handles[ctz64(lanes)],
                                         &buffer);
        if (result != MALI_SHADER_ACCESS_DONE) {
            return mali_shader_not_done(group, result, done);
        }
        result = load_from(group, &load, &buffer, offsets, same);
        if (result != MALI_SHADER_ACCESS_DONE) {
            group->done |= done;
            return result;
        }
        done |= same;
        lanes &= ~same;
    }
    return MALI_SHADER_ACCESS_DONE;
}

/* An address that is none of the buffer's is one of nothing: a guess. */
MaliShaderAccess mali_shader_msg_lea_buffer(MaliShaderGroup *group,
                                            const MaliShaderOp *op,
                                            uint64_t lanes)
{
    MaliShaderContext *context = group->opaque;
    const uint32_t *offsets = group->slots[op->src[0]];
    const uint32_t *handles = group->slots[op->src[1]];
    MaliShaderSlot *to = &group->slots[op->write_first];
    MaliShaderAccess result;
    MaliShaderBuffer buffer;
    uint64_t done = 0;

    while (lanes) {
        uint64_t same = same_handle(handles, lanes);

        result = mali_shader_find_buffer(context, handles[ctz64(lanes)],
                                         &buffer);
        if (result != MALI_SHADER_ACCESS_DONE) {
            return mali_shader_not_done(group, result, done);
        }
        for (unsigned lane = 0; lane < MALI_SHADER_LANES; lane++) {
            uint64_t va = offsets[lane] < buffer.size ?
                          buffer.address + offsets[lane] :
                          MALI_SHADER_NOWHERE;

            if (same >> lane & 1) {
                to[0][lane] = va;
                to[1][lane] = va >> 32;
            }
        }
        done |= same;
        lanes &= ~same;
    }
    return MALI_SHADER_ACCESS_DONE;
}
