/*
 * Swap, without which panthor evicts nothing, and the shrinker that evicts
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_SWAP_H
#define TESTS_GUEST_LIB_SWAP_H

#include <stdbool.h>

#include "panthor.h"

/*
 * Swap to zram: can_swap() of panthor_gem.c asks for it.  0 or a negative
 * errno; -ENOENT: the kernel has no zram.
 */
int swap_on(void);
void swap_off(void);

/* Have the kernel's shrinkers called; whether the buffer was evicted */
bool swap_reclaim(PanthorDev *dev, const PanthorBo *bo);

#endif /* TESTS_GUEST_LIB_SWAP_H */
