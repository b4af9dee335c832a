/*
 * Mali CSF GPU: a view of guest memory through the GPU's address spaces
 *
 * The one way in which the rest of the model reaches guest memory.  A view has
 * a TLB of its own, and its own copy of what the address spaces have in force,
 * which the MMU brings up to date.  It knows no register and raises no
 * interrupt: who uses it decides what becomes of a fault.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_MMU_VIEW_H
#define HW_GPU_MALI_CSF_MMU_VIEW_H

#include "qemu/atomic.h"
#include "qemu/queue.h"
#include "qemu/thread.h"
#include "hw/gpu/mali-csf/mmu-regs.h"
#include "../memory/ram.h"
#include "../memory/tlb.h"
#include "../memory/walk.h"

typedef struct MaliCsfState MaliCsfState;
typedef struct MaliCsfUses MaliCsfUses;
typedef struct MaliCsfViews MaliCsfViews;

/* What became of an access */
typedef enum MaliCsfMemResult {
    /* It is done. */
    MALI_CSF_MEM_DONE,
    /* A locked region covers it: do it again once the region is unlocked. */
    MALI_CSF_MEM_STALLED,
    /* It faulted, and the fault is filled in; nobody was told yet. */
    MALI_CSF_MEM_FAULTED,
    /* It translates to an address that is not RAM; the fault is filled in. */
    MALI_CSF_MEM_BUS_ERROR,
} MaliCsfMemResult;

typedef enum MaliCsfMemAccess {
    MALI_CSF_MEM_ATOMIC = AS_ACCESS_ATOMIC,
    MALI_CSF_MEM_EXECUTE = AS_ACCESS_EXECUTE,
    MALI_CSF_MEM_READ = AS_ACCESS_READ,
    MALI_CSF_MEM_WRITE = AS_ACCESS_WRITE,
} MaliCsfMemAccess;

typedef struct MaliCsfFault {
    uint64_t va;
    uint8_t exception;
    uint8_t access;
    /* Zero but of an injected fault: the model has no units to tell apart */
    uint16_t source_id;
} MaliCsfFault;

/* What UPDATE and LOCK have put in force in an address space */
typedef struct MaliCsfViewSpace {
    MaliCsfTranslation translation;
    /* The region held, inclusive */
    bool locked;
    uint64_t lock_start;
    uint64_t lock_last;
} MaliCsfViewSpace;

/* Drops of cached translations that a view remembers; more are a drop of all */
#define MALI_CSF_VIEW_DROPS 8

/* What the MMU has put to a view whose thread has yet to see it */
typedef struct MaliCsfViewChanges {
    /* Bit mask of the address spaces that have something new in force */
    uint32_t spaces;
    MaliCsfViewSpace space[MALI_CSF_MAX_AS];
    struct {
        uint8_t as;
        uint64_t start;
        uint64_t last;
    } drops[MALI_CSF_VIEW_DROPS];
    unsigned num_drops;
    bool drop_all;
    bool forget_host;
    bool ignore_locks;
    bool injected;
    bool protected_mode;
} MaliCsfViewChanges;

typedef struct MaliCsfMemView {
    MaliCsfRam *ram;
    /* Width of a physical address of this product */
    unsigned pa_bits;
    /* Locked regions stall nothing */
    bool ignore_locks;
    /* Accesses are those of protected mode */
    bool protected_mode;
    /* Whose injections meet each access; NULL: nobody's */
    MaliCsfState *injected_by;
    /* Whose checker sees each access, in the main thread */
    MaliCsfState *watched_by;

    MaliCsfViewSpace spaces[MALI_CSF_MAX_AS];
    MaliCsfTlb tlb;

    /* Counters */
    uint64_t tlb_hits;
    uint64_t tlb_misses;

    /*
     * The rest is of a view that a thread uses.  The set that it is in; how
     * often something was put to it, counted by the main thread, and how much
     * of that was seen.
     */
    MaliCsfViews *views;
    uint32_t put;
    uint32_t seen;
    /* An access may meet an injection: host addresses are not kept */
    bool injected;
    /* What a checker is told of it later, or NULL */
    MaliCsfUses *uses;
    /* Of @entered, @changes, and of all the view while it is not entered */
    QemuMutex lock;
    bool entered;
    MaliCsfViewChanges changes;
    QLIST_ENTRY(MaliCsfMemView) next;
} MaliCsfMemView;

/* @view is all zeros.  Every space is UNMAPPED; @ram stays the caller's. */
void mali_csf_view_init(MaliCsfMemView *view, MaliCsfRam *ram,
                        unsigned pa_bits, MaliCsfState *watched_by);

/*
 * A view for a thread.  It joins the set and parts from it in the main thread.
 * The thread makes its accesses between enter and leave; whatever the MMU puts
 * to the view meanwhile, the next access sees first, and a command of the
 * driver is over only when every view has seen it.  So a thread that computes
 * without an access calls poll at least every 100 us, and one that waits, for
 * an unlock or anything else, leaves before.
 */
void mali_csf_view_join(MaliCsfViews *views, MaliCsfMemView *view);
void mali_csf_view_part(MaliCsfMemView *view);
void mali_csf_view_enter(MaliCsfMemView *view);
void mali_csf_view_leave(MaliCsfMemView *view);

/* Something was put to the view: its thread takes it over */
void mali_csf_view_see(MaliCsfMemView *view);
/* The same, by a caller who has the view's lock */
void mali_csf_view_take_over(MaliCsfMemView *view);

static inline void mali_csf_view_poll(MaliCsfMemView *view)
{
    if (unlikely(qatomic_read(&view->put) != view->seen)) {
        mali_csf_view_see(view);
    }
}

/* Is an injection armed that an access may meet? */
bool mali_csf_view_injected(const MaliCsfMemView *view);

/* Does the region locked in @as cover any of these bytes? */
bool mali_csf_view_locked(const MaliCsfMemView *view, unsigned as,
                          uint64_t va, uint64_t size);

/*
 * What the main thread does next is of protected mode, or not; returns whether
 * it was before.  The GPU itself stays where it is.
 */
bool mali_csf_view_set_protected(MaliCsfMemView *view, bool protected_mode);

/**
 * mali_csf_mem_probe: would an access succeed now?
 * @as: number of the address space
 * @va, @size: the bytes; @size is not zero
 * @fault: filled in for FAULTED and BUS_ERROR
 *
 * Touches no data.  After DONE, the same access with no return to the main
 * loop in between is DONE too, unless the guest edits its page tables
 * meanwhile.
 */
MaliCsfMemResult mali_csf_mem_probe(MaliCsfMemView *view, unsigned as,
                                    uint64_t va, uint64_t size,
                                    MaliCsfMemAccess access,
                                    MaliCsfFault *fault);

/*
 * Single accesses of 4 or 8 bytes, little-endian, single-copy atomic.  @va
 * must be aligned to its size.  Loads and stores are relaxed; a
 * caller that passes a message with one adds smp_rmb(), smp_wmb() or smp_mb().
 */
MaliCsfMemResult mali_csf_mem_load32(MaliCsfMemView *view, unsigned as,
                                     uint64_t va, uint32_t *value,
                                     MaliCsfFault *fault);
MaliCsfMemResult mali_csf_mem_load64(MaliCsfMemView *view, unsigned as,
                                     uint64_t va, uint64_t *value,
                                     MaliCsfFault *fault);
MaliCsfMemResult mali_csf_mem_store32(MaliCsfMemView *view, unsigned as,
                                      uint64_t va, uint32_t value,
                                      MaliCsfFault *fault);
MaliCsfMemResult mali_csf_mem_store64(MaliCsfMemView *view, unsigned as,
                                      uint64_t va, uint64_t value,
                                      MaliCsfFault *fault);

/* *@va += @value, sequentially consistent */
MaliCsfMemResult mali_csf_mem_add32(MaliCsfMemView *view, unsigned as,
                                    uint64_t va, uint32_t value,
                                    MaliCsfFault *fault);
MaliCsfMemResult mali_csf_mem_add64(MaliCsfMemView *view, unsigned as,
                                    uint64_t va, uint64_t value,
                                    MaliCsfFault *fault);

/* Any number of bytes: all or nothing, no atomicity promised */
MaliCsfMemResult mali_csf_mem_read(MaliCsfMemView *view, unsigned as,
                                   uint64_t va, void *buf, uint64_t size,
                                   MaliCsfFault *fault);
MaliCsfMemResult mali_csf_mem_write(MaliCsfMemView *view, unsigned as,
                                    uint64_t va, const void *buf,
                                    uint64_t size, MaliCsfFault *fault);

/* Bytes of one page, by physical and by host address */
typedef struct MaliCsfSpan {
    uint8_t *host;
    MaliCsfRamWindow *window;
    hwaddr pa;
} MaliCsfSpan;

/**
 * mali_csf_mem_span: host address for accesses of a shader
 * @va, @size: the bytes, all of them in one page of 4 KiB
 * @span: filled in on success; good until the view is polled or used again
 *
 * After a store, mali_csf_ram_written() is called with what is in @span.
 */
MaliCsfMemResult mali_csf_mem_span(MaliCsfMemView *view, unsigned as,
                                   uint64_t va, uint64_t size,
                                   MaliCsfMemAccess access,
                                   MaliCsfSpan *span, MaliCsfFault *fault);

/**
 * mali_csf_mem_map: host address for a run of reads
 * @size: set to the number of bytes that may be read from the result, not
 *        more than to the end of the 4 KiB page of @va
 *
 * For instruction fetch.  @host is good until control returns to the main
 * loop.
 */
MaliCsfMemResult mali_csf_mem_map(MaliCsfMemView *view, unsigned as,
                                  uint64_t va, const void **host,
                                  uint64_t *size, MaliCsfFault *fault);

#endif /* HW_GPU_MALI_CSF_MMU_VIEW_H */
