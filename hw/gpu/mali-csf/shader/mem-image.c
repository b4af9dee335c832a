/*
 * Mali CSF GPU: images, and texels of buffers, as a shader uses them
 *
 * What LEA_TEX hands to ST_CVT, and a buffer descriptor to LD_CVT, says how to
 * convert: a pixel format.  An address where there is no pixel is one of which
 * loads are zero and to which stores have no effect.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "lanes.h"
#include "texture.h"

/* Registers have floats, or integers, of 32 or of 16 bits, by regfmt */
static bool is_narrow(unsigned regfmt)
{
    return regfmt == MALI_SHADER_REGFMT_F16 ||
           regfmt == MALI_SHADER_REGFMT_S16 ||
           regfmt == MALI_SHADER_REGFMT_U16;
}

static bool is_float(unsigned regfmt)
{
    return regfmt == MALI_SHADER_REGFMT_F32 ||
           regfmt == MALI_SHADER_REGFMT_F16;
}

static uint32_t to_integer(float value)
{
    return value != value ? 0 :
           value <= INT32_MIN ? (uint32_t)INT32_MIN :
           value >= INT32_MAX ? (uint32_t)INT32_MAX : (uint32_t)(int32_t)value;
}

/* A component of @format as registers of @regfmt have it */
static uint32_t to_register(const MaliShaderFormat *format, unsigned regfmt,
                            uint32_t value)
{
    bool is_integer = mali_shader_format_is_integer(format);

    if (regfmt != MALI_SHADER_REGFMT_AUTO && is_integer == is_float(regfmt)) {
        value = is_integer ?
                mali_shader_bits_of(format->kind == MALI_SHADER_SINT ?
                                    (float)(int32_t)value : (float)value) :
                to_integer(mali_shader_float_of(value));
    }
    if (regfmt == MALI_SHADER_REGFMT_F16) {
        return mali_shader_float_to_half(mali_shader_float_of(value));
    }
    return value;
}

static uint32_t from_register(const MaliShaderFormat *format, unsigned regfmt,
                              uint32_t value)
{
    bool is_integer = mali_shader_format_is_integer(format);

    if (regfmt == MALI_SHADER_REGFMT_F16) {
        value = mali_shader_bits_of(mali_shader_half_to_float(value));
    } else if (regfmt == MALI_SHADER_REGFMT_S16) {
        value = sextract32(value, 0, 16);
    }
    if (regfmt != MALI_SHADER_REGFMT_AUTO && is_integer == is_float(regfmt)) {
        value = is_integer ? to_integer(mali_shader_float_of(value)) :
                mali_shader_bits_of(regfmt == MALI_SHADER_REGFMT_S32 ||
                                    regfmt == MALI_SHADER_REGFMT_S16 ?
                                    (float)(int32_t)value : (float)value);
    }
    return value;
}

static void put_pixel(MaliShaderGroup *group, const MaliShaderOp *op,
                      const MaliShaderFormat *format, unsigned lane,
                      const uint32_t *rgba)
{
    unsigned regfmt = MALI_SHADER_FIELD_REGFMT(op->word);
    unsigned count = MALI_SHADER_FIELD_VECSIZE(op->word) + 1;
    MaliShaderSlot *to = &group->slots[op->write_first];

    for (unsigned i = 0; i < count; i++) {
        uint32_t value = to_register(format, regfmt, rgba[i]);

        if (!is_narrow(regfmt)) {
            to[i][lane] = value;
        } else {
            to[i / 2][lane] = deposit32(to[i / 2][lane], i % 2 * 16, 16,
                                        value);
        }
    }
}

static void get_pixel(const MaliShaderGroup *group, const MaliShaderOp *op,
                      const MaliShaderFormat *format, unsigned lane,
                      uint32_t *rgba)
{
    unsigned regfmt = MALI_SHADER_FIELD_REGFMT(op->word);
    unsigned count = MALI_SHADER_FIELD_VECSIZE(op->word) + 1;
    const MaliShaderSlot *from = &group->slots[op->read_first];

    memset(rgba, 0, 4 * sizeof(*rgba));
    for (unsigned i = 0; i < count; i++) {
        uint32_t value = is_narrow(regfmt) ?
                         extract32(from[i / 2][lane], i % 2 * 16, 16) :
                         from[i][lane];

        rgba[i] = from_register(format, regfmt, value);
    }
}

/* The handle of an image: of a source, or of two immediates */
static uint32_t handle_of(const MaliShaderGroup *group, const MaliShaderOp *op,
                          unsigned lane)
{
    unsigned table = extract64(op->word, 16, 4);

    switch (op->family) {
    case MALI_SHADER_FAMILY_LD_TEX:
    case MALI_SHADER_FAMILY_LEA_TEX:
        return group->slots[op->src[2]][lane];
    default:
        /* The last four tables have the numbers 60 to 63. */
        return (table >= 12 ? table + 48 : table) << 24 |
               extract64(op->word, 20, 4);
    }
}

/*
 * The pixel that the lane names: x and y in one source, sample and layer, or
 * slice, in the other.  False if there is none.
 */
static MaliShaderAccess find_pixel(MaliShaderGroup *group,
                                   const MaliShaderOp *op, unsigned lane,
                                   MaliShaderTexture *texture,
                                   MaliShaderPlane *plane, uint32_t *at)
{
    MaliShaderContext *context = group->opaque;
    uint32_t xy = group->slots[op->src[0]][lane];
    uint32_t zw = group->slots[op->src[1]][lane];
    unsigned sample = extract32(zw, 0, 16);
    unsigned layer = extract32(zw, 16, 16);
    bool is_3d;
    MaliShaderAccess result;

    result = mali_shader_find_texture(context, handle_of(group, op, lane),
                                      texture);
    if (result != MALI_SHADER_ACCESS_DONE) {
        return result;
    }
    is_3d = texture->dimension == MALI_SHADER_3D;
    at[0] = extract32(xy, 0, 16);
    at[1] = extract32(xy, 16, 16);
    at[2] = is_3d ? layer : 0;
    if (sample >= texture->samples ||
        layer >= (is_3d ? texture->depth : texture->layers)) {
        texture->is_null = true;
        return result;
    }
    return mali_shader_find_plane(context, texture, 0, is_3d ? 0 : layer,
                                  sample, plane);
}

MaliShaderAccess mali_shader_msg_load_image(MaliShaderGroup *group,
                                            const MaliShaderOp *op,
                                            uint64_t lanes)
{
    MaliShaderContext *context = group->opaque;
    uint64_t done = 0;

    for (; lanes; lanes &= lanes - 1) {
        unsigned lane = ctz64(lanes);
        MaliShaderPlane plane = { .is_null = true };
        MaliShaderTexture texture;
        MaliShaderAccess result;
        uint32_t rgba[4], at[3];

        result = find_pixel(group, op, lane, &texture, &plane, at);
        if (result == MALI_SHADER_ACCESS_DONE) {
            result = mali_shader_fetch(context, &texture, &plane, at[0],
                                       at[1], at[2], rgba);
        }
        if (result != MALI_SHADER_ACCESS_DONE) {
            return mali_shader_not_done(group, result, done);
        }
        put_pixel(group, op, &texture.format, lane, rgba);
        done |= 1ull << lane;
    }
    return MALI_SHADER_ACCESS_DONE;
}

MaliShaderAccess mali_shader_msg_lea_image(MaliShaderGroup *group,
                                           const MaliShaderOp *op,
                                           uint64_t lanes)
{
    MaliShaderSlot *to = &group->slots[op->write_first];
    uint64_t done = 0;

    for (; lanes; lanes &= lanes - 1) {
        unsigned lane = ctz64(lanes);
        MaliShaderPlane plane = { .is_null = true };
        MaliShaderTexture texture;
        MaliShaderAccess result;
        uint32_t at[3];
        uint64_t va;

        result = find_pixel(group, op, lane, &texture, &plane, at);
        if (result != MALI_SHADER_ACCESS_DONE) {
            return mali_shader_not_done(group, result, done);
        }
        if (!mali_shader_pixel(&texture, &plane, at[0], at[1], at[2], &va)) {
            va = MALI_SHADER_NOWHERE;
        }
        to[0][lane] = va;
        to[1][lane] = va >> 32;
        to[2][lane] = texture.format_word;
        done |= 1ull << lane;
    }
    return MALI_SHADER_ACCESS_DONE;
}

MaliShaderAccess mali_shader_msg_convert(MaliShaderGroup *group,
                                         const MaliShaderOp *op,
                                         uint64_t lanes)
{
    MaliShaderContext *context = group->opaque;
    bool is_store = op->family == MALI_SHADER_FAMILY_ST_CVT;
    /* A pair of registers is one source, but two of the instruction. */
    const uint32_t *formats = group->slots[op->src[1]];
    uint64_t va[MALI_SHADER_LANES];
    uint64_t done = 0;

    mali_shader_addresses(group, op, 0, va);
    for (; lanes; lanes &= lanes - 1) {
        unsigned lane = ctz64(lanes);
        uint8_t bytes[MALI_SHADER_MAX_PIXEL] = { };
        MaliShaderFormat format;
        MaliShaderAccess result;
        uint32_t rgba[4];

        mali_shader_format_read(formats[lane], &format);
        if (is_store) {
            get_pixel(group, op, &format, lane, rgba);
            mali_shader_pack(&format, rgba, bytes);
            result = mali_shader_store(&context->memory, va[lane],
                                       format.bytes, bytes);
        } else {
            result = mali_shader_load(&context->memory, va[lane],
                                      format.bytes, bytes);
            mali_shader_unpack(&format, bytes, rgba);
        }
        if (result != MALI_SHADER_ACCESS_DONE) {
            return mali_shader_not_done(group, result, done);
        }
        if (!is_store) {
            put_pixel(group, op, &format, lane, rgba);
        }
        done |= 1ull << lane;
    }
    return MALI_SHADER_ACCESS_DONE;
}

/* The element of a buffer that the lane names, by the buffer's stride */
MaliShaderAccess mali_shader_msg_lea_element(MaliShaderGroup *group,
                                             const MaliShaderOp *op,
                                             uint64_t lanes)
{
    MaliShaderContext *context = group->opaque;
    bool is_immediate = op->family == MALI_SHADER_FAMILY_LEA_BUF_IMM;
    const uint32_t *indices = group->slots[op->src[0]];
    MaliShaderSlot *to = &group->slots[op->write_first];
    unsigned table = extract64(op->word, 8, 4);
    uint64_t done = 0;

    for (; lanes; lanes &= lanes - 1) {
        unsigned lane = ctz64(lanes);
        uint32_t handle = is_immediate ?
                          (table >= 12 ? table + 48 : table) << 24 |
                          (uint32_t)extract64(op->word, 12, 8) :
                          group->slots[op->src[1]][lane];
        MaliShaderBuffer buffer;
        MaliShaderAccess result = mali_shader_find_buffer(context, handle,
                                                          &buffer);
        uint64_t offset, va;

        if (result != MALI_SHADER_ACCESS_DONE) {
            return mali_shader_not_done(group, result, done);
        }
        offset = (uint64_t)indices[lane] * buffer.stride;
        va = offset < buffer.size ? buffer.address + offset :
                                    MALI_SHADER_NOWHERE;
        to[0][lane] = va;
        to[1][lane] = va >> 32;
        done |= 1ull << lane;
    }
    return MALI_SHADER_ACCESS_DONE;
}
