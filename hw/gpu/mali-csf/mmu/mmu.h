/*
 * Mali CSF GPU: address spaces — registers, commands, locked regions, faults
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_MMU_H
#define HW_GPU_MALI_CSF_MMU_H

#include "hw/gpu/mali-csf/mmu-regs.h"
#include "../irq.h"
#include "qemu/queue.h"
#include "qemu/timer.h"
#include "views.h"

typedef struct MaliCsfState MaliCsfState;

/* No x-*-latency-ns counts as more than this: an hour of virtual time */
#define MALI_CSF_LATENCY_MAX_NS     (3600ull * 1000000000)

typedef struct MaliCsfAddressSpace {
    /* Registers as written, not in force before UPDATE */
    uint64_t transtab;
    uint64_t memattr;
    uint64_t transcfg;
    uint64_t lockaddr;

    /* In force */
    MaliCsfTranslation active;

    /* A command that takes time, and the virtual time of its end, or -1 */
    uint32_t command;
    int64_t command_end;
    /* It is not executed before protected mode is over */
    bool command_waits;
    /* It is executed, and over when every view has seen it; not migrated */
    bool command_unseen;

    /* The region held by LOCK, inclusive */
    bool locked;
    uint64_t lock_start;
    uint64_t lock_last;

    /*
     * Later faults are not reported before the interrupt is cleared and
     * UPDATE makes the space translate again: 6.12 clears the interrupt
     * before it reads these two.
     */
    bool fault_latched;
    uint32_t faultstatus;
    uint64_t faultaddress;
} MaliCsfAddressSpace;

/*
 * Who has accesses that wait: told in the order of registration when an
 * address space @as makes a difference to them.  @opaque is the listener's;
 * functions may be NULL.
 */
typedef struct MaliCsfMmuListener {
    /* The region that was locked, or a part of it, is unlocked */
    void (*released)(void *opaque, unsigned as);
    /* UPDATE gave it another translation: what faulted may be done again */
    void (*updated)(void *opaque, unsigned as);
    /* UPDATE made it UNMAPPED: what waits in it never comes to its end */
    void (*unmapped)(void *opaque, unsigned as);
    /* Every view has seen all that commands and flushes have changed */
    void (*settled)(void *opaque);
    void *opaque;
    QTAILQ_ENTRY(MaliCsfMmuListener) next;
} MaliCsfMmuListener;

typedef struct MaliCsfMmu {
    MemoryRegion control;
    MaliCsfIrq irq;
    MaliCsfAddressSpace as[MALI_CSF_MAX_AS];

    QTAILQ_HEAD(, MaliCsfMmuListener) listeners;
    /* Is the GPU in protected mode?  Set once, by the owner of that mode */
    bool (*protected_mode)(MaliCsfState *s);

    /* Properties */
    uint64_t latency_ns;
    QEMUTimer *command_timer;

    MaliCsfRam ram;
    MaliCsfViews views;
    /* Counters, zero after QEMU reset */
    uint64_t stalls;
    uint64_t faults;
} MaliCsfMmu;

extern const MaliCsfSaved mali_csf_mmu_saved;

/* @protected_mode: see MaliCsfMmu */
void mali_csf_mmu_init(MaliCsfState *s, MemoryRegion *container,
                       bool (*protected_mode)(MaliCsfState *s));
void mali_csf_mmu_finalize(MaliCsfState *s);
void mali_csf_mmu_reset_enter(MaliCsfState *s);
void mali_csf_mmu_reset_hold(MaliCsfState *s);
/* GPU soft or hard reset: every space UNMAPPED and unlocked, IRQs cleared */
void mali_csf_mmu_gpu_reset(MaliCsfState *s);
void mali_csf_mmu_post_load(MaliCsfState *s);

/* @listener belongs to the caller and stays where it is */
void mali_csf_mmu_add_listener(MaliCsfState *s, MaliCsfMmuListener *listener);

/* Does @va translate to protected memory now? */
bool mali_csf_mmu_is_protected(MaliCsfState *s, unsigned as, uint64_t va);

/* Protected mode begins, for streams: accesses are those of that mode */
void mali_csf_mmu_protm_begins(MaliCsfState *s);
/* It is over: what has waited for that is executed */
void mali_csf_mmu_protm_over(MaliCsfState *s);

/* Locks hold up accesses, or not: no more than the stall goes away. */
void mali_csf_mmu_set_ignore_locks(MaliCsfState *s, bool ignore);

/* GPU_COMMAND FLUSH_CACHES that invalidates, and L2 power off */
void mali_csf_mmu_flush_caches(MaliCsfState *s);
void mali_csf_mmu_l2_off(MaliCsfState *s);

/* Trace and count an access of a stream that had to stall */
void mali_csf_mmu_stalled(MaliCsfState *s, unsigned as, uint64_t va);

/*
 * Latch the fault unless an older one is latched; raise the interrupt.  In
 * protected mode there is only GPU_PROTECTED_FAULT.
 */
void mali_csf_mmu_report_fault(MaliCsfState *s, unsigned as,
                               const MaliCsfFault *fault);

/**
 * mali_csf_mmu_next_leaf: what the tables of @as map at or above @va
 * @steps: how many walks it may take; receives how many are left
 * @leaf: filled in on success
 *
 * For people, like mali_csf_mmu_peek().  False if there is nothing more, or
 * nothing that was found in so many walks.
 */
bool mali_csf_mmu_next_leaf(MaliCsfState *s, unsigned as, uint64_t va,
                            unsigned *steps, MaliCsfLeaf *leaf);

/**
 * mali_csf_mmu_peek: what a word of memory is, for people
 * @size: 4 or 8, of which @va is a multiple
 *
 * Looks past locks and TLB, and changes and counts nothing.  False if the
 * address does not translate to RAM.
 */
bool mali_csf_mmu_peek(MaliCsfState *s, unsigned as, uint64_t va,
                       unsigned size, uint64_t *value);

/*
 * Name of the register at @offset of the block, and its address space; NULL
 * if it is none of an address space
 */
const char *mali_csf_mmu_register_name(uint32_t offset, unsigned *as);

/* True if accesses of @as fault because its mode is UNMAPPED */
bool mali_csf_mmu_unmapped(MaliCsfState *s, unsigned as);

#endif /* HW_GPU_MALI_CSF_MMU_H */
