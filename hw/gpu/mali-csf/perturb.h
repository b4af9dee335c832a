/*
 * Mali CSF GPU: times and orders that a seed chooses
 *
 * Hardware does not take the same time twice.  With x-seed= the device does
 * neither: what it does late, and in which order it serves equals, follows from
 * the seed.  Everything else stays as it is, so the same seed gives the same
 * run, if nothing else differs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_PERTURB_H
#define HW_GPU_MALI_CSF_PERTURB_H

#include "qemu/timer.h"

typedef struct MaliCsfSaved MaliCsfSaved;

/*
 * KIND(ID, "as-it-is-written", bound in ns, what is late): the property
 * x-late-<as-it-is-written>-ns is the bound, and 0 turns the kind off.  The
 * driver waits for 100 ms before it gives up on what is of these kinds; the
 * bounds are far below that.
 */
#define MALI_CSF_PERTURB_KINDS(KIND) \
    KIND(AS_UPDATE, "as-update", 4 * SCALE_MS, \
         "the end of AS_COMMAND UPDATE") \
    KIND(AS_LOCK, "as-lock", 4 * SCALE_MS, \
         "the end of AS_COMMAND LOCK") \
    KIND(AS_UNLOCK, "as-unlock", 4 * SCALE_MS, \
         "the end of AS_COMMAND UNLOCK") \
    KIND(AS_FLUSH, "as-flush", 4 * SCALE_MS, \
         "the end of AS_COMMAND FLUSH_PT and FLUSH_MEM") \
    KIND(GPU_FLUSH, "gpu-flush", 4 * SCALE_MS, \
         "the end of GPU_COMMAND FLUSH_CACHES") \
    KIND(DOORBELL, "doorbell", 4 * SCALE_MS, \
         "the firmware's look at what a doorbell is for") \
    KIND(FW_PASS, "fw-pass", 4 * SCALE_MS, \
         "the firmware's look at what streams and endpoints have done") \
    KIND(SLICE, "slice", 4 * SCALE_MS, \
         "the first instruction of streams that can go on") \
    KIND(ENDPOINT, "endpoint", 4 * SCALE_MS, \
         "the end of work that no shader core executes") \
    KIND(IRQ, "irq", SCALE_MS, \
         "the rise of an interrupt line, whose bits are set already") \
    KIND(TURNS, "turns", 1, \
         "whose turn it is among equal streams, and groups of a pass; any " \
         "bound but 0 is the same")

#define MALI_CSF_PERTURB_ENUM(_id, ...)     MALI_CSF_PERTURB_##_id,

typedef enum MaliCsfPerturbKind {
    MALI_CSF_PERTURB_KINDS(MALI_CSF_PERTURB_ENUM)
    MALI_CSF_NUM_PERTURB_KINDS,
} MaliCsfPerturbKind;

typedef struct MaliCsfPerturb {
    /* Properties: 0 is no perturbation at all; bounds in ns, 0: not this one */
    uint64_t seed;
    uint64_t bound[MALI_CSF_NUM_PERTURB_KINDS];
    /* From then on, in ns of the virtual clock, nothing is; 0: for ever */
    uint64_t until_ns;

    /* What trace events begin with; the device's */
    const char *trace_id;
    /*
     * State of the generators, one for each kind: a kind that is turned off
     * shifts nothing for the others
     */
    uint64_t random[MALI_CSF_NUM_PERTURB_KINDS];
} MaliCsfPerturb;

extern const MaliCsfSaved mali_csf_perturb_saved;

/* @trace_id is not copied */
void mali_csf_perturb_init(MaliCsfPerturb *perturb, const char *trace_id);

/* QEMU reset: the generators begin again */
void mali_csf_perturb_reset(MaliCsfPerturb *perturb);

static inline bool mali_csf_perturbs(const MaliCsfPerturb *perturb,
                                     MaliCsfPerturbKind kind)
{
    return unlikely(perturb->seed) && perturb->bound[kind] &&
           (!perturb->until_ns ||
            qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) < perturb->until_ns);
}

/* By how many ns something of this kind is late now; often 0 */
uint64_t mali_csf_perturb_ns(MaliCsfPerturb *perturb, MaliCsfPerturbKind kind);

/* Which of @count equals is first, below @count; turns are perturbed */
unsigned mali_csf_perturb_turn(MaliCsfPerturb *perturb, unsigned count);

#endif /* HW_GPU_MALI_CSF_PERTURB_H */
