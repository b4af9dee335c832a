// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// The sum, the least and the greatest of each 256 numbers
layout(local_size_x = 256) in;
layout(set = 0, binding = 0) readonly buffer In { uint numbers[]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint results[]; };
shared uint sums[256];
shared uint least[256];
shared uint most[256];

void main()
{
    uint i = gl_LocalInvocationIndex, number = numbers[gl_GlobalInvocationID.x];

    sums[i] = number;
    least[i] = number;
    most[i] = number;
    for (uint half_size = 128; half_size > 0; half_size /= 2) {
        barrier();
        if (i < half_size) {
            sums[i] += sums[i + half_size];
            least[i] = min(least[i], least[i + half_size]);
            most[i] = max(most[i], most[i + half_size]);
        }
    }
    if (i == 0) {
        results[3 * gl_WorkGroupID.x] = sums[0];
        results[3 * gl_WorkGroupID.x + 1] = least[0];
        results[3 * gl_WorkGroupID.x + 2] = most[0];
    }
}
