/*
 * Mali CSF GPU: what shader cores read of a job, from registers and memory
 *
 * Layouts as Mesa describes them (src/panfrost/genxml/v10.xml, v12.xml,
 * v13.xml; read by src/panfrost/genxml/decode_csf.c).  What differs from
 * architecture to architecture is in one table, see descriptors.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_DESCRIPTORS_H
#define HW_GPU_MALI_CSF_SHADER_DESCRIPTORS_H

#include "decode.h"

/* A virtual address as descriptors and registers hold it */
#define MALI_SHADER_VA_BITS         48

/* In bytes */
#define MALI_SHADER_PROGRAM_SIZE    32
#define MALI_SHADER_STORAGE_SIZE    32
#define MALI_SHADER_ENTRY_SIZE      16
/* In a table */
#define MALI_SHADER_DESCRIPTOR_SIZE 32

/* Threads of a workgroup: THREAD_MAX_WORKGROUP_SIZE of every model */
#define MALI_SHADER_MAX_THREADS     1024
/*
 * Bytes of local memory of a thread and of a workgroup.  What silicon can do
 * is not published; no Mesa asks for more.
 */
#define MALI_SHADER_MAX_TLS         (1u << 16)
#define MALI_SHADER_MAX_WLS         (1u << 16)

/*
 * Exceptions of CS_FAULT that descriptors and messages raise, besides those
 * that exec.h has.  Names and numbers are panthor's (panthor_device.h, v7.3).
 */
#define MALI_SHADER_DATA_INVALID_FAULT  0x58
#define MALI_SHADER_ADDR_RANGE_FAULT    0x5a

typedef enum MaliShaderFlush {
    MALI_SHADER_KEEP_SUBNORMALS,
    /* Those of 32 bits are flushed */
    MALI_SHADER_FLUSH_DX11,
    MALI_SHADER_FLUSH_ALWAYS,
    MALI_SHADER_FLUSH_ABRUPT,
} MaliShaderFlush;

/* The four pointers that registers of RUN_COMPUTE hold, and its size */
typedef struct MaliShaderLaunch {
    uint64_t resources;
    unsigned num_resources;
    uint64_t uniforms;
    /* In 32-bit words */
    unsigned num_uniforms;
    uint64_t program;
    uint64_t storage;

    uint32_t attribute_offset;
    /* Threads of a workgroup, and workgroups */
    unsigned local[3];
    uint32_t grid[3];
    uint32_t offset[3];
    /* Workgroups may share a warp, where they do not meet */
    bool may_merge;
} MaliShaderLaunch;

typedef struct MaliShaderProgramInfo {
    uint64_t code;
    /* Bit n: r48 + n is set before the first instruction */
    uint16_t preload;
    MaliShaderFlush flush;
    bool suppress_nan;
    bool suppress_inf;
    bool half_registers;
} MaliShaderProgramInfo;

/* Sizes in bytes; 0 is none */
typedef struct MaliShaderStorage {
    uint32_t thread_size;
    uint32_t group_size;
} MaliShaderStorage;

typedef struct MaliShaderEntry {
    uint64_t address;
    uint64_t size;
    /* Else it is memory as it is */
    bool has_descriptors;
} MaliShaderEntry;

typedef struct MaliShaderBuffer {
    uint64_t address;
    uint64_t size;
    /* Of its elements, if it has any */
    uint32_t stride;
} MaliShaderBuffer;

/* The layouts of one architecture */
typedef struct MaliShaderLayout MaliShaderLayout;

/* @arch: 10 to 14 */
const MaliShaderLayout *mali_shader_layout(unsigned arch);
/* Do sizes and strides have an upper half? */
bool mali_shader_layout_is_wide(const MaliShaderLayout *layout);

/*
 * Of the instruction @word, with the registers as they were.  What it says is
 * in bounds; an address may be anything.
 */
void mali_shader_read_launch(const MaliShaderLayout *layout, uint64_t word,
                             const uint32_t *regs, MaliShaderLaunch *launch);

/*
 * Of the bytes of a descriptor.  0, or DATA_INVALID_FAULT: it is of another
 * type, or asks for what there is not.
 */
uint8_t mali_shader_read_program(const MaliShaderLayout *layout,
                                 const uint8_t *bytes,
                                 MaliShaderProgramInfo *program);
uint8_t mali_shader_read_storage(const MaliShaderLayout *layout,
                                 const uint8_t *bytes,
                                 MaliShaderStorage *storage);
void mali_shader_read_entry(const uint8_t *bytes, MaliShaderEntry *entry);
/* One that is no buffer has no byte: loads are 0 */
void mali_shader_read_buffer(const MaliShaderLayout *layout,
                             const uint8_t *bytes, MaliShaderBuffer *buffer);

#endif /* HW_GPU_MALI_CSF_SHADER_DESCRIPTORS_H */
