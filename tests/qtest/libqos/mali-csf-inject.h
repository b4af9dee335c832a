/*
 * Shared by the qtests of injections of the Arm Mali CSF GPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_MALI_CSF_INJECT_H
#define LIBQOS_MALI_CSF_INJECT_H

#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "mali-csf.h"

#define LONG_ENOUGH     (10 * MALI_CSF_MS)
/* Of an injection that is late */
#define DELAY           (5 * MALI_CSF_MS)
#define GPU_CLEAR       (A_GPU_INT + MALI_CSF_INT_CLEAR)
#define GPU_MASK        (A_GPU_INT + MALI_CSF_INT_MASK)
#define MMU_RAWSTAT     (MALI_CSF_MMU_BASE + MALI_CSF_INT_RAWSTAT)

#define GPU_RESET       (GPU_COMMAND_RESET | \
                         GPU_RESET_SOFT << R_GPU_COMMAND_PAYLOAD_SHIFT)

#define DATA_VA         0x40000000ull

/* The commands */

static inline QDict * G_GNUC_PRINTF(3, 0) inject_qmp(QMaliCsf *gpu,
                                                     const char *path,
                                                     const char *fmt,
                                                     va_list *ap)
{
    QDict *args = qobject_to(QDict, qobject_from_vjsonf_nofail(fmt, *ap));

    qdict_put_str(args, "path", path);
    return qtest_qmp(gpu->qts, "{'execute': 'mali-csf-inject', 'arguments':"
                     " %p}", args);
}

/* Arm it; returns its number */
static inline int64_t G_GNUC_PRINTF(2, 3) arm(QMaliCsf *gpu, const char *fmt,
                                              ...)
{
    va_list ap;
    QDict *rsp;
    int64_t id;

    va_start(ap, fmt);
    rsp = inject_qmp(gpu, MALI_CSF_QOM_PATH, fmt, &ap);
    va_end(ap);
    if (!qdict_haskey(rsp, "return")) {
        g_test_message("%s", qdict_get_str(qdict_get_qdict(rsp, "error"),
                                           "desc"));
    }
    id = qdict_get_int(qdict_get_qdict(rsp, "return"), "id");
    qobject_unref(rsp);
    return id;
}

/* It is refused, and says so with these words */
static inline void G_GNUC_PRINTF(4, 5) refuse(QMaliCsf *gpu, const char *path,
                                              const char *words,
                                              const char *fmt, ...)
{
    const char *desc;
    va_list ap;
    QDict *rsp;

    va_start(ap, fmt);
    rsp = inject_qmp(gpu, path, fmt, &ap);
    va_end(ap);
    g_assert(qdict_haskey(rsp, "error"));
    desc = qdict_get_str(qdict_get_qdict(rsp, "error"), "desc");
    if (!strstr(desc, words)) {
        g_test_message("\"%s\" without \"%s\"", desc, words);
        g_test_fail();
    }
    qobject_unref(rsp);
}

/* How often an injection was met; -1 if there is none of that number */
static inline int64_t met(QMaliCsf *gpu, int64_t id)
{
    QDict *rsp = qtest_qmp(gpu->qts, "{'execute':"
                           " 'x-query-mali-csf-injections', 'arguments':"
                           " {'path': %s}}", MALI_CSF_QOM_PATH);
    const QListEntry *e;
    int64_t n = -1;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), e) {
        QDict *info = qobject_to(QDict, qlist_entry_obj(e));

        if (qdict_get_int(info, "id") == id) {
            n = qdict_get_int(info, "met");
        }
    }
    qobject_unref(rsp);
    return n;
}

static inline void clear(QMaliCsf *gpu)
{
    qtest_qmp_assert_success(gpu->qts, "{'execute': 'mali-csf-inject-clear',"
                             " 'arguments': {'path': %s}}",
                             MALI_CSF_QOM_PATH);
}

static inline void glb_toggle(QMaliCsf *gpu, uint32_t mask)
{
    mali_csf_toggle(gpu, gpu->glb_in + GLB_REQ, gpu->glb_out + GLB_ACK, mask);
    mali_csf_doorbell(gpu, 0);
    mali_csf_run(gpu, MALI_CSF_MS);
}

/* A request of the group in slot 0, and no wait for the acknowledgement */
static inline uint32_t csg_request(QMaliCsfBench *b, int request)
{
    QMaliCsf *gpu = &b->gpu;
    uint64_t req = gpu->csg_in[0] + CSG_REQ;

    switch (request) {
    case CSG_STATUS_UPDATE:
    case CSG_EP_CFG:
        mali_csf_toggle(gpu, req, gpu->csg_out[0] + CSG_ACK, request);
        mali_csf_csg_ring(gpu, 0);
        break;
    default:
        if (request == CSG_STATE_START || request == CSG_STATE_RESUME) {
            mali_csf_group_program(&b->group, 0);
        }
        mali_csf_update(gpu, req, request, CSG_STATE_MASK);
        mali_csf_csg_ring(gpu, 0);
        request = CSG_STATE_MASK;
    }
    mali_csf_run(gpu, MALI_CSF_MS);
    return request;
}

/* The state, for people */

/* The state says so, in both monitors */
static inline void G_GNUC_PRINTF(2, 3) see(QMaliCsf *gpu, const char *fmt, ...)
{
    g_autofree char *hmp = qtest_hmp(gpu->qts, "info mali-csf");
    g_auto(GStrv) lines = g_strsplit(hmp, "\r", -1);
    g_autofree char *plain = g_strjoinv("", lines);
    g_autofree char *text = mali_csf_query(gpu);
    g_autofree char *words = NULL;
    va_list ap;

    va_start(ap, fmt);
    words = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (!strstr(text, words)) {
        g_test_message("no \"%s\" in", words);
        g_test_message("%s", text);
        g_test_fail();
    }
    g_assert_nonnull(strstr(plain, words));
}

#endif /* LIBQOS_MALI_CSF_INJECT_H */
