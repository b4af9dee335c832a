/*
 * Mali shader cores: text of instructions, and words of their fields
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "disas.h"

/* Text that is cut off rather than written past its end */
typedef struct ShaderText {
    char *buffer;
    size_t length;
    const char *separator;
    uint64_t word;
    /* A source has named it */
    bool page_is_told;
} ShaderText;

static void __attribute__((format(printf, 2, 3)))
append(ShaderText *text, const char *format, ...)
{
    size_t left = MALI_SHADER_DISAS_MAX - text->length;
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(text->buffer + text->length, left, format, args);
    va_end(args);
    if (length > 0) {
        text->length += (size_t)length < left ? (size_t)length : left - 1;
    }
}

static void separate(ShaderText *text)
{
    append(text, "%s", text->separator);
    text->separator = ", ";
}

/* ".name"; a reserved value is a number, one that is not printed is nothing */
static void append_value(ShaderText *text, const char *const *names, unsigned value)
{
    if (!names[value]) {
        append(text, ".reserved%u", value);
    } else if (names[value][0]) {
        append(text, ".%s", names[value]);
    }
}

static void append_field(ShaderText *text, unsigned id)
{
    const MaliShaderField *field = &mali_shader_fields[id];
    unsigned value = mali_shader_bits(text->word, field->shift, field->width);

    if (field->values) {
        append_value(text, field->values, value);
    } else if (field->width == 1 && value) {
        append(text, ".%s", field->name);
    }
}

static const char *special_name(unsigned page, unsigned index)
{
    static const char *const names[4][16] = {
        [0] = {
            [2] = "warp_id", [4] = "framebuffer_size", [5] = "atest_datum",
            [6] = "sample", [8] = "blend_descriptor_0", "blend_descriptor_1",
            "blend_descriptor_2", "blend_descriptor_3", "blend_descriptor_4",
            "blend_descriptor_5", "blend_descriptor_6", "blend_descriptor_7",
        },
        [1] = {
            [1] = "thread_local_pointer", [3] = "workgroup_local_pointer",
            [7] = "resource_table_pointer",
        },
        [3] = {
            [1] = "lane_id", [3] = "core_id", [15] = "program_counter",
        },
    };

    return names[page][index];
}

static void append_source_name(ShaderText *text, unsigned arch, unsigned byte)
{
    unsigned page = mali_shader_bits(text->word, 57, 2), value = byte & 63;

    text->page_is_told |= byte & 128 && (!(byte & 64) || value >= 32);
    if (!(byte & 128)) {
        append(text, "r%u%s", value, byte & 64 ? "^" : "");
    } else if (!(byte & 64)) {
        append(text, "u%u.w%u", (page * 64 + value) / 2, value % 2);
    } else if (value < 32) {
        append(text, "0x%" PRIX32 "%s", mali_shader_constants(arch)[value],
               value == 21 ? ".k21" : "");
    } else if (special_name(page, value / 2 - 16)) {
        append(text, "%s.w%u", special_name(page, value / 2 - 16), value % 2);
    } else {
        append(text, "reserved%u_%u.w%u", page, value / 2 - 16, value % 2);
    }
}

static void append_source(ShaderText *text, unsigned arch,
                          const MaliShaderSource *source)
{
    unsigned byte = mali_shader_bits(text->word, source->shift, 8);
    unsigned width = mali_shader_swizzle_widths[source->swizzle];
    const char *const *names = mali_shader_swizzles[source->swizzle];

    separate(text);
    if (source->wide && !(byte & 128)) {
        append(text, "[r%u%s:r%u%s]", byte & 63, byte & 64 ? "^" : "",
               (byte & 63) + 1, byte & 64 ? "^" : "");
    } else {
        append_source_name(text, arch, byte);
    }
    if (source->neg_shift && text->word >> source->neg_shift & 1) {
        append(text, ".neg");
    }
    if (source->neg_shift && text->word >> (source->neg_shift + 1) & 1) {
        append(text, ".abs");
    }
    if (names) {
        append_value(text, names, mali_shader_bits(text->word,
                                                   source->swizzle_shift,
                                                   width));
    } else if (source->swizzle == MALI_SHADER_SWIZZLE_NOT &&
               text->word >> source->swizzle_shift & 1) {
        append(text, ".not");
    } else if (source->swizzle == MALI_SHADER_SWIZZLE_COMBINE) {
        append_field(text, MALI_SHADER_FIELD_ID_COMBINE);
    }
}

static void append_destination(ShaderText *text, const MaliShaderEncoding *row)
{
    static const char *const halves[] = { ".h01", ".h0", ".h1", "" };
    unsigned number = mali_shader_bits(text->word, 40, 6);

    if (row->destination == MALI_SHADER_NO_DESTINATION) {
        return;
    }
    separate(text);
    if (row->destination == MALI_SHADER_PAIR_DESTINATION) {
        append(text, "[r%u:r%u]", number, number + 1);
    } else {
        append(text, "r%u", number);
    }
    append(text, "%s", halves[mali_shader_bits(text->word, 46, 2)]);
}

static void append_staging(ShaderText *text, const MaliShaderStaging *staging)
{
    unsigned first = mali_shader_bits(text->word, staging->shift, 6);
    unsigned count = MALI_SHADER_FIELD_SR_COUNT(text->word);

    if (staging->count == MALI_SHADER_WRITE_COUNT) {
        count = mali_shader_bits(text->word, 36, 3) + 1;
    } else if (staging->count == MALI_SHADER_COUNT_8 && !count) {
        count = 8;
    }
    separate(text);
    append(text, "@");
    if (!count) {
        /* Which one it would be */
        append(text, "none%u", first);
    }
    for (unsigned i = 0; i < count; i++) {
        append(text, "%sr%u", i ? ":" : "", first + i);
    }
}

static void append_immediate(ShaderText *text, const MaliShaderImmediate *imm)
{
    uint64_t value = mali_shader_bits(text->word, imm->shift, imm->width);
    bool constant = !strcmp(imm->name, "constant");

    separate(text);
    append(text, "%s%s", constant ? "#" : imm->name, constant ? "" : ":");
    if (imm->is_signed) {
        append(text, "%" PRId64,
               (int64_t)(value << (64 - imm->width)) >> (64 - imm->width));
    } else {
        append(text, "0x%" PRIX64, value);
    }
}

static MaliShaderPiece piece(uint64_t word, unsigned shift, unsigned width)
{
    return (MaliShaderPiece) {
        shift, width, mali_shader_bits(word, shift, width),
    };
}

static unsigned split_source(const MaliShaderSource *source, uint64_t word,
                             MaliShaderPiece *pieces)
{
    unsigned width = mali_shader_swizzle_widths[source->swizzle], count = 0;

    pieces[count++] = piece(word, source->shift, 8);
    if (width) {
        pieces[count++] = piece(word, source->swizzle_shift, width);
    }
    if (source->neg_shift) {
        pieces[count++] = piece(word, source->neg_shift, 2);
    }
    return count;
}

static unsigned split_staging(const MaliShaderStaging *staging, uint64_t word,
                              MaliShaderPiece *pieces)
{
    bool is_write_count = staging->count == MALI_SHADER_WRITE_COUNT;

    pieces[0] = piece(word, staging->shift, 6);
    pieces[1] = piece(word, is_write_count ? 36 : 33, 3);
    return 2;
}

/* All but what is left over.  The bits that they cover are taken from @rest. */
static unsigned split_known(const MaliShaderEncoding *row, uint64_t word,
                            MaliShaderPiece *pieces, uint64_t *rest)
{
    unsigned count = 0;

    pieces[count++] = piece(word, 59, 4);
    pieces[count++] = piece(word, 57, 2);
    for (unsigned i = 0; i < row->num_fields; i++) {
        const MaliShaderField *field = &mali_shader_fields[row->fields[i]];

        pieces[count++] = piece(word, field->shift, field->width);
    }
    if (row->destination != MALI_SHADER_NO_DESTINATION) {
        pieces[count++] = piece(word, 40, 8);
    }
    for (unsigned i = 0; i < row->num_staging; i++) {
        count += split_staging(&row->staging[i], word, pieces + count);
    }
    for (unsigned i = 0; i < row->num_sources; i++) {
        count += split_source(&row->sources[i], word, pieces + count);
    }
    for (unsigned i = 0; i < MALI_SHADER_MAX_IMMEDIATES; i++) {
        const MaliShaderImmediate *imm = &row->immediates[i];

        if (imm->name) {
            pieces[count++] = piece(word, imm->shift, imm->width);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        *rest &= ~(((UINT64_C(1) << pieces[i].width) - 1) << pieces[i].shift);
    }
    return count;
}

unsigned mali_shader_split(const MaliShaderEncoding *row, uint64_t word,
                           MaliShaderPiece *pieces)
{
    uint64_t rest = ~row->mask;
    unsigned count = split_known(row, word, pieces, &rest);

    pieces[count++] = (MaliShaderPiece) { 0, 64, word & rest };
    return count;
}

uint64_t mali_shader_assemble(const MaliShaderEncoding *row,
                              const MaliShaderPiece *pieces, unsigned count)
{
    uint64_t word = row->match, seen = row->mask;

    for (unsigned i = 0; i < count; i++) {
        uint64_t bits = pieces[i].value << pieces[i].shift;
        uint64_t mask = pieces[i].width == 64 ? bits :
                        ((UINT64_C(1) << pieces[i].width) - 1)
                        << pieces[i].shift;

        if ((seen & mask) || (bits & ~mask)) {
            return UINT64_MAX;
        }
        seen |= mask;
        word |= bits;
    }
    return word;
}

/* Bits that mean nothing, as far as they are not what they usually are */
static uint64_t unusual_bits(const MaliShaderEncoding *row, uint64_t word)
{
    MaliShaderPiece pieces[MALI_SHADER_MAX_PIECES];
    uint64_t rest = ~row->mask;

    split_known(row, word, pieces, &rest);
    word &= rest;
    for (unsigned i = 0; i < row->num_hidden; i++) {
        word ^= (uint64_t)row->hidden[i].value << row->hidden[i].shift;
    }
    return word;
}

void mali_shader_disassemble(char *buffer, unsigned arch, uint64_t word)
{
    const MaliShaderEncoding *row = mali_shader_find(arch, word);
    ShaderText text = { .buffer = buffer, .separator = " ", .word = word };
    uint64_t unusual;

    if (!row) {
        append(&text, ".word 0x%016" PRIx64, word);
        return;
    }
    append(&text, "%s", row->name);
    for (unsigned i = 0; i < row->num_fields; i++) {
        append_field(&text, row->fields[i]);
    }
    append_field(&text, MALI_SHADER_FIELD_ID_FLOW);
    append_destination(&text, row);
    for (unsigned i = 0; i < row->num_staging; i++) {
        append_staging(&text, &row->staging[i]);
    }
    for (unsigned i = 0; i < row->num_sources; i++) {
        append_source(&text, arch, &row->sources[i]);
    }
    for (unsigned i = 0; i < MALI_SHADER_MAX_IMMEDIATES; i++) {
        if (row->immediates[i].name) {
            append_immediate(&text, &row->immediates[i]);
        }
    }
    unusual = unusual_bits(row, word);
    if (!text.page_is_told) {
        unusual |= word & UINT64_C(3) << 57;
    }
    if (unusual) {
        append(&text, " /* and 0x%" PRIx64 " */", unusual);
    }
}
