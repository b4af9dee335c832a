/*
 * A kernel's run, and what has to come of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdlib.h>
#include <string.h>

#include "check.h"

CheckData check_data(const Kernel *kernel, uint32_t number)
{
    CheckData data = { };

    for (unsigned i = 0; i < GPU_BUFFERS; i++) {
        if (kernel->buffers[i].words) {
            data.words[i] = malloc(kernel->buffers[i].words * 4ull);
            kernel_fill(kernel, i, number, data.words[i]);
        }
    }
    return data;
}

void check_free(CheckData *data)
{
    for (unsigned i = 0; i < GPU_BUFFERS; i++) {
        free(data->words[i]);
    }
}

VkResult check_run(const Gpu *gpu, const Kernel *kernel, uint32_t number,
                   CheckData *data, double *seconds)
{
    GpuJob job = kernel->job;

    *data = check_data(kernel, number);
    for (unsigned i = 0; i < GPU_BUFFERS; i++) {
        job.words[i] = kernel->buffers[i].words;
        job.data[i] = data->words[i];
    }
    return gpu_run(gpu, &job, seconds);
}

CheckData check_on_cpu(const Kernel *kernel, uint32_t number, unsigned subgroup)
{
    CheckData data = check_data(kernel, number);
    Reference reference = { .kernel = kernel, .subgroup = subgroup };

    memcpy(reference.data, data.words, sizeof(reference.data));
    kernel->reference(&reference);
    return data;
}

Comparison check_compare(const Kernel *kernel, const CheckData *expected,
                         const CheckData *found, bool exactly)
{
    static const Tolerance exact = { COMPARE_WORDS, 0, 0 };
    Comparison comparison = { };

    for (unsigned i = 0; i < GPU_BUFFERS; i++) {
        if (kernel->buffers[i].result) {
            bool loose = kernel->tolerances && !exactly;

            compare(expected->words[i], found->words[i],
                    kernel->buffers[i].words,
                    loose ? kernel->tolerances : &exact,
                    loose ? kernel->num_tolerances : 1, &comparison);
        }
    }
    return comparison;
}

uint64_t check_words(const Kernel *kernel)
{
    uint64_t words = 0;

    for (unsigned i = 0; i < GPU_BUFFERS; i++) {
        words += kernel->buffers[i].result ? kernel->buffers[i].words : 0;
    }
    return words;
}
