// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Specialisation constants, one of them the size of the workgroup
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint factor = 1;
layout(constant_id = 2) const bool squares = false;
layout(constant_id = 3) const float offset = 0.0;
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x, number = data[i] & 0xfff;

    number = squares ? number * number : number;
    results[2 * i] = number * factor + gl_WorkGroupSize.x;
    results[2 * i + 1] = floatBitsToUint(float(number) + offset);
}
