/*
 * Mali CSF GPU: times and orders that a seed chooses
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "perturb.h"
#include "saved.h"
#include "trace.h"

/* The shortest time by which something is late, if it is */
#define SHORTEST_NS 256
/* A bound beyond this counts as this. */
#define LONGEST_NS  (3600 * NANOSECONDS_PER_SECOND)

#define KIND_NAME(_id, _text, ...)  [MALI_CSF_PERTURB_##_id] = _text,

static const char *const kind_names[] = {
    MALI_CSF_PERTURB_KINDS(KIND_NAME)
};

/* SplitMix64 of Steele, Lea and Flood */
static uint64_t draw(uint64_t *random)
{
    uint64_t z = *random += 0x9e3779b97f4a7c15ull;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static uint64_t draw_below(uint64_t *random, uint64_t n)
{
    uint64_t low, high;

    mulu64(&low, &high, draw(random), n);
    return high;
}

/*
 * The logarithm is distributed evenly: by how much something has to be late
 * for a race to be lost differs by orders of magnitude.
 */
static uint64_t draw_ns(uint64_t *random, uint64_t bound)
{
    unsigned low = 63 - clz64(SHORTEST_NS);
    unsigned high = 63 - clz64(MAX(bound, SHORTEST_NS));
    uint64_t base = 1ull << (low + draw_below(random, high - low + 1));

    return MIN(base + draw_below(random, base), bound);
}

uint64_t mali_csf_perturb_ns(MaliCsfPerturb *perturb, MaliCsfPerturbKind kind)
{
    uint64_t *random = &perturb->random[kind];
    uint64_t ns;

    if (!mali_csf_perturbs(perturb, kind) || draw(random) & 1) {
        return 0;
    }
    ns = draw_ns(random, MIN(perturb->bound[kind], LONGEST_NS));
    trace_mali_csf_perturb(perturb->trace_id, kind_names[kind], ns);
    return ns;
}

unsigned mali_csf_perturb_turn(MaliCsfPerturb *perturb, unsigned count)
{
    return draw_below(&perturb->random[MALI_CSF_PERTURB_TURNS], count);
}

void mali_csf_perturb_init(MaliCsfPerturb *perturb, const char *trace_id)
{
    perturb->trace_id = trace_id;
}

void mali_csf_perturb_reset(MaliCsfPerturb *perturb)
{
    uint64_t random = perturb->seed;

    for (unsigned i = 0; i < MALI_CSF_NUM_PERTURB_KINDS; i++) {
        perturb->random[i] = draw(&random);
    }
}

#define PERTURB_ROWS(ROW) \
    ROW(VMSTATE_UINT64_ARRAY(random, MaliCsfPerturb, \
                             MALI_CSF_NUM_PERTURB_KINDS), SAVED_ANY)

const MaliCsfSaved mali_csf_perturb_saved = {
    .vmsd = {
        .name = "mali-csf-perturb",
        .version_id = 1,
        .minimum_version_id = 1,
        .fields = SAVED_FIELDS(PERTURB_ROWS),
    },
    SAVED_CHECKS(PERTURB_ROWS),
};
