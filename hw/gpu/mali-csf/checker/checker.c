/*
 * Mali CSF GPU: the checker, which names the driver's mistakes
 *
 * What stock kernels do is not wrong: panthor of Linux 6.12, 7.2 and 7.3
 * decides where it and the checker disagree.  Not seen: what no device can see
 * (docs/devel/checker.rst).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../device.h"

void mali_csf_checker_forget(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        mali_csf_tables_forget(s, as);
        mali_csf_commands_forget(s, as);
    }
    mali_csf_power_forget(s);
    mali_csf_patience_forget(s);
    mali_csf_sleep_over(s);
    mali_csf_groups_forget(s);
    mali_csf_user_forget(s);
    timer_del(s->checker.timer);
}

void mali_csf_checker_init(MaliCsfState *s)
{
    mali_csf_findings_init(&s->checker.findings, s->trace_id);
    s->checker.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL,
                                    mali_csf_commands_timer, s);
    mali_csf_patience_init(s);
    mali_csf_checker_forget(s);
}

void mali_csf_checker_finalize(MaliCsfState *s)
{
    for (unsigned as = 0; as < MALI_CSF_MAX_AS; as++) {
        mali_csf_tables_finalize(s, as);
    }
    mali_csf_user_forget(s);
    timer_free(s->checker.timer);
    mali_csf_patience_finalize(s);
    mali_csf_findings_finalize(&s->checker.findings);
}
