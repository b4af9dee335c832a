/*
 * Mali CSF GPU: lines of QEMU's log that a guest brings about
 *
 * A guest can be wrong as fast as it writes registers.  What it does again is
 * therefore told at a falling rate: the first 16 times, then each time that it
 * was done twice as often, with how many lines were left out in between.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_LOG_H
#define HW_GPU_MALI_CSF_LOG_H

#include "qemu/log.h"

/* Lines of a kind that are told one by one */
#define MALI_CSF_LOG_FIRST  16

/*
 * As qemu_log(), for a line of a kind that comes for the @times-th time, the
 * first being 1; it may be one that is left out
 */
void mali_csf_log_times(uint64_t times, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/*
 * As qemu_log_mask().  The lines of one place in the source are of one kind,
 * for all GPUs of a machine together; they are counted while the log has any
 * of @mask.
 */
#define mali_csf_log_mask(mask, fmt, ...)                               \
    do {                                                                \
        static uint64_t log_times_;                                     \
                                                                        \
        if (unlikely(qemu_loglevel_mask(mask))) {                       \
            mali_csf_log_times(++log_times_, fmt, ## __VA_ARGS__);      \
        }                                                               \
    } while (0)

#endif /* HW_GPU_MALI_CSF_LOG_H */
