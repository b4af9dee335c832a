// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// A 3 x 3 convolution from image to image; beyond the edge the nearest pixel counts
layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 0, binding = 4, rgba8ui) readonly uniform uimage2D source;
layout(set = 0, binding = 5, rgba8ui) writeonly uniform uimage2D target;
const uint weights[9] = uint[](1, 2, 1, 2, 4, 2, 1, 2, 1);

void main()
{
    ivec2 at = ivec2(gl_GlobalInvocationID.xy), last = imageSize(source) - 1;
    uvec4 sum = uvec4(8);

    for (int k = 0; k < 9; k++) {
        ivec2 from = clamp(at + ivec2(k % 3, k / 3) - 1, ivec2(0), last);

        sum += imageLoad(source, from) * weights[k];
    }
    imageStore(target, at, sum / 16);
}
