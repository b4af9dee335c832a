// SPDX-License-Identifier: GPL-2.0-or-later
#version 450
// Nested loops and a switch, which neighbours go through on different ways
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint data[]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint results[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x, number = data[i], sum = 0;

    for (uint k = 0; k < number % 13; k++) {
        uint left = number % (k + 7);

        do {
            switch ((left + k) % 6) {
            case 0:
                sum += left;
                break;
            case 1:
                sum ^= number;
                // Falls through
            case 2:
                sum = sum * 3 + 1;
                break;
            case 3:
                if (sum % 2 == 0) {
                    break;
                }
                sum += 5;
                // Falls through
            default:
                sum -= k;
            }
            if (sum % 31 == 30) {
                break;
            }
        } while (left-- > 0);
        if (sum % 29 == 28) {
            continue;
        }
        sum = (sum << 5) | (sum >> 27);
    }
    results[i] = sum;
}
