// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// More than there are registers: an array with changing indices, and 96 numbers that all live
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x, sum = 0;
    uint row[128];
    uint many[96];

    for (uint k = 0; k < 128; k++) {
        row[k] = data[(i + k * 3) & 1023];
    }
    for (uint k = 0; k < 128; k++) {
        uint other = row[k] & 127;

        row[other] += row[k] ^ k;
    }
#define EACH(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)
#define LOAD(k) many[8 * k] = row[8 * k] * 3; many[8 * k + 1] = row[8 * k + 1] ^ i; \
    many[8 * k + 2] = row[8 * k + 2] + i; many[8 * k + 3] = ~row[8 * k + 3]; \
    many[8 * k + 4] = row[8 * k + 4] >> 3; many[8 * k + 5] = row[8 * k + 5] * i; \
    many[8 * k + 6] = row[8 * k + 6] | i; many[8 * k + 7] = row[8 * k + 7] - i;
#define USE(k) sum = sum * 31 + (many[8 * k] ^ many[95 - 8 * k]); \
    sum = sum * 31 + (many[8 * k + 1] ^ many[94 - 8 * k]); \
    sum = sum * 31 + (many[8 * k + 2] ^ many[93 - 8 * k]); \
    sum = sum * 31 + (many[8 * k + 3] ^ many[92 - 8 * k]); \
    sum = sum * 31 + (many[8 * k + 4] ^ many[91 - 8 * k]); \
    sum = sum * 31 + (many[8 * k + 5] ^ many[90 - 8 * k]); \
    sum = sum * 31 + (many[8 * k + 6] ^ many[89 - 8 * k]); \
    sum = sum * 31 + (many[8 * k + 7] ^ many[88 - 8 * k]);
    EACH(LOAD)
    EACH(USE)
    results[i] = sum;
}
