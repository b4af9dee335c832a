// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Inclusive prefix sums of the sums of all blocks, by one workgroup
layout(local_size_x = 256) in;
layout(push_constant) uniform Push { uint n; };
layout(set = 0, binding = 1) buffer Sums { uint sums[]; };
shared uint row[256];

void main()
{
    uint i = gl_LocalInvocationIndex, carry = 0, blocks = (n + 255) / 256;

    for (uint first = 0; first < blocks; first += 256) {
        uint at = first + i;

        row[i] = at < blocks ? sums[at] : 0;
        for (uint distance = 1; distance < 256; distance *= 2) {
            uint sum;

            barrier();
            sum = i >= distance ? row[i - distance] : 0;
            barrier();
            row[i] += sum;
        }
        barrier();
        if (at < blocks) {
            sums[at] = row[i] + carry;
        }
        carry += row[255];
        barrier();
    }
}
