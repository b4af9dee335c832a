/*
 * Mali CSF GPU: lines of QEMU's log that a guest brings about
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "log.h"

/* Lines that were left out since the last one that was told, before this one */
static uint64_t left_out(uint64_t times)
{
    return times / 2 < MALI_CSF_LOG_FIRST ? times - 1 - MALI_CSF_LOG_FIRST
                                          : times / 2 - 1;
}

void mali_csf_log_times(uint64_t times, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    if (times > MALI_CSF_LOG_FIRST && !is_power_of_2(times)) {
        return;
    }
    va_start(arguments, fmt);
    text = g_strdup_vprintf(fmt, arguments);
    va_end(arguments);
    if (times > MALI_CSF_LOG_FIRST) {
        qemu_log("%s (%" PRIu64 " more were left out)\n", g_strchomp(text),
                 left_out(times));
    } else {
        qemu_log("%s", text);
    }
}
