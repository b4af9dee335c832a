// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// 16-bit floating point in memory only: read, computed in 32 bits, written
#extension GL_EXT_shader_16bit_storage : require
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { f16vec2 data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { f16vec2 results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;

    results[i] = f16vec2(vec2(data[i]) * 0.5 + vec2(1.0));
}
