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
/* CS_FAULT and CS_FATAL have 24 bits for it */
#define FAULT_DATA_LIMIT    (1u << 24)

#define GIVEN(member)   BIT(MALI_CSF_MEMBER_##member)

static const char *const member_names[] = {
    "skip", "delay-ns", "address-space", "slot", "stream", "va", "size",
    "opcode", "command", "exception", "interrupt", "mask", "groups",
    "streams", "field", "value", "data", "info", "source-id",
};

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

/* By MaliCsfInterrupt */
static const uint8_t interrupt_lines[MALI_CSF_INTERRUPT__MAX] = {
    [MALI_CSF_INTERRUPT_JOB] = MALI_CSF_IRQ_JOB,
    [MALI_CSF_INTERRUPT_MMU] = MALI_CSF_IRQ_MMU,
    [MALI_CSF_INTERRUPT_GPU] = MALI_CSF_IRQ_GPU,
};

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
    if (((a->given & GIVEN(AS)) && a->as != o->as) ||
        ((a->given & GIVEN(SLOT)) && a->slot != o->slot) ||
        ((a->given & GIVEN(STREAM)) && a->stream != o->stream) ||
        ((a->given & GIVEN(OPCODE)) && a->opcode != o->opcode) ||
        ((a->given & GIVEN(COMMAND)) && a->command != o->command) ||
        ((a->given & GIVEN(INTERRUPT)) && a->interrupt != o->interrupt) ||
        ((a->given & GIVEN(FIELD)) && a->field != o->field) ||
        ((a->given & GIVEN(MASK)) && !(a->mask & o->bits))) {
        return false;
    }
    /* Neither range wraps: it was checked, or is part of a page. */
    return !(a->given & GIVEN(VA)) ||
           (o->va <= a->va + (a->size - 1) &&
            o->va + (o->size - 1) >= a->va);
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

    *info = (MaliCsfInjectionInfo) {
        .kind = a->kind,
        .has_count = true,
        .count = a->count,
        .has_skip = true,
        .skip = a->skip,
        .has_delay_ns = a->given & GIVEN(DELAY),
        .delay_ns = a->delay_ns,
        .has_address_space = a->given & GIVEN(AS),
        .address_space = a->as,
        .has_slot = a->given & GIVEN(SLOT),
        .slot = a->slot,
        .has_stream = a->given & GIVEN(STREAM),
        .stream = a->stream,
        .has_va = a->given & GIVEN(VA),
        .va = a->va,
        .has_size = a->given & GIVEN(VA),
        .size = a->size,
        .has_opcode = a->given & GIVEN(OPCODE),
        .opcode = a->opcode,
        .has_command = a->given & GIVEN(COMMAND),
        .command = a->command,
        .has_exception = a->given & GIVEN(EXCEPTION),
        .exception = a->exception,
        .has_interrupt = a->given & GIVEN(INTERRUPT),
        .has_mask = a->given & GIVEN(MASK),
        .mask = a->mask,
        .has_groups = a->given & GIVEN(GROUPS),
        .groups = a->groups,
        .has_streams = a->given & GIVEN(STREAMS),
        .streams = a->streams,
        .has_field = a->given & GIVEN(FIELD),
        .field = a->field,
        .has_value = a->given & GIVEN(VALUE),
        .value = a->value,
        .has_data = a->given & GIVEN(DATA),
        .data = a->data,
        .has_info = a->given & GIVEN(INFO),
        .info = a->info,
        .has_source_id = a->given & GIVEN(SOURCE_ID),
        .source_id = a->source_id,
        .id = a->id,
        .met = a->met,
        .has_remaining = a->count,
        .remaining = a->count ? a->count - a->met : 0,
    };
    for (unsigned i = 0; i < MALI_CSF_INTERRUPT__MAX; i++) {
        if (interrupt_lines[i] == a->interrupt) {
            info->interrupt = i;
        }
    }
    return info;
}

static uint32_t given_members(const MaliCsfInjectionRequest *r)
{
    return (r->has_skip ? GIVEN(SKIP) : 0) |
           (r->has_delay_ns ? GIVEN(DELAY) : 0) |
           (r->has_address_space ? GIVEN(AS) : 0) |
           (r->has_slot ? GIVEN(SLOT) : 0) |
           (r->has_stream ? GIVEN(STREAM) : 0) |
           (r->has_va ? GIVEN(VA) : 0) |
           (r->has_size ? GIVEN(SIZE) : 0) |
           (r->has_opcode ? GIVEN(OPCODE) : 0) |
           (r->has_command ? GIVEN(COMMAND) : 0) |
           (r->has_exception ? GIVEN(EXCEPTION) : 0) |
           (r->has_interrupt ? GIVEN(INTERRUPT) : 0) |
           (r->has_mask ? GIVEN(MASK) : 0) |
           (r->has_groups ? GIVEN(GROUPS) : 0) |
           (r->has_streams ? GIVEN(STREAMS) : 0) |
           (r->has_field ? GIVEN(FIELD) : 0) |
           (r->has_value ? GIVEN(VALUE) : 0) |
           (r->has_data ? GIVEN(DATA) : 0) |
           (r->has_info ? GIVEN(INFO) : 0) |
           (r->has_source_id ? GIVEN(SOURCE_ID) : 0);
}

/* All that the kind takes, for a message */
static char *members_of(const MaliCsfInjectionRow *row)
{
    g_autoptr(GString) names = g_string_new("count");

    for (unsigned i = 0; i < ARRAY_SIZE(member_names); i++) {
        if (row->takes & (1u << i)) {
            g_string_append_printf(names, ", %s", member_names[i]);
        }
    }
    return g_strdup(names->str);
}

bool mali_csf_inject_takes(MaliCsfInjectionKind kind, const char *member,
                           Error **errp)
{
    const MaliCsfInjectionRow *row = &rows[kind];
    g_autofree char *members = NULL;

    for (unsigned i = 0; i < ARRAY_SIZE(member_names); i++) {
        if ((row->takes & (1u << i)) && g_str_equal(member, member_names[i])) {
            return true;
        }
    }
    if (g_str_equal(member, "count")) {
        return true;
    }
    members = members_of(row);
    error_setg(errp, "%s takes no %s, but %s", MaliCsfInjectionKind_str(kind),
               member, members);
    return false;
}

static bool check_number(const char *kind, const char *member, unsigned value,
                         unsigned limit, Error **errp)
{
    if (value < limit) {
        return true;
    }
    error_setg(errp, "%s: %s %u is not below %u", kind, member, value, limit);
    return false;
}

static bool check_request(MaliCsfState *s, const MaliCsfInjectionRequest *r,
                          Error **errp)
{
    const MaliCsfInjectionRow *row = &rows[r->kind];
    const char *kind = MaliCsfInjectionKind_str(r->kind);
    uint32_t given = given_members(r);

    for (unsigned i = 0; i < ARRAY_SIZE(member_names); i++) {
        if ((given & (1u << i)) &&
            !mali_csf_inject_takes(r->kind, member_names[i], errp)) {
            return false;
        }
        if (row->needs & ~given & (1u << i)) {
            error_setg(errp, "%s needs %s", kind, member_names[i]);
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
    return (!r->has_data ||
            check_number(kind, "data", r->data, FAULT_DATA_LIMIT, errp)) &&
           (!r->has_address_space ||
            check_number(kind, "address-space", r->address_space,
                         MALI_CSF_MAX_AS, errp)) &&
           (!r->has_slot ||
            check_number(kind, "slot", r->slot, s->model->csg_slots, errp)) &&
           (!r->has_stream ||
            check_number(kind, "stream", r->stream, s->model->cs_per_csg,
                         errp));
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
        .given = given_members(r),
        .count = r->has_count ? r->count : 1,
        .skip = r->has_skip ? r->skip : 0,
        .delay_ns = r->has_delay_ns ? r->delay_ns :
                    unasked ? UNASKED_PERIOD_NS : 0,
        .va = r->has_va ? r->va : 0,
        .size = r->has_size ? r->size : rows[r->kind].takes & GIVEN(OPCODE) ?
                INSTRUCTION_SIZE : DEFAULT_SIZE,
        .mask = r->has_mask ? r->mask : spurious ? 0 : UINT32_MAX,
        .value = r->has_value ? r->value : 0,
        .data = r->has_data ? r->data : 0,
        .info = r->has_info ? r->info : 0,
        .source_id = r->has_source_id ? r->source_id : 0,
        .as = r->has_address_space ? r->address_space : 0,
        .slot = r->has_slot ? r->slot : 0,
        .stream = r->has_stream ? r->stream : 0,
        .opcode = r->has_opcode ? r->opcode : 0,
        .command = r->has_command ? r->command : 0,
        .exception = r->has_exception ? r->exception :
                     rows[r->kind].exception,
        .interrupt = r->has_interrupt ? interrupt_lines[r->interrupt] : 0,
        .groups = r->has_groups ? r->groups : 0,
        .streams = r->has_streams ? r->streams : 0,
        .field = r->has_field ? r->field : 0,
        .to_skip = r->has_skip ? r->skip : 0,
    };
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
    ROW(VMSTATE_UINT32(skip, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT64(delay_ns, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT64(va, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT64(size, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT64(mask, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT32(value, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT32(data, MaliCsfArmed), SAVED_BELOW(FAULT_DATA_LIMIT)) \
    ROW(VMSTATE_UINT64(info, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT16(source_id, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT8(as, MaliCsfArmed), SAVED_BELOW(MALI_CSF_MAX_AS)) \
    ROW(VMSTATE_UINT8(slot, MaliCsfArmed), SAVED_IF(is_slot)) \
    ROW(VMSTATE_UINT8(stream, MaliCsfArmed), SAVED_IF(is_stream)) \
    ROW(VMSTATE_UINT8(opcode, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT8(command, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT8(exception, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT8(interrupt, MaliCsfArmed), \
        SAVED_BELOW(MALI_CSF_NUM_IRQS)) \
    ROW(VMSTATE_UINT8(groups, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT8(streams, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT8(field, MaliCsfArmed), \
        SAVED_BELOW(MALI_CSF_CONTROL_FIELD__MAX)) \
    ROW(VMSTATE_UINT64(met, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_BOOL(spent, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_UINT32(to_skip, MaliCsfArmed), SAVED_ANY) \
    ROW(VMSTATE_INT64(due, MaliCsfArmed), SAVED_TIME)

static bool is_slot(MaliCsfState *s, uint64_t value)
{
    return value < s->model->csg_slots;
}

static bool is_stream(MaliCsfState *s, uint64_t value)
{
    return value < s->model->cs_per_csg;
}

static const MaliCsfSaved armed_saved = {
    .vmsd = {
        .name = "mali-csf-armed",
        .version_id = 4,
        .minimum_version_id = 4,
        .fields = SAVED_FIELDS(ARMED_ROWS),
    },
    SAVED_CHECKS(ARMED_ROWS),
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
