/*
 * Mali CSF GPU: whose turn it is in a slice
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "../device.h"
#include "turns.h"

static unsigned rank(const MaliCsfGroup *group, unsigned priority)
{
    return CSG_EP_REQ_PRIORITY(group->ep_req) * MALI_CSF_PRIORITIES + priority;
}

void mali_csf_turns_set_priority(MaliCsfTurns *turns, unsigned csg,
                                 unsigned cs, uint8_t priority)
{
    turns->by_priority[csg][priority % MALI_CSF_PRIORITIES] |= 1u << cs;
}

void mali_csf_turns_set(MaliCsfTurns *turns, unsigned csg, unsigned cs,
                        bool ready, bool sync_wait)
{
    turns->ready[csg] = deposit32(turns->ready[csg], cs, 1, ready);
    turns->sync_waits[csg] = deposit32(turns->sync_waits[csg], cs, 1,
                                       sync_wait);
}

/* Those of the group that are ready and have the highest priority of these */
static uint32_t first_of_group(const MaliCsfTurns *turns, unsigned csg,
                               unsigned *priority)
{
    unsigned i = MALI_CSF_PRIORITIES;

    while (turns->ready[csg] && i--) {
        uint32_t found = turns->ready[csg] & turns->by_priority[csg][i];

        if (found) {
            *priority = i;
            return found;
        }
    }
    return 0;
}

/* Any of those that are ready and have that rank, of which there are some */
static unsigned any_of_rank(MaliCsfState *s, const MaliCsfTurns *turns,
                            int wanted)
{
    uint32_t equals[MALI_CSF_MAX_CSG] = { };
    unsigned count = 0, csg, n;

    for (csg = 0; csg < s->model->csg_slots; csg++) {
        unsigned priority;
        uint32_t found = first_of_group(turns, csg, &priority);

        if (found && rank(&s->engine.groups[csg], priority) == wanted) {
            equals[csg] = found;
            count += ctpop32(found);
        }
    }
    n = mali_csf_perturb_turn(&s->perturb, count);
    for (csg = 0; n >= ctpop32(equals[csg]); csg++) {
        n -= ctpop32(equals[csg]);
    }
    while (n--) {
        equals[csg] &= equals[csg] - 1;
    }
    return csg * s->model->cs_per_csg + ctz32(equals[csg]);
}

int mali_csf_turns_next(MaliCsfState *s, const MaliCsfTurns *turns,
                        unsigned next)
{
    const unsigned per_slot = s->model->cs_per_csg;
    const unsigned all = s->model->csg_slots * per_slot;
    unsigned best_distance = 0;
    int best_rank = -1;
    int best = -1;

    for (unsigned csg = 0; csg < s->model->csg_slots; csg++) {
        const unsigned base = csg * per_slot;
        unsigned priority, distance;
        uint32_t found = first_of_group(turns, csg, &priority);
        uint32_t behind = found;
        int r;

        if (!found) {
            continue;
        }
        r = rank(&s->engine.groups[csg], priority);
        /* Those from @next on come before those in front of it. */
        if (next > base) {
            behind = next - base < per_slot ?
                     found & (UINT32_MAX << (next - base)) : 0;
        }
        distance = behind ? base + ctz32(behind) - next
                          : base + ctz32(found) + all - next;
        if (r > best_rank || (r == best_rank && distance < best_distance)) {
            best_rank = r;
            best_distance = distance;
            best = (next + distance) % all;
        }
    }
    if (best >= 0 && mali_csf_perturbs(&s->perturb, MALI_CSF_PERTURB_TURNS)) {
        return any_of_rank(s, turns, best_rank);
    }
    return best;
}
