/*
 * Mali CSF GPU: what is saved, and which values of it are loaded
 *
 * Of VMState's kinds of fields this knows those that the device has: numbers,
 * structures, and arrays of them, be they members or pointed to.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/timer.h"
#include "device.h"
#include "saved.h"

/* VMSTATE_STRUCT_VARRAY_POINTER_UINT32() has VMS_VARRAY_INT32. */
#define KNOWN_FLAGS (VMS_SINGLE | VMS_POINTER | VMS_ARRAY | VMS_STRUCT | \
                     VMS_VARRAY_INT32)

/* The latest time of a clock that is believed: 146 years */
#define MAX_TIME    (INT64_MAX / 2)

static unsigned num_elements(const VMStateField *field, const void *opaque)
{
    if (field->flags & VMS_ARRAY) {
        return field->num;
    }
    if (field->flags & VMS_VARRAY_INT32) {
        return *(const uint32_t *)(opaque + field->num_offset);
    }
    return 1;
}

static const void *first_element(const VMStateField *field,
                                 const void *opaque)
{
    const void *first = opaque + field->offset;

    return field->flags & VMS_POINTER ? *(const void *const *)first : first;
}

static uint64_t element_value(const VMStateField *field, const void *element)
{
    return ldn_he_p(element, field->size);
}

static bool value_valid(MaliCsfState *s, const MaliCsfCheck *check,
                        uint64_t value)
{
    switch (check->kind) {
    case MALI_CSF_CHECK_ANY:
        return true;
    case MALI_CSF_CHECK_BELOW:
        return value < check->number;
    case MALI_CSF_CHECK_BITS:
        return !(value & ~check->number);
    case MALI_CSF_CHECK_TIME:
        return value <= MAX_TIME || value == check->number;
    case MALI_CSF_CHECK_FUNCTION:
        return check->function(s, value);
    default:
        g_assert_not_reached();
    }
}

/* What is in @where was found in element @i of the field. */
static void name_element(GString *where, const VMStateField *field,
                         unsigned i)
{
    g_autofree char *name =
        field->flags & (VMS_ARRAY | VMS_VARRAY_INT32) ?
        g_strdup_printf(".%s[%u]", field->name, i) :
        g_strdup_printf(".%s", field->name);

    g_string_prepend(where, name);
}

static bool field_valid(MaliCsfState *s, const VMStateField *field,
                        const MaliCsfCheck *check, const void *opaque,
                        GString *where)
{
    const void *element = first_element(field, opaque);
    unsigned count = check->kind == MALI_CSF_CHECK_ANY ? 0 :
                     num_elements(field, opaque);

    for (unsigned i = 0; i < count; i++, element += field->size) {
        if (check->structure ?
            !mali_csf_saved_valid(s, check->structure, element, where) :
            !value_valid(s, check, element_value(field, element))) {
            name_element(where, field, i);
            return false;
        }
    }
    return true;
}

bool mali_csf_saved_valid(MaliCsfState *s, const MaliCsfSaved *saved,
                          const void *opaque, GString *where)
{
    for (unsigned i = 0; i < saved->num_checks; i++) {
        if (!field_valid(s, &saved->vmsd.fields[i], &saved->checks[i], opaque,
                         where)) {
            return false;
        }
    }
    for (unsigned i = 0; saved->subsections && saved->subsections[i]; i++) {
        if (!mali_csf_saved_valid(s, saved->subsections[i], opaque, where)) {
            return false;
        }
    }
    return !saved->valid || saved->valid(s, opaque);
}

void mali_csf_saved_copy(const MaliCsfSaved *saved, void *to,
                         const void *from)
{
    for (unsigned i = 0; i < saved->num_checks; i++) {
        const VMStateField *field = &saved->vmsd.fields[i];
        const MaliCsfSaved *structure = saved->checks[i].structure;
        unsigned count = num_elements(field, from);
        void *to_element = (void *)first_element(field, to);
        const void *from_element = first_element(field, from);

        if (!structure) {
            memcpy(to_element, from_element, count * field->size);
            continue;
        }
        for (unsigned n = 0; n < count; n++) {
            mali_csf_saved_copy(structure, to_element + n * field->size,
                                from_element + n * field->size);
        }
    }
}

/* Suspend buffers */

/* What is done with a member, and with @size bytes of the buffer */
typedef void MaliCsfSuspendFn(void *member, uint8_t *buf, unsigned size);

static void write_member(void *member, uint8_t *buf, unsigned size)
{
    stn_le_p(buf, size, ldn_he_p(member, size));
}

static void read_member(void *member, uint8_t *buf, unsigned size)
{
    stn_he_p(member, size, ldn_le_p(buf, size));
}

static void measure_member(void *member, uint8_t *buf, unsigned size)
{
}

/* From @at of the buffer on; returns the offset behind the last member */
static size_t suspend(const MaliCsfSaved *saved, uintptr_t opaque,
                      uintptr_t buf, size_t at, MaliCsfSuspendFn *fn)
{
    for (unsigned i = 0; i < saved->num_checks; i++) {
        const VMStateField *field = &saved->vmsd.fields[i];
        const MaliCsfCheck *check = &saved->checks[i];
        unsigned count = !check->is_suspended ? 0 :
                         field->flags & VMS_ARRAY ? field->num : 1;
        uintptr_t member = opaque + field->offset;

        for (unsigned n = 0; n < count; n++, member += field->size) {
            if (check->structure) {
                at = suspend(check->structure, member, buf, at, fn);
                continue;
            }
            at = ROUND_UP(at, field->size);
            fn((void *)member, (uint8_t *)(buf + at), field->size);
            at += field->size;
        }
    }
    return ROUND_UP(at, 8);
}

size_t mali_csf_saved_suspended_size(const MaliCsfSaved *saved)
{
    return suspend(saved, 0, 0, 0, measure_member);
}

void mali_csf_saved_suspend(const MaliCsfSaved *saved, const void *from,
                            uint8_t *buf)
{
    suspend(saved, (uintptr_t)from, (uintptr_t)buf, 0, write_member);
}

void mali_csf_saved_resume(const MaliCsfSaved *saved, void *to,
                           const uint8_t *buf)
{
    suspend(saved, (uintptr_t)to, (uintptr_t)buf, 0, read_member);
}

/* The tables themselves */

void mali_csf_saved_check(const MaliCsfSaved *saved)
{
    const VMStateField *field = saved->vmsd.fields;
    const VMStateDescription *const *subsection = saved->vmsd.subsections;

    for (unsigned i = 0; i < saved->num_checks; i++, field++) {
        const MaliCsfCheck *check = &saved->checks[i];

        assert(field->name && check->kind);
        assert(!(field->flags & ~KNOWN_FLAGS));
        assert(!(field->flags & VMS_STRUCT) == !check->structure);
        /* In a suspend buffer there is neither a pointer nor a bool. */
        assert(!check->is_suspended || (!(field->flags & VMS_POINTER) &&
                                        field->info != &vmstate_info_bool));
        if (check->structure) {
            assert(field->vmsd == &check->structure->vmsd);
            mali_csf_saved_check(check->structure);
        }
    }
    assert(field->flags == VMS_END);
    for (unsigned i = 0; subsection && subsection[i]; i++) {
        assert(saved->subsections &&
               subsection[i] == &saved->subsections[i]->vmsd);
        mali_csf_saved_check(saved->subsections[i]);
    }
}

bool mali_csf_saved_is_scoreboard(MaliCsfState *s, uint64_t value)
{
    return value < s->model->scoreboards;
}

int64_t mali_csf_saved_timer(const QEMUTimer *timer)
{
    return timer_pending((QEMUTimer *)timer) ?
           timer_expire_time_ns((QEMUTimer *)timer) : -1;
}

void mali_csf_saved_arm(QEMUTimer *timer, int64_t due)
{
    if (due < 0) {
        timer_del(timer);
    } else {
        timer_mod_ns(timer, due);
    }
}
