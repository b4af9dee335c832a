/*
 * Mali CSF GPU: protected regions of streams
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CS_PROTM_H
#define HW_GPU_MALI_CSF_CS_PROTM_H

typedef struct MaliCsfState MaliCsfState;
typedef struct MaliCsfStream MaliCsfStream;

/* May the stream run in the mode that the GPU is in? */
bool mali_csf_protm_may_run(MaliCsfState *s, const MaliCsfStream *stream);

/*
 * No stream runs from now on, until the mode changes or this is taken back.
 * True if no work is in flight, either; else the firmware is notified when that
 * is so.
 */
bool mali_csf_protm_quiet(MaliCsfState *s, bool quiet);

/* The GPU enters or leaves protected mode for streams. */
void mali_csf_protm_set_mode(MaliCsfState *s, bool is_protected);

/* A stream that waits for protected mode may go on in it. */
void mali_csf_protm_grant(MaliCsfStream *stream);

/*
 * Streams that are in their protected region, or at it with leave to enter,
 * wait in front of the instruction that they are at, and the host is told.
 */
void mali_csf_protm_ask_again(MaliCsfState *s);

/* Does a stream use protected mode? */
bool mali_csf_protm_in_use(MaliCsfState *s);

/* Is no work in flight?  If some is, the firmware is notified of its end. */
bool mali_csf_protm_drained(MaliCsfState *s);

/* Has a stream met something that the driver has to do something about? */
bool mali_csf_protm_has_news(MaliCsfState *s);

/* Has the stream come to the end of its protected region? */
bool mali_csf_protm_region_over(const MaliCsfStream *stream);
void mali_csf_protm_leave_region(MaliCsfStream *stream);

#endif /* HW_GPU_MALI_CSF_CS_PROTM_H */
