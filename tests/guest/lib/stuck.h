/*
 * Tasks that wait in the driver for what nobody will do
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_STUCK_H
#define TESTS_GUEST_LIB_STUCK_H

#include <stdbool.h>
#include <stddef.h>

/* A task in the driver, as it was found; its main thread, if it has several */
typedef struct StuckTask {
    int pid;
    unsigned long switches;
} StuckTask;

#define STUCK_TASKS_MAX 32

/* What was found by the last look */
typedef struct Stuck {
    StuckTask tasks[STUCK_TASKS_MAX];
    unsigned count;
    /* Looks since anything changed */
    unsigned looks;
} Stuck;

/**
 * stuck_look: look once more for tasks that wait in panthor
 * @stuck: zeroed at first
 * @where: receives the function that one of them waits in, if they are stuck
 * @size: bytes at @where
 *
 * True if all who are in the driver sleep, one of them right there, and none of
 * them has run for so many looks that any wait with a limit is over.  Looks at
 * which another task has something to do do not count, so that a host that is
 * late changes nothing.  It does not look while little memory is free.  To be
 * called twice a second.
 */
bool stuck_look(Stuck *stuck, char *where, size_t size);

#endif /* TESTS_GUEST_LIB_STUCK_H */
