// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// 64-bit integers
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint64_t data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint64_t results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint64_t a = data[2 * i], b = data[2 * i + 1];
    int64_t s = int64_t(a), t = int64_t(b);

    results[8 * i] = a + b;
    results[8 * i + 1] = a - b;
    results[8 * i + 2] = a * b;
    results[8 * i + 3] = a << uint(b & 63ul);
    results[8 * i + 4] = uint64_t(s >> uint(b & 63ul));
    results[8 * i + 5] = uint64_t(s < t ? s : t) ^ (a > b ? a : b);
    results[8 * i + 6] = a / ((b >> 40) | 1ul);
    results[8 * i + 7] = uint64_t((s >> 1 & 0x3fffffffffffffffl) % int64_t((b >> 33) | 1ul));
}
