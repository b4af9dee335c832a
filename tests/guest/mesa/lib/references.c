/*
 * What each kernel computes, on the CPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static const GpuJob *job_of(const Reference *r)
{
    return &r->kernel->job;
}

static uint32_t words_of(const Reference *r, unsigned buffer)
{
    return r->kernel->buffers[buffer].words;
}

static float *floats(const Reference *r, unsigned buffer)
{
    return (float *)r->data[buffer];
}

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* -- commands without a shader */

void reference_fill(Reference *r)
{
    const uint32_t *push = job_of(r)->push;

    for (uint32_t i = 0; i < push[1] / 4; i++) {
        r->data[0][push[0] / 4 + i] = push[2];
    }
    for (uint32_t i = 0; i < words_of(r, 1); i++) {
        r->data[1][i] = ~push[2];
    }
}

void reference_update(Reference *r)
{
    memcpy(r->data[0] + 1, job_of(r)->push, sizeof(job_of(r)->push));
    memcpy(r->data[0] + 1024 - 16, job_of(r)->push, 64);
}

void reference_copy(Reference *r)
{
    const uint8_t *from = (uint8_t *)r->data[0];
    uint8_t *to = (uint8_t *)r->data[1];

    memcpy(to + 4096, from, 4096);
    memcpy(to + 12, from + 4100, 68);
    memcpy(to + 1025, from + 8191, 3);
    memcpy(to + 8192, from + 8192, 8192);
}

/* -- floating point */

static void saxpy(Reference *r, float a)
{
    for (uint32_t i = 0; i < job_of(r)->push[0]; i++) {
        floats(r, 1)[i] = fmaf(a, floats(r, 0)[i], floats(r, 1)[i]);
    }
}

void reference_saxpy(Reference *r)
{
    saxpy(r, float_of(job_of(r)->push[1]));
}

void reference_saxpy_twice(Reference *r)
{
    saxpy(r, float_of(job_of(r)->push[1]));
    saxpy(r, 2);
}

void reference_sgemm(Reference *r)
{
    uint32_t n = job_of(r)->push[0];

    for (uint32_t y = 0; y < n; y++) {
        for (uint32_t x = 0; x < n; x++) {
            float sum = 0;

            for (uint32_t k = 0; k < n; k++) {
                sum =
                    fmaf(floats(r, 0)[y * n + k], floats(r, 1)[k * n + x], sum);
            }
            floats(r, 2)[y * n + x] = sum;
        }
    }
}

void reference_mandelbrot(Reference *r)
{
    uint32_t width = job_of(r)->push[0], most = job_of(r)->push[1];
    float step = 3.0f / width;

    for (uint32_t i = 0; i < width * width; i++) {
        float cx = i % width * step - 2.25f, cy = i / width * step - 1.5f;
        float zx = 0, zy = 0;
        uint32_t count = 0;

        while (count < most) {
            float square = zy * zy;
            float x = fmaf(zx, zx, cx) - square, y = fmaf(2 * zx, zy, cy);

            zx = x;
            zy = y;
            square = y * y;
            if (fmaf(x, x, square) > 4) {
                break;
            }
            count++;
        }
        r->data[0][i] = count;
    }
}

void reference_nbody(Reference *r)
{
    uint32_t n = job_of(r)->push[0];
    float softening = float_of(job_of(r)->push[1]);
    const float *bodies = floats(r, 0);

    for (uint32_t i = 0; i < n; i++) {
        double sum[3] = { 0, 0, 0 };

        for (uint32_t k = 0; k < n; k++) {
            double d[3], square = softening;

            for (unsigned c = 0; c < 3; c++) {
                d[c] = bodies[4 * k + c] - bodies[4 * i + c];
                square += d[c] * d[c];
            }
            for (unsigned c = 0; c < 3; c++) {
                sum[c] += d[c] * bodies[4 * k + 3] / (square * sqrt(square));
            }
        }
        for (unsigned c = 0; c < 3; c++) {
            floats(r, 1)[4 * i + c] = sum[c];
        }
        floats(r, 1)[4 * i + 3] = 0;
    }
}

/* By its definition, in double precision */
void reference_fft(Reference *r)
{
    const unsigned n = 512;

    for (uint32_t first = 0; first < words_of(r, 0); first += 2 * n) {
        const float *samples = floats(r, 0) + first;

        for (unsigned k = 0; k < n; k++) {
            double re = 0, im = 0;

            for (unsigned t = 0; t < n; t++) {
                double angle = -2 * M_PI * (t * k % n) / n;

                re += samples[2 * t] * cos(angle) -
                      samples[2 * t + 1] * sin(angle);
                im += samples[2 * t] * sin(angle) +
                      samples[2 * t + 1] * cos(angle);
            }
            floats(r, 2)[first + 2 * k] = re;
            floats(r, 2)[first + 2 * k + 1] = im;
        }
    }
}

void reference_maths(Reference *r)
{
    for (uint32_t i = 0; i < words_of(r, 0); i++) {
        double x = floats(r, 0)[i], a = fabs(x);
        const double results[] = {
            sin(x), cos(x), exp2(x), log2(a), exp(x), log(a), sqrt(a),
            1 / sqrt(a), 1 / x, pow(a, 1.75), tan(x * 0.375), atan(x),
            asin(x / 8), tanh(x), x / 3, atan2(x, 2.5),
        };

        for (unsigned k = 0; k < 16; k++) {
            floats(r, 1)[16 * i + k] = results[k];
        }
    }
}

void reference_rounding(Reference *r)
{
    for (uint32_t i = 0; i < words_of(r, 0) / 2; i++) {
        uint32_t xb = r->data[0][2 * i], yb = r->data[0][2 * i + 1];
        float x = float_of(xb), y = float_of(yb);
        float inside = fminf(fmaxf(x, -2147483000.0f), 2147483000.0f);
        float scaled = inside * 0.001f;
        uint32_t *out = r->data[1] + 16 * i;

        out[0] = bits_of(floorf(x));
        out[1] = bits_of(ceilf(x));
        out[2] = bits_of(truncf(x));
        out[3] = bits_of(rintf(x));
        out[4] = (uint32_t)(int32_t)inside;
        out[5] = (uint32_t)fabsf(inside);
        out[6] = bits_of((float)(int32_t)xb);
        out[7] = bits_of((float)xb);
        out[8] = (x < y ? 1 : 0) | (x <= y ? 2 : 0) | (x == y ? 4 : 0) |
                 (x != y ? 8 : 0) | (isnan(x) ? 16 : 0) | (isinf(x) ? 32 : 0);
        out[9] = bits_of(fabsf(x)) ^ bits_of(-y);
        out[10] = bits_of(fminf(fmaxf(x, -1), 1));
        out[11] = bits_of(scaled - floorf(scaled));
        out[12] = bits_of(inside > 0 ? 1 : inside < 0 ? -1 : 0);
        out[13] = float_to_half(fminf(fmaxf(x, -60000), 60000)) |
                  (uint32_t)float_to_half(0.25f) << 16;
        out[14] = bits_of(half_to_float(yb & 0x7bff));
        out[15] =
            ((uint32_t)(int)rintf(fminf(fmaxf(inside, -1), 1) * 127) & 0xff) |
            38 << 8 | (uint32_t)(-32 & 0xff) << 16 | 127u << 24;
    }
}

/* -- shared memory and atomics */

void reference_reduce(Reference *r)
{
    for (uint32_t group = 0; group < words_of(r, 0) / 256; group++) {
        const uint32_t *numbers = r->data[0] + 256 * group;
        uint32_t sum = 0, least = UINT32_MAX, most = 0;

        for (unsigned i = 0; i < 256; i++) {
            sum += numbers[i];
            least = MIN(least, numbers[i]);
            most = MAX(most, numbers[i]);
        }
        r->data[1][3 * group] = sum;
        r->data[1][3 * group + 1] = least;
        r->data[1][3 * group + 2] = most;
    }
}

void reference_scan(Reference *r)
{
    uint32_t n = words_of(r, 0), sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        sum += r->data[0][i];
        r->data[0][i] = sum;
        if (i % 256 == 255 || i == n - 1) {
            r->data[1][i / 256] = sum;
        }
    }
}

void reference_histogram(Reference *r)
{
    const uint8_t *bytes = (uint8_t *)r->data[0];

    for (uint32_t i = 0; i < 4 * words_of(r, 0); i++) {
        r->data[1][bytes[i]]++;
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

    return (one > other) - (one < other);
}

void reference_radix(Reference *r)
{
    qsort(r->data[0], words_of(r, 0), sizeof(uint32_t), by_number);
}

void reference_barriers(Reference *r)
{
    for (uint32_t group = 0; group < words_of(r, 0) / 128; group++) {
        uint32_t row[128], next[128];

        memcpy(row, r->data[0] + 128 * group, sizeof(row));
        for (uint32_t k = 0; k < 3 + group % 5; k++) {
            for (unsigned i = 0; i < 128; i++) {
                uint32_t neighbour = row[(i + 1) % 128];

                next[i] = row[i] & 1 ? row[i] * 5 + neighbour
                                     : row[i] / 2 ^ neighbour;
            }
            for (unsigned i = 0; i < 128; i++) {
                row[i] = next[i] + (k % 2 == 1 ? next[127 - i] : 0);
            }
        }
        memcpy(r->data[1] + 128 * group, row, sizeof(row));
    }
}

/* Those that do not return anything, of all invocations in any order */
static void atomics_of_all(uint32_t *all, uint32_t number)
{
    all[0] += number;
    all[1] = MIN(all[1], number);
    all[2] = MAX(all[2], number);
    all[3] &= number | 0xff0000ff;
    all[4] |= number & 0x0ff00ff0;
    all[5] ^= number;
    all[6]++;
    all[7]--;
    all[8] += all[9]++;
    all[10] += number & 15;
    all[11] += number;
    all[12] = MAX(all[12], number);
    all[14]++;
}

void reference_atomics(Reference *r)
{
    uint32_t *all = r->data[1], *own = all + 16;

    for (uint32_t i = 0; i < words_of(r, 0); i++) {
        uint32_t number = r->data[0][i], old = own[4 * i + 3];

        atomics_of_all(all, number);
        all[13] ^= number;
        own[4 * i] = own[4 * i + 1];
        own[4 * i + 1] = number;
        own[4 * i + 2] = old;
        own[4 * i + 3] = i % 2 == 0 ? number : old;
    }
}

void reference_signed_atomics(Reference *r)
{
    int32_t *all = (int32_t *)r->data[1];

    for (uint32_t i = 0; i < words_of(r, 0); i++) {
        int32_t number = r->data[0][i], less = -(uint32_t)number;

        all[0] = MIN(all[0], number);
        all[1] = MAX(all[1], number);
        all[2] += (uint32_t)(number >> 8);
        all[3] = MIN(all[3], less);
    }
}

void reference_atomics64(Reference *r)
{
    const uint64_t *data = (uint64_t *)r->data[0];
    uint64_t *all = (uint64_t *)r->data[1], *own = all + 8;

    for (uint32_t i = 0; i < words_of(r, 0) / 2; i++) {
        uint64_t number = data[i];

        all[0] += number;
        all[1] = MIN(all[1], number);
        all[2] = MAX(all[2], number);
        all[3] &= number | 0xff0000ff000000ff;
        all[4] |= number & 0x0ff00ff00ff00ff0;
        all[5] ^= number;
        own[2 * i] = own[2 * i + 1];
        own[2 * i + 1] = number;
    }
}

void reference_many(Reference *r)
{
    const uint32_t *groups = job_of(r)->groups;

    for (uint32_t y = 0; y < groups[1]; y++) {
        for (uint32_t x = 0; x < groups[0]; x++) {
            r->data[0][(x + y) % 64]++;
        }
    }
}

/* -- images */

static const uint8_t *texel(const Reference *r, int x, int y)
{
    const GpuImage *image = &job_of(r)->images[2];

    return (uint8_t *)(r->data[2] + y * image->width + x);
}

void reference_convolve(Reference *r)
{
    static const unsigned weights[] = { 1, 2, 1, 2, 4, 2, 1, 2, 1 };
    int width = job_of(r)->images[0].width,
        height = job_of(r)->images[0].height;

    for (int i = 0; i < width * height; i++) {
        for (unsigned c = 0; c < 4; c++) {
            unsigned sum = 8;

            for (int k = 0; k < 9; k++) {
                int x = MIN(MAX(i % width + k % 3 - 1, 0), width - 1);
                int y = MIN(MAX(i / width + k / 3 - 1, 0), height - 1);

                sum +=
                    ((uint8_t *)(r->data[2] + y * width + x))[c] * weights[k];
            }
            ((uint8_t *)(r->data[3] + i))[c] = sum / 16;
        }
    }
}

void reference_fetch(Reference *r)
{
    const GpuImage *image = &job_of(r)->images[2];
    float *out = floats(r, 1);

    for (uint32_t i = 0; i < image->width * image->height; i++) {
        for (unsigned c = 0; c < 4; c++) {
            float value;

            if (image->format == VK_FORMAT_R8G8B8A8_UNORM) {
                value = ((uint8_t *)(r->data[2] + i))[c] / 255.0f;
            } else if (image->format == VK_FORMAT_R32_SFLOAT) {
                value = c == 0 ? floats(r, 2)[i] : c == 3;
            } else {
                value = floats(r, 2)[4 * i + c];
            }
            out[4 * i + c] = value;
        }
    }
}

/* The place of a texel within an image, or -1 for the border */
static int wrapped(int at, int size, VkSamplerAddressMode mode)
{
    int within = ((at % (2 * size)) + 2 * size) % (2 * size);

    switch (mode) {
    case VK_SAMPLER_ADDRESS_MODE_REPEAT:
        return within % size;
    case VK_SAMPLER_ADDRESS_MODE_MIRRORED_REPEAT:
        return within < size ? within : 2 * size - 1 - within;
    case VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE:
        return MIN(MAX(at, 0), size - 1);
    default:
        return at < 0 || at >= size ? -1 : at;
    }
}

static double channel(const Reference *r, int x, int y, unsigned c)
{
    const GpuImage *image = &job_of(r)->images[2];

    x = wrapped(x, image->width, image->wrap);
    y = wrapped(y, image->height, image->wrap);
    return x < 0 || y < 0 ? 1 : texel(r, x, y)[c] / 255.0;
}

void reference_sample(Reference *r)
{
    const GpuImage *image = &job_of(r)->images[2];

    for (uint32_t i = 0; i < words_of(r, 0) / 2; i++) {
        double x = floats(r, 0)[2 * i] * image->width;
        double y = floats(r, 0)[2 * i + 1] * image->height;
        bool linear = image->filter == VK_FILTER_LINEAR;
        int left = floor(linear ? x - 0.5 : x),
            top = floor(linear ? y - 0.5 : y);
        double u = x - 0.5 - left, v = y - 0.5 - top;

        for (unsigned c = 0; c < 4; c++) {
            floats(r, 1)[4 * i + c] = !linear ? channel(r, left, top, c) :
                (1 - v) * ((1 - u) * channel(r, left, top, c) +
                           u * channel(r, left + 1, top, c)) +
                v * ((1 - u) * channel(r, left, top + 1, c) +
                     u * channel(r, left + 1, top + 1, c));
        }
    }
}

/* -- integers, and other widths */

void reference_bytes(Reference *r)
{
    const uint8_t *data = (uint8_t *)r->data[0];
    uint8_t *sums = (uint8_t *)r->data[1];

    for (uint32_t i = 0; i < 4 * words_of(r, 0); i++) {
        uint8_t next = data[i ^ 1];

        if (i % 3 != 0) {
            sums[i] = data[i] + next * 3;
        }
        r->data[2][i] = (int8_t)data[i] - next;
    }
}

void reference_shorts(Reference *r)
{
    const uint16_t *data = (uint16_t *)r->data[0];
    uint16_t *products = (uint16_t *)r->data[1];

    for (uint32_t i = 0; i < 2 * words_of(r, 0); i++) {
        uint16_t next = data[i ^ 1];
        int16_t x = MAX((int16_t)data[i], -100) - 5,
                y = MAX((int16_t)next, -100) - 5;

        if (i % 3 != 0) {
            products[i] = (uint32_t)data[i] * next + 7;
        }
        r->data[2][i] = x * 3 + (y >> 2);
    }
}

void reference_halves(Reference *r)
{
    const uint16_t *data = (uint16_t *)r->data[0];
    uint16_t *out = (uint16_t *)r->data[1];

    for (uint32_t i = 0; i < words_of(r, 0); i++) {
        /* Lane i % 2 of the pairs 2 * (i / 2) and the next one */
        float a = half_to_float(data[4 * (i / 2) + i % 2]);
        float b = half_to_float(data[4 * (i / 2) + 2 + i % 2]);
        uint16_t *to = out + 8 * (i / 2) + i % 2;

        to[0] = float_to_half(a + b);
        to[2] = float_to_half(a * b);
        to[4] = float_to_half(a * b + (i % 2 ? -2 : 1));
        to[6] = float_to_half(a < 0.5f ? fmaxf(a, b) : fminf(a, b));
    }
}

void reference_storage16(Reference *r)
{
    const uint16_t *data = (uint16_t *)r->data[0];

    for (uint32_t i = 0; i < 2 * words_of(r, 0); i++) {
        ((uint16_t *)r->data[1])[i] =
            float_to_half(half_to_float(data[i]) * 0.5f + 1);
    }
}

void reference_longs(Reference *r)
{
    const uint64_t *data = (uint64_t *)r->data[0];

    for (uint32_t i = 0; i < words_of(r, 0) / 4; i++) {
        uint64_t a = data[2 * i], b = data[2 * i + 1];
        int64_t s = a, t = b;
        uint64_t *out = (uint64_t *)r->data[1] + 8 * i;

        out[0] = a + b;
        out[1] = a - b;
        out[2] = a * b;
        out[3] = a << (b & 63);
        out[4] = s >> (b & 63);
        out[5] = (uint64_t)MIN(s, t) ^ MAX(a, b);
        out[6] = a / (b >> 40 | 1);
        out[7] = (s >> 1 & 0x3fffffffffffffff) % (int64_t)(b >> 33 | 1);
    }
}

static uint32_t bit_field(uint32_t word, unsigned at, unsigned bits)
{
    return word >> at & (uint32_t)((1ull << bits) - 1);
}

static uint32_t reversed(uint32_t word)
{
    uint32_t result = 0;

    for (unsigned i = 0; i < 32; i++) {
        result |= (word >> i & 1) << (31 - i);
    }
    return result;
}

static uint32_t top_bit(uint32_t word)
{
    return word ? 31u - __builtin_clz(word) : UINT32_MAX;
}

static void divisions(uint32_t a, uint32_t b, uint32_t *out)
{
    int64_t s = (int32_t)a, t = (int32_t)b;
    uint64_t product = (uint64_t)a * b;

    out[0] = a / (b | 1);
    out[1] = a % (b >> 12 | 1);
    out[2] = s / (t >> 8 | 1);
    out[3] = llabs(s >> 1) % (llabs(t >> 9) | 1);
    out[4] = product >> 32;
    out[5] = product;
    out[6] = (s * t) >> 32;
    out[7] = (a + b) ^ (a + b < a);
    out[8] = (a - b) + (a < b);
}

static void bit_fields(uint32_t a, uint32_t b, uint32_t *out)
{
    unsigned at = b & 15, bits = (b >> 4 & 15) + 1;
    uint32_t mask = (uint32_t)((1ull << bits) - 1) << at,
             sign = 1u << (bits - 1);
    uint32_t shifted = a >> (b & 31);
    int32_t signed_shift = (int32_t)a >> (b & 31);

    out[9] = bit_field(a, at, bits);
    out[10] = (bit_field(a, at, bits) ^ sign) - sign;
    out[11] = (a & ~mask) | (b << at & mask);
    out[12] = reversed(a);
    out[13] = __builtin_popcount(a);
    out[14] = shifted ? (uint32_t)__builtin_ctz(shifted) : UINT32_MAX;
    out[15] = top_bit(shifted);
    out[16] = top_bit(signed_shift < 0 ? ~signed_shift : signed_shift);
    out[17] = (uint32_t)signed_shift ^ a << (b & 31);
}

void reference_integers(Reference *r)
{
    for (uint32_t i = 0; i < words_of(r, 0) / 2; i++) {
        uint32_t a = r->data[0][2 * i], b = r->data[0][2 * i + 1];
        int32_t s = a, t = b;
        uint32_t *out = r->data[1] + 24 * i;

        divisions(a, b, out);
        bit_fields(a, b, out);
        out[18] = (uint32_t)MIN(s, t) + (uint32_t)MAX(s, t) * 3;
        out[19] = MIN(a, b) * 3 + MAX(a, b);
        out[20] = (a & ~b) | (~a ^ b);
        out[21] = (uint32_t)((s > 0) - (s < 0)) + (t < 0 ? -b : b);
        out[22] = MIN(MAX(a, b & 0xffff), b | 0xffff0000);
        out[23] = (s < t ? 1 : 0) | (a < b ? 2 : 0) | (s >= 0 ? 4 : 0) |
                  (a == b ? 8 : 0);
    }
}

void reference_vectors(Reference *r)
{
    for (uint32_t i = 0; i < words_of(r, 0); i += 8) {
        const uint32_t *in = r->data[0] + i;
        uint32_t *out = r->data[1] + i;

        out[0] = in[2];
        out[1] = in[0];
        out[2] = in[1];
        out[3] = in[5];
        out[4] = in[3];
        out[5] = in[1];
    }
}

/* -- subgroups: consecutive invocations of a workgroup of 64 */

static void subgroup_sum(const uint32_t *data, unsigned size, uint32_t *out)
{
    uint32_t all = 0, least = UINT32_MAX, most = 0, bits = 0, some = 0,
             before = 0;

    for (unsigned i = 0; i < size; i++) {
        all += data[i];
        least = MIN(least, data[i]);
        most = MAX(most, data[i]);
        bits ^= data[i];
        some += data[i] % 3 != 0 ? data[i] : 0;
    }
    for (unsigned i = 0; i < size; i++) {
        const uint32_t row[] = {
            all, before + data[i], before, least, most, bits,
            data[i] % 3 != 0 ? some : 0, size,
        };

        memcpy(out + 8 * i, row, sizeof(row));
        before += data[i];
    }
}

void reference_subgroup_sums(Reference *r)
{
    for (uint32_t i = 0; i < words_of(r, 0); i += r->subgroup) {
        subgroup_sum(r->data[0] + i, r->subgroup, r->data[1] + 8 * i);
    }
}

static void subgroup_vote(const uint32_t *data, unsigned size, uint32_t *out)
{
    uint32_t odd = 0, votes = 1 | 4;

    for (unsigned i = 0; i < size; i++) {
        odd |= (data[i] & 1) << i;
        votes &= data[i] < 0xf0000000 ? ~0u : ~1u;
        votes |= data[i] > 0xf0000000 ? 2 : 0;
        votes &= data[i] == data[0] ? ~0u : ~4u;
    }
    for (unsigned i = 0; i < size; i++) {
        const uint32_t row[] = {
            odd,
            __builtin_popcount(odd),
            __builtin_popcount(odd & ((1u << i) - 1)),
            data[0],
            data[3],
            votes,
            i == 0,
            size,
        };

        memcpy(out + 8 * i, row, sizeof(row));
    }
}

void reference_subgroup_votes(Reference *r)
{
    for (uint32_t i = 0; i < words_of(r, 0); i += r->subgroup) {
        subgroup_vote(r->data[0] + i, r->subgroup, r->data[1] + 8 * i);
    }
}

void reference_subgroup_shuffles(Reference *r)
{
    unsigned size = r->subgroup;

    for (uint32_t first = 0; first < words_of(r, 0); first += size) {
        const uint32_t *data = r->data[0] + first;

        for (unsigned i = 0; i < size; i++) {
            const uint32_t row[] = {
                data[(i * 5 + 3) % size],
                data[i ^ 3],
                i >= 3 ? data[i - 3] : 0,
                i + 2 < size ? data[i + 2] : 0,
                data[(i & ~3u) + 2],
                data[i ^ 1],
                data[i ^ 3],
                size,
            };

            memcpy(r->data[1] + 8 * (first + i), row, sizeof(row));
        }
    }
}

/* -- dispatches, constants, control flow */

void reference_where(Reference *r)
{
    const uint32_t *groups = job_of(r)->groups;
    uint32_t size[3] = { 4 * groups[0], 3 * groups[1], 2 * groups[2] };

    for (uint32_t i = 0; i < size[0] * size[1] * size[2]; i++) {
        uint32_t x = i % size[0], y = i / size[0] % size[1],
                 z = i / size[0] / size[1];

        r->data[0][2 * i] = x | y << 10 | z << 20;
        r->data[0][2 * i + 1] = (z % 2 * 3 + y % 3) * 4 + x % 4 +
                                (x / 4 << 8 | y / 3 << 16 | z / 2 << 24);
    }
}

void reference_specialised(Reference *r)
{
    const uint32_t *constants = job_of(r)->constants;

    for (uint32_t i = 0; i < words_of(r, 0); i++) {
        uint32_t number = r->data[0][i] & 0xfff;

        number = constants[2] ? number * number : number;
        r->data[1][2 * i] = number * constants[1] + constants[0];
        r->data[1][2 * i + 1] = bits_of(number + float_of(constants[3]));
    }
}

void reference_pushed(Reference *r)
{
    const uint32_t *push = job_of(r)->push;

    for (uint32_t i = 0; i < words_of(r, 0); i++) {
        r->data[0][i] = push[i * 7 % 32] ^ push[3] ^ push[31] << 1;
    }
}

void reference_robust(Reference *r)
{
    uint32_t n = job_of(r)->push[0];

    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i + n / 2, constant = 4 * (i % 8) + 1;

        r->data[1][i] = (at < n ? r->data[0][at] : 0) +
                        (constant < 16 ? r->data[3][constant] : 0);
    }
}

void reference_spill(Reference *r)
{
    for (uint32_t i = 0; i < words_of(r, 1); i++) {
        uint32_t row[128], many[96], sum = 0;

        for (uint32_t k = 0; k < 128; k++) {
            row[k] = r->data[0][(i + k * 3) & 1023];
        }
        for (uint32_t k = 0; k < 128; k++) {
            row[row[k] & 127] += row[k] ^ k;
        }
        for (uint32_t k = 0; k < 96; k += 8) {
            const uint32_t *from = row + k;
            const uint32_t eight[] = {
                from[0] * 3, from[1] ^ i, from[2] + i, ~from[3],
                from[4] >> 3, from[5] * i, from[6] | i, from[7] - i,
            };

            memcpy(many + k, eight, sizeof(eight));
        }
        for (uint32_t k = 0; k < 96; k++) {
            sum = sum * 31 + (many[k] ^ many[95 - k]);
        }
        r->data[1][i] = sum;
    }
}

void reference_early(Reference *r)
{
    for (uint32_t i = 0; i < words_of(r, 0); i++) {
        uint32_t number = r->data[0][i], k;

        if (number % 5 == 0) {
            continue;
        }
        r->data[1][2 * i] = number / 5;
        for (k = 0; k < 20 && number % 7 != k; k++) {
            number = number / 3 + k;
        }
        if (k == 20) {
            r->data[1][2 * i + 1] = number;
        }
    }
}

static uint32_t divergent_step(uint32_t sum, uint32_t number, uint32_t left,
                               uint32_t k)
{
    switch ((left + k) % 6) {
    case 0:
        return sum + left;
    case 1:
        return (sum ^ number) * 3 + 1;
    case 2:
        return sum * 3 + 1;
    case 3:
        return sum % 2 == 0 ? sum : sum + 5 - k;
    default:
        return sum - k;
    }
}

void reference_divergent(Reference *r)
{
    for (uint32_t i = 0; i < words_of(r, 0); i++) {
        uint32_t number = r->data[0][i], sum = 0;

        for (uint32_t k = 0; k < number % 13; k++) {
            uint32_t left = number % (k + 7);

            do {
                sum = divergent_step(sum, number, left, k);
            } while (sum % 31 != 30 && left-- > 0);
            if (sum % 29 != 28) {
                sum = sum << 5 | sum >> 27;
            }
        }
        r->data[1][i] = sum;
    }
}

void reference_pointers(Reference *r)
{
    for (uint32_t i = 0; i < words_of(r, 1); i++) {
        uint32_t at = 0, sum = 0;

        for (uint32_t k = 0; k < job_of(r)->push[2] + i % 8; k++) {
            sum = sum * 3 + r->data[0][at / 4 + 2];
            at = r->data[0][at / 4];
        }
        r->data[1][i] = sum;
    }
}
