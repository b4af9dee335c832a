/*
 * opencl: kernels by way of rusticl, on the GPU and on llvmpipe
 *
 * The results of both are compared with the CPU's.  What a kernel writes to is
 * poisoned before.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <CL/cl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compare.h"
#include "lib/run.h"
#include "tap.h"

#define GPU_NAME        "Mali-"
#define LLVMPIPE_NAME   "llvmpipe"
#define N               4096
#define GROUP           64
#define POISON          0xbadc0de5u

static const char source[] =
    "kernel void saxpy(global const uint *in, global uint *out)\n"
    "{\n"
    "    size_t i = get_global_id(0);\n"
    "    out[i] = as_uint(fma(2.5f, convert_float(in[i] & 0xffff), "
    "convert_float(in[i] >> 16)));\n"
    "}\n"
    "kernel void local_sums(global const uint *in, global uint *out)\n"
    "{\n"
    "    local uint row[64];\n"
    "    uint i = get_local_id(0);\n"
    "    row[i] = in[get_global_id(0)];\n"
    "    for (uint half_size = 32; half_size > 0; half_size /= 2) {\n"
    "        barrier(CLK_LOCAL_MEM_FENCE);\n"
    "        if (i < half_size) {\n"
    "            row[i] += row[i + half_size];\n"
    "        }\n"
    "    }\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    out[get_global_id(0)] = row[0] ^ i;\n"
    "}\n"
    "kernel void atomics(global const uint *in, global uint *out)\n"
    "{\n"
    "    size_t i = get_global_id(0);\n"
    "    atomic_add(&out[in[i] % 256], in[i]);\n"
    "    atomic_max(&out[256 + in[i] % 256], in[i]);\n"
    "    atomic_xor(&out[512 + in[i] % 256], in[i]);\n"
    "}\n"
    "kernel void vectors(global const uint4 *in, global uint4 *out)\n"
    "{\n"
    "    size_t i = get_global_id(0);\n"
    "    if (i < 1024) {\n"
    "        uint4 v = in[i];\n"
    "        uchar4 b = convert_uchar4_sat(as_int4(v) >> 20);\n"
    "        out[i] = rotate(v.wzyx, (uint4)(7)) + convert_uint4(b) + "
    "mul_hi(v, v.yxwz);\n"
    "    }\n"
    "}\n"
    "kernel void privates(global const uint *in, global uint *out)\n"
    "{\n"
    "    size_t i = get_global_id(0);\n"
    "    uint row[32];\n"
    "    for (uint k = 0; k < 32; k++) {\n"
    "        row[k] = in[(i + k) % 4096];\n"
    "    }\n"
    "    for (uint k = 0; k < 32; k++) {\n"
    "        row[row[k] % 32] += k;\n"
    "    }\n"
    "    out[i] = row[in[i] % 32];\n"
    "}\n";

typedef struct Test {
    const char *name;
    void (*reference)(const uint32_t *in, uint32_t *out);
} Test;

typedef struct Device {
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    cl_program program;
    char name[128];
} Device;

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static void reference_saxpy(const uint32_t *in, uint32_t *out)
{
    for (unsigned i = 0; i < N; i++) {
        out[i] = bits_of(fmaf(2.5f, in[i] & 0xffff, in[i] >> 16));
    }
}

static void reference_local_sums(const uint32_t *in, uint32_t *out)
{
    for (unsigned group = 0; group < N; group += GROUP) {
        uint32_t sum = 0;

        for (unsigned i = 0; i < GROUP; i++) {
            sum += in[group + i];
        }
        for (unsigned i = 0; i < GROUP; i++) {
            out[group + i] = sum ^ i;
        }
    }
}

static void reference_atomics(const uint32_t *in, uint32_t *out)
{
    for (unsigned i = 0; i < N; i++) {
        uint32_t *most = &out[256 + in[i] % 256];

        out[in[i] % 256] += in[i];
        *most = in[i] > *most ? in[i] : *most;
        out[512 + in[i] % 256] ^= in[i];
    }
}

static void reference_vectors(const uint32_t *in, uint32_t *out)
{
    for (unsigned i = 0; i < 4 * 1024; i++) {
        int byte = (int32_t)in[i] >> 20;
        uint32_t turned = in[i ^ 3];

        byte = byte < 0 ? 0 : byte > 255 ? 255 : byte;
        out[i] = (turned << 7 | turned >> 25) + byte +
                 (uint32_t)((uint64_t)in[i] * in[i ^ 1] >> 32);
    }
}

static void reference_privates(const uint32_t *in, uint32_t *out)
{
    for (unsigned i = 0; i < N; i++) {
        uint32_t row[32];

        for (unsigned k = 0; k < 32; k++) {
            row[k] = in[(i + k) % N];
        }
        for (unsigned k = 0; k < 32; k++) {
            row[row[k] % 32] += k;
        }
        out[i] = row[in[i] % 32];
    }
}

static const Test tests[] = {
    { "saxpy", reference_saxpy },
    { "local_sums", reference_local_sums },
    { "atomics", reference_atomics },
    { "vectors", reference_vectors },
    { "privates", reference_privates },
};

static bool find_device(Device *device, const char *name)
{
    cl_platform_id platforms[4];
    cl_uint num_platforms = 0;

    memset(device, 0, sizeof(*device));
    clGetPlatformIDs(4, platforms, &num_platforms);
    for (cl_uint p = 0; p < num_platforms && p < 4; p++) {
        cl_device_id ids[8];
        cl_uint count = 0;

        clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, 8, ids, &count);
        for (cl_uint i = 0; i < count && i < 8; i++) {
            clGetDeviceInfo(ids[i], CL_DEVICE_NAME, sizeof(device->name),
                            device->name, NULL);
            if (!strncmp(device->name, name, strlen(name))) {
                device->id = ids[i];
                return true;
            }
            tap_diag("OpenCL device: %s", device->name);
        }
    }
    tap_diag("no OpenCL device has a name that begins with %s", name);
    return false;
}

static cl_int open_device(Device *device)
{
    const char *text = source;
    cl_int error;

    device->context = clCreateContext(NULL, 1, &device->id, NULL, NULL, &error);
    if (error) {
        return error;
    }
    device->queue =
        clCreateCommandQueue(device->context, device->id, 0, &error);
    if (error) {
        return error;
    }
    device->program =
        clCreateProgramWithSource(device->context, 1, &text, NULL, &error);
    error =
        error ? error
              : clBuildProgram(device->program, 1, &device->id, "", NULL, NULL);
    if (error == CL_BUILD_PROGRAM_FAILURE) {
        char log[2000] = "";

        clGetProgramBuildInfo(device->program, device->id, CL_PROGRAM_BUILD_LOG,
                              sizeof(log) - 1, log, NULL);
        tap_diag("%.300s", log);
    }
    return error;
}

static cl_int run_kernel(Device *device, const char *name, const uint32_t *in,
                         uint32_t *out)
{
    const size_t global = N, local = GROUP, size = N * 4;
    cl_int error;
    cl_kernel kernel = clCreateKernel(device->program, name, &error);
    cl_mem from, to;

    if (error) {
        return error;
    }
    from = clCreateBuffer(device->context, CL_MEM_COPY_HOST_PTR, size,
                          (void *)in, NULL);
    to = clCreateBuffer(device->context, CL_MEM_COPY_HOST_PTR, size, out, NULL);
    clSetKernelArg(kernel, 0, sizeof(from), &from);
    clSetKernelArg(kernel, 1, sizeof(to), &to);
    error = clEnqueueNDRangeKernel(device->queue, kernel, 1, NULL, &global,
                                   &local, 0, NULL, NULL);
    error = error ? error
                  : clEnqueueReadBuffer(device->queue, to, CL_TRUE, 0, size,
                                        out, 0, NULL, NULL);
    clReleaseMemObject(from);
    clReleaseMemObject(to);
    clReleaseKernel(kernel);
    return error;
}

static void test_kernel(Device *device, const Test *test, uint32_t number)
{
    static uint32_t in[N], expected[N], found[N];
    static const Tolerance exact = { COMPARE_WORDS, 0, 0 };
    Comparison c = { };
    cl_int error;

    for (unsigned i = 0; i < N; i++) {
        in[i] = (i + 1) * 2654435761u * number;
        expected[i] = found[i] = POISON + i * number;
    }
    test->reference(in, expected);
    error = run_kernel(device, test->name, in, found);
    compare(expected, found, N, &exact, 1, &c);
    if (!tap_ok(!error && !c.wrong, "%s on %.60s", test->name, device->name)) {
        tap_diag("error %d, %llu of %u words differ, the first is number %zu: "
                 "0x%08x in place "
                 "of 0x%08x",
                 error, (unsigned long long)c.wrong, N, c.first, c.found,
                 c.expected);
    }
}

static void test_copies(Device *device)
{
    static uint32_t data[N], back[N];
    cl_int error;
    cl_mem one = clCreateBuffer(device->context, 0, sizeof(data), NULL, &error);
    cl_mem other = clCreateBuffer(device->context, 0, sizeof(data), NULL, NULL);
    uint32_t pattern = 0x600dda7a;
    bool right = !error;

    for (unsigned i = 0; i < N; i++) {
        data[i] = i * 77;
        back[i] = POISON;
    }
    error |= clEnqueueWriteBuffer(device->queue, one, CL_FALSE, 0, sizeof(data),
                                  data, 0, NULL, NULL);
    error |= clEnqueueFillBuffer(device->queue, other, &pattern, 4, 0,
                                 sizeof(data), 0, NULL, NULL);
    error |= clEnqueueCopyBuffer(device->queue, one, other, 400, 800, 4000, 0,
                                 NULL, NULL);
    error |= clEnqueueReadBuffer(device->queue, other, CL_TRUE, 0, sizeof(back),
                                 back, 0, NULL, NULL);
    for (unsigned i = 0; i < N; i++) {
        right &= back[i] == (i >= 200 && i < 1200 ? data[i - 100] : pattern);
    }
    tap_ok(!error && right, "write, fill, copy and read on %.60s",
           device->name);
    clReleaseMemObject(one);
    clReleaseMemObject(other);
}

static void test_device(const char *name, bool must)
{
    Device device;
    cl_int error;

    if (!find_device(&device, name)) {
        if (must) {
            tap_ok(false, "an OpenCL device named %s...", name);
        } else {
            tap_skip("rusticl does not list it", "an OpenCL device named %s...",
                     name);
        }
        return;
    }
    tap_ok(true, "an OpenCL device named %s...", name);
    tap_diag("%s", device.name);
    error = open_device(&device);
    if (!tap_ok(!error, "the program builds for %.60s", device.name)) {
        tap_diag("error %d", error);
        return;
    }
    test_copies(&device);
    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        test_kernel(&device, &tests[i], 2 * i + 3);
    }
}

int main(int argc, char **argv)
{
    tap_start(argc, argv, NULL, "OpenCL kernels on the GPU and on llvmpipe.");
    mesa_environment();
    test_device(GPU_NAME, true);
    test_device(LLVMPIPE_NAME, false);
    return tap_end();
}
