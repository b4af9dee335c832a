// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Every atomic operation on 32 bits, in the buffer and in shared memory
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) buffer Out { uint all[16]; uint own[]; };
shared uint mine[4];

void main()
{
    uint i = gl_GlobalInvocationID.x, number = data[i], old = own[4 * i + 3];

    if (gl_LocalInvocationIndex < 4) {
        mine[gl_LocalInvocationIndex] = 0;
    }
    barrier();
    atomicAdd(all[0], number);
    atomicMin(all[1], number);
    atomicMax(all[2], number);
    atomicAnd(all[3], number | 0xff0000ffu);
    atomicOr(all[4], number & 0x0ff00ff0u);
    atomicXor(all[5], number);
    atomicAdd(all[6], 1);
    atomicAdd(all[7], 0xffffffffu);
    // Each place of it has one invocation: what comes back is known.
    own[4 * i] = atomicExchange(own[4 * i + 1], number);
    own[4 * i + 2] = atomicCompSwap(own[4 * i + 3], i % 2 == 0 ? old : ~old, number);
    // An order that nobody knows, and a sum that all do
    atomicAdd(all[8], atomicAdd(all[9], 1));
    for (uint seen = all[10], before; ; seen = before) {
        before = atomicCompSwap(all[10], seen, seen + (number & 15));
        if (before == seen) {
            break;
        }
    }
    atomicAdd(mine[0], number);
    atomicMax(mine[1], number);
    atomicXor(mine[2], number);
    atomicAdd(mine[3], 1);
    barrier();
    if (gl_LocalInvocationIndex == 0) {
        atomicAdd(all[11], mine[0]);
        atomicMax(all[12], mine[1]);
        atomicXor(all[13], mine[2]);
        atomicAdd(all[14], mine[3]);
    }
}
