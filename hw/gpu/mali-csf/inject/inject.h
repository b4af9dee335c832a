/*
 * Mali CSF GPU: faults that somebody asks for
 *
 * An injection arms a condition that the device's usual path meets later:
 * where something could go wrong, the path asks whether it shall.  Nothing
 * armed, that costs one test of a bit.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_INJECT_H
#define HW_GPU_MALI_CSF_INJECT_H

#include "qapi/qapi-types-mali-csf.h"
#include "qemu/bitops.h"
#include "qemu/timer.h"

typedef struct MaliCsfState MaliCsfState;
typedef struct MaliCsfFault MaliCsfFault;

/* Of one device, those that are used up included */
#define MALI_CSF_MAX_INJECTIONS     32
/* Things that complete late, at the same time */
#define MALI_CSF_MAX_LATE           32

/* One injection; what is not among @given is zero */
typedef struct MaliCsfArmed {
    uint32_t id;
    uint32_t kind;
    /* Which of the members that follow were given */
    uint32_t given;
    uint32_t count;
    uint32_t skip;
    uint64_t delay_ns;
    uint64_t va;
    uint64_t size;
    uint64_t mask;
    uint32_t value;
    uint8_t as;
    uint8_t slot;
    uint8_t stream;
    uint8_t opcode;
    uint8_t command;
    uint8_t exception;
    uint8_t interrupt;
    uint8_t groups;
    uint8_t streams;
    uint8_t field;

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

typedef struct MaliCsfInject {
    /* A bit for each kind of which one is armed */
    uint64_t armed;
    uint32_t count;
    uint32_t last_id;
    MaliCsfArmed list[MALI_CSF_MAX_INJECTIONS];
    MaliCsfLate late[MALI_CSF_MAX_LATE];
    QEMUTimer *timer;

    /* By MaliCsfIrqLine: kept low though STAT is not zero; high for nothing */
    uint8_t silent;
    uint8_t glitch;
} MaliCsfInject;

/* What the path that asks knows of the occasion; unused members are zero */
typedef struct MaliCsfOccasion {
    uint8_t as;
    uint8_t slot;
    uint8_t stream;
    uint8_t opcode;
    uint8_t command;
    uint8_t interrupt;
    uint8_t field;
    uint64_t bits;
    uint64_t va;
    uint64_t size;
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

extern const VMStateDescription vmstate_mali_csf_inject;

void mali_csf_inject_init(MaliCsfState *s);
void mali_csf_inject_finalize(MaliCsfState *s);
/* QEMU reset: what is armed stays so, what would complete late is dropped */
void mali_csf_inject_reset_enter(MaliCsfState *s);
/* GPU soft or hard reset: likewise, and no line is kept low or high */
void mali_csf_inject_gpu_reset(MaliCsfState *s);
/* Before a load: nothing is armed unless the stream says so */
void mali_csf_inject_pre_load(MaliCsfState *s);
int mali_csf_inject_post_load(MaliCsfState *s);

/* Is any of these kinds armed?  @kinds: bits of MALI_CSF_INJECT_BIT() */
static inline bool mali_csf_injected(const MaliCsfInject *inject,
                                     uint64_t kinds)
{
    return unlikely(inject->armed & kinds);
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

/**
 * mali_csf_inject_holds: shall something not complete now?
 * @value: what the block wants to know if it completes late
 *
 * If the result is not NULL, the caller leaves it as it is.  If the injection
 * has a delay, the kind's complete() function is called with @value when it
 * is over.
 */
const MaliCsfArmed *mali_csf_inject_holds(MaliCsfState *s,
                                          MaliCsfInjectionKind kind,
                                          const MaliCsfOccasion *occasion,
                                          uint64_t value);

/* What the firmware says it has, when it boots; at first what it does have */
void mali_csf_inject_slots(MaliCsfState *s, uint32_t *groups,
                           uint32_t *streams);

/* What the firmware writes to a field at boot; @value: what it should */
uint32_t mali_csf_inject_field(MaliCsfState *s, MaliCsfControlField field,
                               unsigned csg, unsigned cs, uint32_t value);

/* PWR_STATUS as the host reads it: @value, of which @bits are read now */
uint64_t mali_csf_inject_pwr_status(MaliCsfState *s, uint64_t value,
                                    uint64_t bits);

/* The bits of @bits, about to be raised on @line, that shall be */
uint32_t mali_csf_inject_irq(MaliCsfState *s, unsigned line, uint32_t bits);

/* The guest reads the interrupt registers of the line, or they change */
void mali_csf_inject_irq_read(MaliCsfState *s, unsigned line);
void mali_csf_inject_irq_changed(MaliCsfState *s, unsigned line);

/* Level of a line whose STAT is zero or not */
static inline bool mali_csf_inject_level(const MaliCsfInject *inject,
                                         unsigned line, bool level)
{
    if (likely(!(inject->silent | inject->glitch))) {
        return level;
    }
    return (level && !(inject->silent & (1u << line))) ||
           (inject->glitch & (1u << line));
}

/*
 * The exception that an access to [@va, @va + @size) of @as shall take, or
 * 0; @bus_error: it is not the MMU's.
 */
uint8_t mali_csf_inject_access(MaliCsfState *s, unsigned as, uint64_t va,
                               uint64_t size, bool *bus_error);

/* Does the instruction @word at @va take a fault?  Then it has one now. */
bool mali_csf_inject_stream(MaliCsfState *s, unsigned csg, unsigned cs,
                            uint64_t va, uint64_t word);

/**
 * mali_csf_find: the device of that path
 *
 * Returns NULL with @errp set if there is none, or if it is something else.
 */
MaliCsfState *mali_csf_find(const char *path, Error **errp);

#endif /* HW_GPU_MALI_CSF_INJECT_H */
