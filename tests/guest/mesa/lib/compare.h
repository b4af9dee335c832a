/*
 * How far two results are apart
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_MESA_LIB_COMPARE_H
#define TESTS_GUEST_MESA_LIB_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum CompareKind {
    COMPARE_WORDS,      /* the distance is the difference of two integers */
    COMPARE_FLOATS,     /* units in the last place; NaN equals NaN */
    COMPARE_HALVES,     /* two in a word, else the same */
} CompareKind;

typedef struct Tolerance {
    CompareKind kind;
    double distance;    /* at most this; or: */
    double absolute;    /* a difference of at most this */
} Tolerance;

typedef struct Comparison {
    uint64_t wrong;         /* words beyond the tolerance */
    size_t first;           /* the first one of these */
    uint32_t expected, found;
    double worst;           /* distance, of any word */
} Comparison;

/**
 * compare: two arrays of words
 * @tolerances: of word i counts number i modulo @num
 * @comparison: is added to; set to zero before the first call
 */
void compare(const uint32_t *expected, const uint32_t *found, size_t words,
             const Tolerance *tolerances, unsigned num, Comparison *comparison);

float half_to_float(uint16_t half);
/* To the nearest, ties to even */
uint16_t float_to_half(float value);

#endif /* TESTS_GUEST_MESA_LIB_COMPARE_H */
