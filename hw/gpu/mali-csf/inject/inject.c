/*
 * Mali CSF GPU: faults that are asked for
 *
 * Not injectable: see docs/devel/injection.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "../device.h"
#include "../saved.h"
#include "../trace.h"
#include "kinds.h"

/* What is armed */

bool mali_csf_inject_is_unasked(const MaliCsfInject *inject, uint32_t kind)
{
    return inject->unasked[kind];
}

uint32_t mali_csf_inject_members(const MaliCsfInject *inject, uint32_t kind)
{
    uint32_t takes = mali_csf_kinds[kind].takes ?: GIVEN(SKIP);

    if (inject->complete[kind] || inject->unasked[kind]) {
        takes |= GIVEN(DELAY);
    }
    return takes;
}

/* The lock is held. */
static void update_armed(MaliCsfInject *inject)
{
    uint64_t armed = 0;

    for (unsigned i = 0; i < inject->count; i++) {
        if (!inject->list[i].spent) {
            armed |= BIT_ULL(inject->list[i].kind);
        }
    }
    qatomic_set(&inject->armed, armed);
}

static void tell_changed(MaliCsfState *s)
{
    if (s->inject.changed) {
        s->inject.changed(s);
    }
}

static void arm_timer(MaliCsfState *s)
{
    MaliCsfInject *inject = &s->inject;
    int64_t next = INT64_MAX;

    for (unsigned i = 0; i < inject->count; i++) {
        const MaliCsfArmed *a = &inject->list[i];

        if (mali_csf_inject_is_unasked(inject, a->kind) && !a->spent) {
            next = MIN(next, a->due);
        }
    }
    for (unsigned i = 0; i < MALI_CSF_MAX_LATE; i++) {
        if (inject->late[i].pending) {
            next = MIN(next, inject->late[i].due);
        }
    }
    if (next == INT64_MAX) {
        timer_del(inject->timer);
    } else {
        timer_mod(inject->timer, next);
    }
}

static int64_t end_of(uint64_t delay_ns)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
           MIN(delay_ns, MALI_CSF_LATENCY_MAX_NS);
}

static void met(MaliCsfInject *inject, MaliCsfArmed *a)
{
    a->met++;
    trace_mali_csf_inject_met(inject->trace_id, a->id,
                              MaliCsfInjectionKind_str(a->kind), a->met);
    if (a->count && a->met == a->count) {
        a->spent = true;
        update_armed(inject);
    }
}

static bool covers(const MaliCsfArmed *a, const MaliCsfOccasion *o)
{
    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        if (!mali_csf_armed_has(a, i)) {
            continue;
        }
        switch (mali_csf_members[i].comparison) {
        case MALI_CSF_COMPARE_NONE:
            break;
        case MALI_CSF_COMPARE_EQUAL:
            if (a->member[i] != o->member[i]) {
                return false;
            }
            break;
        case MALI_CSF_COMPARE_BITS:
            if (!(a->member[i] & o->member[i])) {
                return false;
            }
            break;
        case MALI_CSF_COMPARE_RANGE:
            /* Neither wraps: it was checked, or is part of a page. */
            if (o->member[i] > a->member[i] + (a->size - 1) ||
                o->member[i] + (o->size - 1) < a->member[i]) {
                return false;
            }
            break;
        }
    }
    return true;
}

/* The lock is held. */
static MaliCsfArmed *meet(MaliCsfInject *inject, MaliCsfInjectionKind kind,
                          const MaliCsfOccasion *occasion)
{
    for (unsigned i = 0; i < inject->count; i++) {
        MaliCsfArmed *a = &inject->list[i];

        if (a->kind != kind || a->spent || !covers(a, occasion)) {
            continue;
        }
        if (a->to_skip) {
            a->to_skip--;
            continue;
        }
        met(inject, a);
        return a;
    }
    return NULL;
}

const MaliCsfArmed *mali_csf_inject_meet(MaliCsfState *s,
                                         MaliCsfInjectionKind kind,
                                         const MaliCsfOccasion *occasion)
{
    if (!mali_csf_injected(&s->inject, BIT_ULL(kind))) {
        return NULL;
    }
    QEMU_LOCK_GUARD(&s->inject.lock);
    return meet(&s->inject, kind, occasion);
}

bool mali_csf_inject_meet_in_thread(MaliCsfState *s, MaliCsfInjectionKind kind,
                                    const MaliCsfOccasion *occasion,
                                    MaliCsfArmed *met)
{
    MaliCsfArmed *a;

    if (!mali_csf_injected(&s->inject, BIT_ULL(kind))) {
        return false;
    }
    QEMU_LOCK_GUARD(&s->inject.lock);
    a = meet(&s->inject, kind, occasion);
    if (a) {
        *met = *a;
    }
    return a;
}

/* What completes late */

static void defer(MaliCsfState *s, const MaliCsfArmed *a, uint64_t value)
{
    MaliCsfInject *inject = &s->inject;

    for (unsigned i = 0; i < MALI_CSF_MAX_LATE; i++) {
        MaliCsfLate *late = &inject->late[i];

        if (!late->pending) {
            *late = (MaliCsfLate) {
                .pending = true,
                .kind = a->kind,
                .value = value,
                .due = end_of(a->delay_ns),
            };
            arm_timer(s);
            return;
        }
    }
    /* So many at a time: this one does not complete at all. */
}

const MaliCsfArmed *mali_csf_inject_holds(MaliCsfState *s,
                                          MaliCsfInjectionKind kind,
                                          const MaliCsfOccasion *occasion,
                                          uint64_t value)
{
    const MaliCsfArmed *a = mali_csf_inject_meet(s, kind, occasion);

    if (a && (a->given & GIVEN(DELAY))) {
        defer(s, a, value);
    }
    return a;
}

static void inject_timer(void *opaque)
{
    MaliCsfState *s = opaque;
    MaliCsfInject *inject = &s->inject;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    for (unsigned i = 0; i < inject->count; i++) {
        MaliCsfArmed *a = &inject->list[i];

        if (mali_csf_inject_is_unasked(inject, a->kind) && !a->spent &&
            a->due <= now) {
            /* From now on, not from when it was due: no burst to catch up */
            a->due = now + MAX(MIN(a->delay_ns, MALI_CSF_LATENCY_MAX_NS),
                               MALI_CSF_UNASKED_PERIOD_NS);
            WITH_QEMU_LOCK_GUARD(&inject->lock) {
                met(inject, a);
            }
            inject->unasked[a->kind](s, a);
        }
    }
    for (unsigned i = 0; i < MALI_CSF_MAX_LATE; i++) {
        MaliCsfLate *late = &inject->late[i];

        if (late->pending && late->due <= now) {
            late->pending = false;
            trace_mali_csf_inject_late(s->trace_id,
                                       MaliCsfInjectionKind_str(late->kind));
            inject->complete[late->kind](s, late->value);
        }
    }
    arm_timer(s);
}

static void remove_at(MaliCsfInject *inject, unsigned index)
{
    trace_mali_csf_inject_clear(inject->trace_id, inject->list[index].id);
    inject->count--;
    memmove(&inject->list[index], &inject->list[index + 1],
            (inject->count - index) * sizeof(inject->list[0]));
}

/* A free place at the end, if need be that of the oldest that is used up */
static MaliCsfArmed *new_place(MaliCsfInject *inject)
{
    if (inject->count == MALI_CSF_MAX_INJECTIONS) {
        unsigned i = 0;

        while (i < inject->count && !inject->list[i].spent) {
            i++;
        }
        if (i == inject->count) {
            return NULL;
        }
        remove_at(inject, i);
    }
    return &inject->list[inject->count++];
}

const MaliCsfArmed *mali_csf_inject_arm(MaliCsfState *s,
                                        const MaliCsfArmed *armed)
{
    MaliCsfArmed *a;

    WITH_QEMU_LOCK_GUARD(&s->inject.lock) {
        a = new_place(&s->inject);
        if (!a) {
            return NULL;
        }
        *a = *armed;
        a->id = ++s->inject.last_id;
        a->to_skip = a->skip;
        if (mali_csf_inject_is_unasked(&s->inject, a->kind)) {
            a->due = end_of(a->delay_ns);
        }
        update_armed(&s->inject);
    }
    tell_changed(s);
    arm_timer(s);
    trace_mali_csf_inject_arm(s->trace_id, a->id,
                              MaliCsfInjectionKind_str(a->kind), a->count);
    return a;
}

bool mali_csf_inject_clear(MaliCsfState *s, bool has_id, uint32_t id)
{
    bool found = !has_id;

    WITH_QEMU_LOCK_GUARD(&s->inject.lock) {
        for (unsigned i = s->inject.count; i-- > 0; ) {
            if (!has_id || s->inject.list[i].id == id) {
                remove_at(&s->inject, i);
                found = true;
            }
        }
        update_armed(&s->inject);
    }
    tell_changed(s);
    arm_timer(s);
    return found;
}

/* Life cycle */

static void drop_late(MaliCsfInject *inject)
{
    for (unsigned i = 0; i < MALI_CSF_MAX_LATE; i++) {
        inject->late[i].pending = false;
    }
}

void mali_csf_inject_init(MaliCsfState *s)
{
    s->inject.trace_id = s->trace_id;
    s->inject.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, inject_timer, s);
    qemu_mutex_init(&s->inject.lock);
}

void mali_csf_inject_finalize(MaliCsfState *s)
{
    timer_free(s->inject.timer);
    qemu_mutex_destroy(&s->inject.lock);
}

void mali_csf_inject_set_complete(MaliCsfState *s, MaliCsfInjectionKind kind,
                                  MaliCsfInjectComplete *complete)
{
    s->inject.complete[kind] = complete;
}

void mali_csf_inject_set_unasked(MaliCsfState *s, MaliCsfInjectionKind kind,
                                 MaliCsfInjectUnasked *unasked)
{
    s->inject.unasked[kind] = unasked;
}

void mali_csf_inject_set_changed(MaliCsfState *s,
                                 MaliCsfInjectChanged *changed)
{
    s->inject.changed = changed;
}

void mali_csf_inject_reset(MaliCsfState *s)
{
    drop_late(&s->inject);
    arm_timer(s);
}

void mali_csf_inject_pre_load(MaliCsfInject *saved)
{
    *saved = (MaliCsfInject) { };
}

void mali_csf_inject_post_load(MaliCsfState *s)
{
    WITH_QEMU_LOCK_GUARD(&s->inject.lock) {
        update_armed(&s->inject);
    }
    tell_changed(s);
    arm_timer(s);
}

#define ARMED_ROWS(ROW) \
    ROW(VMSTATE_UINT32(id, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT32(kind, MaliCsfArmed), \
        SAVED_BELOW(MALI_CSF_INJECTION_KIND__MAX)) \
    ROW(VMSTATE_UINT32(given, MaliCsfArmed), \
        SAVED_BELOW(1ull << MALI_CSF_NUM_MEMBERS)) \
    ROW(VMSTATE_UINT32(count, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT64_ARRAY(member, MaliCsfArmed, MALI_CSF_NUM_MEMBERS), \
        SAVED_ANY) \
    ROW(VMSTATE_UINT64(met, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_BOOL(spent, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT32(to_skip, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_INT64(due, MaliCsfArmed), SAVED_TIME)

static bool members_valid(MaliCsfState *s, const void *opaque)
{
    const MaliCsfArmed *a = opaque;

    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        uint64_t limit = mali_csf_member_limit(s, i);

        /* The type in the schema: it is told again by a query. */
        if ((limit && a->member[i] >= limit) ||
            (mali_csf_members[i].size < sizeof(uint64_t) &&
             a->member[i] >> (mali_csf_members[i].size * 8))) {
            return false;
        }
    }
    return true;
}

static const MaliCsfSaved armed_saved = {
    .vmsd = {
        .name = "mali-csf-armed",
        .version_id = 5,
        .minimum_version_id = 5,
        .fields = SAVED_FIELDS(ARMED_ROWS),
    },
    SAVED_CHECKS(ARMED_ROWS),
    .valid = members_valid,
};

/* Of one that is among those that count: could it have been asked for? */
static bool armed_valid(MaliCsfState *s, const MaliCsfArmed *a)
{
    const MaliCsfKindRow *row = &mali_csf_kinds[a->kind];

    return !(a->given & ~mali_csf_inject_members(&s->inject, a->kind)) &&
           !(row->needs & ~a->given) &&
           (!row->pwr_control || s->model->has_pwr_control) &&
           a->size && a->va + (a->size - 1) >= a->va &&
           (!mali_csf_inject_is_unasked(&s->inject, a->kind) ||
            (a->count && a->count <= MALI_CSF_UNASKED_MAX_COUNT)) &&
           (!a->count || a->met <= a->count) &&
           a->spent == (a->count && a->met == a->count);
}

#define LATE_ROWS(ROW) \
    ROW(VMSTATE_BOOL(pending, MaliCsfLate), SAVED_ANY) \
    ROW(VMSTATE_UINT32(kind, MaliCsfLate), \
        SAVED_BELOW(MALI_CSF_INJECTION_KIND__MAX)) \
    ROW(VMSTATE_UINT64(value, MaliCsfLate), SAVED_ANY) \
    ROW(VMSTATE_INT64(due, MaliCsfLate), SAVED_TIME)

static bool late_valid(MaliCsfState *s, const void *opaque)
{
    const MaliCsfLate *late = opaque;

    return !late->pending || s->inject.complete[late->kind];
}

static const MaliCsfSaved late_saved = {
    .vmsd = {
        .name = "mali-csf-late",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(LATE_ROWS),
    },
    SAVED_CHECKS(LATE_ROWS),
    .valid = late_valid,
};

#define INJECT_ROWS(ROW) \
    ROW(VMSTATE_UINT32(count, MaliCsfInject), \
        SAVED_BELOW(MALI_CSF_MAX_INJECTIONS + 1)) \
    ROW(VMSTATE_UINT32(last_id, MaliCsfInject), SAVED_ANY) \
    ROW(VMSTATE_STRUCT_ARRAY(list, MaliCsfInject, MALI_CSF_MAX_INJECTIONS, \
                             1, armed_saved.vmsd, MaliCsfArmed), \
        SAVED_STRUCT(armed_saved)) \
    ROW(VMSTATE_STRUCT_ARRAY(late, MaliCsfInject, MALI_CSF_MAX_LATE, 1, \
                             late_saved.vmsd, MaliCsfLate), \
        SAVED_STRUCT(late_saved))

static bool inject_valid(MaliCsfState *s, const void *opaque)
{
    const MaliCsfInject *inject = opaque;

    for (unsigned i = 0; i < inject->count; i++) {
        if (!armed_valid(s, &inject->list[i])) {
            return false;
        }
    }
    return true;
}

const MaliCsfSaved mali_csf_inject_saved = {
    .vmsd = {
        .name = "mali-csf-inject",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(INJECT_ROWS),
    },
    SAVED_CHECKS(INJECT_ROWS),
    .valid = inject_valid,
};
