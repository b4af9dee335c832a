// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Texels of an image without a filter: into a buffer, with what textureSize() says
layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 0, binding = 1) writeonly buffer Out { vec4 colours[]; };
layout(set = 0, binding = 6) uniform sampler2D source;

void main()
{
    ivec2 at = ivec2(gl_GlobalInvocationID.xy), size = textureSize(source, 0);

    colours[at.y * size.x + at.x] = texelFetch(source, at, 0);
}
