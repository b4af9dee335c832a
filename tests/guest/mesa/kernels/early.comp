// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Invocations that return early, at different times
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) buffer Out { uint results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x, number = data[i];

    if (number % 5 == 0) {
        return;
    }
    results[2 * i] = number / 5;
    for (uint k = 0; k < 20; k++) {
        if (number % 7 == k) {
            return;
        }
        number = number / 3 + k;
    }
    results[2 * i + 1] = number;
}
