/*
 * A kernel's run, and what has to come of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_MESA_LIB_CHECK_H
#define TESTS_GUEST_MESA_LIB_CHECK_H

#include "kernels.h"

/* Buffers of one run; freed by check_free() */
typedef struct CheckData {
    uint32_t *words[GPU_BUFFERS];
} CheckData;

/* As they are before run @number, see kernel_fill() */
CheckData check_data(const Kernel *kernel, uint32_t number);
void check_free(CheckData *data);

/* As they have to be after it, on a device with subgroups of that many */
CheckData check_on_cpu(const Kernel *kernel, uint32_t number,
                       unsigned subgroup);

/**
 * check_run: run @number of a kernel
 * @data: receives the buffers afterwards, also of a run that failed
 * @seconds: as of gpu_run()
 */
VkResult check_run(const Gpu *gpu, const Kernel *kernel, uint32_t number,
                   CheckData *data, double *seconds);

/* All results of two runs; @exactly: without the kernel's tolerances */
Comparison check_compare(const Kernel *kernel, const CheckData *expected,
                         const CheckData *found, bool exactly);

/* Words that check_compare() looks at */
uint64_t check_words(const Kernel *kernel);

#endif /* TESTS_GUEST_MESA_LIB_CHECK_H */
