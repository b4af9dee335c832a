/*
 * Probes on functions of the kernel: they count calls, or make them slow
 *
 * A mistake that shows only if two threads meet at one place seldom shows: the
 * place is a few instructions long.  A function that is called there, made to
 * take milliseconds, has them meet each time.  A correct driver does not mind,
 * since it holds a lock there.
 *
 * The delay is a BPF program on a kprobe.  It needs root, CONFIG_BPF_EVENTS and
 * Linux 6.9 (may_goto).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_PROBE_H
#define TESTS_GUEST_LIB_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* Processors that are counted on, and calls of a function that are slow */
#define PROBE_MAX_EVENTS 32

typedef struct Probe {
    int event[PROBE_MAX_EVENTS];
    unsigned count;
    int program;
} Probe;

/* When a function is made slow */
typedef enum ProbePlace {
    /*
     * Before its first instruction, with interrupts off and, as far as RCU
     * knows, in a reader's section
     */
    PROBE_ENTRY,
    /* When it has returned, with preemption off */
    PROBE_RETURN,
} ProbePlace;

/**
 * probe_delay: make a function slow
 * @p: ended by probe_close(), also after a failure
 * @function: its name in /proc/kallsyms
 * @place: where
 * @us: how long, in microseconds; 250,000 at most
 * @tid: of that thread only, a value of gettid(); 0: of all
 *
 * Returns 0 or a negative errno; -ENOENT: there is no such function, or it is
 * one that has no probes.
 */
int probe_delay(Probe *p, const char *function, ProbePlace place, unsigned us,
                int tid);

/**
 * probe_delay_calls: make a function slow after each call that it makes
 * @p: ended by probe_close(), also after a failure
 * @function: its name, in panthor's module
 * @us: how long after each call, in microseconds
 * @tid: as for probe_delay()
 *
 * So what the called function has found is used late.  Functions of the
 * kernel's lib/, such as those that look handles up, have no probes of their
 * own.  Returns as probe_delay() does; -ENOENT also for a function that the
 * compiler has put into its callers, and if the module's file is compressed.
 */
int probe_delay_calls(Probe *p, const char *function, unsigned us, int tid);

/*
 * The same two; what cannot be had is said.  Where the compiler was free to do
 * so, as in Debian's own modules, some functions are part of their callers.
 */
int probe_slow(Probe *p, const char *function, unsigned us, int tid);
int probe_slow_calls(Probe *p, const char *function, unsigned us, int tid);

/**
 * probe_count: count the calls of a function
 * @p: ended by probe_close(), also after a failure
 * @function: its name
 *
 * Returns as probe_delay() does.
 */
int probe_count(Probe *p, const char *function);

/* How often it was called since then */
uint64_t probe_read(const Probe *p);

void probe_close(Probe *p);

/**
 * probe_skip: have the next call of a function by this thread left out
 * @calls: its name, in panthor's module, and what it then returns; or two of
 *         each, with blanks between them
 *
 * Ended by probe_skip_end(), also after a failure.  It needs a driver that
 * scripts/build-panthor.py has built, see tests/kernel/skip_call.c.  Returns 0
 * or a negative errno.
 */
int probe_skip(const char *calls);

/* How many calls were left out, or a negative errno */
int probe_skip_end(void);

/* Whether probe_skip() can be had: NULL, or why not */
const char *probe_skip_missing(void);

/* Whether probe_delay() can be had: NULL, or why not */
const char *probe_missing(void);

#endif /* TESTS_GUEST_LIB_PROBE_H */
