/*
 * Mali CSF GPU: the checker's rules about L2 power and resets, and for how
 * long the driver waits
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"

/* panthor waits 100 ms for a command (panthor_mmu.c, panthor_gpu.c, v7.3) */
#define PATIENCE_NS                 90000000ll

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

void mali_csf_check_duration(MaliCsfState *s, uint64_t ns)
{
    s->checker.power.gave_up |= ns >= PATIENCE_NS;
}

void mali_csf_check_flush_asked(MaliCsfState *s)
{
    if (s->checker.power.flush_since < 0) {
        s->checker.power.flush_since = now_ns();
    }
}

void mali_csf_check_flush_heard(MaliCsfState *s)
{
    if (s->checker.power.flush_since >= 0) {
        mali_csf_check_duration(s, now_ns() - s->checker.power.flush_since);
        s->checker.power.flush_since = -1;
    }
}

/* The driver waits for nothing: the GPU is reset, or it starts anew. */
static void forget_waits(MaliCsfState *s)
{
    s->checker.power.gave_up = false;
    s->checker.power.flush_since = -1;
}

static void drop_at_l2_off(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        s->checker.power.at_l2_off[as].count = 0;
    }
}

void mali_csf_check_gpu_reset(MaliCsfState *s)
{
    drop_at_l2_off(s);
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
    forget_waits(s);
}

static void keep_at_l2_off(MaliCsfState *s, const MaliCsfFinding *f)
{
    MaliCsfAtL2Off *kept = &s->checker.power.at_l2_off[f->as];

    if (!s->checker.power.gave_up) {
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
    mali_csf_user_drop_lines(s);
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
        /* Whoever set a space up or gave it up is done by now. */
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

void mali_csf_check_l2_on(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        MaliCsfAtL2Off *kept = &s->checker.power.at_l2_off[as];
        unsigned n = kept->count;

        kept->count = 0;
        for (unsigned i = 0; i < n; i++) {
            mali_csf_report(s, &kept->findings[i]);
        }
    }
}

void mali_csf_check_probe(MaliCsfState *s)
{
    drop_at_l2_off(s);
    forget_waits(s);
}

void mali_csf_power_forget(MaliCsfState *s)
{
    drop_at_l2_off(s);
    forget_waits(s);
}
