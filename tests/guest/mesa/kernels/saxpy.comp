// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// y = a * x + y
layout(local_size_x = 256) in;
layout(push_constant) uniform Push { uint n; float a; };
layout(set = 0, binding = 0) readonly buffer X { float x[]; };
layout(set = 0, binding = 1) buffer Y { float y[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;

    if (i < n) {
        y[i] = fma(a, x[i], y[i]);
    }
}
