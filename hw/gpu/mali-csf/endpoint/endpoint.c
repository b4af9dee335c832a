/*
 * Mali CSF GPU: the null endpoint
 *
 * Not modelled: shader cores, tiler, fragment front end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"
#include "endpoint.h"

void mali_csf_endpoint_start(MaliCsfState *s, const MaliCsfWork *work)
{
    uint64_t latency = MIN(s->engine.endpoint_latency_ns,
                           MALI_CSF_LATENCY_MAX_NS);

    if (!latency) {
        mali_csf_engine_work_done(s, work->csg, work->cs, work->scoreboard);
        return;
    }
    mali_csf_engine_work_until(s, work->csg, work->cs, work->scoreboard,
                               qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                               latency);
}
