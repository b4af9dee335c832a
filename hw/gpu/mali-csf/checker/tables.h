/*
 * Mali CSF GPU: the checker on page tables and the region that is held
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_TABLES_H
#define HW_GPU_MALI_CSF_CHECKER_TABLES_H

#include "qemu/interval-tree.h"
#include "accesses.h"
#include "findings.h"
#include "snapshot.h"

typedef struct MaliCsfState MaliCsfState;

/* Findings of one address space that wait for their confirmation */
#define MALI_CSF_MAX_PENDING    16
/* L2 and load/store cache cleaned and invalidated, the others invalidated */
#define MALI_CSF_FLUSH_WHOLE    0x233

typedef struct MaliCsfTablesCheck {
    /* Closed while the space translates nothing, or nothing we can follow */
    MaliCsfSnapshot *snapshot;

    MaliCsfFinding pending[MALI_CSF_MAX_PENDING];
    unsigned num_pending;

    /* 6.12: tables are edited first, and the region is flushed then */
    bool edit_then_flush;
    /* Of changes that no FLUSH_PT or FLUSH_MEM has covered yet */
    bool unflushed;
    MaliCsfRegion unflushed_region;

    /* Leaf of the last stale translation that was reported, plus 1 */
    uint64_t stale_reported;
} MaliCsfTablesCheck;

/* Since the first LOCK of the region that is held */
typedef struct MaliCsfHeldRegion {
    /* What that LOCK was for */
    MaliCsfRegion first;
    bool expanded;
    /* The space translated when the region was locked */
    bool locked_live;
    int64_t lock_time;

    bool changed;
    MaliCsfRegion change;
    bool flushed;
    uint32_t flush_modes;
    bool changed_after_flush;
    /* No time to look at the last flush: what came before it is unknown */
    bool flush_unseen;
} MaliCsfHeldRegion;

/* Pages that were stored to since L2 was last cleaned, by their number */
typedef struct MaliCsfDirtyPages {
    IntervalTreeRoot tree;
    /* The nodes, of which @count are in use; NULL before the first */
    IntervalTreeNode *pages;
    unsigned count;
    bool overflow;
    /* One lost its translation, which was for these addresses */
    bool removed;
    uint64_t start;
    uint64_t last;
} MaliCsfDirtyPages;

/* A TLB entry is used, with how a walk ends meanwhile; or was made by one */
void mali_csf_tables_hit(MaliCsfState *s, unsigned as, uint64_t va,
                         const MaliCsfLeaf *leaf,
                         const MaliCsfWalked *walked);
void mali_csf_tables_fill(MaliCsfState *s, unsigned as, uint64_t va,
                          uint64_t descriptor, unsigned level);
/* A store at @va, which the leaf @descriptor translates */
void mali_csf_tables_stored(MaliCsfState *s, unsigned as, uint64_t va,
                            uint64_t descriptor);
/* There were others, nobody knows where: until the next clean none is missed */
void mali_csf_tables_stores_lost(MaliCsfState *s, unsigned as);

/* Keep a finding until the space is used or locked with the same tables */
void mali_csf_report_later(MaliCsfState *s, const MaliCsfFinding *f);
/* It is: what is kept was wrong */
void mali_csf_confirm_pending(MaliCsfState *s, unsigned as);
/* The tables went out of use: whatever was wrong in them did no harm */
void mali_csf_drop_pending(MaliCsfState *s, unsigned as);

/* What changed in the tables of @as since they were last looked at? */
void mali_csf_tables_judge(MaliCsfState *s, unsigned as);

/* LOCK and UNLOCK, and FLUSH_PT or FLUSH_MEM of a region, locked or not */
void mali_csf_tables_lock(MaliCsfState *s, unsigned as,
                          const MaliCsfRegion *region);
void mali_csf_tables_unlock(MaliCsfState *s, unsigned as);
void mali_csf_tables_flush_region(MaliCsfState *s, unsigned as);
void mali_csf_tables_flush_caches(MaliCsfState *s, uint32_t modes);

/* UPDATE has put tables in force: follow them from here on */
void mali_csf_tables_follow(MaliCsfState *s, unsigned as);
/* They are in force no more */
void mali_csf_tables_close(MaliCsfState *s, unsigned as);
void mali_csf_tables_reset(MaliCsfState *s, unsigned as);
void mali_csf_tables_l2_off(MaliCsfState *s, unsigned as);
void mali_csf_tables_forget(MaliCsfState *s, unsigned as);
void mali_csf_tables_finalize(MaliCsfState *s, unsigned as);

#endif /* HW_GPU_MALI_CSF_CHECKER_TABLES_H */
