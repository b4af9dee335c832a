/*
 * mali-csf-disas: text of a Mali CSF command stream
 *
 * The table and the disassembler are those of the device model, see
 * hw/gpu/mali-csf/cs/table.c.  Any input gives some text; only what is said on
 * the command line, and a file that cannot be read, is an error.
 *
 * Not done: following CALL and JUMP, and values of registers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hw/gpu/mali-csf/cs-isa.h"
#include "hw/gpu/mali-csf/cs-table.h"

typedef enum Format {
    FORMAT_DETECT,
    FORMAT_BINARY,
    FORMAT_HEX,
} Format;

static const char usage[] =
    "usage: mali-csf-disas [--arch=10..14] [--base=ADDRESS] [--binary|--hex] "
    "FILE|-\n"
    "       mali-csf-disas --table\n";

/* The whole of @file; NULL if it cannot be read */
static unsigned char *read_all(FILE *file, size_t *length)
{
    unsigned char *data = NULL;
    size_t size = 0;

    *length = 0;
    do {
        if (*length == size) {
            unsigned char *more;

            size = size ? size * 2 : 65536;
            more = realloc(data, size);
            if (!more) {
                free(data);
                return NULL;
            }
            data = more;
        }
        *length += fread(data + *length, 1, size - *length, file);
    } while (!feof(file) && !ferror(file));
    if (ferror(file)) {
        free(data);
        return NULL;
    }
    return data;
}

static void print_word(uint64_t va, uint64_t word, unsigned arch)
{
    char text[CS_DISAS_MAX];

    cs_disassemble(text, word, arch);
    printf("%08" PRIx64 ": %016" PRIx64 "  %s\n", va, word, text);
}

/* 16 if it is no digit */
static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : 16;
}

/*
 * The number that @text is, hexadecimal after 0x, else of @base.  Returns 0 if
 * it is none, or if it has more than 64 bits.
 */
static int parse_number(const char *text, unsigned base, uint64_t *value)
{
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    *value = 0;
    if (!*text) {
        return 0;
    }
    for (; *text; text++) {
        unsigned digit = digit_value(*text);

        if (digit >= base || *value > (UINT64_MAX - digit) / base) {
            return 0;
        }
        *value = *value * base + digit;
    }
    return 1;
}

/* Length of the hexadecimal number at @text, its 0x included; 0 if none */
static size_t hex_length(const unsigned char *text, size_t left)
{
    size_t start = left > 1 && text[0] == '0' && (text[1] | 0x20) == 'x' ?
                   2 : 0;
    size_t i = start;

    while (i < left && isxdigit(text[i])) {
        i++;
    }
    return i - start >= 1 && i - start <= 16 ? i : 0;
}

/* Between the numbers: white space and commas, and what follows a # */
static size_t skip_blank(const unsigned char *text, size_t left)
{
    size_t i = 0;

    while (i < left) {
        if (text[i] == '#') {
            while (i < left && text[i] != '\n') {
                i++;
            }
        } else if (isspace(text[i]) || text[i] == ',') {
            i++;
        } else {
            break;
        }
    }
    return i;
}

/* Is all of it hexadecimal numbers? */
static int is_hex(const unsigned char *data, size_t length)
{
    size_t at = skip_blank(data, length);
    size_t found = 0;

    while (at < length) {
        size_t number = hex_length(data + at, length - at);

        if (!number) {
            return 0;
        }
        at += number;
        if (at < length && !skip_blank(data + at, length - at)) {
            return 0;
        }
        at += skip_blank(data + at, length - at);
        found++;
    }
    return found > 0;
}

static void print_binary(const unsigned char *data, size_t length,
                         uint64_t va, unsigned arch)
{
    size_t at, i;

    for (at = 0; length - at >= 8; at += 8, va += 8) {
        uint64_t word = 0;

        for (i = 0; i < 8; i++) {
            word |= (uint64_t)data[at + i] << i * 8;
        }
        print_word(va, word, arch);
    }
    if (at < length) {
        printf("%08" PRIx64 ": .byte", va);
        for (; at < length; at++) {
            printf(" 0x%02x", data[at]);
        }
        printf("\n");
    }
}

static void print_hex(const unsigned char *data, size_t length, uint64_t va,
                      unsigned arch)
{
    size_t at = skip_blank(data, length);

    while (at < length) {
        size_t number = hex_length(data + at, length - at);
        char text[32] = "";
        uint64_t word;

        memcpy(text, data + at, number);
        if (number && parse_number(text, 16, &word)) {
            print_word(va, word, arch);
            va += 8;
        } else {
            /* Something else, up to the next blank */
            while (at + number < length &&
                   !skip_blank(data + at + number, length - at - number)) {
                number++;
            }
            printf("%08" PRIx64 ": not a word of up to 16 digits: ", va);
            for (size_t i = 0; i < number; i++) {
                putchar(isprint(data[at + i]) ? data[at + i] : '?');
            }
            printf("\n");
        }
        at += number;
        at += skip_blank(data + at, length - at);
    }
}

static void print_range(unsigned min_arch, unsigned max_arch)
{
    printf("%u-%u", min_arch ? min_arch : CS_ARCH_FIRST,
           max_arch ? max_arch : CS_ARCH_LAST);
}

/*
 * The table, one instruction a line: opcode, name, architectures, and each
 * field as name[bits], with its architectures if those are not the row's
 */
static void print_table(void)
{
    size_t i;

    for (i = 0; i < cs_num_instructions; i++) {
        const CsInstruction *row = &cs_instructions[i];
        const CsField *field = row->fields;

        printf("%u %s ", row->opcode, row->name);
        print_range(row->min_arch, row->max_arch);
        for (; field && field->kind != CS_FIELD_END; field++) {
            if (field->width == 1) {
                printf(" %s[%u]", field->name, field->shift);
            } else {
                printf(" %s[%u:%u]", field->name,
                       field->shift + field->width - 1, field->shift);
            }
            if ((field->min_arch > row->min_arch &&
                 field->min_arch > CS_ARCH_FIRST) ||
                (field->max_arch &&
                 (!row->max_arch || field->max_arch < row->max_arch))) {
                printf("/");
                print_range(field->min_arch > row->min_arch ?
                            field->min_arch : row->min_arch,
                            field->max_arch && (!row->max_arch ||
                            field->max_arch < row->max_arch) ?
                            field->max_arch : row->max_arch);
            }
        }
        printf("\n");
    }
}

static int fail(const char *message, const char *what)
{
    fprintf(stderr, "mali-csf-disas: %s%s\n", message, what);
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t arch = CS_ARCH_FIRST;
    Format format = FORMAT_DETECT;
    const char *name = NULL;
    unsigned char *data;
    uint64_t base = 0;
    size_t length;
    FILE *file;
    int i;

    for (i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help")) {
            fputs(usage, stdout);
            return 0;
        } else if (!strcmp(argv[i], "--table")) {
            print_table();
            return 0;
        } else if (!strncmp(argv[i], "--arch=", 7)) {
            if (!parse_number(argv[i] + 7, 10, &arch) ||
                arch < CS_ARCH_FIRST || arch > CS_ARCH_LAST) {
                return fail("--arch is 10 to 14, not ", argv[i] + 7);
            }
        } else if (!strncmp(argv[i], "--base=", 7)) {
            if (!parse_number(argv[i] + 7, 10, &base)) {
                return fail("--base is an address, not ", argv[i] + 7);
            }
        } else if (!strcmp(argv[i], "--binary")) {
            format = FORMAT_BINARY;
        } else if (!strcmp(argv[i], "--hex")) {
            format = FORMAT_HEX;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return fail("no such option, see --help: ", argv[i]);
        } else if (name) {
            return fail("one file, please; this is one more: ", argv[i]);
        } else {
            name = argv[i];
        }
    }
    if (!name) {
        fputs(usage, stderr);
        return 2;
    }

    file = strcmp(name, "-") ? fopen(name, "rb") : stdin;
    data = file ? read_all(file, &length) : NULL;
    if (!data) {
        fprintf(stderr, "mali-csf-disas: %s: %s\n", name, strerror(errno));
        return 1;
    }
    if (format == FORMAT_DETECT) {
        format = is_hex(data, length) ? FORMAT_HEX : FORMAT_BINARY;
    }
    if (format == FORMAT_HEX) {
        print_hex(data, length, base, arch);
    } else {
        print_binary(data, length, base, arch);
    }
    free(data);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "mali-csf-disas: output: %s\n", strerror(errno));
        return 1;
    }
    return 0;
}
