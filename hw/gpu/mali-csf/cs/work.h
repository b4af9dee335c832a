/*
 * Mali CSF GPU: work that streams give to endpoints
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_WORK_H
#define HW_GPU_MALI_CSF_CS_WORK_H

#include "../endpoint/endpoint.h"

/* Count @work, and have the endpoint begin it; the scoreboard counts it yet */
void mali_csf_work_start(MaliCsfState *s, const MaliCsfWork *work);

#endif /* HW_GPU_MALI_CSF_CS_WORK_H */
