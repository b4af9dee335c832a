/*
 * Buffers that huge pages are behind: what the CPU writes there, and jobs that
 * read it page by page
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_LIB_BLOCK_H
#define TESTS_GUEST_LIB_BLOCK_H

#include <stdint.h>

#include "panthor.h"
#include "stream.h"

/* The word of each page that the GPU reads, in bytes */
#define BLOCK_PROBE 0xabc
/* The pair of registers that says where the next word goes */
#define BLOCK_REG_TO 2

/* What word @index of a buffer holds; @seed tells the buffers apart */
uint32_t block_value(uint32_t seed, uint64_t index);

/* Write that to the first @bytes of a buffer */
void block_fill(PanthorBo *bo, uint64_t bytes, uint32_t seed);

/*
 * One word of every page from @va to @end, to where r2:r3 says.  Overwrites r0
 * to r6.
 */
void block_emit_reads(Stream *s, uint64_t va, uint64_t end);

/*
 * Whether each 2 MiB of a buffer is one folio.  The driver looks at the folios;
 * a block of several smaller ones it takes for small pages, and then breaks
 * (docs/findings.rst).  NULL, or in words what is wrong.
 */
const char *block_problem(const PanthorBo *bo, unsigned blocks);

#endif /* TESTS_GUEST_LIB_BLOCK_H */
