/*
 * Mali CSF GPU: the checker on user space and its caches
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_USER_H
#define HW_GPU_MALI_CSF_CHECKER_USER_H

#include "exec/hwaddr.h"

typedef struct MaliCsfState MaliCsfState;
typedef struct MaliCsfLine MaliCsfLine;

typedef struct MaliCsfUserCheck {
    /* Property user-notes: also what user space does not tell the caches */
    bool notes;
    /*
     * What loads have put into L2, by the physical number of the line; NULL
     * before the first.  Those of an earlier generation are not there.
     */
    MaliCsfLine *lines;
    uint64_t generation;
} MaliCsfUserCheck;

/* What happens; see checker.h */

/* A word of @size bytes, 4 or 8, is loaded from @pa, which is at @host */
void mali_csf_check_load(MaliCsfState *s, unsigned as, uint64_t va,
                         hwaddr pa, const void *host, unsigned size);
/*
 * With user-notes: the instruction at @va uses register @reg, which was loaded
 * with no WAIT for scoreboard entry @entry since
 */
void mali_csf_check_register(MaliCsfState *s, unsigned as, uint64_t va,
                             unsigned entry, unsigned reg);
/* A flush by the driver or by a stream is complete */
void mali_csf_check_flush_done(MaliCsfState *s, uint32_t modes);

/* For the checker's other files */

/* A stream stores to @pa: what the GPU stores it has. */
void mali_csf_user_stored(MaliCsfState *s, hwaddr pa, uint64_t size);
/* L2 is invalidated, or off. */
void mali_csf_user_drop_lines(MaliCsfState *s);
void mali_csf_user_forget(MaliCsfState *s);

#endif /* HW_GPU_MALI_CSF_CHECKER_USER_H */
