/*
 * How far two results are apart
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <math.h>
#include <string.h>

#include "compare.h"

#define FLOAT_SIGN  0x80000000u
#define HALF_SIGN   0x8000u

float half_to_float(uint16_t half)
{
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    float value;

    if (exponent == 31) {
        value = mantissa ? NAN : INFINITY;
    } else if (exponent) {
        value = ldexpf(mantissa + 1024, exponent - 25);
    } else {
        value = ldexpf(mantissa, -24);
    }
    return half & HALF_SIGN ? -value : value;
}

uint16_t float_to_half(float value)
{
    uint16_t sign = signbit(value) ? HALF_SIGN : 0;
    float rounded;
    int exponent;

    value = fabsf(value);
    if (isnan(value)) {
        return sign | 0x7e00;
    }
    if (value >= 65520) {
        return sign | 0x7c00;
    }
    frexpf(value, &exponent);
    exponent = exponent < -13 ? -13 : exponent;
    rounded = nearbyintf(ldexpf(value, 11 - exponent));
    if (rounded < 1024) {
        return sign | (uint16_t)rounded;        /* subnormal */
    }
    return sign + (uint16_t)((exponent + 13) * 1024 + (int)rounded);
}

/* So that neighbours among the numbers are neighbours among the integers */
static int64_t ordered(uint32_t bits, uint32_t sign)
{
    return bits & sign ? -(int64_t)(bits & (sign - 1)) : bits;
}

static double to_float(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static double distance(uint32_t a, uint32_t b, uint32_t sign)
{
    return fabs((double)(ordered(a, sign) - ordered(b, sign)));
}

static bool near(double a, double b, double distance, const Tolerance *t,
                 double *worst)
{
    if ((isnan(a) && isnan(b)) || distance == 0) {
        return true;
    }
    if (isnan(a) || isnan(b)) {
        *worst = INFINITY;
        return false;
    }
    if (distance > *worst && fabs(a - b) > t->absolute) {
        *worst = distance;
    }
    return distance <= t->distance || fabs(a - b) <= t->absolute;
}

static bool near_word(uint32_t a, uint32_t b, const Tolerance *t, double *worst)
{
    switch (t->kind) {
    case COMPARE_FLOATS:
        return near(to_float(a), to_float(b), distance(a, b, FLOAT_SIGN), t,
                    worst);
    case COMPARE_HALVES:
        for (unsigned i = 0; i < 2; i++, a >>= 16, b >>= 16) {
            if (!near(half_to_float(a), half_to_float(b),
                      distance(a & 0xffff, b & 0xffff, HALF_SIGN), t, worst)) {
                return false;
            }
        }
        return true;
    default:
        return near(a, b, fabs((double)a - b), t, worst);
    }
}

void compare(const uint32_t *expected, const uint32_t *found, size_t words,
             const Tolerance *tolerances, unsigned num, Comparison *comparison)
{
    for (size_t i = 0; i < words; i++) {
        if (expected[i] != found[i] &&
            !near_word(expected[i], found[i], &tolerances[i % num],
                       &comparison->worst) &&
            !comparison->wrong++) {
            comparison->first = i;
            comparison->expected = expected[i];
            comparison->found = found[i];
        }
    }
}
