/*
 * Mali CSF GPU: the checker, which names the driver's mistakes
 *
 * What stock kernels do is not wrong: panthor of Linux 6.12, 7.2 and 7.3
 * decides where it and this file disagree.  Three things follow from that.
 * A finding about page tables stays pending until its space is locked or
 * used again, since suspend, recycling and the fault handler may take the
 * space away from a VM_BIND that is under way; then nobody ever uses what is
 * in the tables.  A space that faulted is not looked at until it is enabled
 * again.  And a space that ever saw FLUSH_PT or FLUSH_MEM is of a driver that
 * edits first and flushes then.
 *
 * Not seen: what no device can see (docs/devel/checker.rst).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "../device.h"
#include "../trace.h"

#define NS_PER_S                    1000000000ll
/*
 * How long a lock may be held, a fault unacknowledged, a group unterminated.
 * A busy host can hold a vCPU up for seconds.
 */
#define LOCK_HELD_MAX_NS            (1 * NS_PER_S)
#define FAULT_UNACKNOWLEDGED_MAX_NS (5 * NS_PER_S)
#define GROUP_UNMAPPED_MAX_NS       (10 * NS_PER_S)
/* Between writing an address space's registers and UPDATE */
#define UPDATE_MISSING_MAX_NS       (NS_PER_S / 1000)
/* The same on the way to UNMAPPED, when the space may be in use meanwhile */
#define UNMAP_MISSING_MAX_NS        (5 * NS_PER_S)
/* panthor waits 100 ms for a command (panthor_mmu.c, panthor_gpu.c, v7.3) */
#define PATIENCE_NS                 (90 * NS_PER_S / 1000)
/* Pages whose stores are followed; more, and none is */
#define MAX_DIRTY_PAGES             4096

/* Lines that loads are remembered of, each in its place */
#define MAX_LINES                   65536
#define LINE_SIZE                   64

/*
 * Steps of a FLUSH_CACHES, which looks at several spaces: for those that hold
 * a region, of which one may be as large as can be, and for the others
 */
#define FLUSH_MAX_STEPS             MALI_CSF_SNAPSHOT_MAX_TABLES
#define FLUSH_OTHERS_MAX_STEPS      1024
/* Trace events for what changed, of a judgement; the last one has the rest */
#define MAX_CHANGED_EVENTS          64

/* A table of level 0 */
#define ROOT_TABLE_SIZE             0x1000

/* L2 and load/store cache cleaned and invalidated, the others invalidated */
#define FLUSH_ALL                   0x233

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static unsigned model_va_bits(MaliCsfState *s)
{
    return FIELD_EX32(s->model->mmu_features, MMU_FEATURES, VA_BITS);
}

/* Findings */

/* A finding that counts only as a note, and as which */
static void report_as(MaliCsfState *s, MaliCsfFindingId id,
                      const MaliCsfFinding *f)
{
    MaliCsfFinding note = *f;

    note.id = id;
    note.expected = f->id;
    mali_csf_findings_add(&s->checker.findings, &note);
}

static void report(MaliCsfState *s, const MaliCsfFinding *f)
{
    if (s->checker.gave_up && f->id < MALI_CSF_NUM_VIOLATIONS) {
        /* A driver that lost a command leaves all to the reset it asks for. */
        report_as(s, MALI_CSF_NOTE_LOST, f);
        return;
    }
    mali_csf_findings_add(&s->checker.findings, f);
}

static MaliCsfFinding finding(MaliCsfFindingId id, unsigned as,
                              uint64_t start, uint64_t last,
                              uint64_t expected, uint64_t seen)
{
    return (MaliCsfFinding) {
        .id = id,
        .as = as,
        .start = start,
        .last = last,
        .expected = expected,
        .seen = seen,
    };
}

static void report_now(MaliCsfState *s, MaliCsfFindingId id, unsigned as,
                       uint64_t start, uint64_t last, uint64_t expected,
                       uint64_t seen)
{
    MaliCsfFinding f = finding(id, as, start, last, expected, seen);

    report(s, &f);
}

static void report_later(MaliCsfState *s, MaliCsfFindingId id, unsigned as,
                         uint64_t start, uint64_t last, uint64_t expected,
                         uint64_t seen)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (c->num_pending == MALI_CSF_MAX_PENDING) {
        return;
    }
    c->pending[c->num_pending++] = finding(id, as, start, last, expected,
                                           seen);
}

/* The space is used or locked again, with the same tables: it was wrong */
static void confirm_pending(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];
    unsigned n = c->num_pending;

    c->num_pending = 0;
    for (unsigned i = 0; i < n; i++) {
        report(s, &c->pending[i]);
    }
}

/* The tables went out of use: whatever was wrong in them did no harm */
static void drop_pending(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    for (unsigned i = 0; i < c->num_pending; i++) {
        report_as(s, MALI_CSF_NOTE_DROPPED, &c->pending[i]);
    }
    c->num_pending = 0;
}

void mali_csf_check_duration(MaliCsfState *s, uint64_t ns)
{
    s->checker.gave_up |= ns >= PATIENCE_NS;
}

void mali_csf_check_flush_asked(MaliCsfState *s)
{
    if (s->checker.flush_since < 0) {
        s->checker.flush_since = now_ns();
    }
}

void mali_csf_check_flush_heard(MaliCsfState *s)
{
    if (s->checker.flush_since >= 0) {
        mali_csf_check_duration(s, now_ns() - s->checker.flush_since);
        s->checker.flush_since = -1;
    }
}

/* The driver waits for nothing: the GPU is reset, or it starts anew. */
static void forget_waits(MaliCsfState *s)
{
    s->checker.gave_up = false;
    s->checker.flush_since = -1;
}

/* Dirty lines */

static void dirty_clear(MaliCsfAsCheck *c)
{
    c->dirty_tree = (IntervalTreeRoot) { };
    c->num_dirty = 0;
    c->dirty_overflow = false;
    c->dirty_removed = false;
}

static void dirty_add(MaliCsfAsCheck *c, uint64_t va)
{
    uint64_t page = va >> 12;
    IntervalTreeNode *node;

    if (c->dirty_overflow ||
        interval_tree_iter_first(&c->dirty_tree, page, page)) {
        return;
    }
    if (c->num_dirty == MAX_DIRTY_PAGES) {
        c->dirty_overflow = true;
        return;
    }
    if (!c->dirty_pages) {
        c->dirty_pages = g_new(IntervalTreeNode, MAX_DIRTY_PAGES);
    }
    node = &c->dirty_pages[c->num_dirty++];
    *node = (IntervalTreeNode) { .start = page, .last = page };
    interval_tree_insert(node, &c->dirty_tree);
}

/* Did @change take away what was stored to?  Then that leaf is the one. */
static void dirty_check(MaliCsfAsCheck *c, const MaliCsfChange *change)
{
    IntervalTreeNode *node = NULL;

    if (change->removes && !c->dirty_overflow) {
        node = interval_tree_iter_first(&c->dirty_tree, change->start >> 12,
                                        change->last >> 12);
    }
    if (node) {
        c->dirty_removed = true;
        c->dirty_start = ROUND_DOWN(node->start << 12, change->size);
        c->dirty_last = c->dirty_start + (change->size - 1);
    }
}

/* User space */

/* As L2 has it since it was filled.  In pieces that are loaded whole. */
struct MaliCsfLine {
    uint64_t number;
    uint64_t generation;
    uint64_t words[LINE_SIZE / sizeof(uint64_t)];
};

static void drop_lines(MaliCsfState *s)
{
    s->checker.lines_generation++;
}

/* Where the line of @pa is, if it is there */
static MaliCsfLine *line_place(MaliCsfState *s, hwaddr pa)
{
    return &s->checker.lines[pa / LINE_SIZE % MAX_LINES];
}

static bool has_line(MaliCsfState *s, const MaliCsfLine *line, hwaddr pa)
{
    return line->number == pa / LINE_SIZE &&
           line->generation == s->checker.lines_generation;
}

static void fill_line(MaliCsfState *s, MaliCsfLine *line, hwaddr pa,
                      const void *host)
{
    line->number = pa / LINE_SIZE;
    line->generation = s->checker.lines_generation;
    host = (const uint8_t *)host - pa % LINE_SIZE;
    for (unsigned i = 0; i < ARRAY_SIZE(line->words); i++) {
        line->words[i] = qatomic_read((const uint64_t *)host + i);
    }
}

/* What the GPU stores it has; the rest of the line is forgotten. */
static void forget_lines(MaliCsfState *s, hwaddr pa, uint64_t size)
{
    hwaddr end = ROUND_UP(pa + size, LINE_SIZE);

    for (hwaddr at = ROUND_DOWN(pa, LINE_SIZE); at < end; at += LINE_SIZE) {
        MaliCsfLine *line = line_place(s, at);

        if (has_line(s, line, at)) {
            line->generation = 0;
        }
    }
}

/* Page tables */

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
        trace_mali_csf_as_changed(j->as, j->changed_start, j->changed_last);
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
    report_later(j->s, MALI_CSF_CHANGE_OUTSIDE_LOCK, j->as, j->outside.start,
                 j->outside.last, j->outside.before, j->outside.after);
    j->any_outside = false;
}

static void judge_change(void *opaque, const MaliCsfChange *change)
{
    Judgement *j = opaque;
    MaliCsfAsCheck *c = &j->s->checker.as[j->as];

    note_changed(j, change);
    /* A driver that edits first flushes what differs, not the whole block. */
    if (c->edit_then_flush ? change->split : change->within_split) {
        return;
    }
    dirty_check(c, change);
    if (change->inside) {
        c->change_start = c->changed ? MIN(c->change_start, change->start)
                                     : change->start;
        c->change_last = c->changed ? MAX(c->change_last, change->last)
                                    : change->last;
        c->changed = true;
        c->changed_after_flush |= c->flushed && !c->flush_unseen;
        return;
    }
    if (c->edit_then_flush) {
        c->unflushed_start = c->unflushed ? MIN(c->unflushed_start,
                                                change->start)
                                          : change->start;
        c->unflushed_last = c->unflushed ? MAX(c->unflushed_last,
                                               change->last)
                                         : change->last;
        c->unflushed = true;
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

    if (!mali_csf_snapshot_is_open(c->snapshot)) {
        return 0;
    }
    complete = va ? mali_csf_snapshot_update_at(c->snapshot, &update, *va)
                  : mali_csf_snapshot_update(c->snapshot, &update);
    if (!complete) {
        report_now(s, MALI_CSF_NOTE_COVERAGE_LOST, as, 0, 0,
                   MALI_CSF_SNAPSHOT_MAX_TABLES, 0);
    } else if (update.any_lost) {
        report_now(s, MALI_CSF_NOTE_COVERAGE_LOST, as, update.lost,
                   (1ull << model_va_bits(s)) - 1,
                   MALI_CSF_SNAPSHOT_MAX_STEPS, 0);
    }
    outside_done(&j);
    trace_changed(&j);
    c->flush_unseen &= va != NULL;
    s->checker.steps += update.steps;
    return update.steps;
}

static void judge(MaliCsfState *s, unsigned as)
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

    if (mali_csf_snapshot_tables(s->checker.as[as].snapshot) > *left) {
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
    uint64_t old = mali_csf_snapshot_leaf(c->snapshot, va, &old_level);

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

static bool translates(MaliCsfState *s, const MaliCsfTranslation *t)
{
    return FIELD_EX64(t->transcfg, AS_TRANSCFG_LO, ADRMODE) ==
           AS_ADRMODE_AARCH64_4K;
}

/* Registers that differ from what is in force, and would translate */
static bool staged_translates(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfTranslation next = { .transcfg = space->transcfg };

    /* On the way to UNMAPPED the driver clears TRANSTAB first. */
    return space->transtab && translates(s, &next) &&
           space->transtab != space->active.transtab;
}

/* Commands */

/*
 * A driver that has lost a command goes on with its VM_BINDs until the reset
 * that it asked for is over.  Those that this overtook lock spaces that it has
 * not enabled since: with LOCKADDR as the reset left it, and with no UNLOCK,
 * since it does not flush while it believes that a flush is under way.
 */
static void report_lock(MaliCsfState *s, MaliCsfFindingId id, unsigned as,
                        uint64_t start, uint64_t last, uint64_t expected,
                        uint64_t seen)
{
    if (s->checker.as[as].overtaken) {
        report_now(s, MALI_CSF_NOTE_LOST, as, start, last, id, seen);
    } else {
        report_now(s, id, as, start, last, expected, seen);
    }
}

static void check_lockaddr(MaliCsfState *s, unsigned as)
{
    uint64_t lockaddr = s->mmu.as[as].lockaddr;
    uint64_t base = lockaddr & AS_LOCKADDR_BASE_MASK;
    unsigned size = FIELD_EX64(lockaddr, AS_LOCKADDR_LO, SIZE);
    unsigned va_bits = model_va_bits(s);

    if (size < AS_LOCKADDR_SIZE_MIN) {
        report_lock(s, MALI_CSF_LOCKADDR_INVALID, as, base, base,
                    AS_LOCKADDR_SIZE_MIN, size);
    } else if (base >> va_bits) {
        report_lock(s, MALI_CSF_LOCKADDR_INVALID, as, base, base,
                    (1ull << va_bits) - 1, lockaddr);
    }
}

void mali_csf_check_lock(MaliCsfState *s, unsigned as, uint64_t start,
                         uint64_t last)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];

    check_lockaddr(s, as);
    judge(s, as);
    confirm_pending(s, as);

    if (space->locked) {
        if (start > space->lock_start || last < space->lock_last) {
            report_lock(s, MALI_CSF_EXPANSION_DROPS_PART, as,
                        space->lock_start, space->lock_last, start, last);
        }
        c->expanded = true;
    } else {
        c->changed = false;
        c->flushed = false;
        c->changed_after_flush = false;
        c->flush_unseen = false;
        c->flush_modes = 0;
        c->expanded = false;
        c->first_start = start;
        c->first_last = last;
        c->locked_live = translates(s, &space->active);
        c->lock_time = now_ns();
    }
    c->lock_dropped = false;
    c->last_was_unlock = false;
    c->just_released = false;
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

    if (!c->expanded || !c->changed) {
        return;
    }
    needed = smallest_region(MIN(c->first_start, c->change_start),
                             MAX(c->first_last, c->change_last));
    held = space->lock_last - space->lock_start;
    if (held / 2 >= needed) {
        report_now(s, MALI_CSF_NOTE_LOCK_TOO_WIDE, as, space->lock_start,
                   space->lock_last, needed, held + 1);
    }
}

/* The region of @as is about to be released by UNLOCK or a flush of it */
static void check_release(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (now_ns() - c->lock_time > LOCK_HELD_MAX_NS) {
        report_now(s, MALI_CSF_NOTE_LOCK_HELD_LONG, as,
                   s->mmu.as[as].lock_start, s->mmu.as[as].lock_last,
                   LOCK_HELD_MAX_NS, now_ns() - c->lock_time);
    }
    check_width(s, as);
}

void mali_csf_check_unlock(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];

    judge(s, as);
    if (!space->locked) {
        if (translates(s, &space->active) && !c->lock_dropped) {
            report_now(s, MALI_CSF_UNLOCK_WITHOUT_LOCK, as, 0, 0,
                       AS_COMMAND_LOCK, AS_COMMAND_UNLOCK);
        }
        c->last_was_unlock = true;
        return;
    }
    if (mali_csf_snapshot_is_open(c->snapshot) && c->changed) {
        if (!c->flushed) {
            report_later(s, MALI_CSF_UNLOCK_WITHOUT_FLUSH, as,
                         c->change_start, c->change_last, FLUSH_ALL,
                         c->flush_modes);
        } else if (c->changed_after_flush) {
            report_later(s, MALI_CSF_CHANGE_AFTER_FLUSH, as, c->change_start,
                         c->change_last, 0, 0);
        }
    }
    if (c->dirty_removed) {
        report_later(s, MALI_CSF_DIRTY_LINE_LOST, as, c->dirty_start,
                     c->dirty_last, FLUSH_ALL, c->flush_modes);
        c->dirty_removed = false;
    }
    check_release(s, as);
    c->last_was_unlock = true;
    c->just_released = true;
}

static void check_flush(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (!c->edit_then_flush) {
        c->edit_then_flush = true;
        report_now(s, MALI_CSF_NOTE_EDIT_THEN_FLUSH, as, 0, 0, 0, 0);
    }
    judge(s, as);
    if (c->unflushed &&
        (!space->locked || c->unflushed_start < space->lock_start ||
         c->unflushed_last > space->lock_last)) {
        report_later(s, MALI_CSF_CHANGE_OUTSIDE_LOCK, as, c->unflushed_start,
                     c->unflushed_last, space->lock_start, space->lock_last);
    }
    c->unflushed = false;
    dirty_clear(c);
    /* It cleans and invalidates L2, if only for the region. */
    drop_lines(s);
    if (space->locked) {
        check_release(s, as);
    }
    c->last_was_unlock = false;
}

void mali_csf_check_flush_pt(MaliCsfState *s, unsigned as)
{
    check_flush(s, as);
}

void mali_csf_check_flush_mem(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];

    check_flush(s, as);
    if (space->locked && !space->lock_start &&
        space->lock_last >= (1ull << model_va_bits(s)) - 1) {
        s->checker.as[as].used = false;
    }
}

static void close_snapshot(MaliCsfState *s, unsigned as)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    drop_pending(s, as);
    mali_csf_snapshot_close(c->snapshot);
    c->unflushed = false;
    c->changed = false;
    c->dirty_removed = false;
}

/* What is to be put in force, and translates */
static void check_translation(MaliCsfState *s, unsigned as,
                              const MaliCsfTranslation *next)
{
    hwaddr root = next->transtab & MALI_CSF_PTE_ADDR_MASK;
    MaliCsfRamWindow *window;

    if (!mali_csf_ram_map(&s->mmu.ram, root, ROOT_TABLE_SIZE, &window)) {
        report_now(s, MALI_CSF_TRANSTAB_INVALID, as, 0, 0, 0, next->transtab);
    }
    if (!next->memattr) {
        report_now(s, MALI_CSF_MEMATTR_INVALID, as, 0, 0, 0, 0);
    }
    if (mali_csf_va_bits(next) != model_va_bits(s)) {
        report_now(s, MALI_CSF_TRANSCFG_INVALID, as, 0, 0, model_va_bits(s),
                   mali_csf_va_bits(next));
    }
}

void mali_csf_check_update(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];
    MaliCsfTranslation next = {
        .transtab = space->transtab,
        .transcfg = space->transcfg,
        .memattr = space->memattr,
    };
    uint32_t fault_bit = MALI_CSF_MMU_INT_FAULT(as);

    judge(s, as);
    /*
     * A LOCK in a space that translates nothing may be of a VM_BIND that
     * a reset overtook.
     */
    if (space->locked && c->locked_live) {
        report_now(s, MALI_CSF_LOCK_AT_UPDATE, as, space->lock_start,
                   space->lock_last, AS_COMMAND_UNLOCK, AS_COMMAND_UPDATE);
    }
    if (!translates(s, &next)) {
        if (c->faulted) {
            /* Streams of the space may have run until this moment. */
            c->used = false;
        }
    } else {
        if (c->used && c->owner && c->owner != next.transtab) {
            report_now(s, MALI_CSF_RECYCLE_WITHOUT_FLUSH, as, 0, 0, c->owner,
                       next.transtab);
            c->used = false;
        }
        /*
         * The handler clears the bit, or the driver does before it enables
         * the space, but unmaps it first, both under one lock.
         */
        if (c->faulted && translates(s, &space->active) &&
            !(s->mmu.irq.rawstat & fault_bit)) {
            report_now(s, MALI_CSF_ENABLED_AFTER_FAULT, as,
                       space->faultaddress, space->faultaddress,
                       AS_ADRMODE_UNMAPPED, AS_ADRMODE_AARCH64_4K);
        }
        c->owner = next.transtab;
        c->overtaken = false;
        check_translation(s, as, &next);
        if (s->mmu.irq.rawstat & s->mmu.irq.mask & fault_bit) {
            report_now(s, MALI_CSF_FAULT_NOT_ACKNOWLEDGED, as,
                       space->faultaddress, space->faultaddress, 0,
                       space->faultstatus);
        }
    }
    if (!translates(s, &next) || next.transtab != space->active.transtab) {
        drop_pending(s, as);
    } else {
        confirm_pending(s, as);
    }
    c->lock_dropped |= space->locked || c->last_was_unlock;
    c->last_was_unlock = false;
    /*
     * panthor_vm_declare_unusable() releases the region of the VM_BIND that
     * failed and unmaps the space, with no flush in between.  Groups of the
     * VM stay as they are, or are even started: nothing tells the scheduler.
     */
    c->cut_short = c->just_released && !translates(s, &next);
    c->just_released = false;
}

void mali_csf_check_updated(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];
    MaliCsfSnapshotUpdate update = {
        .ram = &s->mmu.ram,
        .translation = &space->active,
    };

    close_snapshot(s, as);
    c->staged_since = -1;
    c->update_missing = false;
    if (mali_csf_unmapped(&space->active)) {
        c->unmapped_time = now_ns();
        timer_mod_anticipate_ns(s->checker.timer,
                                c->unmapped_time + GROUP_UNMAPPED_MAX_NS);
        return;
    }
    c->unmapped_time = -1;
    c->faulted = false;
    c->late_fault = s->mmu.irq.rawstat & MALI_CSF_MMU_INT_FAULT(as);
    if (!translates(s, &space->active)) {
        return;
    }
    if (mali_csf_va_bits(&space->active) != 48) {
        /* The snapshot begins with a table of level 0. */
        report_now(s, MALI_CSF_NOTE_COVERAGE_LOST, as, 0, 0, 48,
                   mali_csf_va_bits(&space->active));
        return;
    }
    mali_csf_snapshot_open(c->snapshot);
    if (!mali_csf_snapshot_update(c->snapshot, &update)) {
        report_now(s, MALI_CSF_NOTE_COVERAGE_LOST, as, 0, 0,
                   MALI_CSF_SNAPSHOT_MAX_TABLES, 0);
    }
    s->checker.steps += update.steps;
}

void mali_csf_check_busy_command(MaliCsfState *s, unsigned as,
                                 uint32_t command)
{
    report_now(s, MALI_CSF_COMMAND_WHILE_ACTIVE, as, 0, 0,
               s->mmu.as[as].command, command);
}

void mali_csf_check_protected_command(MaliCsfState *s, unsigned as,
                                      uint32_t command)
{
    report_now(s, MALI_CSF_COMMAND_IN_PROTECTED_MODE, as, 0, 0, 0, command);
}

/* Spaces that hold a region, or the others, before a flush */
static void judge_for_flush(MaliCsfState *s, bool locked, unsigned left)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAsCheck *c = &s->checker.as[as];

        if (s->mmu.as[as].locked == locked && !judge_within(s, as, &left) &&
            locked) {
            c->flush_unseen = true;
            report_now(s, MALI_CSF_NOTE_COVERAGE_LOST, as,
                       s->mmu.as[as].lock_start, s->mmu.as[as].lock_last,
                       FLUSH_MAX_STEPS,
                       mali_csf_snapshot_tables(c->snapshot));
        }
    }
}

void mali_csf_check_flush_caches(MaliCsfState *s, uint32_t modes)
{
    bool all = (modes & FLUSH_ALL) == FLUSH_ALL;

    judge_for_flush(s, true, FLUSH_MAX_STEPS);
    /*
     * With no region held, what is not looked at now is found as well at the
     * next command of the space.
     */
    judge_for_flush(s, false, FLUSH_OTHERS_MAX_STEPS);
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAsCheck *c = &s->checker.as[as];

        c->just_released = false;
        if (s->mmu.as[as].locked) {
            c->flushed |= all;
            c->changed_after_flush &= !all;
            c->flush_modes = modes;
        }
        if (all) {
            c->used = false;
        }
        if (modes & GPU_CACHE_CLEAN) {
            dirty_clear(c);
        }
    }
}

static void drop_at_l2_off(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        s->checker.as[as].num_at_l2_off = 0;
    }
}

void mali_csf_check_gpu_reset(MaliCsfState *s)
{
    drop_at_l2_off(s);
    drop_lines(s);
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        const MaliCsfAddressSpace *space = &s->mmu.as[as];
        MaliCsfAsCheck *c = &s->checker.as[as];

        if (space->locked) {
            report_now(s, MALI_CSF_NOTE_LOCK_AT_RESET, as, space->lock_start,
                       space->lock_last, 0, 0);
            c->lock_dropped = true;
        }
        close_snapshot(s, as);
        dirty_clear(c);
        c->used = false;
        c->owner = 0;
        c->overtaken |= s->checker.gave_up;
        c->faulted = false;
        c->late_fault = false;
        c->cut_short = false;
        c->edit_then_flush = false;
        c->unmapped_time = -1;
        c->staged_since = -1;
    }
    forget_waits(s);
}

/* Are the registers as written what is in force? */
static bool is_latched(const MaliCsfAddressSpace *space)
{
    return space->transtab == space->active.transtab &&
           space->transcfg == space->active.transcfg &&
           space->memattr == space->active.memattr;
}

static void keep_at_l2_off(MaliCsfState *s, MaliCsfFindingId id, unsigned as,
                           uint64_t start, uint64_t last, uint64_t expected,
                           uint64_t seen)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (s->checker.gave_up) {
        return;
    }
    c->at_l2_off[c->num_at_l2_off++] = finding(id, as, start, last, expected,
                                               seen);
}

/*
 * On suspend the driver is done with its spaces.  When its module is unloaded
 * it is not: panthor_fw_unplug() powers the L2 off before
 * panthor_mmu_unplug() disables the spaces, and panthor_vm_free() does not
 * disable any.  Work that frees groups may hold a region meanwhile.  Which of
 * both it was shows when the L2 comes on again: a driver that is loaded anew
 * looks first what GPU this is.
 */
void mali_csf_check_l2_off(MaliCsfState *s)
{
    drop_at_l2_off(s);
    drop_lines(s);
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        const MaliCsfAddressSpace *space = &s->mmu.as[as];
        MaliCsfAsCheck *c = &s->checker.as[as];

        /*
         * A LOCK between reset and the driver's own clean-up is left behind,
         * in a space that translates nothing.
         */
        if (space->locked && c->owner) {
            keep_at_l2_off(s, MALI_CSF_LOCK_AT_L2_OFF, as, space->lock_start,
                           space->lock_last, 0, 0);
        }
        /* Whoever set a space up or gave it up is done by now. */
        if (c->owner && !is_latched(space)) {
            if (!c->update_missing) {
                keep_at_l2_off(s, MALI_CSF_UPDATE_MISSING, as, 0, 0,
                               space->active.transtab, space->transtab);
            }
        } else if (c->owner && translates(s, &space->active)) {
            keep_at_l2_off(s, MALI_CSF_ENABLED_AT_L2_OFF, as, 0, 0, 0,
                           space->active.transtab);
        }
        close_snapshot(s, as);
        dirty_clear(c);
        /* It is told of above, if at all. */
        c->locked_live = false;
        c->used = false;
        c->owner = 0;
        c->overtaken = false;
        c->faulted = false;
        c->late_fault = false;
        c->cut_short = false;
        c->unmapped_time = -1;
    }
}

void mali_csf_check_l2_on(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAsCheck *c = &s->checker.as[as];
        unsigned n = c->num_at_l2_off;

        c->num_at_l2_off = 0;
        for (unsigned i = 0; i < n; i++) {
            report(s, &c->at_l2_off[i]);
        }
    }
}

void mali_csf_check_probe(MaliCsfState *s)
{
    drop_at_l2_off(s);
    forget_waits(s);
}

/* Use */

static void check_use(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];

    c->used = true;
    if (c->num_pending && !c->faulted) {
        confirm_pending(s, as);
    }
    if (is_latched(space)) {
        c->staged_since = -1;
        return;
    }
    if (c->staged_since < 0) {
        c->staged_since = now_ns();
    } else if (now_ns() - c->staged_since > (staged_translates(s, as) ?
                                             UPDATE_MISSING_MAX_NS :
                                             UNMAP_MISSING_MAX_NS) &&
               !c->update_missing) {
        report_now(s, MALI_CSF_UPDATE_MISSING, as, 0, 0,
                   space->active.transtab, space->transtab);
        c->update_missing = true;
    }
}

void mali_csf_check_tlb_hit(MaliCsfState *s, unsigned as, uint64_t va,
                            const MaliCsfLeaf *leaf)
{
    MaliCsfAsCheck *c = &s->checker.as[as];
    MaliCsfLeaf live;
    unsigned level;
    uint64_t descriptor;
    uint8_t exception;

    check_use(s, as);
    if (!mali_csf_snapshot_is_open(c->snapshot) || c->edit_then_flush ||
        c->faulted || s->view.ignore_locks) {
        return;
    }
    exception = mali_csf_walk(&s->mmu.ram, &s->mmu.as[as].active,
                              FIELD_EX32(s->model->mmu_features,
                                         MMU_FEATURES, PA_BITS),
                              va, &live, &level, &descriptor);
    if (!exception && live.level == leaf->level &&
        mali_csf_effective_leaf(live.descriptor, live.level) ==
        mali_csf_effective_leaf(leaf->descriptor, leaf->level)) {
        return;
    }
    judge_use(s, as, va, descriptor, level);
    confirm_pending(s, as);
    if (c->stale_reported != leaf->va + 1) {
        c->stale_reported = leaf->va + 1;
        report_now(s, MALI_CSF_STALE_TRANSLATION_USED, as, va, va,
                   exception ? 0 : live.descriptor, leaf->descriptor);
    }
}

void mali_csf_check_tlb_fill(MaliCsfState *s, unsigned as, uint64_t va,
                             uint64_t descriptor, unsigned level)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    check_use(s, as);
    if (!mali_csf_snapshot_is_open(c->snapshot) || c->faulted ||
        s->view.ignore_locks) {
        return;
    }
    judge_use(s, as, va, descriptor, level);
    confirm_pending(s, as);
}

/* Only what a cache of the GPU's own may hold, and not as memory has it */
static bool held_in_cache(MaliCsfState *s, unsigned as, uint64_t descriptor)
{
    unsigned attr = extract64(descriptor, MALI_CSF_PTE_ATTR_SHIFT, 3);
    uint8_t memattr = s->mmu.as[as].active.memattr >> (8 * attr);

    return as != FW_AS && !s->coherent &&
           AS_MEMATTR_TYPE(memattr) == AS_MEMATTR_TYPE_WRITE_BACK;
}

void mali_csf_check_load(MaliCsfState *s, unsigned as, uint64_t va,
                         hwaddr pa, const void *host, unsigned size)
{
    MaliCsfChecker *checker = &s->checker;
    const MaliCsfTlbEntry *entry;
    uint64_t before = 0, now = 0;
    MaliCsfLine *line;

    if (!checker->user_notes) {
        return;
    }
    entry = mali_csf_tlb_lookup(&s->view.tlb, as, va);
    if (!entry || !held_in_cache(s, as, entry->leaf.descriptor)) {
        return;
    }
    if (!checker->lines) {
        checker->lines = g_new0(MaliCsfLine, MAX_LINES);
    }
    line = line_place(s, pa);
    if (!has_line(s, line, pa)) {
        fill_line(s, line, pa, host);
        return;
    }
    memcpy(&before, (const uint8_t *)line->words + pa % LINE_SIZE, size);
    memcpy(&now, host, size);
    if (before != now) {
        report_now(s, MALI_CSF_NOTE_USER_STALE_LOAD, as, va, va + size - 1,
                   le64_to_cpu(before), le64_to_cpu(now));
        fill_line(s, line, pa, host);
    }
}

void mali_csf_check_register(MaliCsfState *s, unsigned as, uint64_t va,
                             unsigned entry, unsigned reg)
{
    report_now(s, MALI_CSF_NOTE_REGISTER_BEFORE_WAIT, as, va,
               va + sizeof(uint64_t) - 1, entry, reg);
}

void mali_csf_check_flush_done(MaliCsfState *s, uint32_t modes)
{
    /* Of L2; what is only cleaned stays in it. */
    if (modes & GPU_CACHE_INVALIDATE) {
        drop_lines(s);
    }
}

void mali_csf_check_store(MaliCsfState *s, unsigned as, uint64_t va,
                          hwaddr pa, uint64_t size, uint64_t descriptor)
{
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (s->checker.lines) {
        forget_lines(s, pa, size);
    }
    if (held_in_cache(s, as, descriptor)) {
        dirty_add(c, va);
    }
}

void mali_csf_check_fault(MaliCsfState *s, unsigned as)
{
    s->checker.as[as].faulted = true;
    s->checker.as[as].fault_time = now_ns();
    timer_mod_anticipate_ns(s->checker.timer,
                            now_ns() + FAULT_UNACKNOWLEDGED_MAX_NS);
}

void mali_csf_check_group(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];
    MaliCsfAsCheck *c = &s->checker.as[as];

    if (!mali_csf_unmapped(&space->active)) {
        return;
    }
    if (staged_translates(s, as)) {
        report_now(s, MALI_CSF_UPDATE_MISSING, as, 0, 0,
                   space->active.transtab, space->transtab);
    } else if (!c->faulted && !c->late_fault && !c->cut_short) {
        report_now(s, MALI_CSF_GROUP_ON_UNMAPPED, as, 0, 0,
                   AS_ADRMODE_AARCH64_4K, AS_ADRMODE_UNMAPPED);
    }
}

static bool group_runs_in(MaliCsfState *s, unsigned as)
{
    for (unsigned csg = 0; csg < s->model->csg_slots; csg++) {
        if (s->engine.groups[csg].active && s->engine.groups[csg].as == as) {
            return true;
        }
    }
    return false;
}

/* What is wrong only after a time */
static void checker_timer(void *opaque)
{
    MaliCsfState *s = opaque;
    int64_t now = now_ns();

    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        const MaliCsfAddressSpace *space = &s->mmu.as[as];
        MaliCsfAsCheck *c = &s->checker.as[as];

        if (c->unmapped_time >= 0) {
            if (now - c->unmapped_time < GROUP_UNMAPPED_MAX_NS) {
                timer_mod_anticipate_ns(s->checker.timer, c->unmapped_time +
                                        GROUP_UNMAPPED_MAX_NS);
            } else {
                if (group_runs_in(s, as) && !c->late_fault &&
                    !c->cut_short) {
                    report_now(s, MALI_CSF_GROUP_ON_UNMAPPED, as, 0, 0,
                               GROUP_UNMAPPED_MAX_NS, now - c->unmapped_time);
                }
                c->unmapped_time = -1;
            }
        }
        if (c->fault_time >= 0) {
            if (now - c->fault_time < FAULT_UNACKNOWLEDGED_MAX_NS) {
                timer_mod_anticipate_ns(s->checker.timer, c->fault_time +
                                        FAULT_UNACKNOWLEDGED_MAX_NS);
            } else {
                if (s->mmu.irq.rawstat & s->mmu.irq.mask &
                    MALI_CSF_MMU_INT_FAULT(as)) {
                    report_now(s, MALI_CSF_FAULT_NOT_ACKNOWLEDGED, as,
                               space->faultaddress, space->faultaddress,
                               FAULT_UNACKNOWLEDGED_MAX_NS,
                               now - c->fault_time);
                } else if (c->faulted && translates(s, &space->active)) {
                    report_now(s, MALI_CSF_ENABLED_AFTER_FAULT, as,
                               space->faultaddress, space->faultaddress,
                               FAULT_UNACKNOWLEDGED_MAX_NS,
                               now - c->fault_time);
                }
                c->fault_time = -1;
            }
        }
    }
}

/* Life cycle */

void mali_csf_checker_forget(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAsCheck *c = &s->checker.as[as];

        mali_csf_snapshot_free(c->snapshot);
        g_free(c->dirty_pages);
        *c = (MaliCsfAsCheck) {
            .snapshot = mali_csf_snapshot_new(),
            .lock_dropped = true,
            /* After a load a space may be unmapped because of this. */
            .faulted = s->mmu.as[as].fault_latched,
            .unmapped_time = -1,
            .fault_time = -1,
            .staged_since = -1,
        };
    }
    g_clear_pointer(&s->checker.lines, g_free);
    /* Not that of a line of 0s */
    s->checker.lines_generation = 1;
    forget_waits(s);
    timer_del(s->checker.timer);
}

void mali_csf_checker_init(MaliCsfState *s)
{
    mali_csf_findings_init(&s->checker.findings);
    s->checker.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, checker_timer, s);
    mali_csf_checker_forget(s);
}

void mali_csf_checker_finalize(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        mali_csf_snapshot_free(s->checker.as[as].snapshot);
        g_free(s->checker.as[as].dirty_pages);
    }
    g_free(s->checker.lines);
    timer_free(s->checker.timer);
    mali_csf_findings_finalize(&s->checker.findings);
}
