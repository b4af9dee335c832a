/*
 * The kernel's figures of its slab caches, to see what calls leave behind
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_SLAB_H
#define TESTS_GUEST_LIB_SLAB_H

#include <stdbool.h>

#define SLAB_MAX_CACHES 512

typedef struct SlabCaches {
    struct {
        char name[48];
        long objects;
    } cache[SLAB_MAX_CACHES];
    unsigned count;
} SlabCaches;

/* The objects that each cache has; false: the kernel does not say */
bool slab_read(SlabCaches *caches);

/**
 * slab_keeps: whether one cache has more objects than before, and keeps them
 * @before: what there was
 * @name: the cache
 * @enough: how many more
 * @by: receives how many more it has
 *
 * What is kept for the next allocation, or freed late, is waited for.
 */
bool slab_keeps(const SlabCaches *before, const char *name, long enough,
                long *by);

/**
 * slab_grown: a cache of which slab_keeps() is true
 *
 * Returns its name, which stays until the next call, or NULL.
 */
const char *slab_grown(const SlabCaches *before, long enough, long *by);

#endif /* TESTS_GUEST_LIB_SLAB_H */
