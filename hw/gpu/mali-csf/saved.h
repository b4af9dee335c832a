/*
 * Mali CSF GPU: what is saved, and which values of it are loaded
 *
 * A saved state comes from outside, and so does the suspend buffer of a group,
 * which the guest can write to.  Each structure that is saved has one list of
 * rows, an X-macro.  A row names a member and how it is saved, and says what
 * its value may be:
 *
 *     #define FRAME_ROWS(ROW) \
 *         ROW(VMSTATE_UINT64(ip, MaliCsfFrame), SAVED_MULTIPLE(8))
 *
 *     const MaliCsfSaved mali_csf_frame_saved = {
 *         .vmsd = {
 *             .name = "mali-csf-frame",
 *             .version_id = 1,
 *             .minimum_version_id = 1,
 *             .fields = SAVED_FIELDS(FRAME_ROWS),
 *         },
 *         SAVED_CHECKS(FRAME_ROWS),
 *     };
 *
 * A row without a check does not compile, and mali_csf_saved_check() finds a
 * VMState that has its fields from elsewhere.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SAVED_H
#define HW_GPU_MALI_CSF_SAVED_H

#include "migration/vmstate.h"

typedef struct MaliCsfState MaliCsfState;
typedef struct MaliCsfSaved MaliCsfSaved;

typedef enum MaliCsfCheckKind {
    MALI_CSF_CHECK_ANY = 1,
    MALI_CSF_CHECK_BELOW,
    MALI_CSF_CHECK_BITS,
    MALI_CSF_CHECK_TIME,
    MALI_CSF_CHECK_FUNCTION,
    MALI_CSF_CHECK_STRUCT,
} MaliCsfCheckKind;

/* Which values a member may have; of an array, each element */
typedef struct MaliCsfCheck {
    MaliCsfCheckKind kind;
    /* It has a place in the suspend buffer, too. */
    bool is_suspended;
    /* BELOW: the limit; BITS: those that may be set; TIME: also valid */
    uint64_t number;
    bool (*function)(MaliCsfState *s, uint64_t value);
    const MaliCsfSaved *structure;
} MaliCsfCheck;

struct MaliCsfSaved {
    VMStateDescription vmsd;
    /* For each of the fields, and of the subsections if there are any */
    const MaliCsfCheck *checks;
    unsigned num_checks;
    const MaliCsfSaved *const *subsections;
    /*
     * What it takes more than one member to say, or NULL.  Each member has
     * passed its check.  Of @s, only what no load changes is to be looked at.
     */
    bool (*valid)(MaliCsfState *s, const void *opaque);
};

#define SAVED_FIELD(_field_struct, _check, ...)     _field_struct,
#define SAVED_CHECK(_field_struct, _check, ...)     { _check, ##__VA_ARGS__ },

/* The members .vmsd.fields and .checks of a MaliCsfSaved */
#define SAVED_FIELDS(_rows) \
    (const VMStateField[]) { _rows(SAVED_FIELD) VMSTATE_END_OF_LIST() }
#define SAVED_CHECKS(_rows) \
    .checks = (const MaliCsfCheck[]) { _rows(SAVED_CHECK) }, \
    .num_checks = sizeof((const MaliCsfCheck[]) { _rows(SAVED_CHECK) }) / \
                  sizeof(MaliCsfCheck)

/* Nothing depends on it; or it is compared with what the device has. */
#define SAVED_ANY \
    .kind = MALI_CSF_CHECK_ANY
#define SAVED_BELOW(_limit) \
    .kind = MALI_CSF_CHECK_BELOW, .number = (_limit)
#define SAVED_BITS(_mask) \
    .kind = MALI_CSF_CHECK_BITS, .number = (_mask)
/* @_power: a power of two */
#define SAVED_MULTIPLE(_power)  SAVED_BITS(~((uint64_t)(_power) - 1))
/* Of a clock, in ns, not so late that a sum with it wraps */
#define SAVED_TIME \
    .kind = MALI_CSF_CHECK_TIME
#define SAVED_TIME_OR(_value) \
    .kind = MALI_CSF_CHECK_TIME, .number = (_value)
/* @_function: bool (MaliCsfState *, uint64_t) */
#define SAVED_IF(_function) \
    .kind = MALI_CSF_CHECK_FUNCTION, .function = (_function)
/* A structure, or an array of such, whose rows are those of @_saved */
#define SAVED_STRUCT(_saved) \
    .kind = MALI_CSF_CHECK_STRUCT, .structure = &(_saved)

/* The last of a row: the member is part of a suspended stream. */
#define SAVED_SUSPENDED \
    .is_suspended = true

/**
 * mali_csf_saved_valid: can the device go on with this?
 * @where: receives the name of what it cannot have, if the result is false
 */
bool mali_csf_saved_valid(MaliCsfState *s, const MaliCsfSaved *saved,
                          const void *opaque, GString *where);

/* Copy the members that have rows, those of structures within included. */
void mali_csf_saved_copy(const MaliCsfSaved *saved, void *to,
                         const void *from);

/*
 * Members with SAVED_SUSPENDED, little-endian, in the order of the rows, each
 * aligned to its size: how many bytes that takes, a multiple of 8; to and from
 * a buffer of so many bytes.  What was there has not been checked.
 */
size_t mali_csf_saved_suspended_size(const MaliCsfSaved *saved);
void mali_csf_saved_suspend(const MaliCsfSaved *saved, const void *from,
                            uint8_t *buf);
void mali_csf_saved_resume(const MaliCsfSaved *saved, void *to,
                           const uint8_t *buf);

/* Assert that every field there is has a check; for the program, not data */
void mali_csf_saved_check(const MaliCsfSaved *saved);

/* For members that more than one block has */
bool mali_csf_saved_is_scoreboard(MaliCsfState *s, uint64_t value);

/* A timer is saved as the time when it is due, or -1. */
int64_t mali_csf_saved_timer(const QEMUTimer *timer);
void mali_csf_saved_arm(QEMUTimer *timer, int64_t due);

#endif /* HW_GPU_MALI_CSF_SAVED_H */
