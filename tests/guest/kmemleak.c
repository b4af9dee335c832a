/*
 * kmemleak: memory of the driver that nothing points to any more
 *
 * Whatever ran before in this boot has left it behind.  The kernel's own
 * search (Documentation/dev-tools/kmemleak.rst) finds it; only kernels with
 * DEBUG_KMEMLEAK have that: DEBUG=kmemleak.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdio.h>
#include <string.h>

#include "lib/kernel.h"
#include "lib/tap.h"

#define KMEMLEAK "/sys/kernel/debug/kmemleak"
/* Younger objects are not reported: jiffies_min_age in mm/kmemleak.c */
#define MIN_AGE_MS 5500
/* An object has to be met without a pointer to it by more than one */
#define SCANS 3
#define SHOWN 10

/* One object: how it is called, and the first function of the driver */
typedef struct Object {
    char title[256];
    char place[256];
} Object;

static void report(const Object *object, unsigned *count)
{
    if (object->place[0] && (*count)++ < SHOWN) {
        tap_diag("%s, allocated in %s", object->title, object->place);
    }
}

/* How many objects the driver has allocated; -1: the list cannot be read */
static int unreferenced(void)
{
    FILE *f = fopen(KMEMLEAK, "r");
    Object object = { "", "" };
    unsigned count = 0;
    char line[256];

    if (!f) {
        return -1;
    }
    while (fgets(line, sizeof(line), f)) {
        const char *text = line + strspn(line, " ");

        line[strcspn(line, "\n")] = '\0';
        if (!strncmp(text, "unreferenced object", 19)) {
            report(&object, &count);
            snprintf(object.title, sizeof(object.title), "%s", text);
            object.place[0] = '\0';
        } else if (!object.place[0] && strstr(text, "[panthor]")) {
            snprintf(object.place, sizeof(object.place), "%s", text);
        }
    }
    report(&object, &count);
    fclose(f);
    return count;
}

int main(int argc, char **argv)
{
    static const char name[] = "nothing of the driver is without a pointer";
    int count;

    tap_start(argc, argv, NULL, "Searches for memory that nothing points to.");
    if (kernel_write_file(KMEMLEAK, "scan")) {
        tap_skip("the kernel does not search for it; DEBUG=kmemleak does",
                 name);
        return tap_end();
    }
    kernel_sleep_ms(MIN_AGE_MS);
    for (unsigned i = 0; i < SCANS; i++) {
        TAP_MUST(kernel_write_file(KMEMLEAK, "scan"));
    }
    count = unreferenced();
    if (!tap_ok(!count, name) && count > 0) {
        tap_diag("%d objects", count);
    }
    return tap_end();
}
