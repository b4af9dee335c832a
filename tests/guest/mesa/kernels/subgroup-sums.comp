// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Sums and the like over a subgroup; its size comes from the device
#extension GL_KHR_shader_subgroup_arithmetic : require
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x, number = data[i];

    results[8 * i] = subgroupAdd(number);
    results[8 * i + 1] = subgroupInclusiveAdd(number);
    results[8 * i + 2] = subgroupExclusiveAdd(number);
    results[8 * i + 3] = subgroupMin(number);
    results[8 * i + 4] = subgroupMax(number);
    results[8 * i + 5] = subgroupXor(number);
    results[8 * i + 6] = 0;
    if (number % 3 != 0) {
        results[8 * i + 6] = subgroupAdd(number);
    }
    results[8 * i + 7] = gl_SubgroupSize;
}
