// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Inclusive prefix sums within each 256 numbers, in place; the sum of each goes to sums
layout(local_size_x = 256) in;
layout(push_constant) uniform Push { uint n; };
layout(set = 0, binding = 0) buffer Numbers { uint numbers[]; };
layout(set = 0, binding = 1) buffer Sums { uint sums[]; };
shared uint rows[2][256];

void main()
{
    uint i = gl_LocalInvocationIndex, at = gl_GlobalInvocationID.x, from = 0;

    rows[0][i] = at < n ? numbers[at] : 0;
    barrier();
    for (uint distance = 1; distance < 256; distance *= 2) {
        uint sum = rows[from][i];

        if (i >= distance) {
            sum += rows[from][i - distance];
        }
        rows[1 - from][i] = sum;
        from = 1 - from;
        barrier();
    }
    if (at < n) {
        numbers[at] = rows[from][i];
    }
    if (i == 255) {
        sums[gl_WorkGroupID.x] = rows[from][255];
    }
}
