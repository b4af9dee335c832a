// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Rounding, conversions, and comparisons, with infinities and zeros among the numbers
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { float data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    float x = data[2 * i], y = data[2 * i + 1];
    // What is outside is undefined
    float inside = clamp(x, -2147483000.0, 2147483000.0);

    results[16 * i] = floatBitsToUint(floor(x));
    results[16 * i + 1] = floatBitsToUint(ceil(x));
    results[16 * i + 2] = floatBitsToUint(trunc(x));
    results[16 * i + 3] = floatBitsToUint(roundEven(x));
    results[16 * i + 4] = uint(int(inside));
    results[16 * i + 5] = uint(abs(inside));
    results[16 * i + 6] = floatBitsToUint(float(floatBitsToInt(x)));
    results[16 * i + 7] = floatBitsToUint(float(floatBitsToUint(x)));
    results[16 * i + 8] = (x < y ? 1 : 0) | (x <= y ? 2 : 0) | (x == y ? 4 : 0) |
                          (x != y ? 8 : 0) | (isnan(x) ? 16 : 0) | (isinf(x) ? 32 : 0);
    results[16 * i + 9] = floatBitsToUint(abs(x)) ^ floatBitsToUint(-y);
    results[16 * i + 10] = floatBitsToUint(clamp(x, -1.0, 1.0));
    results[16 * i + 11] = floatBitsToUint(fract(inside * 0.001));
    results[16 * i + 12] = floatBitsToUint(sign(inside));
    results[16 * i + 13] = packHalf2x16(vec2(clamp(x, -60000.0, 60000.0), 0.25));
    results[16 * i + 14] = floatBitsToUint(unpackHalf2x16(floatBitsToUint(y) & 0xfbff7bff).x);
    results[16 * i + 15] = packSnorm4x8(vec4(clamp(inside, -2.0, 2.0), 0.3, -0.25, 1.0));
}
