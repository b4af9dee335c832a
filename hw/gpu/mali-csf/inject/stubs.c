/*
 * Mali CSF GPU: the monitor's commands in a QEMU without the device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-mali-csf.h"

static void no_device(Error **errp)
{
    error_setg(errp, "this QEMU has no mali-csf");
}

MaliCsfInjectionInfo *qmp_mali_csf_inject(MaliCsfInjectionRequest *r,
                                          Error **errp)
{
    no_device(errp);
    return NULL;
}

void qmp_mali_csf_inject_clear(const char *path, bool has_id, uint32_t id,
                               Error **errp)
{
    no_device(errp);
}

MaliCsfInjectionInfoList *qmp_x_query_mali_csf_injections(const char *path,
                                                          Error **errp)
{
    no_device(errp);
    return NULL;
}

HumanReadableText *qmp_x_query_mali_csf(const char *path, Error **errp)
{
    no_device(errp);
    return NULL;
}

void hmp_info_mali_csf(Monitor *mon, const QDict *qdict)
{
    monitor_printf(mon, "There is no mali-csf: this QEMU does not know it.\n");
}

void hmp_mali_csf_inject(Monitor *mon, const QDict *qdict)
{
    monitor_printf(mon, "Error: this QEMU has no mali-csf\n");
}

void hmp_mali_csf_inject_clear(Monitor *mon, const QDict *qdict)
{
    monitor_printf(mon, "Error: this QEMU has no mali-csf\n");
}
