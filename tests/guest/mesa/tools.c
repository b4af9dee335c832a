/*
 * tools: other people's programs that use Vulkan and OpenCL
 *
 * --info         vulkaninfo and clinfo list the GPU
 * --clpeak       clpeak's figures, of the GPU and of llvmpipe
 * --clblast      CLBlast's own tests, ten routines against a BLAS on the CPU
 * --hashcat      finds what three hashes were made of
 * --vkfft        transforms of pyvkfft beside those of numpy
 * --llama        backend tests of llama.cpp over Vulkan
 *
 * A program of the userland that is not there is skipped.  Those that choose a
 * device by themselves see the GPU alone, so that llvmpipe cannot serve them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/run.h"
#include "tap.h"

#define ARRAY_SIZE(a)   (sizeof(a) / sizeof((a)[0]))
#define GPU_NAME        "Mali-"
#define LIBRARIES       "/usr/lib/aarch64-linux-gnu/"
#define PYTHON          "/usr/lib/python3/dist-packages/"
#define MOST_FLOPS      100000.0    /* GFLOPS, GB/s: more is nonsense */

enum { INFO, CLPEAK, CLBLAST, HASHCAT, VKFFT, LLAMA };

static const char *const modes[] = { "--info",    "--clpeak", "--clblast",
                                     "--hashcat", "--vkfft",  "--llama",
                                     NULL };

static void see_only_gpu(void)
{
    setenv("RUSTICL_ENABLE", "panfrost", 1);
}

static bool there(const char *program)
{
    if (!program_exists(program)) {
        tap_skip("not in this userland", "%s", program);
        return false;
    }
    return true;
}

/* -- vulkaninfo and clinfo */

static void test_info(const char *program)
{
    const char *argv[] = { program, NULL };
    const char *found;
    Ran ran;
    bool done;

    if (!there(program)) {
        return;
    }
    done = run_program(argv, 200, &ran);
    found = strstr(ran.output, GPU_NAME);
    if (!tap_ok(done && found, "%s lists a " GPU_NAME "...", program)) {
        ran_show(&ran, 20);
    } else {
        tap_diag("%.*s", (int)strcspn(found, "\n"), found);
    }
    ran_free(&ran);
}

/* -- clpeak: its lines are "      float   : 12.34" */

/* Number @index of the figures behind @title; negative if there is none */
static double figure(const char *output, const char *title, const char *name)
{
    const char *at = strstr(output, title);

    at = at ? strstr(at, name) : NULL;
    at = at ? strchr(at, ':') : NULL;
    return at ? atof(at + 1) : -1;
}

static const struct {
    const char *option, *title, *name, *unit;
} peaks[] = {
    { "--compute-sp", "Single-precision", "float ", "GFLOPS" },
    { "--global-bandwidth", "Global memory bandwidth", "float ", "GB/s" },
};

static double peak(const char *driver, unsigned i, Ran *ran)
{
    const char *argv[] = { "clpeak", peaks[i].option, NULL };

    setenv("RUSTICL_ENABLE", driver, 1);
    if (!run_program(argv, 600, ran)) {
        return -1;
    }
    return figure(ran->output, peaks[i].title, peaks[i].name);
}

static void test_clpeak(void)
{
    if (!there("clpeak")) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(peaks); i++) {
        Ran here, other;
        double gpu = peak("panfrost", i, &here), llvmpipe;
        bool named = strstr(here.output, GPU_NAME);

        if (!tap_ok(named && gpu > 0 && gpu < MOST_FLOPS, "clpeak %s",
                    peaks[i].option)) {
            ran_show(&here, 20);
        }
        llvmpipe = peak("llvmpipe", i, &other);
        tap_diag("bench clpeak%s %.3f %.3f %s, the second is llvmpipe's",
                 peaks[i].option, gpu, llvmpipe, peaks[i].unit);
        ran_free(&here);
        ran_free(&other);
    }
}

/*
 * The sum of the numbers that stand before @what in @output, such as
 * "12 test(s) passed"
 */
static unsigned count_of(const char *output, const char *what)
{
    unsigned sum = 0;

    for (const char *at = output; (at = strstr(at, what)); at++) {
        const char *start = at;

        while (start > output && start[-1] == ' ') {
            start--;
        }
        while (start > output && start[-1] >= '0' && start[-1] <= '9') {
            start--;
        }
        sum += atoi(start);
    }
    return sum;
}

/* -- CLBlast */

static void test_clblast(void)
{
    static const char *const routines[] = {
        "xaxpy", "xscal", "xdot",  "xnrm2", "xasum",
        "xgemv", "xger",  "xgemm", "xsymm", "xtrsm",
    };

    see_only_gpu();
    setenv("LD_LIBRARY_PATH", LIBRARIES "blas:" LIBRARIES "lapack", 1);
    for (unsigned i = 0; i < ARRAY_SIZE(routines); i++) {
        char program[64];
        const char *argv[] = {
            program, "-precision", "32", "-cblas", "1", NULL
        };
        unsigned passed, failed;
        Ran ran;
        bool done;

        snprintf(program, sizeof(program), "clblast_test_%s", routines[i]);
        if (!there(program)) {
            continue;
        }
        done = run_program(argv, 1500, &ran);
        passed = count_of(ran.output, "test(s) passed");
        failed = count_of(ran.output, "test(s) failed");
        if (!tap_ok(done && strstr(ran.output, GPU_NAME) && passed && !failed,
                    "CLBlast's test of %s", routines[i])) {
            ran_show(&ran, 12);
        }
        tap_diag("%u passed, %u failed, %u skipped", passed, failed,
                 count_of(ran.output, "test(s) skipped"));
        ran_free(&ran);
    }
}

/* -- hashcat */

static void test_hashcat(void)
{
    static const struct {
        const char *mode, *name, *hash;
    } hashes[] = {
        { "0", "MD5", "81dc9bdb52d04dc20036dbd8313ed055" },
        { "100", "SHA1", "7110eda4d09e062aa5e4a390b0a572ac0d2c0220" },
        { "1400", "SHA2-256",
          "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4" },
    };

    see_only_gpu();
    for (unsigned i = 0; i < ARRAY_SIZE(hashes) && there("hashcat"); i++) {
        /* All of them are of "1234". */
        const char *argv[] = { "hashcat",      "-m",        hashes[i].mode,
                               "-a",           "3",         "--potfile-disable",
                               "--force",      "--session", hashes[i].name,
                               hashes[i].hash, "?d?d?d?d",  NULL };
        Ran ran;
        bool done = run_program(argv, 1700, &ran);

        if (!tap_ok(done && strstr(ran.output, GPU_NAME) &&
                        strstr(ran.output, ":1234") &&
                        !strstr(ran.output, "self-test failed"),
                    "hashcat finds what a hash of %s is of", hashes[i].name)) {
            ran_show(&ran, 15);
        }
        ran_free(&ran);
    }
}

/* -- pyvkfft */

static void test_vkfft(void)
{
    static const char script[] =
        "import numpy, pyopencl, pyopencl.array\n"
        "from pyvkfft.opencl import VkFFTApp\n"
        "device = pyopencl.get_platforms()[0].get_devices()[0]\n"
        "context = pyopencl.Context([device])\n"
        "queue = pyopencl.CommandQueue(context)\n"
        "print(device.name)\n"
        "random = numpy.random.default_rng(1)\n"
        "for shape in ((64,), (1000,), (32, 48)):\n"
        "    data = (random.random(shape) + 1j * "
        "random.random(shape)).astype('complex64')\n"
        "    there = pyopencl.array.to_device(queue, data)\n"
        "    VkFFTApp(shape, data.dtype, queue, ndim=len(shape)).fft(there)\n"
        "    right = numpy.fft.fftn(data)\n"
        "    worst = abs(there.get() - right).max() / abs(right).max()\n"
        "    print('shape', shape, 'error', worst)\n"
        "    assert worst < 1e-5\n"
        "print('all right')\n";
    static const char *const argv[] = { "python3", "-c", script, NULL };
    Ran ran;
    bool done;

    if (access(PYTHON "pyvkfft", R_OK) || !program_exists("python3")) {
        tap_skip("not in this userland", "pyvkfft");
        return;
    }
    see_only_gpu();
    setenv("LD_LIBRARY_PATH", LIBRARIES "blas:" LIBRARIES "lapack", 1);
    done = run_program(argv, 500, &ran);
    tap_ok(done && strstr(ran.output, GPU_NAME) &&
               strstr(ran.output, "all right"),
           "pyvkfft's transforms are numpy's");
    ran_show(&ran, 12);
    ran_free(&ran);
}

/* -- llama.cpp */

static void test_llama(void)
{
    static const char *const operations[] = { "ADD", "MUL", "SOFT_MAX",
                                              "RMS_NORM", "GET_ROWS" };
    glob_t found;

    if (glob("/usr/libexec/*/*/test-backend-ops", 0, NULL, &found)) {
        tap_skip("not in this userland", "llama.cpp's test-backend-ops");
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
        const char *argv[] = { found.gl_pathv[0], "test", "-b", "Vulkan0", "-o",
                               operations[i],     NULL };
        unsigned passed = 0, all = 0;
        const char *counts;
        Ran ran;
        bool done = run_program(argv, 300, &ran);

        counts = strstr(ran.output, " tests passed");
        while (counts && counts > ran.output && counts[-1] != ' ') {
            counts--;
        }
        /* "12/12 tests passed"; 0/0: the driver supports none of them */
        if (!tap_ok(done && strstr(ran.output, GPU_NAME) && counts &&
                        sscanf(counts, "%u/%u", &passed, &all) == 2 && all &&
                        passed == all,
                    "llama.cpp's test of %s", operations[i])) {
            ran_show(&ran, 12);
        }
        tap_diag("%u of %u passed", passed, all);
        ran_free(&ran);
    }
    globfree(&found);
}

int main(int argc, char **argv)
{
    int mode = tap_start(argc, argv, modes,
                         "Programs of the userland, as the option says.");

    mesa_environment();
    /* What libclc is translated to is the same for all: kept in memory */
    setenv("MESA_SHADER_CACHE_DISABLE", "false", 1);
    switch (mode) {
    case INFO:
        test_info("vulkaninfo");
        test_info("clinfo");
        break;
    case CLPEAK:
        test_clpeak();
        break;
    case CLBLAST:
        test_clblast();
        break;
    case HASHCAT:
        test_hashcat();
        break;
    case VKFFT:
        test_vkfft();
        break;
    case LLAMA:
        test_llama();
        break;
    default:
        fprintf(stderr, "tools: which of them?\n");
        return TAP_EXIT_USAGE;
    }
    return tap_end();
}
