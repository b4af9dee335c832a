// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// A small triangle for each three vertices, all over the target

void main()
{
    uint triangle = gl_VertexIndex / 3, corner = gl_VertexIndex % 3;
    vec2 place = vec2(triangle % 64, triangle / 64 % 64) / 32 - 1;

    gl_Position = vec4(place + vec2(corner & 1, corner >> 1) / 32, 0, 1);
}
