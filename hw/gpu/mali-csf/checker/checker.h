/*
 * Mali CSF GPU: the checker, which names the driver's mistakes
 *
 * It watches the driver's side of the contract: what a driver changes in its
 * page tables, and the commands with which it says so.  A violation means
 * that the driver is wrong; what is merely odd is a note.  It changes nothing
 * of what the guest sees.  docs/devel/checker.rst has the rules and their
 * reasons.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_H
#define HW_GPU_MALI_CSF_CHECKER_H

#include "hw/gpu/mali-csf/mmu-regs.h"
#include "qemu/interval-tree.h"
#include "qemu/timer.h"
#include "findings.h"
#include "snapshot.h"

typedef struct MaliCsfState MaliCsfState;

/* Findings of one address space that wait for their confirmation */
#define MALI_CSF_MAX_PENDING    16
/* A lock, an UPDATE that is missing, and a space that is enabled */
#define MALI_CSF_MAX_AT_L2_OFF  3

typedef struct MaliCsfAsCheck {
    /* Closed while the space translates nothing, or nothing we can follow */
    MaliCsfSnapshot *snapshot;

    MaliCsfFinding pending[MALI_CSF_MAX_PENDING];
    unsigned num_pending;
    /* Of when L2 went off: they wait for it to come on again */
    MaliCsfFinding at_l2_off[MALI_CSF_MAX_AT_L2_OFF];
    unsigned num_at_l2_off;

    /* 6.12: tables are edited first, and the region is flushed then */
    bool edit_then_flush;
    /* Of changes that no FLUSH_PT or FLUSH_MEM has covered yet */
    bool unflushed;
    uint64_t unflushed_start;
    uint64_t unflushed_last;

    /* Since the first LOCK of the region that is held */
    bool changed;
    bool flushed;
    bool changed_after_flush;
    /* No time to look at the last flush: what came before it is unknown */
    bool flush_unseen;
    bool expanded;
    /* The space translated when the region was locked */
    bool locked_live;
    uint64_t first_start;
    uint64_t first_last;
    uint64_t change_start;
    uint64_t change_last;
    uint32_t flush_modes;
    int64_t lock_time;

    /* Not by UNLOCK alone was a lock released since the last LOCK */
    bool lock_dropped;
    bool last_was_unlock;
    /* The last command released a region, and no flush came since */
    bool just_released;
    /* ... and then the space was unmapped: a VM_BIND was given up midway */
    bool cut_short;
    /* Used since the caches were last flushed; by the tables at @owner */
    bool used;
    uint64_t owner;
    /* Not enabled since a reset that a lost command has led to */
    bool overtaken;

    /*
     * Pages that were stored to since L2 was last cleaned, by their number:
     * @num_dirty of them.  NULL before the first
     */
    IntervalTreeRoot dirty_tree;
    IntervalTreeNode *dirty_pages;
    unsigned num_dirty;
    bool dirty_overflow;
    bool dirty_removed;
    uint64_t dirty_start;
    uint64_t dirty_last;

    /* The space faulted since it was last enabled */
    bool faulted;
    /* It was enabled with a fault pending, which its handler is to find */
    bool late_fault;
    bool update_missing;
    /* Leaf of the last stale translation that was reported, plus 1 */
    uint64_t stale_reported;

    /* Virtual times in ns, or -1 */
    int64_t fault_time;
    int64_t unmapped_time;
    int64_t staged_since;
} MaliCsfAsCheck;

typedef struct MaliCsfLine MaliCsfLine;

typedef struct MaliCsfChecker {
    MaliCsfFindings findings;
    MaliCsfAsCheck as[MALI_CSF_MAX_AS];
    /* The driver has given up on a command, and not reset the GPU yet */
    bool gave_up;
    /* Time of the first flush whose end the driver has not heard of, or -1 */
    int64_t flush_since;
    /* Property user-notes: also what user space does not tell the caches */
    bool user_notes;
    /*
     * What loads have put into L2, by the physical number of the line; NULL
     * before the first.  Those of an earlier generation are not there.
     */
    MaliCsfLine *lines;
    uint64_t lines_generation;
    /* Tables looked at and changes found, of all that was ever done */
    uint64_t steps;
    QEMUTimer *timer;
} MaliCsfChecker;

void mali_csf_checker_init(MaliCsfState *s);
void mali_csf_checker_finalize(MaliCsfState *s);
/* QEMU reset, and load: what it knew is void */
void mali_csf_checker_forget(MaliCsfState *s);

/*
 * What happens, told by the block that does it.  Each is called before it
 * takes effect, unless it says otherwise; none is when strict is off.
 */
void mali_csf_check_lock(MaliCsfState *s, unsigned as, uint64_t start,
                         uint64_t last);
void mali_csf_check_unlock(MaliCsfState *s, unsigned as);
void mali_csf_check_flush_pt(MaliCsfState *s, unsigned as);
void mali_csf_check_flush_mem(MaliCsfState *s, unsigned as);
void mali_csf_check_update(MaliCsfState *s, unsigned as);
/* After it took effect */
void mali_csf_check_updated(MaliCsfState *s, unsigned as);
void mali_csf_check_flush_caches(MaliCsfState *s, uint32_t modes);
void mali_csf_check_gpu_reset(MaliCsfState *s);
void mali_csf_check_l2_off(MaliCsfState *s);
void mali_csf_check_l2_on(MaliCsfState *s);
/* A driver starts: what an earlier one left behind is not its mistake */
void mali_csf_check_probe(MaliCsfState *s);
/*
 * A command of an address space or a flush begins that takes @ns.  Where that
 * is more than a driver waits for, nothing is a violation until the GPU is
 * reset or a driver starts anew.  To power the L2 off and on is not enough:
 * panthor 7.3 still takes the flush for one under way.
 */
void mali_csf_check_duration(MaliCsfState *s, uint64_t ns);
/*
 * A flush begins, and the driver clears the interrupt that tells of its end.
 * On a busy host a guest can be so slow to do so that the driver has given
 * up by then, however quick the flush was.
 */
void mali_csf_check_flush_asked(MaliCsfState *s);
void mali_csf_check_flush_heard(MaliCsfState *s);
/* AS_COMMAND was written while AS_STATUS said active */
void mali_csf_check_busy_command(MaliCsfState *s, unsigned as,
                                 uint32_t command);
/* AS_COMMAND was written in protected mode, in which none is executed */
void mali_csf_check_protected_command(MaliCsfState *s, unsigned as,
                                      uint32_t command);
/* A TLB entry is used, or was just made by a walk */
void mali_csf_check_tlb_hit(MaliCsfState *s, unsigned as, uint64_t va,
                            const MaliCsfLeaf *leaf);
void mali_csf_check_tlb_fill(MaliCsfState *s, unsigned as, uint64_t va,
                             uint64_t descriptor, unsigned level);
/* @descriptor: of the leaf that translated the store of @size bytes to @pa */
void mali_csf_check_store(MaliCsfState *s, unsigned as, uint64_t va,
                          hwaddr pa, uint64_t size, uint64_t descriptor);
/* A word of @size bytes, 4 or 8, is loaded from @pa, which is at @host */
void mali_csf_check_load(MaliCsfState *s, unsigned as, uint64_t va,
                         hwaddr pa, const void *host, unsigned size);

/*
 * With user-notes: the instruction at @va uses register @reg, which was loaded
 * with no WAIT for scoreboard entry @entry since
 */
void mali_csf_check_register(MaliCsfState *s, unsigned as, uint64_t va,
                             unsigned entry, unsigned reg);

/* A flush by the driver or by a stream is complete */
void mali_csf_check_flush_done(MaliCsfState *s, uint32_t modes);
void mali_csf_check_fault(MaliCsfState *s, unsigned as);
/* START or RESUME of a group in @as */
void mali_csf_check_group(MaliCsfState *s, unsigned as);

static inline bool mali_csf_strict(const MaliCsfChecker *checker)
{
    return unlikely(checker->findings.strict != MALI_CSF_STRICT_OFF);
}

#endif /* HW_GPU_MALI_CSF_CHECKER_H */
