/*
 * Mali CSF GPU: formats of pixels in memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <math.h>
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "fpu/softfloat.h"
#include "format.h"

/*
 * From 96 on a number is made of a kind, of components less one, and of a size:
 * 1 << size bits, but 7, which is a float of a size that the kind tells.
 */
#define REGULAR_FIRST       96
#define REGULAR_KIND(n)     (((n) - REGULAR_FIRST) / 32)
#define REGULAR_COUNT(n)    (((n) - REGULAR_FIRST) / 8 % 4 + 1)
#define REGULAR_SIZE(n)     ((n) % 8)
#define REGULAR_FLOAT       7

static const MaliShaderFormatKind regular_kinds[] = {
    MALI_SHADER_SNORM, MALI_SHADER_UINT, MALI_SHADER_UNORM, MALI_SHADER_SINT,
};

/* The others: first bits and sizes, from the lowest bit on */
typedef struct Irregular {
    uint8_t number;
    MaliShaderFormatKind kind;
    uint8_t bytes;
    uint8_t components;
    uint8_t shift[4];
    uint8_t bits[4];
} Irregular;

#define RGB10_A2(_number, _kind) \
    { _number, _kind, 4, 4, { 0, 10, 20, 30 }, { 10, 10, 10, 2 } }
#define A2_BGR10(_number, _kind) \
    { _number, _kind, 4, 4, { 22, 12, 2, 0 }, { 10, 10, 10, 2 } }

static const Irregular irregular[] = {
    /* RGB565, RGB5_A1, A1_BGR5 */
    { 64, MALI_SHADER_UNORM, 2, 3, { 0, 5, 11 }, { 5, 6, 5 } },
    { 65, MALI_SHADER_UNORM, 2, 4, { 0, 5, 10, 15 }, { 5, 5, 5, 1 } },
    { 66, MALI_SHADER_UNORM, 2, 4, { 11, 6, 1, 0 }, { 5, 5, 5, 1 } },
    RGB10_A2(67, MALI_SHADER_UNORM),
    A2_BGR10(68, MALI_SHADER_UNORM),
    RGB10_A2(69, MALI_SHADER_SNORM),
    A2_BGR10(70, MALI_SHADER_SNORM),
    RGB10_A2(71, MALI_SHADER_UINT),
    A2_BGR10(72, MALI_SHADER_UINT),
    RGB10_A2(73, MALI_SHADER_SINT),
    A2_BGR10(74, MALI_SHADER_SINT),
    /* Z16, Z32, Z24X8, X8Z24 */
    { 75, MALI_SHADER_UNORM, 2, 1, { 0 }, { 16 } },
    { 76, MALI_SHADER_SINGLE, 4, 1, { 0 }, { 32 } },
    { 77, MALI_SHADER_UNORM, 4, 1, { 0 }, { 24 } },
    { 78, MALI_SHADER_UNORM, 4, 1, { 8 }, { 24 } },
    /* R11F_G11F_B10F, RGB9E5, S8 */
    { 89, MALI_SHADER_SMALL_FLOATS, 4, 3, { 0, 11, 22 }, { 11, 11, 10 } },
    { 91, MALI_SHADER_SHARED_EXPONENT, 4, 3, { 0, 9, 18 }, { 9, 9, 9 } },
    { 93, MALI_SHADER_UINT, 1, 1, { 0 }, { 8 } },
    /* Of render targets: RGBA8, RGB10_A2 */
    { 237, MALI_SHADER_UNORM, 4, 4, { 0, 8, 16, 24 }, { 8, 8, 8, 8 } },
    RGB10_A2(238, MALI_SHADER_UNORM),
};

#define ZERO 4
#define ONE  5

/* Orders that have numbers */
static const struct {
    uint8_t number;
    uint8_t order[4];
} orders[] = {
    { 0, { 0, 1, 2, 3 } },              /* RGBA */
    { 2, { 1, 0, 2, 3 } },              /* GRBA */
    { 4, { 2, 1, 0, 3 } },              /* BGRA */
    { 8, { 1, 2, 3, 0 } },              /* ARGB */
    { 10, { 2, 1, 3, 0 } },             /* AGRB */
    { 12, { 3, 2, 1, 0 } },             /* ABGR */
    { 16, { 0, 1, 2, ONE } },           /* RGB1 */
    { 18, { 1, 0, 2, ONE } },           /* GRB1 */
    { 20, { 2, 1, 0, ONE } },           /* BGR1 */
    { 24, { 1, 2, 3, ONE } },           /* 1RGB */
    { 26, { 2, 1, 3, ONE } },           /* 1GRB */
    { 28, { 3, 2, 1, ONE } },           /* 1BGR */
    { 226, { 0, 0, 0, 0 } },            /* RRRR */
    { 227, { 0, 0, 0, ONE } },          /* RRR1 */
    { 228, { 0, 0, 0, 1 } },            /* RRRA */
    { 229, { ZERO, ZERO, ZERO, 0 } },   /* 000A */
    { 230, { ZERO, ZERO, ZERO, ONE } }, /* 0001 */
    { 231, { ZERO, ZERO, ZERO, ZERO } },/* 0000 */
    { 240, { 0, ZERO, ZERO, ZERO } },   /* R000 */
    { 242, { 0, 2, 1, 3 } },            /* RBGA */
};

static void read_regular(unsigned number, MaliShaderFormat *format)
{
    unsigned size = REGULAR_SIZE(number);
    unsigned bits = 1u << size;

    format->kind = regular_kinds[REGULAR_KIND(number)];
    if (size == REGULAR_FLOAT && format->kind == MALI_SHADER_UNORM) {
        format->kind = MALI_SHADER_SINGLE;
        bits = 32;
    } else if (size == REGULAR_FLOAT && format->kind == MALI_SHADER_SINT) {
        format->kind = MALI_SHADER_HALF;
        bits = 16;
    } else if (size < 1 || size > 5) {
        return;
    }
    format->components = REGULAR_COUNT(number);
    format->bytes = DIV_ROUND_UP(bits * format->components, 8);
    for (unsigned i = 0; i < format->components; i++) {
        format->shift[i] = bits * i;
        format->bits[i] = bits;
    }
}

static void read_irregular(unsigned number, MaliShaderFormat *format)
{
    for (unsigned i = 0; i < ARRAY_SIZE(irregular); i++) {
        const Irregular *row = &irregular[i];

        if (row->number == number) {
            format->kind = row->kind;
            format->bytes = row->bytes;
            format->components = row->components;
            memcpy(format->shift, row->shift, sizeof(format->shift));
            memcpy(format->bits, row->bits, sizeof(format->bits));
        }
    }
}

void mali_shader_format_read(uint32_t word, MaliShaderFormat *format)
{
    unsigned number = extract32(word, 12, 8);
    unsigned order = extract32(word, 0, 12);

    *format = (MaliShaderFormat) {
        .order = { 0, 1, 2, 3 },
        .srgb = extract32(word, 20, 1),
    };
    read_irregular(number, format);
    if (!format->bytes && number >= REGULAR_FIRST && number < 224) {
        read_regular(number, format);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
        if (orders[i].number == order) {
            memcpy(format->order, orders[i].order, sizeof(format->order));
        }
    }
}

float mali_shader_float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

uint32_t mali_shader_bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

float mali_shader_half_to_float(uint16_t half)
{
    float_status status = { };

    return mali_shader_float_of(float16_to_float32(half, true, &status));
}

uint16_t mali_shader_float_to_half(float value)
{
    float_status status = { };

    return float32_to_float16(mali_shader_bits_of(value), true, &status);
}

/* Without a sign: 5 bits of exponent, and a fraction of the rest */
static float small_to_float(uint32_t value, unsigned bits)
{
    return mali_shader_half_to_float(value << (15 - bits));
}

static uint32_t float_to_small(float value, unsigned bits)
{
    unsigned cut = 15 - bits;
    uint32_t half = mali_shader_float_to_half(value > 0 ? value : 0);

    if (value != value) {
        return MAKE_64BIT_MASK(0, bits);
    }
    /* To the nearest, but no finite number becomes infinite. */
    half = MIN(half + (1u << (cut - 1)), 0x7bffu);
    return isinf(value) && value > 0 ? 0x1f << (bits - 5) : half >> cut;
}

static float shared_to_float(uint32_t fraction, unsigned exponent)
{
    return ldexpf(fraction, (int)exponent - 24);
}

static void pack_shared(const float *rgb, uint8_t *bytes)
{
    float top = 0;
    int exponent;
    uint32_t word;

    for (unsigned i = 0; i < 3; i++) {
        top = MAX(top, MIN(rgb[i], 65408.0f));
    }
    frexpf(top, &exponent);
    exponent = MAX(exponent + 15, 0);
    if (lrintf(ldexpf(top, 24 - exponent)) > 511) {
        exponent++;
    }
    word = (uint32_t)exponent << 27;
    for (unsigned i = 0; i < 3; i++) {
        float value = rgb[i] > 0 ? MIN(rgb[i], 65408.0f) : 0;

        word |= (uint32_t)lrintf(ldexpf(value, 24 - exponent)) << 9 * i;
    }
    stl_le_p(bytes, word);
}

static float from_srgb(float value)
{
    return value <= 0.04045f ? value / 12.92f :
                               powf((value + 0.055f) / 1.055f, 2.4f);
}

static float to_srgb(float value)
{
    return value <= 0.0031308f ? value * 12.92f :
                                 1.055f * powf(value, 1 / 2.4f) - 0.055f;
}

/* A component from its bits; @is_colour: sRGB is for it */
static uint32_t unpack_one(const MaliShaderFormat *format, uint32_t value,
                           unsigned bits, bool is_colour)
{
    double most;
    float result;

    switch (format->kind) {
    case MALI_SHADER_UNORM:
        result = value / (double)MAKE_64BIT_MASK(0, bits);
        if (format->srgb && is_colour) {
            result = from_srgb(result);
        }
        return mali_shader_bits_of(result);
    case MALI_SHADER_SNORM:
        most = MAKE_64BIT_MASK(0, bits - 1);
        result = MAX(sextract32(value, 0, bits) / most, -1.0);
        return mali_shader_bits_of(result);
    case MALI_SHADER_SINT:
        return sextract32(value, 0, bits);
    case MALI_SHADER_HALF:
        return mali_shader_bits_of(mali_shader_half_to_float(value));
    case MALI_SHADER_SMALL_FLOATS:
        return mali_shader_bits_of(small_to_float(value, bits));
    default:
        return value;
    }
}

static uint32_t component(const MaliShaderFormat *format,
                          const uint8_t *padded, unsigned i)
{
    unsigned shift = format->shift[i];

    /* No component lies across a 64-bit word. */
    return extract64(ldq_le_p(padded + shift / 64 * 8), shift % 64,
                     format->bits[i]);
}

void mali_shader_unpack(const MaliShaderFormat *format, const uint8_t *bytes,
                        uint32_t *rgba)
{
    uint8_t padded[MALI_SHADER_MAX_PIXEL] = { };
    /* What is not there is 0; and the constants */
    uint32_t values[6] = { };

    memcpy(padded, bytes, format->bytes);
    values[ONE] = mali_shader_format_is_integer(format) ? 1 :
                  mali_shader_bits_of(1.0f);
    for (unsigned i = 0; i < format->components; i++) {
        uint32_t value = component(format, padded, i);

        if (format->kind == MALI_SHADER_SHARED_EXPONENT) {
            values[i] = mali_shader_bits_of(
                shared_to_float(value, ldl_le_p(padded) >> 27));
        } else {
            values[i] = unpack_one(format, value, format->bits[i], i < 3);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        rgba[i] = values[format->order[i]];
    }
}

static uint32_t pack_one(const MaliShaderFormat *format, uint32_t value,
                         unsigned bits, bool is_colour)
{
    float number = mali_shader_float_of(value);
    uint64_t most = MAKE_64BIT_MASK(0, bits);

    switch (format->kind) {
    case MALI_SHADER_UNORM:
        number = number > 0 ? MIN(number, 1.0f) : 0;
        if (format->srgb && is_colour) {
            number = to_srgb(number);
        }
        return llrint((double)number * most);
    case MALI_SHADER_SNORM:
        number = number == number ? MIN(MAX(number, -1.0f), 1.0f) : 0;
        return llrint((double)number * (most >> 1));
    case MALI_SHADER_UINT:
        return MIN(value, most);
    case MALI_SHADER_SINT:
        return MIN(MAX((int32_t)value, -(int64_t)(most >> 1) - 1),
                   (int64_t)(most >> 1));
    case MALI_SHADER_HALF:
        return mali_shader_float_to_half(number);
    case MALI_SHADER_SMALL_FLOATS:
        return float_to_small(number, bits);
    default:
        return value;
    }
}

void mali_shader_pack(const MaliShaderFormat *format, const uint32_t *rgba,
                      uint8_t *bytes)
{
    uint8_t padded[MALI_SHADER_MAX_PIXEL] = { };
    uint32_t values[4] = { };

    for (unsigned i = 0; i < 4; i++) {
        if (format->order[i] < 4) {
            values[format->order[i]] = rgba[i];
        }
    }
    if (format->kind == MALI_SHADER_SHARED_EXPONENT) {
        const float rgb[3] = {
            mali_shader_float_of(values[0]), mali_shader_float_of(values[1]),
            mali_shader_float_of(values[2]),
        };

        pack_shared(rgb, bytes);
        return;
    }
    for (unsigned i = 0; i < format->components; i++) {
        unsigned shift = format->shift[i];
        uint8_t *word = padded + shift / 64 * 8;

        stq_le_p(word, deposit64(ldq_le_p(word), shift % 64, format->bits[i],
                                 pack_one(format, values[i], format->bits[i],
                                          i < 3)));
    }
    memcpy(bytes, padded, format->bytes);
}
