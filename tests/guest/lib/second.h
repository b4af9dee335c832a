/*
 * A second thread, which does one thing at a time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_SECOND_H
#define TESTS_GUEST_LIB_SECOND_H

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

typedef struct Second {
    pthread_t thread;
    /* As gettid() says in that thread, for lib/probe.h */
    int tid;
    sem_t go, done;
    int (*what)(uint32_t arg);
    uint32_t arg;
    int ret;
} Second;

/* Start the thread, which waits; ended by second_close() */
void second_open(Second *s);
void second_close(Second *s);

/* Have it call @what; second_end() waits until that has returned */
void second_start(Second *s, int (*what)(uint32_t arg), uint32_t arg);

/* Returns what the function has */
int second_end(Second *s);

/* Let a thread run on that processor only */
void second_pin(pthread_t thread, int cpu);
/* Let it run on any again */
void second_unpin(pthread_t thread);

#endif /* TESTS_GUEST_LIB_SECOND_H */
