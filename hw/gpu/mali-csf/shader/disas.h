/*
 * Mali shader cores: text of instructions, and words of their fields
 *
 * Needs nothing of QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_DISAS_H
#define HW_GPU_MALI_CSF_SHADER_DISAS_H

#include "isa.h"

/* The longest text, with the zero at its end */
#define MALI_SHADER_DISAS_MAX   256

/*
 * Writes the text of @word to @buffer, as Mesa's disassembler has it: name and
 * modifiers, destination, staging registers after an @, sources, immediates.  A
 * word that is no instruction of @arch is ".word 0x...".  Bits that mean
 * nothing in the instruction are told behind it, so no two words have the same
 * text.
 */
void mali_shader_disassemble(char *buffer, unsigned arch, uint64_t word);

/*
 * The meaningful parts of a word, in the order of its row: opcode, fields,
 * sources with what is done to them, and so on, then what is left over.
 */
#define MALI_SHADER_MAX_PIECES  48

typedef struct MaliShaderPiece {
    uint8_t shift;
    uint8_t width;
    uint64_t value;
} MaliShaderPiece;

/* Returns how many there are */
unsigned mali_shader_split(const MaliShaderEncoding *row, uint64_t word,
                           MaliShaderPiece *pieces);
/* The word with these pieces in it; pieces that overlap are an error: ~0 */
uint64_t mali_shader_assemble(const MaliShaderEncoding *row,
                              const MaliShaderPiece *pieces, unsigned count);

#endif /* HW_GPU_MALI_CSF_SHADER_DISAS_H */
