#version 450
// Never ends: nobody writes a 1 there.  For disturb, which has the driver end it.
layout(local_size_x = 64) in;
layout(binding = 0) volatile buffer Words { uint words[]; };

void main()
{
    while (words[0] != 1) {
        words[1 + gl_LocalInvocationIndex] += 2;
    }
}
