// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Add what comes before its block to each number
layout(local_size_x = 256) in;
layout(push_constant) uniform Push { uint n; };
layout(set = 0, binding = 0) buffer Numbers { uint numbers[]; };
layout(set = 0, binding = 1) readonly buffer Sums { uint sums[]; };

void main()
{
    uint at = gl_GlobalInvocationID.x;

    if (gl_WorkGroupID.x > 0 && at < n) {
        numbers[at] += sums[gl_WorkGroupID.x - 1];
    }
}
