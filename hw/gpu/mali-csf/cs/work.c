/*
 * Mali CSF GPU: work that streams give to endpoints
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"
#include "work.h"

static void count(MaliCsfEngine *engine, const MaliCsfWork *work)
{
    uint64_t *group = engine->group_counts[work->csg];

    switch (work->opcode) {
    case CS_OP_RUN_COMPUTE:
    case CS_OP_RUN_COMPUTE_INDIRECT:
        engine->compute_works++;
        group[MALI_CSF_GROUP_COMPUTE]++;
        break;
    case CS_OP_RUN_FRAGMENT:
    case CS_OP_RUN_FRAGMENT2:
        engine->fragment_works++;
        group[MALI_CSF_GROUP_FRAGMENT]++;
        break;
    default:
        engine->tiler_works++;
        group[MALI_CSF_GROUP_TILER]++;
        break;
    }
}

void mali_csf_work_start(MaliCsfState *s, const MaliCsfWork *work)
{
    count(&s->engine, work);
    mali_csf_endpoint_start(s, work);
}
