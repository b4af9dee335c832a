/*
 * Mali CSF GPU: the human monitor's commands for injections
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-mali-csf.h"
#include "qapi/qapi-visit-mali-csf.h"
#include "qapi/qobject-input-visitor.h"
#include "qemu/keyval.h"
#include "qobject/qdict.h"
#include "../device.h"

/* The path that was given, or that of the only device; the caller frees it */
static char *path_of(const char *given, Error **errp)
{
    g_autoptr(GPtrArray) paths = mali_csf_find_all();

    if (given) {
        return g_strdup(given);
    }
    if (paths->len != 1) {
        error_setg(errp, paths->len ? "there are several " TYPE_MALI_CSF
                   " devices: say path=" : "there is no " TYPE_MALI_CSF);
        return NULL;
    }
    return g_strdup(g_ptr_array_index(paths, 0));
}

/* The same, as the member "path" of @args */
static bool provide_path(QDict *args, Error **errp)
{
    g_autofree char *path = path_of(qdict_get_try_str(args, "path"), errp);

    if (path) {
        qdict_put_str(args, "path", path);
    }
    return path;
}

/* The visitor would only say that a member is unexpected. */
static bool check_members(MaliCsfInjectionKind kind, const QDict *args,
                          Error **errp)
{
    MaliCsfState *s = mali_csf_find(qdict_get_str(args, "path"), errp);
    const QDictEntry *e;

    if (!s) {
        return false;
    }
    for (e = qdict_first(args); e; e = qdict_next(args, e)) {
        if (!g_str_equal(qdict_entry_key(e), "path") &&
            !mali_csf_inject_takes(s, kind, qdict_entry_key(e), errp)) {
            return false;
        }
    }
    return true;
}

static MaliCsfInjectionInfo *inject(const char *kind, const char *filter,
                                    Error **errp)
{
    ERRP_GUARD();
    g_autoptr(MaliCsfInjectionRequest) request = NULL;
    g_autofree char *names = NULL;
    int number = qapi_enum_parse(&MaliCsfInjectionKind_lookup, kind, -1, NULL);
    QDict *args;
    Visitor *v;

    if (number < 0) {
        g_autoptr(GString) known = g_string_new(NULL);

        for (int i = 0; i < MALI_CSF_INJECTION_KIND__MAX; i++) {
            g_string_append_printf(known, "%s%s", i ? ", " : "",
                                   MaliCsfInjectionKind_str(i));
        }
        error_setg(errp, "unknown kind '%s'", kind);
        error_append_hint(errp, "Valid kinds: %s\n", known->str);
        return NULL;
    }
    args = keyval_parse(filter ?: "", NULL, NULL, errp);
    if (!args) {
        return NULL;
    }
    if (provide_path(args, errp) && check_members(number, args, errp)) {
        qdict_put_str(args, "kind", kind);
        v = qobject_input_visitor_new_keyval(QOBJECT(args));
        visit_type_MaliCsfInjectionRequest(v, NULL, &request, errp);
        visit_free(v);
    }
    qobject_unref(args);
    return request ? qmp_mali_csf_inject(request, errp) : NULL;
}

void hmp_mali_csf_inject(Monitor *mon, const QDict *qdict)
{
    g_autoptr(MaliCsfInjectionInfo) info = NULL;
    Error *err = NULL;

    info = inject(qdict_get_str(qdict, "kind"),
                  qdict_get_try_str(qdict, "filter"), &err);
    if (info) {
        monitor_printf(mon, "injection %" PRIu32 "\n", info->id);
    }
    hmp_handle_error(mon, err);
}

void hmp_mali_csf_inject_clear(Monitor *mon, const QDict *qdict)
{
    int64_t id = qdict_get_try_int(qdict, "id", -1);
    g_autofree char *path = NULL;
    Error *err = NULL;

    path = path_of(qdict_get_try_str(qdict, "path"), &err);
    if (path && id > UINT32_MAX) {
        error_setg(&err, "%" PRId64 " is not the number of an injection", id);
    } else if (path) {
        qmp_mali_csf_inject_clear(path, id >= 0, id, &err);
    }
    hmp_handle_error(mon, err);
}
