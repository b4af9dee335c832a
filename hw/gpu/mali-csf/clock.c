/*
 * Mali CSF GPU: the counters that registers and instructions read, TIMESTAMP
 * and CYCLE_COUNT
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "qemu/timer.h"
#include "hw/core/cpu.h"
#include "qapi/error.h"
#include "clock.h"
#include "saved.h"

/* CNTFRQ of Arm CPUs that do not say, as in target/arm before Armv8.6 */
#define DEFAULT_TIMESTAMP_HZ 62500000

void mali_csf_clock_soft_reset(MaliCsfClock *clock)
{
    clock->cycle_count_origin = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    clock->cycles_before = 0;
}

void mali_csf_clock_reset(MaliCsfClock *clock)
{
    mali_csf_clock_soft_reset(clock);
    clock->timestamp_offset = 0;
}

uint64_t mali_csf_clock_timestamp_period_ns(MaliCsfClock *clock)
{
    /* At first use, since a CPU knows it only when realized */
    if (!clock->timestamp_period_ns) {
        uint64_t hz = 0;

        if (first_cpu &&
            object_property_find(OBJECT(first_cpu), "cntfrq")) {
            hz = object_property_get_uint(OBJECT(first_cpu), "cntfrq", NULL);
        }
        /*
         * As gt_cntfrq_period_ns() of target/arm has it: CNTVCT and this
         * must not drift apart.
         */
        clock->timestamp_period_ns = MAX(NANOSECONDS_PER_SECOND /
                                         (hz ?: DEFAULT_TIMESTAMP_HZ), 1);
    }
    return clock->timestamp_period_ns;
}

uint64_t mali_csf_clock_timestamp(MaliCsfClock *clock)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) /
           mali_csf_clock_timestamp_period_ns(clock) +
           clock->timestamp_offset;
}

void mali_csf_clock_set_timestamp_offset(MaliCsfClock *clock, unsigned shift,
                                         uint32_t value)
{
    clock->timestamp_offset = deposit64(clock->timestamp_offset, shift, 32,
                                        value);
}

uint64_t mali_csf_clock_cycles(const MaliCsfClock *clock)
{
    int64_t ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) -
                 clock->cycle_count_origin;

    return clock->cycles_before +
           muldiv64(ns, clock->hz, NANOSECONDS_PER_SECOND);
}

void mali_csf_clock_set_rate(MaliCsfClock *clock, uint32_t hz)
{
    uint64_t cycles = mali_csf_clock_cycles(clock);

    clock->cycle_count_origin = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    clock->cycles_before = cycles;
    clock->hz = hz;
}

void mali_csf_clock_loaded(MaliCsfClock *clock, uint32_t hz)
{
    clock->hz = hz;
}

/* Who sets the rate saves it, too. */
#define CLOCK_ROWS(ROW) \
    ROW(VMSTATE_INT64(cycle_count_origin, MaliCsfClock), SAVED_TIME) \
    ROW(VMSTATE_UINT64(cycles_before, MaliCsfClock), SAVED_ANY) \
    ROW(VMSTATE_UINT64(timestamp_offset, MaliCsfClock), SAVED_ANY)

const MaliCsfSaved mali_csf_clock_saved = {
    .vmsd = {
        .name = "mali-csf-clock",
        .version_id = 2,
        .minimum_version_id = 2,
        .fields = SAVED_FIELDS(CLOCK_ROWS),
    },
    SAVED_CHECKS(CLOCK_ROWS),
};
