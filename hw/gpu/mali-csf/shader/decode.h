/*
 * Mali shader cores: decoded instructions
 *
 * A shader is a sequence of 64-bit little-endian words.  isa.txt describes
 * every encoding; mali-shader-isa.h is made of it by isa.py and
 * has the numbers of the encodings, their fields, and the values of those.
 * Decoding resolves a word once: where its operands are, what is done to them
 * before and to the result afterwards, where it branches to.
 *
 * Needs nothing of QEMU: the disassembler and the unit tests are built from
 * it too.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_DECODE_H
#define HW_GPU_MALI_CSF_SHADER_DECODE_H

#include "isa.h"

/* Lanes of a warp, and of the four warps that are executed together */
#define MALI_SHADER_WARP        16
#define MALI_SHADER_LANES       64

/*
 * Operands are in slots: a slot is a 32-bit value of each lane.  A 64-bit
 * operand is two slots, low half first.
 *
 * First come the registers.  Staging registers and pairs may begin at r63; what
 * would be behind is in the pad, which is scratch.
 */
#define MALI_SHADER_REGISTERS   64
#define MALI_SHADER_PAD         8

/* Then values that differ from lane to lane, or from workgroup to workgroup */
enum {
    MALI_SHADER_SLOT_SPECIAL = MALI_SHADER_REGISTERS + MALI_SHADER_PAD,
    /* 64 bits each; lane id and program counter are the executor's */
    MALI_SHADER_SLOT_LANE_ID = MALI_SHADER_SLOT_SPECIAL,
    MALI_SHADER_SLOT_PROGRAM_COUNTER = MALI_SHADER_SLOT_SPECIAL + 2,
    /* The rest is filled in by who starts a group, and read as 0 else */
    MALI_SHADER_SLOT_WARP_ID = MALI_SHADER_SLOT_SPECIAL + 4,
    MALI_SHADER_SLOT_CORE_ID = MALI_SHADER_SLOT_SPECIAL + 6,
    MALI_SHADER_SLOT_THREAD_LOCAL_POINTER = MALI_SHADER_SLOT_SPECIAL + 8,
    MALI_SHADER_SLOT_WORKGROUP_LOCAL_POINTER = MALI_SHADER_SLOT_SPECIAL + 10,
    MALI_SHADER_SLOT_RESOURCE_TABLE_POINTER = MALI_SHADER_SLOT_SPECIAL + 12,
    MALI_SHADER_SLOT_FRAMEBUFFER_SIZE = MALI_SHADER_SLOT_SPECIAL + 14,
    MALI_SHADER_SLOT_ATEST_DATUM = MALI_SHADER_SLOT_SPECIAL + 16,
    MALI_SHADER_SLOT_SAMPLE = MALI_SHADER_SLOT_SPECIAL + 18,
    MALI_SHADER_SLOT_BLEND_DESCRIPTOR_0 = MALI_SHADER_SLOT_SPECIAL + 20,

    /*
     * Then what is the same in all lanes as long as uniforms are bound: the
     * constants and uniforms that the program names, in the order in which
     * they were met.
     */
    MALI_SHADER_SLOT_FIXED = MALI_SHADER_SLOT_SPECIAL + 2 * 18,
    MALI_SHADER_SLOTS = 1024,
};

#define MALI_SHADER_MAX_FIXED   (MALI_SHADER_SLOTS - MALI_SHADER_SLOT_FIXED)

/* Uniforms that an instruction can name: 4 pages of 64 words */
#define MALI_SHADER_MAX_UNIFORMS 256

/*
 * What is done to an operand first; 0 is nothing.  Bits 0 to 3: value of the
 * swizzle, 4 to 8: MALI_SHADER_SWIZZLE_*, and these flags
 */
typedef uint16_t MaliShaderPrepare;

#define MALI_SHADER_PREPARE(swizzle, value) ((swizzle) << 4 | (value))
#define MALI_SHADER_PREPARE_SWIZZLE(prepare) ((prepare) >> 4 & 31)
#define MALI_SHADER_PREPARE_VALUE(prepare)  ((prepare) & 15)
#define MALI_SHADER_PREPARE_NEG     (1 << 9)
#define MALI_SHADER_PREPARE_ABS     (1 << 10)
/* What is extended is signed; is a float of 32 bits; two slots */
#define MALI_SHADER_PREPARE_SIGNED  (1 << 11)
#define MALI_SHADER_PREPARE_F32     (1 << 12)
#define MALI_SHADER_PREPARE_WIDE    (1 << 13)

typedef struct MaliShaderOp {
    /* The word, of which MALI_SHADER_FIELD_*() take what is not below */
    uint64_t word;

    /* MALI_SHADER_OP_* is the encoding, _FAMILY_* that of its mnemonic */
    uint16_t id;
    uint8_t family;
    uint8_t kind;
    /* MALI_SHADER_FLOW_* */
    uint8_t flow;
    uint8_t unit;

    /* Slots of the sources in the order of the text; a 64-bit one has two */
    uint8_t num_src;
    MaliShaderPrepare prepare[4];
    uint16_t src[4];

    /* Slot of the result, MaliShaderDestination, the bits that are written */
    uint16_t dst;
    uint8_t destination;
    uint32_t dst_mask;
    /* MALI_SHADER_CLAMP_*, applied to the result, which is two of 16 bits? */
    uint8_t clamp;
    bool clamp_halves;
    /* A source is the program counter */
    bool reads_pc;
    /* Nothing is to be done to sources or result; all of it is written */
    bool is_plain;

    /*
     * Staging registers of a message: the first, which is below 64, and how
     * many.  One set to read, one to write; either may be empty, and both may
     * be the same.  first + count is at most REGISTERS + PAD.
     */
    uint8_t read_first;
    uint8_t read_count;
    uint8_t write_first;
    uint8_t write_count;

    /* Immediate of the instruction, sign-extended if it is a signed one */
    int64_t imm;
    /* BRANCHZ: address of the target, which may be any multiple of 8 */
    uint64_t target;
} MaliShaderOp;

/*
 * What is in a fixed slot, or in two if it is WIDE: a constant or a uniform,
 * after what is done to it first
 */
typedef struct MaliShaderFixed {
    bool is_uniform;
    MaliShaderPrepare prepare;
    /* Number of the uniform, or the constant itself */
    uint32_t value;
} MaliShaderFixed;

/* Instructions that are decoded at once: 512 bytes, aligned */
#define MALI_SHADER_BLOCK       64

typedef struct MaliShaderProgram MaliShaderProgram;

/* What became of reading code or memory */
typedef enum MaliShaderAccess {
    MALI_SHADER_ACCESS_DONE,
    /* It has to be done again, later */
    MALI_SHADER_ACCESS_STALLED,
    MALI_SHADER_ACCESS_FAULTED,
} MaliShaderAccess;

/*
 * Reads @count words of code from @pc, which do not cross a 4 KiB page.  If it
 * does not return DONE the words are not used, and who asked knows what
 * faulted.
 */
typedef MaliShaderAccess (*MaliShaderFetch)(void *opaque, uint64_t pc,
                                            unsigned count, uint64_t *words);

/*
 * The decoded instructions of a shader, made as they are first executed and
 * kept until the program is freed: the keeper of programs frees those whose
 * code may have changed.  One thread at a time uses it.  @arch is the major
 * number of the architecture, 10 to 14.  No more than a fixed number of blocks
 * is kept, and the oldest is decoded anew.
 */
MaliShaderProgram *mali_shader_program_new(unsigned arch, MaliShaderFetch fetch,
                                           void *opaque);
void mali_shader_program_free(MaliShaderProgram *program);

/*
 * The decoded instruction at @pc, which is a multiple of 8.  Good until the
 * next call; those that follow it up to the end of the aligned 512 bytes are
 * behind it.
 */
MaliShaderAccess mali_shader_program_at(MaliShaderProgram *program,
                                        uint64_t pc, const MaliShaderOp **op);

/*
 * Registers, pad included, that the instructions decoded so far may write to,
 * one byte for each that is not 0
 */
const uint8_t *mali_shader_program_written(const MaliShaderProgram *program);

/* What is in the fixed slots, the number so far; it only grows */
const MaliShaderFixed *mali_shader_program_fixed(const MaliShaderProgram *p,
                                                 unsigned *count);

#endif /* HW_GPU_MALI_CSF_SHADER_DECODE_H */
