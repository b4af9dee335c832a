// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Barriers in a loop whose length the whole workgroup shares, and within a uniform branch
layout(local_size_x = 128) in;
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint results[]; };
shared uint row[128];

void main()
{
    uint i = gl_LocalInvocationIndex, rounds = 3 + gl_WorkGroupID.x % 5;

    row[i] = data[gl_GlobalInvocationID.x];
    barrier();
    for (uint k = 0; k < rounds; k++) {
        uint next = row[(i + 1) % 128];

        barrier();
        if ((row[i] & 1) != 0) {
            row[i] = row[i] * 5 + next;
        } else {
            row[i] = row[i] / 2 ^ next;
        }
        barrier();
        if (k % 2 == 1) {
            uint far = row[127 - i];

            barrier();
            row[i] += far;
            barrier();
        }
    }
    results[gl_GlobalInvocationID.x] = row[i];
}
