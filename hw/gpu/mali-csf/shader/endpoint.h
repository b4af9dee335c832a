/*
 * Mali CSF GPU: shader cores as an endpoint
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_SHADER_ENDPOINT_H
#define HW_GPU_MALI_CSF_SHADER_ENDPOINT_H

#include "../endpoint/endpoint.h"

/*
 * Executes RUN_COMPUTE and RUN_COMPUTE_INDIRECT, in threads or, with none of
 * them, in the main loop.  All other work is the null endpoint's.
 */
extern const MaliCsfEndpointOps mali_csf_shader_endpoint;

#endif /* HW_GPU_MALI_CSF_SHADER_ENDPOINT_H */
