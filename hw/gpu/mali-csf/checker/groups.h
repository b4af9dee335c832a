/*
 * Mali CSF GPU: the checker on groups, and on protected mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_GPU_MALI_CSF_CHECKER_GROUPS_H
#define HW_GPU_MALI_CSF_CHECKER_GROUPS_H

#include "findings.h"
#include "../models.h"

typedef struct MaliCsfState MaliCsfState;

/* What a slot's input block had at the last EP_CFG */
typedef struct MaliCsfEndpointsCheck {
    uint32_t ep_req;
    uint64_t ep_req2;
} MaliCsfEndpointsCheck;

typedef struct MaliCsfGroupsCheck {
    MaliCsfEndpointsCheck endpoints[MALI_CSF_MAX_CSG];
} MaliCsfGroupsCheck;

/* What happens; see checker.h */

/*
 * EP_CFG of the group on slot @csg, in address space @as, by an interface of
 * version 4.0 or later
 */
void mali_csf_check_endpoints(MaliCsfState *s, unsigned csg, unsigned as,
                              uint32_t ep_req, uint64_t ep_req2);
/*
 * PROTM_ENTER, for @granted streams of @waiting that wait for it;
 * @section_open: the first page of the firmware's section for that mode, in
 * address space 0, that is no protected memory where there is such memory, or
 * UINT64_MAX
 */
void mali_csf_check_protm_enter(MaliCsfState *s, unsigned granted,
                                unsigned waiting, uint64_t section_open);
/*
 * A stream of the group on slot @csg, in address space @as, gets leave to run
 * the region at @va; @suspend_buf: the group's, for protected content;
 * @buffer_open: like @section_open, of that buffer
 */
void mali_csf_check_protm_group(MaliCsfState *s, unsigned csg, unsigned as,
                                uint64_t va, uint64_t suspend_buf,
                                uint64_t buffer_open);

/* For the checker's other files */

/*
 * A finding about protected mode.  The driver has asked for the mode, whatever
 * commands it has lost; only of a GPU that does not leave it a finding is a
 * note.
 */
void mali_csf_report_protm(MaliCsfState *s, const MaliCsfFinding *f);

void mali_csf_groups_forget(MaliCsfState *s);

#endif /* HW_GPU_MALI_CSF_CHECKER_GROUPS_H */
