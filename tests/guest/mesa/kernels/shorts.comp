// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// 16-bit memory: products that wrap, signed and unsigned, and pairs
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_16bit_storage : require
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint16_t data[]; };
layout(set = 0, binding = 1) buffer Out { uint16_t products[]; };
layout(set = 0, binding = 2) writeonly buffer Wide { int wide[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint16_t next = data[i ^ 1];
    i16vec2 pair = i16vec2(int16_t(data[i]), int16_t(next));

    if (i % 3 != 0) {
        products[i] = uint16_t(data[i] * next + uint16_t(7));
    }
    pair = max(pair, i16vec2(-100)) - i16vec2(5);
    wide[i] = int(pair.x) * 3 + int(pair.y >> 2s);
}
