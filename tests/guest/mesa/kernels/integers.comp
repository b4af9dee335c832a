// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Integers: division, bit fields, products of 64 bits, counting
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x, a = data[2 * i], b = data[2 * i + 1], low, high, carry;
    int s = int(a), t = int(b), low_s, high_s;
    int at = int(b & 15), bits = int((b >> 4) & 15) + 1;

    results[24 * i] = a / (b | 1);
    results[24 * i + 1] = a % (b >> 12 | 1);
    results[24 * i + 2] = uint(s / ((t >> 8) | 1));
    results[24 * i + 3] = uint(abs(s >> 1) % (abs(t >> 9) | 1));
    umulExtended(a, b, high, low);
    results[24 * i + 4] = high;
    results[24 * i + 5] = low;
    imulExtended(s, t, high_s, low_s);
    results[24 * i + 6] = uint(high_s);
    low = uaddCarry(a, b, carry);
    results[24 * i + 7] = low ^ carry;
    low = usubBorrow(a, b, carry);
    results[24 * i + 8] = low + carry;
    results[24 * i + 9] = bitfieldExtract(a, at, bits);
    results[24 * i + 10] = uint(bitfieldExtract(s, at, bits));
    results[24 * i + 11] = bitfieldInsert(a, b, at, bits);
    results[24 * i + 12] = bitfieldReverse(a);
    results[24 * i + 13] = uint(bitCount(a));
    results[24 * i + 14] = uint(findLSB(a >> (b & 31)));
    results[24 * i + 15] = uint(findMSB(a >> (b & 31)));
    results[24 * i + 16] = uint(findMSB(s >> (b & 31)));
    results[24 * i + 17] = uint(s >> (b & 31)) ^ (a << (b & 31));
    results[24 * i + 18] = uint(min(s, t)) + uint(max(s, t)) * 3;
    results[24 * i + 19] = min(a, b) * 3 + max(a, b);
    results[24 * i + 20] = (a & ~b) | (~a ^ b);
    results[24 * i + 21] = uint(sign(s)) + uint(abs(t));
    results[24 * i + 22] = clamp(a, b & 0xffffu, b | 0xffff0000u);
    results[24 * i + 23] = (s < t ? 1 : 0) | (a < b ? 2 : 0) | (s >= 0 ? 4 : 0) | (a == b ? 8 : 0);
}
