// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Many small workgroups, which count themselves
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer Out { uint counts[64]; };

void main()
{
    if (gl_LocalInvocationIndex == 0) {
        atomicAdd(counts[(gl_WorkGroupID.x + gl_WorkGroupID.y) % 64], 1);
    }
}
