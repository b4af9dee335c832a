/*
 * Mali CSF GPU: a guest that reads one register over and over
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "log.h"
#include "spin.h"

void mali_csf_spin_again(MaliCsfSpin *spin, MaliCsfSpinRegister *reg)
{
    spin->worst = *reg;
    if (reg->reads == MALI_CSF_SPIN_READS) {
        mali_csf_log_mask(LOG_GUEST_ERROR,
                          "%s: register 0x%05" PRIx32 " read %u times with no "
                          "write between\n", __func__, reg->offset, reg->reads);
    }
    /* What is beyond counts as this: 50 hours of polling every 10 us. */
    reg->reads = MIN(reg->reads, UINT32_MAX - 1);
}

void mali_csf_spin_other(MaliCsfSpin *spin, uint32_t offset)
{
    unsigned place = MALI_CSF_SPIN_REGISTERS - 1;

    for (unsigned i = 0; i < spin->count; i++) {
        MaliCsfSpinRegister *reg = &spin->registers[i];

        if (reg->offset == offset) {
            if (++reg->reads > spin->worst.reads) {
                mali_csf_spin_again(spin, reg);
            }
            return;
        }
    }
    /* The last place is for any other one. */
    if (spin->count < MALI_CSF_SPIN_REGISTERS) {
        place = spin->count++;
    }
    spin->registers[place] = (MaliCsfSpinRegister) {
        .offset = offset,
        .reads = 1,
    };
}

void mali_csf_spin_reset(MaliCsfSpin *spin)
{
    *spin = (MaliCsfSpin) { };
}
