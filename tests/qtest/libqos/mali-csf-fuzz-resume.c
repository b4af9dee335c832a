/*
 * Fuzz target for the Arm Mali CSF GPU: RESUME from a buffer with bits flipped
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "mali-csf-fuzz-bed.h"

void fuzz_run_resume(QMaliCsf *gpu, const uint8_t *data, size_t size)
{
    FuzzInput input = { data, size };
    unsigned flags = fuzz_take(&input, 1);
    QMaliCsfGroup *group;
    g_autofree uint8_t *saved = NULL;
    FuzzBed bed;

    fuzz_bed_init(&bed, gpu);
    fuzz_bed_boot(&bed);
    fuzz_bed_busy(&bed);
    group = &bed.group[flags & FLAG_TWO_QUEUES ? 1 : 0];
    mali_csf_group_suspend(group);

    saved = g_malloc(group->suspend.size);
    qtest_memread(gpu->qts, group->suspend.pa, saved, group->suspend.size);
    if (flags & FLAG_REPLACE) {
        memset(saved, 0, group->suspend.size);
    }
    while (input.size) {
        /* An edit: where, how many bytes, what they are XORed with */
        unsigned at = fuzz_take(&input, 2) % group->suspend.size;
        unsigned count = fuzz_take(&input, 1) % 8 + 1;

        for (; count && at < group->suspend.size; count--, at++) {
            saved[at] ^= fuzz_take(&input, 1);
        }
    }
    qtest_memwrite(gpu->qts, group->suspend.pa, saved, group->suspend.size);

    fuzz_request(group, CSG_STATE_RESUME, flags & FLAG_IN_RING ? 3 : 0);
    fuzz_bed_run(&bed, 100 * MALI_CSF_US);
    fuzz_ack_queues(group);
    fuzz_retry_faults(&bed);
    fuzz_bed_run(&bed, 100 * MALI_CSF_US);
    mali_csf_ack_events(gpu);
    if (flags & FLAG_SUSPEND) {
        fuzz_request(group, CSG_STATE_SUSPEND, 0);
        fuzz_bed_run(&bed, 20 * MALI_CSF_US);
        fuzz_request(group, CSG_STATE_RESUME, 2);
        fuzz_bed_run(&bed, 100 * MALI_CSF_US);
    }
    fuzz_request(group, flags & FLAG_TERMINATE ? CSG_STATE_TERMINATE
                 : CSG_STATE_SUSPEND, 0);
    fuzz_bed_run(&bed, 20 * MALI_CSF_US);
}

/*
 * Of a suspend buffer, words that are changed: the header and the state of the
 * first stream, then as many behind its registers and frames (cs/saved.c)
 */
#define SUSPEND_WORDS   64
#define SUSPEND_BEHIND  0x3e0

static unsigned suspend_offset(unsigned word)
{
    return word < SUSPEND_WORDS / 2 ? word * 4 :
           SUSPEND_BEHIND + (word - SUSPEND_WORDS / 2) * 4;
}

GByteArray *fuzz_seed_resume(unsigned n)
{
    /* Nothing; then of a word a bit, the lowest byte, all */
    static const uint8_t flags[] = {
        0, FLAG_SUSPEND, FLAG_TWO_QUEUES | FLAG_SUSPEND,
        FLAG_IN_RING | FLAG_TERMINATE,
    };
    const uint32_t changes[] = { n & 1 ? 1 : 1 << n % 31, 0x80, UINT32_MAX };
    GByteArray *a;

    if (n >= ARRAY_SIZE(changes) * SUSPEND_WORDS) {
        return NULL;
    }
    a = g_byte_array_new();
    fuzz_put(a, 1, flags[n % ARRAY_SIZE(flags)]);
    if (n >= ARRAY_SIZE(flags)) {
        fuzz_put(a, 2, suspend_offset(n % SUSPEND_WORDS));
        fuzz_put(a, 1, 3);
        fuzz_put(a, 4, changes[n / SUSPEND_WORDS]);
    }
    return a;
}
