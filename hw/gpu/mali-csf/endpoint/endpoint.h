/*
 * Mali CSF GPU: what executes RUN_COMPUTE and the other RUN instructions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_ENDPOINT_H
#define HW_GPU_MALI_CSF_ENDPOINT_H

typedef struct MaliCsfState MaliCsfState;

/* A unit of work, named by the stream that issued it */
typedef struct MaliCsfWork {
    uint8_t opcode;
    uint8_t csg;
    uint8_t cs;
    uint8_t scoreboard;
} MaliCsfWork;

/*
 * Take @work on; mali_csf_engine_work_done() is called when it is complete,
 * which may be before this returns.
 *
 * The null endpoint, the only one so far, touches no memory.  It completes
 * all work at once, or x-endpoint-latency-ns after it was given.
 */
void mali_csf_endpoint_start(MaliCsfState *s, const MaliCsfWork *work);

#endif /* HW_GPU_MALI_CSF_ENDPOINT_H */
