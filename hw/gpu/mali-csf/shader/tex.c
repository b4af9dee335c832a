/*
 * Mali CSF GPU: texture instructions: TEX_FETCH, TEX_SINGLE, TEX_GATHER
 *
 * Rules are those of Vulkan (chapter "Image Operations"), in single precision.
 * Not modelled: levels of detail from derivatives, which are taken for 0, and
 * anisotropy.  A cube's faces are filtered each by itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <math.h>
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "texture.h"

/* Mesa's enum Wrap Mode, Mipmap Mode, Reduction Mode, Func */
enum {
    WRAP_REPEAT = 8,
    WRAP_CLAMP_TO_EDGE = 9,
    WRAP_CLAMP_TO_BORDER = 11,
    WRAP_MIRRORED_REPEAT = 12,
    WRAP_MIRRORED_CLAMP_TO_EDGE = 13,
    WRAP_MIRRORED_CLAMP_TO_BORDER = 15,
};
enum {
    MIPMAP_NEAREST = 0,
    MIPMAP_NONE = 1,
    MIPMAP_TRILINEAR = 3,
};
enum {
    REDUCTION_MINIMUM = 2,
    REDUCTION_MAXIMUM = 3,
};

/* No coordinate of a pixel is larger; a float of it is exact. */
#define MAX_COORDINATE  (1 << 22)

/* What the staging registers of a lane say */
typedef struct Lookup {
    MaliShaderTexture texture;
    MaliShaderSampler sampler;
    /* As they are, which may be integers */
    uint32_t at[3];
    unsigned layer;
    float shadow;
    int offset[3];
    unsigned multisample;
    /* Of a fetch; in 1/256 of another one */
    int lod;
} Lookup;

static unsigned coordinates(const MaliShaderOp *op)
{
    unsigned dimension = MALI_SHADER_FIELD_DIMENSION(op->word);

    /* A cube has two, and a face. */
    return dimension == MALI_SHADER_DIMENSION_CUBE ? 2 : dimension + 1;
}

static MaliShaderAccess find(MaliShaderGroup *group, const MaliShaderOp *op,
                             unsigned lane, Lookup *lookup)
{
    uint32_t low = group->slots[op->src[0]][lane];
    uint32_t high = group->slots[op->src[0] + 1][lane];
    MaliShaderAccess result;

    if (!MALI_SHADER_FIELD_WIDE_INDICES(op->word)) {
        high = extract32(low, 27, 5) << 24 | extract32(low, 16, 11);
        low = extract32(low, 11, 5) << 24 | extract32(low, 0, 11);
        /* The last four tables have the numbers 60 to 63. */
        high += high >> 24 >= 28 ? 32u << 24 : 0;
    }
    result = mali_shader_find_texture(group->opaque, high, &lookup->texture);
    if (result == MALI_SHADER_ACCESS_DONE &&
        op->family != MALI_SHADER_FAMILY_TEX_FETCH) {
        result = mali_shader_find_sampler(group->opaque, low,
                                          &lookup->sampler);
    }
    return result;
}

/* Those that are present follow each other. */
static void read_staging(const MaliShaderGroup *group, const MaliShaderOp *op,
                         unsigned lane, Lookup *lookup)
{
    const MaliShaderSlot *from = &group->slots[op->read_first];
    unsigned n = coordinates(op);
    unsigned mode = op->family == MALI_SHADER_FAMILY_TEX_SINGLE ?
                    MALI_SHADER_FIELD_LOD_MODE(op->word) :
                    MALI_SHADER_LOD_MODE_ZERO;
    uint32_t offset = 0;

    for (unsigned i = 0; i < n; i++) {
        lookup->at[i] = (*from++)[lane];
    }
    if (MALI_SHADER_FIELD_ARRAY_ENABLE(op->word)) {
        lookup->layer = (*from++)[lane];
    }
    if (op->family != MALI_SHADER_FAMILY_TEX_FETCH &&
        MALI_SHADER_FIELD_SHADOW(op->word)) {
        lookup->shadow = mali_shader_float_of((*from++)[lane]);
    }
    if (MALI_SHADER_FIELD_TEXEL_OFFSET(op->word)) {
        offset = (*from++)[lane];
    }
    for (unsigned i = 0; i < 3; i++) {
        lookup->offset[i] = sextract32(offset, 8 * i, 8);
    }
    if (op->family == MALI_SHADER_FAMILY_TEX_FETCH) {
        lookup->lod = extract32(offset, 24, 8);
        lookup->multisample = n < 3 ? extract32(offset, 16, 8) : 0;
    } else if (mode == MALI_SHADER_LOD_MODE_EXPLICIT ||
               mode == MALI_SHADER_LOD_MODE_COMPUTED_BIAS) {
        lookup->lod = sextract32((*from)[lane], 0, 16);
    }
}

/* Face of a cube, which is in the upper bits of the second coordinate */
static void read_face(const MaliShaderOp *op, Lookup *lookup)
{
    uint32_t t = lookup->at[1];

    if (MALI_SHADER_FIELD_DIMENSION(op->word) == MALI_SHADER_DIMENSION_CUBE) {
        lookup->layer = lookup->layer * 6 + (t >> 29);
        /* From 0 to 1: of the bits that the face takes, only one is set. */
        t &= MAKE_64BIT_MASK(0, 29);
        lookup->at[1] = t ? t | 1u << 29 : 0;
    }
}

static void put_result(MaliShaderGroup *group, const MaliShaderOp *op,
                       unsigned lane, bool is_integer, const uint32_t *rgba)
{
    MaliShaderSlot *to = &group->slots[op->write_first];
    unsigned mask = MALI_SHADER_FIELD_WRITE_MASK(op->word);
    bool is_narrow = MALI_SHADER_FIELD_REGISTER_WIDTH(op->word) ==
                     MALI_SHADER_REGISTER_WIDTH_16;
    unsigned n = 0;

    for (unsigned i = 0; i < 4; i++) {
        uint32_t value = rgba[i];

        if (!(mask & 1u << i)) {
            continue;
        }
        if (!is_narrow) {
            to[n][lane] = value;
        } else {
            if (!is_integer) {
                value = mali_shader_float_to_half(mali_shader_float_of(value));
            }
            to[n / 2][lane] = deposit32(to[n / 2][lane], n % 2 * 16, 16,
                                        value);
        }
        n++;
    }
}

/* TEX_FETCH */

static MaliShaderAccess fetch_one(MaliShaderContext *context, Lookup *lookup,
                                  uint32_t *rgba)
{
    const MaliShaderTexture *texture = &lookup->texture;
    bool is_3d = texture->dimension == MALI_SHADER_3D;
    unsigned layer = is_3d ? 0 : lookup->layer;
    uint32_t at[3];
    MaliShaderPlane plane;
    MaliShaderAccess result;

    for (unsigned i = 0; i < 3; i++) {
        at[i] = lookup->at[i] + (i < 2 || is_3d ? lookup->offset[i] : 0);
    }
    memset(rgba, 0, 4 * sizeof(*rgba));
    if (lookup->lod >= texture->levels || layer >= texture->layers ||
        lookup->multisample >= texture->samples ||
        (is_3d && at[2] >= MAX(texture->depth >> lookup->lod, 1))) {
        return MALI_SHADER_ACCESS_DONE;
    }
    result = mali_shader_find_plane(context, texture, lookup->lod, layer,
                                    lookup->multisample, &plane);
    if (result == MALI_SHADER_ACCESS_DONE) {
        result = mali_shader_fetch(context, texture, &plane, at[0], at[1],
                                   is_3d ? at[2] : 0, rgba);
    }
    return result;
}

/* Filtered ones */

/* Pixel number @i of @size as the wrap mode has it; -1 is the border */
static int wrap(unsigned mode, int i, int size)
{
    switch (mode) {
    case WRAP_REPEAT:
        return (i % size + size) % size;
    case WRAP_MIRRORED_REPEAT:
        i = (i % (2 * size) + 2 * size) % (2 * size);
        return i < size ? i : 2 * size - 1 - i;
    case WRAP_CLAMP_TO_BORDER:
        return i < 0 || i >= size ? -1 : i;
    case WRAP_MIRRORED_CLAMP_TO_EDGE:
        return MIN(i < 0 ? -1 - i : i, size - 1);
    case WRAP_MIRRORED_CLAMP_TO_BORDER:
        i = i < 0 ? -1 - i : i;
        return i >= size ? -1 : i;
    default:
        return MIN(MAX(i, 0), size - 1);
    }
}

static float coordinate(const Lookup *lookup, unsigned i, unsigned size)
{
    float value = mali_shader_float_of(lookup->at[i]);

    if (lookup->sampler.normalized) {
        value *= size;
    }
    value += lookup->offset[i];
    return value != value ? 0 :
           MIN(MAX(value, -(float)MAX_COORDINATE), (float)MAX_COORDINATE);
}

static bool compares(unsigned function, float reference, float value)
{
    return (function & 1 && reference < value) ||
           (function & 2 && reference == value) ||
           (function & 4 && reference > value);
}

/* A pixel, or the border; of a comparison, its result */
static MaliShaderAccess sample_pixel(MaliShaderContext *context,
                                     const Lookup *lookup, bool is_shadow,
                                     const MaliShaderPlane *plane,
                                     const int *at, uint32_t *rgba)
{
    MaliShaderAccess result = MALI_SHADER_ACCESS_DONE;

    if (at[0] < 0 || at[1] < 0 || at[2] < 0) {
        memcpy(rgba, lookup->sampler.border, 4 * sizeof(*rgba));
    } else {
        result = mali_shader_fetch(context, &lookup->texture, plane, at[0],
                                   at[1], at[2], rgba);
    }
    if (is_shadow && result == MALI_SHADER_ACCESS_DONE) {
        bool is_true = compares(lookup->sampler.compare, lookup->shadow,
                                mali_shader_float_of(rgba[0]));

        for (unsigned i = 0; i < 4; i++) {
            rgba[i] = mali_shader_bits_of(is_true);
        }
    }
    return result;
}

static void reduce(const MaliShaderSampler *sampler, float *sum, bool is_first,
                   float weight, const uint32_t *rgba)
{
    for (unsigned i = 0; i < 4; i++) {
        float value = mali_shader_float_of(rgba[i]);

        if (sampler->reduction == REDUCTION_MINIMUM) {
            sum[i] = is_first ? value : MIN(sum[i], value);
        } else if (sampler->reduction == REDUCTION_MAXIMUM) {
            sum[i] = is_first ? value : MAX(sum[i], value);
        } else {
            sum[i] += weight * value;
        }
    }
}

/* One level, nearest or linear; integers are not filtered */
static MaliShaderAccess sample_level(MaliShaderContext *context,
                                     const Lookup *lookup, bool is_shadow,
                                     unsigned level, bool is_nearest,
                                     uint32_t *rgba)
{
    const MaliShaderTexture *texture = &lookup->texture;
    bool is_3d = texture->dimension == MALI_SHADER_3D;
    unsigned dimensions = texture->dimension == MALI_SHADER_1D ? 1 :
                          is_3d ? 3 : 2;
    unsigned layer = is_3d ? 0 : MIN(lookup->layer, texture->layers - 1);
    float sum[4] = { }, weight[3] = { };
    int first[3] = { };
    MaliShaderPlane plane;
    MaliShaderAccess result;
    int size[3];

    result = mali_shader_find_plane(context, texture, level, layer, 0, &plane);
    if (result != MALI_SHADER_ACCESS_DONE) {
        return result;
    }
    size[0] = plane.width;
    size[1] = plane.height;
    size[2] = MAX(texture->depth >> level, 1);
    for (unsigned i = 0; i < dimensions; i++) {
        float at = coordinate(lookup, i, size[i]) - (is_nearest ? 0 : 0.5f);

        first[i] = (int)floorf(at);
        weight[i] = at - first[i];
    }
    is_nearest |= mali_shader_format_is_integer(&texture->format);
    for (unsigned corner = 0; corner < (is_nearest ? 1 : 1u << dimensions);
         corner++) {
        float share = 1;
        int at[3] = { };

        for (unsigned i = 0; i < dimensions; i++) {
            unsigned next = corner >> i & 1;

            at[i] = wrap(lookup->sampler.wrap[i], first[i] + (int)next,
                         size[i]);
            share *= next ? weight[i] : 1 - weight[i];
        }
        result = sample_pixel(context, lookup, is_shadow, &plane, at, rgba);
        if (result != MALI_SHADER_ACCESS_DONE || is_nearest) {
            return result;
        }
        reduce(&lookup->sampler, sum, !corner, share, rgba);
    }
    for (unsigned i = 0; i < 4; i++) {
        rgba[i] = mali_shader_bits_of(sum[i]);
    }
    return result;
}

static MaliShaderAccess sample(MaliShaderContext *context,
                               const MaliShaderOp *op, const Lookup *lookup,
                               uint32_t *rgba)
{
    const MaliShaderSampler *sampler = &lookup->sampler;
    bool is_shadow = MALI_SHADER_FIELD_SHADOW(op->word);
    float lod = lookup->lod / 256.0f + sampler->lod_bias;
    float top = lookup->texture.levels - 1;
    bool is_nearest;
    uint32_t next[4];
    MaliShaderAccess result;
    float share;

    lod = MIN(MAX(lod, sampler->min_lod), sampler->max_lod);
    is_nearest = lod <= 0 ? sampler->nearest_mag : sampler->nearest_min;
    if (sampler->mipmap == MIPMAP_NONE) {
        lod = 0;
    } else if (sampler->mipmap == MIPMAP_NEAREST) {
        lod = ceilf(lod + 0.5f) - 1;
    }
    lod = MIN(MAX(lod, 0), top);
    share = lod - floorf(lod);
    result = sample_level(context, lookup, is_shadow, lod, is_nearest, rgba);
    if (result != MALI_SHADER_ACCESS_DONE || share == 0) {
        return result;
    }
    result = sample_level(context, lookup, is_shadow, lod + 1, is_nearest,
                          next);
    for (unsigned i = 0; i < 4; i++) {
        rgba[i] = mali_shader_bits_of(
            mali_shader_float_of(rgba[i]) * (1 - share) +
            mali_shader_float_of(next[i]) * share);
    }
    return result;
}

/* One component of the four pixels that would be filtered, at level 0 */
static MaliShaderAccess gather(MaliShaderContext *context,
                               const MaliShaderOp *op, const Lookup *lookup,
                               uint32_t *rgba)
{
    /* Its order: bottom left, bottom right, top right, top left */
    static const uint8_t corners[4][2] = {
        { 0, 1 }, { 1, 1 }, { 1, 0 }, { 0, 0 },
    };
    unsigned wanted = MALI_SHADER_FIELD_FETCH_COMPONENT(op->word);
    bool is_shadow = MALI_SHADER_FIELD_SHADOW(op->word);
    unsigned layer = MIN(lookup->layer, lookup->texture.layers - 1);
    MaliShaderPlane plane;
    MaliShaderAccess result;
    int size[2], first[2];

    result = mali_shader_find_plane(context, &lookup->texture, 0, layer, 0,
                                    &plane);
    size[0] = plane.width;
    size[1] = plane.height;
    for (unsigned i = 0; i < 2; i++) {
        first[i] = MALI_SHADER_FIELD_INTEGER_COORDINATES(op->word) ?
                   (int)MIN(lookup->at[i], MAX_COORDINATE) :
                   (int)floorf(coordinate(lookup, i, size[i]) - 0.5f);
    }
    for (unsigned i = 0; i < 4 && result == MALI_SHADER_ACCESS_DONE; i++) {
        uint32_t pixel[4];
        int at[3] = { };

        for (unsigned j = 0; j < 2; j++) {
            at[j] = wrap(lookup->sampler.wrap[j], first[j] + corners[i][j],
                         size[j]);
        }
        result = sample_pixel(context, lookup, is_shadow, &plane, at, pixel);
        rgba[i] = pixel[wanted];
    }
    return result;
}

MaliShaderAccess mali_shader_msg_texture(MaliShaderGroup *group,
                                         const MaliShaderOp *op,
                                         uint64_t lanes)
{
    MaliShaderContext *context = group->opaque;
    uint64_t done = 0;

    for (; lanes; lanes &= lanes - 1) {
        unsigned lane = ctz64(lanes);
        Lookup lookup = { };
        uint32_t rgba[4] = { };
        MaliShaderAccess result = find(group, op, lane, &lookup);

        if (result == MALI_SHADER_ACCESS_DONE) {
            read_staging(group, op, lane, &lookup);
            read_face(op, &lookup);
            switch (op->family) {
            case MALI_SHADER_FAMILY_TEX_FETCH:
                result = fetch_one(context, &lookup, rgba);
                break;
            case MALI_SHADER_FAMILY_TEX_GATHER:
                result = gather(context, op, &lookup, rgba);
                break;
            default:
                result = sample(context, op, &lookup, rgba);
                break;
            }
        }
        if (result != MALI_SHADER_ACCESS_DONE) {
            return mali_shader_not_done(group, result, done);
        }
        put_result(group, op, lane,
                   mali_shader_format_is_integer(&lookup.texture.format),
                   rgba);
        done |= 1ull << lane;
    }
    return MALI_SHADER_ACCESS_DONE;
}
