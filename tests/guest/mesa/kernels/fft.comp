// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// A transform of 512 complex numbers for each workgroup: Stockham, radix 2, in shared memory.
// The roots of unity come from a table, so that they are the same everywhere.
layout(local_size_x = 256) in;
layout(set = 0, binding = 0) readonly buffer In { vec2 samples[]; };
layout(set = 0, binding = 1) readonly buffer Roots { vec2 roots[256]; };
layout(set = 0, binding = 2) writeonly buffer Out { vec2 spectrum[]; };
shared vec2 rows[2][512];

void main()
{
    uint i = gl_LocalInvocationIndex, first = gl_WorkGroupID.x * 512, from = 0;

    rows[0][i] = samples[first + i];
    rows[0][i + 256] = samples[first + i + 256];
    for (uint size = 1; size < 512; size *= 2) {
        uint k = i & (size - 1), to = 2 * i - k;
        vec2 a, b, w = roots[k * (256 / size)];

        barrier();
        a = rows[from][i];
        b = rows[from][i + 256];
        b = vec2(b.x * w.x - b.y * w.y, b.x * w.y + b.y * w.x);
        rows[1 - from][to] = a + b;
        rows[1 - from][to + size] = a - b;
        from = 1 - from;
    }
    barrier();
    spectrum[first + i] = rows[from][i];
    spectrum[first + i + 256] = rows[from][i + 256];
}
