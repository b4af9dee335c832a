// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Atomic operations on signed numbers
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { int data[]; };
layout(set = 0, binding = 1) buffer Out { int all[4]; };

void main()
{
    int number = data[gl_GlobalInvocationID.x];

    atomicMin(all[0], number);
    atomicMax(all[1], number);
    atomicAdd(all[2], number >> 8);
    atomicMin(all[3], -number);
}
