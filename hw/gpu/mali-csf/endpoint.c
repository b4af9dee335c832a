/*
 * Mali CSF GPU: the null endpoint
 *
 * Not modelled: shader cores, tiler, fragment front end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "device.h"
#include "endpoint.h"

void mali_csf_endpoint_start(MaliCsfState *s, const MaliCsfWork *work)
{
    mali_csf_engine_work_done(s, work->csg, work->cs, work->scoreboard);
}
