/*
 * The kernels: what each works on, and what comes of it
 *
 * A new one is a file in kernels/, a row in kernels.c, and the function in
 * references.c that computes the same on the CPU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_GUEST_MESA_LIB_KERNELS_H
#define TESTS_GUEST_MESA_LIB_KERNELS_H

#include "compare.h"
#include "gpu.h"

/* What a buffer holds before */
typedef enum Fill {
    FILL_NONE,          /* there is no such buffer */
    FILL_POISON,        /* what no earlier run has left: each has its own */
    FILL_RANDOM,
    FILL_ZERO,
    FILL_FLOATS,        /* from -3 to 3 */
    FILL_POSITIVE,      /* from 0.01 to 1 */
    FILL_SPECIALS,      /* some infinities and zeros; no NaN, no subnormals */
    FILL_HALVES,        /* two of them in a word, from -3 to 3 */
    FILL_ROOTS,         /* of unity, see fft.comp */
    FILL_PLACES,        /* -0.5 to 1.5, not between two texels */
    FILL_NODES,         /* a list in random order, see pointers.comp */
    FILL_GROUPS,        /* GpuJob.groups, for an indirect dispatch */
} Fill;

enum {
    KERNEL_SMALL        = 1 << 0,   /* for "make check" */
    KERNEL_BENCH        = 1 << 1,   /* only measured */
    /* What comes of it depends on the device's subgroups. */
    KERNEL_SUBGROUPS    = 1 << 2,
    /* Beside llvmpipe in "make check", too: its compiler takes the time. */
    KERNEL_BESIDE       = 1 << 3,
};

typedef struct KernelBuffer {
    uint32_t words;
    Fill fill;
    bool result;        /* compared; FILL_POISON implies it */
} KernelBuffer;

typedef struct Kernel Kernel;

/* The CPU's run: data as GpuJob.data */
typedef struct Reference {
    const Kernel *kernel;
    uint32_t *data[GPU_BUFFERS];
    unsigned subgroup;
} Reference;

struct Kernel {
    const char *name;
    unsigned flags;
    uint32_t needs;                 /* of GPU_... */
    GpuJob job;                     /* without words and data */
    KernelBuffer buffers[GPU_BUFFERS];
    void (*reference)(Reference *r);
    const Tolerance *tolerances;    /* NULL: not a bit may differ */
    unsigned num_tolerances;
    /* Words in a thousand that may differ from llvmpipe, which does not fuse */
    unsigned llvmpipe_differs;
};

extern const Kernel kernels[];
extern const unsigned num_kernels;

/**
 * kernel_fill: a buffer as it is before a run
 * @number: of the run; gives the poison and the random numbers
 */
void kernel_fill(const Kernel *kernel, unsigned buffer, uint32_t number,
                 uint32_t *data);

/* Recorded in place of one dispatch, see sequences.c */
void record_fill(GpuWork *work);
void record_update(GpuWork *work);
void record_copy(GpuWork *work);
void record_indirect(GpuWork *work);
void record_scan(GpuWork *work);
void record_radix(GpuWork *work);
void record_twice(GpuWork *work);

/* On the CPU, see references.c */
void reference_fill(Reference *r);
void reference_update(Reference *r);
void reference_copy(Reference *r);
void reference_saxpy(Reference *r);
void reference_saxpy_twice(Reference *r);
void reference_sgemm(Reference *r);
void reference_reduce(Reference *r);
void reference_scan(Reference *r);
void reference_histogram(Reference *r);
void reference_radix(Reference *r);
void reference_mandelbrot(Reference *r);
void reference_nbody(Reference *r);
void reference_fft(Reference *r);
void reference_convolve(Reference *r);
void reference_sample(Reference *r);
void reference_fetch(Reference *r);
void reference_bytes(Reference *r);
void reference_shorts(Reference *r);
void reference_halves(Reference *r);
void reference_storage16(Reference *r);
void reference_longs(Reference *r);
void reference_subgroup_sums(Reference *r);
void reference_subgroup_votes(Reference *r);
void reference_subgroup_shuffles(Reference *r);
void reference_where(Reference *r);
void reference_specialised(Reference *r);
void reference_pushed(Reference *r);
void reference_robust(Reference *r);
void reference_spill(Reference *r);
void reference_early(Reference *r);
void reference_barriers(Reference *r);
void reference_divergent(Reference *r);
void reference_atomics(Reference *r);
void reference_signed_atomics(Reference *r);
void reference_atomics64(Reference *r);
void reference_maths(Reference *r);
void reference_rounding(Reference *r);
void reference_integers(Reference *r);
void reference_vectors(Reference *r);
void reference_pointers(Reference *r);
void reference_many(Reference *r);

#endif /* TESTS_GUEST_MESA_LIB_KERNELS_H */
