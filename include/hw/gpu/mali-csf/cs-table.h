/*
 * Mali CSF command-stream instructions: the table that describes them all,
 * and the disassembler that reads it
 *
 * One row is one instruction of a range of architectures: its opcode, its
 * name, and its fields with their places.  The model takes from here which
 * opcodes a product has, which bits of a word mean something, and which
 * registers an instruction names.  What an instruction does is not here, see
 * instructions.c.
 *
 * Like cs-isa.h this needs nothing of QEMU.  An architecture is its major
 * number: 10 for the Mali-G610.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_TABLE_H
#define HW_GPU_MALI_CSF_CS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CS_ARCH_FIRST       10
#define CS_ARCH_LAST        14

typedef enum CsFieldKind {
    /* Ends the fields of a row */
    CS_FIELD_END,

    /* The number of a register; of the even half of a pair.  8 bits. */
    CS_FIELD_REGISTER,
    CS_FIELD_PAIR,
    /*
     * The first of several registers.  Which ones, tells the row's field LIST
     * (bit k: base + k) or COUNT (so many from the base on).
     */
    CS_FIELD_BASE,
    CS_FIELD_LIST,
    CS_FIELD_COUNT,
    /* A register that none but an endpoint reads, if a flag says so */
    CS_FIELD_ENDPOINT_REGISTER,

    /* The number of a scoreboard entry; a bit mask of them */
    CS_FIELD_ENTRY,
    CS_FIELD_ENTRIES,
    /* The entry that an asynchronous instruction keeps in use */
    CS_FIELD_SIGNAL,
    /* The entries that a deferred instruction waits for; 0: not deferred */
    CS_FIELD_DEFER,

    /* Numbers */
    CS_FIELD_UNSIGNED,
    CS_FIELD_SIGNED,
    CS_FIELD_HEX,
    /* One of the names in values[] */
    CS_FIELD_ENUM,
    /* A single bit */
    CS_FIELD_FLAG,
} CsFieldKind;

typedef struct CsField {
    const char *name;
    /* Lowest bit, and the number of bits: 1 to 56 */
    uint8_t shift;
    uint8_t width;
    uint8_t kind;
    /* The architectures that have it; 0: no limit */
    uint8_t min_arch;
    uint8_t max_arch;
    /* Names of an ENUM's values; NULL for a value that has none */
    uint8_t num_values;
    const char *const *values;
} CsField;

typedef struct CsInstruction {
    const char *name;
    uint8_t opcode;
    /* The architectures that have it; 0: no limit */
    uint8_t min_arch;
    uint8_t max_arch;
    /* Ended by CS_FIELD_END; NULL if there are none */
    const CsField *fields;
} CsInstruction;

/* By ascending opcode, of which each architecture has at most one row */
extern const CsInstruction cs_instructions[];
extern const size_t cs_num_instructions;

/* The row of @opcode, or NULL if @arch does not have that opcode */
const CsInstruction *cs_instruction_find(unsigned opcode, unsigned arch);

/* Is the field there on @arch? */
static inline bool cs_field_exists(const CsField *field, unsigned arch)
{
    return arch >= field->min_arch &&
           (!field->max_arch || arch <= field->max_arch);
}

static inline uint64_t cs_field_mask(const CsField *field)
{
    return ((UINT64_C(1) << field->width) - 1) << field->shift;
}

static inline uint64_t cs_field_get(const CsField *field, uint64_t word)
{
    return (word & cs_field_mask(field)) >> field->shift;
}

/* The bits of all fields of a row that @arch has, opcode not included */
uint64_t cs_instruction_mask(const CsInstruction *instruction, unsigned arch);

/* Enough for any instruction, its terminating zero included */
#define CS_DISAS_MAX        256

/*
 * Write @word as text to @buffer, which has CS_DISAS_MAX bytes.  A word that
 * is no instruction of @arch becomes ".word 0x...".  Bits that belong to no
 * field follow as a comment.
 */
void cs_disassemble(char *buffer, uint64_t word, unsigned arch);

#endif /* HW_GPU_MALI_CSF_CS_TABLE_H */
