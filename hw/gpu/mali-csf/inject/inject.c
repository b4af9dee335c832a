/*
 * Mali CSF GPU: faults that somebody asks for
 *
 * Not injectable: see docs/devel/injection.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-mali-csf.h"
#include "../device.h"
#include "../trace.h"

/* Defaults and limits; times in ns of virtual time */
#define DEFAULT_SIZE        4096
#define INSTRUCTION_SIZE    8
#define UNASKED_PERIOD_NS   10000
/* A storm has an end, and leaves time for something else */
#define UNASKED_MAX_COUNT   1000000

/* Members of MaliCsfInjection that not every kind takes */
enum {
    GIVEN_SKIP = 1 << 0,
    GIVEN_DELAY = 1 << 1,
    GIVEN_AS = 1 << 2,
    GIVEN_SLOT = 1 << 3,
    GIVEN_STREAM = 1 << 4,
    GIVEN_VA = 1 << 5,
    GIVEN_SIZE = 1 << 6,
    GIVEN_OPCODE = 1 << 7,
    GIVEN_COMMAND = 1 << 8,
    GIVEN_EXCEPTION = 1 << 9,
    GIVEN_INTERRUPT = 1 << 10,
    GIVEN_MASK = 1 << 11,
    GIVEN_GROUPS = 1 << 12,
    GIVEN_STREAMS = 1 << 13,
    GIVEN_FIELD = 1 << 14,
    GIVEN_VALUE = 1 << 15,
};

static const char *const member_names[] = {
    "skip", "delay-ns", "address-space", "slot", "stream", "va", "size",
    "opcode", "command", "exception", "interrupt", "mask", "groups",
    "streams", "field", "value",
};

#define GIVEN_GROUP     (GIVEN_SKIP | GIVEN_DELAY | GIVEN_SLOT)
#define GIVEN_ACCESS    (GIVEN_AS | GIVEN_VA | GIVEN_SIZE)
#define GIVEN_EXECUTION (GIVEN_SKIP | GIVEN_SLOT | GIVEN_STREAM | GIVEN_VA | \
                         GIVEN_SIZE | GIVEN_OPCODE | GIVEN_EXCEPTION)

typedef struct MaliCsfInjectionRow {
    /* What it takes, and what it cannot do without */
    uint32_t takes;
    uint32_t needs;
    /* For what completes late: do it now */
    void (*complete)(MaliCsfState *s, uint64_t value);
    /* Of an access, an instruction or the GPU: what is reported, by default */
    uint8_t exception;
    /* It comes when its time has come, and not on an occasion */
    bool unasked;
    /* Only of a model that has PWR_CONTROL */
    bool pwr_control;
} MaliCsfInjectionRow;

#define ROW(name)   [MALI_CSF_INJECTION_KIND_##name]

/* AS commands have an end of their own, mmu.c, and need no complete() */
static const MaliCsfInjectionRow rows[MALI_CSF_INJECTION_KIND__MAX] = {
    ROW(AS_COMMAND) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY | GIVEN_AS | GIVEN_COMMAND,
    },
    ROW(CACHE_FLUSH) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY,
        .complete = mali_csf_gpu_complete_flush,
    },
    ROW(GPU_RESET) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY,
        .complete = mali_csf_gpu_complete_reset,
    },
    ROW(L2_POWER_ON) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY,
        .complete = mali_csf_pwr_complete_l2_on,
    },
    ROW(L2_POWER_OFF) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY,
        .complete = mali_csf_pwr_complete_l2_off,
    },
    ROW(MCU_BOOT) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY,
        .complete = mali_csf_mcu_complete_boot,
    },
    ROW(MCU_STOP) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY,
        .complete = mali_csf_mcu_complete_stop,
    },
    ROW(MCU_HALT) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY,
        .complete = mali_csf_mcu_look_again,
    },
    ROW(MCU_DEATH) = { .takes = GIVEN_SKIP },
    ROW(PING_ACK) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY,
        .complete = mali_csf_mcu_look_again,
    },
    ROW(GLB_ACK) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY | GIVEN_MASK,
        .complete = mali_csf_mcu_look_again,
    },
    ROW(CSG_START_ACK) = {
        .takes = GIVEN_GROUP, .complete = mali_csf_mcu_look_again,
    },
    ROW(CSG_RESUME_ACK) = {
        .takes = GIVEN_GROUP, .complete = mali_csf_mcu_look_again,
    },
    ROW(CSG_SUSPEND_ACK) = {
        .takes = GIVEN_GROUP, .complete = mali_csf_mcu_look_again,
    },
    ROW(CSG_TERMINATE_ACK) = {
        .takes = GIVEN_GROUP, .complete = mali_csf_mcu_look_again,
    },
    ROW(CSG_STATUS_UPDATE_ACK) = {
        .takes = GIVEN_GROUP, .complete = mali_csf_mcu_look_again,
    },
    ROW(CSG_EP_CFG_ACK) = {
        .takes = GIVEN_GROUP, .complete = mali_csf_mcu_look_again,
    },
    ROW(CS_ACK) = {
        .takes = GIVEN_GROUP | GIVEN_STREAM,
        .complete = mali_csf_mcu_look_again,
    },
    ROW(IRQ_LOST) = { .takes = GIVEN_SKIP | GIVEN_INTERRUPT | GIVEN_MASK },
    ROW(IRQ_SILENT) = { .takes = GIVEN_SKIP | GIVEN_INTERRUPT | GIVEN_MASK },
    ROW(IRQ_SPURIOUS) = {
        .takes = GIVEN_DELAY | GIVEN_INTERRUPT | GIVEN_MASK,
        .needs = GIVEN_INTERRUPT,
        .unasked = true,
    },
    /*
     * No skip: an instruction proves its accesses before it makes them, and
     * both count.
     */
    ROW(TRANSLATION_FAULT) = {
        .takes = GIVEN_ACCESS, .exception = AS_FAULT_TRANSLATION + 3,
    },
    ROW(PERMISSION_FAULT) = {
        .takes = GIVEN_ACCESS, .exception = AS_FAULT_PERMISSION + 3,
    },
    ROW(ACCESS_FLAG_FAULT) = {
        .takes = GIVEN_ACCESS, .exception = AS_FAULT_ACCESS_FLAG + 3,
    },
    ROW(BUS_ERROR) = {
        .takes = GIVEN_ACCESS, .exception = AS_FAULT_GPU_BUS,
    },
    ROW(CS_FAULT) = {
        .takes = GIVEN_EXECUTION, .exception = CS_EXCEPTION_ADDR_RANGE_FAULT,
    },
    ROW(CS_FATAL) = {
        .takes = GIVEN_EXECUTION, .exception = CS_EXCEPTION_UNRECOVERABLE,
    },
    ROW(GLB_DOORBELL) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY,
        .complete = mali_csf_mcu_look_again,
    },
    ROW(CSG_DOORBELL) = {
        .takes = GIVEN_GROUP, .complete = mali_csf_mcu_look_again,
    },
    ROW(CS_DOORBELL) = {
        .takes = GIVEN_GROUP | GIVEN_STREAM,
        .complete = mali_csf_mcu_ring_again,
    },
    ROW(TILER_OOM) = { .takes = GIVEN_SKIP | GIVEN_SLOT | GIVEN_STREAM },
    ROW(MCU_ROGUE_HALT) = { .takes = GIVEN_SKIP },
    ROW(ODD_SLOTS) = { .takes = GIVEN_SKIP | GIVEN_GROUPS | GIVEN_STREAMS },
    ROW(ODD_FIELD) = {
        .takes = GIVEN_SKIP | GIVEN_SLOT | GIVEN_STREAM | GIVEN_FIELD |
                 GIVEN_VALUE,
        .needs = GIVEN_FIELD,
    },
    ROW(GPU_FAULT) = {
        .takes = GIVEN_DELAY | GIVEN_EXCEPTION | GIVEN_VA,
        .exception = AS_FAULT_GPU_BUS,
        .unasked = true,
    },
    ROW(L2_TRANSITION) = {
        .takes = GIVEN_SKIP | GIVEN_DELAY,
        .complete = mali_csf_pwr_end_l2_transition,
    },
    ROW(PWR_NOT_ALLOWED) = {
        .takes = GIVEN_SKIP | GIVEN_COMMAND, .pwr_control = true,
    },
    ROW(PWR_INVALID) = {
        .takes = GIVEN_SKIP | GIVEN_COMMAND, .pwr_control = true,
    },
    ROW(PWR_STATUS) = {
        .takes = GIVEN_SKIP | GIVEN_MASK,
        .needs = GIVEN_MASK,
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

        if (rows[a->kind].unasked && !a->spent) {
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
    if (((a->given & GIVEN_AS) && a->as != o->as) ||
        ((a->given & GIVEN_SLOT) && a->slot != o->slot) ||
        ((a->given & GIVEN_STREAM) && a->stream != o->stream) ||
        ((a->given & GIVEN_OPCODE) && a->opcode != o->opcode) ||
        ((a->given & GIVEN_COMMAND) && a->command != o->command) ||
        ((a->given & GIVEN_INTERRUPT) && a->interrupt != o->interrupt) ||
        ((a->given & GIVEN_FIELD) && a->field != o->field) ||
        ((a->given & GIVEN_MASK) && !(a->mask & o->bits))) {
        return false;
    }
    /* Neither range wraps: it was checked, or is part of a page. */
    return !(a->given & GIVEN_VA) ||
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

    if (a && (a->given & GIVEN_DELAY)) {
        defer(s, a, value);
    }
    return a;
}

void mali_csf_inject_slots(MaliCsfState *s, uint32_t *groups,
                           uint32_t *streams)
{
    const MaliCsfArmed *a;

    a = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_ODD_SLOTS,
                             &(MaliCsfOccasion) { });
    if (a && (a->given & GIVEN_GROUPS)) {
        *groups = a->groups;
    }
    if (a && (a->given & GIVEN_STREAMS)) {
        *streams = a->streams;
    }
}

uint32_t mali_csf_inject_field(MaliCsfState *s, MaliCsfControlField field,
                               unsigned csg, unsigned cs, uint32_t value)
{
    MaliCsfOccasion occasion = { .field = field, .slot = csg, .stream = cs };
    const MaliCsfArmed *a;

    a = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_ODD_FIELD, &occasion);
    return a ? a->value : value;
}

uint64_t mali_csf_inject_pwr_status(MaliCsfState *s, uint64_t value,
                                    uint64_t bits)
{
    MaliCsfOccasion occasion = { .bits = bits };
    const MaliCsfArmed *a;

    a = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_PWR_STATUS,
                             &occasion);
    return a ? value ^ a->mask : value;
}

/* Interrupts */

static MaliCsfIrq *irq_of(MaliCsfState *s, unsigned line)
{
    switch (line) {
    case MALI_CSF_IRQ_JOB:
        return &s->mcu.job_irq;
    case MALI_CSF_IRQ_MMU:
        return &s->mmu.irq;
    default:
        return &s->gpu.irq;
    }
}

uint32_t mali_csf_inject_irq(MaliCsfState *s, unsigned line, uint32_t bits)
{
    MaliCsfOccasion occasion = { .interrupt = line, .bits = bits };
    const MaliCsfArmed *a;

    a = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_IRQ_LOST, &occasion);
    if (a) {
        bits &= ~a->mask;
    }
    if (bits && mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_IRQ_SILENT,
                                     &occasion)) {
        s->inject.silent |= 1u << line;
    }
    return bits;
}

void mali_csf_inject_irq_read(MaliCsfState *s, unsigned line)
{
    s->inject.glitch &= ~(1u << line);
}

void mali_csf_inject_irq_changed(MaliCsfState *s, unsigned line)
{
    s->inject.silent &= ~(1u << line);
}

static void spurious_interrupt(MaliCsfState *s, MaliCsfArmed *a)
{
    MaliCsfIrq *irq = irq_of(s, a->interrupt);

    if (a->mask) {
        irq->rawstat |= a->mask;
    } else {
        s->inject.glitch |= 1u << a->interrupt;
    }
    trace_mali_csf_irq_raise(irq->name, a->mask, irq->rawstat, irq->mask);
    mali_csf_irq_update(irq);
}

static void inject_timer(void *opaque)
{
    MaliCsfState *s = opaque;
    MaliCsfInject *inject = &s->inject;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    for (unsigned i = 0; i < inject->count; i++) {
        MaliCsfArmed *a = &inject->list[i];

        if (rows[a->kind].unasked && !a->spent && a->due <= now) {
            /* From now on, not from when it was due: no burst to catch up */
            a->due = now + MAX(MIN(a->delay_ns, MALI_CSF_LATENCY_MAX_NS),
                               UNASKED_PERIOD_NS);
            met(inject, a);
            if (a->kind == MALI_CSF_INJECTION_KIND_GPU_FAULT) {
                mali_csf_gpu_fault(s, a->exception, a->given & GIVEN_VA,
                                   a->va);
            } else {
                spurious_interrupt(s, a);
            }
        }
    }
    for (unsigned i = 0; i < MALI_CSF_MAX_LATE; i++) {
        MaliCsfLate *late = &inject->late[i];

        if (late->pending && late->due <= now) {
            late->pending = false;
            trace_mali_csf_inject_late(MaliCsfInjectionKind_str(late->kind));
            rows[late->kind].complete(s, late->value);
        }
    }
    arm_timer(s);
}

/* Accesses and instructions */

uint8_t mali_csf_inject_access(MaliCsfState *s, unsigned as, uint64_t va,
                               uint64_t size, bool *bus_error)
{
    static const uint8_t kinds[] = {
        MALI_CSF_INJECTION_KIND_TRANSLATION_FAULT,
        MALI_CSF_INJECTION_KIND_PERMISSION_FAULT,
        MALI_CSF_INJECTION_KIND_ACCESS_FLAG_FAULT,
        MALI_CSF_INJECTION_KIND_BUS_ERROR,
    };
    MaliCsfOccasion occasion = { .as = as, .va = va, .size = size };

    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (mali_csf_inject_meet(s, kinds[i], &occasion)) {
            *bus_error = kinds[i] == MALI_CSF_INJECTION_KIND_BUS_ERROR;
            return rows[kinds[i]].exception;
        }
    }
    return 0;
}

bool mali_csf_inject_stream(MaliCsfState *s, unsigned csg, unsigned cs,
                            uint64_t va, uint64_t word)
{
    MaliCsfOccasion occasion = {
        .slot = csg,
        .stream = cs,
        .opcode = word >> CS_OPCODE_SHIFT,
        .va = va,
        .size = sizeof(word),
    };
    const MaliCsfArmed *a;

    a = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_CS_FATAL, &occasion);
    if (a) {
        mali_csf_stream_fatal(s, csg, cs, a->exception, 0, va);
        return true;
    }
    a = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_CS_FAULT, &occasion);
    if (a) {
        mali_csf_stream_fault(s, csg, cs, a->exception, 0, va);
        return true;
    }
    return false;
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
        .has_delay_ns = a->given & GIVEN_DELAY,
        .delay_ns = a->delay_ns,
        .has_address_space = a->given & GIVEN_AS,
        .address_space = a->as,
        .has_slot = a->given & GIVEN_SLOT,
        .slot = a->slot,
        .has_stream = a->given & GIVEN_STREAM,
        .stream = a->stream,
        .has_va = a->given & GIVEN_VA,
        .va = a->va,
        .has_size = a->given & GIVEN_VA,
        .size = a->size,
        .has_opcode = a->given & GIVEN_OPCODE,
        .opcode = a->opcode,
        .has_command = a->given & GIVEN_COMMAND,
        .command = a->command,
        .has_exception = a->given & GIVEN_EXCEPTION,
        .exception = a->exception,
        .has_interrupt = a->given & GIVEN_INTERRUPT,
        .has_mask = a->given & GIVEN_MASK,
        .mask = a->mask,
        .has_groups = a->given & GIVEN_GROUPS,
        .groups = a->groups,
        .has_streams = a->given & GIVEN_STREAMS,
        .streams = a->streams,
        .has_field = a->given & GIVEN_FIELD,
        .field = a->field,
        .has_value = a->given & GIVEN_VALUE,
        .value = a->value,
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
    return (r->has_skip ? GIVEN_SKIP : 0) |
           (r->has_delay_ns ? GIVEN_DELAY : 0) |
           (r->has_address_space ? GIVEN_AS : 0) |
           (r->has_slot ? GIVEN_SLOT : 0) |
           (r->has_stream ? GIVEN_STREAM : 0) |
           (r->has_va ? GIVEN_VA : 0) |
           (r->has_size ? GIVEN_SIZE : 0) |
           (r->has_opcode ? GIVEN_OPCODE : 0) |
           (r->has_command ? GIVEN_COMMAND : 0) |
           (r->has_exception ? GIVEN_EXCEPTION : 0) |
           (r->has_interrupt ? GIVEN_INTERRUPT : 0) |
           (r->has_mask ? GIVEN_MASK : 0) |
           (r->has_groups ? GIVEN_GROUPS : 0) |
           (r->has_streams ? GIVEN_STREAMS : 0) |
           (r->has_field ? GIVEN_FIELD : 0) |
           (r->has_value ? GIVEN_VALUE : 0);
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
        if (given & ~row->takes & (1u << i)) {
            error_setg(errp, "%s takes no %s", kind, member_names[i]);
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
    if (row->unasked && r->has_count &&
        (!r->count || r->count > UNASKED_MAX_COUNT)) {
        error_setg(errp, "%s: count is to be from 1 to %u", kind,
                   UNASKED_MAX_COUNT);
        return false;
    }
    return (!r->has_address_space ||
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
    bool unasked = rows[r->kind].unasked;
    MaliCsfArmed *a;

    if (!s || !check_request(s, r, errp)) {
        return NULL;
    }
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
        .size = r->has_size ? r->size : rows[r->kind].takes & GIVEN_OPCODE ?
                INSTRUCTION_SIZE : DEFAULT_SIZE,
        .mask = r->has_mask ? r->mask : spurious ? 0 : UINT32_MAX,
        .value = r->has_value ? r->value : 0,
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

void mali_csf_inject_reset_enter(MaliCsfState *s)
{
    drop_late(&s->inject);
    s->inject.silent = 0;
    s->inject.glitch = 0;
    arm_timer(s);
}

void mali_csf_inject_gpu_reset(MaliCsfState *s)
{
    mali_csf_inject_reset_enter(s);
}

void mali_csf_inject_pre_load(MaliCsfState *s)
{
    QEMUTimer *timer = s->inject.timer;

    s->inject = (MaliCsfInject) { .timer = timer };
    timer_del(timer);
}

static bool armed_valid(const MaliCsfArmed *a)
{
    return a->kind < MALI_CSF_INJECTION_KIND__MAX &&
           !(a->given & ~rows[a->kind].takes) &&
           a->interrupt < MALI_CSF_NUM_IRQS && a->size &&
           a->va + (a->size - 1) >= a->va &&
           (!rows[a->kind].unasked ||
            (a->count && a->count <= UNASKED_MAX_COUNT && a->due >= 0)) &&
           (!a->count || a->met <= a->count) &&
           a->spent == (a->count && a->met == a->count);
}

int mali_csf_inject_post_load(MaliCsfState *s)
{
    MaliCsfInject *inject = &s->inject;

    if (inject->count > MALI_CSF_MAX_INJECTIONS ||
        (inject->silent | inject->glitch) >> MALI_CSF_NUM_IRQS) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < inject->count; i++) {
        if (!armed_valid(&inject->list[i])) {
            return -EINVAL;
        }
    }
    for (unsigned i = 0; i < MALI_CSF_MAX_LATE; i++) {
        const MaliCsfLate *late = &inject->late[i];

        if (late->pending && (late->kind >= MALI_CSF_INJECTION_KIND__MAX ||
                              !rows[late->kind].complete)) {
            return -EINVAL;
        }
    }
    update_armed(inject);
    arm_timer(s);
    return 0;
}

static const VMStateDescription vmstate_mali_csf_armed = {
    .name = "mali-csf-armed",
    .version_id = 3,
    .minimum_version_id = 3,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(id, MaliCsfArmed),
        VMSTATE_UINT32(kind, MaliCsfArmed),
        VMSTATE_UINT32(given, MaliCsfArmed),
        VMSTATE_UINT32(count, MaliCsfArmed),
        VMSTATE_UINT32(skip, MaliCsfArmed),
        VMSTATE_UINT64(delay_ns, MaliCsfArmed),
        VMSTATE_UINT64(va, MaliCsfArmed),
        VMSTATE_UINT64(size, MaliCsfArmed),
        VMSTATE_UINT64(mask, MaliCsfArmed),
        VMSTATE_UINT32(value, MaliCsfArmed),
        VMSTATE_UINT8(as, MaliCsfArmed),
        VMSTATE_UINT8(slot, MaliCsfArmed),
        VMSTATE_UINT8(stream, MaliCsfArmed),
        VMSTATE_UINT8(opcode, MaliCsfArmed),
        VMSTATE_UINT8(command, MaliCsfArmed),
        VMSTATE_UINT8(exception, MaliCsfArmed),
        VMSTATE_UINT8(interrupt, MaliCsfArmed),
        VMSTATE_UINT8(groups, MaliCsfArmed),
        VMSTATE_UINT8(streams, MaliCsfArmed),
        VMSTATE_UINT8(field, MaliCsfArmed),
        VMSTATE_UINT64(met, MaliCsfArmed),
        VMSTATE_BOOL(spent, MaliCsfArmed),
        VMSTATE_UINT32(to_skip, MaliCsfArmed),
        VMSTATE_INT64(due, MaliCsfArmed),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_mali_csf_late = {
    .name = "mali-csf-late",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(pending, MaliCsfLate),
        VMSTATE_UINT32(kind, MaliCsfLate),
        VMSTATE_UINT64(value, MaliCsfLate),
        VMSTATE_INT64(due, MaliCsfLate),
        VMSTATE_END_OF_LIST()
    },
};

static bool inject_needed(void *opaque)
{
    MaliCsfState *s = opaque;

    return s->inject.last_id;
}

const VMStateDescription vmstate_mali_csf_inject = {
    .name = "mali-csf/inject",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = inject_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(inject.count, MaliCsfState),
        VMSTATE_UINT32(inject.last_id, MaliCsfState),
        VMSTATE_STRUCT_ARRAY(inject.list, MaliCsfState,
                             MALI_CSF_MAX_INJECTIONS, 1,
                             vmstate_mali_csf_armed, MaliCsfArmed),
        VMSTATE_STRUCT_ARRAY(inject.late, MaliCsfState, MALI_CSF_MAX_LATE, 1,
                             vmstate_mali_csf_late, MaliCsfLate),
        VMSTATE_UINT8(inject.silent, MaliCsfState),
        VMSTATE_UINT8(inject.glitch, MaliCsfState),
        VMSTATE_END_OF_LIST()
    },
};
