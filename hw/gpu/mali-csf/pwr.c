/*
 * Mali CSF GPU: power domains, and PWR_CONTROL
 *
 * Which cores are on is the same question on all architectures.  Who asks
 * differs: up to 13 registers of GPU_CONTROL do, see gpu.c, and the firmware
 * powers tiler and shader cores whenever it runs.  On 14 the block
 * PWR_CONTROL does, and a domain is the firmware's only once the host has
 * delegated it.
 *
 * Behaviour of PWR_CONTROL is what panthor_pwr.c of Linux 7.3 asks for.
 * Commands are complete when the write returns.
 *
 * Not modelled: transitions that take time, the ray-tracing unit as a domain
 * of its own.  No access or instruction is refused for want of power.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "device.h"
#include "log.h"
#include "saved.h"
#include "trace.h"

typedef struct PowerDomain {
    const char *name;
    /* In PWR_COMMAND and PWR_STATUS */
    uint8_t number;
    /* Offset of its registers in PWR_CONTROL */
    uint16_t base;
    /* panthor never delegates the L2: "-EPERM if domain is L2". */
    bool delegable;
} PowerDomain;

static const PowerDomain domains[MALI_CSF_NUM_POWER_DOMAINS] = {
    [MALI_CSF_POWER_L2] = {
        "l2", PWR_DOMAIN_L2, PWR_DOMAIN_L2_BASE, false,
    },
    [MALI_CSF_POWER_TILER] = {
        "tiler", PWR_DOMAIN_TILER, PWR_DOMAIN_TILER_BASE, true,
    },
    [MALI_CSF_POWER_SHADER] = {
        "shader", PWR_DOMAIN_SHADER, PWR_DOMAIN_SHADER_BASE, true,
    },
    [MALI_CSF_POWER_BASE] = {
        "base", PWR_DOMAIN_BASE, PWR_DOMAIN_BASE_BASE, true,
    },
    [MALI_CSF_POWER_STACK] = {
        "stack", PWR_DOMAIN_STACK, PWR_DOMAIN_STACK_BASE, true,
    },
};

/* Domains */

uint64_t mali_csf_pwr_present(MaliCsfState *s, MaliCsfPowerDomain domain)
{
    switch (domain) {
    case MALI_CSF_POWER_L2:
        return s->model->l2_present;
    case MALI_CSF_POWER_TILER:
        return s->model->tiler_present;
    case MALI_CSF_POWER_SHADER:
        return s->model->shader_present;
    case MALI_CSF_POWER_BASE:
        /* A guess: nobody reads it. */
        return 1;
    default:
        /* No part has shader stacks. */
        return 0;
    }
}

static bool delegated(MaliCsfState *s, MaliCsfPowerDomain domain)
{
    return s->pwr.delegated & BIT(domain);
}

uint64_t mali_csf_pwr_ready(MaliCsfState *s, MaliCsfPowerDomain domain)
{
    bool by_firmware = delegated(s, domain) &&
                       s->pwr.ready[MALI_CSF_POWER_L2] &&
                       s->mcu.status == MCU_STATUS_ENABLED;

    if (!by_firmware) {
        return s->pwr.ready[domain];
    }
    /* Shader cores are powered for work only, and not all have to be. */
    return domain == MALI_CSF_POWER_SHADER ? mali_csf_fw_shader_ready(s)
                                           : mali_csf_pwr_present(s, domain);
}

static bool set_ready(MaliCsfState *s, MaliCsfPowerDomain domain,
                      uint64_t value)
{
    uint64_t *ready = &s->pwr.ready[domain];

    if (*ready == value) {
        return false;
    }
    *ready = value;
    trace_mali_csf_power(s->trace_id, domains[domain].name, value);
    return true;
}

bool mali_csf_pwr_up(MaliCsfState *s, MaliCsfPowerDomain domain,
                     uint64_t cores)
{
    bool changed = set_ready(s, domain, s->pwr.ready[domain] |
                             (cores & mali_csf_pwr_present(s, domain)));

    if (changed && domain == MALI_CSF_POWER_L2 &&
        mali_csf_strict(&s->checker)) {
        mali_csf_check_l2_on(s);
    }
    return changed;
}

bool mali_csf_pwr_down(MaliCsfState *s, MaliCsfPowerDomain domain,
                       uint64_t cores)
{
    bool changed = set_ready(s, domain, s->pwr.ready[domain] & ~cores);

    if (changed && domain == MALI_CSF_POWER_L2) {
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_l2_off(s);
        }
        mali_csf_mmu_l2_off(s);
        set_ready(s, MALI_CSF_POWER_TILER, 0);
        set_ready(s, MALI_CSF_POWER_SHADER, 0);
    }
    return changed;
}

void mali_csf_pwr_changed(MaliCsfState *s, bool changed)
{
    if (s->model->has_pwr_control) {
        mali_csf_irq_raise(&s->pwr.irq,
                           (changed ? R_PWR_INT_POWER_CHANGED_SINGLE_MASK
                                    : 0) |
                           R_PWR_INT_POWER_CHANGED_ALL_MASK);
    } else {
        mali_csf_irq_raise(&s->gpu.irq,
                           (changed ? R_GPU_INT_POWER_CHANGED_SINGLE_MASK
                                    : 0) |
                           R_GPU_INT_POWER_CHANGED_ALL_MASK);
    }
}

static void end_l2_transition(MaliCsfState *s, uint64_t cores)
{
    s->pwr.l2_transition &= ~cores;
}

static void begin_l2_transition(MaliCsfState *s, uint64_t cores)
{
    cores &= mali_csf_pwr_present(s, MALI_CSF_POWER_L2);
    if (mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_L2_TRANSITION,
                              &(MaliCsfOccasion) { }, cores)) {
        s->pwr.l2_transition |= cores;
    }
}

static void complete_l2_on(MaliCsfState *s, uint64_t cores)
{
    mali_csf_pwr_changed(s, mali_csf_pwr_up(s, MALI_CSF_POWER_L2, cores));
}

void mali_csf_pwr_l2_on(MaliCsfState *s, uint64_t cores)
{
    begin_l2_transition(s, cores);
    if (!mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_L2_POWER_ON,
                               &(MaliCsfOccasion) { }, cores)) {
        complete_l2_on(s, cores);
    }
}

static void complete_l2_off(MaliCsfState *s, uint64_t cores)
{
    mali_csf_pwr_changed(s, mali_csf_pwr_down(s, MALI_CSF_POWER_L2, cores));
}

void mali_csf_pwr_l2_off(MaliCsfState *s, uint64_t cores)
{
    begin_l2_transition(s, cores);
    if (!mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_L2_POWER_OFF,
                               &(MaliCsfOccasion) { }, cores)) {
        complete_l2_off(s, cores);
    }
}

/* Commands of PWR_CONTROL */

static void not_allowed(MaliCsfState *s, uint32_t command, const char *why)
{
    mali_csf_log_mask(LOG_GUEST_ERROR, "%s: PWR_COMMAND 0x%" PRIx32 ": %s\n",
                      __func__, command, why);
    mali_csf_irq_raise(&s->pwr.irq, R_PWR_INT_COMMAND_NOT_ALLOWED_MASK);
}

static void invalid(MaliCsfState *s, uint32_t command, const char *why)
{
    mali_csf_log_mask(LOG_GUEST_ERROR, "%s: PWR_COMMAND 0x%" PRIx32 ": %s\n",
                      __func__, command, why);
    mali_csf_irq_raise(&s->pwr.irq, R_PWR_INT_COMMAND_INVALID_MASK);
}

static void set_delegated(MaliCsfState *s, MaliCsfPowerDomain domain,
                          bool value, uint32_t interrupts)
{
    s->pwr.delegated = deposit32(s->pwr.delegated, domain, 1, value);
    trace_mali_csf_pwr_delegated(s->trace_id, domains[domain].name, value);
    mali_csf_irq_raise(&s->pwr.irq, interrupts);
}

static void command_power_up(MaliCsfState *s, uint32_t command,
                             MaliCsfPowerDomain domain)
{
    if (delegated(s, domain)) {
        not_allowed(s, command, "the domain is delegated");
    } else if (domain == MALI_CSF_POWER_L2) {
        mali_csf_pwr_l2_on(s, s->pwr.cmdarg);
    } else {
        mali_csf_pwr_changed(s, mali_csf_pwr_up(s, domain, s->pwr.cmdarg));
    }
}

static void command_power_down(MaliCsfState *s, uint32_t command,
                               MaliCsfPowerDomain domain)
{
    if (delegated(s, domain)) {
        not_allowed(s, command, "the domain is delegated");
    } else if (domain != MALI_CSF_POWER_L2) {
        mali_csf_pwr_changed(s, mali_csf_pwr_down(s, domain, s->pwr.cmdarg));
    } else if (mali_csf_pwr_ready(s, MALI_CSF_POWER_TILER) ||
               mali_csf_pwr_ready(s, MALI_CSF_POWER_SHADER)) {
        /* "powered down in the right order": l2_power_off(), panthor_pwr.c */
        not_allowed(s, command, "tiler or shader cores are on");
    } else {
        mali_csf_pwr_l2_off(s, s->pwr.cmdarg);
    }
}

static void command_delegate(MaliCsfState *s, uint32_t command,
                             MaliCsfPowerDomain domain)
{
    if (!domains[domain].delegable || delegated(s, domain)) {
        not_allowed(s, command, "the domain cannot be delegated");
        return;
    }
    /* What is on from now on is up to the firmware. */
    set_ready(s, domain, 0);
    set_delegated(s, domain, true, R_PWR_INT_DELEGATION_CHANGED_MASK);
}

static void command_retract(MaliCsfState *s, uint32_t command,
                            MaliCsfPowerDomain domain)
{
    if (!delegated(s, domain)) {
        not_allowed(s, command, "the domain is not delegated");
        return;
    }
    /* The host gets the cores as the firmware left them. */
    set_ready(s, domain, mali_csf_pwr_ready(s, domain));
    set_delegated(s, domain, false, R_PWR_INT_DELEGATION_CHANGED_MASK |
                  R_PWR_INT_RETRACT_COMPLETED_MASK);
}

static void complete_reset(MaliCsfState *s, uint64_t command)
{
    s->pwr.reset(s, false);
    mali_csf_irq_set_rawstat(&s->pwr.irq, 0);
    mali_csf_irq_raise(&s->pwr.irq, R_PWR_INT_RESET_COMPLETED_MASK);
}

static void command_reset(MaliCsfState *s, uint32_t command)
{
    if (!mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_GPU_RESET,
                               &(MaliCsfOccasion) { }, command)) {
        complete_reset(s, command);
    }
}

static bool find_domain(uint32_t number, MaliCsfPowerDomain *domain)
{
    for (int i = 0; i < MALI_CSF_NUM_POWER_DOMAINS; i++) {
        if (domains[i].number == number) {
            *domain = i;
            return true;
        }
    }
    return false;
}

/* Only shader cores have a part that is powered by itself, if any do. */
static bool subdomain_valid(MaliCsfState *s, MaliCsfPowerDomain domain,
                            uint32_t subdomain)
{
    bool has_rtu = domain == MALI_CSF_POWER_SHADER &&
                   s->model->gpu_features &
                   R_GPU_FEATURES_LO_RAY_TRAVERSAL_MASK;

    return !(subdomain & ~(has_rtu ? PWR_SUBDOMAIN_RTU : 0));
}

/* The interrupt that refuses a command because an injection has it so */
static uint32_t refused(MaliCsfState *s, uint32_t value)
{
    MaliCsfOccasion occasion = {
        .command = FIELD_EX32(value, PWR_COMMAND, CODE),
    };

    if (mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_PWR_NOT_ALLOWED,
                             &occasion)) {
        return R_PWR_INT_COMMAND_NOT_ALLOWED_MASK;
    }
    return mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_PWR_INVALID,
                                &occasion) ?
           R_PWR_INT_COMMAND_INVALID_MASK : 0;
}

static void write_command(MaliCsfState *s, uint32_t value)
{
    uint32_t number = FIELD_EX32(value, PWR_COMMAND, DOMAIN);
    uint32_t refusal = refused(s, value);
    MaliCsfPowerDomain domain;

    trace_mali_csf_pwr_command(s->trace_id,
                               FIELD_EX32(value, PWR_COMMAND, CODE), number,
                               s->pwr.cmdarg);
    if (refusal) {
        mali_csf_irq_raise(&s->pwr.irq, refusal);
        return;
    }
    if (!find_domain(number, &domain)) {
        invalid(s, value, "no such domain");
        return;
    }
    if (!subdomain_valid(s, domain,
                         FIELD_EX32(value, PWR_COMMAND, SUBDOMAIN))) {
        invalid(s, value, "no such part of the domain");
        return;
    }
    switch (FIELD_EX32(value, PWR_COMMAND, CODE)) {
    case PWR_COMMAND_POWER_UP:
        command_power_up(s, value, domain);
        break;
    case PWR_COMMAND_POWER_DOWN:
        command_power_down(s, value, domain);
        break;
    case PWR_COMMAND_DELEGATE:
        command_delegate(s, value, domain);
        break;
    case PWR_COMMAND_RETRACT:
        command_retract(s, value, domain);
        break;
    case PWR_COMMAND_RESET_SOFT:
    case PWR_COMMAND_RESET_FAST:
        /* A fast reset saves time only, and here neither takes any. */
        command_reset(s, value);
        break;
    case PWR_COMMAND_INSPECT:
        mali_csf_irq_raise(&s->pwr.irq, R_PWR_INT_INSPECT_COMPLETED_MASK);
        break;
    default:
        invalid(s, value, "no such command");
        break;
    }
}

/* Registers of PWR_CONTROL */

/* PWR_STATUS, of which the half at @shift is read */
static uint32_t read_status(MaliCsfState *s, unsigned shift)
{
    uint64_t value = (uint64_t)(R_PWR_STATUS_HI_ALLOW_SOFT_RESET_MASK |
                                R_PWR_STATUS_HI_ALLOW_FAST_RESET_MASK) << 32;
    MaliCsfOccasion occasion = { .mask = MAKE_64BIT_MASK(shift, 32) };
    const MaliCsfArmed *injection;

    for (int i = 0; i < MALI_CSF_NUM_POWER_DOMAINS; i++) {
        value |= delegated(s, i) ? PWR_STATUS_DELEGATED(domains[i].number)
                                 : PWR_STATUS_ALLOW(domains[i].number);
    }
    injection = mali_csf_inject_meet(s, MALI_CSF_INJECTION_KIND_PWR_STATUS,
                                     &occasion);
    return (injection ? value ^ injection->mask : value) >> shift;
}

/* A register of a domain; false if @offset is none */
static bool read_domain(MaliCsfState *s, hwaddr offset, uint64_t *value)
{
    for (int i = 0; i < MALI_CSF_NUM_POWER_DOMAINS; i++) {
        if (offset < domains[i].base ||
            offset >= domains[i].base + PWR_DOMAIN_SIZE) {
            continue;
        }
        switch ((offset - domains[i].base) & ~7) {
        case PWR_DOMAIN_PRESENT:
            *value = mali_csf_pwr_present(s, i);
            break;
        case PWR_DOMAIN_READY:
            *value = mali_csf_pwr_ready(s, i);
            if (mali_csf_strict(&s->checker)) {
                mali_csf_check_ready_read(s, *value);
            }
            break;
        case PWR_DOMAIN_PWRTRANS:
            /* No transition takes time, unless an injection has it do so. */
            *value = i == MALI_CSF_POWER_L2 ? s->pwr.l2_transition : 0;
            break;
        default:
            *value = 0;
            break;
        }
        return true;
    }
    return false;
}

const char *mali_csf_pwr_register_name(uint32_t offset)
{
    static const struct {
        uint16_t offset;
        uint16_t size;
        const char *name;
    } names[] = {
        { A_PWR_INT, MALI_CSF_INT_SIZE, "PWR_INT" },
        { A_PWR_STATUS_LO, 8, "PWR_STATUS" },
        { A_PWR_COMMAND, 4, "PWR_COMMAND" },
        { A_PWR_CMDARG_LO, 8, "PWR_CMDARG" },
        { PWR_DOMAIN_L2_BASE, PWR_DOMAIN_SIZE, "L2 power" },
        { PWR_DOMAIN_TILER_BASE, PWR_DOMAIN_SIZE, "tiler power" },
        { PWR_DOMAIN_SHADER_BASE, PWR_DOMAIN_SIZE, "shader power" },
        { PWR_DOMAIN_BASE_BASE, PWR_DOMAIN_SIZE, "base power" },
        { PWR_DOMAIN_STACK_BASE, PWR_DOMAIN_SIZE, "stack power" },
    };

    for (int i = 0; i < ARRAY_SIZE(names); i++) {
        if (offset - names[i].offset < names[i].size) {
            return names[i].name;
        }
    }
    return NULL;
}

static uint64_t pwr_read(void *opaque, hwaddr offset, unsigned size)
{
    MaliCsfState *s = opaque;
    uint32_t value = 0;
    uint64_t domain;

    mali_csf_spin_read(&s->spin, MALI_CSF_PWR_BASE + offset);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_read(s, MALI_CSF_PWR_BASE + offset);
    }
    switch (offset) {
    case A_PWR_INT ... A_PWR_INT + MALI_CSF_INT_SIZE - 1:
        value = mali_csf_irq_read(&s->pwr.irq, offset - A_PWR_INT);
        if (mali_csf_strict(&s->checker)) {
            mali_csf_check_ready_read(s, value &
                                      R_PWR_INT_POWER_CHANGED_ALL_MASK);
        }
        break;
    case A_PWR_STATUS_LO:
        value = read_status(s, 0);
        break;
    case A_PWR_STATUS_HI:
        value = read_status(s, 32);
        break;
    case A_PWR_COMMAND:
        break;
    case A_PWR_CMDARG_LO:
        value = s->pwr.cmdarg;
        break;
    case A_PWR_CMDARG_HI:
        value = s->pwr.cmdarg >> 32;
        break;
    default:
        if (read_domain(s, offset, &domain)) {
            value = offset & 4 ? domain >> 32 : domain;
        } else {
            mali_csf_unmodelled_read(&s->unmodelled,
                                     MALI_CSF_PWR_BASE + offset);
        }
        break;
    }
    trace_mali_csf_reg_read(s->trace_id, "pwr", offset, value);
    return value;
}

static void pwr_write(void *opaque, hwaddr offset, uint64_t data,
                      unsigned size)
{
    MaliCsfState *s = opaque;
    uint32_t value = data;
    uint64_t domain;

    mali_csf_spin_write(&s->spin);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_write(s, MALI_CSF_PWR_BASE + offset);
    }
    trace_mali_csf_reg_write(s->trace_id, "pwr", offset, value);
    switch (offset) {
    case A_PWR_INT ... A_PWR_INT + MALI_CSF_INT_SIZE - 1:
        mali_csf_irq_write(&s->pwr.irq, offset - A_PWR_INT, value);
        break;
    case A_PWR_COMMAND:
        write_command(s, value);
        break;
    case A_PWR_CMDARG_LO:
        s->pwr.cmdarg = deposit64(s->pwr.cmdarg, 0, 32, value);
        break;
    case A_PWR_CMDARG_HI:
        s->pwr.cmdarg = deposit64(s->pwr.cmdarg, 32, 32, value);
        break;
    default:
        if (offset == A_PWR_STATUS_LO || offset == A_PWR_STATUS_HI ||
            read_domain(s, offset, &domain)) {
            mali_csf_log_mask(LOG_GUEST_ERROR, "%s: write of 0x%" PRIx32
                              " to read-only offset 0x%" HWADDR_PRIx "\n",
                              __func__, value, offset);
        } else {
            mali_csf_unmodelled_write(&s->unmodelled,
                                      MALI_CSF_PWR_BASE + offset, value);
        }
        break;
    }
}

static const MemoryRegionOps pwr_ops = {
    .read = pwr_read,
    .write = pwr_write,
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

/* Life cycle */

void mali_csf_pwr_init(MaliCsfState *s, MemoryRegion *container,
                       MaliCsfGpuReset *reset)
{
    s->pwr.reset = reset;
    mali_csf_irq_init(s, &s->pwr.irq, "pwr", MALI_CSF_IRQ_GPU);
    mali_csf_inject_set_complete(s, MALI_CSF_INJECTION_KIND_L2_POWER_ON,
                                 complete_l2_on);
    mali_csf_inject_set_complete(s, MALI_CSF_INJECTION_KIND_L2_POWER_OFF,
                                 complete_l2_off);
    mali_csf_inject_set_complete(s, MALI_CSF_INJECTION_KIND_L2_TRANSITION,
                                 end_l2_transition);
    if (!s->model->has_pwr_control) {
        return;
    }
    mali_csf_inject_set_complete(s, MALI_CSF_INJECTION_KIND_GPU_RESET,
                                 complete_reset);
    /* As panthor_pwr_init() asks for the interrupt named "gpu" */
    mali_csf_irq_share(&s->gpu.irq, &s->pwr.irq);
    memory_region_init_io(&s->pwr.control, OBJECT(s), &pwr_ops, s,
                          "mali-csf-pwr-control", MALI_CSF_PWR_SIZE);
    memory_region_add_subregion_overlap(container, MALI_CSF_PWR_BASE,
                                        &s->pwr.control, 1);
}

void mali_csf_pwr_gpu_reset(MaliCsfState *s)
{
    memset(s->pwr.ready, 0, sizeof(s->pwr.ready));
    s->pwr.delegated = s->model->delegated;
    s->pwr.l2_transition = 0;
    s->pwr.cmdarg = 0;
}

void mali_csf_pwr_reset_enter(MaliCsfState *s)
{
    mali_csf_pwr_gpu_reset(s);
    mali_csf_irq_reset_enter(&s->pwr.irq);
}

void mali_csf_pwr_reset_hold(MaliCsfState *s)
{
    mali_csf_irq_update(&s->pwr.irq);
}

void mali_csf_pwr_post_load(MaliCsfState *s)
{
    mali_csf_irq_update(&s->pwr.irq);
}

#define PWR_ROWS(ROW) \
    ROW(VMSTATE_UINT64_ARRAY(ready, MaliCsfPwr, \
                             MALI_CSF_NUM_POWER_DOMAINS), SAVED_ANY) \
    ROW(VMSTATE_UINT32(delegated, MaliCsfPwr), \
        SAVED_BITS(MAKE_64BIT_MASK(0, MALI_CSF_NUM_POWER_DOMAINS))) \
    ROW(VMSTATE_UINT64(l2_transition, MaliCsfPwr), SAVED_ANY) \
    ROW(VMSTATE_STRUCT(irq, MaliCsfPwr, 1, mali_csf_irq_saved.vmsd, \
                       MaliCsfIrq), SAVED_STRUCT(mali_csf_irq_saved)) \
    ROW(VMSTATE_UINT64(cmdarg, MaliCsfPwr), SAVED_ANY)

static bool pwr_valid(MaliCsfState *s, const void *opaque)
{
    const MaliCsfPwr *pwr = opaque;

    for (int i = 0; i < MALI_CSF_NUM_POWER_DOMAINS; i++) {
        if (pwr->ready[i] & ~mali_csf_pwr_present(s, i) ||
            (pwr->delegated & BIT(i) && !domains[i].delegable)) {
            return false;
        }
    }
    return !(pwr->l2_transition &
             ~mali_csf_pwr_present(s, MALI_CSF_POWER_L2)) &&
           (s->model->has_pwr_control ||
            pwr->delegated == s->model->delegated);
}

const MaliCsfSaved mali_csf_pwr_saved = {
    .vmsd = {
        .name = "mali-csf-pwr",
        .version_id = 2,
        .minimum_version_id = 2,
        .fields = SAVED_FIELDS(PWR_ROWS),
    },
    SAVED_CHECKS(PWR_ROWS),
    .valid = pwr_valid,
};
