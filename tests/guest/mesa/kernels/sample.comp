// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// An image, sampled at places that a buffer gives
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer Places { vec2 places[]; };
layout(set = 0, binding = 1) writeonly buffer Out { vec4 colours[]; };
layout(set = 0, binding = 6) uniform sampler2D source;

void main()
{
    uint i = gl_GlobalInvocationID.x;

    colours[i] = textureLod(source, places[i], 0.0);
}
