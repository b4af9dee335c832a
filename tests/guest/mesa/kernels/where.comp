// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Where each invocation is: for indirect dispatches and grids with an odd shape
layout(local_size_x = 4, local_size_y = 3, local_size_z = 2) in;
layout(set = 0, binding = 0) writeonly buffer Out { uint results[]; };

void main()
{
    uvec3 size = gl_NumWorkGroups * gl_WorkGroupSize, at = gl_GlobalInvocationID;
    uint i = (at.z * size.y + at.y) * size.x + at.x;

    results[2 * i] = at.x | (at.y << 10) | (at.z << 20);
    results[2 * i + 1] = gl_LocalInvocationIndex | (gl_WorkGroupID.x << 8) |
                         (gl_WorkGroupID.y << 16) | (gl_WorkGroupID.z << 24);
}
