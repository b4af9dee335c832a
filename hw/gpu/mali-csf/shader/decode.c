/*
 * Mali shader cores: the decoder
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdlib.h>
#include <string.h>
#include "decode.h"

/* Blocks that a program keeps at most; a power of 2 */
#define MAX_BLOCKS      256

#define BLOCK_BYTES     (8 * MALI_SHADER_BLOCK)

/*
 * Constants with modifiers get slots of their own only as long as there is room
 * for every constant and uniform without any, alone and in pairs.
 */
#define MAX_PLAIN_FIXED (3 * 32 + 2 * MALI_SHADER_MAX_UNIFORMS)

typedef struct ShaderBlock {
    uint64_t pc;
    MaliShaderOp ops[MALI_SHADER_BLOCK];
} ShaderBlock;

struct MaliShaderProgram {
    unsigned arch;
    MaliShaderFetch fetch;
    void *opaque;
    ShaderBlock *blocks[MAX_BLOCKS];
    MaliShaderFixed fixed[MALI_SHADER_MAX_FIXED];
    unsigned num_fixed;
    uint8_t written[MALI_SHADER_REGISTERS + MALI_SHADER_PAD];
};

/* Where special @index of a page is; 0: there is none */
static unsigned special_slot(unsigned page, unsigned index)
{
    static const uint16_t slots[4][16] = {
        [0] = {
            [2] = MALI_SHADER_SLOT_WARP_ID,
            [4] = MALI_SHADER_SLOT_FRAMEBUFFER_SIZE,
            [5] = MALI_SHADER_SLOT_ATEST_DATUM,
            [6] = MALI_SHADER_SLOT_SAMPLE,
            [8] = MALI_SHADER_SLOT_BLEND_DESCRIPTOR_0,
            [9] = MALI_SHADER_SLOT_BLEND_DESCRIPTOR_0 + 2,
            [10] = MALI_SHADER_SLOT_BLEND_DESCRIPTOR_0 + 4,
            [11] = MALI_SHADER_SLOT_BLEND_DESCRIPTOR_0 + 6,
            [12] = MALI_SHADER_SLOT_BLEND_DESCRIPTOR_0 + 8,
            [13] = MALI_SHADER_SLOT_BLEND_DESCRIPTOR_0 + 10,
            [14] = MALI_SHADER_SLOT_BLEND_DESCRIPTOR_0 + 12,
            [15] = MALI_SHADER_SLOT_BLEND_DESCRIPTOR_0 + 14,
        },
        [1] = {
            [1] = MALI_SHADER_SLOT_THREAD_LOCAL_POINTER,
            [3] = MALI_SHADER_SLOT_WORKGROUP_LOCAL_POINTER,
            [7] = MALI_SHADER_SLOT_RESOURCE_TABLE_POINTER,
        },
        [3] = {
            [1] = MALI_SHADER_SLOT_LANE_ID,
            [3] = MALI_SHADER_SLOT_CORE_ID,
            [15] = MALI_SHADER_SLOT_PROGRAM_COUNTER,
        },
    };

    return slots[page][index];
}

/* The slot with this in it, which is a new one if need be; 0: none is left */
static unsigned fixed_slot(MaliShaderProgram *program,
                           const MaliShaderFixed *wanted, unsigned limit)
{
    bool wide = wanted->prepare & MALI_SHADER_PREPARE_WIDE;
    MaliShaderFixed *row;
    unsigned i;

    for (i = 0; i < program->num_fixed; i++) {
        row = &program->fixed[i];
        if (row->is_uniform == wanted->is_uniform &&
            row->prepare == wanted->prepare && row->value == wanted->value) {
            return MALI_SHADER_SLOT_FIXED + i;
        }
        i += !!(row->prepare & MALI_SHADER_PREPARE_WIDE);
    }
    if (i + wide >= limit) {
        return 0;
    }
    program->fixed[i] = *wanted;
    program->num_fixed = i + 1 + wide;
    return MALI_SHADER_SLOT_FIXED + i;
}

/*
 * Slot of source byte @byte.  What can be done to a constant once and for all
 * is taken out of @prepare.  Returns 0 if there is no such source.
 */
static unsigned source_slot(MaliShaderProgram *program, MaliShaderOp *op,
                            unsigned byte, bool wide,
                            MaliShaderPrepare *prepare)
{
    unsigned page = mali_shader_bits(op->word, 57, 2);
    unsigned value = byte & 63, slot;
    MaliShaderFixed fixed = {
        .prepare = wide ? MALI_SHADER_PREPARE_WIDE : 0,
    };

    if (!(byte & 128)) {
        /* Register 0 is slot 0: a source is never 0, since this is added. */
        return 1 + value;
    }
    if (wide && value % 2 && (!(byte & 64) || value >= 32)) {
        return 0;
    }
    if (byte & 64 && value >= 32) {
        slot = special_slot(page, value / 2 - 16);
        if (!slot) {
            return 0;
        }
        op->reads_pc |= slot == MALI_SHADER_SLOT_PROGRAM_COUNTER;
        return 1 + slot + value % 2;
    }
    fixed.is_uniform = !(byte & 64);
    fixed.value = page * 64 + value;
    if (!fixed.is_uniform) {
        fixed.value = mali_shader_constants(program->arch)[value];
    }
    if (*prepare && !wide) {
        fixed.prepare = *prepare;
        slot = fixed_slot(program, &fixed,
                          MALI_SHADER_MAX_FIXED - MAX_PLAIN_FIXED);
        if (slot) {
            *prepare = 0;
            return 1 + slot;
        }
        fixed.prepare = 0;
    }
    return 1 + fixed_slot(program, &fixed, MALI_SHADER_MAX_FIXED);
}

/* What is to be done to a source first.  Returns false for a reserved value */
static bool decode_prepare(const MaliShaderSource *source, uint64_t word,
                           MaliShaderPrepare *prepare)
{
    unsigned width = mali_shader_swizzle_widths[source->swizzle];
    const char *const *names = mali_shader_swizzles[source->swizzle];
    unsigned value = width ? mali_shader_bits(word, source->swizzle_shift,
                                              width) : 0;

    *prepare = 0;
    if (names && !names[value]) {
        return false;
    }
    /* A value that is not printed leaves the source as it is. */
    if ((names && names[value][0]) ||
        (source->swizzle == MALI_SHADER_SWIZZLE_NOT && value)) {
        *prepare = MALI_SHADER_PREPARE(source->swizzle, value);
    }
    if (source->neg_shift) {
        *prepare |= (word >> source->neg_shift & 1) * MALI_SHADER_PREPARE_NEG |
                    (word >> (source->neg_shift + 1) & 1) *
                    MALI_SHADER_PREPARE_ABS;
    }
    if (*prepare) {
        *prepare |= (source->flavour == MALI_SHADER_SIGNED) *
                    MALI_SHADER_PREPARE_SIGNED |
                    (source->flavour == MALI_SHADER_FLOAT &&
                     source->swizzle != MALI_SHADER_SWIZZLE_H &&
                     source->swizzle != MALI_SHADER_SWIZZLE_F16) *
                    MALI_SHADER_PREPARE_F32 |
                    source->wide * MALI_SHADER_PREPARE_WIDE;
    }
    return true;
}

static bool decode_sources(MaliShaderProgram *program, MaliShaderOp *op,
                           const MaliShaderEncoding *row)
{
    op->num_src = row->num_sources;
    for (unsigned i = 0; i < row->num_sources; i++) {
        const MaliShaderSource *source = &row->sources[i];
        unsigned byte = mali_shader_bits(op->word, source->shift, 8), slot;

        if (!decode_prepare(source, op->word, &op->prepare[i])) {
            return false;
        }
        slot = source_slot(program, op, byte, source->wide, &op->prepare[i]);
        if (!slot) {
            return false;
        }
        op->src[i] = slot - 1;
    }
    return true;
}

static void decode_staging(MaliShaderOp *op, const MaliShaderEncoding *row)
{
    for (unsigned i = 0; i < row->num_staging; i++) {
        const MaliShaderStaging *staging = &row->staging[i];
        unsigned first = mali_shader_bits(op->word, staging->shift, 6);
        unsigned count = MALI_SHADER_FIELD_SR_COUNT(op->word);

        if (staging->count == MALI_SHADER_COUNT_8 && !count) {
            count = 8;
        } else if (staging->count == MALI_SHADER_WRITE_COUNT) {
            count = mali_shader_bits(op->word, 36, 3) + 1;
        }
        if (staging->use == MALI_SHADER_READ) {
            op->read_first = first;
            op->read_count = count;
        } else {
            op->write_first = first;
            op->write_count = count;
        }
    }
}

static void decode_immediates(MaliShaderOp *op, const MaliShaderEncoding *row)
{
    for (unsigned i = 0; i < MALI_SHADER_MAX_IMMEDIATES; i++) {
        const MaliShaderImmediate *imm = &row->immediates[i];

        if (imm->name && i == 0) {
            op->imm = mali_shader_bits(op->word, imm->shift, imm->width);
            if (imm->is_signed) {
                op->imm = (int64_t)((uint64_t)op->imm << (64 - imm->width)) >>
                          (64 - imm->width);
            }
        }
    }
}

static bool decode_destination(MaliShaderOp *op, const MaliShaderEncoding *row)
{
    static const uint32_t masks[] = { 0, 0xffff, 0xffff0000, 0xffffffff };
    unsigned halves = mali_shader_bits(op->word, 46, 2);

    op->destination = row->destination;
    op->dst = mali_shader_bits(op->word, 40, 6);
    op->dst_mask = masks[halves];
    switch (row->destination) {
    case MALI_SHADER_NO_DESTINATION:
        return true;
    case MALI_SHADER_NARROW_DESTINATION:
        if (halves == 3) {
            op->destination = MALI_SHADER_WHOLE_DESTINATION;
        } else if (halves == 0) {
            op->dst_mask = masks[3];
        }
        return true;
    case MALI_SHADER_PAIR_DESTINATION:
        return halves == 3;
    case MALI_SHADER_PARTS_DESTINATION:
        if (halves == 0) {
            op->dst_mask = masks[3];
        }
        return true;
    default:
        return halves != 0;
    }
}

static bool has_reserved_field(uint64_t word, const MaliShaderEncoding *row)
{
    const MaliShaderField *flow =
        &mali_shader_fields[MALI_SHADER_FIELD_ID_FLOW];

    for (unsigned i = 0; i < row->num_fields; i++) {
        const MaliShaderField *field = &mali_shader_fields[row->fields[i]];

        if (field->values &&
            !field->values[mali_shader_bits(word, field->shift,
                                            field->width)]) {
            return true;
        }
    }
    return !flow->values[MALI_SHADER_FIELD_FLOW(word)];
}

/* What is encoded, but nobody has said what it does */
static bool is_unmodelled(const MaliShaderOp *op)
{
    unsigned lane_op;

    switch (op->family) {
    case MALI_SHADER_FAMILY_CLPER:
        lane_op = MALI_SHADER_FIELD_LANE_OP(op->word);
        return lane_op != 0 && lane_op != MALI_SHADER_LANE_OP_XOR &&
               lane_op != MALI_SHADER_LANE_OP_ROTATE;
    case MALI_SHADER_FAMILY_FSIN_TABLE:
    case MALI_SHADER_FAMILY_FCOS_TABLE:
        return MALI_SHADER_FIELD_SINCOS_OFFSET(op->word);
    default:
        return false;
    }
}

/* Registers that a message may write to, whatever it says of their number */
#define MAX_WRITTEN     4

static void note_written(MaliShaderProgram *program, const MaliShaderOp *op)
{
    if (op->destination != MALI_SHADER_NO_DESTINATION) {
        program->written[op->dst] = 1;
        program->written[op->dst + 1] |=
            op->destination == MALI_SHADER_PAIR_DESTINATION;
    }
    if (op->kind == MALI_SHADER_MESSAGE) {
        unsigned count = op->write_count > MAX_WRITTEN ? op->write_count :
                                                         MAX_WRITTEN;

        memset(&program->written[op->write_first], 1, count);
    }
}

static bool has_field(const MaliShaderEncoding *row, unsigned id)
{
    return memchr(row->fields, id, row->num_fields);
}

static void decode(MaliShaderProgram *program, MaliShaderOp *op, uint64_t word,
                   uint64_t pc)
{
    const MaliShaderEncoding *row = mali_shader_find(program->arch, word);

    memset(op, 0, sizeof(*op));
    op->word = word;
    op->kind = MALI_SHADER_INVALID;
    if (!row) {
        return;
    }
    op->id = row - mali_shader_encodings;
    op->family = row->family;
    op->unit = row->unit;
    op->flow = MALI_SHADER_FIELD_FLOW(word);
    if (has_reserved_field(word, row) || !decode_destination(op, row) ||
        is_unmodelled(op) || !decode_sources(program, op, row)) {
        return;
    }
    decode_staging(op, row);
    decode_immediates(op, row);
    if (has_field(row, MALI_SHADER_FIELD_ID_CLAMP)) {
        op->clamp = MALI_SHADER_FIELD_CLAMP(word);
        op->clamp_halves = row->destination == MALI_SHADER_PARTS_DESTINATION;
    }
    op->is_plain = !(op->prepare[0] | op->prepare[1] | op->prepare[2] |
                     op->prepare[3]) && !op->clamp && !op->reads_pc &&
                   op->destination != MALI_SHADER_NARROW_DESTINATION &&
                   op->dst_mask == 0xffffffff;
    op->target = pc + 8 + 8 * (uint64_t)op->imm;
    op->kind = row->kind;
    note_written(program, op);
}

MaliShaderProgram *mali_shader_program_new(unsigned arch, MaliShaderFetch fetch,
                                           void *opaque)
{
    MaliShaderProgram *program = calloc(1, sizeof(*program));

    if (!program) {
        abort();
    }
    program->arch = arch;
    program->fetch = fetch;
    program->opaque = opaque;
    return program;
}

void mali_shader_program_free(MaliShaderProgram *program)
{
    if (program) {
        for (unsigned i = 0; i < MAX_BLOCKS; i++) {
            free(program->blocks[i]);
        }
        free(program);
    }
}

static MaliShaderAccess fill(MaliShaderProgram *program, uint64_t pc)
{
    ShaderBlock **place = &program->blocks[pc / BLOCK_BYTES % MAX_BLOCKS];
    uint64_t words[MALI_SHADER_BLOCK];
    MaliShaderAccess result;

    result = program->fetch(program->opaque, pc, MALI_SHADER_BLOCK, words);
    if (result != MALI_SHADER_ACCESS_DONE) {
        return result;
    }
    if (!*place) {
        *place = malloc(sizeof(**place));
        if (!*place) {
            abort();
        }
    }
    (*place)->pc = pc;
    for (unsigned i = 0; i < MALI_SHADER_BLOCK; i++) {
        decode(program, &(*place)->ops[i], words[i], pc + 8 * i);
    }
    return MALI_SHADER_ACCESS_DONE;
}

MaliShaderAccess mali_shader_program_at(MaliShaderProgram *program,
                                        uint64_t pc, const MaliShaderOp **op)
{
    uint64_t base = pc - pc % BLOCK_BYTES;
    ShaderBlock *const *place =
        &program->blocks[base / BLOCK_BYTES % MAX_BLOCKS];
    MaliShaderAccess result;

    if (!*place || (*place)->pc != base) {
        result = fill(program, base);
        if (result != MALI_SHADER_ACCESS_DONE) {
            return result;
        }
    }
    *op = &(*place)->ops[pc % BLOCK_BYTES / 8];
    return MALI_SHADER_ACCESS_DONE;
}

const uint8_t *mali_shader_program_written(const MaliShaderProgram *program)
{
    return program->written;
}

const MaliShaderFixed *mali_shader_program_fixed(const MaliShaderProgram *p,
                                                 unsigned *count)
{
    *count = p->num_fixed;
    return p->fixed;
}
