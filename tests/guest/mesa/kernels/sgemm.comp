// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// C = A * B of n x n matrices, through tiles in shared memory
layout(local_size_x = 16, local_size_y = 16) in;
layout(push_constant) uniform Push { uint n; };
layout(set = 0, binding = 0) readonly buffer A { float a[]; };
layout(set = 0, binding = 1) readonly buffer B { float b[]; };
layout(set = 0, binding = 2) writeonly buffer C { float c[]; };
shared float tile_a[16][16];
shared float tile_b[16][16];

void main()
{
    uvec2 local = gl_LocalInvocationID.xy, at = gl_GlobalInvocationID.xy;
    float sum = 0.0;

    for (uint t = 0; t < n; t += 16) {
        tile_a[local.y][local.x] = a[at.y * n + t + local.x];
        tile_b[local.y][local.x] = b[(t + local.y) * n + at.x];
        barrier();
        for (uint k = 0; k < 16; k++) {
            sum = fma(tile_a[local.y][k], tile_b[k][local.x], sum);
        }
        barrier();
    }
    c[at.y * n + at.x] = sum;
}
