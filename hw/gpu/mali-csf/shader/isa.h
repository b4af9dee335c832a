/*
 * Mali shader cores: the table of instruction encodings
 *
 * Made of isa.txt by isa.py.  Needs nothing of QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_ISA_H
#define HW_GPU_MALI_CSF_SHADER_ISA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mali-shader-isa.h"

#define MALI_SHADER_ARCH_FIRST  9
#define MALI_SHADER_ARCH_LAST   14

/* How an instruction is executed */
typedef enum MaliShaderKind {
    /* It is none, or one that is not modelled */
    MALI_SHADER_INVALID,
    /* A function of sources to a destination, lane by lane */
    MALI_SHADER_ALU,
    /* The same, but lanes of a warp see each other */
    MALI_SHADER_CROSS_LANE,
    MALI_SHADER_NOP,
    MALI_SHADER_BRANCH,
    MALI_SHADER_BARRIER,
    /* A message to another unit, such as load/store */
    MALI_SHADER_MESSAGE,
} MaliShaderKind;

/* Bits that modify the instruction; no names: a number, or a flag */
typedef struct MaliShaderField {
    const char *name;
    uint8_t shift;
    uint8_t width;
    /* By value; "" is not printed, NULL is reserved */
    const char *const *values;
} MaliShaderField;

/* What a source is, as far as it matters for what is done to it first */
typedef enum MaliShaderFlavour {
    MALI_SHADER_UNSIGNED,
    MALI_SHADER_SIGNED,
    MALI_SHADER_FLOAT,
    /* Two floats of 16 bits */
    MALI_SHADER_HALVES,
} MaliShaderFlavour;

typedef struct MaliShaderSource {
    /* Where its byte is; where MALI_SHADER_SWIZZLE_* is */
    uint8_t shift;
    uint8_t swizzle;
    uint8_t swizzle_shift;
    /* Where negation is, with the absolute value behind it; 0: there is none */
    uint8_t neg_shift;
    /* It is a pair of registers */
    uint8_t wide;
    uint8_t flavour;
} MaliShaderSource;

typedef enum MaliShaderDestination {
    MALI_SHADER_NO_DESTINATION,
    /* A half is written with that half of the result */
    MALI_SHADER_PARTS_DESTINATION,
    /* ... with the lower half */
    MALI_SHADER_WHOLE_DESTINATION,
    /* ... with the result as a float of 16 bits */
    MALI_SHADER_NARROW_DESTINATION,
    MALI_SHADER_PAIR_DESTINATION,
} MaliShaderDestination;

enum {
    /* sr_count; the same, but 0 is 8; bits 36 to 38, and 1 more */
    MALI_SHADER_COUNT,
    MALI_SHADER_COUNT_8,
    MALI_SHADER_WRITE_COUNT,
};

enum {
    MALI_SHADER_READ,
    MALI_SHADER_WRITE,
};

typedef struct MaliShaderStaging {
    uint8_t shift;
    uint8_t count;
    uint8_t use;
} MaliShaderStaging;

typedef struct MaliShaderImmediate {
    /* NULL: there is none */
    const char *name;
    uint8_t shift;
    uint8_t width;
    uint8_t is_signed;
} MaliShaderImmediate;

/* Bits without a meaning of their own, and what is usually there */
typedef struct MaliShaderHidden {
    uint8_t shift;
    uint8_t width;
    uint8_t value;
} MaliShaderHidden;

#define MALI_SHADER_MAX_SOURCES     4
#define MALI_SHADER_MAX_STAGING     2
#define MALI_SHADER_MAX_IMMEDIATES  2
#define MALI_SHADER_MAX_FIELDS      16
#define MALI_SHADER_MAX_HIDDEN      2

typedef struct MaliShaderEncoding {
    const char *name;
    /* A word is this instruction if its bits of @mask are @match */
    uint64_t mask;
    uint64_t match;
    /* Architectures that have it */
    uint8_t first_arch;
    uint8_t last_arch;
    uint8_t kind;
    uint8_t family;
    uint8_t unit;
    uint8_t destination;
    uint8_t num_sources;
    uint8_t num_staging;
    uint8_t num_fields;
    uint8_t num_hidden;
    MaliShaderSource sources[MALI_SHADER_MAX_SOURCES];
    MaliShaderStaging staging[MALI_SHADER_MAX_STAGING];
    MaliShaderImmediate immediates[MALI_SHADER_MAX_IMMEDIATES];
    uint8_t fields[MALI_SHADER_MAX_FIELDS];
    MaliShaderHidden hidden[MALI_SHADER_MAX_HIDDEN];
} MaliShaderEncoding;

extern const MaliShaderEncoding mali_shader_encodings[MALI_SHADER_NUM_OPS];
extern const MaliShaderField mali_shader_fields[MALI_SHADER_NUM_FIELDS];
/* By MALI_SHADER_SWIZZLE_*, then by value; NULL for NONE, NOT and COMBINE */
extern const char *const *const
    mali_shader_swizzles[MALI_SHADER_NUM_SWIZZLES];
extern const uint8_t mali_shader_swizzle_widths[MALI_SHADER_NUM_SWIZZLES];

/* Constants that a source can name, by number; those of @arch */
const uint32_t *mali_shader_constants(unsigned arch);

/* NULL: @word is no instruction of @arch, whatever its fields say */
const MaliShaderEncoding *mali_shader_find(unsigned arch, uint64_t word);

static inline unsigned mali_shader_bits(uint64_t word, unsigned shift,
                                        unsigned width)
{
    return word >> shift & ((UINT64_C(1) << width) - 1);
}

#endif /* HW_GPU_MALI_CSF_SHADER_ISA_H */
