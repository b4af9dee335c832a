/*
 * Mali CSF GPU: a guest that reads one register over and over
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SPIN_H
#define HW_GPU_MALI_CSF_SPIN_H

/* Registers that are followed at a time: who polls reads two or three */
#define MALI_CSF_SPIN_REGISTERS     4
/*
 * Reads of one register with no write between that are worth a warning.
 * panthor polls every 10 us, for 100 ms at most (gpu_read_poll_timeout() in
 * panthor_mmu.c and panthor_gpu.c, v7.3): a fifth of this.
 */
#define MALI_CSF_SPIN_READS         50000

typedef struct MaliCsfSpinRegister {
    /* From the start of the aperture, in bytes */
    uint32_t offset;
    uint32_t reads;
} MaliCsfSpinRegister;

typedef struct MaliCsfSpin {
    /* Read since the last write */
    MaliCsfSpinRegister registers[MALI_CSF_SPIN_REGISTERS];
    unsigned count;
    /* The most reads of a register that ever were */
    MaliCsfSpinRegister worst;
} MaliCsfSpin;

/* The slow part of mali_csf_spin_read() */
void mali_csf_spin_other(MaliCsfSpin *spin, uint32_t offset);
void mali_csf_spin_again(MaliCsfSpin *spin, MaliCsfSpinRegister *reg);

static inline void mali_csf_spin_read(MaliCsfSpin *spin, uint32_t offset)
{
    MaliCsfSpinRegister *reg = &spin->registers[0];

    if (!spin->count || reg->offset != offset) {
        mali_csf_spin_other(spin, offset);
    } else if (++reg->reads > spin->worst.reads) {
        mali_csf_spin_again(spin, reg);
    }
}

/* Nothing has been read yet */
void mali_csf_spin_reset(MaliCsfSpin *spin);

static inline void mali_csf_spin_write(MaliCsfSpin *spin)
{
    spin->count = 0;
}

#endif /* HW_GPU_MALI_CSF_SPIN_H */
