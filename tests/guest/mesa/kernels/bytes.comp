// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// 8-bit memory: sums that wrap, signed and unsigned, and a store next to others' bytes
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_EXT_shader_8bit_storage : require
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint8_t data[]; };
layout(set = 0, binding = 1) buffer Out { uint8_t sums[]; };
layout(set = 0, binding = 2) writeonly buffer Wide { int wide[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint8_t next = data[i ^ 1];

    if (i % 3 != 0) {
        sums[i] = uint8_t(data[i] + next * uint8_t(3));
    }
    wide[i] = int(int8_t(data[i])) - int(next);
}
