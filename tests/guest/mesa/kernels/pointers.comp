// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// A list in a buffer, followed by its device address
#extension GL_EXT_buffer_reference : require
layout(buffer_reference) buffer Node;
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Node {
    Node next;
    uint number;
    uint unused;
};
layout(local_size_x = 64) in;
layout(push_constant) uniform Push { Node first; uint steps; };
layout(set = 0, binding = 1) writeonly buffer Out { uint results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x, sum = 0;
    Node node = first;

    for (uint k = 0; k < steps + i % 8; k++) {
        sum = sum * 3 + node.number;
        node = node.next;
    }
    results[i] = sum;
}
