/*
 * Mali CSF GPU: textures and samplers
 *
 * Layouts as Mesa describes them (src/panfrost/genxml/v10.xml, v12.xml and
 * v13.xml; docs/drivers/panfrost/tiling.rst; the order of planes is that of
 * panfrost_surface_iter_next() in lib/pan_texture.c).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "hw/core/registerfields.h"
#include "texture.h"

typedef enum DescriptorType {
    DESCRIPTOR_SAMPLER = 1,
    DESCRIPTOR_TEXTURE = 2,
    DESCRIPTOR_PLANE = 10,
} DescriptorType;

REG32(TEXTURE_0, 0x00)
    FIELD(TEXTURE_0, TYPE, 0, 4)
    FIELD(TEXTURE_0, DIMENSION, 4, 3)
    FIELD(TEXTURE_0, FORMAT, 10, 22)
REG32(TEXTURE_SIZE, 0x04)
    FIELD(TEXTURE_SIZE, WIDTH, 0, 16)
    FIELD(TEXTURE_SIZE, HEIGHT, 16, 16)
REG32(TEXTURE_2, 0x08)
    FIELD(TEXTURE_2, SWIZZLE, 0, 12)
    FIELD(TEXTURE_2, LEVELS, 16, 5)
REG32(TEXTURE_3, 0x0c)
    FIELD(TEXTURE_3, SAMPLES, 13, 3)
REG32(TEXTURE_PLANES, 0x10)
REG32(TEXTURE_LAYERS, 0x18)
    FIELD(TEXTURE_LAYERS, LAYERS, 0, 16)
REG32(TEXTURE_DEPTH, 0x1c)
    FIELD(TEXTURE_DEPTH, DEPTH, 0, 16)

REG32(PLANE_0, 0x00)
    FIELD(PLANE_0, TYPE, 0, 4)
    FIELD(PLANE_0, KIND, 4, 4)
    FIELD(PLANE_0, ORDER, 8, 4)
REG32(PLANE_SIZE, 0x04)
REG32(PLANE_POINTER, 0x08)
REG32(PLANE_ROW_STRIDE, 0x10)
    /* From v13 on the upper bits are of the slice stride */
    FIELD(PLANE_ROW_STRIDE, LOW, 0, 27)
    FIELD(PLANE_ROW_STRIDE, SLICE_HI, 27, 5)
REG32(PLANE_SLICE_STRIDE, 0x18)
REG32(PLANE_EXTENT, 0x1c)
    FIELD(PLANE_EXTENT, WIDTH, 0, 16)
    FIELD(PLANE_EXTENT, HEIGHT, 16, 16)

#define PLANE_GENERIC       1
#define ORDER_TILED         1

REG32(SAMPLER_0, 0x00)
    FIELD(SAMPLER_0, TYPE, 0, 4)
    FIELD(SAMPLER_0, REDUCTION, 4, 2)
    FIELD(SAMPLER_0, WRAP_R, 8, 4)
    FIELD(SAMPLER_0, WRAP_T, 12, 4)
    FIELD(SAMPLER_0, WRAP_S, 16, 4)
    FIELD(SAMPLER_0, SEAMLESS, 23, 1)
    FIELD(SAMPLER_0, NORMALIZED, 25, 1)
    FIELD(SAMPLER_0, NEAREST_MIN, 27, 1)
    FIELD(SAMPLER_0, NEAREST_MAG, 28, 1)
    FIELD(SAMPLER_0, MIPMAP, 30, 2)
REG32(SAMPLER_LOD, 0x04)
    FIELD(SAMPLER_LOD, MIN, 0, 13)
    FIELD(SAMPLER_LOD, COMPARE, 13, 3)
    FIELD(SAMPLER_LOD, MAX, 16, 13)
REG32(SAMPLER_BIAS, 0x08)
    FIELD(SAMPLER_BIAS, BIAS, 0, 16)
REG32(SAMPLER_BORDER, 0x10)

/* Levels of detail have 8 bits of fraction. */
#define LOD_ONE             256.0f
/* Pixels of a side of a tile */
#define TILE                16

static const uint8_t null_descriptor[MALI_SHADER_DESCRIPTOR_SIZE];

MaliShaderAccess mali_shader_find_texture(MaliShaderContext *context,
                                          uint32_t handle,
                                          MaliShaderTexture *texture)
{
    uint8_t bytes[MALI_SHADER_DESCRIPTOR_SIZE];
    bool is_there;
    MaliShaderAccess result = mali_shader_find_descriptor(context, handle,
                                                          bytes, &is_there);
    const uint8_t *p = is_there ? bytes : null_descriptor;
    uint32_t word = ldl_le_p(p + A_TEXTURE_0);
    uint32_t size = ldl_le_p(p + A_TEXTURE_SIZE);
    uint32_t third = ldl_le_p(p + A_TEXTURE_2);

    if (result != MALI_SHADER_ACCESS_DONE) {
        return result;
    }
    *texture = (MaliShaderTexture) {
        .dimension = FIELD_EX32(word, TEXTURE_0, DIMENSION) & 3,
        .format_word = FIELD_EX32(word, TEXTURE_0, FORMAT),
        .width = FIELD_EX32(size, TEXTURE_SIZE, WIDTH) + 1,
        .height = FIELD_EX32(size, TEXTURE_SIZE, HEIGHT) + 1,
        .depth = FIELD_EX32(ldl_le_p(p + A_TEXTURE_DEPTH), TEXTURE_DEPTH,
                            DEPTH) + 1,
        .layers = FIELD_EX32(ldl_le_p(p + A_TEXTURE_LAYERS), TEXTURE_LAYERS,
                             LAYERS) + 1,
        .levels = FIELD_EX32(third, TEXTURE_2, LEVELS) + 1,
        .samples = 1 << FIELD_EX32(ldl_le_p(p + A_TEXTURE_3), TEXTURE_3,
                                   SAMPLES),
        .planes = extract64(ldq_le_p(p + A_TEXTURE_PLANES), 0,
                            MALI_SHADER_VA_BITS),
        .is_null = FIELD_EX32(word, TEXTURE_0, TYPE) != DESCRIPTOR_TEXTURE,
    };
    if (texture->dimension == MALI_SHADER_CUBE) {
        texture->layers *= 6;
    }
    for (unsigned i = 0; i < 4; i++) {
        texture->swizzle[i] = MIN(extract32(third, 3 * i, 3), 5);
    }
    mali_shader_format_read(texture->format_word, &texture->format);
    texture->is_null |= !texture->format.bytes;
    return MALI_SHADER_ACCESS_DONE;
}

MaliShaderAccess mali_shader_find_sampler(MaliShaderContext *context,
                                          uint32_t handle,
                                          MaliShaderSampler *sampler)
{
    uint8_t bytes[MALI_SHADER_DESCRIPTOR_SIZE];
    bool is_there;
    MaliShaderAccess result = mali_shader_find_descriptor(context, handle,
                                                          bytes, &is_there);
    const uint8_t *p = is_there ? bytes : null_descriptor;
    uint32_t word = ldl_le_p(p + A_SAMPLER_0);
    uint32_t lod = ldl_le_p(p + A_SAMPLER_LOD);
    uint32_t bias = ldl_le_p(p + A_SAMPLER_BIAS);

    if (result != MALI_SHADER_ACCESS_DONE) {
        return result;
    }
    *sampler = (MaliShaderSampler) {
        .wrap = {
            FIELD_EX32(word, SAMPLER_0, WRAP_S),
            FIELD_EX32(word, SAMPLER_0, WRAP_T),
            FIELD_EX32(word, SAMPLER_0, WRAP_R),
        },
        .nearest_min = FIELD_EX32(word, SAMPLER_0, NEAREST_MIN),
        .nearest_mag = FIELD_EX32(word, SAMPLER_0, NEAREST_MAG),
        .normalized = FIELD_EX32(word, SAMPLER_0, NORMALIZED),
        .seamless = FIELD_EX32(word, SAMPLER_0, SEAMLESS),
        .mipmap = FIELD_EX32(word, SAMPLER_0, MIPMAP),
        .compare = FIELD_EX32(lod, SAMPLER_LOD, COMPARE),
        .reduction = FIELD_EX32(word, SAMPLER_0, REDUCTION),
        .min_lod = FIELD_EX32(lod, SAMPLER_LOD, MIN) / LOD_ONE,
        .max_lod = FIELD_EX32(lod, SAMPLER_LOD, MAX) / LOD_ONE,
        .lod_bias = (int16_t)FIELD_EX32(bias, SAMPLER_BIAS, BIAS) / LOD_ONE,
    };
    for (unsigned i = 0; i < 4; i++) {
        sampler->border[i] = ldl_le_p(p + A_SAMPLER_BORDER + 4 * i);
    }
    return MALI_SHADER_ACCESS_DONE;
}

MaliShaderAccess mali_shader_find_plane(MaliShaderContext *context,
                                        const MaliShaderTexture *texture,
                                        unsigned level, unsigned layer,
                                        unsigned sample,
                                        MaliShaderPlane *plane)
{
    uint64_t index = ((uint64_t)layer * texture->samples + sample) *
                     texture->levels + level;
    uint64_t va = texture->planes + index * MALI_SHADER_DESCRIPTOR_SIZE;
    uint8_t bytes[MALI_SHADER_DESCRIPTOR_SIZE] = { };
    MaliShaderAccess result = MALI_SHADER_ACCESS_DONE;
    uint32_t word, rows;

    for (unsigned i = 0; !texture->is_null && i < sizeof(bytes) &&
                         result == MALI_SHADER_ACCESS_DONE;
         i += MALI_SHADER_MAX_ACCESS) {
        result = mali_shader_load(&context->memory, va + i,
                                  MALI_SHADER_MAX_ACCESS, bytes + i);
    }
    word = ldl_le_p(bytes + A_PLANE_0);
    rows = ldl_le_p(bytes + A_PLANE_ROW_STRIDE);
    *plane = (MaliShaderPlane) {
        .address = extract64(ldq_le_p(bytes + A_PLANE_POINTER), 0,
                             MALI_SHADER_VA_BITS),
        .row_stride = rows,
        .slice_stride = ldl_le_p(bytes + A_PLANE_SLICE_STRIDE),
        .size = ldl_le_p(bytes + A_PLANE_SIZE),
        .width = FIELD_EX32(ldl_le_p(bytes + A_PLANE_EXTENT), PLANE_EXTENT,
                            WIDTH) + 1,
        .height = FIELD_EX32(ldl_le_p(bytes + A_PLANE_EXTENT), PLANE_EXTENT,
                             HEIGHT) + 1,
        .is_tiled = FIELD_EX32(word, PLANE_0, ORDER) == ORDER_TILED,
        .is_null = FIELD_EX32(word, PLANE_0, TYPE) != DESCRIPTOR_PLANE ||
                   FIELD_EX32(word, PLANE_0, KIND) != PLANE_GENERIC,
    };
    if (mali_shader_layout_is_wide(context->layout)) {
        plane->row_stride = FIELD_EX32(rows, PLANE_ROW_STRIDE, LOW);
        plane->slice_stride |=
            (uint64_t)FIELD_EX32(rows, PLANE_ROW_STRIDE, SLICE_HI) << 32;
        plane->size |= ldq_le_p(bytes + A_PLANE_POINTER) >> 48 << 32;
    }
    return result;
}

/* Bits of @n, of which the upper one is bit 2 * i + @odd of the result */
static unsigned spread(unsigned n, unsigned odd)
{
    return ((n & 1) | (n & 2) << 1 | (n & 4) << 2 | (n & 8) << 3) << odd;
}

/* Number of a pixel in its tile: y and x ^ y, bit by bit */
static unsigned in_tile(unsigned x, unsigned y)
{
    return spread(y % TILE, 1) | spread((x ^ y) % TILE, 0);
}

bool mali_shader_pixel(const MaliShaderTexture *texture,
                       const MaliShaderPlane *plane, uint32_t x, uint32_t y,
                       uint32_t z, uint64_t *va)
{
    unsigned bytes = texture->format.bytes;
    uint64_t offset;

    if (plane->is_null || texture->is_null || x >= plane->width ||
        y >= plane->height) {
        return false;
    }
    if (plane->is_tiled) {
        offset = (uint64_t)(y / TILE) * plane->row_stride +
                 ((uint64_t)(x / TILE) * TILE * TILE + in_tile(x, y)) * bytes;
    } else {
        offset = (uint64_t)y * plane->row_stride + (uint64_t)x * bytes;
    }
    *va = extract64(plane->address + offset + z * plane->slice_stride, 0,
                    MALI_SHADER_VA_BITS);
    return true;
}

MaliShaderAccess mali_shader_fetch(MaliShaderContext *context,
                                   const MaliShaderTexture *texture,
                                   const MaliShaderPlane *plane, uint32_t x,
                                   uint32_t y, uint32_t z, uint32_t *rgba)
{
    uint8_t bytes[MALI_SHADER_MAX_PIXEL];
    uint32_t values[6] = { };
    MaliShaderAccess result;
    uint64_t va;

    if (!mali_shader_pixel(texture, plane, x, y, z, &va)) {
        memset(rgba, 0, 4 * sizeof(*rgba));
        return MALI_SHADER_ACCESS_DONE;
    }
    result = mali_shader_load(&context->memory, va, texture->format.bytes,
                              bytes);
    if (result != MALI_SHADER_ACCESS_DONE) {
        return result;
    }
    mali_shader_unpack(&texture->format, bytes, values);
    values[5] = mali_shader_format_is_integer(&texture->format) ? 1 :
                mali_shader_bits_of(1.0f);
    for (unsigned i = 0; i < 4; i++) {
        rgba[i] = values[texture->swizzle[i]];
    }
    return MALI_SHADER_ACCESS_DONE;
}
