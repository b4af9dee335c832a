/*
 * Mali CSF GPU: the table of command-stream instructions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_INSTRUCTIONS_H
#define HW_GPU_MALI_CSF_INSTRUCTIONS_H

#include "device.h"

/* The stream that is executing, for the length of its turn */
typedef struct MaliCsfExec {
    MaliCsfState *s;
    MaliCsfGroup *group;
    MaliCsfStream *stream;
    uint8_t csg;
    uint8_t cs;
    /* Word and address of the instruction */
    uint64_t word;
    uint64_t va;
    /* A sync object was written in this turn */
    bool sync_written;

    /* The page that instructions come from */
    const uint8_t *fetch_host;
    uint64_t fetch_va;
    uint64_t fetch_size;
} MaliCsfExec;

typedef enum MaliCsfStep {
    /* Retired: go on behind it */
    MALI_CSF_STEP_NEXT,
    /* Retired: the instruction pointer is set */
    MALI_CSF_STEP_JUMPED,
    /* Not retired, no effect: the state of the stream says why */
    MALI_CSF_STEP_BLOCKED,
} MaliCsfStep;

typedef struct MaliCsfInstruction {
    const char *name;
    MaliCsfStep (*execute)(MaliCsfExec *exec);
    /* Share of a slice that it takes; a simple one is 1 */
    uint8_t weight;
    /* Passed over between a CS_FAULT and the next ERROR_BARRIER */
    bool skipped_on_error;
} MaliCsfInstruction;

/* By opcode; execute is NULL for those that the model does not know */
extern const MaliCsfInstruction mali_csf_instructions[256];

/* Does the condition of the SYNC_WAIT that blocks the stream hold now? */
bool mali_csf_sync_wait_over(MaliCsfState *s, unsigned as,
                             const MaliCsfStream *stream);

/* Block the stream for what @result says of an access at @va */
MaliCsfStep mali_csf_access_blocked(MaliCsfExec *exec, MaliCsfMemResult result,
                                    uint64_t va, const MaliCsfFault *fault);

#endif /* HW_GPU_MALI_CSF_INSTRUCTIONS_H */
