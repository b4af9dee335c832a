// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Iterations until a point leaves the circle: neighbours leave the loop at different times
layout(local_size_x = 16, local_size_y = 16) in;
layout(push_constant) uniform Push { uint width; uint most; };
layout(set = 0, binding = 0) writeonly buffer Out { uint counts[]; };

void main()
{
    uvec2 at = gl_GlobalInvocationID.xy;
    precise vec2 c = vec2(at) * (3.0 / float(width)) - vec2(2.25, 1.5);
    precise vec2 z = vec2(0.0);
    uint count = 0;

    while (count < most) {
        precise float x = fma(z.x, z.x, c.x) - z.y * z.y;
        precise float y = fma(2.0 * z.x, z.y, c.y);

        z = vec2(x, y);
        if (fma(x, x, y * y) > 4.0) {
            break;
        }
        count++;
    }
    counts[at.y * width + at.x] = count;
}
