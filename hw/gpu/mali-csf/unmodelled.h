/*
 * Mali CSF GPU: accesses to registers that the model does not have
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_UNMODELLED_H
#define HW_GPU_MALI_CSF_UNMODELLED_H

/* Offsets that are told apart; accesses to others are counted together */
#define MALI_CSF_UNMODELLED_MAX 256

typedef struct MaliCsfUnmodelledRegister {
    uint32_t offset;
    uint64_t reads;
    uint64_t writes;
} MaliCsfUnmodelledRegister;

typedef struct MaliCsfUnmodelled {
    MaliCsfUnmodelledRegister registers[MALI_CSF_UNMODELLED_MAX];
    unsigned count;
    uint64_t others;
} MaliCsfUnmodelled;

/* @offset is from the start of the aperture, in bytes */
void mali_csf_unmodelled_read(MaliCsfUnmodelled *u, uint32_t offset);
void mali_csf_unmodelled_write(MaliCsfUnmodelled *u, uint32_t offset,
                               uint32_t value);

/* A line for each register, most accesses first; the caller frees it */
char *mali_csf_unmodelled_list(const MaliCsfUnmodelled *u);

#endif /* HW_GPU_MALI_CSF_UNMODELLED_H */
