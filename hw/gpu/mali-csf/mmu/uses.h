/*
 * Mali CSF GPU: what the view of a thread was used for
 *
 * The checker is the main thread's.  So a thread notes what it has translated,
 * and what the tables said then, and the checker is told before the driver's
 * next command takes effect and before it is over: with what was true when the
 * memory was used, however late that is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_MMU_USES_H
#define HW_GPU_MALI_CSF_MMU_USES_H

#include "../memory/walk.h"

typedef struct MaliCsfState MaliCsfState;
typedef struct MaliCsfUses MaliCsfUses;

typedef enum MaliCsfUseKind {
    /* A walk, whatever it found */
    MALI_CSF_USE_FILL,
    /* A translation that was cached */
    MALI_CSF_USE_HIT,
    /* A store, of which this is the page */
    MALI_CSF_USE_STORE,
} MaliCsfUseKind;

typedef struct MaliCsfUse {
    MaliCsfUseKind kind;
    uint8_t as;
    uint64_t va;
    /* What was in force in @as */
    MaliCsfTranslation translation;
    /* What the walk found, or the leaf of a store */
    uint64_t descriptor;
    unsigned level;
    uint8_t exception;
    /* The translation that was cached; where a store went */
    MaliCsfLeaf leaf;
    uint64_t pa;
    uint64_t size;
} MaliCsfUse;

/* Of one thread; @s is told */
MaliCsfUses *mali_csf_uses_new(MaliCsfState *s);
void mali_csf_uses_free(MaliCsfUses *uses);

/*
 * In the thread.  A use that finds no room is not looked at; the checker is
 * told that it does not know of all stores.
 */
void mali_csf_uses_note(MaliCsfUses *uses, const MaliCsfUse *use);

/* In the main thread: the checker is told of all that was noted */
void mali_csf_uses_tell(MaliCsfUses *uses);

#endif /* HW_GPU_MALI_CSF_MMU_USES_H */
