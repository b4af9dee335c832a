/*
 * Mali CSF GPU: address spaces — registers, commands, locked regions, faults
 *
 * What a driver sees of the registers is in panthor_mmu.c of Linux 6.12 and
 * 7.3.  Silicon is not documented as to when it drops cached translations:
 * here it does so as rarely as those drivers can live with, so that one
 * which relies on more is caught.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/gpu/mali-csf/gpu-regs.h"
#include "../device.h"
#include "../log.h"
#include "../saved.h"
#include "../trace.h"

static unsigned va_width(MaliCsfState *s)
{
    return FIELD_EX32(s->model->mmu_features, MMU_FEATURES, VA_BITS);
}

static unsigned pa_width(MaliCsfState *s)
{
    return FIELD_EX32(s->model->mmu_features, MMU_FEATURES, PA_BITS);
}

bool mali_csf_mmu_unmapped(MaliCsfState *s, unsigned as)
{
    return mali_csf_unmapped(&s->mmu.as[as].active);
}

/* For people */

bool mali_csf_mmu_next_leaf(MaliCsfState *s, unsigned as, uint64_t va,
                            unsigned *steps, MaliCsfLeaf *leaf)
{
    const MaliCsfTranslation *t = &s->mmu.as[as].active;
    uint64_t descriptor;
    unsigned level;

    if (mali_csf_address_mode(t) != AS_ADRMODE_AARCH64_4K) {
        return false;
    }
    while (*steps && !(va >> mali_csf_va_bits(t))) {
        (*steps)--;
        if (!mali_csf_walk(&s->mmu.ram, t, pa_width(s),
                           s->view.protected_mode, va, leaf, &level,
                           &descriptor)) {
            return true;
        }
        va = ROUND_UP(va + 1, 1ull << mali_csf_level_shift(level));
    }
    return false;
}

/* Where @va is, reachable now or not; false if it is nowhere */
static bool locate(MaliCsfState *s, unsigned as, uint64_t va, hwaddr *pa)
{
    const MaliCsfTranslation *t = &s->mmu.as[as].active;
    uint64_t descriptor;
    MaliCsfLeaf leaf;
    unsigned level;

    *pa = va;
    if (mali_csf_address_mode(t) == AS_ADRMODE_IDENTITY) {
        return true;
    }
    if (mali_csf_address_mode(t) != AS_ADRMODE_AARCH64_4K ||
        va >> mali_csf_va_bits(t) ||
        mali_csf_walk(&s->mmu.ram, t, pa_width(s), s->view.protected_mode, va,
                      &leaf, &level, &descriptor)) {
        return false;
    }
    *pa = leaf.pa + (va - leaf.va);
    return true;
}

bool mali_csf_mmu_is_protected(MaliCsfState *s, unsigned as, uint64_t va)
{
    MaliCsfRamWindow *window;
    hwaddr pa;

    return locate(s, as, va, &pa) &&
           mali_csf_ram_map(&s->mmu.ram, pa, 1, &window) &&
           window->is_protected;
}

bool mali_csf_mmu_peek(MaliCsfState *s, unsigned as, uint64_t va,
                       unsigned size, uint64_t *value)
{
    MaliCsfRamWindow *window;
    hwaddr pa;
    void *host;

    if (va % size || !locate(s, as, va, &pa)) {
        return false;
    }
    host = mali_csf_ram_map(&s->mmu.ram, pa, size, &window);
    if (!host ||
        !mali_csf_ram_allows(&s->mmu.ram, window, s->view.protected_mode,
                             false)) {
        return false;
    }
    *value = size == 4 ? le32_to_cpu(qatomic_read((uint32_t *)host))
                       : le64_to_cpu(qatomic_read((uint64_t *)host));
    return true;
}

/* Reports */

void mali_csf_mmu_stalled(MaliCsfState *s, unsigned as, uint64_t va)
{
    s->mmu.stalls++;
    /* The first byte that is locked, if that is not the first one */
    trace_mali_csf_as_stall(s->trace_id, as, MAX(va, s->mmu.as[as].lock_start));
}

void mali_csf_mmu_report_fault(MaliCsfState *s, unsigned as,
                               const MaliCsfFault *fault)
{
    MaliCsfAddressSpace *space = &s->mmu.as[as];
    uint32_t status = 0;

    status = FIELD_DP32(status, AS_FAULTSTATUS, EXCEPTION_TYPE,
                        fault->exception);
    status = FIELD_DP32(status, AS_FAULTSTATUS, ACCESS_TYPE, fault->access);
    status = FIELD_DP32(status, AS_FAULTSTATUS, SOURCE_ID, fault->source_id);
    s->mmu.faults++;
    trace_mali_csf_as_fault(s->trace_id, as, fault->va, status);
    if (s->mmu.protected_mode(s)) {
        mali_csf_irq_raise(&s->gpu.irq, R_GPU_INT_PROTECTED_FAULT_MASK);
        return;
    }
    if (space->fault_latched ||
        (s->mmu.irq.rawstat & MALI_CSF_MMU_INT_FAULT(as))) {
        return;
    }
    space->fault_latched = true;
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_fault(s, as);
    }
    space->faultstatus = status;
    space->faultaddress = fault->va;
    mali_csf_irq_raise(&s->mmu.irq, MALI_CSF_MMU_INT_FAULT(as));
}

/* Who waits is told */

void mali_csf_mmu_add_listener(MaliCsfState *s, MaliCsfMmuListener *listener)
{
    QTAILQ_INSERT_TAIL(&s->mmu.listeners, listener, next);
}

static void tell_released(MaliCsfState *s, unsigned as)
{
    MaliCsfMmuListener *listener;

    QTAILQ_FOREACH(listener, &s->mmu.listeners, next) {
        if (listener->released) {
            listener->released(listener->opaque, as);
        }
    }
}

static void tell_updated(MaliCsfState *s, unsigned as)
{
    MaliCsfMmuListener *listener;

    QTAILQ_FOREACH(listener, &s->mmu.listeners, next) {
        if (listener->updated) {
            listener->updated(listener->opaque, as);
        }
    }
}

static void tell_unmapped(MaliCsfState *s, unsigned as)
{
    MaliCsfMmuListener *listener;

    QTAILQ_FOREACH(listener, &s->mmu.listeners, next) {
        if (listener->unmapped) {
            listener->unmapped(listener->opaque, as);
        }
    }
}

/* The views see what the address space has in force now. */
static void put_in_force(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];

    mali_csf_views_put(&s->mmu.views, as, &(MaliCsfViewSpace) {
        .translation = space->active,
        .locked = space->locked,
        .lock_start = space->lock_start,
        .lock_last = space->lock_last,
    });
}

static void put_all_in_force(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        put_in_force(s, as);
    }
}

/* What drops cached translations: one function for each reason */

static void tlb_unlock(MaliCsfState *s, unsigned as, uint64_t start,
                       uint64_t last)
{
    unsigned n = mali_csf_views_drop_range(&s->mmu.views, as, start,
                                           last);

    trace_mali_csf_tlb_unlock(s->trace_id, as, start, last, n);
}

static void tlb_flush_pt(MaliCsfState *s, unsigned as, uint64_t start,
                         uint64_t last)
{
    unsigned n = mali_csf_views_drop_range(&s->mmu.views, as, start,
                                           last);

    trace_mali_csf_tlb_flush_pt(s->trace_id, as, start, last, n);
}

static void tlb_flush_mem(MaliCsfState *s, unsigned as, uint64_t start,
                          uint64_t last)
{
    unsigned n = mali_csf_views_drop_range(&s->mmu.views, as, start,
                                           last);

    trace_mali_csf_tlb_flush_mem(s->trace_id, as, start, last, n);
}

static void tlb_reset(MaliCsfState *s)
{
    trace_mali_csf_tlb_reset(s->trace_id,
                             mali_csf_views_drop_all(&s->mmu.views));
}

void mali_csf_mmu_flush_caches(MaliCsfState *s)
{
    trace_mali_csf_tlb_flush_caches(s->trace_id,
                                    mali_csf_views_drop_all(&s->mmu.views));
}

void mali_csf_mmu_l2_off(MaliCsfState *s)
{
    trace_mali_csf_tlb_l2_off(s->trace_id,
                              mali_csf_views_drop_all(&s->mmu.views));
}

/* Commands */

/*
 * The region that LOCKADDR names; base bits below its size do not count.  Nor
 * does FLUSH_SKIP_LEVELS, which allows the GPU to keep translations: the model
 * drops those of all levels.
 */
static void lockaddr_region(MaliCsfState *s, const MaliCsfAddressSpace *space,
                            uint64_t *start, uint64_t *last)
{
    unsigned size = FIELD_EX64(space->lockaddr, AS_LOCKADDR_LO, SIZE);
    uint64_t mask;

    if (size >= va_width(s) - 1) {
        *start = 0;
        *last = UINT64_MAX;
        return;
    }
    mask = (2ull << MAX(size, AS_LOCKADDR_SIZE_MIN)) - 1;
    *start = space->lockaddr & AS_LOCKADDR_BASE_MASK & ~mask;
    *last = *start | mask;
}

static void command_nop(MaliCsfState *s, unsigned as)
{
}

static void command_update(MaliCsfState *s, unsigned as)
{
    MaliCsfAddressSpace *space = &s->mmu.as[as];

    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_update(s, as);
    }
    space->active = (MaliCsfTranslation) {
        .transtab = space->transtab,
        .transcfg = space->transcfg,
        .memattr = space->memattr,
    };
    trace_mali_csf_as_update(s->trace_id, as, space->transtab, space->transcfg);

    switch (mali_csf_address_mode(&space->active)) {
    case AS_ADRMODE_UNMAPPED:
    case AS_ADRMODE_IDENTITY:
    case AS_ADRMODE_AARCH64_4K:
        break;
    case AS_ADRMODE_AARCH64_64K:
        mali_csf_log_mask(LOG_UNIMP, "%s: AS %u: 64 KiB granule\n", __func__,
                          as);
        break;
    default:
        mali_csf_log_mask(LOG_GUEST_ERROR,
                          "%s: AS %u: TRANSCFG 0x%" PRIx64 ": reserved mode\n",
                          __func__, as, space->transcfg);
        break;
    }
    if (FIELD_EX64(space->transcfg, AS_TRANSCFG_LO, OUTA_BITS)) {
        mali_csf_log_mask(LOG_UNIMP, "%s: AS %u: TRANSCFG.OUTA_BITS\n",
                          __func__, as);
    }
    if (space->locked) {
        mali_csf_log_mask(LOG_GUEST_ERROR,
                          "%s: AS %u: UPDATE while a region is locked\n",
                          __func__, as);
        space->locked = false;
    }
    put_in_force(s, as);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_updated(s, as);
    }

    if (mali_csf_mmu_unmapped(s, as)) {
        tell_unmapped(s, as);
    } else {
        space->fault_latched = false;
        tell_updated(s, as);
    }
}

/* Accesses are never under way here, so the lock is held at once. */
static void command_lock(MaliCsfState *s, unsigned as)
{
    MaliCsfAddressSpace *space = &s->mmu.as[as];
    uint64_t start, last;
    bool released;

    lockaddr_region(s, space, &start, &last);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_lock(s, as, start, last);
    }
    released = space->locked &&
               (space->lock_start < start || space->lock_last > last);
    space->locked = true;
    space->lock_start = start;
    space->lock_last = last;
    put_in_force(s, as);
    trace_mali_csf_as_lock(s->trace_id, as, start, last);
    /* What only the old region covered may go on. */
    if (released) {
        tell_released(s, as);
    }
}

static void release_lock(MaliCsfState *s, unsigned as)
{
    s->mmu.as[as].locked = false;
    put_in_force(s, as);
    tell_released(s, as);
}

/* Nothing is held after as_disable() in panthor_mmu.c, which is no mistake */
static void command_unlock(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];

    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_unlock(s, as);
    }
    if (space->locked) {
        tlb_unlock(s, as, space->lock_start, space->lock_last);
    }
    release_lock(s, as);
}

static void command_flush_pt(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];

    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_flush_pt(s, as);
    }
    if (space->locked) {
        tlb_flush_pt(s, as, space->lock_start, space->lock_last);
    } else {
        mali_csf_log_mask(LOG_GUEST_ERROR, "%s: AS %u: no region is locked\n",
                          __func__, as);
    }
    release_lock(s, as);
}

static void command_flush_mem(MaliCsfState *s, unsigned as)
{
    const MaliCsfAddressSpace *space = &s->mmu.as[as];

    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_flush_mem(s, as);
    }
    if (space->locked) {
        tlb_flush_mem(s, as, space->lock_start, space->lock_last);
    } else {
        mali_csf_log_mask(LOG_GUEST_ERROR, "%s: AS %u: no region is locked\n",
                          __func__, as);
    }
    release_lock(s, as);
}

static const struct {
    const char *name;
    void (*execute)(MaliCsfState *s, unsigned as);
    bool takes_time;
    MaliCsfPerturbKind late;
} as_commands[] = {
    [AS_COMMAND_NOP] = { "NOP", command_nop },
    [AS_COMMAND_UPDATE] = { "UPDATE", command_update, true,
                            MALI_CSF_PERTURB_AS_UPDATE },
    [AS_COMMAND_LOCK] = { "LOCK", command_lock, true,
                          MALI_CSF_PERTURB_AS_LOCK },
    [AS_COMMAND_UNLOCK] = { "UNLOCK", command_unlock, true,
                            MALI_CSF_PERTURB_AS_UNLOCK },
    [AS_COMMAND_FLUSH_PT] = { "FLUSH_PT", command_flush_pt, true,
                              MALI_CSF_PERTURB_AS_FLUSH },
    [AS_COMMAND_FLUSH_MEM] = { "FLUSH_MEM", command_flush_mem, true,
                               MALI_CSF_PERTURB_AS_FLUSH },
};

/* How long a command takes, in ns */
static uint64_t as_command_ns(MaliCsfState *s, uint32_t value)
{
    unsigned code = FIELD_EX32(value, AS_COMMAND, CODE);
    uint64_t ns = MIN(s->mmu.latency_ns, MALI_CSF_LATENCY_MAX_NS);

    if (code < ARRAY_SIZE(as_commands) && as_commands[code].takes_time) {
        ns += mali_csf_perturb_ns(&s->perturb, as_commands[code].late);
    }
    return MIN(ns, MALI_CSF_LATENCY_MAX_NS);
}

static void as_command_execute(MaliCsfState *s, unsigned as, uint32_t value)
{
    unsigned code = FIELD_EX32(value, AS_COMMAND, CODE);
    uint64_t lockaddr = s->mmu.as[as].lockaddr;

    mali_csf_views_tell(&s->mmu.views);
    if (code < ARRAY_SIZE(as_commands)) {
        trace_mali_csf_as_command(s->trace_id, as, as_commands[code].name,
                                  lockaddr);
        as_commands[code].execute(s, as);
    } else {
        trace_mali_csf_as_command(s->trace_id, as, "UNKNOWN", lockaddr);
        mali_csf_log_mask(LOG_GUEST_ERROR, "%s: AS %u: unknown command %u\n",
                          __func__, as, code);
    }
    if (mali_csf_views_settled(&s->mmu.views)) {
        mali_csf_irq_raise(&s->mmu.irq, MALI_CSF_MMU_INT_DONE(as));
    } else {
        s->mmu.as[as].command_unseen = true;
        s->mmu.as[as].command_end = INT64_MAX;
    }
}

/* Every view has seen what the commands did: they are over. */
static void views_settled(void *opaque)
{
    MaliCsfState *s = opaque;
    MaliCsfMmuListener *listener;

    mali_csf_ram_forget_retired(&s->mmu.ram);
    mali_csf_views_tell(&s->mmu.views);
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAddressSpace *space = &s->mmu.as[as];

        if (space->command_unseen) {
            space->command_unseen = false;
            space->command_end = -1;
            mali_csf_irq_raise(&s->mmu.irq, MALI_CSF_MMU_INT_DONE(as));
        }
    }
    QTAILQ_FOREACH(listener, &s->mmu.listeners, next) {
        if (listener->settled) {
            listener->settled(listener->opaque);
        }
    }
}

static void arm_command_timer(MaliCsfState *s)
{
    int64_t next = INT64_MAX;

    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        if (s->mmu.as[as].command_end >= 0) {
            next = MIN(next, s->mmu.as[as].command_end);
        }
    }
    if (next == INT64_MAX) {
        timer_del(s->mmu.command_timer);
    } else {
        timer_mod(s->mmu.command_timer,
                  MAX(next, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + 1));
    }
}

static void command_waits(MaliCsfAddressSpace *space)
{
    space->command_waits = true;
    space->command_end = INT64_MAX;
}

void mali_csf_mmu_protm_begins(MaliCsfState *s)
{
    mali_csf_views_set_protected(&s->mmu.views, true);
}

void mali_csf_mmu_protm_over(MaliCsfState *s)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    mali_csf_views_set_protected(&s->mmu.views, false);

    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAddressSpace *space = &s->mmu.as[as];

        if (space->command_waits) {
            space->command_waits = false;
            space->command_end = now + MIN(s->mmu.latency_ns,
                                           MALI_CSF_LATENCY_MAX_NS);
        }
    }
    arm_command_timer(s);
}

/* The address space whose command has been due for longest, or NULL */
static MaliCsfAddressSpace *due(MaliCsfState *s, int64_t now)
{
    MaliCsfAddressSpace *first = NULL;

    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAddressSpace *space = &s->mmu.as[as];

        if (space->command_end >= 0 && space->command_end <= now &&
            (!first || space->command_end < first->command_end)) {
            first = space;
        }
    }
    return first;
}

/*
 * One command in each call.  What else is due follows later, since timers that
 * are due are called with the big lock held until none is left.
 */
static void command_timer(void *opaque)
{
    MaliCsfState *s = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    MaliCsfAddressSpace *space = due(s, now);

    if (space) {
        if (s->mmu.protected_mode(s)) {
            command_waits(space);
        } else {
            space->command_end = -1;
            as_command_execute(s, space - s->mmu.as, space->command);
        }
    }
    arm_command_timer(s);
}

/* Done when this returns, unless x-as-latency-ns says that it takes time */
static void as_command(MaliCsfState *s, unsigned as, uint32_t value)
{
    MaliCsfAddressSpace *space = &s->mmu.as[as];
    const MaliCsfArmed *injection;
    uint64_t latency;

    if (space->command_end >= 0) {
        mali_csf_log_mask(LOG_GUEST_ERROR, "%s: AS %u: command %" PRIu32
                          " while %" PRIu32 " is active\n", __func__, as, value,
                          space->command);
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_busy_command(s, as, value);
        }
        return;
    }
    injection = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_AS_COMMAND,
                                     &(MaliCsfOccasion) {
        .address_space = as,
        .command = FIELD_EX32(value, AS_COMMAND, CODE),
    });
    if (injection) {
        /* Without a delay it never ends. */
        space->command = value;
        space->command_end = injection->delay_ns ?
                             qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                             MIN(injection->delay_ns,
                                 MALI_CSF_LATENCY_MAX_NS) : INT64_MAX;
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_as_duration(s, as,
                                       injection->delay_ns ?: UINT64_MAX);
        }
        arm_command_timer(s);
        return;
    }
    if (s->mmu.protected_mode(s)) {
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_protected_command(s, as, value);
        }
        space->command = value;
        command_waits(space);
        return;
    }
    latency = as_command_ns(s, value);
    if (!latency) {
        as_command_execute(s, as, value);
        return;
    }
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_as_duration(s, as, latency);
    }
    space->command = value;
    space->command_end = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + latency;
    arm_command_timer(s);
}

static uint32_t as_status(const MaliCsfAddressSpace *space)
{
    return FIELD_DP32(0, AS_STATUS, AS_ACTIVE, space->command_end >= 0);
}

/* Registers */

typedef enum MaliCsfAsRegKind {
    AS_REG_UNMODELLED,
    AS_REG_ZERO,
    AS_REG_READ_ONLY,
    AS_REG_STORAGE,
    AS_REG_COMMAND,
    AS_REG_STATUS,
} MaliCsfAsRegKind;

typedef struct MaliCsfAsReg {
    const char *name;
    MaliCsfAsRegKind kind;
    /* Member of MaliCsfAddressSpace, which is of @size bytes */
    uint8_t field;
    uint8_t size;
} MaliCsfAsReg;

#define AS_ROW(label, reg_kind, member) \
    { \
        .name = label, \
        .kind = reg_kind, \
        .field = offsetof(MaliCsfAddressSpace, member), \
        .size = sizeof_field(MaliCsfAddressSpace, member), \
    }

QEMU_BUILD_BUG_ON(sizeof(MaliCsfAddressSpace) > UINT8_MAX);

static const MaliCsfAsReg as_regs[MALI_CSF_MMU_AS_SIZE / 4] = {
    [R_AS_TRANSTAB_LO ... R_AS_TRANSTAB_HI] =
        AS_ROW("AS_TRANSTAB", AS_REG_STORAGE, transtab),
    [R_AS_MEMATTR_LO ... R_AS_MEMATTR_HI] =
        AS_ROW("AS_MEMATTR", AS_REG_STORAGE, memattr),
    [R_AS_LOCKADDR_LO ... R_AS_LOCKADDR_HI] =
        AS_ROW("AS_LOCKADDR", AS_REG_STORAGE, lockaddr),
    [R_AS_COMMAND] = { .name = "AS_COMMAND", .kind = AS_REG_COMMAND },
    [R_AS_FAULTSTATUS] =
        AS_ROW("AS_FAULTSTATUS", AS_REG_READ_ONLY, faultstatus),
    [R_AS_FAULTADDRESS_LO ... R_AS_FAULTADDRESS_HI] =
        AS_ROW("AS_FAULTADDRESS", AS_REG_READ_ONLY, faultaddress),
    [R_AS_STATUS] = { .name = "AS_STATUS", .kind = AS_REG_STATUS },
    [R_AS_TRANSCFG_LO ... R_AS_TRANSCFG_HI] =
        AS_ROW("AS_TRANSCFG", AS_REG_STORAGE, transcfg),
    [R_AS_FAULTEXTRA_LO ... R_AS_FAULTEXTRA_HI] = {
        .name = "AS_FAULTEXTRA", .kind = AS_REG_ZERO,
    },
};

/* Bit of a 64-bit register that bit 0 of the word at @offset is */
static unsigned as_reg_shift(hwaddr offset)
{
    return offset & 4 ? 32 : 0;
}

static uint32_t as_reg_get(const MaliCsfAddressSpace *space,
                           const MaliCsfAsReg *reg, hwaddr offset)
{
    const void *field = (const uint8_t *)space + reg->field;

    if (reg->size == sizeof(uint32_t)) {
        return *(const uint32_t *)field;
    }
    return *(const uint64_t *)field >> as_reg_shift(offset);
}

/* All storage is 64 bits wide. */
static void as_reg_set(MaliCsfAddressSpace *space, const MaliCsfAsReg *reg,
                       hwaddr offset, uint32_t value)
{
    uint64_t *field = (uint64_t *)((uint8_t *)space + reg->field);

    *field = deposit64(*field, as_reg_shift(offset), 32, value);
}

/* The register at @offset of the block, or NULL if it is not of any space */
static const MaliCsfAsReg *find_as_reg(hwaddr offset, unsigned *as)
{
    const MaliCsfAsReg *reg;

    if (offset < MALI_CSF_MMU_AS_BASE) {
        return NULL;
    }
    *as = (offset - MALI_CSF_MMU_AS_BASE) / MALI_CSF_MMU_AS_SIZE;
    if (*as >= MALI_CSF_MAX_AS) {
        return NULL;
    }
    reg = &as_regs[offset % MALI_CSF_MMU_AS_SIZE / 4];
    return reg->kind == AS_REG_UNMODELLED ? NULL : reg;
}

const char *mali_csf_mmu_register_name(uint32_t offset, unsigned *as)
{
    const MaliCsfAsReg *reg = find_as_reg(offset, as);

    return reg ? reg->name : NULL;
}

static bool as_present(MaliCsfState *s, unsigned as)
{
    return s->model->as_present & 1u << as;
}

static uint64_t mmu_read(void *opaque, hwaddr offset, unsigned size)
{
    MaliCsfState *s = opaque;
    const MaliCsfAsReg *reg;
    uint32_t value = 0;
    unsigned as;

    mali_csf_spin_read(&s->spin, MALI_CSF_MMU_BASE + offset);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_read(s, MALI_CSF_MMU_BASE + offset);
    }
    if (offset < MALI_CSF_MMU_INT + MALI_CSF_INT_SIZE) {
        value = mali_csf_irq_read(&s->mmu.irq, offset - MALI_CSF_MMU_INT);
    } else {
        reg = find_as_reg(offset, &as);
        if (!reg) {
            mali_csf_unmodelled_read(&s->unmodelled,
                                     MALI_CSF_MMU_BASE + offset);
        } else if (as_present(s, as) && (reg->kind == AS_REG_READ_ONLY ||
                                         reg->kind == AS_REG_STORAGE)) {
            value = as_reg_get(&s->mmu.as[as], reg, offset);
        } else if (as_present(s, as) && reg->kind == AS_REG_STATUS) {
            value = as_status(&s->mmu.as[as]);
            if (mali_csf_strict(&s->checker)) {
                mali_csf_check_as_status(s, as, value);
            }
        }
    }
    trace_mali_csf_reg_read(s->trace_id, "mmu", offset, value);
    return value;
}

static void mmu_write(void *opaque, hwaddr offset, uint64_t data,
                      unsigned size)
{
    MaliCsfState *s = opaque;
    const MaliCsfAsReg *reg;
    uint32_t value = data;
    unsigned as;

    mali_csf_spin_write(&s->spin);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_write(s, MALI_CSF_MMU_BASE + offset);
    }
    trace_mali_csf_reg_write(s->trace_id, "mmu", offset, value);
    if (offset < MALI_CSF_MMU_INT + MALI_CSF_INT_SIZE) {
        mali_csf_irq_write(&s->mmu.irq, offset - MALI_CSF_MMU_INT, value);
        return;
    }
    reg = find_as_reg(offset, &as);
    if (!reg) {
        mali_csf_unmodelled_write(&s->unmodelled, MALI_CSF_MMU_BASE + offset,
                                  value);
        return;
    }
    if (!as_present(s, as)) {
        mali_csf_log_mask(LOG_GUEST_ERROR, "%s: %s of AS %u, which is absent\n",
                          __func__, reg->name, as);
        return;
    }
    switch (reg->kind) {
    case AS_REG_STORAGE:
        as_reg_set(&s->mmu.as[as], reg, offset, value);
        break;
    case AS_REG_COMMAND:
        as_command(s, as, value);
        break;
    default:
        mali_csf_log_mask(LOG_GUEST_ERROR, "%s: AS %u: %s is read-only\n",
                          __func__, as, reg->name);
        break;
    }
}

static const MemoryRegionOps mmu_ops = {
    .read = mmu_read,
    .write = mmu_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 4,
        .max_access_size = 8,
    },
    .impl = {
        .min_access_size = 4,
        .max_access_size = 4,
    },
};

void mali_csf_mmu_set_ignore_locks(MaliCsfState *s, bool ignore)
{
    if (!DEVICE(s)->realized) {
        s->view.ignore_locks = ignore;
        return;
    }
    mali_csf_views_ignore_locks(&s->mmu.views, ignore);
    trace_mali_csf_ignore_locks(s->trace_id, ignore);
    if (!ignore) {
        return;
    }
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        if (s->mmu.as[as].locked) {
            tell_released(s, as);
        }
    }
}

/* Life cycle */

static void injections_changed(MaliCsfState *s)
{
    mali_csf_views_inject(&s->mmu.views,
                          mali_csf_injected(&s->inject,
                                            MALI_CSF_INJECT_ACCESSES));
}

static bool memory_map_changed(void *opaque)
{
    MaliCsfState *s = opaque;

    mali_csf_views_forget_host(&s->mmu.views);
    return mali_csf_views_settled(&s->mmu.views);
}

void mali_csf_mmu_init(MaliCsfState *s, MemoryRegion *container,
                       bool (*protected_mode)(MaliCsfState *s))
{
    QTAILQ_INIT(&s->mmu.listeners);
    s->mmu.protected_mode = protected_mode;
    mali_csf_irq_init(s, &s->mmu.irq, "mmu", MALI_CSF_IRQ_MMU);
    memory_region_init_io(&s->mmu.control, OBJECT(s), &mmu_ops, s,
                          "mali-csf-mmu", MALI_CSF_BLOCK_SIZE);
    memory_region_add_subregion(container, MALI_CSF_MMU_BASE,
                                &s->mmu.control);
    s->mmu.command_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, command_timer, s);
    mali_csf_view_init(&s->view, &s->mmu.ram, pa_width(s), s);
    mali_csf_views_init(&s->mmu.views, &s->view, views_settled, s);
    mali_csf_inject_set_changed(s, injections_changed);
    mali_csf_ram_init(&s->mmu.ram, s->trace_id, &s->reserved,
                      memory_map_changed, s);
}

void mali_csf_mmu_finalize(MaliCsfState *s)
{
    timer_free(s->mmu.command_timer);
    mali_csf_ram_finalize(&s->mmu.ram);
    mali_csf_views_finalize(&s->mmu.views);
}

static void reset_address_spaces(MaliCsfState *s)
{
    MaliCsfMmu *mmu = &s->mmu;

    timer_del(mmu->command_timer);
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        mmu->as[as] = (MaliCsfAddressSpace) {
            .transcfg = AS_ADRMODE_UNMAPPED,
            .active.transcfg = AS_ADRMODE_UNMAPPED,
            .command_end = -1,
        };
    }
    put_all_in_force(s);
}

void mali_csf_mmu_reset_enter(MaliCsfState *s)
{
    MaliCsfMmu *mmu = &s->mmu;

    mali_csf_irq_reset_enter(&mmu->irq);
    reset_address_spaces(s);
    memset(&s->view.tlb, 0, sizeof(s->view.tlb));
    s->view.tlb_hits = 0;
    s->view.tlb_misses = 0;
    mmu->stalls = 0;
    mmu->faults = 0;
}

void mali_csf_mmu_reset_hold(MaliCsfState *s)
{
    mali_csf_irq_update(&s->mmu.irq);
}

void mali_csf_mmu_gpu_reset(MaliCsfState *s)
{
    reset_address_spaces(s);
    tlb_reset(s);
    mali_csf_irq_set_rawstat(&s->mmu.irq, 0);
}

void mali_csf_mmu_post_load(MaliCsfState *s)
{
    put_all_in_force(s);
    mali_csf_views_set_protected(&s->mmu.views, false);
    memset(&s->view.tlb, 0, sizeof(s->view.tlb));
    arm_command_timer(s);
    mali_csf_irq_update(&s->mmu.irq);
}

#define TRANSLATION_ROWS(ROW) \
    ROW(VMSTATE_UINT64(transtab, MaliCsfTranslation), SAVED_ANY) \
    ROW(VMSTATE_UINT64(transcfg, MaliCsfTranslation), SAVED_ANY) \
    ROW(VMSTATE_UINT64(memattr, MaliCsfTranslation), SAVED_ANY)

static const MaliCsfSaved translation_saved = {
    .vmsd = {
        .name = "mali-csf-translation",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(TRANSLATION_ROWS),
    },
    SAVED_CHECKS(TRANSLATION_ROWS),
};

/* No command is active if it is -1; one whose end is INT64_MAX never ends. */
static bool is_command_end(MaliCsfState *s, uint64_t value)
{
    return (int64_t)value >= -1;
}

#define ADDRESS_SPACE_ROWS(ROW) \
    ROW(VMSTATE_UINT64(transtab, MaliCsfAddressSpace), SAVED_ANY) \
    ROW(VMSTATE_UINT64(memattr, MaliCsfAddressSpace), SAVED_ANY) \
    ROW(VMSTATE_UINT64(transcfg, MaliCsfAddressSpace), SAVED_ANY) \
    ROW(VMSTATE_UINT64(lockaddr, MaliCsfAddressSpace), SAVED_ANY) \
    ROW(VMSTATE_UINT32(command, MaliCsfAddressSpace), SAVED_ANY) \
    ROW(VMSTATE_INT64(command_end, MaliCsfAddressSpace), \
        SAVED_IF(is_command_end)) \
    ROW(VMSTATE_BOOL(command_waits, MaliCsfAddressSpace), SAVED_ANY) \
    ROW(VMSTATE_STRUCT(active, MaliCsfAddressSpace, 1, \
                       translation_saved.vmsd, MaliCsfTranslation), \
        SAVED_STRUCT(translation_saved)) \
    ROW(VMSTATE_BOOL(locked, MaliCsfAddressSpace), SAVED_ANY) \
    ROW(VMSTATE_UINT64(lock_start, MaliCsfAddressSpace), SAVED_ANY) \
    ROW(VMSTATE_UINT64(lock_last, MaliCsfAddressSpace), SAVED_ANY) \
    ROW(VMSTATE_BOOL(fault_latched, MaliCsfAddressSpace), SAVED_ANY) \
    ROW(VMSTATE_UINT32(faultstatus, MaliCsfAddressSpace), SAVED_ANY) \
    ROW(VMSTATE_UINT64(faultaddress, MaliCsfAddressSpace), SAVED_ANY)

static bool address_space_valid(MaliCsfState *s, const void *opaque)
{
    const MaliCsfAddressSpace *space = opaque;

    return (!space->locked || space->lock_start <= space->lock_last) &&
           (!space->command_waits || space->command_end == INT64_MAX);
}

static const MaliCsfSaved address_space_saved = {
    .vmsd = {
        .name = "mali-csf-address-space",
        .version_id = 2,
        .minimum_version_id = 2,
        .fields = SAVED_FIELDS(ADDRESS_SPACE_ROWS),
    },
    SAVED_CHECKS(ADDRESS_SPACE_ROWS),
    .valid = address_space_valid,
};

#define MMU_ROWS(ROW) \
    ROW(VMSTATE_STRUCT(irq, MaliCsfMmu, 1, mali_csf_irq_saved.vmsd, \
                       MaliCsfIrq), SAVED_STRUCT(mali_csf_irq_saved)) \
    ROW(VMSTATE_STRUCT_ARRAY(as, MaliCsfMmu, MALI_CSF_MAX_AS, 1, \
                             address_space_saved.vmsd, MaliCsfAddressSpace), \
        SAVED_STRUCT(address_space_saved))

const MaliCsfSaved mali_csf_mmu_saved = {
    .vmsd = {
        .name = "mali-csf-mmu",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(MMU_ROWS),
    },
    SAVED_CHECKS(MMU_ROWS),
};
