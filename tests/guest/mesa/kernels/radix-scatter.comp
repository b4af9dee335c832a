// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Each key to its place, in the order of the keys with the same digit
layout(local_size_x = 256) in;
layout(push_constant) uniform Push { uint n; uint shift; uint blocks; uint flip; };
layout(set = 0, binding = 0) buffer Keys { uint keys[]; };
layout(set = 0, binding = 1) buffer Sorted { uint sorted[]; };
layout(set = 0, binding = 2) readonly buffer Counts { uint counts[]; };
shared uint masks[16][8];

void main()
{
    uint i = gl_LocalInvocationIndex, at = gl_GlobalInvocationID.x;
    uint key = at < n ? (flip == 0 ? keys[at] : sorted[at]) : 0;
    uint digit = (key >> shift) & 15, rank = 0;

    if (i < 128) {
        masks[i / 8][i % 8] = 0;
    }
    barrier();
    if (at < n) {
        atomicOr(masks[digit][i / 32], 1u << (i % 32));
    }
    barrier();
    for (uint word = 0; word < i / 32; word++) {
        rank += bitCount(masks[digit][word]);
    }
    rank += bitCount(masks[digit][i / 32] & ((1u << (i % 32)) - 1));
    if (at < n) {
        uint place = counts[digit * blocks + gl_WorkGroupID.x] + rank;

        if (flip == 0) {
            sorted[place] = key;
        } else {
            keys[place] = key;
        }
    }
}
