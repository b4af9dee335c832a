/*
 * Choices that look random, and that a seed repeats
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/random.h>

#include "host.h"
#include "kernel.h"
#include "random.h"
#include "tap.h"

/*
 * In "make explore", many runs begin with the same saved machine, and so with
 * the same random numbers of the kernel's.
 */
static bool seed_of_exploration(const char *name, uint64_t *seed)
{
    char text[32];

    return kernel_explores() &&
           !host_request(text, sizeof(text), "option %s", name) &&
           sscanf(text, "%" SCNu64, seed) == 1;
}

uint64_t random_seed(const char *program)
{
    uint32_t seed32 = 0;
    uint64_t seed;
    char name[64];

    snprintf(name, sizeof(name), "%s.seed", program);
    if (!kernel_option(name, &seed) && !seed_of_exploration(name, &seed)) {
        /* Short enough to be copied by hand */
        if (getrandom(&seed32, sizeof(seed32), GRND_NONBLOCK) !=
            sizeof(seed32)) {
            seed32 = kernel_now_ns();
        }
        seed = seed32;
    }
    tap_diag("KERNEL_ARGS=%s=%" PRIu64 " makes the same choices", name, seed);
    return seed;
}

void random_init(Random *r, uint64_t seed)
{
    r->state = seed;
}

/* SplitMix64, of Steele, Lea and Flood; the constants are theirs */
uint64_t random_next(Random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

unsigned random_below(Random *r, unsigned n)
{
    return random_next(r) % n;
}
