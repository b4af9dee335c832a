// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Functions that are computed from tables and polynomials
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { float data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { float results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    float x = data[i];

    results[16 * i] = sin(x);
    results[16 * i + 1] = cos(x);
    results[16 * i + 2] = exp2(x);
    results[16 * i + 3] = log2(abs(x));
    results[16 * i + 4] = exp(x);
    results[16 * i + 5] = log(abs(x));
    results[16 * i + 6] = sqrt(abs(x));
    results[16 * i + 7] = inversesqrt(abs(x));
    results[16 * i + 8] = 1.0 / x;
    results[16 * i + 9] = pow(abs(x), 1.75);
    results[16 * i + 10] = tan(x * 0.375);
    results[16 * i + 11] = atan(x);
    results[16 * i + 12] = asin(x / 8.0);
    results[16 * i + 13] = tanh(x);
    results[16 * i + 14] = x / 3.0;
    results[16 * i + 15] = atan(x, 2.5);
}
