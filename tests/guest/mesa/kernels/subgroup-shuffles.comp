// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Numbers of other invocations of the subgroup, and of the quad
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_KHR_shader_subgroup_shuffle_relative : require
#extension GL_KHR_shader_subgroup_quad : require
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x, number = data[i], id = gl_SubgroupInvocationID;
    // All take part: what an invocation that does not has, nobody may read.
    uint below = subgroupShuffleUp(number, 3), above = subgroupShuffleDown(number, 2);

    results[8 * i] = subgroupShuffle(number, (id * 5 + 3) % gl_SubgroupSize);
    results[8 * i + 1] = subgroupShuffleXor(number, 3);
    results[8 * i + 2] = id >= 3 ? below : 0;
    results[8 * i + 3] = id + 2 < gl_SubgroupSize ? above : 0;
    results[8 * i + 4] = subgroupQuadBroadcast(number, 2);
    results[8 * i + 5] = subgroupQuadSwapHorizontal(number);
    results[8 * i + 6] = subgroupQuadSwapDiagonal(number);
    results[8 * i + 7] = gl_SubgroupSize;
}
