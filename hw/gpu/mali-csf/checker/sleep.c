/*
 * Mali CSF GPU: the checker on a GPU that sleeps
 *
 * The device has no clocks that the guest could stop.  A driver that is about
 * to do so has stopped the microcontroller, powered the L2 off and masked every
 * interrupt, those of GPU_CONTROL or of PWR_CONTROL last; the first thing that
 * it does when it wakes up is to clear these (panthor_device_suspend() and
 * _resume() of panthor_device.c, v7.3).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"

/*
 * So long after the last access it sleeps.  Before, an interrupt handler may be
 * on its way out.
 */
#define ASLEEP_NS               200000000ll

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

void mali_csf_sleep_l2_off(MaliCsfState *s)
{
    s->checker.sleep = (MaliCsfSleepCheck) { .drowsy = true };
}

void mali_csf_sleep_over(MaliCsfState *s)
{
    s->checker.sleep.drowsy = false;
}

/*
 * Interrupts of the firmware are left unmasked when it does not boot, and the
 * GPU sleeps on.
 */
static bool all_off(const MaliCsfState *s)
{
    return s->mcu.status == MCU_STATUS_DISABLED && !s->gpu.irq.mask &&
           !s->pwr.irq.mask && !s->mmu.irq.mask;
}

/*
 * The handler, which masks interrupts while it runs, has not heard yet of the
 * reset that the GPU is about to fall asleep with.
 */
static bool reset_unheard(const MaliCsfState *s)
{
    return (s->gpu.irq.rawstat & R_GPU_INT_RESET_COMPLETED_MASK) ||
           (s->pwr.irq.rawstat & R_PWR_INT_RESET_COMPLETED_MASK);
}

static bool is_register(const MaliCsfState *s, hwaddr offset, hwaddr which)
{
    return offset == MALI_CSF_GPU_CONTROL_BASE + A_GPU_INT + which ||
           (s->model->has_pwr_control &&
            offset == MALI_CSF_PWR_BASE + A_PWR_INT + which);
}

/* The access at @offset may find the GPU asleep: it is said once in a sleep */
static void check_access(MaliCsfState *s, hwaddr offset, bool masks)
{
    MaliCsfSleepCheck *c = &s->checker.sleep;
    int64_t before = c->last_access, now = now_ns();
    bool masked = c->masked_last;

    c->last_access = now;
    c->masked_last = masks;
    if (masked && now - before >= ASLEEP_NS && all_off(s) &&
        !reset_unheard(s)) {
        c->drowsy = false;
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_REGISTER_WHILE_ASLEEP,
            .start = offset,
            .last = offset + 3,
            .seen = now - before,
        });
    }
}

void mali_csf_check_read(MaliCsfState *s, hwaddr offset)
{
    if (s->checker.sleep.drowsy &&
        offset != MALI_CSF_GPU_CONTROL_BASE + A_GPU_ID) {
        check_access(s, offset, false);
    }
}

void mali_csf_check_write(MaliCsfState *s, hwaddr offset)
{
    if (!s->checker.sleep.drowsy) {
        return;
    }
    if (is_register(s, offset, MALI_CSF_INT_CLEAR) && all_off(s) &&
        !reset_unheard(s)) {
        mali_csf_sleep_over(s);
    } else {
        check_access(s, offset, is_register(s, offset, MALI_CSF_INT_MASK));
    }
}
