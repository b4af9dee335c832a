/*
 * Mali CSF GPU: faults that somebody asks for
 *
 * Not injectable: see docs/devel/injection.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-mali-csf.h"
#include "../device.h"
#include "../saved.h"
#include "../trace.h"

/* Defaults and limits; times in ns of virtual time */
#define DEFAULT_SIZE        4096
#define INSTRUCTION_SIZE    8
#define UNASKED_PERIOD_NS   10000
/* A storm has an end, and leaves time for something else */
#define UNASKED_MAX_COUNT   1000000

#define GIVEN(member)   BIT(MALI_CSF_MEMBER_##member)

typedef enum Comparison {
    COMPARE_NONE,
    COMPARE_EQUAL,
    COMPARE_BITS,
    COMPARE_RANGE,
} Comparison;

typedef struct MemberRow {
    const char *name;
    Comparison comparison;
    /* In MaliCsfInjection: that it was given; its value, of @size bytes */
    size_t has;
    size_t value;
    size_t size;
} MemberRow;

#define MEMBER_ROW(_id, _name, _text, _comparison, _limit) \
    [MALI_CSF_MEMBER_##_id] = { \
        .name = _text, \
        .comparison = COMPARE_##_comparison, \
        .has = offsetof(MaliCsfInjection, has_##_name), \
        .value = offsetof(MaliCsfInjection, _name), \
        .size = sizeof_field(MaliCsfInjection, _name), \
    },

static const MemberRow members[] = {
    MALI_CSF_INJECT_MEMBERS(MEMBER_ROW)
};

QEMU_BUILD_BUG_ON(MALI_CSF_NUM_MEMBERS > 32);

#define MEMBER_LIMIT(_id, _name, _text, _comparison, _limit) \
    [MALI_CSF_MEMBER_##_id] = _limit,

/* The first value that a member cannot have, or 0 */
static uint64_t limit_of(const MaliCsfState *s, MaliCsfMember member)
{
    const uint64_t limits[] = {
        MALI_CSF_INJECT_MEMBERS(MEMBER_LIMIT)
    };

    return limits[member];
}

#define GIVEN_GROUP     (GIVEN(SKIP) | GIVEN(DELAY) | GIVEN(SLOT))
#define GIVEN_ACCESS    (GIVEN(AS) | GIVEN(VA) | GIVEN(SIZE) | \
                         GIVEN(SOURCE_ID))
#define GIVEN_EXECUTION (GIVEN(SKIP) | GIVEN(SLOT) | GIVEN(STREAM) | \
                         GIVEN(VA) | GIVEN(SIZE) | GIVEN(OPCODE) | \
                         GIVEN(EXCEPTION) | GIVEN(DATA) | GIVEN(INFO))

typedef struct MaliCsfInjectionRow {
    /* What it takes, and what it cannot do without */
    uint32_t takes;
    uint32_t needs;
    /* Of an access, an instruction or the GPU: what is reported, by default */
    uint8_t exception;
    /* That is of level 3, and may be of another one, but nothing else */
    bool levels;
    /* Only of a model that has PWR_CONTROL */
    bool pwr_control;
} MaliCsfInjectionRow;

#define ROW(name)   [MALI_CSF_INJECTION_KIND_##name]

static const MaliCsfInjectionRow rows[MALI_CSF_INJECTION_KIND__MAX] = {
    ROW(AS_COMMAND) = {
        .takes = GIVEN(SKIP) | GIVEN(DELAY) | GIVEN(AS) | GIVEN(COMMAND),
    },
    ROW(CACHE_FLUSH) = { .takes = GIVEN(SKIP) | GIVEN(DELAY) },
    ROW(GPU_RESET) = { .takes = GIVEN(SKIP) | GIVEN(DELAY) },
    ROW(L2_POWER_ON) = { .takes = GIVEN(SKIP) | GIVEN(DELAY) },
    ROW(L2_POWER_OFF) = { .takes = GIVEN(SKIP) | GIVEN(DELAY) },
    ROW(MCU_BOOT) = { .takes = GIVEN(SKIP) | GIVEN(DELAY) },
    ROW(MCU_STOP) = { .takes = GIVEN(SKIP) | GIVEN(DELAY) },
    ROW(MCU_HALT) = { .takes = GIVEN(SKIP) | GIVEN(DELAY) },
    ROW(MCU_DEATH) = { .takes = GIVEN(SKIP) },
    ROW(PING_ACK) = { .takes = GIVEN(SKIP) | GIVEN(DELAY) },
    ROW(GLB_ACK) = { .takes = GIVEN(SKIP) | GIVEN(DELAY) | GIVEN(MASK) },
    ROW(CSG_START_ACK) = { .takes = GIVEN_GROUP },
    ROW(CSG_RESUME_ACK) = { .takes = GIVEN_GROUP },
    ROW(CSG_SUSPEND_ACK) = { .takes = GIVEN_GROUP },
    ROW(CSG_TERMINATE_ACK) = { .takes = GIVEN_GROUP },
    ROW(CSG_STATUS_UPDATE_ACK) = { .takes = GIVEN_GROUP },
    ROW(CSG_EP_CFG_ACK) = { .takes = GIVEN_GROUP },
    ROW(CS_ACK) = { .takes = GIVEN_GROUP | GIVEN(STREAM) },
    ROW(IRQ_LOST) = { .takes = GIVEN(SKIP) | GIVEN(INTERRUPT) | GIVEN(MASK) },
    ROW(IRQ_SILENT) = { .takes = GIVEN(SKIP) | GIVEN(INTERRUPT) | GIVEN(MASK) },
    ROW(IRQ_SPURIOUS) = {
        .takes = GIVEN(DELAY) | GIVEN(INTERRUPT) | GIVEN(MASK),
        .needs = GIVEN(INTERRUPT),
    },
    /*
     * No skip: an instruction proves its accesses before it makes them, and
     * both count.
     */
    ROW(TRANSLATION_FAULT) = {
        .takes = GIVEN_ACCESS | GIVEN(EXCEPTION),
        .exception = AS_FAULT_TRANSLATION + 3,
        .levels = true,
    },
    ROW(PERMISSION_FAULT) = {
        .takes = GIVEN_ACCESS | GIVEN(EXCEPTION),
        .exception = AS_FAULT_PERMISSION + 3,
        .levels = true,
    },
    ROW(ACCESS_FLAG_FAULT) = {
        .takes = GIVEN_ACCESS | GIVEN(EXCEPTION),
        .exception = AS_FAULT_ACCESS_FLAG + 3,
        .levels = true,
    },
    ROW(BUS_ERROR) = { .takes = GIVEN_ACCESS, .exception = AS_FAULT_GPU_BUS },
    ROW(CS_FAULT) = {
        .takes = GIVEN_EXECUTION, .exception = CS_EXCEPTION_ADDR_RANGE_FAULT,
    },
    ROW(CS_FATAL) = {
        .takes = GIVEN_EXECUTION, .exception = CS_EXCEPTION_UNRECOVERABLE,
    },
    ROW(GLB_DOORBELL) = { .takes = GIVEN(SKIP) | GIVEN(DELAY) },
    ROW(CSG_DOORBELL) = { .takes = GIVEN_GROUP },
    ROW(CS_DOORBELL) = { .takes = GIVEN_GROUP | GIVEN(STREAM) },
    ROW(TILER_OOM) = { .takes = GIVEN(SKIP) | GIVEN(SLOT) | GIVEN(STREAM) },
    ROW(MCU_ROGUE_HALT) = { .takes = GIVEN(SKIP) },
    ROW(ODD_SLOTS) = { .takes = GIVEN(SKIP) | GIVEN(GROUPS) | GIVEN(STREAMS) },
    ROW(ODD_FIELD) = {
        .takes = GIVEN(SKIP) | GIVEN(SLOT) | GIVEN(STREAM) | GIVEN(FIELD) |
                 GIVEN(VALUE),
        .needs = GIVEN(FIELD),
    },
    ROW(GPU_FAULT) = {
        .takes = GIVEN(DELAY) | GIVEN(EXCEPTION) | GIVEN(VA) |
                 GIVEN(SOURCE_ID),
        .exception = AS_FAULT_GPU_BUS,
    },
    ROW(L2_TRANSITION) = { .takes = GIVEN(SKIP) | GIVEN(DELAY) },
    ROW(PWR_NOT_ALLOWED) = {
        .takes = GIVEN(SKIP) | GIVEN(COMMAND), .pwr_control = true,
    },
    ROW(PWR_INVALID) = {
        .takes = GIVEN(SKIP) | GIVEN(COMMAND), .pwr_control = true,
    },
    ROW(PWR_STATUS) = {
        .takes = GIVEN(SKIP) | GIVEN(MASK),
        .needs = GIVEN(MASK),
        .pwr_control = true,
    },
};

QEMU_BUILD_BUG_ON(MALI_CSF_INJECTION_KIND__MAX > 64);

/* What is armed */

static bool is_unasked(const MaliCsfInject *inject, uint32_t kind)
{
    return inject->unasked[kind];
}

static void update_armed(MaliCsfInject *inject)
{
    inject->armed = 0;
    for (unsigned i = 0; i < inject->count; i++) {
        if (!inject->list[i].spent) {
            inject->armed |= BIT_ULL(inject->list[i].kind);
        }
    }
}

static void arm_timer(MaliCsfState *s)
{
    MaliCsfInject *inject = &s->inject;
    int64_t next = INT64_MAX;

    for (unsigned i = 0; i < inject->count; i++) {
        const MaliCsfArmed *a = &inject->list[i];

        if (is_unasked(inject, a->kind) && !a->spent) {
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
    trace_mali_csf_inject_met(a->id, MaliCsfInjectionKind_str(a->kind),
                              a->met);
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
        switch (members[i].comparison) {
        case COMPARE_NONE:
            break;
        case COMPARE_EQUAL:
            if (a->member[i] != o->member[i]) {
                return false;
            }
            break;
        case COMPARE_BITS:
            if (!(a->member[i] & o->member[i])) {
                return false;
            }
            break;
        case COMPARE_RANGE:
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

const MaliCsfArmed *mali_csf_inject_meet(MaliCsfState *s,
                                         MaliCsfInjectionKind kind,
                                         const MaliCsfOccasion *occasion)
{
    MaliCsfInject *inject = &s->inject;

    if (!mali_csf_injected(inject, BIT_ULL(kind))) {
        return NULL;
    }
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

        if (is_unasked(inject, a->kind) && !a->spent && a->due <= now) {
            /* From now on, not from when it was due: no burst to catch up */
            a->due = now + MAX(MIN(a->delay_ns, MALI_CSF_LATENCY_MAX_NS),
                               UNASKED_PERIOD_NS);
            met(inject, a);
            inject->unasked[a->kind](s, a);
        }
    }
    for (unsigned i = 0; i < MALI_CSF_MAX_LATE; i++) {
        MaliCsfLate *late = &inject->late[i];

        if (late->pending && late->due <= now) {
            late->pending = false;
            trace_mali_csf_inject_late(MaliCsfInjectionKind_str(late->kind));
            inject->complete[late->kind](s, late->value);
        }
    }
    arm_timer(s);
}

/* The commands */

static MaliCsfInjectionInfo *info_of(const MaliCsfArmed *a)
{
    MaliCsfInjectionInfo *info = g_new0(MaliCsfInjectionInfo, 1);
    char *base = (char *)qapi_MaliCsfInjectionInfo_base(info);
    uint32_t shown = a->given | GIVEN(SKIP);

    if (mali_csf_armed_has(a, MALI_CSF_MEMBER_VA)) {
        shown |= GIVEN(SIZE);
    }
    info->kind = a->kind;
    info->has_count = true;
    info->count = a->count;
    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        if (shown & BIT(i)) {
            *(bool *)(base + members[i].has) = true;
            stn_he_p(base + members[i].value, members[i].size, a->member[i]);
        }
    }
    info->id = a->id;
    info->met = a->met;
    info->has_remaining = a->count;
    info->remaining = a->count ? a->count - a->met : 0;
    return info;
}

static bool is_given(const MaliCsfInjectionRequest *r, MaliCsfMember member)
{
    const char *base = (const char *)qapi_MaliCsfInjectionRequest_base(r);

    return *(const bool *)(base + members[member].has);
}

static uint64_t value_of(const MaliCsfInjectionRequest *r,
                         MaliCsfMember member)
{
    const char *base = (const char *)qapi_MaliCsfInjectionRequest_base(r);

    return ldn_he_p(base + members[member].value, members[member].size);
}

/* All that the kind takes, for a message */
static char *members_of(const MaliCsfInjectionRow *row)
{
    g_autoptr(GString) names = g_string_new("count");

    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        if (row->takes & (1u << i)) {
            g_string_append_printf(names, ", %s", members[i].name);
        }
    }
    return g_strdup(names->str);
}

bool mali_csf_inject_takes(MaliCsfInjectionKind kind, const char *member,
                           Error **errp)
{
    const MaliCsfInjectionRow *row = &rows[kind];
    g_autofree char *known = NULL;

    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        if ((row->takes & (1u << i)) && g_str_equal(member, members[i].name)) {
            return true;
        }
    }
    if (g_str_equal(member, "count")) {
        return true;
    }
    known = members_of(row);
    error_setg(errp, "%s takes no %s, but %s", MaliCsfInjectionKind_str(kind),
               member, known);
    return false;
}

static bool check_request(MaliCsfState *s, const MaliCsfInjectionRequest *r,
                          Error **errp)
{
    const MaliCsfInjectionRow *row = &rows[r->kind];
    const char *kind = MaliCsfInjectionKind_str(r->kind);

    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        uint64_t limit = limit_of(s, i);

        if (!is_given(r, i)) {
            if (row->needs & BIT(i)) {
                error_setg(errp, "%s needs %s", kind, members[i].name);
                return false;
            }
            continue;
        }
        if (!mali_csf_inject_takes(r->kind, members[i].name, errp)) {
            return false;
        }
        if (limit && value_of(r, i) >= limit) {
            error_setg(errp, "%s: %s %" PRIu64 " is not below %" PRIu64, kind,
                       members[i].name, value_of(r, i), limit);
            return false;
        }
    }
    if (r->kind == MALI_CSF_INJECTION_KIND_ODD_SLOTS && !r->has_groups &&
        !r->has_streams) {
        error_setg(errp, "%s needs groups or streams", kind);
        return false;
    }
    if (r->has_size && (!r->has_va || !r->size ||
                        r->va + (r->size - 1) < r->va)) {
        error_setg(errp, "%s: size needs a va, and at least one byte that is "
                   "an address", kind);
        return false;
    }
    if (row->levels && r->has_exception &&
        (r->exception | 3) != row->exception) {
        error_setg(errp, "%s: exception 0x%x is not one of 0x%x to 0x%x", kind,
                   r->exception, row->exception - 3, row->exception);
        return false;
    }
    if (row->pwr_control && !s->model->has_pwr_control) {
        error_setg(errp, "%s is for PWR_CONTROL, which %s does not have: "
                   "models of architecture 14 do", kind, s->model->name);
        return false;
    }
    if (r->has_mask && r->mask > UINT32_MAX &&
        r->kind != MALI_CSF_INJECTION_KIND_PWR_STATUS) {
        error_setg(errp, "%s: mask has 32 bits", kind);
        return false;
    }
    if (r->has_mask && !r->mask &&
        r->kind != MALI_CSF_INJECTION_KIND_IRQ_SPURIOUS) {
        error_setg(errp, "%s: mask 0 matches nothing", kind);
        return false;
    }
    if (is_unasked(&s->inject, r->kind) && r->has_count &&
        (!r->count || r->count > UNASKED_MAX_COUNT)) {
        error_setg(errp, "%s: count is to be from 1 to %u", kind,
                   UNASKED_MAX_COUNT);
        return false;
    }
    return true;
}

static void remove_at(MaliCsfInject *inject, unsigned index)
{
    trace_mali_csf_inject_clear(inject->list[index].id);
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

MaliCsfInjectionInfo *qmp_mali_csf_inject(MaliCsfInjectionRequest *r,
                                          Error **errp)
{
    MaliCsfState *s = mali_csf_find(r->path, errp);
    bool spurious = r->kind == MALI_CSF_INJECTION_KIND_IRQ_SPURIOUS;
    bool unasked;
    MaliCsfArmed *a;

    if (!s || !check_request(s, r, errp)) {
        return NULL;
    }
    unasked = is_unasked(&s->inject, r->kind);
    a = new_place(&s->inject);
    if (!a) {
        error_setg(errp, "%d injections are armed, which is the limit: clear "
                   "some", MALI_CSF_MAX_INJECTIONS);
        return NULL;
    }
    *a = (MaliCsfArmed) {
        .id = ++s->inject.last_id,
        .kind = r->kind,
        .count = r->has_count ? r->count : 1,
        .delay_ns = unasked ? UNASKED_PERIOD_NS : 0,
        .size = rows[r->kind].takes & GIVEN(OPCODE) ? INSTRUCTION_SIZE
                                                    : DEFAULT_SIZE,
        .mask = spurious ? 0 : UINT32_MAX,
        .exception = rows[r->kind].exception,
    };
    for (unsigned i = 0; i < MALI_CSF_NUM_MEMBERS; i++) {
        if (is_given(r, i)) {
            a->given |= BIT(i);
            a->member[i] = value_of(r, i);
        }
    }
    a->to_skip = a->skip;
    if (!r->has_size) {
        /* Up to the last address, if that comes first */
        a->size = MIN(a->size, UINT64_MAX - a->va + (a->va != 0));
    }
    if (unasked) {
        a->due = end_of(a->delay_ns);
    }
    update_armed(&s->inject);
    arm_timer(s);
    trace_mali_csf_inject_arm(a->id, MaliCsfInjectionKind_str(a->kind),
                              a->count);
    return info_of(a);
}

void qmp_mali_csf_inject_clear(const char *path, bool has_id, uint32_t id,
                               Error **errp)
{
    MaliCsfState *s = mali_csf_find(path, errp);
    bool found = !has_id;

    if (!s) {
        return;
    }
    for (unsigned i = s->inject.count; i-- > 0; ) {
        if (!has_id || s->inject.list[i].id == id) {
            remove_at(&s->inject, i);
            found = true;
        }
    }
    if (!found) {
        error_setg(errp, "'%s' has no injection %u", path, id);
        return;
    }
    update_armed(&s->inject);
    arm_timer(s);
}

MaliCsfInjectionInfoList *qmp_x_query_mali_csf_injections(const char *path,
                                                          Error **errp)
{
    MaliCsfState *s = mali_csf_find(path, errp);
    MaliCsfInjectionInfoList *list = NULL;

    if (!s) {
        return NULL;
    }
    for (unsigned i = s->inject.count; i-- > 0; ) {
        QAPI_LIST_PREPEND(list, info_of(&s->inject.list[i]));
    }
    return list;
}

MaliCsfState *mali_csf_find(const char *path, Error **errp)
{
    Object *obj = object_resolve_path(path, NULL);

    if (!obj) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND,
                  "there is nothing at '%s'; a device with id=gpu is at "
                  "/machine/peripheral/gpu", path);
        return NULL;
    }
    if (!object_dynamic_cast(obj, TYPE_MALI_CSF)) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND,
                  "'%s' is a %s, not a %s", path, object_get_typename(obj),
                  TYPE_MALI_CSF);
        return NULL;
    }
    if (!DEVICE(obj)->realized) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND,
                  "'%s' is not realized", path);
        return NULL;
    }
    return MALI_CSF(obj);
}

static int collect_path(Object *obj, void *opaque)
{
    if (object_dynamic_cast(obj, TYPE_MALI_CSF)) {
        g_ptr_array_add(opaque, object_get_canonical_path(obj));
    }
    return 0;
}

GPtrArray *mali_csf_find_all(void)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);

    object_child_foreach_recursive(object_get_root(), collect_path, paths);
    return paths;
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
    s->inject.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, inject_timer, s);
}

void mali_csf_inject_finalize(MaliCsfState *s)
{
    timer_free(s->inject.timer);
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
    update_armed(&s->inject);
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
        uint64_t limit = limit_of(s, i);

        /* The type in the schema: it is told again by a query. */
        if ((limit && a->member[i] >= limit) ||
            (members[i].size < sizeof(uint64_t) &&
             a->member[i] >> (members[i].size * 8))) {
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
    const MaliCsfInjectionRow *row = &rows[a->kind];

    return !(a->given & ~row->takes) && !(row->needs & ~a->given) &&
           (!row->pwr_control || s->model->has_pwr_control) &&
           a->size && a->va + (a->size - 1) >= a->va &&
           (!is_unasked(&s->inject, a->kind) ||
            (a->count && a->count <= UNASKED_MAX_COUNT)) &&
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
