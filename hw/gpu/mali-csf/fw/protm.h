/*
 * Mali CSF GPU: protected mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_FW_PROTM_H
#define HW_GPU_MALI_CSF_FW_PROTM_H

typedef struct MaliCsfState MaliCsfState;

/* Is the GPU in protected mode, for a stream or by GPU_COMMAND? */
bool mali_csf_protm_active(MaliCsfState *s);

void mali_csf_protm_init(MaliCsfState *s);

/* The request PROTM_ENTER: its acknowledgement need not wait for the mode */
void mali_csf_protm_enter(MaliCsfState *s);

/* A request that ends it: what is not done asks for it again */
void mali_csf_protm_force_exit(MaliCsfState *s);

/*
 * Before a firmware pass: with protected memory, none is possible while the
 * mode lasts.  True if it does, and no request of the driver's ends it.
 */
bool mali_csf_protm_goes_on(MaliCsfState *s);

/*
 * The end of each firmware pass: enter protected mode if it is time; leave
 * it, and tell the host, if no stream is in a protected region any more, or it
 * was forced.
 */
void mali_csf_protm_poll(MaliCsfState *s);

#endif /* HW_GPU_MALI_CSF_FW_PROTM_H */
