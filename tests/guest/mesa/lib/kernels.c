/*
 * The table of the kernels
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <math.h>
#include <string.h>

#include "kernels.h"
#include "random.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define POISON(words)           { words, FILL_POISON, true }
#define IN(words, what)         { words, FILL_##what, false }
#define IN_OUT(words, what)     { words, FILL_##what, true }
#define TOLERANCES(table) \
    .tolerances = table, .num_tolerances = ARRAY_SIZE(table)
#define ONE                     0x3f800000u     /* 1.0 */
#define EXPONENT                0x7f800000u
#define HALF                    0x3f000000u     /* 0.5 */

/* What Vulkan allows, "Precision and Operation of SPIR-V Instructions" */
static const Tolerance fma_tolerance[] = { { COMPARE_FLOATS, 0, 0 } };
static const Tolerance sum_tolerance[] = { { COMPARE_FLOATS, 16, 0.0001 } };
static const Tolerance nbody_tolerance[] = { { COMPARE_FLOATS, 1024, 0.001 } };
static const Tolerance fft_tolerance[] = { { COMPARE_FLOATS, 16, 0.001 } };
static const Tolerance half_tolerance[] = { { COMPARE_HALVES, 1, 0 } };
static const Tolerance halves_tolerances[] = {
    { COMPARE_HALVES, 1, 0 },               /* + */
    { COMPARE_HALVES, 1, 0 },               /* * */
    { COMPARE_HALVES, 1, 1.0 / 128 },       /* fma(), which may round twice */
    { COMPARE_HALVES, 0, 0 },               /* min, max and the like */
};
/* Eight bits of a place between two texels */
static const Tolerance filter_tolerance[] = {
    { COMPARE_FLOATS, 0, 1.0 / 100 }
};
static const Tolerance texel_tolerance[] = { { COMPARE_FLOATS, 1, 0 } };
static const Tolerance maths_tolerances[] = {
    { COMPARE_FLOATS, 0, 1.0 / 2048 },      /* sin */
    { COMPARE_FLOATS, 0, 1.0 / 2048 },      /* cos */
    { COMPARE_FLOATS, 9, 0 },               /* exp2 */
    { COMPARE_FLOATS, 3, 1.0 / (1 << 21) },         /* log2 */
    { COMPARE_FLOATS, 9, 0 },               /* exp */
    { COMPARE_FLOATS, 3, 1.0 / (1 << 21) },         /* log */
    { COMPARE_FLOATS, 5, 0 },               /* sqrt, by way of its inverse */
    { COMPARE_FLOATS, 2, 0 },               /* inversesqrt */
    { COMPARE_FLOATS, 2.5, 0 },             /* 1 / x */
    { COMPARE_FLOATS, 64, 0 },              /* pow, by way of exp2 and log2 */
    { COMPARE_FLOATS, 16384, 1.0 / 128 },   /* tan: sin / cos */
    { COMPARE_FLOATS, 4096, 0 },            /* atan */
    { COMPARE_FLOATS, 4096, 1.0 / 4096 },   /* asin, by way of atan2 */
    { COMPARE_FLOATS, 4096, 1.0 / 4096 },   /* tanh, by way of exp */
    { COMPARE_FLOATS, 2.5, 0 },             /* x / y */
    { COMPARE_FLOATS, 4096, 0 },            /* atan2 */
};
static const Tolerance rounding_tolerances[] = {
    { COMPARE_FLOATS, 0, 0 }, { COMPARE_FLOATS, 0, 0 },
    { COMPARE_FLOATS, 0, 0 }, { COMPARE_FLOATS, 0, 0 },
    { COMPARE_WORDS, 0, 0 }, { COMPARE_WORDS, 0, 0 },
    { COMPARE_FLOATS, 0, 0 }, { COMPARE_FLOATS, 0, 0 },
    { COMPARE_WORDS, 0, 0 }, { COMPARE_WORDS, 0, 0 },
    { COMPARE_FLOATS, 0, 0 },
    { COMPARE_FLOATS, 1, 1.0 / 1024 },         /* fract(), of a product */
    { COMPARE_FLOATS, 0, 0 },
    { COMPARE_HALVES, 1, 0 },               /* rounded as the device likes */
    { COMPARE_FLOATS, 0, 0 }, { COMPARE_WORDS, 0, 0 },
};

#define SAXPY(n) \
    .job = { .shaders = { "saxpy" }, .groups = { (n + 255) / 256, 1, 1 }, \
             .push = { n, 0x40490fdb /* pi */ } }, \
    .buffers = { IN(n, FLOATS), IN_OUT(n, FLOATS) }, \
    .reference = reference_saxpy, \
    TOLERANCES(fma_tolerance), .llvmpipe_differs = 1000

#define SGEMM(n) \
    .job = { .shaders = { "sgemm" }, \
             .groups = { n / 16, n / 16, 1 }, .push = { n } }, \
    .buffers = { IN(n * n, FLOATS), IN(n * n, FLOATS), POISON(n * n) }, \
    .reference = reference_sgemm, TOLERANCES(sum_tolerance)

#define MANDELBROT(n, most) \
    .job = { .shaders = { "mandelbrot" }, .groups = { n / 16, n / 16, 1 }, \
             .push = { n, most } }, \
    .buffers = { POISON(n * n) }, .reference = reference_mandelbrot, \
    .llvmpipe_differs = 20

#define NBODY(n) \
    .job = { .shaders = { "nbody" }, .groups = { n / 64, 1, 1 }, \
             .push = { n, 0x3c23d70a /* 0.01 */ } }, \
    .buffers = { IN(4 * n, POSITIVE), POISON(4 * n) }, \
    .reference = reference_nbody, \
    TOLERANCES(nbody_tolerance)

#define RADIX(n) \
    .job = { .shaders = { "radix-count", "radix-offsets", "radix-scatter" }, \
             .push = { n }, .record = record_radix }, \
    .buffers = { IN_OUT(n, RANDOM), IN(n, POISON), \
                 IN(16 * ((n + 255) / 256), POISON) }, \
    .reference = reference_radix

#define SAMPLE(mode, what) \
    .job = { .shaders = { "sample" }, .groups = { 16, 1, 1 }, .images = { \
             [2] = { VK_FORMAT_R8G8B8A8_UNORM, 64, 32, 2, -1, \
                     VK_FILTER_##what, VK_SAMPLER_ADDRESS_MODE_##mode } } }, \
    .buffers = { IN(2048, PLACES), POISON(4096), IN(2048, RANDOM) }, \
    .reference = reference_sample, TOLERANCES(filter_tolerance)

#define FETCH(texel, words, ...) \
    .job = { .shaders = { "fetch" }, .groups = { 8, 4, 1 }, .images = { \
             [2] = { VK_FORMAT_##texel, 64, 32, 2, -1, __VA_ARGS__ } } }, \
    .buffers = { IN(4, ZERO), POISON(8192), IN(2048 * words, POSITIVE) }, \
    .reference = reference_fetch, TOLERANCES(texel_tolerance)

#define SUBGROUP(kind) \
    .job = { .shaders = { "subgroup-" #kind }, .groups = { 16, 1, 1 } }, \
    .buffers = { IN(1024, RANDOM), POISON(8192) }, \
    .reference = reference_subgroup_##kind

const Kernel kernels[] = {
    {
        "fill", KERNEL_SMALL,
        .job = { .push = { 16, 8000, 0x12345678 }, .record = record_fill },
        .buffers = { POISON(4096), POISON(1000) }, .reference = reference_fill,
    }, {
        "update", KERNEL_SMALL,
        .job = { .push = { 1, 2, 3, 0xdeadbeef, [31] = 0xffffffff },
        .record = record_update },
        .buffers = { POISON(1024) }, .reference = reference_update,
    }, {
        "copy", KERNEL_SMALL,
        .job = { .record = record_copy },
        .buffers = { IN(4096, RANDOM), POISON(4096) },
        .reference = reference_copy,
    }, {
        "saxpy", KERNEL_SMALL | KERNEL_BESIDE, SAXPY(10000),
    }, {
        "saxpy-twice", 0,
        .job = { .shaders = { "saxpy" },
                 .groups = { 16, 1, 1 }, .push = { 4096, ONE },
                 .record = record_twice },
        .buffers = { IN(4096, FLOATS), IN_OUT(4096, FLOATS) },
        .reference = reference_saxpy_twice, TOLERANCES(fma_tolerance),
        .llvmpipe_differs = 1000,
    }, {
        "sgemm", KERNEL_SMALL, SGEMM(64),
    }, {
        "reduce", KERNEL_SMALL,
        .job = { .shaders = { "reduce" }, .groups = { 64, 1, 1 } },
        .buffers = { IN(16384, RANDOM), POISON(192) },
        .reference = reference_reduce,
    }, {
        "scan", KERNEL_SMALL,
        .job = { .shaders = { "scan-blocks", "scan-sums", "scan-add" },
                 .push = { 70000 },
                 .record = record_scan },
        .buffers = { IN_OUT(70000, RANDOM), POISON(274) },
        .reference = reference_scan,
    }, {
        "histogram", KERNEL_SMALL,
        .job = { .shaders = { "histogram" },
                 .groups = { 20, 1, 1 }, .push = { 30000 } },
        .buffers = { IN(30000, RANDOM), IN_OUT(256, RANDOM) },
        .reference = reference_histogram,
    }, {
        "radix", KERNEL_SMALL, RADIX(5000),
    }, {
        "mandelbrot", KERNEL_SMALL | KERNEL_BESIDE, MANDELBROT(64, 100),
    }, {
        "nbody", KERNEL_SMALL, NBODY(256),
    }, {
        "fft", KERNEL_SMALL,
        .job = { .shaders = { "fft" }, .groups = { 8, 1, 1 } },
        .buffers = { IN(8192, FLOATS), IN(512, ROOTS), POISON(8192) },
        .reference = reference_fft, TOLERANCES(fft_tolerance),
    }, {
        "convolve", 0,
        .job = { .shaders = { "convolve" }, .groups = { 8, 4, 1 }, .images = {
                 { VK_FORMAT_R8G8B8A8_UINT, 64, 32, 2, -1 },
                 { VK_FORMAT_R8G8B8A8_UINT, 64, 32, -1, 3 } } },
        .buffers = { IN(4, ZERO), IN(4, ZERO), IN(2048, RANDOM), POISON(2048) },
        .reference = reference_convolve,
    }, {
        "convolve-linear", 0,
        .job = { .shaders = { "convolve" }, .groups = { 8, 4, 1 }, .images = {
                 { VK_FORMAT_R8G8B8A8_UINT, 64, 32, 2, -1, .linear = true },
                 { VK_FORMAT_R8G8B8A8_UINT, 64, 32, -1, 3, .linear = true } } },
        .buffers = { IN(4, ZERO), IN(4, ZERO), IN(2048, RANDOM), POISON(2048) },
        .reference = reference_convolve,
    }, {
        "fetch", 0, FETCH(R8G8B8A8_UNORM, 1, .linear = false),
    }, {
        "fetch-linear", 0, FETCH(R8G8B8A8_UNORM, 1, .linear = true),
    }, {
        "fetch-compressed", 0, FETCH(R8G8B8A8_UNORM, 1, .compressed = true),
    }, {
        "fetch-r32f", 0, FETCH(R32_SFLOAT, 1, .linear = false),
    }, {
        "fetch-rgba32f", 0, FETCH(R32G32B32A32_SFLOAT, 4, .linear = false),
    }, {
        "sample-nearest-repeat", 0, SAMPLE(REPEAT, NEAREST),
    }, {
        "sample-nearest-mirror", 0, SAMPLE(MIRRORED_REPEAT, NEAREST),
    }, {
        "sample-nearest-edge", 0, SAMPLE(CLAMP_TO_EDGE, NEAREST),
    }, {
        "sample-nearest-border", 0, SAMPLE(CLAMP_TO_BORDER, NEAREST),
    }, {
        "sample-linear-repeat", 0, SAMPLE(REPEAT, LINEAR),
    }, {
        "sample-linear-mirror", 0, SAMPLE(MIRRORED_REPEAT, LINEAR),
    }, {
        "sample-linear-edge", 0, SAMPLE(CLAMP_TO_EDGE, LINEAR),
    }, {
        "sample-linear-border", 0, SAMPLE(CLAMP_TO_BORDER, LINEAR),
    }, {
        "bytes", KERNEL_SMALL, GPU_INT8 | GPU_STORAGE8,
        .job = { .shaders = { "bytes" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(256, RANDOM), POISON(256), POISON(1024) },
        .reference = reference_bytes,
    }, {
        "shorts", KERNEL_SMALL, GPU_INT16 | GPU_STORAGE16,
        .job = { .shaders = { "shorts" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(512, RANDOM), POISON(512), POISON(1024) },
        .reference = reference_shorts,
    }, {
        "halves", 0, GPU_FLOAT16 | GPU_STORAGE16,
        .job = { .shaders = { "halves" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(2048, HALVES), POISON(4096) },
        .reference = reference_halves, TOLERANCES(halves_tolerances),
    }, {
        "storage16", 0, GPU_STORAGE16,
        .job = { .shaders = { "storage16" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(1024, HALVES), POISON(1024) },
        .reference = reference_storage16, TOLERANCES(half_tolerance),
    }, {
        "longs", 0, GPU_INT64,
        .job = { .shaders = { "longs" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(4096, RANDOM), POISON(16384) },
        .reference = reference_longs,
    }, {
        "subgroup-sums", KERNEL_SUBGROUPS, GPU_SUBGROUP, SUBGROUP(sums),
    }, {
        "subgroup-votes", KERNEL_SMALL | KERNEL_SUBGROUPS, GPU_SUBGROUP,
        SUBGROUP(votes),
    }, {
        "subgroup-shuffles", KERNEL_SUBGROUPS, GPU_SUBGROUP | GPU_SHUFFLE,
        SUBGROUP(shuffles),
    }, {
        "where", KERNEL_SMALL,
        .job = { .shaders = { "where" }, .groups = { 5, 7, 3 } },
        .buffers = { POISON(2 * 24 * 105) }, .reference = reference_where,
    }, {
        "indirect", KERNEL_SMALL,
        .job = { .shaders = { "where" }, .groups = { 3, 2, 4 },
        .record = record_indirect },
        .buffers = { POISON(2 * 24 * 24), IN(3, GROUPS) },
        .reference = reference_where,
    }, {
        "indirect-none", 0,
        .job = { .shaders = { "where" }, .groups = { 3, 0, 4 },
        .record = record_indirect },
        .buffers = { IN_OUT(64, RANDOM), IN(3, GROUPS) },
        .reference = reference_where,
    }, {
        "specialised", KERNEL_SMALL,
        .job = { .shaders = { "specialised" }, .groups = { 16, 1, 1 },
                 .constants = { 96, 5, 1, HALF } },
        .buffers = { IN(16 * 96, RANDOM), POISON(32 * 96) },
        .reference = reference_specialised,
    }, {
        "pushed", KERNEL_SMALL,
        .job = { .shaders = { "pushed" }, .groups = { 4, 1, 1 },
                 .push = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                           0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x100,
                           17, 18, 19, 20, 21, 22, 23, 24,
                           25, 26, 27, 28, 29, 30, 31, 0xabcdef01 } },
        .buffers = { POISON(256) }, .reference = reference_pushed,
    }, {
        "robust", KERNEL_SMALL, GPU_ROBUST,
        .job = { .shaders = { "robust" },
                 .groups = { 32, 1, 1 }, .push = { 1024 } },
        .buffers = { IN(1024, RANDOM), POISON(1024), IN_OUT(4096, RANDOM),
                     IN(16, RANDOM) },
        .reference = reference_robust,
    }, {
        "spill", KERNEL_SMALL,
        .job = { .shaders = { "spill" }, .groups = { 8, 1, 1 } },
        .buffers = { IN(1024, RANDOM), POISON(512) },
        .reference = reference_spill,
    }, {
        "early", KERNEL_SMALL,
        .job = { .shaders = { "early" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(1024, RANDOM), POISON(2048) },
        .reference = reference_early,
    }, {
        "barriers", KERNEL_SMALL,
        .job = { .shaders = { "barriers" }, .groups = { 10, 1, 1 } },
        .buffers = { IN(1280, RANDOM), POISON(1280) },
        .reference = reference_barriers,
    }, {
        "divergent", KERNEL_SMALL,
        .job = { .shaders = { "divergent" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(1024, RANDOM), POISON(1024) },
        .reference = reference_divergent,
    }, {
        "atomics", KERNEL_SMALL,
        .job = { .shaders = { "atomics" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(1024, RANDOM), IN_OUT(16 + 4096, RANDOM) },
        .reference = reference_atomics,
    }, {
        "signed-atomics", 0,
        .job = { .shaders = { "signed-atomics" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(1024, RANDOM), IN_OUT(4, RANDOM) },
        .reference = reference_signed_atomics,
    }, {
        "atomics64", 0, GPU_INT64 | GPU_ATOMIC64,
        .job = { .shaders = { "atomics64" }, .groups = { 8, 1, 1 } },
        .buffers = { IN(1024, RANDOM), IN_OUT(16 + 2048, RANDOM) },
        .reference = reference_atomics64,
    }, {
        "maths", KERNEL_SMALL,
        .job = { .shaders = { "maths" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(1024, FLOATS), POISON(16384) },
        .reference = reference_maths,
        TOLERANCES(maths_tolerances),
    }, {
        "rounding", KERNEL_SMALL,
        .job = { .shaders = { "rounding" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(2048, SPECIALS), POISON(16384) },
        .reference = reference_rounding,
        TOLERANCES(rounding_tolerances),
    }, {
        "integers", KERNEL_SMALL,
        .job = { .shaders = { "integers" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(2048, RANDOM), POISON(24 * 1024) },
        .reference = reference_integers,
    }, {
        "vectors", KERNEL_SMALL,
        .job = { .shaders = { "vectors" }, .groups = { 16, 1, 1 } },
        .buffers = { IN(8192, RANDOM), POISON(8192) },
        .reference = reference_vectors,
    }, {
        "pointers", 0, GPU_ADDRESS,
        .job = { .shaders = { "pointers" },
                 .groups = { 4, 1, 1 }, .push = { 0, 0, 50 },
                 .push_address = true, .link = 4 },
        .buffers = { IN(4 * 512, NODES), POISON(256) },
        .reference = reference_pointers,
    }, {
        "many", 0,
        .job = { .shaders = { "many" }, .groups = { 65535, 2, 1 } },
        .buffers = { IN_OUT(64, RANDOM) }, .reference = reference_many,
    }, {
        "saxpy-1m", KERNEL_BENCH, SAXPY(1048576),
    }, {
        "mandelbrot-256", KERNEL_BENCH, MANDELBROT(256, 100),
    }, {
        "sgemm-256", KERNEL_BENCH, SGEMM(256),
    }, {
        "nbody-1024", KERNEL_BENCH, NBODY(1024),
    }, {
        "radix-1m", KERNEL_BENCH, RADIX(1048576),
    }, {
        "one-workgroup", KERNEL_BENCH, SAXPY(256),
    },
};

const unsigned num_kernels = ARRAY_SIZE(kernels);

/* -- what buffers hold before */

static uint32_t float_bits(double value)
{
    float number = value;
    uint32_t bits;

    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

/* From @low to @high, in steps that a float holds */
static double random_between(Random *random, double low, double high)
{
    return low + (high - low) * random_below(random, 1 << 20) / (1 << 20);
}

static uint32_t random_special(Random *random)
{
    static const uint32_t special[] = {
        0, 0x80000000, 0x7f800000, 0xff800000, ONE, 0xbf800000,
        HALF, 0xbf000000, 0x3fc00000 /* 1.5 */, 0x40200000 /* 2.5 */,
        0xc0200000, 0x4b000001, 0x4affffff,
    };
    uint32_t bits = random_next(random);

    if (random_below(random, 4) == 0) {
        return special[random_below(random, ARRAY_SIZE(special))];
    }
    if (random_below(random, 2) == 0) {
        return float_bits(random_between(random, -100, 100));
    }
    if ((bits & EXPONENT) == EXPONENT || !(bits & EXPONENT)) {
        bits ^= 0x40000000;
    }
    return bits;
}

/* 16 bytes each: the offset of the next one, a number, and nothing */
static void fill_nodes(Random *random, uint32_t *data, uint32_t words)
{
    uint32_t count = words / 4, order[count];

    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = random_below(random, i + 1);

        order[i] = i;
        order[i] = order[other];
        order[other] = i;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t *node = data + 4 * order[i];

        node[0] = 16 * order[(i + 1) % count];
        node[1] = 0;
        node[2] = random_next(random);
        node[3] = 0;
    }
}

static uint32_t fill_word(const Kernel *kernel, Fill fill, Random *random,
                          uint32_t number, uint32_t i)
{
    const GpuImage *image = &kernel->job.images[2];

    switch (fill) {
    case FILL_POISON:
        return 0xbad00000u + number * 0x01010101u + i * 7;
    case FILL_RANDOM:
        return random_next(random);
    case FILL_FLOATS:
        return float_bits(random_between(random, -3, 3));
    case FILL_POSITIVE:
        return float_bits(random_between(random, 0.01, 1));
    case FILL_SPECIALS:
        return random_special(random);
    case FILL_HALVES:
        return float_to_half(random_between(random, -3, 3)) |
               (uint32_t)float_to_half(random_between(random, -3, 3)) << 16;
    case FILL_ROOTS:
        return float_bits(i % 2 ? -sin(M_PI * (i / 2) / 256)
                                : cos(M_PI * (i / 2) / 256));
    case FILL_PLACES: {
        int size = i % 2 ? image->height : image->width;
        int texel = (int)random_below(random, 2 * size) - size / 2;

        return float_bits((texel + random_between(random, 0.2, 0.8)) / size);
    }
    case FILL_GROUPS:
        return kernel->job.groups[i];
    default:
        return 0;
    }
}

void kernel_fill(const Kernel *kernel, unsigned buffer, uint32_t number,
                 uint32_t *data)
{
    const KernelBuffer *it = &kernel->buffers[buffer];
    Random random;

    random_init(&random, number * 8ull + buffer);
    if (it->fill == FILL_NODES) {
        fill_nodes(&random, data, it->words);
        return;
    }
    for (uint32_t i = 0; i < it->words; i++) {
        data[i] = fill_word(kernel, it->fill, &random, number, i);
    }
}
