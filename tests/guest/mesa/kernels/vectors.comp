// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Loads and stores of one to four words, at every alignment
struct Odd { vec3 a; float b; vec2 c; };
layout(local_size_x = 64) in;
layout(set = 0, binding = 0, std430) readonly buffer In { Odd data[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Out { Odd results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    Odd it = data[i];

    results[i].a = it.a.zxy;
    results[i].b = it.c.y;
    results[i].c = vec2(it.b, it.a.y);
}
