// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Atomic operations on 64 bits
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_shader_atomic_int64 : require
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint64_t data[]; };
layout(set = 0, binding = 1) buffer Out { uint64_t all[8]; uint64_t own[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint64_t number = data[i];

    atomicAdd(all[0], number);
    atomicMin(all[1], number);
    atomicMax(all[2], number);
    atomicAnd(all[3], number | 0xff0000ff000000fful);
    atomicOr(all[4], number & 0x0ff00ff00ff00ff0ul);
    atomicXor(all[5], number);
    own[2 * i] = atomicExchange(own[2 * i + 1], number);
}
