/*
 * Mali shader cores: the table of instruction encodings
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "isa.h"
#include "mali-shader-isa.c.inc"

/* Number 21 is 0 up to architecture 10. */
#define CONSTANTS(number_21) { \
    0x00000000, 0xffffffff, 0x7fffffff, 0xfafcfdfe, \
    0x01000000, 0x80002000, 0x70605030, 0xc0b0a090, \
    0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, \
    0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c, \
    0x3f800000, 0x3dcccccd, 0x3ea2f983, 0x3f317218, \
    0x40490fdb, (number_21), 0x477fff00, 0x5c005bf8, \
    0x2e660000, 0x34000000, 0x38000000, 0x3c000000, \
    0x40000000, 0x44000000, 0x48000000, 0x42480000, \
}

static const uint32_t constants_9[] = CONSTANTS(0);
static const uint32_t constants_11[] = CONSTANTS(0x272428e0);

const uint32_t *mali_shader_constants(unsigned arch)
{
    return arch >= 11 ? constants_11 : constants_9;
}

const MaliShaderEncoding *mali_shader_find(unsigned arch, uint64_t word)
{
    for (unsigned i = 0; i < MALI_SHADER_NUM_OPS; i++) {
        const MaliShaderEncoding *row = &mali_shader_encodings[i];

        if ((word & row->mask) == row->match && arch >= row->first_arch &&
            arch <= row->last_arch) {
            return row;
        }
    }
    return NULL;
}
