// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// All 128 bytes of push constants that every device has, by a changing index
layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint words[32]; };
layout(set = 0, binding = 0) writeonly buffer Out { uint results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;

    results[i] = words[(i * 7) % 32] ^ words[3] ^ (words[31] << 1);
}
