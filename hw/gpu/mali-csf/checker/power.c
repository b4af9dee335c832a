/*
 * Mali CSF GPU: the checker's rules about L2 power and resets
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"

static void drop_at_l2_off(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        s->checker.power.at_l2_off[as].count = 0;
    }
}

void mali_csf_check_gpu_reset(MaliCsfState *s)
{
    drop_at_l2_off(s);
    if (s->pwr.ready[MALI_CSF_POWER_L2]) {
        mali_csf_sleep_l2_off(s);
    }
    s->checker.power.coherency_set = false;
    s->checker.power.l2_unread = false;
    mali_csf_user_drop_lines(s);
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        const MaliCsfAddressSpace *space = &s->mmu.as[as];

        if (space->locked) {
            mali_csf_report(s, &(MaliCsfFinding) {
                .id = MALI_CSF_NOTE_LOCK_AT_RESET,
                .as = as,
                .start = space->lock_start,
                .last = space->lock_last,
            });
        }
        mali_csf_tables_reset(s, as);
        mali_csf_commands_reset(s, as);
    }
    mali_csf_patience_over(s);
}

static void keep_at_l2_off(MaliCsfState *s, const MaliCsfFinding *f)
{
    MaliCsfAtL2Off *kept = &s->checker.power.at_l2_off[f->as];

    if (!s->checker.patience.doubt) {
        kept->findings[kept->count++] = *f;
    }
}

/*
 * On suspend the driver is done with its spaces.  When its module is unloaded
 * it is not: panthor_fw_unplug() powers the L2 off before
 * panthor_mmu_unplug() disables the spaces, and panthor_vm_free() does not
 * disable any.  Work that frees groups may hold a region meanwhile.  Which of
 * both it was shows when the L2 comes on again: a driver that is loaded anew
 * looks first what GPU this is.
 */
void mali_csf_check_l2_off(MaliCsfState *s)
{
    drop_at_l2_off(s);
    s->checker.power.l2_unread = false;
    mali_csf_patience_l2_off(s);
    mali_csf_sleep_l2_off(s);
    mali_csf_user_drop_lines(s);
    /* One that did not boot, or has died, has nothing to stop. */
    if ((s->mcu.control & ~MCU_CONTROL_DOORBELL_DISABLE) &&
        s->mcu.status != MCU_STATUS_DISABLED &&
        s->mcu.status != MCU_STATUS_FATAL) {
        keep_at_l2_off(s, &(MaliCsfFinding) {
            .id = MALI_CSF_MCU_ENABLED_AT_L2_OFF,
            .expected = MCU_CONTROL_DISABLE,
            .seen = s->mcu.control,
        });
    }
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        const MaliCsfAddressSpace *space = &s->mmu.as[as];
        const MaliCsfAsCheck *c = &s->checker.as[as];

        /*
         * A LOCK between reset and the driver's own clean-up is left behind,
         * in a space that translates nothing.
         */
        if (space->locked && c->use.owner) {
            keep_at_l2_off(s, &(MaliCsfFinding) {
                .id = MALI_CSF_LOCK_AT_L2_OFF,
                .as = as,
                .start = space->lock_start,
                .last = space->lock_last,
            });
        }
        /* The driver has set the space up, or given it up, by now. */
        if (c->use.owner && !mali_csf_latched(s, as)) {
            if (!c->staged.told) {
                keep_at_l2_off(s, &(MaliCsfFinding) {
                    .id = MALI_CSF_UPDATE_MISSING,
                    .as = as,
                    .expected = space->active.transtab,
                    .seen = space->transtab,
                });
            }
        } else if (c->use.owner && mali_csf_translates(&space->active)) {
            keep_at_l2_off(s, &(MaliCsfFinding) {
                .id = MALI_CSF_ENABLED_AT_L2_OFF,
                .as = as,
                .seen = space->active.transtab,
            });
        }
        mali_csf_tables_l2_off(s, as);
        mali_csf_commands_l2_off(s, as);
    }
}

void mali_csf_check_coherency(MaliCsfState *s)
{
    s->checker.power.coherency_set = true;
}

/*
 * 6.12 writes it once, and what a reset makes of it is not known.  On a
 * coherent GPU any protocol will do: 6.12 has its number wrong.  On
 * architecture 14 panthor 7.3 sets none.
 */
static void check_coherency(MaliCsfState *s)
{
    uint32_t protocol = s->gpu.regs[R_COHERENCY_PROTOCOL];

    if (!s->model->has_pwr_control && s->checker.power.coherency_set &&
        s->coherent == (protocol == COHERENCY_PROTOCOL_NONE)) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_COHERENCY_AT_L2_ON,
            .expected = s->coherent ? COHERENCY_PROTOCOL_ACE_LITE
                                    : COHERENCY_PROTOCOL_NONE,
            .seen = protocol,
        });
    }
}

void mali_csf_check_l2_on(MaliCsfState *s)
{
    mali_csf_sleep_over(s);
    check_coherency(s);
    s->checker.power.l2_unread = true;
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAtL2Off *kept = &s->checker.power.at_l2_off[as];
        unsigned n = kept->count;

        kept->count = 0;
        for (unsigned i = 0; i < n; i++) {
            mali_csf_report(s, &kept->findings[i]);
        }
    }
}

/* Tiler and shader cores are not on without L2. */
void mali_csf_check_ready_read(MaliCsfState *s, uint64_t ready)
{
    if (ready) {
        s->checker.power.l2_unread = false;
    }
}

void mali_csf_check_mcu_start(MaliCsfState *s)
{
    if (s->checker.power.l2_unread) {
        s->checker.power.l2_unread = false;
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_L2_NOT_AWAITED,
        });
    }
}

void mali_csf_check_probe(MaliCsfState *s)
{
    drop_at_l2_off(s);
    mali_csf_patience_over(s);
    mali_csf_sleep_over(s);
}

void mali_csf_power_forget(MaliCsfState *s)
{
    drop_at_l2_off(s);
    s->checker.power.coherency_set = false;
    s->checker.power.l2_unread = false;
}
