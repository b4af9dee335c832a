/*
 * The kernel's figures of its slab caches, to see what calls leave behind
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdio.h>
#include <string.h>

#include "kernel.h"
#include "slab.h"

/* What is freed by work of a queue, or after a grace period of RCU, is then */
#define SETTLE_MS 120
#define SETTLE_TRIES 8

/* Not those of mm/kmemleak.c, which has an object for each of the others */
static bool is_counted(const char *name)
{
    return name[0] != '#' && strncmp(name, "kmemleak_", 9);
}

bool slab_read(SlabCaches *caches)
{
    FILE *f = fopen("/proc/slabinfo", "r");
    char line[512];

    caches->count = 0;
    while (f && fgets(line, sizeof(line), f) &&
           caches->count < SLAB_MAX_CACHES) {
        char *name = caches->cache[caches->count].name;

        if (sscanf(line, "%47s %ld %*d %*d", name,
                   &caches->cache[caches->count].objects) == 2 &&
            is_counted(name)) {
            caches->count++;
        }
    }
    if (f) {
        fclose(f);
    }
    return caches->count;
}

static long objects_of(const SlabCaches *caches, const char *name)
{
    for (unsigned i = 0; i < caches->count; i++) {
        if (!strcmp(caches->cache[i].name, name)) {
            return caches->cache[i].objects;
        }
    }
    return 0;
}

/*
 * Objects that are kept for the next allocation count as used, and so do those
 * that kfree_rcu() has not come round to, which takes it seconds.  It does so
 * when memory is wanted.
 */
static void settle(const char *name)
{
    char path[96];

    kernel_write_file("/proc/sys/vm/drop_caches", "2");
    kernel_sleep_ms(SETTLE_MS);
    snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
    kernel_write_file(path, "1");
}

/*
 * Of these the kernel gives back what is free when there are many only:
 * mm/vmalloc.c, lib/debugobjects.c.  The files of /proc are no driver's.
 */
static bool is_lazy(const char *name)
{
    return !strcmp(name, "vmap_area") || !strcmp(name, "debug_objects_cache") ||
           !strcmp(name, "proc_inode_cache");
}

bool slab_keeps(const SlabCaches *before, const char *name, long enough,
                long *by)
{
    static SlabCaches now;

    for (unsigned tries = 0; tries < SETTLE_TRIES; tries++) {
        settle(name);
        slab_read(&now);
        *by = objects_of(&now, name) - objects_of(before, name);
        if (*by < enough) {
            return false;
        }
    }
    return true;
}

const char *slab_grown(const SlabCaches *before, long enough, long *by)
{
    static SlabCaches after;

    slab_read(&after);
    for (unsigned i = 0; i < after.count; i++) {
        const char *name = after.cache[i].name;

        if (after.cache[i].objects - objects_of(before, name) >= enough &&
            !is_lazy(name) && slab_keeps(before, name, enough, by)) {
            return name;
        }
    }
    return NULL;
}
