// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Exclusive prefix sums of all counts, by one workgroup
layout(local_size_x = 256) in;
layout(push_constant) uniform Push { uint n; uint shift; uint blocks; };
layout(set = 0, binding = 2) buffer Counts { uint counts[]; };
shared uint row[256];

void main()
{
    uint i = gl_LocalInvocationIndex, all = 16 * blocks;
    uint each = (all + 255) / 256, first = i * each, last = min(first + each, all);
    uint sum = 0;

    for (uint at = first; at < last; at++) {
        sum += counts[at];
    }
    row[i] = sum;
    for (uint distance = 1; distance < 256; distance *= 2) {
        uint before;

        barrier();
        before = i >= distance ? row[i - distance] : 0;
        barrier();
        row[i] += before;
    }
    sum = row[i] - sum;
    for (uint at = first; at < last; at++) {
        uint count = counts[at];

        counts[at] = sum;
        sum += count;
    }
}
