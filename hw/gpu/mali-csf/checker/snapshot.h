/*
 * Mali CSF GPU: a copy of an address space's page tables, and what changed
 * in them since it was made
 *
 * A change is a change of an effective translation: whether a leaf is valid,
 * its output address, permissions, attributes, access flag, or its size.  It
 * spans the whole old and the whole new leaf.  The comparison is by virtual
 * address and level, never by the page that a table happens to lie in: the
 * driver reuses those at once.
 *
 * Nothing here takes longer than the limits below let it: the guest holds the
 * tables, and everything waits while they are looked at.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SNAPSHOT_H
#define HW_GPU_MALI_CSF_SNAPSHOT_H

#include "../memory/walk.h"

/*
 * Tables that one snapshot may hold, and bytes that they may take: 4 KiB each,
 * 8 KiB above the last level, next to nothing where a table is empty.
 */
#define MALI_CSF_SNAPSHOT_MAX_TABLES    8192
#define MALI_CSF_SNAPSHOT_MAX_BYTES     (16 * MiB)
/*
 * Steps that the changes of one comparison may take.  A table in which
 * something changed is MALI_CSF_SNAPSHOT_TABLE_STEPS, a change is one.
 */
#define MALI_CSF_SNAPSHOT_MAX_STEPS     4096
#define MALI_CSF_SNAPSHOT_TABLE_STEPS   4

typedef struct MaliCsfSnapshot MaliCsfSnapshot;

/* A region of addresses, both ends inclusive */
typedef struct MaliCsfRegion {
    uint64_t start;
    uint64_t last;
} MaliCsfRegion;

/*
 * One or several neighbouring leaves, of @size bytes each, from @start to
 * @last, for all of which the rest holds.  Of @before and @after, the
 * descriptors, those of the first.
 */
typedef struct MaliCsfChange {
    uint64_t start;
    uint64_t last;
    uint64_t size;
    uint64_t before;
    uint64_t after;
    /* All of it is in the region that is held */
    bool inside;
    /* The change took valid translations away, or altered them */
    bool removes;
    /* A block became a table; what differs in it follows, each within_split */
    bool split;
    bool within_split;
} MaliCsfChange;

typedef void MaliCsfChangeFn(void *opaque, const MaliCsfChange *change);

typedef struct MaliCsfSnapshotUpdate {
    MaliCsfRam *ram;
    /* Tells where the tables are */
    const MaliCsfTranslation *translation;
    /* NULL if there is none */
    const MaliCsfRegion *held;
    /* Called for each change, by ascending address; NULL for none */
    MaliCsfChangeFn *changed;
    void *opaque;

    /*
     * Set by the update: tables looked at and what the changes took, in steps.
     * What changed from @lost on was too much to be told; it is in the copy.
     */
    unsigned steps;
    bool any_lost;
    uint64_t lost;
} MaliCsfSnapshotUpdate;

/* It begins closed. */
MaliCsfSnapshot *mali_csf_snapshot_new(void);
void mali_csf_snapshot_free(MaliCsfSnapshot *snapshot);

/* Without any table in it: everything that is mapped then is a change */
void mali_csf_snapshot_open(MaliCsfSnapshot *snapshot);
/* In no time; it keeps its memory for the next time. */
void mali_csf_snapshot_close(MaliCsfSnapshot *snapshot);
bool mali_csf_snapshot_is_open(const MaliCsfSnapshot *snapshot);
/* Tables in it; what an update has to look at, if none come */
unsigned mali_csf_snapshot_tables(const MaliCsfSnapshot *snapshot);

/**
 * mali_csf_snapshot_update: make the copy agree with the tables
 *
 * Returns false, and closes the snapshot, if there are more tables than one
 * may hold.
 */
bool mali_csf_snapshot_update(MaliCsfSnapshot *snapshot,
                              MaliCsfSnapshotUpdate *update);

/**
 * mali_csf_snapshot_update_at: the same for what translates @va
 *
 * Looks at the entries on the way to @va, and all of a table of the last
 * level.
 */
bool mali_csf_snapshot_update_at(MaliCsfSnapshot *snapshot,
                                 MaliCsfSnapshotUpdate *update, uint64_t va);

/*
 * The descriptor of the leaf for @va as the copy has it, without the bits
 * that do not matter; 0 if there is none.  @level is set to its level.
 */
uint64_t mali_csf_snapshot_leaf(const MaliCsfSnapshot *snapshot, uint64_t va,
                                unsigned *level);

/* What matters of a leaf descriptor of @level; 0 if it is not a valid leaf */
uint64_t mali_csf_effective_leaf(uint64_t descriptor, unsigned level);

#endif /* HW_GPU_MALI_CSF_SNAPSHOT_H */
