/*
 * Mali CSF GPU: GPU_CONTROL — identity, commands, power, counters — and the
 * user page
 *
 * Which registers and commands there are depends on the architecture: rows
 * of the tables say since when and until when.
 *
 * Behaviour is what panthor_gpu.c of Linux 6.12 and 7.3 asks for.  Commands
 * are complete when the write returns, which the driver cannot tell from a
 * fast GPU.
 *
 * Not modelled: GPU_COMMAND FINISH_HALT, power overrides, gating of
 * CYCLE_COUNT.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "device.h"
#include "log.h"
#include "saved.h"
#include "fw/protm.h"
#include "trace.h"

static uint32_t half_of(uint64_t value, hwaddr offset)
{
    return offset & 4 ? value >> 32 : value;
}

static uint32_t read_timestamp(MaliCsfState *s, hwaddr offset)
{
    return half_of(mali_csf_clock_timestamp(&s->clock), offset);
}

static uint32_t read_timestamp_offset(MaliCsfState *s, hwaddr offset)
{
    return half_of(s->clock.timestamp_offset, offset);
}

static void write_timestamp_offset(MaliCsfState *s, hwaddr offset,
                                   uint32_t value)
{
    mali_csf_clock_set_timestamp_offset(&s->clock, offset & 4 ? 32 : 0,
                                        value);
}

static uint32_t read_cycle_count(MaliCsfState *s, hwaddr offset)
{
    return half_of(mali_csf_clock_cycles(&s->clock), offset);
}

static uint32_t read_status(MaliCsfState *s, hwaddr offset)
{
    bool active = mali_csf_pwr_ready(s, MALI_CSF_POWER_L2) &&
                  s->mcu.status == MCU_STATUS_ENABLED;

    return FIELD_DP32(active ? R_GPU_STATUS_ACTIVE_MASK : 0, GPU_STATUS,
                      PROTM_ACTIVE, mali_csf_protm_active(s));
}

static uint32_t read_fault(MaliCsfState *s, hwaddr offset)
{
    return s->gpu.regs[offset / 4];
}

/* Power, up to architecture 13 */

/* In each group of power registers, shader, tiler and L2 are 0x10 apart. */
static MaliCsfPowerDomain domain_of(hwaddr offset)
{
    static const MaliCsfPowerDomain domains[] = {
        MALI_CSF_POWER_SHADER, MALI_CSF_POWER_TILER, MALI_CSF_POWER_L2,
    };
    unsigned i = extract32(offset, 4, 2);

    assert(i < ARRAY_SIZE(domains));
    return domains[i];
}

static uint32_t read_ready(MaliCsfState *s, hwaddr offset)
{
    uint64_t ready = mali_csf_pwr_ready(s, domain_of(offset));

    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_ready_read(s, ready);
    }
    return half_of(ready, offset);
}

static uint32_t read_l2_transition(MaliCsfState *s, hwaddr offset)
{
    return half_of(s->pwr.l2_transition, offset);
}

static uint64_t core_mask(hwaddr offset, uint32_t value)
{
    return (uint64_t)value << (offset & 4 ? 32 : 0);
}

static void write_pwron(MaliCsfState *s, hwaddr offset, uint32_t value)
{
    MaliCsfPowerDomain domain = domain_of(offset);
    uint64_t cores = core_mask(offset, value) &
                     mali_csf_pwr_present(s, domain);
    bool changed;

    if (domain == MALI_CSF_POWER_L2) {
        mali_csf_pwr_l2_on(s, cores);
        return;
    }
    /* Tiler and shader cores cannot be on without the L2: it comes on too. */
    changed = cores && mali_csf_pwr_up(s, MALI_CSF_POWER_L2, UINT64_MAX);
    changed |= mali_csf_pwr_up(s, domain, cores);
    mali_csf_pwr_changed(s, changed);
}

static void write_pwroff(MaliCsfState *s, hwaddr offset, uint32_t value)
{
    MaliCsfPowerDomain domain = domain_of(offset);
    uint64_t cores = core_mask(offset, value);

    if (domain == MALI_CSF_POWER_L2) {
        mali_csf_pwr_l2_off(s, cores);
        return;
    }
    mali_csf_pwr_changed(s, mali_csf_pwr_down(s, domain, cores));
}

/* Commands, which are defined below the table that they use */

static void write_command(MaliCsfState *s, hwaddr offset, uint32_t value);

/* Registers that belong to other blocks */

static uint32_t read_gpu_int(MaliCsfState *s, hwaddr offset)
{
    uint32_t value = mali_csf_irq_read(&s->gpu.irq, offset - A_GPU_INT);

    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_ready_read(s, value &
                                  R_GPU_INT_POWER_CHANGED_ALL_MASK);
    }
    return value;
}

static void write_gpu_int(MaliCsfState *s, hwaddr offset, uint32_t value)
{
    uint32_t cleared = offset - A_GPU_INT == MALI_CSF_INT_CLEAR ?
                       value & s->gpu.irq.rawstat : 0;

    if ((cleared & R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK) &&
        mali_csf_strict(&s->checker)) {
        mali_csf_check_flush_heard(s);
    }
    mali_csf_irq_write(&s->gpu.irq, offset - A_GPU_INT, value);
}

/* Registers */

typedef enum MaliCsfGpuRegKind {
    GPU_REG_UNMODELLED,
    /* Reads as zero, or by the function; writes go to the function, if any */
    GPU_REG_FUNCTION,
    /* From MaliCsfModel */
    GPU_REG_MODEL,
    /* Kept in MaliCsfGpu.regs */
    GPU_REG_STORAGE,
} MaliCsfGpuRegKind;

typedef struct MaliCsfGpuReg {
    const char *name;
    MaliCsfGpuRegKind kind;

    uint32_t (*read)(MaliCsfState *s, hwaddr offset);
    void (*write)(MaliCsfState *s, hwaddr offset, uint32_t value);
    bool write_only;

    /* Member of MaliCsfModel, which is of @model_size bytes */
    uint16_t model_offset;
    uint8_t model_size;

    uint32_t reset;
    uint32_t writable;

    /* First and last architecture that has it; zero is no limit */
    uint8_t since;
    uint8_t until;
} MaliCsfGpuReg;

/* One row may serve adjacent words: functions get the offset. */
#define LOW_HIGH(reg)   R_##reg##_LO ... R_##reg##_HI

/* Behind the other arguments of a row: the architectures that have it */
#define SINCE(arch)     .since = (arch)
#define UNTIL(arch)     .until = (arch)

#define ROW_ZERO(label, ...) \
    { .name = label, .kind = GPU_REG_FUNCTION, __VA_ARGS__ }

#define ROW_READ(label, function, ...) \
    { \
        .name = label, .kind = GPU_REG_FUNCTION, .read = function, \
        __VA_ARGS__ \
    }

#define ROW_WRITE(label, function, ...) \
    { \
        .name = label, .kind = GPU_REG_FUNCTION, .write = function, \
        .write_only = true, __VA_ARGS__ \
    }

#define ROW_READ_WRITE(label, reader, writer, ...) \
    { \
        .name = label, .kind = GPU_REG_FUNCTION, .read = reader, \
        .write = writer, __VA_ARGS__ \
    }

#define ROW_MODEL(label, member, ...) \
    { \
        .name = label, .kind = GPU_REG_MODEL, \
        .model_offset = offsetof(MaliCsfModel, member), \
        .model_size = sizeof_field(MaliCsfModel, member), __VA_ARGS__ \
    }

#define ROW_STORAGE(label, reset_value, mask, ...) \
    { \
        .name = label, .kind = GPU_REG_STORAGE, .reset = reset_value, \
        .writable = mask, __VA_ARGS__ \
    }

#define ZERO(reg, ...)      [R_##reg] = ROW_ZERO(#reg, __VA_ARGS__)
#define ZERO64(reg, ...)    [LOW_HIGH(reg)] = ROW_ZERO(#reg, __VA_ARGS__)
#define READ(reg, ...)      [R_##reg] = ROW_READ(#reg, __VA_ARGS__)
#define READ64(reg, ...)    [LOW_HIGH(reg)] = ROW_READ(#reg, __VA_ARGS__)
#define WRITE(reg, ...)     [R_##reg] = ROW_WRITE(#reg, __VA_ARGS__)
#define WRITE64(reg, ...)   [LOW_HIGH(reg)] = ROW_WRITE(#reg, __VA_ARGS__)
#define MODEL(reg, ...)     [R_##reg] = ROW_MODEL(#reg, __VA_ARGS__)
#define MODEL64(reg, ...)   [LOW_HIGH(reg)] = ROW_MODEL(#reg, __VA_ARGS__)
#define STORAGE(reg, ...)   [R_##reg] = ROW_STORAGE(#reg, __VA_ARGS__)
#define STORAGE64(reg, ...) [LOW_HIGH(reg)] = ROW_STORAGE(#reg, __VA_ARGS__)

static const MaliCsfGpuReg gpu_regs[MALI_CSF_BLOCK_SIZE / 4] = {
    MODEL(GPU_ID, gpu_id),
    MODEL(L2_FEATURES, l2_features),
    MODEL(CORE_FEATURES, core_features),
    MODEL(TILER_FEATURES, tiler_features),
    MODEL(MEM_FEATURES, mem_features),
    MODEL(MMU_FEATURES, mmu_features),
    MODEL(AS_PRESENT, as_present),
    MODEL(CSF_ID, csf_id),
    [R_GPU_INT ... R_GPU_INT + 3] =
        ROW_READ_WRITE("GPU_INT", read_gpu_int, write_gpu_int),
    WRITE(GPU_COMMAND, write_command),
    READ(GPU_STATUS, read_status),
    READ(GPU_FAULTSTATUS, read_fault),
    READ64(GPU_FAULTADDRESS, read_fault),
    /* PBHA_HWU, SIZE and ASN_HASH_ENABLE */
    STORAGE(L2_CONFIG, 0, 0x01fff000),
    WRITE(PWR_KEY, NULL),
    STORAGE(PWR_OVERRIDE0, 0, UINT32_MAX),
    STORAGE(PWR_OVERRIDE1, 0, UINT32_MAX),
    /* New in architecture 11, but panthor reads it everywhere. */
    MODEL64(GPU_FEATURES, gpu_features),
    ZERO(PRFCNT_FEATURES, SINCE(11)),
    [LOW_HIGH(TIMESTAMP_OFFSET)] =
        ROW_READ_WRITE("TIMESTAMP_OFFSET", read_timestamp_offset,
                       write_timestamp_offset),
    READ64(CYCLE_COUNT, read_cycle_count),
    READ64(TIMESTAMP, read_timestamp),
    MODEL(THREAD_MAX_THREADS, thread_max_threads),
    MODEL(THREAD_MAX_WORKGROUP_SIZE, thread_max_workgroup_size),
    MODEL(THREAD_MAX_BARRIER_SIZE, thread_max_barrier_size),
    MODEL(THREAD_FEATURES, thread_features),
    MODEL(TEXTURE_FEATURES_0, texture_features[0]),
    MODEL(TEXTURE_FEATURES_1, texture_features[1]),
    MODEL(TEXTURE_FEATURES_2, texture_features[2]),
    MODEL(TEXTURE_FEATURES_3, texture_features[3]),
    ZERO(DOORBELL_FEATURES, SINCE(11)),
    STORAGE64(GPU_COMMAND_ARG0, 0, UINT32_MAX, SINCE(12)),
    STORAGE64(GPU_COMMAND_ARG1, 0, UINT32_MAX, SINCE(12)),
    MODEL64(SHADER_PRESENT, shader_present, UNTIL(13)),
    MODEL64(TILER_PRESENT, tiler_present, UNTIL(13)),
    MODEL64(L2_PRESENT, l2_present, UNTIL(13)),
    READ64(SHADER_READY, read_ready, UNTIL(13)),
    READ64(TILER_READY, read_ready, UNTIL(13)),
    READ64(L2_READY, read_ready, UNTIL(13)),
    WRITE64(SHADER_PWRON, write_pwron, UNTIL(13)),
    STORAGE(SHADER_PWRFEATURES, 0, R_SHADER_PWRFEATURES_RAY_TRACING_UNIT_MASK,
            SINCE(12), UNTIL(13)),
    WRITE64(TILER_PWRON, write_pwron, UNTIL(13)),
    WRITE64(L2_PWRON, write_pwron, UNTIL(13)),
    WRITE64(SHADER_PWROFF, write_pwroff, UNTIL(13)),
    WRITE64(TILER_PWROFF, write_pwroff, UNTIL(13)),
    WRITE64(L2_PWROFF, write_pwroff, UNTIL(13)),
    /* No transition takes time, unless an injection has it do so. */
    ZERO64(SHADER_PWRTRANS, UNTIL(13)),
    ZERO64(TILER_PWRTRANS, UNTIL(13)),
    READ64(L2_PWRTRANS, read_l2_transition, UNTIL(13)),
    ZERO64(SHADER_PWRACTIVE, UNTIL(13)),
    ZERO64(TILER_PWRACTIVE, UNTIL(13)),
    ZERO64(L2_PWRACTIVE, UNTIL(13)),
    ZERO(REVIDR),
    /* How addresses are spread over L2 slices: nothing can tell. */
    STORAGE(ASN_HASH_0, 0, UINT32_MAX, SINCE(11)),
    STORAGE(ASN_HASH_1, 0, UINT32_MAX, SINCE(11)),
    STORAGE(ASN_HASH_2, 0, UINT32_MAX, SINCE(11)),
    MODEL(COHERENCY_FEATURES, coherency_features),
    /* The value at reset is a guess. */
    STORAGE(COHERENCY_PROTOCOL, COHERENCY_PROTOCOL_NONE, 0x7f),
    ZERO(THREAD_TLS_ALLOC),
    [R_SYSC_PBHA_OVERRIDE_0 ... R_SYSC_PBHA_OVERRIDE_3] =
        ROW_STORAGE("SYSC_PBHA_OVERRIDE", 0, UINT32_MAX, SINCE(11)),
    [R_SYSC_ALLOC_0 ... R_SYSC_ALLOC_7] =
        ROW_STORAGE("SYSC_ALLOC", 0, UINT32_MAX, SINCE(11)),
    [R_MCU_CONTROL] = ROW_READ_WRITE("MCU_CONTROL", mali_csf_mcu_read,
                                     mali_csf_mcu_write),
    READ(MCU_STATUS, mali_csf_mcu_read),
    ZERO(MCU_FEATURES, SINCE(12)),
    /* No part has shader stacks, so none is ever ready. */
    ZERO64(STACK_PRESENT, UNTIL(13)),
    ZERO64(STACK_READY, UNTIL(13)),
    WRITE64(STACK_PWRON, NULL, UNTIL(13)),
    WRITE64(STACK_PWROFF, NULL, UNTIL(13)),
    ZERO64(STACK_PWRTRANS, UNTIL(13)),
    STORAGE(CSF_CONFIG, 0, UINT32_MAX),
    STORAGE(SHADER_CONFIG, 0, UINT32_MAX),
    STORAGE(TILER_CONFIG, 0, UINT32_MAX),
    STORAGE(L2_MMU_CONFIG, 0, UINT32_MAX),
};

static bool arch_has(MaliCsfState *s, uint8_t since, uint8_t until)
{
    return s->model->arch >= since && (!until || s->model->arch <= until);
}

/* What the architecture does not have is as what the model does not have. */
static MaliCsfGpuRegKind reg_kind(MaliCsfState *s, const MaliCsfGpuReg *reg)
{
    return arch_has(s, reg->since, reg->until) ? reg->kind
                                               : GPU_REG_UNMODELLED;
}

static uint32_t read_model(MaliCsfState *s, const MaliCsfGpuReg *reg,
                           hwaddr offset)
{
    const void *member = (const uint8_t *)s->model + reg->model_offset;

    if (reg->model_size == sizeof(uint32_t)) {
        return *(const uint32_t *)member;
    }
    return half_of(*(const uint64_t *)member, offset);
}

const char *mali_csf_gpu_register_name(uint32_t offset)
{
    return gpu_regs[offset / 4].name;
}

static uint64_t gpu_read(void *opaque, hwaddr offset, unsigned size)
{
    MaliCsfState *s = opaque;
    const MaliCsfGpuReg *reg = &gpu_regs[offset / 4];
    uint32_t value = 0;

    mali_csf_spin_read(&s->spin, MALI_CSF_GPU_CONTROL_BASE + offset);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_read(s, MALI_CSF_GPU_CONTROL_BASE + offset);
    }
    switch (reg_kind(s, reg)) {
    case GPU_REG_UNMODELLED:
        mali_csf_unmodelled_read(&s->unmodelled,
                                 MALI_CSF_GPU_CONTROL_BASE + offset);
        break;
    case GPU_REG_FUNCTION:
        value = reg->read ? reg->read(s, offset) : 0;
        break;
    case GPU_REG_MODEL:
        value = read_model(s, reg, offset);
        if (offset == A_GPU_ID && mali_csf_strict(&s->checker)) {
            mali_csf_check_probe(s);
        }
        break;
    case GPU_REG_STORAGE:
        value = s->gpu.regs[offset / 4];
        break;
    }
    trace_mali_csf_reg_read(s->trace_id, "gpu", offset, value);
    return value;
}

static void gpu_write(void *opaque, hwaddr offset, uint64_t data,
                      unsigned size)
{
    MaliCsfState *s = opaque;
    const MaliCsfGpuReg *reg = &gpu_regs[offset / 4];
    MaliCsfGpuRegKind kind = reg_kind(s, reg);
    uint32_t *storage = &s->gpu.regs[offset / 4];
    uint32_t value = data;

    mali_csf_spin_write(&s->spin);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_write(s, MALI_CSF_GPU_CONTROL_BASE + offset);
    }
    trace_mali_csf_reg_write(s->trace_id, "gpu", offset, value);
    if (kind == GPU_REG_UNMODELLED) {
        mali_csf_unmodelled_write(&s->unmodelled,
                                  MALI_CSF_GPU_CONTROL_BASE + offset, value);
    } else if (kind == GPU_REG_STORAGE) {
        *storage = (*storage & ~reg->writable) | (value & reg->writable);
        if (offset == A_COHERENCY_PROTOCOL && mali_csf_strict(&s->checker)) {
            mali_csf_check_coherency(s);
        }
    } else if (reg->write) {
        reg->write(s, offset, value);
    } else if (!reg->write_only) {
        mali_csf_log_mask(LOG_GUEST_ERROR,
                          "%s: write of 0x%" PRIx32 " to read-only %s\n",
                          __func__, value, reg->name);
    }
}

static const MemoryRegionOps gpu_ops = {
    .read = gpu_read,
    .write = gpu_write,
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

/* What QEMU reset, GPU soft reset and GPU hard reset have in common */
static void reset_state(MaliCsfGpu *gpu)
{
    gpu->flush_command = 0;
    gpu->flush_unseen = false;
    gpu->protected_mode = false;
    timer_del(gpu->flush_timer);
    for (int i = 0; i < ARRAY_SIZE(gpu_regs); i++) {
        gpu->regs[i] = gpu_regs[i].reset;
    }
}

/*
 * A fault of the GPU as such.  One that the driver has not heard of yet stays.
 * A bus error has an address space to blame: only an injection comes here.
 */
static void gpu_fault(MaliCsfState *s, const MaliCsfArmed *a)
{
    uint32_t *regs = s->gpu.regs;

    if (!(s->gpu.irq.rawstat & R_GPU_INT_FAULT_MASK)) {
        uint32_t status = FIELD_DP32(0, GPU_FAULTSTATUS, EXCEPTION_TYPE,
                                     a->exception);

        status = FIELD_DP32(status, GPU_FAULTSTATUS, ACCESS_TYPE,
                            AS_ACCESS_READ);
        status = FIELD_DP32(status, GPU_FAULTSTATUS, SOURCE_ID, a->source_id);
        regs[R_GPU_FAULTSTATUS] =
            FIELD_DP32(status, GPU_FAULTSTATUS, ADDRESS_VALID,
                       mali_csf_armed_has(a, MALI_CSF_MEMBER_VA));
        regs[R_GPU_FAULTADDRESS_LO] = a->va;
        regs[R_GPU_FAULTADDRESS_HI] = a->va >> 32;
    }
    trace_mali_csf_gpu_fault(s->trace_id, a->exception, a->va);
    mali_csf_irq_raise(&s->gpu.irq, R_GPU_INT_FAULT_MASK);
}

static void unknown_command(uint32_t value)
{
    mali_csf_log_mask(LOG_GUEST_ERROR, "%s: GPU_COMMAND 0x%" PRIx32 "\n",
                      __func__, value);
}

static void command_nothing(MaliCsfState *s, uint32_t value)
{
}

static void command_protected_mode(MaliCsfState *s, uint32_t value)
{
    s->gpu.protected_mode = true;
}

static void command_clear_fault(MaliCsfState *s, uint32_t value)
{
    s->gpu.regs[R_GPU_FAULTSTATUS] = 0;
    s->gpu.regs[R_GPU_FAULTADDRESS_LO] = 0;
    s->gpu.regs[R_GPU_FAULTADDRESS_HI] = 0;
}

static void command_unimplemented(MaliCsfState *s, uint32_t value)
{
    mali_csf_log_mask(LOG_UNIMP, "%s: GPU_COMMAND 0x%" PRIx32 "\n", __func__,
                      value);
}

static void complete_reset(MaliCsfState *s, uint64_t command)
{
    uint32_t value = command;

    switch (FIELD_EX32(value, GPU_COMMAND, PAYLOAD)) {
    case GPU_RESET_FAST:
    case GPU_RESET_SOFT:
        /* A fast reset saves time only, and here neither takes any. */
        s->gpu.reset(s, false);
        break;
    case GPU_RESET_HARD:
        s->gpu.reset(s, true);
        break;
    default:
        unknown_command(value);
        return;
    }
    mali_csf_irq_raise(&s->gpu.irq, R_GPU_INT_RESET_COMPLETED_MASK);
}

static void command_reset(MaliCsfState *s, uint32_t value)
{
    if (!mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_GPU_RESET,
                               &(MaliCsfOccasion) { }, value)) {
        complete_reset(s, value);
    }
}

static void flush_is_over(MaliCsfState *s, uint32_t modes)
{
    mali_csf_cache_flushed(s, modes);
    mali_csf_irq_raise(&s->gpu.irq, R_GPU_INT_CLEAN_CACHES_COMPLETED_MASK);
}

/* Every view of memory has seen what the flush dropped. */
static void views_settled(void *opaque)
{
    MaliCsfState *s = opaque;

    if (s->gpu.flush_unseen) {
        s->gpu.flush_unseen = false;
        flush_is_over(s, s->gpu.flush_unseen_modes);
    }
}

/* Memory is coherent: of a flush only what the MMU caches remains. */
static void complete_flush(MaliCsfState *s, uint64_t command)
{
    uint32_t value = command;
    uint32_t modes = FIELD_EX32(value, GPU_COMMAND, PAYLOAD);

    mali_csf_views_tell(&s->mmu.views);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_flush_caches(s, modes);
    }
    if (FIELD_EX32(value, GPU_COMMAND, FLUSH_OTHER) & GPU_CACHE_INVALIDATE) {
        mali_csf_mmu_flush_caches(s);
    }
    if (mali_csf_views_settled(&s->mmu.views)) {
        flush_is_over(s, modes);
    } else {
        s->gpu.flush_unseen_modes = s->gpu.flush_unseen ?
                                    s->gpu.flush_unseen_modes | modes : modes;
        s->gpu.flush_unseen = true;
    }
}

static void flush_timer(void *opaque)
{
    MaliCsfState *s = opaque;
    uint32_t value = s->gpu.flush_command;

    s->gpu.flush_command = 0;
    complete_flush(s, value);
}

static void command_flush_caches(MaliCsfState *s, uint32_t value)
{
    MaliCsfGpu *gpu = &s->gpu;
    uint64_t latency;

    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_flush_asked(s);
    }
    if (mali_csf_inject_holds(s, MALI_CSF_INJECTION_KIND_CACHE_FLUSH,
                              &(MaliCsfOccasion) { }, value)) {
        if (mali_csf_strict(&s->checker)) {
            /* Late or never */
            mali_csf_check_flush_duration(s, UINT64_MAX);
        }
        return;
    }
    latency = MIN(gpu->flush_latency_ns, MALI_CSF_LATENCY_MAX_NS) +
              mali_csf_perturb_ns(&s->perturb, MALI_CSF_PERTURB_GPU_FLUSH);
    if (!latency && !gpu->flush_command) {
        complete_flush(s, value);
        return;
    }
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_flush_duration(s, latency);
    }
    /* One that is under way does what both ask for, and starts anew. */
    gpu->flush_command |= value;
    timer_mod(gpu->flush_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
              MIN(latency, MALI_CSF_LATENCY_MAX_NS));
}

/* The range of GPU_COMMAND_ARG0 and 1 is physical: no translation goes. */
static void command_flush_pa_range(MaliCsfState *s, uint32_t value)
{
    mali_csf_irq_raise(&s->gpu.irq,
                       R_GPU_INT_FLUSH_PA_RANGE_COMPLETED_MASK);
}

typedef struct MaliCsfGpuCommand {
    void (*run)(MaliCsfState *s, uint32_t value);
    /* As in MaliCsfGpuReg */
    uint8_t since;
    uint8_t until;
} MaliCsfGpuCommand;

static const MaliCsfGpuCommand gpu_commands[] = {
    [GPU_COMMAND_NOP] = { command_nothing },
    /* On 14 it is PWR_COMMAND's: that this one is gone there is a guess. */
    [GPU_COMMAND_RESET] = { command_reset, UNTIL(13) },
    /* CYCLE_COUNT always runs: nothing can tell that it should not. */
    [GPU_COMMAND_TIME] = { command_nothing },
    [GPU_COMMAND_FLUSH_CACHES] = { command_flush_caches },
    [GPU_COMMAND_SET_PROTECTED_MODE] = { command_protected_mode },
    [GPU_COMMAND_FINISH_HALT] = { command_unimplemented },
    [GPU_COMMAND_CLEAR_FAULT] = { command_clear_fault },
    [GPU_COMMAND_FLUSH_PA_RANGE] = { command_flush_pa_range, SINCE(12) },
};

static void write_command(MaliCsfState *s, hwaddr offset, uint32_t value)
{
    unsigned code = FIELD_EX32(value, GPU_COMMAND, CODE);
    const MaliCsfGpuCommand *command;

    trace_mali_csf_gpu_command(s->trace_id, code,
                               FIELD_EX32(value, GPU_COMMAND, PAYLOAD));
    command = code < ARRAY_SIZE(gpu_commands) ? &gpu_commands[code] : NULL;
    if (!command || !command->run ||
        !arch_has(s, command->since, command->until)) {
        unknown_command(value);
        return;
    }
    command->run(s, value);
}

/* User page */

static uint64_t user_read(void *opaque, hwaddr offset, unsigned size)
{
    MaliCsfState *s = opaque;
    uint32_t value = 0;

    mali_csf_spin_read(&s->spin, MALI_CSF_USER_BASE + offset);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_read(s, MALI_CSF_USER_BASE + offset);
    }
    if (offset == A_LATEST_FLUSH_ID) {
        value = s->cache.latest_flush_id;
    } else {
        mali_csf_unmodelled_read(&s->unmodelled, MALI_CSF_USER_BASE + offset);
    }
    trace_mali_csf_reg_read(s->trace_id, "user", offset, value);
    return value;
}

static void user_write(void *opaque, hwaddr offset, uint64_t data,
                       unsigned size)
{
    MaliCsfState *s = opaque;
    uint32_t value = data;

    mali_csf_spin_write(&s->spin);
    if (mali_csf_strict(&s->checker)) {
        mali_csf_check_write(s, MALI_CSF_USER_BASE + offset);
    }
    trace_mali_csf_reg_write(s->trace_id, "user", offset, value);
    if (offset == A_LATEST_FLUSH_ID) {
        mali_csf_log_mask(LOG_GUEST_ERROR,
                          "%s: write of 0x%" PRIx32 " to read-only "
                          "LATEST_FLUSH_ID\n", __func__, value);
    } else {
        mali_csf_unmodelled_write(&s->unmodelled, MALI_CSF_USER_BASE + offset,
                                  value);
    }
}

static const MemoryRegionOps user_ops = {
    .read = user_read,
    .write = user_write,
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

void mali_csf_gpu_init(MaliCsfState *s, MemoryRegion *container,
                       MaliCsfGpuReset *reset)
{
    s->gpu.reset = reset;
    s->gpu.flush_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, flush_timer, s);
    s->gpu.mmu_listener = (MaliCsfMmuListener) {
        .settled = views_settled,
        .opaque = s,
    };
    mali_csf_mmu_add_listener(s, &s->gpu.mmu_listener);
    mali_csf_irq_init(s, &s->gpu.irq, "gpu", MALI_CSF_IRQ_GPU);
    mali_csf_inject_set_complete(s, MALI_CSF_INJECTION_KIND_CACHE_FLUSH,
                                 complete_flush);
    if (!s->model->has_pwr_control) {
        mali_csf_inject_set_complete(s, MALI_CSF_INJECTION_KIND_GPU_RESET,
                                     complete_reset);
    }
    mali_csf_inject_set_unasked(s, MALI_CSF_INJECTION_KIND_GPU_FAULT,
                                gpu_fault);
    memory_region_init_io(&s->gpu.control, OBJECT(s), &gpu_ops, s,
                          "mali-csf-gpu-control", MALI_CSF_BLOCK_SIZE);
    memory_region_add_subregion(container, MALI_CSF_GPU_CONTROL_BASE,
                                &s->gpu.control);
    memory_region_init_io(&s->gpu.user_page, OBJECT(s), &user_ops, s,
                          "mali-csf-user", MALI_CSF_USER_SIZE);
    memory_region_add_subregion(container, MALI_CSF_USER_BASE,
                                &s->gpu.user_page);
}

void mali_csf_gpu_finalize(MaliCsfState *s)
{
    timer_free(s->gpu.flush_timer);
}

void mali_csf_gpu_reset_enter(MaliCsfState *s)
{
    reset_state(&s->gpu);
    mali_csf_irq_reset_enter(&s->gpu.irq);
    s->gpu.resets = 0;
}

void mali_csf_gpu_gpu_reset(MaliCsfState *s, bool hard)
{
    reset_state(&s->gpu);
    if (hard) {
        mali_csf_irq_reset_enter(&s->gpu.irq);
    }
    s->gpu.resets++;
    mali_csf_irq_set_rawstat(&s->gpu.irq, 0);
}

void mali_csf_gpu_reset_hold(MaliCsfState *s)
{
    mali_csf_irq_update(&s->gpu.irq);
}

void mali_csf_gpu_pre_save(MaliCsfState *s)
{
    s->gpu.flush_due = mali_csf_saved_timer(s->gpu.flush_timer);
}

void mali_csf_gpu_post_load(MaliCsfState *s)
{
    mali_csf_saved_arm(s->gpu.flush_timer, s->gpu.flush_due);
    mali_csf_irq_update(&s->gpu.irq);
}

#define GPU_ROWS(ROW) \
    ROW(VMSTATE_STRUCT(irq, MaliCsfGpu, 1, mali_csf_irq_saved.vmsd, \
                       MaliCsfIrq), SAVED_STRUCT(mali_csf_irq_saved)) \
    ROW(VMSTATE_UINT32_ARRAY(regs, MaliCsfGpu, MALI_CSF_BLOCK_SIZE / 4), \
        SAVED_ANY) \
    ROW(VMSTATE_UINT32(flush_command, MaliCsfGpu), SAVED_ANY) \
    ROW(VMSTATE_BOOL(protected_mode, MaliCsfGpu), SAVED_ANY) \
    ROW(VMSTATE_INT64(flush_due, MaliCsfGpu), SAVED_TIME_OR(-1))

const MaliCsfSaved mali_csf_gpu_saved = {
    .vmsd = {
        .name = "mali-csf-gpu",
        .version_id = 3,
        .minimum_version_id = 3,
        .fields = SAVED_FIELDS(GPU_ROWS),
    },
    SAVED_CHECKS(GPU_ROWS),
};
