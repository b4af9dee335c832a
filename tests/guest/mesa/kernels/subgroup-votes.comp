// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Votes and ballots
#extension GL_KHR_shader_subgroup_vote : require
#extension GL_KHR_shader_subgroup_ballot : require
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x, number = data[i];
    uvec4 odd = subgroupBallot((number & 1) != 0);

    results[8 * i] = odd.x;
    results[8 * i + 1] = subgroupBallotBitCount(odd);
    results[8 * i + 2] = subgroupBallotExclusiveBitCount(odd);
    results[8 * i + 3] = subgroupBroadcastFirst(number);
    results[8 * i + 4] = subgroupBroadcast(number, 3);
    results[8 * i + 5] = (subgroupAll(number < 0xf0000000u) ? 1 : 0) +
                         (subgroupAny(number > 0xf0000000u) ? 2 : 0) +
                         (subgroupAllEqual(number) ? 4 : 0);
    results[8 * i + 6] = subgroupElect() ? 1 : 0;
    results[8 * i + 7] = gl_SubgroupSize;
}
