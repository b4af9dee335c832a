// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// How often each byte occurs: counted in shared memory, then added up in the buffer
layout(local_size_x = 256) in;
layout(push_constant) uniform Push { uint words; };
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) buffer Out { uint counts[256]; };
shared uint mine[256];

void main()
{
    uint i = gl_LocalInvocationIndex;
    uint stride = gl_NumWorkGroups.x * gl_WorkGroupSize.x;

    mine[i] = 0;
    barrier();
    for (uint at = gl_GlobalInvocationID.x; at < words; at += stride) {
        uint word = data[at];

        atomicAdd(mine[word & 0xff], 1);
        atomicAdd(mine[(word >> 8) & 0xff], 1);
        atomicAdd(mine[(word >> 16) & 0xff], 1);
        atomicAdd(mine[word >> 24], 1);
    }
    barrier();
    atomicAdd(counts[i], mine[i]);
}
