/*
 * Mali CSF GPU: the checker's rules about page tables: what changes in them,
 * and which region is held then
 *
 * A finding about page tables stays pending until its space is locked or used
 * again, since suspend, recycling and the fault handler may take the space
 * away from a VM_BIND that is under way; then nobody ever uses what is in the
 * tables.  A space that ever saw FLUSH_PT or FLUSH_MEM is of a driver that
 * edits first and flushes then.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"
#include "../trace.h"

/* A busy host can hold a vCPU up for seconds. */
#define LOCK_HELD_MAX_NS            1000000000ll
/* Pages whose stores are followed; more, and none is */
#define MAX_DIRTY_PAGES             4096
/*
 * Steps of a FLUSH_CACHES, which looks at several spaces: for those that hold
 * a region, of which one may be as large as can be, and for the others
 */
#define FLUSH_MAX_STEPS             MALI_CSF_SNAPSHOT_MAX_TABLES
#define FLUSH_OTHERS_MAX_STEPS      1024
/* Trace events for what changed, of a judgement; the last one has the rest */
#define MAX_CHANGED_EVENTS          64

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* Pending findings */

void mali_csf_report_later(MaliCsfState *s, const MaliCsfFinding *f)
{
    MaliCsfTablesCheck *tables = &s->checker.as[f->as].tables;

    if (tables->num_pending < MALI_CSF_MAX_PENDING) {
        tables->pending[tables->num_pending++] = *f;
    }
}

/* The space is used or locked again, with the same tables: it was wrong */
void mali_csf_confirm_pending(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];
    unsigned n = c->tables.num_pending;

    c->tables.num_pending = 0;
    for (unsigned i = 0; i < n; i++) {
        mali_csf_report(s, &c->tables.pending[i]);
    }
}

/* The tables went out of use: whatever was wrong in them did no harm */
void mali_csf_drop_pending(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    for (unsigned i = 0; i < c->tables.num_pending; i++) {
        mali_csf_report_as(s, MALI_CSF_NOTE_DROPPED, &c->tables.pending[i]);
    }
    c->tables.num_pending = 0;
}

/* Dirty lines */

static void dirty_clear(MaliCsfDirtyPages *dirty)
{
    *dirty = (MaliCsfDirtyPages) { .pages = dirty->pages };
}

static void dirty_add(MaliCsfDirtyPages *dirty, uint64_t va)
{
    uint64_t page = va >> 12;
    IntervalTreeNode *node;

    if (dirty->overflow ||
        interval_tree_iter_first(&dirty->tree, page, page)) {
        return;
    }
    if (dirty->count == MAX_DIRTY_PAGES) {
        dirty->overflow = true;
        return;
    }
    if (!dirty->pages) {
        dirty->pages = g_new(IntervalTreeNode, MAX_DIRTY_PAGES);
    }
    node = &dirty->pages[dirty->count++];
    *node = (IntervalTreeNode) { .start = page, .last = page };
    interval_tree_insert(node, &dirty->tree);
}

/* Did @change take away what was stored to?  Then that leaf is the one. */
static void dirty_check(MaliCsfDirtyPages *dirty, const MaliCsfChange *change)
{
    IntervalTreeNode *node = NULL;

    if (change->removes && !dirty->overflow) {
        node = interval_tree_iter_first(&dirty->tree, change->start >> 12,
                                        change->last >> 12);
    }
    if (node) {
        dirty->removed = true;
        dirty->start = ROUND_DOWN(node->start << 12, change->size);
        dirty->last = dirty->start + (change->size - 1);
    }
}

void mali_csf_tables_stored(MaliCsfState *s, unsigned as, uint64_t va,
                            uint64_t descriptor)
{
    if (mali_csf_held_in_cache(s, as, descriptor)) {
        dirty_add(&s->checker.as[as].dirty, va);
    }
}

void mali_csf_tables_stores_lost(MaliCsfState *s, unsigned as)
{
    s->checker.as[as].dirty.overflow = true;
}

/* Changes */

typedef struct Judgement {
    MaliCsfState *s;
    unsigned as;
    /* Neighbouring changes outside the region make one finding */
    MaliCsfChange outside;
    bool any_outside;
    /* Neighbouring changes make one trace event */
    uint64_t changed_start;
    uint64_t changed_last;
    bool any_changed;
    unsigned changed_events;
} Judgement;

static void trace_changed(Judgement *j)
{
    if (j->any_changed) {
        trace_mali_csf_as_changed(j->s->trace_id, j->as, j->changed_start,
                                  j->changed_last);
        j->changed_events++;
    }
    j->any_changed = false;
}

static void note_changed(Judgement *j, const MaliCsfChange *change)
{
    if (change->within_split) {
        /* The block that was split has been noted as a whole. */
        return;
    }
    if (!j->any_changed ||
        (change->start != j->changed_last + 1 &&
         j->changed_events < MAX_CHANGED_EVENTS - 1)) {
        trace_changed(j);
        j->any_changed = true;
        j->changed_start = change->start;
    }
    j->changed_last = change->last;
}

static void outside_done(Judgement *j)
{
    if (!j->any_outside) {
        return;
    }
    mali_csf_report_later(j->s, &(MaliCsfFinding) {
        .id = MALI_CSF_CHANGE_OUTSIDE_LOCK,
        .as = j->as,
        .start = j->outside.start,
        .last = j->outside.last,
        .expected = j->outside.before,
        .seen = j->outside.after,
    });
    j->any_outside = false;
}

/* @region: that of earlier changes, if there are any */
static void widen(bool *any, MaliCsfRegion *region,
                  const MaliCsfChange *change)
{
    region->start = *any ? MIN(region->start, change->start) : change->start;
    region->last = *any ? MAX(region->last, change->last) : change->last;
    *any = true;
}

static void judge_change(void *opaque, const MaliCsfChange *change)
{
    Judgement *j = opaque;
    MaliCsfAsCheck *c = &j->s->checker.as[j->as];

    note_changed(j, change);
    /* A driver that edits first flushes what differs, not the whole block. */
    if (c->tables.edit_then_flush ? change->split : change->within_split) {
        return;
    }
    dirty_check(&c->dirty, change);
    if (change->inside) {
        widen(&c->region.changed, &c->region.change, change);
        c->region.changed_after_flush |= c->region.flushed &&
                                         !c->region.flush_unseen;
        return;
    }
    if (c->tables.edit_then_flush) {
        widen(&c->tables.unflushed, &c->tables.unflushed_region, change);
        return;
    }
    if (j->any_outside && change->start == j->outside.last + 1) {
        j->outside.last = change->last;
        return;
    }
    outside_done(j);
    j->outside = *change;
    j->any_outside = true;
}

/*
 * What changed in the tables of @as since they were last looked at?  With
 * @va, in what translates it.  Returns how many steps it took.
 */
static unsigned judge_tables(MaliCsfState *s, unsigned as, const uint64_t *va)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];
    MaliCsfRegion held = { space->lock_start, space->lock_last };
    Judgement j = { .s = s, .as = as };
    MaliCsfSnapshotUpdate update = {
        .ram = &s->mmu.ram,
        .translation = &space->active,
        .held = space->locked ? &held : NULL,
        .changed = judge_change,
        .opaque = &j,
    };
    bool complete;

    if (!mali_csf_snapshot_is_open(c->tables.snapshot)) {
        return 0;
    }
    complete = va ?
        mali_csf_snapshot_update_at(c->tables.snapshot, &update, *va) :
        mali_csf_snapshot_update(c->tables.snapshot, &update);
    if (!complete) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_NOTE_COVERAGE_LOST,
            .as = as,
            .expected = MALI_CSF_SNAPSHOT_MAX_TABLES,
        });
    } else if (update.any_lost) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_NOTE_COVERAGE_LOST,
            .as = as,
            .start = update.lost,
            .last = (1ull << mali_csf_model_va_bits(s)) - 1,
            .expected = MALI_CSF_SNAPSHOT_MAX_STEPS,
        });
    }
    outside_done(&j);
    trace_changed(&j);
    c->region.flush_unseen &= va != NULL;
    s->checker.steps += update.steps;
    return update.steps;
}

void mali_csf_tables_judge(MaliCsfState *s, unsigned as)
{
    judge_tables(s, as, NULL);
}

/*
 * The same if it can be done in so many steps, which are taken from @left.
 * False if it was not done.
 */
static bool judge_within(MaliCsfState *s, unsigned as, unsigned *left)
{
    unsigned steps;

    if (mali_csf_snapshot_tables(s->checker.as[as].tables.snapshot) > *left) {
        return false;
    }
    steps = judge_tables(s, as, NULL);
    *left -= MIN(*left, steps);
    return true;
}

/* Does the copy have this descriptor for @va, at the end of a walk? */
static bool copy_agrees(const MaliCsfAsCheck *c, uint64_t va,
                        uint64_t descriptor, unsigned level)
{
    unsigned old_level;
    uint64_t old = mali_csf_snapshot_leaf(c->tables.snapshot, va, &old_level);

    return old == mali_csf_effective_leaf(descriptor, level) &&
           (!old || old_level == level);
}

/* The space is used at @va, where the walk found @descriptor */
static void judge_use(MaliCsfState *s, unsigned as, uint64_t va,
                      uint64_t descriptor, unsigned level)
{
    if (!copy_agrees(&s->checker.as[as], va, descriptor, level)) {
        judge_tables(s, as, &va);
    }
}

/* Commands */

void mali_csf_tables_lock(MaliCsfState *s, unsigned as,
                          const MaliCsfRegion *region)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfHeldRegion *held = &s->checker.as[as].region;

    if (space->locked) {
        held->expanded = true;
        return;
    }
    *held = (MaliCsfHeldRegion) {
        .first = *region,
        .locked_live = mali_csf_translates(&space->active),
        .lock_time = now_ns(),
    };
}

/* Size of the smallest region that LOCKADDR can name and that covers both */
static uint64_t smallest_region(uint64_t start, uint64_t last)
{
    unsigned bits = start == last ? 0 : 64 - clz64(start ^ last);

    return 1ull << MIN(MAX(bits, AS_LOCKADDR_SIZE_MIN + 1), 63);
}

static void check_width(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];
    uint64_t needed, held;

    if (!c->region.expanded || !c->region.changed) {
        return;
    }
    needed = smallest_region(MIN(c->region.first.start, c->region.change.start),
                             MAX(c->region.first.last, c->region.change.last));
    held = space->lock_last - space->lock_start;
    if (held / 2 >= needed) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_NOTE_LOCK_TOO_WIDE,
            .as = as,
            .start = space->lock_start,
            .last = space->lock_last,
            .expected = needed,
            .seen = held + 1,
        });
    }
}

/* The region of @as is about to be released by UNLOCK or a flush of it */
static void check_release(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (now_ns() - c->region.lock_time > LOCK_HELD_MAX_NS) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_NOTE_LOCK_HELD_LONG,
            .as = as,
            .start = s->mmu.as[as].lock_start,
            .last = s->mmu.as[as].lock_last,
            .expected = LOCK_HELD_MAX_NS,
            .seen = now_ns() - c->region.lock_time,
        });
    }
    check_width(s, as);
}

void mali_csf_tables_unlock(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (mali_csf_snapshot_is_open(c->tables.snapshot) && c->region.changed) {
        if (!c->region.flushed) {
            mali_csf_report_later(s, &(MaliCsfFinding) {
                .id = MALI_CSF_UNLOCK_WITHOUT_FLUSH,
                .as = as,
                .start = c->region.change.start,
                .last = c->region.change.last,
                .expected = MALI_CSF_FLUSH_WHOLE,
                .seen = c->region.flush_modes,
            });
        } else if (c->region.changed_after_flush) {
            mali_csf_report_later(s, &(MaliCsfFinding) {
                .id = MALI_CSF_CHANGE_AFTER_FLUSH,
                .as = as,
                .start = c->region.change.start,
                .last = c->region.change.last,
            });
        }
    }
    if (c->dirty.removed) {
        mali_csf_report_later(s, &(MaliCsfFinding) {
            .id = MALI_CSF_DIRTY_LINE_LOST,
            .as = as,
            .start = c->dirty.start,
            .last = c->dirty.last,
            .expected = MALI_CSF_FLUSH_WHOLE,
            .seen = c->region.flush_modes,
        });
        c->dirty.removed = false;
    }
    check_release(s, as);
}

void mali_csf_tables_flush_region(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (!c->tables.edit_then_flush) {
        c->tables.edit_then_flush = true;
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_NOTE_EDIT_THEN_FLUSH,
            .as = as,
        });
    }
    mali_csf_tables_judge(s, as);
    if (c->tables.unflushed &&
        (!space->locked ||
         c->tables.unflushed_region.start < space->lock_start ||
         c->tables.unflushed_region.last > space->lock_last)) {
        mali_csf_report_later(s, &(MaliCsfFinding) {
            .id = MALI_CSF_CHANGE_OUTSIDE_LOCK,
            .as = as,
            .start = c->tables.unflushed_region.start,
            .last = c->tables.unflushed_region.last,
            .expected = space->lock_start,
            .seen = space->lock_last,
        });
    }
    c->tables.unflushed = false;
    dirty_clear(&c->dirty);
    if (space->locked) {
        check_release(s, as);
    }
}

/* Spaces that hold a region, or the others, before a flush */
static void judge_for_flush(MaliCsfState *s, bool locked, unsigned left)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAsCheck *c = &s->checker.as[as];

        if (s->mmu.as[as].locked == locked && !judge_within(s, as, &left) &&
            locked) {
            c->region.flush_unseen = true;
            mali_csf_report(s, &(MaliCsfFinding) {
                .id = MALI_CSF_NOTE_COVERAGE_LOST,
                .as = as,
                .start = s->mmu.as[as].lock_start,
                .last = s->mmu.as[as].lock_last,
                .expected = FLUSH_MAX_STEPS,
                .seen = mali_csf_snapshot_tables(c->tables.snapshot),
            });
        }
    }
}

void mali_csf_tables_flush_caches(MaliCsfState *s, uint32_t modes)
{
    bool all = (modes & MALI_CSF_FLUSH_WHOLE) == MALI_CSF_FLUSH_WHOLE;

    judge_for_flush(s, true, FLUSH_MAX_STEPS);
    /*
     * With no region held, what is not looked at now is found as well at the
     * next command of the space.
     */
    judge_for_flush(s, false, FLUSH_OTHERS_MAX_STEPS);
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAsCheck *c = &s->checker.as[as];

        if (s->mmu.as[as].locked) {
            c->region.flushed |= all;
            c->region.changed_after_flush &= !all;
            c->region.flush_modes = modes;
        }
        if (modes & GPU_CACHE_CLEAN) {
            dirty_clear(&c->dirty);
        }
    }
}

void mali_csf_tables_follow(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];
    MaliCsfSnapshotUpdate update = {
        .ram = &s->mmu.ram,
        .translation = &space->active,
    };

    if (mali_csf_va_bits(&space->active) != 48) {
        /* The snapshot begins with a table of level 0. */
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_NOTE_COVERAGE_LOST,
            .as = as,
            .expected = 48,
            .seen = mali_csf_va_bits(&space->active),
        });
        return;
    }
    mali_csf_snapshot_open(c->tables.snapshot);
    if (!mali_csf_snapshot_update(c->tables.snapshot, &update)) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_NOTE_COVERAGE_LOST,
            .as = as,
            .expected = MALI_CSF_SNAPSHOT_MAX_TABLES,
        });
    }
    s->checker.steps += update.steps;
}

/* Use */

void mali_csf_tables_hit(MaliCsfState *s, unsigned as, uint64_t va,
                         const MaliCsfLeaf *leaf,
                         const MaliCsfWalked *walked)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (!mali_csf_snapshot_is_open(c->tables.snapshot) ||
        c->tables.edit_then_flush || c->fault.faulted || s->view.ignore_locks) {
        return;
    }
    if (!walked->exception && walked->level == leaf->level &&
        mali_csf_effective_leaf(walked->descriptor, walked->level) ==
        mali_csf_effective_leaf(leaf->descriptor, leaf->level)) {
        return;
    }
    judge_use(s, as, va, walked->descriptor, walked->level);
    mali_csf_confirm_pending(s, as);
    if (c->tables.stale_reported != leaf->va + 1) {
        c->tables.stale_reported = leaf->va + 1;
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_STALE_TRANSLATION_USED,
            .as = as,
            .start = va,
            .last = va,
            .expected = walked->exception ? 0 : walked->descriptor,
            .seen = leaf->descriptor,
        });
    }
}

void mali_csf_tables_fill(MaliCsfState *s, unsigned as, uint64_t va,
                          uint64_t descriptor, unsigned level)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (!mali_csf_snapshot_is_open(c->tables.snapshot) || c->fault.faulted ||
        s->view.ignore_locks) {
        return;
    }
    judge_use(s, as, va, descriptor, level);
    mali_csf_confirm_pending(s, as);
}

/* Life cycle */

void mali_csf_tables_close(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    mali_csf_drop_pending(s, as);
    mali_csf_snapshot_close(c->tables.snapshot);
    c->tables.unflushed = false;
    c->region.changed = false;
    c->dirty.removed = false;
}

void mali_csf_tables_reset(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    mali_csf_tables_close(s, as);
    dirty_clear(&c->dirty);
    c->tables.edit_then_flush = false;
}

void mali_csf_tables_l2_off(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    mali_csf_tables_close(s, as);
    dirty_clear(&c->dirty);
    /* It is told of when the L2 is on again, if at all. */
    c->region.locked_live = false;
}

void mali_csf_tables_finalize(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    mali_csf_snapshot_free(c->tables.snapshot);
    g_free(c->dirty.pages);
    c->tables = (MaliCsfTablesCheck) { };
    c->region = (MaliCsfHeldRegion) { };
    c->dirty = (MaliCsfDirtyPages) { };
}

void mali_csf_tables_forget(MaliCsfState *s, unsigned as)
{
    mali_csf_tables_finalize(s, as);
    s->checker.as[as].tables.snapshot = mali_csf_snapshot_new();
}
