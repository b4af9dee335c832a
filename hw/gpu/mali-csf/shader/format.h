/*
 * Mali CSF GPU: formats of pixels in memory
 *
 * A pixel format is 22 bits: the order of components in bits 0 to 11, their
 * number, size and kind in bits 12 to 19, sRGB in bit 20.  The numbers are
 * Mesa's (src/panfrost/genxml/v10.xml).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_FORMAT_H
#define HW_GPU_MALI_CSF_SHADER_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#define MALI_SHADER_FORMAT_BITS     22
/* The most bytes that a pixel takes */
#define MALI_SHADER_MAX_PIXEL       16

typedef enum MaliShaderFormatKind {
    MALI_SHADER_UNORM,
    MALI_SHADER_SNORM,
    MALI_SHADER_UINT,
    MALI_SHADER_SINT,
    MALI_SHADER_HALF,
    MALI_SHADER_SINGLE,
    /* Three of 11, 11 and 10 bits; three of 9 with an exponent in common */
    MALI_SHADER_SMALL_FLOATS,
    MALI_SHADER_SHARED_EXPONENT,
} MaliShaderFormatKind;

typedef struct MaliShaderFormat {
    MaliShaderFormatKind kind;
    /* Bytes of a pixel, 0: the format is not modelled, or reserved */
    uint8_t bytes;
    uint8_t components;
    /* Of each component: the first bit, and how many */
    uint8_t shift[4];
    uint8_t bits[4];
    /* Where R, G, B and A come from: a component, or 4 for 0, 5 for 1 */
    uint8_t order[4];
    bool srgb;
} MaliShaderFormat;

/* What @word says in its low 22 bits */
void mali_shader_format_read(uint32_t word, MaliShaderFormat *format);

/* Are R, G, B and A integers?  Else they are single-precision floats */
static inline bool mali_shader_format_is_integer(const MaliShaderFormat *format)
{
    return format->kind == MALI_SHADER_UINT || format->kind == MALI_SHADER_SINT;
}

/* R, G, B and A of the bytes of a pixel, and back; floats as their bits */
void mali_shader_unpack(const MaliShaderFormat *format, const uint8_t *bytes,
                        uint32_t *rgba);
void mali_shader_pack(const MaliShaderFormat *format, const uint32_t *rgba,
                      uint8_t *bytes);

float mali_shader_float_of(uint32_t bits);
uint32_t mali_shader_bits_of(float value);
/* Of 16 bits; rounds to the nearest, ties to even */
float mali_shader_half_to_float(uint16_t half);
uint16_t mali_shader_float_to_half(float value);

#endif /* HW_GPU_MALI_CSF_SHADER_FORMAT_H */
