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
#include "snapshot.h"

#define LAST_LEVEL      3
#define TABLE_ENTRIES   512
#define TABLE_SIZE      (TABLE_ENTRIES * sizeof(uint64_t))

/*
 * What the MMU does with a leaf.  Not in it: nG and the bits that the
 * architecture leaves to software; AP[1], which the walker does not check.
 */
#define LEAF_MASK       (MALI_CSF_PTE_ADDR_MASK | MALI_CSF_PTE_AP_RDONLY | \
                         (7ull << MALI_CSF_PTE_ATTR_SHIFT) | \
                         (3ull << 8) | MALI_CSF_PTE_AF | \
                         MALI_CSF_PTE_XN | MALI_CSF_PTE_VALID)

typedef struct Table {
    /* As in guest memory, so that it can be compared whole */
    uint64_t entries[TABLE_ENTRIES];
    /* Tables of the next level, NULL where the entry is none; not at level 3 */
    struct Table *next[];
} Table;

struct MaliCsfSnapshot {
    Table *root;
    unsigned tables;
    bool truncated;
};

typedef struct Comparison {
    MaliCsfSnapshot *snapshot;
    MaliCsfRam *ram;
    MaliCsfChangeFn *changed;
    void *opaque;
    /* Below a block that became a table */
    bool within_split;
} Comparison;

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

static Table *table_new(MaliCsfSnapshot *snapshot, unsigned level)
{
    if (snapshot->tables >= MALI_CSF_SNAPSHOT_MAX_TABLES) {
        snapshot->truncated = true;
        return NULL;
    }
    snapshot->tables++;
    return g_malloc0(sizeof(Table) +
                     (level < LAST_LEVEL ? TABLE_ENTRIES : 0) *
                     sizeof(Table *));
}

static void table_free(MaliCsfSnapshot *snapshot, Table *table,
                       unsigned level)
{
    unsigned i;

    if (!table) {
        return;
    }
    if (level < LAST_LEVEL) {
        for (i = 0; i < TABLE_ENTRIES; i++) {
            table_free(snapshot, table->next[i], level + 1);
        }
    }
    g_free(table);
    snapshot->tables--;
}

static void report(Comparison *c, uint64_t va, unsigned level,
                   uint64_t before, uint64_t after)
{
    MaliCsfChange change = {
        .start = va,
        .last = va + ((1ull << mali_csf_level_shift(level)) - 1),
        .before = before,
        .after = after,
        .removes = is_table(before, level) ||
                   mali_csf_effective_leaf(before, level) != 0,
        .split = mali_csf_effective_leaf(before, level) &&
                 is_table(after, level),
        .within_split = c->within_split,
    };

    if (c->changed) {
        c->changed(c->opaque, &change);
    }
}

/* Make @table say what the block @descriptor of the level above says */
static void fill_from_block(Table *table, unsigned level, uint64_t descriptor)
{
    uint64_t size = 1ull << mali_csf_level_shift(level);

    /* Address and all; a page differs from a block in this bit. */
    descriptor = mali_csf_effective_leaf(descriptor, level - 1);
    if (level == LAST_LEVEL) {
        descriptor |= MALI_CSF_PTE_TABLE_OR_PAGE;
    }
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        table->entries[i] = cpu_to_le64(descriptor + i * size);
    }
}

/* Every valid leaf below @table went away */
static void report_removed(Comparison *c, const Table *table, unsigned level,
                           uint64_t va)
{
    unsigned i;

    if (!c->changed) {
        return;
    }
    for (i = 0; i < TABLE_ENTRIES; i++) {
        uint64_t d = le64_to_cpu(table->entries[i]);
        uint64_t entry_va = va | (uint64_t)i << mali_csf_level_shift(level);

        if (is_table(d, level)) {
            if (table->next[i]) {
                report_removed(c, table->next[i], level + 1, entry_va);
            }
        } else if (mali_csf_effective_leaf(d, level)) {
            report(c, entry_va, level, d, 0);
        }
    }
}

static void compare_table(Comparison *c, Table *table, unsigned level,
                          uint64_t va, hwaddr pa);

/* One entry: @table has the old one, and gets the new one */
static void compare_entry(Comparison *c, Table *table, unsigned level,
                          unsigned i, uint64_t va, uint64_t after)
{
    uint64_t before = le64_to_cpu(table->entries[i]);
    bool was_table = is_table(before, level);
    bool now_table = is_table(after, level);
    hwaddr next_pa = after & MALI_CSF_PTE_ADDR_MASK;
    Comparison within = *c;

    table->entries[i] = cpu_to_le64(after);
    if (!was_table && !now_table) {
        if (mali_csf_effective_leaf(before, level) !=
            mali_csf_effective_leaf(after, level)) {
            report(c, va, level, before, after);
        }
        return;
    }

    if (was_table && !now_table) {
        if (mali_csf_effective_leaf(after, level)) {
            report(c, va, level, before, after);
        } else if (table->next[i]) {
            report_removed(c, table->next[i], level + 1, va);
        }
        table_free(c->snapshot, table->next[i], level + 1);
        table->next[i] = NULL;
        return;
    }

    if (!table->next[i]) {
        table->next[i] = table_new(c->snapshot, level + 1);
        if (!table->next[i]) {
            return;
        }
    }
    if (mali_csf_effective_leaf(before, level)) {
        /*
         * A block became a table: all of it changed, also where the
         * addresses are still the same.  Where they are not is reported too,
         * for a driver that flushes only that.
         */
        report(c, va, level, before, after);
        fill_from_block(table->next[i], level + 1, before);
        within.within_split = true;
        c = &within;
    }
    compare_table(c, table->next[i], level + 1, va, next_pa);
}

static void compare_table(Comparison *c, Table *table, unsigned level,
                          uint64_t va, hwaddr pa)
{
    MaliCsfRamWindow *window;
    const uint64_t *live = mali_csf_ram_map(c->ram, pa, TABLE_SIZE, &window);
    bool same = live && !memcmp(live, table->entries, TABLE_SIZE);
    unsigned i;

    if (same && level == LAST_LEVEL) {
        return;
    }
    for (i = 0; i < TABLE_ENTRIES; i++) {
        /* Whole, once: the guest may be changing it.  No RAM, no entry. */
        uint64_t after = live ? le64_to_cpu(qatomic_read(&live[i])) : 0;
        uint64_t before = le64_to_cpu(table->entries[i]);

        if (before != after || is_table(after, level)) {
            compare_entry(c, table, level, i,
                          va | (uint64_t)i << mali_csf_level_shift(level),
                          after);
        }
    }
}

MaliCsfSnapshot *mali_csf_snapshot_new(void)
{
    return g_new0(MaliCsfSnapshot, 1);
}

void mali_csf_snapshot_free(MaliCsfSnapshot *snapshot)
{
    if (snapshot) {
        table_free(snapshot, snapshot->root, 0);
        g_free(snapshot);
    }
}

bool mali_csf_snapshot_update(MaliCsfSnapshot *snapshot, MaliCsfRam *ram,
                              const MaliCsfTranslation *t,
                              MaliCsfChangeFn *changed, void *opaque)
{
    Comparison c = {
        .snapshot = snapshot,
        .ram = ram,
        .changed = changed,
        .opaque = opaque,
    };

    snapshot->truncated = false;
    if (!snapshot->root) {
        snapshot->root = table_new(snapshot, 0);
    }
    compare_table(&c, snapshot->root, 0, 0,
                  t->transtab & MALI_CSF_PTE_ADDR_MASK);
    return !snapshot->truncated;
}

uint64_t mali_csf_snapshot_leaf(const MaliCsfSnapshot *snapshot, uint64_t va,
                                unsigned *level)
{
    const Table *table = snapshot->root;
    unsigned n;

    for (n = 0; table; n++) {
        unsigned i = extract64(va, mali_csf_level_shift(n), 9);
        uint64_t d = le64_to_cpu(table->entries[i]);

        *level = n;
        if (!is_table(d, n)) {
            return mali_csf_effective_leaf(d, n);
        }
        table = table->next[i];
    }
    return 0;
}
