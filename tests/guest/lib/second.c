/*
 * A second thread, which does one thing at a time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "second.h"
#include "tap.h"

static void *second_thread(void *opaque)
{
    Second *s = opaque;

    s->tid = syscall(SYS_gettid);
    sem_post(&s->done);
    for (;;) {
        sem_wait(&s->go);
        if (!s->what) {
            return NULL;
        }
        s->ret = s->what(s->arg);
        sem_post(&s->done);
    }
}

void second_open(Second *s)
{
    sem_init(&s->go, 0, 0);
    sem_init(&s->done, 0, 0);
    TAP_MUST(-pthread_create(&s->thread, NULL, second_thread, s));
    sem_wait(&s->done);
}

void second_close(Second *s)
{
    s->what = NULL;
    sem_post(&s->go);
    pthread_join(s->thread, NULL);
}

void second_start(Second *s, int (*what)(uint32_t arg), uint32_t arg)
{
    s->what = what;
    s->arg = arg;
    sem_post(&s->go);
}

int second_end(Second *s)
{
    sem_wait(&s->done);
    return s->ret;
}

void second_pin(pthread_t thread, int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pthread_setaffinity_np(thread, sizeof(set), &set);
}

void second_unpin(pthread_t thread)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;

    CPU_ZERO(&set);
    for (long cpu = 0; cpu < cpus; cpu++) {
        CPU_SET(cpu, &set);
    }
    pthread_setaffinity_np(thread, sizeof(set), &set);
}
