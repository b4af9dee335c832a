/*
 * Mali CSF command-stream instructions: the disassembler
 *
 * Text is made of the table alone: name, then each field in the order of its
 * row.  Operands that are registers stand alone; others have their name.
 * Flags that are not set, and masks and scoreboard entries of the usual
 * value 0, are left out.  Like cs/table.c this needs nothing of QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include "hw/gpu/mali-csf/cs-isa.h"
#include "hw/gpu/mali-csf/cs-table.h"

/* Text that is cut off rather than written past its end */
typedef struct Text {
    char *buffer;
    size_t length;
    const char *separator;
} Text;

static void __attribute__((format(printf, 2, 3)))
append(Text *text, const char *format, ...)
{
    size_t left = CS_DISAS_MAX - text->length;
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(text->buffer + text->length, left, format, args);
    va_end(args);
    if (length > 0) {
        text->length += (size_t)length < left ? (size_t)length : left - 1;
    }
}

/* Before each operand */
static void separate(Text *text)
{
    append(text, "%s", text->separator);
    text->separator = ", ";
}

static const CsField *find_kind(const CsInstruction *row, unsigned arch,
                                unsigned kind)
{
    const CsField *field;

    for (field = row->fields; field->kind != CS_FIELD_END; field++) {
        if (field->kind == kind && cs_field_exists(field, arch)) {
            return field;
        }
    }
    return NULL;
}

/* The registers from @base on, of which the bits of @mask are set */
static void append_registers(Text *text, unsigned base, uint64_t mask)
{
    const char *separator = "";
    unsigned first, last;

    append(text, "{");
    for (first = 0; first < 64; first = last + 1) {
        last = first;
        if (!(mask >> first & 1)) {
            continue;
        }
        while (last < 63 && (mask >> (last + 1) & 1)) {
            last++;
        }
        append(text, last > first ? "%sr%u-r%u" : "%sr%u", separator,
               base + first, base + last);
        separator = " ";
    }
    append(text, "}");
}

static void append_field(Text *text, const CsInstruction *row,
                         const CsField *field, uint64_t word, unsigned arch)
{
    uint64_t value = cs_field_get(field, word);
    const CsField *other;

    switch (field->kind) {
    case CS_FIELD_REGISTER:
        separate(text);
        append(text, "r%u", (unsigned)value);
        break;
    case CS_FIELD_PAIR:
        separate(text);
        append(text, "d%u", (unsigned)value);
        break;
    case CS_FIELD_BASE:
        other = find_kind(row, arch, CS_FIELD_LIST);
        separate(text);
        if (other) {
            append_registers(text, value, cs_field_get(other, word));
        } else {
            append(text, "r%u", (unsigned)value);
        }
        break;
    case CS_FIELD_LIST:
        /* BASE has said it, unless there is no register to name. */
        if (!value) {
            other = find_kind(row, arch, CS_FIELD_BASE);
            separate(text);
            append(text, "base=r%u",
                   (unsigned)cs_field_get(other, word));
        }
        break;
    case CS_FIELD_ENDPOINT_REGISTER:
        separate(text);
        append(text, "%s=r%u", field->name, (unsigned)value);
        break;
    case CS_FIELD_ENTRY:
    case CS_FIELD_SIGNAL:
    case CS_FIELD_COUNT:
    case CS_FIELD_UNSIGNED:
        separate(text);
        append(text, "%s=%" PRIu64, field->name, value);
        break;
    case CS_FIELD_SIGNED:
        separate(text);
        /* The sign bit goes to the top and comes back. */
        append(text, "%s=%" PRId64, field->name,
               (int64_t)(value << (64 - field->width)) >>
               (64 - field->width));
        break;
    case CS_FIELD_DEFER:
        if (!value) {
            break;
        }
        /* fall through */
    case CS_FIELD_ENTRIES:
    case CS_FIELD_HEX:
        separate(text);
        append(text, "%s=0x%" PRIx64, field->name, value);
        break;
    case CS_FIELD_ENUM:
        separate(text);
        if (value < field->num_values && field->values[value]) {
            append(text, "%s=%s", field->name, field->values[value]);
        } else {
            append(text, "%s=%" PRIu64, field->name, value);
        }
        break;
    case CS_FIELD_FLAG:
        if (value) {
            separate(text);
            append(text, "%s", field->name);
        }
        break;
    }
}

void cs_disassemble(char *buffer, uint64_t word, unsigned arch)
{
    Text text = { .buffer = buffer, .separator = " " };
    const CsInstruction *row = cs_instruction_find(word >> CS_OPCODE_SHIFT,
                                                   arch);
    const CsField *field;
    uint64_t stray;

    if (!row) {
        append(&text, ".word 0x%016" PRIx64, word);
        return;
    }
    append(&text, "%s", row->name);
    for (field = row->fields; field && field->kind != CS_FIELD_END; field++) {
        if (cs_field_exists(field, arch)) {
            append_field(&text, row, field, word, arch);
        }
    }
    stray = word & ~cs_instruction_mask(row, arch) & ~cs_opcode(0xff);
    if (stray) {
        append(&text, " /* and 0x%" PRIx64 " */", stray);
    }
}
