/*
 * Mali CSF GPU: the checker's rules about groups, and about protected mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"

/*
 * From interface 4.0 on, EP_REQ2 says what EP_REQ did, which nobody reads any
 * more.  A driver that changes both, or neither, has done what it could.
 */
void mali_csf_check_endpoints(MaliCsfState *s, unsigned csg, unsigned as,
                              uint32_t ep_req, uint64_t ep_req2)
{
    MaliCsfEndpointsCheck *last = &s->checker.groups.endpoints[csg];

    if (ep_req != last->ep_req && ep_req2 == last->ep_req2) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_ENDPOINTS_NOT_READ,
            .as = as,
            .expected = ep_req2,
            .seen = ep_req,
        });
    }
    *last = (MaliCsfEndpointsCheck) { ep_req, ep_req2 };
}

/* A command that was lost explains it: the driver has given up the region. */
static void check_regions(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        const MaliCsfAddressSpace *space = &s->mmu.as[as];

        if (space->locked) {
            mali_csf_report(s, &(MaliCsfFinding) {
                .id = MALI_CSF_PROTM_WHILE_LOCKED,
                .as = as,
                .start = space->lock_start,
                .last = space->lock_last,
            });
        }
    }
}

void mali_csf_check_protm_enter(MaliCsfState *s, unsigned granted,
                                unsigned waiting, uint64_t section_open)
{
    if (granted) {
        check_regions(s);
    }
    if (section_open != UINT64_MAX) {
        mali_csf_report_protm(s, &(MaliCsfFinding) {
            .id = MALI_CSF_PROTM_SECTION_OPEN,
            .as = FW_AS,
            .start = section_open,
            .last = section_open,
        });
    }
    if (!granted) {
        mali_csf_report(s, &(MaliCsfFinding) {
            .id = MALI_CSF_NOTE_PROTM_FOR_NOBODY,
            .seen = waiting,
        });
    }
}

void mali_csf_check_protm_group(MaliCsfState *s, unsigned csg, unsigned as,
                                uint64_t va, uint64_t suspend_buf,
                                uint64_t buffer_open)
{
    if (!suspend_buf) {
        mali_csf_report_protm(s, &(MaliCsfFinding) {
            .id = MALI_CSF_PROTM_WITHOUT_BUFFER,
            .as = as,
            .start = va,
            .last = va,
            .seen = csg,
        });
    } else if (buffer_open != UINT64_MAX) {
        mali_csf_report_protm(s, &(MaliCsfFinding) {
            .id = MALI_CSF_PROTM_BUFFER_OPEN,
            .as = FW_AS,
            .start = buffer_open,
            .last = buffer_open,
            .seen = csg,
        });
    }
}

void mali_csf_report_protm(MaliCsfState *s, const MaliCsfFinding *f)
{
    if (s->mcu.fw.protm_leave != MALI_CSF_PROTM_NOT_OVER) {
        mali_csf_report_as(s, MALI_CSF_NOTE_LOST, f);
    } else {
        mali_csf_findings_add(&s->checker.findings, f);
    }
}

void mali_csf_groups_forget(MaliCsfState *s)
{
    s->checker.groups = (MaliCsfGroupsCheck) { };
}
