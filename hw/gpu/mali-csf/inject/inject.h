/*
 * Mali CSF GPU: faults that are asked for
 *
 * An injection arms a condition that the device's usual path meets later:
 * where something could go wrong, the path asks whether it shall, and does what
 * follows itself.  Nothing armed, that costs one test of a bit.  What comes by
 * itself, or late, goes to a function of the block that the kind belongs to.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_INJECT_H
#define HW_GPU_MALI_CSF_INJECT_H

#include "qapi/qapi-types-mali-csf.h"
#include "qemu/atomic.h"
#include "qemu/bitops.h"
#include "qemu/thread.h"
#include "qemu/timer.h"

typedef struct MaliCsfSaved MaliCsfSaved;
typedef struct MaliCsfState MaliCsfState;
typedef struct MaliCsfFault MaliCsfFault;

/* Of one device, those that are used up included */
#define MALI_CSF_MAX_INJECTIONS     32
/* Things that complete late, at the same time */
#define MALI_CSF_MAX_LATE           32

/*
 * The members of MaliCsfInjection (qapi/mali-csf.json) that not every kind
 * takes, in the order in which they are saved.  All there is to say of one:
 *
 *     MEMBER(ID, name, "as-it-is-written", comparison, limit)
 *
 * The comparison says which occasions it lets through.  EQUAL: those that have
 * the same value; BITS: those that have a bit in common; RANGE: those that
 * touch @size bytes from it; NONE: all, it is not compared.
 *
 * Values are below the limit; 0 is that of its type in the schema.  The limit
 * can depend on the device, MaliCsfState *s.
 */
#define MALI_CSF_INJECT_MEMBERS(MEMBER) \
    MEMBER(SKIP, skip, "skip", NONE, 0) \
    MEMBER(DELAY, delay_ns, "delay-ns", NONE, 0) \
    MEMBER(AS, address_space, "address-space", EQUAL, MALI_CSF_MAX_AS) \
    MEMBER(SLOT, slot, "slot", EQUAL, s->model->csg_slots) \
    MEMBER(STREAM, stream, "stream", EQUAL, s->model->cs_per_csg) \
    MEMBER(VA, va, "va", RANGE, 0) \
    MEMBER(SIZE, size, "size", NONE, 0) \
    MEMBER(OPCODE, opcode, "opcode", EQUAL, 0) \
    MEMBER(COMMAND, command, "command", EQUAL, 0) \
    MEMBER(EXCEPTION, exception, "exception", NONE, 0) \
    MEMBER(INTERRUPT, interrupt, "interrupt", EQUAL, MALI_CSF_INTERRUPT__MAX) \
    MEMBER(MASK, mask, "mask", BITS, 0) \
    MEMBER(GROUPS, groups, "groups", NONE, 0) \
    MEMBER(STREAMS, streams, "streams", NONE, 0) \
    MEMBER(FIELD, field, "field", EQUAL, MALI_CSF_CONTROL_FIELD__MAX) \
    MEMBER(VALUE, value, "value", NONE, 0) \
    MEMBER(DATA, data, "data", NONE, 1u << MALI_CSF_FAULT_DATA_BITS) \
    MEMBER(INFO, info, "info", NONE, 0) \
    MEMBER(SOURCE_ID, source_id, "source-id", NONE, 0)

/* EXCEPTION_DATA of CS_FAULT and CS_FATAL */
#define MALI_CSF_FAULT_DATA_BITS    24

#define MALI_CSF_MEMBER_ENUM(_id, ...)          MALI_CSF_MEMBER_##_id,
#define MALI_CSF_MEMBER_FIELD_OF(_id, _name, ...) uint64_t _name;

typedef enum MaliCsfMember {
    MALI_CSF_INJECT_MEMBERS(MALI_CSF_MEMBER_ENUM)
    MALI_CSF_NUM_MEMBERS,
} MaliCsfMember;

/* A value of each, by name and by MaliCsfMember */
#define MALI_CSF_MEMBER_VALUES \
    union { \
        struct { \
            MALI_CSF_INJECT_MEMBERS(MALI_CSF_MEMBER_FIELD_OF) \
        }; \
        uint64_t member[MALI_CSF_NUM_MEMBERS]; \
    }

/* One injection */
typedef struct MaliCsfArmed {
    uint32_t id;
    uint32_t kind;
    /* Which members were given: BIT(MALI_CSF_MEMBER_*) */
    uint32_t given;
    uint32_t count;
    /* Of those that were not given, what the kind does without them */
    MALI_CSF_MEMBER_VALUES;

    uint64_t met;
    /* Used up: count is not zero and met has reached it */
    bool spent;
    uint32_t to_skip;
    /* Of what comes unasked: virtual time of the next one, in ns */
    int64_t due;
} MaliCsfArmed;

/* Something that was not completed when it should have been */
typedef struct MaliCsfLate {
    bool pending;
    uint32_t kind;
    uint64_t value;
    int64_t due;
} MaliCsfLate;

/* Something that was held up completes now; @value: as it was then */
typedef void MaliCsfInjectComplete(MaliCsfState *s, uint64_t value);
/* Other kinds may be armed than before */
typedef void MaliCsfInjectChanged(MaliCsfState *s);
/* The time of something has come that waits for no occasion */
typedef void MaliCsfInjectUnasked(MaliCsfState *s, const MaliCsfArmed *a);

typedef struct MaliCsfInject {
    /* What trace events begin with; the device's */
    const char *trace_id;
    /* By kind, set for good by the block that the kind belongs to */
    MaliCsfInjectComplete *complete[MALI_CSF_INJECTION_KIND__MAX];
    MaliCsfInjectUnasked *unasked[MALI_CSF_INJECTION_KIND__MAX];
    MaliCsfInjectChanged *changed;

    /* Of the list, which threads of an endpoint read, too, and count in */
    QemuMutex lock;
    /* A bit for each kind of which one is armed; read without the lock */
    uint64_t armed;
    uint32_t count;
    uint32_t last_id;
    MaliCsfArmed list[MALI_CSF_MAX_INJECTIONS];
    MaliCsfLate late[MALI_CSF_MAX_LATE];
    QEMUTimer *timer;
} MaliCsfInject;

/* What the path that asks knows of the occasion; the others are zero */
typedef struct MaliCsfOccasion {
    MALI_CSF_MEMBER_VALUES;
} MaliCsfOccasion;

#define MALI_CSF_INJECT_BIT(kind) \
    BIT_ULL(MALI_CSF_INJECTION_KIND_##kind)

/* The kinds that an access to memory can meet */
#define MALI_CSF_INJECT_ACCESSES \
    (MALI_CSF_INJECT_BIT(TRANSLATION_FAULT) | \
     MALI_CSF_INJECT_BIT(PERMISSION_FAULT) | \
     MALI_CSF_INJECT_BIT(ACCESS_FLAG_FAULT) | \
     MALI_CSF_INJECT_BIT(BUS_ERROR))

/* The kinds that an instruction can meet */
#define MALI_CSF_INJECT_STREAMS \
    (MALI_CSF_INJECT_BIT(CS_FAULT) | MALI_CSF_INJECT_BIT(CS_FATAL))

/* The kinds that an acknowledgement of a group can meet */
#define MALI_CSF_INJECT_GROUPS \
    (MALI_CSF_INJECT_BIT(CSG_START_ACK) | \
     MALI_CSF_INJECT_BIT(CSG_RESUME_ACK) | \
     MALI_CSF_INJECT_BIT(CSG_SUSPEND_ACK) | \
     MALI_CSF_INJECT_BIT(CSG_TERMINATE_ACK) | \
     MALI_CSF_INJECT_BIT(CSG_STATUS_UPDATE_ACK) | \
     MALI_CSF_INJECT_BIT(CSG_EP_CFG_ACK))

/* The kinds that an interrupt can meet when it is raised */
#define MALI_CSF_INJECT_IRQS \
    (MALI_CSF_INJECT_BIT(IRQ_LOST) | MALI_CSF_INJECT_BIT(IRQ_SILENT))

extern const MaliCsfSaved mali_csf_inject_saved;

void mali_csf_inject_init(MaliCsfState *s);
void mali_csf_inject_finalize(MaliCsfState *s);
/* Any reset: what is armed stays so, what would complete late is dropped */
void mali_csf_inject_reset(MaliCsfState *s);
/* Nothing is armed unless a saved state says so: before it is read to @saved */
void mali_csf_inject_pre_load(MaliCsfInject *saved);
void mali_csf_inject_post_load(MaliCsfState *s);

/*
 * A block says, when it is initialised, what becomes of a kind that it owns:
 * how it completes late, or that it comes unasked, when its time has come.
 */
void mali_csf_inject_set_complete(MaliCsfState *s, MaliCsfInjectionKind kind,
                                  MaliCsfInjectComplete *complete);
void mali_csf_inject_set_unasked(MaliCsfState *s, MaliCsfInjectionKind kind,
                                 MaliCsfInjectUnasked *unasked);

/* Who keeps something that depends on what is armed; told in the main thread */
void mali_csf_inject_set_changed(MaliCsfState *s,
                                 MaliCsfInjectChanged *changed);

static inline bool mali_csf_armed_has(const MaliCsfArmed *a,
                                      MaliCsfMember member)
{
    return a->given & BIT(member);
}

/* Is any of these kinds armed?  @kinds: bits of MALI_CSF_INJECT_BIT() */
static inline bool mali_csf_injected(const MaliCsfInject *inject,
                                     uint64_t kinds)
{
    return unlikely(qatomic_read(&inject->armed) & kinds);
}

/**
 * mali_csf_inject_meet: shall it go wrong this time?
 * @occasion: what the injection's filter is compared with
 *
 * Returns the injection that is met, which counts, or NULL.  Good until the
 * next call of a function of this header.
 */
const MaliCsfArmed *mali_csf_inject_meet(MaliCsfState *s,
                                         MaliCsfInjectionKind kind,
                                         const MaliCsfOccasion *occasion);

/* The same, in any thread: it is copied to @met */
bool mali_csf_inject_meet_in_thread(MaliCsfState *s, MaliCsfInjectionKind kind,
                                    const MaliCsfOccasion *occasion,
                                    MaliCsfArmed *met);

/**
 * mali_csf_inject_holds: shall something not complete now?
 * @value: what the block wants to know if it completes late
 *
 * If the result is not NULL, the caller leaves it as it is.  If the injection
 * has a delay, the kind's complete() function is called with @value when it
 * is over, and without one, never.
 */
const MaliCsfArmed *mali_csf_inject_holds(MaliCsfState *s,
                                          MaliCsfInjectionKind kind,
                                          const MaliCsfOccasion *occasion,
                                          uint64_t value);

/* Does an injection of @kind take @member, of MaliCsfInjection? */
bool mali_csf_inject_takes(MaliCsfState *s, MaliCsfInjectionKind kind,
                           const char *member, Error **errp);

/**
 * mali_csf_find: the device of that path
 *
 * Returns NULL with @errp set if there is none, or if it is something else.
 */
MaliCsfState *mali_csf_find(const char *path, Error **errp);

/* Paths of all devices, which are freed with the array */
GPtrArray *mali_csf_find_all(void);

#endif /* HW_GPU_MALI_CSF_INJECT_H */
