// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// The acceleration of each of n bodies: x, y, z and the mass, through shared memory
layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint n; float softening; };
layout(set = 0, binding = 0) readonly buffer In { vec4 bodies[]; };
layout(set = 0, binding = 1) writeonly buffer Out { vec4 accelerations[]; };
shared vec4 tile[64];

void main()
{
    vec3 me = bodies[gl_GlobalInvocationID.x].xyz, sum = vec3(0.0);

    for (uint first = 0; first < n; first += 64) {
        tile[gl_LocalInvocationIndex] = bodies[first + gl_LocalInvocationIndex];
        barrier();
        for (uint k = 0; k < 64; k++) {
            vec3 d = tile[k].xyz - me;
            float r = inversesqrt(dot(d, d) + softening);

            sum += d * (tile[k].w * r * r * r);
        }
        barrier();
    }
    accelerations[gl_GlobalInvocationID.x] = vec4(sum, 0.0);
}
