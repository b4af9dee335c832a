/*
 * Mali CSF GPU: all views of guest memory that a device has
 *
 * One is the main thread's: what the MMU puts to it is in force at once.  The
 * others are used by threads of their own, which see it at their next access.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_MMU_VIEWS_H
#define HW_GPU_MALI_CSF_MMU_VIEWS_H

#include "view.h"

struct MaliCsfViews {
    MaliCsfMemView *main;
    QLIST_HEAD(, MaliCsfMemView) threads;
    /* Views that have yet to see something */
    uint32_t unseen;
    /* Runs in the main thread when there is none any more */
    QEMUBH *settled_bh;
    void (*settled)(void *opaque);
    void *opaque;
};

/* @main is initialized; it and @opaque stay the caller's */
void mali_csf_views_init(MaliCsfViews *views, MaliCsfMemView *main,
                         void (*settled)(void *opaque), void *opaque);
/* All threads' views have parted */
void mali_csf_views_finalize(MaliCsfViews *views);

/* Put to every view: what is in force in @as */
void mali_csf_views_put(MaliCsfViews *views, unsigned as,
                        const MaliCsfViewSpace *space);
void mali_csf_views_ignore_locks(MaliCsfViews *views, bool ignore);
/* Put to every view: whether an access may meet an injection */
void mali_csf_views_inject(MaliCsfViews *views, bool injected);

/* The checker is told what threads have used their views for, up to now */
void mali_csf_views_tell(MaliCsfViews *views);
/* Put to every view: accesses are those of protected mode, or not any more */
void mali_csf_views_set_protected(MaliCsfViews *views, bool protected_mode);

/*
 * Put to every view: cached translations are dropped.  Returns how many the
 * main thread's had.
 */
unsigned mali_csf_views_drop_range(MaliCsfViews *views, unsigned as,
                                   uint64_t start, uint64_t last);
unsigned mali_csf_views_drop_all(MaliCsfViews *views);

/* Put to every view: host pointers are void */
void mali_csf_views_forget_host(MaliCsfViews *views);

/* Has every view seen all that was put to it?  If not, settled() is called. */
bool mali_csf_views_settled(MaliCsfViews *views);

/* settled() is called now if it is due: no thread is between enter and leave */
void mali_csf_views_settle(MaliCsfViews *views);

#endif /* HW_GPU_MALI_CSF_MMU_VIEWS_H */
