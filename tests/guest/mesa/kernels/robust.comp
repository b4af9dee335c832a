// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Reads and writes beyond a buffer: nothing comes of them
layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint n; };
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) buffer Out { uint results[]; };
layout(set = 0, binding = 7) uniform Constants { uvec4 constants[4]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;

    // Twice as many invocations as numbers, and far away
    results[i] = data[i + n / 2] + constants[i % 8].y;
    results[i + 0x100000] = 1;
}
