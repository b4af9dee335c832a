// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// 16-bit floating point: arithmetic, comparisons, and what does not fit
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { f16vec2 data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { f16vec2 results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    f16vec2 a = data[2 * i], b = data[2 * i + 1];

    precise f16vec2 sum = a + b;
    precise f16vec2 product = a * b;

    results[4 * i] = sum;
    results[4 * i + 1] = product;
    results[4 * i + 2] = fma(a, b, f16vec2(1.0hf, -2.0hf));
    results[4 * i + 3] = mix(min(a, b), max(a, b), lessThan(a, f16vec2(0.5hf)));
}
