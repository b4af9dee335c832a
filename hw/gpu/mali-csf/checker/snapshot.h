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
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_SNAPSHOT_H
#define HW_GPU_MALI_CSF_CHECKER_SNAPSHOT_H

#include "../memory/walk.h"

/* Tables that one snapshot may hold; what lies beyond is not looked at */
#define MALI_CSF_SNAPSHOT_MAX_TABLES    8192

typedef struct MaliCsfSnapshot MaliCsfSnapshot;

/* Bytes from @start to @last translated by @before, and now by @after */
typedef struct MaliCsfChange {
    uint64_t start;
    uint64_t last;
    uint64_t before;
    uint64_t after;
    /* The change took a valid translation away, or altered one */
    bool removes;
    /* A block became a table; what differs in it follows, each within_split */
    bool split;
    bool within_split;
} MaliCsfChange;

typedef void MaliCsfChangeFn(void *opaque, const MaliCsfChange *change);

/* Without any table in it: everything that is mapped then is a change */
MaliCsfSnapshot *mali_csf_snapshot_new(void);
void mali_csf_snapshot_free(MaliCsfSnapshot *snapshot);

/**
 * mali_csf_snapshot_update: make the copy agree with the tables
 * @t: tells where the tables are
 * @changed: called for each change, by ascending address; NULL for none
 *
 * Returns false if there are more tables than a snapshot may hold.
 */
bool mali_csf_snapshot_update(MaliCsfSnapshot *snapshot, MaliCsfRam *ram,
                              const MaliCsfTranslation *t,
                              MaliCsfChangeFn *changed, void *opaque);

/*
 * The descriptor of the leaf for @va as the copy has it, without the bits
 * that do not matter; 0 if there is none.  @level is set to its level.
 */
uint64_t mali_csf_snapshot_leaf(const MaliCsfSnapshot *snapshot, uint64_t va,
                                unsigned *level);

/* What matters of a leaf descriptor of @level; 0 if it is not a valid leaf */
uint64_t mali_csf_effective_leaf(uint64_t descriptor, unsigned level);

#endif /* HW_GPU_MALI_CSF_CHECKER_SNAPSHOT_H */
