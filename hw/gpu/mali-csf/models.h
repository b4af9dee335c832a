/*
 * Mali CSF GPU: what differs from product to product, as data
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_MODELS_H
#define HW_GPU_MALI_CSF_MODELS_H

/*
 * Upper limits of every model.  Of groups, JOB_INT has 31 bits; of streams, the
 * driver takes 32 (MAX_CS_PER_CSG, panthor_fw.h, v7.3).
 */
#define MALI_CSF_MAX_CSG            31
#define MALI_CSF_MAX_CS             32
#define MALI_CSF_MAX_WORK_REGISTERS 128
#define MALI_CSF_MAX_SCOREBOARDS    16

typedef enum MaliCsfPowerDomain {
    MALI_CSF_POWER_L2,
    MALI_CSF_POWER_TILER,
    MALI_CSF_POWER_SHADER,
    MALI_CSF_POWER_BASE,
    MALI_CSF_POWER_STACK,
    MALI_CSF_NUM_POWER_DOMAINS,
} MaliCsfPowerDomain;

typedef struct MaliCsfModel {
    /* Value of the model= property */
    const char *name;
    /* For people, as Arm writes it */
    const char *product;

    /*
     * Major number of the architecture, 10 to 14: the registers that there
     * are, and the encoding of instructions
     */
    unsigned arch;

    /* Registers of the same names */
    uint32_t gpu_id;
    uint32_t l2_features;
    uint32_t core_features;
    uint32_t tiler_features;
    uint32_t mem_features;
    uint32_t mmu_features;
    uint32_t as_present;
    uint32_t csf_id;
    uint64_t gpu_features;
    uint32_t thread_max_threads;
    uint32_t thread_max_workgroup_size;
    uint32_t thread_max_barrier_size;
    uint32_t thread_features;
    uint32_t texture_features[4];
    /* With coherent=on, bit 0 is set in any case. */
    uint32_t coherency_features;
    uint64_t shader_present;
    uint64_t tiler_present;
    uint64_t l2_present;

    /*
     * The block PWR_CONTROL commands power and reset, in place of registers
     * of GPU_CONTROL
     */
    bool has_pwr_control;
    /* Domains that the firmware powers after reset: BIT(MALI_CSF_POWER_*) */
    uint32_t delegated;

    /* Size of the register aperture in bytes */
    uint32_t aperture_size;

    /*
     * What the firmware says of itself in the control block; the first two
     * unless the file says otherwise, see FW_DESCRIPTOR_VA
     */
    uint32_t fw_version;
    uint32_t fw_features;
    uint32_t fw_instr_features;
    unsigned csg_slots;
    unsigned cs_per_csg;

    /* The command-stream engine */
    unsigned work_registers;
    unsigned scoreboards;
} MaliCsfModel;

/* Values that the user gives in place of the model's; zero is the model's */
typedef struct MaliCsfOverrides {
    uint64_t shader_present;
    uint32_t csg_slots;
    uint32_t cs_per_csg;
    uint32_t address_spaces;
    uint32_t va_bits;
    uint32_t pa_bits;
    /* "major.minor" or "major.minor.patch"; NULL is the file's */
    char *fw_version;
} MaliCsfOverrides;

/*
 * Put @overrides into @model.  Returns false, with an error in one line, if
 * one of them is out of its range; @model is then of no use.
 */
bool mali_csf_model_override(MaliCsfModel *model,
                             const MaliCsfOverrides *overrides,
                             Error **errp);

/* NULL if there is no model of that name */
const MaliCsfModel *mali_csf_model_find(const char *name);

/* The names of all models, separated by ", "; the caller frees it */
char *mali_csf_model_names(void);

#endif /* HW_GPU_MALI_CSF_MODELS_H */
