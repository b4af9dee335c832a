// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// How many keys of each block have each of 16 digits: counts[digit][block]
layout(local_size_x = 256) in;
layout(push_constant) uniform Push { uint n; uint shift; uint blocks; uint flip; };
layout(set = 0, binding = 0) readonly buffer Keys { uint keys[]; };
layout(set = 0, binding = 1) readonly buffer Sorted { uint sorted[]; };
layout(set = 0, binding = 2) writeonly buffer Counts { uint counts[]; };
shared uint mine[16];

void main()
{
    uint i = gl_LocalInvocationIndex, at = gl_GlobalInvocationID.x;

    if (i < 16) {
        mine[i] = 0;
    }
    barrier();
    if (at < n) {
        uint key = flip == 0 ? keys[at] : sorted[at];

        atomicAdd(mine[(key >> shift) & 15], 1);
    }
    barrier();
    if (i < 16) {
        counts[i * blocks + gl_WorkGroupID.x] = mine[i];
    }
}
