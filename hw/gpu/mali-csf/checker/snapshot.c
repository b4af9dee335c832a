/*
 * Mali CSF GPU: a copy of an address space's page tables
 *
 * Tables are compared whole and only looked into where they differ, since
 * this happens at each command that the driver gives to the MMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include "qemu/units.h"
#include "snapshot.h"

#define LAST_LEVEL      3
#define TABLE_ENTRIES   512
#define TABLE_SIZE      (TABLE_ENTRIES * sizeof(uint64_t))

/* Memory is had in pages of TABLE_SIZE, which come in chunks. */
#define CHUNK_PAGES     64
#define MAX_PAGES       (MALI_CSF_SNAPSHOT_MAX_BYTES / TABLE_SIZE)
#define MAX_CHUNKS      (MAX_PAGES / CHUNK_PAGES)

/*
 * What the MMU does with a leaf.  Not in it: nG and the bits that the
 * architecture leaves to software; AP[1], which the walker does not check.
 */
#define LEAF_MASK       (MALI_CSF_PTE_ADDR_MASK | MALI_CSF_PTE_AP_RDONLY | \
                         (7ull << MALI_CSF_PTE_ATTR_SHIFT) | \
                         (3ull << 8) | MALI_CSF_PTE_AF | \
                         MALI_CSF_PTE_XN | MALI_CSF_PTE_VALID)

typedef struct Table {
    /* As in guest memory, so that it can be compared whole; NULL: all 0 */
    uint64_t *entries;
    /* Tables of the next level, NULL where the entry is none; or NULL */
    struct Table **next;
    /* Valid leaves among the entries */
    unsigned leaves;
} Table;

#define TABLES_PER_PAGE (TABLE_SIZE / sizeof(Table))

typedef union Page {
    union Page *next_free;
    uint64_t entries[TABLE_ENTRIES];
    Table *next[TABLE_ENTRIES];
    Table tables[TABLES_PER_PAGE];
} Page;

QEMU_BUILD_BUG_ON(sizeof(Page) != TABLE_SIZE);

struct MaliCsfSnapshot {
    Table *root;
    unsigned tables;
    bool truncated;

    /* Where a page or a Table comes from: what was freed, then what is new */
    Page *chunks[MAX_CHUNKS];
    unsigned pages;
    Page *free_pages;
    Table *free_tables;
    Table *new_tables;
    unsigned num_new_tables;
};

typedef struct Comparison {
    MaliCsfSnapshot *snapshot;
    MaliCsfSnapshotUpdate *update;
    /* Neighbours that were not told of yet */
    MaliCsfChange run;
    bool any_run;
    unsigned change_steps;
    /* Only what translates @va is looked at */
    bool single;
    uint64_t va;
    /* Below a block that became a table */
    bool within_split;
} Comparison;

static const Table no_table;

static bool is_table(uint64_t descriptor, unsigned level)
{
    return level < LAST_LEVEL &&
           (descriptor & (MALI_CSF_PTE_VALID | MALI_CSF_PTE_TABLE_OR_PAGE)) ==
           (MALI_CSF_PTE_VALID | MALI_CSF_PTE_TABLE_OR_PAGE);
}

uint64_t mali_csf_effective_leaf(uint64_t descriptor, unsigned level)
{
    bool page = descriptor & MALI_CSF_PTE_TABLE_OR_PAGE;

    if (!(descriptor & MALI_CSF_PTE_VALID) || level == 0 ||
        page != (level == LAST_LEVEL)) {
        return 0;
    }
    return descriptor & LEAF_MASK &
           ~(MALI_CSF_PTE_ADDR_MASK &
             ((1ull << mali_csf_level_shift(level)) - 1));
}

/* Memory */

/* NULL, and the snapshot is truncated, if there is no more.  Not cleared. */
static Page *page_new(MaliCsfSnapshot *snapshot)
{
    Page *page = snapshot->free_pages;
    unsigned chunk = snapshot->pages / CHUNK_PAGES;

    if (page) {
        snapshot->free_pages = page->next_free;
        return page;
    }
    if (snapshot->pages == MAX_PAGES) {
        snapshot->truncated = true;
        return NULL;
    }
    if (!snapshot->chunks[chunk]) {
        snapshot->chunks[chunk] = g_new(Page, CHUNK_PAGES);
    }
    return &snapshot->chunks[chunk][snapshot->pages++ % CHUNK_PAGES];
}

static void page_free(MaliCsfSnapshot *snapshot, void *entries)
{
    Page *page = entries;

    if (page) {
        page->next_free = snapshot->free_pages;
        snapshot->free_pages = page;
    }
}

static Table *table_new(MaliCsfSnapshot *snapshot)
{
    Table *table = snapshot->free_tables;

    if (snapshot->tables == MALI_CSF_SNAPSHOT_MAX_TABLES) {
        snapshot->truncated = true;
        return NULL;
    }
    if (table) {
        snapshot->free_tables = (Table *)table->next;
    } else {
        if (!snapshot->num_new_tables) {
            Page *page = page_new(snapshot);

            if (!page) {
                return NULL;
            }
            snapshot->new_tables = page->tables;
            snapshot->num_new_tables = TABLES_PER_PAGE;
        }
        table = snapshot->new_tables++;
        snapshot->num_new_tables--;
    }
    snapshot->tables++;
    *table = (Table) { };
    return table;
}

static void table_free(MaliCsfSnapshot *snapshot, Table *table)
{
    if (!table) {
        return;
    }
    if (table->next) {
        for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
            table_free(snapshot, table->next[i]);
        }
    }
    page_free(snapshot, table->entries);
    page_free(snapshot, table->next);
    table->next = (Table **)snapshot->free_tables;
    snapshot->free_tables = table;
    snapshot->tables--;
}

/* False if there is no memory for it */
static bool make_entries(MaliCsfSnapshot *snapshot, Table *table)
{
    if (!table->entries) {
        Page *page = page_new(snapshot);

        if (!page) {
            return false;
        }
        memset(page, 0, sizeof(*page));
        table->entries = page->entries;
    }
    return true;
}

/* The table below the entry @i; a new one is empty.  NULL: no memory for it */
static Table *make_next(MaliCsfSnapshot *snapshot, Table *table, unsigned i)
{
    if (!table->next) {
        Page *page = page_new(snapshot);

        if (!page) {
            return NULL;
        }
        memset(page, 0, sizeof(*page));
        table->next = page->next;
    }
    if (!table->next[i]) {
        table->next[i] = table_new(snapshot);
    }
    return table->next[i];
}

/* Changes */

static void spend(Comparison *c, unsigned steps)
{
    c->update->steps += steps;
    c->change_steps += steps;
}

static void tell_run(Comparison *c)
{
    if (c->any_run) {
        spend(c, 1);
        c->update->changed(c->update->opaque, &c->run);
        c->any_run = false;
    }
}

/* Is there anyone to tell of a change at @va? */
static bool wanted(Comparison *c, uint64_t va)
{
    if (!c->update->changed || c->update->any_lost) {
        return false;
    }
    if (c->change_steps >= MALI_CSF_SNAPSHOT_MAX_STEPS) {
        tell_run(c);
        c->update->any_lost = true;
        c->update->lost = va;
        return false;
    }
    return true;
}

static bool is_inside(const Comparison *c, uint64_t start, uint64_t last)
{
    const MaliCsfRegion *held = c->update->held;

    return held && start >= held->start && last <= held->last;
}

/* @size bytes at @va, made of leaves of @leaf_size */
static void report(Comparison *c, uint64_t va, uint64_t size,
                   uint64_t leaf_size, uint64_t before, uint64_t after,
                   bool removes, bool split)
{
    uint64_t last = va + (size - 1);
    bool inside;

    if (!wanted(c, va)) {
        return;
    }
    inside = is_inside(c, va, last);
    if (c->any_run && va == c->run.last + 1 && leaf_size == c->run.size &&
        inside == c->run.inside && removes == c->run.removes &&
        !split && !c->run.split && c->within_split == c->run.within_split) {
        c->run.last = last;
        return;
    }
    tell_run(c);
    c->run = (MaliCsfChange) {
        .start = va,
        .last = last,
        .size = leaf_size,
        .before = before,
        .after = after,
        .inside = inside,
        .removes = removes,
        .split = split,
        .within_split = c->within_split,
    };
    c->any_run = true;
}

static void report_entry(Comparison *c, uint64_t va, unsigned level,
                         uint64_t before, uint64_t after)
{
    bool was_leaf = mali_csf_effective_leaf(before, level) != 0;
    uint64_t size = 1ull << mali_csf_level_shift(level);

    report(c, va, size, size, before, after,
           was_leaf || is_table(before, level),
           was_leaf && is_table(after, level));
}

/* Every valid leaf below @table went away */
static void report_removed(Comparison *c, const Table *table, unsigned level,
                           uint64_t va)
{
    uint64_t size = 1ull << mali_csf_level_shift(level);
    uint64_t last = va + (TABLE_ENTRIES * size - 1);
    const MaliCsfRegion *held = c->update->held;

    c->update->steps++;
    if (!wanted(c, va) || !table->entries) {
        return;
    }
    if (table->leaves == TABLE_ENTRIES &&
        (!held || is_inside(c, va, last) ||
         last < held->start || va > held->last)) {
        report(c, va, TABLE_ENTRIES * size, size,
               le64_to_cpu(table->entries[0]), 0, true, false);
        return;
    }
    if (!table->leaves && !table->next) {
        return;
    }
    spend(c, MALI_CSF_SNAPSHOT_TABLE_STEPS);
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t d = le64_to_cpu(table->entries[i]);
        uint64_t entry_va = va | (uint64_t)i << mali_csf_level_shift(level);

        if (is_table(d, level)) {
            if (table->next && table->next[i]) {
                report_removed(c, table->next[i], level + 1, entry_va);
            }
        } else if (mali_csf_effective_leaf(d, level)) {
            report_entry(c, entry_va, level, d, 0);
        }
    }
}

/* Comparison */

/* Make @table say what the block @descriptor of the level above says */
static bool fill_from_block(MaliCsfSnapshot *snapshot, Table *table,
                            unsigned level, uint64_t descriptor)
{
    uint64_t size = 1ull << mali_csf_level_shift(level);

    if (!make_entries(snapshot, table)) {
        return false;
    }
    /* Address and all; a page differs from a block in this bit. */
    descriptor = mali_csf_effective_leaf(descriptor, level - 1);
    if (level == LAST_LEVEL) {
        descriptor |= MALI_CSF_PTE_TABLE_OR_PAGE;
    }
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        table->entries[i] = cpu_to_le64(descriptor + i * size);
    }
    table->leaves = TABLE_ENTRIES;
    return true;
}

static void compare_table(Comparison *c, Table *table, unsigned level,
                          uint64_t va, hwaddr pa);

/* An entry that was or is a table: @table has the old one, gets the new one */
static void compare_next(Comparison *c, Table *table, unsigned level,
                         unsigned i, uint64_t va, uint64_t after)
{
    uint64_t before = le64_to_cpu(table->entries[i]);
    bool was_leaf = mali_csf_effective_leaf(before, level) != 0;
    bool now_leaf = mali_csf_effective_leaf(after, level) != 0;
    bool within_split = c->within_split;
    Table *next;

    table->entries[i] = cpu_to_le64(after);
    table->leaves += now_leaf - was_leaf;
    if (!is_table(after, level)) {
        next = table->next ? table->next[i] : NULL;
        if (now_leaf) {
            report_entry(c, va, level, before, after);
        } else if (next) {
            report_removed(c, next, level + 1, va);
        }
        if (next) {
            table_free(c->snapshot, next);
            table->next[i] = NULL;
        }
        return;
    }

    next = make_next(c->snapshot, table, i);
    if (!next) {
        return;
    }
    if (was_leaf) {
        /*
         * A block became a table: all of it changed, also where the
         * addresses are still the same.  Where they are not is reported too,
         * for a driver that flushes only that.
         */
        report_entry(c, va, level, before, after);
        if (!fill_from_block(c->snapshot, next, level + 1, before)) {
            return;
        }
        c->within_split = true;
    }
    compare_table(c, next, level + 1, va, after & MALI_CSF_PTE_ADDR_MASK);
    c->within_split = within_split;
}

/* The guest may be changing it: an entry is read whole, and once. */
static inline uint64_t read_entry(const uint64_t *live, unsigned i)
{
    /* No RAM, no entry */
    return live ? le64_to_cpu(qatomic_read(&live[i])) : 0;
}

/* Neighbours in one table that changed, and are told of together */
typedef struct LeafRun {
    unsigned first;
    unsigned count;
    bool removes;
    uint64_t before;
    uint64_t after;
} LeafRun;

static void end_leaf_run(Comparison *c, LeafRun *run, unsigned level,
                         uint64_t va)
{
    unsigned shift = mali_csf_level_shift(level);

    if (run->count) {
        report(c, va | (uint64_t)run->first << shift,
               (uint64_t)run->count << shift, 1ull << shift, run->before,
               run->after, run->removes, false);
        run->count = 0;
    }
}

/*
 * Which leaves of the table at @va are the first that is inside the region,
 * and the first behind it?  TABLE_ENTRIES at most.
 */
static void find_cuts(const Comparison *c, unsigned level, uint64_t va,
                      unsigned cuts[2])
{
    unsigned shift = mali_csf_level_shift(level);
    const MaliCsfRegion *held = c->update->held;
    uint64_t most = ((uint64_t)TABLE_ENTRIES << shift) - 1;

    cuts[0] = cuts[1] = TABLE_ENTRIES;
    if (held && held->start > va) {
        cuts[0] = MIN(held->start - va, most) >> shift;
        cuts[0] += va + ((uint64_t)cuts[0] << shift) < held->start;
    }
    if (held && held->last < va + most) {
        cuts[1] = held->last < va ? 0 : (held->last - va + 1) >> shift;
    }
}

/* All of a table, which differs or has tables below it */
static inline QEMU_ALWAYS_INLINE
void compare_entries(Comparison *c, Table *table, unsigned level,
                     uint64_t va, const uint64_t *live, bool telling)
{
    unsigned cuts[2];
    LeafRun run = { };

    find_cuts(c, level, va, cuts);
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t before = le64_to_cpu(table->entries[i]);
        uint64_t after = read_entry(live, i);
        uint64_t was, now;

        if (is_table(after, level) ||
            (is_table(before, level) && before != after)) {
            end_leaf_run(c, &run, level, va);
            compare_next(c, table, level, i,
                         va | (uint64_t)i << mali_csf_level_shift(level),
                         after);
            continue;
        }
        if (before == after) {
            continue;
        }
        table->entries[i] = cpu_to_le64(after);
        was = mali_csf_effective_leaf(before, level);
        now = mali_csf_effective_leaf(after, level);
        table->leaves += (now != 0) - (was != 0);
        if (was == now || !telling) {
            continue;
        }
        if (run.count && i == run.first + run.count && i != cuts[0] &&
            i != cuts[1] && run.removes == (was != 0)) {
            run.count++;
            continue;
        }
        end_leaf_run(c, &run, level, va);
        run = (LeafRun) {
            .first = i,
            .count = 1,
            .removes = was != 0,
            .before = before,
            .after = after,
        };
    }
    end_leaf_run(c, &run, level, va);
}

/* Whether the copy of @table is what is @live, NULL being no RAM */
static bool is_same(const Table *table, const uint64_t *live)
{
    if (!live) {
        return !table->entries;
    }
    return table->entries ? !memcmp(live, table->entries, TABLE_SIZE)
                          : buffer_is_zero(live, TABLE_SIZE);
}

static void compare_last_level(Comparison *c, Table *table, uint64_t va,
                               const uint64_t *live)
{
    if (!make_entries(c->snapshot, table)) {
        return;
    }
    if (wanted(c, va)) {
        spend(c, MALI_CSF_SNAPSHOT_TABLE_STEPS);
        compare_entries(c, table, LAST_LEVEL, va, live, true);
    } else {
        compare_entries(c, table, LAST_LEVEL, va, live, false);
    }
    if (!table->leaves && is_same(&no_table, live)) {
        page_free(c->snapshot, table->entries);
        table->entries = NULL;
    }
}

/* The entry of @table that translates c->va */
static void compare_single(Comparison *c, Table *table, unsigned level,
                           uint64_t va, const uint64_t *live)
{
    unsigned shift = mali_csf_level_shift(level);
    unsigned i = extract64(c->va, shift, 9);
    uint64_t before = le64_to_cpu(table->entries[i]);
    uint64_t after = read_entry(live, i);

    va |= (uint64_t)i << shift;
    if (is_table(before, level) || is_table(after, level)) {
        compare_next(c, table, level, i, va, after);
        return;
    }
    table->entries[i] = cpu_to_le64(after);
    table->leaves += (mali_csf_effective_leaf(after, level) != 0) -
                     (mali_csf_effective_leaf(before, level) != 0);
    if (mali_csf_effective_leaf(before, level) !=
        mali_csf_effective_leaf(after, level)) {
        report_entry(c, va, level, before, after);
    }
}

static void compare_table(Comparison *c, Table *table, unsigned level,
                          uint64_t va, hwaddr pa)
{
    MaliCsfRamWindow *window;
    const uint64_t *live = mali_csf_ram_map(c->update->ram, pa, TABLE_SIZE,
                                            &window);
    bool same;

    if (c->snapshot->truncated) {
        return;
    }
    c->update->steps++;
    same = is_same(table, live);
    if (same && (level == LAST_LEVEL || !table->next)) {
        return;
    }
    if (level == LAST_LEVEL) {
        compare_last_level(c, table, va, live);
    } else if (!make_entries(c->snapshot, table)) {
        return;
    } else if (c->single) {
        compare_single(c, table, level, va, live);
    } else {
        if (!same) {
            spend(c, MALI_CSF_SNAPSHOT_TABLE_STEPS);
        }
        compare_entries(c, table, level, va, live, wanted(c, va));
    }
}

MaliCsfSnapshot *mali_csf_snapshot_new(void)
{
    return g_new0(MaliCsfSnapshot, 1);
}

void mali_csf_snapshot_free(MaliCsfSnapshot *snapshot)
{
    if (snapshot) {
        for (unsigned i = 0; i < MAX_CHUNKS; i++) {
            g_free(snapshot->chunks[i]);
        }
        g_free(snapshot);
    }
}

void mali_csf_snapshot_close(MaliCsfSnapshot *snapshot)
{
    snapshot->root = NULL;
    snapshot->tables = 0;
    snapshot->truncated = false;
    snapshot->pages = 0;
    snapshot->free_pages = NULL;
    snapshot->free_tables = NULL;
    snapshot->num_new_tables = 0;
}

void mali_csf_snapshot_open(MaliCsfSnapshot *snapshot)
{
    mali_csf_snapshot_close(snapshot);
    snapshot->root = table_new(snapshot);
}

bool mali_csf_snapshot_is_open(const MaliCsfSnapshot *snapshot)
{
    return snapshot->root;
}

unsigned mali_csf_snapshot_tables(const MaliCsfSnapshot *snapshot)
{
    return snapshot->tables;
}

static bool compare(Comparison *c)
{
    MaliCsfSnapshotUpdate *update = c->update;

    update->steps = 0;
    update->any_lost = false;
    compare_table(c, c->snapshot->root, 0, 0,
                  update->translation->transtab & MALI_CSF_PTE_ADDR_MASK);
    tell_run(c);
    if (c->snapshot->truncated) {
        mali_csf_snapshot_close(c->snapshot);
        return false;
    }
    return true;
}

bool mali_csf_snapshot_update(MaliCsfSnapshot *snapshot,
                              MaliCsfSnapshotUpdate *update)
{
    Comparison c = {
        .snapshot = snapshot,
        .update = update,
    };

    return compare(&c);
}

bool mali_csf_snapshot_update_at(MaliCsfSnapshot *snapshot,
                                 MaliCsfSnapshotUpdate *update, uint64_t va)
{
    Comparison c = {
        .snapshot = snapshot,
        .update = update,
        .single = true,
        .va = va,
    };

    return compare(&c);
}

uint64_t mali_csf_snapshot_leaf(const MaliCsfSnapshot *snapshot, uint64_t va,
                                unsigned *level)
{
    const Table *table = snapshot->root;
    unsigned n;

    for (n = 0; table; n++) {
        unsigned i = extract64(va, mali_csf_level_shift(n), 9);
        uint64_t d = table->entries ? le64_to_cpu(table->entries[i]) : 0;

        *level = n;
        if (!is_table(d, n)) {
            return mali_csf_effective_leaf(d, n);
        }
        table = table->next ? table->next[i] : NULL;
    }
    return 0;
}
