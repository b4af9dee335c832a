/*
 * Mali CSF GPU: all views of guest memory that a device has
 *
 * A thread may be in the midst of an access when the driver locks a region, and
 * the main thread, which holds QEMU's big lock, must not wait for it: the host
 * may have taken the processor from it.  So what the MMU changes is put to the
 * thread's view, the thread takes it over between two accesses, and the last
 * one to do so has the main thread complete the driver's command.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "uses.h"
#include "views.h"

/* What changed is in view->changes, whose lock is held. */
static void put(MaliCsfMemView *view)
{
    if (view->seen == view->put) {
        qatomic_inc(&view->views->unseen);
    }
    qatomic_set(&view->put, view->put + 1);
    if (!view->entered) {
        mali_csf_view_take_over(view);
    }
}

static void run_settled(void *opaque)
{
    MaliCsfViews *views = opaque;

    if (mali_csf_views_settled(views)) {
        views->settled(views->opaque);
    }
}

void mali_csf_views_init(MaliCsfViews *views, MaliCsfMemView *main,
                         void (*settled)(void *opaque), void *opaque)
{
    views->main = main;
    QLIST_INIT(&views->threads);
    views->unseen = 0;
    views->settled_bh = qemu_bh_new(run_settled, views);
    views->settled = settled;
    views->opaque = opaque;
}

void mali_csf_views_finalize(MaliCsfViews *views)
{
    assert(QLIST_EMPTY(&views->threads));
    qemu_bh_delete(views->settled_bh);
}

void mali_csf_views_put(MaliCsfViews *views, unsigned as,
                        const MaliCsfViewSpace *space)
{
    MaliCsfMemView *view;

    views->main->spaces[as] = *space;
    QLIST_FOREACH(view, &views->threads, next) {
        QEMU_LOCK_GUARD(&view->lock);
        view->changes.spaces |= 1u << as;
        view->changes.space[as] = *space;
        put(view);
    }
}

void mali_csf_views_ignore_locks(MaliCsfViews *views, bool ignore)
{
    MaliCsfMemView *view;

    views->main->ignore_locks = ignore;
    QLIST_FOREACH(view, &views->threads, next) {
        QEMU_LOCK_GUARD(&view->lock);
        view->changes.ignore_locks = ignore;
        put(view);
    }
}

void mali_csf_views_inject(MaliCsfViews *views, bool injected)
{
    MaliCsfMemView *view;

    QLIST_FOREACH(view, &views->threads, next) {
        QEMU_LOCK_GUARD(&view->lock);
        view->changes.injected = injected;
        put(view);
    }
}

void mali_csf_views_set_protected(MaliCsfViews *views, bool protected_mode)
{
    MaliCsfMemView *view;

    mali_csf_view_set_protected(views->main, protected_mode);
    QLIST_FOREACH(view, &views->threads, next) {
        QEMU_LOCK_GUARD(&view->lock);
        view->changes.protected_mode = protected_mode;
        put(view);
    }
}

void mali_csf_views_tell(MaliCsfViews *views)
{
    MaliCsfMemView *view;

    QLIST_FOREACH(view, &views->threads, next) {
        if (view->uses) {
            mali_csf_uses_tell(view->uses);
        }
    }
}

unsigned mali_csf_views_drop_range(MaliCsfViews *views, unsigned as,
                                   uint64_t start, uint64_t last)
{
    MaliCsfMemView *view;

    QLIST_FOREACH(view, &views->threads, next) {
        MaliCsfViewChanges *changes = &view->changes;

        QEMU_LOCK_GUARD(&view->lock);
        if (changes->num_drops < MALI_CSF_VIEW_DROPS) {
            unsigned i = changes->num_drops++;

            changes->drops[i].as = as;
            changes->drops[i].start = start;
            changes->drops[i].last = last;
        } else {
            changes->drop_all = true;
        }
        put(view);
    }
    return mali_csf_tlb_drop_range(&views->main->tlb, as, start, last);
}

unsigned mali_csf_views_drop_all(MaliCsfViews *views)
{
    MaliCsfMemView *view;

    QLIST_FOREACH(view, &views->threads, next) {
        QEMU_LOCK_GUARD(&view->lock);
        view->changes.drop_all = true;
        put(view);
    }
    return mali_csf_tlb_drop_all(&views->main->tlb);
}

void mali_csf_views_forget_host(MaliCsfViews *views)
{
    MaliCsfMemView *view;

    QLIST_FOREACH(view, &views->threads, next) {
        QEMU_LOCK_GUARD(&view->lock);
        view->changes.forget_host = true;
        put(view);
    }
    mali_csf_tlb_forget_host(&views->main->tlb);
}

bool mali_csf_views_settled(MaliCsfViews *views)
{
    return !qatomic_read(&views->unseen);
}

void mali_csf_views_settle(MaliCsfViews *views)
{
    assert(mali_csf_views_settled(views));
    qemu_bh_cancel(views->settled_bh);
    views->settled(views->opaque);
}
