/*
 * mali-shader-disas: text of shader programs of Mali GPUs
 *
 * The table and the disassembler are those of the device model, see
 * hw/gpu/mali-csf/shader/isa.txt.  Any input gives some text; only what is said
 * on the command line, and a file that cannot be read, is an error.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "disas.h"

#define WORD_BYTES  8

typedef enum Format {
    FORMAT_DETECT,
    FORMAT_BINARY,
    FORMAT_TEXT,
} Format;

typedef struct Listing {
    unsigned arch;
    uint64_t va;
    /* Text only, so that it can be compared with another disassembler's */
    int bare;
} Listing;

static const char usage[] =
    "usage: mali-shader-disas [--arch=9..14] [--base=ADDRESS] [--bare] "
    "[--binary|--text] FILE|-\n"
    "Text is lines that begin with eight bytes, as Mesa prints them with\n"
    "BIFROST_MESA_DEBUG=shaders,verbose, or hexadecimal words of 64 bits, or "
    "pairs\nof 32 bits, lower half first.  Other lines are left out.\n";

static void print_word(Listing *listing, uint64_t word)
{
    char text[MALI_SHADER_DISAS_MAX];

    mali_shader_disassemble(text, listing->arch, word);
    if (listing->bare) {
        printf("%s\n", text);
    } else {
        printf("%08" PRIx64 ": %016" PRIx64 "  %s\n", listing->va, word, text);
    }
    listing->va += WORD_BYTES;
}

static void print_binary(Listing *listing, const unsigned char *data,
                         size_t length)
{
    size_t at;

    for (at = 0; length - at >= WORD_BYTES; at += WORD_BYTES) {
        uint64_t word = 0;

        for (unsigned i = 0; i < WORD_BYTES; i++) {
            word |= (uint64_t)data[at + i] << (8 * i);
        }
        print_word(listing, word);
    }
    if (at < length) {
        printf("%08" PRIx64 ": .byte", listing->va);
        for (; at < length; at++) {
            printf(" 0x%02x", data[at]);
        }
        printf("\n");
    }
}

/* The hexadecimal number at *@at, and its digits, or 0; moves on */
static unsigned next_number(const char **at, uint64_t *value)
{
    unsigned digits = 0;

    while (isspace((unsigned char)**at) || **at == ',') {
        ++*at;
    }
    if ((*at)[0] == '0' && ((*at)[1] | 0x20) == 'x') {
        *at += 2;
    }
    for (*value = 0; isxdigit((unsigned char)**at); ++*at, digits++) {
        unsigned digit = isdigit((unsigned char)**at) ?
                         **at - '0' : (**at | 0x20) - 'a' + 10;

        *value = *value << 4 | digit;
    }
    if (**at && !isspace((unsigned char)**at) && **at != ',') {
        return 0;
    }
    return digits;
}

/* Eight bytes, whatever is behind them */
static int line_of_bytes(const char *line, uint64_t *word)
{
    *word = 0;
    for (unsigned i = 0; i < WORD_BYTES; i++) {
        uint64_t byte;

        if (next_number(&line, &byte) != 2) {
            return 0;
        }
        *word |= byte << (8 * i);
    }
    return 1;
}

static void print_line(Listing *listing, const char *line)
{
    uint64_t word, value;
    unsigned digits;

    if (line_of_bytes(line, &word)) {
        print_word(listing, word);
        return;
    }
    while ((digits = next_number(&line, &value)) == 16 || digits == 8) {
        word = value;
        if (digits == 8) {
            if (next_number(&line, &value) != 8) {
                return;
            }
            word |= value << 32;
        }
        print_word(listing, word);
    }
}

static void print_text(Listing *listing, char *data)
{
    char *line = data, *end;

    for (; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        print_line(listing, line);
    }
    print_line(listing, line);
}

static int is_text(const unsigned char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (data[i] >= 0x7f || (data[i] < 0x20 && !isspace(data[i]))) {
            return 0;
        }
    }
    return length > 0;
}

/* The whole of @file, with a zero behind it; NULL if it cannot be read */
static unsigned char *read_all(FILE *file, size_t *length)
{
    unsigned char *data = NULL;
    size_t size = 0;

    *length = 0;
    do {
        if (*length + 1 >= size) {
            unsigned char *more;

            size = size ? size * 2 : 65536;
            more = realloc(data, size);
            if (!more) {
                free(data);
                return NULL;
            }
            data = more;
        }
        *length += fread(data + *length, 1, size - 1 - *length, file);
    } while (!feof(file) && !ferror(file));
    if (ferror(file)) {
        free(data);
        return NULL;
    }
    data[*length] = 0;
    return data;
}

static int fail(const char *message, const char *what)
{
    fprintf(stderr, "mali-shader-disas: %s%s\n", message, what);
    return 2;
}

/* Returns the exit status, or -1 if all is well */
static int parse(int argc, char **argv, Listing *listing, Format *format,
                 const char **name)
{
    char *end;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help")) {
            fputs(usage, stdout);
            return 0;
        } else if (!strncmp(argv[i], "--arch=", 7)) {
            listing->arch = strtoul(argv[i] + 7, &end, 10);
            if (*end || listing->arch < MALI_SHADER_ARCH_FIRST ||
                listing->arch > MALI_SHADER_ARCH_LAST) {
                return fail("--arch is 9 to 14, not ", argv[i] + 7);
            }
        } else if (!strncmp(argv[i], "--base=", 7)) {
            errno = 0;
            listing->va = strtoull(argv[i] + 7, &end, 0);
            if (*end || !argv[i][7] || errno) {
                return fail("--base is an address, not ", argv[i] + 7);
            }
        } else if (!strcmp(argv[i], "--bare")) {
            listing->bare = 1;
        } else if (!strcmp(argv[i], "--binary")) {
            *format = FORMAT_BINARY;
        } else if (!strcmp(argv[i], "--text")) {
            *format = FORMAT_TEXT;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return fail("no such option, see --help: ", argv[i]);
        } else if (*name) {
            return fail("one file, please; this is one more: ", argv[i]);
        } else {
            *name = argv[i];
        }
    }
    if (!*name) {
        fputs(usage, stderr);
        return 2;
    }
    return -1;
}

int main(int argc, char **argv)
{
    Listing listing = { .arch = 10 };
    Format format = FORMAT_DETECT;
    const char *name = NULL;
    unsigned char *data;
    size_t length;
    FILE *file;
    int status = parse(argc, argv, &listing, &format, &name);

    if (status >= 0) {
        return status;
    }
    file = strcmp(name, "-") ? fopen(name, "rb") : stdin;
    data = file ? read_all(file, &length) : NULL;
    if (!data) {
        fprintf(stderr, "mali-shader-disas: %s: %s\n", name, strerror(errno));
        return 1;
    }
    if (format == FORMAT_TEXT ||
        (format == FORMAT_DETECT && is_text(data, length))) {
        print_text(&listing, (char *)data);
    } else {
        print_binary(&listing, data, length);
    }
    free(data);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "mali-shader-disas: output: %s\n", strerror(errno));
        return 1;
    }
    return 0;
}
