/*
 * Mali CSF GPU: the counters that registers and instructions read, TIMESTAMP
 * and CYCLE_COUNT
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CLOCK_H
#define HW_GPU_MALI_CSF_CLOCK_H


/* The core clock in Hz where nothing else was asked for: a guess */
#define MALI_CSF_CORE_CLOCK_HZ  1000000000u

typedef struct MaliCsfSaved MaliCsfSaved;

typedef struct MaliCsfClock {
    /* The rate of the core clock, never zero once the device is realized */
    uint32_t hz;
    /* Virtual time in ns at which that rate, or the count, began */
    int64_t cycle_count_origin;
    /* CYCLE_COUNT at that time */
    uint64_t cycles_before;
    uint64_t timestamp_offset;
    /* Of one tick of the timestamp, or 0 before first use; not migrated */
    uint64_t timestamp_period_ns;
} MaliCsfClock;

extern const MaliCsfSaved mali_csf_clock_saved;

/* QEMU reset and GPU hard reset; a soft reset keeps TIMESTAMP_OFFSET */
void mali_csf_clock_reset(MaliCsfClock *clock);
void mali_csf_clock_soft_reset(MaliCsfClock *clock);

/* The core clock runs at @hz, which is not zero, from now on. */
void mali_csf_clock_set_rate(MaliCsfClock *clock, uint32_t hz);
/* It did when the rest of @clock was saved. */
void mali_csf_clock_loaded(MaliCsfClock *clock, uint32_t hz);

/* System counter plus TIMESTAMP_OFFSET, at the guest's CNTFRQ */
uint64_t mali_csf_clock_timestamp(MaliCsfClock *clock);
/* Whole nanoseconds of a tick of that counter, at least 1 */
uint64_t mali_csf_clock_timestamp_period_ns(MaliCsfClock *clock);
/* The 32 bits of TIMESTAMP_OFFSET from bit @shift on */
void mali_csf_clock_set_timestamp_offset(MaliCsfClock *clock, unsigned shift,
                                         uint32_t value);

/* Cycles of the GPU clock, as CYCLE_COUNT reads */
uint64_t mali_csf_clock_cycles(const MaliCsfClock *clock);

#endif /* HW_GPU_MALI_CSF_CLOCK_H */
