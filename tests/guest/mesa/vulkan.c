/*
 * vulkan: the kernels of lib/kernels.c on the GPU, by way of Mesa's panvk
 *
 * Each runs on the GPU and on llvmpipe in the same process, and on the CPU:
 * all three have to agree.  The GPU's name is asked for, so that llvmpipe
 * cannot take its place, and what a kernel writes to is poisoned before, with
 * another number each time.
 *
 * --small        those that "make check" runs
 * --untouched    nothing may be written: for an endpoint that executes nothing
 * --bench        how long the larger ones take, GPU beside llvmpipe
 * --alone        all of them, without llvmpipe, whose compiler takes minutes
 * --latency      how long one workgroup takes, whatever comes of it
 *
 * On the kernel's command line, vulkan.only=radix takes those with the text in
 * their name.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/check.h"
#include "lib/run.h"
#include "tap.h"

#define GPU_NAME        "Mali-"
#define LLVMPIPE_NAME   "llvmpipe"
#define BENCH_RUNS      5
#define LATENCY_RUNS    51
#define LATENCY_KERNEL  "one-workgroup"

enum { MODE_ALL = -1, MODE_SMALL, MODE_UNTOUCHED, MODE_BENCH, MODE_LATENCY,
       MODE_ALONE };

static const char *const modes[] = {
    "--small", "--untouched", "--bench", "--latency", "--alone", NULL
};

static Gpu gpu, llvmpipe;
static uint32_t run_number;
static char only[64];

static void describe(const char *what, const Comparison *c)
{
    if (c->wrong) {
        tap_diag("%s: %llu words differ, the first is number %zu: 0x%08x in "
                 "place of 0x%08x",
                 what, (unsigned long long)c->wrong, c->first, c->found,
                 c->expected);
    }
}

/* A device that is lost serves no more kernels. */
static bool open_again(Gpu *device, const char *name)
{
    gpu_close(device);
    return gpu_open(device, name);
}

static bool runs(Gpu *device, const char *name, const Kernel *kernel,
                 CheckData *data, double *seconds)
{
    VkResult result = check_run(device, kernel, run_number, data, seconds);

    if (result) {
        tap_diag("%s on %s: %s (%d)", kernel->name, name,
                 gpu_result_text(result), result);
        if (!open_again(device, name)) {
            tap_bail_out("%s does not come back", name);
        }
    }
    return !result;
}

/* The same on llvmpipe, which has other subgroups and does not fuse */
static void test_beside_llvmpipe(const Kernel *kernel, const CheckData *found,
                                 double seconds)
{
    CheckData other;
    double other_seconds = 0;
    Comparison c = { };
    bool done;

    if (kernel->needs & ~llvmpipe.offers) {
        tap_skip("llvmpipe does not offer what it needs",
                 "%s: as llvmpipe has it", kernel->name);
        return;
    }
    done = runs(&llvmpipe, LLVMPIPE_NAME, kernel, &other, &other_seconds);
    if (done && (kernel->flags & KERNEL_SUBGROUPS)) {
        CheckData expected =
            check_on_cpu(kernel, run_number, llvmpipe.subgroup);

        c = check_compare(kernel, &expected, &other, false);
        tap_diag("%s: subgroups of %u here, %u on llvmpipe", kernel->name,
                 gpu.subgroup, llvmpipe.subgroup);
        check_free(&expected);
    } else if (done) {
        c = check_compare(kernel, &other, found, false);
    }
    tap_diag(
        "%s: up to %g ulp from llvmpipe, %llu of %llu words beyond the bound; "
        "%.4f s, llvmpipe %.4f s",
        kernel->name, c.worst, (unsigned long long)c.wrong,
        (unsigned long long)check_words(kernel), seconds, other_seconds);
    if (!tap_ok(done && c.wrong * 1000 <=
                            check_words(kernel) * kernel->llvmpipe_differs,
                "%s: as llvmpipe has it", kernel->name)) {
        describe("to llvmpipe", &c);
    }
    check_free(&other);
}

static void test_kernel(const Kernel *kernel, bool beside)
{
    CheckData expected, found, untouched;
    double seconds = 0;
    Comparison c = { }, none;
    bool done;

    if (kernel->needs & ~gpu.offers) {
        tap_skip("the driver does not offer what it needs", "%s", kernel->name);
        return;
    }
    run_number++;
    expected = check_on_cpu(kernel, run_number, gpu.subgroup);
    untouched = check_data(kernel, run_number);
    none = check_compare(kernel, &untouched, &expected, true);
    done = runs(&gpu, GPU_NAME, kernel, &found, &seconds);
    if (done) {
        c = check_compare(kernel, &expected, &found, false);
        tap_diag("%s: up to %g ulp from the CPU", kernel->name, c.worst);
    }
    if (!tap_ok(done && !c.wrong, "%s: as the CPU has it", kernel->name)) {
        Comparison still = check_compare(kernel, &untouched, &found, true);

        describe("to the CPU", &c);
        if (done && !still.wrong && none.wrong) {
            tap_diag("%s: nothing was written", kernel->name);
        }
    } else if (beside) {
        test_beside_llvmpipe(kernel, &found, seconds);
    }
    check_free(&expected);
    check_free(&untouched);
    check_free(&found);
}

/* Without shader cores all that a kernel writes to is as it was. */
static void test_untouched(const Kernel *kernel)
{
    CheckData before, found;
    Comparison c = { };
    bool done;

    if (kernel->needs & ~gpu.offers) {
        tap_skip("the driver does not offer what it needs", "%s", kernel->name);
        return;
    }
    run_number++;
    before = check_data(kernel, run_number);
    done = runs(&gpu, GPU_NAME, kernel, &found, NULL);
    if (done) {
        c = check_compare(kernel, &before, &found, true);
    }
    if (!tap_ok(done && !c.wrong, "%s: untouched", kernel->name)) {
        describe("to what was there", &c);
    }
    check_free(&before);
    check_free(&found);
}

static double fastest(Gpu *device, const char *name, const Kernel *kernel,
                      const CheckData *expected)
{
    double best = 0;

    for (unsigned i = 0; i < BENCH_RUNS; i++) {
        CheckData found;
        double seconds;
        Comparison c;

        if (!runs(device, name, kernel, &found, &seconds)) {
            return -1;
        }
        c = check_compare(kernel, expected, &found, false);
        check_free(&found);
        if (c.wrong * 1000 > check_words(kernel) * kernel->llvmpipe_differs) {
            describe(name, &c);
            return -1;
        }
        best = best && best < seconds ? best : seconds;
    }
    return best;
}

/* For scripts/bench.py: "# bench <name> <seconds> <seconds of llvmpipe>" */
static void test_bench(const Kernel *kernel)
{
    CheckData expected;
    double here, there;

    run_number++;
    expected = check_on_cpu(kernel, run_number, gpu.subgroup);
    here = fastest(&gpu, GPU_NAME, kernel, &expected);
    there = llvmpipe.device
                ? fastest(&llvmpipe, LLVMPIPE_NAME, kernel, &expected)
                : 0;
    tap_diag("bench %s %.6f %.6f", kernel->name, here, there);
    tap_ok(here > 0, "%s: measured", kernel->name);
    check_free(&expected);
}

static int by_size(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;

    return (one > other) - (one < other);
}

/* The median; the null endpoint is measured, too, so that nothing is compared. */
static void test_latency(const Kernel *kernel)
{
    double times[LATENCY_RUNS];
    unsigned good = 0;

    for (unsigned i = 0; i < LATENCY_RUNS; i++) {
        CheckData found;

        good += runs(&gpu, GPU_NAME, kernel, &found, &times[i]);
        check_free(&found);
    }
    qsort(times, LATENCY_RUNS, sizeof(times[0]), by_size);
    tap_diag("bench latency %.6f 0", times[LATENCY_RUNS / 2]);
    tap_ok(good == LATENCY_RUNS, "%s: measured", kernel->name);
}

static bool chosen(const Kernel *kernel, int mode)
{
    if (!strstr(kernel->name, only)) {
        return false;
    }
    switch (mode) {
    case MODE_SMALL:
    case MODE_UNTOUCHED:
        return kernel->flags & KERNEL_SMALL;
    case MODE_BENCH:
        return kernel->flags & KERNEL_BENCH;
    case MODE_LATENCY:
        return !strcmp(kernel->name, LATENCY_KERNEL);
    default:
        return !(kernel->flags & KERNEL_BENCH);
    }
}

int main(int argc, char **argv)
{
    int mode = tap_start(argc, argv, modes,
                         "Vulkan kernels on the GPU, compared with llvmpipe "
                         "and the CPU.");
    unsigned ran = 0;

    mesa_environment();
    snprintf(only, sizeof(only), "%s", run_option("vulkan.only="));
    if (!tap_ok(gpu_open(&gpu, GPU_NAME),
                "a Vulkan device named " GPU_NAME "...")) {
        return tap_end();
    }
    tap_diag("%s, subgroups of %u", gpu.name, gpu.subgroup);
    if (mode == MODE_ALL || mode == MODE_SMALL || mode == MODE_BENCH) {
        tap_ok(gpu_open(&llvmpipe, LLVMPIPE_NAME),
               "a Vulkan device named " LLVMPIPE_NAME "...");
    }
    for (unsigned i = 0; i < num_kernels; i++) {
        if (!chosen(&kernels[i], mode)) {
            continue;
        }
        ran++;
        if (mode == MODE_UNTOUCHED) {
            test_untouched(&kernels[i]);
        } else if (mode == MODE_BENCH) {
            test_bench(&kernels[i]);
        } else if (mode == MODE_LATENCY) {
            test_latency(&kernels[i]);
        } else {
            test_kernel(&kernels[i], llvmpipe.device &&
                        (mode == MODE_ALL || (kernels[i].flags & KERNEL_BESIDE)));
        }
    }
    if (!ran) {
        tap_ok(false, "a kernel with \"%s\" in its name", only);
    }
    gpu_close(&gpu);
    gpu_close(&llvmpipe);
    return tap_end();
}
