/*
 * Mali CSF GPU: accesses to registers that the model does not have
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "log.h"
#include "unmodelled.h"

/* Counter of @offset, or NULL if there are too many offsets already */
static uint64_t *counter(MaliCsfUnmodelled *u, uint32_t offset, bool write)
{
    unsigned i;

    for (i = 0; i < u->count; i++) {
        if (u->registers[i].offset == offset) {
            break;
        }
    }
    if (i == MALI_CSF_UNMODELLED_MAX) {
        return &u->others;
    }
    if (i == u->count) {
        u->registers[i].offset = offset;
        u->count++;
    }
    return write ? &u->registers[i].writes : &u->registers[i].reads;
}

void mali_csf_unmodelled_read(MaliCsfUnmodelled *u, uint32_t offset)
{
    uint64_t times = ++*counter(u, offset, false);

    /* A rate for each of them: one that is polled does not hide another. */
    if (qemu_loglevel_mask(LOG_UNIMP)) {
        mali_csf_log_times(times, "%s: register 0x%05" PRIx32 "\n", __func__,
                           offset);
    }
}

void mali_csf_unmodelled_write(MaliCsfUnmodelled *u, uint32_t offset,
                               uint32_t value)
{
    uint64_t times = ++*counter(u, offset, true);

    if (qemu_loglevel_mask(LOG_UNIMP)) {
        mali_csf_log_times(times, "%s: register 0x%05" PRIx32 " value 0x%"
                           PRIx32 "\n", __func__, offset, value);
    }
}

static int compare_registers(const void *a, const void *b)
{
    const MaliCsfUnmodelledRegister *x = a;
    const MaliCsfUnmodelledRegister *y = b;
    uint64_t n = x->reads + x->writes;
    uint64_t m = y->reads + y->writes;

    if (n != m) {
        return n < m ? 1 : -1;
    }
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

char *mali_csf_unmodelled_list(const MaliCsfUnmodelled *u)
{
    g_autofree MaliCsfUnmodelledRegister *sorted =
        g_memdup2(u->registers, u->count * sizeof(u->registers[0]));
    GString *list = g_string_new(NULL);

    if (u->count) {
        qsort(sorted, u->count, sizeof(*sorted), compare_registers);
    }
    for (unsigned i = 0; i < u->count; i++) {
        g_string_append_printf(list, "0x%05" PRIx32 ": %" PRIu64 " reads, %"
                               PRIu64 " writes\n", sorted[i].offset,
                               sorted[i].reads, sorted[i].writes);
    }
    if (u->others) {
        g_string_append_printf(list, "others: %" PRIu64 " accesses\n",
                               u->others);
    }
    return g_string_free(list, false);
}
