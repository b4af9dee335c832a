/*
 * Mali CSF GPU: kinds of injections and their members, for who keeps what is
 * armed and for the commands
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_INJECT_KINDS_H
#define HW_GPU_MALI_CSF_INJECT_KINDS_H

#include "inject.h"

/* Time to what comes unasked and between two, at least and by default; in ns */
#define MALI_CSF_UNASKED_PERIOD_NS  10000
/* A storm has an end, and leaves time for something else */
#define MALI_CSF_UNASKED_MAX_COUNT  1000000

#define GIVEN(member)   BIT(MALI_CSF_MEMBER_##member)

typedef enum MaliCsfComparison {
    MALI_CSF_COMPARE_NONE,
    MALI_CSF_COMPARE_EQUAL,
    MALI_CSF_COMPARE_BITS,
    MALI_CSF_COMPARE_RANGE,
} MaliCsfComparison;

typedef struct MaliCsfMemberRow {
    const char *name;
    MaliCsfComparison comparison;
    /* In MaliCsfInjection: that it was given; its value, of @size bytes */
    size_t has;
    size_t value;
    size_t size;
} MaliCsfMemberRow;

typedef struct MaliCsfKindRow {
    /*
     * What it takes, in place of SKIP; DELAY besides if its block has said
     * how it completes, or that it comes unasked
     */
    uint32_t takes;
    /* What it cannot do without */
    uint32_t needs;
    /* Of an access, an instruction or the GPU: what is reported, by default */
    uint8_t exception;
    /* That is of level 3, and may be of another one, but nothing else */
    bool levels;
    /* Only of a model that has PWR_CONTROL */
    bool pwr_control;
} MaliCsfKindRow;

extern const MaliCsfMemberRow mali_csf_members[MALI_CSF_NUM_MEMBERS];
extern const MaliCsfKindRow mali_csf_kinds[MALI_CSF_INJECTION_KIND__MAX];

/* The first value that a member cannot have, or 0 */
uint64_t mali_csf_member_limit(const MaliCsfState *s, MaliCsfMember member);

/* inject.c */

/* All that a kind takes of one device: GIVEN() of each member */
uint32_t mali_csf_inject_members(const MaliCsfInject *inject, uint32_t kind);

/* Does it come when its time has come, and wait for no occasion? */
bool mali_csf_inject_is_unasked(const MaliCsfInject *inject, uint32_t kind);

/**
 * mali_csf_inject_arm: arm an injection
 * @armed: all of it but its number and when it is due
 *
 * Returns it as it is kept, good until the next one is armed or cleared, or
 * NULL if there is no place.
 */
const MaliCsfArmed *mali_csf_inject_arm(MaliCsfState *s,
                                        const MaliCsfArmed *armed);

/* Clear the one of that number, or all.  Returns whether there was one. */
bool mali_csf_inject_clear(MaliCsfState *s, bool has_id, uint32_t id);

#endif /* HW_GPU_MALI_CSF_INJECT_KINDS_H */
