/*
 * Choices that look random, and that a seed repeats
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_RANDOM_H
#define TESTS_GUEST_LIB_RANDOM_H

#include <stdint.h>

typedef struct Random {
    uint64_t state;
} Random;

/**
 * random_seed: a seed, which is printed
 * @program: "<program>.seed=<number>" on the kernel's command line chooses
 *           it; otherwise it is another one each time
 */
uint64_t random_seed(const char *program);

void random_init(Random *r, uint64_t seed);

/* Any number */
uint64_t random_next(Random *r);

/* A number below @n, which is not 0 */
unsigned random_below(Random *r, unsigned n);

#endif /* TESTS_GUEST_LIB_RANDOM_H */
