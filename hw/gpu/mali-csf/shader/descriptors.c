/*
 * Mali CSF GPU: what shader cores read of a job, from registers and memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "hw/core/registerfields.h"
#include "hw/gpu/mali-csf/cs-isa.h"
#include "descriptors.h"

/* RUN_COMPUTE and RUN_COMPUTE_INDIRECT */
FIELD(RUN_COMPUTE, SRT, 40, 2)
FIELD(RUN_COMPUTE, SPD, 42, 2)
FIELD(RUN_COMPUTE, TSD, 44, 2)
FIELD(RUN_COMPUTE, FAU, 46, 2)

/* Registers; of the first four, each selection has a pair */
#define REG_SRT                 0
#define REG_FAU                 8
#define REG_SPD                 16
#define REG_TSD                 24
#define REG_ATTRIBUTE_OFFSET    32
#define REG_LOCAL_SIZE          33
#define REG_JOB_OFFSET          34
#define REG_GRID                37

FIELD(SRT_POINTER, COUNT, 0, 6)
FIELD(FAU_POINTER, COUNT, 56, 8)
FIELD(LOCAL_SIZE, X, 0, 10)
FIELD(LOCAL_SIZE, Y, 10, 10)
FIELD(LOCAL_SIZE, Z, 20, 10)
FIELD(LOCAL_SIZE, MAY_MERGE, 31, 1)

typedef enum DescriptorType {
    DESCRIPTOR_SHADER = 8,
    DESCRIPTOR_BUFFER = 9,
} DescriptorType;

/* Every descriptor */
REG32(DESCRIPTOR, 0x00)
    FIELD(DESCRIPTOR, TYPE, 0, 4)

REG32(PROGRAM_0, 0x00)
    FIELD(PROGRAM_0, STAGE, 4, 4)
    FIELD(PROGRAM_0, SUPPRESS_NAN, 16, 1)
    FIELD(PROGRAM_0, FLUSH, 17, 2)
    FIELD(PROGRAM_0, SUPPRESS_INF, 19, 1)
    FIELD(PROGRAM_0, REGISTERS, 30, 2)
REG32(PROGRAM_PRELOAD, 0x04)
    FIELD(PROGRAM_PRELOAD, MASK, 0, 16)
REG32(PROGRAM_BINARY, 0x08)

#define STAGE_COMPUTE           1
#define REGISTERS_32            2

REG32(STORAGE_TLS, 0x00)
    FIELD(STORAGE_TLS, SIZE, 0, 5)
REG32(STORAGE_WLS, 0x04)
    FIELD(STORAGE_WLS, INSTANCES, 0, 5)
    FIELD(STORAGE_WLS, SCALE, 8, 5)

/* Mesa's "No Workgroup Mem", of which the field keeps the low bits */
#define WLS_INSTANCES_NONE      0x1f

REG32(ENTRY_ADDRESS_HI, 0x04)
    FIELD(ENTRY_ADDRESS_HI, HAS_DESCRIPTORS, 24, 1)
REG32(ENTRY_SIZE_LO, 0x08)

REG32(BUFFER_0, 0x00)
    FIELD(BUFFER_0, KIND, 4, 4)
REG32(BUFFER_SIZE_LO, 0x04)
REG32(BUFFER_ADDRESS, 0x08)
REG32(BUFFER_STRIDE, 0x10)
REG32(BUFFER_SIZE_HI, 0x14)

#define BUFFER_SIMPLE           1
#define BUFFER_STRUCTURE        3

struct MaliShaderLayout {
    unsigned arch;
    /* A buffer, or a plane, may have 4 GiB and more */
    bool is_wide;
};

static const MaliShaderLayout layouts[] = {
    { .arch = 10 },
    { .arch = 11 },
    { .arch = 12 },
    { .arch = 13, .is_wide = true },
    { .arch = 14, .is_wide = true },
};

const MaliShaderLayout *mali_shader_layout(unsigned arch)
{
    for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
        if (layouts[i].arch == arch) {
            return &layouts[i];
        }
    }
    g_assert_not_reached();
}

bool mali_shader_layout_is_wide(const MaliShaderLayout *layout)
{
    return layout->is_wide;
}

static uint64_t address_of(uint64_t value)
{
    return extract64(value, 0, MALI_SHADER_VA_BITS);
}

static uint64_t register_pair(const uint32_t *regs, unsigned first,
                              unsigned selection)
{
    const uint32_t *pair = &regs[first + 2 * selection];

    return pair[0] | (uint64_t)pair[1] << 32;
}

void mali_shader_read_launch(const MaliShaderLayout *layout, uint64_t word,
                             const uint32_t *regs, MaliShaderLaunch *launch)
{
    uint64_t srt = register_pair(regs, REG_SRT,
                                 FIELD_EX64(word, RUN_COMPUTE, SRT));
    uint64_t fau = register_pair(regs, REG_FAU,
                                 FIELD_EX64(word, RUN_COMPUTE, FAU));
    uint64_t spd = register_pair(regs, REG_SPD,
                                 FIELD_EX64(word, RUN_COMPUTE, SPD));
    uint64_t tsd = register_pair(regs, REG_TSD,
                                 FIELD_EX64(word, RUN_COMPUTE, TSD));
    uint32_t size = regs[REG_LOCAL_SIZE];

    *launch = (MaliShaderLaunch) {
        .resources = address_of(srt) & ~(uint64_t)R_SRT_POINTER_COUNT_MASK,
        .num_resources = FIELD_EX64(srt, SRT_POINTER, COUNT),
        .uniforms = address_of(fau),
        .num_uniforms = MIN(2 * FIELD_EX64(fau, FAU_POINTER, COUNT),
                            MALI_SHADER_MAX_UNIFORMS),
        .program = address_of(spd),
        .storage = address_of(tsd),
        .attribute_offset = regs[REG_ATTRIBUTE_OFFSET],
        .local = {
            FIELD_EX32(size, LOCAL_SIZE, X) + 1,
            FIELD_EX32(size, LOCAL_SIZE, Y) + 1,
            FIELD_EX32(size, LOCAL_SIZE, Z) + 1,
        },
        .may_merge = FIELD_EX32(size, LOCAL_SIZE, MAY_MERGE),
    };
    memcpy(launch->offset, &regs[REG_JOB_OFFSET], sizeof(launch->offset));
    memcpy(launch->grid, &regs[REG_GRID], sizeof(launch->grid));
}

static bool is_of_type(const uint8_t *bytes, DescriptorType type)
{
    return FIELD_EX32(ldl_le_p(bytes), DESCRIPTOR, TYPE) == type;
}

uint8_t mali_shader_read_program(const MaliShaderLayout *layout,
                                 const uint8_t *bytes,
                                 MaliShaderProgramInfo *program)
{
    uint32_t word = ldl_le_p(bytes + A_PROGRAM_0);

    if (!is_of_type(bytes, DESCRIPTOR_SHADER) ||
        FIELD_EX32(word, PROGRAM_0, STAGE) != STAGE_COMPUTE) {
        return MALI_SHADER_DATA_INVALID_FAULT;
    }
    *program = (MaliShaderProgramInfo) {
        .code = ldq_le_p(bytes + A_PROGRAM_BINARY),
        .preload = FIELD_EX32(ldl_le_p(bytes + A_PROGRAM_PRELOAD),
                              PROGRAM_PRELOAD, MASK),
        .flush = FIELD_EX32(word, PROGRAM_0, FLUSH),
        .suppress_nan = FIELD_EX32(word, PROGRAM_0, SUPPRESS_NAN),
        .suppress_inf = FIELD_EX32(word, PROGRAM_0, SUPPRESS_INF),
        .half_registers =
            FIELD_EX32(word, PROGRAM_0, REGISTERS) == REGISTERS_32,
    };
    return 0;
}

uint8_t mali_shader_read_storage(const MaliShaderLayout *layout,
                                 const uint8_t *bytes,
                                 MaliShaderStorage *storage)
{
    unsigned tls = FIELD_EX32(ldl_le_p(bytes + A_STORAGE_TLS),
                              STORAGE_TLS, SIZE);
    uint32_t word = ldl_le_p(bytes + A_STORAGE_WLS);
    unsigned scale = FIELD_EX32(word, STORAGE_WLS, SCALE);
    bool has_wls = scale && FIELD_EX32(word, STORAGE_WLS, INSTANCES) !=
                            WLS_INSTANCES_NONE;
    /* Of a shader that has none, too, the size is 0 and means 16 bytes. */
    uint64_t thread_size = 16ull << tls;
    uint64_t group_size = has_wls ? 1ull << (scale - 1) : 0;

    if (thread_size > MALI_SHADER_MAX_TLS ||
        group_size > MALI_SHADER_MAX_WLS) {
        return MALI_SHADER_DATA_INVALID_FAULT;
    }
    *storage = (MaliShaderStorage) {
        .thread_size = thread_size,
        .group_size = group_size,
    };
    return 0;
}

void mali_shader_read_entry(const uint8_t *bytes, MaliShaderEntry *entry)
{
    *entry = (MaliShaderEntry) {
        .address = address_of(ldq_le_p(bytes)),
        .size = ldq_le_p(bytes + A_ENTRY_SIZE_LO),
        .has_descriptors = FIELD_EX32(ldl_le_p(bytes + A_ENTRY_ADDRESS_HI),
                                      ENTRY_ADDRESS_HI, HAS_DESCRIPTORS),
    };
}

void mali_shader_read_buffer(const MaliShaderLayout *layout,
                             const uint8_t *bytes, MaliShaderBuffer *buffer)
{
    unsigned kind = FIELD_EX32(ldl_le_p(bytes), BUFFER_0, KIND);

    *buffer = (MaliShaderBuffer) { };
    if (!is_of_type(bytes, DESCRIPTOR_BUFFER) ||
        (kind != BUFFER_SIMPLE && kind != BUFFER_STRUCTURE)) {
        return;
    }
    buffer->address = address_of(ldq_le_p(bytes + A_BUFFER_ADDRESS));
    buffer->size = ldl_le_p(bytes + A_BUFFER_SIZE_LO);
    buffer->stride = ldl_le_p(bytes + A_BUFFER_STRIDE);
    if (layout->is_wide) {
        buffer->size |= (uint64_t)ldl_le_p(bytes + A_BUFFER_SIZE_HI) << 32;
    }
}
